/* How much arithmetic a network is, counted in two ways: as the published script counts it, so that figures can be laid
 * beside those of the papers, and as the matrix products that a batch really needs, for benchmarks. */
#ifndef EL_MODEL_FLOPS_H
#define EL_MODEL_FLOPS_H

#include "model/params.h"

/* ---- the published count (electra.md 10.1)
 * --------------------------------------------------------------------------- One mathematical operation is 1; look-ups
 * count as dense products; backward counts as forward. */

/* All layers, embeddings and the head for one sequence of `length` tokens. EL_HEAD_MASKED_LM is applied to 0.15625 of
 * the positions, as the script does; heads that read [CLS] to one. */
double el_flops_forward(const el_model_config *config, const el_head_config *head, size_t length);

/* Both networks of a pair, forward and backward, for steps of `batch` sequences. */
double el_flops_pretraining(const el_pretrain_config *pair, size_t length, size_t batch, double steps);

/* ---- needed work
 * ----------------------------------------------------------------------------------------------------- Two operations
 * for each multiply-add of the matrix products and of attention on packed sequences; nothing for padding, for look-ups,
 * or for what an implementation chooses to compute twice. */

typedef struct el_work_shape {
    size_t tokens;          /* T */
    size_t sequences;       /* B; counts for heads that read [CLS] */
    size_t slots;           /* M; counts for EL_HEAD_MASKED_LM */
    size_t rows;            /* tokens whose last hidden state is read; 0: all, as in training */
    double squared_lengths; /* sum over sequences of length^2: attention's share */
} el_work_shape;

double el_work_forward(const el_model_config *config, const el_head_config *head, const el_work_shape *shape);

/* One step of a pair: forward, and twice as much backward (every product has two gradients). */
double el_work_step(const el_pretrain_config *pair, const el_work_shape *shape);

#endif
