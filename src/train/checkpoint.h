/* Everything needed to go on with a run bit for bit, in one file: "<folder>/step-00001000.safetensors".
 *
 * Tensors (F32): theta/, first_moment/ and second_moment/ + owner + "." + the parameter's name, shapes as in a model.
 * Metadata: "format", "state" (JSON: the run's own numbers and the settings' hash) and "checksum", which covers the
 * state and all tensors; names and shapes are checked against the parameter table. The order of examples, masks,
 * dropout and samples follow from the seed and the step, so there is no other state. */
#ifndef EL_TRAIN_CHECKPOINT_H
#define EL_TRAIN_CHECKPOINT_H

#include "train/learner.h"

/* Where a kind of run stands: a struct of doubles (counts are exact below 2^53) and this table of its members. */
typedef struct el_state_field {
    const char *name;
    size_t offset; /* of the double */
    double least, most;
} el_state_field;

typedef struct el_state_table {
    const el_state_field *fields; /* [n]; the first one is "step": steps made in all, which names the file */
    size_t n;
} el_state_table;

/* clang-format off */
#define EL_STATE_COUNT(type, member) {#member, offsetof(type, member), 0, 0x1p53}
#define EL_STATE_NUMBER(type, member) {#member, offsetof(type, member), -1e300, 1e300}
/* clang-format on */

/* What a checkpoint stores, or is loaded into. */
typedef struct el_checkpoint {
    el_learner *learner;
    const el_state_table *table;
    void *state;            /* of the table's kind */
    uint64_t settings_hash; /* of every setting that changes what is learned: a file of another one is refused */
} el_checkpoint;

/* Write atomically. A full disk is ELECTRA_FAILED and leaves the others as they are. */
electra_status el_checkpoint_save(const char *folder, const el_checkpoint *checkpoint, electra_error *err);

/* Load one file. ELECTRA_INVALID if it is damaged, ELECTRA_MISUSE if it is sound but of other settings. Blocks and
 * state may hold anything after a failure. */
electra_status el_checkpoint_load(const char *path, const el_checkpoint *checkpoint, electra_error *err);

/* Load the newest one that is valid; *found false if there is none at all. A damaged one is reported (rt's log, a
 * warning) and set aside as "<name>.damaged". ELECTRA_INVALID if there are some but none is valid. */
electra_status el_checkpoint_resume(const char *folder, const el_checkpoint *checkpoint, bool *found,
                                    const electra_runtime *rt, electra_error *err);

/* Check one file by itself, filling state (of the table's kind; NULL: its members are not looked at); or all of a
 * folder: how many there are and the step of the newest (0 if there is none). ELECTRA_INVALID names the first that is
 * damaged. */
electra_status el_checkpoint_verify(const char *path, const el_state_table *table, void *state, electra_error *err);
electra_status el_checkpoint_verify_all(const char *folder, size_t *n, uint64_t *newest, electra_error *err);

/* Remove all but the `keep` newest; 0 keeps all. */
electra_status el_checkpoint_prune(const char *folder, size_t keep, electra_error *err);

#endif
