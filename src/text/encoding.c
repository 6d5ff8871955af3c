/* Owns the full path: tokens with offsets and words, pairs, truncation and windows.
 *
 * Each text becomes a list of tokens; a plan says which ranges of the two lists each window takes; then the windows
 * are laid out with [CLS] and [SEP]. */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/encoder.h"
#include "text/wordpiece.h"

/* ---- lists of tokens -----------------------------------------------------------------------------------------------
 */

void el_token_list_clear(el_token_list *list)
{
    el_free(list->ids);
    el_free(list->spans);
    el_free(list->words);
    *list = (el_token_list){0};
}

/* Grow one array of a set that shares a capacity; the others may stay smaller if this fails. */
static bool grow_array(void *array, size_t old_n, size_t n, size_t size)
{
    void **block = array;
    void *grown = el_realloc(*block, old_n, n, size);
    if (grown) {
        *block = grown;
    }
    return grown != NULL;
}

static electra_status add_token(el_token_list *list, uint32_t id, electra_span span, uint32_t word, electra_error *err)
{
    if (list->n == list->capacity) {
        const size_t more = 2 * list->capacity + 256;
        if (!grow_array(&list->ids, list->capacity, more, sizeof list->ids[0]) ||
            !grow_array(&list->spans, list->capacity, more, sizeof list->spans[0]) ||
            !grow_array(&list->words, list->capacity, more, sizeof list->words[0])) {
            return el_fail_memory(err, "the tokens of a text", 16 * more);
        }
        list->capacity = more;
    }
    list->ids[list->n] = id;
    list->spans[list->n] = span;
    list->words[list->n] = word;
    list->n++;
    return ELECTRA_OK;
}

/* ---- a text
 * ------------------------------------------------------------------------------------------------------------ */

/* Where we are in a text. */
typedef struct cursor {
    electra_encoder *e;
    el_token_list *list;
    uint32_t at;   /* characters of the original text passed so far */
    uint32_t word; /* number of the next word */
} cursor;

/* One token for a whole word of `chars` original characters that begins here. */
static electra_status add_whole(cursor *c, uint32_t id, size_t chars, electra_error *err)
{
    const electra_span span = {c->at, c->at + (uint32_t)chars};
    return add_token(c->list, id, span, c->word++, err);
}

/* A word whose normalised characters are its raw bytes, one for one. */
static electra_status add_plain(cursor *c, const el_raw_word *raw, electra_error *err)
{
    electra_encoder *e = c->e;
    const electra_tokenizer *t = e->tokenizer;
    const size_t bytes = (size_t)(raw->end - raw->begin);
    if (bytes > t->settings.max_word_chars) {
        return add_whole(c, t->vocab.specials.unk, bytes, err);
    }
    EL_TRY(el_encoder_reserve_word(e, bytes, err));
    el_lower_plain(t, e->plain, raw->begin, bytes);
    const size_t n = el_wordpiece(&t->vocab, e->plain, bytes, e->piece_ids, e->piece_ends);
    for (size_t i = 0; i < n; i++) {
        const electra_span span = {c->at + (i ? e->piece_ends[i - 1] : 0), c->at + e->piece_ends[i]};
        EL_TRY(add_token(c->list, e->piece_ids[i], span, c->word, err));
    }
    c->word++;
    return ELECTRA_OK;
}

/* A normalised word: pieces begin and end at the original characters that their bytes come from. */
static electra_status add_normal(cursor *c, const el_word *word, electra_error *err)
{
    electra_encoder *e = c->e;
    const electra_tokenizer *t = e->tokenizer;
    if (word->chars > t->settings.max_word_chars) {
        return add_token(c->list, t->vocab.specials.unk, (electra_span){word->first, word->last + 1}, c->word++, err);
    }
    const size_t bytes = word->end - word->begin;
    EL_TRY(el_encoder_reserve_word(e, bytes, err));
    const size_t n = el_wordpiece(&t->vocab, e->words.text + word->begin, bytes, e->piece_ids, e->piece_ends);
    const uint32_t *origin = e->words.origin + word->begin;
    for (size_t i = 0, begin = 0; i < n; begin = e->piece_ends[i++]) {
        const electra_span span = {origin[begin], origin[e->piece_ends[i] - 1] + 1};
        EL_TRY(add_token(c->list, e->piece_ids[i], span, c->word, err));
    }
    c->word++;
    return ELECTRA_OK;
}

