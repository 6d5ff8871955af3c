/* Answers of task heads: the predictor, which computes the last layer for the tokens that are read and no others, gives
 * what the whole forward pass gives; in any batch, and without allocating. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/mem.h"
#include "model/predict.h"
#include "model/task.h"
#include "support/alloc.h"
#include "support/batches.h"

enum {
    VOCABULARY = 40,
    LONGEST = 9,
    N_SEQUENCES = 5,
    MOST_TOKENS = N_SEQUENCES * LONGEST,
    MOST_LOGITS = 4 * MOST_TOKENS
};

static const test_text TEXT = {.vocabulary = VOCABULARY, .n_types = 2, .longest = LONGEST};

static const struct {
    el_family family;
    el_head_config head;
} NETS[] = {
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_CLASSIFIER, .n_labels = 4, .dropout = 0.5}},
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_TAGGER, .n_labels = 3, .dropout = 0.5}},
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_SPANS}},
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_JOINT_QA, .inner = 5}}, /* its starts */
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_CHOICE, .summary_dense = true, .summary_activation = EL_ACT_GELU, .summary_last_dropout = 0.5}},
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_CHOICE, .summary_activation = EL_ACT_RELU, .summary_first_dropout = 0.5}},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_CLASSIFIER, .n_labels = 1, .dropout = 0.5}},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_TAGGER, .n_labels = 3, .dropout = 0.5}},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_CHOICE, .dropout = 0.5}},
};
enum { N_NETS = sizeof NETS / sizeof NETS[0] };

typedef struct world {
    el_backend *be;
    el_params params;
    el_network network;
    el_weights theta;
    el_predictor *predictor;
    el_task task;
    el_plan plan;
} world;

/* Two layers, so that one layer is whole and one is not; n_layers 1 for the other extreme. */
static void make_network(world *w, el_family family, const el_head_config *head, size_t n_layers,
                         el_activation activation)
{
    const bool bert = family == EL_FAMILY_BERT;
    const el_model_config config = {.family = family,
                                    .vocab_size = VOCABULARY,
                                    .embedding_size = bert ? 16 : 12,
                                    .hidden_size = 16,
                                    .n_layers = n_layers,
                                    .n_heads = 2,
                                    .intermediate_size = 24,
                                    .activation = activation,
                                    .hidden_dropout = 0.5,
                                    .attention_dropout = 0.5,
                                    .max_positions = LONGEST,
                                    .n_types = 2,
                                    .initializer_range = 0.3,
                                    .layer_norm_eps = 1e-12};
    *w = (world){0};
    assert_int_equal(el_backend_create_cpu(&w->be, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_single(&w->params, &w->network, &config, head, NULL), ELECTRA_OK);
    void *block = w->be->ops->alloc(w->be, w->params.elements * w->be->element_size);
    w->theta = el_weights_of(w->be, &w->params, block);
    assert_int_equal(el_params_initialise(&w->params, w->be, block, 5, NULL), ELECTRA_OK);
    const el_predict_limits limits = {
        .tokens = MOST_TOKENS, .sequences = N_SEQUENCES, .longest = LONGEST, .slots = MOST_TOKENS};
    assert_int_equal(el_predictor_create(&w->predictor, w->be, &w->network, &limits, NULL), ELECTRA_OK);
}

static void make(world *w, size_t net, size_t n_layers)
{
    make_network(w, NETS[net].family, &NETS[net].head, n_layers, EL_ACT_GELU);
    assert_int_equal(el_task_init(&w->task, &w->network, NULL), ELECTRA_OK);
    w->plan.element_size = w->be->element_size;
    el_task_plan(&w->task, MOST_TOKENS, N_SEQUENCES, false, &w->plan);
    const size_t bytes = w->plan.arena.peak;
    w->plan.arena = (el_arena){.base = w->be->ops->alloc(w->be, bytes), .capacity = bytes};
}

static void drop(world *w)
{
    el_predictor_free(w->predictor);
    el_task_clear(&w->task);
    if (w->plan.arena.base) {
        w->be->ops->free(w->be, w->plan.arena.base);
    }
    w->be->ops->free(w->be, w->theta.data);
    el_params_clear(&w->params);
    el_backend_free(w->be);
}

/* Logits of the whole forward pass, of the predictor; each returns how many. */
static size_t by_task(world *w, const el_batch *b, float *out)
{
    const el_pass pass = {.layout = &b->layout, .ids = b->ids, .types = b->types};
    el_task_plan(&w->task, b->layout.n_tokens, b->layout.n_sequences, false, &w->plan);
    el_task_run(&w->task, w->theta, el_weights_of(w->be, &w->params, NULL), &pass, NULL, 1);
    const el_tensor logits = w->task.head.logits;
    w->be->ops->download_f32(w->be, out, logits.data, logits.rows * logits.cols);
    return logits.rows * logits.cols;
}

static size_t by_predictor(world *w, const el_batch *b, float *out)
{
    const el_tensor logits = el_head_reads_first(w->network.head_config.kind)
                                 ? el_predictor_classes(w->predictor, w->theta, &b->layout, b->ids, b->types)
                                 : el_predictor_tags(w->predictor, w->theta, &b->layout, b->ids, b->types);
    w->be->ops->download_f32(w->be, out, logits.data, logits.rows * logits.cols);
    return logits.rows * logits.cols;
}

static void assert_near(const float *got, const float *expected, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(expected[i]));
    }
    assert_true(largest > 0.01f);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabsf(got[i] - expected[i]) <= 1e-5f * largest);
    }
}

