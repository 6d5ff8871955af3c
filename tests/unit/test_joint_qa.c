/* The published head for questions against its formulas written again over concatenations, in double: logits, loss, and
 * the search for answers against all starts and all ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/batch.h"
#include "model/limits.h"
#include "model/predict.h"
#include "model/task.h"

enum { H = 6, INNER = 7, VOCABULARY = 13, LONGEST = 30, N = 4, MOST_TOKENS = N * LONGEST };

static const size_t LENGTHS[N] = {30, 5, 21, 3}, FIRSTS[N] = {8, 2, 20, 3}; /* the last has no token of type 1 */
static const uint32_t STARTS[N] = {12, EL_NO_TARGET, 0, 0}, ENDS[N] = {11, EL_NO_TARGET, 20, 2};
static const uint32_t IMPOSSIBLE[N] = {0, 0, 1, 1};

typedef struct world {
    el_backend *be;
    el_params params;
    el_network network;
    el_weights theta;
    el_task task;
    el_plan plan;
    el_pack *pack;
    const el_batch *batch;
    el_predictor *predictor;
} world;

static void make_batch(world *w)
{
    assert_int_equal(
        el_pack_create(&w->pack, w->be, &(el_pack_room){.tokens = MOST_TOKENS, .sequences = N, .slots = 0}, NULL),
        ELECTRA_OK);
    for (size_t s = 0; s < N; s++) {
        uint32_t ids[LONGEST];
        el_rng_stream stream = {.key = el_rng_key(11, EL_RNG_MASK, s, 0)};
        for (size_t t = 0; t < LENGTHS[s]; t++) {
            ids[t] = (uint32_t)el_rng_below(&stream, VOCABULARY);
        }
        assert_true(
            el_pack_add(w->pack, &(el_sequence){.ids = ids, .length = LENGTHS[s], .first_length = FIRSTS[s]}));
    }
    w->batch = el_pack_finish(w->pack);
}

static void make(world *w)
{
    const el_model_config config = {.family = EL_FAMILY_ELECTRA,
                                    .vocab_size = VOCABULARY,
                                    .embedding_size = 4,
                                    .hidden_size = H,
                                    .n_layers = 2,
                                    .n_heads = 2,
                                    .intermediate_size = 8,
                                    .activation = EL_ACT_GELU,
                                    .max_positions = LONGEST,
                                    .n_types = 2,
                                    .initializer_range = 0.5,
                                    .layer_norm_eps = 1e-12};
    const el_head_config head = {.kind = EL_HEAD_JOINT_QA, .inner = INNER};
    *w = (world){0};
    assert_int_equal(el_backend_create_f64(&w->be, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_single(&w->params, &w->network, &config, &head, NULL), ELECTRA_OK);
    double *block = w->be->ops->alloc(w->be, w->params.elements * sizeof(double));
    w->theta = el_weights_of(w->be, &w->params, block);
    for (size_t i = 0; i < w->params.elements; i++) {
        block[i] = 2 * el_rng_uniform(el_rng_row(el_rng_key(7, EL_RNG_INIT, i, 0), 0, 0)) - 1;
    }
    const el_limits limits = el_network_limits(&config, MOST_TOKENS, N, LONGEST, 1);
    assert_int_equal(w->be->ops->reserve(w->be, &limits, NULL), ELECTRA_OK);
    assert_int_equal(el_task_init(&w->task, &w->network, NULL), ELECTRA_OK);
    w->plan.element_size = sizeof(double);
    el_task_plan(&w->task, MOST_TOKENS, N, true, &w->plan);
    const size_t bytes = w->plan.arena.peak;
    w->plan.arena = (el_arena){.base = w->be->ops->alloc(w->be, bytes), .capacity = bytes};
    make_batch(w);
    el_task_plan(&w->task, w->batch->layout.n_tokens, N, true, &w->plan);
    const el_predict_limits most = {.tokens = MOST_TOKENS, .sequences = N, .longest = LONGEST};
    assert_int_equal(el_predictor_create(&w->predictor, w->be, &w->network, &most, NULL), ELECTRA_OK);
}

static void drop(world *w)
{
    el_predictor_free(w->predictor);
    el_pack_free(w->pack);
    el_task_clear(&w->task);
    w->be->ops->free(w->be, w->plan.arena.base);
    w->be->ops->free(w->be, w->theta.data);
    el_params_clear(&w->params);
    el_backend_free(w->be);
}

/* ---- the formulas ------------------------------------------------------------------------------------------------- */

static const double *tensor(const world *w, const char *name)
{
    const size_t row = el_params_find(&w->params, name, EL_OWNER_DISCRIMINATOR);
    assert_true(row != EL_NO_PARAM);
    return el_weights_at(w->theta, row).data;
}

static double gelu(double x)
{
    return x * (1 + erf(x / sqrt(2))) / 2;
}

/* out . gelu(kernel [a, b] + bias) + out bias, where the kernel over the concatenation stands in two halves. */
static double two_layers(const world *w, const char *part, const char *half_a, const char *half_b, const double *a,
                         const double *b)
{
    char name[5][96];
    const char *const ends[5] = {half_a, half_b, "dense.bias", "out_proj.weight", "out_proj.bias"};
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(name[i], sizeof name[i], "joint_qa.%s.%s", part, ends[i]);
    }
    double y = tensor(w, name[4])[0];
    for (size_t i = 0; i < INNER; i++) {
        double pre = tensor(w, name[2])[i];
        for (size_t c = 0; c < H; c++) {
            pre += tensor(w, name[0])[i * H + c] * a[c] + tensor(w, name[1])[i * H + c] * b[c];
        }
        y += tensor(w, name[3])[i] * gelu(pre);
    }
    return y;
}

