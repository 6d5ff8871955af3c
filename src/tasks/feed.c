/* Owns the sequences and targets of a micro-batch, on the host and in the backend's memory. */
#include "tasks/feed.h"

#include <math.h>

#include "base/mem.h"
#include "base/status.h"

struct el_feed {
    el_backend *be;
    const el_features *features;
    el_head_config head;
    el_head_loss loss;
    el_number_scale scale;
    size_t n_outputs; /* C */
    el_pack *pack;
    el_pack_room room;
    size_t n_units, n_sequences, n_tokens;
    uint32_t *ids;        /* [longest] of a window that is put together */
    size_t n_labels;      /* that there is room for */
    uint32_t *labels;     /* [n_labels] host; as el_head_targets.labels */
    float *numbers;       /* [sequences] host */
    uint32_t *questions;  /* [sequences + 1] host */
    void *device_labels;  /* [n_labels] */
    void *device_numbers; /* [sequences] reals */
    void *device_questions;
};

static el_head_loss loss_of(const el_features *f, el_head head)
{
    switch (f->examples->kind) {
    case EL_TASK_CLASSIFY:
    case EL_TASK_TAG: break;
    case EL_TASK_MULTILABEL: return EL_LOSS_LABELS;
    case EL_TASK_REGRESS: return EL_LOSS_NUMBERS;
    case EL_TASK_ANSWER: return head == EL_HEAD_JOINT_QA ? EL_LOSS_ANSWERS : EL_LOSS_SPANS;
    case EL_TASK_CHOICE: return EL_LOSS_CHOICES;
    }
    return EL_LOSS_CLASSES;
}

/* Of el_joint_qa_targets, one behind another in `labels`, each with room for all sequences. */
enum { ANSWER_START, ANSWER_END, ANSWER_IMPOSSIBLE, ANSWER_ROW, N_ANSWER_LABELS };

