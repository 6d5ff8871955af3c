/* Owns what the answering commands share. */
#include "answering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct asking {
    const cli_answerer *answerer;
    cli_answering *a;
} asking;

static electra_status answer_batch(void *user, const cli_batch *batch, electra_error *err)
{
    const asking *asked = user;
    cli_answering *a = asked->a;
    const electra_status status = asked->answerer->answer(a, batch, err);
    if (status == ELECTRA_OK) {
        a->n_texts += batch->n;
        a->n_truncated += electra_session_truncated(a->session);
        fflush(a->out);
    }
    return status;
}

/* Once, with all that were cut. */
static void warn_of_truncated(const cli_answering *a)
{
    const electra_runtime *runtime = &a->common->runtime;
    if (a->n_truncated && runtime->log) {
        char line[200];
        snprintf(line, sizeof line, "%zu of %zu texts %s longer than the model can see and %s cut", a->n_truncated,
                 a->n_texts, a->n_truncated == 1 ? "was" : "were", a->n_truncated == 1 ? "was" : "were");
        runtime->log(runtime->log_user, ELECTRA_LOG_WARNING, line);
    }
}

static char separator_of(const cli_answer_values *v)
{
    return v->format != CLI_FORMAT_CSV ? 0 : v->separator ? v->separator[0] : ',';
}

static electra_status check_separator(const cli_answer_values *v, electra_error *err)
{
    if (v->separator && v->format != CLI_FORMAT_CSV) {
        return cli_fail(err, ELECTRA_MISUSE, "--separator", "goes with --format csv");
    }
    if (v->separator && (strlen(v->separator) != 1 || strchr("\"\r\n", v->separator[0]))) {
        return cli_fail(err, ELECTRA_MISUSE, "--separator", "'%s' is not one character that can stand between cells",
                        v->separator);
    }
    return ELECTRA_OK;
}

static electra_status answer_all(const cli_answerer *answerer, const cli_answer_values *v, const cli_list *files,
                                 cli_answering *a, electra_error *err)
{
    cli_record_format format = {.format = (cli_format)v->format,
                                .shape = CLI_SHAPE_TEXT,
                                .separator = separator_of(v),
                                .text_column = v->text_column,
                                .pair_column = v->pair_column};
    electra_status status = check_separator(v, err);
    if (status == ELECTRA_OK) {
        status = answerer->check(a, &format.shape, err);
    }
    if (status == ELECTRA_OK) {
        status = cli_records_check(&format, err);
    }
    if (status == ELECTRA_OK) {
        asking asked = {answerer, a};
        status = cli_answer_lines(a->common, &format, files, answerer->stage, answer_batch, &asked, err);
        warn_of_truncated(a);
    }
    return status;
}

electra_status cli_answer(const cli_answerer *answerer, const cli_common *common, const cli_answer_values *values,
                          const cli_list *files, cli_answering *a, electra_error *err)
{
    electra_model_options model_options = electra_model_options_default();
    model_options.runtime = common->runtime;
    electra_session_options options = electra_session_options_default();
    options.max_length = (size_t)values->max_length;
    options.truncate = values->truncate;
    options.runtime = common->runtime;
    a->common = common;
    a->out = common->out;
    a->color = common->color_stdout;
    a->as_json = common->json || !(common->color_stdout || isatty(STDOUT_FILENO));
    electra_model *model = NULL;
    electra_status status = electra_model_load(&model, values->model, &model_options, err);
    if (status == ELECTRA_OK) {
        a->model = model;
        status = electra_session_create(&a->session, model, &options, err);
    }
    if (status == ELECTRA_OK) {
        status = answer_all(answerer, values, files, a, err);
    }
    electra_session_free(a->session);
    electra_model_free(model);
    a->session = NULL;
    a->model = NULL;
    return status;
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

void cli_print_score(FILE *out, float score)
{
    char text[32];
    if (!isfinite(score)) { /* of a broken model; JSON has no word for it */
        fputs("null", out);
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)score);
        const float back = strtof(text, NULL);
        if (!(back < score) && !(back > score)) {
            break;
        }
    }
    fputs(text, out);
}

void cli_print_score_member(FILE *out, const char *before, const char *name, float score)
{
    fprintf(out, "%s\"%s\":", before, name);
    cli_print_score(out, score);
}

void cli_print_text_member(FILE *out, const char *before, const char *name, electra_text text)
{
    fprintf(out, "%s\"%s\":", before, name);
    cli_print_json_string(out, text.text, text.bytes);
}
