/* electra_pretrain: opens everything, goes through the steps, writes down what happened, saves. Read from the bottom:
 * electra_pretrain, then train, then one turn of its loop.
 *
 * What a run learns depends on its settings, its data and its step number only. Threads, checkpoints, evaluations and
 * interruptions change nothing, so a resumed run ends with the same bytes. (With --hours the learning rate follows the
 * clock, so two such runs never agree to the bit.) */
#include <electra/train.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/batch.h"
#include "interop/model_dir.h"
#include "train/heldout.h"
#include "train/run_folder.h"
#include "train/run_metrics.h"
#include "train/run_state.h"
#include "train/schedule.h"
#include "train/settings.h"
#include "train/warm_start.h"
#include "train/watch.h"

static const double SAVE_SECONDS = 600;            /* between checkpoints, unless save_every says otherwise */
static const double WARMUP_SHARE = 0.05;           /* of a run by the clock, unless warmup says otherwise */
static const double MOST_SKIPPED = 10;             /* steps in a row that are not finite, before the run gives up */
static const size_t MOST_ACTIVATIONS = 512u << 20; /* bytes of a micro-batch, unless micro_batch says otherwise */

static const double EVALUATION_SHARE = 0.1; /* of a run by the clock, at most */

enum { EVALUATIONS_BY_CLOCK = 20 };

typedef struct trainer {
    const electra_runtime *rt;
    const electra_pretrain_options *caller; /* its callbacks */
    el_run_settings settings;
    const electra_pretrain_options *set; /* the settings in force */
    uint64_t settings_hash;
    el_run_folder folder;
    char *discriminator, *generator; /* folders in it */

    el_pool *pool;
    el_backend *be;
    electra_data *data;
    electra_tokenizer *tokenizer;
    el_batcher *batcher, *heldout_batcher;
    el_heldout *heldout; /* NULL: no text was held out */
    el_step *step;

    el_run_state state;
    double begun;         /* el_now() minus the seconds of earlier calls */
    double saved_seconds; /* of the newest checkpoint */
    double saved_step;    /* -1: none yet */
    double may_evaluate;  /* seconds before which a run by the clock has no time for another evaluation */
    el_metrics_log log;
    el_watch watch;
    electra_metrics last; /* of all lines so far, merged */
    char note[160];       /* beside the progress */
} trainer;

/* ---- where the run stands ------------------------------------------------------------------------------------------
 */

static double seconds_now(const trainer *t)
{
    return el_now() - t->begun;
}

/* 0 ... 1. */
static double progress_now(const trainer *t)
{
    const double share =
        t->set->hours >= 0 ? t->state.seconds / (3600 * t->set->hours) : t->state.step / (double)t->set->steps;
    return share < 1 ? share : 1;
}

static bool is_over(const trainer *t)
{
    return progress_now(t) >= 1;
}

static double rate_now(const trainer *t)
{
    const uint64_t step = (uint64_t)t->state.step;
    const el_schedule schedule = {.peak = t->set->learning_rate,
                                  .power = 1,
                                  .total = t->set->steps > 0 ? (uint64_t)t->set->steps : 0,
                                  .warmup = t->set->warmup > 0 ? (double)t->set->warmup : 0};
    if (t->set->hours < 0) {
        return el_schedule_rate(&schedule, step);
    }
    const double elapsed = progress_now(t);
    const double rate = el_schedule_rate_elapsed(&schedule, step, elapsed);
    return t->set->warmup >= 0 ? rate : rate * fmin(1, elapsed / WARMUP_SHARE);
}

/* True if the caller asks to stop. */
static bool report_progress(trainer *t)
{
    double total = (double)t->set->steps;
    if (t->set->hours >= 0) { /* as many as there will be at this pace */
        const double share = progress_now(t);
        total = share > 0 ? t->state.step / share : 0;
    }
    const electra_progress progress = {.stage = "training",
                                       .unit = "steps",
                                       .done = t->state.step,
                                       .total = total,
                                       .seconds = t->state.seconds,
                                       .note = t->note};
    return el_progress(t->rt, &progress);
}

/* ---- metrics -------------------------------------------------------------------------------------------------------
 */

