/* The quick way through the vocabulary of a tokenizer.json: what it takes, and what it leaves to the JSON parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interop/vocab_scan.h"

static bool scan(el_vocab_scan *out, const char *json)
{
    /* a copy of exact size, so that the address sanitizer sees a step too far */
    const size_t bytes = strlen(json);
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, json, bytes);
    const bool fine = el_vocab_scan_make(out, copy, bytes);
    free(copy);
    return fine;
}

static void test_plain(void **state)
{
    (void)state;
    el_vocab_scan s;
    assert_true(scan(&s, "{\"a\":[1,{\"vocab\":{}},\"}\\\"\"],\"model\":{\"type\":\"WordPiece\", \"vocab\" : { \"[PAD]\" :0,"
                         "\"\\\"\":3 ,\"\\\\\\/\":1,\"\xc3\xa9\":5},\"x\":null},\"z\":1}"));
    assert_int_equal(s.n, 6);
    assert_string_equal(s.tokens[0], "[PAD]");
    assert_string_equal(s.tokens[1], "\\/");
    assert_null(s.tokens[2]);
    assert_string_equal(s.tokens[3], "\"");
    assert_null(s.tokens[4]);
    assert_string_equal(s.tokens[5], "\xc3\xa9");
    const char *rest = "{\"a\":[1,{\"vocab\":{}},\"}\\\"\"],\"model\":{\"type\":\"WordPiece\", \"vocab\" : {},\"x\":null},"
                       "\"z\":1}";
    assert_int_equal(s.rest_bytes, strlen(rest));
    assert_memory_equal(s.rest, rest, strlen(rest));
    el_vocab_scan_clear(&s);
}

static void test_left_to_the_parser(void **state)
{
    (void)state;
    static const char *const VOCABULARIES[] = {
        "{\"a\":0,\"b\":0}",     "{\"a\":00}",       "{\"a\":-1}",        "{\"a\":1.0}", "{\"a\":1e1}",
        "{\"a\":16777216}",      "{\"a\":}",         "{\"a\" 1}",         "{\"a\":1,}",  "{}",
        "{\"\\u0061\":0}",       "{\"a\\n\":0}",     "{\"\xc3\":0}",      "{\"\x01\":0}", "{\"\xed\xa0\x80\":0}",
        "{\"a\":99999999999999999999}", "[\"a\",0]", "{\"a\":\"0\"}",     "{\"a",        "{\"a\\",
    };
    for (size_t i = 0; i < sizeof VOCABULARIES / sizeof *VOCABULARIES; i++) {
        char json[256];
        el_vocab_scan s;
        snprintf(json, sizeof json, "{\"model\":{\"vocab\":%s}}", VOCABULARIES[i]);
        if (scan(&s, json)) {
            fail_msg("%s was taken", json);
        }
    }
    el_vocab_scan s;
    assert_false(scan(&s, ""));
    assert_false(scan(&s, "{\"vocab\":{\"a\":0}}"));
    assert_false(scan(&s, "{\"model\":[{\"vocab\":{\"a\":0}}]}"));
    assert_false(scan(&s, "{\"model\""));
    assert_false(scan(&s, "{\"x\":\"\\"));
}

/* Cut anywhere before the end of the vocabulary, a document is never taken. */
static void test_cut(void **state)
{
    (void)state;
    static const char JSON[] = "{\"version\":\"1.0\",\"model\":{\"vocab\":{\"a\":0,\"\\\"b\":1}";
    for (size_t n = 0; n < sizeof JSON - 1; n++) {
        char json[sizeof JSON];
        memcpy(json, JSON, n);
        json[n] = '\0';
        el_vocab_scan s;
        assert_false(scan(&s, json));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_left_to_the_parser),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
