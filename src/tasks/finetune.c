/* electra_finetune: opens everything, goes through trials and their steps, keeps the best weights, writes down what
 * happened. Read from the bottom: electra_finetune, then train, then one turn of its loop.
 *
 * What a trial learns depends on its settings, its examples and its step number only; so a run that was killed ends
 * with the same bytes. */
#include <electra/finetune.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "interop/hf_config.h"
#include "tasks/evaluate.h"
#include "tasks/tune_describe.h"
#include "tasks/tune_folder.h"
#include "tasks/tune_inputs.h"
#include "tasks/tune_results.h"
#include "tasks/tune_state.h"
#include "train/run_metrics.h"
#include "train/schedule.h"

static const double SAVE_SECONDS = 600; /* between checkpoints, unless save_every says otherwise */
static const double MOST_SKIPPED = 10;  /* steps in a row that are not finite, before the run gives up */

typedef struct finetuner {
    const electra_runtime *rt;
    const electra_finetune_options *caller; /* its callbacks */
    el_tune_inputs in;
    const electra_finetune_options *set; /* the settings in force */
    size_t *first_unit;                  /* [n + 1] of each subject in the order of all units */
    el_tune_folder folder;

    el_pool *pool;
    el_backend *be;         /* of training */
    el_backend *evaluation; /* whose workspace is that of forward passes */
    el_tuner *tuner;
    el_tuner_unit *units; /* [batch] */

    uint64_t total; /* steps of a trial */
    el_tune_state state;
    double begun;         /* el_now() minus the seconds of the trial */
    double saved_seconds; /* of the newest checkpoint */
    double saved_step;    /* -1: none yet */
    el_metrics_log log;
    el_tune_record record; /* of the trial's best evaluation; tasks NULL: none yet */
    el_tune_results results;
    char note[160];
} finetuner;

/* ---- where the run stands ---------------------------------------------------------------------------------------- */

static double seconds_now(const finetuner *t)
{
    return el_now() - t->begun;
}

static bool trial_is_over(const finetuner *t)
{
    return !(t->state.unjudged > 0) && (t->state.over > 0 || t->state.trial_step >= (double)t->total);
}

static size_t count_units(const finetuner *t)
{
    return t->first_unit[t->in.n];
}

static double epochs_passed(const finetuner *t)
{
    const double units = t->state.trial_step * (double)t->set->batch;
    const double epochs = units / (double)count_units(t);
    return t->set->epochs >= 0 && epochs > t->set->epochs ? t->set->epochs : epochs;
}

static uint64_t trial_seed(const finetuner *t)
{
    return (uint64_t)t->set->seed + (uint64_t)t->state.trial;
}

static bool report_progress(const finetuner *t)
{
    char stage[64];
    (void)snprintf(stage, sizeof stage, t->set->trials > 1 ? "trial %.0f of %ld" : "training", t->state.trial + 1,
                   t->set->trials);
    const electra_progress progress = {.stage = stage,
                                       .unit = "steps",
                                       .done = t->state.trial_step,
                                       .total = (double)t->total,
                                       .seconds = t->state.seconds,
                                       .note = t->note};
    return el_progress(t->rt, &progress);
}

/* ---- lines of metrics.jsonl -------------------------------------------------------------------------------------- */

static electra_finetune_metrics line_now(const finetuner *t)
{
    const double none = (double)NAN;
    return (electra_finetune_metrics){.trial = (int)t->state.trial + 1,
                                      .step = (uint64_t)t->state.trial_step,
                                      .epoch = epochs_passed(t),
                                      .seconds = t->state.seconds,
                                      .learning_rate = none,
                                      .loss = none,
                                      .gradient_norm = none,
                                      .examples_per_second = none,
                                      .tokens_per_second = none};
}

