/* Owns the members of config.json. Their meaning and defaults: transformers, models/electra/configuration_electra.py
 * and models/bert/configuration_bert.py. */
#include "interop/hf_config.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

/* ---- labels ------------------------------------------------------------------------------------------------------ */

void el_labels_clear(el_labels *labels)
{
    for (size_t i = 0; labels->names && i < labels->count; i++) {
        el_free(labels->names[i]);
    }
    el_free(labels->names);
    *labels = (el_labels){0};
}

static char *default_label(size_t i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "LABEL_%zu", i);
    return el_strdup(name);
}

electra_status el_labels_make(el_labels *out, const char *const *names, size_t count, electra_problem problem,
                              electra_error *err)
{
    *out = (el_labels){.problem = problem};
    out->names = el_alloc(count, sizeof *out->names);
    if (!out->names) {
        return el_fail_memory(err, "the labels of a model", count * sizeof *out->names);
    }
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->names[i] = names ? el_strdup(names[i]) : default_label(i);
        if (!out->names[i]) {
            el_labels_clear(out);
            return el_fail_memory(err, "the labels of a model", 0);
        }
    }
    return ELECTRA_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What absent members mean. */
static const el_model_config DEFAULTS[] = {[EL_FAMILY_ELECTRA] = {.family = EL_FAMILY_ELECTRA,
                                                                  .vocab_size = 30522,
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
                                                                  .position_init = EL_POSITIONS_NORMAL},
                                           [EL_FAMILY_BERT] = {.family = EL_FAMILY_BERT,
                                                               .vocab_size = 30522,
                                                               .embedding_size = 768,
                                                               .hidden_size = 768,
                                                               .n_layers = 12,
                                                               .n_heads = 12,
                                                               .intermediate_size = 3072,
                                                               .activation = EL_ACT_GELU,
                                                               .hidden_dropout = 0.1,
                                                               .attention_dropout = 0.1,
                                                               .max_positions = 512,
                                                               .n_types = 2,
                                                               .initializer_range = 0.02,
                                                               .layer_norm_eps = 1e-12,
                                                               .pad_id = 0,
                                                               .position_init = EL_POSITIONS_NORMAL}};

static const char *const FAMILIES[] = {[EL_FAMILY_ELECTRA] = "electra", [EL_FAMILY_BERT] = "bert"};

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
    if (c->family == EL_FAMILY_BERT) {
        c->embedding_size = c->hidden_size;
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

static electra_status read_family(el_family *out, const json_t *o, const char *where, electra_error *err)
{
    const char *type = NULL;
    EL_TRY(el_json_text(o, "model_type", EL_JSON_REQUIRED, &type, where, err));
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        if (strcmp(type, FAMILIES[i]) == 0) {
            *out = (el_family)i;
            return ELECTRA_OK;
        }
    }
    return el_fail(err, ELECTRA_INVALID, where,
                   "%s describes a model of type \"%s\"; only \"electra\" and \"bert\" can be read here", where, type);
}

/* Members whose other values change the computation in ways that this library does not follow. */
static electra_status refuse_other_networks(const json_t *o, const char *where, electra_error *err)
{
    const char *positions = "absolute";
    EL_TRY(el_json_text(o, "position_embedding_type", EL_JSON_OPTIONAL, &positions, where, err));
    if (strcmp(positions, "absolute") != 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"position_embedding_type\" is \"%s\"; only \"absolute\" can be computed", where,
                       positions);
    }
    const json_t *quantization = json_object_get(o, "quantization_config");
    if (quantization && !json_is_null(quantization)) {
        const char *method = json_string_value(json_object_get(quantization, "quant_method"));
        if (!method || strcmp(method, EL_HF_INT8) != 0) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "%s: the weights are quantized by \"%s\"; only floats and \"%s\" can be read", where,
                           method ? method : "a method without a name", EL_HF_INT8);
        }
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

enum { MOST_LABELS = 1 << 20 };

/* "id2label" maps "0", "1", ... to names. "num_labels" counts only without it, and without both there are two. */
static electra_status read_label_names(el_labels *out, const json_t *o, const char *where, electra_error *err)
{
    const json_t *map = json_object_get(o, "id2label");
    if (!map || json_is_null(map)) {
        size_t count = 2;
        EL_TRY(el_json_size(o, "num_labels", EL_JSON_OPTIONAL, 1, MOST_LABELS, &count, where, err));
        return el_labels_make(out, NULL, count, ELECTRA_PROBLEM_NONE, err);
    }
    const size_t count = json_object_size(map);
    if (!json_is_object(map) || count == 0 || count > MOST_LABELS) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"id2label\" should be an object of 1 to %d members, \"0\", \"1\", ... with their labels",
                       where, MOST_LABELS);
    }
    const char **names = el_alloc(count, sizeof *names);
    if (!names) {
        return el_fail_memory(err, where, count * sizeof *names);
    }
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < count && status == ELECTRA_OK; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "%zu", i);
        status = el_json_text(map, id, EL_JSON_REQUIRED, &names[i], where, err);
    }
    if (status == ELECTRA_OK) {
        status = el_labels_make(out, names, count, ELECTRA_PROBLEM_NONE, err);
    }
    el_free(names);
    return status;
}

