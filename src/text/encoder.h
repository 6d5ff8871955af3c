/* Inside view of an encoder, shared by the fast path (encoder.c) and the full path (encoding.c). */
#ifndef EL_TEXT_ENCODER_H
#define EL_TEXT_ENCODER_H

#include "text/tokenizer.h"

/* A word of up to 16 bytes and what it becomes. The key is the word itself, padded with zeros: no hash can collide.
 * Half a cache line, so that the two words of a set cost one. */
typedef struct el_cached_word {
    uint64_t key[2];
    uint32_t ids[3];
    uint32_t n; /* 0-3; words that become more are not kept */
} el_cached_word;

/* Tokens of one text, before truncation. */
typedef struct el_token_list {
    uint32_t *ids;       /* [capacity], as are the others */
    electra_span *spans; /* characters of the original text */
    uint32_t *words;     /* number of the word in its text */
    size_t n, capacity;
} el_token_list;

/* What electra_encoder_encode hands out: the arrays of all windows laid end to end. */
typedef struct el_window_store {
    electra_window *windows;
    size_t windows_capacity;
    uint32_t *ids, *type_ids, *word_ids; /* [capacity] */
    electra_span *offsets;
    uint8_t *added;
    size_t capacity;
} el_window_store;

struct electra_encoder {
    const electra_tokenizer *tokenizer;
    el_cached_word *cache; /* [EL_CACHE_SETS, 2], the younger first */
    el_words words;        /* a mixed word, normalised */
    uint8_t *plain;        /* a plain word in lower case, and the pieces of a word: [plain_capacity] */
    uint32_t *piece_ids, *piece_ends;
    size_t plain_capacity;
    el_token_list lists[2]; /* first and second text */
    el_window_store store;
};

/* Room for the pieces of a word of so many bytes, and for its lower case. */
electra_status el_encoder_reserve_word(electra_encoder *e, size_t bytes, electra_error *err);

/* Release what encoding.c has grown. */
void el_token_list_clear(el_token_list *list);
void el_window_store_clear(el_window_store *store);

/* ASCII letters and digits to lower case (if asked for): they differ from capitals in one bit, which digits have too.
 */
static inline void el_lower_plain(const electra_tokenizer *t, uint8_t *out, const uint8_t *word, size_t bytes)
{
    const uint8_t bit = t->normalizer.lowercase ? 0x20 : 0;
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(word[i] | bit);
    }
}

#endif
