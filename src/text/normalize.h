/* Raw text -> normalised words, the first half of tokenization.
 *
 * 1. el_next_word cuts the raw text at characters that can never be inside a word (white space, punctuation,
 *    ideographs). Nearly all words of English end here: they are plain ASCII letters and digits, whose only
 *    normalisation is the bit that makes them lower case.
 * 2. el_normalize does everything for the other words: cleaning, decomposition, accents, lower case. What comes out
 *    may fall into several words once more, since a character like U+2260 decomposes into punctuation and a mark.
 *
 * Cutting first is safe because every character that cuts is a starter (combining class 0) and is left alone by
 * normalisation: canonical reordering never crosses it. */
#ifndef EL_TEXT_NORMALIZE_H
#define EL_TEXT_NORMALIZE_H

#include <electra/tokenizer.h>

#include "text/chars.h"
#include "text/utf8.h"

/* What a byte means to the cutting of words. */
typedef enum el_byte_kind {
    EL_BYTE_PLAIN,   /* ASCII letter or digit */
    EL_BYTE_SPACE,   /* separates words */
    EL_BYTE_ALONE,   /* ASCII punctuation: a word of its own */
    EL_BYTE_DROPPED, /* ASCII control character that cleaning takes out; its neighbours join */
    EL_BYTE_OTHER    /* beyond ASCII, or an odd ASCII character within a word */
} el_byte_kind;

typedef struct el_normalizer {
    bool clean, ideographs, strip_accents, lowercase, final_sigma;
    uint8_t kinds[256]; /* of el_byte_kind */
    el_chars chars;
} el_normalizer;

/* Settings must be resolved (strip_accents not auto). */
electra_status el_normalizer_init(el_normalizer *n, const electra_tokenizer_options *settings, electra_error *err);
void el_normalizer_clear(el_normalizer *n); /* accepts a zeroed one */

/* ---- cutting raw text ---------------------------------------------------------------------------------------- */

typedef enum el_word_kind {
    EL_WORD_NONE,  /* the text is used up */
    EL_WORD_PLAIN, /* ASCII letters and digits; lower-case them if asked for, and that is all */
    EL_WORD_ALONE, /* one character that is a word as it stands */
    EL_WORD_MIXED  /* anything else: goes through el_normalize */
} el_word_kind;

typedef struct el_raw_word {
    const uint8_t *begin, *end;
    el_word_kind kind;
    bool has_dropped; /* of a mixed word: holds characters that cleaning takes out */
} el_raw_word;

/* The next word at or after p. */
el_raw_word el_next_word(const el_normalizer *n, const uint8_t *p, const uint8_t *end);

/* ---- normalising a mixed word -------------------------------------------------------------------------------- */

typedef struct el_word {
    size_t begin, end;    /* bytes in el_words.text */
    size_t chars;         /* how many the word really has; the text stops at most_chars */
    uint32_t first, last; /* characters of the original text that the first and last of its characters come from */
} el_word;

/* A character on its way through canonical ordering. */
typedef struct el_pending {
    uint32_t c;
    uint32_t number; /* in order of arrival, to keep the sort stable */
    uint8_t class;   /* combining class */
    bool begins;     /* first of what one original character decomposes into */
} el_pending;

/* Words that came out of el_normalize, and its scratch. Zero it, set most_chars; grows as needed; el_words_clear. */
typedef struct el_words {
    size_t most_chars; /* text of a word beyond this many characters is not kept: no vocabulary can match it */
    uint8_t *text;     /* normalised UTF-8, words end to end */
    uint32_t *origin;  /* [n_text] for each byte the number of the original character it comes from */
    size_t n_text, text_capacity;
    el_word *words;
    size_t n_words, words_capacity;
    /* one starter and the marks after it */
    el_pending *pending;
    uint32_t *sources; /* numbers of the original characters in `pending` */
    size_t n_pending, pending_capacity, n_sources, sources_capacity;
    bool in_word;       /* the last of words may still grow */
    bool out_of_memory; /* sticky */
} el_words;

void el_words_clear(el_words *words);

/* Normalise raw[begin, end), a mixed word that lies within the text [text, text_end); that is looked at for the final
 * sigma only. origin: number of the word's first character in the original text. Fills words->words, old content is
 * dropped. ELECTRA_NO_RESOURCE is the only failure. */
electra_status el_normalize(const el_normalizer *n, el_words *words, const uint8_t *text, const uint8_t *text_end,
                            const el_raw_word *raw, uint32_t origin, electra_error *err);

#endif
