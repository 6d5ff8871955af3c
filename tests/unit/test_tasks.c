/* Sessions on models of all kinds: order, company, long and empty texts, warm calls, wrong models, failing memory.
 * Small random networks that are made here; what their numbers should be is the business of tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/infer.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "interop/model.h"
#include "interop/model_dir.h"
#include "model/predict.h"
#include "support/alloc.h"
#include "tasks/qa_decode.h"
#include "text/utf8.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s",
                                     "sat",   ".",     "on",    "mat",   "dog",    "a",   "ran", "##ning"};
enum { V = sizeof TOKENS / sizeof *TOKENS, POSITIONS = 16, WIDTH = 12 };

/* Wide initial weights, so that answers differ from one another. */
static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = 8,
                                       .hidden_size = WIDTH,
                                       .n_layers = 2,
                                       .n_heads = 3,
                                       .intermediate_size = 20,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = POSITIONS,
                                       .n_types = 2,
                                       .initializer_range = 0.7,
                                       .layer_norm_eps = 1e-12};

/* ---- models ------------------------------------------------------------------------------------------------------ */

enum { CLASSIFIER, REGRESSION, SEVERAL, TAGGER, SPANS, CHOICE, JOINT, MODELS };
static const struct {
    const char *name;
    el_head_config head;
    electra_problem problem;
} MADE[MODELS] = {
    [CLASSIFIER] = {"classifier", {.kind = EL_HEAD_CLASSIFIER, .n_labels = 3}, ELECTRA_PROBLEM_NONE},
    [REGRESSION] = {"regression", {.kind = EL_HEAD_CLASSIFIER, .n_labels = 1}, ELECTRA_PROBLEM_REGRESSION},
    [SEVERAL] = {"several", {.kind = EL_HEAD_CLASSIFIER, .n_labels = 3}, ELECTRA_PROBLEM_MULTI_LABEL},
    [TAGGER] = {"tagger", {.kind = EL_HEAD_TAGGER, .n_labels = 3}, ELECTRA_PROBLEM_NONE},
    [SPANS] = {"spans", {.kind = EL_HEAD_SPANS}, ELECTRA_PROBLEM_NONE},
    [CHOICE] = {"choice",
                {.kind = EL_HEAD_CHOICE, .summary_dense = true, .summary_activation = EL_ACT_GELU},
                ELECTRA_PROBLEM_NONE},
    [JOINT] = {"joint", {.kind = EL_HEAD_JOINT_QA, .inner = 18}, ELECTRA_PROBLEM_NONE},
};
static const char *const LABELS[] = {"O", "B-X", "I-X"};

static char top[] = "/tmp/electra-tasks-XXXXXX";
static char folders[MODELS][64];

static int write_model(int which)
{
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    electra_tokenizer *tokenizer = NULL;
    el_labels labels = {0};
    int failed = el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL) ||
                 el_params_build_single(&params, &network, &CONFIG, &MADE[which].head, NULL) ||
                 electra_tokenizer_create(&tokenizer, TOKENS, V, NULL, NULL);
    el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    const size_t n = MADE[which].head.n_labels;
    failed = failed || (n && el_labels_make(&labels, n == 3 ? LABELS : NULL, n, MADE[which].problem, NULL)) ||
             el_params_initialise(&params, be, w.data, 5, NULL) ||
             el_model_dir_write(folders[which], &network, n ? &labels : NULL, w, tokenizer, NULL);
    be->ops->free(be, w.data);
    el_params_clear(&params);
    el_backend_free(be);
    electra_tokenizer_free(tokenizer);
    el_labels_clear(&labels);
    return failed;
}

static int set_up(void **state)
{
    (void)state;
    int failed = mkdtemp(top) == NULL;
    for (int i = 0; i < MODELS && !failed; i++) {
        (void)snprintf(folders[i], sizeof folders[i], "%s/%s", top, MADE[i].name);
        failed = write_model(i);
    }
    return failed;
}

static int tear_down(void **state)
{
    (void)state;
    return (int)el_remove_tree(top, NULL);
}

typedef struct asked {
    electra_model *model;
    electra_session *session;
} asked;

static electra_status open_session(asked *a, int which, const electra_session_options *options, electra_error *err)
{
    *a = (asked){0};
    const electra_status status = electra_model_load(&a->model, folders[which], NULL, err);
    return status == ELECTRA_OK ? electra_session_create(&a->session, a->model, options, err) : status;
}

