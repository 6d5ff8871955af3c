/* shards: what is written comes back, and no damage goes unnoticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/shard.h"
#include "support/alloc.h"
#include "support/folder.h"

enum { MAX_LENGTH = 40 };

static el_shard_about about_of(unsigned token_bytes)
{
    return (el_shard_about){.vocabulary_hash = 77,
                            .vocabulary_size = token_bytes == 2 ? 65536 : 119547,
                            .max_length = MAX_LENGTH,
                            .token_bytes = token_bytes};
}

/* Example i of the shards made here. */
static size_t make_example(const el_shard_about *about, uint64_t i, uint32_t *ids, size_t *first)
{
    el_rng_stream stream = {.key = i};
    const size_t n = 1 + (size_t)el_rng_below(&stream, MAX_LENGTH - 3);
    *first = 1 + (size_t)el_rng_below(&stream, n);
    for (size_t t = 0; t < n; t++) {
        ids[t] = (uint32_t)el_rng_below(&stream, about->vocabulary_size);
    }
    return n;
}

static electra_status write_shard(const char *path, unsigned token_bytes, uint64_t examples, el_shard_about *written)
{
    const el_shard_about about = about_of(token_bytes);
    el_shard_writer *w = NULL;
    electra_status status = el_shard_writer_create(&w, &about, NULL);
    for (uint64_t i = 0; i < examples && status == ELECTRA_OK; i++) {
        uint32_t ids[MAX_LENGTH];
        size_t first;
        const size_t n = make_example(&about, i, ids, &first);
        status = el_shard_writer_add(w, ids, n, first, NULL);
    }
    if (status == ELECTRA_OK) {
        status = el_shard_writer_save(w, path, written, NULL);
    }
    el_shard_writer_free(w);
    return status;
}

/* Open and read everything; the first failure. */
static electra_status read_shard(const char *path, uint64_t *examples, electra_error *err)
{
    el_shard shard;
    electra_status status = el_shard_open(&shard, path, err);
    *examples = status == ELECTRA_OK ? shard.about.n_examples : 0;
    for (uint64_t i = 0; status == ELECTRA_OK && i < shard.about.n_examples; i++) {
        uint32_t expected[MAX_LENGTH];
        uint32_t ids[MAX_LENGTH];
        size_t n = 0;
        size_t first = 0;
        size_t expected_first;
        status = el_shard_example(&shard, i, ids, &n, &first, err);
        if (status == ELECTRA_OK) {
            assert_int_equal(n, make_example(&shard.about, i, expected, &expected_first));
            assert_int_equal(first, expected_first);
            assert_memory_equal(ids, expected, n * sizeof *ids);
        }
    }
    el_shard_close(&shard);
    return status;
}

static void what_is_written_comes_back(void **state)
{
    static const uint64_t COUNTS[] = {0, 1, 2, 20000};
    for (size_t i = 0; i < 8; i++) {
        const unsigned token_bytes = i % 2 ? 4 : 2;
        el_shard_about written;
        uint64_t examples;
        const char *path = test_path(*state, "a.shard");
        assert_int_equal(write_shard(path, token_bytes, COUNTS[i / 2], &written), ELECTRA_OK);
        size_t bytes;
        free(test_read(path, &bytes));
        assert_int_equal(written.bytes, bytes);
        assert_int_equal(read_shard(path, &examples, NULL), ELECTRA_OK);
        assert_int_equal(examples, COUNTS[i / 2]);
    }
}

static void a_writer_is_used_again(void **state)
{
    const el_shard_about about = about_of(2);
    const uint32_t ids[2] = {7, 65535};
    el_shard_writer *w;
    el_shard_about first;
    el_shard_about second;
    assert_int_equal(el_shard_writer_create(&w, &about, NULL), ELECTRA_OK);
    assert_int_equal(el_shard_writer_add(w, ids, 2, 1, NULL), ELECTRA_OK);
    assert_int_equal(el_shard_writer_bytes(w), 4);
    assert_int_equal(el_shard_writer_save(w, test_path(*state, "a.shard"), &first, NULL), ELECTRA_OK);
    assert_int_equal(el_shard_writer_examples(w), 0);
    assert_int_equal(el_shard_writer_add(w, ids, 2, 1, NULL), ELECTRA_OK);
    assert_int_equal(el_shard_writer_save(w, test_path(*state, "b.shard"), &second, NULL), ELECTRA_OK);
    assert_int_equal(first.hash, second.hash);
    el_shard_writer_free(w);
    el_shard_writer_free(NULL);
}

