/* Products of 8-bit integers on every level that this machine has, and with 16 lanes around an imitated VNNI: the
 * integers are exact and the reals have the same bits as a naive form computed here, for odd sizes and tails, for
 * operands as large as they can be, and on several threads; guards stand around every output. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/detect.h"
#include "backend/int8.h"
#include "base/mem.h"
#include "support/int8.h"
#include "support/ops.h"

enum { GUARD = 16, THREADS = 3, MOST_LEVELS = TEST_LEVELS + 1 };
static const float UNTOUCHED = 12345.5F;

static void *room(size_t n, size_t size)
{
    void *memory = el_alloc(n + 1, size);
    assert_non_null(memory);
    return memory;
}

/* ---- levels --------------------------------------------------------------------------------------------------------
 */

/* The float backends, and one more with the imitated VNNI in the slot of the product. */
static size_t float_levels(el_backend **levels, el_pool *pool)
{
    el_backend *all[TEST_LEVELS];
    const size_t found = test_levels(all, pool);
    size_t n = 0;
    for (size_t i = 0; i < found; i++) {
        if (all[i]->element_size == sizeof(float)) {
            levels[n++] = all[i];
        } else {
            el_backend_free(all[i]);
        }
    }
#ifdef __x86_64__
    if (el_cpu_detect() >= EL_CPU_AVX2) {
        electra_error err;
        assert_int_equal(el_backend_create_cpu(&levels[n], pool, EL_CPU_REF, &err), ELECTRA_OK);
        levels[n]->name = "cpu-ref with a pair";
        test_fill_vnni_pair(&el_cpu_of(levels[n])->k);
        n++;
    }
#endif
    return n;
}

static void reserve(el_backend *be, size_t tokens, size_t width, size_t slots, size_t vocabulary)
{
    electra_error err;
    const el_limits limits = {.tokens = tokens,
                              .sequences = 1,
                              .longest = 1,
                              .width = width,
                              .heads = 1,
                              .head_width = 1,
                              .slots = slots,
                              .vocabulary = vocabulary,
                              .positions = 1};
    assert_int_equal(be->ops->reserve(be, &limits, &err), ELECTRA_OK);
}

/* ---- problems ------------------------------------------------------------------------------------------------------
 */

typedef enum weights_kind {
    RANDOM,
    QUANTIZED,
    ALL_127,
    ALL_MINUS_128,
    JUST_FITTING,
    ONE_MISFIT,
    N_WEIGHTS
} weights_kind;
typedef enum x_kind { NORMAL, ALL_EQUAL, ALL_NEGATIVE, TWO_VALUES, TINY, N_XS } x_kind;

typedef struct problem {
    size_t rows, n, k; /* T, N, K */
    int8_t *w;         /* [N, K] */
    float *scales, *x, *bias;
} problem;

static int8_t weight_of(weights_kind kind, size_t row, el_rng_stream *stream)
{
    switch (kind) {
    case ALL_127: return 127;
    case ALL_MINUS_128: return -128;
    case JUST_FITTING: return row % 2 ? 32 : -32;
    default: return (int8_t)((int)el_rng_below(stream, 256) - 128);
    }
}

static void fill_weights(problem *p, weights_kind kind, el_rng_stream *stream)
{
    const size_t k = p->k;
    float *row = room(k, sizeof *row);
    for (size_t j = 0; j < p->n; j++) {
        for (size_t i = 0; i < k; i++) {
            row[i] = (float)test_normal(stream);
            p->w[j * k + i] = weight_of(kind, j, stream);
        }
        p->scales[j] = 0.01F + (float)test_uniform(stream);
        if (kind == QUANTIZED || kind == ONE_MISFIT) {
            p->scales[j] = el_int8_quantize(p->w + j * k, row, k, true);
            assert_true(el_int8_fits(p->w + j * k, k));
        }
    }
    if (kind == ONE_MISFIT && k >= 6) {
        memset(p->w + (p->n - 1) * k, 127, 6);
        assert_false(el_int8_fits(p->w + (p->n - 1) * k, k));
    }
    el_free(row);
}

