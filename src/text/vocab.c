/* Owns reading a vocabulary and finding tokens in it. WordPiece itself is wordpiece.c. */
#include "text/vocab.h"

#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

/* ---- from the tokens' texts to a vocabulary -------------------------------------------------------------------- */

/* Say in the log which tokens stand there more than once (the first few) and how many do. keys: sorted. */
static void warn_of_doubles(const el_trie_key *keys, size_t n, const char *where, const electra_runtime *rt)
{
    enum { SHOWN = 3 };
    size_t doubled = 0;
    for (size_t i = 1; i < n; i++) {
        const el_trie_key *a = &keys[i - 1], *b = &keys[i];
        const bool equal = a->bytes > 0 && a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0;
        if (equal && doubled++ < SHOWN) {
            el_log(rt, ELECTRA_LOG_WARNING, "%s: the token \"%s\" has the ids %u and %u; text will be given %u", where,
                   a->text, a->id, b->id, b->id);
        }
    }
    if (doubled > SHOWN) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: %zu tokens stand there more than once", where, doubled);
    }
}

/* A token is known by its whole text; behind the "##" of those that continue a word it is known by the rest. */
static void find_rest(el_vocab *vocab)
{
    uint32_t state = EL_TRIE_WHOLE;
    const bool there = el_trie_step(&vocab->trie, &state, '#') && el_trie_step(&vocab->trie, &state, '#');
    vocab->rest = there ? state : EL_TRIE_NOWHERE;
}

static electra_status index_tokens(el_vocab *vocab, const char *where, const electra_runtime *rt, electra_error *err)
{
    el_trie_key *keys = el_alloc(vocab->n, sizeof keys[0]);
    if (!keys) {
        return el_fail_memory(err, "the index of the vocabulary", vocab->n * sizeof keys[0]);
    }
    for (uint32_t id = 0; id < vocab->n; id++) {
        keys[id] = (el_trie_key){el_vocab_token(vocab, id), el_vocab_token_bytes(vocab, id), id, EL_TRIE_WHOLE};
    }
    const electra_status status = el_trie_build(&vocab->trie, keys, vocab->n, err);
    if (status == ELECTRA_OK) {
        find_rest(vocab);
        if (vocab->trie.has_doubles) {
            warn_of_doubles(keys, vocab->n, where, rt);
        }
    }
    el_free(keys);
    return status;
}

uint32_t el_vocab_id(const el_vocab *vocab, const char *token, size_t bytes)
{
    uint32_t state = EL_TRIE_WHOLE;
    for (size_t i = 0; i < bytes; i++) {
        if (!el_trie_step(&vocab->trie, &state, (uint8_t)token[i])) {
            return ELECTRA_NO_TOKEN;
        }
    }
    return el_trie_ends(&vocab->trie, state) ? vocab->trie.ids[state] : ELECTRA_NO_TOKEN;
}

static electra_status find_specials(el_vocab *vocab, const char *where, electra_error *err)
{
    const struct {
        const char *token;
        uint32_t *id;
        bool required;
    } wanted[] = {
        {"[PAD]", &vocab->specials.pad, true},    {"[UNK]", &vocab->specials.unk, true},
        {"[CLS]", &vocab->specials.cls, true},    {"[SEP]", &vocab->specials.sep, true},
        {"[MASK]", &vocab->specials.mask, false},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        *wanted[i].id = el_vocab_id(vocab, wanted[i].token, strlen(wanted[i].token));
        if (wanted[i].required && *wanted[i].id == ELECTRA_NO_TOKEN) {
            return el_fail(err, ELECTRA_INVALID, where,
                           "the vocabulary %s (%zu tokens) has no %s; a BERT or ELECTRA vocabulary has a line for each "
                           "of [PAD], [UNK], [CLS], [SEP] and [MASK]",
                           where, vocab->n, wanted[i].token);
        }
    }
    return ELECTRA_OK;
}

static uint64_t hash_of(char *text, size_t bytes)
{
    /* tokens hold no line end and no NUL, so the hash of the lines is that of the block with its NULs as line ends */
    for (size_t i = 0; i < bytes; i++) {
        text[i] = text[i] ? text[i] : '\n';
    }
    const uint64_t hash = el_hash64(text, bytes);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = text[i] == '\n' ? '\0' : text[i];
    }
    return hash;
}

/* Everything but the texts themselves, which are in place. */
static electra_status finish(el_vocab *vocab, const char *where, const electra_runtime *rt, electra_error *err)
{
    if (vocab->n == 0) {
        return el_fail(err, ELECTRA_INVALID, where, "the vocabulary %s is empty", where);
    }
    EL_TRY(index_tokens(vocab, where, rt, err));
    EL_TRY(find_specials(vocab, where, err));
    vocab->hash = hash_of(vocab->text, vocab->starts[vocab->n]);
    return ELECTRA_OK;
}

void el_vocab_clear(el_vocab *vocab)
{
    el_free(vocab->text);
    el_free(vocab->starts);
    el_trie_clear(&vocab->trie);
    *vocab = (el_vocab){0};
}

