/* What is drawn at random, on every level: dropout drops as many as its rate says and the same elements everywhere,
 * tokens are drawn in proportion to the softmax, and the best token is the first of equals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/ops.h"

enum { TOKENS = 4000, SLOTS = 20000, VOCABULARY = 300 };

typedef struct world {
    el_backend *levels[TEST_LEVELS];
    size_t n_levels;
} world;

static int set_up(void **state)
{
    static world w;
    static const el_limits limits = {.tokens = SLOTS,
                                     .sequences = 8,
                                     .longest = SLOTS,
                                     .width = 64,
                                     .heads = 1,
                                     .head_width = 8,
                                     .slots = SLOTS,
                                     .vocabulary = VOCABULARY,
                                     .positions = 8};
    w.n_levels = test_levels(w.levels, NULL);
    for (size_t i = 0; i < w.n_levels; i++) {
        assert_int_equal(w.levels[i]->ops->reserve(w.levels[i], &limits, NULL), ELECTRA_OK);
    }
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    for (size_t i = 0; i < w->n_levels; i++) {
        el_backend_free(w->levels[i]);
    }
    return 0;
}

static double number(const el_backend *be, el_tensor x, size_t i)
{
    return be->element_size == sizeof(float) ? (double)((const float *)x.data)[i] : ((const double *)x.data)[i];
}

static void fill(el_backend *be, el_tensor x, double value)
{
    for (size_t i = 0; i < x.rows * x.cols; i++) {
        be->ops->upload_f64(be, (char *)x.data + i * be->element_size, &value, 1);
    }
}

/* ---- dropout -------------------------------------------------------------------------------------------------------
 */

enum { WIDTH = 64 };

/* Which elements are dropped: [TOKENS, WIDTH]. */
static void dropped_by(el_backend *be, double rate, const el_layout *layout, bool *dropped)
{
    const el_tensor x = test_tensor(be, TOKENS, WIDTH);
    fill(be, x, 1);
    be->ops->dropout(be, x, x, &(el_dropout){rate, 20}, layout, NULL);
    for (size_t i = 0; i < TOKENS * WIDTH; i++) {
        dropped[i] = number(be, x, i) == 0;
        assert_true(dropped[i] || fabs(number(be, x, i) * (1 - rate) - 1) < 1e-6);
    }
    be->ops->free(be, x.data);
}

/* Within five standard deviations of a binomial count. */
static void expect_count(size_t found, size_t n, double p)
{
    const double mean = (double)n * p, deviation = sqrt(mean * (1 - p));
    if (fabs((double)found - mean) > 5 * deviation) {
        fail_msg("%zu of %zu were dropped, expected %.0f +- %.0f", found, n, mean, deviation);
    }
}

static void check_dropped(const bool *dropped, double rate)
{
    size_t all = 0, pairs = 0, columns[WIDTH] = {0};
    for (size_t i = 0; i < TOKENS * WIDTH; i++) {
        all += dropped[i];
        columns[i % WIDTH] += dropped[i];
        pairs += i + 1 < TOKENS * WIDTH && dropped[i] && dropped[i + 1];
    }
    expect_count(all, TOKENS * WIDTH, rate);
    expect_count(pairs, TOKENS * WIDTH - 1, rate * rate); /* neighbours do not know of each other */
    for (size_t c = 0; c < WIDTH; c++) {
        expect_count(columns[c], TOKENS, rate);
    }
}

static void test_dropout(void **state)
{
    static const double rates[] = {0.1, 0.5, 0.015};
    static const size_t lengths[] = {1000, 2999, 1};
    const world *w = *state;
    el_layout layout = test_layout(lengths, 3);
    bool *first = el_alloc(TOKENS * WIDTH, sizeof *first), *other = el_alloc(TOKENS * WIDTH, sizeof *other);
    for (size_t r = 0; r < 3; r++) {
        dropped_by(w->levels[0], rates[r], &layout, first);
        check_dropped(first, rates[r]);
        for (size_t i = 1; i < w->n_levels; i++) {
            dropped_by(w->levels[i], rates[r], &layout, other);
            assert_memory_equal(other, first, TOKENS * WIDTH * sizeof *first);
        }
    }
    el_free(first);
    el_free(other);
    test_layout_free(&layout);
}

/* The dropout inside norm and attention draws the same lanes on every level: with the identity elsewhere, zeros of the
 * result are the elements that were dropped. */
