/* Attention of one head of one sequence: matrix products through the kernel of gemm.c, on blocks of scores that stay
 * in cache, with the softmax between them.
 *
 * Backward works on the transposed scores, [keys, queries]: then three of its five products read them as they lie, and
 * what belongs to a query (lse, D_t, its random row) lies along the lanes. */
#include <math.h>
#include <string.h>

#include "backend/cpu/simd/dropout.h"
#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/math.h"
#include "base/rng.h"

enum { ROWS = 128 }; /* of scores at a time: queries in forward, keys in backward */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t EL_SIMD(el_attention_scratch)(size_t n, size_t d)
{
    const size_t k = n > d ? n : d;
    const size_t scores = 2 * smaller(n, ROWS) * padded(n);
    const size_t per_query = 4 * padded(n);
    return (scores + per_query) * sizeof(float) + EL_SIMD(el_gemm_scratch)(n, k, k);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static float largest(const float *s, size_t n)
{
    vec most = v_set1(-INFINITY);
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        most = v_max(v_load(s + j), most);
    }
    float max = v_largest(most);
    for (; j < n; j++) {
        max = s[j] > max ? s[j] : max;
    }
    return max;
}

/* s = e^(scale s - shift), dropped elements then made 0; returns the sum before that. */
SIMD_INLINE float exponentials(float *s, size_t n, float scale, float shift, const el_row_dropout *dropout)
{
    const vec factor = v_set1(scale), minus = v_set1(-shift);
    vec sum = v_zero();
    for (size_t j = 0; j < n; j += LANES) {
        vec e = v_exp(v_fma(v_load_upto(s, j, n), factor, minus));
        if (n - j < LANES) {
            e = v_keep_first(e, n - j);
        }
        sum = v_add(sum, e);
        v_store_upto(s, j, n, dropout ? v_dropout(e, j, dropout) : e);
    }
    return v_sum(sum);
}

/* A row of scores becomes what its values are multiplied by, but for a factor that is returned. */
static float softmax_row(const el_attention *job, float *s, size_t query)
{
    const float shift = job->scale * largest(s, job->n);
    float sum;
    if (job->threshold) {
        const el_row_dropout dropout = {el_rng_row(job->key, job->sequence[query], job->position[query]),
                                        job->threshold, 1};
        sum = exponentials(s, job->n, job->scale, shift, &dropout);
    } else {
        sum = exponentials(s, job->n, job->scale, shift, NULL);
    }
    job->lse[query * job->lse_stride] = shift + logf(sum);
    return (job->threshold ? job->keep_scale : 1) / sum;
}

static void scale_row(float *x, size_t n, float factor)
{
    const vec f = v_set1(factor);
    for (size_t i = 0; i < n; i += LANES) {
        v_store_upto(x, i, n, v_mul(v_load_upto(x, i, n), f));
    }
}

static void forward_block(const el_attention *job, size_t begin, size_t rows, float *scores, void *scratch)
{
    const size_t n = job->n, d = job->d, ld = padded(n);
    float factors[ROWS];
    const el_gemm score = {.m = rows,
                           .n = n,
                           .k = d,
                           .a = job->q + begin * job->qkv_stride,
                           .a_row_stride = job->qkv_stride,
                           .a_col_stride = 1,
                           .b = job->k,
                           .b_row_stride = 1,
                           .b_col_stride = job->qkv_stride,
                           .c = scores,
                           .ldc = ld};
    EL_SIMD(el_gemm)(&score, 0, rows, 0, n, scratch);
    for (size_t i = 0; i < rows; i++) {
        factors[i] = softmax_row(job, scores + i * ld, begin + i);
    }
    float *context = job->context + begin * job->context_stride;
    const el_gemm mix = {.m = rows,
                         .n = d,
                         .k = n,
                         .a = scores,
                         .a_row_stride = ld,
                         .a_col_stride = 1,
                         .b = job->v,
                         .b_row_stride = job->qkv_stride,
                         .b_col_stride = 1,
                         .c = context,
                         .ldc = job->context_stride};
    EL_SIMD(el_gemm)(&mix, 0, rows, 0, d, scratch);
    for (size_t i = 0; i < rows; i++) {
        scale_row(context + i * job->context_stride, d, factors[i]);
    }
}

