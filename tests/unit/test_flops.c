/* flops: the published figures, and the needed work against a count by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "model/flops.h"

static void assert_four_digits(double got, double expected)
{
    if (!(fabs(got - expected) <= 0.5e-3 * expected)) {
        fail_msg("got %.5g, expected %.5g", got, expected);
    }
}

static el_pretrain_config pair_of(const char *preset)
{
    const el_preset *p = el_preset_find(preset);
    el_pretrain_config pair;
    assert_int_equal(el_pretrain_config_derive(&pair, &p->model, p->generator_size, 1.0, EL_SHARE_EMBEDDINGS, NULL),
                     ELECTRA_OK);
    return pair;
}

/* electra.md 10.2 */
static void pretraining_counts_as_the_script_does(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        size_t length, batch;
        double steps, expected;
    } ROWS[] = {
        {"small", 128, 128, 1e6, 1.294e18},
        {"base", 512, 256, 766e3, 6.425e19},
        {"large", 512, 2048, 400e3, 7.118e20},
        {"large", 512, 2048, 1.75e6, 3.114e21},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const el_pretrain_config pair = pair_of(ROWS[i].preset);
        assert_four_digits(el_flops_pretraining(&pair, ROWS[i].length, ROWS[i].batch, ROWS[i].steps), ROWS[i].expected);
    }
}

static void inference_counts_as_the_script_does(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        double at_128, at_512;
    } ROWS[] = {{"small", 3.677e9, 1.727e10}, {"base", 2.862e10, 1.223e11}, {"large", 8.747e10, 3.703e11}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const el_model_config *c = &el_preset_find(ROWS[i].preset)->model;
        assert_four_digits(el_flops_forward(c, &(el_head_config){.kind = EL_HEAD_DISCRIMINATOR}, 128), ROWS[i].at_128);
        assert_four_digits(el_flops_forward(c, &(el_head_config){.kind = EL_HEAD_DISCRIMINATOR}, 512), ROWS[i].at_512);
    }
}

/* BERT of three sizes, pre-trained alone: 2 * batch * steps * inference with the masked-LM head */
static void masked_lm_counts_as_the_script_does(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        size_t length;
        double sequences, expected;
    } ROWS[] = {
        {"small", 128, 128 * 1.45e6, 1.419e18}, {"base", 512, 256e6, 6.428e19}, {"large", 512, 256e6, 1.917e20}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const el_model_config *c = &el_preset_find(ROWS[i].preset)->model;
        const double flops = el_flops_forward(c, &(el_head_config){.kind = EL_HEAD_MASKED_LM}, ROWS[i].length);
        assert_four_digits(2 * ROWS[i].sequences * flops, ROWS[i].expected);
    }
}

static void needed_work_is_that_of_the_products(void **state)
{
    (void)state;
    const el_pretrain_config pair = pair_of("small");
    /* two sequences, of 100 and 28 tokens, 19 slots */
    const el_work_shape shape = {.tokens = 128, .slots = 19, .squared_lengths = 100.0 * 100 + 28 * 28};
    const double d = 2 * (12 * (128.0 * (4 * 256 * 256 + 2 * 256 * 1024) + 2 * 256 * 10784.0) + 128.0 * 128 * 256 +
                          128.0 * (256 * 256 + 256));
    const double g = 2 * (12 * (128.0 * (4 * 64 * 64 + 2 * 64 * 256) + 2 * 64 * 10784.0) + 128.0 * 128 * 64 +
                          19.0 * (64 * 128 + 128 * 30522));
    assert_true(el_work_forward(&pair.discriminator, &(el_head_config){.kind = EL_HEAD_DISCRIMINATOR}, &shape) == d);
    assert_true(el_work_forward(&pair.generator, &(el_head_config){.kind = EL_HEAD_MASKED_LM}, &shape) == g);
    /* a classifier's last layer is finished for two tokens only */
    const el_work_shape few = {.tokens = 128, .sequences = 2, .rows = 2, .squared_lengths = shape.squared_lengths};
    const double c = 2 * (12 * (128.0 * (4 * 256 * 256 + 2 * 256 * 1024) + 2 * 256 * 10784.0) + 128.0 * 128 * 256 -
                          126.0 * (256 * 256 + 2 * 256 * 1024) + 2.0 * (256 * 256 + 3 * 256));
    assert_true(
        el_work_forward(&pair.discriminator, &(el_head_config){.kind = EL_HEAD_CLASSIFIER, .n_labels = 3}, &few) == c);
    assert_true(el_work_step(&pair, &shape) == 3 * (d + g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pretraining_counts_as_the_script_does),
        cmocka_unit_test(inference_counts_as_the_script_does),
        cmocka_unit_test(masked_lm_counts_as_the_script_does),
        cmocka_unit_test(needed_work_is_that_of_the_products),
    };
    return cmocka_run_group_tests_name("flops", tests, NULL, NULL);
}
