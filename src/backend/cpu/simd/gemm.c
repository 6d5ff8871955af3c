/* The matrix product: a micro-kernel that keeps MR x NR sums in registers, fed from panels that stay in cache.
 *
 * Loops, from the outside: columns in blocks of at most NB; k in blocks whose panels of B fit the budget; rows in
 * blocks of MB (their part of A and C stays in the second-level cache); k in steps of KC (a panel of B, KC x NR, stays
 * in the first-level cache); panels; tiles. B is always packed, in panels of NR columns with zeros beyond the last. A
 * is read where it stands if its rows are contiguous, because the micro-kernel takes single numbers from it; else MB x
 * KC of it are packed.
 *
 * Each element of C is the sum over k in steps of KC, each step summed in order by fused multiply-adds and then added
 * to C: the same bits in whichever tile it lies. */
#include <assert.h>
#include <string.h>

#include "backend/cpu/simd/activation.h"
#include "backend/cpu/simd/kernels.h"

enum {
    MR = LANES == 8 ? 6 : 12, /* 12 or 24 sums of 16 or 32 registers */
    NR = 2 * LANES,
    KC = 256,
    MB = 120, /* a multiple of MR */
    NB = 1024,
    NB_BUFFERED = 256,    /* columns when results need a buffer before they may go to C */
    B_BUDGET = 1024 * KC, /* floats of packed B: 1 MiB */
    AHEAD = 24,           /* rows that packing asks for before it comes to them */
    A_AHEAD_MOST = 512,   /* floats between rows of A that are asked for a tile ahead: farther apart they fall into the same
                             few sets of the cache, and push out what is in use */
    B_AHEAD_MOST = 48,    /* rows for which a panel of packed weights, which may come from far, is asked for a panel ahead:
                             more of them keep the machine busy for long enough without */
    LINE = 16,            /* floats of a cache line */
    PANEL_GAP = 16,       /* floats: a cache line, so that panels do not begin in the same set */
    A_PACKED = MB / MR * (KC * MR + PANEL_GAP)
};

typedef struct block {
    const float *a; /* A(i,k) at a[i * a_row + k * a_step] */
    size_t a_row, a_step;
    const float *b; /* panels [cols / NR][depth][NR] */
    float *c;       /* rows ldc apart */
    size_t ldc;
    size_t rows, cols, depth;
    bool add; /* to C, else C is written */
    size_t ldpre;
    const float *bias;   /* added to what goes to C, or NULL */
    const float *b_next; /* what the first tile of a panel asks for on its way: the next one; or NULL */
} block;

/* ---- micro-kernel ------------------------------------------------------------------------------------------------ */

/* Lines that will be wanted when the tile is done. They lie far apart, which no prefetcher of the machine's own
 * foresees. */
SIMD_INLINE void prefetch_rows(size_t rows, const float *c, size_t ldc, const float *pre, size_t ldpre)
{
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        v_prefetch(c + i * ldc);
        if (pre) {
            v_prefetch(pre + i * ldpre);
        }
    }
}

/* a_next, b_next: lines that will be wanted soon, laid out as a and b; or NULL. */
SIMD_INLINE void tile(size_t rows, size_t depth, const float *a, size_t a_row, size_t a_step, const float *b, float *c,
                      size_t ldc, size_t cols, bool add, const float *bias, const float *a_next, const float *b_next)
{
    vec sum[MR][2];
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = v_zero();
        sum[i][1] = v_zero();
    }
    for (size_t first = 0; first < depth; first += LINE) {
        const size_t end = depth - first < LINE ? depth : first + LINE;
        if (a_next) {
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                v_prefetch(a_next + i * a_row + first);
            }
        }
        if (b_next) {
            UNROLL
            for (size_t i = 0; i < NR; i++) { /* LINE rows of NR floats are NR lines */
                v_prefetch(b_next + first * NR + i * LINE);
            }
        }
        UNROLL_BY_4
        for (size_t k = first; k < end; k++) {
            const vec b0 = v_load(b), b1 = v_load(b + LANES);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                const vec x = v_set1(a[i * a_row]);
                sum[i][0] = v_fma(x, b0, sum[i][0]);
                sum[i][1] = v_fma(x, b1, sum[i][1]);
            }
            a += a_step;
            b += NR;
        }
    }
    if (cols == NR) {
        if (add) {
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                sum[i][0] = v_add(v_load(c + i * ldc), sum[i][0]);
                sum[i][1] = v_add(v_load(c + i * ldc + LANES), sum[i][1]);
            }
        }
        if (bias) {
            const vec bias0 = v_load(bias), bias1 = v_load(bias + LANES);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                sum[i][0] = v_add(sum[i][0], bias0);
                sum[i][1] = v_add(sum[i][1], bias1);
            }
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            float *to = c + i * ldc;
            v_store(to, sum[i][0]);
            v_store(to + LANES, sum[i][1]);
        }
        return;
    }
    const size_t n0 = cols < LANES ? cols : LANES, n1 = cols - n0;
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        float *to = c + i * ldc;
        if (add) {
            sum[i][0] = v_add(v_load_first(to, n0), sum[i][0]);
            sum[i][1] = v_add(v_load_first(to + LANES, n1), sum[i][1]);
        }
        if (bias) {
            sum[i][0] = v_add(sum[i][0], v_load_first(bias, n0));
            sum[i][1] = v_add(sum[i][1], v_load_first(bias + LANES, n1));
        }
        v_store_first(to, n0, sum[i][0]);
        v_store_first(to + LANES, n1, sum[i][1]);
    }
}

