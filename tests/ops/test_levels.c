/* Every operator on every level that this machine has, against the backend in double, on the same inputs (rounded to
 * float): odd sizes and tails, pointers that are aligned to one element only, guards around every buffer, inputs that
 * must not change, no allocation, and the same bits for 1, 2 and 3 threads and for another alignment.
 *
 * To add an operator: write a function that takes buffers from the trial, calls the operator once, and has a row in
 * OPERATORS. Levels are found by themselves. A failure is run again with TEST_SEED set to the printed seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/alloc.h"
#include "support/ops.h"

/* ---- trials: one call of an operator on one backend
 * ------------------------------------------------------------------ */

enum { GUARD_BYTES = 64, MOST_BUFFERS = 24, MOST_THREADS = 3 };
enum { GUARD = 0xff }; /* floats and doubles of these bytes are no numbers: reading them shows */

typedef enum buffer_kind { INPUT, OUTPUT, OUTPUT_INDEX, OUTPUT_DRAWS } buffer_kind;

typedef struct buffer {
    buffer_kind kind;
    const char *name; /* of outputs */
    double tolerance; /* of outputs: largest error, relative to the largest element */
    size_t n, cols;
    size_t element_size;
    unsigned char *block, *data; /* data: within the block, between guards */
    unsigned char *before;       /* of inputs: what they held */
} buffer;

typedef struct trial {
    el_backend *be;
    size_t offset; /* elements by which data misses the alignment */
    el_rng_stream stream;
    buffer buffers[MOST_BUFFERS];
    size_t n_buffers;
    el_layout layout;   /* of operators that need one */
    unsigned long mine; /* allocations for buffers and layout; the operator may make none */
} trial;

static buffer *take(trial *t, buffer_kind kind, const char *name, size_t n, size_t cols, size_t element_size)
{
    assert_true(t->n_buffers < MOST_BUFFERS);
    const unsigned long allocations = test_allocations();
    buffer *b = &t->buffers[t->n_buffers++];
    const size_t bytes = n * element_size, before = GUARD_BYTES + t->offset * element_size;
    *b = (buffer){.kind = kind, .name = name, .n = n, .cols = cols, .element_size = element_size};
    b->block = el_alloc(before + bytes + GUARD_BYTES, 1);
    assert_non_null(b->block);
    t->mine += test_allocations() - allocations;
    memset(b->block, GUARD, before + bytes + GUARD_BYTES);
    b->data = b->block + before;
    return b;
}

static void set_number(trial *t, buffer *b, size_t i, double value)
{
    if (t->be->element_size == sizeof(float)) {
        ((float *)(void *)b->data)[i] = (float)value;
    } else {
        ((double *)(void *)b->data)[i] = (double)(float)value;
    }
}

static double get_number(const buffer *b, size_t i)
{
    return b->element_size == sizeof(float) ? (double)((const float *)(const void *)b->data)[i]
                                            : ((const double *)(const void *)b->data)[i];
}

static void remember(trial *t, buffer *b)
{
    const unsigned long allocations = test_allocations();
    b->before = el_alloc(b->n + 1, b->element_size);
    assert_non_null(b->before);
    t->mine += test_allocations() - allocations;
    memcpy(b->before, b->data, b->n * b->element_size);
}

static void fill(trial *t, buffer *b, double mean, double sigma)
{
    for (size_t i = 0; i < b->n; i++) {
        set_number(t, b, i, mean + sigma * test_normal(&t->stream));
    }
}

static el_tensor input(trial *t, size_t rows, size_t cols, double mean, double sigma)
{
    buffer *b = take(t, INPUT, "an input", rows * cols, cols, t->be->element_size);
    fill(t, b, mean, sigma);
    remember(t, b);
    return el_tensor_of(b->data, rows, cols);
}

static const uint32_t *input_index(trial *t, size_t n, size_t below)
{
    buffer *b = take(t, INPUT, "an index input", n, 1, sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        ((uint32_t *)(void *)b->data)[i] = (uint32_t)el_rng_below(&t->stream, below);
    }
    remember(t, b);
    return (const uint32_t *)(const void *)b->data;
}

static void lay_out(trial *t, const size_t *lengths, size_t n_sequences)
{
    const unsigned long allocations = test_allocations();
    t->layout = test_layout(lengths, n_sequences);
    t->mine += test_allocations() - allocations;
}

/* Starts as not-a-number. */
static el_tensor output(trial *t, const char *name, size_t rows, size_t cols, double tolerance)
{
    buffer *b = take(t, OUTPUT, name, rows * cols, cols, t->be->element_size);
    b->tolerance = tolerance;
    return el_tensor_of(b->data, rows, cols);
}

/* Starts as random numbers, for operators that add or work in place. */
static el_tensor changed(trial *t, const char *name, size_t rows, size_t cols, double mean, double sigma,
                         double tolerance)
{
    const el_tensor x = output(t, name, rows, cols, tolerance);
    fill(t, &t->buffers[t->n_buffers - 1], mean, sigma);
    return x;
}

static uint32_t *output_index(trial *t, const char *name, size_t n)
{
    return (uint32_t *)(void *)take(t, OUTPUT_INDEX, name, n, 1, sizeof(uint32_t))->data;
}

/* Tokens drawn: another level may take a neighbour where the random number falls within rounding of a border. */
static uint32_t *output_draws(trial *t, const char *name, size_t n)
{
    return (uint32_t *)(void *)take(t, OUTPUT_DRAWS, name, n, 1, sizeof(uint32_t))->data;
}

static void output_number(trial *t, const char *name, double value, double tolerance)
{
    buffer *b = take(t, OUTPUT, name, 1, 1, sizeof(double));
    b->tolerance = tolerance;
    memcpy(b->data, &value, sizeof value);
}

