#include "tasks/squad_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/status.h"
#include "text/chars.h"
#include "text/decode.h"
#include "text/utf8.h"

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

/* A normalised answer, and where its words are. */
typedef struct bag {
    el_text_buffer text;
    electra_text *words; /* [n] sorted; in text */
    size_t n, capacity;
} bag;

struct el_squad {
    el_chars chars;
    el_text_buffer lowered;
    bag gold, predicted;
};

electra_status el_squad_create(el_squad **out, electra_error *err)
{
    el_squad *squad = el_alloc(1, sizeof *squad);
    if (!squad) {
        return el_fail_memory(err, "the scorer of answers", sizeof *squad);
    }
    const electra_status status = el_chars_init(&squad->chars, err);
    if (status != ELECTRA_OK) {
        el_squad_free(squad);
        return status;
    }
    *out = squad;
    return ELECTRA_OK;
}

static void clear_bag(bag *b)
{
    el_text_buffer_clear(&b->text);
    el_free(b->words);
}

void el_squad_free(el_squad *squad)
{
    if (!squad) {
        return;
    }
    el_chars_clear(&squad->chars);
    el_text_buffer_clear(&squad->lowered);
    clear_bag(&squad->gold);
    clear_bag(&squad->predicted);
    el_free(squad);
}

/* Python's string.punctuation: all of ASCII that is printed and is no letter, digit or space. */
static bool is_ascii_punctuation(uint32_t c)
{
    return c > ' ' && c < 0x7F && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z');
}

static electra_status put_char(el_text_buffer *out, uint32_t c, electra_error *err)
{
    uint8_t bytes[EL_UTF8_MOST];
    const size_t n = el_utf8_put(bytes, c);
    return el_text_buffer_add(out, (const char *)bytes, n, err);
}

/* The text in lower case without ASCII punctuation, to squad->lowered. */
static electra_status lower(el_squad *squad, electra_text text, electra_error *err)
{
    squad->lowered.n = 0;
    const uint8_t *begin = (const uint8_t *)text.text;
    const uint8_t *end = text.bytes ? begin + text.bytes : begin;
    for (const uint8_t *p = begin; p < end;) {
        const uint8_t *at = p;
        const uint32_t c = el_utf8_next(&p, end);
        uint32_t lower[2] = {c, 0};
        size_t n = 1;
        if (c == EL_CAPITAL_SIGMA) {
            const bool final = el_is_final_sigma(&squad->chars, EL_CHAR_CASE_IGNORABLE, begin, end, at);
            lower[0] = final ? EL_FINAL_SIGMA : EL_SMALL_SIGMA;
        } else if (is_ascii_punctuation(c)) {
            n = 0;
        } else if (el_char_flags(&squad->chars, c) & EL_CHAR_LOWERS) {
            n = el_char_lower(c, lower);
        }
        for (size_t i = 0; i < n; i++) {
            EL_TRY(put_char(&squad->lowered, lower[i], err));
        }
    }
    return ELECTRA_OK;
}

/* What Python's regular expressions take for a part of a word; the underscore is gone by then. */
static bool is_word_char(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
    }
}

/* Python's str.isspace, at which str.split splits. */
static bool is_space(uint32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    return p->category == UTF8PROC_CATEGORY_ZS || p->bidi_class == UTF8PROC_BIDI_CLASS_WS ||
           p->bidi_class == UTF8PROC_BIDI_CLASS_B || p->bidi_class == UTF8PROC_BIDI_CLASS_S;
}

static bool is_article(const uint8_t *begin, const uint8_t *end)
{
    const size_t n = (size_t)(end - begin);
    return (n == 1 && memcmp(begin, "a", n) == 0) || (n == 2 && memcmp(begin, "an", n) == 0) ||
           (n == 3 && memcmp(begin, "the", n) == 0);
}

/* The end of the run of characters of one kind that begins at p; *word, *space: which kind. */
static const uint8_t *end_of_run(const uint8_t *p, const uint8_t *end, bool *word, bool *space)
{
    const uint32_t first = el_utf8_next(&p, end);
    *word = is_word_char(first);
    *space = is_space(first);
    for (const uint8_t *next = p; next < end; p = next) {
        const uint32_t c = el_utf8_next(&next, end);
        if (is_word_char(c) != *word || is_space(c) != *space) {
            break;
        }
    }
    return p;
}

