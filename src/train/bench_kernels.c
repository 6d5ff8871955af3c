/* Owns the measuring of single operators on ELECTRA-Small's shapes, through the same table that the model calls. */
#include <electra/bench.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/profile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/rng.h"
#include "base/status.h"

/* ELECTRA-Small: the discriminator's widths, the generator's, sequences of 128 and 19 slots in each. */
enum { LENGTH = 128, SLOTS_A_SEQUENCE = 19, VOCABULARY = 30522, EMBEDDING = 128, WIDEST = 1024, MOST_CALLS = 2048 };
static const double PEAK_SECONDS = 0.03;

electra_bench_kernels_options electra_bench_kernels_options_default(void)
{
    return (electra_bench_kernels_options){
        .struct_size = sizeof(electra_bench_kernels_options), .tokens = 4096, .seconds = 0.5};
}

/* One backend and tensors for every operator; x, y, z: [T, WIDEST]. */
typedef struct bench {
    const electra_bench_kernels_options *options;
    electra_bench_kernel_fn row;
    void *user;
    el_pool *pool;
    el_backend *be, *profile; /* profile wraps be */
    size_t tokens, slots;
    float *x, *y, *z, *w, *table, *stats;
    uint32_t *numbers; /* starts, sequence, position, slots and targets */
    el_layout layout;
    const uint32_t *slot, *target;
    double ms[MOST_CALLS], share[MOST_CALLS], peak[MOST_CALLS];
} bench;

/* ---- setting up -------------------------------------------------------------------------------------------------- */

static float *random_floats(size_t n, double size)
{
    float *x = el_alloc(n, sizeof *x);
    for (size_t i = 0; x && i < n; i++) {
        x[i] = (float)(size * (2 * el_rng_uniform(el_rng_mix(i)) - 1));
    }
    return x;
}

static void fill_numbers(bench *b)
{
    const size_t sequences = b->tokens / LENGTH;
    uint32_t *starts = b->numbers, *sequence = starts + sequences + 1, *position = sequence + b->tokens;
    uint32_t *slot = position + b->tokens, *target = slot + b->slots;
    for (size_t s = 0; s <= sequences; s++) {
        starts[s] = (uint32_t)(s * LENGTH);
    }
    for (size_t t = 0; t < b->tokens; t++) {
        sequence[t] = (uint32_t)(t / LENGTH);
        position[t] = (uint32_t)(t % LENGTH);
    }
    for (size_t i = 0; i < b->slots; i++) {
        slot[i] = (uint32_t)(i / SLOTS_A_SEQUENCE * LENGTH + i % SLOTS_A_SEQUENCE * 6);
        target[i] = (uint32_t)(el_rng_mix(i) % VOCABULARY);
    }
    b->layout = (el_layout){b->tokens, sequences, LENGTH, starts, sequence, position};
    b->slot = slot;
    b->target = target;
}

static electra_status set_up(bench *b, electra_error *err)
{
    const size_t sequences = ((size_t)b->options->tokens + LENGTH - 1) / LENGTH;
    b->tokens = sequences * LENGTH;
    b->slots = sequences * SLOTS_A_SEQUENCE;
    b->x = random_floats(b->tokens * WIDEST, 1);
    b->y = random_floats(b->tokens * WIDEST, 1);
    b->z = random_floats(b->tokens * WIDEST, 1);
    b->w = random_floats(WIDEST * WIDEST, 0.05);
    b->table = random_floats((size_t)VOCABULARY * (2 * EMBEDDING + 2), 0.05);
    b->stats = random_floats(4 * b->tokens, 1);
    b->numbers = el_alloc(sequences + 1 + 2 * b->tokens + 2 * b->slots, sizeof *b->numbers);
    if (!b->x || !b->y || !b->z || !b->w || !b->table || !b->stats || !b->numbers) {
        return el_fail_memory(err, "operands", 4 * b->tokens * WIDEST * sizeof(float));
    }
    fill_numbers(b);
    return ELECTRA_OK;
}

static void close_backend(bench *b)
{
    el_backend_free(b->profile);
    el_backend_free(b->be);
    el_pool_free(b->pool);
    b->profile = b->be = NULL;
    b->pool = NULL;
}

