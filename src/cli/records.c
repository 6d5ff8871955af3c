/* Owns the formats of input lines. */
#include "records.h"

#include "csv.h"

#include <stdlib.h>
#include <string.h>

/* ---- columns ----------------------------------------------------------------------------------------------------- */

/* A column given as a number from 1; 0 if it is a name. */
static size_t column_number(const char *column)
{
    char *end;
    const unsigned long number = strtoul(column, &end, 10);
    return *end == '\0' && column[0] >= '1' && column[0] <= '9' ? number : 0;
}

static bool is_name(const char *column)
{
    return column && column_number(column) == 0;
}

bool cli_records_have_header(const cli_record_format *format)
{
    const bool cells = format->format == CLI_FORMAT_TSV || format->format == CLI_FORMAT_CSV;
    return cells && (is_name(format->text_column) || is_name(format->pair_column));
}

/* Where the cell that begins at `at` ends: at the next tab or separator outside of quotes, or at `end`. */
static const char *cell_end(const cli_record_format *format, const char *at, const char *end)
{
    if (format->format == CLI_FORMAT_TSV) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        return tab ? tab : end;
    }
    cli_csv state = CLI_CSV_BEGIN;
    while (at < end && (state = cli_csv_step(state, *at, format->separator)) != CLI_CSV_BEGIN) {
        at++;
    }
    return at;
}

/* Cell `index` (from 0) of a line as it stands there; false if it has fewer. */
static bool cell_at(const cli_record_format *format, electra_text line, size_t index, electra_text *cell)
{
    const char *at = line.text, *end = line.text + line.bytes;
    for (;; index--) {
        const char *stop = cell_end(format, at, end);
        if (index == 0) {
            *cell = (electra_text){at, (size_t)(stop - at)};
            return true;
        }
        if (stop == end) {
            return false;
        }
        at = stop + 1;
    }
}

/* A quote without an end makes one row of all that follows it. */
static electra_status check_quotes(const cli_record_format *format, electra_text row, const char *where,
                                   electra_error *err)
{
    cli_csv state = CLI_CSV_BEGIN;
    for (size_t i = 0; format->separator && i < row.bytes; i++) {
        state = cli_csv_step(state, row.text[i], format->separator);
    }
    return state != CLI_CSV_QUOTED ? ELECTRA_OK
                                   : cli_fail(err, ELECTRA_INVALID, where, "a quote that begins a cell has no end");
}

/* What a cell says: of CSV without its quotes, in `room`, which has as many bytes; otherwise where it stands. What
 * stands behind a closing quote belongs to the cell. */
static electra_text cell_text(const cli_record_format *format, electra_text cell, char *room)
{
    if (!format->separator || cell.bytes == 0 || cell.text[0] != '"') {
        return cell;
    }
    size_t n = 0;
    cli_csv state = CLI_CSV_BEGIN;
    for (size_t i = 0; i < cell.bytes; i++) {
        const cli_csv before = state;
        state = cli_csv_step(state, cell.text[i], format->separator);
        const bool is_mark =
            state == CLI_CSV_QUOTE || before == CLI_CSV_BEGIN; /* the end, the first of "", the begin */
        if (!is_mark) {
            room[n++] = cell.text[i];
        }
    }
    return (electra_text){room, n};
}

static electra_status find_column(const cli_record_format *format, const char *column, electra_text header,
                                  const char *where, size_t *index, electra_error *err)
{
    if (!is_name(column)) {
        *index = column_number(column) - 1;
        return ELECTRA_OK;
    }
    char *room = malloc(header.bytes + 1);
    if (!room) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, where, "out of memory for the names of columns");
    }
    electra_text cell;
    bool found = false;
    for (size_t i = 0; !found && cell_at(format, header, i, &cell); i++) {
        cell = cell_text(format, cell, room);
        found = cell.bytes == strlen(column) && memcmp(cell.text, column, cell.bytes) == 0;
        *index = i;
    }
    free(room);
    return found ? ELECTRA_OK
                 : cli_fail(err, ELECTRA_INVALID, where, "no column is called '%s'; the first line is: %.*s", column,
                            header.bytes < 200 ? (int)header.bytes : 200, header.text);
}

