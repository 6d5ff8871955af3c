/* Owns the measuring of answers: a model is asked about random tokens. */
#include <electra/bench.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/profile.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/batch.h"
#include "interop/model.h"
#include "interop/model_dir.h"
#include "model/flops.h"
#include "model/predict.h"

enum { PACK_TOKENS = 1024, PROFILED_CALLS = 5, LEAST_CALLS = 5, MOST_SAMPLES = 1 << 16 };
static const double PEAK_SECONDS = 0.1;  /* of each measurement of the peak */
static const double ROUND_SECONDS = 0.4; /* of calls between two of them */

electra_bench_infer_options electra_bench_infer_options_default(void)
{
    return (electra_bench_infer_options){.struct_size = sizeof(electra_bench_infer_options),
                                         .size = ELECTRA_SIZE_SMALL,
                                         .batch = 1,
                                         .length = 128,
                                         .seconds = 5};
}

/* ---- a model of random weights --------------------------------------------------------------------------------- */

static electra_status write_random(const char *folder, const el_model_config *config, const electra_runtime *rt,
                                   electra_error *err)
{
    el_params params = {0};
    el_network network;
    el_pool *pool = NULL;
    el_backend *be = NULL;
    void *theta = NULL;
    const el_head_config head = {.kind = EL_HEAD_DISCRIMINATOR};
    electra_status status;
    EL_TRY_GOTO(el_params_build_single(&params, &network, config, &head, err), done);
    EL_TRY_GOTO(el_pool_create(&pool, rt->threads, err), done);
    EL_TRY_GOTO(el_backend_create_cpu(&be, pool, EL_CPU_BEST, err), done);
    theta = be->ops->alloc(be, params.elements * be->element_size);
    if (!theta) {
        status = el_fail_memory(err, "random weights", params.elements * be->element_size);
        goto done;
    }
    EL_TRY_GOTO(el_params_initialise(&params, be, theta, 42, err), done);
    EL_TRY_GOTO(el_model_dir_write(folder, &network, NULL, el_weights_of(be, &params, theta), NULL, err), done);
done:
    if (theta) {
        be->ops->free(be, theta);
    }
    el_params_clear(&params);
    el_backend_free(be);
    el_pool_free(pool);
    return status;
}

/* A folder of our own in TMPDIR, to be removed as a whole. */
static electra_status make_temporary(char **out, electra_error *err)
{
    const char *parent = getenv("TMPDIR");
    *out = el_path_join(parent && parent[0] ? parent : "/tmp", "electra-bench-XXXXXX");
    if (!*out) {
        return el_fail_memory(err, "the name of a folder", 64);
    }
    if (!mkdtemp(*out)) {
        const electra_status status = el_fail_errno(err, *out, "no temporary folder could be made (%s)", *out);
        el_free(*out);
        *out = NULL;
        return status;
    }
    return ELECTRA_OK;
}

/* Random weights, or integers made of a model's floats, in a folder that is gone afterwards. */
static electra_status load_temporary(electra_model **out, const electra_bench_infer_options *o, electra_error *err)
{
    char *folder = NULL, *model = NULL, *integers = NULL;
    const el_model_config *config = &el_presets()[o->size].model;
    electra_model_options options = electra_model_options_default();
    options.runtime = o->runtime;
    electra_status status;
    EL_TRY_GOTO(make_temporary(&folder, err), done);
    model = el_path_join(folder, "model");
    integers = el_path_join(folder, "int8");
    if (!model || !integers) {
        status = el_fail_memory(err, "the name of a folder", 64);
        goto done;
    }
    if (!o->model) {
        EL_TRY_GOTO(write_random(model, config, &o->runtime, err), done);
    }
    if (o->int8) {
        EL_TRY_GOTO(electra_model_quantize(o->model ? o->model : model, integers, &o->runtime, err), done);
    }
    EL_TRY_GOTO(electra_model_load(out, o->int8 ? integers : model, &options, err), done);
done:
    if (folder) {
        (void)el_remove_tree(folder, NULL);
    }
    el_free(integers);
    el_free(model);
    el_free(folder);
    return status;
}

/* ---- a bench --------------------------------------------------------------------------------------------------- */

typedef struct bench {
    electra_model *model;
    el_pool *pool;
    el_backend *be, *profile; /* profile wraps be */
    el_predictor *predictor;
    el_pack **packs; /* the sequences of a call, in order */
    size_t n_packs;
    el_joint_answers *answers; /* of the sequences of a pack, if the head is EL_HEAD_JOINT_QA */
    double *seconds;           /* [MOST_SAMPLES] of each call */
    double *peaks, *shares;    /* [MOST_SAMPLES] of each round */
    size_t n, rounds;
} bench;

static void clear(bench *b)
{
    for (size_t i = 0; b->packs && i < b->n_packs; i++) {
        el_pack_free(b->packs[i]);
    }
    el_free(b->packs);
    el_free(b->seconds);
    el_free(b->answers);
    el_predictor_free(b->predictor);
    el_backend_free(b->profile);
    el_backend_free(b->be);
    el_pool_free(b->pool);
    electra_model_free(b->model);
}

