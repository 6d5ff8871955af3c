/* Case type pretrain: a generator and a discriminator on given batches with given samples: every activation, both
 * losses, every gradient, and ten steps of training with and without bias correction. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "golden/case.h"
#include "interop/model_dir.h"
#include "model/discriminator.h"
#include "model/encoder.h"
#include "model/masked_lm.h"
#include "train/schedule.h"
#include "train/step.h"

enum { NAME_BYTES = 192 };

/* One batch as the case stores it: [B, S] with padding, and M slots. */
typedef struct stored_batch {
    size_t n_sequences, width, n_slots;
    uint32_t *ids, *masked_ids, *corrupted_ids, *labels, *types, *mask, *lengths;
    uint32_t *slot_sequence, *slot_position, *slot_original, *slot_sampled;
} stored_batch;

typedef struct trial {
    golden_case *c;
    el_backend *be;
    el_pretrain_config config;
    el_model_dir *generator_dir, *discriminator_dir;
    size_t most_tokens, most_sequences, most_slots, longest;
    el_pack *pack;
    uint32_t *sampled; /* [most_slots] in the backend's memory */
    el_step *step;
    float *numbers; /* room for the largest tensor that is compared */
} trial;

/* ---- batches --------------------------------------------------------------------------------------------------------
 */

static void drop_batch(stored_batch *b)
{
    uint32_t *const all[] = {b->ids,     b->masked_ids,    b->corrupted_ids, b->labels,        b->types,       b->mask,
                             b->lengths, b->slot_sequence, b->slot_position, b->slot_original, b->slot_sampled};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        el_free(all[i]);
    }
}

static uint32_t *read_list(golden_case *c, const char *prefix, const char *name, size_t n, size_t *out_n)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return golden_input(c, full, n, out_n);
}

static bool read_batch(golden_case *c, const char *prefix, stored_batch *b)
{
    size_t cells = 0;
    *b = (stored_batch){0};
    b->lengths = read_list(c, prefix, "lengths", 0, &b->n_sequences);
    b->ids = read_list(c, prefix, "input_ids", 0, &cells);
    if (!b->lengths || !b->ids || b->n_sequences == 0 || cells % b->n_sequences != 0) {
        golden_problem(c, "%slengths and %sinput_ids do not go together", prefix, prefix);
        return false;
    }
    b->width = cells / b->n_sequences;
    b->masked_ids = read_list(c, prefix, "masked_ids", cells, NULL);
    b->corrupted_ids = read_list(c, prefix, "corrupted_ids", cells, NULL);
    b->labels = read_list(c, prefix, "labels", cells, NULL);
    b->types = read_list(c, prefix, "token_type_ids", cells, NULL);
    b->mask = read_list(c, prefix, "attention_mask", cells, NULL);
    b->slot_sequence = read_list(c, prefix, "slot_sequence", 0, &b->n_slots);
    b->slot_position = read_list(c, prefix, "slot_position", b->n_slots, NULL);
    b->slot_original = read_list(c, prefix, "slot_original", b->n_slots, NULL);
    b->slot_sampled = read_list(c, prefix, "slot_sampled", b->n_slots, NULL);
    return b->masked_ids && b->corrupted_ids && b->labels && b->types && b->mask && b->slot_sequence &&
           b->slot_position && b->slot_original && b->slot_sampled;
}

/* Every stored number that does not reach the network is checked here, so that no altered one goes unnoticed. */
static bool batch_is_consistent(golden_case *c, const char *prefix, const stored_batch *b, const trial *t)
{
    const el_model_config *config = &t->config.discriminator;
    for (size_t i = 0; i < b->n_sequences * b->width; i++) {
        const bool real = i % b->width < b->lengths[i / b->width];
        const uint32_t padding =
            b->ids[i] | b->masked_ids[i] | b->corrupted_ids[i] | b->labels[i] | b->types[i] | b->mask[i];
        if ((real && b->mask[i] != 1) || (!real && padding != 0)) {
            golden_problem(c, "%sattention_mask, lengths and padding disagree at %zu", prefix, i);
            return false;
        }
        if (b->ids[i] >= config->vocab_size || b->masked_ids[i] >= config->vocab_size ||
            b->types[i] >= config->n_types) {
            golden_problem(c, "%san id at %zu is outside the vocabulary", prefix, i);
            return false;
        }
    }
    for (size_t i = 0; i < b->n_sequences; i++) {
        if (b->lengths[i] == 0 || b->lengths[i] > b->width || b->lengths[i] > config->max_positions) {
            golden_problem(c, "%slengths[%zu] is %u", prefix, i, b->lengths[i]);
            return false;
        }
    }
    for (size_t i = 0; i < b->n_slots; i++) {
        const uint32_t s = b->slot_sequence[i], p = b->slot_position[i];
        if (s >= b->n_sequences || p >= b->lengths[s] || b->slot_original[i] != b->ids[s * b->width + p] ||
            b->slot_sampled[i] >= config->vocab_size || (i && s < b->slot_sequence[i - 1])) {
            golden_problem(c, "%sslot %zu does not go with the ids", prefix, i);
            return false;
        }
    }
    return true;
}

