/* Case type finetune: a task's head trained for some steps from a model, with rates that fall from layer to layer, in
 * the corrected form and in the published one: losses, norms, rates, and every parameter afterwards. */
#include <stdio.h>
#include <string.h>

#include "golden/task.h"
#include "train/optimizer.h"
#include "train/schedule.h"

enum { NAME_BYTES = 192, MOST_STEPS = 64 };

static const double EXACT = 1e-12;

typedef struct run {
    golden_task *t;
    const char *name; /* "corrected", "published" */
    el_optimizer_settings optimizer;
    el_schedule schedule;
    double clip_norm;
    el_weights m, v;
} run;

static void settings_of(run *r, golden_case *c, size_t n_steps)
{
    r->optimizer = (el_optimizer_settings){.beta1 = golden_setting(c, "beta1"),
                                           .beta2 = golden_setting(c, "beta2"),
                                           .epsilon = golden_setting(c, "epsilon"),
                                           .weight_decay = golden_setting(c, "weight_decay"),
                                           .layer_decay = golden_setting(c, "layer_decay"),
                                           .layer_decay_skips = strcmp(r->name, "published") == 0};
    r->schedule = (el_schedule){.peak = golden_setting(c, "peak_learning_rate"),
                                .power = 1.0,
                                .total = n_steps,
                                .warmup = golden_setting(c, "warmup_steps")};
    r->clip_norm = golden_setting(c, "clip_norm");
    if (golden_setting(c, "warmup_proportion") * (double)n_steps != r->schedule.warmup) {
        golden_problem(c, "settings.warmup_proportion does not go with settings.warmup_steps");
    }
}

static const json_t *row_of(const run *r, size_t step)
{
    return json_array_get(json_object_get(json_object_get(r->t->c->json, "curve"), r->name), step);
}

static void check_number(const run *r, size_t step, const char *name, double got, double tolerance)
{
    char where[NAME_BYTES];
    const double expected = json_number_value(json_object_get(row_of(r, step), name));
    snprintf(where, sizeof where, "case.json curve.%s.%zu.%s", r->name, step, name);
    golden_compare_numbers(r->t->c, where, &got, &expected, 1, tolerance, 1e-300);
}

/* A depth of the table: 0 is "embeddings", 1 ... L are "layer.0" ..., L + 1 is "head". */
static void name_of_depth(char *out, size_t bytes, size_t depth, size_t n_layers)
{
    if (depth > 0 && depth <= n_layers) {
        snprintf(out, bytes, "layer.%zu", depth - 1);
    } else {
        snprintf(out, bytes, "%s", depth == 0 ? "embeddings" : "head");
    }
}

/* The multiplier of each part, and its rate in a step, against case.json. */
static void check_rates(const run *r, size_t step, double rate)
{
    const size_t n_layers = r->t->network.config.n_layers;
    const json_t *multipliers = json_object_get(json_object_get(r->t->c->json, "multipliers"), r->name);
    const json_t *rates = json_object_get(row_of(r, step), "rates");
    for (size_t depth = 0; depth <= n_layers + 1; depth++) {
        char part[32], where[NAME_BYTES];
        name_of_depth(part, sizeof part, depth, n_layers);
        const double factor =
            el_layer_multiplier(depth, n_layers, r->optimizer.layer_decay, r->optimizer.layer_decay_skips);
        const double got[2] = {factor, factor * rate};
        const double expected[2] = {json_number_value(json_object_get(multipliers, part)),
                                    json_number_value(json_object_get(rates, part))};
        for (size_t i = 0; i < 2; i++) {
            snprintf(where, sizeof where, "case.json %s of %s, %s, step %zu", i ? "rate" : "multiplier", part, r->name,
                     step);
            golden_compare_numbers(r->t->c, where, got + i, expected + i, 1, EXACT, 1e-300);
        }
    }
    if (json_object_size(multipliers) != n_layers + 2 || json_object_size(rates) != n_layers + 2) {
        golden_problem(r->t->c, "case.json has not the %zu multipliers and rates of %s", n_layers + 2, r->name);
    }
}

