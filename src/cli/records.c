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

static electra_status parse_json(cli_shape shape, const char *line, size_t bytes, cli_record *r, electra_error *err)
{
    json_error_t error;
    r->owner = json_loadb(line, bytes, JSON_ALLOW_NUL, &error);
    if (!r->owner) {
        return cli_fail(err, ELECTRA_INVALID, NULL, "not JSON: %s", error.text);
    }
    const char *second = MEMBERS[shape].second;
    r->text = member(r->owner, MEMBERS[shape].first, &r->text_bytes);
    if (!r->text && shape == CLI_SHAPE_ANY) {
        second = MEMBERS[CLI_SHAPE_QUESTION].second;
        r->text = member(r->owner, MEMBERS[CLI_SHAPE_QUESTION].first, &r->text_bytes);
    }
    r->pair = member(r->owner, second, &r->pair_bytes);
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
    case CLI_FORMAT_TSV: status = parse_tsv(format, line, bytes, record, err); break;
    case CLI_FORMAT_JSONL: status = parse_json(format->shape, line, bytes, record, err); break;
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
    if ((format->text_column || format->pair_column) && format->format != CLI_FORMAT_TSV) {
        return cli_fail(err, ELECTRA_MISUSE, format->text_column ? "--text-column" : "--pair-column",
                        "columns go with --format tsv");
    }
    if (format->shape == CLI_SHAPE_CHOICES && format->format != CLI_FORMAT_JSONL) {
        return cli_fail(err, ELECTRA_MISUSE, "--format",
                        "a choice needs --format jsonl: lines of {\"prompt\":..,\"choices\":[..]}");
    }
    if (format->shape == CLI_SHAPE_QUESTION &&
        (format->format == CLI_FORMAT_TEXT || (format->format == CLI_FORMAT_TSV && !format->pair_column))) {
        return cli_fail(
            err, ELECTRA_MISUSE, "--format",
            "a question needs its context: --format jsonl with lines of {\"question\":..,\"context\":..}, or "
            "--format tsv with --text-column for the question and --pair-column for the context");
    }
    return ELECTRA_OK;
}

void cli_record_clear(cli_record *record)
{
    free(record->choice_memory);
    json_decref(record->owner);
    *record = (cli_record){0};
}