static void clear(bench *b)
{
    close_backend(b);
    el_free(b->x);
    el_free(b->y);
    el_free(b->z);
    el_free(b->w);
    el_free(b->table);
    el_free(b->stats);
    el_free(b->numbers);
    el_free(b);
}

static electra_status open_backend(bench *b, el_cpu_level level, int threads, electra_error *err)
{
    EL_TRY(el_pool_create(&b->pool, threads, err));
    EL_TRY(el_backend_create_cpu(&b->be, b->pool, level, err));
    EL_TRY(el_profile_create(&b->profile, b->be, err));
    const el_limits limits = {.tokens = b->tokens,
                              .sequences = b->layout.n_sequences,
                              .longest = LENGTH,
                              .width = WIDEST,
                              .heads = 4,
                              .head_width = 64,
                              .slots = b->slots,
                              .vocabulary = VOCABULARY,
                              .positions = 512};
    return b->be->ops->reserve(b->be, &limits, err);
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

typedef void call_fn(bench *b, size_t n, size_t k);

/* Call an operator until the time is over, the peak between groups of calls; one call first that does not count. */
static void measure(bench *b, const char *name, const char *shape, call_fn *call, size_t n, size_t k)
{
    size_t calls = 0;
    const double start = el_now();
    call(b, n, k);
    el_profile_reset(b->profile);
    while (calls < 3 || (el_now() - start < b->options->seconds && calls < MOST_CALLS)) {
        b->peak[calls] = b->be->ops->peak(b->be, PEAK_SECONDS);
        const double before = el_profile_total(b->profile).seconds, group_start = el_now();
        size_t group = 0;
        do {
            call(b, n, k);
            group++;
        } while (el_now() - group_start < 2 * PEAK_SECONDS);
        const el_profile_row total = el_profile_total(b->profile);
        const double seconds = (total.seconds - before) / (double)group;
        b->ms[calls] = seconds * 1e3;
        b->share[calls] = total.flops / (double)total.calls * 1e-9 / seconds / b->peak[calls];
        calls++;
    }
    const el_profile_row total = el_profile_total(b->profile);
    electra_bench_kernel row = {.level = b->be->name,
                                .name = name,
                                .shape = shape,
                                .threads = el_pool_threads(b->pool),
                                .ms = el_quantile(b->ms, calls, 0.5),
                                .peak_gflops = el_quantile(b->peak, calls, 0.5),
                                .share_of_peak = el_quantile(b->share, calls, 0.5)};
    row.gflops = total.flops / (double)total.calls * 1e-6 / row.ms;
    b->row(b->user, &row);
}

static void report_peak(bench *b)
{
    size_t n = 0;
    for (const double start = el_now(); n < 3 || el_now() - start < b->options->seconds; n++) {
        b->peak[n % MOST_CALLS] = b->be->ops->peak(b->be, PEAK_SECONDS);
    }
    electra_bench_kernel row = {.level = b->be->name,
                                .name = "peak",
                                .shape = "multiply-adds in registers",
                                .threads = el_pool_threads(b->pool),
                                .share_of_peak = 1};
    row.gflops = row.peak_gflops = el_quantile(b->peak, n < MOST_CALLS ? n : MOST_CALLS, 0.5);
    b->row(b->user, &row);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

static el_tensor rows_of(bench *b, float *data, size_t cols)
{
    return el_tensor_of(data, b->tokens, cols);
}

static void forward(bench *b, size_t n, size_t k)
{
    b->profile->ops->linear_fwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->x, k), el_tensor_of(b->w, n, k),
                                el_tensor_of(b->stats, 1, n), EL_ACT_LINEAR, EL_ABSENT);
}

static void forward_gelu(bench *b, size_t n, size_t k)
{
    b->profile->ops->linear_fwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->x, k), el_tensor_of(b->w, n, k),
                                el_tensor_of(b->stats, 1, n), EL_ACT_GELU, rows_of(b, b->z, n));
}

static void backward_input(bench *b, size_t n, size_t k)
{
    b->profile->ops->linear_bwd_input(b->profile, rows_of(b, b->y, k), rows_of(b, b->x, n), el_tensor_of(b->w, n, k),
                                      false, EL_ACT_LINEAR, EL_ABSENT);
}

static void backward_input_gelu(bench *b, size_t n, size_t k)
{
    b->profile->ops->linear_bwd_input(b->profile, rows_of(b, b->y, k), rows_of(b, b->x, n), el_tensor_of(b->w, n, k),
                                      false, EL_ACT_GELU, rows_of(b, b->z, k));
}

