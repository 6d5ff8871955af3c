/* What the model reads: sequences laid end to end, which positions are to be predicted, and what stood there; and the
 * two ways to make it.
 *
 *     el_pack_create(&pack, be, &(el_pack_room){.tokens = T, .sequences = B, .slots = M}, err);   given sequences
 *     el_pack_clear(pack);
 *     el_pack_add(pack, &(el_sequence){.ids = ids, .length = n, .first_length = n});              ... each of them
 *     const el_batch *batch = el_pack_finish(pack);
 *
 *     el_batcher_create(&batcher, be, &settings, err);                                            steps of training
 *     EL_TRY(el_batcher_fill(batcher, step, err));
 *     for (size_t i = 0; i < el_batcher_micro_batches(batcher); i++)
 *         ... el_batcher_micro_batch(batcher, i) ...
 *
 * All memory is taken when a pack or batcher is created; later calls allocate nothing. One thread at a time. */
#ifndef EL_DATA_BATCH_H
#define EL_DATA_BATCH_H

#include <electra/data.h>

#include "backend/backend.h"
#include "data/mask.h"

/* One micro-batch. All arrays are in the backend's memory and belong to whoever made the batch; the model only reads.
 */
typedef struct el_batch {
    el_layout layout;
    const uint32_t *ids;        /* [T] the text */
    const uint32_t *types;      /* [T] segment 0 or 1 */
    const uint32_t *masked_ids; /* [T] what the generator reads: [MASK] at most of the slots */
    size_t n_slots;             /* M */
    const uint32_t *slots;      /* [M] token (0 ... T-1) of each chosen position, ascending by sequence */
    const uint32_t *targets;    /* [M] ids[slots[i]] */
} el_batch;

/* ---- a batch of given sequences ---------------------------------------------------------------------------------- */

typedef struct el_pack el_pack;

/* The most that one batch will hold. */
typedef struct el_pack_room {
    size_t tokens, sequences, slots;
} el_pack_room;

/* A sequence with its special tokens; arrays are host memory and are copied. */
typedef struct el_sequence {
    const uint32_t *ids;        /* [length] */
    size_t length;              /* > 0 */
    const uint32_t *types;      /* [length]; NULL: 0 for the first first_length tokens, 1 for the rest */
    size_t first_length;        /* read if types is NULL; length for a single segment */
    const uint32_t *masked_ids; /* [length]; NULL: the same as ids */
    const uint32_t *slots;      /* [n_slots] positions within the sequence; may be NULL if there are none */
    size_t n_slots;
    uint64_t number; /* of the sequence within the step, for random numbers; fits 32 bits */
} el_sequence;

electra_status el_pack_create(el_pack **out, el_backend *be, const el_pack_room *room, electra_error *err);
void el_pack_free(el_pack *pack); /* accepts NULL */

void el_pack_clear(el_pack *pack);

/* false, and nothing is added, if there is no room for it. */
bool el_pack_add(el_pack *pack, const el_sequence *sequence);

/* Bring what was added into the backend's memory. The batch belongs to the pack and is valid until it is cleared. */
const el_batch *el_pack_finish(el_pack *pack);

/* ---- the batches of a run ---------------------------------------------------------------------------------------- */

typedef struct el_batcher_settings {
    const electra_data *data; /* must outlive the batcher */
    electra_split split;
    size_t batch;       /* sequences of a step over all ranks */
    size_t micro_batch; /* most sequences of one el_batch; 0: batch */
    size_t max_length;  /* of the run: at least the data's */
    el_masking masking; /* from el_batcher_masking */
    uint64_t seed;      /* order of examples and masks of ELECTRA_TRAIN; ELECTRA_HELDOUT does not look at it */
    size_t rank, size;  /* this process among all; 0, 1 for one alone; ELECTRA_HELDOUT is cut likewise */
} el_batcher_settings;

/* What one call of el_batcher_fill brought for this rank; the denominators of the losses. */
typedef struct el_batch_totals {
    size_t sequences, tokens, slots;
} el_batch_totals;

typedef struct el_batcher el_batcher;

/* p = probability, 0.85 hidden, and the ids of the special tokens of the data's vocabulary. */
el_masking el_batcher_masking(const electra_data *data, double probability, bool compat_google);

/* ELECTRA_MISUSE: the data's examples are longer than max_length, the split has no examples, the numbers make no sense.
 */
electra_status el_batcher_create(el_batcher **out, el_backend *be, const el_batcher_settings *settings,
                                 electra_error *err);
void el_batcher_free(el_batcher *batcher); /* accepts NULL */

/* The largest micro-batch there can be: for el_limits. */
el_pack_room el_batcher_room(const el_batcher *batcher);

/* Examples in an epoch (train), or in all (held-out); steps that cover them once, the last one may be partly new
 * (train) or short (held-out). */
uint64_t el_batcher_examples(const el_batcher *batcher);
uint64_t el_batcher_steps(const el_batcher *batcher);

/* Lay out a step. ELECTRA_TRAIN: step 0, 1, ... for ever. ELECTRA_HELDOUT: step 0 ... el_batcher_steps-1, each example
 * once, always in the same order with the same masks, whatever the training seed. The same arguments give the same
 * sequences, masks and numbers for any micro_batch, rank and size.
 * ELECTRA_INVALID: a block of a shard does not have its checksum. */
electra_status el_batcher_fill(el_batcher *batcher, uint64_t step, electra_error *err);

size_t el_batcher_micro_batches(const el_batcher *batcher); /* of the step that was laid out */
const el_batch *el_batcher_micro_batch(const el_batcher *batcher, size_t i);
el_batch_totals el_batcher_totals(const el_batcher *batcher);

#endif