static electra_status publish(finetuner *t, const electra_finetune_metrics *line, electra_error *err)
{
    EL_TRY(el_metrics_log_add_json(&t->log, el_tune_line_json(line), err));
    t->state.metrics_bytes = (double)t->log.bytes;
    if (t->caller->metrics) {
        t->caller->metrics(t->caller->metrics_user, line);
    }
    return ELECTRA_OK;
}

static electra_status log_training(finetuner *t, electra_error *err)
{
    el_tune_state *s = &t->state;
    if (!(s->interval_steps > 0)) {
        return ELECTRA_OK;
    }
    electra_finetune_metrics line = line_now(t);
    line.learning_rate = s->interval_rate / s->interval_steps;
    line.loss = s->interval_loss / s->interval_steps;
    line.gradient_norm = s->interval_norm / s->interval_steps;
    line.examples_per_second = s->interval_examples / s->interval_seconds;
    line.tokens_per_second = s->interval_tokens / s->interval_seconds;
    (void)snprintf(t->note, sizeof t->note, "epoch %.2f, loss %.4f, %.0f examples/s", line.epoch, line.loss,
                   line.examples_per_second);
    s->interval_steps = s->interval_seconds = s->interval_examples = s->interval_tokens = 0;
    s->interval_rate = s->interval_loss = s->interval_norm = 0;
    return publish(t, &line, err);
}

static electra_status warn(finetuner *t, const char *advice, electra_error *err)
{
    el_log(t->rt, ELECTRA_LOG_WARNING, "trial %.0f: %s", t->state.trial + 1, advice);
    electra_finetune_metrics line = line_now(t);
    line.warning = advice;
    return publish(t, &line, err);
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static el_checkpoint checkpoint_of(finetuner *t)
{
    return (el_checkpoint){.learner = el_tuner_learner(t->tuner),
                           .table = &el_tune_state_table,
                           .state = &t->state,
                           .settings_hash = t->in.settings.hash};
}

/* metrics.jsonl first, for the checkpoint counts on it. */
static electra_status save(finetuner *t, electra_error *err)
{
    t->state.seconds = seconds_now(t);
    EL_TRY(el_metrics_log_sync(&t->log, err));
    const el_checkpoint checkpoint = checkpoint_of(t);
    EL_TRY(el_checkpoint_save(t->folder.run.checkpoints, &checkpoint, err));
    t->saved_seconds = t->state.seconds;
    t->saved_step = t->state.step;
    return el_checkpoint_prune(t->folder.run.checkpoints, 2, err);
}

static electra_status stop(finetuner *t, electra_error *err)
{
    EL_TRY(save(t, err));
    return el_fail(err, ELECTRA_INTERRUPTED, t->folder.run.path,
                   "stopped in trial %.0f after step %.0f; all is saved, and the same command goes on from there",
                   t->state.trial + 1, t->state.trial_step);
}

/* ---- the best weights -------------------------------------------------------------------------------------------- */

static electra_status save_model(finetuner *t, size_t i, electra_error *err)
{
    char *path = NULL;
    EL_TRY(el_tune_path(&path, t->folder.current, t->in.subjects[i].name, "", err));
    const electra_status status = el_tuner_save(t->tuner, i, path, &t->in.labels[i], t->in.tokenizer, err);
    el_free(path);
    return status;
}

static electra_status save_record(finetuner *t, electra_error *err)
{
    char *path = NULL;
    EL_TRY(el_tune_path(&path, t->folder.current, "record.json", "", err));
    const electra_status status = el_tune_record_save(&t->record, path, err);
    el_free(path);
    return status;
}

/* The trial has never been as good as now. tasks: of each one its record; taken over. */
static electra_status keep(finetuner *t, double score, json_t *tasks, electra_error *err)
{
    json_decref(t->record.tasks);
    t->record = (el_tune_record){.trial = t->state.trial + 1,
                                 .seed = (double)trial_seed(t),
                                 .best_step = t->state.trial_step,
                                 .best_epoch = epochs_passed(t),
                                 .score = score,
                                 .tasks = tasks};
    if (!tasks) {
        return el_fail_memory(err, "the scores", 0);
    }
    EL_TRY(el_make_folders(t->folder.current, err));
    for (size_t i = 0; i < t->in.n; i++) {
        EL_TRY(save_model(t, i, err));
    }
    return save_record(t, err);
}

/* ---- evaluation -------------------------------------------------------------------------------------------------- */

static electra_status write_predictions(const finetuner *t, size_t i, const el_predictions *p, double threshold,
                                        electra_error *err)
{
    char *path = NULL;
    EL_TRY(el_make_folders(t->folder.current, err));
    EL_TRY(el_tune_path(&path, t->folder.current, t->in.subjects[i].name, ".jsonl", err));
    const electra_status status = el_scoring_write(path, p, threshold, err);
    el_free(path);
    return status;
}

/* What every task's dev set says about the weights as they are. */
typedef struct verdict {
    el_predictions *predictions[ELECTRA_MOST_TASKS];
    el_scoring scorings[ELECTRA_MOST_TASKS];
    double score, loss; /* means over the tasks of the main metrics and of the losses */
} verdict;

static void verdict_clear(verdict *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        el_predictions_free(v->predictions[i]);
        el_scoring_clear(&v->scorings[i]);
    }
}

