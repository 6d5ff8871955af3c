/* The forward operators of the backend in double against the plainest possible statement of each formula, written here
 * again without sharing any code, and against numbers worked out elsewhere. Other tests lean on that backend. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/ops.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const size_t LENGTHS[] = {4, 1, 7};
enum { N_SEQUENCES = 3, T = 12, MOST_TENSORS = 16 };

typedef struct world {
    el_backend *be;
    const el_ops *ops;
    el_rng_stream stream;
    el_layout layout;
    el_tensor tensors[MOST_TENSORS]; /* of the running test, freed after it */
    size_t n_tensors;
} world;

static el_tensor empty(world *w, size_t rows, size_t cols)
{
    assert_true(w->n_tensors < MOST_TENSORS);
    return w->tensors[w->n_tensors++] = test_tensor(w->be, rows, cols);
}

static el_tensor filled(world *w, size_t rows, size_t cols, double scale)
{
    const el_tensor x = empty(w, rows, cols);
    for (size_t i = 0; i < rows * cols; i++) {
        ((double *)x.data)[i] = scale * test_normal(&w->stream);
    }
    return x;
}

static double at(el_tensor x, size_t row, size_t col)
{
    return ((const double *)x.data)[row * x.cols + col];
}

static void expect(const char *what, size_t row, size_t col, double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-12 * fmax(1, fabs(expected)))) {
        fail_msg("%s[%zu, %zu] is %.17g, expected %.17g", what, row, col, found, expected);
    }
}

/* What dropout multiplies an element by, from the words of el_dropout. */
static double kept(uint64_t key, const el_layout *layout, size_t t, size_t lane, double rate)
{
    const uint32_t bits = el_rng_lane(el_rng_row(key, layout->sequence[t], layout->position[t]), (uint32_t)lane);
    return (double)bits < rate * 4294967296.0 ? 0 : 1 / (1 - rate);
}

static void test_embed(void **state)
{
    static const uint32_t ids[T] = {3, 1, 3, 0, 2, 2, 2, 1, 0, 3, 3, 1},
                          types[T] = {0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1};
    world *w = *state;
    const el_tensor word = filled(w, 4, 5, 1), type = filled(w, 2, 5, 1), position = filled(w, 9, 5, 1);
    const el_tensor y = empty(w, T, 5);
    w->ops->embed_fwd(w->be, y, word, type, position, ids, types, &w->layout);
    for (size_t t = 0; t < T; t++) {
        for (size_t c = 0; c < 5; c++) {
            expect("y", t, c, at(y, t, c),
                   at(word, ids[t], c) + at(type, types[t], c) + at(position, w->layout.position[t], c));
        }
    }
}

static void test_norm(void **state)
{
    enum { N = 9 };
    static const double rate = 0.25, epsilon = 1e-3;
    world *w = *state;
    const el_dropout dropout = {rate, 6};
    const el_tensor x = filled(w, T, N, 1), z = filled(w, T, N, 1), gamma = filled(w, 1, N, 1);
    const el_tensor beta = filled(w, 1, N, 1), y = empty(w, T, N), sum = empty(w, T, N), stats = empty(w, T, 2);
    w->ops->norm_fwd(w->be, y, sum, stats, x, z, &dropout, &w->layout, gamma, beta, epsilon);
    for (size_t t = 0; t < T; t++) {
        double s[N], mean = 0, variance = 0;
        for (size_t c = 0; c < N; c++) {
            s[c] = at(x, t, c) + at(z, t, c) * kept(6, &w->layout, t, c, rate);
            mean += s[c] / N;
        }
        for (size_t c = 0; c < N; c++) {
            variance += (s[c] - mean) * (s[c] - mean) / N;
        }
        expect("mean", t, 0, at(stats, t, 0), mean);
        expect("1 / deviation", t, 1, at(stats, t, 1), 1 / sqrt(variance + epsilon));
        for (size_t c = 0; c < N; c++) {
            expect("sum", t, c, at(sum, t, c), s[c]);
            expect("y", t, c, at(y, t, c), at(gamma, 0, c) * (s[c] - mean) / sqrt(variance + epsilon) + at(beta, 0, c));
        }
    }
}

