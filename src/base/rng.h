/* Counter-based random numbers: a number is a function of what it is for, never of what was drawn before.
 *
 * A key names a purpose at a step of a run; a row key adds the sequence and the position; a lane adds the column.
 * So nothing depends on the number of threads, on micro-batches or on being stopped and resumed.
 *
 *     uint64_t key = el_rng_key(seed, EL_RNG_DROPOUT_ATTENTION, step, layer);
 *     uint64_t row = el_rng_row(key, sequence, position);
 *     uint32_t bits = el_rng_lane(row, column); */
#ifndef EL_BASE_RNG_H
#define EL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a number is for. Values are part of the meaning of a seed: append, never renumber. */
typedef enum el_rng_purpose {
    EL_RNG_INIT = 1,           /* step: parameter index; row: row, column */
    EL_RNG_SHUFFLE = 2,        /* step: epoch */
    EL_RNG_MASK = 3,           /* which positions, and which of them stay unmasked */
    EL_RNG_SAMPLE = 4,         /* the generator's samples */
    EL_RNG_DROPOUT = 5,        /* detail: site, see model/encoder.h */
    EL_RNG_EXAMPLES = 6,       /* segment choices of prepare */
    EL_RNG_SPLIT = 7,          /* held-out documents */
    EL_RNG_HELDOUT = 8,        /* fixed masks and samples of evaluation */
    EL_RNG_HEAD = 9            /* heads of fine-tuning */
} el_rng_purpose;

/* A good 64-bit mixer (the finaliser of SplitMix64; Steele, Lea, Flood 2014). */
static inline uint64_t el_rng_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* detail: layer, site, network, whatever tells two uses of a purpose apart. */
static inline uint64_t el_rng_key(uint64_t seed, el_rng_purpose purpose, uint64_t step, uint64_t detail)
{
    return el_rng_mix(el_rng_mix(el_rng_mix(seed ^ ((uint64_t)purpose << 56)) + step) + detail);
}

static inline uint64_t el_rng_row(uint64_t key, uint64_t sequence, uint64_t position)
{
    return el_rng_mix(el_rng_mix(key + sequence) + position);
}

/* 32 bits for a column of a row. Cheap enough for dropout on every activation and made of 32-bit operations only, so
 * that eight lanes fit a vector register. The multipliers are those of a published low-bias 32-bit permutation
 * (C. Wellons, hash-prospector). */
static inline uint32_t el_rng_lane(uint64_t row, uint32_t column)
{
    uint32_t x = (uint32_t)row + column * 0x9e3779b9u;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= (uint32_t)(row >> 32);
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

/* [0, 1) with 53 bits. */
static inline double el_rng_uniform(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* A stream of 64-bit numbers for places that need an unknown count of them. */
typedef struct el_rng_stream {
    uint64_t key;
    uint64_t counter;
} el_rng_stream;

static inline uint64_t el_rng_next(el_rng_stream *stream)
{
    return el_rng_mix(stream->key + el_rng_mix(stream->counter++));
}

/* Uniform over 0 ... n-1, n > 0, without the bias of a remainder. */
uint64_t el_rng_below(el_rng_stream *stream, uint64_t n);

/* Where i (0 ... n-1) comes in a random order of n things: a permutation that needs no table, so that an epoch's
 * order can be entered anywhere. key: el_rng_key(seed, EL_RNG_SHUFFLE, epoch, 0). */
uint64_t el_rng_permute(uint64_t key, uint64_t i, uint64_t n);

#endif
