/* Owns what is written about predictions: lines for people and programs, and the files that GLUE's site expects. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/status.h"
#include "tasks/scores.h"

/* ---- predictions as JSON lines ----------------------------------------------------------------------------------- */

/* jansson refuses texts that are not UTF-8; the examples' are. */
static json_t *text_json(electra_text text)
{
    return json_stringn(text.bytes ? text.text : "", text.bytes);
}

static json_t *label_json(const el_label_set *labels, uint32_t label)
{
    return label < labels->n ? json_string(labels->names[label]) : json_null();
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* Names and probabilities of all outputs. */
static json_t *probabilities_json(const el_label_set *labels, const float *logits, size_t n, bool each_alone)
{
    json_t *all = json_object();
    double sum = 0;
    const double most = (double)logits[el_argmax(logits, n)];
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - most);
    }
    int failed = 0;
    for (size_t i = 0; i < n && i < labels->n; i++) {
        const double p = each_alone ? logistic((double)logits[i]) : exp((double)logits[i] - most) / sum;
        failed |= json_object_set_new(all, labels->names[i], el_json_number(p));
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

static json_t *held_json(const el_label_set *labels, const el_example *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < e->n_labels; i++) {
        (void)json_array_append_new(all, label_json(labels, e->labels[i]));
    }
    return all;
}

static json_t *chosen_json(const el_label_set *labels, const float *logits, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        if (logits[i] > 0) {
            (void)json_array_append_new(all, label_json(labels, (uint32_t)i));
        }
    }
    return all;
}

static json_t *tags_json(const el_predictions *p, size_t unit, size_t end, bool gold)
{
    const el_features *f = p->features;
    const el_label_set *labels = &f->examples->labels;
    json_t *all = json_array();
    for (size_t u = unit; u < end; u++) {
        const el_feature *feature = &f->list[u];
        const el_example *e = el_predictions_example(p, u);
        for (size_t i = 0; i < feature->n_words; i++) {
            const uint32_t right = e->n_labels ? e->labels[feature->word + i] : EL_NO_LABEL;
            (void)json_array_append_new(all, label_json(labels, gold ? right : p->tags[feature->place + i]));
        }
    }
    return all;
}

/* What is said of the units unit ... end-1 (of one example), beside what is right; NULL when out of memory. */
static json_t *unit_json(const el_predictions *p, size_t unit, size_t end)
{
    const el_features *f = p->features;
    const el_example *e = el_predictions_example(p, unit);
    const el_label_set *labels = &f->examples->labels;
    const size_t first = el_features_first(f, unit);
    const float *logits = p->logits ? p->logits + first * p->n_outputs : NULL;
    const uint32_t gold = e->n_labels ? e->labels[0] : EL_NO_LABEL;
    const json_int_t line = (json_int_t)e->line;
    switch (f->examples->kind) {
    case EL_TASK_CLASSIFY:
        return json_pack("{s:I, s:o, s:o, s:o}", "line", line, "label", label_json(labels, gold), "prediction",
                         label_json(labels, (uint32_t)el_argmax(logits, p->n_outputs)), "scores",
                         probabilities_json(labels, logits, p->n_outputs, false));
    case EL_TASK_MULTILABEL:
        return json_pack("{s:I, s:o, s:o, s:o}", "line", line, "labels", held_json(labels, e), "predictions",
                         chosen_json(labels, logits, p->n_outputs), "scores",
                         probabilities_json(labels, logits, p->n_outputs, true));
    case EL_TASK_REGRESS:
        return json_pack("{s:I, s:o, s:o}", "line", line, "number", el_json_number(e->number), "prediction",
                         el_json_number((double)logits[0]));
    case EL_TASK_TAG:
        return json_pack("{s:I, s:o, s:o}", "line", line, "labels", tags_json(p, unit, end, true), "predictions",
                         tags_json(p, unit, end, false));
    case EL_TASK_CHOICE:
        return json_pack("{s:I, s:o, s:I}", "line", line, "label",
                         gold == EL_NO_LABEL ? json_null() : json_integer((json_int_t)gold), "prediction",
                         (json_int_t)el_argmax(logits, el_features_first(f, unit + 1) - first));
    case EL_TASK_ANSWER: break;
    }
    return NULL;
}

static json_t *question_json(const el_predictions *p, size_t question, double threshold)
{
    const el_example *e = &p->features->examples->list[p->features->qa->questions[question].example];
    el_question_best best;
    el_qa_answer(p->qa, question, &best);
    json_t *golds = json_array();
    for (size_t i = 0; i < e->n_answers && !e->impossible; i++) {
        (void)json_array_append_new(golds, text_json(e->answers[i].text));
    }
    return json_pack("{s:I, s:o, s:o, s:o}", "line", (json_int_t)e->line, "answers", golds, "prediction",
                     text_json(el_qa_final(&best, threshold)), "null_odds", el_json_number(best.null_odds));
}