static electra_status judge(finetuner *t, verdict *v, electra_error *err)
{
    const bool google = t->set->compat == ELECTRA_COMPAT_GOOGLE;
    for (size_t i = 0; i < t->in.n; i++) {
        const el_subject *s = &t->in.subjects[i];
        const el_predictions_settings settings = {.scale = s->scale, .max_answer = (size_t)t->set->max_answer};
        const el_weights block = el_learner_block(el_tuner_learner(t->tuner), EL_BLOCK_THETA);
        const el_weights theta = el_weights_of(t->evaluation, block.params, block.data);
        EL_TRY(el_predictions_make(&v->predictions[i], t->evaluation, el_tuner_network(t->tuner, i), theta,
                                   s->features[EL_NAMED_DEV], &settings, t->rt, err));
        EL_TRY(
            el_scoring_make(&v->scorings[i], s, v->predictions[i], google ? EL_QA_GOOGLE_THRESHOLD : (double)NAN, err));
        const electra_scores *scores = &v->scorings[i].scores;
        const bool scored = scores->n > 0 && strcmp(scores->list[0].name, "loss") != 0;
        v->score += scored ? el_scores_main(scores) / (double)t->in.n : (double)NAN; /* no labels, no score */
        v->loss += v->predictions[i]->loss / (double)t->in.n;
    }
    return ELECTRA_OK;
}

/* Where questions may have no answer, the model is told when to say so. */
static electra_status save_threshold(const finetuner *t, size_t i, double threshold, electra_error *err)
{
    if (isnan(threshold) || (isinf(threshold) && threshold > 0)) {
        return ELECTRA_OK;
    }
    char *path = NULL;
    EL_TRY(el_tune_path(&path, t->folder.current, t->in.subjects[i].name, "", err));
    const electra_status status = el_hf_config_set_null_threshold(path, threshold, err);
    el_free(path);
    return status;
}

static electra_status keep_verdict(finetuner *t, const verdict *v, electra_error *err)
{
    json_t *tasks = json_array();
    for (size_t i = 0; i < t->in.n; i++) {
        if (json_array_append_new(tasks, el_tune_task_record(&v->scorings[i])) != 0) {
            json_decref(tasks);
            return el_fail_memory(err, "the scores", 0);
        }
    }
    EL_TRY(keep(t, v->score, tasks, err));
    for (size_t i = 0; i < t->in.n; i++) {
        EL_TRY(write_predictions(t, i, v->predictions[i], v->scorings[i].threshold, err));
        EL_TRY(save_threshold(t, i, v->scorings[i].threshold, err));
    }
    return ELECTRA_OK;
}

