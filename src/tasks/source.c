/* Owns the way from a source and a path to examples: which reader, and what is to be done when all rows are read. */
#include "tasks/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "tasks/memory.h"
#include "tasks/read.h"

enum { MOST_UNKNOWN_NAMED = 8, FEW_ROWS = 20, MANY_NUMBERS = 20 };

/* ---- formats
 * --------------------------------------------------------------------------------------------------------- */

typedef struct reading {
    const char *name;
    unsigned kinds; /* bits */
    electra_status (*read)(el_reader *r, const char *data, size_t bytes);
    electra_status (*read_path)(el_reader *r, const char *path); /* for what is more than one file */
    bool copies;                                                 /* texts are not those of the file */
} reading;

enum {
    ROWS = 1u << EL_TASK_CLASSIFY | 1u << EL_TASK_MULTILABEL | 1u << EL_TASK_REGRESS | 1u << EL_TASK_CHOICE,
    CLASSES = 1u << EL_TASK_CLASSIFY,
    TAGS = 1u << EL_TASK_TAG,
    ANSWERS = 1u << EL_TASK_ANSWER
};

static const reading FORMATS[EL_SOURCE_FORMATS] = {
    [EL_SOURCE_TSV] = {"TSV", ROWS, .read = el_read_tsv},
    [EL_SOURCE_CSV] = {"CSV", ROWS, .read = el_read_csv},
    [EL_SOURCE_JSON_LINES] = {"JSON lines", ROWS | TAGS | ANSWERS, .read = el_read_json_lines, .copies = true},
    [EL_SOURCE_JSON_ROWS] = {"JSON", ROWS | TAGS | ANSWERS, .read = el_read_json_rows, .copies = true},
    [EL_SOURCE_FOLDERS] = {"a folder for each class", CLASSES, .read_path = el_read_folders},
    [EL_SOURCE_TWO_FILES] = {"texts and labels side by side", CLASSES, .read_path = el_read_two_files},
    [EL_SOURCE_CONLL] = {"CoNLL columns", TAGS, .read = el_read_conll},
    [EL_SOURCE_CONLLU] = {"CoNLL-U", TAGS, .read = el_read_conllu},
    [EL_SOURCE_SQUAD] = {"SQuAD", ANSWERS, .read = el_read_squad, .copies = true},
    [EL_SOURCE_MRQA] = {"MRQA", ANSWERS, .read = el_read_mrqa, .copies = true},
    [EL_SOURCE_TREC] = {"TREC", CLASSES, .read = el_read_trec},
};

static const char *const KINDS[] = {
    [EL_TASK_CLASSIFY] = "classes",  [EL_TASK_MULTILABEL] = "several labels", [EL_TASK_REGRESS] = "numbers",
    [EL_TASK_TAG] = "tags of words", [EL_TASK_ANSWER] = "questions",          [EL_TASK_CHOICE] = "choices"};

el_source el_source_default(el_source_format format, el_task_kind kind)
{
    static const char *const CHOICES[] = {"choices"};
    el_source source = {.format = format,
                        .kind = kind,
                        .text = "text",
                        .label = "label",
                        .whole_rows = true,
                        .separator = ',',
                        .label_separator = ','};
    switch (kind) {
    case EL_TASK_TAG:
        source.text = format == EL_SOURCE_CONLL ? "1" : format == EL_SOURCE_CONLLU ? "FORM" : "words";
        source.label = format == EL_SOURCE_CONLL ? "-1" : format == EL_SOURCE_CONLLU ? "UPOS" : "labels";
        break;
    case EL_TASK_ANSWER:
        source.text = "question";
        source.pair = "context";
        source.label = NULL;
        source.id = format == EL_SOURCE_SQUAD || format == EL_SOURCE_MRQA ? NULL : "id";
        source.answers = "answers";
        break;
    case EL_TASK_CHOICE:
        source.text = "prompt";
        source.choices = CHOICES;
        source.n_choices = 1;
        break;
    default: source.label = format == EL_SOURCE_TREC ? "coarse" : "label"; break;
    }
    return source;
}

/* ---- does the source make sense
 * -------------------------------------------------------------------------------------- */

