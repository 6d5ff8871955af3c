/* Small random batches for tests of the model and the step. What a sequence holds depends on its number alone, so the
 * same text can be cut into batches in different ways. */
#ifndef TEST_SUPPORT_BATCHES_H
#define TEST_SUPPORT_BATCHES_H

#include "data/batch.h"

typedef struct test_text {
    size_t vocabulary; /* at least 6; id 4 stands for [MASK] */
    size_t n_types;
    size_t longest; /* at least 4: sequences have 4 ... longest tokens */
} test_text;

typedef struct test_batch {
    el_backend *be;
    el_pack *pack;
    const el_batch *batch;
    uint32_t *sampled; /* [M] in the backend's memory: tokens to put at the slots, about every third the right one */
} test_batch;

/* Sequences first ... first + n - 1, each with one slot in five tokens; one slot in seven is not masked. */
void test_batch_make(test_batch *out, el_backend *be, const test_text *text, size_t first, size_t n);
void test_batch_free(test_batch *batch);

#endif
