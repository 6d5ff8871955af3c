/* Owns model directories: which files they consist of, and how stored tensors find their rows in the parameter table.
 */
#include "interop/model_dir.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/names.h"
#include "interop/weight_files.h"

static const char CONFIG_FILE[] = "config.json";

/* ---- opening ------------------------------------------------------------------------------------------------- */

struct el_model_dir {
    el_hf_config config;
    el_head_config head;
    el_weight_files *files;
    el_named_array *entries; /* by name */
    size_t n;
};

void el_model_dir_close(el_model_dir *dir)
{
    if (dir) {
        el_free(dir->entries);
        el_weight_files_close(dir->files);
        el_hf_config_clear(&dir->config);
        el_free(dir);
    }
}

static const el_array *find(const el_model_dir *dir, const char *name)
{
    return el_named_arrays_find(dir->entries, dir->n, name);
}

/* Give every stored tensor our name. Two under one name are noticed when they are read. */
static electra_status list_entries(el_model_dir *dir, const el_model_source *source, const electra_runtime *rt,
                                   electra_error *err)
{
    const size_t stored = el_weight_files_count(dir->files);
    const el_tf1 *tf1 = el_weight_files_tf1(dir->files);
    dir->entries = el_alloc(stored, sizeof *dir->entries);
    if (!dir->entries) {
        return el_fail_memory(err, el_model_dir_path(dir), stored * sizeof *dir->entries);
    }
    if (tf1) {
        EL_TRY(el_tf1_list(dir->entries, &dir->n, tf1, source->network, el_model_dir_path(dir), rt, err));
    }
    for (size_t i = 0; i < stored && !tf1; i++) {
        const el_array *array = el_weight_files_at(dir->files, i);
        if (!el_name_is_buffer(array->name)) {
            el_named_array *e = &dir->entries[dir->n++];
            e->array = *array;
            el_name_from_hf(e->name, sizeof e->name, array->name);
        }
    }
    el_named_arrays_sort(dir->entries, dir->n);
    return ELECTRA_OK;
}

/* ---- the configuration ----------------------------------------------------------------------------------------- */

static electra_status no_config(const el_model_dir *dir, electra_error *err)
{
    const char *folder = el_model_dir_path(dir);
    return el_fail(err, ELECTRA_INVALID, folder, "%s holds no %s, which says what network its weights are", folder,
                   CONFIG_FILE);
}

static electra_status read_config(el_model_dir *dir, const char *path, const electra_runtime *rt, electra_error *err)
{
    EL_TRY(el_hf_config_read(&dir->config, path, err));
    if (!el_weight_files_tf1(dir->files)) {
        return ELECTRA_OK;
    }
    dir->config.architecture[0] = '\0'; /* one file for both networks */
    return find(dir, "generator_predictions.dense.weight")
               ? el_tf1_adapt_config(&dir->config, dir->entries, dir->n, el_model_dir_path(dir), rt, err)
               : ELECTRA_OK;
}

/* The given config.json, or the one beside the weights, or the one that a checkpoint's shapes amount to. */
static electra_status open_config(el_model_dir *dir, const el_model_source *source, const electra_runtime *rt,
                                  electra_error *err)
{
    if (source->config) {
        return read_config(dir, source->config, rt, err);
    }
    char *path = el_path_join(el_model_dir_path(dir), CONFIG_FILE);
    if (!path) {
        return el_fail_memory(err, el_model_dir_path(dir), 0);
    }
    const bool there = el_is_file(path);
    const electra_status status = there ? read_config(dir, path, rt, err) : ELECTRA_OK;
    el_free(path);
    if (there) {
        return status;
    }
    return el_weight_files_tf1(dir->files)
               ? el_tf1_deduce_config(&dir->config, dir->entries, dir->n, el_model_dir_path(dir), rt, err)
               : no_config(dir, err);
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
                 {"sequence_summary.summary.weight", EL_HEAD_CHOICE},
                 {"joint_qa.start.weight", EL_HEAD_JOINT_QA}};
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++) {
        if (find(dir, SIGNS[i].tensor)) {
            return SIGNS[i].kind;
        }
    }
    return find(dir, "classifier.weight") ? head_of_one_layer(dir) : EL_HEAD_NONE;
}

