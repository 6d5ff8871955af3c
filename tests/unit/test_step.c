/* The training step in float: first losses, the first update, micro-batches, threads, memory, numbers that are not
 * finite, evaluation; and forward passes alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/predict.h"
#include "support/alloc.h"
#include "support/batches.h"
#include "train/schedule.h"
#include "train/step.h"

enum { VOCABULARY = 300, LONGEST = 24, N_SEQUENCES = 8 };
static const test_text TEXT = {.vocabulary = VOCABULARY, .n_types = 2, .longest = LONGEST};

/* ---- a small pair and its batches
 * ------------------------------------------------------------------------------------ */

static el_pretrain_config small_pair(double dropout, double range)
{
    el_model_config d = {.vocab_size = VOCABULARY,
                         .embedding_size = 24,
                         .hidden_size = 32,
                         .n_layers = 2,
                         .n_heads = 2,
                         .intermediate_size = 64,
                         .activation = EL_ACT_GELU,
                         .hidden_dropout = dropout,
                         .attention_dropout = dropout,
                         .max_positions = LONGEST,
                         .n_types = 2,
                         .initializer_range = range,
                         .layer_norm_eps = 1e-12};
    el_pretrain_config pair;
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.5, 1.0, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_OK);
    return pair;
}

static const el_step_limits LIMITS = {
    .tokens = N_SEQUENCES * LONGEST, .sequences = N_SEQUENCES, .longest = LONGEST, .slots = N_SEQUENCES * LONGEST};

typedef struct rig {
    el_pool *pool;
    el_backend *be;
    el_step *step;
} rig;

static rig make_rig(int threads, double dropout, double range)
{
    rig r = {0};
    electra_error err = {0};
    if (threads) {
        assert_int_equal(el_pool_create(&r.pool, threads, &err), ELECTRA_OK);
    }
    assert_int_equal(el_backend_create_cpu(&r.be, r.pool, EL_CPU_BEST, &err), ELECTRA_OK);
    const el_pretrain_config pair = small_pair(dropout, range);
    const el_step_settings settings = el_step_settings_default();
    assert_int_equal(el_step_create(&r.step, r.be, &pair, &settings, &LIMITS, &err), ELECTRA_OK);
    assert_int_equal(el_step_initialise(r.step, 42, &err), ELECTRA_OK);
    return r;
}

static void drop_rig(rig *r)
{
    el_step_free(r->step);
    el_backend_free(r->be);
    el_pool_free(r->pool);
}

static float *block_of(const rig *r, el_block block)
{
    const el_weights w = el_step_block(r->step, block);
    float *copy = el_alloc(w.params->elements, sizeof *copy);
    r->be->ops->download_f32(r->be, copy, w.data, w.params->elements);
    return copy;
}

static bool same_bytes(const rig *r, const float *a, const float *b)
{
    return memcmp(a, b, el_step_params(r->step)->elements * sizeof *a) == 0;
}

/* ---- the step
 * -------------------------------------------------------------------------------------------------------- */

/* electra.md 13 */
static void first_losses_are_those_of_guessing(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.1, 0.02);
    test_batch batch;
    test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
    el_step_result result;
    el_step_run(r.step, 0, batch.batch, 1, 0.0, &result);
    assert_true(fabs(result.generator_loss - log(VOCABULARY)) < 0.05);
    assert_true(fabs(result.discriminator_loss - log(2)) < 0.1);
    assert_true(fabs(result.loss - result.generator_loss - 50 * result.discriminator_loss) < 1e-9);
    assert_int_equal(result.n_tokens, batch.batch->layout.n_tokens);
    assert_int_equal(result.n_slots, batch.batch->n_slots);
    assert_true(result.n_replaced > 0 && result.n_replaced <= result.n_slots);
    test_batch_free(&batch);
    drop_rig(&r);
}