static void check_guards(const trial *t, const char *name, size_t shape)
{
    for (size_t i = 0; i < t->n_buffers; i++) {
        const buffer *b = &t->buffers[i];
        const size_t bytes = b->n * b->element_size;
        for (const unsigned char *p = b->block; p < b->data; p++) {
            if (*p != GUARD) {
                fail_msg("%s, shape %zu, %s: written before %s (buffer %zu)", name, shape, t->be->name, b->name, i);
            }
        }
        for (size_t k = 0; k < GUARD_BYTES; k++) {
            if (b->data[bytes + k] != GUARD) {
                fail_msg("%s, shape %zu, %s: written behind %s (buffer %zu)", name, shape, t->be->name, b->name, i);
            }
        }
        if (b->before && memcmp(b->before, b->data, bytes) != 0) {
            fail_msg("%s, shape %zu, %s: %s (buffer %zu) was changed", name, shape, t->be->name, b->name, i);
        }
    }
}

static void end_trial(trial *t)
{
    for (size_t i = 0; i < t->n_buffers; i++) {
        el_free(t->buffers[i].block);
        el_free(t->buffers[i].before);
    }
    if (t->layout.starts) {
        test_layout_free(&t->layout);
    }
}

/* ---- the operators, each with its shapes
 * ------------------------------------------------------------------------------ */

enum { LONGEST = 300, MOST_TOKENS = 600, WIDEST = 800, MOST_SLOTS = 140, MOST_VOCABULARY = 3001 };

static const size_t SIZES[] = {1, 7, 33, 16385, 40000};
enum { N_SIZES = 5 };

static void run_zero(trial *t, size_t shape)
{
    t->be->ops->zero(t->be, output(t, "x", 1, SIZES[shape], 0));
}

static void run_copy(trial *t, size_t shape)
{
    t->be->ops->copy(t->be, output(t, "y", SIZES[shape], 1, 0), input(t, SIZES[shape], 1, 0, 1));
}

static void run_add(trial *t, size_t shape)
{
    t->be->ops->add(t->be, changed(t, "y", SIZES[shape], 1, 0, 1, 1e-7), input(t, SIZES[shape], 1, 0, 1));
}

static const size_t EMBED[][3] = {{4, 1, 3}, {9, 5, 7}, {30, 64, 11}, {21, 131, 1000}}; /* length, E, V */

static void run_embed_fwd(trial *t, size_t shape)
{
    const size_t n = EMBED[shape][1], v = EMBED[shape][2], lengths[] = {EMBED[shape][0], 1, EMBED[shape][0]};
    lay_out(t, lengths, 3);
    t->be->ops->embed_fwd(t->be, output(t, "y", t->layout.n_tokens, n, 2e-7), input(t, v, n, 0, 1),
                          input(t, 2, n, 0, 1), input(t, 32, n, 0, 1), input_index(t, t->layout.n_tokens, v),
                          input_index(t, t->layout.n_tokens, 2), &t->layout);
}

static void run_embed_bwd(trial *t, size_t shape)
{
    const size_t n = EMBED[shape][1], v = EMBED[shape][2], lengths[] = {EMBED[shape][0], 1, EMBED[shape][0]};
    lay_out(t, lengths, 3);
    t->be->ops->embed_bwd(t->be, changed(t, "dword", v, n, 0, 1, 1e-6), changed(t, "dtype", 2, n, 0, 1, 1e-6),
                          changed(t, "dposition", 32, n, 0, 1, 1e-6), input(t, t->layout.n_tokens, n, 0, 1),
                          input_index(t, t->layout.n_tokens, v), input_index(t, t->layout.n_tokens, 2), &t->layout);
}

/* Rows, columns, mean, sigma, 1 if z is there, dropout rate. The first is a constant row: y is beta. The fourth is why
 * variance takes two passes: its mean is a thousand times its spread. There, storing the mean in float costs 5e-5. */
static const double NORM[][6] = {{1, 1, 3, 1, 0, 0},       {3, 7, 0, 1, 1, 0},     {130, 33, 0, 1, 1, 0.1},
                                 {5, 256, 10, 0.01, 0, 0}, {9, 771, 1, 2, 1, 0.3}, {300, 64, 0, 1, 0, 0}};

static double norm_tolerance(size_t shape)
{
    return NORM[shape][3] < 0.1 ? 3e-4 : 2e-6;
}

static void run_norm_fwd(trial *t, size_t shape)
{
    const double *s = NORM[shape];
    const size_t rows = (size_t)s[0], n = (size_t)s[1];
    const double tolerance = norm_tolerance(shape);
    lay_out(t, &rows, 1);
    const el_tensor x = input(t, rows, n, s[2], s[3]);
    const el_tensor z = s[4] > 0 ? input(t, rows, n, s[2], s[3]) : EL_ABSENT;
    t->be->ops->norm_fwd(t->be, output(t, "y", rows, n, tolerance), output(t, "sum", rows, n, 2e-7),
                         output(t, "stats", rows, 2, 2e-6), x, z, &(el_dropout){s[5], 4711}, &t->layout,
                         input(t, 1, n, 1, 0.5), input(t, 1, n, 0, 0.5), 1e-12);
}

/* s written over z: where the model keeps it. */
static void run_norm_fwd_in_place(trial *t, size_t shape)
{
    const double *s = NORM[shape];
    const size_t rows = (size_t)s[0], n = (size_t)s[1];
    lay_out(t, &rows, 1);
    const el_tensor x = input(t, rows, n, s[2], s[3]), z = changed(t, "sum over z", rows, n, 0, s[3], 2e-7);
    t->be->ops->norm_fwd(t->be, output(t, "y", rows, n, norm_tolerance(shape) * 4), z,
                         output(t, "stats", rows, 2, 2e-6), x, z, &(el_dropout){s[5], 4711}, &t->layout,
                         input(t, 1, n, 1, 0.5), input(t, 1, n, 0, 0.5), 1e-12);
}

