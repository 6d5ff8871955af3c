/* Ranking, spans of start and end probabilities, answers of one text, code points to bytes, files of vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "infer/slices.h"
#include "infer/spans.h"

static const char *slice_of(const char *text, uint32_t start, uint32_t end)
{
    static char out[64];
    el_slices slices = {0};
    assert_int_equal(el_slices_begin(&slices, (electra_text){text, strlen(text)}, NULL), ELECTRA_OK);
    const electra_text found = el_slice(&slices, (electra_span){start, end});
    (void)snprintf(out, sizeof out, "%.*s", (int)found.bytes, found.text);
    el_free(slices.marks.items);
    return out;
}

static void slices_count_code_points(void **state)
{
    (void)state;
    assert_string_equal(slice_of("a\xc3\xa9\xf0\x9f\x98\x80z", 1, 3), "\xc3\xa9\xf0\x9f\x98\x80");
    assert_string_equal(slice_of("a\xff\xc3z", 1, 3), "\xff\xc3"); /* ill-formed: one each */
    assert_string_equal(slice_of("abc", 2, 9), "c");
    assert_string_equal(slice_of("abc", 5, 9), "");
    assert_string_equal(slice_of("abc", 2, 1), "");
    assert_string_equal(slice_of("", 0, 0), "");
    char text[2 * 300 + 1];
    for (int i = 0; i < 300; i++) {
        memcpy(text + 2 * i, i % 7 ? "\xc3\xa9" : "\xc3\xa4", 3);
    }
    el_slices slices = {0};
    assert_int_equal(el_slices_begin(&slices, (electra_text){text, 600}, NULL), ELECTRA_OK);
    for (uint32_t i = 0; i < 300; i++) {
        const electra_text found = el_slice(&slices, (electra_span){i, i + 1});
        assert_ptr_equal(found.text, text + (size_t)2 * i);
        assert_int_equal(found.bytes, 2);
    }
    el_free(slices.marks.items);
}

/* Against sorting all, with many equal scores. */
static void the_best_are_the_first_of_all_sorted(void **state)
{
    (void)state;
    enum { N = 200 };
    for (size_t most = 0; most <= N + 1; most += most < 5 ? 1 : 49) {
        double score[N];
        bool taken[N] = {false};
        el_ranked room[N + 1];
        el_best best = {.items = room, .most = most};
        for (size_t i = 0; i < N; i++) {
            score[i] = (double)(el_rng_row(most, 7, i) % 20);
            el_best_offer(&best, score[i], i);
        }
        el_best_sort(&best);
        assert_int_equal(best.n, most < N ? most : N);
        for (size_t k = 0; k < best.n; k++) {
            size_t expected = N;
            for (size_t i = 0; i < N; i++) {
                expected = !taken[i] && (expected == N || score[i] > score[expected]) ? i : expected;
            }
            assert_int_equal(best.items[k].item, expected);
            taken[expected] = true;
        }
    }
}

static void spans_are_no_longer_than_asked_for(void **state)
{
    (void)state;
    const double start[] = {0, 0.5, 0.3, 0, 0.2};
    const double end[] = {0, 0, 0.1, 0.6, 0.3};
    el_ranked room[25];
    el_best best = {.items = room, .most = 25};
    el_spans_best(&best, start, end, 5, 3);
    el_best_sort(&best);
    /* (1,3) .30, (2,3) .18, (2,4) .09, (4,4) .06, (1,2) .05, (2,2) .03; (1,4) is too long */
    const size_t expected[] = {1 * 5 + 3, 2 * 5 + 3, 2 * 5 + 4, 4 * 5 + 4, 1 * 5 + 2, 2 * 5 + 2};
    assert_int_equal(best.n, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(best.items[i].item, expected[i]);
    }
    best = (el_best){.items = room, .most = 25};
    el_spans_best(&best, start, end, 5, SIZE_MAX);
    assert_int_equal(best.n, 7);
}

static void positions_that_do_not_count_get_nothing(void **state)
{
    (void)state;
    double x[] = {1, EL_SPANS_NOWHERE, 3, -700};
    el_spans_softmax(x, 4);
    assert_true(x[1] <= 0 && x[3] >= 0);
    assert_true(fabs(x[2] / x[0] - exp(2)) < 1e-12);
    assert_true(fabs(x[0] + x[2] + x[3] - 1) < 1e-12);
}

static electra_text text_of(const char *text)
{
    return (electra_text){text, strlen(text)};
}

