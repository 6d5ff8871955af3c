/* Integers: where they lie in a tensor's memory, and how products with them are cut among threads.
 *
 * A matrix (INT8) is one block: panels of weights as kernels.h describes, then for each column its scale and its sum,
 * then for each panel whether its products may be added in 16 bits. A table (INT8_ROWS) is two borrowed pointers.
 *
 * Rows of x become integers a block at a time, in the scratch of the thread that multiplies them by all panels; so few
 * rows that threads would lack blocks become integers first, in memory that all threads then read, each for its panels.
 * Sums are exact, so the cut changes no bit. */
#include <assert.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/int8.h"

enum {
    BLOCK_ROWS = 48,  /* of a block; a multiple of the rows of any tile */
    FEW_ROWS = 48,    /* up to which panels are shared out instead */
    LOGIT_PANELS = 8, /* of a table, ordered at a time */
    LEAST_PANELS = 2  /* of a piece */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t depth_of(size_t cols)
{
    return round_up(cols, EL_INT8_STEP);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

typedef struct matrix {
    int8_t *q;
    float *scale;
    int32_t *sum;
    uint8_t *misfits; /* columns of the panel that do not fit; zero at first, as all of the memory */
    size_t panels, depth;
} matrix;

typedef struct table {
    const int8_t *q;
    const float *scale;
} table;

static matrix matrix_at(void *data, size_t rows, size_t cols)
{
    matrix m = {.q = data, .panels = el_pieces(rows, EL_INT8_COLS), .depth = depth_of(cols)};
    const size_t columns = m.panels * EL_INT8_COLS;
    m.scale = (float *)(void *)(m.q + columns * m.depth);
    m.sum = (int32_t *)(void *)(m.scale + columns);
    m.misfits = (uint8_t *)(m.sum + columns);
    return m;
}

size_t EL_REAL(el_cpu_int8_bytes)(el_format format, size_t rows, size_t cols)
{
    const size_t columns = round_up(rows, EL_INT8_COLS);
    if (cols > EL_INT8_WIDEST) {
        return 0;
    }
    return format == EL_FORMAT_INT8_ROWS ? sizeof(table)
                                         : columns * (depth_of(cols) + sizeof(float) + sizeof(int32_t) + 1);
}

static void pack_column(const matrix *m, size_t column, const int8_t *from, float scale, size_t n)
{
    int8_t *to = m->q + column / EL_INT8_COLS * EL_INT8_COLS * m->depth + column % EL_INT8_COLS * 4;
    int32_t sum = 0;
    size_t k = 0;
    for (; k + 4 <= n; k += 4, to += EL_INT8_COLS * 4) {
        memcpy(to, from + k, 4);
    }
    memcpy(to, from + k, n - k);
    for (size_t i = 0; i < n; i++) {
        sum += from[i];
    }
    m->scale[column] = scale;
    m->sum[column] = sum;
    if (!el_int8_fits(from, n)) {
        m->misfits[column / EL_INT8_COLS]++;
    }
}

void EL_REAL(el_cpu_int8_pack)(el_backend *be, el_tensor w, size_t first, const int8_t *from, const float *scales,
                               size_t rows)
{
    (void)be;
    assert(w.data && first + rows <= w.rows);
    if (w.format == EL_FORMAT_INT8_ROWS) {
        assert(first == 0 && rows == w.rows);
        *(table *)w.data = (table){from, scales};
        return;
    }
    assert(w.format == EL_FORMAT_INT8);
    const matrix m = matrix_at(w.data, w.rows, w.cols);
    for (size_t i = 0; i < rows; i++) {
        pack_column(&m, first + i, from + i * w.cols, scales[i], w.cols);
    }
}

/* ---- rows of activations ----------------------------------------------------------------------------------------- */

/* Integers of up to so many rows: [rows, depth], then a scale and a zero for each. */
typedef struct rows8 {
    uint8_t *q;
    real *scale;
    int32_t *zero;
} rows8;

static size_t rows_bytes(size_t rows, size_t depth)
{
    return round_up(rows * depth, EL_ALIGNMENT) + rows * (sizeof(real) + sizeof(int32_t));
}

static rows8 rows_at(unsigned char *memory, size_t rows, size_t depth)
{
    rows8 r = {.q = memory};
    r.scale = (real *)(void *)(memory + round_up(rows * depth, EL_ALIGNMENT));
    r.zero = (int32_t *)(void *)(r.scale + rows);
    return r;
}

size_t EL_REAL(el_cpu_int8_scratch)(const el_limits *limits)
{
    const size_t depth = depth_of(limits->width);
    const size_t panels = LOGIT_PANELS * EL_INT8_COLS * (depth + sizeof(float) + sizeof(int32_t) + 1);
    return el_max(rows_bytes(BLOCK_ROWS, depth), panels);
}

size_t EL_REAL(el_cpu_int8_shared)(const el_limits *limits)
{
    return rows_bytes(el_max(FEW_ROWS, limits->slots), depth_of(limits->width));
}

typedef struct product {
    const el_cpu *cpu;
    const real *x;
    size_t width; /* of x */
    el_int8_gemm job;
    rows8 shared; /* of few rows */
    size_t block; /* rows of a block */
    const table *table;
} product;

static void quantize_rows(const product *p, rows8 to, size_t first, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        p->cpu->k.int8_quantize(to.q + i * p->job.depth, to.scale + i, to.zero + i, p->x + (first + i) * p->width,
                                p->width, p->job.depth);
    }
}

/* The product of rows first ... of x, which lie in r. */
static el_int8_gemm job_of_rows(const product *p, rows8 r, size_t first, size_t rows)
{
    el_int8_gemm job = p->job;
    job.m = rows;
    job.a = r.q;
    job.a_scale = r.scale;
    job.a_zero = r.zero;
    job.c += first * job.ldc;
    return job;
}

static void do_blocks(void *argument, size_t begin, size_t end, int thread)
{
    const product *p = argument;
    for (size_t first = begin; first < end; first += p->block) {
        const size_t rows = el_min(p->block, end - first);
        const rows8 r = rows_at(el_cpu_scratch(p->cpu, thread), rows, p->job.depth);
        quantize_rows(p, r, first, rows);
        const el_int8_gemm job = job_of_rows(p, r, first, rows);
        p->cpu->k.int8_gemm(&job, 0, el_pieces(job.n, EL_INT8_COLS));
    }
}

static void quantize_shared(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const product *p = argument;
    const rows8 r = {p->shared.q + begin * p->job.depth, p->shared.scale + begin, p->shared.zero + begin};
    quantize_rows(p, r, begin, end - begin);
}

static void do_panels(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const product *p = argument;
    p->cpu->k.int8_gemm(&p->job, begin, end);
}

static void share_rows(el_backend *be, product *p, size_t rows)
{
    p->shared = rows_at(p->cpu->w.int8_rows, rows, p->job.depth);
    el_parallel_for(be->pool, rows, el_rows_grain(p->width), quantize_shared, p);
    p->job = job_of_rows(p, p->shared, 0, rows);
}

void EL_REAL(el_cpu_int8_linear)(el_backend *be, el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act)
{
    const matrix m = matrix_at(w.data, w.rows, w.cols);
    const size_t threads = (size_t)el_pool_threads(be->pool);
    product p = {.cpu = el_cpu_of(be),
                 .x = x.data,
                 .width = x.cols,
                 .job = {.n = w.rows,
                         .depth = m.depth,
                         .b = m.q,
                         .b_scale = m.scale,
                         .b_sum = m.sum,
                         .b_misfits = m.misfits,
                         .c = y.data,
                         .ldc = w.rows,
                         .bias = b.data,
                         .act = act}};
    assert(p.cpu->w.scratch && x.cols <= p.cpu->limits.width);
    if (threads > 1 && x.rows <= FEW_ROWS) {
        share_rows(be, &p, x.rows);
        el_parallel_for(be->pool, m.panels, el_max(LEAST_PANELS, el_pieces(m.panels, 4 * threads)), do_panels, &p);
        return;
    }
    /* blocks of equal rows, as many for each thread */
    const size_t blocks = round_up(el_pieces(x.rows, BLOCK_ROWS), threads);
    p.block = el_max(round_up(el_pieces(x.rows, el_max(blocks, 1)), 4), 4);
    el_parallel_for(be->pool, x.rows, p.block, do_blocks, &p);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

typedef struct lookup {
    const el_kernels *k;
    real *y;
    table word, type, position;
    const uint32_t *ids, *types, *positions;
    size_t n;
} lookup;

static el_int8_row row_of(table t, size_t row, size_t n)
{
    return (el_int8_row){t.q + row * n, t.scale[row]};
}

static void look_up(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const lookup *job = argument;
    const size_t n = job->n;
    for (size_t t = begin; t < end; t++) {
        job->k->int8_add_three(job->y + t * n, row_of(job->word, job->ids[t], n), row_of(job->type, job->types[t], n),
                               row_of(job->position, job->positions[t], n), n);
    }
}

void EL_REAL(el_cpu_int8_embed)(el_backend *be, el_tensor y, el_tensor word, el_tensor type, el_tensor position,
                                const uint32_t *ids, const uint32_t *types, const el_layout *layout)
{
    lookup job = {&el_cpu_of(be)->k,
                  y.data,
                  *(const table *)word.data,
                  *(const table *)type.data,
                  *(const table *)position.data,
                  ids,
                  types,
                  layout->position,
                  y.cols};
    el_parallel_for(be->pool, layout->n_tokens, el_rows_grain(y.cols), look_up, &job);
}

/* Panels of a table are ordered when they are wanted: that costs little beside reading them from memory. */
static void do_logits(void *argument, size_t begin, size_t end, int thread)
{
    const product *p = argument;
    for (size_t first = begin; first < end; first += LOGIT_PANELS) {
        const size_t token = first * EL_INT8_COLS;
        const size_t tokens = el_min(p->job.n - token, el_min(end - first, LOGIT_PANELS) * EL_INT8_COLS);
        const el_tensor piece = {el_cpu_scratch(p->cpu, thread), tokens, p->width, EL_FORMAT_INT8};
        memset(piece.data, 0, EL_REAL(el_cpu_int8_bytes)(EL_FORMAT_INT8, tokens, p->width));
        EL_REAL(el_cpu_int8_pack)(NULL, piece, 0, p->table->q + token * p->width, p->table->scale + token, tokens);
        const matrix m = matrix_at(piece.data, tokens, p->width);
        el_int8_gemm job = p->job;
        job.n = tokens;
        job.b = m.q;
        job.b_scale = m.scale;
        job.b_sum = m.sum;
        job.b_misfits = m.misfits;
        job.c += token;
        job.bias += token;
        p->cpu->k.int8_gemm(&job, 0, m.panels);
    }
}

void EL_REAL(el_cpu_int8_logits)(el_backend *be, el_tensor logits, el_tensor h, el_tensor tokens, el_tensor bias)
{
    assert(tokens.cols == h.cols && el_tensor_is(logits, h.rows, tokens.rows) && el_tensor_is(bias, 1, tokens.rows));
    product p = {.cpu = el_cpu_of(be),
                 .x = h.data,
                 .width = h.cols,
                 .job = {.n = tokens.rows,
                         .depth = depth_of(h.cols),
                         .c = logits.data,
                         .ldc = tokens.rows,
                         .bias = bias.data,
                         .act = EL_ACT_LINEAR},
                 .table = tokens.data};
    assert(p.cpu->w.int8_rows && h.rows <= p.cpu->limits.slots && h.cols <= p.cpu->limits.width);
    share_rows(be, &p, h.rows);
    el_parallel_for(be->pool, el_pieces(tokens.rows, EL_INT8_COLS), LOGIT_PANELS, do_logits, &p);
}
