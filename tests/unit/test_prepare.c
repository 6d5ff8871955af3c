/* prepare: text -> data folder -> the same text; the same bytes for any number of threads; what is there is safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "support/alloc.h"
#include "support/data.h"
#include "support/folder.h"

enum { MOST_LENGTH = 32 };

static void expect(electra_status found, electra_status expected, const electra_error *error)
{
    if (found != expected) {
        fail_msg("status %d instead of %d: %s", found, expected, found == ELECTRA_OK ? "no error" : error->message);
    }
}

static void prepare(const electra_prepare_options *options, electra_data_summary *summary)
{
    electra_error error = {0};
    expect(electra_prepare(options, summary, &error), ELECTRA_OK, &error);
}

static void expect_failure(const electra_prepare_options *options, electra_status status, const char *words)
{
    electra_error error = {0};
    expect(electra_prepare(options, NULL, &error), status, &error);
    if (!strstr(error.message, words)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
}

/* One number for names and contents of a folder's files. */
static uint64_t hash_folder(const char *folder)
{
    struct dirent **entries;
    const int n = scandir(folder, &entries, NULL, alphasort);
    assert_true(n > 2);
    uint64_t hash = 0;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            size_t bytes;
            char *data = test_read(test_path(folder, entries[i]->d_name), &bytes);
            hash = hash * 31 + el_hash64(data, bytes) + el_hash64(entries[i]->d_name, strlen(entries[i]->d_name));
            free(data);
        }
        free(entries[i]);
    }
    free(entries);
    return hash;
}

/* Entries of a folder, hidden ones and the dots left out. */
static size_t count_entries(const char *folder)
{
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(entries);
    return n;
}

/* ---- the text comes back ----------------------------------------------------------------------------------------- */

/* The words of all examples of a split, as "w1 w2 ..". */
static char *words_of(const electra_data *data, electra_split split, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    for (uint64_t i = 0; i < electra_data_describe(data)->splits[split].examples; i++) {
        uint32_t ids[MOST_LENGTH];
        uint32_t types[MOST_LENGTH];
        size_t n = 0;
        assert_int_equal(electra_data_example(data, split, i, ids, types, &n, NULL), ELECTRA_OK);
        assert_in_range(n, 3, MOST_LENGTH);
        assert_int_equal(ids[0], 2);
        assert_int_equal(ids[n - 1], 3);
        for (size_t t = 1; t + 1 < n; t++) {
            assert_true(types[t] == types[t + 1] || (types[t] == 0 && ids[t] == 3));
            if (ids[t] != 3) {
                fprintf(out, "w%u ", ids[t] - TEST_FIRST_WORD);
            }
        }
    }
    fclose(out);
    return text;
}

static void the_text_comes_back(void **state)
{
    electra_data *data = test_data(*state, 50, 0);
    size_t bytes;
    char *text = test_read(test_path(*state, "text.txt"), &bytes);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = text[i] == '\n' ? ' ' : text[i];
    }
    size_t kept = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] != ' ' || (kept && text[kept - 1] != ' ')) {
            text[kept++] = text[i];
        }
    }
    size_t words_bytes;
    char *words = words_of(data, ELECTRA_TRAIN, &words_bytes);
    assert_int_equal(words_bytes, kept);
    assert_memory_equal(words, text, kept);
    const electra_data_summary *s = electra_data_describe(data);
    assert_int_equal(s->words, s->splits[ELECTRA_TRAIN].tokens);
    assert_int_equal(s->splits[ELECTRA_TRAIN].documents, 50);
    assert_int_equal(s->token_bytes, 2);
    assert_int_equal(s->vocabulary_size, TEST_VOCABULARY);
    assert_int_equal(electra_data_verify(data, NULL, NULL), ELECTRA_OK);
    free(words);
    free(text);
    electra_data_free(data);
}

static void threads_change_nothing(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 3000, 5);
    electra_prepare_options options = test_prepare_options(*state, &text);
    options.overwrite = true;
    for (int google = 0; google < 2; google++) {
        uint64_t expected = 0;
        for (int threads = 1; threads <= 4; threads++) {
            options.runtime.threads = threads;
            options.compat_google = google;
            prepare(&options, NULL);
            const uint64_t hash = hash_folder(options.output);
            assert_true(threads == 1 || hash == expected);
            expected = hash;
        }
        options.seed++;
        prepare(&options, NULL);
        assert_true(hash_folder(options.output) != expected);
    }
}

