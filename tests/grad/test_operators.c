/* Every operator that has a backward, by central differences in double: each coordinate of each input.
 *
 * A case has inputs, a forward that gives one number (a fixed random weighting of the operator's output), and a
 * backward that leaves a gradient for every input. Gradients that are added to start from a constant that is taken
 * off again; gradients that are written start from not-a-number, so that an element left out shows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/ops.h"

enum { MOST_INPUTS = 4 };

static const double STEP = 1e-3;      /* of a difference of fourth order: its error is about STEP^4 */
static const double TOLERANCE = 1e-8; /* relative to the largest gradient of the input */
static const double HELD = 0.5;       /* what gradients that are added to start from */

typedef struct input {
    const char *name;
    el_tensor value, gradient;
    bool added; /* gradient += instead of = */
} input;

typedef struct grad_case {
    el_backend *be;
    input inputs[MOST_INPUTS];
    size_t n_inputs;
    el_tensor y, weights; /* output, and what its elements are multiplied by; weights are the output's gradient */
    el_tensor pre;        /* if there: differences across a change of a sign in it are skipped (relu) */
    double (*loss)(struct grad_case *c);
    void (*backward)(struct grad_case *c);
    size_t checked, skipped;

    /* what cases need, each its own */
    el_tensor kept, stats, dpre;
    el_activation act;
    el_layout layout;
    el_dropout dropout;
    size_t heads;
    const uint32_t *ids, *types;
} grad_case;

typedef struct world {
    el_backend *be;
    el_rng_stream stream;
} world;

static const size_t LENGTHS[] = {3, 1, 5};
enum { N_SEQUENCES = 3, N_TOKENS = 9 };

static int set_up(void **state)
{
    static world w;
    w.stream = (el_rng_stream){test_seed(), 0};
    assert_int_equal(el_backend_create_f64(&w.be, NULL, NULL), ELECTRA_OK);
    const el_limits limits = {.tokens = 300,
                              .sequences = 8,
                              .longest = 64,
                              .width = 64,
                              .heads = 4,
                              .head_width = 16,
                              .slots = 16,
                              .vocabulary = 1100,
                              .positions = 64};
    assert_int_equal(w.be->ops->reserve(w.be, &limits, NULL), ELECTRA_OK);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    el_backend_free(w->be);
    return 0;
}

static double *numbers(el_tensor x)
{
    return x.data;
}

static size_t count(el_tensor x)
{
    return x.rows * x.cols;
}

static el_tensor random_tensor(world *w, size_t rows, size_t cols, double scale)
{
    el_tensor x = test_tensor(w->be, rows, cols);
    for (size_t i = 0; i < count(x); i++) {
        numbers(x)[i] = scale * test_normal(&w->stream);
    }
    return x;
}

static grad_case new_case(world *w, size_t rows, size_t cols)
{
    grad_case c = {.be = w->be, .layout = test_layout(LENGTHS, N_SEQUENCES)};
    c.y = test_tensor(w->be, rows, cols);
    c.weights = random_tensor(w, rows, cols, 1);
    return c;
}

static void add_input(world *w, grad_case *c, const char *name, size_t rows, size_t cols, double scale, bool added)
{
    assert_true(c->n_inputs < MOST_INPUTS);
    c->inputs[c->n_inputs++] =
        (input){name, random_tensor(w, rows, cols, scale), test_tensor(w->be, rows, cols), added};
}

static double weighted(const grad_case *c)
{
    double sum = 0;
    for (size_t i = 0; i < count(c->y); i++) {
        sum += numbers(c->y)[i] * numbers(c->weights)[i];
    }
    return sum;
}

/* The loss with one coordinate moved; *crossed is set if that changes a sign in `pre`. */
static double moved(grad_case *c, double *coordinate, double by, const bool *signs, bool *crossed)
{
    const double saved = *coordinate;
    *coordinate = saved + by;
    const double loss = c->loss(c);
    for (size_t i = 0; signs && i < count(c->pre); i++) {
        *crossed = *crossed || signs[i] != (numbers(c->pre)[i] > 0);
    }
    *coordinate = saved;
    return loss;
}

/* d loss / d coordinate to fourth order. */
static double difference(grad_case *c, double *coordinate, const bool *signs, bool *crossed)
{
    const double near = moved(c, coordinate, STEP, signs, crossed) - moved(c, coordinate, -STEP, signs, crossed);
    const double far = moved(c, coordinate, 2 * STEP, signs, crossed) - moved(c, coordinate, -2 * STEP, signs, crossed);
    return (8 * near - far) / (12 * STEP);
}

