/* Owns loaded models: the block of weights, its table, the tokenizer. */
#include "interop/model.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/model_dir.h"
#include "interop/weights.h"
#include "model/flops.h"

enum { INFO_LENGTH = 128 }; /* tokens of the sequence whose cost is described */

struct electra_model {
    char *folder;
    el_backend *be; /* owns the memory of the weights */
    el_params params;
    el_network network;
    el_model_dir *dir; /* whose files the weights are mapped from */
    el_stored_weights *weights;
    el_labels labels;             /* of classifiers and taggers; otherwise none */
    electra_tokenizer *tokenizer; /* NULL if the folder has none */
};

electra_model_options electra_model_options_default(void)
{
    return (electra_model_options){.struct_size = sizeof(electra_model_options)};
}

const char *electra_model_kind_name(electra_model_kind kind)
{
    switch (kind) {
    case ELECTRA_MODEL_ENCODER: return "encoder";
    case ELECTRA_MODEL_DISCRIMINATOR: return "discriminator";
    case ELECTRA_MODEL_GENERATOR: return "generator";
    case ELECTRA_MODEL_CLASSIFIER: return "classifier";
    case ELECTRA_MODEL_TAGGER: return "tagger";
    case ELECTRA_MODEL_SPANS: return "question answerer";
    case ELECTRA_MODEL_CHOICE: return "multiple-choice model";
    case ELECTRA_MODEL_JOINT_QA: return "joint question answerer";
    }
    return "unknown kind";
}

