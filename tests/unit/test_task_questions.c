/* Questions about contexts: SQuAD 1.1 and 2.0, flat lists, JSON lines, MRQA; where answers stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/folder.h"
#include "support/labelled.h"

static el_source squad(void)
{
    return el_source_default(EL_SOURCE_SQUAD, EL_TASK_ANSWER);
}

/* One article with one paragraph. */
#define ARTICLE(context, questions)                                                                                    \
    "{\"title\":\"t\",\"paragraphs\":[{\"context\":\"" context "\",\"qas\":[" questions "]}]}"
#define SQUAD(articles)       "{\"version\":\"x\",\"data\":[" articles "]}"
#define ANSWER(text, start)   "{\"text\":\"" text "\",\"answer_start\":" #start "}"
#define QUESTION(id, answers) "{\"id\":\"" id "\",\"question\":\"q" id "\",\"answers\":[" answers "]}"

static void places_count_code_points(void **state)
{
    (void)state;
    const el_source source = squad();
    test_expect(
        &source,
        SQUAD(ARTICLE("h\\u00e9 \\ud83d\\ude00 the cat", QUESTION("1", ANSWER("the cat", 5) "," ANSWER("cat", 9)))),
        "1 q1 + h\xC3\xA9 \xF0\x9F\x98\x80 the cat = 'the cat'@5 'cat'@9 (1)\n", "", "");
    test_expect(&source, SQUAD(ARTICLE("the cat", QUESTION("1", ANSWER("cat", 4)))), "1 q1 + the cat = 'cat'@4 (1)\n",
                "", "");
}

static void questions_may_be_impossible(void **state)
{
    (void)state;
    const el_source source = squad();
    test_expect(
        &source,
        SQUAD(ARTICLE("the cat",
                      "{\"id\":\"a\",\"question\":\"q\",\"answers\":[],\"is_impossible\":true},"
                      "{\"id\":\"b\",\"question\":\"q\",\"answers\":[],\"is_impossible\":false},"
                      "{\"id\":\"c\",\"question\":\"q\",\"answers\":[" ANSWER(
                          "cat", 4) "],\"is_impossible\":true},"
                                    "{\"id\":\"d\",\"question\":\"q\"},"
                                    "{\"id\":\"e\",\"question\":\"q\",\"answers\":[]},"
                                    "{\"id\":\"f\",\"question\":\"q\",\"is_impossible\":true,\"plausible_answers\":[]},"
                                    "{\"id\":\"g\",\"answers\":[]}")),
        "1 q + the cat = impossible (a)\n"
        "3 q + the cat = impossible (c)\n"
        "4 q + the cat = (d)\n"
        "5 q + the cat = impossible (e)\n"
        "6 q + the cat = impossible (f)\n",
        "",
        "file:2: the question is said to be possible, but has no answer; the row is skipped\n"
        "file:3: the question is said to be impossible, but has answers, which are left out\n"
        "file:7: the question has no text; the row is skipped\n");
}

