/* Owns the writing of model directories. */
#include "interop/model_dir.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/safetensors.h"

static const char CONFIG_FILE[] = "config.json";
static const char WEIGHTS_FILE[] = "model.safetensors";

/* A file of a folder by name; *path is the caller's to free. */
static electra_status path_in(char **path, const char *folder, const char *name, electra_error *err)
{
    *path = el_path_join(folder, name);
    return *path ? ELECTRA_OK : el_fail_memory(err, folder, 0);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

typedef struct stored_row {
    el_weights weights;
    size_t row;
} stored_row;

static void fill_row(void *user, size_t first, size_t n, void *out)
{
    const stored_row *r = user;
    el_backend *be = r->weights.be;
    const char *data = el_weights_at(r->weights, r->row).data;
    be->ops->download_f32(be, out, data + first * be->element_size, n);
}

/* A matrix of integers and its scales. */
static void add_int8(el_array_source out[2], const el_param *p, const el_int8_matrix *m)
{
    out[0].dtype = EL_DTYPE_I8;
    out[0].data = m->q;
    out[1] = (el_array_source){.name = m->scale_name, .dtype = EL_DTYPE_F32, .rank = 1, .data = m->scales};
    out[1].shape[0] = p->rows;
}

static electra_status write_weights(const char *path, const el_network *network, el_weights w,
                                    const el_int8_matrix *int8, electra_error *err)
{
    el_array_source *sources = el_alloc(2 * w.params->count, sizeof *sources);
    stored_row *rows = el_alloc(w.params->count, sizeof *rows);
    electra_status status;
    if (!sources || !rows) {
        status = el_fail_memory(err, path, w.params->count * sizeof *sources);
    } else {
        size_t n = 0, n_rows = 0;
        for (size_t i = 0; i < w.params->count; i++) {
            const el_param *p = &w.params->list[i];
            if (!el_param_belongs(p, network->role)) {
                continue;
            }
            rows[n_rows] = (stored_row){w, i};
            sources[n] = (el_array_source){.name = p->name,
                                           .dtype = EL_DTYPE_F32,
                                           .rank = p->n_dims == 1 ? 1 : 2,
                                           .fill = fill_row,
                                           .user = &rows[n_rows++]};
            sources[n].shape[0] = p->n_dims == 1 ? p->cols : p->rows;
            sources[n].shape[1] = p->cols;
            n++;
            if (int8 && int8[i].q) {
                add_int8(&sources[n++ - 1], p, &int8[i]);
            }
        }
        const el_metadata format = {"format", int8 ? EL_HF_INT8 : "pt"}; /* older transformers insist on pt */
        status = el_safetensors_write(path, sources, n, &format, 1, err);
    }
    el_free(sources);
    el_free(rows);
    return status;
}

static electra_status write_files(const char *folder, const el_network *network, const el_labels *labels,
                                  el_weights weights, const el_int8_matrix *int8, const electra_tokenizer *tokenizer,
                                  electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, folder, CONFIG_FILE, err));
    electra_status status = el_hf_config_write(network, labels, int8 != NULL, path, err);
    el_free(path);
    EL_TRY(status);
    EL_TRY(path_in(&path, folder, WEIGHTS_FILE, err));
    status = write_weights(path, network, weights, int8, err);
    el_free(path);
    EL_TRY(status);
    return tokenizer ? el_hf_tokenizer_write(tokenizer, network->config.max_positions, folder, err) : ELECTRA_OK;
}

electra_status el_model_dir_write(const char *folder, const el_network *network, const el_labels *labels,
                                  el_weights weights, const electra_tokenizer *tokenizer, electra_error *err)
{
    return el_model_dir_write_int8(folder, network, labels, weights, NULL, tokenizer, err);
}

electra_status el_model_dir_write_int8(const char *folder, const el_network *network, const el_labels *labels,
                                       el_weights weights, const el_int8_matrix *int8,
                                       const electra_tokenizer *tokenizer, electra_error *err)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') {
        length--;
    }
    const size_t bytes = length + 16;
    char *target = el_alloc(bytes, 1);
    char *partial = el_alloc(bytes, 1);
    electra_status status;
    if (!target || !partial) {
        status = el_fail_memory(err, folder, bytes);
    } else {
        (void)snprintf(target, bytes, "%.*s", (int)length, folder);
        (void)snprintf(partial, bytes, "%s.partial", target);
        status = el_remove_tree(partial, err); /* of a run that was killed here */
        if (status == ELECTRA_OK) {
            status = el_make_folders(partial, err);
        }
        if (status == ELECTRA_OK) {
            status = write_files(partial, network, labels, weights, int8, tokenizer, err);
        }
        if (status == ELECTRA_OK) {
            status = el_replace_folder(partial, target, err);
        }
        if (status != ELECTRA_OK) {
            (void)el_remove_tree(partial, NULL);
        }
    }
    el_free(target);
    el_free(partial);
    return status;
}
