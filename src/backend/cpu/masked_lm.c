/* The masked-token head behind its norm: logits of M slots over V tokens, of which only a piece exists at a time.
 *
 * Forward: pieces of EL_SLOT_BLOCK slots by EL_VOCABULARY_PIECE tokens, each made by one matrix product in a thread's
 * scratch and reduced at once to a maximum, a sum of exponentials and an argmax for every chunk of the vocabulary. What
 * is left, [M, chunks], is joined slot by slot in the order of chunks. A token is drawn by inversion: the sums tell
 * its chunk, and only that chunk's logits are made again.
 *
 * Backward: a window of the vocabulary at a time. Its gradients g are made piece by piece, then three products on all
 * threads: g^T h, the column sums of g, and g table, which adds up over windows in order. */
#include "backend/cpu/cpu.h"

#include <assert.h>

typedef struct head_job {
    el_cpu *cpu;
    const real *h, *table, *bias;
    const uint32_t *targets;
    size_t width, n_slots, n_tokens, n_chunks; /* E, M, V, C */

    /* forward */
    real *loss, *lse;
    uint32_t *best, *sampled;
    const uint32_t *slots;
    const el_layout *layout;
    const el_sampling *sampling; /* NULL: draw nothing */

    /* backward */
    const real *lse_in;
    real scale;
    size_t window_first, window_size; /* tokens */
} head_job;

static head_job make_job(el_backend *be, el_tensor h, el_tensor table, el_tensor bias, const uint32_t *targets)
{
    head_job job = {.cpu = el_cpu_of(be),
                    .h = h.data,
                    .table = table.data,
                    .bias = bias.data,
                    .targets = targets,
                    .width = h.cols,
                    .n_slots = h.rows,
                    .n_tokens = table.rows,
                    .n_chunks = el_pieces(table.rows, EL_VOCABULARY_CHUNK)};
    assert(table.cols == h.cols && el_tensor_is(bias, 1, table.rows) && table.rows > 0);
    assert(h.rows <= job.cpu->limits.slots && table.rows <= job.cpu->limits.vocabulary);
    return job;
}

/* A rectangle of logits: slots [slot, slot + rows) x tokens [token, token + cols). */
typedef struct piece {
    size_t slot, rows, token, cols;
} piece;

/* Slots run fastest, so that neighbours in time share their part of the table. */
static piece piece_at(const head_job *job, size_t i, size_t first, size_t end)
{
    const size_t slot_blocks = el_pieces(job->n_slots, EL_SLOT_BLOCK);
    piece p = {.slot = i % slot_blocks * EL_SLOT_BLOCK, .token = first + i / slot_blocks * EL_VOCABULARY_PIECE};
    p.rows = el_min(EL_SLOT_BLOCK, job->n_slots - p.slot);
    p.cols = el_min(EL_VOCABULARY_PIECE, end - p.token);
    return p;
}

static size_t count_pieces(const head_job *job, size_t n_tokens)
{
    return el_pieces(job->n_slots, EL_SLOT_BLOCK) * el_pieces(n_tokens, EL_VOCABULARY_PIECE);
}

static void make_logits(const head_job *job, piece p, real *out, size_t ld, void *scratch)
{
    const el_gemm product = {.m = p.rows,
                             .n = p.cols,
                             .k = job->width,
                             .a = job->h + p.slot * job->width,
                             .a_row_stride = job->width,
                             .a_col_stride = 1,
                             .b = job->table + p.token * job->width,
                             .b_row_stride = 1,
                             .b_col_stride = job->width,
                             .c = out,
                             .ldc = ld,
                             .epilogue = EL_GEMM_FORWARD,
                             .bias = job->bias + p.token};
    job->cpu->k.gemm(&product, 0, p.rows, 0, p.cols, scratch);
}

/* A thread's logits lie behind what the matrix product needs. */
static real *logits_of_thread(const head_job *job, int thread)
{
    return (real *)(void *)((unsigned char *)el_cpu_scratch(job->cpu, thread) + job->cpu->gemm_bytes);
}

/* ---- forward ------------------------------------------------------------------------------------------------------
 */

/* Turns logits of tokens first ... first + n - 1 into those that a slot's token is drawn from, in place. */
static bool apply_sampling(const head_job *job, size_t slot, real *z, size_t first, size_t n)
{
    const real temperature = (real)job->sampling->temperature;
    const size_t target = job->targets[slot];
    const bool forbids = job->sampling->forbid_target && target >= first && target < first + n;
    if (temperature == 1 && !forbids) {
        return false;
    }
    for (size_t j = 0; j < n; j++) {
        z[j] /= temperature;
    }
    if (forbids) {
        z[target - first] -= 1000;
    }
    return true;
}

