#include "model/flops.h"

/* Operations for each element, as the published count has them. */
enum { NORM = 5, ACTIVATION = 8, SOFTMAX = 5, DROPOUT = 4 };

/* One layer, for one token among s. The published count adds 5 for the norm behind attention where 5 h is meant; we
 * keep its numbers. */
static double layer(const el_model_config *c, double s)
{
    const double h = (double)c->hidden_size;
    const double f = (double)c->intermediate_size;
    const double a = (double)c->n_heads;
    const double projections = 3 * 2 * h * h + 3 * h;
    const double attention = 2 * h * s + SOFTMAX * s * a + DROPOUT * s * a + s * a + 2 * h * s;
    const double output = 2 * h * h + h + DROPOUT * h + h + NORM;
    const double feed_forward = 2 * h * f + ACTIVATION * f + f + 2 * h * f + h + DROPOUT * h + h + NORM * h;
    return projections + attention + output + feed_forward;
}

static double embeddings(const el_model_config *c, double s)
{
    const double e = (double)c->embedding_size;
    const double h = (double)c->hidden_size;
    const double v = (double)c->vocab_size;
    const double tables = 2 * e * v + 2 * e * (s + 2) + 2 * e + NORM * e + DROPOUT * e;
    return tables + (el_config_has_projection(c) ? 2 * h * e + h : 0);
}

static double head_flops(const el_model_config *c, el_head head)
{
    const double e = (double)c->embedding_size;
    const double h = (double)c->hidden_size;
    const double v = (double)c->vocab_size;
    switch (head) {
    case EL_HEAD_DISCRIMINATOR: return 2 * h * h + h + ACTIVATION * h + 2 * h;
    case EL_HEAD_MASKED_LM:
        return EL_FLOPS_MASKED_SHARE * (2 * e * v + 2 * h * e + e + ACTIVATION * e + NORM * e + SOFTMAX * v + 2 * v);
    case EL_HEAD_NONE: break;
    }
    return 0;
}

double el_flops_forward(const el_model_config *config, el_head head, size_t length)
{
    const double s = (double)length;
    return s * ((double)config->n_layers * layer(config, s) + embeddings(config, s) + head_flops(config, head));
}
