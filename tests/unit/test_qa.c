/* Questions: windows and where the answer stands in them, the best answers of a question's windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "support/alloc.h"
#include "tasks/qa_decode.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a",   "b",  "c",    "d", "w",
                                     "##x",   "##y",   "who",   "the",   "he",     "cat", "sat", "."};
enum { N_TOKENS = sizeof TOKENS / sizeof TOKENS[0], CLS = 2, SEP = 3, A = 5, B, C, D, W };

static electra_text text_of(const char *text)
{
    return (electra_text){text, strlen(text)};
}

static electra_tokenizer *make_tokenizer(void)
{
    electra_tokenizer *tokenizer = NULL;
    assert_int_equal(electra_tokenizer_create(&tokenizer, TOKENS, N_TOKENS, NULL, NULL), ELECTRA_OK);
    return tokenizer;
}

/* One question about a context; answer NULL: impossible. */
static el_example example_of(const char *question, const char *context, const el_gold_answer *answer)
{
    return (el_example){.text = text_of(question),
                        .pair = text_of(context),
                        .answers = answer,
                        .n_answers = answer != NULL,
                        .impossible = answer == NULL};
}

static el_qa_set *make_set(el_example *list, size_t n, el_qa_settings settings)
{
    static el_examples examples; /* of the set made last */
    examples = (el_examples){.kind = EL_TASK_ANSWER, .list = list, .n = n};
    electra_tokenizer *tokenizer = make_tokenizer();
    el_qa_set *set = NULL;
    electra_error err = {0};
    if (el_qa_set_create(&set, &examples, tokenizer, &settings, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    electra_tokenizer_free(tokenizer);
    return set;
}

static const el_qa_settings SMALL = {.max_length = 12, .max_question = 64, .step = 4};

/* n words of one letter, a b c d a b ... */
static char *letters(size_t n)
{
    char *text = calloc(2 * n + 1, 1);
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = (char)('a' + i % 4);
        text[2 * i + 1] = ' ';
    }
    return text;
}

/* ---- windows ------------------------------------------------------------------------------------------------------- */

static void windows_are_those_of_the_published_system(void **state)
{
    (void)state;
    char *question = letters(10), *context = letters(1000);
    el_example e = example_of(question, context, NULL);
    el_qa_set *set = make_set(&e, 1, el_qa_settings_default());
    static const uint32_t STARTS[] = {0, 128, 256, 384, 512};
    assert_int_equal(set->n_windows, 5);
    assert_int_equal(set->longest, 512);
    for (size_t w = 0; w < 5; w++) {
        const size_t room = w < 4 ? 499 : 1000 - 512;
        assert_int_equal(set->windows[w].place.first, STARTS[w]);
        assert_int_equal(set->windows[w].place.n, room);
        assert_int_equal(el_qa_window_length(set, w), room + 13);
        uint32_t ids[512];
        const el_sequence s = el_qa_sequence(set, w, ids);
        assert_int_equal(s.length, room + 13);
        assert_int_equal(s.first_length, 12);
        assert_null(s.types);
        assert_int_equal(ids[0], CLS);
        assert_int_equal(ids[11], SEP);
        assert_int_equal(ids[room + 12], SEP);
        for (size_t i = 0; i < 10; i++) {
            assert_int_equal(ids[1 + i], A + i % 4);
        }
        for (size_t i = 0; i < room; i++) {
            assert_int_equal(ids[12 + i], A + (STARTS[w] + i) % 4);
        }
    }
    el_qa_set_free(set);
    free(question);
    free(context);
}

/* A question of so many letters about so many -> its windows, checked against walking on. */
static void check_walk(size_t n_question, size_t n_context, el_qa_settings settings, size_t kept)
{
    char *question = letters(n_question), *context = letters(n_context);
    el_example e = example_of(question, context, NULL);
    el_qa_set *set = make_set(&e, 1, settings);
    assert_int_equal(set->questions[0].n, kept);
    assert_int_equal(set->n_cut, kept < n_question);
    const size_t room = settings.max_length - kept - 3;
    size_t w = 0, start = 0;
    for (;;) {
        const size_t n = n_context - start < room ? n_context - start : room;
        assert_true(w < set->n_windows);
        assert_int_equal(set->windows[w].place.first, start);
        assert_int_equal(set->windows[w].place.n, n);
        w++;
        if (start + n == n_context) {
            break;
        }
        start += n < settings.step ? n : settings.step;
    }
    assert_int_equal(w, set->n_windows);
    el_qa_set_free(set);
    free(question);
    free(context);
}

static void windows_cover_any_context(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        check_walk(3, n, SMALL, 3);
    }
    check_walk(0, 9, SMALL, 0);
    check_walk(2, 30, (el_qa_settings){.max_length = 12, .max_question = 64, .step = 100}, 2); /* no piece is left out */
    check_walk(70, 1000, el_qa_settings_default(), 64);
    check_walk(70, 300, (el_qa_settings){.max_length = 128, .max_question = 64, .step = 128}, 64);
    check_walk(70, 30, SMALL, 6); /* two thirds of 9 */
    check_walk(70, 30, (el_qa_settings){.max_length = 8, .max_question = 64, .step = 1}, 3);
}