static electra_status act_on(finetuner *t, const verdict *v, electra_error *err)
{
    const bool better = v->score > t->state.best; /* false for NaN */
    /* what a coarse score cannot tell apart, or is at its worst for both, the loss can */
    const bool best = better || (!(v->score < t->state.best) && v->loss < t->state.best_loss && !isnan(v->score));
    for (size_t i = 0; i < t->in.n; i++) {
        electra_finetune_metrics line = line_now(t);
        line.task = t->in.subjects[i].name;
        line.scores = v->scorings[i].scores;
        line.best = best;
        EL_TRY(publish(t, &line, err));
        el_tune_log_scores(t->rt, &line);
    }
    t->state.stale = better ? 0 : t->state.stale + 1;
    if (best) {
        EL_TRY(keep_verdict(t, v, err)); /* before the state says so */
        t->state.best = v->score;
        t->state.best_loss = v->loss;
        t->state.collapsed = 0;
        for (size_t i = 0; i < t->in.n; i++) {
            t->state.collapsed += v->scorings[i].collapsed ? (double)(1u << i) : 0;
        }
    }
    if (t->set->patience > 0 && t->state.stale >= (double)t->set->patience) {
        el_log(t->rt, ELECTRA_LOG_INFO, "no better score in %ld evaluations: the trial ends here", t->set->patience);
        t->state.over = 1;
    }
    return ELECTRA_OK;
}

