/* Whole networks with the heads of tasks against central differences in double: the gradient of each loss by every
 * single parameter, with dropout on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/limits.h"
#include "model/task.h"
#include "support/batches.h"

enum { VOCABULARY = 11, LONGEST = 7, N_SEQUENCES = 4, MOST_TOKENS = N_SEQUENCES * LONGEST, MOST_LABELS = 3 };

typedef struct net {
    const char *what;
    el_family family;
    el_head_config head;
    el_head_loss loss;
    double dropout; /* of the encoder */
} net;

#define CLASSIFIER(labels, rate)                                                                                       \
    {                                                                                                                  \
        .kind = EL_HEAD_CLASSIFIER, .n_labels = labels, .dropout = rate                                                \
    }
#define TAGGER(labels, rate)                                                                                           \
    {                                                                                                                  \
        .kind = EL_HEAD_TAGGER, .n_labels = labels, .dropout = rate                                                    \
    }
#define CHOICE(dense, act)                                                                                             \
    {                                                                                                                  \
        .kind = EL_HEAD_CHOICE, .summary_dense = dense, .summary_activation = act, .summary_first_dropout = 0.2,       \
        .summary_last_dropout = 0.3                                                                                    \
    }

static const net NETS[] = {
    {"classes", EL_FAMILY_ELECTRA, CLASSIFIER(3, 0.25), EL_LOSS_CLASSES, 0.25},
    {"classes, no dropout", EL_FAMILY_ELECTRA, CLASSIFIER(2, 0), EL_LOSS_CLASSES, 0},
    {"labels", EL_FAMILY_ELECTRA, CLASSIFIER(3, 0.25), EL_LOSS_LABELS, 0.25},
    {"a number", EL_FAMILY_ELECTRA, CLASSIFIER(1, 0.25), EL_LOSS_NUMBERS, 0.25},
    {"tags", EL_FAMILY_ELECTRA, TAGGER(3, 0.25), EL_LOSS_CLASSES, 0.25},
    {"tags, no dropout", EL_FAMILY_ELECTRA, TAGGER(3, 0), EL_LOSS_CLASSES, 0.25},
    {"spans", EL_FAMILY_ELECTRA, {.kind = EL_HEAD_SPANS}, EL_LOSS_SPANS, 0.25},
    {"choices", EL_FAMILY_ELECTRA, CHOICE(true, EL_ACT_GELU), EL_LOSS_CHOICES, 0.25},
    {"choices, dense layer alone", EL_FAMILY_ELECTRA, CHOICE(true, EL_ACT_LINEAR), EL_LOSS_CHOICES, 0.25},
    {"choices, activation alone", EL_FAMILY_ELECTRA, CHOICE(false, EL_ACT_TANH), EL_LOSS_CHOICES, 0.25},
    {"choices, nothing", EL_FAMILY_ELECTRA, CHOICE(false, EL_ACT_LINEAR), EL_LOSS_CHOICES, 0.25},
    {"start, end and impossible", EL_FAMILY_ELECTRA, {.kind = EL_HEAD_JOINT_QA, .inner = 5}, EL_LOSS_ANSWERS, 0.25},
    {"bert, classes", EL_FAMILY_BERT, CLASSIFIER(3, 0.25), EL_LOSS_CLASSES, 0.25},
    {"bert, tags", EL_FAMILY_BERT, TAGGER(3, 0.25), EL_LOSS_CLASSES, 0.25},
    {"bert, spans", EL_FAMILY_BERT, {.kind = EL_HEAD_SPANS}, EL_LOSS_SPANS, 0.25},
    {"bert, start, end and impossible", EL_FAMILY_BERT, {.kind = EL_HEAD_JOINT_QA, .inner = 3}, EL_LOSS_ANSWERS, 0.25},
    {"bert, choices", EL_FAMILY_BERT, {.kind = EL_HEAD_CHOICE, .dropout = 0.25}, EL_LOSS_CHOICES, 0.25},
};
enum { N_NETS = sizeof NETS / sizeof NETS[0] };

static const test_text TEXT = {.vocabulary = VOCABULARY, .n_types = 2, .longest = LONGEST};

typedef struct world {
    const net *n;
    el_backend *be;
    el_params params;
    el_network network;
    void *theta, *gradient, *tape_memory;
    el_task task;
    el_plan plan;
    test_batch batch;
    double numbers[N_SEQUENCES];
    uint32_t labels[MOST_TOKENS * MOST_LABELS];
    uint32_t answers[4 * N_SEQUENCES]; /* starts, ends, impossible, rows */
    size_t n_parts;
} world;

/* ---- targets --------------------------------------------------------------------------------------------------------
 */

static const uint32_t QUESTIONS[] = {0, 2, 3}; /* of 4 sequences: the first question has two choices, the second one */
enum { N_QUESTIONS = 2 };

