/* Owns reading cases and the rule of comparison. */
#include "golden/case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

/* ---- problems -------------------------------------------------------------------------------------------------------
 */

void golden_problem(golden_case *c, const char *format, ...)
{
    c->verdict.n_wrong++;
    if (c->verdict.problem[0]) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->verdict.problem, sizeof c->verdict.problem, format, arguments);
    va_end(arguments);
}

bool golden_ok(golden_case *c, electra_status status, const electra_error *err)
{
    if (status != ELECTRA_OK) {
        golden_problem(c, "%s", err->message);
    }
    return status == ELECTRA_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------------
 */

static bool open_tensors(golden_case *c, const char *name, el_safetensors **out)
{
    char *path = el_path_join(c->folder, name);
    electra_error err = {0};
    bool fine = true;
    if (path && el_is_file(path)) {
        fine = golden_ok(c, el_safetensors_open(out, path, &err), &err);
    }
    el_free(path);
    return fine;
}

bool golden_open(golden_case *c, const char *folder)
{
    *c = (golden_case){.folder = folder};
    electra_error err = {0};
    char *path = el_path_join(folder, "case.json");
    const electra_status status = path ? el_json_load(&c->json, path, &err) : ELECTRA_NO_RESOURCE;
    el_free(path);
    if (!golden_ok(c, status, &err)) {
        return false;
    }
    if (!golden_type(c)[0]) {
        golden_problem(c, "case.json names no type");
        return false;
    }
    c->n_expected = json_array_size(json_object_get(c->json, "expected"));
    c->seen = el_alloc(c->n_expected, sizeof *c->seen);
    return c->seen && open_tensors(c, "inputs.safetensors", &c->inputs) &&
           open_tensors(c, "expected.safetensors", &c->expected);
}

void golden_close(golden_case *c)
{
    json_decref(c->json);
    el_safetensors_close(c->inputs);
    el_safetensors_close(c->expected);
    el_free(c->seen);
}

const char *golden_type(const golden_case *c)
{
    const char *type = json_string_value(json_object_get(c->json, "type"));
    return type ? type : "";
}

double golden_setting(golden_case *c, const char *name)
{
    const json_t *value = json_object_get(json_object_get(c->json, "settings"), name);
    if (!json_is_number(value)) {
        golden_problem(c, "settings.%s is no number", name);
    }
    return json_number_value(value);
}

const char *golden_setting_text(golden_case *c, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(c->json, "settings"), name));
    if (!text) {
        golden_problem(c, "settings.%s is no text", name);
    }
    return text ? text : "";
}

bool golden_has_input(const golden_case *c, const char *name)
{
    return c->inputs && el_safetensors_find(c->inputs, name);
}

/* false unless the file's shape is the one that case.json lists. */
static bool shape_is_listed(const el_array *t, const json_t *row)
{
    const json_t *shape = json_object_get(row, "shape");
    if (json_array_size(shape) != t->rank) {
        return false;
    }
    for (size_t i = 0; i < t->rank; i++) {
        if ((size_t)json_integer_value(json_array_get(shape, i)) != t->shape[i]) {
            return false;
        }
    }
    return true;
}

static const json_t *find_row(const golden_case *c, const char *list, const char *name, size_t *out_index)
{
    const json_t *rows = json_object_get(c->json, list);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *row_name = json_string_value(json_object_get(row, "name"));
        if (row_name && strcmp(row_name, name) == 0) {
            *out_index = i;
            return row;
        }
    }
    return NULL;
}

/* with_targets: -100 becomes EL_NO_TARGET. */
static uint32_t *as_indices(golden_case *c, const el_array *t, bool with_targets)
{
    int64_t *wide = el_alloc(t->n, sizeof *wide);
    uint32_t *out = el_alloc(t->n, sizeof *out);
    electra_error err = {0};
    bool fine = wide && out && golden_ok(c, el_array_copy_i64(t, wide, &err), &err);
    for (size_t i = 0; fine && i < t->n; i++) {
        if (with_targets && wide[i] == -100) {
            wide[i] = EL_NO_TARGET;
        } else if (wide[i] < 0 || wide[i] >= UINT32_MAX) {
            golden_problem(c, "%s[%zu] is %lld", t->name, i, (long long)wide[i]);
            fine = false;
        }
        out[i] = (uint32_t)wide[i];
    }
    el_free(wide);
    if (!fine) {
        el_free(out);
        return NULL;
    }
    return out;
}

static const el_array *find_input(golden_case *c, const char *name, size_t n)
{
    const el_array *t = c->inputs ? el_safetensors_find(c->inputs, name) : NULL;
    size_t index;
    const json_t *row = find_row(c, "inputs", name, &index);
    if (!t || !row || !shape_is_listed(t, row) || (n && t->n != n)) {
        golden_problem(c, "input %s is missing or of another shape than expected", name);
        return NULL;
    }
    return t;
}

uint32_t *golden_input(golden_case *c, const char *name, size_t n, size_t *out_n)
{
    const el_array *t = find_input(c, name, n);
    if (t && out_n) {
        *out_n = t->n;
    }
    return t ? as_indices(c, t, false) : NULL;
}

