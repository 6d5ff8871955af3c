/* Files of PyTorch: the pickle machine, the archive, both forms of a file; and files that lie. Bytes are put together
 * here piece by piece; files that PyTorch itself wrote are cases of golden numbers (tests/golden/fixtures). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interop/pickle.h"
#include "interop/torch_bin.h"
#include "interop/zip.h"
#include "support/alloc.h"

/* ---- putting bytes together -------------------------------------------------------------------------------------- */

typedef struct bytes {
    unsigned char at[1 << 15];
    size_t n;
} bytes;

static void put(bytes *b, const void *data, size_t n)
{
    assert_true(b->n + n <= sizeof b->at);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void put_text(bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

static void put_number(bytes *b, uint64_t value, size_t width)
{
    put(b, &value, width); /* this machine is little-endian, as array.c makes sure */
}

#define PUT(b, literal) put(b, literal, sizeof(literal) - 1)

static void push_text(bytes *b, const char *text)
{
    PUT(b, "X");
    put_number(b, strlen(text), 4);
    put_text(b, text);
}

static void push_int(bytes *b, long value)
{
    PUT(b, "J");
    put_number(b, (uint64_t)value, 4);
}

typedef struct tensor {
    const char *name, *type, *key;
    long elements, offset;
    int rank;
    long shape[9], strides[9];
} tensor;

static void push_numbers(bytes *b, const long *numbers, int n)
{
    PUT(b, "(");
    for (int i = 0; i < n; i++) {
        push_int(b, numbers[i]);
    }
    PUT(b, "t");
}

static void push_storage(bytes *b, const tensor *t)
{
    PUT(b, "(");
    push_text(b, "storage");
    PUT(b, "ctorch\n");
    put_text(b, t->type);
    PUT(b, "\n");
    push_text(b, t->key);
    push_text(b, "cuda:3");
    push_int(b, t->elements);
    PUT(b, "tQ");
}

static void push_tensor(bytes *b, const tensor *t)
{
    PUT(b, "ctorch._utils\n_rebuild_tensor_v2\n(");
    push_storage(b, t);
    push_int(b, t->offset);
    push_numbers(b, t->shape, t->rank);
    push_numbers(b, t->strides, t->rank);
    PUT(b, "\x89"
           "ccollections\nOrderedDict\n)RtR");
}

/* A module's dict with its attributes, as state_dict() makes it. */
static void put_state(bytes *b, const tensor *tensors, size_t n)
{
    PUT(b, "\x80\x02"
           "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < n; i++) {
        push_text(b, tensors[i].name);
        push_tensor(b, &tensors[i]);
    }
    PUT(b, "u}");
    push_text(b, "_metadata");
    PUT(b, "ccollections\nOrderedDict\n)Rsb.");
}

/* The same four storages in all files: 0 ... 5 as F32, 6 ... 7 as F16, an I64, and none. */
static const float SINGLES[6] = {0, 1, 2, 3, 4, 5};
static const uint16_t HALVES[2] = {0x4600, 0x4700}; /* 6, 7 */
static const int64_t WHOLE = 8;
static const struct {
    const char *key;
    const void *data;
    size_t elements, bytes;
} STORAGES[] = {{"10", SINGLES, 6, 24}, {"2", HALVES, 2, 4}, {"3", &WHOLE, 1, 8}, {"e", SINGLES, 0, 0}};
enum { N_STORAGES = sizeof STORAGES / sizeof *STORAGES };

static const tensor TENSORS[] = {
    {"plain", "FloatStorage", "10", 6, 0, 2, {2, 3}, {3, 1}}, {"turned", "FloatStorage", "10", 6, 0, 2, {3, 2}, {1, 3}},
    {"part", "FloatStorage", "10", 6, 3, 1, {2}, {1}},        {"half", "HalfStorage", "2", 2, 0, 1, {2}, {1}},
    {"ids", "LongStorage", "3", 1, 0, 2, {1, 1}, {7, 9}},     {"none", "FloatStorage", "e", 0, 0, 2, {0, 4}, {4, 1}},
    {"single", "FloatStorage", "10", 6, 5, 0, {0}, {0}},
};
enum { N_TENSORS = sizeof TENSORS / sizeof *TENSORS };

static void put_legacy(bytes *b, const bytes *state)
{
    PUT(b, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}(");
    push_text(b, "protocol_version");
    push_int(b, 1001);
    push_text(b, "little_endian");
    PUT(b, "\x88u.");
    put(b, state->at, state->n);
    PUT(b, "\x80\x02](");
    for (size_t i = N_STORAGES; i-- > 0;) { /* any order */
        push_text(b, STORAGES[i].key);
    }
    PUT(b, "e.");
    for (size_t i = N_STORAGES; i-- > 0;) {
        put_number(b, STORAGES[i].elements, 8);
        put(b, STORAGES[i].data, STORAGES[i].bytes);
    }
}

typedef struct member {
    const char *name;
    const void *data;
    size_t n;
} member;

/* An archive; with `large` its sizes stand in 64-bit records. */
static void put_zip(bytes *b, const member *members, size_t n, bool large)
{
    bytes *directory = calloc(1, sizeof *directory);
    assert_non_null(directory);
    for (size_t i = 0; i < n; i++) {
        const size_t offset = b->n;
        const size_t name = strlen(members[i].name);
        PUT(b, "PK\3\4\x14\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        put_number(b, name, 2);
        put_number(b, 5, 2); /* an extra field of one byte, to be skipped */
        put_text(b, members[i].name);
        PUT(b, "FB\1\0Z");
        put(b, members[i].data, members[i].n);
        PUT(directory, "PK\1\2\0\0\x14\0\x08\x08\0\0\0\0\0\0\0\0\0\0");
        for (int k = 0; k < 2; k++) {
            put_number(directory, large ? 0xffffffff : members[i].n, 4);
        }
        put_number(directory, name, 2);
        put_number(directory, large ? 28 : 0, 2);
        PUT(directory, "\0\0\0\0\0\0\0\0\0\0");
        put_number(directory, large ? 0xffffffff : offset, 4);
        put_text(directory, members[i].name);
        if (large) {
            PUT(directory, "\1\0\x18\0");
            put_number(directory, members[i].n, 8);
            put_number(directory, members[i].n, 8);
            put_number(directory, offset, 8);
        }
    }
    const size_t start = b->n;
    put(b, directory->at, directory->n);
    const size_t end64 = b->n;
    if (large) {
        PUT(b, "PK\6\6\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        put_number(b, n, 8);
        put_number(b, n, 8);
        put_number(b, directory->n, 8);
        put_number(b, start, 8);
        PUT(b, "PK\6\7\0\0\0\0");
        put_number(b, end64, 8);
        put_number(b, 1, 4);
    }
    PUT(b, "PK\5\6\0\0\0\0");
    put_number(b, large ? 0xffff : n, 2);
    put_number(b, large ? 0xffff : n, 2);
    put_number(b, large ? 0xffffffff : directory->n, 4);
    put_number(b, large ? 0xffffffff : start, 4);
    PUT(b, "\2\0ok"); /* a comment */
    free(directory);
}

enum { MOST_MEMBERS = 2 + N_STORAGES };

static size_t list_members(member members[MOST_MEMBERS], const bytes *state, const char *order)
{
    static const char *const NAMES[] = {"any/data/10", "any/data/2", "any/data/3", "any/data/e"};
    members[0] = (member){"any/data.pkl", state->at, state->n};
    for (size_t i = 0; i < N_STORAGES; i++) {
        members[1 + i] = (member){NAMES[i], STORAGES[i].data, STORAGES[i].bytes};
    }
    members[1 + N_STORAGES] = (member){"any/byteorder", order, strlen(order)};
    return MOST_MEMBERS;
}

static bytes *new_bytes(void)
{
    bytes *b = calloc(1, sizeof *b);
    assert_non_null(b);
    return b;
}

/* A whole file of the tensors; form 0 legacy, 1 zip, 2 zip with 64-bit records. */
static bytes *make_file(const tensor *tensors, size_t n, int form)
{
    bytes *state = new_bytes();
    bytes *file = new_bytes();
    put_state(state, tensors, n);
    if (form == 0) {
        put_legacy(file, state);
    } else {
        member members[MOST_MEMBERS];
        put_zip(file, members, list_members(members, state, "little"), form == 2);
    }
    free(state);
    return file;
}

/* Parse a copy of exactly these bytes, so that a sanitizer sees any step beyond them; the copy goes to *copy. */
static electra_status parse(el_torch_bin **out, const unsigned char *data, size_t n, unsigned char **copy,
                            electra_error *err)
{
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    memcpy(*copy, data, n);
    *out = (void *)copy;
    return el_torch_bin_parse(out, *copy, n, "x.bin", err);
}

static void expect_refusal(const bytes *file, const char *words)
{
    el_torch_bin *bin;
    unsigned char *copy;
    electra_error err = {0};
    const electra_status status = parse(&bin, file->at, file->n, &copy, &err);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("status %d and \"%s\", not \"%s\"", (int)status, err.message, words);
    }
    assert_null(bin);
    free(copy);
}

/* ---- good files -------------------------------------------------------------------------------------------------- */

static const el_array *find(const el_torch_bin *bin, const char *name)
{
    for (size_t i = 0; i < el_torch_bin_count(bin); i++) {
        if (strcmp(el_torch_bin_at(bin, i)->name, name) == 0) {
            return el_torch_bin_at(bin, i);
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static void expect_numbers(const el_torch_bin *bin, const char *name, const float *expected, size_t n)
{
    const el_array *t = find(bin, name);
    float numbers[8];
    assert_int_equal(t->n, n);
    assert_int_equal(el_array_copy_f32(t, numbers, NULL), ELECTRA_OK);
    assert_memory_equal(numbers, expected, n * sizeof *expected);
}

static void both_forms_give_their_tensors(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        bytes *file = make_file(TENSORS, N_TENSORS, form);
        el_torch_bin *bin;
        unsigned char *copy;
        electra_error err = {0};
        if (parse(&bin, file->at, file->n, &copy, &err) != ELECTRA_OK) {
            fail_msg("form %d: %s", form, err.message);
        }
        assert_int_equal(el_torch_bin_count(bin), N_TENSORS);
        for (size_t i = 1; i < N_TENSORS; i++) {
            assert_true(strcmp(el_torch_bin_at(bin, i - 1)->name, el_torch_bin_at(bin, i)->name) < 0);
        }
        expect_numbers(bin, "plain", SINGLES, 6);
        expect_numbers(bin, "turned", (const float[]){0, 3, 1, 4, 2, 5}, 6);
        expect_numbers(bin, "part", (const float[]){3, 4}, 2);
        expect_numbers(bin, "half", (const float[]){6, 7}, 2);
        expect_numbers(bin, "none", NULL, 0);
        expect_numbers(bin, "single", (const float[]){5}, 1);
        assert_false(find(bin, "plain")->strided);
        assert_true(find(bin, "turned")->strided);
        assert_null(el_array_f32(find(bin, "turned")));
        assert_false(find(bin, "ids")->strided); /* strides of dimensions of one element mean nothing */
        int64_t whole;
        assert_int_equal(el_array_copy_i64(find(bin, "ids"), &whole, NULL), ELECTRA_OK);
        assert_true(whole == WHOLE);
        /* in place: the array points into the file */
        assert_true(find(bin, "plain")->data > copy && find(bin, "plain")->data < copy + file->n);
        el_torch_bin_close(bin);
        free(copy);
        free(file);
    }
}

static void a_state_dict_in_a_dict_is_found(void **state)
{
    (void)state;
    static const char *const WRAPPERS[] = {"state_dict", "model_state_dict", "model"};
    for (size_t i = 0; i < 3; i++) {
        bytes *inner = new_bytes();
        bytes *file = new_bytes();
        PUT(inner, "\x80\x02}(");
        push_text(inner, "epoch");
        push_int(inner, 3);
        push_text(inner, "rate");
        PUT(inner, "G\x3f\xf0\0\0\0\0\0\0"); /* 1.0 */
        push_text(inner, WRAPPERS[i]);
        PUT(inner, "}");
        push_text(inner, "a");
        PUT(inner, "ctorch._utils\n_rebuild_parameter\n(");
        push_tensor(inner, &TENSORS[0]);
        PUT(inner, "\x89"
                   "ccollections\nOrderedDict\n)RtRs");
        push_text(inner, "unused");
        push_tensor(inner, &TENSORS[3]);
        push_text(inner, "more");
        PUT(inner, "(");
        push_storage(inner, &TENSORS[4]);
        push_storage(inner, &TENSORS[5]);
        PUT(inner, "]\x8f\x85tu.");
        put_legacy(file, inner);
        el_torch_bin *bin;
        unsigned char *copy;
        electra_error err = {0};
        if (parse(&bin, file->at, file->n, &copy, &err) != ELECTRA_OK) {
            fail_msg("%s: %s", WRAPPERS[i], err.message);
        }
        assert_int_equal(el_torch_bin_count(bin), 1);
        expect_numbers(bin, "a", SINGLES, 6);
        el_torch_bin_close(bin);
        free(copy);
        free(inner);
        free(file);
    }
}

/* ---- the pickle machine ------------------------------------------------------------------------------------------ */

static electra_status run(el_pickle **out, const char *program, size_t n, electra_error *err)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, program, n);
    size_t used = 0;
    const electra_status status = el_pickle_read(out, copy, n, &used, "p", err);
    if (status == ELECTRA_OK) {
        assert_int_equal(used, n);
    } else {
        assert_null(*out);
    }
    free(copy); /* values that stand in the pickle are gone with it; nobody looks at them here */
    return status;
}

static void refuse_program(const char *program, size_t n, const char *words)
{
    el_pickle *pickle;
    electra_error err = {0};
    const electra_status status = run(&pickle, program, n, &err);
    if (status != ELECTRA_INVALID || !strstr(err.message, words)) {
        fail_msg("\"%.30s\": status %d and \"%s\", not \"%s\"", program, (int)status, err.message, words);
    }
}

#define REFUSE(literal, words) refuse_program(literal, sizeof(literal) - 1, words)

static void nothing_is_executed(void **state)
{
    (void)state;
    REFUSE("cposix\nsystem\n(X\x02\0\0\0lstR.", "asks for \"posix system\"");
    REFUSE("c__builtin__\neval\n(X\1\0\0\0xtR.", "\"__builtin__ eval\"");
    REFUSE("ctorch\nload\n.", "\"torch load\"");
    REFUSE("ctorch\nFloatStorageX\n.", "\"torch FloatStorageX\"");
    REFUSE("ctorch._utils\n_rebuild\n.", "\"torch._utils _rebuild\"");
    REFUSE("cevil\x1b[2J\nx\n.", "\"evil?[2J x\"");
    REFUSE("ctorch", "cut short");
    REFUSE("ctorch\nFloatStorage", "cut short");
    /* the other ways in which Python's machine reaches code: STACK_GLOBAL, INST, OBJ, EXT1, BINPUT-less REDUCE */
    REFUSE("\x80\x02X\5\0\0\0posixX\6\0\0\0system\x93.", "operation 0x93");
    REFUSE("(iposix\nsystem\n.", "operation 0x69");
    REFUSE("(o.", "operation 0x6f");
    REFUSE("\x82\1.", "operation 0x82");
    REFUSE("\x80\x04.", "only protocol 2");
    REFUSE("N)R.", "called that is no function");
    REFUSE("ccollections\nOrderedDict\nNR.", "called that is no function");
    REFUSE("ccollections\nOrderedDict\n(NtR.", "made with arguments");
    REFUSE("ctorch\nFloatStorage\n)R.", "called as a function");
    REFUSE("ctorch._utils\n_rebuild_parameter\n)R.", "of no tensor");
    REFUSE("N}b.", "attributes are given");
}

static void programs_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    REFUSE("", "cut short");
    REFUSE(".", "in the middle of something");
    REFUSE("NN.", "in the middle of something");
    REFUSE("(N.", "in the middle of something");
    REFUSE("t.", "lacks its mark");
    REFUSE("u.", "lacks its mark");
    REFUSE("N(\x85.", "lacks its operand"); /* a mark protects what lies below it */
    REFUSE("a.", "lacks its operand");
    REFUSE("]Na", "cut short");
    REFUSE("NNa.", "appended to what is no list");
    REFUSE("]NNs.", "put into what is no dict");
    REFUSE("}(Nu.", "lacks its value");
    REFUSE("q\0.", "lacks its operand");
    REFUSE("h\0.", "never remembered");
    REFUSE("Nq\3h\2.", "never remembered");
    REFUSE("Nr\xff\xff\xff\xff.", "too many at once");
    REFUSE("j\xff\xff\xff\xff.", "never remembered");
    REFUSE("X\xff\xff\xff\xff.", "cut short");
    REFUSE("U\5abc", "cut short");
    REFUSE("\x8a\xff.", "cut short");
    REFUSE("G\0\0", "cut short");
    REFUSE("J\0", "cut short");
    REFUSE("NQ.", "no storage");
    REFUSE("(NNNNNtQ.", "no storage");
}

static void numbers_and_containers_are_read(void **state)
{
    (void)state;
    static const char PROGRAM[] = "\x80\x02(K\xff"
                                  "M\xff\xffJ\xfe\xff\xff\xff\x8a\0\x8a\1\xff\x8a\x08\1\0\0\0\0\0\0\x80"
                                  "\x8a\x09\0\0\0\0\0\0\0\0\1G\xc0\x08\0\0\0\0\0\0\x88\x89Nt.";
    el_pickle *pickle;
    assert_int_equal(el_pickle_read(&pickle, PROGRAM, sizeof PROGRAM - 1, NULL, "p", NULL), ELECTRA_OK);
    const el_pickle_value *top = el_pickle_top(pickle);
    assert_int_equal(top->kind, EL_PICKLE_TUPLE);
    const int64_t whole[] = {255, 65535, -2, 0, -1, INT64_MIN + 1};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(top->is.items.at[i]->kind, EL_PICKLE_INT);
        assert_true(top->is.items.at[i]->is.whole == whole[i]);
    }
    assert_int_equal(top->is.items.at[6]->kind, EL_PICKLE_BIG);
    assert_int_equal(top->is.items.at[6]->is.bytes.n, 9);
    assert_true(top->is.items.at[7]->is.real == -3.0);
    assert_int_equal(top->is.items.at[8]->is.whole, 1);
    assert_int_equal(top->is.items.at[9]->is.whole, 0);
    assert_int_equal(top->is.items.at[10]->kind, EL_PICKLE_NONE);
    assert_int_equal(top->is.items.n, 11);
    el_pickle_free(pickle);

    static const char DICT[] = "}(U\1aK\1U\1bK\2uU\1aK\3s.";
    assert_int_equal(el_pickle_read(&pickle, DICT, sizeof DICT - 1, NULL, "p", NULL), ELECTRA_OK);
    assert_true(el_pickle_member(el_pickle_top(pickle), "a")->is.whole == 3);
    assert_true(el_pickle_member(el_pickle_top(pickle), "b")->is.whole == 2);
    assert_null(el_pickle_member(el_pickle_top(pickle), "c"));
    assert_null(el_pickle_last_storage(pickle));
    el_pickle_free(pickle);
}

/* Circles, depth and sheer numbers end in time and in bounded memory. */
static void floods_are_stopped(void **state)
{
    (void)state;
    el_pickle *pickle;
    assert_int_equal(run(&pickle, "]q\0h\0a.", 7, NULL), ELECTRA_OK); /* a list that holds itself */
    el_pickle_free(pickle);
    bytes *file = new_bytes();
    PUT(file, "\x80\x02}q\1");
    push_text(file, "model");
    PUT(file, "h\1s."); /* a dict that is its own "model" */
    expect_refusal(file, "does not begin as one");
    bytes *legacy = new_bytes();
    put_legacy(legacy, file);
    expect_refusal(legacy, "list of its storages does not match");
    free(legacy);
    free(file);

    const size_t n = 40 << 20;
    char *flood = malloc(n);
    assert_non_null(flood);
    electra_error err;
    const char *const REPEATED[] = {"(", "N", "]", "}0", "Nq\1", ")\x85"};
    for (size_t i = 0; i < sizeof REPEATED / sizeof *REPEATED; i++) {
        const size_t length = strlen(REPEATED[i]);
        for (size_t at = 0; at + length <= n; at += length) {
            memcpy(flood + at, REPEATED[i], length);
        }
        assert_int_equal(el_pickle_read(&pickle, flood, n, NULL, "p", &err), ELECTRA_INVALID);
    }
    /* a billion laughs: each list holds the one before ten times, and nobody ever counts them */
    size_t used = 0;
    flood[used++] = '(';
    flood[used++] = ']';
    for (int depth = 0; depth < 60; depth++) {
        memcpy(flood + used, "q\0](h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0e", 25);
        used += 25;
    }
    flood[used++] = 't';
    flood[used++] = '.';
    assert_int_equal(el_pickle_read(&pickle, flood, used, NULL, "p", &err), ELECTRA_OK);
    el_pickle_free(pickle);
    free(flood);
}

/* ---- files that lie ---------------------------------------------------------------------------------------------- */

static void refuse_tensor(tensor t, const char *words)
{
    tensor all[N_TENSORS];
    memcpy(all, TENSORS, sizeof all);
    all[0] = t;
    for (int form = 0; form < 2; form++) {
        bytes *file = make_file(all, N_TENSORS, form);
        expect_refusal(file, words);
        free(file);
    }
}

static void views_stay_within_their_storage(void **state)
{
    (void)state;
    const char *beyond = "reaches beyond its storage";
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 2, {2, 4}, {4, 1}}, beyond);
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 1, 2, {2, 3}, {3, 1}}, beyond);
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 6, 1, {1}, {1}}, beyond);
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 1, {7}, {0}}, beyond); /* one number seven times */
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 1, {2}, {2147483647}}, beyond);
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 2147483647, 0, {0}, {0}}, beyond);
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 3, {2147483647, 2147483647, 2147483647}, {0, 0, 0}},
                  "too large");
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 2, {-2, -3}, {3, 1}}, "not whole numbers");
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 2, {2, 3}, {-3, 1}}, "not whole numbers");
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, -1, 2, {2, 3}, {3, 1}}, "not whole numbers");
    refuse_tensor((tensor){"t", "FloatStorage", "10", 6, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}}, "dimensions");
    refuse_tensor((tensor){"t", "FloatStorage", "10", -6, 0, 2, {2, 3}, {3, 1}}, "lacks its key or its size");
    refuse_tensor((tensor){"t", "DoubleStorage", "10", 6, 0, 2, {2, 3}, {3, 1}}, "described in two ways");
    refuse_tensor((tensor){"t", "FloatStorage", "10", 7, 0, 2, {2, 3}, {3, 1}}, "described in two ways");
    refuse_tensor((tensor){"t", "FloatStorage", "", 6, 0, 2, {2, 3}, {3, 1}}, "no proper key");
    refuse_tensor((tensor){"half", "FloatStorage", "10", 6, 0, 2, {2, 3}, {3, 1}}, "\"half\" twice");
    refuse_tensor((tensor){"a\nb", "FloatStorage", "10", 6, 0, 2, {2, 3}, {3, 1}}, "no proper name");
    refuse_tensor((tensor){"", "FloatStorage", "10", 6, 0, 2, {2, 3}, {3, 1}}, "no proper name");
}

