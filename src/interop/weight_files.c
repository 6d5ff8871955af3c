/* Owns the search for files of weights, and indices of shards. */
#include "interop/weight_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/safetensors.h"
#include "interop/torch_bin.h"

enum {
    MOST_FILES = 10000,
    MOST_CHECKPOINT = 1 << 20 /* bytes of the text that names checkpoints */
};

/* One opened file of either form. */
typedef struct part {
    char *name; /* in the folder; NULL for a file that stands alone */
    el_safetensors *safetensors;
    el_torch_bin *torch;
} part;

struct el_weight_files {
    char *folder;
    part *parts;
    size_t n_parts;
    el_tf1 *tf1;
    const el_array **arrays;
    size_t n;
};

void el_weight_files_close(el_weight_files *files)
{
    if (!files) {
        return;
    }
    for (size_t i = 0; i < files->n_parts; i++) {
        el_safetensors_close(files->parts[i].safetensors);
        el_torch_bin_close(files->parts[i].torch);
        el_free(files->parts[i].name);
    }
    el_free(files->parts);
    el_tf1_close(files->tf1);
    el_free(files->arrays);
    el_free(files->folder);
    el_free(files);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

static electra_status open_part(part *p, const char *path, electra_error *err)
{
    return ends_with(path, ".safetensors") ? el_safetensors_open(&p->safetensors, path, err)
                                           : el_torch_bin_open(&p->torch, path, err);
}

static size_t part_count(const part *p)
{
    return p->safetensors ? el_safetensors_count(p->safetensors) : el_torch_bin_count(p->torch);
}

static const el_array *part_at(const part *p, size_t i)
{
    return p->safetensors ? el_safetensors_at(p->safetensors, i) : el_torch_bin_at(p->torch, i);
}

/* Both forms list their tensors by rising name. */
static const el_array *part_find(const part *p, const char *name)
{
    size_t begin = 0;
    size_t end = part_count(p);
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        const el_array *array = part_at(p, middle);
        const int order = strcmp(array->name, name);
        if (order == 0) {
            return array;
        }
        begin = order < 0 ? middle + 1 : begin;
        end = order < 0 ? end : middle;
    }
    return NULL;
}

static electra_status take_room(el_weight_files *files, size_t parts, size_t arrays, electra_error *err)
{
    files->parts = el_alloc(parts, sizeof *files->parts);
    files->arrays = el_alloc(arrays, sizeof *files->arrays);
    return files->parts && files->arrays ? ELECTRA_OK
                                         : el_fail_memory(err, files->folder, arrays * sizeof *files->arrays);
}

static electra_status open_single(el_weight_files *files, const char *path, electra_error *err)
{
    part p = {0};
    EL_TRY(open_part(&p, path, err));
    const electra_status status = take_room(files, 1, part_count(&p), err);
    if (status != ELECTRA_OK) {
        el_safetensors_close(p.safetensors);
        el_torch_bin_close(p.torch);
        return status;
    }
    files->parts[files->n_parts++] = p;
    for (size_t i = 0; i < part_count(&p); i++) {
        files->arrays[files->n++] = part_at(&p, i);
    }
    return ELECTRA_OK;
}

/* ---- shards ------------------------------------------------------------------------------------------------------ */

/* A shard lies beside its index: its name must not lead anywhere else. */
static bool is_plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') && !strchr(name, '\\') &&
           (ends_with(name, ".safetensors") || ends_with(name, ".bin"));
}

/* The shard of that name, opened when it is first mentioned. */
static electra_status get_shard(el_weight_files *files, const char *name, const char *where, part **out,
                                electra_error *err)
{
    for (size_t i = files->n_parts; i-- > 0;) { /* usually the one before */
        if (strcmp(files->parts[i].name, name) == 0) {
            *out = &files->parts[i];
            return ELECTRA_OK;
        }
    }
    if (files->n_parts == MOST_FILES) {
        return el_fail(err, ELECTRA_INVALID, where, "%s names more than %d files", where, MOST_FILES);
    }
    part *p = &files->parts[files->n_parts];
    char *path = el_path_join(files->folder, name);
    p->name = el_strdup(name);
    electra_status status = path && p->name ? ELECTRA_OK : el_fail_memory(err, where, strlen(name));
    if (status == ELECTRA_OK) {
        status = open_part(p, path, err);
    }
    el_free(path);
    files->n_parts += p->name != NULL; /* so that it is closed, also half open */
    *out = p;
    return status;
}

