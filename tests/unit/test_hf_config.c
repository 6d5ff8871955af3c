/* config.json of task models: labels, problem, settings of heads, both families; and whole directories of each head. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "interop/hf_config.h"
#include "interop/model.h"
#include "interop/model_dir.h"
#include "interop/names.h"
#include "support/folder.h"

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

/* Members behind the type of an ELECTRA; the caller clears *out. */
static electra_status parse(el_hf_config *out, const char *members, electra_error *err)
{
    char text[1024];
    json_t *json;
    const int n = snprintf(text, sizeof text, "{\"model_type\":\"electra\"%s%s}", members[0] ? "," : "", members);
    assert_int_equal(el_json_parse(&json, text, (size_t)n, "test", NULL), ELECTRA_OK);
    const electra_status status = el_hf_config_parse(out, json, "config.json", err);
    json_decref(json);
    return status;
}

static void labels_are_read_in_the_order_of_their_ids(void **state)
{
    (void)state;
    el_hf_config c;
    assert_int_equal(parse(&c,
                           "\"id2label\":{\"1\":\"b\",\"10\":\"k\",\"0\":\"\\u00e4\",\"2\":\"c\",\"3\":\"d\","
                           "\"4\":\"e\",\"5\":\"f\",\"6\":\"g\",\"7\":\"h\",\"8\":\"b\",\"9\":\"\"}",
                           NULL),
                     ELECTRA_OK);
    assert_int_equal(c.labels.count, 11);
    assert_string_equal(c.labels.names[0], "\xc3\xa4");
    assert_string_equal(c.labels.names[1], "b");
    assert_string_equal(c.labels.names[8], "b");
    assert_string_equal(c.labels.names[9], "");
    assert_string_equal(c.labels.names[10], "k");
    el_hf_config_clear(&c);
}

static void absent_labels_are_numbered(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        size_t count;
    } CASES[] = {{"", 2},
                 {"\"id2label\":null", 2},
                 {"\"num_labels\":5", 5},
                 {"\"num_labels\":5,\"id2label\":{\"0\":\"LABEL_0\"}", 1}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        el_hf_config c;
        assert_int_equal(parse(&c, CASES[i].members, NULL), ELECTRA_OK);
        assert_int_equal(c.labels.count, CASES[i].count);
        assert_string_equal(c.labels.names[0], "LABEL_0");
        assert_int_equal(c.labels.problem, ELECTRA_PROBLEM_NONE);
        el_hf_config_clear(&c);
    }
}

static void problems_have_three_names(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        electra_problem problem;
    } CASES[] = {{"\"problem_type\":null", ELECTRA_PROBLEM_NONE},
                 {"\"problem_type\":\"regression\"", ELECTRA_PROBLEM_REGRESSION},
                 {"\"problem_type\":\"single_label_classification\"", ELECTRA_PROBLEM_SINGLE_LABEL},
                 {"\"problem_type\":\"multi_label_classification\"", ELECTRA_PROBLEM_MULTI_LABEL}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        el_hf_config c;
        assert_int_equal(parse(&c, CASES[i].members, NULL), ELECTRA_OK);
        assert_int_equal(c.labels.problem, CASES[i].problem);
        el_hf_config_clear(&c);
    }
}