static electra_metrics line_now(const trainer *t)
{
    electra_metrics line;
    el_metrics_clear(&line);
    struct timespec clock;
    (void)clock_gettime(CLOCK_REALTIME, &clock);
    line.step = (uint64_t)t->state.step;
    line.tokens = t->state.tokens;
    line.seconds = t->state.seconds;
    line.time = (double)clock.tv_sec + 1e-3 * floor((double)clock.tv_nsec * 1e-6);
    line.progress = progress_now(t);
    return line;
}

static electra_status write_line(trainer *t, const electra_metrics *line, electra_error *err)
{
    EL_TRY(el_metrics_log_add(&t->log, line, err));
    t->state.metrics_bytes = (double)t->log.bytes;
    if (t->caller->metrics) {
        t->caller->metrics(t->caller->metrics_user, line);
    }
    return ELECTRA_OK;
}

/* A line of numbers, and the advice that it may give rise to. */
static electra_status publish(trainer *t, const electra_metrics *line, electra_error *err)
{
    el_metrics_merge(&t->last, line);
    EL_TRY(write_line(t, line, err));
    char advice[768];
    if (!el_watch_see(&t->watch, line, advice, sizeof advice)) {
        return ELECTRA_OK;
    }
    el_log(t->rt, ELECTRA_LOG_WARNING, "step %.0f: %s", t->state.step, advice);
    electra_metrics warning;
    el_metrics_clear(&warning);
    warning.step = line->step;
    warning.warning = advice;
    return write_line(t, &warning, err);
}

/* Resuming: lines of former calls go through the same hands, but are not written again. */
static void recall(void *user, const electra_metrics *line)
{
    trainer *t = user;
    char advice[768];
    if (!line->warning) {
        el_metrics_merge(&t->last, line);
    }
    (void)el_watch_see(&t->watch, line, advice, sizeof advice);
}

static void note_losses(trainer *t, const electra_metrics *line)
{
    (void)snprintf(t->note, sizeof t->note, "%.0f tokens/s, generator %.3f, discriminator %.4f, rate %.2e",
                   line->tokens_per_second, line->generator_loss, line->discriminator_loss, line->learning_rate);
}

static electra_status log_training(trainer *t, electra_error *err)
{
    el_run_state *s = &t->state;
    electra_metrics line = line_now(t);
    line.skipped_steps = s->skipped;
    if (s->interval_steps > 0) {
        line.learning_rate = s->interval_rate / s->interval_steps;
        line.loss = s->interval_loss / s->interval_steps;
        line.generator_loss = s->interval_generator_loss / s->interval_steps;
        line.discriminator_loss = s->interval_discriminator_loss / s->interval_steps;
        line.gradient_norm = s->interval_norm / s->interval_steps;
        line.replaced_share = s->interval_replaced / s->interval_slots;
        line.tokens_per_second = s->interval_tokens / s->interval_seconds;
        note_losses(t, &line);
    }
    s->interval_steps = s->interval_seconds = s->interval_tokens = s->interval_slots = s->interval_replaced = 0;
    s->interval_rate = s->interval_loss = s->interval_generator_loss = 0;
    s->interval_discriminator_loss = s->interval_norm = 0;
    return publish(t, &line, err);
}

static electra_status evaluate(trainer *t, electra_error *err)
{
    const double start = seconds_now(t);
    const double due = floor(EVALUATIONS_BY_CLOCK * progress_now(t));
    t->state.evaluations = fmax(t->state.evaluations + 1, t->set->eval_every > 0 ? 0 : due);
    electra_metrics line = line_now(t);
    EL_TRY(el_heldout_measure(t->heldout, t->step, &line, err));
    t->may_evaluate = start + (seconds_now(t) - start) / EVALUATION_SHARE;
    return publish(t, &line, err);
}

/* ---- saving --------------------------------------------------------------------------------------------------------
 */

/* Both networks as model directories. */
static electra_status export_models(trainer *t, electra_error *err)
{
    const el_weights theta = el_step_block(t->step, EL_BLOCK_THETA);
    EL_TRY(
        el_model_dir_write(t->generator, el_step_network(t->step, EL_OWNER_GENERATOR), NULL, theta, t->tokenizer, err));
    return el_model_dir_write(t->discriminator, el_step_network(t->step, EL_OWNER_DISCRIMINATOR), NULL, theta,
                              t->tokenizer, err);
}

