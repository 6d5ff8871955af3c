/* electra_evaluate: a model of any number format, the examples of a task, its official metrics. */
#include "tasks/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/status.h"
#include "interop/model.h"
#include "tasks/scores.h"
#include "tasks/tune_settings.h"

typedef struct evaluator {
    const electra_runtime *rt;
    electra_model *model;
    el_pool *pool;
    el_backend *be;
    el_label_set labels;          /* the model's, or the task's own names for them; borrowed */
    char **names;                 /* [labels.n] */
    electra_evaluate_options set; /* with what the model was trained with, where nothing is given */
    el_tune_recalled run;         /* whose texts `set` borrows */
} evaluator;

/* ---- does the model fit? ----------------------------------------------------------------------------------------- */

/* What the model is asked. */
static el_task_kind kind_of(const electra_model *model)
{
    const el_head_config *head = &el_model_network(model)->head_config;
    const electra_problem problem = electra_model_problem(model);
    switch (head->kind) {
    case EL_HEAD_TAGGER: return EL_TASK_TAG;
    case EL_HEAD_SPANS:
    case EL_HEAD_JOINT_QA: return EL_TASK_ANSWER;
    case EL_HEAD_CHOICE: return EL_TASK_CHOICE;
    default: break;
    }
    if (problem == ELECTRA_PROBLEM_REGRESSION || (problem == ELECTRA_PROBLEM_NONE && head->n_labels == 1)) {
        return EL_TASK_REGRESS;
    }
    return problem == ELECTRA_PROBLEM_MULTI_LABEL ? EL_TASK_MULTILABEL : EL_TASK_CLASSIFY;
}

static const char *const ASKED[] = {[EL_TASK_CLASSIFY] = "classes (--kind classify)",
                                    [EL_TASK_MULTILABEL] = "several labels at a time (--kind multilabel)",
                                    [EL_TASK_REGRESS] = "numbers (--kind regress)",
                                    [EL_TASK_TAG] = "tags of words (--kind tag)",
                                    [EL_TASK_ANSWER] = "answers to questions (--kind qa)",
                                    [EL_TASK_CHOICE] = "choices (--kind choice)"};

static electra_status check_kind(const evaluator *e, const el_subject *s, electra_error *err)
{
    const el_head_config *head = &el_model_network(e->model)->head_config;
    const el_head_config needed = el_subject_head(s, head->n_labels, 0, head->kind == EL_HEAD_JOINT_QA);
    const el_task_kind kind = kind_of(e->model);
    if (head->kind == needed.kind && kind == s->kind) {
        return ELECTRA_OK;
    }
    const char *what = head->kind == needed.kind || kind != EL_TASK_CLASSIFY
                           ? ASKED[kind]
                           : electra_model_kind_name(electra_model_kind_of(e->model));
    return el_fail(err, ELECTRA_MISUSE, e->set.model, "%s gives %s, which cannot be scored on examples of %s",
                   e->set.model, what, ASKED[s->kind]);
}

