/* The tokenizer against what the reference made of our own texts (the folder tokenizer, written by
 * tools/gen_tokenizer_fixtures.py): encoding under several settings, pairs and windows, decoding, and training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/tokenizer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/alloc.h"
#include "text/utf8.h"
#include "text/vocab_train.h"

#define FIXTURES TEST_SOURCE_DIR "/tests/golden/tokenizer/"

/* ---- reading fixtures ------------------------------------------------------------------------------------------ */

static char *read_fixture(const char *name, size_t *bytes)
{
    char path[1024];
    (void)snprintf(path, sizeof path, FIXTURES "%s", name);
    char *text = NULL;
    electra_error error = {0};
    if (el_read_file(&text, bytes, path, SIZE_MAX, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    return text;
}

typedef bool check_fn(const json_t *line);

/* Call `check` for each JSON line of a file; all must pass. */
static void each_line(const char *name, check_fn *check)
{
    size_t bytes, n = 0, wrong = 0;
    char *file = read_fixture(name, &bytes);
    for (char *p = file; p < file + bytes; n++) {
        char *end = memchr(p, '\n', (size_t)(file + bytes - p));
        json_t *line = json_loadb(p, (size_t)(end - p), JSON_ALLOW_NUL, NULL);
        assert_non_null(line);
        if (!check(line)) {
            wrong++;
            (void)fprintf(stderr, "%s, line %zu differs: %.*s\n", name, n + 1, end - p < 300 ? (int)(end - p) : 300, p);
        }
        json_decref(line);
        p = end + 1;
    }
    el_free(file);
    assert_true(n > 0);
    assert_int_equal(wrong, 0);
}

static const char *text_at(const json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

/* The integer array `name` equals values[0, n); stride and offset pick one of a pair. -1 stands for UINT32_MAX. */
static bool numbers_equal(const json_t *line, const char *name, const uint32_t *values, size_t n)
{
    const json_t *expected = json_object_get(line, name);
    if (json_array_size(expected) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((uint32_t)json_integer_value(json_array_get(expected, i)) != values[i]) {
            return false;
        }
    }
    return true;
}

static bool offsets_equal(const json_t *line, const electra_window *w)
{
    const json_t *expected = json_object_get(line, "offsets");
    for (size_t i = 0; i < w->n; i++) {
        const json_t *span = json_array_get(expected, i);
        if ((uint32_t)json_integer_value(json_array_get(span, 0)) != w->offsets[i].start ||
            (uint32_t)json_integer_value(json_array_get(span, 1)) != w->offsets[i].end) {
            return false;
        }
    }
    return json_array_size(expected) == w->n;
}

/* ---- tokenizers ------------------------------------------------------------------------------------------------ */

static electra_tokenizer_options options_of(const char *settings, bool specials)
{
    electra_tokenizer_options o = electra_tokenizer_options_default();
    o.lowercase = strncmp(settings, "cased", 5) != 0;
    if (strcmp(settings, "uncased-keep-accents") == 0) {
        o.strip_accents = ELECTRA_ACCENTS_KEEP;
    } else if (strcmp(settings, "cased-strip-accents") == 0) {
        o.strip_accents = ELECTRA_ACCENTS_STRIP;
    } else if (strcmp(settings, "no-chinese") == 0) {
        o.handle_chinese_chars = false;
    } else if (strcmp(settings, "no-clean") == 0) {
        o.clean_text = false;
    }
    o.google = strcmp(settings, "google") == 0;
    o.specials_in_text = specials ? ELECTRA_SPECIALS_ALL : ELECTRA_SPECIALS_NONE;
    return o;
}

/* The encoder of the last call is kept while the settings stay the same. */
typedef struct kept {
    char settings[64];
    electra_tokenizer *tokenizer;
    electra_encoder *encoder;
} kept;

static kept last;

static int forget_last(void **state)
{
    (void)state;
    electra_encoder_free(last.encoder);
    electra_tokenizer_free(last.tokenizer);
    last = (kept){0};
    return 0;
}

static electra_encoder *encoder_for(const char *settings, const char *vocabulary, bool specials)
{
    char name[64], path[1024];
    (void)snprintf(name, sizeof name, "%s %s %d", settings, vocabulary, specials);
    if (strcmp(name, last.settings) != 0) {
        (void)forget_last(NULL);
        (void)snprintf(path, sizeof path, FIXTURES "vocab.%s.txt", vocabulary);
        const electra_tokenizer_options options = options_of(settings, specials);
        electra_error error = {0};
        if (electra_tokenizer_load(&last.tokenizer, path, &options, &error) != ELECTRA_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(electra_encoder_create(&last.encoder, last.tokenizer, NULL), ELECTRA_OK);
        (void)snprintf(last.settings, sizeof last.settings, "%s", name);
    }
    return last.encoder;
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

/* "text", or the bytes that "hex" spells; to be freed. */
static char *case_text(const json_t *line, size_t *bytes)
{
    const json_t *text = json_object_get(line, "text");
    const char *hex = text_at(line, "hex");
    *bytes = text ? json_string_length(text) : strlen(hex) / 2;
    char *out = el_alloc(*bytes + 1, 1);
    for (size_t i = 0; i < *bytes; i++) {
        const char digits[] = {hex ? hex[2 * i] : '0', hex ? hex[2 * i + 1] : '0', '\0'};
        out[i] = text ? json_string_value(text)[i] : (char)strtol(digits, NULL, 16);
    }
    return out;
}

/* The fast path, cold and warm, gives the ids between [CLS] and [SEP]; once warm it allocates nothing. */
static bool fast_path_agrees(electra_encoder *encoder, const char *text, size_t bytes, const electra_window *w)
{
    electra_ids ids = {0};
    bool equal = true;
    unsigned long allocations = 0;
    electra_encoder_forget(encoder);
    for (int round = 0; round < 2; round++) {
        ids.n = 0;
        allocations = test_allocations();
        assert_int_equal(electra_encoder_append(encoder, text, bytes, &ids, NULL), ELECTRA_OK);
        equal =
            equal && ids.n + 2 == w->n && (ids.n == 0 || memcmp(ids.ids, w->ids + 1, ids.n * sizeof ids.ids[0]) == 0);
    }
    assert_int_equal(test_allocations(), allocations);
    electra_ids_free(&ids);
    return equal;
}

static bool case_agrees(const json_t *line)
{
    electra_encoder *encoder =
        encoder_for(text_at(line, "settings"), text_at(line, "vocab"), json_is_true(json_object_get(line, "specials")));
    size_t bytes;
    char *text = case_text(line, &bytes);
    electra_encoding out;
    assert_int_equal(electra_encoder_encode(encoder, text, bytes, NULL, 0, NULL, &out, NULL), ELECTRA_OK);
    const electra_window *w = &out.windows[0];
    const bool full = out.n_windows == 1 && numbers_equal(line, "ids", w->ids, w->n);
    const bool placed = !json_object_get(line, "offsets") ||
                        (offsets_equal(line, w) && numbers_equal(line, "words", w->word_ids, w->n));
    const bool fast = fast_path_agrees(encoder, text, bytes, w);
    el_free(text);
    return full && placed && fast;
}

static void cases(void **state)
{
    (void)state;
    each_line("cases.jsonl", case_agrees);
}

/* ---- pairs and windows ---------------------------------------------------------------------------------------------
 */

static bool pair_agrees(const json_t *line)
{
    electra_encoder *encoder = encoder_for("uncased", "uncased", true);
    electra_encode_options options = electra_encode_options_default();
    const char *truncation = text_at(line, "truncation");
    options.max_length = (size_t)json_integer_value(json_object_get(line, "max_length"));
    options.truncation = !truncation || strcmp(truncation, "longest_first") == 0 ? ELECTRA_LONGEST_FIRST
                         : strcmp(truncation, "only_first") == 0                 ? ELECTRA_ONLY_FIRST
                                                                                 : ELECTRA_ONLY_SECOND;
    options.windows = json_object_get(line, "stride") != NULL;
    options.stride = (size_t)json_integer_value(json_object_get(line, "stride"));
    const char *a = text_at(line, "a");
    const char *b = text_at(line, "b");
    electra_encoding out;
    electra_error error = {0};
    if (electra_encoder_encode(encoder, a, strlen(a), b, b ? strlen(b) : 0, &options, &out, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    const json_t *windows = json_object_get(line, "windows");
    bool equal = json_array_size(windows) == out.n_windows;
    for (size_t i = 0; equal && i < out.n_windows; i++) {
        const electra_window *w = &out.windows[i];
        const json_t *expected = json_array_get(windows, i);
        equal = numbers_equal(expected, "ids", w->ids, w->n) &&
                numbers_equal(expected, "type_ids", w->type_ids, w->n) &&
                numbers_equal(expected, "words", w->word_ids, w->n) && offsets_equal(expected, w);
    }
    return equal;
}

static void pairs(void **state)
{
    (void)state;
    each_line("pairs.jsonl", pair_agrees);
}

/* ---- decoding
 * -------------------------------------------------------------------------------------------------------- */

static bool decoding_agrees(const json_t *line)
{
    (void)encoder_for("uncased", "uncased", true);
    const json_t *list = json_object_get(line, "ids");
    const size_t n = json_array_size(list);
    uint32_t *ids = el_alloc(n, sizeof ids[0]);
    for (size_t i = 0; i < n; i++) {
        ids[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    }
    char *all = NULL, *text = NULL;
    size_t bytes = 0;
    assert_int_equal(electra_tokenizer_decode(last.tokenizer, ids, n, false, &all, NULL, NULL), ELECTRA_OK);
    assert_int_equal(electra_tokenizer_decode(last.tokenizer, ids, n, true, &text, &bytes, NULL), ELECTRA_OK);
    const bool equal = strcmp(all, text_at(line, "all")) == 0 && strcmp(text, text_at(line, "text")) == 0;
    assert_int_equal(bytes, strlen(text));
    electra_text_free(all);
    electra_text_free(text);
    el_free(ids);
    return equal;
}

static void decoding(void **state)
{
    (void)state;
    each_line("decode.jsonl", decoding_agrees);
}

/* ---- training
 * -------------------------------------------------------------------------------------------------------- */

/* The "##" characters of a vocabulary file, in its order; returns how many. */
static size_t continuation_order(char *vocabulary, uint32_t *order, size_t most)
{
    size_t n = 0;
    for (char *line = strtok(vocabulary, "\n"); line; line = strtok(NULL, "\n")) {
        const uint8_t *p = (const uint8_t *)line + 2;
        const uint8_t *end = (const uint8_t *)line + strlen(line);
        if (strncmp(line, "##", 2) == 0 && p < end) {
            const uint32_t c = el_utf8_next(&p, end);
            if (p == end && n < most) {
                order[n++] = c;
            }
        }
    }
    return n;
}

/* A trainer fed with the texts of one run of train.json. */
static electra_vocab_trainer *fed_trainer(const json_t *run, int threads)
{
    electra_vocab_options options = electra_vocab_options_default();
    options.size = (size_t)json_integer_value(json_object_get(run, "vocab_size"));
    options.min_frequency = (size_t)json_integer_value(json_object_get(run, "min_frequency"));
    options.limit_alphabet = (size_t)json_integer_value(json_object_get(run, "limit_alphabet"));
    options.lowercase = json_is_true(json_object_get(run, "lowercase"));
    options.runtime.threads = threads;
    electra_vocab_trainer *trainer = NULL;
    assert_int_equal(electra_vocab_trainer_create(&trainer, &options, NULL), ELECTRA_OK);
    const json_t *files = json_object_get(run, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        size_t bytes;
        char *text = read_fixture(json_string_value(json_array_get(files, i)), &bytes);
        assert_int_equal(electra_vocab_trainer_add(trainer, text, bytes, NULL), ELECTRA_OK);
        el_free(text);
    }
    return trainer;
}

/* All tokens, each with a line end; to be freed. */
static char *joined_tokens(const electra_vocab_trainer *trainer)
{
    size_t bytes = 1;
    for (size_t i = 0; i < electra_vocab_trainer_size(trainer); i++) {
        bytes += strlen(electra_vocab_trainer_token(trainer, i)) + 1;
    }
    char *text = el_alloc(bytes, 1);
    char *at = text;
    for (size_t i = 0; i < electra_vocab_trainer_size(trainer); i++) {
        at += sprintf(at, "%s\n", electra_vocab_trainer_token(trainer, i));
    }
    return text;
}

static void training_equals_the_reference(void **state)
{
    (void)state;
    json_t *runs = NULL;
    assert_int_equal(el_json_load(&runs, FIXTURES "train.json", NULL), ELECTRA_OK);
    const char *name;
    json_t *run;
    json_object_foreach(runs, name, run)
    {
        char file[64];
        (void)snprintf(file, sizeof file, "vocab.%s.txt", name);
        char *expected = read_fixture(file, NULL);
        char *copy = el_strdup(expected);
        uint32_t order[2000];
        const size_t n = continuation_order(copy, order, 2000);
        electra_vocab_trainer *trainer = fed_trainer(run, 2);
        assert_int_equal(el_vocab_trainer_train(trainer, order, n, NULL), ELECTRA_OK);
        char *learned = joined_tokens(trainer);
        assert_string_equal(learned, expected);
        el_free(learned);
        el_free(copy);
        el_free(expected);
        electra_vocab_trainer_free(trainer);
    }
    json_decref(runs);
}

/* The text is fed often enough for several pieces of work; counts only grow. */
static void training_is_the_same_on_any_number_of_threads(void **state)
{
    (void)state;
    size_t bytes;
    char *novel = read_fixture("treasure.txt", &bytes);
    char *text = el_alloc(20 * bytes, 1);
    for (size_t i = 0; i < 20; i++) {
        memcpy(text + i * bytes, novel, bytes);
    }
    char *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        electra_vocab_options options = electra_vocab_options_default();
        options.size = 3000;
        options.runtime.threads = threads;
        electra_vocab_trainer *trainer = NULL;
        assert_int_equal(electra_vocab_trainer_create(&trainer, &options, NULL), ELECTRA_OK);
        assert_int_equal(electra_vocab_trainer_add(trainer, text, 20 * bytes, NULL), ELECTRA_OK);
        assert_int_equal(electra_vocab_trainer_train(trainer, NULL), ELECTRA_OK);
        char *learned = joined_tokens(trainer);
        if (first) {
            assert_string_equal(learned, first);
            el_free(learned);
        } else {
            first = learned;
            assert_int_equal(electra_vocab_trainer_size(trainer), 3000);
        }
        electra_vocab_trainer_free(trainer);
    }
    el_free(first);
    el_free(text);
    el_free(novel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(cases, forget_last),
        cmocka_unit_test_teardown(pairs, forget_last),
        cmocka_unit_test_teardown(decoding, forget_last),
        cmocka_unit_test(training_equals_the_reference),
        cmocka_unit_test(training_is_the_same_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