/* Where an example stands, beyond its line: in which of several files, and what it is called there. */
static int add_place(json_t *line, const el_examples *examples, const el_example *e)
{
    int failed = 0;
    if (examples->n_files > 1) {
        failed |= json_object_set_new(line, "file", json_string(examples->files[e->file]));
    }
    if (e->id.bytes > 0) {
        failed |= json_object_set_new(line, "id", text_json(e->id));
    }
    return failed;
}

/* line: taken over; NULL when out of memory. */
static electra_status write_line(el_writer *w, json_t *line, const el_examples *examples, const el_example *e,
                                 electra_error *err)
{
    if (line && add_place(line, examples, e) != 0) {
        json_decref(line);
        line = NULL;
    }
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    if (!text) {
        return el_fail_memory(err, "predictions", 0);
    }
    el_writer_add(w, text, strlen(text));
    el_writer_add(w, "\n", 1);
    free(text);
    return ELECTRA_OK;
}

static electra_status write_lines(el_writer *w, const el_predictions *p, double threshold, electra_error *err)
{
    const el_features *f = p->features;
    const el_examples *examples = f->examples;
    if (f->qa) {
        for (size_t i = 0; i < f->qa->n_questions; i++) {
            const el_example *e = &examples->list[f->qa->questions[i].example];
            EL_TRY(write_line(w, question_json(p, i, threshold), examples, e, err));
        }
        return ELECTRA_OK;
    }
    for (size_t u = 0; u < f->n_units;) {
        const size_t end = f->examples->kind == EL_TASK_TAG ? el_features_sentence_end(f, u) : u + 1;
        EL_TRY(write_line(w, unit_json(p, u, end), examples, el_predictions_example(p, u), err));
        u = end;
    }
    return ELECTRA_OK;
}

electra_status el_scoring_write(const char *path, const el_predictions *p, double threshold, electra_error *err)
{
    el_writer *w = NULL;
    EL_TRY(el_writer_open(&w, path, err));
    const electra_status status = write_lines(w, p, threshold, err);
    if (status != ELECTRA_OK) {
        el_writer_abandon(w);
        return status;
    }
    return el_writer_commit(w, err);
}

/* ---- GLUE's submission files ------------------------------------------------------------------------------------- */

static void write_submission(el_writer *w, const el_subject *subject, const el_predictions *p)
{
    const el_features *f = p->features;
    const el_label_set *labels = &f->examples->labels;
    el_writer_format(w, "index\tprediction\n");
    for (size_t u = 0; u < f->n_units; u++) {
        const float *logits = p->logits + u * p->n_outputs;
        if (subject->kind == EL_TASK_REGRESS) {
            const double number = fmin(fmax((double)logits[0], subject->named->least), subject->named->most);
            el_writer_format(w, "%zu\t%.3f\n", u, number);
        } else {
            el_writer_format(w, "%zu\t%s\n", u, labels->names[el_argmax(logits, p->n_outputs)]);
        }
    }
}

electra_status el_submission_check(const el_subject *subject, electra_error *err)
{
    if (!subject->named || !subject->named->submission) {
        return el_fail(
            err, ELECTRA_MISUSE, "submission",
            "%s is none of GLUE's tasks, which alone have a format for submissions; other texts are answered "
            "by electra predict",
            subject->named ? subject->name : "a task of your own");
    }
    return subject->path[EL_NAMED_TEST] ? ELECTRA_OK : el_subject_missing(subject, EL_NAMED_TEST, err);
}

electra_status el_submission_write(const char *folder, const el_subject *subject, const el_predictions *p,
                                   electra_error *err)
{
    EL_TRY(el_submission_check(subject, err));
    const el_examples *examples = p->features->examples;
    if (examples->n_skipped > 0) {
        return el_fail(err, ELECTRA_INVALID, examples->files[0],
                       "%zu rows of %s could not be read, so that a submission would number the others wrongly",
                       examples->n_skipped, examples->files[0]);
    }
    EL_TRY(el_make_folders(folder, err));
    char *path = el_path_join(folder, subject->named->submission);
    if (!path) {
        return el_fail_memory(err, folder, 0);
    }
    el_writer *w = NULL;
    electra_status status = el_writer_open(&w, path, err);
    if (status == ELECTRA_OK) {
        write_submission(w, subject, p);
        status = el_writer_commit(w, err);
    }
    el_free(path);
    return status;
}
