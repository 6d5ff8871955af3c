/* The whole step of fine-tuning against central differences in double: two tasks with heads of their own on one
 * encoder, dropout on; and how micro-batches, sums and the head's own numbers work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tasks/source.h"
#include "tasks/tuner.h"

static const char *const TOKENS[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s",
                                     "sat",   ".",     "on",    "mat",   "dog",    "a",   "ran", "##ning"};
enum { V = sizeof TOKENS / sizeof *TOKENS, TASKS = 3 };

static const el_model_config CONFIG = {.vocab_size = V,
                                       .embedding_size = 4,
                                       .hidden_size = 6,
                                       .n_layers = 2,
                                       .n_heads = 2,
                                       .intermediate_size = 8,
                                       .activation = EL_ACT_GELU,
                                       .hidden_dropout = 0.1,
                                       .attention_dropout = 0.1,
                                       .max_positions = 16,
                                       .n_types = 2,
                                       .initializer_range = 0.3,
                                       .layer_norm_eps = 1e-12};

typedef struct bench {
    el_backend *be;
    electra_tokenizer *tokenizer;
    el_examples *examples[TASKS];
    el_features *features[TASKS];
    el_tuner_task tasks[TASKS];
} bench;

static void open_bench(bench *b)
{
    static const char *const TEXTS[TASKS] = {
        "text\tpair\tlabel\nthe cat sat .\ta dog\tx\ncats ran\tthe mat .\ty\na cat on the mat\tcat\tz\nthe\tdogs\tx\n",
        "the B-X\ncats I-X\nsat O\n\na O\ndog B-X\n. O\n\nrunning O\non O\nthe B-Y\nmat I-Y\n\n",
        "text\tlabel\nthe cat sat\t1.5\na dog ran .\t-0.5\nmat\t4\n"};
    el_source sources[TASKS] = {el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY),
                                el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG),
                                el_source_default(EL_SOURCE_TSV, EL_TASK_REGRESS)};
    sources[0].pair = "pair";
    static const el_head HEADS[TASKS] = {EL_HEAD_CLASSIFIER, EL_HEAD_TAGGER, EL_HEAD_CLASSIFIER};
    assert_int_equal(el_backend_create_f64(&b->be, NULL, NULL), ELECTRA_OK);
    assert_int_equal(electra_tokenizer_create(&b->tokenizer, TOKENS, V, NULL, NULL), ELECTRA_OK);
    for (size_t i = 0; i < TASKS; i++) {
        assert_int_equal(el_examples_parse(&b->examples[i], &sources[i], TEXTS[i], strlen(TEXTS[i]), "file", NULL, NULL,
                                           NULL),
                         ELECTRA_OK);
        const el_features_settings settings = {.max_length = 16, .train = true};
        assert_int_equal(el_features_create(&b->features[i], b->examples[i], b->tokenizer, &settings, NULL), ELECTRA_OK);
        const size_t n = b->examples[i]->labels.n;
        b->tasks[i] = (el_tuner_task){.features = b->features[i],
                                      .head = {.kind = HEADS[i], .n_labels = i == 2 ? 1 : n, .dropout = 0.1},
                                      .scale = {1, 2}};
    }
}

static void close_bench(bench *b)
{
    for (size_t i = 0; i < TASKS; i++) {
        el_features_free(b->features[i]);
        el_examples_free(b->examples[i]);
    }
    electra_tokenizer_free(b->tokenizer);
    el_backend_free(b->be);
}

static const el_tuner_unit UNITS[] = {{0, 0}, {1, 1}, {2, 0}, {0, 2}, {1, 0}, {0, 1}, {2, 2}, {1, 2}, {0, 3}};
enum { N_UNITS = sizeof UNITS / sizeof UNITS[0] };

static el_tuner *open_tuner(const bench *b, size_t micro_batch, bool sum)
{
    el_tuner_settings settings = {.learner = {.clip_norm = 0, .optimizer = el_optimizer_settings_default()},
                                  .batch = N_UNITS,
                                  .micro_batch = micro_batch,
                                  .sum = sum};
    settings.learner.optimizer.weight_decay = 0;
    el_tuner *tuner = NULL;
    assert_int_equal(el_tuner_create(&tuner, b->be, &CONFIG, b->tasks, TASKS, &settings, NULL), ELECTRA_OK);
    const el_weights theta = el_learner_block(el_tuner_learner(tuner), EL_BLOCK_THETA);
    for (size_t i = 0; i < theta.params->count; i++) {
        const el_param *p = &theta.params->list[i];
        double values[256];
        assert_true(p->rows * p->cols <= 256);
        for (size_t j = 0; j < p->rows * p->cols; j++) {
            const double u = el_rng_uniform(el_rng_row(el_rng_key(3, EL_RNG_INIT, i, 0), j, 0)) - 0.5;
            values[j] = p->n_dims == 1 && strstr(p->name, "weight") ? 1 + u : u;
        }
        theta.be->ops->upload_f64(theta.be, el_weights_at(theta, i).data, values, p->rows * p->cols);
    }
    el_tuner_seed(tuner, 9);
    return tuner;
}

/* A step with a rate of 0 leaves the parameters as they are, and the gradient to be looked at. */
static double loss_of(el_tuner *tuner)
{
    el_tuner_result result;
    el_tuner_step(tuner, 4, UNITS, N_UNITS, 0, &result);
    assert_true(result.applied);
    return result.loss;
}

