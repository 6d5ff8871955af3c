/* electra finetune from end to end on small made tasks of every kind: it learns them, what it leaves scores as it said,
 * threads and micro-batches change nothing that matters, whatever stops it costs nothing, several tasks learn together,
 * and what makes no sense is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <electra/electra.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "interop/model_dir.h"
#include "support/folder.h"
#include "support/program.h"

enum { WORDS = 24, SPECIALS = 5, TRAIN = 240, DEV = 60 };

static char *root;         /* everything of this test */
static char logged[16384]; /* what was said since forget_log */

/* ---- an encoder that knows nothing ------------------------------------------------------------------------------- */

static const el_model_config CONFIG = {.vocab_size = SPECIALS + WORDS,
                                       .embedding_size = 16,
                                       .hidden_size = 32,
                                       .n_layers = 2,
                                       .n_heads = 2,
                                       .intermediate_size = 64,
                                       .activation = EL_ACT_GELU,
                                       .max_positions = 48,
                                       .n_types = 2,
                                       .initializer_range = 0.1,
                                       .layer_norm_eps = 1e-12};

/* "wa" ... "wx" */
static const char *word(uint64_t i)
{
    static char words[WORDS][4];
    snprintf(words[i], sizeof words[i], "w%c", (char)('a' + i));
    return words[i];
}

static void write_encoder(const char *folder)
{
    const char *tokens[SPECIALS + WORDS] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (size_t i = 0; i < WORDS; i++) {
        tokens[SPECIALS + i] = word(i);
    }
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    electra_tokenizer *tokenizer = NULL;
    assert_int_equal(el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL), ELECTRA_OK);
    assert_int_equal(el_params_build_single(&params, &network, &CONFIG, &(el_head_config){.kind = EL_HEAD_NONE}, NULL),
                     ELECTRA_OK);
    assert_int_equal(electra_tokenizer_create(&tokenizer, tokens, SPECIALS + WORDS, NULL, NULL), ELECTRA_OK);
    el_weights w = el_weights_of(be, &params, be->ops->alloc(be, params.elements * be->element_size));
    assert_int_equal(el_params_initialise(&params, be, w.data, 5, NULL), ELECTRA_OK);
    assert_int_equal(el_model_dir_write(folder, &network, NULL, w, tokenizer, NULL), ELECTRA_OK);
    be->ops->free(be, w.data);
    el_params_clear(&params);
    el_backend_free(be);
    electra_tokenizer_free(tokenizer);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

/* Texts of random words among which "wa" says what is right; how each kind writes that down is the writer's. */
typedef void write_row(FILE *file, el_rng_stream *random, size_t row);

static const char *texts(el_rng_stream *random, size_t n, bool with_wa)
{
    static char text[256];
    text[0] = '\0';
    const uint64_t at = el_rng_below(random, n);
    for (size_t i = 0; i < n; i++) {
        const char *next = with_wa && i == at ? word(0) : word(1 + el_rng_below(random, WORDS - 1));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", next);
    }
    return text;
}

static void class_row(FILE *file, el_rng_stream *random, size_t row)
{
    fprintf(file, "%s%s\t%s\n", row ? "" : "text\tlabel\n", texts(random, 3 + el_rng_below(random, 8), row % 2 == 0),
            row % 2 == 0 ? "yes" : "no");
}

static void labels_row(FILE *file, el_rng_stream *random, size_t row)
{
    const char *text = texts(random, 3 + el_rng_below(random, 8), row % 2 == 0);
    fprintf(file, "%s%s%s\t%s%s\n", row ? "" : "text\tlabel\n", text, row % 3 == 0 ? " wx wx" : "",
            row % 2 == 0 ? "first" : "", row % 3 == 0 ? row % 2 == 0 ? ",second" : "second" : "");
}

static void number_row(FILE *file, el_rng_stream *random, size_t row)
{
    fprintf(file, "%s%s\t%s\n", row ? "" : "text\tlabel\n", texts(random, 3 + el_rng_below(random, 8), row % 2 == 0),
            row % 2 == 0 ? "17.5" : "12.5");
}

static void tag_row(FILE *file, el_rng_stream *random, size_t row)
{
    (void)row;
    const size_t n = 3 + el_rng_below(random, 8);
    for (size_t i = 0; i < n; i++) {
        const uint64_t w = el_rng_below(random, WORDS);
        fprintf(file, "%s %s\n", word(w), w < 6 ? "B-X" : w < 12 ? "B-Y" : "O");
    }
    fputc('\n', file);
}

/* Labels that make no spans. */
static void word_row(FILE *file, el_rng_stream *random, size_t row)
{
    (void)row;
    for (size_t i = 0; i < 6; i++) {
        const uint64_t w = el_rng_below(random, WORDS);
        fprintf(file, "%s %s\n", word(w), w < 8 ? "NOUN" : w < 16 ? "VERB" : "X");
    }
    fputc('\n', file);
}

static void small_number_row(FILE *file, el_rng_stream *random, size_t row)
{
    fprintf(file, "%s%s\t%s\n", row ? "" : "text\tlabel\n", texts(random, 5, row % 2 == 0),
            row % 2 == 0 ? "0.00075" : "0.00025");
}

static void choice_row(FILE *file, el_rng_stream *random, size_t row)
{
    const bool first = row % 2 == 0;
    fprintf(file, "{\"prompt\":\"%s\",\"choices\":[\"%s\",", texts(random, 2, false), texts(random, 3, first));
    fprintf(file, "\"%s\"],\"label\":%d}\n", texts(random, 3, !first), first ? 0 : 1);
}

static void write_text(const char *name, const char *text)
{
    (void)test_write_text(root, name, text);
}

static void write_task(const char *name, write_row *writer, size_t n, uint64_t seed)
{
    FILE *file = fopen(test_path(root, name), "w");
    el_rng_stream random = {.key = seed};
    assert_non_null(file);
    for (size_t row = 0; row < n; row++) {
        writer(file, &random, row);
    }
    assert_int_equal(fclose(file), 0);
}

