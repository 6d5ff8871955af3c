/* metrics.jsonl and settings.json of one or several runs -> one HTML file. What it looks like and says is page.html
 * beside this file; here its data are collected, thinned to what a screen can show, and put in. Runs of fine-tuning are
 * read by tuned.c. */
#include <electra/report.h>

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/tuned.h"
#include "train/run_metrics.h"

static const unsigned char PAGE[] = {
#include "report/page.h"
};
static const char MARK[] = "@DATA@"; /* where the data go, once in the page */

enum { MOST_POINTS = 1200 }; /* of a curve; more are averaged in groups */

/* The lines of one run, apart by kind, while they are read. */
typedef struct lines {
    electra_metrics *items;
    size_t n, capacity;
} lines;

typedef struct run {
    lines training, heldout;
    electra_metrics last;
    json_t *warnings; /* [{step, text}] */
    bool failed;      /* out of memory */
} run;

/* ---- reading ------------------------------------------------------------------------------------------------- */

static bool append(lines *to, const electra_metrics *line)
{
    if (to->n == to->capacity) {
        const size_t capacity = 2 * to->capacity + 64;
        electra_metrics *items = el_realloc(to->items, to->capacity, capacity, sizeof *items);
        if (!items) {
            return false;
        }
        to->items = items;
        to->capacity = capacity;
    }
    to->items[to->n] = *line;
    to->items[to->n++].warning = NULL;
    return true;
}

static void see(void *user, const electra_metrics *line)
{
    run *r = user;
    if (line->warning) {
        json_t *warning = json_pack("{s:I, s:s}", "step", (json_int_t)line->step, "text", line->warning);
        r->failed |= json_array_append_new(r->warnings, warning) != 0;
        return;
    }
    el_metrics_merge(&r->last, line);
    if (!isnan(line->loss)) {
        r->failed |= !append(&r->training, line);
    }
    if (!isnan(line->heldout_discriminator_loss)) {
        r->failed |= !append(&r->heldout, line);
    }
}

/* ---- thinning ------------------------------------------------------------------------------------------------ */

/* The mean of a number over lines first ... last-1; NaN if none has it. */
static double mean_of(const lines *all, size_t first, size_t last, const el_metric_field *field)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = first; i < last; i++) {
        const double value = el_metrics_get(&all->items[i], field);
        if (isfinite(value)) {
            sum += value;
            n++;
        }
    }
    return n ? sum / (double)n : (double)NAN;
}

/* {"step": [...], "loss": [...], ...}: a point for every group of lines, at the step of the group's last. */
static json_t *curves(const lines *all, el_metric_group group)
{
    const size_t per_point = all->n / MOST_POINTS + 1;
    json_t *result = json_object();
    json_t *steps = json_array();
    for (size_t first = 0; first < all->n; first += per_point) {
        const size_t last = first + per_point < all->n ? first + per_point : all->n;
        (void)json_array_append_new(steps, json_integer((json_int_t)all->items[last - 1].step));
    }
    (void)json_object_set_new(result, "step", steps);
    for (size_t f = 0; f < el_metric_n_fields; f++) {
        const el_metric_field *field = &el_metric_fields[f];
        if (field->group != group && field->group != EL_METRIC_ALWAYS) {
            continue;
        }
        json_t *values = json_array();
        for (size_t first = 0; first < all->n; first += per_point) {
            const size_t last = first + per_point < all->n ? first + per_point : all->n;
            const double value = mean_of(all, first, last, field);
            (void)json_array_append_new(values, isnan(value) ? json_null() : json_real(value));
        }
        (void)json_object_set_new(result, field->name, values);
    }
    return result;
}

/* ---- one run ------------------------------------------------------------------------------------------------- */

/* The last part of a path, so that a report does not tell where its author keeps things. */
static char *name_of(const char *folder)
{
    char full[PATH_MAX];
    const char *path = realpath(folder, full) ? full : folder;
    const char *slash = strrchr(path, '/');
    char *name = el_strdup(slash && slash[1] ? slash + 1 : path);
    json_t *text = name ? json_string(name) : NULL;
    if (name && !text) { /* not UTF-8 */
        for (char *at = name; *at; at++) {
            *at = *at & 0x80 ? '?' : *at;
        }
    }
    json_decref(text);
    return name;
}

/* A JSON file of the run, or null if it is not there (a run that was just begun, or an unfinished one). */
static electra_status read_run(run *r, const char *folder, electra_error *err)
{
    el_metrics_clear(&r->last);
    r->warnings = json_array();
    char *path = el_path_join(folder, "metrics.jsonl");
    if (!path || !r->warnings) {
        el_free(path);
        return el_fail_memory(err, folder, strlen(folder));
    }
    electra_status status;
    if (el_is_file(path)) {
        status = el_metrics_read(path, UINT64_MAX, see, r, err);
    } else {
        status =
            el_fail(err, ELECTRA_INVALID, folder, "%s is not the folder of a run: it has no metrics.jsonl", folder);
    }
    el_free(path);
    if (status == ELECTRA_OK && r->failed) {
        status = el_fail_memory(err, folder, 0);
    }
    return status;
}

static void run_clear(run *r)
{
    el_free(r->training.items);
    el_free(r->heldout.items);
    json_decref(r->warnings);
}

