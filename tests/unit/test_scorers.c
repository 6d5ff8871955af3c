/* The scorers of spans and answers where no official number exists: nothing to score, bytes that are no text, memory that
 * is short; and the same scorer used again. Everything else: tests/golden/test_metrics.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/alloc.h"
#include "tasks/spans_score.h"
#include "tasks/squad_score.h"

static electra_text text(const char *s)
{
    return (electra_text){s, strlen(s)};
}

/* ---- spans ----------------------------------------------------------------------------------------------------- */

static void no_sentence_has_no_accuracy(void **state)
{
    (void)state;
    el_span_scorer *s = NULL;
    el_span_scores scores;
    assert_int_equal(el_span_scorer_create(&s, EL_SPANS_SEQEVAL, NULL), ELECTRA_OK);
    assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
    assert_true(isnan(scores.accuracy) && scores.all.score.f1 == 0 && scores.macro.f1 == 0);
    assert_int_equal(scores.n_types, 0);
    assert_int_equal(el_span_scorer_add(s, NULL, NULL, 0, NULL), ELECTRA_OK); /* an empty sentence */
    assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
    assert_int_equal(scores.n_words, 0);
    el_span_scorer_free(s);
    el_span_scorer_free(NULL);
}

static void sentences_add_up_and_a_span_ends_with_its_sentence(void **state)
{
    (void)state;
    const char *const gold[] = {"O", "B-PER", "I-PER", "I-PER", ""};
    const char *const predicted[] = {"", "B-PER", "I-PER", "I-PER", "B-LOC"}; /* an empty label is O */
    for (int rules = EL_SPANS_SEQEVAL; rules <= EL_SPANS_CONLLEVAL; rules++) {
        el_span_scorer *s = NULL;
        el_span_scores scores;
        assert_int_equal(el_span_scorer_create(&s, (el_span_rules)rules, NULL), ELECTRA_OK);
        assert_int_equal(el_span_scorer_add(s, gold, predicted, 3, NULL), ELECTRA_OK);
        assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
        assert_int_equal(scores.all.right, 1);
        assert_true(scores.all.score.f1 == 1 && scores.accuracy == 1);
        assert_int_equal(el_span_scorer_add(s, gold + 3, predicted + 3, 2, NULL), ELECTRA_OK);
        assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
        assert_int_equal(scores.all.gold, 2);
        assert_int_equal(scores.all.predicted, 3);
        assert_int_equal(scores.all.right, 2);
        assert_int_equal(scores.n_types, 2);
        assert_string_equal(scores.types[0].type, "LOC");
        assert_int_equal(scores.types[0].predicted, 1);
        assert_string_equal(scores.types[1].type, "PER");
        assert_true(scores.accuracy == 0.8);
        el_span_scorer_free(s);
    }
}

static void a_word_that_is_not_told_ends_spans(void **state)
{
    (void)state;
    const char *const gold[] = {"B-X", NULL, "I-X", "O", NULL};
    const char *const predicted[] = {"B-X", "I-X", "O", "O", "B-X"};
    for (int rules = EL_SPANS_SEQEVAL; rules <= EL_SPANS_CONLLEVAL; rules++) {
        el_span_scorer *s = NULL;
        el_span_scores scores;
        assert_int_equal(el_span_scorer_create(&s, (el_span_rules)rules, NULL), ELECTRA_OK);
        assert_int_equal(el_span_scorer_add(s, gold, predicted, 5, NULL), ELECTRA_OK);
        assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
        assert_int_equal(scores.all.gold, 2);
        assert_int_equal(scores.all.predicted, 1);
        assert_int_equal(scores.all.right, 1);
        assert_int_equal(scores.n_words, 3); /* neither right nor wrong where nothing is told */
        assert_int_equal(scores.n_right_words, 2);
        el_span_scorer_free(s);
    }
}

