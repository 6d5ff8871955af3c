/* order of examples, masks, batches: what belongs to a step belongs to it however it is cut up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/batch.h"
#include "data/mask.h"
#include "data/sampler.h"
#include "support/alloc.h"
#include "support/data.h"
#include "support/folder.h"

/* ---- order ------------------------------------------------------------------------------------------------------- */

static void an_epoch_has_every_example_once(void **state)
{
    (void)state;
    static const uint64_t COUNTS[] = {1, 2, 7, 100, 1001};
    for (size_t c = 0; c < 5; c++) {
        const el_sampler s = {.seed = 3, .n_examples = COUNTS[c], .batch = 6};
        unsigned char *seen = calloc(COUNTS[c], 1);
        for (uint64_t place = 0; place < 3 * COUNTS[c]; place++) {
            const uint64_t step = place / s.batch;
            const size_t sequence = (size_t)(place % s.batch);
            const uint64_t example = el_sampler_example(&s, step, sequence);
            assert_true(example < COUNTS[c]);
            assert_int_equal(el_sampler_epoch(&s, step, sequence), place / COUNTS[c]);
            assert_int_equal(seen[example], place / COUNTS[c]); /* once in each epoch before */
            seen[example]++;
        }
        free(seen);
    }
}

static void orders_differ_by_epoch_and_seed(void **state)
{
    (void)state;
    const el_sampler a = {.seed = 3, .n_examples = 1000, .batch = 1000};
    const el_sampler b = {.seed = 4, .n_examples = 1000, .batch = 1000};
    size_t same_epoch = 0;
    size_t same_seed = 0;
    size_t sorted = 0;
    for (size_t i = 0; i < 1000; i++) {
        same_epoch += el_sampler_example(&a, 0, i) == el_sampler_example(&a, 1, i);
        same_seed += el_sampler_example(&a, 0, i) == el_sampler_example(&b, 0, i);
        sorted += i > 0 && el_sampler_example(&a, 0, i) > el_sampler_example(&a, 0, i - 1);
    }
    assert_true(same_epoch < 10 && same_seed < 10);
    assert_in_range(sorted, 430, 570);
}

static void shares_cover_a_step(void **state)
{
    (void)state;
    for (size_t batch = 1; batch < 40; batch++) {
        for (size_t size = 1; size <= batch; size++) {
            size_t next = 0;
            for (size_t rank = 0; rank < size; rank++) {
                size_t first;
                size_t count;
                el_sampler_share(batch, rank, size, &first, &count);
                assert_int_equal(first, next);
                assert_in_range(count, batch / size, batch / size + 1);
                next = first + count;
            }
            assert_int_equal(next, batch);
        }
    }
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static void slot_counts(void **state)
{
    (void)state;
    /* electra.md 13 */
    assert_int_equal(el_mask_most(0.15, 128), 19);
    assert_int_equal(el_mask_most(0.15, 512), 79);
    assert_int_equal(el_mask_most(0.25, 512), 130);
    assert_int_equal(el_mask_count(0.15, 128, 19), 19);
    assert_int_equal(el_mask_count(0.15, 512, 79), 77);
    assert_int_equal(el_mask_count(0.25, 512, 130), 128);
    assert_int_equal(el_mask_count(0.15, 10, 19), 2); /* 1.5, half to even */
    assert_int_equal(el_mask_count(0.25, 10, 19), 2); /* 2.5 */
    assert_int_equal(el_mask_count(0.15, 3, 19), 1);
    assert_int_equal(el_mask_most(0.15, 5), 1);
}

enum { CLS = 2, SEP = 3, MASK = 4 };
static const el_masking MASKING = {0.15, 0.85, false, CLS, SEP, MASK};

static void fill_sequence(uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)(10 + i);
    }
    ids[0] = CLS;
    ids[n / 2] = SEP;
    ids[n - 1] = SEP;
    if (n > 8) {
        ids[3] = MASK; /* in the text itself */
    }
}

static bool special(uint32_t id)
{
    return id == CLS || id == SEP || id == MASK;
}