static asked ask(int which, int threads, size_t batch_tokens)
{
    electra_session_options options = electra_session_options_default();
    options.runtime.threads = threads;
    options.batch_tokens = batch_tokens;
    asked a;
    electra_error err = {0};
    if (open_session(&a, which, &options, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    return a;
}

static void done(asked *a)
{
    electra_session_free(a->session);
    electra_model_free(a->model);
}

/* ---- every task in one form -------------------------------------------------------------------------------------- */

static const char *const LINES[] = {
    "the cats sat on a mat.",
    "",
    "The DOG ran",
    "a running cat",
    "  ",
    "the cat sat on the mat. a dog sat on the cat. the dogs ran on the mat. the cat ran.",
    "\xff zzz \xc3\xa9",
    "mat"};
enum { N_LINES = sizeof LINES / sizeof *LINES, LONG_LINE = 5 };

static electra_text text_of(const char *text)
{
    return (electra_text){text, strlen(text)};
}

typedef enum job { CLASSIFY, CLASSIFY_PAIRS, REGRESS, TAG, ANSWER, ANSWER_JOINTLY, CHOOSE, EMBED, JOBS } job;
static const int MODEL_OF[JOBS] = {CLASSIFIER, CLASSIFIER, REGRESSION, TAGGER, SPANS, JOINT, CHOICE, SPANS};

/* All numbers of the answers to LINES[first ... first+n), each line's behind those of the one before. counts: [n]. */
typedef struct answers {
    float values[4096];
    size_t n, counts[N_LINES];
} answers;

static void put(answers *out, double value)
{
    assert_true(out->n < sizeof out->values / sizeof *out->values);
    out->values[out->n++] = (float)value;
}

typedef union all_found {
    electra_classification classes[N_LINES];
    electra_tagging entities[N_LINES];
    electra_answers answers[N_LINES];
    electra_chosen chosen[N_LINES];
    electra_embedding vectors[N_LINES];
} all_found;

static electra_status run(electra_session *s, job what, size_t first, size_t n, all_found *f, electra_error *err)
{
    static const electra_text CHOICES[] = {{"the cat", 7}, {"a dog ran.", 10}, {"", 0}};
    electra_text texts[N_LINES];
    electra_text seconds[N_LINES];
    electra_question questions[N_LINES];
    electra_choices prompts[N_LINES];
    for (size_t i = 0; i < n; i++) {
        texts[i] = text_of(LINES[first + i]);
        seconds[i] = text_of(LINES[(first + i + 3) % N_LINES]);
        questions[i] = (electra_question){text_of("the cat"), texts[i]};
        prompts[i] = (electra_choices){texts[i], CHOICES, 1 + (first + i) % 3};
    }
    electra_answer_options three = electra_answer_options_default();
    three.top_k = 3;
    static const char *const NOTHING[] = {NULL};
    electra_tag_options all_labels = electra_tag_options_default();
    all_labels.ignored_labels = NOTHING;
    switch (what) {
    case CLASSIFY:
    case REGRESS: return electra_session_classify(s, texts, NULL, n, NULL, f->classes, err);
    case CLASSIFY_PAIRS: return electra_session_classify(s, texts, seconds, n, NULL, f->classes, err);
    case TAG: return electra_session_tag(s, texts, n, &all_labels, f->entities, err);
    case ANSWER:
    case ANSWER_JOINTLY: return electra_session_answer(s, questions, n, &three, f->answers, err);
    case CHOOSE: return electra_session_choose(s, prompts, n, f->chosen, err);
    case EMBED: return electra_session_embed(s, texts, n, NULL, f->vectors, err);
    case JOBS: break;
    }
    return ELECTRA_FAILED;
}

static void put_line(answers *out, job what, const all_found *f, size_t i)
{
    switch (what) {
    case CLASSIFY:
    case REGRESS:
    case CLASSIFY_PAIRS:
        for (size_t k = 0; k < f->classes[i].n; k++) {
            put(out, (double)f->classes[i].labels[k].index);
            put(out, (double)f->classes[i].labels[k].score);
        }
        break;
    case TAG:
        for (size_t k = 0; k < f->entities[i].n; k++) {
            const electra_entity *e = &f->entities[i].entities[k];
            put(out, e->span.start);
            put(out, e->span.end);
            put(out, (double)e->score);
            put(out, (double)e->word.bytes);
        }
        break;
    case ANSWER:
    case ANSWER_JOINTLY:
        for (size_t k = 0; k < f->answers[i].n; k++) {
            put(out, f->answers[i].answers[k].span.start);
            put(out, f->answers[i].answers[k].span.end);
            put(out, (double)f->answers[i].answers[k].score);
        }
        break;
    case CHOOSE:
        for (size_t k = 0; k < f->chosen[i].n; k++) {
            put(out, (double)f->chosen[i].choices[k].index);
            put(out, (double)f->chosen[i].choices[k].score);
        }
        break;
    case EMBED:
        for (size_t k = 0; k < f->vectors[i].width; k++) {
            put(out, (double)f->vectors[i].values[k]);
        }
        break;
    case JOBS: break;
    }
}

static void ask_lines(electra_session *s, job what, size_t first, size_t n, answers *out)
{
    all_found f;
    electra_error err = {0};
    if (run(s, what, first, n, &f, &err) != ELECTRA_OK) {
        fail_msg("job %d: %s", (int)what, err.message);
    }
    for (size_t i = 0; i < n; i++) {
        const size_t before = out->n;
        put_line(out, what, &f, i);
        out->counts[first + i] = out->n - before;
    }
}

/* ---- tests of every task ----------------------------------------------------------------------------------------- */

static void answers_do_not_depend_on_company_or_threads(void **state)
{
    (void)state;
    for (job what = CLASSIFY; what < JOBS; what++) {
        static answers together, alone;
        together.n = alone.n = 0;
        asked a = ask(MODEL_OF[what], 2, 64);
        asked b = ask(MODEL_OF[what], 1, 1);
        ask_lines(a.session, what, 0, N_LINES, &together);
        for (size_t i = 0; i < N_LINES; i++) {
            ask_lines(b.session, what, i, 1, &alone);
        }
        assert_int_equal(together.n, alone.n);
        assert_memory_equal(together.counts, alone.counts, sizeof alone.counts);
        for (size_t i = 0; i < alone.n; i++) {
            if (!(fabsf(together.values[i] - alone.values[i]) < 1e-5F)) {
                fail_msg("job %d, number %zu: %g together, %g alone", (int)what, i, (double)together.values[i],
                         (double)alone.values[i]);
            }
        }
        assert_true(together.counts[LONG_LINE] > 0);
        done(&a);
        done(&b);
    }
}

static void warm_calls_allocate_nothing(void **state)
{
    (void)state;
    for (job what = CLASSIFY; what < JOBS; what++) {
        asked a = ask(MODEL_OF[what], 2, 64);
        all_found f;
        for (size_t i = 0; i < 10; i++) { /* the first few bring about packed weights */
            assert_int_equal(run(a.session, what, 0, N_LINES, &f, NULL), ELECTRA_OK);
        }
        const unsigned long before = test_allocations();
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(run(a.session, what, 0, N_LINES, &f, NULL), ELECTRA_OK);
            assert_int_equal(run(a.session, what, i, 2, &f, NULL), ELECTRA_OK);
        }
        if (test_allocations() != before) {
            fail_msg("job %d: %lu allocations in warm calls", (int)what, test_allocations() - before);
        }
        done(&a);
    }
}

static void another_kind_of_model_is_refused(void **state)
{
    (void)state;
    for (job what = CLASSIFY; what < EMBED; what++) {
        for (int model = 0; model < MODELS; model++) {
            const bool classifies = what <= REGRESS;
            const bool asks = what == ANSWER || what == ANSWER_JOINTLY;
            const bool fits = classifies ? model <= SEVERAL
                              : asks     ? model == SPANS || model == JOINT
                                         : model == MODEL_OF[what];
            asked a = ask(model, 1, 0);
            all_found f;
            electra_error err = {0};
            assert_int_equal(run(a.session, what, 0, 1, &f, &err), fits ? ELECTRA_OK : ELECTRA_MISUSE);
            assert_true(fits || strstr(err.message, "electra predict"));
            done(&a);
        }
        all_found f;
        assert_int_equal(run(NULL, what, 0, 1, &f, NULL), ELECTRA_MISUSE);
    }
}

static electra_status whole_job(job what, electra_error *err)
{
    electra_session_options options = electra_session_options_default();
    options.runtime.threads = 1;
    asked a;
    all_found f;
    electra_status status = open_session(&a, MODEL_OF[what], &options, err);
    if (status == ELECTRA_OK) {
        status = run(a.session, what, 0, N_LINES, &f, err);
    }
    done(&a);
    return status;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (job what = CLASSIFY; what < JOBS; what++) {
        size_t failures = 0;
        for (unsigned long n = 1;; n++) {
            const unsigned long before = test_allocations();
            test_fail_allocation(n);
            electra_error err = {0};
            const electra_status status = whole_job(what, &err);
            test_fail_allocation(0);
            if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE) {
                fail_msg("job %d, allocation %lu: %s", (int)what, n, err.message);
            }
            failures += status == ELECTRA_NO_RESOURCE;
            if (status == ELECTRA_OK && test_allocations() - before < n) {
                break; /* n lies beyond the last allocation */
            }
        }
        assert_true(failures > 20);
    }
}