static electra_status evaluate(finetuner *t, electra_error *err)
{
    verdict v = {.score = 0};
    electra_status status = judge(t, &v, err);
    t->state.seconds = seconds_now(t);
    if (status == ELECTRA_OK) {
        status = act_on(t, &v, err);
    }
    verdict_clear(&v, t->in.n);
    t->state.unjudged = status == ELECTRA_INTERRUPTED;
    return status == ELECTRA_INTERRUPTED ? stop(t, err) : status;
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */

/* Which units a step takes: an epoch is a random order of all units of all tasks, and one follows the other. Returns
 * how many; the last step of a number of epochs may have fewer. */
static size_t choose_units(const finetuner *t, uint64_t step)
{
    const uint64_t n_all = count_units(t);
    const uint64_t begin = step * (uint64_t)t->set->batch;
    uint64_t end = begin + (uint64_t)t->set->batch;
    if (t->set->steps < 0 && t->set->compat != ELECTRA_COMPAT_GOOGLE) {
        const uint64_t last = (uint64_t)ceil(t->set->epochs * (double)n_all);
        end = end < last ? end : last;
    }
    for (uint64_t at = begin; at < end; at++) {
        const uint64_t key = el_rng_key(trial_seed(t), EL_RNG_SHUFFLE, at / n_all, 0);
        const uint64_t place = el_rng_permute(key, at % n_all, n_all);
        size_t task = 0;
        while (place >= t->first_unit[task + 1]) {
            task++;
        }
        t->units[at - begin] = (el_tuner_unit){(uint32_t)task, (size_t)place - t->first_unit[task]};
    }
    return (size_t)(end - begin);
}

static double rate_of(const finetuner *t, uint64_t step)
{
    const el_schedule schedule = {
        .peak = t->set->learning_rate, .power = 1, .total = t->total, .warmup = t->set->warmup * (double)t->total};
    return el_schedule_rate(&schedule, step);
}

static void make_step(finetuner *t)
{
    el_tune_state *s = &t->state;
    const double start = el_now();
    const uint64_t number = (uint64_t)s->trial_step;
    const size_t n = choose_units(t, number);
    el_tuner_result result;
    el_tuner_step(t->tuner, number, t->units, n, rate_of(t, number), &result);
    const double seconds = el_now() - start;
    s->step++;
    s->trial_step++;
    s->work_seconds += seconds;
    s->work_examples += (double)n;
    s->seconds = seconds_now(t);
    if (!result.applied) {
        s->skipped_in_a_row++;
        return;
    }
    s->skipped_in_a_row = 0;
    s->interval_steps++;
    s->interval_seconds += seconds;
    s->interval_examples += (double)n;
    s->interval_tokens += (double)result.n_tokens;
    s->interval_rate += rate_of(t, number);
    s->interval_loss += result.loss;
    s->interval_norm += result.gradient_norm;
}

static electra_status check_diverged(const finetuner *t, electra_error *err)
{
    if (t->state.skipped_in_a_row < MOST_SKIPPED) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_FAILED, t->folder.run.path,
                   "trial %.0f diverged: %.0f steps in a row, up to step %.0f, had a loss or gradient that is not "
                   "finite, and were skipped. Begin again in another folder with a smaller learning rate (it was %.3g)",
                   t->state.trial + 1, t->state.skipped_in_a_row, t->state.trial_step, t->set->learning_rate);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static bool evaluation_due(const finetuner *t)
{
    if (!el_tune_inputs_have_dev(&t->in)) {
        return false;
    }
    const uint64_t step = (uint64_t)t->state.trial_step;
    if (step >= t->total) {
        return true;
    }
    if (t->set->eval_every > 0) {
        return step % (uint64_t)t->set->eval_every == 0;
    }
    const uint64_t batch = (uint64_t)t->set->batch;
    return step * batch / count_units(t) != (step - 1) * batch / count_units(t);
}

static bool log_due(const finetuner *t)
{
    const uint64_t per_epoch = (count_units(t) / (uint64_t)t->set->batch) / 100;
    const uint64_t every = t->set->log_every > 0 ? (uint64_t)t->set->log_every
                           : per_epoch < 1       ? 1
                           : per_epoch > 50      ? 50
                                                 : per_epoch;
    return (uint64_t)t->state.trial_step % every == 0 || trial_is_over(t);
}

static bool save_due(const finetuner *t)
{
    if (t->set->save_every > 0) {
        return (uint64_t)t->state.trial_step % (uint64_t)t->set->save_every == 0;
    }
    return t->state.seconds - t->saved_seconds >= SAVE_SECONDS;
}

/* A step with what is due after it. One that was stopped while it was evaluated is evaluated first. */
static electra_status turn(finetuner *t, electra_error *err)
{
    if (!(t->state.unjudged > 0)) {
        make_step(t);
        EL_TRY(check_diverged(t, err));
        EL_TRY(log_due(t) ? log_training(t, err) : ELECTRA_OK);
    }
    EL_TRY(evaluation_due(t) ? evaluate(t, err) : ELECTRA_OK);
    return !trial_is_over(t) && save_due(t) ? save(t, err) : ELECTRA_OK;
}

/* ---- trials ------------------------------------------------------------------------------------------------------ */

static electra_status begin_trial(finetuner *t, electra_error *err)
{
    const double step = t->state.step;
    const double bytes = t->state.metrics_bytes;
    const double trial = t->state.trial;
    t->state = (el_tune_state){
        .step = step, .trial = trial, .metrics_bytes = bytes, .best = EL_TUNE_NO_SCORE, .best_loss = EL_TUNE_NO_LOSS};
    el_tune_record_clear(&t->record);
    t->begun = el_now();
    t->saved_seconds = 0;
    EL_TRY(el_remove_tree(t->folder.current, err));
    return el_tuner_begin(t->tuner, t->in.dir, t->in.with_head, trial_seed(t), err);
}

/* Without a dev set the last weights are the best there are. */
static electra_status keep_last(finetuner *t, electra_error *err)
{
    json_t *tasks = json_array();
    for (size_t i = 0; i < t->in.n; i++) {
        if (json_array_append_new(tasks, json_pack("{s:{}, s:b}", "dev", "collapsed", 0)) != 0) {
            json_decref(tasks);
            return el_fail_memory(err, "the scores", 0);
        }
    }
    return keep(t, (double)NAN, tasks, err);
}

/* The tasks that have, with commas between. */
static void name_collapsed(const finetuner *t, char *names, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < t->in.n && used < room; i++) {
        if ((unsigned)t->state.collapsed >> i & 1u) {
            const int n = snprintf(names + used, room - used, "%s%s", used ? ", " : "", t->in.subjects[i].name);
            used += n > 0 ? (size_t)n : 0;
        }
    }
}

