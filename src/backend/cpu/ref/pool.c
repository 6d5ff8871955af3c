/* Plain C: averages of rows by a softmax. */
#include "backend/cpu/ref/ref.h"

void EL_REAL(el_ref_pool_fwd)(real *y, real *p, const real *logits, const real *x, size_t rows, size_t n)
{
    real largest = logits[0];
    for (size_t t = 1; t < rows; t++) {
        largest = logits[t] > largest ? logits[t] : largest;
    }
    real sum = 0;
    for (size_t t = 0; t < rows; t++) {
        p[t] = real_exp(logits[t] - largest);
        sum += p[t];
    }
    for (size_t c = 0; c < n; c++) {
        y[c] = 0;
    }
    for (size_t t = 0; t < rows; t++) {
        p[t] /= sum;
        for (size_t c = 0; c < n; c++) {
            y[c] += p[t] * x[t * n + c];
        }
    }
}

void EL_REAL(el_ref_pool_bwd)(real *dx, real *dlogits, const real *dy, const real *x, const real *p, const real *y,
                              size_t rows, size_t n)
{
    for (size_t t = 0; t < rows; t++) {
        real product = 0;
        for (size_t c = 0; c < n; c++) {
            product += dy[c] * (x[t * n + c] - y[c]);
            dx[t * n + c] += p[t] * dy[c];
        }
        dlogits[t] += p[t] * product;
    }
}
