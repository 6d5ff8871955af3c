/* electra vocab: text to a WordPiece vocabulary. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

typedef struct vocab_values {
    cli_list inputs;
    const char *output;
    long size, min_frequency, limit_alphabet;
    bool cased, keep_accents;
} vocab_values;

static const cli_option OPTIONS[] = {
    {"input", 'i', CLI_LIST, offsetof(vocab_values, inputs), "PATH", .required = true,
     .help = "files, or folders that are searched for *.txt, *.jsonl and *.tar, compressed or not"},
    {"output", 'o', CLI_STRING, offsetof(vocab_values, output), "FILE", .help = "the vocabulary, a token a line"},
    {"size", 0, CLI_INTEGER, offsetof(vocab_values, size), "N", .least = 1, .most = 10e6, .help = "tokens to learn"},
    {"cased", 0, CLI_FLAG, offsetof(vocab_values, cased), .help = "keep capitals, and accents with them"},
    {"keep-accents", 0, CLI_FLAG, offsetof(vocab_values, keep_accents), .help = "keep accents (as --cased does)"},
    {"min-frequency", 0, CLI_INTEGER, offsetof(vocab_values, min_frequency), "N", .least = 1, .most = 1e9,
     .help = "how often two pieces must stand side by side to become one token"},
    {"limit-alphabet", 0, CLI_INTEGER, offsetof(vocab_values, limit_alphabet), "N", .least = 1, .most = 2e6,
     .help = "characters to keep, the commonest ones"},
    CLI_END};

static void set_defaults(void *values)
{
    const electra_vocab_options defaults = electra_vocab_options_default();
    vocab_values *v = values;
    v->output = "vocab.txt";
    v->size = (long)defaults.size;
    v->min_frequency = (long)defaults.min_frequency;
    v->limit_alphabet = (long)defaults.limit_alphabet;
}

/* ---- feeding --------------------------------------------------------------------------------------------------- */

/* Lines of the corpus collected until there is work for all threads. */
typedef struct batch {
    char *text;
    size_t n, capacity;
} batch;

enum { BATCH_BYTES = 4 << 20 };

static electra_status flush(batch *b, electra_vocab_trainer *trainer, electra_error *err)
{
    const electra_status status = electra_vocab_trainer_add(trainer, b->text, b->n, err);
    b->n = 0;
    return status;
}

static electra_status add_line(batch *b, electra_vocab_trainer *trainer, const electra_line *line, electra_error *err)
{
    if (b->n > 0 && b->n + line->bytes + 1 > BATCH_BYTES) {
        const electra_status status = flush(b, trainer, err);
        if (status != ELECTRA_OK) {
            return status;
        }
    }
    if (b->n + line->bytes + 1 > b->capacity) {
        const size_t more = b->n + line->bytes + 1 > BATCH_BYTES ? b->n + line->bytes + 1 : BATCH_BYTES;
        char *grown = realloc(b->text, more);
        if (!grown) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu bytes of text", more);
        }
        b->text = grown;
        b->capacity = more;
    }
    memcpy(b->text + b->n, line->text, line->bytes);
    b->n += line->bytes;
    b->text[b->n++] = '\n';
    return ELECTRA_OK;
}

/* true if the user asked to stop. */
static bool report(const electra_runtime *runtime, const electra_corpus *corpus)
{
    uint64_t done, total;
    electra_corpus_position(corpus, &done, &total);
    const electra_progress progress = {
        .stage = "counting words", .unit = "bytes", .done = (double)done, .total = (double)total};
    return runtime->progress && runtime->progress(runtime->progress_user, &progress);
}

