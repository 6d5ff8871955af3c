/* TensorFlow 1 checkpoints: the table, the tensors, and files that lie. Checkpoints that TensorFlow itself wrote are
 * cases of golden numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "interop/tf1_checkpoint.h"
#include "interop/tf1_table.h"
#include "support/alloc.h"
#include "support/folder.h"

/* ---- putting bytes together -------------------------------------------------------------------------------------- */

typedef struct bytes {
    unsigned char at[1 << 14];
    size_t n;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    assert_true(b->n + n <= sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void put_varint(bytes *b, uint64_t value)
{
    while (value > 127) {
        const unsigned char byte = (unsigned char)(value | 128);
        put(b, &byte, 1);
        value >>= 7;
    }
    const unsigned char byte = (unsigned char)value;
    put(b, &byte, 1);
}

static void put_number(bytes *b, uint64_t value, size_t width)
{
    put(b, &value, width);
}

/* The end of a block: one restart point, then the trailer. Returns the length without the trailer. */
static size_t end_block(bytes *b, size_t start)
{
    put_number(b, 0, 4);
    put_number(b, 1, 4);
    const size_t length = b->n - start;
    put_number(b, 0, 1);
    put_number(b, el_crc32c_masked(b->at + start, length + 1), 4);
    return length;
}

static void put_entry(bytes *b, size_t shared, const char *key, const bytes *value)
{
    put_varint(b, shared);
    put_varint(b, strlen(key));
    put_varint(b, value->n);
    put(b, key, strlen(key));
    put(b, value->at, value->n);
}

typedef struct place {
    size_t offset, bytes;
} place;

/* The index of these blocks, and the footer. */
static void put_index(bytes *b, const place *blocks, size_t n)
{
    static const unsigned char MAGIC[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    const size_t index = b->n;
    for (size_t i = 0; i < n; i++) {
        bytes handle = {.n = 0};
        put_varint(&handle, blocks[i].offset);
        put_varint(&handle, blocks[i].bytes);
        put_entry(b, 0, i ? "z" : "m", &handle);
    }
    const size_t length = end_block(b, index);
    const size_t footer = b->n;
    put_varint(b, 0); /* the metaindex: looked at by nobody, but it must lie inside */
    put_varint(b, 0);
    put_varint(b, index);
    put_varint(b, length);
    b->n = footer + 40;
    put(b, MAGIC, 8);
}

typedef struct description {
    uint64_t type, shard, offset, size;
    int rank;
    uint64_t shape[9];
    const void *data; /* for the checksum */
} description;

static bytes describe(const description *d)
{
    bytes b = {.n = 0};
    bytes shape = {.n = 0};
    for (int i = 0; i < d->rank; i++) {
        bytes dim = {.n = 0};
        put(&dim, "\x08", 1);
        put_varint(&dim, d->shape[i]);
        put(&shape, "\x12", 1);
        put_varint(&shape, dim.n);
        put(&shape, dim.at, dim.n);
    }
    put(&b, "\x08", 1);
    put_varint(&b, d->type);
    put(&b, "\x12", 1);
    put_varint(&b, shape.n);
    put(&b, shape.at, shape.n);
    if (d->shard) {
        put(&b, "\x18", 1);
        put_varint(&b, d->shard);
    }
    if (d->offset) {
        put(&b, "\x20", 1);
        put_varint(&b, d->offset);
    }
    put(&b, "\x28", 1);
    put_varint(&b, d->size);
    put(&b, "\x35", 1);
    put_number(&b, d->data ? el_crc32c_masked(d->data, d->size) : 0, 4);
    return b;
}

static bytes header(uint64_t shards, uint64_t endianness)
{
    bytes b = {.n = 0};
    put(&b, "\x08", 1);
    put_varint(&b, shards);
    if (endianness) {
        put(&b, "\x10", 1);
        put_varint(&b, endianness);
    }
    put(&b, "\x1a\x02\x08\x01", 4); /* version */
    return b;
}

/* Two shards: 1 2 3 4 5 6, and 7 8 as halves behind a byte that spoils their alignment. */
static const float FIRST[6] = {1, 2, 3, 4, 5, 6};
static const unsigned char SECOND[5] = {0, 0x00, 0x47, 0x00, 0x48};
static const el_tf1_bytes SHARDS[] = {{FIRST, sizeof FIRST}, {SECOND, sizeof SECOND}};

static const description KERNEL = {1, 0, 0, 24, 2, {2, 3}, FIRST};
static const description HALF = {19, 1, 1, 4, 1, {2}, SECOND + 1};
static const description PART = {1, 0, 8, 4, 0, {0}, FIRST + 2};
static const description NAMES = {7, 0, 0, 24, 1, {1}, NULL}; /* texts */

/* The index of the four, in two blocks and with shared beginnings of keys. `first` may replace the first of them. */
static bytes make_index(const bytes *first, const bytes *head)
{
    bytes b = {.n = 0};
    const bytes h = head ? *head : header(2, 0);
    const bytes kernel = first ? *first : describe(&KERNEL);
    const bytes half = describe(&HALF);
    const bytes part = describe(&PART);
    const bytes names = describe(&NAMES);
    place blocks[2] = {{0, 0}};
    put_entry(&b, 0, "", &h);
    put_entry(&b, 0, "dense/kernel", &kernel);
    put_entry(&b, 6, "names", &names);
    blocks[0].bytes = end_block(&b, 0);
    blocks[1].offset = b.n;
    put_entry(&b, 0, "half", &half);
    put_entry(&b, 0, "part", &part);
    blocks[1].bytes = end_block(&b, blocks[1].offset);
    put_index(&b, blocks, 2);
    return b;
}

/* From a copy of exactly these bytes, so that a sanitizer sees any step beyond them. */
static electra_status parse(el_tf1 **out, const unsigned char *data, size_t n, electra_error *err)
{
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    *out = (void *)copy;
    const electra_status status = el_tf1_parse(out, (el_tf1_bytes){copy, n}, SHARDS, 2, "x.index", err);
    free(copy); /* nothing points into the index */
    return status;
}

static void expect_refusal(const bytes *index, const char *words)
{
    el_tf1 *checkpoint;
    electra_error err = {0};
    const electra_status status = parse(&checkpoint, index->at, index->n, &err);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("status %d and \"%s\", not \"%s\"", (int)status, err.message, words);
    }
    assert_null(checkpoint);
}

/* ---- good files -------------------------------------------------------------------------------------------------- */

static void tensors_are_found(void **state)
{
    (void)state;
    const bytes index = make_index(NULL, NULL);
    el_tf1 *checkpoint;
    electra_error err = {0};
    if (parse(&checkpoint, index.at, index.n, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(el_tf1_count(checkpoint), 3);
    assert_null(el_tf1_find(checkpoint, "dense/names")); /* no numbers */
    assert_null(el_tf1_find(checkpoint, ""));
    const el_array *kernel = el_tf1_find(checkpoint, "dense/kernel");
    assert_non_null(kernel);
    assert_int_equal(kernel->rank, 2);
    assert_int_equal(kernel->shape[1], 3);
    assert_ptr_equal(el_array_f32(kernel), FIRST); /* in place */
    float numbers[2];
    assert_int_equal(el_array_copy_f32(el_tf1_find(checkpoint, "half"), numbers, NULL), ELECTRA_OK);
    assert_true(numbers[0] == 7 && numbers[1] == 8);
    assert_int_equal(el_tf1_find(checkpoint, "part")->rank, 0);
    assert_true(*el_array_f32(el_tf1_find(checkpoint, "part")) == 3);
    for (size_t i = 0; i < el_tf1_count(checkpoint); i++) {
        assert_int_equal(el_tf1_verify(checkpoint, el_tf1_at(checkpoint, i), NULL), ELECTRA_OK);
    }
    el_tf1_close(checkpoint);
    el_tf1_close(NULL);
}

static void damaged_numbers_are_noticed(void **state)
{
    (void)state;
    float spoiled[6];
    memcpy(spoiled, FIRST, sizeof spoiled);
    spoiled[2] = 3.0000002f;
    const el_tf1_bytes shards[] = {{spoiled, sizeof spoiled}, SHARDS[1]};
    const bytes index = make_index(NULL, NULL);
    el_tf1 *checkpoint;
    assert_int_equal(el_tf1_parse(&checkpoint, (el_tf1_bytes){index.at, index.n}, shards, 2, "x", NULL), ELECTRA_OK);
    electra_error err;
    assert_int_equal(el_tf1_verify(checkpoint, el_tf1_find(checkpoint, "half"), NULL), ELECTRA_OK);
    assert_int_equal(el_tf1_verify(checkpoint, el_tf1_find(checkpoint, "dense/kernel"), &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "\"dense/kernel\" does not match its checksum"));
    el_tf1_close(checkpoint);
}

static void files_are_found_by_their_prefix(void **state)
{
    const char *folder = *state;
    const bytes index = make_index(NULL, NULL);
    char *prefix = strdup(test_path(folder, "m.ckpt-5"));
    assert_non_null(prefix);
    (void)test_write(folder, "m.ckpt-5.index", index.at, index.n);
    (void)test_write(folder, "m.ckpt-5.data-00000-of-00002", FIRST, sizeof FIRST);
    el_tf1 *checkpoint;
    electra_error err;
    assert_int_equal(el_tf1_open(&checkpoint, prefix, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "m.ckpt-5.data-00001-of-00002"));
    assert_null(checkpoint);
    (void)test_write(folder, "m.ckpt-5.data-00001-of-00002", SECOND, sizeof SECOND);
    assert_int_equal(el_tf1_open(&checkpoint, prefix, NULL), ELECTRA_OK);
    assert_int_equal(el_tf1_count(checkpoint), 3);
    el_tf1_close(checkpoint);
    (void)test_write(folder, "m.ckpt-5.data-00001-of-00002", SECOND, 4);
    assert_int_equal(el_tf1_open(&checkpoint, prefix, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "\"half\" lies beyond the end of its file of data"));
    assert_int_equal(el_tf1_open(&checkpoint, "/nowhere/model.ckpt", &err), ELECTRA_INVALID);
    free(prefix);
}

/* ---- tensors that lie -------------------------------------------------------------------------------------------- */

static void refuse_kernel(description d, const char *words)
{
    const bytes b = describe(&d);
    const bytes index = make_index(&b, NULL);
    expect_refusal(&index, words);
}

static void tensors_that_lie_are_refused(void **state)
{
    (void)state;
    const char *bytes_words = "\"dense/kernel\" has not as many bytes as its shape needs";
    refuse_kernel((description){1, 0, 0, 20, 2, {2, 3}, NULL}, bytes_words);
    refuse_kernel((description){2, 0, 0, 24, 2, {2, 3}, NULL}, bytes_words);
    refuse_kernel((description){1, 0, 0, 24, 2, {1ull << 62, 1ull << 62}, NULL}, bytes_words);
    refuse_kernel((description){1, 0, 0, 0, 3, {1ull << 62, 1ull << 62, 0}, NULL}, bytes_words);
    refuse_kernel((description){1, 0, 0, 24, 1, {UINT64_MAX}, NULL}, "damaged description");
    refuse_kernel((description){1, 0, 0, 4, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, NULL}, "damaged description");
    refuse_kernel((description){1, 2, 0, 24, 2, {2, 3}, NULL}, "file of data that there is not");
    refuse_kernel((description){1, UINT64_MAX, 0, 24, 2, {2, 3}, NULL}, "file of data that there is not");
    refuse_kernel((description){1, 0, 4, 24, 2, {2, 3}, NULL}, "beyond the end");
    refuse_kernel((description){1, 0, UINT64_MAX - 3, 24, 2, {2, 3}, NULL}, "beyond the end");
    bytes b = describe(&KERNEL);
    put(&b, "\x3a\x02\x08\x01", 4);
    bytes index = make_index(&b, NULL);
    expect_refusal(&index, "is stored in parts");
    static const char *const DAMAGED[] = {
        "\x08",     "\x0b\x01",         "\x12\x7f",         "\x35\x01\x02",
        "\x39\x01", "\x12\x02\x18\x01", "\x12\x02\x12\x05", "\x12\x04\x12\x02\x08\xff"};
    for (size_t i = 0; i < sizeof DAMAGED / sizeof *DAMAGED; i++) {
        b = describe(&KERNEL);
        put(&b, DAMAGED[i], strlen(DAMAGED[i]));
        index = make_index(&b, NULL);
        expect_refusal(&index, "damaged description");
    }
}

static void headers_that_lie_are_refused(void **state)
{
    (void)state;
    const struct {
        uint64_t shards, endianness;
        const char *words;
    } cases[] = {{0, 0, "no sensible number"},
                 {1u << 20, 0, "no sensible number"},
                 {3, 0, "another number of files"},
                 {2, 1, "big-endian"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bytes h = header(cases[i].shards, cases[i].endianness);
        const bytes index = make_index(NULL, &h);
        expect_refusal(&index, cases[i].words);
    }
    bytes cut = header(2, 0);
    cut.n--;
    bytes index = make_index(NULL, &cut);
    expect_refusal(&index, "header is damaged");
    bytes none = {.n = 0}; /* no entry with an empty key */
    const bytes kernel = describe(&KERNEL);
    put_entry(&none, 0, "k", &kernel);
    const place block = {0, end_block(&none, 0)};
    put_index(&none, &block, 1);
    expect_refusal(&none, "no header");
}

/* ---- tables that lie --------------------------------------------------------------------------------------------- */

/* A table of one block that holds what `fill` puts there. */
static void refuse_block(const char *content, size_t n, const char *words)
{
    bytes b = {.n = 0};
    put(&b, content, n);
    const place block = {0, end_block(&b, 0)};
    put_index(&b, &block, 1);
    expect_refusal(&b, words);
}

#define REFUSE(literal, words) refuse_block(literal, sizeof(literal) - 1, words)

static void tables_that_lie_are_refused(void **state)
{
    (void)state;
    REFUSE("\0\1", "lengths of an entry");
    REFUSE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\1\1", "lengths of an entry"); /* 65 bits */
    REFUSE("\1\1\0k", "reaches beyond its block");                               /* shares with no key */
    REFUSE("\0\5\0k", "reaches beyond its block");
    REFUSE("\0\1\5k", "reaches beyond its block");
    REFUSE("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2k", "reaches beyond its block");
    REFUSE("\0\1\0b\0\1\0a", "keys do not rise");
    REFUSE("\0\1\0a\0\1\0a", "keys do not rise");
    REFUSE("\0\2\0ab\1\0\0", "keys do not rise");
    REFUSE("\0\1\0\n", "no proper name");
    bytes b = {.n = 0};
    char *longest = calloc(1, 2000);
    assert_non_null(longest);
    memset(longest, 'k', 1025);
    const bytes nothing = {.n = 0};
    put_entry(&b, 0, longest, &nothing);
    place block = {0, end_block(&b, 0)};
    put_index(&b, &block, 1);
    expect_refusal(&b, "longer than any name");
    b.n = 0; /* the same, put together from two keys */
    longest[600] = '\0';
    put_entry(&b, 0, longest, &nothing);
    put_entry(&b, 500, longest, &nothing);
    block.bytes = end_block(&b, 0);
    put_index(&b, &block, 1);
    expect_refusal(&b, "longer than any name");
    free(longest);
}

static void blocks_that_lie_are_refused(void **state)
{
    (void)state;
    const bytes good = make_index(NULL, NULL);
    bytes b = good;
    b.at[1] ^= 1;
    expect_refusal(&b, "does not match its checksum");
    b = good;
    b.at[b.n - 1] ^= 1;
    expect_refusal(&b, "does not end as one");
    /* block places: beyond the end, twice the same, out of order, shorter than its restart points */
    const struct {
        place blocks[2];
        const char *words;
    } cases[] = {{{{0, 1 << 20}, {0, 0}}, "lies beyond its end"},
                 {{{SIZE_MAX, 8}, {0, 0}}, "lies beyond its end"},
                 {{{SIZE_MAX - 7, SIZE_MAX}, {0, 0}}, "lies beyond its end"},
                 {{{0, 8}, {0, 8}}, "blocks overlap"},
                 {{{13, 8}, {0, 8}}, "blocks overlap"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        b.n = 0;
        (void)end_block(&b, 0); /* two empty blocks of 8 bytes and their trailers */
        (void)end_block(&b, 13);
        put_index(&b, cases[i].blocks, 2);
        expect_refusal(&b, cases[i].words);
    }
    b.n = 0;
    put_number(&b, 1u << 30, 4); /* restart points that would need 4 GiB */
    put_number(&b, 0, 1);
    put_number(&b, el_crc32c_masked(b.at, 5), 4);
    put_index(&b, &(place){0, 4}, 1);
    expect_refusal(&b, "shorter than its list of restart points");
    b.n = 0;
    put_number(&b, 1, 1); /* Snappy */
    put_number(&b, el_crc32c_masked(b.at, 1), 4);
    put_index(&b, &(place){0, 0}, 1);
    expect_refusal(&b, "compressed");
}

static void any_cut_and_any_change_is_survived(void **state)
{
    (void)state;
    bytes index = make_index(NULL, NULL);
    el_tf1 *checkpoint;
    for (size_t n = 0; n < index.n; n++) {
        electra_error err = {0};
        assert_int_equal(parse(&checkpoint, index.at, n, &err), ELECTRA_INVALID);
        assert_true(err.message[0] != '\0');
    }
    static const unsigned char CHANGES[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < 3 * index.n; i++) {
        index.at[i / 3] ^= CHANGES[i % 3];
        const electra_status status = parse(&checkpoint, index.at, index.n, NULL);
        assert_true(status == ELECTRA_OK || status == ELECTRA_INVALID);
        el_tf1_close(checkpoint);
        index.at[i / 3] ^= CHANGES[i % 3];
    }
    /* changes of a description, under checksums that match it */
    const bytes kernel = describe(&KERNEL);
    for (size_t i = 0; i < 256 * kernel.n; i++) {
        bytes changed = kernel;
        changed.at[i / 256] = (unsigned char)i;
        const bytes around = make_index(&changed, NULL);
        const electra_status status = parse(&checkpoint, around.at, around.n, NULL);
        assert_true(status == ELECTRA_OK || status == ELECTRA_INVALID);
        el_tf1_close(checkpoint);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    const bytes index = make_index(NULL, NULL);
    unsigned long failures = 0;
    for (unsigned long n = 1; n < 20; n++) {
        test_fail_allocation(n);
        el_tf1 *checkpoint = NULL;
        electra_error err = {0};
        const electra_status status =
            el_tf1_parse(&checkpoint, (el_tf1_bytes){index.at, index.n}, SHARDS, 2, "x", &err);
        test_fail_allocation(0);
        el_tf1_close(checkpoint);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        failures += status == ELECTRA_NO_RESOURCE;
    }
    assert_true(failures >= 5 && failures < 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found),
        cmocka_unit_test(damaged_numbers_are_noticed),
        cmocka_unit_test_setup_teardown(files_are_found_by_their_prefix, test_folder_setup, test_folder_teardown),
        cmocka_unit_test(tensors_that_lie_are_refused),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(tables_that_lie_are_refused),
        cmocka_unit_test(blocks_that_lie_are_refused),
        cmocka_unit_test(any_cut_and_any_change_is_survived),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
