/* Work on whole sequences: a row of each at all of its tokens, averages of its rows, places of answers. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

/* One job struct for all: which members a task uses is plain from its one call. */
typedef struct sequence_job {
    const el_kernels *k;
    const el_layout *layout;
    real *y, *y2;
    const real *x, *x2, *x3, *x4;
    const uint32_t *types;
    size_t n; /* columns */
} sequence_job;

static size_t length_of(const sequence_job *job, size_t s)
{
    return job->layout->starts[s + 1] - job->layout->starts[s];
}

static void run(el_backend *be, size_t pieces, el_task_fn *task, sequence_job job)
{
    job.k = &el_cpu_of(be)->k;
    el_parallel_for(be->pool, pieces, 1, task, &job);
}

/* ---- a row at all tokens ----------------------------------------------------------------------------------------- */

static void spread_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const sequence_job *job = argument;
    for (size_t s = begin; s < end; s++) {
        for (size_t t = job->layout->starts[s]; t < job->layout->starts[s + 1]; t++) {
            job->k->add(job->y + t * job->n, job->x + s * job->n, job->n);
        }
    }
}

void EL_REAL(el_cpu_spread_add)(el_backend *be, el_tensor y, el_tensor x, const el_layout *layout)
{
    assert(y.rows == layout->n_tokens && x.rows == layout->n_sequences && y.cols == x.cols);
    run(be, x.rows, spread_piece, (sequence_job){.layout = layout, .y = y.data, .x = x.data, .n = x.cols});
}

/* A piece is a block of columns of one sequence. */
static void gather_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const sequence_job *job = argument;
    const size_t blocks = el_pieces(job->n, EL_COLUMN_BLOCK);
    for (size_t i = begin; i < end; i++) {
        const size_t s = i / blocks, column = i % blocks * EL_COLUMN_BLOCK;
        const size_t n = el_min(EL_COLUMN_BLOCK, job->n - column);
        real *sums = job->y + s * job->n + column;
        memset(sums, 0, n * sizeof *sums);
        job->k->column_sums(sums, job->x + job->layout->starts[s] * job->n + column, job->n, length_of(job, s), n);
    }
}

void EL_REAL(el_cpu_spread_bwd)(el_backend *be, el_tensor dx, el_tensor dy, const el_layout *layout)
{
    assert(dy.rows == layout->n_tokens && dx.rows == layout->n_sequences && dx.cols == dy.cols);
    run(be, dx.rows * el_pieces(dx.cols, EL_COLUMN_BLOCK), gather_piece,
        (sequence_job){.layout = layout, .y = dx.data, .x = dy.data, .n = dx.cols});
}

/* ---- averages ---------------------------------------------------------------------------------------------------- */

static void pool_fwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const sequence_job *job = argument;
    for (size_t s = begin; s < end; s++) {
        const size_t first = job->layout->starts[s];
        job->k->pool_fwd(job->y + s * job->n, job->y2 + first, job->x2 + first, job->x + first * job->n,
                         length_of(job, s), job->n);
    }
}

void EL_REAL(el_cpu_softmax_pool_fwd)(el_backend *be, el_tensor y, el_tensor p, el_tensor x, el_tensor logits,
                                      const el_layout *layout)
{
    const size_t tokens = layout->n_tokens;
    assert(x.rows == tokens && el_tensor_is(y, layout->n_sequences, x.cols) && el_tensor_is(p, tokens, 1) &&
           el_tensor_is(logits, tokens, 1));
    run(be, y.rows, pool_fwd_piece,
        (sequence_job){.layout = layout, .y = y.data, .y2 = p.data, .x = x.data, .x2 = logits.data, .n = x.cols});
}

static void pool_bwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const sequence_job *job = argument;
    for (size_t s = begin; s < end; s++) {
        const size_t first = job->layout->starts[s];
        job->k->pool_bwd(job->y + first * job->n, job->y2 + first, job->x + s * job->n, job->x2 + first * job->n,
                         job->x3 + first, job->x4 + s * job->n, length_of(job, s), job->n);
    }
}

void EL_REAL(el_cpu_softmax_pool_bwd)(el_backend *be, el_tensor dx, el_tensor dlogits, el_tensor dy, el_tensor x,
                                      el_tensor p, el_tensor y, const el_layout *layout)
{
    const size_t tokens = layout->n_tokens, sequences = layout->n_sequences;
    assert(el_tensor_is(dx, tokens, x.cols) && el_tensor_is(dlogits, tokens, 1) && el_tensor_is(p, tokens, 1) &&
           el_tensor_is(dy, sequences, x.cols) && el_tensor_is(y, sequences, x.cols));
    run(be, sequences, pool_bwd_piece,
        (sequence_job){.layout = layout,
                       .y = dx.data,
                       .y2 = dlogits.data,
                       .x = dy.data,
                       .x2 = x.data,
                       .x3 = p.data,
                       .x4 = y.data,
                       .n = x.cols});
}

/* ---- places of answers ------------------------------------------------------------------------------------------- */

static void mask_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const sequence_job *job = argument;
    for (size_t t = begin; t < end; t++) {
        const bool allowed = job->types[t] == 1 || job->layout->position[t] == 0;
        job->y[t] -= allowed ? 0 : 1000;
    }
}

void EL_REAL(el_cpu_answer_mask)(el_backend *be, el_tensor logits, const uint32_t *types, const el_layout *layout)
{
    assert(el_tensor_is(logits, layout->n_tokens, 1));
    sequence_job job = {.layout = layout, .y = logits.data, .types = types};
    el_parallel_for(be->pool, logits.rows, EL_PIECE_ELEMENTS, mask_piece, &job);
}