static void storages_are_found_and_measured(void **state)
{
    (void)state;
    tensor t = {"a", "FloatStorage", "9", 6, 0, 2, {2, 3}, {3, 1}};
    bytes *file = make_file(&t, 1, 1);
    expect_refusal(file, "lacks one of its storages");
    free(file);
    file = make_file(&t, 1, 0);
    expect_refusal(file, "list of its storages does not match");
    free(file);
    t = (tensor){"a", "DoubleStorage", "10", 6, 0, 2, {2, 3}, {3, 1}};
    file = make_file(&t, 1, 1);
    expect_refusal(file, "has 24 bytes; 6 elements of F64 were announced");
    free(file);
    file = make_file(TENSORS, N_TENSORS, 0);
    file->n--;
    expect_refusal(file, "cut short");
    file->n += 2;
    expect_refusal(file, "something follows its last storage");
    file->n--;
    file->at[file->n - 32]--; /* the count of the last storage, which has 24 bytes */
    expect_refusal(file, "has 5 elements; 6 were announced");
    free(file);
    static const bytes NOTHING = {.at = "electra", .n = 7};
    expect_refusal(&NOTHING, "neither as an archive nor as a pickle");
    static const bytes EMPTY = {.n = 0};
    expect_refusal(&EMPTY, "neither as an archive nor as a pickle");
}

