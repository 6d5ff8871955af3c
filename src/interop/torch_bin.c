/* Owns files of PyTorch: where their storages lie, and which tensors are made of them. Both forms end in the same
 * table of storages by key; only then are tensors listed. */
#include "interop/torch_bin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/pickle.h"
#include "interop/zip.h"

enum { MOST_NAME_BYTES = 4096, MOST_KEY_BYTES = 64, LEGACY_VERSION = 1001 };

/* One block of numbers in the file. */
typedef struct storage {
    el_pickle_bytes key;
    el_dtype dtype;
    size_t elements;
    const unsigned char *data; /* NULL until it is found */
} storage;

struct el_torch_bin {
    el_map map; /* empty when the bytes belong to the caller */
    char *where;
    const unsigned char *data;
    size_t bytes;
    el_pickle *pickle;
    storage *storages; /* by key */
    size_t n_storages;
    char *names; /* of the tensors, each ended by a NUL */
    el_array *tensors;
    size_t n;
};

void el_torch_bin_close(el_torch_bin *file)
{
    if (!file) {
        return;
    }
    el_free(file->tensors);
    el_free(file->names);
    el_free(file->storages);
    el_pickle_free(file->pickle);
    el_free(file->where);
    el_map_close(&file->map);
    el_free(file);
}

static electra_status bad(const el_torch_bin *file, const char *problem, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, file->where, "%s is no sound file of PyTorch: %s", file->where, problem);
}

/* ---- storages ---------------------------------------------------------------------------------------------------- */

