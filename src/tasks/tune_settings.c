/* Owns the table of fine-tuning's settings, and the recipe. */
#include "tasks/tune_settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/utf8.h"
#include "train/setting_table.h"

/* clang-format off */
#define ROW(member, kind, change, least, most)                                                                         \
    EL_SETTING_ROW(electra_finetune_options, member, kind, change, least, most)
#define WORD(member, change, ...) EL_SETTING_WORD(electra_finetune_options, member, change, __VA_ARGS__)
#define DATA(name_, member, kind_, change_, least_, most_)                                                             \
    {.name = name_, .kind = EL_SETTING_##kind_, .change = EL_SETTING_##change_,                                        \
     .offset = offsetof(electra_finetune_options, data) + offsetof(electra_task_data, member),                         \
     .least = least_, .most = most_}
#define DATA_WORD(name_, member, ...)                                                                                  \
    {.name = name_, .kind = EL_SETTING_CHOICE, .change = EL_SETTING_FIXED,                                             \
     .offset = offsetof(electra_finetune_options, data) + offsetof(electra_task_data, member),                         \
     .choices = {__VA_ARGS__}}

/* Paths are free, and no other texts are: what they lead to is hashed. */
static const el_setting ROWS[] = {
    ROW(model, TEXT, FREE, 0, 0),
    DATA("task", task, TEXT, FIXED, 0, 0),
    DATA("data", folder, TEXT, FREE, 0, 0),
    DATA("train", train, TEXT, FREE, 0, 0),
    DATA("dev", dev, TEXT, FREE, 0, 0),
    DATA("test", test, TEXT, FREE, 0, 0),
    DATA_WORD("kind", kind, "classify", "multilabel", "regress", "tag", "qa", "choice"),
    DATA_WORD("file_format", format, "tsv", "csv", "jsonl", "json", "folders", "two-files", "conll", "conllu", "squad",
              "mrqa", "trec"),
    DATA("text_column", text_column, TEXT, FIXED, 0, 0),
    DATA("pair_column", pair_column, TEXT, FIXED, 0, 0),
    DATA("label_column", label_column, TEXT, FIXED, 0, 0),
    DATA("id_column", id_column, TEXT, FIXED, 0, 0),
    DATA("choice_columns", choice_columns, TEXT, FIXED, 0, 0),
    DATA("labels", labels, TEXT, FIXED, 0, 0),
    DATA("label_separator", label_separator, TEXT, FIXED, 0, 0),
    DATA("label_columns", label_columns, TEXT, FIXED, 0, 0),
    DATA("separator", separator, TEXT, FIXED, 0, 0),
    DATA("tags", tags, TEXT, FIXED, 0, 0),
    DATA_WORD("header", header, "off", "on"),
    DATA("dev_share", dev_share, REAL, FIXED, 0, 0.9),
    ROW(seed, WHOLE, FIXED, 0, 0x1p53 - 1), /* one more would round to a number that is in range */
    ROW(epochs, REAL, FIXED, 0.001, 10000),
    ROW(steps, WHOLE, FIXED, 1, 1e9),
    ROW(batch, WHOLE, FIXED, 1, 1 << 20),
    ROW(micro_batch, WHOLE, FREE, 1, 1 << 20),
    ROW(learning_rate, REAL, FIXED, 1e-12, 10),
    ROW(layer_decay, REAL, FIXED, 0.01, 1),
    ROW(warmup, REAL, FIXED, 0, 1),
    ROW(weight_decay, REAL, FIXED, 0, 1),
    ROW(epsilon, REAL, FIXED, 1e-16, 1),
    WORD(bias_correction, FIXED, "off", "on"),
    ROW(dropout, REAL, FIXED, 0, 0.9),
    ROW(clip, REAL, FIXED, 0, 1e9),
    WORD(compat, FIXED, "none", "google"),
    ROW(max_length, WHOLE, FIXED, 8, 1 << 20),
    ROW(doc_stride, WHOLE, FIXED, 1, 1 << 20),
    WORD(qa_head, FIXED, "spans", "joint"),
    ROW(max_answer, WHOLE, FIXED, 1, 10000),
    WORD(both_orders, FIXED, "off", "on"),
    ROW(trials, WHOLE, GROWS, 1, 10000),
    ROW(patience, WHOLE, FIXED, 0, 1e6),
    ROW(eval_every, WHOLE, FIXED, 1, 1e9),
    ROW(submission, TEXT, FREE, 0, 0),
    ROW(log_every, WHOLE, FREE, 1, 1e9),
    ROW(save_every, WHOLE, FREE, 1, 1e9),
};
/* clang-format on */
static const el_setting_table TABLE = {ROWS, sizeof ROWS / sizeof ROWS[0]};

