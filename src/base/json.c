/* Owns the wording of JSON errors. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

enum { MOST_BYTES = 256 << 20 };

electra_status el_json_parse(json_t **out, const char *text, size_t bytes, const char *where, electra_error *err)
{
    json_error_t problem;
    *out = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    if (*out) {
        return ELECTRA_OK;
    }
    /* most of jansson's own failures for lack of memory leave no words at all */
    if (json_error_code(&problem) == json_error_out_of_memory || problem.text[0] == '\0') {
        return el_fail_memory(err, where, bytes);
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s is not valid JSON: line %d, column %d: %s", where, problem.line,
                   problem.column, problem.text);
}

electra_status el_json_load(json_t **out, const char *path, electra_error *err)
{
    *out = NULL;
    el_map map;
    EL_TRY(el_map_open(&map, path, err));
    electra_status status;
    if (map.size > MOST_BYTES) {
        status = el_fail(err, ELECTRA_INVALID, path, "%s has %zu bytes; a JSON file here has at most %d", path,
                         map.size, MOST_BYTES);
    } else {
        status = el_json_parse(out, (const char *)map.data, map.size, path, err);
    }
    el_map_close(&map);
    return status;
}

electra_status el_json_load_if_there(json_t **out, const char *folder, const char *name, electra_error *err)
{
    *out = NULL;
    char *path = el_path_join(folder, name);
    if (!path) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    electra_status status = ELECTRA_OK;
    if (el_is_file(path)) {
        status = el_json_load(out, path, err);
    } else {
        *out = json_null();
    }
    el_free(path);
    return status;
}

json_t *el_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static int add_to_writer(const char *text, size_t bytes, void *writer)
{
    el_writer_add(writer, text, bytes);
    return 0;
}

/* true if every real number in the value comes back the same after being written with 15 digits. */
static bool short_reals(const json_t *value)
{
    if (json_is_real(value)) {
        char text[40];
        (void)snprintf(text, sizeof text, "%.15g", json_real_value(value));
        return strtod(text, NULL) == json_real_value(value);
    }
    const char *key;
    json_t *member_value;
    json_object_foreach((json_t *)value, key, member_value)
    {
        if (!short_reals(member_value)) {
            return false;
        }
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!short_reals(json_array_get(value, i))) {
            return false;
        }
    }
    return true;
}

static electra_status save(const json_t *value, size_t order, const char *path, electra_error *err)
{
    el_writer *w;
    EL_TRY(el_writer_open(&w, path, err));
    /* 17 digits keep any number but turn 0.1 into 0.10000000000000001; people read these files */
    const size_t flags = JSON_INDENT(2) | order | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) * short_reals(value);
    if (json_dump_callback(value, add_to_writer, w, flags) != 0) {
        el_writer_abandon(w);
        return el_fail_memory(err, path, 0);
    }
    el_writer_add(w, "\n", 1);
    return el_writer_commit(w, err);
}

electra_status el_json_save(const json_t *value, const char *path, electra_error *err)
{
    return save(value, JSON_SORT_KEYS, path, err);
}

electra_status el_json_save_in_order(const json_t *value, const char *path, electra_error *err)
{
    return save(value, JSON_PRESERVE_ORDER, path, err);
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

/* The member, or NULL with *status telling whether that is an error. */
static const json_t *member(const json_t *object, const char *name, el_json_need need, const char *where,
                            electra_error *err, electra_status *status)
{
    const json_t *value = json_object_get(object, name);
    *status = ELECTRA_OK;
    if (value && !json_is_null(value)) {
        return value;
    }
    if (need == EL_JSON_REQUIRED) {
        *status = el_fail(err, ELECTRA_INVALID, where, "%s lacks the member \"%s\"", where, name);
    }
    return NULL;
}

static electra_status wrong_type(const json_t *value, const char *name, const char *expected, const char *where,
                                 electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" should be %s but is %s", where, name, expected,
                   type_name(value));
}

electra_status el_json_size(const json_t *object, const char *name, el_json_need need, size_t least, size_t most,
                            size_t *out, const char *where, electra_error *err)
{
    electra_status status;
    const json_t *value = member(object, name, need, where, err, &status);
    if (!value) {
        return status;
    }
    if (!json_is_integer(value)) {
        return wrong_type(value, name, "a whole number", where, err);
    }
    const json_int_t number = json_integer_value(value);
    if (number < 0 || (unsigned long long)number < least || (unsigned long long)number > most) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is %lld; it should be between %zu and %zu", where, name,
                       (long long)number, least, most);
    }
    *out = (size_t)number;
    return ELECTRA_OK;
}

electra_status el_json_real(const json_t *object, const char *name, el_json_need need, double least, double most,
                            double *out, const char *where, electra_error *err)
{
    electra_status status;
    const json_t *value = member(object, name, need, where, err, &status);
    if (!value) {
        return status;
    }
    if (!json_is_number(value)) {
        return wrong_type(value, name, "a number", where, err);
    }
    const double number = json_number_value(value);
    if (!(number >= least && number <= most)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is %g; it should be between %g and %g", where, name,
                       number, least, most);
    }
    *out = number;
    return ELECTRA_OK;
}

electra_status el_json_bool(const json_t *object, const char *name, el_json_need need, bool *out, const char *where,
                            electra_error *err)
{
    electra_status status;
    const json_t *value = member(object, name, need, where, err, &status);
    if (!value) {
        return status;
    }
    if (!json_is_boolean(value)) {
        return wrong_type(value, name, "true or false", where, err);
    }
    *out = json_is_true(value);
    return ELECTRA_OK;
}

electra_status el_json_text(const json_t *object, const char *name, el_json_need need, const char **out,
                            const char *where, electra_error *err)
{
    electra_status status;
    const json_t *value = member(object, name, need, where, err, &status);
    if (!value) {
        return status;
    }
    if (!json_is_string(value)) {
        return wrong_type(value, name, "a string", where, err);
    }
    *out = json_string_value(value);
    return ELECTRA_OK;
}
