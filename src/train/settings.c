/* Owns the table of settings. Where their default values come from: src/model/config.c for what depends on the size,
 * fill_in below for the rest. */
#include "train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

static const char FILE_NAME[] = "settings.json";

typedef enum kind { WHOLE, REAL, CHOICE, TEXT } kind;

/* May a run be gone on with under another value? */
typedef enum change {
    FIXED, /* no: the result would be neither the old run's nor the new one's */
    GROWS, /* only to a larger one */
    FREE   /* it does not change what is learned, beyond rounding */
} change;

typedef struct row {
    const char *name; /* member of settings.json; with dashes the option of the command line */
    kind kind;
    change change;
    size_t offset; /* in electra_pretrain_options */
    double least, most;
    const char *choices[6];
} row;

#define ROW(member, kind_, change_, least_, most_)                                                                     \
    {                                                                                                                  \
        .name = #member, .kind = kind_, .change = change_, .offset = offsetof(electra_pretrain_options, member),       \
        .least = least_, .most = most_                                                                                 \
    }
#define WORD(member, change_, ...)                                                                                     \
    {                                                                                                                  \
        .name = #member, .kind = CHOICE, .change = change_, .offset = offsetof(electra_pretrain_options, member),      \
        .choices = {                                                                                                   \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

static const row ROWS[] = {
    ROW(data, TEXT, FREE, 0, 0),
    ROW(init, TEXT, FIXED, 0, 0),
    ROW(seed, WHOLE, FIXED, 0, 0x1p53),
    WORD(size, FIXED, "tiny", "mini", "small", "base", "large"),
    WORD(embeddings, FIXED, "tied", "untied", "all"),
    ROW(generator_size, REAL, FIXED, 0.01, 1),
    ROW(dropout, REAL, FIXED, 0, 0.9),
    ROW(initial_deviation, REAL, FIXED, 1e-4, 1),
    ROW(steps, WHOLE, GROWS, 1, 1e12),
    ROW(hours, REAL, GROWS, 1e-4, 1e5),
    ROW(batch, WHOLE, FIXED, 1, 1 << 20),
    ROW(micro_batch, WHOLE, FREE, 1, 1 << 20),
    ROW(learning_rate, REAL, FIXED, 1e-12, 10),
    ROW(warmup, WHOLE, FIXED, 0, 1e12),
    ROW(epsilon, REAL, FIXED, 1e-16, 1),
    WORD(bias_correction, FIXED, "off", "on"),
    ROW(weight_decay, REAL, FIXED, 0, 1),
    ROW(clip, REAL, FIXED, 0, 1e9),
    ROW(mask_prob, REAL, FIXED, 0.01, 0.9),
    ROW(discriminator_weight, REAL, FIXED, 0, 1e6),
    WORD(compat, FIXED, "none", "google"),
    ROW(log_every, WHOLE, FREE, 1, 1e9),
    ROW(eval_every, WHOLE, FREE, 1, 1e12),
    ROW(eval_sequences, WHOLE, FREE, 1, 1e9),
    ROW(save_every, WHOLE, FREE, 1, 1e12),
    ROW(keep, WHOLE, FREE, 0, 1e6),
};
enum { N_ROWS = sizeof ROWS / sizeof ROWS[0], TEXT_BYTES = 320 };

/* ---- values --------------------------------------------------------------------------------------------------------
 */

static long get_whole(const electra_pretrain_options *options, const row *r)
{
    long value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static double get_real(const electra_pretrain_options *options, const row *r)
{
    double value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static int get_choice(const electra_pretrain_options *options, const row *r)
{
    int value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static const char *get_text(const electra_pretrain_options *options, const row *r)
{
    const char *value;
    memcpy(&value, (const char *)options + r->offset, sizeof value);
    return value;
}

static void put(electra_pretrain_options *options, const row *r, const void *value, size_t bytes)
{
    memcpy((char *)options + r->offset, value, bytes);
}

static bool is_given(const electra_pretrain_options *options, const row *r)
{
    switch (r->kind) {
    case WHOLE: return get_whole(options, r) >= 0;
    case REAL: return get_real(options, r) >= 0;
    case CHOICE: return get_choice(options, r) >= 0;
    case TEXT: return get_text(options, r) != NULL;
    }
    return false;
}

static void copy_value(electra_pretrain_options *to, const electra_pretrain_options *from, const row *r)
{
    static const size_t BYTES[] = {
        [WHOLE] = sizeof(long), [REAL] = sizeof(double), [CHOICE] = sizeof(int), [TEXT] = sizeof(char *)};
    put(to, r, (const char *)from + r->offset, BYTES[r->kind]);
}

static void value_text(char *text, const electra_pretrain_options *options, const row *r)
{
    switch (r->kind) {
    case WHOLE: (void)snprintf(text, TEXT_BYTES, "%ld", get_whole(options, r)); break;
    case REAL: (void)snprintf(text, TEXT_BYTES, "%.10g", get_real(options, r)); break;
    case CHOICE: (void)snprintf(text, TEXT_BYTES, "%s", r->choices[get_choice(options, r)]); break;
    case TEXT: (void)snprintf(text, TEXT_BYTES, "%s", get_text(options, r)); break;
    }
}

electra_pretrain_options electra_pretrain_options_default(void)
{
    electra_pretrain_options options = {.struct_size = sizeof options};
    const long not_whole = -1;
    const double not_real = -1;
    const int not_chosen = -1;
    for (size_t i = 0; i < N_ROWS; i++) {
        switch (ROWS[i].kind) {
        case WHOLE: put(&options, &ROWS[i], &not_whole, sizeof not_whole); break;
        case REAL: put(&options, &ROWS[i], &not_real, sizeof not_real); break;
        case CHOICE: put(&options, &ROWS[i], &not_chosen, sizeof not_chosen); break;
        case TEXT: break;
        }
    }
    return options;
}

/* ---- checking ------------------------------------------------------------------------------------------------------
 */

static electra_status check_row(const electra_pretrain_options *options, const row *r, electra_error *err)
{
    if (r->kind == CHOICE) {
        size_t n = 0;
        while (n < 6 && r->choices[n]) {
            n++;
        }
        if (get_choice(options, r) >= (int)n) {
            return el_fail(err, ELECTRA_MISUSE, r->name, "there is no choice %d", get_choice(options, r));
        }
        return ELECTRA_OK;
    }
    if (r->kind == TEXT) {
        return ELECTRA_OK;
    }
    const double value = r->kind == WHOLE ? (double)get_whole(options, r) : get_real(options, r);
    if (isnan(value) || (value >= 0 && (value < r->least || value > r->most))) {
        return el_fail(err, ELECTRA_MISUSE, r->name, "%.10g is out of range: it should be between %.10g and %.10g",
                       value, r->least, r->most);
    }
    return ELECTRA_OK;
}

electra_status el_settings_check(const electra_pretrain_options *options, electra_error *err)
{
    if (!options || options->struct_size != sizeof *options) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_pretrain_options_default()");
    }
    if (!options->output || !options->output[0]) {
        return el_fail(err, ELECTRA_MISUSE, "output", "a folder for the run is needed");
    }
    for (size_t i = 0; i < N_ROWS; i++) {
        EL_TRY(check_row(options, &ROWS[i], err));
    }
    if (options->steps >= 0 && options->hours >= 0) {
        return el_fail(err, ELECTRA_MISUSE, "hours",
                       "a run ends after a number of steps or after a time: give only one of steps and hours");
    }
    if (options->batch > 0 && options->micro_batch > options->batch) {
        return el_fail(err, ELECTRA_MISUSE, "micro_batch", "%ld sequences at a time are more than the batch of %ld",
                       options->micro_batch, options->batch);
    }
    if (options->steps >= 0 && options->warmup > options->steps) {
        return el_fail(err, ELECTRA_MISUSE, "warmup", "a warm-up of %ld steps does not fit into %ld steps",
                       options->warmup, options->steps);
    }
    if (options->embeddings == ELECTRA_SHARE_ALL && options->generator_size >= 0 && options->generator_size < 1) {
        return el_fail(err, ELECTRA_MISUSE, "generator_size",
                       "with embeddings \"all\" generator and discriminator are one encoder of one size; leave "
                       "generator_size out");
    }
    return ELECTRA_OK;
}

/* ---- what was recorded ---------------------------------------------------------------------------------------------
 */

/* A member of settings.json into options, if it is there. */
static electra_status read_row(electra_pretrain_options *options, const json_t *recorded, const row *r,
                               const char *where, electra_error *err)
{
    if (!json_object_get(recorded, r->name)) {
        return ELECTRA_OK;
    }
    if (r->kind == WHOLE) {
        size_t value = 0;
        EL_TRY(
            el_json_size(recorded, r->name, EL_JSON_REQUIRED, (size_t)r->least, (size_t)r->most, &value, where, err));
        const long whole = (long)value;
        put(options, r, &whole, sizeof whole);
        return ELECTRA_OK;
    }
    if (r->kind == REAL) {
        double value = 0;
        EL_TRY(el_json_real(recorded, r->name, EL_JSON_REQUIRED, r->least, r->most, &value, where, err));
        put(options, r, &value, sizeof value);
        return ELECTRA_OK;
    }
    const char *text = NULL;
    EL_TRY(el_json_text(recorded, r->name, EL_JSON_REQUIRED, &text, where, err));
    if (r->kind == TEXT) {
        put(options, r, &text, sizeof text);
        return ELECTRA_OK;
    }
    for (int i = 0; i < 6 && r->choices[i]; i++) {
        if (strcmp(r->choices[i], text) == 0) {
            put(options, r, &i, sizeof i);
            return ELECTRA_OK;
        }
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is \"%s\", which is none of its choices", where, r->name,
                   text);
}

static electra_status read_all(electra_pretrain_options *options, const json_t *recorded, const char *where,
                               electra_error *err)
{
    *options = electra_pretrain_options_default();
    for (size_t i = 0; i < N_ROWS; i++) {
        EL_TRY(read_row(options, recorded, &ROWS[i], where, err));
    }
    return ELECTRA_OK;
}

static electra_status load_recorded(el_run_settings *settings, electra_error *err)
{
    char *path = el_path_join(settings->given.output, FILE_NAME);
    if (!path) {
        return el_fail_memory(err, FILE_NAME, 0);
    }
    electra_status status = ELECTRA_OK;
    if (el_is_file(path)) {
        const char *format = NULL;
        status = el_json_load(&settings->recorded, path, err);
        if (status == ELECTRA_OK) {
            status = el_json_text(settings->recorded, "format", EL_JSON_REQUIRED, &format, path, err);
        }
        if (status == ELECTRA_OK && strcmp(format, "electra-run-1") != 0) {
            status = el_fail(err, ELECTRA_INVALID, path, "%s is of format \"%s\", not \"electra-run-1\"", path, format);
        }
    }
    el_free(path);
    return status;
}

/* ---- filling in ----------------------------------------------------------------------------------------------------
 */

static void default_whole(long *value, size_t preset)
{
    *value = *value >= 0 ? *value : (long)preset;
}

static void default_real(double *value, double preset)
{
    *value = *value >= 0 ? *value : preset;
}

static void default_choice(int *value, int preset)
{
    *value = *value >= 0 ? *value : preset;
}

static size_t at_least_1(size_t n)
{
    return n > 0 ? n : 1;
}

/* What neither the caller nor the run's folder said. */
static void fill_in(electra_pretrain_options *o, const el_preset *preset)
{
    default_whole(&o->seed, 42);
    default_choice(&o->embeddings, ELECTRA_SHARE_EMBEDDINGS);
    default_choice(&o->compat, ELECTRA_COMPAT_NONE);
    default_real(&o->generator_size, o->embeddings == ELECTRA_SHARE_ALL ? 1 : preset->generator_size);
    if (o->hours < 0) {
        default_whole(&o->steps, preset->steps);
        /* the published warm-up belongs to a million steps; a short run gets a tenth of its own */
        const size_t tenth = (size_t)o->steps / 10;
        default_whole(&o->warmup, tenth < preset->warmup ? tenth : preset->warmup);
        const size_t thousandth = at_least_1((size_t)o->steps / 1000);
        default_whole(&o->log_every, thousandth < 100 ? thousandth : 100);
        default_whole(&o->eval_every, at_least_1(((size_t)o->steps + 19) / 20));
    }
    default_whole(&o->log_every, 10);
    default_whole(&o->batch, preset->batch);
    default_real(&o->learning_rate, preset->learning_rate);
    default_real(&o->epsilon, preset->adam_epsilon);
    default_choice(&o->bias_correction, preset->bias_correction);
    default_real(&o->weight_decay, preset->weight_decay);
    default_real(&o->clip, 1);
    default_real(&o->mask_prob, preset->mask_prob);
    default_real(&o->discriminator_weight, preset->discriminator_weight);
    default_whole(&o->eval_sequences, 1024);
    default_whole(&o->keep, 2);
}

/* Given values, then recorded ones. */
static void combine(electra_pretrain_options *o, const electra_pretrain_options *recorded)
{
    const bool other_end = o->steps >= 0 || o->hours >= 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        const bool end = ROWS[i].offset == offsetof(electra_pretrain_options, steps) ||
                         ROWS[i].offset == offsetof(electra_pretrain_options, hours);
        if (!is_given(o, &ROWS[i]) && !(end && other_end)) {
            copy_value(o, recorded, &ROWS[i]);
        }
    }
}

static electra_status load_overrides(el_run_settings *settings, const char *path, electra_error *err)
{
    if (path) {
        return el_json_load(&settings->overrides, path, err);
    }
    settings->overrides = settings->recorded ? json_incref(json_object_get(settings->recorded, "config")) : NULL;
    return ELECTRA_OK;
}

electra_status el_settings_resolve(el_run_settings *settings, const electra_pretrain_options *options,
                                   electra_error *err)
{
    settings->given = *options;
    EL_TRY(load_recorded(settings, err));
    if (settings->recorded) {
        electra_pretrain_options recorded;
        EL_TRY(read_all(&recorded, settings->recorded, FILE_NAME, err));
        combine(&settings->given, &recorded);
    }
    electra_pretrain_options *o = &settings->given;
    if (!o->data) {
        return el_fail(err, ELECTRA_MISUSE, "data", "a folder of shards (made by electra prepare) is needed");
    }
    default_choice(&o->size, ELECTRA_SIZE_SMALL);
    static const char *const SIZES[] = {"tiny", "mini", "small", "base", "large"};
    settings->preset = el_preset_find(SIZES[o->size]);
    fill_in(o, settings->preset);
    return load_overrides(settings, options->config, err);
}

/* ---- with the data -------------------------------------------------------------------------------------------------
 */

static electra_status derive_sizes(el_run_settings *settings, const electra_data_summary *summary, electra_error *err)
{
    electra_pretrain_options *o = &settings->given;
    el_model_config model = settings->preset->model;
    model.vocab_size = summary->vocabulary_size;
    if (settings->overrides) {
        EL_TRY(el_config_apply(&model, settings->overrides, o->config ? o->config : "config", err));
    }
    if (model.vocab_size != summary->vocabulary_size) {
        return el_fail(err, ELECTRA_MISUSE, "config",
                       "vocab_size is %zu, but the shards were made with a vocabulary of %zu", model.vocab_size,
                       summary->vocabulary_size);
    }
    if (o->dropout >= 0) {
        model.hidden_dropout = model.attention_dropout = o->dropout;
    } else if (!(model.hidden_dropout < model.attention_dropout) && !(model.hidden_dropout > model.attention_dropout)) {
        o->dropout = model.hidden_dropout;
    }
    if (o->initial_deviation >= 0) {
        model.initializer_range = o->initial_deviation;
    }
    o->initial_deviation = model.initializer_range;
    if (summary->max_length > model.max_positions) {
        return el_fail(err, ELECTRA_MISUSE, "data",
                       "the shards hold sequences of %zu tokens, but the model has %zu positions; prepare them with a "
                       "smaller --max-length",
                       summary->max_length, model.max_positions);
    }
    return el_pretrain_config_derive(&settings->pair, &model, o->generator_size, 1.0, (el_sharing)o->embeddings, err);
}

static electra_status hash_manifest(el_run_settings *settings, electra_error *err)
{
    char *path = el_path_join(settings->given.data, "manifest.json");
    if (!path) {
        return el_fail_memory(err, settings->given.data, 0);
    }
    el_map map = {0};
    const electra_status status = el_map_open(&map, path, err);
    if (status == ELECTRA_OK) {
        settings->data_hash = el_hash64(map.data, map.size);
    }
    el_map_close(&map);
    el_free(path);
    return status;
}

static void hex_of(char text[17], uint64_t value)
{
    (void)snprintf(text, 17, "%016llx", (unsigned long long)value);
}

/* ---- comparing -----------------------------------------------------------------------------------------------------
 */

typedef struct differences {
    char text[600];
    size_t n;
} differences;

static void add_difference(differences *all, const char *name, const char *then, const char *now)
{
    const size_t used = strlen(all->text);
    (void)snprintf(all->text + used, sizeof all->text - used, "%s%s is %s, you ask for %s", all->n++ ? "; " : "", name,
                   then, now);
}

static void compare_row(differences *all, const electra_pretrain_options *then, const electra_pretrain_options *now,
                        const row *r)
{
    char old[TEXT_BYTES] = "not set";
    char new[TEXT_BYTES] = "not set";
    const bool had = is_given(then, r);
    const bool has = is_given(now, r);
    if (r->change == FREE || (!had && !has)) {
        return;
    }
    if (had) {
        value_text(old, then, r);
    }
    if (has) {
        value_text(new, now, r);
    }
    if (strcmp(old, new) == 0) {
        return;
    }
    const bool grown =
        had && has && (r->kind == REAL ? get_real(now, r) > get_real(then, r) : get_whole(now, r) > get_whole(then, r));
    if (r->change != GROWS || !grown) {
        add_difference(all, r->name, old, new);
    }
}

static electra_status compare(const el_run_settings *settings, electra_error *err)
{
    electra_pretrain_options then;
    EL_TRY(read_all(&then, settings->recorded, FILE_NAME, err));
    differences all = {0};
    for (size_t i = 0; i < N_ROWS; i++) {
        compare_row(&all, &then, &settings->given, &ROWS[i]);
    }
    const json_t *config = json_object_get(settings->recorded, "config");
    if (config != settings->overrides && !json_equal(config, settings->overrides)) {
        add_difference(&all, "config", config ? "another" : "not set", settings->overrides ? "this one" : "none");
    }
    char hash[17];
    hex_of(hash, settings->data_hash);
    const char *recorded_hash = "";
    EL_TRY(el_json_text(settings->recorded, "data_hash", EL_JSON_REQUIRED, &recorded_hash, FILE_NAME, err));
    if (strcmp(hash, recorded_hash) != 0) {
        add_difference(&all, "the content of data", recorded_hash, hash);
    }
    if (all.n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(
        err, ELECTRA_MISUSE, settings->given.output,
        "the run in this folder was begun with other settings: %s. Use the old ones, or another output folder",
        all.text);
}

electra_status el_settings_bind(el_run_settings *settings, const electra_data *data, electra_error *err)
{
    EL_TRY(derive_sizes(settings, electra_data_describe(data), err));
    EL_TRY(hash_manifest(settings, err));
    if (settings->recorded) {
        EL_TRY(compare(settings, err));
    }
    /* what was not given may not fit what was */
    return el_settings_check(&settings->given, err);
}

/* ---- recording -----------------------------------------------------------------------------------------------------
 */

/* NULL (and no member) for a text that is not UTF-8. */
static json_t *value_json(const electra_pretrain_options *options, const row *r)
{
    switch (r->kind) {
    case WHOLE: return json_integer(get_whole(options, r));
    case REAL: return json_real(get_real(options, r));
    case CHOICE: return json_string(r->choices[get_choice(options, r)]);
    case TEXT: return json_string(get_text(options, r));
    }
    return NULL;
}

static json_t *sizes_json(const el_model_config *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s}", "vocab_size", (json_int_t)c->vocab_size,
                     "embedding_size", (json_int_t)c->embedding_size, "hidden_size", (json_int_t)c->hidden_size,
                     "num_hidden_layers", (json_int_t)c->n_layers, "num_attention_heads", (json_int_t)c->n_heads,
                     "intermediate_size", (json_int_t)c->intermediate_size, "max_position_embeddings",
                     (json_int_t)c->max_positions, "hidden_dropout_prob", c->hidden_dropout,
                     "attention_probs_dropout_prob", c->attention_dropout, "hidden_act",
                     el_activation_name(c->activation));
}

/* The rows of all kinds but FREE ones, or all. NULL when out of memory. */
static json_t *rows_json(const el_run_settings *settings, bool free_ones)
{
    json_t *all = json_object();
    int failed = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (is_given(&settings->given, &ROWS[i]) && (free_ones || ROWS[i].change == FIXED)) {
            failed |= json_object_set_new(all, ROWS[i].name, value_json(&settings->given, &ROWS[i]));
        }
    }
    char hash[17];
    hex_of(hash, settings->data_hash);
    failed |= json_object_set_new(all, "data_hash", json_string(hash));
    failed |= json_object_set_new(all, "discriminator", sizes_json(&settings->pair.discriminator));
    failed |= json_object_set_new(all, "generator", sizes_json(&settings->pair.generator));
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

electra_status el_settings_save(const el_run_settings *settings, electra_error *err)
{
    char *path = el_path_join(settings->given.output, FILE_NAME);
    json_t *all = rows_json(settings, true);
    int failed = json_object_set_new(all, "format", json_string("electra-run-1"));
    failed |= json_object_set_new(all, "electra_version", json_string(electra_version()));
    if (settings->overrides) {
        failed |= json_object_set(all, "config", settings->overrides);
    }
    electra_status status = !path || failed ? el_fail_memory(err, FILE_NAME, 0) : ELECTRA_OK;
    if (status == ELECTRA_OK) {
        status = el_json_save(all, path, err);
    }
    json_decref(all);
    el_free(path);
    return status;
}

electra_status el_settings_hash(const el_run_settings *settings, uint64_t *out, electra_error *err)
{
    json_t *all = rows_json(settings, false);
    char *text = all ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    if (!text) {
        return el_fail_memory(err, "the settings", 0);
    }
    *out = el_hash64(text, strlen(text));
    free(text);
    return ELECTRA_OK;
}

void el_settings_clear(el_run_settings *settings)
{
    json_decref(settings->overrides);
    json_decref(settings->recorded);
    *settings = (el_run_settings){0};
}
