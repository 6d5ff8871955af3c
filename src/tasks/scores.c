/* Owns the choice of metrics of each kind of task. */
#include "tasks/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "tasks/metrics.h"
#include "tasks/score_details.h"
#include "tasks/spans_score.h"
#include "tasks/squad_score.h"

static const char WHAT[] = "the scores";

/* Of a run that collapsed: numbers that differ by less than this share of the right ones' deviation are one. */
static const double SAME_NUMBER = 0.01;

static void add(el_scoring *s, const char *name, double value)
{
    if (!isfinite(value) || s->scores.n == ELECTRA_MOST_SCORES) {
        return;
    }
    electra_score *score = &s->scores.list[s->scores.n++];
    (void)snprintf(score->name, sizeof score->name, "%s", name);
    score->value = value;
}

/* Put the main metric first. */
static void put_first(electra_scores *scores, const char *name)
{
    for (size_t i = 0; name && i < scores->n; i++) {
        if (strcmp(scores->list[i].name, name) == 0) {
            const electra_score first = scores->list[i];
            memmove(scores->list + 1, scores->list, i * sizeof *scores->list);
            scores->list[0] = first;
            return;
        }
    }
}

double el_scores_main(const electra_scores *scores)
{
    return scores->n ? scores->list[0].value : (double)NAN;
}

json_t *el_scores_json(const electra_scores *scores)
{
    json_t *all = json_object();
    int failed = 0;
    for (size_t i = 0; i < scores->n; i++) {
        failed |= json_object_set_new(all, scores->list[i].name, json_real(scores->list[i].value));
    }
    if (failed) {
        json_decref(all);
        return NULL;
    }
    return all;
}

/* ---- classes, choices -------------------------------------------------------------------------------------------- */

/* What was said about each unit, and what is right. */
typedef struct verdicts {
    uint32_t *gold, *predicted; /* [n] */
    size_t n;
} verdicts;

static electra_status take_verdicts(verdicts *v, const el_predictions *p, electra_error *err)
{
    const el_features *f = p->features;
    v->n = f->n_units;
    v->gold = el_alloc(v->n, sizeof *v->gold);
    v->predicted = el_alloc(v->n, sizeof *v->predicted);
    if (!v->gold || !v->predicted) {
        return el_fail_memory(err, WHAT, 2 * v->n * sizeof *v->gold);
    }
    for (size_t u = 0; u < v->n; u++) {
        const el_example *e = el_predictions_example(p, u);
        const size_t first = el_features_first(f, u);
        const size_t n = f->units ? el_features_first(f, u + 1) - first : p->n_outputs;
        v->gold[u] = e->n_labels ? e->labels[0] : EL_NO_LABEL;
        v->predicted[u] = (uint32_t)el_argmax(p->logits + first * p->n_outputs, n);
    }
    return ELECTRA_OK;
}

static electra_status score_confusion(el_scoring *s, const el_confusion *c, const el_label_set *labels,
                                      electra_error *err)
{
    add(s, "accuracy", el_accuracy(c));
    add(s, "matthews", el_matthews(c));
    add(s, "f1", labels->n_known == 2 ? el_class_score(c, 1).f1 : el_macro_score(c).f1);
    add(s, "macro_f1", el_macro_score(c).f1);
    s->collapsed = el_confusion_n_predicted(c) == 1 && el_confusion_n_gold(c) > 1;
    s->details = el_details_confusion(c, labels);
    return s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, c->n_classes * c->n_classes);
}

static electra_status score_classes(el_scoring *s, const el_predictions *p, electra_error *err)
{
    verdicts v = {0};
    el_confusion c = {0};
    const el_label_set *labels = &p->features->examples->labels;
    electra_status status = take_verdicts(&v, p, err);
    if (status == ELECTRA_OK) {
        const size_t n = labels->n > p->n_outputs ? labels->n : p->n_outputs;
        status = el_confusion_make(&c, v.gold, v.predicted, v.n, n, err);
    }
    if (status == ELECTRA_OK) {
        status = score_confusion(s, &c, labels, err);
    }
    el_confusion_clear(&c);
    el_free(v.gold);
    el_free(v.predicted);
    return status;
}

