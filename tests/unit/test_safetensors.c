/* safetensors: byte-exact writing, reading back, and files that must be refused. */
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
#include "interop/safetensors.h"
#include "support/alloc.h"

static char folder[] = "/tmp/electra-safetensors-XXXXXX";
static char path[256];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/x.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return el_remove_tree(folder, NULL) == ELECTRA_OK ? 0 : -1;
}

static const el_metadata PT = {"format", "pt"};
static const float A[3] = {1, 2, 3};
static const float B[2] = {4, 5};

static const char EXAMPLE_HEADER[] =
    "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[0,12]},"
    "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}} ";

/* The example that the format's description works out: 144 bytes of header with one space at the end. */
static void writes_the_known_bytes(void **state)
{
    (void)state;
    const el_array_source tensors[] = {{.name = "b", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = B},
                                       {.name = "a", .dtype = EL_DTYPE_F32, .rank = 2, .shape = {1, 3}, .data = A}};
    assert_int_equal(el_safetensors_write(path, tensors, 2, &PT, 1, NULL), ELECTRA_OK);
    el_map map;
    assert_int_equal(el_map_open(&map, path, NULL), ELECTRA_OK);
    assert_int_equal(sizeof EXAMPLE_HEADER - 1, 144);
    assert_int_equal(map.size, 8 + 144 + 20);
    const uint64_t length = 144;
    assert_memory_equal(map.data, &length, 8);
    assert_memory_equal(map.data + 8, EXAMPLE_HEADER, 144);
    assert_memory_equal(map.data + 152, A, 12);
    assert_memory_equal(map.data + 164, B, 8);
    el_map_close(&map);
}

static void count_up(void *user, size_t first, size_t n, void *out)
{
    (void)user;
    double *numbers = out;
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (double)(first + i);
    }
}

static void order_escapes_and_pieces_survive(void **state)
{
    (void)state;
    const int64_t step = 1234567890123;
    enum { LARGE = 300001 }; /* several pieces */
    const el_array_source tensors[] = {
        {.name = "layer.2", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = B},
        {.name = "layer.10", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {3}, .data = A},
        {.name = "q\"\\\x01\n\xc3\xa9", .dtype = EL_DTYPE_F64, .rank = 1, .shape = {LARGE}, .fill = count_up},
        {.name = "step", .dtype = EL_DTYPE_I64, .rank = 0, .data = &step},
        {.name = "empty", .dtype = EL_DTYPE_F32, .rank = 2, .shape = {0, 7}},
    };
    const el_metadata metadata[] = {{"z", "last"}, {"format", "pt"}};
    assert_int_equal(el_safetensors_write(path, tensors, 5, metadata, 2, NULL), ELECTRA_OK);
    el_map map;
    assert_int_equal(el_map_open(&map, path, NULL), ELECTRA_OK);
    const char *expected =
        "{\"__metadata__\":{\"format\":\"pt\",\"z\":\"last\"},\"step\":{\"dtype\":\"I64\",\"shape\":[],"
        "\"data_offsets\":[0,8]},\"q\\\"\\\\\\u0001\\n\xc3\xa9\":{\"dtype\":\"F64\",\"shape\":[300001],"
        "\"data_offsets\":[8,2400016]},\"empty\":{\"dtype\":\"F32\",\"shape\":[0,7],"
        "\"data_offsets\":[2400016,2400016]},\"layer.10\":";
    assert_memory_equal(map.data + 8, expected, strlen(expected));
    el_map_close(&map);

    el_safetensors *file;
    assert_int_equal(el_safetensors_open(&file, path, NULL), ELECTRA_OK);
    assert_int_equal(el_safetensors_count(file), 5);
    assert_string_equal(el_safetensors_metadata(file, "z"), "last");
    assert_null(el_safetensors_metadata(file, "y"));
    assert_null(el_safetensors_find(file, "layer.1"));
    assert_string_equal(el_safetensors_at(file, 0)->name, "empty");
    const el_array *counted = el_safetensors_find(file, "q\"\\\x01\n\xc3\xa9");
    assert_non_null(counted);
    double *numbers = el_alloc(counted->n, sizeof *numbers);
    assert_int_equal(el_array_copy_f64(counted, numbers, NULL), ELECTRA_OK);
    for (size_t i = 0; i < LARGE; i++) {
        assert_true(numbers[i] == (double)i);
    }
    el_free(numbers);
    int64_t read_step = 0;
    assert_int_equal(el_array_copy_i64(el_safetensors_find(file, "step"), &read_step, NULL), ELECTRA_OK);
    assert_true(read_step == step);
    const float *in_place = el_array_f32(el_safetensors_find(file, "layer.10"));
    assert_non_null(in_place);
    assert_memory_equal(in_place, A, sizeof A);
    electra_error err;
    float rounded;
    assert_int_equal(el_array_copy_f32(el_safetensors_find(file, "step"), &rounded, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "too large to be exact"));
    el_safetensors_close(file);
}

