/* Owns the table of the published tasks, and the search for their files. Columns and classes: electra.md 9.2 to 9.4.
 * Names of columns are those of the distributions' headers, so that a file with its columns in another order is read as
 * well. */
#include "tasks/named.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

/* ---- sources
 * ------------------------------------------------------------------------------------------------------------- */

static const char *const BINARY[] = {"0", "1"};
static const char *const NLI[] = {"contradiction", "entailment", "neutral"};
static const char *const ENTAILMENT[] = {"entailment", "not_entailment"};

#define CLASSES(list) .kind = EL_TASK_CLASSIFY, .labels = (list), .n_labels = sizeof(list) / sizeof *(list)

static const el_source COLA = {
    .format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "4", .label = "2", .header = EL_HEADER_NO};
static const el_source COLA_TEST = {.format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "sentence", .id = "index"};
static const el_source SST = {.format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "sentence", .label = "label"};
static const el_source SST_TEST = {.format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "sentence", .id = "index"};
static const el_source MRPC = {
    .format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "#1 String", .pair = "#2 String", .label = "Quality"};
static const el_source MRPC_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "#1 String", .pair = "#2 String", .id = "index"};
/* Some copies have the header and some do not; the first columns differ too, so all are counted from the end. */
static const el_source STS = {.format = EL_SOURCE_TSV,
                              .kind = EL_TASK_REGRESS,
                              .text = "-3",
                              .pair = "-2",
                              .label = "-1",
                              .header = EL_HEADER_GUESS,
                              .least = 0,
                              .most = 5};
static const el_source STS_TEST = {.format = EL_SOURCE_TSV,
                                   .kind = EL_TASK_REGRESS,
                                   .text = "sentence1",
                                   .pair = "sentence2",
                                   .id = "index",
                                   .least = 0,
                                   .most = 5};
static const el_source QQP = {.format = EL_SOURCE_TSV,
                              CLASSES(BINARY),
                              .text = "question1",
                              .pair = "question2",
                              .label = "is_duplicate",
                              .id = "id"};
static const el_source QQP_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "question1", .pair = "question2", .id = "id"};
static const el_source MNLI = {.format = EL_SOURCE_TSV,
                               CLASSES(NLI),
                               .text = "sentence1",
                               .pair = "sentence2",
                               .label = "gold_label",
                               .id = "index"};
static const el_source MNLI_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(NLI), .text = "sentence1", .pair = "sentence2", .id = "index"};
static const el_source QNLI = {.format = EL_SOURCE_TSV,
                               CLASSES(ENTAILMENT),
                               .text = "question",
                               .pair = "sentence",
                               .label = "label",
                               .id = "index"};
static const el_source QNLI_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(ENTAILMENT), .text = "question", .pair = "sentence", .id = "index"};
static const el_source RTE = {.format = EL_SOURCE_TSV,
                              CLASSES(ENTAILMENT),
                              .text = "sentence1",
                              .pair = "sentence2",
                              .label = "label",
                              .id = "index"};
static const el_source RTE_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(ENTAILMENT), .text = "sentence1", .pair = "sentence2", .id = "index"};
static const el_source WNLI = {.format = EL_SOURCE_TSV,
                               CLASSES(BINARY),
                               .text = "sentence1",
                               .pair = "sentence2",
                               .label = "label",
                               .id = "index"};
static const el_source WNLI_TEST = {
    .format = EL_SOURCE_TSV, CLASSES(BINARY), .text = "sentence1", .pair = "sentence2", .id = "index"};

/* One object with a member for each row. */
#define JSON_PAIRS(list)                                                                                               \
    .format = EL_SOURCE_JSON_ROWS, CLASSES(list), .text = "text_a", .pair = "text_b", .label = "label"
static const el_source QQP_JSON = {JSON_PAIRS(BINARY)};
static const el_source MNLI_JSON = {JSON_PAIRS(NLI)};
static const el_source QNLI_JSON = {JSON_PAIRS(ENTAILMENT)};

static const el_source SQUAD = {.format = EL_SOURCE_SQUAD, .kind = EL_TASK_ANSWER};
static const el_source MRQA = {.format = EL_SOURCE_MRQA, .kind = EL_TASK_ANSWER};

