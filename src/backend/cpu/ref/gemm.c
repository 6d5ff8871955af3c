/* Plain C: the matrix product in tiles that stay in cache.
 *
 * A tile of C is summed in scratch over blocks of k: both operands are packed into panels (A: MR rows side by side, B:
 * NR columns side by side, padded with zeros), and the micro-kernel multiplies two panels with its sums in registers.
 * Each element is summed k by k within a block and block by block, wherever its tile begins. */
#include <string.h>

#include "backend/cpu/ref/ref.h"

enum {
    MR = 4,   /* rows and */
    NR = 8,   /* columns of the micro-kernel: 8 vector registers of 4 floats */
    MB = 64,  /* rows, */
    NB = 128, /* columns and */
    KB = 256  /* depth of what is packed at a time */
};

/* Reals; the two panels, then the tile. */
typedef struct tile_scratch {
    real a[MB * KB];
    real b[NB * KB];
    real tile[MB * NB];
} tile_scratch;

size_t EL_REAL(el_ref_gemm_scratch)(size_t m, size_t n, size_t k)
{
    (void)m, (void)n, (void)k;
    return sizeof(tile_scratch);
}

/* `lines` lines (rows of A, columns of B) of `depth` numbers into panels of `width` lines: panel[k * width + line]. */
static void pack(real *to, const real *from, size_t line_stride, size_t depth_stride, size_t lines, size_t depth,
                 size_t width)
{
    for (size_t first = 0; first < lines; first += width, to += width * depth) {
        const size_t here = lines - first < width ? lines - first : width;
        for (size_t k = 0; k < depth; k++) {
            const real *source = from + first * line_stride + k * depth_stride;
            for (size_t i = 0; i < here; i++) {
                to[k * width + i] = source[i * line_stride];
            }
            for (size_t i = here; i < width; i++) {
                to[k * width + i] = 0;
            }
        }
    }
}

/* tile[MR, NR] += panel of A times panel of B; rows of the tile are NB apart. */
static void micro_kernel(real *restrict tile, const real *restrict a, const real *restrict b, size_t depth)
{
    real sums[MR][NR] = {{0}};
    for (size_t k = 0; k < depth; k++) {
        for (size_t i = 0; i < MR; i++) {
            for (size_t j = 0; j < NR; j++) {
                sums[i][j] += a[k * MR + i] * b[k * NR + j];
            }
        }
    }
    for (size_t i = 0; i < MR; i++) {
        for (size_t j = 0; j < NR; j++) {
            tile[i * NB + j] += sums[i][j];
        }
    }
}

/* b: panels of B, b_panel numbers apart. */
static void multiply_panels(tile_scratch *s, const real *b, size_t b_panel, size_t rows, size_t cols, size_t depth)
{
    for (size_t j = 0; j < cols; j += NR, b += b_panel) {
        for (size_t i = 0; i < rows; i += MR) {
            micro_kernel(s->tile + i * NB + j, s->a + i * depth, b, depth);
        }
    }
}

/* One row of a finished tile on its way into C; `v` is overwritten. */
static void finish_row(const el_gemm *job, real *v, size_t row, size_t col, size_t n)
{
    real *pre = job->pre ? job->pre + row * job->ldpre + col : NULL;
    if (job->epilogue == EL_GEMM_BACKWARD) {
        if (pre) {
            EL_REAL(el_ref_act_bwd)(v, v, pre, n, job->act);
        }
    } else {
        if (job->bias) {
            EL_REAL(el_ref_add)(v, job->bias + col, n);
        }
        if (pre) {
            memcpy(pre, v, n * sizeof *v);
        }
        EL_REAL(el_ref_act_fwd)(v, v, n, job->act);
    }
    real *c = job->c + row * job->ldc + col;
    if (job->accumulate) {
        EL_REAL(el_ref_add)(c, v, n);
    } else {
        memcpy(c, v, n * sizeof *v);
    }
}

static void do_tile(const el_gemm *job, size_t row, size_t rows, size_t col, size_t cols, tile_scratch *s)
{
    memset(s->tile, 0, sizeof s->tile);
    for (size_t k = 0; k < job->k; k += KB) {
        const size_t depth = job->k - k < KB ? job->k - k : KB;
        pack(s->a, job->a + row * job->a_row_stride + k * job->a_col_stride, job->a_row_stride, job->a_col_stride, rows,
             depth, MR);
        if (job->b_packed) {
            multiply_panels(s, job->b_packed + col * job->k + k * NR, job->k * NR, rows, cols, depth);
            continue;
        }
        pack(s->b, job->b + k * job->b_row_stride + col * job->b_col_stride, job->b_col_stride, job->b_row_stride, cols,
             depth, NR);
        multiply_panels(s, s->b, depth * NR, rows, cols, depth);
    }
    for (size_t i = 0; i < rows; i++) {
        finish_row(job, s->tile + i * NB, row + i, col, cols);
    }
}

void EL_REAL(el_ref_gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end,
                          void *scratch)
{
    for (size_t row = row_begin; row < row_end; row += MB) {
        const size_t rows = row_end - row < MB ? row_end - row : MB;
        for (size_t col = col_begin; col < col_end; col += NB) {
            do_tile(job, row, rows, col, col_end - col < NB ? col_end - col : NB, scratch);
        }
    }
}

/* Panels of NR rows of w, each over the whole depth: to[panel][k][NR]. */
size_t EL_REAL(el_ref_packed_size)(size_t n, size_t k)
{
    return (n + NR - 1) / NR * NR * k;
}

void EL_REAL(el_ref_pack_weights)(real *to, size_t first, const float *from, size_t rows, size_t k)
{
    for (size_t i = 0; i < rows; i++) {
        const size_t row = first + i;
        real *panel = to + row / NR * NR * k + row % NR;
        for (size_t j = 0; j < k; j++) {
            panel[j * NR] = (real)from[i * k + j];
        }
    }
}