/* Which of the choices, by its place. */
static electra_status score_choices(el_scoring *s, const el_predictions *p, electra_error *err)
{
    verdicts v = {0};
    el_confusion c = {0};
    electra_status status = take_verdicts(&v, p, err);
    uint32_t most = 0;
    for (size_t i = 0; i < v.n && status == ELECTRA_OK; i++) {
        most = v.predicted[i] > most ? v.predicted[i] : most;
        most = v.gold[i] != EL_NO_LABEL && v.gold[i] > most ? v.gold[i] : most;
    }
    if (status == ELECTRA_OK) {
        status = el_confusion_make(&c, v.gold, v.predicted, v.n, (size_t)most + 1, err);
    }
    if (status == ELECTRA_OK) {
        add(s, "accuracy", el_accuracy(&c));
        s->collapsed = el_confusion_n_predicted(&c) == 1 && c.n > 1 && c.n_right < c.n;
        s->details = el_details_confusion(&c, NULL);
        status = s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, c.n_classes * c.n_classes);
    }
    el_confusion_clear(&c);
    el_free(v.gold);
    el_free(v.predicted);
    return status;
}

/* ---- several labels ---------------------------------------------------------------------------------------------- */

static electra_status score_labels(el_scoring *s, const el_predictions *p, electra_error *err)
{
    const el_features *f = p->features;
    const size_t n_labels = f->examples->labels.n > p->n_outputs ? f->examples->labels.n : p->n_outputs;
    bool *gold = el_alloc(f->n_units * n_labels, sizeof *gold);
    bool *predicted = el_alloc(f->n_units * n_labels, sizeof *predicted);
    if (!gold || !predicted) {
        el_free(gold);
        el_free(predicted);
        return el_fail_memory(err, WHAT, 2 * f->n_units * n_labels);
    }
    bool same = true;
    for (size_t u = 0; u < f->n_units; u++) {
        const el_example *e = el_predictions_example(p, u);
        for (size_t i = 0; i < e->n_labels && e->labels[i] != EL_NO_LABEL; i++) {
            gold[u * n_labels + e->labels[i]] = true;
        }
        for (size_t i = 0; i < p->n_outputs; i++) {
            predicted[u * n_labels + i] = p->logits[u * p->n_outputs + i] > 0;
        }
        same = same && memcmp(predicted, predicted + u * n_labels, n_labels * sizeof *predicted) == 0;
    }
    const el_multilabel_score m = el_multilabel_make(gold, predicted, f->n_units, n_labels);
    add(s, "micro_f1", m.micro.f1);
    add(s, "macro_f1", m.macro.f1);
    add(s, "micro_precision", m.micro.precision);
    add(s, "micro_recall", m.micro.recall);
    add(s, "exact", m.exact);
    s->collapsed = same && f->n_units > 1 && m.exact < 1;
    s->details = el_details_labels(gold, predicted, f->n_units, n_labels, &f->examples->labels);
    el_free(gold);
    el_free(predicted);
    return s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, n_labels);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* Whether the same is said of everything, though the right numbers differ: in the scale of these, whatever it is. */
static bool is_one_number(const double *gold, const double *predicted, size_t n)
{
    double mean = 0, square = 0;
    double least = (double)INFINITY, most = -(double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        mean += gold[i] / (double)n;
        least = fmin(least, predicted[i]);
        most = fmax(most, predicted[i]);
    }
    for (size_t i = 0; i < n; i++) {
        square += (gold[i] - mean) * (gold[i] - mean) / (double)n;
    }
    return square > 0 && !(most - least > SAME_NUMBER * sqrt(square));
}

static electra_status score_pairs(el_scoring *s, const double *gold, const double *predicted, size_t n,
                                  electra_error *err)
{
    double spearman = (double)NAN;
    EL_TRY(el_spearman(gold, predicted, n, &spearman, err));
    s->collapsed = is_one_number(gold, predicted, n);
    /* a correlation with a constant is none, and as a score worth nothing */
    add(s, "spearman", isnan(spearman) ? 0 : spearman);
    add(s, "pearson", isnan(spearman) ? 0 : el_pearson(gold, predicted, n));
    add(s, "mean_squared_error", el_mean_squared_error(gold, predicted, n));
    s->details = el_details_numbers(gold, predicted, n);
    return s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, n);
}

