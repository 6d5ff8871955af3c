/* Weights that are packed while others answer: the same bits before and after, however many threads ask, and where
 * memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "interop/model.h"
#include "interop/model_dir.h"
#include "model/predict.h"
#include "support/alloc.h"
#include "support/folder.h"
#include "support/ops.h"

enum { V = 90, E = 24, H = 40, F = 72, POSITIONS = 32, LENGTH = 30, TOKENS = 2 * LENGTH - 7, ASKED = 20 };

/* Wide initial weights, so that answers differ from one another. */
static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = E,
                                       .hidden_size = H,
                                       .n_layers = 2,
                                       .n_heads = 4,
                                       .intermediate_size = F,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = POSITIONS,
                                       .n_types = 2,
                                       .initializer_range = 0.15,
                                       .layer_norm_eps = 1e-12};

static void ok(electra_status status, const electra_error *err)
{
    if (status != ELECTRA_OK) {
        fail_msg("%s: %s", err->where, err->message);
    }
}

/* ---- a model and one who asks it --------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    electra_error err;
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    const el_head_config head = {.kind = EL_HEAD_TAGGER, .n_labels = 17};
    (void)test_folder_setup(state);
    ok(el_backend_create_cpu(&be, NULL, EL_CPU_REF, &err), &err);
    ok(el_params_build_single(&params, &network, &CONFIG, &head, &err), &err);
    const el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    ok(el_params_initialise(&params, be, w.data, 11, &err), &err);
    ok(el_model_dir_write(test_path(*state, "model"), &network, NULL, w, NULL, &err), &err);
    be->ops->free(be, w.data);
    el_params_clear(&params);
    el_backend_free(be);
    return 0;
}

static electra_model *load(const char *top)
{
    electra_error err;
    electra_model *model;
    ok(electra_model_load(&model, test_path(top, "model"), NULL, &err), &err);
    return model;
}

typedef struct asker {
    const electra_model *model;
    el_pool *pool;
    el_backend *be;
    el_predictor *predictor;
    el_layout layout;
    uint32_t ids[2 * LENGTH], types[2 * LENGTH];
    size_t n_values;
    float *values; /* [ASKED][n_values] */
} asker;

static void make_asker(asker *a, const electra_model *model, int threads)
{
    electra_error err;
    *a = (asker){.model = model};
    ok(el_pool_create(&a->pool, threads, &err), &err);
    ok(el_backend_create_cpu(&a->be, a->pool, EL_CPU_BEST, &err), &err);
    const el_predict_limits limits = {.tokens = 2 * LENGTH, .sequences = 2, .longest = LENGTH, .slots = 1};
    ok(el_predictor_create(&a->predictor, a->be, el_model_network(model), &limits, &err), &err);
    a->layout = test_layout((size_t[]){LENGTH, LENGTH - 7}, 2);
    assert_int_equal(a->layout.n_tokens, TOKENS);
    for (size_t t = 0; t < TOKENS; t++) {
        a->ids[t] = (uint32_t)(t * 37 % V);
        a->types[t] = t % 3 == 2;
    }
    a->n_values = TOKENS * el_head_outputs(&el_model_network(model)->head_config);
    a->values = calloc(ASKED * a->n_values, sizeof *a->values);
    assert_non_null(a->values);
}

static void free_asker(asker *a)
{
    test_layout_free(&a->layout);
    el_predictor_free(a->predictor);
    el_backend_free(a->be);
    el_pool_free(a->pool);
    free(a->values);
}

/* Ask for the i-th time; the format of a matrix that it was asked with. */
static el_format ask(asker *a, size_t i)
{
    const el_weights theta = el_model_weights(a->model, a->be);
    const el_tensor y = el_predictor_tags(a->predictor, theta, &a->layout, a->ids, a->types);
    a->be->ops->download_f32(a->be, a->values + i * a->n_values, y.data, a->n_values);
    return theta.tensors[el_network_layer(el_model_network(a->model), 0, EL_P_QUERY_W)].format;
}

static void *ask_all(void *argument)
{
    for (size_t i = 0; i < ASKED; i++) {
        (void)ask(argument, i);
    }
    return NULL;
}

static void check_same(const asker *a, const float *expected)
{
    for (size_t i = 0; i < ASKED; i++) {
        assert_memory_equal(a->values + i * a->n_values, expected, a->n_values * sizeof *expected);
    }
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

/* The first answers come from the file as it is, later ones from packed weights, which are made once. */
static void answers_stay_the_same(void **state)
{
    for (int threads = 1; threads <= 2; threads++) {
        electra_model *model = load(*state);
        asker a;
        make_asker(&a, model, threads);
        assert_int_equal(ask(&a, 0), EL_FORMAT_PARTS);
        size_t calls_that_took_memory = 0;
        el_format format = EL_FORMAT_PARTS;
        for (size_t i = 1; i < ASKED; i++) {
            const unsigned long before = test_allocations();
            format = ask(&a, i);
            calls_that_took_memory += test_allocations() != before;
        }
        assert_int_equal(format, EL_FORMAT_PACKED);
        assert_int_equal(calls_that_took_memory, 1);
        check_same(&a, a.values);
        free_asker(&a);
        electra_model_free(model);
    }
}

static void settled_weights_are_packed(void **state)
{
    electra_model *model = load(*state);
    asker a;
    make_asker(&a, model, 1);
    el_model_settle(model, a.be);
    const unsigned long before = test_allocations();
    el_model_settle(model, a.be);
    assert_int_equal(ask(&a, 0), EL_FORMAT_PACKED);
    ask_all(&a);
    assert_int_equal(test_allocations(), before);
    check_same(&a, a.values);
    free_asker(&a);
    electra_model_free(model);
}

/* Whoever comes too late to pack goes on with what there is. */
static void threads_may_race(void **state)
{
    enum { THREADS = 4, ROUNDS = 5 };
    for (size_t round = 0; round < ROUNDS; round++) {
        electra_model *model = load(*state);
        asker askers[THREADS];
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            make_asker(&askers[i], model, 1 + (int)(i % 2));
        }
        for (size_t i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, ask_all, &askers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
        assert_int_equal(ask(&askers[0], 0), EL_FORMAT_PACKED);
        for (size_t i = 0; i < THREADS; i++) {
            check_same(&askers[i], askers[0].values);
        }
        for (size_t i = 0; i < THREADS; i++) {
            free_asker(&askers[i]);
        }
        electra_model_free(model);
    }
}

/* Without memory to pack, the weights stay as they are, and so do the answers. */
static void packing_may_fail(void **state)
{
    size_t failures = 0;
    for (unsigned long n = 1;; n++) {
        electra_model *model = load(*state);
        asker a;
        make_asker(&a, model, 1);
        (void)ask(&a, 0);
        const unsigned long before = test_allocations();
        test_fail_allocation(n);
        el_format format = EL_FORMAT_PARTS;
        for (size_t i = 1; i < ASKED; i++) {
            format = ask(&a, i);
        }
        const bool beyond = test_allocations() - before < n;
        test_fail_allocation(0);
        check_same(&a, a.values);
        assert_int_equal(format, beyond ? EL_FORMAT_PACKED : EL_FORMAT_PARTS);
        free_asker(&a);
        electra_model_free(model);
        if (beyond) {
            break;
        }
        failures++;
    }
    assert_int_equal(failures, 4); /* the table, the matrices, the list of pieces and their room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_stay_the_same),
        cmocka_unit_test(settled_weights_are_packed),
        cmocka_unit_test(threads_may_race),
        cmocka_unit_test(packing_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, test_folder_teardown);
}