static void answers_that_are_elsewhere_are_found(void **state)
{
    (void)state;
    const el_source source = squad();
    test_expect(
        &source,
        SQUAD(ARTICLE(
            "\\u00e9 cat, cat, cat",
            QUESTION("1", ANSWER("cat", 8)) "," QUESTION("2", ANSWER("cat", 99)) "," QUESTION("3", ANSWER("cat", 0)) "," QUESTION(
                "4",
                "{\"text\":\"cat\"}") "," QUESTION("5",
                                                   ANSWER(
                                                       "Cat",
                                                       2)) "," QUESTION("6",
                                                                        ANSWER("dog", 400) "," ANSWER(
                                                                            "cat",
                                                                            7)) "," QUESTION("7",
                                                                                             ANSWER("", 0) "," ANSWER(
                                                                                                 "cat", -1)))),
        "1 q1 + \xC3\xA9 cat, cat, cat = 'cat'@7 (1)\n"
        "2 q2 + \xC3\xA9 cat, cat, cat = 'cat'@12 (2)\n"
        "3 q3 + \xC3\xA9 cat, cat, cat = 'cat'@2 (3)\n"
        "4 q4 + \xC3\xA9 cat, cat, cat = 'cat'@2 (4)\n"
        "5 q5 + \xC3\xA9 cat, cat, cat = 'Cat'@2 (5)\n"
        "6 q6 + \xC3\xA9 cat, cat, cat = 'cat'@7 'dog'@- (6)\n"
        "7 q7 + \xC3\xA9 cat, cat, cat = 'cat'@2 (7)\n",
        "",
        "file:1: the answer 'cat' does not stand at 8, but at 7, which is used\n"
        "file:2: the answer 'cat' does not stand at 99, but at 12, which is used\n"
        "file:3: the answer 'cat' does not stand at 0, but at 2, which is used\n"
        "file:5: the answer 'Cat' does not stand in the context in these very words; the row is kept\n"
        "file:6: the answer 'dog' does not stand in the context in these very words; the row is kept\n"
        "file:7: an answer without a text is left out\n");
}

static void broken_articles_are_skipped(void **state)
{
    (void)state;
    const el_source source = squad();
    test_expect(
        &source,
        SQUAD("{\"title\":\"x\"}," ARTICLE("the cat",
                                           QUESTION("1", ANSWER("cat", 4))) ",{\"paragraphs\":[{\"qas\":[]}]},7"),
        "2 q1 + the cat = 'cat'@4 (1)\n", "",
        "file:1: neither an article with \"paragraphs\" nor a question with a \"context\"; the row is skipped\n"
        "file:3: a paragraph has no \"context\" or no \"qas\"; the row is skipped\n"
        "file:4: neither an article with \"paragraphs\" nor a question with a \"context\"; the row is skipped\n");
    test_expect_refusal(&source, "{\"version\":1}", ELECTRA_INVALID, "file has no list \"data\"");
    test_expect_refusal(&source, "7", ELECTRA_INVALID, "JSON");
    test_expect_refusal(&source, SQUAD(""), ELECTRA_INVALID, "file has no rows");
    test_expect_refusal(&source, "{\"data\":[}", ELECTRA_INVALID, "file is not valid JSON");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    const el_source source = squad();
    test_expect(&source, "\xEF\xBB\xBF" SQUAD(ARTICLE("\xE9 cat", QUESTION("1", ANSWER("cat", 2)))),
                "1 q1 + \xEF\xBF\xBD cat = 'cat'@2 (1)\n", "",
                "file:1: has bytes that are not UTF-8; they are read as U+FFFD\n");
}

static void lists_without_articles_are_read(void **state)
{
    (void)state;
    const el_source source = squad();
    static const char FLAT[] =
        "[{\"id\":\"1\",\"question\":\"q\",\"context\":\"the "
        "cat\",\"answers\":{\"text\":[\"cat\"],\"answer_start\":[4]}},"
        "{\"id\":\"2\",\"question\":\"q\",\"context\":\"the cat\",\"answers\":{\"text\":[],\"answer_start\":[]}},"
        "{\"id\":\"3\",\"question\":\"q\",\"context\":\"other "
        "cat\",\"answers\":{\"text\":\"cat\",\"answer_start\":6}}]";
    test_labelled *o = test_labelled_text(&source, FLAT, NULL);
    assert_string_equal(o->text,
                        "1 q + the cat = 'cat'@4 (1)\n2 q + the cat = impossible (2)\n3 q + other cat = 'cat'@6 (3)\n");
    assert_int_equal(o->examples->list[0].group, o->examples->list[1].group);
    assert_int_not_equal(o->examples->list[1].group, o->examples->list[2].group);
    assert_ptr_equal(o->examples->list[0].pair.text, o->examples->list[1].pair.text); /* stored once */
    test_labelled_free(o);
}