/* squad->lowered to out: without articles, one space between words. */
static electra_status join_words(const el_squad *squad, el_text_buffer *out, electra_error *err)
{
    out->n = 0;
    const uint8_t *p = (const uint8_t *)squad->lowered.text;
    const uint8_t *end = squad->lowered.n ? p + squad->lowered.n : p;
    bool within = false; /* what comes next belongs to the word before */
    while (p < end) {
        bool word, space;
        const uint8_t *after = end_of_run(p, end, &word, &space);
        if (space || (word && is_article(p, after))) {
            within = false;
        } else {
            if (!within && out->n > 0) {
                EL_TRY(el_text_buffer_add(out, " ", 1, err));
            }
            within = true;
            EL_TRY(el_text_buffer_add(out, (const char *)p, (size_t)(after - p), err));
        }
        p = after;
    }
    return ELECTRA_OK;
}

static electra_status add_word(bag *b, const char *begin, const char *end, electra_error *err)
{
    if (b->n == b->capacity) {
        const size_t grown = 2 * b->capacity + 64;
        electra_text *words = el_realloc(b->words, b->capacity, grown, sizeof *words);
        if (!words) {
            return el_fail_memory(err, "the words of an answer", grown * sizeof *words);
        }
        b->words = words;
        b->capacity = grown;
    }
    b->words[b->n++] = (electra_text){begin, (size_t)(end - begin)};
    return ELECTRA_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const electra_text *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static electra_status fill_bag(el_squad *squad, bag *b, electra_text answer, electra_error *err)
{
    EL_TRY(lower(squad, answer, err));
    EL_TRY(join_words(squad, &b->text, err));
    b->n = 0;
    const char *end = b->text.n ? b->text.text + b->text.n : NULL;
    for (const char *p = end ? b->text.text : NULL; p < end;) {
        const char *space = memchr(p, ' ', (size_t)(end - p));
        const char *after = space ? space : end;
        EL_TRY(add_word(b, p, after, err));
        p = space ? space + 1 : end;
    }
    if (b->n > 1) {
        qsort(b->words, b->n, sizeof *b->words, by_bytes);
    }
    return ELECTRA_OK;
}

electra_status el_squad_normalize(el_squad *squad, electra_text answer, electra_text *out, electra_error *err)
{
    EL_TRY(fill_bag(squad, &squad->gold, answer, err));
    *out = (electra_text){squad->gold.text.text, squad->gold.text.n};
    return ELECTRA_OK;
}

/* ---- one answer against another ---------------------------------------------------------------------------------- */

static bool same_text(const bag *a, const bag *b)
{
    return a->text.n == b->text.n && (a->text.n == 0 || memcmp(a->text.text, b->text.text, a->text.n) == 0);
}

/* How many words are in both, counted as often as they are in both. */
static size_t n_common(const bag *a, const bag *b)
{
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        const int order = by_bytes(&a->words[i], &b->words[j]);
        n += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return n;
}

/* In the official scorer's order of operations, so that sums of it are rounded alike and best thresholds agree. */
static double f1_of(const bag *gold, const bag *predicted)
{
    const size_t same = n_common(gold, predicted);
    if (same == 0) {
        return 0;
    }
    const double precision = (double)same / (double)predicted->n;
    const double recall = (double)same / (double)gold->n;
    return 2 * precision * recall / (precision + recall);
}

static void keep_best(el_squad_match *best, double exact, double f1)
{
    best->exact = fmax(best->exact, exact);
    best->f1 = fmax(best->f1, f1);
}

static electra_status match1(el_squad *squad, const el_squad_question *q, el_squad_match *out, electra_error *err)
{
    *out = (el_squad_match){0};
    EL_TRY(fill_bag(squad, &squad->predicted, q->prediction, err));
    for (size_t i = 0; i < q->n_golds; i++) {
        EL_TRY(fill_bag(squad, &squad->gold, q->golds[i], err));
        keep_best(out, same_text(&squad->gold, &squad->predicted), f1_of(&squad->gold, &squad->predicted));
    }
    return ELECTRA_OK;
}

static electra_status match2(el_squad *squad, const el_squad_question *q, el_squad_match *out, electra_error *err)
{
    *out = (el_squad_match){0};
    EL_TRY(fill_bag(squad, &squad->predicted, q->prediction, err));
    bool answerable = false;
    for (size_t i = 0; i < q->n_golds; i++) {
        EL_TRY(fill_bag(squad, &squad->gold, q->golds[i], err));
        if (squad->gold.n > 0) {
            answerable = true;
            keep_best(out, same_text(&squad->gold, &squad->predicted), f1_of(&squad->gold, &squad->predicted));
        }
    }
    if (!answerable && squad->predicted.n == 0) {
        *out = (el_squad_match){1, 1};
    }
    return ELECTRA_OK;
}

/* ---- all questions ----------------------------------------------------------------------------------------------- */

static double share(double sum, size_t n)
{
    return n ? sum / (double)n : NAN;
}

electra_status el_squad1_score(el_squad *squad, const el_squad_question *questions, size_t n, el_squad_missing missing,
                               el_squad_match *each, el_squad1_scores *out, electra_error *err)
{
    *out = (el_squad1_scores){0};
    el_squad_match sum = {0};
    for (size_t i = 0; i < n; i++) {
        el_squad_match match = {0};
        if (questions[i].missing) {
            out->n_missing++;
        } else {
            EL_TRY(match1(squad, &questions[i], &match, err));
        }
        sum.exact += match.exact;
        sum.f1 += match.f1;
        if (each) {
            each[i] = match;
        }
    }
    out->n = missing == EL_SQUAD_MISSING_WRONG ? n : n - out->n_missing;
    out->exact = share(sum.exact, out->n);
    out->f1 = share(sum.f1, out->n);
    return ELECTRA_OK;
}

typedef struct ordered {
    double null_odds;
    size_t at;
} ordered;

static int by_odds(const void *a, const void *b)
{
    const ordered *x = a, *y = b;
    const int order = (x->null_odds > y->null_odds) - (x->null_odds < y->null_odds);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* The best sum of scores (exact match or F1), and the null odds of the last question that keeps its prediction for it.
 */
static double find_best(const el_squad_question *questions, const el_squad_match *each, const ordered *order, size_t n,
                        bool of_f1, double *threshold, bool *none)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += questions[order[i].at].n_golds == 0;
    }
    double best = sum;
    *threshold = 0;
    *none = true;
    for (size_t i = 0; i < n; i++) {
        const el_squad_question *q = &questions[order[i].at];
        if (q->n_golds > 0) {
            sum += of_f1 ? each[order[i].at].f1 : each[order[i].at].exact;
        } else {
            sum -= q->prediction.bytes > 0;
        }
        if (sum > best) {
            best = sum;
            *threshold = order[i].null_odds;
            *none = false;
        }
    }
    return share(best, n);
}

