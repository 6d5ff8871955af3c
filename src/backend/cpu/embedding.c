/* Looking up rows, and adding gradients to the rows that were looked up. A row may occur many times, so backward is cut
 * by columns: each piece takes all rows in order for its columns, and no two pieces meet. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

typedef struct embed_job {
    const el_kernels *k;
    real *y;
    const real *word, *type, *position;
    const uint32_t *ids, *types, *positions;
    size_t n;
} embed_job;

static void embed_rows(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const embed_job *job = argument;
    const size_t n = job->n;
    for (size_t t = begin; t < end; t++) {
        job->k->add_three(job->y + t * n, job->word + job->ids[t] * n, job->type + job->types[t] * n,
                          job->position + job->positions[t] * n, n);
    }
}

static bool all_below(const uint32_t *values, size_t n, size_t limit)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] >= limit) {
            return false;
        }
    }
    return true;
}

void EL_REAL(el_cpu_embed_fwd)(el_backend *be, el_tensor y, el_tensor word, el_tensor type, el_tensor position,
                               const uint32_t *ids, const uint32_t *types, const el_layout *layout)
{
    const size_t n = y.cols, rows = layout->n_tokens;
    assert(y.rows == rows && word.cols == n && type.cols == n && position.cols == n);
    assert(all_below(ids, rows, word.rows) && all_below(types, rows, type.rows));
    assert(all_below(layout->position, rows, position.rows));
    assert(type.format == word.format && position.format == word.format);
    if (word.format == EL_FORMAT_INT8_ROWS) {
        EL_REAL(el_cpu_int8_embed)(be, y, word, type, position, ids, types, layout);
        return;
    }
    assert(word.format == EL_FORMAT_REAL);
    embed_job job = {&el_cpu_of(be)->k, y.data, word.data, type.data, position.data, ids, types, layout->position, n};
    el_parallel_for(be->pool, rows, el_rows_grain(n), embed_rows, &job);
}

typedef struct scatter_job {
    const el_kernels *k;
    real *dx;
    const real *dy;
    const uint32_t *rows; /* where row i of dy goes */
    size_t n_rows, n;
} scatter_job;

static void scatter_columns(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const scatter_job *job = argument;
    for (size_t i = 0; i < job->n_rows; i++) {
        job->k->add(job->dx + job->rows[i] * job->n + begin, job->dy + i * job->n + begin, end - begin);
    }
}

void EL_REAL(el_cpu_scatter_add_rows)(el_backend *be, el_tensor dx, el_tensor dy, const uint32_t *rows)
{
    assert(dx.cols == dy.cols && all_below(rows, dy.rows, dx.rows));
    scatter_job job = {&el_cpu_of(be)->k, dx.data, dy.data, rows, dy.rows, dy.cols};
    el_parallel_for(be->pool, dy.cols, EL_COLUMN_BLOCK, scatter_columns, &job);
}

void EL_REAL(el_cpu_embed_bwd)(el_backend *be, el_tensor dword, el_tensor dtype, el_tensor dposition, el_tensor dy,
                               const uint32_t *ids, const uint32_t *types, const el_layout *layout)
{
    assert(dy.rows == layout->n_tokens);
    EL_REAL(el_cpu_scatter_add_rows)(be, dword, dy, ids);
    EL_REAL(el_cpu_scatter_add_rows)(be, dtype, dy, types);
    EL_REAL(el_cpu_scatter_add_rows)(be, dposition, dy, layout->position);
}

typedef struct gather_job {
    real *y;
    const real *x;
    const uint32_t *rows;
    size_t n;
} gather_job;

static void gather(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const gather_job *job = argument;
    const size_t n = job->n;
    for (size_t i = begin; i < end; i++) {
        memcpy(job->y + i * n, job->x + job->rows[i] * n, n * sizeof(real));
    }
}

void EL_REAL(el_cpu_gather_rows)(el_backend *be, el_tensor y, el_tensor x, const uint32_t *rows)
{
    assert(x.cols == y.cols && all_below(rows, y.rows, x.rows));
    gather_job job = {y.data, x.data, rows, y.cols};
    el_parallel_for(be->pool, y.rows, el_rows_grain(y.cols), gather, &job);
}
