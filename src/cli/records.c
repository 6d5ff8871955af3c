/* Owns the three formats of input lines. */
#include "records.h"

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
    return format->format == CLI_FORMAT_TSV && (is_name(format->text_column) || is_name(format->pair_column));
}

/* Field `index` (from 0) of a line; false if it has fewer. */
static bool field_at(const char *line, size_t bytes, size_t index, const char **field, size_t *field_bytes)
{
    const char *end = line + bytes;
    for (;; index--) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        if (index == 0) {
            *field = line;
            *field_bytes = (size_t)((tab ? tab : end) - line);
            return true;
        }
        if (!tab) {
            return false;
        }
        line = tab + 1;
    }
}

static electra_status find_column(const char *column, const char *header, size_t bytes, const char *where,
                                  size_t *index, electra_error *err)
{
    if (!is_name(column)) {
        *index = column_number(column) - 1;
        return ELECTRA_OK;
    }
    const char *field;
    size_t field_bytes;
    for (size_t i = 0; field_at(header, bytes, i, &field, &field_bytes); i++) {
        if (field_bytes == strlen(column) && memcmp(field, column, field_bytes) == 0) {
            *index = i;
            return ELECTRA_OK;
        }
    }
    return cli_fail(err, ELECTRA_INVALID, where, "no column is called '%s'; the first line is: %.*s", column,
                    bytes < 200 ? (int)bytes : 200, header);
}

electra_status cli_records_begin(cli_record_format *format, const char *header, size_t bytes, const char *where,
                                 electra_error *err)
{
    format->text_index = 0;
    format->pair_index = SIZE_MAX;
    electra_status status = ELECTRA_OK;
    if (format->text_column) {
        status = find_column(format->text_column, header, bytes, where, &format->text_index, err);
    }
    if (status == ELECTRA_OK && format->pair_column) {
        status = find_column(format->pair_column, header, bytes, where, &format->pair_index, err);
    }
    return status;
}

static electra_status take_field(const char *line, size_t bytes, size_t index, const char **field, size_t *field_bytes,
                                 electra_error *err)
{
    if (!field_at(line, bytes, index, field, field_bytes)) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "has no column %zu", index + 1);
    }
    return ELECTRA_OK;
}

static electra_status parse_tsv(const cli_record_format *f, const char *line, size_t bytes, cli_record *r,
                                electra_error *err)
{
    electra_status status = take_field(line, bytes, f->text_index, &r->text, &r->text_bytes, err);
    if (status == ELECTRA_OK && f->pair_index != SIZE_MAX) {
        status = take_field(line, bytes, f->pair_index, &r->pair, &r->pair_bytes, err);
    }
    return status;
}

/* ---- JSON lines -------------------------------------------------------------------------------------------------- */

/* A member that is text; NULL if it is missing or of another type. */
static const char *member(const json_t *object, const char *name, size_t *bytes)
{
    const json_t *value = json_object_get(object, name);
    *bytes = json_string_length(value);
    return json_string_value(value);
}

static electra_status parse_json(const char *line, size_t bytes, cli_record *r, electra_error *err)
{
    json_error_t error;
    r->owner = json_loadb(line, bytes, JSON_ALLOW_NUL, &error);
    if (!r->owner) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "not JSON: %s", error.text);
    }
    r->text = member(r->owner, "text", &r->text_bytes);
    const char *second = "text_pair";
    if (!r->text) {
        r->text = member(r->owner, "question", &r->text_bytes);
        second = "context";
    }
    r->pair = member(r->owner, second, &r->pair_bytes);
    const json_t *given = json_object_get(r->owner, second);
    if (!r->text || (given && !json_is_null(given) && !r->pair)) {
        return cli_fail(err, ELECTRA_INVALID, NULL,
                        "expected an object with \"text\" (and perhaps \"text_pair\") or \"question\" and \"context\", "
                        "each of them a string");
    }
    return ELECTRA_OK;
}

/* ---- a line ------------------------------------------------------------------------------------------------------ */

electra_status cli_record_parse(const cli_record_format *format, const char *line, size_t bytes, cli_record *record,
                                electra_error *err)
{
    *record = (cli_record){0};
    switch (format->format) {
    case CLI_FORMAT_TSV: return parse_tsv(format, line, bytes, record, err);
    case CLI_FORMAT_JSONL: {
        const electra_status status = parse_json(line, bytes, record, err);
        if (status != ELECTRA_OK) {
            cli_record_clear(record);
        }
        return status;
    }
    case CLI_FORMAT_TEXT: break;
    }
    record->text = line;
    record->text_bytes = bytes;
    return ELECTRA_OK;
}

void cli_record_clear(cli_record *record)
{
    json_decref(record->owner);
    *record = (cli_record){0};
}
