/* A task as it is trained and scored: which files, read how; their examples and features; its head and labels.
 *
 *     el_subject *subjects;
 *     EL_TRY(el_subjects_create(&subjects, &n, &data, err));             names, files, sources; nothing is read
 *     EL_TRY(el_subject_read(&subjects[0], EL_NAMED_TRAIN, NULL, rt, err));
 *     EL_TRY(el_subject_read(&subjects[0], EL_NAMED_DEV, &subjects[0].examples[EL_NAMED_TRAIN]->labels, rt, err));
 *     EL_TRY(el_subject_featurize(&subjects[0], EL_NAMED_TRAIN, tokenizer, &settings, err));
 *     el_subjects_free(subjects, n); */
#ifndef EL_TASKS_SUBJECT_H
#define EL_TASKS_SUBJECT_H

#include <electra/finetune.h>

#include "interop/hf_config.h"
#include "tasks/feed.h"
#include "tasks/named.h"

typedef struct el_subject {
    char name[64];              /* as in results and folders */
    const el_named_task *named; /* NULL: own files */
    el_task_kind kind;
    const char *metric; /* the main one, as in electra_score; NULL: by kind */
    bool unanswerable;  /* questions may have no answer */
    size_t max_length;  /* 0: not said */
    double epochs;      /* 0: not said */
    bool both_orders;
    el_number_scale scale; /* of REGRESS, when the training examples are read */

    const char *folder;                /* where the named task's files were looked for; NULL: nowhere */
    char *path[EL_NAMED_SPLITS];       /* NULL: there is none */
    const char *more[EL_NAMED_SPLITS]; /* read behind it; NULL: nothing. Borrowed from `found` */
    const el_source *source[EL_NAMED_SPLITS];
    el_source own[EL_NAMED_SPLITS]; /* what source points to where files are the caller's */
    char *texts;                    /* of which lists in `own` are made */
    const char **list;              /* likewise */
    el_named_files found;

    el_examples *examples[EL_NAMED_SPLITS];
    el_features *features[EL_NAMED_SPLITS];
} el_subject;

/* One for each name of data->task, or one for own files. ELECTRA_MISUSE: neither is given, an unknown name (the message
 * lists those there are), a column or format that does not go with the kind. ELECTRA_INVALID: no files. */
electra_status el_subjects_create(el_subject **out, size_t *n, const electra_task_data *data, electra_error *err);
void el_subjects_free(el_subject *subjects, size_t n); /* accepts NULL */

/* ELECTRA_MISUSE or ELECTRA_INVALID: the split has no file, and what to do about it. */
electra_status el_subject_missing(const el_subject *subject, el_named_split split, electra_error *err);

/* Read a split's file. known: NULL to find labels. ELECTRA_INVALID: there is no such file, or as el_examples_read. */
electra_status el_subject_read(el_subject *subject, el_named_split split, const el_label_set *known,
                               const electra_runtime *rt, electra_error *err);

/* As the released system does (electra.md 9.3): the files of a published task with spans are read as BIOES, whatever
 * their tags are written in. Others are left alone. */
void el_subject_use_bioes(el_subject *subject);

/* Hold out a share of the training examples as the dev set. */
electra_status el_subject_hold_out(el_subject *subject, double share, uint64_t seed, electra_error *err);

/* How numbers of REGRESS are learned: within the range of a named task as 0 ... 1, others as (x - mean) / deviation. */
void el_subject_settle_scale(el_subject *subject);

electra_status el_subject_featurize(el_subject *subject, el_named_split split, const electra_tokenizer *tokenizer,
                                    const el_features_settings *settings, electra_error *err);

/* The head that the task needs with so many labels, and its labels (a zeroed one) for a model directory. */
el_head_config el_subject_head(const el_subject *subject, size_t n_labels, double dropout, bool joint);
electra_status el_subject_labels(el_labels *out, const el_subject *subject, const el_label_set *labels,
                                 electra_error *err);

#endif