/* ---- tests of one task ------------------------------------------------------------------------------------------- */

static void scores_are_what_was_asked_for(void **state)
{
    (void)state;
    const electra_text text = text_of("the cat sat");
    static const int WHICH[] = {CLASSIFIER, REGRESSION, SEVERAL};
    for (size_t m = 0; m < 3; m++) {
        asked a = ask(WHICH[m], 1, 0);
        electra_classify_options o = electra_classify_options_default();
        electra_classification found;
        o.function = ELECTRA_SCORES_NONE;
        assert_int_equal(electra_session_classify(a.session, &text, NULL, 1, &o, &found, NULL), ELECTRA_OK);
        double logits[3] = {0};
        double sum = 0;
        for (size_t i = 0; i < found.n; i++) {
            logits[found.labels[i].index] = (double)found.labels[i].score;
            sum += exp((double)found.labels[i].score);
        }
        const electra_score_function by_itself[] = {ELECTRA_SCORES_SOFTMAX, ELECTRA_SCORES_NONE,
                                                    ELECTRA_SCORES_SIGMOID};
        for (electra_score_function f = ELECTRA_SCORES_AUTO; f <= ELECTRA_SCORES_NONE; f++) {
            o.function = f;
            assert_int_equal(electra_session_classify(a.session, &text, NULL, 1, &o, &found, NULL), ELECTRA_OK);
            const electra_score_function used = f == ELECTRA_SCORES_AUTO ? by_itself[m] : f;
            for (size_t i = 0; i < found.n; i++) {
                const double x = logits[found.labels[i].index];
                const double expected = used == ELECTRA_SCORES_SOFTMAX   ? exp(x) / sum
                                        : used == ELECTRA_SCORES_SIGMOID ? 1 / (1 + exp(-x))
                                                                         : x;
                assert_true(fabs((double)found.labels[i].score - expected) < 1e-6);
                assert_true(i == 0 || found.labels[i].score <= found.labels[i - 1].score);
                assert_string_equal(found.labels[i].label, electra_model_label(a.model, found.labels[i].index));
            }
        }
        o.top_k = 1;
        assert_int_equal(electra_session_classify(a.session, &text, NULL, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.n, 1);
        o.function = ELECTRA_SCORES_NONE + 1;
        assert_int_equal(electra_session_classify(a.session, &text, NULL, 1, &o, &found, NULL), ELECTRA_MISUSE);
        done(&a);
    }
}

/* What is cut counts as if it had never been there. */
static void long_texts_to_classify_are_cut_and_counted(void **state)
{
    (void)state;
    asked a = ask(CLASSIFIER, 1, 0);
    electra_text texts[N_LINES];
    for (size_t i = 0; i < N_LINES; i++) {
        texts[i] = text_of(LINES[i]);
    }
    electra_classification found[N_LINES];
    assert_int_equal(electra_session_classify(a.session, texts, NULL, N_LINES, NULL, found, NULL), ELECTRA_OK);
    assert_int_equal(electra_session_truncated(a.session), 1);
    const float cut = found[LONG_LINE].labels[0].score;
    const electra_text beginning = text_of("the cat sat on the mat. a dog sat on the cat.");
    assert_int_equal(electra_session_classify(a.session, &beginning, NULL, 1, NULL, found, NULL), ELECTRA_OK);
    assert_int_equal(electra_session_truncated(a.session), 0); /* 14 tokens: as many as there is room for */
    assert_true(fabsf(found[0].labels[0].score - cut) < 1e-6F);
    assert_int_equal(electra_session_truncated(NULL), 0);
    done(&a);
}

/* Windows lie end to end: the mean is that of their means, each counting by its tokens. */
static void long_texts_are_embedded_whole(void **state)
{
    (void)state;
    asked a = ask(SPANS, 1, 0);
    static const char WHOLE[] = "the cat sat on the mat the cat sat on the mat the cat a dog ran";
    const electra_text parts[] = {text_of("the cat sat on the mat the cat sat on the mat the cat"),
                                  text_of("a dog ran")};
    for (electra_pooling pooling = ELECTRA_POOLING_MEAN; pooling <= ELECTRA_POOLING_CLS; pooling++) {
        electra_embed_options o = electra_embed_options_default();
        o.pooling = pooling;
        electra_embedding found[2];
        assert_int_equal(electra_session_embed(a.session, parts, 2, &o, found, NULL), ELECTRA_OK);
        double expected[WIDTH];
        for (size_t i = 0; i < WIDTH; i++) {
            const double first = (double)found[0].values[i];
            const double second = (double)found[1].values[i];
            expected[i] = pooling == ELECTRA_POOLING_MEAN ? (16 * first + 5 * second) / 21 : (first + second) / 2;
        }
        const electra_text text = text_of(WHOLE);
        assert_int_equal(electra_session_embed(a.session, &text, 1, &o, found, NULL), ELECTRA_OK);
        assert_int_equal(found[0].rows, 1);
        double length = 0;
        for (size_t i = 0; i < WIDTH; i++) {
            assert_true(fabs((double)found[0].values[i] - expected[i]) < 1e-5);
            length += expected[i] * expected[i];
        }
        o.normalize = true;
        assert_int_equal(electra_session_embed(a.session, &text, 1, &o, found, NULL), ELECTRA_OK);
        for (size_t i = 0; i < WIDTH; i++) {
            assert_true(fabs((double)found[0].values[i] - expected[i] / sqrt(length)) < 1e-5);
        }
    }
    done(&a);
}

static void answers_lie_in_their_context(void **state)
{
    (void)state;
    asked a = ask(SPANS, 1, 0);
    const electra_question question = {text_of("the cat"), text_of(LINES[LONG_LINE])};
    electra_answer_options o = electra_answer_options_default();
    o.top_k = 50;
    o.max_answer = 3;
    electra_answers found;
    assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
    assert_true(found.n > 3 && found.windows > 1);
    for (size_t i = 0; i < found.n; i++) {
        const electra_answer *answer = &found.answers[i];
        assert_ptr_equal(answer->text.text, question.context.text + answer->span.start); /* all of it is ASCII */
        assert_int_equal(answer->text.bytes, answer->span.end - answer->span.start);
        assert_true(i == 0 || answer->score <= found.answers[i - 1].score);
    }
    /* nothing to find, and nothing asked */
    const electra_question nothing = {text_of("the cat"), {NULL, 0}};
    assert_int_equal(electra_session_answer(a.session, &nothing, 1, &o, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.n, 0);
    o.allow_none = true;
    assert_int_equal(electra_session_answer(a.session, &nothing, 1, &o, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.answers[0].text.bytes, 0);
    const electra_question unasked = {{NULL, 0}, text_of("the cat sat")};
    assert_int_equal(electra_session_answer(a.session, &unasked, 1, &o, &found, NULL), ELECTRA_OK);
    assert_true(found.n > 0);
    /* questions that fill the window, or nearly so */
    electra_error err = {0};
    const electra_question questions[] = {question,
                                          {text_of("the cat sat on the mat the cat sat on the mat the"), text_of("a")}};
    electra_answers both[2];
    assert_int_equal(electra_session_answer(a.session, questions, 2, &o, both, &err), ELECTRA_INVALID);
    assert_string_equal(err.where, "question 2");
    const electra_question narrow = {text_of("the cat sat on the mat the cat sat on the mat"),
                                     text_of("a dog ran on the mat")};
    assert_int_equal(electra_session_answer(a.session, &narrow, 1, &o, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.windows, 6);
    o.stride = 10;
    assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
    o.stride = 11;
    assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, &err), ELECTRA_MISUSE);
    o.stride = 0;
    o.top_k = 0;
    assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, &err), ELECTRA_MISUSE);
    done(&a);
}

