/* Owns the way from what a caller says about a task to its examples and features. */
#include "tasks/subject.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"

_Static_assert((int)ELECTRA_TASK_CHOICE == (int)EL_TASK_CHOICE, "public kinds are the private ones");
_Static_assert((int)ELECTRA_TASK_TREC == (int)EL_SOURCE_TREC, "public formats are the private ones");

const char *electra_task_name(size_t i, const char **about)
{
    size_t n;
    const el_named_task *tasks = el_named_tasks(&n);
    if (i >= n) {
        return NULL;
    }
    if (about) {
        *about = tasks[i].about;
    }
    return tasks[i].names[0];
}

/* ---- own files --------------------------------------------------------------------------------------------------- */

static el_task_kind guess_kind(int format)
{
    switch (format) {
    case EL_SOURCE_CONLL:
    case EL_SOURCE_CONLLU: return EL_TASK_TAG;
    case EL_SOURCE_SQUAD:
    case EL_SOURCE_MRQA: return EL_TASK_ANSWER;
    default: return EL_TASK_CLASSIFY;
    }
}

static size_t count_items(const char *list)
{
    size_t n = list && list[0] ? 1 : 0;
    for (const char *c = list; c && *c; c++) {
        n += *c == ',';
    }
    return n;
}

/* Cut a list with commas, in place, without blanks around its items; returns how many there are. */
static size_t cut_items(char *text, const char **items)
{
    size_t n = 0;
    for (char *at = text; at;) {
        char *comma = strchr(at, ',');
        char *end = comma ? comma : at + strlen(at);
        at += strspn(at, " \t");
        while (end > at && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }
        *end = '\0';
        items[n++] = at;
        at = comma ? comma + 1 : NULL;
    }
    return n;
}

/* Lists of the caller's as lists of texts. */
typedef struct list_room {
    char *text;         /* room for the rest of them */
    const char **items; /* likewise */
} list_room;

/* *out NULL: it is not given. */
static electra_status take_list(list_room *l, const char *list, const char *option, const char *const **out, size_t *n,
                                electra_error *err)
{
    *out = NULL;
    *n = 0;
    if (!list) {
        return ELECTRA_OK;
    }
    *out = l->items;
    memcpy(l->text, list, strlen(list) + 1);
    *n = cut_items(l->text, l->items);
    for (size_t i = 0; i < *n; i++) {
        if ((*out)[i][0] == '\0') {
            return el_fail(err, ELECTRA_MISUSE, option, "\"%s\" is no list: something is missing %s a comma", list,
                           i == 0 ? "before" : "behind");
        }
    }
    l->text += strlen(list) + 1;
    l->items += *n;
    return ELECTRA_OK;
}

/* The lists of a source; all splits share them. */
static electra_status take_lists(el_subject *s, el_source *own, const electra_task_data *data, electra_error *err)
{
    const char *const given[] = {data->labels, data->choice_columns, data->label_columns};
    size_t bytes = 1, n = 1;
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        bytes += given[i] ? strlen(given[i]) + 1 : 0;
        n += given[i] ? count_items(given[i]) + 1 : 0;
    }
    s->texts = el_alloc(bytes, 1);
    s->list = el_alloc(n, sizeof *s->list);
    if (!s->texts || !s->list) {
        return el_fail_memory(err, "lists of labels", bytes);
    }
    list_room l = {s->texts, s->list};
    EL_TRY(take_list(&l, data->labels, "labels", &own->labels, &own->n_labels, err));
    EL_TRY(take_list(&l, data->choice_columns, "choice-columns", &own->choices, &own->n_choices, err));
    return take_list(&l, data->label_columns, "label-columns", &own->flags, &own->n_flags, err);
}

/* One character that separates things. */
static electra_status take_separator(char *out, const char *given, const char *option, electra_error *err)
{
    if (given && strlen(given) != 1) {
        return el_fail(err, ELECTRA_MISUSE, option, "\"%s\" is not one character", given);
    }
    *out = given ? given[0] : *out;
    return ELECTRA_OK;
}

static electra_status take_tags(el_source_tags *out, const char *given, electra_error *err)
{
    if (given && strcmp(given, "iob2") != 0 && strcmp(given, "bioes") != 0) {
        return el_fail(err, ELECTRA_MISUSE, "tags", "tags can be turned into \"iob2\" or \"bioes\", not into \"%s\"",
                       given);
    }
    *out = !given ? EL_TAGS_AS_THEY_ARE : given[0] == 'i' ? EL_TAGS_IOB2 : EL_TAGS_BIOES;
    return ELECTRA_OK;
}

