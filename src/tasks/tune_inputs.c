/* Owns what fine-tuning is given. */
#include "tasks/tune_inputs.h"

#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "interop/hf_tokenizer.h"
#include "tasks/tune_describe.h"

/* ---- the model --------------------------------------------------------------------------------------------------- */

static electra_status open_model(el_tune_inputs *in, const electra_runtime *rt, electra_error *err)
{
    EL_TRY(el_model_dir_open(&in->dir, in->settings.given.model, rt, err));
    const char *folder = el_model_dir_path(in->dir);
    if (el_model_dir_is_int8(in->dir)) {
        return el_fail(err, ELECTRA_MISUSE, in->settings.given.model,
                       "%s holds 8-bit integers, which can answer but not be trained; take the model that it was made "
                       "from",
                       in->settings.given.model);
    }
    if (!el_hf_tokenizer_is_there(folder)) {
        return el_fail(err, ELECTRA_INVALID, folder, "%s has no vocab.txt and no tokenizer.json", folder);
    }
    return el_hf_tokenizer_read(&in->tokenizer, folder, ELECTRA_SPECIALS_NONE, rt, err);
}

/* ---- examples ---------------------------------------------------------------------------------------------------- */

static electra_status read_examples(const el_tune_inputs *in, el_subject *s, const electra_runtime *rt,
                                    electra_error *err)
{
    if (in->settings.given.compat == ELECTRA_COMPAT_GOOGLE) {
        el_subject_use_bioes(s);
    }
    EL_TRY(el_subject_read(s, EL_NAMED_TRAIN, NULL, rt, err));
    el_subject_settle_scale(s);
    if (s->path[EL_NAMED_DEV]) {
        return el_subject_read(s, EL_NAMED_DEV, &s->examples[EL_NAMED_TRAIN]->labels, rt, err);
    }
    if (in->settings.given.data.dev_share > 0) {
        EL_TRY(el_subject_hold_out(s, in->settings.given.data.dev_share, (uint64_t)in->settings.given.seed, err));
        el_log(rt, ELECTRA_LOG_INFO, "%s: there is no dev file, so %zu of %zu training examples are held out", s->name,
               s->examples[EL_NAMED_DEV]->n, s->examples[EL_NAMED_TRAIN]->n + s->examples[EL_NAMED_DEV]->n);
    }
    return ELECTRA_OK;
}

static electra_status note_dev(el_tune_inputs *in, const el_subject *s, electra_error *err)
{
    const el_examples *dev = s->examples[EL_NAMED_DEV];
    return dev ? el_tune_settings_note_dev(&in->settings, s->name, el_examples_hash(dev), err) : ELECTRA_OK;
}

static electra_status featurize(const el_tune_inputs *in, el_subject *s, electra_error *err)
{
    const bool google = in->settings.given.compat == ELECTRA_COMPAT_GOOGLE;
    el_features_settings settings = {.max_length = (size_t)in->settings.given.max_length,
                                     .doc_stride = (size_t)in->settings.given.doc_stride,
                                     .both_orders = in->settings.given.both_orders >= 0 ? in->settings.given.both_orders
                                                                                        : s->both_orders,
                                     .one_segment = el_model_dir_config(in->dir)->model.n_types < 2,
                                     .train = true,
                                     .google = google};
    EL_TRY(el_subject_featurize(s, EL_NAMED_TRAIN, in->tokenizer, &settings, err));
    settings.both_orders = settings.train = false;
    return s->examples[EL_NAMED_DEV] ? el_subject_featurize(s, EL_NAMED_DEV, in->tokenizer, &settings, err)
                                     : ELECTRA_OK;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static bool same_labels(const el_labels *a, const el_labels *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->names[i], b->names[i]) == 0;
    }
    return same;
}

/* The model's own head, if it was made for this very task. */
static bool can_keep_head(const el_tune_inputs *in, const el_head_config *head)
{
    const el_head_config *there = el_model_dir_head(in->dir);
    const el_labels *labels = &el_model_dir_config(in->dir)->labels;
    if (in->n != 1 || there->kind != head->kind || there->n_labels != head->n_labels) {
        return false;
    }
    return head->n_labels == 0 || (labels->problem == in->labels[0].problem && same_labels(labels, &in->labels[0]));
}

static el_head_config head_of(const el_tune_inputs *in, const el_subject *s)
{
    const electra_finetune_options *set = &in->settings.given;
    return el_subject_head(s, s->examples[EL_NAMED_TRAIN]->labels.n_known, set->dropout,
                           set->qa_head == ELECTRA_QA_JOINT);
}

