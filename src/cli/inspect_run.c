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

/* Trials that are finished; of one that is still going on metrics.jsonl tells more. */
static void print_trials(const cli_common *common, const electra_finetune_result *result)
{
    if (common->json) {
        describe_trials_json(common->out, result);
        return;
    }
    fputs(result->finished ? "fine-tuning, finished\n" : "fine-tuning, not finished: the same command goes on\n",
          common->out);
    describe_trials(common->out, result);
}

electra_status inspect_run(const cli_common *common, const char *folder, electra_error *err)
{
    electra_finetune_result tuned;
    if (electra_finetune_describe(folder, &tuned, NULL) == ELECTRA_OK) {
        print_trials(common, &tuned);
        return ELECTRA_OK;
    }
    electra_run_summary summary;
    const electra_status status = electra_run_describe(folder, &summary, err);
    if (status == ELECTRA_OK && common->json) {
        print_json(common->out, folder, &summary);
    } else if (status == ELECTRA_OK) {
        print_words(common->out, &summary);
    }
    return status;
}
