/* Owns the blocks of a pre-training pair and what happens to them in a step; the network's arithmetic is the
 * objective's, the update's is the optimiser's. */
#include "train/step.h"

#include <assert.h>

#include "base/rng.h"
#include "base/status.h"
#include "model/limits.h"
#include "train/objective.h"

struct el_step {
    el_backend *be;
    el_step_settings settings;
    el_step_limits limits;
    el_params params;
    el_network generator, discriminator;
    el_learner learner;
    el_objective objective;
    el_plan plan;       /* over memory of the backend */
    uint32_t *host;     /* [max(T, M)] what comes back from the backend to be counted */
    uint32_t *host_two; /* [M] */
    uint64_t number;    /* of the step that was begun */
    el_losses losses;
    size_t n_replaced;
};

el_step_settings el_step_settings_default(void)
{
    return (el_step_settings){.generator_weight = 1.0,
                              .discriminator_weight = 50.0,
                              .temperature = 1.0,
                              .learner = {.clip_norm = 1.0, .optimizer = el_optimizer_settings_default()},
                              .seed = 42};
}

/* ---- making ---------------------------------------------------------------------------------------------------------
 */

static size_t plan_bytes(el_objective *objective, const el_step_limits *limits, size_t element_size)
{
    el_plan count = {.element_size = element_size};
    el_objective_plan(objective, limits->tokens, limits->slots, true, &count);
    size_t peak = count.arena.peak;
    el_plan evaluation = {.element_size = element_size};
    el_objective_plan(objective, limits->tokens, limits->slots, false, &evaluation);
    return evaluation.arena.peak > peak ? evaluation.arena.peak : peak;
}

electra_status el_step_memory_of(el_step_memory *out, const el_pretrain_config *config, const el_step_limits *limits,
                                 size_t element_size, electra_error *err)
{
    EL_TRY(el_pretrain_config_check(config, err));
    el_params params = {0};
    el_network generator, discriminator;
    el_objective objective = {0};
    electra_status status;
    EL_TRY_GOTO(el_params_build_pair(&params, &generator, &discriminator, config, err), done);
    EL_TRY_GOTO(el_objective_init(&objective, &generator, &discriminator, err), done);
    out->parameters = EL_N_BLOCKS * params.elements * element_size;
    out->activations = plan_bytes(&objective, limits, element_size);
done:
    el_objective_clear(&objective);
    el_params_clear(&params);
    return status;
}

static electra_status allocate_activations(el_step *s, electra_error *err)
{
    EL_TRY(el_objective_init(&s->objective, &s->generator, &s->discriminator, err));
    const size_t bytes = plan_bytes(&s->objective, &s->limits, s->be->element_size);
    s->plan.element_size = s->be->element_size;
    s->plan.arena.base = s->be->ops->alloc(s->be, bytes);
    const size_t most = s->limits.tokens > s->limits.slots ? s->limits.tokens : s->limits.slots;
    s->host = el_alloc(most, sizeof *s->host);
    s->host_two = el_alloc(s->limits.slots, sizeof *s->host_two);
    if (!s->plan.arena.base || !s->host || !s->host_two) {
        return el_fail_memory(err, "the activations of a step; a smaller micro-batch needs less", bytes);
    }
    s->plan.arena.capacity = bytes;
    return ELECTRA_OK;
}

static electra_status reserve_workspace(el_step *s, electra_error *err)
{
    const el_step_limits *l = &s->limits;
    const el_limits limits =
        el_limits_join(el_network_limits(&s->generator.config, l->tokens, l->sequences, l->longest, l->slots),
                       el_network_limits(&s->discriminator.config, l->tokens, l->sequences, l->longest, l->slots));
    return s->be->ops->reserve(s->be, &limits, err);
}

static electra_status check(const el_pretrain_config *config, const el_step_limits *l, electra_error *err)
{
    EL_TRY(el_pretrain_config_check(config, err));
    EL_TRY(el_limits_check(&config->generator, l->tokens, l->sequences, l->longest, err));
    return el_limits_check(&config->discriminator, l->tokens, l->sequences, l->longest, err);
}