static size_t place_of_none(const electra_answers *found)
{
    size_t i = 0;
    while (i < found->n && found->answers[i].text.bytes) {
        i++;
    }
    return i;
}

/* "No answer" goes first if its odds exceed the threshold; what is known of it, its score, stays. */
static void a_threshold_moves_no_answer(void **state)
{
    (void)state;
    static const int KINDS[] = {SPANS, JOINT};
    for (size_t k = 0; k < 2; k++) {
        asked a = ask(KINDS[k], 1, 0);
        const electra_question question = {text_of("the cat"), text_of("a dog ran.")};
        electra_answer_options o = electra_answer_options_default();
        o.top_k = 20;
        o.allow_none = true;
        electra_answers found;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.windows, 1);
        const size_t place = place_of_none(&found);
        assert_true(place < found.n && found.n > 3);
        const double none = (double)found.answers[place].score, best = (double)found.answers[place == 0].score;
        /* a ratio of products of probabilities is a difference of logits; the joint head has the odds themselves */
        const double odds = KINDS[k] == SPANS ? log(none / best) : log(none / (1 - none));
        for (double off = -20; off <= 20; off += 4.9) {
            o.null_threshold = odds - off;
            o.top_k = 1;
            assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
            assert_true((found.answers[0].text.bytes == 0) == (off > 0));
            o.top_k = 1000;
            assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
            const size_t at = place_of_none(&found);
            assert_true((at == 0) == (off > 0));
            assert_true(at < found.n && fabs((double)found.answers[at].score - none) < 1e-6);
        }
        o.null_threshold = -1e30;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(place_of_none(&found), 0);
        o.null_threshold = 1e30;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_true(place_of_none(&found) > 0);
        done(&a);
    }
}