static void reduce_chunk(const head_job *job, size_t slot, real *z, size_t first, size_t n)
{
    const el_workspace *w = &job->cpu->w;
    const size_t at = slot * job->n_chunks + first / EL_VOCABULARY_CHUNK, target = job->targets[slot];
    if (target >= first && target < first + n) {
        w->target_logits[slot] = z[target - first];
    }
    el_logit_stats stats = job->cpu->k.logit_stats(z, n);
    w->chunk_max[at] = stats.max;
    w->chunk_sum[at] = stats.sum;
    w->chunk_best[at] = (uint32_t)first + stats.best;
    if (job->sampling) {
        if (apply_sampling(job, slot, z, first, n)) {
            stats = job->cpu->k.logit_stats(z, n);
        }
        w->sample_max[at] = stats.max;
        w->sample_sum[at] = stats.sum;
    }
}

static void reduce_pieces(void *argument, size_t begin, size_t end, int thread)
{
    const head_job *job = argument;
    real *logits = logits_of_thread(job, thread);
    for (size_t i = begin; i < end; i++) {
        const piece p = piece_at(job, i, 0, job->n_tokens);
        make_logits(job, p, logits, p.cols, el_cpu_scratch(job->cpu, thread));
        for (size_t row = 0; row < p.rows; row++) {
            for (size_t col = 0; col < p.cols; col += EL_VOCABULARY_CHUNK) {
                reduce_chunk(job, p.slot + row, logits + row * p.cols + col, p.token + col,
                             el_min(EL_VOCABULARY_CHUNK, p.cols - col));
            }
        }
    }
}

/* The chunk with the largest maximum, the first of equals. */
static size_t best_chunk(const real *max, size_t n)
{
    size_t best = 0;
    for (size_t c = 1; c < n; c++) {
        best = max[c] > max[best] ? c : best;
    }
    return best;
}

/* sum_c sum[c] exp(max[c] - top) */
static double join_sums(const real *max, const real *sum, size_t n, real top)
{
    double total = 0;
    for (size_t c = 0; c < n; c++) {
        total += (double)(sum[c] * real_exp(max[c] - top));
    }
    return total;
}

/* The token of `chunk` at which the running sum of exp(z - top) passes `rest`; the last that has any probability if it
 * never does. */
static uint32_t draw_in_chunk(const head_job *job, size_t slot, size_t chunk, real top, double rest, int thread)
{
    const size_t first = chunk * EL_VOCABULARY_CHUNK, n = el_min(EL_VOCABULARY_CHUNK, job->n_tokens - first);
    real *z = logits_of_thread(job, thread);
    make_logits(job, (piece){slot, 1, first, n}, z, n, el_cpu_scratch(job->cpu, thread));
    (void)apply_sampling(job, slot, z, first, n);
    size_t drawn = 0;
    for (size_t j = 0; j < n && rest >= 0; j++) {
        const double weight = (double)real_exp(z[j] - top);
        if (weight > 0) {
            drawn = j;
            rest -= weight;
        }
    }
    return (uint32_t)(first + drawn);
}

static uint32_t draw(const head_job *job, size_t slot, int thread)
{
    const el_workspace *w = &job->cpu->w;
    const real *max = w->sample_max + slot * job->n_chunks, *sum = w->sample_sum + slot * job->n_chunks;
    const real top = max[best_chunk(max, job->n_chunks)];
    const size_t t = job->slots[slot];
    const uint64_t bits = el_rng_row(job->sampling->key, job->layout->sequence[t], job->layout->position[t]);
    double rest = el_rng_uniform(bits) * join_sums(max, sum, job->n_chunks, top);
    size_t chunk = 0, last = 0; /* last: of those passed, the last with any probability */
    for (; chunk < job->n_chunks; chunk++) {
        const double weight = (double)(sum[chunk] * real_exp(max[chunk] - top));
        if (weight > 0) {
            last = chunk;
            if (rest < weight) {
                break;
            }
            rest -= weight;
        }
    }
    if (chunk == job->n_chunks) {
        rest = INFINITY; /* rounding left a little beyond the end */
    }
    return draw_in_chunk(job, slot, last, top, rest, thread);
}

static void join_slots(void *argument, size_t begin, size_t end, int thread)
{
    const head_job *job = argument;
    const el_workspace *w = &job->cpu->w;
    for (size_t slot = begin; slot < end; slot++) {
        const real *max = w->chunk_max + slot * job->n_chunks, *sum = w->chunk_sum + slot * job->n_chunks;
        const size_t chunk = best_chunk(max, job->n_chunks);
        job->lse[slot] = max[chunk] + (real)log(join_sums(max, sum, job->n_chunks, max[chunk]));
        job->loss[slot] = job->lse[slot] - w->target_logits[slot];
        if (job->best) {
            job->best[slot] = w->chunk_best[slot * job->n_chunks + chunk];
        }
        if (job->sampling) {
            job->sampled[slot] = draw(job, slot, thread);
        }
    }
}

