/* Models of 8-bit integers: made, loaded and asked; the same answers as the floats that the integers stand for, nearly
 * those of the model that they were made from; and files that must be refused. */
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
#include "base/mem.h"
#include "interop/model.h"
#include "interop/quantize.h"
#include "interop/safetensors.h"
#include "model/predict.h"
#include "support/alloc.h"
#include "support/folder.h"
#include "support/ops.h"

enum { V = 90, E = 24, H = 40, F = 72, POSITIONS = 32, LENGTH = 30 };

/* Wide initial weights, so that answers differ from one another. */
static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = E,
                                       .hidden_size = H,
                                       .n_layers = 2,
                                       .n_heads = 4,
                                       .intermediate_size = F,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = POSITIONS,
                                       .n_types = 2,
                                       .initializer_range = 0.15,
                                       .layer_norm_eps = 1e-12};

static const el_head_config HEADS[] = {{.kind = EL_HEAD_NONE},
                                       {.kind = EL_HEAD_MASKED_LM},
                                       {.kind = EL_HEAD_DISCRIMINATOR},
                                       {.kind = EL_HEAD_CLASSIFIER, .n_labels = 3},
                                       {.kind = EL_HEAD_TAGGER, .n_labels = 17}};
enum { N_HEADS = sizeof HEADS / sizeof *HEADS };

static void ok(electra_status status, const electra_error *err)
{
    if (status != ELECTRA_OK) {
        fail_msg("%s: %s", err->where, err->message);
    }
}

/* ---- models ---------------------------------------------------------------------------------------------------- */

static void write_floats(const char *folder, const el_head_config *head, el_family family)
{
    electra_error err;
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    el_model_config config = CONFIG;
    config.family = family;
    config.embedding_size = family == EL_FAMILY_BERT ? H : E;
    ok(el_backend_create_cpu(&be, NULL, EL_CPU_REF, &err), &err);
    ok(el_params_build_single(&params, &network, &config, head, &err), &err);
    const el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    ok(el_params_initialise(&params, be, w.data, 11, &err), &err);
    ok(el_model_dir_write(folder, &network, NULL, w, NULL, &err), &err);
    be->ops->free(be, w.data);
    el_params_clear(&params);
    el_backend_free(be);
}

/* The floats that the integers of a folder stand for, as a model of their own. */
static void write_expanded(const char *folder, const char *int8)
{
    electra_error err;
    el_safetensors *file;
    ok(el_safetensors_open(&file, test_path(int8, "model.safetensors"), &err), &err);
    const size_t n = el_safetensors_count(file);
    el_array_source *sources = calloc(n, sizeof *sources);
    float **values = calloc(n, sizeof *values);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const el_array *a = el_safetensors_at(file, i);
        char name[EL_PARAM_NAME_BYTES + 8];
        (void)snprintf(name, sizeof name, "%s.scale", a->name);
        const el_array *scales = el_safetensors_find(file, name);
        if (strstr(a->name, ".scale")) {
            continue;
        }
        values[i] = calloc(a->n, sizeof **values);
        sources[kept] = (el_array_source){.name = a->name, .dtype = EL_DTYPE_F32, .rank = a->rank, .data = values[i]};
        memcpy(sources[kept++].shape, a->shape, sizeof a->shape);
        if (a->dtype == EL_DTYPE_F32) {
            ok(el_array_copy_f32(a, values[i], &err), &err);
            continue;
        }
        assert_int_equal(a->dtype, EL_DTYPE_I8);
        assert_non_null(scales);
        for (size_t j = 0; j < a->n; j++) {
            values[i][j] = (float)((const int8_t *)a->data)[j] * el_array_f32(scales)[j / a->shape[1]];
        }
    }
    size_t bytes;
    char *config = test_read(test_path(int8, "config.json"), &bytes);
    char *member = strstr(config, "\"quantization_config\"");
    assert_non_null(member);
    member[1] = 'Q'; /* nobody knows it by this name */
    (void)test_write(folder, "config.json", config, bytes);
    ok(el_safetensors_write(test_path(folder, "model.safetensors"), sources, kept, NULL, 0, &err), &err);
    for (size_t i = 0; i < n; i++) {
        free(values[i]);
    }
    free(config);
    free(values);
    free(sources);
    el_safetensors_close(file);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

typedef struct answers {
    float *values;
    size_t n;
} answers;

