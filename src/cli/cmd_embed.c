/* electra embed: a vector for each line. */
#include "answering.h"
#include "commands.h"

#include <string.h>

typedef struct embed_values {
    cli_answer_values answer;
    int pooling;
    bool normalize;
    const char *output;
} embed_values;

static const cli_option OPTIONS[] = {
    CLI_MODEL_OPTION("a model's directory, of any kind"),
    {"pooling", 0, CLI_CHOICE, offsetof(embed_values, pooling), "KIND", .choices = "mean|cls",
     .help = "the mean over all tokens, [CLS] and [SEP] included, or the vector of [CLS]"},
    {"normalize", 0, CLI_FLAG, offsetof(embed_values, normalize), .help = "make every vector's length 1"},
    {"output", 'o', CLI_STRING, offsetof(embed_values, output), "FILE",
     .help = "write all vectors as one array of numpy, float32 [lines, width], instead of JSON lines"},
    CLI_FORMAT_OPTION(
        "of the input: a line a text, columns between tabs (tsv) or commas (csv), or JSON objects with \"text\""),
    CLI_TEXT_COLUMN_OPTION,
    CLI_SEPARATOR_OPTION,
    CLI_MAX_LENGTH_OPTION("tokens that are looked at together; 0: as many as the model can. Longer texts are taken in "
                          "windows end to end, and their vectors averaged"),
    CLI_TRUNCATE_OPTION,
    CLI_END};

typedef struct job {
    cli_answering a;
    const char *output;
    electra_embed_options options;
    electra_vectors_file *file; /* NULL: JSON lines */
    electra_embedding found[CLI_BATCH_LINES];
} job;

static void print_json(FILE *out, const electra_embedding *found)
{
    for (size_t i = 0; i < found->width; i++) {
        fputc(i ? ',' : '[', out);
        cli_print_score(out, found->values[i]);
    }
    fputs("]\n", out);
}

static electra_status check(cli_answering *a, cli_shape *shape, electra_error *err)
{
    (void)shape;
    job *j = (job *)a;
    return j->output ? electra_vectors_create(&j->file, j->output, electra_model_describe(a->model).hidden_size, err)
                     : ELECTRA_OK;
}

static electra_status answer(cli_answering *a, const cli_batch *batch, electra_error *err)
{
    job *j = (job *)a;
    electra_status status = electra_session_embed(a->session, batch->texts, batch->n, &j->options, j->found, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        if (j->file) {
            status = electra_vectors_add(j->file, j->found[i].values, j->found[i].rows, err);
        } else {
            print_json(a->out, &j->found[i]);
        }
    }
    return status;
}

static electra_status finish(job *j, const cli_common *common, electra_error *err)
{
    electra_vectors_file *file = j->file;
    j->file = NULL;
    const electra_status status = electra_vectors_finish(file, err);
    if (status == ELECTRA_OK && common->runtime.log) {
        char line[400];
        snprintf(line, sizeof line, "%zu vector%s written to %.300s", j->a.n_texts, j->a.n_texts == 1 ? "" : "s",
                 j->output);
        common->runtime.log(common->runtime.log_user, ELECTRA_LOG_INFO, line);
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    static const cli_answerer EMBED = {"embedding", check, answer};
    const embed_values *v = values;
    job j = {.output = v->output, .options = electra_embed_options_default()};
    j.options.pooling = (electra_pooling)v->pooling;
    j.options.normalize = v->normalize;
    electra_status status = cli_answer(&EMBED, common, &v->answer, arguments, &j.a, err);
    if (status == ELECTRA_OK && j.file) {
        status = finish(&j, common, err);
    }
    electra_vectors_abandon(j.file);
    return status;
}

const cli_command cli_embed = {
    .name = "embed",
    .summary = "texts as vectors",
    .arguments = "[FILE...]",
    .help =
        "Prints for each line of the input the model's last hidden states as one vector, a JSON list of numbers; with "
        "--output all vectors go into one file that numpy.load reads.\n\n"
        "A model that was not trained to compare texts makes poor vectors for it: the raw states of a pre-trained "
        "ELECTRA say little about which texts are alike.",
    .examples = "echo 'the cat sat on the mat' | electra embed --model run/discriminator\n"
                "electra embed --model encoder --normalize --output vectors.npy texts.txt\n",
    .options = OPTIONS,
    .values_size = sizeof(embed_values),
    .run = run,
};
