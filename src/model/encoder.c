/* Owns the post-norm Transformer layers: attention, feed-forward, their residual sums and norms, forward and backward,
 * and which memory each of them uses. */
#include "model/encoder.h"

#include <assert.h>

#include "base/rng.h"

el_dropout el_dropout_keyed(const el_network *network, const el_pass *pass, el_dropout_site site, size_t layer,
                            double rate)
{
    const uint64_t detail = ((uint64_t)network->role << 32) + layer * 8 + (uint64_t)site;
    return (el_dropout){.rate = pass->train ? rate : 0.0,
                        .key = el_rng_key(pass->seed, EL_RNG_DROPOUT, pass->step, detail)};
}

el_dropout el_dropout_at(const el_network *network, const el_pass *pass, el_dropout_site site, size_t layer)
{
    const el_model_config *c = &network->config;
    return el_dropout_keyed(network, pass, site, layer,
                            site == EL_SITE_ATTENTION ? c->attention_dropout : c->hidden_dropout);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------
 */

static void plan_layer(el_layer_tape *layer, const el_model_config *c, size_t tokens, bool keep, el_plan *plan)
{
    const size_t h = c->hidden_size;
    layer->qkv = el_plan_tensor(plan, tokens, 3 * h);
    layer->context = el_plan_tensor(plan, tokens, h);
    layer->lse = el_plan_tensor(plan, tokens, c->n_heads);
    layer->attend_sum = el_plan_tensor(plan, tokens, h);
    layer->attend_stats = el_plan_tensor(plan, tokens, 2);
    layer->attended = el_plan_tensor(plan, tokens, h);
    layer->up_pre = keep ? el_plan_tensor(plan, tokens, c->intermediate_size) : EL_ABSENT;
    layer->up = el_plan_tensor(plan, tokens, c->intermediate_size);
    layer->down_sum = el_plan_tensor(plan, tokens, h);
    layer->down_stats = el_plan_tensor(plan, tokens, 2);
    layer->out = el_plan_tensor(plan, tokens, h);
}

void el_encoder_plan(el_encoder_tape *tape, const el_network *network, size_t tokens, bool keep, el_plan *plan)
{
    el_embeddings_plan(tape, network, tokens, plan);
    for (size_t i = 0; i < network->config.n_layers; i++) {
        if (keep || i == 0) {
            plan_layer(&tape->layers[i], &network->config, tokens, keep, plan);
        } else {
            /* A layer reads its input for the last time in its first norm and writes its output in its second, so
             * all of them may use one set of tensors, output included. */
            tape->layers[i] = tape->layers[0];
        }
    }
}

void el_encoder_scratch_plan(el_encoder_scratch *scratch, const el_network *network, size_t tokens, el_plan *plan)
{
    const el_model_config *c = &network->config;
    size_t widest = 4 * c->hidden_size;
    widest = c->intermediate_size > widest ? c->intermediate_size : widest;
    widest = c->embedding_size > widest ? c->embedding_size : widest;
    scratch->d = el_plan_tensor(plan, tokens, c->hidden_size);
    scratch->dbranch = el_plan_tensor(plan, tokens, c->hidden_size);
    scratch->wide = el_plan_tensor(plan, tokens, widest).data;
}

/* ---- forward --------------------------------------------------------------------------------------------------------
 */

/* x -> queries, keys and values -> what each token gathers from the others. */
static void attention_fwd(const el_network *network, el_weights theta, const el_layer_tape *t, el_tensor x,
                          size_t layer, const el_pass *pass)
{
    el_backend *be = theta.be;
    const size_t first = el_network_layer(network, layer, 0);
    be->ops->linear_fwd(be, t->qkv, x, el_weights_joined(theta, first + EL_P_QUERY_W, 3),
                        el_weights_joined(theta, first + EL_P_QUERY_B, 3), EL_ACT_LINEAR, EL_ABSENT);
    const el_dropout on_probabilities = el_dropout_at(network, pass, EL_SITE_ATTENTION, layer);
    be->ops->attention_fwd(be, t->context, t->lse, t->qkv, network->config.n_heads, &on_probabilities, pass->layout);
}

/* y = norm(x + dropout(W context + b)). The branch's output waits in the memory of the sum that it becomes part of. */
static void attention_output_fwd(const el_network *network, el_weights theta, const el_layer_tape *t, el_tensor x,
                                 size_t layer, const el_pass *pass)
{
    el_backend *be = theta.be;
    const size_t first = el_network_layer(network, layer, 0);
    be->ops->linear_fwd(be, t->attend_sum, t->context, el_weights_at(theta, first + EL_P_ATTEND_W),
                        el_weights_at(theta, first + EL_P_ATTEND_B), EL_ACT_LINEAR, EL_ABSENT);
    const el_dropout on_output = el_dropout_at(network, pass, EL_SITE_ATTENTION_OUTPUT, layer);
    be->ops->norm_fwd(be, t->attended, t->attend_sum, t->attend_stats, x, t->attend_sum, &on_output, pass->layout,
                      el_weights_at(theta, first + EL_P_ATTEND_GAMMA), el_weights_at(theta, first + EL_P_ATTEND_BETA),
                      network->config.layer_norm_eps);
}

/* out = norm(y + dropout(W2 act(W1 y + b1) + b2)) */
static void feed_forward_fwd(const el_network *network, el_weights theta, const el_layer_tape *t, size_t layer,
                             const el_pass *pass)
{
    el_backend *be = theta.be;
    const size_t first = el_network_layer(network, layer, 0);
    be->ops->linear_fwd(be, t->up, t->attended, el_weights_at(theta, first + EL_P_UP_W),
                        el_weights_at(theta, first + EL_P_UP_B), network->config.activation, t->up_pre);
    be->ops->linear_fwd(be, t->down_sum, t->up, el_weights_at(theta, first + EL_P_DOWN_W),
                        el_weights_at(theta, first + EL_P_DOWN_B), EL_ACT_LINEAR, EL_ABSENT);
    const el_dropout on_output = el_dropout_at(network, pass, EL_SITE_FFN_OUTPUT, layer);
    be->ops->norm_fwd(be, t->out, t->down_sum, t->down_stats, t->attended, t->down_sum, &on_output, pass->layout,
                      el_weights_at(theta, first + EL_P_DOWN_GAMMA), el_weights_at(theta, first + EL_P_DOWN_BETA),
                      network->config.layer_norm_eps);
}

el_tensor el_encoder_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass)
{
    el_embeddings_fwd(network, theta, tape, pass);
    return el_layers_fwd(network, theta, tape, pass);
}

