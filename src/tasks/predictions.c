/* Owns forward passes over a task's features. */
#include "tasks/predictions.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "model/predict.h"

enum { BATCH_TOKENS = 2048 };

typedef struct maker {
    el_predictions *p;
    el_backend *be;
    const el_network *network;
    el_weights theta;
    const el_predictions_settings *settings;
    const electra_runtime *rt;
    el_predictor *predictor;
    el_feed *feed;
    size_t *order;           /* [n_units] longest first */
    float *numbers;          /* [longest * C] of one sequence */
    el_joint_answers *joint; /* [sequences of a pack] EL_HEAD_JOINT_QA */
    double loss;             /* sum over parts */
    size_t n_parts;
    double begun;
} maker;

size_t el_argmax(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

/* ---- losses: those of model/heads.h, outside training ------------------------------------------------------------ */

/* -log softmax(x)[target], where x are `n` numbers `stride` apart. */
static double cross_entropy(const float *x, size_t n, size_t stride, size_t target)
{
    double most = x[0];
    for (size_t i = 1; i < n; i++) {
        most = fmax(most, (double)x[i * stride]);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)x[i * stride] - most);
    }
    return most + log(sum) - (double)x[target * stride];
}

static void add_part(maker *m, double loss)
{
    m->loss += loss;
    m->n_parts++;
}

static const el_example *example_of(const maker *m, size_t unit)
{
    const el_features *f = m->p->features;
    return &f->examples->list[el_features_example(f, unit)];
}

static bool holds(const el_example *e, uint32_t label)
{
    for (size_t i = 0; i < e->n_labels; i++) {
        if (e->labels[i] == label) {
            return true;
        }
    }
    return false;
}

/* log(1 + exp(x)) - x * holds */
static double binary_cross_entropy(double x, bool label)
{
    return fmax(x, 0) + log1p(exp(-fabs(x))) - (label ? x : 0);
}

/* ---- taking the numbers of a unit -------------------------------------------------------------------------------- */

static void take_classes(maker *m, size_t unit, const float *logits)
{
    const el_example *e = example_of(m, unit);
    const size_t n = m->p->n_outputs;
    float *to = m->p->logits + unit * n;
    memcpy(to, logits, n * sizeof *to);
    if (m->p->features->examples->kind == EL_TASK_MULTILABEL) {
        for (size_t i = 0; i < n; i++) {
            add_part(m, binary_cross_entropy((double)to[i], holds(e, (uint32_t)i)));
        }
    } else if (m->p->features->examples->kind == EL_TASK_REGRESS) {
        to[0] = (float)((double)to[0] * m->settings->scale.scale + m->settings->scale.offset);
        if (!isnan(e->number)) {
            add_part(m, (e->number - (double)to[0]) * (e->number - (double)to[0]));
        }
    } else if (e->n_labels && e->labels[0] < n) {
        add_part(m, cross_entropy(to, n, 1, e->labels[0]));
    }
}

static void take_choices(maker *m, size_t unit, const float *logits)
{
    const el_features *f = m->p->features;
    const el_example *e = example_of(m, unit);
    const size_t first = el_features_first(f, unit);
    const size_t n = el_features_first(f, unit + 1) - first;
    memcpy(m->p->logits + first, logits, n * sizeof *logits);
    if (e->n_labels && e->labels[0] < n) {
        add_part(m, cross_entropy(logits, n, 1, e->labels[0]));
    }
}

static void take_tags(maker *m, size_t unit, const float *logits)
{
    const el_features *f = m->p->features;
    const el_feature *feature = &f->list[unit];
    const el_example *e = example_of(m, unit);
    const size_t n = m->p->n_outputs;
    for (size_t i = 0; i < feature->n_words; i++) {
        const float *row = logits + f->places[feature->place + i] * n;
        const uint32_t label = e->labels ? e->labels[feature->word + i] : EL_NO_LABEL;
        m->p->tags[feature->place + i] = (uint32_t)el_argmax(row, n);
        if (label < n) {
            add_part(m, cross_entropy(row, n, 1, label));
        }
    }
}

