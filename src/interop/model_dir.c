/* Owns model directories: which files they consist of, and how stored tensors find their rows in the parameter table.
 */
#include "interop/model_dir.h"

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "interop/names.h"
#include "interop/safetensors.h"

static const char CONFIG_FILE[] = "config.json";
static const char WEIGHTS_FILE[] = "model.safetensors";

/* ---- opening ------------------------------------------------------------------------------------------------- */

typedef struct entry {
    char name[EL_PARAM_NAME_BYTES]; /* ours */
    const el_array *array;
} entry;

struct el_model_dir {
    char *folder;
    el_hf_config config;
    el_head_config head;
    el_safetensors *file;
    entry *entries;
    size_t n;
};

void el_model_dir_close(el_model_dir *dir)
{
    if (dir) {
        el_free(dir->entries);
        el_safetensors_close(dir->file);
        el_hf_config_clear(&dir->config);
        el_free(dir->folder);
        el_free(dir);
    }
}

typedef struct hint {
    const char *name; /* of a file or folder that is there */
    const char *advice;
} hint;

/* A folder lacks `what`: say so, with the advice that goes with what it holds instead. */
static electra_status lacks(const char *folder, const char *what, const hint *hints, size_t n, electra_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char *path = el_path_join(folder, hints[i].name);
        const bool found = path && (el_is_file(path) || el_is_folder(path));
        el_free(path);
        if (found) {
            return el_fail(err, ELECTRA_INVALID, folder, "%s holds no %s: %s", folder, what, hints[i].advice);
        }
    }
    return el_fail(err, ELECTRA_INVALID, folder, "%s holds no %s", folder, what);
}

static electra_status no_weights(const char *folder, electra_error *err)
{
    static const hint HINTS[] = {
        {"model.safetensors.index.json", "its weights are split over several files, which cannot be read yet"},
        {"pytorch_model.bin", "its weights are in PyTorch's own format, which cannot be read yet; save the model with "
                              "a newer version of transformers to get model.safetensors"},
        {"tf_model.h5", "its weights are in TensorFlow's format only"},
    };
    return lacks(folder, WEIGHTS_FILE, HINTS, sizeof HINTS / sizeof *HINTS, err);
}

static electra_status no_config(const char *folder, electra_error *err)
{
    static const hint HINTS[] = {
        {"discriminator", "it looks like the output of pretrain; give its subfolder discriminator or generator"},
        {"checkpoint", "it looks like a TensorFlow 1 checkpoint, which cannot be read yet"},
    };
    return lacks(folder, CONFIG_FILE, HINTS, sizeof HINTS / sizeof *HINTS, err);
}

/* Give every stored tensor our name; two under one name make it unclear which is meant. */
static electra_status list_entries(el_model_dir *dir, electra_error *err)
{
    const size_t stored = el_safetensors_count(dir->file);
    dir->entries = el_alloc(stored, sizeof *dir->entries);
    if (!dir->entries) {
        return el_fail_memory(err, dir->folder, stored * sizeof *dir->entries);
    }
    for (size_t i = 0; i < stored; i++) {
        const el_array *array = el_safetensors_at(dir->file, i);
        if (el_name_is_buffer(array->name)) {
            continue;
        }
        entry *e = &dir->entries[dir->n];
        e->array = array;
        el_name_from_hf(e->name, sizeof e->name, array->name);
        dir->n++;
    }
    return ELECTRA_OK;
}

static const el_array *find(const el_model_dir *dir, const char *name)
{
    for (size_t i = 0; i < dir->n; i++) {
        if (strcmp(dir->entries[i].name, name) == 0) {
            return dir->entries[i].array;
        }
    }
    return NULL;
}

/* A file of a folder by name, opened by `open_it`; fills *path for the caller to free. */
static electra_status path_in(char **path, const char *folder, const char *name, electra_error *err)
{
    *path = el_path_join(folder, name);
    return *path ? ELECTRA_OK : el_fail_memory(err, folder, 0);
}

static electra_status open_config(el_model_dir *dir, electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, dir->folder, CONFIG_FILE, err));
    const electra_status status =
        el_is_file(path) ? el_hf_config_read(&dir->config, path, err) : no_config(dir->folder, err);
    el_free(path);
    return status;
}