/* A forward first, so that sum and stats belong together. */
static void run_norm_bwd(trial *t, size_t shape)
{
    const double *s = NORM[shape];
    const size_t rows = (size_t)s[0], n = (size_t)s[1];
    const double tolerance = 4 * norm_tolerance(shape);
    const el_tensor x = input(t, rows, n, s[2], s[3]), gamma = input(t, 1, n, 1, 0.5);
    const el_tensor sum = output(t, "sum", rows, n, 2e-7), stats = output(t, "stats", rows, 2, 2e-6);
    t->be->ops->norm_fwd(t->be, output(t, "y", rows, n, tolerance), sum, stats, x, EL_ABSENT, NULL, NULL, gamma,
                         input(t, 1, n, 0, 1), 1e-12);
    t->be->ops->norm_bwd(t->be, output(t, "dsum", rows, n, tolerance), changed(t, "dgamma", 1, n, 0, 1, tolerance),
                         changed(t, "dbeta", 1, n, 0, 1, tolerance), input(t, rows, n, 0, 1), sum, stats, gamma);
}

static const size_t DROPOUT[][2] = {{1, 1}, {5, 7}, {3, 130}, {200, 257}};

static void run_dropout(trial *t, size_t shape)
{
    const size_t rows = DROPOUT[shape][0], n = DROPOUT[shape][1];
    lay_out(t, &rows, 1);
    t->be->ops->dropout(t->be, output(t, "y", rows, n, 2e-7), input(t, rows, n, 0, 1), &(el_dropout){0.1, 77},
                        &t->layout, NULL);
}

static void run_dropout_in_place(trial *t, size_t shape)
{
    const size_t rows = DROPOUT[shape][0], n = DROPOUT[shape][1];
    lay_out(t, &rows, 1);
    const el_tensor x = changed(t, "x", rows, n, 0, 1, 2e-7);
    t->be->ops->dropout(t->be, x, x, &(el_dropout){0.5, 77}, &t->layout, NULL);
}

/* T, K, N */
static const size_t LINEAR[][3] = {{1, 1, 1},     {3, 5, 7},      {17, 33, 65},  {67, 130, 259}, {128, 256, 64},
                                   {5, 700, 3},   {260, 64, 1},   {1, 300, 129}, {2, 16, 520},   {31, 513, 16},
                                   {600, 17, 33}, {70, 257, 400}, {6, 1, 13}};
enum { N_LINEAR = sizeof LINEAR / sizeof *LINEAR, N_ACTIVATIONS = EL_ACT_SILU + 1 };

static el_activation act_of(size_t shape)
{
    return (el_activation)(shape % N_ACTIVATIONS);
}

static double spread(size_t depth)
{
    return 1 / sqrt((double)depth);
}

static void run_linear_fwd(trial *t, size_t shape)
{
    const size_t *s = LINEAR[shape % N_LINEAR], rows = s[0], k = s[1], n = s[2];
    const bool with_bias = shape % 3 != 1, with_pre = shape % 2 == 0 && act_of(shape) != EL_ACT_LINEAR;
    t->be->ops->linear_fwd(t->be, output(t, "y", rows, n, 2e-6), input(t, rows, k, 0, 1), input(t, n, k, 0, spread(k)),
                           with_bias ? input(t, 1, n, 0, 1) : EL_ABSENT, act_of(shape),
                           with_pre ? output(t, "pre", rows, n, 2e-6) : EL_ABSENT);
}

/* The bytes of a matrix in another format, for the operator to read; zero, as alloc would leave them. */
static el_tensor input_format(trial *t, el_format format, size_t rows, size_t cols)
{
    const size_t bytes = t->be->ops->format_bytes(t->be, format, rows, cols);
    assert_true(bytes > 0 && bytes % t->be->element_size == 0);
    buffer *b = take(t, INPUT, "weights", bytes / t->be->element_size, 1, t->be->element_size);
    memset(b->data, 0, bytes);
    return (el_tensor){b->data, rows, cols, format};
}

/* Packed weights give the same bits as weights that lie row by row. They are packed in two pieces that meet anywhere.
 */
static void run_linear_packed(trial *t, size_t shape)
{
    const size_t *s = LINEAR[shape % N_LINEAR], rows = s[0], k = s[1], n = s[2], first = n * (shape % 5) / 5;
    const bool with_bias = shape % 3 != 1;
    const el_tensor x = input(t, rows, k, 0, 1), w = input(t, n, k, 0, spread(k));
    const el_tensor b = with_bias ? input(t, 1, n, 0, 1) : EL_ABSENT;
    const el_tensor packed = input_format(t, EL_FORMAT_PACKED, n, k);
    const el_tensor y = output(t, "y", rows, n, 2e-6), same = output(t, "y of rows", rows, n, 2e-6);
    buffer *host = take(t, INPUT, "floats", n * k, k, sizeof(float));
    float *floats = (float *)(void *)host->data;
    t->be->ops->download_f32(t->be, floats, w.data, n * k);
    t->be->ops->pack_f32(t->be, packed, first, floats + first * k, n - first);
    t->be->ops->pack_f32(t->be, packed, 0, floats, first);
    t->be->ops->linear_fwd(t->be, y, x, packed, b, act_of(shape), EL_ABSENT);
    t->be->ops->linear_fwd(t->be, same, x, w, b, act_of(shape), EL_ABSENT);
    if (memcmp(y.data, same.data, rows * n * t->be->element_size) != 0) {
        fail_msg("shape %zu, %s: packed weights give other bits", shape, t->be->name);
    }
}

