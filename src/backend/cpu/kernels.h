/* The single-thread kernels that the operators of the CPU are made of, as one table.
 *
 * First every slot is filled with plain C, then each level overwrites what it does better, so there is no hole and the
 * reference is always in the binary:
 *
 *     el_kernels k;
 *     EL_REAL(el_kernels_fill_ref)(&k);
 *     if (level >= EL_CPU_AVX2) el_kernels_fill_avx2(&k);     // float only
 *     if (level >= EL_CPU_AVX512) el_kernels_fill_avx512(&k); // float only
 *     if (level >= EL_CPU_AVX512 && el_cpu_has_vnni()) el_kernels_fill_vnni(&k);
 *
 * The operators (cpu.c and its neighbours) own threads, workspace and the cutting of work into pieces; a kernel does
 * one piece. What all kernels share:
 * - They cannot fail and allocate nothing; scratch comes from the caller, aligned to EL_ALIGNMENT, content undefined.
 * - Data pointers are aligned to one element only, and nothing is read or written beyond what is described.
 * - Sizes may be zero unless said otherwise, and are of any remainder.
 * - An output overlaps an input only where its description says "may be".
 * - The same input gives the same bits, wherever the piece begins; see el_gemm for what that asks of it.
 * - Not-a-number and infinities in an input give some result or other, never a trap, an endless loop or a bad index.
 * - Levels agree within rounding, but on random numbers exactly: a lane is the same integer everywhere. */
#ifndef EL_BACKEND_CPU_KERNELS_H
#define EL_BACKEND_CPU_KERNELS_H

#include "backend/backend.h"
#include "backend/cpu/real.h"

/* ---- matrix product --------------------------------------------------------------------------------------------- */

/* What happens to v = sum_k A[i,k] B[k,j] on its way into C. */
typedef enum el_gemm_epilogue {
    EL_GEMM_FORWARD, /* v += bias[j]; pre[i,j] = v; v = act(v)     each part left out if bias, pre is NULL */
    EL_GEMM_BACKWARD /* v *= act'(pre[i,j])                        left out if pre is NULL */
} el_gemm_epilogue;

/* C[m,n] = epilogue(A[m,k] B[k,n]), or C += epilogue(A B) with `accumulate`. A transposed operand is a matter of its
 * strides. k may be 0 (then A B = 0). With FORWARD and act LINEAR pre must be NULL.
 *
 * Layers use it in three ways, which decide the speed of everything:
 *     forward   y[T,N]  = x[T,K] w[N,K]^T    a: (K, 1), b: (1, K)
 *     input     dx[T,K] = dy[T,N] w[N,K]     a: (N, 1), b: (K, 1)
 *     weights   dw[N,K] += dy[T,N]^T x[T,K]  a: (1, N), b: (K, 1)
 * and the masked-token head in the same three, on pieces of the vocabulary. */
typedef struct el_gemm {
    size_t m, n, k;
    const real *a; /* A(i,k) = a[i * a_row_stride + k * a_col_stride] */
    size_t a_row_stride, a_col_stride;
    const real *b; /* B(k,j) = b[k * b_row_stride + j * b_col_stride] */
    size_t b_row_stride, b_col_stride;
    const real *b_packed; /* B as pack_weights left it, instead of b; or NULL */
    real *c;              /* C(i,j) = c[i * ldc + j] */
    size_t ldc;
    bool accumulate;
    el_gemm_epilogue epilogue;
    const real *bias; /* [n] or NULL; FORWARD only */
    el_activation act;
    real *pre; /* pre(i,j) = pre[i * ldpre + j], or NULL; written by FORWARD, read by BACKWARD */
    size_t ldpre;
} el_gemm;

/* ---- 8-bit integers --------------------------------------------------------------------------------------------- */

enum {
    EL_INT8_COLS = 16, /* columns of a panel of weights */
    EL_INT8_STEP = 8   /* the depth of rows and panels is a multiple of this, with zeros at the end */
};

/* C = act(A w^T + bias) for the rows of A, with A(i,k) = a_scale[i] * (a[i * depth + k] - a_zero[i]) and panels of w:
 * b[panel][depth / 4][EL_INT8_COLS][4], four neighbours in k side by side. The sum over k in 32 bits is exact, as depth
 * is at most EL_INT8_WIDEST, and is turned into a real as sum * (a_scale[i] * b_scale[j]) + bias[j], rounded in this
 * order, at every level. Arrays over columns go on to the end of the last panel, except for bias. */
typedef struct el_int8_gemm {
    size_t m, n, depth;
    const uint8_t *a;
    const real *a_scale;   /* [m] */
    const int32_t *a_zero; /* [m] */
    const int8_t *b;
    const float *b_scale;     /* [n] */
    const int32_t *b_sum;     /* [n] sums of the integers over k */
    const uint8_t *b_misfits; /* [panels] columns for which el_int8_fits (backend/int8.h) does not hold */
    real *c;                  /* C(i,j) = c[i * ldc + j] */
    size_t ldc;
    const real *bias; /* [n] or NULL */
    el_activation act;
} el_int8_gemm;

