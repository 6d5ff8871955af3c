/* electra tokenize: lines of text to lines of token ids.
 *
 * Input is read in blocks of whole lines. Each block is cut among the threads, which write what they have to say into
 * memory; then it is printed in order. */
#include "blocks.h"
#include "commands.h"
#include "records.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

typedef struct tokenize_values {
    const char *vocabulary, *model;
    bool cased, keep_accents, ids, tokens, no_special;
    int compat, specials, format, truncation;
    const char *text_column, *pair_column;
    long max_length, stride;
} tokenize_values;

enum { NO_STRIDE = -1, COMPAT_NONE = 0, COMPAT_GOOGLE };

static const cli_option OPTIONS[] = {
    {"vocab", 0, CLI_STRING, offsetof(tokenize_values, vocabulary), "FILE", .help = "the vocabulary, a token a line"},
    {"model", 0, CLI_STRING, offsetof(tokenize_values, model), "DIR",
     .help = "a model directory: its vocabulary and its casing"},
    {"cased", 0, CLI_FLAG, offsetof(tokenize_values, cased), .help = "keep capitals, and accents with them"},
    {"keep-accents", 0, CLI_FLAG, offsetof(tokenize_values, keep_accents), .help = "keep accents (as --cased does)"},
    {"ids", 0, CLI_FLAG, offsetof(tokenize_values, ids), .help = "print ids; this is the default"},
    {"tokens", 0, CLI_FLAG, offsetof(tokenize_values, tokens), .help = "print tokens instead of ids"},
    {"no-special", 0, CLI_FLAG, offsetof(tokenize_values, no_special), .help = "leave [CLS] and [SEP] out"},
    {"specials", 0, CLI_CHOICE, offsetof(tokenize_values, specials), .choices = "none|mask|all",
     .help = "special tokens that are recognised when they stand in the text"},
    {"format", 0, CLI_CHOICE, offsetof(tokenize_values, format), .choices = CLI_LINE_FORMAT_CHOICES,
     .help = "what a line of input is"},
    {"text-column", 0, CLI_STRING, offsetof(tokenize_values, text_column), "COLUMN",
     .help = "of tsv: its number from 1 (default: 1), or its name in the first line; of jsonl the name of a member"},
    {"pair-column", 0, CLI_STRING, offsetof(tokenize_values, pair_column), "COLUMN",
     .help = "the second text of a pair, likewise (default: none; of jsonl text_pair)"},
    {"max-length", 0, CLI_INTEGER, offsetof(tokenize_values, max_length), "N", .least = 0, .most = 1e9,
     .help = "most tokens of a line, [CLS] and [SEP] included (default: no limit)"},
    {"truncation", 0, CLI_CHOICE, offsetof(tokenize_values, truncation),
     .choices = "longest_first|only_first|only_second", .help = "which text of a pair is cut"},
    {"stride", 0, CLI_INTEGER, offsetof(tokenize_values, stride), "N", .least = NO_STRIDE, .most = 1e9,
     .help = "with --json: go on with what was cut off in further windows that share N tokens with the one before; -1: "
             "no windows"},
    {"compat", 0, CLI_CHOICE, offsetof(tokenize_values, compat), "WHOSE", .choices = "none|google",
     .help = "google: words of up to 200 characters and the final sigma of Greek, as in the published training data"},
    CLI_END};

static void set_defaults(void *values)
{
    tokenize_values *v = values;
    v->stride = NO_STRIDE;
}

static cli_record_format record_format(const tokenize_values *v)
{
    return (cli_record_format){
        .format = (cli_format)v->format, .text_column = v->text_column, .pair_column = v->pair_column};
}

/* ---- the tokenizer ----------------------------------------------------------------------------------------------- */

static electra_status check_values(const cli_common *common, const tokenize_values *v, electra_error *err)
{
    if (!v->vocabulary == !v->model) {
        return cli_fail(err, ELECTRA_MISUSE, "--vocab",
                        "give either a vocabulary (--vocab FILE) or a model (--model DIR)");
    }
    if (v->model && (v->cased || v->keep_accents || v->compat != COMPAT_NONE)) {
        return cli_fail(err, ELECTRA_MISUSE, "--model",
                        "the model says itself how its text is treated: --cased, --keep-accents and --compat go with "
                        "--vocab");
    }
    if (v->tokens && (v->ids || common->json)) {
        return cli_fail(err, ELECTRA_MISUSE, "--tokens",
                        "--tokens goes neither with --ids nor with --json, which has both");
    }
    if (v->stride != NO_STRIDE && (!common->json || v->max_length == 0)) {
        return cli_fail(err, ELECTRA_MISUSE, "--stride", "windows are printed with --json and need --max-length");
    }
    const cli_record_format format = record_format(v);
    return cli_records_check(&format, err);
}

