/* A line of input -> one text, a pair of texts, a question, or a choice, for the commands that answer line by line
 * (--format). */
#ifndef EL_CLI_RECORDS_H
#define EL_CLI_RECORDS_H

#include "options.h"

#include <jansson.h>

typedef enum cli_format { CLI_FORMAT_TEXT, CLI_FORMAT_TSV, CLI_FORMAT_JSONL, CLI_FORMAT_CSV } cli_format;
#define CLI_FORMAT_CHOICES      "text|tsv|jsonl|csv"
#define CLI_LINE_FORMAT_CHOICES "text|tsv|jsonl" /* those whose records are lines */

/* What a command asks of each line. */
typedef enum cli_shape {
    CLI_SHAPE_ANY,      /* a text; a pair under either pair of names */
    CLI_SHAPE_TEXT,     /* a text; pairs are refused */
    CLI_SHAPE_PAIR,     /* a text, or a pair of texts */
    CLI_SHAPE_QUESTION, /* a question and its context */
    CLI_SHAPE_CHOICES   /* a prompt and its choices */
} cli_shape;

/* How lines are read. Columns: a number from 1, or a name that stands in the first line of each file; of JSON lines the
 * name of a member. */
typedef struct cli_record_format {
    cli_format format;
    cli_shape shape;
    char separator;                /* between cells of CSV; otherwise 0 */
    const char *text_column;       /* NULL: the first, in JSON as said below */
    const char *pair_column;       /* NULL: no second text, in JSON as said below */
    size_t text_index, pair_index; /* from 0, set by cli_records_begin; pair_index SIZE_MAX: none */
} cli_record_format;

typedef struct cli_record {
    const char *text;
    size_t text_bytes;
    const char *pair; /* NULL: there is none */
    size_t pair_bytes;
    const electra_text *choices; /* [n_choices] of a prompt, which is `text`; NULL: there are none */
    size_t n_choices;
    electra_text *choice_memory;
    char *cell_memory; /* holds cells of CSV that lost their quotes */
    json_t *owner;     /* holds the texts of a JSON line; NULL: they lie in the line itself */
} cli_record;

/* Whether the first line of each file names the columns. */
bool cli_records_have_header(const cli_record_format *format);

/* Find the columns; header: the first line if cli_records_have_header, otherwise NULL. `where` is the file's name. */
electra_status cli_records_begin(cli_record_format *format, const char *header, size_t bytes, const char *where,
                                 electra_error *err);

/* ELECTRA_MISUSE if lines of that format cannot hold that shape, or have no columns that could be named. */
electra_status cli_records_check(const cli_record_format *format, electra_error *err);

/* A line, or a row of CSV, without its line end. In JSON lines: {"text":..} with or without "text_pair",
 * {"question":.., "context":..}, or {"prompt":.., "choices":[..]}. Fails with ELECTRA_INVALID; the message does not say
 * which line it is. */
electra_status cli_record_parse(const cli_record_format *format, const char *line, size_t bytes, cli_record *record,
                                electra_error *err);
void cli_record_clear(cli_record *record);

#endif