static void first_update_moves_the_moments_alone(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.1, 0.02);
    test_batch batch;
    test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
    const el_schedule schedule = {.peak = 1e-3, .power = 1, .total = 100, .warmup = 10};
    float *before = block_of(&r, EL_BLOCK_THETA), *m_before = block_of(&r, EL_BLOCK_FIRST_MOMENT);
    float *v_before = block_of(&r, EL_BLOCK_SECOND_MOMENT);
    el_step_result result;
    for (uint64_t s = 0; s < 2; s++) {
        el_step_run(r.step, s, batch.batch, 1, el_schedule_rate(&schedule, s), &result);
        assert_true(result.applied);
        float *after = block_of(&r, EL_BLOCK_THETA), *m_after = block_of(&r, EL_BLOCK_FIRST_MOMENT);
        float *v_after = block_of(&r, EL_BLOCK_SECOND_MOMENT);
        assert_int_equal(same_bytes(&r, before, after), s == 0);
        assert_false(same_bytes(&r, m_before, m_after));
        assert_false(same_bytes(&r, v_before, v_after));
        el_free(after);
        el_free(m_after);
        el_free(v_after);
    }
    el_free(before);
    el_free(m_before);
    el_free(v_before);
    test_batch_free(&batch);
    drop_rig(&r);
}

static void training_lowers_both_losses(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.0, 0.08);
    test_batch batch;
    test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
    el_step_result first, last;
    for (uint64_t s = 0; s < 60; s++) {
        el_step_run(r.step, s, batch.batch, 1, 2e-3, s ? &last : &first);
    }
    assert_true(last.generator_loss < 0.7 * first.generator_loss);
    assert_true(last.discriminator_loss < 0.7 * first.discriminator_loss);
    test_batch_free(&batch);
    drop_rig(&r);
}

static void quarter_micro_batches_give_the_same_losses(void **state)
{
    (void)state;
    rig whole = make_rig(0, 0.1, 0.08), cut = make_rig(0, 0.1, 0.08);
    for (uint64_t s = 0; s < 5; s++) {
        test_batch all, parts[4];
        el_batch list[4];
        test_batch_make(&all, whole.be, &TEXT, s * N_SEQUENCES, N_SEQUENCES);
        for (size_t i = 0; i < 4; i++) {
            test_batch_make(&parts[i], cut.be, &TEXT, s * N_SEQUENCES + i * N_SEQUENCES / 4, N_SEQUENCES / 4);
            list[i] = *parts[i].batch;
        }
        el_step_result a, b;
        el_step_run(whole.step, s, all.batch, 1, 1e-4, &a);
        el_step_run(cut.step, s, list, 4, 1e-4, &b);
        assert_true(fabs(a.generator_loss - b.generator_loss) <= 1e-5 * a.generator_loss);
        assert_true(fabs(a.discriminator_loss - b.discriminator_loss) <= 1e-5 * a.discriminator_loss);
        assert_true(fabs(a.gradient_norm - b.gradient_norm) <= 1e-4 * a.gradient_norm);
        assert_int_equal(a.n_replaced, b.n_replaced); /* the same tokens were drawn */
        assert_int_equal(a.n_tokens, b.n_tokens);
        test_batch_free(&all);
        for (size_t i = 0; i < 4; i++) {
            test_batch_free(&parts[i]);
        }
    }
    drop_rig(&whole);
    drop_rig(&cut);
}

static void number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    float *expected = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        rig r = make_rig(threads, 0.1, 0.08);
        el_step_result result;
        for (uint64_t s = 0; s < 6; s++) {
            test_batch batch;
            test_batch_make(&batch, r.be, &TEXT, s * N_SEQUENCES, N_SEQUENCES);
            el_step_run(r.step, s, batch.batch, 1, 1e-3, &result);
            test_batch_free(&batch);
        }
        float *theta = block_of(&r, EL_BLOCK_THETA);
        if (expected) {
            assert_true(same_bytes(&r, theta, expected));
            el_free(theta);
        } else {
            expected = theta;
        }
        drop_rig(&r);
    }
    el_free(expected);
}

