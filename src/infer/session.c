/* Owns sessions: everything that answering needs and that is sized once. */
#include "infer/session.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum {
    DEFAULT_BATCH_TOKENS = 1024,
    SHORTEST_LENGTH = 8,  /* [CLS], [SEP] and some text */
    SHORTEST_SEQUENCE = 3 /* sequences without text are not computed */
};

electra_session_options electra_session_options_default(void)
{
    return (electra_session_options){.struct_size = sizeof(electra_session_options)};
}

void electra_session_free(electra_session *s)
{
    if (!s) {
        return;
    }
    el_pack_free(s->pack);
    el_predictor_free(s->predictor);
    electra_encoder_free(s->encoder);
    el_backend_free(s->be);
    el_pool_free(s->pool);
    el_free(s->numbers);
    el_free(s->pieces);
    el_free(s->window);
    el_free(s->scores.items);
    el_free(s->ids.items);
    el_free(s->blanks.items);
    el_free(s->candidates.items);
    el_free(s);
}

static electra_status create_machinery(electra_session *s, const electra_session_options *o, electra_error *err)
{
    EL_TRY(el_pool_create(&s->pool, o->runtime.threads, err));
    EL_TRY(el_backend_create_cpu(&s->be, s->pool, EL_CPU_BEST, err));
    return electra_encoder_create(&s->encoder, electra_model_tokenizer(s->model), err);
}

static electra_status create_buffers(electra_session *s, const electra_session_options *o, electra_error *err)
{
    const el_network *network = el_model_network(s->model);
    const size_t wanted = o->batch_tokens ? o->batch_tokens : DEFAULT_BATCH_TOKENS;
    const size_t tokens = wanted > s->longest ? wanted : s->longest;
    const size_t sequences = tokens / SHORTEST_SEQUENCE;
    const size_t slots = network->head_config.kind == EL_HEAD_MASKED_LM ? EL_SESSION_MOST_SLOTS : 0;
    const el_predict_limits limits = {.tokens = tokens, .sequences = sequences, .longest = s->longest, .slots = slots};
    EL_TRY(el_predictor_create(&s->predictor, s->be, network, &limits, err));
    const el_pack_room room = {.tokens = tokens, .sequences = sequences, .slots = slots};
    EL_TRY(el_pack_create(&s->pack, s->be, &room, err));
    const size_t numbers = slots ? slots * network->config.vocab_size : tokens;
    s->numbers = el_alloc(numbers, sizeof *s->numbers);
    s->pieces = el_alloc(sequences, sizeof *s->pieces);
    s->window = el_alloc(s->longest, sizeof *s->window);
    return s->numbers && s->pieces && s->window
               ? ELECTRA_OK
               : el_fail_memory(err, "a session's buffers", numbers * sizeof *s->numbers);
}

static electra_status check_model(const electra_model *model, const electra_session_options *o, electra_error *err)
{
    if (!electra_model_tokenizer(model)) {
        return el_fail(err, ELECTRA_INVALID, el_model_folder(model),
                       "%s holds no tokenizer (tokenizer.json or vocab.txt), so it cannot be asked about text",
                       el_model_folder(model));
    }
    const size_t positions = el_model_network(model)->config.max_positions;
    if (positions < SHORTEST_LENGTH || (o->max_length && o->max_length < SHORTEST_LENGTH)) {
        return el_fail(err, ELECTRA_MISUSE, "max_length",
                       "sequences of %zu tokens are too short to answer anything; at least %d are needed",
                       positions < SHORTEST_LENGTH ? positions : o->max_length, SHORTEST_LENGTH);
    }
    return ELECTRA_OK;
}

electra_status electra_session_create(electra_session **out, const electra_model *model,
                                      const electra_session_options *options, electra_error *err)
{
    if (!out || !model) {
        return el_fail(err, ELECTRA_MISUSE, "electra_session_create", "out and model must be given");
    }
    *out = NULL;
    electra_session_options o = electra_session_options_default();
    if (options) {
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    }
    EL_TRY(check_model(model, &o, err));
    electra_session *s = el_alloc(1, sizeof *s);
    if (!s) {
        return el_fail_memory(err, "a session", sizeof *s);
    }
    s->model = model;
    const size_t positions = el_model_network(model)->config.max_positions;
    s->longest = o.max_length && o.max_length < positions ? o.max_length : positions;
    electra_status status = create_machinery(s, &o, err);
    if (status == ELECTRA_OK) {
        status = create_buffers(s, &o, err);
    }
    if (status != ELECTRA_OK) {
        electra_session_free(s);
        return status;
    }
    *out = s;
    return ELECTRA_OK;
}

void *el_growing_room(el_growing *array, size_t n, size_t size, const char *what, electra_error *err)
{
    size_t needed;
    if (el_add_overflows(array->n, n, &needed)) {
        (void)el_fail_memory(err, what, SIZE_MAX);
        return NULL;
    }
    if (needed > array->capacity || !array->items) {
        const size_t capacity = needed + needed / 2 + 64;
        void *items = el_realloc(array->items, array->n, capacity, size);
        if (!items) {
            (void)el_fail_memory(err, what, capacity * size);
            return NULL;
        }
        array->items = items;
        array->capacity = capacity;
    }
    return (char *)array->items + array->n * size;
}

void el_session_reset(electra_session *s)
{
    el_pack_clear(s->pack);
    s->n_packed = s->n_pieces = s->n_waiting = 0;
}

bool el_session_add(electra_session *s, const electra_window *text, size_t begin, size_t end, const uint32_t *slots,
                    size_t n_slots)
{
    const size_t n = end - begin;
    s->window[0] = text->ids[0];
    memcpy(s->window + 1, text->ids + 1 + begin, n * sizeof *s->window);
    s->window[n + 1] = text->ids[text->n - 1];
    const el_sequence sequence = {
        .ids = s->window, .length = n + 2, .first_length = n + 2, .slots = slots, .n_slots = n_slots};
    if (!el_pack_add(s->pack, &sequence)) {
        return false;
    }
    s->n_packed += n + 2;
    return true;
}

electra_status el_session_encode(electra_session *s, const electra_text *text, electra_window *out, electra_error *err)
{
    electra_encoding encoding;
    EL_TRY(
        electra_encoder_encode(s->encoder, text->bytes ? text->text : "", text->bytes, NULL, 0, NULL, &encoding, err));
    *out = encoding.windows[0];
    return ELECTRA_OK;
}
