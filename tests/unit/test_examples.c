/* examples: nothing is lost and nothing changes its place; shares are what they should be; the released builder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/status.h"
#include "data/examples.h"
#include "support/alloc.h"

enum { MOST_TOKENS = 1 << 21 };

/* What a builder has given: all tokens one after another, and lengths. */
typedef struct gathered {
    uint32_t *ids; /* [MOST_TOKENS] */
    size_t n;
    size_t examples, single;
    size_t shortest, longest;
    size_t lengths[1 << 16], firsts[1 << 16];
    size_t refuse_at; /* fail at this example; 0: never */
} gathered;

static electra_status gather(void *user, const uint32_t *ids, size_t n, size_t first, electra_error *err)
{
    gathered *g = user;
    assert_true(n > 0 && first > 0 && first <= n && g->n + n <= MOST_TOKENS);
    if (g->examples + 1 == g->refuse_at) {
        return el_fail(err, ELECTRA_FAILED, NULL, "refused");
    }
    memcpy(g->ids + g->n, ids, n * sizeof *ids);
    g->n += n;
    if (g->examples < 1 << 16) {
        g->lengths[g->examples] = n + (first < n ? 3 : 2);
        g->firsts[g->examples] = first;
    }
    g->examples++;
    g->single += first == n;
    return ELECTRA_OK;
}

static gathered *gathered_new(void)
{
    gathered *g = calloc(1, sizeof *g);
    g->ids = calloc(MOST_TOKENS, sizeof *g->ids);
    return g;
}

static void gathered_free(gathered *g)
{
    free(g->ids);
    free(g);
}

static el_example_builder *builder(gathered *g, size_t max_length, uint64_t seed, bool google)
{
    const el_example_builder_settings settings = {max_length, seed, google, gather, g};
    el_example_builder *x;
    assert_int_equal(el_example_builder_create(&x, &settings, NULL), ELECTRA_OK);
    return x;
}

/* Sentences of 0 ... longest tokens; ids count up through the document. */
static uint32_t add_document(el_example_builder *x, uint64_t document, size_t sentences, size_t longest,
                             el_rng_stream *stream)
{
    uint32_t next = 0;
    uint32_t *ids = calloc(longest + 1, sizeof *ids);
    el_example_builder_begin(x, document);
    for (size_t i = 0; i < sentences; i++) {
        const size_t n = (size_t)el_rng_below(stream, longest + 1);
        for (size_t t = 0; t < n; t++) {
            ids[t] = next++;
        }
        assert_int_equal(el_example_builder_add(x, ids, n, NULL), ELECTRA_OK);
    }
    assert_int_equal(el_example_builder_end(x, NULL), ELECTRA_OK);
    free(ids);
    return next;
}

static void nothing_is_lost(void **state)
{
    (void)state;
    static const size_t LENGTHS[] = {8, 9, 32, 128, 512};
    static const size_t LONGEST[] = {1, 7, 40, 3000};
    el_rng_stream stream = {.key = 1};
    for (size_t i = 0; i < 5 * 4; i++) {
        gathered *g = gathered_new();
        el_example_builder *x = builder(g, LENGTHS[i % 5], i, false);
        for (uint64_t document = 0; document < 40; document++) {
            const size_t before = g->n;
            const size_t first_example = g->examples;
            const uint32_t n = add_document(x, document, 30, LONGEST[i / 5], &stream);
            assert_int_equal(g->n - before, n); /* all of the document, and of this one only */
            for (uint32_t t = 0; t < n; t++) {
                assert_int_equal(g->ids[before + t], t);
            }
            for (size_t e = first_example; e < g->examples && e < 1 << 16; e++) {
                assert_in_range(g->lengths[e], 3, LENGTHS[i % 5]);
            }
        }
        el_example_builder_free(x);
        gathered_free(g);
    }
}

/* |observed - expected| within four standard deviations of a binomial. */
static void expect_share(size_t hits, size_t n, double p)
{
    const double deviation = 4 * sqrt((double)n * p * (1 - p));
    if (fabs((double)hits - (double)n * p) > deviation) {
        fail_msg("%zu of %zu is not a share of %g", hits, n, p);
    }
}

static void shares_are_right(void **state)
{
    (void)state;
    gathered *g = gathered_new();
    el_example_builder *x = builder(g, 128, 7, false);
    const uint32_t sentence[10] = {0};
    el_example_builder_begin(x, 0);
    for (size_t i = 0; i < 80000; i++) {
        assert_int_equal(el_example_builder_add(x, sentence, 10, NULL), ELECTRA_OK);
    }
    assert_int_equal(el_example_builder_end(x, NULL), ELECTRA_OK);
    size_t below = 0;
    size_t single = 0;
    size_t full = 0;
    double near_middle = 0;
    for (size_t i = 0; i + 1 < g->examples; i++) { /* the last one ends with the text */
        const size_t length = g->lengths[i];
        below += length < 128;
        if (length == 128) {
            full++;
            single += g->firsts[i] == 126;
            near_middle += g->firsts[i] < 126 ? (double)g->firsts[i] : 62;
        }
    }
    expect_share(below, g->examples - 1, 0.05 * 123 / 124); /* 5 ... 127 of 5 ... 128 */
    expect_share(single, full, 0.10);
    assert_true(fabs(near_middle / (double)full - 60) < 6); /* a sentence's end near (128 - 3) / 2 */
    el_example_builder_free(x);
    gathered_free(g);
}