uint32_t *golden_input_targets(golden_case *c, const char *name, size_t n, size_t *out_n)
{
    const el_array *t = find_input(c, name, n);
    if (t && out_n) {
        *out_n = t->n;
    }
    return t ? as_indices(c, t, true) : NULL;
}

float *golden_input_numbers(golden_case *c, const char *name, size_t n)
{
    const el_array *t = find_input(c, name, n);
    float *numbers = t ? el_alloc(t->n, sizeof *numbers) : NULL;
    electra_error err = {0};
    if (numbers && !golden_ok(c, el_array_copy_f32(t, numbers, &err), &err)) {
        el_free(numbers);
        return NULL;
    }
    return numbers;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------
 */

static void record(golden_case *c, const char *where, double difference, double allowed, double scale)
{
    golden_verdict *v = &c->verdict;
    v->n_compared++;
    const double share = difference > 0 ? difference / allowed : 0.0;
    if (!(share <= v->worst)) { /* NaN too */
        v->worst = share;
        v->worst_relative = scale > 0 ? difference / scale : difference;
        snprintf(v->worst_where, sizeof v->worst_where, "%s", where);
    }
}

/* Index of the largest difference; a NaN or infinity wins. */
static size_t largest_difference(const double *got, const double *expected, size_t n, double *difference)
{
    size_t at = 0;
    *difference = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs(got[i] - expected[i]);
        if (!(d <= *difference)) {
            *difference = d;
            at = i;
            if (!isfinite(d)) {
                break;
            }
        }
    }
    return at;
}

static void compare(golden_case *c, const char *where, const double *got, const double *expected, size_t n,
                    double allowed, double scale)
{
    double difference;
    const size_t at = largest_difference(got, expected, n, &difference);
    record(c, where, difference, allowed, scale);
    if (!(difference <= allowed)) {
        golden_problem(c, "%s[%zu] is %.9g, expected %.9g: off by %.3g where %.3g is allowed", where, at, got[at],
                       expected[at], difference, allowed);
    }
}

void golden_compare_numbers(golden_case *c, const char *where, const double *got, const double *expected, size_t n,
                            double tolerance, double floor_)
{
    double scale = floor_;
    for (size_t i = 0; i < n; i++) {
        scale = fmax(scale, fabs(expected[i]));
    }
    compare(c, where, got, expected, n, tolerance * scale, scale);
}

void golden_compare_absolute(golden_case *c, const char *where, const double *got, const double *expected, size_t n,
                             double tolerance)
{
    compare(c, where, got, expected, n, tolerance, 1.0);
}

bool golden_expects(const golden_case *c, const char *name)
{
    size_t index;
    return find_row(c, "expected", name, &index) != NULL;
}

void golden_compare(golden_case *c, const char *name, const float *got, size_t n)
{
    size_t index = 0;
    const json_t *row = find_row(c, "expected", name, &index);
    const el_array *t = row && c->expected ? el_safetensors_find(c->expected, name) : NULL;
    if (!t || t->n != n || !shape_is_listed(t, row)) {
        golden_problem(c, "expected.safetensors lacks %s, or its shape is not what case.json or we say (%zu numbers)",
                       name, n);
        return;
    }
    c->seen[index] = true;
    const char *group_name = json_string_value(json_object_get(row, "group"));
    const json_t *group = json_object_get(json_object_get(c->json, "groups"), group_name ? group_name : "");
    const json_t *tolerance = json_object_get(group, "tolerance");
    if (!json_is_number(tolerance)) {
        golden_problem(c, "%s belongs to no group with a tolerance", name);
        return;
    }
    double *numbers = el_alloc(2 * n, sizeof *numbers);
    electra_error err = {0};
    if (numbers && golden_ok(c, el_array_copy_f64(t, numbers + n, &err), &err)) {
        for (size_t i = 0; i < n; i++) {
            numbers[i] = (double)got[i];
        }
        golden_compare_numbers(c, name, numbers, numbers + n, n, json_number_value(tolerance),
                               json_number_value(json_object_get(group, "floor")));
    }
    el_free(numbers);
}

void golden_compare_packed(golden_case *c, const char *name, const float *got, size_t cols, const uint32_t *lengths,
                           size_t n_sequences, size_t width)
{
    float *padded = el_alloc(n_sequences * width * cols, sizeof *padded);
    if (!padded) {
        golden_problem(c, "out of memory");
        return;
    }
    for (size_t i = 0; i < n_sequences; i++) {
        memcpy(padded + i * width * cols, got, lengths[i] * cols * sizeof *got);
        got += lengths[i] * cols;
    }
    golden_compare(c, name, padded, n_sequences * width * cols);
    el_free(padded);
}

void golden_check_all_seen(golden_case *c)
{
    for (size_t i = 0; i < c->n_expected; i++) {
        if (!c->seen[i]) {
            const json_t *row = json_array_get(json_object_get(c->json, "expected"), i);
            golden_problem(c, "%s was expected and never computed", json_string_value(json_object_get(row, "name")));
        }
    }
    if (c->expected && el_safetensors_count(c->expected) != c->n_expected) {
        golden_problem(c, "expected.safetensors holds %zu tensors, case.json lists %zu",
                       el_safetensors_count(c->expected), c->n_expected);
    }
}