void EL_SIMD(el_attention_fwd)(const el_attention *job, size_t begin, size_t end, void *scratch)
{
    float *scores = scratch;
    float *rest = scores + 2 * smaller(job->n, ROWS) * padded(job->n);
    for (size_t q = begin; q < end; q += ROWS) {
        forward_block(job, q, smaller(end - q, ROWS), scores, rest);
    }
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* What backward knows of the queries, and the blocks it works on. Row i of a block belongs to key first + i. */
typedef struct backward {
    const el_attention *job;
    size_t ld;
    float *p, *dp;        /* [ROWS, ld] */
    float *lse, *d;       /* [n]; d_t = dcontext_t . context_t */
    uint32_t *low, *high; /* [n] halves of each query's random row */
    void *scratch;
} backward;

static float dot(const float *x, const float *y, size_t n)
{
    vec sum = v_zero();
    for (size_t i = 0; i < n; i += LANES) {
        sum = v_fma(v_load_upto(x, i, n), v_load_upto(y, i, n), sum);
    }
    return v_sum(sum);
}

static backward prepare_backward(const el_attention *job, void *scratch)
{
    const size_t ld = padded(job->n), block = smaller(job->n, ROWS) * ld;
    backward w = {.job = job, .ld = ld, .p = scratch};
    w.dp = w.p + block;
    w.lse = w.dp + block;
    w.d = w.lse + ld;
    w.low = (uint32_t *)(void *)(w.d + ld);
    w.high = w.low + ld;
    w.scratch = w.high + ld;
    for (size_t t = 0; t < job->n; t++) {
        const size_t at = t * job->context_stride;
        w.lse[t] = job->lse[t * job->lse_stride];
        w.d[t] = dot(job->dcontext + at, job->context + at, job->d);
        if (job->threshold) {
            const uint64_t row = el_rng_row(job->key, job->sequence[t], job->position[t]);
            w.low[t] = (uint32_t)row;
            w.high[t] = (uint32_t)(row >> 32);
        }
    }
    return w;
}

/* Scores s^T become dropout(p)^T in place, and dcontext v^T becomes scale dS^T. One key, all queries. */
SIMD_INLINE void softmax_backward_row(const backward *w, size_t row, size_t key, bool drop)
{
    const el_attention *job = w->job;
    const size_t n = job->n;
    float *p_row = w->p + row * w->ld, *dp_row = w->dp + row * w->ld;
    const vec scale = v_set1(job->scale), keep = v_set1(job->keep_scale);
    const vint column = vi_set1((uint32_t)key * RNG_GOLDEN), threshold = vi_set1(job->threshold);
    for (size_t t = 0; t < n; t += LANES) { /* rows are padded, so whole vectors may be stored */
        const vec p = v_exp(v_fma(v_load(p_row + t), scale, v_sub(v_zero(), v_load(w->lse + t))));
        vec kept = p, dp = v_load(dp_row + t);
        if (drop) {
            const vint lane = v_rng_lane(vi_load(w->low + t), vi_load(w->high + t), column);
            const vec factor = v_select(vi_less(lane, threshold), v_zero(), keep);
            kept = v_mul(p, factor);
            dp = v_mul(dp, factor);
        }
        v_store(p_row + t, kept);
        v_store(dp_row + t, v_mul(v_mul(p, scale), v_sub(dp, v_load(w->d + t))));
    }
}

static void softmax_backward(const backward *w, size_t first, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        if (w->job->threshold) {
            softmax_backward_row(w, i, first + i, true);
        } else {
            softmax_backward_row(w, i, first + i, false);
        }
    }
}

/* C[m, n] = A B, rows of A contiguous; b's strides as given. */
static void multiply(const backward *w, float *c, size_t ldc, const float *a, size_t lda, const float *b,
                     size_t b_row_stride, size_t b_col_stride, size_t m, size_t n, size_t k)
{
    const el_gemm job = {.m = m,
                         .n = n,
                         .k = k,
                         .a = a,
                         .a_row_stride = lda,
                         .a_col_stride = 1,
                         .b = b,
                         .b_row_stride = b_row_stride,
                         .b_col_stride = b_col_stride,
                         .c = c,
                         .ldc = ldc};
    EL_SIMD(el_gemm)(&job, 0, m, 0, n, w->scratch);
}

static void backward_block(const backward *w, size_t first, size_t rows)
{
    const el_attention *job = w->job;
    const size_t n = job->n, d = job->d, ld = w->ld, sq = job->qkv_stride, sc = job->context_stride;
    const size_t at = first * sq;
    multiply(w, w->p, ld, job->k + at, sq, job->q, 1, sq, rows, n, d);         /* s^T = k q^T */
    multiply(w, w->dp, ld, job->v + at, sq, job->dcontext, 1, sc, rows, n, d); /* v dcontext^T */
    softmax_backward(w, first, rows);
    multiply(w, job->dv + at, sq, w->p, ld, job->dcontext, sc, 1, rows, d, n);
    multiply(w, job->dk + at, sq, w->dp, ld, job->q, sq, 1, rows, d, n);
    const el_gemm query = {.m = n,
                           .n = d,
                           .k = rows,
                           .a = w->dp,
                           .a_row_stride = 1,
                           .a_col_stride = ld,
                           .b = job->k + at,
                           .b_row_stride = sq,
                           .b_col_stride = 1,
                           .c = job->dq,
                           .ldc = sq,
                           .accumulate = first > 0};
    EL_SIMD(el_gemm)(&query, 0, n, 0, d, w->scratch);
}

void EL_SIMD(el_attention_bwd)(const el_attention *job, void *scratch)
{
    const backward w = prepare_backward(job, scratch);
    for (size_t first = 0; first < job->n; first += ROWS) {
        backward_block(&w, first, smaller(job->n - first, ROWS));
    }
}