/* A row of a table: scale * q[c]. */
typedef struct el_int8_row {
    const int8_t *q;
    float scale;
} el_int8_row;

/* ---- dropout ---------------------------------------------------------------------------------------------------- */

/* Dropout of one row: element c becomes 0 if el_rng_lane(row, c) < threshold, else it is multiplied by scale.
 * Kernels take NULL for no dropout. */
typedef struct el_row_dropout {
    uint64_t row;       /* el_rng_row(key, sequence, position) */
    uint32_t threshold; /* rate * 2^32, rounded up */
    real scale;         /* 1 / (1 - rate) */
} el_row_dropout;

/* ---- attention -------------------------------------------------------------------------------------------------- */

/* One head of one sequence. Row t of every matrix belongs to token t of the sequence. */
typedef struct el_attention {
    size_t n;              /* tokens of the sequence, at least 1 */
    size_t d;              /* width of the head */
    const real *q, *k, *v; /* [n, d], rows qkv_stride apart */
    size_t qkv_stride;
    real scale;    /* 1 / sqrt(d) */
    real *context; /* [n, d], rows context_stride apart; written by forward, read by backward */
    size_t context_stride;
    real *lse; /* [n], elements lse_stride apart: log sum exp of the scaled scores; written by forward */
    size_t lse_stride;

    /* backward: gradients at the same places as what they are of, written */
    const real *dcontext; /* rows context_stride apart */
    real *dq, *dk, *dv;   /* rows qkv_stride apart */

    /* dropout of the probability of query t and key j: lane j of el_rng_row(key, sequence[t], position[t]) */
    uint32_t threshold;                  /* 0: none */
    real keep_scale;                     /* 1 / (1 - rate) */
    uint64_t key;                        /* the head's: el_rng_mix(key of the site + head) */
    const uint32_t *sequence, *position; /* [n] */
} el_attention;

/* ---- the masked-token head -------------------------------------------------------------------------------------- */

/* Of one row of n logits: z = logits. */
typedef struct el_logit_stats {
    real max;      /* -infinity if n is 0 or no logit is a number */
    real sum;      /* sum_j exp(z[j] - max) */
    uint32_t best; /* first j with z[j] = max; 0 if there is none */
} el_logit_stats;

enum { EL_PEAK_FLOPS = 1536 }; /* a multiple of what any level does in one turn of its loop */

/* ---- the table -------------------------------------------------------------------------------------------------- */