static electra_status check(const el_source *source, electra_error *err)
{
    if ((unsigned)source->format >= EL_SOURCE_FORMATS || (unsigned)source->kind > EL_TASK_CHOICE) {
        return el_fail(err, ELECTRA_MISUSE, "source", "there is no such format or kind of task");
    }
    const reading *how = &FORMATS[source->format];
    if (!(how->kinds >> source->kind & 1u)) {
        return el_fail(err, ELECTRA_MISUSE, "source", "files of %s cannot hold %s", how->name, KINDS[source->kind]);
    }
    const bool columns = source->format <= EL_SOURCE_JSON_ROWS || source->format == EL_SOURCE_CONLL ||
                         source->format == EL_SOURCE_CONLLU;
    if (columns && !source->text) {
        return el_fail(err, ELECTRA_MISUSE, "source", "which column holds the text is not said");
    }
    if (columns && source->kind == EL_TASK_ANSWER && !source->pair) {
        return el_fail(err, ELECTRA_MISUSE, "source", "which column holds the context is not said");
    }
    const bool cells = source->format == EL_SOURCE_TSV || source->format == EL_SOURCE_CSV;
    if (source->kind == EL_TASK_CHOICE && source->n_choices < (cells ? 2 : 1)) {
        return el_fail(err, ELECTRA_MISUSE, "source", "which columns hold the choices is not said");
    }
    if (source->n_choices > EL_MOST_COLUMNS || source->n_flags > EL_MOST_COLUMNS) {
        return el_fail(err, ELECTRA_MISUSE, "source", "more than %d columns of choices or labels", EL_MOST_COLUMNS);
    }
    if (source->n_flags > 0 && (source->label || source->kind != EL_TASK_MULTILABEL)) {
        return el_fail(err, ELECTRA_MISUSE, "source",
                       "a column for each label goes with several labels only, and with no other column for them");
    }
    if (source->format == EL_SOURCE_CSV && (source->separator == '\0' || source->separator == '"' ||
                                            source->separator == '\n' || source->separator == '\r')) {
        return el_fail(err, ELECTRA_MISUSE, "source", "cells cannot be separated by a quote, a line end or nothing");
    }
    return ELECTRA_OK;
}

/* ---- beginning
 * --------------------------------------------------------------------------------------------------------- */

static electra_status expect_label(el_reader *r, const char *name)
{
    el_label_place *place = el_read_room(r, &r->places, sizeof *place);
    if (!place) {
        return ELECTRA_NO_RESOURCE;
    }
    if (el_strings_add(&r->labels, name, strlen(name)) == EL_STRINGS_FULL) {
        return el_fail_memory(r->err, "the labels of a task", strlen(name));
    }
    if (r->labels.n == r->places.n) {
        return el_fail(r->err, ELECTRA_MISUSE, "labels", "the label '%s' is there twice", name);
    }
    *place = (el_label_place){0};
    r->places.n++;
    return ELECTRA_OK;
}

static electra_status expect_labels(el_reader *r, const el_label_set *known)
{
    const el_source *source = r->source;
    const char *const *fixed = source->n_flags > 0 ? source->flags : source->labels;
    const size_t n = known ? known->n_known : source->n_flags > 0 ? source->n_flags : fixed ? source->n_labels : 0;
    const bool labelled =
        r->source->kind == EL_TASK_CLASSIFY || r->source->kind == EL_TASK_MULTILABEL || r->source->kind == EL_TASK_TAG;
    for (size_t i = 0; i < n && labelled; i++) {
        EL_TRY(expect_label(r, known ? known->names[i] : fixed[i]));
    }
    r->n_fixed = r->labels.n;
    r->learning = !known;
    return ELECTRA_OK;
}

static electra_status begin(el_reader *r, const el_source *source, const el_label_set *known, const electra_runtime *rt,
                            electra_error *err)
{
    *r = (el_reader){.source = source, .rt = rt, .err = err, .began = el_now()};
    EL_TRY(check(source, err));
    r->examples = el_alloc(1, sizeof *r->examples);
    if (!r->examples) {
        return el_fail_memory(err, "the examples of a task", sizeof *r->examples);
    }
    r->examples->kind = source->kind;
    r->examples->memory = el_examples_memory_new();
    if (!r->examples->memory) {
        return el_fail_memory(err, "the examples of a task", 0);
    }
    return expect_labels(r, known);
}

/* ---- the order of labels
 * ----------------------------------------------------------------------------------------------- */

typedef struct ordered {
    const char *name;
    uint32_t number; /* as it was met */
} ordered;

static bool is_integer(const char *name)
{
    const char *digits = name + (name[0] == '-');
    const size_t n = strlen(digits);
    return n > 0 && n <= 18 && strspn(digits, "0123456789") == n;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const ordered *)a)->name, ((const ordered *)b)->name);
}

static int by_value(const void *a, const void *b)
{
    const long long x = atoll(((const ordered *)a)->name), y = atoll(((const ordered *)b)->name);
    return x != y ? (x < y ? -1 : 1) : by_bytes(a, b);
}