static electra_status warn_collapsed(finetuner *t, electra_error *err)
{
    char names[300] = "";
    name_collapsed(t, names, sizeof names);
    char advice[700];
    (void)snprintf(
        advice, sizeof advice,
        "%s: the run collapsed: its best weights give one answer to everything. Try another --seed, a smaller "
        "--learning-rate (it was %.3g), a longer --warmup (%.2g) or more --epochs; if it stays so, look "
        "whether the labels belong to the texts",
        names, t->set->learning_rate, t->set->warmup);
    return warn(t, advice, err);
}

static electra_status end_trial(finetuner *t, electra_error *err)
{
    el_tune_state *s = &t->state;
    EL_TRY(!t->record.tasks ? keep_last(t, err) : ELECTRA_OK);
    EL_TRY(s->collapsed > 0 ? warn_collapsed(t, err) : ELECTRA_OK);
    t->record.steps = s->trial_step;
    t->record.seconds = seconds_now(t);
    t->record.examples_per_second = s->work_examples / s->work_seconds;
    const double score = isnan(t->record.score) ? EL_TUNE_NO_SCORE : t->record.score;
    if (score > el_tune_results_best(&t->results)) {
        EL_TRY(el_tune_folder_promote(&t->folder, err));
    }
    EL_TRY(el_metrics_log_sync(&t->log, err));
    EL_TRY(el_tune_results_add(&t->results, &t->record, s->metrics_bytes, err));
    s->trial++;
    return ELECTRA_OK;
}

