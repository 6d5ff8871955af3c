/* Losses of task heads: softmax cross-entropy within groups of rows, squares. */
#include <assert.h>

#include "backend/cpu/cpu.h"

/* ---- softmax ----------------------------------------------------------------------------------------------------- */

typedef struct softmax_job {
    const el_kernels *k;
    real *out; /* loss or dlogits */
    const real *logits;
    const uint32_t *starts, *targets;
    size_t group_rows; /* without starts */
    size_t cols;
    real scale;
} softmax_job;

static size_t rows_of(const softmax_job *job, size_t g, size_t *first)
{
    *first = job->starts ? job->starts[g] : g * job->group_rows;
    return job->starts ? job->starts[g + 1] - job->starts[g] : job->group_rows;
}

static void fwd_groups(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const softmax_job *job = argument;
    for (size_t g = begin; g < end; g++) {
        size_t first;
        const size_t n = rows_of(job, g, &first);
        for (size_t c = 0; c < job->cols; c++) {
            const uint32_t target = job->targets[g * job->cols + c];
            const bool counts = target != EL_NO_TARGET;
            assert(!counts || target < n);
            const real *x = job->logits + first * job->cols + c;
            job->out[g * job->cols + c] = counts ? job->k->softmax_loss_fwd(x, n, job->cols, target) : 0;
        }
    }
}

static void bwd_groups(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const softmax_job *job = argument;
    for (size_t g = begin; g < end; g++) {
        size_t first;
        const size_t n = rows_of(job, g, &first);
        for (size_t c = 0; c < job->cols; c++) {
            const uint32_t target = job->targets[g * job->cols + c];
            const size_t at = first * job->cols + c;
            if (target == EL_NO_TARGET) {
                for (size_t i = 0; i < n; i++) {
                    job->out[at + i * job->cols] = 0;
                }
            } else {
                assert(target < n);
                job->k->softmax_loss_bwd(job->out + at, job->logits + at, n, job->cols, target, job->scale);
            }
        }
    }
}

static void run(el_backend *be, el_task_fn *task, softmax_job job, size_t rows, size_t groups)
{
    assert(groups > 0 && (job.starts ? job.starts[groups] == rows : rows % groups == 0));
    job.k = &el_cpu_of(be)->k;
    job.group_rows = rows / groups;
    el_parallel_for(be->pool, groups, el_rows_grain(job.group_rows * job.cols), task, &job);
}

void EL_REAL(el_cpu_softmax_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *starts,
                                      const uint32_t *targets)
{
    assert(loss.cols == logits.cols);
    run(be, fwd_groups,
        (softmax_job){
            .out = loss.data, .logits = logits.data, .starts = starts, .targets = targets, .cols = logits.cols},
        logits.rows, loss.rows);
}

void EL_REAL(el_cpu_softmax_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *starts,
                                      const uint32_t *targets, size_t groups, double scale)
{
    assert(el_tensor_is(dlogits, logits.rows, logits.cols));
    run(be, bwd_groups,
        (softmax_job){.out = dlogits.data,
                      .logits = logits.data,
                      .starts = starts,
                      .targets = targets,
                      .cols = logits.cols,
                      .scale = (real)scale},
        logits.rows, groups);
}

/* ---- squares ----------------------------------------------------------------------------------------------------- */

typedef struct square_job {
    const el_kernels *k;
    real *out;
    const real *x, *target;
    real scale;
} square_job;

static void square_fwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const square_job *job = argument;
    job->k->squared_loss_fwd(job->out + begin, job->x + begin, job->target + begin, end - begin);
}

static void square_bwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const square_job *job = argument;
    job->k->squared_loss_bwd(job->out + begin, job->x + begin, job->target + begin, job->scale, end - begin);
}

static void run_squares(el_backend *be, el_task_fn *task, el_tensor out, el_tensor x, el_tensor target, double scale)
{
    assert(el_tensor_is(out, x.rows, x.cols) && el_tensor_is(target, x.rows, x.cols));
    square_job job = {&el_cpu_of(be)->k, out.data, x.data, target.data, (real)scale};
    el_parallel_for(be->pool, x.rows * x.cols, EL_PIECE_ELEMENTS, task, &job);
}

void EL_REAL(el_cpu_squared_loss_fwd)(el_backend *be, el_tensor loss, el_tensor x, el_tensor target)
{
    run_squares(be, square_fwd_piece, loss, x, target, 1);
}

void EL_REAL(el_cpu_squared_loss_bwd)(el_backend *be, el_tensor dx, el_tensor x, el_tensor target, double scale)
{
    run_squares(be, square_bwd_piece, dx, x, target, scale);
}
