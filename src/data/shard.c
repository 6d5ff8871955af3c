/* Owns the bytes of a shard. The layout stands in shard.h. */
#include "data/shard.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

static const char MAGIC[8] = "ELSHARD\n";
enum { VERSION = 1, HASHED_HEADER_BYTES = EL_SHARD_HEADER_BYTES - 8 };

static uint16_t load16(const unsigned char *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return le16toh(x);
}

static uint32_t load32(const unsigned char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return le32toh(x);
}

static uint64_t load64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return le64toh(x);
}

static void store16(unsigned char *p, uint16_t x)
{
    x = htole16(x);
    memcpy(p, &x, sizeof x);
}

static void store32(unsigned char *p, uint32_t x)
{
    x = htole32(x);
    memcpy(p, &x, sizeof x);
}

static void store64(unsigned char *p, uint64_t x)
{
    x = htole64(x);
    memcpy(p, &x, sizeof x);
}

/* Bytes of the parts of a file; false if they overflow. */
typedef struct shard_sizes {
    size_t tokens, blocks, begins, sums, firsts, index, file;
} shard_sizes;

static bool size_parts(const el_shard_about *about, shard_sizes *out)
{
    size_t n_begins;
    size_t firsts;
    if (about->n_examples > SIZE_MAX / 2 || about->n_tokens > SIZE_MAX / 2 ||
        el_mul_overflows((size_t)about->n_tokens, about->token_bytes, &out->tokens) ||
        el_add_overflows((size_t)about->n_examples, 1, &n_begins) || el_mul_overflows(n_begins, 8, &out->begins) ||
        el_mul_overflows((size_t)about->n_examples, 2, &firsts) || el_add_overflows(firsts, 7, &firsts)) {
        return false;
    }
    out->blocks = out->tokens / EL_SHARD_BLOCK_BYTES + (out->tokens % EL_SHARD_BLOCK_BYTES != 0);
    out->sums = out->blocks * 8;
    out->firsts = firsts & ~(size_t)7;
    return !el_add_overflows(out->begins, out->sums, &out->index) &&
           !el_add_overflows(out->index, out->firsts, &out->index) &&
           !el_add_overflows(out->index, out->tokens, &out->file) &&
           !el_add_overflows(out->file, EL_SHARD_HEADER_BYTES, &out->file);
}