/* The packed form of a stored batch; its samples go to t->sampled. */
static const el_batch *pack_batch(trial *t, const stored_batch *b)
{
    el_pack_clear(t->pack);
    size_t slot = 0;
    for (size_t i = 0; i < b->n_sequences; i++) {
        el_sequence s = {.ids = b->ids + i * b->width,
                         .length = b->lengths[i],
                         .types = b->types + i * b->width,
                         .masked_ids = b->masked_ids + i * b->width,
                         .slots = b->slot_position + slot,
                         .number = i};
        while (slot < b->n_slots && b->slot_sequence[slot] == i) {
            s.n_slots++;
            slot++;
        }
        if (!el_pack_add(t->pack, &s)) {
            golden_problem(t->c, "a batch is larger than was planned");
            return NULL;
        }
    }
    t->be->ops->upload_bytes(t->be, t->sampled, b->slot_sampled, b->n_slots * sizeof *b->slot_sampled);
    return el_pack_finish(t->pack);
}

/* prefix "" or "step.<i>.": read, check and pack. NULL with a problem noted if it is not sound; *b is then dropped. */
static const el_batch *open_batch(trial *t, const char *prefix, stored_batch *b)
{
    const el_batch *batch = NULL;
    if (read_batch(t->c, prefix, b) && batch_is_consistent(t->c, prefix, b, t)) {
        batch = pack_batch(t, b);
    } else {
        golden_problem(t->c, "batch \"%s\" cannot be used", prefix);
    }
    if (!batch) {
        drop_batch(b);
    }
    return batch;
}

