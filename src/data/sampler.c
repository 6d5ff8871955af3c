/* Owns the order of examples. */
#include "data/sampler.h"

#include <assert.h>

#include "base/rng.h"

static uint64_t place_of(const el_sampler *sampler, uint64_t step, size_t sequence)
{
    assert(sequence < sampler->batch && sampler->n_examples > 0);
    return step * sampler->batch + sequence;
}

uint64_t el_sampler_example(const el_sampler *sampler, uint64_t step, size_t sequence)
{
    const uint64_t place = place_of(sampler, step, sequence);
    const uint64_t key = el_rng_key(sampler->seed, EL_RNG_SHUFFLE, place / sampler->n_examples, 0);
    return el_rng_permute(key, place % sampler->n_examples, sampler->n_examples);
}

uint64_t el_sampler_epoch(const el_sampler *sampler, uint64_t step, size_t sequence)
{
    return place_of(sampler, step, sequence) / sampler->n_examples;
}

void el_sampler_share(size_t batch, size_t rank, size_t size, size_t *first, size_t *count)
{
    assert(rank < size);
    const size_t each = batch / size;
    const size_t longer = batch % size; /* the first ranks take one more */
    *first = rank * each + (rank < longer ? rank : longer);
    *count = each + (rank < longer ? 1 : 0);
}