static void a_classifier_drops_as_the_encoder_does_unless_told(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        double rate;
    } CASES[] = {{"\"hidden_dropout_prob\":0.25", 0.25},
                 {"\"hidden_dropout_prob\":0.25,\"classifier_dropout\":null", 0.25},
                 {"\"classifier_dropout\":0,\"hidden_dropout_prob\":0.25", 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        el_hf_config c;
        el_head_config head;
        assert_int_equal(parse(&c, CASES[i].members, NULL), ELECTRA_OK);
        assert_int_equal(el_hf_config_head(&head, &c, EL_HEAD_CLASSIFIER, "config.json", NULL), ELECTRA_OK);
        assert_true(head.dropout == CASES[i].rate && head.n_labels == 2);
        el_hf_config_clear(&c);
    }
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *members, *words;
    } CASES[] = {
        {"\"id2label\":[\"a\"]", "\"id2label\" should be an object"},
        {"\"id2label\":{}", "\"id2label\" should be an object of 1 to"},
        {"\"id2label\":{\"0\":\"a\",\"2\":\"b\"}", "lacks the member \"1\""},
        {"\"id2label\":{\"0\":\"a\",\"01\":\"b\"}", "lacks the member \"1\""},
        {"\"id2label\":{\"0\":7}", "\"0\" should be"},
        {"\"num_labels\":0", "\"num_labels\" is 0"},
        {"\"num_labels\":2000000", "\"num_labels\" is 2000000"},
        {"\"problem_type\":\"ranking\"", "\"problem_type\" is \"ranking\""},
        {"\"problem_type\":3", "\"problem_type\" should be"},
        {"\"classifier_dropout\":1", "\"classifier_dropout\" is 1"},
        {"\"classifier_dropout\":\"x\"", "\"classifier_dropout\" should be"},
        {"\"summary_last_dropout\":-1", "\"summary_last_dropout\" is -1"},
        {"\"summary_use_proj\":1", "\"summary_use_proj\" should be"},
        {"\"summary_type\":true", "\"summary_type\" should be"},
        {"\"joint_qa_hidden_size\":0", "\"joint_qa_hidden_size\" is 0"},
        {"\"joint_qa_hidden_size\":513", "\"joint_qa_hidden_size\" is 513"},
        {"\"null_threshold\":\"2\"", "\"null_threshold\" should be a number"},
        {"\"null_threshold\":1e31", "\"null_threshold\" is 1e+31"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        el_hf_config c;
        electra_error err = {0};
        const electra_status status = parse(&c, CASES[i].members, &err);
        if (status != ELECTRA_INVALID || !strstr(err.message, CASES[i].words)) {
            fail_msg("%s gave %d and \"%s\"", CASES[i].members, (int)status, err.message);
        }
        assert_null(c.labels.names);
    }
}