static electra_status add_mapped(el_weight_files *files, const char *tensor, const json_t *file, const char *where,
                                 electra_error *err)
{
    const char *name = json_string_value(file);
    if (!name || !is_plain_name(name)) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s: \"%.200s\" is said to lie in \"%.200s\"; that should be the plain name of a .safetensors "
                       "or .bin file in the same folder",
                       where, tensor, name ? name : "something that is no text");
    }
    part *p = NULL;
    EL_TRY(get_shard(files, name, where, &p, err));
    const el_array *array = part_find(p, tensor);
    if (!array) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: \"%.200s\" is said to lie in %.200s, which does not hold it",
                       where, tensor, name);
    }
    files->arrays[files->n++] = array;
    return ELECTRA_OK;
}

static electra_status open_mapped(el_weight_files *files, const json_t *map, const char *where, electra_error *err)
{
    const size_t n = json_object_size(map);
    if (!json_is_object(map) || n == 0) {
        return el_fail(err, ELECTRA_INVALID, where,
                       "%s should have a \"weight_map\" that says which file holds each tensor", where);
    }
    EL_TRY(take_room(files, n < MOST_FILES ? n : MOST_FILES, n, err));
    const char *tensor;
    json_t *file;
    json_object_foreach((json_t *)(uintptr_t)map, tensor, file)
    {
        EL_TRY(add_mapped(files, tensor, file, where, err));
    }
    return ELECTRA_OK;
}