/* ---- where the answer stands --------------------------------------------------------------------------------------- */

typedef struct found_case {
    const char *context, *answer;
    uint32_t start;
    const char *slice; /* the pieces' text; NULL: none */
    el_qa_reason reason;
    bool moved;
} found_case;

static const found_case FOUND[] = {
    {"the cat sat.", "cat", 4, "cat", 0, false},
    {"the cat sat.", "Cat", 4, "cat", 0, false},
    {"the cat sat.", " cat ", 3, "cat", 0, false},
    {"the cat  \n sat.", "cat sat", 4, "cat  \n sat", 0, false},
    {"the cat\xc2\xa0sat.", "cat sat", 4, "cat\xc2\xa0sat", 0, false},
    {"the \xef\xbb\xbf"
     "cat sat.",
     "cat", 4, "cat", 0, false},
    {"the cat sat.",
     "\xef\xbb\xbf"
     "cat",
     4, "cat", 0, false},
    {"wxy c", "x", 1, "x", 0, false},                /* whole pieces: w ##x ##y */
    {"the cat sat.", "ca", 4, "cat", 0, false},      /* a part of a piece */
    {"the cat sat.", "e c", 2, "the cat", 0, false}, /* parts of two */
    {"the cat sat the cat", "cat", 0, "cat", 0, true},
    {"the cat sat.", "cat", 4000000000u, "cat", 0, true},
    {"the he the", "he", 9, "he", 0, true},       /* a whole word before a part of one */
    {"the CAT cat", "CAT", 9, "CAT", 0, true},    /* its own case, though farther away */
    {"the CAT sat", "cat", 0, "CAT", 0, true},    /* or else another */
    {"the CAT cAt Cat", "cat", EL_NO_PLACE, "CAT", 0, false}, /* without a place the first */
    {"hex hE HE", "he", EL_NO_PLACE, "hE", 0, false},         /* that is a whole word */
    {"the cat", "dog", EL_NO_PLACE, NULL, EL_QA_NOT_THERE, false},
    {"\xc3\xa9\xc3\xa9 \xf0\x9f\x98\x80 cat", "cat", 5, "cat", 0, false}, /* code points, not bytes */
    {"\xc3\x84 cat", "\xc3\xa4", 0, "\xc3\x84", 0, false},
    {"the cat sat.", "dog", 4, NULL, EL_QA_NOT_THERE, false},
    {"the cat sat.", "cat sat . c", 4, NULL, EL_QA_NOT_THERE, false},
    {"the catsat.", "cat sat", 4, NULL, EL_QA_NOT_THERE, false},
    {"", "cat", 0, NULL, EL_QA_NOT_THERE, false},
    {"the cat sat.", " \xef\xbb\xbf\n", 4, NULL, EL_QA_EMPTY, false},
    {"the cat sat.", "", 4, NULL, EL_QA_EMPTY, false},
    {"the \x01 cat", "\x01", 4, NULL, EL_QA_NOT_IN_TOKEN, false},
};
enum { N_FOUND = sizeof FOUND / sizeof FOUND[0] };

