/* Owns checkpoints of TensorFlow 1. First the index is walked and every entry kept as it stands there (a `variable`);
 * then the shards are known, and each entry is checked against its shard and becomes an array.
 *
 * Entries are protocol buffers of a dozen numbers. They are read here, by a loop over fields, rather than by a library
 * that would allocate what a hostile file asks for. */
#include "interop/tf1_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/tf1_table.h"

enum {
    MOST_VARIABLES = 1 << 17,
    MOST_SHARDS = 10000,
    MOST_NAMES = 16 << 20 /* bytes of all names */
};

typedef struct variable {
    el_array array; /* name is set when all names are there */
    size_t name_at;
    uint64_t shard, offset, bytes;
    uint32_t checksum;
} variable;

struct el_tf1 {
    char *where;
    el_map index; /* empty when the bytes belong to the caller */
    el_map *maps; /* [n_shards], likewise */
    el_tf1_bytes *shards;
    size_t n_shards;
    bool has_header;
    char *names;
    size_t names_used, names_room;
    variable *variables;
    size_t n, room;
};

void el_tf1_close(el_tf1 *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; c->maps && i < c->n_shards; i++) {
        el_map_close(&c->maps[i]);
    }
    el_free(c->maps);
    el_free(c->shards);
    el_map_close(&c->index);
    el_free(c->variables);
    el_free(c->names);
    el_free(c->where);
    el_free(c);
}

static electra_status bad(const el_tf1 *c, const char *problem, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, c->where, "%s is no sound TensorFlow checkpoint: %s", c->where, problem);
}

/* ---- protocol buffers -------------------------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct field {
    uint64_t number;
    unsigned wire;
    uint64_t value; /* of a varint or of 32 bits */
    const unsigned char *at;
    size_t bytes; /* of bytes */
} field;

/* The next field of a message; false at a damaged one. */
static bool next_field(const unsigned char **at, const unsigned char *end, field *out)
{
    uint64_t key;
    uint64_t length;
    if (!el_tf1_varint(at, end, &key)) {
        return false;
    }
    *out = (field){.number = key >> 3, .wire = (unsigned)(key & 7)};
    const size_t rest = (size_t)(end - *at);
    switch (out->wire) {
    case WIRE_VARINT: return el_tf1_varint(at, end, &out->value);
    case WIRE_64: *at += rest < 8 ? 0 : 8; return rest >= 8;
    case WIRE_32:
        if (rest < 4) {
            return false;
        }
        for (int i = 4; i-- > 0;) {
            out->value = out->value << 8 | (*at)[i];
        }
        *at += 4;
        return true;
    case WIRE_BYTES:
        if (!el_tf1_varint(at, end, &length) || length > (uint64_t)(end - *at)) {
            return false;
        }
        out->at = *at;
        out->bytes = (size_t)length;
        *at += length;
        return true;
    default: return false; /* groups are not used */
    }
}

static bool is_field(const field *f, uint64_t number, unsigned wire)
{
    return f->number == number && f->wire == wire;
}

/* ---- the index ----------------------------------------------------------------------------------------------------
 */

/* BundleHeaderProto: 1 number of shards, 2 byte order (0 little). */
static electra_status read_header(el_tf1 *c, const unsigned char *at, size_t bytes, electra_error *err)
{
    const unsigned char *end = at + bytes;
    uint64_t shards = 0;
    uint64_t big_endian = 0;
    field f;
    while (at < end) {
        if (!next_field(&at, end, &f)) {
            return bad(c, "its header is damaged", err);
        }
        shards = is_field(&f, 1, WIRE_VARINT) ? f.value : shards;
        big_endian = is_field(&f, 2, WIRE_VARINT) ? f.value : big_endian;
    }
    if (big_endian) {
        return bad(c, "its numbers are big-endian; save it on an ordinary machine", err);
    }
    if (shards < 1 || shards > MOST_SHARDS) {
        return bad(c, "it has no sensible number of files of data", err);
    }
    c->n_shards = (size_t)shards;
    c->has_header = true;
    return ELECTRA_OK;
}