electra_status cli_records_begin(cli_record_format *format, const char *header, size_t bytes, const char *where,
                                 electra_error *err)
{
    static const char MARK[] = "\xef\xbb\xbf"; /* of byte order, as some programs put it before CSV */
    format->text_index = 0;
    format->pair_index = SIZE_MAX;
    electra_status status = ELECTRA_OK;
    if (format->format != CLI_FORMAT_TSV && format->format != CLI_FORMAT_CSV) {
        return ELECTRA_OK;
    }
    const size_t skip = bytes >= strlen(MARK) && memcmp(header, MARK, strlen(MARK)) == 0 ? strlen(MARK) : 0;
    const electra_text names = {header ? header + skip : "", bytes - skip};
    if (header) {
        status = check_quotes(format, names, where, err);
    }
    if (status == ELECTRA_OK && format->text_column) {
        status = find_column(format, format->text_column, names, where, &format->text_index, err);
    }
    if (status == ELECTRA_OK && format->pair_column) {
        status = find_column(format, format->pair_column, names, where, &format->pair_index, err);
    }
    return status;
}

static electra_status take_cell(const cli_record_format *f, electra_text line, size_t index, char *room,
                                electra_text *cell, electra_error *err)
{
    if (!cell_at(f, line, index, cell)) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "has no column %zu", index + 1);
    }
    *cell = cell_text(f, *cell, room);
    return ELECTRA_OK;
}

static electra_status parse_cells(const cli_record_format *f, electra_text line, cli_record *r, electra_error *err)
{
    char *room = NULL;
    if (f->separator && memchr(line.text, '"', line.bytes)) {
        room = r->cell_memory = malloc(2 * line.bytes);
        if (!room) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for a row of %zu bytes", line.bytes);
        }
    }
    electra_text text = {0}, pair = {0};
    electra_status status = check_quotes(f, line, NULL, err);
    if (status == ELECTRA_OK) {
        status = take_cell(f, line, f->text_index, room, &text, err);
    }
    if (status == ELECTRA_OK && f->pair_index != SIZE_MAX) {
        status = take_cell(f, line, f->pair_index, room ? room + line.bytes : NULL, &pair, err);
    }
    if (status == ELECTRA_OK) {
        r->text = text.text;
        r->text_bytes = text.bytes;
        r->pair = pair.text;
        r->pair_bytes = pair.bytes;
    }
    return status;
}

/* ---- JSON lines -------------------------------------------------------------------------------------------------- */

/* What each shape needs: names of its members, and the second one's being there. */
static const struct {
    const char *first, *second;
    bool needs_second;
    const char *expected;
} MEMBERS[] = {
    [CLI_SHAPE_ANY] = {"text", "text_pair", false,
                       "an object with \"text\" (and perhaps \"text_pair\") or \"question\" and \"context\", each of "
                       "them a string"},
    [CLI_SHAPE_TEXT] = {"text", "text_pair", false, "an object with \"text\", a string"},
    [CLI_SHAPE_PAIR] = {"text", "text_pair", false,
                        "an object with \"text\" (and perhaps \"text_pair\"), each of them a string"},
    [CLI_SHAPE_QUESTION] = {"question", "context", true,
                            "an object with \"question\" and \"context\", each of them a string"},
    [CLI_SHAPE_CHOICES] = {"prompt", NULL, false,
                           "an object with \"prompt\", a string, and \"choices\", a list of at least one string"},
};

/* A member that is text; NULL if it is missing or of another type. */
static const char *member(const json_t *object, const char *name, size_t *bytes)
{
    const json_t *value = name ? json_object_get(object, name) : NULL;
    *bytes = json_string_length(value);
    return json_string_value(value);
}

/* "choices" as texts. */
static electra_status take_choices(cli_record *r, electra_error *err)
{
    const json_t *list = json_object_get(r->owner, "choices");
    const size_t n = json_array_size(list);
    r->choices = r->choice_memory = calloc(n + 1, sizeof *r->choice_memory);
    if (!r->choices) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu choices", n);
    }
    bool fine = n > 0;
    for (; fine && r->n_choices < n; r->n_choices++) {
        const json_t *choice = json_array_get(list, r->n_choices);
        r->choice_memory[r->n_choices] = (electra_text){json_string_value(choice), json_string_length(choice)};
        fine = json_is_string(choice);
    }
    return fine ? ELECTRA_OK : cli_fail(err, ELECTRA_INVALID, NULL, "expected %s", MEMBERS[CLI_SHAPE_CHOICES].expected);
}

