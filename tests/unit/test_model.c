/* model: sizes, presets, the generator's sizes, overrides, the parameter table and its counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/params.h"
#include "support/alloc.h"

static el_pretrain_config pair_of(const char *preset, double fraction, el_sharing sharing)
{
    el_pretrain_config pair;
    electra_error err = {0};
    const electra_status status =
        el_pretrain_config_derive(&pair, &el_preset_find(preset)->model, fraction, 1.0, sharing, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, ELECTRA_OK);
    return pair;
}

/* electra.md 1.2 */
static void parameter_counts_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        double fraction;
        size_t body, head, generator_with_tables, joint, mlm;
    } EXPECTED[] = {
        {"small", 0.25, 13483008, 66049, 4620026, 14196219, 13546682},
        {"small", 1.0, 13483008, 66049, 13546682, 23122875, 13546682},
        {"base", 1.0 / 3, 108891648, 591361, 33740602, 119386427, 109514298},
        {"large", 0.25, 334092288, 1050625, 51295290, 354655291, 335174458},
    };
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        const el_pretrain_config pair = pair_of(EXPECTED[i].preset, EXPECTED[i].fraction, EL_SHARE_EMBEDDINGS);
        el_params params = {0};
        el_network g, d;
        assert_int_equal(el_params_build_pair(&params, &g, &d, &pair, NULL), ELECTRA_OK);
        assert_int_equal(el_params_total(&params, EL_OWNER_DISCRIMINATOR), EXPECTED[i].body + EXPECTED[i].head);
        assert_int_equal(el_params_total(&params, EL_OWNER_GENERATOR), EXPECTED[i].generator_with_tables);
        assert_int_equal(el_params_total(&params, EL_OWNER_SHARED), EXPECTED[i].joint);
        el_params_clear(&params);
        assert_int_equal(
            el_params_build_single(&params, &d, &pair.discriminator, &(el_head_config){.kind = EL_HEAD_NONE}, NULL),
            ELECTRA_OK);
        assert_int_equal(el_params_total(&params, EL_OWNER_SHARED), EXPECTED[i].body);
        el_params_clear(&params);
        assert_int_equal(el_params_build_single(&params, &d, &pair.discriminator,
                                                &(el_head_config){.kind = EL_HEAD_MASKED_LM}, NULL),
                         ELECTRA_OK);
        assert_int_equal(el_params_total(&params, EL_OWNER_SHARED), EXPECTED[i].mlm);
        el_params_clear(&params);
    }
}

/* electra.md 1.1 */
static void generators_have_the_published_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        double fraction;
        size_t hidden, heads, ffn, layers;
    } EXPECTED[] = {
        {"small", 0.25, 64, 1, 256, 12},   {"small", 1.0, 256, 4, 1024, 12}, {"base", 0.33333, 256, 4, 1024, 12},
        {"large", 0.25, 256, 4, 1024, 24}, {"base", 0.25, 192, 3, 768, 12},  {"tiny", 0.5, 64, 1, 256, 2},
        {"mini", 0.5, 128, 2, 512, 4},
    };
    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++) {
        const el_pretrain_config pair = pair_of(EXPECTED[i].preset, EXPECTED[i].fraction, EL_SHARE_EMBEDDINGS);
        assert_int_equal(pair.generator.hidden_size, EXPECTED[i].hidden);
        assert_int_equal(pair.generator.n_heads, EXPECTED[i].heads);
        assert_int_equal(pair.generator.intermediate_size, EXPECTED[i].ffn);
        assert_int_equal(pair.generator.n_layers, EXPECTED[i].layers);
        assert_int_equal(pair.generator.embedding_size, pair.discriminator.embedding_size);
    }
    assert_int_equal(pair_of("small", 0.25, EL_SHARE_NONE).generator.embedding_size, 64);
    assert_int_equal(pair_of("small", 0.25, EL_SHARE_ALL).generator.hidden_size, 256);
    for (const el_preset *p = el_presets(); p->name; p++) {
        assert_int_equal(el_config_check(&p->model, p->name, NULL), ELECTRA_OK);
    }
    assert_null(el_preset_find("enormous"));
}

/* round is half to even: 5 / 2 = 2, 7 / 2 = 4 */
static void fractions_round_half_to_even(void **state)
{
    (void)state;
    el_model_config d = el_preset_find("small")->model;
    el_pretrain_config pair;
    d.n_layers = 5;
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.25, 0.5, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_OK);
    assert_int_equal(pair.generator.n_layers, 2);
    d.n_layers = 7;
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.25, 0.5, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_OK);
    assert_int_equal(pair.generator.n_layers, 4);
    d.n_layers = 1;
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.25, 0.5, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_INVALID);
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.0, 1.0, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_MISUSE);
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.5, 1.1, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_MISUSE);
}