/* TensorShapeProto: 2 dimensions (each: 1 size), 3 whether the rank is unknown. */
static bool read_shape(el_array *t, const unsigned char *at, size_t bytes)
{
    const unsigned char *end = at + bytes;
    field f;
    t->rank = 0;
    while (at < end) {
        if (!next_field(&at, end, &f) || (f.number == 3 && f.value != 0)) {
            return false;
        }
        if (!is_field(&f, 2, WIRE_BYTES)) {
            continue;
        }
        if (t->rank == EL_ARRAY_MOST_RANK) {
            return false;
        }
        const unsigned char *inner = f.at;
        const unsigned char *inner_end = f.at + f.bytes;
        uint64_t size = 0; /* numbers that are 0 are not written */
        while (inner < inner_end) {
            field part;
            if (!next_field(&inner, inner_end, &part)) {
                return false;
            }
            size = is_field(&part, 1, WIRE_VARINT) ? part.value : size;
        }
        if (size > INT64_MAX) {
            return false;
        }
        t->shape[t->rank++] = (size_t)size;
    }
    return true;
}

/* TensorFlow's numbers of types (tensorflow/core/framework/types.proto); false for those that are no numbers here. */
static bool find_dtype(uint64_t number, el_dtype *out)
{
    static const struct {
        uint64_t number;
        el_dtype dtype;
    } TYPES[] = {{1, EL_DTYPE_F32},  {2, EL_DTYPE_F64},  {3, EL_DTYPE_I32},   {4, EL_DTYPE_U8},    {5, EL_DTYPE_I16},
                 {6, EL_DTYPE_I8},   {9, EL_DTYPE_I64},  {10, EL_DTYPE_BOOL}, {14, EL_DTYPE_BF16}, {17, EL_DTYPE_U16},
                 {19, EL_DTYPE_F16}, {22, EL_DTYPE_U32}, {23, EL_DTYPE_U64}};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (TYPES[i].number == number) {
            *out = TYPES[i].dtype;
            return true;
        }
    }
    return false;
}

static electra_status bad_variable(const el_tf1 *c, const char *name, size_t bytes, const char *problem,
                                   electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, c->where, "%s: the variable \"%.*s\" %s", c->where,
                   bytes < 200 ? (int)bytes : 200, name, problem);
}

/* BundleEntryProto: 1 type, 2 shape, 3 shard, 4 offset, 5 size, 6 checksum, 7 slices. *known: it is one of our types.
 */
static electra_status read_variable(const el_tf1 *c, variable *v, bool *known, const char *name, size_t name_bytes,
                                    const unsigned char *at, size_t bytes, electra_error *err)
{
    const unsigned char *end = at + bytes;
    uint64_t type = 0;
    field f;
    *v = (variable){0};
    while (at < end) {
        if (!next_field(&at, end, &f) || (is_field(&f, 2, WIRE_BYTES) && !read_shape(&v->array, f.at, f.bytes))) {
            return bad_variable(c, name, name_bytes, "has a damaged description", err);
        }
        if (f.number == 7) {
            return bad_variable(c, name, name_bytes, "is stored in parts (a partitioned variable); save it whole", err);
        }
        type = is_field(&f, 1, WIRE_VARINT) ? f.value : type;
        v->shard = is_field(&f, 3, WIRE_VARINT) ? f.value : v->shard;
        v->offset = is_field(&f, 4, WIRE_VARINT) ? f.value : v->offset;
        v->bytes = is_field(&f, 5, WIRE_VARINT) ? f.value : v->bytes;
        v->checksum = is_field(&f, 6, WIRE_32) ? (uint32_t)f.value : v->checksum;
    }
    *known = find_dtype(type, &v->array.dtype);
    return ELECTRA_OK;
}

