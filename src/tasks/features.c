/* Owns the tokens of a task's examples. */
#include "tasks/features.h"

#include <math.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/status.h"
#include "infer/growing.h"

static const char WHAT[] = "the tokens of the examples";

enum { LEAST_LENGTH = 8 };

/* What is being built; its arrays become those of the features. */
typedef struct builder {
    el_features *f;
    const electra_tokenizer *tokenizer;
    electra_encoder *encoder;
    electra_special_ids specials;
    electra_ids pieces;  /* of a word */
    el_growing sentence; /* uint32_t, the pieces of its words, end to end */
    el_growing ends;     /* size_t, of each word in the sentence */
    uint32_t *sequence;  /* [max_length] */
    el_growing ids, list, places, units;
} builder;

/* ---- texts and pairs --------------------------------------------------------------------------------------------- */

/* Tokens of type 0: they come first. */
static uint32_t count_first(const el_features *f, const electra_window *w)
{
    uint32_t n = 0;
    while (n < w->n && (f->settings.one_segment || w->type_ids[n] == 0)) {
        n++;
    }
    return n;
}

static electra_status add_sequence(builder *b, const uint32_t *ids, el_feature feature, electra_error *err)
{
    uint32_t *to = el_growing_room(&b->ids, feature.n, sizeof *to, WHAT, err);
    el_feature *entry = el_growing_room(&b->list, 1, sizeof *entry, WHAT, err);
    if (!to || !entry) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(to, ids, feature.n * sizeof *ids);
    feature.first = b->ids.n;
    *entry = feature;
    b->ids.n += feature.n;
    b->list.n++;
    el_features *f = b->f;
    f->longest = feature.n > f->longest ? feature.n : f->longest;
    f->n_tokens += feature.n;
    for (size_t i = 0; i < feature.n; i++) {
        f->n_unknown += ids[i] == b->specials.unk;
    }
    return ELECTRA_OK;
}

/* As the released code does it (electra.md 9.2): of texts of the same length the second one is cut, and one without any
 * piece is none. The tokenizers' rule for the longest first is another. */
static electra_status add_text_google(builder *b, electra_text first, electra_text second, size_t example, bool *cut,
                                      electra_error *err)
{
    b->pieces.n = 0;
    EL_TRY(electra_encoder_append(b->encoder, first.bytes ? first.text : "", first.bytes, &b->pieces, err));
    const size_t all_first = b->pieces.n;
    EL_TRY(electra_encoder_append(b->encoder, second.bytes ? second.text : "", second.bytes, &b->pieces, err));
    const size_t all_second = b->pieces.n - all_first;
    const size_t room = b->f->settings.max_length - (all_second ? 3 : 2);
    size_t n_first = all_first, n_second = all_second;
    while (n_first + n_second > room) {
        if (n_first > n_second) {
            n_first--;
        } else {
            n_second--;
        }
    }
    *cut = *cut || n_first + n_second < b->pieces.n;
    uint32_t *to = b->sequence;
    *to++ = b->specials.cls;
    memcpy(to, b->pieces.ids, n_first * sizeof *to);
    to += n_first;
    *to++ = b->specials.sep;
    const size_t of_first = (size_t)(to - b->sequence);
    if (all_second) {
        memcpy(to, b->pieces.ids + all_first, n_second * sizeof *to);
        to += n_second;
        *to++ = b->specials.sep;
    }
    const size_t n = (size_t)(to - b->sequence);
    const el_feature feature = {.n = (uint32_t)n,
                                .n_first = (uint32_t)(b->f->settings.one_segment ? n : of_first),
                                .example = (uint32_t)example};
    return add_sequence(b, b->sequence, feature, err);
}

/* second.text NULL: a single text. *cut is raised if something did not fit. */
static electra_status add_text(builder *b, electra_text first, electra_text second, size_t example, bool *cut,
                               electra_error *err)
{
    if (b->f->settings.google) {
        return add_text_google(b, first, second, example, cut, err);
    }
    electra_encode_options options = electra_encode_options_default();
    options.max_length = b->f->settings.max_length;
    electra_encoding encoding;
    EL_TRY(electra_encoder_encode(b->encoder, first.bytes ? first.text : "", first.bytes, second.text, second.bytes,
                                  &options, &encoding, err));
    const electra_window *w = &encoding.windows[0];
    *cut = *cut || encoding.n_cut > 0;
    const el_feature feature = {.n = (uint32_t)w->n, .n_first = count_first(b->f, w), .example = (uint32_t)example};
    return add_sequence(b, w->ids, feature, err);
}