static void fill_x(problem *p, x_kind kind, el_rng_stream *stream)
{
    for (size_t i = 0; i < p->rows * p->k; i++) {
        switch (kind) {
        case ALL_EQUAL: p->x[i] = 3; break;                                           /* all integers are 255 */
        case ALL_NEGATIVE: p->x[i] = -1e30F; break;                                   /* all are 0, zero is 255 */
        case TWO_VALUES: p->x[i] = el_rng_next(stream) >> 63 ? 1 : -1; break;         /* 0 and 255 */
        case TINY: p->x[i] = 1e-39F * (float)test_normal(stream); break;              /* no scale can be had */
        default: p->x[i] = (float)test_normal(stream) * (float)(1 + i / p->k); break; /* rows of different scales */
        }
    }
}

static problem make_problem(const size_t shape[3], weights_kind weights, x_kind xs, el_rng_stream *stream)
{
    problem p = {.rows = shape[0], .k = shape[1], .n = shape[2]};
    p.w = room(p.n * p.k, 1);
    p.scales = room(p.n, sizeof *p.scales);
    p.x = room(p.rows * p.k, sizeof *p.x);
    p.bias = room(p.n, sizeof *p.bias);
    fill_weights(&p, weights, stream);
    fill_x(&p, xs, stream);
    for (size_t j = 0; j < p.n; j++) {
        p.bias[j] = (float)test_normal(stream);
    }
    return p;
}

static void free_problem(problem *p)
{
    el_free(p->w);
    el_free(p->scales);
    el_free(p->x);
    el_free(p->bias);
}

/* ---- the naive form ------------------------------------------------------------------------------------------------
 */

/* backend.h, linear_fwd, word by word. */
static float quantize(const float *x, size_t n, int *q, int *zero)
{
    float low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    const float scale = (high - low) / 255;
    *zero = 0;
    memset(q, 0, n * sizeof *q);
    if (scale < 1.17549435e-38F) {
        return 0;
    }
    const float inverse = 255 / (high - low);
    *zero = (int)lrintf(-low * inverse);
    for (size_t i = 0; i < n; i++) {
        const long level = lrintf(x[i] * inverse) + *zero;
        q[i] = (int)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
    return scale;
}

static void multiply(const problem *p, const float *bias, float *y)
{
    int *q = room(p->k, sizeof *q);
    for (size_t t = 0; t < p->rows; t++) {
        int zero;
        const float scale = quantize(p->x + t * p->k, p->k, q, &zero);
        for (size_t j = 0; j < p->n; j++) {
            int64_t sum = 0;
            for (size_t i = 0; i < p->k; i++) {
                sum += (int64_t)(q[i] - zero) * p->w[j * p->k + i];
            }
            assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
            y[t * p->n + j] = (float)(int32_t)sum * (scale * p->scales[j]);
            y[t * p->n + j] += bias ? bias[j] : 0;
        }
    }
    el_free(q);
}

/* ---- products ------------------------------------------------------------------------------------------------------
 */

/* T, K, N */
static const size_t SHAPES[][3] = {{1, 1, 1},    {3, 5, 7},    {17, 33, 65},  {67, 130, 259}, {5, 700, 3},
                                   {260, 64, 1}, {2, 16, 520}, {31, 513, 16}, {6, 1, 13},     {49, 256, 48},
                                   {7, 9, 33},   {48, 8, 15},  {11, 24, 31},  {50, 7, 17},    {1, 2048, 40}};
enum { N_SHAPES = sizeof SHAPES / sizeof *SHAPES };

/* The weights come in two pieces that meet anywhere. */
static el_tensor pack(el_backend *be, const problem *p, el_format format, size_t first)
{
    const size_t bytes = be->ops->format_bytes(be, format, p->n, p->k);
    assert_true(bytes > 0);
    const el_tensor w = {be->ops->alloc(be, bytes), p->n, p->k, format};
    assert_non_null(w.data);
    be->ops->pack_int8(be, w, first, p->w + first * p->k, p->scales + first, p->n - first);
    if (first) {
        be->ops->pack_int8(be, w, 0, p->w, p->scales, first);
    }
    return w;
}

static void expect_bits(const el_backend *be, const char *what, const float *expected, const float *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(expected + i, found + i, sizeof *found) != 0) {
            fail_msg("%s, %s: element %zu of %zu is %.9g, expected %.9g", be->name, what, i, n, (double)found[i],
                     (double)expected[i]);
        }
    }
}

