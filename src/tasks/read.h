/* What the readers of the formats share (read_*.c): memory for the examples, labels that are numbered as they come, and
 * words about rows that something is wrong with. A reader goes through the bytes of a file and calls el_read_row, or
 * builds an el_example itself and calls el_read_add; everything else (files, compression, the order of labels, what
 * there is to say at the end) is read.c's and source.c's business.
 *
 * Functions return ELECTRA_OK also for a row that is passed over; any other status ends the reading. */
#ifndef EL_TASKS_READ_H
#define EL_TASKS_READ_H

#include "base/status.h"
#include "infer/growing.h"
#include "tasks/source.h"
#include "text/strings.h"

/* Where a label was met first. */
typedef struct el_label_place {
    uint32_t file, line;
} el_label_place;

typedef struct el_reader {
    const el_source *source;
    const electra_runtime *rt;
    electra_error *err;
    el_examples *examples; /* being built */
    size_t room;           /* of examples->list */
    el_growing files;      /* char *: their paths, which become examples->files */
    el_strings labels;     /* those fixed or known first, then others in the order in which they are met */
    el_growing places;     /* el_label_place [labels.n] */
    size_t n_fixed;        /* 0: labels are found in the file */
    bool learning;         /* nothing was known before: a label that is not fixed cannot be learned */
    const char *path;      /* of the current file, for messages */
    uint32_t file;         /* its number */
    bool sound;            /* all its bytes are UTF-8, so that texts need no look */
    size_t n_notes;        /* rows kept although something is wrong with them */
    size_t n_noted;        /* notes and skipped rows that were reported one by one */
    size_t n_open_quotes;  /* CSV */
    bool may_have_header;  /* TSV, CSV: the first line was taken for a row, though nothing says that it is one */
    size_t n_choice_0;     /* CHOICE: rows whose label is 0 */
    size_t n_choice_last;  /* and such whose label is the number of choices, as if the first one were 1 */
    size_t n_lacking;      /* rows that were skipped because they lack a column */
    el_growing held;       /* char: lines, each with its NUL, about rows before the first that is fine */
    const char *lacking;   /* a column that a row lacked; NULL: none did */
    char columns[400];     /* what the first row has instead */
    electra_text context;  /* ANSWER: what is being asked about, as examples borrow it */
    size_t context_length; /* in code points */
    uint32_t group;        /* of the questions that come */
    bool group_is_fixed;   /* it does not change with the context */
    el_strings classes;    /* FOLDERS */
    el_growing parents;    /* electra_text [classes.n]: the folder that each of them lies in */
    el_growing cells, tags, words, buffer, answers; /* scratch */
    double began;
} el_reader;

/* ---- memory --------------------------------------------------------------------------------------------------------
 */

/* n * size bytes that live as long as the examples; NULL and a filled error when out of memory. */
void *el_read_take(el_reader *r, size_t n, size_t size);

/* A text of the file, as it may stay in an example: itself if it is UTF-8, else a copy with U+FFFD (and a note). */
electra_status el_read_text(el_reader *r, electra_text text, uint32_t line, electra_text *out);

/* A copy of a text that does not live as long as the examples, such as a string of JSON. */
electra_status el_read_copy(el_reader *r, electra_text text, electra_text *out);

/* Room in scratch for one more item; NULL and a filled error when out of memory. */
void *el_read_room(el_reader *r, el_growing *array, size_t size);

/* Add a text to an array of them. */
electra_status el_read_push(el_reader *r, el_growing *array, electra_text text);

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* A row with columns, before it is known what kind of task it is for. */
typedef struct el_row {
    electra_text text, pair, label, id; /* NULL: the row has none */
    const electra_text *labels;         /* MULTILABEL: [n_labels] instead of `label`, if not NULL */
    size_t n_labels;
    const electra_text *choices; /* CHOICE: [n_choices] */
    size_t n_choices;
    uint32_t line;
} el_row;

static inline bool el_read_has_labels(const el_source *source)
{
    return source->label || source->n_flags > 0;
}

/* Whether a cell says that a label holds; *fine is false, and the row passed over, if it is neither yes nor no. */
electra_status el_read_flag(el_reader *r, electra_text cell, const char *column, uint32_t line, bool *holds,
                            bool *fine);

/* Add a row of CLASSIFY, MULTILABEL, REGRESS or CHOICE, or pass over it. Its texts live as long as the examples. */
electra_status el_read_row(el_reader *r, const el_row *row);

/* Whether a cell is a number, as REGRESS wants it. */
bool el_read_is_number(electra_text text);

/* Add an example; file, line and group (if it is EL_OWN_GROUP) are filled in. */
#define EL_OWN_GROUP UINT32_MAX
electra_status el_read_add(el_reader *r, const el_example *example, uint32_t line);

