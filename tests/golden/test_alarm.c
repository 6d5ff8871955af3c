/* golden must notice: every tensor of a case is altered in one number, in turn, and so are the weights, the inputs and
 * the numbers in case.json. What passed before must then be called wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "golden/case.h"
#include "interop/model_dir.h"

#define FIXTURES TEST_SOURCE_DIR "/tests/golden/fixtures/"

static char g_folder[64]; /* a copy of a fixture, made anew for each test */

static void copy_file(const char *fixture, const char *name)
{
    char from[512], to[512], *data;
    size_t bytes;
    snprintf(from, sizeof from, FIXTURES "%s/%s", fixture, name);
    snprintf(to, sizeof to, "%s/%s", g_folder, name);
    if (!el_is_file(from)) {
        return;
    }
    assert_int_equal(el_read_file(&data, &bytes, from, 1 << 24, NULL), ELECTRA_OK);
    assert_int_equal(el_write_file(to, data, bytes, NULL), ELECTRA_OK);
    el_free(data);
}

static void copy_fixture(const char *fixture)
{
    static const char *const FILES[] = {"case.json",
                                        "inputs.safetensors",
                                        "expected.safetensors",
                                        "generator/config.json",
                                        "generator/model.safetensors",
                                        "discriminator/config.json",
                                        "discriminator/model.safetensors",
                                        "model/config.json",
                                        "model/model.safetensors"};
    static const char *const FOLDERS[] = {"generator", "discriminator", "model"};
    char folder[128];
    snprintf(g_folder, sizeof g_folder, "/tmp/electra-golden-XXXXXX");
    assert_non_null(mkdtemp(g_folder));
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        snprintf(folder, sizeof folder, "%s/%s", g_folder, FOLDERS[i]);
        assert_int_equal(el_make_folders(folder, NULL), ELECTRA_OK);
    }
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        copy_file(fixture, FILES[i]);
    }
}

static int drop_fixture(void **state)
{
    (void)state;
    return el_remove_tree(g_folder, NULL) == ELECTRA_OK ? 0 : -1;
}

static const struct {
    const char *type;
    void (*run)(golden_case *c, el_pool *pool);
} TYPES[] = {{"pretrain", golden_run_pretrain}, {"optimiser", golden_run_optimiser}, {"head", golden_run_head},
             {"bert", golden_run_bert},         {"storage", golden_run_storage},     {"tf1", golden_run_tf1},
             {"finetune", golden_run_finetune}};
enum { N_TYPES = sizeof TYPES / sizeof TYPES[0] };

/* How many things are wrong with the copy; the first is described in `problem`. */
static size_t count_wrong(char problem[512])
{
    golden_case c;
    if (golden_open(&c, g_folder)) {
        for (size_t i = 0; i < N_TYPES; i++) {
            if (strcmp(golden_type(&c), TYPES[i].type) == 0) {
                TYPES[i].run(&c, NULL);
            }
        }
        golden_check_all_seen(&c);
    }
    const size_t wrong = c.verdict.n_wrong;
    memcpy(problem, c.verdict.problem, sizeof c.verdict.problem);
    golden_close(&c);
    return wrong;
}

/* Where a tensor's first number stands in its file: tensors follow the header without gaps. */
static size_t offset_of(const el_safetensors *file, const el_array *t, const char *bytes)
{
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    const unsigned char *first = el_safetensors_at(file, 0)->data;
    for (size_t i = 1; i < el_safetensors_count(file); i++) {
        const el_array *other = el_safetensors_at(file, i);
        first = other->data < first ? other->data : first;
    }
    return sizeof header + (size_t)header + (size_t)(t->data - first);
}

static void alter(const el_array *t, char *number)
{
    if (t->dtype == EL_DTYPE_I64) {
        int64_t x;
        memcpy(&x, number, sizeof x);
        x = x > 6 ? x - 1 : x + 1;
        memcpy(number, &x, sizeof x);
    } else {
        float x;
        memcpy(&x, number, sizeof x);
        x += 0.05f + 0.05f * (x < 0 ? -x : x);
        memcpy(number, &x, sizeof x);
    }
}

