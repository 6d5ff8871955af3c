/* The answers of a discriminator and a generator against those of transformers' own classes and pipelines, in the case
 * `pipeline` of a folder of golden numbers. That folder is large and not part of the repository: it is looked for in
 * $ELECTRA_SHARED or beside the source in ../shared, and a check that cannot find its file says so and is counted as
 * skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <electra/infer.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 5e-5; /* of scores, as the case's README gives it */

static const char *in_case(const char *name)
{
    static char path[1024];
    const char *set = getenv("ELECTRA_SHARED");
    (void)snprintf(path, sizeof path, "%s/golden/pipeline/%s", set ? set : TEST_SOURCE_DIR "/../shared", name);
    return path;
}

static json_t *load_json(const char *name)
{
    if (access(in_case(name), R_OK) != 0) {
        (void)fprintf(stderr, "SKIPPED: %s is not there (set ELECTRA_SHARED to the folder that holds golden/)\n",
                      in_case(name));
        skip();
    }
    json_error_t problem;
    json_t *json = json_load_file(in_case(name), JSON_ALLOW_NUL, &problem);
    if (!json) {
        fail_msg("%s, line %d: %s", problem.source, problem.line, problem.text);
    }
    return json;
}

typedef struct asked {
    electra_model *model;
    electra_session *session;
} asked;

static asked ask(const char *name)
{
    asked a = {0};
    electra_error err = {0};
    electra_model_options options = electra_model_options_default();
    options.specials_in_text = true; /* as the pipelines do */
    if (electra_model_load(&a.model, in_case(name), &options, &err) != ELECTRA_OK ||
        electra_session_create(&a.session, a.model, NULL, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    return a;
}

static void done(asked *a)
{
    electra_session_free(a->session);
    electra_model_free(a->model);
}

static void replaced_tokens(void **state)
{
    (void)state;
    json_t *expected = load_json("replaced-tokens.json");
    json_t *texts = load_json("texts.json");
    asked a = ask("discriminator");
    const size_t positions = electra_model_describe(a.model).max_positions;
    size_t compared = 0;
    size_t longer = 0;
    double worst = 0;
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(texts, "texts"), i, text)
    {
        const json_t *wanted = json_array_get(expected, i);
        const json_t *tokens = json_object_get(wanted, "tokens");
        const size_t n = json_array_size(tokens);
        const electra_text asked_text = {json_string_value(text), json_string_length(text)};
        electra_detection found;
        assert_int_equal(electra_session_detect(a.session, &asked_text, 1, &found, NULL), ELECTRA_OK);
        if (n == positions) { /* cut there, covered by windows here */
            assert_true(found.n + 2 >= n);
            longer++;
            continue;
        }
        assert_int_equal(found.n + 2, n);
        for (size_t t = 0; t < found.n; t++) {
            assert_string_equal(found.tokens[t].token, json_string_value(json_array_get(tokens, t + 1)));
            const json_t *offsets = json_array_get(json_object_get(wanted, "offsets"), t + 1);
            assert_int_equal(found.tokens[t].span.start, json_integer_value(json_array_get(offsets, 0)));
            assert_int_equal(found.tokens[t].span.end, json_integer_value(json_array_get(offsets, 1)));
            const double score = json_number_value(json_array_get(json_object_get(wanted, "probability"), t + 1));
            worst = fmax(worst, fabs((double)found.tokens[t].score - score));
            compared++;
        }
    }
    (void)fprintf(stderr, "replaced tokens: %zu compared, worst difference %.1e (%zu texts longer than the model)\n",
                  compared, worst, longer);
    assert_true(compared > 100);
    assert_true(worst <= TOLERANCE);
    done(&a);
    json_decref(expected);
    json_decref(texts);
}

static void compare_blank(const asked *a, const electra_filling *f, size_t blank, const json_t *wanted, double *worst)
{
    for (size_t c = 0; c < json_array_size(wanted); c++) {
        const json_t *candidate = json_array_get(wanted, c);
        const electra_candidate *found = &f->blanks[blank].candidates[c];
        assert_int_equal(found->id, json_integer_value(json_object_get(candidate, "token")));
        *worst = fmax(*worst, fabs((double)found->score - json_number_value(json_object_get(candidate, "score"))));
        char *text;
        assert_int_equal(electra_session_filled_text(a->session, f, blank, c, &text, NULL), ELECTRA_OK);
        assert_string_equal(text, json_string_value(json_object_get(candidate, "sequence")));
        electra_text_free(text);
        assert_int_equal(
            electra_tokenizer_decode(electra_model_tokenizer(a->model), &found->id, 1, false, &text, NULL, NULL),
            ELECTRA_OK);
        assert_string_equal(text, json_string_value(json_object_get(candidate, "token_str")));
        electra_text_free(text);
    }
}

static void filled_masks(void **state)
{
    (void)state;
    json_t *expected = load_json("fill-mask.json");
    json_t *texts = load_json("texts.json");
    asked a = ask("generator");
    const size_t positions = electra_model_describe(a.model).max_positions;
    size_t compared = 0;
    double worst = 0;
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(texts, "masked"), i, text)
    {
        const json_t *wanted = json_array_get(json_object_get(expected, "top_5"), i);
        const electra_text asked_text = {json_string_value(text), json_string_length(text)};
        electra_filling filling;
        assert_int_equal(electra_session_fill(a.session, &asked_text, 1, 5, &filling, NULL), ELECTRA_OK);
        if (filling.n_ids > positions) {
            continue;
        }
        const bool several = json_is_array(json_array_get(wanted, 0));
        assert_int_equal(filling.n, several ? json_array_size(wanted) : 1);
        for (size_t b = 0; b < filling.n; b++) {
            compare_blank(&a, &filling, b, several ? json_array_get(wanted, b) : wanted, &worst);
            compared++;
        }
    }
    (void)fprintf(stderr, "masks: %zu compared, worst difference %.1e\n", compared, worst);
    assert_true(compared >= 5);
    assert_true(worst <= TOLERANCE);
    done(&a);
    json_decref(expected);
    json_decref(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced_tokens),
        cmocka_unit_test(filled_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