static electra_status check_tokenizer(const evaluator *e, electra_error *err)
{
    return electra_model_tokenizer(e->model)
               ? ELECTRA_OK
               : el_fail(err, ELECTRA_INVALID, e->set.model, "%s has no vocab.txt and no tokenizer.json", e->set.model);
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

static bool is_numbered(const electra_model *model)
{
    for (size_t i = 0; i < electra_model_label_count(model); i++) {
        if (strncmp(electra_model_label(model, i), "LABEL_", 6) != 0) {
            return false;
        }
    }
    return electra_model_label_count(model) > 0;
}

/* The labels that examples are read with: the model's. One that calls them LABEL_0, LABEL_1, ... means those of the
 * task in their order. */
static electra_status take_labels(evaluator *e, const el_subject *s, electra_error *err)
{
    const size_t n = electra_model_label_count(e->model);
    const el_source *source = s->source[EL_NAMED_DEV];
    const bool by_order = is_numbered(e->model) && source && source->n_labels == n;
    e->names = el_alloc(n + 1, sizeof *e->names);
    if (!e->names) {
        return el_fail_memory(err, "the labels", n * sizeof *e->names);
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = by_order ? source->labels[i] : electra_model_label(e->model, i);
        e->names[i] = el_strdup(name);
        if (!e->names[i]) {
            return el_fail_memory(err, "the labels", strlen(name));
        }
    }
    e->labels = (el_label_set){.names = e->names, .n = n, .n_known = n};
    if (by_order) {
        el_log(e->rt, ELECTRA_LOG_INFO,
               "the model's labels have numbers for names; they are taken in the task's order");
    }
    return ELECTRA_OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static electra_status open_model(evaluator *e, electra_error *err)
{
    electra_model_options options = electra_model_options_default();
    options.runtime = *e->rt;
    EL_TRY(electra_model_load(&e->model, e->set.model, &options, err));
    EL_TRY(check_tokenizer(e, err));
    EL_TRY(el_pool_create(&e->pool, e->rt->threads, err));
    return el_backend_create_cpu(&e->be, e->pool, EL_CPU_BEST, err);
}

static void evaluator_clear(evaluator *e)
{
    for (size_t i = 0; e->names && i < e->labels.n; i++) {
        el_free(e->names[i]);
    }
    el_free(e->names);
    el_tune_recalled_clear(&e->run);
    el_backend_free(e->be);
    el_pool_free(e->pool);
    electra_model_free(e->model);
}

static size_t length_for(const evaluator *e, const el_subject *s)
{
    const size_t positions = el_model_network(e->model)->config.max_positions;
    const size_t usual = s->kind == EL_TASK_ANSWER ? 384 : s->kind == EL_TASK_TAG ? 256 : 128;
    const size_t length = e->set.max_length > 0 ? (size_t)e->set.max_length : s->max_length ? s->max_length : usual;
    return length < positions ? length : positions;
}

/* The file that a split's examples are of; dev examples may be held out of those for training. */
static const char *path_of(const el_subject *s, el_named_split split)
{
    return s->path[split] ? s->path[split] : s->path[EL_NAMED_TRAIN];
}

/* Whether the model knows any of the labels; where none is told, there is nothing to know. */
static electra_status check_labels(const el_subject *s, el_named_split split, electra_error *err)
{
    const el_examples *examples = s->examples[split];
    const bool classes = s->kind == EL_TASK_CLASSIFY || s->kind == EL_TASK_MULTILABEL || s->kind == EL_TASK_TAG;
    bool told = false;
    for (size_t i = 0; classes && i < examples->n; i++) {
        for (size_t k = 0; k < examples->list[i].n_labels; k++) {
            const uint32_t label = examples->list[i].labels[k];
            if (label < examples->labels.n_known) {
                return ELECTRA_OK;
            }
            told = told || label != EL_NO_LABEL;
        }
    }
    return !told
               ? ELECTRA_OK
               : el_fail(err, ELECTRA_INVALID, path_of(s, split),
                         "none of the labels in %s is one of the model's: it has \"%s\", where the model has \"%s\"%s",
                         path_of(s, split), examples->labels.names[examples->labels.n_known],
                         examples->labels.n_known ? examples->labels.names[0] : "none",
                         examples->labels.n_known > 1 ? " and others" : "");
}

static void warn_of_change(const evaluator *e, const el_subject *s)
{
    const el_examples *dev = s->examples[EL_NAMED_DEV];
    if (e->run.examples && !el_tune_recalled_dev_is(&e->run, s->name, el_examples_hash(dev))) {
        el_log(e->rt, ELECTRA_LOG_WARNING,
               "%s: these are not the dev examples that the run had, so scores need not be those that it told: the "
               "file has changed, or is read in another way",
               path_of(s, EL_NAMED_DEV));
    }
}

/* Training examples that are read without known labels, as the run did, number them by themselves. */
static electra_status check_same_labels(const evaluator *e, const el_subject *s, electra_error *err)
{
    const el_label_set *labels = &s->examples[EL_NAMED_TRAIN]->labels;
    bool same = labels->n_known == 0 || labels->n_known == e->labels.n;
    for (size_t i = 0; same && i < labels->n_known; i++) {
        same = strcmp(labels->names[i], e->labels.names[i]) == 0;
    }
    return same ? ELECTRA_OK
                : el_fail(err, ELECTRA_INVALID, s->path[EL_NAMED_TRAIN],
                          "%s has changed since the run: its labels are not those of the model, so that what was held "
                          "out of it is not known any more; name the examples to score: --dev FILE",
                          s->path[EL_NAMED_TRAIN]);
}

/* What a run without a dev file was scored with: its training examples are parted as it parted them. */
static electra_status hold_out(evaluator *e, el_subject *s, electra_error *err)
{
    if (!(e->run.dev_share > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "dev",
                       "the run that made %s had no examples to score it with (dev_share was 0): name them, --dev FILE",
                       e->set.model);
    }
    EL_TRY(el_subject_read(s, EL_NAMED_TRAIN, NULL, e->rt, err));
    EL_TRY(check_same_labels(e, s, err));
    EL_TRY(el_subject_hold_out(s, e->run.dev_share, e->run.seed, err));
    el_log(e->rt, ELECTRA_LOG_INFO,
           "%s: the run had no dev file; what is scored are the %zu of %zu training examples that it held out", s->name,
           s->examples[EL_NAMED_DEV]->n, s->examples[EL_NAMED_TRAIN]->n + s->examples[EL_NAMED_DEV]->n);
    return ELECTRA_OK;
}

static electra_status read_examples(evaluator *e, el_subject *s, el_named_split split, electra_error *err)
{
    const el_label_set *known = e->labels.n > 0 && s->kind != EL_TASK_REGRESS ? &e->labels : NULL;
    const bool held_out = split == EL_NAMED_DEV && !s->path[split] && e->run.examples;
    EL_TRY(held_out ? hold_out(e, s, err) : el_subject_read(s, split, known, e->rt, err));
    EL_TRY(check_labels(s, split, err));
    if (split == EL_NAMED_DEV) {
        warn_of_change(e, s);
    }
    return ELECTRA_OK;
}

/* Read a split and compute what the model says about it. */
static electra_status predict(evaluator *e, el_subject *s, el_named_split split, el_predictions **out,
                              electra_error *err)
{
    const el_features_settings features = {.max_length = length_for(e, s),
                                           .doc_stride = e->set.doc_stride > 0 ? (size_t)e->set.doc_stride : 128,
                                           .one_segment = el_model_network(e->model)->config.n_types < 2,
                                           .google = e->set.compat == ELECTRA_COMPAT_GOOGLE};
    const el_predictions_settings settings = {.scale = {0, 1},
                                              .max_answer = e->set.max_answer > 0 ? (size_t)e->set.max_answer : 0};
    if (e->set.compat == ELECTRA_COMPAT_GOOGLE) {
        el_subject_use_bioes(s);
    }
    EL_TRY(read_examples(e, s, split, err));
    EL_TRY(el_subject_featurize(s, split, electra_model_tokenizer(e->model), &features, err));
    return el_predictions_make(out, e->be, el_model_network(e->model), el_model_weights(e->model, e->be),
                               s->features[split], &settings, e->rt, err);
}

static electra_status open_subject(evaluator *e, const el_subject *s, electra_error *err)
{
    EL_TRY(check_kind(e, s, err));
    return take_labels(e, s, err);
}

/* ---- submissions ------------------------------------------------------------------------------------------------- */

static electra_status submit_one(evaluator *e, el_subject *s, const char *folder, electra_error *err)
{
    el_predictions *predictions = NULL;
    electra_status status = predict(e, s, EL_NAMED_TEST, &predictions, err);
    if (status == ELECTRA_OK) {
        status = el_submission_write(folder, s, predictions, err);
    }
    el_predictions_free(predictions);
    return status;
}

/* Another task of the same folder, if its test file is there. */
static electra_status submit_other(evaluator *e, const char *task, const char *data, const char *folder,
                                   electra_error *err)
{
    const electra_task_data other = {
        .task = task, .folder = data, .kind = -1, .format = -1, .header = -1, .dev_share = -1};
    el_subject *s = NULL;
    size_t n = 0;
    EL_TRY(el_subjects_create(&s, &n, &other, err));
    const electra_status status = s->path[EL_NAMED_TEST] ? submit_one(e, s, folder, err) : ELECTRA_OK;
    el_subjects_free(s, n);
    return status;
}

static electra_status submit(evaluator *e, el_subject *s, const char *folder, electra_error *err)
{
    EL_TRY(submit_one(e, s, folder, err));
    for (size_t i = 0; i < EL_NAMED_WITH && s->folder && s->named && s->named->with[i]; i++) {
        EL_TRY(submit_other(e, s->named->with[i], s->folder, folder, err));
    }
    return ELECTRA_OK;
}

electra_status el_submit(el_subject *s, const char *folder, const char *submission, size_t max_length, int compat,
                         const electra_runtime *rt, electra_error *err)
{
    evaluator e = {.rt = rt, .set = electra_evaluate_options_default()};
    e.set.model = folder;
    e.set.max_length = (long)max_length;
    e.set.compat = compat;
    electra_status status = open_model(&e, err);
    if (status == ELECTRA_OK) {
        status = open_subject(&e, s, err);
    }
    if (status == ELECTRA_OK) {
        status = submit(&e, s, submission, err);
    }
    evaluator_clear(&e);
    return status;
}

/* ---- scoring ----------------------------------------------------------------------------------------------------- */

electra_evaluate_options electra_evaluate_options_default(void)
{
    return (electra_evaluate_options){.struct_size = sizeof(electra_evaluate_options),
                                      .data = {.kind = -1, .format = -1, .header = -1, .dev_share = -1},
                                      .max_length = -1,
                                      .doc_stride = -1,
                                      .max_answer = -1,
                                      .null_threshold = (double)NAN,
                                      .compat = -1};
}

/* That of a model that has one, so that a test set is not judged by a threshold that was found on it; else the best. */
static double own_threshold(const evaluator *e, const el_subject *s)
{
    const double own = electra_model_null_threshold(e->model);
    return s->kind == EL_TASK_ANSWER && own != 0 ? own : (double)NAN;
}

static electra_status score(evaluator *e, el_subject *s, electra_scores *out, electra_error *err)
{
    el_predictions *predictions = NULL;
    el_scoring scoring = {0};
    double threshold = e->set.null_threshold;
    if (isnan(threshold)) {
        threshold = e->set.compat == ELECTRA_COMPAT_GOOGLE ? EL_QA_GOOGLE_THRESHOLD : own_threshold(e, s);
    }
    electra_status status = predict(e, s, EL_NAMED_DEV, &predictions, err);
    if (status == ELECTRA_OK) {
        status = el_scoring_make(&scoring, s, predictions, threshold, err);
    }
    if (status == ELECTRA_OK && scoring.scores.n == 0) {
        const char *path = path_of(s, EL_NAMED_DEV);
        status = el_fail(err, ELECTRA_INVALID, path,
                         "no example of %s says what is right, so there is nothing to score", path);
    }
    if (status == ELECTRA_OK && e->set.predictions) {
        status = el_scoring_write(e->set.predictions, predictions, scoring.threshold, err);
    }
    if (status == ELECTRA_OK) {
        *out = scoring.scores;
    }
    el_scoring_clear(&scoring);
    el_predictions_free(predictions);
    return status;
}

/* What the caller gives though nothing would use it. */
static electra_status refuse_idle(const electra_evaluate_options *given, const el_subject *s, electra_error *err)
{
    const struct {
        bool given;
        const char *option;
    } all[] = {{given->doc_stride >= 0, "doc-stride"},
               {given->max_answer >= 0, "max-answer"},
               {!isnan(given->null_threshold), "null-threshold"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0] && s->kind != EL_TASK_ANSWER; i++) {
        if (all[i].given) {
            return el_fail(err, ELECTRA_MISUSE, all[i].option, "%s is for questions, and %s has none", all[i].option,
                           s->name);
        }
    }
    return ELECTRA_OK;
}

static electra_status evaluate(evaluator *e, const electra_evaluate_options *given, el_subject *subjects, size_t n,
                               electra_scores *out, electra_error *err)
{
    if (n != 1) {
        return el_fail(err, ELECTRA_MISUSE, "task", "a model is scored on one task at a time");
    }
    el_subject *s = &subjects[0];
    EL_TRY(open_subject(e, s, err));
    EL_TRY(refuse_idle(given, s, err));
    const bool dev = s->path[EL_NAMED_DEV] || (e->run.examples && e->run.dev_share > 0);
    if (!e->set.submission || dev) {
        EL_TRY(score(e, s, out, err));
    }
    return e->set.submission ? submit(e, s, e->set.submission, err) : ELECTRA_OK;
}

/* What is not given is as in training, or follows from the model. */
static electra_status settle(evaluator *e, electra_error *err)
{
    EL_TRY(el_tune_settings_recall(&e->set, &e->run, err));
    if (!e->set.data.task && e->set.data.kind < 0) {
        e->set.data.kind = e->set.data.label_columns ? EL_TASK_MULTILABEL : (int)kind_of(e->model);
    }
    return ELECTRA_OK;
}

electra_status electra_evaluate(const electra_evaluate_options *options, electra_scores *out, electra_error *err)
{
    if (!options || !out || options->struct_size != sizeof *options) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_evaluate_options_default()");
    }
    if (!options->model) {
        return el_fail(err, ELECTRA_MISUSE, "model", "a model is needed: --model DIR");
    }
    *out = (electra_scores){0};
    evaluator e = {.rt = &options->runtime, .set = *options};
    el_subject *subjects = NULL;
    size_t n = 0;
    electra_status status = open_model(&e, err);
    if (status == ELECTRA_OK) {
        status = settle(&e, err);
    }
    if (status == ELECTRA_OK) {
        status = el_subjects_create(&subjects, &n, &e.set.data, err);
    }
    if (status == ELECTRA_OK) {
        status = evaluate(&e, options, subjects, n, out, err);
    }
    el_subjects_free(subjects, n);
    evaluator_clear(&e);
    return status;
}