/* Alter each tensor of a file in one number, in turn; each must be noticed, by name if `by_name`. One whose name holds
 * `idle` (may be NULL) is left out. */
static void alter_each_tensor(const char *name, bool by_name, const char *idle)
{
    char path[512], problem[512], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", g_folder, name);
    assert_int_equal(el_read_file(&bytes, &size, path, 1 << 24, NULL), ELECTRA_OK);
    el_safetensors *file;
    assert_int_equal(el_safetensors_parse(&file, bytes, size, name, NULL), ELECTRA_OK);
    char *altered = el_alloc(size, 1);
    for (size_t i = 0; i < el_safetensors_count(file); i++) {
        const el_array *t = el_safetensors_at(file, i);
        if (idle && strstr(t->name, idle)) {
            continue;
        }
        memcpy(altered, bytes, size);
        alter(t, altered + offset_of(file, t, bytes) + t->n / 2 * (t->bytes / t->n));
        assert_int_equal(el_write_file(path, altered, size, NULL), ELECTRA_OK);
        if (count_wrong(problem) == 0) {
            fail_msg("%s: %s was altered and nobody noticed", name, t->name);
        }
        if (by_name && !strstr(problem, t->name)) {
            fail_msg("%s: %s was altered, but this was reported: %s", name, t->name, problem);
        }
    }
    assert_int_equal(el_write_file(path, bytes, size, NULL), ELECTRA_OK);
    assert_int_equal(count_wrong(problem), 0);
    el_safetensors_close(file);
    el_free(altered);
    el_free(bytes);
}

static void expected_tensors_are_watched(void **state)
{
    (void)state;
    char problem[512];
    copy_fixture("pretrain-one");
    assert_int_equal(count_wrong(problem), 0);
    alter_each_tensor("expected.safetensors", true, NULL);
}

static void inputs_are_watched(void **state)
{
    (void)state;
    copy_fixture("pretrain-one");
    alter_each_tensor("inputs.safetensors", false, NULL);
}

static void weights_are_watched(void **state)
{
    (void)state;
    copy_fixture("pretrain-separate");
    alter_each_tensor("generator/model.safetensors", false, NULL);
    alter_each_tensor("discriminator/model.safetensors", false, NULL);
}

static void heads_are_watched(void **state)
{
    (void)state;
    static const char *const CASES[] = {"head-classes", "head-labels",  "head-numbers", "head-tags", "head-spans",
                                        "head-choices", "head-summary", "head-bert",    "bert"};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char problem[512];
        copy_fixture(CASES[i]);
        assert_int_equal(count_wrong(problem), 0);
        alter_each_tensor("expected.safetensors", true, NULL);
        alter_each_tensor("inputs.safetensors", false, NULL);
        alter_each_tensor("model/model.safetensors", false, "key.bias"); /* shifts all scores of a softmax alike */
        assert_int_equal(drop_fixture(NULL), 0);
    }
    char problem[512];
    copy_fixture("finetune"); /* its weights are watched by the parameters that they become */
    assert_int_equal(count_wrong(problem), 0);
    alter_each_tensor("expected.safetensors", true, NULL);
    alter_each_tensor("inputs.safetensors", false, NULL);
}

/* A whole fixture with folders of its own names, into the test's folder. */
static void copy_tree(const char *name)
{
    char command[1024];
    snprintf(command, sizeof command, "cp -r '%s%s/.' '%s' && chmod -R u+w '%s'", FIXTURES, name, g_folder, g_folder);
    assert_int_equal(system(command), 0);
}