static void answers_are_those_of_the_whole_pass(void **state)
{
    (void)state;
    float expected[MOST_LOGITS], got[MOST_LOGITS];
    for (size_t i = 0; i < 2 * N_NETS; i++) {
        world w;
        make(&w, i % N_NETS, 1 + i / N_NETS);
        test_batch batch;
        test_batch_make(&batch, w.be, &TEXT, 0, N_SEQUENCES);
        const size_t n = by_task(&w, batch.batch, expected);
        const unsigned long before = test_allocations();
        assert_int_equal(by_predictor(&w, batch.batch, got), n);
        assert_int_equal(test_allocations(), before);
        assert_near(got, expected, n);
        test_batch_free(&batch);
        drop(&w);
    }
}

static void a_sequence_alone_gets_the_same_answer(void **state)
{
    (void)state;
    float expected[MOST_LOGITS], got[MOST_LOGITS];
    for (size_t i = 0; i < N_NETS; i++) {
        world w;
        make(&w, i, 2);
        test_batch batch;
        test_batch_make(&batch, w.be, &TEXT, 0, N_SEQUENCES);
        const size_t n = by_predictor(&w, batch.batch, expected);
        test_batch_free(&batch);
        size_t at = 0;
        for (size_t s = 0; s < N_SEQUENCES; s++) {
            test_batch_make(&batch, w.be, &TEXT, s, 1);
            at += by_predictor(&w, batch.batch, got + at);
            test_batch_free(&batch);
        }
        assert_int_equal(at, n);
        assert_near(got, expected, n);
        drop(&w);
    }
}

/* ---- the masked-LM head ------------------------------------------------------------------------------------------ */

static const float *numbers(const world *w, size_t row)
{
    return el_weights_at(w->theta, row).data; /* the CPU's memory is the host's */
}

/* u = norm(act(W x + b)) of one hidden state, in the plainest way. */
static void transform(const world *w, const float *x, bool relu, double *u)
{
    const size_t h = w->network.config.hidden_size, e = w->network.config.embedding_size, head = w->network.head;
    double mean = 0, variance = 0;
    for (size_t i = 0; i < e; i++) {
        double z = (double)numbers(w, head + EL_P_MLM_B)[i];
        for (size_t k = 0; k < h; k++) {
            z += (double)numbers(w, head + EL_P_MLM_W)[i * h + k] * (double)x[k];
        }
        u[i] = relu ? fmax(z, 0) : z * (1 + erf(z / sqrt(2))) / 2;
        mean += u[i] / (double)e;
    }
    for (size_t i = 0; i < e; i++) {
        variance += (u[i] - mean) * (u[i] - mean) / (double)e;
    }
    for (size_t i = 0; i < e; i++) {
        u[i] = (u[i] - mean) / sqrt(variance + 1e-12) * (double)numbers(w, head + EL_P_MLM_GAMMA)[i] +
               (double)numbers(w, head + EL_P_MLM_BETA)[i];
    }
}

/* The encoder's activation is relu: BERT's head has it too, ELECTRA's is gelu whatever the encoder's is. */
static void the_masked_lm_heads_of_both_families(void **state)
{
    (void)state;
    enum { T = LONGEST, E = 16 };
    for (int bert = 0; bert <= 1; bert++) {
        world w;
        test_batch batch;
        const el_head_config head = {.kind = EL_HEAD_MASKED_LM};
        make_network(&w, bert ? EL_FAMILY_BERT : EL_FAMILY_ELECTRA, &head, 2, EL_ACT_RELU);
        test_batch_make(&batch, w.be, &TEXT, 0, 1);
        const el_batch *b = batch.batch;
        const size_t n = b->layout.n_tokens, h = w.network.config.hidden_size, e = w.network.config.embedding_size;
        float hidden[T * E], expected[VOCABULARY];
        const el_tensor all = el_predictor_hidden(w.predictor, w.theta, &b->layout, b->ids, b->types);
        w.be->ops->download_f32(w.be, hidden, all.data, n * h);
        const uint32_t slots[2] = {(uint32_t)n - 1, 1};
        const el_tensor got = el_predictor_masked(w.predictor, w.theta, &b->layout, b->ids, b->types, slots, 2);
        for (size_t s = 0; s < 2; s++) {
            double u[E];
            transform(&w, hidden + slots[s] * h, bert, u);
            for (size_t v = 0; v < VOCABULARY; v++) {
                double z = (double)numbers(&w, w.network.head + EL_P_MLM_OUTPUT_B)[v];
                for (size_t i = 0; i < e; i++) {
                    z += u[i] * (double)numbers(&w, w.network.embeddings + EL_P_WORD)[v * e + i];
                }
                expected[v] = (float)z;
            }
            assert_near((const float *)got.data + s * VOCABULARY, expected, VOCABULARY);
        }
        test_batch_free(&batch);
        drop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_the_whole_pass),
        cmocka_unit_test(a_sequence_alone_gets_the_same_answer),
        cmocka_unit_test(the_masked_lm_heads_of_both_families),
    };
    return cmocka_run_group_tests_name("task heads", tests, NULL, NULL);
}