static void check_input(grad_case *c, const char *name, input *in, const bool *signs)
{
    const double *gradient = numbers(in->gradient);
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count(in->value); i++) {
        const double g = gradient[i] - (in->added ? HELD : 0);
        assert_true(isfinite(g));
        largest = fmax(largest, fabs(g));
    }
    assert_true(largest > 0);
    for (size_t i = 0; i < count(in->value); i++) {
        bool crossed = false;
        const double found = difference(c, numbers(in->value) + i, signs, &crossed);
        const double expected = gradient[i] - (in->added ? HELD : 0);
        if (crossed) {
            c->skipped++;
            continue;
        }
        c->checked++;
        const double error = fabs(found - expected) / largest;
        worst = fmax(worst, error);
        if (error > TOLERANCE) {
            fail_msg("%s: d/d %s[%zu, %zu] is %.12g by differences, %.12g by backward", name, in->name,
                     i / in->value.cols, i % in->value.cols, found, expected);
        }
    }
    printf("%-24s %-10s worst %.1e of the largest, %.3g\n", name, in->name, worst, largest);
}

static void free_case(grad_case *c)
{
    for (size_t i = 0; i < c->n_inputs; i++) {
        c->be->ops->free(c->be, c->inputs[i].value.data);
        c->be->ops->free(c->be, c->inputs[i].gradient.data);
    }
    const el_tensor others[] = {c->y, c->weights, c->kept, c->stats, c->dpre};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        c->be->ops->free(c->be, others[i].data);
    }
    test_layout_free(&c->layout);
}

/* Checks all inputs, and frees the case. */
static void check(grad_case *c, const char *name)
{
    for (size_t k = 0; k < c->n_inputs; k++) {
        for (size_t i = 0; i < count(c->inputs[k].gradient); i++) {
            numbers(c->inputs[k].gradient)[i] = c->inputs[k].added ? HELD : NAN;
        }
    }
    (void)c->loss(c);
    c->backward(c);
    bool *signs = c->pre.data ? malloc(count(c->pre) * sizeof *signs) : NULL;
    for (size_t i = 0; signs && i < count(c->pre); i++) {
        signs[i] = numbers(c->pre)[i] > 0;
    }
    for (size_t k = 0; k < c->n_inputs; k++) {
        check_input(c, name, &c->inputs[k], signs);
    }
    if (c->skipped) {
        printf("%-24s %zu coordinates checked, %zu skipped near a kink\n", name, c->checked, c->skipped);
    }
    assert_true(c->skipped * 10 < c->checked);
    free(signs);
    free_case(c);
}

/* ---- embedding -----------------------------------------------------------------------------------------------------
 */

static double embed_loss(grad_case *c)
{
    c->be->ops->embed_fwd(c->be, c->y, c->inputs[0].value, c->inputs[1].value, c->inputs[2].value, c->ids, c->types,
                          &c->layout);
    return weighted(c);
}

static void embed_backward(grad_case *c)
{
    c->be->ops->embed_bwd(c->be, c->inputs[0].gradient, c->inputs[1].gradient, c->inputs[2].gradient, c->weights,
                          c->ids, c->types, &c->layout);
}

static void test_embed(void **state)
{
    static const uint32_t ids[N_TOKENS] = {4, 0, 4, 2, 4, 1, 0, 6, 6}, types[N_TOKENS] = {0, 0, 1, 0, 0, 0, 0, 1, 1};
    grad_case c = new_case(*state, N_TOKENS, 5);
    add_input(*state, &c, "word", 7, 5, 1, true);
    add_input(*state, &c, "type", 2, 5, 1, true);
    add_input(*state, &c, "position", 6, 5, 1, true);
    c.ids = ids;
    c.types = types;
    c.loss = embed_loss;
    c.backward = embed_backward;
    check(&c, "embed");
}

/* ---- norm ----------------------------------------------------------------------------------------------------------
 */

/* inputs: x, gamma, beta and perhaps z */
static double norm_loss(grad_case *c)
{
    c->be->ops->norm_fwd(c->be, c->y, c->kept, c->stats, c->inputs[0].value,
                         c->n_inputs > 3 ? c->inputs[3].value : EL_ABSENT, &c->dropout, &c->layout, c->inputs[1].value,
                         c->inputs[2].value, 1e-12);
    return weighted(c);
}