electra_finetune_options electra_finetune_options_default(void)
{
    electra_finetune_options options = {.struct_size = sizeof options};
    el_settings_clear_values(&TABLE, &options);
    return options;
}

static electra_status check(const electra_finetune_options *o, electra_error *err)
{
    if (!o || o->struct_size != sizeof *o) {
        return el_fail(err, ELECTRA_MISUSE, "options", "begin with electra_finetune_options_default()");
    }
    if (!o->output || !o->output[0]) {
        return el_fail(err, ELECTRA_MISUSE, "output", "a folder for the result is needed");
    }
    EL_TRY(el_settings_check_values(&TABLE, o, err));
    if (o->epochs >= 0 && o->steps >= 0) {
        return el_fail(err, ELECTRA_MISUSE, "steps",
                       "a trial ends after epochs or after steps: give only one of epochs and steps");
    }
    if (o->batch > 0 && o->micro_batch > o->batch) {
        return el_fail(err, ELECTRA_MISUSE, "micro_batch", "%ld examples at a time are more than the batch of %ld",
                       o->micro_batch, o->batch);
    }
    return ELECTRA_OK;
}

/* Given values, then recorded ones; what was found out about the end goes with the end that was given. */
static electra_status combine(el_tune_settings *s, electra_error *err)
{
    electra_finetune_options *o = &s->given;
    electra_finetune_options recorded = electra_finetune_options_default();
    EL_TRY(el_settings_from_json(&TABLE, &recorded, s->recorded, o->output, err));
    const bool other_end = o->epochs >= 0 || o->steps >= 0;
    for (size_t i = 0; i < TABLE.n; i++) {
        const bool end = ROWS[i].offset == offsetof(electra_finetune_options, epochs) ||
                         ROWS[i].offset == offsetof(electra_finetune_options, steps);
        if (!el_setting_is_given(&ROWS[i], o) && !(end && other_end)) {
            el_setting_copy(&ROWS[i], o, &recorded);
        }
    }
    return ELECTRA_OK;
}

electra_status el_tune_settings_open(el_tune_settings *s, const electra_finetune_options *options, electra_error *err)
{
    EL_TRY(check(options, err));
    s->given = *options;
    EL_TRY(el_settings_load(&s->recorded, options->output, EL_TUNE_FORMAT, err));
    if (s->recorded) {
        EL_TRY(combine(s, err));
    }
    if (s->given.submission && !s->given.submission[0]) {
        s->given.submission = NULL; /* "" takes back what was recorded */
    }
    if (!s->given.model || !s->given.model[0]) {
        return el_fail(err, ELECTRA_MISUSE, "model", "a pre-trained encoder is needed: --model DIR");
    }
    return ELECTRA_OK;
}

/* ---- the recipe -------------------------------------------------------------------------------------------------- */

static double rate_for(const el_model_config *c, bool google)
{
    if (google) {
        return c->hidden_size > 768 ? 5e-5 : 1e-4;
    }
    return c->hidden_size > 768 ? 5e-5 : c->hidden_size > 256 ? 1e-4 : 3e-4;
}

/* The released system knows questions by "squad" or "qa" in the name of their task, which NaturalQs lacks; so it is
 * trained as if it were none (electra.md 8.2). */
static bool is_overlooked(const el_subject *s)
{
    return s->named && s->kind == EL_TASK_ANSWER && !strstr(s->name, "squad") && !strstr(s->name, "qa");
}

/* With several tasks the released system uses its defaults for all (electra.md 8.2). */
static double epochs_for(const el_subject *subjects, size_t n, bool google)
{
    if (n > 1 || (google && is_overlooked(&subjects[0]))) {
        return 3;
    }
    return subjects[0].epochs > 0 ? subjects[0].epochs : subjects[0].kind == EL_TASK_ANSWER ? 2 : 3;
}

