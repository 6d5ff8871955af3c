/* Owns the writing of model directories: which files they consist of, and that a directory appears whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/model_dir.h"
#include "interop/names.h"

static const char CONFIG_FILE[] = "config.json";
static const char WEIGHTS_FILE[] = "model.safetensors";

/* A file of a folder by name; *path is the caller's to free. */
static electra_status path_in(char **path, const char *folder, const char *name, electra_error *err)
{
    *path = el_path_join(folder, name);
    return *path ? ELECTRA_OK : el_fail_memory(err, folder, 0);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static electra_status write_file(const char *folder, const char *name, const el_model_files *files,
                                 const el_array_source *tensors, size_t n, electra_error *err)
{
    /* older transformers insist on "pt"; what they cannot read says so */
    const el_metadata format = {"format", files->dtype == EL_DTYPE_I8 ? EL_HF_INT8 : "pt"};
    char *path;
    EL_TRY(path_in(&path, folder, name, err));
    const electra_status status = el_safetensors_write(path, tensors, n, &format, 1, err);
    el_free(path);
    return status;
}

static size_t source_bytes(const el_array_source *t, size_t *elements)
{
    size_t bytes = 0;
    (void)el_array_measure(t->dtype, t->shape, t->rank, elements, &bytes); /* too large: the writer says so */
    return bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_array_source *)a)->name, ((const el_array_source *)b)->name);
}

/* How many of the tensors go into the next file: up to shard_bytes, but one at least. */
static size_t next_shard(const el_array_source *tensors, size_t n, size_t shard_bytes)
{
    size_t count = 0;
    size_t bytes = 0;
    while (count < n) {
        size_t elements;
        bytes += source_bytes(&tensors[count], &elements);
        if (count > 0 && bytes > shard_bytes) {
            break;
        }
        count++;
    }
    return count;
}

enum { SHARD_NAME_BYTES = 64 };

/* model.safetensors.index.json: which file holds each tensor. */
static electra_status write_index(const char *folder, json_t *map, const el_array_source *tensors, size_t n,
                                  electra_error *err)
{
    size_t total = 0;
    size_t parameters = 0;
    for (size_t i = 0; i < n; i++) {
        size_t elements = 0;
        total += source_bytes(&tensors[i], &elements);
        parameters += elements;
    }
    json_t *index = json_pack("{s:{s:I, s:I}, s:O}", "metadata", "total_parameters", (json_int_t)parameters,
                              "total_size", (json_int_t)total, "weight_map", map);
    char *path = NULL;
    electra_status status =
        index ? path_in(&path, folder, "model.safetensors.index.json", err) : el_fail_memory(err, folder, n);
    if (status == ELECTRA_OK) {
        status = el_json_save(index, path, err);
    }
    el_free(path);
    json_decref(index);
    return status;
}

/* Tensors in the order of their names, file after file. */
static electra_status write_sorted_shards(const char *folder, const el_model_files *files,
                                          const el_array_source *tensors, json_t *map, size_t *n_files,
                                          electra_error *err)
{
    const size_t n = files->n;
    const size_t shard_bytes = files->shard_bytes;
    size_t total = 0;
    for (size_t first = 0; first < n; total++) {
        first += next_shard(tensors + first, n - first, shard_bytes);
    }
    *n_files = 0;
    for (size_t first = 0; first < n;) {
        char name[SHARD_NAME_BYTES];
        const size_t count = next_shard(tensors + first, n - first, shard_bytes);
        (void)snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", ++*n_files, total);
        for (size_t i = 0; i < count; i++) {
            if (json_object_set_new(map, tensors[first + i].name, json_string(name)) != 0) {
                return el_fail_memory(err, folder, n);
            }
        }
        EL_TRY(write_file(folder, name, files, tensors + first, count, err));
        first += count;
    }
    return write_index(folder, map, tensors, n, err);
}

static electra_status write_shards(const char *folder, const el_model_files *files, size_t *n_files, electra_error *err)
{
    el_array_source *sorted = el_alloc(files->n, sizeof *sorted);
    json_t *map = json_object();
    electra_status status;
    if (!sorted || !map) {
        status = el_fail_memory(err, folder, files->n * sizeof *sorted);
    } else {
        memcpy(sorted, files->tensors, files->n * sizeof *sorted);
        qsort(sorted, files->n, sizeof *sorted, by_name);
        status = write_sorted_shards(folder, files, sorted, map, n_files, err);
    }
    json_decref(map);
    el_free(sorted);
    return status;
}