static void summaries_are_judged_when_a_choice_needs_them(void **state)
{
    (void)state;
    static const struct {
        const char *members, *words; /* NULL: fine */
        bool dense;
        el_activation act;
        double first, last;
    } CASES[] = {
        {"", NULL, true, EL_ACT_GELU, 0, 0.1},
        {"\"summary_activation\":null", NULL, true, EL_ACT_LINEAR, 0, 0.1},
        {"\"summary_activation\":\"tanh\",\"summary_use_proj\":false", NULL, false, EL_ACT_TANH, 0, 0.1},
        {"\"summary_first_dropout\":0.2,\"summary_last_dropout\":0.3", NULL, true, EL_ACT_GELU, 0.2, 0.3},
        {"\"summary_proj_to_labels\":true,\"summary_use_proj\":false", NULL, false, EL_ACT_GELU, 0, 0.1},
        {"\"summary_proj_to_labels\":true", "\"summary_proj_to_labels\" is true", 0, 0, 0, 0},
        {"\"summary_type\":\"mean\"", "\"summary_type\" is \"mean\"", 0, 0, 0, 0},
        {"\"summary_activation\":\"mish\"", "\"summary_activation\" is \"mish\"", 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        el_hf_config c;
        el_head_config head;
        electra_error err = {0};
        assert_int_equal(parse(&c, CASES[i].members, NULL), ELECTRA_OK);
        assert_int_equal(el_hf_config_head(&head, &c, EL_HEAD_TAGGER, "config.json", NULL), ELECTRA_OK);
        const electra_status status = el_hf_config_head(&head, &c, EL_HEAD_CHOICE, "config.json", &err);
        if (CASES[i].words) {
            assert_int_equal(status, ELECTRA_INVALID);
            assert_non_null(strstr(err.message, CASES[i].words));
        } else {
            assert_int_equal(status, ELECTRA_OK);
            assert_true(head.summary_dense == CASES[i].dense && head.summary_activation == CASES[i].act);
            assert_true(head.summary_first_dropout == CASES[i].first && head.summary_last_dropout == CASES[i].last);
        }
        el_hf_config_clear(&c);
    }
}

static void a_joint_head_needs_two_types(void **state)
{
    (void)state;
    el_hf_config c;
    el_head_config head;
    electra_error err = {0};
    assert_int_equal(parse(&c, "", NULL), ELECTRA_OK);
    assert_int_equal(el_hf_config_head(&head, &c, EL_HEAD_JOINT_QA, "config.json", NULL), ELECTRA_OK);
    assert_int_equal(head.inner, 512);
    el_hf_config_clear(&c);
    assert_int_equal(parse(&c, "\"type_vocab_size\":1", NULL), ELECTRA_OK);
    assert_int_equal(el_hf_config_head(&head, &c, EL_HEAD_JOINT_QA, "config.json", &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "type_vocab_size"));
    el_hf_config_clear(&c);
}

static void only_heads_for_questions_have_a_threshold(void **state)
{
    (void)state;
    el_hf_config c;
    el_head_config head;
    assert_int_equal(parse(&c, "\"null_threshold\":3", NULL), ELECTRA_OK);
    for (el_head kind = 0; kind < EL_N_HEADS; kind++) {
        assert_int_equal(el_hf_config_head(&head, &c, kind, "config.json", NULL), ELECTRA_OK);
        assert_true(head.null_threshold == (kind == EL_HEAD_SPANS || kind == EL_HEAD_JOINT_QA ? 3 : 0));
    }
    el_hf_config_clear(&c);
    assert_int_equal(parse(&c, "", NULL), ELECTRA_OK);
    assert_true(isnan(c.null_threshold));
    assert_int_equal(el_hf_config_head(&head, &c, EL_HEAD_SPANS, "config.json", NULL), ELECTRA_OK);
    assert_true(head.null_threshold == 0);
    el_hf_config_clear(&c);
}

static void a_bert_has_its_own_defaults(void **state)
{
    (void)state;
    json_t *json = json_pack("{s:s, s:i}", "model_type", "bert", "num_hidden_layers", 3);
    el_hf_config c;
    assert_int_equal(el_hf_config_parse(&c, json, "config.json", NULL), ELECTRA_OK);
    assert_int_equal(c.model.family, EL_FAMILY_BERT);
    assert_int_equal(c.model.hidden_size, 768);
    assert_int_equal(c.model.embedding_size, 768);
    assert_int_equal(c.model.n_heads, 12);
    assert_int_equal(c.model.n_layers, 3);
    assert_int_equal(c.model.intermediate_size, 3072);
    el_hf_config_clear(&c);
    (void)json_object_set_new(json, "hidden_size", json_integer(24));
    (void)json_object_set_new(json, "embedding_size", json_integer(7)); /* no member of theirs */
    assert_int_equal(el_hf_config_parse(&c, json, "config.json", NULL), ELECTRA_OK);
    assert_int_equal(c.model.embedding_size, 24);
    el_hf_config_clear(&c);
    json_decref(json);
}

/* ---- writing and whole directories ----------------------------------------------------------------------------------
 */

enum { V = 9 };

typedef struct kind {
    el_family family;
    el_head_config head;
    electra_model_kind kind;
    const char *architecture;
} kind;

static const kind KINDS[] = {
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_CLASSIFIER, .n_labels = 3, .dropout = 0.3},
     ELECTRA_MODEL_CLASSIFIER,
     "ElectraForSequenceClassification"},
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_TAGGER, .n_labels = 3, .dropout = 0.125},
     ELECTRA_MODEL_TAGGER,
     "ElectraForTokenClassification"},
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_SPANS, .null_threshold = -1.5},
     ELECTRA_MODEL_SPANS,
     "ElectraForQuestionAnswering"},
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_CHOICE,
      .summary_dense = true,
      .summary_activation = EL_ACT_TANH,
      .summary_first_dropout = 0.2,
      .summary_last_dropout = 0.4},
     ELECTRA_MODEL_CHOICE,
     "ElectraForMultipleChoice"},
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_CHOICE, .summary_activation = EL_ACT_LINEAR, .summary_last_dropout = 0.1},
     ELECTRA_MODEL_CHOICE,
     "ElectraForMultipleChoice"},
    {EL_FAMILY_ELECTRA, {.kind = EL_HEAD_NONE}, ELECTRA_MODEL_ENCODER, "ElectraModel"},
    {EL_FAMILY_BERT,
     {.kind = EL_HEAD_CLASSIFIER, .n_labels = 1, .dropout = 0.125, .pooler = true},
     ELECTRA_MODEL_CLASSIFIER,
     "BertForSequenceClassification"},
    {EL_FAMILY_BERT,
     {.kind = EL_HEAD_TAGGER, .n_labels = 4, .dropout = 0.5},
     ELECTRA_MODEL_TAGGER,
     "BertForTokenClassification"},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_SPANS}, ELECTRA_MODEL_SPANS, "BertForQuestionAnswering"},
    {EL_FAMILY_BERT,
     {.kind = EL_HEAD_CHOICE, .dropout = 0.25, .pooler = true},
     ELECTRA_MODEL_CHOICE,
     "BertForMultipleChoice"},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_NONE, .pooler = true}, ELECTRA_MODEL_ENCODER, "BertModel"},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_NONE}, ELECTRA_MODEL_ENCODER, "BertModel"},
    {EL_FAMILY_ELECTRA,
     {.kind = EL_HEAD_JOINT_QA, .inner = 19, .null_threshold = 0.25},
     ELECTRA_MODEL_JOINT_QA,
     "ElectraForJointQuestionAnswering"},
    {EL_FAMILY_BERT, {.kind = EL_HEAD_JOINT_QA, .inner = 512}, ELECTRA_MODEL_JOINT_QA, "BertForJointQuestionAnswering"},
};
enum { N_KINDS = sizeof KINDS / sizeof KINDS[0] };

