/* Owns the table, the blocks and the passes of fine-tuning. */
#include "tasks/tuner.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/status.h"
#include "model/limits.h"
#include "model/task.h"

static const size_t MOST_ACTIVATIONS = 512u << 20; /* bytes of a micro-batch, unless its size is given */

/* A task and what it has of its own. */
typedef struct member {
    el_tuner_task given;
    el_network network;
    size_t first, count; /* rows of its head in the table */
    el_task pass;
    el_feed *feed;
} member;

struct el_tuner {
    el_backend *be;
    el_tuner_settings settings;
    el_params params;
    member *members; /* [n_members] */
    size_t n_members;
    el_learner learner;
    el_plan plan; /* over memory of the backend */
    size_t longest;
    uint64_t seed;
};

/* ---- making ------------------------------------------------------------------------------------------------------ */

static electra_status add_network(el_tuner *t, size_t i, const el_model_config *config, electra_error *err)
{
    member *m = &t->members[i];
    const el_head_config *head = &m->given.head;
    if (i == 0) {
        EL_TRY(el_params_build_single(&t->params, &m->network, config, head, err));
        m->first = m->network.layers + config->n_layers * EL_N_LAYER_PARAMS;
    } else {
        char prefix[32];
        (void)snprintf(prefix, sizeof prefix, "task%zu.", i + 1);
        m->first = t->params.count;
        EL_TRY(el_params_add_head(&t->params, &m->network, &t->members[0].network, head, prefix, err));
    }
    m->count = t->params.count - m->first;
    for (size_t k = m->first; t->settings.glorot && k < t->params.count; k++) {
        el_param *p = &t->params.list[k];
        p->init = p->n_dims == 2 && p->init != EL_INIT_GLOROT_HALF ? EL_INIT_GLOROT : p->init;
    }
    return el_task_init(&m->pass, &m->network, err);
}

static size_t pass_bytes(member *m, size_t tokens, size_t sequences, size_t element_size)
{
    el_plan count = {.element_size = element_size};
    el_task_plan(&m->pass, tokens, sequences, true, &count);
    return count.arena.peak;
}

/* Tokens of a micro-batch: those of `micro_batch` of the longest units, or of the batch, halved until they fit. */
static size_t choose_tokens(el_tuner *t, member *m)
{
    const el_features *f = m->given.features;
    const size_t unit = f->longest * f->most;
    if (t->settings.micro_batch) {
        return t->settings.micro_batch * unit;
    }
    size_t tokens = t->settings.batch * unit;
    tokens = tokens < f->n_tokens ? tokens : f->n_tokens;
    while (tokens > unit &&
           pass_bytes(m, tokens, t->settings.batch * f->most, t->be->element_size) > MOST_ACTIVATIONS) {
        tokens /= 2;
    }
    return tokens;
}

static electra_status open_feeds(el_tuner *t, const el_model_config *config, electra_error *err)
{
    el_limits limits = {0};
    size_t bytes = 0;
    for (size_t i = 0; i < t->n_members; i++) {
        member *m = &t->members[i];
        const el_features *f = m->given.features;
        EL_TRY(el_feed_create(&m->feed, t->be, f, &m->given.head, m->given.scale, choose_tokens(t, m), err));
        const el_pack_room room = el_feed_room(m->feed);
        EL_TRY(el_limits_check(config, room.tokens, room.sequences, f->longest, err));
        const el_limits own = el_network_limits(config, room.tokens, room.sequences, f->longest, 0);
        limits = i ? el_limits_join(limits, own) : own;
        const size_t needed = pass_bytes(m, room.tokens, room.sequences, t->be->element_size);
        bytes = needed > bytes ? needed : bytes;
    }
    t->plan = (el_plan){.element_size = t->be->element_size};
    t->plan.arena.base = t->be->ops->alloc(t->be, bytes);
    if (!t->plan.arena.base) {
        return el_fail_memory(err, "the activations of a step; a smaller micro-batch needs less", bytes);
    }
    t->plan.arena.capacity = bytes;
    return t->be->ops->reserve(t->be, &limits, err);
}

static electra_status build(el_tuner *t, const el_model_config *config, electra_error *err)
{
    for (size_t i = 0; i < t->n_members; i++) {
        EL_TRY(add_network(t, i, config, err));
    }
    EL_TRY(el_learner_create(&t->learner, t->be, &t->params, config->n_layers, &t->settings.learner, err));
    return open_feeds(t, config, err);
}

