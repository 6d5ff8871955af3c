/* electra_model_convert: whatever form a model has, it comes out as the same model directory; and what is refused. The
 * forms are the fixtures of the golden cases storage and tf1-*, which PyTorch and others wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/electra.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "interop/model_dir.h"
#include "interop/names.h"
#include "interop/safetensors.h"
#include "interop/weight_files.h"
#include "support/alloc.h"
#include "support/folder.h"

#define FIXTURES TEST_SOURCE_DIR "/tests/golden/fixtures/"

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static electra_convert_options defaults(void)
{
    return electra_convert_options_default();
}

static electra_converted convert(const char *from, const char *to, const electra_convert_options *options)
{
    electra_converted out;
    electra_error err = {0};
    if (electra_model_convert(&out, from, to, options, &err) != ELECTRA_OK) {
        fail_msg("%s -> %s: %s", from, to, err.message);
    }
    return out;
}

static void expect_refusal(const char *from, const char *to, const electra_convert_options *options,
                           electra_status expected, const char *words)
{
    electra_error err = {0};
    const electra_status status = electra_model_convert(NULL, from, to, options, &err);
    if (status != expected || !strstr(err.message, words)) {
        fail_msg("%s -> %s gave %d and \"%s\", not \"%s\"", from, to ? to : "nothing", (int)status, err.message, words);
    }
}

static const char *inside(const char *folder, const char *name)
{
    static char paths[8][1200];
    static int which;
    char path[1200]; /* folder may be one of them */
    snprintf(path, sizeof path, "%s/%s", folder, name);
    which = (which + 1) % 8;
    return strcpy(paths[which], path);
}

static void assert_same_file(const char *a, const char *b)
{
    size_t n;
    size_t m;
    char *x = test_read(a, &n);
    char *y = test_read(b, &m);
    if (n != m || memcmp(x, y, n) != 0) {
        fail_msg("%s and %s differ", a, b);
    }
    free(x);
    free(y);
}

static char *text_of(const char *path)
{
    size_t n;
    char *text = test_read(path, &n);
    text = realloc(text, n + 1);
    assert_non_null(text);
    text[n] = '\0';
    return text;
}

static void expect_text(const char *path, const char *words)
{
    char *text = text_of(path);
    if (!strstr(text, words)) {
        fail_msg("%s does not hold %s", path, words);
    }
    free(text);
}

/* ---- the same bytes ---------------------------------------------------------------------------------------------- */

/* The reference library's own file comes back to the last byte, whatever form the weights went through. */
static void every_form_becomes_the_same_file(void **state)
{
    const char *folder = *state;
    static const char *const SAME[] = {"float32",   "sharded",    "bin-sharded", "bin-zip",     "bin-legacy",
                                       "bin-views", "norm-names", "bin-trainer", "mixed-prefix"};
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++) {
        const char *to = test_path(folder, SAME[i]);
        const electra_converted made = convert(inside(FIXTURES "storage", SAME[i]), to, NULL);
        assert_int_equal(made.n, 1);
        assert_int_equal(made.models[0].kind, ELECTRA_MODEL_CLASSIFIER);
        assert_string_equal(made.models[0].number_format, "float32");
        assert_string_equal(made.models[0].subfolder, "");
        assert_int_equal(made.models[0].files, 1);
        assert_same_file(inside(to, "model.safetensors"), FIXTURES "storage/float32/model.safetensors");
        assert_same_file(inside(to, "config.json"), test_path(folder, "float32/config.json"));
    }
    static const char *const ALONE[] = {"float16", "bfloat16", "float64", "no-prefix", "generator-float32"};
    for (size_t i = 0; i < sizeof ALONE / sizeof *ALONE; i++) {
        const char *from = inside(FIXTURES "storage", ALONE[i]);
        const char *to = test_path(folder, ALONE[i]);
        (void)convert(from, to, NULL);
        assert_same_file(inside(to, "model.safetensors"), inside(from, "model.safetensors"));
    }
    (void)convert(FIXTURES "storage/bin-old-generator", test_path(folder, "old"), NULL);
    assert_same_file(test_path(folder, "old/model.safetensors"),
                     FIXTURES "storage/generator-float32/model.safetensors");
    (void)convert(FIXTURES "storage/bin-legacy-float16", test_path(folder, "half"), NULL);
    assert_same_file(test_path(folder, "half/model.safetensors"), FIXTURES "storage/float16/model.safetensors");
    expect_text(test_path(folder, "half/config.json"), "\"torch_dtype\": \"float16\"");
    expect_text(test_path(folder, "bfloat16/config.json"), "\"torch_dtype\": \"bfloat16\"");
}

