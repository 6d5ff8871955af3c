/* Owns what happens to raw text before WordPiece: see normalize.h for the order of the steps. */
#include "text/normalize.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/status.h"

/* ---- kinds of characters --------------------------------------------------------------------------------------- */

/* The kind of a character for cutting, from its flags. */
static el_byte_kind kind_of(const el_normalizer *n, unsigned flags)
{
    if (n->clean && (flags & EL_CHAR_CONTROL)) {
        return EL_BYTE_DROPPED;
    }
    if (flags & EL_CHAR_SPACE) {
        return EL_BYTE_SPACE;
    }
    if ((flags & EL_CHAR_PUNCTUATION) || (n->ideographs && (flags & EL_CHAR_IDEOGRAPH))) {
        return EL_BYTE_ALONE;
    }
    return EL_BYTE_OTHER;
}

/* Whether normalisation does anything to a character beyond dropping and cutting. */
static bool is_changed(const el_normalizer *n, unsigned flags)
{
    return (n->strip_accents && (flags & (EL_CHAR_DECOMPOSES | EL_CHAR_MARK))) ||
           (n->lowercase && (flags & EL_CHAR_LOWERS));
}

electra_status el_normalizer_init(el_normalizer *n, const electra_tokenizer_options *settings, electra_error *err)
{
    *n = (el_normalizer){.clean = settings->clean_text,
                         .ideographs = settings->handle_chinese_chars,
                         .strip_accents = settings->strip_accents == ELECTRA_ACCENTS_STRIP,
                         .lowercase = settings->lowercase,
                         .final_sigma = settings->google && settings->lowercase};
    EL_TRY(el_chars_init(&n->chars, err));
    for (unsigned c = 0; c < 256; c++) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        n->kinds[c] = (uint8_t)(plain      ? EL_BYTE_PLAIN
                                : c < 0x80 ? kind_of(n, el_char_flags(&n->chars, c))
                                           : EL_BYTE_OTHER);
    }
    return ELECTRA_OK;
}

void el_normalizer_clear(el_normalizer *n)
{
    el_chars_clear(&n->chars);
}

/* ---- cutting raw text ---------------------------------------------------------------------------------------- */

/* The kind of the character at *p, whatever its length; *p moves behind it, *flags are its el_char_flag bits. */
static el_byte_kind next_kind(const el_normalizer *n, const uint8_t **p, const uint8_t *end, unsigned *flags)
{
    const uint8_t byte = **p;
    if (byte < 0x80) {
        (*p)++;
        *flags = 0;
        return n->kinds[byte];
    }
    *flags = el_char_flags(&n->chars, el_utf8_next(p, end));
    return kind_of(n, *flags);
}

/* Follow a word from p on to the first character that cuts. */
static el_raw_word follow_word(const el_normalizer *n, const uint8_t *begin, const uint8_t *p, const uint8_t *end)
{
    el_raw_word word = {begin, p, EL_WORD_PLAIN, false};
    while (p < end) {
        unsigned flags;
        const el_byte_kind kind = next_kind(n, &p, end, &flags);
        if (kind == EL_BYTE_SPACE || kind == EL_BYTE_ALONE) {
            break;
        }
        if (kind != EL_BYTE_PLAIN) {
            word.kind = EL_WORD_MIXED;
            word.has_dropped |= kind == EL_BYTE_DROPPED;
        }
        word.end = p;
    }
    return word;
}

el_raw_word el_next_word(const el_normalizer *n, const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        const uint8_t *begin = p;
        unsigned flags;
        const el_byte_kind kind = next_kind(n, &p, end, &flags);
        if (kind == EL_BYTE_ALONE) {
            return (el_raw_word){begin, p, is_changed(n, flags) ? EL_WORD_MIXED : EL_WORD_ALONE, false};
        }
        if (kind == EL_BYTE_PLAIN || kind == EL_BYTE_OTHER) {
            return follow_word(n, begin, begin, end);
        }
    }
    return (el_raw_word){end, end, EL_WORD_NONE, false};
}

