/* Owns windows of questions: tokenizing each text once, finding the answer in the context, cutting windows. */
#include "tasks/qa_features.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "infer/growing.h"
#include "text/chars.h"
#include "text/utf8.h"

enum { SPECIALS = 3, LEAST_LENGTH = 8 };

el_qa_settings el_qa_settings_default(void)
{
    return (el_qa_settings){.max_length = 512, .max_question = 64, .step = 128};
}

const char *el_qa_reason_text(el_qa_reason reason)
{
    switch (reason) {
    case EL_QA_NONE_GIVEN: return "no answer is given, and the question is not said to be impossible";
    case EL_QA_EMPTY: return "the answer has no visible character";
    case EL_QA_NOT_THERE: return "the answer does not stand in the context";
    case EL_QA_NOT_IN_TOKEN: return "the tokenizer drops all characters of the answer";
    }
    return "";
}

/* ---- characters ---------------------------------------------------------------------------------------------------
 */

/* A text as code points; bytes[i] is where the i-th begins, bytes[n] the end. */
typedef struct chars {
    el_growing codes; /* uint32_t */
    el_growing bytes; /* uint32_t, one more */
} chars;

static electra_status take_text(chars *t, electra_text text, electra_error *err)
{
    static const char WHAT[] = "the characters of a text";
    t->codes.n = t->bytes.n = 0;
    uint32_t *codes = el_growing_room(&t->codes, text.bytes, sizeof *codes, WHAT, err);
    uint32_t *bytes = codes ? el_growing_room(&t->bytes, text.bytes + 1, sizeof *bytes, WHAT, err) : NULL;
    if (!bytes) {
        return ELECTRA_NO_RESOURCE;
    }
    const uint8_t *begin = (const uint8_t *)text.text;
    const uint8_t *p = begin;
    size_t n = 0;
    for (; text.bytes && p < begin + text.bytes; n++) {
        bytes[n] = (uint32_t)(p - begin);
        codes[n] = el_utf8_next(&p, begin + text.bytes);
    }
    bytes[n] = (uint32_t)text.bytes;
    t->codes.n = t->bytes.n = n;
    return ELECTRA_OK;
}

/* White space as the Unicode property has it. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Counts for nothing where texts are compared. */
static bool is_mark(uint32_t c)
{
    return c == 0xFEFF; /* byte order mark */
}

static bool is_blank(uint32_t c)
{
    return is_space(c) || is_mark(c);
}

/* Part of a word, roughly: what stands beside it makes an occurrence one within a word. */
static bool is_letter(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xAA && !is_blank(c));
}

static uint32_t lower(uint32_t c)
{
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    }
    uint32_t out[2];
    (void)el_char_lower(c, out);
    return out[0];
}

/* Marks away, runs of white space one space, none of it at the ends. */
static void simplify(chars *t)
{
    uint32_t *codes = t->codes.items;
    size_t n = 0;
    for (size_t i = 0; i < t->codes.n; i++) {
        if (is_space(codes[i])) {
            if (n > 0 && codes[n - 1] != ' ') {
                codes[n++] = ' ';
            }
        } else if (!is_mark(codes[i])) {
            codes[n++] = codes[i];
        }
    }
    t->codes.n = n > 0 && codes[n - 1] == ' ' ? n - 1 : n;
}

/* ---- where the answer stands --------------------------------------------------------------------------------------
 */

/* The end of the wanted text, if it stands at code point `at` of the context, which is no blank; 0: it does not. */
static size_t match(const chars *context, size_t at, const chars *wanted, bool fold)
{
    const uint32_t *c = context->codes.items;
    const uint32_t *w = wanted->codes.items;
    const size_t n = context->codes.n;
    size_t i = at;
    for (size_t k = 0; k < wanted->codes.n; k++) {
        if (w[k] == ' ') {
            const size_t before = i;
            bool space = false;
            for (; i < n && is_blank(c[i]); i++) {
                space = space || is_space(c[i]);
            }
            if (i == before || !space) {
                return 0;
            }
            continue;
        }
        while (i < n && is_mark(c[i])) {
            i++;
        }
        if (i == n || (c[i] != w[k] && !(fold && lower(c[i]) == lower(w[k])))) {
            return 0;
        }
        i++;
    }
    return i;
}

