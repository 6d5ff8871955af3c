/* The tokenizer by itself: odd vocabularies, any bytes as text, failing memory, threads of properties. What it gives
 * for real text is in golden/test_tokenizer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/tokenizer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "support/alloc.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea",   "##s",
                                     "s",     "##h",   "##e",   "a",     "##b",    ".",   "\u4e2d"};
enum { TOKENS_N = sizeof TOKENS / sizeof TOKENS[0] };

static electra_tokenizer *make(const electra_tokenizer_options *options)
{
    electra_tokenizer *tokenizer = NULL;
    assert_int_equal(electra_tokenizer_create(&tokenizer, TOKENS, TOKENS_N, options, NULL), ELECTRA_OK);
    return tokenizer;
}

/* ---- vocabularies ------------------------------------------------------------------------------------------------ */

typedef struct heard {
    int warnings;
    char last[300];
} heard;

static void hear(void *user, electra_log_level level, const char *line)
{
    heard *h = user;
    h->warnings += level == ELECTRA_LOG_WARNING;
    (void)snprintf(h->last, sizeof h->last, "%s", line);
}

static electra_status load_text(electra_tokenizer **out, const char *text, size_t bytes, heard *h, electra_error *err)
{
    char path[] = "/tmp/electra-vocab-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(el_write_file(path, text, bytes, NULL), ELECTRA_OK);
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.runtime = (electra_runtime){.log = h ? hear : NULL, .log_user = h};
    const electra_status status = electra_tokenizer_load(out, path, &options, err);
    (void)unlink(path);
    return status;
}

#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n"

static void lines_take_ids(void **state)
{
    (void)state;
    static const char text[] = SPECIALS "\nthe\r\nsea \xc2\xa0\nthe\nlast";
    electra_tokenizer *t = NULL;
    heard h = {0};
    assert_int_equal(load_text(&t, text, sizeof text - 1, &h, NULL), ELECTRA_OK);
    assert_int_equal(electra_tokenizer_size(t), 9);
    assert_string_equal(electra_tokenizer_token(t, 4), "");
    assert_string_equal(electra_tokenizer_token(t, 5), "the"); /* CR LF */
    assert_int_equal(electra_tokenizer_id(t, "sea"), 6);       /* white space at the end of the line */
    assert_int_equal(electra_tokenizer_id(t, "the"), 7);       /* the last of two wins */
    assert_int_equal(electra_tokenizer_id(t, "last"), 8);
    assert_int_equal(electra_tokenizer_id(t, ""), ELECTRA_NO_TOKEN);
    assert_int_equal(electra_tokenizer_id(t, "th"), ELECTRA_NO_TOKEN);
    assert_null(electra_tokenizer_token(t, 9));
    assert_int_equal(electra_tokenizer_specials(t).mask, ELECTRA_NO_TOKEN);
    assert_false(electra_tokenizer_is_special(t, ELECTRA_NO_TOKEN));
    assert_int_equal(h.warnings, 1);
    assert_non_null(strstr(h.last, "\"the\" has the ids 5 and 7"));
    electra_tokenizer_free(t);
}

static void bad_vocabularies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {{"", "empty"},
                 {"[PAD]\n[CLS]\n[SEP]\n[MASK]\n", "has no [UNK]"},
                 {"[UNK]\n[CLS]\n[SEP]\n", "has no [PAD]"},
                 {"[PAD]\n[UNK]\n[SEP]\n", "has no [CLS]"},
                 {"[PAD]\n[UNK]\n[CLS]\n", "has no [SEP]"},
                 {SPECIALS "caf\xe9\n", "line 5: not UTF-8"},
                 {SPECIALS "\xed\xa0\x80\n", "line 5: not UTF-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        electra_tokenizer *t = NULL;
        electra_error error = {0};
        assert_int_equal(load_text(&t, cases[i].text, strlen(cases[i].text), NULL, &error), ELECTRA_INVALID);
        assert_null(t);
        assert_non_null(strstr(error.message, cases[i].says));
    }
    electra_tokenizer *t = NULL;
    electra_error error = {0};
    assert_int_equal(load_text(&t, SPECIALS "a\0b\n", sizeof SPECIALS + 3, NULL, &error), ELECTRA_INVALID);
    assert_int_equal(electra_tokenizer_load(&t, "/nonexistent/vocab.txt", NULL, &error), ELECTRA_INVALID);
    static const char *const lines[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "two\nlines"};
    assert_int_equal(electra_tokenizer_create(&t, lines, 5, NULL, &error), ELECTRA_INVALID);
    electra_tokenizer_options options = electra_tokenizer_options_default();
    options.struct_size = 3;
    assert_int_equal(electra_tokenizer_create(&t, TOKENS, TOKENS_N, &options, &error), ELECTRA_MISUSE);
}

