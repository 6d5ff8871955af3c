/* golden must notice in cases of type pipeline too: in every file of answers one value after another is altered (a
 * sample of them), and what passed before must then be called wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "golden/case.h"

#define FIXTURE TEST_SOURCE_DIR "/tests/golden/fixtures/pipeline"

static const char *const FILES[] = {"fill-mask.json",
                                    "question-answering.json",
                                    "replaced-tokens.json",
                                    "text-classification-classify.json",
                                    "text-classification-multilabel.json",
                                    "text-classification-regress.json",
                                    "text-classification-single.json",
                                    "token-classification.json",
                                    "tokens.json"};
enum { ALTERED = 12 }; /* values of each file */

static char folder[] = "/tmp/electra-alarm-XXXXXX";

static int copy_fixture(void **state)
{
    (void)state;
    char command[512];
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)snprintf(command, sizeof command, "cp -r '%s/.' '%s'", FIXTURE, folder);
    return system(command);
}

static int drop_fixture(void **state)
{
    (void)state;
    return (int)el_remove_tree(folder, NULL);
}

/* What the pipeline compares: not the questions' settings, nor logits whose probabilities are there. */
static bool is_compared(const char *name)
{
    return strcmp(name, "settings") != 0 && strcmp(name, "logit") != 0;
}

/* Alter the value number *left of a document, counted down; true once it is done. edges: values to leave alone at both
 * ends of lists that are members. */
static bool alter(json_t *json, size_t edges, size_t *left)
{
    if (json_is_object(json)) {
        const char *name;
        json_t *value;
        json_object_foreach(json, name, value)
        {
            const size_t skipped = json_is_array(value) ? edges : 0;
            for (size_t i = skipped; json_is_array(value) && i + skipped < json_array_size(value); i++) {
                if (is_compared(name) && alter(json_array_get(value, i), edges, left)) {
                    return true;
                }
            }
            if (!json_is_array(value) && is_compared(name) && alter(value, edges, left)) {
                return true;
            }
        }
        return false;
    }
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json); i++) {
            if (alter(json_array_get(json, i), edges, left)) {
                return true;
            }
        }
        return false;
    }
    if (json_is_null(json) || (*left)-- > 0) {
        return false;
    }
    if (json_is_integer(json)) {
        json_integer_set(json, json_integer_value(json) + 1);
    } else if (json_is_real(json)) {
        json_real_set(json, json_real_value(json) + 1e-3);
    } else {
        json_string_set(json, "another");
    }
    return true;
}

static size_t problems(void)
{
    golden_case c;
    assert_true(golden_open(&c, folder));
    golden_run_pipeline(&c, NULL);
    golden_check_all_seen(&c);
    const size_t n = c.verdict.n_wrong;
    golden_close(&c);
    return n;
}

static void answers_are_watched(void **state)
{
    (void)state;
    assert_int_equal(problems(), 0);
    for (size_t f = 0; f < sizeof FILES / sizeof *FILES; f++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, FILES[f]);
        json_t *whole = json_load_file(path, JSON_ALLOW_NUL, NULL);
        assert_non_null(whole);
        const size_t edges = strcmp(FILES[f], "replaced-tokens.json") == 0; /* [CLS] and [SEP] get no verdict here */
        size_t left = SIZE_MAX;
        (void)alter(whole, edges, &left);
        const size_t n = SIZE_MAX - left;
        assert_true(n > ALTERED);
        for (size_t k = 0; k < ALTERED; k++) {
            json_t *changed = json_deep_copy(whole);
            size_t which = n * k / ALTERED + k % 7 % (n / ALTERED);
            assert_true(alter(changed, edges, &which));
            assert_int_equal(json_dump_file(changed, path, JSON_REAL_PRECISION(10)), 0);
            if (problems() == 0) {
                fail_msg("nobody noticed value %zu of %s", n * k / ALTERED + k % 7 % (n / ALTERED), FILES[f]);
            }
            json_decref(changed);
        }
        assert_int_equal(json_dump_file(whole, path, JSON_REAL_PRECISION(10)), 0);
        json_decref(whole);
    }
    assert_int_equal(problems(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_watched)};
    return cmocka_run_group_tests(tests, copy_fixture, drop_fixture);
}