/* The last rows, in tiles of 8, 4, 2 and 1. */
#define LAST_ROWS(n)                                                                                                   \
    if (left & n) {                                                                                                    \
        tile(n, t->depth, a, a_row, a_step, b, c, t->ldc, cols, t->add, t->bias, NULL,                                 \
             a == t->a ? t->b_next : NULL);                                                                            \
        a += n * a_row;                                                                                                \
        c += n * t->ldc;                                                                                               \
    }

SIMD_INLINE void panel_of_tiles(const block *t, size_t a_row, size_t a_step, const float *b, float *c, const float *pre,
                                size_t cols)
{
    const float *a = t->a;
    size_t i = 0;
    for (; i + MR <= t->rows; i += MR) {
        prefetch_rows(MR, c, t->ldc, pre ? pre + i * t->ldpre : NULL, t->ldpre);
        const float *a_next = a_step == 1 && a_row <= A_AHEAD_MOST ? a + MR * a_row : NULL;
        tile(MR, t->depth, a, a_row, a_step, b, c, t->ldc, cols, t->add, t->bias, a_next, i == 0 ? t->b_next : NULL);
        a += a_step == 1 ? MR * a_row : MR * t->depth + PANEL_GAP;
        c += MR * t->ldc;
    }
    const size_t left = t->rows - i;
#if SIMD_LANES > 8
    LAST_ROWS(8)
#endif
    LAST_ROWS(4)
    LAST_ROWS(2)
    LAST_ROWS(1)
}

static void panel_of_direct_rows(const block *t, const float *b, float *c, const float *pre, size_t cols)
{
    panel_of_tiles(t, t->a_row, 1, b, c, pre, cols);
}

