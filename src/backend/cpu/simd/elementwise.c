/* Dropout, additions and sums. */
#include "backend/cpu/simd/dropout.h"
#include "backend/cpu/simd/kernels.h"

void EL_SIMD(el_dropout)(float *y, const float *x, size_t n, const el_row_dropout *dropout)
{
    for (size_t i = 0; i < n; i += LANES) {
        v_store_upto(y, i, n, v_dropout(v_load_upto(x, i, n), i, dropout));
    }
}

void EL_SIMD(el_add)(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        v_store_upto(y, i, n, v_add(v_load_upto(y, i, n), v_load_upto(x, i, n)));
    }
}

void EL_SIMD(el_add_three)(float *y, const float *a, const float *b, const float *c, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        const vec two = v_add(v_load_upto(a, i, n), v_load_upto(b, i, n));
        v_store_upto(y, i, n, v_add(two, v_load_upto(c, i, n)));
    }
}

enum { COLUMNS = 4 * LANES }; /* summed side by side: enough chains to hide the addition's latency */

void EL_SIMD(el_column_sums)(float *sums, const float *x, size_t ldx, size_t rows, size_t n)
{
    size_t j = 0;
    for (; j + COLUMNS <= n; j += COLUMNS) {
        vec s[4] = {v_load(sums + j), v_load(sums + j + LANES), v_load(sums + j + 2 * LANES),
                    v_load(sums + j + 3 * LANES)};
        for (size_t i = 0; i < rows; i++) {
            UNROLL
            for (size_t part = 0; part < 4; part++) {
                s[part] = v_add(s[part], v_load(x + i * ldx + j + part * LANES));
            }
        }
        UNROLL
        for (size_t part = 0; part < 4; part++) {
            v_store(sums + j + part * LANES, s[part]);
        }
    }
    for (; j < n; j += LANES) {
        vec s = v_load_upto(sums, j, n);
        for (size_t i = 0; i < rows; i++) {
            s = v_add(s, v_load_upto(x + i * ldx, j, n));
        }
        v_store_upto(sums, j, n, s);
    }
}

double EL_SIMD(el_sum)(const float *x, size_t n)
{
    vdouble even = vd_zero(), odd = vd_zero();
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even = vd_add(even, v_load(x + i));
        odd = vd_add(odd, v_load(x + i + LANES));
    }
    for (; i < n; i += LANES) {
        even = vd_add(even, v_load_upto(x, i, n));
    }
    return vd_sum(even) + vd_sum(odd);
}

double EL_SIMD(el_sum_of_squares)(const float *x, size_t n)
{
    vdouble even = vd_zero(), odd = vd_zero();
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even = vd_add_square(even, v_load(x + i));
        odd = vd_add_square(odd, v_load(x + i + LANES));
    }
    for (; i < n; i += LANES) {
        even = vd_add_square(even, v_load_upto(x, i, n));
    }
    return vd_sum(even) + vd_sum(odd);
}
