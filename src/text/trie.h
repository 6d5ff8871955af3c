/* A double-array trie over bytes: finds every token that a text begins with in one walk.
 *
 * A state is a number; the state that follows s on byte b is t = base(s) ^ b, and it exists if parent(t) is s. So a
 * step is one look at eight bytes, and the children of a state lie within 256 neighbours of each other.
 * (Aoe, "An efficient digital search algorithm by using a double-array structure", 1989; the xor is from later
 * implementations.) */
#ifndef EL_TEXT_TRIE_H
#define EL_TEXT_TRIE_H

#include <electra/types.h>

/* Several tries share one array; a root is the state 0 ... EL_TRIE_ROOTS - 1. */
enum { EL_TRIE_ROOTS = 2 };

typedef struct el_trie_state {
    uint32_t parent; /* EL_TRIE_FREE: no such state */
    uint32_t link;   /* base << 1 | whether a key ends here */
} el_trie_state;

#define EL_TRIE_FREE UINT32_MAX

typedef struct el_trie {
    el_trie_state *states; /* [n]; n is a multiple of 256, so that base ^ byte is always inside */
    uint32_t *ids;         /* [n] id of the key that ends at a state */
    size_t n;
    bool has_doubles; /* equal keys were given */
} el_trie;

typedef struct el_trie_key {
    const char *text; /* borrowed; the trie keeps nothing of it */
    size_t bytes;     /* may be 0: then it is never found */
    uint32_t id;
    uint32_t root;
} el_trie_key;

/* Sorts the keys by root, text and id. Of equal keys the one with the highest id is found.
 * ELECTRA_NO_RESOURCE when out of memory, ELECTRA_INVALID for more than about 2^30 states. */
electra_status el_trie_build(el_trie *trie, el_trie_key *keys, size_t n, electra_error *err);
void el_trie_clear(el_trie *trie); /* accepts a zeroed one */

/* Order of el_trie_build, for qsort: equal keys end up side by side. */
int el_trie_compare_keys(const void *a, const void *b);

/* Move *state along a byte; false, and *state as it was, if nothing goes there. */
static inline bool el_trie_step(const el_trie *trie, uint32_t *state, uint8_t byte)
{
    const uint32_t next = (trie->states[*state].link >> 1) ^ byte;
    if (trie->states[next].parent != *state) {
        return false;
    }
    *state = next;
    return true;
}

static inline bool el_trie_ends(const el_trie *trie, uint32_t state)
{
    return trie->states[state].link & 1;
}

#endif
