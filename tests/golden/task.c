#include "golden/task.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/limits.h"

/* ---- batches ---------------------------------------------------------------------------------------------------- */

static bool read_batches(golden_task *t)
{
    size_t sequences = 0, cells = 0;
    t->lengths = golden_input(t->c, "lengths", 0, &sequences);
    t->ids = golden_input(t->c, "input_ids", 0, &cells);
    if (!t->lengths || !t->ids || sequences == 0 || sequences % t->n_steps != 0 || cells % sequences != 0) {
        golden_problem(t->c, "lengths and input_ids do not go together");
        return false;
    }
    t->n_sequences = sequences / t->n_steps;
    t->width = cells / sequences;
    t->types = golden_input(t->c, "token_type_ids", cells, NULL);
    t->mask = golden_input(t->c, "attention_mask", cells, NULL);
    if (!t->types || !t->mask) {
        return false;
    }
    for (size_t i = 0; i < cells; i++) { /* also what never reaches the network, so that no altered number goes by */
        const uint32_t length = t->lengths[i / t->width];
        const bool real = i % t->width < length;
        if (length == 0 || length > t->width || length > t->network.config.max_positions || t->mask[i] != real ||
            (!real && (t->ids[i] || t->types[i])) || t->ids[i] >= t->network.config.vocab_size ||
            t->types[i] >= t->network.config.n_types) {
            golden_problem(t->c, "input_ids, token_type_ids, attention_mask and lengths do not go together at %zu", i);
            return false;
        }
    }
    return true;
}