static void gradients_are_those_of_central_differences(void **state)
{
    (void)state;
    bench b = {0};
    open_bench(&b);
    el_tuner *tuner = open_tuner(&b, 0, false);
    (void)loss_of(tuner);
    const el_params *params = el_tuner_params(tuner);
    double *gradient = el_alloc(params->elements, sizeof *gradient);
    b.be->ops->download_f64(b.be, gradient, el_learner_block(el_tuner_learner(tuner), EL_BLOCK_GRADIENT).data,
                            params->elements);
    double *theta = el_learner_block(el_tuner_learner(tuner), EL_BLOCK_THETA).data;
    size_t n_moved = 0, n_checked = 0;
    for (size_t i = 0; i < params->count; i++) {
        const el_param *p = &params->list[i];
        for (size_t j = 0; j < p->rows * p->cols; j += 3) {
            double *at = theta + p->offset + j;
            const double start = *at, h = 1e-5;
            *at = start + h;
            const double up = loss_of(tuner);
            *at = start - h;
            const double down = loss_of(tuner);
            *at = start;
            const double expected = (up - down) / (2 * h), got = gradient[p->offset + j];
            if (!(fabs(got - expected) <= 1e-7 * fmax(1.0, fabs(expected)))) {
                fail_msg("%s[%zu]: gradient %.12g, central difference %.12g", p->name, j, got, expected);
            }
            n_moved += fabs(expected) > 1e-5;
            n_checked++;
        }
    }
    assert_true(n_checked > 200 && n_moved > n_checked / 3);
    el_free(gradient);
    el_tuner_free(tuner);
    close_bench(&b);
}

static void gradient_of(const bench *b, size_t micro_batch, bool sum, double *out, double *loss)
{
    el_tuner *tuner = open_tuner(b, micro_batch, sum);
    *loss = loss_of(tuner);
    b->be->ops->download_f64(b->be, out, el_learner_block(el_tuner_learner(tuner), EL_BLOCK_GRADIENT).data,
                             el_tuner_params(tuner)->elements);
    el_tuner_free(tuner);
}

static void micro_batches_add_up_to_the_batch(void **state)
{
    (void)state;
    bench b = {0};
    open_bench(&b);
    el_tuner *tuner = open_tuner(&b, 0, false);
    const size_t n = el_tuner_params(tuner)->elements;
    el_tuner_free(tuner);
    double *whole = el_alloc(n, sizeof *whole), *pieces = el_alloc(n, sizeof *pieces), a, c;
    gradient_of(&b, 0, false, whole, &a);
    gradient_of(&b, 1, false, pieces, &c);
    assert_true(fabs(a - c) < 1e-12);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(whole[i] - pieces[i]) < 1e-12 * fmax(1.0, fabs(whole[i])));
    }

    /* With sums every example counts once, every word too; the loss that is told stays the mean. */
    gradient_of(&b, 0, true, pieces, &c);
    assert_true(fabs(a - c) < 1e-12);
    double products = 0, squares = 0, sums = 0;
    for (size_t i = 0; i < n; i++) {
        products += whole[i] * pieces[i];
        squares += whole[i] * whole[i];
        sums += pieces[i] * pieces[i];
    }
    assert_true(sums > 4 * squares && products > 0);
    el_free(whole);
    el_free(pieces);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_central_differences),
        cmocka_unit_test(micro_batches_add_up_to_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