static void refuse_zip(void (*change)(bytes *file), const char *words)
{
    bytes *file = make_file(TENSORS, N_TENSORS, 1);
    change(file);
    expect_refusal(file, words);
    free(file);
}

/* The k-th entry of the directory (k from 0). */
static unsigned char *entry(bytes *file, size_t k)
{
    for (size_t i = 0; i + 4 < file->n; i++) {
        if (memcmp(file->at + i, "PK\1\2", 4) == 0 && k-- == 0) {
            return file->at + i;
        }
    }
    fail_msg("no entry %zu", k);
    return NULL;
}

static unsigned char *end_record(bytes *file)
{
    return file->at + file->n - 24; /* 22 and the comment */
}

static void set_method(bytes *f)
{
    entry(f, 2)[10] = 8;
}
static void set_encrypted(bytes *f)
{
    entry(f, 2)[8] |= 1;
}
static void move_member(bytes *f)
{
    entry(f, 2)[42]++;
}
static void move_member_far(bytes *f)
{
    memset(entry(f, 2) + 42, 0xfe, 4);
}
static void lengthen_member(bytes *f)
{
    entry(f, 2)[22] = entry(f, 2)[26] = 1;
}
static void want_wide_sizes(bytes *f)
{
    memset(entry(f, 2) + 20, 0xff, 8);
}
static void share_bytes(bytes *f)
{
    entry(f, 2)[20] = entry(f, 2)[24] = 60;
}
static void same_name(bytes *f)
{
    /* "any/data/2" becomes "any/data/3", in its own header too */
    entry(f, 2)[46 + 9] = '3';
    unsigned char *own = f->at + entry(f, 2)[42] + 256 * entry(f, 2)[43];
    own[30 + 9] = '3';
}
static void own_name_differs(bytes *f)
{
    entry(f, 2)[46 + 9] = '4';
}
static void more_members(bytes *f)
{
    end_record(f)[10] = 0xf0;
    end_record(f)[11] = 0xf0;
}
static void fewer_members(bytes *f)
{
    end_record(f)[10]--;
}
static void directory_beyond(bytes *f)
{
    end_record(f)[19] = 0x70;
}
static void wide_end(bytes *f)
{
    memset(end_record(f) + 16, 0xff, 4);
}
static void no_end(bytes *f)
{
    end_record(f)[0] = 'p';
}
static void no_entry(bytes *f)
{
    entry(f, 1)[0] = 'p';
}
static void long_comment(bytes *f)
{
    entry(f, 5)[32] = 200;
}

