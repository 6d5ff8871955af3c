/* Examples on the disk: a file that is written once, mapped for reading and checked before use.
 *
 * All numbers are little-endian.
 *
 *     0  "ELSHARD\n"
 *     8  u32 version (1)             12  u32 bytes of a token, W: 2 or 4
 *    16  u64 examples, n             24  u64 tokens, t
 *    32  u64 hash of the vocabulary  40  u32 size of the vocabulary
 *    44  u32 max_length
 *    48  u64 hash of the index
 *    56  u64 hash of the 56 bytes before: names the whole content, since it covers the index, which covers the blocks
 *    64  index: u64 begins[n + 1]    first token of each example, the last entry is t
 *               u64 sums[blocks]     hash of each block of 64 KiB of tokens (the last one may be shorter)
 *               u16 firsts[n]        tokens of the first segment, padded with zeros to a multiple of 8 bytes
 *         tokens, t * W bytes, up to the end of the file
 *
 * Hashes are XXH3 of 64 bits. Tokens are those of the text: [CLS] and [SEP] are not stored. */
#ifndef EL_DATA_SHARD_H
#define EL_DATA_SHARD_H

#include <electra/types.h>
#include <stdatomic.h>

#include "base/io.h"

enum { EL_SHARD_HEADER_BYTES = 64, EL_SHARD_BLOCK_BYTES = 64 << 10 };

typedef struct el_shard_about {
    uint64_t n_examples;
    uint64_t n_tokens;
    uint64_t vocabulary_hash;
    uint32_t vocabulary_size;
    uint32_t max_length;  /* tokens of an example with [CLS] and [SEP] */
    uint32_t token_bytes; /* 2 or 4 */
    uint64_t hash;        /* of the header */
    uint64_t bytes;       /* of the file */
} el_shard_about;

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Gathers examples in memory and writes them to a file when told to; used again for the next file. */
typedef struct el_shard_writer el_shard_writer;

/* about: the vocabulary's hash and size, max_length and token_bytes are read. */
electra_status el_shard_writer_create(el_shard_writer **out, const el_shard_about *about, electra_error *err);
void el_shard_writer_free(el_shard_writer *w); /* accepts NULL */

/* Add an example: ids: [n], of which the first `first` are segment A; 0 < first <= n, n fits max_length with the
 * special tokens. */
electra_status el_shard_writer_add(el_shard_writer *w, const uint32_t *ids, size_t n, size_t first, electra_error *err);

uint64_t el_shard_writer_bytes(const el_shard_writer *w); /* of tokens gathered */
uint64_t el_shard_writer_examples(const el_shard_writer *w);

/* Write the file, atomically, and forget the examples. *about gets what was written. */
electra_status el_shard_writer_save(el_shard_writer *w, const char *path, el_shard_about *about, electra_error *err);

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef struct el_shard {
    el_map map;
    char *path;
    el_shard_about about;
    const unsigned char *begins, *sums, *firsts, *tokens;
    size_t n_blocks;
    atomic_uchar *checked; /* [n_blocks] 1 once a block has been found to have its hash */
} el_shard;

/* Maps a file and checks its header, its size and its index. Cleared with el_shard_close, also after a failure. */
electra_status el_shard_open(el_shard *out, const char *path, electra_error *err);
void el_shard_close(el_shard *shard); /* accepts a zeroed one */

/* Example i < n_examples: *n tokens, *first of them in segment A, without special tokens. ids has room for
 * max_length. Blocks that are used for the first time are checked against their hashes; every offset and id is
 * checked. Any number of threads. */
electra_status el_shard_example(const el_shard *shard, uint64_t i, uint32_t *ids, size_t *n, size_t *first,
                                electra_error *err);

#endif
