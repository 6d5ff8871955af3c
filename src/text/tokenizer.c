/* Owns the tokenizer object: settings, the parts it is made of, questions about it. What happens to a
 * text is in encoder.c (fast path) and encoding.c (with offsets, pairs and windows), the way back in decode.c. */
#include "text/tokenizer.h"

#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/wordpiece.h"

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum { MOST_CHARS = 100, MOST_CHARS_GOOGLE = 200, MOST_CHARS_LIMIT = 1 << 20 };

electra_tokenizer_options electra_tokenizer_options_default(void)
{
    return (electra_tokenizer_options){.struct_size = sizeof(electra_tokenizer_options),
                                       .lowercase = true,
                                       .handle_chinese_chars = true,
                                       .clean_text = true};
}

/* Check the caller's options and decide what they leave open. */
static electra_status resolve(electra_tokenizer_options *settings, const electra_tokenizer_options *options,
                              electra_error *err)
{
    *settings = options ? *options : electra_tokenizer_options_default();
    if (settings->struct_size != sizeof *settings) {
        return el_fail(err, ELECTRA_MISUSE, "electra_tokenizer_options",
                       "struct_size is %zu, this library expects %zu; begin with electra_tokenizer_options_default()",
                       settings->struct_size, sizeof *settings);
    }
    if (settings->strip_accents > ELECTRA_ACCENTS_KEEP || settings->specials_in_text > ELECTRA_SPECIALS_ALL) {
        return el_fail(err, ELECTRA_MISUSE, "electra_tokenizer_options",
                       "strip_accents is %d and specials_in_text is %d; each must be one of 0, 1 and 2",
                       (int)settings->strip_accents, (int)settings->specials_in_text);
    }
    if (settings->max_word_chars > MOST_CHARS_LIMIT) {
        return el_fail(err, ELECTRA_MISUSE, "max_word_chars", "max_word_chars is %zu; at most %d makes sense",
                       settings->max_word_chars, MOST_CHARS_LIMIT);
    }
    if (settings->strip_accents == ELECTRA_ACCENTS_AUTO) {
        settings->strip_accents = settings->lowercase ? ELECTRA_ACCENTS_STRIP : ELECTRA_ACCENTS_KEEP;
    }
    if (settings->google) {
        settings->specials_in_text = ELECTRA_SPECIALS_NONE;
    }
    if (settings->max_word_chars == 0) {
        settings->max_word_chars = settings->google ? MOST_CHARS_GOOGLE : MOST_CHARS;
    }
    return ELECTRA_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void choose_recognised(electra_tokenizer *t)
{
    const electra_special_ids *s = &t->vocab.specials;
    if (t->settings.specials_in_text == ELECTRA_SPECIALS_ALL) {
        const uint32_t without_mask[] = {s->pad, s->unk, s->cls, s->sep};
        memcpy(t->recognised, without_mask, sizeof without_mask);
        t->n_recognised = sizeof without_mask / sizeof without_mask[0];
    }
    if (t->settings.specials_in_text != ELECTRA_SPECIALS_NONE && s->mask != ELECTRA_NO_TOKEN) {
        t->recognised[t->n_recognised++] = s->mask;
    }
}

/* All that follows from settings and vocabulary. */
static electra_status complete(electra_tokenizer *t, electra_error *err)
{
    t->settings.runtime = (electra_runtime){0};
    EL_TRY(el_normalizer_init(&t->normalizer, &t->settings, err));
    for (uint8_t c = 0; c < 128; c++) {
        (void)el_wordpiece(&t->vocab, &c, 1, &t->alone[c], NULL);
    }
    choose_recognised(t);
    return ELECTRA_OK;
}

/* From a file if path is not NULL, otherwise from the array. */
static electra_status make(electra_tokenizer **out, const char *path, const char *const *tokens, size_t n,
                           const electra_tokenizer_options *options, electra_error *err)
{
    electra_tokenizer *t = el_alloc(1, sizeof *t);
    if (!t) {
        return el_fail_memory(err, "the tokenizer", sizeof *t);
    }
    electra_status status;
    EL_TRY_GOTO(resolve(&t->settings, options, err), failed);
    const electra_runtime *rt = &t->settings.runtime;
    EL_TRY_GOTO(path ? el_vocab_load(&t->vocab, path, rt, err) : el_vocab_init(&t->vocab, tokens, n, rt, err), failed);
    EL_TRY_GOTO(complete(t, err), failed);
    *out = t;
    return ELECTRA_OK;
failed:
    electra_tokenizer_free(t);
    return status;
}

electra_status electra_tokenizer_load(electra_tokenizer **out, const char *path,
                                      const electra_tokenizer_options *options, electra_error *err)
{
    if (!out || !path) {
        return el_fail(err, ELECTRA_MISUSE, "electra_tokenizer_load", "out and path must not be NULL");
    }
    *out = NULL;
    return make(out, path, NULL, 0, options, err);
}

electra_status electra_tokenizer_create(electra_tokenizer **out, const char *const *tokens, size_t n,
                                        const electra_tokenizer_options *options, electra_error *err)
{
    if (!out || (!tokens && n > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_tokenizer_create", "out and tokens must not be NULL");
    }
    *out = NULL;
    return make(out, NULL, tokens, n, options, err);
}

void electra_tokenizer_free(electra_tokenizer *t)
{
    if (t) {
        el_vocab_clear(&t->vocab);
        el_normalizer_clear(&t->normalizer);
        el_free(t);
    }
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

electra_tokenizer_options electra_tokenizer_settings(const electra_tokenizer *t)
{
    return t->settings;
}

size_t electra_tokenizer_size(const electra_tokenizer *t)
{
    return t->vocab.n;
}

electra_special_ids electra_tokenizer_specials(const electra_tokenizer *t)
{
    return t->vocab.specials;
}

bool electra_tokenizer_is_special(const electra_tokenizer *t, uint32_t id)
{
    const electra_special_ids *s = &t->vocab.specials;
    return id != ELECTRA_NO_TOKEN && (id == s->pad || id == s->unk || id == s->cls || id == s->sep || id == s->mask);
}

const char *electra_tokenizer_token(const electra_tokenizer *t, uint32_t id)
{
    return id < t->vocab.n ? el_vocab_token(&t->vocab, id) : NULL;
}

uint32_t electra_tokenizer_id(const electra_tokenizer *t, const char *token)
{
    return token ? el_vocab_id(&t->vocab, token, strlen(token)) : ELECTRA_NO_TOKEN;
}

uint64_t electra_tokenizer_hash(const electra_tokenizer *t)
{
    return t->vocab.hash;
}

electra_status electra_tokenizer_save_vocab(const electra_tokenizer *t, const char *path, electra_error *err)
{
    el_writer *w;
    EL_TRY(el_writer_open(&w, path, err));
    for (uint32_t id = 0; id < t->vocab.n; id++) {
        el_writer_add(w, el_vocab_token(&t->vocab, id), el_vocab_token_bytes(&t->vocab, id));
        el_writer_add(w, "\n", 1);
    }
    return el_writer_commit(w, err);
}

uint32_t el_tokenizer_find_special(const electra_tokenizer *t, const uint8_t *p, const uint8_t *end,
                                   const uint8_t **begin, const uint8_t **after)
{
    /* all their names begin with '[' and none is the beginning of another, so the first match is the longest */
    while (t->n_recognised > 0 && p < end && (p = memchr(p, '[', (size_t)(end - p))) != NULL) {
        for (size_t i = 0; i < t->n_recognised; i++) {
            const uint32_t id = t->recognised[i];
            const size_t bytes = el_vocab_token_bytes(&t->vocab, id);
            if ((size_t)(end - p) >= bytes && memcmp(p, el_vocab_token(&t->vocab, id), bytes) == 0) {
                *begin = p;
                *after = p + bytes;
                return id;
            }
        }
        p++;
    }
    *begin = *after = end;
    return ELECTRA_NO_TOKEN;
}
