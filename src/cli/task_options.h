/* The options by which commands are told about labelled examples (electra_task_data). */
#ifndef EL_CLI_TASK_OPTIONS_H
#define EL_CLI_TASK_OPTIONS_H

#include "options.h"

/* In a struct of values whose first member is an electra_task_data. */
#define CLI_TASK_AT(member) offsetof(electra_task_data, member)

/* clang-format off */
#define CLI_TASK_OPTIONS                                                                                               \
    {"task", 't', CLI_STRING, CLI_TASK_AT(task), "NAME",                                                               \
     .help = "a published task, whose files are read as they come; several with commas between"},                      \
    {"data", 0, CLI_STRING, CLI_TASK_AT(folder), "DIR",                                                                \
     .help = "with --task: the folder of its files, or one that holds a folder of its name"},                          \
    {"train", 0, CLI_STRING, CLI_TASK_AT(train), "FILE", .help = "training examples of your own"},                     \
    {"dev", 0, CLI_STRING, CLI_TASK_AT(dev), "FILE", .help = "examples of your own to score with"},                    \
    {"test", 0, CLI_STRING, CLI_TASK_AT(test), "FILE",                                                                 \
     .help = "unlabelled examples of a GLUE task, for --submission; others are answered by electra predict"},          \
    {"kind", 0, CLI_CHOICE, CLI_TASK_AT(kind), NULL, "classify|multilabel|regress|tag|qa|choice|pair",                 \
     .help = "what is asked of your own files; pair: classes of two texts, in the columns text and text_pair "         \
             "(default: by the format, else classify)"},                                                               \
    {"format", 0, CLI_CHOICE, CLI_TASK_AT(format), NULL,                                                               \
     "tsv|csv|jsonl|json|folders|two-files|conll|conllu|squad|mrqa|trec",                                              \
     .help = "how your own files are written (default: by their names)"},                                              \
    {"text-column", 0, CLI_STRING, CLI_TASK_AT(text_column), "COLUMN",                                                 \
     .help = "name, or number from 1 (-1: the last): the text (default: text), words (words; CoNLL: 1), question "     \
             "(question) or prompt (prompt)"},                                                                         \
    {"pair-column", 0, CLI_STRING, CLI_TASK_AT(pair_column), "COLUMN",                                                 \
     .help = "the second text, or the context of questions (default: context)"},                                       \
    {"label-column", 0, CLI_STRING, CLI_TASK_AT(label_column), "COLUMN",                                               \
     .help = "what is right (default: label; labels of words; answers to questions; CoNLL: the last)"},                \
    {"id-column", 0, CLI_STRING, CLI_TASK_AT(id_column), "COLUMN", .help = "names of the examples"},                   \
    {"choice-columns", 0, CLI_STRING, CLI_TASK_AT(choice_columns), "LIST",                                             \
     .help = "with --kind choice: the columns of the choices, with commas between"},                                   \
    {"labels", 0, CLI_STRING, CLI_TASK_AT(labels), "LIST",                                                             \
     .help = "the labels in the order of the outputs, with commas between (default: those in the training examples)"}, \
    {"label-separator", 0, CLI_STRING, CLI_TASK_AT(label_separator), "CHAR",                                           \
     .help = "with --kind multilabel: between the labels of a cell (default: a comma)"},                               \
    {"label-columns", 0, CLI_STRING, CLI_TASK_AT(label_columns), "LIST",                                               \
     .help = "a column for each label, with 0 or 1 in it: their names with commas between (with it --kind is "         \
             "multilabel)"},                                                                                           \
    {"separator", 0, CLI_STRING, CLI_TASK_AT(separator), "CHAR",                                                       \
     .help = "with --format csv: between cells (default: a comma)"},                                                   \
    {"tags", 0, CLI_STRING, CLI_TASK_AT(tags), "iob2|bioes",                                                           \
     .help = "with --kind tag: turn IOB1, IOB2 or BIOES into this (default: tags stay as they are)"},                  \
    {"header", 0, CLI_CHOICE, CLI_TASK_AT(header), NULL, "no|yes",                                                     \
     .help = "whether the first line names the columns (default: found out)"}
/* clang-format on */

/* Nothing given. */
void cli_task_defaults(electra_task_data *data);

/* What the library is given: --kind pair is a kind of classifying. */
electra_task_data cli_task_data(const electra_task_data *given);

/* A line a score, and the members of an object. */
void cli_print_scores(FILE *out, const electra_scores *scores);
void cli_print_scores_json(FILE *out, const electra_scores *scores);

#endif