static void take_spans(maker *m, size_t unit, const float *logits)
{
    const el_qa_set *set = m->p->features->qa;
    const size_t n = el_qa_window_length(set, unit);
    const el_qa_target target = el_qa_window_target(set, unit);
    if (target.start != EL_NO_TARGET) {
        add_part(m, cross_entropy(logits, n, 2, target.start));
        add_part(m, cross_entropy(logits + 1, n, 2, target.end));
    }
    el_qa_take_spans(m->p->qa, unit, logits);
}

/* ---- computing --------------------------------------------------------------------------------------------------- */

static size_t unit_tokens(const el_features *f, size_t unit)
{
    size_t n = 0;
    for (size_t s = el_features_first(f, unit); s < el_features_first(f, unit + 1); s++) {
        n += el_features_length(f, s);
    }
    return n;
}

/* Longest first, those of one length in their order: counting sort. */
static electra_status sort_units(maker *m, electra_error *err)
{
    const el_features *f = m->p->features;
    const size_t most = f->longest * f->most;
    size_t *starts = el_alloc(most + 2, sizeof *starts);
    m->order = el_alloc(f->n_units, sizeof *m->order);
    if (!starts || !m->order) {
        el_free(starts);
        return el_fail_memory(err, "the order of the examples", f->n_units * sizeof *m->order);
    }
    for (size_t u = 0; u < f->n_units; u++) {
        starts[most - unit_tokens(f, u) + 1]++;
    }
    for (size_t i = 1; i <= most; i++) {
        starts[i] += starts[i - 1];
    }
    for (size_t u = 0; u < f->n_units; u++) {
        m->order[starts[most - unit_tokens(f, u)]++] = u;
    }
    el_free(starts);
    return ELECTRA_OK;
}

static void download(maker *m, el_tensor x, size_t row, size_t n)
{
    m->be->ops->download_f32(m->be, m->numbers, el_tensor_rows(m->be, x, row, n).data, n * x.cols);
}

static void take_pack(maker *m, const size_t *units, size_t n, el_tensor out, bool per_token)
{
    const el_features *f = m->p->features;
    size_t row = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t rows =
            per_token ? unit_tokens(f, units[i]) : el_features_first(f, units[i] + 1) - el_features_first(f, units[i]);
        download(m, out, row, rows);
        row += rows;
        switch (f->examples->kind) {
        case EL_TASK_CLASSIFY:
        case EL_TASK_MULTILABEL:
        case EL_TASK_REGRESS: take_classes(m, units[i], m->numbers); break;
        case EL_TASK_CHOICE: take_choices(m, units[i], m->numbers); break;
        case EL_TASK_TAG: take_tags(m, units[i], m->numbers); break;
        case EL_TASK_ANSWER: take_spans(m, units[i], m->numbers); break;
        }
    }
}

static bool is_joint(const maker *m)
{
    return m->network->head_config.kind == EL_HEAD_JOINT_QA;
}

/* A unit is a window, and so is a sequence. */
static void compute_joint_pack(maker *m, const size_t *units, size_t n)
{
    el_head_targets targets;
    const el_batch *batch = el_feed_finish(m->feed, &targets);
    (void)el_predictor_answers(m->predictor, m->theta, &batch->layout, batch->ids, batch->types, m->joint);
    m->loss += el_predictor_answers_loss(m->predictor, m->theta, &batch->layout, batch->types, &targets.answers);
    m->n_parts += n;
    for (size_t i = 0; i < n; i++) {
        el_qa_take_joint(m->p->qa, units[i], &m->joint[i]);
    }
    el_feed_clear(m->feed);
}

static void compute_pack(maker *m, const size_t *units, size_t n)
{
    if (is_joint(m)) {
        compute_joint_pack(m, units, n);
        return;
    }
    const el_batch *batch = el_feed_finish(m->feed, NULL);
    const bool per_token = !el_head_reads_first(m->network->head_config.kind);
    const el_tensor out = per_token
                              ? el_predictor_tags(m->predictor, m->theta, &batch->layout, batch->ids, batch->types)
                              : el_predictor_classes(m->predictor, m->theta, &batch->layout, batch->ids, batch->types);
    take_pack(m, units, n, out, per_token);
    el_feed_clear(m->feed);
}

static electra_status report(const maker *m, size_t done, electra_error *err)
{
    const electra_progress progress = {.stage = "evaluating",
                                       .unit = "examples",
                                       .done = (double)done,
                                       .total = (double)m->p->features->n_units,
                                       .seconds = el_now() - m->begun};
    if (m->rt && el_progress(m->rt, &progress)) {
        return el_fail(err, ELECTRA_INTERRUPTED, NULL, "stopped after %zu of %zu examples", done,
                       m->p->features->n_units);
    }
    return ELECTRA_OK;
}