static electra_status open_weights(el_model_dir *dir, electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, dir->folder, WEIGHTS_FILE, err));
    const electra_status status =
        el_is_file(path) ? el_safetensors_open(&dir->file, path, err) : no_weights(dir->folder, err);
    el_free(path);
    return status == ELECTRA_OK ? list_entries(dir, err) : status;
}

/* ---- which head the weights hold ----------------------------------------------------------------------------- */

/* Heads that are one layer called "classifier": the architecture tells them apart, and where it does not, a classifier
 * is what can be one. ELECTRA's classifiers have more layers; BERT's have a pooler before it. */
static el_head head_of_one_layer(const el_model_dir *dir)
{
    const el_family family = dir->config.model.family;
    const bool pools = family == EL_FAMILY_BERT && find(dir, "electra.pooler.dense.weight");
    el_head stated = EL_HEAD_NONE;
    (void)el_hf_architecture_find(&stated, family, dir->config.architecture);
    if (stated == EL_HEAD_TAGGER || stated == EL_HEAD_CHOICE) {
        return stated;
    }
    return pools ? EL_HEAD_CLASSIFIER : EL_HEAD_TAGGER;
}

static el_head head_kind(const el_model_dir *dir)
{
    static const struct {
        const char *tensor;
        el_head kind;
    } SIGNS[] = {{"discriminator_predictions.dense.weight", EL_HEAD_DISCRIMINATOR},
                 {"generator_predictions.dense.weight", EL_HEAD_MASKED_LM},
                 {"classifier.dense.weight", EL_HEAD_CLASSIFIER},
                 {"qa_outputs.weight", EL_HEAD_SPANS},
                 {"sequence_summary.summary.weight", EL_HEAD_CHOICE}};
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++) {
        if (find(dir, SIGNS[i].tensor)) {
            return SIGNS[i].kind;
        }
    }
    return find(dir, "classifier.weight") ? head_of_one_layer(dir) : EL_HEAD_NONE;
}

static electra_status find_head(el_model_dir *dir, electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, dir->folder, CONFIG_FILE, err));
    const electra_status status = el_hf_config_head(&dir->head, &dir->config, head_kind(dir), path, err);
    dir->head.pooler = find(dir, "electra.pooler.dense.weight") != NULL;
    el_free(path);
    return status;
}

static void warn_about_head(const el_model_dir *dir, const electra_runtime *rt)
{
    const char *stated = dir->config.architecture;
    const char *found = el_hf_architecture(dir->config.model.family, dir->head.kind);
    if (stated[0] && dir->head.kind != EL_HEAD_NONE && strcmp(stated, found) != 0 &&
        strcmp(stated, "ElectraForCausalLM") != 0) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: config.json says %s, but the weights are those of %s", dir->folder, stated,
               found);
    }
}

electra_status el_model_dir_open(el_model_dir **out, const char *folder, const electra_runtime *rt, electra_error *err)
{
    *out = NULL;
    if (!el_is_folder(folder)) {
        return el_fail(err, ELECTRA_INVALID, folder, "%s is not a folder; a model is a folder with %s and %s", folder,
                       CONFIG_FILE, WEIGHTS_FILE);
    }
    el_model_dir *dir = el_alloc(1, sizeof *dir);
    if (!dir) {
        return el_fail_memory(err, folder, sizeof *dir);
    }
    electra_status status;
    dir->folder = el_strdup(folder);
    if (!dir->folder) {
        status = el_fail_memory(err, folder, strlen(folder));
    } else {
        status = open_config(dir, err);
    }
    if (status == ELECTRA_OK) {
        status = open_weights(dir, err);
    }
    if (status == ELECTRA_OK) {
        status = find_head(dir, err);
    }
    if (status != ELECTRA_OK) {
        el_model_dir_close(dir);
        return status;
    }
    warn_about_head(dir, rt);
    *out = dir;
    return ELECTRA_OK;
}

const el_hf_config *el_model_dir_config(const el_model_dir *dir)
{
    return &dir->config;
}

const char *el_model_dir_path(const el_model_dir *dir)
{
    return dir->folder;
}

const el_head_config *el_model_dir_head(const el_model_dir *dir)
{
    return &dir->head;
}

size_t el_model_dir_count(const el_model_dir *dir)
{
    return dir->n;
}

const el_array *el_model_dir_at(const el_model_dir *dir, size_t i, const char **name)
{
    *name = dir->entries[i].name;
    return dir->entries[i].array;
}

