/* electra fill: what could stand at each [MASK], by a generator. */
#include "commands.h"
#include "texts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fill_values {
    cli_text_values input; /* first: CLI_TEXT_OPTIONS */
    const char *model;
    long top_k;
    long max_length;
} fill_values;

static const cli_option OPTIONS[] = {
    {"model", 'm', CLI_STRING, offsetof(fill_values, model), "DIR", .required = true,
     .help = "a generator's directory, such as OUTPUT/generator of electra pretrain"},
    {"top-k", 'k', CLI_INTEGER, offsetof(fill_values, top_k), "N", .least = 1, .most = 1e9,
     .help = "candidates for each [MASK]"},
    CLI_TEXT_OPTIONS,
    {"max-length", 0, CLI_INTEGER, offsetof(fill_values, max_length), "N", .least = 0, .most = 1e6,
     .help = "tokens that are looked at together; 0: as many as the model can. In a longer text each [MASK] is seen "
             "with what stands around it"},
    CLI_END};

static void set_defaults(void *values)
{
    fill_values *v = values;
    v->top_k = 5;
}

typedef struct job {
    const cli_common *common;
    const electra_tokenizer *tokenizer;
    electra_session *session;
    size_t top_k;
    bool as_json;
    electra_filling *fillings; /* [capacity] */
    size_t capacity;
} job;

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static electra_status print_candidate(const job *j, const electra_filling *f, size_t blank, size_t candidate,
                                      electra_error *err)
{
    FILE *out = j->common->out;
    const electra_candidate *c = &f->blanks[blank].candidates[candidate];
    char *sequence = NULL;
    char *word = NULL;
    electra_status status = electra_session_filled_text(j->session, f, blank, candidate, &sequence, err);
    if (status == ELECTRA_OK) {
        status = electra_tokenizer_decode(j->tokenizer, &c->id, 1, false, &word, NULL, err);
    }
    if (status == ELECTRA_OK) {
        fputs("{\"score\":", out);
        cli_print_score(out, c->score);
        fprintf(out, ",\"token\":%u,\"token_str\":", (unsigned)c->id);
        cli_print_json_string(out, word, strlen(word));
        fputs(",\"sequence\":", out);
        cli_print_json_string(out, sequence, strlen(sequence));
        fputc('}', out);
    }
    electra_text_free(sequence);
    electra_text_free(word);
    return status;
}

/* A list of candidates, or with several masks a list of such lists. */
static electra_status print_json(const job *j, const electra_filling *f, electra_error *err)
{
    FILE *out = j->common->out;
    electra_status status = ELECTRA_OK;
    fputs(f->n > 1 ? "[" : "", out);
    for (size_t b = 0; b < f->n && status == ELECTRA_OK; b++) {
        fputs(b ? ",[" : "[", out);
        for (size_t c = 0; c < f->blanks[b].n && status == ELECTRA_OK; c++) {
            fputs(c ? "," : "", out);
            status = print_candidate(j, f, b, c, err);
        }
        fputc(']', out);
    }
    fputs(f->n > 1 ? "]\n" : "\n", out);
    return status;
}

/* ---- for people ----------------------------------------------------------------------------------------------- */

/* The text as it is, and below it one line a mask. */
static electra_status print_lines(const job *j, const electra_text *text, const electra_filling *f)
{
    FILE *out = j->common->out;
    const bool color = j->common->color_stdout;
    fwrite(text->text, 1, text->bytes, out);
    fputc('\n', out);
    for (size_t b = 0; b < f->n; b++) {
        fprintf(out, "  %s[MASK]%s", color ? "\033[1m" : "", color ? "\033[0m" : "");
        for (size_t c = 0; c < f->blanks[b].n; c++) {
            const electra_candidate *candidate = &f->blanks[b].candidates[c];
            fprintf(out, "%s %s%s%s %.1f %%", c ? "," : "", color ? "\033[32m" : "", candidate->token,
                    color ? "\033[0m" : "", 100 * (double)candidate->score);
        }
        fputc('\n', out);
    }
    return ELECTRA_OK;
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static electra_status no_mask(const cli_place *place, electra_error *err)
{
    char where[sizeof err->where];
    snprintf(where, sizeof where, "%s, line %llu", place->file, (unsigned long long)place->line);
    return cli_fail(err, ELECTRA_INVALID, where,
                    "the text holds no [MASK]; put one where a word is to be found (in capitals, with the brackets)");
}

static electra_status answer(void *user, const cli_text_batch *batch, electra_error *err)
{
    job *j = user;
    if (batch->n > j->capacity) {
        electra_filling *grown = realloc(j->fillings, batch->n * sizeof *grown);
        if (!grown) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory for %zu answers", batch->n);
        }
        j->fillings = grown;
        j->capacity = batch->n;
    }
    electra_status status = electra_session_fill(j->session, batch->texts, batch->n, j->top_k, j->fillings, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        const electra_filling *f = &j->fillings[i];
        if (f->n == 0) {
            status = no_mask(&batch->places[i], err);
        } else {
            status = j->as_json ? print_json(j, f, err) : print_lines(j, &batch->texts[i], f);
        }
    }
    fflush(j->common->out);
    return status;
}

static electra_status answer_all(job *j, const fill_values *v, const electra_model *model, const cli_list *files,
                                 electra_error *err)
{
    electra_session_options options = electra_session_options_default();
    options.max_length = (size_t)v->max_length;
    options.runtime = j->common->runtime;
    electra_status status = electra_session_create(&j->session, model, &options, err);
    if (status == ELECTRA_OK) {
        /* a wrong kind of model fails before anything is read */
        status = electra_session_fill(j->session, NULL, 0, j->top_k, NULL, err);
    }
    if (status == ELECTRA_OK) {
        cli_record_format format = {.format = (cli_format)v->input.format, .text_column = v->input.text_column};
        status = cli_answer_texts(j->common, &format, files, "filling", answer, j, err);
    }
    electra_session_free(j->session);
    free(j->fillings);
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const fill_values *v = values;
    electra_model_options options = electra_model_options_default();
    options.runtime = common->runtime;
    electra_model *model = NULL;
    electra_status status = electra_model_load(&model, v->model, &options, err);
    if (status == ELECTRA_OK) {
        const bool for_people = common->color_stdout || isatty(STDOUT_FILENO);
        job j = {.common = common,
                 .tokenizer = electra_model_tokenizer(model),
                 .top_k = (size_t)v->top_k,
                 .as_json = common->json || !for_people};
        status = answer_all(&j, v, model, arguments, err);
    }
    electra_model_free(model);
    return status;
}

const cli_command cli_fill = {
    .name = "fill",
    .summary = "which words could stand at [MASK]",
    .arguments = "[FILE...]",
    .help =
        "Asks a generator for the likeliest tokens at every [MASK] of every line; several masks of a line are filled "
        "each on its own. On a terminal the candidates stand below each line; elsewhere, and with --json, each line "
        "gives one JSON list, best first (with several masks a list of such lists):\n"
        "  [{\"score\":0.42,\"token\":1037,\"token_str\":\"sat\",\"sequence\":\"the cat sat down\"},..]",
    .examples = "echo 'the cat [MASK] on the mat' | electra fill --model run/generator\n"
                "electra fill --model run/generator --top-k 10 --json texts.txt\n",
    .options = OPTIONS,
    .values_size = sizeof(fill_values),
    .set_defaults = set_defaults,
    .run = run,
};
