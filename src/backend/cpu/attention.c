/* Self-attention: one piece a head of a sequence, in forward also cut by queries. */
#include "backend/cpu/cpu.h"

#include <assert.h>

typedef struct attention_job {
    const el_cpu *cpu;
    real *context, *lse, *dqkv;
    const real *qkv, *dcontext;
    size_t heads, d;
    const el_dropout *dropout; /* NULL: none */
    const el_layout *layout;
    size_t query_blocks; /* of the longest sequence */
} attention_job;

/* What the kernel needs to know of a head of a sequence. */
static el_attention job_of(const attention_job *job, size_t sequence, size_t head)
{
    const size_t first = job->layout->starts[sequence], width = job->heads * job->d;
    const size_t at_qkv = first * 3 * width + head * job->d, at_context = first * width + head * job->d;
    el_attention one = {
        .n = job->layout->starts[sequence + 1] - first,
        .d = job->d,
        .q = job->qkv + at_qkv,
        .k = job->qkv + at_qkv + width,
        .v = job->qkv + at_qkv + 2 * width,
        .qkv_stride = 3 * width,
        .scale = (real)(1 / sqrt((double)job->d)),
        .context = job->context + at_context,
        .context_stride = width,
        .lse = job->lse + first * job->heads + head,
        .lse_stride = job->heads,
    };
    if (job->dqkv) {
        one.dcontext = job->dcontext + at_context;
        one.dq = job->dqkv + at_qkv;
        one.dk = one.dq + width;
        one.dv = one.dk + width;
    }
    if (job->dropout) {
        one.threshold = el_dropout_threshold(job->dropout->rate);
        one.keep_scale = (real)(1 / (1 - job->dropout->rate));
        one.key = el_rng_mix(job->dropout->key + head);
        one.sequence = job->layout->sequence + first;
        one.position = job->layout->position + first;
    }
    return one;
}

/* Items: sequences x heads x blocks of queries; short sequences leave some blocks empty. */
static void fwd_items(void *argument, size_t begin, size_t end, int thread)
{
    const attention_job *job = argument;
    for (size_t i = begin; i < end; i++) {
        const size_t query = i % job->query_blocks * EL_QUERY_BLOCK, pair = i / job->query_blocks;
        const el_attention one = job_of(job, pair / job->heads, pair % job->heads);
        if (query < one.n) {
            job->cpu->k.attention_fwd(&one, query, el_min(query + EL_QUERY_BLOCK, one.n),
                                      el_cpu_scratch(job->cpu, thread));
        }
    }
}

static void bwd_items(void *argument, size_t begin, size_t end, int thread)
{
    const attention_job *job = argument;
    for (size_t i = begin; i < end; i++) {
        const el_attention one = job_of(job, i / job->heads, i % job->heads);
        if (one.n) {
            job->cpu->k.attention_bwd(&one, el_cpu_scratch(job->cpu, thread));
        }
    }
}

static attention_job make_job(el_backend *be, el_tensor context, el_tensor lse, el_tensor qkv, size_t heads,
                              const el_dropout *dropout, const el_layout *layout)
{
    const el_cpu *cpu = el_cpu_of(be);
    const size_t rows = layout->n_tokens;
    assert(heads && context.cols % heads == 0 && el_tensor_is(context, rows, context.cols));
    assert(el_tensor_is(qkv, rows, 3 * context.cols) && el_tensor_is(lse, rows, heads));
    assert(layout->longest <= cpu->limits.longest && context.cols / heads <= cpu->limits.head_width);
    return (attention_job){.cpu = cpu,
                           .context = context.data,
                           .lse = lse.data,
                           .qkv = qkv.data,
                           .heads = heads,
                           .d = context.cols / heads,
                           .dropout = el_drops(dropout) ? dropout : NULL,
                           .layout = layout,
                           .query_blocks = el_pieces(layout->longest, EL_QUERY_BLOCK)};
}

void EL_REAL(el_cpu_attention_fwd)(el_backend *be, el_tensor context, el_tensor lse, el_tensor qkv, size_t heads,
                                   const el_dropout *dropout, const el_layout *layout)
{
    attention_job job = make_job(be, context, lse, qkv, heads, dropout, layout);
    el_parallel_for(be->pool, layout->n_sequences * heads * job.query_blocks, 1, fwd_items, &job);
}

void EL_REAL(el_cpu_attention_bwd)(el_backend *be, el_tensor dqkv, el_tensor dcontext, el_tensor qkv, el_tensor context,
                                   el_tensor lse, size_t heads, const el_dropout *dropout, const el_layout *layout)
{
    attention_job job = make_job(be, context, lse, qkv, heads, dropout, layout);
    assert(el_tensor_is(dqkv, qkv.rows, qkv.cols) && el_tensor_is(dcontext, context.rows, context.cols));
    job.dqkv = dqkv.data;
    job.dcontext = dcontext.data;
    el_parallel_for(be->pool, layout->n_sequences * heads, 1, bwd_items, &job);
}