static int compare_keys(el_pickle_bytes a, el_pickle_bytes b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int order = n ? memcmp(a.at, b.at, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys(((const storage *)a)->key, ((const storage *)b)->key);
}

static storage *find_storage(const el_torch_bin *file, el_pickle_bytes key)
{
    const storage wanted = {.key = key};
    return file->n_storages ? bsearch(&wanted, file->storages, file->n_storages, sizeof *file->storages, by_key) : NULL;
}

/* All storages that the pickle mentions, each once; two mentions of one must agree. */
static electra_status list_storages(el_torch_bin *file, electra_error *err)
{
    size_t n = 0;
    for (const el_pickle_value *s = el_pickle_last_storage(file->pickle); s; s = s->is.storage.before) {
        n++;
    }
    file->storages = el_alloc(n, sizeof *file->storages);
    if (!file->storages) {
        return el_fail_memory(err, file->where, n * sizeof *file->storages);
    }
    size_t i = 0;
    for (const el_pickle_value *s = el_pickle_last_storage(file->pickle); s; s = s->is.storage.before) {
        file->storages[i++] = (storage){s->is.storage.key, s->is.storage.dtype, s->is.storage.elements, NULL};
    }
    qsort(file->storages, n, sizeof *file->storages, by_key);
    for (i = 0; i < n; i++) {
        const storage *s = &file->storages[i];
        if (s->key.n == 0 || s->key.n > MOST_KEY_BYTES || memchr(s->key.at, '\0', s->key.n)) {
            return bad(file, "a storage has no proper key", err);
        }
        const storage *last = file->n_storages ? &file->storages[file->n_storages - 1] : NULL;
        if (!last || compare_keys(last->key, s->key) != 0) {
            file->storages[file->n_storages++] = *s;
        } else if (last->dtype != s->dtype || last->elements != s->elements) {
            return bad(file, "one storage is described in two ways", err);
        }
    }
    return ELECTRA_OK;
}

/* The bytes that a storage has by its description; false if no file could hold them. */
static bool storage_bytes(const storage *s, size_t *bytes)
{
    return !el_mul_overflows(s->elements, el_dtype_bits(s->dtype) / 8, bytes);
}

/* ---- the zip form ------------------------------------------------------------------------------------------------ */

/* The folder of the archive that holds data.pkl, with its slash: [0, *bytes) of the returned name. */
static electra_status find_root(const el_torch_bin *file, const el_zip *zip, const el_zip_member **pickle,
                                size_t *root_bytes, electra_error *err)
{
    static const char PICKLE[] = "/data.pkl";
    *pickle = NULL;
    for (size_t i = 0; i < el_zip_count(zip); i++) {
        const el_zip_member *m = el_zip_at(zip, i);
        const size_t length = strlen(m->name);
        if (length >= sizeof PICKLE - 1 && strcmp(m->name + length - (sizeof PICKLE - 1), PICKLE) == 0) {
            if (*pickle) {
                return bad(file, "the archive holds several data.pkl", err);
            }
            *pickle = m;
            *root_bytes = length - (sizeof PICKLE - 2);
        }
    }
    return *pickle ? ELECTRA_OK : bad(file, "the archive holds no data.pkl", err);
}

/* A member beside data.pkl, or NULL. room: for its name. */
static const el_zip_member *beside(const el_zip *zip, const char *root, size_t root_bytes, const char *folder,
                                   el_pickle_bytes name, char *room)
{
    memcpy(room, root, root_bytes);
    (void)sprintf(room + root_bytes, "%s%.*s", folder, (int)name.n, name.at);
    return el_zip_find(zip, room);
}

static electra_status place_zip_storages(el_torch_bin *file, const el_zip *zip, const char *root, size_t root_bytes,
                                         char *room, electra_error *err)
{
    static const char ORDER_NAME[] = "byteorder";
    const el_zip_member *order =
        beside(zip, root, root_bytes, "", (el_pickle_bytes){ORDER_NAME, sizeof ORDER_NAME - 1}, room);
    if (order && (order->bytes < 6 || memcmp(order->data, "little", 6) != 0)) {
        return bad(file, "its numbers are big-endian; save it on an ordinary machine", err);
    }
    for (size_t i = 0; i < file->n_storages; i++) {
        storage *s = &file->storages[i];
        const el_zip_member *m = beside(zip, root, root_bytes, "data/", s->key, room);
        size_t bytes;
        if (!m) {
            return bad(file, "the archive lacks one of its storages", err);
        }
        if (!storage_bytes(s, &bytes) || m->bytes != bytes) {
            return el_fail(err, ELECTRA_INVALID, file->where,
                           "%s: the storage \"%.*s\" has %zu bytes; %zu elements of %s were announced", file->where,
                           (int)s->key.n, s->key.at, m->bytes, s->elements, el_dtype_name(s->dtype));
        }
        s->data = m->data;
    }
    return ELECTRA_OK;
}

static electra_status read_zip_members(el_torch_bin *file, const el_zip *zip, electra_error *err)
{
    const el_zip_member *pickle = NULL;
    size_t root_bytes = 0;
    EL_TRY(find_root(file, zip, &pickle, &root_bytes, err));
    EL_TRY(el_pickle_read(&file->pickle, pickle->data, pickle->bytes, NULL, file->where, err));
    EL_TRY(list_storages(file, err));
    char *room = el_alloc(root_bytes + MOST_KEY_BYTES + sizeof "data/", 1);
    if (!room) {
        return el_fail_memory(err, file->where, root_bytes);
    }
    const electra_status status = place_zip_storages(file, zip, pickle->name, root_bytes, room, err);
    el_free(room);
    return status;
}

static electra_status read_zip(el_torch_bin *file, electra_error *err)
{
    el_zip *zip = NULL;
    EL_TRY(el_zip_parse(&zip, file->data, file->bytes, file->where, err));
    const electra_status status = read_zip_members(file, zip, err);
    el_zip_close(zip);
    return status;
}

/* ---- the form before --------------------------------------------------------------------------------------------- */

/* The next pickle of the file. */
static electra_status next_pickle(const el_torch_bin *file, size_t *at, el_pickle **out, electra_error *err)
{
    size_t used = 0;
    EL_TRY(el_pickle_read(out, file->data + *at, file->bytes - *at, &used, file->where, err));
    *at += used;
    return ELECTRA_OK;
}

/* Three small pickles: a number that marks the format, its version, and what the machine was like. */
static electra_status read_preamble(const el_torch_bin *file, size_t *at, electra_error *err)
{
    static const unsigned char MAGIC[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    bool sound[3] = {false, false, false};
    bool big_endian = false;
    for (int i = 0; i < 3; i++) {
        el_pickle *pickle = NULL;
        EL_TRY(next_pickle(file, at, &pickle, err));
        const el_pickle_value *top = el_pickle_top(pickle);
        const el_pickle_value *little = el_pickle_member(top, "little_endian");
        sound[i] = (i == 0 && top->kind == EL_PICKLE_BIG && top->is.bytes.n == sizeof MAGIC &&
                    memcmp(top->is.bytes.at, MAGIC, sizeof MAGIC) == 0) ||
                   (i == 1 && top->kind == EL_PICKLE_INT && top->is.whole == LEGACY_VERSION) ||
                   (i == 2 && little && little->kind == EL_PICKLE_BOOL);
        big_endian = little && little->kind == EL_PICKLE_BOOL && !little->is.whole;
        el_pickle_free(pickle);
        if (!sound[i]) {
            return bad(file, "it does not begin as one", err);
        }
    }
    return big_endian ? bad(file, "its numbers are big-endian; save it on an ordinary machine", err) : ELECTRA_OK;
}

/* In the order of `keys`: a count of elements in 8 bytes, then the elements. */
static electra_status place_legacy_storages(el_torch_bin *file, const el_pickle_value *keys, size_t at,
                                            electra_error *err)
{
    if (keys->kind != EL_PICKLE_LIST || keys->is.items.n != file->n_storages) {
        return bad(file, "the list of its storages does not match those that are used", err);
    }
    for (size_t i = 0; i < keys->is.items.n; i++) {
        const el_pickle_value *key = keys->is.items.at[i];
        storage *s = key->kind == EL_PICKLE_TEXT ? find_storage(file, key->is.bytes) : NULL;
        size_t bytes;
        uint64_t count;
        if (!s || s->data) {
            return bad(file, "the list of its storages does not match those that are used", err);
        }
        if (file->bytes - at < sizeof count) {
            return bad(file, "it is cut short", err);
        }
        memcpy(&count, file->data + at, sizeof count);
        at += sizeof count;
        if (count != s->elements) {
            return el_fail(err, ELECTRA_INVALID, file->where,
                           "%s: the storage \"%.*s\" has %llu elements; %zu were announced", file->where, (int)s->key.n,
                           s->key.at, (unsigned long long)count, s->elements);
        }
        if (!storage_bytes(s, &bytes) || bytes > file->bytes - at) {
            return bad(file, "it is cut short", err);
        }
        s->data = file->data + at;
        at += bytes;
    }
    return at == file->bytes ? ELECTRA_OK : bad(file, "something follows its last storage", err);
}

static electra_status read_legacy(el_torch_bin *file, electra_error *err)
{
    size_t at = 0;
    EL_TRY(read_preamble(file, &at, err));
    EL_TRY(next_pickle(file, &at, &file->pickle, err));
    EL_TRY(list_storages(file, err));
    el_pickle *keys = NULL;
    EL_TRY(next_pickle(file, &at, &keys, err));
    const electra_status status = place_legacy_storages(file, el_pickle_top(keys), at, err);
    el_pickle_free(keys);
    return status;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* The dict of weights itself, or the one in a training program's dict. */
static const el_pickle_value *find_state(const el_torch_bin *file)
{
    static const char *const WRAPPERS[] = {"state_dict", "model_state_dict", "model"};
    const el_pickle_value *top = el_pickle_top(file->pickle);
    for (size_t i = 0; i < sizeof WRAPPERS / sizeof *WRAPPERS; i++) {
        const el_pickle_value *inner = el_pickle_member(top, WRAPPERS[i]);
        if (inner && inner->kind == EL_PICKLE_DICT) {
            return inner;
        }
    }
    return top;
}

static bool is_name(const el_pickle_value *key)
{
    if (key->kind != EL_PICKLE_TEXT || key->is.bytes.n == 0 || key->is.bytes.n > MOST_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < key->is.bytes.n; i++) {
        if (key->is.bytes.at[i] < ' ' || key->is.bytes.at[i] > '~') {
            return false;
        }
    }
    return true;
}

static electra_status add_tensor(el_torch_bin *file, char **name, const el_pickle_value *key, const el_pickle_tensor *t,
                                 electra_error *err)
{
    if (!is_name(key)) {
        return bad(file, "a tensor has no proper name", err);
    }
    const storage *s = find_storage(file, t->storage->is.storage.key);
    const size_t width = el_dtype_bits(s->dtype) / 8;
    el_array *array = &file->tensors[file->n++];
    *array = (el_array){.name = *name,
                        .file = file->where,
                        .dtype = s->dtype,
                        .rank = t->rank,
                        .n = t->n,
                        .bytes = t->n * width,
                        .data = s->data + t->offset * width,
                        .mapped = file->map.size > 0};
    memcpy(array->shape, t->shape, t->rank * sizeof *t->shape);
    el_array_set_strides(array, t->strides);
    memcpy(*name, key->is.bytes.at, key->is.bytes.n);
    *name += key->is.bytes.n + 1;
    return ELECTRA_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_array *)a)->name, ((const el_array *)b)->name);
}