static void test_dropout(void **state)
{
    enum { N = 40 };
    world *w = *state;
    const el_tensor x = filled(w, T, N, 1), y = empty(w, T, N);
    w->ops->dropout(w->be, y, x, &(el_dropout){0.4, 123}, &w->layout, NULL);
    for (size_t t = 0; t < T; t++) {
        for (size_t c = 0; c < N; c++) {
            expect("y", t, c, at(y, t, c), at(x, t, c) * kept(123, &w->layout, t, c, 0.4));
        }
    }
    w->ops->dropout(w->be, y, x, &(el_dropout){0, 123}, &w->layout, NULL);
    assert_memory_equal(y.data, x.data, T * N * sizeof(double));
    w->ops->dropout(w->be, y, x, NULL, NULL, NULL);
    assert_memory_equal(y.data, x.data, T * N * sizeof(double));
}

static void test_dropout_of_rows(void **state)
{
    enum { N = 40 };
    world *w = *state;
    static const uint32_t rows[] = {0, 3, T - 1};
    const el_tensor x = filled(w, 3, N, 1), y = empty(w, 3, N);
    w->ops->dropout(w->be, y, x, &(el_dropout){0.4, 123}, &w->layout, rows);
    for (size_t i = 0; i < 3; i++) {
        for (size_t c = 0; c < N; c++) {
            expect("y", i, c, at(y, i, c), at(x, i, c) * kept(123, &w->layout, rows[i], c, 0.4));
        }
    }
}

static void test_activations(void **state)
{
    static const double x[] = {-2, -1, 0, 0.5, 1, 3};
    static const struct {
        el_activation act;
        double y[6];
    } known[] = {
        {EL_ACT_LINEAR, {-2, -1, 0, 0.5, 1, 3}},
        {EL_ACT_RELU, {0, 0, 0, 0.5, 1, 3}},
        {EL_ACT_GELU,
         {-0.04550026389635842, -0.15865525393145707, 0, 0.34573123063700656, 0.8413447460685429, 2.99595030590511}},
        {EL_ACT_GELU_TANH,
         {-0.04540230591222494, -0.15880800939172324, 0, 0.34571400982514394, 0.8411919906082768, 2.996362607918227}},
        {EL_ACT_TANH,
         {-0.9640275800758169, -0.7615941559557649, 0, 0.46211715726000974, 0.7615941559557649, 0.9950547536867305}},
        {EL_ACT_SILU,
         {-0.2384058440442351, -0.2689414213699951, 0, 0.3112296656009273, 0.7310585786300049, 2.8577223804672998}},
    };
    world *w = *state;
    const el_tensor in = empty(w, 1, 6), out = empty(w, 1, 6);
    memcpy(in.data, x, sizeof x);
    for (size_t i = 0; i < COUNT(known); i++) {
        w->ops->act_fwd(w->be, out, in, known[i].act);
        for (size_t c = 0; c < 6; c++) {
            expect("act", known[i].act, c, at(out, 0, c), known[i].y[c]);
        }
    }
}

static void test_linear(void **state)
{
    enum { K = 300, N = 11 }; /* K: more than one block of depth */
    world *w = *state;
    const el_tensor x = filled(w, T, K, 0.1), weights = filled(w, N, K, 0.5), b = filled(w, 1, N, 1);
    const el_tensor y = empty(w, T, N), pre = empty(w, T, N);
    w->ops->linear_fwd(w->be, y, x, weights, b, EL_ACT_TANH, pre);
    for (size_t t = 0; t < T; t++) {
        for (size_t j = 0; j < N; j++) {
            double sum = at(b, 0, j);
            for (size_t k = 0; k < K; k++) {
                sum += at(x, t, k) * at(weights, j, k);
            }
            expect("pre", t, j, at(pre, t, j), sum);
            expect("y", t, j, at(y, t, j), tanh(sum));
        }
    }
}

/* One query of one head, from the words of attention_fwd. */
static void expect_query(world *w, el_tensor context, el_tensor lse, el_tensor qkv, size_t sequence, size_t t, size_t a,
                         el_dropout dropout)
{
    const size_t h = context.cols, d = h / lse.cols, first = w->layout.starts[sequence];
    const size_t n = w->layout.starts[sequence + 1] - first;
    double scores[T], total = 0;
    for (size_t j = 0; j < n; j++) {
        scores[j] = 0;
        for (size_t c = a * d; c < (a + 1) * d; c++) {
            scores[j] += at(qkv, t, c) * at(qkv, first + j, h + c) / sqrt((double)d);
        }
        total += exp(scores[j]);
    }
    expect("lse", t, a, at(lse, t, a), log(total));
    for (size_t c = a * d; c < (a + 1) * d; c++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            sum += exp(scores[j]) / total * kept(el_rng_mix(dropout.key + a), &w->layout, t, j, dropout.rate) *
                   at(qkv, first + j, 2 * h + c);
        }
        expect("context", t, c, at(context, t, c), sum);
    }
}

