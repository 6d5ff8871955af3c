/* Rows of logits over a piece of the vocabulary. */
#include <math.h>

#include "backend/cpu/simd/kernels.h"
#include "backend/cpu/simd/math.h"

static float largest(const float *z, size_t n)
{
    vec most = v_set1(-INFINITY);
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        most = v_max(v_load(z + j), most);
    }
    float max = v_largest(most);
    for (; j < n; j++) {
        max = z[j] > max ? z[j] : max;
    }
    return max;
}

static float sum_of_exp(const float *z, size_t n, float max)
{
    const vec shift = v_set1(max);
    vec sum = v_zero();
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        sum = v_add(sum, v_exp(v_sub(v_load(z + j), shift)));
    }
    if (j < n) {
        sum = v_add(sum, v_keep_first(v_exp(v_sub(v_load_first(z + j, n - j), shift)), n - j));
    }
    return v_sum(sum);
}

static uint32_t first_equal(const float *z, size_t n, float value)
{
    const vec wanted = v_set1(value);
    size_t j = 0;
    while (j + LANES <= n && !v_any(v_equal(v_load(z + j), wanted))) {
        j += LANES;
    }
    for (; j < n; j++) {
        if (z[j] == value) {
            return (uint32_t)j;
        }
    }
    return 0;
}

el_logit_stats EL_SIMD(el_logit_stats)(const float *logits, size_t n)
{
    el_logit_stats stats = {.max = largest(logits, n)};
    stats.sum = sum_of_exp(logits, n, stats.max);
    stats.best = stats.max > -INFINITY ? first_equal(logits, n, stats.max) : 0;
    return stats;
}

void EL_SIMD(el_logit_gradient)(float *z, size_t n, float lse, float scale)
{
    const vec shift = v_set1(lse), factor = v_set1(scale);
    for (size_t j = 0; j < n; j += LANES) {
        v_store_upto(z, j, n, v_mul(factor, v_exp(v_sub(v_load_upto(z, j, n), shift))));
    }
}
