/* Owns the presets and the rules that derive one size from another. */
#include "model/config.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

/* ---- presets --------------------------------------------------------------------------------------------------------
 */

enum { HEAD_WIDTH = 64, PUBLISHED_VOCABULARY = 30522 };

#define PUBLISHED_MODEL(layers, hidden, embedding)                                                                     \
    {                                                                                                                  \
        .vocab_size = PUBLISHED_VOCABULARY, .embedding_size = (embedding), .hidden_size = (hidden),                    \
        .n_layers = (layers), .n_heads = (hidden) / HEAD_WIDTH, .intermediate_size = 4 * (hidden),                     \
        .activation = EL_ACT_GELU, .hidden_dropout = 0.1, .attention_dropout = 0.1, .max_positions = 512,              \
        .n_types = 2, .initializer_range = 0.02, .layer_norm_eps = 1e-12, .position_init = EL_POSITIONS_NORMAL         \
    }

/* What lets a small network leave the word-frequency plateau within minutes: see DESIGN section 2. */
#define QUICK_MODEL(layers, hidden, embedding, deviation)                                                              \
    {                                                                                                                  \
        .vocab_size = PUBLISHED_VOCABULARY, .embedding_size = (embedding), .hidden_size = (hidden),                    \
        .n_layers = (layers), .n_heads = (hidden) / HEAD_WIDTH, .intermediate_size = 4 * (hidden),                     \
        .activation = EL_ACT_GELU, .hidden_dropout = 0.0, .attention_dropout = 0.0, .max_positions = 512,              \
        .n_types = 2, .initializer_range = (deviation), .layer_norm_eps = 1e-12,                                       \
        .position_init = EL_POSITIONS_NEIGHBOURS, .position_amplitude = 0.3                                            \
    }

static const el_preset PRESETS[] = {
    {.name = "tiny",
     .model = QUICK_MODEL(2, 128, 128, 0.08),
     .generator_size = 0.5,
     .max_length = 32,
     .batch = 32,
     .steps = 10000,
     .warmup = 200,
     .learning_rate = 2e-3,
     .adam_epsilon = 1e-8,
     .bias_correction = true,
     .weight_decay = 0.01,
     .mask_prob = 0.25,
     .discriminator_weight = 50.0},
    {.name = "mini",
     .model = QUICK_MODEL(4, 256, 128, 0.04),
     .generator_size = 0.5,
     .max_length = 32,
     .batch = 32,
     .steps = 100000,
     .warmup = 1000,
     .learning_rate = 1e-3,
     .adam_epsilon = 1e-8,
     .bias_correction = true,
     .weight_decay = 0.01,
     .mask_prob = 0.25,
     .discriminator_weight = 50.0},
    {.name = "small",
     .model = PUBLISHED_MODEL(12, 256, 128),
     .generator_size = 0.25,
     .max_length = 128,
     .batch = 128,
     .steps = 1000000,
     .warmup = 10000,
     .learning_rate = 5e-4,
     .adam_epsilon = 1e-6,
     .weight_decay = 0.01,
     .mask_prob = 0.15,
     .discriminator_weight = 50.0},
    {.name = "base",
     .model = PUBLISHED_MODEL(12, 768, 768),
     .generator_size = 1.0 / 3.0,
     .max_length = 512,
     .batch = 256,
     .steps = 766000,
     .warmup = 10000,
     .learning_rate = 2e-4,
     .adam_epsilon = 1e-6,
     .weight_decay = 0.01,
     .mask_prob = 0.15,
     .discriminator_weight = 50.0},
    {.name = "large",
     .model = PUBLISHED_MODEL(24, 1024, 1024),
     .generator_size = 0.25,
     .max_length = 512,
     .batch = 2048,
     .steps = 400000,
     .warmup = 10000,
     .learning_rate = 2e-4,
     .adam_epsilon = 1e-6,
     .weight_decay = 0.01,
     .mask_prob = 0.25,
     .discriminator_weight = 50.0},
    {.name = NULL},
};

const el_preset *el_presets(void)
{
    return PRESETS;
}