/* Answers of 4 questions: places that may be one and places that may not, a start that is not known. */
static el_head_targets make_answers(world *w, const el_layout *layout)
{
    static const uint32_t starts[N_SEQUENCES] = {2, EL_NO_TARGET, 0, 3}, ends[N_SEQUENCES] = {3, EL_NO_TARGET, 0, 1};
    static const uint32_t impossible[N_SEQUENCES] = {0, 0, 1, 0};
    for (size_t s = 0; s < layout->n_sequences; s++) {
        w->answers[s] = starts[s];
        w->answers[N_SEQUENCES + s] = ends[s];
        w->answers[2 * N_SEQUENCES + s] = impossible[s];
        w->answers[3 * N_SEQUENCES + s] = layout->starts[s] + (starts[s] == EL_NO_TARGET ? 0 : starts[s]);
    }
    w->n_parts = layout->n_sequences;
    return (el_head_targets){.kind = EL_LOSS_ANSWERS,
                             .answers = {.start = w->answers,
                                         .end = w->answers + N_SEQUENCES,
                                         .impossible = w->answers + (size_t)2 * N_SEQUENCES,
                                         .rows = w->answers + (size_t)3 * N_SEQUENCES}};
}

/* Ids for the rows' classes, some of which take no part; the double backend's memory is the host's. */
static el_head_targets make_targets(world *w, const el_layout *layout)
{
    if (w->n->loss == EL_LOSS_ANSWERS) {
        return make_answers(w, layout);
    }
    const size_t rows = el_head_rows(&w->network, layout), outputs = el_head_outputs(&w->network.head_config);
    size_t n = rows, below = outputs;
    if (w->n->loss == EL_LOSS_LABELS) {
        n = rows * outputs;
        below = 2;
    } else if (w->n->loss == EL_LOSS_SPANS) {
        n = 2 * layout->n_sequences;
        below = 4; /* sequences have 4 tokens or more */
    } else if (w->n->loss == EL_LOSS_CHOICES) {
        n = N_QUESTIONS;
        below = 1;
    }
    el_rng_stream stream = {.key = el_rng_key(9, EL_RNG_MASK, 1, 0)};
    w->n_parts = 0;
    for (size_t i = 0; i < n; i++) {
        const bool skipped = i % 5 == 3 && w->n->loss != EL_LOSS_LABELS;
        w->labels[i] = skipped ? EL_NO_TARGET : (uint32_t)el_rng_below(&stream, below);
        w->n_parts += !skipped;
    }
    if (w->n->loss == EL_LOSS_CHOICES) {
        w->labels[0] = 1; /* of two */
    }
    for (size_t i = 0; i < N_SEQUENCES; i++) {
        w->numbers[i] = (double)i - 1.5;
    }
    if (w->n->loss == EL_LOSS_NUMBERS) {
        w->n_parts = rows * outputs;
    }
    return (el_head_targets){.kind = w->n->loss,
                             .labels = w->labels,
                             .numbers = el_tensor_of(w->numbers, rows, outputs),
                             .questions = QUESTIONS,
                             .n_questions = N_QUESTIONS};
}

/* ---- one network ----------------------------------------------------------------------------------------------------
 */