/* Matrices that lie apart give the same bits as one of all their rows. */
static void run_linear_parts(trial *t, size_t shape)
{
    const size_t *s = LINEAR[shape % N_LINEAR], rows = s[0], k = s[1];
    const size_t parts = 1 + shape / N_LINEAR % EL_MOST_PARTS, n = (s[2] + parts - 1) / parts, n_all = parts * n;
    const bool with_bias = shape % 3 != 1, with_pre = shape % 2 == 0 && act_of(shape) != EL_ACT_LINEAR;
    const el_tensor x = input(t, rows, k, 0, 1), whole = input(t, n_all, k, 0, spread(k));
    const el_tensor b = with_bias ? input(t, 1, n_all, 0, 1) : EL_ABSENT;
    el_parts list = {0};
    for (size_t i = parts; i-- > 0;) { /* not in the order of the rows */
        list.data[i] = take(t, INPUT, "a part", n * k, k, t->be->element_size)->data;
        memcpy(list.data[i], (char *)whole.data + i * n * k * t->be->element_size, n * k * t->be->element_size);
        list.n++;
    }
    const el_tensor apart = {&list, n_all, k, EL_FORMAT_PARTS};
    const el_tensor y = output(t, "y", rows, n_all, 2e-6), same = output(t, "y of one", rows, n_all, 2e-6);
    const el_tensor pre = with_pre ? output(t, "pre", rows, n_all, 2e-6) : EL_ABSENT;
    const el_tensor same_pre = with_pre ? output(t, "pre of one", rows, n_all, 2e-6) : EL_ABSENT;
    t->be->ops->linear_fwd(t->be, y, x, apart, b, act_of(shape), pre);
    t->be->ops->linear_fwd(t->be, same, x, whole, b, act_of(shape), same_pre);
    if (memcmp(y.data, same.data, rows * n_all * t->be->element_size) != 0 ||
        (with_pre && memcmp(pre.data, same_pre.data, rows * n_all * t->be->element_size) != 0)) {
        fail_msg("shape %zu, %s: weights in parts give other bits", shape, t->be->name);
    }
}

static void run_linear_bwd_input(trial *t, size_t shape)
{
    const size_t *s = LINEAR[shape % N_LINEAR], rows = s[0], k = s[1], n = s[2];
    const bool accumulate = shape % 4 == 1, with_pre = shape % 3 != 2;
    const el_tensor dx = accumulate ? changed(t, "dx added", rows, k, 0, 1, 2e-6) : output(t, "dx", rows, k, 2e-6);
    t->be->ops->linear_bwd_input(t->be, dx, input(t, rows, n, 0, 1), input(t, n, k, 0, spread(n)), accumulate,
                                 act_of(shape), with_pre ? input(t, rows, k, 0, 1.5) : EL_ABSENT);
}

static void run_linear_bwd_weights(trial *t, size_t shape)
{
    const size_t *s = LINEAR[shape], rows = s[0], k = s[1], n = s[2];
    t->be->ops->linear_bwd_weights(t->be, changed(t, "dw", n, k, 0, 1, 2e-6),
                                   shape % 2 ? EL_ABSENT : changed(t, "db", 1, n, 0, 1, 2e-6), input(t, rows, n, 0, 1),
                                   input(t, rows, k, 0, spread(rows)));
}

/* Activation and size; wide inputs, and a few that are special. */
static el_tensor special_input(trial *t, size_t n)
{
    static const double special[] = {0, -0.0, 1e-8, -1e-8, 88, -88, 200, -200, 0.5, -1, 5.5, -5.5};
    const el_tensor x = input(t, 1, n, 0, 3);
    buffer *b = &t->buffers[t->n_buffers - 1];
    for (size_t i = 0; i < n && i < sizeof special / sizeof *special; i++) {
        set_number(t, b, i, special[i]);
    }
    memcpy(b->before, b->data, b->n * b->element_size);
    return x;
}

static void run_act_fwd(trial *t, size_t shape)
{
    const size_t n = SIZES[shape / N_ACTIVATIONS] + 12;
    /* 200 is the largest element: this is 4e-7 absolute */
    const el_tensor y = output(t, "y", 1, n, act_of(shape) == EL_ACT_TANH ? 5e-7 : 4e-9);
    t->be->ops->act_fwd(t->be, y, special_input(t, n), act_of(shape));
}

static void run_act_bwd(trial *t, size_t shape)
{
    const size_t n = SIZES[shape / N_ACTIVATIONS] + 12;
    const el_tensor dx = output(t, "dx", 1, n, 1e-6), dy = input(t, 1, n, 0, 1);
    t->be->ops->act_bwd(t->be, dx, dy, special_input(t, n), act_of(shape));
}

static void run_act_in_place(trial *t, size_t shape)
{
    const el_tensor x = changed(t, "x", 9, 31, 0, 1, 1e-6), dy = changed(t, "dy", 9, 31, 0, 1, 1e-6);
    t->be->ops->act_bwd(t->be, dy, dy, x, act_of(shape));
    t->be->ops->act_fwd(t->be, x, x, act_of(shape));
}

/* Heads, width of a head, dropout rate, sigma of q, k, v (large: saturated softmax). */
static const double ATTENTION[][4] = {{1, 1, 0, 1},    {2, 7, 0, 1},  {3, 16, 0.1, 1}, {2, 36, 0.1, 3},
                                      {1, 64, 0.2, 1}, {4, 64, 0, 2}, {2, 65, 0, 1},   {1, 8, 0.1, 4}};