static void check_found(const found_case *f, bool train)
{
    const el_gold_answer answer = {text_of(f->answer), f->start};
    el_example e = example_of("who", f->context, &answer);
    el_qa_settings settings = el_qa_settings_default();
    settings.train = train;
    el_qa_set *set = make_set(&e, 1, settings);
    assert_int_equal(set->n_lost, !f->slice);
    if (!f->slice) {
        assert_int_equal(set->lost[0].reason, f->reason);
        assert_true(strlen(el_qa_reason_text(set->lost[0].reason)) > 10);
        assert_int_equal(set->n_questions, !train);
        if (!train) {
            const el_qa_target t = el_qa_window_target(set, 0);
            assert_true(t.start == EL_NO_TARGET && t.end == EL_NO_TARGET && t.impossible == 0);
        }
    } else {
        const el_qa_question *q = &set->questions[0];
        const uint32_t begin = set->context_spans[q->from].start, end = set->context_spans[q->to].end;
        const char *got = f->context + begin;
        if (end - begin != strlen(f->slice) || strncmp(got, f->slice, end - begin) != 0) {
            fail_msg("'%s' in '%s': '%.*s'", f->answer, f->context, (int)(end - begin), got);
        }
        assert_int_equal(set->n_moved, f->moved);
        const el_qa_target t = el_qa_window_target(set, 0);
        assert_int_equal(t.start, q->n + 2 + q->from);
        assert_int_equal(t.end, q->n + 2 + q->to);
        assert_int_equal(t.impossible, 0);
    }
    el_qa_set_free(set);
}

static void answers_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FOUND; i++) {
        check_found(&FOUND[i], true);
        check_found(&FOUND[i], false);
    }
    /* of two equally near the earlier one */
    const el_gold_answer answer = {text_of("cat"), 4};
    el_example e = example_of("who", "cat b d cat", &answer);
    el_qa_set *set = make_set(&e, 1, el_qa_settings_default());
    assert_int_equal(set->questions[0].from, 0);
    el_qa_set_free(set);
}

static void a_question_without_an_answer_has_no_target(void **state)
{
    (void)state;
    el_example e = example_of("who", "the cat", NULL);
    e.impossible = false;
    el_qa_set *set = make_set(&e, 1, el_qa_settings_default());
    assert_int_equal(set->n_lost, 1);
    assert_int_equal(set->lost[0].reason, EL_QA_NONE_GIVEN);
    assert_int_equal(el_qa_window_target(set, 0).start, EL_NO_TARGET);
    el_qa_set_free(set);
    e.impossible = true;
    set = make_set(&e, 1, el_qa_settings_default());
    assert_int_equal(set->n_lost, 0);
    const el_qa_target t = el_qa_window_target(set, 0);
    assert_true(t.start == 0 && t.end == 0 && t.impossible == 1);
    el_qa_set_free(set);
}

/* room 8, step 4; the answer is pieces 6 ... 9: in the windows at 4 (4 ... 11), not in those at 0, 8, 12. */
static void a_window_without_the_whole_answer_says_cls(void **state)
{
    (void)state;
    char *context = letters(20);
    const el_gold_answer answer = {text_of("c d a b"), 12};
    el_example e = example_of("a", context, &answer);
    el_qa_set *set = make_set(&e, 1, SMALL);
    assert_int_equal(set->n_windows, 4);
    assert_int_equal(set->n_broken, 0);
    for (size_t w = 0; w < 4; w++) {
        const el_qa_target t = el_qa_window_target(set, w);
        assert_int_equal(t.start, w == 1 ? 3 + 2 : 0);
        assert_int_equal(t.end, w == 1 ? 3 + 5 : 0);
        assert_int_equal(t.impossible, 0);
    }
    el_qa_set_free(set);
    const el_gold_answer wide = {text_of("c d a b c d a b c"), 12};
    e.answers = &wide;
    set = make_set(&e, 1, SMALL);
    assert_int_equal(set->n_broken, 1);
    for (size_t w = 0; w < 4; w++) {
        assert_int_equal(el_qa_window_target(set, w).end, 0);
    }
    el_qa_set_free(set);
    free(context);
}