electra_model_kind el_model_kind_of_head(el_head head)
{
    switch (head) {
    case EL_HEAD_DISCRIMINATOR: return ELECTRA_MODEL_DISCRIMINATOR;
    case EL_HEAD_MASKED_LM: return ELECTRA_MODEL_GENERATOR;
    case EL_HEAD_CLASSIFIER: return ELECTRA_MODEL_CLASSIFIER;
    case EL_HEAD_TAGGER: return ELECTRA_MODEL_TAGGER;
    case EL_HEAD_SPANS: return ELECTRA_MODEL_SPANS;
    case EL_HEAD_CHOICE: return ELECTRA_MODEL_CHOICE;
    case EL_HEAD_JOINT_QA: return ELECTRA_MODEL_JOINT_QA;
    case EL_HEAD_NONE: break;
    }
    return ELECTRA_MODEL_ENCODER;
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

void electra_model_free(electra_model *model)
{
    if (!model) {
        return;
    }
    el_stored_weights_free(model->weights);
    el_model_dir_close(model->dir);
    el_params_clear(&model->params);
    el_labels_clear(&model->labels);
    el_backend_free(model->be);
    electra_tokenizer_free(model->tokenizer);
    el_free(model->folder);
    el_free(model);
}

/* What the model is, before its weights are read. */
static electra_status build(electra_model *m, const electra_runtime *rt, electra_error *err)
{
    const el_model_dir *dir = m->dir;
    const el_head_config *head = el_model_dir_head(dir);
    const el_hf_config *config = el_model_dir_config(dir);
    if (head->kind == EL_HEAD_NONE && config->architecture[0]) {
        el_log(rt, ELECTRA_LOG_INFO, "%s: %s is loaded as an encoder, without its head", m->folder,
               config->architecture);
    }
    EL_TRY(el_params_build_single(&m->params, &m->network, &config->model, head, err));
    if (head->n_labels > 0) {
        EL_TRY(el_labels_make(&m->labels, (const char *const *)config->labels.names, config->labels.count,
                              config->labels.problem, err));
    }
    return ELECTRA_OK;
}

/* The weights, made on a thread of its own while the tokenizer is read: either takes as long as the other. */
typedef struct weights_job {
    electra_model *model;
    int threads; /* for the packing */
    bool beside; /* the thread may look ahead; set before there is one */
    pthread_t thread;
    bool started; /* the caller's own: it is set while the thread runs already */
    electra_status status;
    electra_error error;
} weights_job;

static void *make_weights(void *argument)
{
    weights_job *job = argument;
    electra_model *m = job->model;
    el_pool *pool;
    job->status = el_pool_create(&pool, job->threads, &job->error);
    if (job->status == ELECTRA_OK) {
        const el_read_extent extent = m->network.head_config.kind == EL_HEAD_NONE ? EL_READ_ENCODER : EL_READ_ALL;
        const el_weights_source source = {m->dir, &m->params, &m->network, extent, m->be};
        job->status = el_stored_weights_create(&m->weights, &source, pool, &job->error);
        el_pool_free(pool);
    }
    if (job->beside && job->status == ELECTRA_OK) {
        el_stored_weights_foresee(m->weights);
    }
    return NULL;
}

/* With one thread, or if there is no other, all of it happens here. */
static void start_weights(weights_job *job, electra_model *m, int threads)
{
    *job = (weights_job){.model = m, .threads = threads > 1 ? threads - 1 : threads, .beside = threads != 1};
    job->started = job->beside && pthread_create(&job->thread, NULL, make_weights, job) == 0;
    if (!job->started) {
        job->beside = false;
        (void)make_weights(job);
    }
}

static electra_status finish_weights(weights_job *job, electra_error *err)
{
    if (job->started) {
        (void)pthread_join(job->thread, NULL);
    }
    if (job->status != ELECTRA_OK && err) {
        *err = job->error;
    }
    return job->status;
}

static electra_status load_tokenizer(electra_model *m, const electra_model_options *options, electra_error *err)
{
    const char *folder = el_model_dir_path(m->dir);
    if (!el_hf_tokenizer_is_there(folder)) {
        return ELECTRA_OK;
    }
    const electra_specials_in_text by_kind =
        m->network.head_config.kind == EL_HEAD_MASKED_LM ? ELECTRA_SPECIALS_MASK : ELECTRA_SPECIALS_NONE;
    EL_TRY(el_hf_tokenizer_read(&m->tokenizer, folder, options->specials_in_text ? ELECTRA_SPECIALS_ALL : by_kind,
                                &options->runtime, err));
    const size_t tokens = electra_tokenizer_size(m->tokenizer);
    if (tokens > m->network.config.vocab_size) {
        return el_fail(err, ELECTRA_INVALID, folder,
                       "%s: the vocabulary has %zu tokens, but the model knows only %zu (\"vocab_size\" in "
                       "config.json); these files belong to different models",
                       folder, tokens, m->network.config.vocab_size);
    }
    return ELECTRA_OK;
}

static electra_status load(electra_model *m, const char *folder, const electra_model_options *options,
                           electra_error *err)
{
    m->folder = el_strdup(folder);
    if (!m->folder) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    EL_TRY(el_backend_create_cpu(&m->be, NULL, EL_CPU_BEST, err));
    EL_TRY(el_model_dir_open(&m->dir, folder, &options->runtime, err));
    EL_TRY(build(m, &options->runtime, err));
    weights_job job;
    electra_error problem;
    start_weights(&job, m, options->runtime.threads);
    const electra_status status = load_tokenizer(m, options, &problem);
    EL_TRY(finish_weights(&job, err)); /* of two faults the one in the weights is told */
    if (status != ELECTRA_OK && err) {
        *err = problem;
    }
    return status;
}

electra_status electra_model_load(electra_model **out, const char *folder, const electra_model_options *options,
                                  electra_error *err)
{
    if (!out || !folder) {
        return el_fail(err, ELECTRA_MISUSE, "electra_model_load", "out and folder must be given");
    }
    *out = NULL;
    electra_model_options o = electra_model_options_default();
    if (options) {
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    }
    electra_model *m = el_alloc(1, sizeof *m);
    if (!m) {
        return el_fail_memory(err, folder, sizeof *m);
    }
    const electra_status status = load(m, folder, &o, err);
    if (status != ELECTRA_OK) {
        electra_model_free(m);
        return status;
    }
    *out = m;
    return ELECTRA_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

electra_model_kind electra_model_kind_of(const electra_model *model)
{
    return el_model_kind_of_head(model->network.head_config.kind);
}

size_t electra_model_label_count(const electra_model *model)
{
    return model->labels.count;
}

const char *electra_model_label(const electra_model *model, size_t i)
{
    return i < model->labels.count ? model->labels.names[i] : NULL;
}

electra_problem electra_model_problem(const electra_model *model)
{
    return model->labels.problem;
}

double electra_model_null_threshold(const electra_model *model)
{
    return model->network.head_config.null_threshold;
}

const electra_tokenizer *electra_model_tokenizer(const electra_model *model)
{
    return model->tokenizer;
}

const el_network *el_model_network(const electra_model *model)
{
    return &model->network;
}

el_weights el_model_weights(const electra_model *model, el_backend *be)
{
    const el_tensor *tensors = el_stored_weights_ask(model->weights, be->pool);
    return (el_weights){.be = be, .params = &model->params, .tensors = tensors};
}

void el_model_settle(const electra_model *model, el_backend *be)
{
    el_stored_weights_pack(model->weights, be->pool);
}

const char *el_model_folder(const electra_model *model)
{
    return model->folder;
}

void el_model_describe_network(electra_model_info *out, const el_network *network, const el_params *params,
                               size_t flops_length)
{
    const el_model_config *c = &network->config;
    *out = (electra_model_info){.kind = el_model_kind_of_head(network->head_config.kind),
                                .vocab_size = c->vocab_size,
                                .embedding_size = c->embedding_size,
                                .hidden_size = c->hidden_size,
                                .layers = c->n_layers,
                                .heads = c->n_heads,
                                .intermediate_size = c->intermediate_size,
                                .max_positions = c->max_positions,
                                .activation = el_activation_name(c->activation),
                                .flops_length = flops_length};
    for (size_t i = 0; i < params->count; i++) {
        const el_param *p = &params->list[i];
        const size_t n = p->rows * p->cols;
        if (!el_param_belongs(p, network->role)) {
            continue;
        }
        out->parameters += n;
        if (strncmp(p->name, "electra.embeddings.", strlen("electra.embeddings.")) == 0) {
            out->embedding_parameters += n;
        } else if (strncmp(p->name, "electra.", strlen("electra.")) == 0) {
            out->layer_parameters += n;
        } else {
            out->head_parameters += n;
        }
    }
    out->weight_bytes = out->parameters * sizeof(float);
    out->number_format = "float32";
    out->forward_flops = el_flops_forward(c, &network->head_config, flops_length) / (double)flops_length;
    out->training_flops = 2 * out->forward_flops;
}

electra_model_info electra_model_describe(const electra_model *model)
{
    const size_t positions = model->network.config.max_positions;
    electra_model_info info;
    el_model_describe_network(&info, &model->network, &model->params,
                              positions < INFO_LENGTH ? positions : INFO_LENGTH);
    for (size_t i = 0; i < model->params.count; i++) {
        const el_param *p = &model->params.list[i];
        if (el_model_dir_scales(model->dir, p)) {
            info.weight_bytes -= p->rows * p->cols * (sizeof(float) - 1) - p->rows * sizeof(float);
            info.number_format = "int8";
        }
    }
    return info;
}