static void equal_texts_add_their_scores(void **state)
{
    (void)state;
    el_spans *a = NULL;
    size_t n;
    assert_int_equal(el_spans_create(&a, NULL), ELECTRA_OK);
    el_spans_begin(a);
    assert_int_equal(el_spans_add(a, 0.3, (electra_span){1, 6}, text_of("\xc3\x89t\xc3\xa9"), NULL), ELECTRA_OK);
    assert_int_equal(el_spans_add(a, 0.4, (electra_span){8, 9}, text_of("x"), NULL), ELECTRA_OK);
    assert_int_equal(el_spans_add(a, 0.2, (electra_span){20, 25}, text_of("\xc3\xa9T\xc3\x89"), NULL), ELECTRA_OK);
    assert_int_equal(el_spans_add(a, 0.5, (electra_span){30, 31}, text_of("y"), NULL), ELECTRA_OK);
    assert_int_equal(el_spans_rank(a, 10, &n, NULL), ELECTRA_OK);
    assert_int_equal(n, 3);
    const el_ranked *ranked = a->ranked.items;
    const el_span_answer *answers = a->answers.items;
    assert_true(fabs(answers[ranked[0].item].score - 0.5) < 1e-12);
    assert_int_equal(answers[ranked[0].item].span.start, 1); /* where it was found first; before its equal */
    assert_int_equal(answers[ranked[1].item].span.start, 30);
    assert_int_equal(el_spans_rank(a, 1, &n, NULL), ELECTRA_OK);
    assert_int_equal(n, 1);
    el_spans_begin(a);
    assert_int_equal(el_spans_rank(a, 3, &n, NULL), ELECTRA_OK);
    assert_int_equal(n, 0);
    /* more than the table holds at first */
    static char words[2000][8];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 2000; i++) {
            (void)snprintf(words[i], sizeof words[i], "%s%zu", round ? "W" : "w", i);
            const electra_span span = {(uint32_t)i, (uint32_t)i};
            assert_int_equal(el_spans_add(a, 1e-3 * (double)i, span, text_of(words[i]), NULL), ELECTRA_OK);
        }
    }
    assert_int_equal(a->answers.n, 2000);
    assert_true(fabs(((const el_span_answer *)a->answers.items)[1999].score - 2 * 1.999) < 1e-12);
    el_spans_free(a);
    el_spans_free(NULL);
}

static void vectors_are_written_as_numpy_reads_them(void **state)
{
    (void)state;
    char folder[] = "/tmp/electra-vectors-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/x.npy", folder);
    electra_vectors_file *file;
    electra_error err;
    const float rows[] = {1, -2.5F, 0, 3, 4, 5};
    assert_int_equal(electra_vectors_create(&file, path, 2, &err), ELECTRA_OK);
    assert_int_equal(electra_vectors_add(file, rows, 1, &err), ELECTRA_OK);
    assert_int_equal(electra_vectors_add(file, rows + 2, 2, &err), ELECTRA_OK);
    assert_int_equal(access(path, F_OK), -1); /* not before it is complete */
    assert_int_equal(electra_vectors_finish(file, &err), ELECTRA_OK);
    char *bytes;
    size_t n;
    assert_int_equal(el_read_file(&bytes, &n, path, 4096, &err), ELECTRA_OK);
    assert_int_equal(n, 128 + 6 * 4);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } ",
                        10 + 59);
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128 + 4, "\x00\x00\x20\xc0", 4); /* -2.5 */
    el_free(bytes);
    assert_int_equal(electra_vectors_create(&file, path, 2, &err), ELECTRA_OK);
    electra_vectors_abandon(file);
    electra_vectors_abandon(NULL);
    assert_int_equal(access(path, F_OK), 0); /* the old one stays */
    assert_int_equal(electra_vectors_create(&file, path, 0, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_vectors_create(&file, "/nowhere/x.npy", 2, &err), ELECTRA_INVALID);
    assert_null(file);
    assert_int_equal(el_remove_tree(folder, NULL), ELECTRA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_count_code_points),           cmocka_unit_test(the_best_are_the_first_of_all_sorted),
        cmocka_unit_test(spans_are_no_longer_than_asked_for), cmocka_unit_test(positions_that_do_not_count_get_nothing),
        cmocka_unit_test(equal_texts_add_their_scores),       cmocka_unit_test(vectors_are_written_as_numpy_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
