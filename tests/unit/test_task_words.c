/* Words with tags: CoNLL's columns, CoNLL-U, lists in JSON; schemes of tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/folder.h"
#include "support/labelled.h"

/* ---- CoNLL ---------------------------------------------------------------------------------------------------------
 */

static void sentences_end_at_blank_lines(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_expect(&source,
                "-DOCSTART- -X- O O\n\nAnn NN I-PER\nsat  VB\tO \n\t\n\n\nHere RB O\r\n \t \r\n-DOCSTART- -X- O O\nBob "
                "NN I-PER\nno "
                "NN O",
                "3 [Ann|sat] = I-PER O\n8 [Here] = O\n11 [Bob|no] = I-PER O\n", "I-PER O", "");
}

static void columns_are_chosen_by_number(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    source.text = "2";
    source.label = "3";
    test_expect(&source, "1 Ann NN O\n2 sat VB O\n", "1 [Ann|sat] = NN VB\n", "NN VB", "");
    source.label = "name";
    test_expect_refusal(&source, "a b", ELECTRA_MISUSE, "'name' is no column: files like file have no header");
    source.label = NULL;
    test_expect(&source, "1 Ann\n2 sat\n", "1 [Ann|sat] = ? ?\n", "", "");
    source.label = "9";
    test_expect_refusal(&source, "a b\nc d\n\ne f\n", ELECTRA_INVALID,
                        "there is no column 9 in its rows. The first has: 'a', 'b'");
}

static void a_sentence_with_a_short_line_is_skipped(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_expect(&source, "a O\nb\nc O\n\nd O\n\ne\n", "5 [d] = O\n", "O",
                "file:2: there is no column -1, only 1 column; the sentence is skipped\n"
                "file:7: there is no column -1, only 1 column; the sentence is skipped\n");
}

static void sentences_of_another_width_are_skipped(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_expect(
        &source,
        "-DOCSTART- O\n\nAnn NNP B-NP B-PER\nsat VB O O\n\nPeter NNP B-NP\nran VB O O\n\nHe ran O O\nto the TO O "
        "O\n\nHere RB B-NP O\n",
        "3 [Ann|sat] = B-PER O\n12 [Here] = O\n", "B-PER O",
        "file:6: 3 columns where the lines before have 4; the sentence is skipped\n"
        "file:10: 5 columns where the lines before have 4; the sentence is skipped\n");
    source.label = "2"; /* counted from the beginning, a sentence may have more of what is not looked at */
    test_expect(
        &source, "a NN\nb VB\n\nc NN x y\nd VB x y\n\ne NN x\nf VB\n\ng NN x\n",
        "1 [a|b] = NN VB\n4 [c|d] = NN VB\n10 [g] = NN\n", "NN VB",
        "file:4: 4 columns where the first sentence has 2; such sentences are kept, for no column is counted from "
        "the end\n"
        "file:8: 2 columns where the lines before have 3; the sentence is skipped\n");
}

static void prefixes_of_words_are_taken_off(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    const char *text = "en:Ann\tO\nen:\tO\nde:x\tO\n";
    test_expect(&source, text, "1 [en:Ann|en:|de:x] = O O O\n", "O", "");
    source.word_prefix = "en:";
    test_expect(&source, text, "1 [Ann|en:|de:x] = O O O\n", "O", "");
}

static void comments_are_no_words(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_expect(&source, "# id 1\na O\nb B-X\n\n# id 2\n# a comment of many words\nc O\n", "2 [a|b] = O B-X\n7 [c] = O\n",
                "B-X O", "");
    test_expect(&source, "# O\na O\n\n# B-X\n\n# O\n", "1 [#|a] = O O\n4 [#] = B-X\n6 [#] = O\n", "B-X O", "");
    test_expect(&source, "# NN O\n1 CD O\n\n# id\n# NN B-X\nb NN O\n# NN O\n", "1 [#|1] = O O\n5 [#|b|#] = B-X O O\n", "B-X O",
                "");
    test_expect(&source, "a O\n\n# the end of it\n\n# newdoc id = 1", "1 [a] = O\n", "O", "");
    test_expect(&source, "a O\n# O\n#\tO\nc O\n\na O\n# b O\n", "1 [a|#|#|c] = O O O O\n", "O", /* within a sentence */
                "file:7: 3 columns where the lines before have 2; the sentence is skipped\n");
}