static electra_status open_tokenizer(electra_tokenizer **out, const cli_common *common, const tokenize_values *v,
                                     electra_error *err)
{
    const electra_specials_in_text specials = (electra_specials_in_text)v->specials;
    if (v->model) {
        return electra_tokenizer_load_model(out, v->model, specials, &common->runtime, err);
    }
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.lowercase = !v->cased;
    options.strip_accents = v->keep_accents ? ELECTRA_ACCENTS_KEEP : ELECTRA_ACCENTS_AUTO;
    options.specials_in_text = specials;
    options.google = v->compat == COMPAT_GOOGLE;
    options.runtime = common->runtime;
    return electra_tokenizer_load(out, v->vocabulary, &options, err);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

typedef enum answer_kind { ANSWER_IDS, ANSWER_TOKENS, ANSWER_JSON } answer_kind;

/* What one thread does with its share of a block. */
typedef struct worker {
    const electra_tokenizer *tokenizer;
    const cli_record_format *format;
    electra_encode_options options;
    answer_kind kind;
    electra_encoder *encoder;
    electra_ids ids;
    char *answer; /* of open_memstream, which `out` writes into */
    size_t answer_bytes;
    FILE *out;
    const char *text; /* its share: whole lines */
    size_t bytes;
    uint64_t lines; /* done so far; when it has failed, those before the bad one */
    electra_status status;
    electra_error error;
} worker;

static void put_text(FILE *out, const char *text, size_t bytes)
{
    (void)fwrite_unlocked(text, 1, bytes, out);
}

static void put_char(FILE *out, char c)
{
    (void)fputc_unlocked(c, out);
}

static void put_number(FILE *out, uint32_t value)
{
    char digits[10];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put_text(out, digits + at, sizeof digits - at);
}

static void put_id(const worker *w, uint32_t id, bool first)
{
    if (!first) {
        put_char(w->out, ' ');
    }
    if (w->kind == ANSWER_IDS) {
        put_number(w->out, id);
    } else {
        const char *token = electra_tokenizer_token(w->tokenizer, id);
        put_text(w->out, token, strlen(token));
    }
}

static void put_numbers(FILE *out, const char *name, const uint32_t *values, size_t n)
{
    put_text(out, name, strlen(name));
    put_char(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            put_char(out, ',');
        }
        put_number(out, values[i]);
    }
    put_char(out, ']');
}

/* {"ids":[..],"type_ids":[..],"tokens":[..],"offsets":[[start,end],..] without the closing brace */
static void put_window(const worker *w, const electra_window *window)
{
    put_numbers(w->out, "{\"ids\":", window->ids, window->n);
    put_numbers(w->out, ",\"type_ids\":", window->type_ids, window->n);
    put_text(w->out, ",\"tokens\":[", 11);
    for (size_t i = 0; i < window->n; i++) {
        const char *token = electra_tokenizer_token(w->tokenizer, window->ids[i]);
        if (i > 0) {
            put_char(w->out, ',');
        }
        cli_print_json_string(w->out, token, strlen(token));
    }
    put_text(w->out, "],\"offsets\":[", 13);
    for (size_t i = 0; i < window->n; i++) {
        if (i > 0) {
            put_char(w->out, ',');
        }
        put_char(w->out, '[');
        put_number(w->out, window->offsets[i].start);
        put_char(w->out, ',');
        put_number(w->out, window->offsets[i].end);
        put_char(w->out, ']');
    }
    put_char(w->out, ']');
}

static void put_json(const worker *w, const electra_encoding *encoding)
{
    put_window(w, &encoding->windows[0]);
    if (w->options.windows) {
        put_text(w->out, ",\"windows\":[", 12);
        for (size_t i = 1; i < encoding->n_windows; i++) {
            if (i > 1) {
                put_char(w->out, ',');
            }
            put_window(w, &encoding->windows[i]);
            put_char(w->out, '}');
        }
        put_char(w->out, ']');
    }
    put_text(w->out, "}\n", 2);
}