static void writer_refuses_names_twice(void **state)
{
    (void)state;
    el_array_source tensors[] = {{.name = "a", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = B},
                                 {.name = "b", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = B},
                                 {.name = "a", .dtype = EL_DTYPE_F64, .rank = 1, .shape = {1}, .data = B}};
    electra_error err;
    (void)unlink(path);
    assert_int_equal(el_safetensors_write(path, tensors, 3, &PT, 1, &err), ELECTRA_MISUSE);
    tensors[2].name = "__metadata__";
    assert_int_equal(el_safetensors_write(path, tensors, 3, &PT, 1, &err), ELECTRA_MISUSE);
    tensors[2].name = "c";
    const el_metadata twice[] = {PT, PT};
    assert_int_equal(el_safetensors_write(path, tensors, 3, twice, 2, &err), ELECTRA_MISUSE);
    tensors[2].shape[0] = SIZE_MAX / 2;
    assert_int_equal(el_safetensors_write(path, tensors, 3, &PT, 1, &err), ELECTRA_MISUSE);
    assert_false(el_is_file(path));
}

/* ---- conversions ----------------------------------------------------------------------------------------------- */

static void half_numbers_are_exact(void **state)
{
    (void)state;
    const struct {
        uint16_t bits;
        float value;
    } halves[] = {{0x0000, 0.0f},        {0x8000, -0.0f},    {0x3c00, 1.0f},     {0xc000, -2.0f},
                  {0x7bff, 65504},       {0x0400, 0x1p-14f}, {0x0001, 0x1p-24f}, {0x83ff, -0x1.ff8p-15f},
                  {0x3555, 0x1.554p-2f}, {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        const el_array t = {.name = "h",
                            .file = "f",
                            .dtype = EL_DTYPE_F16,
                            .n = 1,
                            .bytes = 2,
                            .data = (const unsigned char *)&halves[i].bits};
        float value = 7;
        assert_int_equal(el_array_copy_f32(&t, &value, NULL), ELECTRA_OK);
        assert_memory_equal(&value, &halves[i].value, sizeof value);
    }
    const uint16_t nan_bits = 0x7e00;
    const uint16_t brain = 0xc049; /* -3.140625 in BF16 */
    el_array t = {
        .name = "h", .file = "f", .dtype = EL_DTYPE_F16, .n = 1, .bytes = 2, .data = (const unsigned char *)&nan_bits};
    float value;
    assert_int_equal(el_array_copy_f32(&t, &value, NULL), ELECTRA_OK);
    assert_true(isnan(value));
    t.dtype = EL_DTYPE_BF16;
    t.data = (const unsigned char *)&brain;
    double twice;
    assert_int_equal(el_array_copy_f64(&t, &twice, NULL), ELECTRA_OK);
    assert_true(twice == -3.140625);
    t.dtype = EL_DTYPE_I16;
    electra_error err;
    assert_int_equal(el_array_copy_f32(&t, &value, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "\"h\" has the number format I16"));
}

/* Every half number survives the way to 32 bits and back; between two of them the nearer one is taken, of two equally
 * near ones the even one. */
static void rounding_to_halves_is_exact(void **state)
{
    (void)state;
    const el_dtype formats[] = {EL_DTYPE_F16, EL_DTYPE_BF16};
    for (size_t f = 0; f < 2; f++) {
        const uint32_t infinite = f == 0 ? 0x7c00 : 0x7f80;
        float previous = 0;
        for (uint32_t bits = 0; bits < infinite; bits++) {
            const uint16_t half = (uint16_t)bits;
            const el_array stored = {.name = "h",
                                     .file = "f",
                                     .dtype = formats[f],
                                     .n = 1,
                                     .bytes = 2,
                                     .data = (const unsigned char *)&half};
            float value;
            assert_int_equal(el_array_copy_f32(&stored, &value, NULL), ELECTRA_OK);
            const double middle = ((double)previous + (double)value) / 2;
            const double numbers[] = {(double)-value, middle, nextafter(middle, INFINITY), nextafter(middle, 0)};
            const uint32_t below = bits ? bits - 1 : 0;
            const uint32_t expected[] = {bits | 0x8000, bits % 2 ? below : bits, bits, below};
            const el_array wide = {.name = "w",
                                   .file = "f",
                                   .dtype = EL_DTYPE_F64,
                                   .n = 4,
                                   .bytes = 32,
                                   .data = (const unsigned char *)numbers};
            uint16_t out[4];
            assert_int_equal(el_array_convert(&wide, 0, bits ? 4 : 1, formats[f], out, NULL), ELECTRA_OK);
            for (size_t i = 0; i < (bits ? 4 : 1); i++) {
                assert_int_equal(out[i], expected[i]);
            }
            previous = value;
        }
    }
    const double large[] = {1.0, 65519.99, 65520.0, 3.5e38, INFINITY, -INFINITY, NAN};
    el_array t = {
        .name = "w", .file = "f", .dtype = EL_DTYPE_F64, .n = 7, .bytes = 56, .data = (const unsigned char *)large};
    uint16_t out[7];
    float single[7];
    electra_error err;
    assert_int_equal(el_array_convert(&t, 0, 2, EL_DTYPE_F16, out, NULL), ELECTRA_OK);
    assert_int_equal(out[1], 0x7bff);
    assert_int_equal(el_array_convert(&t, 1, 2, EL_DTYPE_F16, out, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "element 2 of the tensor \"w\" is 65520, which is too large for F16"));
    assert_int_equal(el_array_convert(&t, 3, 1, EL_DTYPE_BF16, out, NULL), ELECTRA_INVALID);
    assert_int_equal(el_array_convert(&t, 3, 1, EL_DTYPE_F32, single, NULL), ELECTRA_INVALID);
    assert_int_equal(el_array_convert(&t, 4, 3, EL_DTYPE_BF16, out, NULL), ELECTRA_OK);
    assert_int_equal(out[0], 0x7f80);
    assert_int_equal(out[1], 0xff80);
    assert_true((out[2] & 0x7fff) > 0x7f80);
    assert_int_equal(el_array_convert(&t, 4, 1, EL_DTYPE_F32, single, NULL), ELECTRA_OK);
    assert_true(isinf(single[0]));
}

static void strides_are_followed(void **state)
{
    (void)state;
    float numbers[4 * 700];
    for (size_t i = 0; i < 4 * 700; i++) {
        numbers[i] = (float)i;
    }
    /* [700, 2] out of [4, 700]: the transpose of its rows 1 and 3 */
    el_array t = {.name = "t",
                  .file = "f",
                  .dtype = EL_DTYPE_F32,
                  .rank = 2,
                  .shape = {700, 2},
                  .n = 1400,
                  .bytes = 5600,
                  .data = (const unsigned char *)(numbers + 700)};
    el_array_set_strides(&t, (const size_t[]){1, 1400});
    assert_true(t.strided);
    assert_null(el_array_f32(&t));
    float out[1400];
    double wide[1400];
    assert_int_equal(el_array_copy_f32(&t, out, NULL), ELECTRA_OK);
    assert_int_equal(el_array_copy_f64(&t, wide, NULL), ELECTRA_OK);
    for (size_t i = 0; i < 1400; i++) {
        assert_true(out[i] == (float)(700 + i / 2 + i % 2 * 1400) && wide[i] == (double)out[i]);
    }
    float part[5];
    el_array_copy_raw(&t, 3, 5, part);
    assert_memory_equal(part, out + 3, sizeof part);
    const el_array rows = el_array_rows(&t, 600, 2);
    assert_int_equal(rows.n, 4);
    assert_int_equal(el_array_copy_f32(&rows, part, NULL), ELECTRA_OK);
    assert_memory_equal(part, out + 1200, 4 * sizeof *part);
    el_array same = t;
    same.data = (const unsigned char *)out;
    el_array_set_strides(&same, (const size_t[]){2, 1});
    assert_false(same.strided);
    assert_true(el_array_equal(&t, &same));
    out[1399] += 1;
    assert_false(el_array_equal(&t, &same));
    same.rank = 1;
    assert_false(el_array_equal(&t, &same));
}

/* ---- hostile files --------------------------------------------------------------------------------------------- */

/* A file from a header's text and some bytes of data; the caller frees it. */
static unsigned char *build(const char *header, size_t data_bytes, size_t *bytes)
{
    const uint64_t length = strlen(header);
    *bytes = 8 + (size_t)length + data_bytes;
    unsigned char *file = malloc(*bytes); /* exact size, so that the sanitizer sees any overrun */
    assert_non_null(file);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, (size_t)length);
    memset(file + 8 + length, 0x3f, data_bytes);
    return file;
}

