/* Owns starting values: each a function of (seed, row of the table, row, column). Published networks start as
 * electra.md 1.3 says; tiny and mini with attention that already looks at neighbours. */
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "model/params.h"

typedef struct init_job {
    const el_param *param;
    uint64_t key;
    float *out; /* [rows, cols] */
} init_job;

/* Box and Muller 1958, redrawn until it lies within two standard deviations. */
static double truncated_normal(el_rng_stream *stream)
{
    for (;;) {
        const double radius = sqrt(-2.0 * log(1.0 - el_rng_uniform(el_rng_next(stream))));
        const double z = radius * cos(6.283185307179586 * el_rng_uniform(el_rng_next(stream)));
        if (fabs(z) <= 2.0) {
            return z;
        }
    }
}

/* ---- waves: positions that a first layer can compare ---------------------------------------------------------------
 *
 * Column 2f of position i is sin(w_f i), column 2f + 1 cos(w_f i). If a key keeps them and a query turns each pair by
 * the angle w_f o, the product of query i and key j is the sum over f of cos(w_f (i + o - j)), largest at j = i + o:
 * the head looks o tokens away. Turning is the addition theorem of sin and cos. */

static const double SHORTEST_WAVE = 3, LONGEST_WAVE = 100; /* tokens; the others lie between in equal ratios */
static const double QUIET = 0.3;                           /* of what waves share a matrix with */
static const int OFFSETS[] = {-1, 1, -2, 2, 0, -3, 3, 4};  /* of the heads, in turn */
enum { N_OFFSETS = sizeof OFFSETS / sizeof OFFSETS[0] };

static double wave_frequency(size_t f)
{
    const double share = (double)f / (EL_WAVE_COLUMNS / 2 - 1);
    return 6.283185307179586 / (SHORTEST_WAVE * pow(LONGEST_WAVE / SHORTEST_WAVE, share));
}

/* Columns of waves that a matrix of so many can hold: whole pairs. */
static size_t waves_within(size_t columns)
{
    return columns < EL_WAVE_COLUMNS ? columns & ~(size_t)1 : EL_WAVE_COLUMNS;
}

static double wave(size_t position, size_t column, size_t width)
{
    if (column >= waves_within(width)) {
        return 0.0;
    }
    const double angle = wave_frequency(column / 2) * (double)position;
    return column % 2 ? cos(angle) : sin(angle);
}

/* Element [i, c] of a head's query or key matrix, i counted within the head. */
static double look(size_t i, size_t c, size_t head_width, size_t width, int offset)
{
    const size_t waves = waves_within(head_width < width ? head_width : width);
    if (i >= waves || c / 2 != i / 2) {
        return 0.0;
    }
    const double angle = wave_frequency(i / 2) * offset;
    if (i == c) {
        return cos(angle);
    }
    return i % 2 ? -sin(angle) : sin(angle);
}

/* sides: inputs and outputs of the layer together. */
static double glorot(size_t sides, el_rng_stream *stream)
{
    return sqrt(6.0 / (double)sides) * (2.0 * el_rng_uniform(el_rng_next(stream)) - 1.0);
}

/* A projection that hands the waves on unchanged and keeps the rest away from their columns. */
static double keep_waves(const el_param *p, size_t r, size_t c, el_rng_stream *stream)
{
    const size_t waves = waves_within(p->rows < p->cols ? p->rows : p->cols);
    if (c < waves) {
        return r == c ? 1.0 : 0.0;
    }
    return (r < waves ? QUIET : 1.0) * glorot(p->rows + p->cols, stream);
}

/* ---- starting values ------------------------------------------------------------------------------------------------
 */

static double start_value(const el_param *p, uint64_t key, size_t r, size_t c)
{
    el_rng_stream stream = {.key = el_rng_row(key, r, c)};
    switch (p->init) {
    case EL_INIT_ZERO: return 0.0;
    case EL_INIT_ONE: return 1.0;
    case EL_INIT_NORMAL: return p->scale * truncated_normal(&stream);
    case EL_INIT_GLOROT: return glorot(p->rows + p->cols, &stream);
    case EL_INIT_GLOROT_HALF: return glorot(p->rows + 2 * p->cols, &stream);
    case EL_INIT_WAVES: return p->scale * wave(r, c, p->cols);
    case EL_INIT_KEEP_WAVES: return keep_waves(p, r, c, &stream);
    case EL_INIT_LOOK_QUERY:
        return look(r % p->head_width, c, p->head_width, p->cols, OFFSETS[r / p->head_width % N_OFFSETS]) +
               QUIET * p->scale * truncated_normal(&stream);
    case EL_INIT_LOOK_KEY:
        return look(r % p->head_width, c, p->head_width, p->cols, 0) + QUIET * p->scale * truncated_normal(&stream);
    }
    return 0.0;
}

static void init_rows(void *argument, size_t begin, size_t end, int thread)
{
    (void)thread;
    const init_job *job = argument;
    const size_t cols = job->param->cols;
    for (size_t r = begin; r < end; r++) {
        for (size_t c = 0; c < cols; c++) {
            job->out[r * cols + c] = (float)start_value(job->param, job->key, r, c);
        }
    }
}

electra_status el_params_initialise_rows(const el_params *params, size_t first, size_t count, el_backend *be,
                                         void *theta, uint64_t seed, electra_error *err)
{
    size_t largest = 0;
    for (size_t i = first; i < first + count; i++) {
        const size_t size = params->list[i].rows * params->list[i].cols;
        largest = size > largest ? size : largest;
    }
    float *values = el_alloc(largest, sizeof *values);
    if (!values) {
        return el_fail_memory(err, "starting values", largest * sizeof *values);
    }
    const el_weights weights = el_weights_of(be, params, theta);
    for (size_t i = first; i < first + count; i++) {
        const el_param *p = &params->list[i];
        init_job job = {p, el_rng_key(seed, EL_RNG_INIT, i, 0), values};
        el_parallel_for(be->pool, p->rows, 16, init_rows, &job);
        be->ops->upload_f32(be, el_weights_at(weights, i).data, values, p->rows * p->cols);
    }
    el_free(values);
    return ELECTRA_OK;
}

electra_status el_params_initialise(const el_params *params, el_backend *be, void *theta, uint64_t seed,
                                    electra_error *err)
{
    return el_params_initialise_rows(params, 0, params->count, be, theta, seed, err);
}