/* Code points begin ... end - 1. */
typedef struct range {
    size_t begin, end;
} range;

static bool is_whole(const chars *context, range r)
{
    const uint32_t *c = context->codes.items;
    const bool left = r.begin > 0 && is_letter(c[r.begin - 1]) && is_letter(c[r.begin]);
    const bool right = r.end < context->codes.n && is_letter(c[r.end - 1]) && is_letter(c[r.end]);
    return !left && !right;
}

/* The occurrence nearest to `place`, the earlier of two. */
static bool find_nearest(const chars *context, const chars *wanted, size_t place, bool fold, bool whole, range *out)
{
    const uint32_t *c = context->codes.items;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < context->codes.n; i++) {
        const size_t distance = i < place ? place - i : i - place;
        if (distance >= least || is_blank(c[i])) {
            continue;
        }
        const range found = {i, match(context, i, wanted, fold)};
        if (found.end && (!whole || is_whole(context, found))) {
            *out = found;
            least = distance;
        }
    }
    return least != SIZE_MAX;
}

/* Whether it stands at a place, but for blanks. */
static bool find_there(const chars *context, const chars *wanted, size_t place, range *out)
{
    const uint32_t *c = context->codes.items;
    size_t at = place;
    while (at < context->codes.n && is_blank(c[at])) {
        at++;
    }
    for (int fold = 0; at < context->codes.n && fold <= 1; fold++) {
        *out = (range){at, match(context, at, wanted, fold)};
        if (out->end) {
            return true;
        }
    }
    return false;
}

/* wanted is not empty; told: its place, or EL_NO_PLACE. *moved: it does not stand at its place. */
static bool find_answer(const chars *context, const chars *wanted, uint32_t told, range *out, bool *moved)
{
    *moved = false;
    if (told != EL_NO_PLACE && find_there(context, wanted, told, out)) {
        return true;
    }
    const size_t place = told == EL_NO_PLACE ? 0 : told; /* without a place the first occurrence is meant */
    *moved = told != EL_NO_PLACE;
    for (int whole = 1; whole >= 0; whole--) { /* whole words first: "he" is not to be found in "the" */
        if (find_nearest(context, wanted, place, false, whole, out) ||
            find_nearest(context, wanted, place, true, whole, out)) {
            return true;
        }
    }
    return false;
}

/* ---- building ------------------------------------------------------------------------------------------------------
 */

typedef struct builder {
    el_qa_set *set;
    electra_encoder *encoder;
    el_growing contexts, context_ids, context_spans, question_ids, questions, windows, lost;
    chars context; /* of the last of contexts */
    chars wanted;
} builder;

static bool same_text(electra_text a, electra_text b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || a.text == b.text || memcmp(a.text, b.text, a.bytes) == 0);
}

static electra_status encode(builder *b, electra_text text, const electra_window **out, electra_error *err)
{
    electra_encode_options options = electra_encode_options_default();
    options.no_special = true;
    electra_encoding encoding;
    EL_TRY(
        electra_encoder_encode(b->encoder, text.bytes ? text.text : "", text.bytes, NULL, 0, &options, &encoding, err));
    *out = &encoding.windows[0];
    if ((*out)->n >= EL_QA_NOWHERE) {
        return el_fail(err, ELECTRA_INVALID, "text", "a text of %zu pieces is more than 32 bits count; cut it",
                       (*out)->n);
    }
    return ELECTRA_OK;
}

static void count(el_qa_set *set, const uint32_t *ids, size_t n)
{
    set->n_pieces += n;
    for (size_t i = 0; i < n; i++) {
        set->n_unknown += ids[i] == set->specials.unk;
    }
}

