/* A backend as an object: which level is chosen, failing memory, and inputs that are no numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/detect.h"
#include "support/alloc.h"
#include "support/ops.h"

static const el_limits LIMITS = {.tokens = 40,
                                 .sequences = 4,
                                 .longest = 40,
                                 .width = 64,
                                 .heads = 2,
                                 .head_width = 16,
                                 .slots = 8,
                                 .vocabulary = 1200,
                                 .positions = 40};

/* ---- levels ----------------------------------------------------------------------------------------------------- */

/* Runs with ELECTRA_CPU set to a value, and puts back what was there. */
static electra_status create_with(const char *value, el_cpu_level level, el_backend **be, electra_error *error)
{
    const char *old = getenv("ELECTRA_CPU");
    char saved[64] = "";
    (void)snprintf(saved, sizeof saved, "%s", old ? old : "");
    assert_int_equal(setenv("ELECTRA_CPU", value, 1), 0);
    const electra_status status = el_backend_create_cpu(be, NULL, level, error);
    assert_int_equal(old ? setenv("ELECTRA_CPU", saved, 1) : unsetenv("ELECTRA_CPU"), 0);
    return status;
}

static void test_choice(void **state)
{
    (void)state;
    static const char *const names[] = {"", "ref", "avx2", "avx512"};
    const el_cpu_level best = el_cpu_detect();
    assert_in_range(best, EL_CPU_REF, EL_CPU_AVX512);
    for (int level = EL_CPU_REF; level <= EL_CPU_AVX512; level++) {
        el_backend *be = NULL;
        electra_error error = {0};
        const electra_status status = create_with(names[level], EL_CPU_BEST, &be, &error);
        if ((el_cpu_level)level <= best) {
            assert_int_equal(status, ELECTRA_OK);
            assert_string_equal(be->name + strlen("cpu-"), names[level]);
            assert_int_equal(be->element_size, sizeof(float));
        } else {
            assert_int_equal(status, ELECTRA_NO_RESOURCE);
            assert_non_null(strstr(error.message, names[level]));
            assert_null(be);
        }
        el_backend_free(be);
    }
}

static void test_choice_by_default(void **state)
{
    (void)state;
    el_backend *be = NULL;
    assert_int_equal(create_with("", EL_CPU_BEST, &be, NULL), ELECTRA_OK);
    assert_string_equal(be->name + strlen("cpu-"), el_cpu_level_name(el_cpu_detect()));
    el_backend_free(be);
    assert_int_equal(create_with("avx512", EL_CPU_REF, &be, NULL), ELECTRA_OK); /* a wish goes before the variable */
    assert_string_equal(be->name, "cpu-ref");
    el_backend_free(be);
}