electra_status el_tuner_create(el_tuner **out, el_backend *be, const el_model_config *config,
                               const el_tuner_task *tasks, size_t n_tasks, const el_tuner_settings *settings,
                               electra_error *err)
{
    *out = NULL;
    el_tuner *t = el_alloc(1, sizeof *t);
    member *members = el_alloc(n_tasks, sizeof *members);
    if (!t || !members) {
        el_free(t);
        el_free(members);
        return el_fail_memory(err, "fine-tuning", n_tasks * sizeof *members);
    }
    *t = (el_tuner){.be = be, .settings = *settings, .members = members, .n_members = n_tasks};
    for (size_t i = 0; i < n_tasks; i++) {
        members[i].given = tasks[i];
    }
    const electra_status status = build(t, config, err);
    if (status != ELECTRA_OK) {
        el_tuner_free(t);
        return status;
    }
    *out = t;
    return ELECTRA_OK;
}

void el_tuner_free(el_tuner *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; i < t->n_members; i++) {
        el_feed_free(t->members[i].feed);
        el_task_clear(&t->members[i].pass);
    }
    if (t->plan.arena.base) {
        t->be->ops->free(t->be, t->plan.arena.base);
    }
    el_learner_clear(&t->learner);
    el_params_clear(&t->params);
    el_free(t->members);
    el_free(t);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

el_learner *el_tuner_learner(el_tuner *t)
{
    return &t->learner;
}

const el_network *el_tuner_network(const el_tuner *t, size_t task)
{
    return &t->members[task].network;
}

const el_params *el_tuner_params(const el_tuner *t)
{
    return &t->params;
}

size_t el_tuner_bytes(const el_tuner *t)
{
    return EL_N_BLOCKS * t->params.elements * t->be->element_size + t->plan.arena.capacity;
}

/* ---- the units of a regression's head ---------------------------------------------------------------------------- */

/* A head whose rows are w, b says w.h + b; with those multiplied by `factor`, and `shift` added to b afterwards, it
 * says factor (w.h + b) + shift: the way from learned numbers to the file's and back. weights: of any table in which
 * the last layer's rows are `head` and the one behind it. */
static void rescale_head(el_weights weights, size_t head, double factor, double shift)
{
    el_backend *be = weights.be;
    for (int row = 0; row < 2; row++) {
        const el_tensor tensor = el_weights_at(weights, head + (row ? EL_P_OUTPUT_B : EL_P_OUTPUT_W));
        for (size_t i = 0; i < tensor.cols; i++) {
            char *at = (char *)tensor.data + i * be->element_size;
            float value;
            be->ops->download_f32(be, &value, at, 1);
            value = (float)((double)value * factor + (row ? shift : 0));
            be->ops->upload_f32(be, at, &value, 1);
        }
    }
}

static bool is_rescaled(const member *m)
{
    return m->given.features->examples->kind == EL_TASK_REGRESS;
}

/* ---- a trial ----------------------------------------------------------------------------------------------------- */

electra_status el_tuner_begin(el_tuner *t, const el_model_dir *dir, bool with_head, uint64_t seed, electra_error *err)
{
    t->seed = seed;
    const el_weights theta = el_learner_block(&t->learner, EL_BLOCK_THETA);
    for (size_t i = 0; i < t->n_members; i++) {
        const member *m = &t->members[i];
        EL_TRY(el_params_initialise_rows(&t->params, m->first, m->count, t->be, theta.data, seed, err));
    }
    EL_TRY(el_model_dir_read(dir, theta, EL_OWNER_DISCRIMINATOR, with_head ? EL_READ_ALL : EL_READ_ENCODER, err));
    const member *m = &t->members[0];
    if (with_head && is_rescaled(m)) {
        rescale_head(theta, m->network.head, 1 / m->given.scale.scale, -m->given.scale.offset / m->given.scale.scale);
    }
    el_learner_forget(&t->learner);
    return ELECTRA_OK;
}