static electra_status score_numbers(el_scoring *s, const el_predictions *p, electra_error *err)
{
    const el_features *f = p->features;
    double *gold = el_alloc(f->n_units, sizeof *gold);
    double *predicted = el_alloc(f->n_units, sizeof *predicted);
    electra_status status = gold && predicted ? ELECTRA_OK : el_fail_memory(err, WHAT, f->n_units * sizeof *gold);
    if (status == ELECTRA_OK) {
        size_t n = 0;
        for (size_t u = 0; u < f->n_units; u++) {
            const double number = el_predictions_example(p, u)->number;
            if (!isnan(number)) {
                gold[n] = number;
                predicted[n++] = (double)p->logits[u];
            }
        }
        status = score_pairs(s, gold, predicted, n, err);
    }
    el_free(gold);
    el_free(predicted);
    return status;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static bool marks_spans(const el_label_set *labels)
{
    for (size_t i = 0; i < labels->n; i++) {
        const char *name = labels->names[i];
        if (name[0] && strchr("BIES", name[0]) && name[1] == '-') {
            return true;
        }
    }
    return false;
}

/* The words of one sentence that are in its sequences: labels as texts, NULL for one that is not told. */
static size_t sentence_labels(const el_predictions *p, size_t unit, size_t end, const char **gold,
                              const char **predicted)
{
    const el_features *f = p->features;
    const el_label_set *labels = &f->examples->labels;
    size_t n = 0;
    for (size_t u = unit; u < end; u++) {
        const el_feature *feature = &f->list[u];
        const el_example *e = el_predictions_example(p, u);
        for (size_t i = 0; i < feature->n_words; i++) {
            const uint32_t right = e->n_labels ? e->labels[feature->word + i] : EL_NO_LABEL;
            gold[n] = right != EL_NO_LABEL ? labels->names[right] : NULL;
            predicted[n++] = labels->names[p->tags[feature->place + i]];
        }
    }
    return n;
}

static size_t longest_sentence(const el_examples *examples)
{
    size_t longest = 1;
    for (size_t i = 0; i < examples->n; i++) {
        longest = examples->list[i].n_parts > longest ? examples->list[i].n_parts : longest;
    }
    return longest;
}

static electra_status count_spans(el_span_scorer *scorer, const el_predictions *p, bool *same, electra_error *err)
{
    const el_features *f = p->features;
    const size_t longest = longest_sentence(f->examples);
    const char **gold = el_alloc(2 * longest, sizeof *gold);
    if (!gold) {
        return el_fail_memory(err, WHAT, 2 * longest * sizeof *gold);
    }
    electra_status status = ELECTRA_OK;
    const char *only = NULL;
    *same = true;
    for (size_t u = 0; u < f->n && status == ELECTRA_OK;) {
        const size_t end = el_features_sentence_end(f, u);
        const size_t n = sentence_labels(p, u, end, gold, gold + longest);
        for (size_t i = 0; i < n; i++) {
            only = only ? only : gold[longest];
            *same = *same && gold[longest + i] == only;
        }
        status = el_span_scorer_add(scorer, gold, gold + longest, n, err);
        u = end;
    }
    el_free(gold);
    return status;
}

/* gold, predicted: room for a label of each word; NULL to count the words. Returns how many have a label that is told.
 */
static size_t take_words(const el_predictions *p, uint32_t *gold, uint32_t *predicted)
{
    size_t n = 0;
    for (size_t u = 0; u < p->features->n; u++) {
        const el_feature *feature = &p->features->list[u];
        const el_example *e = el_predictions_example(p, u);
        for (size_t i = 0; i < feature->n_words && e->n_labels > 0; i++) {
            const uint32_t right = e->labels[feature->word + i];
            if (right == EL_NO_LABEL) {
                continue;
            }
            if (gold) {
                gold[n] = right;
                predicted[n] = p->tags[feature->place + i];
            }
            n++;
        }
    }
    return n;
}

/* Labels that make no spans are classes of words. */
static electra_status show_words(el_scoring *s, const el_predictions *p, electra_error *err)
{
    const el_label_set *labels = &p->features->examples->labels;
    const size_t n = take_words(p, NULL, NULL);
    uint32_t *gold = el_alloc(2 * n + 1, sizeof *gold);
    if (!gold) {
        return el_fail_memory(err, WHAT, 2 * n * sizeof *gold);
    }
    (void)take_words(p, gold, gold + n);
    el_confusion c = {0};
    electra_status status = el_confusion_make(&c, gold, gold + n, n, labels->n, err);
    if (status == ELECTRA_OK) {
        s->details = el_details_confusion(&c, labels);
        status = s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, c.n_classes * c.n_classes);
    }
    el_confusion_clear(&c);
    el_free(gold);
    return status;
}