static const char *const PROBLEMS[] = {[ELECTRA_PROBLEM_REGRESSION] = "regression",
                                       [ELECTRA_PROBLEM_SINGLE_LABEL] = "single_label_classification",
                                       [ELECTRA_PROBLEM_MULTI_LABEL] = "multi_label_classification"};

static electra_status read_problem(electra_problem *out, const json_t *o, const char *where, electra_error *err)
{
    const char *name = NULL;
    EL_TRY(el_json_text(o, "problem_type", EL_JSON_OPTIONAL, &name, where, err));
    *out = ELECTRA_PROBLEM_NONE;
    for (size_t i = ELECTRA_PROBLEM_REGRESSION; name && i < sizeof PROBLEMS / sizeof *PROBLEMS; i++) {
        if (strcmp(name, PROBLEMS[i]) == 0) {
            *out = (electra_problem)i;
            return ELECTRA_OK;
        }
    }
    if (!name) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, where,
                   "%s: \"problem_type\" is \"%s\"; it may be null, \"%s\", \"%s\" or \"%s\"", where, name,
                   PROBLEMS[ELECTRA_PROBLEM_REGRESSION], PROBLEMS[ELECTRA_PROBLEM_SINGLE_LABEL],
                   PROBLEMS[ELECTRA_PROBLEM_MULTI_LABEL]);
}

static electra_status read_word(char out[EL_HF_WORD_BYTES], const json_t *o, const char *name, const char *where,
                                electra_error *err)
{
    const char *word = out;
    EL_TRY(el_json_text(o, name, EL_JSON_OPTIONAL, &word, where, err));
    if (word != out) {
        (void)snprintf(out, EL_HF_WORD_BYTES, "%s", word);
    }
    return ELECTRA_OK;
}

/* A dropout of 1 would leave nothing. */
static electra_status read_dropout(double *out, const json_t *o, const char *name, const char *where,
                                   electra_error *err)
{
    EL_TRY(el_json_real(o, name, EL_JSON_OPTIONAL, 0, 1, out, where, err));
    return *out < 1 ? ELECTRA_OK
                    : el_fail(err, ELECTRA_INVALID, where, "%s: \"%s\" is 1; it should be below 1", where, name);
}

static electra_status read_summary(el_hf_config *c, const json_t *o, const char *where, electra_error *err)
{
    c->summary_use_proj = true;
    c->summary_last_dropout = 0.1;
    (void)strcpy(c->summary_type, "first");
    const json_t *activation = json_object_get(o, "summary_activation");
    (void)strcpy(c->summary_activation, activation && json_is_null(activation) ? "" : "gelu");
    EL_TRY(read_word(c->summary_type, o, "summary_type", where, err));
    EL_TRY(read_word(c->summary_activation, o, "summary_activation", where, err));
    EL_TRY(el_json_bool(o, "summary_use_proj", EL_JSON_OPTIONAL, &c->summary_use_proj, where, err));
    EL_TRY(el_json_bool(o, "summary_proj_to_labels", EL_JSON_OPTIONAL, &c->summary_proj_to_labels, where, err));
    EL_TRY(read_dropout(&c->summary_first_dropout, o, "summary_first_dropout", where, err));
    return read_dropout(&c->summary_last_dropout, o, "summary_last_dropout", where, err);
}

static const char NULL_THRESHOLD[] = "null_threshold";

