/* The index of a TensorFlow 1 checkpoint, with a shard of zeros beside it. Random changes would all be caught by the
 * checksums of the blocks, so the mutator computes those anew. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "fuzz/arrays.h"
#include "interop/tf1_model.h"
#include "interop/tf1_table.h"

enum { SHARD_BYTES = 4268 /* of the checkpoint that the corpus begins with */ };

static void use_network(const el_tf1 *checkpoint, el_tf1_network network)
{
    const size_t room = el_tf1_count(checkpoint);
    el_named_array *list = el_alloc(room, sizeof *list);
    FUZZ_MUST_HOLD(list);
    size_t n = 0;
    electra_error err = {0};
    if (fuzz_accepted(el_tf1_list(list, &n, checkpoint, network, "input", NULL, &err), &err)) {
        FUZZ_MUST_HOLD(n <= room);
        el_named_arrays_sort(list, n);
        el_hf_config config = {0};
        (void)fuzz_accepted(el_tf1_deduce_config(&config, list, n, "input", NULL, &err), &err);
        el_hf_config_clear(&config);
    }
    el_free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const unsigned char ZEROS[SHARD_BYTES];
    const el_tf1_bytes index = {data, bytes}, shard = {ZEROS, sizeof ZEROS};
    el_tf1 *checkpoint = NULL;
    electra_error err = {0};
    if (fuzz_accepted(el_tf1_parse(&checkpoint, index, &shard, 1, "input", &err), &err)) {
        for (size_t i = 0; i < el_tf1_count(checkpoint); i++) {
            const el_array *t = el_tf1_at(checkpoint, i);
            FUZZ_MUST_HOLD(el_tf1_find(checkpoint, t->name) == t);
            FUZZ_MUST_HOLD(t->n == 0 || (t->data >= ZEROS && t->data + t->bytes <= ZEROS + SHARD_BYTES));
            (void)fuzz_accepted(el_tf1_verify(checkpoint, t, &err), &err);
            fuzz_use_array(t);
        }
        for (el_tf1_network network = EL_TF1_ANY; network <= EL_TF1_GENERATOR; network++) {
            use_network(checkpoint, network);
        }
    } else {
        FUZZ_MUST_HOLD(!checkpoint && strstr(err.message, "input"));
    }
    el_tf1_close(checkpoint);
    return 0;
}

/* ---- checksums -----------------------------------------------------------------------------------------------------
 */

enum { FOOTER_BYTES = 48, MAGIC_BYTES = 8, TRAILER_BYTES = 5, MOST_BLOCKS = 64 };

typedef struct block {
    size_t offset, bytes;
} block;

/* A block's place, if it lies within the file. */
static bool read_place(const unsigned char **at, const unsigned char *end, size_t file_bytes, block *out)
{
    uint64_t offset, bytes;
    if (!el_tf1_varint(at, end, &offset) || !el_tf1_varint(at, end, &bytes) || bytes > file_bytes ||
        offset > file_bytes - bytes || file_bytes - bytes - offset < TRAILER_BYTES) {
        return false;
    }
    *out = (block){(size_t)offset, (size_t)bytes};
    return true;
}

static void seal(uint8_t *data, block b)
{
    const uint32_t sum = el_crc32c_masked(data + b.offset, b.bytes + 1);
    for (size_t i = 0; i < 4; i++) {
        data[b.offset + b.bytes + 1 + i] = (uint8_t)(sum >> (8 * i));
    }
}

/* The blocks to which the entries of the index block lead (tf1_table.h), then that one itself. */
static void repair(uint8_t *data, size_t bytes)
{
    block meta, index, other;
    const size_t file_bytes = bytes < FOOTER_BYTES ? 0 : bytes - FOOTER_BYTES;
    const unsigned char *at = data + file_bytes, *end = data + bytes - MAGIC_BYTES;
    if (file_bytes == 0 || !read_place(&at, end, file_bytes, &meta) || !read_place(&at, end, file_bytes, &index)) {
        return;
    }
    at = data + index.offset;
    end = at + index.bytes;
    for (int i = 0; i < MOST_BLOCKS && at < end; i++) {
        uint64_t shared, added, value;
        if (!el_tf1_varint(&at, end, &shared) || !el_tf1_varint(&at, end, &added) || !el_tf1_varint(&at, end, &value) ||
            added > (size_t)(end - at)) {
            break;
        }
        at += added;
        if (!read_place(&at, end, file_bytes, &other)) {
            break;
        }
        seal(data, other);
    }
    seal(data, index);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    bytes = LLVMFuzzerMutate(data, bytes, most_bytes);
    if (seed % 8) {
        repair(data, bytes);
    }
    return bytes;
}