/* The answer to any question is the only word "wa" and the one behind it. */
static void write_questions(const char *name, size_t n, uint64_t seed, bool impossible)
{
    FILE *file = fopen(test_path(root, name), "w");
    el_rng_stream random = {.key = seed};
    assert_non_null(file);
    fputs("{\"version\":\"x\",\"data\":[", file);
    for (size_t i = 0; i < n; i++) {
        const bool none = impossible && i % 3 == 0;
        const char *context = texts(&random, 8, !none);
        const char *found = strstr(context, "wa");
        const size_t length = found && found[2] ? 5 : 2;
        fprintf(file, "%s{\"title\":\"t\",\"paragraphs\":[{\"context\":\"%s\",\"qas\":[{\"id\":\"q%zu\",", i ? "," : "",
                context, i);
        fprintf(file, "\"question\":\"wb wc\",\"is_impossible\":%s,\"answers\":[", none ? "true" : "false");
        if (!none) {
            fprintf(file, "{\"text\":\"%.*s\",\"answer_start\":%td}", (int)length, found, found - context);
        }
        fputs("]}]}]}", file);
    }
    fputs("]}\n", file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    assert_int_equal(test_folder_setup(state), 0);
    root = *state;
    write_encoder(test_path(root, "encoder"));
    write_task("class-train.tsv", class_row, TRAIN, 1);
    write_task("class-dev.tsv", class_row, DEV, 2);
    write_task("labels-train.tsv", labels_row, TRAIN, 3);
    write_task("labels-dev.tsv", labels_row, DEV, 4);
    write_task("number-train.tsv", number_row, TRAIN, 5);
    write_task("number-dev.tsv", number_row, DEV, 6);
    write_task("tag-train.conll", tag_row, TRAIN, 7);
    write_task("tag-dev.conll", tag_row, DEV, 8);
    write_task("choice-train.jsonl", choice_row, TRAIN, 9);
    write_task("choice-dev.jsonl", choice_row, DEV, 10);
    write_task("word-train.conll", word_row, TRAIN, 13);
    write_task("word-dev.conll", word_row, DEV, 14);
    write_task("small-train.tsv", small_number_row, TRAIN, 15);
    write_task("small-dev.tsv", small_number_row, DEV, 16);
    write_questions("qa-train.json", TRAIN, 11, true);
    write_questions("qa-dev.json", DEV, 12, true);
    return 0;
}

/* ---- running it -------------------------------------------------------------------------------------------------- */

static void take_log(void *user, electra_log_level level, const char *line)
{
    (void)user;
    (void)level;
    snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", line);
}

/* A run that a small encoder learns something in. */
static electra_finetune_options options_for(const char *train, const char *dev, const char *output)
{
    logged[0] = '\0';
    electra_finetune_options o = electra_finetune_options_default();
    o.runtime.threads = 1;
    o.runtime.log = take_log;
    o.model = test_path(root, "encoder");
    o.data.train = test_path(root, train);
    o.data.dev = dev ? test_path(root, dev) : NULL;
    o.output = test_path(root, output);
    o.learning_rate = 3e-3;
    o.layer_decay = 1;
    o.dropout = 0.05;
    o.epochs = 8;
    o.batch = 16;
    return o;
}

static electra_finetune_result must_run(const electra_finetune_options *o)
{
    electra_error err = {0};
    electra_finetune_result result;
    if (electra_finetune(o, &result, &err) != ELECTRA_OK) {
        fail_msg("%s: %s", err.where, err.message);
    }
    assert_true(result.finished);
    return result;
}

static void must_refuse(const electra_finetune_options *o, electra_status status, const char *words)
{
    electra_error err = {0};
    const electra_status got = electra_finetune(o, NULL, &err);
    if (got != status || !strstr(err.message, words)) {
        fail_msg("%d, expected %d with \"%s\": %s", (int)got, (int)status, words, err.message);
    }
}

static void assert_same_file(const char *a, const char *b)
{
    size_t n, m;
    char *x = test_read(test_path(root, a), &n);
    char *y = test_read(test_path(root, b), &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void assert_same_runs(const char *a, const char *b)
{
    static const char *const FILES[] = {"model.safetensors", "config.json", "predictions.jsonl"};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char x[128], y[128];
        snprintf(x, sizeof x, "%s/%s", a, FILES[i]);
        snprintf(y, sizeof y, "%s/%s", b, FILES[i]);
        assert_same_file(x, y);
    }
}

static double score_of(const electra_scores *scores, const char *name)
{
    for (size_t i = 0; i < scores->n; i++) {
        if (strcmp(scores->list[i].name, name) == 0) {
            return scores->list[i].value;
        }
    }
    fail_msg("there is no %s", name);
    return 0;
}

static electra_scores evaluate(const char *model, const electra_task_data *data, double threshold)
{
    electra_evaluate_options o = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    o.runtime.threads = 1;
    o.runtime.log = take_log;
    o.model = test_path(root, model);
    o.data = *data;
    o.null_threshold = threshold;
    if (electra_evaluate(&o, &scores, &err) != ELECTRA_OK) {
        fail_msg("%s: %s", err.where, err.message);
    }
    return scores;
}

static double score_by_itself(const char *model, const char *dev, const char *metric)
{
    electra_task_data data = electra_evaluate_options_default().data;
    data.dev = dev ? test_path(root, dev) : NULL;
    const electra_scores scores = evaluate(model, &data, (double)NAN);
    assert_string_equal(scores.list[0].name, metric);
    return scores.list[0].value;
}

static json_t *results_of(const char *folder)
{
    char name[128];
    json_t *json = NULL;
    snprintf(name, sizeof name, "%s/results.json", folder);
    assert_int_equal(el_json_load(&json, test_path(root, name), NULL), ELECTRA_OK);
    return json;
}

static double loss_of_best(const char *folder)
{
    json_t *results = results_of(folder);
    const json_t *trial = json_array_get(json_object_get(results, "trials"), 0);
    const double loss = json_number_value(json_object_get(json_object_get(trial, "dev"), "loss"));
    json_decref(results);
    return loss;
}

/* Element of "classes" or the like, of a label. */
static json_int_t count_of(const char *folder, const char *member, const char *label, const char *count)
{
    json_t *results = results_of(folder);
    const json_t *one = json_object_get(json_object_get(json_object_get(results, member), label), count);
    assert_true(json_is_integer(one));
    const json_int_t n = json_integer_value(one);
    json_decref(results);
    return n;
}

/* Name of a class of the confusion matrix. */
static void assert_class(const char *folder, size_t i, const char *name)
{
    json_t *results = results_of(folder);
    const json_t *labels = json_object_get(json_object_get(results, "confusion"), "labels");
    assert_string_equal(json_string_value(json_array_get(labels, i)), name);
    json_decref(results);
}

/* ---- every kind -------------------------------------------------------------------------------------------------- */

/* It is learned; the model that is left behind has the score that was said; nothing else is left. */
static void check_kind(const electra_finetune_options *o, const char *output, const char *metric, double least)
{
    const electra_finetune_result result = must_run(o);
    assert_string_equal(result.tasks[0].metric, metric);
    if (!(result.tasks[0].best >= least)) {
        fail_msg("%s: %s %.4f, expected %.2f\n%s", output, metric, result.tasks[0].best, least, logged);
    }
    assert_int_equal(result.tasks[0].collapsed, 0);
    electra_task_data data = o->data;
    data.train = NULL;
    const electra_scores scores = evaluate(output, &data, (double)NAN);
    assert_string_equal(scores.list[0].name, metric);
    /* the saved head speaks in the file's numbers, so answers that differ by rounding alone may change places: a pair
     * of neighbours among 100 moves Spearman's coefficient by 12 / (100^3 - 100) */
    const double slack = strcmp(metric, "spearman") == 0 ? 1.3e-5 : 1e-6;
    assert_true(fabs(scores.list[0].value - result.tasks[0].best) < slack);
    assert_true(fabs(score_by_itself(output, NULL, metric) - scores.list[0].value) < 1e-9);
    assert_null(strstr(logged, "these are not the dev examples"));
    char name[128];
    snprintf(name, sizeof name, "%s/current", output);
    assert_false(el_is_folder(test_path(root, name)));
    snprintf(name, sizeof name, "%s/checkpoints", output);
    assert_false(el_is_folder(test_path(root, name)));
}

static void classes(void **state)
{
    (void)state;
    const electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "class");
    check_kind(&o, "class", "accuracy", 0.95);
    assert_non_null(strstr(logged, "no 50.0 %, yes 50.0 %"));
    json_t *results = results_of("class");
    const json_t *counts = json_object_get(json_object_get(results, "confusion"), "counts");
    json_int_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        sum += json_integer_value(json_array_get(json_array_get(counts, i / 2), i % 2));
    }
    assert_int_equal(sum, DEV);
    json_decref(results);
}

static void several_labels(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("labels-train.tsv", "labels-dev.tsv", "labels");
    o.data.kind = ELECTRA_TASK_MULTILABEL;
    check_kind(&o, "labels", "micro_f1", 0.9);
    assert_int_equal(count_of("labels", "classes", "first", "gold"), DEV / 2);
    assert_true(count_of("labels", "classes", "first", "right") > DEV / 3);
}

/* The head learns (x - mean) / deviation; the model that is left behind speaks in the file's numbers. */
static void numbers(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("number-train.tsv", "number-dev.tsv", "number");
    o.data.kind = ELECTRA_TASK_REGRESS;
    check_kind(&o, "number", "spearman", 0.8);
    electra_task_data data = o.data;
    data.train = NULL;
    const electra_scores scores = evaluate("number", &data, (double)NAN);
    assert_true(score_of(&scores, "mean_squared_error") < 2);
}

