/* Vectors of texts: windows that lie end to end -> hidden states -> pooled by window, then by text. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "infer/session.h"

electra_embed_options electra_embed_options_default(void)
{
    return (electra_embed_options){.struct_size = sizeof(electra_embed_options)};
}

static size_t width_of(const electra_session *s)
{
    return el_model_network(s->model)->config.hidden_size;
}

static el_tensor forward(electra_session *s, const el_batch *batch)
{
    return el_predictor_hidden(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids,
                               batch->types);
}

static void take_all(electra_session *s, const el_window *window, size_t slot, const float *hidden)
{
    (void)slot;
    el_session_keep(s, window, window->n * width_of(s), hidden);
}

static void take_first(electra_session *s, const el_window *window, size_t slot, const float *hidden)
{
    (void)slot;
    el_session_keep(s, window, width_of(s), hidden);
}

static void take_mean(electra_session *s, const el_window *window, size_t slot, const float *hidden)
{
    (void)slot;
    enum { COLUMNS = 64 }; /* summed together, so that rows are read along */
    const size_t width = width_of(s);
    float *mean = (float *)s->values.items + window->result;
    for (size_t first = 0; first < width; first += COLUMNS) {
        const size_t n = width - first < COLUMNS ? width - first : COLUMNS;
        double sum[COLUMNS] = {0};
        for (size_t t = 0; t < window->n; t++) {
            for (size_t i = 0; i < n; i++) {
                sum[i] += (double)hidden[t * width + first + i];
            }
        }
        for (size_t i = 0; i < n; i++) {
            mean[first + i] = (float)(sum[i] / (double)window->n);
        }
    }
}

static const el_task TASKS[] = {
    [ELECTRA_POOLING_MEAN] = {forward, EL_ROWS_TOKENS, take_mean},
    [ELECTRA_POOLING_CLS] = {forward, EL_ROWS_FIRST, take_first},
    [ELECTRA_POOLING_NONE] = {forward, EL_ROWS_TOKENS, take_all},
};

/* The vectors of a text's windows as one, which takes the place of the first: their mean, of ELECTRA_POOLING_MEAN each
 * counting by its tokens. */
static void join_windows(electra_session *s, const el_part *part, electra_pooling pooling)
{
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    float *values = s->values.items;
    const size_t width = width_of(s);
    for (size_t i = 0; i < width; i++) {
        double sum = 0;
        double weights = 0;
        for (size_t w = 0; w < part->n; w++) {
            const double weight = pooling == ELECTRA_POOLING_MEAN ? (double)windows[w].n : 1;
            sum += weight * (double)values[windows[w].result + i];
            weights += weight;
        }
        values[windows[0].result + i] = (float)(sum / weights);
    }
}

static void normalise(float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    const double length = fmax(sqrt(sum), 1e-12); /* as PyTorch's normalize does with a vector of zeros */
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)((double)x[i] / length);
    }
}

static electra_embedding vectors_of(electra_session *s, const el_part *part, const electra_embed_options *o)
{
    const el_window *windows = (const el_window *)s->windows.items + part->first;
    float *values = (float *)s->values.items + windows[0].result;
    size_t rows = 1;
    if (o->pooling == ELECTRA_POOLING_NONE) {
        rows = 0;
        for (size_t w = 0; w < part->n; w++) {
            rows += windows[w].n;
        }
    } else if (part->n > 1) {
        join_windows(s, part, o->pooling);
    }
    const size_t width = width_of(s);
    for (size_t r = 0; o->normalize && r < rows; r++) {
        normalise(values + r * width, width);
    }
    return (electra_embedding){rows, width, values};
}

electra_status electra_session_embed(electra_session *session, const electra_text *texts, size_t n,
                                     const electra_embed_options *options, electra_embedding *out, electra_error *err)
{
    EL_TRY(el_session_check_call(session, !n || (texts && out), "electra_session_embed", err));
    electra_embed_options o = electra_embed_options_default();
    el_options_take(&o, options, sizeof o);
    if (o.pooling > ELECTRA_POOLING_NONE) {
        return el_fail(err, ELECTRA_MISUSE, "pooling", "there is no pooling %d", (int)o.pooling);
    }
    el_session_begin(session);
    for (size_t i = 0; i < n; i++) {
        const el_encode_request request = {
            .first = texts[i], .max_length = session->longest, .windows = !session->truncate};
        electra_encoding encoding;
        EL_TRY(el_session_encode(session, &request, &encoding, err));
        EL_TRY(el_session_add(session, &encoding, width_of(session), o.pooling == ELECTRA_POOLING_NONE, err));
    }
    EL_TRY(el_session_compute(session, &TASKS[o.pooling], err));
    const el_part *parts = session->parts.items;
    for (size_t i = 0; i < n; i++) {
        out[i] = vectors_of(session, &parts[i], &o);
    }
    return ELECTRA_OK;
}