static electra_status feed(electra_vocab_trainer *trainer, electra_corpus *corpus, const electra_runtime *runtime,
                           electra_error *err)
{
    batch b = {0};
    electra_line line = {0};
    electra_status status = ELECTRA_OK;
    for (uint64_t n = 0; status == ELECTRA_OK; n++) {
        status = electra_corpus_next(corpus, &line, err);
        if (status != ELECTRA_OK || !line.text) {
            break;
        }
        status = add_line(&b, trainer, &line, err);
        if (status == ELECTRA_OK && n % 4096 == 0 && report(runtime, corpus)) {
            status = cli_fail(err, ELECTRA_INTERRUPTED, NULL, "interrupted; no vocabulary was written");
        }
    }
    if (status == ELECTRA_OK && b.n > 0) {
        status = flush(&b, trainer, err);
    }
    free(b.text);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void print_answer(const cli_common *common, const char *path, const electra_vocab_trainer *trainer)
{
    if (!common->json) {
        fprintf(common->out, "%s\n", path);
        return;
    }
    uint64_t words, distinct;
    electra_vocab_trainer_counts(trainer, &words, &distinct);
    fputs("{\"output\":", common->out);
    cli_print_json_string(common->out, path, strlen(path));
    fprintf(common->out, ",\"tokens\":%zu,\"words\":%llu,\"distinct_words\":%llu}\n",
            electra_vocab_trainer_size(trainer), (unsigned long long)words, (unsigned long long)distinct);
}

static void log_result(const cli_common *common, const vocab_values *v, const electra_vocab_trainer *trainer)
{
    uint64_t words, distinct;
    char line[200];
    electra_vocab_trainer_counts(trainer, &words, &distinct);
    const size_t n = electra_vocab_trainer_size(trainer);
    snprintf(line, sizeof line, "%zu tokens learned from %llu words, %llu of them distinct%s", n,
             (unsigned long long)words, (unsigned long long)distinct,
             n < (size_t)v->size ? "; the text has no more that is frequent enough" : "");
    if (common->runtime.log) {
        common->runtime.log(common->runtime.log_user, ELECTRA_LOG_INFO, line);
    }
}

static electra_status train(const cli_common *common, const vocab_values *v, electra_corpus *corpus,
                            electra_vocab_trainer *trainer, electra_error *err)
{
    electra_status status = feed(trainer, corpus, &common->runtime, err);
    if (status == ELECTRA_OK) {
        status = electra_vocab_trainer_train(trainer, err);
    }
    if (status == ELECTRA_OK) {
        status = electra_vocab_trainer_save(trainer, v->output, err);
    }
    if (status == ELECTRA_OK) {
        log_result(common, v, trainer);
        print_answer(common, v->output, trainer);
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const vocab_values *v = values;
    (void)arguments;
    electra_vocab_options options = electra_vocab_options_default();
    options.size = (size_t)v->size;
    options.min_frequency = (size_t)v->min_frequency;
    options.limit_alphabet = (size_t)v->limit_alphabet;
    options.lowercase = !v->cased;
    options.strip_accents = v->keep_accents ? ELECTRA_ACCENTS_KEEP : ELECTRA_ACCENTS_AUTO;
    options.runtime = common->runtime;
    electra_corpus *corpus = NULL;
    electra_vocab_trainer *trainer = NULL;
    electra_status status = electra_corpus_open(&corpus, v->inputs.items, v->inputs.n, NULL, err);
    if (status == ELECTRA_OK) {
        status = electra_vocab_trainer_create(&trainer, &options, err);
    }
    if (status == ELECTRA_OK) {
        status = train(common, v, corpus, trainer, err);
    }
    electra_vocab_trainer_free(trainer);
    electra_corpus_free(corpus);
    return status;
}

const cli_command cli_vocab = {
    .name = "vocab",
    .summary = "train a WordPiece vocabulary",
    .help =
        "Learns a WordPiece vocabulary from text: the five special tokens, the alphabet, then ever longer pieces of "
        "words, the commonest first. The same text gives the same vocabulary, whatever the number of threads and "
        "the order of the files.\n\n"
        "Use the same --cased and --keep-accents wherever the vocabulary is used. Text is read as electra prepare "
        "reads it. Prints the path of the vocabulary.",
    .examples = "electra vocab --input texts --output vocab.txt --size 8000\n"
                "electra vocab --input wiki.jsonl.zst news.tar.gz --output vocab.txt --cased\n",
    .options = OPTIONS,
    .values_size = sizeof(vocab_values),
    .set_defaults = set_defaults,
    .run = run,
};