/* The context of an example: the last one, if it is the same. */
static electra_status add_context(builder *b, electra_text text, electra_error *err)
{
    const el_qa_context *contexts = b->contexts.items;
    if (b->contexts.n > 0 && same_text(contexts[b->contexts.n - 1].text, text)) {
        return ELECTRA_OK;
    }
    static const char WHAT[] = "the pieces of contexts";
    const electra_window *pieces;
    EL_TRY(encode(b, text, &pieces, err));
    EL_TRY(take_text(&b->context, text, err));
    el_qa_context *context = el_growing_room(&b->contexts, 1, sizeof *context, WHAT, err);
    uint32_t *ids = context ? el_growing_room(&b->context_ids, pieces->n, sizeof *ids, WHAT, err) : NULL;
    electra_span *spans = ids ? el_growing_room(&b->context_spans, pieces->n, sizeof *spans, WHAT, err) : NULL;
    if (!spans) {
        return ELECTRA_NO_RESOURCE;
    }
    *context = (el_qa_context){text, b->context_ids.n, (uint32_t)pieces->n};
    const uint32_t *bytes = b->context.bytes.items;
    for (size_t i = 0; i < pieces->n; i++) {
        ids[i] = pieces->ids[i];
        spans[i] = (electra_span){bytes[pieces->offsets[i].start], bytes[pieces->offsets[i].end]};
    }
    count(b->set, ids, pieces->n);
    b->contexts.n++;
    b->context_ids.n += pieces->n;
    b->context_spans.n += pieces->n;
    return ELECTRA_OK;
}

/* Pieces of the context that hold a part of the bytes begin ... end - 1. */
static bool find_pieces(const builder *b, const el_qa_context *context, size_t begin, size_t end, el_qa_question *q)
{
    const electra_span *spans = (const electra_span *)b->context_spans.items + context->first;
    for (uint32_t i = 0; i < context->n; i++) {
        if (spans[i].end > begin && spans[i].start < end) {
            q->from = q->from == EL_QA_NOWHERE ? i : q->from;
            q->to = i;
        }
    }
    return q->from != EL_QA_NOWHERE;
}

/* Set from and to; *lost is the reason if there is none though there should be. */
static electra_status find_target(builder *b, const el_example *e, el_qa_question *q, bool *is_lost, el_qa_reason *why,
                                  electra_error *err)
{
    *is_lost = false;
    if (e->impossible) {
        return ELECTRA_OK;
    }
    *is_lost = true;
    *why = EL_QA_NONE_GIVEN;
    if (e->n_answers == 0) {
        return ELECTRA_OK;
    }
    EL_TRY(take_text(&b->wanted, e->answers[0].text, err));
    simplify(&b->wanted);
    *why = EL_QA_EMPTY;
    if (b->wanted.codes.n == 0) {
        return ELECTRA_OK;
    }
    range found;
    bool moved;
    *why = EL_QA_NOT_THERE;
    if (!find_answer(&b->context, &b->wanted, e->answers[0].start, &found, &moved)) {
        return ELECTRA_OK;
    }
    const uint32_t *bytes = b->context.bytes.items;
    const el_qa_context *context = (const el_qa_context *)b->contexts.items + q->context;
    *why = EL_QA_NOT_IN_TOKEN;
    *is_lost = !find_pieces(b, context, bytes[found.begin], bytes[found.end], q);
    b->set->n_moved += moved && !*is_lost;
    return ELECTRA_OK;
}

static electra_status add_windows(builder *b, el_qa_question *q, uint32_t number, electra_error *err)
{
    const el_qa_settings *s = &b->set->settings;
    const uint32_t n = ((const el_qa_context *)b->contexts.items)[q->context].n;
    const size_t room = s->max_length - SPECIALS - q->n;
    const size_t step = s->step < room ? s->step : room;
    bool holds = q->from == EL_QA_NOWHERE;
    q->first_window = (uint32_t)b->windows.n;
    for (size_t first = 0;; first += step) {
        el_qa_window *window = el_growing_room(&b->windows, 1, sizeof *window, "the windows of questions", err);
        if (!window) {
            return ELECTRA_NO_RESOURCE;
        }
        if (b->windows.n >= EL_QA_NOWHERE) {
            return el_fail(err, ELECTRA_INVALID, "questions", "they make more windows than 32 bits count");
        }
        const size_t take = n - first < room ? n - first : room;
        *window = (el_qa_window){number, {(uint32_t)first, (uint32_t)take}};
        b->windows.n++;
        holds = holds || (q->from >= first && q->to < first + take);
        const size_t length = q->n + take + SPECIALS;
        b->set->longest = length > b->set->longest ? length : b->set->longest;
        if (first + take == n) {
            break;
        }
    }
    q->n_windows = (uint32_t)b->windows.n - q->first_window;
    b->set->n_broken += !holds;
    return ELECTRA_OK;
}

