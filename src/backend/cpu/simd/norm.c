/* Layer norm of a residual sum. Sums over a row are kept in double, as in the plain kernels and for their reason. */
#include <math.h>

#include "backend/cpu/simd/dropout.h"
#include "backend/cpu/simd/kernels.h"

/* s = x + dropout(z); returns the sum over the row. */
SIMD_INLINE double residual_sum(float *sum, const float *x, const float *z, const el_row_dropout *dropout, size_t n)
{
    vdouble total = vd_zero();
    for (size_t c = 0; c < n; c += LANES) {
        vec s = v_load_upto(x, c, n);
        if (z) {
            const vec kept = v_load_upto(z, c, n);
            s = v_add(s, dropout ? v_dropout(kept, c, dropout) : kept);
        }
        v_store_upto(sum, c, n, s);
        total = vd_add(total, s);
    }
    return vd_sum(total);
}

void EL_SIMD(el_norm_fwd)(float *y, float *sum, float *stats, const float *x, const float *z,
                          const el_row_dropout *dropout, const float *gamma, const float *beta, double epsilon,
                          size_t n)
{
    const double total = !z        ? residual_sum(sum, x, NULL, NULL, n)
                         : dropout ? residual_sum(sum, x, z, dropout, n)
                                   : residual_sum(sum, x, z, NULL, n);
    stats[0] = (float)(total / (double)n);
    const vec mean = v_set1(stats[0]);
    vdouble squares = vd_zero();
    for (size_t c = 0; c + LANES <= n; c += LANES) {
        squares = vd_add_square(squares, v_sub(v_load(sum + c), mean));
    }
    double variance = vd_sum(squares);
    for (size_t c = n - n % LANES; c < n; c++) {
        const double deviation = (double)(sum[c] - stats[0]);
        variance += deviation * deviation;
    }
    stats[1] = (float)(1 / sqrt(variance / (double)n + epsilon));
    const vec r = v_set1(stats[1]);
    for (size_t c = 0; c < n; c += LANES) {
        const vec xhat = v_mul(v_sub(v_load_upto(sum, c, n), mean), r);
        v_store_upto(y, c, n, v_fma(v_load_upto(gamma, c, n), xhat, v_load_upto(beta, c, n)));
    }
}

static void row_bwd(float *dsum, float *dgamma, float *dbeta, const float *dy, const float *sum, const float *stats,
                    const float *gamma, size_t n)
{
    const vec mean = v_set1(stats[0]), r = v_set1(stats[1]);
    vdouble total = vd_zero(), total_xhat = vd_zero(); /* of g and g * xhat */
    for (size_t c = 0; c < n; c += LANES) {
        const vec d = v_load_upto(dy, c, n);
        const vec xhat = v_mul(v_sub(v_load_upto(sum, c, n), mean), r);
        const vec g = v_mul(d, v_load_upto(gamma, c, n)); /* 0 beyond the row */
        total = vd_add(total, g);
        total_xhat = vd_add(total_xhat, v_mul(g, xhat));
        v_store_upto(dgamma, c, n, v_fma(d, xhat, v_load_upto(dgamma, c, n)));
        v_store_upto(dbeta, c, n, v_add(v_load_upto(dbeta, c, n), d));
    }
    const vec mean_g = v_set1((float)(vd_sum(total) / (double)n));
    const vec mean_xhat = v_set1((float)(vd_sum(total_xhat) / (double)n));
    for (size_t c = 0; c < n; c += LANES) {
        const vec xhat = v_mul(v_sub(v_load_upto(sum, c, n), mean), r);
        const vec g = v_mul(v_load_upto(dy, c, n), v_load_upto(gamma, c, n));
        v_store_upto(dsum, c, n, v_mul(r, v_fnma(xhat, mean_xhat, v_sub(g, mean_g))));
    }
}

void EL_SIMD(el_norm_bwd)(float *dsum, float *dgamma, float *dbeta, const float *dy, const float *sum,
                          const float *stats, const float *gamma, size_t rows, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        dgamma[c] = 0;
        dbeta[c] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        row_bwd(dsum + i * n, dgamma, dbeta, dy + i * n, sum + i * n, stats + i * 2, gamma, n);
    }
}
