#include "describe_run.h"

#include <math.h>
#include <string.h>

static void print_number(FILE *out, const char *name, double value)
{
    if (isfinite(value)) {
        fprintf(out, ",\"%s\":%.9g", name, value);
    }
}

void describe_metrics_json(FILE *out, const electra_metrics *m)
{
    fprintf(out, "\"step\":%llu", (unsigned long long)m->step);
    print_number(out, "progress", m->progress);
    print_number(out, "tokens", m->tokens);
    print_number(out, "seconds", m->seconds);
    print_number(out, "loss", m->loss);
    print_number(out, "generator_loss", m->generator_loss);
    print_number(out, "discriminator_loss", m->discriminator_loss);
    print_number(out, "tokens_per_second", m->tokens_per_second);
    print_number(out, "heldout_generator_loss", m->heldout_generator_loss);
    print_number(out, "heldout_generator_accuracy", m->heldout_generator_accuracy);
    print_number(out, "heldout_generator_perplexity", m->heldout_generator_perplexity);
    print_number(out, "heldout_commonest_accuracy", m->heldout_commonest_accuracy);
    print_number(out, "heldout_discriminator_loss", m->heldout_discriminator_loss);
    print_number(out, "heldout_auc", m->heldout_auc);
    print_number(out, "heldout_precision", m->heldout_precision);
    print_number(out, "heldout_recall", m->heldout_recall);
    print_number(out, "heldout_replaced_share", m->heldout_replaced_share);
}

static void describe_heldout(FILE *out, const electra_metrics *m)
{
    fputs("on held-out text:\n", out);
    fprintf(out, "  generator      guesses %.1f %% of the masked tokens right (always the commonest one: %.1f %%), ",
            100 * m->heldout_generator_accuracy, 100 * m->heldout_commonest_accuracy);
    fprintf(out, "perplexity %.1f\n", m->heldout_generator_perplexity);
    fprintf(out, "  discriminator  AUC %.3f (0.5 is chance), finds %.1f %% of the replaced tokens", m->heldout_auc,
            100 * m->heldout_recall);
    if (!isnan(m->heldout_precision)) {
        fprintf(out, ", %.1f %% of its alarms are true", 100 * m->heldout_precision);
    }
    fputc('\n', out);
}

void describe_metrics(FILE *out, bool finished, const electra_metrics *m)
{
    const long seconds = isnan(m->seconds) ? 0 : lround(m->seconds);
    fprintf(out, "%s %llu steps, %.2f M tokens, %ld:%02ld:%02ld\n", finished ? "finished after" : "stopped after",
            (unsigned long long)m->step, 1e-6 * (isnan(m->tokens) ? 0 : m->tokens), seconds / 3600, seconds / 60 % 60,
            seconds % 60);
    if (!isnan(m->heldout_auc)) {
        describe_heldout(out, m);
    }
}

/* ---- fine-tuning ------------------------------------------------------------------------------------------------- */

static void print_or_null(FILE *out, const char *name, double value)
{
    if (isnan(value)) {
        fprintf(out, ",\"%s\":null", name);
    } else {
        fprintf(out, ",\"%s\":%.9g", name, value);
    }
}

void describe_trials_json(FILE *out, const electra_finetune_result *result)
{
    fprintf(out, "{\"finished\":%s,\"was_finished\":%s,\"tasks\":[", result->finished ? "true" : "false",
            result->was_finished ? "true" : "false");
    for (size_t i = 0; i < result->n_tasks; i++) {
        const electra_trials *t = &result->tasks[i];
        fputs(i ? ",{\"task\":" : "{\"task\":", out);
        cli_print_json_string(out, t->task, strlen(t->task));
        fputs(",\"metric\":", out);
        cli_print_json_string(out, t->metric, strlen(t->metric));
        fprintf(out, ",\"trials\":%zu", t->n);
        print_or_null(out, "mean", t->mean);
        print_or_null(out, "median", t->median);
        print_or_null(out, "std", t->deviation);
        print_or_null(out, "best", t->best);
        fprintf(out, ",\"collapsed\":%zu}", t->collapsed);
    }
    fputs("],\"model\":", out);
    cli_print_json_string(out, result->model, strlen(result->model));
    fputs("}\n", out);
}

void describe_trials(FILE *out, const electra_finetune_result *result)
{
    for (size_t i = 0; i < result->n_tasks; i++) {
        const electra_trials *t = &result->tasks[i];
        if (t->n == 0 || isnan(t->mean)) {
            fprintf(out, "%s: no score, for nothing was held out\n", t->task);
        } else if (t->n == 1) {
            fprintf(out, "%s: %s %.4f\n", t->task, t->metric, t->mean);
        } else {
            fprintf(out, "%s: %s %.4f, mean of %zu trials (median %.4f, standard deviation %.4f, best %.4f)\n", t->task,
                    t->metric, t->mean, t->n, t->median, t->deviation, t->best);
        }
        if (t->collapsed > 0) {
            fprintf(out, "%s: %zu of %zu trials collapsed\n", t->task, t->collapsed, t->n);
        }
    }
    fprintf(out, "%s\n", result->model);
}
