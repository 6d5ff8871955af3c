/* Cases of type pipeline: the answers of sessions against those of transformers' pipelines. Texts, labels, offsets and
 * order must be equal, scores near (the case says how near: 5e-5 * max(1, |expected|)). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <electra/infer.h>

#include "base/io.h"
#include "base/mem.h"
#include "golden/case.h"

static const double SCORE_TOLERANCE = 5e-5;

typedef struct pipeline {
    golden_case *c;
    json_t *texts;    /* texts.json */
    const char *file; /* what is being compared, for messages */
} pipeline;

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static json_t *load(pipeline *p, const char *name)
{
    char *path = el_path_join(p->c->folder, name);
    json_error_t problem = {0};
    json_t *json = path ? json_load_file(path, JSON_ALLOW_NUL, &problem) : NULL; /* some texts hold a NUL */
    if (!json) {
        golden_problem(p->c, "%s/%s, line %d: %s", p->c->folder, name, problem.line, problem.text);
    }
    el_free(path);
    p->file = name;
    return json;
}

/* false if the case has no such file: it need not hold all models. */
static bool has(const pipeline *p, const char *name)
{
    char *path = el_path_join(p->c->folder, name);
    const bool there = path && el_is_file(path);
    el_free(path);
    return there;
}

static electra_text text_of(const json_t *json)
{
    return (electra_text){json_string_value(json), json_string_length(json)};
}

typedef struct asked {
    electra_model *model;
    electra_session *session;
} asked;

/* As the pipelines do: special tokens are recognised, long texts cut unless windows are asked for. */
static asked ask(pipeline *p, const char *name, bool truncate)
{
    asked a = {0};
    electra_error err = {0};
    electra_model_options options = electra_model_options_default();
    options.specials_in_text = true;
    electra_session_options session = electra_session_options_default();
    session.truncate = truncate;
    char *path = el_path_join(p->c->folder, name);
    (void)(path && golden_ok(p->c, electra_model_load(&a.model, path, &options, &err), &err) &&
           golden_ok(p->c, electra_session_create(&a.session, a.model, &session, &err), &err));
    el_free(path);
    return a;
}

static void done(asked *a)
{
    electra_session_free(a->session);
    electra_model_free(a->model);
}

