/* Owns sessions: everything that answering needs and that is sized once. */
#include "infer/session.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "infer/entities.h"
#include "infer/spans.h"

enum {
    DEFAULT_BATCH_TOKENS = 1024,
    SHORTEST_LENGTH = 8,  /* [CLS], [SEP] and some text */
    SHORTEST_SEQUENCE = 2 /* [CLS] and [SEP] alone */
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
    el_free(s->counts);
    el_free(s->start);
    el_free(s->end);
    el_free(s->joint);
    el_growing *const arrays[] = {
        &s->ids,         &s->types,         &s->words,   &s->spans,    &s->windows,     &s->parts,  &s->slots,
        &s->order,       &s->values,        &s->results, &s->text_ids, &s->candidates,  &s->ranked, &s->slices.marks,
        &s->label_names, &s->label_ignored, &s->found,   &s->pieces,   &s->piece_words, &s->places, &s->bests};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        el_free(arrays[i]->items);
    }
    el_entities_free(s->entities);
    el_spans_free(s->answers);
    el_free(s);
}

static electra_status create_machinery(electra_session *s, const electra_session_options *o, electra_error *err)
{
    EL_TRY(el_pool_create(&s->pool, o->runtime.threads, err));
    EL_TRY(el_backend_create_cpu(&s->be, s->pool, EL_CPU_BEST, err));
    return electra_encoder_create(&s->encoder, electra_model_tokenizer(s->model), err);
}

/* Host memory whose size the model decides. */
static electra_status create_scratch(electra_session *s, const el_network *network, size_t sequences,
                                     electra_error *err)
{
    const size_t width = network->config.hidden_size > s->labels ? network->config.hidden_size : s->labels;
    const size_t of_window = s->longest * width;
    const size_t of_slot = network->head_config.kind == EL_HEAD_MASKED_LM ? network->config.vocab_size : 0;
    const size_t numbers = of_window > of_slot ? of_window : of_slot;
    s->numbers = el_alloc(numbers, sizeof *s->numbers);
    s->counts = el_alloc(s->longest + 2, sizeof *s->counts);
    if (network->head_config.kind == EL_HEAD_SPANS) {
        s->start = el_alloc(s->longest, sizeof *s->start);
        s->end = el_alloc(s->longest, sizeof *s->end);
    }
    if (network->head_config.kind == EL_HEAD_JOINT_QA) {
        s->joint = el_alloc(sequences, sizeof *s->joint);
    }
    const bool complete = s->numbers && s->counts &&
                          (network->head_config.kind != EL_HEAD_SPANS || (s->start && s->end)) &&
                          (network->head_config.kind != EL_HEAD_JOINT_QA || s->joint);
    return complete ? ELECTRA_OK : el_fail_memory(err, "a session's buffers", numbers * sizeof *s->numbers);
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
    return create_scratch(s, network, sequences, err);
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
    el_options_take(&o, options, sizeof o);
    EL_TRY(check_model(model, &o, err));
    electra_session *s = el_alloc(1, sizeof *s);
    if (!s) {
        return el_fail_memory(err, "a session", sizeof *s);
    }
    s->model = model;
    const size_t positions = el_model_network(model)->config.max_positions;
    s->longest = o.max_length && o.max_length < positions ? o.max_length : positions;
    s->truncate = o.truncate;
    s->one_segment = el_model_network(model)->config.n_types < 2;
    s->labels = el_head_outputs(&el_model_network(model)->head_config);
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

size_t electra_session_truncated(const electra_session *session)
{
    return session ? session->n_truncated : 0;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

/* What a model of each kind is for. */
static const struct {
    electra_model_kind kind;
    const char *use;
} USES[] = {
    {ELECTRA_MODEL_ENCODER, "this one makes vectors: electra embed"},
    {ELECTRA_MODEL_DISCRIMINATOR, "this one finds replaced tokens: electra detect"},
    {ELECTRA_MODEL_GENERATOR, "this one fills [MASK]: electra fill"},
    {ELECTRA_MODEL_CLASSIFIER, "this one classifies texts: electra predict"},
    {ELECTRA_MODEL_TAGGER, "this one labels words: electra predict"},
    {ELECTRA_MODEL_SPANS, "this one answers questions: electra predict"},
    {ELECTRA_MODEL_CHOICE, "this one chooses among answers: electra predict"},
    {ELECTRA_MODEL_JOINT_QA, "this one answers questions: electra predict"},
};

electra_status el_session_check_kind(const electra_session *s, electra_model_kind kind, const char *asked,
                                     electra_error *err)
{
    const electra_model_kind is = electra_model_kind_of(s->model);
    if (is == kind) {
        return ELECTRA_OK;
    }
    const char *use = "";
    for (size_t i = 0; i < sizeof USES / sizeof *USES; i++) {
        use = USES[i].kind == is ? USES[i].use : use;
    }
    const char *name = electra_model_kind_name(is);
    const char *wanted = electra_model_kind_name(kind);
    return el_fail(err, ELECTRA_MISUSE, el_model_folder(s->model), "%s is %s %s; %s needs %s %s (%s)",
                   el_model_folder(s->model), strchr("aeiou", name[0]) ? "an" : "a", name, asked,
                   strchr("aeiou", wanted[0]) ? "an" : "a", wanted, use);
}

electra_status el_session_check_call(const electra_session *s, bool complete, const char *function, electra_error *err)
{
    return s && complete ? ELECTRA_OK : el_fail(err, ELECTRA_MISUSE, function, "session, texts and out must be given");
}

void el_options_take(void *options, const void *given, size_t size)
{
    if (given) {
        size_t of_caller;
        memcpy(&of_caller, given, sizeof of_caller); /* struct_size comes first */
        memcpy(options, given, of_caller < size ? of_caller : size);
    }
}
