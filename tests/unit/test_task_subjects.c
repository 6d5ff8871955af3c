/* What a caller says about a task: own files, whose options become a source; published tasks with files of the caller.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/folder.h"
#include "support/labelled.h"
#include "tasks/tune_settings.h"

static electra_task_data nothing(void)
{
    return (electra_task_data){.kind = -1, .format = -1, .header = -1, .dev_share = 0.1};
}

/* The training examples of own files, written out. */
static void expect(const electra_task_data *data, el_task_kind kind, const char *examples, const char *labels)
{
    el_subject *subject = NULL;
    size_t n;
    electra_error err = {0};
    if (el_subjects_create(&subject, &n, data, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(n, 1);
    assert_int_equal(subject->kind, kind);
    test_labelled *o = test_labelled_path(subject->source[EL_NAMED_TRAIN], subject->path[EL_NAMED_TRAIN], NULL);
    assert_string_equal(o->error.message, "");
    assert_string_equal(o->text, examples);
    assert_string_equal(test_label_list(&o->examples->labels), labels);
    test_labelled_free(o);
    el_subjects_free(subject, n);
}

static void expect_misuse(const electra_task_data *data, const char *words)
{
    el_subject *subject = NULL;
    size_t n;
    electra_error err = {0};
    assert_int_equal(el_subjects_create(&subject, &n, data, &err), ELECTRA_MISUSE);
    assert_null(subject);
    if (!strstr(err.message, words)) {
        fail_msg("'%s' is not in: %s", words, err.message);
    }
}

static void formats_and_kinds_are_guessed(void **state)
{
    electra_task_data data = nothing();
    data.train = test_write_text(*state, "a.tsv", "text\tlabel\none\tx\ntwo\ty\n");
    expect(&data, EL_TASK_CLASSIFY, "2 one = x\n3 two = y\n", "x y");
    data.train = test_write_text(*state, "a.csv", "label,text\nx,\"o\"\"ne\"\ny,two\n");
    expect(&data, EL_TASK_CLASSIFY, "2 o\"ne = x\n3 two = y\n", "x y");
    data.train =
        test_write_text(*state, "a.jsonl", "{\"text\":\"one\",\"label\":\"x\"}\n{\"text\":\"two\",\"label\":\"y\"}\n");
    expect(&data, EL_TASK_CLASSIFY, "1 one = x\n2 two = y\n", "x y");
    data.train = test_write_text(*state, "a.conll", "one B-X\n\ntwo O\n");
    expect(&data, EL_TASK_TAG, "1 [one] = B-X\n3 [two] = O\n", "B-X O");
    test_write_text(*state, "set/x/1", "one");
    test_write_text(*state, "set/y/1", "two");
    data.train = test_path(*state, "set");
    expect(&data, EL_TASK_CLASSIFY, "1 one = x\n1 two = y\n", "x y");
}

static void options_become_a_source(void **state)
{
    electra_task_data data = nothing();
    data.train = test_write_text(*state, "a.csv", "id;a;b;x\n7;one;two;p+q\n8;three;four;\n");
    data.kind = ELECTRA_TASK_MULTILABEL;
    data.text_column = "a";
    data.pair_column = "3";
    data.label_column = "-1";
    data.id_column = "id";
    data.separator = ";";
    data.label_separator = "+";
    data.labels = "q,p";
    expect(&data, EL_TASK_MULTILABEL, "2 one + two = q p (7)\n3 three + four = (8)\n", "q p");
}

static void labels_may_have_a_column_each(void **state)
{
    electra_task_data data = nothing();
    data.train = test_write_text(*state, "a.csv", "text,rude,angry\none,1,0\ntwo,1,1\nthree,0,0\n");
    data.label_columns = "angry,rude";
    expect(&data, EL_TASK_MULTILABEL, "2 one = rude\n3 two = angry rude\n4 three =\n", "angry rude");
}

static void tags_are_turned_into_a_scheme(void **state)
{
    electra_task_data data = nothing();
    data.train = test_write_text(*state, "a.conll", "one I-X\ntwo I-X\n");
    expect(&data, EL_TASK_TAG, "1 [one|two] = I-X I-X\n", "I-X");
    data.tags = "iob2";
    expect(&data, EL_TASK_TAG, "1 [one|two] = B-X I-X\n", "B-X I-X");
    data.tags = "bioes";
    expect(&data, EL_TASK_TAG, "1 [one|two] = B-X E-X\n", "B-X E-X");
    data.tags = "bilou";
    expect_misuse(&data, "\"iob2\" or \"bioes\", not into \"bilou\"");
}

static void choices_have_columns(void **state)
{
    electra_task_data data = nothing();
    data.train = test_write_text(*state, "a.tsv", "q\ta\tb\tright\none\tx\ty\t1\n");
    data.kind = ELECTRA_TASK_CHOICE;
    data.text_column = "q";
    data.label_column = "right";
    data.choice_columns = "a,b";
    expect(&data, EL_TASK_CHOICE, "2 one[x|y] = 1\n", "");
}

static void published_tasks_take_files_of_the_caller(void **state)
{
    electra_task_data data = nothing();
    data.task = "cola";
    data.train = test_write_text(*state, "mine.tsv", "x\t1\t\tone\nx\t0\t*\ttwo\n");
    expect(&data, EL_TASK_CLASSIFY, "1 one = 1\n2 two = 0\n", "0 1");
    data.task = "qqp";
    data.train = test_write_text(
        *state, "mine.json",
        "[{\"text_a\":\"a\",\"text_b\":\"b\",\"label\":\"0\"},{\"text_a\":\"c\",\"text_b\":\"d\",\"label\":1}]");
    expect(&data, EL_TASK_CLASSIFY, "1 a + b = 0\n2 c + d = 1\n", "0 1");
}

static void what_makes_no_sense_is_misuse(void **state)
{
    (void)state;
    electra_task_data data = nothing();
    expect_misuse(&data, "neither a task");
    data.task = "glue";
    expect_misuse(&data, "there is no task \"glue\". Known ones: cola");
    data.task = "cola";
    expect_misuse(&data, "the folder with the files of \"cola\" is needed");
    data.folder = "x";
    data.label_columns = "a";
    expect_misuse(&data, "how the files of \"cola\" are read is known");
    data = nothing();
    data.train = "x.csv";
    data.separator = ";;";
    expect_misuse(&data, "\";;\" is not one character");
}

/* ---- the recipe -------------------------------------------------------------------------------------------------- */

static void expect_recipe(const char *folder, const char *task, int compat, double epochs, long max_length)
{
    electra_task_data data = nothing();
    data.task = task;
    data.folder = folder;
    el_subject *subjects = NULL;
    size_t n;
    assert_int_equal(el_subjects_create(&subjects, &n, &data, NULL), ELECTRA_OK);
    el_tune_settings s = {.given = electra_finetune_options_default()};
    s.given.data = data;
    s.given.compat = compat;
    const el_model_config encoder = {.hidden_size = 256, .n_layers = 12, .max_positions = 512};
    assert_int_equal(el_tune_settings_fill(&s, &encoder, subjects, n, NULL), ELECTRA_OK);
    if (fabs(s.given.epochs - epochs) > 1e-9 || s.given.max_length != max_length) {
        fail_msg("%s: %g epochs of %ld tokens", task, s.given.epochs, s.given.max_length);
    }
    el_tune_settings_clear(&s);
    el_subjects_free(subjects, n);
}

static void tasks_have_epochs_and_lengths(void **state)
{
    static const char *const FOLDERS[] = {"RTE", "SQuAD", "NaturalQuestions", "NewsQA", "CoNLL2000"};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        static const char *const FILES[] = {"train.tsv", "train-v1.1.json", "train.jsonl", "train.txt"};
        for (size_t k = 0; k < sizeof FILES / sizeof FILES[0]; k++) {
            char name[80];
            snprintf(name, sizeof name, "all/%s/%s", FOLDERS[i], FILES[k]);
            test_write_text(*state, name, "x");
        }
    }
    static const struct {
        const char *task;
        double epochs, google_epochs;
        long length, google_length;
    } ALL[] = {{"rte", 10, 10, 128, 128},        {"squad", 2, 2, 512, 512},     {"newsqa", 2, 2, 512, 512},
               {"naturalqs", 2, 3, 512, 128},    {"conll2000", 3, 3, 256, 256}, {"rte,squad", 3, 3, 512, 128},
               {"conll2000,rte", 3, 3, 256, 128}};
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s", test_path(*state, "all"));
        expect_recipe(folder, ALL[i].task, ELECTRA_COMPAT_NONE, ALL[i].epochs, ALL[i].length);
        expect_recipe(folder, ALL[i].task, ELECTRA_COMPAT_GOOGLE, ALL[i].google_epochs, ALL[i].google_length);
    }
}

