/* The published tasks by name: their files in a folder, read as their distributions have them; and, where the real
 * files are at hand, how many rows these have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "support/folder.h"
#include "support/labelled.h"
#include "tasks/named.h"

/* ---- the table -----------------------------------------------------------------------------------------------------
 */

static void names_are_found_whatever_their_case(void **state)
{
    (void)state;
    static const char *const NAMES[][2] = {
        {"CoLA", "cola"},     {"SST", "sst-2"},           {"sts", "sts-b"},       {"STS-B", "sts-b"},
        {"MNLI", "mnli"},     {"mnli-mm", "mnli-mm"},     {"chunk", "conll2000"}, {"squadv1", "squad"},
        {"SQuAD2", "squad2"}, {"NaturalQs", "naturalqs"}, {"UD-POS", "ud-pos"},   {"trec", "trec"},
        {"wnut17", "wnut17"}, {"conll2003", "conll2003"}, {"wnli", "wnli"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const el_named_task *task = el_named_find(NAMES[i][0]);
        assert_non_null(task);
        assert_string_equal(task->names[0], NAMES[i][1]);
    }
    assert_null(el_named_find("glue"));
    assert_null(el_named_find(""));
}

static void every_task_is_whole(void **state)
{
    (void)state;
    size_t n;
    const el_named_task *tasks = el_named_tasks(&n);
    assert_true(n >= 20);
    for (size_t i = 0; i < n; i++) {
        const el_named_task *t = &tasks[i];
        assert_ptr_equal(el_named_find(t->names[0]), t);
        assert_true(t->about && t->metric && t->epochs >= 1 && t->max_length >= 128);
        assert_true(t->files[EL_NAMED_TRAIN][0].name && t->files[EL_NAMED_DEV][0].name);
        assert_true((t->kind == EL_TASK_REGRESS) == (t->most > t->least));
        for (size_t split = 0; split < EL_NAMED_SPLITS; split++) {
            for (size_t k = 0; k < EL_NAMED_CANDIDATES && t->files[split][k].name; k++) {
                const el_source *source = t->files[split][k].source;
                assert_int_equal(source->kind, t->kind);
                assert_true(split == EL_NAMED_TEST || source->label || t->kind == EL_TASK_ANSWER);
                if (t->kind == EL_TASK_CLASSIFY && strncmp(t->names[0], "trec", 4) != 0) {
                    assert_true(source->n_labels >= 2 && source->n_labels <= 4);
                }
            }
        }
    }
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

/* Read a split and compare. */
static void expect(const char *task, const el_found_file *file, const char *examples)
{
    (void)task;
    assert_non_null(file->path);
    test_labelled *o = test_labelled_path(file->source, file->path, NULL);
    if (o->status != ELECTRA_OK) {
        print_message("%s\n", o->error.message);
    }
    assert_int_equal(o->status, ELECTRA_OK);
    assert_string_equal(o->text, examples);
    assert_int_equal(o->n_said, 0);
    test_labelled_free(o);
}

typedef struct layout {
    const char *task, *train_name, *train, *train_rows, *dev_name, *dev, *dev_rows, *test_name, *test, *test_rows;
} layout;

#define SQUAD                                                                                                          \
    "{\"data\":[{\"paragraphs\":[{\"context\":\"c\",\"qas\":[{\"id\":\"i\",\"question\":\"q\",\"answers\":[]}]}]}]}"
#define MRQA       "{\"context\":\"c\",\"qas\":[{\"qid\":\"i\",\"question\":\"q\",\"answers\":[\"c\"]}]}\n"
#define NLI_HEADER "index\tsentence1\tsentence2\tlabel\n"

static const layout LAYOUTS[] = {
    {"cola", "CoLA/train.tsv", "x\t1\t\ta \"b\nx\t0\t*\tc\n", "1 a \"b = 1\n2 c = 0\n", "CoLA/dev.tsv",
     "x\t1\t\ta\ny\t0\t\tb\n", "1 a = 1\n2 b = 0\n", "CoLA/test.tsv", "index\tsentence\n0\ta\n", "2 a = ? (0)\n"},
    {"cola", "CoLA/in_domain_train.tsv", "x\t1\t\ta\nx\t0\t*\tc\n", "1 a = 1\n2 c = 0\n", NULL, NULL, NULL, NULL, NULL,
     NULL},
    {"sst-2", "SST-2/train.tsv", "sentence\tlabel\na \t1\nb\t0\n", "2 a  = 1\n3 b = 0\n", "SST-2/dev.tsv",
     "sentence\tlabel\na\t1\nb\t0\n", "2 a = 1\n3 b = 0\n", "SST-2/test.tsv", "index\tsentence\n5\ta\n",
     "2 a = ? (5)\n"},
    {"sst-2", "sst/train.tsv", "sentence\tlabel\na \t1\nb\t0\n", "2 a  = 1\n3 b = 0\n", NULL, NULL, NULL, NULL, NULL,
     NULL},
    {"mrpc", "MRPC/msr_paraphrase_train.txt",
     "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t8\t9\ta \"\tb\r\n0\t8\t9\tc\td\r\n",
     "2 a \" + b = 1\n3 c + d = 0\n", "MRPC/dev.tsv",
     "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t8\t9\ta\tb\n0\t8\t9\tc\td\n", "2 a + b = 1\n3 c + d = 0\n",
     "MRPC/test.tsv", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t8\t9\ta\tb\n", "2 a + b = ? (0)\n"},
    {"sts-b", "STS-B/train.tsv", "0\tg\tf\ty\to\ts\ts\ta\tb\t5.000\n", "1 a + b = 5\n", "STS-B/dev.tsv",
     "index\tgenre\tsentence1\tsentence2\tscore\n0\tg\ta\tb\t0.5\n", "2 a + b = 0.5\n", "STS-B/test.tsv",
     "index\tgenre\tsentence1\tsentence2\n0\tg\ta\tb\n", "2 a + b = ? (0)\n"},
    {"qqp", "QQP/train.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n3\t1\t2\ta\tb\t1\n4\t1\t2\tc\td\t0\n",
     "2 a + b = 1 (3)\n3 c + d = 0 (4)\n", NULL, NULL, NULL, "QQP/test.tsv", "id\tquestion1\tquestion2\n0\ta\tb\n",
     "2 a + b = ? (0)\n"},
    {"qqp", "QQP/train.first2.json",
     "{\"0\":{\"text_a\":\"a\",\"text_b\":\"b\",\"label\":\"1\"},\"1\":{\"text_a\":\"c\",\"text_b\":\"d\",\"label\":"
     "\"0\"}}",
     "1 a + b = 1 (0)\n2 c + d = 0 (1)\n", NULL, NULL, NULL, NULL, NULL, NULL},
    {"mnli", "MNLI/train.tsv",
     "index\tp\tsentence1\tsentence2\tlabel1\tgold_"
     "label\n0\tp\ta\tb\tx\tneutral\n1\tp\tc\td\tx\tentailment\n2\tp\te\tf\tx\tcontradiction\n",
     "2 a + b = neutral (0)\n3 c + d = entailment (1)\n4 e + f = contradiction (2)\n", "MNLI/dev_matched.tsv",
     "index\tsentence1\tsentence2\tlabel1\tlabel2\tgold_"
     "label\n0\ta\tb\tx\ty\tneutral\n1\ta\tb\tx\ty\tentailment\n2\ta\tb\tx\ty\tcontradiction\n",
     "2 a + b = neutral (0)\n3 a + b = entailment (1)\n4 a + b = contradiction (2)\n", "MNLI/test_matched.tsv",
     "index\tsentence1\tsentence2\n0\ta\tb\n", "2 a + b = ? (0)\n"},
    {"mnli-mm", NULL, NULL, NULL, "MNLI/dev_mismatched.tsv",
     "index\tsentence1\tsentence2\tgold_label\n0\ta\tb\tneutral\n1\ta\tb\tentailment\n2\ta\tb\tcontradiction\n",
     "2 a + b = neutral (0)\n3 a + b = entailment (1)\n4 a + b = contradiction (2)\n", "MNLI/test_mismatched.tsv",
     "index\tsentence1\tsentence2\n0\ta\tb\n", "2 a + b = ? (0)\n"},
    {"qnli", "QNLI/train.tsv", "index\tquestion\tsentence\tlabel\n0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n",
     "2 a + b = entailment (0)\n3 c + d = not_entailment (1)\n", "QNLI/dev.first2.tsv",
     "index\tquestion\tsentence\tlabel\n0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n",
     "2 a + b = entailment (0)\n3 c + d = not_entailment (1)\n", "QNLI/test.tsv",
     "index\tquestion\tsentence\n0\ta\tb\n", "2 a + b = ? (0)\n"},
    {"rte", "RTE/train.tsv", NLI_HEADER "0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n",
     "2 a + b = entailment (0)\n3 c + d = not_entailment (1)\n", NULL, NULL, NULL, "RTE/test.tsv",
     "index\tsentence1\tsentence2\n0\ta\tb\n", "2 a + b = ? (0)\n"},
    {"wnli", "WNLI/train.tsv", NLI_HEADER "0\ta\tb\t1\n1\tc\td\t0\n", "2 a + b = 1 (0)\n3 c + d = 0 (1)\n", NULL, NULL,
     NULL, NULL, NULL, NULL},
    {"squad", "squad/train-v1.1.json", SQUAD, "1 q + c = impossible (i)\n", "squad/dev-v1.1.json", SQUAD,
     "1 q + c = impossible (i)\n", NULL, NULL, NULL},
    {"squad2", "squad_v2.0/train.json", SQUAD, "1 q + c = impossible (i)\n", "squad_v2.0/half-dev.12articles.json",
     SQUAD, "1 q + c = impossible (i)\n", NULL, NULL, NULL},
    {"newsqa", "newsqa/train.jsonl", MRQA, "1 q + c = 'c'@- (i)\n", "newsqa/dev.jsonl", MRQA, "1 q + c = 'c'@- (i)\n",
     NULL, NULL, NULL},
    {"ax", NULL, NULL, NULL, NULL, NULL, NULL, "MNLI/diagnostic.tsv", "index\tsentence1\tsentence2\n0\ta\tb\n",
     "2 a + b = ? (0)\n"},
    {"conll2000", "chunk/train.txt", "a NN B-NP\n", "1 [a] = B-NP\n", "chunk/test.txt", "a NN B-NP\n", "1 [a] = B-NP\n",
     NULL, NULL, NULL},
    {"conll2003", "conll2003/eng.train", "a N I-NP I-PER\n", "1 [a] = B-PER\n", "conll2003/eng.testa",
     "a N I-NP I-PER\n", "1 [a] = B-PER\n", "conll2003/eng.testb", "a N I-NP I-PER\n", "1 [a] = B-PER\n"},
    {"wnut17", "wnut17/wnut17train.conll", "a\tB-person\n\t\nb\tO\n", "1 [a] = B-person\n3 [b] = O\n",
     "wnut17/emerging.dev.conll", "a\tO\n", "1 [a] = O\n", NULL, NULL, NULL},
    {"ud-pos", "ud-pos/xx_yy-ud-train.conllu", "1\ta\ta\tNOUN\n", "1 [a] = NOUN\n", "ud-pos/xx_yy-ud-dev.conllu",
     "1\ta\ta\tNOUN\n", "1 [a] = NOUN\n", NULL, NULL, NULL},
    {"trec", "trec/train.txt", "LOC:city a\nHUM:ind b\n", "1 a = LOC\n2 b = HUM\n", NULL, NULL, NULL, NULL, NULL, NULL},
    {"trec-fine", "trec/train_5500.label", "LOC:city a\nHUM:ind b\n", "1 a = LOC:city\n2 b = HUM:ind\n",
     "trec/TREC_10.label", "HUM:ind b\nLOC:city a\n", "1 b = HUM:ind\n2 a = LOC:city\n", NULL, NULL, NULL},
    {"ag-news", "ag_news_csv/train.csv",
     "\"1\",\"a\",\"b\\c\"\n\"2\",\"a\",\"\"\"b\"\"\"\n\"3\",\"a\",\"b\"\n\"4\",\"a\",\"b\"\n",
     "1 a + b c = 1\n2 a + \"b\" = 2\n3 a + b = 3\n4 a + b = 4\n", NULL, NULL, NULL, NULL, NULL, NULL},
};

static void put_if(const char *folder, const char *name, const char *text)
{
    if (name && text) {
        (void)test_write_text(folder, name, text);
    }
}

static void distributions_are_read_as_they_come(void **state)
{
    for (size_t i = 0; i < sizeof LAYOUTS / sizeof *LAYOUTS; i++) {
        const layout *l = &LAYOUTS[i];
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        const char *folder = test_path(*state, name);
        assert_int_equal(el_make_folders(folder, NULL), ELECTRA_OK);
        put_if(folder, l->train_name, l->train);
        put_if(folder, l->dev_name, l->dev);
        put_if(folder, l->test_name, l->test);
        const el_named_task *task = el_named_find(l->task);
        el_named_files files;
        electra_error err = {0};
        assert_int_equal(el_named_files_find(&files, task, folder, &err), ELECTRA_OK);
        if (l->train) {
            expect(l->task, &files.train, l->train_rows);
        } else {
            assert_null(files.train.path);
        }
        if (l->dev) {
            expect(l->task, &files.dev, l->dev_rows);
        }
        if (l->test) {
            expect(l->task, &files.test, l->test_rows);
        }
        /* the task's own folder may be named as well */
        char inside[600];
        const char *any = l->train_name ? l->train_name : l->dev_name ? l->dev_name : l->test_name;
        snprintf(inside, sizeof inside, "%s/%.*s", folder, (int)(strchr(any, '/') - any), any);
        el_named_files again;
        assert_int_equal(el_named_files_find(&again, task, inside, &err), ELECTRA_OK);
        assert_true(!files.train.path || strcmp(files.train.path, again.train.path) == 0);
        el_named_files_clear(&again);
        el_named_files_clear(&files);
    }
}

/* GLUE's dev set of CoLA is both files of the original distribution. */
static void files_that_belong_together_are_read_together(void **state)
{
    test_write_text(*state, "in_domain_dev.tsv", "x\t1\t\ta\n");
    test_write_text(*state, "out_of_domain_dev.tsv", "y\t0\t*\tb\ny\t1\t\tc\n");
    el_named_files files;
    electra_error err = {0};
    assert_int_equal(el_named_files_find(&files, el_named_find("cola"), *state, &err), ELECTRA_OK);
    assert_string_equal(files.dev.path, test_path(*state, "in_domain_dev.tsv"));
    assert_string_equal(files.dev.more, test_path(*state, "out_of_domain_dev.tsv"));
    el_examples *dev = NULL;
    assert_int_equal(el_examples_read(&dev, files.dev.source, files.dev.path, files.dev.more, NULL, NULL, &err),
                     ELECTRA_OK);
    assert_int_equal(dev->n, 3);
    assert_int_equal(dev->n_files, 2);
    assert_memory_equal(dev->list[2].text.text, "c", 1);
    assert_int_equal(dev->list[2].file, 1);
    assert_int_equal(dev->list[2].line, 2);
    el_examples_free(dev);
    el_named_files_clear(&files);
}

static void folders_without_the_files_are_refused(void **state)
{
    electra_error err = {0};
    el_named_files files;
    const el_named_task *task = el_named_find("conll2003");
    assert_int_equal(el_named_files_find(&files, task, *state, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message,
                           "has files of conll2003: eng.train or train.txt for training, eng.testa or valid.txt or "
                           "dev.txt for development"));
    assert_null(files.train.path);
    assert_int_equal(el_named_files_find(&files, task, test_path(*state, "nowhere"), &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "cannot read the folder"));
    assert_int_equal(el_named_missing(task, EL_NAMED_DEV, "x", &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "x has no development file for conll2003: it should be called eng.testa or"));
}

static void packed_files_are_found(void **state)
{
    test_write_text(*state, "en-ud-train.conllu.zst", "x");
    test_write_text(*state, "en-ud-dev.conllu", "x");
    test_write_text(*state, "en-ud-dev.conllu.orig", "x");
    el_named_files files;
    assert_int_equal(el_named_files_find(&files, el_named_find("ud-pos"), *state, NULL), ELECTRA_OK);
    assert_string_equal(files.train.path, test_path(*state, "en-ud-train.conllu.zst"));
    assert_string_equal(files.dev.path, test_path(*state, "en-ud-dev.conllu"));
    assert_null(files.test.path);
    el_named_files_clear(&files);
}

static const el_source *source_of(const char *task, el_named_split split, size_t candidate)
{
    return el_named_find(task)->files[split][candidate].source;
}

static void files_that_are_named_are_read_by_their_names(void **state)
{
    (void)state;
    const el_named_task *cola = el_named_find("cola"), *qqp = el_named_find("qqp"), *trec = el_named_find("trec");
    assert_ptr_equal(el_named_source(cola, EL_NAMED_TRAIN, "x/y.tsv"), source_of("cola", EL_NAMED_TRAIN, 0));
    assert_ptr_equal(el_named_source(cola, EL_NAMED_TEST, "x/test.tsv"), source_of("cola", EL_NAMED_TEST, 0));
    assert_ptr_equal(el_named_source(cola, EL_NAMED_TEST, "in_domain_dev.tsv.gz"), source_of("cola", EL_NAMED_DEV, 1));
    assert_ptr_equal(el_named_source(qqp, EL_NAMED_TRAIN, "mine.json"), source_of("qqp", EL_NAMED_TRAIN, 1));
    assert_ptr_equal(el_named_source(qqp, EL_NAMED_TRAIN, "mine.tsv"), source_of("qqp", EL_NAMED_TRAIN, 0));
    assert_ptr_equal(el_named_source(trec, EL_NAMED_TEST, "mine"), source_of("trec", EL_NAMED_DEV, 0));
}

/* ---- the real files, which are no part of the repository
 * -------------------------------------------------------------- */

typedef struct real_file {
    const char *task, *folder; /* below data/ */
    el_named_split split;
    size_t rows, words, labels, impossible;
} real_file;

static const real_file REAL[] = {
    {"cola", "glue", EL_NAMED_TRAIN, 8551, 0, 2, 0},
    {"cola", "glue", EL_NAMED_DEV, 527, 0, 2, 0},
    {"sst-2", "glue", EL_NAMED_TRAIN, 67349, 0, 2, 0},
    {"sst-2", "glue", EL_NAMED_DEV, 872, 0, 2, 0},
    {"sst-2", "glue", EL_NAMED_TEST, 1821, 0, 2, 0},
    {"mrpc", "glue", EL_NAMED_TRAIN, 4076, 0, 2, 0},
    {"sts-b", "glue", EL_NAMED_TRAIN, 4249, 0, 0, 0},
    {"sts-b", "glue", EL_NAMED_DEV, 1500, 0, 0, 0},
    {"rte", "glue", EL_NAMED_TRAIN, 2127, 0, 2, 0},
    {"rte", "glue", EL_NAMED_DEV, 277, 0, 2, 0},
    {"rte", "glue", EL_NAMED_TEST, 3000, 0, 2, 0},
    {"wnli", "glue", EL_NAMED_TRAIN, 518, 0, 2, 0},
    {"wnli", "glue", EL_NAMED_DEV, 71, 0, 2, 0},
    {"wnli", "glue", EL_NAMED_TEST, 146, 0, 2, 0},
    {"qnli", "glue", EL_NAMED_TRAIN, 8000, 0, 2, 0},
    {"qnli", "glue", EL_NAMED_DEV, 2731, 0, 2, 0},
    {"qqp", "glue", EL_NAMED_TRAIN, 8000, 0, 2, 0},
    {"mnli", "glue", EL_NAMED_TRAIN, 8000, 0, 3, 0},
    {"mnli", "glue/MNLI/k-shot/16-13", EL_NAMED_TRAIN, 48, 0, 3, 0},
    {"mnli", "glue/MNLI/k-shot/16-13", EL_NAMED_DEV, 48, 0, 3, 0},
    {"qqp", "glue/QQP/k-shot/16-21", EL_NAMED_TRAIN, 32, 0, 2, 0},
    {"qnli", "glue/QNLI/k-shot/16-42", EL_NAMED_TRAIN, 32, 0, 2, 0},
    {"trec", "classification", EL_NAMED_TRAIN, 5452, 0, 6, 0},
    {"trec-fine", "classification", EL_NAMED_TRAIN, 5452, 0, 50, 0},
    {"ag-news", "classification", EL_NAMED_DEV, 6000, 0, 4, 0},
    {"squad2", "qa/squad_v2.0", EL_NAMED_DEV, 4589, 0, 0, 2422},
    {"squad", "qa/xquad_v1.1", EL_NAMED_DEV, 908, 0, 0, 0},
    {"conll2003", "tagging", EL_NAMED_TRAIN, 14041, 203621, 9, 0},
    {"conll2003", "tagging", EL_NAMED_DEV, 3250, 51362, 9, 0},
    {"conll2000", "tagging", EL_NAMED_TRAIN, 8936, 211727, 22, 0},
    {"wnut17", "tagging", EL_NAMED_TRAIN, 3394, 62730, 13, 0},
    {"wnut17", "tagging", EL_NAMED_DEV, 1009, 15733, 13, 0},
    {"wikiann", "tagging/wikiann_en", EL_NAMED_TRAIN, 20000, 160394, 7, 0},
    {"wikiann", "tagging/wikiann_en", EL_NAMED_DEV, 10000, 80536, 7, 0},
    {"ud-pos", "tagging/ud_english_ewt", EL_NAMED_TRAIN, 12544, 204577, 17, 0},
    {"ud-pos", "tagging/ud_english_ewt", EL_NAMED_DEV, 2001, 25147, 17, 0},
    {"ud-pos", "tagging/ud_english_partut", EL_NAMED_TRAIN, 1781, 0, 0, 0},
    {"ud-pos", "tagging/ud_english_partut", EL_NAMED_DEV, 156, 0, 0, 0},
};

/* A name below data/, in $ELECTRA_SHARED or beside the source in ../shared. */
static const char *shared_path(const char *name)
{
    static char path[1024];
    const char *set = getenv("ELECTRA_SHARED");
    (void)snprintf(path, sizeof path, "%s%s/data/%s", set ? set : TEST_SOURCE_DIR, set ? "" : "/../shared", name);
    return path;
}

static size_t count_words(const el_examples *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        n += x->list[i].n_parts;
    }
    return n;
}

static size_t count_impossible(const el_examples *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        n += x->list[i].impossible;
        for (size_t k = 0; k < x->list[i].n_answers; k++) {
            assert_int_not_equal(x->list[i].answers[k].start, EL_NO_PLACE);
        }
    }
    return n;
}

/* Tags that begin a span, when they are IOB2. */
static size_t count_begins(const el_examples *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        for (size_t k = 0; k < x->list[i].n_labels; k++) {
            n += x->labels.names[x->list[i].labels[k]][0] == 'B';
        }
    }
    return n;
}

