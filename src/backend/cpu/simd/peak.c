/* As many multiply-adds as the machine can do. */
#include "backend/cpu/simd/kernels.h"

void EL_SIMD(el_multiply_adds)(float *sink, size_t rounds)
{
    enum { CHAINS = 12, TURNS = EL_PEAK_FLOPS / (2 * CHAINS * LANES) }; /* two units, four cycles each, and some */
    vec x[CHAINS];
    UNROLL
    for (size_t i = 0; i < CHAINS; i++) {
        x[i] = v_set1((float)i);
    }
    const vec factor = v_set1(0.999F), rest = v_set1(0.001F);
    for (size_t turn = 0; turn < rounds * TURNS; turn++) {
        UNROLL
        for (size_t i = 0; i < CHAINS; i++) {
            x[i] = v_fma(x[i], factor, rest);
        }
    }
    UNROLL
    for (size_t i = 0; i < CHAINS; i++) {
        *sink += v_sum(x[i]);
    }
}
