/* Owns the encoder and its fast path: text -> ids and nothing else.
 *
 * Nearly all of English prose goes through the same few steps: look at 8 or 16 bytes at once, find where the run of
 * letters ends, make them lower case with one bit, and find the word in the cache, whose keys are the words
 * themselves. Words that are not there go through normalisation (if they are not plain) and WordPiece. */
#include "text/encoder.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/wordpiece.h"

/* ---- the object ----------------------------------------------------------------------------------------------------
 */

enum {
    CACHE_BITS = 15,
    CACHE_SETS = 1 << CACHE_BITS, /* of 2 words of 32 bytes: 2 MiB */
    KEY_BYTES = 16,
    CACHED_IDS = 3
};

electra_status electra_encoder_create(electra_encoder **out, const electra_tokenizer *tokenizer, electra_error *err)
{
    if (!out || !tokenizer) {
        return el_fail(err, ELECTRA_MISUSE, "electra_encoder_create", "out and tokenizer must not be NULL");
    }
    *out = NULL;
    electra_encoder *e = el_alloc(1, sizeof *e);
    if (!e) {
        return el_fail_memory(err, "the encoder", sizeof *e);
    }
    e->tokenizer = tokenizer;
    e->words.most_chars = tokenizer->settings.max_word_chars;
    e->cache = el_alloc(2 * CACHE_SETS, sizeof e->cache[0]);
    if (!e->cache) {
        electra_encoder_free(e);
        return el_fail_memory(err, "the encoder's cache", 2 * CACHE_SETS * sizeof e->cache[0]);
    }
    *out = e;
    return ELECTRA_OK;
}

void electra_encoder_free(electra_encoder *e)
{
    if (e) {
        el_free(e->cache);
        el_words_clear(&e->words);
        el_free(e->plain);
        el_free(e->piece_ids);
        el_free(e->piece_ends);
        el_token_list_clear(&e->lists[0]);
        el_token_list_clear(&e->lists[1]);
        el_window_store_clear(&e->store);
        el_free(e);
    }
}

const electra_tokenizer *electra_encoder_tokenizer(const electra_encoder *e)
{
    return e->tokenizer;
}

void electra_encoder_forget(electra_encoder *e)
{
    memset(e->cache, 0, 2 * CACHE_SETS * sizeof e->cache[0]);
}

electra_status el_encoder_reserve_word(electra_encoder *e, size_t bytes, electra_error *err)
{
    if (bytes <= e->plain_capacity) {
        return ELECTRA_OK;
    }
    const size_t more = 2 * bytes + 64;
    el_free(e->plain);
    el_free(e->piece_ids);
    el_free(e->piece_ends);
    e->plain = el_alloc(more, sizeof e->plain[0]);
    e->piece_ids = el_alloc(more, sizeof e->piece_ids[0]);
    e->piece_ends = el_alloc(more, sizeof e->piece_ends[0]);
    e->plain_capacity = e->plain && e->piece_ids && e->piece_ends ? more : 0;
    return e->plain_capacity ? ELECTRA_OK : el_fail_memory(err, "the pieces of a word", 9 * more);
}

/* ---- growing ids ---------------------------------------------------------------------------------------------------
 */

void electra_ids_free(electra_ids *ids)
{
    el_free(ids->ids);
    *ids = (electra_ids){0};
}

/* Room for `more` further ids. */
static electra_status reserve_ids(electra_ids *ids, size_t more, electra_error *err)
{
    if (more <= ids->capacity - ids->n) {
        return ELECTRA_OK;
    }
    const size_t capacity = 2 * ids->capacity + more + 256;
    uint32_t *grown = el_realloc(ids->ids, ids->n, capacity, sizeof grown[0]);
    if (!grown) {
        return el_fail_memory(err, "token ids", capacity * sizeof grown[0]);
    }
    ids->ids = grown;
    ids->capacity = capacity;
    return ELECTRA_OK;
}

static electra_status add_id(electra_ids *ids, uint32_t id, electra_error *err)
{
    EL_TRY(reserve_ids(ids, 1, err));
    ids->ids[ids->n++] = id;
    return ELECTRA_OK;
}

/* ---- eight bytes at once -------------------------------------------------------------------------------------------
 */

#define EACH(byte) (0x0101010101010101u * (byte)) /* the byte in all eight places */

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x); /* the first byte is the lowest, everywhere */
#endif
    return x;
}

/* The top bit of each byte that is not an ASCII letter or digit. Sums of 7-bit values and a constant reach the top
 * bit exactly when the value reaches a limit, and never carry into the next byte. */
static inline uint64_t not_plain(uint64_t x)
{
    const uint64_t low = x & EACH(0x7F);
    const uint64_t lower = low | EACH(0x20);
    const uint64_t letter = (lower + EACH(0x80 - 'a')) & ~(lower + EACH(0x7F - 'z'));
    const uint64_t digit = (low + EACH(0x80 - '0')) & ~(low + EACH(0x7F - '9'));
    return ~((letter | digit) & ~x) & EACH(0x80);
}