static void questions_share_their_context(void **state)
{
    (void)state;
    char again[] = "the cat sat.";
    const el_gold_answer answer = {text_of("sat"), 8};
    el_example list[] = {example_of("who", "the cat sat.", &answer), example_of("who who", again, &answer),
                         example_of("who", "a b", NULL), example_of("who", "the cat sat.", &answer)};
    el_qa_set *set = make_set(list, 4, el_qa_settings_default());
    assert_int_equal(set->n_contexts, 3);
    assert_int_equal(set->questions[1].context, 0);
    assert_int_equal(set->questions[1].from, 2);
    assert_int_equal(set->questions[3].context, 2);
    assert_int_equal(set->questions[3].from, 2);
    el_qa_set_free(set);
}

static void unknown_pieces_are_counted(void **state)
{
    (void)state;
    el_example list[] = {example_of("who dog", "the dog sat dog", NULL), example_of("who", "the dog sat dog", NULL),
                         example_of("dog", "a b", NULL)};
    el_qa_set *set = make_set(list, 3, el_qa_settings_default());
    assert_int_equal(set->n_pieces, 2 + 4 + 1 + 1 + 2);
    assert_int_equal(set->n_unknown, 1 + 2 + 1);
    el_qa_set_free(set);
}

static void settings_are_checked(void **state)
{
    (void)state;
    el_example e = example_of("who", "the cat", NULL);
    el_examples examples = {.kind = EL_TASK_ANSWER, .list = &e, .n = 1};
    electra_tokenizer *tokenizer = make_tokenizer();
    el_qa_set *set;
    electra_error err;
    const el_qa_settings bad[] = {{7, 64, 128, false}, {512, 0, 128, false}, {512, 64, 0, false}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(el_qa_set_create(&set, &examples, tokenizer, &bad[i], &err), ELECTRA_MISUSE);
        assert_null(set);
    }
    const el_qa_settings good = el_qa_settings_default();
    examples.n = 0;
    assert_int_equal(el_qa_set_create(&set, &examples, tokenizer, &good, &err), ELECTRA_OK);
    assert_true(set->n_windows == 0 && set->n_questions == 0);
    el_qa_results *results;
    assert_int_equal(el_qa_results_create(&results, set, NULL, false, &err), ELECTRA_OK);
    el_qa_results_free(results);
    const el_nbest_rules none[] = {{0, 20, 30}, {21, 20, 30}, {20, 0, 30}, {20, 21, 30}, {20, 20, 0}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(el_qa_results_create(&results, set, &none[i], false, &err), ELECTRA_MISUSE);
    }
    el_qa_set_free(set);
    examples.kind = EL_TASK_CLASSIFY;
    assert_int_equal(el_qa_set_create(&set, &examples, tokenizer, &good, &err), ELECTRA_MISUSE);
    electra_tokenizer_free(tokenizer);
}

static void failing_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    const el_gold_answer answer = {text_of("sat"), 8}, absent = {text_of("dog"), 8};
    el_example list[] = {example_of("who", "the cat sat.", &answer), example_of("who", "a b", &absent)};
    el_examples examples = {.kind = EL_TASK_ANSWER, .list = list, .n = 2};
    electra_tokenizer *tokenizer = make_tokenizer();
    const el_qa_settings settings = el_qa_settings_default();
    bool done = false;
    for (unsigned long n = 1; !done; n++) {
        el_qa_set *set = NULL;
        el_qa_results *results = NULL;
        const unsigned long before = test_allocations();
        test_fail_allocation(n);
        electra_status status = el_qa_set_create(&set, &examples, tokenizer, &settings, NULL);
        if (status == ELECTRA_OK) {
            status = el_qa_results_create(&results, set, NULL, true, NULL);
        }
        test_fail_allocation(0);
        done = test_allocations() - before < n;
        assert_true(status == ELECTRA_OK || (!done && status == ELECTRA_NO_RESOURCE));
        el_qa_results_free(results);
        el_qa_set_free(set);
    }
    electra_tokenizer_free(tokenizer);
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

