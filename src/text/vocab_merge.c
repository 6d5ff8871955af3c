/* Owns learning a WordPiece vocabulary from word counts, by the algorithm of the reference trainer (byte-pair merges
 * whose pieces inside words carry "##"):
 *
 *   1. the alphabet: the commonest characters, as bare tokens in code point order;
 *   2. each word as a row of symbols: its first character bare, the others with "##";
 *   3. again and again the commonest pair of neighbouring symbols becomes a token.
 *
 * Where the reference leaves something to the order of a hash table, code point order decides here, so the same counts
 * always give the same vocabulary. One oddity of the reference is kept because it shapes its results: the count of a
 * pair that was merged is not set back, so if the pair arises again (its halves can be formed by a second route) it
 * starts from the old value. */
#include "text/vocab_train.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/utf8.h"

enum { CODE_POINTS = 0x110000, MERGES_BETWEEN_REPORTS = 256 };

#define NO_SYMBOL UINT32_MAX

/* A word as symbols, which grow fewer as pairs are merged. */
typedef struct row {
    size_t first; /* in merger.symbols */
    size_t n;
    int64_t count;
} row;

/* Two neighbouring symbols. One number, so that smaller pairs (left id, then right id) are smaller numbers. */
typedef uint64_t pair;

static pair pair_of(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* How often a pair stands in the text now. */
typedef struct pair_count {
    pair key; /* no pair has id NO_SYMBOL on both sides: that is a free place */
    int64_t count;
    size_t places;     /* while places are first gathered: rows that hold the pair, then where the next one goes */
    uint32_t last_row; /* the row seen last, so that a row counts once */
} pair_count;

#define FREE_PAIR UINT64_MAX

/* A pair that may be merged: the count it had when it was put here, and the rows it was then found in. */
typedef struct candidate {
    int64_t count;
    pair key;
    size_t places, n_places; /* in merger.places */
} candidate;

/* A pair that has newly arisen in a row. */
typedef struct arising {
    pair key;
    uint32_t row;
} arising;

typedef struct merger {
    el_strings *tokens;
    const el_merge_settings *settings;
    uint32_t *bare;      /* [CODE_POINTS] id of a character as a token, NO_SYMBOL if it is not in the alphabet */
    uint32_t *continued; /* [CODE_POINTS] id of "##" and the character */
    uint32_t *symbols;
    row *rows;
    size_t n_rows;
    pair_count *counts; /* open addressing, [counts_mask + 1] */
    size_t n_counts, counts_mask;
    candidate *heap; /* the best first, children of i at 2i+1 and 2i+2 */
    size_t n_heap, heap_capacity;
    uint32_t *places; /* rows of all candidates, end to end */
    size_t n_places, places_capacity;
    arising *new_pairs; /* of the merge in hand */
    size_t n_new_pairs, new_pairs_capacity;
} merger;

static bool reserve(void *array, size_t *capacity, size_t n, size_t size)
{
    void **block = array;
    if (n <= *capacity) {
        return true;
    }
    const size_t more = n + n / 2 + 64;
    void *grown = el_realloc(*block, *capacity, more, size);
    if (grown) {
        *block = grown;
        *capacity = more;
    }
    return grown != NULL;
}

static electra_status no_memory(electra_error *err)
{
    return el_fail_memory(err, "merging pairs", 0);
}

/* ---- 1. the alphabet ------------------------------------------------------------------------------------------------
 */

typedef struct letter {
    uint32_t c;
    uint64_t count;
} letter;

static int commonest_first(const void *a, const void *b)
{
    const letter *x = a;
    const letter *y = b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return x->c < y->c ? -1 : x->c > y->c;
}

static int by_code_point(const void *a, const void *b)
{
    const letter *x = a;
    const letter *y = b;
    return x->c < y->c ? -1 : x->c > y->c;
}

/* Add a character as a token, bare or continued. */
static electra_status add_letter(merger *m, uint32_t c, bool continued, electra_error *err)
{
    uint8_t text[2 + EL_UTF8_MOST] = "##";
    const size_t prefix = continued ? 2 : 0;
    const size_t bytes = prefix + el_utf8_put(text + prefix, c);
    const size_t id = el_strings_add(m->tokens, (const char *)text, bytes);
    if (id == EL_STRINGS_FULL) {
        return no_memory(err);
    }
    (continued ? m->continued : m->bare)[c] = (uint32_t)id;
    return ELECTRA_OK;
}

/* counts: [CODE_POINTS] */
static electra_status add_alphabet(merger *m, const uint64_t *counts, electra_error *err)
{
    letter *letters = NULL;
    size_t n = 0, capacity = 0;
    for (uint32_t c = 1; c < CODE_POINTS; c++) { /* a NUL cannot stand in a vocabulary file */
        if (counts[c] == 0) {
            continue;
        }
        if (!reserve(&letters, &capacity, n + 1, sizeof letters[0])) {
            el_free(letters);
            return no_memory(err);
        }
        letters[n++] = (letter){c, counts[c]};
    }
    if (n > m->settings->limit_alphabet) {
        qsort(letters, n, sizeof letters[0], commonest_first);
        el_log(m->settings->runtime, ELECTRA_LOG_INFO, "the text has %zu characters; the %zu commonest are kept", n,
               m->settings->limit_alphabet);
        n = m->settings->limit_alphabet;
        qsort(letters, n, sizeof letters[0], by_code_point);
    }
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; status == ELECTRA_OK && i < n; i++) {
        status = add_letter(m, letters[i].c, false, err);
    }
    el_free(letters);
    return status;
}