static electra_status add_alone(cursor *c, const el_raw_word *raw, electra_error *err)
{
    uint32_t ids[EL_UTF8_MOST];
    (void)el_wordpiece(&c->e->tokenizer->vocab, raw->begin, (size_t)(raw->end - raw->begin), ids, NULL);
    return add_whole(c, ids[0], 1, err);
}

static electra_status add_mixed(cursor *c, const uint8_t *text, const uint8_t *text_end, const el_raw_word *raw,
                                electra_error *err)
{
    el_words *words = &c->e->words;
    EL_TRY(el_normalize(&c->e->tokenizer->normalizer, words, text, text_end, raw, c->at, err));
    for (size_t i = 0; i < words->n_words; i++) {
        EL_TRY(add_normal(c, &words->words[i], err));
    }
    return ELECTRA_OK;
}

static electra_status add_segment(cursor *c, const uint8_t *text, const uint8_t *end, electra_error *err)
{
    const uint8_t *p = text;
    for (;;) {
        const el_raw_word raw = el_next_word(&c->e->tokenizer->normalizer, p, end);
        c->at += (uint32_t)el_utf8_count(p, raw.begin);
        switch (raw.kind) {
        case EL_WORD_NONE: return ELECTRA_OK;
        case EL_WORD_PLAIN: EL_TRY(add_plain(c, &raw, err)); break;
        case EL_WORD_ALONE: EL_TRY(add_alone(c, &raw, err)); break;
        case EL_WORD_MIXED: EL_TRY(add_mixed(c, text, end, &raw, err)); break;
        }
        c->at += (uint32_t)el_utf8_count(raw.begin, raw.end);
        p = raw.end;
    }
}

static electra_status list_text(electra_encoder *e, el_token_list *list, const char *text, size_t bytes,
                                electra_error *err)
{
    list->n = 0;
    cursor c = {e, list, 0, 0};
    const uint8_t *end = (const uint8_t *)text + bytes;
    for (const uint8_t *p = (const uint8_t *)text; p < end;) {
        const uint8_t *begin, *after;
        const uint32_t special = el_tokenizer_find_special(e->tokenizer, p, end, &begin, &after);
        EL_TRY(add_segment(&c, p, begin, err));
        if (special != ELECTRA_NO_TOKEN) {
            EL_TRY(add_whole(&c, special, (size_t)(after - begin), err));
            c.at += (uint32_t)(after - begin);
        }
        p = after;
    }
    return ELECTRA_OK;
}

/* ---- truncation
 * ---------------------------------------------------------------------------------------------------------- */

/* How much of each text a window takes, and which of the two further windows walk through. */
typedef struct plan {
    size_t total[2]; /* tokens of each text */
    size_t keep[2];  /* tokens of each text in a window */
    int walks;       /* 0 or 1: the text whose rest goes on into further windows; -1: one window only */
    size_t step;     /* from window to window, in tokens of that text */
} plan;

/* Both texts share the room: a text that fits in its half stays whole; otherwise the longer one gets the larger
 * half, the second text if they are equal. (The reference up to 0.22.2 and from 0.23.3 on.) */
static void share_room(plan *p, size_t room)
{
    const int longer = p->total[0] > p->total[1] ? 0 : 1;
    const int shorter = 1 - longer;
    if (p->total[shorter] > room / 2) {
        p->keep[shorter] = room / 2;
    }
    p->keep[longer] = room - p->keep[shorter];
}

/* Cut only one text. */
static electra_status cut_one(plan *p, int which, size_t room, electra_error *err)
{
    const size_t other = p->total[1 - which];
    if (other >= room) {
        return el_fail(err, ELECTRA_INVALID, which == 0 ? "only_first" : "only_second",
                       "the %s text alone has %zu tokens, which leaves nothing of the other within %zu; choose "
                       "longest_first or a larger maximum length",
                       which == 0 ? "second" : "first", other, room);
    }
    p->keep[which] = room - other;
    return ELECTRA_OK;
}