/* As electra.md has it, in floating point. */
static void a_piece_belongs_to_the_window_that_sees_most_around_it(void **state)
{
    (void)state;
    static const el_window_place PLACES[] = {{0, 8}, {4, 8}, {8, 8}, {12, 5}};
    for (uint32_t piece = 0; piece < 19; piece++) {
        double most = -1;
        size_t owner = 9;
        for (size_t w = 0; w < 4; w++) {
            const double left = (double)piece - PLACES[w].first, right = PLACES[w].n - 1.0 - left;
            const double score = fmin(left, right) + 0.01 * PLACES[w].n;
            if (left >= 0 && right >= 0 && score > most) {
                most = score;
                owner = w;
            }
        }
        for (size_t w = 0; w < 4; w++) {
            assert_int_equal(el_window_owns(PLACES, 4, w, piece), w == owner);
        }
    }
    /* by hand: 5 has 2 to the right in the first, 1 to the left in the second; 14: 1 to the right, 2 to the left */
    assert_true(el_window_owns(PLACES, 4, 0, 5) && !el_window_owns(PLACES, 4, 1, 5));
    assert_true(el_window_owns(PLACES, 4, 3, 14) && !el_window_owns(PLACES, 4, 2, 14));
    static const el_window_place EQUAL[] = {{0, 8}, {1, 8}, {0, 8}}; /* ties go to the first */
    assert_true(el_window_owns(EQUAL, 3, 0, 0) && !el_window_owns(EQUAL, 3, 2, 0));
}

enum { MOST_WINDOWS = 8, WINDOW = 16 };

typedef struct pair {
    double score;
    size_t w;
    uint32_t from, to;
} pair;

static int by_score(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->w != y->w) {
        return x->w < y->w ? -1 : 1;
    }
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

static int descending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

/* true if the value of a token is among the `beam` best of those of the context (values are distinct). */
static bool in_beam(const float *logits, size_t column, size_t context, size_t n, size_t beam, float value)
{
    float sorted[WINDOW];
    for (size_t i = 0; i < n; i++) {
        sorted[i] = logits[2 * (context + i) + column];
    }
    qsort(sorted, n, sizeof *sorted, descending);
    return value >= sorted[(beam < n ? beam : n) - 1];
}

/* All pairs that there are, one by one, against the answers of a set with one question. distinct: logits that differ,
 * else many are equal and the beam holds all. */
