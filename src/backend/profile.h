/* A backend that wraps another one and measures it: for each operator the calls, the time and the needed floating
 * point operations.
 *
 *     el_backend *timed;
 *     EL_TRY(el_profile_create(&timed, be, err));
 *     ... use timed as the backend ...
 *     for (size_t i = 0; i < el_profile_count(); i++) print(el_profile_row_at(timed, i));
 *     el_backend_free(timed); // be lives on
 *
 * Needed means: the multiplications and additions of the matrix products that the mathematics asks for, 2 m n k each,
 * whatever the backend does. What it computes a second time to save memory (scores in attention's backward, logits in
 * the masked-token head's), packing, activations, norms, dropout and the optimiser count nothing. */
#ifndef EL_BACKEND_PROFILE_H
#define EL_BACKEND_PROFILE_H

#include <electra/bench.h>

#include "backend/backend.h"

typedef struct el_profile_row {
    const char *name; /* of the operator, as in el_ops */
    uint64_t calls;
    double seconds;
    double flops;
} el_profile_row;

/* be is borrowed and must outlive the wrapper. ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_profile_create(el_backend **out, el_backend *be, electra_error *err);

size_t el_profile_count(void); /* operators that are measured */
el_profile_row el_profile_row_at(const el_backend *profile, size_t i);
/* All rows together. */
el_profile_row el_profile_total(const el_backend *profile);
/* The operators that were called, slowest first, with calls and seconds of each of `runs` equal runs. Returns how many
 * there are of them in out: [most]. */
size_t el_profile_operators(const el_backend *profile, double runs, electra_bench_operator *out, size_t most);
/* Start again at zero. */
void el_profile_reset(el_backend *profile);

#endif