static void expect_refusal(const char *header, size_t data_bytes, const char *words)
{
    size_t bytes;
    unsigned char *data = build(header, data_bytes, &bytes);
    el_safetensors *file = (void *)&bytes;
    electra_error err = {0};
    const electra_status status = el_safetensors_parse(&file, data, bytes, "hostile", &err);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("%s\n gave status %d and \"%s\", not \"%s\"", header, (int)status, err.message, words);
    }
    assert_null(file);
    free(data);
}

static void expect_accepted(const char *header, size_t data_bytes, size_t tensors)
{
    size_t bytes;
    unsigned char *data = build(header, data_bytes, &bytes);
    el_safetensors *file;
    electra_error err = {0};
    if (el_safetensors_parse(&file, data, bytes, "fine", &err) != ELECTRA_OK) {
        fail_msg("%s\n was refused: %s", header, err.message);
    }
    assert_int_equal(el_safetensors_count(file), tensors);
    el_safetensors_close(file);
    free(data);
}

static void lies_are_refused(void **state)
{
    (void)state;
    expect_refusal("[]", 0, "should begin with");
    expect_refusal(" {}", 0, "should begin with");
    expect_refusal("{", 0, "not valid JSON");
    expect_refusal("{}", 1, "holds 1 bytes of data");
    expect_refusal("{\"\xff\":1}", 0, "not valid JSON");
    expect_refusal("{\"a\":1}", 0, "described by an object");
    expect_refusal("{\"__metadata__\":[]}", 0, "object of texts");
    expect_refusal("{\"__metadata__\":{\"k\":1}}", 0, "should be a text");
    expect_refusal("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no \"dtype\"");
    expect_refusal("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown number format");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no \"shape\"");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}", 4, "whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "dimensions");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "two whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "two whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "two whole numbers");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "needs 8");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "cut short");
    expect_refusal("{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "whole number of bytes");
    /* products that wrap around to a small number, also with a zero after the overflow */
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967297],\"data_offsets\":[0,4]}}", 4,
                   "too large");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[0,0]}}", 0,
                   "too large");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
                   "too large");
    expect_refusal(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,9223372036854775807]}}", 4,
        "cut short");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}}", 0,
                   "not valid JSON");
}