typedef struct el_kernels {
    /* Bytes of scratch that one thread needs for any call of `gemm` whose m, n, k are at most these. Monotonic in
     * each; should not grow without bound (pack blocks, not matrices). */
    size_t (*gemm_scratch)(size_t m, size_t n, size_t k);
    /* Rows [row_begin, row_end) x columns [col_begin, col_end) of C. The bits of an element must not depend on which
     * rectangle it falls into: sum over k in an order that is fixed by k alone. */
    void (*gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end, void *scratch);
    /* Weights w[n,k] packed once as the B of the forward product; results have the same bits as with b. Rectangles
     * then begin at columns that are multiples of 64. Reals that they take, and rows first ... of w out of `from`
     * [rows,k] into that memory, which was zero at first. */
    size_t (*packed_size)(size_t n, size_t k);
    void (*pack_weights)(real *to, size_t first, const float *from, size_t rows, size_t k);

    /* A row of n reals as integers, by the formulas of linear_fwd in backend.h; q: [depth], zeros from n on. A row with
     * a number that is not finite gets the scale NaN, one that is too small for its scale to be a normal number 0. */
    void (*int8_quantize)(uint8_t *q, real *scale, int32_t *zero, const real *x, size_t n, size_t depth);
    /* Panels [begin, end) of C, all rows. */
    void (*int8_gemm)(const el_int8_gemm *job, size_t panel_begin, size_t panel_end);
    /* y = (a + b) + c of n columns, each product and sum rounded. */
    void (*int8_add_three)(real *y, el_int8_row a, el_int8_row b, el_int8_row c, size_t n);

    /* One row of n >= 1 columns: s = x + dropout(z) (z NULL: s = x), mean, biased variance in a second pass over s,
     * y = gamma * (s - mean) * r + beta with r = 1 / sqrt(var + epsilon). stats[0] = mean, stats[1] = r.
     * sum keeps s and may be x or z. The mean is taken so well (in double, or corrected by the mean of s - mean) that a
     * constant row gives y = beta in spite of an epsilon of 1e-12. */
    void (*norm_fwd)(real *y, real *sum, real *stats, const real *x, const real *z, const el_row_dropout *dropout,
                     const real *gamma, const real *beta, double epsilon, size_t n);
    /* A block of rows: with xhat = (sum - mean) r and g = dy * gamma,
     * dsum = r * (g - mean_c(g) - xhat * mean_c(g * xhat)); may be dy.
     * dgamma[c] = sum over the rows of dy xhat, dbeta[c] = of dy: written (the block's share, n columns each). */
    void (*norm_bwd)(real *dsum, real *dgamma, real *dbeta, const real *dy, const real *sum, const real *stats,
                     const real *gamma, size_t rows, size_t n);

    /* One row; y may be x. dropout is not NULL. */
    void (*dropout)(real *y, const real *x, size_t n, const el_row_dropout *dropout);

    /* y = act(x), y may be x; dx = dy * act'(x), dx may be dy. Formulas: el_activation. */
    void (*act_fwd)(real *y, const real *x, size_t n, el_activation act);
    void (*act_bwd)(real *dx, const real *dy, const real *x, size_t n, el_activation act);

    /* Bytes of scratch for any sequence of at most n tokens and heads of width d, forward or backward. */
    size_t (*attention_scratch)(size_t n, size_t d);
    /* Queries [begin, end): p = softmax_j(scale q_t . k_j), context_t = sum_j dropout(p_j) v_j, lse_t. The bits of a
     * query's row must not depend on begin and end. */
    void (*attention_fwd)(const el_attention *job, size_t begin, size_t end, void *scratch);
    /* All queries. p is computed again as exp(scale q_t . k_j - lse_t). With D_t = dcontext_t . context_t:
     * dP = dropout'(dcontext_t . v_j), dS = p (dP - D_t), dq = scale dS k, dk = scale dS^T q, dv = dropout(p)^T
     * dcontext. */
    void (*attention_bwd)(const el_attention *job, void *scratch);

    el_logit_stats (*logit_stats)(const real *logits, size_t n);
    /* z[j] = scale * exp(z[j] - lse), in place: the softmax's part of the gradient. */
    void (*logit_gradient)(real *z, size_t n, real lse, real scale);

    void (*add)(real *y, const real *x, size_t n);                                     /* y += x */
    void (*add_three)(real *y, const real *a, const real *b, const real *c, size_t n); /* y = (a + b) + c */
    /* sums[j] += sum_i x[i * ldx + j] for n columns, rows in order. The bits of a column's sum must not depend on
     * which columns are asked for together. */
    void (*column_sums)(real *sums, const real *x, size_t ldx, size_t rows, size_t n);

    /* backend.h binary_loss; the gradient is scale * (sigmoid(s) - y). */
    void (*binary_loss_fwd)(real *loss, const real *logits, const uint32_t *labels, size_t n);
    void (*binary_loss_bwd)(real *dlogits, const real *logits, const uint32_t *labels, real scale, size_t n);

    /* backend.h softmax_loss, one softmax: n >= 1 logits that lie `stride` apart, target < n. */
    real (*softmax_loss_fwd)(const real *logits, size_t n, size_t stride, size_t target);
    void (*softmax_loss_bwd)(real *dlogits, const real *logits, size_t n, size_t stride, size_t target, real scale);
    void (*squared_loss_fwd)(real *loss, const real *x, const real *target, size_t n);
    void (*squared_loss_bwd)(real *dx, const real *x, const real *target, real scale, size_t n);

    /* backend.h softmax_pool, one sequence of rows >= 1 tokens and n columns. */
    void (*pool_fwd)(real *y, real *p, const real *logits, const real *x, size_t rows, size_t n);
    void (*pool_bwd)(real *dx, real *dlogits, const real *dy, const real *x, const real *p, const real *y, size_t rows,
                     size_t n);

    /* `rounds` rounds of EL_PEAK_FLOPS floating point operations each: independent multiply-adds in registers, as fast
     * as the level can. Adds its results to *sink, so that they are wanted. */
    void (*multiply_adds)(real *sink, size_t rounds);

    double (*sum)(const real *x, size_t n);            /* accumulated in double */
    double (*sum_of_squares)(const real *x, size_t n); /* likewise, each square taken in double */

    /* backend.h adam. In float the settings are rounded to float first (decay and rate stay factors of their own). */
    void (*adam)(real *parameter, real *m, real *v, const real *gradient, size_t n, const el_adam *settings);
} el_kernels;

void EL_REAL(el_kernels_fill_ref)(el_kernels *k);
#if defined(__x86_64__) && !defined(EL_REAL_DOUBLE)
void el_kernels_fill_avx2(el_kernels *k);
void el_kernels_fill_avx512(el_kernels *k);
void el_kernels_fill_vnni(el_kernels *k); /* AVX-512 with VNNI: products of 8-bit integers */
#endif

#endif