static void expect_guards(const float *block, size_t n)
{
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(block[i] == UNTOUCHED && block[GUARD + n + i] == UNTOUCHED);
    }
}

static void check_product(el_backend *be, const problem *p, size_t shape, weights_kind weights, x_kind xs)
{
    const size_t n = p->rows * p->n;
    const float *bias = shape % 3 == 1 ? NULL : p->bias;
    const el_activation act = (el_activation)((shape + (size_t)xs) % (EL_ACT_SILU + 1));
    float *expected = room(n, sizeof *expected), *block = room(n + 2 * GUARD, sizeof *block), *y = block + GUARD;
    char what[96];
    snprintf(what, sizeof what, "%zux%zux%zu, weights %d, inputs %d", p->rows, p->k, p->n, (int)weights, (int)xs);
    for (size_t i = 0; i < n + 2 * GUARD; i++) {
        block[i] = UNTOUCHED;
    }
    reserve(be, p->rows, p->k > p->n ? p->k : p->n, 0, 1);
    const el_tensor w = pack(be, p, EL_FORMAT_INT8, p->n * (shape % 5) / 5);
    const el_tensor b = bias ? el_tensor_of(p->bias, 1, p->n) : EL_ABSENT;
    const el_tensor out = el_tensor_of(y, p->rows, p->n), x = el_tensor_of(p->x, p->rows, p->k);
    multiply(p, bias, expected);
    be->ops->linear_fwd(be, out, x, w, b, EL_ACT_LINEAR, EL_ABSENT);
    expect_bits(be, what, expected, y, n);
    be->ops->act_fwd(be, el_tensor_of(expected, 1, n), el_tensor_of(expected, 1, n), act);
    be->ops->linear_fwd(be, out, x, w, b, act, EL_ABSENT);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabsf(y[i] - expected[i]) <= 2e-6F * fmaxf(1, fabsf(expected[i])));
    }
    expect_guards(block, n);
    be->ops->free(be, w.data);
    el_free(expected);
    el_free(block);
}

static void test_products(void **state)
{
    (void)state;
    el_rng_stream stream = {.key = test_seed()};
    el_pool *pools[2] = {NULL, NULL};
    electra_error err;
    assert_int_equal(el_pool_create(&pools[1], THREADS, &err), ELECTRA_OK);
    for (size_t pool = 0; pool < 2; pool++) {
        el_backend *levels[MOST_LEVELS];
        const size_t n = float_levels(levels, pools[pool]);
        for (size_t i = 0; i < N_SHAPES * N_WEIGHTS * N_XS; i++) {
            const size_t shape = i % N_SHAPES;
            const weights_kind weights = (weights_kind)(i / N_SHAPES % N_WEIGHTS);
            const x_kind xs = (x_kind)(i / N_SHAPES / N_WEIGHTS);
            problem p = make_problem(SHAPES[shape], weights, xs, &stream);
            for (size_t level = 0; level < n; level++) {
                check_product(levels[level], &p, shape, weights, xs);
            }
            free_problem(&p);
        }
        for (size_t level = 0; level < n; level++) {
            el_backend_free(levels[level]);
        }
    }
    el_pool_free(pools[1]);
}

/* The widest matrix that there may be, its operands as large as they can be: sums stay within 32 bits. */
static void test_widest(void **state)
{
    (void)state;
    static const weights_kind KINDS[] = {ALL_127, ALL_MINUS_128, JUST_FITTING};
    static const x_kind XS[] = {ALL_EQUAL, ALL_NEGATIVE, TWO_VALUES};
    static const size_t SHAPE[3] = {2, EL_INT8_WIDEST, 3};
    el_rng_stream stream = {.key = test_seed()};
    el_backend *levels[MOST_LEVELS];
    const size_t n = float_levels(levels, NULL);
    for (size_t i = 0; i < 9; i++) {
        problem p = make_problem(SHAPE, KINDS[i / 3], XS[i % 3], &stream);
        for (size_t level = 0; level < n; level++) {
            check_product(levels[level], &p, 0, KINDS[i / 3], XS[i % 3]);
        }
        free_problem(&p);
    }
    for (size_t level = 0; level < n; level++) {
        assert_int_equal(levels[level]->ops->format_bytes(levels[level], EL_FORMAT_INT8, 1, EL_INT8_WIDEST + 1), 0);
        el_backend_free(levels[level]);
    }
}