static electra_status choose_alphabet(merger *m, const el_strings *words, electra_error *err)
{
    uint64_t *counts = el_alloc(CODE_POINTS, sizeof counts[0]);
    if (!counts) {
        return no_memory(err);
    }
    for (size_t w = 0; w < words->n; w++) {
        const uint8_t *p = (const uint8_t *)el_strings_text(words, w);
        const uint8_t *end = p + words->items[w].bytes;
        while (p < end) {
            counts[el_utf8_next(&p, end)] += words->items[w].count;
        }
    }
    const electra_status status = add_alphabet(m, counts, err);
    el_free(counts);
    return status;
}

/* ---- 2. words as symbols --------------------------------------------------------------------------------------------
 */

/* Give ids to the "##" characters that occur: those of the caller's order first, then by code point. Until then
 * m->continued holds 0 for a character that occurs within words and NO_SYMBOL for the others. */
static electra_status number_continued(merger *m, electra_error *err)
{
    const el_merge_settings *s = m->settings;
    bool *done = el_alloc(CODE_POINTS, sizeof done[0]);
    if (!done) {
        return no_memory(err);
    }
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; status == ELECTRA_OK && i < s->n_continuation_order + CODE_POINTS; i++) {
        const uint32_t c =
            i < s->n_continuation_order ? s->continuation_order[i] : (uint32_t)(i - s->n_continuation_order);
        if (c < CODE_POINTS && m->continued[c] != NO_SYMBOL && !done[c]) {
            status = add_letter(m, c, true, err);
            done[c] = true;
        }
    }
    el_free(done);
    return status;
}

/* Mark the characters that occur after the first of a word; returns the number of symbols of all words. */
static size_t survey(merger *m, const el_strings *words)
{
    size_t n = 0;
    for (size_t w = 0; w < words->n; w++) {
        const uint8_t *begin = (const uint8_t *)el_strings_text(words, w);
        const uint8_t *end = begin + words->items[w].bytes;
        for (const uint8_t *p = begin; p < end;) {
            const bool first = p == begin;
            const uint32_t c = el_utf8_next(&p, end);
            if (m->bare[c] != NO_SYMBOL) {
                n++;
                m->continued[c] = first ? m->continued[c] : 0;
            }
        }
    }
    return n;
}

static void fill_row(merger *m, row *r, const uint8_t *begin, const uint8_t *end)
{
    for (const uint8_t *p = begin; p < end;) {
        const bool first = p == begin;
        const uint32_t c = el_utf8_next(&p, end);
        if (m->bare[c] != NO_SYMBOL) {
            m->symbols[r->first + r->n++] = first ? m->bare[c] : m->continued[c];
        }
    }
}

