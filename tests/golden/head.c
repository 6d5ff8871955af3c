/* Case types head and bert: a model with the head of a task on one batch. head: logits, loss and every gradient; bert:
 * every hidden state, what the pooler makes of [CLS], and logits. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/batch.h"
#include "golden/case.h"
#include "interop/model_dir.h"
#include "model/limits.h"
#include "model/task.h"

enum { NAME_BYTES = 192 };

typedef struct trial {
    golden_case *c;
    el_backend *be;
    el_model_dir *dir;
    el_params params;
    el_network network;
    void *theta, *gradient;
    el_task task;
    void *memory; /* of the task's tensors */
    float *numbers;
    /* the batch: as stored [B, S], and packed */
    size_t n_sequences, width;
    uint32_t *ids, *types, *mask, *lengths;
    el_pack *pack;
    const el_batch *batch;
    /* what its logits are compared with */
    el_head_targets targets;
    size_t n_parts;
    void *target_memory;
    uint32_t *questions;
} trial;

/* ---- the batch -------------------------------------------------------------------------------------------------- */

static bool read_batch(trial *t)
{
    size_t cells = 0;
    t->lengths = golden_input(t->c, "lengths", 0, &t->n_sequences);
    t->ids = golden_input(t->c, "input_ids", 0, &cells);
    if (!t->lengths || !t->ids || t->n_sequences == 0 || cells % t->n_sequences != 0) {
        golden_problem(t->c, "lengths and input_ids do not go together");
        return false;
    }
    t->width = cells / t->n_sequences;
    t->types = golden_input(t->c, "token_type_ids", cells, NULL);
    t->mask = golden_input(t->c, "attention_mask", cells, NULL);
    if (!t->types || !t->mask) {
        return false;
    }
    for (size_t i = 0; i < cells; i++) { /* also what never reaches the network, so that no altered number goes by */
        const bool real = i % t->width < t->lengths[i / t->width];
        if (t->mask[i] != real || (!real && (t->ids[i] || t->types[i])) || t->ids[i] >= t->network.config.vocab_size ||
            t->types[i] >= t->network.config.n_types) {
            golden_problem(t->c, "input_ids, token_type_ids, attention_mask and lengths do not go together at %zu", i);
            return false;
        }
    }
    return true;
}