static electra_status no_member(const cli_record *r, const char *name, electra_error *err)
{
    return cli_fail(err, ELECTRA_INVALID, NULL,
                    json_is_object(r->owner) ? "\"%s\" is no string or not there" : "expected an object with \"%s\"",
                    name);
}

static electra_status parse_json(const cli_record_format *f, const char *line, size_t bytes, cli_record *r,
                                 electra_error *err)
{
    const cli_shape shape = f->shape;
    json_error_t error;
    r->owner = json_loadb(line, bytes, JSON_ALLOW_NUL, &error);
    if (!r->owner) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "not JSON: %s", error.text);
    }
    const char *second = f->pair_column ? f->pair_column : MEMBERS[shape].second;
    r->text = member(r->owner, f->text_column ? f->text_column : MEMBERS[shape].first, &r->text_bytes);
    if (!r->text && f->text_column) {
        return no_member(r, f->text_column, err);
    }
    if (!r->text && !f->pair_column && shape == CLI_SHAPE_ANY) {
        second = MEMBERS[CLI_SHAPE_QUESTION].second;
        r->text = member(r->owner, MEMBERS[CLI_SHAPE_QUESTION].first, &r->text_bytes);
    }
    r->pair = member(r->owner, second, &r->pair_bytes);
    if (!r->pair && f->pair_column) {
        return no_member(r, f->pair_column, err);
    }
    const json_t *given = second ? json_object_get(r->owner, second) : NULL;
    if (!r->text || (given && !json_is_null(given) && !r->pair) || (MEMBERS[shape].needs_second && !r->pair)) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "expected %s", MEMBERS[shape].expected);
    }
    return shape == CLI_SHAPE_CHOICES ? take_choices(r, err) : ELECTRA_OK;
}

/* ---- a line ------------------------------------------------------------------------------------------------------ */

electra_status cli_record_parse(const cli_record_format *format, const char *line, size_t bytes, cli_record *record,
                                electra_error *err)
{
    *record = (cli_record){0};
    electra_status status = ELECTRA_OK;
    switch (format->format) {
    case CLI_FORMAT_TSV:
    case CLI_FORMAT_CSV: status = parse_cells(format, (electra_text){line, bytes}, record, err); break;
    case CLI_FORMAT_JSONL: status = parse_json(format, line, bytes, record, err); break;
    case CLI_FORMAT_TEXT:
        record->text = line;
        record->text_bytes = bytes;
        break;
    }
    if (status == ELECTRA_OK && format->shape == CLI_SHAPE_TEXT && record->pair) {
        status = cli_fail(err, ELECTRA_INVALID, NULL, "a pair of texts was given, but this takes single texts");
    }
    if (status != ELECTRA_OK) {
        cli_record_clear(record);
    }
    return status;
}

electra_status cli_records_check(const cli_record_format *format, electra_error *err)
{
    if ((format->text_column || format->pair_column) && format->format == CLI_FORMAT_TEXT) {
        return cli_fail(err, ELECTRA_MISUSE, format->text_column ? "--text-column" : "--pair-column",
                        "text has no columns; say with --format how the input is written");
    }
    if (format->shape == CLI_SHAPE_CHOICES && format->format != CLI_FORMAT_JSONL) {
        return cli_fail(err, ELECTRA_MISUSE, "--format",
                        "a choice needs --format jsonl: lines of {\"prompt\":..,\"choices\":[..]}");
    }
    if (format->shape == CLI_SHAPE_QUESTION &&
        (format->format == CLI_FORMAT_TEXT || (format->format != CLI_FORMAT_JSONL && !format->pair_column))) {
        return cli_fail(
            err, ELECTRA_MISUSE, "--format",
            "a question needs its context: --format jsonl with lines of {\"question\":..,\"context\":..}, or "
            "--format tsv or csv with --text-column for the question and --pair-column for the context");
    }
    return ELECTRA_OK;
}

void cli_record_clear(cli_record *record)
{
    free(record->choice_memory);
    free(record->cell_memory);
    json_decref(record->owner);
    *record = (cli_record){0};
}