static electra_status read_members(el_hf_config *c, const json_t *o, const char *where, electra_error *err)
{
    el_family family = EL_FAMILY_ELECTRA;
    EL_TRY(read_family(&family, o, where, err));
    EL_TRY(refuse_other_networks(o, where, err));
    c->model = DEFAULTS[family];
    EL_TRY(read_sizes(&c->model, o, where, err));
    EL_TRY(read_reals(&c->model, o, where, err));
    EL_TRY(read_activation(&c->model, o, where, err));
    read_architecture(c, o);
    EL_TRY(el_config_check(&c->model, where, err));
    c->classifier_dropout = c->model.hidden_dropout;
    EL_TRY(read_dropout(&c->classifier_dropout, o, "classifier_dropout", where, err));
    if (family == EL_FAMILY_ELECTRA) {
        EL_TRY(read_summary(c, o, where, err));
    }
    c->joint_qa_hidden_size = EL_QA_INNER;
    EL_TRY(el_json_size(o, "joint_qa_hidden_size", EL_JSON_OPTIONAL, 1, EL_QA_INNER, &c->joint_qa_hidden_size, where,
                        err));
    c->null_threshold = (double)NAN;
    EL_TRY(el_json_real(o, NULL_THRESHOLD, EL_JSON_OPTIONAL, -EL_HF_BEYOND_ODDS, EL_HF_BEYOND_ODDS, &c->null_threshold,
                        where, err));
    EL_TRY(read_label_names(&c->labels, o, where, err));
    return read_problem(&c->labels.problem, o, where, err);
}

void el_hf_config_clear(el_hf_config *config)
{
    el_labels_clear(&config->labels);
    *config = (el_hf_config){0};
}

electra_status el_hf_config_parse(el_hf_config *out, const json_t *json, const char *where, electra_error *err)
{
    *out = (el_hf_config){0};
    if (!json_is_object(json)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s should hold a JSON object", where);
    }
    const electra_status status = read_members(out, json, where, err);
    if (status != ELECTRA_OK) {
        el_hf_config_clear(out);
    }
    return status;
}

electra_status el_hf_config_read(el_hf_config *out, const char *path, electra_error *err)
{
    json_t *json = NULL;
    *out = (el_hf_config){0};
    EL_TRY(el_json_load(&json, path, err));
    const electra_status status = el_hf_config_parse(out, json, path, err);
    json_decref(json);
    return status;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static electra_status read_choice(el_head_config *head, const el_hf_config *c, const char *where, electra_error *err)
{
    if (strcmp(c->summary_type, "first") != 0) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"summary_type\" is \"%s\"; only \"first\" can be computed",
                       where, c->summary_type);
    }
    head->summary_dense = c->summary_use_proj;
    if (head->summary_dense && c->summary_proj_to_labels) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"summary_proj_to_labels\" is true; only a projection to the hidden size can be computed",
                       where);
    }
    head->summary_activation = EL_ACT_LINEAR;
    if (c->summary_activation[0] && !el_activation_find(&head->summary_activation, c->summary_activation)) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"summary_activation\" is \"%s\"; gelu, gelu_new, relu, tanh, silu, linear and null can be "
                       "computed",
                       where, c->summary_activation);
    }
    head->summary_first_dropout = c->summary_first_dropout;
    head->summary_last_dropout = c->summary_last_dropout;
    return ELECTRA_OK;
}

electra_status el_hf_config_head(el_head_config *out, const el_hf_config *config, el_head kind, const char *where,
                                 electra_error *err)
{
    *out = (el_head_config){.kind = kind};
    if ((kind == EL_HEAD_SPANS || kind == EL_HEAD_JOINT_QA) && !isnan(config->null_threshold)) {
        out->null_threshold = config->null_threshold;
    }
    if (kind == EL_HEAD_CLASSIFIER || kind == EL_HEAD_TAGGER) {
        out->n_labels = config->labels.count;
        out->dropout = config->classifier_dropout;
    } else if (kind == EL_HEAD_CHOICE && config->model.family == EL_FAMILY_BERT) {
        out->dropout = config->classifier_dropout;
    } else if (kind == EL_HEAD_CHOICE) {
        return read_choice(out, config, where, err);
    } else if (kind == EL_HEAD_JOINT_QA) {
        out->inner = config->joint_qa_hidden_size;
        if (config->model.n_types < 2) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "%s: \"type_vocab_size\" is %zu; a head that tells the context from the question needs 2",
                           where, config->model.n_types);
        }
    }
    return ELECTRA_OK;
}

/* NULL where transformers has no such class. It has none for EL_HEAD_JOINT_QA, but that network would be taken for an
 * encoder under another name. */