static void layouts_with_holes_are_refused(void **state)
{
    (void)state;
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "begin at byte 4");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
                   12, "neither gap nor overlap");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                   8, "neither gap nor overlap");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                   4, "neither gap nor overlap");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "use only 4");
}

static void names_twice_are_refused(void **state)
{
    (void)state;
    const char *entry = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
    char header[400];
    (void)snprintf(header, sizeof header, "{\"a\":%s,\"a\":%s}", entry, entry);
    expect_refusal(header, 0, "not valid JSON");
    (void)snprintf(header, sizeof header, "{\"a\":%s,\"\\u0061\":%s}", entry, entry);
    expect_refusal(header, 0, "not valid JSON");
    (void)snprintf(header, sizeof header, "{\"__metadata__\":{},\"__metadata__\":{},\"a\":%s}", entry);
    expect_refusal(header, 0, "not valid JSON");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
                   "not valid JSON");
}

static void odd_but_sound_files_are_read(void **state)
{
    (void)state;
    expect_accepted("{}", 0, 0);
    expect_accepted("{\"__metadata__\":null}      ", 0, 0);
    /* an empty tensor where another begins, listed after it; unknown members; a type that nobody here can use */
    expect_accepted("{\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3],\"extra\":-1},"
                    "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                    "\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[3,7]}}",
                    7, 3);
    size_t bytes;
    unsigned char *data = build("{\"c\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[1,5]},"
                                "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                                5, &bytes);
    el_safetensors *file;
    assert_int_equal(el_safetensors_parse(&file, data, bytes, "odd", NULL), ELECTRA_OK);
    float value;
    assert_int_equal(el_array_copy_f32(el_safetensors_find(file, "c"), &value, NULL), ELECTRA_OK);
    assert_true(value == 0x1.7e7e7ep-1f);
    el_safetensors_close(file);
    free(data);
}