static void attention_layout(trial *t, size_t shape)
{
    static const size_t some[] = {3, 1, 17, 130, 64}, longest[] = {LONGEST};
    if (shape % 3 == 2) {
        lay_out(t, longest, 1);
    } else {
        lay_out(t, some, 5);
    }
}

static void run_attention_fwd(trial *t, size_t shape)
{
    const double *s = ATTENTION[shape];
    const size_t heads = (size_t)s[0], width = heads * (size_t)s[1];
    attention_layout(t, shape);
    const size_t rows = t->layout.n_tokens;
    t->be->ops->attention_fwd(t->be, output(t, "context", rows, width, s[3] > 1 ? 3e-5 : 3e-6),
                              output(t, "lse", rows, heads, 1e-6), input(t, rows, 3 * width, 0, s[3]), heads,
                              &(el_dropout){s[2], 31337}, &t->layout);
}

static void run_attention_bwd(trial *t, size_t shape)
{
    const double *s = ATTENTION[shape];
    const size_t heads = (size_t)s[0], width = heads * (size_t)s[1];
    attention_layout(t, shape);
    const size_t rows = t->layout.n_tokens;
    const el_dropout dropout = {s[2], 31337};
    const double tolerance = s[3] > 1 ? 1e-4 : 1e-5;
    const el_tensor qkv = input(t, rows, 3 * width, 0, s[3]);
    const el_tensor context = output(t, "context", rows, width, tolerance);
    const el_tensor lse = output(t, "lse", rows, heads, 1e-6);
    t->be->ops->attention_fwd(t->be, context, lse, qkv, heads, &dropout, &t->layout);
    t->be->ops->attention_bwd(t->be, output(t, "dqkv", rows, 3 * width, tolerance), input(t, rows, width, 0, 1), qkv,
                              context, lse, heads, &dropout, &t->layout);
}

static const size_t ROWS[][3] = {{1, 1, 1}, {5, 3, 17}, {40, 100, 65}, {140, 30, 131}}; /* M, T, H */

static void run_gather(trial *t, size_t shape)
{
    const size_t m = ROWS[shape][0], rows = ROWS[shape][1], n = ROWS[shape][2];
    t->be->ops->gather_rows(t->be, output(t, "y", m, n, 0), input(t, rows, n, 0, 1), input_index(t, m, rows));
}

static void run_scatter(trial *t, size_t shape)
{
    const size_t m = ROWS[shape][0], rows = ROWS[shape][1], n = ROWS[shape][2];
    t->be->ops->scatter_add_rows(t->be, changed(t, "dx", rows, n, 0, 1, 1e-6), input(t, m, n, 0, 1),
                                 input_index(t, m, rows));
}

/* M, V, E, sigma of the logits, temperature, 1 to forbid the target. */
static const double HEAD[][6] = {{1, 1, 1, 1, 1, 0},      {1, 5, 3, 1, 1, 0},       {3, 129, 7, 3, 1, 1},
                                 {20, 3001, 64, 2, 1, 0}, {130, 1100, 16, 5, 2, 0}, {7, 513, 128, 25, 0.5, 1}};

static void run_masked_lm_fwd(trial *t, size_t shape)
{
    const double *s = HEAD[shape];
    const size_t m = (size_t)s[0], v = (size_t)s[1], width = (size_t)s[2], length = 200;
    const el_sampling sampling = {s[4], s[5] > 0 && v > 1, 999};
    const double tolerance = 3e-6;
    lay_out(t, &length, 1);
    t->be->ops->masked_lm_fwd(t->be, output(t, "loss", m, 1, tolerance), output(t, "lse", m, 1, tolerance),
                              output_index(t, "best", m), output_draws(t, "sampled", m), input(t, m, width, 0, s[3]),
                              input(t, v, width, 0, spread(width)), input(t, 1, v, 0, 0.5), input_index(t, m, v),
                              input_index(t, m, length), &t->layout, &sampling);
}

static void run_masked_lm_bwd(trial *t, size_t shape)
{
    const double *s = HEAD[shape];
    const size_t m = (size_t)s[0], v = (size_t)s[1], width = (size_t)s[2];
    const el_tensor h = input(t, m, width, 0, s[3]), table = input(t, v, width, 0, spread(width));
    const el_tensor bias = input(t, 1, v, 0, 0.5), lse = output(t, "lse", m, 1, 3e-6);
    const uint32_t *targets = input_index(t, m, v);
    const double tolerance = s[3] > 10 ? 1e-4 : 1e-5;
    t->be->ops->masked_lm_fwd(t->be, output(t, "loss", m, 1, 3e-6), lse, NULL, NULL, h, table, bias, targets, NULL,
                              NULL, NULL);
    t->be->ops->masked_lm_bwd(t->be, output(t, "dh", m, width, tolerance),
                              changed(t, "dtable", v, width, 0, 0.01, tolerance),
                              changed(t, "dbias", 1, v, 0, 0.01, tolerance), h, table, bias, lse, targets, 0.5);
}

static void run_masked_lm_logits(trial *t, size_t shape)
{
    const double *s = HEAD[shape];
    const size_t m = (size_t)s[0], v = (size_t)s[1], width = (size_t)s[2];
    t->be->ops->masked_lm_logits(t->be, output(t, "logits", m, v, 2e-6), input(t, m, width, 0, s[3]),
                                 input(t, v, width, 0, spread(width)), input(t, 1, v, 0, 0.5));
}

static void run_corrupt(trial *t, size_t shape)
{
    const size_t n = 50, m = shape < 2 ? 20 : 100;
    t->be->ops->corrupt(t->be, output_index(t, "corrupted", n), output_index(t, "labels", n), input_index(t, n, 30), n,
                        input_index(t, m, n), input_index(t, m, 30), m, shape % 2);
}