/* Unless told, a session takes the threshold of its model. */
static void a_model_has_a_threshold_of_its_own(void **state)
{
    (void)state;
    static const double THRESHOLDS[] = {-50, 50};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(el_hf_config_set_null_threshold(folders[SPANS], THRESHOLDS[i], NULL), ELECTRA_OK);
        asked a = ask(SPANS, 1, 0);
        const electra_question question = {text_of("the cat"), text_of("a dog ran.")};
        electra_answer_options o = electra_answer_options_default();
        electra_answers found;
        o.allow_none = true;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_true((found.answers[0].text.bytes == 0) == (THRESHOLDS[i] < 0));
        o.null_threshold = -THRESHOLDS[i];
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_true((found.answers[0].text.bytes == 0) == (THRESHOLDS[i] > 0));
        done(&a);
    }
    assert_int_equal(el_hf_config_set_null_threshold(folders[SPANS], (double)NAN, NULL), ELECTRA_OK);
}

/* The same question through the windows and the rules that evaluation uses. */
static void evaluate(asked *a, el_example *example, size_t max_length, el_question_best *out)
{
    el_examples examples = {.kind = EL_TASK_ANSWER, .list = example, .n = 1};
    el_qa_settings settings = el_qa_settings_default();
    settings.max_length = max_length;
    el_qa_set *set;
    el_qa_results *results;
    el_backend *be;
    el_predictor *predictor;
    el_pack *pack;
    const el_predict_limits limits = {.tokens = POSITIONS, .sequences = 1, .longest = POSITIONS};
    assert_int_equal(el_qa_set_create(&set, &examples, electra_model_tokenizer(a->model), &settings, NULL), ELECTRA_OK);
    assert_int_equal(el_qa_results_create(&results, set, NULL, true, NULL), ELECTRA_OK);
    assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
    assert_int_equal(el_predictor_create(&predictor, be, el_model_network(a->model), &limits, NULL), ELECTRA_OK);
    assert_int_equal(el_pack_create(&pack, be, &(el_pack_room){.tokens = POSITIONS, .sequences = 1}, NULL), ELECTRA_OK);
    for (size_t w = 0; w < set->n_windows; w++) {
        uint32_t ids[POSITIONS];
        const el_sequence sequence = el_qa_sequence(set, w, ids);
        el_pack_clear(pack);
        assert_true(el_pack_add(pack, &sequence));
        const el_batch *b = el_pack_finish(pack);
        el_joint_answers found;
        (void)el_predictor_answers(predictor, el_model_weights(a->model, be), &b->layout, b->ids, b->types, &found);
        el_qa_take_joint(results, w, &found);
    }
    el_qa_answer(results, 0, out);
    el_pack_free(pack);
    el_predictor_free(predictor);
    el_backend_free(be);
    el_qa_results_free(results);
    el_qa_set_free(set);
}