static electra_status take_columns(el_source *own, const electra_task_data *data, const el_source *lists,
                                   electra_error *err)
{
    own->labels = lists->labels;
    own->n_labels = lists->n_labels;
    own->flags = lists->flags;
    own->n_flags = lists->n_flags;
    if (lists->choices) {
        own->choices = lists->choices;
        own->n_choices = lists->n_choices;
    }
    own->text = data->text_column ? data->text_column : own->text;
    own->pair = data->pair_column ? data->pair_column : own->pair;
    if (own->kind == EL_TASK_ANSWER) {
        own->answers = data->label_column ? data->label_column : own->answers;
    } else {
        own->label = data->label_column ? data->label_column : data->label_columns ? NULL : own->label;
    }
    own->id = data->id_column ? data->id_column : own->id;
    own->header = data->header < 0 ? EL_HEADER_GUESS : data->header ? EL_HEADER_YES : EL_HEADER_NO;
    EL_TRY(take_separator(&own->label_separator, data->label_separator, "label-separator", err));
    EL_TRY(take_separator(&own->separator, data->separator, "separator", err));
    return take_tags(&own->tags, data->tags, err);
}

/* What is given but says nothing about files of that kind. */
static electra_status refuse_idle(const el_subject *s, const electra_task_data *data, electra_error *err)
{
    const bool classes = s->kind == EL_TASK_CLASSIFY || s->kind == EL_TASK_MULTILABEL || s->kind == EL_TASK_TAG;
    const struct {
        const void *given;
        const char *option, *purpose;
        bool fits;
    } all[] = {
        {data->folder, "data", "a published task (task)", false},
        {data->labels, "labels", "kinds with classes (classify, multilabel, tag)", classes},
        {data->choice_columns, "choice-columns", "kind choice", s->kind == EL_TASK_CHOICE},
        {data->label_columns, "label-columns", "kind multilabel", s->kind == EL_TASK_MULTILABEL},
        {data->label_separator, "label-separator", "kind multilabel", s->kind == EL_TASK_MULTILABEL},
        {data->tags, "tags", "kind tag", s->kind == EL_TASK_TAG},
        {data->pair_column, "pair-column", "kinds with two texts, not for tag", s->kind != EL_TASK_TAG},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].given && !all[i].fits) {
            return el_fail(err, ELECTRA_MISUSE, all[i].option, "%s is for %s; what is given here would not use it",
                           all[i].option, all[i].purpose);
        }
    }
    return ELECTRA_OK;
}

/* What is given but says nothing about files of these formats (a bit each). Where a model is only scored, columns may
 * be those of its run, whose files had them: nothing is refused. */
static electra_status refuse_unread(unsigned formats, const electra_task_data *data, electra_error *err)
{
    enum {
        CELLS = 1u << EL_SOURCE_TSV | 1u << EL_SOURCE_CSV,
        MEMBERS = CELLS | 1u << EL_SOURCE_JSON_LINES | 1u << EL_SOURCE_JSON_ROWS,
        COLUMNS = MEMBERS | 1u << EL_SOURCE_CONLL | 1u << EL_SOURCE_CONLLU,
        LABELS = COLUMNS | 1u << EL_SOURCE_TREC
    };
    const struct {
        bool given;
        const char *option, *purpose;
        unsigned fits;
    } all[] = {
        {data->text_column != NULL, "text-column", "tsv, csv, jsonl, json, conll and conllu", COLUMNS},
        {data->pair_column != NULL, "pair-column", "tsv, csv, jsonl and json", MEMBERS},
        {data->label_column != NULL, "label-column", "tsv, csv, jsonl, json, conll, conllu and trec", LABELS},
        {data->id_column != NULL, "id-column", "tsv, csv, jsonl and json", MEMBERS},
        {data->header >= 0, "header", "tsv and csv", CELLS},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0] && data->train; i++) {
        if (all[i].given && !(all[i].fits & formats)) {
            return el_fail(err, ELECTRA_MISUSE, all[i].option,
                           "%s is for files of format %s; what is given here would not use it", all[i].option,
                           all[i].purpose);
        }
    }
    return ELECTRA_OK;
}

static electra_status copy_path(char **out, const char *path, electra_error *err)
{
    if (!path) {
        return ELECTRA_OK;
    }
    el_free(*out);
    *out = el_strdup(path);
    return *out ? ELECTRA_OK : el_fail_memory(err, path, strlen(path));
}

/* The caller's files, instead of those that may have been found. */
static electra_status take_paths(el_subject *s, const electra_task_data *data, electra_error *err)
{
    const char *const given[EL_NAMED_SPLITS] = {data->train, data->dev, data->test};
    for (int split = 0; split < EL_NAMED_SPLITS; split++) {
        EL_TRY(copy_path(&s->path[split], given[split], err));
    }
    return ELECTRA_OK;
}

