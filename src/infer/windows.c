/* Owns the windows of a call: listing them in the order of the texts, computing them in packs of like length. */
#include <assert.h>
#include <string.h>

#include "base/status.h"
#include "infer/session.h"

/* ---- listing ----------------------------------------------------------------------------------------------------- */

void el_session_begin(electra_session *s)
{
    s->ids.n = s->types.n = s->words.n = s->spans.n = 0;
    s->windows.n = s->parts.n = s->slots.n = s->order.n = 0;
    s->found.n = s->pieces.n = s->places.n = s->bests.n = 0;
    s->values.n = s->results.n = s->text_ids.n = s->candidates.n = s->ranked.n = 0;
    s->n_truncated = 0;
}

electra_status el_session_encode(electra_session *s, const el_encode_request *r, electra_encoding *out,
                                 electra_error *err)
{
    electra_encode_options options = electra_encode_options_default();
    options.max_length = r->max_length;
    options.truncation = r->truncation;
    options.windows = r->windows;
    options.stride = r->stride;
    EL_TRY(electra_encoder_encode(s->encoder, r->first.bytes ? r->first.text : "", r->first.bytes, r->second.text,
                                  r->second.bytes, &options, out, err));
    s->n_truncated += out->n_cut > 0;
    return ELECTRA_OK;
}

/* Append a range of an encoded window's tokens to the session's arrays, which have room. */
static void copy_tokens(electra_session *s, const electra_window *w, size_t from, size_t n)
{
    memcpy((uint32_t *)s->ids.items + s->ids.n, w->ids + from, n * sizeof *w->ids);
    memcpy((uint32_t *)s->types.items + s->types.n, w->type_ids + from, n * sizeof *w->type_ids);
    memcpy((uint32_t *)s->words.items + s->words.n, w->word_ids + from, n * sizeof *w->word_ids);
    memcpy((electra_span *)s->spans.items + s->spans.n, w->offsets + from, n * sizeof *w->offsets);
    s->ids.n += n;
    s->types.n += n;
    s->words.n += n;
    s->spans.n += n;
}

el_window *el_session_add_range(electra_session *s, const electra_window *encoded, size_t begin, size_t end,
                                electra_error *err)
{
    static const char WHAT[] = "the tokens of a call";
    const size_t n = end - begin + 2;
    assert(n <= s->longest && end + 2 <= encoded->n);
    el_window *window = el_growing_room(&s->windows, 1, sizeof *window, WHAT, err);
    if (!window || !el_growing_room(&s->ids, n, sizeof(uint32_t), WHAT, err) ||
        !el_growing_room(&s->types, n, sizeof(uint32_t), WHAT, err) ||
        !el_growing_room(&s->words, n, sizeof(uint32_t), WHAT, err) ||
        !el_growing_room(&s->spans, n, sizeof(electra_span), WHAT, err)) {
        return NULL;
    }
    *window = (el_window){.first = s->ids.n, .n = n, .slot = s->slots.n};
    copy_tokens(s, encoded, 0, 1);
    copy_tokens(s, encoded, begin + 1, end - begin);
    copy_tokens(s, encoded, encoded->n - 1, 1);
    s->windows.n++;
    return window;
}

electra_status el_session_add(electra_session *s, const electra_encoding *encoding, size_t n_results, bool per_token,
                              electra_error *err)
{
    el_part *part = el_growing_room(&s->parts, 1, sizeof *part, "the texts of a call", err);
    if (!part) {
        return ELECTRA_NO_RESOURCE;
    }
    *part = (el_part){s->windows.n, encoding->n_windows};
    s->parts.n++;
    for (size_t i = 0; i < encoding->n_windows; i++) {
        const electra_window *encoded = &encoding->windows[i];
        el_window *window = el_session_add_range(s, encoded, 0, encoded->n - 2, err);
        const size_t n = per_token ? encoded->n * n_results : n_results;
        if (!window || !el_growing_room(&s->values, n, sizeof(float), "the results of a call", err)) {
            return ELECTRA_NO_RESOURCE;
        }
        window->result = s->values.n;
        s->values.n += n;
    }
    return ELECTRA_OK;
}