void el_tuner_seed(el_tuner *t, uint64_t seed)
{
    t->seed = seed;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

typedef struct step {
    el_tuner *t;
    uint64_t number;
    const el_tuner_unit *units;
    size_t n;
    el_tuner_result *result;
} step;

/* Compute what a task's feed holds. weight: of a part's loss in the reported mean; scale: of its gradient. */
static void run_feed(const step *s, member *m, double weight, double scale)
{
    el_tuner *t = s->t;
    el_head_targets targets;
    const el_batch *batch = el_feed_finish(m->feed, &targets);
    if (batch->layout.n_sequences == 0) {
        return;
    }
    el_task_plan(&m->pass, batch->layout.n_tokens, batch->layout.n_sequences, true, &t->plan);
    const el_pass pass = {.layout = &batch->layout,
                          .ids = batch->ids,
                          .types = batch->types,
                          .train = true,
                          .seed = t->seed,
                          .step = s->number};
    s->result->loss += weight * el_task_run(&m->pass, el_learner_block(&t->learner, EL_BLOCK_THETA),
                                            el_learner_block(&t->learner, EL_BLOCK_GRADIENT), &pass, &targets, scale);
    s->result->n_tokens += batch->layout.n_tokens;
    el_feed_clear(m->feed);
}

/* The released code adds up the examples' losses; that of a question is half the sum of its two parts. */
static double summed(const member *m)
{
    return m->given.head.kind == EL_HEAD_SPANS ? 0.5 : 1;
}

static void run_task(const step *s, uint32_t task)
{
    member *m = &s->t->members[task];
    size_t n_units = 0;
    size_t n_parts = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->units[i].task == task) {
            n_units++;
            n_parts += el_feed_parts(m->feed, s->units[i].unit);
        }
    }
    const double weight = n_parts ? (double)n_units / (double)s->n / (double)n_parts : 0;
    const double scale = s->t->settings.sum ? summed(m) : weight;
    const size_t most = s->t->settings.micro_batch ? s->t->settings.micro_batch : s->n;
    el_feed_clear(m->feed);
    for (size_t i = 0; i < s->n; i++) {
        if (s->units[i].task != task) {
            continue;
        }
        const uint64_t number = i * m->given.features->most;
        if (el_feed_units(m->feed) == most || !el_feed_add(m->feed, s->units[i].unit, number)) {
            run_feed(s, m, weight, scale);
            (void)el_feed_add(m->feed, s->units[i].unit, number); /* an empty one holds any unit */
        }
    }
    run_feed(s, m, weight, scale);
}

void el_tuner_step(el_tuner *t, uint64_t number, const el_tuner_unit *units, size_t n, double rate,
                   el_tuner_result *result)
{
    *result = (el_tuner_result){0};
    const step s = {.t = t, .number = number, .units = units, .n = n, .result = result};
    el_learner_begin(&t->learner);
    for (size_t task = 0; task < t->n_members; task++) {
        run_task(&s, (uint32_t)task);
    }
    result->applied = el_learner_finish(&t->learner, result->loss, rate, number + 1, &result->gradient_norm);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

/* The rows of one task's network into a table of its own, whose names are those of files. */
static void copy_rows(const el_tuner *t, const member *m, el_weights to, size_t n_encoder)
{
    const el_weights from = el_learner_block(&t->learner, EL_BLOCK_THETA);
    for (size_t i = 0; i < to.params->count; i++) {
        const size_t row = i < n_encoder ? i : m->first + (i - n_encoder);
        t->be->ops->copy(t->be, el_weights_at(to, i), el_weights_at(from, row));
    }
}

/* The released system's sentences to tag are of type 1 altogether (electra.md 9.3). Whoever answers with the model
 * later gives them type 0, as everyone does; so that type gets the vector that was learned with. */
static bool is_of_second_type(const member *m)
{
    const el_features *f = m->given.features;
    return f->settings.google && !f->settings.one_segment && f->examples->kind == EL_TASK_TAG;
}

static void move_type(const el_backend *be, el_weights weights, const el_network *network)
{
    const el_tensor types = el_weights_at(weights, network->embeddings + EL_P_TYPE);
    be->ops->copy(weights.be, el_tensor_rows(be, types, 0, 1), el_tensor_rows(be, types, 1, 1));
}

electra_status el_tuner_save(const el_tuner *t, size_t task, const char *folder, const el_labels *labels,
                             const electra_tokenizer *tokenizer, electra_error *err)
{
    const member *m = &t->members[task];
    el_params params = {0};
    el_network network;
    void *block = NULL;
    electra_status status = el_params_build_single(&params, &network, &m->network.config, &m->network.head_config, err);
    if (status == ELECTRA_OK) {
        block = t->be->ops->alloc(t->be, params.elements * t->be->element_size);
        status = block ? ELECTRA_OK : el_fail_memory(err, folder, params.elements * t->be->element_size);
    }
    if (status == ELECTRA_OK) {
        const el_weights weights = el_weights_of(t->be, &params, block);
        copy_rows(t, m, weights, t->members[0].first);
        if (is_rescaled(m)) {
            rescale_head(weights, network.head, m->given.scale.scale, m->given.scale.offset);
        }
        if (is_of_second_type(m)) {
            move_type(t->be, weights, &network);
        }
        status = el_model_dir_write(folder, &network, labels, weights, tokenizer, err);
    }
    if (block) {
        t->be->ops->free(t->be, block);
    }
    el_params_clear(&params);
    return status;
}