/* list[i]: the label that becomes number i. Those that were fixed stay; found ones are sorted, unknown ones keep the
 * order in which they came. */
static void order(const el_reader *r, ordered *list)
{
    bool integers = true;
    for (size_t i = 0; i < r->labels.n; i++) {
        list[i] = (ordered){el_strings_text(&r->labels, i), (uint32_t)i};
        integers = integers && is_integer(list[i].name);
    }
    if (r->n_fixed == 0) {
        qsort(list, r->labels.n, sizeof *list, integers ? by_value : by_bytes);
    }
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Labels of all examples from the numbers in which they were met to those of the set, and how often each is there. */
static void renumber(el_examples *examples, const uint32_t *numbers, uint64_t *counts)
{
    for (size_t i = 0; i < examples->n; i++) {
        uint32_t *labels = (uint32_t *)(uintptr_t)examples->list[i].labels; /* memory of ours */
        const size_t n = examples->list[i].n_labels;
        for (size_t k = 0; k < n; k++) {
            if (labels[k] != EL_NO_LABEL) {
                labels[k] = numbers[labels[k]];
                counts[labels[k]]++;
            }
        }
        if (examples->kind == EL_TASK_MULTILABEL && n > 1) {
            qsort(labels, n, sizeof *labels, ascending);
        }
    }
}

/* Labels become examples->labels. counts: [labels.n] */
static electra_status settle(el_reader *r, ordered *list, uint32_t *numbers, uint64_t *counts)
{
    el_label_set *set = &r->examples->labels;
    const size_t n = r->labels.n;
    set->names = el_read_take(r, n, sizeof *set->names);
    if (!set->names) {
        return ELECTRA_NO_RESOURCE;
    }
    order(r, list);
    for (size_t i = 0; i < n; i++) {
        electra_text name;
        EL_TRY(el_read_copy(r, (electra_text){list[i].name, strlen(list[i].name)}, &name));
        set->names[i] = (char *)(uintptr_t)name.text; /* memory of ours */
        numbers[list[i].number] = (uint32_t)i;
    }
    set->n = n;
    set->n_known = r->learning ? n : r->n_fixed;
    renumber(r->examples, numbers, counts);
    return ELECTRA_OK;
}

/* ---- what there is to say
 * ---------------------------------------------------------------------------------------------- */

static void warn_of_unknown(const el_reader *r, const uint64_t *counts)
{
    const el_label_set *set = &r->examples->labels;
    const el_label_place *places = r->places.items;
    char *const *files = r->files.items;
    size_t named = 0;
    for (size_t i = set->n_known; i < set->n && named < MOST_UNKNOWN_NAMED; i++) { /* unknown ones were not reordered */
        if (counts[i] > 0) {
            const el_shown shown = el_read_shown(el_read_string(set->names[i], strlen(set->names[i])));
            el_log(r->rt, ELECTRA_LOG_WARNING,
                   "%s:%u: the label '%s' was not there in training; it stands here %llu time%s, and no answer can "
                   "equal it",
                   files[places[i].file], (unsigned)places[i].line, shown.text, (unsigned long long)counts[i],
                   counts[i] == 1 ? "" : "s");
            named++;
        }
    }
    if (set->n - set->n_known > named) {
        el_log(r->rt, ELECTRA_LOG_WARNING, "%s: %zu labels in all were not there in training", r->path,
               set->n - set->n_known);
    }
}

static bool are_all_numbers(const el_label_set *set)
{
    bool numbers = true;
    for (size_t i = 0; i < set->n && numbers; i++) {
        numbers = el_read_is_number(el_read_string(set->names[i], strlen(set->names[i])));
    }
    return numbers;
}

/* Classes that were found, and that may be something else. */
static void doubt_classes(const el_reader *r, size_t used)
{
    if (used > MANY_NUMBERS && are_all_numbers(&r->examples->labels)) {
        el_log(r->rt, ELECTRA_LOG_WARNING,
               "%s: the labels are %zu different numbers, each of which is learned as a class of its own; --kind "
               "regress learns them as numbers",
               r->path, used);
    } else if (r->examples->n >= FEW_ROWS && 2 * used > r->examples->n) {
        el_log(r->rt, ELECTRA_LOG_WARNING,
               "%s: %zu different labels in %zu rows: is the column of the labels the right one?", r->path, used,
               r->examples->n);
    }
}

/* A first line whose label is there only once, while all others are there more often, may be a header that was not
 * seen because columns have numbers. */
static void doubt_first_line(const el_reader *r, const uint64_t *counts)
{
    const el_example *first = &r->examples->list[0];
    const size_t n = r->examples->labels.n;
    if (!r->may_have_header || first->line != 1 || first->n_labels != 1 || n < 2 || counts[first->labels[0]] != 1) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i != first->labels[0] && counts[i] < 2) {
            return;
        }
    }
    const char *name = r->examples->labels.names[first->labels[0]];
    const el_shown shown = el_read_shown(el_read_string(name, strlen(name)));
    el_log(r->rt, ELECTRA_LOG_WARNING,
           "%s:1: only the first line has the label '%s': if it names the columns, say --header yes", r->path,
           shown.text);
}