/* ---- setting up -----------------------------------------------------------------------------------------------------
 */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool open_models(trial *t)
{
    electra_error err = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/generator", t->c->folder);
    if (!golden_ok(t->c, el_model_dir_open(&t->generator_dir, path, NULL, &err), &err)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/discriminator", t->c->folder);
    if (!golden_ok(t->c, el_model_dir_open(&t->discriminator_dir, path, NULL, &err), &err)) {
        return false;
    }
    t->config.generator = el_model_dir_config(t->generator_dir)->model;
    t->config.discriminator = el_model_dir_config(t->discriminator_dir)->model;
    if (!el_sharing_find(&t->config.sharing, golden_setting_text(t->c, "sharing"))) {
        golden_problem(t->c, "settings.sharing is \"%s\"", golden_setting_text(t->c, "sharing"));
        return false;
    }
    return golden_ok(t->c, el_pretrain_config_check(&t->config, &err), &err);
}

static void measure_batches(trial *t, size_t n_steps)
{
    for (size_t i = 0; i <= n_steps; i++) {
        char name[NAME_BYTES], prefix[64] = "";
        if (i) {
            snprintf(prefix, sizeof prefix, "step.%zu.", i - 1);
        }
        const char *const lists[] = {"input_ids", "lengths", "slot_position"};
        size_t *const most[] = {&t->most_tokens, &t->most_sequences, &t->most_slots};
        for (size_t k = 0; k < 3; k++) {
            snprintf(name, sizeof name, "%s%s", prefix, lists[k]);
            const el_array *a = t->c->inputs ? el_safetensors_find(t->c->inputs, name) : NULL;
            *most[k] = larger(*most[k], a ? a->n : 0);
            if (k == 0 && a && a->rank == 2) {
                t->longest = larger(t->longest, a->shape[1]);
            }
        }
    }
    const size_t positions = t->config.discriminator.max_positions;
    t->longest = t->longest < positions ? t->longest : positions;
}

/* The largest number of elements of any tensor that is compared. */
static size_t largest_comparison(const trial *t)
{
    const el_model_config *g = &t->config.generator, *d = &t->config.discriminator;
    const size_t widest = larger(larger(g->hidden_size, d->hidden_size), larger(g->embedding_size, d->embedding_size));
    size_t n = larger(t->most_slots * g->vocab_size, t->most_tokens * widest);
    n = larger(n, larger(d->vocab_size, d->max_positions) * widest);
    return larger(n, larger(g->intermediate_size, d->intermediate_size) * widest);
}

static bool set_up(trial *t, golden_case *c, el_pool *pool)
{
    *t = (trial){.c = c};
    electra_error err = {0};
    if (!golden_ok(c, el_backend_create_cpu(&t->be, pool, EL_CPU_BEST, &err), &err) || !open_models(t)) {
        return false;
    }
    measure_batches(t, (size_t)golden_setting(c, "steps"));
    const el_pack_room room = {.tokens = t->most_tokens, .sequences = t->most_sequences, .slots = t->most_slots};
    if (!golden_ok(c, el_pack_create(&t->pack, t->be, &room, &err), &err)) {
        return false;
    }
    t->sampled = t->be->ops->alloc(t->be, t->most_slots * sizeof *t->sampled);
    t->numbers = el_alloc(largest_comparison(t), sizeof *t->numbers);
    return t->sampled && t->numbers;
}

static void take_down(trial *t)
{
    el_step_free(t->step);
    el_pack_free(t->pack);
    if (t->sampled) {
        t->be->ops->free(t->be, t->sampled);
    }
    el_free(t->numbers);
    el_model_dir_close(t->generator_dir);
    el_model_dir_close(t->discriminator_dir);
    el_backend_free(t->be);
}

static el_step_settings step_settings(trial *t, bool bias_correction)
{
    el_step_settings s = el_step_settings_default();
    s.generator_weight = golden_setting(t->c, "generator_weight");
    s.discriminator_weight = golden_setting(t->c, "discriminator_weight");
    s.learner.clip_norm = golden_setting(t->c, "clip_norm");
    s.learner.optimizer.beta1 = golden_setting(t->c, "beta1");
    s.learner.optimizer.beta2 = golden_setting(t->c, "beta2");
    s.learner.optimizer.epsilon = golden_setting(t->c, "epsilon");
    s.learner.optimizer.weight_decay = golden_setting(t->c, "weight_decay");
    s.learner.optimizer.bias_correction = bias_correction;
    if (golden_setting(t->c, "dropout") != 0 || golden_setting(t->c, "denominator_epsilon") != 1e-6) {
        golden_problem(t->c, "settings.dropout should be 0 and settings.denominator_epsilon 1e-6");
    }
    return s;
}

static void download(trial *t, el_tensor x)
{
    t->be->ops->download_f32(t->be, t->numbers, x.data, x.rows * x.cols);
}

/* Both directories hold equal copies of what is shared: `before` is what the generator's gave. */
static void check_copies(trial *t, const float *before)
{
    const el_params *params = el_step_params(t->step);
    for (size_t i = 0; i < params->count; i++) {
        const el_param *p = &params->list[i];
        if (p->owner != EL_OWNER_SHARED) {
            continue;
        }
        download(t, el_weights_at(el_step_block(t->step, EL_BLOCK_THETA), i));
        if (memcmp(t->numbers, before + p->offset, p->rows * p->cols * sizeof *before) != 0) {
            golden_problem(t->c, "%s differs between the two model directories", p->name);
        }
    }
}

static bool load_weights(trial *t)
{
    const el_weights theta = el_step_block(t->step, EL_BLOCK_THETA);
    const size_t n = theta.params->elements;
    float *first = el_alloc(n, sizeof *first);
    electra_error err = {0};
    bool fine = first != NULL;
    fine = fine &&
           golden_ok(t->c, el_model_dir_read(t->generator_dir, theta, EL_OWNER_GENERATOR, EL_READ_ALL, &err), &err);
    if (fine) {
        t->be->ops->download_f32(t->be, first, theta.data, n);
        fine = golden_ok(
            t->c, el_model_dir_read(t->discriminator_dir, theta, EL_OWNER_DISCRIMINATOR, EL_READ_ALL, &err), &err);
    }
    if (fine) {
        check_copies(t, first);
    }
    el_free(first);
    return fine;
}

static bool new_step(trial *t, bool bias_correction)
{
    el_step_free(t->step);
    t->step = NULL;
    const el_step_settings settings = step_settings(t, bias_correction);
    const el_step_limits limits = {
        .tokens = t->most_tokens, .sequences = t->most_sequences, .longest = t->longest, .slots = t->most_slots};
    electra_error err = {0};
    return golden_ok(t->c, el_step_create(&t->step, t->be, &t->config, &settings, &limits, &err), &err) &&
           load_weights(t);
}

/* ---- forward --------------------------------------------------------------------------------------------------------
 */

/* Memory for the tape of one network at a time. */
typedef struct bench {
    el_plan plan;
    el_encoder_tape encoder;
    el_masked_lm_tape masked_lm;
    el_discriminator_tape discriminator;
    el_tensor logits;    /* [M, V] */
    uint32_t *corrupted; /* [T] */
    uint32_t *labels;    /* [T] */
} bench;

static void lay_out(bench *w, const el_network *network, const el_batch *batch, el_plan *plan)
{
    const size_t tokens = batch->layout.n_tokens;
    w->corrupted = el_plan_indices(plan, tokens);
    w->labels = el_plan_indices(plan, tokens);
    el_encoder_plan(&w->encoder, network, tokens, true, plan);
    if (network->head_config.kind == EL_HEAD_MASKED_LM) {
        el_masked_lm_plan(&w->masked_lm, network, batch->n_slots, true, plan);
        w->logits = el_plan_tensor(plan, batch->n_slots, network->config.vocab_size);
    } else {
        el_discriminator_plan(&w->discriminator, network, tokens, true, plan);
    }
}

static bool make_bench(trial *t, bench *w, const el_network *network, const el_batch *batch)
{
    *w = (bench){0};
    w->encoder.layers = el_alloc(network->config.n_layers, sizeof *w->encoder.layers);
    el_plan count = {.element_size = t->be->element_size};
    w->plan.element_size = t->be->element_size;
    if (w->encoder.layers) {
        lay_out(w, network, batch, &count);
        w->plan.arena.base = t->be->ops->alloc(t->be, count.arena.peak);
        w->plan.arena.capacity = count.arena.peak;
    }
    if (!w->plan.arena.base) {
        golden_problem(t->c, "out of memory");
        return false;
    }
    lay_out(w, network, batch, &w->plan);
    return true;
}

static void drop_bench(trial *t, bench *w)
{
    if (w->plan.arena.base) {
        t->be->ops->free(t->be, w->plan.arena.base);
    }
    el_free(w->encoder.layers);
}

/* A packed [T, cols] tensor against a padded one, padding counting as 0. */
static void compare_tokens(trial *t, const stored_batch *b, const char *owner, const char *name, el_tensor x)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s.%s", owner, name);
    download(t, x);
    golden_compare_packed(t->c, full, t->numbers, x.cols, b->lengths, b->n_sequences, b->width);
}