static const double *hidden_at(const world *w, size_t s, size_t t)
{
    const double *hidden = w->task.encoder.layers[1].out.data;
    return hidden + (w->batch->layout.starts[s] + t) * H;
}

static double mask(size_t s, size_t t)
{
    return t == 0 || t >= FIRSTS[s] ? 0 : -1000;
}

static double start_logit(const world *w, size_t s, size_t t)
{
    double y = tensor(w, "joint_qa.start.bias")[0] + mask(s, t);
    for (size_t c = 0; c < H; c++) {
        y += tensor(w, "joint_qa.start.weight")[c] * hidden_at(w, s, t)[c];
    }
    return y;
}

static double end_logit(const world *w, size_t s, size_t start, size_t t)
{
    return mask(s, t) + two_layers(w, "end", "dense_start.weight", "dense_token.weight", hidden_at(w, s, start),
                                   hidden_at(w, s, t));
}

static double impossible_logit(const world *w, size_t s)
{
    double sum = 0, feature[H] = {0};
    for (size_t t = 0; t < LENGTHS[s]; t++) {
        sum += exp(start_logit(w, s, t));
    }
    for (size_t t = 0; t < LENGTHS[s]; t++) {
        for (size_t c = 0; c < H; c++) {
            feature[c] += exp(start_logit(w, s, t)) / sum * hidden_at(w, s, t)[c];
        }
    }
    return two_layers(w, "impossible", "dense_first.weight", "dense_feature.weight", hidden_at(w, s, 0), feature);
}

static double log_sum(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp(x[i]);
    }
    return log(sum);
}

static void near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-10 * fmax(1, fabs(expected)))) {
        fail_msg("%.15g, expected %.15g", got, expected);
    }
}