typedef struct fixture {
    el_backend *be;
    el_params params;
    el_network network;
    el_weights weights;
} fixture;

static void make(fixture *f, const kind *k)
{
    const el_model_config config = {.family = k->family,
                                    .vocab_size = V,
                                    .embedding_size = k->family == EL_FAMILY_BERT ? 8 : 4,
                                    .hidden_size = 8,
                                    .n_layers = 1,
                                    .n_heads = 2,
                                    .intermediate_size = 6,
                                    .activation = EL_ACT_GELU,
                                    .hidden_dropout = 0.125,
                                    .attention_dropout = 0.25,
                                    .max_positions = 7,
                                    .n_types = 2,
                                    .initializer_range = 0.02,
                                    .layer_norm_eps = 1e-12};
    assert_int_equal(el_backend_create_cpu(&f->be, NULL, EL_CPU_REF, NULL), ELECTRA_OK);
    f->params = (el_params){0};
    assert_int_equal(el_params_build_single(&f->params, &f->network, &config, &k->head, NULL), ELECTRA_OK);
    void *block = f->be->ops->alloc(f->be, f->params.elements * f->be->element_size);
    f->weights = el_weights_of(f->be, &f->params, block);
    assert_int_equal(el_params_initialise(&f->params, f->be, block, 3, NULL), ELECTRA_OK);
}

static void clear(fixture *f)
{
    f->be->ops->free(f->be, f->weights.data);
    el_params_clear(&f->params);
    el_backend_free(f->be);
}

static void assert_same_head(const el_head_config *a, const el_head_config *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->n_labels, b->n_labels);
    assert_true(a->dropout == b->dropout && a->pooler == b->pooler && a->summary_dense == b->summary_dense);
    assert_int_equal(a->summary_activation, b->summary_activation);
    assert_int_equal(a->inner, b->inner);
    assert_true(a->null_threshold == b->null_threshold);
    assert_true(a->summary_first_dropout == b->summary_first_dropout &&
                a->summary_last_dropout == b->summary_last_dropout);
}

static void assert_same_sizes(const el_model_config *a, const el_model_config *b)
{
    assert_true(a->family == b->family && a->vocab_size == b->vocab_size && a->embedding_size == b->embedding_size);
    assert_true(a->hidden_size == b->hidden_size && a->n_layers == b->n_layers && a->n_heads == b->n_heads);
    assert_true(a->intermediate_size == b->intermediate_size && a->activation == b->activation);
    assert_true(a->hidden_dropout == b->hidden_dropout && a->attention_dropout == b->attention_dropout);
    assert_true(a->max_positions == b->max_positions && a->n_types == b->n_types && a->pad_id == b->pad_id);
    assert_true(a->initializer_range == b->initializer_range && a->layer_norm_eps == b->layer_norm_eps);
}

static bool has_labels(const kind *k)
{
    return k->head.n_labels > 0;
}