static void check_spans(const el_qa_set *set, const el_nbest_rules *rules, uint64_t seed, bool distinct)
{
    static float logits[MOST_WINDOWS][2 * WINDOW];
    static pair pairs[MOST_WINDOWS * WINDOW * WINDOW];
    el_qa_results *results;
    assert_int_equal(el_qa_results_create(&results, set, rules, false, NULL), ELECTRA_OK);
    el_rng_stream stream = {.key = el_rng_key(seed, EL_RNG_INIT, 0, 0)};
    const el_qa_question *q = &set->questions[0];
    const el_qa_context *c = &set->contexts[0];
    el_window_place places[MOST_WINDOWS];
    double least = INFINITY;
    assert_true(set->n_windows <= MOST_WINDOWS && set->longest <= WINDOW);
    for (size_t w = 0; w < set->n_windows; w++) {
        places[w] = set->windows[w].place;
        for (size_t i = 0; i < 2 * el_qa_window_length(set, w); i++) {
            logits[w][i] = distinct ? (float)(8 * el_rng_uniform(el_rng_next(&stream)) - 4)
                                    : (float)el_rng_below(&stream, 3);
        }
        least = fmin(least, (double)logits[w][0] + (double)logits[w][1]);
    }
    for (size_t w = set->n_windows; w-- > 0;) { /* any order will do */
        el_qa_take_spans(results, w, logits[w]);
    }
    size_t n = 0;
    const size_t context = q->n + 2;
    for (size_t w = 0; w < set->n_windows; w++) {
        for (uint32_t s = 0; s < places[w].n; s++) {
            for (uint32_t e = s; e < places[w].n && e < s + rules->max_answer; e++) {
                const float start = logits[w][2 * (context + s)], end = logits[w][2 * (context + e) + 1];
                if (el_window_owns(places, set->n_windows, w, places[w].first + s) &&
                    in_beam(logits[w], 0, context, places[w].n, rules->beam, start) &&
                    in_beam(logits[w], 1, context, places[w].n, rules->beam, end)) {
                    pairs[n++] = (pair){(double)start + (double)end, w, places[w].first + s, places[w].first + e};
                }
            }
        }
    }
    qsort(pairs, n, sizeof *pairs, by_score);
    el_question_best best;
    el_qa_answer(results, 0, &best);
    size_t found = 0;
    double sum = 0;
    for (size_t i = 0; i < n && found < rules->n_best; i++) {
        const electra_span *spans = set->context_spans + c->first;
        const electra_span span = {spans[pairs[i].from].start, spans[pairs[i].to].end};
        bool seen = false;
        for (size_t k = 0; k < found; k++) {
            const electra_text t = best.answers[k].text;
            seen = seen || (t.bytes == span.end - span.start && !memcmp(t.text, c->text.text + span.start, t.bytes));
        }
        if (!seen) {
            assert_true(found < best.n);
            assert_true(best.answers[found].score == pairs[i].score);
            assert_int_equal(best.answers[found].span.start, span.start);
            assert_int_equal(best.answers[found].span.end, span.end);
            assert_ptr_equal(best.answers[found].text.text, c->text.text + span.start);
            sum += best.answers[found].probability;
            found++;
        }
    }
    assert_int_equal(best.n, found);
    assert_true(found == 0 || fabs(sum - 1) < 1e-12);
    assert_true(found < 2 || fabs(best.answers[1].probability / best.answers[0].probability -
                                  exp(best.answers[1].score - best.answers[0].score)) < 1e-12);
    assert_true(best.score_null == least);
    assert_true(best.null_odds == least - (found ? best.answers[0].score : 0));
    el_qa_results_free(results);
}

static void the_best_answers_are_those_of_all_pairs_sorted(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 24; n++) {
        char *context = letters(n);
        el_example e = example_of("a", context, NULL);
        el_qa_set *set = make_set(&e, 1, SMALL); /* 8 letters a window: texts recur every 4 */
        for (uint64_t seed = 0; seed < 20; seed++) {
            check_spans(set, &(el_nbest_rules){20, 20, 30}, seed, true);
            check_spans(set, &(el_nbest_rules){20, 20, 30}, seed, false); /* ties */
            check_spans(set, &(el_nbest_rules){3, 4, 3}, seed, true);
            check_spans(set, &(el_nbest_rules){20, 1, 1}, seed, false);
        }
        el_qa_set_free(set);
        free(context);
    }
}

static void scores_that_are_no_numbers_make_no_answer(void **state)
{
    (void)state;
    el_example e = example_of("a", "b c", NULL);
    el_qa_set *set = make_set(&e, 1, SMALL);
    el_qa_results *results;
    assert_int_equal(el_qa_results_create(&results, set, NULL, false, NULL), ELECTRA_OK);
    const float nan_ = nanf(""), inf = INFINITY;
    el_qa_take_spans(results, 0, (const float[12]){1, 2, 0, 0, 0, 0, nan_, nan_, inf, 3, 0, 0});
    el_question_best best;
    el_qa_answer(results, 0, &best);
    assert_int_equal(best.n, 0);
    assert_true(best.score_null == 3);
    assert_int_equal(el_qa_final(&best, INFINITY).bytes, 0);
    el_qa_results_free(results);
    el_qa_set_free(set);
}

/* A beam whose starts are the tokens given, and for each the same ends. */
static el_joint_answers beams(size_t n, const uint32_t *starts, const float *start_scores, const uint32_t *ends,
                              const float *end_scores, float impossible)
{
    el_joint_answers a = {.n = n, .impossible = impossible};
    for (size_t i = 0; i < n; i++) {
        a.start[i] = starts[i];
        a.start_score[i] = start_scores[i];
        memcpy(a.end[i], ends, n * sizeof *ends);
        memcpy(a.end_score[i], end_scores, n * sizeof *end_scores);
    }
    return a;
}