static electra_status compute(maker *m, electra_error *err)
{
    const size_t n = m->p->features->n_units;
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        if (!el_feed_add(m->feed, m->order[i], 0)) {
            compute_pack(m, m->order + done, i - done);
            EL_TRY(report(m, i, err));
            done = i;
            (void)el_feed_add(m->feed, m->order[i], 0); /* an empty one holds any unit */
        }
    }
    if (done < n) {
        compute_pack(m, m->order + done, n - done);
    }
    return ELECTRA_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static electra_status allocate(maker *m, electra_error *err)
{
    el_predictions *p = m->p;
    const el_features *f = p->features;
    const size_t words = f->n ? f->list ? f->list[f->n - 1].place + f->list[f->n - 1].n_words : 0 : 0;
    m->numbers = el_alloc(f->longest * f->most * p->n_outputs, sizeof *m->numbers);
    if (f->examples->kind == EL_TASK_ANSWER) {
        el_nbest_rules rules = el_nbest_rules_default();
        rules.max_answer = m->settings->max_answer ? m->settings->max_answer : rules.max_answer;
        EL_TRY(el_qa_results_create(&p->qa, f->qa, &rules, is_joint(m), err));
    } else if (f->examples->kind == EL_TASK_TAG) {
        p->tags = el_alloc(words, sizeof *p->tags);
    } else {
        p->logits = el_alloc(f->n * p->n_outputs, sizeof *p->logits);
    }
    if (!m->numbers || !(p->qa || p->tags || p->logits)) {
        return el_fail_memory(err, "the answers to the examples", f->n * p->n_outputs * sizeof *p->logits);
    }
    const size_t tokens = m->settings->batch_tokens ? m->settings->batch_tokens : BATCH_TOKENS;
    EL_TRY(el_feed_create(&m->feed, m->be, f, &m->network->head_config, m->settings->scale, tokens, err));
    const el_pack_room room = el_feed_room(m->feed);
    if (is_joint(m)) {
        m->joint = el_alloc(room.sequences, sizeof *m->joint);
        if (!m->joint) {
            return el_fail_memory(err, "the answers to the examples", room.sequences * sizeof *m->joint);
        }
    }
    const el_predict_limits limits = {.tokens = room.tokens, .sequences = room.sequences, .longest = f->longest};
    return el_predictor_create(&m->predictor, m->be, m->network, &limits, err);
}

static electra_status make(maker *m, electra_error *err)
{
    EL_TRY(sort_units(m, err));
    EL_TRY(allocate(m, err));
    EL_TRY(compute(m, err));
    m->p->loss = m->n_parts ? m->loss / (double)m->n_parts : (double)NAN;
    return ELECTRA_OK;
}

electra_status el_predictions_make(el_predictions **out, el_backend *be, const el_network *network, el_weights theta,
                                   const el_features *features, const el_predictions_settings *settings,
                                   const electra_runtime *rt, electra_error *err)
{
    *out = NULL;
    el_predictions *p = el_alloc(1, sizeof *p);
    if (!p) {
        return el_fail_memory(err, "the answers to the examples", sizeof *p);
    }
    p->features = features;
    p->n_outputs = el_head_outputs(&network->head_config);
    maker m = {.p = p, .be = be, .network = network, .theta = theta, .settings = settings, .rt = rt, .begun = el_now()};
    const electra_status status = make(&m, err);
    el_predictor_free(m.predictor);
    el_feed_free(m.feed);
    el_free(m.order);
    el_free(m.numbers);
    el_free(m.joint);
    if (status != ELECTRA_OK) {
        el_predictions_free(p);
        return status;
    }
    *out = p;
    return ELECTRA_OK;
}

void el_predictions_free(el_predictions *p)
{
    if (!p) {
        return;
    }
    el_qa_results_free(p->qa);
    el_free(p->logits);
    el_free(p->tags);
    el_free(p);
}

const el_example *el_predictions_example(const el_predictions *p, size_t unit)
{
    return &p->features->examples->list[el_features_example(p->features, unit)];
}