static void test_bad_choice(void **state)
{
    (void)state;
    static const char *const bad[] = {"sse", "AVX2", "avx", "best", "ref "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        el_backend *be = NULL;
        electra_error error = {0};
        assert_int_equal(create_with(bad[i], EL_CPU_BEST, &be, &error), ELECTRA_MISUSE);
        assert_null(be);
        assert_string_equal(error.where, "ELECTRA_CPU");
        assert_non_null(strstr(error.message, bad[i]));
    }
    el_backend_free(NULL);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void test_failing_allocations(void **state)
{
    (void)state;
    unsigned long n = 1;
    for (electra_status status = ELECTRA_NO_RESOURCE; status != ELECTRA_OK; n++) {
        el_backend *be = NULL;
        electra_error error = {0};
        test_fail_allocation(n);
        status = el_backend_create_f64(&be, NULL, &error);
        if (status == ELECTRA_OK) {
            status = be->ops->reserve(be, &LIMITS, &error);
        }
        test_fail_allocation(0);
        if (status != ELECTRA_OK) {
            assert_int_equal(status, ELECTRA_NO_RESOURCE);
            assert_true(error.message[0]);
        }
        el_backend_free(be);
    }
    assert_in_range(n, 4, 10); /* the object, its state, the workspace, and the run in which none failed */
}

/* After a reserve that failed another one works, and limits may change. */
static void test_reserve_again(void **state)
{
    (void)state;
    el_backend *be = NULL;
    assert_int_equal(el_backend_create_f64(&be, NULL, NULL), ELECTRA_OK);
    el_limits larger = LIMITS;
    larger.tokens = 500;
    larger.vocabulary = 3000;
    assert_int_equal(be->ops->reserve(be, &LIMITS, NULL), ELECTRA_OK);
    test_fail_allocation(1);
    assert_int_equal(be->ops->reserve(be, &larger, NULL), ELECTRA_NO_RESOURCE);
    test_fail_allocation(0);
    assert_int_equal(be->ops->reserve(be, &larger, NULL), ELECTRA_OK);
    const el_tensor x = test_tensor(be, 500, 64), w = test_tensor(be, 3, 64), y = test_tensor(be, 500, 3);
    be->ops->linear_fwd(be, y, x, w, EL_ABSENT, EL_ACT_LINEAR, EL_ABSENT);
    assert_true(be->ops->sum(be, y) == 0);
    be->ops->free(be, x.data);
    be->ops->free(be, w.data);
    be->ops->free(be, y.data);
    el_backend_free(be);
}

static void test_transfers(void **state)
{
    (void)state;
    static const float floats[] = {1, -2.5f, 0.1f};
    static const double doubles[] = {1, -2.5, 0.1};
    el_backend *levels[TEST_LEVELS];
    const size_t n = test_levels(levels, NULL);
    for (size_t i = 0; i < n; i++) {
        el_backend *be = levels[i];
        const el_tensor x = test_tensor(be, 1, 3);
        float f[3];
        double d[3];
        be->ops->upload_f32(be, x.data, floats, 3);
        be->ops->download_f32(be, f, x.data, 3);
        assert_memory_equal(f, floats, sizeof f);
        be->ops->upload_f64(be, x.data, doubles, 3);
        be->ops->download_f64(be, d, x.data, 3);
        for (size_t k = 0; k < 3; k++) {
            assert_true(d[k] == (be->element_size == sizeof(double) ? doubles[k] : (double)floats[k]));
        }
        be->ops->download_bytes(be, f, floats, 0);
        assert_memory_equal(f, floats, sizeof f);
        be->ops->free(be, x.data);
        be->ops->free(be, NULL);
        el_backend_free(be);
    }
}

/* ---- inputs that are no numbers -------------------------------------------------------------------------------------
 */

static const double ODD[] = {NAN, INFINITY, -INFINITY, 3e38, -3e38, 0};
enum { N_ODD = sizeof ODD / sizeof *ODD };

/* The value at every third place, or with `all` everywhere. */
static el_tensor odd_tensor(el_backend *be, size_t rows, size_t cols, double value, bool all)
{
    const el_tensor x = test_tensor(be, rows, cols);
    for (size_t i = 0; i < rows * cols; i++) {
        const double v = all || i % 3 == 0 ? value : 0.5;
        be->ops->upload_f64(be, (char *)x.data + i * be->element_size, &v, 1);
    }
    return x;
}

static void run_masked_lm(el_backend *be, const el_layout *layout, double value, bool all)
{
    enum { M = 4, V = 1200, E = 6 };
    static const uint32_t targets[M] = {0, 5, 1199, 600}, slots[M] = {1, 2, 3, 4};
    uint32_t best[M], sampled[M];
    const el_tensor h = odd_tensor(be, M, E, value, all), table = odd_tensor(be, V, E, value, all);
    const el_tensor bias = odd_tensor(be, 1, V, value, all), loss = test_tensor(be, M, 1), lse = test_tensor(be, M, 1);
    const el_tensor dh = test_tensor(be, M, E), dtable = test_tensor(be, V, E), dbias = test_tensor(be, 1, V);
    const el_sampling sampling = {.temperature = 0.5, .forbid_target = true, .key = 3};
    be->ops->masked_lm_fwd(be, loss, lse, best, sampled, h, table, bias, targets, slots, layout, &sampling);
    be->ops->masked_lm_bwd(be, dh, dtable, dbias, h, table, bias, lse, targets, 1);
    for (size_t i = 0; i < M; i++) {
        assert_true(best[i] < V && sampled[i] < V); /* they index tables later */
    }
    const el_tensor mine[] = {h, table, bias, loss, lse, dh, dtable, dbias};
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) {
        be->ops->free(be, mine[i].data);
    }
}