static electra_status open_own(el_subject *s, const electra_task_data *data, electra_error *err)
{
    const char *first = data->train ? data->train : data->dev ? data->dev : data->test;
    if (!first) {
        return el_fail(err, ELECTRA_MISUSE, "task",
                       "neither a task (--task with --data) nor a file of examples (--train, --dev) is given");
    }
    const int format = data->format >= 0 ? data->format : (int)el_source_guess(first, data->kind);
    s->kind = data->kind >= 0       ? (el_task_kind)data->kind
              : data->label_columns ? EL_TASK_MULTILABEL
                                    : guess_kind(format);
    (void)snprintf(s->name, sizeof s->name, "own");
    s->unanswerable = s->kind == EL_TASK_ANSWER;
    EL_TRY(refuse_idle(s, data, err));
    EL_TRY(take_paths(s, data, err));
    el_source lists = {.n_labels = 0};
    EL_TRY(take_lists(s, &lists, data, err));
    bool csv = false;
    unsigned formats = 0;
    for (int split = 0; split < EL_NAMED_SPLITS; split++) {
        const char *path = s->path[split] ? s->path[split] : first;
        const int own = data->format >= 0 ? data->format : (int)el_source_guess(path, (int)s->kind);
        s->own[split] = el_source_default((el_source_format)own, s->kind);
        s->source[split] = &s->own[split];
        EL_TRY(take_columns(&s->own[split], data, &lists, err));
        csv = csv || own == EL_SOURCE_CSV;
        formats |= s->path[split] ? 1u << own : 0;
    }
    if (data->separator && !csv) {
        return el_fail(err, ELECTRA_MISUSE, "separator", "separator is for files of format csv; %s is none", first);
    }
    return refuse_unread(formats, data, err);
}

/* ---- published tasks --------------------------------------------------------------------------------------------- */

static electra_status unknown_task(const char *name, electra_error *err)
{
    char list[400] = "";
    const char *known;
    for (size_t i = 0; (known = electra_task_name(i, NULL)) != NULL; i++) {
        const size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s", i ? " " : "", known);
    }
    return el_fail(err, ELECTRA_MISUSE, "task",
                   "there is no task \"%s\". Known ones: %s. Files of your own need no task: --train FILE --dev FILE",
                   name, list);
}

static electra_status refuse_columns(const electra_task_data *data, electra_error *err)
{
    if (data->kind >= 0 || data->format >= 0 || data->text_column || data->pair_column || data->label_column ||
        data->id_column || data->choice_columns || data->labels || data->label_separator || data->label_columns ||
        data->separator || data->tags || data->header >= 0) {
        return el_fail(err, ELECTRA_MISUSE, "task",
                       "how the files of \"%s\" are read is known: kinds, formats, columns and labels are for files of "
                       "your own, without --task",
                       data->task);
    }
    return ELECTRA_OK;
}

static electra_status open_named(el_subject *s, const char *name, const electra_task_data *data, electra_error *err)
{
    const el_named_task *task = el_named_find(name);
    if (!task) {
        return unknown_task(name, err);
    }
    s->named = task;
    (void)snprintf(s->name, sizeof s->name, "%s", task->names[0]);
    s->kind = task->kind;
    s->metric = task->metric;
    s->unanswerable = task->unanswerable;
    s->max_length = task->max_length;
    s->epochs = task->epochs;
    s->both_orders = task->both_orders;
    s->folder = data->folder;
    if (data->folder) {
        EL_TRY(el_named_files_find(&s->found, task, data->folder, err));
        const el_found_file *const found[EL_NAMED_SPLITS] = {&s->found.train, &s->found.dev, &s->found.test};
        for (int split = 0; split < EL_NAMED_SPLITS; split++) {
            EL_TRY(copy_path(&s->path[split], found[split]->path, err));
            s->more[split] = found[split]->more;
            s->source[split] = found[split]->source;
        }
    } else if (!data->train && !data->dev && !data->test) {
        return el_fail(err, ELECTRA_MISUSE, "data", "the folder with the files of \"%s\" is needed (--data DIR)", name);
    }
    const char *const given[EL_NAMED_SPLITS] = {data->train, data->dev, data->test};
    for (int split = 0; split < EL_NAMED_SPLITS; split++) {
        if (given[split]) {
            s->more[split] = NULL;
            s->source[split] = el_named_source(task, (el_named_split)split, given[split]);
        }
    }
    return take_paths(s, data, err);
}