static void tags(void **state)
{
    (void)state;
    const electra_finetune_options o = options_for("tag-train.conll", "tag-dev.conll", "tag");
    check_kind(&o, "tag", "f1", 0.95);
    assert_true(count_of("tag", "types", "X", "right") > DEV);
}

static void tags_without_spans(void **state)
{
    (void)state;
    const electra_finetune_options o = options_for("word-train.conll", "word-dev.conll", "word");
    check_kind(&o, "word", "accuracy", 0.95);
    assert_class("word", 2, "X");
}

static void choices(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("choice-train.jsonl", "choice-dev.jsonl", "choice");
    o.data.kind = ELECTRA_TASK_CHOICE;
    check_kind(&o, "choice", "accuracy", 0.9);
    assert_class("choice", 1, "1");
}

static void questions(void **state)
{
    (void)state;
    static const char *const OUTPUTS[] = {"qa-spans", "qa-joint"};
    for (int head = ELECTRA_QA_SPANS; head <= ELECTRA_QA_JOINT; head++) {
        electra_finetune_options o = options_for("qa-train.json", "qa-dev.json", OUTPUTS[head]);
        o.data.kind = ELECTRA_TASK_ANSWER;
        o.qa_head = head;
        o.epochs = 12;
        check_kind(&o, OUTPUTS[head], "f1", 0.75);
    }
}

/* ---- the same whatever happens ----------------------------------------------------------------------------------- */

static void threads_change_nothing(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "one-thread");
    o.epochs = 2;
    (void)must_run(&o);
    o.output = test_path(root, "two-threads");
    o.runtime.threads = 2;
    (void)must_run(&o);
    assert_same_runs("one-thread", "two-threads");
}

static void read_weights(const char *model, float **out, size_t *n)
{
    char name[128];
    size_t bytes;
    snprintf(name, sizeof name, "%s/model.safetensors", model);
    char *all = test_read(test_path(root, name), &bytes);
    uint64_t header;
    memcpy(&header, all, sizeof header);
    *n = (bytes - 8 - header) / sizeof **out;
    *out = malloc(*n * sizeof **out);
    assert_non_null(*out);
    memcpy(*out, all + 8 + header, *n * sizeof **out);
    free(all);
}

static void micro_batches_change_rounding_only(void **state)
{
    (void)state;
    static const char *const TASKS[][2] = {{"class-train.tsv", "class-dev.tsv"}, {"tag-train.conll", "tag-dev.conll"}};
    for (size_t i = 0; i < 2; i++) {
        electra_finetune_options o = options_for(TASKS[i][0], TASKS[i][1], i ? "whole-tag" : "whole");
        o.steps = 12;
        o.epochs = -1;
        (void)must_run(&o);
        o.output = test_path(root, i ? "pieces-tag" : "pieces");
        o.micro_batch = 3;
        (void)must_run(&o);
        float *a, *b;
        size_t n, m;
        read_weights(i ? "whole-tag" : "whole", &a, &n);
        read_weights(i ? "pieces-tag" : "pieces", &b, &m);
        assert_int_equal(n, m);
        double worst = 0;
        for (size_t k = 0; k < n; k++) {
            worst = fmax(worst, fabs((double)a[k] - (double)b[k]));
        }
        assert_true(worst < 2e-4);
        free(a);
        free(b);
    }
}

#define SHORT                                                                                                          \
    "finetune --model encoder --train class-train.tsv --dev class-dev.tsv --epochs 3 --trials 2 --batch 16 "           \
    "--save-every 7 --threads 1 --output "

static void killed_at_any_moment(void **state)
{
    (void)state;
    const char *said;
    assert_int_equal(test_program_finish(test_program_start(TEST_PROGRAM, root, SHORT "reference"), root, &said), 0);
    el_rng_stream random = {.key = (uint64_t)time(NULL)};
    print_message("seed of the moments: %llu\n", (unsigned long long)random.key);
    int kills = 0;
    for (int runs = 0; kills < 15 && runs < 300; runs++) {
        (void)el_remove_tree(test_path(root, "killed"), NULL);
        int code = 1;
        while (code != 0) {
            const pid_t child = test_program_start(TEST_PROGRAM, root, SHORT "killed");
            test_pause_ms((long)el_rng_below(&random, 40 + 20 * (uint64_t)kills));
            assert_int_equal(kill(child, SIGKILL), 0);
            code = test_program_finish(child, root, &said);
            if (code != 0 && code != 1000 + SIGKILL) {
                fail_msg("exit %d: %s", code, said);
            }
            kills += code != 0;
            if (kills >= 15 && code != 0) {
                assert_int_equal(
                    test_program_finish(test_program_start(TEST_PROGRAM, root, SHORT "killed"), root, &said), 0);
                code = 0;
            }
        }
        assert_same_runs("reference", "killed");
        json_t *a = results_of("reference");
        json_t *b = results_of("killed");
        assert_true(json_equal(json_object_get(a, "mean"), json_object_get(b, "mean")));
        assert_true(json_equal(json_object_get(a, "confusion"), json_object_get(b, "confusion")));
        json_decref(a);
        json_decref(b);
    }
    print_message("killed %d times\n", kills);
    assert_true(kills >= 15);
}

typedef struct stopper {
    size_t calls, at;
} stopper;

static bool stop_at(void *user, const electra_progress *progress)
{
    stopper *s = user;
    (void)progress;
    return ++s->calls == s->at;
}

static void interrupted(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("tag-train.conll", "tag-dev.conll", "through");
    o.epochs = 2;
    (void)must_run(&o);
    o.output = test_path(root, "stopped");
    stopper s = {.at = 13};
    o.runtime.progress = stop_at;
    o.runtime.progress_user = &s;
    must_refuse(&o, ELECTRA_INTERRUPTED, "the same command goes on");
    assert_false(el_is_file(test_path(root, "stopped/model.safetensors")));
    electra_finetune_result seen;
    assert_int_equal(electra_finetune_describe(o.output, &seen, NULL), ELECTRA_OK);
    assert_false(seen.finished);
    assert_int_equal(seen.n_tasks, 0);
    electra_finetune_standing standing;
    assert_int_equal(electra_finetune_stand(o.output, &standing, NULL), ELECTRA_OK);
    assert_int_equal(standing.trial, 1);
    assert_int_equal(standing.trials, 1);
    assert_true(standing.step > 0 && standing.step <= 13 && standing.steps >= 13);
    assert_true(standing.n_tasks <= 1 && (standing.n_tasks == 1) == (standing.weights[0] != '\0'));
    const electra_finetune_result result = must_run(&o);
    assert_true(result.tasks[0].means.n > 1 && result.tasks[0].deviations.n == result.tasks[0].means.n);
    assert_string_equal(result.tasks[0].means.list[0].name, result.tasks[0].metric);
    assert_true(result.tasks[0].means.list[0].value == result.tasks[0].mean);
    assert_true(isnan(result.tasks[0].deviations.list[0].value)); /* of one trial */
    assert_int_equal(electra_finetune_describe(o.output, &seen, NULL), ELECTRA_OK);
    assert_true(seen.finished);
    assert_memory_equal(&seen.tasks[0].best, &result.tasks[0].best, sizeof(double));
    assert_int_equal(electra_finetune_describe(test_path(root, "encoder"), &seen, NULL), ELECTRA_INVALID);
    assert_int_equal(electra_finetune_stand(test_path(root, "encoder"), &standing, NULL), ELECTRA_INVALID);
    assert_non_null(strstr(logged, "going on in trial 1 after step 12"));
    assert_same_runs("through", "stopped");
}

static bool stop_evaluating(void *user, const electra_progress *progress)
{
    stopper *s = user;
    return strcmp(progress->stage, "evaluating") == 0 && ++s->calls == s->at;
}

/* Ctrl-C is obeyed within an evaluation, which is made again from its beginning: in the middle of a trial, and the one
 * that ends it. */
