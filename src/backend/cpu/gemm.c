/* Owns how a matrix product is cut among threads: C in rectangles, each made by one call of the kernel. */
#include "backend/cpu/cpu.h"

#include <assert.h>

enum { BLOCK_ROWS = 64, BLOCK_COLS = 256 };

typedef struct product {
    const el_cpu *cpu;
    const el_gemm *job;
    size_t row_blocks;
} product;

/* Blocks are numbered down the columns of C, so that neighbours in time share their part of B. */
static void do_blocks(void *argument, size_t begin, size_t end, int thread)
{
    const product *p = argument;
    for (size_t i = begin; i < end; i++) {
        const size_t row = i % p->row_blocks * BLOCK_ROWS, col = i / p->row_blocks * BLOCK_COLS;
        p->cpu->k.gemm(p->job, row, el_min(row + BLOCK_ROWS, p->job->m), col, el_min(col + BLOCK_COLS, p->job->n),
                       el_cpu_scratch(p->cpu, thread));
    }
}

void EL_REAL(el_cpu_gemm)(el_backend *be, const el_gemm *job)
{
    const el_cpu *cpu = el_cpu_of(be);
    assert(cpu->w.scratch && "reserve comes before the first operator");
    product p = {cpu, job, el_pieces(job->m, BLOCK_ROWS)};
    el_parallel_for(be->pool, p.row_blocks * el_pieces(job->n, BLOCK_COLS), 1, do_blocks, &p);
}