static void norm_backward(grad_case *c)
{
    c->be->ops->norm_bwd(c->be, c->inputs[0].gradient, c->inputs[1].gradient, c->inputs[2].gradient, c->weights,
                         c->kept, c->stats, c->inputs[1].value);
    if (c->n_inputs > 3) {
        c->be->ops->dropout(c->be, c->inputs[3].gradient, c->inputs[0].gradient, &c->dropout, &c->layout, NULL);
    }
}

static void check_norm(world *w, const char *name, bool with_z, double rate)
{
    enum { WIDTH = 7 };
    grad_case c = new_case(w, N_TOKENS, WIDTH);
    add_input(w, &c, "x", N_TOKENS, WIDTH, 1, false);
    add_input(w, &c, "gamma", 1, WIDTH, 1, true);
    add_input(w, &c, "beta", 1, WIDTH, 1, true);
    if (with_z) {
        add_input(w, &c, "z", N_TOKENS, WIDTH, 1, false);
    }
    c.kept = test_tensor(w->be, N_TOKENS, WIDTH);
    c.stats = test_tensor(w->be, N_TOKENS, 2);
    c.dropout = (el_dropout){rate, 12345};
    c.loss = norm_loss;
    c.backward = norm_backward;
    check(&c, name);
}

static void test_norm(void **state)
{
    check_norm(*state, "norm", false, 0);
    check_norm(*state, "norm of x + z", true, 0);
    check_norm(*state, "norm with dropout", true, 0.4);
}

/* More rows than one block of partial sums. */
static void test_norm_many_rows(void **state)
{
    enum { ROWS = 300, WIDTH = 5 };
    grad_case c = new_case(*state, ROWS, WIDTH);
    add_input(*state, &c, "x", ROWS, WIDTH, 1, false);
    add_input(*state, &c, "gamma", 1, WIDTH, 1, true);
    add_input(*state, &c, "beta", 1, WIDTH, 1, true);
    c.kept = test_tensor(c.be, ROWS, WIDTH);
    c.stats = test_tensor(c.be, ROWS, 2);
    c.loss = norm_loss;
    c.backward = norm_backward;
    check(&c, "norm of many rows");
}

/* ---- dropout and activations ----------------------------------------------------------------------------------------
 */

static double dropout_loss(grad_case *c)
{
    c->be->ops->dropout(c->be, c->y, c->inputs[0].value, &c->dropout, &c->layout, NULL);
    return weighted(c);
}

static void dropout_backward(grad_case *c)
{
    c->be->ops->dropout(c->be, c->inputs[0].gradient, c->weights, &c->dropout, &c->layout, NULL);
}

static void test_dropout(void **state)
{
    grad_case c = new_case(*state, N_TOKENS, 6);
    add_input(*state, &c, "x", N_TOKENS, 6, 1, false);
    c.dropout = (el_dropout){0.3, 99};
    c.loss = dropout_loss;
    c.backward = dropout_backward;
    check(&c, "dropout");
}

static double act_loss(grad_case *c)
{
    c->be->ops->act_fwd(c->be, c->y, c->inputs[0].value, c->act);
    return weighted(c);
}

static void act_backward(grad_case *c)
{
    c->be->ops->act_bwd(c->be, c->inputs[0].gradient, c->weights, c->inputs[0].value, c->act);
}

static const struct {
    el_activation act;
    const char *name;
} ACTIVATIONS[] = {{EL_ACT_LINEAR, "linear"}, {EL_ACT_GELU, "gelu"}, {EL_ACT_GELU_TANH, "gelu tanh"},
                   {EL_ACT_RELU, "relu"},     {EL_ACT_TANH, "tanh"}, {EL_ACT_SILU, "silu"}};
enum { N_ACTIVATIONS = sizeof ACTIVATIONS / sizeof *ACTIVATIONS };

static void test_activations(void **state)
{
    for (size_t a = 0; a < N_ACTIVATIONS; a++) {
        grad_case c = new_case(*state, 13, 11);
        add_input(*state, &c, "x", 13, 11, 2, false);
        numbers(c.inputs[0].value)[3] = 1e-4; /* beside relu's kink */
        c.act = ACTIVATIONS[a].act;
        c.pre = c.act == EL_ACT_RELU ? c.inputs[0].value : EL_ABSENT;
        c.loss = act_loss;
        c.backward = act_backward;
        check(&c, ACTIVATIONS[a].name);
    }
}

/* ---- linear ---------------------------------------------------------------------------------------------------------
 */

