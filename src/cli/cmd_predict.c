/* electra predict: what a fine-tuned model says about each line. The model's kind decides the task. */
#include "answering.h"
#include "commands.h"

#include <math.h>
#include <string.h>

typedef struct predict_values {
    cli_answer_values answer;
    long top_k;
    int scores;
    int aggregation;
    bool all_labels;
    cli_list ignored;
    long stride, max_answer;
    bool allow_none, align_words;
    double null_threshold;
} predict_values;

static const cli_option OPTIONS[] = {
    CLI_MODEL_OPTION("a fine-tuned model's directory"),
    CLI_FORMAT_OPTION("of the input: a line a text, columns between tabs (tsv) or commas (csv), or JSON objects: "
                      "{\"text\":..} with or without "
                      "\"text_pair\", {\"question\":..,\"context\":..}, {\"prompt\":..,\"choices\":[..]}"),
    CLI_TEXT_COLUMN_OPTION,
    CLI_PAIR_COLUMN_OPTION("the second text of a pair, or a question's context, likewise (default: none; jsonl: "
                           "text_pair, context)"),
    CLI_SEPARATOR_OPTION,
    {"top-k", 'k', CLI_INTEGER, offsetof(predict_values, top_k), "N", .least = 0, .most = 1e6,
     .help = "labels of each text, or answers to each question; 0: all labels (default: 1; where several labels may "
             "hold: those with a score of at least 0.5)"},
    {"scores", 0, CLI_CHOICE, offsetof(predict_values, scores), .choices = "auto|softmax|sigmoid|none",
     .help = "classes: what makes scores of the network's numbers; auto: as the model was trained"},
    {"aggregation", 0, CLI_CHOICE, offsetof(predict_values, aggregation), .choices = "none|simple|first|average|max",
     .help =
         "words: one result a token, neighbours of one label joined (simple), or whole words, for which their first "
         "token, the average, or the surest token decides"},
    {"ignore-labels", 0, CLI_LIST, offsetof(predict_values, ignored), "LABEL",
     .help = "words: leave out results with these labels (default: O)"},
    {"all-labels", 0, CLI_FLAG, offsetof(predict_values, all_labels), .help = "words: leave out none, not even O"},
    {"stride", 0, CLI_INTEGER, offsetof(predict_values, stride), "N", .least = 0, .most = 1e6,
     .help = "words, questions: tokens that neighbouring windows of a long text share; 0: a quarter of a window, for "
             "questions half of it and at most 128"},
    {"max-answer", 0, CLI_INTEGER, offsetof(predict_values, max_answer), "N", .least = 1, .most = 1e6,
     .help = "questions: tokens of an answer, at most"},
    {"allow-none", 0, CLI_FLAG, offsetof(predict_values, allow_none),
     .help = "questions: \"there is no answer\" may win, which is an empty answer"},
    {"null-threshold", 0, CLI_REAL, offsetof(predict_values, null_threshold), "X",
     .help = "with --allow-none: the odds (a difference of logits) above which there is no answer; more give fewer "
             "empty answers (default: what fine-tuning found best and wrote into the model, else 0)"},
    {"align-words", 0, CLI_FLAG, offsetof(predict_values, align_words), .help = "questions: answers of whole words"},
    CLI_MAX_LENGTH_OPTION("tokens that are looked at together; 0: as many as the model can, for questions at most 384. "
                          "Longer texts are cut; words and contexts are covered by windows that overlap"),
    {"truncate", 0, CLI_FLAG, offsetof(cli_answer_values, truncate),
     .help = "words: cut longer texts at their end instead, with a warning"},
    CLI_END};

enum { DEFAULT_MAX_ANSWER = 15, NOT_GIVEN = -1 };

static const float HOLDS = 0.5F; /* the score from which on one of several labels holds */

static void set_defaults(void *values)
{
    predict_values *v = values;
    v->top_k = NOT_GIVEN;
    v->aggregation = ELECTRA_GROUP_TOKENS;
    v->max_answer = DEFAULT_MAX_ANSWER;
    v->align_words = true;
    v->null_threshold = (double)NAN;
}

typedef struct task task;

