/* Owns building the double array: keys are sorted, and the states are placed level by level, so that those near the
 * roots, which every word passes, lie together. */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum { BLOCK = 256, BYTES = 256 };

#define NO_PARENT (UINT32_MAX - 1) /* of a root: taken, but no step leads there */

enum {
    MOST_TRIES = 4 /* in vain, after which a block takes only states that have no brother */
};

/* A key by its first eight bytes, the first one highest; shorter ones have zeros behind, which no text holds. */
typedef struct short_key {
    uint64_t prefix;
    uint32_t root, index;
} short_key;

/* A state whose children have not been placed: the keys [first, last) that pass through it, `depth` bytes long so
 * far. */
typedef struct waiting {
    uint32_t state;
    uint32_t first, last;
    uint32_t depth;
} waiting;

/* What is known of 256 neighbouring states: which are free, how many, and how often brothers were not fitted in. */
typedef struct block {
    uint64_t free[BLOCK / 64];
    uint16_t n_free, tries;
} block;

typedef struct builder {
    el_trie *trie;
    const el_trie_key *keys;
    size_t n_keys;
    const short_key *shorts; /* of the keys, in the same order */
    waiting *queue; /* [n_keys' bytes at most]; grows */
    size_t head, tail, capacity;
    block *blocks; /* [trie->n / BLOCK] */
    size_t single; /* no block before this one has a free state, */
    size_t several; /* and none before this one takes brothers */
} builder;

int el_trie_compare_keys(const void *a, const void *b)
{
    const el_trie_key *x = a;
    const el_trie_key *y = b;
    if (x->root != y->root) {
        return x->root < y->root ? -1 : 1;
    }
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    if (order != 0) {
        return order;
    }
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- sorting ----------------------------------------------------------------------------------------------------- */

static uint64_t prefix_of(const el_trie_key *key)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < sizeof prefix; i++) {
        prefix = prefix << 8 | (i < key->bytes ? (uint8_t)key->text[i] : 0);
    }
    return prefix;
}

/* Stable, by the byte at `shift` of the prefix, or by the root beyond them; false if all are alike and nothing moved. */
static bool sort_by_byte(short_key *to, const short_key *from, size_t n, unsigned shift)
{
    size_t place[BYTES] = {0};
#define BYTE_OF(key) (shift < 64 ? (key).prefix >> shift & 0xff : (key).root)
    for (size_t i = 0; i < n; i++) {
        place[BYTE_OF(from[i])]++;
    }
    if (place[BYTE_OF(from[0])] == n) {
        return false;
    }
    size_t begin = 0;
    for (size_t i = 0; i < BYTES; i++) {
        const size_t count = place[i];
        place[i] = begin;
        begin += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[place[BYTE_OF(from[i])]++] = from[i];
    }
#undef BYTE_OF
    return true;
}

/* By root, text and id: byte by byte for the first eight, then those that are alike so far by comparing. *out: the
 * beginnings of the sorted keys, the caller's to free. */
static electra_status sort_keys(short_key **out, el_trie_key *keys, size_t n, electra_error *err)
{
    short_key *now = el_alloc(n, sizeof *now), *other = el_alloc(n, sizeof *other);
    el_trie_key *sorted = el_alloc(n, sizeof *sorted);
    if (!now || !other || !sorted) {
        el_free(now);
        el_free(other);
        el_free(sorted);
        return el_fail_memory(err, "the index of the vocabulary", n * sizeof *sorted);
    }
    for (size_t i = 0; i < n; i++) {
        now[i] = (short_key){prefix_of(&keys[i]), keys[i].root, (uint32_t)i};
    }
    for (unsigned shift = 0; n > 0 && shift <= 64; shift += 8) {
        if (sort_by_byte(other, now, n, shift)) {
            short_key *const swapped = now;
            now = other;
            other = swapped;
        }
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = keys[now[i].index];
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && now[end].prefix == now[i].prefix && now[end].root == now[i].root; end++) {
        }
        if (end - i > 1) {
            qsort(sorted + i, end - i, sizeof *sorted, el_trie_compare_keys);
        }
    }
    if (n > 0) {
        memcpy(keys, sorted, n * sizeof *keys);
    }
    el_free(other);
    el_free(sorted);
    *out = now;
    return ELECTRA_OK;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