/* inputs: x, w, b; pre is recomputed with each loss */
static double linear_loss(grad_case *c)
{
    c->be->ops->linear_fwd(c->be, c->y, c->inputs[0].value, c->inputs[1].value, c->inputs[2].value, c->act, c->stats);
    return weighted(c);
}

static void linear_backward(grad_case *c)
{
    const el_ops *ops = c->be->ops;
    ops->act_bwd(c->be, c->dpre, c->weights, c->act == EL_ACT_LINEAR ? c->y : c->stats, c->act);
    ops->linear_bwd_input(c->be, c->inputs[0].gradient, c->dpre, c->inputs[1].value, c->inputs[0].added, EL_ACT_LINEAR,
                          EL_ABSENT);
    ops->linear_bwd_weights(c->be, c->inputs[1].gradient, c->inputs[2].gradient, c->dpre, c->inputs[0].value);
}

static void check_linear(world *w, el_activation act, const char *name, size_t rows, size_t k, size_t n, bool added)
{
    grad_case c = new_case(w, rows, n);
    add_input(w, &c, "x", rows, k, 1, added);
    add_input(w, &c, "w", n, k, 0.5, true);
    add_input(w, &c, "b", 1, n, 1, true);
    c.act = act;
    c.stats = test_tensor(w->be, rows, n);
    c.dpre = test_tensor(w->be, rows, n);
    c.pre = act == EL_ACT_RELU ? c.stats : EL_ABSENT;
    c.loss = linear_loss;
    c.backward = linear_backward;
    check(&c, name);
}

static void test_linear(void **state)
{
    char name[40];
    for (size_t a = 0; a < N_ACTIVATIONS; a++) {
        (void)snprintf(name, sizeof name, "linear, %s", ACTIVATIONS[a].name);
        check_linear(*state, ACTIVATIONS[a].act, name, 5, 7, 9, false);
    }
    check_linear(*state, EL_ACT_LINEAR, "linear, accumulated", 6, 4, 3, true);
    check_linear(*state, EL_ACT_GELU, "linear to one", 11, 6, 1, false);
}

/* y = act(u) w^T: the gradient of u comes from one fused call. inputs: u, w */
static double fused_loss(grad_case *c)
{
    c->be->ops->act_fwd(c->be, c->kept, c->inputs[0].value, c->act);
    c->be->ops->linear_fwd(c->be, c->y, c->kept, c->inputs[1].value, EL_ABSENT, EL_ACT_LINEAR, EL_ABSENT);
    return weighted(c);
}

static void fused_backward(grad_case *c)
{
    c->be->ops->linear_bwd_input(c->be, c->inputs[0].gradient, c->weights, c->inputs[1].value, c->inputs[0].added,
                                 c->act, c->inputs[0].value);
    c->be->ops->linear_bwd_weights(c->be, c->inputs[1].gradient, EL_ABSENT, c->weights, c->kept);
}

static void test_linear_fused(void **state)
{
    char name[40];
    for (size_t a = 0; a < N_ACTIVATIONS; a++) {
        grad_case c = new_case(*state, 5, 6);
        add_input(*state, &c, "u", 5, 8, 1.5, a % 2);
        add_input(*state, &c, "w", 6, 8, 0.5, true);
        c.act = ACTIVATIONS[a].act;
        c.kept = test_tensor(c.be, 5, 8);
        c.pre = c.act == EL_ACT_RELU ? c.inputs[0].value : EL_ABSENT;
        c.loss = fused_loss;
        c.backward = fused_backward;
        (void)snprintf(name, sizeof name, "linear after %s", ACTIVATIONS[a].name);
        check(&c, name);
    }
}

/* ---- attention ------------------------------------------------------------------------------------------------------
 */

static double attention_loss(grad_case *c)
{
    c->be->ops->attention_fwd(c->be, c->y, c->stats, c->inputs[0].value, c->heads, &c->dropout, &c->layout);
    return weighted(c);
}

static void attention_backward(grad_case *c)
{
    c->be->ops->attention_bwd(c->be, c->inputs[0].gradient, c->weights, c->inputs[0].value, c->y, c->stats, c->heads,
                              &c->dropout, &c->layout);
}

