/* Files that end too early, at every byte, and headers that lie: a clean error that names the file, never success with
 * another content. The formats that have a test of their own for this (safetensors, PyTorch's, shards, events) are not
 * repeated here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/data.h>
#include <electra/model.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "fuzz/samples.h"
#include "interop/weight_files.h"
#include "support/folder.h"
#include "train/run_state.h"

enum { SETTINGS = 77 };

/* Read what lies at `path`; on success say by a number what was understood. */
typedef electra_status reader(const char *path, uint64_t *content, electra_error *err);

/* Cut folder/name at every `stride` bytes. While it ends before `whole` the reader must refuse it by its name; from
 * there on (only white space is missing) it must understand the same as in the whole file. */
static void cut(const char *folder, const char *name, size_t whole, size_t stride, reader *read, const char *read_path)
{
    size_t bytes;
    char *data = test_read(test_path(folder, name), &bytes);
    uint64_t expected = 0;
    electra_error err = {0};
    assert_int_equal(read(read_path, &expected, &err), ELECTRA_OK);
    assert_true(whole > 0 && whole <= bytes);
    for (size_t n = 0; n < bytes; n += stride) {
        uint64_t content = 0;
        err = (electra_error){0};
        test_write(folder, name, data, n);
        const electra_status status = read(read_path, &content, &err);
        if (n >= whole ? status != ELECTRA_OK || content != expected : status != ELECTRA_INVALID) {
            fail_msg("%s cut to %zu of %zu bytes: status %d, '%s'", name, n, bytes, (int)status, err.message);
        }
        if (status == ELECTRA_INVALID && !strstr(err.message, name)) {
            fail_msg("%s cut to %zu of %zu bytes: '%s' does not name the file", name, n, bytes, err.message);
        }
    }
    test_write(folder, name, data, bytes);
    free(data);
}

/* Bytes of a file up to its last character that is no white space. */
static size_t without_end(const char *folder, const char *name)
{
    size_t bytes;
    char *data = test_read(test_path(folder, name), &bytes);
    while (bytes > 0 && strchr(" \r\n", data[bytes - 1])) {
        bytes--;
    }
    free(data);
    return bytes;
}

/* ---- a model directory ---------------------------------------------------------------------------------------------
 */

static electra_status read_model(const char *path, uint64_t *content, electra_error *err)
{
    electra_model *model = NULL;
    const electra_status status = electra_model_load(&model, path, NULL, err);
    if (status == ELECTRA_OK) {
        const electra_model_info info = electra_model_describe(model);
        const electra_tokenizer *tokenizer = electra_model_tokenizer(model);
        const electra_tokenizer_options o = electra_tokenizer_settings(tokenizer);
        *content = info.parameters * 31 + (uint64_t)info.kind + electra_tokenizer_hash(tokenizer) + o.lowercase;
    }
    electra_model_free(model);
    return status;
}

static void files_of_a_model(void **state)
{
    char folder[256];
    (void)snprintf(folder, sizeof folder, "%s/model", (const char *)*state);
    assert_true(fuzz_sample_model(folder, EL_HEAD_DISCRIMINATOR));
    static const char *const JSON[] = {"config.json", "tokenizer.json"};
    for (size_t i = 0; i < sizeof JSON / sizeof *JSON; i++) {
        cut(folder, JSON[i], without_end(folder, JSON[i]), 1, read_model, folder);
    }
    size_t bytes;
    free(test_read(test_path(folder, "model.safetensors"), &bytes));
    cut(folder, "model.safetensors", bytes, 31, read_model, folder);   /* every byte: test_safetensors.c */
    assert_int_equal(remove(test_path(folder, "tokenizer.json")), 0); /* now the others are believed */
    cut(folder, "tokenizer_config.json", without_end(folder, "tokenizer_config.json"), 1, read_model, folder);
}

static electra_status read_weights(const char *path, uint64_t *content, electra_error *err)
{
    el_weight_files *files = NULL;
    const electra_status status = el_weight_files_open(&files, path, err);
    *content = status == ELECTRA_OK ? el_weight_files_count(files) : 0;
    el_weight_files_close(files);
    return status;
}