static void tags_that_are_integers_are_in_their_order(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_expect(&source, "a 10\nb 2\nc 0\nd 1\n", "1 [a|b|c|d] = 10 2 0 1\n", "0 1 2 10", "");
}

static void schemes_of_tags_are_exchanged(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    source.tags = EL_TAGS_IOB2;
    const char *iob1 = "a I-X\nb I-X\nc B-X\nd I-Y\ne O\nf I-Y\n\ng I-X\n";
    const char *iob2 = "a B-X\nb I-X\nc B-X\nd B-Y\ne O\nf B-Y\n\ng B-X\n";
    const char *bioes = "a B-X\nb E-X\nc S-X\nd S-Y\ne O\nf S-Y\n\ng S-X\n";
    const char *as_iob2 = "1 [a|b|c|d|e|f] = B-X I-X B-X B-Y O B-Y\n8 [g] = B-X\n";
    test_expect(&source, iob1, as_iob2, "B-X B-Y I-X O", "");
    test_expect(&source, iob2, as_iob2, "B-X B-Y I-X O", "");
    test_expect(&source, bioes, as_iob2, "B-X B-Y I-X O", "");
    source.tags = EL_TAGS_BIOES;
    const char *as_bioes = "1 [a|b|c|d|e|f] = B-X E-X S-X S-Y O S-Y\n8 [g] = S-X\n";
    test_expect(&source, iob1, as_bioes, "B-X E-X O S-X S-Y", "");
    test_expect(&source, iob2, as_bioes, "B-X E-X O S-X S-Y", "");
    test_expect(&source, bioes, as_bioes, "B-X E-X O S-X S-Y", "");
    test_expect(&source, "a B-X\nb I-X\nc I-X\n", "1 [a|b|c] = B-X I-X E-X\n", "B-X E-X I-X", "");
    test_expect(&source, "a NN\nb I-\nc X-Y\n", "1 [a|b|c] = NN I- X-Y\n", "I- NN X-Y", ""); /* other kinds of tags */
}

static void unknown_tags_are_kept(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    test_labelled *train = test_labelled_text(&source, "a O\nb B-X\n", NULL);
    test_labelled *dev = test_labelled_text(&source, "c O\nd B-Z\n", &train->examples->labels);
    assert_string_equal(dev->text, "1 [c|d] = O B-Z\n");
    assert_string_equal(test_label_list(&dev->examples->labels), "B-X O + B-Z");
    assert_string_equal(
        dev->said,
        "file:1: the label 'B-Z' was not there in training; it stands here 1 time, and no answer can equal it\n");
    test_labelled_free(dev);
    test_labelled_free(train);
    static const char *const FIXED[] = {"O", "B-X"};
    el_source fixed = source;
    fixed.labels = FIXED;
    fixed.n_labels = 2;
    test_expect(&fixed, "c O\nd B-Z\n\ne B-X\n\nf O\n", "4 [e] = B-X\n6 [f] = O\n", "O B-X",
                "file:1: the tag 'B-Z' is none of the 2 that the task has; the sentence is skipped\n");
}

static void long_tags_are_refused(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    char text[800] = "a O\n\nb B-";
    memset(text + strlen(text), 'x', 600);
    for (int convert = 0; convert < 2; convert++) {
        source.tags = convert ? EL_TAGS_BIOES : EL_TAGS_AS_THEY_ARE;
        test_labelled *o = test_labelled_text(&source, text, NULL);
        assert_string_equal(o->text, "1 [a] = O\n");
        assert_non_null(strstr(o->said, "bytes is no tag; the sentence is skipped"));
        test_labelled_free(o);
    }
}

/* ---- CoNLL-U -------------------------------------------------------------------------------------------------------
 */

static const char UD[] = "# sent_id = s-1\n"
                         "# text = vámonos al mar\n"
                         "1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_\n"
                         "1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_\n"
                         "2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_\n"
                         "2.1\tx\tx\tVERB\t_\t_\t_\t_\t_\t_\n"
                         "3\tdos mil\tdos mil\tNUM\t_\t_\t1\tobl\t_\t_\n"
                         "4\t?\t?\t_\t_\t_\t1\tobl\t_\t_\n"
                         "\n"
                         "# sent_id = s-2\r\n"
                         "1\t#\t#\tSYM\t_\t_\t0\troot\t_\t_\r\n";

