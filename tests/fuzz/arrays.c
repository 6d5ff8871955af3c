/* See arrays.h. */
#include "fuzz/arrays.h"

#include <string.h>

#include "base/mem.h"
#include "fuzz/fuzz.h"

static bool has_whole_bytes(const el_array *t)
{
    return el_dtype_bits(t->dtype) % 8 == 0;
}

void fuzz_use_array(const el_array *t)
{
    size_t n, bytes;
    FUZZ_MUST_HOLD(el_array_measure(t->dtype, t->shape, t->rank, &n, &bytes));
    FUZZ_MUST_HOLD(n == t->n && bytes == t->bytes);
    /* in their exact size, so that the sanitizer sees who writes too much */
    void *numbers = el_alloc(n, sizeof(double));
    void *again = el_alloc(n, sizeof(double));
    FUZZ_MUST_HOLD(numbers && again);
    electra_error err = {0};
    (void)fuzz_accepted(el_array_copy_f64(t, numbers, &err), &err);
    (void)fuzz_accepted(el_array_copy_i64(t, numbers, &err), &err);
    (void)fuzz_accepted(el_array_convert(t, 0, n, EL_DTYPE_BF16, again, &err), &err);
    (void)fuzz_accepted(el_array_convert(t, n / 2, n - n / 2, EL_DTYPE_F16, again, &err), &err);
    if (fuzz_accepted(el_array_copy_f32(t, numbers, &err), &err)) {
        const float *in_place = el_array_f32(t);
        FUZZ_MUST_HOLD(!in_place || memcmp(in_place, numbers, n * sizeof *in_place) == 0);
    }
    if (has_whole_bytes(t)) {
        el_array_copy_raw(t, 0, n, again);
        FUZZ_MUST_HOLD(el_array_equal(t, t));
    }
    if (t->rank > 0 && t->shape[0] > 1 && has_whole_bytes(t)) { /* the second row on */
        const el_array rest = el_array_rows(t, 1, t->shape[0] - 1);
        FUZZ_MUST_HOLD(rest.n == n - n / t->shape[0]);
        el_array_copy_raw(&rest, 0, rest.n, numbers);
        const size_t skipped = (n - rest.n) * (el_dtype_bits(t->dtype) / 8);
        FUZZ_MUST_HOLD(memcmp((const char *)again + skipped, numbers, t->bytes - skipped) == 0);
    }
    el_free(numbers);
    el_free(again);
}
