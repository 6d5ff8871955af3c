/* Case type optimiser: updates, clipping, schedule and layer-wise rates, in double. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "golden/case.h"
#include "train/optimizer.h"
#include "train/schedule.h"

typedef struct bench {
    golden_case *c;
    el_backend *be;
    el_params params;
    void *theta, *gradient, *m, *v;
    double *numbers; /* [elements] */
    size_t n_layers;
    double tolerance;
} bench;

static el_weights block(const bench *b, void *data)
{
    return el_weights_of(b->be, &b->params, data);
}

/* The largest rank here is 2; a vector becomes one row. */
static bool build_table(bench *b)
{
    const char *name;
    json_t *shape;
    electra_error err = {0};
    json_object_foreach(json_object_get(b->c->json, "shapes"), name, shape)
    {
        const size_t rank = json_array_size(shape);
        const size_t rows = rank == 2 ? (size_t)json_integer_value(json_array_get(shape, 0)) : 1;
        const size_t cols = (size_t)json_integer_value(json_array_get(shape, rank - 1));
        if (!golden_ok(b->c,
                       el_params_add(&b->params, name, EL_OWNER_DISCRIMINATOR, rows, cols, (int)rank, EL_INIT_ZERO, 0,
                                     b->n_layers, &err),
                       &err)) {
            return false;
        }
    }
    return b->params.count > 0;
}

static bool make(bench *b, golden_case *c, el_pool *pool)
{
    *b = (bench){.c = c, .n_layers = (size_t)golden_setting(c, "layers")};
    b->tolerance = json_number_value(json_object_get(c->json, "tolerance"));
    electra_error err = {0};
    if (!golden_ok(c, el_backend_create_f64(&b->be, pool, &err), &err) || !build_table(b)) {
        return false;
    }
    const size_t bytes = b->params.elements * b->be->element_size;
    b->theta = b->be->ops->alloc(b->be, bytes);
    b->gradient = b->be->ops->alloc(b->be, bytes);
    b->m = b->be->ops->alloc(b->be, bytes);
    b->v = b->be->ops->alloc(b->be, bytes);
    b->numbers = el_alloc(b->params.elements, sizeof *b->numbers);
    return b->theta && b->gradient && b->m && b->v && b->numbers;
}

static void drop(bench *b)
{
    if (b->be) {
        b->be->ops->free(b->be, b->theta);
        b->be->ops->free(b->be, b->gradient);
        b->be->ops->free(b->be, b->m);
        b->be->ops->free(b->be, b->v);
    }
    el_free(b->numbers);
    el_params_clear(&b->params);
    el_backend_free(b->be);
}

/* A list of numbers from JSON into `out`; false if it is not n numbers. */
static bool read_numbers(const json_t *list, double *out, size_t n)
{
    if (json_array_size(list) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!json_is_number(json_array_get(list, i))) {
            return false;
        }
        out[i] = json_number_value(json_array_get(list, i));
    }
    return true;
}

/* values: {name: [numbers]} -> a block */
static void load(bench *b, void *data, const json_t *values)
{
    for (size_t i = 0; i < b->params.count; i++) {
        const el_param *p = &b->params.list[i];
        if (!read_numbers(json_object_get(values, p->name), b->numbers, p->rows * p->cols)) {
            golden_problem(b->c, "numbers of %s are missing", p->name);
            return;
        }
        b->be->ops->upload_f64(b->be, el_weights_at(block(b, data), i).data, b->numbers, p->rows * p->cols);
    }
}

static void compare_block(bench *b, void *data, const json_t *values, const char *where)
{
    for (size_t i = 0; i < b->params.count; i++) {
        const el_param *p = &b->params.list[i];
        const size_t n = p->rows * p->cols;
        double *expected = el_alloc(n, sizeof *expected);
        if (!expected || !read_numbers(json_object_get(values, p->name), expected, n)) {
            golden_problem(b->c, "%s: numbers of %s are missing", where, p->name);
        } else {
            char text[320];
            snprintf(text, sizeof text, "%s.%s", where, p->name);
            b->be->ops->download_f64(b->be, b->numbers, el_weights_at(block(b, data), i).data, n);
            golden_compare_absolute(b->c, text, b->numbers, expected, n, b->tolerance);
        }
        el_free(expected);
    }
}

static void compare_member(bench *b, const json_t *object, const char *name, const char *where, double got)
{
    const json_t *value = json_object_get(object, name);
    char text[320];
    snprintf(text, sizeof text, "%s.%s", where, name);
    if (!json_is_number(value)) {
        golden_problem(b->c, "%s is missing", text);
        return;
    }
    const double expected = json_number_value(value);
    golden_compare_absolute(b->c, text, &got, &expected, 1, b->tolerance);
}

static el_optimizer_settings settings_of(bench *b, const json_t *run, const char *name)
{
    el_optimizer_settings s = {.beta1 = golden_setting(b->c, "beta1"),
                               .beta2 = golden_setting(b->c, "beta2"),
                               .epsilon = golden_setting(b->c, "epsilon"),
                               .weight_decay = golden_setting(b->c, "weight_decay"),
                               .bias_correction = json_is_true(json_object_get(run, "bias_correction")),
                               .layer_decay = 1.0,
                               .layer_decay_skips = strstr(name, "published") != NULL};
    if (json_is_number(json_object_get(run, "layer_decay"))) {
        s.layer_decay = json_number_value(json_object_get(run, "layer_decay"));
    }
    return s;
}