static void test_attention(void **state)
{
    enum { HEADS = 2, WIDTH = 6 };
    static const double rates[] = {0, 0.3};
    for (size_t i = 0; i < 2; i++) {
        grad_case c = new_case(*state, N_TOKENS, WIDTH);
        add_input(*state, &c, "qkv", N_TOKENS, 3 * WIDTH, 1.5, false);
        c.stats = test_tensor(c.be, N_TOKENS, HEADS);
        c.heads = HEADS;
        c.dropout = (el_dropout){rates[i], 777};
        c.loss = attention_loss;
        c.backward = attention_backward;
        check(&c, i ? "attention with dropout" : "attention");
    }
}

/* ---- rows -----------------------------------------------------------------------------------------------------------
 */

static const uint32_t ROWS[6] = {3, 0, 3, 8, 1, 3};

static double gather_loss(grad_case *c)
{
    c->be->ops->gather_rows(c->be, c->y, c->inputs[0].value, ROWS);
    return weighted(c);
}

static void gather_backward(grad_case *c)
{
    c->be->ops->scatter_add_rows(c->be, c->inputs[0].gradient, c->weights, ROWS);
}

static void test_gather(void **state)
{
    grad_case c = new_case(*state, 6, 4);
    add_input(*state, &c, "x", N_TOKENS, 4, 1, true);
    c.loss = gather_loss;
    c.backward = gather_backward;
    check(&c, "gather");
}

/* ---- losses ---------------------------------------------------------------------------------------------------------
 */

static const uint32_t TARGETS[4] = {0, 1099, 1030, 500};
static const double LOSS_SCALE = 0.25;

/* inputs: h, table, bias */
static double masked_lm_loss(grad_case *c)
{
    c->be->ops->masked_lm_fwd(c->be, c->y, c->stats, NULL, NULL, c->inputs[0].value, c->inputs[1].value,
                              c->inputs[2].value, TARGETS, NULL, NULL, NULL);
    return LOSS_SCALE * c->be->ops->sum(c->be, c->y);
}

static void masked_lm_backward(grad_case *c)
{
    c->be->ops->masked_lm_bwd(c->be, c->inputs[0].gradient, c->inputs[1].gradient, c->inputs[2].gradient,
                              c->inputs[0].value, c->inputs[1].value, c->inputs[2].value, c->stats, TARGETS,
                              LOSS_SCALE);
}

static void check_masked_lm(world *w, size_t slots, size_t vocabulary, const char *name)
{
    grad_case c = new_case(w, slots, 1);
    add_input(w, &c, "h", slots, 3, 1, false);
    add_input(w, &c, "table", vocabulary, 3, 1, true);
    add_input(w, &c, "bias", 1, vocabulary, 1, true);
    c.stats = test_tensor(w->be, slots, 1);
    c.loss = masked_lm_loss;
    c.backward = masked_lm_backward;
    check(&c, name);
}

static void test_masked_lm(void **state)
{
    check_masked_lm(*state, 4, 1100, "masked lm, 1100 tokens");
    check_masked_lm(*state, 1, 5, "masked lm, 5 tokens");
}

static const uint32_t LABELS[N_TOKENS] = {1, 0, 0, 1, 1, 0, 0, 1, 0};

static double binary_loss(grad_case *c)
{
    c->be->ops->binary_loss_fwd(c->be, c->y, c->inputs[0].value, LABELS);
    return LOSS_SCALE * c->be->ops->sum(c->be, c->y);
}

static void binary_backward(grad_case *c)
{
    c->be->ops->binary_loss_bwd(c->be, c->inputs[0].gradient, c->inputs[0].value, LABELS, LOSS_SCALE);
}

static void test_binary_loss(void **state)
{
    grad_case c = new_case(*state, N_TOKENS, 1);
    add_input(*state, &c, "logits", N_TOKENS, 1, 3, false);
    c.loss = binary_loss;
    c.backward = binary_backward;
    check(&c, "binary loss");
}

static const uint32_t GROUP_STARTS[4] = {0, 3, 4, 9}; /* of 9 rows */
static const uint32_t GROUP_TARGETS[6] = {2, 0, 0, EL_NO_TARGET, 4, 1};

static double softmax_loss(grad_case *c)
{
    c->be->ops->softmax_loss_fwd(c->be, c->y, c->inputs[0].value, GROUP_STARTS, GROUP_TARGETS);
    return LOSS_SCALE * c->be->ops->sum(c->be, c->y);
}

static void softmax_backward(grad_case *c)
{
    c->be->ops->softmax_loss_bwd(c->be, c->inputs[0].gradient, c->inputs[0].value, GROUP_STARTS, GROUP_TARGETS, 3,
                                 LOSS_SCALE);
}

