/* Fine-tuning: a pre-trained encoder learns a task from labelled examples; and scoring a model on such examples.
 *
 *     electra_finetune_options options = electra_finetune_options_default();
 *     options.model = "run/discriminator";
 *     options.data.task = "sst-2";
 *     options.data.folder = "glue/SST-2";
 *     options.output = "sentiment";
 *     electra_status status = electra_finetune(&options, &result, &error);
 *
 * leaves a Hugging Face model directory in `output`, and beside the model
 *
 *     results.json     every trial: seed, scores on the dev set, best epoch; their mean, median and standard deviation
 *     metrics.jsonl    one object a logged step or evaluation
 *     settings.json    every setting in force
 *     predictions.jsonl  what the best trial says about each example of the dev set, beside what is right
 *     checkpoints/     everything needed to go on; gone when the run is finished
 *
 * With several tasks (one encoder, a head each) every task has a folder of its own name in `output` for its model.
 * Called again with the same output it goes on from where it was, bit for bit as if it had never been stopped; called
 * on a finished run it says so and changes nothing. */
#ifndef ELECTRA_FINETUNE_H
#define ELECTRA_FINETUNE_H

#include <electra/train.h>
#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is asked of a text. */
typedef enum electra_task_kind {
    ELECTRA_TASK_CLASSIFY,   /* one class of a text or a pair of texts */
    ELECTRA_TASK_MULTILABEL, /* each label holds or not */
    ELECTRA_TASK_REGRESS,    /* a number for a text or a pair of texts */
    ELECTRA_TASK_TAG,        /* a label for each word */
    ELECTRA_TASK_ANSWER,     /* a span of a context that answers a question */
    ELECTRA_TASK_CHOICE      /* one of several texts that goes with a prompt */
} electra_task_kind;

/* How files of labelled examples are written. */
typedef enum electra_task_format {
    ELECTRA_TASK_TSV,        /* cells between tabs; quotes are ordinary characters */
    ELECTRA_TASK_CSV,        /* RFC 4180 */
    ELECTRA_TASK_JSON_LINES, /* an object a line */
    ELECTRA_TASK_JSON_ROWS,  /* one JSON value: a list of objects, or an object of them */
    ELECTRA_TASK_FOLDERS,    /* a folder a class, a file a text; also an archive of such a folder */
    ELECTRA_TASK_TWO_FILES,  /* a text a line, and its label in the file beside it ("..._text.txt", "..._labels.txt") */
    ELECTRA_TASK_CONLL,  /* a word and its tag a line, columns between blanks or tabs, blank lines between sentences */
    ELECTRA_TASK_CONLLU, /* CoNLL-U */
    ELECTRA_TASK_SQUAD,  /* SQuAD 1.1 and 2.0 */
    ELECTRA_TASK_MRQA,   /* MRQA's JSON lines */
    ELECTRA_TASK_TREC    /* "LABEL:detail text" */
} electra_task_format;

/* Where labelled examples are. Either a published task by its name, with the folder that holds its files as they were
 * published; or own files with what is asked of them. A column is the name of a column (in JSON of a member), or a
 * number from 1, or from -1 for the last one backwards. NULL and -1 mean "not given". */
typedef struct electra_task_data {
    const char *task;   /* a name of electra_task_name; several of them with commas between */
    const char *folder; /* with its files, or with a folder of its name that holds them */

    const char *train, *dev, *test; /* own files; with a named task instead of those that were found */
    int kind;                       /* electra_task_kind */
    int format;                     /* electra_task_format; not given: by the file's name and kind */
    const char *text_column;        /* the text, the words, the question, the prompt */
    const char *pair_column;        /* the second text, the context */
    const char *label_column;
    const char *id_column;
    const char *choice_columns;  /* CHOICE: the columns of the choices with commas between */
    const char *labels;          /* the labels in the order of the head's outputs, with commas between; not given: those
                                    that the training examples hold */
    const char *label_separator; /* MULTILABEL: one character between labels of a cell; default "," */
    const char *label_columns;   /* MULTILABEL: instead of label_column a column for each label, called as it is, with
                                    commas between: 1 or true where it holds, else 0, false or nothing */
    const char *separator;       /* CSV: one character between cells; default "," */
    const char *tags; /* TAG: "iob2" or "bioes": IOB1, IOB2 or BIOES in the file are turned into it; not given:
                         tags stay as they are */
    int header;       /* 1: the first line names the columns; 0: it does not; not given: found out */
    double dev_share; /* of the training examples, held out where there is no dev file; default 0.1. 0: none,
                         and the last weights are kept */
} electra_task_data;