static void warn_of_classes(const el_reader *r, const uint64_t *counts)
{
    const el_label_set *set = &r->examples->labels;
    size_t used = 0;
    size_t last = 0;
    for (size_t i = 0; i < set->n; i++) {
        used += counts[i] > 0;
        last = counts[i] > 0 ? i : last;
        if (counts[i] == 0) { /* a fixed one */
            el_log(r->rt, ELECTRA_LOG_WARNING, "%s: no row has the label '%s'; it cannot be learned", r->path,
                   set->names[i]);
        }
    }
    if (used == 1 && r->source->kind == EL_TASK_CLASSIFY) {
        el_log(r->rt, ELECTRA_LOG_WARNING, "%s: every row has the label '%s'; there is nothing to learn", r->path,
               set->names[last]);
    }
    if (r->n_fixed == 0 && r->source->kind == EL_TASK_CLASSIFY) {
        doubt_classes(r, used);
    }
    if (r->n_fixed == 0) {
        doubt_first_line(r, counts);
    }
}

static void warn_of_rows(const el_reader *r)
{
    const size_t n = r->examples->n_skipped + r->n_notes;
    if (n > r->n_noted) {
        el_log(r->rt, ELECTRA_LOG_WARNING,
               "%s: in all %zu rows were skipped, and %zu kept in spite of a fault; only the first "
               "%zu are listed",
               r->path, r->examples->n_skipped, r->n_notes, r->n_noted);
    }
}

/* Then every other row has another choice for the right one, too. */
static void doubt_choices(const el_reader *r)
{
    const size_t n = r->n_choice_last;
    if (n > 0 && r->n_choice_0 == 0) {
        el_log(
            r->rt, ELECTRA_LOG_WARNING,
            "%s: labels seem to be counted from 1: in %zu row%s the label is the number of choices, in none it is 0. "
            "Here they count from 0, so that in the other rows the choice behind the right one is taken: subtract 1 "
            "from every label, or write A, B, ... for 1, 2, ...",
            r->path, n, n == 1 ? "" : "s");
    }
}

/* What may be meant where several labels are not in one column. */
static const char *hint_of_flags(const el_reader *r)
{
    const char *label = r->source->label;
    return r->source->kind == EL_TASK_MULTILABEL && label && strcmp(r->lacking, label) == 0
               ? ". If each label has a column with 0 or 1: --label-columns A,B,..."
               : "";
}

static electra_status refuse_empty(el_reader *r)
{
    if (r->lacking) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "%s has no usable row: there is no column %s in its rows. The first "
                       "has: %s%s",
                       r->path, r->lacking, r->columns, hint_of_flags(r));
    }
    if (r->examples->n_skipped > 0) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "%s has no usable row: all %zu were skipped (the warnings say why)", r->path,
                       r->examples->n_skipped);
    }
    return el_fail(r->err, ELECTRA_INVALID, r->path, "%s has no rows", r->path);
}

static electra_status refuse_unlabelled(el_reader *r)
{
    const el_source *source = r->source;
    if (source->n_flags > 0) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "no row of %s has a label: none of the %zu columns of labels holds 1 in any row", r->path,
                       source->n_flags);
    }
    if (source->kind == EL_TASK_MULTILABEL) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "no row of %s has a label: is the column of the labels (%s) the right one (--label-column), and "
                       "what stands between them (--label-separator '%c')?",
                       r->path, source->label, source->label_separator);
    }
    return el_fail(r->err, ELECTRA_INVALID, r->path,
                   "no %s of %s has a label: is the column of the labels (%s) the right one (--label-column)?",
                   source->kind == EL_TASK_TAG ? "word" : "row", r->path, source->label);
}

/* ---- the end
 * ----------------------------------------------------------------------------------------------------------- */

static bool is_any_there(const uint64_t *counts, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n && !any; i++) {
        any = counts[i] > 0;
    }
    return any;
}