/* ---- held-out documents ------------------------------------------------------------------------------------------ */

static void a_share_is_held_out(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 2000, 5);
    electra_prepare_options options = test_prepare_options(*state, &text);
    electra_data_summary summary;
    options.heldout = 0.1;
    prepare(&options, &summary);
    assert_in_range(summary.splits[ELECTRA_HELDOUT].documents, 146, 254); /* 200, four deviations of 13.4 */
    assert_int_equal(summary.splits[ELECTRA_HELDOUT].documents + summary.splits[ELECTRA_TRAIN].documents, 2000);
}

static void both_splits_have_a_document(void **state)
{
    test_vocabulary(*state);
    for (size_t documents = 1; documents < 5; documents++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            const char *text = test_text(*state, documents, seed);
            electra_prepare_options options = test_prepare_options(*state, &text);
            electra_data_summary summary;
            options.heldout = seed % 2 ? 0.001 : 0.5;
            options.overwrite = true;
            options.seed = seed;
            prepare(&options, &summary);
            assert_true(summary.splits[ELECTRA_TRAIN].documents > 0);
            assert_int_equal(summary.splits[ELECTRA_HELDOUT].documents > 0, documents > 1);
            options.heldout = 0;
            prepare(&options, &summary);
            assert_int_equal(summary.splits[ELECTRA_HELDOUT].documents, 0);
        }
    }
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void bad_options_and_inputs(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 5, 1);
    electra_prepare_options options = test_prepare_options(*state, &text);
    const electra_prepare_options good = options;
    options.max_length = 7;
    expect_failure(&options, ELECTRA_MISUSE, "7");
    options = good, options.heldout = 0.6;
    expect_failure(&options, ELECTRA_MISUSE, "0.6");
    options = good, options.vocabulary = NULL;
    expect_failure(&options, ELECTRA_MISUSE, "vocabulary");
    options = good, options.struct_size = 3;
    expect_failure(&options, ELECTRA_MISUSE, "struct_size");
    options = good, options.vocabulary = test_path(*state, "missing.txt");
    expect_failure(&options, ELECTRA_INVALID, "missing.txt");
    options.vocabulary = test_write_text(*state, "v.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nw0\n");
    expect_failure(&options, ELECTRA_INVALID, "[MASK]");
    const char *missing = test_path(*state, "missing");
    options = good, options.inputs = &missing;
    expect_failure(&options, ELECTRA_INVALID, "missing");
    const char *empty = test_write_text(*state, "empty.txt", "\n \n");
    options = good, options.inputs = &empty;
    expect_failure(&options, ELECTRA_INVALID, "no text");
    const char *both[] = {text, test_write_text(*state, "x.txt.gz", "not gz")};
    options = good, options.inputs = both, options.n_inputs = 2;
    expect_failure(&options, ELECTRA_INVALID, "x.txt.gz");
    /* nothing of all this has left anything behind */
    assert_int_equal(access(good.output, F_OK), -1);
    assert_int_equal(access(test_path(*state, "data.partial"), F_OK), -1);
}

static void what_is_there_is_safe(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 5, 1);
    electra_prepare_options options = test_prepare_options(*state, &text);
    prepare(&options, NULL);
    const uint64_t hash = hash_folder(options.output);
    expect_failure(&options, ELECTRA_MISUSE, "already holds");
    /* a failure with overwrite leaves the old data */
    const char *bad = test_write_text(*state, "x.txt.gz", "not gz");
    options.overwrite = true;
    options.inputs = &bad;
    expect_failure(&options, ELECTRA_INVALID, "x.txt.gz");
    assert_int_equal(hash_folder(options.output), hash);
    options.inputs = &text;
    options.seed = 5;
    prepare(&options, NULL);
    assert_true(hash_folder(options.output) != hash);
    /* a stranger's file in it: never touched */
    test_write_text(*state, "data/notes.md", "mine");
    expect_failure(&options, ELECTRA_MISUSE, "notes.md");
    options.output = test_path(*state, "own");
    test_write_text(*state, "own/thesis.tex", "mine");
    expect_failure(&options, ELECTRA_MISUSE, "thesis.tex");
    test_write_text(*state, "fake/manifest.json", "{\"format\": \"something else\"}");
    options.output = test_path(*state, "fake");
    expect_failure(&options, ELECTRA_MISUSE, "left alone");
    options.output = test_path(*state, "text.txt");
    expect_failure(&options, ELECTRA_MISUSE, "not a folder");
    /* an empty folder is as good as none, and slashes at the end do not matter */
    assert_int_equal(mkdir(test_path(*state, "empty"), 0777), 0);
    options.output = test_path(*state, "empty//");
    prepare(&options, NULL);
    assert_int_equal(count_entries(test_path(*state, "empty")), 4);
}

