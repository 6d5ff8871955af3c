/* Owns the choice of positions to predict. Two ways: without replacement (ours), and with it (the released system's).
 */
#include "data/mask.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

/* What a row of the sequence's random numbers is for. */
enum { ROW_POSITIONS, ROW_HIDDEN };

size_t el_mask_most(double probability, size_t max_length)
{
    const double most = (probability + 0.005) * (double)max_length;
    return most < 1 ? 1 : (size_t)most;
}

size_t el_mask_count(double probability, size_t length, size_t most)
{
    const float wanted = rintf((float)length * (float)probability); /* half to even: the rounding mode of C's start */
    const size_t count = wanted < 1 ? 1 : (size_t)wanted;
    return count < most ? count : most;
}

static bool is_candidate(const el_masking *masking, uint32_t id)
{
    return id != masking->cls && id != masking->sep && id != masking->mask;
}

static size_t count_candidates(const el_masking *masking, const uint32_t *ids, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        n += is_candidate(masking, ids[i]);
    }
    return n;
}

/* Each of the C(n, k) choices is equally likely: the next candidate is taken with probability (still to take) / (still
 * to see) (selection sampling; Knuth, volume 2, 3.4.2, algorithm S). Ascending, and no memory is needed. */
static void choose_without_replacement(const el_masking *masking, const uint32_t *ids, size_t candidates, size_t count,
                                       el_rng_stream *stream, uint32_t *slots)
{
    size_t taken = 0;
    for (size_t i = 0; taken < count; i++) {
        if (!is_candidate(masking, ids[i])) {
            continue;
        }
        if (el_rng_below(stream, candidates) < count - taken) {
            slots[taken++] = (uint32_t)i;
        }
        candidates--;
    }
}

static uint32_t nth_candidate(const el_masking *masking, const uint32_t *ids, uint64_t n)
{
    uint32_t i = 0;
    for (;; i++) {
        if (is_candidate(masking, ids[i]) && n-- == 0) {
            return i;
        }
    }
}

size_t el_mask_choose(const el_masking *masking, size_t most, const uint32_t *ids, size_t length, uint64_t key,
                      uint64_t sequence, uint32_t *slots, uint32_t *masked_ids)
{
    memcpy(masked_ids, ids, length * sizeof *ids);
    const size_t candidates = count_candidates(masking, ids, length);
    size_t count = el_mask_count(masking->probability, length, most);
    if (candidates == 0) {
        return 0;
    }
    el_rng_stream stream = {.key = el_rng_row(key, sequence, ROW_POSITIONS)};
    if (masking->replacement) {
        for (size_t i = 0; i < count; i++) {
            slots[i] = nth_candidate(masking, ids, el_rng_below(&stream, candidates));
        }
    } else {
        count = count < candidates ? count : candidates;
        choose_without_replacement(masking, ids, candidates, count, &stream, slots);
    }
    el_rng_stream hide = {.key = el_rng_row(key, sequence, ROW_HIDDEN)};
    for (size_t i = 0; i < count; i++) {
        if (el_rng_uniform(el_rng_next(&hide)) < masking->hidden) {
            masked_ids[slots[i]] = masking->mask;
        }
    }
    return count;
}