static el_joint_qa_targets make_targets(const world *w, uint32_t *rows)
{
    for (size_t s = 0; s < N; s++) {
        rows[s] = w->batch->layout.starts[s] + (STARTS[s] == EL_NO_TARGET ? 0 : STARTS[s]);
    }
    return (el_joint_qa_targets){.start = STARTS, .end = ENDS, .impossible = IMPOSSIBLE, .rows = rows};
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

static void logits_and_loss_are_those_of_the_formulas(void **state)
{
    (void)state;
    world w;
    make(&w);
    uint32_t rows[N];
    const el_head_targets targets = {.kind = EL_LOSS_ANSWERS, .answers = make_targets(&w, rows)};
    const el_pass pass = {.layout = &w.batch->layout, .ids = w.batch->ids, .types = w.batch->types};
    const double got =
        el_task_run(&w.task, w.theta, el_weights_of(w.be, &w.params, NULL), &pass, &targets, 1.0 / N);
    const el_joint_qa_tape *tape = &w.task.head.joint;
    double expected = 0;
    for (size_t s = 0; s < N; s++) {
        double start[LONGEST], end[LONGEST];
        const size_t first = w.batch->layout.starts[s], given = rows[s] - first;
        for (size_t t = 0; t < LENGTHS[s]; t++) {
            start[t] = start_logit(&w, s, t);
            end[t] = end_logit(&w, s, given, t);
            near(((double *)tape->start.data)[first + t], start[t]);
            near(((double *)tape->end.data)[first + t], end[t]);
        }
        const double u = impossible_logit(&w, s);
        near(((double *)tape->impossible.data)[s], u);
        if (STARTS[s] != EL_NO_TARGET) {
            expected += (log_sum(start, LENGTHS[s]) - start[STARTS[s]]) / 2;
            expected += (log_sum(end, LENGTHS[s]) - end[ENDS[s]]) / 2;
        }
        expected += 0.5 * (log(1 + exp(u)) - IMPOSSIBLE[s] * u);
    }
    near(got, expected);
    drop(&w);
}

/* ---- prediction ---------------------------------------------------------------------------------------------------- */

/* The k likeliest of n logits, in the precision in which they leave the device, are what one finds by taking the largest
 * one again and again. */
static void check_likeliest(const uint32_t *places, const float *scores, size_t k, double *logits, size_t n)
{
    const double sum = log_sum(logits, n);
    for (size_t t = 0; t < n; t++) {
        logits[t] = (double)(float)logits[t];
    }
    for (size_t i = 0; i < k; i++) {
        size_t best = 0;
        for (size_t t = 1; t < n; t++) {
            best = logits[t] > logits[best] ? t : best;
        }
        assert_int_equal(places[i], best);
        assert_true(fabs((double)scores[i] - (logits[best] - sum)) <= 1e-5 * fmax(1, fabs(logits[best] - sum)));
        logits[best] = -INFINITY;
    }
}

static void check_answers(const world *w, const el_joint_answers *a)
{
    for (size_t s = 0; s < N; s++) {
        double logits[LONGEST];
        assert_int_equal(a[s].n, LENGTHS[s] < EL_QA_BEAM ? LENGTHS[s] : EL_QA_BEAM);
        assert_true(fabs((double)a[s].impossible - impossible_logit(w, s)) < 1e-5);
        for (size_t t = 0; t < LENGTHS[s]; t++) {
            logits[t] = start_logit(w, s, t);
        }
        check_likeliest(a[s].start, a[s].start_score, a[s].n, logits, LENGTHS[s]);
        for (size_t k = 0; k < a[s].n; k++) {
            for (size_t t = 0; t < LENGTHS[s]; t++) {
                logits[t] = end_logit(w, s, a[s].start[k], t);
            }
            check_likeliest(a[s].end[k], a[s].end_score[k], a[s].n, logits, LENGTHS[s]);
        }
    }
}

static void answers_are_the_likeliest_of_all_places(void **state)
{
    (void)state;
    world w;
    make(&w);
    const el_pass pass = {.layout = &w.batch->layout, .ids = w.batch->ids, .types = w.batch->types};
    el_joint_answers by_task[N], by_predictor[N];
    el_joint_qa_room room = {0};
    assert_int_equal(el_joint_qa_room_make(&room, MOST_TOKENS, N, NULL), ELECTRA_OK);
    memset(by_task, 0, sizeof by_task);
    el_task_answers(&w.task, w.theta, &pass, &room, by_task);
    check_answers(&w, by_task);
    memset(by_predictor, 0, sizeof by_predictor);
    const el_tensor impossible =
        el_predictor_answers(w.predictor, w.theta, &w.batch->layout, w.batch->ids, w.batch->types, by_predictor);
    assert_memory_equal(by_task, by_predictor, sizeof by_task);
    assert_true(el_tensor_is(impossible, N, 1));
    /* the loss of the same batch is that of training without dropout */
    uint32_t rows[N];
    const el_joint_qa_targets targets = make_targets(&w, rows);
    const double loss =
        el_predictor_answers_loss(w.predictor, w.theta, &w.batch->layout, w.batch->types, &targets);
    const el_head_targets of_task = {.kind = EL_LOSS_ANSWERS, .answers = targets};
    near(loss, el_task_run(&w.task, w.theta, el_weights_of(w.be, &w.params, NULL), &pass, &of_task, 1));
    el_joint_qa_room_clear(&room);
    drop(&w);
}

/* Equal logits: the earlier place first. */
static void ties_go_to_the_earlier_place(void **state)
{
    (void)state;
    world w;
    make(&w);
    memset(w.theta.data, 0, w.params.elements * sizeof(double));
    el_joint_answers answers[N];
    (void)el_predictor_answers(w.predictor, w.theta, &w.batch->layout, w.batch->ids, w.batch->types, answers);
    static const uint32_t EXPECTED[] = {0, 8, 9, 10};
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(answers[0].start[k], EXPECTED[k]);
        assert_int_equal(answers[0].end[3][k], EXPECTED[k]);
        assert_true(fabsf(answers[0].start_score[k] + logf(23)) < 1e-6f); /* 22 of type 1, and the first */
    }
    drop(&w);
}