/* Of several tasks the longest one's, so that none is cut that would not be alone; the released system's defaults are
 * those of its short ones. */
static size_t length_for(const el_subject *subjects, size_t n, size_t positions, bool google)
{
    const bool defaults = google && (n > 1 || is_overlooked(&subjects[0]));
    size_t length = defaults ? 128 : 0;
    for (size_t i = 0; i < n && !defaults; i++) {
        const size_t usual = subjects[i].kind == EL_TASK_ANSWER ? 384 : subjects[i].kind == EL_TASK_TAG ? 256 : 128;
        const size_t own = subjects[i].max_length ? subjects[i].max_length : usual;
        length = own > length ? own : length;
    }
    return length < positions ? length : positions;
}

electra_status el_tune_settings_fill(el_tune_settings *s, const el_model_config *encoder, const el_subject *subjects,
                                     size_t n, electra_error *err)
{
    electra_finetune_options *o = &s->given;
    el_setting_default_choice(&o->compat, ELECTRA_COMPAT_NONE);
    const bool google = o->compat == ELECTRA_COMPAT_GOOGLE;
    if (!o->data.task) {
        o->data.kind = (int)subjects[0].kind;
    }
    el_setting_default_real(&o->data.dev_share, 0.1);
    el_setting_default_whole(&o->seed, 42);
    if (o->steps < 0) {
        el_setting_default_real(&o->epochs, epochs_for(subjects, n, google));
    }
    el_setting_default_whole(&o->batch, 32);
    el_setting_default_real(&o->learning_rate, rate_for(encoder, google));
    el_setting_default_real(&o->layer_decay, encoder->n_layers >= 24 ? 0.9 : 0.8);
    el_setting_default_real(&o->warmup, 0.1);
    el_setting_default_real(&o->weight_decay, 0.01);
    el_setting_default_real(&o->epsilon, 1e-6);
    el_setting_default_choice(&o->bias_correction, !google);
    /* the published models' own is 0.1; one that never knew dropout is only hindered by it */
    el_setting_default_real(&o->dropout, google ? 0.1 : encoder->hidden_dropout);
    el_setting_default_real(&o->clip, 1);
    el_setting_default_whole(&o->max_length, length_for(subjects, n, encoder->max_positions, google));
    el_setting_default_whole(&o->doc_stride, 128);
    el_setting_default_choice(&o->qa_head, ELECTRA_QA_SPANS);
    el_setting_default_whole(&o->max_answer, 30);
    el_setting_default_whole(&o->trials, 1);
    el_setting_default_whole(&o->patience, 0);
    if ((size_t)o->max_length > encoder->max_positions) {
        return el_fail(err, ELECTRA_MISUSE, "max_length", "%ld tokens are more than the model's %zu positions",
                       o->max_length, encoder->max_positions);
    }
    return ELECTRA_OK;
}

/* ---- recording and comparing ------------------------------------------------------------------------------------- */

static void hex_of(char text[17], uint64_t value)
{
    (void)snprintf(text, 17, "%016llx", (unsigned long long)value);
}

static json_t *to_json(const el_tune_settings *s, bool free_ones)
{
    json_t *all = json_object();
    char examples[17], weights[17];
    hex_of(examples, s->content.examples);
    hex_of(weights, s->content.weights);
    if (!el_settings_to_json(&TABLE, &s->given, free_ones, all) ||
        json_object_set_new(all, "examples_hash", json_string(examples)) != 0 ||
        json_object_set_new(all, "weights_hash", json_string(weights)) != 0) {
        json_decref(all);
        return NULL;
    }
    return all;
}

/* A content that is not what it was. */
static electra_status compare_content(const el_tune_settings *s, const char *member, uint64_t now, const char *words,
                                      electra_error *err)
{
    char text[17];
    const char *recorded = "";
    hex_of(text, now);
    EL_TRY(el_json_text(s->recorded, member, EL_JSON_REQUIRED, &recorded, s->given.output, err));
    if (strcmp(text, recorded) == 0) {
        return ELECTRA_OK;
    }
    return el_fail(err, ELECTRA_MISUSE, s->given.output,
                   "%s: %s since the run began (%s is %s, was %s); take them back, or choose another output folder",
                   s->given.output, words, member, text, recorded);
}

