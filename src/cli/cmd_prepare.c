/* electra prepare: text to shards of examples. */
#include "commands.h"
#include "describe_data.h"

#include <stdlib.h>
#include <string.h>

typedef struct prepare_values {
    cli_list inputs;
    const char *vocabulary, *output;
    long max_length;
    int documents, compat;
    double heldout;
    bool cased, keep_accents, overwrite;
} prepare_values;

enum { COMPAT_NONE, COMPAT_GOOGLE };

static const cli_option OPTIONS[] = {
    {"input", 'i', CLI_LIST, offsetof(prepare_values, inputs), "PATH", .required = true,
     .help = "files, or folders that are searched for *.txt, *.jsonl and *.tar, compressed or not"},
    {"vocab", 0, CLI_STRING, offsetof(prepare_values, vocabulary), "FILE", .required = true,
     .help = "the vocabulary, a token a line (electra vocab makes one)"},
    {"output", 'o', CLI_STRING, offsetof(prepare_values, output), "DIR", .required = true,
     .help = "the folder to make"},
    {"max-length", 0, CLI_INTEGER, offsetof(prepare_values, max_length), "N", .least = ELECTRA_SHORTEST_MAX_LENGTH,
     .most = ELECTRA_LONGEST_MAX_LENGTH, .help = "tokens of an example, [CLS] and [SEP] included"},
    {"documents", 0, CLI_CHOICE, offsetof(prepare_values, documents), "HOW", .choices = "blank|file|line",
     .help = "what ends a document besides the end of its file"},
    {"heldout", 0, CLI_REAL, offsetof(prepare_values, heldout), "SHARE", .least = 0, .most = 0.5,
     .help = "share of the documents kept away from training, for evaluation"},
    {"cased", 0, CLI_FLAG, offsetof(prepare_values, cased), .help = "keep capitals"},
    {"keep-accents", 0, CLI_FLAG, offsetof(prepare_values, keep_accents), .help = "keep accents (as --cased does)"},
    {"compat", 0, CLI_CHOICE, offsetof(prepare_values, compat), "WHOSE", .choices = "none|google",
     .help = "google: examples as the published system makes them, which throws text away"},
    {"overwrite", 0, CLI_FLAG, offsetof(prepare_values, overwrite),
     .help = "replace a data folder that is there; anything else is never touched"},
    CLI_END};

static void set_defaults(void *values)
{
    const electra_prepare_options defaults = electra_prepare_options_default();
    prepare_values *v = values;
    v->max_length = (long)defaults.max_length;
    v->documents = (int)defaults.documents;
    v->heldout = defaults.heldout;
}

/* The summary goes where the words go, line by line. */
static void log_summary(const cli_common *common, const electra_data_summary *summary)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *lines = open_memstream(&text, &bytes);
    if (!lines || !common->runtime.log) {
        return;
    }
    describe_data_words(lines, summary);
    if (fclose(lines) == 0) {
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            common->runtime.log(common->runtime.log_user, ELECTRA_LOG_INFO, line);
        }
    }
    free(text);
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const prepare_values *v = values;
    (void)arguments;
    electra_prepare_options options = electra_prepare_options_default();
    options.inputs = v->inputs.items;
    options.n_inputs = v->inputs.n;
    options.vocabulary = v->vocabulary;
    options.output = v->output;
    options.max_length = (size_t)v->max_length;
    options.documents = (electra_documents)v->documents;
    options.heldout = v->heldout;
    options.cased = v->cased;
    options.keep_accents = v->keep_accents;
    options.compat_google = v->compat == COMPAT_GOOGLE;
    options.overwrite = v->overwrite;
    options.seed = common->seed;
    options.runtime = common->runtime;
    electra_data_summary summary;
    const electra_status status = electra_prepare(&options, &summary, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    log_summary(common, &summary);
    if (common->json) {
        fputs("{\"output\":", common->out);
        cli_print_json_string(common->out, v->output, strlen(v->output));
        fputc(',', common->out);
        describe_data_members(common->out, &summary);
        fputs("}\n", common->out);
    } else {
        fprintf(common->out, "%s\n", v->output);
    }
    return ELECTRA_OK;
}

const cli_command cli_prepare = {
    .name = "prepare",
    .summary = "text to shards of examples for pre-training",
    .help =
        "Cuts text into examples of token ids and writes them into a folder that electra pretrain reads: checksummed "
        "shards, manifest.json, and a copy of the vocabulary.\n\n"
        "Text is UTF-8, a sentence or paragraph a line. Documents end at blank lines (--documents blank), with the "
        "file (file) or with the line (line); each object {\"text\": ..} of a .jsonl file is one document. Files may "
        "be compressed with gzip, xz, zstd or bzip2, and lie in tar archives. An example never spans two documents; "
        "what does not fit into one goes on in the next, so no text is lost.\n\n"
        "A share of the documents, drawn by --seed, is held out for evaluation. The result does not depend on "
        "--threads, and memory stays below 512 MB whatever the size of the text. Prints the folder's path.",
    .examples = "electra prepare --input texts --vocab vocab.txt --output data\n"
                "electra prepare --input wiki.jsonl.zst news.tgz --vocab vocab.txt --output data --max-length 512\n",
    .options = OPTIONS,
    .values_size = sizeof(prepare_values),
    .set_defaults = set_defaults,
    .run = run,
};
