/* Owns the measuring of training steps: a pair of a preset's size learns random tokens. */
#include <electra/bench.h>
#include <stdlib.h>
#include <string.h>

#include "backend/profile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/rng.h"
#include "base/status.h"
#include "train/step.h"

enum { PROFILED_STEPS = 3, LEAST_STEPS = 5, FIRST_ORDINARY_ID = 1000, MASK_ID = 103 };
static const double PEAK_SECONDS = 0.1; /* of each measurement of the peak */

electra_bench_pretrain_options electra_bench_pretrain_options_default(void)
{
    return (electra_bench_pretrain_options){.struct_size = sizeof(electra_bench_pretrain_options),
                                            .size = ELECTRA_SIZE_SMALL,
                                            .batch = 32,
                                            .max_length = 128,
                                            .vocabulary = 30522,
                                            .seconds = 20,
                                            .mask_prob = -1};
}

/* ---- a batch of random tokens ------------------------------------------------------------------------------------ */

/* Arrays of all micro-batches, of the host; the CPU's backends read them where they are. */
typedef struct batches {
    el_batch *list;
    size_t n;
    uint32_t *memory; /* all their arrays */
    size_t tokens, slots;
} batches;

/* One micro-batch, its arrays cut from `at`, of sequences numbered from `first` on. Returns what lies behind. */
static uint32_t *make_batch(el_batch *out, uint32_t *at, size_t first, size_t sequences, size_t length, size_t masked,
                            size_t vocabulary)
{
    const size_t tokens = sequences * length, slots = sequences * masked;
    uint32_t *starts = at, *sequence = starts + sequences + 1, *position = sequence + tokens;
    uint32_t *ids = position + tokens, *types = ids + tokens, *masked_ids = types + tokens;
    uint32_t *slot = masked_ids + tokens, *targets = slot + slots;
    el_rng_stream stream = {.key = el_rng_key(0, EL_RNG_INIT, first, 0)};
    for (size_t t = 0; t < tokens; t++) {
        starts[t / length] = (uint32_t)(t / length * length);
        sequence[t] = (uint32_t)(first + t / length);
        position[t] = (uint32_t)(t % length);
        ids[t] = masked_ids[t] = FIRST_ORDINARY_ID + (uint32_t)el_rng_below(&stream, vocabulary - FIRST_ORDINARY_ID);
        types[t] = 0;
    }
    starts[sequences] = (uint32_t)tokens;
    for (size_t i = 0; i < slots; i++) { /* spread evenly over the sequence */
        slot[i] = (uint32_t)(i / masked * length + i % masked * length / masked);
        targets[i] = ids[slot[i]];
        masked_ids[slot[i]] = MASK_ID;
    }
    *out = (el_batch){.layout = {tokens, sequences, length, starts, sequence, position},
                      .ids = ids,
                      .types = types,
                      .masked_ids = masked_ids,
                      .n_slots = slots,
                      .slots = slot,
                      .targets = targets};
    return targets + slots;
}

static void free_batches(batches *b)
{
    el_free(b->list);
    el_free(b->memory);
}

static electra_status make_batches(batches *b, size_t batch, size_t micro, size_t length, size_t masked,
                                   size_t vocabulary, electra_error *err)
{
    b->n = (batch + micro - 1) / micro;
    b->tokens = batch * length;
    b->slots = batch * masked;
    const size_t words = b->n + batch + 5 * b->tokens + 2 * b->slots;
    b->list = el_alloc(b->n, sizeof *b->list);
    b->memory = el_alloc(words, sizeof *b->memory);
    if (!b->list || !b->memory) {
        return el_fail_memory(err, "a batch of random tokens", words * sizeof *b->memory);
    }
    uint32_t *at = b->memory;
    for (size_t i = 0; i < b->n; i++) {
        const size_t first = i * micro, here = batch - first < micro ? batch - first : micro;
        at = make_batch(&b->list[i], at, first, here, length, masked, vocabulary);
    }
    return ELECTRA_OK;
}

/* ---- a bench ----------------------------------------------------------------------------------------------------- */

typedef struct bench {
    el_pool *pool;
    el_backend *be, *profile; /* profile wraps be */
    el_step *step;
    batches data;
    double rate;
    uint64_t number; /* of the next step */
} bench;

static void clear(bench *b)
{
    el_step_free(b->step);
    el_backend_free(b->profile);
    el_backend_free(b->be);
    el_pool_free(b->pool);
    free_batches(&b->data);
}

static electra_status check(const electra_bench_pretrain_options *o, electra_error *err)
{
    if (o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "struct_size", "the options are not those of this library's version");
    }
    if (o->size < ELECTRA_SIZE_TINY || o->size > ELECTRA_SIZE_LARGE) {
        return el_fail(err, ELECTRA_MISUSE, "size", "there is no size number %d", o->size);
    }
    if (o->batch < 1 || o->batch > 1 << 20 || o->micro_batch < 0 || o->steps < 0 || o->steps > 1 << 20) {
        return el_fail(err, ELECTRA_MISUSE, "batch", "a step has 1 to %d sequences, and 0 to %d steps are measured",
                       1 << 20, 1 << 20);
    }
    if (o->vocabulary <= FIRST_ORDINARY_ID || o->vocabulary > INT32_MAX) {
        return el_fail(err, ELECTRA_MISUSE, "vocabulary", "expected more than %d tokens, found %ld", FIRST_ORDINARY_ID,
                       o->vocabulary);
    }
    if (o->max_length < 1 || o->max_length > 1 << 20 || o->mask_prob > 1) {
        return el_fail(err, ELECTRA_MISUSE, "max-length",
                       "a sequence has 1 to %d tokens, and at most all of them are masked", 1 << 20);
    }
    return ELECTRA_OK;
}