static const el_source CONLL = {.format = EL_SOURCE_CONLL, .kind = EL_TASK_TAG, .text = "1", .label = "-1"};
/* CoNLL-2003 is distributed in IOB1; what is learned and scored is IOB2 everywhere today. */
static const el_source CONLL_IOB2 = {
    .format = EL_SOURCE_CONLL, .kind = EL_TASK_TAG, .text = "1", .label = "-1", .tags = EL_TAGS_IOB2};
static const el_source WIKIANN = {
    .format = EL_SOURCE_CONLL, .kind = EL_TASK_TAG, .text = "1", .label = "-1", .word_prefix = "en:"};
static const el_source UPOS = {.format = EL_SOURCE_CONLLU, .kind = EL_TASK_TAG, .text = "FORM", .label = "UPOS"};

static const el_source TREC = {.format = EL_SOURCE_TREC, .kind = EL_TASK_CLASSIFY, .label = "coarse"};
static const el_source TREC_FINE = {.format = EL_SOURCE_TREC, .kind = EL_TASK_CLASSIFY, .label = "fine"};

static const char *const NEWS[] = {"1", "2", "3", "4"};
static const el_source AG_NEWS = {.format = EL_SOURCE_CSV,
                                  CLASSES(NEWS),
                                  .text = "2",
                                  .pair = "3",
                                  .label = "1",
                                  .header = EL_HEADER_NO,
                                  .separator = ',',
                                  .backslash_breaks = true};

/* ---- tasks
 * --------------------------------------------------------------------------------------------------------------- */

#define FILE_OF(file, how)                                                                                             \
    {                                                                                                                  \
        .name = (file), .source = (how)                                                                                \
    }

#define TSV_FILES(source, test_source)                                                                                 \
    .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &(source))},                                                    \
              [EL_NAMED_DEV] = {FILE_OF("dev.tsv", &(source))},                                                        \
              [EL_NAMED_TEST] = {FILE_OF("test.tsv", &(test_source))}}

#define MRQA_FILES(name)                                                                                               \
    .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.jsonl", &MRQA), FILE_OF(name "-train.jsonl", &MRQA)},                 \
              [EL_NAMED_DEV] = {FILE_OF("dev.jsonl", &MRQA), FILE_OF(name "-dev.jsonl", &MRQA)},                       \
              [EL_NAMED_TEST] = {FILE_OF("test.jsonl", &MRQA)}}

