/* See encode.h. */
#include "fuzz/encode.h"

#include <string.h>

#include "fuzz/fuzz.h"

/* longest_text: bytes, which are at least as many as code points. */
static void check_window(const electra_tokenizer *t, const electra_window *w, size_t longest_text)
{
    const size_t n = electra_tokenizer_size(t);
    for (size_t i = 0; i < w->n; i++) {
        FUZZ_MUST_HOLD(w->ids[i] < n);
        FUZZ_MUST_HOLD(w->type_ids[i] <= 1 && w->added[i] <= 1);
        FUZZ_MUST_HOLD(w->offsets[i].start <= w->offsets[i].end && w->offsets[i].end <= longest_text);
        FUZZ_MUST_HOLD((w->word_ids[i] == ELECTRA_NO_WORD) == (w->added[i] == 1));
        const bool follows = i > 0 && !w->added[i] && !w->added[i - 1] && w->type_ids[i] == w->type_ids[i - 1];
        FUZZ_MUST_HOLD(!follows || w->word_ids[i] >= w->word_ids[i - 1]);
        FUZZ_MUST_HOLD(!follows || w->offsets[i].start >= w->offsets[i - 1].start);
    }
}

static void check_decoding(const electra_tokenizer *t, const uint32_t *ids, size_t n)
{
    for (int skip = 0; skip < 2; skip++) {
        char *text;
        size_t bytes;
        FUZZ_MUST_HOLD(electra_tokenizer_decode(t, ids, n, skip, &text, &bytes, NULL) == ELECTRA_OK);
        FUZZ_MUST_HOLD(strlen(text) == bytes);
        electra_text_free(text);
    }
}

/* The fast path, with a cold and a warm cache, and the full one must give the same ids. */
static void compare_paths(const electra_tokenizer *t, electra_encoder *e, const char *text, size_t bytes)
{
    electra_ids cold = {0}, warm = {0};
    electra_encode_options bare = electra_encode_options_default();
    electra_encoding all;
    bare.no_special = true;
    electra_encoder_forget(e);
    FUZZ_MUST_HOLD(electra_encoder_append(e, text, bytes, &cold, NULL) == ELECTRA_OK);
    FUZZ_MUST_HOLD(electra_encoder_append(e, text, bytes, &warm, NULL) == ELECTRA_OK);
    FUZZ_MUST_HOLD(electra_encoder_encode(e, text, bytes, NULL, 0, &bare, &all, NULL) == ELECTRA_OK);
    FUZZ_MUST_HOLD(all.n_windows == 1 && all.windows[0].n == cold.n && warm.n == cold.n);
    FUZZ_MUST_HOLD(cold.n == 0 || memcmp(cold.ids, warm.ids, cold.n * sizeof *cold.ids) == 0);
    FUZZ_MUST_HOLD(cold.n == 0 || memcmp(cold.ids, all.windows[0].ids, cold.n * sizeof *cold.ids) == 0);
    check_window(t, &all.windows[0], bytes);
    check_decoding(t, cold.ids, cold.n);
    electra_ids_free(&cold);
    electra_ids_free(&warm);
}

void fuzz_encode(electra_encoder *encoder, const char *text, size_t bytes, const char *second, size_t second_bytes,
                 const electra_encode_options *options)
{
    const electra_tokenizer *tokenizer = electra_encoder_tokenizer(encoder);
    electra_encoding out;
    electra_error err = {0};
    compare_paths(tokenizer, encoder, text, bytes);
    const electra_status status =
        electra_encoder_encode(encoder, text, bytes, second, second_bytes, options, &out, &err);
    FUZZ_MUST_HOLD(status == ELECTRA_OK || status == ELECTRA_MISUSE || status == ELECTRA_INVALID);
    for (size_t i = 0; status == ELECTRA_OK && i < out.n_windows; i++) {
        const electra_window *w = &out.windows[i];
        FUZZ_MUST_HOLD(!options || options->max_length == 0 || w->n <= options->max_length);
        check_window(tokenizer, w, second && second_bytes > bytes ? second_bytes : bytes);
    }
}

void fuzz_use_tokenizer(const electra_tokenizer *tokenizer)
{
    static const char TEXT[] =
        "The cats sat, un\xC3\xA9"
        "affable! \xE4\xB8\xAD\xE6\x96\x87 [MASK]##s [CLS] \xFF\x00 it's 3.5\t\n"
        "\xCE\xA3\xCE\xAF\xCF\x83\xCF\x85\xCF\x86\xCE\xBF\xCF\x82 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const char SECOND[] = "on the mat";
    electra_encode_options windows = electra_encode_options_default();
    windows.max_length = 9;
    windows.stride = 2;
    windows.windows = true;
    windows.truncation = ELECTRA_ONLY_FIRST;
    electra_encoder *encoder;
    FUZZ_MUST_HOLD(electra_encoder_create(&encoder, tokenizer, NULL) == ELECTRA_OK);
    fuzz_encode(encoder, TEXT, sizeof TEXT - 1, NULL, 0, &windows);
    fuzz_encode(encoder, TEXT, sizeof TEXT - 1, SECOND, sizeof SECOND - 1, NULL);
    electra_encoder_free(encoder);
    const size_t n = electra_tokenizer_size(tokenizer);
    for (uint32_t id = 0; id < n; id++) {
        const char *token = electra_tokenizer_token(tokenizer, id);
        FUZZ_MUST_HOLD(token);
        const uint32_t found = electra_tokenizer_id(tokenizer, token);
        FUZZ_MUST_HOLD(*token == '\0' || (found < n && strcmp(electra_tokenizer_token(tokenizer, found), token) == 0));
    }
    FUZZ_MUST_HOLD(!electra_tokenizer_token(tokenizer, (uint32_t)n));
    check_decoding(tokenizer, (const uint32_t[]){0, 1, 2, 3, 4, 5, UINT32_MAX}, 7);
}