/* One text, nothing cut: the fast path of the library. */
static electra_status answer_fast(worker *w, const cli_record *record, electra_error *err)
{
    const electra_special_ids special = electra_tokenizer_specials(w->tokenizer);
    w->ids.n = 0;
    const electra_status status = electra_encoder_append(w->encoder, record->text, record->text_bytes, &w->ids, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    if (!w->options.no_special) {
        put_id(w, special.cls, true);
    }
    for (size_t i = 0; i < w->ids.n; i++) {
        put_id(w, w->ids.ids[i], i == 0 && w->options.no_special);
    }
    if (!w->options.no_special) {
        put_id(w, special.sep, false);
    }
    put_char(w->out, '\n');
    return ELECTRA_OK;
}

static electra_status answer(worker *w, const cli_record *record, electra_error *err)
{
    if (w->kind != ANSWER_JSON && w->options.max_length == 0 && !record->pair) {
        return answer_fast(w, record, err);
    }
    electra_encoding encoding;
    const electra_status status = electra_encoder_encode(w->encoder, record->text, record->text_bytes, record->pair,
                                                         record->pair_bytes, &w->options, &encoding, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    if (w->kind == ANSWER_JSON) {
        put_json(w, &encoding);
        return ELECTRA_OK;
    }
    for (size_t i = 0; i < encoding.windows[0].n; i++) {
        put_id(w, encoding.windows[0].ids[i], i == 0);
    }
    put_char(w->out, '\n');
    return ELECTRA_OK;
}

/* A thread's share of a block. Stops at the first line that fails. */
static void *answer_lines(void *argument)
{
    worker *w = argument;
    const char *line;
    size_t bytes;
    rewind(w->out);
    w->lines = 0;
    w->status = ELECTRA_OK;
    while (w->status == ELECTRA_OK && cli_next_line(&w->text, &w->bytes, &line, &bytes)) {
        cli_record record;
        w->status = cli_record_parse(w->format, line, bytes, &record, &w->error);
        if (w->status == ELECTRA_OK) {
            w->status = answer(w, &record, &w->error);
            cli_record_clear(&record);
        }
        w->lines += w->status == ELECTRA_OK;
    }
    if (fflush(w->out) != 0) {
        w->status = cli_fail(&w->error, ELECTRA_NO_RESOURCE, NULL, "out of memory for the answers");
    }
    return NULL;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

typedef struct crew {
    worker *workers;
    size_t n;
} crew;

static size_t cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static void crew_free(crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        electra_encoder_free(c->workers[i].encoder);
        electra_ids_free(&c->workers[i].ids);
        if (c->workers[i].out) {
            (void)fclose(c->workers[i].out);
        }
        free(c->workers[i].answer);
    }
    free(c->workers);
}

static electra_status crew_make(crew *c, size_t n, const worker *model, electra_error *err)
{
    c->workers = calloc(n, sizeof c->workers[0]);
    if (!c->workers) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu threads", n);
    }
    for (; c->n < n; c->n++) {
        worker *w = &c->workers[c->n];
        *w = *model;
        const electra_status status = electra_encoder_create(&w->encoder, w->tokenizer, err);
        if (status != ELECTRA_OK) {
            return status;
        }
        w->out = open_memstream(&w->answer, &w->answer_bytes);
        if (!w->out) {
            electra_encoder_free(w->encoder);
            return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for the answers");
        }
    }
    return ELECTRA_OK;
}

/* Cut a block into shares of whole lines, about equally long. Returns how many workers have one. */
static size_t share_out(crew *c, const char *text, size_t bytes)
{
    enum { LEAST_BYTES = 1 << 16 }; /* less than that is not worth a thread */
    size_t share = (bytes + c->n - 1) / c->n;
    share = share < LEAST_BYTES ? LEAST_BYTES : share;
    size_t n = 0;
    while (bytes > 0) {
        const char *line_end = share < bytes ? memchr(text + share - 1, '\n', bytes - share + 1) : NULL;
        const size_t taken = line_end ? (size_t)(line_end - text) + 1 : bytes;
        c->workers[n].text = text;
        c->workers[n++].bytes = taken;
        text += taken;
        bytes -= taken;
    }
    return n;
}

/* Answer a block and print it. *lines counts the lines of the file that have been answered. */
static electra_status answer_block(crew *c, const cli_common *common, const char *text, size_t bytes, const char *name,
                                   uint64_t *lines, electra_error *err)
{
    pthread_t *threads = calloc(c->n, sizeof threads[0]);
    bool *started = calloc(c->n, sizeof started[0]);
    if (!threads || !started) {
        free(threads);
        free(started);
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu threads", c->n);
    }
    const size_t n = share_out(c, text, bytes);
    for (size_t i = 1; i < n; i++) {
        started[i] = pthread_create(&threads[i], NULL, answer_lines, &c->workers[i]) == 0;
    }
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < n; i++) {
        worker *w = &c->workers[i];
        if (started[i]) {
            (void)pthread_join(threads[i], NULL);
        } else {
            (void)answer_lines(w); /* the first share, and those for which there was no thread */
        }
        if (status != ELECTRA_OK) {
            continue; /* join the others, but print nothing behind a line that failed */
        }
        (void)fwrite(w->answer, 1, w->answer_bytes, common->out);
        *lines += w->lines;
        status = w->status;
        if (status != ELECTRA_OK) {
            char where[256];
            snprintf(where, sizeof where, "%s, line %llu", name, (unsigned long long)*lines + 1);
            cli_fail(err, status, where, "%s", w->error.message);
        }
    }
    free(threads);
    free(started);
    return status == ELECTRA_OK ? cli_check_output(common, err) : status;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Find the columns, with the help of the first line if it names them. */
static electra_status begin_file(cli_record_format *format, const char **text, size_t *bytes, const char *name,
                                 uint64_t *lines, electra_error *err)
{
    const char *header = NULL;
    size_t header_bytes = 0;
    if (cli_records_have_header(format)) {
        (void)cli_next_line(text, bytes, &header, &header_bytes);
        ++*lines;
    }
    return cli_records_begin(format, header, header_bytes, name, err);
}

/* true if the user asked to stop. */
static bool report(const electra_runtime *runtime, double done)
{
    const electra_progress progress = {.stage = "tokenizing", .unit = "bytes", .done = done};
    return runtime->progress && runtime->progress(runtime->progress_user, &progress);
}

static electra_status answer_file(crew *c, const cli_common *common, cli_record_format *format, const char *path,
                                  double *done, electra_error *err)
{
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
    cli_blocks blocks;
    uint64_t lines = 0;
    bool begun = false;
    electra_status status = cli_blocks_open(&blocks, path, 0, err);
    while (status == ELECTRA_OK) {
        const char *text;
        size_t bytes;
        status = cli_blocks_next(&blocks, &text, &bytes, err);
        if (status != ELECTRA_OK || bytes == 0) {
            break;
        }
        *done += (double)bytes;
        if (!begun) {
            status = begin_file(format, &text, &bytes, name, &lines, err);
            begun = true;
        }
        if (status == ELECTRA_OK && bytes > 0) {
            status = answer_block(c, common, text, bytes, name, &lines, err);
        }
        if (status == ELECTRA_OK && report(&common->runtime, *done)) {
            status = cli_fail(err, ELECTRA_INTERRUPTED, name, "interrupted");
        }
    }
    cli_blocks_close(&blocks);
    return status;
}

static electra_status answer_files(const cli_common *common, const tokenize_values *v, const cli_list *files,
                                   const electra_tokenizer *tokenizer, electra_error *err)
{
    cli_record_format format = record_format(v);
    worker model = {.tokenizer = tokenizer,
                    .format = &format,
                    .options = electra_encode_options_default(),
                    .kind = common->json ? ANSWER_JSON
                            : v->tokens  ? ANSWER_TOKENS
                                         : ANSWER_IDS};
    model.options.max_length = (size_t)v->max_length;
    model.options.truncation = (electra_truncation)v->truncation;
    model.options.windows = v->stride != NO_STRIDE;
    model.options.stride = v->stride != NO_STRIDE ? (size_t)v->stride : 0;
    model.options.no_special = v->no_special;
    const char *standard = "-";
    const char *const *names = files->n > 0 ? files->items : &standard;
    const size_t n_names = files->n > 0 ? files->n : 1;
    crew c = {0};
    double done = 0;
    const size_t n_threads = common->runtime.threads > 0 ? (size_t)common->runtime.threads : cores();
    electra_status status = crew_make(&c, n_threads, &model, err);
    for (size_t i = 0; status == ELECTRA_OK && i < n_names; i++) {
        status = answer_file(&c, common, &format, names[i], &done, err);
    }
    crew_free(&c);
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const tokenize_values *v = values;
    electra_tokenizer *tokenizer = NULL;
    electra_status status = check_values(common, v, err);
    if (status == ELECTRA_OK) {
        status = open_tokenizer(&tokenizer, common, v, err);
    }
    if (status == ELECTRA_OK) {
        status = answer_files(common, v, arguments, tokenizer, err);
    }
    electra_tokenizer_free(tokenizer);
    return status;
}

const cli_command cli_tokenize = {
    .name = "tokenize",
    .summary = "text to token ids",
    .arguments = "[FILE...]",
    .help =
        "Prints one line for each line of the files, or of stdin: the ids of its tokens, separated by one space. "
        "With --json one object a line: ids, type_ids, tokens, and offsets, which count Unicode characters of the "
        "line's text.\n\n"
        "A line is a text (--format text), columns between tabs (tsv), or a JSON object (jsonl) with \"text\" and "
        "perhaps \"text_pair\", or with \"question\" and \"context\". Of a pair that is too long, --truncation says "
        "which text is cut. With --stride, what was cut off follows in \"windows\".",
    .examples = "electra tokenize --vocab vocab.txt text.txt\n"
                "echo 'Hello, world!' | electra tokenize --vocab vocab.txt --tokens\n"
                "electra tokenize --model run/discriminator --format tsv --pair-column 2 "
                "--max-length 128 pairs.tsv\n",
    .options = OPTIONS,
    .values_size = sizeof(tokenize_values),
    .set_defaults = set_defaults,
    .run = run,
};