static const el_named_task TASKS[] = {
    {.names = {"cola"},
     .about = "is a sentence grammatical",
     .kind = EL_TASK_CLASSIFY,
     .metric = "matthews",
     .epochs = 3,
     .max_length = 128,
     .submission = "CoLA.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &COLA), FILE_OF("in_domain_train.tsv", &COLA)},
               [EL_NAMED_DEV] = {FILE_OF("dev.tsv", &COLA), {"in_domain_dev.tsv", &COLA, "out_of_domain_dev.tsv"}},
               [EL_NAMED_TEST] = {FILE_OF("test.tsv", &COLA_TEST)}}},
    {.names = {"sst-2", "sst", "sst2"},
     .about = "is a film review's sentence positive",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "SST-2.tsv",
     TSV_FILES(SST, SST_TEST)},
    {.names = {"mrpc"},
     .about = "do two sentences of the news say the same",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .both_orders = true,
     .submission = "MRPC.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &MRPC), FILE_OF("msr_paraphrase_train.txt", &MRPC)},
               [EL_NAMED_DEV] = {FILE_OF("dev.tsv", &MRPC), FILE_OF("msr_paraphrase_dev.txt", &MRPC)},
               [EL_NAMED_TEST] = {FILE_OF("test.tsv", &MRPC_TEST), FILE_OF("msr_paraphrase_test.txt", &MRPC)}}},
    {.names = {"sts-b", "sts", "stsb"},
     .about = "how alike are two sentences, from 0 to 5",
     .kind = EL_TASK_REGRESS,
     .metric = "spearman",
     .epochs = 10,
     .max_length = 128,
     .both_orders = true,
     .least = 0,
     .most = 5,
     .submission = "STS-B.tsv",
     TSV_FILES(STS, STS_TEST)},
    {.names = {"qqp"},
     .about = "do two questions ask the same",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "QQP.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &QQP), FILE_OF("train.json", &QQP_JSON),
                                   FILE_OF("train.first*.json", &QQP_JSON)},
               [EL_NAMED_DEV] = {FILE_OF("dev.tsv", &QQP), FILE_OF("dev.json", &QQP_JSON)},
               [EL_NAMED_TEST] = {FILE_OF("test.tsv", &QQP_TEST)}}},
    {.names = {"mnli", "mnli-m"},
     .about = "does one sentence follow from another, the same genres as in training",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "MNLI-m.tsv",
     .with = {"mnli-mm", "ax"},
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &MNLI), FILE_OF("train.json", &MNLI_JSON),
                                   FILE_OF("train.first*.json", &MNLI_JSON)},
               [EL_NAMED_DEV] = {FILE_OF("dev_matched.tsv", &MNLI), FILE_OF("dev.tsv", &MNLI),
                                 FILE_OF("dev.json", &MNLI_JSON)},
               [EL_NAMED_TEST] = {FILE_OF("test_matched.tsv", &MNLI_TEST), FILE_OF("test.tsv", &MNLI_TEST)}}},
    {.names = {"mnli-mm", "mnli"},
     .about = "does one sentence follow from another, other genres than in training",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "MNLI-mm.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &MNLI), FILE_OF("train.json", &MNLI_JSON),
                                   FILE_OF("train.first*.json", &MNLI_JSON)},
               [EL_NAMED_DEV] = {FILE_OF("dev_mismatched.tsv", &MNLI)},
               [EL_NAMED_TEST] = {FILE_OF("test_mismatched.tsv", &MNLI_TEST)}}},
    {.names = {"ax", "mnli"},
     .about = "does one sentence follow from another: GLUE's diagnostic set, answered by a model of mnli",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "AX.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &MNLI), FILE_OF("train.json", &MNLI_JSON)},
               [EL_NAMED_DEV] = {FILE_OF("dev_matched.tsv", &MNLI), FILE_OF("dev.tsv", &MNLI)},
               [EL_NAMED_TEST] = {FILE_OF("diagnostic.tsv", &MNLI_TEST)}}},
    {.names = {"qnli"},
     .about = "does a sentence answer a question",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "QNLI.tsv",
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.tsv", &QNLI), FILE_OF("train.json", &QNLI_JSON),
                                   FILE_OF("train.first*.json", &QNLI_JSON)},
               [EL_NAMED_DEV] = {FILE_OF("dev.tsv", &QNLI), FILE_OF("dev.first*.tsv", &QNLI),
                                 FILE_OF("dev.json", &QNLI_JSON)},
               [EL_NAMED_TEST] = {FILE_OF("test.tsv", &QNLI_TEST)}}},
    {.names = {"rte"},
     .about = "does a sentence follow from a text",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 10,
     .max_length = 128,
     .submission = "RTE.tsv",
     TSV_FILES(RTE, RTE_TEST)},
    {.names = {"wnli"},
     .about = "what does a pronoun stand for",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .submission = "WNLI.tsv",
     TSV_FILES(WNLI, WNLI_TEST)},
    {.names = {"squad", "squadv1", "squad1", "squad-v1.1", "squad_v1.1"},
     .about = "where does a text answer a question, SQuAD 1.1",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train-v1.1.json", &SQUAD), FILE_OF("train.json", &SQUAD)},
               [EL_NAMED_DEV] = {FILE_OF("dev-v1.1.json", &SQUAD), FILE_OF("dev.json", &SQUAD),
                                 FILE_OF("xquad.en.*.json", &SQUAD)},
               [EL_NAMED_TEST] = {FILE_OF("test-v1.1.json", &SQUAD), FILE_OF("test.json", &SQUAD)}}},
    {.names = {"squad2", "squadv2", "squad-v2.0", "squad_v2.0", "squad"},
     .about = "where does a text answer a question, if at all, SQuAD 2.0",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     .unanswerable = true,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train-v2.0.json", &SQUAD), FILE_OF("train.json", &SQUAD)},
               [EL_NAMED_DEV] = {FILE_OF("dev-v2.0.json", &SQUAD), FILE_OF("dev.json", &SQUAD),
                                 FILE_OF("half-dev.*json", &SQUAD)},
               [EL_NAMED_TEST] = {FILE_OF("test-v2.0.json", &SQUAD), FILE_OF("test.json", &SQUAD)}}},
    {.names = {"newsqa"},
     .about = "where does an article of the news answer a question (MRQA)",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     MRQA_FILES("NewsQA")},
    {.names = {"naturalqs", "naturalquestions"},
     .about = "where does Wikipedia answer a question that was asked in a search (MRQA)",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     MRQA_FILES("NaturalQuestions")},
    {.names = {"triviaqa"},
     .about = "where does the web answer a question of a quiz (MRQA)",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     MRQA_FILES("TriviaQA")},
    {.names = {"searchqa"},
     .about = "where do results of a search answer a question of a quiz (MRQA)",
     .kind = EL_TASK_ANSWER,
     .metric = "f1",
     .epochs = 2,
     .max_length = 512,
     MRQA_FILES("SearchQA")},
    {.names = {"conll2000", "chunk", "chunking", "conll-2000"},
     .about = "which words make a phrase",
     .kind = EL_TASK_TAG,
     .metric = "f1",
     .epochs = 3,
     .max_length = 256,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.txt", &CONLL)},
               [EL_NAMED_DEV] = {FILE_OF("dev.txt", &CONLL), FILE_OF("test.txt", &CONLL)}}},
    {.names = {"conll2003", "ner", "conll-2003"},
     .about = "names of people, places, organisations and other things",
     .kind = EL_TASK_TAG,
     .metric = "f1",
     .epochs = 3,
     .max_length = 256,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("eng.train", &CONLL_IOB2), FILE_OF("train.txt", &CONLL_IOB2)},
               [EL_NAMED_DEV] = {FILE_OF("eng.testa", &CONLL_IOB2), FILE_OF("valid.txt", &CONLL_IOB2),
                                 FILE_OF("dev.txt", &CONLL_IOB2)},
               [EL_NAMED_TEST] = {FILE_OF("eng.testb", &CONLL_IOB2), FILE_OF("test.txt", &CONLL_IOB2)}}},
    {.names = {"wnut17", "wnut", "wnut-17"},
     .about = "rare names in posts",
     .kind = EL_TASK_TAG,
     .metric = "f1",
     .epochs = 3,
     .max_length = 256,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("wnut17train.conll", &CONLL), FILE_OF("train.txt", &CONLL)},
               [EL_NAMED_DEV] = {FILE_OF("emerging.dev.conll", &CONLL), FILE_OF("dev.txt", &CONLL)},
               [EL_NAMED_TEST] = {FILE_OF("emerging.test.annotated", &CONLL), FILE_OF("test.txt", &CONLL)}}},
    {.names = {"wikiann", "wikiann_en", "panx"},
     .about = "names of people, places and organisations in Wikipedia",
     .kind = EL_TASK_TAG,
     .metric = "f1",
     .epochs = 3,
     .max_length = 256,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train", &WIKIANN), FILE_OF("train.txt", &WIKIANN)},
               [EL_NAMED_DEV] = {FILE_OF("dev", &WIKIANN), FILE_OF("dev.txt", &WIKIANN)},
               [EL_NAMED_TEST] = {FILE_OF("test", &WIKIANN), FILE_OF("test.txt", &WIKIANN)}}},
    {.names = {"ud-pos", "upos", "pos"},
     .about = "parts of speech, Universal Dependencies",
     .kind = EL_TASK_TAG,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 256,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("*-ud-train.conllu", &UPOS), FILE_OF("*-ud-train.*.conllu", &UPOS),
                                   FILE_OF("train.conllu", &UPOS)},
               [EL_NAMED_DEV] = {FILE_OF("*-ud-dev.conllu", &UPOS), FILE_OF("*-ud-dev.*.conllu", &UPOS),
                                 FILE_OF("dev.conllu", &UPOS)},
               [EL_NAMED_TEST] = {FILE_OF("*-ud-test.conllu", &UPOS), FILE_OF("*-ud-test.*.conllu", &UPOS),
                                  FILE_OF("test.conllu", &UPOS)}}},
    {.names = {"trec", "qc"},
     .about = "what kind of answer does a question ask for",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train_5500.label", &TREC), FILE_OF("train.txt", &TREC)},
               [EL_NAMED_DEV] = {FILE_OF("TREC_10.label", &TREC), FILE_OF("dev.txt", &TREC),
                                 FILE_OF("test.txt", &TREC)}}},
    {.names = {"trec-fine", "trec"},
     .about = "what kind of answer does a question ask for, 50 kinds",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train_5500.label", &TREC_FINE), FILE_OF("train.txt", &TREC_FINE)},
               [EL_NAMED_DEV] = {FILE_OF("TREC_10.label", &TREC_FINE), FILE_OF("dev.txt", &TREC_FINE),
                                 FILE_OF("test.txt", &TREC_FINE)}}},
    {.names = {"ag-news", "ag_news", "ag_news_csv"},
     .about = "world, sports, business or science: title and beginning of an article",
     .kind = EL_TASK_CLASSIFY,
     .metric = "accuracy",
     .epochs = 3,
     .max_length = 128,
     .files = {[EL_NAMED_TRAIN] = {FILE_OF("train.csv", &AG_NEWS)},
               [EL_NAMED_DEV] = {FILE_OF("dev.csv", &AG_NEWS), FILE_OF("test.csv", &AG_NEWS),
                                 FILE_OF("test.first*.csv", &AG_NEWS)}}},
};