static bool teaches(const el_examples *examples, const el_example *e)
{
    switch (examples->kind) {
    case EL_TASK_REGRESS: return !isnan(e->number);
    case EL_TASK_MULTILABEL:
    case EL_TASK_ANSWER: return true;
    case EL_TASK_CLASSIFY:
    case EL_TASK_CHOICE:
    case EL_TASK_TAG: break;
    }
    for (size_t i = 0; i < e->n_labels; i++) {
        if (e->labels[i] < examples->labels.n_known || examples->kind == EL_TASK_CHOICE) {
            return e->labels[i] != EL_NO_LABEL;
        }
    }
    return false;
}

static electra_status add_example(builder *b, size_t i, bool exchanged, electra_error *err)
{
    const el_example *e = &b->f->examples->list[i];
    bool cut = false;
    EL_TRY(exchanged ? add_text(b, e->pair, e->text, i, &cut, err) : add_text(b, e->text, e->pair, i, &cut, err));
    b->f->n_cut += cut && !exchanged;
    return ELECTRA_OK;
}

static electra_status add_choices(builder *b, size_t i, electra_error *err)
{
    const el_example *e = &b->f->examples->list[i];
    size_t *unit = el_growing_room(&b->units, 2, sizeof *unit, WHAT, err);
    if (!unit) {
        return ELECTRA_NO_RESOURCE;
    }
    unit[0] = b->list.n;
    b->units.n++;
    bool cut = false;
    for (size_t k = 0; k < e->n_parts; k++) {
        EL_TRY(add_text(b, e->text, e->parts[k], i, &cut, err));
    }
    ((size_t *)b->units.items)[b->units.n] = b->list.n; /* the end, until the next one begins there */
    b->f->n_cut += cut;
    b->f->most = e->n_parts > b->f->most ? e->n_parts : b->f->most;
    return ELECTRA_OK;
}

/* ---- sentences --------------------------------------------------------------------------------------------------- */

/* The pieces of a word behind those of the sentence. A word of which the tokenizer leaves nothing is an unknown one,
 * for it has a label. */
static electra_status tokenize_word(builder *b, electra_text word, electra_error *err)
{
    b->pieces.n = 0;
    EL_TRY(electra_encoder_append(b->encoder, word.bytes ? word.text : "", word.bytes, &b->pieces, err));
    const size_t n = b->pieces.n ? b->pieces.n : 1;
    uint32_t *to = el_growing_room(&b->sentence, n, sizeof *to, WHAT, err);
    size_t *end = el_growing_room(&b->ends, 1, sizeof *end, WHAT, err);
    if (!to || !end) {
        return ELECTRA_NO_RESOURCE;
    }
    if (b->pieces.n) {
        memcpy(to, b->pieces.ids, n * sizeof *to);
    } else {
        *to = b->specials.unk;
    }
    b->sentence.n += n;
    *end = b->sentence.n;
    b->ends.n++;
    return ELECTRA_OK;
}

static size_t word_begin(const builder *b, size_t word)
{
    return word ? ((const size_t *)b->ends.items)[word - 1] : 0;
}

/* How many words from `word` on go into one sequence. A word that fills more than a sequence is alone in it. */
static size_t words_that_fit(const builder *b, size_t word)
{
    const size_t room = b->f->settings.max_length - 2;
    const size_t n_words = b->ends.n;
    const size_t begin = word_begin(b, word);
    size_t n = 0;
    while (word + n < n_words && word_begin(b, word + n + 1) - begin <= room) {
        /* the released code compares the number of all words with [CLS] and [SEP], and the pieces up to now, with L */
        if (b->f->settings.google &&
            n_words + 2 + 1 + word_begin(b, word + n) - begin + 1 > b->f->settings.max_length) {
            break;
        }
        n++;
    }
    return n > 0 || b->f->settings.google ? n : 1;
}

static electra_status add_words(builder *b, size_t example, size_t word, size_t n_words, electra_error *err)
{
    const size_t room = b->f->settings.max_length - 2;
    const size_t begin = word_begin(b, word);
    size_t n = word_begin(b, word + n_words) - begin;
    n = n < room ? n : room;
    uint32_t *places = el_growing_room(&b->places, n_words, sizeof *places, WHAT, err);
    if (!places) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < n_words; i++) {
        places[i] = (uint32_t)(1 + word_begin(b, word + i) - begin);
    }
    b->sequence[0] = b->specials.cls;
    memcpy(b->sequence + 1, (const uint32_t *)b->sentence.items + begin, n * sizeof *b->sequence);
    b->sequence[n + 1] = b->specials.sep;
    const el_feature feature = {.n = (uint32_t)n + 2,
                                .n_first = b->f->settings.google && !b->f->settings.one_segment ? 0 : (uint32_t)n + 2,
                                .example = (uint32_t)example,
                                .word = (uint32_t)word,
                                .n_words = (uint32_t)n_words,
                                .place = b->places.n};
    EL_TRY(add_sequence(b, b->sequence, feature, err));
    b->places.n += n_words;
    return ELECTRA_OK;
}