static electra_status list_tensors(el_torch_bin *file, electra_error *err)
{
    const el_pickle_value *state = find_state(file);
    if (state->kind != EL_PICKLE_DICT) {
        return bad(file, "it holds no dict of tensors", err);
    }
    const el_pickle_items *items = &state->is.items;
    size_t n = 0;
    size_t name_bytes = 0;
    for (size_t i = 0; i < items->n; i += 2) {
        const bool wanted = items->at[i + 1]->kind == EL_PICKLE_TENSOR;
        n += wanted;
        name_bytes += wanted && items->at[i]->kind == EL_PICKLE_TEXT ? items->at[i]->is.bytes.n + 1 : 0;
    }
    if (n == 0) {
        return bad(file, "it holds no dict of tensors", err);
    }
    file->tensors = el_alloc(n, sizeof *file->tensors);
    file->names = el_alloc(name_bytes, 1);
    if (!file->tensors || !file->names) {
        return el_fail_memory(err, file->where, n * sizeof *file->tensors + name_bytes);
    }
    char *name = file->names;
    for (size_t i = 0; i < items->n; i += 2) {
        if (items->at[i + 1]->kind == EL_PICKLE_TENSOR) {
            EL_TRY(add_tensor(file, &name, items->at[i], &items->at[i + 1]->is.tensor, err));
        }
    }
    qsort(file->tensors, n, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < n; i++) {
        if (by_name(&file->tensors[i], &file->tensors[i - 1]) == 0) {
            return el_fail(err, ELECTRA_INVALID, file->where, "%s holds the tensor \"%.200s\" twice", file->where,
                           file->tensors[i].name);
        }
    }
    return ELECTRA_OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static electra_status read_all(el_torch_bin *file, const unsigned char *data, size_t bytes, electra_error *err)
{
    file->data = data;
    file->bytes = bytes;
    if (el_zip_is(data, bytes)) {
        EL_TRY(read_zip(file, err));
    } else if (bytes > 0 && data[0] == 0x80) {
        EL_TRY(read_legacy(file, err));
    } else {
        return bad(file, "it begins neither as an archive nor as a pickle", err);
    }
    return list_tensors(file, err);
}

static electra_status new_reader(el_torch_bin **out, const char *where, electra_error *err)
{
    el_torch_bin *file = el_alloc(1, sizeof *file);
    if (file) {
        file->where = el_strdup(where);
    }
    if (!file || !file->where) {
        el_torch_bin_close(file);
        return el_fail_memory(err, where, sizeof *file);
    }
    *out = file;
    return ELECTRA_OK;
}

static electra_status finish(el_torch_bin **out, el_torch_bin *file, electra_status status)
{
    if (status != ELECTRA_OK) {
        el_torch_bin_close(file);
        return status;
    }
    *out = file;
    return ELECTRA_OK;
}

electra_status el_torch_bin_parse(el_torch_bin **out, const void *data, size_t bytes, const char *where,
                                  electra_error *err)
{
    *out = NULL;
    el_torch_bin *file = NULL;
    EL_TRY(new_reader(&file, where, err));
    return finish(out, file, read_all(file, data, bytes, err));
}

electra_status el_torch_bin_open(el_torch_bin **out, const char *path, electra_error *err)
{
    *out = NULL;
    el_torch_bin *file = NULL;
    EL_TRY(new_reader(&file, path, err));
    electra_status status = el_map_open(&file->map, path, err);
    if (status == ELECTRA_OK) {
        status = read_all(file, file->map.data, file->map.size, err);
    }
    return finish(out, file, status);
}

size_t el_torch_bin_count(const el_torch_bin *file)
{
    return file->n;
}

const el_array *el_torch_bin_at(const el_torch_bin *file, size_t i)
{
    return &file->tensors[i];
}