static electra_status train(finetuner *t, bool resumed, electra_error *err)
{
    while (t->state.trial < (double)t->set->trials) {
        EL_TRY(resumed ? ELECTRA_OK : begin_trial(t, err));
        resumed = false;
        while (!trial_is_over(t)) {
            if (report_progress(t)) {
                return stop(t, err);
            }
            EL_TRY(turn(t, err));
        }
        (void)report_progress(t);
        EL_TRY(end_trial(t, err));
    }
    return ELECTRA_OK;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Predictions of the test sets by the model that was just published. */
static electra_status submit(finetuner *t, electra_error *err)
{
    for (size_t i = 0; i < t->in.n && t->set->submission; i++) {
        char *folder = NULL;
        EL_TRY(el_tune_folder_model(&folder, &t->folder, &t->in.subjects[i], t->in.n, err));
        const electra_status status = el_submit(&t->in.subjects[i], folder, t->set->submission,
                                                (size_t)t->set->max_length, t->set->compat, t->rt, err);
        el_free(folder);
        EL_TRY(status);
    }
    return ELECTRA_OK;
}

static electra_status finish(finetuner *t, electra_error *err)
{
    EL_TRY(el_tune_folder_publish(&t->folder, t->in.subjects, t->in.n, err));
    EL_TRY(el_tune_results_finish(&t->results, true, err));
    EL_TRY(el_tune_folder_tidy(&t->folder, err));
    return submit(t, err);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static electra_status count_all(finetuner *t, electra_error *err)
{
    t->first_unit = el_alloc(t->in.n + 1, sizeof *t->first_unit);
    t->units = el_alloc((size_t)t->set->batch, sizeof *t->units);
    if (!t->first_unit || !t->units) {
        return el_fail_memory(err, "the order of the examples", (size_t)t->set->batch * sizeof *t->units);
    }
    for (size_t i = 0; i < t->in.n; i++) {
        t->first_unit[i + 1] = t->first_unit[i] + t->in.subjects[i].features[EL_NAMED_TRAIN]->n_units;
    }
    const double units = (double)count_units(t);
    const double batch = (double)t->set->batch;
    double steps = (double)t->set->steps;
    if (t->set->steps < 0) {
        steps = t->set->compat == ELECTRA_COMPAT_GOOGLE ? floor(floor(units / batch) * t->set->epochs)
                                                        : ceil(ceil(units * t->set->epochs) / batch);
    }
    t->total = steps < 1 ? 1 : (uint64_t)steps;
    return ELECTRA_OK;
}

static electra_status hash_content(finetuner *t, el_tune_content *out, electra_error *err)
{
    const size_t n = el_tuner_params(t->tuner)->elements;
    float *weights = el_alloc(n, sizeof *weights);
    if (!weights) {
        return el_fail_memory(err, "the weights", n * sizeof *weights);
    }
    t->be->ops->download_f32(t->be, weights, el_learner_block(el_tuner_learner(t->tuner), EL_BLOCK_THETA).data, n);
    *out = (el_tune_content){el_tune_inputs_hash(&t->in), el_hash64(weights, n * sizeof *weights)};
    el_free(weights);
    return ELECTRA_OK;
}

/* Everything that may fail before a file of the run is touched. */
static electra_status open_inputs(finetuner *t, const electra_finetune_options *options, electra_error *err)
{
    EL_TRY(el_tune_inputs_open(&t->in, options, err));
    EL_TRY(count_all(t, err));
    EL_TRY(el_pool_create(&t->pool, t->rt->threads, err));
    EL_TRY(el_backend_create_cpu(&t->be, t->pool, EL_CPU_BEST, err));
    EL_TRY(el_backend_create_cpu(&t->evaluation, t->pool, EL_CPU_BEST, err));
    EL_TRY(el_tune_inputs_tuner(&t->tuner, &t->in, t->be, err));
    EL_TRY(el_tuner_begin(t->tuner, t->in.dir, t->in.with_head, (uint64_t)t->set->seed, err));
    el_tune_content content = {0};
    EL_TRY(hash_content(t, &content, err));
    return el_tune_settings_bind(&t->in.settings, content, err);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static electra_status open_folder(finetuner *t, electra_error *err)
{
    EL_TRY(el_tune_folder_name(&t->folder, t->set->output, t->in.settings.recorded != NULL, err));
    EL_TRY(el_run_folder_open(&t->folder.run, err));
    return el_tune_settings_save(&t->in.settings, err);
}

/* The record of the trial's best evaluation. *there: it is; or there was no evaluation yet. It is not when the run was
 * killed between the end of a trial and the line in results.json. */
static electra_status load_record(finetuner *t, bool *there, electra_error *err)
{
    *there = true;
    if (!(t->state.best > EL_TUNE_NO_SCORE)) {
        return ELECTRA_OK;
    }
    char *path = NULL;
    EL_TRY(el_tune_path(&path, t->folder.current, "record.json", "", err));
    *there = el_is_file(path);
    const electra_status status = *there ? el_tune_record_load(&t->record, path, err) : ELECTRA_OK;
    el_free(path);
    /* another trial's: what "best" held before the two changed places */
    *there = *there && fabs(t->record.trial - (t->state.trial + 1)) < 0.5;
    return status;
}

/* From the newest checkpoint of the trial that comes next, else from that trial's beginning. */
static electra_status open_state(finetuner *t, bool *resumed, electra_error *err)
{
    const double finished = (double)el_tune_results_trials(&t->results);
    *resumed = false;
    t->saved_step = -1;
    EL_TRY(el_make_folders(t->folder.run.checkpoints, err));
    const el_checkpoint checkpoint = checkpoint_of(t);
    EL_TRY(el_checkpoint_resume(t->folder.run.checkpoints, &checkpoint, resumed, t->rt, err));
    if (*resumed && (t->state.trial < finished || t->state.trial > finished)) {
        *resumed = false; /* of a trial that ended after it */
    }
    if (*resumed) {
        EL_TRY(load_record(t, resumed, err));
    }
    if (!*resumed) {
        t->state = (el_tune_state){.step = finished * (double)t->total,
                                   .trial = finished,
                                   .metrics_bytes = el_tune_results_metrics_bytes(&t->results),
                                   .best = EL_TUNE_NO_SCORE,
                                   .best_loss = EL_TUNE_NO_LOSS};
        EL_TRY(el_remove_tree(t->folder.run.checkpoints, err));
        return el_make_folders(t->folder.run.checkpoints, err);
    }
    t->saved_step = t->state.step;
    t->saved_seconds = t->state.seconds;
    t->begun = el_now() - t->state.seconds;
    if (t->state.trial_step > 0) {
        el_log(t->rt, ELECTRA_LOG_INFO, "going on in trial %.0f after step %.0f", t->state.trial + 1,
               t->state.trial_step);
    }
    el_tuner_seed(t->tuner, trial_seed(t));
    return ELECTRA_OK;
}

static void fill_result(const finetuner *t, electra_finetune_result *result, bool finished)
{
    result->finished = finished;
    el_tune_results_summarize(&t->results, result);
    (void)snprintf(result->model, sizeof result->model, "%s", t->folder.run.path);
}

static electra_status run(finetuner *t, const electra_finetune_options *options, electra_finetune_result *result,
                          electra_error *err)
{
    EL_TRY(open_inputs(t, options, err));
    EL_TRY(open_folder(t, err));
    EL_TRY(el_tune_results_open(&t->results, t->folder.run.result, t->set->model, t->in.subjects, t->in.n, err));
    if (el_tune_results_finished(&t->results) && el_tune_results_trials(&t->results) >= (size_t)t->set->trials) {
        el_log(t->rt, ELECTRA_LOG_INFO, "%s is finished (%zu trial%s); more --trials would go on", t->folder.run.path,
               el_tune_results_trials(&t->results), el_tune_results_trials(&t->results) == 1 ? "" : "s");
        result->was_finished = true;
        fill_result(t, result, true);
        return t->caller->submission ? submit(t, err) : ELECTRA_OK;
    }
    bool resumed = false;
    EL_TRY(open_state(t, &resumed, err));
    EL_TRY(el_metrics_log_open(&t->log, t->folder.run.metrics, (uint64_t)t->state.metrics_bytes, err));
    t->state.metrics_bytes = (double)t->log.bytes;
    el_tune_describe_run(t->rt, t->tuner, t->set, t->total, count_units(t), t->be->name, el_pool_threads(t->pool));
    electra_status status = train(t, resumed, err);
    if (status == ELECTRA_OK) {
        status = finish(t, err);
    }
    fill_result(t, result, status == ELECTRA_OK);
    return status;
}

static void finetuner_clear(finetuner *t)
{
    el_metrics_log_close(&t->log);
    el_tune_record_clear(&t->record);
    el_tune_results_clear(&t->results);
    el_tuner_free(t->tuner);
    el_backend_free(t->evaluation);
    el_backend_free(t->be);
    el_pool_free(t->pool);
    el_tune_folder_close(&t->folder);
    el_free(t->first_unit);
    el_free(t->units);
    el_tune_inputs_close(&t->in);
}

electra_status electra_finetune(const electra_finetune_options *options, electra_finetune_result *result,
                                electra_error *err)
{
    electra_finetune_result unwanted;
    result = result ? result : &unwanted;
    *result = (electra_finetune_result){0};
    if (!options) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_finetune_options_default()");
    }
    finetuner t = {.rt = &options->runtime, .caller = options, .set = &t.in.settings.given};
    const electra_status status = run(&t, options, result, err);
    finetuner_clear(&t);
    return status;
}