static void interrupted_while_it_evaluates(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("tag-train.conll", "tag-train.conll", "evaluated");
    o.epochs = 2;
    stopper all = {.at = SIZE_MAX}, s = {.at = 1};
    o.runtime.progress = stop_evaluating;
    o.runtime.progress_user = &all;
    (void)must_run(&o);
    assert_true(all.calls >= 2);
    o.output = test_path(root, "evaluated-twice");
    o.runtime.progress_user = &s;
    must_refuse(&o, ELECTRA_INTERRUPTED, "the same command goes on");
    s = (stopper){.at = 1}; /* the same evaluation again */
    must_refuse(&o, ELECTRA_INTERRUPTED, "the same command goes on");
    s = (stopper){.at = all.calls / 2 + 1}; /* the second and last one */
    must_refuse(&o, ELECTRA_INTERRUPTED, "the same command goes on");
    assert_false(el_is_file(test_path(root, "evaluated-twice/model.safetensors")));
    s = (stopper){.at = SIZE_MAX};
    (void)must_run(&o);
    assert_same_runs("evaluated", "evaluated-twice");
}

/* As if it was killed when a trial's best weights had changed places with those in "best" (in the first trial there are
 * none), and the trial's line in results.json was not yet written. */
static void killed_at_the_end_of_a_trial(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "undisturbed");
    o.epochs = 2;
    o.eval_every = 3;
    o.trials = 2;
    (void)must_run(&o);
    json_t *reference = results_of("undisturbed");
    const size_t steps =
        (size_t)json_integer_value(json_object_get(json_array_get(json_object_get(reference, "trials"), 0), "steps"));
    for (size_t trial = 0; trial < 2; trial++) {
        o.output = test_path(root, trial ? "exchanged" : "moved");
        stopper s = {.at = trial * (steps + 1) + steps};
        o.runtime.progress = stop_at;
        o.runtime.progress_user = &s;
        must_refuse(&o, ELECTRA_INTERRUPTED, "the same command goes on");
        char current[512], best[512], aside[512];
        snprintf(current, sizeof current, "%s/current", o.output);
        snprintf(best, sizeof best, "%s/best", o.output);
        snprintf(aside, sizeof aside, "%s/aside", o.output);
        assert_int_equal(rename(current, aside), 0);
        assert_int_equal(rename(best, current) == 0, trial > 0);
        assert_int_equal(rename(aside, best), 0);
        (void)must_run(&o);
        assert_same_runs("undisturbed", trial ? "exchanged" : "moved");
        json_t *results = results_of(trial ? "exchanged" : "moved");
        assert_true(json_equal(json_object_get(reference, "mean"), json_object_get(results, "mean")));
        json_decref(results);
    }
    json_decref(reference);
}

/* ---- trials ------------------------------------------------------------------------------------------------------ */

static void trials(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "three");
    o.epochs = 2;
    o.trials = 3;
    const electra_finetune_result three = must_run(&o);
    assert_int_equal(three.tasks[0].n, 3);
    assert_true(three.tasks[0].deviation >= 0);
    json_t *results = results_of("three");
    const json_t *list = json_object_get(results, "trials");
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *trial = json_array_get(list, i);
        assert_int_equal(json_integer_value(json_object_get(trial, "seed")), 42 + (json_int_t)i);
        sum += json_number_value(json_object_get(json_object_get(trial, "dev"), "accuracy"));
    }
    assert_true(fabs(sum / 3 - three.tasks[0].mean) < 1e-6);
    json_decref(results);

    /* one more trial at a time comes to the same */
    o.output = test_path(root, "one-by-one");
    for (o.trials = 1; o.trials <= 3; o.trials++) {
        (void)must_run(&o);
    }
    assert_same_runs("three", "one-by-one");
    o.trials = 3;
    assert_true(must_run(&o).was_finished);

    /* a trial is a run with its seed */
    o.output = test_path(root, "second-seed");
    o.trials = 1;
    o.seed = 43;
    (void)must_run(&o);
    json_t *second = results_of("second-seed");
    results = results_of("three");
    assert_true(json_equal(json_object_get(json_array_get(json_object_get(second, "trials"), 0), "dev"),
                           json_object_get(json_array_get(json_object_get(results, "trials"), 1), "dev")));
    json_decref(second);
    json_decref(results);
}

static void patience(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "patient");
    o.epochs = 50;
    o.patience = 2;
    (void)must_run(&o);
    assert_non_null(strstr(logged, "no better score in 2 evaluations"));
}

static void a_collapse_is_told(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "collapsed");
    o.learning_rate = 1e-9;
    o.epochs = 0.1;
    const electra_finetune_result result = must_run(&o);
    assert_int_equal(result.tasks[0].collapsed, 1);
    assert_non_null(strstr(logged, "own: the run collapsed"));
}

/* What one number for everything is depends on how far the right ones are apart. */
static void small_numbers_are_no_collapse(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("small-train.tsv", "small-dev.tsv", "small");
    o.data.kind = ELECTRA_TASK_REGRESS;
    const electra_finetune_result result = must_run(&o);
    assert_true(result.tasks[0].best > 0.8);
    assert_int_equal(result.tasks[0].collapsed, 0);
    write_text("one-text.tsv", "text\tlabel\nwa\t10\nwa\t20\nwa\t30\nwa\t40\n"); /* what can be said of it? */
    o = options_for("one-text.tsv", "one-text.tsv", "one-number");
    o.data.kind = ELECTRA_TASK_REGRESS;
    assert_int_equal(must_run(&o).tasks[0].collapsed, 1);
}

static void nothing_held_out(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", NULL, "blind");
    o.epochs = 1;
    o.data.dev_share = 0;
    const electra_finetune_result result = must_run(&o);
    assert_true(isnan(result.tasks[0].mean));
    assert_true(el_is_file(test_path(root, "blind/model.safetensors")));
    electra_evaluate_options asked = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    asked.model = o.output;
    assert_int_equal(electra_evaluate(&asked, &scores, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "had no examples to score it with (dev_share was 0): name them, --dev FILE"));
    assert_true(score_by_itself("blind", "class-dev.tsv", "accuracy") >= 0);
}

/* What a run held out is scored again, not what it was trained on. */
static void check_held_out(const electra_finetune_options *o, const char *output, const char *metric, const char *words)
{
    const electra_finetune_result result = must_run(o);
    assert_non_null(strstr(logged, " training examples are held out"));
    electra_task_data data = electra_evaluate_options_default().data;
    logged[0] = '\0';
    const electra_scores scores = evaluate(output, &data, (double)NAN);
    assert_string_equal(scores.list[0].name, metric);
    assert_true(fabs(scores.list[0].value - result.tasks[0].best) < 1.3e-5);
    if (!strstr(logged, words) || strstr(logged, "these are not the dev examples")) {
        fail_msg("%s: %s", output, logged);
    }
}