/* The question's pieces; its text is encoded after the context, whose pieces are copied by then. */
static electra_status add_pieces(builder *b, electra_text text, el_qa_question *q, electra_error *err)
{
    const el_qa_settings *s = &b->set->settings;
    const electra_window *pieces;
    EL_TRY(encode(b, text, &pieces, err));
    const size_t most = el_question_pieces(s->max_question, s->max_length);
    q->first = b->question_ids.n;
    q->n = (uint32_t)(pieces->n < most ? pieces->n : most);
    b->set->n_cut += pieces->n > most;
    uint32_t *ids = el_growing_room(&b->question_ids, q->n, sizeof *ids, "the pieces of questions", err);
    if (!ids) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(ids, pieces->ids, q->n * sizeof *ids);
    count(b->set, ids, q->n);
    b->question_ids.n += q->n;
    return ELECTRA_OK;
}

static electra_status add_question(builder *b, const el_example *e, uint32_t number, electra_error *err)
{
    EL_TRY(add_context(b, e->pair, err));
    el_qa_question q = {.example = number,
                        .context = (uint32_t)b->contexts.n - 1,
                        .from = EL_QA_NOWHERE,
                        .to = EL_QA_NOWHERE,
                        .impossible = e->impossible};
    bool is_lost;
    el_qa_reason why;
    EL_TRY(find_target(b, e, &q, &is_lost, &why, err));
    if (is_lost) {
        el_qa_lost *lost = el_growing_room(&b->lost, 1, sizeof *lost, "questions without a target", err);
        if (!lost) {
            return ELECTRA_NO_RESOURCE;
        }
        *lost = (el_qa_lost){number, why};
        b->lost.n++;
        if (b->set->settings.train) {
            return ELECTRA_OK;
        }
    }
    EL_TRY(add_pieces(b, e->text, &q, err));
    EL_TRY(add_windows(b, &q, (uint32_t)b->questions.n, err));
    el_qa_question *kept = el_growing_room(&b->questions, 1, sizeof *kept, "questions", err);
    if (!kept) {
        return ELECTRA_NO_RESOURCE;
    }
    *kept = q;
    b->questions.n++;
    return ELECTRA_OK;
}

/* ---- the whole -----------------------------------------------------------------------------------------------------
 */

/* Hand an array over, without the room it has left; a block that cannot shrink stays as it is. */
static void *give(el_growing *array, size_t size)
{
    void *items = array->items;
    void *shrunk = items ? el_realloc(items, array->n, array->n, size) : NULL;
    array->items = NULL;
    return shrunk ? shrunk : items;
}

static void finish(builder *b)
{
    el_qa_set *set = b->set;
    set->n_contexts = b->contexts.n;
    set->n_questions = b->questions.n;
    set->n_windows = b->windows.n;
    set->n_lost = b->lost.n;
    set->contexts = give(&b->contexts, sizeof *set->contexts);
    set->context_ids = give(&b->context_ids, sizeof *set->context_ids);
    set->context_spans = give(&b->context_spans, sizeof *set->context_spans);
    set->question_ids = give(&b->question_ids, sizeof *set->question_ids);
    set->questions = give(&b->questions, sizeof *set->questions);
    set->windows = give(&b->windows, sizeof *set->windows);
    set->lost = give(&b->lost, sizeof *set->lost);
}

static void clear(builder *b)
{
    el_growing *arrays[] = {&b->contexts,      &b->context_ids,  &b->context_spans, &b->question_ids,
                            &b->questions,     &b->windows,      &b->lost,          &b->context.codes,
                            &b->context.bytes, &b->wanted.codes, &b->wanted.bytes};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        el_free(arrays[i]->items);
    }
    electra_encoder_free(b->encoder);
}

