/* Random lanes of rng.h, LANES at a time: the same integers as el_rng_lane. */
#ifndef EL_BACKEND_CPU_SIMD_DROPOUT_H
#define EL_BACKEND_CPU_SIMD_DROPOUT_H

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/simd.h"

/* el_rng_lane of rows whose low and high halves are given, columns already multiplied by the golden ratio. */
SIMD_INLINE vint v_rng_lane(vint row_low, vint row_high, vint column_times_golden)
{
    vint x = vi_add(row_low, column_times_golden);
    x = vi_xor(x, vi_shift_right(x, 16));
    x = vi_mul(x, vi_set1(0x7feb352du));
    x = vi_xor(x, row_high);
    x = vi_xor(x, vi_shift_right(x, 15));
    x = vi_mul(x, vi_set1(0x846ca68bu));
    return vi_xor(x, vi_shift_right(x, 16));
}

#define RNG_GOLDEN 0x9e3779b9u

/* All lanes from `column` on of one row. */
SIMD_INLINE vint v_rng_lanes(uint64_t row, size_t column)
{
    const vint columns = v_iota((uint32_t)column);
    return v_rng_lane(vi_set1((uint32_t)row), vi_set1((uint32_t)(row >> 32)), vi_mul(columns, vi_set1(RNG_GOLDEN)));
}

/* Elements column, column + 1, ... of a row that dropout goes over. */
SIMD_INLINE vec v_dropout(vec x, size_t column, const el_row_dropout *dropout)
{
    const vmask dropped = vi_less(v_rng_lanes(dropout->row, column), vi_set1(dropout->threshold));
    return v_select(dropped, v_zero(), v_mul(x, v_set1(dropout->scale)));
}

#endif
