/* Owns the measuring wrapper: one function an operator, made by a macro, that notes the time around the real one. */
#include "backend/profile.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

typedef enum measured {
    OP_ZERO,
    OP_COPY,
    OP_ADD,
    OP_EMBED_FWD,
    OP_EMBED_BWD,
    OP_NORM_FWD,
    OP_NORM_BWD,
    OP_DROPOUT,
    OP_LINEAR_FWD,
    OP_LINEAR_BWD_INPUT,
    OP_LINEAR_BWD_WEIGHTS,
    OP_ACT_FWD,
    OP_ACT_BWD,
    OP_ATTENTION_FWD,
    OP_ATTENTION_BWD,
    OP_GATHER_ROWS,
    OP_SCATTER_ADD_ROWS,
    OP_SPREAD_ADD,
    OP_SPREAD_BWD,
    OP_SOFTMAX_POOL_FWD,
    OP_SOFTMAX_POOL_BWD,
    OP_ANSWER_MASK,
    OP_MASKED_LM_FWD,
    OP_MASKED_LM_BWD,
    OP_MASKED_LM_LOGITS,
    OP_CORRUPT,
    OP_BINARY_LOSS_FWD,
    OP_BINARY_LOSS_BWD,
    OP_SOFTMAX_LOSS_FWD,
    OP_SOFTMAX_LOSS_BWD,
    OP_SQUARED_LOSS_FWD,
    OP_SQUARED_LOSS_BWD,
    OP_SUM,
    OP_SUM_OF_SQUARES,
    OP_ADAM,
    N_MEASURED
} measured;

static const char *const NAMES[N_MEASURED] = {
    [OP_ZERO] = "zero",
    [OP_COPY] = "copy",
    [OP_ADD] = "add",
    [OP_EMBED_FWD] = "embed_fwd",
    [OP_EMBED_BWD] = "embed_bwd",
    [OP_NORM_FWD] = "norm_fwd",
    [OP_NORM_BWD] = "norm_bwd",
    [OP_DROPOUT] = "dropout",
    [OP_LINEAR_FWD] = "linear_fwd",
    [OP_LINEAR_BWD_INPUT] = "linear_bwd_input",
    [OP_LINEAR_BWD_WEIGHTS] = "linear_bwd_weights",
    [OP_ACT_FWD] = "act_fwd",
    [OP_ACT_BWD] = "act_bwd",
    [OP_ATTENTION_FWD] = "attention_fwd",
    [OP_ATTENTION_BWD] = "attention_bwd",
    [OP_GATHER_ROWS] = "gather_rows",
    [OP_SCATTER_ADD_ROWS] = "scatter_add_rows",
    [OP_SPREAD_ADD] = "spread_add",
    [OP_SPREAD_BWD] = "spread_bwd",
    [OP_SOFTMAX_POOL_FWD] = "softmax_pool_fwd",
    [OP_SOFTMAX_POOL_BWD] = "softmax_pool_bwd",
    [OP_ANSWER_MASK] = "answer_mask",
    [OP_MASKED_LM_FWD] = "masked_lm_fwd",
    [OP_MASKED_LM_BWD] = "masked_lm_bwd",
    [OP_MASKED_LM_LOGITS] = "masked_lm_logits",
    [OP_CORRUPT] = "corrupt",
    [OP_BINARY_LOSS_FWD] = "binary_loss_fwd",
    [OP_BINARY_LOSS_BWD] = "binary_loss_bwd",
    [OP_SOFTMAX_LOSS_FWD] = "softmax_loss_fwd",
    [OP_SOFTMAX_LOSS_BWD] = "softmax_loss_bwd",
    [OP_SQUARED_LOSS_FWD] = "squared_loss_fwd",
    [OP_SQUARED_LOSS_BWD] = "squared_loss_bwd",
    [OP_SUM] = "sum",
    [OP_SUM_OF_SQUARES] = "sum_of_squares",
    [OP_ADAM] = "adam",
};

typedef struct profile {
    el_backend *inner;
    el_profile_row rows[N_MEASURED];
} profile;

static el_backend *inner_of(el_backend *be)
{
    return ((profile *)be->state)->inner;
}

