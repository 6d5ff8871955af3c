/* Loaded models and sessions: answers of small random networks that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/infer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "interop/model_dir.h"
#include "support/alloc.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s",
                                     "sat",   ".",     "on",    "mat",   "dog",    "a",   "ran", "##ning"};
enum { V = sizeof TOKENS / sizeof *TOKENS, POSITIONS = 16 };

/* Wide initial weights, so that answers differ from one another. */
static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = 8,
                                       .hidden_size = 12,
                                       .n_layers = 2,
                                       .n_heads = 3,
                                       .intermediate_size = 20,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = POSITIONS,
                                       .n_types = 2,
                                       .initializer_range = 0.7,
                                       .layer_norm_eps = 1e-12};

static char top[] = "/tmp/electra-infer-XXXXXX";
static char discriminator[64];
static char generator[64];
static char bare[64]; /* a discriminator without tokenizer */

static int write_model(const char *folder, el_head head, const char *const *tokens, size_t n)
{
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    electra_tokenizer *tokenizer = NULL;
    int failed = el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL) ||
                 el_params_build_single(&params, &network, &CONFIG, &(el_head_config){.kind = head}, NULL) ||
                 (tokens && electra_tokenizer_create(&tokenizer, tokens, n, NULL, NULL));
    el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    failed = failed || el_params_initialise(&params, be, w.data, 11, NULL) ||
             el_model_dir_write(folder, &network, NULL, w, tokenizer, NULL);
    be->ops->free(be, w.data);
    el_params_clear(&params);
    el_backend_free(be);
    electra_tokenizer_free(tokenizer);
    return failed;
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(top)) {
        return -1;
    }
    (void)snprintf(discriminator, sizeof discriminator, "%s/d", top);
    (void)snprintf(generator, sizeof generator, "%s/g", top);
    (void)snprintf(bare, sizeof bare, "%s/bare", top);
    return write_model(discriminator, EL_HEAD_DISCRIMINATOR, TOKENS, V) |
           write_model(generator, EL_HEAD_MASKED_LM, TOKENS, V) | write_model(bare, EL_HEAD_DISCRIMINATOR, NULL, 0);
}

static int tear_down(void **state)
{
    (void)state;
    return (int)el_remove_tree(top, NULL);
}

/* A model with a session, batches of a few tokens so that they have to be cut. */
typedef struct asked {
    electra_model *model;
    electra_session *session;
} asked;