const el_preset *el_preset_find(const char *name)
{
    for (const el_preset *p = PRESETS; p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

/* ---- names ----------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    el_activation activation;
} ACTIVATIONS[] = {
    /* the first of each is the one we write */
    {"gelu", EL_ACT_GELU},           {"gelu_new", EL_ACT_GELU_TANH}, {"relu", EL_ACT_RELU},
    {"tanh", EL_ACT_TANH},           {"silu", EL_ACT_SILU},          {"linear", EL_ACT_LINEAR},
    {"swish", EL_ACT_SILU},          {"none", EL_ACT_LINEAR},        {"gelu_pytorch_tanh", EL_ACT_GELU_TANH},
    {"gelu_fast", EL_ACT_GELU_TANH},
};
enum { N_ACTIVATIONS = sizeof ACTIVATIONS / sizeof ACTIVATIONS[0] };

const char *el_activation_name(el_activation activation)
{
    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        if (ACTIVATIONS[i].activation == activation) {
            return ACTIVATIONS[i].name;
        }
    }
    return "unknown";
}

bool el_activation_find(el_activation *out, const char *name)
{
    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        if (strcmp(ACTIVATIONS[i].name, name) == 0) {
            *out = ACTIVATIONS[i].activation;
            return true;
        }
    }
    return false;
}

static const char *const SHARINGS[] = {
    [EL_SHARE_EMBEDDINGS] = "embeddings",
    [EL_SHARE_NONE] = "none",
    [EL_SHARE_ALL] = "all",
};

const char *el_sharing_name(el_sharing sharing)
{
    return SHARINGS[sharing];
}

bool el_sharing_find(el_sharing *out, const char *name)
{
    for (size_t i = 0; i < sizeof SHARINGS / sizeof SHARINGS[0]; i++) {
        if (strcmp(SHARINGS[i], name) == 0) {
            *out = (el_sharing)i;
            return true;
        }
    }
    return false;
}

/* ---- a user's changes -----------------------------------------------------------------------------------------------
 */

static size_t heads_for(size_t hidden)
{
    return hidden >= HEAD_WIDTH ? hidden / HEAD_WIDTH : 1;
}

/* Bounds that keep every product of two sizes far from overflow; real networks stay well inside. */
enum { MOST_WIDTH = 1 << 20, MOST_ROWS = 1 << 28, MOST_LAYERS = 4096 };

static electra_status refuse_unknown_keys(const json_t *overrides, const char *where, electra_error *err)
{
    static const char *const KNOWN[] = {"vocab_size",
                                        "embedding_size",
                                        "hidden_size",
                                        "num_hidden_layers",
                                        "num_attention_heads",
                                        "intermediate_size",
                                        "hidden_act",
                                        "hidden_dropout_prob",
                                        "attention_probs_dropout_prob",
                                        "max_position_embeddings",
                                        "type_vocab_size",
                                        "initializer_range",
                                        "layer_norm_eps"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)overrides, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0] && !known; i++) {
            known = strcmp(KNOWN[i], key) == 0;
        }
        if (!known) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "%s: \"%s\" is no setting of a model; known are vocab_size, embedding_size, hidden_size, "
                           "num_hidden_layers, num_attention_heads, intermediate_size, hidden_act, "
                           "hidden_dropout_prob, attention_probs_dropout_prob, max_position_embeddings, "
                           "type_vocab_size, initializer_range, layer_norm_eps",
                           where, key);
        }
    }
    return ELECTRA_OK;
}