static void panel_of_packed_rows(const block *t, const float *b, float *c, const float *pre, size_t cols)
{
    panel_of_tiles(t, 1, MR, b, c, pre, cols);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

/* cols <= NR columns of B, depth numbers of each, as a panel: to[k * NR + j], zeros beyond the last column. */
static void pack_b_rows(float *to, const float *b, size_t row_stride, size_t cols, size_t depth)
{
    if (cols == NR) {
        for (size_t k = 0; k < depth; k++, to += NR, b += row_stride) {
            v_prefetch(b + AHEAD * row_stride);
            v_store(to, v_load(b));
            v_store(to + LANES, v_load(b + LANES));
        }
        return;
    }
    const size_t n0 = cols < LANES ? cols : LANES, n1 = cols - n0;
    for (size_t k = 0; k < depth; k++, to += NR, b += row_stride) {
        v_store(to, v_load_first(b, n0));
        v_store(to + LANES, v_load_first(b + LANES, n1));
    }
}

static void pack_b_any(float *to, const float *b, size_t row_stride, size_t col_stride, size_t cols, size_t depth)
{
    for (size_t k = 0; k < depth; k++, to += NR) {
        for (size_t j = 0; j < cols; j++) {
            to[j] = b[k * row_stride + j * col_stride];
        }
        memset(to + cols, 0, (NR - cols) * sizeof *to);
    }
}

/* The same where the numbers of a column stand side by side: squares of LANES x LANES are transposed. */
static void pack_b_columns(float *to, const float *b, size_t col_stride, size_t cols, size_t depth)
{
    if (cols < NR) {
        pack_b_any(to, b, 1, col_stride, cols, depth);
        return;
    }
    size_t k = 0;
    for (; k + LANES <= depth; k += LANES) {
        for (size_t half = 0; half < 2; half++) {
            vec square[LANES];
            const float *from = b + half * LANES * col_stride + k;
            UNROLL
            for (size_t i = 0; i < LANES; i++) {
                square[i] = v_load(from + i * col_stride);
            }
            v_transpose(square);
            UNROLL
            for (size_t i = 0; i < LANES; i++) {
                v_store(to + (k + i) * NR + half * LANES, square[i]);
            }
        }
    }
    pack_b_any(to + k * NR, b + k, 1, col_stride, cols, depth - k);
}

/* Columns [col, col + cols) and depth numbers from k on, in steps of KC; each step is [panels][its depth][NR]. */
static void pack_b(float *to, const el_gemm *job, size_t col, size_t cols, size_t k, size_t depth)
{
    for (size_t step = 0; step < depth; step += KC) {
        const size_t here = depth - step < KC ? depth - step : KC;
        for (size_t j = 0; j < cols; j += NR, to += here * NR) {
            const size_t n = cols - j < NR ? cols - j : NR;
            const float *from = job->b + (k + step) * job->b_row_stride + (col + j) * job->b_col_stride;
            if (job->b_col_stride == 1) {
                pack_b_rows(to, from, job->b_row_stride, n, here);
            } else if (job->b_row_stride == 1) {
                pack_b_columns(to, from, job->b_col_stride, n, here);
            } else {
                pack_b_any(to, from, job->b_row_stride, job->b_col_stride, n, here);
            }
        }
    }
}

/* Weights packed once: panels over the whole depth, to[panel][k][NR]. Whole panels that begin where a panel does are
 * transposed in squares, the rest goes number by number. */
size_t EL_SIMD(el_packed_size)(size_t n, size_t k)
{
    return (n + NR - 1) / NR * NR * k;
}

void EL_SIMD(el_pack_weights)(float *to, size_t first, const float *from, size_t rows, size_t k)
{
    for (size_t i = 0; i < rows;) {
        const size_t row = first + i, lane = row % NR;
        float *panel = to + (row - lane) * k;
        if (lane == 0 && rows - i >= NR) {
            pack_b_columns(panel, from + i * k, k, NR, k);
            i += NR;
            continue;
        }
        for (size_t j = 0; j < k; j++) {
            panel[j * NR + lane] = from[i * k + j];
        }
        i++;
    }
}

/* A block of A as panels of MR rows: to[k * MR + i], panels PANEL_GAP floats further apart than they are long. Where
 * rows of A are columns in memory, a line of it is taken to all panels at once: taken panel by panel, lines a power of
 * two apart would push each other out of the cache before their next piece is wanted. Writes LANES - MR floats beyond
 * each panel. */
static void pack_a(float *to, const float *a, size_t row_stride, size_t col_stride, size_t rows, size_t depth)
{
    const size_t panel = depth * MR + PANEL_GAP;
    for (size_t k = 0; k < depth; k++) {
        const float *from = a + k * col_stride;
        float *at = to + k * MR;
        if (row_stride != 1) {
            for (size_t i = 0; i < rows; i++) {
                at[i / MR * panel + i % MR] = from[i * row_stride];
            }
            continue;
        }
        for (size_t i = 0; i < rows; i += 16) {
            v_prefetch(from + AHEAD * col_stride + i);
        }
        size_t first = 0;
        for (; first + LANES <= rows; first += MR, at += panel) {
            v_store(at, v_load(from + first));
        }
        for (; first < rows; first += MR, at += panel) {
            v_store(at, v_load_first(from + first, smaller(rows - first, LANES)));
        }
    }
}

/* ---- on the way into C ------------------------------------------------------------------------------------------- */

/* A panel of results, rows ldv apart, and where it belongs in C. */
typedef struct panel {
    const float *v;
    size_t ldv;
    size_t row, col, rows, cols;
} panel;

SIMD_INLINE vec finish_vector(const el_gemm *job, vec v, size_t row, size_t col, size_t n, el_activation act)
{
    float *pre = job->pre ? job->pre + row * job->ldpre + col : NULL;
    if (job->epilogue == EL_GEMM_BACKWARD) {
        return pre ? v_mul(v, v_activation_slope(v_load_upto(pre, 0, n), act)) : v;
    }
    if (job->bias) {
        v = v_add(v, v_load_upto(job->bias + col, 0, n));
    }
    if (pre) {
        v_store_upto(pre, 0, n, v);
    }
    return v_activation(v, act);
}

/* The same for whole tiles on their way forward. */
SIMD_INLINE void finish_whole(const el_gemm *job, float *c, size_t row, size_t col, size_t rows, el_activation act)
{
    vec bias[2] = {v_zero(), v_zero()};
    if (job->bias) {
        bias[0] = v_load(job->bias + col);
        bias[1] = v_load(job->bias + col + LANES);
    }
    for (size_t i = 0; i < rows; i += 2, c += 2 * job->ldc) {
        float *second = i + 1 < rows ? c + job->ldc : c; /* of an odd number of rows the last one is done twice */
        vec v[4] = {v_load(c), v_load(c + LANES), v_load(second), v_load(second + LANES)};
        if (job->bias) {
            UNROLL
            for (size_t j = 0; j < 4; j++) {
                v[j] = v_add(v[j], bias[j % 2]);
            }
        }
        if (job->pre) {
            float *pre = job->pre + (row + i) * job->ldpre + col;
            float *second_pre = i + 1 < rows ? pre + job->ldpre : pre;
            v_store(pre, v[0]);
            v_store(pre + LANES, v[1]);
            v_store(second_pre, v[2]);
            v_store(second_pre + LANES, v[3]);
        }
        v_activation_of_4(v, act);
        v_store(c, v[0]);
        v_store(c + LANES, v[1]);
        v_store(second, v[2]);
        v_store(second + LANES, v[3]);
    }
}

#define FINISH_WHOLE(act) finish_whole(job, c, p->row, p->col, p->rows, act);

#define FINISH(act)                                                                                                    \
    for (size_t i = 0; i < p->rows; i++) {                                                                             \
        float *to = job->c + (p->row + i) * job->ldc + p->col;                                                         \
        for (size_t j = 0; j < p->cols; j += LANES) {                                                                  \
            const size_t n = p->cols - j;                                                                              \
            vec v = v_load_upto(p->v + i * p->ldv + j, 0, n);                                                          \
            v = finish_vector(job, v, p->row + i, p->col + j, n, act);                                                 \
            if (job->accumulate) {                                                                                     \
                v = v_add(v_load_upto(to + j, 0, n), v);                                                                \
            }                                                                                                          \
            v_store_upto(to + j, 0, n, v);                                                                              \
        }                                                                                                              \
    }

static void finish(const el_gemm *job, const panel *p)
{
    float *c = job->c + p->row * job->ldc + p->col;
    if (job->epilogue == EL_GEMM_FORWARD && p->cols == NR && p->v == c && !job->accumulate) {
        FOR_ACTIVATION(job->act, FINISH_WHOLE)
        return;
    }
    FOR_ACTIVATION(job->act, FINISH)
}

/* ---- loops ------------------------------------------------------------------------------------------------------- */

typedef struct plan {
    const el_gemm *job;
    float *packed_b; /* as pack_b leaves it */
    float *packed_a; /* MB x KC as pack_a leaves it */
    float *buffer;   /* MB x NB_BUFFERED, for results that C cannot hold yet */
    bool direct_a, buffered, finishes;
    bool only_bias; /* all that finishing does is to add the bias to what is in registers */
    size_t nb; /* columns and */
    size_t kb; /* depth of what is packed of B at a time */
} plan;

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Depth of packed B for blocks of nb columns: whole steps, at least one, within the budget. */
static size_t depth_of_blocks(size_t nb)
{
    const size_t steps = B_BUDGET / (nb * KC);
    return (steps ? steps : 1) * KC;
}

size_t EL_SIMD(el_gemm_scratch)(size_t m, size_t n, size_t k)
{
    (void)m;
    const size_t b = smaller(B_BUDGET, round_up(n, NR) * k);
    return (b + A_PACKED + MB * NB_BUFFERED) * sizeof(float);
}

static plan make_plan(const el_gemm *job, size_t cols, float *scratch)
{
    plan p = {.job = job, .packed_a = scratch};
    p.buffer = p.packed_a + A_PACKED;
    p.packed_b = p.buffer + MB * NB_BUFFERED;
    p.direct_a = job->a_col_stride == 1;
    p.finishes = job->pre || job->bias || (job->epilogue == EL_GEMM_FORWARD && job->act != EL_ACT_LINEAR);
    p.only_bias = job->bias && job->epilogue == EL_GEMM_FORWARD && job->act == EL_ACT_LINEAR && !job->accumulate;
    p.buffered = p.finishes && (job->accumulate || job->pre == job->c);
    p.nb = smaller(round_up(cols, NR), p.buffered ? NB_BUFFERED : NB);
    p.kb = depth_of_blocks(p.nb);
    return p;
}

static void do_panel(const plan *p, const block *t, const float *b, float *c, const float *pre, size_t cols)
{
    if (p->direct_a) {
        panel_of_direct_rows(t, b, c, pre, cols);
    } else {
        panel_of_packed_rows(t, b, c, pre, cols);
    }
}

/* The same, each tile finished while it is in the nearest cache: rows of C are often a power of two apart, and then
 * even a panel's few lines push each other out. */
static void finish_panel(const plan *p, const block *t, const float *b, float *c, size_t row, size_t col, size_t cols)
{
    const el_gemm *job = p->job;
    const size_t a_tile = p->direct_a ? MR * t->a_row : MR * t->depth + PANEL_GAP;
    block one = *t;
    for (size_t i = 0; i < t->rows; i += MR, one.a += a_tile, c += MR * t->ldc) {
        one.rows = smaller(t->rows - i, MR);
        one.b_next = i == 0 ? t->b_next : NULL;
        do_panel(p, &one, b, c, job->pre ? job->pre + (row + i) * job->ldpre + col : NULL, cols);
        finish(job, &(panel){c, t->ldc, row + i, col, one.rows, cols});
    }
}

/* Rows [row, row + rows), all of one block of columns, one step of k. `b`: the step's panels, b_panel floats apart. */
static void do_step(const plan *p, size_t row, size_t rows, size_t col, size_t cols, size_t k, size_t depth,
                    const float *b, size_t b_panel)
{
    const el_gemm *job = p->job;
    const float *a = job->a + row * job->a_row_stride + k * job->a_col_stride;
    if (!p->direct_a) {
        pack_a(p->packed_a, a, job->a_row_stride, job->a_col_stride, rows, depth);
        a = p->packed_a;
    }
    float *c = p->buffered ? p->buffer : job->c + row * job->ldc + col;
    block t = {.a = a,
                     .a_row = job->a_row_stride,
                     .ldc = p->buffered ? NB_BUFFERED : job->ldc,
                     .rows = rows,
                     .depth = depth,
                     .ldpre = job->ldpre,
                     .add = k > 0 || (job->accumulate && !p->buffered)};
    const bool last = k + depth >= job->k;
    for (size_t j = 0; j < cols; j += NR, b += b_panel) {
        const size_t n = smaller(cols - j, NR);
        t.b_next = job->b_packed && rows <= B_AHEAD_MOST && cols - j > NR ? b + b_panel : NULL;
        if (last && p->only_bias) {
            t.bias = job->bias + col + j;
            do_panel(p, &t, b, c + j, NULL, n);
        } else if (last && p->finishes) {
            finish_panel(p, &t, b, c + j, row, col + j, n);
        } else {
            do_panel(p, &t, b, c + j, NULL, n);
        }
    }
}

static void do_columns(const plan *p, size_t row_begin, size_t row_end, size_t col, size_t cols)
{
    const size_t panels = round_up(cols, NR);
    const float *packed = p->job->b_packed ? p->job->b_packed + col * p->job->k : NULL;
    size_t k = 0;
    do { /* once for k = 0, where C is still to be written */
        const size_t kb = smaller(p->job->k - k, p->kb);
        if (!packed) {
            pack_b(p->packed_b, p->job, col, cols, k, kb);
        }
        for (size_t row = row_begin; row < row_end; row += MB) {
            size_t step = 0;
            do {
                const size_t depth = smaller(kb - step, KC);
                const float *b = packed ? packed + (k + step) * NR : p->packed_b + step * panels;
                do_step(p, row, smaller(row_end - row, MB), col, cols, k + step, depth, b,
                        packed ? p->job->k * NR : depth * NR);
                step += KC;
            } while (step < kb);
        }
        k += p->kb;
    } while (k < p->job->k);
}

void EL_SIMD(el_gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end,
                      void *scratch)
{
    assert(!(job->epilogue == EL_GEMM_FORWARD && job->act == EL_ACT_LINEAR && job->pre));
    assert(!job->b_packed || col_begin % NR == 0);
    if (row_begin >= row_end || col_begin >= col_end) {
        return;
    }
    const plan p = make_plan(job, col_end - col_begin, scratch);
    const size_t mb = p.buffered ? MB : row_end - row_begin; /* the buffer holds one block until its k is at its end */
    for (size_t col = col_begin; col < col_end; col += p.nb) {
        for (size_t row = row_begin; row < row_end; row += mb) {
            do_columns(&p, row, smaller(row_end, row + mb), col, smaller(col_end - col, p.nb));
        }
    }
}
