/* Which positions of a sequence are to be predicted, and which of them the generator gets to see (electra.md 3). */
#ifndef EL_DATA_MASK_H
#define EL_DATA_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct el_masking {
    double probability;      /* p: share of the positions to predict; 0.15, for large models 0.25 */
    double hidden;           /* share of those that the generator reads as [MASK]; the others stay as they are; 0.85 */
    bool replacement;        /* draw positions with replacement, as the released system does: slots may repeat */
    uint32_t cls, sep, mask; /* ids; never chosen */
} el_masking;

/* N, the most slots of a sequence in a run of sequences up to max_length: (p + 0.005) max_length, rounded down, at
 * least 1. */
size_t el_mask_most(double probability, size_t max_length);

/* k, the slots of a sequence of `length` tokens with [CLS] and [SEP]: max(1, min(most, length p)), with the product
 * rounded half to even in float32 as the source does. */
size_t el_mask_count(double probability, size_t length, size_t most);

/* Choose the slots of one sequence. ids: [length], with [CLS] and [SEP]. masked_ids: [length], gets ids with [MASK] at
 * the hidden slots. slots: room for `most`, gets positions within the sequence, ascending (in order of drawing with
 * replacement). Returns their number: el_mask_count, or fewer where there are fewer candidates (none: 0).
 * key: el_rng_key(seed, EL_RNG_MASK, step, 0); sequence: its number within the step. */
size_t el_mask_choose(const el_masking *masking, size_t most, const uint32_t *ids, size_t length, uint64_t key,
                      uint64_t sequence, uint32_t *slots, uint32_t *masked_ids);

#endif
