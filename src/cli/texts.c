/* Owns how input lines become batches. */
#include "texts.h"

#include "blocks.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 16 }; /* of a batch; one longer text is a batch of its own */

/* Where a line stands, for messages. */
typedef struct cli_place {
    const char *file;
    uint64_t line;  /* from 1 */
    uint64_t lines; /* that were read before and with it */
} cli_place;

typedef struct reader {
    const cli_common *common;
    cli_record_format *format;
    const char *stage;
    cli_answer_fn *answer;
    void *user;
    double done; /* bytes */
    cli_record records[CLI_BATCH_LINES];
    electra_text texts[CLI_BATCH_LINES];
    electra_text pairs[CLI_BATCH_LINES];
    cli_place places[CLI_BATCH_LINES];
    size_t n, bytes; /* waiting */
} reader;

static void forget(reader *r)
{
    for (size_t i = 0; i < r->n; i++) {
        cli_record_clear(&r->records[i]);
    }
    r->n = r->bytes = 0;
}

static electra_status fail_at(const cli_place *place, electra_status status, const char *message, electra_error *err)
{
    char words[sizeof err->message];
    char where[sizeof err->where];
    snprintf(words, sizeof words, "%s", message);
    snprintf(where, sizeof where, "%s, line %llu", place->file, (unsigned long long)place->line);
    return cli_fail(err, status, where, "%s", words);
}

static cli_batch waiting(const reader *r, size_t first, size_t n)
{
    return (cli_batch){r->records + first, r->texts + first, r->pairs + first, n};
}

/* Up to the line that cannot be answered. */
static electra_status answer_one_by_one(const reader *r, electra_error *err)
{
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < r->n && status == ELECTRA_OK; i++) {
        const cli_batch one = waiting(r, i, 1);
        electra_error bad = {0};
        status = r->answer(r->user, &one, &bad);
        if (status != ELECTRA_OK) {
            (void)fail_at(&r->places[i], status, bad.message, err);
        }
    }
    return status;
}

static electra_status answer_waiting(reader *r, electra_error *err)
{
    electra_status status = ELECTRA_OK;
    if (r->n) {
        const cli_batch all = waiting(r, 0, r->n);
        status = r->answer(r->user, &all, err);
        status = status == ELECTRA_INVALID ? answer_one_by_one(r, err) : status;
    }
    forget(r);
    return status == ELECTRA_OK ? cli_check_output(r->common, err) : status;
}

static electra_status add_line(reader *r, const char *line, size_t bytes, const cli_place *place, electra_error *err)
{
    cli_record record;
    electra_error bad = {0};
    const electra_status status = cli_record_parse(r->format, line, bytes, &record, &bad);
    if (status != ELECTRA_OK) {
        const electra_status before = answer_waiting(r, err); /* the lines above the bad one are answered */
        return before == ELECTRA_OK ? fail_at(place, status, bad.message, err) : before;
    }
    r->records[r->n] = record;
    r->texts[r->n] = (electra_text){record.text, record.text_bytes};
    r->pairs[r->n] = (electra_text){record.pair, record.pair_bytes};
    r->places[r->n] = *place;
    r->n++;
    r->bytes += record.text_bytes + record.pair_bytes;
    return r->n == CLI_BATCH_LINES || r->bytes >= MOST_BYTES ? answer_waiting(r, err) : ELECTRA_OK;
}

/* true if the user asked to stop. */
static bool report(const reader *r)
{
    const electra_runtime *runtime = &r->common->runtime;
    const electra_progress progress = {.stage = r->stage, .unit = "bytes", .done = r->done};
    return runtime->progress && runtime->progress(runtime->progress_user, &progress);
}

/* The next line or row of a block, and where it stands. */
static bool next_record(const reader *r, const char **text, size_t *bytes, cli_place *place, const char **line,
                        size_t *line_bytes)
{
    const char separator = r->format->separator;
    const bool there = separator ? cli_next_row(text, bytes, separator, line, line_bytes)
                                 : cli_next_line(text, bytes, line, line_bytes);
    if (there) {
        place->line = ++place->lines;
        for (size_t i = 0; separator && i < *line_bytes; i++) {
            place->lines += (*line)[i] == '\n';
        }
    }
    return there;
}

static electra_status answer_block(reader *r, const char *text, size_t bytes, cli_place *place, electra_error *err)
{
    electra_status status = ELECTRA_OK;
    const char *line;
    size_t line_bytes;
    while (status == ELECTRA_OK && next_record(r, &text, &bytes, place, &line, &line_bytes)) {
        const bool nothing = r->format->separator && line_bytes == 0; /* no row, most often at the end of a file */
        status = nothing ? ELECTRA_OK : add_line(r, line, line_bytes, place, err);
    }
    return status == ELECTRA_OK ? answer_waiting(r, err) : status;
}

static electra_status begin_file(const reader *r, const char **text, size_t *bytes, cli_place *place,
                                 electra_error *err)
{
    const char *header = NULL;
    size_t header_bytes = 0;
    if (cli_records_have_header(r->format)) {
        (void)next_record(r, text, bytes, place, &header, &header_bytes);
    }
    return cli_records_begin(r->format, header, header_bytes, place->file, err);
}

static electra_status answer_file(reader *r, const char *name, electra_error *err)
{
    cli_blocks blocks;
    cli_place place = {.file = strcmp(name, "-") == 0 ? "stdin" : name};
    bool begun = false;
    electra_status status = cli_blocks_open(&blocks, name, r->format->separator, err);
    while (status == ELECTRA_OK) {
        const char *text;
        size_t bytes;
        status = cli_blocks_next(&blocks, &text, &bytes, err);
        if (status != ELECTRA_OK || bytes == 0) {
            break;
        }
        r->done += (double)bytes;
        if (!begun) {
            status = begin_file(r, &text, &bytes, &place, err);
            begun = true;
        }
        if (status == ELECTRA_OK) {
            status = answer_block(r, text, bytes, &place, err);
        }
        if (status == ELECTRA_OK && report(r)) {
            status = cli_fail(err, ELECTRA_INTERRUPTED, name, "interrupted");
        }
    }
    cli_blocks_close(&blocks);
    return status;
}

electra_status cli_answer_lines(const cli_common *common, cli_record_format *format, const cli_list *files,
                                const char *stage, cli_answer_fn *answer, void *user, electra_error *err)
{
    reader *r = calloc(1, sizeof *r);
    if (!r) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for a batch of lines");
    }
    r->common = common;
    r->format = format;
    r->stage = stage;
    r->answer = answer;
    r->user = user;
    const char *standard = "-";
    const char *const *names = files->n ? files->items : &standard;
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; status == ELECTRA_OK && i < (files->n ? files->n : 1); i++) {
        status = answer_file(r, names[i], err);
    }
    forget(r);
    free(r);
    return status;
}
