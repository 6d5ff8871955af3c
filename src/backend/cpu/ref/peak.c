/* Plain C: as many multiply-adds as a compiler makes of a plain loop. */
#include "backend/cpu/ref/ref.h"

void EL_REAL(el_ref_multiply_adds)(real *sink, size_t rounds)
{
    enum { CHAINS = 48, TURNS = EL_PEAK_FLOPS / (2 * CHAINS) }; /* enough chains to hide the latency of both */
    real x[CHAINS];
    for (size_t i = 0; i < CHAINS; i++) {
        x[i] = (real)i;
    }
    for (size_t turn = 0; turn < rounds * TURNS; turn++) {
        for (size_t i = 0; i < CHAINS; i++) {
            x[i] = x[i] * (real)0.999 + (real)0.001;
        }
    }
    for (size_t i = 0; i < CHAINS; i++) {
        *sink += x[i];
    }
}