/* Add a sentence of TAG: [n] words and, if the source has a label, tags. */
electra_status el_read_sentence(el_reader *r, const electra_text *words, const electra_text *tags, size_t n,
                                electra_text id, uint32_t line);

/* Number of a label; EL_NO_LABEL if the row must be passed over, which was said then. `what`: "label", "tag". */
electra_status el_read_label(el_reader *r, electra_text name, const char *what, uint32_t line, uint32_t *out);

/* "FILE:LINE: ...; the row (TAG: the sentence) is skipped", counted in n_skipped. The format says why. */
electra_status el_read_skip(el_reader *r, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "FILE:LINE: ...", counted. The format says what is wrong and what is made of the row. */
void el_read_note(el_reader *r, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What is said about rows is held back until one is fine, for if none is the reason may be said at once. */
void el_read_say_held(el_reader *r);

/* A row lacks a column: passes over it, and keeps the columns of the first such row for the message at the end. */
electra_status el_read_lacks(el_reader *r, uint32_t line, const char *column, const electra_text *has, size_t n_has);

/* ---- small things --------------------------------------------------------------------------------------------------
 */

/* The next line of [*at, end) without its line end; false at the end. */
bool el_read_line(const char **at, const char *end, electra_text *line);

/* Without blanks and tabs at both ends. */
electra_text el_read_trim(electra_text text);

static inline electra_text el_read_string(const char *text, size_t bytes)
{
    return (electra_text){text, bytes};
}

bool el_read_same(electra_text a, electra_text b);

/* The first bytes of a text for a message, cut at a character. */
typedef struct el_shown {
    char text[72];
} el_shown;
el_shown el_read_shown(electra_text text);

/* ---- the formats ---------------------------------------------------------------------------------------------------
 */

electra_status el_read_tsv(el_reader *r, const char *data, size_t bytes);
electra_status el_read_csv(el_reader *r, const char *data, size_t bytes);
electra_status el_read_json_lines(el_reader *r, const char *data, size_t bytes);
electra_status el_read_json_rows(el_reader *r, const char *data, size_t bytes);
electra_status el_read_conll(el_reader *r, const char *data, size_t bytes);
electra_status el_read_conllu(el_reader *r, const char *data, size_t bytes);
electra_status el_read_squad(el_reader *r, const char *data, size_t bytes);
electra_status el_read_mrqa(el_reader *r, const char *data, size_t bytes);
electra_status el_read_trec(el_reader *r, const char *data, size_t bytes);
electra_status el_read_folders(el_reader *r, const char *path);
electra_status el_read_two_files(el_reader *r, const char *path);

/* Begin a file: its name in messages and in the examples. */
electra_status el_read_begin_file(el_reader *r, const char *path);

/* The bytes of a file, unpacked if its name says so, without byte order mark. Sets r->sound. *block is to be given to
 * el_read_keep, which lets the bytes live as long as the examples, or to el_free. ELECTRA_INVALID if the file cannot be
 * read or is UTF-16. */
electra_status el_read_load(el_reader *r, const char *path, char **block, electra_text *out);
electra_status el_read_keep(el_reader *r, char *block); /* frees it on failure */

/* All that is left of the current member, as a block of el_alloc that is the caller's also on failure. */
struct el_input;
electra_status el_read_unpack(struct el_input *input, const char *path, char **block, size_t *bytes,
                              electra_error *err);

/* The first bytes of a file, unpacked if its name says so, without byte order mark; none if it cannot be read. Returns
 * how many. */
size_t el_read_beginning(const char *path, char *buffer, size_t room);

/* "folder/val_text.txt" -> "folder/val_labels.txt", to be freed; NULL: "text" is not in the file's name, or no memory.
 */
char *el_read_labels_beside(const char *path);

/* "set.tar.gz/train", a folder in an archive -> "train", and the path is cut where the archive's name ends. NULL: it is
 * nothing of the kind. */
const char *el_read_part_inside(char *path);

/* As el_read_load, for bytes that are there already. */
electra_status el_read_look(el_reader *r, const char *data, size_t bytes, electra_text *out);

/* JSON as a whole, in UTF-8: a copy with U+FFFD where it is not. *copy is NULL or to be freed. */
electra_status el_read_repair(el_reader *r, electra_text *text, char **copy);

/* The cells of a line between tabs, into r->cells. */
electra_status el_read_cells(el_reader *r, electra_text line);

/* A tag of each word (empty: not told): from IOB1 to IOB2 or BIOES (source->tags), then its number. [n] each; false in
 * *fine: the sentence was passed over. */
electra_status el_read_tags(el_reader *r, const electra_text *tags, size_t n, uint32_t line, uint32_t *out, bool *fine);

#endif
