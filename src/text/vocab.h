/* A vocabulary: tokens by id, ids by token, and the trie that WordPiece walks. */
#ifndef EL_TEXT_VOCAB_H
#define EL_TEXT_VOCAB_H

#include <electra/tokenizer.h>

/* A trie over bytes whose edges live in one hash table: a step is one probe, and building needs no search for room.
 * Two roots: EL_TRIE_WHOLE leads to every token as it is written, EL_TRIE_REST to what follows the "##" of the tokens
 * that continue a word. */
enum { EL_TRIE_WHOLE = 0, EL_TRIE_REST = 1, EL_TRIE_NODES_MOST = 1 << 24 };

typedef struct el_trie_edge {
    uint32_t key; /* (node << 8 | byte) + 1; 0: free */
    uint32_t to;  /* node */
    uint32_t id;  /* of the token that ends at `to`, or ELECTRA_NO_TOKEN */
} el_trie_edge;

typedef struct el_trie {
    el_trie_edge *edges; /* [mask + 1], at most half full */
    uint32_t mask;
    uint32_t n_edges;
    uint32_t n_nodes;
} el_trie;

typedef struct el_vocab {
    size_t n;       /* V */
    char *text;     /* all tokens, each NUL-terminated */
    size_t *starts; /* [n + 1] into text */
    el_trie trie;
    electra_special_ids specials;
    uint64_t hash;
} el_vocab;

/* The tokens of a file, or of an array (entries may be NULL). Warnings go to rt, which may be NULL. */
electra_status el_vocab_load(el_vocab *vocab, const char *path, const electra_runtime *rt, electra_error *err);
electra_status el_vocab_init(el_vocab *vocab, const char *const *tokens, size_t n, const electra_runtime *rt,
                             electra_error *err);
void el_vocab_clear(el_vocab *vocab); /* accepts a zeroed or half-built one */

static inline const char *el_vocab_token(const el_vocab *vocab, uint32_t id)
{
    return vocab->text + vocab->starts[id];
}

/* Bytes of a token, without the NUL. */
static inline size_t el_vocab_token_bytes(const el_vocab *vocab, uint32_t id)
{
    return vocab->starts[id + 1] - vocab->starts[id] - 1;
}

uint32_t el_vocab_id(const el_vocab *vocab, const char *token, size_t bytes);

static inline uint32_t el_trie_slot(uint32_t key, uint32_t mask)
{
    const uint32_t mixed = key * 0x9E3779B1u; /* 2^32 / golden ratio */
    return (mixed ^ mixed >> 15) & mask;
}

/* The edge that leaves a node with a byte, or NULL. */
static inline const el_trie_edge *el_trie_step(const el_trie *trie, uint32_t node, uint8_t byte)
{
    const uint32_t key = (node << 8 | byte) + 1;
    for (uint32_t slot = el_trie_slot(key, trie->mask);; slot = (slot + 1) & trie->mask) {
        const el_trie_edge *edge = &trie->edges[slot];
        if (edge->key == key) {
            return edge;
        }
        if (edge->key == 0) {
            return NULL;
        }
    }
}

#endif
