/* Plain C: layer norm of a residual sum. Sums over a row are kept in double and the mean is corrected once, so that the
 * mean of a constant row is that constant: with an epsilon of 1e-12 an error in the last place of the mean would show
 * (tests/ops/test_backend.c, test_constant_row). */
#include "backend/cpu/ref/ref.h"
#include "base/rng.h"

static void residual_sum(real *sum, const real *x, const real *z, const el_row_dropout *dropout, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        real kept = z ? z[c] : 0;
        if (z && dropout) {
            kept = el_rng_lane(dropout->row, (uint32_t)c) < dropout->threshold ? 0 : kept * dropout->scale;
        }
        sum[c] = x[c] + kept;
    }
}

/* The mean of x - from. */
static double mean_deviation(const real *x, double from, size_t n)
{
    double total = 0;
    for (size_t c = 0; c < n; c++) {
        total += (double)x[c] - from;
    }
    return total / (double)n;
}

void EL_REAL(el_ref_norm_fwd)(real *y, real *sum, real *stats, const real *x, const real *z,
                              const el_row_dropout *dropout, const real *gamma, const real *beta, double epsilon,
                              size_t n)
{
    residual_sum(sum, x, z, dropout, n);
    const double rough_mean = mean_deviation(sum, 0, n);
    const double mean = rough_mean + mean_deviation(sum, rough_mean, n);
    double squares = 0;
    for (size_t c = 0; c < n; c++) {
        const double deviation = (double)sum[c] - mean;
        squares += deviation * deviation;
    }
    stats[0] = (real)mean;
    stats[1] = (real)(1 / sqrt(squares / (double)n + epsilon));
    for (size_t c = 0; c < n; c++) {
        y[c] = gamma[c] * ((sum[c] - stats[0]) * stats[1]) + beta[c];
    }
}

static void row_bwd(real *dsum, real *dgamma, real *dbeta, const real *dy, const real *sum, const real *stats,
                    const real *gamma, size_t n)
{
    double total = 0, total_xhat = 0; /* of g and g * xhat */
    for (size_t c = 0; c < n; c++) {
        const real xhat = (sum[c] - stats[0]) * stats[1];
        total += (double)(dy[c] * gamma[c]);
        total_xhat += (double)(dy[c] * gamma[c] * xhat);
        dgamma[c] += dy[c] * xhat;
        dbeta[c] += dy[c];
    }
    const real mean = (real)(total / (double)n), mean_xhat = (real)(total_xhat / (double)n);
    for (size_t c = 0; c < n; c++) {
        const real xhat = (sum[c] - stats[0]) * stats[1];
        dsum[c] = stats[1] * (dy[c] * gamma[c] - mean - xhat * mean_xhat);
    }
}

void EL_REAL(el_ref_norm_bwd)(real *dsum, real *dgamma, real *dbeta, const real *dy, const real *sum, const real *stats,
                              const real *gamma, size_t rows, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        dgamma[c] = 0;
        dbeta[c] = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        row_bwd(dsum + i * n, dgamma, dbeta, dy + i * n, sum + i * n, stats + i * 2, gamma, n);
    }
}