static void steps_and_evaluations_allocate_nothing(void **state)
{
    (void)state;
    rig r = make_rig(2, 0.1, 0.08);
    test_batch batch, shorter;
    test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
    test_batch_make(&shorter, r.be, &TEXT, 50, 3);
    float logits[N_SEQUENCES * LONGEST];
    uint32_t labels[N_SEQUENCES * LONGEST];
    el_evaluation sums = {0};
    el_step_result result;
    el_step_run(r.step, 0, batch.batch, 1, 1e-3, &result);
    const unsigned long before = test_allocations();
    for (uint64_t s = 1; s < 4; s++) {
        el_step_run(r.step, s, batch.batch, 1, 1e-3, &result);
        el_step_run(r.step, s, shorter.batch, 1, 1e-3, &result);
        el_step_evaluate(r.step, shorter.batch, 1, &sums, logits, labels);
    }
    assert_int_equal(test_allocations(), before);
    test_batch_free(&batch);
    test_batch_free(&shorter);
    drop_rig(&r);
}

static void what_is_not_finite_changes_nothing(void **state)
{
    (void)state;
    static const float BAD[] = {NAN, INFINITY, 3e38f};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        rig r = make_rig(0, 0.0, 0.08);
        test_batch batch;
        test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
        el_step_result result;
        el_step_run(r.step, 0, batch.batch, 1, 1e-3, &result);
        const el_network *d = el_step_network(r.step, EL_OWNER_DISCRIMINATOR);
        const el_tensor w = el_weights_at(el_step_block(r.step, EL_BLOCK_THETA), el_network_layer(d, 0, EL_P_UP_W));
        r.be->ops->upload_f32(r.be, w.data, &BAD[i], 1);
        float *theta = block_of(&r, EL_BLOCK_THETA), *m = block_of(&r, EL_BLOCK_FIRST_MOMENT);
        float *v = block_of(&r, EL_BLOCK_SECOND_MOMENT);
        el_step_run(r.step, 1, batch.batch, 1, 1e-3, &result);
        assert_false(result.applied);
        float *theta_after = block_of(&r, EL_BLOCK_THETA), *m_after = block_of(&r, EL_BLOCK_FIRST_MOMENT);
        float *v_after = block_of(&r, EL_BLOCK_SECOND_MOMENT);
        assert_true(same_bytes(&r, theta, theta_after));
        assert_true(same_bytes(&r, m, m_after));
        assert_true(same_bytes(&r, v, v_after));
        float *const all[] = {theta, m, v, theta_after, m_after, v_after};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
            el_free(all[k]);
        }
        test_batch_free(&batch);
        drop_rig(&r);
    }
}

/* A generator that has run away must not draw tokens that do not exist. */
static void broken_generator_stays_within_the_vocabulary(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.0, 0.08);
    test_batch batch;
    test_batch_make(&batch, r.be, &TEXT, 0, N_SEQUENCES);
    const el_network *g = el_step_network(r.step, EL_OWNER_GENERATOR);
    const el_tensor w = el_weights_at(el_step_block(r.step, EL_BLOCK_THETA), g->head + EL_P_MLM_GAMMA);
    const float bad = NAN;
    r.be->ops->upload_f32(r.be, w.data, &bad, 1);
    el_step_result result;
    el_step_run(r.step, 0, batch.batch, 1, 1e-3, &result);
    assert_false(result.applied);
    test_batch_free(&batch);
    drop_rig(&r);
}

