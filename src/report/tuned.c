/* Owns reading a run of fine-tuning: the lines of metrics.jsonl, and by trial, thinned to what a screen can show. */
#include "report/tuned.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run_metrics.h"

enum {
    MOST_POINTS = 1200, /* of a curve; more are averaged in groups */
    MOST_COLUMNS = 512, /* scores of all tasks; what comes beyond them is left out */
    MOST_TRIALS = 10000,
    MOST_NAME_BYTES = 100 /* of a score or a task; no such thing has more */
};

/* Numbers by column name and row; NaN where a row has none. */
typedef struct column {
    char *name;
    double *values; /* [capacity of the table] */
} column;

typedef struct table {
    column *columns;
    size_t n_columns;
    size_t n, capacity; /* rows */
} table;

typedef struct trial {
    size_t number;
    table training, dev;
    json_t *warnings;
} trial;

typedef struct reader {
    trial *trials;
    size_t n, capacity;
} reader;

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static electra_status out_of_memory(electra_error *err)
{
    return el_fail_memory(err, "the report", 0);
}

static void table_clear(table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        el_free(t->columns[i].name);
        el_free(t->columns[i].values);
    }
    el_free(t->columns);
    *t = (table){0};
}

static electra_status add_row(table *t, electra_error *err)
{
    if (t->n == t->capacity) {
        const size_t capacity = 2 * t->capacity + 64;
        for (size_t i = 0; i < t->n_columns; i++) {
            double *values = el_realloc(t->columns[i].values, t->capacity, capacity, sizeof *values);
            if (!values) {
                return out_of_memory(err);
            }
            t->columns[i].values = values;
        }
        t->capacity = capacity;
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        t->columns[i].values[t->n] = (double)NAN;
    }
    t->n++;
    return ELECTRA_OK;
}

static electra_status add_column(table *t, const char *name, electra_error *err)
{
    column *columns = el_realloc(t->columns, t->n_columns, t->n_columns + 1, sizeof *columns);
    if (!columns) {
        return out_of_memory(err);
    }
    t->columns = columns;
    column *c = &columns[t->n_columns];
    *c = (column){el_strdup(name), el_alloc(t->capacity, sizeof *c->values)};
    if (!c->name || !c->values) {
        el_free(c->name);
        el_free(c->values);
        return out_of_memory(err);
    }
    for (size_t i = 0; i < t->n; i++) {
        c->values[i] = (double)NAN;
    }
    t->n_columns++;
    return ELECTRA_OK;
}

/* In the last row. */
static electra_status put(table *t, const char *name, double value, electra_error *err)
{
    size_t i = 0;
    while (i < t->n_columns && strcmp(t->columns[i].name, name) != 0) {
        i++;
    }
    if (i == t->n_columns) {
        if (i == MOST_COLUMNS) {
            return ELECTRA_OK;
        }
        EL_TRY(add_column(t, name, err));
    }
    t->columns[i].values[t->n - 1] = value;
    return ELECTRA_OK;
}

/* The mean over rows first ... last-1 that have a number; NaN if none has. */
static double mean_of(const column *c, size_t first, size_t last)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = first; i < last; i++) {
        if (isfinite(c->values[i])) {
            sum += c->values[i];
            n++;
        }
    }
    return n ? sum / (double)n : (double)NAN;
}