/* Of the outputs of a kind; cleared by the caller. */
static el_labels labels_of(const kind *k)
{
    static const char *const NAMES[] = {"no", "\xc3\xbc \"yes\"", "maybe", "O"};
    el_labels labels = {0};
    const electra_problem problem = k->head.n_labels == 1 ? ELECTRA_PROBLEM_REGRESSION : ELECTRA_PROBLEM_MULTI_LABEL;
    assert_int_equal(el_labels_make(&labels, NAMES, k->head.n_labels, problem, NULL), ELECTRA_OK);
    return labels;
}

static void configs_come_back_as_they_were_written(void **state)
{
    const char *path = test_path(*state, "config.json");
    for (size_t i = 0; i < N_KINDS; i++) {
        fixture f;
        make(&f, &KINDS[i]);
        el_labels labels = {0};
        if (has_labels(&KINDS[i])) {
            labels = labels_of(&KINDS[i]);
        }
        assert_int_equal(el_hf_config_write(&f.network, has_labels(&KINDS[i]) ? &labels : NULL, EL_DTYPE_F32, path, NULL),
                         ELECTRA_OK);
        el_hf_config c;
        el_head_config head;
        assert_int_equal(el_hf_config_read(&c, path, NULL), ELECTRA_OK);
        assert_string_equal(c.architecture, KINDS[i].architecture);
        assert_same_sizes(&c.model, &f.network.config);
        assert_int_equal(el_hf_config_head(&head, &c, KINDS[i].head.kind, path, NULL), ELECTRA_OK);
        head.pooler = KINDS[i].head.pooler; /* a fact of the weights */
        assert_same_head(&head, &KINDS[i].head);
        assert_int_equal(c.labels.problem, labels.problem);
        for (size_t k = 0; k < labels.count; k++) {
            assert_string_equal(c.labels.names[k], labels.names[k]);
        }
        el_hf_config_clear(&c);
        el_labels_clear(&labels);
        clear(&f);
    }
}

/* transformers reads both maps, and no member that is not its class's. */
static void maps_of_labels_are_each_others_inverse(void **state)
{
    const char *path = test_path(*state, "config.json");
    fixture f;
    json_t *json;
    make(&f, &KINDS[7]);
    assert_int_equal(el_hf_config_write(&f.network, NULL, EL_DTYPE_F32, path, NULL), ELECTRA_OK);
    assert_int_equal(el_json_load(&json, path, NULL), ELECTRA_OK);
    assert_int_equal(json_object_size(json_object_get(json, "id2label")), 4);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "id2label"), "3")), "LABEL_3");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "label2id"), "LABEL_3")), 3);
    assert_null(json_object_get(json, "embedding_size"));
    assert_null(json_object_get(json, "summary_type"));
    assert_null(json_object_get(json, "problem_type"));
    assert_true(json_real_value(json_object_get(json, "classifier_dropout")) == 0.5);
    json_decref(json);
    clear(&f);
}

static void directories_say_which_head_they_hold(void **state)
{
    const char *folder = test_path(*state, "model");
    for (size_t i = 0; i < N_KINDS; i++) {
        const kind *k = &KINDS[i];
        fixture f;
        make(&f, k);
        el_labels labels = {0};
        if (has_labels(k)) {
            labels = labels_of(k);
        }
        assert_int_equal(el_model_dir_write(folder, &f.network, has_labels(k) ? &labels : NULL, f.weights, NULL, NULL),
                         ELECTRA_OK);
        el_model_dir *dir;
        assert_int_equal(el_model_dir_open(&dir, folder, NULL, NULL), ELECTRA_OK);
        assert_same_head(el_model_dir_head(dir), &k->head);
        el_model_dir_close(dir);

        electra_model *model;
        assert_int_equal(electra_model_load(&model, folder, NULL, NULL), ELECTRA_OK);
        assert_int_equal(electra_model_kind_of(model), k->kind);
        assert_int_equal(electra_model_label_count(model), labels.count);
        assert_int_equal(electra_model_problem(model), labels.problem);
        assert_true(electra_model_null_threshold(model) == k->head.null_threshold);
        for (size_t l = 0; l < labels.count; l++) {
            assert_string_equal(electra_model_label(model, l), labels.names[l]);
        }
        assert_null(electra_model_label(model, labels.count));
        assert_int_equal(electra_model_describe(model).parameters, el_params_total(&f.params, EL_OWNER_SHARED));
        electra_model_free(model);
        el_labels_clear(&labels);
        clear(&f);
    }
}