/* ---- the words that come out --------------------------------------------------------------------------------- */

/* Make room for one more element; on failure the sticky flag is set. */
static bool grow(el_words *w, void *array, size_t *capacity, size_t n, size_t size)
{
    if (n < *capacity) {
        return true;
    }
    void **block = array;
    const size_t more = *capacity ? 2 * *capacity : 64;
    void *grown = el_realloc(*block, *capacity, more, size);
    if (!grown) {
        w->out_of_memory = true;
        return false;
    }
    *block = grown;
    *capacity = more;
    return true;
}

/* Room for one more character in text and origin, which grow together. */
static bool grow_text(el_words *w)
{
    if (w->n_text + EL_UTF8_MOST <= w->text_capacity) {
        return true;
    }
    const size_t more = w->text_capacity ? 2 * w->text_capacity : 256;
    uint8_t *text = el_realloc(w->text, w->text_capacity, more, sizeof text[0]);
    if (text) {
        w->text = text;
    }
    uint32_t *origin = text ? el_realloc(w->origin, w->text_capacity, more, sizeof origin[0]) : NULL;
    if (!origin) {
        w->out_of_memory = true; /* text may be larger than text_capacity says; harmless */
        return false;
    }
    w->origin = origin;
    w->text_capacity = more;
    return true;
}

void el_words_clear(el_words *words)
{
    el_free(words->text);
    el_free(words->origin);
    el_free(words->words);
    el_free(words->pending);
    el_free(words->sources);
    *words = (el_words){.most_chars = words->most_chars};
}

/* Append a normalised character to the word in hand, or begin one. */
static void put_char(el_words *w, uint32_t c, uint32_t origin)
{
    if (!w->in_word) {
        if (!grow(w, &w->words, &w->words_capacity, w->n_words, sizeof w->words[0])) {
            return;
        }
        w->words[w->n_words++] = (el_word){.begin = w->n_text, .end = w->n_text, .first = origin};
        w->in_word = true;
    }
    el_word *word = &w->words[w->n_words - 1];
    word->last = origin;
    if (word->chars++ >= w->most_chars || !grow_text(w)) {
        return;
    }
    const size_t bytes = el_utf8_put(w->text + w->n_text, c);
    for (size_t i = 0; i < bytes; i++) {
        w->origin[w->n_text + i] = origin;
    }
    w->n_text += bytes;
    word->end = w->n_text;
}

/* A normalised character goes where the second cut (after normalisation) puts it. */
static void cut_again(const el_normalizer *n, el_words *w, uint32_t c, uint32_t origin)
{
    const el_byte_kind kind = c < 0x80 ? n->kinds[c] : kind_of(n, el_char_flags(&n->chars, c));
    if (kind == EL_BYTE_ALONE) {
        w->in_word = false;
        put_char(w, c, origin);
        w->in_word = false;
    } else if (kind == EL_BYTE_SPACE) {
        w->in_word = false;
    } else {
        put_char(w, c, origin);
    }
}

/* ---- lower case -------------------------------------------------------------------------------------------------- */

static void lower_char(const el_normalizer *n, el_words *w, uint32_t c, uint32_t origin)
{
    if (!n->lowercase || !(el_char_flags(&n->chars, c) & EL_CHAR_LOWERS)) {
        cut_again(n, w, c, origin);
        return;
    }
    uint32_t lower[2];
    const size_t count = el_char_lower(c, lower);
    for (size_t i = 0; i < count; i++) {
        cut_again(n, w, lower[i], origin);
    }
}

/* ---- decomposition and accents --------------------------------------------------------------------------------- */

