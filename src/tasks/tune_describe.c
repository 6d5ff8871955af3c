/* Owns the words and lines of fine-tuning. */
#include "tasks/tune_describe.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "tasks/read.h"

enum { MOST_LISTED = 12, MOST_RARE = 5, LINE_BYTES = 900 };

/* Below this share of the commonest class, or with fewer examples, a class is unlikely to be learned. */
static const double RARE_SHARE = 0.02;
static const size_t RARE_COUNT = 5;

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *text, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, LINE_BYTES - used, format, arguments);
    va_end(arguments);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* How often each label occurs; to be freed. NULL when out of memory. */
static size_t *count_labels(const el_examples *examples, size_t *total)
{
    size_t *counts = el_alloc(examples->labels.n + 1, sizeof *counts);
    *total = 0;
    for (size_t i = 0; counts && i < examples->n; i++) {
        const el_example *e = &examples->list[i];
        for (size_t k = 0; k < e->n_labels; k++) {
            if (e->labels[k] < examples->labels.n) {
                counts[e->labels[k]]++;
                ++*total;
            }
        }
    }
    return counts;
}

static el_shown shown_name(const el_label_set *labels, size_t i)
{
    return el_read_shown(el_read_string(labels->names[i], strlen(labels->names[i])));
}

static void warn_of_balance(const electra_runtime *rt, const el_subject *s, const size_t *counts, size_t total)
{
    const el_label_set *labels = &s->examples[EL_NAMED_TRAIN]->labels;
    size_t most = 0;
    for (size_t i = 0; i < labels->n; i++) {
        most = counts[i] > most ? counts[i] : most;
    }
    if (labels->n_known == 1 && s->kind == EL_TASK_CLASSIFY) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: all training examples have the label \"%s\": there is nothing to tell apart", s->name,
               shown_name(labels, 0).text);
        return;
    }
    size_t rare = 0;
    for (size_t i = 0; i < labels->n_known && s->kind == EL_TASK_CLASSIFY; i++) {
        if (counts[i] == 0 || (counts[i] >= RARE_COUNT && (double)counts[i] >= RARE_SHARE * (double)most)) {
            continue;
        }
        if (rare++ < MOST_RARE) {
            el_log(rt, ELECTRA_LOG_WARNING,
                   "%s: \"%s\" has %zu of %zu training examples, which is little to learn from", s->name,
                   shown_name(labels, i).text, counts[i], total);
        }
    }
    if (rare > MOST_RARE) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: %zu of %zu labels have that few examples", s->name, rare, labels->n_known);
    }
}

/* The label that comes after `before` when the commonest comes first, those alike in their own order; n: none does. */
static size_t next_label(const size_t *counts, size_t n, size_t before)
{
    size_t next = n;
    for (size_t i = 0; i < n; i++) {
        const bool later = before == n || counts[i] < counts[before] || (counts[i] == counts[before] && i > before);
        if (later && (next == n || counts[i] > counts[next])) {
            next = i;
        }
    }
    return next;
}

/* The commonest labels of a split with their shares. */
static void list_labels(const electra_runtime *rt, const el_subject *s, const el_examples *examples, const char *split,
                        const size_t *counts, size_t total)
{
    const el_label_set *labels = &examples->labels;
    const size_t of = s->kind == EL_TASK_MULTILABEL ? examples->n : total; /* shares that need not add up to one */
    char line[LINE_BYTES];
    (void)snprintf(line, sizeof line, "%s: %s: %zu label%s:", s->name, split, labels->n, plural(labels->n));
    size_t i = labels->n;
    for (size_t shown = 0; shown < labels->n && shown < MOST_LISTED; shown++) {
        i = next_label(counts, labels->n, i);
        append(line, "%s %s %.1f %%", shown ? "," : "", shown_name(labels, i).text,
               100 * (double)counts[i] / (double)of);
    }
    append(line, "%s%s", labels->n > MOST_LISTED ? ", ..." : "",
           s->kind == EL_TASK_MULTILABEL ? " of the examples" : "");
    el_log(rt, ELECTRA_LOG_INFO, "%s", line);
}

static void describe_labels(const electra_runtime *rt, const el_subject *s, el_named_split split)
{
    const el_examples *examples = s->examples[split];
    size_t total;
    size_t *counts = count_labels(examples, &total);
    if (counts && total > 0 && s->kind != EL_TASK_CHOICE) {
        list_labels(rt, s, examples, split == EL_NAMED_TRAIN ? "training" : "dev", counts, total);
        if (split == EL_NAMED_TRAIN) {
            warn_of_balance(rt, s, counts, total);
        }
    }
    el_free(counts);
}

/* ---- examples ---------------------------------------------------------------------------------------------------- */

static void describe_lengths(const electra_runtime *rt, const el_subject *s, const el_features *f, const char *split)
{
    static const double Q[2] = {0.5, 0.95};
    double lengths[2] = {0};
    if (el_features_quantiles(f, Q, lengths, 2, NULL) != ELECTRA_OK) {
        return;
    }
    const double share = f->examples->n ? 100 * (double)f->n_cut / (double)f->examples->n : 0;
    const double unknown = f->n_tokens ? 100 * (double)f->n_unknown / (double)f->n_tokens : 0;
    el_log(rt, ELECTRA_LOG_INFO,
           "%s: %s: half have at most %.0f tokens, 95 %% at most %.0f, the longest %zu of %zu; %.1f %% of the examples "
           "are %s; %.1f %% of the tokens are unknown to the vocabulary",
           s->name, split, lengths[0], lengths[1], f->longest, f->settings.max_length, share,
           s->kind == EL_TASK_TAG && !f->settings.google ? "cut into several sequences" : "cut", unknown);
    if (share > 10 && s->kind != EL_TASK_TAG && s->kind != EL_TASK_ANSWER) {
        el_log(rt, ELECTRA_LOG_WARNING,
               "%s: %.0f %% of the %s texts are cut; a larger --max-length would see more of them", s->name, share,
               split);
    }
    if (unknown > 2) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: %.1f %% of the %s tokens are unknown to the vocabulary", s->name, unknown,
               split);
    }
}

