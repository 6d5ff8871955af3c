/* Text <-> token ids, as BERT and ELECTRA do it, and the training of WordPiece vocabularies.
 *
 *     electra_tokenizer_options options = electra_tokenizer_options_default();
 *     electra_tokenizer *tokenizer = NULL;
 *     electra_encoder *encoder = NULL;
 *     electra_encoding encoding;
 *     electra_tokenizer_load(&tokenizer, "vocab.txt", &options, &error);
 *     electra_encoder_create(&encoder, tokenizer, &error);
 *     electra_encoder_encode(encoder, text, strlen(text), NULL, 0, NULL, &encoding, &error);
 *     ... encoding.windows[0].ids[i] ...
 *     electra_encoder_free(encoder);
 *     electra_tokenizer_free(tokenizer);
 *
 * A tokenizer never changes once made and may be used by any number of threads. An encoder holds what one thread needs
 * to work fast (scratch memory, a cache of words): one thread at a time, and it must not outlive its tokenizer.
 *
 * All text is UTF-8. Bytes that are not valid UTF-8 count as U+FFFD, one for each maximal ill-formed piece. */
#ifndef ELECTRA_TOKENIZER_H
#define ELECTRA_TOKENIZER_H

#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the tokenizer ------------------------------------------------------------------------------------------- */

typedef struct electra_tokenizer electra_tokenizer;

/* Whether accents are taken off: canonical decomposition, then the marks are dropped. */
typedef enum electra_accents {
    ELECTRA_ACCENTS_AUTO, /* stripped if lower-casing, as BERT does */
    ELECTRA_ACCENTS_STRIP,
    ELECTRA_ACCENTS_KEEP
} electra_accents;

/* Which special tokens are recognised when their names stand in the text. "[MASK]" that is not recognised is three
 * words: "[", "mask", "]". Text that comes from strangers should not be able to inject [CLS] or [SEP]. */
typedef enum electra_specials_in_text {
    ELECTRA_SPECIALS_NONE,
    ELECTRA_SPECIALS_MASK, /* [MASK] only: what filling masks needs */
    ELECTRA_SPECIALS_ALL   /* all five, as the Hugging Face library does */
} electra_specials_in_text;

typedef struct electra_tokenizer_options {
    size_t struct_size;
    bool lowercase;                            /* true */
    electra_accents strip_accents;             /* auto */
    bool handle_chinese_chars;                 /* true: each CJK ideograph is a word of its own */
    bool clean_text;                           /* true: control characters vanish */
    electra_specials_in_text specials_in_text; /* none */
    /* As the tokenizer that made the published pre-training data: words of up to 200 characters, the final sigma of
     * Greek, special tokens never recognised in text. Everything else stays as the Hugging Face library has it. */
    bool google;
    size_t max_word_chars;   /* a longer word becomes [UNK]; 0: 100, under `google` 200. Unicode code points, after
                                normalisation */
    electra_runtime runtime; /* for its log: warnings about odd vocabularies */
} electra_tokenizer_options;

ELECTRA_API electra_tokenizer_options electra_tokenizer_options_default(void);

/* Read a vocabulary: one token a line, its id the number of the line from 0. White space at the ends of lines is not
 * part of the token (so CRLF is fine); an empty line takes an id; of two equal lines the last one wins (a warning goes
 * to the log). options may be NULL for the defaults.
 * ELECTRA_INVALID: unreadable, not UTF-8, empty, or without one of [PAD] [UNK] [CLS] [SEP]. */
ELECTRA_API electra_status electra_tokenizer_load(electra_tokenizer **out, const char *path,
                                                  const electra_tokenizer_options *options, electra_error *err);

/* The tokenizer of a Hugging Face model directory, with the casing that its files ask for. runtime may be NULL.
 * ELECTRA_INVALID: the files are missing, or ask for something that this library would do otherwise. */
ELECTRA_API electra_status electra_tokenizer_load_model(electra_tokenizer **out, const char *folder,
                                                        electra_specials_in_text specials,
                                                        const electra_runtime *runtime, electra_error *err);

/* The same from n tokens in memory (copied); token i gets id i. NULL entries are ids without a token. */
ELECTRA_API electra_status electra_tokenizer_create(electra_tokenizer **out, const char *const *tokens, size_t n,
                                                    const electra_tokenizer_options *options, electra_error *err);

/* Accepts NULL. */
ELECTRA_API void electra_tokenizer_free(electra_tokenizer *tokenizer);