static bool is_printable(const char *name, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (name[i] < ' ' || name[i] > '~') {
            return false;
        }
    }
    return true;
}

static electra_status grow(void *block, size_t *room, size_t wanted, size_t most, size_t size, const el_tf1 *c,
                           electra_error *err)
{
    if (wanted <= *room) {
        return ELECTRA_OK;
    }
    if (wanted > most) {
        return bad(c, "it has more variables than any model", err);
    }
    const size_t more = 2 * wanted;
    void *old = NULL;
    memcpy(&old, block, sizeof old);
    void *grown = el_realloc(old, *room, more, size);
    if (!grown) {
        return el_fail_memory(err, c->where, more * size);
    }
    memcpy(block, &grown, sizeof grown);
    *room = more;
    return ELECTRA_OK;
}

static electra_status add_entry(void *user, const char *key, size_t key_bytes, const unsigned char *value,
                                size_t value_bytes, electra_error *err)
{
    el_tf1 *c = user;
    if (key_bytes == 0) { /* the first key, as keys rise */
        return read_header(c, value, value_bytes, err);
    }
    if (!is_printable(key, key_bytes)) {
        return bad(c, "a variable has no proper name", err);
    }
    variable v;
    bool known = false;
    EL_TRY(read_variable(c, &v, &known, key, key_bytes, value, value_bytes, err));
    if (!known) {
        return ELECTRA_OK;
    }
    EL_TRY(grow(&c->variables, &c->room, c->n + 1, MOST_VARIABLES, sizeof *c->variables, c, err));
    EL_TRY(grow(&c->names, &c->names_room, c->names_used + key_bytes + 1, MOST_NAMES, 1, c, err));
    v.name_at = c->names_used;
    memcpy(c->names + c->names_used, key, key_bytes);
    c->names[c->names_used + key_bytes] = '\0';
    c->names_used += key_bytes + 1;
    c->variables[c->n++] = v;
    return ELECTRA_OK;
}

/* ---- the data ---------------------------------------------------------------------------------------------------- */

static electra_status place(const el_tf1 *c, variable *v, electra_error *err)
{
    el_array *t = &v->array;
    t->name = c->names + v->name_at;
    t->file = c->where;
    const size_t length = strlen(t->name);
    if (!el_array_measure(t->dtype, t->shape, t->rank, &t->n, &t->bytes) || t->bytes != v->bytes) {
        return bad_variable(c, t->name, length, "has not as many bytes as its shape needs", err);
    }
    if (v->shard >= c->n_shards) {
        return bad_variable(c, t->name, length, "lies in a file of data that there is not", err);
    }
    const el_tf1_bytes shard = c->shards[v->shard];
    if (v->bytes > shard.bytes || v->offset > shard.bytes - v->bytes) {
        return bad_variable(c, t->name, length, "lies beyond the end of its file of data, which may be cut short", err);
    }
    t->data = (const unsigned char *)shard.data + v->offset;
    t->mapped = c->maps != NULL;
    return ELECTRA_OK;
}

static electra_status read_index(el_tf1 *c, el_tf1_bytes index, electra_error *err)
{
    EL_TRY(el_tf1_table_walk(index.data, index.bytes, add_entry, c, c->where, err));
    if (!c->has_header) {
        return bad(c, "it has no header", err);
    }
    c->shards = el_alloc(c->n_shards, sizeof *c->shards);
    return c->shards ? ELECTRA_OK : el_fail_memory(err, c->where, c->n_shards * sizeof *c->shards);
}

static electra_status place_all(el_tf1 *c, electra_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        EL_TRY(place(c, &c->variables[i], err));
    }
    return ELECTRA_OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static electra_status new_reader(el_tf1 **out, const char *where, electra_error *err)
{
    el_tf1 *c = el_alloc(1, sizeof *c);
    if (c) {
        c->where = el_strdup(where);
    }
    if (!c || !c->where) {
        el_tf1_close(c);
        return el_fail_memory(err, where, sizeof *c);
    }
    *out = c;
    return ELECTRA_OK;
}