enum { N_TASKS = sizeof TASKS / sizeof *TASKS };

const el_named_task *el_named_tasks(size_t *n)
{
    *n = N_TASKS;
    return TASKS;
}

/* A name that two tasks share (as folders) is that of the first. */
const el_named_task *el_named_find(const char *name)
{
    for (size_t i = 0; i < N_TASKS; i++) {
        for (size_t k = 0; k < EL_NAMED_NAMES && TASKS[i].names[k]; k++) {
            if (strcasecmp(TASKS[i].names[k], name) == 0) {
                return &TASKS[i];
            }
        }
    }
    return NULL;
}

/* ---- the search
 * ---------------------------------------------------------------------------------------------------------- */

static const char *const PACKED[] = {"", ".zst", ".gz", ".xz"};

/* Whether a file's name is `wanted` (with * in it, perhaps), packed or not. */
static bool matches(const char *wanted, const char *name)
{
    char pattern[256];
    for (size_t i = 0; i < sizeof PACKED / sizeof *PACKED; i++) {
        (void)snprintf(pattern, sizeof pattern, "%s%s", wanted, PACKED[i]);
        if (fnmatch(pattern, name, FNM_PERIOD) == 0) {
            return true;
        }
    }
    return false;
}

static const el_source *source_by_name(const el_named_file *candidates, const char *name)
{
    for (size_t c = 0; c < EL_NAMED_CANDIDATES && candidates[c].name; c++) {
        if (matches(candidates[c].name, name)) {
            return candidates[c].source;
        }
    }
    return NULL;
}

