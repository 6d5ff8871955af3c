/* Owns what can be done with a table of settings. */
#include "train/setting_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/utf8.h"

static const char FILE_NAME[] = "settings.json";

enum { TEXT_BYTES = 320 };

/* ---- values ------------------------------------------------------------------------------------------------------ */

static long get_whole(const el_setting *r, const void *options)
{
    long value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static double get_real(const el_setting *r, const void *options)
{
    double value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static int get_choice(const el_setting *r, const void *options)
{
    int value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static const char *get_text(const el_setting *r, const void *options)
{
    const char *value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static void put(const el_setting *r, void *options, const void *value, size_t bytes)
{
    memcpy((char *)options + r->offset, value, bytes);
}

bool el_setting_is_given(const el_setting *r, const void *options)
{
    switch (r->kind) {
    case EL_SETTING_WHOLE: return get_whole(r, options) >= 0;
    case EL_SETTING_REAL: return get_real(r, options) >= 0;
    case EL_SETTING_CHOICE: return get_choice(r, options) >= 0;
    case EL_SETTING_TEXT: return get_text(r, options) != NULL;
    }
    return false;
}

void el_setting_copy(const el_setting *r, void *to, const void *from)
{
    static const size_t BYTES[] = {[EL_SETTING_WHOLE] = sizeof(long),
                                   [EL_SETTING_REAL] = sizeof(double),
                                   [EL_SETTING_CHOICE] = sizeof(int),
                                   [EL_SETTING_TEXT] = sizeof(char *)};
    put(r, to, (const char *)from + r->offset, BYTES[r->kind]);
}

static void value_text(char *text, const el_setting *r, const void *options)
{
    switch (r->kind) {
    case EL_SETTING_WHOLE: (void)snprintf(text, TEXT_BYTES, "%ld", get_whole(r, options)); break;
    case EL_SETTING_REAL: (void)snprintf(text, TEXT_BYTES, "%.10g", get_real(r, options)); break;
    case EL_SETTING_CHOICE: (void)snprintf(text, TEXT_BYTES, "%s", r->choices[get_choice(r, options)]); break;
    case EL_SETTING_TEXT: (void)snprintf(text, TEXT_BYTES, "%s", get_text(r, options)); break;
    }
}

void el_settings_clear_values(const el_setting_table *table, void *options)
{
    const long not_whole = -1;
    const double not_real = -1;
    const int not_chosen = -1;
    const char *const no_text = NULL;
    for (size_t i = 0; i < table->n; i++) {
        const el_setting *r = &table->rows[i];
        switch (r->kind) {
        case EL_SETTING_WHOLE: put(r, options, &not_whole, sizeof not_whole); break;
        case EL_SETTING_REAL: put(r, options, &not_real, sizeof not_real); break;
        case EL_SETTING_CHOICE: put(r, options, &not_chosen, sizeof not_chosen); break;
        case EL_SETTING_TEXT: put(r, options, &no_text, sizeof no_text); break;
        }
    }
}

void el_setting_default_whole(long *value, size_t preset)
{
    *value = *value >= 0 ? *value : (long)preset;
}

void el_setting_default_real(double *value, double preset)
{
    *value = *value >= 0 ? *value : preset;
}

void el_setting_default_choice(int *value, int preset)
{
    *value = *value >= 0 ? *value : preset;
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

static electra_status check_row(const el_setting *r, const void *options, electra_error *err)
{
    if (r->kind == EL_SETTING_CHOICE) {
        int n = 0;
        while (n < EL_SETTING_CHOICES && r->choices[n]) {
            n++;
        }
        if (get_choice(r, options) >= n) {
            return el_fail(err, ELECTRA_MISUSE, r->name, "there is no choice %d", get_choice(r, options));
        }
        return ELECTRA_OK;
    }
    if (r->kind == EL_SETTING_TEXT) {
        const char *text = get_text(r, options);
        const uint8_t *bytes = (const uint8_t *)text;
        const bool sound = !text || !el_utf8_ill_formed(bytes, bytes + strlen(text)); /* settings.json must hold it */
        return sound ? ELECTRA_OK
                     : el_fail(err, ELECTRA_MISUSE, r->name,
                               "what is given as %s is not UTF-8, which it must be, paths included", r->name);
    }
    const double value = r->kind == EL_SETTING_WHOLE ? (double)get_whole(r, options) : get_real(r, options);
    if (isnan(value) || (value >= 0 && (value < r->least || value > r->most))) {
        return el_fail(err, ELECTRA_MISUSE, r->name, "%.10g is out of range: it should be between %.10g and %.10g",
                       value, r->least, r->most);
    }
    return ELECTRA_OK;
}

electra_status el_settings_check_values(const el_setting_table *table, const void *options, electra_error *err)
{
    for (size_t i = 0; i < table->n; i++) {
        EL_TRY(check_row(&table->rows[i], options, err));
    }
    return ELECTRA_OK;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* A member of settings.json into options, if it is there. */
static electra_status read_row(const el_setting *r, void *options, const json_t *recorded, const char *where,
                               electra_error *err)
{
    if (!json_object_get(recorded, r->name)) {
        return ELECTRA_OK;
    }
    if (r->kind == EL_SETTING_WHOLE) {
        size_t value = 0;
        EL_TRY(
            el_json_size(recorded, r->name, EL_JSON_REQUIRED, (size_t)r->least, (size_t)r->most, &value, where, err));
        const long whole = (long)value;
        put(r, options, &whole, sizeof whole);
        return ELECTRA_OK;
    }
    if (r->kind == EL_SETTING_REAL) {
        double value = 0;
        EL_TRY(el_json_real(recorded, r->name, EL_JSON_REQUIRED, r->least, r->most, &value, where, err));
        put(r, options, &value, sizeof value);
        return ELECTRA_OK;
    }
    const char *text = NULL;
    EL_TRY(el_json_text(recorded, r->name, EL_JSON_REQUIRED, &text, where, err));
    if (r->kind == EL_SETTING_TEXT) {
        put(r, options, &text, sizeof text);
        return ELECTRA_OK;
    }
    for (int i = 0; i < EL_SETTING_CHOICES && r->choices[i]; i++) {
        if (strcmp(r->choices[i], text) == 0) {
            put(r, options, &i, sizeof i);
            return ELECTRA_OK;
        }
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is \"%s\", which is none of its choices", where, r->name,
                   text);
}

electra_status el_settings_from_json(const el_setting_table *table, void *options, const json_t *recorded,
                                     const char *where, electra_error *err)
{
    el_settings_clear_values(table, options);
    for (size_t i = 0; i < table->n; i++) {
        EL_TRY(read_row(&table->rows[i], options, recorded, where, err));
    }
    return ELECTRA_OK;
}

/* NULL for a text that is not UTF-8. */
static json_t *value_json(const el_setting *r, const void *options)
{
    switch (r->kind) {
    case EL_SETTING_WHOLE: return json_integer(get_whole(r, options));
    case EL_SETTING_REAL: return json_real(get_real(r, options));
    case EL_SETTING_CHOICE: return json_string(r->choices[get_choice(r, options)]);
    case EL_SETTING_TEXT: return json_string(get_text(r, options));
    }
    return NULL;
}

bool el_settings_to_json(const el_setting_table *table, const void *options, bool all, json_t *out)
{
    int failed = 0;
    for (size_t i = 0; i < table->n; i++) {
        const el_setting *r = &table->rows[i];
        if (el_setting_is_given(r, options) && (all || r->change == EL_SETTING_FIXED)) {
            failed |= json_object_set_new(out, r->name, value_json(r, options));
        }
    }
    return !failed;
}

electra_status el_settings_load(json_t **out, const char *folder, const char *format, electra_error *err)
{
    *out = NULL;
    if (el_is_file(folder)) {
        return el_fail(err, ELECTRA_MISUSE, folder, "is a file; a run needs a folder, and makes it if it is not there");
    }
    char *path = el_path_join(folder, FILE_NAME);
    if (!path) {
        return el_fail_memory(err, FILE_NAME, 0);
    }
    electra_status status = ELECTRA_OK;
    if (el_is_file(path)) {
        const char *found = NULL;
        status = el_json_load(out, path, err);
        if (status == ELECTRA_OK) {
            status = el_json_text(*out, "format", EL_JSON_REQUIRED, &found, path, err);
        }
        if (status == ELECTRA_OK && strcmp(found, format) != 0) {
            status = el_fail(err, ELECTRA_INVALID, path, "%s is of format \"%s\", not \"%s\"", path, found, format);
        }
    }
    el_free(path);
    return status;
}

electra_status el_settings_write(json_t *all, const char *folder, const char *format, electra_error *err)
{
    char *path = el_path_join(folder, FILE_NAME);
    int failed = json_object_set_new(all, "format", json_string(format));
    failed |= json_object_set_new(all, "electra_version", json_string(electra_version()));
    const electra_status status = !path || failed ? el_fail_memory(err, FILE_NAME, 0) : el_json_save(all, path, err);
    el_free(path);
    return status;
}

electra_status el_settings_hash_json(const json_t *all, uint64_t *out, electra_error *err)
{
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (!text) {
        return el_fail_memory(err, "the settings", 0);
    }
    *out = el_hash64(text, strlen(text));
    free(text);
    return ELECTRA_OK;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

void el_setting_differs(el_setting_differences *all, const char *name, const char *then, const char *now)
{
    const size_t used = strlen(all->text);
    (void)snprintf(all->text + used, sizeof all->text - used, "%s%s is %s, you ask for %s", all->n++ ? "; " : "", name,
                   then, now);
}

static void compare_row(el_setting_differences *all, const el_setting *r, const void *then, const void *now)
{
    char old[TEXT_BYTES] = "not set";
    char new[TEXT_BYTES] = "not set";
    const bool had = el_setting_is_given(r, then);
    const bool has = el_setting_is_given(r, now);
    if (r->change == EL_SETTING_FREE || (!had && !has)) {
        return;
    }
    if (had) {
        value_text(old, r, then);
    }
    if (has) {
        value_text(new, r, now);
    }
    if (strcmp(old, new) == 0) {
        return;
    }
    const bool grown =
        had && has && r->change == EL_SETTING_GROWS &&
        (r->kind == EL_SETTING_REAL ? get_real(r, now) > get_real(r, then) : get_whole(r, now) > get_whole(r, then));
    if (!grown) {
        el_setting_differs(all, r->name, old, new);
    }
}

void el_settings_compare(el_setting_differences *all, const el_setting_table *table, const void *then, const void *now)
{
    for (size_t i = 0; i < table->n; i++) {
        compare_row(all, &table->rows[i], then, now);
    }
}

electra_status el_settings_refuse(const el_setting_differences *all, const char *folder, electra_error *err)
{
    if (all->n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(
        err, ELECTRA_MISUSE, folder,
        "the run in this folder was begun with other settings: %s. Use the old ones, or another output folder",
        all->text);
}