static void slots_are_candidates_and_distinct(void **state)
{
    (void)state;
    uint32_t ids[128];
    uint32_t slots[19];
    uint32_t masked[128];
    size_t hidden = 0;
    size_t all = 0;
    size_t hits[128] = {0};
    for (uint64_t sequence = 0; sequence < 4000; sequence++) {
        const size_t n = sequence % 2 ? 128 : 4 + sequence % 125;
        fill_sequence(ids, n);
        const size_t k = el_mask_choose(&MASKING, 19, ids, n, 99, sequence, slots, masked);
        assert_in_range(k, 1, el_mask_count(0.15, n, 19));
        for (size_t i = 0; i < k; i++) {
            assert_true(slots[i] < n && !special(ids[slots[i]]));
            assert_true(i == 0 || slots[i] > slots[i - 1]);
            assert_true(masked[slots[i]] == MASK || masked[slots[i]] == ids[slots[i]]);
            hidden += masked[slots[i]] == MASK;
            hits[slots[i]] += n == 128;
            masked[slots[i]] = ids[slots[i]];
        }
        all += k;
        assert_memory_equal(masked, ids, n * sizeof *ids); /* nothing else was touched */
    }
    const double deviation = sqrt((double)all * 0.85 * 0.15);
    assert_true(fabs((double)hidden - 0.85 * (double)all) < 4 * deviation);
    for (size_t i = 0; i < 128; i++) { /* 2000 full sequences, 19 of 124 candidates each */
        const bool candidate = !special((fill_sequence(ids, 128), ids[i]));
        const double expected = candidate ? 2000.0 * 19 / 124 : 0;
        assert_true(fabs((double)hits[i] - expected) <= 5 * sqrt(expected));
    }
}

static void with_replacement_as_published(void **state)
{
    (void)state;
    el_masking masking = MASKING;
    masking.replacement = true;
    uint32_t ids[128];
    uint32_t slots[19];
    uint32_t masked[128];
    size_t distinct = 0;
    for (uint64_t sequence = 0; sequence < 2000; sequence++) {
        unsigned char seen[128] = {0};
        fill_sequence(ids, 128);
        ids[3] = 13; /* 125 candidates, as in electra.md 3 */
        assert_int_equal(el_mask_choose(&masking, 19, ids, 128, 5, sequence, slots, masked), 19);
        for (size_t i = 0; i < 19; i++) {
            assert_false(special(ids[slots[i]]));
            distinct += !seen[slots[i]];
            seen[slots[i]] = 1;
        }
    }
    assert_true(fabs((double)distinct / 2000 - 17.7) < 0.1);
}

static void few_candidates(void **state)
{
    (void)state;
    uint32_t ids[6] = {CLS, SEP, MASK, SEP, SEP, SEP};
    uint32_t slots[19];
    uint32_t masked[6];
    assert_int_equal(el_mask_choose(&MASKING, 19, ids, 6, 1, 0, slots, masked), 0);
    assert_memory_equal(masked, ids, sizeof ids);
    ids[4] = 77;
    el_masking eager = MASKING;
    eager.probability = 0.9;
    assert_int_equal(el_mask_choose(&eager, 19, ids, 6, 1, 0, slots, masked), 1);
    assert_int_equal(slots[0], 4);
}

/* ---- packs ------------------------------------------------------------------------------------------------------- */

static el_backend *make_backend(void)
{
    el_backend *be = NULL;
    assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL), ELECTRA_OK);
    return be;
}

static void given_sequences(void **state)
{
    (void)state;
    el_backend *be = make_backend();
    el_pack *pack;
    const el_pack_room room = {.tokens = 8, .sequences = 2, .slots = 2};
    assert_int_equal(el_pack_create(&pack, be, &room, NULL), ELECTRA_OK);
    const uint32_t a[] = {2, 10, 3};
    const uint32_t b[] = {2, 11, 3, 12, 3};
    const uint32_t b_masked[] = {2, 4, 3, 12, 3};
    const uint32_t b_slots[] = {1, 3};
    for (int round = 0; round < 2; round++) {
        el_pack_clear(pack);
        assert_true(el_pack_add(pack, &(el_sequence){.ids = a, .length = 3, .first_length = 3, .number = 7}));
        assert_false(el_pack_add(pack, &(el_sequence){.ids = b, .length = 5, .slots = b_slots, .n_slots = 3}));
        const el_sequence second = {.ids = b,
                                    .length = 5,
                                    .first_length = 3,
                                    .masked_ids = b_masked,
                                    .slots = b_slots,
                                    .n_slots = 2,
                                    .number = 9};
        assert_true(el_pack_add(pack, &second));
        assert_false(el_pack_add(pack, &(el_sequence){.ids = a, .length = 1, .first_length = 1}));
        const el_batch *batch = el_pack_finish(pack);
        assert_int_equal(batch->layout.n_tokens, 8);
        assert_int_equal(batch->layout.n_sequences, 2);
        assert_int_equal(batch->layout.longest, 5);
        assert_memory_equal(batch->layout.starts, ((uint32_t[]){0, 3, 8}), 12);
        assert_memory_equal(batch->layout.sequence, ((uint32_t[]){7, 7, 7, 9, 9, 9, 9, 9}), 32);
        assert_memory_equal(batch->layout.position, ((uint32_t[]){0, 1, 2, 0, 1, 2, 3, 4}), 32);
        assert_memory_equal(batch->ids, ((uint32_t[]){2, 10, 3, 2, 11, 3, 12, 3}), 32);
        assert_memory_equal(batch->masked_ids, ((uint32_t[]){2, 10, 3, 2, 4, 3, 12, 3}), 32);
        assert_memory_equal(batch->types, ((uint32_t[]){0, 0, 0, 0, 0, 0, 1, 1}), 32);
        assert_int_equal(batch->n_slots, 2);
        assert_memory_equal(batch->slots, ((uint32_t[]){4, 6}), 8);
        assert_memory_equal(batch->targets, ((uint32_t[]){11, 12}), 8);
    }
    el_pack_free(pack);
    el_pack_free(NULL);
    el_backend_free(be);
}