static void leavings_of_a_killed_run(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 50, 1);
    electra_prepare_options options = test_prepare_options(*state, &text);
    /* what a killed run leaves: shards and an unheld lock */
    test_write_text(*state, "data.partial/prepare.lock", "");
    test_write_text(*state, "data.partial/train-00000.shard", "half");
    test_write_text(*state, "data.partial/train-00001.shard.partial-123", "half");
    prepare(&options, NULL);
    assert_int_equal(access(test_path(*state, "data.partial"), F_OK), -1);
    assert_int_equal(count_entries(options.output), 4);
    /* somebody else's folder of that name */
    options.overwrite = true;
    test_write_text(*state, "data.partial/mine.txt", "mine");
    expect_failure(&options, ELECTRA_MISUSE, "in the way");
    assert_int_equal(access(test_path(*state, "data.partial/mine.txt"), F_OK), 0);
    /* a run that is alive */
    const char *lock = test_write_text(*state, "data.partial/prepare.lock", "");
    const int held = open(lock, O_RDWR);
    assert_int_equal(flock(held, LOCK_EX), 0);
    expect_failure(&options, ELECTRA_MISUSE, "another process");
    close(held);
    prepare(&options, NULL);
}

static bool stop_at_once(void *user, const electra_progress *progress)
{
    (*(int *)user)++;
    return progress->done > 0;
}

static void interrupted(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 50, 1);
    electra_prepare_options options = test_prepare_options(*state, &text);
    int calls = 0;
    options.runtime.progress = stop_at_once;
    options.runtime.progress_user = &calls;
    expect_failure(&options, ELECTRA_INTERRUPTED, "interrupted");
    assert_int_equal(calls, 1);
    assert_int_equal(access(options.output, F_OK), -1);
    assert_int_equal(access(test_path(*state, "data.partial"), F_OK), -1);
}

/* ---- damaged folders --------------------------------------------------------------------------------------------- */

static electra_status look(const char *folder, electra_error *err)
{
    electra_data *data = NULL;
    electra_status status = electra_data_open(&data, folder, err);
    if (status == ELECTRA_OK) {
        status = electra_data_verify(data, NULL, err);
    }
    electra_data_free(data);
    return status;
}