static void conllu_words_are_those_of_the_tree(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_CONLLU, EL_TASK_TAG);
    test_expect(&source, UD, "4 [vamos|nos|dos mil|?] = VERB PRON NUM ? (s-1)\n11 [#] = SYM (s-2)\n",
                "NUM PRON SYM VERB", "");
    source.label = "deprel";
    source.text = "3";
    test_expect(&source, UD, "4 [ir|nosotros|dos mil|?] = root obj obl obl (s-1)\n11 [#] = root (s-2)\n",
                "obj obl root", "");
    source.label = "tag";
    test_expect_refusal(&source, UD, ELECTRA_MISUSE, "'tag' is no column of CoNLL-U: those are ID, FORM");
    source.label = "11";
    test_expect_refusal(&source, UD, ELECTRA_MISUSE, "'11' is no column of CoNLL-U");
}

static void conllu_sentences_with_short_lines_are_skipped(void **state)
{
    (void)state;
    const el_source source = el_source_default(EL_SOURCE_CONLLU, EL_TASK_TAG);
    test_expect(&source, "# sent_id = a\n1\tx\n2\ty\ty\tNUM\n\n# sent_id = b\n1\ty\ty\tNUM\n", "6 [y] = NUM (b)\n",
                "NUM", "file:2: there is no column UPOS, only 2 columns; the sentence is skipped\n");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------
 */

static void json_holds_lists_of_words_and_tags(void **state)
{
    (void)state;
    el_source source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_TAG);
    source.id = "id";
    source.tags = EL_TAGS_IOB2;
    test_expect(&source,
                "{\"words\":[\"a\",\"b c\"],\"labels\":[\"I-X\",\"O\"],\"id\":1}\n"
                "{\"words\":[\"a\"],\"labels\":[\"O\",\"O\"],\"id\":1}\n"
                "{\"words\":[],\"labels\":[],\"id\":1}\n"
                "{\"words\":[\"a\"],\"id\":1}\n"
                "{\"words\":\"a\",\"labels\":[\"O\"],\"id\":1}\n",
                "1 [a|b c] = B-X O (1)\n", "B-X O",
                "file:2: \"labels\" is no list of as many tags as there are words (1); the sentence is skipped\n"
                "file:3: \"words\" is no list of words; the sentence is skipped\n"
                "file:4: there is no \"labels\"; the sentence is skipped\n"
                "file:5: \"words\" is no list of words; the sentence is skipped\n");
}

static void any_allocation_may_fail(void **state)
{
    el_source source = el_source_default(EL_SOURCE_CONLL, EL_TASK_TAG);
    source.tags = EL_TAGS_BIOES;
    test_fail_each(&source, test_write_text(*state, "conll", "a\xFF I-X\xFF\nb I-X\n\nc O\n"));
    source = el_source_default(EL_SOURCE_CONLLU, EL_TASK_TAG);
    test_fail_each(&source, test_write_text(*state, "conllu", UD));
    source = el_source_default(EL_SOURCE_JSON_LINES, EL_TASK_TAG);
    test_fail_each(&source, test_write_text(*state, "json",
                                            "{\"words\":[\"a\"],\"labels\":[\"O\"]}\n"
                                            "{\"words\":[\"b\"],\"labels\":[\"B-X\"]}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_at_blank_lines),
        cmocka_unit_test(columns_are_chosen_by_number),
        cmocka_unit_test(a_sentence_with_a_short_line_is_skipped),
        cmocka_unit_test(sentences_of_another_width_are_skipped),
        cmocka_unit_test(prefixes_of_words_are_taken_off),
        cmocka_unit_test(comments_are_no_words),
        cmocka_unit_test(tags_that_are_integers_are_in_their_order),
        cmocka_unit_test(schemes_of_tags_are_exchanged),
        cmocka_unit_test(unknown_tags_are_kept),
        cmocka_unit_test(long_tags_are_refused),
        cmocka_unit_test(conllu_words_are_those_of_the_tree),
        cmocka_unit_test(conllu_sentences_with_short_lines_are_skipped),
        cmocka_unit_test(json_holds_lists_of_words_and_tags),
        cmocka_unit_test_setup_teardown(any_allocation_may_fail, test_folder_setup, test_folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