static electra_status finish(el_tf1 **out, el_tf1 *c, electra_status status)
{
    if (status != ELECTRA_OK) {
        el_tf1_close(c);
        return status;
    }
    *out = c;
    return ELECTRA_OK;
}

static electra_status read_memory(el_tf1 *c, el_tf1_bytes index, const el_tf1_bytes *shards, size_t n_shards,
                                  electra_error *err)
{
    EL_TRY(read_index(c, index, err));
    if (c->n_shards != n_shards) {
        return bad(c, "it has another number of files of data than its header says", err);
    }
    memcpy(c->shards, shards, n_shards * sizeof *shards);
    return place_all(c, err);
}

electra_status el_tf1_parse(el_tf1 **out, el_tf1_bytes index, const el_tf1_bytes *shards, size_t n_shards,
                            const char *where, electra_error *err)
{
    *out = NULL;
    el_tf1 *c = NULL;
    EL_TRY(new_reader(&c, where, err));
    return finish(out, c, read_memory(c, index, shards, n_shards, err));
}

static electra_status map_shards(el_tf1 *c, const char *prefix, char *path, size_t room, electra_error *err)
{
    c->maps = el_alloc(c->n_shards, sizeof *c->maps);
    if (!c->maps) {
        return el_fail_memory(err, c->where, c->n_shards * sizeof *c->maps);
    }
    for (size_t i = 0; i < c->n_shards; i++) {
        (void)snprintf(path, room, "%s.data-%05zu-of-%05zu", prefix, i, c->n_shards);
        EL_TRY(el_map_open(&c->maps[i], path, err));
        c->shards[i] = (el_tf1_bytes){c->maps[i].data, c->maps[i].size};
    }
    return place_all(c, err);
}

electra_status el_tf1_open(el_tf1 **out, const char *prefix, electra_error *err)
{
    *out = NULL;
    const size_t room = strlen(prefix) + sizeof ".data-00000-of-00000" + 32;
    char *path = el_alloc(room, 1);
    el_tf1 *c = NULL;
    electra_status status = path ? ELECTRA_OK : el_fail_memory(err, prefix, room);
    if (status == ELECTRA_OK) {
        (void)snprintf(path, room, "%s.index", prefix);
        status = new_reader(&c, path, err);
    }
    if (status == ELECTRA_OK) {
        status = el_map_open(&c->index, path, err);
    }
    if (status == ELECTRA_OK) {
        status = read_index(c, (el_tf1_bytes){c->index.data, c->index.size}, err);
    }
    if (status == ELECTRA_OK) {
        status = map_shards(c, prefix, path, room, err);
    }
    el_free(path);
    return finish(out, c, status);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

size_t el_tf1_count(const el_tf1 *c)
{
    return c->n;
}

const el_array *el_tf1_at(const el_tf1 *c, size_t i)
{
    return &c->variables[i].array;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const variable *)a)->array.name, ((const variable *)b)->array.name);
}

const el_array *el_tf1_find(const el_tf1 *c, const char *name)
{
    const variable key = {.array = {.name = name}};
    const variable *found = c->n ? bsearch(&key, c->variables, c->n, sizeof *c->variables, by_name) : NULL;
    return found ? &found->array : NULL;
}

electra_status el_tf1_verify(const el_tf1 *c, const el_array *array, electra_error *err)
{
    const variable *v = (const variable *)(const void *)((const char *)array - offsetof(variable, array));
    if (el_crc32c_masked(array->data, array->bytes) != v->checksum) {
        return bad_variable(c, array->name, strlen(array->name), "does not match its checksum; the data are damaged",
                            err);
    }
    return ELECTRA_OK;
}