static electra_status open_index(el_weight_files *files, const char *path, electra_error *err)
{
    json_t *json = NULL;
    EL_TRY(el_json_load(&json, path, err));
    const electra_status status = open_mapped(files, json_object_get(json, "weight_map"), path, err);
    json_decref(json);
    return status;
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static electra_status open_tf1(el_weight_files *files, const char *prefix, electra_error *err)
{
    EL_TRY(el_tf1_open(&files->tf1, prefix, err));
    const size_t n = el_tf1_count(files->tf1);
    EL_TRY(take_room(files, 0, n, err));
    for (size_t i = 0; i < n; i++) {
        files->arrays[files->n++] = el_tf1_at(files->tf1, i);
    }
    return ELECTRA_OK;
}

/* The last checkpoint by the text file "checkpoint" (model_checkpoint_path: "model.ckpt-10"): only the plain name
 * counts, as the path is often one of the machine that trained it. *out: to be freed, or NULL if there is no such name.
 */
static electra_status read_state(char **out, const char *folder, electra_error *err)
{
    static const char KEY[] = "model_checkpoint_path:";
    char *path = el_path_join(folder, "checkpoint");
    char *text = NULL;
    *out = NULL;
    electra_status status = path ? ELECTRA_OK : el_fail_memory(err, folder, 0);
    if (status == ELECTRA_OK && el_is_file(path)) {
        status = el_read_file(&text, NULL, path, MOST_CHECKPOINT, err);
    }
    el_free(path);
    const char *line = text;
    while (line && strncmp(line, KEY, sizeof KEY - 1) != 0) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    char *quote = line ? strchr(line, '"') : NULL;
    char *end = quote ? strchr(quote + 1, '"') : NULL;
    if (end) {
        *end = '\0';
        const char *slash = strrchr(quote + 1, '/');
        *out = el_strdup(slash ? slash + 1 : quote + 1);
        status = *out ? status : el_fail_memory(err, folder, strlen(quote));
    }
    el_free(text);
    return status;
}

/* The only *.index of a folder, without its ending. *out: to be freed, or NULL if there is none, or several. */
static electra_status only_index(char **out, const char *folder, electra_error *err)
{
    *out = NULL;
    DIR *dir = opendir(folder);
    if (!dir) {
        return el_fail_errno(err, folder, "%s cannot be listed", folder);
    }
    size_t n = 0;
    electra_status status = ELECTRA_OK;
    for (const struct dirent *e = readdir(dir); e && status == ELECTRA_OK; e = readdir(dir)) {
        if (ends_with(e->d_name, ".index") && n++ == 0) {
            *out = el_strdup(e->d_name);
            status = *out ? ELECTRA_OK : el_fail_memory(err, folder, strlen(e->d_name));
        }
    }
    (void)closedir(dir);
    if (n == 1 && *out) {
        (*out)[strlen(*out) - strlen(".index")] = '\0';
    } else {
        el_free(*out);
        *out = NULL;
    }
    return status;
}

/* *prefix: of the folder's checkpoint, to be freed, or NULL if it holds none. */
static electra_status find_tf1(char **prefix, const char *folder, electra_error *err)
{
    char *name = NULL;
    *prefix = NULL;
    EL_TRY(read_state(&name, folder, err));
    if (!name) {
        EL_TRY(only_index(&name, folder, err));
    }
    if (!name) {
        return ELECTRA_OK;
    }
    *prefix = el_path_join(folder, name);
    el_free(name);
    return *prefix ? ELECTRA_OK : el_fail_memory(err, folder, 0);
}

static electra_status open_folder_tf1(el_weight_files *files, bool *found, electra_error *err)
{
    char *prefix = NULL;
    EL_TRY(find_tf1(&prefix, files->folder, err));
    *found = prefix != NULL;
    const electra_status status = prefix ? open_tf1(files, prefix, err) : ELECTRA_OK;
    el_free(prefix);
    return status;
}

/* ---- the search -------------------------------------------------------------------------------------------------- */

/* Models within a folder, with commas between; a few are enough. */
typedef struct model_list {
    char text[400];
    size_t n;
} model_list;

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Add folder/NAME of each folder NAME that holds weights. */
static void list_models(model_list *list, const char *folder)
{
    struct dirent **entries;
    const int n = scandir(folder, &entries, NULL, by_bytes);
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        const int bytes = snprintf(path, sizeof path, "%s/%s/model.safetensors", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && bytes > 0 && (size_t)bytes < sizeof path && el_is_file(path)) {
            path[(size_t)bytes - strlen("/model.safetensors")] = '\0';
            const size_t used = strlen(list->text);
            const char *comma = list->n ? ", " : "";
            if (used + strlen(comma) + strlen(path) < sizeof list->text) {
                (void)strcat(strcat(list->text, comma), path);
                list->n++;
            }
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

/* Models that are there although the folder itself is none: of a run of fine-tuning (src/tasks/tune_folder.h) that is
 * not finished, or of several tasks; false if there are none. */
static bool fail_with_models(const char *folder, electra_error *err)
{
    model_list list = {0};
    static const char *const UNFINISHED[] = {"current", "best"};
    for (size_t i = 0; i < sizeof UNFINISHED / sizeof *UNFINISHED; i++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 16, folder, UNFINISHED[i]);
        list_models(&list, path);
    }
    if (list.n) {
        (void)el_fail(err, ELECTRA_INVALID, folder,
                      "%s holds no model.safetensors: it looks like a run of finetune that is not finished. The same "
                      "command goes on with it; its best weights so far are a model: %s",
                      folder, list.text);
        return true;
    }
    list_models(&list, folder);
    if (list.n) {
        (void)el_fail(err, ELECTRA_INVALID, folder, "%s holds no model.safetensors but %s; give %s", folder, list.text,
                      list.n > 1 ? "one of these" : "this folder");
    }
    return list.n > 0;
}

/* What a folder without weights may hold instead. */
static electra_status no_weights(const char *folder, electra_error *err)
{
    static const struct {
        const char *name, *advice;
    } HINTS[] = {
        {"discriminator", ": it looks like the output of pretrain; give its subfolder discriminator or generator"},
        {"tf_model.h5", "; tf_model.h5 cannot be read. Save the model from transformers as model.safetensors"},
        {"flax_model.msgpack", "; flax_model.msgpack cannot be read. Save the model as model.safetensors"},
        {"model.onnx", "; model.onnx cannot be read. Save the model as model.safetensors"},
    };
    for (size_t i = 0; i < sizeof HINTS / sizeof *HINTS; i++) {
        char *path = el_path_join(folder, HINTS[i].name);
        const bool found = path && (el_is_file(path) || el_is_folder(path));
        el_free(path);
        if (found) {
            return el_fail(err, ELECTRA_INVALID, folder, "%s holds no model.safetensors%s", folder, HINTS[i].advice);
        }
    }
    if (fail_with_models(folder, err)) {
        return ELECTRA_INVALID;
    }
    return el_fail(err, ELECTRA_INVALID, folder,
                   "%s holds no weights: neither model.safetensors nor pytorch_model.bin, nor an index of several, nor "
                   "a TensorFlow 1 checkpoint",
                   folder);
}

static electra_status open_folder(el_weight_files *files, electra_error *err)
{
    static const struct {
        const char *name;
        electra_status (*open)(el_weight_files *files, const char *path, electra_error *err);
    } FORMS[] = {{"model.safetensors", open_single},
                 {"model.safetensors.index.json", open_index},
                 {"pytorch_model.bin", open_single},
                 {"pytorch_model.bin.index.json", open_index}};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        char *path = el_path_join(files->folder, FORMS[i].name);
        if (!path) {
            return el_fail_memory(err, files->folder, 0);
        }
        const bool found = el_is_file(path);
        const electra_status status = found ? FORMS[i].open(files, path, err) : ELECTRA_OK;
        el_free(path);
        if (found) {
            return status;
        }
    }
    bool found = false;
    EL_TRY(open_folder_tf1(files, &found, err));
    return found ? ELECTRA_OK : no_weights(files->folder, err);
}

/* "google/electra-small-discriminator" is a name on a hub, not a path: two words that letters, digits, "-", "_" and "."
 * make, the first of which is no folder. */
static const char *hub_advice(const char *path)
{
    const char *slash = strchr(path, '/');
    const size_t letters = strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./");
    char owner[PATH_MAX];
    if (!slash || slash == path || !slash[1] || strchr(slash + 1, '/') || path[0] == '.' || path[letters]) {
        return "";
    }
    (void)snprintf(owner, sizeof owner, "%.*s", (int)(slash - path), path);
    return el_is_folder(owner) ? ""
                               : ". Nothing is downloaded here: if this is a name on the Hugging Face hub, fetch its "
                                 "files (hf download NAME --local-dir FOLDER) and give the folder";
}

/* A path to something that is no folder. */
static electra_status open_file(el_weight_files *files, const char *path, electra_error *err)
{
    if (ends_with(path, ".index.json")) {
        return open_index(files, path, err);
    }
    if (!ends_with(path, ".index") && el_is_file(path)) {
        return open_single(files, path, err);
    }
    char *prefix = el_strdup(path);
    char *index = el_alloc(strlen(path) + sizeof ".index", 1);
    electra_status status = prefix && index ? ELECTRA_OK : el_fail_memory(err, path, strlen(path));
    if (status == ELECTRA_OK) {
        if (ends_with(prefix, ".index")) {
            prefix[strlen(prefix) - strlen(".index")] = '\0';
        }
        (void)sprintf(index, "%s.index", prefix);
        status = el_is_file(index) ? open_tf1(files, prefix, err)
                                   : el_fail(err, ELECTRA_INVALID, path,
                                             "%s is neither a folder, nor a file of weights, nor the prefix of a "
                                             "TensorFlow checkpoint%s",
                                             path, hub_advice(path));
    }
    el_free(prefix);
    el_free(index);
    return status;
}

electra_status el_weight_files_open(el_weight_files **out, const char *path, electra_error *err)
{
    *out = NULL;
    el_weight_files *files = el_alloc(1, sizeof *files);
    if (!files) {
        return el_fail_memory(err, path, sizeof *files);
    }
    const bool folder = el_is_folder(path);
    const char *slash = strrchr(path, '/');
    files->folder = folder || !slash || slash == path ? el_strdup(folder ? path : slash ? "/" : ".") : el_strdup(path);
    electra_status status = files->folder ? ELECTRA_OK : el_fail_memory(err, path, strlen(path));
    if (status == ELECTRA_OK) {
        if (!folder && slash && slash != path) {
            files->folder[slash - path] = '\0';
        }
        status = folder ? open_folder(files, err) : open_file(files, path, err);
    }
    if (status != ELECTRA_OK) {
        el_weight_files_close(files);
        return status;
    }
    *out = files;
    return ELECTRA_OK;
}

size_t el_weight_files_count(const el_weight_files *files)
{
    return files->n;
}

const el_array *el_weight_files_at(const el_weight_files *files, size_t i)
{
    return files->arrays[i];
}

const el_tf1 *el_weight_files_tf1(const el_weight_files *files)
{
    return files->tf1;
}

const char *el_weight_files_folder(const el_weight_files *files)
{
    return files->folder;
}