/* The first n layers. */
static el_tensor some_layers_fwd(const el_network *network, el_weights theta, const el_encoder_tape *tape, size_t n,
                                 const el_pass *pass)
{
    el_tensor x = tape->entry;
    for (size_t i = 0; i < n; i++) {
        attention_fwd(network, theta, &tape->layers[i], x, i, pass);
        attention_output_fwd(network, theta, &tape->layers[i], x, i, pass);
        feed_forward_fwd(network, theta, &tape->layers[i], i, pass);
        x = tape->layers[i].out;
    }
    return x;
}

el_tensor el_layers_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass)
{
    return some_layers_fwd(network, theta, tape, network->config.n_layers, pass);
}

/* Keys and values are needed of all tokens, everything behind the attention of the n rows only. Their contexts and
 * inputs are gathered where queries, keys and values lay. */
el_tensor el_encoder_rows_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass,
                              const uint32_t *rows, size_t n)
{
    el_backend *be = theta.be;
    const size_t last = network->config.n_layers - 1, h = network->config.hidden_size;
    assert(!pass->train && n <= pass->layout->n_tokens && !tape->layers[last].up_pre.data);
    el_embeddings_fwd(network, theta, tape, pass);
    const el_tensor x = some_layers_fwd(network, theta, tape, last, pass);
    el_layer_tape t = tape->layers[last];
    attention_fwd(network, theta, &t, x, last, pass);
    const el_tensor gathered = el_tensor_of(t.qkv.data, 2 * n, h);
    const el_tensor context = t.context, inputs = el_tensor_rows(be, gathered, n, n);
    t.context = el_tensor_rows(be, gathered, 0, n);
    be->ops->gather_rows(be, t.context, context, rows);
    be->ops->gather_rows(be, inputs, x, rows);
    el_tensor *const shorter[] = {&t.attend_sum, &t.attend_stats, &t.attended, &t.up,
                                  &t.down_sum,   &t.down_stats,   &t.out};
    for (size_t i = 0; i < sizeof shorter / sizeof shorter[0]; i++) {
        shorter[i]->rows = n;
    }
    attention_output_fwd(network, theta, &t, inputs, last, pass);
    feed_forward_fwd(network, theta, &t, last, pass);
    return t.out;
}

/* ---- backward -------------------------------------------------------------------------------------------------------
 */