static bool pack_batch(golden_task *t)
{
    el_pack_clear(t->pack);
    for (size_t i = 0; i < t->n_sequences; i++) {
        const size_t sequence = t->step * t->n_sequences + i;
        const el_sequence s = {.ids = t->ids + sequence * t->width,
                               .length = t->lengths[sequence],
                               .types = t->types + sequence * t->width,
                               .number = i};
        if (!el_pack_add(t->pack, &s)) {
            golden_problem(t->c, "a batch is larger than was planned");
            return false;
        }
    }
    t->batch = el_pack_finish(t->pack);
    return true;
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

/* Each of n values is below a limit, or no target. */
static bool below(golden_task *t, const char *what, const uint32_t *values, size_t n, size_t limit)
{
    for (size_t i = 0; values && i < n; i++) {
        if (values[i] != EL_NO_TARGET && values[i] >= limit) {
            golden_problem(t->c, "%s[%zu] is %u, but should be below %zu", what, i, values[i], limit);
            return false;
        }
    }
    return values != NULL;
}

/* n labels a step, classes below a limit. */
static bool read_labels(golden_task *t, el_head_loss kind, size_t n, size_t limit)
{
    t->targets.kind = kind;
    t->n_stored = n;
    t->stored_labels = golden_input_targets(t->c, "labels", t->n_steps * n, NULL);
    return below(t, "labels", t->stored_labels, t->n_steps * n, limit);
}

/* Numbers, or labels that hold or do not: both are stored as real numbers. */
static bool read_numbers(golden_task *t, bool labels)
{
    t->targets.kind = labels ? EL_LOSS_LABELS : EL_LOSS_NUMBERS;
    t->n_stored = t->n_sequences * t->network.head_config.n_labels;
    const size_t n = t->n_steps * t->n_stored;
    t->stored_numbers = golden_input_numbers(t->c, "labels", n);
    if (!labels || !t->stored_numbers) {
        return t->stored_numbers != NULL;
    }
    t->stored_labels = el_alloc(n, sizeof *t->stored_labels);
    for (size_t i = 0; t->stored_labels && i < n; i++) {
        t->stored_labels[i] = t->stored_numbers[i] != 0.0f;
        if (t->stored_numbers[i] != 0.0f && t->stored_numbers[i] != 1.0f) {
            golden_problem(t->c, "labels[%zu] is %g", i, (double)t->stored_numbers[i]);
            return false;
        }
    }
    return t->stored_labels != NULL;
}

static bool read_tags(golden_task *t)
{
    const size_t cells = t->n_sequences * t->width;
    if (!read_labels(t, EL_LOSS_CLASSES, cells, t->network.head_config.n_labels)) {
        return false;
    }
    for (size_t i = 0; i < t->n_steps * cells; i++) {
        if (!t->mask[i] && t->stored_labels[i] != EL_NO_TARGET) {
            golden_problem(t->c, "labels[%zu] stands at padding and is not -100", i);
            return false;
        }
    }
    return true;
}

static bool read_spans(golden_task *t)
{
    const size_t n = t->n_steps * t->n_sequences;
    t->targets.kind = EL_LOSS_SPANS;
    t->n_stored = 2 * t->n_sequences;
    uint32_t *start = golden_input_targets(t->c, "start_positions", n, NULL);
    uint32_t *end = golden_input_targets(t->c, "end_positions", n, NULL);
    t->stored_labels = el_alloc(2 * n, sizeof *t->stored_labels);
    bool fine = start && end && t->stored_labels;
    for (size_t i = 0; fine && i < n; i++) {
        fine = below(t, "start_positions", start + i, 1, t->lengths[i]) &&
               below(t, "end_positions", end + i, 1, t->lengths[i]);
        t->stored_labels[2 * i] = start[i];
        t->stored_labels[2 * i + 1] = end[i];
    }
    el_free(start);
    el_free(end);
    return fine;
}

static bool read_choices(golden_task *t)
{
    const size_t choices = (size_t)golden_setting(t->c, "choices");
    if (choices == 0 || t->n_sequences % choices != 0) {
        golden_problem(t->c, "settings.choices does not go with %zu sequences", t->n_sequences);
        return false;
    }
    const size_t n = t->n_sequences / choices;
    uint32_t *starts = el_alloc(n + 1, sizeof *starts);
    t->questions = t->be->ops->alloc(t->be, (n + 1) * sizeof *starts);
    const bool fine = starts && t->questions && read_labels(t, EL_LOSS_CHOICES, n, choices);
    if (fine) {
        for (size_t i = 0; i <= n; i++) {
            starts[i] = (uint32_t)(i * choices);
        }
        t->be->ops->upload_bytes(t->be, t->questions, starts, (n + 1) * sizeof *starts);
        t->targets.questions = t->questions;
        t->targets.n_questions = n;
    }
    el_free(starts);
    return fine;
}

static bool read_stored_targets(golden_task *t)
{
    switch (t->network.head_config.kind) {
    case EL_HEAD_CLASSIFIER: {
        const electra_problem problem = el_model_dir_config(t->dir)->labels.problem;
        if (problem == ELECTRA_PROBLEM_REGRESSION || problem == ELECTRA_PROBLEM_MULTI_LABEL) {
            return read_numbers(t, problem == ELECTRA_PROBLEM_MULTI_LABEL);
        }
        return read_labels(t, EL_LOSS_CLASSES, t->n_sequences, t->network.head_config.n_labels);
    }
    case EL_HEAD_TAGGER: return read_tags(t);
    case EL_HEAD_SPANS: return read_spans(t);
    case EL_HEAD_CHOICE: return read_choices(t);
    case EL_HEAD_NONE:
    case EL_HEAD_MASKED_LM:
    case EL_HEAD_DISCRIMINATOR:
    case EL_HEAD_JOINT_QA: break; /* transformers has none */
    }
    golden_problem(t->c, "the model has no head of a task");
    return false;
}

static bool read_targets(golden_task *t)
{
    if (strncmp(golden_setting_text(t->c, "loss"), "mean", strlen("mean")) != 0) {
        golden_problem(t->c, "settings.loss should be a mean");
        return false;
    }
    if (!read_stored_targets(t)) {
        return false;
    }
    t->host = el_alloc(t->n_stored, sizeof *t->host);
    const size_t size = t->targets.kind == EL_LOSS_NUMBERS ? t->be->element_size : sizeof *t->host;
    t->target_memory = t->be->ops->alloc(t->be, t->n_stored * size);
    return t->host && t->target_memory;
}

static bool give_targets(golden_task *t)
{
    const size_t first = t->step * t->n_stored;
    if (t->targets.kind == EL_LOSS_NUMBERS) {
        const size_t outputs = t->network.head_config.n_labels;
        t->be->ops->upload_f32(t->be, t->target_memory, t->stored_numbers + first, t->n_stored);
        t->targets.numbers = el_tensor_of(t->target_memory, t->n_sequences, outputs);
        t->n_parts = t->n_stored;
        return true;
    }
    const bool of_tokens = t->network.head_config.kind == EL_HEAD_TAGGER; /* stored with padding */
    size_t n = 0;
    t->n_parts = 0;
    for (size_t i = 0; i < t->n_stored; i++) {
        if (!of_tokens || t->mask[first + i]) {
            t->host[n++] = t->stored_labels[first + i];
            t->n_parts += t->stored_labels[first + i] != EL_NO_TARGET;
        }
    }
    t->be->ops->upload_bytes(t->be, t->target_memory, t->host, n * sizeof *t->host);
    t->targets.labels = t->target_memory;
    if (t->n_parts == 0) {
        golden_problem(t->c, "step %zu has no targets", t->step);
    }
    return t->n_parts > 0;
}

/* ---- the model -------------------------------------------------------------------------------------------------- */

el_weights golden_task_theta(const golden_task *t)
{
    return el_weights_of(t->be, &t->params, t->theta);
}

el_weights golden_task_gradient(const golden_task *t)
{
    return el_weights_of(t->be, &t->params, t->gradient);
}

bool golden_task_load_weights(golden_task *t)
{
    electra_error err = {0};
    return golden_ok(t->c, el_model_dir_read(t->dir, golden_task_theta(t), t->network.role, EL_READ_ALL, &err), &err);
}

static bool open_model(golden_task *t)
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
    return t->theta && t->gradient && golden_task_load_weights(t);
}