static electra_status create(bench *b, const electra_bench_pretrain_options *o, size_t micro, electra_error *err)
{
    const el_preset *preset = &el_presets()[o->size];
    const size_t length = (size_t)o->max_length;
    const double share = o->mask_prob >= 0 ? o->mask_prob : preset->mask_prob;
    const size_t masked = (size_t)((double)length * share + 0.5);
    el_model_config model = preset->model;
    model.vocab_size = (size_t)o->vocabulary;
    el_pretrain_config pair;
    EL_TRY(el_pretrain_config_derive(&pair, &model, preset->generator_size, 1.0, EL_SHARE_EMBEDDINGS, err));
    EL_TRY(make_batches(&b->data, (size_t)o->batch, micro, length, masked, model.vocab_size, err));
    EL_TRY(el_pool_create(&b->pool, o->runtime.threads, err));
    EL_TRY(el_backend_create_cpu(&b->be, b->pool, EL_CPU_BEST, err));
    EL_TRY(el_profile_create(&b->profile, b->be, err));
    el_step_settings settings = el_step_settings_default();
    settings.discriminator_weight = preset->discriminator_weight;
    const el_step_limits limits = {
        .tokens = micro * length, .sequences = micro, .longest = length, .slots = micro * (masked ? masked : 1)};
    EL_TRY(el_step_create(&b->step, b->profile, &pair, &settings, &limits, err));
    b->rate = preset->learning_rate;
    return el_step_initialise(b->step, settings.seed, err);
}

static double run_step(bench *b)
{
    el_step_result result;
    const double start = el_now();
    el_step_run(b->step, b->number++, b->data.list, b->data.n, b->rate, &result);
    return el_now() - start;
}

/* What is measured in each step, with a measurement of the peak on either side. */
typedef struct samples {
    double *seconds, *peak, *share; /* [capacity] */
    size_t n, capacity;
} samples;

static electra_status measure(bench *b, const electra_bench_pretrain_options *o, double flops, samples *s,
                              electra_error *err)
{
    const double start = el_now();
    double before = b->be->ops->peak(b->be, PEAK_SECONDS);
    while (s->n < s->capacity && (o->steps || s->n < LEAST_STEPS || el_now() - start < o->seconds)) {
        const electra_progress progress = {.stage = "measuring",
                                           .unit = "steps",
                                           .done = (double)s->n,
                                           .total = (double)o->steps,
                                           .seconds = el_now() - start};
        if (el_progress(&o->runtime, &progress)) {
            return el_fail(err, ELECTRA_INTERRUPTED, "", "stopped after %zu steps", s->n);
        }
        const double seconds = run_step(b);
        const double after = b->be->ops->peak(b->be, PEAK_SECONDS);
        s->seconds[s->n] = seconds;
        s->peak[s->n] = (before + after) / 2;
        s->share[s->n++] = flops * 1e-9 / seconds / ((before + after) / 2);
        before = after;
    }
    return ELECTRA_OK;
}

/* A few steps more, for the time of each operator; needed work is counted on the way. */
static double profile_steps(bench *b, electra_bench_pretrain_result *r, size_t steps, bool keep)
{
    el_profile_reset(b->profile);
    for (size_t i = 0; i < steps; i++) {
        (void)run_step(b);
    }
    if (keep) {
        r->n_operators = el_profile_operators(b->profile, (double)steps, r->operators, ELECTRA_BENCH_MOST_OPERATORS);
    }
    return el_profile_total(b->profile).flops / (double)steps;
}

static void summarise(const bench *b, samples *s, double flops, electra_bench_pretrain_result *r)
{
    r->level = b->be->name;
    r->threads = el_pool_threads(b->pool);
    r->steps = s->n;
    r->gflop_per_step = flops * 1e-9;
    r->share_of_peak = el_quantile(s->share, s->n, 0.5);
    r->peak_gflops = el_quantile(s->peak, s->n, 0.5);
    const double median = el_quantile(s->seconds, s->n, 0.5);
    r->p50_ms = median * 1e3;
    r->p99_ms = el_quantile(s->seconds, s->n, 0.99) * 1e3;
    r->tokens_per_second = (double)b->data.tokens / median;
    r->gflops = flops * 1e-9 / median;
}

electra_status electra_bench_pretrain(const electra_bench_pretrain_options *options,
                                      electra_bench_pretrain_result *result, electra_error *err)
{
    EL_TRY(check(options, err));
    bench b = {0};
    samples s = {.capacity = options->steps ? (size_t)options->steps : 4096};
    electra_bench_pretrain_result r = {0};
    electra_status status;
    r.micro_batch = (size_t)(options->micro_batch ? options->micro_batch : options->batch);
    s.seconds = el_alloc(3 * s.capacity, sizeof *s.seconds);
    if (!s.seconds) {
        return el_fail_memory(err, "measurements", 3 * s.capacity * sizeof *s.seconds);
    }
    s.peak = s.seconds + s.capacity;
    s.share = s.peak + s.capacity;
    EL_TRY_GOTO(create(&b, options, r.micro_batch, err), done);
    const double flops = profile_steps(&b, &r, 1, false);
    EL_TRY_GOTO(measure(&b, options, flops, &s, err), done);
    summarise(&b, &s, flops, &r);
    r.sequences_per_second = (double)options->batch * 1e3 / r.p50_ms;
    if (options->operators) {
        (void)profile_steps(&b, &r, PROFILED_STEPS, true);
    }
    r.peak_rss_mb = electra_bench_peak_rss_mb();
    *result = r;
done:
    clear(&b);
    el_free(s.seconds);
    return status;
}
