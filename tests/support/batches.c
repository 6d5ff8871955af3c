#include "support/batches.h"

#include <stdlib.h>

#include "base/rng.h"

enum { MOST_TOKENS = 512, MOST_SLOTS = 256 };

static void require(bool fine)
{
    if (!fine) {
        abort(); /* a test that cannot be set up has failed */
    }
}

static uint32_t below(el_rng_stream *stream, size_t n)
{
    return (uint32_t)el_rng_below(stream, n);
}

static size_t make_sequence(el_sequence *s, uint32_t *ids, uint32_t *masked, uint32_t *types, uint32_t *slots,
                            uint32_t *sampled, const test_text *text, size_t number)
{
    el_rng_stream stream = {.key = el_rng_key(7, EL_RNG_MASK, number, 0)};
    const size_t length = 4 + below(&stream, text->longest - 3), second = below(&stream, length);
    size_t n_slots = 0;
    for (size_t i = 0; i < length; i++) {
        ids[i] = masked[i] = below(&stream, text->vocabulary);
        types[i] = text->n_types > 1 && i >= second;
        if (i % 5 == 1 + number % 4) {
            slots[n_slots] = (uint32_t)i;
            sampled[n_slots] = below(&stream, 3) == 0 ? ids[i] : below(&stream, text->vocabulary);
            masked[i] = below(&stream, 7) == 0 ? ids[i] : 4;
            n_slots++;
        }
    }
    *s = (el_sequence){.ids = ids,
                       .length = length,
                       .types = types,
                       .masked_ids = masked,
                       .slots = slots,
                       .n_slots = n_slots,
                       .number = number};
    return n_slots;
}

void test_batch_make(test_batch *out, el_backend *be, const test_text *text, size_t first, size_t n)
{
    uint32_t ids[MOST_TOKENS], masked[MOST_TOKENS], types[MOST_TOKENS], slots[MOST_TOKENS], sampled[MOST_SLOTS];
    *out = (test_batch){.be = be};
    const el_pack_room room = {.tokens = n * text->longest, .sequences = n, .slots = MOST_SLOTS};
    require(text->longest >= 4 && text->longest <= MOST_TOKENS && text->vocabulary > 5);
    require(el_pack_create(&out->pack, be, &room, NULL) == ELECTRA_OK);
    size_t n_slots = 0;
    for (size_t i = 0; i < n; i++) {
        el_sequence s;
        require(n_slots + text->longest <= MOST_SLOTS);
        n_slots += make_sequence(&s, ids, masked, types, slots, sampled + n_slots, text, first + i);
        require(el_pack_add(out->pack, &s));
    }
    out->batch = el_pack_finish(out->pack);
    out->sampled = be->ops->alloc(be, sizeof sampled);
    require(out->sampled != NULL);
    be->ops->upload_bytes(be, out->sampled, sampled, n_slots * sizeof *sampled);
}

void test_batch_free(test_batch *batch)
{
    el_pack_free(batch->pack);
    batch->be->ops->free(batch->be, batch->sampled);
}