static void count(el_squad_part *part, el_squad_match match)
{
    part->exact += match.exact;
    part->f1 += match.f1;
    part->n++;
}

static el_squad_part mean_of(el_squad_part sum)
{
    return (el_squad_part){share(sum.exact, sum.n), share(sum.f1, sum.n), sum.n};
}

electra_status el_squad2_score(el_squad *squad, const el_squad_question *questions, size_t n, double threshold,
                               el_squad_match *each, el_squad2_scores *out, electra_error *err)
{
    *out = (el_squad2_scores){0};
    el_squad_match *own = each ? NULL : el_alloc(n, sizeof *own);
    ordered *order = el_alloc(n, sizeof *order);
    el_squad_match *matches = each ? each : own;
    electra_status status = ELECTRA_OK;
    if (!matches || !order) {
        status = el_fail_memory(err, "the scores of questions", n * (sizeof *own + sizeof *order));
        goto done;
    }
    size_t n_predicted = 0;
    for (size_t i = 0; i < n; i++) {
        const el_squad_question *q = &questions[i];
        matches[i] = (el_squad_match){0};
        if (q->missing) {
            out->n_missing++;
            continue;
        }
        EL_TRY_GOTO(match2(squad, q, &matches[i], err), done);
        order[n_predicted++] = (ordered){q->null_odds, i};
        const bool has_answer = q->n_golds > 0;
        el_squad_match match = matches[i];
        if (q->null_odds > threshold) {
            match = has_answer ? (el_squad_match){0, 0} : (el_squad_match){1, 1};
        }
        count(&out->all, match);
        count(has_answer ? &out->has_answer : &out->no_answer, match);
    }
    out->all = mean_of(out->all);
    out->has_answer = mean_of(out->has_answer);
    out->no_answer = mean_of(out->no_answer);
    qsort(order, n_predicted, sizeof *order, by_odds);
    out->best_exact =
        find_best(questions, matches, order, n_predicted, false, &out->best_exact_threshold, &out->best_exact_is_none);
    out->best_f1 =
        find_best(questions, matches, order, n_predicted, true, &out->best_f1_threshold, &out->best_f1_is_none);
done:
    el_free(order);
    el_free(own);
    return status;
}