/* Alter one number of a weight wherever it lies in a file: its bytes are looked for. */
static void alter_weight(const char *model, const char *file, const char *tensor)
{
    char path[512], problem[512], *bytes;
    size_t size;
    el_model_dir *dir;
    const el_model_source source = {.network = EL_TF1_ANY};
    snprintf(path, sizeof path, "%s/%s", g_folder, model);
    assert_int_equal(el_model_dir_open_from(&dir, path, &source, NULL, NULL), ELECTRA_OK);
    el_param wanted = {.rows = 1};
    snprintf(wanted.name, sizeof wanted.name, "%s", tensor);
    const el_array *array = el_model_dir_find(dir, &wanted);
    assert_non_null(array);
    snprintf(path, sizeof path, "%s/%s/%s", g_folder, model, file);
    assert_int_equal(el_read_file(&bytes, &size, path, 1 << 24, NULL), ELECTRA_OK);
    char *at = memmem(bytes, size, array->data, 8);
    assert_non_null(at);
    at[2] = (char)(at[2] ^ 16); /* an eighth of it */
    assert_int_equal(el_write_file(path, bytes, size, NULL), ELECTRA_OK);
    if (count_wrong(problem) == 0) {
        fail_msg("%s of %s was altered and nobody noticed", tensor, model);
    }
    at[2] = (char)(at[2] ^ 16);
    assert_int_equal(el_write_file(path, bytes, size, NULL), ELECTRA_OK);
    el_free(bytes);
    el_model_dir_close(dir);
}

static void forms_of_storage_are_watched(void **state)
{
    (void)state;
    static const struct {
        const char *model, *file;
    } WEIGHTS[] = {{"float32", "model.safetensors"},
                   {"bin-zip", "pytorch_model.bin"},
                   {"bin-legacy", "pytorch_model.bin"},
                   {"bin-trainer", "pytorch_model.bin"},
                   {"norm-names", "model.safetensors"}};
    char problem[512];
    snprintf(g_folder, sizeof g_folder, "/tmp/electra-golden-XXXXXX");
    assert_non_null(mkdtemp(g_folder));
    copy_tree("storage");
    assert_int_equal(count_wrong(problem), 0);
    alter_each_tensor("expected.safetensors", true, NULL);
    alter_each_tensor("inputs.safetensors", false, NULL);
    for (size_t i = 0; i < sizeof WEIGHTS / sizeof WEIGHTS[0]; i++) {
        alter_weight(WEIGHTS[i].model, WEIGHTS[i].file, "electra.encoder.layer.0.output.dense.weight");
    }
}