/* The logits of a model for two sequences; hidden states if it has no head. */
static answers ask(const char *folder)
{
    electra_error err;
    electra_model *model;
    el_backend *be = NULL;
    ok(electra_model_load(&model, folder, NULL, &err), &err);
    ok(el_backend_create_cpu(&be, NULL, EL_CPU_BEST, &err), &err);
    const el_network *network = el_model_network(model);
    const el_predict_limits limits = {.tokens = 2 * LENGTH, .sequences = 2, .longest = LENGTH, .slots = 3};
    el_predictor *p;
    ok(el_predictor_create(&p, be, network, &limits, &err), &err);
    el_layout layout = test_layout((size_t[]){LENGTH, LENGTH - 7}, 2);
    uint32_t ids[2 * LENGTH], types[2 * LENGTH], slots[3] = {1, 5, LENGTH + 2};
    for (size_t t = 0; t < layout.n_tokens; t++) {
        ids[t] = (uint32_t)(t * 37 % V);
        types[t] = t % 3 == 2;
    }
    const el_weights theta = el_model_weights(model, be);
    el_tensor out;
    switch (network->head_config.kind) {
    case EL_HEAD_MASKED_LM: out = el_predictor_masked(p, theta, &layout, ids, types, slots, 3); break;
    case EL_HEAD_DISCRIMINATOR: out = el_predictor_replaced(p, theta, &layout, ids, types); break;
    case EL_HEAD_CLASSIFIER: out = el_predictor_classes(p, theta, &layout, ids, types); break;
    case EL_HEAD_TAGGER: out = el_predictor_tags(p, theta, &layout, ids, types); break;
    default: out = el_predictor_hidden(p, theta, &layout, ids, types); break;
    }
    answers a = {calloc(out.rows * out.cols, sizeof(float)), out.rows * out.cols};
    assert_non_null(a.values);
    be->ops->download_f32(be, a.values, out.data, a.n);
    test_layout_free(&layout);
    el_predictor_free(p);
    el_backend_free(be);
    electra_model_free(model);
    return a;
}

static double cosine(const answers *a, const answers *b)
{
    double ab = 0, aa = 0, bb = 0;
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        ab += (double)a->values[i] * (double)b->values[i];
        aa += (double)a->values[i] * (double)a->values[i];
        bb += (double)b->values[i] * (double)b->values[i];
    }
    return ab / sqrt(aa * bb);
}

/* Integers answer like the floats that they stand for but for activations in 8 bits, and nearly like the floats that
 * they were made from. A file that is right but used wrongly (another row's scale, a table for another) is far off. */
static void answers_are_near(void **state)
{
    const char *top = *state;
    for (size_t i = 0; i < N_HEADS * 2; i++) {
        const el_head_config *head = &HEADS[i % N_HEADS];
        const el_family family = i < N_HEADS ? EL_FAMILY_ELECTRA : EL_FAMILY_BERT;
        if (family == EL_FAMILY_BERT && head->kind == EL_HEAD_DISCRIMINATOR) {
            continue;
        }
        electra_error err;
        write_floats(test_path(top, "floats"), head, family);
        ok(electra_model_quantize(test_path(top, "floats"), test_path(top, "int8"), NULL, &err), &err);
        (void)el_remove_tree(test_path(top, "expanded"), NULL);
        write_expanded(test_path(top, "expanded"), test_path(top, "int8"));
        answers floats = ask(test_path(top, "floats")), int8 = ask(test_path(top, "int8"));
        answers expanded = ask(test_path(top, "expanded"));
        const double far = 1 - cosine(&floats, &int8), near = 1 - cosine(&expanded, &int8);
        printf("head %d, family %d: 1 - cosine %.1e to the model, %.1e to the floats of its integers\n",
               (int)head->kind, (int)family, far, near);
        assert_true(far < 1e-3 && near < 1e-3);
        free(floats.values);
        free(int8.values);
        free(expanded.values);
    }
}

static void models_are_described(void **state)
{
    const char *top = *state;
    electra_error err;
    electra_model *model;
    write_floats(test_path(top, "floats"), &HEADS[2], EL_FAMILY_ELECTRA);
    ok(electra_model_load(&model, test_path(top, "floats"), NULL, &err), &err);
    electra_model_info info = electra_model_describe(model);
    assert_string_equal(info.number_format, "float32");
    assert_int_equal(info.weight_bytes, info.parameters * 4);
    electra_model_free(model);
    ok(electra_model_quantize(test_path(top, "floats"), test_path(top, "int8/"), NULL, &err), &err);
    ok(electra_model_load(&model, test_path(top, "int8"), NULL, &err), &err);
    info = electra_model_describe(model);
    assert_string_equal(info.number_format, "int8");
    /* floats: scales, norms, biases and the last layer of the head */
    const size_t rows = V + POSITIONS + 2 + H + 2 * (4 * H + F + H) + H;
    const size_t vectors = 2 * E + H + 2 * (4 * H + F + H + 4 * H) + H + 1;
    const size_t integers = (V + POSITIONS + 2) * E + H * E + 2 * (4 * H * H + 2 * H * F) + H * H;
    assert_int_equal(info.weight_bytes, integers + 4 * (rows + vectors + H));
    electra_model_free(model);
}