typedef struct job {
    cli_answering a;
    const predict_values *v;
    const task *task; /* by the model's kind */
    electra_classify_options classify;
    bool holding; /* of several labels those that hold */
    electra_tag_options tag;
    electra_answer_options answer;
    union {
        electra_classification classes[CLI_BATCH_LINES];
        electra_tagging entities[CLI_BATCH_LINES];
        electra_answers answers[CLI_BATCH_LINES];
        electra_chosen chosen[CLI_BATCH_LINES];
    } found;
} job;

/* One kind of model. */
struct task {
    electra_model_kind kind;
    const char *name; /* for messages: what the model is for */
    cli_shape shape;
    electra_status (*ask)(job *j, const cli_batch *batch, electra_error *err);
    void (*print_json)(const job *j, const cli_batch *batch, size_t i);
    void (*print_words)(const job *j, const cli_batch *batch, size_t i); /* for people */
};

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void print_text(const job *j, electra_text text)
{
    fwrite(text.text, 1, text.bytes, j->a.out);
}

static void print_bold(const job *j, electra_text text)
{
    fputs(j->a.color ? "\033[1m" : "", j->a.out);
    print_text(j, text);
    fputs(j->a.color ? "\033[0m" : "", j->a.out);
}

static electra_text text_of(const char *text)
{
    return (electra_text){text, strlen(text)};
}

/* The line itself, above its answers. */
static void print_line(const job *j, const cli_batch *batch, size_t i)
{
    print_text(j, batch->texts[i]);
    if (batch->pairs[i].bytes) {
        fputs(" | ", j->a.out);
        print_text(j, batch->pairs[i]);
    }
    fputc('\n', j->a.out);
}

/* ---- classes of texts -------------------------------------------------------------------------------------------- */

static electra_status ask_classes(job *j, const cli_batch *batch, electra_error *err)
{
    return electra_session_classify(j->a.session, batch->texts, batch->pairs, batch->n, &j->classify, j->found.classes,
                                    err);
}

/* How many of the labels, best first, are told. */
static size_t count_classes(const job *j, const electra_classification *c)
{
    size_t n = 0;
    while (n < c->n && !(j->holding && c->labels[n].score < HOLDS)) {
        n++;
    }
    return n;
}

static void json_classes(const job *j, const cli_batch *batch, size_t i)
{
    (void)batch;
    const electra_classification *c = &j->found.classes[i];
    const size_t n = count_classes(j, c);
    fputc('[', j->a.out);
    for (size_t k = 0; k < n; k++) {
        cli_print_text_member(j->a.out, k ? ",{" : "{", "label", text_of(c->labels[k].label));
        cli_print_score_member(j->a.out, ",", "score", c->labels[k].score);
        fputc('}', j->a.out);
    }
    fputs("]\n", j->a.out);
}

static void words_classes(const job *j, const cli_batch *batch, size_t i)
{
    const electra_classification *c = &j->found.classes[i];
    const size_t n = count_classes(j, c);
    const bool is_number = electra_model_problem(j->a.model) == ELECTRA_PROBLEM_REGRESSION && c->n == 1;
    print_line(j, batch, i);
    fputs(n ? "  " : "  (no label)", j->a.out);
    for (size_t k = 0; k < n; k++) {
        if (!is_number) {
            fputs(k ? ", " : "", j->a.out);
            print_bold(j, text_of(c->labels[k].label));
            fputc(' ', j->a.out);
        }
        fprintf(j->a.out, "%.4g", (double)c->labels[k].score);
    }
    fputc('\n', j->a.out);
}

/* ---- classes of words -------------------------------------------------------------------------------------------- */

static electra_status ask_entities(job *j, const cli_batch *batch, electra_error *err)
{
    return electra_session_tag(j->a.session, batch->texts, batch->n, &j->tag, j->found.entities, err);
}

