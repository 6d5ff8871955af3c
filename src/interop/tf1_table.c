/* Owns the table format. Read from the bottom: the walk goes over the index, whose entries lead to blocks of entries.
 */
#include "interop/tf1_table.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/status.h"

enum {
    FOOTER_BYTES = 48,
    MAGIC_BYTES = 8,
    TRAILER_BYTES = 5, /* of a block: how it is compressed, and its checksum */
    COUNT_BYTES = 4    /* restart points, and their number at the end of a block */
};

/* The lower half first. */
static const unsigned char MAGIC[MAGIC_BYTES] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

typedef struct table {
    const unsigned char *data;
    size_t bytes; /* without the footer */
    el_tf1_entry_fn *entry;
    void *user;
    char last[EL_TF1_MOST_KEY]; /* the key before */
    size_t last_bytes;
    bool any;         /* whether there was one */
    size_t walked_to; /* end of the last block of entries */
    const char *where;
} table;

/* What a walk over one block gives its entries to. */
typedef electra_status block_entry_fn(table *t, const char *key, size_t key_bytes, const unsigned char *value,
                                      size_t value_bytes, electra_error *err);

static electra_status bad(const table *t, const char *problem, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, t->where, "%s is no sound index of a TensorFlow checkpoint: %s", t->where,
                   problem);
}

bool el_tf1_varint(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        const uint64_t byte = *(*at)++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        value |= (byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

static uint32_t number32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* Where a block lies: its content, without the trailer. */
typedef struct handle {
    size_t offset, bytes;
} handle;

static electra_status read_handle(const table *t, const unsigned char **at, const unsigned char *end, handle *out,
                                  electra_error *err)
{
    uint64_t offset;
    uint64_t bytes;
    if (!el_tf1_varint(at, end, &offset) || !el_tf1_varint(at, end, &bytes)) {
        return bad(t, "the place of a block cannot be read", err);
    }
    if (bytes > t->bytes || offset > t->bytes - bytes || t->bytes - bytes - offset < TRAILER_BYTES) {
        return bad(t, "a block lies beyond its end. It may be cut short", err);
    }
    *out = (handle){(size_t)offset, (size_t)bytes};
    return ELECTRA_OK;
}

/* Check a block's trailer and find where its entries end: restart points follow them, which only seeking needs. */
static electra_status open_block(const table *t, handle h, const unsigned char **at, const unsigned char **end,
                                 electra_error *err)
{
    const unsigned char *content = t->data + h.offset;
    if (el_crc32c_masked(content, h.bytes + 1) != number32(content + h.bytes + 1)) {
        return bad(t, "a block does not match its checksum; the file is damaged", err);
    }
    if (content[h.bytes] != 0) {
        return bad(t, "a block is compressed, which TensorFlow does not do to checkpoints", err);
    }
    const size_t restarts = h.bytes >= COUNT_BYTES ? number32(content + h.bytes - COUNT_BYTES) : 0;
    if (h.bytes < COUNT_BYTES || restarts > (h.bytes - COUNT_BYTES) / COUNT_BYTES) {
        return bad(t, "a block is shorter than its list of restart points", err);
    }
    *at = content;
    *end = content + h.bytes - COUNT_BYTES * (restarts + 1);
    return ELECTRA_OK;
}

/* Keys are put together in `key`, which begins empty in every block. */
static electra_status walk_block(table *t, handle h, block_entry_fn *entry, electra_error *err)
{
    const unsigned char *at = NULL;
    const unsigned char *end = NULL;
    char key[EL_TF1_MOST_KEY];
    size_t key_bytes = 0;
    EL_TRY(open_block(t, h, &at, &end, err));
    while (at < end) {
        uint64_t shared;
        uint64_t added;
        uint64_t value_bytes;
        if (!el_tf1_varint(&at, end, &shared) || !el_tf1_varint(&at, end, &added) ||
            !el_tf1_varint(&at, end, &value_bytes)) {
            return bad(t, "the lengths of an entry cannot be read", err);
        }
        const uint64_t rest = (uint64_t)(end - at);
        if (shared > key_bytes || added > rest || value_bytes > rest - added) {
            return bad(t, "an entry reaches beyond its block", err);
        }
        if (added > EL_TF1_MOST_KEY - shared) {
            return bad(t, "a key is longer than any name of a tensor", err);
        }
        memcpy(key + shared, at, (size_t)added);
        key_bytes = (size_t)(shared + added);
        EL_TRY(entry(t, key, key_bytes, at + added, (size_t)value_bytes, err));
        at += added + value_bytes;
    }
    return ELECTRA_OK;
}

static int compare_keys(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    const int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static electra_status give_entry(table *t, const char *key, size_t key_bytes, const unsigned char *value,
                                 size_t value_bytes, electra_error *err)
{
    if (t->any && compare_keys(key, key_bytes, t->last, t->last_bytes) <= 0) {
        return bad(t, "its keys do not rise, or one comes twice", err);
    }
    memcpy(t->last, key, key_bytes);
    t->last_bytes = key_bytes;
    t->any = true;
    return t->entry(t->user, key, key_bytes, value, value_bytes, err);
}

/* An entry of the index: its value says where a block lies. */
static electra_status follow(table *t, const char *key, size_t key_bytes, const unsigned char *value,
                             size_t value_bytes, electra_error *err)
{
    (void)key;
    (void)key_bytes;
    handle h = {0};
    const unsigned char *at = value;
    EL_TRY(read_handle(t, &at, value + value_bytes, &h, err));
    if (h.offset < t->walked_to) { /* also keeps a small file from making much work */
        return bad(t, "its blocks overlap, or are out of order", err);
    }
    t->walked_to = h.offset + h.bytes + TRAILER_BYTES;
    return walk_block(t, h, give_entry, err);
}

electra_status el_tf1_table_walk(const void *data, size_t bytes, el_tf1_entry_fn *entry, void *user, const char *where,
                                 electra_error *err)
{
    table t = {.data = data, .entry = entry, .user = user, .where = where};
    if (bytes < FOOTER_BYTES || memcmp(t.data + bytes - MAGIC_BYTES, MAGIC, MAGIC_BYTES) != 0) {
        return bad(&t, "it does not end as one. It may be cut short", err);
    }
    t.bytes = bytes - FOOTER_BYTES;
    const unsigned char *at = t.data + t.bytes;
    const unsigned char *end = t.data + bytes - MAGIC_BYTES;
    handle meta = {0};
    handle index = {0};
    EL_TRY(read_handle(&t, &at, end, &meta, err)); /* nothing of use is there */
    EL_TRY(read_handle(&t, &at, end, &index, err));
    return walk_block(&t, index, follow, err);
}