static void archives_that_lie_are_refused(void **state)
{
    (void)state;
    refuse_zip(set_method, "compressed or encrypted");
    refuse_zip(set_encrypted, "compressed or encrypted");
    refuse_zip(move_member, "disagrees with the list");
    refuse_zip(move_member_far, "beyond its end");
    refuse_zip(lengthen_member, "reaches beyond its end");
    refuse_zip(want_wide_sizes, "large sizes are missing");
    refuse_zip(share_bytes, "share bytes");
    refuse_zip(same_name, "two members have one name");
    refuse_zip(own_name_differs, "disagrees with the list");
    refuse_zip(more_members, "more members than its list has room for");
    refuse_zip(fewer_members, "more members than it says");
    refuse_zip(directory_beyond, "lies beyond its end");
    refuse_zip(wide_end, "record of its large sizes is missing");
    refuse_zip(no_end, "no end record");
    refuse_zip(no_entry, "list of members is damaged");
    refuse_zip(long_comment, "list of members is damaged");
    bytes *pickle = new_bytes();
    put_state(pickle, TENSORS, N_TENSORS);
    member members[MOST_MEMBERS];
    bytes *file = new_bytes();
    put_zip(file, members, list_members(members, pickle, "big"), false);
    expect_refusal(file, "big-endian");
    file->n = 0;
    (void)list_members(members, pickle, "little");
    put_zip(file, members + 1, MOST_MEMBERS - 1, false);
    expect_refusal(file, "no data.pkl");
    file->n = 0;
    members[5].name = "other/data.pkl";
    put_zip(file, members, MOST_MEMBERS, false);
    expect_refusal(file, "several data.pkl");
    free(file);
    free(pickle);
}

