/* The metrics against scikit-learn, SciPy, seqeval, conlleval and the official scorers of SQuAD (the folder metrics,
 * written by tools/gen_metrics.py). Another folder of such files may be given as the argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "tasks/metrics.h"
#include "tasks/spans_score.h"
#include "tasks/squad_score.h"

static const char *folder = TEST_SOURCE_DIR "/tests/golden/metrics";

/* ---- reading and comparing --------------------------------------------------------------------------------------- */

typedef void check_fn(const json_t *of);

static size_t n_wrong; /* in the case at hand */

/* Call `check` for each JSON line of a file; all must pass. */
static void each_case(const char *file, check_fn *check)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    char *text = NULL;
    size_t bytes, n = 0, wrong = 0;
    electra_error error = {0};
    if (el_read_file(&text, &bytes, path, SIZE_MAX, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    for (char *p = text; p < text + bytes; n++) {
        char *end = memchr(p, '\n', (size_t)(text + bytes - p));
        json_t *line = json_loadb(p, (size_t)(end - p), JSON_ALLOW_NUL, NULL);
        assert_non_null(line);
        n_wrong = 0;
        check(line);
        if (n_wrong > 0) {
            wrong++;
            (void)fprintf(stderr, "%s, line %zu differs: %.*s\n", file, n + 1, end - p < 400 ? (int)(end - p) : 400, p);
        }
        json_decref(line);
        p = end + 1;
    }
    el_free(text);
    assert_true(n > 0);
    assert_int_equal(wrong, 0);
}

/* Whether a number is the expected one (null: NaN) within `tolerance` times the larger of it and `floor`. */
static void compare(const char *what, double found, const json_t *expected, double tolerance, double floor)
{
    const double wanted = json_is_null(expected) ? NAN : json_number_value(expected);
    assert_true(json_is_number(expected) || json_is_null(expected));
    if (isnan(wanted) ? !isnan(found) : !(fabs(found - wanted) <= tolerance * fmax(fabs(wanted), floor))) {
        n_wrong++;
        (void)fprintf(stderr, "%s: %.17g instead of %.17g\n", what, found, wanted);
    }
}

#define EXACT 1e-12

static void same(const char *what, double found, const json_t *expected)
{
    compare(what, found, expected, EXACT, 0);
}

static void same_score(const char *what, el_score found, const json_t *expected, size_t at)
{
    same(what, found.precision, json_array_get(expected, at));
    same(what, found.recall, json_array_get(expected, at + 1));
    same(what, found.f1, json_array_get(expected, at + 2));
}

static void same_count(const char *what, uint64_t found, const json_t *expected)
{
    if (!json_is_integer(expected) || (uint64_t)json_integer_value(expected) != found) {
        n_wrong++;
        (void)fprintf(stderr, "%s: %zu instead of %lld\n", what, (size_t)found, json_integer_value(expected));
    }
}

static void *array_of(const json_t *list, size_t size)
{
    void *array = el_alloc(json_array_size(list), size);
    assert_non_null(array);
    return array;
}

/* ---- classes and labels -------------------------------------------------------------------------------------------- */

static uint32_t *classes_of(const json_t *list)
{
    uint32_t *classes = array_of(list, sizeof *classes);
    for (size_t i = 0; i < json_array_size(list); i++) {
        classes[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    }
    return classes;
}

static void check_classes(const json_t *of)
{
    const json_t *rows = json_object_get(of, "gold");
    const json_t *each = json_object_get(of, "classes");
    uint32_t *gold = classes_of(rows);
    uint32_t *predicted = classes_of(json_object_get(of, "predicted"));
    el_confusion c;
    assert_int_equal(el_confusion_make(&c, gold, predicted, json_array_size(rows), json_array_size(each), NULL),
                     ELECTRA_OK);
    same("accuracy", el_accuracy(&c), json_object_get(of, "accuracy"));
    /* a coefficient near 0 is a difference of large numbers */
    compare("matthews", el_matthews(&c), json_object_get(of, "matthews"), EXACT, 1e-3);
    same_score("macro", el_macro_score(&c), json_object_get(of, "macro"), 0);
    for (size_t k = 0; k < c.n_classes; k++) {
        same_score("class", el_class_score(&c, k), json_array_get(each, k), 0);
    }
    el_confusion_clear(&c);
    el_free(gold);
    el_free(predicted);
}

static void classes_count_as_in_scikit_learn(void **state)
{
    (void)state;
    each_case("classes.jsonl", check_classes);
}

static bool *cells_of(const json_t *rows)
{
    const size_t k = json_array_size(json_array_get(rows, 0));
    bool *cells = array_of(rows, k * sizeof *cells);
    for (size_t i = 0; i < k * json_array_size(rows); i++) {
        cells[i] = json_integer_value(json_array_get(json_array_get(rows, i / k), i % k));
    }
    return cells;
}

static void check_labels(const json_t *of)
{
    const json_t *rows = json_object_get(of, "gold");
    bool *gold = cells_of(rows);
    bool *predicted = cells_of(json_object_get(of, "predicted"));
    const el_multilabel_score found =
        el_multilabel_make(gold, predicted, json_array_size(rows), json_array_size(json_array_get(rows, 0)));
    same_score("micro", found.micro, json_object_get(of, "micro"), 0);
    same_score("macro", found.macro, json_object_get(of, "macro"), 0);
    same("exact", found.exact, json_object_get(of, "exact"));
    el_free(gold);
    el_free(predicted);
}

static void labels_count_as_in_scikit_learn(void **state)
{
    (void)state;
    each_case("labels.jsonl", check_labels);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------- */

static double *numbers_of(const json_t *list)
{
    double *numbers = array_of(list, sizeof *numbers);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        numbers[i] = json_is_null(value) ? NAN : json_number_value(value);
    }
    return numbers;
}

static void check_numbers(const json_t *of)
{
    const size_t n = json_array_size(json_object_get(of, "x"));
    double *x = numbers_of(json_object_get(of, "x"));
    double *y = numbers_of(json_object_get(of, "y"));
    double rank_correlation = 0;
    assert_int_equal(el_spearman(x, y, n, &rank_correlation, NULL), ELECTRA_OK);
    /* a coefficient near 0 is a sum of positive and negative numbers, 1 being the largest that it could have been */
    compare("pearson", el_pearson(x, y, n), json_object_get(of, "pearson"), EXACT, 1e-3);
    compare("spearman", rank_correlation, json_object_get(of, "spearman"), EXACT, 1e-3);
    same("mean squared error", el_mean_squared_error(x, y, n), json_object_get(of, "mse"));
    el_free(x);
    el_free(y);
}

static void numbers_correlate_as_in_scipy(void **state)
{
    (void)state;
    each_case("numbers.jsonl", check_numbers);
}

/* ---- spans --------------------------------------------------------------------------------------------------------- */

static const char **labels_of(const json_t *list)
{
    const char **labels = array_of(list, sizeof *labels);
    for (size_t i = 0; i < json_array_size(list); i++) {
        labels[i] = json_string_value(json_array_get(list, i));
    }
    return labels;
}

static el_span_scorer *score_spans(const json_t *of, el_span_rules rules, el_span_scores *scores)
{
    const json_t *gold = json_object_get(of, "gold");
    const json_t *predicted = json_object_get(of, "predicted");
    el_span_scorer *scorer = NULL;
    assert_int_equal(el_span_scorer_create(&scorer, rules, NULL), ELECTRA_OK);
    for (size_t i = 0; i < json_array_size(gold); i++) {
        const char **g = labels_of(json_array_get(gold, i));
        const char **p = labels_of(json_array_get(predicted, i));
        assert_int_equal(el_span_scorer_add(scorer, g, p, json_array_size(json_array_get(gold, i)), NULL), ELECTRA_OK);
        el_free(g);
        el_free(p);
    }
    assert_int_equal(el_span_scorer_finish(scorer, scores, NULL), ELECTRA_OK);
    return scorer;
}

static void check_seqeval(const json_t *of)
{
    const json_t *expected = json_object_get(of, "seqeval");
    const json_t *types = json_object_get(expected, "types");
    const json_t *all = json_object_get(expected, "all");
    el_span_scores found;
    el_span_scorer *scorer = score_spans(of, EL_SPANS_SEQEVAL, &found);
    same_count("spans", found.all.gold, json_array_get(all, 0));
    same_count("spans found", found.all.predicted, json_array_get(all, 1));
    same_count("spans right", found.all.right, json_array_get(all, 2));
    same_score("all", found.all.score, all, 3);
    same_score("macro", found.macro, json_object_get(expected, "macro"), 0);
    same("accuracy", found.accuracy, json_object_get(expected, "accuracy"));
    n_wrong += found.n_types != json_object_size(types);
    for (size_t i = 0; i < found.n_types; i++) {
        const json_t *type = json_object_get(types, found.types[i].type);
        same_count(found.types[i].type, found.types[i].gold, json_array_get(type, 0));
        same_count(found.types[i].type, found.types[i].predicted, json_array_get(type, 1));
        same_count(found.types[i].type, found.types[i].right, json_array_get(type, 2));
        if (type) {
            same_score(found.types[i].type, found.types[i].score, type, 3);
        }
    }
    el_span_scorer_free(scorer);
}

/* conlleval prints per cent with two digits behind the point */
static void same_printed(const char *what, double found, const json_t *expected)
{
    compare(what, 100 * found, expected, (0.005 + 1e-9) / fmax(json_number_value(expected), 1), 1);
}

static void check_conlleval(const json_t *of)
{
    const json_t *expected = json_object_get(of, "conlleval");
    const json_t *types = json_object_get(expected, "types");
    const json_t *all = json_object_get(expected, "all");
    el_span_scores found;
    el_span_scorer *scorer = score_spans(of, EL_SPANS_CONLLEVAL, &found);
    same_count("words", found.n_words, json_object_get(expected, "words"));
    same_count("spans", found.all.gold, json_array_get(all, 0));
    same_count("spans found", found.all.predicted, json_array_get(all, 1));
    same_count("spans right", found.all.right, json_array_get(all, 2));
    same_printed("precision", found.all.score.precision, json_array_get(all, 3));
    same_printed("recall", found.all.score.recall, json_array_get(all, 4));
    same_printed("F1", found.all.score.f1, json_array_get(all, 5));
    same_printed("accuracy", found.accuracy, json_object_get(expected, "accuracy"));
    n_wrong += found.n_types != json_object_size(types);
    for (size_t i = 0; i < found.n_types; i++) {
        const json_t *type = json_object_get(types, found.types[i].type);
        same_count(found.types[i].type, found.types[i].predicted, json_array_get(type, 0));
        if (type) {
            same_printed(found.types[i].type, found.types[i].score.precision, json_array_get(type, 1));
            same_printed(found.types[i].type, found.types[i].score.recall, json_array_get(type, 2));
            same_printed(found.types[i].type, found.types[i].score.f1, json_array_get(type, 3));
        }
    }
    el_span_scorer_free(scorer);
}

static void spans_count_as_in_seqeval(void **state)
{
    (void)state;
    each_case("spans.jsonl", check_seqeval);
}

static void spans_count_as_in_conlleval(void **state)
{
    (void)state;
    each_case("spans.jsonl", check_conlleval);
}

/* ---- answers ------------------------------------------------------------------------------------------------------- */

static el_squad *squad;

static electra_text text_of(const json_t *string)
{
    return (electra_text){json_string_value(string), json_string_length(string)};
}

static void check_normalized(const json_t *of)
{
    electra_text found;
    const electra_text expected = text_of(json_object_get(of, "normalized"));
    assert_int_equal(el_squad_normalize(squad, text_of(json_object_get(of, "text")), &found, NULL), ELECTRA_OK);
    if (found.bytes != expected.bytes || (found.bytes && memcmp(found.text, expected.text, found.bytes) != 0)) {
        n_wrong++;
        (void)fprintf(stderr, "%.*s\n", (int)found.bytes, found.text);
    }
}

static void answers_are_normalized_as_by_the_official_scorer(void **state)
{
    (void)state;
    each_case("normalize.jsonl", check_normalized);
}

/* Questions with the texts of the JSON; free the golds of each. */
static el_squad_question *questions_of(const json_t *list)
{
    el_squad_question *questions = array_of(list, sizeof *questions);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        const json_t *golds = json_object_get(from, "golds");
        const json_t *prediction = json_object_get(from, "prediction");
        electra_text *texts = array_of(golds, sizeof *texts);
        for (size_t k = 0; k < json_array_size(golds); k++) {
            texts[k] = text_of(json_array_get(golds, k));
        }
        questions[i] = (el_squad_question){.golds = texts,
                                           .n_golds = json_array_size(golds),
                                           .prediction = json_is_null(prediction) ? (electra_text){0} : text_of(prediction),
                                           .missing = json_is_null(prediction),
                                           .null_odds = json_number_value(json_object_get(from, "null_odds"))};
    }
    return questions;
}

static void same_matches(const el_squad_match *found, const json_t *expected, double scale)
{
    for (size_t i = 0; i < json_array_size(expected); i++) {
        same("exact match of a question", scale * found[i].exact, json_array_get(json_array_get(expected, i), 0));
        same("F1 of a question", scale * found[i].f1, json_array_get(json_array_get(expected, i), 1));
    }
}

static void check_squad1(const el_squad_question *questions, size_t n, el_squad_match *each, const json_t *expected)
{
    el_squad1_scores found;
    assert_int_equal(el_squad1_score(squad, questions, n, EL_SQUAD_MISSING_WRONG, each, &found, NULL), ELECTRA_OK);
    same("exact", 100 * found.exact, json_object_get(expected, "exact"));
    same("f1", 100 * found.f1, json_object_get(expected, "f1"));
    n_wrong += found.n != n;
    same_matches(each, json_object_get(expected, "each"), 100);
    const json_t *mrqa = json_object_get(expected, "mrqa");
    assert_int_equal(el_squad1_score(squad, questions, n, EL_SQUAD_MISSING_LEFT_OUT, NULL, &found, NULL), ELECTRA_OK);
    if (json_is_null(mrqa)) {
        n_wrong += found.n != 0 || !isnan(found.exact) || !isnan(found.f1);
    } else {
        same("exact of MRQA", 100 * found.exact, json_array_get(mrqa, 0));
        same("f1 of MRQA", 100 * found.f1, json_array_get(mrqa, 1));
    }
}

static void same_part(const char *exact, const char *f1, const char *total, el_squad_part part, const json_t *expected)
{
    if (part.n > 0 || json_object_get(expected, total)) {
        same(exact, 100 * part.exact, json_object_get(expected, exact));
        same(f1, 100 * part.f1, json_object_get(expected, f1));
        same_count(total, part.n, json_object_get(expected, total));
    }
}

static void check_squad2(const el_squad_question *questions, size_t n, double threshold, el_squad_match *each,
                         const json_t *expected)
{
    el_squad2_scores found, again;
    assert_int_equal(el_squad2_score(squad, questions, n, threshold, each, &found, NULL), ELECTRA_OK);
    same_part("exact", "f1", "total", found.all, expected);
    same_part("HasAns_exact", "HasAns_f1", "HasAns_total", found.has_answer, expected);
    same_part("NoAns_exact", "NoAns_f1", "NoAns_total", found.no_answer, expected);
    same("best_exact", 100 * found.best_exact, json_object_get(expected, "best_exact"));
    same("best_f1", 100 * found.best_f1, json_object_get(expected, "best_f1"));
    same("best_exact_thresh", found.best_exact_threshold, json_object_get(expected, "best_exact_thresh"));
    same("best_f1_thresh", found.best_f1_threshold, json_object_get(expected, "best_f1_thresh"));
    same_matches(each, json_object_get(expected, "each"), 1);
    assert_int_equal(el_squad2_score(squad, questions, n, threshold, NULL, &again, NULL), ELECTRA_OK);
    n_wrong += again.best_f1 != found.best_f1 || again.all.f1 != found.all.f1;
}

static void check_squad(const json_t *of)
{
    const json_t *list = json_object_get(of, "questions");
    const size_t n = json_array_size(list);
    el_squad_question *questions = questions_of(list);
    el_squad_match *each = array_of(list, sizeof *each);
    const json_t *scores = json_object_get(of, "squad1");
    if (scores) {
        check_squad1(questions, n, each, scores);
    } else {
        check_squad2(questions, n, json_number_value(json_object_get(of, "threshold")), each,
                     json_object_get(of, "squad2"));
    }
    for (size_t i = 0; i < n; i++) {
        el_free((void *)(uintptr_t)questions[i].golds);
    }
    el_free(questions);
    el_free(each);
}

static void answers_score_as_in_the_official_scorers(void **state)
{
    (void)state;
    each_case("squad.jsonl", check_squad);
}

static int start(void **state)
{
    (void)state;
    return el_squad_create(&squad, NULL) == ELECTRA_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    el_squad_free(squad);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        folder = argv[1];
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_count_as_in_scikit_learn),
        cmocka_unit_test(labels_count_as_in_scikit_learn),
        cmocka_unit_test(numbers_correlate_as_in_scipy),
        cmocka_unit_test(spans_count_as_in_seqeval),
        cmocka_unit_test(spans_count_as_in_conlleval),
        cmocka_unit_test(answers_are_normalized_as_by_the_official_scorer),
        cmocka_unit_test(answers_score_as_in_the_official_scorers),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