static void run_binary_loss_fwd(trial *t, size_t shape)
{
    const size_t n = SIZES[shape];
    const el_tensor loss = output(t, "loss", n, 1, 1e-6), s = input(t, n, 1, 0, shape % 2 ? 30 : 1);
    t->be->ops->binary_loss_fwd(t->be, loss, s, input_index(t, n, 2));
}

static void run_binary_loss_bwd(trial *t, size_t shape)
{
    const size_t n = SIZES[shape];
    const el_tensor ds = output(t, "dlogits", n, 1, 1e-6), s = input(t, n, 1, 0, shape % 2 ? 30 : 1);
    t->be->ops->binary_loss_bwd(t->be, ds, s, input_index(t, n, 2), 0.01);
}

/* Groups, rows of each, columns; the groups' rows are counted or given. */
static const size_t GROUPS[][3] = {{1, 1, 1}, {7, 3, 1}, {33, 130, 2}, {300, 2, 5}};

static void run_softmax_loss(trial *t, size_t shape)
{
    const size_t groups = GROUPS[shape][0], n = GROUPS[shape][1], cols = GROUPS[shape][2];
    size_t lengths[300];
    for (size_t g = 0; g < groups; g++) {
        lengths[g] = n;
    }
    lay_out(t, lengths, groups);
    const uint32_t *starts = shape % 2 ? NULL : t->layout.starts, *targets = input_index(t, groups * cols, n);
    const el_tensor logits = input(t, groups * n, cols, 0, 4);
    t->be->ops->softmax_loss_fwd(t->be, output(t, "loss", groups, cols, 1e-6), logits, starts, targets);
    t->be->ops->softmax_loss_bwd(t->be, output(t, "dlogits", groups * n, cols, 2e-6), logits, starts, targets, groups,
                                 0.01);
}

static void run_squared_loss(trial *t, size_t shape)
{
    const size_t n = SIZES[shape];
    const el_tensor x = input(t, n, 1, 0, 1), target = input(t, n, 1, 0, 1);
    t->be->ops->squared_loss_fwd(t->be, output(t, "loss", n, 1, 1e-6), x, target);
    t->be->ops->squared_loss_bwd(t->be, output(t, "dx", n, 1, 1e-6), x, target, 0.01);
}

/* Sequences, tokens of the longest, columns. */
static const size_t SEQUENCES[][3] = {{1, 1, 1}, {3, 5, 7}, {2, 300, 65}, {7, 40, 130}};

static void run_sequences(trial *t, size_t shape)
{
    const size_t sequences = SEQUENCES[shape][0], n = SEQUENCES[shape][2];
    size_t lengths[8], tokens = 0;
    for (size_t s = 0; s < sequences; s++) {
        lengths[s] = SEQUENCES[shape][1] / (s + 1) + (s > 0);
        tokens += lengths[s];
    }
    lay_out(t, lengths, sequences);
    const el_tensor x = input(t, tokens, n, 0, 1), row = input(t, sequences, n, 0, 1);
    const el_tensor logits = input(t, tokens, 1, 0, 3), y = output(t, "pooled", sequences, n, 1e-6);
    const el_tensor p = output(t, "p", tokens, 1, 1e-6);
    t->be->ops->spread_add(t->be, changed(t, "spread", tokens, n, 0, 1, 1e-6), row, &t->layout);
    t->be->ops->spread_bwd(t->be, output(t, "sums", sequences, n, 1e-5), x, &t->layout);
    t->be->ops->softmax_pool_fwd(t->be, y, p, x, logits, &t->layout);
    t->be->ops->softmax_pool_bwd(t->be, changed(t, "dx", tokens, n, 0, 1, 1e-6),
                                 changed(t, "dlogits", tokens, 1, 0, 1, 1e-5), row, x, p, y, &t->layout);
    t->be->ops->answer_mask(t->be, changed(t, "masked", tokens, 1, 0, 1, 1e-6), input_index(t, tokens, 2), &t->layout);
}

static void run_sums(trial *t, size_t shape)
{
    const el_tensor x = input(t, 1, SIZES[shape], 3, 1);
    output_number(t, "sum", t->be->ops->sum(t->be, x), 1e-12);
    output_number(t, "sum of squares", t->be->ops->sum_of_squares(t->be, x), 1e-12);
}