static electra_status make_rows(merger *m, const el_strings *words, electra_error *err)
{
    const size_t n_symbols = survey(m, words);
    EL_TRY(number_continued(m, err));
    m->symbols = el_alloc(n_symbols, sizeof m->symbols[0]);
    m->rows = el_alloc(words->n, sizeof m->rows[0]);
    if (!m->symbols || !m->rows) {
        return no_memory(err);
    }
    size_t at = 0;
    for (size_t w = 0; w < words->n; w++) {
        const uint8_t *text = (const uint8_t *)el_strings_text(words, w);
        row *r = &m->rows[m->n_rows++];
        *r = (row){.first = at, .count = (int64_t)words->items[w].count};
        fill_row(m, r, text, text + words->items[w].bytes);
        at += r->n;
    }
    return ELECTRA_OK;
}

/* ---- counts of pairs ------------------------------------------------------------------------------------------------
 */

static size_t pair_slot(pair key, size_t mask)
{
    const uint64_t mixed = key * 0x9E3779B97F4A7C15u;
    return (mixed ^ mixed >> 32) & mask;
}

static pair_count *find_pair(pair_count *counts, size_t mask, pair key)
{
    size_t slot = pair_slot(key, mask);
    while (counts[slot].key != key && counts[slot].key != FREE_PAIR) {
        slot = (slot + 1) & mask;
    }
    return &counts[slot];
}

static bool grow_counts(merger *m)
{
    const size_t n = m->counts ? 2 * (m->counts_mask + 1) : 4096;
    pair_count *counts = el_alloc(n, sizeof counts[0]);
    if (!counts) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        counts[i].key = FREE_PAIR;
    }
    for (size_t i = 0; m->counts && i <= m->counts_mask; i++) {
        if (m->counts[i].key != FREE_PAIR) {
            *find_pair(counts, n - 1, m->counts[i].key) = m->counts[i];
        }
    }
    el_free(m->counts);
    m->counts = counts;
    m->counts_mask = n - 1;
    return true;
}

/* The count of a pair, 0 if it is new; NULL when out of memory. Valid until the next call. */
static pair_count *count_of(merger *m, pair key)
{
    if (2 * m->n_counts >= m->counts_mask && !grow_counts(m)) {
        return NULL;
    }
    pair_count *found = find_pair(m->counts, m->counts_mask, key);
    if (found->key == FREE_PAIR) {
        *found = (pair_count){.key = key, .last_row = UINT32_MAX};
        m->n_counts++;
    }
    return found;
}

/* ---- the heap of candidates
 * ------------------------------------------------------------------------------------------- */

/* More occurrences first, then the smaller pair, then the older list of rows. */
static bool comes_before(const candidate *a, const candidate *b)
{
    if (a->count != b->count) {
        return a->count > b->count;
    }
    return a->key != b->key ? a->key < b->key : a->places < b->places;
}

static void sift_down(merger *m, size_t i)
{
    const candidate moving = m->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->n_heap) {
            break;
        }
        if (child + 1 < m->n_heap && comes_before(&m->heap[child + 1], &m->heap[child])) {
            child++;
        }
        if (!comes_before(&m->heap[child], &moving)) {
            break;
        }
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = moving;
}

