/* Owns the trainer object and the counting of words. Each thread counts into a set of its own; the sets are added up
 * before merging, which does not care about their order. */
#include "text/vocab_train.h"

#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/status.h"
#include "text/normalize.h"

enum { PIECE_BYTES = 1 << 17 }; /* of text, for one thread at a time */

/* What one thread counts with. */
typedef struct counter {
    el_strings words;
    el_words normal;
    uint8_t *plain; /* a plain word in lower case */
    size_t plain_capacity;
    uint64_t n_words;
    bool out_of_memory;
} counter;

struct electra_vocab_trainer {
    electra_vocab_options options; /* special_tokens is not kept */
    el_normalizer normalizer;
    el_pool *pool;
    counter *counters; /* [threads] */
    size_t n_counters;
    el_strings tokens; /* the special ones until trained */
    bool trained;
};

/* ---- the object ----------------------------------------------------------------------------------------------------
 */

electra_vocab_options electra_vocab_options_default(void)
{
    return (electra_vocab_options){.struct_size = sizeof(electra_vocab_options),
                                   .size = 30522,
                                   .min_frequency = 2,
                                   .limit_alphabet = 1000,
                                   .lowercase = true,
                                   .handle_chinese_chars = true,
                                   .clean_text = true};
}

static electra_status check_options(const electra_vocab_options *o, electra_error *err)
{
    if (o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_options",
                       "struct_size is %zu, this library expects %zu; begin with electra_vocab_options_default()",
                       o->struct_size, sizeof *o);
    }
    if (o->size == 0 || o->size >= ELECTRA_NO_TOKEN || o->limit_alphabet == 0) {
        return el_fail(err, ELECTRA_MISUSE, "size", "a vocabulary of %zu tokens with %zu characters makes no sense",
                       o->size, o->limit_alphabet);
    }
    if (o->strip_accents > ELECTRA_ACCENTS_KEEP || (!o->special_tokens && o->n_special_tokens > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_options",
                       "strip_accents must be 0, 1 or 2, and special_tokens must hold n_special_tokens texts");
    }
    return ELECTRA_OK;
}

static electra_status add_special_tokens(electra_vocab_trainer *t, const electra_vocab_options *o, electra_error *err)
{
    static const char *const usual[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    const char *const *tokens = o->special_tokens ? o->special_tokens : usual;
    const size_t n = o->special_tokens ? o->n_special_tokens : sizeof usual / sizeof usual[0];
    for (size_t i = 0; i < n; i++) {
        if (!tokens[i] || strchr(tokens[i], '\n')) {
            return el_fail(err, ELECTRA_MISUSE, "special_tokens", "special token %zu is NULL or has a line end", i);
        }
        if (el_strings_add(&t->tokens, tokens[i], strlen(tokens[i])) == EL_STRINGS_FULL) {
            return el_fail_memory(err, "special tokens", n);
        }
    }
    return ELECTRA_OK;
}

static electra_status complete(electra_vocab_trainer *t, electra_error *err)
{
    const electra_vocab_options *o = &t->options;
    electra_tokenizer_options settings = electra_tokenizer_options_default();
    settings.lowercase = o->lowercase;
    settings.handle_chinese_chars = o->handle_chinese_chars;
    settings.clean_text = o->clean_text;
    const bool strip =
        o->strip_accents == ELECTRA_ACCENTS_AUTO ? o->lowercase : o->strip_accents == ELECTRA_ACCENTS_STRIP;
    settings.strip_accents = strip ? ELECTRA_ACCENTS_STRIP : ELECTRA_ACCENTS_KEEP;
    EL_TRY(el_normalizer_init(&t->normalizer, &settings, err));
    EL_TRY(add_special_tokens(t, o, err));
    t->options.special_tokens = NULL;
    EL_TRY(el_pool_create(&t->pool, o->runtime.threads, err));
    t->n_counters = (size_t)el_pool_threads(t->pool);
    t->counters = el_alloc(t->n_counters, sizeof t->counters[0]);
    if (!t->counters) {
        t->n_counters = 0;
        return el_fail_memory(err, "word counters", sizeof t->counters[0]);
    }
    for (size_t i = 0; i < t->n_counters; i++) {
        t->counters[i].normal.most_chars = SIZE_MAX;
    }
    return ELECTRA_OK;
}

electra_status electra_vocab_trainer_create(electra_vocab_trainer **out, const electra_vocab_options *options,
                                            electra_error *err)
{
    if (!out) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_trainer_create", "out must not be NULL");
    }
    *out = NULL;
    const electra_vocab_options o = options ? *options : electra_vocab_options_default();
    EL_TRY(check_options(&o, err));
    electra_vocab_trainer *t = el_alloc(1, sizeof *t);
    if (!t) {
        return el_fail_memory(err, "the vocabulary trainer", sizeof *t);
    }
    t->options = o;
    const electra_status status = complete(t, err);
    if (status != ELECTRA_OK) {
        electra_vocab_trainer_free(t);
        return status;
    }
    *out = t;
    return ELECTRA_OK;
}

