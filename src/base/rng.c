/* The parts of rng.h that are too long to be inline. */
#include "base/rng.h"

#include <assert.h>

uint64_t el_rng_below(el_rng_stream *stream, uint64_t n)
{
    assert(n > 0);
    const uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* the largest multiple of n */
    uint64_t bits = el_rng_next(stream);
    while (bits >= limit) {
        bits = el_rng_next(stream);
    }
    return bits % n;
}

/* A Feistel network over the smallest even number of bits that holds n, walked until it lands below n (cycle walking;
 * Black and Rogaway 2002). Fewer than four walks are needed on average. */
uint64_t el_rng_permute(uint64_t key, uint64_t i, uint64_t n)
{
    assert(i < n);
    unsigned half = 1;
    while (half < 32 && (n - 1) >> (2 * half)) {
        half++;
    }
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t x = i;
    do {
        uint64_t left = x >> half;
        uint64_t right = x & mask;
        for (uint64_t round = 0; round < 6; round++) {
            const uint64_t next = left ^ (el_rng_mix(key + (round << 58) + right) & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= n);
    return x;
}
