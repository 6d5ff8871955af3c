/* Products of 8-bit integers with AVX2, which multiplies unsigned by signed bytes and adds pairs of products in 16
 * bits, saturated (vpmaddubsw).
 *
 * Why nothing saturates: activations are 0 ... 255. In a panel without misfits the positive integers among four that
 * meet in one 16-bit lane (k = 0, 1 of one group of four neighbours and 0, 1 of the next, or 2, 3 and 2, 3) add up to
 * at most 128, and the negative ones to at least -128, so every sum of these products, of two as of four, lies within
 * 255 * 128 = 32640. Then pairs of lanes are added in 32 bits (vpmaddwd), where 65536 / 8 steps of at most 2 * 32640
 * stay below 2^30. A panel with misfits is multiplied in 16 bits from the start: products of pairs, at most
 * 2 * 255 * 128, are made in 32 bits.
 *
 * Two sums in 16 bits before each vpmaddwd are what makes this fast: 3 multiplications for 64 products, not 4. */
#include <math.h>
#include <string.h>

#include "backend/cpu/simd/int8_tile.h"

/* ---- products ---------------------------------------------------------------------------------------------------- */

SIMD_INLINE __m256i load_bytes(const void *from)
{
    return _mm256_loadu_si256(from);
}

/* Four neighbours of a row in every lane. */
SIMD_INLINE __m256i broadcast_four(const uint8_t *a)
{
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

SIMD_INLINE void clear_sums(size_t rows, vint sum[][VECTORS])
{
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = sum[i][1] = _mm256_setzero_si256();
    }
}

/* x, y: eight neighbours of a row; b, c: a column's. */
SIMD_INLINE vint add_eight(vint sum, __m256i x, __m256i y, __m256i b, __m256i c)
{
    const __m256i sixteen = _mm256_add_epi16(_mm256_maddubs_epi16(x, b), _mm256_maddubs_epi16(y, c));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(sixteen, _mm256_set1_epi16(1)));
}

/* With few rows a panel is used up before the next one has come from the third-level cache, so its lines are asked for
 * while this one is multiplied. Behind the last panel there is nothing to ask for, and no harm in it. */
SIMD_INLINE void ask_for_next_panel(const int8_t *b, size_t depth)
{
    const char *next = (const char *)b + depth * EL_INT8_COLS;
    _mm_prefetch(next, _MM_HINT_T0);
    _mm_prefetch(next + 64, _MM_HINT_T0);
}

SIMD_INLINE void sum_fitting(size_t rows, vint sum[][VECTORS], const uint8_t *a, const int8_t *b, size_t depth)
{
    clear_sums(rows, sum);
    for (size_t k = 0; k < depth; k += EL_INT8_STEP, b += EL_INT8_STEP * EL_INT8_COLS) {
        const __m256i b0 = load_bytes(b), b1 = load_bytes(b + 32), c0 = load_bytes(b + 64), c1 = load_bytes(b + 96);
        ask_for_next_panel(b, depth);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            const uint8_t *row = a + i * depth + k;
            const __m256i x = broadcast_four(row), y = broadcast_four(row + 4);
            sum[i][0] = add_eight(sum[i][0], x, y, b0, c0);
            sum[i][1] = add_eight(sum[i][1], x, y, b1, c1);
        }
    }
}

/* Numbers 0 and 2 of each four, and 1 and 3, as pairs of 16 bits. */
SIMD_INLINE vint add_four(vint sum, __m256i x, __m256i b)
{
    const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8), odd = _mm256_srai_epi16(b, 8);
    const __m256i x_even = _mm256_and_si256(x, _mm256_set1_epi16(255)), x_odd = _mm256_srli_epi16(x, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x_even, even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x_odd, odd));
}

SIMD_INLINE void sum_any(size_t rows, vint sum[][VECTORS], const uint8_t *a, const int8_t *b, size_t depth)
{
    clear_sums(rows, sum);
    for (size_t k = 0; k < depth; k += 4, b += 4 * EL_INT8_COLS) {
        const __m256i b0 = load_bytes(b), b1 = load_bytes(b + 32);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            const __m256i x = broadcast_four(a + i * depth + k);
            sum[i][0] = add_four(sum[i][0], x, b0);
            sum[i][1] = add_four(sum[i][1], x, b1);
        }
    }
}

#define TILE(sums, rows)                                                                                               \
    {                                                                                                                  \
        vint sum[rows][VECTORS];                                                                                       \
        sums(rows, sum, a, b, job->depth);                                                                             \
        finish_tile(job, row, rows, first, sum);                                                                       \
    }
