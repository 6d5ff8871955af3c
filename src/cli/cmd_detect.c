/* electra detect: which tokens of each line were replaced, by a discriminator's verdict. */
#include "commands.h"
#include "texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct detect_values {
    cli_text_values input; /* first: CLI_TEXT_OPTIONS */
    const char *model;
    double threshold;
    long max_length;
} detect_values;

static const cli_option OPTIONS[] = {
    {"model", 'm', CLI_STRING, offsetof(detect_values, model), "DIR", .required = true,
     .help = "a discriminator's directory, such as OUTPUT/discriminator of electra pretrain"},
    CLI_TEXT_OPTIONS,
    {"threshold", 't', CLI_REAL, offsetof(detect_values, threshold), "P", .least = 0, .most = 1,
     .help = "tokens with at least this probability are marked as replaced (those with half of it as doubtful)"},
    {"max-length", 0, CLI_INTEGER, offsetof(detect_values, max_length), "N", .least = 0, .most = 1e6,
     .help = "tokens that are looked at together; 0: as many as the model can. Longer texts are taken in windows that "
             "overlap"},
    CLI_END};

static void set_defaults(void *values)
{
    detect_values *v = values;
    v->threshold = 0.5;
}

typedef struct job {
    const cli_common *common;
    electra_session *session;
    double threshold;
    bool as_json, color;
    electra_detection *found; /* [capacity] */
    size_t capacity;
} job;

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void print_json(const job *j, const electra_text *text, const electra_detection *found)
{
    FILE *out = j->common->out;
    fputs("{\"text\":", out);
    cli_print_json_string(out, text->text, text->bytes);
    fputs(",\"tokens\":[", out);
    for (size_t i = 0; i < found->n; i++) {
        const electra_token_score *t = &found->tokens[i];
        fputs(i ? ",{\"token\":" : "{\"token\":", out);
        cli_print_json_string(out, t->token, strlen(t->token));
        fprintf(out, ",\"start\":%u,\"end\":%u,\"score\":", (unsigned)t->span.start, (unsigned)t->span.end);
        cli_print_score(out, t->score);
        fputc('}', out);
    }
    fputs("]}\n", out);
}

/* ---- for people ----------------------------------------------------------------------------------------------- */

typedef enum mark { MARK_NONE, MARK_DOUBTFUL, MARK_REPLACED } mark;

static mark mark_of(const job *j, float score)
{
    if ((double)score >= j->threshold) {
        return MARK_REPLACED;
    }
    return (double)score >= j->threshold / 2 ? MARK_DOUBTFUL : MARK_NONE;
}

static const char *const COLOR_BEGIN[] = {"", "\033[33m", "\033[1;31m"};
static const char *const COLOR_END[] = {"", "\033[0m", "\033[0m"};
static const char *const PLAIN_BEGIN[] = {"", "(", "["};
static const char *const PLAIN_END[] = {"", "?)", "]"};

/* How many bytes the next `n` code points take (the tokenizer's count: one for each maximal ill-formed piece is close
 * enough for marking: continuation bytes belong to what stands before them). */
static size_t bytes_of(const char *text, size_t bytes, size_t n)
{
    size_t at = 0;
    while (n > 0 && at < bytes) {
        at++;
        while (at < bytes && ((unsigned char)text[at] & 0xC0) == 0x80) {
            at++;
        }
        n--;
    }
    return at;
}

/* The text itself, its marked tokens in colour or in brackets. Pieces of one word that are marked alike are marked as
 * one. */
static void print_marked(const job *j, const electra_text *text, const electra_detection *found)
{
    FILE *out = j->common->out;
    const char *const *begin = j->color ? COLOR_BEGIN : PLAIN_BEGIN;
    const char *const *end = j->color ? COLOR_END : PLAIN_END;
    const char *at = text->text;
    size_t left = text->bytes;
    size_t position = 0; /* in code points */
    for (size_t i = 0; i < found->n;) {
        const mark m = mark_of(j, found->tokens[i].score);
        const size_t start = found->tokens[i].span.start;
        size_t stop = found->tokens[i].span.end;
        for (i++; i < found->n && mark_of(j, found->tokens[i].score) == m && found->tokens[i].span.start <= stop; i++) {
            stop = found->tokens[i].span.end > stop ? found->tokens[i].span.end : stop;
        }
        const size_t before = bytes_of(at, left, start > position ? start - position : 0);
        fwrite(at, 1, before, out);
        position = start > position ? start : position;
        const size_t bytes = bytes_of(at + before, left - before, stop > position ? stop - position : 0);
        fputs(begin[m], out);
        fwrite(at + before, 1, bytes, out);
        fputs(end[m], out);
        position = stop > position ? stop : position;
        at += before + bytes;
        left -= before + bytes;
    }
    fwrite(at, 1, left, out);
    fputc('\n', out);
}