static el_checkpoint checkpoint_of(trainer *t)
{
    return (el_checkpoint){.learner = el_step_learner(t->step),
                           .table = &el_run_state_table,
                           .state = &t->state,
                           .settings_hash = t->settings_hash};
}

/* metrics.jsonl first, for the checkpoint counts on it; old checkpoints go only when the new one is there. */
static electra_status save(trainer *t, electra_error *err)
{
    t->state.seconds = seconds_now(t);
    EL_TRY(el_metrics_log_sync(&t->log, err));
    const el_checkpoint checkpoint = checkpoint_of(t);
    EL_TRY(el_checkpoint_save(t->folder.checkpoints, &checkpoint, err));
    t->saved_seconds = t->state.seconds;
    t->saved_step = t->state.step;
    EL_TRY(el_checkpoint_prune(t->folder.checkpoints, (size_t)t->set->keep, err));
    return export_models(t, err);
}

static electra_status stop(trainer *t, electra_error *err)
{
    EL_TRY(save(t, err));
    return el_fail(err, ELECTRA_INTERRUPTED, t->folder.path,
                   "stopped after step %.0f; all is saved, and the same command goes on from there", t->state.step);
}

/* ---- one step ------------------------------------------------------------------------------------------------------
 */

static void account(trainer *t, const el_step_result *result, double rate, double seconds)
{
    el_run_state *s = &t->state;
    s->step++;
    s->tokens += (double)result->n_tokens;
    if (!result->applied) {
        s->skipped++;
        s->skipped_in_a_row++;
        return;
    }
    s->skipped_in_a_row = 0;
    s->interval_steps++;
    s->interval_seconds += seconds;
    s->interval_tokens += (double)result->n_tokens;
    s->interval_slots += (double)result->n_slots;
    s->interval_replaced += (double)result->n_replaced;
    s->interval_rate += rate;
    s->interval_loss += result->loss;
    s->interval_generator_loss += result->generator_loss;
    s->interval_discriminator_loss += result->discriminator_loss;
    s->interval_norm += result->gradient_norm;
}

static electra_status make_step(trainer *t, electra_error *err)
{
    const double start = el_now();
    const uint64_t number = (uint64_t)t->state.step;
    const double rate = rate_now(t);
    EL_TRY(el_batcher_fill(t->batcher, number, err));
    const el_batch_totals totals = el_batcher_totals(t->batcher);
    el_step_begin(t->step, number, totals.tokens, totals.slots);
    for (size_t i = 0; i < el_batcher_micro_batches(t->batcher); i++) {
        el_step_add(t->step, el_batcher_micro_batch(t->batcher, i));
    }
    el_step_result result;
    el_step_finish(t->step, rate, &result);
    account(t, &result, rate, el_now() - start);
    t->state.seconds = seconds_now(t);
    return ELECTRA_OK;
}

