/* Owns the rows of the parameter table, the layout of a block, and the starting values. */
#include "model/params.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

/* ---- the rows -------------------------------------------------------------------------------------------------------
 */

typedef enum dim { DIM_1, DIM_V, DIM_P, DIM_T, DIM_E, DIM_H, DIM_F, DIM_C, DIM_I } dim;

typedef struct row {
    const char *name;
    dim rows, cols; /* a vector has DIM_1 rows and n_dims 1 */
    int n_dims;
    el_init init;
} row;

static const row EMBEDDING_ROWS[EL_N_EMBEDDING_PARAMS] = {
    [EL_P_WORD] = {"electra.embeddings.word_embeddings.weight", DIM_V, DIM_E, 2, EL_INIT_NORMAL},
    [EL_P_POSITION] = {"electra.embeddings.position_embeddings.weight", DIM_P, DIM_E, 2, EL_INIT_NORMAL},
    [EL_P_TYPE] = {"electra.embeddings.token_type_embeddings.weight", DIM_T, DIM_E, 2, EL_INIT_NORMAL},
    [EL_P_EMBED_GAMMA] = {"electra.embeddings.LayerNorm.weight", DIM_1, DIM_E, 1, EL_INIT_ONE},
    [EL_P_EMBED_BETA] = {"electra.embeddings.LayerNorm.bias", DIM_1, DIM_E, 1, EL_INIT_ZERO},
};

