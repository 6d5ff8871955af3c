/* A trained encoder (BERT-tiny, fine-tuned for SST-2), published without its embedding table: from given embeddings its
 * layers, pooler and classifier must give the expected hidden states and logits, within 1e-5 of the largest, at every
 * level that this machine has.
 *
 * The weights are not part of the repository. They are looked for in $ELECTRA_SHARED or beside the source in ../shared,
 * and a check that cannot find its file says so and is counted as skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "interop/hf_config.h"
#include "interop/names.h"
#include "interop/safetensors.h"
#include "model/limits.h"
#include "model/task.h"
#include "support/ops.h"

typedef struct world {
    el_backend *be;
    el_params params;
    el_network network;
    void *theta, *memory;
    el_task task;
    el_plan plan;
} world;

static const double TOLERANCE = 1e-5; /* of the largest expected number */
enum { MOST_TOKENS = 64 };

static const char *path_of(const char *name)
{
    static char path[1024];
    const char *set = getenv("ELECTRA_SHARED");
    (void)snprintf(path, sizeof path, "%s/data/models/bert-tiny-sst2-encoder/%s",
                   set ? set : TEST_SOURCE_DIR "/../shared", name);
    if (!el_is_file(path)) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    return path;
}

/* The rows of the table that the file has; embeddings stay zero and are never read. */
static void load_weights(world *w)
{
    el_safetensors *file;
    electra_error err = {0};
    assert_int_equal(el_safetensors_open(&file, path_of("encoder.safetensors"), &err), ELECTRA_OK);
    size_t n_read = 0;
    for (size_t i = 0; i < el_safetensors_count(file); i++) {
        const el_array *array = el_safetensors_at(file, i);
        char name[EL_PARAM_NAME_BYTES];
        el_name_from_hf(name, sizeof name, array->name);
        const size_t row = el_params_find(&w->params, name, EL_OWNER_DISCRIMINATOR);
        assert_true(row != EL_NO_PARAM);
        const el_tensor to = el_weights_at(el_weights_of(w->be, &w->params, w->theta), row);
        float *numbers = el_alloc(array->n, sizeof *numbers);
        assert_true(array->n == to.rows * to.cols);
        assert_int_equal(el_array_copy_f32(array, numbers, &err), ELECTRA_OK);
        w->be->ops->upload_f32(w->be, to.data, numbers, array->n);
        el_free(numbers);
        n_read++;
    }
    assert_true(n_read + EL_N_EMBEDDING_PARAMS == w->params.count);
    el_safetensors_close(file);
}

static void make(world *w, el_backend *be)
{
    *w = (world){.be = be};
    el_hf_config config;
    el_head_config head;
    assert_int_equal(el_hf_config_read(&config, path_of("config.json"), NULL), ELECTRA_OK);
    assert_int_equal(el_hf_config_head(&head, &config, EL_HEAD_CLASSIFIER, "config.json", NULL), ELECTRA_OK);
    config.model.vocab_size = 1;
    assert_int_equal(el_params_build_single(&w->params, &w->network, &config.model, &head, NULL), ELECTRA_OK);
    const el_limits limits = el_network_limits(&config.model, MOST_TOKENS, 1, MOST_TOKENS, 1);
    el_hf_config_clear(&config);
    w->theta = be->ops->alloc(be, w->params.elements * be->element_size);
    load_weights(w);
    assert_int_equal(be->ops->reserve(be, &limits, NULL), ELECTRA_OK);
    assert_int_equal(el_task_init(&w->task, &w->network, NULL), ELECTRA_OK);
    w->plan.element_size = be->element_size;
    el_task_plan(&w->task, MOST_TOKENS, 1, false, &w->plan);
    w->memory = be->ops->alloc(be, w->plan.arena.peak);
    w->plan.arena = (el_arena){.base = w->memory, .capacity = w->plan.arena.peak};
}

static void drop(world *w)
{
    el_task_clear(&w->task);
    w->be->ops->free(w->be, w->memory);
    w->be->ops->free(w->be, w->theta);
    el_params_clear(&w->params);
}

/* All numbers of a JSON array, of rows or of numbers, in order. */
static size_t flatten(const json_t *value, double *out)
{
    if (!json_is_array(value)) {
        assert_true(json_is_number(value));
        *out = json_number_value(value);
        return 1;
    }
    size_t n = 0, i;
    json_t *member;
    json_array_foreach(value, i, member)
    {
        n += flatten(member, out + n);
    }
    return n;
}

static void expect(world *w, const json_t *json, const char *name, el_tensor got)
{
    const size_t n = got.rows * got.cols;
    double *numbers = el_alloc(2 * n, sizeof *numbers), largest = 0, off = 0;
    assert_true(flatten(json_object_get(json, name), numbers) == n);
    w->be->ops->download_f64(w->be, numbers + n, got.data, n);
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(numbers[i]));
        off = fmax(off, fabs(numbers[i] - numbers[n + i]));
    }
    print_message("%s, %s: off by %.1e of the largest\n", w->be->name, name, off / largest);
    assert_true(largest > 0 && off <= TOLERANCE * largest);
    el_free(numbers);
}

static void check(world *w, const char *name)
{
    json_t *json;
    assert_int_equal(el_json_load(&json, path_of(name), NULL), ELECTRA_OK);
    const json_t *input = json_object_get(json, "input_hidden");
    const size_t n = json_array_size(input), h = w->network.config.hidden_size;
    assert_in_range(n, 1, MOST_TOKENS);
    el_layout layout = test_layout(&n, 1);
    double *embedded = el_alloc(n * h, sizeof *embedded);
    assert_true(flatten(input, embedded) == n * h);

    el_task_plan(&w->task, n, 1, false, &w->plan);
    w->be->ops->upload_f64(w->be, w->task.encoder.entry.data, embedded, n * h);
    const el_pass pass = {.layout = &layout};
    const el_weights theta = el_weights_of(w->be, &w->params, w->theta);
    const el_tensor hidden = el_layers_fwd(&w->network, theta, &w->task.encoder, &pass);
    el_head_fwd(&w->network, theta, &w->task.head, hidden, &pass);
    expect(w, json, "expected_last_hidden", hidden);
    expect(w, json, "expected_pooled", w->task.head.inner);
    expect(w, json, "expected_logits", w->task.head.logits);

    el_free(embedded);
    test_layout_free(&layout);
    json_decref(json);
}

static void hidden_states_and_logits_are_as_expected(void **state)
{
    (void)state;
    static const char *const FILES[] = {"inputs-sst2.json", "sample-inputs-0.json", "tmp21.json"};
    (void)path_of("config.json"); /* skips before anything is made */
    el_backend *levels[TEST_LEVELS];
    const size_t n = test_levels(levels, NULL);
    for (size_t i = 0; i < n; i++) {
        world w;
        make(&w, levels[i]);
        for (size_t k = 0; k < sizeof FILES / sizeof FILES[0]; k++) {
            check(&w, FILES[k]);
        }
        drop(&w);
        el_backend_free(levels[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hidden_states_and_logits_are_as_expected)};
    return cmocka_run_group_tests_name("trained encoder", tests, NULL, NULL);
}