static electra_status finish_labels(el_reader *r)
{
    const size_t n = r->labels.n;
    ordered *list = el_alloc(n, sizeof *list);
    uint32_t *numbers = el_alloc(n, sizeof *numbers);
    uint64_t *counts = el_alloc(n, sizeof *counts);
    electra_status status = list && numbers && counts
                                ? settle(r, list, numbers, counts)
                                : el_fail_memory(r->err, "the labels of a task", n * sizeof *list);
    if (status == ELECTRA_OK && el_read_has_labels(r->source)) {
        if (!r->learning) {
            warn_of_unknown(r, counts);
        } else if (is_any_there(counts, n)) {
            warn_of_classes(r, counts);
        } else {
            status = refuse_unlabelled(r);
        }
    }
    el_free(list);
    el_free(numbers);
    el_free(counts);
    return status;
}

static electra_status finish(el_reader *r)
{
    el_examples *examples = r->examples;
    doubt_choices(r);
    const bool all_lack = r->n_lacking > 0 && r->n_lacking == examples->n_skipped && r->n_notes == 0;
    if (examples->n > 0 || !all_lack) { /* otherwise one line says it all */
        el_read_say_held(r);
        warn_of_rows(r);
    }
    if (examples->n == 0) {
        return refuse_empty(r);
    }
    examples->files = el_read_take(r, r->files.n, sizeof *examples->files);
    if (!examples->files) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(examples->files, r->files.items, r->files.n * sizeof *examples->files);
    examples->n_files = r->files.n;
    const bool labelled =
        examples->kind == EL_TASK_CLASSIFY || examples->kind == EL_TASK_MULTILABEL || examples->kind == EL_TASK_TAG;
    return labelled ? finish_labels(r) : ELECTRA_OK;
}

/* Gives the examples away, or frees them. */
static electra_status end(el_reader *r, electra_status status, el_examples **out)
{
    if (status == ELECTRA_OK) {
        status = finish(r);
    } else if (r->examples) {
        el_read_say_held(r);
    }
    if (status == ELECTRA_OK) {
        *out = r->examples;
    } else {
        el_examples_free(r->examples);
    }
    el_strings_clear(&r->labels);
    el_strings_clear(&r->classes);
    el_growing *const scratch[] = {&r->files, &r->places, &r->parents, &r->cells, &r->tags,
                                   &r->words, &r->buffer, &r->answers, &r->held};
    for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++) {
        el_free(scratch[i]->items);
    }
    return status;
}

static electra_status read_bytes(el_reader *r, electra_text text)
{
    if (text.bytes == 0) {
        return el_fail(r->err, ELECTRA_INVALID, r->path, "%s is empty", r->path);
    }
    return FORMATS[r->source->format].read(r, text.text, text.bytes);
}

static electra_status read_path(el_reader *r, const char *path)
{
    const reading *how = &FORMATS[r->source->format];
    if (how->read_path) {
        return how->read_path(r, path);
    }
    char *block;
    electra_text text;
    EL_TRY(el_read_begin_file(r, path));
    EL_TRY(el_read_load(r, path, &block, &text));
    if (how->copies) {
        const electra_status status = read_bytes(r, text);
        el_free(block);
        return status;
    }
    EL_TRY(el_read_keep(r, block));
    return read_bytes(r, text);
}

electra_status el_examples_read(el_examples **out, const el_source *source, const char *path, const char *more,
                                const el_label_set *known, const electra_runtime *rt, electra_error *err)
{
    el_reader r;
    *out = NULL;
    electra_status status = begin(&r, source, known, rt, err);
    if (status == ELECTRA_OK) {
        status = read_path(&r, path);
    }
    if (status == ELECTRA_OK && more) {
        status = read_path(&r, more);
    }
    return end(&r, status, out);
}

static electra_status parse(el_reader *r, const char *data, size_t bytes, const char *name)
{
    const reading *how = &FORMATS[r->source->format];
    if (!how->read) {
        return el_fail(r->err, ELECTRA_MISUSE, "source", "%s cannot be read from one piece of memory", how->name);
    }
    electra_text text;
    EL_TRY(el_read_begin_file(r, name));
    EL_TRY(el_read_look(r, data, bytes, &text));
    return read_bytes(r, text);
}

electra_status el_examples_parse(el_examples **out, const el_source *source, const void *data, size_t bytes,
                                 const char *name, const el_label_set *known, const electra_runtime *rt,
                                 electra_error *err)
{
    el_reader r;
    *out = NULL;
    electra_status status = begin(&r, source, known, rt, err);
    if (status == ELECTRA_OK) {
        status = parse(&r, data, bytes, name);
    }
    return end(&r, status, out);
}