static double threshold_of(const char *folder)
{
    electra_model *model;
    assert_int_equal(electra_model_load(&model, folder, NULL, NULL), ELECTRA_OK);
    const double threshold = electra_model_null_threshold(model);
    electra_model_free(model);
    return threshold;
}

/* What fine-tuning finds out after the model was written, and what other programs make of the model. */
static void a_threshold_is_set_in_a_finished_directory(void **state)
{
    const char *folder = test_path(*state, "qa"), *path = test_path(*state, "qa/config.json");
    fixture f;
    char *before, *with, *after;
    size_t before_bytes, with_bytes, after_bytes;
    make(&f, &KINDS[8]);
    assert_int_equal(el_model_dir_write(folder, &f.network, NULL, f.weights, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_read_file(&before, &before_bytes, path, 1 << 20, NULL), ELECTRA_OK);
    static const struct {
        double set, found;
    } CASES[] = {{(double)INFINITY, EL_HF_BEYOND_ODDS}, {-(double)INFINITY, -EL_HF_BEYOND_ODDS}, {0, 0}, {-7.25, -7.25}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(el_hf_config_set_null_threshold(folder, CASES[i].set, NULL), ELECTRA_OK);
        assert_true(threshold_of(folder) == CASES[i].found);
    }
    assert_int_equal(el_hf_config_set_null_threshold(folder, 1.0 / 3, NULL), ELECTRA_OK);
    assert_true(fabs(threshold_of(folder) - 1.0 / 3) < 2e-14);
    assert_int_equal(el_read_file(&with, &with_bytes, path, 1 << 20, NULL), ELECTRA_OK);
    static const char LINE[] = "  \"null_threshold\": 0.333333333333337,\n";
    char *line = strstr(with, LINE);
    assert_non_null(line);
    memmove(line, line + strlen(LINE), strlen(line + strlen(LINE)) + 1);
    assert_string_equal(with, before); /* nothing else moved, not even the digits of other numbers */
    const char *converted = test_path(*state, "converted"), *small = test_path(*state, "small");
    assert_int_equal(electra_model_convert(NULL, folder, converted, NULL, NULL), ELECTRA_OK);
    assert_true(threshold_of(converted) == threshold_of(folder));
    assert_int_equal(electra_model_quantize(folder, small, NULL, NULL), ELECTRA_OK);
    assert_true(threshold_of(small) == threshold_of(folder));
    assert_int_equal(el_hf_config_set_null_threshold(folder, (double)NAN, NULL), ELECTRA_OK);
    assert_int_equal(el_read_file(&after, &after_bytes, path, 1 << 20, NULL), ELECTRA_OK);
    assert_string_equal(after, before);
    electra_error err = {0};
    assert_int_equal(el_hf_config_set_null_threshold(test_path(*state, "nowhere"), 1, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "nowhere/config.json"));
    el_free(before);
    el_free(with);
    el_free(after);
    clear(&f);
}

/* One layer called "classifier" may be three heads; without an architecture it is what the tensors can be. */
static void a_lone_classifier_is_told_by_its_architecture(void **state)
{
    static const struct {
        size_t written; /* of KINDS */
        const char *architecture;
        el_head expected;
    } CASES[] = {{1, NULL, EL_HEAD_TAGGER},
                 {1, "SomethingElse", EL_HEAD_TAGGER},
                 {4, "ElectraForMultipleChoice", EL_HEAD_CHOICE},
                 {6, NULL, EL_HEAD_CLASSIFIER},
                 {6, "BertForMultipleChoice", EL_HEAD_CHOICE},
                 {7, NULL, EL_HEAD_TAGGER},
                 {7, "BertForSequenceClassification", EL_HEAD_TAGGER}}; /* it has no pooler to read */
    const char *folder = test_path(*state, "lone"), *path = test_path(*state, "lone/config.json");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        fixture f;
        json_t *json;
        el_model_dir *dir;
        make(&f, &KINDS[CASES[i].written]);
        assert_int_equal(el_model_dir_write(folder, &f.network, NULL, f.weights, NULL, NULL), ELECTRA_OK);
        assert_int_equal(el_json_load(&json, path, NULL), ELECTRA_OK);
        if (CASES[i].architecture) {
            (void)json_object_set_new(json, "architectures", json_pack("[s]", CASES[i].architecture));
        } else {
            (void)json_object_del(json, "architectures");
        }
        assert_int_equal(el_json_save(json, path, NULL), ELECTRA_OK);
        assert_int_equal(el_model_dir_open(&dir, folder, NULL, NULL), ELECTRA_OK);
        assert_int_equal(el_model_dir_head(dir)->kind, CASES[i].expected);
        el_model_dir_close(dir);
        json_decref(json);
        clear(&f);
    }
}

