#include "support/ops.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

double test_uniform(el_rng_stream *stream)
{
    return el_rng_uniform(el_rng_next(stream));
}

double test_normal(el_rng_stream *stream)
{
    double sum = 0; /* of 4 uniforms, made to variance 1 */
    for (int i = 0; i < 4; i++) {
        sum += test_uniform(stream);
    }
    return (sum - 2) * sqrt(3);
}

uint64_t test_seed(void)
{
    static bool printed;
    const char *text = getenv("TEST_SEED");
    const uint64_t seed = text ? strtoull(text, NULL, 10) : 20261123;
    if (!printed) {
        printf("TEST_SEED=%" PRIu64 "\n", seed);
        printed = true;
    }
    return seed;
}

el_layout test_layout(const size_t *lengths, size_t n_sequences)
{
    el_layout layout = {.n_sequences = n_sequences};
    for (size_t b = 0; b < n_sequences; b++) {
        layout.n_tokens += lengths[b];
        layout.longest = lengths[b] > layout.longest ? lengths[b] : layout.longest;
    }
    uint32_t *starts = el_alloc(n_sequences + 1, sizeof *starts);
    uint32_t *sequence = el_alloc(layout.n_tokens, sizeof *sequence);
    uint32_t *position = el_alloc(layout.n_tokens, sizeof *position);
    assert(starts && sequence && position);
    uint32_t t = 0;
    for (size_t b = 0; b < n_sequences; b++) {
        starts[b] = t;
        for (size_t i = 0; i < lengths[b]; i++, t++) {
            sequence[t] = (uint32_t)b + 5;
            position[t] = (uint32_t)i;
        }
    }
    starts[n_sequences] = t;
    layout.starts = starts;
    layout.sequence = sequence;
    layout.position = position;
    return layout;
}

void test_layout_free(el_layout *layout)
{
    el_free((void *)layout->starts);
    el_free((void *)layout->sequence);
    el_free((void *)layout->position);
    *layout = (el_layout){0};
}

size_t test_levels(el_backend **levels, el_pool *pool)
{
    size_t n = 0;
    electra_error error = {0};
    electra_status status = el_backend_create_f64(&levels[n++], pool, &error);
    for (int level = EL_CPU_REF; level <= EL_CPU_AVX512 && status == ELECTRA_OK; level++) {
        status = el_backend_create_cpu(&levels[n], pool, (el_cpu_level)level, &error);
        if (status == ELECTRA_OK) {
            n++;
        } else if (status == ELECTRA_NO_RESOURCE) {
            printf("NOT TESTED: %s\n", error.message);
            status = ELECTRA_OK;
        }
    }
    assert(status == ELECTRA_OK);
    return n;
}

el_tensor test_tensor(el_backend *be, size_t rows, size_t cols)
{
    void *data = be->ops->alloc(be, rows * cols * be->element_size);
    assert(data);
    return el_tensor_of(data, rows, cols);
}
