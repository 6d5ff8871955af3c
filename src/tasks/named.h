/* The published tasks by name: how their files are called and read, and how they are trained and scored.
 *
 *     const el_named_task *task = el_named_find("CoLA");
 *     el_named_files files;
 *     EL_TRY(el_named_files_find(&files, task, "glue_data", err));   in glue_data, or in glue_data/CoLA
 *     if (files.train.path) el_examples_read(&train, files.train.source, files.train.path, files.train.more, ...);
 *     el_named_files_clear(&files); */
#ifndef EL_TASKS_NAMED_H
#define EL_TASKS_NAMED_H

#include "tasks/source.h"

/* A file to look for. `name` may hold one or more * (the first match in the order of bytes is taken); files with .zst,
 * .gz or .xz behind that are found too. */
typedef struct el_named_file {
    const char *name; /* NULL: the end of a list */
    const el_source *source;
    const char *more; /* a second file that belongs to it and is read behind it where it is there; or NULL */
} el_named_file;

typedef enum el_named_split { EL_NAMED_TRAIN, EL_NAMED_DEV, EL_NAMED_TEST, EL_NAMED_SPLITS } el_named_split;

enum { EL_NAMED_NAMES = 6, EL_NAMED_WITH = 3, EL_NAMED_CANDIDATES = 8 };

typedef struct el_named_task {
    const char *names[EL_NAMED_NAMES]; /* the first is its name, the others are understood too; then NULL. These are
                                          also the names of folders, whatever their case */
    const char *about;                 /* a few words for help and reports */
    el_task_kind kind;
    const char *metric;     /* the one that chooses the best checkpoint: "matthews", "accuracy", "f1", "spearman" */
    double epochs;          /* electra.md 8.2 */
    size_t max_length;      /* in tokens */
    bool both_orders;       /* training pairs are read a second time with the texts exchanged (MRPC, STS-B) */
    bool unanswerable;      /* ANSWER: questions may have no answer (SQuAD 2.0) */
    double least, most;     /* REGRESS: the range of numbers; targets are (number - least) / (most - least) */
    const char *submission; /* GLUE: the file that its site expects, with the header "index<TAB>prediction"; or NULL */
    const char *with[EL_NAMED_WITH]; /* tasks whose submissions the same model makes, from the same folder; then NULL */
    el_named_file files[EL_NAMED_SPLITS][EL_NAMED_CANDIDATES]; /* in the order in which they are looked for */
} el_named_task;

/* All of them, for help and for loops. */
const el_named_task *el_named_tasks(size_t *n);

/* By any of its names, whatever the case; NULL if there is none. */
const el_named_task *el_named_find(const char *name);

typedef struct el_found_file {
    char *path; /* NULL: not there */
    char *more; /* the file that belongs to it; NULL: there is none */
    const el_source *source;
} el_found_file;

typedef struct el_named_files {
    el_found_file train, dev, test;
} el_named_files;

/* Look for a task's files in a folder, or in the folder of its name inside that. Files that are not there are left
 * NULL; ELECTRA_INVALID if none of the three is, with the names that were looked for. Free with el_named_files_clear.
 */
electra_status el_named_files_find(el_named_files *out, const el_named_task *task, const char *folder,
                                   electra_error *err);
void el_named_files_clear(el_named_files *files); /* accepts a zeroed one */

/* How a file that the caller names is read for a split: as one of its names says, of this split or of another one (a
 * dev file may be scored as a test), else as JSON if it ends so and the task has such files, else as the split's first.
 */
const el_source *el_named_source(const el_named_task *task, el_named_split split, const char *path);

/* ELECTRA_INVALID with the names that a split's file may have: for callers who cannot do without it. */
electra_status el_named_missing(const el_named_task *task, el_named_split split, const char *folder,
                                electra_error *err);

#endif