static void starting_values_are_those_of_the_whole_kernels(void **state)
{
    (void)state;
    world w;
    make(&w);
    assert_int_equal(el_params_initialise(&w.params, w.be, w.theta.data, 3, NULL), ELECTRA_OK);
    static const struct {
        const char *name;
        size_t n;
        double limit;
    } ROWS[] = {{"joint_qa.start.weight", H, 6.0 / (1 + H)},
                {"joint_qa.end.dense_start.weight", INNER * H, 6.0 / (INNER + 2 * H)},
                {"joint_qa.end.dense_token.weight", INNER * H, 6.0 / (INNER + 2 * H)},
                {"joint_qa.impossible.dense_feature.weight", INNER * H, 6.0 / (INNER + 2 * H)},
                {"joint_qa.end.dense.bias", INNER, 0},
                {"joint_qa.end.out_proj.weight", INNER, 6.0 / (1 + INNER)}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        double largest = 0;
        for (size_t k = 0; k < ROWS[i].n; k++) {
            largest = fmax(largest, fabs(tensor(&w, ROWS[i].name)[k]));
        }
        assert_true(largest <= sqrt(ROWS[i].limit) && largest >= 0.6 * sqrt(ROWS[i].limit));
        const el_param *p = &w.params.list[el_params_find(&w.params, ROWS[i].name, EL_OWNER_DISCRIMINATOR)];
        assert_int_equal(p->depth, 3); /* of a head, over two layers */
        assert_int_equal(p->decays, strstr(p->name, "bias") == NULL);
    }
    drop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_and_loss_are_those_of_the_formulas),
        cmocka_unit_test(answers_are_the_likeliest_of_all_places),
        cmocka_unit_test(ties_go_to_the_earlier_place),
        cmocka_unit_test(starting_values_are_those_of_the_whole_kernels),
    };
    return cmocka_run_group_tests_name("the published head for questions", tests, NULL, NULL);
}