static void clear_counters(electra_vocab_trainer *t)
{
    for (size_t i = 0; i < t->n_counters; i++) {
        el_strings_clear(&t->counters[i].words);
        el_words_clear(&t->counters[i].normal);
        el_free(t->counters[i].plain);
    }
    el_free(t->counters);
    t->counters = NULL;
    t->n_counters = 0;
}

void electra_vocab_trainer_free(electra_vocab_trainer *t)
{
    if (t) {
        clear_counters(t);
        el_pool_free(t->pool);
        el_strings_clear(&t->tokens);
        el_normalizer_clear(&t->normalizer);
        el_free(t);
    }
}

/* ---- counting ------------------------------------------------------------------------------------------------------
 */

static void count_word(counter *c, const uint8_t *word, size_t bytes)
{
    const size_t i = el_strings_add(&c->words, (const char *)word, bytes);
    if (i == EL_STRINGS_FULL) {
        c->out_of_memory = true;
        return;
    }
    c->words.items[i].count++;
    c->n_words++;
}

static void count_plain(counter *c, const uint8_t *word, size_t bytes, bool lowercase)
{
    if (!lowercase) {
        count_word(c, word, bytes);
        return;
    }
    if (bytes > c->plain_capacity) {
        el_free(c->plain);
        c->plain_capacity = 2 * bytes + 64;
        c->plain = el_alloc(c->plain_capacity, 1);
        if (!c->plain) {
            c->plain_capacity = 0;
            c->out_of_memory = true;
            return;
        }
    }
    for (size_t i = 0; i < bytes; i++) {
        c->plain[i] = word[i] | 0x20; /* letters and digits only */
    }
    count_word(c, c->plain, bytes);
}

static void count_text(const el_normalizer *n, counter *c, const uint8_t *text, const uint8_t *end)
{
    for (const uint8_t *p = text; !c->out_of_memory;) {
        const el_raw_word raw = el_next_word(n, p, end);
        switch (raw.kind) {
        case EL_WORD_NONE: return;
        case EL_WORD_PLAIN: count_plain(c, raw.begin, (size_t)(raw.end - raw.begin), n->lowercase); break;
        case EL_WORD_ALONE: count_word(c, raw.begin, (size_t)(raw.end - raw.begin)); break;
        case EL_WORD_MIXED:
            c->out_of_memory |= el_normalize(n, &c->normal, text, end, &raw, 0, NULL) != ELECTRA_OK;
            for (size_t i = 0; !c->out_of_memory && i < c->normal.n_words; i++) {
                const el_word *word = &c->normal.words[i];
                count_word(c, c->normal.text + word->begin, word->end - word->begin);
            }
            break;
        }
        p = raw.end;
    }
}

typedef struct counting {
    electra_vocab_trainer *trainer;
    const uint8_t *text, *end;
} counting;

/* The first place at or after p where no word is cut in two: behind an ASCII space or line end. */
static const uint8_t *next_gap(const counting *job, const uint8_t *p)
{
    if (p == job->text) {
        return p;
    }
    while (p < job->end && p[-1] != ' ' && p[-1] != '\n') {
        p++;
    }
    return p;
}

static void count_piece(void *argument, size_t begin, size_t end, int thread)
{
    const counting *job = argument;
    const uint8_t *from = next_gap(job, job->text + begin);
    const uint8_t *to = next_gap(job, job->text + end);
    if (from < to) {
        count_text(&job->trainer->normalizer, &job->trainer->counters[thread], from, to);
    }
}

