/* Work on elements one by one, losses, sums and the optimiser: cut into pieces of EL_PIECE_ELEMENTS. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

static size_t elements(el_tensor x)
{
    return x.rows * x.cols;
}

static bool same_shape(el_tensor x, el_tensor y)
{
    return x.rows == y.rows && x.cols == y.cols;
}

/* One job struct for all: which members a task uses is plain from its one call. */
typedef struct element_job {
    const el_kernels *k;
    real *y;
    const real *x, *x2;
    el_activation act;
    const uint32_t *labels;
    real scale;
} element_job;

static void run(el_backend *be, size_t n, el_task_fn *task, element_job job)
{
    job.k = &el_cpu_of(be)->k;
    el_parallel_for(be->pool, n, EL_PIECE_ELEMENTS, task, &job);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void zero_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    memset(job->y + begin, 0, (end - begin) * sizeof(real));
}

void EL_REAL(el_cpu_zero)(el_backend *be, el_tensor x)
{
    run(be, elements(x), zero_piece, (element_job){.y = x.data});
}

static void copy_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    memcpy(job->y + begin, job->x + begin, (end - begin) * sizeof(real));
}

void EL_REAL(el_cpu_copy)(el_backend *be, el_tensor y, el_tensor x)
{
    assert(same_shape(x, y));
    run(be, elements(x), copy_piece, (element_job){.y = y.data, .x = x.data});
}

static void add_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    job->k->add(job->y + begin, job->x + begin, end - begin);
}

void EL_REAL(el_cpu_add)(el_backend *be, el_tensor y, el_tensor x)
{
    assert(same_shape(x, y));
    run(be, elements(x), add_piece, (element_job){.y = y.data, .x = x.data});
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

static void act_fwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    job->k->act_fwd(job->y + begin, job->x + begin, end - begin, job->act);
}

void EL_REAL(el_cpu_act_fwd)(el_backend *be, el_tensor y, el_tensor x, el_activation act)
{
    assert(same_shape(x, y));
    run(be, elements(x), act_fwd_piece, (element_job){.y = y.data, .x = x.data, .act = act});
}

static void act_bwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    job->k->act_bwd(job->y + begin, job->x + begin, job->x2 + begin, end - begin, job->act);
}

void EL_REAL(el_cpu_act_bwd)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor x, el_activation act)
{
    assert(same_shape(dx, dy) && same_shape(dx, x));
    run(be, elements(x), act_bwd_piece, (element_job){.y = dx.data, .x = dy.data, .x2 = x.data, .act = act});
}

/* ---- dropout ------------------------------------------------------------------------------------------------------
 */

typedef struct dropout_job {
    const el_kernels *k;
    real *y;
    const real *x;
    const el_dropout *dropout;
    const el_layout *layout;
    const uint32_t *rows;
    size_t n;
} dropout_job;

static void dropout_rows(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const dropout_job *job = argument;
    for (size_t i = begin; i < end; i++) {
        const el_row_dropout row = el_dropout_of_row(job->dropout, job->layout, job->rows ? job->rows[i] : i);
        job->k->dropout(job->y + i * job->n, job->x + i * job->n, job->n, &row);
    }
}

void EL_REAL(el_cpu_dropout)(el_backend *be, el_tensor y, el_tensor x, const el_dropout *dropout,
                             const el_layout *layout, const uint32_t *rows)
{
    assert(same_shape(x, y));
    if (!el_drops(dropout)) {
        if (y.data != x.data) {
            EL_REAL(el_cpu_copy)(be, y, x);
        }
        return;
    }
    assert(rows || layout->n_tokens == x.rows);
    dropout_job job = {&el_cpu_of(be)->k, y.data, x.data, dropout, layout, rows, x.cols};
    el_parallel_for(be->pool, x.rows, el_rows_grain(x.cols), dropout_rows, &job);
}

/* ---- losses -------------------------------------------------------------------------------------------------------
 */

static void loss_fwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    job->k->binary_loss_fwd(job->y + begin, job->x + begin, job->labels + begin, end - begin);
}

void EL_REAL(el_cpu_binary_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *labels)
{
    assert(same_shape(loss, logits));
    run(be, elements(logits), loss_fwd_piece, (element_job){.y = loss.data, .x = logits.data, .labels = labels});
}

static void loss_bwd_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const element_job *job = argument;
    job->k->binary_loss_bwd(job->y + begin, job->x + begin, job->labels + begin, job->scale, end - begin);
}

void EL_REAL(el_cpu_binary_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *labels,
                                     double scale)
{
    assert(same_shape(dlogits, logits));
    run(be, elements(logits), loss_bwd_piece,
        (element_job){.y = dlogits.data, .x = logits.data, .labels = labels, .scale = (real)scale});
}

/* ---- sums -----------------------------------------------------------------------------------------------------------
 */

/* Blocks of EL_PIECE_ELEMENTS, so many at a time that their sums fit here. */
enum { ROUND = 256 };

typedef struct sum_job {
    double (*kernel)(const real *x, size_t n);
    const real *x;
    size_t n;
    double sums[ROUND];
} sum_job;

static void sum_blocks(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    sum_job *job = argument;
    for (size_t i = begin; i < end; i++) {
        const size_t first = i * EL_PIECE_ELEMENTS;
        job->sums[i] = job->kernel(job->x + first, el_min(EL_PIECE_ELEMENTS, job->n - first));
    }
}

static double sum_all(el_backend *be, double (*kernel)(const real *x, size_t n), el_tensor x)
{
    const size_t n = elements(x), round = (size_t)ROUND * EL_PIECE_ELEMENTS;
    sum_job job = {.kernel = kernel};
    double total = 0;
    for (size_t first = 0; first < n; first += round) {
        job.x = (const real *)x.data + first;
        job.n = el_min(round, n - first);
        const size_t blocks = el_pieces(job.n, EL_PIECE_ELEMENTS);
        el_parallel_for(be->pool, blocks, 1, sum_blocks, &job);
        for (size_t i = 0; i < blocks; i++) {
            total += job.sums[i];
        }
    }
    return total;
}

double EL_REAL(el_cpu_sum)(el_backend *be, el_tensor x)
{
    return sum_all(be, el_cpu_of(be)->k.sum, x);
}

double EL_REAL(el_cpu_sum_of_squares)(el_backend *be, el_tensor x)
{
    return sum_all(be, el_cpu_of(be)->k.sum_of_squares, x);
}

/* ---- the optimiser
 * ---------------------------------------------------------------------------------------------------- */

typedef struct adam_job {
    const el_kernels *k;
    real *parameter, *m, *v;
    const real *gradient;
    const el_adam *settings;
} adam_job;

static void adam_piece(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const adam_job *job = argument;
    job->k->adam(job->parameter + begin, job->m + begin, job->v + begin, job->gradient + begin, end - begin,
                 job->settings);
}

void EL_REAL(el_cpu_adam)(el_backend *be, el_tensor parameter, el_tensor m, el_tensor v, el_tensor gradient,
                          const el_adam *settings)
{
    assert(same_shape(parameter, m) && same_shape(parameter, v) && same_shape(parameter, gradient));
    adam_job job = {&el_cpu_of(be)->k, parameter.data, m.data, v.data, gradient.data, settings};
    el_parallel_for(be->pool, elements(parameter), EL_PIECE_ELEMENTS, adam_piece, &job);
}
