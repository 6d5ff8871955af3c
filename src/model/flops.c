#include "model/flops.h"

#include "model/joint_qa.h"

/* ---- the published count --------------------------------------------------------------------------------------------
 */

/* Operations an element, and the share of positions that the masked-LM head is applied to, as in the script. */
static const double SOFTMAX = 5, NORM = 5, ACTIVATION = 8, DROPOUT = 4, SLOT_SHARE = 0.15625;

/* One layer at one position. The attention norm counts 5 and not 5 H: the script's slip, kept so that figures agree. */
static double layer_per_position(const el_model_config *c, double s)
{
    const double h = (double)c->hidden_size, f = (double)c->intermediate_size, a = (double)c->n_heads;
    const double attention = 3 * 2 * h * h + 3 * h + 2 * h * s + SOFTMAX * s * a + DROPOUT * s * a + s * a + 2 * h * s;
    const double attention_output = 2 * h * h + h + DROPOUT * h + h + NORM;
    const double feed_forward = 2 * h * f + ACTIVATION * f + f + 2 * h * f + h + DROPOUT * h + h + NORM * h;
    return attention + attention_output + feed_forward;
}

static double input_per_position(const el_model_config *c, double s)
{
    const double e = (double)c->embedding_size, h = (double)c->hidden_size, v = (double)c->vocab_size;
    const double tables = 2 * e * v + 2 * e * (s + 2) + 2 * e + NORM * e + DROPOUT * e;
    return tables + (el_config_has_projection(c) ? 2 * h * e + h : 0);
}

static const el_head_config DISCRIMINATOR = {.kind = EL_HEAD_DISCRIMINATOR};
static const el_head_config MASKED_LM = {.kind = EL_HEAD_MASKED_LM};

/* s: positions of the sequence. */
static double head_per_position(const el_model_config *c, const el_head_config *head, double s)
{
    const double outputs = (double)el_head_outputs(head);
    const double e = (double)c->embedding_size, h = (double)c->hidden_size, v = (double)c->vocab_size;
    switch (head->kind) {
    case EL_HEAD_NONE: return 0;
    case EL_HEAD_MASKED_LM:
        return SLOT_SHARE * (2 * e * v + 2 * h * e + e + ACTIVATION * e + NORM * e + SOFTMAX * v + 2 * v);
    case EL_HEAD_DISCRIMINATOR: return 2 * h * h + h + ACTIVATION * h + 2 * h;
    case EL_HEAD_TAGGER:
    case EL_HEAD_SPANS: return 2 * h * outputs + outputs;
    case EL_HEAD_JOINT_QA: { /* one start; the other starts of a search are not counted */
        const double inner = (double)head->inner, gelu_and_output = inner + ACTIVATION * inner + 2 * inner + 1;
        return 2 * h + 1 + 2 * h * inner + gelu_and_output + (2 * h * inner) / s + SOFTMAX + 2 * h +
               (4 * h * inner + gelu_and_output) / s;
    }
    case EL_HEAD_CLASSIFIER:
    case EL_HEAD_CHOICE: return (2 * h * h + h + ACTIVATION * h + 2 * h * outputs + outputs) / s;
    }
    return 0;
}

double el_flops_forward(const el_model_config *config, const el_head_config *head, size_t length)
{
    const double s = (double)length;
    return s * ((double)config->n_layers * layer_per_position(config, s) + input_per_position(config, s) +
                head_per_position(config, head, s));
}

double el_flops_pretraining(const el_pretrain_config *pair, size_t length, size_t batch, double steps)
{
    return 2 * (double)batch * steps *
           (el_flops_forward(&pair->discriminator, &DISCRIMINATOR, length) +
            el_flops_forward(&pair->generator, &MASKED_LM, length));
}

/* ---- needed work ----------------------------------------------------------------------------------------------------
 */

double el_work_forward(const el_model_config *c, const el_head_config *head, const el_work_shape *shape)
{
    const double e = (double)c->embedding_size, h = (double)c->hidden_size, f = (double)c->intermediate_size;
    const double t = (double)shape->tokens, m = (double)shape->slots, v = (double)c->vocab_size;
    double multiply_adds = (double)c->n_layers * (t * (4 * h * h + 2 * h * f) + 2 * h * shape->squared_lengths);
    if (shape->rows > 0 && shape->rows < shape->tokens) { /* the last layer's output and feed-forward of the others */
        multiply_adds -= (t - (double)shape->rows) * (h * h + 2 * h * f);
    }
    if (el_config_has_projection(c)) {
        multiply_adds += t * e * h;
    }
    if (head->kind == EL_HEAD_MASKED_LM) {
        multiply_adds += m * (h * e + e * v);
    } else if (head->kind == EL_HEAD_DISCRIMINATOR) {
        multiply_adds += t * (h * h + h);
    } else if (head->kind == EL_HEAD_JOINT_QA) {
        const double inner = (double)head->inner; /* with the search */
        multiply_adds += t * (2 * h + h * inner + EL_QA_BEAM * inner) +
                         (double)shape->sequences * ((2 + EL_QA_BEAM) * h * inner + inner);
    } else if (el_head_reads_first(head->kind)) {
        const bool dense = head->kind == EL_HEAD_CLASSIFIER || c->family == EL_FAMILY_BERT || head->summary_dense;
        multiply_adds += (double)shape->sequences * ((dense ? h * h : 0) + h * (double)el_head_outputs(head));
    } else {
        multiply_adds += t * h * (double)el_head_outputs(head);
    }
    return 2 * multiply_adds;
}

double el_work_step(const el_pretrain_config *pair, const el_work_shape *shape)
{
    return 3 * (el_work_forward(&pair->discriminator, &DISCRIMINATOR, shape) +
                el_work_forward(&pair->generator, &MASKED_LM, shape));
}