static void run_adam(trial *t, size_t shape)
{
    static const el_adam settings[] = {{1e-3, 0.9, 0.999, 1e-6, 0.01, 0.25, 1, 1},
                                       {1e-2, 0.9, 0.98, 1e-8, 0, 1, 0.1, 0.02}};
    const size_t n = SIZES[shape];
    const el_tensor parameter = changed(t, "parameter", 1, n, 0, 1, 1e-6), m = changed(t, "m", 1, n, 0, 1e-3, 1e-6);
    const el_tensor v = changed(t, "v", 1, n, 2e-3, 1e-4, 1e-6), gradient = input(t, 1, n, 0, 0.1);
    t->be->ops->adam(t->be, parameter, m, v, gradient, &settings[shape % 2]);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *name;
    void (*run)(trial *t, size_t shape);
    size_t n_shapes;
} OPERATORS[] = {
    {"zero", run_zero, N_SIZES},
    {"copy", run_copy, N_SIZES},
    {"add", run_add, N_SIZES},
    {"embed_fwd", run_embed_fwd, COUNT(EMBED)},
    {"embed_bwd", run_embed_bwd, COUNT(EMBED)},
    {"norm_fwd", run_norm_fwd, COUNT(NORM)},
    {"norm_fwd in place", run_norm_fwd_in_place, 3},
    {"norm_bwd", run_norm_bwd, COUNT(NORM)},
    {"dropout", run_dropout, COUNT(DROPOUT)},
    {"dropout in place", run_dropout_in_place, COUNT(DROPOUT)},
    {"linear_fwd", run_linear_fwd, 6 * N_LINEAR}, /* 6 and 13 share no divisor: every shape meets every activation */
    {"linear_fwd packed", run_linear_packed, 6 * N_LINEAR},
    {"linear_fwd in parts", run_linear_parts, 6 * N_LINEAR},
    {"linear_bwd_input", run_linear_bwd_input, 6 * N_LINEAR},
    {"linear_bwd_weights", run_linear_bwd_weights, N_LINEAR},
    {"act_fwd", run_act_fwd, 3 * N_ACTIVATIONS},
    {"act_bwd", run_act_bwd, 3 * N_ACTIVATIONS},
    {"act in place", run_act_in_place, N_ACTIVATIONS},
    {"attention_fwd", run_attention_fwd, COUNT(ATTENTION)},
    {"attention_bwd", run_attention_bwd, COUNT(ATTENTION)},
    {"gather_rows", run_gather, COUNT(ROWS)},
    {"scatter_add_rows", run_scatter, COUNT(ROWS)},
    {"masked_lm_fwd", run_masked_lm_fwd, COUNT(HEAD)},
    {"masked_lm_bwd", run_masked_lm_bwd, COUNT(HEAD)},
    {"masked_lm_logits", run_masked_lm_logits, COUNT(HEAD)},
    {"corrupt", run_corrupt, 4},
    {"binary_loss_fwd", run_binary_loss_fwd, N_SIZES},
    {"binary_loss_bwd", run_binary_loss_bwd, N_SIZES},
    {"softmax_loss", run_softmax_loss, COUNT(GROUPS)},
    {"squared_loss", run_squared_loss, N_SIZES},
    {"sequences", run_sequences, COUNT(SEQUENCES)},
    {"sums", run_sums, N_SIZES},
    {"adam", run_adam, N_SIZES},
};

/* ---- comparing
 * ---------------------------------------------------------------------------------------------------------- */

static const el_limits LIMITS = {.tokens = MOST_TOKENS,
                                 .sequences = 8,
                                 .longest = LONGEST,
                                 .width = WIDEST,
                                 .heads = 4,
                                 .head_width = 65,
                                 .slots = MOST_SLOTS,
                                 .vocabulary = MOST_VOCABULARY,
                                 .positions = LONGEST};

typedef struct world {
    uint64_t seed;
    el_pool *pools[MOST_THREADS];                  /* of 1, 2, 3 threads */
    el_backend *levels[MOST_THREADS][TEST_LEVELS]; /* for each pool: double, ref, avx2, avx512 */
    size_t n_levels;
} world;

static trial do_trial(const world *w, el_backend *be, size_t op, size_t shape, size_t offset)
{
    trial t = {.be = be, .offset = offset, .stream = {el_rng_mix(w->seed + 1000 * op + shape), 0}};
    const unsigned long allocations = test_allocations();
    OPERATORS[op].run(&t, shape);
    if (test_allocations() - allocations != t.mine) {
        fail_msg("%s, shape %zu, %s: the operator allocates", OPERATORS[op].name, shape, be->name);
    }
    check_guards(&t, OPERATORS[op].name, shape);
    return t;
}

/* The largest error of an output relative to its largest element, as a share of the tolerance; *at is where. */
static double error_of(const buffer *found, const buffer *expected, size_t *at)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < expected->n; i++) {
        largest = fmax(largest, fabs(get_number(expected, i)));
    }
    for (size_t i = 0; i < expected->n; i++) {
        const double error = fabs(get_number(found, i) - get_number(expected, i));
        const double share = error > 0 ? error / (largest * expected->tolerance) : error; /* keeps not-a-number */
        if (!(share <= worst)) {
            worst = share;
            *at = i;
        }
        if (isnan(worst)) {
            return worst;
        }
    }
    return worst;
}

static size_t differences(const buffer *found, const buffer *expected)
{
    size_t n = 0;
    for (size_t i = 0; i < expected->n; i++) {
        n += ((const uint32_t *)(const void *)found->data)[i] != ((const uint32_t *)(const void *)expected->data)[i];
    }
    return n;
}

/* Returns the worst share of a tolerance. */
static double compare_values(const trial *found, const trial *expected, const char *name, size_t shape)
{
    double worst = 0;
    assert_int_equal(found->n_buffers, expected->n_buffers);
    for (size_t i = 0; i < found->n_buffers; i++) {
        const buffer *f = &found->buffers[i], *e = &expected->buffers[i];
        if (f->kind == OUTPUT) {
            size_t at = 0;
            const double share = error_of(f, e, &at);
            if (!(share <= 1)) {
                fail_msg("%s, shape %zu, %s: %s[%zu, %zu] is %.9g, expected %.9g: %.3g times the tolerance %g", name,
                         shape, found->be->name, f->name, at / f->cols, at % f->cols, get_number(f, at),
                         get_number(e, at), share, e->tolerance);
            }
            worst = fmax(worst, share);
        } else if (f->kind != INPUT) {
            const size_t n = differences(f, e), allowed = f->kind == OUTPUT_DRAWS ? f->n / 20 : 0;
            if (n > allowed) {
                fail_msg("%s, shape %zu, %s: %zu of %zu elements of %s differ", name, shape, found->be->name, n, f->n,
                         f->name);
            }
        }
    }
    return worst;
}