static electra_status score_tags(el_scoring *s, const el_predictions *p, electra_error *err)
{
    el_span_scorer *scorer = NULL;
    EL_TRY(el_span_scorer_create(&scorer, EL_SPANS_SEQEVAL, err));
    bool same = false;
    el_span_scores scores;
    electra_status status = count_spans(scorer, p, &same, err);
    if (status == ELECTRA_OK) {
        status = el_span_scorer_finish(scorer, &scores, err);
    }
    if (status == ELECTRA_OK && marks_spans(&p->features->examples->labels)) {
        add(s, "f1", scores.all.score.f1);
        add(s, "precision", scores.all.score.precision);
        add(s, "recall", scores.all.score.recall);
        s->details = el_details_spans(&scores);
        status = s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, scores.n_types);
    }
    if (status == ELECTRA_OK) {
        add(s, "accuracy", scores.accuracy);
        s->collapsed = same && scores.n_right_words < scores.n_words;
        status = s->details ? ELECTRA_OK : show_words(s, p, err);
    }
    el_span_scorer_free(scorer);
    return status;
}

/* ---- answers to questions ---------------------------------------------------------------------------------------- */

/* The questions of a set whose answers are told, as the scorer wants them. */
typedef struct quiz {
    el_squad_question *questions; /* [n] */
    electra_text *golds;
    size_t n;
} quiz;

static void quiz_clear(quiz *q)
{
    el_free(q->questions);
    el_free(q->golds);
}

static electra_status make_quiz(quiz *q, const el_predictions *p, electra_error *err)
{
    const el_qa_set *set = p->features->qa;
    const el_examples *examples = p->features->examples;
    size_t n_golds = 0;
    for (size_t i = 0; i < set->n_questions; i++) {
        n_golds += examples->list[set->questions[i].example].n_answers;
    }
    q->questions = el_alloc(set->n_questions, sizeof *q->questions);
    q->golds = el_alloc(n_golds, sizeof *q->golds);
    if (!q->questions || !q->golds) {
        return el_fail_memory(err, WHAT, set->n_questions * sizeof *q->questions);
    }
    electra_text *gold = q->golds;
    for (size_t i = 0; i < set->n_questions; i++) {
        const el_example *e = &examples->list[set->questions[i].example];
        if (!e->impossible && e->n_answers == 0) {
            continue; /* it is not told what is right */
        }
        el_question_best best;
        el_qa_answer(p->qa, i, &best);
        el_squad_question *question = &q->questions[q->n++];
        *question = (el_squad_question){.golds = gold,
                                        .n_golds = e->impossible ? 0 : e->n_answers,
                                        .prediction = el_qa_final(&best, (double)INFINITY),
                                        .null_odds = best.null_odds};
        for (size_t k = 0; k < question->n_golds; k++) {
            *gold++ = e->answers[k].text;
        }
    }
    return ELECTRA_OK;
}

static void add_part(el_scoring *s, const char *prefix, const el_squad_part *part)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%s_exact", prefix);
    add(s, name, part->exact);
    (void)snprintf(name, sizeof name, "%s_f1", prefix);
    add(s, name, part->f1);
}