static const char *const ARCHITECTURES[][EL_N_HEADS] = {
    [EL_FAMILY_ELECTRA] = {[EL_HEAD_NONE] = "ElectraModel",
                           [EL_HEAD_MASKED_LM] = "ElectraForMaskedLM",
                           [EL_HEAD_DISCRIMINATOR] = "ElectraForPreTraining",
                           [EL_HEAD_CLASSIFIER] = "ElectraForSequenceClassification",
                           [EL_HEAD_TAGGER] = "ElectraForTokenClassification",
                           [EL_HEAD_SPANS] = "ElectraForQuestionAnswering",
                           [EL_HEAD_CHOICE] = "ElectraForMultipleChoice",
                           [EL_HEAD_JOINT_QA] = "ElectraForJointQuestionAnswering"},
    [EL_FAMILY_BERT] = {[EL_HEAD_NONE] = "BertModel",
                        [EL_HEAD_MASKED_LM] = "BertForMaskedLM",
                        [EL_HEAD_CLASSIFIER] = "BertForSequenceClassification",
                        [EL_HEAD_TAGGER] = "BertForTokenClassification",
                        [EL_HEAD_SPANS] = "BertForQuestionAnswering",
                        [EL_HEAD_CHOICE] = "BertForMultipleChoice",
                        [EL_HEAD_JOINT_QA] = "BertForJointQuestionAnswering"},
};

const char *el_hf_architecture(el_family family, el_head head)
{
    const char *name = ARCHITECTURES[family][head];
    return name ? name : ARCHITECTURES[family][EL_HEAD_NONE];
}