static bool pack_batch(trial *t)
{
    const el_pack_room room = {.tokens = t->n_sequences * t->width, .sequences = t->n_sequences, .slots = 1};
    electra_error err = {0};
    if (!golden_ok(t->c, el_pack_create(&t->pack, t->be, &room, &err), &err)) {
        return false;
    }
    for (size_t i = 0; i < t->n_sequences; i++) {
        const el_sequence s = {
            .ids = t->ids + i * t->width, .length = t->lengths[i], .types = t->types + i * t->width, .number = i};
        if (s.length == 0 || s.length > t->width || s.length > t->network.config.max_positions ||
            !el_pack_add(t->pack, &s)) {
            golden_problem(t->c, "lengths[%zu] is %zu", i, s.length);
            return false;
        }
    }
    t->batch = el_pack_finish(t->pack);
    return true;
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

/* Bring n indices to the backend as the targets, and count the parts. Frees them. */
static bool give_labels(trial *t, uint32_t *labels, size_t n)
{
    bool fine = labels != NULL;
    if (fine) {
        t->target_memory = t->be->ops->alloc(t->be, n * sizeof *labels);
        fine = t->target_memory != NULL;
    }
    if (fine) {
        t->be->ops->upload_bytes(t->be, t->target_memory, labels, n * sizeof *labels);
        t->targets.labels = t->target_memory;
        for (size_t i = 0; i < n; i++) {
            t->n_parts += labels[i] != EL_NO_TARGET;
        }
    }
    el_free(labels);
    return fine;
}

static bool below(trial *t, const char *what, const uint32_t *values, size_t n, size_t limit)
{
    for (size_t i = 0; values && i < n; i++) {
        if (values[i] != EL_NO_TARGET && values[i] >= limit) {
            golden_problem(t->c, "%s[%zu] is %u, but should be below %zu", what, i, values[i], limit);
            return false;
        }
    }
    return values != NULL;
}

static bool give_classes(trial *t)
{
    uint32_t *labels = golden_input_targets(t->c, "labels", t->n_sequences, NULL);
    if (!below(t, "labels", labels, t->n_sequences, t->network.head_config.n_labels)) {
        el_free(labels);
        return false;
    }
    t->targets.kind = EL_LOSS_CLASSES;
    return give_labels(t, labels, t->n_sequences);
}

/* Numbers, or labels that hold or do not: both are stored as real numbers. */
static bool give_numbers(trial *t, bool labels)
{
    const size_t rows = t->n_sequences, cols = t->network.head_config.n_labels, n = rows * cols;
    float *numbers = golden_input_numbers(t->c, "labels", n);
    uint32_t *marks = el_alloc(n, sizeof *marks);
    bool fine = numbers && marks;
    for (size_t i = 0; fine && labels && i < n; i++) {
        marks[i] = numbers[i] != 0.0f;
        if (numbers[i] != 0.0f && numbers[i] != 1.0f) {
            golden_problem(t->c, "labels[%zu] is %g", i, (double)numbers[i]);
            fine = false;
        }
    }
    if (fine && labels) {
        t->targets.kind = EL_LOSS_LABELS;
        fine = give_labels(t, marks, n);
        marks = NULL;
    } else if (fine) {
        t->targets.kind = EL_LOSS_NUMBERS;
        t->target_memory = t->be->ops->alloc(t->be, n * t->be->element_size);
        fine = t->target_memory != NULL;
        t->targets.numbers = el_tensor_of(t->target_memory, rows, cols);
        t->n_parts = n;
        if (fine) {
            t->be->ops->upload_f32(t->be, t->target_memory, numbers, n);
        }
    }
    el_free(numbers);
    el_free(marks);
    return fine;
}

static bool give_tags(trial *t)
{
    const size_t cells = t->n_sequences * t->width;
    uint32_t *stored = golden_input_targets(t->c, "labels", cells, NULL);
    uint32_t *packed = el_alloc(cells, sizeof *packed);
    bool fine = packed && below(t, "labels", stored, cells, t->network.head_config.n_labels);
    size_t n = 0;
    for (size_t i = 0; fine && i < cells; i++) {
        if (t->mask[i]) {
            packed[n++] = stored[i];
        } else if (stored[i] != EL_NO_TARGET) {
            golden_problem(t->c, "labels[%zu] stands at padding and is not -100", i);
            fine = false;
        }
    }
    el_free(stored);
    if (!fine) {
        el_free(packed);
        return false;
    }
    t->targets.kind = EL_LOSS_CLASSES;
    return give_labels(t, packed, n);
}

static bool give_spans(trial *t)
{
    uint32_t *start = golden_input_targets(t->c, "start_positions", t->n_sequences, NULL);
    uint32_t *end = golden_input_targets(t->c, "end_positions", t->n_sequences, NULL);
    uint32_t *both = el_alloc(2 * t->n_sequences, sizeof *both);
    bool fine = start && end && both;
    for (size_t i = 0; fine && i < t->n_sequences; i++) {
        fine = below(t, "start_positions", start + i, 1, t->lengths[i]) &&
               below(t, "end_positions", end + i, 1, t->lengths[i]);
        both[2 * i] = start[i];
        both[2 * i + 1] = end[i];
    }
    el_free(start);
    el_free(end);
    if (!fine) {
        el_free(both);
        return false;
    }
    t->targets.kind = EL_LOSS_SPANS;
    return give_labels(t, both, 2 * t->n_sequences);
}

static bool give_choices(trial *t)
{
    const size_t choices = (size_t)golden_setting(t->c, "choices");
    if (choices == 0 || t->n_sequences % choices != 0) {
        golden_problem(t->c, "settings.choices does not go with %zu sequences", t->n_sequences);
        return false;
    }
    const size_t n = t->n_sequences / choices;
    uint32_t *labels = golden_input_targets(t->c, "labels", n, NULL);
    uint32_t *starts = el_alloc(n + 1, sizeof *starts);
    t->questions = t->be->ops->alloc(t->be, (n + 1) * sizeof *starts);
    if (!starts || !t->questions || !below(t, "labels", labels, n, choices)) {
        el_free(labels);
        el_free(starts);
        return false;
    }
    for (size_t i = 0; i <= n; i++) {
        starts[i] = (uint32_t)(i * choices);
    }
    t->be->ops->upload_bytes(t->be, t->questions, starts, (n + 1) * sizeof *starts);
    el_free(starts);
    t->targets.kind = EL_LOSS_CHOICES;
    t->targets.questions = t->questions;
    t->targets.n_questions = n;
    return give_labels(t, labels, n);
}

static bool give_targets(trial *t)
{
    if (strcmp(golden_setting_text(t->c, "loss"), "mean") != 0) {
        golden_problem(t->c, "settings.loss should be \"mean\"");
        return false;
    }
    switch (t->network.head_config.kind) {
    case EL_HEAD_CLASSIFIER: {
        const electra_problem problem = el_model_dir_config(t->dir)->labels.problem;
        return problem == ELECTRA_PROBLEM_REGRESSION    ? give_numbers(t, false)
               : problem == ELECTRA_PROBLEM_MULTI_LABEL ? give_numbers(t, true)
                                                        : give_classes(t);
    }
    case EL_HEAD_TAGGER: return give_tags(t);
    case EL_HEAD_SPANS: return give_spans(t);
    case EL_HEAD_CHOICE: return give_choices(t);
    case EL_HEAD_NONE:
    case EL_HEAD_MASKED_LM:
    case EL_HEAD_DISCRIMINATOR: break;
    }
    golden_problem(t->c, "the model has no head of a task");
    return false;
}

/* ---- the model -------------------------------------------------------------------------------------------------- */

static bool load_model(trial *t)
{
    char path[1024];
    electra_error err = {0};
    snprintf(path, sizeof path, "%s/model", t->c->folder);
    if (!golden_ok(t->c, el_model_dir_open(&t->dir, path, NULL, &err), &err)) {
        return false;
    }
    const el_head_config *head = el_model_dir_head(t->dir);
    const el_model_config *config = &el_model_dir_config(t->dir)->model;
    const char *class = golden_setting_text(t->c, "class"), *found = el_hf_architecture(config->family, head->kind);
    if (strcmp(class, found) != 0 || el_head_outputs(head) == 0 || golden_setting(t->c, "dropout") != 0) {
        golden_problem(t->c, "settings.class is %s and the weights are those of %s, or settings.dropout is not 0",
                       class, found);
        return false;
    }
    const bool counted = json_object_get(json_object_get(t->c->json, "settings"), "num_labels") != NULL;
    if (head->n_labels > 0 && counted && golden_setting(t->c, "num_labels") != (double)head->n_labels) {
        golden_problem(t->c, "settings.num_labels is not the %zu of config.json", head->n_labels);
        return false;
    }
    if (!golden_ok(t->c, el_params_build_single(&t->params, &t->network, config, head, &err), &err)) {
        return false;
    }
    const size_t bytes = t->params.elements * t->be->element_size;
    t->theta = t->be->ops->alloc(t->be, bytes);
    t->gradient = t->be->ops->alloc(t->be, bytes);
    const el_weights theta = el_weights_of(t->be, &t->params, t->theta);
    return t->theta && t->gradient &&
           golden_ok(t->c, el_model_dir_read(t->dir, theta, t->network.role, EL_READ_ALL, &err), &err);
}

static bool lay_out(trial *t)
{
    const el_layout *layout = &t->batch->layout;
    electra_error err = {0};
    if (!golden_ok(t->c, el_task_init(&t->task, &t->network, &err), &err)) {
        return false;
    }
    el_plan plan = {.element_size = t->be->element_size};
    el_task_plan(&t->task, layout->n_tokens, layout->n_sequences, true, &plan);
    t->memory = t->be->ops->alloc(t->be, plan.arena.peak);
    plan.arena = (el_arena){.base = t->memory, .capacity = plan.arena.peak};
    const size_t rows = t->n_sequences * t->width;
    t->numbers = el_alloc(t->params.elements + rows * t->network.config.hidden_size, sizeof *t->numbers);
    if (!t->memory || !t->numbers) {
        golden_problem(t->c, "out of memory");
        return false;
    }
    el_task_plan(&t->task, layout->n_tokens, layout->n_sequences, true, &plan);
    const el_limits limits =
        el_network_limits(&t->network.config, layout->n_tokens, layout->n_sequences, layout->longest, 1);
    return golden_ok(t->c, t->be->ops->reserve(t->be, &limits, &err), &err);
}

static bool set_up(trial *t, golden_case *c, el_pool *pool)
{
    *t = (trial){.c = c};
    electra_error err = {0};
    return golden_ok(c, el_backend_create_cpu(&t->be, pool, EL_CPU_BEST, &err), &err) && load_model(t) &&
           read_batch(t) && pack_batch(t) && lay_out(t);
}

static void free_of_backend(trial *t, void *memory)
{
    if (memory) {
        t->be->ops->free(t->be, memory);
    }
}

static void take_down(trial *t)
{
    el_pack_free(t->pack);
    el_task_clear(&t->task);
    void *const of_backend[] = {t->theta, t->gradient, t->memory, t->target_memory, t->questions};
    for (size_t i = 0; i < sizeof of_backend / sizeof of_backend[0]; i++) {
        free_of_backend(t, of_backend[i]);
    }
    void *const of_host[] = {t->numbers, t->ids, t->types, t->mask, t->lengths};
    for (size_t i = 0; i < sizeof of_host / sizeof of_host[0]; i++) {
        el_free(of_host[i]);
    }
    el_params_clear(&t->params);
    el_model_dir_close(t->dir);
    el_backend_free(t->be);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static double run(trial *t, bool with_targets)
{
    const el_pass pass = {.layout = &t->batch->layout, .ids = t->batch->ids, .types = t->batch->types};
    const el_weights theta = el_weights_of(t->be, &t->params, t->theta);
    const el_weights gradient = el_weights_of(t->be, &t->params, with_targets ? t->gradient : NULL);
    const double scale = with_targets ? 1.0 / (double)t->n_parts : 1.0;
    return scale * el_task_run(&t->task, theta, gradient, &pass, with_targets ? &t->targets : NULL, scale);
}

static void compare(trial *t, const char *name, el_tensor x)
{
    t->be->ops->download_f32(t->be, t->numbers, x.data, x.rows * x.cols);
    golden_compare(t->c, name, t->numbers, x.rows * x.cols);
}

static void compare_tokens(trial *t, const char *name, el_tensor x)
{
    t->be->ops->download_f32(t->be, t->numbers, x.data, x.rows * x.cols);
    golden_compare_packed(t->c, name, t->numbers, x.cols, t->lengths, t->n_sequences, t->width);
}

/* A column of the logits of all tokens. */
static void compare_column(trial *t, const char *name, size_t column)
{
    const el_tensor logits = t->task.head.logits;
    t->be->ops->download_f32(t->be, t->numbers, logits.data, logits.rows * logits.cols);
    for (size_t i = 0; i < logits.rows; i++) {
        t->numbers[i] = t->numbers[i * logits.cols + column];
    }
    golden_compare_packed(t->c, name, t->numbers, 1, t->lengths, t->n_sequences, t->width);
}

static void compare_logits(trial *t)
{
    switch (t->network.head_config.kind) {
    case EL_HEAD_SPANS:
        compare_column(t, "start_logits", 0);
        compare_column(t, "end_logits", 1);
        break;
    case EL_HEAD_TAGGER: compare_tokens(t, "logits", t->task.head.logits); break;
    default: compare(t, "logits", t->task.head.logits); break;
    }
}

void golden_run_head(golden_case *c, el_pool *pool)
{
    trial t;
    if (!set_up(&t, c, pool) || !give_targets(&t) || t.n_parts == 0) {
        golden_problem(c, "the case cannot be set up");
    } else {
        const float loss = (float)run(&t, true);
        compare_logits(&t);
        golden_compare(c, "loss", &loss, 1);
        for (size_t i = 0; i < t.params.count; i++) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, "gradient.%s", t.params.list[i].name);
            compare(&t, name, el_weights_at(el_weights_of(t.be, &t.params, t.gradient), i));
        }
    }
    take_down(&t);
}

void golden_run_bert(golden_case *c, el_pool *pool)
{
    trial t;
    if (!set_up(&t, c, pool)) {
        golden_problem(c, "the case cannot be set up");
    } else {
        run(&t, false);
        compare_tokens(&t, "hidden.0", t.task.encoder.entry);
        for (size_t i = 0; i < t.network.config.n_layers; i++) {
            char name[NAME_BYTES];
            snprintf(name, sizeof name, "hidden.%zu", i + 1);
            compare_tokens(&t, name, t.task.encoder.layers[i].out);
        }
        compare(&t, "pooled", t.task.head.inner);
        compare_logits(&t);
    }
    take_down(&t);
}