static bool grow_states(builder *b)
{
    el_trie *trie = b->trie;
    /* a vocabulary has about two states a key */
    const size_t n = trie->n ? trie->n + trie->n / 2 / BLOCK * BLOCK : (b->n_keys / 100 + 16) * BLOCK;
    el_trie_state *states = el_realloc(trie->states, trie->n, n, sizeof states[0]);
    if (!states) {
        return false;
    }
    trie->states = states;
    uint32_t *ids = el_realloc(trie->ids, trie->n, n, sizeof ids[0]);
    if (!ids) {
        return false;
    }
    trie->ids = ids;
    block *blocks = el_realloc(b->blocks, trie->n / BLOCK, n / BLOCK, sizeof blocks[0]);
    if (!blocks) {
        return false;
    }
    b->blocks = blocks;
    for (size_t i = trie->n; i < n; i++) {
        states[i] = (el_trie_state){EL_TRIE_FREE, 0};
        ids[i] = 0;
    }
    for (size_t i = trie->n / BLOCK; i < n / BLOCK; i++) {
        blocks[i] = (block){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, BLOCK, 0};
    }
    trie->n = n;
    return true;
}

static void take_state(builder *b, size_t state, uint32_t parent)
{
    block *in = &b->blocks[state / BLOCK];
    in->free[state % BLOCK / 64] &= ~((uint64_t)1 << state % 64);
    in->n_free--;
    b->trie->states[state].parent = parent;
}

static bool is_free(const block *in, size_t place)
{
    return in->free[place / 64] >> place % 64 & 1;
}

/* The first place of a block such that place ^ bytes[0] ^ bytes[i] is free for all i, or BLOCK. */
static size_t fit(const block *in, const uint8_t *bytes, size_t n)
{
    for (size_t word = 0; word < BLOCK / 64; word++) {
        for (uint64_t left = in->free[word]; left; left &= left - 1) {
            const size_t place = word * 64 + (size_t)__builtin_ctzll(left), base = place ^ bytes[0];
            size_t i = 1;
            while (i < n && is_free(in, base ^ bytes[i])) {
                i++;
            }
            if (i == n) {
                return place;
            }
        }
    }
    return BLOCK;
}

/* A base from which all the bytes lead to free states; SIZE_MAX when out of memory. A lone child goes into the first
 * gap; brothers into the first block that has room for them and has not refused too many others. */
static size_t find_base(builder *b, const uint8_t *bytes, size_t n)
{
    size_t *from = n == 1 ? &b->single : &b->several;
    for (size_t at = *from;; at++) {
        if (at >= b->trie->n / BLOCK && !grow_states(b)) {
            return SIZE_MAX;
        }
        block *in = &b->blocks[at];
        if (in->n_free == 0 || (n > 1 && in->tries >= MOST_TRIES)) {
            *from += at == *from; /* this one is done with */
            continue;
        }
        const size_t place = in->n_free < n ? BLOCK : fit(in, bytes, n);
        if (place < BLOCK) {
            return at * BLOCK + (place ^ bytes[0]);
        }
        in->tries++;
    }
}

static bool enqueue(builder *b, waiting w)
{
    if (b->tail == b->capacity) {
        const size_t more = b->capacity ? 2 * b->capacity : 5 * b->n_keys / 2 + 1024;
        waiting *queue = el_realloc(b->queue, b->capacity, more, sizeof queue[0]);
        if (!queue) {
            return false;
        }
        b->queue = queue;
        b->capacity = more;
    }
    b->queue[b->tail++] = w;
    return true;
}

/* Keys that end at this state come first in its range; the last of them (the highest id) wins. */
static void accept_ends(builder *b, waiting *w)
{
    for (; w->first < w->last && b->keys[w->first].bytes == w->depth; w->first++) {
        if (w->depth > 0) {
            b->trie->has_doubles = b->trie->has_doubles || b->trie->states[w->state].link & 1;
            b->trie->ids[w->state] = b->keys[w->first].id;
            b->trie->states[w->state].link |= 1;
        }
    }
}