/* All texts of a list of texts.json as an array, to be freed; with `second` those of its pairs. */
static electra_text *list_texts(pipeline *p, const char *name, int which, size_t *n)
{
    const json_t *list = json_object_get(p->texts, name);
    *n = json_array_size(list);
    electra_text *texts = calloc(*n + 1, sizeof *texts);
    for (size_t i = 0; texts && i < *n; i++) {
        const json_t *item = json_array_get(list, i);
        texts[i] = text_of(which < 0 ? item : json_array_get(item, (size_t)which));
    }
    return texts;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static void same_score(pipeline *p, const char *where, double got, const json_t *expected)
{
    const double score = json_number_value(expected);
    char name[160];
    (void)snprintf(name, sizeof name, "%s %s", p->file, where);
    golden_compare_numbers(p->c, name, &got, &score, 1, SCORE_TOLERANCE, 1);
}

static void same_number(pipeline *p, const char *where, size_t got, const json_t *expected)
{
    p->c->verdict.n_compared++;
    if (!json_is_integer(expected) || json_integer_value(expected) != (json_int_t)got) {
        golden_problem(p->c, "%s %s: %zu, but %lld is expected", p->file, where, got,
                       (long long)json_integer_value(expected));
    }
}

static void same_text(pipeline *p, const char *where, electra_text got, const json_t *expected)
{
    p->c->verdict.n_compared++;
    const electra_text text = text_of(expected);
    if (!json_is_string(expected) || got.bytes != text.bytes || memcmp(got.text, text.text, got.bytes) != 0) {
        golden_problem(p->c, "%s %s: '%.*s', but '%s' is expected", p->file, where, (int)got.bytes, got.text,
                       text.text);
    }
}

static void same_string(pipeline *p, const char *where, const char *got, const json_t *expected)
{
    same_text(p, where, (electra_text){got, strlen(got)}, expected);
}

static void same_offsets(pipeline *p, const char *where, electra_span got, const json_t *expected)
{
    same_number(p, where, got.start, json_array_get(expected, 0));
    same_number(p, where, got.end, json_array_get(expected, 1));
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

static void compare_window(pipeline *p, const electra_tokenizer *tokenizer, const electra_window *w, const char *where,
                           const json_t *expected)
{
    const json_t *words = json_object_get(expected, "words");
    if (json_array_size(json_object_get(expected, "ids")) != w->n) {
        golden_problem(p->c, "%s %s: %zu tokens", p->file, where, w->n);
    }
    for (size_t t = 0; t < w->n; t++) {
        same_number(p, where, w->ids[t], json_array_get(json_object_get(expected, "ids"), t));
        same_number(p, where, w->type_ids[t], json_array_get(json_object_get(expected, "types"), t));
        same_string(p, where, electra_tokenizer_token(tokenizer, w->ids[t]),
                    json_array_get(json_object_get(expected, "tokens"), t));
        same_offsets(p, where, w->offsets[t], json_array_get(json_object_get(expected, "offsets"), t));
        if (w->word_ids[t] != ELECTRA_NO_WORD) {
            same_number(p, where, w->word_ids[t], json_array_get(words, t));
        } else if (!json_is_null(json_array_get(words, t))) {
            golden_problem(p->c, "%s %s: token %zu belongs to a word", p->file, where, t);
        }
    }
}

static void compare_tokens(pipeline *p)
{
    json_t *tokens = load(p, "tokens.json");
    electra_error err = {0};
    electra_tokenizer *tokenizer = NULL;
    electra_encoder *encoder = NULL;
    char *path = el_path_join(p->c->folder, "tokenizer");
    bool fine =
        tokens && path &&
        golden_ok(p->c, electra_tokenizer_load_model(&tokenizer, path, ELECTRA_SPECIALS_ALL, NULL, &err), &err) &&
        golden_ok(p->c, electra_encoder_create(&encoder, tokenizer, &err), &err);
    electra_encode_options options = electra_encode_options_default();
    options.max_length = (size_t)golden_setting(p->c, "positions");
    const char *list;
    json_t *expected;
    json_object_foreach(tokens, list, expected)
    {
        const bool pairs = strcmp(list, "pairs") == 0;
        for (size_t i = 0; fine && i < json_array_size(expected); i++) {
            const json_t *item = json_array_get(json_object_get(p->texts, list), i);
            const electra_text first = text_of(pairs ? json_array_get(item, 0) : item);
            electra_text second = pairs ? text_of(json_array_get(item, 1)) : (electra_text){0};
            second = second.bytes ? second : (electra_text){0}; /* the library takes an empty second text for none */
            electra_encoding encoding;
            char where[64];
            (void)snprintf(where, sizeof where, "%s[%zu]", list, i);
            fine = golden_ok(p->c,
                             electra_encoder_encode(encoder, first.text, first.bytes, second.text, second.bytes,
                                                    &options, &encoding, &err),
                             &err);
            if (fine) {
                compare_window(p, tokenizer, &encoding.windows[0], where, json_array_get(expected, i));
            }
        }
    }
    el_free(path);
    electra_encoder_free(encoder);
    electra_tokenizer_free(tokenizer);
    json_decref(tokens);
}

/* ---- classes of texts -------------------------------------------------------------------------------------------- */

static electra_score_function function_of(const char *variant)
{
    return strcmp(variant, "softmax") == 0   ? ELECTRA_SCORES_SOFTMAX
           : strcmp(variant, "sigmoid") == 0 ? ELECTRA_SCORES_SIGMOID
           : strcmp(variant, "none") == 0    ? ELECTRA_SCORES_NONE
                                             : ELECTRA_SCORES_AUTO;
}

static void compare_classes(pipeline *p, const char *where, const electra_classification *found, const json_t *expected)
{
    if (json_array_size(expected) != found->n) {
        golden_problem(p->c, "%s %s: %zu labels, but %zu are expected", p->file, where, found->n,
                       json_array_size(expected));
        return;
    }
    for (size_t k = 0; k < found->n; k++) {
        const json_t *item = json_array_get(expected, k);
        same_string(p, where, found->labels[k].label, json_object_get(item, "label"));
        same_score(p, where, (double)found->labels[k].score, json_object_get(item, "score"));
    }
}

static void classify(pipeline *p, asked *a, const char *variant, const char *list, const json_t *expected)
{
    const bool pairs = strcmp(list, "pairs") == 0;
    const bool best_only = strcmp(variant, "best_only") == 0;
    size_t n;
    electra_text *texts = list_texts(p, list, pairs ? 0 : -1, &n);
    electra_text *second = pairs ? list_texts(p, list, 1, &n) : NULL;
    electra_classification *found = calloc(n + 1, sizeof *found);
    electra_classify_options options = electra_classify_options_default();
    options.function = function_of(variant);
    options.top_k = best_only ? 1 : 0;
    electra_error err = {0};
    if (golden_ok(p->c, electra_session_classify(a->session, texts, second, n, &options, found, &err), &err)) {
        for (size_t i = 0; i < n; i++) {
            char where[96];
            (void)snprintf(where, sizeof where, "%s %s[%zu]", variant, list, i);
            const json_t *item = json_array_get(expected, i);
            json_t *bare = json_is_array(item) ? NULL : json_pack("[O]", item);
            compare_classes(p, where, &found[i], bare ? bare : item);
            json_decref(bare);
        }
    }
    free(texts);
    free(second);
    free(found);
}

static void compare_classifier(pipeline *p, const char *model)
{
    char name[96];
    (void)snprintf(name, sizeof name, "text-classification-%s.json", model);
    if (!has(p, name)) {
        return;
    }
    json_t *file = load(p, name);
    asked a = ask(p, model, false);
    const char *variant;
    json_t *lists;
    json_object_foreach(file, variant, lists)
    {
        const char *list;
        json_t *expected;
        if (!a.session) {
            break;
        }
        if (json_is_array(lists)) {
            classify(p, &a, variant, "texts", lists);
        }
        json_object_foreach(lists, list, expected)
        {
            classify(p, &a, variant, list, expected);
        }
    }
    done(&a);
    json_decref(file);
}

/* ---- classes of words -------------------------------------------------------------------------------------------- */

static void compare_entities(pipeline *p, const char *where, const electra_tagging *found, const json_t *expected,
                             bool tokens)
{
    if (json_array_size(expected) != found->n) {
        golden_problem(p->c, "%s %s: %zu entities, but %zu are expected", p->file, where, found->n,
                       json_array_size(expected));
        return;
    }
    for (size_t k = 0; k < found->n; k++) {
        const electra_entity *e = &found->entities[k];
        const json_t *item = json_array_get(expected, k);
        same_string(p, where, e->label, json_object_get(item, tokens ? "entity" : "entity_group"));
        same_score(p, where, (double)e->score, json_object_get(item, "score"));
        same_text(p, where, e->word, json_object_get(item, "word"));
        same_number(p, where, e->span.start, json_object_get(item, "start"));
        same_number(p, where, e->span.end, json_object_get(item, "end"));
        if (tokens) {
            same_number(p, where, e->index, json_object_get(item, "index"));
        }
    }
}

/* "average_stride_8" -> options. */
static electra_tag_options tag_options(const char *variant)
{
    static const char *const NAMES[] = {"none", "simple", "first", "average", "max"};
    static const char *const NOTHING[] = {""};
    electra_tag_options options = electra_tag_options_default();
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strncmp(variant, NAMES[i], strlen(NAMES[i])) == 0) {
            options.aggregation = (electra_aggregation)i;
        }
    }
    const char *stride = strstr(variant, "_stride_");
    options.stride = stride ? (size_t)atoi(stride + strlen("_stride_")) : 0;
    if (strstr(variant, "_all_labels")) {
        options.ignored_labels = NOTHING;
        options.n_ignored = 0;
    }
    return options;
}

