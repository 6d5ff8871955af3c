/* What one micro-batch is: sequences laid end to end, which positions are to be predicted, and what stood there. */
#ifndef EL_DATA_BATCH_H
#define EL_DATA_BATCH_H

#include "backend/backend.h"

/* All arrays are in the backend's memory and belong to whoever made the batch; the model only reads. */
typedef struct el_batch {
    el_layout layout;
    const uint32_t *ids;        /* [T] the text */
    const uint32_t *types;      /* [T] segment 0 or 1 */
    const uint32_t *masked_ids; /* [T] what the generator reads: [MASK] at most of the slots */
    size_t n_slots;             /* M */
    const uint32_t *slots;      /* [M] token (0 ... T-1) of each chosen position, ascending by sequence */
    const uint32_t *targets;    /* [M] ids[slots[i]] */
} el_batch;

#endif
