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

static void print_value(FILE *out, double value)
{
    if (isnan(value)) {
        fputs("null", out);
    } else {
        fprintf(out, "%.9g", value);
    }
}

static void print_or_null(FILE *out, const char *name, double value)
{
    fprintf(out, ",\"%s\":", name);
    print_value(out, value);
}

void describe_model_path(char *path, size_t size, const electra_finetune_result *result, size_t i)
{
    snprintf(path, size, "%s%s%s", result->model, result->n_tasks > 1 ? "/" : "",
             result->n_tasks > 1 ? result->tasks[i].task : "");
}

/* null: the run is not finished, so it is not there yet. */
static void print_model(FILE *out, const electra_finetune_result *result, size_t i)
{
    char path[sizeof result->model + sizeof result->tasks[i].task + 1];
    if (!result->finished) {
        fputs("null", out);
        return;
    }
    describe_model_path(path, sizeof path, result, i);
    cli_print_json_string(out, path, strlen(path));
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
        fprintf(out, ",\"collapsed\":%zu,\"scores\":{", t->collapsed);
        for (size_t k = 0; k < t->means.n; k++) {
            fputs(k ? "," : "", out);
            cli_print_json_string(out, t->means.list[k].name, strlen(t->means.list[k].name));
            fputs(":{\"mean\":", out);
            print_value(out, t->means.list[k].value);
            fputs(",\"std\":", out);
            print_value(out, t->deviations.list[k].value);
            fputc('}', out);
        }
        fputs("},\"model\":", out);
        print_model(out, result, i);
        fputc('}', out);
    }
    fputs("],\"model\":", out);
    cli_print_json_string(out, result->model, strlen(result->model));
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
            fprintf(out, "%s: %zu of %zu trial%s collapsed\n", t->task, t->collapsed, t->n, t->n == 1 ? "" : "s");
        }
    }
}

/* ---- fine-tuning that is not finished ---------------------------------------------------------------------------- */

void describe_standing(FILE *out, const electra_finetune_standing *s)
{
    fprintf(out, "trial %d of %d", s->trial, s->trials);
    if (s->step > 0) {
        fprintf(out, ", step %llu of %llu, epoch %.2f", (unsigned long long)s->step, (unsigned long long)s->steps,
                s->epoch);
    }
    fputc('\n', out);
    for (size_t i = 0; i < s->n_tasks; i++) {
        fprintf(out, "%s: %s %.4f at the best of its evaluations so far\n", s->tasks[i].task, s->tasks[i].best.name,
                s->tasks[i].best.value);
    }
    if (s->weights[0] && s->n_tasks == 1) {
        fprintf(out, "the best weights so far are a model: %s/%s\n", s->weights, s->tasks[0].task);
    } else if (s->weights[0]) {
        fprintf(out, "the best weights so far are models: the folders in %s\n", s->weights);
    }
}

void describe_standing_json(FILE *out, const electra_finetune_standing *s)
{
    fprintf(out, ",\"trial\":%d,\"trials\":%d,\"step\":%llu,\"steps\":%llu,\"epoch\":%.9g,\"best\":{", s->trial,
            s->trials, (unsigned long long)s->step, (unsigned long long)s->steps, s->epoch);
    for (size_t i = 0; i < s->n_tasks; i++) {
        fputs(i ? "," : "", out);
        cli_print_json_string(out, s->tasks[i].task, strlen(s->tasks[i].task));
        fprintf(out, ":{\"%s\":%.9g}", s->tasks[i].best.name, s->tasks[i].best.value);
    }
    fputs("},\"weights\":", out);
    if (s->weights[0]) {
        cli_print_json_string(out, s->weights, strlen(s->weights));
    } else {
        fputs("null", out);
    }
}