static void make(world *w, const net *n, size_t n_sequences)
{
    const bool bert = n->family == EL_FAMILY_BERT;
    const el_model_config config = {.family = n->family,
                                    .vocab_size = VOCABULARY,
                                    .embedding_size = bert ? 6 : 4,
                                    .hidden_size = 6,
                                    .n_layers = 2,
                                    .n_heads = 2,
                                    .intermediate_size = 8,
                                    .activation = EL_ACT_GELU,
                                    .hidden_dropout = n->dropout,
                                    .attention_dropout = n->dropout,
                                    .max_positions = LONGEST + 2,
                                    .n_types = 2,
                                    .initializer_range = 0.02,
                                    .layer_norm_eps = 1e-12};
    *w = (world){.n = n};
    assert_int_equal(el_backend_create_f64(&w->be, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_single(&w->params, &w->network, &config, &n->head, NULL), ELECTRA_OK);
    const size_t bytes = w->params.elements * sizeof(double);
    w->theta = w->be->ops->alloc(w->be, bytes);
    w->gradient = w->be->ops->alloc(w->be, bytes);
    const el_limits limits = el_network_limits(&config, MOST_TOKENS, N_SEQUENCES, LONGEST, 1);
    assert_int_equal(w->be->ops->reserve(w->be, &limits, NULL), ELECTRA_OK);
    assert_int_equal(el_task_init(&w->task, &w->network, NULL), ELECTRA_OK);
    w->plan.element_size = sizeof(double);
    el_task_plan(&w->task, MOST_TOKENS, N_SEQUENCES, true, &w->plan);
    w->tape_memory = w->be->ops->alloc(w->be, w->plan.arena.peak);
    w->plan.arena = (el_arena){.base = w->tape_memory, .capacity = w->plan.arena.peak};
    test_batch_make(&w->batch, w->be, &TEXT, 0, n_sequences);
}

static void drop(world *w)
{
    test_batch_free(&w->batch);
    el_task_clear(&w->task);
    w->be->ops->free(w->be, w->tape_memory);
    w->be->ops->free(w->be, w->gradient);
    w->be->ops->free(w->be, w->theta);
    el_params_clear(&w->params);
    el_backend_free(w->be);
}

/* Values large enough that every part of the network bends: within 0.5 of 0, of 1 for the gains of norms. */
static void fill(world *w)
{
    double *theta = w->theta;
    for (size_t i = 0; i < w->params.count; i++) {
        const el_param *p = &w->params.list[i];
        for (size_t j = 0; j < p->rows * p->cols; j++) {
            const double u = el_rng_uniform(el_rng_row(el_rng_key(3, EL_RNG_INIT, i, 0), j, 0)) - 0.5;
            theta[p->offset + j] = p->init == EL_INIT_ONE ? 1.0 + u : u;
        }
    }
}

static double run(world *w, bool backward)
{
    const el_batch *b = w->batch.batch;
    const el_pass pass = {.layout = &b->layout, .ids = b->ids, .types = b->types, .train = true, .seed = 42, .step = 5};
    const el_head_targets targets = make_targets(w, &b->layout);
    el_weights gradient = el_weights_of(w->be, &w->params, backward ? w->gradient : NULL);
    el_task_plan(&w->task, b->layout.n_tokens, b->layout.n_sequences, true, &w->plan);
    if (backward) {
        w->be->ops->zero(w->be, el_weights_all(gradient));
    }
    const double scale = 1.0 / (double)w->n_parts;
    return scale * el_task_run(&w->task, el_weights_of(w->be, &w->params, w->theta), gradient, &pass, &targets, scale);
}

static double loss_with(world *w, double *at, double value)
{
    *at = value;
    return run(w, false);
}

static void check_gradients(const net *n)
{
    world w;
    make(&w, n, n->loss == EL_LOSS_CHOICES ? 3 : N_SEQUENCES);
    fill(&w);
    const double loss = run(&w, true);
    assert_true(isfinite(loss) && loss > 0);
    const double h = 1e-5;
    size_t n_moved = 0, n_checked = 0;
    for (size_t i = 0; i < w.params.count; i++) {
        const el_param *p = &w.params.list[i];
        for (size_t j = 0; j < p->rows * p->cols; j++) {
            double *at = (double *)w.theta + p->offset + j;
            const double start = *at;
            const double up = loss_with(&w, at, start + h), down = loss_with(&w, at, start - h);
            *at = start;
            const double expected = (up - down) / (2 * h), got = ((double *)w.gradient)[p->offset + j];
            if (!(fabs(got - expected) <= 1e-8 * fmax(1.0, fabs(expected)))) {
                fail_msg("%s: %s[%zu]: gradient %.12g, central difference %.12g", n->what, p->name, j, got, expected);
            }
            n_moved += fabs(expected) > 1e-6;
            n_checked++;
        }
    }
    assert_true(n_moved > n_checked / 2); /* the check is no comparison of zeros */
    drop(&w);
}

static void gradients_are_those_of_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NETS; i++) {
        check_gradients(&NETS[i]);
    }
}

/* Logits of the batch, to be freed; *n numbers. */
static double *logits_of(world *w, size_t *n)
{
    const el_batch *b = w->batch.batch;
    const el_pass pass = {.layout = &b->layout, .ids = b->ids, .types = b->types, .train = true, .seed = 42, .step = 5};
    el_task_plan(&w->task, b->layout.n_tokens, b->layout.n_sequences, true, &w->plan);
    el_task_run(&w->task, el_weights_of(w->be, &w->params, w->theta), el_weights_of(w->be, &w->params, NULL), &pass,
                NULL, 1);
    const el_tensor logits = w->task.head.logits;
    *n = logits.rows * logits.cols;
    double *copy = el_alloc(*n, sizeof *copy);
    w->be->ops->download_f64(w->be, copy, logits.data, *n);
    return copy;
}

/* Dropout is named by sequence and position, so a sequence alone has the logits that it has among others. */
static void logits_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NETS; i++) {
        world w;
        size_t n_whole, n, at = 0;
        make(&w, &NETS[i], N_SEQUENCES);
        fill(&w);
        double *whole = logits_of(&w, &n_whole);
        for (size_t s = 0; s < N_SEQUENCES; s++) {
            test_batch_free(&w.batch);
            test_batch_make(&w.batch, w.be, &TEXT, s, 1);
            double *alone = logits_of(&w, &n);
            for (size_t k = 0; k < n; k++) {
                assert_true(fabs(alone[k] - whole[at + k]) < 1e-12);
            }
            at += n;
            el_free(alone);
        }
        assert_true(at == n_whole);
        el_free(whole);
        drop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_central_differences),
        cmocka_unit_test(logits_do_not_depend_on_the_batch),
    };
    return cmocka_run_group_tests_name("gradients of task heads", tests, NULL, NULL);
}
