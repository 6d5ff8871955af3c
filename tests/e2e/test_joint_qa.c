/* The published head for questions learns, from examples to answers: windows, batches, training, evaluation, and the same
 * answers from the model directory that is written. The task: a question is a letter; its answer is that letter and the
 * one behind it, if the context has it. */
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

#include "base/io.h"
#include "base/rng.h"
#include "interop/model_dir.h"
#include "tasks/predictions.h"
#include "tasks/tuner.h"

enum { LETTERS = 12, IN_CONTEXT = 6, N_TRAIN = 1024, N_DEV = 128, BATCH = 16, STEPS = 700, SPECIALS = 5 };

/* ---- examples ---------------------------------------------------------------------------------------------------- */

typedef struct riddle {
    char question[2], context[2 * IN_CONTEXT], answer[4];
    el_gold_answer gold;
} riddle;

static void make_examples(el_examples *out, el_example *list, riddle *riddles, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        riddle *r = &riddles[i];
        char letters[LETTERS];
        el_rng_stream stream = {.key = el_rng_key(seed, EL_RNG_MASK, i, 0)};
        for (size_t k = 0; k < LETTERS; k++) {
            const size_t other = (size_t)el_rng_below(&stream, k + 1);
            letters[k] = letters[other];
            letters[other] = (char)('a' + k);
        }
        for (size_t k = 0; k < IN_CONTEXT; k++) {
            r->context[2 * k] = letters[k];
            r->context[2 * k + 1] = k + 1 < IN_CONTEXT ? ' ' : '\0';
        }
        const bool impossible = el_rng_below(&stream, 3) == 0;
        const size_t place = (size_t)el_rng_below(&stream, IN_CONTEXT - 1);
        r->question[0] = letters[impossible ? LETTERS - 1 : place];
        (void)snprintf(r->answer, sizeof r->answer, "%.3s", r->context + 2 * place);
        r->gold = (el_gold_answer){{r->answer, 3}, (uint32_t)(2 * place)};
        list[i] = (el_example){.text = {r->question, 1},
                               .pair = {r->context, 2 * IN_CONTEXT - 1},
                               .answers = &r->gold,
                               .n_answers = !impossible,
                               .impossible = impossible};
    }
    *out = (el_examples){.kind = EL_TASK_ANSWER, .list = list, .n = n};
}

/* ---- a pre-trained encoder ----------------------------------------------------------------------------------------- */