static double class_loss(grad_case *c)
{
    c->be->ops->softmax_loss_fwd(c->be, c->y, c->inputs[0].value, NULL, GROUP_TARGETS);
    return LOSS_SCALE * c->be->ops->sum(c->be, c->y);
}

static void class_backward(grad_case *c)
{
    c->be->ops->softmax_loss_bwd(c->be, c->inputs[0].gradient, c->inputs[0].value, NULL, GROUP_TARGETS, 3, LOSS_SCALE);
}

static void test_softmax_loss(void **state)
{
    grad_case c = new_case(*state, 3, 2);
    add_input(*state, &c, "logits", N_TOKENS, 2, 2, false);
    c.loss = softmax_loss;
    c.backward = softmax_backward;
    check(&c, "softmax loss in groups");
    c = new_case(*state, 3, 1);
    add_input(*state, &c, "logits", N_TOKENS, 1, 2, false); /* 3 rows of 3 classes; targets 2, 0, 0 */
    c.loss = class_loss;
    c.backward = class_backward;
    check(&c, "softmax loss of classes");
}

/* inputs: x and the targets, whose gradient is that of x turned round */
static double squared_loss(grad_case *c)
{
    c->be->ops->squared_loss_fwd(c->be, c->y, c->inputs[0].value, c->inputs[1].value);
    return LOSS_SCALE * c->be->ops->sum(c->be, c->y);
}

static void squared_backward(grad_case *c)
{
    c->be->ops->squared_loss_bwd(c->be, c->inputs[0].gradient, c->inputs[0].value, c->inputs[1].value, LOSS_SCALE);
    c->be->ops->squared_loss_bwd(c->be, c->inputs[1].gradient, c->inputs[1].value, c->inputs[0].value, LOSS_SCALE);
}

static void test_squared_loss(void **state)
{
    grad_case c = new_case(*state, N_TOKENS, 2);
    add_input(*state, &c, "x", N_TOKENS, 2, 2, false);
    add_input(*state, &c, "target", N_TOKENS, 2, 2, false);
    c.loss = squared_loss;
    c.backward = squared_backward;
    check(&c, "squared loss");
}

static double spread_loss(grad_case *c)
{
    c->be->ops->copy(c->be, c->y, c->kept);
    c->be->ops->spread_add(c->be, c->y, c->inputs[0].value, &c->layout);
    return weighted(c);
}

static void spread_backward(grad_case *c)
{
    c->be->ops->spread_bwd(c->be, c->inputs[0].gradient, c->weights, &c->layout);
}

/* inputs: x, logits; kept: p */
static double pool_loss(grad_case *c)
{
    c->be->ops->softmax_pool_fwd(c->be, c->y, c->kept, c->inputs[0].value, c->inputs[1].value, &c->layout);
    return weighted(c);
}

static void pool_backward(grad_case *c)
{
    c->be->ops->softmax_pool_bwd(c->be, c->inputs[0].gradient, c->inputs[1].gradient, c->weights, c->inputs[0].value,
                                 c->kept, c->y, &c->layout);
}

static void test_sequences(void **state)
{
    grad_case c = new_case(*state, N_TOKENS, 5);
    add_input(*state, &c, "x", N_SEQUENCES, 5, 2, false);
    c.kept = random_tensor(*state, N_TOKENS, 5, 1);
    c.loss = spread_loss;
    c.backward = spread_backward;
    check(&c, "a row of each sequence at all of its tokens");
    c = new_case(*state, N_SEQUENCES, 5);
    add_input(*state, &c, "x", N_TOKENS, 5, 2, true);
    add_input(*state, &c, "logits", N_TOKENS, 1, 2, true);
    c.kept = test_tensor(c.be, N_TOKENS, 1);
    c.loss = pool_loss;
    c.backward = pool_backward;
    check(&c, "averages by a softmax");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embed),        cmocka_unit_test(test_norm),        cmocka_unit_test(test_norm_many_rows),
        cmocka_unit_test(test_dropout),      cmocka_unit_test(test_activations), cmocka_unit_test(test_linear),
        cmocka_unit_test(test_linear_fused), cmocka_unit_test(test_attention),   cmocka_unit_test(test_gather),
        cmocka_unit_test(test_masked_lm),    cmocka_unit_test(test_binary_loss), cmocka_unit_test(test_softmax_loss),
        cmocka_unit_test(test_squared_loss), cmocka_unit_test(test_sequences),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
