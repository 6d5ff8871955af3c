/* Adam with decoupled weight decay over a block of parameters, row by row of the table (electra.md 6.1, 6.2, 6.4). */
#ifndef EL_TRAIN_OPTIMIZER_H
#define EL_TRAIN_OPTIMIZER_H

#include "model/params.h"

typedef struct el_optimizer_settings {
    double beta1, beta2;
    double epsilon;         /* added outside the root */
    double weight_decay;    /* of rows that decay (el_param.decays) */
    bool bias_correction;   /* the published system has none */
    double layer_decay;     /* rates fall by this factor from layer to layer downwards; 1: all alike */
    bool layer_decay_skips; /* the released code's slip: everything below the head is one power lower */
} el_optimizer_settings;

/* 0.9, 0.999, 1e-6, 0.01, no correction, all layers alike. */
el_optimizer_settings el_optimizer_settings_default(void);

/* decay^(L + 1 - depth), the head (depth L + 1) thus 1; with `skips` one power lower below the head. */
double el_layer_multiplier(size_t depth, size_t n_layers, double decay, bool skips);

/* What gradients are multiplied by so that their norm is at most `clip`: 1 / max(1, norm / clip). clip 0: never. */
double el_clip_scale(double norm, double clip);

/* sqrt of the sum of squares of the whole block: each shared tensor once. */
double el_gradient_norm(el_weights gradient);

/* One update of every row. All blocks have theta's table. n_layers: the depth that the table's `depth` was made for.
 * scale: el_clip_scale's. update: 1 for the first one ever, 2, ...; read for bias correction only. */
void el_optimizer_update(el_weights theta, el_weights m, el_weights v, el_weights gradient,
                         const el_optimizer_settings *settings, size_t n_layers, double rate, double scale,
                         uint64_t update);

#endif