static void test_attention(void **state)
{
    enum { HEADS = 3, WIDTH = 12 };
    static const double rates[] = {0, 0.3};
    world *w = *state;
    const el_tensor qkv = filled(w, T, 3 * WIDTH, 1), context = empty(w, T, WIDTH), lse = empty(w, T, HEADS);
    for (size_t i = 0; i < COUNT(rates); i++) {
        const el_dropout dropout = {rates[i], 88};
        w->ops->attention_fwd(w->be, context, lse, qkv, HEADS, &dropout, &w->layout);
        for (size_t t = 0; t < T; t++) {
            for (size_t a = 0; a < HEADS; a++) {
                expect_query(w, context, lse, qkv, w->layout.sequence[t] - w->layout.sequence[0], t, a, dropout);
            }
        }
    }
}

static void test_masked_lm(void **state)
{
    enum { M = 3, V = 700, E = 4 };
    static const uint32_t targets[M] = {0, 699, 131};
    world *w = *state;
    const el_tensor h = filled(w, M, E, 2), table = filled(w, V, E, 1), bias = filled(w, 1, V, 1);
    const el_tensor loss = empty(w, M, 1), lse = empty(w, M, 1), logits = empty(w, M, V);
    uint32_t best[M];
    w->ops->masked_lm_fwd(w->be, loss, lse, best, NULL, h, table, bias, targets, NULL, NULL, NULL);
    w->ops->masked_lm_logits(w->be, logits, h, table, bias);
    for (size_t i = 0; i < M; i++) {
        double z[V], total = 0;
        size_t first_best = 0;
        for (size_t v = 0; v < V; v++) {
            z[v] = at(bias, 0, v);
            for (size_t c = 0; c < E; c++) {
                z[v] += at(h, i, c) * at(table, v, c);
            }
            expect("logits", i, v, at(logits, i, v), z[v]);
            total += exp(z[v]);
            first_best = z[v] > z[first_best] ? v : first_best;
        }
        expect("lse", i, 0, at(lse, i, 0), log(total));
        expect("loss", i, 0, at(loss, i, 0), log(total) - z[targets[i]]);
        assert_int_equal(best[i], first_best);
    }
}

/* Slot 1 is drawn twice, token 4's sample is the token itself. */
static void test_corrupt(void **state)
{
    static const uint32_t ids[6] = {10, 11, 12, 13, 14, 15}, slots[4] = {1, 3, 1, 4}, sampled[4] = {20, 30, 25, 14};
    static const uint32_t last[6] = {10, 25, 12, 30, 14, 15}, average[6] = {10, 22, 12, 30, 14, 15};
    static const uint32_t expected_labels[6] = {0, 1, 0, 1, 0, 0};
    world *w = *state;
    uint32_t corrupted[6], labels[6];
    w->ops->corrupt(w->be, corrupted, labels, ids, 6, slots, sampled, 4, false);
    assert_memory_equal(corrupted, last, sizeof last);
    assert_memory_equal(labels, expected_labels, sizeof labels);
    w->ops->corrupt(w->be, corrupted, labels, ids, 6, slots, sampled, 4, true);
    assert_memory_equal(corrupted, average, sizeof average);
    assert_memory_equal(labels, expected_labels, sizeof labels);
    w->ops->corrupt(w->be, corrupted, labels, ids, 6, slots, sampled, 0, false);
    assert_memory_equal(corrupted, ids, sizeof ids);
}

static void test_binary_loss(void **state)
{
    static const double s[] = {0, 2, -3, 700, -700};
    world *w = *state;
    const el_tensor logits = empty(w, 5, 1), loss = empty(w, 5, 1);
    memcpy(logits.data, s, sizeof s);
    for (uint32_t y = 0; y <= 1; y++) {
        const uint32_t labels[5] = {y, y, y, y, y};
        w->ops->binary_loss_fwd(w->be, loss, logits, labels);
        for (size_t i = 0; i < 5; i++) { /* -log of the probability of the label, whose logit is s or -s */
            const double z = y ? s[i] : -s[i];
            expect("loss", i, y, at(loss, i, 0), z < -100 ? -z : log(1 + exp(-z)));
        }
    }
}