static void the_real_files_have_their_rows(void **state)
{
    (void)state;
    size_t skipped = 0;
    for (size_t i = 0; i < sizeof REAL / sizeof *REAL; i++) {
        const real_file *real = &REAL[i];
        const char *folder = shared_path(real->folder);
        if (!el_is_folder(folder)) {
            (void)fprintf(stderr, "SKIPPED: %s is not there (set ELECTRA_SHARED to the folder that holds data/)\n",
                          folder);
            skipped++;
            continue;
        }
        el_named_files files;
        electra_error err = {0};
        assert_int_equal(el_named_files_find(&files, el_named_find(real->task), folder, &err), ELECTRA_OK);
        const el_found_file found[] = {files.train, files.dev, files.test};
        assert_non_null(found[real->split].path);
        test_labelled *o = test_labelled_path(found[real->split].source, found[real->split].path, NULL);
        if (o->status != ELECTRA_OK) {
            print_message("%s\n", o->error.message);
        }
        assert_int_equal(o->status, ELECTRA_OK);
        assert_int_equal(o->examples->n, real->rows);
        assert_int_equal(o->examples->n_skipped, 0);
        assert_int_equal(o->n_said, strncmp(real->task, "trec", 4) == 0); /* one line of it is Latin-1 */
        if (real->words) {
            assert_int_equal(count_words(o->examples), real->words);
        }
        if (real->labels) {
            assert_int_equal(o->examples->labels.n, real->labels);
        }
        assert_int_equal(count_impossible(o->examples), real->impossible);
        if (strcmp(real->task, "conll2003") ==
            0) { /* the published numbers of names: none is lost by turning IOB1 to IOB2 */
            assert_int_equal(count_begins(o->examples), real->split == EL_NAMED_TRAIN ? 23499 : 5942);
        }
        test_labelled_free(o);
        el_named_files_clear(&files);
    }
    print_message("%zu of %zu real files were skipped\n", skipped, sizeof REAL / sizeof *REAL);
}