/* Everything that batches need, for the largest one. */
static bool allocate(golden_task *t)
{
    const size_t tokens = t->n_sequences * t->width;
    const size_t positions = t->network.config.max_positions;
    const el_pack_room room = {.tokens = tokens, .sequences = t->n_sequences, .slots = 1};
    const el_limits limits =
        el_network_limits(&t->network.config, tokens, t->n_sequences, t->width < positions ? t->width : positions, 1);
    electra_error err = {0};
    if (!golden_ok(t->c, el_pack_create(&t->pack, t->be, &room, &err), &err) ||
        !golden_ok(t->c, t->be->ops->reserve(t->be, &limits, &err), &err) ||
        !golden_ok(t->c, el_task_init(&t->task, &t->network, &err), &err)) {
        return false;
    }
    t->plan.element_size = t->be->element_size;
    el_task_plan(&t->task, tokens, t->n_sequences, true, &t->plan);
    const size_t bytes = t->plan.arena.peak;
    t->plan.arena = (el_arena){.base = t->be->ops->alloc(t->be, bytes), .capacity = bytes};
    t->numbers = el_alloc(t->params.elements + tokens * t->network.config.hidden_size, sizeof *t->numbers);
    if (!t->plan.arena.base || !t->numbers) {
        golden_problem(t->c, "out of memory");
        return false;
    }
    return true;
}

bool golden_task_open(golden_task *t, golden_case *c, el_pool *pool, size_t n_steps, bool with_targets)
{
    *t = (golden_task){.c = c, .n_steps = n_steps ? n_steps : 1};
    electra_error err = {0};
    return golden_ok(c, el_backend_create_cpu(&t->be, pool, EL_CPU_BEST, &err), &err) && open_model(t) &&
           read_batches(t) && (!with_targets || read_targets(t)) && allocate(t);
}

void golden_task_close(golden_task *t)
{
    el_pack_free(t->pack);
    el_task_clear(&t->task);
    void *const of_backend[] = {t->theta, t->gradient, t->plan.arena.base, t->target_memory, t->questions};
    for (size_t i = 0; i < sizeof of_backend / sizeof of_backend[0]; i++) {
        if (of_backend[i]) {
            t->be->ops->free(t->be, of_backend[i]);
        }
    }
    void *const of_host[] = {t->numbers, t->ids,           t->types,          t->mask,
                             t->lengths, t->stored_labels, t->stored_numbers, t->host};
    for (size_t i = 0; i < sizeof of_host / sizeof of_host[0]; i++) {
        el_free(of_host[i]);
    }
    el_params_clear(&t->params);
    el_model_dir_close(t->dir);
    el_backend_free(t->be);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

bool golden_task_lay_out(golden_task *t, size_t step, bool with_targets)
{
    t->step = step;
    if (!pack_batch(t) || (with_targets && !give_targets(t))) {
        return false;
    }
    el_task_plan(&t->task, t->batch->layout.n_tokens, t->batch->layout.n_sequences, true, &t->plan);
    return true;
}

double golden_task_run(golden_task *t, bool with_targets)
{
    const el_pass pass = {.layout = &t->batch->layout, .ids = t->batch->ids, .types = t->batch->types};
    const el_weights none = el_weights_of(t->be, &t->params, NULL);
    const double scale = with_targets ? 1.0 / (double)t->n_parts : 1.0;
    return scale * el_task_run(&t->task, golden_task_theta(t), with_targets ? golden_task_gradient(t) : none, &pass,
                               with_targets ? &t->targets : NULL, scale);
}

void golden_task_compare(golden_task *t, const char *name, el_tensor x)
{
    t->be->ops->download_f32(t->be, t->numbers, x.data, x.rows * x.cols);
    golden_compare(t->c, name, t->numbers, x.rows * x.cols);
}

void golden_task_compare_tokens(golden_task *t, const char *name, el_tensor x)
{
    t->be->ops->download_f32(t->be, t->numbers, x.data, x.rows * x.cols);
    golden_compare_packed(t->c, name, t->numbers, x.cols, t->lengths + t->step * t->n_sequences, t->n_sequences,
                          t->width);
}