void EL_REAL(el_cpu_masked_lm_fwd)(el_backend *be, el_tensor loss, el_tensor lse, uint32_t *best, uint32_t *sampled,
                                   el_tensor h, el_tensor table, el_tensor bias, const uint32_t *targets,
                                   const uint32_t *slots, const el_layout *layout, const el_sampling *sampling)
{
    enum { SLOTS_A_PIECE = 8 };
    head_job job = make_job(be, h, table, bias, targets);
    assert(loss.rows == h.rows && loss.cols == 1 && lse.rows == h.rows && lse.cols == 1);
    assert(!sampled || (sampling && sampling->temperature > 0));
    job.loss = loss.data;
    job.lse = lse.data;
    job.best = best;
    job.sampled = sampled;
    job.slots = slots;
    job.layout = layout;
    job.sampling = sampled ? sampling : NULL;
    el_parallel_for(be->pool, count_pieces(&job, job.n_tokens), 1, reduce_pieces, &job);
    el_parallel_for(be->pool, job.n_slots, SLOTS_A_PIECE, join_slots, &job);
}

/* ---- backward -----------------------------------------------------------------------------------------------------
 */

/* g = scale * (softmax - onehot(target)) in the window. */
static void make_gradients(void *argument, size_t begin, size_t end, int thread)
{
    const head_job *job = argument;
    for (size_t i = begin; i < end; i++) {
        const piece p = piece_at(job, i, job->window_first, job->window_first + job->window_size);
        real *g = job->cpu->w.window + p.slot * job->window_size + (p.token - job->window_first);
        make_logits(job, p, g, job->window_size, el_cpu_scratch(job->cpu, thread));
        for (size_t row = 0; row < p.rows; row++, g += job->window_size) {
            const size_t target = job->targets[p.slot + row];
            job->cpu->k.logit_gradient(g, p.cols, job->lse_in[p.slot + row], job->scale);
            if (target >= p.token && target < p.token + p.cols) {
                g[target - p.token] -= job->scale;
            }
        }
    }
}

/* dh (+)= g table, over the window's tokens. */
static void add_dh(el_backend *be, const head_job *job, real *dh)
{
    EL_REAL(el_cpu_gemm)
    (be, &(el_gemm){.m = job->n_slots,
                    .n = job->width,
                    .k = job->window_size,
                    .a = job->cpu->w.window,
                    .a_row_stride = job->window_size,
                    .a_col_stride = 1,
                    .b = job->table + job->window_first * job->width,
                    .b_row_stride = job->width,
                    .b_col_stride = 1,
                    .c = dh,
                    .ldc = job->width,
                    .accumulate = job->window_first > 0});
}

void EL_REAL(el_cpu_masked_lm_bwd)(el_backend *be, el_tensor dh, el_tensor dtable, el_tensor dbias, el_tensor h,
                                   el_tensor table, el_tensor bias, el_tensor lse, const uint32_t *targets,
                                   double scale)
{
    head_job job = make_job(be, h, table, bias, targets);
    assert(dh.rows == h.rows && dh.cols == h.cols && el_tensor_is(dtable, table.rows, table.cols));
    assert(el_tensor_is(dbias, 1, table.rows) && lse.rows == h.rows);
    job.lse_in = lse.data;
    job.scale = (real)scale;
    for (; job.window_first < job.n_tokens; job.window_first += EL_VOCABULARY_WINDOW) {
        job.window_size = el_min(EL_VOCABULARY_WINDOW, job.n_tokens - job.window_first);
        const el_tensor g = el_tensor_of(job.cpu->w.window, job.n_slots, job.window_size);
        el_parallel_for(be->pool, count_pieces(&job, job.window_size), 1, make_gradients, &job);
        EL_REAL(el_cpu_linear_bwd_weights)
        (be, el_tensor_rows(be, dtable, job.window_first, job.window_size),
         el_tensor_of((real *)dbias.data + job.window_first, 1, job.window_size), g, h);
        add_dh(be, &job, dh.data);
    }
}

void EL_REAL(el_cpu_masked_lm_logits)(el_backend *be, el_tensor logits, el_tensor h, el_tensor table, el_tensor bias)
{
    if (table.format == EL_FORMAT_INT8_ROWS) {
        EL_REAL(el_cpu_int8_logits)(be, logits, h, table, bias);
        return;
    }
    EL_REAL(el_cpu_linear_fwd)(be, logits, h, table, bias, EL_ACT_LINEAR, EL_ABSENT);
}
