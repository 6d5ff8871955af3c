/* electra fill: what could stand at each [MASK], by a generator. */
#include "answering.h"
#include "commands.h"

#include <stdlib.h>
#include <string.h>

typedef struct fill_values {
    cli_answer_values answer;
    long top_k;
    cli_list targets;
} fill_values;

static const cli_option OPTIONS[] = {
    CLI_MODEL_OPTION("a generator's directory, such as OUTPUT/generator of electra pretrain"),
    {"top-k", 'k', CLI_INTEGER, offsetof(fill_values, top_k), "N", .least = 1, .most = 1e9,
     .help = "candidates for each [MASK]"},
    {"targets", 0, CLI_LIST, offsetof(fill_values, targets), "WORD",
     .help = "the only candidates (their probabilities are still those among the whole vocabulary)"},
    CLI_FORMAT_OPTION(
        "of the input: a line a text, columns between tabs (tsv) or commas (csv), or JSON objects with \"text\""),
    CLI_TEXT_COLUMN_OPTION,
    CLI_SEPARATOR_OPTION,
    CLI_MAX_LENGTH_OPTION(
        "tokens that are looked at together; 0: as many as the model can. In a longer text each [MASK] "
        "is seen with what stands around it"),
    CLI_TRUNCATE_OPTION,
    CLI_END};

static void set_defaults(void *values)
{
    fill_values *v = values;
    v->top_k = 5;
}

typedef struct job {
    cli_answering a;
    const cli_list *targets;
    electra_fill_options options;
    uint32_t *target_ids; /* [options.n_targets] */
    electra_filling fillings[CLI_BATCH_LINES];
} job;

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static electra_status print_candidate(const job *j, const electra_filling *f, size_t blank, size_t candidate,
                                      electra_error *err)
{
    FILE *out = j->a.out;
    const electra_candidate *c = &f->blanks[blank].candidates[candidate];
    char *sequence = NULL;
    char *word = NULL;
    electra_status status = electra_session_filled_text(j->a.session, f, blank, candidate, &sequence, err);
    if (status == ELECTRA_OK) {
        status = electra_tokenizer_decode(electra_model_tokenizer(j->a.model), &c->id, 1, false, &word, NULL, err);
    }
    if (status == ELECTRA_OK) {
        cli_print_score_member(out, "{", "score", c->score);
        fprintf(out, ",\"token\":%u", (unsigned)c->id);
        cli_print_text_member(out, ",", "token_str", (electra_text){word, strlen(word)});
        cli_print_text_member(out, ",", "sequence", (electra_text){sequence, strlen(sequence)});
        fputc('}', out);
    }
    electra_text_free(sequence);
    electra_text_free(word);
    return status;
}

/* A list of candidates, or with several masks a list of such lists. */
static electra_status print_json(const job *j, const electra_filling *f, electra_error *err)
{
    FILE *out = j->a.out;
    electra_status status = ELECTRA_OK;
    fputs(f->n > 1 ? "[" : "", out);
    for (size_t b = 0; b < f->n && status == ELECTRA_OK; b++) {
        fputs(b ? ",[" : "[", out);
        for (size_t c = 0; c < f->blanks[b].n && status == ELECTRA_OK; c++) {
            fputs(c ? "," : "", out);
            status = print_candidate(j, f, b, c, err);
        }
        fputc(']', out);
    }
    fputs(f->n > 1 ? "]\n" : "\n", out);
    return status;
}

/* ---- for people ----------------------------------------------------------------------------------------------- */