static void json_entities(const job *j, const cli_batch *batch, size_t i)
{
    (void)batch;
    FILE *out = j->a.out;
    const electra_tagging *t = &j->found.entities[i];
    const bool tokens = j->tag.aggregation == ELECTRA_TOKENS;
    fputc('[', out);
    for (size_t k = 0; k < t->n; k++) {
        const electra_entity *e = &t->entities[k];
        cli_print_text_member(out, k ? ",{" : "{", tokens ? "entity" : "entity_group", text_of(e->label));
        cli_print_score_member(out, ",", "score", e->score);
        if (tokens) {
            fprintf(out, ",\"index\":%zu", e->index);
        }
        cli_print_text_member(out, ",", "word", e->word);
        fprintf(out, ",\"start\":%u,\"end\":%u}", (unsigned)e->span.start, (unsigned)e->span.end);
    }
    fputs("]\n", out);
}

static void words_entities(const job *j, const cli_batch *batch, size_t i)
{
    const electra_tagging *t = &j->found.entities[i];
    print_line(j, batch, i);
    for (size_t k = 0; k < t->n; k++) {
        const electra_entity *e = &t->entities[k];
        fputs("  ", j->a.out);
        print_bold(j, text_of(e->label));
        fprintf(j->a.out, " %.1f %% ", 100 * (double)e->score);
        print_text(j, e->word);
        fputc('\n', j->a.out);
    }
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static electra_status ask_answers(job *j, const cli_batch *batch, electra_error *err)
{
    electra_question questions[CLI_BATCH_LINES];
    for (size_t i = 0; i < batch->n; i++) {
        questions[i] = (electra_question){batch->texts[i], batch->pairs[i]};
    }
    return electra_session_answer(j->a.session, questions, batch->n, &j->answer, j->found.answers, err);
}

/* A single answer is printed bare, as Hugging Face's pipeline has it. */
static void json_answers(const job *j, const cli_batch *batch, size_t i)
{
    (void)batch;
    FILE *out = j->a.out;
    const electra_answers *a = &j->found.answers[i];
    fputs(a->n == 1 ? "" : "[", out);
    for (size_t k = 0; k < a->n; k++) {
        cli_print_score_member(out, k ? ",{" : "{", "score", a->answers[k].score);
        fprintf(out, ",\"start\":%u,\"end\":%u", (unsigned)a->answers[k].span.start, (unsigned)a->answers[k].span.end);
        cli_print_text_member(out, ",", "answer", a->answers[k].text);
        fputc('}', out);
    }
    fputs(a->n == 1 ? "\n" : "]\n", out);
}

static void words_answers(const job *j, const cli_batch *batch, size_t i)
{
    const electra_answers *a = &j->found.answers[i];
    print_text(j, batch->texts[i]);
    fputc('\n', j->a.out);
    for (size_t k = 0; k < a->n; k++) {
        fprintf(j->a.out, "  %.1f %% ", 100 * (double)a->answers[k].score);
        print_bold(j, a->answers[k].text.bytes ? a->answers[k].text : text_of("(no answer)"));
        fputc('\n', j->a.out);
    }
    if (a->n == 0) {
        fputs("  (an empty context holds no answer)\n", j->a.out);
    }
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

static electra_status ask_choices(job *j, const cli_batch *batch, electra_error *err)
{
    electra_choices prompts[CLI_BATCH_LINES];
    for (size_t i = 0; i < batch->n; i++) {
        prompts[i] = (electra_choices){batch->texts[i], batch->records[i].choices, batch->records[i].n_choices};
    }
    return electra_session_choose(j->a.session, prompts, batch->n, j->found.chosen, err);
}

static void json_choices(const job *j, const cli_batch *batch, size_t i)
{
    const electra_chosen *c = &j->found.chosen[i];
    for (size_t k = 0; k < c->n; k++) {
        const size_t index = c->choices[k].index;
        fprintf(j->a.out, "%s\"choice\":%zu", k ? ",{" : "[{", index);
        cli_print_text_member(j->a.out, ",", "text", batch->records[i].choices[index]);
        cli_print_score_member(j->a.out, ",", "score", c->choices[k].score);
        fputc('}', j->a.out);
    }
    fputs("]\n", j->a.out);
}

static void words_choices(const job *j, const cli_batch *batch, size_t i)
{
    const electra_chosen *c = &j->found.chosen[i];
    print_line(j, batch, i);
    for (size_t k = 0; k < c->n; k++) {
        const electra_text choice = batch->records[i].choices[c->choices[k].index];
        fprintf(j->a.out, "  %.1f %% ", 100 * (double)c->choices[k].score);
        if (k == 0) {
            print_bold(j, choice);
        } else {
            print_text(j, choice);
        }
        fputc('\n', j->a.out);
    }
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static const task TASKS[] = {
    {ELECTRA_MODEL_CLASSIFIER, "classifies texts", CLI_SHAPE_PAIR, ask_classes, json_classes, words_classes},
    {ELECTRA_MODEL_TAGGER, "labels words", CLI_SHAPE_TEXT, ask_entities, json_entities, words_entities},
    {ELECTRA_MODEL_SPANS, "answers questions", CLI_SHAPE_QUESTION, ask_answers, json_answers, words_answers},
    {ELECTRA_MODEL_JOINT_QA, "answers questions", CLI_SHAPE_QUESTION, ask_answers, json_answers, words_answers},
    {ELECTRA_MODEL_CHOICE, "chooses among answers", CLI_SHAPE_CHOICES, ask_choices, json_choices, words_choices},
};

static electra_status find_task(job *j, electra_error *err)
{
    const electra_model_kind kind = electra_model_kind_of(j->a.model);
    for (size_t i = 0; i < sizeof TASKS / sizeof *TASKS; i++) {
        if (TASKS[i].kind == kind) {
            j->task = &TASKS[i];
            return ELECTRA_OK;
        }
    }
    return cli_fail(err, ELECTRA_MISUSE, "--model",
                    "%s holds %s %s, which was not fine-tuned for a task; ask it with electra %s", j->v->answer.model,
                    kind == ELECTRA_MODEL_ENCODER ? "an" : "a", electra_model_kind_name(kind),
                    kind == ELECTRA_MODEL_DISCRIMINATOR ? "detect"
                    : kind == ELECTRA_MODEL_GENERATOR   ? "fill"
                                                        : "embed");
}

/* An option of another task would be ignored in silence. */
static electra_status check_options(const job *j, electra_error *err)
{
    const predict_values *v = j->v;
    const bool classes = j->task->kind == ELECTRA_MODEL_CLASSIFIER;
    const bool words = j->task->kind == ELECTRA_MODEL_TAGGER;
    const bool questions = j->task->kind == ELECTRA_MODEL_SPANS || j->task->kind == ELECTRA_MODEL_JOINT_QA;
    const struct {
        bool given, fits;
        const char *name;
    } options[] = {
        {v->top_k != NOT_GIVEN, classes || questions, "--top-k"},
        {v->scores != ELECTRA_SCORES_AUTO, classes, "--scores"},
        {v->answer.pair_column != NULL, classes || questions, "--pair-column"},
        {v->aggregation != ELECTRA_GROUP_TOKENS, words, "--aggregation"},
        {v->ignored.n > 0, words, "--ignore-labels"},
        {v->all_labels, words, "--all-labels"},
        {v->answer.truncate, words, "--truncate"},
        {v->stride != 0, words || questions, "--stride"},
        {v->max_answer != DEFAULT_MAX_ANSWER, questions, "--max-answer"},
        {v->allow_none, questions, "--allow-none"},
        {!isnan(v->null_threshold), questions, "--null-threshold"},
        {!v->align_words, questions, "--no-align-words"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].given && !options[i].fits) {
            return cli_fail(err, ELECTRA_MISUSE, options[i].name, "does not go with %s, which %s", v->answer.model,
                            j->task->name);
        }
    }
    if (v->scores == ELECTRA_SCORES_SOFTMAX && electra_model_label_count(j->a.model) == 1) {
        return cli_fail(err, ELECTRA_MISUSE, "--scores",
                        "softmax of a single number is always 1, and %s has one output", v->answer.model);
    }
    if (v->all_labels && v->ignored.n) {
        return cli_fail(err, ELECTRA_MISUSE, "--all-labels", "contradicts --ignore-labels");
    }
    if (!isnan(v->null_threshold) && !v->allow_none) {
        return cli_fail(err, ELECTRA_MISUSE, "--null-threshold", "goes with --allow-none");
    }
    return questions && v->top_k == 0 ? cli_fail(err, ELECTRA_MISUSE, "--top-k", "must be at least 1 for questions")
                                      : ELECTRA_OK;
}

static electra_status check(cli_answering *a, cli_shape *shape, electra_error *err)
{
    job *j = (job *)a;
    const predict_values *v = j->v;
    electra_status status = find_task(j, err);
    if (status == ELECTRA_OK) {
        status = check_options(j, err);
    }
    if (status != ELECTRA_OK) {
        return status;
    }
    *shape = j->task->shape;
    const size_t top_k = v->top_k == NOT_GIVEN ? 1 : (size_t)v->top_k;
    j->classify = electra_classify_options_default();
    j->classify.function = (electra_score_function)v->scores;
    j->holding = v->top_k == NOT_GIVEN && electra_model_problem(j->a.model) == ELECTRA_PROBLEM_MULTI_LABEL &&
                 (v->scores == ELECTRA_SCORES_AUTO || v->scores == ELECTRA_SCORES_SIGMOID);
    j->classify.top_k = j->holding ? 0 : top_k;
    j->tag = electra_tag_options_default();
    j->tag.aggregation = (electra_aggregation)v->aggregation;
    j->tag.stride = (size_t)v->stride;
    static const char *const NOTHING[] = {NULL};
    j->tag.ignored_labels = v->all_labels ? NOTHING : v->ignored.n ? v->ignored.items : NULL;
    j->tag.n_ignored = v->ignored.n;
    j->answer = electra_answer_options_default();
    j->answer.top_k = top_k;
    j->answer.max_answer = (size_t)v->max_answer;
    j->answer.max_length = (size_t)v->answer.max_length;
    j->answer.stride = (size_t)v->stride;
    j->answer.allow_none = v->allow_none;
    j->answer.null_threshold = v->null_threshold;
    j->answer.align_to_words = v->align_words;
    const cli_batch nothing = {0};
    return j->task->ask(j, &nothing, err); /* a stride that does not fit fails before anything is read */
}

static electra_status answer(cli_answering *a, const cli_batch *batch, electra_error *err)
{
    job *j = (job *)a;
    const electra_status status = j->task->ask(j, batch, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        if (a->as_json) {
            j->task->print_json(j, batch, i);
        } else {
            j->task->print_words(j, batch, i);
        }
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    static const cli_answerer PREDICT = {"predicting", check, answer};
    const predict_values *v = values;
    job j = {.v = v};
    return cli_answer(&PREDICT, common, &v->answer, arguments, &j.a, err);
}

const cli_command cli_predict = {
    .name = "predict",
    .summary = "what a fine-tuned model says about texts",
    .arguments = "[FILE...]",
    .help =
        "Answers each line of the input by a fine-tuned model, whose kind decides the task. On a terminal the answers "
        "are words for people; elsewhere, and with --json, each line gives one line of JSON:\n"
        "  a class, a number, the labels that hold (of a text or a pair of texts):\n"
        "    [{\"label\":\"positive\",\"score\":0.98}]\n"
        "  labels of words; start and end count code points of the text:\n"
        "    [{\"entity_group\":\"PER\",\"score\":0.99,\"word\":\"anna\",\"start\":0,\"end\":4},..]\n"
        "  an answer from a context (a list of them with --top-k):\n"
        "    {\"score\":0.91,\"start\":19,\"end\":25,\"answer\":\"copper\"}\n"
        "  choices, best first:\n"
        "    [{\"choice\":1,\"text\":\"fell asleep\",\"score\":0.8},..]",
    .examples = "echo 'What a film!' | electra predict --model sentiment\n"
                "electra predict --model entailment --format tsv --text-column 1 --pair-column 2 rte.tsv\n"
                "electra predict --model reviews --format csv --text-column review new.csv\n"
                "electra predict --model ner --aggregation first texts.txt\n"
                "electra predict --model qa --format jsonl --top-k 3 questions.jsonl\n",
    .options = OPTIONS,
    .values_size = sizeof(predict_values),
    .set_defaults = set_defaults,
    .run = run,
};
