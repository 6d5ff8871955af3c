/* Owns the members of config.json. Their meaning and defaults: transformers, models/electra/configuration_electra.py.
 */
#include "interop/hf_config.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* What absent members mean. */
static const el_model_config DEFAULTS = {.vocab_size = 30522,
                                         .embedding_size = 128,
                                         .hidden_size = 256,
                                         .n_layers = 12,
                                         .n_heads = 4,
                                         .intermediate_size = 1024,
                                         .activation = EL_ACT_GELU,
                                         .hidden_dropout = 0.1,
                                         .attention_dropout = 0.1,
                                         .max_positions = 512,
                                         .n_types = 2,
                                         .initializer_range = 0.02,
                                         .layer_norm_eps = 1e-12,
                                         .pad_id = 0,
                                         .position_init = EL_POSITIONS_NORMAL};

enum { MOST_SIZE = 1 << 28 }; /* el_config_check knows the finer limits */

static electra_status read_sizes(el_model_config *c, const json_t *o, const char *where, electra_error *err)
{
    const struct {
        const char *name;
        size_t *value;
        size_t least;
    } sizes[] = {
        {"vocab_size", &c->vocab_size, 1},
        {"embedding_size", &c->embedding_size, 1},
        {"hidden_size", &c->hidden_size, 1},
        {"num_hidden_layers", &c->n_layers, 1},
        {"num_attention_heads", &c->n_heads, 1},
        {"intermediate_size", &c->intermediate_size, 1},
        {"max_position_embeddings", &c->max_positions, 1},
        {"type_vocab_size", &c->n_types, 1},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        EL_TRY(el_json_size(o, sizes[i].name, EL_JSON_OPTIONAL, sizes[i].least, MOST_SIZE, sizes[i].value, where, err));
    }
    size_t pad = c->pad_id;
    EL_TRY(el_json_size(o, "pad_token_id", EL_JSON_OPTIONAL, 0, MOST_SIZE, &pad, where, err));
    c->pad_id = (uint32_t)pad;
    return ELECTRA_OK;
}

static electra_status read_reals(el_model_config *c, const json_t *o, const char *where, electra_error *err)
{
    EL_TRY(el_json_real(o, "hidden_dropout_prob", EL_JSON_OPTIONAL, 0, 1, &c->hidden_dropout, where, err));
    EL_TRY(el_json_real(o, "attention_probs_dropout_prob", EL_JSON_OPTIONAL, 0, 1, &c->attention_dropout, where, err));
    EL_TRY(el_json_real(o, "initializer_range", EL_JSON_OPTIONAL, 0, 100, &c->initializer_range, where, err));
    return el_json_real(o, "layer_norm_eps", EL_JSON_OPTIONAL, 0, 1, &c->layer_norm_eps, where, err);
}

/* Members whose other values change the computation in ways that this library does not follow. */
static electra_status refuse_other_networks(const json_t *o, const char *where, electra_error *err)
{
    const char *type = NULL;
    EL_TRY(el_json_text(o, "model_type", EL_JSON_REQUIRED, &type, where, err));
    if (strcmp(type, "electra") != 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s describes a model of type \"%s\"; only \"electra\" can be read here", where, type);
    }
    const char *positions = "absolute";
    EL_TRY(el_json_text(o, "position_embedding_type", EL_JSON_OPTIONAL, &positions, where, err));
    if (strcmp(positions, "absolute") != 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"position_embedding_type\" is \"%s\"; only \"absolute\" can be computed", where,
                       positions);
    }
    static const char *const DECODER[] = {"is_decoder", "add_cross_attention"};
    for (size_t i = 0; i < sizeof DECODER / sizeof *DECODER; i++) {
        bool set = false;
        EL_TRY(el_json_bool(o, DECODER[i], EL_JSON_OPTIONAL, &set, where, err));
        if (set) {
            return el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is true; decoders cannot be computed", where,
                           DECODER[i]);
        }
    }
    return ELECTRA_OK;
}

