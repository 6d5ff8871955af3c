/* Plain C: products of 8-bit integers. */
#include <string.h>

#include "backend/cpu/ref/ref.h"

#ifdef EL_REAL_DOUBLE
#define real_nearbyint nearbyint
#else
#define real_nearbyint nearbyintf
#endif

void EL_REAL(el_ref_int8_quantize)(uint8_t *q, real *scale, int32_t *zero, const real *x, size_t n, size_t depth)
{
    real low = 0, high = 0, wrong = 0; /* wrong: not a number if any x is infinite or not a number */
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        wrong += x[i] * 0;
    }
    const real range = high - low, step = range / 255, inverse = 255 / range;
    *zero = 0;
    if (!isnormal(step) || wrong != 0) {
        *scale = wrong != 0 || range > 1 ? (real)NAN : 0;
        memset(q, 0, depth);
        return;
    }
    *scale = step;
    const real shift = real_nearbyint(-low * inverse);
    *zero = (int32_t)shift;
    for (size_t i = 0; i < n; i++) {
        const real level = real_nearbyint(x[i] * inverse) + shift;
        q[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
    memset(q + n, 0, depth - n);
}

/* Sums of one row with the columns of a panel. */
static void multiply(int32_t sums[EL_INT8_COLS], const uint8_t *a, const int8_t *b, size_t depth)
{
    memset(sums, 0, EL_INT8_COLS * sizeof *sums);
    for (size_t k = 0; k < depth; k += 4, b += EL_INT8_COLS * 4) {
        for (size_t j = 0; j < EL_INT8_COLS; j++) {
            for (size_t i = 0; i < 4; i++) {
                sums[j] += a[k + i] * b[j * 4 + i];
            }
        }
    }
}

void EL_REAL(el_ref_int8_gemm)(const el_int8_gemm *job, size_t panel_begin, size_t panel_end)
{
    int32_t sums[EL_INT8_COLS];
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
        const size_t first = panel * EL_INT8_COLS;
        const size_t cols = job->n - first < EL_INT8_COLS ? job->n - first : EL_INT8_COLS;
        for (size_t i = 0; i < job->m; i++) {
            real *c = job->c + i * job->ldc + first;
            multiply(sums, job->a + i * job->depth, job->b + first * job->depth, job->depth);
            for (size_t j = 0; j < cols; j++) {
                const int32_t sum = sums[j] - job->a_zero[i] * job->b_sum[first + j];
                c[j] = (real)sum * (job->a_scale[i] * (real)job->b_scale[first + j]);
                c[j] += job->bias ? job->bias[first + j] : 0;
            }
            EL_REAL(el_ref_act_fwd)(c, c, cols, job->act);
        }
    }
}

void EL_REAL(el_ref_int8_add_three)(real *y, el_int8_row a, el_int8_row b, el_int8_row c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = ((real)a.q[i] * (real)a.scale + (real)b.q[i] * (real)b.scale) + (real)c.q[i] * (real)c.scale;
    }
}
