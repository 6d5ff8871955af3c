/* A vocabulary: tokens by id, and ids by token through the trie that WordPiece walks. */
#ifndef EL_TEXT_VOCAB_H
#define EL_TEXT_VOCAB_H

#include <electra/tokenizer.h>

#include "text/trie.h"

/* The two roots of the trie: one leads to every token as it is written, the other nowhere. */
enum { EL_TRIE_WHOLE = 0, EL_TRIE_NOWHERE = 1 };

typedef struct el_vocab {
    size_t n;       /* V */
    char *text;     /* all tokens, each NUL-terminated */
    size_t *starts; /* [n + 1] into text */
    el_trie trie;
    uint32_t rest; /* the state behind "##", from which tokens that continue a word are found */
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

#endif