static bool run_step(const run *r, size_t step, float *loss, float *norm)
{
    golden_task *t = r->t;
    const el_weights gradient = golden_task_gradient(t);
    if (!golden_task_lay_out(t, step, true)) {
        return false;
    }
    t->be->ops->zero(t->be, el_weights_all(gradient));
    const double mean = golden_task_run(t, true), length = el_gradient_norm(gradient);
    const double rate = el_schedule_rate(&r->schedule, step);
    el_optimizer_update(golden_task_theta(t), r->m, r->v, gradient, &r->optimizer, t->network.config.n_layers, rate,
                        el_clip_scale(length, r->clip_norm), step + 1);
    const double tolerance = json_number_value(
        json_object_get(json_object_get(json_object_get(t->c->json, "groups"), "curve"), "tolerance"));
    check_number(r, step, "step", (double)step, EXACT);
    check_number(r, step, "learning_rate", rate, EXACT);
    check_number(r, step, "loss", mean, tolerance);
    check_number(r, step, "gradient_norm", length, tolerance);
    check_rates(r, step, rate);
    *loss = (float)mean;
    *norm = (float)length;
    return true;
}

static void train(run *r)
{
    golden_task *t = r->t;
    float losses[MOST_STEPS], norms[MOST_STEPS];
    char name[NAME_BYTES];
    bool fine = golden_task_load_weights(t);
    t->be->ops->zero(t->be, el_weights_all(r->m));
    t->be->ops->zero(t->be, el_weights_all(r->v));
    for (size_t i = 0; fine && i < t->n_steps; i++) {
        fine = run_step(r, i, &losses[i], &norms[i]);
    }
    if (!fine) {
        golden_problem(t->c, "run %s stopped", r->name);
        return;
    }
    if (json_array_size(json_object_get(json_object_get(t->c->json, "curve"), r->name)) != t->n_steps) {
        golden_problem(t->c, "curve.%s in case.json has not %zu steps", r->name, t->n_steps);
    }
    snprintf(name, sizeof name, "curve.%s.loss", r->name);
    golden_compare(t->c, name, losses, t->n_steps);
    snprintf(name, sizeof name, "curve.%s.gradient_norm", r->name);
    golden_compare(t->c, name, norms, t->n_steps);
    for (size_t i = 0; i < t->params.count; i++) {
        snprintf(name, sizeof name, "after.%s.%s", r->name, t->params.list[i].name);
        golden_task_compare(t, name, el_weights_at(golden_task_theta(t), i));
    }
}

void golden_run_finetune(golden_case *c, el_pool *pool)
{
    static const char *const RUNS[] = {"corrected", "published"};
    const size_t n_steps = (size_t)golden_setting(c, "steps");
    golden_task t;
    if (n_steps == 0 || n_steps > MOST_STEPS) {
        golden_problem(c, "settings.steps is %zu", n_steps);
        return;
    }
    if (!golden_task_open(&t, c, pool, n_steps, true)) {
        golden_problem(c, "the case cannot be set up");
    } else {
        const size_t bytes = t.params.elements * t.be->element_size;
        void *m = t.be->ops->alloc(t.be, bytes), *v = t.be->ops->alloc(t.be, bytes);
        for (size_t i = 0; m && v && i < sizeof RUNS / sizeof RUNS[0]; i++) {
            run r = {.t = &t, .name = RUNS[i]};
            r.m = el_weights_of(t.be, &t.params, m);
            r.v = el_weights_of(t.be, &t.params, v);
            settings_of(&r, c, n_steps);
            train(&r);
        }
        t.be->ops->free(t.be, m);
        t.be->ops->free(t.be, v);
    }
    golden_task_close(&t);
}