static const el_source *source_by_ending(const el_named_file *candidates, const char *name)
{
    const bool json = matches("*.json", name);
    for (size_t c = 0; c < EL_NAMED_CANDIDATES && candidates[c].name; c++) {
        if (json == matches("*.json", candidates[c].name)) {
            return candidates[c].source;
        }
    }
    return candidates[0].source;
}

const el_source *el_named_source(const el_named_task *task, el_named_split split, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const el_source *source = source_by_name(task->files[split], name);
    for (size_t other = 0; other < EL_NAMED_SPLITS && !source; other++) {
        source = source_by_name(task->files[other], name);
    }
    return source ? source : source_by_ending(task->files[task->files[split][0].name ? split : EL_NAMED_DEV], name);
}

typedef struct listing {
    struct dirent **entries; /* [n] by bytes */
    int n;
} listing;

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void listing_clear(listing *list)
{
    for (int i = 0; i < list->n; i++) {
        free(list->entries[i]);
    }
    free(list->entries);
    *list = (listing){0};
}

/* The first file of that name; *out is NULL if there is none. */
static electra_status find_file(char **out, const char *name, const char *folder, const listing *list,
                                electra_error *err)
{
    *out = NULL;
    for (int i = 0; i < list->n; i++) {
        if (!matches(name, list->entries[i]->d_name)) {
            continue;
        }
        char *path = el_path_join(folder, list->entries[i]->d_name);
        if (!path) {
            return el_fail_memory(err, "the files of a task", 0);
        }
        if (el_is_file(path)) {
            *out = path;
            return ELECTRA_OK;
        }
        el_free(path);
    }
    return ELECTRA_OK;
}

