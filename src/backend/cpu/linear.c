/* Affine maps: the three matrix products of a layer, and sums of columns for biases. */
#include "backend/cpu/cpu.h"

#include <assert.h>

/* The columns first ... of y, of which w has so many rows. */
static void columns_fwd(el_backend *be, el_tensor y, size_t first, el_tensor x, el_tensor w, el_tensor b,
                        el_activation act, el_tensor pre)
{
    EL_REAL(el_cpu_gemm)
    (be, &(el_gemm){.m = x.rows,
                    .n = w.rows,
                    .k = w.cols,
                    .a = x.data,
                    .a_row_stride = w.cols,
                    .a_col_stride = 1,
                    .b = w.data,
                    .b_row_stride = 1,
                    .b_col_stride = w.cols,
                    .b_packed = w.format == EL_FORMAT_PACKED ? w.data : NULL,
                    .c = (real *)y.data + first,
                    .ldc = y.cols,
                    .epilogue = EL_GEMM_FORWARD,
                    .bias = b.data ? (real *)b.data + first : NULL,
                    .act = act,
                    .pre = act == EL_ACT_LINEAR || !pre.data ? NULL : (real *)pre.data + first,
                    .ldpre = y.cols});
}

void EL_REAL(el_cpu_linear_fwd)(el_backend *be, el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act,
                                el_tensor pre)
{
    assert(x.cols == w.cols && el_tensor_is(y, x.rows, w.rows));
    assert((!b.data || el_tensor_is(b, 1, w.rows)) && (!pre.data || el_tensor_is(pre, x.rows, w.rows)));
    switch (w.format) {
    case EL_FORMAT_INT8:
        assert(!pre.data || act == EL_ACT_LINEAR);
        EL_REAL(el_cpu_int8_linear)(be, y, x, w, b, act);
        return;
    case EL_FORMAT_PARTS: {
        const el_parts *parts = w.data;
        const size_t rows = w.rows / parts->n;
        for (size_t i = 0; i < parts->n; i++) {
            columns_fwd(be, y, i * rows, x, el_tensor_of(parts->data[i], rows, w.cols), b, act, pre);
        }
        return;
    }
    case EL_FORMAT_REAL:
    case EL_FORMAT_PACKED: columns_fwd(be, y, 0, x, w, b, act, pre); return;
    case EL_FORMAT_INT8_ROWS: break;
    }
    assert(false && "a format that no product takes");
}

void EL_REAL(el_cpu_linear_bwd_input)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor w, bool accumulate,
                                      el_activation act, el_tensor pre)
{
    const size_t rows = dy.rows, n = w.rows, k = w.cols;
    assert(dy.cols == n && el_tensor_is(dx, rows, k) && (!pre.data || el_tensor_is(pre, rows, k)));
    EL_REAL(el_cpu_gemm)
    (be, &(el_gemm){.m = rows,
                    .n = k,
                    .k = n,
                    .a = dy.data,
                    .a_row_stride = n,
                    .a_col_stride = 1,
                    .b = w.data,
                    .b_row_stride = k,
                    .b_col_stride = 1,
                    .c = dx.data,
                    .ldc = k,
                    .accumulate = accumulate,
                    .epilogue = EL_GEMM_BACKWARD,
                    .act = act,
                    .pre = act == EL_ACT_LINEAR ? NULL : pre.data,
                    .ldpre = k});
}

void EL_REAL(el_cpu_linear_bwd_weights)(el_backend *be, el_tensor dw, el_tensor db, el_tensor dy, el_tensor x)
{
    const size_t rows = dy.rows, n = dy.cols, k = x.cols;
    assert(x.rows == rows && el_tensor_is(dw, n, k) && (!db.data || el_tensor_is(db, 1, n)));
    EL_REAL(el_cpu_gemm)
    (be, &(el_gemm){.m = n,
                    .n = k,
                    .k = rows,
                    .a = dy.data,
                    .a_row_stride = 1,
                    .a_col_stride = n,
                    .b = x.data,
                    .b_row_stride = k,
                    .b_col_stride = 1,
                    .c = dw.data,
                    .ldc = k,
                    .accumulate = true});
    if (db.data) {
        EL_REAL(el_cpu_column_sums)(be, db.data, dy.data, n, rows, n);
    }
}

typedef struct column_job {
    const el_kernels *k;
    real *sums;
    const real *x;
    size_t ldx, rows;
} column_job;

static void sum_columns(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const column_job *job = argument;
    job->k->column_sums(job->sums + begin, job->x + begin, job->ldx, job->rows, end - begin);
}

void EL_REAL(el_cpu_column_sums)(el_backend *be, real *sums, const real *x, size_t ldx, size_t rows, size_t n)
{
    column_job job = {&el_cpu_of(be)->k, sums, x, ldx, rows};
    el_parallel_for(be->pool, n, EL_COLUMN_BLOCK, sum_columns, &job);
}
