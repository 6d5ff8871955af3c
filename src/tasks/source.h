/* How one kind of labelled file is read. A source is a plain value: begin with el_source_default, change what is
 * different about the file. The published tasks' sources are ready in named.h.
 *
 *     el_source source = el_source_default(EL_SOURCE_TSV, EL_TASK_CLASSIFY);
 *     source.text = "sentence";                                 a name of the header, or a number from 1
 *     source.label = "-1";                                      the last column
 *     EL_TRY(el_examples_read(&train, &source, "train.tsv", NULL, NULL, rt, err));
 *     EL_TRY(el_examples_read(&dev, &source, "dev.tsv", NULL, &train->labels, rt, err));
 *
 * Files are text in UTF-8, plain or compressed (.gz .xz .zst .bz2), with or without a byte order mark, lines ending in
 * LF or CR LF. Bytes that are no UTF-8 are read as U+FFFD.
 *
 * Rows that cannot be used are passed over. Of these, and of rows that are kept although something is wrong with them,
 * the first few are reported through the log as warnings "FILE:LINE: what is wrong; what happened to the row", then
 * their number. */
#ifndef EL_TASKS_SOURCE_H
#define EL_TASKS_SOURCE_H

#include "tasks/examples.h"

enum { EL_MOST_COLUMNS = 1024 }; /* of choices, and of labels */

typedef enum el_source_format {
    EL_SOURCE_TSV,        /* a row a line, cells between tabs; quotes are ordinary characters */
    EL_SOURCE_CSV,        /* RFC 4180: "cells, with ""quotes"" and line breaks" */
    EL_SOURCE_JSON_LINES, /* an object a line */
    EL_SOURCE_JSON_ROWS,  /* one JSON value that holds all rows: {"0": {...}, "1": {...}} or [{...}, {...}] */
    EL_SOURCE_FOLDERS, /* the path is a folder (or an archive of it, .tar .tar.gz .tar.zst, in which texts end in .txt;
                          or a folder in an archive: "set.tar.gz/train"); each file below it is a text, and the name of
                          the folder that it lies in its label. A folder that holds folders is no class */
    EL_SOURCE_TWO_FILES, /* a text a line; its label in the same line of the file beside it that is called "labels"
                            where this one is called "text" (the last time): val_text.txt, val_labels.txt */
    EL_SOURCE_CONLL,     /* a word a line, columns between blanks or tabs; a sentence ends at a line without any */
    EL_SOURCE_CONLLU,    /* CoNLL-U: ten columns between tabs; words of the syntactic annotation (no 3-4, no 8.1) */
    EL_SOURCE_SQUAD,     /* SQuAD 1.1 and 2.0: data, paragraphs, qas; or a list of questions with a context each */
    EL_SOURCE_MRQA,      /* JSON lines: a context and its qas; lines with a "header" are passed over */
    EL_SOURCE_TREC,      /* LABEL:detail text */
    EL_SOURCE_FORMATS
} el_source_format;

typedef enum el_source_header {
    EL_HEADER_BY_NAME, /* the first line is a header if a column is given by its name */
    EL_HEADER_GUESS, /* ... or if what stands in its label column is no label: no number for REGRESS, none of the fixed
                        ones otherwise */
    EL_HEADER_YES,
    EL_HEADER_NO
} el_source_header;

typedef enum el_source_tags {
    EL_TAGS_AS_THEY_ARE,
    EL_TAGS_IOB2, /* IOB1 (B- only between neighbours of one type) becomes IOB2 (each span begins with B-), which itself
                     stays as it is */
    EL_TAGS_BIOES /* either becomes BIOES: S- for a span of one word, E- for the last one of others */
} el_source_tags;

/* A column is a name of the header (of a member in JSON), or a number from 1, or from -1 for the last one backwards;
 * NULL: there is none. Texts and lists are borrowed: they must live as long as the source is used. */