static const row PROJECTION_ROWS[EL_N_PROJECTION_PARAMS] = {
    [EL_P_PROJECT_W] = {"electra.embeddings_project.weight", DIM_H, DIM_E, 2, EL_INIT_GLOROT},
    [EL_P_PROJECT_B] = {"electra.embeddings_project.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
};

/* Names follow "electra.encoder.layer.<i>.". */
static const row LAYER_ROWS[EL_N_LAYER_PARAMS] = {
    [EL_P_QUERY_W] = {"attention.self.query.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_KEY_W] = {"attention.self.key.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_VALUE_W] = {"attention.self.value.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_QUERY_B] = {"attention.self.query.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_KEY_B] = {"attention.self.key.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_VALUE_B] = {"attention.self.value.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_ATTEND_W] = {"attention.output.dense.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_ATTEND_B] = {"attention.output.dense.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_ATTEND_GAMMA] = {"attention.output.LayerNorm.weight", DIM_1, DIM_H, 1, EL_INIT_ONE},
    [EL_P_ATTEND_BETA] = {"attention.output.LayerNorm.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_UP_W] = {"intermediate.dense.weight", DIM_F, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_UP_B] = {"intermediate.dense.bias", DIM_1, DIM_F, 1, EL_INIT_ZERO},
    [EL_P_DOWN_W] = {"output.dense.weight", DIM_H, DIM_F, 2, EL_INIT_NORMAL},
    [EL_P_DOWN_B] = {"output.dense.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_DOWN_GAMMA] = {"output.LayerNorm.weight", DIM_1, DIM_H, 1, EL_INIT_ONE},
    [EL_P_DOWN_BETA] = {"output.LayerNorm.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
};

static const row MASKED_LM_ROWS[EL_N_MASKED_LM_PARAMS] = {
    [EL_P_MLM_W] = {"generator_predictions.dense.weight", DIM_E, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_MLM_B] = {"generator_predictions.dense.bias", DIM_1, DIM_E, 1, EL_INIT_ZERO},
    [EL_P_MLM_GAMMA] = {"generator_predictions.LayerNorm.weight", DIM_1, DIM_E, 1, EL_INIT_ONE},
    [EL_P_MLM_BETA] = {"generator_predictions.LayerNorm.bias", DIM_1, DIM_E, 1, EL_INIT_ZERO},
    [EL_P_MLM_OUTPUT_B] = {"generator_lm_head.bias", DIM_1, DIM_V, 1, EL_INIT_ZERO},
};

static const row DISCRIMINATOR_ROWS[EL_N_DISCRIMINATOR_PARAMS] = {
    [EL_P_DISC_W] = {"discriminator_predictions.dense.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_DISC_B] = {"discriminator_predictions.dense.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
    [EL_P_DISC_OUTPUT_W] = {"discriminator_predictions.dense_prediction.weight", DIM_1, DIM_H, 2, EL_INIT_GLOROT},
    [EL_P_DISC_OUTPUT_B] = {"discriminator_predictions.dense_prediction.bias", DIM_1, DIM_1, 1, EL_INIT_ZERO},
};

/* The hidden layer of heads that read [CLS]. The pooler belongs to the encoder by its name, as in BERT's files. */
static const row CLASSIFIER_DENSE_ROWS[EL_N_DENSE_PARAMS] = {
    [EL_P_DENSE_W] = {"classifier.dense.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_DENSE_B] = {"classifier.dense.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
};
static const row SUMMARY_DENSE_ROWS[EL_N_DENSE_PARAMS] = {
    [EL_P_DENSE_W] = {"sequence_summary.summary.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_DENSE_B] = {"sequence_summary.summary.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
};
static const row POOLER_ROWS[EL_N_DENSE_PARAMS] = {
    [EL_P_DENSE_W] = {"electra.pooler.dense.weight", DIM_H, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_DENSE_B] = {"electra.pooler.dense.bias", DIM_1, DIM_H, 1, EL_INIT_ZERO},
};

/* The last layer. */
static const row CLASSIFIER_OUTPUT_ROWS[EL_N_OUTPUT_PARAMS] = {
    [EL_P_OUTPUT_W] = {"classifier.out_proj.weight", DIM_C, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_OUTPUT_B] = {"classifier.out_proj.bias", DIM_1, DIM_C, 1, EL_INIT_ZERO},
};
static const row OUTPUT_ROWS[EL_N_OUTPUT_PARAMS] = {
    [EL_P_OUTPUT_W] = {"classifier.weight", DIM_C, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_OUTPUT_B] = {"classifier.bias", DIM_1, DIM_C, 1, EL_INIT_ZERO},
};
static const row SPANS_ROWS[EL_N_OUTPUT_PARAMS] = {
    [EL_P_OUTPUT_W] = {"qa_outputs.weight", DIM_C, DIM_H, 2, EL_INIT_NORMAL},
    [EL_P_OUTPUT_B] = {"qa_outputs.bias", DIM_1, DIM_C, 1, EL_INIT_ZERO},
};

/* Every kernel starts as published: Glorot, with the sides that the concatenation has. */
static const row JOINT_QA_ROWS[EL_N_JOINT_QA_PARAMS] = {
    [EL_P_QA_START_W] = {"joint_qa.start.weight", DIM_1, DIM_H, 2, EL_INIT_GLOROT},
    [EL_P_QA_START_B] = {"joint_qa.start.bias", DIM_1, DIM_1, 1, EL_INIT_ZERO},
    [EL_P_QA_END_START_W] = {"joint_qa.end.dense_start.weight", DIM_I, DIM_H, 2, EL_INIT_GLOROT_HALF},
    [EL_P_QA_END_TOKEN_W] = {"joint_qa.end.dense_token.weight", DIM_I, DIM_H, 2, EL_INIT_GLOROT_HALF},
    [EL_P_QA_END_B] = {"joint_qa.end.dense.bias", DIM_1, DIM_I, 1, EL_INIT_ZERO},
    [EL_P_QA_END_OUTPUT_W] = {"joint_qa.end.out_proj.weight", DIM_1, DIM_I, 2, EL_INIT_GLOROT},
    [EL_P_QA_END_OUTPUT_B] = {"joint_qa.end.out_proj.bias", DIM_1, DIM_1, 1, EL_INIT_ZERO},
    [EL_P_QA_DOUBT_FIRST_W] = {"joint_qa.impossible.dense_first.weight", DIM_I, DIM_H, 2, EL_INIT_GLOROT_HALF},
    [EL_P_QA_DOUBT_FEATURE_W] = {"joint_qa.impossible.dense_feature.weight", DIM_I, DIM_H, 2, EL_INIT_GLOROT_HALF},
    [EL_P_QA_DOUBT_B] = {"joint_qa.impossible.dense.bias", DIM_1, DIM_I, 1, EL_INIT_ZERO},
    [EL_P_QA_DOUBT_OUTPUT_W] = {"joint_qa.impossible.out_proj.weight", DIM_1, DIM_I, 2, EL_INIT_GLOROT},
    [EL_P_QA_DOUBT_OUTPUT_B] = {"joint_qa.impossible.out_proj.bias", DIM_1, DIM_1, 1, EL_INIT_ZERO},
};

static size_t dim_size(const el_network *network, dim d)
{
    const el_model_config *c = &network->config;
    switch (d) {
    case DIM_1: return 1;
    case DIM_V: return c->vocab_size;
    case DIM_P: return c->max_positions;
    case DIM_T: return c->n_types;
    case DIM_E: return c->embedding_size;
    case DIM_H: return c->hidden_size;
    case DIM_F: return c->intermediate_size;
    case DIM_C: return el_head_outputs(&network->head_config);
    case DIM_I: return network->head_config.inner;
    }
    return 0;
}

/* ---- facts that follow from a name ----------------------------------------------------------------------------------
 */

bool el_param_name_decays(const char *name)
{
    return !strstr(name, "LayerNorm") && !strstr(name, "layer_norm") && !strstr(name, "bias");
}

size_t el_param_name_depth(const char *name, size_t n_layers)
{
    static const char LAYER[] = "electra.encoder.layer.";
    if (strncmp(name, LAYER, sizeof LAYER - 1) == 0) {
        return strtoul(name + sizeof LAYER - 1, NULL, 10) + 1;
    }
    return strncmp(name, "electra.embeddings", strlen("electra.embeddings")) == 0 ? 0 : n_layers + 1;
}

size_t el_head_outputs(const el_head_config *head)
{
    switch (head->kind) {
    case EL_HEAD_CLASSIFIER:
    case EL_HEAD_TAGGER: return head->n_labels;
    case EL_HEAD_SPANS: return 2;
    case EL_HEAD_CHOICE:
    case EL_HEAD_JOINT_QA: return 1;
    case EL_HEAD_NONE:
    case EL_HEAD_MASKED_LM:
    case EL_HEAD_DISCRIMINATOR: break;
    }
    return 0;
}

bool el_param_belongs(const el_param *param, el_owner network)
{
    return param->owner == EL_OWNER_SHARED || param->owner == network || network == EL_OWNER_SHARED;
}

size_t el_params_find(const el_params *params, const char *name, el_owner network)
{
    for (size_t i = 0; i < params->count; i++) {
        if (el_param_belongs(&params->list[i], network) && strcmp(params->list[i].name, name) == 0) {
            return i;
        }
    }
    return EL_NO_PARAM;
}

size_t el_params_total(const el_params *params, el_owner network)
{
    size_t total = 0;
    for (size_t i = 0; i < params->count; i++) {
        if (el_param_belongs(&params->list[i], network)) {
            total += params->list[i].rows * params->list[i].cols;
        }
    }
    return total;
}

/* ---- building -------------------------------------------------------------------------------------------------------
 */

/* Tensors start on a cache line (of floats), except where a table row must adjoin the one before. */
enum { ALIGN_ELEMENTS = EL_ALIGNMENT / sizeof(float) };

static electra_status append(el_params *params, el_param param, bool adjoins, electra_error *err)
{
    if (params->count == params->capacity) {
        const size_t capacity = params->capacity ? 2 * params->capacity : 64;
        el_param *grown = el_realloc(params->list, params->count, capacity, sizeof *grown);
        if (!grown) {
            return el_fail_memory(err, "the parameter table", capacity * sizeof *grown);
        }
        params->list = grown;
        params->capacity = capacity;
    }
    size_t size, end;
    param.offset = params->elements;
    if (!adjoins) {
        param.offset = (param.offset + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    }
    if (el_mul_overflows(param.rows, param.cols, &size) || el_add_overflows(param.offset, size, &end) ||
        end > SIZE_MAX / 64) {
        return el_fail(err, ELECTRA_NO_RESOURCE, param.name, "the network has more parameters than fit into memory");
    }
    params->list[params->count++] = param;
    params->elements = end;
    return ELECTRA_OK;
}

static el_param make_param(const char *prefix, const char *name, el_owner owner, size_t n_layers)
{
    el_param p = {.owner = owner};
    const int written = snprintf(p.name, sizeof p.name, "%s%s", prefix, name);
    assert(written > 0 && (size_t)written < sizeof p.name);
    (void)written;
    p.decays = el_param_name_decays(p.name);
    p.depth = el_param_name_depth(p.name, n_layers);
    return p;
}

electra_status el_params_add(el_params *params, const char *name, el_owner owner, size_t rows, size_t cols, int n_dims,
                             el_init init, double scale, size_t n_layers, electra_error *err)
{
    if (strlen(name) >= EL_PARAM_NAME_BYTES) {
        return el_fail(err, ELECTRA_INVALID, name, "a parameter's name has more than %d bytes",
                       EL_PARAM_NAME_BYTES - 1);
    }
    el_param p = make_param("", name, owner, n_layers);
    p.rows = rows;
    p.cols = cols;
    p.n_dims = n_dims;
    p.init = init;
    p.scale = scale;
    return append(params, p, false, err);
}

static electra_status add_rows(el_params *params, const row *rows, size_t n, const char *prefix, el_owner owner,
                               const el_network *network, electra_error *err)
{
    for (size_t i = 0; i < n; i++) {
        el_param p = make_param(prefix, rows[i].name, owner, network->config.n_layers);
        p.rows = dim_size(network, rows[i].rows);
        p.cols = dim_size(network, rows[i].cols);
        p.n_dims = rows[i].n_dims;
        p.init = rows[i].init;
        p.scale = network->config.initializer_range;
        const bool adjoins =
            rows == LAYER_ROWS && (i == EL_P_KEY_W || i == EL_P_VALUE_W || i == EL_P_KEY_B || i == EL_P_VALUE_B);
        EL_TRY(append(params, p, adjoins, err));
    }
    return ELECTRA_OK;
}

static electra_status add_embeddings(el_params *params, el_network *network, el_owner owner, electra_error *err)
{
    network->embeddings = params->count;
    EL_TRY(add_rows(params, EMBEDDING_ROWS, EL_N_EMBEDDING_PARAMS, "", owner, network, err));
    if (network->config.position_init == EL_POSITIONS_NEIGHBOURS) {
        el_param *positions = &params->list[network->embeddings + EL_P_POSITION];
        positions->init = EL_INIT_WAVES;
        positions->scale = network->config.position_amplitude;
    }
    return ELECTRA_OK;
}

/* The waves of the position table reach the first layer, whose heads begin by comparing them. */
static void look_at_neighbours(el_params *params, const el_network *network)
{
    if (network->projection != EL_NO_PARAM) {
        params->list[network->projection + EL_P_PROJECT_W].init = EL_INIT_KEEP_WAVES;
    }
    el_param *query = &params->list[el_network_layer(network, 0, EL_P_QUERY_W)];
    el_param *key = &params->list[el_network_layer(network, 0, EL_P_KEY_W)];
    query->init = EL_INIT_LOOK_QUERY;
    key->init = EL_INIT_LOOK_KEY;
    query->head_width = key->head_width = network->config.hidden_size / network->config.n_heads;
}

static electra_status add_encoder(el_params *params, el_network *network, el_owner owner, electra_error *err)
{
    const el_model_config *c = &network->config;
    if (el_config_has_projection(c)) {
        network->projection = params->count;
        EL_TRY(add_rows(params, PROJECTION_ROWS, EL_N_PROJECTION_PARAMS, "", owner, network, err));
    }
    network->layers = params->count;
    for (size_t i = 0; i < c->n_layers; i++) {
        char prefix[48];
        snprintf(prefix, sizeof prefix, "electra.encoder.layer.%zu.", i);
        EL_TRY(add_rows(params, LAYER_ROWS, EL_N_LAYER_PARAMS, prefix, owner, network, err));
    }
    if (c->position_init == EL_POSITIONS_NEIGHBOURS) {
        look_at_neighbours(params, network);
    }
    return ELECTRA_OK;
}

static electra_status add_dense(el_params *params, el_network *network, const char *prefix, electra_error *err)
{
    const el_head_config *head = &network->head_config;
    const row *rows = NULL;
    if (network->config.family == EL_FAMILY_BERT) {
        rows = el_head_reads_first(head->kind) || (head->kind == EL_HEAD_NONE && head->pooler) ? POOLER_ROWS : NULL;
    } else if (head->kind == EL_HEAD_CLASSIFIER) {
        rows = CLASSIFIER_DENSE_ROWS;
    } else if (head->kind == EL_HEAD_CHOICE && head->summary_dense) {
        rows = SUMMARY_DENSE_ROWS;
    }
    if (!rows) {
        return ELECTRA_OK;
    }
    network->dense = params->count;
    return add_rows(params, rows, EL_N_DENSE_PARAMS, prefix, network->role, network, err);
}

static electra_status add_head(el_params *params, el_network *network, const el_head_config *head, const char *prefix,
                               electra_error *err)
{
    network->head_config = *head;
    EL_TRY(add_dense(params, network, prefix, err));
    const bool electra = network->config.family == EL_FAMILY_ELECTRA;
    const row *rows = OUTPUT_ROWS;
    size_t n = EL_N_OUTPUT_PARAMS;
    switch (head->kind) {
    case EL_HEAD_NONE: return ELECTRA_OK;
    case EL_HEAD_MASKED_LM:
        rows = MASKED_LM_ROWS;
        n = EL_N_MASKED_LM_PARAMS;
        break;
    case EL_HEAD_DISCRIMINATOR:
        rows = DISCRIMINATOR_ROWS;
        n = EL_N_DISCRIMINATOR_PARAMS;
        break;
    case EL_HEAD_CLASSIFIER: rows = electra ? CLASSIFIER_OUTPUT_ROWS : OUTPUT_ROWS; break;
    case EL_HEAD_SPANS: rows = SPANS_ROWS; break;
    case EL_HEAD_JOINT_QA:
        assert(head->inner > 0 && head->inner <= EL_QA_INNER);
        rows = JOINT_QA_ROWS;
        n = EL_N_JOINT_QA_PARAMS;
        break;
    case EL_HEAD_TAGGER:
    case EL_HEAD_CHOICE: break;
    }
    network->head = params->count;
    return add_rows(params, rows, n, prefix, network->role, network, err);
}

static el_network empty_network(const el_model_config *config, el_owner role)
{
    return (el_network){.config = *config,
                        .role = role,
                        .embeddings = EL_NO_PARAM,
                        .projection = EL_NO_PARAM,
                        .layers = EL_NO_PARAM,
                        .dense = EL_NO_PARAM,
                        .head = EL_NO_PARAM};
}

electra_status el_params_build_pair(el_params *params, el_network *generator, el_network *discriminator,
                                    const el_pretrain_config *config, electra_error *err)
{
    *generator = empty_network(&config->generator, EL_OWNER_GENERATOR);
    *discriminator = empty_network(&config->discriminator, EL_OWNER_DISCRIMINATOR);
    const bool share_all = config->sharing == EL_SHARE_ALL;
    const el_owner tables = config->sharing == EL_SHARE_NONE ? EL_OWNER_DISCRIMINATOR : EL_OWNER_SHARED;
    EL_TRY(add_embeddings(params, discriminator, tables, err));
    EL_TRY(add_encoder(params, discriminator, share_all ? EL_OWNER_SHARED : EL_OWNER_DISCRIMINATOR, err));
    EL_TRY(add_head(params, discriminator, &(el_head_config){.kind = EL_HEAD_DISCRIMINATOR}, "", err));
    if (config->sharing == EL_SHARE_NONE) {
        EL_TRY(add_embeddings(params, generator, EL_OWNER_GENERATOR, err));
    } else {
        generator->embeddings = discriminator->embeddings;
    }
    if (share_all) {
        generator->projection = discriminator->projection;
        generator->layers = discriminator->layers;
    } else {
        EL_TRY(add_encoder(params, generator, EL_OWNER_GENERATOR, err));
    }
    return add_head(params, generator, &(el_head_config){.kind = EL_HEAD_MASKED_LM}, "", err);
}

electra_status el_params_build_single(el_params *params, el_network *network, const el_model_config *config,
                                      const el_head_config *head, electra_error *err)
{
    *network = empty_network(config, EL_OWNER_DISCRIMINATOR);
    EL_TRY(add_embeddings(params, network, EL_OWNER_DISCRIMINATOR, err));
    EL_TRY(add_encoder(params, network, EL_OWNER_DISCRIMINATOR, err));
    return add_head(params, network, head, "", err);
}

electra_status el_params_add_head(el_params *params, el_network *network, const el_network *base,
                                  const el_head_config *head, const char *prefix, electra_error *err)
{
    *network = *base;
    network->dense = network->head = EL_NO_PARAM;
    return add_head(params, network, head, prefix, err);
}

void el_params_clear(el_params *params)
{
    el_free(params->list);
    *params = (el_params){0};
}

/* ---- views ----------------------------------------------------------------------------------------------------------
 */

el_tensor el_weights_at(el_weights weights, size_t index)
{
    assert(index < weights.params->count);
    if (weights.tensors) {
        return weights.tensors[index];
    }
    const el_param *p = &weights.params->list[index];
    return el_tensor_of((char *)weights.data + p->offset * weights.be->element_size, p->rows, p->cols);
}

el_tensor el_weights_joined(el_weights weights, size_t first, size_t n)
{
    const el_param *p = &weights.params->list[first];
    el_tensor joined = el_weights_at(weights, first);
    if (weights.tensors) {
        assert(joined.rows * joined.cols == n * p->rows * p->cols);
        return joined;
    }
    assert(first + n <= weights.params->count && p[n - 1].offset == p->offset + (n - 1) * p->rows * p->cols);
    if (p->n_dims == 1) {
        joined.cols *= n;
    } else {
        joined.rows *= n;
    }
    return joined;
}

el_tensor el_weights_all(el_weights weights)
{
    assert(!weights.tensors);
    return el_tensor_of(weights.data, 1, weights.params->elements);
}