/* Everything the page wants to know about a run of pre-training. */
static electra_status describe_run(json_t *runs, const char *folder, const char *name, json_t *settings,
                                   electra_error *err)
{
    run r = {0};
    json_t *result = NULL;
    json_t *all = NULL;
    electra_status status;
    EL_TRY_GOTO(read_run(&r, folder, err), done);
    EL_TRY_GOTO(el_json_load_if_there(&result, folder, "result.json", err), done);
    all = json_pack("{s:s, s:b, s:O, s:o, s:o, s:O}", "name", name, "finished", json_is_object(result), "settings",
                    settings, "training", curves(&r.training, EL_METRIC_TRAINING), "heldout",
                    curves(&r.heldout, EL_METRIC_HELDOUT), "warnings", r.warnings);
    if (!isnan(r.last.progress)) {
        (void)json_object_set_new(all, "progress", json_real(r.last.progress));
    }
    status = json_array_append_new(runs, all) == 0 ? ELECTRA_OK : el_fail_memory(err, folder, 0);
done:
    run_clear(&r);
    json_decref(result);
    return status;
}

/* What the page shows: {"runs": [..]} of pre-training, {"runs": [..], "folders": [..]} of fine-tuning (tuned.h). */
typedef struct shown {
    json_t *runs, *folders;
    bool tuned;
} shown;

/* Add the i-th folder. */
static electra_status describe(shown *s, const electra_report_options *options, size_t i, electra_error *err)
{
    const char *folder = options->runs[i];
    json_t *settings = NULL;
    char *name = NULL;
    electra_status status;
    EL_TRY_GOTO(el_json_load_if_there(&settings, folder, "settings.json", err), done);
    name = name_of(folder);
    const bool tuned = el_tuned_is(settings, folder);
    if (!name) {
        status = el_fail_memory(err, folder, 0);
    } else if (i > 0 && tuned != s->tuned) {
        status = el_fail(err, ELECTRA_MISUSE, folder,
                         "%s is a run of %s and %s one of %s; a report compares runs of one kind", options->runs[0],
                         s->tuned ? "fine-tuning" : "pre-training", folder, tuned ? "fine-tuning" : "pre-training");
    } else if (tuned) {
        s->tuned = true;
        status = el_tuned_describe(s->runs, s->folders, folder, name, settings, options->n_runs > 1, err);
    } else {
        status = describe_run(s->runs, folder, name, settings, err);
    }
done:
    json_decref(settings);
    el_free(name);
    return status;
}

/* ---- the page ------------------------------------------------------------------------------------------------ */

/* JSON inside a script element: the letters that could end it or begin markup stand only inside JSON's strings, where
 * an escape means the same. */
static void add_escaped(el_writer *w, const char *json)
{
    for (const char *at = json; *at;) {
        const size_t plain = strcspn(at, "<>&");
        el_writer_add(w, at, plain);
        at += plain;
        if (*at) {
            el_writer_format(w, "\\u%04x", (unsigned)*at++);
        }
    }
}

static electra_status write_page(const char *path, const char *data, electra_error *err)
{
    const unsigned char *mark = memmem(PAGE, sizeof PAGE, MARK, sizeof MARK - 1);
    const size_t before = (size_t)(mark - PAGE);
    const size_t after = before + sizeof MARK - 1;
    el_writer *w;
    EL_TRY(el_writer_open(&w, path, err));
    el_writer_add(w, PAGE, before);
    add_escaped(w, data);
    el_writer_add(w, PAGE + after, sizeof PAGE - after);
    return el_writer_commit(w, err);
}

static electra_status write_report(const electra_report_options *options, const char *output, electra_error *err)
{
    shown s = {.runs = json_array(), .folders = json_array()};
    electra_status status = s.runs && s.folders ? ELECTRA_OK : el_fail_memory(err, output, 0);
    for (size_t i = 0; i < options->n_runs && status == ELECTRA_OK; i++) {
        status = describe(&s, options, i, err);
    }
    if (status == ELECTRA_OK) {
        json_t *all = s.tuned ? json_pack("{s:O, s:O}", "runs", s.runs, "folders", s.folders)
                              : json_pack("{s:O}", "runs", s.runs);
        char *text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6));
        status = text ? write_page(output, text, err) : el_fail_memory(err, output, 0);
        free(text);
        json_decref(all);
    }
    json_decref(s.runs);
    json_decref(s.folders);
    return status;
}

electra_report_options electra_report_options_default(void)
{
    return (electra_report_options){.struct_size = sizeof(electra_report_options)};
}

electra_status electra_report_write(const electra_report_options *options, electra_error *err)
{
    if (!options || options->struct_size != sizeof *options) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_report_options_default()");
    }
    if (options->n_runs == 0 || !options->runs) {
        return el_fail(err, ELECTRA_MISUSE, "runs", "no folder of a run was given");
    }
    if (options->output) {
        return write_report(options, options->output, err);
    }
    if (options->n_runs > 1) {
        return el_fail(err, ELECTRA_MISUSE, "output",
                       "a page that compares several runs belongs to none of them: give its name, such as "
                       "--output compare.html");
    }
    char *output = el_path_join(options->runs[0], "report.html");
    if (!output) {
        return el_fail_memory(err, options->runs[0], 0);
    }
    const electra_status status = write_report(options, output, err);
    el_free(output);
    return status;
}