/* The text as it is, and below it one line a mask. */
static electra_status print_lines(const job *j, const electra_text *text, const electra_filling *f)
{
    FILE *out = j->a.out;
    const bool color = j->a.color;
    fwrite(text->text, 1, text->bytes, out);
    fputc('\n', out);
    for (size_t b = 0; b < f->n; b++) {
        fprintf(out, "  %s[MASK]%s", color ? "\033[1m" : "", color ? "\033[0m" : "");
        for (size_t c = 0; c < f->blanks[b].n; c++) {
            const electra_candidate *candidate = &f->blanks[b].candidates[c];
            fprintf(out, "%s %s%s%s %.1f %%", c ? "," : "", color ? "\033[32m" : "", candidate->token,
                    color ? "\033[0m" : "", 100 * (double)candidate->score);
        }
        fputc('\n', out);
    }
    return ELECTRA_OK;
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

/* The ids of --targets, each once; words that the vocabulary lacks are replaced by their first piece, with a warning.
 */
static electra_status find_targets(job *j, electra_error *err)
{
    const electra_runtime *runtime = &j->a.common->runtime;
    const electra_tokenizer *tokenizer = electra_model_tokenizer(j->a.model);
    j->target_ids = calloc(j->targets->n, sizeof *j->target_ids);
    if (!j->target_ids) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu targets", j->targets->n);
    }
    for (size_t i = 0; i < j->targets->n; i++) {
        uint32_t id;
        bool whole;
        const electra_status status = electra_session_target(j->a.session, j->targets->items[i], &id, &whole, err);
        if (status != ELECTRA_OK) {
            return status;
        }
        if (id == ELECTRA_NO_TOKEN) {
            return cli_fail(err, ELECTRA_MISUSE, "--targets", "'%s' is no word", j->targets->items[i]);
        }
        if (!whole && runtime->log) {
            char line[300];
            snprintf(line, sizeof line, "the vocabulary has no '%.100s'; its first piece '%.100s' stands for it",
                     j->targets->items[i], electra_tokenizer_token(tokenizer, id));
            runtime->log(runtime->log_user, ELECTRA_LOG_WARNING, line);
        }
        size_t k = 0;
        while (k < j->options.n_targets && j->target_ids[k] != id) {
            k++;
        }
        j->target_ids[k] = id;
        j->options.n_targets += k == j->options.n_targets;
    }
    j->options.targets = j->target_ids;
    return ELECTRA_OK;
}

static electra_status check(cli_answering *a, cli_shape *shape, electra_error *err)
{
    (void)shape;
    job *j = (job *)a;
    const electra_status status = electra_session_fill(a->session, NULL, 0, &j->options, NULL, err);
    return status == ELECTRA_OK && j->targets->n ? find_targets(j, err) : status;
}

static electra_status answer(cli_answering *a, const cli_batch *batch, electra_error *err)
{
    job *j = (job *)a;
    electra_status status = electra_session_fill(a->session, batch->texts, batch->n, &j->options, j->fillings, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        if (j->fillings[i].n == 0) {
            status = cli_fail(err, ELECTRA_INVALID, NULL,
                              "the text holds no [MASK]; put one where a word is to be found (in capitals, with the "
                              "brackets)");
        }
    }
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        const electra_filling *f = &j->fillings[i];
        status = a->as_json ? print_json(j, f, err) : print_lines(j, &batch->texts[i], f);
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    static const cli_answerer FILL = {"filling", check, answer};
    const fill_values *v = values;
    job j = {.targets = &v->targets, .options = electra_fill_options_default()};
    j.options.top_k = (size_t)v->top_k;
    const electra_status status = cli_answer(&FILL, common, &v->answer, arguments, &j.a, err);
    free(j.target_ids);
    return status;
}

const cli_command cli_fill = {
    .name = "fill",
    .summary = "which words could stand at [MASK]",
    .arguments = "[FILE...]",
    .help =
        "Asks a generator for the likeliest tokens at every [MASK] of every line; several masks of a line are filled "
        "each on its own. On a terminal the candidates stand below each line; elsewhere, and with --json, each line "
        "gives one JSON list, best first (with several masks a list of such lists):\n"
        "  [{\"score\":0.42,\"token\":1037,\"token_str\":\"sat\",\"sequence\":\"the cat sat down\"},..]",
    .examples = "echo 'the cat [MASK] on the mat' | electra fill --model run/generator\n"
                "electra fill --model run/generator --top-k 10 --json texts.txt\n"
                "echo 'the [MASK] sat' | electra fill --model run/generator --targets cat dog\n",
    .options = OPTIONS,
    .values_size = sizeof(fill_values),
    .set_defaults = set_defaults,
    .run = run,
};