static electra_status compare(const el_tune_settings *s, electra_error *err)
{
    electra_finetune_options then = electra_finetune_options_default();
    EL_TRY(el_settings_from_json(&TABLE, &then, s->recorded, s->given.output, err));
    el_setting_differences all = {0};
    el_settings_compare(&all, &TABLE, &then, &s->given);
    EL_TRY(el_settings_refuse(&all, s->given.output, err));
    EL_TRY(compare_content(s, "examples_hash", s->content.examples, "the examples have changed", err));
    return compare_content(s, "weights_hash", s->content.weights, "the weights of the model have changed", err);
}

electra_status el_tune_settings_bind(el_tune_settings *s, el_tune_content content, electra_error *err)
{
    s->content = content;
    if (s->recorded) {
        EL_TRY(compare(s, err));
    }
    json_t *all = to_json(s, false);
    const electra_status status = el_settings_hash_json(all, &s->hash, err);
    json_decref(all);
    return status;
}

electra_status el_tune_settings_note_dev(el_tune_settings *s, const char *task, uint64_t examples_hash,
                                         electra_error *err)
{
    char text[17];
    hex_of(text, examples_hash);
    s->dev_hashes = s->dev_hashes ? s->dev_hashes : json_object();
    return json_object_set_new(s->dev_hashes, task, json_string(text)) == 0 ? ELECTRA_OK
                                                                            : el_fail_memory(err, "the settings", 0);
}

/* One that settings.json can hold; a working directory may be called something else than UTF-8. */
static bool is_utf8(const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    return !el_utf8_ill_formed(bytes, bytes + strlen(text));
}

/* A run may be gone on with, and its model be scored, from another working directory. */
static bool make_paths_absolute(json_t *all)
{
    bool fine = true;
    for (size_t i = 0; i < TABLE.n && fine; i++) {
        const char *given = json_string_value(json_object_get(all, ROWS[i].name));
        if (given && ROWS[i].kind == EL_SETTING_TEXT && ROWS[i].change == EL_SETTING_FREE) {
            char *path = el_path_absolute(given);
            fine = path && (!is_utf8(path) || json_object_set_new(all, ROWS[i].name, json_string(path)) == 0);
            el_free(path);
        }
    }
    return fine;
}

electra_status el_tune_settings_save(const el_tune_settings *s, electra_error *err)
{
    json_t *all = to_json(s, true);
    if (!all || !make_paths_absolute(all) ||
        (s->dev_hashes && json_object_set(all, "dev_hashes", s->dev_hashes) != 0)) {
        json_decref(all);
        return el_fail_memory(err, "the settings", 0);
    }
    const electra_status status = el_settings_write(all, s->given.output, EL_TUNE_FORMAT, err);
    json_decref(all);
    return status;
}

void el_tune_settings_clear(el_tune_settings *s)
{
    json_decref(s->recorded);
    json_decref(s->dev_hashes);
    *s = (el_tune_settings){0};
}

/* ---- what a model was trained with ------------------------------------------------------------------------------- */

/* settings.json of a folder, if there is one and it is of fine-tuning. */
static electra_status find_recorded(json_t **out, const char *folder, electra_error *err)
{
    *out = NULL;
    char *path = el_path_join(folder, "settings.json");
    if (!path) {
        return el_fail_memory(err, folder, 0);
    }
    electra_status status = el_is_file(path) ? el_json_load(out, path, err) : ELECTRA_OK;
    el_free(path);
    const char *format = *out ? json_string_value(json_object_get(*out, "format")) : NULL;
    if (*out && (!format || strcmp(format, EL_TUNE_FORMAT) != 0)) {
        json_decref(*out); /* another program's, or of pre-training */
        *out = NULL;
    }
    return status;
}

/* The last part of a path, without slashes behind it. */
static electra_text last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    return (electra_text){path + begin, end - begin};
}

/* Leaves of several tasks that of the model's folder; false if that is none of them. */
static bool choose_task(json_t *recorded, electra_text name)
{
    const char *list = json_string_value(json_object_get(recorded, "task"));
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        at += strspn(at, " \t");
        if (strncmp(at, name.text, name.bytes) == 0 && strchr(", \t", at[name.bytes])) {
            return json_object_set_new(recorded, "task", json_stringn(name.text, name.bytes)) == 0;
        }
    }
    return false;
}