electra_status el_step_create(el_step **out, el_backend *be, const el_pretrain_config *config,
                              const el_step_settings *settings, const el_step_limits *limits, electra_error *err)
{
    *out = NULL;
    EL_TRY(check(config, limits, err));
    el_step *s = el_alloc(1, sizeof *s);
    if (!s) {
        return el_fail_memory(err, "a training step", sizeof *s);
    }
    s->be = be;
    s->settings = *settings;
    s->limits = *limits;
    electra_status status;
    EL_TRY_GOTO(el_params_build_pair(&s->params, &s->generator, &s->discriminator, config, err), failed);
    EL_TRY_GOTO(el_learner_create(&s->learner, be, &s->params, config->discriminator.n_layers, &settings->learner, err),
                failed);
    EL_TRY_GOTO(allocate_activations(s, err), failed);
    EL_TRY_GOTO(reserve_workspace(s, err), failed);
    *out = s;
    return ELECTRA_OK;
failed:
    el_step_free(s);
    return status;
}

void el_step_free(el_step *s)
{
    if (!s) {
        return;
    }
    if (s->plan.arena.base) {
        s->be->ops->free(s->be, s->plan.arena.base);
    }
    el_learner_clear(&s->learner);
    el_objective_clear(&s->objective);
    el_params_clear(&s->params);
    el_free(s->host);
    el_free(s->host_two);
    el_free(s);
}

electra_status el_step_initialise(el_step *s, uint64_t seed, electra_error *err)
{
    return el_learner_initialise(&s->learner, seed, err);
}

/* ---- looking --------------------------------------------------------------------------------------------------------
 */

const el_params *el_step_params(const el_step *s)
{
    return &s->params;
}

const el_network *el_step_network(const el_step *s, el_owner role)
{
    return role == EL_OWNER_GENERATOR ? &s->generator : &s->discriminator;
}

el_backend *el_step_backend(const el_step *s)
{
    return s->be;
}

el_learner *el_step_learner(el_step *s)
{
    return &s->learner;
}

el_weights el_step_block(const el_step *s, el_block block)
{
    return el_learner_block(&s->learner, block);
}

/* ---- a step ---------------------------------------------------------------------------------------------------------
 */

void el_step_begin(el_step *s, uint64_t number, size_t n_tokens, size_t n_slots)
{
    s->number = number;
    s->n_replaced = 0;
    s->losses = (el_losses){.generator_weight = s->settings.generator_weight,
                            .discriminator_weight = s->settings.discriminator_weight,
                            .n_slots = n_slots,
                            .n_tokens = n_tokens};
    el_learner_begin(&s->learner);
}

static size_t count_replaced(el_step *s, size_t n_tokens)
{
    s->be->ops->download_bytes(s->be, s->host, s->objective.labels, n_tokens * sizeof *s->host);
    size_t n = 0;
    for (size_t t = 0; t < n_tokens; t++) {
        n += s->host[t];
    }
    return n;
}

static void check_batch(const el_step *s, const el_batch *batch)
{
    assert(batch->layout.n_tokens <= s->limits.tokens && batch->layout.n_sequences <= s->limits.sequences &&
           batch->layout.longest <= s->limits.longest && batch->n_slots <= s->limits.slots);
    (void)s;
    (void)batch;
}