/* The moments and weights are still those of the last finite step, but going on the same way leads nowhere. */
static electra_status check_diverged(trainer *t, electra_error *err)
{
    if (t->state.skipped_in_a_row < MOST_SKIPPED) {
        return ELECTRA_OK;
    }
    (void)el_metrics_log_sync(&t->log, err);
    char saved[64] = "there is no checkpoint yet";
    if (t->saved_step >= 0) {
        (void)snprintf(saved, sizeof saved, "the last good checkpoint is that of step %.0f", t->saved_step);
    }
    return el_fail(
        err, ELECTRA_FAILED, t->folder.path,
        "the run diverged: %.0f steps in a row, up to step %.0f, had a loss or gradient that is not finite, and "
        "were skipped. Begin again in another folder with a smaller learning rate (it was %.3g) or a longer "
        "warm-up; %s",
        t->state.skipped_in_a_row, t->state.step, t->set->learning_rate, saved);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------
 */

static bool every(double step, long n)
{
    return n > 0 && (uint64_t)step % (uint64_t)n == 0;
}

static bool evaluation_due(const trainer *t)
{
    if (!t->heldout) {
        return false;
    }
    if (t->set->eval_every > 0) {
        return is_over(t) || every(t->state.step, t->set->eval_every);
    }
    return is_over(t) || (floor(EVALUATIONS_BY_CLOCK * progress_now(t)) > t->state.evaluations &&
                          t->state.seconds >= t->may_evaluate);
}

static bool save_due(const trainer *t)
{
    if (t->set->save_every > 0) {
        return every(t->state.step, t->set->save_every);
    }
    return t->state.seconds - t->saved_seconds >= SAVE_SECONDS;
}

static electra_status turn(trainer *t, electra_error *err)
{
    EL_TRY(make_step(t, err));
    EL_TRY(check_diverged(t, err));
    const bool evaluation = evaluation_due(t);
    if (every(t->state.step, t->set->log_every) || is_over(t)) {
        EL_TRY(log_training(t, err));
    }
    if (evaluation) {
        EL_TRY(evaluate(t, err));
    }
    if (!is_over(t) && save_due(t)) {
        EL_TRY(save(t, err));
    }
    return ELECTRA_OK;
}

/* The result stands alone in a file that comes last: where it is, everything else is complete. */
static electra_status finish(trainer *t, electra_error *err)
{
    if (t->saved_step < t->state.step) {
        EL_TRY(save(t, err));
    } else {
        EL_TRY(export_models(t, err));
    }
    json_t *json = el_metrics_json(&t->last);
    if (!json) {
        return el_fail_memory(err, t->folder.result, 0);
    }
    const electra_status status = el_json_save(json, t->folder.result, err);
    json_decref(json);
    return status;
}

static electra_status train(trainer *t, electra_error *err)
{
    while (!is_over(t)) {
        if (report_progress(t)) {
            return stop(t, err);
        }
        EL_TRY(turn(t, err));
    }
    (void)report_progress(t);
    return finish(t, err);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static el_step_limits limits_of(size_t micro, size_t longest, double mask_prob)
{
    return (el_step_limits){.tokens = micro * longest,
                            .sequences = micro,
                            .longest = longest,
                            .slots = micro * el_mask_most(mask_prob, longest)};
}

/* The largest micro-batch, halving the batch, whose activations are not above the limit; the same on every machine. */
static electra_status choose_micro_batch(trainer *t, size_t longest, size_t *micro, electra_error *err)
{
    *micro = t->set->micro_batch > 0 ? (size_t)t->set->micro_batch : (size_t)t->set->batch;
    while (t->set->micro_batch < 0 && *micro > 1) {
        const el_step_limits limits = limits_of(*micro, longest, t->set->mask_prob);
        el_step_memory memory;
        EL_TRY(el_step_memory_of(&memory, &t->settings.pair, &limits, t->be->element_size, err));
        if (memory.activations <= MOST_ACTIVATIONS) {
            break;
        }
        *micro = (*micro + 1) / 2;
    }
    return ELECTRA_OK;
}

static electra_status open_batchers(trainer *t, size_t micro, electra_error *err)
{
    const electra_data_summary *about = electra_data_describe(t->data);
    el_batcher_settings settings = {
        .data = t->data,
        .split = ELECTRA_TRAIN,
        .batch = (size_t)t->set->batch,
        .micro_batch = micro,
        .max_length = about->max_length,
        .masking = el_batcher_masking(t->data, t->set->mask_prob, t->set->compat == ELECTRA_COMPAT_GOOGLE),
        .seed = (uint64_t)t->set->seed,
        .rank = 0,
        .size = 1};
    EL_TRY(el_batcher_create(&t->batcher, t->be, &settings, err));
    if (about->splits[ELECTRA_HELDOUT].examples == 0) {
        el_log(t->rt, ELECTRA_LOG_WARNING,
               "no text was held out when the shards were made, so nothing can be evaluated");
        return ELECTRA_OK;
    }
    settings.split = ELECTRA_HELDOUT;
    settings.masking.hidden = 1; /* a slot that the generator may see is no question: accuracy would count copying */
    settings.batch = micro;
    EL_TRY(el_batcher_create(&t->heldout_batcher, t->be, &settings, err));
    return el_heldout_create(&t->heldout, t->heldout_batcher, (size_t)t->set->eval_sequences, about->vocabulary_size,
                             err);
}

static electra_status open_step(trainer *t, size_t micro, electra_error *err)
{
    el_step_settings settings = el_step_settings_default();
    settings.discriminator_weight = t->set->discriminator_weight;
    settings.average_samples = t->set->compat == ELECTRA_COMPAT_GOOGLE;
    settings.learner.clip_norm = t->set->clip;
    settings.learner.optimizer.epsilon = t->set->epsilon;
    settings.learner.optimizer.bias_correction = t->set->bias_correction != 0;
    settings.learner.optimizer.weight_decay = t->set->weight_decay;
    settings.seed = (uint64_t)t->set->seed;
    const el_step_limits limits = limits_of(micro, electra_data_describe(t->data)->max_length, t->set->mask_prob);
    return el_step_create(&t->step, t->be, &t->settings.pair, &settings, &limits, err);
}

static electra_status name_folders(trainer *t, electra_error *err)
{
    static const char *const OWNED[] = {"discriminator", "generator", NULL};
    EL_TRY(el_run_folder_name(&t->folder, t->set->output, t->settings.recorded != NULL, "result.json", OWNED, err));
    t->discriminator = el_path_join(t->set->output, OWNED[0]);
    t->generator = el_path_join(t->set->output, OWNED[1]);
    return t->discriminator && t->generator ? ELECTRA_OK : el_fail_memory(err, t->set->output, 0);
}

/* Data, threads, memory: everything that may fail before a file of the run is touched. */
static electra_status open_inputs(trainer *t, electra_error *err)
{
    EL_TRY(electra_data_open(&t->data, t->settings.given.data, err));
    EL_TRY(el_settings_bind(&t->settings, t->data, err));
    EL_TRY(el_settings_hash(&t->settings, &t->settings_hash, err));
    const electra_data_summary *about = electra_data_describe(t->data);
    electra_tokenizer_options tokenizer = about->tokenizer;
    tokenizer.runtime = *t->rt;
    EL_TRY(electra_tokenizer_load(&t->tokenizer, electra_data_vocabulary(t->data), &tokenizer, err));
    EL_TRY(name_folders(t, err));
    EL_TRY(el_pool_create(&t->pool, t->rt->threads, err));
    EL_TRY(el_backend_create_cpu(&t->be, t->pool, EL_CPU_BEST, err));
    size_t micro = 0;
    EL_TRY(choose_micro_batch(t, about->max_length, &micro, err));
    EL_TRY(open_batchers(t, micro, err));
    return open_step(t, micro, err);
}

static electra_status begin_weights(trainer *t, electra_error *err)
{
    EL_TRY(el_step_initialise(t->step, (uint64_t)t->set->seed, err));
    if (!t->set->init) {
        return ELECTRA_OK;
    }
    return el_warm_start(t->step, t->set->init, electra_data_describe(t->data)->vocabulary_hash, t->rt, err);
}

/* A new run's folder appears with its settings in it, so that a run killed at once is still known as one. */
static electra_status open_folder(trainer *t, electra_error *err)
{
    const bool new_run = !t->settings.recorded;
    if (new_run) {
        EL_TRY(begin_weights(t, err)); /* weights that cannot be read are found out before anything is written */
    }
    EL_TRY(el_run_folder_open(&t->folder, err));
    if (new_run) {
        EL_TRY(el_settings_save(&t->settings, err));
    }
    return el_make_folders(t->folder.checkpoints, err);
}

/* From the newest checkpoint, else from the beginning. */
static electra_status open_state(trainer *t, electra_error *err)
{
    bool resumed = false;
    const el_checkpoint checkpoint = checkpoint_of(t);
    EL_TRY(el_checkpoint_resume(t->folder.checkpoints, &checkpoint, &resumed, t->rt, err));
    t->saved_step = resumed ? t->state.step : -1;
    if (!resumed && t->settings.recorded) {
        EL_TRY(begin_weights(t, err));
    }
    t->saved_seconds = t->state.seconds;
    t->begun = el_now() - t->state.seconds;
    return ELECTRA_OK;
}

static electra_status open_log(trainer *t, electra_error *err)
{
    const uint64_t bytes = (uint64_t)t->state.metrics_bytes;
    EL_TRY(el_metrics_log_open(&t->log, t->folder.metrics, bytes, err));
    el_metrics_clear(&t->last);
    EL_TRY(el_metrics_read(t->folder.metrics, bytes, recall, t, err));
    t->state.metrics_bytes = (double)t->log.bytes;
    if (!isnan(t->last.generator_loss)) {
        note_losses(t, &t->last);
    }
    return ELECTRA_OK;
}

static void say_what_it_does(const trainer *t)
{
    const electra_data_summary *about = electra_data_describe(t->data);
    el_log(
        t->rt, ELECTRA_LOG_INFO,
        "%s, %s: %.2f M parameters, %llu examples of up to %zu tokens, %ld a step in pieces of %zu, %d thread%s (%s)",
        t->folder.path, t->settings.preset->name,
        1e-6 * (double)el_params_total(el_step_params(t->step), EL_OWNER_SHARED),
        (unsigned long long)about->splits[ELECTRA_TRAIN].examples, about->max_length, t->set->batch,
        el_batcher_room(t->batcher).sequences, el_pool_threads(t->pool), el_pool_threads(t->pool) > 1 ? "s" : "",
        t->be->name);
    if (t->state.step > 0) {
        el_log(t->rt, ELECTRA_LOG_INFO, "going on after step %.0f", t->state.step);
    } else if (about->max_length > 2 * t->settings.preset->max_length) {
        el_log(
            t->rt, ELECTRA_LOG_WARNING,
            "size %s learns fastest from sequences of %zu tokens; these have up to %zu (see --max-length of prepare)",
            t->settings.preset->name, t->settings.preset->max_length, about->max_length);
    }
}

/* ---- results -------------------------------------------------------------------------------------------------------
 */

static void take_result(void *user, const electra_metrics *line)
{
    *(electra_metrics *)user = *line;
}

/* Is result.json that of the newest checkpoint, and the run not to be made longer? */
static electra_status look_finished(trainer *t, bool *finished, electra_error *err)
{
    *finished = false;
    if (!is_over(t) || !el_is_file(t->folder.result)) {
        return ELECTRA_OK;
    }
    electra_metrics result;
    el_metrics_clear(&result);
    json_t *json = NULL;
    EL_TRY(el_json_load(&json, t->folder.result, err));
    const electra_status status = el_metrics_parse(json, t->folder.result, take_result, &result, err);
    json_decref(json);
    *finished = status == ELECTRA_OK && (double)result.step == t->state.step;
    return status;
}

static void fill_result(const trainer *t, electra_pretrain_result *result, bool finished)
{
    result->finished = finished;
    result->last = t->last;
    result->last.warning = NULL;
    (void)snprintf(result->discriminator, sizeof result->discriminator, "%s", t->discriminator);
    (void)snprintf(result->generator, sizeof result->generator, "%s", t->generator);
}

static electra_status run(trainer *t, electra_pretrain_result *result, electra_error *err)
{
    EL_TRY(open_inputs(t, err));
    EL_TRY(open_folder(t, err));
    EL_TRY(open_state(t, err));
    EL_TRY(open_log(t, err));
    result->first_step = (uint64_t)t->state.step;
    EL_TRY(look_finished(t, &result->was_finished, err));
    if (result->was_finished) {
        el_log(t->rt, ELECTRA_LOG_INFO, "%s is finished (%.0f steps); more --steps or --hours would make it longer",
               t->folder.path, t->state.step);
        fill_result(t, result, true);
        return ELECTRA_OK;
    }
    EL_TRY(el_remove_tree(t->folder.result, err));
    EL_TRY(el_settings_save(&t->settings, err));
    say_what_it_does(t);
    const electra_status status = train(t, err);
    fill_result(t, result, status == ELECTRA_OK);
    return status;
}

static void trainer_clear(trainer *t)
{
    el_metrics_log_close(&t->log);
    el_step_free(t->step);
    el_heldout_free(t->heldout);
    el_batcher_free(t->heldout_batcher);
    el_batcher_free(t->batcher);
    electra_tokenizer_free(t->tokenizer);
    electra_data_free(t->data);
    el_backend_free(t->be);
    el_pool_free(t->pool);
    el_run_folder_close(&t->folder);
    el_free(t->discriminator);
    el_free(t->generator);
    el_settings_clear(&t->settings);
}

electra_status electra_pretrain(const electra_pretrain_options *options, electra_pretrain_result *result,
                                electra_error *err)
{
    EL_TRY(el_settings_check(options, err));
    electra_pretrain_result unwanted;
    result = result ? result : &unwanted;
    *result = (electra_pretrain_result){0};
    trainer t = {.rt = &options->runtime, .caller = options, .set = &t.settings.given};
    electra_status status = el_settings_resolve(&t.settings, options, err);
    if (status == ELECTRA_OK) {
        status = run(&t, result, err);
    }
    trainer_clear(&t);
    return status;
}
