/* Owns ids -> first layer's input: norm(word + type + position), dropout, and the projection E -> H where the widths
 * differ (after norm and dropout, with nothing behind it). */
#include <assert.h>

#include "model/encoder.h"

void el_embeddings_plan(el_encoder_tape *tape, const el_network *network, size_t tokens, el_plan *plan)
{
    const el_model_config *c = &network->config;
    tape->embed_sum = el_plan_tensor(plan, tokens, c->embedding_size);
    tape->embed_stats = el_plan_tensor(plan, tokens, 2);
    tape->embedded = el_plan_tensor(plan, tokens, c->embedding_size);
    tape->entry = tape->embedded;
    if (el_config_has_projection(c)) {
        tape->entry = el_plan_tensor(plan, tokens, c->hidden_size);
    }
}

void el_embeddings_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass)
{
    el_backend *be = theta.be;
    const size_t first = network->embeddings;
    assert(pass->layout->longest <= network->config.max_positions);
    be->ops->embed_fwd(be, tape->embed_sum, el_weights_at(theta, first + EL_P_WORD),
                       el_weights_at(theta, first + EL_P_TYPE), el_weights_at(theta, first + EL_P_POSITION), pass->ids,
                       pass->types, pass->layout);
    const el_dropout none = {0};
    be->ops->norm_fwd(be, tape->embedded, tape->embed_sum, tape->embed_stats, tape->embed_sum, EL_ABSENT, &none,
                      pass->layout, el_weights_at(theta, first + EL_P_EMBED_GAMMA),
                      el_weights_at(theta, first + EL_P_EMBED_BETA), network->config.layer_norm_eps);
    const el_dropout dropout = el_dropout_at(network, pass, EL_SITE_EMBEDDINGS, 0);
    be->ops->dropout(be, tape->embedded, tape->embedded, &dropout, pass->layout, NULL);
    if (network->projection != EL_NO_PARAM) {
        be->ops->linear_fwd(be, tape->entry, tape->embedded, el_weights_at(theta, network->projection + EL_P_PROJECT_W),
                            el_weights_at(theta, network->projection + EL_P_PROJECT_B), EL_ACT_LINEAR, EL_ABSENT);
    }
}

void el_embeddings_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_encoder_tape *tape,
                       const el_pass *pass, el_encoder_scratch *scratch)
{
    el_backend *be = theta.be;
    const size_t first = network->embeddings;
    el_tensor d = scratch->d;
    if (network->projection != EL_NO_PARAM) {
        const size_t w = network->projection + EL_P_PROJECT_W, b = network->projection + EL_P_PROJECT_B;
        be->ops->linear_bwd_weights(be, el_weights_at(gradient, w), el_weights_at(gradient, b), d, tape->embedded);
        d = el_tensor_of(scratch->wide, tape->embedded.rows, tape->embedded.cols);
        be->ops->linear_bwd_input(be, d, scratch->d, el_weights_at(theta, w), false, EL_ACT_LINEAR, EL_ABSENT);
    }
    const el_dropout dropout = el_dropout_at(network, pass, EL_SITE_EMBEDDINGS, 0);
    be->ops->dropout(be, d, d, &dropout, pass->layout, NULL);
    be->ops->norm_bwd(be, d, el_weights_at(gradient, first + EL_P_EMBED_GAMMA),
                      el_weights_at(gradient, first + EL_P_EMBED_BETA), d, tape->embed_sum, tape->embed_stats,
                      el_weights_at(theta, first + EL_P_EMBED_GAMMA));
    be->ops->embed_bwd(be, el_weights_at(gradient, first + EL_P_WORD), el_weights_at(gradient, first + EL_P_TYPE),
                       el_weights_at(gradient, first + EL_P_POSITION), d, pass->ids, pass->types, pass->layout);
}