/* The different bytes that follow, ascending, and where the keys of each begin. */
static size_t list_children(const builder *b, const waiting *w, uint8_t bytes[BYTES], uint32_t begins[BYTES + 1])
{
    size_t n = 0;
    for (uint32_t k = w->first; k < w->last; k++) {
        const uint64_t near = w->depth < sizeof b->shorts->prefix ? b->shorts[k].prefix >> (56 - 8 * w->depth)
                                                                  : (uint8_t)b->keys[k].text[w->depth];
        const uint8_t byte = (uint8_t)(near & 0xff);
        if (n == 0 || bytes[n - 1] != byte) {
            bytes[n] = byte;
            begins[n++] = k;
        }
    }
    begins[n] = w->last;
    return n;
}

static electra_status place_children(builder *b, waiting w, electra_error *err)
{
    uint8_t bytes[BYTES];
    uint32_t begins[BYTES + 1];
    accept_ends(b, &w);
    const size_t n = list_children(b, &w, bytes, begins);
    if (n == 0) {
        return ELECTRA_OK;
    }
    const size_t base = find_base(b, bytes, n);
    if (base == SIZE_MAX) {
        return el_fail_memory(err, "the trie of the vocabulary", 2 * b->trie->n * sizeof(el_trie_state));
    }
    if (base > UINT32_MAX >> 2) {
        return el_fail(err, ELECTRA_INVALID, "vocabulary", "the vocabulary is too large: its trie passes %u states",
                       UINT32_MAX >> 2);
    }
    b->trie->states[w.state].link |= (uint32_t)base << 1;
    for (size_t i = 0; i < n; i++) {
        take_state(b, base ^ bytes[i], w.state);
    }
    for (size_t i = 0; i < n; i++) {
        const waiting child = {(uint32_t)(base ^ bytes[i]), begins[i], begins[i + 1], w.depth + 1};
        if (!enqueue(b, child)) {
            return el_fail_memory(err, "the trie of the vocabulary", b->capacity * sizeof child);
        }
    }
    return ELECTRA_OK;
}

static electra_status build(builder *b, size_t n, electra_error *err)
{
    if (!grow_states(b)) {
        return el_fail_memory(err, "the trie of the vocabulary", 16 * BLOCK * sizeof(el_trie_state));
    }
    uint32_t k = 0;
    for (uint32_t root = 0; root < EL_TRIE_ROOTS; root++) {
        const uint32_t first = k;
        while (k < n && b->keys[k].root == root) {
            k++;
        }
        take_state(b, root, NO_PARENT);
        if (!enqueue(b, (waiting){root, first, k, 0})) {
            return el_fail_memory(err, "the trie of the vocabulary", sizeof(waiting));
        }
    }
    while (b->head < b->tail) {
        EL_TRY(place_children(b, b->queue[b->head++], err));
    }
    return ELECTRA_OK;
}

electra_status el_trie_build(el_trie *trie, el_trie_key *keys, size_t n, electra_error *err)
{
    *trie = (el_trie){0};
    for (size_t i = 0; i < n; i++) {
        if (n >= EL_TRIE_FREE || keys[i].bytes >= EL_TRIE_FREE) {
            return el_fail(err, ELECTRA_INVALID, "vocabulary",
                           "%zu tokens, or one of %zu bytes, are more than a trie can hold", n, keys[i].bytes);
        }
    }
    short_key *shorts = NULL;
    EL_TRY(sort_keys(&shorts, keys, n, err));
    builder b = {.trie = trie, .keys = keys, .n_keys = n, .shorts = shorts};
    const electra_status status = build(&b, n, err);
    el_free(b.queue);
    el_free(b.blocks);
    el_free(shorts);
    if (status != ELECTRA_OK) {
        el_trie_clear(trie);
    }
    return status;
}

void el_trie_clear(el_trie *trie)
{
    el_free(trie->states);
    el_free(trie->ids);
    *trie = (el_trie){0};
}