static void print_legend(const job *j)
{
    if (j->as_json || j->common->quiet) {
        return;
    }
    const bool color = j->common->color_stderr && j->color;
    fprintf(stderr, "%sreplaced%s: probability at least %g; %sdoubtful%s: at least %g\n",
            color ? COLOR_BEGIN[MARK_REPLACED] : PLAIN_BEGIN[MARK_REPLACED],
            color ? COLOR_END[MARK_REPLACED] : PLAIN_END[MARK_REPLACED], j->threshold,
            color ? COLOR_BEGIN[MARK_DOUBTFUL] : PLAIN_BEGIN[MARK_DOUBTFUL],
            color ? COLOR_END[MARK_DOUBTFUL] : PLAIN_END[MARK_DOUBTFUL], j->threshold / 2);
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static electra_status answer(void *user, const cli_text_batch *batch, electra_error *err)
{
    job *j = user;
    if (batch->n > j->capacity) {
        electra_detection *grown = realloc(j->found, batch->n * sizeof *grown);
        if (!grown) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu answers", batch->n);
        }
        j->found = grown;
        j->capacity = batch->n;
    }
    const electra_status status = electra_session_detect(j->session, batch->texts, batch->n, j->found, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        if (j->as_json) {
            print_json(j, &batch->texts[i], &j->found[i]);
        } else {
            print_marked(j, &batch->texts[i], &j->found[i]);
        }
    }
    if (status == ELECTRA_OK) {
        fflush(j->common->out);
    }
    return status;
}

static electra_status answer_all(job *j, const detect_values *v, const electra_model *model, const cli_list *files,
                                 electra_error *err)
{
    electra_session_options options = electra_session_options_default();
    options.max_length = (size_t)v->max_length;
    options.runtime = j->common->runtime;
    electra_status status = electra_session_create(&j->session, model, &options, err);
    if (status == ELECTRA_OK) {
        status =
            electra_session_detect(j->session, NULL, 0, NULL, err); /* a wrong kind of model fails before reading */
    }
    if (status == ELECTRA_OK) {
        print_legend(j);
        cli_record_format format = {.format = (cli_format)v->input.format, .text_column = v->input.text_column};
        status = cli_answer_texts(j->common, &format, files, "detecting", answer, j, err);
    }
    electra_session_free(j->session);
    free(j->found);
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const detect_values *v = values;
    electra_model_options options = electra_model_options_default();
    options.runtime = common->runtime;
    electra_model *model = NULL;
    electra_status status = electra_model_load(&model, v->model, &options, err);
    if (status == ELECTRA_OK) {
        const bool for_people = common->color_stdout || isatty(STDOUT_FILENO);
        job j = {.common = common,
                 .threshold = v->threshold,
                 .as_json = common->json || !for_people,
                 .color = common->color_stdout};
        status = answer_all(&j, v, model, arguments, err);
    }
    electra_model_free(model);
    return status;
}

const cli_command cli_detect = {
    .name = "detect",
    .summary = "which words of a text were replaced",
    .arguments = "[FILE...]",
    .help = "Asks a discriminator about every token of every line: was it put here in place of another? On a terminal "
            "the lines come back with replaced words in colour (in brackets without colours); elsewhere, and with "
            "--json, each line is one JSON document:\n"
            "  {\"text\":..,\"tokens\":[{\"token\":\"##ing\",\"start\":3,\"end\":6,\"score\":0.97},..]}\n"
            "start and end count code points of the text; score is the probability that the token was replaced.",
    .examples = "echo 'the cat drank the moon' | electra detect --model run/discriminator\n"
                "electra detect --model run/discriminator --json texts.txt\n",
    .options = OPTIONS,
    .values_size = sizeof(detect_values),
    .set_defaults = set_defaults,
    .run = run,
};