static void backward_weights(bench *b, size_t n, size_t k)
{
    b->profile->ops->linear_bwd_weights(b->profile, el_tensor_of(b->table, n, k), el_tensor_of(b->stats, 1, n),
                                        rows_of(b, b->x, n), rows_of(b, b->z, k));
}

/* n: width, k: heads */
static void attention_fwd(bench *b, size_t n, size_t k)
{
    const el_dropout dropout = {0.1, 1};
    b->profile->ops->attention_fwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->stats, k), rows_of(b, b->x, 3 * n), k,
                                   &dropout, &b->layout);
}

static void attention_bwd(bench *b, size_t n, size_t k)
{
    const el_dropout dropout = {0.1, 1};
    b->profile->ops->attention_bwd(b->profile, rows_of(b, b->y, 3 * n), rows_of(b, b->z, n), rows_of(b, b->x, 3 * n),
                                   rows_of(b, b->z, n), rows_of(b, b->stats, k), k, &dropout, &b->layout);
}

static void norm_fwd(bench *b, size_t n, size_t k)
{
    (void)k;
    const el_dropout dropout = {0.1, 1};
    b->profile->ops->norm_fwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->y + b->tokens * n, n),
                              rows_of(b, b->stats, 2), rows_of(b, b->x, n), rows_of(b, b->z, n), &dropout, &b->layout,
                              el_tensor_of(b->w, 1, n), el_tensor_of(b->w, 1, n), 1e-12);
}

static void norm_bwd(bench *b, size_t n, size_t k)
{
    (void)k;
    b->profile->ops->norm_bwd(b->profile, rows_of(b, b->y, n), el_tensor_of(b->table, 1, n),
                              el_tensor_of(b->table + n, 1, n), rows_of(b, b->x, n), rows_of(b, b->z, n),
                              rows_of(b, b->stats, 2), el_tensor_of(b->w, 1, n));
}

static void gelu(bench *b, size_t n, size_t k)
{
    (void)k;
    b->profile->ops->act_fwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->x, n), EL_ACT_GELU);
}

static void gelu_bwd(bench *b, size_t n, size_t k)
{
    (void)k;
    b->profile->ops->act_bwd(b->profile, rows_of(b, b->y, n), rows_of(b, b->x, n), rows_of(b, b->z, n), EL_ACT_GELU);
}

static void masked_lm_fwd(bench *b, size_t n, size_t k)
{
    const el_sampling sampling = {.temperature = 1, .key = 1};
    uint32_t *sampled = (uint32_t *)(void *)b->y;
    b->profile->ops->masked_lm_fwd(b->profile, el_tensor_of(b->stats, b->slots, 1),
                                   el_tensor_of(b->stats + b->slots, b->slots, 1), NULL, sampled,
                                   el_tensor_of(b->x, b->slots, k), el_tensor_of(b->table, n, k),
                                   el_tensor_of(b->table + n * k, 1, n), b->target, b->slot, &b->layout, &sampling);
}

static void masked_lm_bwd(bench *b, size_t n, size_t k)
{
    float *dtable = b->table + n * (k + 1);
    b->profile->ops->masked_lm_bwd(b->profile, el_tensor_of(b->y, b->slots, k), el_tensor_of(dtable, n, k),
                                   el_tensor_of(dtable + n * k, 1, n), el_tensor_of(b->x, b->slots, k),
                                   el_tensor_of(b->table, n, k), el_tensor_of(b->table + n * k, 1, n),
                                   el_tensor_of(b->stats, b->slots, 1), b->target, 1e-3);
}