/* [CLS] who [SEP] the cat sat . [SEP]: tokens 3 ... 6 are the context. */
static void joint_answers_come_from_their_beams(void **state)
{
    (void)state;
    el_example e = example_of("who", "the cat sat.", NULL);
    el_qa_set *set = make_set(&e, 1, el_qa_settings_default());
    el_qa_results *results;
    assert_int_equal(el_qa_results_create(&results, set, NULL, true, NULL), ELECTRA_OK);
    const el_joint_answers a = beams(4, (const uint32_t[]){0, 4, 3, 7}, (const float[]){-0.5f, -1, -2, -3},
                                     (const uint32_t[]){0, 5, 3, 7}, (const float[]){-0.25f, -0.5f, -4, -5}, -3.5f);
    el_qa_take_joint(results, 0, &a);
    el_question_best best;
    el_qa_answer(results, 0, &best);
    static const struct {
        const char *text;
        double score;
    } EXPECTED[] = {{"cat sat", -1.5}, {"the cat sat", -2.5}, {"the", -6}};
    assert_int_equal(best.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(best.answers[i].text.bytes, strlen(EXPECTED[i].text));
        assert_memory_equal(best.answers[i].text.text, EXPECTED[i].text, strlen(EXPECTED[i].text));
        assert_true(best.answers[i].score == EXPECTED[i].score);
    }
    assert_true(best.score_null == -3.5 && best.null_odds == -3.5);
    assert_int_equal(el_qa_final(&best, EL_QA_GOOGLE_THRESHOLD).bytes, 7);
    assert_int_equal(el_qa_final(&best, -3.5).bytes, 7);
    assert_int_equal(el_qa_final(&best, -3.6).bytes, 0);
    assert_int_equal(el_qa_final(&best, INFINITY).bytes, 7);
    el_qa_results_free(results);
    el_qa_set_free(set);
}

/* Windows at 0, 4, ... of 8 pieces: the start that another window owns is not taken from this one, and the least
 * logit of "impossible" counts. */
static void joint_answers_of_several_windows_are_joined(void **state)
{
    (void)state;
    char *context = letters(12);
    el_example e = example_of("a", context, NULL);
    el_qa_set *set = make_set(&e, 1, SMALL);
    assert_int_equal(set->n_windows, 2);
    el_qa_results *results;
    assert_int_equal(el_qa_results_create(&results, set, NULL, true, NULL), ELECTRA_OK);
    const uint32_t last[] = {3 + 7}; /* piece 7 of the first window, which the second owns */
    const el_joint_answers first = beams(1, last, (const float[]){0}, last, (const float[]){0}, 2);
    const uint32_t place[] = {3 + 4}; /* piece 8 */
    const el_joint_answers second = beams(1, place, (const float[]){-1}, place, (const float[]){-2}, -1);
    el_qa_take_joint(results, 1, &second);
    el_qa_take_joint(results, 0, &first);
    el_question_best best;
    el_qa_answer(results, 0, &best);
    assert_int_equal(best.n, 1);
    assert_int_equal(best.answers[0].span.start, 16);
    assert_true(best.answers[0].score == -3 && best.answers[0].probability == 1);
    assert_true(best.null_odds == -1);
    el_qa_results_free(results);
    el_qa_set_free(set);
    free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_of_the_published_system),
        cmocka_unit_test(windows_cover_any_context),
        cmocka_unit_test(answers_are_found),
        cmocka_unit_test(a_question_without_an_answer_has_no_target),
        cmocka_unit_test(a_window_without_the_whole_answer_says_cls),
        cmocka_unit_test(questions_share_their_context),
        cmocka_unit_test(unknown_pieces_are_counted),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(failing_memory_leaves_nothing_behind),
        cmocka_unit_test(a_piece_belongs_to_the_window_that_sees_most_around_it),
        cmocka_unit_test(the_best_answers_are_those_of_all_pairs_sorted),
        cmocka_unit_test(scores_that_are_no_numbers_make_no_answer),
        cmocka_unit_test(joint_answers_come_from_their_beams),
        cmocka_unit_test(joint_answers_of_several_windows_are_joined),
    };
    return cmocka_run_group_tests_name("questions", tests, NULL, NULL);
}