static void run_encoder_parts(el_backend *be, const el_layout *layout, double value, bool all)
{
    enum { WIDTH = 10, HEADS = 2 };
    const size_t rows = layout->n_tokens;
    const el_dropout dropout = {0.1, 9};
    const el_tensor qkv = odd_tensor(be, rows, 3 * WIDTH, value, all), context = test_tensor(be, rows, WIDTH);
    const el_tensor lse = test_tensor(be, rows, HEADS), dqkv = test_tensor(be, rows, 3 * WIDTH);
    const el_tensor y = test_tensor(be, rows, WIDTH), sum = test_tensor(be, rows, WIDTH);
    const el_tensor stats = test_tensor(be, rows, 2), gamma = odd_tensor(be, 1, WIDTH, 1, false);
    const el_tensor dgamma = test_tensor(be, 1, WIDTH), dbeta = test_tensor(be, 1, WIDTH);
    be->ops->attention_fwd(be, context, lse, qkv, HEADS, &dropout, layout);
    be->ops->attention_bwd(be, dqkv, context, qkv, context, lse, HEADS, &dropout, layout);
    be->ops->norm_fwd(be, y, sum, stats, context, context, &dropout, layout, gamma, gamma, 1e-12);
    be->ops->norm_bwd(be, y, dgamma, dbeta, y, sum, stats, gamma);
    for (el_activation act = EL_ACT_LINEAR; act <= EL_ACT_SILU; act++) {
        be->ops->act_fwd(be, dqkv, qkv, act);
        be->ops->act_bwd(be, dqkv, qkv, qkv, act);
        if (isnan(value)) { /* the training guard must see it */
            assert_true(isnan(be->ops->sum(be, dqkv)) && isnan(be->ops->sum_of_squares(be, dqkv)));
        }
    }
    const el_tensor mine[] = {qkv, context, lse, dqkv, y, sum, stats, gamma, dgamma, dbeta};
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) {
        be->ops->free(be, mine[i].data);
    }
}

static void test_odd_inputs(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 30, 9};
    el_layout layout = test_layout(lengths, 3);
    el_backend *levels[TEST_LEVELS];
    const size_t n = test_levels(levels, NULL);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(levels[i]->ops->reserve(levels[i], &LIMITS, NULL), ELECTRA_OK);
        for (size_t k = 0; k < 2 * N_ODD; k++) {
            run_masked_lm(levels[i], &layout, ODD[k / 2], k % 2);
            run_encoder_parts(levels[i], &layout, ODD[k / 2], k % 2);
        }
        el_backend_free(levels[i]);
    }
    test_layout_free(&layout);
}

/* With an epsilon of 1e-12 an error of one unit in the last place of the mean would show. */
static void test_constant_row(void **state)
{
    (void)state;
    static const double values[] = {10.1, -1e-3, 123456.7, 0, 1e-20};
    el_backend *levels[TEST_LEVELS];
    const size_t n = test_levels(levels, NULL);
    for (size_t i = 0; i < n; i++) {
        el_backend *be = levels[i];
        assert_int_equal(be->ops->reserve(be, &LIMITS, NULL), ELECTRA_OK);
        for (size_t width = 1; width <= 64; width++) {
            for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
                const el_tensor x = odd_tensor(be, 1, width, values[k], true), y = test_tensor(be, 1, width);
                const el_tensor one = odd_tensor(be, 1, width, 1, true), sum = test_tensor(be, 1, width);
                const el_tensor stats = test_tensor(be, 1, 2);
                be->ops->norm_fwd(be, y, sum, stats, x, EL_ABSENT, NULL, NULL, one, one, 1e-12);
                assert_memory_equal(y.data, one.data, width * be->element_size);
                const el_tensor mine[] = {x, y, one, sum, stats};
                for (size_t m = 0; m < sizeof mine / sizeof *mine; m++) {
                    be->ops->free(be, mine[m].data);
                }
            }
        }
        el_backend_free(be);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),        cmocka_unit_test(test_choice_by_default),
        cmocka_unit_test(test_bad_choice),    cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_reserve_again), cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_odd_inputs),    cmocka_unit_test(test_constant_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