static void index_of_shards(void **state)
{
    static const char INDEX[] = "model.safetensors.index.json";
    char folder[256];
    (void)snprintf(folder, sizeof folder, "%s", (const char *)*state);
    for (int i = 0; i <= 3; i++) {
        char name[64], from[512];
        size_t bytes;
        if (i == 0) {
            (void)snprintf(name, sizeof name, "%s", INDEX);
        } else {
            (void)snprintf(name, sizeof name, "model-%05d-of-00003.safetensors", i);
        }
        (void)snprintf(from, sizeof from, "%s/tests/golden/fixtures/storage/sharded/%s", TEST_SOURCE_DIR, name);
        char *data = test_read(from, &bytes);
        test_write(folder, name, data, bytes);
        free(data);
    }
    cut(folder, INDEX, without_end(folder, INDEX), 1, read_weights, folder);
    cut(folder, "model-00002-of-00003.safetensors", 2216, 3, read_weights, folder);
}

/* A vocabulary has no end mark: cut at the end of a line it is a smaller one. But it is refused while it lacks a
 * special token or ends within a character, and whatever is accepted is the beginning of the whole. */
static void vocabulary(void **state)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/vocab.txt", (const char *)*state);
    assert_true(fuzz_sample_vocabulary(path));
    electra_tokenizer *whole = NULL;
    assert_int_equal(electra_tokenizer_load(&whole, path, NULL, NULL), ELECTRA_OK);
    size_t bytes;
    char *data = test_read(path, &bytes);
    size_t refused = 0;
    for (size_t n = 0; n < bytes; n++) {
        electra_tokenizer *tokenizer = NULL;
        electra_error err = {0};
        test_write(*state, "vocab.txt", data, n);
        const electra_status status = electra_tokenizer_load(&tokenizer, path, NULL, &err);
        const char *special = strstr(data, "[SEP]"); /* the last of those that are needed */
        assert_true(status == ELECTRA_INVALID || n >= (size_t)(special - data) + 5);
        if (status == ELECTRA_OK) {
            const size_t tokens = electra_tokenizer_size(tokenizer);
            for (uint32_t id = 0; id + 1 < tokens; id++) {
                assert_string_equal(electra_tokenizer_token(tokenizer, id), electra_tokenizer_token(whole, id));
            }
            const char *last = electra_tokenizer_token(tokenizer, (uint32_t)tokens - 1);
            assert_memory_equal(last, electra_tokenizer_token(whole, (uint32_t)tokens - 1), strlen(last));
        } else {
            assert_int_equal(status, ELECTRA_INVALID);
            assert_non_null(strstr(err.message, "vocab.txt"));
            refused++;
        }
        electra_tokenizer_free(tokenizer);
    }
    assert_true(refused > 20);
    electra_tokenizer_free(whole);
    free(data);
}

/* ---- a data folder -------------------------------------------------------------------------------------------------
 */

static electra_status read_data(const char *path, uint64_t *content, electra_error *err)
{
    electra_data *data = NULL;
    electra_status status = electra_data_open(&data, path, err);
    if (status == ELECTRA_OK) {
        status = electra_data_verify(data, NULL, err);
        const electra_data_summary *about = electra_data_describe(data);
        *content = about->vocabulary_hash + about->splits[ELECTRA_TRAIN].tokens + about->splits[ELECTRA_HELDOUT].tokens;
    }
    electra_data_free(data);
    return status;
}

static void files_of_a_data_folder(void **state)
{
    assert_true(fuzz_sample_data(*state));
    char folder[256];
    (void)snprintf(folder, sizeof folder, "%s/data", (const char *)*state);
    cut(folder, "manifest.json", without_end(folder, "manifest.json"), 1, read_data, folder);
    cut(folder, "vocab.txt", without_end(folder, "vocab.txt"), 1, read_data, folder); /* here a hash is known */
    static const char *const SHARDS[] = {"train-00000.shard", "heldout-00000.shard"};
    for (size_t i = 0; i < 2; i++) {
        size_t bytes;
        free(test_read(test_path(folder, SHARDS[i]), &bytes));
        cut(folder, SHARDS[i], bytes, 1, read_data, folder);
    }
}

