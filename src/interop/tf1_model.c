/* Owns networks in TensorFlow checkpoints. */
#include "interop/tf1_model.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"

enum { HEAD_WIDTH = 64, MOST_LAYERS = 1000 };

/* ---- variables --------------------------------------------------------------------------------------------------- */

bool el_tf1_has(const el_tf1 *checkpoint, el_tf1_network network)
{
    const char *const sign =
        network == EL_TF1_GENERATOR ? "generator_predictions/dense/kernel" : "discriminator_predictions/dense/kernel";
    return el_tf1_find(checkpoint, sign) != NULL;
}

static electra_status choose(const el_tf1 *checkpoint, el_tf1_network network, el_tf1_scopes *out, const char *where,
                             electra_error *err)
{
    const bool discriminator = el_tf1_has(checkpoint, EL_TF1_DISCRIMINATOR);
    const bool generator = el_tf1_has(checkpoint, EL_TF1_GENERATOR);
    if ((network == EL_TF1_DISCRIMINATOR && !discriminator) || (network == EL_TF1_GENERATOR && !generator)) {
        const char *wanted = network == EL_TF1_GENERATOR ? "generator" : "discriminator";
        return el_fail(err, ELECTRA_INVALID, where, "%s holds no %s: it has no variables %s_predictions/...", where,
                       wanted, wanted);
    }
    out->generator = network == EL_TF1_GENERATOR || (network == EL_TF1_ANY && !discriminator && generator);
    out->own_encoder = el_tf1_find(checkpoint, "generator/encoder/layer_0/attention/self/query/kernel") != NULL;
    out->own_embeddings = el_tf1_find(checkpoint, "generator/embeddings/word_embeddings") != NULL;
    return ELECTRA_OK;
}

/* The same numbers with rows and columns exchanged. */
static void transpose(el_array *t)
{
    const size_t rows = t->shape[0];
    t->shape[0] = t->shape[1];
    t->shape[1] = rows;
    el_array_set_strides(t, (const size_t[]){1, t->shape[0]});
}

electra_status el_tf1_list(el_named_array *out, size_t *n, const el_tf1 *checkpoint, el_tf1_network network,
                           const char *where, const electra_runtime *rt, electra_error *err)
{
    el_tf1_scopes scopes = {0};
    size_t fine_tuned = 0;
    *n = 0;
    EL_TRY(choose(checkpoint, network, &scopes, where, err));
    for (size_t i = 0; i < el_tf1_count(checkpoint); i++) {
        const el_array *variable = el_tf1_at(checkpoint, i);
        bool transposed;
        el_named_array *named = &out[*n];
        fine_tuned += strncmp(variable->name, "task_specific/", strlen("task_specific/")) == 0;
        if (!el_name_from_tf1(named->name, sizeof named->name, &transposed, variable->name, &scopes)) {
            continue;
        }
        EL_TRY(el_tf1_verify(checkpoint, variable, err));
        named->array = *variable;
        if (transposed && variable->rank == 2) { /* of another rank: its shape will be refused */
            transpose(&named->array);
        }
        (*n)++;
    }
    if (fine_tuned) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: the %zu variables of its fine-tuned head are left out; the published heads have no counterpart "
               "here, so only the encoder is taken",
               where, fine_tuned);
    }
    return ELECTRA_OK;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

typedef struct sizes {
    size_t vocab, embedding, positions, types, hidden, layers, intermediate;
} sizes;

static electra_status matrix_shape(const el_named_array *list, size_t n, const char *name, size_t *rows, size_t *cols,
                                   const char *where, electra_error *err)
{
    const el_array *t = el_named_arrays_find(list, n, name);
    if (!t || t->rank != 2) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: its sizes cannot be told: there is no matrix for %s", where,
                       name);
    }
    *rows = t->shape[0];
    *cols = t->shape[1];
    return ELECTRA_OK;
}

static electra_status read_sizes(sizes *out, const el_named_array *list, size_t n, const char *where,
                                 electra_error *err)
{
    size_t unused;
    EL_TRY(matrix_shape(list, n, EL_NAME_WORD_TABLE, &out->vocab, &out->embedding, where, err));
    EL_TRY(
        matrix_shape(list, n, "electra.embeddings.position_embeddings.weight", &out->positions, &unused, where, err));
    EL_TRY(matrix_shape(list, n, "electra.embeddings.token_type_embeddings.weight", &out->types, &unused, where, err));
    EL_TRY(matrix_shape(list, n, "electra.encoder.layer.0.intermediate.dense.weight", &out->intermediate, &out->hidden,
                        where, err));
    char name[EL_PARAM_NAME_BYTES];
    do {
        (void)snprintf(name, sizeof name, "electra.encoder.layer.%zu.intermediate.dense.weight", ++out->layers);
    } while (out->layers < MOST_LAYERS && el_named_arrays_find(list, n, name));
    return ELECTRA_OK;
}

static size_t published_heads(size_t hidden)
{
    return hidden / HEAD_WIDTH > 0 ? hidden / HEAD_WIDTH : 1;
}

electra_status el_tf1_deduce_config(el_hf_config *out, const el_named_array *list, size_t n, const char *where,
                                    const electra_runtime *rt, electra_error *err)
{
    sizes s = {0};
    EL_TRY(read_sizes(&s, list, n, where, err));
    json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "model_type", "electra",     //
                             "vocab_size", (json_int_t)s.vocab, "embedding_size", (json_int_t)s.embedding, //
                             "hidden_size", (json_int_t)s.hidden, "num_hidden_layers", (json_int_t)s.layers,
                             "num_attention_heads", (json_int_t)published_heads(s.hidden), //
                             "intermediate_size", (json_int_t)s.intermediate,              //
                             "max_position_embeddings", (json_int_t)s.positions,           //
                             "type_vocab_size", (json_int_t)s.types);
    if (!json) {
        return el_fail_memory(err, where, 0);
    }
    const electra_status status = el_hf_config_parse(out, json, where, err);
    json_decref(json);
    if (status == ELECTRA_OK) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: there is no config.json, so sizes are taken from the weights, and the number of heads (%zu) is "
               "that of "
               "published networks of width %zu; a network with another number needs a config.json",
               where, out->model.n_heads, s.hidden);
    }
    return status;
}

electra_status el_tf1_adapt_config(el_hf_config *config, const el_named_array *list, size_t n, const char *where,
                                   const electra_runtime *rt, electra_error *err)
{
    sizes s = {0};
    EL_TRY(read_sizes(&s, list, n, where, err));
    el_model_config *c = &config->model;
    if (s.hidden == c->hidden_size && s.layers == c->n_layers && s.intermediate == c->intermediate_size &&
        s.embedding == c->embedding_size) {
        return ELECTRA_OK;
    }
    const size_t stated = c->hidden_size;
    c->hidden_size = s.hidden;
    c->n_layers = s.layers;
    c->intermediate_size = s.intermediate;
    c->embedding_size = s.embedding;
    c->n_heads = published_heads(s.hidden);
    EL_TRY(el_config_check(c, where, err));
    el_log(
        rt, ELECTRA_LOG_WARNING,
        "%s: config.json describes a network of width %zu, but the generator has width %zu; its sizes are taken from "
        "the weights, and the number of heads (%zu) is that of published networks. If that is wrong, give the "
        "generator's own config.json",
        where, stated, s.hidden, c->n_heads);
    return ELECTRA_OK;
}