/* ---- reading weights ----------------------------------------------------------------------------------------- */

static bool is_head(const char *name)
{
    return strncmp(name, "electra.", strlen("electra.")) != 0;
}

bool el_model_dir_wants(const el_param *row, el_owner network, el_read_extent extent)
{
    return el_param_belongs(row, network) && !(extent == EL_READ_ENCODER && is_head(row->name));
}

/* The stored tensor of a row. A generator's table may be stored under the name of its output matrix alone. */
const el_array *el_model_dir_find(const el_model_dir *dir, const el_param *row)
{
    const el_array *array = find(dir, row->name);
    if (!array && strcmp(row->name, EL_NAME_WORD_TABLE) == 0) {
        array = find(dir, EL_NAME_TIED_OUTPUT);
    }
    return array;
}

static electra_status check_shape(const el_param *row, const el_array *array, electra_error *err)
{
    const size_t vector[1] = {row->cols};
    const size_t matrix[2] = {row->rows, row->cols};
    const size_t rank = row->n_dims == 1 ? 1 : 2;
    const size_t *shape = rank == 1 ? vector : matrix;
    if (array->rank == rank && memcmp(array->shape, shape, rank * sizeof *shape) == 0) {
        return ELECTRA_OK;
    }
    char expected[64];
    char found[160];
    el_shape_text(expected, sizeof expected, shape, rank);
    el_shape_text(found, sizeof found, array->shape, array->rank);
    return el_fail(err, ELECTRA_INVALID, array->file,
                   "%s: the tensor \"%s\" has the shape %s; with the sizes of config.json it should be %s", array->file,
                   array->name, found, expected);
}

/* Names gathered for one message: the first three and how many there are. */
typedef struct name_list {
    char text[320];
    size_t n;
} name_list;

static void add_name(name_list *list, const char *name)
{
    const size_t used = strlen(list->text);
    if (list->n < 3) {
        (void)snprintf(list->text + used, sizeof list->text - used, "%s%.96s", list->n ? ", " : "", name);
    } else if (list->n == 3) {
        (void)snprintf(list->text + used, sizeof list->text - used, ", ...");
    }
    list->n++;
}

static electra_status check_missing(const el_model_dir *dir, const el_params *params, el_owner network,
                                    el_read_extent extent, electra_error *err)
{
    name_list missing = {0};
    size_t wanted = 0;
    for (size_t i = 0; i < params->count; i++) {
        const el_param *row = &params->list[i];
        if (!el_model_dir_wants(row, network, extent)) {
            continue;
        }
        wanted++;
        const el_array *array = el_model_dir_find(dir, row);
        if (!array) {
            add_name(&missing, row->name);
        } else {
            EL_TRY(check_shape(row, array, err));
        }
    }
    if (missing.n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, dir->folder, "%s lacks %zu of the %zu tensors of this model: %s", dir->folder,
                   missing.n, wanted, missing.text);
}

/* Old versions of transformers stored BERT's pooler also with heads that do not use it. */
static bool is_idle_pooler(const el_model_dir *dir, const char *name)
{
    return dir->config.model.family == EL_FAMILY_BERT &&
           strncmp(name, "electra.pooler.", strlen("electra.pooler.")) == 0;
}

static electra_status check_extra(const el_model_dir *dir, const el_params *params, el_owner network,
                                  electra_error *err)
{
    name_list extra = {0};
    for (size_t i = 0; i < dir->n; i++) {
        const char *name = dir->entries[i].name;
        if (find(dir, name) != dir->entries[i].array) {
            return el_fail(err, ELECTRA_INVALID, dir->folder, "%s holds \"%s\" twice, under two spellings of its name",
                           dir->folder, name);
        }
        if (el_params_find(params, name, network) == EL_NO_PARAM && strcmp(name, EL_NAME_TIED_OUTPUT) != 0 &&
            !is_idle_pooler(dir, name)) {
            add_name(&extra, dir->entries[i].array->name);
        }
    }
    if (extra.n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, dir->folder,
                   "%s holds %zu tensors that do not belong to this model: %s. Its config.json may be that of another "
                   "model",
                   dir->folder, extra.n, extra.text);
}