/* The options in force: strip_accents and max_word_chars are resolved, never auto or 0; the runtime is left out. */
ELECTRA_API electra_tokenizer_options electra_tokenizer_settings(const electra_tokenizer *tokenizer);

/* Number of ids, V. */
ELECTRA_API size_t electra_tokenizer_size(const electra_tokenizer *tokenizer);

#define ELECTRA_NO_TOKEN UINT32_MAX /* the id of a token that the vocabulary lacks */

typedef struct electra_special_ids {
    uint32_t pad, unk, cls, sep; /* always there */
    uint32_t mask;               /* ELECTRA_NO_TOKEN if the vocabulary has no [MASK] */
} electra_special_ids;

ELECTRA_API electra_special_ids electra_tokenizer_specials(const electra_tokenizer *tokenizer);

/* Whether an id is one of the five special tokens. */
ELECTRA_API bool electra_tokenizer_is_special(const electra_tokenizer *tokenizer, uint32_t id);

/* The text of a token, NUL-terminated, borrowed from the tokenizer; "" for an empty line; NULL for id >= V. */
ELECTRA_API const char *electra_tokenizer_token(const electra_tokenizer *tokenizer, uint32_t id);

/* The id of a token, or ELECTRA_NO_TOKEN. */
ELECTRA_API uint32_t electra_tokenizer_id(const electra_tokenizer *tokenizer, const char *token);

/* XXH3 (64 bits) over all tokens in order, each followed by '\n': tells vocabularies apart in manifests. */
ELECTRA_API uint64_t electra_tokenizer_hash(const electra_tokenizer *tokenizer);

/* Write the tokens as vocab.txt, LF line ends. Atomic. */
ELECTRA_API electra_status electra_tokenizer_save_vocab(const electra_tokenizer *tokenizer, const char *path,
                                                        electra_error *err);

/* Ids back to text: continuation pieces are joined, other tokens get a space before them, and the space before
 * punctuation and in English contractions is taken out as the reference decoder does. Ids >= V are left out.
 * *out is NUL-terminated and yours: electra_text_free. out_bytes may be NULL. */
ELECTRA_API electra_status electra_tokenizer_decode(const electra_tokenizer *tokenizer, const uint32_t *ids, size_t n,
                                                    bool skip_special, char **out, size_t *out_bytes,
                                                    electra_error *err);

/* Accepts NULL. */
ELECTRA_API void electra_text_free(char *text);

/* ---- encoding ------------------------------------------------------------------------------------------------ */

typedef struct electra_encoder electra_encoder;

/* About 2 MB. The tokenizer must outlive the encoder. */
ELECTRA_API electra_status electra_encoder_create(electra_encoder **out, const electra_tokenizer *tokenizer,
                                                  electra_error *err);
ELECTRA_API void electra_encoder_free(electra_encoder *encoder); /* accepts NULL */
ELECTRA_API const electra_tokenizer *electra_encoder_tokenizer(const electra_encoder *encoder);

/* Forget all cached words, for timings that start cold. Results never depend on the cache. */
ELECTRA_API void electra_encoder_forget(electra_encoder *encoder);

/* A growing array of ids. Zero it before its first use; release it with electra_ids_free. To reuse it, set n to 0. */
typedef struct electra_ids {
    uint32_t *ids; /* [capacity], of which n are filled */
    size_t n;
    size_t capacity;
} electra_ids;

ELECTRA_API void electra_ids_free(electra_ids *ids); /* accepts a zeroed one; leaves it zeroed */

/* The fast path: append the ids of a text, without [CLS] and [SEP]. Allocates nothing once ids and encoder have grown.
 * On failure (memory only) ids keeps what it had. */
ELECTRA_API electra_status electra_encoder_append(electra_encoder *encoder, const char *text, size_t bytes,
                                                  electra_ids *ids, electra_error *err);

typedef enum electra_truncation {
    ELECTRA_LONGEST_FIRST, /* the longer of the two texts is cut first */
    ELECTRA_ONLY_FIRST,
    ELECTRA_ONLY_SECOND
} electra_truncation;

typedef struct electra_encode_options {
    size_t struct_size;
    size_t max_length; /* most tokens, [CLS] and [SEP] included; 0: no limit */
    electra_truncation truncation;
    bool windows;    /* give what was cut off as further windows, each with its own [CLS] and [SEP] */
    size_t stride;   /* tokens that neighbouring windows share */
    bool no_special; /* leave [CLS] and [SEP] out */
} electra_encode_options;