static electra_status find_head(el_model_dir *dir, electra_error *err)
{
    EL_TRY(el_hf_config_head(&dir->head, &dir->config, head_kind(dir), el_model_dir_path(dir), err));
    dir->head.pooler = find(dir, "electra.pooler.dense.weight") != NULL;
    return ELECTRA_OK;
}

static void warn_about_head(const el_model_dir *dir, const electra_runtime *rt)
{
    const char *stated = dir->config.architecture;
    const char *found = el_hf_architecture(dir->config.model.family, dir->head.kind);
    if (stated[0] && dir->head.kind != EL_HEAD_NONE && strcmp(stated, found) != 0 &&
        strcmp(stated, "ElectraForCausalLM") != 0) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: config.json says %s, but the weights are those of %s",
               el_model_dir_path(dir), stated, found);
    }
}

electra_status el_model_dir_open_from(el_model_dir **out, const char *path, const el_model_source *source,
                                      const electra_runtime *rt, electra_error *err)
{
    *out = NULL;
    el_model_dir *dir = el_alloc(1, sizeof *dir);
    if (!dir) {
        return el_fail_memory(err, path, sizeof *dir);
    }
    electra_status status = el_weight_files_open(&dir->files, path, err);
    if (status == ELECTRA_OK) {
        status = list_entries(dir, source, rt, err);
    }
    if (status == ELECTRA_OK) {
        status = open_config(dir, source, rt, err);
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

electra_status el_model_dir_open(el_model_dir **out, const char *path, const electra_runtime *rt, electra_error *err)
{
    const el_model_source source = {0};
    return el_model_dir_open_from(out, path, &source, rt, err);
}

const el_hf_config *el_model_dir_config(const el_model_dir *dir)
{
    return &dir->config;
}

const char *el_model_dir_path(const el_model_dir *dir)
{
    return el_weight_files_folder(dir->files);
}

const el_tf1 *el_model_dir_tf1(const el_model_dir *dir)
{
    return el_weight_files_tf1(dir->files);
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
    return &dir->entries[i].array;
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

/* ---- 8-bit integers ------------------------------------------------------------------------------------------ */

const el_array *el_model_dir_scales(const el_model_dir *dir, const el_param *row)
{
    const el_array *array = el_model_dir_find(dir, row);
    char name[EL_PARAM_NAME_BYTES + sizeof EL_NAME_SCALE];
    (void)snprintf(name, sizeof name, "%s%s", row->name, EL_NAME_SCALE);
    return array && array->dtype == EL_DTYPE_I8 ? find(dir, name) : NULL;
}

bool el_model_dir_is_int8(const el_model_dir *dir)
{
    for (size_t i = 0; i < dir->n; i++) {
        const char *name;
        if (el_model_dir_at(dir, i, &name)->dtype == EL_DTYPE_I8) {
            return true;
        }
    }
    return false;
}

/* A matrix of integers can be used as it lies, and has a scale for each row. */
static electra_status check_int8(const el_model_dir *dir, const el_param *row, const el_array *array,
                                 electra_error *err)
{
    if (array->dtype != EL_DTYPE_I8) {
        return ELECTRA_OK;
    }
    if (row->n_dims != 2 || array->strided || row->cols > EL_INT8_WIDEST) {
        return el_fail(err, ELECTRA_INVALID, array->file,
                       "%s: the tensor \"%s\" is stored in 8-bit integers; only matrices of at most %d columns can be",
                       array->file, array->name, EL_INT8_WIDEST);
    }
    const el_array *scales = el_model_dir_scales(dir, row);
    if (!scales) {
        return el_fail(err, ELECTRA_INVALID, array->file,
                       "%s: the tensor \"%s\" is stored in 8-bit integers, but \"%s%s\" is missing", array->file,
                       array->name, array->name, EL_NAME_SCALE);
    }
    if (scales->dtype != EL_DTYPE_F32 || scales->strided || scales->rank != 1 || scales->n != row->rows) {
        char found[160];
        el_shape_text(found, sizeof found, scales->shape, scales->rank);
        return el_fail(err, ELECTRA_INVALID, scales->file,
                       "%s: the tensor \"%s\" should hold %zu numbers of type F32, a scale for each row of \"%s\"; it "
                       "has the shape %s and the type %s",
                       scales->file, scales->name, row->rows, array->name, found, el_dtype_name(scales->dtype));
    }
    for (size_t i = 0; i < scales->n; i++) {
        float scale;
        memcpy(&scale, scales->data + i * sizeof scale, sizeof scale);
        if (!(scale >= 0) || !isfinite(scale)) {
            return el_fail(err, ELECTRA_INVALID, scales->file,
                           "%s: the scale of row %zu in \"%s\" is %g; it must be a finite number that is not negative",
                           scales->file, i, scales->name, (double)scale);
        }
    }
    return ELECTRA_OK;
}

/* The scales of a tensor of integers. */
static bool is_scale(const el_model_dir *dir, const char *name)
{
    const size_t length = strlen(name), suffix = strlen(EL_NAME_SCALE);
    char tensor[EL_PARAM_NAME_BYTES];
    if (length <= suffix || length - suffix >= sizeof tensor || strcmp(name + length - suffix, EL_NAME_SCALE) != 0) {
        return false;
    }
    (void)snprintf(tensor, sizeof tensor, "%.*s", (int)(length - suffix), name);
    const el_array *array = find(dir, tensor);
    return array && array->dtype == EL_DTYPE_I8;
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

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
            EL_TRY(check_int8(dir, row, array, err));
        }
    }
    if (missing.n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, el_model_dir_path(dir), "%s lacks %zu of the %zu tensors of this model: %s",
                   el_model_dir_path(dir), missing.n, wanted, missing.text);
}

/* Old versions of transformers stored BERT's pooler also with heads that do not use it, and its pre-training also left
 * a head that tells whether two sentences follow one another. */
static bool is_idle(const el_model_dir *dir, const char *name)
{
    static const char *const BEGINNINGS[] = {"electra.pooler.", "cls.seq_relationship."};
    bool found = false;
    for (size_t i = 0; i < sizeof BEGINNINGS / sizeof BEGINNINGS[0]; i++) {
        found = found || strncmp(name, BEGINNINGS[i], strlen(BEGINNINGS[i])) == 0;
    }
    return found && dir->config.model.family == EL_FAMILY_BERT;
}

static electra_status check_extra(const el_model_dir *dir, const el_params *params, el_owner network,
                                  electra_error *err)
{
    name_list extra = {0};
    for (size_t i = 0; i < dir->n; i++) {
        const char *name = dir->entries[i].name;
        if (i > 0 && strcmp(name, dir->entries[i - 1].name) == 0) {
            return el_fail(err, ELECTRA_INVALID, el_model_dir_path(dir),
                           "%s holds \"%s\" twice, under two spellings of its name", el_model_dir_path(dir), name);
        }
        if (el_params_find(params, name, network) == EL_NO_PARAM && strcmp(name, EL_NAME_TIED_OUTPUT) != 0 &&
            !is_idle(dir, name) && !is_scale(dir, name)) {
            add_name(&extra, dir->entries[i].array.name);
        }
    }
    if (extra.n == 0) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, el_model_dir_path(dir),
                   "%s holds %zu tensors that do not belong to this model: %s. Its config.json may be that of another "
                   "model",
                   el_model_dir_path(dir), extra.n, extra.text);
}