/* -log of the target's share of its group, in a column of its own; with rows in groups of any size and of one size. */
static void test_softmax_loss(void **state)
{
    enum { C = 2, G = 3 };
    world *w = *state;
    static const uint32_t starts[G + 1] = {0, 4, 5, 9}, targets[G * C] = {3, 0, 0, EL_NO_TARGET, EL_NO_TARGET, 2};
    const el_tensor logits = filled(w, 9, C, 3), loss = empty(w, G, C), d = empty(w, 9, C);
    w->ops->softmax_loss_fwd(w->be, loss, logits, starts, targets);
    w->ops->softmax_loss_bwd(w->be, d, logits, starts, targets, G, 0.5);
    for (size_t g = 0; g < G; g++) {
        for (size_t c = 0; c < C; c++) {
            const uint32_t target = targets[g * C + c];
            double sum = 0;
            for (size_t i = starts[g]; i < starts[g + 1]; i++) {
                sum += exp(at(logits, i, c));
            }
            const bool counts = target != EL_NO_TARGET;
            expect("loss", g, c, at(loss, g, c), counts ? log(sum) - at(logits, starts[g] + target, c) : 0);
            for (size_t i = starts[g]; i < starts[g + 1]; i++) {
                const double p = exp(at(logits, i, c)) / sum - (i - starts[g] == target);
                expect("gradient", i, c, at(d, i, c), counts ? 0.5 * p : 0);
            }
        }
    }
    static const uint32_t classes[2] = {1, 2};
    static const double far[6] = {0, 800, -800, 1, 2, 3};
    const el_tensor rows = empty(w, 6, 1), row_loss = empty(w, 2, 1);
    memcpy(rows.data, far, sizeof far);
    w->ops->softmax_loss_fwd(w->be, row_loss, rows, NULL, classes);
    expect("loss", 0, 0, at(row_loss, 0, 0), 0);
    expect("loss", 1, 0, at(row_loss, 1, 0), log(exp(-2) + exp(-1) + 1));
}

/* Sequences of 4, 1 and 7 tokens. */
static void test_sequences(void **state)
{
    enum { N = 5 };
    static const uint32_t types[T] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 2, 1};
    static const bool allowed[T] = {1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1};
    world *w = *state;
    const el_layout *layout = &w->layout;
    const el_tensor x = filled(w, T, N, 1), rows = filled(w, N_SEQUENCES, N, 1), sums = empty(w, N_SEQUENCES, N);
    const el_tensor logits = filled(w, T, 1, 2), masked = empty(w, T, 1), p = empty(w, T, 1), y = empty(w, T, N);
    const el_tensor pooled = empty(w, N_SEQUENCES, N);
    w->ops->copy(w->be, y, x);
    w->ops->spread_add(w->be, y, rows, layout);
    w->ops->spread_bwd(w->be, sums, x, layout);
    w->ops->copy(w->be, masked, logits);
    w->ops->answer_mask(w->be, masked, types, layout);
    w->ops->softmax_pool_fwd(w->be, pooled, p, x, logits, layout);
    for (size_t s = 0; s < N_SEQUENCES; s++) {
        double sum = 0;
        for (size_t t = layout->starts[s]; t < layout->starts[s + 1]; t++) {
            sum += exp(at(logits, t, 0));
            expect("masked", t, 0, at(masked, t, 0), at(logits, t, 0) - (allowed[t] ? 0 : 1000));
        }
        for (size_t c = 0; c < N; c++) {
            double column = 0, average = 0;
            for (size_t t = layout->starts[s]; t < layout->starts[s + 1]; t++) {
                expect("y", t, c, at(y, t, c), at(x, t, c) + at(rows, s, c));
                column += at(x, t, c);
                average += at(x, t, c) * exp(at(logits, t, 0)) / sum;
                expect("p", t, 0, at(p, t, 0), exp(at(logits, t, 0)) / sum);
            }
            expect("sums", s, c, at(sums, s, c), column);
            expect("pooled", s, c, at(pooled, s, c), average);
        }
    }
    for (size_t t = 0; t < T; t++) {
        ((double *)logits.data)[t] = t % 2 ? 800 : -800; /* no overflow */
    }
    w->ops->softmax_pool_fwd(w->be, pooled, p, x, logits, layout);
    expect("p", 0, 0, at(p, 0, 0), 0);
    expect("p", 1, 0, at(p, 1, 0), 0.5);
    expect("p", 4, 0, at(p, 4, 0), 1);
}

static void test_squared_loss(void **state)
{
    world *w = *state;
    const el_tensor x = filled(w, 3, 5, 2), target = filled(w, 3, 5, 2), loss = empty(w, 3, 5), d = empty(w, 3, 5);
    w->ops->squared_loss_fwd(w->be, loss, x, target);
    w->ops->squared_loss_bwd(w->be, d, x, target, 0.25);
    for (size_t i = 0; i < 15; i++) {
        const double distance = at(x, i / 5, i % 5) - at(target, i / 5, i % 5);
        expect("loss", i / 5, i % 5, at(loss, i / 5, i % 5), distance * distance);
        expect("gradient", i / 5, i % 5, at(d, i / 5, i % 5), distance / 2);
    }
}

