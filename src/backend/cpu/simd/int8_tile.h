/* Products of 8-bit integers: how a panel is cut into tiles, and what happens to a tile's sums. The levels differ in
 * how they make the sums.
 *
 * A tile is at most MR rows by one panel, its sums in registers over the whole depth. Rows of a job are shared out
 * evenly among as few tiles as there must be: 16 rows are 6, 5 and 5. */
#ifndef EL_BACKEND_CPU_SIMD_INT8_TILE_H
#define EL_BACKEND_CPU_SIMD_INT8_TILE_H

#include "backend/cpu/simd/activation.h"
#include "backend/cpu/simd/kernels.h"

enum { VECTORS = EL_INT8_COLS / LANES }; /* of a row of a tile */

/* One tile: sums of `rows` rows from `a` on with a panel, columns [first, first + EL_INT8_COLS), on their way into C.
 */
SIMD_INLINE void finish_tile(const el_int8_gemm *job, size_t row, size_t rows, size_t first, vint sum[][VECTORS])
{
    const size_t cols = job->n - first;
    UNROLL
    for (size_t v = 0; v < VECTORS; v++) {
        const size_t col = first + v * LANES, n = cols > v * LANES ? cols - v * LANES : 0;
        const vint column_sum = vi_load((const uint32_t *)job->b_sum + col);
        const vec column_scale = v_load(job->b_scale + col);
        const vec bias = job->bias && n ? v_load_upto(job->bias + col, 0, n) : v_zero();
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            const vint zero = vi_set1((uint32_t)job->a_zero[row + i]);
            const vec scale = v_mul(v_set1(job->a_scale[row + i]), column_scale);
            const vec y = v_mul(vi_to_float(vi_sub(sum[i][v], vi_mul(zero, column_sum))), scale);
            if (n) {
                v_store_upto(job->c + (row + i) * job->ldc + col, 0, n, v_add(y, bias));
            }
        }
    }
}

/* Vector i of a tile, row by row. */
SIMD_INLINE float *vector_of_tile(const el_int8_gemm *job, size_t row, size_t first, size_t i)
{
    return job->c + (row + i / VECTORS) * job->ldc + first + i % VECTORS * LANES;
}

/* Vectors that are whole, four at a time as long as there are four. */
#define ACTIVATE_WHOLE(act)                                                                                            \
    for (; i + 4 <= n; i += 4) {                                                                                       \
        vec v[4];                                                                                                      \
        UNROLL                                                                                                         \
        for (size_t j = 0; j < 4; j++) {                                                                               \
            v[j] = v_load(vector_of_tile(job, row, first, i + j));                                                     \
        }                                                                                                              \
        v_activation_of_4(v, act);                                                                                     \
        UNROLL                                                                                                         \
        for (size_t j = 0; j < 4; j++) {                                                                               \
            v_store(vector_of_tile(job, row, first, i + j), v[j]);                                                     \
        }                                                                                                              \
    }

#define ACTIVATE(act)                                                                                                  \
    for (; i < n; i++) {                                                                                               \
        const size_t at = i % VECTORS * LANES;                                                                         \
        float *c = vector_of_tile(job, row, first, i);                                                                 \
        if (at < cols) {                                                                                               \
            v_store_upto(c, 0, cols - at, v_activation(v_load_upto(c, 0, cols - at), act));                            \
        }                                                                                                              \
    }

/* The same tile once more, while it is in the nearest cache. */
static inline void activate_tile(const el_int8_gemm *job, size_t row, size_t rows, size_t first)
{
    const size_t cols = job->n - first, n = rows * VECTORS;
    size_t i = 0;
    if (job->act == EL_ACT_LINEAR) {
        return;
    }
    if (cols >= EL_INT8_COLS) {
        FOR_ACTIVATION(job->act, ACTIVATE_WHOLE)
    }
    FOR_ACTIVATION(job->act, ACTIVATE)
}

/* TILE(rows), with rows a constant, for the number of rows that it is. */
#define FOR_ROWS(rows, TILE)                                                                                           \
    switch (rows) {                                                                                                    \
    case 1: TILE(1); break;                                                                                            \
    case 2: TILE(2); break;                                                                                            \
    case 3: TILE(3); break;                                                                                            \
    case 4: TILE(4); break;                                                                                            \
    case 5: TILE(5); break;                                                                                            \
    case 6: TILE(6); break;                                                                                            \
    default: break;                                                                                                    \
    }
enum { MR = 6 };

/* Rows of the next tile when so many are left. */
static inline size_t next_rows(size_t left)
{
    const size_t tiles = (left + MR - 1) / MR;
    return (left + tiles - 1) / tiles;
}

#endif