/* Gradient of a branch z of s = x + dropout(z), given that of s. Without dropout they are one. */
static el_tensor branch_gradient(el_backend *be, const el_network *network, const el_pass *pass, el_dropout_site site,
                                 size_t layer, el_encoder_scratch *s)
{
    const el_dropout dropout = el_dropout_at(network, pass, site, layer);
    if (dropout.rate == 0) {
        return s->d;
    }
    be->ops->dropout(be, s->dbranch, s->d, &dropout, pass->layout, NULL);
    return s->dbranch;
}

/* s->d: gradient of the layer's output -> gradient of y */
static void feed_forward_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_layer_tape *t,
                             size_t layer, const el_pass *pass, el_encoder_scratch *s)
{
    el_backend *be = theta.be;
    const size_t first = el_network_layer(network, layer, 0);
    be->ops->norm_bwd(be, s->d, el_weights_at(gradient, first + EL_P_DOWN_GAMMA),
                      el_weights_at(gradient, first + EL_P_DOWN_BETA), s->d, t->down_sum, t->down_stats,
                      el_weights_at(theta, first + EL_P_DOWN_GAMMA));
    const el_tensor dz = branch_gradient(be, network, pass, EL_SITE_FFN_OUTPUT, layer, s);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, first + EL_P_DOWN_W),
                                el_weights_at(gradient, first + EL_P_DOWN_B), dz, t->up);
    const el_tensor dpre = el_tensor_of(s->wide, t->up.rows, t->up.cols);
    be->ops->linear_bwd_input(be, dpre, dz, el_weights_at(theta, first + EL_P_DOWN_W), false,
                              network->config.activation, t->up_pre);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, first + EL_P_UP_W),
                                el_weights_at(gradient, first + EL_P_UP_B), dpre, t->attended);
    be->ops->linear_bwd_input(be, s->d, dpre, el_weights_at(theta, first + EL_P_UP_W), true, EL_ACT_LINEAR, EL_ABSENT);
}

/* s->d: gradient of y -> gradient of the layer's input x */
static void attention_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_layer_tape *t,
                          el_tensor x, size_t layer, const el_pass *pass, el_encoder_scratch *s)
{
    el_backend *be = theta.be;
    const size_t first = el_network_layer(network, layer, 0), tokens = x.rows, h = x.cols;
    be->ops->norm_bwd(be, s->d, el_weights_at(gradient, first + EL_P_ATTEND_GAMMA),
                      el_weights_at(gradient, first + EL_P_ATTEND_BETA), s->d, t->attend_sum, t->attend_stats,
                      el_weights_at(theta, first + EL_P_ATTEND_GAMMA));
    const el_tensor dz = branch_gradient(be, network, pass, EL_SITE_ATTENTION_OUTPUT, layer, s);
    be->ops->linear_bwd_weights(be, el_weights_at(gradient, first + EL_P_ATTEND_W),
                                el_weights_at(gradient, first + EL_P_ATTEND_B), dz, t->context);
    const el_tensor dqkv = el_tensor_of(s->wide, tokens, 3 * h);
    const el_tensor dcontext = el_tensor_of((char *)s->wide + 3 * tokens * h * be->element_size, tokens, h);
    be->ops->linear_bwd_input(be, dcontext, dz, el_weights_at(theta, first + EL_P_ATTEND_W), false, EL_ACT_LINEAR,
                              EL_ABSENT);
    const el_dropout on_probabilities = el_dropout_at(network, pass, EL_SITE_ATTENTION, layer);
    be->ops->attention_bwd(be, dqkv, dcontext, t->qkv, t->context, t->lse, network->config.n_heads, &on_probabilities,
                           pass->layout);
    be->ops->linear_bwd_weights(be, el_weights_joined(gradient, first + EL_P_QUERY_W, 3),
                                el_weights_joined(gradient, first + EL_P_QUERY_B, 3), dqkv, x);
    be->ops->linear_bwd_input(be, s->d, dqkv, el_weights_joined(theta, first + EL_P_QUERY_W, 3), true, EL_ACT_LINEAR,
                              EL_ABSENT);
}

void el_encoder_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_encoder_tape *tape,
                    const el_pass *pass, el_encoder_scratch *scratch)
{
    for (size_t i = network->config.n_layers; i-- > 0;) {
        const el_layer_tape *t = &tape->layers[i];
        assert(t->up_pre.data && "this tape was laid out without keep");
        feed_forward_bwd(network, theta, gradient, t, i, pass, scratch);
        attention_bwd(network, theta, gradient, t, i ? tape->layers[i - 1].out : tape->entry, i, pass, scratch);
    }
    el_embeddings_bwd(network, theta, gradient, tape, pass, scratch);
}