static void every_head_comes_back(void **state)
{
    static const char *const HEADS[] = {"head-bert",  "head-choices", "head-classes", "head-labels", "head-numbers",
                                        "head-spans", "head-summary", "head-tags",    "bert"};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++) {
        char from[512];
        snprintf(from, sizeof from, FIXTURES "%s/model", HEADS[i]);
        const char *once = test_path(*state, HEADS[i]);
        (void)convert(from, once, NULL);
        assert_same_file(inside(once, "model.safetensors"), inside(from, "model.safetensors"));
        json_t *theirs;
        json_t *ours;
        assert_int_equal(el_json_load(&theirs, inside(from, "config.json"), NULL), ELECTRA_OK);
        assert_int_equal(el_json_load(&ours, inside(once, "config.json"), NULL), ELECTRA_OK);
        const char *name;
        json_t *value;
        json_object_foreach(theirs, name, value) /* what they say, we say */
        {
            if (!json_is_null(value) && !json_equal(value, json_object_get(ours, name))) {
                fail_msg("%s: config.json differs in \"%s\"", HEADS[i], name);
            }
        }
        json_decref(theirs);
        json_decref(ours);
        /* ours -> ours: every file */
        char twice[64];
        snprintf(twice, sizeof twice, "%s-again", HEADS[i]);
        (void)convert(once, test_path(*state, twice), NULL);
        assert_same_file(inside(once, "config.json"), inside(test_path(*state, twice), "config.json"));
    }
}

static void checkpoints_become_both_networks(void **state)
{
    static const char *const PAIRS[] = {"shared", "separate", "one"};
    for (size_t i = 0; i < 3; i++) {
        char from[512];
        char pair[512];
        snprintf(from, sizeof from, FIXTURES "tf1-%s", PAIRS[i]);
        snprintf(pair, sizeof pair, FIXTURES "pretrain-%s", PAIRS[i]);
        const char *to = test_path(*state, PAIRS[i]);
        const electra_converted made = convert(from, to, NULL);
        assert_int_equal(made.n, 2);
        assert_string_equal(made.models[0].subfolder, "discriminator");
        assert_int_equal(made.models[1].kind, ELECTRA_MODEL_GENERATOR);
        assert_same_file(inside(to, "discriminator/model.safetensors"),
                         inside(pair, "discriminator/model.safetensors"));
        assert_same_file(inside(to, "generator/model.safetensors"), inside(pair, "generator/model.safetensors"));
        /* one of them, by the checkpoint's prefix, with its own configuration */
        electra_convert_options options = defaults();
        options.network = ELECTRA_NETWORK_GENERATOR;
        options.config = inside(pair, "generator/config.json");
        const char *alone = test_path(*state, "alone");
        (void)convert(inside(from, "model.ckpt-3"), alone, &options);
        assert_same_file(inside(alone, "model.safetensors"), inside(pair, "generator/model.safetensors"));
        (void)convert(inside(from, "model.ckpt-3.index"), alone, &options); /* replaces it */
    }
}

static int g_warnings;
static char g_warning[1024];

static void keep_warning(void *user, electra_log_level level, const char *line)
{
    (void)user;
    if (level == ELECTRA_LOG_WARNING && !strstr(line, "no vocabulary")) {
        g_warnings++;
        snprintf(g_warning, sizeof g_warning, "%s", line);
    }
}

