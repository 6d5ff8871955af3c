/* Owns the greedy split of a word. */
#include "text/wordpiece.h"

/* The longest token that begins at word[from] behind a state of the trie: its id and where it ends. */
static uint32_t longest_match(const el_trie *trie, uint32_t root, const uint8_t *word, size_t from, size_t bytes,
                              size_t *end)
{
    uint32_t state = root;
    uint32_t best = root; /* none: a token has a byte at least */
    for (size_t i = from; i < bytes && el_trie_step(trie, &state, word[i]); i++) {
        if (el_trie_ends(trie, state)) {
            best = state;
            *end = i + 1;
        }
    }
    return best == root ? ELECTRA_NO_TOKEN : trie->ids[best];
}

size_t el_wordpiece(const el_vocab *vocab, const uint8_t *word, size_t bytes, uint32_t *ids, uint32_t *ends)
{
    size_t n = 0;
    for (size_t at = 0; at < bytes; n++) {
        const uint32_t id = longest_match(&vocab->trie, at == 0 ? EL_TRIE_WHOLE : vocab->rest, word, at, bytes, &at);
        ids[n] = id;
        if (id == ELECTRA_NO_TOKEN) {
            ids[0] = vocab->specials.unk;
            n = 0;
            at = bytes;
        }
        if (ends) {
            ends[n] = (uint32_t)at;
        }
    }
    return n;
}