static electra_status plan_windows(plan *p, const electra_encode_options *o, bool pair, size_t room, electra_error *err)
{
    p->walks = -1;
    if (p->total[0] + p->total[1] <= room) {
        return ELECTRA_OK;
    }
    const int which = o->truncation == ELECTRA_ONLY_SECOND ? 1 : 0;
    if (!pair) {
        p->keep[0] = room;
    } else if (o->truncation == ELECTRA_LONGEST_FIRST) {
        share_room(p, room);
    } else {
        EL_TRY(cut_one(p, which, room, err));
    }
    if (o->windows) {
        if (o->stride >= p->keep[which]) {
            return el_fail(err, ELECTRA_MISUSE, "stride",
                           "neighbouring windows are to share %zu tokens, but a window has room for only %zu of the "
                           "text; the stride must be smaller",
                           o->stride, p->keep[which]);
        }
        p->walks = which;
        p->step = p->keep[which] - o->stride;
    }
    return ELECTRA_OK;
}

static size_t count_windows(const plan *p)
{
    if (p->walks < 0) {
        return 1;
    }
    const size_t beyond_first = p->total[p->walks] - p->keep[p->walks];
    return 1 + (beyond_first + p->step - 1) / p->step;
}

/* ---- windows
 * --------------------------------------------------------------------------------------------------------------- */

void el_window_store_clear(el_window_store *s)
{
    el_free(s->windows);
    el_free(s->ids);
    el_free(s->type_ids);
    el_free(s->word_ids);
    el_free(s->offsets);
    el_free(s->added);
    *s = (el_window_store){0};
}

static electra_status reserve_store(el_window_store *s, size_t n_windows, size_t n_tokens, electra_error *err)
{
    if (n_windows > s->windows_capacity) {
        const size_t more = 2 * n_windows + 4;
        if (!grow_array(&s->windows, 0, more, sizeof s->windows[0])) {
            return el_fail_memory(err, "windows", more * sizeof s->windows[0]);
        }
        s->windows_capacity = more;
    }
    if (n_tokens > s->capacity) {
        const size_t more = n_tokens + n_tokens / 2 + 64;
        s->capacity = 0;
        if (!grow_array(&s->ids, 0, more, sizeof s->ids[0]) ||
            !grow_array(&s->type_ids, 0, more, sizeof s->type_ids[0]) ||
            !grow_array(&s->word_ids, 0, more, sizeof s->word_ids[0]) ||
            !grow_array(&s->offsets, 0, more, sizeof s->offsets[0]) ||
            !grow_array(&s->added, 0, more, sizeof s->added[0])) {
            return el_fail_memory(err, "the tokens of all windows", 21 * more);
        }
        s->capacity = more;
    }
    return ELECTRA_OK;
}

/* [CLS] or [SEP] at place `at`. */
static void put_added(el_window_store *s, size_t at, uint32_t id, uint32_t type)
{
    s->ids[at] = id;
    s->type_ids[at] = type;
    s->offsets[at] = (electra_span){0, 0};
    s->word_ids[at] = ELECTRA_NO_WORD;
    s->added[at] = 1;
}

/* n tokens of a list from `from` on, at place `at`. */
static void put_range(el_window_store *s, size_t at, const el_token_list *list, size_t from, size_t n, uint32_t type)
{
    if (n == 0) {
        return;
    }
    memcpy(s->ids + at, list->ids + from, n * sizeof s->ids[0]);
    memcpy(s->offsets + at, list->spans + from, n * sizeof s->offsets[0]);
    memcpy(s->word_ids + at, list->words + from, n * sizeof s->word_ids[0]);
    memset(s->added + at, 0, n);
    for (size_t i = 0; i < n; i++) {
        s->type_ids[at + i] = type;
    }
}

/* Lay out window w from place `at` on; returns its number of tokens. */
static size_t put_window(electra_encoder *e, const plan *p, size_t w, bool pair, bool special, size_t at)
{
    const electra_special_ids *ids = &e->tokenizer->vocab.specials;
    el_window_store *s = &e->store;
    size_t n = 0;
    if (special) {
        put_added(s, at + n++, ids->cls, 0);
    }
    for (int which = 0; which <= pair; which++) {
        const size_t from = p->walks == which ? w * p->step : 0;
        const size_t left = p->total[which] - from;
        const size_t take = left < p->keep[which] ? left : p->keep[which];
        put_range(s, at + n, &e->lists[which], from, take, (uint32_t)which);
        n += take;
        if (special) {
            put_added(s, at + n++, ids->sep, (uint32_t)which);
        }
    }
    return n;
}