static electra_status apply_widths(el_model_config *c, const json_t *o, const char *where, electra_error *err)
{
    const size_t old_hidden = c->hidden_size;
    EL_TRY(el_json_size(o, "hidden_size", EL_JSON_OPTIONAL, 1, MOST_WIDTH, &c->hidden_size, where, err));
    if (c->hidden_size != old_hidden) {
        c->n_heads = heads_for(c->hidden_size);
        c->intermediate_size = 4 * c->hidden_size;
        if (c->embedding_size == old_hidden) {
            c->embedding_size = c->hidden_size;
        }
    }
    EL_TRY(el_json_size(o, "embedding_size", EL_JSON_OPTIONAL, 1, MOST_WIDTH, &c->embedding_size, where, err));
    EL_TRY(el_json_size(o, "num_attention_heads", EL_JSON_OPTIONAL, 1, MOST_WIDTH, &c->n_heads, where, err));
    return el_json_size(o, "intermediate_size", EL_JSON_OPTIONAL, 1, MOST_WIDTH, &c->intermediate_size, where, err);
}

static electra_status apply_activation(el_model_config *c, const json_t *o, const char *where, electra_error *err)
{
    const char *name = NULL;
    EL_TRY(el_json_text(o, "hidden_act", EL_JSON_OPTIONAL, &name, where, err));
    if (name && !el_activation_find(&c->activation, name)) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"hidden_act\" is \"%s\"; known are gelu, gelu_new, relu, tanh, silu, linear", where, name);
    }
    return ELECTRA_OK;
}

electra_status el_config_apply(el_model_config *config, const json_t *overrides, const char *where, electra_error *err)
{
    if (!json_is_object(overrides)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: model settings should be a JSON object", where);
    }
    EL_TRY(refuse_unknown_keys(overrides, where, err));
    el_model_config c = *config;
    const json_t *o = overrides;
    EL_TRY(apply_widths(&c, o, where, err));
    EL_TRY(apply_activation(&c, o, where, err));
    EL_TRY(el_json_size(o, "vocab_size", EL_JSON_OPTIONAL, 1, MOST_ROWS, &c.vocab_size, where, err));
    EL_TRY(el_json_size(o, "num_hidden_layers", EL_JSON_OPTIONAL, 1, MOST_LAYERS, &c.n_layers, where, err));
    EL_TRY(el_json_size(o, "max_position_embeddings", EL_JSON_OPTIONAL, 1, MOST_ROWS, &c.max_positions, where, err));
    EL_TRY(el_json_size(o, "type_vocab_size", EL_JSON_OPTIONAL, 1, MOST_ROWS, &c.n_types, where, err));
    EL_TRY(el_json_real(o, "hidden_dropout_prob", EL_JSON_OPTIONAL, 0, 0.999, &c.hidden_dropout, where, err));
    EL_TRY(
        el_json_real(o, "attention_probs_dropout_prob", EL_JSON_OPTIONAL, 0, 0.999, &c.attention_dropout, where, err));
    EL_TRY(el_json_real(o, "initializer_range", EL_JSON_OPTIONAL, 0, 10, &c.initializer_range, where, err));
    EL_TRY(el_json_real(o, "layer_norm_eps", EL_JSON_OPTIONAL, 0, 1, &c.layer_norm_eps, where, err));
    EL_TRY(el_config_check(&c, where, err));
    *config = c;
    return ELECTRA_OK;
}

/* ---- checks ---------------------------------------------------------------------------------------------------------
 */

static electra_status check_range(const char *what, size_t value, size_t most, const char *where, electra_error *err)
{
    if (value >= 1 && value <= most) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: %s is %zu; it should be between 1 and %zu", where, what, value,
                   most);
}

static electra_status check_rate(const char *what, double rate, const char *where, electra_error *err)
{
    if (rate >= 0 && rate < 1) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, where, "%s: %s is %g; it should be at least 0 and below 1", where, what, rate);
}