/* Old files hold the shared matrix under both names; they are one only if they are equal. */
static electra_status check_tied(const el_model_dir *dir, electra_error *err)
{
    const el_array *output = find(dir, EL_NAME_TIED_OUTPUT);
    const el_array *table = find(dir, EL_NAME_WORD_TABLE);
    if (!output || !table || el_array_equal(output, table)) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_INVALID, el_model_dir_path(dir),
                   "%s: \"%s\" differs from the word table; a generator whose output matrix is not its word table "
                   "cannot be computed here",
                   el_model_dir_path(dir), output->name);
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
    if (el_model_dir_is_int8(dir)) {
        return el_fail(err, ELECTRA_INVALID, el_model_dir_path(dir),
                       "%s holds 8-bit integers (electra quantize made it), which can answer but not be trained, "
                       "converted or quantized again; use the model that it was made from",
                       el_model_dir_path(dir));
    }
    EL_TRY(el_model_dir_check(dir, weights.params, network, extent, err));
    size_t most = 0;
    for (size_t i = 0; i < dir->n; i++) {
        most = dir->entries[i].array.n > most ? dir->entries[i].array.n : most;
    }
    float *room = el_alloc(most, sizeof *room);
    if (!room) {
        return el_fail_memory(err, el_model_dir_path(dir), most * sizeof *room);
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