static electra_status apply(el_model_config *c, const char *text, electra_error *err)
{
    json_t *value;
    assert_int_equal(el_json_parse(&value, text, strlen(text), "own.json", err), ELECTRA_OK);
    const electra_status status = el_config_apply(c, value, "own.json", err);
    json_decref(value);
    return status;
}

static void overrides_derive_then_win(void **state)
{
    (void)state;
    electra_error err = {0};
    el_model_config c = el_preset_find("base")->model;
    assert_int_equal(apply(&c, "{\"hidden_size\": 128, \"hidden_act\": \"relu\"}", &err), ELECTRA_OK);
    assert_int_equal(c.n_heads, 2);
    assert_int_equal(c.intermediate_size, 512);
    assert_int_equal(c.embedding_size, 128);
    assert_int_equal(c.activation, EL_ACT_RELU);
    c = el_preset_find("small")->model;
    assert_int_equal(apply(&c, "{\"num_attention_heads\": 8, \"hidden_size\": 512, \"intermediate_size\": 7}", &err),
                     ELECTRA_OK);
    assert_int_equal(c.n_heads, 8);
    assert_int_equal(c.intermediate_size, 7);
    assert_int_equal(c.embedding_size, 128);
}

static void nonsense_is_refused_and_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } BAD[] = {
        {"{\"hidden\": 128}", "\"hidden\" is no setting"},
        {"{\"hidden_size\": \"wide\"}", "\"hidden_size\" should be a whole number"},
        {"{\"hidden_size\": 0}", "\"hidden_size\" is 0"},
        {"{\"num_attention_heads\": 7}", "cannot be split into 7 heads"},
        {"{\"hidden_act\": \"mish\"}", "\"hidden_act\" is \"mish\""},
        {"{\"hidden_dropout_prob\": 1.0}", "\"hidden_dropout_prob\" is 1"},
        {"[]", "should be a JSON object"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        el_model_config c = el_preset_find("small")->model;
        const el_model_config before = c;
        electra_error err = {0};
        assert_int_equal(apply(&c, BAD[i].json, &err), ELECTRA_INVALID);
        assert_non_null(strstr(err.message, BAD[i].says));
        assert_int_equal(c.hidden_size, before.hidden_size);
    }
    el_pretrain_config pair = pair_of("small", 0.25, EL_SHARE_EMBEDDINGS);
    pair.generator.embedding_size = 64;
    electra_error err = {0};
    assert_int_equal(el_pretrain_config_check(&pair, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "the embedding size is 64 in the generator and 128 in the discriminator"));
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = EL_ACT_LINEAR; i <= EL_ACT_SILU; i++) {
        el_activation back;
        assert_true(el_activation_find(&back, el_activation_name((el_activation)i)));
        assert_int_equal(back, i);
    }
    for (int i = EL_SHARE_EMBEDDINGS; i <= EL_SHARE_ALL; i++) {
        el_sharing back;
        assert_true(el_sharing_find(&back, el_sharing_name((el_sharing)i)));
        assert_int_equal(back, i);
    }
    el_sharing none;
    assert_false(el_sharing_find(&none, "some"));
}

static void table_knows_owners_decay_and_depth(void **state)
{
    (void)state;
    const el_pretrain_config pair = pair_of("tiny", 0.5, EL_SHARE_EMBEDDINGS);
    el_params params = {0};
    el_network g, d;
    assert_int_equal(el_params_build_pair(&params, &g, &d, &pair, NULL), ELECTRA_OK);
    const char query[] = "electra.encoder.layer.1.attention.self.query.weight";
    const size_t of_d = el_params_find(&params, query, EL_OWNER_DISCRIMINATOR);
    const size_t of_g = el_params_find(&params, query, EL_OWNER_GENERATOR);
    assert_int_equal(of_d, el_network_layer(&d, 1, EL_P_QUERY_W));
    assert_int_equal(of_g, el_network_layer(&g, 1, EL_P_QUERY_W));
    assert_int_not_equal(of_d, of_g);
    assert_int_equal(params.list[of_d].depth, 2);
    assert_true(params.list[of_d].decays);
    const size_t norm = el_params_find(&params, "electra.embeddings.LayerNorm.weight", EL_OWNER_GENERATOR);
    assert_int_equal(params.list[norm].owner, EL_OWNER_SHARED);
    assert_int_equal(params.list[norm].depth, 0);
    assert_false(params.list[norm].decays);
    const size_t bias = el_params_find(&params, "generator_lm_head.bias", EL_OWNER_GENERATOR);
    assert_int_equal(params.list[bias].depth, 3);
    assert_false(params.list[bias].decays);
    assert_int_equal(el_params_find(&params, "generator_lm_head.bias", EL_OWNER_DISCRIMINATOR), EL_NO_PARAM);
    assert_int_equal(d.projection, EL_NO_PARAM); /* tiny: E = H = 128 */
    assert_int_not_equal(g.projection, EL_NO_PARAM);
    for (size_t i = 1; i < params.count; i++) { /* rows do not overlap */
        const el_param *p = &params.list[i - 1];
        assert_true(params.list[i].offset >= p->offset + p->rows * p->cols);
    }
    el_params_clear(&params);
}