/* The longest of the texts: the one that is asked with windows. */
static size_t longest(const electra_text *texts, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = texts[i].bytes > texts[best].bytes ? i : best;
    }
    return best;
}

static void tag(pipeline *p, const char *variant, const json_t *expected)
{
    const electra_tag_options options = tag_options(variant);
    asked a = ask(p, "tags", !options.stride);
    size_t n_texts;
    electra_text *texts = list_texts(p, "texts", -1, &n_texts);
    const size_t first = options.stride ? longest(texts, n_texts) : 0;
    const size_t n = json_array_size(expected);
    electra_tagging *found = calloc(n + 1, sizeof *found);
    electra_error err = {0};
    if (a.session && first + n <= n_texts &&
        golden_ok(p->c, electra_session_tag(a.session, texts + first, n, &options, found, &err), &err)) {
        for (size_t i = 0; i < n; i++) {
            char where[96];
            (void)snprintf(where, sizeof where, "%s [%zu]", variant, i);
            compare_entities(p, where, &found[i], json_array_get(expected, i), options.aggregation == ELECTRA_TOKENS);
        }
    }
    free(found);
    free(texts);
    done(&a);
}

static void compare_tagger(pipeline *p)
{
    if (!has(p, "token-classification.json")) {
        return;
    }
    json_t *file = load(p, "token-classification.json");
    const char *variant;
    json_t *expected;
    json_object_foreach(file, variant, expected)
    {
        tag(p, variant, expected);
    }
    json_decref(file);
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static electra_answer_options answer_options(const json_t *settings)
{
    electra_answer_options o = electra_answer_options_default();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)settings, name, value)
    {
        const size_t number = (size_t)json_integer_value(value);
        o.top_k = strcmp(name, "top_k") == 0 ? number : o.top_k;
        o.max_answer = strcmp(name, "max_answer_len") == 0 ? number : o.max_answer;
        o.max_length = strcmp(name, "max_seq_len") == 0 ? number : o.max_length;
        o.stride = strcmp(name, "doc_stride") == 0 ? number : o.stride;
        o.allow_none = strcmp(name, "handle_impossible_answer") == 0 ? json_is_true(value) : o.allow_none;
        o.align_to_words = strcmp(name, "align_to_words") == 0 ? json_is_true(value) : o.align_to_words;
    }
    return o;
}