static void checkpoints_are_watched(void **state)
{
    (void)state;
    char top[32], problem[512], command[1024];
    snprintf(top, sizeof top, "/tmp/electra-golden-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(g_folder, sizeof g_folder, "%s/tf1", top);
    assert_int_equal(el_make_folders(g_folder, NULL), ELECTRA_OK);
    copy_tree("tf1-one");
    snprintf(command, sizeof command, "cp -r '%spretrain-one' '%s'", FIXTURES, top);
    assert_int_equal(system(command), 0);
    assert_int_equal(count_wrong(problem), 0);
    alter_weight(".", "model.ckpt-3.data-00000-of-00001", "electra.encoder.layer.0.output.dense.weight");
    snprintf(g_folder, sizeof g_folder, "%s/pretrain-one", top);
    char path[512], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/generator/model.safetensors", g_folder);
    assert_int_equal(el_read_file(&bytes, &size, path, 1 << 24, NULL), ELECTRA_OK);
    bytes[size - 4] = (char)(bytes[size - 4] ^ 1);
    assert_int_equal(el_write_file(path, bytes, size, NULL), ELECTRA_OK);
    el_free(bytes);
    snprintf(g_folder, sizeof g_folder, "%s/tf1", top);
    assert_int_not_equal(count_wrong(problem), 0);
    snprintf(g_folder, sizeof g_folder, "%s", top);
}

/* Multiply every k-th real number of a JSON document, counted from *count, by 1.001 (0 becomes 0.001). */
static bool alter_real(json_t *value, size_t wanted, size_t *count)
{
    const char *key;
    size_t i;
    json_t *member;
    if (json_is_real(value) && (*count)++ == wanted) {
        const double x = json_real_value(value);
        json_real_set(value, x == 0 ? 0.001 : 1.001 * x);
        return true;
    }
    json_object_foreach(value, key, member)
    {
        if (alter_real(member, wanted, count)) {
            return true;
        }
    }
    json_array_foreach(value, i, member)
    {
        if (alter_real(member, wanted, count)) {
            return true;
        }
    }
    return false;
}

/* Alter every `stride`-th real number below a member of case.json; returns how many were tried. */
static size_t alter_json(const char *member, size_t stride)
{
    char path[512], problem[512];
    snprintf(path, sizeof path, "%s/case.json", g_folder);
    size_t tried = 0;
    for (size_t wanted = 0;; wanted += stride) {
        json_t *json;
        size_t count = 0;
        char *original;
        size_t bytes;
        assert_int_equal(el_read_file(&original, &bytes, path, 1 << 24, NULL), ELECTRA_OK);
        assert_int_equal(el_json_load(&json, path, NULL), ELECTRA_OK);
        const bool altered = alter_real(json_object_get(json, member), wanted, &count);
        if (altered) {
            assert_int_equal(el_json_save(json, path, NULL), ELECTRA_OK);
            if (count_wrong(problem) == 0) {
                fail_msg("case.json: number %zu of %s was altered and nobody noticed", wanted, member);
            }
            assert_int_equal(el_write_file(path, original, bytes, NULL), ELECTRA_OK);
            tried++;
        }
        el_free(original);
        json_decref(json);
        if (!altered) {
            return tried;
        }
    }
}

static void numbers_in_json_are_watched(void **state)
{
    (void)state;
    copy_fixture("pretrain-one");
    assert_in_range(alter_json("curve", 1), 30, 100);
    drop_fixture(NULL);
    copy_fixture("finetune");
    assert_in_range(alter_json("curve", 3), 5, 100);
    assert_in_range(alter_json("multipliers", 1), 6, 100);
    drop_fixture(NULL);
    copy_fixture("optimiser");
    assert_in_range(alter_json("runs", 17), 20, 1000);
    assert_in_range(alter_json("start", 1), 10, 100);
    assert_in_range(alter_json("gradients", 1), 30, 100);
    assert_in_range(alter_json("schedule", 3), 5, 100);
    assert_in_range(alter_json("layer_multipliers", 1), 10, 100);
}

/* ---- the program
 * ----------------------------------------------------------------------------------------------------- */

static int exit_code_of_golden(const char *says)
{
    char command[1024], line[1024];
    snprintf(command, sizeof command, "\"$(dirname '%s')/golden\" %s 2>&1", TEST_PROGRAM, g_folder);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    bool said = false;
    while (fgets(line, sizeof line, out)) {
        said = said || strstr(line, says);
    }
    const int code = WEXITSTATUS(pclose(out));
    if (!said) {
        fail_msg("golden never said \"%s\"", says);
    }
    return code;
}

static void replace_in_json(const char *from, const char *to)
{
    char path[512], *text;
    size_t bytes;
    snprintf(path, sizeof path, "%s/case.json", g_folder);
    assert_int_equal(el_read_file(&text, &bytes, path, 1 << 24, NULL), ELECTRA_OK);
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    assert_int_equal(el_write_file(path, text, bytes, NULL), ELECTRA_OK);
    el_free(text);
}

static void program_says_so_and_exits_with_1(void **state)
{
    (void)state;
    copy_fixture("pretrain-one");
    assert_int_equal(exit_code_of_golden("1 of 1 cases agree"), 0);
    replace_in_json("\"peak_learning_rate\":0.005", "\"peak_learning_rate\":0.006");
    assert_int_equal(exit_code_of_golden("WRONG"), 1);
    replace_in_json("\"type\":\"pretrain\"", "\"type\":\"pretrail\"");
    assert_int_equal(exit_code_of_golden("1 were SKIPPED"), 1);
    replace_in_json("\"case\":", "\"case\" ");
    assert_int_equal(exit_code_of_golden("not valid JSON"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(expected_tensors_are_watched, drop_fixture),
        cmocka_unit_test_teardown(inputs_are_watched, drop_fixture),
        cmocka_unit_test_teardown(weights_are_watched, drop_fixture),
        cmocka_unit_test_teardown(heads_are_watched, drop_fixture),
        cmocka_unit_test_teardown(forms_of_storage_are_watched, drop_fixture),
        cmocka_unit_test_teardown(checkpoints_are_watched, drop_fixture),
        cmocka_unit_test_teardown(numbers_in_json_are_watched, drop_fixture),
        cmocka_unit_test_teardown(program_says_so_and_exits_with_1, drop_fixture),
    };
    return cmocka_run_group_tests_name("golden alarm", tests, NULL, NULL);
}