static void cut_at_every_byte(void **state)
{
    el_shard_about written;
    size_t bytes;
    const char *path = test_path(*state, "a.shard");
    assert_int_equal(write_shard(path, 2, 12, &written), ELECTRA_OK);
    char *data = test_read(path, &bytes);
    for (size_t n = 0; n < bytes; n++) {
        electra_error error = {0};
        uint64_t examples;
        test_write(*state, "cut.shard", data, n);
        assert_int_equal(read_shard(test_path(*state, "cut.shard"), &examples, &error), ELECTRA_INVALID);
        assert_non_null(strstr(error.message, "cut.shard"));
        assert_non_null(strstr(error.message, "should be"));
    }
    data[bytes] = 'x'; /* test_read leaves room for one more */
    uint64_t examples;
    test_write(*state, "cut.shard", data, bytes + 1);
    assert_int_equal(read_shard(test_path(*state, "cut.shard"), &examples, NULL), ELECTRA_INVALID);
    free(data);
}

static void any_altered_byte_is_found(void **state)
{
    el_shard_about written;
    size_t bytes;
    const char *path = test_path(*state, "a.shard");
    assert_int_equal(write_shard(path, 4, 12, &written), ELECTRA_OK);
    char *data = test_read(path, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        uint64_t examples;
        data[i] ^= (char)(1 << i % 8);
        test_write(*state, "altered.shard", data, bytes);
        assert_int_equal(read_shard(test_path(*state, "altered.shard"), &examples, NULL), ELECTRA_INVALID);
        data[i] ^= (char)(1 << i % 8);
    }
    free(data);
}

/* Somebody who computes the checksums anew can still not lead a reader out of the file. */
static void hostile_entries_are_refused(void **state)
{
    el_shard_about written;
    size_t bytes;
    const char *path = test_path(*state, "a.shard");
    assert_int_equal(write_shard(path, 2, 12, &written), ELECTRA_OK);
    unsigned char *data = (unsigned char *)test_read(path, &bytes);
    const size_t index_bytes = bytes - EL_SHARD_HEADER_BYTES - (size_t)written.n_tokens * 2;
    size_t refused = 0;
    for (size_t i = 8; i < EL_SHARD_HEADER_BYTES + index_bytes; i++) {
        unsigned char *copy = malloc(bytes);
        memcpy(copy, data, bytes);
        copy[i] ^= 0xFF;
        uint64_t hash = htole64(el_hash64(copy + EL_SHARD_HEADER_BYTES, index_bytes));
        memcpy(copy + 48, &hash, 8);
        hash = htole64(el_hash64(copy, 56));
        memcpy(copy + 56, &hash, 8);
        test_write(*state, "hostile.shard", copy, bytes);
        free(copy);
        el_shard shard;
        electra_status status = el_shard_open(&shard, test_path(*state, "hostile.shard"), NULL);
        for (uint64_t e = 0; status == ELECTRA_OK && e < shard.about.n_examples; e++) {
            uint32_t ids[MAX_LENGTH + 256];
            size_t n;
            size_t first;
            status = shard.about.max_length <= MAX_LENGTH + 256 ? el_shard_example(&shard, e, ids, &n, &first, NULL)
                                                                : ELECTRA_INVALID;
        }
        el_shard_close(&shard);
        refused += status != ELECTRA_OK;
    }
    assert_true(refused > index_bytes / 2);
    free(data);
}

static void any_allocation_may_fail(void **state)
{
    const char *path = test_path(*state, "a.shard");
    electra_status status = ELECTRA_NO_RESOURCE;
    for (unsigned long n = 1; status != ELECTRA_OK; n++) {
        el_shard_about written;
        test_fail_allocation(n);
        status = write_shard(path, 2, 3, &written);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        assert_true(n < 100);
    }
    status = ELECTRA_NO_RESOURCE;
    for (unsigned long n = 1; status != ELECTRA_OK; n++) {
        uint64_t examples;
        test_fail_allocation(n);
        status = read_shard(path, &examples, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        assert_true(n < 100);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_written_comes_back),  IN_FOLDER(a_writer_is_used_again),
        IN_FOLDER(cut_at_every_byte),           IN_FOLDER(any_altered_byte_is_found),
        IN_FOLDER(hostile_entries_are_refused), IN_FOLDER(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