/* A generator must not take the sizes of the discriminator's config.json. */
static void a_config_of_the_other_network_is_noticed(void **state)
{
    electra_convert_options options = defaults();
    options.config = FIXTURES "pretrain-shared/discriminator/config.json";
    options.runtime.log = keep_warning;
    g_warnings = 0;
    const char *to = test_path(*state, "pair");
    (void)convert(FIXTURES "tf1-shared", to, &options);
    assert_int_equal(g_warnings, 1);
    assert_non_null(strstr(g_warning, "describes a network of width 12, but the generator has width 8"));
    expect_text(inside(to, "discriminator/config.json"), "\"num_attention_heads\": 3");
    expect_text(inside(to, "generator/config.json"), "\"num_attention_heads\": 1");
    expect_text(inside(to, "generator/config.json"), "\"hidden_size\": 8");
    /* and the discriminator does not take the generator's */
    options.network = ELECTRA_NETWORK_DISCRIMINATOR;
    options.config = FIXTURES "pretrain-shared/generator/config.json";
    expect_refusal(FIXTURES "tf1-shared", test_path(*state, "x"), &options, ELECTRA_INVALID,
                   "with the sizes of config.json it should be");
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static void shards_hold_everything_once(void **state)
{
    const char *to = test_path(*state, "shards");
    const char *whole = test_path(*state, "whole");
    electra_convert_options options = defaults();
    options.shard_bytes = 600;
    const electra_converted made = convert(FIXTURES "storage/float32", to, &options);
    assert_true(made.models[0].files > 3);
    assert_false(el_is_file(inside(to, "model.safetensors")));
    json_t *index;
    assert_int_equal(el_json_load(&index, inside(to, "model.safetensors.index.json"), NULL), ELECTRA_OK);
    const json_t *metadata = json_object_get(index, "metadata");
    assert_int_equal(json_integer_value(json_object_get(metadata, "total_parameters")), made.models[0].parameters);
    assert_int_equal(json_integer_value(json_object_get(metadata, "total_size")), 4 * made.models[0].parameters);
    json_decref(index);
    (void)convert(inside(to, "model.safetensors.index.json"), whole, NULL);
    assert_same_file(inside(whole, "model.safetensors"), FIXTURES "storage/float32/model.safetensors");
    options.shard_bytes = 1 << 30; /* room for all: no index */
    (void)convert(FIXTURES "storage/float32", to, &options);
    assert_true(el_is_file(inside(to, "model.safetensors")));
    assert_false(el_is_file(inside(to, "model.safetensors.index.json")));
}

static void number_formats_are_chosen(void **state)
{
    static const struct {
        electra_dtype dtype;
        const char *name;
    } FORMATS[] = {{ELECTRA_DTYPE_FLOAT16, "float16"}, {ELECTRA_DTYPE_BFLOAT16, "bfloat16"}};
    electra_convert_options options = defaults();
    for (size_t i = 0; i < 2; i++) {
        options.dtype = FORMATS[i].dtype;
        const char *to = test_path(*state, FORMATS[i].name);
        const electra_converted made = convert(FIXTURES "storage/bin-zip", to, &options);
        assert_string_equal(made.models[0].number_format, FORMATS[i].name);
        /* PyTorch rounds the same way */
        assert_same_file(inside(to, "model.safetensors"),
                         inside(inside(FIXTURES "storage", FORMATS[i].name), "model.safetensors"));
    }
    options.dtype = ELECTRA_DTYPE_FLOAT32;
    (void)convert(FIXTURES "storage/float64", test_path(*state, "single"), &options);
    assert_same_file(test_path(*state, "single/model.safetensors"), FIXTURES "storage/float32/model.safetensors");
    /* a number that has no room */
    const float large[] = {1, 70000};
    const el_array_source tensor = {.name = "x", .dtype = EL_DTYPE_F32, .rank = 1, .shape = {2}, .data = large};
    assert_int_equal(el_safetensors_write(test_path(*state, "large.safetensors"), &tensor, 1, NULL, 0, NULL),
                     ELECTRA_OK);
    el_safetensors *file;
    assert_int_equal(el_safetensors_open(&file, test_path(*state, "large.safetensors"), NULL), ELECTRA_OK);
    uint16_t halves[2];
    electra_error err;
    assert_int_equal(el_array_convert(el_safetensors_at(file, 0), 0, 2, EL_DTYPE_F16, halves, &err), ELECTRA_INVALID);
    el_safetensors_close(file);
}

static void vocabularies_come_along(void **state)
{
    const char *folder = *state;
    const char *to = test_path(folder, "tokens");
    electra_convert_options options = defaults();
    options.vocab = test_write_text(folder, "v.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nThe\ncat\n");
    options.cased = true;
    (void)convert(FIXTURES "storage/bin-zip", to, &options);
    expect_text(inside(to, "tokenizer_config.json"), "\"do_lower_case\": false");
    const char *again = test_path(folder, "tokens-again");
    (void)convert(to, again, NULL);
    static const char *const FILES[] = {"config.json",    "model.safetensors",     "vocab.txt",
                                        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        assert_same_file(inside(to, FILES[i]), inside(again, FILES[i]));
    }
    /* each source of the vocabulary alone */
    assert_int_equal(unlink(inside(to, "vocab.txt")), 0);
    (void)convert(to, test_path(folder, "from-json"), NULL);
    assert_same_file(test_path(folder, "from-json/vocab.txt"), inside(again, "vocab.txt"));
    assert_int_equal(unlink(inside(again, "tokenizer.json")), 0);
    (void)convert(again, test_path(folder, "from-text"), NULL);
    assert_same_file(test_path(folder, "from-text/tokenizer.json"), inside(to, "tokenizer.json"));
    char many[1024] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < 30; i++) {
        snprintf(many + strlen(many), sizeof many - strlen(many), "w%d\n", i);
    }
    options.vocab = test_write_text(folder, "many.txt", many);
    expect_refusal(FIXTURES "storage/bin-zip", test_path(folder, "x"), &options, ELECTRA_INVALID,
                   "has 35 tokens, but the model knows only 28");
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void folders_that_are_no_models_are_never_replaced(void **state)
{
    const char *folder = *state;
    const char *from = FIXTURES "storage/float32";
    (void)test_write_text(folder, "mine/thesis.txt", "years of work");
    expect_refusal(from, test_path(folder, "mine"), NULL, ELECTRA_MISUSE, "is no model directory");
    assert_true(el_is_file(test_path(folder, "mine/thesis.txt")));
    assert_int_equal(el_make_folders(test_path(folder, "empty"), NULL), ELECTRA_OK);
    (void)convert(from, test_path(folder, "empty"), NULL);
    (void)convert(from, test_path(folder, "empty/"), NULL);
    expect_refusal(test_path(folder, "empty"), test_path(folder, "mine/../empty/"), NULL, ELECTRA_MISUSE,
                   "is the model that is read");
    expect_refusal(test_path(folder, "empty/model.safetensors"), test_path(folder, "empty"), NULL, ELECTRA_MISUSE,
                   "is the model that is read");
}

static void write_index(const char *folder, const char *text)
{
    (void)test_write_text(folder, "index/model.safetensors.index.json", text);
}

static void indices_that_lie_are_refused(void **state)
{
    const char *folder = *state;
    const char *from = test_path(folder, "index");
    const char *to = test_path(folder, "x");
    size_t n;
    char *bytes = test_read(FIXTURES "storage/float32/model.safetensors", &n);
    (void)test_write(folder, "index/a.safetensors", bytes, n);
    (void)test_write(folder, "outside.safetensors", bytes, n);
    free(bytes);
    write_index(folder, "{}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "should have a \"weight_map\"");
    write_index(folder, "{\"weight_map\":[]}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "should have a \"weight_map\"");
    write_index(folder, "{\"weight_map\":{}}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "should have a \"weight_map\"");
    static const char *const NAMES[] = {"3",    "\"../outside.safetensors\"", "\"/etc/passwd.bin\"",    "\"..\"",
                                        "\"\"", "\".a.safetensors\"",         "\"b\\\\a.safetensors\"", "\"a.txt\""};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"weight_map\":{\"classifier.dense.bias\":%s}}", NAMES[i]);
        write_index(folder, text);
        expect_refusal(from, to, NULL, ELECTRA_INVALID, "should be the plain name");
    }
    write_index(folder, "{\"weight_map\":{\"classifier.dense.bias\":\"b.safetensors\"}}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "index/b.safetensors");
    write_index(folder, "{\"weight_map\":{\"nothing\":\"a.safetensors\"}}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "which does not hold it");
    write_index(folder, "{\"weight_map\":{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "not valid JSON");
    write_index(folder, "{\"weight_map\":{\"classifier.dense.bias\":\"a.safetensors\"}}");
    expect_refusal(from, to, NULL, ELECTRA_INVALID, "holds no config.json");
    assert_false(el_is_folder(to));
}

static void paths_that_are_no_models_are_named(void **state)
{
    const char *folder = *state;
    const char *to = test_path(folder, "x");
    expect_refusal("/nowhere/model", to, NULL, ELECTRA_INVALID, "/nowhere/model is neither a folder");
    expect_refusal(test_write_text(folder, "notes.txt", "hello"), to, NULL, ELECTRA_INVALID,
                   "begins neither as an archive nor as a pickle");
    expect_refusal(test_write_text(folder, "evil.bin",
                                   "\x80\x02"
                                   "cposix\nsystem\n."),
                   to, NULL, ELECTRA_INVALID, "posix system");
    (void)test_write_text(folder, "two/a.index", "x");
    (void)test_write_text(folder, "two/b.index", "x");
    expect_refusal(test_path(folder, "two"), to, NULL, ELECTRA_INVALID, "holds no weights");
    (void)test_write_text(folder, "two/checkpoint",
                          "all_model_checkpoint_paths: \"b\"\n"
                          "model_checkpoint_path: \"/gone/b\"\n");
    expect_refusal(test_path(folder, "two"), to, NULL, ELECTRA_INVALID, "two/b.index");
    electra_convert_options options = defaults();
    options.network = ELECTRA_NETWORK_GENERATOR + 1;
    expect_refusal(FIXTURES "storage/float32", to, &options, ELECTRA_MISUSE, "must be one of those");
    expect_refusal(FIXTURES "storage/float32", NULL, NULL, ELECTRA_MISUSE, "must be given");
    options = defaults();
    options.config = test_path(folder, "no-config.json");
    expect_refusal(FIXTURES "storage/float32", to, &options, ELECTRA_INVALID, "no-config.json");
    assert_false(el_is_folder(to));
}

static bool stop(void *user, const electra_progress *progress)
{
    (void)user;
    assert_string_equal(progress->stage, "converting");
    return true;
}

static void an_interrupted_conversion_leaves_nothing(void **state)
{
    electra_convert_options options = defaults();
    options.runtime.progress = stop;
    expect_refusal(FIXTURES "storage/float32", test_path(*state, "x"), &options, ELECTRA_INTERRUPTED, "interrupted");
    assert_false(el_is_folder(test_path(*state, "x")));
    assert_false(el_is_folder(test_path(*state, "x.partial")));
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void names_of_tensorflow_are_ours(void **state)
{
    (void)state;
    static const struct {
        const char *stored;
        bool generator, own_encoder, own_embeddings;
        const char *ours; /* NULL: not part of it */
        bool transposed;
    } cases[] = {
        {"electra/embeddings/word_embeddings", false, true, false, "electra.embeddings.word_embeddings.weight", false},
        {"electra/embeddings/LayerNorm/gamma", true, true, false, "electra.embeddings.LayerNorm.weight", false},
        {"electra/embeddings/LayerNorm/beta", true, true, true, NULL, false},
        {"generator/embeddings/LayerNorm/beta", true, true, true, "electra.embeddings.LayerNorm.bias", false},
        {"generator/embeddings/LayerNorm/beta", false, true, true, NULL, false},
        {"electra/embeddings_project/kernel", true, true, false, NULL, false},
        {"electra/embeddings_project/kernel", true, false, false, "electra.embeddings_project.weight", true},
        {"generator/embeddings_project/bias", true, true, false, "electra.embeddings_project.bias", false},
        {"electra/encoder/layer_11/attention/self/query/kernel", false, true, false,
         "electra.encoder.layer.11.attention.self.query.weight", true},
        {"electra/encoder/layer_11/output/dense/bias", true, true, false, NULL, false},
        {"generator/encoder/layer_0/attention/output/LayerNorm/gamma", true, true, false,
         "electra.encoder.layer.0.attention.output.LayerNorm.weight", false},
        {"discriminator_predictions/dense_1/kernel", false, true, false,
         "discriminator_predictions.dense_prediction.weight", true},
        {"discriminator_predictions/dense_1/bias", false, true, false,
         "discriminator_predictions.dense_prediction.bias", false},
        {"discriminator_predictions/dense/bias", true, true, false, NULL, false},
        {"generator_predictions/output_bias", true, true, false, "generator_lm_head.bias", false},
        {"generator_predictions/output_bias", false, true, false, NULL, false},
        {"electra/embeddings/word_embeddings/adam_m", false, true, false, NULL, false},
        {"global_step", false, true, false, NULL, false},
        {"task_specific/mnli/dense/kernel", false, true, false, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const el_tf1_scopes scopes = {cases[i].generator, cases[i].own_encoder, cases[i].own_embeddings};
        char name[EL_PARAM_NAME_BYTES];
        bool transposed;
        const bool part = el_name_from_tf1(name, sizeof name, &transposed, cases[i].stored, &scopes);
        if (part != (cases[i].ours != NULL) || (part && strcmp(name, cases[i].ours) != 0) ||
            (part && transposed != cases[i].transposed)) {
            fail_msg("%s (case %zu) gave %s", cases[i].stored, i, part ? name : "nothing");
        }
    }
}

static void any_allocation_may_fail(void **state)
{
    static const char *const FROM[] = {FIXTURES "storage/bin-sharded", FIXTURES "tf1-shared"};
    for (size_t i = 0; i < 2; i++) {
        unsigned long failures = 0;
        const char *to = test_path(*state, i ? "pair" : "single");
        for (unsigned long n = 1; n < 3000; n += n < 200 ? 1 : 37) {
            electra_convert_options options = defaults();
            options.shard_bytes = 2000;
            electra_error err = {0};
            test_fail_allocation(n);
            const electra_status status = electra_model_convert(NULL, FROM[i], to, &options, &err);
            test_fail_allocation(0);
            if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE) {
                fail_msg("allocation %lu: %d, %s", n, (int)status, err.message);
            }
            failures += status != ELECTRA_OK;
        }
        assert_true(failures > 50);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_form_becomes_the_same_file),
        IN_FOLDER(every_head_comes_back),
        IN_FOLDER(checkpoints_become_both_networks),
        IN_FOLDER(a_config_of_the_other_network_is_noticed),
        IN_FOLDER(shards_hold_everything_once),
        IN_FOLDER(number_formats_are_chosen),
        IN_FOLDER(vocabularies_come_along),
        IN_FOLDER(folders_that_are_no_models_are_never_replaced),
        IN_FOLDER(indices_that_lie_are_refused),
        IN_FOLDER(paths_that_are_no_models_are_named),
        IN_FOLDER(an_interrupted_conversion_leaves_nothing),
        cmocka_unit_test(names_of_tensorflow_are_ours),
        IN_FOLDER(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
