/* The whole step against central differences in double: the gradient of the total loss by every single parameter, for
 * each way of sharing, with and without projections, with dropout on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "support/batches.h"
#include "train/step.h"

typedef struct net {
    const char *what;
    el_sharing sharing;
    size_t embedding, hidden, heads, ffn;         /* of the discriminator */
    size_t g_hidden, g_heads, g_ffn, g_embedding; /* of the generator */
    double dropout;
    el_activation activation;
    size_t stride; /* check every n-th coordinate of each tensor */
} net;

static const net NETS[] = {
    {"shared tables, both project", EL_SHARE_EMBEDDINGS, 6, 8, 2, 12, 4, 1, 10, 6, 0.25, EL_ACT_GELU, 1},
    {"shared tables, no projection", EL_SHARE_EMBEDDINGS, 6, 6, 3, 8, 6, 1, 9, 6, 0.25, EL_ACT_GELU, 5},
    {"shared tables, no dropout", EL_SHARE_EMBEDDINGS, 6, 8, 2, 12, 4, 1, 10, 6, 0.0, EL_ACT_GELU, 5},
    {"nothing shared", EL_SHARE_NONE, 6, 8, 2, 12, 4, 2, 10, 4, 0.25, EL_ACT_GELU, 1},
    {"one encoder", EL_SHARE_ALL, 6, 8, 2, 12, 8, 2, 12, 6, 0.25, EL_ACT_GELU, 1},
    {"another activation", EL_SHARE_EMBEDDINGS, 6, 8, 2, 12, 4, 1, 10, 6, 0.25, EL_ACT_SILU, 5},
};
enum { N_NETS = sizeof NETS / sizeof NETS[0], VOCABULARY = 11, LONGEST = 7, N_SEQUENCES = 3 };

static const test_text TEXT = {.vocabulary = VOCABULARY, .n_types = 2, .longest = LONGEST};

static el_model_config config_of(const net *n, size_t embedding, size_t hidden, size_t heads, size_t ffn)
{
    return (el_model_config){.vocab_size = VOCABULARY,
                             .embedding_size = embedding,
                             .hidden_size = hidden,
                             .n_layers = 2,
                             .n_heads = heads,
                             .intermediate_size = ffn,
                             .activation = n->activation,
                             .hidden_dropout = n->dropout,
                             .attention_dropout = n->dropout,
                             .max_positions = LONGEST + 2,
                             .n_types = 2,
                             .initializer_range = 0.02,
                             .layer_norm_eps = 1e-12};
}

static el_pretrain_config pair_of(const net *n)
{
    return (el_pretrain_config){
        .discriminator = config_of(n, n->embedding, n->hidden, n->heads, n->ffn),
        .generator = config_of(n, n->g_embedding, n->g_hidden, n->g_heads, n->g_ffn),
        .sharing = n->sharing,
    };
}

static el_step *make_step(el_backend *be, const net *n, double generator_weight, double discriminator_weight)
{
    const el_pretrain_config pair = pair_of(n);
    el_step_settings settings = el_step_settings_default();
    settings.generator_weight = generator_weight;
    settings.discriminator_weight = discriminator_weight;
    const el_step_limits limits = {
        .tokens = N_SEQUENCES * LONGEST, .sequences = N_SEQUENCES, .longest = LONGEST, .slots = N_SEQUENCES * 2};
    electra_error err = {0};
    el_step *step;
    const electra_status status = el_step_create(&step, be, &pair, &settings, &limits, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, ELECTRA_OK);
    return step;
}

/* Values large enough that every part of the network bends: within 0.5 of 0, of 1 for the gains of norms. */
static void fill(el_step *step)
{
    const el_weights theta = el_step_block(step, EL_BLOCK_THETA);
    double values[256];
    for (size_t i = 0; i < theta.params->count; i++) {
        const el_param *p = &theta.params->list[i];
        const size_t n = p->rows * p->cols;
        assert_true(n <= sizeof values / sizeof values[0]);
        for (size_t j = 0; j < n; j++) {
            const double u = el_rng_uniform(el_rng_row(el_rng_key(3, EL_RNG_INIT, i, 0), j, 0)) - 0.5;
            values[j] = p->init == EL_INIT_ONE ? 1.0 + u : u;
        }
        theta.be->ops->upload_f64(theta.be, el_weights_at(theta, i).data, values, n);
    }
}

/* One step with rate 0: parameters stay, the gradient block is filled. */
static double run(el_step *step, const test_batch *batches, size_t n)
{
    size_t n_tokens = 0, n_slots = 0;
    for (size_t i = 0; i < n; i++) {
        n_tokens += batches[i].batch->layout.n_tokens;
        n_slots += batches[i].batch->n_slots;
    }
    el_step_begin(step, 5, n_tokens, n_slots);
    for (size_t i = 0; i < n; i++) {
        el_step_add_given(step, batches[i].batch, batches[i].sampled);
    }
    el_step_result result;
    el_step_finish(step, 0.0, &result);
    assert_true(result.applied);
    return result.loss;
}

static double *gradient_of(el_step *step)
{
    const el_weights g = el_step_block(step, EL_BLOCK_GRADIENT);
    double *copy = el_alloc(g.params->elements, sizeof *copy);
    g.be->ops->download_f64(g.be, copy, g.data, g.params->elements);
    return copy;
}