static electra_status open_labels(el_tune_inputs *in, const electra_runtime *rt, electra_error *err)
{
    for (size_t i = 0; i < in->n; i++) {
        const el_subject *s = &in->subjects[i];
        EL_TRY(el_subject_labels(&in->labels[i], s, &s->examples[EL_NAMED_TRAIN]->labels, err));
    }
    const el_head_config head = head_of(in, &in->subjects[0]);
    in->with_head = can_keep_head(in, &head);
    if (in->with_head) {
        el_log(rt, ELECTRA_LOG_INFO, "%s has a head for this task, which is gone on with", in->settings.given.model);
    }
    return ELECTRA_OK;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* Before anything is learned, whether there will be something to submit. */
static electra_status check_submission(const el_tune_inputs *in, const electra_finetune_options *options,
                                       electra_error *err)
{
    if (!in->settings.given.submission) {
        return !options->data.test
                   ? ELECTRA_OK
                   : el_fail(err, ELECTRA_MISUSE, "test",
                             "test examples are for a submission, whose folder is not given (submission)");
    }
    for (size_t i = 0; i < in->n; i++) {
        EL_TRY(el_submission_check(&in->subjects[i], err));
    }
    return ELECTRA_OK;
}

/* What the caller gives though no task would use it. */
static electra_status refuse_idle(const el_tune_inputs *in, const electra_finetune_options *options, electra_error *err)
{
    const struct {
        bool given;
        const char *option;
    } all[] = {{options->qa_head >= 0, "qa-head"},
               {options->doc_stride >= 0, "doc-stride"},
               {options->max_answer >= 0, "max-answer"}};
    for (size_t i = 0; i < in->n; i++) {
        if (in->subjects[i].kind == EL_TASK_ANSWER) {
            return ELECTRA_OK;
        }
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].given) {
            return el_fail(err, ELECTRA_MISUSE, all[i].option, "%s is for questions, and %s has none", all[i].option,
                           in->subjects[0].name);
        }
    }
    return ELECTRA_OK;
}

static electra_status check_orders(const el_tune_inputs *in, const electra_finetune_options *options,
                                   electra_error *err)
{
    bool pairs = options->both_orders != 1;
    for (size_t i = 0; i < in->n; i++) {
        pairs = pairs || in->subjects[i].features[EL_NAMED_TRAIN]->settings.both_orders;
    }
    return pairs ? ELECTRA_OK
                 : el_fail(err, ELECTRA_MISUSE, "both-orders", "there are no pairs that could be read in both orders");
}

electra_status el_tune_inputs_open(el_tune_inputs *in, const electra_finetune_options *options, electra_error *err)
{
    const electra_runtime *rt = &options->runtime;
    EL_TRY(el_tune_settings_open(&in->settings, options, err));
    EL_TRY(el_subjects_create(&in->subjects, &in->n, &in->settings.given.data, err));
    EL_TRY(check_submission(in, options, err));
    EL_TRY(refuse_idle(in, options, err));
    EL_TRY(open_model(in, rt, err));
    EL_TRY(el_tune_settings_fill(&in->settings, &el_model_dir_config(in->dir)->model, in->subjects, in->n, err));
    for (size_t i = 0; i < in->n; i++) {
        EL_TRY(read_examples(in, &in->subjects[i], rt, err));
        EL_TRY(note_dev(in, &in->subjects[i], err));
        EL_TRY(featurize(in, &in->subjects[i], err));
        el_tune_describe(rt, &in->subjects[i]);
    }
    EL_TRY(check_orders(in, options, err));
    return open_labels(in, rt, err);
}

void el_tune_inputs_close(el_tune_inputs *in)
{
    for (size_t i = 0; i < ELECTRA_MOST_TASKS; i++) {
        el_labels_clear(&in->labels[i]);
    }
    el_subjects_free(in->subjects, in->n);
    electra_tokenizer_free(in->tokenizer);
    el_model_dir_close(in->dir);
    el_tune_settings_clear(&in->settings);
}

bool el_tune_inputs_have_dev(const el_tune_inputs *in)
{
    for (size_t i = 0; i < in->n; i++) {
        if (!in->subjects[i].features[EL_NAMED_DEV]) {
            return false;
        }
    }
    return true;
}

electra_status el_tune_inputs_tuner(el_tuner **out, const el_tune_inputs *in, el_backend *be, electra_error *err)
{
    const electra_finetune_options *set = &in->settings.given;
    const bool google = set->compat == ELECTRA_COMPAT_GOOGLE;
    el_model_config config = el_model_dir_config(in->dir)->model;
    config.hidden_dropout = config.attention_dropout = set->dropout;
    el_tuner_settings settings = {.learner = {.clip_norm = set->clip, .optimizer = el_optimizer_settings_default()},
                                  .batch = (size_t)set->batch,
                                  .micro_batch = set->micro_batch > 0 ? (size_t)set->micro_batch : 0,
                                  .sum = google,
                                  .glorot = google};
    settings.learner.optimizer.epsilon = set->epsilon;
    settings.learner.optimizer.weight_decay = set->weight_decay;
    settings.learner.optimizer.bias_correction = set->bias_correction != 0;
    settings.learner.optimizer.layer_decay = set->layer_decay;
    settings.learner.optimizer.layer_decay_skips = google;
    el_tuner_task tasks[ELECTRA_MOST_TASKS];
    for (size_t i = 0; i < in->n; i++) {
        const el_subject *s = &in->subjects[i];
        tasks[i] = (el_tuner_task){.features = s->features[EL_NAMED_TRAIN], .head = head_of(in, s), .scale = s->scale};
    }
    return el_tuner_create(out, be, &config, tasks, in->n, &settings, err);
}

uint64_t el_tune_inputs_hash(const el_tune_inputs *in)
{
    uint64_t sum[3] = {0};
    for (size_t i = 0; i < in->n; i++) {
        const el_features *dev = in->subjects[i].features[EL_NAMED_DEV];
        sum[1] = el_features_hash(in->subjects[i].features[EL_NAMED_TRAIN]);
        sum[2] = dev ? el_features_hash(dev) : 0;
        sum[0] = el_hash64(sum, sizeof sum);
    }
    return sum[0];
}