static electra_status open_all_named(el_subject *subjects, size_t n, const electra_task_data *data, electra_error *err)
{
    char names[512];
    const char *items[ELECTRA_MOST_TASKS];
    if (strlen(data->task) >= sizeof names) {
        return el_fail(err, ELECTRA_MISUSE, "task", "that list of tasks is too long");
    }
    (void)snprintf(names, sizeof names, "%s", data->task);
    if (cut_items(names, items) != n) {
        return el_fail(err, ELECTRA_MISUSE, "task", "\"%s\" ends with a comma", data->task);
    }
    for (size_t i = 0; i < n; i++) {
        EL_TRY(open_named(&subjects[i], items[i], data, err));
        for (size_t k = 0; k < i; k++) {
            if (subjects[k].named == subjects[i].named) {
                return el_fail(err, ELECTRA_MISUSE, "task", "\"%s\" is given twice", subjects[i].name);
            }
        }
    }
    return ELECTRA_OK;
}

electra_status el_subjects_create(el_subject **out, size_t *n, const electra_task_data *data, electra_error *err)
{
    *out = NULL;
    *n = data->task ? count_items(data->task) : 1;
    if (*n == 0 || *n > ELECTRA_MOST_TASKS) {
        return el_fail(err, ELECTRA_MISUSE, "task", "\"%s\" is no list of one to %d tasks", data->task,
                       (int)ELECTRA_MOST_TASKS);
    }
    if (*n > 1 && (data->train || data->dev || data->test)) {
        return el_fail(err, ELECTRA_MISUSE, "train",
                       "with several tasks files are found in --data; name no single one");
    }
    EL_TRY(data->task ? refuse_columns(data, err) : ELECTRA_OK);
    el_subject *subjects = el_alloc(*n, sizeof *subjects);
    if (!subjects) {
        return el_fail_memory(err, "tasks", *n * sizeof *subjects);
    }
    const electra_status status =
        data->task ? open_all_named(subjects, *n, data, err) : open_own(&subjects[0], data, err);
    if (status != ELECTRA_OK) {
        el_subjects_free(subjects, *n);
        return status;
    }
    *out = subjects;
    return ELECTRA_OK;
}

void el_subjects_free(el_subject *subjects, size_t n)
{
    for (size_t i = 0; subjects && i < n; i++) {
        el_subject *s = &subjects[i];
        for (int split = 0; split < EL_NAMED_SPLITS; split++) {
            el_features_free(s->features[split]);
            el_free(s->path[split]);
        }
        for (int split = 0; split < EL_NAMED_SPLITS; split++) {
            el_examples_free(s->examples[split]);
        }
        el_named_files_clear(&s->found);
        el_free(s->texts);
        el_free(s->list);
    }
    el_free(subjects);
}

/* ---- examples and features --------------------------------------------------------------------------------------- */

void el_subject_use_bioes(el_subject *s)
{
    if (!s->named || s->kind != EL_TASK_TAG || strcmp(s->metric, "f1") != 0) {
        return; /* own files say it themselves (--tags), and not all tags mark spans */
    }
    for (int split = 0; split < EL_NAMED_SPLITS; split++) {
        if (s->source[split]) {
            s->own[split] = *s->source[split];
            s->own[split].tags = EL_TAGS_BIOES;
            s->source[split] = &s->own[split];
        }
    }
}

electra_status el_subject_missing(const el_subject *s, el_named_split split, electra_error *err)
{
    static const char *const OPTIONS[] = {"--train", "--dev", "--test"};
    if (!s->named) {
        return el_fail(err, ELECTRA_MISUSE, OPTIONS[split], "a file of examples is needed: %s FILE", OPTIONS[split]);
    }
    if (!s->folder) {
        return el_fail(err, ELECTRA_MISUSE, s->name, "%s: no file of examples is given: %s FILE or --data DIR", s->name,
                       OPTIONS[split]);
    }
    return el_named_missing(s->named, split, s->folder, err);
}

/* Of questions that are to be scored. */
static void warn_of_untold(const el_examples *examples, const electra_runtime *rt)
{
    size_t n = 0;
    for (size_t i = 0; i < examples->n; i++) {
        n += examples->kind == EL_TASK_ANSWER && !examples->list[i].impossible && examples->list[i].n_answers == 0;
    }
    if (n == 1) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: 1 question has no answer and is not said to have none: it is not scored",
               examples->files[0]);
    } else if (n > 1) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: %zu questions have no answer and are not said to have none: they are not scored",
               examples->files[0], n);
    }
}

