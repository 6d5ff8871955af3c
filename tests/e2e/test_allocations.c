/* Any allocation may fail, those of the JSON library too, while a model is loaded
 * (from any kind of file) and asked, while a data folder is
 * opened, while pre-training starts, saves and goes on: ELECTRA_NO_RESOURCE with words, nothing leaks (the sanitizer
 * looks), and what was on the disk is still good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/electra.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "fuzz/samples.h"
#include "support/alloc.h"
#include "support/folder.h"

typedef struct places {
    char discriminator[256], generator[256], data[256], run[256], sizes[256];
    char fixture[512]; /* a model directory in the source tree */
} places;

/* One job from beginning to end, with everything released behind it. */
typedef electra_status job(const places *at, electra_error *err);

static electra_status ask(const char *folder, electra_error *err)
{
    static const char TEXT[] = "the cat [MASK] on the mat, unaffable dogs ran on a mat and the cats sat";
    const electra_text text = {TEXT, sizeof TEXT - 1};
    electra_model *model = NULL;
    electra_session *session = NULL;
    electra_session_options options = electra_session_options_default();
    options.runtime.threads = 1;
    electra_status status = electra_model_load(&model, folder, NULL, err);
    if (status == ELECTRA_OK) {
        status = electra_session_create(&session, model, &options, err);
    }
    if (status == ELECTRA_OK && electra_model_kind_of(model) == ELECTRA_MODEL_GENERATOR) {
        electra_filling filling;
        char *filled = NULL;
        status = electra_session_fill(session, &text, 1, NULL, &filling, err);
        if (status == ELECTRA_OK) {
            status = electra_session_filled_text(session, &filling, 0, 0, &filled, err);
        }
        electra_text_free(filled);
    } else if (status == ELECTRA_OK) {
        electra_detection found;
        status = electra_session_detect(session, &text, 1, &found, err);
    }
    electra_session_free(session);
    electra_model_free(model);
    return status;
}

static electra_status ask_discriminator(const places *at, electra_error *err)
{
    return ask(at->discriminator, err);
}

static electra_status ask_generator(const places *at, electra_error *err)
{
    return ask(at->generator, err);
}

static electra_status open_data(const places *at, electra_error *err)
{
    electra_data *data = NULL;
    electra_status status = electra_data_open(&data, at->data, err);
    if (status == ELECTRA_OK) {
        status = electra_data_verify(data, NULL, err);
    }
    electra_data_free(data);
    return status;
}

static electra_status load_fixture(const places *at, electra_error *err)
{
    electra_model *model = NULL;
    const electra_status status = electra_model_load(&model, at->fixture, NULL, err);
    electra_model_free(model);
    return status;
}

static bool stop_at_once(void *user, const electra_progress *progress)
{
    (void)user;
    (void)progress;
    return true;
}

/* As far as the first look at the clock, which asks to stop: a checkpoint is saved then. */
static electra_status train(const places *at, electra_error *err)
{
    electra_pretrain_options options = electra_pretrain_options_default();
    electra_pretrain_result result;
    options.runtime.threads = 1;
    options.runtime.progress = stop_at_once;
    options.data = at->data;
    options.output = at->run;
    options.config = at->sizes;
    options.steps = 4;
    options.batch = 2;
    const electra_status status = electra_pretrain(&options, &result, err);
    return status == ELECTRA_INTERRUPTED ? ELECTRA_OK : status;
}

static electra_status start(const places *at, electra_error *err)
{
    (void)el_remove_tree(at->run, NULL);
    return train(at, err);
}

static electra_status go_on(const places *at, electra_error *err)
{
    return train(at, err);
}

static electra_status look_at_run(const places *at, electra_error *err)
{
    electra_run_summary summary;
    return electra_run_describe(at->run, &summary, err);
}

static places make(const char *folder)
{
    places at;
    (void)snprintf(at.discriminator, sizeof at.discriminator, "%s/d", folder);
    (void)snprintf(at.generator, sizeof at.generator, "%s/g", folder);
    (void)snprintf(at.data, sizeof at.data, "%s/data", folder);
    (void)snprintf(at.run, sizeof at.run, "%s/run", folder);
    (void)snprintf(at.sizes, sizeof at.sizes, "%s/sizes.json", folder);
    test_write_text(folder, "sizes.json",
                    "{\"hidden_size\":4,\"embedding_size\":4,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
                    "\"intermediate_size\":4,\"max_position_embeddings\":12}");
    assert_true(fuzz_sample_model(at.discriminator, EL_HEAD_DISCRIMINATOR));
    assert_true(fuzz_sample_model(at.generator, EL_HEAD_MASKED_LM));
    assert_true(fuzz_sample_data(folder));
    return at;
}

/* Fail the first allocation, the second, ... until the job does all its work without coming to the one that would have
 * failed. */
static void fail_each(job *run, const places *at, const char *name)
{
    unsigned long failures = 0, survived = 0;
    for (unsigned long n = 1;; n++) {
        electra_error err = {0};
        const unsigned long before = test_allocations();
        test_fail_allocation(n);
        const electra_status status = run(at, &err);
        const bool beyond = test_allocations() - before < n;
        test_fail_allocation(0);
        /* jansson's lexer calls a failure of its own a syntax error */
        const bool lexer = status == ELECTRA_INVALID && strstr(err.message, "is not valid JSON");
        if (status == ELECTRA_OK) {
            survived++;
        } else if (lexer) {
            failures++;
        } else if (status != ELECTRA_NO_RESOURCE || err.status != status || err.message[0] == '\0') {
            fail_msg("%s, allocation %lu: status %d, '%s'", name, n, (int)status, err.message);
        } else {
            failures++;
        }
        if (beyond) {
            assert_int_equal(status, ELECTRA_OK);
            break;
        }
    }
    print_message("%s: %lu allocations failed, %lu of them could be done without\n", name, failures + survived - 1,
                  survived - 1);
    assert_true(failures > 20);
}

static void models(void **state)
{
    const places at = make(*state);
    fail_each(ask_discriminator, &at, "asking a discriminator");
    fail_each(ask_generator, &at, "asking a generator");
}

/* Weights in every kind of file. */
static void files_of_others(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"storage/sharded",     "storage/bin-zip", "storage/bin-legacy",
                                        "storage/bin-sharded", "storage/float16", "tf1-one"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        places at;
        (void)snprintf(at.fixture, sizeof at.fixture, "%s/tests/golden/fixtures/%s", TEST_SOURCE_DIR, NAMES[i]);
        fail_each(load_fixture, &at, NAMES[i]);
    }
}

static void data_folder(void **state)
{
    const places at = make(*state);
    fail_each(open_data, &at, "opening a data folder");
}

static void training(void **state)
{
    const places at = make(*state);
    fail_each(start, &at, "starting to pre-train");
    fail_each(go_on, &at, "going on from a checkpoint"); /* each on what the one before has left */
    fail_each(look_at_run, &at, "looking at a run");
}

int main(void)
{
    test_fail_json_too();
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {IN_FOLDER(models), IN_FOLDER(files_of_others), IN_FOLDER(data_folder),
                                       IN_FOLDER(training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
