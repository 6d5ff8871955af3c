/* Owns the table of settings. Where their default values come from: src/model/config.c for what depends on the size,
 * fill_in below for the rest. */
#include "train/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/setting_table.h"

static const char FORMAT[] = "electra-run-1";

#define ROW(member, kind, change, least, most)                                                                         \
    EL_SETTING_ROW(electra_pretrain_options, member, kind, change, least, most)
#define WORD(member, change, ...) EL_SETTING_WORD(electra_pretrain_options, member, change, __VA_ARGS__)

static const el_setting ROWS[] = {
    ROW(data, TEXT, FREE, 0, 0),
    ROW(init, TEXT, FIXED, 0, 0),
    ROW(seed, WHOLE, FIXED, 0, 0x1p53 - 1), /* one more would round to a number that is in range */
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
static const el_setting_table TABLE = {ROWS, sizeof ROWS / sizeof ROWS[0]};

electra_pretrain_options electra_pretrain_options_default(void)
{
    electra_pretrain_options options = {.struct_size = sizeof options};
    el_settings_clear_values(&TABLE, &options);
    return options;
}

/* ---- checking ------------------------------------------------------------------------------------------------------
 */

electra_status el_settings_check(const electra_pretrain_options *options, electra_error *err)
{
    if (!options || options->struct_size != sizeof *options) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_pretrain_options_default()");
    }
    if (!options->output || !options->output[0]) {
        return el_fail(err, ELECTRA_MISUSE, "output", "a folder for the run is needed");
    }
    EL_TRY(el_settings_check_values(&TABLE, options, err));
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

/* ---- filling in ----------------------------------------------------------------------------------------------------
 */

static size_t at_least_1(size_t n)
{
    return n > 0 ? n : 1;
}

/* What neither the caller nor the run's folder said. */
static void fill_in(electra_pretrain_options *o, const el_preset *preset)
{
    el_setting_default_whole(&o->seed, 42);
    el_setting_default_choice(&o->embeddings, ELECTRA_SHARE_EMBEDDINGS);
    el_setting_default_choice(&o->compat, ELECTRA_COMPAT_NONE);
    el_setting_default_real(&o->generator_size, o->embeddings == ELECTRA_SHARE_ALL ? 1 : preset->generator_size);
    if (o->hours < 0) {
        el_setting_default_whole(&o->steps, preset->steps);
        /* the published warm-up belongs to a million steps; a short run gets a tenth of its own */
        const size_t tenth = (size_t)o->steps / 10;
        el_setting_default_whole(&o->warmup, tenth < preset->warmup ? tenth : preset->warmup);
        const size_t thousandth = at_least_1((size_t)o->steps / 1000);
        el_setting_default_whole(&o->log_every, thousandth < 100 ? thousandth : 100);
        el_setting_default_whole(&o->eval_every, at_least_1(((size_t)o->steps + 19) / 20));
    }
    el_setting_default_whole(&o->log_every, 10);
    el_setting_default_whole(&o->batch, preset->batch);
    el_setting_default_real(&o->learning_rate, preset->learning_rate);
    el_setting_default_real(&o->epsilon, preset->adam_epsilon);
    el_setting_default_choice(&o->bias_correction, preset->bias_correction);
    el_setting_default_real(&o->weight_decay, preset->weight_decay);
    el_setting_default_real(&o->clip, 1);
    el_setting_default_real(&o->mask_prob, preset->mask_prob);
    el_setting_default_real(&o->discriminator_weight, preset->discriminator_weight);
    el_setting_default_whole(&o->eval_sequences, 1024);
    el_setting_default_whole(&o->keep, 2);
}

/* Given values, then recorded ones. */
static void combine(electra_pretrain_options *o, const electra_pretrain_options *recorded)
{
    const bool other_end = o->steps >= 0 || o->hours >= 0;
    for (size_t i = 0; i < TABLE.n; i++) {
        const bool end = ROWS[i].offset == offsetof(electra_pretrain_options, steps) ||
                         ROWS[i].offset == offsetof(electra_pretrain_options, hours);
        if (!el_setting_is_given(&ROWS[i], o) && !(end && other_end)) {
            el_setting_copy(&ROWS[i], o, recorded);
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
    EL_TRY(el_settings_load(&settings->recorded, options->output, FORMAT, err));
    if (settings->recorded) {
        electra_pretrain_options recorded;
        EL_TRY(el_settings_from_json(&TABLE, &recorded, settings->recorded, options->output, err));
        combine(&settings->given, &recorded);
    }
    electra_pretrain_options *o = &settings->given;
    if (!o->data) {
        return el_fail(err, ELECTRA_MISUSE, "data", "a folder of shards (made by electra prepare) is needed");
    }
    el_setting_default_choice(&o->size, ELECTRA_SIZE_SMALL);
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

static electra_status compare(const el_run_settings *settings, electra_error *err)
{
    electra_pretrain_options then;
    EL_TRY(el_settings_from_json(&TABLE, &then, settings->recorded, settings->given.output, err));
    el_setting_differences all = {0};
    el_settings_compare(&all, &TABLE, &then, &settings->given);
    const json_t *config = json_object_get(settings->recorded, "config");
    if (config != settings->overrides && !json_equal(config, settings->overrides)) {
        el_setting_differs(&all, "config", config ? "another" : "not set", settings->overrides ? "this one" : "none");
    }
    char hash[17];
    hex_of(hash, settings->data_hash);
    const char *recorded_hash = "";
    EL_TRY(
        el_json_text(settings->recorded, "data_hash", EL_JSON_REQUIRED, &recorded_hash, settings->given.output, err));
    if (strcmp(hash, recorded_hash) != 0) {
        el_setting_differs(&all, "the content of data", recorded_hash, hash);
    }
    return el_settings_refuse(&all, settings->given.output, err);
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
    int failed = !el_settings_to_json(&TABLE, &settings->given, free_ones, all);
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
    json_t *all = rows_json(settings, true);
    if (!all || (settings->overrides && json_object_set(all, "config", settings->overrides) != 0)) {
        json_decref(all);
        return el_fail_memory(err, settings->given.output, 0);
    }
    const electra_status status = el_settings_write(all, settings->given.output, FORMAT, err);
    json_decref(all);
    return status;
}

electra_status el_settings_hash(const el_run_settings *settings, uint64_t *out, electra_error *err)
{
    json_t *all = rows_json(settings, false);
    const electra_status status = el_settings_hash_json(all, out, err);
    json_decref(all);
    return status;
}

void el_settings_clear(el_run_settings *settings)
{
    json_decref(settings->overrides);
    json_decref(settings->recorded);
    *settings = (el_run_settings){0};
}