/* ---- a checkpoint --------------------------------------------------------------------------------------------------
 */

static const char CHECKPOINT[] = "step-00000012.safetensors";

static el_checkpoint sample_checkpoint(el_run_state *state)
{
    return (el_checkpoint){.learner = el_step_learner(fuzz_sample_step()),
                           .table = &el_run_state_table,
                           .state = state,
                           .settings_hash = SETTINGS};
}

static void write_checkpoint(const char *folder)
{
    el_run_state state = {.step = 12, .seconds = 1.5, .tokens = 300};
    const el_checkpoint c = sample_checkpoint(&state);
    assert_int_equal(el_checkpoint_save(folder, &c, NULL), ELECTRA_OK);
}

static electra_status verify(const char *path, uint64_t *content, electra_error *err)
{
    el_run_state state = {0};
    const electra_status status = el_checkpoint_verify(path, &el_run_state_table, &state, err);
    *content = (uint64_t)state.step;
    return status;
}

static electra_status load(const char *path, uint64_t *content, electra_error *err)
{
    el_run_state state = {0};
    const el_checkpoint c = sample_checkpoint(&state);
    const electra_status status = el_checkpoint_load(path, &c, err);
    *content = (uint64_t)state.tokens;
    return status;
}

static void checkpoint(void **state)
{
    write_checkpoint(*state);
    size_t bytes;
    free(test_read(test_path(*state, CHECKPOINT), &bytes));
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", (const char *)*state, CHECKPOINT);
    cut(*state, CHECKPOINT, bytes, 1, verify, path);
    cut(*state, CHECKPOINT, bytes, 17, load, path);
}

/* The bytes of a checkpoint with the first `from` replaced by a text of the same length. */
static void lie(const char *folder, const char *from, const char *to, electra_status verified, const char *words)
{
    write_checkpoint(folder);
    size_t bytes;
    char *data = test_read(test_path(folder, CHECKPOINT), &bytes);
    char *at = memmem(data, bytes, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    test_write(folder, CHECKPOINT, data, bytes);
    free(data);
    uint64_t content;
    electra_error err = {0};
    assert_int_equal(verify(test_path(folder, CHECKPOINT), &content, &err), verified);
    assert_int_equal(load(test_path(folder, CHECKPOINT), &content, &err), ELECTRA_INVALID);
    if (!strstr(err.message, words) || !strstr(err.message, CHECKPOINT)) {
        fail_msg("'%s' does not say '%s'", err.message, words);
    }
}

static void checkpoints_that_lie(void **state)
{
    lie(*state, "electra-checkpoint-1", "electra-checkpoint-2", ELECTRA_INVALID, "not a checkpoint of format");
    lie(*state, "\\\"step\\\":12", "\\\"step\\\":13", ELECTRA_INVALID, "checksum");
    lie(*state, "\\\"step\\\":12", "\\\"stop\\\":12", ELECTRA_INVALID, "\"step\"");
    lie(*state, "\\\"step\\\":12", "\\\"step\\\":-1", ELECTRA_INVALID, "\"step\" is -1");
    lie(*state, "\"F32\"", "\"I32\"", ELECTRA_OK, "does not have the shape");
    lie(*state, "\"theta/", "\"thota/", ELECTRA_INVALID, "is missing");
    lie(*state, "\"shape\":[6,4]", "\"shape\":[4,6]", ELECTRA_OK, "does not have the shape"); /* not in the checksum */
    lie(*state, "\"shape\":[6,4]", "\"shape\":[6,9]", ELECTRA_INVALID, "needs 216");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_of_a_model),       IN_FOLDER(index_of_shards), IN_FOLDER(vocabulary),
        IN_FOLDER(files_of_a_data_folder), IN_FOLDER(checkpoint),      IN_FOLDER(checkpoints_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