static void batch_without_slots_trains_the_discriminator(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.0, 0.08);
    const uint32_t ids[] = {2, 9, 3};
    el_pack *pack;
    const el_pack_room room = {.tokens = 8, .sequences = 2, .slots = 0};
    assert_int_equal(el_pack_create(&pack, r.be, &room, NULL), ELECTRA_OK);
    assert_true(el_pack_add(pack, &(el_sequence){.ids = ids, .length = 3, .first_length = 3}));
    el_step_result result;
    el_step_run(r.step, 0, el_pack_finish(pack), 1, 1e-3, &result);
    assert_true(result.applied);
    assert_true(result.generator_loss == 0.0);
    assert_true(result.discriminator_loss > 0.0);
    assert_int_equal(result.n_replaced, 0);
    el_pack_free(pack);
    drop_rig(&r);
}

static void impossible_limits_are_refused(void **state)
{
    (void)state;
    el_backend *be;
    assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
    const el_pretrain_config pair = small_pair(0.1, 0.02);
    const el_step_settings settings = el_step_settings_default();
    el_step_limits limits = LIMITS;
    limits.longest = LONGEST + 1;
    electra_error err = {0};
    el_step *step;
    assert_int_equal(el_step_create(&step, be, &pair, &settings, &limits, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "the network has 24 positions"));
    limits = (el_step_limits){0};
    assert_int_equal(el_step_create(&step, be, &pair, &settings, &limits, &err), ELECTRA_MISUSE);
    assert_null(step);
    el_backend_free(be);
}

static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    const el_pretrain_config pair = small_pair(0.1, 0.02);
    const el_step_settings settings = el_step_settings_default();
    for (unsigned long n = 1;; n++) {
        el_backend *be;
        assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
        el_step *step;
        test_fail_allocation(n);
        electra_status status = el_step_create(&step, be, &pair, &settings, &LIMITS, NULL);
        if (status == ELECTRA_OK) {
            status = el_step_initialise(step, 1, NULL);
        }
        test_fail_allocation(0);
        el_step_free(step);
        el_backend_free(be);
        if (status == ELECTRA_OK) {
            assert_true(n > 8);
            return;
        }
        assert_int_equal(status, ELECTRA_NO_RESOURCE);
    }
}

/* ---- evaluation and forward passes
 * ----------------------------------------------------------------------------------- */

static void evaluation_agrees_with_itself(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.3, 0.08);
    test_batch whole, left, right;
    test_batch_make(&whole, r.be, &TEXT, 0, N_SEQUENCES);
    test_batch_make(&left, r.be, &TEXT, 0, N_SEQUENCES / 2);
    test_batch_make(&right, r.be, &TEXT, N_SEQUENCES / 2, N_SEQUENCES - N_SEQUENCES / 2);
    float logits[N_SEQUENCES * LONGEST];
    uint32_t labels[N_SEQUENCES * LONGEST];
    el_evaluation a = {0}, b = {0};
    const uint64_t key = el_rng_key(42, EL_RNG_HELDOUT, 0, 1);
    el_step_evaluate(r.step, left.batch, key, &b, NULL, NULL);
    el_step_evaluate(r.step, right.batch, key, &b, NULL, NULL);
    el_step_evaluate(r.step, whole.batch, key, &a, logits, labels);
    assert_int_equal(a.n_slots, b.n_slots);
    assert_int_equal(a.n_tokens, b.n_tokens);
    assert_int_equal(a.n_replaced, b.n_replaced);
    assert_int_equal(a.n_best_right, b.n_best_right);
    assert_int_equal(a.n_sampled_right, b.n_sampled_right);
    assert_true(a.n_replaced == a.n_slots - a.n_sampled_right); /* what is drawn right is no replacement */
    assert_true(fabs(a.slot_loss - b.slot_loss) < 1e-4 * a.slot_loss);
    double loss = 0; /* the logits and labels that came out give the loss that was reported */
    size_t replaced = 0;
    for (size_t t = 0; t < a.n_tokens; t++) {
        const double s = (double)logits[t];
        loss += fmax(s, 0) - s * labels[t] + log1p(exp(-fabs(s)));
        replaced += labels[t];
    }
    assert_true(fabs(loss - a.token_loss) < 1e-4 * loss);
    assert_int_equal(replaced, a.n_replaced);
    test_batch_free(&whole);
    test_batch_free(&left);
    test_batch_free(&right);
    drop_rig(&r);
}