/* {"step": [..], ..}: a point for every group of rows, at the step of the group's last. */
static json_t *curves(const table *t)
{
    const size_t per_point = t->n / MOST_POINTS + 1;
    json_t *all = json_object();
    int failed = json_object_set_new(all, "step", json_array()); /* also of a table without rows */
    for (size_t i = 0; i < t->n_columns; i++) {
        const column *c = &t->columns[i];
        const bool is_step = strcmp(c->name, "step") == 0;
        json_t *values = json_array();
        for (size_t first = 0; first < t->n; first += per_point) {
            const size_t last = first + per_point < t->n ? first + per_point : t->n;
            const double value = is_step ? c->values[last - 1] : mean_of(c, first, last);
            failed |= json_array_append_new(values, isfinite(value) ? json_real(value) : json_null());
        }
        failed |= json_object_set_new(all, c->name, values);
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

typedef struct visitor {
    el_tuned_visit *visit;
    void *user;
} visitor;

static electra_status read_line(void *user, const json_t *json, const char *where, electra_error *err)
{
    const visitor *v = user;
    if (!json_is_object(json)) {
        return el_fail(err, ELECTRA_INVALID, where, "%s: expected an object", where);
    }
    el_tuned_line line = {.all = json, .dev = json_object_get(json, "dev")};
    EL_TRY(el_json_size(json, "trial", EL_JSON_REQUIRED, 1, MOST_TRIALS, &line.trial, where, err));
    EL_TRY(el_json_size(json, "step", EL_JSON_REQUIRED, 0, SIZE_MAX / 2, &line.step, where, err));
    EL_TRY(el_json_text(json, "warning", EL_JSON_OPTIONAL, &line.warning, where, err));
    if (json_is_object(line.dev)) {
        EL_TRY(el_json_text(json, "task", EL_JSON_REQUIRED, &line.task, where, err));
    }
    return v->visit(v->user, &line, err);
}

electra_status el_tuned_lines(const char *folder, el_tuned_visit *visit, void *user, electra_error *err)
{
    char *path = el_path_join(folder, "metrics.jsonl");
    if (!path) {
        return out_of_memory(err);
    }
    visitor v = {visit, user};
    const electra_status status =
        el_is_file(path)
            ? el_metrics_lines(path, UINT64_MAX, read_line, &v, err)
            : el_fail(err, ELECTRA_INVALID, folder, "%s is not the folder of a run: it has no metrics.jsonl", folder);
    el_free(path);
    return status;
}

/* ---- trials ------------------------------------------------------------------------------------------------------ */

static electra_status find_trial(trial **out, reader *r, size_t number, electra_error *err)
{
    for (size_t i = r->n; i-- > 0;) { /* lines come trial by trial */
        if (r->trials[i].number == number) {
            *out = &r->trials[i];
            return ELECTRA_OK;
        }
    }
    if (r->n == r->capacity) {
        const size_t capacity = 2 * r->capacity + 8;
        trial *trials = el_realloc(r->trials, r->capacity, capacity, sizeof *trials);
        if (!trials) {
            return out_of_memory(err);
        }
        r->trials = trials;
        r->capacity = capacity;
    }
    trial *t = &r->trials[r->n];
    *t = (trial){.number = number, .warnings = json_array()};
    if (!t->warnings) {
        return out_of_memory(err);
    }
    r->n++;
    *out = t;
    return ELECTRA_OK;
}

/* All numbers of an object into the last row. prefix: of their names; "" for none. */
static electra_status put_numbers(table *t, const json_t *object, const char *prefix, electra_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        char full[2 * MOST_NAME_BYTES + 8];
        if (json_is_number(value) && strlen(name) <= MOST_NAME_BYTES) {
            (void)snprintf(full, sizeof full, "%s%s", prefix, name);
            EL_TRY(put(t, full, json_number_value(value), err));
        }
    }
    return ELECTRA_OK;
}

/* Evaluations of several tasks at one step share a row. */
static electra_status see_scores(table *t, const el_tuned_line *line, bool several_tasks, electra_error *err)
{
    const double step = (double)line->step;
    char prefix[MOST_NAME_BYTES + 4] = "";
    if (several_tasks && strlen(line->task) <= MOST_NAME_BYTES) {
        (void)snprintf(prefix, sizeof prefix, "%s: ", line->task);
    }
    if (t->n == 0 || t->columns[0].values[t->n - 1] != step) { /* the step is the first column that is put */
        EL_TRY(add_row(t, err));
        EL_TRY(put(t, "step", step, err));
    }
    const char *const others[] = {"epoch", "seconds"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const json_t *value = json_object_get(line->all, others[i]);
        EL_TRY(json_is_number(value) ? put(t, others[i], json_number_value(value), err) : ELECTRA_OK);
    }
    return put_numbers(t, line->dev, prefix, err);
}

typedef struct seer {
    reader *to;
    bool several_tasks;
} seer;

static electra_status see(void *user, const el_tuned_line *line, electra_error *err)
{
    const seer *s = user;
    trial *t = NULL;
    EL_TRY(find_trial(&t, s->to, line->trial, err));
    if (line->warning) {
        json_t *said = json_pack("{s:I, s:s}", "step", (json_int_t)line->step, "text", line->warning);
        return json_array_append_new(t->warnings, said) == 0 ? ELECTRA_OK : out_of_memory(err);
    }
    if (line->task) {
        return see_scores(&t->dev, line, s->several_tasks, err);
    }
    EL_TRY(add_row(&t->training, err));
    return put_numbers(&t->training, line->all, "", err);
}

/* ---- a folder ---------------------------------------------------------------------------------------------------- */

bool el_tuned_is(const json_t *settings, const char *folder)
{
    static const char BEGINNING[] = "electra-finetune";
    const char *format = json_string_value(json_object_get(settings, "format"));
    if (format) {
        return strncmp(format, BEGINNING, sizeof BEGINNING - 1) == 0;
    }
    char *path = el_path_join(folder, "results.json");
    const bool there = path && el_is_file(path);
    el_free(path);
    return there;
}

static json_t *describe_trial(const trial *t, const char *folder, const json_t *results, bool several)
{
    /* trials that have ended are in the results */
    const json_t *tasks = json_object_get(results, "tasks");
    const json_t *trials = json_object_get(tasks ? json_array_get(tasks, 0) : results, "trials");
    bool finished = false;
    for (size_t i = 0; i < json_array_size(trials); i++) {
        const json_t *number = json_object_get(json_array_get(trials, i), "trial");
        finished = finished || json_number_value(number) == (double)t->number;
    }
    char name[384];
    (void)snprintf(name, sizeof name, "%.256s%strial %zu", several ? folder : "", several ? ", " : "", t->number);
    return json_pack("{s:s, s:b, s:o, s:o, s:O}", "name", name, "finished", finished, "training", curves(&t->training),
                     "heldout", curves(&t->dev), "warnings", t->warnings);
}

/* The settings know it before the first trial has ended. */
static bool has_several_tasks(const json_t *settings, const json_t *results)
{
    const char *task = json_string_value(json_object_get(settings, "task"));
    return json_object_get(results, "tasks") || (task && strchr(task, ','));
}

electra_status el_tuned_describe(json_t *runs, json_t *folders, const char *folder, const char *name, json_t *settings,
                                 bool several, electra_error *err)
{
    reader r = {0};
    json_t *results = NULL;
    electra_status status;
    EL_TRY_GOTO(el_json_load_if_there(&results, folder, "results.json", err), done); /* none before a trial has ended */
    seer s = {&r, has_several_tasks(settings, results)};
    EL_TRY_GOTO(el_tuned_lines(folder, see, &s, err), done);
    int failed = 0;
    for (size_t i = 0; i < r.n; i++) {
        failed |= json_array_append_new(runs, describe_trial(&r.trials[i], name, results, several));
    }
    failed |= json_array_append_new(folders, json_pack("{s:s, s:b, s:O, s:O}", "name", name, "finished",
                                                       json_is_true(json_object_get(results, "finished")), "settings",
                                                       settings, "results", results));
    status = failed ? out_of_memory(err) : ELECTRA_OK;
done:
    for (size_t i = 0; i < r.n; i++) {
        table_clear(&r.trials[i].training);
        table_clear(&r.trials[i].dev);
        json_decref(r.trials[i].warnings);
    }
    el_free(r.trials);
    json_decref(results);
    return status;
}