ELECTRA_API electra_encode_options electra_encode_options_default(void);

/* A half-open range [start, end) in code points of the original text. */
typedef struct electra_span {
    uint32_t start, end;
} electra_span;

#define ELECTRA_NO_WORD UINT32_MAX /* the word of a token that belongs to no text */

/* n tokens: [CLS] first [SEP], or [CLS] first [SEP] second [SEP]. Every array has n entries. */
typedef struct electra_window {
    size_t n;
    const uint32_t *ids;
    const uint32_t *type_ids;    /* 0; 1 for the second text and its [SEP] */
    const electra_span *offsets; /* in the text that the token comes from; 0,0 for added tokens */
    const uint32_t *word_ids;    /* number of the word (run of letters, punctuation mark or ideograph) in its text;
                                    ELECTRA_NO_WORD for added tokens */
    const uint8_t *added;        /* 1 for the [CLS] and [SEP] that do not come from the text */
} electra_window;

typedef struct electra_encoding {
    size_t n_windows;              /* 1, or more if windows were asked for */
    const electra_window *windows; /* in the order of the text */
    size_t n_cut;                  /* tokens of the texts that are in no window */
} electra_encoding;

/* The full path: ids with their types, offsets and words; one text, or a pair if `second` is not NULL (it may be
 * empty). options may be NULL: no limit. What *out points to is borrowed from the encoder until its next call.
 * ELECTRA_MISUSE: max_length leaves no room, the stride is not less than a window's room, only_second without a pair,
 * windows of a pair with longest_first. ELECTRA_INVALID: the text that is not to be cut fills the room alone, or a text
 * has 4 GiB or more. */
ELECTRA_API electra_status electra_encoder_encode(electra_encoder *encoder, const char *first, size_t first_bytes,
                                                  const char *second, size_t second_bytes,
                                                  const electra_encode_options *options, electra_encoding *out,
                                                  electra_error *err);

/* ---- training a vocabulary ----------------------------------------------------------------------------------- */

typedef struct electra_vocab_trainer electra_vocab_trainer;

typedef struct electra_vocab_options {
    size_t struct_size;
    size_t size;           /* 30522 tokens; fewer if the text has no more pairs to merge */
    size_t min_frequency;  /* 2: pairs seen less often are not merged */
    size_t limit_alphabet; /* 1000: characters kept, the commonest ones */
    bool lowercase;        /* true */
    electra_accents strip_accents;
    bool handle_chinese_chars;         /* true */
    bool clean_text;                   /* true */
    const char *const *special_tokens; /* NULL: [PAD] [UNK] [CLS] [SEP] [MASK] */
    size_t n_special_tokens;
    electra_runtime runtime;
} electra_vocab_options;

ELECTRA_API electra_vocab_options electra_vocab_options_default(void);

/* options may be NULL for the defaults. Texts of special tokens are copied. */
ELECTRA_API electra_status electra_vocab_trainer_create(electra_vocab_trainer **out,
                                                        const electra_vocab_options *options, electra_error *err);

/* Count the words of a piece of text. Pieces are apart from each other: a word never spans two of them, so cut at line
 * ends. Large pieces (a megabyte) are counted by all threads. */
ELECTRA_API electra_status electra_vocab_trainer_add(electra_vocab_trainer *trainer, const char *text, size_t bytes,
                                                     electra_error *err);

/* Learn the vocabulary from all that was added; may be called once. The result depends on the words and their counts
 * only, not on threads or on the order in which they came. ELECTRA_INVALID if no word was added. */
ELECTRA_API electra_status electra_vocab_trainer_train(electra_vocab_trainer *trainer, electra_error *err);

/* What was learned: number of tokens, and each one (borrowed). 0 and NULL before training. */
ELECTRA_API size_t electra_vocab_trainer_size(const electra_vocab_trainer *trainer);
ELECTRA_API const char *electra_vocab_trainer_token(const electra_vocab_trainer *trainer, size_t id);

/* Words counted so far, and how many of them are distinct. Either may be NULL. */
ELECTRA_API void electra_vocab_trainer_counts(const electra_vocab_trainer *trainer, uint64_t *words,
                                              uint64_t *distinct);

/* Write vocab.txt, one token a line, LF. Atomic. */
ELECTRA_API electra_status electra_vocab_trainer_save(const electra_vocab_trainer *trainer, const char *path,
                                                      electra_error *err);

ELECTRA_API void electra_vocab_trainer_free(electra_vocab_trainer *trainer); /* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