electra_status el_config_check(const el_model_config *c, const char *where, electra_error *err)
{
    EL_TRY(check_range("the vocabulary size", c->vocab_size, MOST_ROWS, where, err));
    EL_TRY(check_range("the embedding size", c->embedding_size, MOST_WIDTH, where, err));
    EL_TRY(check_range("the hidden size", c->hidden_size, MOST_WIDTH, where, err));
    EL_TRY(check_range("the number of layers", c->n_layers, MOST_LAYERS, where, err));
    EL_TRY(check_range("the number of heads", c->n_heads, c->hidden_size, where, err));
    EL_TRY(check_range("the intermediate size", c->intermediate_size, MOST_WIDTH, where, err));
    EL_TRY(check_range("the number of positions", c->max_positions, MOST_ROWS, where, err));
    EL_TRY(check_range("the number of token types", c->n_types, MOST_ROWS, where, err));
    EL_TRY(check_rate("the hidden dropout", c->hidden_dropout, where, err));
    EL_TRY(check_rate("the attention dropout", c->attention_dropout, where, err));
    if (c->hidden_size % c->n_heads != 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: a hidden size of %zu cannot be split into %zu heads of equal width; change one of them",
                       where, c->hidden_size, c->n_heads);
    }
    if (!(c->layer_norm_eps >= 0 && c->layer_norm_eps < 1) || !(c->initializer_range >= 0)) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: layer_norm_eps is %g (0 to 1 makes sense) and initializer_range %g (0 or more does)", where,
                       c->layer_norm_eps, c->initializer_range);
    }
    return ELECTRA_OK;
}

static electra_status check_same(const char *what, size_t generator, size_t discriminator, el_sharing sharing,
                                 electra_error *err)
{
    if (generator == discriminator) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, "generator",
                   "generator and discriminator cannot share \"%s\": %s is %zu in the generator and %zu in the "
                   "discriminator",
                   el_sharing_name(sharing), what, generator, discriminator);
}

electra_status el_pretrain_config_check(const el_pretrain_config *pair, electra_error *err)
{
    const el_model_config *g = &pair->generator, *d = &pair->discriminator;
    EL_TRY(el_config_check(d, "discriminator", err));
    EL_TRY(el_config_check(g, "generator", err));
    EL_TRY(check_same("the vocabulary size", g->vocab_size, d->vocab_size, pair->sharing, err));
    if (pair->sharing == EL_SHARE_NONE) {
        return ELECTRA_OK;
    }
    EL_TRY(check_same("the embedding size", g->embedding_size, d->embedding_size, pair->sharing, err));
    EL_TRY(check_same("the number of positions", g->max_positions, d->max_positions, pair->sharing, err));
    EL_TRY(check_same("the number of token types", g->n_types, d->n_types, pair->sharing, err));
    if (pair->sharing == EL_SHARE_EMBEDDINGS) {
        return ELECTRA_OK;
    }
    EL_TRY(check_same("the hidden size", g->hidden_size, d->hidden_size, pair->sharing, err));
    EL_TRY(check_same("the number of layers", g->n_layers, d->n_layers, pair->sharing, err));
    EL_TRY(check_same("the number of heads", g->n_heads, d->n_heads, pair->sharing, err));
    return check_same("the intermediate size", g->intermediate_size, d->intermediate_size, pair->sharing, err);
}

/* ---- the generator --------------------------------------------------------------------------------------------------
 */

static electra_status check_fraction(const char *what, double fraction, electra_error *err)
{
    if (fraction > 0 && fraction <= 1) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_MISUSE, "generator",
                   "the generator's %s is %g of the discriminator's; it should be above 0 and at most 1", what,
                   fraction);
}

electra_status el_pretrain_config_derive(el_pretrain_config *out, const el_model_config *discriminator,
                                         double hidden_fraction, double layer_fraction, el_sharing sharing,
                                         electra_error *err)
{
    EL_TRY(check_fraction("width", hidden_fraction, err));
    EL_TRY(check_fraction("depth", layer_fraction, err));
    out->sharing = sharing;
    out->discriminator = *discriminator;
    out->generator = *discriminator;
    if (sharing != EL_SHARE_ALL) {
        el_model_config *g = &out->generator;
        g->hidden_size = (size_t)rint((double)discriminator->hidden_size * hidden_fraction);
        g->n_layers = (size_t)rint((double)discriminator->n_layers * layer_fraction);
        g->intermediate_size = 4 * g->hidden_size;
        g->n_heads = heads_for(g->hidden_size);
        if (sharing == EL_SHARE_NONE) {
            g->embedding_size = g->hidden_size;
        }
    }
    return el_pretrain_config_check(out, err);
}