/* Old files hold the shared matrix under both names; they are one only if they are equal. */
static electra_status check_tied(const el_model_dir *dir, electra_error *err)
{
    const el_array *output = find(dir, EL_NAME_TIED_OUTPUT);
    const el_array *table = find(dir, EL_NAME_WORD_TABLE);
    if (!output || !table ||
        (output->dtype == table->dtype && output->bytes == table->bytes &&
         memcmp(output->data, table->data, table->bytes) == 0)) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, dir->folder,
                   "%s: \"%s\" differs from the word table; a generator whose output matrix is not its word table "
                   "cannot be computed here",
                   dir->folder, output->name);
}

static electra_status read_row(const el_array *array, el_weights w, size_t row, float *room, electra_error *err)
{
    const el_tensor to = el_weights_at(w, row);
    const float *from = el_array_f32(array);
    if (!from) {
        EL_TRY(el_array_copy_f32(array, room, err));
        from = room;
    }
    w.be->ops->upload_f32(w.be, to.data, from, array->n);
    return ELECTRA_OK;
}

electra_status el_model_dir_check(const el_model_dir *dir, const el_params *params, el_owner network,
                                  el_read_extent extent, electra_error *err)
{
    EL_TRY(check_missing(dir, params, network, extent, err));
    if (extent == EL_READ_ALL) {
        EL_TRY(check_extra(dir, params, network, err));
        EL_TRY(check_tied(dir, err));
    }
    return ELECTRA_OK;
}

electra_status el_model_dir_read(const el_model_dir *dir, el_weights weights, el_owner network, el_read_extent extent,
                                 electra_error *err)
{
    EL_TRY(el_model_dir_check(dir, weights.params, network, extent, err));
    size_t most = 0;
    for (size_t i = 0; i < dir->n; i++) {
        most = dir->entries[i].array->n > most ? dir->entries[i].array->n : most;
    }
    float *room = el_alloc(most, sizeof *room);
    if (!room) {
        return el_fail_memory(err, dir->folder, most * sizeof *room);
    }
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < weights.params->count && status == ELECTRA_OK; i++) {
        const el_param *row = &weights.params->list[i];
        if (el_model_dir_wants(row, network, extent)) {
            status = read_row(el_model_dir_find(dir, row), weights, i, room, err);
        }
    }
    el_free(room);
    return status;
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

static electra_status write_weights(const char *path, const el_network *network, el_weights w, electra_error *err)
{
    el_array_source *sources = el_alloc(w.params->count, sizeof *sources);
    stored_row *rows = el_alloc(w.params->count, sizeof *rows);
    electra_status status;
    if (!sources || !rows) {
        status = el_fail_memory(err, path, w.params->count * sizeof *sources);
    } else {
        size_t n = 0;
        for (size_t i = 0; i < w.params->count; i++) {
            const el_param *p = &w.params->list[i];
            if (!el_param_belongs(p, network->role)) {
                continue;
            }
            rows[n] = (stored_row){w, i};
            sources[n] = (el_array_source){.name = p->name,
                                           .dtype = EL_DTYPE_F32,
                                           .rank = p->n_dims == 1 ? 1 : 2,
                                           .fill = fill_row,
                                           .user = &rows[n]};
            sources[n].shape[0] = p->n_dims == 1 ? p->cols : p->rows;
            sources[n].shape[1] = p->cols;
            n++;
        }
        const el_metadata format = {"format", "pt"}; /* older transformers insist on it */
        status = el_safetensors_write(path, sources, n, &format, 1, err);
    }
    el_free(sources);
    el_free(rows);
    return status;
}

static electra_status write_files(const char *folder, const el_network *network, const el_labels *labels,
                                  el_weights weights, const electra_tokenizer *tokenizer, electra_error *err)
{
    char *path;
    EL_TRY(path_in(&path, folder, CONFIG_FILE, err));
    electra_status status = el_hf_config_write(network, labels, path, err);
    el_free(path);
    EL_TRY(status);
    EL_TRY(path_in(&path, folder, WEIGHTS_FILE, err));
    status = write_weights(path, network, weights, err);
    el_free(path);
    EL_TRY(status);
    return tokenizer ? el_hf_tokenizer_write(tokenizer, network->config.max_positions, folder, err) : ELECTRA_OK;
}

electra_status el_model_dir_write(const char *folder, const el_network *network, const el_labels *labels,
                                  el_weights weights, const electra_tokenizer *tokenizer, electra_error *err)
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
            status = write_files(partial, network, labels, weights, tokenizer, err);
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