/* ---- starting values
 * --------------------------------------------------------------------------------------------------- */

typedef struct started {
    el_params params;
    el_network g, d;
    float *theta; /* [elements] on the host */
} started;

static started start(const char *preset, int threads, uint64_t seed)
{
    started s = {0};
    el_model_config d = el_preset_find(preset)->model;
    d.vocab_size = 1000;
    el_pretrain_config pair;
    assert_int_equal(el_pretrain_config_derive(&pair, &d, 0.5, 1.0, EL_SHARE_EMBEDDINGS, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_pair(&s.params, &s.g, &s.d, &pair, NULL), ELECTRA_OK);
    el_pool *pool;
    el_backend *be;
    assert_int_equal(el_pool_create(&pool, threads, NULL), ELECTRA_OK);
    assert_int_equal(el_backend_create_cpu(&be, pool, EL_CPU_BEST, NULL), ELECTRA_OK);
    void *theta = be->ops->alloc(be, s.params.elements * be->element_size);
    assert_int_equal(el_params_initialise(&s.params, be, theta, seed, NULL), ELECTRA_OK);
    s.theta = el_alloc(s.params.elements, sizeof *s.theta);
    be->ops->download_f32(be, s.theta, theta, s.params.elements);
    be->ops->free(be, theta);
    el_backend_free(be);
    el_pool_free(pool);
    return s;
}

static void drop(started *s)
{
    el_free(s->theta);
    el_params_clear(&s->params);
}

/* Mean, standard deviation and largest magnitude of a tensor. */
static void measure(const started *s, size_t index, double *mean, double *deviation, double *most)
{
    const el_param *p = &s->params.list[index];
    const size_t n = p->rows * p->cols;
    double sum = 0, squares = 0;
    *most = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = (double)s->theta[p->offset + i];
        sum += x;
        squares += x * x;
        *most = fmax(*most, fabs(x));
    }
    *mean = sum / (double)n;
    *deviation = sqrt(squares / (double)n - *mean * *mean);
}

/* electra.md 1.3: truncated at two deviations, which leaves 0.88 of the deviation; Glorot; ones; zeros */
static void starting_values_are_those_of_the_publication(void **state)
{
    (void)state;
    started s = start("small", 1, 42);
    double mean, deviation, most;
    const size_t normal[] = {s.d.embeddings + EL_P_WORD, s.d.embeddings + EL_P_POSITION,
                             el_network_layer(&s.d, 3, EL_P_UP_W), s.d.head + EL_P_DISC_W, s.g.head + EL_P_MLM_W};
    for (size_t i = 0; i < sizeof normal / sizeof normal[0]; i++) {
        measure(&s, normal[i], &mean, &deviation, &most);
        assert_true(fabs(mean) < 0.0006 && fabs(deviation - 0.0176) < 0.0003);
        assert_true(most <= 0.04 + 1e-9 && most > 0.038);
    }
    measure(&s, s.d.projection + EL_P_PROJECT_W, &mean, &deviation, &most);
    const double limit = sqrt(6.0 / (128 + 256));
    assert_true(most <= limit && most > 0.99 * limit && fabs(deviation - limit / sqrt(3.0)) < 0.02 * limit);
    measure(&s, s.d.head + EL_P_DISC_OUTPUT_W, &mean, &deviation, &most);
    assert_true(most <= sqrt(6.0 / 257) && most > 0.9 * sqrt(6.0 / 257));
    measure(&s, s.d.embeddings + EL_P_EMBED_GAMMA, &mean, &deviation, &most);
    assert_true(mean == 1.0 && most == 1.0);
    measure(&s, el_network_layer(&s.d, 0, EL_P_QUERY_B), &mean, &deviation, &most);
    assert_true(most == 0.0);
    drop(&s);
}

