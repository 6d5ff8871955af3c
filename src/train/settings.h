/* The settings of a run: what the caller gave, what the run's folder recorded, what the preset says; in this order.
 * One table (settings.c) has a row for each setting; checking, recording, filling in and comparing all read it. */
#ifndef EL_TRAIN_SETTINGS_H
#define EL_TRAIN_SETTINGS_H

#include <electra/data.h>
#include <electra/train.h>

#include "base/json.h"
#include "model/config.h"

typedef struct el_run_settings {
    electra_pretrain_options given; /* everything in force; texts borrowed from the caller's options or `recorded` */
    const el_preset *preset;
    json_t *overrides;  /* sizes that differ from the preset's, as in a config.json; NULL: none */
    json_t *recorded;   /* settings.json as it was found; NULL: a new run */
    uint64_t data_hash; /* of the shards' manifest.json */
    el_pretrain_config pair;
} el_run_settings;

/* Check each given value by itself and those that exclude each other. ELECTRA_MISUSE names the setting. */
electra_status el_settings_check(const electra_pretrain_options *options, electra_error *err);

/* Read <output>/settings.json if it is there, and settle everything that does not need the data. settings: zeroed;
 * to be cleared in any case. */
electra_status el_settings_resolve(el_run_settings *settings, const electra_pretrain_options *options,
                                   electra_error *err);

/* Now with the data: sizes of both networks, what depends on them, and ELECTRA_MISUSE with a list of all differences if
 * the run was begun with other settings. */
electra_status el_settings_bind(el_run_settings *settings, const electra_data *data, electra_error *err);

/* Write <output>/settings.json. */
electra_status el_settings_save(const el_run_settings *settings, electra_error *err);

/* What a checkpoint is tied to: a hash over every setting that changes what is learned. */
electra_status el_settings_hash(const el_run_settings *settings, uint64_t *out, electra_error *err);

void el_settings_clear(el_run_settings *settings); /* accepts a zeroed one */

#endif