/* A row with a number that is not finite gives not-a-numbers, and no other row notices. */
static void test_not_finite(void **state)
{
    (void)state;
    static const float WRONG[] = {NAN, INFINITY, -INFINITY, 3.4e38F};
    static const size_t SHAPE[3] = {5, 37, 19};
    el_rng_stream stream = {.key = test_seed()};
    el_backend *levels[MOST_LEVELS];
    const size_t n = float_levels(levels, NULL);
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        problem p = make_problem(SHAPE, QUANTIZED, NORMAL, &stream);
        p.x[2 * 37 + (i * 7) % 37] = WRONG[i];
        p.x[2 * 37 + 36] = -3e38F; /* with 3.4e38 a range that is no float */
        for (size_t level = 0; level < n; level++) {
            el_backend *be = levels[level];
            float y[5 * 19];
            reserve(be, 5, 37, 0, 1);
            const el_tensor w = pack(be, &p, EL_FORMAT_INT8, 0);
            be->ops->linear_fwd(be, el_tensor_of(y, 5, 19), el_tensor_of(p.x, 5, 37), w, EL_ABSENT, EL_ACT_GELU,
                                EL_ABSENT);
            for (size_t j = 0; j < 5 * 19; j++) {
                assert_true(j / 19 == 2 ? isnan(y[j]) : isfinite(y[j]));
            }
            be->ops->free(be, w.data);
        }
        free_problem(&p);
    }
    for (size_t level = 0; level < n; level++) {
        el_backend_free(levels[level]);
    }
}

/* ---- tables --------------------------------------------------------------------------------------------------------
 */

static void test_logits(void **state)
{
    (void)state;
    static const size_t TABLES[][3] = {{1, 128, 700}, {5, 33, 129}, {60, 40, 17}};
    el_rng_stream stream = {.key = test_seed()};
    el_pool *pool;
    electra_error err;
    assert_int_equal(el_pool_create(&pool, THREADS, &err), ELECTRA_OK);
    el_backend *levels[MOST_LEVELS];
    const size_t n = float_levels(levels, pool);
    for (size_t i = 0; i < 3; i++) {
        problem p = make_problem(TABLES[i], RANDOM, NORMAL, &stream);
        float *expected = room(p.rows * p.n, sizeof *expected), *found = room(p.rows * p.n, sizeof *found);
        multiply(&p, p.bias, expected);
        for (size_t level = 0; level < n; level++) {
            el_backend *be = levels[level];
            reserve(be, p.rows, p.k, p.rows, p.n);
            const el_tensor table = pack(be, &p, EL_FORMAT_INT8_ROWS, 0);
            be->ops->masked_lm_logits(be, el_tensor_of(found, p.rows, p.n), el_tensor_of(p.x, p.rows, p.k), table,
                                      el_tensor_of(p.bias, 1, p.n));
            expect_bits(be, "logits", expected, found, p.rows * p.n);
            be->ops->free(be, table.data);
        }
        el_free(expected);
        el_free(found);
        free_problem(&p);
    }
    for (size_t level = 0; level < n; level++) {
        el_backend_free(levels[level]);
    }
    el_pool_free(pool);
}