static asked ask(const char *folder, int threads, size_t batch_tokens, size_t max_length)
{
    asked a = {0};
    electra_error err = {0};
    if (electra_model_load(&a.model, folder, NULL, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    electra_session_options options = electra_session_options_default();
    options.runtime.threads = threads;
    options.batch_tokens = batch_tokens;
    options.max_length = max_length;
    if (electra_session_create(&a.session, a.model, &options, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    return a;
}

static void done(asked *a)
{
    electra_session_free(a->session);
    electra_model_free(a->model);
}

static electra_text text_of(const char *text)
{
    return (electra_text){text, strlen(text)};
}

/* ---- models ---------------------------------------------------------------------------------------------------- */

static void models_are_described(void **state)
{
    (void)state;
    electra_model *model;
    assert_int_equal(electra_model_load(&model, discriminator, NULL, NULL), ELECTRA_OK);
    const electra_model_info info = electra_model_describe(model);
    assert_int_equal(info.kind, ELECTRA_MODEL_DISCRIMINATOR);
    assert_string_equal(electra_model_kind_name(info.kind), "discriminator");
    assert_int_equal(info.embedding_parameters, (V + POSITIONS + 2 + 2) * 8);
    assert_int_equal(info.layer_parameters, 12 * 8 + 12 + 2 * (4 * (144 + 12) + 2 * 240 + 20 + 12 + 4 * 12));
    assert_int_equal(info.head_parameters, 144 + 12 + 12 + 1);
    assert_int_equal(info.parameters, info.embedding_parameters + info.layer_parameters + info.head_parameters);
    assert_int_equal(info.flops_length, POSITIONS);
    assert_int_equal(electra_tokenizer_size(electra_model_tokenizer(model)), V);
    electra_model_free(model);
    electra_model_free(NULL);
}

/* The published sizes have the published numbers of parameters and operations (formats.md 1.2, electra.md 10.2). */
static void published_sizes_have_published_numbers(void **state)
{
    (void)state;
    const struct {
        const char *size;
        size_t discriminator;
        double forward; /* of a sequence of 128 */
    } sizes[] = {{"small", 13549057, 3.677e9}, {"base", 109483009, 2.862e10}, {"large", 335142913, 8.747e10}};
    for (size_t i = 0; i < 3; i++) {
        electra_pair_info info;
        assert_int_equal(electra_size_describe(&info, sizes[i].size, 0, 1, 128, NULL), ELECTRA_OK);
        assert_int_equal(info.discriminator.parameters, sizes[i].discriminator);
        const double forward = 128 * info.discriminator.forward_flops;
        assert_true(fabs(forward / sizes[i].forward - 1) < 2e-4);
        assert_true(info.parameter_bytes >= 16 * info.parameters);
        assert_true(info.activation_bytes > 0);
    }
    electra_pair_info info;
    assert_int_equal(electra_size_describe(&info, "base", 0, 0, 0, NULL), ELECTRA_OK);
    /* the whole published training of Base: 6.425e19, both networks, 256 sequences of 512, 766,000 steps */
    assert_true(fabs(info.training_flops * 256 * 512 * 766e3 / 6.425e19 - 1) < 2e-3);
    electra_error err;
    assert_int_equal(electra_size_describe(&info, "huge", 0, 0, 0, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_size_describe(&info, "small", 0, 0, 513, &err), ELECTRA_MISUSE);
}

static void models_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    electra_error err;
    electra_model *model;
    assert_int_equal(electra_model_load(&model, "/nowhere", NULL, &err), ELECTRA_INVALID);
    assert_int_equal(electra_model_load(&model, NULL, NULL, &err), ELECTRA_MISUSE);
    char folder[80];
    (void)snprintf(folder, sizeof folder, "%s/large-vocabulary", top);
    const char *more[V + 1];
    memcpy(more, TOKENS, sizeof TOKENS);
    more[V] = "more";
    assert_int_equal(write_model(folder, EL_HEAD_MASKED_LM, more, V + 1), 0);
    assert_int_equal(electra_model_load(&model, folder, NULL, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "the vocabulary has 17 tokens, but the model knows only 16"));
    assert_null(model);
    assert_int_equal(electra_model_load(&model, bare, NULL, &err), ELECTRA_OK);
    assert_null(electra_model_tokenizer(model));
    electra_session *session;
    assert_int_equal(electra_session_create(&session, model, NULL, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "holds no tokenizer"));
    electra_model_free(model);
}

/* ---- detect ---------------------------------------------------------------------------------------------------- */

static const char *const LINES[] = {"the cats sat on a mat.", "",   "The DOG ran",
                                    "a running cat",          "  ", "the cat sat on the mat. a dog sat on the cat.",
                                    "\xff zzz \xc3\xa9",      "mat"};
enum { N_LINES = sizeof LINES / sizeof *LINES };

static void tokens_come_with_places_and_probabilities(void **state)
{
    (void)state;
    asked a = ask(discriminator, 1, 0, 0);
    const electra_text text = text_of("The cats\xc3\xa9 sat.");
    electra_detection found;
    assert_int_equal(electra_session_detect(a.session, &text, 1, &found, NULL), ELECTRA_OK);
    const struct {
        const char *token;
        uint32_t start, end;
    } expected[] = {{"the", 0, 3}, {"[UNK]", 4, 9}, {"sat", 10, 13}, {".", 13, 14}};
    assert_int_equal(found.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(found.tokens[i].token, expected[i].token);
        assert_int_equal(found.tokens[i].span.start, expected[i].start);
        assert_int_equal(found.tokens[i].span.end, expected[i].end);
        assert_true(found.tokens[i].score > 0 && found.tokens[i].score < 1);
    }
    done(&a);
}

static void copy_scores(float *to, const electra_detection *found)
{
    for (size_t i = 0; i < found->n; i++) {
        to[i] = found->tokens[i].score;
    }
}

static void answers_do_not_depend_on_company_or_threads(void **state)
{
    (void)state;
    electra_text texts[N_LINES];
    for (size_t i = 0; i < N_LINES; i++) {
        texts[i] = text_of(LINES[i]);
    }
    asked alone = ask(discriminator, 1, 1, 0);
    asked together = ask(discriminator, 2, 64, 0);
    electra_detection all[N_LINES];
    assert_int_equal(electra_session_detect(together.session, texts, N_LINES, all, NULL), ELECTRA_OK);
    for (size_t i = 0; i < N_LINES; i++) {
        electra_detection one;
        assert_int_equal(electra_session_detect(alone.session, &texts[i], 1, &one, NULL), ELECTRA_OK);
        assert_int_equal(one.n, all[i].n);
        for (size_t t = 0; t < one.n; t++) {
            assert_int_equal(one.tokens[t].id, all[i].tokens[t].id);
            assert_true(fabsf(one.tokens[t].score - all[i].tokens[t].score) < 1e-6F);
        }
    }
    assert_int_equal(all[1].n, 0);
    assert_int_equal(all[4].n, 0);
    /* the same question again gives the same bits */
    float first[64];
    copy_scores(first, &all[5]);
    assert_int_equal(electra_session_detect(together.session, texts, N_LINES, all, NULL), ELECTRA_OK);
    float second[64];
    copy_scores(second, &all[5]);
    assert_memory_equal(first, second, all[5].n * sizeof *first);
    done(&alone);
    done(&together);
}

static const char *const WORDS[] = {"the", "cat", "sat", "on", "a", "mat", ".", "dog"};

/* Words first ... first+n-1 of an endless text, one token each. */
static char *words(size_t first, size_t n)
{
    char *text = calloc(n + 1, 5);
    assert_non_null(text);
    size_t used = 0;
    for (size_t i = first; i < first + n; i++) {
        used += (size_t)sprintf(text + used, "%s ", WORDS[(i * i + i / 3) % 8]);
    }
    return text;
}

/* What a token's score should be: that of the window in which it stands farthest from the edges (of two such windows
 * either). */
typedef struct expectation {
    size_t depth;
    float score, other;
} expectation;

static void expect_from_window(electra_session *session, expectation *expected, size_t begin, size_t n)
{
    char *part = words(begin, n);
    const electra_text window = text_of(part);
    electra_detection found;
    assert_int_equal(electra_session_detect(session, &window, 1, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.n, n);
    for (size_t i = 0; i < n; i++) {
        expectation *e = &expected[begin + i];
        const size_t depth = 1 + (i < n - 1 - i ? i : n - 1 - i);
        const float score = found.tokens[i].score;
        if (depth >= e->depth) {
            e->score = depth > e->depth ? score : e->score;
            e->other = score;
            e->depth = depth;
        }
    }
    free(part);
}

static void long_texts_are_covered_by_windows(void **state)
{
    (void)state;
    asked a = ask(discriminator, 1, 40, 0);
    enum { ROOM = POSITIONS - 2, STEP = ROOM / 2 };
    const size_t lengths[] = {ROOM, ROOM + 1, ROOM + 2, 2 * ROOM - 1, 3 * ROOM + 5, 1000};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        const size_t n = lengths[k];
        expectation *expected = calloc(n, sizeof *expected);
        assert_non_null(expected);
        for (size_t begin = 0;; begin = begin + STEP < n - ROOM ? begin + STEP : n - ROOM) {
            expect_from_window(a.session, expected, begin, ROOM);
            if (begin + ROOM >= n) {
                break;
            }
        }
        char *whole = words(0, n);
        const electra_text text = text_of(whole);
        electra_detection found;
        assert_int_equal(electra_session_detect(a.session, &text, 1, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.n, n);
        for (size_t i = 0; i < n; i++) {
            const float score = found.tokens[i].score;
            if (fabsf(score - expected[i].score) > 1e-6F && fabsf(score - expected[i].other) > 1e-6F) {
                fail_msg("token %zu of %zu has %g, not %g or %g", i, n, (double)score, (double)expected[i].score,
                         (double)expected[i].other);
            }
        }
        free(whole);
        free(expected);
    }
    done(&a);
}

static void warm_requests_allocate_nothing(void **state)
{
    (void)state;
    asked a = ask(discriminator, 2, 64, 0);
    electra_text texts[N_LINES];
    electra_detection found[N_LINES];
    for (size_t i = 0; i < N_LINES; i++) {
        texts[i] = text_of(LINES[i]);
    }
    for (int i = 0; i < 10; i++) { /* the first few bring about packed weights */
        assert_int_equal(electra_session_detect(a.session, texts, N_LINES, found, NULL), ELECTRA_OK);
    }
    const unsigned long before = test_allocations();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(electra_session_detect(a.session, texts, N_LINES, found, NULL), ELECTRA_OK);
    }
    assert_int_equal(test_allocations(), before);
    done(&a);
}

/* ---- fill ------------------------------------------------------------------------------------------------------ */

static const electra_fill_options *best(size_t top_k)
{
    static electra_fill_options options;
    options = electra_fill_options_default();
    options.top_k = top_k;
    return &options;
}

static void candidates_are_ranked_probabilities(void **state)
{
    (void)state;
    asked a = ask(generator, 1, 0, 0);
    const electra_text text = text_of("the [MASK] sat on [MASK].");
    electra_filling filling;
    assert_int_equal(electra_session_fill(a.session, &text, 1, best(1000), &filling, NULL), ELECTRA_OK);
    assert_int_equal(filling.n, 2);
    assert_int_equal(filling.n_ids, 8);
    float best[2][5];
    for (size_t b = 0; b < 2; b++) {
        const electra_blank *blank = &filling.blanks[b];
        assert_int_equal(blank->index, b == 0 ? 2 : 5);
        assert_int_equal(blank->span.start, b == 0 ? 4 : 18);
        assert_int_equal(blank->span.end, b == 0 ? 10 : 24);
        assert_int_equal(blank->n, V);
        double sum = 0;
        bool seen[V] = {false};
        for (size_t i = 0; i < blank->n; i++) {
            const electra_candidate *c = &blank->candidates[i];
            sum += (double)c->score;
            assert_true(i == 0 || c->score <= blank->candidates[i - 1].score);
            assert_string_equal(c->token, TOKENS[c->id]);
            assert_false(seen[c->id]);
            seen[c->id] = true;
            if (i < 5) {
                best[b][i] = c->score;
            }
        }
        assert_true(fabs(sum - 1) < 1e-6);
        assert_true(blank->candidates[0].score > 1.5F / V);
    }
    char *filled;
    assert_int_equal(electra_session_filled_text(a.session, &filling, 0, 0, &filled, NULL), ELECTRA_OK);
    assert_non_null(strstr(filled, "[MASK]")); /* the other one */
    electra_text_free(filled);
    assert_int_equal(electra_session_filled_text(a.session, &filling, 2, 0, &filled, NULL), ELECTRA_MISUSE);
    assert_int_equal(electra_session_fill(a.session, &text, 1, NULL, &filling, NULL), ELECTRA_OK);
    for (size_t b = 0; b < 2; b++) {
        assert_int_equal(filling.blanks[b].n, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_memory_equal(&filling.blanks[b].candidates[i].score, &best[b][i], sizeof(float));
        }
    }
    done(&a);
}

/* More masks than are computed at once, in texts that fit and in one that does not. */
static void any_number_of_masks_is_filled(void **state)
{
    (void)state;
    asked a = ask(generator, 2, 0, 0);
    enum { N = 100 };
    char many[7 * N + 1] = "";
    electra_text texts[N + 2];
    for (size_t i = 0; i < N; i++) {
        (void)memcpy(many + 6 * i, "[MASK]", 7);
        texts[i] = text_of(i % 3 ? "the [MASK] sat" : "a dog");
    }
    texts[N] = text_of(many);
    texts[N + 1] = text_of("[MASK] the cat sat on the mat the cat sat on the mat the cat sat on the mat the [MASK]");
    electra_filling fillings[N + 2];
    assert_int_equal(electra_session_fill(a.session, texts, N + 2, best(3), fillings, NULL), ELECTRA_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(fillings[i].n, i % 3 ? 1 : 0);
        if (i % 3) {
            assert_int_equal(fillings[i].blanks[0].candidates[0].id, fillings[1].blanks[0].candidates[0].id);
            assert_true(fabsf(fillings[i].blanks[0].candidates[0].score - fillings[1].blanks[0].candidates[0].score) <
                        1e-6F);
        }
    }
    assert_int_equal(fillings[N].n, N);
    assert_true(fillings[N].blanks[N - 1].candidates[0].score > 0);
    assert_int_equal(fillings[N + 1].n, 2);
    /* the last mask is seen with the words before it */
    const electra_text tail = text_of(&"on the mat the cat sat on the mat the cat sat on the mat the [MASK]"[11]);
    const float in_long_text = fillings[N + 1].blanks[1].candidates[0].score;
    electra_filling near;
    assert_int_equal(electra_session_fill(a.session, &tail, 1, best(3), &near, NULL), ELECTRA_OK);
    assert_int_equal(near.n_ids, POSITIONS);
    assert_true(fabsf(near.blanks[0].candidates[0].score - in_long_text) < 1e-6F);
    done(&a);
}

/* ---- misuse, memory -------------------------------------------------------------------------------------------- */

static void the_wrong_kind_of_model_says_what_to_use(void **state)
{
    (void)state;
    asked d = ask(discriminator, 1, 0, 0);
    asked g = ask(generator, 1, 0, 0);
    const electra_text text = text_of("the [MASK]");
    electra_filling filling;
    electra_detection found;
    electra_error err;
    assert_int_equal(electra_session_fill(d.session, &text, 1, NULL, &filling, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "is a discriminator; filling [MASK] needs a generator"));
    assert_int_equal(electra_session_detect(g.session, &text, 1, &found, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "is a generator; finding replaced tokens needs a discriminator"));
    assert_int_equal(electra_session_fill(g.session, &text, 1, best(0), &filling, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_session_fill(NULL, &text, 1, NULL, &filling, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_session_detect(d.session, NULL, 1, &found, &err), ELECTRA_MISUSE);
    electra_session_options options = electra_session_options_default();
    options.max_length = 7;
    electra_session *session;
    assert_int_equal(electra_session_create(&session, d.model, &options, &err), ELECTRA_MISUSE);
    done(&d);
    done(&g);
}

static electra_status whole_job(const char *folder, electra_error *err)
{
    electra_model *model = NULL;
    electra_session *session = NULL;
    electra_session_options options = electra_session_options_default();
    options.runtime.threads = 1;
    const electra_text text = text_of("the [MASK] sat on the mat the cats sat on the mat . a dog ran");
    electra_status status = electra_model_load(&model, folder, NULL, err);
    if (status == ELECTRA_OK) {
        status = electra_session_create(&session, model, &options, err);
    }
    if (status == ELECTRA_OK && electra_model_kind_of(model) == ELECTRA_MODEL_GENERATOR) {
        electra_filling filling;
        status = electra_session_fill(session, &text, 1, NULL, &filling, err);
    } else if (status == ELECTRA_OK) {
        electra_detection found;
        status = electra_session_detect(session, &text, 1, &found, err);
    }
    electra_session_free(session);
    electra_model_free(model);
    return status;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    const char *folders[] = {discriminator, generator};
    for (size_t f = 0; f < 2; f++) {
        size_t failures = 0;
        for (unsigned long n = 1;; n++) {
            const unsigned long before = test_allocations();
            test_fail_allocation(n);
            electra_error err = {0};
            const electra_status status = whole_job(folders[f], &err);
            test_fail_allocation(0);
            if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE) {
                fail_msg("allocation %lu: %s", n, err.message);
            }
            failures += status == ELECTRA_NO_RESOURCE;
            if (status == ELECTRA_OK && test_allocations() - before < n) {
                break; /* n lies beyond the last allocation */
            }
        }
        assert_true(failures > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_described),
        cmocka_unit_test(published_sizes_have_published_numbers),
        cmocka_unit_test(models_that_do_not_fit_are_refused),
        cmocka_unit_test(tokens_come_with_places_and_probabilities),
        cmocka_unit_test(answers_do_not_depend_on_company_or_threads),
        cmocka_unit_test(long_texts_are_covered_by_windows),
        cmocka_unit_test(warm_requests_allocate_nothing),
        cmocka_unit_test(candidates_are_ranked_probabilities),
        cmocka_unit_test(any_number_of_masks_is_filled),
        cmocka_unit_test(the_wrong_kind_of_model_says_what_to_use),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
