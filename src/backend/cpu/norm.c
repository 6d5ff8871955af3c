/* Layer norm of a residual sum. Rows are independent but for dgamma and dbeta, whose shares of fixed blocks of rows
 * are added in order. */
#include "backend/cpu/cpu.h"

#include <assert.h>

typedef struct fwd_job {
    const el_kernels *k;
    real *y, *sum, *stats;
    const real *x, *z, *gamma, *beta;
    const el_dropout *dropout; /* NULL: none */
    const el_layout *layout;
    double epsilon;
    size_t n;
} fwd_job;

static void fwd_rows(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const fwd_job *job = argument;
    const size_t n = job->n;
    for (size_t t = begin; t < end; t++) {
        el_row_dropout row = {0};
        if (job->dropout) {
            row = el_dropout_of_row(job->dropout, job->layout, t);
        }
        job->k->norm_fwd(job->y + t * n, job->sum + t * n, job->stats + t * 2, job->x + t * n,
                         job->z ? job->z + t * n : NULL, job->dropout ? &row : NULL, job->gamma, job->beta,
                         job->epsilon, n);
    }
}

void EL_REAL(el_cpu_norm_fwd)(el_backend *be, el_tensor y, el_tensor sum, el_tensor stats, el_tensor x, el_tensor z,
                              const el_dropout *dropout, const el_layout *layout, el_tensor gamma, el_tensor beta,
                              double epsilon)
{
    const size_t rows = x.rows, n = x.cols;
    assert(n > 0 && el_tensor_is(y, rows, n) && el_tensor_is(sum, rows, n) && el_tensor_is(stats, rows, 2));
    assert((!z.data || el_tensor_is(z, rows, n)) && el_tensor_is(gamma, 1, n) && el_tensor_is(beta, 1, n));
    const bool drops = z.data && el_drops(dropout);
    assert(!drops || layout->n_tokens == rows);
    fwd_job job = {&el_cpu_of(be)->k,      y.data, sum.data, stats.data, x.data, z.data, gamma.data, beta.data,
                   drops ? dropout : NULL, layout, epsilon,  n};
    el_parallel_for(be->pool, rows, el_rows_grain(n), fwd_rows, &job);
}

typedef struct bwd_job {
    const el_kernels *k;
    real *dsum, *partials; /* partials: [blocks, 2, n] */
    const real *dy, *sum, *stats, *gamma;
    size_t n;
} bwd_job;

static void bwd_block(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const bwd_job *job = argument;
    const size_t n = job->n;
    real *partial = job->partials + begin / EL_NORM_BLOCK * 2 * n;
    job->k->norm_bwd(job->dsum + begin * n, partial, partial + n, job->dy + begin * n, job->sum + begin * n,
                     job->stats + begin * 2, job->gamma, end - begin, n);
}

void EL_REAL(el_cpu_norm_bwd)(el_backend *be, el_tensor dsum, el_tensor dgamma, el_tensor dbeta, el_tensor dy,
                              el_tensor sum, el_tensor stats, el_tensor gamma)
{
    const el_cpu *cpu = el_cpu_of(be);
    const size_t rows = dy.rows, n = dy.cols, blocks = el_pieces(rows, EL_NORM_BLOCK);
    assert(el_tensor_is(dsum, rows, n) && el_tensor_is(sum, rows, n) && el_tensor_is(stats, rows, 2));
    assert(el_tensor_is(gamma, 1, n) && el_tensor_is(dgamma, 1, n) && el_tensor_is(dbeta, 1, n));
    assert(n <= cpu->limits.width && rows <= el_max(cpu->limits.tokens, cpu->limits.slots));
    real *partials = cpu->w.norm_partials;
    bwd_job job = {&cpu->k, dsum.data, partials, dy.data, sum.data, stats.data, gamma.data, n};
    el_parallel_for(be->pool, rows, EL_NORM_BLOCK, bwd_block, &job);
    EL_REAL(el_cpu_column_sums)(be, dgamma.data, partials, 2 * n, blocks, n);
    EL_REAL(el_cpu_column_sums)(be, dbeta.data, partials + n, 2 * n, blocks, n);
}