/* What the formats of all files leave unused. */
static void options_that_no_file_would_use_are_misuse(void **state)
{
    const char *rows = test_write_text(*state, "a.csv", "t,l\none,x\ntwo,y\n");
    test_write_text(*state, "set/x/1", "one");
    test_write_text(*state, "set/y/1", "two");
    electra_task_data data = nothing();
    data.train = test_path(*state, "set");
    data.text_column = "t";
    expect_misuse(&data,
                  "text-column is for files of format tsv, csv, jsonl, json, conll and conllu; what is given here "
                  "would not use it");
    data.dev = rows; /* uses it */
    data.label_column = "l";
    expect(&data, EL_TASK_CLASSIFY, "1 one = x\n1 two = y\n", "x y");
    data.train = NULL; /* recalled with a model that is scored on other files */
    data.dev = test_path(*state, "set");
    el_subject *subject = NULL;
    size_t n;
    electra_error err = {0};
    assert_int_equal(el_subjects_create(&subject, &n, &data, &err), ELECTRA_OK);
    el_subjects_free(subject, n);

    data = nothing();
    data.train = test_path(*state, "set");
    data.id_column = "1";
    expect_misuse(&data, "id-column is for files of format tsv, csv, jsonl and json;");
    data.id_column = NULL;
    data.header = 1;
    expect_misuse(&data, "header is for files of format tsv and csv;");
    data = nothing();
    data.train = "x.json";
    data.format = ELECTRA_TASK_SQUAD;
    data.text_column = "question";
    expect_misuse(&data, "text-column is for files of format");
    data.text_column = NULL;
    data.pair_column = "context";
    expect_misuse(&data, "pair-column is for files of format");
    data.pair_column = NULL;
    data.label_column = "answers";
    expect_misuse(&data, "label-column is for files of format");
    data.format = ELECTRA_TASK_TREC;
    data.label_column = "fine";
    data.train = test_write_text(*state, "trec", "LOC:city one\nHUM:ind two\n");
    expect(&data, EL_TASK_CLASSIFY, "1 one = LOC:city\n2 two = HUM:ind\n", "HUM:ind LOC:city");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(formats_and_kinds_are_guessed),
        IN_FOLDER(options_become_a_source),
        IN_FOLDER(labels_may_have_a_column_each),
        IN_FOLDER(tags_are_turned_into_a_scheme),
        IN_FOLDER(choices_have_columns),
        IN_FOLDER(published_tasks_take_files_of_the_caller),
        IN_FOLDER(what_makes_no_sense_is_misuse),
        IN_FOLDER(tasks_have_epochs_and_lengths),
        IN_FOLDER(options_that_no_file_would_use_are_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