/* Replace the first `from` in a file of the folder by `to`, look, and put it back. */
static void damage(const char *folder, const char *name, const char *from, const char *to, const char *words)
{
    size_t bytes;
    const char *path = test_path(folder, name);
    char *old = test_read(path, &bytes);
    const char *at = strstr(old, from);
    if (!at) {
        fail_msg("no %s in %s", from, name);
    }
    char *text = malloc(bytes + strlen(to) + 1);
    const int n = sprintf(text, "%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
    test_write(folder, name, text, (size_t)n);
    electra_error error = {0};
    expect(look(folder, &error), ELECTRA_INVALID, &error);
    if (!strstr(error.message, words)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
    test_write(folder, name, old, bytes);
    free(text);
    free(old);
}

static void lies_are_found(void **state)
{
    electra_data_free(test_data(*state, 50, 0.2));
    const char *folder = test_path(*state, "data");
    static const char *const COUNTS[] = {
        "\"tokens\": ",     "\"examples\": ", "\"max_length\": ", "\"single_segment\": ",
        "\"checksum\": \"", "\"size\": ",     "\"hash\": \"",     "\"token_bytes\": "};
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        char lie[64];
        snprintf(lie, sizeof lie, "%s1", COUNTS[i]);
        damage(folder, "manifest.json", COUNTS[i], lie, "");
    }
    damage(folder, "manifest.json", "\"unknown_tokens\": 0", "\"unknown_tokens\": 9", "unknown_tokens");
    damage(folder, "manifest.json", "\"lengths\": [", "\"lengths\": [1,", "lengths");
    damage(folder, "manifest.json", "train-00000.shard", "../../etc/passwd", "train-00000.shard");
    damage(folder, "manifest.json", "heldout-00000.shard", "train-00000.shard", "heldout-00000.shard");
    damage(folder, "manifest.json", "electra-data", "electra-model", "electra-model");
    damage(folder, "manifest.json", "\"version\": 1", "\"version\": 2", "version");
    damage(folder, "manifest.json", "{", "", "JSON");
    damage(folder, "vocab.txt", "w7\n", "x7\n", "vocab.txt");
    damage(folder, "vocab.txt", "w199\n", "", "204");
    electra_error error = {0};
    expect(look(folder, &error), ELECTRA_OK, &error); /* all was put back */
    assert_int_equal(remove(test_path(folder, "heldout-00000.shard")), 0);
    expect(look(folder, &error), ELECTRA_INVALID, &error);
    assert_non_null(strstr(error.message, "heldout-00000.shard"));
    assert_int_equal(remove(test_path(folder, "manifest.json")), 0);
    expect(look(folder, &error), ELECTRA_INVALID, &error);
    assert_non_null(strstr(error.message, "not a data folder"));
    expect(look(test_path(*state, "nowhere"), &error), ELECTRA_INVALID, &error);
}

static void altered_bytes_are_found_when_used(void **state)
{
    electra_data_free(test_data(*state, 50, 0));
    const char *folder = test_path(*state, "data");
    size_t bytes;
    char *shard = test_read(test_path(folder, "train-00000.shard"), &bytes);
    shard[bytes - 5] ^= 4;
    test_write(folder, "train-00000.shard", shard, bytes);
    free(shard);
    electra_data *data;
    uint32_t ids[MOST_LENGTH];
    size_t n;
    electra_error error = {0};
    expect(electra_data_open(&data, folder, &error), ELECTRA_OK, &error);
    expect(electra_data_example(data, ELECTRA_TRAIN, 0, ids, NULL, &n, &error), ELECTRA_INVALID, &error);
    assert_non_null(strstr(error.message, "checksum of block 0"));
    assert_non_null(strstr(error.message, "train-00000.shard"));
    expect(electra_data_verify(data, NULL, &error), ELECTRA_INVALID, &error);
    expect(electra_data_example(data, ELECTRA_HELDOUT, 0, ids, NULL, &n, &error), ELECTRA_MISUSE, &error);
    electra_data_free(data);
}

static void any_allocation_may_fail(void **state)
{
    test_vocabulary(*state);
    const char *text = test_text(*state, 5, 1);
    electra_prepare_options options = test_prepare_options(*state, &text);
    options.overwrite = true;
    electra_status status = ELECTRA_NO_RESOURCE;
    for (unsigned long n = 1; status != ELECTRA_OK; n++) {
        test_fail_allocation(n);
        status = electra_prepare(&options, NULL, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        if (access(options.output, F_OK) == 0) { /* there, then whole: it may fail after the renaming */
            assert_int_equal(look(options.output, NULL), ELECTRA_OK);
        }
        assert_true(n < 2000);
    }
    status = ELECTRA_NO_RESOURCE;
    for (unsigned long n = 1; status != ELECTRA_OK; n++) {
        test_fail_allocation(n);
        status = look(options.output, NULL);
        test_fail_allocation(0);
        assert_true(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
        assert_true(n < 2000);
    }
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_text_comes_back),      IN_FOLDER(threads_change_nothing),
        IN_FOLDER(a_share_is_held_out),      IN_FOLDER(both_splits_have_a_document),
        IN_FOLDER(bad_options_and_inputs),   IN_FOLDER(what_is_there_is_safe),
        IN_FOLDER(leavings_of_a_killed_run), IN_FOLDER(interrupted),
        IN_FOLDER(lies_are_found),           IN_FOLDER(altered_bytes_are_found_when_used),
        IN_FOLDER(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