/* ---- batchers ---------------------------------------------------------------------------------------------------- */

enum { BATCH = 12 };

static el_batcher_settings settings_for(const electra_data *data, electra_split split)
{
    return (el_batcher_settings){.data = data,
                                 .split = split,
                                 .batch = BATCH,
                                 .max_length = 32,
                                 .masking = el_batcher_masking(data, 0.15, false),
                                 .seed = 11,
                                 .size = 1};
}

static el_batcher *make_batcher(el_backend *be, const el_batcher_settings *settings)
{
    el_batcher *b = NULL;
    electra_error error = {0};
    if (el_batcher_create(&b, be, settings, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    return b;
}

/* The hash of each sequence of a step with all that belongs to it, at its number. */
static void hash_step(el_batcher *b, uint64_t step, uint64_t *hashes)
{
    assert_int_equal(el_batcher_fill(b, step, NULL), ELECTRA_OK);
    el_batch_totals totals = {0};
    for (size_t m = 0; m < el_batcher_micro_batches(b); m++) {
        const el_batch *batch = el_batcher_micro_batch(b, m);
        const el_layout *l = &batch->layout;
        size_t slot = 0;
        for (size_t s = 0; s < l->n_sequences; s++) {
            const size_t begin = l->starts[s];
            const size_t end = l->starts[s + 1];
            uint64_t hash = 1;
            for (size_t t = begin; t < end; t++) {
                assert_int_equal(l->position[t], t - begin);
                assert_int_equal(l->sequence[t], l->sequence[begin]);
                hash = el_rng_mix(hash ^ batch->ids[t]);
                hash = el_rng_mix(hash ^ batch->types[t]);
                hash = el_rng_mix(hash ^ batch->masked_ids[t]);
            }
            for (; slot < batch->n_slots && batch->slots[slot] < end; slot++) {
                assert_true(batch->slots[slot] >= begin);
                assert_int_equal(batch->targets[slot], batch->ids[batch->slots[slot]]);
                hash = el_rng_mix(hash ^ (batch->slots[slot] - begin));
            }
            hashes[l->sequence[begin] % 1024] = hash;
        }
        assert_int_equal(slot, batch->n_slots);
        totals.sequences += l->n_sequences;
        totals.tokens += l->n_tokens;
        totals.slots += batch->n_slots;
    }
    const el_batch_totals stated = el_batcher_totals(b);
    assert_memory_equal(&stated, &totals, sizeof totals);
}

static void cutting_changes_nothing(void **state)
{
    electra_data *data = test_data(*state, 60, 0.2);
    el_backend *be = make_backend();
    uint64_t whole[1024];
    uint64_t parts[1024];
    for (uint64_t step = 0; step < 100; step += 33) {
        el_batcher_settings settings = settings_for(data, ELECTRA_TRAIN);
        memset(whole, 0, sizeof whole);
        el_batcher *b = make_batcher(be, &settings);
        hash_step(b, step, whole);
        el_batcher_free(b);
        for (size_t size = 1; size <= 3; size++) {
            for (size_t micro = 1; micro <= 6; micro++) {
                memset(parts, 0, sizeof parts);
                for (size_t rank = 0; rank < size; rank++) {
                    settings.micro_batch = micro;
                    settings.rank = rank;
                    settings.size = size;
                    b = make_batcher(be, &settings);
                    hash_step(b, step, parts);
                    el_batcher_free(b);
                }
                assert_memory_equal(parts, whole, sizeof whole);
            }
        }
    }
    el_backend_free(be);
    electra_data_free(data);
}

static void steps_differ_and_repeat(void **state)
{
    electra_data *data = test_data(*state, 60, 0);
    el_backend *be = make_backend();
    const el_batcher_settings settings = settings_for(data, ELECTRA_TRAIN);
    el_batcher *b = make_batcher(be, &settings);
    uint64_t first[1024] = {0};
    uint64_t second[1024] = {0};
    uint64_t again[1024] = {0};
    hash_step(b, 0, first);
    hash_step(b, 1, second);
    const unsigned long before = test_allocations();
    for (uint64_t step = 0; step < 50; step++) {
        hash_step(b, step, again);
    }
    assert_int_equal(test_allocations(), before); /* nothing is allocated in a step */
    memset(again, 0, sizeof again);
    hash_step(b, 0, again);
    assert_memory_equal(first, again, sizeof first);
    for (size_t i = 0; i < BATCH; i++) {
        assert_true(first[i] != second[i]);
    }
    el_batcher_free(b);
    el_backend_free(be);
    electra_data_free(data);
}

static void heldout_is_the_same_for_every_run(void **state)
{
    electra_data *data = test_data(*state, 200, 0.3);
    el_backend *be = make_backend();
    uint64_t expected[1024] = {0};
    for (uint64_t seed = 0; seed < 3; seed++) {
        el_batcher_settings settings = settings_for(data, ELECTRA_HELDOUT);
        settings.seed = seed;
        settings.batch = 5 + seed; /* nor does the size of the evaluation batch matter */
        settings.micro_batch = 2;
        el_batcher *b = make_batcher(be, &settings);
        uint64_t found[1024] = {0};
        size_t sequences = 0;
        for (uint64_t step = 0; step < el_batcher_steps(b); step++) {
            hash_step(b, step, found);
            sequences += el_batcher_totals(b).sequences;
        }
        assert_int_equal(sequences, el_batcher_examples(b));
        assert_int_equal(sequences, electra_data_describe(data)->splits[ELECTRA_HELDOUT].examples);
        assert_true(sequences > 10 && sequences < 1024);
        if (seed == 0) {
            memcpy(expected, found, sizeof found);
        }
        assert_memory_equal(found, expected, sizeof found);
        el_batcher_free(b);
    }
    el_backend_free(be);
    electra_data_free(data);
}

static void refusals(void **state)
{
    electra_data *data = test_data(*state, 60, 0);
    el_backend *be = make_backend();
    el_batcher *b = NULL;
    electra_error error = {0};
    el_batcher_settings settings = settings_for(data, ELECTRA_TRAIN);
    settings.max_length = 31;
    assert_int_equal(el_batcher_create(&b, be, &settings, &error), ELECTRA_MISUSE);
    assert_non_null(strstr(error.message, "--max-length 31"));
    settings = settings_for(data, ELECTRA_HELDOUT);
    assert_int_equal(el_batcher_create(&b, be, &settings, &error), ELECTRA_INVALID);
    assert_non_null(strstr(error.message, "--heldout"));
    settings = settings_for(data, ELECTRA_TRAIN);
    settings.batch = 0;
    assert_int_equal(el_batcher_create(&b, be, &settings, &error), ELECTRA_MISUSE);
    settings = settings_for(data, ELECTRA_TRAIN);
    settings.masking.probability = 1;
    assert_int_equal(el_batcher_create(&b, be, &settings, &error), ELECTRA_MISUSE);
    settings = settings_for(data, ELECTRA_TRAIN);
    settings.batch = SIZE_MAX / 8;
    assert_int_not_equal(el_batcher_create(&b, be, &settings, &error), ELECTRA_OK);
    assert_null(b);
    el_batcher_free(NULL);
    el_backend_free(be);
    electra_data_free(data);
}

static void any_allocation_may_fail(void **state)
{
    electra_data *data = test_data(*state, 20, 0);
    el_backend *be = make_backend();
    el_batcher_settings settings = settings_for(data, ELECTRA_TRAIN);
    settings.micro_batch = 4;
    electra_status status = ELECTRA_NO_RESOURCE;
    for (unsigned long n = 1; status != ELECTRA_OK; n++) {
        el_batcher *b = NULL;
        test_fail_allocation(n);
        status = el_batcher_create(&b, be, &settings, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        el_batcher_free(b);
        assert_true(n < 100);
    }
    el_backend_free(be);
    electra_data_free(data);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_has_every_example_once),
        cmocka_unit_test(orders_differ_by_epoch_and_seed),
        cmocka_unit_test(shares_cover_a_step),
        cmocka_unit_test(slot_counts),
        cmocka_unit_test(slots_are_candidates_and_distinct),
        cmocka_unit_test(with_replacement_as_published),
        cmocka_unit_test(few_candidates),
        cmocka_unit_test(given_sequences),
        IN_FOLDER(cutting_changes_nothing),
        IN_FOLDER(steps_differ_and_repeat),
        IN_FOLDER(heldout_is_the_same_for_every_run),
        IN_FOLDER(refusals),
        IN_FOLDER(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