/* Names of the published tasks in a fixed order, NULL behind the last; *about: a few words. */
ELECTRA_API const char *electra_task_name(size_t i, const char **about);

typedef struct electra_score {
    char name[32]; /* "accuracy", "matthews", "f1", ... as in results.json */
    double value;  /* 0 ... 1 for shares, not percent; as they are for others */
} electra_score;

enum { ELECTRA_MOST_SCORES = 24 };

typedef struct electra_scores {
    size_t n;
    electra_score list[ELECTRA_MOST_SCORES]; /* the first one is the task's main metric */
} electra_scores;

/* ---- fine-tuning ----------------------------------------------------------------------------------------------- */

typedef enum electra_qa_head {
    ELECTRA_QA_SPANS, /* start and end apart: transformers' head */
    ELECTRA_QA_JOINT  /* the published one: the end given the start, and a verdict whether there is an answer */
} electra_qa_head;

/* One line of metrics.jsonl: of training (scores.n is 0) or of an evaluation. Numbers that do not apply are NaN. */
typedef struct electra_finetune_metrics {
    int trial;            /* 1, 2, ... */
    uint64_t step;        /* of the trial */
    double epoch;         /* passed */
    double seconds;       /* of the run */
    double learning_rate; /* the head's; means over the steps since the last line */
    double loss;
    double gradient_norm; /* before clipping */
    double examples_per_second;
    double tokens_per_second;
    const char *task;      /* of an evaluation; NULL otherwise */
    electra_scores scores; /* on the dev set */
    bool best;             /* the best of the trial so far */
    const char *warning;   /* advice in plain language, NULL on other lines */
} electra_finetune_metrics;

typedef void (*electra_finetune_metrics_fn)(void *user, const electra_finetune_metrics *metrics);

/* Numbers below 0, choices of -1 and NULL mean "not given": the value recorded in the run's folder, else the recipe of
 * the task and the size of the encoder (docs/FINETUNE.md). */
typedef struct electra_finetune_options {
    size_t struct_size;
    electra_runtime runtime;
    electra_finetune_metrics_fn metrics; /* may be NULL */
    void *metrics_user;

    const char *model; /* model directory of the pre-trained encoder; a head of the same kind with the same labels is
                          gone on with, any other is left behind */
    electra_task_data data;
    const char *output;
    long seed; /* of the first trial, the next has the next one; default 42 */

    /* how it learns */
    double epochs;        /* default: the task's, 3 */
    long steps;           /* instead of epochs */
    long batch;           /* examples a step; default 32 */
    long micro_batch;     /* examples computed at a time: less memory, the same result but for rounding */
    double learning_rate; /* default by the encoder: 1e-4 to a width of 768, 5e-5 above, 3e-4 to 256 */
    double layer_decay;   /* rates fall by this factor from layer to layer downwards; 1: all alike. Default 0.8, of 24
                             layers 0.9 */
    double warmup;        /* share of the steps; default 0.1 */
    double weight_decay;  /* default 0.01 */
    double epsilon;       /* Adam's; default 1e-6 */
    int bias_correction;  /* of Adam: 1 on (default), 0 off as in the published system */
    double dropout;       /* hidden, attention and head; default: the encoder's own (0.1 of published ones) */
    double clip;          /* largest gradient norm, default 1; 0 does not clip */
    int compat;           /* electra_compat: google for the published slips and sums */

    /* what the model reads */
    long max_length; /* tokens; default: the task's, 128 (questions 384) */
    long doc_stride; /* questions: tokens from window to window; default 128 */
    int qa_head;     /* electra_qa_head */
    long max_answer; /* tokens of an answer; default 30 */
    int both_orders; /* 1: training pairs are read in both orders; default: the task's (MRPC, STS-B) */

    /* trust */
    long trials;            /* default 1 */
    long patience;          /* stop a trial after so many evaluations without a better score; default 0: never */
    long eval_every;        /* steps between evaluations on the dev set; default: one an epoch */
    const char *submission; /* folder for predictions of the test sets in GLUE's format; NULL: none */

    /* what it leaves behind; none of these changes what is learned */
    long log_every;  /* steps between lines of metrics.jsonl; default: a hundred lines an epoch at most */
    long save_every; /* steps between checkpoints; default: one every ten minutes */
} electra_finetune_options;