static electra_status lay_out(electra_encoder *e, const plan *p, bool pair, bool special, electra_encoding *out,
                              electra_error *err)
{
    const size_t n_windows = count_windows(p);
    const size_t most = p->keep[0] + p->keep[1] + 3;
    size_t total;
    if (el_mul_overflows(n_windows, most, &total)) {
        return el_fail_memory(err, "windows", n_windows);
    }
    el_window_store *s = &e->store;
    EL_TRY(reserve_store(s, n_windows, total, err));
    size_t at = 0;
    for (size_t w = 0; w < n_windows; w++) {
        const size_t n = put_window(e, p, w, pair, special, at);
        s->windows[w] =
            (electra_window){n, s->ids + at, s->type_ids + at, s->offsets + at, s->word_ids + at, s->added + at};
        at += n;
    }
    const size_t kept = p->walks == 0   ? p->total[0] + p->keep[1]
                        : p->walks == 1 ? p->keep[0] + p->total[1]
                                        : p->keep[0] + p->keep[1];
    *out = (electra_encoding){n_windows, s->windows, p->total[0] + p->total[1] - kept};
    return ELECTRA_OK;
}

/* ---- the call
 * ---------------------------------------------------------------------------------------------------------------- */

electra_encode_options electra_encode_options_default(void)
{
    return (electra_encode_options){.struct_size = sizeof(electra_encode_options)};
}

static electra_status check_options(const electra_encode_options *o, bool pair, size_t n_added, electra_error *err)
{
    if (o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "electra_encode_options",
                       "struct_size is %zu, this library expects %zu; begin with electra_encode_options_default()",
                       o->struct_size, sizeof *o);
    }
    if (o->truncation > ELECTRA_ONLY_SECOND) {
        return el_fail(err, ELECTRA_MISUSE, "truncation", "truncation is %d; it must be 0, 1 or 2", (int)o->truncation);
    }
    if (o->max_length > 0 && o->max_length <= n_added) {
        return el_fail(err, ELECTRA_MISUSE, "max_length",
                       "a maximum length of %zu leaves no room for text beside %zu special tokens", o->max_length,
                       n_added);
    }
    if (!pair && o->truncation == ELECTRA_ONLY_SECOND) {
        return el_fail(err, ELECTRA_MISUSE, "truncation",
                       "only_second asks for a pair of texts, but there is one text");
    }
    if (pair && o->windows && o->truncation == ELECTRA_LONGEST_FIRST) {
        return el_fail(err, ELECTRA_MISUSE, "windows",
                       "windows over a pair need to know which text they walk through: only_first or only_second");
    }
    return ELECTRA_OK;
}

electra_status electra_encoder_encode(electra_encoder *e, const char *first, size_t first_bytes, const char *second,
                                      size_t second_bytes, const electra_encode_options *options, electra_encoding *out,
                                      electra_error *err)
{
    if (!e || !out || (!first && first_bytes > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_encoder_encode", "encoder, text and out must not be NULL");
    }
    if (first_bytes >= UINT32_MAX || second_bytes >= UINT32_MAX) {
        return el_fail(err, ELECTRA_INVALID, "text", "a text of 4 GiB or more has no offsets of 32 bits; cut it");
    }
    const electra_encode_options o = options ? *options : electra_encode_options_default();
    const bool pair = second != NULL;
    const size_t n_added = o.no_special ? 0 : pair ? 3 : 2;
    EL_TRY(check_options(&o, pair, n_added, err));
    EL_TRY(list_text(e, &e->lists[0], first ? first : "", first_bytes, err));
    EL_TRY(list_text(e, &e->lists[1], pair ? second : "", pair ? second_bytes : 0, err));
    plan p = {.total = {e->lists[0].n, e->lists[1].n}};
    p.keep[0] = p.total[0];
    p.keep[1] = p.total[1];
    EL_TRY(plan_windows(&p, &o, pair, o.max_length ? o.max_length - n_added : SIZE_MAX, err));
    return lay_out(e, &p, pair, !o.no_special, out, err);
}