static void held_out_examples_are_scored_again(void **state)
{
    (void)state;
    static const struct {
        const char *train, *output;
        int kind;
        const char *metric;
    } ALL[] = {{"class-train.tsv", "held-class", -1, "accuracy"},
               {"labels-train.tsv", "held-labels", ELECTRA_TASK_MULTILABEL, "micro_f1"},
               {"number-train.tsv", "held-number", ELECTRA_TASK_REGRESS, "spearman"},
               {"tag-train.conll", "held-tag", -1, "f1"},
               {"choice-train.jsonl", "held-choice", ELECTRA_TASK_CHOICE, "accuracy"},
               {"qa-train.json", "held-qa", -1, "f1"}};
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        electra_finetune_options o = options_for(ALL[i].train, NULL, ALL[i].output);
        o.data.kind = ALL[i].kind;
        o.data.dev_share = 0.2;
        o.seed = 7;
        o.epochs = 2;
        check_held_out(&o, ALL[i].output, ALL[i].metric,
                       "the run had no dev file; what is scored are the 48 of 240 training examples that it held out");
    }
    /* rows that training passed over are passed over again: the labels were told */
    electra_finetune_options o = options_for("three-train.tsv", NULL, "held-told");
    FILE *file = fopen(test_path(root, "three-train.tsv"), "w");
    el_rng_stream random = {.key = 31};
    for (size_t row = 0; row < 90; row++) {
        class_row(file, &random, row);
        fprintf(file, "%s", row % 3 == 0 ? "wa we\tperhaps\n" : "");
    }
    fclose(file);
    o.data.labels = "yes,no";
    o.epochs = 1;
    check_held_out(&o, "held-told", "accuracy", "the 9 of 90 training examples");
    write_text("three-train.tsv", "text\tlabel\nwa wb\tyes\nwa wc\tyes\nwb wc\tno\nwb wd\tno\n");
    assert_true(score_by_itself("held-told", NULL, "accuracy") >= 0);
    assert_non_null(strstr(logged, "these are not the dev examples that the run had"));

    write_text("class-changed.tsv", "text\tlabel\nwa wb\tyes\nwb wc\tno\nwc wd\tno\nwc wf\tyes\n");
    o = options_for("class-changed.tsv", NULL, "held-changed");
    o.epochs = 1;
    (void)must_run(&o);
    write_text("class-changed.tsv", "text\tlabel\nwa wb\tyes\nwb wc\tperhaps\nwc wd\tno\n");
    electra_evaluate_options asked = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    asked.model = o.output;
    assert_int_equal(electra_evaluate(&asked, &scores, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "its labels are not those of the model"));
}

/* ---- heads that are gone on with --------------------------------------------------------------------------------- */

static void a_head_is_gone_on_with(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("number-train.tsv", "number-dev.tsv", "head");
    o.data.kind = ELECTRA_TASK_REGRESS;
    (void)must_run(&o);
    o = options_for("number-train.tsv", "number-dev.tsv", "head-again");
    o.data.kind = ELECTRA_TASK_REGRESS;
    o.model = test_path(root, "head");
    o.steps = 1; /* its rate is 0 */
    o.epochs = -1;
    const electra_finetune_result again = must_run(&o);
    assert_non_null(strstr(logged, "which is gone on with"));
    electra_task_data data = o.data;
    data.train = NULL;
    const electra_scores scores = evaluate("head", &data, (double)NAN);
    assert_true(fabs(again.tasks[0].best - scores.list[0].value) < 1e-3);
}

/* ---- published tasks --------------------------------------------------------------------------------------------- */

static void write_pairs(const char *name, const char *header, const char *yes, const char *no, size_t n, uint64_t seed)
{
    FILE *file = fopen(test_write_text(root, name, ""), "w");
    el_rng_stream random = {.key = seed};
    assert_non_null(file);
    fputs(header, file);
    for (size_t i = 0; i < n; i++) {
        fprintf(file, "%zu\t%s", i, texts(&random, 4, i % 2 == 0));
        fprintf(file, "\t%s%s%s\n", texts(&random, 4, false), yes ? "\t" : "", !yes ? "" : i % 2 == 0 ? yes : no);
    }
    assert_int_equal(fclose(file), 0);
}

static void several_tasks(void **state)
{
    (void)state;
    static const char HEADER[] = "index\tsentence1\tsentence2\tlabel\n";
    write_pairs("glue/RTE/train.tsv", HEADER, "entailment", "not_entailment", TRAIN, 21);
    write_pairs("glue/RTE/dev.tsv", HEADER, "entailment", "not_entailment", DEV, 22);
    write_pairs("glue/RTE/test.tsv", "index\tsentence1\tsentence2\n", NULL, NULL, 7, 23);
    write_pairs("glue/WNLI/train.tsv", HEADER, "0", "1", TRAIN, 24);
    write_pairs("glue/WNLI/dev.tsv", HEADER, "0", "1", DEV, 25);
    write_pairs("glue/WNLI/test.tsv", "index\tsentence1\tsentence2\n", NULL, NULL, 5, 26);
    electra_finetune_options o = options_for("x", NULL, "both");
    o.data.train = NULL;
    o.data.task = "rte,wnli";
    o.data.folder = test_path(root, "glue");
    o.submission = test_path(root, "submission");
    const electra_finetune_result result = must_run(&o);
    assert_int_equal(result.n_tasks, 2);
    assert_true(result.tasks[0].best > 0.9 && result.tasks[1].best > 0.9);
    electra_task_data data = o.data;
    data.task = "wnli";
    const electra_scores scores = evaluate("both/wnli", &data, (double)NAN);
    assert_true(fabs(scores.list[0].value - result.tasks[1].best) < 1e-6);

    size_t bytes;
    char *rte = test_read(test_path(root, "submission/RTE.tsv"), &bytes);
    assert_int_equal(strncmp(rte, "index\tprediction\n0\tentailment\n1\tnot_entailment\n", 47), 0);
    free(rte);
    assert_true(el_is_file(test_path(root, "submission/WNLI.tsv")));

    o.submission = test_path(root, "submitted-later"); /* the run is finished; the predictions are made all the same */
    assert_true(must_run(&o).was_finished);
    assert_same_file("submission/RTE.tsv", "submitted-later/RTE.tsv");
    assert_same_file("submission/WNLI.tsv", "submitted-later/WNLI.tsv");
}

static void all_collapsed_tasks_are_named(void **state)
{
    (void)state;
    static const char ROWS[] = "index\tsentence1\tsentence2\tlabel\n0\twa\twb\t%s\n1\twa\twb\t%s\n";
    static const struct {
        const char *file, *labels[2];
    } FILES[] = {{"flat/RTE/train.tsv", {"entailment", "not_entailment"}},
                 {"flat/RTE/dev.tsv", {"entailment", "not_entailment"}},
                 {"flat/WNLI/train.tsv", {"0", "1"}},
                 {"flat/WNLI/dev.tsv", {"0", "1"}}};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char text[sizeof ROWS + 40];
        snprintf(text, sizeof text, ROWS, FILES[i].labels[0], FILES[i].labels[1]);
        write_text(FILES[i].file, text);
    }
    electra_finetune_options o = options_for("x", NULL, "both-collapsed");
    o.data.train = NULL;
    o.data.task = "rte,wnli";
    o.data.folder = test_path(root, "flat");
    o.epochs = 1;
    (void)must_run(&o);
    assert_non_null(strstr(logged, "rte, wnli: the run collapsed"));
}

/* GLUE wants three files of a model of MNLI. */
static void mnli_answers_all_its_tests(void **state)
{
    (void)state;
    static const char HEADER[] = "index\tsentence1\tsentence2\tgold_label\n";
    static const char TEST_HEADER[] = "index\tsentence1\tsentence2\n";
    write_pairs("glue/MNLI/train.tsv", HEADER, "entailment", "neutral", 32, 31);
    write_pairs("glue/MNLI/dev_matched.tsv", HEADER, "entailment", "neutral", 8, 32);
    write_pairs("glue/MNLI/test_matched.tsv", TEST_HEADER, NULL, NULL, 3, 33);
    write_pairs("glue/MNLI/test_mismatched.tsv", TEST_HEADER, NULL, NULL, 4, 34);
    electra_finetune_options o = options_for("x", NULL, "mnli");
    o.data.train = NULL;
    o.data.task = "mnli";
    o.data.folder = test_path(root, "glue");
    o.submission = test_path(root, "mnli-submission");
    o.epochs = 1;
    (void)must_run(&o);
    assert_true(el_is_file(test_path(root, "mnli-submission/MNLI-m.tsv")));
    assert_true(el_is_file(test_path(root, "mnli-submission/MNLI-mm.tsv")));
    assert_false(el_is_file(test_path(root, "mnli-submission/AX.tsv"))); /* its test file is not there */
    write_pairs("glue/MNLI/diagnostic.tsv", TEST_HEADER, NULL, NULL, 5, 35);
    assert_true(must_run(&o).was_finished);
    size_t bytes;
    char *answers = test_read(test_path(root, "mnli-submission/AX.tsv"), &bytes);
    assert_non_null(strstr(answers, "\n4\t"));
    free(answers);
}