static void compare_encoder(trial *t, const stored_batch *b, const char *owner, const el_network *network,
                            const el_encoder_tape *tape)
{
    compare_tokens(t, b, owner, "embeddings", tape->embedded);
    compare_tokens(t, b, owner, "hidden.0", tape->entry);
    for (size_t i = 0; i < network->config.n_layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "hidden.%zu", i + 1);
        compare_tokens(t, b, owner, name, tape->layers[i].out);
    }
}

static void compare_tensor(trial *t, const char *name, el_tensor x)
{
    download(t, x);
    golden_compare(t->c, name, t->numbers, x.rows * x.cols);
}

static void forward_generator(trial *t, const stored_batch *b, const el_batch *batch)
{
    const el_network *network = el_step_network(t->step, EL_OWNER_GENERATOR);
    const el_weights theta = el_step_block(t->step, EL_BLOCK_THETA);
    bench w;
    if (make_bench(t, &w, network, batch)) {
        const el_pass pass = {.layout = &batch->layout, .ids = batch->masked_ids, .types = batch->types};
        const el_tensor hidden = el_encoder_fwd(network, theta, &w.encoder, &pass);
        el_masked_lm_fwd(network, theta, &w.masked_lm, hidden, &batch->layout, batch->slots, batch->targets, NULL, NULL,
                         NULL);
        el_masked_lm_logits(network, theta, &w.masked_lm, w.logits);
        compare_encoder(t, b, "generator", network, &w.encoder);
        compare_tensor(t, "generator.logits", w.logits);
        compare_tensor(t, "generator.slot_loss", w.masked_lm.loss);
    }
    drop_bench(t, &w);
}