static int by_class(const void *a, const void *b)
{
    const el_pending *x = a;
    const el_pending *y = b;
    if (x->class != y->class) {
        return x->class < y->class ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Order the marks that wait behind a starter, drop the accents, pass the rest on. After reordering the reference
 * gives out origins in the order of the text, not along with the marks that moved; so do we. */
static void flush_pending(const el_normalizer *n, el_words *w)
{
    if (w->n_pending > 1) {
        qsort(w->pending, w->n_pending, sizeof w->pending[0], by_class);
    }
    size_t source = 0;
    for (size_t i = 0; i < w->n_pending; i++) {
        source += i > 0 && w->pending[i].begins && source + 1 < w->n_sources;
        const uint32_t c = w->pending[i].c;
        if (!(el_char_flags(&n->chars, c) & EL_CHAR_MARK)) {
            lower_char(n, w, c, w->sources[source]);
        }
    }
    w->n_pending = w->n_sources = 0;
}

static void add_pending(const el_normalizer *n, el_words *w, uint32_t c, bool begins)
{
    const bool moves = el_char_flags(&n->chars, c) & EL_CHAR_REORDERED;
    const uint8_t class = moves ? (uint8_t)utf8proc_get_property((utf8proc_int32_t)c)->combining_class : 0;
    if (grow(w, &w->pending, &w->pending_capacity, w->n_pending, sizeof w->pending[0])) {
        w->pending[w->n_pending] = (el_pending){c, (uint32_t)w->n_pending, class, begins};
        w->n_pending++;
    }
}

/* Canonical decomposition of one character, at most 4 long. */
static size_t decompose(uint32_t c, uint32_t out[4])
{
    utf8proc_int32_t parts[4];
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)c, parts, 4, UTF8PROC_DECOMPOSE, &boundary);
    if (count < 1 || count > 4) {
        out[0] = c;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        out[i] = (uint32_t)parts[i];
    }
    return (size_t)count;
}

static void strip_accents(const el_normalizer *n, el_words *w, uint32_t c, uint32_t origin)
{
    const unsigned flags = el_char_flags(&n->chars, c);
    uint32_t parts[4] = {c};
    const size_t count = flags & EL_CHAR_DECOMPOSES ? decompose(c, parts) : 1;
    if (!(el_char_flags(&n->chars, parts[0]) & EL_CHAR_REORDERED)) {
        flush_pending(n, w); /* a starter: nothing before it can move any more */
    }
    if (grow(w, &w->sources, &w->sources_capacity, w->n_sources, sizeof w->sources[0])) {
        w->sources[w->n_sources++] = origin;
    }
    for (size_t i = 0; i < count && !w->out_of_memory; i++) {
        add_pending(n, w, parts[i], i == 0);
    }
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

electra_status el_normalize(const el_normalizer *n, el_words *words, const uint8_t *text, const uint8_t *text_end,
                            const el_raw_word *raw, uint32_t origin, electra_error *err)
{
    words->n_text = words->n_words = words->n_pending = words->n_sources = 0;
    words->in_word = false;
    words->out_of_memory = false;
    for (const uint8_t *p = raw->begin; p < raw->end && !words->out_of_memory; origin++) {
        const uint8_t *at = p;
        uint32_t c = el_utf8_next(&p, raw->end);
        if (n->clean && (el_char_flags(&n->chars, c) & EL_CHAR_CONTROL)) {
            continue;
        }
        if (c == EL_CAPITAL_SIGMA && n->final_sigma) {
            const unsigned looked_through = EL_CHAR_CASE_IGNORABLE | (n->clean ? EL_CHAR_CONTROL : 0);
            c = el_is_final_sigma(&n->chars, looked_through, text, text_end, at) ? EL_FINAL_SIGMA : EL_SMALL_SIGMA;
        }
        if (n->strip_accents) {
            strip_accents(n, words, c, origin);
        } else {
            lower_char(n, words, c, origin);
        }
    }
    if (!words->out_of_memory) {
        flush_pending(n, words);
    }
    if (words->out_of_memory) {
        return el_fail_memory(err, "the normalised text", 4 * words->text_capacity);
    }
    return ELECTRA_OK;
}