electra_status electra_vocab_trainer_add(electra_vocab_trainer *t, const char *text, size_t bytes, electra_error *err)
{
    if (!t || (!text && bytes > 0) || t->trained) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_trainer_add",
                       "trainer and text must not be NULL, and nothing can be added after training");
    }
    counting job = {t, (const uint8_t *)text, (const uint8_t *)text + bytes};
    if (bytes > 0) {
        el_parallel_for(t->pool, bytes, PIECE_BYTES, count_piece, &job);
    }
    for (size_t i = 0; i < t->n_counters; i++) {
        if (t->counters[i].out_of_memory) {
            return el_fail_memory(err, "the counts of words", t->counters[i].words.n_text);
        }
    }
    return ELECTRA_OK;
}

/* ---- training ------------------------------------------------------------------------------------------------------
 */

/* Add up all counters into the first. */
static electra_status join_counters(electra_vocab_trainer *t, electra_error *err)
{
    el_strings *all = &t->counters[0].words;
    for (size_t i = 1; i < t->n_counters; i++) {
        el_strings *part = &t->counters[i].words;
        for (size_t w = 0; w < part->n; w++) {
            const size_t to = el_strings_add(all, el_strings_text(part, w), part->items[w].bytes);
            if (to == EL_STRINGS_FULL) {
                return el_fail_memory(err, "the counts of words", all->n_text);
            }
            all->items[to].count += part->items[w].count;
        }
        el_strings_clear(part);
        t->counters[0].n_words += t->counters[i].n_words;
        t->counters[i].n_words = 0;
    }
    return ELECTRA_OK;
}

electra_status el_vocab_trainer_train(electra_vocab_trainer *t, const uint32_t *continuation_order, size_t n,
                                      electra_error *err)
{
    if (!t || t->trained) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_trainer_train",
                       "the trainer is NULL or has trained already");
    }
    EL_TRY(join_counters(t, err));
    const el_strings *words = &t->counters[0].words;
    if (words->n == 0) {
        return el_fail(err, ELECTRA_INVALID, "text", "no word was found in the text; is the input empty?");
    }
    const el_merge_settings settings = {.size = t->options.size,
                                        .min_frequency = t->options.min_frequency,
                                        .limit_alphabet = t->options.limit_alphabet,
                                        .continuation_order = continuation_order,
                                        .n_continuation_order = n,
                                        .runtime = &t->options.runtime};
    t->trained = true; /* even if it fails: the tokens are no longer the special ones alone */
    return el_vocab_merge(&t->tokens, words, &settings, err);
}

electra_status electra_vocab_trainer_train(electra_vocab_trainer *t, electra_error *err)
{
    return el_vocab_trainer_train(t, NULL, 0, err);
}

/* ---- results -------------------------------------------------------------------------------------------------------
 */

size_t electra_vocab_trainer_size(const electra_vocab_trainer *t)
{
    return t->trained ? t->tokens.n : 0;
}

const char *electra_vocab_trainer_token(const electra_vocab_trainer *t, size_t id)
{
    return id < electra_vocab_trainer_size(t) ? el_strings_text(&t->tokens, id) : NULL;
}

void electra_vocab_trainer_counts(const electra_vocab_trainer *t, uint64_t *words, uint64_t *distinct)
{
    uint64_t n = 0, most = 0;
    for (size_t i = 0; i < t->n_counters; i++) {
        n += t->counters[i].n_words;
        most += t->counters[i].words.n;
    }
    if (words) {
        *words = n;
    }
    if (distinct) {
        *distinct = most;
    }
}

electra_status electra_vocab_trainer_save(const electra_vocab_trainer *t, const char *path, electra_error *err)
{
    if (!t || !path || !t->trained) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vocab_trainer_save", "there is nothing to save before training");
    }
    el_writer *w;
    EL_TRY(el_writer_open(&w, path, err));
    for (size_t i = 0; i < t->tokens.n; i++) {
        el_writer_add(w, el_strings_text(&t->tokens, i), t->tokens.items[i].bytes);
        el_writer_add(w, "\n", 1);
    }
    return el_writer_commit(w, err);
}
