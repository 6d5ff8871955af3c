/* Everything needed to go on with a run bit for bit, in one file: "<folder>/step-00001000.safetensors".
 *
 * Tensors (F32): theta/, first_moment/ and second_moment/ + owner + "." + the parameter's name, shapes as in a model.
 * Metadata: "format", "state" (JSON: el_run_state and the settings' hash) and "checksum", which covers the state and
 * all tensors; names and shapes are checked against the parameter table. The order of examples, masks, dropout and
 * samples follow from the seed and the step, so there is no other state. */
#ifndef EL_TRAIN_CHECKPOINT_H
#define EL_TRAIN_CHECKPOINT_H

#include "train/step.h"

/* Where a run stands. All are doubles (counts are exact below 2^53), so that one table can store them. */
typedef struct el_run_state {
    double step; /* steps made, skipped ones included */
    double seconds;
    double tokens;
    double skipped;          /* steps whose loss or gradient was not finite */
    double skipped_in_a_row; /* up to now */
    double metrics_bytes;    /* of metrics.jsonl that belong to it */
    double evaluations;      /* made */

    /* sums since the last line of metrics.jsonl */
    double interval_steps; /* that were not skipped */
    double interval_seconds, interval_tokens, interval_slots, interval_replaced;
    double interval_rate, interval_loss, interval_generator_loss, interval_discriminator_loss, interval_norm;
} el_run_state;

/* Write atomically. A full disk is ELECTRA_FAILED and leaves the others as they are. */
electra_status el_checkpoint_save(const char *folder, const el_step *step, const el_run_state *state,
                                  uint64_t settings_hash, electra_error *err);

/* Load one file. ELECTRA_INVALID if it is damaged, ELECTRA_MISUSE if it is sound but of other settings. The step's
 * blocks may hold anything after a failure. */
electra_status el_checkpoint_load(const char *path, el_step *step, el_run_state *state, uint64_t settings_hash,
                                  electra_error *err);

/* Load the newest one that is valid; *found false if there is none at all. A damaged one is reported (rt's log, a
 * warning) and set aside as "<name>.damaged". ELECTRA_INVALID if there are some but none is valid. */
electra_status el_checkpoint_resume(const char *folder, el_step *step, el_run_state *state, uint64_t settings_hash,
                                    bool *found, const electra_runtime *rt, electra_error *err);

/* Check one file by itself, or all of a folder: how many there are and the step of the newest (0 if there is none).
 * ELECTRA_INVALID names the first that is damaged. */
electra_status el_checkpoint_verify(const char *path, el_run_state *state, electra_error *err);
electra_status el_checkpoint_verify_all(const char *folder, size_t *n, uint64_t *newest, electra_error *err);

/* Remove all but the `keep` newest; 0 keeps all. */
electra_status el_checkpoint_prune(const char *folder, size_t keep, electra_error *err);

#endif
