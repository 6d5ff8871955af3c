/* base: the arena, the parallel-for, random numbers, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/quantile.h"
#include "base/rng.h"
#include "support/alloc.h"

static void arena_counts_then_serves(void **state)
{
    (void)state;
    el_arena plan = {0};
    assert_null(el_arena_take(&plan, 3, 5));
    assert_null(el_arena_take(&plan, 100, 4));
    assert_int_equal(plan.used, 64 + 448);
    el_arena arena;
    assert_true(el_arena_init(&arena, plan.used));
    unsigned char *a = el_arena_take(&arena, 3, 5);
    unsigned char *b = el_arena_take(&arena, 100, 4);
    assert_int_equal(b - a, 64);
    assert_int_equal((uintptr_t)a % EL_ALIGNMENT, 0);
    el_arena_reset(&arena, 64);
    assert_ptr_equal(el_arena_take(&arena, 1, 1), b);
    el_arena_clear(&arena);
}

static void allocation_refuses_overflow(void **state)
{
    (void)state;
    assert_null(el_alloc(SIZE_MAX / 2, 3));
    assert_null(el_alloc(SIZE_MAX, 1));
    test_fail_allocation(1);
    assert_null(el_alloc(1, 1));
    void *block = el_alloc(0, 1);
    assert_non_null(block);
    el_free(block);
}

static void mark_items(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    unsigned char *seen = argument;
    for (size_t i = begin; i < end; i++) {
        seen[i]++;
    }
}

static void parallel_for_does_each_item_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        el_pool *pool;
        assert_int_equal(el_pool_create(&pool, threads, NULL), ELECTRA_OK);
        for (int round = 0; round < 2000; round++) {
            unsigned char seen[257] = {0};
            const size_t n = (size_t)round % 257;
            el_parallel_for(pool, n, 1 + (size_t)round % 7, mark_items, seen);
            for (size_t i = 0; i < sizeof seen; i++) {
                assert_int_equal(seen[i], i < n);
            }
            if (round % 500 == 0) {
                usleep(2000); /* long enough for the workers to fall asleep */
            }
        }
        el_pool_free(pool);
    }
    electra_error err;
    el_pool *none;
    assert_int_equal(el_pool_create(&none, -1, &err), ELECTRA_MISUSE);
}

static void permutation_is_one(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 300; n += 7) {
        unsigned char seen[300] = {0};
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t j = el_rng_permute(el_rng_key(42, EL_RNG_SHUFFLE, n, 0), i, n);
            assert_true(j < n);
            assert_int_equal(seen[j]++, 0);
        }
    }
}

static void random_lanes_are_even(void **state)
{
    (void)state;
    /* each of the 32 bits is set half of the time over rows and columns, and neighbours are independent */
    enum { N = 1 << 18 };
    unsigned long ones[32] = {0}, agree[32] = {0};
    uint32_t last = 0;
    for (uint32_t i = 0; i < N; i++) {
        const uint64_t row = el_rng_row(el_rng_key(1, EL_RNG_DROPOUT, 7, 3), i >> 8, i >> 4 & 15);
        const uint32_t bits = el_rng_lane(row, i & 15);
        for (int b = 0; b < 32; b++) {
            ones[b] += bits >> b & 1;
            agree[b] += ~(bits ^ last) >> b & 1;
        }
        last = bits;
    }
    for (int b = 0; b < 32; b++) {
        assert_in_range(ones[b], N / 2 - 1280, N / 2 + 1280); /* five standard deviations */
        assert_in_range(agree[b], N / 2 - 1280, N / 2 + 1280);
    }
}

static void writer_replaces_whole_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/electra-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *deep = el_path_join(folder, "a/b/c");
    assert_int_equal(el_make_folders(deep, NULL), ELECTRA_OK);
    char *path = el_path_join(deep, "file");
    assert_int_equal(el_write_file(path, "old", 3, NULL), ELECTRA_OK);
    el_writer *w;
    assert_int_equal(el_writer_open(&w, path, NULL), ELECTRA_OK);
    el_writer_format(w, "%s", "newer");
    char *text;
    size_t bytes;
    assert_int_equal(el_read_file(&text, &bytes, path, 100, NULL), ELECTRA_OK);
    assert_string_equal(text, "old");
    el_free(text);
    assert_int_equal(el_writer_commit(w, NULL), ELECTRA_OK);
    assert_int_equal(el_read_file(&text, &bytes, path, 100, NULL), ELECTRA_OK);
    assert_string_equal(text, "newer");
    el_free(text);
    electra_error err;
    assert_int_equal(el_read_file(&text, &bytes, path, 4, &err), ELECTRA_INVALID);
    assert_int_equal(el_writer_open(&w, "/nonexistent/x", &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(el_remove_tree(folder, NULL), ELECTRA_OK);
    assert_false(el_is_folder(folder));
    el_free(path);
    el_free(deep);
}

static void json_says_what_is_wrong(void **state)
{
    (void)state;
    electra_error err;
    json_t *value;
    const char text[] = "{\"n\": 5, \"t\": \"x\", \"none\": null}";
    assert_int_equal(el_json_parse(&value, text, sizeof text - 1, "file.json", &err), ELECTRA_OK);
    size_t n = 7;
    assert_int_equal(el_json_size(value, "n", EL_JSON_REQUIRED, 0, 4, &n, "file.json", &err), ELECTRA_INVALID);
    assert_string_equal(err.message, "file.json: \"n\" is 5; it should be between 0 and 4");
    assert_int_equal(el_json_size(value, "t", EL_JSON_OPTIONAL, 0, 4, &n, "file.json", &err), ELECTRA_INVALID);
    assert_int_equal(el_json_size(value, "none", EL_JSON_OPTIONAL, 0, 4, &n, "file.json", &err), ELECTRA_OK);
    assert_int_equal(n, 7);
    assert_int_equal(el_json_size(value, "none", EL_JSON_REQUIRED, 0, 4, &n, "file.json", &err), ELECTRA_INVALID);
    json_decref(value);
    assert_int_equal(el_json_parse(&value, "{\"a\":1,\"a\":2}", 13, "file.json", &err), ELECTRA_INVALID);
}

static void quantiles_are_the_nearest_value(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_true(el_quantile(values, 5, 0) == 1 && el_quantile(values, 5, 0.5) == 3 && el_quantile(values, 5, 1) == 5);
    assert_true(el_quantile(values, 5, 0.99) == 5 && el_quantile(values, 5, 0.3) == 2);
    assert_true(el_quantile(values, 1, 0.5) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_counts_then_serves),    cmocka_unit_test(allocation_refuses_overflow),
        cmocka_unit_test(parallel_for_does_each_item_once), cmocka_unit_test(permutation_is_one),
        cmocka_unit_test(random_lanes_are_even),       cmocka_unit_test(writer_replaces_whole_files),
        cmocka_unit_test(json_says_what_is_wrong),     cmocka_unit_test(quantiles_are_the_nearest_value),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
