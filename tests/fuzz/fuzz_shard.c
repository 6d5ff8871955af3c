/* A shard of a data folder: every example of what is accepted is within the file. Random changes would all be caught by
 * the checksums, so the mutator computes those anew. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "data/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    el_shard shard;
    electra_error err = {0};
    if (fuzz_accepted(el_shard_open(&shard, fuzz_file(data, bytes), &err), &err)) {
        /* an example is no longer than max_length, nor than the file */
        const size_t room = shard.about.max_length < bytes ? shard.about.max_length : bytes;
        uint32_t *ids = el_alloc(room, sizeof *ids);
        FUZZ_MUST_HOLD(ids);
        for (uint64_t i = 0; i < shard.about.n_examples; i++) {
            size_t n = 0, first = 0;
            if (fuzz_accepted(el_shard_example(&shard, i, ids, &n, &first, &err), &err)) {
                FUZZ_MUST_HOLD(first > 0 && first <= n && n < shard.about.max_length);
                for (size_t t = 0; t < n; t++) {
                    FUZZ_MUST_HOLD(ids[t] < shard.about.vocabulary_size);
                }
            }
        }
        el_free(ids);
    }
    el_shard_close(&shard);
    return 0;
}

static uint64_t load(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* The hashes of the blocks, of the index, of the header, as far as the file says where they are (shard.h). */
static void repair(uint8_t *data, size_t bytes)
{
    if (bytes < EL_SHARD_HEADER_BYTES) {
        return;
    }
    uint32_t width;
    memcpy(&width, data + 12, sizeof width);
    const uint64_t examples = load(data + 16), tokens = load(data + 24);
    if (examples > bytes || tokens > bytes || width > 4) {
        return;
    }
    const size_t token_bytes = (size_t)tokens * width;
    const size_t blocks = (token_bytes + EL_SHARD_BLOCK_BYTES - 1) / EL_SHARD_BLOCK_BYTES;
    const size_t sums = EL_SHARD_HEADER_BYTES + ((size_t)examples + 1) * 8;
    const size_t begin = sums + blocks * 8 + ((size_t)examples * 2 + 7) / 8 * 8;
    if (begin + token_bytes > bytes) {
        return;
    }
    for (size_t b = 0; b < blocks; b++) {
        const size_t at = b * EL_SHARD_BLOCK_BYTES;
        const size_t size = token_bytes - at < EL_SHARD_BLOCK_BYTES ? token_bytes - at : EL_SHARD_BLOCK_BYTES;
        const uint64_t sum = el_hash64(data + begin + at, size);
        memcpy(data + sums + b * 8, &sum, sizeof sum);
    }
    uint64_t hash = el_hash64(data + EL_SHARD_HEADER_BYTES, begin - EL_SHARD_HEADER_BYTES);
    memcpy(data + 48, &hash, sizeof hash);
    hash = el_hash64(data, 56);
    memcpy(data + 56, &hash, sizeof hash);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    bytes = LLVMFuzzerMutate(data, bytes, most_bytes);
    if (seed % 8) {
        repair(data, bytes);
    }
    return bytes;
}