/* Column c of what position i alone brings to the first layer: its row of the table, through the projection if any. */
static double entry(const started *s, const el_network *network, size_t i, size_t c)
{
    const size_t columns = network->config.embedding_size;
    const float *row = s->theta + s->params.list[network->embeddings + EL_P_POSITION].offset + i * columns;
    if (network->projection == EL_NO_PARAM) {
        return (double)row[c];
    }
    const float *project = s->theta + s->params.list[network->projection + EL_P_PROJECT_W].offset + c * columns;
    double sum = 0;
    for (size_t e = 0; e < columns; e++) {
        sum += (double)project[e] * (double)row[e];
    }
    return sum;
}

/* The position that a head of a network's first layer prefers for the token at position 10, by positions alone. */
static int looked_at(const started *s, const el_network *network, size_t head)
{
    const size_t width = network->config.hidden_size, head_width = width / network->config.n_heads;
    const float *query = s->theta + s->params.list[el_network_layer(network, 0, EL_P_QUERY_W)].offset;
    const float *key = s->theta + s->params.list[el_network_layer(network, 0, EL_P_KEY_W)].offset;
    double best = -1e30;
    int where = -1;
    for (size_t j = 0; j < 20; j++) {
        double score = 0;
        for (size_t r = head * head_width; r < (head + 1) * head_width; r++) {
            double q = 0, k = 0;
            for (size_t c = 0; c < width; c++) {
                q += (double)query[r * width + c] * entry(s, network, 10, c);
                k += (double)key[r * width + c] * entry(s, network, j, c);
            }
            score += q * k;
        }
        if (score > best) {
            best = score;
            where = (int)j;
        }
    }
    return where;
}

static void quick_presets_start_by_looking_at_neighbours(void **state)
{
    (void)state;
    started s = start("tiny", 1, 42);
    const el_param *p = &s.params.list[s.d.embeddings + EL_P_POSITION];
    const float *table = s.theta + p->offset;
    for (size_t i = 0; i < 128; i++) { /* position 0: sin 0, cos 0, and nothing beyond the waves */
        assert_true(fabsf(table[i] - (i < EL_WAVE_COLUMNS && i % 2 ? 0.3f : 0.0f)) < 1e-7f);
    }
    assert_true(fabs((double)table[128] - 0.3 * sin(2.0 * 3.14159265358979 / 3.0)) < 1e-7); /* three tokens long */
    assert_int_equal(looked_at(&s, &s.g, 0), 9); /* one to the left; the generator has a projection, and one head */
    assert_int_equal(looked_at(&s, &s.d, 0), 9);
    assert_int_equal(looked_at(&s, &s.d, 1), 11);
    drop(&s);
}

static void starting_values_depend_on_the_seed_alone(void **state)
{
    (void)state;
    started a = start("tiny", 1, 42), b = start("tiny", 3, 42), c = start("tiny", 1, 43);
    const size_t bytes = a.params.elements * sizeof *a.theta;
    assert_memory_equal(a.theta, b.theta, bytes);
    assert_int_not_equal(memcmp(a.theta, c.theta, bytes), 0);
    drop(&a);
    drop(&b);
    drop(&c);
}

static void failed_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    const el_pretrain_config pair = pair_of("tiny", 0.5, EL_SHARE_NONE);
    for (unsigned long n = 1;; n++) {
        el_params params = {0};
        el_network g, d;
        test_fail_allocation(n);
        const electra_status status = el_params_build_pair(&params, &g, &d, &pair, NULL);
        test_fail_allocation(0);
        el_params_clear(&params);
        if (status == ELECTRA_OK) {
            assert_true(n > 1);
            return;
        }
        assert_int_equal(status, ELECTRA_NO_RESOURCE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameter_counts_are_the_published_ones),
        cmocka_unit_test(generators_have_the_published_sizes),
        cmocka_unit_test(fractions_round_half_to_even),
        cmocka_unit_test(overrides_derive_then_win),
        cmocka_unit_test(nonsense_is_refused_and_named),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(table_knows_owners_decay_and_depth),
        cmocka_unit_test(starting_values_are_those_of_the_publication),
        cmocka_unit_test(quick_presets_start_by_looking_at_neighbours),
        cmocka_unit_test(starting_values_depend_on_the_seed_alone),
        cmocka_unit_test(failed_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
