/* Metrics where the references give no number to compare with: nothing counted, labels that nobody knows, infinities,
 * memory that is short. Everything else: tests/golden/test_metrics.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "support/alloc.h"
#include "tasks/examples.h"
#include "tasks/metrics.h"

static void no_rows_have_no_mean(void **state)
{
    (void)state;
    el_confusion c;
    assert_int_equal(el_confusion_make(&c, NULL, NULL, 0, 3, NULL), ELECTRA_OK);
    assert_true(isnan(el_accuracy(&c)));
    assert_true(el_matthews(&c) == 0);
    assert_true(el_macro_score(&c).f1 == 0);
    assert_true(el_class_score(&c, 2).f1 == 0);
    assert_int_equal(el_confusion_n_gold(&c), 0);
    el_confusion_clear(&c);
    assert_int_equal(el_confusion_make(&c, NULL, NULL, 0, 0, NULL), ELECTRA_OK); /* not even a class */
    assert_true(el_matthews(&c) == 0);
    el_confusion_clear(&c);
    const el_multilabel_score none = el_multilabel_make(NULL, NULL, 0, 4);
    assert_true(isnan(none.exact) && none.micro.f1 == 0 && none.macro.f1 == 0);
    const bool some[2] = {true, false};
    assert_true(el_multilabel_make(some, some, 2, 0).exact == 1); /* no label, so none is wrong */
    assert_true(isnan(el_mean_squared_error(NULL, NULL, 0)));
    double r = 0;
    assert_true(isnan(el_pearson(NULL, NULL, 0)));
    assert_int_equal(el_spearman(NULL, NULL, 0, &r, NULL), ELECTRA_OK);
    assert_true(isnan(r));
    const double one = 1;
    assert_true(isnan(el_pearson(&one, &one, 1)));
    assert_int_equal(el_spearman(&one, &one, 1, &r, NULL), ELECTRA_OK);
    assert_true(isnan(r));
}

static void a_row_without_label_is_left_out_and_an_unknown_label_is_wrong(void **state)
{
    (void)state;
    const uint32_t gold[] = {0, EL_NO_LABEL, 1, 2, EL_NO_LABEL, 0}; /* 2: the model has classes 0 and 1 */
    const uint32_t predicted[] = {0, 1, 1, 1, 0, 1};
    el_confusion c;
    assert_int_equal(el_confusion_make(&c, gold, predicted, 6, 3, NULL), ELECTRA_OK);
    assert_int_equal(c.n, 4);
    assert_int_equal(c.n_right, 2);
    assert_int_equal(c.cells[2 * 3 + 1], 1);
    assert_int_equal(c.gold[2], 1);
    assert_int_equal(c.predicted[2], 0);
    assert_int_equal(el_confusion_n_gold(&c), 3);
    assert_int_equal(el_confusion_n_predicted(&c), 2);
    assert_true(el_accuracy(&c) == 0.5);
    el_confusion_clear(&c);
}

static void large_and_small_numbers_correlate_like_others(void **state)
{
    (void)state;
    const double x[] = {1, 2, 4, 3}, y[] = {2, 1, 7, 5};
    const double r = el_pearson(x, y, 4);
    double scaled_x[4], scaled_y[4];
    for (int i = 0; i < 4; i++) {
        scaled_x[i] = x[i] * 0x1p1000;
        scaled_y[i] = y[i] * 0x1p-1000;
    }
    assert_true(el_pearson(scaled_x, scaled_y, 4) == r);
    /* a mean that takes up nearly all digits */
    for (int i = 0; i < 4; i++) {
        scaled_x[i] = 0x1p40 + x[i] * 0x1p-10;
    }
    assert_true(fabs(el_pearson(scaled_x, y, 4) - r) < 1e-15);
}

static void infinities_have_ranks_but_no_mean(void **state)
{
    (void)state;
    const double x[] = {1, INFINITY, -INFINITY, 0}, y[] = {2, 4, 1, 0};
    assert_true(isnan(el_pearson(x, y, 4)));
    double r = 0;
    assert_int_equal(el_spearman(x, y, 4, &r, NULL), ELECTRA_OK);
    assert_true(fabs(r - 0.8) < 1e-15); /* ranks 3 4 1 2 and 3 4 2 1: 1 - 6 * 2 / 60 */
    assert_true(isinf(el_mean_squared_error(x, y, 4)));
    const double broken[] = {1, NAN, 2, 0};
    assert_int_equal(el_spearman(broken, y, 4, &r, NULL), ELECTRA_OK);
    assert_true(isnan(r) && isnan(el_pearson(broken, y, 4)) && isnan(el_mean_squared_error(broken, y, 4)));
}

static void short_memory_is_said(void **state)
{
    (void)state;
    const uint32_t classes[] = {0, 1};
    const double x[] = {1, 2};
    for (size_t nth = 1; nth <= 3; nth++) {
        el_confusion c;
        electra_error error = {0};
        test_fail_allocation(nth);
        assert_int_equal(el_confusion_make(&c, classes, classes, 2, 2, &error), ELECTRA_NO_RESOURCE);
        test_fail_allocation(0);
        assert_null(c.cells);
        el_confusion_clear(&c);
    }
    el_confusion c; /* more cells than there are addresses */
    assert_int_equal(el_confusion_make(&c, classes, classes, 0, SIZE_MAX / 4, NULL), ELECTRA_NO_RESOURCE);
    for (size_t nth = 1; nth <= 2; nth++) {
        double r;
        test_fail_allocation(nth);
        assert_int_equal(el_spearman(x, x, 2, &r, NULL), ELECTRA_NO_RESOURCE);
        test_fail_allocation(0);
        assert_true(isnan(r));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rows_have_no_mean),
        cmocka_unit_test(a_row_without_label_is_left_out_and_an_unknown_label_is_wrong),
        cmocka_unit_test(large_and_small_numbers_correlate_like_others),
        cmocka_unit_test(infinities_have_ranks_but_no_mean),
        cmocka_unit_test(short_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