/* Every shorter version of a good file is refused, none crashes, and so is every version with a lying length. */
static void every_cut_is_refused(void **state)
{
    (void)state;
    unsigned char whole[8 + 144 + 20];
    const uint64_t length = 144;
    memcpy(whole, &length, 8);
    memcpy(whole + 8, EXAMPLE_HEADER, 144);
    memcpy(whole + 152, A, 12);
    memcpy(whole + 164, B, 8);
    for (size_t bytes = 0; bytes < sizeof whole; bytes++) {
        unsigned char *cut = malloc(bytes ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, whole, bytes);
        el_safetensors *file;
        electra_error err = {0};
        assert_int_equal(el_safetensors_parse(&file, cut, bytes, "cut", &err), ELECTRA_INVALID);
        assert_true(err.message[0] != '\0');
        free(cut);
    }
    const uint64_t lies[] = {0, 1, 143, 145, 164, 165, 1u << 30, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(whole, &lies[i], 8);
        el_safetensors *file;
        assert_int_equal(el_safetensors_parse(&file, whole, sizeof whole, "lie", NULL), ELECTRA_INVALID);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    const el_array_source tensors[] = {{.name = "a", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = B}};
    for (unsigned long n = 1; n < 40; n++) {
        test_fail_allocation(n);
        electra_error err = {0};
        electra_status status = el_safetensors_write(path, tensors, 1, &PT, 1, &err);
        el_safetensors *file = NULL;
        if (status == ELECTRA_OK) {
            status = el_safetensors_open(&file, path, &err);
        }
        el_safetensors_close(file);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        assert_true(status == ELECTRA_OK || err.message[0]);
    }
    test_fail_allocation(0);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    electra_error err;
    el_safetensors *file;
    assert_int_equal(el_safetensors_open(&file, "/nowhere/x.safetensors", &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "/nowhere/x.safetensors"));
    el_safetensors_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_known_bytes),
        cmocka_unit_test(order_escapes_and_pieces_survive),
        cmocka_unit_test(writer_refuses_names_twice),
        cmocka_unit_test(half_numbers_are_exact),
        cmocka_unit_test(rounding_to_halves_is_exact),
        cmocka_unit_test(strides_are_followed),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(layouts_with_holes_are_refused),
        cmocka_unit_test(names_twice_are_refused),
        cmocka_unit_test(odd_but_sound_files_are_read),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
