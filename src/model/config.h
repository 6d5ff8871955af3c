/* The sizes of a network and of a pre-training pair, where they come from (presets, fractions, a user's JSON), and
 * whether they make sense.
 *
 *     el_pretrain_config pair;
 *     const el_preset *preset = el_preset_find("small");
 *     el_model_config d = preset->model;
 *     EL_TRY(el_config_apply(&d, overrides, "my.json", err));         // may be left out
 *     EL_TRY(el_pretrain_config_derive(&pair, &d, preset->generator_size, 1.0, EL_SHARE_EMBEDDINGS, err));
 *
 * Source of the sizes: electra.md 1.1 and 8.1; of tiny and mini: DESIGN section 2. */
#ifndef EL_MODEL_CONFIG_H
#define EL_MODEL_CONFIG_H

#include "backend/backend.h"
#include "base/json.h"

/* How a position table starts, and the first layer's attention with it. */
typedef enum el_position_init {
    EL_POSITIONS_NORMAL, /* like every other table */
    /* Positions are waves in columns of their own, and queries and keys of the first layer are turned so that each head
     * begins by looking at a neighbour: one to the left, one to the right, two to the left, ... Only starting values:
     * all of them are trained. A network that must first find out that neighbours matter spends thousands of steps on
     * the plateau where it knows word frequencies alone (docs/MODEL.md, docs/RESULTS.md). */
    EL_POSITIONS_NEIGHBOURS
} el_position_init;

enum { EL_WAVE_COLUMNS = 32 }; /* sin and cos of 16 wavelengths */

/* Whose heads and names a network has. Both encoders compute the same. */
typedef enum el_family {
    EL_FAMILY_ELECTRA,
    EL_FAMILY_BERT /* E = H always; classes are read from tanh of a dense layer on [CLS] (the pooler) */
} el_family;

typedef struct el_model_config {
    el_family family;
    size_t vocab_size;        /* V */
    size_t embedding_size;    /* E; a projection E -> H exists only if they differ */
    size_t hidden_size;       /* H */
    size_t n_layers;          /* L */
    size_t n_heads;           /* A, divides H */
    size_t intermediate_size; /* F */
    el_activation activation; /* of the feed-forward layers and of the discriminator's head */
    double hidden_dropout;
    double attention_dropout;
    size_t max_positions;
    size_t n_types;
    double initializer_range; /* standard deviation before truncation */
    double layer_norm_eps;
    uint32_t pad_id; /* written to model directories; no computation depends on it */
    el_position_init position_init;
    double position_amplitude; /* of the waves */
} el_model_config;

/* What generator and discriminator have in common (electra.md 5). The generator's output table is always its word
 * table. */
typedef enum el_sharing {
    EL_SHARE_EMBEDDINGS, /* word, position and type tables and their norm; each network has its own projection */
    EL_SHARE_NONE,       /* the generator has tables of its own, as wide as its layers */
    EL_SHARE_ALL         /* the whole encoder; only the heads differ */
} el_sharing;

typedef struct el_pretrain_config {
    el_model_config discriminator;
    el_model_config generator;
    el_sharing sharing;
} el_pretrain_config;

/* A size by name, with the settings it is trained with. One row each in config.c; nowhere else. */
typedef struct el_preset {
    const char *name;
    el_model_config model; /* of the discriminator; vocab_size is the published 30522 until the data says otherwise */
    double generator_size; /* width of the generator as a fraction of the discriminator's */
    size_t max_length;     /* tokens of a sequence */
    size_t batch;          /* sequences of a step */
    size_t steps;
    size_t warmup;
    double learning_rate;
    double adam_epsilon;
    bool bias_correction; /* of Adam's moments */
    double weight_decay;
    double mask_prob;
    double discriminator_weight;
} el_preset;

/* All presets, from small to large, ended by a row whose name is NULL. */
const el_preset *el_presets(void);
/* NULL if there is none of that name. */
const el_preset *el_preset_find(const char *name);

/* Change settings by a JSON object with Hugging Face's keys (vocab_size, embedding_size, hidden_size,
 * num_hidden_layers, num_attention_heads, intermediate_size, hidden_act, hidden_dropout_prob,
 * attention_probs_dropout_prob, max_position_embeddings, type_vocab_size, initializer_range, layer_norm_eps).
 * Head count and feed-forward width follow a changed hidden size (max(1, H div 64) and 4 H) unless given too, and so
 * does the embedding width where it was the hidden size. An unknown key, a wrong type or range: ELECTRA_INVALID. */
electra_status el_config_apply(el_model_config *config, const json_t *overrides, const char *where, electra_error *err);

/* ELECTRA_INVALID with the reason and what to change if the sizes make no network. where: the file or preset, for the
 * message. */
electra_status el_config_check(const el_model_config *config, const char *where, electra_error *err);

/* The generator of a discriminator: width round(H * hidden_fraction), depth round(L * layer_fraction), both half to
 * even; F = 4 H, heads = max(1, H div 64), everything else copied (electra.md 1.1). Fractions lie in (0, 1] and count
 * for nothing with EL_SHARE_ALL. Checks both networks and that they fit together. */
electra_status el_pretrain_config_derive(el_pretrain_config *out, const el_model_config *discriminator,
                                         double hidden_fraction, double layer_fraction, el_sharing sharing,
                                         electra_error *err);

/* Whether a pair that came from files fits together under its sharing; ELECTRA_INVALID says which number differs. */
electra_status el_pretrain_config_check(const el_pretrain_config *pair, electra_error *err);

/* Hugging Face's word for an activation ("gelu", "gelu_new", "relu", "tanh", "silu", "linear") and back; aliases of
 * the same function (gelu_pytorch_tanh, gelu_fast, swish, none) are read too. */
const char *el_activation_name(el_activation activation);
bool el_activation_find(el_activation *out, const char *name);

/* "embeddings", "none", "all" and back. */
const char *el_sharing_name(el_sharing sharing);
bool el_sharing_find(el_sharing *out, const char *name);

static inline bool el_config_has_projection(const el_model_config *config)
{
    return config->embedding_size != config->hidden_size;
}

#endif