static electra_status score_squad2(el_scoring *s, el_squad *squad, const quiz *q, double threshold, electra_error *err)
{
    el_squad2_scores scores;
    if (isnan(threshold)) {
        EL_TRY(el_squad2_score(squad, q->questions, q->n, 0, NULL, &scores, err));
        threshold = scores.best_f1_is_none ? -(double)INFINITY : scores.best_f1_threshold;
    }
    EL_TRY(el_squad2_score(squad, q->questions, q->n, threshold, NULL, &scores, err));
    s->threshold = threshold;
    add(s, "f1", scores.all.f1);
    add(s, "exact", scores.all.exact);
    add_part(s, "HasAns", &scores.has_answer);
    add_part(s, "NoAns", &scores.no_answer);
    add(s, "best_f1", scores.best_f1);
    add(s, "best_f1_thresh", scores.best_f1_threshold);
    add(s, "best_exact", scores.best_exact);
    add(s, "best_exact_thresh", scores.best_exact_threshold);
    add(s, "threshold", threshold);
    /* what one gets for saying "no answer" to everything, or to nothing */
    bool all_none = true;
    for (size_t i = 0; i < q->n; i++) {
        all_none = all_none && q->questions[i].null_odds > threshold;
    }
    s->collapsed = all_none && scores.has_answer.n > 0;
    return ELECTRA_OK;
}

static electra_status score_quiz(el_scoring *s, bool unanswerable, const quiz *q, double threshold, electra_error *err)
{
    el_squad *squad = NULL;
    EL_TRY(el_squad_create(&squad, err));
    electra_status status;
    if (unanswerable) {
        status = score_squad2(s, squad, q, threshold, err);
    } else {
        el_squad1_scores scores;
        status = el_squad1_score(squad, q->questions, q->n, EL_SQUAD_MISSING_WRONG, NULL, &scores, err);
        if (status == ELECTRA_OK) {
            add(s, "f1", scores.f1);
            add(s, "exact", scores.exact);
        }
    }
    el_squad_free(squad);
    return status;
}

/* Own files say by what they hold whether a question may have no answer. */
static bool has_impossible(const el_examples *examples)
{
    for (size_t i = 0; i < examples->n; i++) {
        if (examples->list[i].impossible) {
            return true;
        }
    }
    return false;
}

static electra_status score_answers(el_scoring *s, const el_subject *subject, const el_predictions *p, double threshold,
                                    electra_error *err)
{
    quiz q = {0};
    const bool unanswerable = subject->named ? subject->unanswerable : has_impossible(p->features->examples);
    s->threshold = (double)INFINITY;
    electra_status status = make_quiz(&q, p, err);
    if (status == ELECTRA_OK) {
        status = score_quiz(s, unanswerable, &q, threshold, err);
    }
    quiz_clear(&q);
    return status;
}

/* ---- all kinds --------------------------------------------------------------------------------------------------- */

electra_status el_scoring_make(el_scoring *s, const el_subject *subject, const el_predictions *p, double threshold,
                               electra_error *err)
{
    *s = (el_scoring){.threshold = (double)NAN};
    electra_status status = ELECTRA_OK;
    switch (subject->kind) {
    case EL_TASK_CLASSIFY: status = score_classes(s, p, err); break;
    case EL_TASK_MULTILABEL: status = score_labels(s, p, err); break;
    case EL_TASK_REGRESS: status = score_numbers(s, p, err); break;
    case EL_TASK_TAG: status = score_tags(s, p, err); break;
    case EL_TASK_ANSWER: status = score_answers(s, subject, p, threshold, err); break;
    case EL_TASK_CHOICE: status = score_choices(s, p, err); break;
    }
    put_first(&s->scores, subject->metric);
    add(s, "loss", p->loss);
    if (status == ELECTRA_OK && !s->details) {
        s->details = json_object();
        status = s->details ? ELECTRA_OK : el_fail_memory(err, WHAT, 0);
    }
    if (status != ELECTRA_OK) {
        el_scoring_clear(s);
    }
    return status;
}

void el_scoring_clear(el_scoring *s)
{
    json_decref(s->details);
    *s = (el_scoring){0};
}
