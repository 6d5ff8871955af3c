/* Plain C: sums of rows and columns, and dropout. */
#include "backend/cpu/ref/ref.h"
#include "base/rng.h"

void EL_REAL(el_ref_dropout)(real *y, const real *x, size_t n, const el_row_dropout *dropout)
{
    for (size_t c = 0; c < n; c++) {
        y[c] = el_rng_lane(dropout->row, (uint32_t)c) < dropout->threshold ? 0 : x[c] * dropout->scale;
    }
}

void EL_REAL(el_ref_add)(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

void EL_REAL(el_ref_add_three)(real *y, const real *a, const real *b, const real *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (a[i] + b[i]) + c[i];
    }
}

void EL_REAL(el_ref_column_sums)(real *sums, const real *x, size_t ldx, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++) {
        EL_REAL(el_ref_add)(sums, x + i * ldx, n);
    }
}

double EL_REAL(el_ref_sum)(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
    }
    return sum;
}

double EL_REAL(el_ref_sum_of_squares)(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}