static electra_status check(const electra_bench_infer_options *o, electra_error *err)
{
    if (o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "struct_size", "the options are not those of this library's version");
    }
    if (o->size < ELECTRA_SIZE_TINY || o->size > ELECTRA_SIZE_LARGE) {
        return el_fail(err, ELECTRA_MISUSE, "size", "there is no size number %d", o->size);
    }
    if (o->batch < 1 || o->batch > 1 << 20 || o->length < 1 || o->length > 1 << 20 || o->calls < 0 ||
        o->calls > MOST_SAMPLES) {
        return el_fail(err, ELECTRA_MISUSE, "batch",
                       "a call has 1 to %d sequences of 1 to %d tokens, and 0 to %d calls are measured", 1 << 20,
                       1 << 20, MOST_SAMPLES);
    }
    return ELECTRA_OK;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Sequences of random tokens, as many in each pack as a session would take. */
static electra_status fill_packs(bench *b, size_t batch, size_t length, electra_error *err)
{
    const el_network *network = el_model_network(b->model);
    const bool masked = network->head_config.kind == EL_HEAD_MASKED_LM;
    const size_t each = length < PACK_TOKENS ? PACK_TOKENS / length : 1;
    const uint32_t slot = (uint32_t)(length / 2);
    el_rng_stream stream = {.key = el_rng_key(0, EL_RNG_INIT, 0, 0)};
    uint32_t *ids = el_alloc(length, sizeof *ids);
    electra_status status = ELECTRA_OK;
    b->packs = el_alloc((batch + each - 1) / each, sizeof(el_pack *));
    if (!ids || !b->packs) {
        status = el_fail_memory(err, "sequences of random tokens", length * sizeof *ids);
    }
    for (size_t first = 0; status == ELECTRA_OK && first < batch; first += each) {
        const size_t here = smaller(each, batch - first);
        const el_pack_room room = {.tokens = here * length, .sequences = here, .slots = masked ? here : 0};
        status = el_pack_create(&b->packs[b->n_packs], b->profile, &room, err);
        for (size_t i = 0; status == ELECTRA_OK && i < here; i++) {
            for (size_t t = 0; t < length; t++) {
                ids[t] = (uint32_t)el_rng_below(&stream, network->config.vocab_size);
            }
            const el_sequence sequence = {
                .ids = ids, .length = length, .first_length = length, .slots = &slot, .n_slots = masked ? 1 : 0};
            (void)el_pack_add(b->packs[b->n_packs], &sequence);
        }
        b->n_packs += status == ELECTRA_OK;
    }
    el_free(ids);
    return status;
}

static electra_status create(bench *b, const electra_bench_infer_options *o, double *load_ms, electra_error *err)
{
    electra_model_options options = electra_model_options_default();
    options.runtime = o->runtime;
    double start = el_now();
    const bool as_it_is = o->model && !o->int8;
    EL_TRY(as_it_is ? electra_model_load(&b->model, o->model, &options, err) : load_temporary(&b->model, o, err));
    *load_ms = as_it_is ? 1e3 * (el_now() - start) : 0;
    const size_t batch = (size_t)o->batch, length = (size_t)o->length;
    b->seconds = el_alloc(3 * MOST_SAMPLES, sizeof *b->seconds);
    if (!b->seconds) {
        return el_fail_memory(err, "measurements", 3 * MOST_SAMPLES * sizeof *b->seconds);
    }
    b->peaks = b->seconds + MOST_SAMPLES;
    b->shares = b->peaks + MOST_SAMPLES;
    EL_TRY(el_pool_create(&b->pool, o->runtime.threads, err));
    EL_TRY(el_backend_create_cpu(&b->be, b->pool, EL_CPU_BEST, err));
    EL_TRY(el_profile_create(&b->profile, b->be, err));
    el_model_settle(b->model, b->be);
    const size_t sequences = length < PACK_TOKENS ? smaller(batch, PACK_TOKENS / length) : 1;
    const el_predict_limits limits = {
        .tokens = sequences * length, .sequences = sequences, .longest = length, .slots = sequences};
    EL_TRY(el_predictor_create(&b->predictor, b->profile, el_model_network(b->model), &limits, err));
    b->answers = el_alloc(sequences, sizeof *b->answers);
    if (!b->answers) {
        return el_fail_memory(err, "answers", sequences * sizeof *b->answers);
    }
    return fill_packs(b, batch, length, err);
}

