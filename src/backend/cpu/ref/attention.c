/* Plain C: attention of one head of one sequence, query by query. K and, in backward, V are transposed into scratch
 * first, so that the loops over keys run along memory. */
#include "backend/cpu/ref/ref.h"
#include "base/rng.h"

size_t EL_REAL(el_ref_attention_scratch)(size_t n, size_t d)
{
    return (2 * d + 2) * n * sizeof(real); /* K^T, V^T, two rows over the keys */
}

/* to[c, j] = from[j, c] */
static void transpose(real *to, const real *from, size_t stride, size_t n, size_t d)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t c = 0; c < d; c++) {
            to[c * n + j] = from[j * stride + c];
        }
    }
}

/* out[j] = factor * sum_c x[c] m[c, j] */
static void row_times_matrix(real *restrict out, const real *restrict x, const real *restrict m, real factor, size_t n,
                             size_t d)
{
    for (size_t j = 0; j < n; j++) {
        out[j] = 0;
    }
    for (size_t c = 0; c < d; c++) {
        for (size_t j = 0; j < n; j++) {
            out[j] += x[c] * m[c * n + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        out[j] *= factor;
    }
}

/* y += a * x */
static void add_scaled(real *restrict y, real a, const real *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += a * x[i];
    }
}

/* What dropout multiplies the probability of query t and key j by; `row` is el_rng_row of the query. */
static real kept(const el_attention *job, uint64_t row, size_t j)
{
    if (!job->threshold) {
        return 1;
    }
    return el_rng_lane(row, (uint32_t)j) < job->threshold ? 0 : job->keep_scale;
}

static uint64_t dropout_row(const el_attention *job, size_t t)
{
    return job->threshold ? el_rng_row(job->key, job->sequence[t], job->position[t]) : 0;
}

/* scores[j] becomes exp(scores[j] - max); returns their sum. */
static real exponentials(real *scores, size_t n, real *max)
{
    *max = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        *max = scores[j] > *max ? scores[j] : *max;
    }
    real sum = 0;
    for (size_t j = 0; j < n; j++) {
        scores[j] = real_exp(scores[j] - *max);
        sum += scores[j];
    }
    return sum;
}

void EL_REAL(el_ref_attention_fwd)(const el_attention *job, size_t begin, size_t end, void *scratch)
{
    const size_t n = job->n, d = job->d;
    real *keys = scratch, *scores = keys + d * n;
    transpose(keys, job->k, job->qkv_stride, n, d);
    for (size_t t = begin; t < end; t++) {
        row_times_matrix(scores, job->q + t * job->qkv_stride, keys, job->scale, n, d);
        real max;
        const real sum = exponentials(scores, n, &max);
        const uint64_t row = dropout_row(job, t);
        real *context = job->context + t * job->context_stride;
        for (size_t c = 0; c < d; c++) {
            context[c] = 0;
        }
        for (size_t j = 0; j < n; j++) {
            add_scaled(context, scores[j] / sum * kept(job, row, j), job->v + j * job->qkv_stride, d);
        }
        job->lse[t * job->lse_stride] = max + real_log(sum);
    }
}

static void zero_rows(real *x, size_t stride, size_t n, size_t d)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t c = 0; c < d; c++) {
            x[j * stride + c] = 0;
        }
    }
}

static real dot(const real *x, const real *y, size_t n)
{
    real sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* The share of query t. p: its probabilities, dp: gradients of the probabilities before dropout is undone. */
static void query_bwd(const el_attention *job, size_t t, const real *p, const real *dp)
{
    const size_t d = job->d, stride = job->qkv_stride;
    const real *q = job->q + t * stride, *dcontext = job->dcontext + t * job->context_stride;
    const real weighted = dot(dcontext, job->context + t * job->context_stride, d); /* sum_j p_j dP_j */
    const uint64_t row = dropout_row(job, t);
    for (size_t j = 0; j < job->n; j++) {
        const real keep = kept(job, row, j);
        const real dscore = job->scale * p[j] * (dp[j] * keep - weighted);
        add_scaled(job->dq + t * stride, dscore, job->k + j * stride, d);
        add_scaled(job->dk + j * stride, dscore, q, d);
        add_scaled(job->dv + j * stride, p[j] * keep, dcontext, d);
    }
}

void EL_REAL(el_ref_attention_bwd)(const el_attention *job, void *scratch)
{
    const size_t n = job->n, d = job->d, stride = job->qkv_stride;
    real *keys = scratch, *values = keys + d * n, *p = values + d * n, *dp = p + n;
    transpose(keys, job->k, stride, n, d);
    transpose(values, job->v, stride, n, d);
    zero_rows(job->dq, stride, n, d);
    zero_rows(job->dk, stride, n, d);
    zero_rows(job->dv, stride, n, d);
    for (size_t t = 0; t < n; t++) {
        row_times_matrix(p, job->q + t * stride, keys, job->scale, n, d);
        row_times_matrix(dp, job->dcontext + t * job->context_stride, values, 1, n, d);
        for (size_t j = 0; j < n; j++) {
            p[j] = real_exp(p[j] - job->lse[t * job->lse_stride]);
        }
        query_bwd(job, t, p, dp);
    }
}