static void joint_answers_are_those_of_evaluation(void **state)
{
    (void)state;
    static const char *const CONTEXTS[] = {"the cats sat on a mat.", "\xc3\xa9 \xf0\x9f\x98\x80 cats on the mats", "",
                                           "the cat sat on the mat. a dog sat on the cat. the dogs ran on the mat."};
    asked a = ask(JOINT, 1, 0);
    for (size_t i = 0; i < sizeof CONTEXTS / sizeof *CONTEXTS; i++) {
        const electra_question question = {text_of("the cat"), text_of(CONTEXTS[i])};
        el_example example = {.text = question.question, .pair = question.context, .impossible = true};
        el_question_best expected;
        evaluate(&a, &example, POSITIONS, &expected);
        electra_answer_options o = electra_answer_options_default();
        o.top_k = 50;
        o.max_answer = 30;
        o.align_to_words = false;
        electra_answers found;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.n, expected.n);
        assert_true((found.n == 0) == (question.context.bytes == 0));
        for (size_t k = 0; k < found.n; k++) {
            assert_ptr_equal(found.answers[k].text.text, expected.answers[k].text.text);
            assert_int_equal(found.answers[k].text.bytes, expected.answers[k].text.bytes);
            assert_true(fabs((double)found.answers[k].score - expected.answers[k].probability) < 1e-5);
            const uint8_t *text = (const uint8_t *)CONTEXTS[i];
            const uint8_t *begin = (const uint8_t *)found.answers[k].text.text;
            assert_int_equal(found.answers[k].span.start, el_utf8_count(text, begin));
            assert_int_equal(found.answers[k].span.end, el_utf8_count(text, begin + found.answers[k].text.bytes));
        }
        /* no answer competes with its probability, but is first only if its odds are above 0 */
        const double none = 1 / (1 + exp(-expected.null_odds));
        o.allow_none = true;
        assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.n, expected.n + 1);
        size_t empty = 0, with_text = 0;
        for (size_t k = 0; k < found.n; k++) {
            const bool is_none = found.answers[k].text.bytes == 0;
            const double score = is_none ? none : (1 - none) * expected.answers[with_text].probability;
            assert_true(fabs((double)found.answers[k].score - score) < 1e-5);
            assert_true(k < 2 || found.answers[k].score <= found.answers[k - 1].score + 1e-6F);
            assert_true(!is_none || expected.n == 0 || (k == 0) == (expected.null_odds > 0));
            empty += is_none;
            with_text += !is_none;
        }
        assert_int_equal(empty, 1);
    }
    /* whole words, few answers */
    const electra_question question = {text_of("the cat"), text_of(LINES[LONG_LINE])};
    electra_answer_options o = electra_answer_options_default();
    o.top_k = 3;
    o.stride = 5;
    electra_answers found;
    assert_int_equal(electra_session_answer(a.session, &question, 1, &o, &found, NULL), ELECTRA_OK);
    assert_int_equal(found.n, 3);
    for (size_t k = 0; k < found.n; k++) {
        const char *end = found.answers[k].text.text + found.answers[k].text.bytes;
        assert_true(found.answers[k].span.start == 0 || !isalpha((unsigned char)found.answers[k].text.text[-1]) ||
                    !isalpha((unsigned char)found.answers[k].text.text[0]));
        assert_true(!isalpha((unsigned char)end[0]) || !isalpha((unsigned char)end[-1]));
    }
    done(&a);
}