/* The released system's folder of that name holds the newer task. */
static void the_other_squad_is_noticed(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("qa-train.json", "qa-dev.json", "squad1");
    o.data.task = "squad";
    o.epochs = 0.1;
    (void)must_run(&o);
    assert_non_null(strstr(logged, "Of SQuAD 2.0 the task is squad2"));
    o = options_for("qa-train.json", "qa-dev.json", "squad2");
    o.data.task = "squad2";
    o.epochs = 0.1;
    (void)must_run(&o);
    assert_null(strstr(logged, "the task is squad2"));
}

/* Of a published task, alone and among several, and with a file of the caller's. */
static void held_out_examples_of_a_task_are_scored_again(void **state)
{
    (void)state;
    static const char HEADER[] = "index\tsentence1\tsentence2\tlabel\n";
    write_pairs("half/RTE/train.tsv", HEADER, "entailment", "not_entailment", TRAIN, 41);
    write_pairs("half/WNLI/train.tsv", HEADER, "0", "1", TRAIN, 42);
    write_pairs("half/WNLI/dev.tsv", HEADER, "0", "1", DEV, 43);
    electra_finetune_options o = options_for("x", NULL, "half-rte");
    o.data.train = NULL;
    o.data.task = "rte";
    o.data.folder = test_path(root, "half");
    o.epochs = 2;
    check_held_out(&o, "half-rte", "accuracy", "rte: the run had no dev file; what is scored are the 24 of 240");
    o.output = test_path(root, "half-own");
    o.data.folder = NULL;
    o.data.train = test_path(root, "half/RTE/train.tsv");
    check_held_out(&o, "half-own", "accuracy", "the 24 of 240");
    o.output = test_path(root, "half-both");
    o.data.task = "rte,wnli";
    o.data.folder = test_path(root, "half");
    o.data.train = NULL;
    check_held_out(&o, "half-both/rte", "accuracy", "the 24 of 240");
    logged[0] = '\0';
    (void)score_by_itself("half-both/wnli", NULL, "accuracy");
    assert_null(strstr(logged, "held out"));
    assert_null(strstr(logged, "these are not the dev examples"));
}

/* With one task alone its share of a batch is the batch: the same as before. */
static void several_tasks_resume(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("x", NULL, "both-through");
    o.data.train = NULL;
    o.data.task = "rte,wnli";
    o.data.folder = test_path(root, "glue");
    o.epochs = 1;
    (void)must_run(&o);
    o.output = test_path(root, "both-stopped");
    stopper s = {.at = 11};
    o.runtime.progress = stop_at;
    o.runtime.progress_user = &s;
    must_refuse(&o, ELECTRA_INTERRUPTED, "goes on");
    (void)must_run(&o);
    assert_same_runs("both-through/rte", "both-stopped/rte");
    assert_same_runs("both-through/wnli", "both-stopped/wnli");
}

static void the_released_ways(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("tag-train.conll", "tag-dev.conll", "google");
    o.compat = ELECTRA_COMPAT_GOOGLE;
    const electra_finetune_result result = must_run(&o);
    assert_true(result.tasks[0].best > 0.9);
    json_t *settings = NULL;
    assert_int_equal(el_json_load(&settings, test_path(root, "google/settings.json"), NULL), ELECTRA_OK);
    assert_string_equal(json_string_value(json_object_get(settings, "bias_correction")), "off");
    json_decref(settings);
    /* it learned from tokens of the second type; who knows nothing of that gets the same answers */
    electra_evaluate_options e = electra_evaluate_options_default();
    electra_scores scores;
    e.runtime.threads = 1;
    e.model = o.output;
    e.data.dev = o.data.dev;
    e.compat = ELECTRA_COMPAT_NONE;
    assert_int_equal(electra_evaluate(&e, &scores, NULL), ELECTRA_OK);
    assert_true(fabs(score_of(&scores, "loss") - loss_of_best("google")) < 1e-6);
    assert_true(fabs(scores.list[0].value - result.tasks[0].best) < 1e-6);
}

/* Published tasks with spans are learned as BIOES then. */
static void the_released_tags(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("tag-train.conll", "tag-dev.conll", "google-chunks");
    o.data.task = "conll2000";
    o.compat = ELECTRA_COMPAT_GOOGLE;
    const electra_finetune_result result = must_run(&o);
    json_t *results = results_of("google-chunks");
    const json_t *labels = json_object_get(results, "labels");
    assert_int_equal(json_array_size(labels), 3); /* spans of one word only: O, S-X, S-Y */
    assert_string_equal(json_string_value(json_array_get(labels, 1)), "S-X");
    json_decref(results);
    electra_task_data data = o.data;
    data.train = NULL;
    const electra_scores scores = evaluate("google-chunks", &data, (double)NAN);
    assert_true(fabs(scores.list[0].value - result.tasks[0].best) < 1e-6);
}

/* What says which class it is stands where the released way to cut a pair of texts keeps it and ours does not. */
static void a_submission_is_cut_as_in_training(void **state)
{
    (void)state;
    static const char HEADER[] = "index\tsentence1\tsentence2\tlabel\n";
    write_pairs("cut/RTE/train.tsv", HEADER, "entailment", "not_entailment", TRAIN, 51);
    write_pairs("cut/RTE/dev.tsv", HEADER, "entailment", "not_entailment", DEV, 52);
    write_text("cut/RTE/test.tsv", "index\tsentence1\tsentence2\n0\twb wc wd wa\twb wc wd we\n");
    electra_finetune_options o = options_for("x", NULL, "cut-run");
    o.data.train = NULL;
    o.data.task = "rte";
    o.data.folder = test_path(root, "cut");
    o.compat = ELECTRA_COMPAT_GOOGLE;
    o.max_length = 10; /* one less than what such a pair needs */
    o.submission = test_path(root, "cut-submission");
    assert_true(must_run(&o).tasks[0].best > 0.9);
    size_t bytes;
    char *rte = test_read(test_path(root, "cut-submission/RTE.tsv"), &bytes);
    assert_int_equal(bytes, strlen("index\tprediction\n0\tentailment\n"));
    assert_memory_equal(rte, "index\tprediction\n0\tentailment\n", bytes);
    free(rte);
}

/* ---- what makes no sense ----------------------------------------------------------------------------------------- */

static void other_settings_are_refused(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "settled");
    o.epochs = 1;
    (void)must_run(&o);
    o.learning_rate = 1e-3;
    o.trials = 2;
    must_refuse(&o, ELECTRA_MISUSE, "learning_rate is 0.003, you ask for 0.001");
    o = options_for("class-dev.tsv", "class-dev.tsv", "settled");
    o.epochs = 1;
    o.trials = 2;
    must_refuse(&o, ELECTRA_MISUSE, "the examples have changed since the run began");
    must_refuse(&(electra_finetune_options){0}, ELECTRA_MISUSE, "electra_finetune_options_default");
}

static void bad_examples(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "bad");
    o.data.label_column = "colour";
    must_refuse(&o, ELECTRA_INVALID, "colour");

    o = options_for("one.tsv", NULL, "bad");
    test_write_text(root, "one.tsv", "text\tlabel\nwa wb\tyes\n");
    must_refuse(&o, ELECTRA_INVALID, "one");

    o = options_for("empty.tsv", NULL, "bad");
    test_write_text(root, "empty.tsv", "");
    must_refuse(&o, ELECTRA_INVALID, "");

    o = options_for("nowhere.tsv", NULL, "bad");
    must_refuse(&o, ELECTRA_INVALID, "nowhere.tsv");

    o = options_for("class-train.tsv", "class-dev.tsv", "bad");
    o.max_length = 100;
    must_refuse(&o, ELECTRA_MISUSE, "48 positions");

    o = options_for("class-train.tsv", "class-dev.tsv", "bad");
    o.data.train = NULL;
    must_refuse(&o, ELECTRA_MISUSE, "--train");
    o.data.task = "colour";
    must_refuse(&o, ELECTRA_MISUSE, "there is no task \"colour\"");
    assert_false(el_is_folder(test_path(root, "bad")));
}

