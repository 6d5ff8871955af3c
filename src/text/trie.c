/* Owns building the double array: keys are sorted, and the states are placed level by level, so that those near the
 * roots, which every word passes, lie together. */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum { BLOCK = 256, BYTES = 256 };

#define NO_PARENT (UINT32_MAX - 1) /* of a root: taken, but no step leads there */

/* A state whose children have not been placed: the keys [first, last) that pass through it, `depth` bytes long so
 * far. */
typedef struct waiting {
    uint32_t state;
    size_t first, last;
    size_t depth;
} waiting;

typedef struct builder {
    el_trie *trie;
    const el_trie_key *keys;
    waiting *queue; /* [n_keys' bytes at most]; grows */
    size_t head, tail, capacity;
    size_t from; /* no state before this one is worth trying */
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

static bool grow_states(el_trie *trie)
{
    const size_t n = trie->n ? 2 * trie->n : 16 * BLOCK;
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
    for (size_t i = trie->n; i < n; i++) {
        states[i] = (el_trie_state){EL_TRIE_FREE, 0};
        ids[i] = 0;
    }
    trie->n = n;
    return true;
}

static bool is_free(const el_trie *trie, size_t state)
{
    return trie->states[state].parent == EL_TRIE_FREE;
}

static bool fits(const el_trie *trie, size_t base, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_free(trie, base ^ bytes[i])) {
            return false;
        }
    }
    return true;
}

/* A base from which all the bytes lead to free states; SIZE_MAX when out of memory. The search begins at the first
 * free state; when it has passed many taken ones in vain, later searches begin further on. */
static size_t find_base(builder *b, const uint8_t *bytes, size_t n)
{
    size_t taken = 0;
    for (size_t at = b->from;; at++) {
        if (at >= b->trie->n && !grow_states(b->trie)) {
            return SIZE_MAX;
        }
        if (!is_free(b->trie, at)) {
            taken++;
            continue;
        }
        if (taken == at - b->from) {
            b->from = at; /* everything before is full */
            taken = 0;
        }
        const size_t base = at ^ bytes[0];
        if (fits(b->trie, base, bytes, n)) {
            if (at - b->from > BLOCK && taken * 20 > (at - b->from) * 19) {
                b->from = at;
            }
            return base;
        }
    }
}

static bool enqueue(builder *b, waiting w)
{
    if (b->tail == b->capacity) {
        const size_t more = 2 * b->capacity + 1024;
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
            b->trie->ids[w->state] = b->keys[w->first].id;
            b->trie->states[w->state].link |= 1;
        }
    }
}

/* The different bytes that follow, ascending, and where the keys of each begin. */
static size_t list_children(const builder *b, const waiting *w, uint8_t bytes[BYTES], size_t begins[BYTES + 1])
{
    size_t n = 0;
    for (size_t k = w->first; k < w->last; k++) {
        const uint8_t byte = (uint8_t)b->keys[k].text[w->depth];
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
    size_t begins[BYTES + 1];
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
        b->trie->states[base ^ bytes[i]].parent = w.state;
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
    if (!grow_states(b->trie)) {
        return el_fail_memory(err, "the trie of the vocabulary", 16 * BLOCK * sizeof(el_trie_state));
    }
    size_t k = 0;
    for (uint32_t root = 0; root < EL_TRIE_ROOTS; root++) {
        const size_t first = k;
        while (k < n && b->keys[k].root == root) {
            k++;
        }
        b->trie->states[root].parent = NO_PARENT;
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
    qsort(keys, n, sizeof keys[0], el_trie_compare_keys);
    builder b = {.trie = trie, .keys = keys, .from = EL_TRIE_ROOTS};
    const electra_status status = build(&b, n, err);
    el_free(b.queue);
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