void el_step_add_given(el_step *s, const el_batch *batch, const uint32_t *sampled)
{
    check_batch(s, batch);
    if (batch->layout.n_tokens == 0) {
        return;
    }
    el_objective_plan(&s->objective, batch->layout.n_tokens, batch->n_slots, true, &s->plan);
    const el_objective_pass pass = {
        .batch = batch,
        .theta = el_step_block(s, EL_BLOCK_THETA),
        .gradient = el_step_block(s, EL_BLOCK_GRADIENT),
        .train = true,
        .seed = s->settings.seed,
        .step = s->number,
        .sampling = {.temperature = s->settings.temperature,
                     .forbid_target = s->settings.forbid_target,
                     .key = el_rng_key(s->settings.seed, EL_RNG_SAMPLE, s->number, 0)},
        .average_samples = s->settings.average_samples,
        .given = sampled,
    };
    el_objective_run(&s->objective, &pass, &s->losses);
    s->n_replaced += count_replaced(s, batch->layout.n_tokens);
}

void el_step_add(el_step *s, const el_batch *batch)
{
    el_step_add_given(s, batch, NULL);
}

void el_step_finish(el_step *s, double rate, el_step_result *result)
{
    *result = (el_step_result){.generator_loss = el_losses_generator(&s->losses),
                               .discriminator_loss = el_losses_discriminator(&s->losses),
                               .loss = el_losses_total(&s->losses),
                               .n_tokens = s->losses.n_tokens,
                               .n_slots = s->losses.n_slots,
                               .n_replaced = s->n_replaced};
    result->applied = el_learner_finish(&s->learner, result->loss, rate, s->number + 1, &result->gradient_norm);
}

void el_step_run(el_step *s, uint64_t number, const el_batch *batches, size_t n, double rate, el_step_result *result)
{
    size_t n_tokens = 0, n_slots = 0;
    for (size_t i = 0; i < n; i++) {
        n_tokens += batches[i].layout.n_tokens;
        n_slots += batches[i].n_slots;
    }
    el_step_begin(s, number, n_tokens, n_slots);
    for (size_t i = 0; i < n; i++) {
        el_step_add(s, &batches[i]);
    }
    el_step_finish(s, rate, result);
}

/* ---- evaluation -----------------------------------------------------------------------------------------------------
 */

/* How many of two lists of the backend's memory agree. */
static size_t count_equal(el_step *s, const uint32_t *a, const uint32_t *b, size_t n)
{
    s->be->ops->download_bytes(s->be, s->host, a, n * sizeof *a);
    s->be->ops->download_bytes(s->be, s->host_two, b, n * sizeof *b);
    size_t equal = 0;
    for (size_t i = 0; i < n; i++) {
        equal += s->host[i] == s->host_two[i];
    }
    return equal;
}

void el_step_evaluate(el_step *s, const el_batch *batch, uint64_t key, el_evaluation *sums, float *logits,
                      uint32_t *labels)
{
    check_batch(s, batch);
    const size_t n_tokens = batch->layout.n_tokens;
    if (n_tokens == 0) {
        return;
    }
    el_objective_plan(&s->objective, n_tokens, batch->n_slots, false, &s->plan);
    const el_objective_pass pass = {
        .batch = batch,
        .theta = el_step_block(s, EL_BLOCK_THETA),
        .gradient = el_step_block(s, EL_BLOCK_GRADIENT),
        .sampling = {.temperature = s->settings.temperature, .forbid_target = s->settings.forbid_target, .key = key},
        .average_samples = s->settings.average_samples,
        .want_best = true,
    };
    el_losses losses = {0};
    el_objective_run(&s->objective, &pass, &losses);
    sums->n_slots += batch->n_slots;
    sums->n_best_right += count_equal(s, s->objective.best, batch->targets, batch->n_slots);
    sums->n_sampled_right += count_equal(s, s->objective.sampled, batch->targets, batch->n_slots);
    sums->slot_loss += losses.slot_sum;
    sums->n_tokens += n_tokens;
    sums->n_replaced += count_replaced(s, n_tokens);
    sums->token_loss += losses.token_sum;
    if (logits) {
        s->be->ops->download_f32(s->be, logits, s->objective.d.head.logits.data, n_tokens);
    }
    if (labels) {
        s->be->ops->download_bytes(s->be, labels, s->objective.labels, n_tokens * sizeof *labels);
    }
}