static double loss_with(el_step *step, const test_batch *batch, double *at, double value)
{
    *at = value; /* part of theta */
    return run(step, batch, 1);
}

/* Every coordinate of every tensor, or every n-th where the net differs little from another. */
static void check_gradients(const net *n)
{
    el_backend *be;
    assert_int_equal(el_backend_create_f64(&be, NULL, NULL), ELECTRA_OK);
    el_step *step = make_step(be, n, 1.0, 50.0);
    fill(step);
    test_batch batch;
    test_batch_make(&batch, be, &TEXT, 0, N_SEQUENCES);
    run(step, &batch, 1);
    double *gradient = gradient_of(step);
    const el_params *params = el_step_params(step);
    double *theta = el_step_block(step, EL_BLOCK_THETA).data; /* the double backend's memory is the host's */
    const double h = 1e-5;
    size_t n_moved = 0, n_checked = 0;
    for (size_t i = 0; i < params->count; i++) {
        const el_param *p = &params->list[i];
        for (size_t j = 0; j < p->rows * p->cols; j += n->stride) {
            double *at = theta + p->offset + j;
            const double start = *at;
            const double up = loss_with(step, &batch, at, start + h), down = loss_with(step, &batch, at, start - h);
            *at = start;
            const double expected = (up - down) / (2 * h), got = gradient[p->offset + j];
            if (!(fabs(got - expected) <= 1e-6 * fmax(1.0, fabs(expected)))) {
                fail_msg("%s: %s[%zu]: gradient %.12g, central difference %.12g", n->what, p->name, j, got, expected);
            }
            n_moved += fabs(expected) > 1e-4;
            n_checked++;
        }
    }
    assert_true(n_moved > n_checked / 2); /* the check is no comparison of zeros */
    el_free(gradient);
    test_batch_free(&batch);
    el_step_free(step);
    el_backend_free(be);
}

static void gradients_are_those_of_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NETS; i++) {
        check_gradients(&NETS[i]);
    }
}

/* electra.md 13: the shared tables' gradient is the sum of what the two losses give. */
static void shared_gradients_are_sums_of_both_losses(void **state)
{
    (void)state;
    static const double WEIGHTS[3][2] = {{1, 50}, {1, 0}, {0, 50}};
    el_backend *be;
    assert_int_equal(el_backend_create_f64(&be, NULL, NULL), ELECTRA_OK);
    test_batch batch;
    test_batch_make(&batch, be, &TEXT, 0, N_SEQUENCES);
    double *gradients[3];
    size_t n = 0, word = 0, size = 0;
    for (int i = 0; i < 3; i++) {
        el_step *step = make_step(be, &NETS[0], WEIGHTS[i][0], WEIGHTS[i][1]);
        fill(step);
        run(step, &batch, 1);
        gradients[i] = gradient_of(step);
        const el_param *p = &el_step_params(step)->list[el_step_network(step, EL_OWNER_GENERATOR)->embeddings];
        word = p->offset;
        size = p->rows * p->cols;
        n = el_step_params(step)->elements;
        el_step_free(step);
    }
    double from_generator = 0, from_discriminator = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(gradients[0][i] - gradients[1][i] - gradients[2][i]) < 1e-12);
    }
    for (size_t i = word; i < word + size; i++) {
        from_generator += fabs(gradients[1][i]);
        from_discriminator += fabs(gradients[2][i]);
    }
    assert_true(from_generator > 0.1 && from_discriminator > 0.1);
    for (int i = 0; i < 3; i++) {
        el_free(gradients[i]);
    }
    test_batch_free(&batch);
    el_backend_free(be);
}

static void micro_batches_add_up_to_the_batch(void **state)
{
    (void)state;
    el_backend *be;
    assert_int_equal(el_backend_create_f64(&be, NULL, NULL), ELECTRA_OK);
    for (size_t k = 0; k < N_NETS; k++) {
        el_step *step = make_step(be, &NETS[k], 1.0, 50.0);
        fill(step);
        test_batch whole, parts[N_SEQUENCES];
        test_batch_make(&whole, be, &TEXT, 0, N_SEQUENCES);
        for (size_t i = 0; i < N_SEQUENCES; i++) {
            test_batch_make(&parts[i], be, &TEXT, i, 1);
        }
        const double loss = run(step, &whole, 1);
        double *gradient = gradient_of(step);
        assert_true(fabs(run(step, parts, N_SEQUENCES) - loss) < 1e-12 * loss);
        double *summed = gradient_of(step);
        for (size_t i = 0; i < el_step_params(step)->elements; i++) {
            assert_true(fabs(summed[i] - gradient[i]) < 1e-11 * fmax(1.0, fabs(gradient[i])));
        }
        el_free(gradient);
        el_free(summed);
        test_batch_free(&whole);
        for (size_t i = 0; i < N_SEQUENCES; i++) {
            test_batch_free(&parts[i]);
        }
        el_step_free(step);
    }
    el_backend_free(be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_central_differences),
        cmocka_unit_test(shared_gradients_are_sums_of_both_losses),
        cmocka_unit_test(micro_batches_add_up_to_the_batch),
    };
    return cmocka_run_group_tests_name("step gradients", tests, NULL, NULL);
}