/* Keep the first n < 8 bytes. */
static inline uint64_t first_bytes(uint64_t x, unsigned n)
{
    return x & ~(~(uint64_t)0 << 8 * n);
}

/* A run of letters and digits: its length, 16 standing for 16 or more, and its first bytes in lower case. */
typedef struct plain_run {
    uint64_t key[2];
    size_t bytes;
} plain_run;

static inline plain_run measure_run(const uint8_t *p, uint64_t lower)
{
    const uint64_t a = load8(p);
    const uint64_t stop_a = not_plain(a);
    if (stop_a) {
        const unsigned n = (unsigned)__builtin_ctzll(stop_a) / 8;
        return (plain_run){{first_bytes(a | lower, n), 0}, n};
    }
    const uint64_t b = load8(p + 8);
    const uint64_t stop_b = not_plain(b);
    if (stop_b) {
        const unsigned n = (unsigned)__builtin_ctzll(stop_b) / 8;
        return (plain_run){{a | lower, first_bytes(b | lower, n)}, 8 + n};
    }
    return (plain_run){{a | lower, b | lower}, KEY_BYTES};
}

/* ---- the cache -----------------------------------------------------------------------------------------------------
 */

static inline el_cached_word *cache_set(const electra_encoder *e, const uint64_t key[2])
{
    const uint64_t mixed = (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9E3779B97F4A7C15u;
    return e->cache + 2 * ((mixed ^ mixed << 32) >> (64 - CACHE_BITS));
}

/* The word with this key or, if it is not there, the one that would be thrown out for it. Choosing between the two
 * of a set without a branch lets the processor go on with the next words while this set is still on its way from
 * memory. */
static inline const el_cached_word *cache_find(const electra_encoder *e, const uint64_t key[2], bool *found)
{
    const el_cached_word *set = cache_set(e, key);
    const uint64_t differs_first = (set[0].key[0] ^ key[0]) | (set[0].key[1] ^ key[1]);
    const el_cached_word *word = &set[differs_first != 0];
    *found = ((word->key[0] ^ key[0]) | (word->key[1] ^ key[1])) == 0;
    return word;
}

/* The newest word takes the first place of its set, the one that was there the second. */
static void cache_keep(electra_encoder *e, const uint64_t key[2], const uint32_t *ids, size_t n)
{
    if (n <= CACHED_IDS) {
        el_cached_word *set = cache_set(e, key);
        set[1] = set[0];
        set[0] = (el_cached_word){.key = {key[0], key[1]}, .n = (uint32_t)n};
        for (size_t i = 0; i < n; i++) {
            set[0].ids[i] = ids[i];
        }
    }
}

/* ---- words that are not in the cache
 * --------------------------------------------------------------------------------- */

/* WordPiece on normalised text, straight into ids. */
static electra_status add_pieces(const electra_tokenizer *t, const uint8_t *word, size_t bytes, size_t chars,
                                 electra_ids *ids, electra_error *err)
{
    if (chars > t->settings.max_word_chars) {
        return add_id(ids, t->vocab.specials.unk, err);
    }
    EL_TRY(reserve_ids(ids, bytes, err));
    ids->n += el_wordpiece(&t->vocab, word, bytes, ids->ids + ids->n, NULL);
    return ELECTRA_OK;
}

static electra_status add_plain(electra_encoder *e, const el_raw_word *raw, electra_ids *ids, electra_error *err)
{
    const electra_tokenizer *t = e->tokenizer;
    const size_t bytes = (size_t)(raw->end - raw->begin);
    if (bytes > t->settings.max_word_chars) {
        return add_id(ids, t->vocab.specials.unk, err);
    }
    EL_TRY(el_encoder_reserve_word(e, bytes, err));
    el_lower_plain(t, e->plain, raw->begin, bytes);
    return add_pieces(t, e->plain, bytes, bytes, ids, err);
}

/* text, text_end: what the word stands in */
static electra_status add_mixed(electra_encoder *e, const uint8_t *text, const uint8_t *text_end,
                                const el_raw_word *raw, electra_ids *ids, electra_error *err)
{
    const electra_tokenizer *t = e->tokenizer;
    EL_TRY(el_normalize(&t->normalizer, &e->words, text, text_end, raw, 0, err));
    for (size_t i = 0; i < e->words.n_words; i++) {
        const el_word *word = &e->words.words[i];
        EL_TRY(add_pieces(t, e->words.text + word->begin, word->end - word->begin, word->chars, ids, err));
    }
    return ELECTRA_OK;
}

/* The word as a key; false if it has none: too long, or its neighbours or dropped characters matter. */
static bool key_of(const electra_tokenizer *t, const el_raw_word *raw, uint64_t key[2])
{
    const size_t bytes = (size_t)(raw->end - raw->begin);
    const bool depends = raw->kind == EL_WORD_MIXED && (raw->has_dropped || t->normalizer.final_sigma);
    if (bytes > KEY_BYTES || depends || raw->end[-1] == 0) { /* a NUL at the end would look like padding */
        return false;
    }
    uint8_t padded[KEY_BYTES] = {0};
    memcpy(padded, raw->begin, bytes);
    if (raw->kind == EL_WORD_PLAIN) {
        el_lower_plain(t, padded, raw->begin, bytes);
    }
    key[0] = load8(padded);
    key[1] = load8(padded + 8);
    return true;
}

/* Any word, by the cache if it can be. */
static electra_status add_word(electra_encoder *e, const uint8_t *text, const uint8_t *text_end, const el_raw_word *raw,
                               electra_ids *ids, electra_error *err)
{
    uint64_t key[2];
    const bool has_one = key_of(e->tokenizer, raw, key);
    EL_TRY(reserve_ids(ids, CACHED_IDS, err));
    bool found = false;
    const el_cached_word *known = has_one ? cache_find(e, key, &found) : NULL;
    if (found) {
        memcpy(ids->ids + ids->n, known->ids, sizeof known->ids);
        ids->n += known->n;
        return ELECTRA_OK;
    }
    const size_t before = ids->n;
    switch (raw->kind) {
    case EL_WORD_PLAIN: EL_TRY(add_plain(e, raw, ids, err)); break;
    case EL_WORD_ALONE:
        EL_TRY(add_pieces(e->tokenizer, raw->begin, (size_t)(raw->end - raw->begin), 1, ids, err));
        break;
    case EL_WORD_MIXED: EL_TRY(add_mixed(e, text, text_end, raw, ids, err)); break;
    case EL_WORD_NONE: break;
    }
    if (has_one) {
        cache_keep(e, key, ids->ids + before, ids->n - before);
    }
    return ELECTRA_OK;
}

/* ---- a text
 * ---------------------------------------------------------------------------------------------------------- */

/* The fast loop: white space, ASCII punctuation and plain words that are in the cache, as long as they follow each
 * other and there is room for their ids. Returns where it stopped. */
static const uint8_t *add_known(const electra_encoder *e, const uint8_t *p, const uint8_t *end, electra_ids *ids)
{
    const electra_tokenizer *t = e->tokenizer;
    const uint8_t *kinds = t->normalizer.kinds;
    const uint64_t lower = t->normalizer.lowercase ? EACH(0x20) : 0;
    uint32_t *out = ids->ids + ids->n;
    const uint32_t *last_room = ids->ids + ids->capacity - CACHED_IDS;
    while (end - p > KEY_BYTES && out <= last_room) {
        const el_byte_kind kind = kinds[*p];
        if (kind == EL_BYTE_PLAIN) {
            const plain_run run = measure_run(p, lower);
            const el_byte_kind next = kinds[p[run.bytes]];
            bool found;
            const el_cached_word *word = cache_find(e, run.key, &found);
            if (run.bytes == KEY_BYTES || (next != EL_BYTE_SPACE && next != EL_BYTE_ALONE) || !found) {
                break;
            }
            memcpy(out, word->ids, sizeof word->ids); /* all three: cheaper than asking how many */
            out += word->n;
            p += run.bytes;
        } else if (kind == EL_BYTE_ALONE) {
            *out++ = t->alone[*p++];
        } else if (kind == EL_BYTE_SPACE) {
            p++;
        } else {
            break;
        }
    }
    ids->n = (size_t)(out - ids->ids);
    return p;
}

/* A piece of text in which no special token is recognised. */
static electra_status add_segment(electra_encoder *e, const uint8_t *text, const uint8_t *end, electra_ids *ids,
                                  electra_error *err)
{
    for (const uint8_t *p = text; p < end;) {
        EL_TRY(reserve_ids(ids, CACHED_IDS, err));
        p = add_known(e, p, end, ids);
        const el_raw_word raw = el_next_word(&e->tokenizer->normalizer, p, end);
        if (raw.kind == EL_WORD_NONE) {
            break;
        }
        EL_TRY(add_word(e, text, end, &raw, ids, err));
        p = raw.end;
    }
    return ELECTRA_OK;
}

/* Segments and the special tokens between them. */
static electra_status add_text(electra_encoder *e, const uint8_t *p, const uint8_t *end, electra_ids *ids,
                               electra_error *err)
{
    while (p < end) {
        const uint8_t *begin, *after;
        const uint32_t special = el_tokenizer_find_special(e->tokenizer, p, end, &begin, &after);
        EL_TRY(add_segment(e, p, begin, ids, err));
        if (special != ELECTRA_NO_TOKEN) {
            EL_TRY(add_id(ids, special, err));
        }
        p = after;
    }
    return ELECTRA_OK;
}

electra_status electra_encoder_append(electra_encoder *e, const char *text, size_t bytes, electra_ids *ids,
                                      electra_error *err)
{
    if (!e || !ids || (!text && bytes > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_encoder_append", "encoder, text and ids must not be NULL");
    }
    if (bytes == 0) {
        return ELECTRA_OK;
    }
    const size_t before = ids->n;
    const uint8_t *p = (const uint8_t *)text;
    const electra_status status = add_text(e, p, p + bytes, ids, err);
    if (status != ELECTRA_OK) {
        ids->n = before;
    }
    return status;
}
