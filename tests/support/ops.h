/* What tests of operators share: backends by level, filled tensors, layouts. Memory of the CPU's backends is the
 * host's, so tests read and write it directly. */
#ifndef TEST_SUPPORT_OPS_H
#define TEST_SUPPORT_OPS_H

#include "backend/backend.h"
#include "base/rng.h"

/* [0, 1) and about N(0, 1), from a stream. */
double test_uniform(el_rng_stream *stream);
double test_normal(el_rng_stream *stream);

/* The seed of this run: TEST_SEED if it is set, else a fixed one. Printed, so that a failure can be run again. */
uint64_t test_seed(void);

/* Sequences of the given lengths, numbered from 5 on as if others came before. Free with test_layout_free. */
el_layout test_layout(const size_t *lengths, size_t n_sequences);
void test_layout_free(el_layout *layout);

/* All backends that this machine can run: double first, then ref, avx2, avx512. Room for TEST_LEVELS; returns their
 * number and names on stdout those it lacks. The caller frees each with el_backend_free. */
enum { TEST_LEVELS = 4 };
size_t test_levels(el_backend **levels, el_pool *pool);

/* A zeroed tensor in the backend's memory. */
el_tensor test_tensor(el_backend *be, size_t rows, size_t cols);

#endif