static void test_dropout_inside(void **state)
{
    enum { N = 70, D = 8 };
    static const size_t lengths[] = {N};
    const world *w = *state;
    el_layout layout = test_layout(lengths, 1);
    static bool first_sum[N * WIDTH], sum_zero[N * WIDTH];
    static double first_context[N * D];
    for (size_t i = 0; i < w->n_levels; i++) {
        el_backend *be = w->levels[i];
        const el_tensor x = test_tensor(be, N, WIDTH), z = test_tensor(be, N, WIDTH), y = test_tensor(be, N, WIDTH);
        const el_tensor stats = test_tensor(be, N, 2), gamma = test_tensor(be, 1, WIDTH);
        const el_tensor qkv = test_tensor(be, N, 3 * D), context = test_tensor(be, N, D), lse = test_tensor(be, N, 1);
        fill(be, z, 1);
        be->ops->norm_fwd(be, y, z, stats, x, z, &(el_dropout){0.2, 5}, &layout, gamma, gamma, 1e-12);
        fill(be, qkv, 1); /* equal scores: each kept key gives 1 / N / 0.8 */
        be->ops->attention_fwd(be, context, lse, qkv, 1, &(el_dropout){0.2, 5}, &layout);
        for (size_t k = 0; k < N * WIDTH; k++) {
            sum_zero[k] = number(be, z, k) == 0;
        }
        for (size_t k = 0; k < N * D; k++) {
            const double kept_keys = number(be, context, k) * N * 0.8;
            assert_true(fabs(kept_keys - round(kept_keys)) < 1e-3);
            if (i == 0) {
                first_context[k] = round(kept_keys);
            }
            assert_true(first_context[k] == round(kept_keys));
        }
        if (i == 0) {
            memcpy(first_sum, sum_zero, sizeof first_sum);
        }
        assert_memory_equal(sum_zero, first_sum, sizeof first_sum);
        const el_tensor all[] = {x, z, y, stats, gamma, qkv, context, lse};
        for (size_t k = 0; k < 8; k++) {
            be->ops->free(be, all[k].data);
        }
    }
    test_layout_free(&layout);
}

/* ---- sampling ------------------------------------------------------------------------------------------------------
 */

typedef struct drawing {
    el_layout layout;
    uint32_t *targets, *slots, *sampled, *best; /* [SLOTS] */
    double logits[VOCABULARY];                  /* the same for every slot */
} drawing;

static drawing make_drawing(void)
{
    static const size_t lengths[] = {SLOTS / 4, SLOTS / 2, SLOTS / 4};
    drawing d = {.layout = test_layout(lengths, 3)};
    el_rng_stream stream = {test_seed(), 7};
    d.targets = el_alloc(SLOTS, sizeof *d.targets);
    d.slots = el_alloc(SLOTS, sizeof *d.slots);
    d.sampled = el_alloc(SLOTS, sizeof *d.sampled);
    d.best = el_alloc(SLOTS, sizeof *d.best);
    for (uint32_t i = 0; i < SLOTS; i++) {
        d.slots[i] = i;
        d.targets[i] = 17;
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        d.logits[v] = (double)(float)(2 * test_normal(&stream));
    }
    d.logits[17] = 4; /* the target: likely, so that forbidding it shows */
    return d;
}

static void free_drawing(drawing *d)
{
    el_free(d->targets);
    el_free(d->slots);
    el_free(d->sampled);
    el_free(d->best);
    test_layout_free(&d->layout);
}

/* Draws a token for every slot. The logits are the bias alone, for h is 0. */
static void draw(el_backend *be, drawing *d, const el_sampling *sampling)
{
    const el_tensor h = test_tensor(be, SLOTS, 1), table = test_tensor(be, VOCABULARY, 1);
    const el_tensor bias = test_tensor(be, 1, VOCABULARY), loss = test_tensor(be, SLOTS, 1);
    const el_tensor lse = test_tensor(be, SLOTS, 1);
    be->ops->upload_f64(be, bias.data, d->logits, VOCABULARY);
    be->ops->masked_lm_fwd(be, loss, lse, d->best, d->sampled, h, table, bias, d->targets, d->slots, &d->layout,
                           sampling);
    be->ops->free(be, h.data);
    be->ops->free(be, table.data);
    be->ops->free(be, bias.data);
    be->ops->free(be, loss.data);
    be->ops->free(be, lse.data);
}