static void json_lines_hold_questions(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_ANSWER);
    test_expect(&source,
                "{\"id\":1,\"question\":\"q\",\"context\":\"the cat\",\"answers\":\"cat\"}\n"
                "{\"id\":2,\"question\":\"q\",\"context\":\"the cat\",\"answers\":[\"cat\",\"the\"]}\n"
                "{\"id\":3,\"question\":\"q\",\"context\":\"the cat\"}\n"
                "{\"id\":4,\"question\":\"q\",\"context\":\"the cat\",\"is_impossible\":true}\n"
                "{\"id\":5,\"question\":\"q\",\"answers\":\"cat\"}\n",
                "1 q + the cat = 'cat'@4 (1)\n2 q + the cat = 'cat'@4 'the'@0 (2)\n4 q + the cat = impossible (4)\n",
                "",
                "file:3: there is no \"answers\"; the row is skipped\n"
                "file:5: there is no \"context\"; the row is skipped\n");
    source.answers = NULL;
    test_expect(&source, "{\"id\":3,\"question\":\"q\",\"context\":\"the cat\"}\n", "1 q + the cat = (3)\n", "", "");
}

/* ---- MRQA ----------------------------------------------------------------------------------------------------------
 */

static void mrqa_lines_are_read(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_MRQA, EL_TASK_ANSWER);
    test_expect(
        &source,
        "{\"header\":{\"dataset\":\"x\"}}\n"
        "{\"id\":\"\",\"context\":\"h\\u00e9 The Cat sat\",\"qas\":["
        "{\"qid\":\"a\",\"question\":\"qa\",\"answers\":[\"feline\",\"the cat\"],\"detected_answers\":"
        "[{\"text\":\"The Cat\",\"char_spans\":[[3,9]]},{\"text\":\"x\",\"char_spans\":[[0,1]]}]},"
        "{\"id\":\"b\",\"question\":\"qb\",\"answers\":[\"dog\"],\"detected_answers\":[{\"text\":\"dog\",\"char_"
        "spans\":[[3,99]]}]},"
        "{\"id\":\"c\",\"question\":\"qc\",\"answers\":[\"dog\"],\"detected_answers\":[]},"
        "{\"id\":\"d\",\"answers\":[]}]}\n"
        "{\"qas\":[]}\n"
        "{\"context\":\"x\",\"qas\":[{\"qid\":\"e\",\"question\":\"qe\",\"detected_answers\":[{\"char_spans\":[[0,0]]}]"
        "}]}\n",
        "2 qa + h\xC3\xA9 The Cat sat = 'The Cat'@3 'feline'@- (a)\n"
        "2 qb + h\xC3\xA9 The Cat sat = 'dog'@- (b)\n"
        "2 qc + h\xC3\xA9 The Cat sat = 'dog'@- (c)\n"
        "4 qe + x = 'x'@0 (e)\n",
        "",
        "file:2: the first detected answer is not within the context; the row is kept for scoring, nothing can be "
        "learned from it\n"
        "file:2: a question has no text; the row is skipped\n"
        "file:3: there is no \"context\"; the row is skipped\n");
}

static void questions_of_an_article_stay_together(void **state)
{
    char text[4000] = "{\"data\":[";
    for (int article = 0; article < 10; article++) {
        strcat(text, article ? "," : "");
        strcat(text, ARTICLE("the cat", QUESTION("1", ANSWER("cat", 4)) "," QUESTION(
                                            "2", ANSWER("the", 0)) "," QUESTION("3", "")));
    }
    strcat(text, "]}");
    const el_source source = squad();
    test_labelled *o = test_labelled_path(&source, test_write_text(*state, "squad.json", text), NULL);
    el_examples *held = NULL;
    assert_int_equal(o->examples->n, 30);
    assert_int_equal(el_examples_split(o->examples, 0.3, 1, &held, NULL), ELECTRA_OK);
    assert_int_equal(held->n, 9);
    for (size_t i = 0; i < held->n; i++) {
        for (size_t k = 0; k < o->examples->n; k++) {
            assert_int_not_equal(held->list[i].group, o->examples->list[k].group);
        }
    }
    el_examples_free(held);
    test_labelled_free(o);
    o = test_labelled_path(
        &source,
        test_write_text(*state, "one.json", SQUAD(ARTICLE("the cat", QUESTION("1", "") "," QUESTION("2", "")))), NULL);
    electra_error err = {0};
    assert_int_equal(el_examples_split(o->examples, 0.3, 1, &held, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "all 2 questions of"));
    assert_non_null(strstr(err.message, "are about one context"));
    test_labelled_free(o);
}