/* What is beyond two thirds of a window (64 tokens in a long one) counts as if it had never been there. */
static void a_joint_question_is_cut(void **state)
{
    (void)state;
    asked a = ask(JOINT, 1, 0);
    const electra_question q[] = {{text_of("the cats sat on a mat. the dog ran on the mat"), text_of("the cat sat")},
                                  {text_of("the cats sat on a mat."), text_of("the cat sat")},
                                  {text_of("the cats sat on a mat"), text_of("the cat sat")}}; /* 8 and 7 tokens */
    electra_answers found[3];
    assert_int_equal(electra_session_answer(a.session, q, 3, NULL, found, NULL), ELECTRA_OK);
    assert_true(found[0].n == 1 && found[1].n == 1 && found[2].n == 1);
    assert_true(fabsf(found[0].answers[0].score - found[1].answers[0].score) < 1e-6F);
    assert_true(fabsf(found[0].answers[0].score - found[2].answers[0].score) > 1e-6F);
    done(&a);
}

static void words_of_all_windows_are_labelled(void **state)
{
    (void)state;
    static const char *const NOTHING[] = {NULL};
    electra_session_options options = electra_session_options_default();
    asked a = ask(TAGGER, 1, 0);
    electra_tag_options o = electra_tag_options_default();
    o.aggregation = ELECTRA_TOKENS;
    o.ignored_labels = NOTHING;
    const electra_text text = text_of(LINES[LONG_LINE]);
    electra_tagging found;
    for (size_t stride = 1; stride < POSITIONS - 2; stride++) {
        o.stride = stride;
        assert_int_equal(electra_session_tag(a.session, &text, 1, &o, &found, NULL), ELECTRA_OK);
        assert_int_equal(found.n, 26);
        for (size_t i = 0; i < found.n; i++) { /* each token once, numbered in the text */
            assert_int_equal(found.entities[i].index, i + 1);
            assert_true(i == 0 || found.entities[i].span.start >= found.entities[i - 1].span.end);
        }
    }
    electra_error err = {0};
    o.stride = POSITIONS - 2;
    assert_int_equal(electra_session_tag(a.session, &text, 1, &o, &found, &err), ELECTRA_MISUSE);
    o.stride = 0;
    o.aggregation = ELECTRA_WORD_MAX + 1;
    assert_int_equal(electra_session_tag(a.session, &text, 1, &o, &found, &err), ELECTRA_MISUSE);
    done(&a);
    options.truncate = true;
    assert_int_equal(open_session(&a, TAGGER, &options, NULL), ELECTRA_OK);
    o.aggregation = ELECTRA_TOKENS;
    assert_int_equal(electra_session_tag(a.session, &text, 1, &o, &found, &err), ELECTRA_OK);
    assert_int_equal(found.n, POSITIONS - 2);
    assert_int_equal(electra_session_truncated(a.session), 1);
    done(&a);
}

