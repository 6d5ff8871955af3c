/* Owns rows that are JSON objects: a line each, or all in one value. */
#include "tasks/read_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* ---- values
 * ------------------------------------------------------------------------------------------------------------ */

/* With as many digits as it takes to read the same number again: 0.1 is the class "0.1". */
static void write_real(char *out, size_t room, double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, room, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            return;
        }
    }
}

electra_status el_read_value(el_reader *r, const json_t *value, electra_text *out, bool *there)
{
    char number[64];
    *out = (electra_text){0};
    *there = true;
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING: return el_read_copy(r, el_read_string(json_string_value(value), json_string_length(value)), out);
    case JSON_INTEGER: (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: write_real(number, sizeof number, json_real_value(value)); break;
    case JSON_TRUE: (void)snprintf(number, sizeof number, "true"); break;
    case JSON_FALSE: (void)snprintf(number, sizeof number, "false"); break;
    default: *there = false; return ELECTRA_OK;
    }
    return el_read_copy(r, el_read_string(number, strlen(number)), out);
}

electra_status el_read_lacks_member(el_reader *r, uint32_t line, const char *member, const json_t *object)
{
    enum { MOST = 30 };
    electra_text has[MOST];
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) /* only read */
    {
        if (n < MOST) {
            has[n++] = el_read_string(key, strlen(key));
        }
    }
    return el_read_lacks(r, line, member, has, n);
}

/* The texts of a list into r->cells; *fine is false if it is no list of texts. */
static electra_status take_list(el_reader *r, el_growing *array, const json_t *list, bool *fine)
{
    *fine = json_is_array(list);
    for (size_t i = 0; i < json_array_size(list) && *fine; i++) {
        electra_text text;
        EL_TRY(el_read_value(r, json_array_get(list, i), &text, fine));
        if (*fine) {
            EL_TRY(el_read_push(r, array, text));
        }
    }
    return ELECTRA_OK;
}

/* ---- kinds of rows
 * ----------------------------------------------------------------------------------------------------- */

/* A member's text; *fine is false if there is none, which was said then. */
static electra_status take(el_reader *r, const json_t *object, const char *member, uint32_t line, electra_text *out,
                           bool *fine)
{
    if (!member || !*fine) {
        return ELECTRA_OK;
    }
    const json_t *value = json_object_get(object, member);
    if (!value) {
        *fine = false;
        return el_read_lacks_member(r, line, member, object);
    }
    bool there;
    EL_TRY(el_read_value(r, value, out, &there));
    if (!there && !json_is_null(value)) {
        *fine = false;
        return el_read_skip(r, line, "\"%s\" is no text", member);
    }
    return ELECTRA_OK;
}

static electra_status take_choices(el_reader *r, const json_t *object, el_row *row, bool *fine)
{
    const el_source *source = r->source;
    r->cells.n = 0;
    for (size_t i = 0; i < source->n_choices && *fine; i++) {
        const json_t *value = json_object_get(object, source->choices[i]);
        if (source->n_choices == 1 && value) {
            EL_TRY(take_list(r, &r->cells, value, fine));
            if (!*fine) {
                EL_TRY(el_read_skip(r, row->line, "\"%s\" is no list of texts", source->choices[i]));
            }
        } else {
            electra_text text = {0};
            EL_TRY(take(r, object, source->choices[i], row->line, &text, fine));
            EL_TRY(el_read_push(r, &r->cells, text));
        }
    }
    row->choices = r->cells.items;
    row->n_choices = r->cells.n;
    return ELECTRA_OK;
}

/* The names of the members that say yes. */
static electra_status take_flags(el_reader *r, const json_t *object, el_row *row, bool *fine)
{
    static const electra_text NONE;
    const el_source *source = r->source;
    r->cells.n = 0;
    for (size_t i = 0; i < source->n_flags && *fine; i++) {
        electra_text cell = {0};
        bool holds = false;
        EL_TRY(take(r, object, source->flags[i], row->line, &cell, fine));
        if (*fine) {
            EL_TRY(el_read_flag(r, cell, source->flags[i], row->line, &holds, fine));
        }
        if (holds) {
            EL_TRY(el_read_push(r, &r->cells, el_read_string(source->flags[i], strlen(source->flags[i]))));
        }
    }
    row->labels = r->cells.n > 0 ? r->cells.items : &NONE;
    row->n_labels = r->cells.n;
    return ELECTRA_OK;
}

/* CLASSIFY, MULTILABEL, REGRESS, CHOICE */
static electra_status read_row(el_reader *r, const json_t *object, electra_text id, uint32_t line)
{
    const el_source *source = r->source;
    el_row row = {.line = line, .id = id};
    bool fine = true;
    EL_TRY(take(r, object, source->text, line, &row.text, &fine));
    EL_TRY(take(r, object, source->pair, line, &row.pair, &fine));
    EL_TRY(take(r, object, source->id, line, &row.id, &fine));
    if (source->kind == EL_TASK_CHOICE && fine) {
        EL_TRY(take_choices(r, object, &row, &fine));
    }
    const json_t *labels = source->label ? json_object_get(object, source->label) : NULL;
    if (source->kind == EL_TASK_MULTILABEL && json_is_array(labels) && fine) {
        static const electra_text NONE;
        r->cells.n = 0;
        EL_TRY(take_list(r, &r->cells, labels, &fine));
        row.labels = r->cells.n ? r->cells.items : &NONE;
        row.n_labels = r->cells.n;
        if (!fine) {
            return el_read_skip(r, line, "\"%s\" is no list of labels", source->label);
        }
    } else if (source->n_flags > 0) {
        EL_TRY(take_flags(r, object, &row, &fine));
    } else {
        EL_TRY(take(r, object, source->label, line, &row.label, &fine));
    }
    if (fine && !row.text.text) {
        return el_read_skip(r, line, "\"%s\" is null", source->text);
    }
    return fine ? el_read_row(r, &row) : ELECTRA_OK;
}