/* Labels that training never saw cannot be right: the row counts, as wrong. */
static void unknown_labels_count_as_wrong(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "strange-dev.tsv", "strange");
    test_write_text(root, "strange-dev.tsv", "text\tlabel\nwa wb\tyes\nwc wd\tno\nwa wd\tperhaps\nwd wf\tperhaps\n");
    const electra_finetune_result result = must_run(&o);
    assert_true(fabs(result.tasks[0].best - 0.5) < 1e-9);
    assert_non_null(strstr(logged, "perhaps"));
}

static void a_foreign_folder_is_left_alone(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "encoder");
    must_refuse(&o, ELECTRA_MISUSE, "choose another output folder");
    o = options_for("class-train.tsv", "class-dev.tsv", "quantized");
    electra_error err = {0};
    assert_int_equal(electra_model_quantize(test_path(root, "class"), test_path(root, "int8"), NULL, &err), ELECTRA_OK);
    o.model = test_path(root, "int8");
    must_refuse(&o, ELECTRA_MISUSE, "8-bit integers");
    electra_task_data data = o.data;
    data.train = NULL;
    const electra_scores scores = evaluate("int8", &data, (double)NAN);
    assert_true(scores.list[0].value > 0.9);
}

static void a_model_of_another_kind_is_refused(void **state)
{
    (void)state;
    electra_evaluate_options o = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    o.model = test_path(root, "tag");
    o.data.dev = test_path(root, "class-dev.tsv");
    o.data.kind = ELECTRA_TASK_CLASSIFY;
    assert_int_equal(electra_evaluate(&o, &scores, &err), ELECTRA_MISUSE);
    assert_non_null(
        strstr(err.message, "gives tags of words (--kind tag), which cannot be scored on examples of classes"));
}

/* ---- what evaluate knows by itself ------------------------------------------------------------------------------- */

/* How the files of a run are read, and how long its sequences are, need not be said again. */
static void evaluate_remembers_the_run(void **state)
{
    (void)state;
    FILE *train = fopen(test_path(root, "odd-train.tsv"), "w");
    FILE *dev = fopen(test_path(root, "odd-dev.tsv"), "w");
    el_rng_stream random = {.key = 77};
    for (size_t row = 0; row < TRAIN + DEV; row++) {
        FILE *file = row < TRAIN ? train : dev;
        fputs(row == 0 || row == TRAIN ? "words\tmarks\n" : "", file);
        const bool first = row % 2 == 0, second = row % 3 == 0;
        fprintf(file, "%s%s%s\t", first ? "wa " : "", second ? "wx " : "", texts(&random, 12, false));
        fprintf(file, "%s%s%s\n", first ? "first" : "", first && second ? "|" : "", second ? "second" : "");
    }
    fclose(train);
    fclose(dev);
    electra_finetune_options o = options_for("odd-train.tsv", "odd-dev.tsv", "odd");
    o.data.kind = ELECTRA_TASK_MULTILABEL;
    o.data.text_column = "words";
    o.data.label_column = "marks";
    o.data.label_separator = "|";
    o.max_length = 8;
    const double best = must_run(&o).tasks[0].best;
    assert_true(best > 0.9);
    assert_true(fabs(score_by_itself("odd", "odd-dev.tsv", "micro_f1") - best) < 1e-6);
    assert_true(fabs(score_by_itself("odd", NULL, "micro_f1") - best) < 1e-6); /* the dev file, too */
    electra_task_data data = electra_evaluate_options_default().data;
    electra_evaluate_options longer = electra_evaluate_options_default();
    electra_scores scores;
    longer.model = test_path(root, "odd");
    longer.max_length = 16; /* what is said counts */
    assert_int_equal(electra_evaluate(&longer, &scores, NULL), ELECTRA_OK);
    assert_true(fabs(scores.list[scores.n - 1].value - evaluate("odd", &data, (double)NAN).list[scores.n - 1].value) >
                1e-6);
}

/* Without the run's settings, as after electra convert, the model tells at least what it is asked. */
static void evaluate_knows_the_kind_by_the_model(void **state)
{
    (void)state;
    static const struct {
        const char *model, *dev, *metric;
    } ALL[] = {{"labels", "labels-dev.tsv", "micro_f1"}, {"number", "number-dev.tsv", "spearman"},
               {"tag", "tag-dev.conll", "f1"},           {"choice", "choice-dev.jsonl", "accuracy"},
               {"qa-spans", "qa-dev.json", "f1"},        {"class", "class-dev.tsv", "accuracy"}};
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        const double with = score_by_itself(ALL[i].model, ALL[i].dev, ALL[i].metric);
        char settings[512], aside[600];
        snprintf(settings, sizeof settings, "%s/settings.json", test_path(root, ALL[i].model));
        snprintf(aside, sizeof aside, "%s.aside", settings);
        assert_int_equal(rename(settings, aside), 0);
        const double without = score_by_itself(ALL[i].model, ALL[i].dev, ALL[i].metric);
        assert_int_equal(rename(aside, settings), 0);
        assert_true(fabs(with - without) < 1e-9);
    }
    assert_true(score_by_itself("both/wnli", NULL, "accuracy") > 0.9); /* one of several tasks */
}

static void options_for_questions_are_refused(void **state)
{
    (void)state;
    electra_finetune_options run = options_for("class-train.tsv", "class-dev.tsv", "no-questions");
    run.epochs = 0.1;
    (void)must_run(&run);
    electra_evaluate_options o = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    o.runtime.threads = 1;
    o.model = run.output;
    o.doc_stride = 16;
    assert_int_equal(electra_evaluate(&o, &scores, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "doc-stride is for questions, and own has none"));
    o.doc_stride = -1;
    o.null_threshold = 0;
    assert_int_equal(electra_evaluate(&o, &scores, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "null-threshold is for questions"));
}

static void labels_of_another_task_are_refused(void **state)
{
    (void)state;
    write_text("strange.tsv", "text\tlabel\nwa wb\tgood\nwb wc\tbad\n");
    electra_evaluate_options o = electra_evaluate_options_default();
    electra_scores scores;
    electra_error err = {0};
    o.model = test_path(root, "class");
    o.data.dev = test_path(root, "strange.tsv");
    assert_int_equal(electra_evaluate(&o, &scores, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "none of the labels in"));
    assert_non_null(strstr(err.message, "it has \"good\", where the model has \"no\" and others"));

    /* one label too many does not change what F1 is of */
    write_text("known.tsv", "text\tlabel\nwa wb\tyes\nwb wc\tno\nwc wd\tno\n");
    write_text("more.tsv", "text\tlabel\nwa wb\tyes\nwb wc\tno\nwc wd\tno\nwa we\tthird\n");
    electra_task_data data = o.data;
    data.dev = test_path(root, "known.tsv");
    const electra_scores known = evaluate("class", &data, (double)NAN);
    data.dev = test_path(root, "more.tsv");
    const electra_scores more = evaluate("class", &data, (double)NAN);
    assert_true(score_of(&known, "f1") == 1);
    assert_true(fabs(score_of(&more, "f1") - 2.0 / 3) < 1e-9); /* the third row is a false "yes" */
}

/* ---- what is not told is not scored ------------------------------------------------------------------------------ */