/* The draw belongs to seed, document and example: the order of documents does not matter. */
static void choices_belong_to_the_document(void **state)
{
    (void)state;
    gathered *a = gathered_new();
    gathered *b = gathered_new();
    el_example_builder *x = builder(a, 64, 3, false);
    el_rng_stream first = {.key = 5};
    add_document(x, 9, 100, 20, &first);
    el_example_builder_free(x);
    x = builder(b, 64, 3, false);
    el_rng_stream other = {.key = 6};
    add_document(x, 8, 50, 20, &other);
    const size_t before = b->examples;
    el_rng_stream again = {.key = 5};
    add_document(x, 9, 100, 20, &again);
    el_example_builder_free(x);
    assert_int_equal(b->examples - before, a->examples);
    assert_memory_equal(b->lengths + before, a->lengths, a->examples * sizeof *a->lengths);
    assert_memory_equal(b->firsts + before, a->firsts, a->examples * sizeof *a->firsts);
    gathered_free(a);
    gathered_free(b);
}

/* ---- the released builder ---------------------------------------------------------------------------------------- */

static void released_builder_throws_away(void **state)
{
    (void)state;
    gathered *g = gathered_new();
    el_example_builder *x = builder(g, 32, 3, true);
    uint32_t line[1000] = {0};
    el_example_builder_begin(x, 0);
    assert_int_equal(el_example_builder_add(x, line, 0, NULL), ELECTRA_OK); /* blank line with nothing pending: harmless */
    assert_int_equal(el_example_builder_add(x, line, 1000, NULL), ELECTRA_OK);
    assert_int_equal(el_example_builder_end(x, NULL), ELECTRA_OK);
    assert_int_equal(g->examples, 1); /* one example of one very long line; the rest is lost */
    assert_int_equal(g->lengths[0], 32);
    assert_int_equal(g->firsts[0], 30);
    el_example_builder_free(x);
    gathered_free(g);
}

/* 20 + 30 + 5 with goal (64 - 3) / 2 = 30: 30 does not fit behind 20 and opens B (or A, by the coin); 5 goes back to
 * A, since 20 + 5 < 30. */
static void released_builder_reorders(void **state)
{
    (void)state;
    size_t reordered = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        gathered *g = gathered_new();
        el_example_builder *x = builder(g, 64, seed, true);
        uint32_t ids[30];
        const size_t sizes[] = {20, 30, 5};
        el_example_builder_begin(x, seed);
        for (uint32_t i = 0; i < 3; i++) {
            for (size_t t = 0; t < sizes[i]; t++) {
                ids[t] = i;
            }
            assert_int_equal(el_example_builder_add(x, ids, sizes[i], NULL), ELECTRA_OK);
        }
        assert_int_equal(el_example_builder_end(x, NULL), ELECTRA_OK);
        assert_int_equal(g->examples, 1);
        if (g->firsts[0] == 25) {
            assert_int_equal(g->ids[20], 2);
            reordered++;
        }
        el_example_builder_free(x);
        gathered_free(g);
    }
    expect_share(reordered, 100, 0.45); /* not a single segment, and the coin says B */
}

static void released_lengths_hold(void **state)
{
    (void)state;
    gathered *g = gathered_new();
    el_example_builder *x = builder(g, 48, 3, true);
    el_rng_stream stream = {.key = 2};
    for (uint64_t document = 0; document < 300; document++) {
        add_document(x, document, 20, 70, &stream);
    }
    for (size_t i = 0; i < g->examples; i++) {
        assert_in_range(g->lengths[i], 3, 48);
    }
    el_example_builder_free(x);
    gathered_free(g);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void failures_are_handed_up(void **state)
{
    (void)state;
    const uint32_t ids[100] = {0};
    for (int google = 0; google < 2; google++) {
        gathered *g = gathered_new();
        g->refuse_at = 2;
        el_example_builder *x = builder(g, 32, 3, google);
        electra_status status = ELECTRA_OK;
        el_example_builder_begin(x, 0);
        for (int i = 0; i < 10 && status == ELECTRA_OK; i++) {
            status = el_example_builder_add(x, ids, 100, NULL);
        }
        assert_int_equal(status, ELECTRA_FAILED);
        el_example_builder_free(x);
        gathered_free(g);
    }
    el_example_builder_free(NULL);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    const uint32_t ids[100] = {0};
    for (unsigned long n = 1, google = 0; google < 2; n++) {
        gathered *g = gathered_new();
        const el_example_builder_settings settings = {32, 1, google, gather, g};
        el_example_builder *x = NULL;
        test_fail_allocation(n);
        electra_status status = el_example_builder_create(&x, &settings, NULL);
        if (status == ELECTRA_OK) {
            el_example_builder_begin(x, 0);
            for (int i = 0; i < 40 && status == ELECTRA_OK; i++) {
                status = el_example_builder_add(x, ids, 5, NULL);
            }
        }
        if (status == ELECTRA_OK) {
            status = el_example_builder_end(x, NULL);
        }
        test_fail_allocation(0);
        el_example_builder_free(x);
        gathered_free(g);
        if (status == ELECTRA_OK) {
            assert_true(n > 2);
            google++;
            n = 0;
        } else {
            assert_int_equal(status, ELECTRA_NO_RESOURCE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(shares_are_right),
        cmocka_unit_test(choices_belong_to_the_document),
        cmocka_unit_test(released_builder_throws_away),
        cmocka_unit_test(released_builder_reorders),
        cmocka_unit_test(released_lengths_hold),
        cmocka_unit_test(failures_are_handed_up),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