static void every_token_is_found_and_saved(void **state)
{
    (void)state;
    electra_tokenizer *t = make(NULL);
    for (uint32_t id = 0; id < TOKENS_N; id++) {
        assert_int_equal(electra_tokenizer_id(t, TOKENS[id]), id);
        assert_string_equal(electra_tokenizer_token(t, id), TOKENS[id]);
    }
    char path[] = "/tmp/electra-vocab-XXXXXX";
    const int file = mkstemp(path);
    (void)close(file);
    assert_int_equal(electra_tokenizer_save_vocab(t, path, NULL), ELECTRA_OK);
    electra_tokenizer *again = NULL;
    assert_int_equal(electra_tokenizer_load(&again, path, NULL, NULL), ELECTRA_OK);
    assert_true(electra_tokenizer_hash(again) == electra_tokenizer_hash(t));
    (void)unlink(path);
    electra_tokenizer_free(again);
    electra_tokenizer_free(t);
}

/* ---- any bytes --------------------------------------------------------------------------------------------------- */

/* Bytes that hit the interesting places more often than chance would. */
static size_t random_text(el_rng_stream *rng, char *text, size_t most)
{
    static const char *const bits[] = {"the",
                                       "sea",
                                       "S",
                                       " ",
                                       ".",
                                       "[MASK]",
                                       "[",
                                       "\xcc\x81",
                                       "\xce\xa3",
                                       "\xe2\x89\xa0",
                                       "\xed\x95\x9c",
                                       "\xe4\xb8\xad",
                                       "\xc3\xa9",
                                       "\xef\xbb\xbf",
                                       "\xf0\x9d",
                                       "\xff",
                                       "\xe2\x80\x8d",
                                       "\n"};
    size_t n = 0;
    const size_t length = (size_t)el_rng_below(rng, most - 16);
    while (n < length) {
        if (el_rng_below(rng, 3) == 0) {
            text[n++] = (char)el_rng_below(rng, 256);
        } else {
            const char *bit = bits[el_rng_below(rng, sizeof bits / sizeof bits[0])];
            memcpy(text + n, bit, strlen(bit));
            n += strlen(bit);
        }
    }
    return n;
}

static void check_window(const electra_window *w, const electra_ids *ids, size_t bytes)
{
    assert_int_equal(w->n, ids->n + 2);
    uint32_t last_start = 0, last_word = 0;
    for (size_t i = 1; i + 1 < w->n; i++) {
        assert_int_equal(w->ids[i], ids->ids[i - 1]);
        assert_true(w->offsets[i].start >= last_start && w->offsets[i].start < w->offsets[i].end);
        assert_true(w->offsets[i].end <= bytes); /* no more characters than bytes */
        assert_true(w->word_ids[i] >= last_word && w->word_ids[i] <= last_word + 1);
        last_start = w->offsets[i].start;
        last_word = w->word_ids[i];
    }
}

/* The text lies in a block of exactly its size, so that the address sanitizer sees any look beyond it. */
static void any_bytes_give_sound_tokens(void **state)
{
    (void)state;
    el_rng_stream rng = {.key = 7};
    for (int setting = 0; setting < 16; setting++) {
        electra_tokenizer_options options = electra_tokenizer_options_default();
        options.lowercase = setting & 1;
        options.clean_text = setting & 2;
        options.google = (setting & 12) == 12;
        options.specials_in_text = setting & 4 ? ELECTRA_SPECIALS_ALL : ELECTRA_SPECIALS_NONE;
        electra_tokenizer *t = make(&options);
        electra_encoder *e = NULL;
        assert_int_equal(electra_encoder_create(&e, t, NULL), ELECTRA_OK);
        for (int round = 0; round < 200; round++) {
            char draft[400];
            const size_t bytes = random_text(&rng, draft, sizeof draft);
            char *text = malloc(bytes + !bytes);
            memcpy(text, draft, bytes);
            electra_encoding out;
            electra_ids ids = {0};
            assert_int_equal(electra_encoder_append(e, text, bytes, &ids, NULL), ELECTRA_OK);
            assert_int_equal(electra_encoder_encode(e, text, bytes, NULL, 0, NULL, &out, NULL), ELECTRA_OK);
            check_window(&out.windows[0], &ids, bytes);
            electra_ids_free(&ids);
            free(text);
        }
        electra_encoder_free(e);
        electra_tokenizer_free(t);
    }
}