typedef struct el_source {
    el_source_format format;
    el_task_kind kind; /* TAG: CONLL, CONLLU, JSON (lists of words and of tags). ANSWER: SQUAD, MRQA, JSON. CHOICE: TSV,
                          CSV, JSON. FOLDERS, TWO_FILES, TREC: CLASSIFY. All others: TSV, CSV, JSON */
    const char *text;  /* the text; the words; the question; the prompt */
    const char *pair;  /* the second text; the context; CHOICE: what each choice begins with (SWAG) */
    const char *label; /* the class; the labels; the number; the tag; the right choice, from 0 or from A. NULL: the file
                          does not tell. TREC: "coarse" (before the colon) or "fine" (all of it). FOLDERS and others
                          without columns: anything for "yes" */
    const char *id;
    const char *answers; /* ANSWER in JSON: {"text": [...], "answer_start": [...]}, or [{"text": , "answer_start": }] */
    const char *const *choices; /* CHOICE: [n_choices] a column a choice; or one in JSON with a list of texts */
    size_t n_choices;
    const char *const
        *flags; /* MULTILABEL in TSV, CSV, JSON: [n_flags] in place of `label` a column of each label's name,
                   with 1 or true in the rows for which it holds, 0, false or nothing in the others */
    size_t n_flags;
    el_source_header header; /* TSV, CSV */
    bool whole_rows;         /* TSV: rows with more cells than the header (the first row) are passed over, and such with
                                fewer if a column is counted from the end, as those of CSV are; published files are
                                taken as they are, for those who published them read them so */
    char separator;          /* CSV: between cells */
    bool backslash_breaks;   /* CSV: a backslash stands for a line break (AG News) and is read as a blank */
    char label_separator;    /* MULTILABEL: between labels in a cell (an empty cell: none holds) */
    const char *const *labels; /* [n_labels] fixed, in the order of the head's outputs; NULL: those that the file holds,
                                  integers in their order, others by bytes */
    size_t n_labels;
    double least, most;      /* REGRESS: rows with other numbers are passed over; both 0: any is fine */
    el_source_tags tags;     /* TAG */
    const char *word_prefix; /* TAG: taken off the words that begin with it ("en:") */
} el_source;

/* What files of the format usually have: CONLL words in column 1 and tags in the last one; CONLLU FORM and UPOS; TSV,
 * CSV and JSON the columns text and label (for TAG words and labels, ANSWER question, context, id and answers, CHOICE
 * prompt, choices and label), a comma between cells and between labels. */
el_source el_source_default(el_source_format format, el_task_kind kind);

/* The format of a path that nothing was said about; kind: an el_task_kind, or less than 0 if that was not said either.
 * A folder, an archive and a folder in one are FOLDERS. Endings tell, in any case and behind them that of a
 * compression; of JSON also the beginning of the file: which of its formats it is. "..._text..." with "..._labels..."
 * beside it is TWO_FILES; anything else CONLL for TAG, and TSV. A path that cannot be read is judged by its name. */
el_source_format el_source_guess(const char *path, int kind);

/* Read a file, and behind it a second one of the same kind (more; NULL: there is none). known: labels that training
 * found, NULL to find them here (or for those of the source, if they are fixed). A label that is not known: the row is
 * passed over if `known` is NULL (a fixed label is missing), else it is kept, the label is appended behind the known
 * ones, and a warning names it. A fixed label without any row is warned of.
 *
 * ELECTRA_INVALID: the file cannot be read, lacks a column, or has no usable row, or labels are to be found and no row
 * has one. ELECTRA_MISUSE: the source makes no sense. ELECTRA_INTERRUPTED: the runtime's progress callback asked to
 * stop. */
electra_status el_examples_read(el_examples **out, const el_source *source, const char *path, const char *more,
                                const el_label_set *known, const electra_runtime *rt, electra_error *err);

/* The same for the bytes of a file, with a name for messages. The bytes are borrowed until the examples are freed.
 * FOLDERS and TWO_FILES want a path: ELECTRA_MISUSE. */
electra_status el_examples_parse(el_examples **out, const el_source *source, const void *data, size_t bytes,
                                 const char *name, const el_label_set *known, const electra_runtime *rt,
                                 electra_error *err);

/* Move a share (0 < share < 1) of the examples to *held_out, chosen by the seed: whole groups that come near to it, at
 * least one example on each side, both in their order. If that were more than twice the share, because there are few
 * articles, questions are parted by their contexts instead. Both must be freed, in any order. ELECTRA_INVALID: there is
 * only one example or context. ELECTRA_MISUSE: the share is no share. */
electra_status el_examples_split(el_examples *examples, double share, uint64_t seed, el_examples **held_out,
                                 electra_error *err);

#endif