static void compare_answers(pipeline *p, const char *where, const electra_answers *found, const json_t *row)
{
    const json_t *expected = json_object_get(row, "result");
    const size_t n = json_is_array(expected) ? json_array_size(expected) : 1;
    same_number(p, where, found->windows, json_object_get(row, "windows"));
    if (found->n != n) {
        golden_problem(p->c, "%s %s: %zu answers, but %zu are expected", p->file, where, found->n, n);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const json_t *item = json_is_array(expected) ? json_array_get(expected, k) : expected;
        same_text(p, where, found->answers[k].text, json_object_get(item, "answer"));
        same_number(p, where, found->answers[k].span.start, json_object_get(item, "start"));
        same_number(p, where, found->answers[k].span.end, json_object_get(item, "end"));
        same_score(p, where, (double)found->answers[k].score, json_object_get(item, "score"));
    }
}

static void compare_questions(pipeline *p)
{
    if (!has(p, "question-answering.json")) {
        return;
    }
    json_t *rows = load(p, "question-answering.json");
    asked a = ask(p, "qa", false);
    for (size_t i = 0; a.session && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *pair = json_array_get(json_object_get(p->texts, "questions"),
                                            (size_t)json_integer_value(json_object_get(row, "question")));
        const electra_question question = {text_of(json_array_get(pair, 0)), text_of(json_array_get(pair, 1))};
        const electra_answer_options options = answer_options(json_object_get(row, "settings"));
        electra_answers found;
        electra_error err = {0};
        char where[64];
        (void)snprintf(where, sizeof where, "[%zu]", i);
        if (golden_ok(p->c, electra_session_answer(a.session, &question, 1, &options, &found, &err), &err)) {
            compare_answers(p, where, &found, row);
        }
    }
    done(&a);
    json_decref(rows);
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static void compare_blank(pipeline *p, asked *a, const char *where, const electra_filling *f, size_t blank,
                          const json_t *expected)
{
    if (f->blanks[blank].n != json_array_size(expected)) {
        golden_problem(p->c, "%s %s: %zu candidates, but %zu are expected", p->file, where, f->blanks[blank].n,
                       json_array_size(expected));
        return;
    }
    for (size_t k = 0; k < f->blanks[blank].n; k++) {
        const electra_candidate *found = &f->blanks[blank].candidates[k];
        const json_t *item = json_array_get(expected, k);
        char *sequence = NULL;
        char *word = NULL;
        electra_error err = {0};
        same_number(p, where, found->id, json_object_get(item, "token"));
        same_score(p, where, (double)found->score, json_object_get(item, "score"));
        if (golden_ok(p->c, electra_session_filled_text(a->session, f, blank, k, &sequence, &err), &err) &&
            golden_ok(
                p->c,
                electra_tokenizer_decode(electra_model_tokenizer(a->model), &found->id, 1, false, &word, NULL, &err),
                &err)) {
            same_string(p, where, sequence, json_object_get(item, "sequence"));
            same_string(p, where, word, json_object_get(item, "token_str"));
        }
        electra_text_free(sequence);
        electra_text_free(word);
    }
}

static void compare_fillings(pipeline *p, asked *a, const char *variant, const electra_fill_options *options,
                             const json_t *expected)
{
    size_t n_texts;
    electra_text *texts = list_texts(p, "masked", -1, &n_texts);
    const size_t n = json_array_size(expected);
    electra_filling *found = calloc(n + 1, sizeof *found);
    electra_error err = {0};
    if (n <= n_texts && golden_ok(p->c, electra_session_fill(a->session, texts, n, options, found, &err), &err)) {
        for (size_t i = 0; i < n; i++) {
            const json_t *item = json_array_get(expected, i);
            const bool several = json_is_array(json_array_get(item, 0));
            char where[64];
            (void)snprintf(where, sizeof where, "%s [%zu]", variant, i);
            if (found[i].n != (several ? json_array_size(item) : 1)) {
                golden_problem(p->c, "%s %s: %zu masks", p->file, where, found[i].n);
                continue;
            }
            for (size_t b = 0; b < found[i].n; b++) {
                compare_blank(p, a, where, &found[i], b, several ? json_array_get(item, b) : item);
            }
        }
    }
    free(found);
    free(texts);
}

static void compare_masks(pipeline *p)
{
    enum { MOST_TARGETS = 64 };
    if (!has(p, "fill-mask.json")) {
        return;
    }
    json_t *file = load(p, "fill-mask.json");
    asked a = ask(p, "generator", true);
    const json_t *names = json_object_get(p->texts, "targets");
    uint32_t targets[MOST_TARGETS];
    electra_fill_options options = electra_fill_options_default();
    if (a.session) {
        compare_fillings(p, &a, "top_5", &options, json_object_get(file, "top_5"));
    }
    options.targets = targets;
    options.n_targets = json_array_size(names);
    bool fine = a.session && options.n_targets <= MOST_TARGETS;
    for (size_t i = 0; fine && i < options.n_targets; i++) {
        electra_error err = {0};
        bool whole;
        fine = golden_ok(
            p->c,
            electra_session_target(a.session, json_string_value(json_array_get(names, i)), &targets[i], &whole, &err),
            &err);
    }
    if (fine) {
        compare_fillings(p, &a, "targets", &options, json_object_get(file, "targets"));
    }
    done(&a);
    json_decref(file);
}

/* ---- replaced tokens, vectors ------------------------------------------------------------------------------------ */

static void compare_detection(pipeline *p, const char *where, const electra_detection *found, const json_t *expected)
{
    const json_t *tokens = json_object_get(expected, "tokens");
    if (found->n + 2 != json_array_size(tokens)) { /* [CLS] and [SEP] are left out here */
        golden_problem(p->c, "%s %s: %zu tokens", p->file, where, found->n);
        return;
    }
    for (size_t t = 0; t < found->n; t++) {
        same_string(p, where, found->tokens[t].token, json_array_get(tokens, t + 1));
        same_offsets(p, where, found->tokens[t].span, json_array_get(json_object_get(expected, "offsets"), t + 1));
        same_score(p, where, (double)found->tokens[t].score,
                   json_array_get(json_object_get(expected, "probability"), t + 1));
    }
}

static void compare_replaced(pipeline *p, asked *a)
{
    json_t *file = load(p, "replaced-tokens.json");
    size_t n;
    electra_text *texts = list_texts(p, "texts", -1, &n);
    electra_detection *found = calloc(n + 1, sizeof *found);
    electra_error err = {0};
    if (golden_ok(p->c, electra_session_detect(a->session, texts, n, found, &err), &err)) {
        for (size_t i = 0; i < n; i++) {
            char where[64];
            (void)snprintf(where, sizeof where, "[%zu]", i);
            compare_detection(p, where, &found[i], json_array_get(file, i));
        }
    }
    free(found);
    free(texts);
    json_decref(file);
}

static void compare_vectors(pipeline *p, asked *a)
{
    size_t n;
    electra_text *texts = list_texts(p, "texts", -1, &n);
    electra_embedding *found = calloc(n + 1, sizeof *found);
    electra_embed_options options = electra_embed_options_default();
    electra_error err = {0};
    static const char *const NAMES[] = {"sentence.mean", "sentence.cls"};
    for (int pooling = ELECTRA_POOLING_MEAN; pooling <= ELECTRA_POOLING_NONE; pooling++) {
        options.pooling = (electra_pooling)pooling;
        if (!golden_ok(p->c, electra_session_embed(a->session, texts, n, &options, found, &err), &err)) {
            break;
        }
        if (pooling != ELECTRA_POOLING_NONE) { /* one vector a text, one behind the other */
            golden_compare(p->c, NAMES[pooling], found[0].values, n * found[0].width);
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            char name[64];
            (void)snprintf(name, sizeof name, "features.%zu", i);
            golden_compare(p->c, name, found[i].values, found[i].rows * found[i].width);
        }
    }
    free(found);
    free(texts);
}

void golden_run_pipeline(golden_case *c, el_pool *pool)
{
    (void)pool; /* each session has its own threads */
    pipeline p = {.c = c};
    p.texts = load(&p, "texts.json");
    if (!p.texts) {
        return;
    }
    compare_tokens(&p);
    static const char *const CLASSIFIERS[] = {"classify", "multilabel", "regress", "single"};
    for (size_t i = 0; i < sizeof CLASSIFIERS / sizeof *CLASSIFIERS; i++) {
        compare_classifier(&p, CLASSIFIERS[i]);
    }
    compare_tagger(&p);
    compare_questions(&p);
    compare_masks(&p);
    asked a = ask(&p, "discriminator", true);
    if (a.session) {
        compare_replaced(&p, &a);
        compare_vectors(&p, &a);
    }
    done(&a);
    json_decref(p.texts);
}