static electra_status write_weights(const char *folder, const el_model_files *files, size_t *n_files,
                                    electra_error *err)
{
    const bool single = files->shard_bytes == 0 || next_shard(files->tensors, files->n, files->shard_bytes) == files->n;
    *n_files = 1;
    EL_TRY(single ? write_file(folder, WEIGHTS_FILE, files, files->tensors, files->n, err)
                  : write_shards(folder, files, n_files, err));
    return files->filled ? *files->filled : ELECTRA_OK;
}

/* ---- a directory that appears whole ------------------------------------------------------------------------------ */

static electra_status write_all(const char *folder, const el_model_files *files, size_t *n_files, electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, folder, CONFIG_FILE, err));
    const electra_status status = el_hf_config_write(files->network, files->labels, files->dtype, path, err);
    el_free(path);
    EL_TRY(status);
    EL_TRY(write_weights(folder, files, n_files, err));
    return files->tokenizer ? el_hf_tokenizer_write(files->tokenizer, files->network->config.max_positions, folder, err)
                            : ELECTRA_OK;
}

electra_status el_model_dir_write_files(const char *folder, const el_model_files *files, size_t *n_files,
                                        electra_error *err)
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
            status = write_all(partial, files, n_files, err);
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

/* ---- from a block of parameters ---------------------------------------------------------------------------------- */

typedef struct stored_row {
    el_weights weights;
    size_t row;
    char name[EL_PARAM_NAME_BYTES]; /* in the file */
    char scale_name[EL_PARAM_NAME_BYTES + sizeof EL_NAME_SCALE];
} stored_row;

static void fill_row(void *user, size_t first, size_t n, void *out)
{
    const stored_row *r = user;
    el_backend *be = r->weights.be;
    const char *data = el_weights_at(r->weights, r->row).data;
    be->ops->download_f32(be, out, data + first * be->element_size, n);
}

/* Turn a matrix into one of integers, and add its scales behind it. */
static void add_int8(el_array_source out[2], stored_row *row, size_t rows, const el_int8_matrix *m)
{
    (void)snprintf(row->scale_name, sizeof row->scale_name, "%s%s", row->name, EL_NAME_SCALE);
    out[0].dtype = EL_DTYPE_I8;
    out[0].data = m->q;
    out[1] = (el_array_source){.name = row->scale_name, .dtype = EL_DTYPE_F32, .rank = 1, .data = m->scales};
    out[1].shape[0] = rows;
}

/* The rows of the table that belong to the network; returns how many tensors they make. */
static size_t list_rows(stored_row *rows, el_array_source *sources, const el_network *network, el_weights w,
                        const el_int8_matrix *int8)
{
    size_t n = 0;
    for (size_t i = 0; i < w.params->count; i++) {
        const el_param *p = &w.params->list[i];
        stored_row *row = &rows[i];
        if (!el_param_belongs(p, network->role)) {
            continue;
        }
        row->weights = w;
        row->row = i;
        el_name_to_hf(row->name, sizeof row->name, p->name, network->config.family,
                      network->head_config.kind == EL_HEAD_NONE);
        sources[n] = (el_array_source){
            .name = row->name, .dtype = EL_DTYPE_F32, .rank = p->n_dims == 1 ? 1 : 2, .fill = fill_row, .user = row};
        sources[n].shape[0] = p->n_dims == 1 ? p->cols : p->rows;
        sources[n].shape[1] = p->cols;
        if (int8 && int8[i].q) {
            add_int8(&sources[n++], row, p->rows, &int8[i]);
        }
        n++;
    }
    return n;
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
    el_array_source *sources = el_alloc(2 * weights.params->count, sizeof *sources);
    stored_row *rows = el_alloc(weights.params->count, sizeof *rows);
    electra_status status;
    if (!sources || !rows) {
        status = el_fail_memory(err, folder, weights.params->count * sizeof *rows);
    } else {
        size_t n_files;
        const el_model_files files = {.network = network,
                                      .labels = labels,
                                      .tokenizer = tokenizer,
                                      .tensors = sources,
                                      .n = list_rows(rows, sources, network, weights, int8),
                                      .dtype = int8 ? EL_DTYPE_I8 : EL_DTYPE_F32};
        status = el_model_dir_write_files(folder, &files, &n_files, err);
    }
    el_free(sources);
    el_free(rows);
    return status;
}