static electra_status read_activation(el_model_config *c, const json_t *o, const char *where, electra_error *err)
{
    const char *name = "gelu";
    EL_TRY(el_json_text(o, "hidden_act", EL_JSON_OPTIONAL, &name, where, err));
    if (!el_activation_find(&c->activation, name)) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"hidden_act\" is \"%s\"; gelu, gelu_new, relu, tanh, silu and linear can be computed",
                       where, name);
    }
    return ELECTRA_OK;
}

static void read_architecture(el_hf_config *out, const json_t *o)
{
    const char *name = json_string_value(json_array_get(json_object_get(o, "architectures"), 0));
    (void)snprintf(out->architecture, sizeof out->architecture, "%s", name ? name : "");
}

electra_status el_hf_config_parse(el_hf_config *out, const json_t *json, const char *where, electra_error *err)
{
    if (!json_is_object(json)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s should hold a JSON object", where);
    }
    el_hf_config c = {.model = DEFAULTS};
    EL_TRY(refuse_other_networks(json, where, err));
    EL_TRY(read_sizes(&c.model, json, where, err));
    EL_TRY(read_reals(&c.model, json, where, err));
    EL_TRY(read_activation(&c.model, json, where, err));
    read_architecture(&c, json);
    EL_TRY(el_config_check(&c.model, where, err));
    *out = c;
    return ELECTRA_OK;
}

electra_status el_hf_config_read(el_hf_config *out, const char *path, electra_error *err)
{
    json_t *json = NULL;
    EL_TRY(el_json_load(&json, path, err));
    const electra_status status = el_hf_config_parse(out, json, path, err);
    json_decref(json);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

const char *el_hf_architecture(el_head head)
{
    switch (head) {
    case EL_HEAD_DISCRIMINATOR: return "ElectraForPreTraining";
    case EL_HEAD_MASKED_LM: return "ElectraForMaskedLM";
    case EL_HEAD_NONE: break;
    }
    return "ElectraModel";
}

/* dtype is written in the old spelling, which all versions read. The summary members belong to multiple choice and
 * hold their defaults. */
static json_t *describe(const el_model_config *c, el_head head)
{
    return json_pack(
        "{s:[s], s:f, s:n, s:I, s:s, s:f, s:I, s:f, s:I, s:f, s:I, s:s, s:I, s:I, s:I, s:s, s:s, s:f, s:s, "
        "s:b, s:b, s:s, s:I, s:b, s:I}",
        "architectures", el_hf_architecture(head),               //
        "attention_probs_dropout_prob", c->attention_dropout,    //
        "classifier_dropout",                                    //
        "embedding_size", (json_int_t)c->embedding_size,         //
        "hidden_act", el_activation_name(c->activation),         //
        "hidden_dropout_prob", c->hidden_dropout,                //
        "hidden_size", (json_int_t)c->hidden_size,               //
        "initializer_range", c->initializer_range,               //
        "intermediate_size", (json_int_t)c->intermediate_size,   //
        "layer_norm_eps", c->layer_norm_eps,                     //
        "max_position_embeddings", (json_int_t)c->max_positions, //
        "model_type", "electra",                                 //
        "num_attention_heads", (json_int_t)c->n_heads,           //
        "num_hidden_layers", (json_int_t)c->n_layers,            //
        "pad_token_id", (json_int_t)c->pad_id,                   //
        "position_embedding_type", "absolute",                   //
        "summary_activation", "gelu",                            //
        "summary_last_dropout", 0.1,                             //
        "summary_type", "first",                                 //
        "summary_use_proj", 1,                                   //
        "tie_word_embeddings", 1,                                //
        "torch_dtype", "float32",                                //
        "type_vocab_size", (json_int_t)c->n_types,               //
        "use_cache", 1,                                          //
        "vocab_size", (json_int_t)c->vocab_size);
}

electra_status el_hf_config_write(const el_model_config *config, el_head head, const char *path, electra_error *err)
{
    json_t *json = describe(config, head);
    if (!json) {
        return el_fail_memory(err, path, 0);
    }
    const electra_status status = el_json_save(json, path, err);
    json_decref(json);
    return status;
}
