/* Owns the account of a run that is not finished, from settings.json, results.json, metrics.jsonl and the folders of
 * the best weights (tune_folder.h). */
#include <electra/finetune.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "tasks/tune_settings.h"
#include "train/run_metrics.h"
#include "train/setting_table.h"

/* ---- lines of metrics.jsonl ----------------------------------------------------------------------------------------
 */

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name)); /* 0 if it is none */
}

static void take_scores(electra_finetune_standing *s, const json_t *line)
{
    const char *task = json_string_value(json_object_get(line, "task"));
    void *main_score = json_object_iter(json_object_get(line, "dev"));
    if (!task || !main_score || !json_is_true(json_object_get(line, "best"))) {
        return;
    }
    size_t i = 0;
    while (i < s->n_tasks && strcmp(s->tasks[i].task, task) != 0) {
        i++;
    }
    if (i == ELECTRA_MOST_TASKS) {
        return;
    }
    s->n_tasks = i == s->n_tasks ? i + 1 : s->n_tasks;
    (void)snprintf(s->tasks[i].task, sizeof s->tasks[i].task, "%s", task);
    (void)snprintf(s->tasks[i].best.name, sizeof s->tasks[i].best.name, "%s", json_object_iter_key(main_score));
    s->tasks[i].best.value = json_number_value(json_object_iter_value(main_score));
}

/* Only the lines of the last trial count. */
static electra_status see(void *user, const json_t *line, const char *where, electra_error *err)
{
    electra_finetune_standing *s = user;
    const int trial = (int)number_of(line, "trial");
    (void)where;
    (void)err;
    if (trial != s->trial) {
        *s = (electra_finetune_standing){.trial = trial};
    }
    s->step = (uint64_t)number_of(line, "step");
    s->epoch = number_of(line, "epoch");
    take_scores(s, line);
    return ELECTRA_OK;
}

/* ---- all of it -----------------------------------------------------------------------------------------------------
 */

static double sum_of(const electra_finetune_standing *s, const electra_finetune_result *done)
{
    double sum = 0;
    for (size_t i = 0; i < (done ? done->n_tasks : s->n_tasks); i++) {
        sum += done ? done->tasks[i].best : s->tasks[i].best.value;
    }
    return sum;
}

/* Those of the trial that is under way, unless a finished one is better. */
static void find_weights(electra_finetune_standing *s, const electra_finetune_result *done, const char *run)
{
    static const char *const FOLDERS[] = {"best", "current"};
    const bool better = s->n_tasks > 0 && !(done->n_tasks > 0 && sum_of(s, done) >= sum_of(s, NULL));
    (void)snprintf(s->weights, sizeof s->weights, "%s/%s", run, FOLDERS[better]);
    if (!el_is_folder(s->weights)) {
        s->weights[0] = '\0';
    }
}

static void find_steps(electra_finetune_standing *s, const json_t *settings)
{
    const double steps = number_of(settings, "steps"), epochs = number_of(settings, "epochs");
    s->trials = (int)number_of(settings, "trials");
    s->steps = steps > 0 ? (uint64_t)steps : s->epoch > 0 ? (uint64_t)llround(epochs / s->epoch * (double)s->step) : 0;
}

static electra_status stand(electra_finetune_standing *s, const electra_finetune_result *done, const char *run,
                            electra_error *err)
{
    json_t *settings = NULL;
    char *metrics = el_path_join(run, "metrics.jsonl");
    electra_status status;
    if (!metrics) {
        return el_fail_memory(err, run, strlen(run));
    }
    EL_TRY_GOTO(el_settings_load(&settings, run, EL_TUNE_FORMAT, err), done);
    EL_TRY_GOTO(el_metrics_lines(metrics, UINT64_MAX, see, s, err), done);
    const int finished = done->n_tasks ? (int)done->tasks[0].n : 0;
    if (s->trial <= finished) { /* the next one has no line yet */
        *s = (electra_finetune_standing){.trial = finished + 1};
    }
    find_steps(s, settings);
    find_weights(s, done, run);
done:
    json_decref(settings);
    el_free(metrics);
    return status;
}

electra_status electra_finetune_stand(const char *run, electra_finetune_standing *out, electra_error *err)
{
    electra_finetune_result *done = el_alloc(1, sizeof *done);
    if (!done || !out) {
        el_free(done);
        return out ? el_fail_memory(err, run, sizeof *done) : el_fail(err, ELECTRA_MISUSE, "out", "must be given");
    }
    *out = (electra_finetune_standing){0};
    electra_status status = electra_finetune_describe(run, done, err);
    if (status == ELECTRA_OK) {
        status = stand(out, done, run, err);
    }
    el_free(done);
    return status;
}
