/* The discriminator's input: the text with the generator's samples in it, and where it differs. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

/* The released system adds up the samples of a token and divides by their number (electra.md 4.2). `counts`: [T]. */
static void write_averages(uint32_t *corrupted, uint32_t *counts, size_t n_tokens, const uint32_t *slots,
                           const uint32_t *sampled, size_t n_slots)
{
    memset(counts, 0, n_tokens * sizeof *counts);
    for (size_t i = 0; i < n_slots; i++) {
        const size_t t = slots[i];
        corrupted[t] = counts[t]++ ? corrupted[t] + sampled[i] : sampled[i];
    }
    for (size_t t = 0; t < n_tokens; t++) {
        corrupted[t] /= counts[t] ? counts[t] : 1;
    }
}

void EL_REAL(el_cpu_corrupt)(el_backend *be, uint32_t *corrupted, uint32_t *labels, const uint32_t *ids,
                             size_t n_tokens, const uint32_t *slots, const uint32_t *sampled, size_t n_slots,
                             bool average)
{
    (void)be;
    memcpy(corrupted, ids, n_tokens * sizeof *ids);
    if (average) {
        write_averages(corrupted, labels, n_tokens, slots, sampled, n_slots); /* labels are written below */
    } else {
        for (size_t i = 0; i < n_slots; i++) {
            assert(slots[i] < n_tokens);
            corrupted[slots[i]] = sampled[i];
        }
    }
    for (size_t t = 0; t < n_tokens; t++) {
        labels[t] = corrupted[t] != ids[t];
    }
}