/* A metric over the trials. */
typedef struct electra_trials {
    char task[64];
    char metric[32];                      /* the main one */
    size_t n;                             /* trials */
    double mean, median, deviation, best; /* deviation: of a sample (n - 1); NaN for one trial */
    size_t collapsed;                     /* trials that ended with one answer for everything */
    electra_scores means, deviations;     /* of every metric, in one order */
} electra_trials;

enum { ELECTRA_MOST_TASKS = 16 };

typedef struct electra_finetune_result {
    bool finished;     /* false: interrupted, to be gone on with */
    bool was_finished; /* it was already when this call began: nothing was done */
    size_t n_tasks;
    electra_trials tasks[ELECTRA_MOST_TASKS];
    char model[4096]; /* path of the model directory */
} electra_finetune_result;

/* Everything not given. */
ELECTRA_API electra_finetune_options electra_finetune_options_default(void);

/* Run until the end or until the progress callback asks to stop. result may be NULL.
 * Fails with ELECTRA_MISUSE for settings that make no sense or differ from those the run began with (before anything
 * is written), ELECTRA_INVALID for unreadable examples, models or checkpoints, ELECTRA_FAILED for a full disk or a run
 * that diverges, ELECTRA_NO_RESOURCE; ELECTRA_INTERRUPTED when asked to stop, with a checkpoint saved. */
ELECTRA_API electra_status electra_finetune(const electra_finetune_options *options, electra_finetune_result *result,
                                            electra_error *err);

/* How a run stands, from its files: the trials that are finished, and whether all of it is; nothing is changed.
 * ELECTRA_INVALID: the folder is no run of fine-tuning (out->model is empty then), or its files are damaged. */
ELECTRA_API electra_status electra_finetune_describe(const char *run, electra_finetune_result *out, electra_error *err);

/* How far a run came that is not finished. */
typedef struct electra_finetune_standing {
    int trial, trials;    /* the one that is under way, 1, 2, ..., and how many are wanted */
    uint64_t step, steps; /* of the trial, as recorded last, and in all; 0: nothing is recorded yet */
    double epoch;
    size_t n_tasks; /* 0: the trial was not evaluated yet */
    struct {
        char task[64];
        electra_score best; /* the main score at the trial's best evaluation */
    } tasks[ELECTRA_MOST_TASKS];
    char weights[4096]; /* holds, as a model directory for each task, called as it is, the best weights of all trials so
                           far; empty: there are none */
} electra_finetune_standing;

/* The same from the files of a run that is not finished, for which electra_finetune_describe tells the finished trials;
 * nothing is changed. Errors as there. */
ELECTRA_API electra_status electra_finetune_stand(const char *run, electra_finetune_standing *out, electra_error *err);

/* ---- scoring --------------------------------------------------------------------------------------------------- */

typedef struct electra_evaluate_options {
    size_t struct_size;
    electra_runtime runtime;
    const char *model;      /* a model directory with a head that fits the task; int8 too */
    electra_task_data data; /* what is scored: `dev`, else the named task's dev file; nothing given: of a model that
                               electra_finetune made, the dev examples of its run, also those that were held out */
    long max_length;        /* tokens; default: the task's */
    long doc_stride, max_answer;
    double null_threshold;   /* questions: null odds above it mean "no answer"; NaN (default): the model's own, which it has
                                from its dev set, or without one the best on these examples */
    const char *predictions; /* file for one JSON object an example; NULL: none */
    const char *submission;  /* folder for predictions of the named tasks' test sets in GLUE's format; NULL: none. Where
                                there are no examples with labels, nothing is scored */
    int compat;              /* electra_compat: google cuts long sentences as the published system does */
} electra_evaluate_options;

ELECTRA_API electra_evaluate_options electra_evaluate_options_default(void);

/* The official metrics of the task on its examples. Fails with ELECTRA_MISUSE if the model has another kind of head,
 * ELECTRA_INVALID for files. */
ELECTRA_API electra_status electra_evaluate(const electra_evaluate_options *options, electra_scores *out,
                                            electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