/* Every shorter version is refused, and so is nothing worse than refused when a byte is another one. */
static void any_cut_and_any_change_is_survived(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        bytes *file = make_file(TENSORS, 3, form);
        if (form == 0) { /* storages that no tensor mentions have no place in this form */
            free(file);
            file = make_file(TENSORS, N_TENSORS, form);
        }
        el_torch_bin *bin;
        unsigned char *copy;
        for (size_t n = 0; n < file->n; n++) {
            electra_error err = {0};
            assert_int_equal(parse(&bin, file->at, n, &copy, &err), ELECTRA_INVALID);
            assert_true(err.message[0] != '\0');
            free(copy);
        }
        static const unsigned char CHANGES[] = {0x01, 0x80, 0xff};
        for (size_t i = 0; i < 3 * file->n; i++) {
            file->at[i / 3] ^= CHANGES[i % 3];
            const electra_status status = parse(&bin, file->at, file->n, &copy, NULL);
            assert_true(status == ELECTRA_OK || status == ELECTRA_INVALID);
            for (size_t k = 0; bin && k < el_torch_bin_count(bin); k++) {
                double numbers[8];
                if (el_torch_bin_at(bin, k)->n <= 8) {
                    (void)el_array_copy_f64(el_torch_bin_at(bin, k), numbers, NULL);
                }
            }
            el_torch_bin_close(bin);
            free(copy);
            file->at[i / 3] ^= CHANGES[i % 3];
        }
        free(file);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        bytes *file = make_file(TENSORS, N_TENSORS, form);
        unsigned long failures = 0;
        for (unsigned long n = 1; n < 60; n++) {
            test_fail_allocation(n);
            el_torch_bin *bin = NULL;
            electra_error err = {0};
            const electra_status status = el_torch_bin_parse(&bin, file->at, file->n, "x.bin", &err);
            test_fail_allocation(0);
            el_torch_bin_close(bin);
            assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
            failures += status == ELECTRA_NO_RESOURCE;
        }
        assert_true(failures > 8 && failures < 59);
        free(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_give_their_tensors),
        cmocka_unit_test(a_state_dict_in_a_dict_is_found),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(programs_that_make_no_sense_are_refused),
        cmocka_unit_test(numbers_and_containers_are_read),
        cmocka_unit_test(floods_are_stopped),
        cmocka_unit_test(views_stay_within_their_storage),
        cmocka_unit_test(storages_are_found_and_measured),
        cmocka_unit_test(archives_that_lie_are_refused),
        cmocka_unit_test(any_cut_and_any_change_is_survived),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
