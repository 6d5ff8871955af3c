/* Which example stands where: a function of seed, step and place, with no table and no state, so that a run can be
 * entered at any step and cut over any number of machines.
 *
 * All examples of an epoch come once before any comes again. Places are counted through: sequence j of step s stands at
 * place s * batch + j; an epoch is n_examples places, each in an order of its own. */
#ifndef EL_DATA_SAMPLER_H
#define EL_DATA_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

typedef struct el_sampler {
    uint64_t seed;
    uint64_t n_examples; /* > 0 */
    size_t batch;        /* sequences of a step, over all ranks */
} el_sampler;

/* The example at place `sequence` (0 ... batch-1) of a step (0, 1, ...). */
uint64_t el_sampler_example(const el_sampler *sampler, uint64_t step, size_t sequence);

/* The epoch (0, 1, ...) that this place belongs to. */
uint64_t el_sampler_epoch(const el_sampler *sampler, uint64_t step, size_t sequence);

/* The part of a step's sequences that belongs to rank 0 ... size-1: *count places from *first. Parts differ by one
 * sequence at most and cover all without overlap. */
void el_sampler_share(size_t batch, size_t rank, size_t size, size_t *first, size_t *count);

#endif
