/* Owns which settings a row of the table is updated with; the arithmetic is the backend's. */
#include "train/optimizer.h"

#include <math.h>

el_optimizer_settings el_optimizer_settings_default(void)
{
    return (el_optimizer_settings){
        .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-6, .weight_decay = 0.01, .layer_decay = 1.0};
}

double el_layer_multiplier(size_t depth, size_t n_layers, double decay, bool skips)
{
    const size_t below_head = n_layers + 1 - depth;
    return pow(decay, (double)(below_head + (skips && below_head ? 1 : 0)));
}

double el_clip_scale(double norm, double clip)
{
    return clip > 0 ? 1.0 / fmax(1.0, norm / clip) : 1.0;
}

double el_gradient_norm(el_weights gradient)
{
    return sqrt(gradient.be->ops->sum_of_squares(gradient.be, el_weights_all(gradient)));
}

void el_optimizer_update(el_weights theta, el_weights m, el_weights v, el_weights gradient,
                         const el_optimizer_settings *s, size_t n_layers, double rate, double scale, uint64_t update)
{
    el_adam adam = {.beta1 = s->beta1,
                    .beta2 = s->beta2,
                    .epsilon = s->epsilon,
                    .scale = scale,
                    .correction1 = s->bias_correction ? 1.0 - pow(s->beta1, (double)update) : 1.0,
                    .correction2 = s->bias_correction ? 1.0 - pow(s->beta2, (double)update) : 1.0};
    for (size_t i = 0; i < theta.params->count; i++) {
        const el_param *p = &theta.params->list[i];
        adam.rate = rate * el_layer_multiplier(p->depth, n_layers, s->layer_decay, s->layer_decay_skips);
        adam.decay = p->decays ? s->weight_decay : 0.0;
        theta.be->ops->adam(theta.be, el_weights_at(theta, i), el_weights_at(m, i), el_weights_at(v, i),
                            el_weights_at(gradient, i), &adam);
    }
}