typedef struct own_file {
    const char *path;
    el_source source;
    size_t rows, labels;
} own_file;

static void the_real_files_of_other_forms_have_their_rows(void **state)
{
    (void)state;
    static const char *const ENDINGS[] = {"ending0", "ending1", "ending2", "ending3"};
    const own_file files[] = {
        {"classification/bbc_news/bbc.train.tar.zst", {.format = EL_SOURCE_FOLDERS, .label = "folder"}, 1925, 5},
        {"classification/imdb/aclImdb.train6000.test1000.tar.zst/aclImdb/train",
         {.format = EL_SOURCE_FOLDERS, .label = "folder"},
         6000,
         2},
        {"classification/ag_news_csv/test.first6000.csv",
         {.format = EL_SOURCE_CSV, .text = "2", .pair = "3", .label = "1", .separator = ',', .backslash_breaks = true},
         6000,
         4},
        {"classification/sms_spam/SMSSpamCollection.first4574",
         {.format = EL_SOURCE_TSV, .text = "2", .label = "1"},
         4574,
         2},
        {"classification/tweeteval/emotion/train_text.txt", {.format = EL_SOURCE_TWO_FILES, .label = "x"}, 3257, 4},
        {"classification/tweeteval/emoji/train_text.txt", {.format = EL_SOURCE_TWO_FILES, .label = "x"}, 45000, 20},
        {"glue/SICK/SICK.first8840.txt",
         {.format = EL_SOURCE_TSV, .text = "sentence_A", .pair = "sentence_B", .label = "entailment_judgment"},
         8840,
         3},
        {"glue/SICK/SICK.first8840.txt",
         {.format = EL_SOURCE_TSV,
          .kind = EL_TASK_REGRESS,
          .text = "sentence_A",
          .pair = "sentence_B",
          .label = "relatedness_score"},
         8840,
         0},
        {"fixtures/hf-samples/swag/sample.json",
         {.format = EL_SOURCE_JSON_LINES,
          .kind = EL_TASK_CHOICE,
          .text = "sent1",
          .pair = "sent2",
          .label = "label",
          .choices = ENDINGS,
          .n_choices = 4},
         10,
         0},
        {"fixtures/hf-samples/conll/sample.json",
         {.format = EL_SOURCE_JSON_LINES, .kind = EL_TASK_TAG, .text = "words", .label = "ner"},
         10,
         6},
        {"fixtures/hf-samples/SQUAD/sample.json", {.format = EL_SOURCE_SQUAD, .kind = EL_TASK_ANSWER}, 14, 0},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = shared_path(files[i].path);
        char folder[1024]; /* something in an archive is as much there as the folder of the archive */
        (void)snprintf(folder, sizeof folder, "%s", path);
        char *set = strstr(folder, "/aclImdb/train");
        if (set) {
            *set = '\0';
        }
        if (!el_is_file(folder)) {
            (void)fprintf(stderr, "SKIPPED: %s is not there (set ELECTRA_SHARED to the folder that holds data/)\n",
                          path);
            continue;
        }
        test_labelled *o = test_labelled_path(&files[i].source, path, NULL);
        if (o->status != ELECTRA_OK || o->n_said) {
            print_message("%s%s\n", o->said, o->error.message);
        }
        assert_int_equal(o->status, ELECTRA_OK);
        assert_int_equal(o->examples->n, files[i].rows);
        assert_int_equal(o->examples->labels.n, files[i].labels);
        assert_int_equal(o->examples->n_skipped, 0);
        test_labelled_free(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_whatever_their_case),
        cmocka_unit_test(every_task_is_whole),
        cmocka_unit_test_setup_teardown(distributions_are_read_as_they_come, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(files_that_belong_together_are_read_together, test_folder_setup,
                                        test_folder_teardown),
        cmocka_unit_test_setup_teardown(folders_without_the_files_are_refused, test_folder_setup, test_folder_teardown),
        cmocka_unit_test_setup_teardown(packed_files_are_found, test_folder_setup, test_folder_teardown),
        cmocka_unit_test(files_that_are_named_are_read_by_their_names),
        cmocka_unit_test(the_real_files_have_their_rows),
        cmocka_unit_test(the_real_files_of_other_forms_have_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