/* The first candidate of a split that is there. */
static electra_status find_split(el_found_file *out, const el_named_file *candidates, const char *folder,
                                 const listing *list, electra_error *err)
{
    for (size_t c = 0; c < EL_NAMED_CANDIDATES && candidates[c].name; c++) {
        EL_TRY(find_file(&out->path, candidates[c].name, folder, list, err));
        if (out->path) {
            out->source = candidates[c].source;
            return candidates[c].more ? find_file(&out->more, candidates[c].more, folder, list, err) : ELECTRA_OK;
        }
    }
    return ELECTRA_OK;
}

static bool found_any(const el_named_files *files)
{
    return files->train.path || files->dev.path || files->test.path;
}

static electra_status look_in(el_named_files *out, const el_named_task *task, const char *folder, electra_error *err)
{
    listing list = {0};
    list.n = scandir(folder, &list.entries, NULL, by_bytes);
    if (list.n < 0) {
        return el_fail_errno(err, folder, "cannot read the folder %s", folder);
    }
    electra_status status = find_split(&out->train, task->files[EL_NAMED_TRAIN], folder, &list, err);
    if (status == ELECTRA_OK) {
        status = find_split(&out->dev, task->files[EL_NAMED_DEV], folder, &list, err);
    }
    if (status == ELECTRA_OK) {
        status = find_split(&out->test, task->files[EL_NAMED_TEST], folder, &list, err);
    }
    listing_clear(&list);
    return status;
}

/* Folders in `folder` that are called as the task is. */
static electra_status look_below(el_named_files *out, const el_named_task *task, const char *folder, electra_error *err)
{
    listing list = {0};
    list.n = scandir(folder, &list.entries, NULL, by_bytes);
    if (list.n < 0) {
        return el_fail_errno(err, folder, "cannot read the folder %s", folder);
    }
    electra_status status = ELECTRA_OK;
    for (size_t k = 0; k < EL_NAMED_NAMES && task->names[k]; k++) {
        for (int i = 0; i < list.n && status == ELECTRA_OK && !found_any(out); i++) {
            if (strcasecmp(list.entries[i]->d_name, task->names[k]) != 0) {
                continue;
            }
            char *path = el_path_join(folder, list.entries[i]->d_name);
            if (!path) {
                status = el_fail_memory(err, "the files of a task", 0);
            } else if (el_is_folder(path)) {
                status = look_in(out, task, path, err);
            }
            el_free(path);
        }
    }
    listing_clear(&list);
    return status;
}

static void list_names(char *out, size_t room, const el_named_file *candidates)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t c = 0; c < EL_NAMED_CANDIDATES && candidates[c].name && used < room; c++) {
        const int n = snprintf(out + used, room - used, "%s%s", c ? " or " : "", candidates[c].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static const char *const SPLITS[] = {
    [EL_NAMED_TRAIN] = "training", [EL_NAMED_DEV] = "development", [EL_NAMED_TEST] = "test"};

electra_status el_named_missing(const el_named_task *task, el_named_split split, const char *folder, electra_error *err)
{
    char names[400];
    list_names(names, sizeof names, task->files[split]);
    if (!names[0]) {
        return el_fail(err, ELECTRA_INVALID, folder, "%s has no %s file that is known by its name: name one",
                       task->names[0], SPLITS[split]);
    }
    return el_fail(err, ELECTRA_INVALID, folder, "%s has no %s file for %s: it should be called %s, or be named itself",
                   folder, SPLITS[split], task->names[0], names);
}

electra_status el_named_files_find(el_named_files *out, const el_named_task *task, const char *folder,
                                   electra_error *err)
{
    *out = (el_named_files){0};
    electra_status status = look_in(out, task, folder, err);
    if (status == ELECTRA_OK && !found_any(out)) {
        status = look_below(out, task, folder, err);
    }
    if (status == ELECTRA_OK && !found_any(out)) {
        char train[200], dev[200];
        list_names(train, sizeof train, task->files[EL_NAMED_TRAIN]);
        list_names(dev, sizeof dev, task->files[EL_NAMED_DEV]);
        status = el_fail(err, ELECTRA_INVALID, folder,
                         "neither %s nor a folder '%s' in it has files of %s: %s for training, %s for development",
                         folder, task->names[0], task->names[0], train, dev);
    }
    if (status != ELECTRA_OK) {
        el_named_files_clear(out);
    }
    return status;
}

void el_named_files_clear(el_named_files *files)
{
    el_found_file *const all[] = {&files->train, &files->dev, &files->test};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        el_free(all[i]->path);
        el_free(all[i]->more);
    }
    *files = (el_named_files){0};
}