#define FITTING_TILE(rows) TILE(sum_fitting, rows)
#define ANY_TILE(rows)     TILE(sum_any, rows)

static void fitting_tile(const el_int8_gemm *job, size_t row, size_t rows, size_t first)
{
    const uint8_t *a = job->a + row * job->depth;
    const int8_t *b = job->b + first * job->depth;
    FOR_ROWS(rows, FITTING_TILE)
}

static void any_tile(const el_int8_gemm *job, size_t row, size_t rows, size_t first)
{
    const uint8_t *a = job->a + row * job->depth;
    const int8_t *b = job->b + first * job->depth;
    FOR_ROWS(rows, ANY_TILE)
}

void EL_SIMD(el_int8_gemm)(const el_int8_gemm *job, size_t panel_begin, size_t panel_end)
{
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
        const size_t first = panel * EL_INT8_COLS;
        for (size_t row = 0, rows; row < job->m; row += rows) {
            rows = next_rows(job->m - row);
            if (job->b_misfits[panel]) {
                any_tile(job, row, rows, first);
            } else {
                fitting_tile(job, row, rows, first);
            }
            activate_tile(job, row, rows, first);
        }
    }
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* Least and greatest of x and 0; wrong: not a number if any x is infinite or not a number. */
static void find_range(const float *x, size_t n, float *low, float *high, float *wrong)
{
    vec least = v_zero(), most = v_zero(), all = v_zero();
    for (size_t i = 0; i < n; i += LANES) {
        const vec v = v_load_upto(x, i, n);
        least = v_min(v, least);
        most = v_max(v, most);
        all = v_fma(v, v_zero(), all);
    }
    *low = -v_largest(v_sub(v_zero(), least));
    *high = v_largest(most);
    *wrong = v_sum(all);
}

/* 32 floats as bytes. */
SIMD_INLINE __m256i round_32(const vec x[4], vec inverse, __m256i zero)
{
    vint level[4];
    UNROLL
    for (size_t i = 0; i < 4; i++) {
        level[i] = v_to_int(v_mul(x[i], inverse));
    }
    const __m256i low = _mm256_add_epi16(_mm256_packs_epi32(level[0], level[1]), zero);
    const __m256i high = _mm256_add_epi16(_mm256_packs_epi32(level[2], level[3]), zero);
    /* packing leaves fours in the order 0 2 4 6 1 3 5 7 */
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

void EL_SIMD(el_int8_quantize)(uint8_t *q, float *scale, int32_t *zero, const float *x, size_t n, size_t depth)
{
    float low, high, wrong;
    find_range(x, n, &low, &high, &wrong);
    const float range = high - low, step = range / 255, inverse = 255 / range;
    *zero = 0;
    if (!isnormal(step) || wrong != 0) {
        *scale = wrong != 0 || range > 1 ? NAN : 0;
        memset(q, 0, depth);
        return;
    }
    *scale = step;
    *zero = (int32_t)nearbyintf(-low * inverse);
    const __m256i shift = _mm256_set1_epi16((short)*zero);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const vec v[4] = {v_load(x + i), v_load(x + i + 8), v_load(x + i + 16), v_load(x + i + 24)};
        _mm256_storeu_si256((__m256i *)(void *)(q + i), round_32(v, v_set1(inverse), shift));
    }
    if (i < n) {
        vec v[4];
        uint8_t last[32];
        UNROLL
        for (size_t part = 0; part < 4; part++) {
            const size_t at = i + part * LANES;
            v[part] = at < n ? v_load_upto(x, at, n) : v_zero();
        }
        _mm256_storeu_si256((__m256i *)(void *)last, round_32(v, v_set1(inverse), shift));
        memcpy(q + i, last, n - i);
    }
    memset(q + n, 0, depth - n);
}

SIMD_INLINE vec bytes_to_floats(const int8_t *q)
{
    return vi_to_float(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)q)));
}

void EL_SIMD(el_int8_add_three)(float *y, el_int8_row a, el_int8_row b, el_int8_row c, size_t n)
{
    const vec sa = v_set1(a.scale), sb = v_set1(b.scale), sc = v_set1(c.scale);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec two = v_add(v_mul(bytes_to_floats(a.q + i), sa), v_mul(bytes_to_floats(b.q + i), sb));
        v_store(y + i, v_add(two, v_mul(bytes_to_floats(c.q + i), sc)));
    }
    for (; i < n; i++) {
        y[i] = ((float)a.q[i] * a.scale + (float)b.q[i] * b.scale) + (float)c.q[i] * c.scale;
    }
}