/* The corruption operator must give the stored ids and labels, exactly. */
static void check_corruption(trial *t, const stored_batch *b, const el_batch *batch, const bench *w)
{
    const size_t n = batch->layout.n_tokens;
    uint32_t *got = el_alloc(2 * n, sizeof *got);
    if (!got) {
        golden_problem(t->c, "out of memory");
        return;
    }
    t->be->ops->download_bytes(t->be, got, w->corrupted, n * sizeof *got);
    t->be->ops->download_bytes(t->be, got + n, w->labels, n * sizeof *got);
    size_t at = 0;
    for (size_t i = 0; i < b->n_sequences; i++) {
        for (size_t p = 0; p < b->lengths[i]; p++, at++) {
            const size_t cell = i * b->width + p;
            if (got[at] != b->corrupted_ids[cell] || got[n + at] != b->labels[cell]) {
                golden_problem(t->c, "corrupted_ids or labels: sequence %zu, position %zu is %u (%u), expected %u (%u)",
                               i, p, got[at], got[n + at], b->corrupted_ids[cell], b->labels[cell]);
            }
        }
    }
    el_free(got);
}

static void forward_discriminator(trial *t, const stored_batch *b, const el_batch *batch)
{
    const el_network *network = el_step_network(t->step, EL_OWNER_DISCRIMINATOR);
    const el_weights theta = el_step_block(t->step, EL_BLOCK_THETA);
    bench w;
    if (make_bench(t, &w, network, batch)) {
        t->be->ops->corrupt(t->be, w.corrupted, w.labels, batch->ids, batch->layout.n_tokens, batch->slots, t->sampled,
                            batch->n_slots, false);
        check_corruption(t, b, batch, &w);
        const el_pass pass = {.layout = &batch->layout, .ids = w.corrupted, .types = batch->types};
        const el_tensor hidden = el_encoder_fwd(network, theta, &w.encoder, &pass);
        el_discriminator_fwd(network, theta, &w.discriminator, hidden);
        el_discriminator_losses(t->be, &w.discriminator, w.labels);
        compare_encoder(t, b, "discriminator", network, &w.encoder);
        compare_tokens(t, b, "discriminator", "logits", w.discriminator.logits);
        compare_tokens(t, b, "discriminator", "token_loss", w.discriminator.loss);
    }
    drop_bench(t, &w);
}

/* ---- gradients and training -----------------------------------------------------------------------------------------
 */

static void compare_number(trial *t, const char *name, double value)
{
    const float number = (float)value;
    golden_compare(t->c, name, &number, 1);
}

/* All tensors of a block under "<prefix>.<owner>.<name>". */
static void compare_block(trial *t, const char *prefix, el_block block)
{
    static const char *const OWNERS[] = {
        [EL_OWNER_SHARED] = "shared", [EL_OWNER_GENERATOR] = "generator", [EL_OWNER_DISCRIMINATOR] = "discriminator"};
    const el_params *params = el_step_params(t->step);
    for (size_t i = 0; i < params->count; i++) {
        const el_param *p = &params->list[i];
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s.%s.%s", prefix, OWNERS[p->owner], p->name);
        compare_tensor(t, name, el_weights_at(el_step_block(t->step, block), i));
    }
}

static void run_step(trial *t, uint64_t number, const el_batch *batch, double rate, el_step_result *result)
{
    el_step_begin(t->step, number, batch->layout.n_tokens, batch->n_slots);
    el_step_add_given(t->step, batch, t->sampled);
    el_step_finish(t->step, rate, result);
    if (!result->applied) {
        golden_problem(t->c, "step %llu was not applied", (unsigned long long)number);
    }
}

static void check_first_batch(trial *t)
{
    stored_batch b;
    const el_batch *batch = open_batch(t, "", &b);
    if (!batch) {
        return;
    }
    forward_generator(t, &b, batch);
    forward_discriminator(t, &b, batch);
    el_step_result result;
    run_step(t, 0, batch, 0.0, &result); /* a rate of 0 leaves the weights, and the step is made anew for training */
    compare_number(t, "loss_generator", result.generator_loss);
    compare_number(t, "loss_discriminator", result.discriminator_loss);
    compare_number(t, "loss_total", result.loss);
    compare_block(t, "gradient", EL_BLOCK_GRADIENT);
    compare_number(t, "gradient_norm", result.gradient_norm);
    drop_batch(&b);
}

typedef enum quantity { LOSS_GENERATOR, LOSS_DISCRIMINATOR, LOSS_TOTAL, GRADIENT_NORM, N_QUANTITIES } quantity;
static const char *const QUANTITIES[] = {"loss_generator", "loss_discriminator", "loss_total", "gradient_norm"};