/* The released system's folder "squad" holds SQuAD 2.0, what is called squad everywhere else is 1.1. */
static void warn_of_impossible(const el_subject *s, const el_examples *examples, const electra_runtime *rt)
{
    size_t n = 0;
    for (size_t i = 0; i < examples->n; i++) {
        n += examples->list[i].impossible;
    }
    if (n > 0 && s->named && !s->unanswerable) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: %zu of %zu questions are said to have no answer, which %s does not know: every answer to them "
               "counts as wrong. Of SQuAD 2.0 the task is squad2",
               examples->files[0], n, examples->n, s->name);
    }
}

electra_status el_subject_read(el_subject *s, el_named_split split, const el_label_set *known,
                               const electra_runtime *rt, electra_error *err)
{
    if (!s->path[split]) {
        return el_subject_missing(s, split, err);
    }
    EL_TRY(el_examples_read(&s->examples[split], s->source[split], s->path[split], s->more[split], known, rt, err));
    warn_of_impossible(s, s->examples[split], rt);
    if (split == EL_NAMED_DEV) {
        warn_of_untold(s->examples[split], rt);
    }
    return ELECTRA_OK;
}

electra_status el_subject_hold_out(el_subject *s, double share, uint64_t seed, electra_error *err)
{
    return el_examples_split(s->examples[EL_NAMED_TRAIN], share, seed, &s->examples[EL_NAMED_DEV], err);
}

void el_subject_settle_scale(el_subject *s)
{
    s->scale = (el_number_scale){0, 1};
    if (s->kind != EL_TASK_REGRESS) {
        return;
    }
    if (s->named && s->named->most > s->named->least) {
        s->scale = (el_number_scale){s->named->least, s->named->most - s->named->least};
        return;
    }
    const el_examples *e = s->examples[EL_NAMED_TRAIN];
    double sum = 0;
    double squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < e->n; i++) {
        if (!isnan(e->list[i].number)) {
            sum += e->list[i].number;
            n++;
        }
    }
    const double mean = n ? sum / (double)n : 0;
    for (size_t i = 0; i < e->n; i++) {
        if (!isnan(e->list[i].number)) {
            squares += (e->list[i].number - mean) * (e->list[i].number - mean);
        }
    }
    const double deviation = n ? sqrt(squares / (double)n) : 0;
    s->scale = (el_number_scale){mean, deviation > 0 ? deviation : 1};
}

electra_status el_subject_featurize(el_subject *s, el_named_split split, const electra_tokenizer *tokenizer,
                                    const el_features_settings *settings, electra_error *err)
{
    return el_features_create(&s->features[split], s->examples[split], tokenizer, settings, err);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

el_head_config el_subject_head(const el_subject *s, size_t n_labels, double dropout, bool joint)
{
    el_head_config head = {.kind = EL_HEAD_CLASSIFIER, .n_labels = n_labels, .dropout = dropout};
    switch (s->kind) {
    case EL_TASK_CLASSIFY:
    case EL_TASK_MULTILABEL: break;
    case EL_TASK_REGRESS: head.n_labels = 1; break;
    case EL_TASK_TAG: head.kind = EL_HEAD_TAGGER; break;
    case EL_TASK_ANSWER:
        head = joint ? (el_head_config){.kind = EL_HEAD_JOINT_QA, .inner = EL_QA_INNER}
                     : (el_head_config){.kind = EL_HEAD_SPANS};
        break;
    case EL_TASK_CHOICE: /* transformers' defaults of ElectraConfig */
        head = (el_head_config){.kind = EL_HEAD_CHOICE,
                                .dropout = dropout,
                                .summary_dense = true,
                                .summary_activation = EL_ACT_GELU,
                                .summary_last_dropout = dropout};
        break;
    }
    return head;
}

electra_status el_subject_labels(el_labels *out, const el_subject *s, const el_label_set *labels, electra_error *err)
{
    const char *const *names = (const char *const *)labels->names;
    switch (s->kind) {
    case EL_TASK_CLASSIFY: return el_labels_make(out, names, labels->n_known, ELECTRA_PROBLEM_SINGLE_LABEL, err);
    case EL_TASK_MULTILABEL: return el_labels_make(out, names, labels->n_known, ELECTRA_PROBLEM_MULTI_LABEL, err);
    case EL_TASK_TAG: return el_labels_make(out, names, labels->n_known, ELECTRA_PROBLEM_NONE, err);
    case EL_TASK_REGRESS: return el_labels_make(out, NULL, 1, ELECTRA_PROBLEM_REGRESSION, err);
    case EL_TASK_ANSWER:
    case EL_TASK_CHOICE: break;
    }
    return ELECTRA_OK;
}