/* Entries of el_head_targets.labels (or of el_joint_qa_targets) for so many sequences and tokens. */
static size_t count_labels(const el_feed *feed, size_t sequences, size_t tokens)
{
    switch (feed->loss) {
    case EL_LOSS_CLASSES: return feed->head.kind == EL_HEAD_TAGGER ? tokens : sequences;
    case EL_LOSS_LABELS: return sequences * feed->n_outputs;
    case EL_LOSS_SPANS: return 2 * sequences;
    case EL_LOSS_CHOICES: return sequences;
    case EL_LOSS_ANSWERS: return N_ANSWER_LABELS * feed->room.sequences;
    case EL_LOSS_NUMBERS: break;
    }
    return 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static el_pack_room room_for(const el_features *f, size_t tokens)
{
    el_pack_room room = {.tokens = f->longest * f->most, .sequences = f->most};
    room.tokens = tokens > room.tokens ? tokens : room.tokens;
    size_t shortest = f->longest;
    for (size_t i = 0; i < f->n; i++) {
        const size_t n = el_features_length(f, i);
        shortest = n < shortest ? n : shortest;
    }
    const size_t fit = room.tokens / shortest;
    room.sequences = fit > room.sequences ? fit : room.sequences;
    return room;
}

static electra_status allocate(el_feed *feed, electra_error *err)
{
    el_backend *be = feed->be;
    const size_t n = feed->room.sequences;
    feed->n_labels = count_labels(feed, n, feed->room.tokens);
    feed->ids = el_alloc(feed->features->longest, sizeof *feed->ids);
    feed->labels = el_alloc(feed->n_labels, sizeof *feed->labels);
    feed->numbers = el_alloc(n, sizeof *feed->numbers);
    feed->questions = el_alloc(n + 1, sizeof *feed->questions);
    feed->device_labels = be->ops->alloc(be, (feed->n_labels + 1) * sizeof *feed->labels);
    feed->device_numbers = be->ops->alloc(be, n * be->element_size);
    feed->device_questions = be->ops->alloc(be, (n + 1) * sizeof *feed->questions);
    if (!feed->ids || !feed->labels || !feed->numbers || !feed->questions || !feed->device_labels ||
        !feed->device_numbers || !feed->device_questions) {
        return el_fail_memory(err, "a batch; a smaller micro-batch needs less", feed->n_labels * sizeof *feed->labels);
    }
    return el_pack_create(&feed->pack, be, &feed->room, err);
}

electra_status el_feed_create(el_feed **out, el_backend *be, const el_features *features, const el_head_config *head,
                              el_number_scale scale, size_t tokens, electra_error *err)
{
    *out = NULL;
    el_feed *feed = el_alloc(1, sizeof *feed);
    if (!feed) {
        return el_fail_memory(err, "a batch", sizeof *feed);
    }
    *feed = (el_feed){.be = be,
                      .features = features,
                      .head = *head,
                      .loss = loss_of(features, head->kind),
                      .scale = scale,
                      .n_outputs = el_head_outputs(head),
                      .room = room_for(features, tokens)};
    const electra_status status = allocate(feed, err);
    if (status != ELECTRA_OK) {
        el_feed_free(feed);
        return status;
    }
    el_feed_clear(feed);
    *out = feed;
    return ELECTRA_OK;
}

void el_feed_free(el_feed *feed)
{
    if (!feed) {
        return;
    }
    void *const of_backend[] = {feed->device_labels, feed->device_numbers, feed->device_questions};
    for (size_t i = 0; i < sizeof of_backend / sizeof of_backend[0]; i++) {
        if (of_backend[i]) {
            feed->be->ops->free(feed->be, of_backend[i]);
        }
    }
    el_pack_free(feed->pack);
    el_free(feed->ids);
    el_free(feed->labels);
    el_free(feed->numbers);
    el_free(feed->questions);
    el_free(feed);
}

el_pack_room el_feed_room(const el_feed *feed)
{
    return feed->room;
}

void el_feed_clear(el_feed *feed)
{
    el_pack_clear(feed->pack);
    feed->n_units = feed->n_sequences = feed->n_tokens = 0;
}

size_t el_feed_units(const el_feed *feed)
{
    return feed->n_units;
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

/* A label that training did not know cannot be learned. */
static uint32_t class_target(const el_feed *feed, uint32_t label)
{
    return label < feed->n_outputs ? label : EL_NO_TARGET;
}

static void put_tags(el_feed *feed, const el_feature *feature, const el_example *e)
{
    uint32_t *labels = feed->labels + feed->n_tokens;
    for (size_t i = 0; i < feature->n; i++) {
        labels[i] = EL_NO_TARGET;
    }
    for (size_t i = 0; i < feature->n_words; i++) {
        const uint32_t place = feed->features->places[feature->place + i];
        if (place + 1 < feature->n) {
            labels[place] = class_target(feed, e->labels[feature->word + i]);
        }
    }
}

static void put_labels(el_feed *feed, const el_example *e)
{
    uint32_t *labels = feed->labels + feed->n_sequences * feed->n_outputs;
    for (size_t i = 0; i < feed->n_outputs; i++) {
        labels[i] = 0;
    }
    for (size_t i = 0; i < e->n_labels; i++) {
        if (e->labels[i] < feed->n_outputs) {
            labels[e->labels[i]] = 1;
        }
    }
}

static void put_answer(el_feed *feed, el_qa_target target)
{
    uint32_t *labels = feed->labels + feed->n_sequences;
    const size_t room = feed->room.sequences;
    labels[ANSWER_START * room] = target.start;
    labels[ANSWER_END * room] = target.end;
    labels[ANSWER_IMPOSSIBLE * room] = target.impossible;
    labels[ANSWER_ROW * room] = (uint32_t)feed->n_tokens + (target.start == EL_NO_TARGET ? 0 : target.start);
}

static el_joint_qa_targets answer_targets(const el_feed *feed)
{
    const uint32_t *labels = feed->device_labels;
    const size_t room = feed->room.sequences;
    return (el_joint_qa_targets){.start = labels + ANSWER_START * room,
                                 .end = labels + ANSWER_END * room,
                                 .impossible = labels + ANSWER_IMPOSSIBLE * room,
                                 .rows = labels + ANSWER_ROW * room};
}

static void put_target(el_feed *feed, size_t unit)
{
    const el_features *f = feed->features;
    const el_example *e = &f->examples->list[el_features_example(f, unit)];
    switch (feed->loss) {
    case EL_LOSS_CLASSES:
        if (feed->head.kind == EL_HEAD_TAGGER) {
            put_tags(feed, &f->list[unit], e);
        } else {
            feed->labels[feed->n_sequences] = class_target(feed, e->n_labels ? e->labels[0] : EL_NO_LABEL);
        }
        break;
    case EL_LOSS_LABELS: put_labels(feed, e); break;
    case EL_LOSS_NUMBERS:
        feed->numbers[feed->n_sequences] = (float)((e->number - feed->scale.offset) / feed->scale.scale);
        break;
    case EL_LOSS_SPANS: {
        const el_qa_target target = el_qa_window_target(f->qa, unit);
        feed->labels[2 * feed->n_sequences] = target.start;
        feed->labels[2 * feed->n_sequences + 1] = target.end;
        break;
    }
    case EL_LOSS_ANSWERS: put_answer(feed, el_qa_window_target(f->qa, unit)); break;
    case EL_LOSS_CHOICES:
        feed->questions[feed->n_units] = (uint32_t)feed->n_sequences;
        feed->labels[feed->n_units] = e->n_labels && e->labels[0] < e->n_parts ? e->labels[0] : EL_NO_TARGET;
        break;
    }
}

size_t el_feed_parts(const el_feed *feed, size_t unit)
{
    const el_features *f = feed->features;
    const el_example *e = &f->examples->list[el_features_example(f, unit)];
    switch (feed->loss) {
    case EL_LOSS_CLASSES: break;
    case EL_LOSS_LABELS: return feed->n_outputs;
    case EL_LOSS_NUMBERS:
    case EL_LOSS_ANSWERS: return 1;
    case EL_LOSS_SPANS: return el_qa_window_target(f->qa, unit).start == EL_NO_TARGET ? 0 : 2;
    case EL_LOSS_CHOICES: return e->n_labels && e->labels[0] < e->n_parts;
    }
    if (feed->head.kind != EL_HEAD_TAGGER) {
        return e->n_labels && e->labels[0] < feed->n_outputs;
    }
    const el_feature *feature = &f->list[unit];
    size_t n = 0;
    for (size_t i = 0; i < feature->n_words; i++) {
        const uint32_t place = f->places[feature->place + i];
        n += place + 1 < feature->n && e->labels[feature->word + i] < feed->n_outputs;
    }
    return n;
}

/* ---- filling ----------------------------------------------------------------------------------------------------- */

static bool has_room(const el_feed *feed, size_t first, size_t end)
{
    size_t tokens = 0;
    for (size_t s = first; s < end; s++) {
        tokens += el_features_length(feed->features, s);
    }
    return feed->n_sequences + (end - first) <= feed->room.sequences && feed->n_tokens + tokens <= feed->room.tokens;
}

bool el_feed_add(el_feed *feed, size_t unit, uint64_t number)
{
    const el_features *f = feed->features;
    const size_t first = el_features_first(f, unit);
    const size_t end = el_features_first(f, unit + 1);
    if (!has_room(feed, first, end)) {
        return false;
    }
    put_target(feed, unit);
    for (size_t s = first; s < end; s++) {
        el_sequence sequence = el_features_sequence(f, s, feed->ids);
        sequence.number = number++;
        (void)el_pack_add(feed->pack, &sequence);
        feed->n_sequences++;
        feed->n_tokens += sequence.length;
    }
    feed->n_units++;
    return true;
}

const el_batch *el_feed_finish(el_feed *feed, el_head_targets *targets)
{
    el_backend *be = feed->be;
    if (targets) {
        const size_t n_labels = count_labels(feed, feed->n_sequences, feed->n_tokens);
        be->ops->upload_bytes(be, feed->device_labels, feed->labels, n_labels * sizeof *feed->labels);
        *targets = (el_head_targets){.kind = feed->loss, .labels = feed->device_labels};
        if (feed->loss == EL_LOSS_ANSWERS) {
            targets->answers = answer_targets(feed);
        }
        if (feed->loss == EL_LOSS_NUMBERS) {
            be->ops->upload_f32(be, feed->device_numbers, feed->numbers, feed->n_sequences);
            targets->numbers = el_tensor_of(feed->device_numbers, feed->n_sequences, 1);
        }
        if (feed->loss == EL_LOSS_CHOICES) {
            feed->questions[feed->n_units] = (uint32_t)feed->n_sequences;
            be->ops->upload_bytes(be, feed->device_questions, feed->questions,
                                  (feed->n_units + 1) * sizeof *feed->questions);
            targets->questions = feed->device_questions;
            targets->n_questions = feed->n_units;
        }
    }
    return el_pack_finish(feed->pack);
}
