/* Owns results.json. */
#include "tasks/tune_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/quantile.h"
#include "base/status.h"
#include "tasks/tune_settings.h"
#include "tasks/tune_state.h"
#include "train/setting_table.h"

static const char FORMAT[] = "electra-results-1";

static electra_status out_of_memory(electra_error *err)
{
    return el_fail_memory(err, "the results", 0);
}

/* Numbers that are whole are written as such, others with as many digits as they are worth; NaN as null. */
static json_t *number(double value)
{
    if (!isfinite(value)) {
        return json_null();
    }
    if (value == floor(value) && fabs(value) < 0x1p53) {
        return json_integer((json_int_t)value);
    }
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%.9g", value);
    return json_real(strtod(digits, NULL));
}

static double number_of(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

json_t *el_tune_task_record(const el_scoring *s)
{
    json_t *dev = el_scores_json(&s->scores);
    return dev ? json_pack("{s:o, s:b, s:o, s:O}", "dev", dev, "collapsed", s->collapsed, "threshold",
                           number(s->threshold), "details", s->details)
               : NULL;
}

static const struct {
    const char *name;
    size_t offset;
} FIELDS[] = {
    {"trial", offsetof(el_tune_record, trial)},
    {"seed", offsetof(el_tune_record, seed)},
    {"best_step", offsetof(el_tune_record, best_step)},
    {"best_epoch", offsetof(el_tune_record, best_epoch)},
    {"steps", offsetof(el_tune_record, steps)},
    {"seconds", offsetof(el_tune_record, seconds)},
    {"examples_per_second", offsetof(el_tune_record, examples_per_second)},
    {"score", offsetof(el_tune_record, score)},
};
enum { N_FIELDS = sizeof FIELDS / sizeof FIELDS[0] };

/* The numbers of a record. NULL when out of memory. */
static json_t *fields_json(const el_tune_record *record)
{
    json_t *all = json_object();
    int failed = 0;
    for (size_t i = 0; i < N_FIELDS; i++) {
        double value;
        memcpy(&value, (const char *)record + FIELDS[i].offset, sizeof value);
        failed |= json_object_set_new(all, FIELDS[i].name, number(value));
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

electra_status el_tune_record_save(const el_tune_record *record, const char *path, electra_error *err)
{
    json_t *all = fields_json(record);
    if (!all || json_object_set(all, "tasks", record->tasks) != 0) {
        json_decref(all);
        return out_of_memory(err);
    }
    const electra_status status = el_json_save_in_order(all, path, err);
    json_decref(all);
    return status;
}

electra_status el_tune_record_load(el_tune_record *record, const char *path, electra_error *err)
{
    json_t *all = NULL;
    EL_TRY(el_json_load(&all, path, err));
    for (size_t i = 0; i < N_FIELDS; i++) {
        const double value = number_of(all, FIELDS[i].name, (double)NAN);
        memcpy((char *)record + FIELDS[i].offset, &value, sizeof value);
    }
    record->tasks = json_incref(json_object_get(all, "tasks"));
    json_decref(all);
    return json_is_array(record->tasks) ? ELECTRA_OK
                                        : el_fail(err, ELECTRA_INVALID, path, "%s holds no list of tasks", path);
}

void el_tune_record_clear(el_tune_record *record)
{
    json_decref(record->tasks);
    *record = (el_tune_record){0};
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static const char *kind_name(el_task_kind kind)
{
    static const char *const NAMES[] = {[EL_TASK_CLASSIFY] = "classify", [EL_TASK_MULTILABEL] = "multilabel",
                                        [EL_TASK_REGRESS] = "regress",   [EL_TASK_TAG] = "tag",
                                        [EL_TASK_ANSWER] = "qa",         [EL_TASK_CHOICE] = "choice"};
    return NAMES[kind];
}

static json_t *labels_json(const el_label_set *labels)
{
    json_t *all = json_array();
    for (size_t i = 0; i < labels->n_known; i++) {
        if (json_array_append_new(all, json_string(labels->names[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *task_json(const el_subject *s)
{
    const el_examples *train = s->examples[EL_NAMED_TRAIN];
    const el_examples *dev = s->examples[EL_NAMED_DEV];
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:[]}", "task", s->name, "kind", kind_name(s->kind), "train_examples",
                     (json_int_t)train->n, "dev_examples", (json_int_t)(dev ? dev->n : 0), "labels",
                     labels_json(&train->labels), "trials");
}

/* One task: its object is the whole; several: a list of them. */
static electra_status begin(el_tune_results *r, const char *model, const el_subject *subjects, size_t n,
                            electra_error *err)
{
    json_t *tasks = json_array();
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        failed |= json_array_append_new(tasks, task_json(&subjects[i]));
    }
    r->all = failed ? NULL : n == 1 ? json_incref(json_array_get(tasks, 0)) : json_pack("{s:O}", "tasks", tasks);
    json_decref(tasks);
    if (!r->all || json_object_set_new(r->all, "model", json_string(model)) != 0 ||
        json_object_set_new(r->all, "format", json_string(FORMAT)) != 0) {
        return out_of_memory(err);
    }
    return ELECTRA_OK;
}

static size_t count_tasks(const el_tune_results *r)
{
    const json_t *tasks = json_object_get(r->all, "tasks");
    return tasks ? json_array_size(tasks) : 1;
}

static json_t *task_of(const el_tune_results *r, size_t i)
{
    const json_t *tasks = json_object_get(r->all, "tasks");
    return tasks ? json_array_get(tasks, i) : r->all;
}

static electra_status check(const el_tune_results *r, size_t n, electra_error *err)
{
    const char *format = json_string_value(json_object_get(r->all, "format"));
    bool fine = format && strcmp(format, FORMAT) == 0 && count_tasks(r) == n && n <= ELECTRA_MOST_TASKS;
    for (size_t i = 0; fine && i < n; i++) {
        fine = json_is_array(json_object_get(task_of(r, i), "trials")) &&
               json_array_size(json_object_get(task_of(r, i), "trials")) == el_tune_results_trials(r);
    }
    return fine ? ELECTRA_OK
                : el_fail(err, ELECTRA_INVALID, r->path,
                          "%s does not hold the results of this run (format \"%s\"); remove it to begin again", r->path,
                          FORMAT);
}

electra_status el_tune_results_open(el_tune_results *r, const char *path, const char *model, const el_subject *subjects,
                                    size_t n, electra_error *err)
{
    r->path = el_strdup(path);
    if (!r->path) {
        return out_of_memory(err);
    }
    if (!el_is_file(path)) {
        return begin(r, model, subjects, n, err);
    }
    EL_TRY(el_json_load(&r->all, path, err));
    return check(r, n, err);
}

void el_tune_results_clear(el_tune_results *r)
{
    json_decref(r->all);
    el_free(r->path);
    *r = (el_tune_results){0};
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

size_t el_tune_results_trials(const el_tune_results *r)
{
    return json_array_size(json_object_get(task_of(r, 0), "trials"));
}

double el_tune_results_seconds(const el_tune_results *r)
{
    double sum = 0;
    const json_t *trials = json_object_get(task_of(r, 0), "trials");
    for (size_t i = 0; i < json_array_size(trials); i++) {
        sum += number_of(json_array_get(trials, i), "seconds", 0);
    }
    return sum;
}

bool el_tune_results_finished(const el_tune_results *r)
{
    return json_is_true(json_object_get(r->all, "finished"));
}

double el_tune_results_best(const el_tune_results *r)
{
    double best = -(double)INFINITY;
    const json_t *trials = json_object_get(task_of(r, 0), "trials");
    for (size_t i = 0; i < json_array_size(trials); i++) {
        /* a trial that could not be evaluated is better than none */
        best = fmax(best, number_of(json_array_get(trials, i), "score", EL_TUNE_NO_SCORE));
    }
    return best;
}

double el_tune_results_metrics_bytes(const el_tune_results *r)
{
    return number_of(r->all, "metrics_bytes", 0);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

/* Values of one metric over the trials; returns how many trials have it. */
static size_t gather(double *values, const json_t *trials, const char *metric)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(trials); i++) {
        const double value = number_of(json_object_get(json_array_get(trials, i), "dev"), metric, (double)NAN);
        if (!isnan(value)) {
            values[n++] = value;
        }
    }
    return n;
}

static double mean_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
    }
    return n ? sum / (double)n : (double)NAN;
}

/* Of a sample. */
static double deviation_of(const double *values, size_t n)
{
    const double mean = mean_of(values, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (values[i] - mean) * (values[i] - mean);
    }
    return n > 1 ? sqrt(sum / (double)(n - 1)) : (double)NAN;
}

static double median_of(double *values, size_t n)
{
    if (n == 0) {
        return (double)NAN;
    }
    (void)el_quantile(values, n, 0.5); /* puts them in order */
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static electra_status summarize_task(json_t *task, electra_error *err)
{
    const json_t *trials = json_object_get(task, "trials");
    const size_t n_trials = json_array_size(trials);
    double *values = el_alloc(n_trials + 1, sizeof *values);
    json_t *mean = json_object();
    json_t *median = json_object();
    json_t *std = json_object();
    int failed = !values;
    const char *metric;
    json_t *ignored;
    json_object_foreach(json_object_get(json_array_get(trials, 0), "dev"), metric, ignored)
    {
        const size_t n = values ? gather(values, trials, metric) : 0;
        if (n == n_trials) {
            failed |= json_object_set_new(mean, metric, number(mean_of(values, n)));
            failed |= json_object_set_new(std, metric, number(deviation_of(values, n)));
            failed |= json_object_set_new(median, metric, number(median_of(values, n)));
        }
    }
    failed |= json_object_set(task, "mean", mean);
    failed |= json_object_set(task, "median", median);
    failed |= json_object_set(task, "std", std);
    json_decref(mean);
    json_decref(median);
    json_decref(std);
    el_free(values);
    return failed ? out_of_memory(err) : ELECTRA_OK;
}

/* The trial's line of one task. */
static electra_status add_trial(json_t *task, const el_tune_record *record, const json_t *own, electra_error *err)
{
    json_t *trial = fields_json(record);
    int failed = json_object_set(trial, "collapsed", json_object_get(own, "collapsed"));
    failed |= json_object_set(trial, "dev", json_object_get(own, "dev"));
    if (json_is_number(json_object_get(own, "threshold"))) {
        failed |= json_object_set(trial, "threshold", json_object_get(own, "threshold"));
    }
    failed |= json_array_append_new(json_object_get(task, "trials"), trial);
    return failed ? out_of_memory(err) : ELECTRA_OK;
}

/* The metric's name, and pictures of the best trial. */
static electra_status set_best(json_t *task, const el_tune_record *record, const json_t *own, electra_error *err)
{
    const char *first = json_object_iter_key(json_object_iter(json_object_get(own, "dev")));
    int failed = json_object_set_new(task, "metric", first ? json_string(first) : json_null());
    failed |= json_object_set_new(task, "best_trial", number(record->trial));
    json_t *details = json_object_get(own, "details"); /* none where nothing was evaluated */
    failed |= details && json_object_update(task, details) != 0;
    return failed ? out_of_memory(err) : ELECTRA_OK;
}

electra_status el_tune_results_add(el_tune_results *r, const el_tune_record *record, double metrics_bytes,
                                   electra_error *err)
{
    const double score = isnan(record->score) ? EL_TUNE_NO_SCORE : record->score;
    const bool best = score > el_tune_results_best(r);
    for (size_t i = 0; i < count_tasks(r); i++) {
        const json_t *own = json_array_get(record->tasks, i);
        json_t *task = task_of(r, i);
        EL_TRY(add_trial(task, record, own, err));
        EL_TRY(summarize_task(task, err));
        EL_TRY(best ? set_best(task, record, own, err) : ELECTRA_OK);
    }
    if (json_object_set_new(r->all, "metrics_bytes", number(metrics_bytes)) != 0) {
        return out_of_memory(err);
    }
    return el_tune_results_finish(r, false, err);
}

electra_status el_tune_results_finish(el_tune_results *r, bool finished, electra_error *err)
{
    if (json_object_set_new(r->all, "finished", json_boolean(finished)) != 0) {
        return out_of_memory(err);
    }
    return el_json_save_in_order(r->all, r->path, err);
}

/* ---- for the caller ---------------------------------------------------------------------------------------------- */

static void list_scores(electra_scores *out, const json_t *means, const json_t *values)
{
    const char *name;
    json_t *ignored;
    json_object_foreach((json_t *)means, name, ignored)
    {
        if (out->n < ELECTRA_MOST_SCORES) {
            electra_score *score = &out->list[out->n++];
            (void)snprintf(score->name, sizeof score->name, "%s", name);
            score->value = number_of(values, name, (double)NAN);
        }
    }
}

static void summarize_for_caller(electra_trials *out, const json_t *task)
{
    const json_t *trials = json_object_get(task, "trials");
    const char *metric = json_string_value(json_object_get(task, "metric"));
    const char *name = json_string_value(json_object_get(task, "task"));
    *out = (electra_trials){.n = json_array_size(trials), .best = (double)NAN};
    (void)snprintf(out->task, sizeof out->task, "%s", name ? name : "");
    (void)snprintf(out->metric, sizeof out->metric, "%s", metric ? metric : "");
    const json_t *means = json_object_get(task, "mean");
    list_scores(&out->means, means, means);
    list_scores(&out->deviations, means, json_object_get(task, "std"));
    out->mean = number_of(json_object_get(task, "mean"), out->metric, (double)NAN);
    out->median = number_of(json_object_get(task, "median"), out->metric, (double)NAN);
    out->deviation = number_of(json_object_get(task, "std"), out->metric, (double)NAN);
    for (size_t i = 0; i < out->n; i++) {
        const json_t *trial = json_array_get(trials, i);
        out->best = fmax(out->best, number_of(json_object_get(trial, "dev"), out->metric, (double)NAN));
        out->collapsed += json_is_true(json_object_get(trial, "collapsed"));
    }
}

void el_tune_results_summarize(const el_tune_results *r, electra_finetune_result *out)
{
    out->n_tasks = count_tasks(r);
    for (size_t i = 0; i < out->n_tasks; i++) {
        summarize_for_caller(&out->tasks[i], task_of(r, i));
    }
}

/* The file alone, of however many tasks. */
static electra_status load_alone(el_tune_results *r, const char *run, electra_error *err)
{
    r->path = el_path_join(run, "results.json");
    if (!r->path) {
        return out_of_memory(err);
    }
    if (!el_is_file(r->path)) {
        return ELECTRA_OK; /* killed before the end of its first trial */
    }
    EL_TRY(el_json_load(&r->all, r->path, err));
    return check(r, count_tasks(r), err);
}

electra_status electra_finetune_describe(const char *run, electra_finetune_result *out, electra_error *err)
{
    if (!run || !out) {
        return el_fail(err, ELECTRA_MISUSE, "run", "no folder of a run was given");
    }
    *out = (electra_finetune_result){0};
    json_t *settings = NULL;
    EL_TRY(el_settings_load(&settings, run, EL_TUNE_FORMAT, err));
    if (!settings) {
        return el_fail(err, ELECTRA_INVALID, run, "%s is not the folder of a run: it has no settings.json", run);
    }
    json_decref(settings);
    (void)snprintf(out->model, sizeof out->model, "%s", run);
    el_tune_results results = {0};
    const electra_status status = load_alone(&results, run, err);
    if (status == ELECTRA_OK && results.all) {
        el_tune_results_summarize(&results, out);
        out->finished = el_tune_results_finished(&results);
    }
    el_tune_results_clear(&results);
    return status;
}