/* ---- computing ------------------------------------------------------------------------------------------------ */

/* Longest first, those of one length as they were listed: counting sort. */
static electra_status sort_by_length(electra_session *s, electra_error *err)
{
    const el_window *windows = s->windows.items;
    s->order.n = 0;
    size_t *order = el_growing_room(&s->order, s->windows.n, sizeof *order, "the order of a call", err);
    if (!order) {
        return ELECTRA_NO_RESOURCE;
    }
    memset(s->counts, 0, (s->longest + 2) * sizeof *s->counts);
    for (size_t i = 0; i < s->windows.n; i++) {
        s->counts[s->longest - windows[i].n + 1]++;
    }
    for (size_t i = 1; i <= s->longest; i++) {
        s->counts[i] += s->counts[i - 1];
    }
    for (size_t i = 0; i < s->windows.n; i++) {
        order[s->counts[s->longest - windows[i].n]++] = i;
    }
    s->order.n = s->windows.n;
    return ELECTRA_OK;
}

el_tensor el_session_forward_classes(electra_session *s, const el_batch *batch)
{
    return el_predictor_classes(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids,
                                batch->types);
}

el_tensor el_session_forward_tags(electra_session *s, const el_batch *batch)
{
    return el_predictor_tags(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids, batch->types);
}

el_tensor el_session_forward_joint(electra_session *s, const el_batch *batch)
{
    s->n_joint = 0;
    return el_predictor_answers(s->predictor, el_model_weights(s->model, s->be), &batch->layout, batch->ids,
                                batch->types, s->joint);
}

static bool add_to_pack(electra_session *s, const el_window *w)
{
    const el_sequence sequence = {.ids = (const uint32_t *)s->ids.items + w->first,
                                  .types = s->one_segment ? NULL : (const uint32_t *)s->types.items + w->first,
                                  .length = w->n,
                                  .first_length = w->n,
                                  .slots = w->n_slots ? (const uint32_t *)s->slots.items + w->slot : NULL,
                                  .n_slots = w->n_slots};
    return el_pack_add(s->pack, &sequence);
}

static void download(electra_session *s, el_tensor x, size_t row, size_t n)
{
    s->be->ops->download_f32(s->be, s->numbers, el_tensor_rows(s->be, x, row, n).data, n * x.cols);
}

/* Compute the pack, which holds the windows order[0 ... n), and hand out its numbers. */
static void compute_pack(electra_session *s, const el_task *task, const size_t *order, size_t n)
{
    const el_window *windows = s->windows.items;
    const el_tensor out = task->forward(s, el_pack_finish(s->pack));
    size_t token = 0;
    size_t slot = 0;
    for (size_t i = 0; i < n; i++) {
        const el_window *w = &windows[order[i]];
        if (task->rows == EL_ROWS_SLOTS) {
            for (size_t k = 0; k < w->n_slots; k++) {
                download(s, out, slot++, 1);
                task->take(s, w, k, s->numbers);
            }
        } else {
            download(s, out, task->rows == EL_ROWS_SEQUENCE ? i : token, task->rows == EL_ROWS_TOKENS ? w->n : 1);
            task->take(s, w, 0, s->numbers);
        }
        token += w->n;
    }
    el_pack_clear(s->pack);
}

electra_status el_session_compute(electra_session *s, const el_task *task, electra_error *err)
{
    EL_TRY(sort_by_length(s, err));
    const el_window *windows = s->windows.items;
    const size_t *order = s->order.items;
    el_pack_clear(s->pack);
    size_t done = 0;
    for (size_t i = 0; i < s->order.n; i++) {
        if (!add_to_pack(s, &windows[order[i]])) {
            compute_pack(s, task, order + done, i - done);
            done = i;
            const bool fits = add_to_pack(s, &windows[order[i]]);
            assert(fits && "an empty pack holds any window");
            (void)fits;
        }
    }
    if (done < s->order.n) {
        compute_pack(s, task, order + done, s->order.n - done);
    }
    return ELECTRA_OK;
}

void el_session_keep(electra_session *s, const el_window *window, size_t n, const float *numbers)
{
    memcpy((float *)s->values.items + window->result, numbers, n * sizeof *numbers);
}