static electra_tokenizer *make_tokenizer(void)
{
    static char letters[LETTERS][2];
    const char *tokens[SPECIALS + LETTERS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (size_t i = 0; i < LETTERS; i++) {
        letters[i][0] = (char)('a' + i);
        tokens[SPECIALS + i] = letters[i];
    }
    electra_tokenizer *tokenizer = NULL;
    assert_int_equal(electra_tokenizer_create(&tokenizer, tokens, SPECIALS + LETTERS, NULL, NULL), ELECTRA_OK);
    return tokenizer;
}

static const el_model_config CONFIG = {.family = EL_FAMILY_ELECTRA,
                                       .vocab_size = SPECIALS + LETTERS,
                                       .embedding_size = 32,
                                       .hidden_size = 32,
                                       .n_layers = 2,
                                       .n_heads = 2,
                                       .intermediate_size = 64,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = 16,
                                       .n_types = 2,
                                       .initializer_range = 0.2,
                                       .layer_norm_eps = 1e-12};

static void write_encoder(el_backend *be, const char *folder, const electra_tokenizer *tokenizer)
{
    el_params params = {0};
    el_network network;
    assert_int_equal(el_params_build_single(&params, &network, &CONFIG, &(el_head_config){0}, NULL), ELECTRA_OK);
    void *theta = be->ops->alloc(be, params.elements * be->element_size);
    assert_int_equal(el_params_initialise(&params, be, theta, 1, NULL), ELECTRA_OK);
    assert_int_equal(
        el_model_dir_write(folder, &network, NULL, el_weights_of(be, &params, theta), tokenizer, NULL), ELECTRA_OK);
    be->ops->free(be, theta);
    el_params_clear(&params);
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

static el_features *make_features(const el_examples *examples, const electra_tokenizer *tokenizer, bool train)
{
    el_features *f = NULL;
    const el_features_settings settings = {.max_length = 16, .doc_stride = 128, .train = train};
    assert_int_equal(el_features_create(&f, examples, tokenizer, &settings, NULL), ELECTRA_OK);
    return f;
}

/* Shares of questions: answered rightly with a threshold of 0, and of those with an answer the right text. */
static void score(const el_predictions *p, const el_examples *examples, double *right, double *right_text)
{
    size_t n_right = 0, n_text = 0, n_possible = 0;
    for (size_t q = 0; q < examples->n; q++) {
        const el_example *e = &examples->list[q];
        el_question_best best;
        el_qa_answer(p->qa, q, &best);
        const electra_text text = el_qa_final(&best, 0), forced = el_qa_final(&best, INFINITY);
        n_right += e->impossible ? text.bytes == 0 : text.bytes == 3 && !memcmp(text.text, e->answers[0].text.text, 3);
        n_text += !e->impossible && forced.bytes == 3 && !memcmp(forced.text, e->answers[0].text.text, 3);
        n_possible += !e->impossible;
    }
    *right = (double)n_right / (double)examples->n;
    *right_text = (double)n_text / (double)n_possible;
}

static el_predictions *predict(el_tuner *tuner, el_backend *be, const el_features *features)
{
    el_predictions *p = NULL;
    const el_predictions_settings settings = {.scale = {0, 1}};
    assert_int_equal(el_predictions_make(&p, be, el_tuner_network(tuner, 0),
                                         el_learner_block(el_tuner_learner(tuner), EL_BLOCK_THETA), features, &settings,
                                         NULL, NULL),
                     ELECTRA_OK);
    return p;
}

static void train(el_tuner *tuner, const el_features *features, double *first, double *last)
{
    for (uint64_t s = 0; s < STEPS; s++) {
        el_tuner_unit units[BATCH];
        for (size_t i = 0; i < BATCH; i++) {
            units[i] = (el_tuner_unit){0, (s * BATCH + i) % features->n_units};
        }
        el_tuner_result result;
        const double left = 1 - (double)s / STEPS;
        el_tuner_step(tuner, s, units, BATCH, 3e-3 * left * fmin(1, (double)(s + 1) / 50), &result);
        assert_true(result.applied);
        *first = s == 0 ? result.loss : *first;
        *last = result.loss;
    }
}

/* The model that was written answers as evaluation did. */
static void check_written(const char *folder, const el_predictions *p, const el_examples *examples)
{
    electra_model *model = NULL;
    electra_session *session = NULL;
    assert_int_equal(electra_model_load(&model, folder, NULL, NULL), ELECTRA_OK);
    assert_int_equal(electra_model_kind_of(model), ELECTRA_MODEL_JOINT_QA);
    assert_int_equal(electra_session_create(&session, model, NULL, NULL), ELECTRA_OK);
    electra_question questions[N_DEV];
    electra_answers found[N_DEV];
    for (size_t i = 0; i < N_DEV; i++) {
        questions[i] = (electra_question){examples->list[i].text, examples->list[i].pair};
    }
    assert_int_equal(electra_session_answer(session, questions, N_DEV, NULL, found, NULL), ELECTRA_OK);
    for (size_t i = 0; i < N_DEV; i++) {
        el_question_best best;
        el_qa_answer(p->qa, i, &best);
        assert_int_equal(found[i].n, 1);
        assert_ptr_equal(found[i].answers[0].text.text, best.answers[0].text.text);
        assert_int_equal(found[i].answers[0].text.bytes, best.answers[0].text.bytes);
        assert_true(fabs((double)found[i].answers[0].score - best.answers[0].probability) < 1e-4);
    }
    electra_session_free(session);
    electra_model_free(model);
}

static void it_learns_and_answers(void **state)
{
    (void)state;
    static el_example train_list[N_TRAIN], dev_list[N_DEV];
    static riddle train_riddles[N_TRAIN], dev_riddles[N_DEV];
    el_examples train_examples, dev_examples;
    make_examples(&train_examples, train_list, train_riddles, N_TRAIN, 1);
    make_examples(&dev_examples, dev_list, dev_riddles, N_DEV, 2);
    char top[] = "/tmp/electra-joint-XXXXXX", encoder[64], tuned[64];
    assert_non_null(mkdtemp(top));
    (void)snprintf(encoder, sizeof encoder, "%s/encoder", top);
    (void)snprintf(tuned, sizeof tuned, "%s/tuned", top);
    el_backend *be = NULL, *evaluator = NULL;
    assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
    assert_int_equal(el_backend_create_cpu(&evaluator, NULL, EL_CPU_BEST, NULL), ELECTRA_OK);
    electra_tokenizer *tokenizer = make_tokenizer();
    write_encoder(be, encoder, tokenizer);
    el_features *to_learn = make_features(&train_examples, tokenizer, true);
    el_features *to_ask = make_features(&dev_examples, tokenizer, false);

    const el_tuner_task task = {.features = to_learn, .head = {.kind = EL_HEAD_JOINT_QA, .inner = 64}, .scale = {0, 1}};
    const el_tuner_settings settings = {.learner = {.clip_norm = 1,
                                                    .optimizer = {.beta1 = 0.9,
                                                                  .beta2 = 0.999,
                                                                  .epsilon = 1e-8,
                                                                  .bias_correction = true,
                                                                  .layer_decay = 1}},
                                        .batch = BATCH};
    el_tuner *tuner = NULL;
    el_model_dir *dir = NULL;
    assert_int_equal(el_model_dir_open(&dir, encoder, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_tuner_create(&tuner, be, &CONFIG, &task, 1, &settings, NULL), ELECTRA_OK);
    assert_int_equal(el_tuner_begin(tuner, dir, false, 3, NULL), ELECTRA_OK);
    double first = 0, last = 0, right, right_text;
    el_predictions *before = predict(tuner, evaluator, to_ask);
    train(tuner, to_learn, &first, &last);
    el_predictions *after = predict(tuner, evaluator, to_ask);
    score(after, &dev_examples, &right, &right_text);
    print_message("loss %.3f -> %.3f; dev %.3f -> %.3f, right %.2f, right texts %.2f\n", first, last, before->loss,
                  after->loss, right, right_text);
    assert_true(last < first / 2 && after->loss < before->loss / 2);
    assert_true(right > 0.9 && right_text > 0.9);
    assert_int_equal(el_tuner_save(tuner, 0, tuned, NULL, tokenizer, NULL), ELECTRA_OK);
    check_written(tuned, after, &dev_examples);

    el_predictions_free(before);
    el_predictions_free(after);
    el_tuner_free(tuner);
    el_model_dir_close(dir);
    el_features_free(to_learn);
    el_features_free(to_ask);
    electra_tokenizer_free(tokenizer);
    el_backend_free(evaluator);
    el_backend_free(be);
    assert_int_equal(el_remove_tree(top, NULL), ELECTRA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_learns_and_answers)};
    return cmocka_run_group_tests_name("learning to answer questions", tests, NULL, NULL);
}