/* The curve's numbers stand twice: as tensors, and in double in case.json. */
static void compare_curve(trial *t, const char *run, const char *prefix, const float *curve[], size_t n_steps)
{
    const json_t *rows = json_object_get(json_object_get(t->c->json, "curve"), run);
    const double tolerance = json_number_value(
        json_object_get(json_object_get(json_object_get(t->c->json, "groups"), "curve"), "tolerance"));
    for (int q = 0; q < N_QUANTITIES; q++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s.%s", prefix, QUANTITIES[q]);
        golden_compare(t->c, name, curve[q], n_steps);
        for (size_t i = 0; i < n_steps; i++) {
            const json_t *number = json_object_get(json_array_get(rows, i), QUANTITIES[q]);
            const double got = (double)curve[q][i], expected = json_number_value(number);
            snprintf(name, sizeof name, "case.json curve.%s.%zu.%s", run, i, QUANTITIES[q]);
            golden_compare_numbers(t->c, name, &got, &expected, 1, tolerance, 0.0);
        }
    }
    if (json_array_size(rows) != n_steps) {
        golden_problem(t->c, "curve.%s in case.json has %zu steps and not %zu", run, json_array_size(rows), n_steps);
    }
}

static void check_rate(trial *t, const char *run, size_t step, double rate)
{
    const json_t *row = json_array_get(json_object_get(json_object_get(t->c->json, "curve"), run), step);
    const double expected = json_number_value(json_object_get(row, "learning_rate"));
    const double number = (double)step, expected_number = json_number_value(json_object_get(row, "step"));
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "case.json curve.%s.%zu.learning_rate", run, step);
    golden_compare_numbers(t->c, name, &rate, &expected, 1, 1e-12, 1e-300);
    snprintf(name, sizeof name, "case.json curve.%s.%zu.step", run, step);
    golden_compare_absolute(t->c, name, &number, &expected_number, 1, 1e-12);
}

static void train(trial *t, const char *run, const char *prefix)
{
    enum { MOST_STEPS = 64 };
    const size_t n_steps = (size_t)golden_setting(t->c, "steps");
    const el_schedule schedule = {.peak = golden_setting(t->c, "peak_learning_rate"),
                                  .power = golden_setting(t->c, "decay_power"),
                                  .total = (uint64_t)golden_setting(t->c, "total_steps"),
                                  .warmup = golden_setting(t->c, "warmup_steps")};
    float curve[N_QUANTITIES][MOST_STEPS];
    const float *curves[N_QUANTITIES] = {curve[0], curve[1], curve[2], curve[3]};
    if (n_steps == 0 || n_steps > MOST_STEPS) {
        golden_problem(t->c, "settings.steps is %zu", n_steps);
        return;
    }
    for (size_t i = 0; i < n_steps; i++) {
        char batch_prefix[64];
        snprintf(batch_prefix, sizeof batch_prefix, "step.%zu.", i);
        stored_batch b;
        const el_batch *batch = open_batch(t, batch_prefix, &b);
        if (!batch) {
            return;
        }
        const double rate = el_schedule_rate(&schedule, i);
        el_step_result result;
        run_step(t, i, batch, rate, &result);
        curve[LOSS_GENERATOR][i] = (float)result.generator_loss;
        curve[LOSS_DISCRIMINATOR][i] = (float)result.discriminator_loss;
        curve[LOSS_TOTAL][i] = (float)result.loss;
        curve[GRADIENT_NORM][i] = (float)result.gradient_norm;
        check_rate(t, run, i, rate);
        drop_batch(&b);
    }
    compare_curve(t, run, prefix, curves, n_steps);
}

void golden_run_pretrain(golden_case *c, el_pool *pool)
{
    trial t;
    if (!set_up(&t, c, pool)) {
        golden_problem(c, "the case cannot be set up");
    } else {
        if (new_step(&t, false)) {
            check_first_batch(&t);
        }
        if (new_step(&t, false)) {
            train(&t, "published", "curve");
            compare_block(&t, "after.parameter", EL_BLOCK_THETA);
            compare_block(&t, "after.first_moment", EL_BLOCK_FIRST_MOMENT);
            compare_block(&t, "after.second_moment", EL_BLOCK_SECOND_MOMENT);
        }
        if (new_step(&t, true)) {
            train(&t, "bias_corrected", "curve.bias_corrected");
            compare_block(&t, "after.bias_corrected.parameter", EL_BLOCK_THETA);
        }
    }
    take_down(&t);
}