static void test_sums(void **state)
{
    world *w = *state;
    const el_tensor x = empty(w, 3, 20000);
    for (size_t i = 0; i < 60000; i++) {
        ((double *)x.data)[i] = (double)i;
    }
    assert_true(w->ops->sum(w->be, x) == 59999.0 * 60000 / 2);
    expect("sum of squares", 0, 0, w->ops->sum_of_squares(w->be, x) / 1e13, 59999.0 * 60000 * 119999 / 6 / 1e13);
}

/* Two steps of electra.md 6.1 on one number, worked out elsewhere: gradients 0.4 and -0.2 clipped to a half, rates
 * 0.001 and 0.002; once as published with decay 0.01, once with the moments corrected and without decay. */
static void test_adam(void **state)
{
    static const struct {
        bool corrected;
        double decay, m[2], v[2], parameter[2];
    } known[] = {
        {false, 0.01, {0.02, 0.008}, {4e-5, 4.996e-5}, {0.4968332222607872, 0.49455995846734696}},
        {true, 0, {0.02, 0.008}, {4e-5, 4.996e-5}, {0.499000004999975, 0.4984673342900653}},
    };
    world *w = *state;
    for (size_t i = 0; i < COUNT(known); i++) {
        const el_tensor parameter = empty(w, 1, 1), m = empty(w, 1, 1), v = empty(w, 1, 1), gradient = empty(w, 1, 1);
        *(double *)parameter.data = 0.5;
        for (int step = 0; step < 2; step++) {
            const el_adam settings = {.rate = step ? 2e-3 : 1e-3,
                                      .beta1 = 0.9,
                                      .beta2 = 0.999,
                                      .epsilon = 1e-6,
                                      .decay = known[i].decay,
                                      .scale = 0.5,
                                      .correction1 = known[i].corrected ? 1 - pow(0.9, step + 1) : 1,
                                      .correction2 = known[i].corrected ? 1 - pow(0.999, step + 1) : 1};
            *(double *)gradient.data = step ? -0.2 : 0.4;
            w->ops->adam(w->be, parameter, m, v, gradient, &settings);
            expect("m", i, (size_t)step, at(m, 0, 0), known[i].m[step]);
            expect("v", i, (size_t)step, at(v, 0, 0), known[i].v[step]);
            expect("parameter", i, (size_t)step, at(parameter, 0, 0), known[i].parameter[step]);
        }
    }
}

static int set_up(void **state)
{
    static world w;
    static const el_limits limits = {.tokens = T,
                                     .sequences = N_SEQUENCES,
                                     .longest = 7,
                                     .width = 300,
                                     .heads = 3,
                                     .head_width = 4,
                                     .slots = 3,
                                     .vocabulary = 700,
                                     .positions = 9};
    w.stream = (el_rng_stream){test_seed(), 0};
    assert_int_equal(el_backend_create_f64(&w.be, NULL, NULL), ELECTRA_OK);
    assert_string_equal(w.be->name, "cpu-ref-f64");
    w.ops = w.be->ops;
    assert_int_equal(w.ops->reserve(w.be, &limits, NULL), ELECTRA_OK);
    w.layout = test_layout(LENGTHS, N_SEQUENCES);
    *state = &w;
    return 0;
}

static int after_test(void **state)
{
    world *w = *state;
    while (w->n_tensors) {
        w->ops->free(w->be, w->tensors[--w->n_tensors].data);
    }
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    test_layout_free(&w->layout);
    el_backend_free(w->be);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_embed, after_test),
        cmocka_unit_test_teardown(test_norm, after_test),
        cmocka_unit_test_teardown(test_dropout, after_test),
        cmocka_unit_test_teardown(test_dropout_of_rows, after_test),
        cmocka_unit_test_teardown(test_activations, after_test),
        cmocka_unit_test_teardown(test_linear, after_test),
        cmocka_unit_test_teardown(test_attention, after_test),
        cmocka_unit_test_teardown(test_masked_lm, after_test),
        cmocka_unit_test_teardown(test_corrupt, after_test),
        cmocka_unit_test_teardown(test_binary_loss, after_test),
        cmocka_unit_test_teardown(test_softmax_loss, after_test),
        cmocka_unit_test_teardown(test_sequences, after_test),
        cmocka_unit_test_teardown(test_squared_loss, after_test),
        cmocka_unit_test_teardown(test_sums, after_test),
        cmocka_unit_test_teardown(test_adam, after_test),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