/* Chi-square of the counts against p, tokens expected fewer than 8 times taken together; compared with five standard
 * deviations above its mean. */
static void expect_distribution(const drawing *d, const double *p)
{
    double counts[VOCABULARY] = {0}, square = 0, rare = 0, rare_expected = 0;
    size_t freedom = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        assert_true(d->sampled[i] < VOCABULARY);
        counts[d->sampled[i]]++;
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        const double expected = SLOTS * p[v];
        if (expected < 8) {
            rare += counts[v];
            rare_expected += expected;
        } else {
            square += (counts[v] - expected) * (counts[v] - expected) / expected;
            freedom++;
        }
        assert_true(p[v] > 1e-12 || counts[v] == 0);
    }
    if (rare_expected > 8) {
        square += (rare - rare_expected) * (rare - rare_expected) / rare_expected;
        freedom++;
    }
    printf("chi-square %.0f with %zu degrees of freedom\n", square, freedom - 1);
    assert_true(freedom > 50);
    assert_true(square < (double)(freedom - 1) + 5 * sqrt(2 * (double)(freedom - 1)));
}

static void check_sampling(const world *w, const el_sampling *sampling)
{
    drawing d = make_drawing();
    double p[VOCABULARY], total = 0;
    for (size_t v = 0; v < VOCABULARY; v++) {
        p[v] = v == 17 && sampling->forbid_target ? 0 : exp(d.logits[v] / sampling->temperature);
        total += p[v];
    }
    for (size_t v = 0; v < VOCABULARY; v++) {
        p[v] /= total;
    }
    uint32_t *first = el_alloc(SLOTS, sizeof *first);
    for (size_t i = 0; i < w->n_levels; i++) {
        draw(w->levels[i], &d, sampling);
        expect_distribution(&d, p);
        if (i == 0) {
            memcpy(first, d.sampled, SLOTS * sizeof *first);
        }
        size_t different = 0; /* only where the number falls within rounding of a border */
        for (size_t s = 0; s < SLOTS; s++) {
            different += d.sampled[s] != first[s];
        }
        assert_true(different < SLOTS / 500);
    }
    el_free(first);
    free_drawing(&d);
}

static void test_sampling(void **state)
{
    check_sampling(*state, &(el_sampling){.temperature = 1, .key = 5 + test_seed()});
}

static void test_sampling_temperature(void **state)
{
    check_sampling(*state, &(el_sampling){.temperature = 1.7, .key = 6 + test_seed()});
}

static void test_sampling_forbidden(void **state)
{
    check_sampling(*state, &(el_sampling){.temperature = 1, .forbid_target = true, .key = 7 + test_seed()});
    check_sampling(*state, &(el_sampling){.temperature = 2, .forbid_target = true, .key = 8 + test_seed()});
}

/* The largest logit twice in a chunk and twice more in other chunks. */
static void test_best_is_first(void **state)
{
    const world *w = *state;
    drawing d = make_drawing();
    d.logits[40] = d.logits[41] = d.logits[140] = d.logits[299] = 20;
    for (size_t i = 0; i < w->n_levels; i++) {
        draw(w->levels[i], &d, &(el_sampling){.temperature = 1, .key = 1 + test_seed()});
        for (size_t s = 0; s < SLOTS; s++) {
            assert_int_equal(d.best[s], 40);
        }
    }
    free_drawing(&d);
}

/* All the probability on one token, at either end. */
static void test_sampling_certain(void **state)
{
    static const size_t places[] = {0, 127, 128, VOCABULARY - 1};
    const world *w = *state;
    drawing d = make_drawing();
    for (size_t k = 0; k < 4; k++) {
        for (size_t v = 0; v < VOCABULARY; v++) {
            d.logits[v] = v == places[k] ? 1000 : 0;
        }
        for (size_t i = 0; i < w->n_levels; i++) {
            draw(w->levels[i], &d, &(el_sampling){.temperature = 1, .key = 1 + test_seed()});
            for (size_t s = 0; s < SLOTS; s++) {
                assert_int_equal(d.sampled[s], places[k]);
            }
        }
    }
    free_drawing(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dropout_inside),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_sampling_temperature),
        cmocka_unit_test(test_sampling_forbidden),
        cmocka_unit_test(test_best_is_first),
        cmocka_unit_test(test_sampling_certain),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