static el_predictor *make_predictor(el_backend *be, const el_network *network)
{
    const el_predict_limits limits = {
        .tokens = LIMITS.tokens, .sequences = N_SEQUENCES, .longest = LONGEST, .slots = 4};
    el_predictor *p;
    electra_error err = {0};
    assert_int_equal(el_predictor_create(&p, be, network, &limits, &err), ELECTRA_OK);
    return p;
}

/* Each sequence alone gives what it gives in a batch: nothing leaks from one to the next. */
static void batch_gives_what_its_sequences_give(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.3, 0.08);
    const el_weights theta = el_step_block(r.step, EL_BLOCK_THETA);
    const el_network *d = el_step_network(r.step, EL_OWNER_DISCRIMINATOR);
    el_predictor *p = make_predictor(r.be, d);
    test_batch whole;
    test_batch_make(&whole, r.be, &TEXT, 0, N_SEQUENCES);
    const size_t n = whole.batch->layout.n_tokens, h = d->config.hidden_size;
    float *expected = el_alloc(n * h, sizeof *expected), *got = el_alloc(n * h, sizeof *got);
    float logits[N_SEQUENCES * LONGEST], logit[LONGEST];
    const el_batch *b = whole.batch;
    r.be->ops->download_f32(r.be, expected, el_predictor_hidden(p, theta, &b->layout, b->ids, b->types).data, n * h);
    r.be->ops->download_f32(r.be, logits, el_predictor_replaced(p, theta, &b->layout, b->ids, b->types).data, n);
    size_t at = 0;
    for (size_t i = 0; i < N_SEQUENCES; i++) {
        test_batch one;
        test_batch_make(&one, r.be, &TEXT, i, 1);
        const el_batch *o = one.batch;
        const size_t length = o->layout.n_tokens;
        r.be->ops->download_f32(r.be, got, el_predictor_hidden(p, theta, &o->layout, o->ids, o->types).data,
                                length * h);
        r.be->ops->download_f32(r.be, logit, el_predictor_replaced(p, theta, &o->layout, o->ids, o->types).data,
                                length);
        for (size_t k = 0; k < length * h; k++) {
            assert_true(fabsf(got[k] - expected[at * h + k]) < 1e-4f);
        }
        for (size_t k = 0; k < length; k++) {
            assert_true(fabsf(logit[k] - logits[at + k]) < 1e-4f);
        }
        at += length;
        test_batch_free(&one);
    }
    assert_int_equal(at, n);
    el_free(expected);
    el_free(got);
    test_batch_free(&whole);
    el_predictor_free(p);
    drop_rig(&r);
}

/* The head's logits of single slots give the losses that the step computes without ever storing them. */
static void masked_logits_give_the_losses(void **state)
{
    (void)state;
    rig r = make_rig(0, 0.0, 0.08);
    test_batch batch;
    test_batch_make(&batch, r.be, &TEXT, 0, 2);
    const el_batch *b = batch.batch;
    el_evaluation sums = {0};
    el_step_evaluate(r.step, b, 1, &sums, NULL, NULL);
    const el_network *g = el_step_network(r.step, EL_OWNER_GENERATOR);
    el_predictor *p = make_predictor(r.be, g);
    float logits[VOCABULARY];
    double loss = 0;
    for (size_t i = 0; i < b->n_slots; i++) {
        const el_tensor x = el_predictor_masked(p, el_step_block(r.step, EL_BLOCK_THETA), &b->layout, b->masked_ids,
                                                b->types, b->slots + i, 1);
        assert_true(el_tensor_is(x, 1, VOCABULARY));
        r.be->ops->download_f32(r.be, logits, x.data, VOCABULARY);
        uint32_t target;
        r.be->ops->download_bytes(r.be, &target, b->targets + i, sizeof target);
        double sum = 0;
        for (size_t v = 0; v < VOCABULARY; v++) {
            sum += exp((double)logits[v]);
        }
        loss += log(sum) - (double)logits[target];
    }
    assert_true(fabs(loss - sums.slot_loss) < 1e-4 * loss);
    el_predictor_free(p);
    test_batch_free(&batch);
    drop_rig(&r);
}