/* More types than the tables begin with. */
static void any_number_of_types_is_counted(void **state)
{
    (void)state;
    enum { TYPES = 3000 };
    el_span_scorer *s = NULL;
    el_span_scores scores;
    assert_int_equal(el_span_scorer_create(&s, EL_SPANS_SEQEVAL, NULL), ELECTRA_OK);
    for (int i = 0; i < TYPES; i++) {
        char label[16];
        (void)snprintf(label, sizeof label, "S-%d", i);
        const char *const one = label;
        assert_int_equal(el_span_scorer_add(s, &one, &one, 1, NULL), ELECTRA_OK);
    }
    assert_int_equal(el_span_scorer_finish(s, &scores, NULL), ELECTRA_OK);
    assert_int_equal(scores.n_types, TYPES);
    assert_true(scores.macro.f1 == 1);
    for (size_t i = 1; i < scores.n_types; i++) {
        assert_true(strcmp(scores.types[i - 1].type, scores.types[i].type) < 0);
    }
    el_span_scorer_free(s);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void no_question_has_no_score(void **state)
{
    (void)state;
    el_squad *squad = NULL;
    el_squad1_scores one;
    el_squad2_scores two;
    assert_int_equal(el_squad_create(&squad, NULL), ELECTRA_OK);
    assert_int_equal(el_squad1_score(squad, NULL, 0, EL_SQUAD_MISSING_WRONG, NULL, &one, NULL), ELECTRA_OK);
    assert_true(one.n == 0 && isnan(one.exact) && isnan(one.f1));
    assert_int_equal(el_squad2_score(squad, NULL, 0, 1, NULL, &two, NULL), ELECTRA_OK);
    assert_true(isnan(two.all.exact) && isnan(two.best_f1) && two.best_f1_threshold == 0);
    /* without a right answer, or without a prediction */
    const el_squad_question q[] = {{.prediction = text("x"), .null_odds = -1}, {.missing = true}};
    assert_int_equal(el_squad1_score(squad, q, 2, EL_SQUAD_MISSING_WRONG, NULL, &one, NULL), ELECTRA_OK);
    assert_true(one.n == 2 && one.n_missing == 1 && one.f1 == 0);
    el_squad_match each[2];
    assert_int_equal(el_squad2_score(squad, q, 2, 1, each, &two, NULL), ELECTRA_OK);
    assert_true(two.all.n == 1 && two.n_missing == 1 && two.no_answer.f1 == 0 && isnan(two.has_answer.f1));
    assert_true(two.best_f1 == 1 && two.best_f1_threshold == 0 && each[1].f1 == 0);
    el_squad_free(squad);
    el_squad_free(NULL);
}

static void an_answer_may_be_any_bytes_of_any_length(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    static char bytes[LONG];
    el_squad *squad = NULL;
    electra_text found;
    assert_int_equal(el_squad_create(&squad, NULL), ELECTRA_OK);
    assert_int_equal(el_squad_normalize(squad, text("\xCE\xA3 \xFF The\xC3"), &found, NULL), ELECTRA_OK);
    assert_int_equal(found.bytes, 10); /* a sigma, U+FFFD for each broken piece; the article beside one is gone */
    assert_memory_equal(found.text, "\xCF\x83 \xEF\xBF\xBD \xEF\xBF\xBD", 10);
    const electra_text nul = {"a\0b", 3};
    assert_int_equal(el_squad_normalize(squad, nul, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.bytes, 2);
    assert_memory_equal(found.text, "\0b", 2);
    assert_int_equal(el_squad_normalize(squad, (electra_text){0}, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.bytes, 0);
    for (size_t i = 0; i < LONG; i++) {
        bytes[i] = i % 3 == 2 ? ' ' : 'x';
    }
    const electra_text gold = {bytes, LONG};
    const el_squad_question q = {.golds = &gold, .n_golds = 1, .prediction = {bytes, LONG / 2}};
    el_squad1_scores scores;
    assert_int_equal(el_squad1_score(squad, &q, 1, EL_SQUAD_MISSING_WRONG, NULL, &scores, NULL), ELECTRA_OK);
    assert_true(scores.exact == 0 && fabs(scores.f1 - 2.0 / 3) < 1e-4);
    el_squad_free(squad);
}

/* Where silence is best, the official threshold is 0, and silence is not what it brings about. */
static void silence_may_be_the_best_answer(void **state)
{
    (void)state;
    const electra_text gold = text("harbour");
    const el_squad_question q[] = {{.prediction = text("x"), .null_odds = -3},
                                   {.prediction = text("y"), .null_odds = -2},
                                   {.golds = &gold, .n_golds = 1, .prediction = text("harbour"), .null_odds = -1}};
    el_squad *squad = NULL;
    el_squad2_scores scores;
    assert_int_equal(el_squad_create(&squad, NULL), ELECTRA_OK);
    assert_int_equal(el_squad2_score(squad, q, 3, 0, NULL, &scores, NULL), ELECTRA_OK);
    assert_true(scores.best_f1_is_none && scores.best_exact_is_none && scores.best_f1_threshold == 0);
    assert_true(fabs(scores.best_f1 - 2.0 / 3) < 1e-15 && fabs(scores.all.f1 - 1.0 / 3) < 1e-15);
    assert_int_equal(el_squad2_score(squad, q, 3, (double)-INFINITY, NULL, &scores, NULL), ELECTRA_OK);
    assert_true(scores.all.f1 == scores.best_f1);
    assert_int_equal(el_squad2_score(squad, q + 2, 1, 0, NULL, &scores, NULL), ELECTRA_OK);
    assert_true(!scores.best_f1_is_none && scores.best_f1_threshold == -1 && scores.all.f1 == 1);
    el_squad_free(squad);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* All that either scorer does, from its creation on. */
static electra_status score_all(electra_error *err)
{
    const char *const gold[] = {"B-PER", "O", "B-LOC"};
    const char *const predicted[] = {"B-PER", "B-ORG", "O"};
    const electra_text answer = text("The lantern of the harbour");
    const el_squad_question q[] = {{.golds = &answer, .n_golds = 1, .prediction = text("a lantern")}, {.null_odds = 2}};
    el_span_scorer *s = NULL;
    el_squad *squad = NULL;
    el_span_scores spans;
    el_squad2_scores answers;
    electra_status status = el_span_scorer_create(&s, EL_SPANS_SEQEVAL, err);
    status = status ? status : el_span_scorer_add(s, gold, predicted, 3, err);
    status = status ? status : el_span_scorer_finish(s, &spans, err);
    status = status ? status : el_squad_create(&squad, err);
    status = status ? status : el_squad2_score(squad, q, 2, 1, NULL, &answers, err);
    el_span_scorer_free(s);
    el_squad_free(squad);
    return status;
}

static void short_memory_is_said(void **state)
{
    (void)state;
    const unsigned long before = test_allocations();
    assert_int_equal(score_all(NULL), ELECTRA_OK);
    const unsigned long n = test_allocations() - before;
    assert_true(n > 10);
    for (unsigned long nth = 1; nth <= n; nth++) {
        electra_error error = {0};
        test_fail_allocation(nth);
        const electra_status status = score_all(&error);
        test_fail_allocation(0);
        assert_int_equal(status, ELECTRA_NO_RESOURCE);
        assert_true(error.message[0] != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sentence_has_no_accuracy),
        cmocka_unit_test(sentences_add_up_and_a_span_ends_with_its_sentence),
        cmocka_unit_test(a_word_that_is_not_told_ends_spans),
        cmocka_unit_test(any_number_of_types_is_counted),
        cmocka_unit_test(no_question_has_no_score),
        cmocka_unit_test(silence_may_be_the_best_answer),
        cmocka_unit_test(an_answer_may_be_any_bytes_of_any_length),
        cmocka_unit_test(short_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