static void check_multipliers_of_run(bench *b, const json_t *run, const char *name, const el_optimizer_settings *s)
{
    const json_t *multipliers = json_object_get(run, "multiplier");
    for (size_t i = 0; json_is_object(multipliers) && i < b->params.count; i++) {
        const el_param *p = &b->params.list[i];
        char where[160];
        snprintf(where, sizeof where, "runs.%s.multiplier", name);
        compare_member(b, multipliers, p->name, where,
                       el_layer_multiplier(p->depth, b->n_layers, s->layer_decay, s->layer_decay_skips));
    }
}

static void run_updates(bench *b, const char *name, const json_t *run)
{
    const el_optimizer_settings s = settings_of(b, run, name);
    const el_schedule schedule = {.peak = golden_setting(b->c, "peak_learning_rate"),
                                  .power = 1.0,
                                  .total = (uint64_t)golden_setting(b->c, "total_steps"),
                                  .warmup = golden_setting(b->c, "warmup_steps")};
    const double clip = golden_setting(b->c, "clip_norm");
    const json_t *gradients = json_object_get(b->c->json, "gradients"), *steps = json_object_get(run, "steps");
    check_multipliers_of_run(b, run, name, &s);
    load(b, b->theta, json_object_get(b->c->json, "start"));
    b->be->ops->zero(b->be, el_weights_all(block(b, b->m)));
    b->be->ops->zero(b->be, el_weights_all(block(b, b->v)));
    if (json_array_size(steps) == 0 || json_array_size(steps) != json_array_size(gradients)) {
        golden_problem(b->c, "runs.%s has another number of steps than there are gradients", name);
        return;
    }
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        char where[160];
        snprintf(where, sizeof where, "runs.%s.steps.%zu", name, i);
        load(b, b->gradient, json_array_get(gradients, i));
        const double rate = el_schedule_rate(&schedule, i), norm = el_gradient_norm(block(b, b->gradient));
        const double scale = el_clip_scale(norm, clip);
        el_optimizer_update(block(b, b->theta), block(b, b->m), block(b, b->v), block(b, b->gradient), &s, b->n_layers,
                            rate, scale, i + 1);
        compare_member(b, step, "step", where, (double)i);
        compare_member(b, step, "learning_rate", where, rate);
        compare_member(b, step, "gradient_norm", where, norm);
        compare_member(b, step, "scale", where, scale);
        compare_block(b, b->theta, json_object_get(step, "parameter"), where);
        compare_block(b, b->m, json_object_get(step, "m"), where);
        compare_block(b, b->v, json_object_get(step, "v"), where);
    }
}

static void check_schedules(bench *b)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(b->c->json, "schedule"), i, row)
    {
        const el_schedule schedule = {.peak = 1.0,
                                      .power = json_number_value(json_object_get(row, "power")),
                                      .total = (uint64_t)json_integer_value(json_object_get(row, "total")),
                                      .warmup = json_number_value(json_object_get(row, "warmup"))};
        const json_t *rates = json_object_get(row, "rates");
        for (size_t s = 0; s < json_array_size(rates); s++) {
            char where[80];
            snprintf(where, sizeof where, "schedule.%zu.rates.%zu", i, s);
            const double got = el_schedule_rate(&schedule, s), expected = json_number_value(json_array_get(rates, s));
            golden_compare_absolute(b->c, where, &got, &expected, 1, b->tolerance);
        }
    }
}

static void check_multipliers(bench *b)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(b->c->json, "layer_multipliers"), i, row)
    {
        const size_t layers = (size_t)json_integer_value(json_object_get(row, "layers"));
        const double decay = json_number_value(json_object_get(row, "decay"));
        const bool published = json_is_true(json_object_get(row, "published"));
        const json_t *multipliers = json_object_get(row, "multipliers");
        char where[80];
        snprintf(where, sizeof where, "layer_multipliers.%zu", i);
        if (json_object_size(multipliers) != layers + 2) {
            golden_problem(b->c, "%s has another number of entries than its layers", where);
        }
        compare_member(b, multipliers, "embeddings", where, el_layer_multiplier(0, layers, decay, published));
        compare_member(b, multipliers, "head", where, el_layer_multiplier(layers + 1, layers, decay, published));
        for (size_t layer = 0; layer < layers; layer++) {
            char key[32];
            snprintf(key, sizeof key, "layer.%zu", layer);
            compare_member(b, multipliers, key, where, el_layer_multiplier(layer + 1, layers, decay, published));
        }
    }
}

void golden_run_optimiser(golden_case *c, el_pool *pool)
{
    bench b;
    if (make(&b, c, pool)) {
        const char *name;
        json_t *run;
        json_object_foreach(json_object_get(c->json, "runs"), name, run)
        {
            run_updates(&b, name, run);
        }
        check_schedules(&b);
        check_multipliers(&b);
    } else {
        golden_problem(c, "the case cannot be set up");
    }
    drop(&b);
}