/* ---- schedule
 * -------------------------------------------------------------------------------------------------------- */

static void schedule_multiplies_warmup_and_decay(void **state)
{
    (void)state;
    const el_schedule s = {.peak = 5e-4, .power = 1, .total = 1000000, .warmup = 10000};
    assert_true(el_schedule_rate(&s, 0) == 0.0);
    assert_true(fabs(el_schedule_rate(&s, 10000) - 5e-4 * (1 - 0.01)) < 1e-18);
    assert_true(el_schedule_rate(&s, 1000000) == 0.0);
    assert_true(el_schedule_rate(&s, 2000000) == 0.0);
    const el_schedule none = {.peak = 1, .power = 1, .total = 10, .warmup = 0};
    assert_true(el_schedule_rate(&none, 0) == 1.0);
    const el_schedule short_one = {.peak = 1, .power = 1, .total = 15, .warmup = 1.5}; /* a tenth of 15 steps */
    assert_true(fabs(el_schedule_rate(&short_one, 1) - (1 - 1.0 / 15) / 1.5) < 1e-15);
    assert_true(el_schedule_rate(&short_one, 2) == 1 - 2.0 / 15);
    assert_true(fabs(el_schedule_rate_elapsed(&s, 5000, 0.25) - 5e-4 * 0.75 * 0.5) < 1e-18);
    assert_true(el_schedule_rate_elapsed(&s, 20000, 1.0) == 0.0);
    assert_true(el_schedule_rate_elapsed(&s, 20000, 1.5) == 0.0);
}

/* electra.md 6.4 */
static void layer_multipliers_are_corrected_unless_asked(void **state)
{
    (void)state;
    assert_true(fabs(el_layer_multiplier(12, 12, 0.8, false) - 0.8) < 1e-15);
    assert_true(fabs(el_layer_multiplier(12, 12, 0.8, true) - 0.64) < 1e-15);
    assert_true(fabs(el_layer_multiplier(0, 12, 0.8, true) - 0.0440) < 5e-5);
    assert_true(fabs(el_layer_multiplier(1, 24, 0.9, true) - 0.0718) < 5e-5);
    assert_true(el_layer_multiplier(13, 12, 0.8, true) == 1.0);
    assert_true(el_layer_multiplier(13, 12, 0.8, false) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_losses_are_those_of_guessing),
        cmocka_unit_test(first_update_moves_the_moments_alone),
        cmocka_unit_test(training_lowers_both_losses),
        cmocka_unit_test(quarter_micro_batches_give_the_same_losses),
        cmocka_unit_test(number_of_threads_changes_no_bit),
        cmocka_unit_test(steps_and_evaluations_allocate_nothing),
        cmocka_unit_test(what_is_not_finite_changes_nothing),
        cmocka_unit_test(broken_generator_stays_within_the_vocabulary),
        cmocka_unit_test(batch_without_slots_trains_the_discriminator),
        cmocka_unit_test(impossible_limits_are_refused),
        cmocka_unit_test(each_failed_allocation_is_reported),
        cmocka_unit_test(evaluation_agrees_with_itself),
        cmocka_unit_test(batch_gives_what_its_sequences_give),
        cmocka_unit_test(masked_logits_give_the_losses),
        cmocka_unit_test(schedule_multiplies_warmup_and_decay),
        cmocka_unit_test(layer_multipliers_are_corrected_unless_asked),
    };
    return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