static void answer(bench *b, const el_batch *x)
{
    const el_weights theta = el_model_weights(b->model, b->profile);
    switch (el_model_network(b->model)->head_config.kind) {
    case EL_HEAD_NONE: (void)el_predictor_hidden(b->predictor, theta, &x->layout, x->ids, x->types); return;
    case EL_HEAD_DISCRIMINATOR: (void)el_predictor_replaced(b->predictor, theta, &x->layout, x->ids, x->types); return;
    case EL_HEAD_MASKED_LM:
        (void)el_predictor_masked(b->predictor, theta, &x->layout, x->ids, x->types, x->slots, x->n_slots);
        return;
    case EL_HEAD_CLASSIFIER:
    case EL_HEAD_CHOICE: (void)el_predictor_classes(b->predictor, theta, &x->layout, x->ids, x->types); return;
    case EL_HEAD_TAGGER:
    case EL_HEAD_SPANS: (void)el_predictor_tags(b->predictor, theta, &x->layout, x->ids, x->types); return;
    case EL_HEAD_JOINT_QA:
        (void)el_predictor_answers(b->predictor, theta, &x->layout, x->ids, x->types, b->answers);
        return;
    }
}

static double call(bench *b)
{
    const double start = el_now();
    for (size_t i = 0; i < b->n_packs; i++) {
        answer(b, el_pack_finish(b->packs[i]));
    }
    return el_now() - start;
}

/* Rounds of calls with a measurement of the peak on either side. */
static electra_status measure(bench *b, const electra_bench_infer_options *o, double flops, electra_error *err)
{
    const double start = el_now();
    const size_t most = o->calls ? (size_t)o->calls : MOST_SAMPLES;
    double before = b->be->ops->peak(b->be, PEAK_SECONDS);
    while (b->n < most && (o->calls || b->n < LEAST_CALLS || el_now() - start < o->seconds)) {
        const electra_progress progress = {.stage = "measuring",
                                           .unit = "calls",
                                           .done = (double)b->n,
                                           .total = (double)o->calls,
                                           .seconds = el_now() - start};
        if (el_progress(&o->runtime, &progress)) {
            return el_fail(err, ELECTRA_INTERRUPTED, "", "stopped after %zu calls", b->n);
        }
        const double round = el_now();
        const size_t first = b->n;
        (void)call(b); /* the peak left nothing of the weights in the caches */
        do {
            b->seconds[b->n++] = call(b);
        } while (b->n < most && el_now() - round < ROUND_SECONDS);
        const double after = b->be->ops->peak(b->be, PEAK_SECONDS), peak = (before + after) / 2;
        b->peaks[b->rounds] = peak;
        b->shares[b->rounds++] = flops * 1e-9 / el_quantile(b->seconds + first, b->n - first, 0.5) / peak;
        before = after;
    }
    return ELECTRA_OK;
}

static void profile_calls(bench *b, electra_bench_infer_result *r)
{
    el_profile_reset(b->profile);
    for (size_t i = 0; i < PROFILED_CALLS; i++) {
        (void)call(b);
    }
    r->n_operators = el_profile_operators(b->profile, PROFILED_CALLS, r->operators, ELECTRA_BENCH_MOST_OPERATORS);
}

static void summarise(bench *b, const electra_bench_infer_options *o, double flops, electra_bench_infer_result *r)
{
    r->level = b->be->name;
    r->dtype = electra_model_describe(b->model).number_format;
    r->kind = electra_model_kind_name(electra_model_kind_of(b->model));
    r->threads = el_pool_threads(b->pool);
    r->calls = b->n;
    r->gflop_per_call = flops * 1e-9;
    r->share_of_peak = el_quantile(b->shares, b->rounds, 0.5);
    r->peak_gflops = el_quantile(b->peaks, b->rounds, 0.5);
    const double median = el_quantile(b->seconds, b->n, 0.5);
    r->p50_ms = median * 1e3;
    r->p99_ms = el_quantile(b->seconds, b->n, 0.99) * 1e3;
    r->sequences_per_second = (double)o->batch / median;
    r->tokens_per_second = (double)o->length * r->sequences_per_second;
    r->gflops = flops * 1e-9 / median;
    r->peak_rss_mb = electra_bench_peak_rss_mb();
}

electra_status electra_bench_infer(const electra_bench_infer_options *options, electra_bench_infer_result *result,
                                   electra_error *err)
{
    EL_TRY(check(options, err));
    bench b = {0};
    electra_bench_infer_result r = {0};
    electra_status status;
    EL_TRY_GOTO(create(&b, options, &r.load_ms, err), done);
    const el_network *network = el_model_network(b.model);
    const double batch = (double)options->batch, length = (double)options->length;
    const el_head head = network->head_config.kind; /* some read the last hidden state of few tokens */
    const bool reads_few = el_head_reads_first(head) || head == EL_HEAD_MASKED_LM;
    const el_work_shape shape = {.tokens = (size_t)(batch * length),
                                 .sequences = (size_t)options->batch,
                                 .slots = (size_t)options->batch,
                                 .rows = reads_few ? (size_t)options->batch : 0,
                                 .squared_lengths = batch * length * length};
    const double flops = el_work_forward(&network->config, &network->head_config, &shape);
    EL_TRY_GOTO(measure(&b, options, flops, err), done);
    summarise(&b, options, flops, &r);
    if (options->operators) {
        profile_calls(&b, &r);
    }
    *result = r;
done:
    clear(&b);
    return status;
}
