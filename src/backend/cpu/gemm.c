/* Owns how a matrix product is cut among threads: C in rectangles, each made by one call of the kernel.
 *
 * The kernel packs what it needs of B (and of A, if its rows are not contiguous) anew for each rectangle, so few large
 * ones cost least; a few for each thread even out what else the machine does. An element has the same bits in any
 * rectangle (kernels.h), which is why the cut may depend on the number of threads. */
#include "backend/cpu/cpu.h"

#include <assert.h>

enum {
    PIECES_A_THREAD = 4,
    LEAST_ROWS = 24, /* of a rectangle, and what its rows are a multiple of */
    LEAST_COLS = 64
};

typedef struct product {
    const el_cpu *cpu;
    const el_gemm *job;
    size_t rows, cols; /* of a rectangle */
    size_t row_blocks; /* rectangles below one another */
} product;

static void do_blocks(void *argument, size_t begin, size_t end, int thread)
{
    const product *p = argument;
    for (size_t i = begin; i < end; i++) {
        const size_t row = i % p->row_blocks * p->rows, col = i / p->row_blocks * p->cols;
        p->cpu->k.gemm(p->job, row, el_min(row + p->rows, p->job->m), col, el_min(col + p->cols, p->job->n),
                       el_cpu_scratch(p->cpu, thread));
    }
}

/* What `blocks` equal parts of n come to, as a multiple of `unit`. */
static size_t part(size_t n, size_t blocks, size_t unit)
{
    return el_pieces(el_pieces(n, blocks), unit) * unit;
}

/* The cut into about `pieces` rectangles that packs least: B is packed once for each block of rows, A once for each
 * block of columns, or only read again, which costs a small part of that. */
static void choose_cut(product *p, size_t pieces)
{
    const el_gemm *job = p->job;
    const double cost_of_a = job->a_col_stride == 1 ? 0.15 : 1;
    double best = INFINITY;
    for (size_t down = 1; down <= pieces; down++) {
        const size_t rows = part(job->m, down, LEAST_ROWS);
        const size_t cols = part(job->n, el_pieces(pieces, down), LEAST_COLS);
        const size_t row_blocks = el_pieces(job->m, rows), col_blocks = el_pieces(job->n, cols);
        /* a cut that leaves threads without work is the last choice */
        const double idle = row_blocks * col_blocks < pieces ? (double)pieces / (double)(row_blocks * col_blocks) : 1;
        const double cost = idle * ((double)(row_blocks * job->n) + cost_of_a * (double)(col_blocks * job->m)) +
                            (idle - 1) * (double)(job->m * job->n);
        if (cost < best) {
            best = cost;
            p->rows = rows;
            p->cols = cols;
            p->row_blocks = row_blocks;
        }
    }
}

void EL_REAL(el_cpu_gemm)(el_backend *be, const el_gemm *job)
{
    const el_cpu *cpu = el_cpu_of(be);
    const size_t threads = (size_t)el_pool_threads(be->pool);
    assert(cpu->w.scratch && "reserve comes before the first operator");
    product p = {cpu, job, job->m, job->n, 1};
    if (job->m == 0 || job->n == 0) {
        return;
    }
    if (threads > 1) {
        choose_cut(&p, threads * PIECES_A_THREAD);
    }
    el_parallel_for(be->pool, p.row_blocks * el_pieces(job->n, p.cols), 1, do_blocks, &p);
}