static void the_same_model_gives_the_same_bytes(void **state)
{
    const char *top = *state;
    electra_error err;
    size_t n, m;
    write_floats(test_path(top, "floats"), &HEADS[3], EL_FAMILY_ELECTRA);
    ok(electra_model_quantize(test_path(top, "floats"), test_path(top, "int8"), NULL, &err), &err);
    char *first = test_read(test_path(top, "int8/model.safetensors"), &n);
    ok(electra_model_quantize(test_path(top, "floats"), test_path(top, "int8"), NULL, &err), &err);
    char *second = test_read(test_path(top, "int8/model.safetensors"), &m);
    assert_true(n == m && memcmp(first, second, n) == 0);
    free(first);
    free(second);
}

/* ---- refused --------------------------------------------------------------------------------------------------- */

static void expect_refused(electra_status expected, electra_status status, const electra_error *err, const char *words)
{
    assert_int_equal(status, expected);
    if (!strstr(err->message, words)) {
        fail_msg("\"%s\" does not mention \"%s\"", err->message, words);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    const char *top = *state, *floats = test_path(top, "floats"), *int8 = test_path(top, "int8");
    electra_error err;
    write_floats(floats, &HEADS[2], EL_FAMILY_ELECTRA);
    ok(electra_model_quantize(floats, int8, NULL, &err), &err);
    expect_refused(ELECTRA_INVALID, electra_model_quantize(int8, test_path(top, "again"), NULL, &err), &err,
                   "8-bit integers");
    assert_false(el_is_folder(test_path(top, "again")));
    expect_refused(ELECTRA_MISUSE, electra_model_quantize(floats, test_path(top, "int8/../floats/"), NULL, &err), &err,
                   "to be quantized");
    expect_refused(ELECTRA_MISUSE, electra_model_quantize(floats, NULL, NULL, &err), &err, "must be given");
    assert_int_equal(electra_model_quantize(test_path(top, "nowhere"), test_path(top, "again"), NULL, &err),
                     ELECTRA_INVALID);
}

/* Write an int8 model's tensors as somebody else might: `change` edits the list first. */
typedef struct edited {
    el_array_source sources[200];
    size_t n;
} edited;

static el_array_source *named(edited *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->sources[i].name, name) == 0) {
            return &list->sources[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

static const char KEY[] = "electra.encoder.layer.1.attention.self.key.weight";
static const char KEY_SCALE[] = "electra.encoder.layer.1.attention.self.key.weight.scale";
static const char WORD_SCALE[] = "electra.embeddings.word_embeddings.weight.scale";
static float scratch[V * H];

static void drop_scales(edited *list)
{
    *named(list, KEY_SCALE) = list->sources[--list->n];
}
static void drop_integers(edited *list)
{
    *named(list, KEY) = list->sources[--list->n];
}
static void fewer_scales(edited *list)
{
    named(list, KEY_SCALE)->shape[0]--;
}
static void matrix_of_scales(edited *list)
{
    el_array_source *s = named(list, KEY_SCALE);
    s->rank = 2;
    s->shape[1] = 1;
}
static void scales_of_another_type(edited *list)
{
    named(list, KEY_SCALE)->dtype = EL_DTYPE_I32;
}
static void set_scale(edited *list, const char *name, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) {
        scratch[i] = i == n - 1 ? value : 0.5F;
    }
    named(list, name)->data = scratch;
}
static void scale_no_number(edited *list)
{
    set_scale(list, KEY_SCALE, H, NAN);
}
static void scale_infinite(edited *list)
{
    set_scale(list, WORD_SCALE, V, INFINITY);
}
static void scale_negative(edited *list)
{
    set_scale(list, KEY_SCALE, H, -1);
}
static void key_in_floats(edited *list)
{
    named(list, KEY)->dtype = EL_DTYPE_F32;
    named(list, KEY)->data = scratch;
    drop_scales(list);
}
static void positions_in_floats(edited *list)
{
    el_array_source *s = named(list, "electra.embeddings.position_embeddings.weight");
    s->dtype = EL_DTYPE_F32;
    s->data = scratch;
    *named(list, "electra.embeddings.position_embeddings.weight.scale") = list->sources[--list->n];
}
static void bias_of_integers(edited *list)
{
    named(list, "electra.encoder.layer.0.output.dense.bias")->dtype = EL_DTYPE_I8;
}
static void unsigned_integers(edited *list)
{
    named(list, KEY)->dtype = EL_DTYPE_U8;
}
static void wrong_shape(edited *list)
{
    named(list, KEY)->shape[0] = H / 2;
    named(list, KEY)->shape[1] = H * 2;
}
static void scales_of_nothing(edited *list)
{
    list->sources[list->n] = *named(list, KEY_SCALE);
    list->sources[list->n++].name = "electra.encoder.layer.1.output.dense.bias.scale";
}

static const struct {
    void (*change)(edited *list);
    const char *words;
} HOSTILE[] = {{drop_scales, ".scale\" is missing"},
               {drop_integers, "lacks"},
               {fewer_scales, "a scale for each row"},
               {matrix_of_scales, "a scale for each row"},
               {scales_of_another_type, "a scale for each row"},
               {scale_no_number, "finite"},
               {scale_infinite, "finite"},
               {scale_negative, "not negative"},
               {key_in_floats, "either both are integers or none"},
               {positions_in_floats, "either both are integers or none"},
               {bias_of_integers, "only matrices"},
               {unsigned_integers, "do not belong"},
               {wrong_shape, "shape"},
               {scales_of_nothing, "do not belong"}};

static void hostile_files_are_refused(void **state)
{
    const char *top = *state, *folder = test_path(top, "int8");
    electra_error err;
    write_floats(test_path(top, "floats"), &HEADS[2], EL_FAMILY_ELECTRA);
    for (size_t i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        ok(electra_model_quantize(test_path(top, "floats"), folder, NULL, &err), &err);
        el_safetensors *file;
        ok(el_safetensors_open(&file, test_path(folder, "model.safetensors"), &err), &err);
        edited list = {.n = el_safetensors_count(file)};
        for (size_t j = 0; j < list.n; j++) {
            const el_array *a = el_safetensors_at(file, j);
            list.sources[j] = (el_array_source){.name = a->name, .dtype = a->dtype, .rank = a->rank, .data = a->data};
            memcpy(list.sources[j].shape, a->shape, sizeof a->shape);
        }
        HOSTILE[i].change(&list);
        const char *path = test_path(top, "changed.safetensors");
        ok(el_safetensors_write(path, list.sources, list.n, NULL, 0, &err), &err);
        el_safetensors_close(file);
        assert_int_equal(rename(path, test_path(folder, "model.safetensors")), 0);
        electra_model *model;
        expect_refused(ELECTRA_INVALID, electra_model_load(&model, folder, NULL, &err), &err, HOSTILE[i].words);
        assert_null(model);
    }
}

static void another_method_is_refused(void **state)
{
    const char *top = *state, *folder = test_path(top, "int8");
    static const char *const METHODS[] = {"\"quant_method\": \"gptq\"", "\"bits\": 8"};
    electra_error err;
    write_floats(test_path(top, "floats"), &HEADS[2], EL_FAMILY_ELECTRA);
    for (size_t i = 0; i < 2; i++) {
        ok(electra_model_quantize(test_path(top, "floats"), folder, NULL, &err), &err);
        size_t bytes;
        char *config = test_read(test_path(folder, "config.json"), &bytes), changed[4096];
        char *method = strstr(config, "\"quant_method\"");
        assert_non_null(method);
        *method = '\0';
        (void)snprintf(changed, sizeof changed, "%s%s %s", config, METHODS[i], strchr(method + 1, ','));
        (void)test_write_text(folder, "config.json", changed);
        electra_model *model;
        expect_refused(ELECTRA_INVALID, electra_model_load(&model, folder, NULL, &err), &err,
                       i == 0 ? "gptq" : "without a name");
        free(config);
    }
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static void failing_memory_ends_cleanly(void **state)
{
    const char *top = *state, *floats = test_path(top, "floats"), *int8 = test_path(top, "int8");
    write_floats(floats, &HEADS[1], EL_FAMILY_ELECTRA);
    bool done = false;
    for (unsigned long n = 1; !done; n++) {
        test_fail_allocation(n);
        const electra_status status = electra_model_quantize(floats, int8, NULL, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        done = status == ELECTRA_OK;
        assert_true(n < 10000);
    }
    done = false;
    for (unsigned long n = 1; !done; n++) {
        electra_model *model;
        test_fail_allocation(n);
        const electra_status status = electra_model_load(&model, int8, NULL, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        done = status == ELECTRA_OK;
        electra_model_free(model);
        assert_true(n < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_near, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(models_are_described, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(the_same_model_gives_the_same_bytes, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(hostile_files_are_refused, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(another_method_is_refused, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(failing_memory_ends_cleanly, test_folder_setup, test_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
