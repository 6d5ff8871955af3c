/* Labelled examples of a task as they stand in files, before any tokenizer has seen them. Which files, and how they are
 * read: source.h; the published tasks by name: named.h.
 *
 *     el_examples *train = NULL;
 *     EL_TRY(el_examples_read(&train, &source, path, NULL, NULL, rt, err)); labels are found in the file
 *     EL_TRY(el_examples_read(&dev, &source, path, NULL, &train->labels, rt, err)); and known here
 *     ... train->list[0 ... train->n)
 *     el_examples_free(train); */
#ifndef EL_TASKS_EXAMPLES_H
#define EL_TASKS_EXAMPLES_H

#include <electra/infer.h>

typedef enum el_task_kind {
    EL_TASK_CLASSIFY,   /* one class of a text or a pair of texts */
    EL_TASK_MULTILABEL, /* each label holds or not */
    EL_TASK_REGRESS,    /* a number for a text or a pair of texts */
    EL_TASK_TAG,        /* a label for each word */
    EL_TASK_ANSWER,     /* a span of a context that answers a question */
    EL_TASK_CHOICE      /* one of several texts that goes with a prompt */
} el_task_kind;

#define EL_NO_LABEL UINT32_MAX /* the file does not tell (test files), so there is nothing to learn or score */

#define EL_NO_PLACE UINT32_MAX /* it is not known where an answer stands, if it does */

/* A right answer. */
typedef struct el_gold_answer {
    electra_text text;
    uint32_t start; /* where it stands, in code points of the context; where it is said to stand if the context does not
                       have these very words; or EL_NO_PLACE */
} el_gold_answer;

/* Texts are UTF-8, borrowed from the el_examples; members that the kind does not name are zero. */
typedef struct el_example {
    electra_text text;         /* the text; the question; the prompt */
    electra_text pair;         /* the second text (text NULL: there is none); the context */
    const electra_text *parts; /* [n_parts] the words to be tagged; the choices */
    size_t n_parts;
    const uint32_t *labels; /* CLASSIFY, CHOICE: [1]; MULTILABEL: [n_labels] those that hold, ascending; TAG:
                               [n_parts]. Index in the label set, or EL_NO_LABEL */
    size_t n_labels;
    double number;                 /* REGRESS: as in the file; NaN: not told */
    const el_gold_answer *answers; /* ANSWER: [n_answers]; the first is for training, so it has a place if any has */
    size_t n_answers;
    bool impossible;     /* ANSWER: said to have no answer in the context */
    electra_text id;     /* the file's own name of it; otherwise empty */
    uint32_t file, line; /* where it stands: index in the el_examples' files, line or row from 1 (JSON: the
                            number of the question) */
    uint32_t group;      /* examples that a split should keep together: an article's questions; of other kinds each
                            is a group of its own */
} el_example;

/* Labels in the order of the head's outputs. */
typedef struct el_label_set {
    char **names; /* [n] */
    size_t n;
    size_t n_known; /* the first ones; the others were met where only known labels were expected: no answer of the model
                       can equal them, so that such rows count as wrong */
} el_label_set;

typedef struct el_examples {
    el_task_kind kind;
    el_example *list; /* [n] in the order of the files */
    size_t n;
    char **files; /* [n_files] paths */
    size_t n_files;
    el_label_set labels;
    size_t n_skipped; /* rows that could not be read; the first few were reported one by one, then their number */
    struct el_examples_memory *memory;
} el_examples;

void el_examples_free(el_examples *examples); /* accepts NULL */

/* Of everything that is read and scored: texts, labels by their numbers, answers. Not of names and places. */
uint64_t el_examples_hash(const el_examples *examples);

#endif