static electra_status read_tagged(el_reader *r, const json_t *object, electra_text id, uint32_t line)
{
    const el_source *source = r->source;
    const json_t *words = json_object_get(object, source->text);
    const json_t *tags = source->label ? json_object_get(object, source->label) : NULL;
    if (!words || (source->label && !tags)) {
        return el_read_lacks_member(r, line, words ? source->label : source->text, object);
    }
    bool fine = true;
    EL_TRY(take(r, object, source->id, line, &id, &fine));
    r->words.n = r->tags.n = 0;
    if (fine) {
        EL_TRY(take_list(r, &r->words, words, &fine));
        if (!fine || r->words.n == 0) {
            return el_read_skip(r, line, "\"%s\" is no list of words", source->text);
        }
    }
    if (fine && tags) {
        EL_TRY(take_list(r, &r->tags, tags, &fine));
        if (!fine || r->tags.n != r->words.n) {
            return el_read_skip(r, line, "\"%s\" is no list of as many tags as there are words (%zu)", source->label,
                                r->words.n);
        }
    }
    return fine ? el_read_sentence(r, r->words.items, r->tags.items, r->words.n, id, line) : ELECTRA_OK;
}

static electra_status read_asked(el_reader *r, const json_t *object, uint32_t line)
{
    const el_source *source = r->source;
    const json_t *context = json_object_get(object, source->pair), *question = json_object_get(object, source->text);
    const json_t *answers = source->answers ? json_object_get(object, source->answers) : NULL;
    if (!json_is_string(context) || !json_is_string(question)) {
        return el_read_lacks_member(r, line, json_is_string(context) ? source->text : source->pair, object);
    }
    const json_t *impossible = json_object_get(object, "is_impossible");
    if (source->answers && !answers && !json_is_true(impossible)) {
        return el_read_lacks_member(r, line, source->answers, object);
    }
    EL_TRY(el_read_context(r, context));
    return el_read_question(r, question, source->id ? json_object_get(object, source->id) : NULL, answers, impossible,
                            line);
}

static electra_status read_object(el_reader *r, const json_t *object, const char *key, uint32_t line)
{
    electra_text id = {0};
    if (!json_is_object(object)) {
        return el_read_skip(r, line, "it is no JSON object");
    }
    if (key) {
        EL_TRY(el_read_copy(r, el_read_string(key, strlen(key)), &id));
    }
    switch (r->source->kind) {
    case EL_TASK_TAG: return read_tagged(r, object, id, line);
    case EL_TASK_ANSWER: return read_asked(r, object, line);
    default: return read_row(r, object, id, line);
    }
}

/* ---- files
 * ------------------------------------------------------------------------------------------------------------- */

electra_status el_read_object(el_reader *r, electra_text line, uint32_t number, json_t **out)
{
    electra_error why = {0};
    electra_text sound;
    *out = NULL;
    if (el_read_trim(line).bytes == 0) {
        return ELECTRA_OK;
    }
    EL_TRY(el_read_text(r, line, number, &sound));
    const electra_status status = el_json_parse(out, sound.text, sound.bytes, "the line", &why);
    if (status == ELECTRA_NO_RESOURCE) {
        return el_fail_memory(r->err, r->path, line.bytes);
    }
    if (status != ELECTRA_OK) {
        return el_read_skip(r, number, "%s", why.message);
    }
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return el_read_skip(r, number, "it is no JSON object");
    }
    return ELECTRA_OK;
}

electra_status el_read_json_lines(el_reader *r, const char *data, size_t bytes)
{
    const char *at = data, *end = data + bytes;
    electra_text line;
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        json_t *object;
        EL_TRY(el_read_object(r, line, number, &object));
        if (object) {
            const electra_status status = read_object(r, object, NULL, number);
            json_decref(object);
            EL_TRY(status);
        }
    }
    return ELECTRA_OK;
}

static electra_status read_all(el_reader *r, json_t *root)
{
    uint32_t number = 1;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        EL_TRY(read_object(r, value, key, number++));
    }
    for (size_t i = 0; i < json_array_size(root); i++) {
        EL_TRY(read_object(r, json_array_get(root, i), NULL, number++));
    }
    return ELECTRA_OK;
}

electra_status el_read_json_rows(el_reader *r, const char *data, size_t bytes)
{
    electra_text text = {data, bytes};
    char *copy;
    EL_TRY(el_read_repair(r, &text, &copy));
    json_t *root = NULL;
    electra_status status = el_json_parse(&root, text.text, text.bytes, r->path, r->err);
    if (status == ELECTRA_OK) {
        status = read_all(r, root);
    }
    json_decref(root);
    el_free(copy);
    return status;
}