static void untold_tags_are_not_scored(void **state)
{
    (void)state;
    write_text("told.conllu", "1\twa\t_\tX\n2\twb\t_\tX\n\n1\twz\t_\tY\n\n");
    write_text("half-told.conllu", "1\twa\t_\tX\n2\twb\t_\t_\n\n1\twz\t_\t_\n\n");
    electra_finetune_options o = options_for("told.conllu", "told.conllu", "told");
    o.epochs = 60;
    assert_true(must_run(&o).tasks[0].best > 0.99);
    assert_true(score_by_itself("told", "half-told.conllu", "accuracy") > 0.99);
    /* the words on both sides of one are no neighbours: two spans, of which one is found */
    write_text("spans.conllu", "1\twa\t_\tB-X\n2\twb\t_\tI-X\n3\twz\t_\tO\n\n1\twz\t_\tO\n\n");
    write_text("gap.conllu", "1\twa\t_\tB-X\n2\twb\t_\t_\n3\twz\t_\tI-X\n\n");
    o = options_for("spans.conllu", "spans.conllu", "spans");
    o.epochs = 60;
    assert_true(must_run(&o).tasks[0].best > 0.99);
    assert_true(fabs(score_by_itself("spans", "gap.conllu", "f1") - 2.0 / 3) < 1e-9);
}

static void untold_answers_are_not_scored(void **state)
{
    (void)state;
    static const char BEGIN[] =
        "{\"data\":[{\"paragraphs\":[{\"context\":\"wc wa wd we\",\"qas\":["
        "{\"id\":\"a\",\"question\":\"wb wc\",\"answers\":[{\"text\":\"wa wd\",\"answer_start\":3}]}";
    char text[600];
    snprintf(text, sizeof text, "%s]}]}]}", BEGIN);
    write_text("told.json", text);
    snprintf(text, sizeof text, "%s,{\"id\":\"b\",\"question\":\"wb wc\"}]}]}]}", BEGIN);
    write_text("half-told.json", text);
    const double told = score_by_itself("qa-spans", "told.json", "f1");
    assert_true(told > 0.4);
    logged[0] = '\0';
    assert_true(fabs(score_by_itself("qa-spans", "half-told.json", "f1") - told) < 1e-9);
    assert_non_null(strstr(logged, "1 question has no answer and is not said to have none: it is not scored"));
}

/* ---- the best weights where the score cannot tell ---------------------------------------------------------------- */

static void equal_scores_are_told_apart_by_the_loss(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("number-train.tsv", "constant-dev.tsv", "constant");
    write_text("constant-dev.tsv", "text\tlabel\nwa wb wc\t17.5\nwb wa wd\t17.5\n");
    o.data.kind = ELECTRA_TASK_REGRESS;
    o.eval_every = 1;
    o.steps = 12;
    o.epochs = -1;
    (void)must_run(&o);
    size_t bytes;
    char *lines = test_read(test_path(root, "constant/metrics.jsonl"), &bytes);
    double least = 1e300;
    for (const char *at = lines; (at = strstr(at, "\"loss\":")) != NULL; at++) {
        const char *end = strchr(at, '\n');
        const char *dev = strstr(at, "\"best\":");
        if (dev && dev < end) {
            least = fmin(least, strtod(at + 7, NULL));
        }
    }
    free(lines);
    json_t *results = results_of("constant");
    const json_t *trial = json_array_get(json_object_get(results, "trials"), 0);
    assert_true(fabs(json_number_value(json_object_get(json_object_get(trial, "dev"), "loss")) - least) < 1e-6 * least);
    assert_true(json_number_value(json_object_get(trial, "best_step")) > 1);
    json_decref(results);
}

/* ---- before anything is learned ---------------------------------------------------------------------------------- */

static void what_could_not_end_well_does_not_begin(void **state)
{
    (void)state;
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.tsv", "never");
    const electra_finetune_options sound = o;
    o.submission = test_path(root, "no-submission");
    must_refuse(&o, ELECTRA_MISUSE, "none of GLUE's tasks");
    o = sound;
    o.data.test = test_path(root, "class-dev.tsv");
    must_refuse(&o, ELECTRA_MISUSE, "test examples are for a submission");
    o = sound;
    o.data.folder = root;
    must_refuse(&o, ELECTRA_MISUSE, "data is for a published task");
    o = sound;
    o.data.labels = "no,yes,";
    must_refuse(&o, ELECTRA_MISUSE, "something is missing behind a comma");
    o.data.labels = "no,,yes";
    must_refuse(&o, ELECTRA_MISUSE, "something is missing behind a comma");
    o = sound;
    o.data.label_columns = "";
    must_refuse(&o, ELECTRA_MISUSE, "something is missing before a comma");
    o = sound;
    o.data.choice_columns = "a,b";
    must_refuse(&o, ELECTRA_MISUSE, "choice-columns is for kind choice");
    o = sound;
    o.data.tags = "iob2";
    must_refuse(&o, ELECTRA_MISUSE, "tags is for kind tag");
    o = sound;
    o.data.label_separator = "|";
    must_refuse(&o, ELECTRA_MISUSE, "label-separator is for kind multilabel");
    o = sound;
    o.data.separator = ";";
    must_refuse(&o, ELECTRA_MISUSE, "separator is for files of format csv");
    o = sound;
    o.qa_head = ELECTRA_QA_JOINT;
    must_refuse(&o, ELECTRA_MISUSE, "qa-head is for questions");
    o = sound;
    o.both_orders = 1;
    must_refuse(&o, ELECTRA_MISUSE, "there are no pairs");
    assert_false(el_is_folder(test_path(root, "never")));

    o = sound;
    o.data.labels = "no , yes"; /* blanks around the items mean nothing */
    o.epochs = 1;
    (void)must_run(&o);
    assert_null(strstr(logged, "skipped"));
}

/* Other formats side by side: each file is read by its own name. */
static void files_of_two_formats(void **state)
{
    (void)state;
    write_text("class-dev.jsonl", "{\"text\":\"wa wb\",\"label\":\"yes\"}\n{\"text\":\"wb wc\",\"label\":\"no\"}\n");
    electra_finetune_options o = options_for("class-train.tsv", "class-dev.jsonl", "two-formats");
    assert_true(must_run(&o).tasks[0].best > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(several_labels),
        cmocka_unit_test(numbers),
        cmocka_unit_test(tags),
        cmocka_unit_test(tags_without_spans),
        cmocka_unit_test(choices),
        cmocka_unit_test(questions),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(micro_batches_change_rounding_only),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(interrupted_while_it_evaluates),
        cmocka_unit_test(untold_tags_are_not_scored),
        cmocka_unit_test(untold_answers_are_not_scored),
        cmocka_unit_test(equal_scores_are_told_apart_by_the_loss),
        cmocka_unit_test(what_could_not_end_well_does_not_begin),
        cmocka_unit_test(files_of_two_formats),
        cmocka_unit_test(killed_at_the_end_of_a_trial),
        cmocka_unit_test(trials),
        cmocka_unit_test(patience),
        cmocka_unit_test(a_collapse_is_told),
        cmocka_unit_test(small_numbers_are_no_collapse),
        cmocka_unit_test(nothing_held_out),
        cmocka_unit_test(held_out_examples_are_scored_again),
        cmocka_unit_test(a_head_is_gone_on_with),
        cmocka_unit_test(several_tasks),
        cmocka_unit_test(held_out_examples_of_a_task_are_scored_again),
        cmocka_unit_test(several_tasks_resume),
        cmocka_unit_test(all_collapsed_tasks_are_named),
        cmocka_unit_test(mnli_answers_all_its_tests),
        cmocka_unit_test(the_other_squad_is_noticed),
        cmocka_unit_test(the_released_ways),
        cmocka_unit_test(the_released_tags),
        cmocka_unit_test(a_submission_is_cut_as_in_training),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(bad_examples),
        cmocka_unit_test(unknown_labels_count_as_wrong),
        cmocka_unit_test(a_foreign_folder_is_left_alone),
        cmocka_unit_test(a_model_of_another_kind_is_refused),
        cmocka_unit_test(evaluate_remembers_the_run),
        cmocka_unit_test(evaluate_knows_the_kind_by_the_model),
        cmocka_unit_test(options_for_questions_are_refused),
        cmocka_unit_test(labels_of_another_task_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, test_folder_teardown);
}
