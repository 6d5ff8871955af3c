/* Owns the CPU backend as an object: how it is made and freed, its memory, and its table of operators. Read next:
 * workspace.c, gemm.c and linear.c, then one file a group of operators. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

#include "backend/cpu/create.h"
#include "backend/cpu/detect.h"
#include "base/status.h"

static void *alloc_memory(el_backend *be, size_t bytes)
{
    (void)be;
    return el_alloc(bytes, 1);
}

static void free_memory(el_backend *be, void *memory)
{
    (void)be;
    el_free(memory);
}

static void upload_f32(el_backend *be, void *to, const float *from, size_t n)
{
    (void)be;
    real *x = to;
    for (size_t i = 0; i < n; i++) {
        x[i] = (real)from[i];
    }
}

static void download_f32(el_backend *be, float *to, const void *from, size_t n)
{
    (void)be;
    const real *x = from;
    for (size_t i = 0; i < n; i++) {
        to[i] = (float)x[i];
    }
}

static void upload_f64(el_backend *be, void *to, const double *from, size_t n)
{
    (void)be;
    real *x = to;
    for (size_t i = 0; i < n; i++) {
        x[i] = (real)from[i];
    }
}

static void download_f64(el_backend *be, double *to, const void *from, size_t n)
{
    (void)be;
    const real *x = from;
    for (size_t i = 0; i < n; i++) {
        to[i] = (double)x[i];
    }
}

static void copy_bytes(el_backend *be, void *to, const void *from, size_t bytes)
{
    (void)be;
    if (bytes) {
        memcpy(to, from, bytes);
    }
}

static size_t format_bytes(el_backend *be, el_format format, size_t rows, size_t cols)
{
    switch (format) {
    case EL_FORMAT_REAL: return rows * cols * sizeof(real);
    case EL_FORMAT_PARTS: return sizeof(el_parts);
    case EL_FORMAT_PACKED: return el_cpu_of(be)->k.packed_size(rows, cols) * sizeof(real);
    case EL_FORMAT_INT8:
    case EL_FORMAT_INT8_ROWS: return EL_REAL(el_cpu_int8_bytes)(format, rows, cols);
    }
    return 0;
}

static void pack_f32(el_backend *be, el_tensor w, size_t first, const float *from, size_t rows)
{
    assert(w.data && w.format == EL_FORMAT_PACKED && first + rows <= w.rows);
    el_cpu_of(be)->k.pack_weights(w.data, first, from, rows, w.cols);
}

static const el_ops OPS = {
    .reserve = EL_REAL(el_cpu_reserve),
    .alloc = alloc_memory,
    .free = free_memory,
    .upload_f32 = upload_f32,
    .download_f32 = download_f32,
    .upload_f64 = upload_f64,
    .download_f64 = download_f64,
    .upload_bytes = copy_bytes,
    .download_bytes = copy_bytes,
    .format_bytes = format_bytes,
    .pack_f32 = pack_f32,
    .pack_int8 = EL_REAL(el_cpu_int8_pack),
    .zero = EL_REAL(el_cpu_zero),
    .copy = EL_REAL(el_cpu_copy),
    .add = EL_REAL(el_cpu_add),
    .embed_fwd = EL_REAL(el_cpu_embed_fwd),
    .embed_bwd = EL_REAL(el_cpu_embed_bwd),
    .norm_fwd = EL_REAL(el_cpu_norm_fwd),
    .norm_bwd = EL_REAL(el_cpu_norm_bwd),
    .dropout = EL_REAL(el_cpu_dropout),
    .linear_fwd = EL_REAL(el_cpu_linear_fwd),
    .linear_bwd_input = EL_REAL(el_cpu_linear_bwd_input),
    .linear_bwd_weights = EL_REAL(el_cpu_linear_bwd_weights),
    .act_fwd = EL_REAL(el_cpu_act_fwd),
    .act_bwd = EL_REAL(el_cpu_act_bwd),
    .attention_fwd = EL_REAL(el_cpu_attention_fwd),
    .attention_bwd = EL_REAL(el_cpu_attention_bwd),
    .gather_rows = EL_REAL(el_cpu_gather_rows),
    .scatter_add_rows = EL_REAL(el_cpu_scatter_add_rows),
    .spread_add = EL_REAL(el_cpu_spread_add),
    .spread_bwd = EL_REAL(el_cpu_spread_bwd),
    .softmax_pool_fwd = EL_REAL(el_cpu_softmax_pool_fwd),
    .softmax_pool_bwd = EL_REAL(el_cpu_softmax_pool_bwd),
    .answer_mask = EL_REAL(el_cpu_answer_mask),
    .masked_lm_fwd = EL_REAL(el_cpu_masked_lm_fwd),
    .masked_lm_bwd = EL_REAL(el_cpu_masked_lm_bwd),
    .masked_lm_logits = EL_REAL(el_cpu_masked_lm_logits),
    .corrupt = EL_REAL(el_cpu_corrupt),
    .binary_loss_fwd = EL_REAL(el_cpu_binary_loss_fwd),
    .binary_loss_bwd = EL_REAL(el_cpu_binary_loss_bwd),
    .softmax_loss_fwd = EL_REAL(el_cpu_softmax_loss_fwd),
    .softmax_loss_bwd = EL_REAL(el_cpu_softmax_loss_bwd),
    .squared_loss_fwd = EL_REAL(el_cpu_squared_loss_fwd),
    .squared_loss_bwd = EL_REAL(el_cpu_squared_loss_bwd),
    .sum = EL_REAL(el_cpu_sum),
    .sum_of_squares = EL_REAL(el_cpu_sum_of_squares),
    .adam = EL_REAL(el_cpu_adam),
    .peak = EL_REAL(el_cpu_peak),
};

/* The table of a level, and its name. */
static const char *fill_kernels(el_kernels *k, el_cpu_level level)
{
    EL_REAL(el_kernels_fill_ref)(k);
#ifdef EL_REAL_DOUBLE
    (void)level;
    return "cpu-ref-f64";
#else
#ifdef __x86_64__
    if (level >= EL_CPU_AVX2) {
        el_kernels_fill_avx2(k);
    }
    if (level >= EL_CPU_AVX512) {
        el_kernels_fill_avx512(k);
        if (el_cpu_has_vnni()) {
            el_kernels_fill_vnni(k);
        }
    }
#endif
    return level == EL_CPU_AVX512 ? "cpu-avx512" : level == EL_CPU_AVX2 ? "cpu-avx2" : "cpu-ref";
#endif
}

static void destroy(el_backend *be)
{
    el_cpu *cpu = el_cpu_of(be);
    if (cpu) {
        el_arena_clear(&cpu->arena);
    }
    el_free(cpu);
    el_free(be);
}

electra_status EL_REAL(el_cpu_create)(el_backend **out, el_pool *pool, el_cpu_level level, electra_error *err)
{
    *out = NULL;
    el_backend *be = el_alloc(1, sizeof *be);
    if (!be) {
        return el_fail_memory(err, "the backend", sizeof *be);
    }
    be->ops = &OPS;
    be->element_size = sizeof(real);
    be->pool = pool;
    be->destroy = destroy;
    el_cpu *cpu = be->state = el_alloc(1, sizeof *cpu);
    if (!cpu) {
        el_backend_free(be);
        return el_fail_memory(err, "the backend", sizeof *cpu);
    }
    be->name = fill_kernels(&cpu->k, level);
    *out = be;
    return ELECTRA_OK;
}
