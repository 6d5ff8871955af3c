/* Owns electra_model_quantize: a model directory in floats -> one in 8-bit integers. */
#include "interop/quantize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/int8.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/model.h"
#include "interop/names.h"

/* ---- matrices ------------------------------------------------------------------------------------------------ */

enum { LEAST_OUTPUTS = 16 };

static bool is_table(const el_param *row)
{
    return strncmp(row->name, "electra.embeddings.", strlen("electra.embeddings.")) == 0;
}

bool el_int8_wants(const el_param *row)
{
    return row->n_dims == 2 && row->cols <= EL_INT8_WIDEST && (is_table(row) || row->rows >= LEAST_OUTPUTS);
}

void el_int8_free(el_int8_matrix *matrices, size_t count)
{
    for (size_t i = 0; matrices && i < count; i++) {
        el_free(matrices[i].q);
        el_free(matrices[i].scales);
    }
    el_free(matrices);
}

static electra_status quantize_matrix(el_int8_matrix *m, const el_param *p, el_weights w, size_t index, float *row,
                                      electra_error *err)
{
    const char *from = el_weights_at(w, index).data;
    m->q = el_alloc(p->rows * p->cols, 1);
    m->scales = el_alloc(p->rows, sizeof *m->scales);
    if (!m->q || !m->scales) {
        return el_fail_memory(err, p->name, p->rows * p->cols);
    }
    for (size_t j = 0; j < p->rows; j++) {
        w.be->ops->download_f32(w.be, row, from + j * p->cols * w.be->element_size, p->cols);
        for (size_t i = 0; i < p->cols; i++) {
            if (!isfinite(row[i])) {
                return el_fail(err, ELECTRA_INVALID, p->name,
                               "\"%s\" holds %g in row %zu, which no scale can express; the model is damaged", p->name,
                               (double)row[i], j);
            }
        }
        m->scales[j] = el_int8_quantize(m->q + j * p->cols, row, p->cols, !is_table(p));
    }
    return ELECTRA_OK;
}

electra_status el_int8_make(el_int8_matrix **out, el_weights w, el_owner network, electra_error *err)
{
    size_t widest = 0;
    for (size_t i = 0; i < w.params->count; i++) {
        widest = w.params->list[i].cols > widest ? w.params->list[i].cols : widest;
    }
    el_int8_matrix *matrices = el_alloc(w.params->count, sizeof *matrices);
    float *row = el_alloc(widest, sizeof *row);
    electra_status status =
        matrices && row ? ELECTRA_OK : el_fail_memory(err, "integers of weights", widest * sizeof *row);
    for (size_t i = 0; i < w.params->count && status == ELECTRA_OK; i++) {
        const el_param *p = &w.params->list[i];
        if (el_param_belongs(p, network) && el_int8_wants(p)) {
            status = quantize_matrix(&matrices[i], p, w, i, row, err);
        }
    }
    el_free(row);
    if (status != ELECTRA_OK) {
        el_int8_free(matrices, w.params->count);
        matrices = NULL;
    }
    *out = matrices;
    return status;
}

/* ---- a model ------------------------------------------------------------------------------------------------- */

typedef struct job {
    const char *folder, *output;
    const electra_runtime *rt;
    el_model_dir *dir;
    el_backend *be;
    el_params params;
    el_network network;
    void *theta;
    el_int8_matrix *matrices;
    electra_tokenizer *tokenizer;
} job;

static electra_status read_model(job *j, electra_error *err)
{
    EL_TRY(el_model_dir_open(&j->dir, j->folder, j->rt, err));
    const el_head_config *head = el_model_dir_head(j->dir);
    const el_hf_config *config = el_model_dir_config(j->dir);
    if (head->kind == EL_HEAD_NONE && config->architecture[0]) {
        el_log(j->rt, ELECTRA_LOG_INFO, "%s: %s is read as an encoder, without its head", j->folder,
               config->architecture);
    }
    EL_TRY(el_params_build_single(&j->params, &j->network, &config->model, head, err));
    j->theta = j->be->ops->alloc(j->be, j->params.elements * j->be->element_size);
    if (!j->theta) {
        return el_fail_memory(err, "the weights of a model", j->params.elements * j->be->element_size);
    }
    EL_TRY(el_model_dir_read(j->dir, el_weights_of(j->be, &j->params, j->theta), j->network.role,
                             head->kind == EL_HEAD_NONE ? EL_READ_ENCODER : EL_READ_ALL, err));
    return el_hf_tokenizer_is_there(j->folder)
               ? el_hf_tokenizer_read(&j->tokenizer, j->folder, ELECTRA_SPECIALS_ALL, j->rt, err)
               : ELECTRA_OK;
}

static electra_status run(job *j, electra_error *err)
{
    EL_TRY(el_backend_create_cpu(&j->be, NULL, EL_CPU_BEST, err));
    EL_TRY(read_model(j, err));
    const el_weights theta = el_weights_of(j->be, &j->params, j->theta);
    EL_TRY(el_int8_make(&j->matrices, theta, j->network.role, err));
    const bool has_labels = j->network.head_config.n_labels > 0;
    return el_model_dir_write_int8(j->output, &j->network, has_labels ? &el_model_dir_config(j->dir)->labels : NULL,
                                   theta, j->matrices, j->tokenizer, err);
}

static void clear(job *j)
{
    if (j->theta) {
        j->be->ops->free(j->be, j->theta);
    }
    el_int8_free(j->matrices, j->params.count);
    electra_tokenizer_free(j->tokenizer);
    el_params_clear(&j->params);
    el_model_dir_close(j->dir);
    el_backend_free(j->be);
}

/* true if both paths lead to one folder that exists. */
static bool is_same(const char *a, const char *b)
{
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    const bool same = real_a && real_b && strcmp(real_a, real_b) == 0;
    free(real_a);
    free(real_b);
    return same;
}

electra_status electra_model_quantize(const char *folder, const char *output, const electra_runtime *runtime,
                                      electra_error *err)
{
    if (!folder || !output || !output[0]) {
        return el_fail(err, ELECTRA_MISUSE, "electra_model_quantize", "folder and output must be given");
    }
    if (is_same(folder, output)) {
        return el_fail(err, ELECTRA_MISUSE, output,
                       "this folder holds the model that is to be quantized; it cannot be replaced by the result");
    }
    job j = {.folder = folder, .output = output, .rt = runtime};
    const electra_status status = run(&j, err);
    clear(&j);
    return status;
}