static electra_status find_above(json_t **out, const char *folder, electra_error *err)
{
    char *above = el_path_join(folder, "..");
    if (!above) {
        return el_fail_memory(err, folder, 0);
    }
    const electra_status status = find_recorded(out, above, err);
    el_free(above);
    if (*out && !choose_task(*out, last_part(folder))) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* A separator is of CSV alone. */
static bool is_csv(const electra_task_data *data, const electra_task_data *then)
{
    const char *given = data->train ? data->train : data->dev ? data->dev : data->test;
    const char *path = given ? given : then->dev ? then->dev : then->train;
    return then->format >= 0 ? then->format == ELECTRA_TASK_CSV
                             : path && el_source_guess(path, then->kind) == EL_SOURCE_CSV;
}

/* How own files are read, as far as it is left open. */
static void recall_columns(electra_task_data *data, const electra_task_data *then)
{
    const bool labels_given = data->label_column || data->label_columns;
    const struct {
        const char **now;
        const char *then;
    } texts[] = {{&data->text_column, then->text_column},
                 {&data->pair_column, then->pair_column},
                 {&data->label_column, labels_given ? NULL : then->label_column},
                 {&data->label_columns, labels_given ? NULL : then->label_columns},
                 {&data->id_column, then->id_column},
                 {&data->choice_columns, then->choice_columns},
                 {&data->label_separator, then->label_separator},
                 {&data->separator, is_csv(data, then) ? then->separator : NULL},
                 {&data->tags, then->tags}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i].now = *texts[i].now ? *texts[i].now : texts[i].then;
    }
    data->kind = then->kind;
    data->format = then->format;
    data->header = data->header >= 0 ? data->header : then->header;
}

static bool names_columns(const electra_task_data *data)
{
    return data->text_column || data->pair_column || data->label_column || data->label_columns ||
           data->choice_columns || data->label_separator || data->separator || data->tags || data->header >= 0;
}

/* Those of the run; its training examples only where dev examples were held out of them, and then with what decides
 * which rows can be used. */
static void recall_files(electra_task_data *data, const electra_task_data *then)
{
    data->folder = then->folder;
    data->dev = then->dev;
    data->test = then->test;
    if (!then->dev) {
        data->train = then->train;
        data->labels = data->labels ? data->labels : then->labels;
    }
}

/* Returns whether the examples are the run's. */
static bool recall_data(electra_task_data *data, const electra_task_data *then)
{
    if (!then->task) {
        recall_columns(data, then);
    } else if (!names_columns(data)) {
        data->task = then->task;
    } else {
        return false; /* other files than those of the task */
    }
    if (data->folder || data->train || data->dev || data->test) {
        return false;
    }
    recall_files(data, then);
    return true;
}

electra_status el_tune_settings_recall(electra_evaluate_options *o, el_tune_recalled *run, electra_error *err)
{
    EL_TRY(find_recorded(&run->recorded, o->model, err));
    if (!run->recorded) {
        EL_TRY(find_above(&run->recorded, o->model, err));
    }
    if (!run->recorded) {
        return ELECTRA_OK;
    }
    electra_finetune_options then = electra_finetune_options_default();
    EL_TRY(el_settings_from_json(&TABLE, &then, run->recorded, o->model, err));
    electra_task_data *data = &o->data;
    run->dev_share = then.data.dev_share;
    run->seed = (uint64_t)then.seed;
    run->examples = !data->task && data->kind < 0 && data->format < 0 && recall_data(data, &then.data);
    o->max_length = o->max_length >= 0 ? o->max_length : then.max_length;
    o->doc_stride = o->doc_stride >= 0 ? o->doc_stride : then.doc_stride;
    o->max_answer = o->max_answer >= 0 ? o->max_answer : then.max_answer;
    o->compat = o->compat >= 0 ? o->compat : then.compat;
    return ELECTRA_OK;
}

void el_tune_recalled_clear(el_tune_recalled *run)
{
    json_decref(run->recorded);
    *run = (el_tune_recalled){0};
}

bool el_tune_recalled_dev_is(const el_tune_recalled *run, const char *task, uint64_t examples_hash)
{
    char text[17];
    const char *then = json_string_value(json_object_get(json_object_get(run->recorded, "dev_hashes"), task));
    hex_of(text, examples_hash);
    return !then || strcmp(then, text) == 0;
}