static electra_status add_sentence(builder *b, size_t example, electra_error *err)
{
    const el_example *e = &b->f->examples->list[example];
    b->sentence.n = b->ends.n = 0;
    for (size_t i = 0; i < e->n_parts; i++) {
        EL_TRY(tokenize_word(b, e->parts[i], err));
    }
    for (size_t word = 0; word < e->n_parts;) {
        const size_t n = words_that_fit(b, word);
        b->f->n_cut += word == 0 && n < e->n_parts;
        EL_TRY(add_words(b, example, word, n, err));
        word = b->f->settings.google ? e->n_parts : word + n;
    }
    return ELECTRA_OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static electra_status add_all(builder *b, electra_error *err)
{
    const el_features_settings *settings = &b->f->settings;
    const el_examples *examples = b->f->examples;
    b->f->most = 1;
    for (int order = 0; order < (settings->both_orders ? 2 : 1); order++) {
        for (size_t i = 0; i < examples->n; i++) {
            const el_example *e = &examples->list[i];
            if (settings->train && !teaches(examples, e)) {
                b->f->n_left += order == 0;
            } else if (examples->kind == EL_TASK_TAG) {
                EL_TRY(add_sentence(b, i, err));
            } else if (examples->kind == EL_TASK_CHOICE) {
                EL_TRY(add_choices(b, i, err));
            } else if (order == 0 || e->pair.text) {
                EL_TRY(add_example(b, i, order == 1, err));
            }
        }
    }
    return ELECTRA_OK;
}

static bool has_pairs(const el_examples *examples)
{
    if (examples->kind == EL_TASK_TAG || examples->kind == EL_TASK_CHOICE || examples->kind == EL_TASK_ANSWER) {
        return false;
    }
    for (size_t i = 0; i < examples->n; i++) {
        if (examples->list[i].pair.text) {
            return true;
        }
    }
    return false;
}

static electra_status build(builder *b, electra_error *err)
{
    EL_TRY(electra_encoder_create(&b->encoder, b->tokenizer, err));
    b->sequence = el_alloc(b->f->settings.max_length, sizeof *b->sequence);
    if (!b->sequence) {
        return el_fail_memory(err, WHAT, b->f->settings.max_length * sizeof *b->sequence);
    }
    EL_TRY(add_all(b, err));
    b->f->n_units = b->f->examples->kind == EL_TASK_CHOICE ? b->units.n : b->list.n;
    return ELECTRA_OK;
}

/* The arrays are the features' in any case, and freed with them. */
static electra_status build_sequences(el_features *f, const electra_tokenizer *tokenizer, electra_error *err)
{
    builder b = {.f = f, .tokenizer = tokenizer, .specials = electra_tokenizer_specials(tokenizer)};
    const electra_status status = build(&b, err);
    f->ids = b.ids.items;
    f->list = b.list.items;
    f->n = b.list.n;
    f->places = b.places.items;
    f->units = b.units.items;
    electra_encoder_free(b.encoder);
    electra_ids_free(&b.pieces);
    el_free(b.sentence.items);
    el_free(b.ends.items);
    el_free(b.sequence);
    return status;
}

static electra_status build_windows(el_features *f, const electra_tokenizer *tokenizer, electra_error *err)
{
    el_qa_settings settings = el_qa_settings_default();
    settings.max_length = f->settings.max_length;
    settings.step = f->settings.doc_stride;
    settings.train = f->settings.train;
    EL_TRY(el_qa_set_create(&f->qa, f->examples, tokenizer, &settings, err));
    f->n = f->n_units = f->qa->n_windows;
    f->most = 1;
    f->longest = f->qa->longest;
    f->n_cut = f->qa->n_cut;
    f->n_left = settings.train ? f->qa->n_lost : 0;
    f->n_unknown = f->qa->n_unknown;
    for (size_t w = 0; w < f->n; w++) {
        f->n_tokens += el_qa_window_length(f->qa, w);
    }
    return ELECTRA_OK;
}

electra_status el_features_create(el_features **out, const el_examples *examples, const electra_tokenizer *tokenizer,
                                  const el_features_settings *settings, electra_error *err)
{
    *out = NULL;
    if (settings->max_length < LEAST_LENGTH) {
        return el_fail(err, ELECTRA_MISUSE, "max-length", "%zu tokens are too few: %d are the least",
                       settings->max_length, LEAST_LENGTH);
    }
    el_features *f = el_alloc(1, sizeof *f);
    if (!f) {
        return el_fail_memory(err, WHAT, sizeof *f);
    }
    f->examples = examples;
    f->settings = *settings;
    f->settings.both_orders = settings->both_orders && has_pairs(examples);
    electra_status status =
        examples->kind == EL_TASK_ANSWER ? build_windows(f, tokenizer, err) : build_sequences(f, tokenizer, err);
    if (status == ELECTRA_OK && f->n_units == 0) {
        status = el_fail(err, ELECTRA_INVALID, examples->n_files ? examples->files[0] : NULL,
                         "none of the %zu examples of %s %s", examples->n,
                         examples->n_files ? examples->files[0] : "the data",
                         settings->train ? "says what is right: there is nothing to learn from" : "can be used");
    }
    if (status != ELECTRA_OK) {
        el_features_free(f);
        return status;
    }
    *out = f;
    return ELECTRA_OK;
}

void el_features_free(el_features *f)
{
    if (!f) {
        return;
    }
    el_qa_set_free(f->qa);
    el_free(f->ids);
    el_free(f->list);
    el_free(f->places);
    el_free(f->units);
    el_free(f);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

size_t el_features_first(const el_features *f, size_t unit)
{
    return f->units ? f->units[unit] : unit;
}

size_t el_features_example(const el_features *f, size_t unit)
{
    return f->qa ? f->qa->questions[f->qa->windows[unit].question].example
                 : f->list[el_features_first(f, unit)].example;
}

size_t el_features_sentence_end(const el_features *f, size_t unit)
{
    size_t end = unit + 1;
    while (end < f->n && f->list[end].example == f->list[unit].example && f->list[end].word > f->list[unit].word) {
        end++;
    }
    return end;
}

size_t el_features_length(const el_features *f, size_t sequence)
{
    return f->qa ? el_qa_window_length(f->qa, sequence) : f->list[sequence].n;
}

el_sequence el_features_sequence(const el_features *f, size_t sequence, uint32_t *ids)
{
    if (f->qa) {
        return el_qa_sequence(f->qa, sequence, ids);
    }
    const el_feature *feature = &f->list[sequence];
    return (el_sequence){.ids = f->ids + feature->first, .length = feature->n, .first_length = feature->n_first};
}

static uint64_t hash_example(uint64_t sum, const el_example *e)
{
    sum = el_hash64_chain(sum, e->labels, e->n_labels * sizeof *e->labels);
    for (size_t i = 0; i < e->n_answers; i++) {
        sum = el_hash64_chain(sum, e->answers[i].text.text, e->answers[i].text.bytes);
    }
    return isnan(e->number) ? sum : el_hash64_chain(sum, &e->number, sizeof e->number);
}

static uint64_t hash_labels(uint64_t sum, const el_label_set *labels)
{
    for (size_t i = 0; i < labels->n; i++) {
        sum = el_hash64_chain(sum, labels->names[i], strlen(labels->names[i]));
    }
    return sum;
}

static uint64_t hash_windows(uint64_t sum, const el_qa_set *set)
{
    uint32_t ids[4096];
    for (size_t w = 0; w < set->n_windows; w++) {
        const el_qa_target target = el_qa_window_target(set, w);
        const size_t n = el_qa_window_length(set, w);
        if (n <= sizeof ids / sizeof *ids) {
            (void)el_qa_sequence(set, w, ids);
            sum = el_hash64_chain(sum, ids, n * sizeof *ids);
        }
        sum = el_hash64_chain(sum, &target, sizeof target);
    }
    for (size_t q = 0; q < set->n_questions; q++) {
        sum = hash_example(sum, &set->examples->list[set->questions[q].example]);
    }
    return sum;
}

uint64_t el_features_hash(const el_features *f)
{
    uint64_t sum = hash_labels(f->n, &f->examples->labels);
    if (f->qa) {
        return hash_windows(sum, f->qa);
    }
    for (size_t i = 0; i < f->n; i++) {
        const el_feature *feature = &f->list[i];
        const uint32_t shape[3] = {feature->n, feature->n_first, feature->n_words};
        sum = el_hash64_chain(sum, shape, sizeof shape);
        sum = el_hash64_chain(sum, f->ids + feature->first, feature->n * sizeof *f->ids);
        sum = hash_example(sum, &f->examples->list[feature->example]);
    }
    return sum;
}

electra_status el_features_quantiles(const el_features *f, const double *q, double *out, size_t n, electra_error *err)
{
    double *lengths = el_alloc(f->n, sizeof *lengths);
    if (!lengths) {
        return el_fail_memory(err, WHAT, f->n * sizeof *lengths);
    }
    for (size_t i = 0; i < f->n; i++) {
        lengths[i] = (double)el_features_length(f, i);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = el_quantile(lengths, f->n, q[i]);
    }
    el_free(lengths);
    return ELECTRA_OK;
}