static void adam(bench *b, size_t n, size_t k)
{
    const el_adam settings = {1e-4, 0.9, 0.999, 1e-6, 0.01, 1, 1, 1};
    b->profile->ops->adam(b->profile, el_tensor_of(b->w, n, k), el_tensor_of(b->y, n, k), el_tensor_of(b->z, n, k),
                          el_tensor_of(b->x, n, k), &settings);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void measure_products(bench *b)
{
    static const struct {
        size_t n, k;
    } LAYERS[] = {{768, 256}, {256, 256}, {1024, 256}, {256, 1024}, {192, 64},
                  {64, 64},   {256, 64},  {64, 256},   {256, 128}};
    char shape[64];
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
        const size_t n = LAYERS[i].n, k = LAYERS[i].k;
        (void)snprintf(shape, sizeof shape, "%zu x %zu -> %zu", b->tokens, k, n);
        measure(b, "linear_fwd", shape, forward, n, k);
        measure(b, "linear_bwd_input", shape, backward_input, n, k);
        measure(b, "linear_bwd_weights", shape, backward_weights, n, k);
    }
    (void)snprintf(shape, sizeof shape, "%zu x 256 -> 1024, gelu", b->tokens);
    measure(b, "linear_fwd", shape, forward_gelu, 1024, 256);
    (void)snprintf(shape, sizeof shape, "%zu x 1024 -> 256, gelu", b->tokens);
    measure(b, "linear_bwd_input", shape, backward_input_gelu, 256, 1024);
}

static void measure_others(bench *b)
{
    char shape[64];
    (void)snprintf(shape, sizeof shape, "%zu x %d, 4 heads of 64", b->layout.n_sequences, LENGTH);
    measure(b, "attention_fwd", shape, attention_fwd, 256, 4);
    measure(b, "attention_bwd", shape, attention_bwd, 256, 4);
    (void)snprintf(shape, sizeof shape, "%zu slots x %d x %d", b->slots, EMBEDDING, VOCABULARY);
    measure(b, "masked_lm_fwd", shape, masked_lm_fwd, VOCABULARY, EMBEDDING);
    measure(b, "masked_lm_bwd", shape, masked_lm_bwd, VOCABULARY, EMBEDDING);
    (void)snprintf(shape, sizeof shape, "%zu x 256", b->tokens);
    measure(b, "norm_fwd", shape, norm_fwd, 256, 0);
    measure(b, "norm_bwd", shape, norm_bwd, 256, 0);
    (void)snprintf(shape, sizeof shape, "%zu x 1024", b->tokens);
    measure(b, "act_fwd", shape, gelu, 1024, 0);
    measure(b, "act_bwd", shape, gelu_bwd, 1024, 0);
    measure(b, "adam", "1024 x 1024", adam, 1024, 1024);
}

static electra_status measure_level(bench *b, el_cpu_level level, int threads, electra_error *err)
{
    for (int n = 1; n <= threads; n++) { /* the peak on each number of threads; the rest on all of them */
        EL_TRY(open_backend(b, level, n, err));
        report_peak(b);
        if (n == threads) {
            measure_products(b);
            measure_others(b);
        }
        close_backend(b);
        const electra_progress progress = {
            .stage = "measuring", .unit = "numbers of threads", .done = n, .total = threads};
        if (el_progress(&b->options->runtime, &progress)) {
            return el_fail(err, ELECTRA_INTERRUPTED, "", "stopped after %d threads", n);
        }
    }
    return ELECTRA_OK;
}

/* The levels that ELECTRA_CPU allows and the machine has: those that can be created. */
static electra_status measure_levels(bench *b, electra_error *err)
{
    el_pool *pool;
    EL_TRY(el_pool_create(&pool, b->options->runtime.threads, err));
    const int threads = el_pool_threads(pool);
    el_pool_free(pool);
    for (int level = EL_CPU_AVX512; level >= EL_CPU_REF; level--) {
        el_backend *be;
        if (el_backend_create_cpu(&be, NULL, (el_cpu_level)level, NULL) != ELECTRA_OK) {
            continue;
        }
        el_backend_free(be);
        EL_TRY(measure_level(b, (el_cpu_level)level, threads, err));
    }
    return ELECTRA_OK;
}

electra_status electra_bench_kernels(const electra_bench_kernels_options *options, electra_bench_kernel_fn row,
                                     void *user, electra_error *err)
{
    if (options->struct_size != sizeof *options || options->tokens < 1 || options->tokens > 1 << 24 || !row) {
        return el_fail(err, ELECTRA_MISUSE, "tokens", "expected options of this version with 1 to %d tokens", 1 << 24);
    }
    bench *b = el_alloc(1, sizeof *b);
    if (!b) {
        return el_fail_memory(err, "a bench", sizeof *b);
    }
    b->options = options;
    b->row = row;
    b->user = user;
    electra_status status = set_up(b, err);
    if (status == ELECTRA_OK) {
        status = measure_levels(b, err);
    }
    clear(b);
    return status;
}