static void describe_questions(const electra_runtime *rt, const el_subject *s, const el_qa_set *set)
{
    for (size_t i = 0; i < set->n_lost && i < 3; i++) {
        const el_example *e = &set->examples->list[set->lost[i].example];
        el_log(rt, ELECTRA_LOG_WARNING, "%s, question %u (%s): %s; it is left out", set->examples->files[e->file],
               e->line, el_read_shown(e->id).text, el_qa_reason_text(set->lost[i].reason));
    }
    if (set->n_lost > 3) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: %zu questions in all are left out for such reasons", s->name, set->n_lost);
    }
    el_log(rt, ELECTRA_LOG_INFO,
           "%s: %zu questions in %zu windows; %zu answers found elsewhere than said, %zu held by no window as a whole",
           s->name, set->n_questions, set->n_windows, set->n_moved, set->n_broken);
}

void el_tune_describe(const electra_runtime *rt, const el_subject *s)
{
    const el_features *train = s->features[EL_NAMED_TRAIN];
    const el_examples *dev = s->examples[EL_NAMED_DEV];
    const size_t n_train = s->examples[EL_NAMED_TRAIN]->n;
    const size_t n_dev = dev ? dev->n : 0;
    el_log(rt, ELECTRA_LOG_INFO, "%s: %zu training example%s%s, %zu dev example%s%s%s", s->name, n_train,
           plural(n_train), train->settings.both_orders ? " (read in both orders)" : "", n_dev, plural(n_dev),
           s->path[EL_NAMED_DEV] ? " in " : "", s->path[EL_NAMED_DEV] ? s->path[EL_NAMED_DEV] : "");
    if (train->n_left > 0 && !train->qa) {
        el_log(rt, ELECTRA_LOG_WARNING, "%s: %zu training examples have no label and are left out", s->name,
               train->n_left);
    }
    describe_labels(rt, s, EL_NAMED_TRAIN);
    if (train->qa) {
        describe_questions(rt, s, train->qa);
    }
    describe_lengths(rt, s, train, "training");
    if (dev) {
        describe_labels(rt, s, EL_NAMED_DEV);
        describe_lengths(rt, s, s->features[EL_NAMED_DEV], "dev");
    }
}

void el_tune_describe_run(const electra_runtime *rt, const el_tuner *tuner, const electra_finetune_options *set,
                          uint64_t steps, size_t units, const char *backend, int threads)
{
    el_log(rt, ELECTRA_LOG_INFO,
           "%.2f M parameters, %llu step%s of %ld from %zu, rate %.3g (x %.2g from layer to layer), dropout %.2g, %.0f "
           "MB, "
           "%d thread%s (%s)",
           1e-6 * (double)el_params_total(el_tuner_params(tuner), EL_OWNER_SHARED), (unsigned long long)steps,
           plural(steps), set->batch, units, set->learning_rate, set->layer_decay, set->dropout,
           1e-6 * (double)el_tuner_bytes(tuner), threads, threads > 1 ? "s" : "", backend);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

void el_tune_log_scores(const electra_runtime *rt, const electra_finetune_metrics *line)
{
    char text[LINE_BYTES] = "";
    for (size_t i = 0; i < line->scores.n && i < 4; i++) {
        append(text, "%s %s %.4f", i ? "," : "", line->scores.list[i].name, line->scores.list[i].value);
    }
    el_log(rt, ELECTRA_LOG_INFO, "trial %d, epoch %.2f, %s:%s%s", line->trial, line->epoch, line->task, text,
           line->best ? " (the best so far)" : "");
}

static void add(json_t *all, int *failed, const char *name, double value)
{
    if (isfinite(value)) {
        *failed |= json_object_set_new(all, name, json_real(value));
    }
}

json_t *el_tune_line_json(const electra_finetune_metrics *line)
{
    json_t *all = json_pack("{s:i, s:I}", "trial", line->trial, "step", (json_int_t)line->step);
    int failed = !all;
    add(all, &failed, "epoch", line->epoch);
    add(all, &failed, "seconds", line->seconds);
    add(all, &failed, "learning_rate", line->learning_rate);
    add(all, &failed, "loss", line->loss);
    add(all, &failed, "gradient_norm", line->gradient_norm);
    add(all, &failed, "examples_per_second", line->examples_per_second);
    add(all, &failed, "tokens_per_second", line->tokens_per_second);
    if (line->task) {
        json_t *dev = json_object();
        for (size_t i = 0; i < line->scores.n; i++) {
            add(dev, &failed, line->scores.list[i].name, line->scores.list[i].value);
        }
        failed |= json_object_set_new(all, "task", json_string(line->task));
        failed |= json_object_set_new(all, "dev", dev);
        failed |= json_object_set_new(all, "best", json_boolean(line->best));
    }
    if (line->warning) {
        failed |= json_object_set_new(all, "warning", json_string(line->warning));
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}