static bool push(merger *m, candidate c)
{
    if (!reserve(&m->heap, &m->heap_capacity, m->n_heap + 1, sizeof m->heap[0])) {
        return false;
    }
    size_t i = m->n_heap++;
    while (i > 0 && comes_before(&c, &m->heap[(i - 1) / 2])) {
        m->heap[i] = m->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    m->heap[i] = c;
    return true;
}

static void pop(merger *m)
{
    m->heap[0] = m->heap[--m->n_heap];
    if (m->n_heap > 0) {
        sift_down(m, 0);
    }
}

/* ---- the first candidates ------------------------------------------------------------------------------------------
 */

/* Count all pairs and how many rows hold each. */
static bool count_pairs(merger *m)
{
    for (size_t r = 0; r < m->n_rows; r++) {
        const uint32_t *s = m->symbols + m->rows[r].first;
        for (size_t i = 0; i + 1 < m->rows[r].n; i++) {
            pair_count *p = count_of(m, pair_of(s[i], s[i + 1]));
            if (!p) {
                return false;
            }
            p->count += m->rows[r].count;
            p->places += p->last_row != r;
            p->last_row = (uint32_t)r;
        }
    }
    return true;
}

/* One candidate a pair; its rows get their stretch of m->places, and the pair remembers where the next row goes. */
static bool make_candidates(merger *m)
{
    for (size_t i = 0; m->counts && i <= m->counts_mask; i++) {
        pair_count *p = &m->counts[i];
        if (p->key == FREE_PAIR) {
            continue;
        }
        if (!push(m, (candidate){p->count, p->key, m->n_places, p->places})) {
            return false;
        }
        const size_t n = p->places;
        p->places = m->n_places;
        p->last_row = UINT32_MAX;
        m->n_places += n;
    }
    return reserve(&m->places, &m->places_capacity, m->n_places, sizeof m->places[0]);
}

static void fill_places(merger *m)
{
    for (size_t r = 0; r < m->n_rows; r++) {
        const uint32_t *s = m->symbols + m->rows[r].first;
        for (size_t i = 0; i + 1 < m->rows[r].n; i++) {
            pair_count *p = find_pair(m->counts, m->counts_mask, pair_of(s[i], s[i + 1]));
            if (p->last_row != r) {
                m->places[p->places++] = (uint32_t)r;
                p->last_row = (uint32_t)r;
            }
        }
    }
}

/* ---- 3. merging
 * ------------------------------------------------------------------------------------------------------ */

/* A pair lost or won by one row. */
static bool change(merger *m, pair key, size_t r, int sign)
{
    pair_count *p = count_of(m, key);
    if (!p) {
        return false;
    }
    p->count += sign * m->rows[r].count;
    if (sign > 0) {
        if (!reserve(&m->new_pairs, &m->new_pairs_capacity, m->n_new_pairs + 1, sizeof m->new_pairs[0])) {
            return false;
        }
        m->new_pairs[m->n_new_pairs++] = (arising){key, (uint32_t)r};
    }
    return true;
}

/* Replace left, right by merged wherever they stand in a row, from left to right. */
static bool merge_row(merger *m, size_t r, uint32_t left, uint32_t right, uint32_t merged)
{
    row *word = &m->rows[r];
    uint32_t *s = m->symbols + word->first;
    size_t to = 0;
    for (size_t i = 0; i < word->n; to++) {
        if (i + 1 == word->n || s[i] != left || s[i + 1] != right) {
            s[to] = s[i++];
            continue;
        }
        if (to > 0 && !(change(m, pair_of(s[to - 1], left), r, -1) && change(m, pair_of(s[to - 1], merged), r, 1))) {
            return false;
        }
        i += 2;
        if (i < word->n && !(change(m, pair_of(right, s[i]), r, -1) && change(m, pair_of(merged, s[i]), r, 1))) {
            return false;
        }
        s[to] = merged;
    }
    word->n = to;
    return true;
}

static int by_pair_and_row(const void *a, const void *b)
{
    const arising *x = a;
    const arising *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Each pair that has arisen becomes a candidate with the rows it arose in. */
static bool push_new_pairs(merger *m)
{
    if (m->n_new_pairs == 0) {
        return true;
    }
    qsort(m->new_pairs, m->n_new_pairs, sizeof m->new_pairs[0], by_pair_and_row);
    if (!reserve(&m->places, &m->places_capacity, m->n_places + m->n_new_pairs, sizeof m->places[0])) {
        return false;
    }
    for (size_t i = 0; i < m->n_new_pairs;) {
        const pair key = m->new_pairs[i].key;
        const size_t first = m->n_places;
        for (; i < m->n_new_pairs && m->new_pairs[i].key == key; i++) {
            if (m->n_places == first || m->places[m->n_places - 1] != m->new_pairs[i].row) {
                m->places[m->n_places++] = m->new_pairs[i].row;
            }
        }
        const int64_t count = find_pair(m->counts, m->counts_mask, key)->count;
        if (count > 0 && !push(m, (candidate){count, key, first, m->n_places - first})) {
            return false;
        }
    }
    m->n_new_pairs = 0;
    return true;
}

/* The token of two: left, then right without its "##". EL_STRINGS_FULL when out of memory. */
static size_t join_tokens(el_strings *tokens, uint32_t left, uint32_t right)
{
    const size_t left_bytes = tokens->items[left].bytes;
    size_t right_bytes = tokens->items[right].bytes;
    const char *rest = el_strings_text(tokens, right);
    if (right_bytes >= 2 && memcmp(rest, "##", 2) == 0) {
        rest += 2;
        right_bytes -= 2;
    }
    char *joined = el_alloc(left_bytes + right_bytes, 1);
    if (!joined) {
        return EL_STRINGS_FULL;
    }
    memcpy(joined, el_strings_text(tokens, left), left_bytes);
    memcpy(joined + left_bytes, rest, right_bytes);
    const size_t id = el_strings_add(tokens, joined, left_bytes + right_bytes);
    el_free(joined);
    return id;
}

static bool merge_best(merger *m, const candidate *best)
{
    const uint32_t left = (uint32_t)(best->key >> 32);
    const uint32_t right = (uint32_t)best->key;
    const size_t merged = join_tokens(m->tokens, left, right);
    if (merged == EL_STRINGS_FULL) {
        return false;
    }
    for (size_t i = 0; i < best->n_places; i++) {
        if (!merge_row(m, m->places[best->places + i], left, right, (uint32_t)merged)) {
            return false;
        }
    }
    return push_new_pairs(m);
}

static electra_status merge_all(merger *m, electra_error *err)
{
    const el_merge_settings *s = m->settings;
    const double begin = el_now();
    for (size_t round = 0; m->tokens->n < s->size && m->n_heap > 0; round++) {
        const candidate best = m->heap[0];
        const int64_t now = find_pair(m->counts, m->counts_mask, best.key)->count;
        if (best.count != now) {
            m->heap[0].count = now;
            sift_down(m, 0);
            continue;
        }
        if (now < 1 || (uint64_t)now < s->min_frequency) {
            break;
        }
        pop(m);
        if (!merge_best(m, &best)) {
            return no_memory(err);
        }
        const electra_progress progress = {.stage = "merging",
                                           .unit = "tokens",
                                           .done = (double)m->tokens->n,
                                           .total = (double)s->size,
                                           .seconds = el_now() - begin};
        if (round % MERGES_BETWEEN_REPORTS == 0 && el_progress(s->runtime, &progress)) {
            return el_fail(err, ELECTRA_INTERRUPTED, NULL, "interrupted while merging; nothing was written");
        }
    }
    return ELECTRA_OK;
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------------------------- */

static electra_status run(merger *m, const el_strings *words, electra_error *err)
{
    if (words->n >= UINT32_MAX) {
        return el_fail(err, ELECTRA_INVALID, "text", "the text has %zu distinct words, more than can be numbered",
                       words->n);
    }
    m->bare = el_alloc(CODE_POINTS, sizeof m->bare[0]);
    m->continued = el_alloc(CODE_POINTS, sizeof m->continued[0]);
    if (!m->bare || !m->continued) {
        return no_memory(err);
    }
    memset(m->bare, 0xFF, CODE_POINTS * sizeof m->bare[0]); /* NO_SYMBOL */
    memset(m->continued, 0xFF, CODE_POINTS * sizeof m->continued[0]);
    EL_TRY(choose_alphabet(m, words, err));
    EL_TRY(make_rows(m, words, err));
    if (!count_pairs(m) || !make_candidates(m)) {
        return no_memory(err);
    }
    fill_places(m);
    return merge_all(m, err);
}

electra_status el_vocab_merge(el_strings *tokens, const el_strings *words, const el_merge_settings *settings,
                              electra_error *err)
{
    merger m = {.tokens = tokens, .settings = settings};
    const electra_status status = run(&m, words, err);
    el_free(m.bare);
    el_free(m.continued);
    el_free(m.symbols);
    el_free(m.rows);
    el_free(m.counts);
    el_free(m.heap);
    el_free(m.places);
    el_free(m.new_pairs);
    return status;
}
