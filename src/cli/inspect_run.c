#include "describe_run.h"
#include "inspect.h"

#include <string.h>

static void print_json(FILE *out, const char *folder, const electra_run_summary *s)
{
    fputs("{\"run\":", out);
    cli_print_json_string(out, folder, strlen(folder));
    fprintf(out, ",\"finished\":%s,\"checkpoints\":%zu,\"checkpoint_step\":%llu,\"lines\":%zu,\"warnings\":%zu,",
            s->finished ? "true" : "false", s->n_checkpoints, (unsigned long long)s->checkpoint_step, s->n_lines,
            s->n_warnings);
    describe_metrics_json(out, &s->last);
    fputs("}\n", out);
}

static void print_words(FILE *out, const electra_run_summary *s)
{
    describe_metrics(out, s->finished, &s->last);
    if (s->n_checkpoints > 0) {
        fprintf(out, "%zu checkpoint%s, sound; the newest is of step %llu\n", s->n_checkpoints,
                s->n_checkpoints > 1 ? "s" : "", (unsigned long long)s->checkpoint_step);
    } else {
        fputs("no checkpoint yet\n", out);
    }
    if (s->n_warnings > 0) {
        fprintf(out, "%zu warning%s; the last: %s\n", s->n_warnings, s->n_warnings > 1 ? "s" : "", s->last_warning);
    }
}

/* ---- models ---------------------------------------------------------------------------------------------------------
 */

/* A finished run is worth what its models are. */
static electra_status check_model(const cli_common *common, const char *folder, electra_error *err)
{
    electra_model_options options = electra_model_options_default();
    options.runtime.threads = common->runtime.threads;
    electra_model *model = NULL;
    const electra_status status = electra_model_load(&model, folder, &options, err);
    electra_model_free(model);
    return status;
}

static electra_status check_pair(const cli_common *common, const char *run, electra_error *err)
{
    static const char *const NAMES[] = {"discriminator", "generator"};
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < 2 && status == ELECTRA_OK; i++) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%s/%s", run, NAMES[i]);
        status = check_model(common, folder, err);
    }
    return status;
}

static electra_status check_tuned(const cli_common *common, const electra_finetune_result *result, electra_error *err)
{
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < result->n_tasks && status == ELECTRA_OK; i++) {
        char folder[sizeof result->model + sizeof result->tasks[i].task + 1];
        describe_model_path(folder, sizeof folder, result, i);
        status = check_model(common, folder, err);
    }
    return status;
}

/* ---- fine-tuning --------------------------------------------------------------------------------------------------
 */

static electra_status print_finished(const cli_common *common, const electra_finetune_result *result,
                                     electra_error *err)
{
    const electra_status status = check_tuned(common, result, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    if (common->json) {
        describe_trials_json(common->out, result);
        fputs("}\n", common->out);
        return ELECTRA_OK;
    }
    fputs("fine-tuning, finished\n", common->out);
    describe_trials(common->out, result);
    for (size_t i = 0; i < result->n_tasks; i++) {
        char folder[sizeof result->model + sizeof result->tasks[i].task + 1];
        describe_model_path(folder, sizeof folder, result, i);
        fprintf(common->out, "%s: a sound model\n", folder);
    }
    return ELECTRA_OK;
}

static electra_status print_unfinished(const cli_common *common, const char *folder,
                                       const electra_finetune_result *result, electra_error *err)
{
    electra_finetune_standing standing;
    const electra_status status = electra_finetune_stand(folder, &standing, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    if (common->json) {
        describe_trials_json(common->out, result);
        describe_standing_json(common->out, &standing);
        fputs("}\n", common->out);
        return ELECTRA_OK;
    }
    fputs("fine-tuning, not finished: the same command goes on\n", common->out);
    describe_trials(common->out, result);
    describe_standing(common->out, &standing);
    return ELECTRA_OK;
}

electra_status inspect_run(const cli_common *common, const char *folder, electra_error *err)
{
    electra_finetune_result tuned;
    electra_error damage = {0};
    electra_status status = electra_finetune_describe(folder, &tuned, &damage);
    if (status == ELECTRA_OK) {
        return tuned.finished ? print_finished(common, &tuned, err) : print_unfinished(common, folder, &tuned, err);
    }
    if (tuned.model[0] != '\0') { /* a run of fine-tuning with files that cannot be read */
        *err = damage;
        return status;
    }
    electra_run_summary summary;
    status = electra_run_describe(folder, &summary, err);
    if (status == ELECTRA_OK && summary.finished) {
        status = check_pair(common, folder, err);
    }
    if (status == ELECTRA_OK && common->json) {
        print_json(common->out, folder, &summary);
    } else if (status == ELECTRA_OK) {
        print_words(common->out, &summary);
    }
    return status;
}