/* Articles of so many questions each, each about a context of its own. */
static test_labelled *read_articles(const char *folder, const int *questions, size_t n)
{
    static char text[1 << 16], one[1 << 10];
    strcpy(text, "{\"data\":[");
    for (size_t article = 0; article < n; article++) {
        strcat(text, article ? ",{\"paragraphs\":[" : "{\"paragraphs\":[");
        for (int q = 0; q < questions[article]; q++) {
            snprintf(one, sizeof one, "%s{\"context\":\"the cat %zu %d\",\"qas\":[%s]}", q ? "," : "", article, q,
                     QUESTION("1", ANSWER("cat", 4)));
            strcat(text, one);
        }
        strcat(text, "]}");
    }
    strcat(text, "]}");
    const el_source source = squad();
    test_labelled *o = test_labelled_path(&source, test_write_text(folder, "articles.json", text), NULL);
    assert_int_equal(o->status, ELECTRA_OK);
    return o;
}

static void the_share_held_out_is_near_to_what_is_wanted(void **state)
{
    static const struct {
        int questions[6];
        size_t articles, held;
    } CASES[] = {
        {{40, 10, 50}, 3, 10},            /* one article is just right */
        {{40, 19, 6, 35}, 4, 6},          /* nearer than 19 */
        {{40, 3, 38, 7, 12}, 5, 10},      /* 3 and 7 */
        {{56, 44}, 2, 10},                /* by contexts */
        {{100}, 1, 10},                   /* likewise */
        {{30, 2, 2, 2, 2, 62}, 6, 8},     /* not more than there are */
    };
    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            test_labelled *o = read_articles(*state, CASES[c].questions, CASES[c].articles);
            el_examples *held = NULL;
            assert_int_equal(o->examples->n, 100);
            assert_int_equal(el_examples_split(o->examples, 0.1, seed, &held, NULL), ELECTRA_OK);
            assert_int_equal(held->n, CASES[c].held);
            assert_int_equal(o->examples->n, 100 - CASES[c].held);
            el_examples_free(held);
            test_labelled_free(o);
        }
    }
}

static void any_allocation_may_fail(void **state)
{
    const el_source source = squad(), mrqa = el_source_default(EL_SOURCE_MRQA, EL_TASK_ANSWER);
    test_fail_each(&source, test_write_text(*state, "squad.json",
                                            SQUAD(ARTICLE("the cat", QUESTION("1", ANSWER("cat", 4))) "," ARTICLE(
                                                "a cat\xFF", QUESTION("2", ANSWER("cat", 3))))));
    test_fail_each(
        &mrqa, test_write_text(*state, "mrqa.jsonl",
                               "{\"context\":\"x\",\"qas\":[{\"qid\":\"e\",\"question\":\"q\",\"answers\":[\"y\"]}]}\n"
                               "{\"context\":\"z\",\"qas\":[{\"qid\":\"e\",\"question\":\"q\",\"detected_answers\":"
                               "[{\"char_spans\":[[0,0]]}]}]}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_count_code_points),
        cmocka_unit_test(questions_may_be_impossible),
        cmocka_unit_test(answers_that_are_elsewhere_are_found),
        cmocka_unit_test(broken_articles_are_skipped),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(lists_without_articles_are_read),
        cmocka_unit_test(json_lines_hold_questions),
        cmocka_unit_test(mrqa_lines_are_read),
        cmocka_unit_test_setup_teardown(questions_of_an_article_stay_together, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(the_share_held_out_is_near_to_what_is_wanted, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(any_allocation_may_fail, test_folder_setup, test_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