bool el_hf_architecture_find(el_head *out, el_family family, const char *name)
{
    for (size_t i = 0; i < EL_N_HEADS; i++) {
        if (ARCHITECTURES[family][i] && strcmp(ARCHITECTURES[family][i], name) == 0) {
            *out = (el_head)i;
            return true;
        }
    }
    return false;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool has_labels(const el_network *network)
{
    const el_head kind = network->head_config.kind;
    return kind == EL_HEAD_CLASSIFIER || kind == EL_HEAD_TAGGER;
}

static json_t *describe_dropout(const el_network *network)
{
    const bool used = has_labels(network) ||
                      (network->head_config.kind == EL_HEAD_CHOICE && network->config.family == EL_FAMILY_BERT);
    const double rate = network->head_config.dropout;
    return used && rate != network->config.hidden_dropout ? json_real(rate) : json_null();
}

static const char *dtype_word(el_dtype dtype)
{
    switch (dtype) {
    case EL_DTYPE_F16: return "float16";
    case EL_DTYPE_BF16: return "bfloat16";
    case EL_DTYPE_F64: return "float64";
    default: return "float32";
    }
}

/* Of both families. dtype is written in the old spelling, which all versions read. */
static json_t *describe(const el_network *network, el_dtype dtype)
{
    const el_model_config *c = &network->config;
    return json_pack("{s:[s], s:f, s:o, s:s, s:f, s:I, s:f, s:I, s:f, s:I, s:s, s:I, s:I, s:I, s:s, s:b, s:s, s:I, "
                     "s:b, s:I}",
                     "architectures", el_hf_architecture(c->family, network->head_config.kind), //
                     "attention_probs_dropout_prob", c->attention_dropout,                      //
                     "classifier_dropout", describe_dropout(network),                           //
                     "hidden_act", el_activation_name(c->activation),                           //
                     "hidden_dropout_prob", c->hidden_dropout,                                  //
                     "hidden_size", (json_int_t)c->hidden_size,                                 //
                     "initializer_range", c->initializer_range,                                 //
                     "intermediate_size", (json_int_t)c->intermediate_size,                     //
                     "layer_norm_eps", c->layer_norm_eps,                                       //
                     "max_position_embeddings", (json_int_t)c->max_positions,                   //
                     "model_type", FAMILIES[c->family],                                         //
                     "num_attention_heads", (json_int_t)c->n_heads,                             //
                     "num_hidden_layers", (json_int_t)c->n_layers,                              //
                     "pad_token_id", (json_int_t)c->pad_id,                                     //
                     "position_embedding_type", "absolute",                                     //
                     "tie_word_embeddings", 1,                                                  //
                     "torch_dtype", dtype_word(dtype),                                          //
                     "type_vocab_size", (json_int_t)c->n_types,                                 //
                     "use_cache", 1,                                                            //
                     "vocab_size", (json_int_t)c->vocab_size);
}

/* Members of ELECTRA alone. The summary belongs to multiple choice; other heads get its defaults. */
static json_t *describe_electra(const el_network *network)
{
    static const el_head_config DEFAULT = {
        .summary_dense = true, .summary_activation = EL_ACT_GELU, .summary_last_dropout = 0.1};
    const el_head_config *head = &network->head_config;
    head = head->kind == EL_HEAD_CHOICE ? head : &DEFAULT;
    json_t *json = json_pack("{s:I, s:f, s:s, s:b}", "embedding_size", (json_int_t)network->config.embedding_size,
                             "summary_last_dropout", head->summary_last_dropout, "summary_type", "first",
                             "summary_use_proj", (int)head->summary_dense);
    const bool none = head->summary_activation == EL_ACT_LINEAR;
    int failed = json_object_set_new(json, "summary_activation",
                                     none ? json_null() : json_string(el_activation_name(head->summary_activation)));
    if (head->summary_first_dropout > 0) {
        failed |= json_object_set_new(json, "summary_first_dropout", json_real(head->summary_first_dropout));
    }
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Members of classifiers and taggers: always both maps, because absent ones mean two labels. */
static json_t *describe_labels(const el_labels *labels)
{
    json_t *names = json_object(), *ids = json_object();
    json_t *json = json_pack("{s:o, s:o}", "id2label", names, "label2id", ids);
    int failed = !json;
    for (size_t i = 0; i < labels->count && !failed; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "%zu", i);
        failed = json_object_set_new(names, id, json_string(labels->names[i])) ||
                 json_object_set_new(ids, labels->names[i], json_integer((json_int_t)i));
    }
    if (labels->problem != ELECTRA_PROBLEM_NONE) {
        failed = failed || json_object_set_new(json, "problem_type", json_string(PROBLEMS[labels->problem]));
    }
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* Add the members of `more`, which is released; false if there is none. */
static bool merge(json_t *json, json_t *more)
{
    const bool done = more && json && json_object_update(json, more) == 0;
    json_decref(more);
    return done;
}

electra_status el_hf_config_write(const el_network *network, const el_labels *labels, el_dtype dtype, const char *path,
                                  electra_error *err)
{
    el_labels numbered = {0};
    if (has_labels(network) && !labels) {
        EL_TRY(el_labels_make(&numbered, NULL, network->head_config.n_labels, ELECTRA_PROBLEM_NONE, err));
        labels = &numbered;
    }
    assert(!has_labels(network) || labels->count == network->head_config.n_labels);
    json_t *json = describe(network, dtype);
    bool sound = json != NULL;
    if (network->config.family == EL_FAMILY_ELECTRA) {
        sound = sound && merge(json, describe_electra(network));
    }
    if (has_labels(network)) {
        sound = sound && merge(json, describe_labels(labels));
    }
    if (network->head_config.kind == EL_HEAD_JOINT_QA) {
        sound =
            sound && merge(json, json_pack("{s:I}", "joint_qa_hidden_size", (json_int_t)network->head_config.inner));
    }
    if (network->head_config.null_threshold != 0) {
        sound = sound && merge(json, json_pack("{s:f}", NULL_THRESHOLD, network->head_config.null_threshold));
    }
    if (dtype == EL_DTYPE_I8) {
        sound = sound && merge(json, json_pack("{s:{s:s, s:i}}", "quantization_config", "quant_method", EL_HF_INT8,
                                               "version", 1));
    }
    const electra_status status = sound ? el_json_save(json, path, err) : el_fail_memory(err, path, 0);
    json_decref(json);
    el_labels_clear(&numbered);
    return status;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

/* As many digits as leave the other numbers of the file as short as they are (el_json_save). Never below the exact
 * number: a threshold often is the odds of one of the questions that it was found with, which must not exceed it. */
static double round_odds(double threshold)
{
    char digits[40];
    const double odds = isinf(threshold) ? copysign(EL_HF_BEYOND_ODDS, threshold) : threshold;
    (void)snprintf(digits, sizeof digits, "%.15g", odds);
    if (strtod(digits, NULL) < odds) {
        (void)snprintf(digits, sizeof digits, "%.15g", odds + 1e-14 * fabs(odds));
    }
    return strtod(digits, NULL);
}

static electra_status set_null_threshold(const char *path, double threshold, electra_error *err)
{
    json_t *json = NULL;
    EL_TRY(el_json_load(&json, path, err));
    if (!json_is_object(json)) {
        json_decref(json);
        return el_fail(err, ELECTRA_INVALID, path, "%s should hold a JSON object", path);
    }
    bool sound = true;
    if (isnan(threshold)) {
        (void)json_object_del(json, NULL_THRESHOLD); /* fine if it is not there */
    } else {
        sound = json_object_set_new(json, NULL_THRESHOLD, json_real(round_odds(threshold))) == 0;
    }
    const electra_status status = sound ? el_json_save(json, path, err) : el_fail_memory(err, path, 0);
    json_decref(json);
    return status;
}

electra_status el_hf_config_set_null_threshold(const char *folder, double threshold, electra_error *err)
{
    char *path = el_path_join(folder, "config.json");
    const electra_status status = path ? set_null_threshold(path, threshold, err) : el_fail_memory(err, folder, 0);
    el_free(path);
    return status;
}