static electra_status check(const el_examples *examples, const el_qa_settings *s, electra_error *err)
{
    if (examples->kind != EL_TASK_ANSWER) {
        return el_fail(err, ELECTRA_MISUSE, "examples", "they are no questions with contexts");
    }
    if (s->max_length < LEAST_LENGTH || s->max_question == 0 || s->step == 0) {
        return el_fail(
            err, ELECTRA_MISUSE, "windows",
            "windows of %zu pieces, every %zu, with questions of up to %zu make no sense: at least %d, 1 and "
            "1",
            s->max_length, s->step, s->max_question, LEAST_LENGTH);
    }
    if (examples->n >= EL_QA_NOWHERE) {
        return el_fail(err, ELECTRA_INVALID, "questions", "there are more than 32 bits count");
    }
    return ELECTRA_OK;
}

static electra_status add_all(builder *b, const electra_tokenizer *tokenizer, electra_error *err)
{
    EL_TRY(electra_encoder_create(&b->encoder, tokenizer, err));
    for (size_t i = 0; i < b->set->examples->n; i++) {
        EL_TRY(add_question(b, &b->set->examples->list[i], (uint32_t)i, err));
    }
    return ELECTRA_OK;
}

electra_status el_qa_set_create(el_qa_set **out, const el_examples *examples, const electra_tokenizer *tokenizer,
                                const el_qa_settings *settings, electra_error *err)
{
    *out = NULL;
    EL_TRY(check(examples, settings, err));
    el_qa_set *set = el_alloc(1, sizeof *set);
    if (!set) {
        return el_fail_memory(err, "questions", sizeof *set);
    }
    set->examples = examples;
    set->settings = *settings;
    set->specials = electra_tokenizer_specials(tokenizer);
    builder b = {.set = set};
    const electra_status status = add_all(&b, tokenizer, err);
    if (status == ELECTRA_OK) {
        finish(&b);
    }
    clear(&b);
    if (status != ELECTRA_OK) {
        el_qa_set_free(set);
        return status;
    }
    *out = set;
    return ELECTRA_OK;
}

void el_qa_set_free(el_qa_set *set)
{
    if (!set) {
        return;
    }
    el_free(set->contexts);
    el_free(set->context_ids);
    el_free(set->context_spans);
    el_free(set->question_ids);
    el_free(set->questions);
    el_free(set->windows);
    el_free(set->lost);
    el_free(set);
}

/* ---- a window ------------------------------------------------------------------------------------------------------
 */

static const el_qa_question *question_of(const el_qa_set *set, size_t window)
{
    return &set->questions[set->windows[window].question];
}

size_t el_qa_window_length(const el_qa_set *set, size_t window)
{
    return question_of(set, window)->n + set->windows[window].place.n + SPECIALS;
}

el_sequence el_qa_sequence(const el_qa_set *set, size_t window, uint32_t *ids)
{
    const el_qa_question *q = question_of(set, window);
    const el_window_place place = set->windows[window].place;
    size_t n = 0;
    ids[n++] = set->specials.cls;
    memcpy(ids + n, set->question_ids + q->first, q->n * sizeof *ids);
    n += q->n;
    ids[n++] = set->specials.sep;
    const size_t first_length = n;
    memcpy(ids + n, set->context_ids + set->contexts[q->context].first + place.first, place.n * sizeof *ids);
    n += place.n;
    ids[n++] = set->specials.sep;
    return (el_sequence){.ids = ids, .length = n, .first_length = first_length};
}

el_qa_target el_qa_window_target(const el_qa_set *set, size_t window)
{
    const el_qa_question *q = question_of(set, window);
    const el_window_place place = set->windows[window].place;
    el_qa_target target = {.impossible = q->impossible};
    if (q->from != EL_QA_NOWHERE) {
        if (q->from >= place.first && q->to - place.first < place.n) {
            const uint32_t context = q->n + 2;
            target.start = context + q->from - place.first;
            target.end = context + q->to - place.first;
        }
    } else if (!q->impossible) {
        target.start = target.end = EL_NO_TARGET;
    }
    return target;
}