static void test_embeddings(void **state)
{
    (void)state;
    static const size_t WIDTHS[] = {1, 7, 8, 33, 128};
    enum { TOKENS = 41, WORDS = 50, TYPES = 2 };
    el_rng_stream stream = {.key = test_seed()};
    el_backend *levels[MOST_LEVELS];
    const size_t n = float_levels(levels, NULL), length = TOKENS;
    el_layout layout = test_layout(&length, 1);
    for (size_t i = 0; i < sizeof WIDTHS / sizeof *WIDTHS; i++) {
        const size_t e = WIDTHS[i];
        problem word = make_problem((size_t[]){1, e, WORDS}, RANDOM, NORMAL, &stream);
        problem type = make_problem((size_t[]){1, e, TYPES}, RANDOM, NORMAL, &stream);
        problem position = make_problem((size_t[]){1, e, TOKENS}, RANDOM, NORMAL, &stream);
        uint32_t ids[TOKENS], types[TOKENS];
        float *expected = room(TOKENS * e, sizeof *expected), *found = room(TOKENS * e, sizeof *found);
        for (size_t t = 0; t < TOKENS; t++) {
            ids[t] = (uint32_t)el_rng_below(&stream, WORDS);
            types[t] = (uint32_t)el_rng_below(&stream, TYPES);
            for (size_t c = 0; c < e; c++) {
                const float two = (float)word.w[ids[t] * e + c] * word.scales[ids[t]] +
                                  (float)type.w[types[t] * e + c] * type.scales[types[t]];
                expected[t * e + c] = two + (float)position.w[t * e + c] * position.scales[t];
            }
        }
        for (size_t level = 0; level < n; level++) {
            el_backend *be = levels[level];
            el_tensor tables[3] = {pack(be, &word, EL_FORMAT_INT8_ROWS, 0), pack(be, &type, EL_FORMAT_INT8_ROWS, 0),
                                   pack(be, &position, EL_FORMAT_INT8_ROWS, 0)};
            reserve(be, TOKENS, e, 0, 1);
            be->ops->embed_fwd(be, el_tensor_of(found, TOKENS, e), tables[0], tables[1], tables[2], ids, types,
                               &layout);
            expect_bits(be, "embeddings", expected, found, TOKENS * e);
            for (size_t j = 0; j < 3; j++) {
                be->ops->free(be, tables[j].data);
            }
        }
        el_free(expected);
        el_free(found);
        free_problem(&word);
        free_problem(&type);
        free_problem(&position);
    }
    for (size_t level = 0; level < n; level++) {
        el_backend_free(levels[level]);
    }
    test_layout_free(&layout);
}

/* ---- rows of weights -----------------------------------------------------------------------------------------------
 */

static void test_fits(void **state)
{
    (void)state;
    static const int8_t AT_MOST[] = {32, 32, 64, 64, 32, 32, 0, 0}, ABOVE[] = {32, 32, 64, 64, 32, 33, 0, 0};
    static const int8_t BELOW[] = {0, 0, -64, -64, 0, 0, 0, -1}, MIXED[] = {127, -127, 1, 127, -1, 1, 0, -128};
    assert_true(el_int8_fits(AT_MOST, 8) && el_int8_fits(MIXED, 8) && el_int8_fits(ABOVE, 5) && el_int8_fits(ABOVE, 0));
    assert_false(el_int8_fits(ABOVE, 8) || el_int8_fits(ABOVE, 6) || el_int8_fits(BELOW, 8));
}

static void check_row(const float *w, size_t n, bool multiplied, double most_scale)
{
    int8_t *q = room(n, 1);
    const float scale = el_int8_quantize(q, w, n, multiplied);
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(w[i]));
        assert_true(q[i] >= -127 && fabs((double)w[i] - (double)scale * q[i]) <= (double)scale * 0.5001 + 1e-30);
    }
    assert_true((double)scale <= most_scale * (double)largest / 127 && (!multiplied || el_int8_fits(q, n)));
    el_free(q);
}

static void test_rows(void **state)
{
    (void)state;
    el_rng_stream stream = {.key = test_seed()};
    float w[300];
    for (size_t n = 1; n <= 300; n += n < 20 ? 1 : 71) {
        for (size_t i = 0; i < n; i++) {
            w[i] = (float)test_normal(&stream);
        }
        check_row(w, n, false, 1.000001);
        check_row(w, n, true, 4.05);
        for (size_t i = 0; i < n; i++) {
            w[i] = n % 2 ? 1e-20F : -3e37F; /* the worst that a row can be: all of them the largest */
        }
        check_row(w, n, false, 1.000001);
        check_row(w, n, true, 4.05);
    }
    int8_t q[3] = {1, 1, 1};
    assert_true(el_int8_quantize(q, (float[]){0, -0.0F, 1e-40F}, 3, true) == 0 && q[0] == 0 && q[1] == 0 && q[2] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),       cmocka_unit_test(test_rows),   cmocka_unit_test(test_products),
        cmocka_unit_test(test_widest),     cmocka_unit_test(test_logits), cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