/* Room for n tokens of `bytes` in all, their NULs not counted. */
static electra_status make_room(el_vocab *vocab, size_t n, size_t bytes, electra_error *err)
{
    size_t total;
    if (n >= ELECTRA_NO_TOKEN || el_add_overflows(n, bytes, &total)) {
        return el_fail(err, ELECTRA_INVALID, "vocabulary", "%zu tokens are more than ids can tell apart", n);
    }
    vocab->text = el_alloc(total, 1);
    vocab->starts = el_alloc(n + 1, sizeof vocab->starts[0]);
    return vocab->text && vocab->starts ? ELECTRA_OK : el_fail_memory(err, "the vocabulary", total);
}

static void add_token(el_vocab *vocab, const char *token, size_t bytes)
{
    char *at = vocab->text + vocab->starts[vocab->n];
    if (bytes) {
        memcpy(at, token, bytes);
    }
    at[bytes] = '\0';
    vocab->starts[vocab->n + 1] = vocab->starts[vocab->n] + bytes + 1;
    vocab->n++;
}

/* ---- from a file --------------------------------------------------------------------------------------------- */

/* White space at the end of a line is no part of the token, be it of any script: the reference trims it so. */
static bool is_space(uint32_t c)
{
    for (size_t s = 0; s < EL_CHAR_SETS_N; s++) {
        for (size_t r = 0; EL_CHAR_SETS[s].flag == EL_CHAR_SPACE && r < EL_CHAR_SETS[s].n; r++) {
            if (c >= EL_CHAR_SETS[s].ranges[r].first && c <= EL_CHAR_SETS[s].ranges[r].last) {
                return true;
            }
        }
    }
    return false;
}

/* The bytes of a line up to its trailing white space; *sound is false if it is not UTF-8 or holds a NUL. */
static size_t token_bytes(const uint8_t *line, const uint8_t *end, bool *sound)
{
    const uint8_t *kept = line;
    *sound = true;
    for (const uint8_t *p = line; p < end;) {
        const uint8_t *begin = p;
        const uint32_t c = el_utf8_next(&p, end);
        const bool written_out = p - begin == 3 && memcmp(begin, "\xEF\xBF\xBD", 3) == 0;
        if (c == 0 || (c == EL_REPLACEMENT && !written_out)) {
            *sound = false;
            return 0;
        }
        if (c < 0x80 ? c != ' ' && (c < '\t' || c > '\r') : !is_space(c)) {
            kept = p;
        }
    }
    return (size_t)(kept - line);
}

static size_t count_lines(const el_map *file)
{
    size_t n = 0;
    const uint8_t *end = file->data + file->size;
    for (const uint8_t *p = file->data; p < end; n++) {
        const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));
        p = line_end ? line_end + 1 : end;
    }
    return n;
}

static electra_status add_lines(el_vocab *vocab, const el_map *file, const char *path, electra_error *err)
{
    EL_TRY(make_room(vocab, count_lines(file), file->size, err));
    const uint8_t *end = file->data + file->size;
    for (const uint8_t *p = file->data; p < end;) {
        const uint8_t *line_end = memchr(p, '\n', (size_t)(end - p));
        bool sound;
        const size_t bytes = token_bytes(p, line_end ? line_end : end, &sound);
        if (!sound) {
            return el_fail(err, ELECTRA_INVALID, path,
                           "%s, line %zu: not UTF-8 text; a vocabulary has one token a line, in UTF-8", path,
                           vocab->n + 1);
        }
        add_token(vocab, (const char *)p, bytes);
        p = line_end ? line_end + 1 : end;
    }
    return ELECTRA_OK;
}

electra_status el_vocab_load(el_vocab *vocab, const char *path, const electra_runtime *rt, electra_error *err)
{
    *vocab = (el_vocab){0};
    el_map file;
    EL_TRY(el_map_open(&file, path, err));
    electra_status status = add_lines(vocab, &file, path, err);
    el_map_close(&file);
    if (status == ELECTRA_OK) {
        status = finish(vocab, path, rt, err);
    }
    if (status != ELECTRA_OK) {
        el_vocab_clear(vocab);
    }
    return status;
}

/* ---- from memory --------------------------------------------------------------------------------------------- */

electra_status el_vocab_init(el_vocab *vocab, const char *const *tokens, size_t n, const electra_runtime *rt,
                             electra_error *err)
{
    *vocab = (el_vocab){0};
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (tokens[i] && strchr(tokens[i], '\n')) {
            return el_fail(err, ELECTRA_INVALID, "vocabulary", "token %zu holds a line end; tokens are single lines",
                           i);
        }
        bytes += tokens[i] ? strlen(tokens[i]) : 0;
    }
    electra_status status = make_room(vocab, n, bytes, err);
    for (size_t i = 0; status == ELECTRA_OK && i < n; i++) {
        add_token(vocab, tokens[i], tokens[i] ? strlen(tokens[i]) : 0);
    }
    if (status == ELECTRA_OK) {
        status = finish(vocab, "vocabulary", rt, err);
    }
    if (status != ELECTRA_OK) {
        el_vocab_clear(vocab);
    }
    return status;
}