static size_t block_bytes(size_t all, size_t block)
{
    const size_t rest = all - block * EL_SHARD_BLOCK_BYTES;
    return rest < EL_SHARD_BLOCK_BYTES ? rest : EL_SHARD_BLOCK_BYTES;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct el_shard_writer {
    el_shard_about about;
    unsigned char *tokens; /* as on the disk */
    size_t token_room;     /* tokens that fit */
    unsigned char *begins; /* u64 [example_room] as on the disk, without the last entry */
    unsigned char *firsts; /* u16 [example_room] */
    size_t example_room;
};

electra_status el_shard_writer_create(el_shard_writer **out, const el_shard_about *about, electra_error *err)
{
    assert(about->token_bytes == 4 || (about->token_bytes == 2 && about->vocabulary_size <= 65536));
    el_shard_writer *w = el_alloc(1, sizeof *w);
    *out = w;
    if (!w) {
        return el_fail_memory(err, "the writer of shards", sizeof *w);
    }
    w->about = *about;
    w->about.n_examples = 0;
    w->about.n_tokens = 0;
    return ELECTRA_OK;
}

void el_shard_writer_free(el_shard_writer *w)
{
    if (w) {
        el_free(w->tokens);
        el_free(w->begins);
        el_free(w->firsts);
        el_free(w);
    }
}

static electra_status grow(unsigned char **block, size_t old, size_t room, size_t size, electra_error *err)
{
    unsigned char *grown = el_realloc(*block, old, room, size);
    if (!grown) {
        return el_fail_memory(err, "a shard", room * size);
    }
    *block = grown;
    return ELECTRA_OK;
}

static electra_status make_room(el_shard_writer *w, size_t n, electra_error *err)
{
    enum { LEAST_TOKENS = 1 << 16, LEAST_EXAMPLES = 1 << 10 };
    if (w->token_room - w->about.n_tokens < n) {
        const size_t room = w->token_room * 2 + n + LEAST_TOKENS;
        EL_TRY(grow(&w->tokens, w->token_room * w->about.token_bytes, room * w->about.token_bytes, 1, err));
        w->token_room = room;
    }
    if (w->example_room == w->about.n_examples) {
        const size_t room = w->example_room * 2 + LEAST_EXAMPLES;
        EL_TRY(grow(&w->begins, w->example_room, room, 8, err));
        EL_TRY(grow(&w->firsts, w->example_room, room, 2, err));
        w->example_room = room;
    }
    return ELECTRA_OK;
}

electra_status el_shard_writer_add(el_shard_writer *w, const uint32_t *ids, size_t n, size_t first, electra_error *err)
{
    assert(first > 0 && first <= n && n + (first < n ? 3 : 2) <= w->about.max_length);
    EL_TRY(make_room(w, n, err));
    el_shard_about *about = &w->about;
    unsigned char *to = w->tokens + about->n_tokens * about->token_bytes;
    for (size_t i = 0; i < n; i++) {
        assert(ids[i] < about->vocabulary_size);
        if (about->token_bytes == 2) {
            store16(to + 2 * i, (uint16_t)ids[i]);
        } else {
            store32(to + 4 * i, ids[i]);
        }
    }
    store64(w->begins + about->n_examples * 8, about->n_tokens);
    store16(w->firsts + about->n_examples * 2, (uint16_t)first);
    about->n_tokens += n;
    about->n_examples++;
    return ELECTRA_OK;
}

uint64_t el_shard_writer_bytes(const el_shard_writer *w)
{
    return w->about.n_tokens * w->about.token_bytes;
}

uint64_t el_shard_writer_examples(const el_shard_writer *w)
{
    return w->about.n_examples;
}

/* The index as one block, to be freed. */
static unsigned char *lay_out_index(const el_shard_writer *w, const shard_sizes *sizes)
{
    unsigned char *index = el_alloc(sizes->index, 1);
    if (!index) {
        return NULL;
    }
    const size_t n = (size_t)w->about.n_examples;
    if (n) {
        memcpy(index, w->begins, n * 8);
        memcpy(index + sizes->begins + sizes->sums, w->firsts, n * 2);
    }
    store64(index + n * 8, w->about.n_tokens);
    for (size_t i = 0; i < sizes->blocks; i++) {
        const unsigned char *block = w->tokens + i * EL_SHARD_BLOCK_BYTES;
        store64(index + sizes->begins + i * 8, el_hash64(block, block_bytes(sizes->tokens, i)));
    }
    return index;
}

static void lay_out_header(unsigned char *header, el_shard_about *about, uint64_t index_hash)
{
    memcpy(header, MAGIC, sizeof MAGIC);
    store32(header + 8, VERSION);
    store32(header + 12, about->token_bytes);
    store64(header + 16, about->n_examples);
    store64(header + 24, about->n_tokens);
    store64(header + 32, about->vocabulary_hash);
    store32(header + 40, about->vocabulary_size);
    store32(header + 44, about->max_length);
    store64(header + 48, index_hash);
    about->hash = el_hash64(header, HASHED_HEADER_BYTES);
    store64(header + HASHED_HEADER_BYTES, about->hash);
}

electra_status el_shard_writer_save(el_shard_writer *w, const char *path, el_shard_about *about, electra_error *err)
{
    shard_sizes sizes = {0};
    unsigned char *index = size_parts(&w->about, &sizes) ? lay_out_index(w, &sizes) : NULL;
    if (!index) {
        return el_fail_memory(err, path, (size_t)w->about.n_examples * 10);
    }
    unsigned char header[EL_SHARD_HEADER_BYTES];
    lay_out_header(header, &w->about, el_hash64(index, sizes.index));
    el_writer *file;
    electra_status status = el_writer_open(&file, path, err);
    if (status == ELECTRA_OK) {
        el_writer_add(file, header, sizeof header);
        el_writer_add(file, index, sizes.index);
        el_writer_add(file, w->tokens, sizes.tokens);
        status = el_writer_commit(file, err);
    }
    el_free(index);
    *about = w->about;
    about->bytes = sizes.file;
    w->about.n_examples = 0;
    w->about.n_tokens = 0;
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static electra_status refuse(const el_shard *shard, electra_error *err, const char *what, uint64_t expected,
                             uint64_t found)
{
    return el_fail(err, ELECTRA_INVALID, shard->path,
                   "%s: %s should be %llu but is %llu; the shard is damaged: prepare the data again", shard->path, what,
                   (unsigned long long)expected, (unsigned long long)found);
}

static electra_status refuse_hash(const el_shard *shard, electra_error *err, const char *what, size_t number,
                                  uint64_t expected, uint64_t found)
{
    return el_fail(
        err, ELECTRA_INVALID, shard->path,
        "%s: the checksum of %s %zu should be %016llx but is %016llx; the shard was altered: prepare the data "
        "again",
        shard->path, what, number, (unsigned long long)expected, (unsigned long long)found);
}

static electra_status read_header(el_shard *shard, electra_error *err)
{
    const unsigned char *header = shard->map.data;
    el_shard_about *about = &shard->about;
    if (shard->map.size < EL_SHARD_HEADER_BYTES) {
        return refuse(shard, err, "the size in bytes, at least,", EL_SHARD_HEADER_BYTES, shard->map.size);
    }
    if (memcmp(header, MAGIC, sizeof MAGIC) != 0) {
        return el_fail(err, ELECTRA_INVALID, shard->path, "%s is no shard: it does not begin with ELSHARD",
                       shard->path);
    }
    if (load32(header + 8) != VERSION) {
        return el_fail(err, ELECTRA_INVALID, shard->path,
                       "%s has version %u of the format and this program reads version %d: prepare the data again",
                       shard->path, load32(header + 8), VERSION);
    }
    about->token_bytes = load32(header + 12);
    about->n_examples = load64(header + 16);
    about->n_tokens = load64(header + 24);
    about->vocabulary_hash = load64(header + 32);
    about->vocabulary_size = load32(header + 40);
    about->max_length = load32(header + 44);
    about->hash = load64(header + HASHED_HEADER_BYTES);
    about->bytes = shard->map.size;
    const uint64_t hash = el_hash64(header, HASHED_HEADER_BYTES);
    if (hash != about->hash) {
        return refuse_hash(shard, err, "header", 1, about->hash, hash);
    }
    if (about->token_bytes != 2 && about->token_bytes != 4) {
        return refuse(shard, err, "the number of bytes of a token", 2, about->token_bytes);
    }
    return ELECTRA_OK;
}

static electra_status place_parts(el_shard *shard, electra_error *err)
{
    shard_sizes sizes = {0};
    if (!size_parts(&shard->about, &sizes) || sizes.file != shard->map.size) {
        return refuse(shard, err, "the size in bytes", sizes.file, shard->map.size);
    }
    shard->begins = shard->map.data + EL_SHARD_HEADER_BYTES;
    shard->sums = shard->begins + sizes.begins;
    shard->firsts = shard->sums + sizes.sums;
    shard->tokens = shard->firsts + sizes.firsts;
    shard->n_blocks = sizes.blocks;
    const uint64_t expected = load64(shard->map.data + 48);
    const uint64_t found = el_hash64(shard->begins, sizes.index);
    if (expected != found) {
        return refuse_hash(shard, err, "index", 1, expected, found);
    }
    shard->checked = el_alloc(sizes.blocks, sizeof *shard->checked);
    return shard->checked ? ELECTRA_OK : el_fail_memory(err, shard->path, sizes.blocks);
}

electra_status el_shard_open(el_shard *out, const char *path, electra_error *err)
{
    *out = (el_shard){0};
    out->path = el_strdup(path);
    if (!out->path) {
        return el_fail_memory(err, path, strlen(path));
    }
    EL_TRY(el_map_open(&out->map, path, err));
    EL_TRY(read_header(out, err));
    return place_parts(out, err);
}

void el_shard_close(el_shard *shard)
{
    el_map_close(&shard->map);
    el_free(shard->path);
    el_free(shard->checked);
    *shard = (el_shard){0};
}

/* A block is hashed once, when it is first used: by then its pages are wanted anyway, and a run on a large folder
 * need not wait for all of it to be read. Two threads may both do it, with the same outcome. */
static electra_status check_block(const el_shard *shard, size_t block, electra_error *err)
{
    if (atomic_load_explicit(&shard->checked[block], memory_order_relaxed)) {
        return ELECTRA_OK;
    }
    const size_t bytes = (size_t)shard->about.n_tokens * shard->about.token_bytes;
    const uint64_t expected = load64(shard->sums + block * 8);
    const uint64_t found = el_hash64(shard->tokens + block * EL_SHARD_BLOCK_BYTES, block_bytes(bytes, block));
    if (expected != found) {
        return refuse_hash(shard, err, "block", block, expected, found);
    }
    atomic_store_explicit(&shard->checked[block], 1, memory_order_relaxed);
    return ELECTRA_OK;
}

electra_status el_shard_example(const el_shard *shard, uint64_t i, uint32_t *ids, size_t *n, size_t *first,
                                electra_error *err)
{
    const el_shard_about *about = &shard->about;
    assert(i < about->n_examples);
    const uint64_t begin = load64(shard->begins + i * 8);
    const uint64_t end = load64(shard->begins + (i + 1) * 8);
    const size_t tokens_first = load16(shard->firsts + i * 2);
    if (begin >= end || end > about->n_tokens) {
        return refuse(shard, err, "the end of an example, at most,", about->n_tokens, end);
    }
    const size_t length = (size_t)(end - begin);
    if (tokens_first == 0 || tokens_first > length) {
        return refuse(shard, err, "the length of a first segment, at most,", length, tokens_first);
    }
    if (length + (tokens_first < length ? 3 : 2) > about->max_length) {
        return refuse(shard, err, "the length of an example, at most,", about->max_length, length + 3);
    }
    const size_t width = about->token_bytes;
    for (size_t b = begin * width / EL_SHARD_BLOCK_BYTES; b <= (end * width - 1) / EL_SHARD_BLOCK_BYTES; b++) {
        EL_TRY(check_block(shard, b, err));
    }
    const unsigned char *from = shard->tokens + begin * width;
    for (size_t t = 0; t < length; t++) {
        ids[t] = width == 2 ? load16(from + 2 * t) : load32(from + 4 * t);
        if (ids[t] >= about->vocabulary_size) {
            return refuse(shard, err, "a token, below the vocabulary's size,", about->vocabulary_size, ids[t]);
        }
    }
    *n = length;
    *first = tokens_first;
    return ELECTRA_OK;
}