static void berts_masked_lm_head_is_called_as_ours_is(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *ours, *back; /* back NULL: as stored */
    } CASES[] = {
        {"cls.predictions.transform.dense.weight", "generator_predictions.dense.weight", NULL},
        {"cls.predictions.transform.LayerNorm.gamma", "generator_predictions.LayerNorm.weight",
         "cls.predictions.transform.LayerNorm.weight"},
        {"cls.predictions.bias", "generator_lm_head.bias", NULL},
        {"cls.predictions.decoder.weight", "generator_lm_head.weight", NULL},
        {"cls.seq_relationship.weight", "cls.seq_relationship.weight", NULL},
        {"bert.pooler.dense.bias", "electra.pooler.dense.bias", NULL},
        {"bert.embeddings.LayerNorm.beta", "electra.embeddings.LayerNorm.bias", "bert.embeddings.LayerNorm.bias"},
        {"classifier.weight", "classifier.weight", NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char name[EL_PARAM_NAME_BYTES];
        el_name_from_hf(name, sizeof name, CASES[i].stored);
        assert_string_equal(name, CASES[i].ours);
        el_name_to_hf(name, sizeof name, CASES[i].ours, EL_FAMILY_BERT, false);
        assert_string_equal(name, CASES[i].back ? CASES[i].back : CASES[i].stored);
        el_name_to_hf(name, sizeof name, CASES[i].ours, EL_FAMILY_ELECTRA, false);
        assert_string_equal(name, CASES[i].ours);
    }
    assert_true(el_name_is_buffer("cls.predictions.decoder.bias"));
}

static void another_number_of_labels_is_refused(void **state)
{
    const char *folder = test_path(*state, "count"), *path = test_path(*state, "count/config.json");
    fixture f;
    json_t *json;
    electra_model *model;
    electra_error err = {0};
    make(&f, &KINDS[0]);
    assert_int_equal(el_model_dir_write(folder, &f.network, NULL, f.weights, NULL, NULL), ELECTRA_OK);
    assert_int_equal(el_json_load(&json, path, NULL), ELECTRA_OK);
    (void)json_object_del(json, "id2label");
    assert_int_equal(el_json_save(json, path, NULL), ELECTRA_OK);
    assert_int_equal(electra_model_load(&model, folder, NULL, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "classifier.out_proj"));
    assert_non_null(strstr(err.message, "[3, 8]"));
    assert_non_null(strstr(err.message, "[2, 8]"));
    json_decref(json);
    clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_read_in_the_order_of_their_ids),
        cmocka_unit_test(absent_labels_are_numbered),
        cmocka_unit_test(problems_have_three_names),
        cmocka_unit_test(a_classifier_drops_as_the_encoder_does_unless_told),
        cmocka_unit_test(what_makes_no_sense_is_refused_by_name),
        cmocka_unit_test(summaries_are_judged_when_a_choice_needs_them),
        cmocka_unit_test(only_heads_for_questions_have_a_threshold),
        cmocka_unit_test(a_bert_has_its_own_defaults),
        cmocka_unit_test(a_joint_head_needs_two_types),
        cmocka_unit_test(berts_masked_lm_head_is_called_as_ours_is),
        cmocka_unit_test_setup_teardown(configs_come_back_as_they_were_written, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(maps_of_labels_are_each_others_inverse, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(directories_say_which_head_they_hold, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(a_threshold_is_set_in_a_finished_directory, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(a_lone_classifier_is_told_by_its_architecture, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(another_number_of_labels_is_refused, test_folder_setup, test_folder_teardown),
    };
    return cmocka_run_group_tests_name("hf_config", tests, NULL, NULL);
}
