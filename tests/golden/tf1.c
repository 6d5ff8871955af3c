/* Case type tf1: a TensorFlow 1 checkpoint against the model directories of another case, tensor by tensor and exactly:
 * both networks of the pair, the variables of which it consists, and what its shapes tell of the configuration. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "golden/case.h"
#include "interop/model_dir.h"

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

static void compare_tensor(golden_case *c, const char *network, const char *name, const el_array *got,
                           const el_array *expected)
{
    char where[256];
    snprintf(where, sizeof where, "%s.%s", network, name);
    if (!got || got->n != expected->n || got->rank != expected->rank ||
        memcmp(got->shape, expected->shape, got->rank * sizeof *got->shape) != 0) {
        golden_problem(c, "%s is missing in the checkpoint, or has another shape", where);
        return;
    }
    double *a = el_alloc(got->n, sizeof *a);
    double *b = el_alloc(got->n, sizeof *b);
    electra_error err = {0};
    if (a && b && golden_ok(c, el_array_copy_f64(got, a, &err), &err) &&
        golden_ok(c, el_array_copy_f64(expected, b, &err), &err)) {
        golden_compare_absolute(c, where, a, b, got->n, 1e-30); /* the smallest that still makes a share */
        if (memcmp(a, b, got->n * sizeof *a) != 0) {
            golden_problem(c, "%s is not exactly the same", where);
        }
    }
    el_free(a);
    el_free(b);
}

static const el_array *find(const el_model_dir *dir, const char *name)
{
    for (size_t i = 0; i < el_model_dir_count(dir); i++) {
        const char *found;
        const el_array *array = el_model_dir_at(dir, i, &found);
        if (strcmp(found, name) == 0) {
            return array;
        }
    }
    return NULL;
}

/* Every tensor of one is in the other. */
static void compare_all(golden_case *c, const char *network, const el_model_dir *got, const el_model_dir *expected)
{
    for (size_t i = 0; i < el_model_dir_count(expected); i++) {
        const char *name;
        const el_array *array = el_model_dir_at(expected, i, &name);
        compare_tensor(c, network, name, find(got, name), array);
    }
    for (size_t i = 0; i < el_model_dir_count(got); i++) {
        const char *name;
        (void)el_model_dir_at(got, i, &name);
        if (!find(expected, name)) {
            golden_problem(c, "%s.%s should not be part of the network", network, name);
        }
    }
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

/* All sizes but the number of heads can be told from shapes. */
static void compare_sizes(golden_case *c, const char *network, const el_model_config *got,
                          const el_model_config *expected)
{
    const double a[] = {(double)got->vocab_size,       (double)got->embedding_size, (double)got->hidden_size,
                        (double)got->n_layers,         (double)got->max_positions,  (double)got->n_types,
                        (double)got->intermediate_size};
    const double b[] = {(double)expected->vocab_size,       (double)expected->embedding_size,
                        (double)expected->hidden_size,      (double)expected->n_layers,
                        (double)expected->max_positions,    (double)expected->n_types,
                        (double)expected->intermediate_size};
    char where[64];
    snprintf(where, sizeof where, "%s.sizes", network);
    golden_compare_absolute(c, where, a, b, sizeof a / sizeof a[0], 0.5);
}

/* The stated configuration of the discriminator is that of the other case. */
static void compare_stated(golden_case *c, const el_model_config *expected)
{
    const json_t *stated = json_object_get(json_object_get(c->json, "settings"), "discriminator_config");
    el_hf_config config = {0};
    electra_error err = {0};
    if (stated && golden_ok(c, el_hf_config_parse(&config, stated, "settings.discriminator_config", &err), &err)) {
        compare_sizes(c, "settings.discriminator", &config.model, expected);
    }
    el_hf_config_clear(&config);
}

/* ---- variables -------------------------------------------------------------------------------------------------- */

/* Each listed variable is part of one of the networks, in its shape, and nothing else is. */
static void compare_variables(golden_case *c, const el_model_dir *const networks[2])
{
    json_t *variables = json_object_get(c->json, "variables");
    const char *name;
    json_t *shape;
    size_t used = 0;
    json_object_foreach(variables, name, shape)
    {
        const el_array *variable = el_tf1_find(el_model_dir_tf1(networks[0]), name);
        bool fine = variable && variable->rank == json_array_size(shape);
        for (size_t i = 0; fine && i < variable->rank; i++) {
            fine = variable->shape[i] == (size_t)json_integer_value(json_array_get(shape, i));
        }
        if (!fine) {
            golden_problem(c, "the variable %s is missing or has another shape", name);
        }
        bool in_network = false;
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < el_model_dir_count(networks[k]) && !in_network; i++) {
                const char *ours;
                in_network = strcmp(el_model_dir_at(networks[k], i, &ours)->name, name) == 0;
            }
        }
        used += in_network;
        c->verdict.n_compared++;
    }
    if (used == 0 || used != json_object_size(variables)) {
        golden_problem(c, "%zu of %zu variables are part of the networks", used, json_object_size(variables));
    }
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

void golden_run_tf1(golden_case *c, el_pool *pool)
{
    (void)pool;
    static const char *const NAMES[2] = {"discriminator", "generator"};
    const char *same_as = json_string_value(json_object_get(c->json, "same_as"));
    el_model_dir *got[2] = {NULL, NULL};
    el_model_dir *expected[2] = {NULL, NULL};
    electra_error err = {0};
    bool fine = same_as != NULL;
    if (!fine) {
        golden_problem(c, "case.json lacks same_as");
    }
    for (int i = 0; i < 2 && fine; i++) {
        char path[1024];
        const el_model_source source = {.network = i == 0 ? EL_TF1_DISCRIMINATOR : EL_TF1_GENERATOR};
        snprintf(path, sizeof path, "%s/%s/%s", c->folder, same_as, NAMES[i]);
        fine = golden_ok(c, el_model_dir_open(&expected[i], path, NULL, &err), &err) &&
               golden_ok(c, el_model_dir_open_from(&got[i], c->folder, &source, NULL, &err), &err);
        if (fine) {
            compare_all(c, NAMES[i], got[i], expected[i]);
            compare_sizes(c, NAMES[i], &el_model_dir_config(got[i])->model, &el_model_dir_config(expected[i])->model);
        }
    }
    if (fine) {
        compare_stated(c, &el_model_dir_config(expected[0])->model);
        compare_variables(c, (const el_model_dir *const[]){got[0], got[1]});
    }
    for (int i = 0; i < 2; i++) {
        el_model_dir_close(got[i]);
        el_model_dir_close(expected[i]);
    }
}