static void a_prompt_without_choices_is_refused(void **state)
{
    (void)state;
    asked a = ask(CHOICE, 1, 0);
    const electra_text choices[] = {text_of("a dog ran"), text_of("the cat")};
    const electra_choices prompts[] = {{text_of("the cat"), choices, 2}, {text_of("the cat"), choices, 0}};
    electra_chosen found[2];
    electra_error err = {0};
    assert_int_equal(electra_session_choose(a.session, prompts, 2, found, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "prompt 2 of 2"));
    assert_int_equal(electra_session_choose(a.session, prompts, 1, found, &err), ELECTRA_OK);
    assert_true(fabsf(found[0].choices[0].score + found[0].choices[1].score - 1) < 1e-6F);
    assert_true(found[0].choices[0].index + found[0].choices[1].index == 1);
    done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_do_not_depend_on_company_or_threads),
        cmocka_unit_test(warm_calls_allocate_nothing),
        cmocka_unit_test(another_kind_of_model_is_refused),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(scores_are_what_was_asked_for),
        cmocka_unit_test(long_texts_to_classify_are_cut_and_counted),
        cmocka_unit_test(long_texts_are_embedded_whole),
        cmocka_unit_test(answers_lie_in_their_context),
        cmocka_unit_test(a_threshold_moves_no_answer),
        cmocka_unit_test(a_model_has_a_threshold_of_its_own),
        cmocka_unit_test(joint_answers_are_those_of_evaluation),
        cmocka_unit_test(a_joint_question_is_cut),
        cmocka_unit_test(words_of_all_windows_are_labelled),
        cmocka_unit_test(a_prompt_without_choices_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