static void note(el_backend *be, measured op, double start, double flops)
{
    el_profile_row *row = &((profile *)be->state)->rows[op];
    row->calls++;
    row->seconds += el_now() - start;
    row->flops += flops;
}

static double product(size_t m, size_t n, size_t k)
{
    return 2.0 * (double)m * (double)n * (double)k;
}

/* One product of every query with every key of its sequence, all heads (their widths add up to `width`). The table of
 * starts is in the backend's memory, so it is fetched, a piece at a time. */
static double scores(el_backend *be, const el_layout *layout, size_t width)
{
    enum { PIECE = 64 };
    uint32_t starts[PIECE + 1];
    double total = 0;
    for (size_t s = 0; s < layout->n_sequences; s += PIECE) {
        const size_t n = layout->n_sequences - s < PIECE ? layout->n_sequences - s : PIECE;
        el_backend *inner = inner_of(be);
        inner->ops->download_bytes(inner, starts, layout->starts + s, (n + 1) * sizeof *starts);
        for (size_t i = 0; i < n; i++) {
            const size_t length = starts[i + 1] - starts[i];
            total += product(length, length, width);
        }
    }
    return total;
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

/* An operator `name` with these parameters, passed on as these arguments, that needs so many operations. */
#define MEASURE(op, name, parameters, arguments, flops)                                                                \
    static void measured_##name(el_backend *be, parameters)                                                            \
    {                                                                                                                  \
        const double start = el_now();                                                                                 \
        inner_of(be)->ops->name(inner_of(be), arguments);                                                              \
        note(be, op, start, flops);                                                                                    \
    }
#define LIST(...) __VA_ARGS__

/* clang-format off */
MEASURE(OP_ZERO, zero,
        LIST(el_tensor x),
        LIST(x), 0)
MEASURE(OP_COPY, copy,
        LIST(el_tensor y, el_tensor x),
        LIST(y, x), 0)
MEASURE(OP_ADD, add,
        LIST(el_tensor y, el_tensor x),
        LIST(y, x), 0)
MEASURE(OP_EMBED_FWD, embed_fwd,
        LIST(el_tensor y, el_tensor word, el_tensor type, el_tensor position, const uint32_t *ids, const uint32_t *types, const el_layout *layout),
        LIST(y, word, type, position, ids, types, layout), 0)
MEASURE(OP_EMBED_BWD, embed_bwd,
        LIST(el_tensor dword, el_tensor dtype, el_tensor dposition, el_tensor dy, const uint32_t *ids, const uint32_t *types, const el_layout *layout),
        LIST(dword, dtype, dposition, dy, ids, types, layout), 0)
MEASURE(OP_NORM_FWD, norm_fwd,
        LIST(el_tensor y, el_tensor sum, el_tensor stats, el_tensor x, el_tensor z, const el_dropout *dropout, const el_layout *layout, el_tensor gamma, el_tensor beta, double epsilon),
        LIST(y, sum, stats, x, z, dropout, layout, gamma, beta, epsilon), 0)
MEASURE(OP_NORM_BWD, norm_bwd,
        LIST(el_tensor dsum, el_tensor dgamma, el_tensor dbeta, el_tensor dy, el_tensor sum, el_tensor stats, el_tensor gamma),
        LIST(dsum, dgamma, dbeta, dy, sum, stats, gamma), 0)
MEASURE(OP_DROPOUT, dropout,
        LIST(el_tensor y, el_tensor x, const el_dropout *dropout, const el_layout *layout, const uint32_t *rows),
        LIST(y, x, dropout, layout, rows), 0)
MEASURE(OP_LINEAR_FWD, linear_fwd,
        LIST(el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act, el_tensor pre),
        LIST(y, x, w, b, act, pre), product(x.rows, w.rows, w.cols))
MEASURE(OP_LINEAR_BWD_INPUT, linear_bwd_input,
        LIST(el_tensor dx, el_tensor dy, el_tensor w, bool accumulate, el_activation act, el_tensor pre),
        LIST(dx, dy, w, accumulate, act, pre), product(dy.rows, w.rows, w.cols))
MEASURE(OP_LINEAR_BWD_WEIGHTS, linear_bwd_weights,
        LIST(el_tensor dw, el_tensor db, el_tensor dy, el_tensor x),
        LIST(dw, db, dy, x), product(dy.rows, dy.cols, x.cols))
MEASURE(OP_ACT_FWD, act_fwd,
        LIST(el_tensor y, el_tensor x, el_activation act),
        LIST(y, x, act), 0)
MEASURE(OP_ACT_BWD, act_bwd,
        LIST(el_tensor dx, el_tensor dy, el_tensor x, el_activation act),
        LIST(dx, dy, x, act), 0)
MEASURE(OP_ATTENTION_FWD, attention_fwd,
        LIST(el_tensor context, el_tensor lse, el_tensor qkv, size_t heads, const el_dropout *dropout, const el_layout *layout),
        LIST(context, lse, qkv, heads, dropout, layout), 2 * scores(be, layout, context.cols))
MEASURE(OP_ATTENTION_BWD, attention_bwd,
        LIST(el_tensor dqkv, el_tensor dcontext, el_tensor qkv, el_tensor context, el_tensor lse, size_t heads, const el_dropout *dropout, const el_layout *layout),
        LIST(dqkv, dcontext, qkv, context, lse, heads, dropout, layout), 4 * scores(be, layout, context.cols))
MEASURE(OP_GATHER_ROWS, gather_rows,
        LIST(el_tensor y, el_tensor x, const uint32_t *rows),
        LIST(y, x, rows), 0)
MEASURE(OP_SCATTER_ADD_ROWS, scatter_add_rows,
        LIST(el_tensor dx, el_tensor dy, const uint32_t *rows),
        LIST(dx, dy, rows), 0)
MEASURE(OP_SPREAD_ADD, spread_add,
        LIST(el_tensor y, el_tensor x, const el_layout *layout),
        LIST(y, x, layout), 0)
MEASURE(OP_SPREAD_BWD, spread_bwd,
        LIST(el_tensor dx, el_tensor dy, const el_layout *layout),
        LIST(dx, dy, layout), 0)
MEASURE(OP_SOFTMAX_POOL_FWD, softmax_pool_fwd,
        LIST(el_tensor y, el_tensor p, el_tensor x, el_tensor logits, const el_layout *layout),
        LIST(y, p, x, logits, layout), 0)
MEASURE(OP_SOFTMAX_POOL_BWD, softmax_pool_bwd,
        LIST(el_tensor dx, el_tensor dlogits, el_tensor dy, el_tensor x, el_tensor p, el_tensor y, const el_layout *layout),
        LIST(dx, dlogits, dy, x, p, y, layout), 0)
MEASURE(OP_ANSWER_MASK, answer_mask,
        LIST(el_tensor logits, const uint32_t *types, const el_layout *layout),
        LIST(logits, types, layout), 0)
MEASURE(OP_MASKED_LM_FWD, masked_lm_fwd,
        LIST(el_tensor loss, el_tensor lse, uint32_t *best, uint32_t *sampled, el_tensor h, el_tensor table, el_tensor bias, const uint32_t *targets, const uint32_t *slots, const el_layout *layout, const el_sampling *sampling),
        LIST(loss, lse, best, sampled, h, table, bias, targets, slots, layout, sampling), product(h.rows, table.rows, table.cols))
MEASURE(OP_MASKED_LM_BWD, masked_lm_bwd,
        LIST(el_tensor dh, el_tensor dtable, el_tensor dbias, el_tensor h, el_tensor table, el_tensor bias, el_tensor lse, const uint32_t *targets, double scale),
        LIST(dh, dtable, dbias, h, table, bias, lse, targets, scale), 2 * product(h.rows, table.rows, table.cols))
MEASURE(OP_MASKED_LM_LOGITS, masked_lm_logits,
        LIST(el_tensor logits, el_tensor h, el_tensor table, el_tensor bias),
        LIST(logits, h, table, bias), product(h.rows, table.rows, table.cols))
MEASURE(OP_CORRUPT, corrupt,
        LIST(uint32_t *corrupted, uint32_t *labels, const uint32_t *ids, size_t n_tokens, const uint32_t *slots, const uint32_t *sampled, size_t n_slots, bool average),
        LIST(corrupted, labels, ids, n_tokens, slots, sampled, n_slots, average), 0)
MEASURE(OP_BINARY_LOSS_FWD, binary_loss_fwd,
        LIST(el_tensor loss, el_tensor logits, const uint32_t *labels),
        LIST(loss, logits, labels), 0)
MEASURE(OP_BINARY_LOSS_BWD, binary_loss_bwd,
        LIST(el_tensor dlogits, el_tensor logits, const uint32_t *labels, double scale),
        LIST(dlogits, logits, labels, scale), 0)
MEASURE(OP_SOFTMAX_LOSS_FWD, softmax_loss_fwd,
        LIST(el_tensor loss, el_tensor logits, const uint32_t *starts, const uint32_t *targets),
        LIST(loss, logits, starts, targets), 0)
MEASURE(OP_SOFTMAX_LOSS_BWD, softmax_loss_bwd,
        LIST(el_tensor dlogits, el_tensor logits, const uint32_t *starts, const uint32_t *targets, size_t groups, double scale),
        LIST(dlogits, logits, starts, targets, groups, scale), 0)
MEASURE(OP_SQUARED_LOSS_FWD, squared_loss_fwd,
        LIST(el_tensor loss, el_tensor x, el_tensor target),
        LIST(loss, x, target), 0)
MEASURE(OP_SQUARED_LOSS_BWD, squared_loss_bwd,
        LIST(el_tensor dx, el_tensor x, el_tensor target, double scale),
        LIST(dx, x, target, scale), 0)
MEASURE(OP_ADAM, adam,
        LIST(el_tensor parameter, el_tensor m, el_tensor v, el_tensor gradient, const el_adam *settings),
        LIST(parameter, m, v, gradient, settings), 0)
/* clang-format on */

static double measured_sum(el_backend *be, el_tensor x)
{
    const double start = el_now();
    const double value = inner_of(be)->ops->sum(inner_of(be), x);
    note(be, OP_SUM, start, 0);
    return value;
}

static double measured_sum_of_squares(el_backend *be, el_tensor x)
{
    const double start = el_now();
    const double value = inner_of(be)->ops->sum_of_squares(inner_of(be), x);
    note(be, OP_SUM_OF_SQUARES, start, 0);
    return value;
}

/* ---- passed on as they are --------------------------------------------------------------------------------------- */

static electra_status reserve(el_backend *be, const el_limits *limits, electra_error *err)
{
    return inner_of(be)->ops->reserve(inner_of(be), limits, err);
}

static void *alloc_memory(el_backend *be, size_t bytes)
{
    return inner_of(be)->ops->alloc(inner_of(be), bytes);
}

static void free_memory(el_backend *be, void *memory)
{
    inner_of(be)->ops->free(inner_of(be), memory);
}

static size_t format_bytes(el_backend *be, el_format format, size_t rows, size_t cols)
{
    return inner_of(be)->ops->format_bytes(inner_of(be), format, rows, cols);
}

static void pack_f32(el_backend *be, el_tensor w, size_t first, const float *from, size_t rows)
{
    inner_of(be)->ops->pack_f32(inner_of(be), w, first, from, rows);
}

static void pack_int8(el_backend *be, el_tensor w, size_t first, const int8_t *from, const float *scales, size_t rows)
{
    inner_of(be)->ops->pack_int8(inner_of(be), w, first, from, scales, rows);
}

static double peak(el_backend *be, double seconds)
{
    return inner_of(be)->ops->peak(inner_of(be), seconds);
}

#define PASS_ON(name, to_type, from_type)                                                                              \
    static void name(el_backend *be, to_type to, from_type from, size_t n)                                             \
    {                                                                                                                  \
        inner_of(be)->ops->name(inner_of(be), to, from, n);                                                            \
    }

PASS_ON(upload_f32, void *, const float *)
PASS_ON(download_f32, float *, const void *)
PASS_ON(upload_f64, void *, const double *)
PASS_ON(download_f64, double *, const void *)
PASS_ON(upload_bytes, void *, const void *)
PASS_ON(download_bytes, void *, const void *)

static const el_ops OPS = {
    .reserve = reserve,
    .alloc = alloc_memory,
    .free = free_memory,
    .upload_f32 = upload_f32,
    .download_f32 = download_f32,
    .upload_f64 = upload_f64,
    .download_f64 = download_f64,
    .upload_bytes = upload_bytes,
    .download_bytes = download_bytes,
    .format_bytes = format_bytes,
    .pack_f32 = pack_f32,
    .pack_int8 = pack_int8,
    .peak = peak,
    .zero = measured_zero,
    .copy = measured_copy,
    .add = measured_add,
    .embed_fwd = measured_embed_fwd,
    .embed_bwd = measured_embed_bwd,
    .norm_fwd = measured_norm_fwd,
    .norm_bwd = measured_norm_bwd,
    .dropout = measured_dropout,
    .linear_fwd = measured_linear_fwd,
    .linear_bwd_input = measured_linear_bwd_input,
    .linear_bwd_weights = measured_linear_bwd_weights,
    .act_fwd = measured_act_fwd,
    .act_bwd = measured_act_bwd,
    .attention_fwd = measured_attention_fwd,
    .attention_bwd = measured_attention_bwd,
    .gather_rows = measured_gather_rows,
    .scatter_add_rows = measured_scatter_add_rows,
    .spread_add = measured_spread_add,
    .spread_bwd = measured_spread_bwd,
    .softmax_pool_fwd = measured_softmax_pool_fwd,
    .softmax_pool_bwd = measured_softmax_pool_bwd,
    .answer_mask = measured_answer_mask,
    .masked_lm_fwd = measured_masked_lm_fwd,
    .masked_lm_bwd = measured_masked_lm_bwd,
    .masked_lm_logits = measured_masked_lm_logits,
    .corrupt = measured_corrupt,
    .binary_loss_fwd = measured_binary_loss_fwd,
    .binary_loss_bwd = measured_binary_loss_bwd,
    .softmax_loss_fwd = measured_softmax_loss_fwd,
    .softmax_loss_bwd = measured_softmax_loss_bwd,
    .squared_loss_fwd = measured_squared_loss_fwd,
    .squared_loss_bwd = measured_squared_loss_bwd,
    .sum = measured_sum,
    .sum_of_squares = measured_sum_of_squares,
    .adam = measured_adam,
};

/* ---- the wrapper ------------------------------------------------------------------------------------------------- */

static void destroy(el_backend *be)
{
    el_free(be->state);
    el_free(be);
}

electra_status el_profile_create(el_backend **out, el_backend *be, electra_error *err)
{
    *out = NULL;
    el_backend *wrapper = el_alloc(1, sizeof *wrapper);
    profile *p = el_alloc(1, sizeof *p);
    if (!wrapper || !p) {
        el_free(wrapper);
        el_free(p);
        return el_fail_memory(err, "the measuring of operators", sizeof *wrapper + sizeof *p);
    }
    *wrapper = *be;
    wrapper->ops = &OPS;
    wrapper->state = p;
    wrapper->destroy = destroy;
    p->inner = be;
    el_profile_reset(wrapper);
    *out = wrapper;
    return ELECTRA_OK;
}

size_t el_profile_count(void)
{
    return N_MEASURED;
}

el_profile_row el_profile_row_at(const el_backend *be, size_t i)
{
    return ((const profile *)be->state)->rows[i];
}

el_profile_row el_profile_total(const el_backend *be)
{
    el_profile_row total = {.name = "all"};
    for (size_t i = 0; i < N_MEASURED; i++) {
        const el_profile_row row = el_profile_row_at(be, i);
        total.calls += row.calls;
        total.seconds += row.seconds;
        total.flops += row.flops;
    }
    return total;
}

static int compare_operators(const void *a, const void *b)
{
    const electra_bench_operator *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

size_t el_profile_operators(const el_backend *be, double runs, electra_bench_operator *out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < N_MEASURED && n < most; i++) {
        const el_profile_row row = el_profile_row_at(be, i);
        if (row.calls) {
            out[n++] = (electra_bench_operator){.name = row.name,
                                                .calls = (double)row.calls / runs,
                                                .seconds = row.seconds / runs,
                                                .gflops = row.seconds > 0 ? row.flops * 1e-9 / row.seconds : 0};
        }
    }
    qsort(out, n, sizeof *out, compare_operators);
    return n;
}

void el_profile_reset(el_backend *be)
{
    profile *p = be->state;
    for (size_t i = 0; i < N_MEASURED; i++) {
        p->rows[i] = (el_profile_row){.name = NAMES[i]};
    }
}