static void decoded_words_encode_to_the_same(void **state)
{
    (void)state;
    electra_tokenizer *t = make(NULL);
    electra_encoder *e = NULL;
    assert_int_equal(electra_encoder_create(&e, t, NULL), ELECTRA_OK);
    static const char text[] = "the seas. sea she abb a . theseas";
    electra_ids ids = {0}, again = {0};
    assert_int_equal(electra_encoder_append(e, text, strlen(text), &ids, NULL), ELECTRA_OK);
    char *decoded = NULL;
    size_t bytes = 0;
    assert_int_equal(electra_tokenizer_decode(t, ids.ids, ids.n, true, &decoded, &bytes, NULL), ELECTRA_OK);
    assert_string_equal(decoded, "the seas. sea she abb a.");
    assert_int_equal(electra_encoder_append(e, decoded, bytes, &again, NULL), ELECTRA_OK);
    assert_true(again.n <= ids.n && memcmp(ids.ids, again.ids, again.n * sizeof again.ids[0]) == 0);
    electra_text_free(decoded);
    electra_ids_free(&ids);
    electra_ids_free(&again);
    electra_encoder_free(e);
    electra_tokenizer_free(t);
}

/* ---- misuse of truncation ------------------------------------------------------------------------------------------
 */

static void bad_lengths_are_refused(void **state)
{
    (void)state;
    electra_tokenizer *t = make(NULL);
    electra_encoder *e = NULL;
    assert_int_equal(electra_encoder_create(&e, t, NULL), ELECTRA_OK);
    const struct {
        size_t max_length;
        electra_truncation truncation;
        bool windows, pair;
        size_t stride;
        electra_status status;
    } cases[] = {{2, ELECTRA_LONGEST_FIRST, false, false, 0, ELECTRA_MISUSE},
                 {3, ELECTRA_LONGEST_FIRST, false, true, 0, ELECTRA_MISUSE},
                 {4, ELECTRA_LONGEST_FIRST, false, true, 0, ELECTRA_OK},
                 {4, ELECTRA_LONGEST_FIRST, true, false, 2, ELECTRA_MISUSE},
                 {4, ELECTRA_LONGEST_FIRST, true, false, 1, ELECTRA_OK},
                 {8, ELECTRA_LONGEST_FIRST, true, true, 1, ELECTRA_MISUSE},
                 {8, ELECTRA_ONLY_SECOND, false, false, 0, ELECTRA_MISUSE},
                 {6, ELECTRA_ONLY_SECOND, false, true, 0, ELECTRA_INVALID},
                 {9, ELECTRA_ONLY_SECOND, true, true, 1, ELECTRA_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        electra_encode_options o = electra_encode_options_default();
        o.max_length = cases[i].max_length;
        o.truncation = cases[i].truncation;
        o.windows = cases[i].windows;
        o.stride = cases[i].stride;
        electra_encoding out;
        const char *second = cases[i].pair ? "the sea the" : NULL;
        assert_int_equal(electra_encoder_encode(e, "the sea the sea", 15, second, second ? 11 : 0, &o, &out, NULL),
                         cases[i].status);
    }
    electra_encoder_free(e);
    electra_tokenizer_free(t);
}

/* ---- failing memory
 * -------------------------------------------------------------------------------------------------- */

/* Everything, with each allocation failing once: a clean error, and nothing lost (the leak checker looks). */
static electra_status all_steps(electra_error *err)
{
    electra_tokenizer *t = NULL;
    electra_encoder *e = NULL;
    electra_vocab_trainer *trainer = NULL;
    electra_ids ids = {0};
    electra_encoding out;
    char *text = NULL;
    static const char input[] = "the s\u00e9a \u4e2d \u2260 seas";
    electra_vocab_options options = electra_vocab_options_default();
    options.runtime.threads = 1;
    electra_status status = electra_tokenizer_create(&t, TOKENS, TOKENS_N, NULL, err);
    status = status ? status : electra_encoder_create(&e, t, err);
    status = status ? status : electra_encoder_append(e, input, sizeof input - 1, &ids, err);
    status = status ? status : electra_encoder_encode(e, input, sizeof input - 1, input, 3, NULL, &out, err);
    status = status ? status : electra_tokenizer_decode(t, ids.ids, ids.n, false, &text, NULL, err);
    status = status ? status : electra_vocab_trainer_create(&trainer, &options, err);
    status = status ? status : electra_vocab_trainer_add(trainer, input, sizeof input - 1, err);
    status = status ? status : electra_vocab_trainer_train(trainer, err);
    electra_vocab_trainer_free(trainer);
    electra_text_free(text);
    electra_ids_free(&ids);
    electra_encoder_free(e);
    electra_tokenizer_free(t);
    return status;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    unsigned long n = 1;
    for (;; n++) {
        electra_error error = {0};
        test_fail_allocation(n);
        const electra_status status = all_steps(&error);
        test_fail_allocation(0);
        if (status == ELECTRA_OK) {
            break;
        }
        assert_int_equal(status, ELECTRA_NO_RESOURCE);
        assert_int_equal(error.status, ELECTRA_NO_RESOURCE);
        assert_true(error.message[0] != '\0');
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_take_ids),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(every_token_is_found_and_saved),
        cmocka_unit_test(any_bytes_give_sound_tokens),
        cmocka_unit_test(decoded_words_encode_to_the_same),
        cmocka_unit_test(bad_lengths_are_refused),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