static void compare_bits(const trial *found, const trial *expected, const char *name, size_t shape)
{
    for (size_t i = 0; i < found->n_buffers; i++) {
        const buffer *f = &found->buffers[i], *e = &expected->buffers[i];
        if (memcmp(f->data, e->data, f->n * f->element_size) != 0) {
            fail_msg("%s, shape %zu, %s: %s has other bits with %d threads", name, shape, found->be->name, f->name,
                     el_pool_threads(found->be->pool));
        }
    }
}

/* One shape of one operator on one level. */
static double check_shape(const world *w, size_t level, size_t op, size_t shape)
{
    const char *name = OPERATORS[op].name;
    trial expected = do_trial(w, w->levels[0][0], op, shape, 0), first = do_trial(w, w->levels[0][level], op, shape, 1);
    const double worst = compare_values(&first, &expected, name, shape);
    for (size_t i = 1; i < MOST_THREADS; i++) {
        trial again = do_trial(w, w->levels[i][level], op, shape, i + 1);
        compare_bits(&again, &first, name, shape);
        end_trial(&again);
    }
    end_trial(&first);
    end_trial(&expected);
    return worst;
}

static void test_operators(void **state)
{
    const world *w = *state;
    for (size_t op = 0; op < COUNT(OPERATORS); op++) {
        printf("%-20s", OPERATORS[op].name);
        for (size_t level = 0; level < w->n_levels; level++) {
            double worst = 0;
            for (size_t shape = 0; shape < OPERATORS[op].n_shapes; shape++) {
                worst = fmax(worst, check_shape(w, level, op, shape));
            }
            printf("  %s %4.1f %%", w->levels[0][level]->name, 100 * worst);
        }
        printf("  of the tolerance, %zu shapes\n", OPERATORS[op].n_shapes);
    }
}

/* ---- properties
 * ----------------------------------------------------------------------------------------------------------- */

/* C v = A (B v) for random v, worked out in double: a check that shares no code with any product. */
static void check_product(const world *w, el_backend *be, const size_t *shape)
{
    const size_t rows = shape[0], k = shape[1], n = shape[2];
    trial t = {.be = be, .offset = 1, .stream = {w->seed, rows}};
    const el_tensor x = input(&t, rows, k, 0, 1), weights = input(&t, n, k, 0, spread(k)), v = input(&t, 1, n, 0, 1);
    const el_tensor y = output(&t, "y", rows, n, 1);
    be->ops->linear_fwd(be, y, x, weights, EL_ABSENT, EL_ACT_LINEAR, EL_ABSENT);
    (void)x, (void)weights, (void)v;
    const buffer *bx = &t.buffers[0], *bw = &t.buffers[1], *bv = &t.buffers[2], *by = &t.buffers[3];
    double *through = el_alloc(k, sizeof *through); /* w^T v */
    assert_non_null(through);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < k; i++) {
            through[i] += get_number(bw, j * k + i) * get_number(bv, j);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        double left = 0, right = 0;
        for (size_t j = 0; j < n; j++) {
            left += get_number(by, i * n + j) * get_number(bv, j);
        }
        for (size_t j = 0; j < k; j++) {
            right += get_number(bx, i * k + j) * through[j];
        }
        assert_true(fabs(left - right) < 1e-5 * sqrt((double)n) * fmax(1, fabs(right)));
    }
    el_free(through);
    end_trial(&t);
}

static void test_product(void **state)
{
    static const size_t shapes[][3] = {{600, 800, 700}, {129, 511, 257}, {1, 800, 800}};
    const world *w = *state;
    for (size_t level = 0; level < w->n_levels; level++) {
        for (size_t i = 0; i < COUNT(shapes); i++) {
            check_product(w, w->levels[1][level], shapes[i]);
        }
    }
}

/* A row of a batch has the bits of a batch of one. */
static void test_batch_of_one(void **state)
{
    enum { ROWS_ALL = 77, K = 300, N = 130 };
    const world *w = *state;
    for (size_t level = 0; level < w->n_levels; level++) {
        el_backend *be = w->levels[1][level];
        trial t = {.be = be, .offset = 1, .stream = {w->seed, 1}};
        const el_tensor x = input(&t, ROWS_ALL, K, 0, 1), weights = input(&t, N, K, 0, 1), b = input(&t, 1, N, 0, 1);
        const el_tensor all = output(&t, "all", ROWS_ALL, N, 1), one = output(&t, "one", 1, N, 1);
        be->ops->linear_fwd(be, all, x, weights, b, EL_ACT_GELU, EL_ABSENT);
        for (size_t i = 0; i < ROWS_ALL; i++) {
            be->ops->linear_fwd(be, one, el_tensor_rows(be, x, i, 1), weights, b, EL_ACT_GELU, EL_ABSENT);
            assert_memory_equal(one.data, el_tensor_rows(be, all, i, 1).data, N * be->element_size);
        }
        end_trial(&t);
    }
}

/* ---- the world
 * -------------------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    static world w;
    w.seed = test_seed();
    for (int i = 0; i < MOST_THREADS; i++) {
        assert_int_equal(el_pool_create(&w.pools[i], i + 1, NULL), ELECTRA_OK);
        w.n_levels = test_levels(w.levels[i], w.pools[i]);
        for (size_t level = 0; level < w.n_levels; level++) {
            assert_int_equal(w.levels[i][level]->ops->reserve(w.levels[i][level], &LIMITS, NULL), ELECTRA_OK);
        }
    }
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    for (size_t level = 0; level < w->n_levels; level++) {
        for (size_t i = 0; i < MOST_THREADS; i++) {
            el_backend_free(w->levels[i][level]);
        }
    }
    for (size_t i = 0; i < MOST_THREADS; i++) {
        el_pool_free(w->pools[i]);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_batch_of_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
