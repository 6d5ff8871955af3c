/* electra detect: which tokens of each line were replaced, by a discriminator's verdict. */
#include "answering.h"
#include "commands.h"

#include <string.h>

typedef struct detect_values {
    cli_answer_values answer;
    double threshold;
} detect_values;

static const cli_option OPTIONS[] = {
    CLI_MODEL_OPTION("a discriminator's directory, such as OUTPUT/discriminator of electra pretrain"),
    CLI_FORMAT_OPTION(
        "of the input: a line a text, columns between tabs (tsv) or commas (csv), or JSON objects with \"text\""),
    CLI_TEXT_COLUMN_OPTION,
    CLI_SEPARATOR_OPTION,
    {"threshold", 't', CLI_REAL, offsetof(detect_values, threshold), "P", .least = 0, .most = 1,
     .help = "tokens with at least this probability are marked as replaced (those with half of it as doubtful)"},
    CLI_MAX_LENGTH_OPTION("tokens that are looked at together; 0: as many as the model can. Longer texts are taken in "
                          "windows that overlap"),
    CLI_TRUNCATE_OPTION,
    CLI_END};

static void set_defaults(void *values)
{
    detect_values *v = values;
    v->threshold = 0.5;
}

typedef struct job {
    cli_answering a;
    double threshold;
    electra_detection found[CLI_BATCH_LINES];
} job;

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void print_json(FILE *out, electra_text text, const electra_detection *found)
{
    cli_print_text_member(out, "{", "text", text);
    fputs(",\"tokens\":[", out);
    for (size_t i = 0; i < found->n; i++) {
        const electra_token_score *t = &found->tokens[i];
        cli_print_text_member(out, i ? ",{" : "{", "token", (electra_text){t->token, strlen(t->token)});
        fprintf(out, ",\"start\":%u,\"end\":%u", (unsigned)t->span.start, (unsigned)t->span.end);
        cli_print_score_member(out, ",", "score", t->score);
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
    FILE *out = j->a.out;
    const char *const *begin = j->a.color ? COLOR_BEGIN : PLAIN_BEGIN;
    const char *const *end = j->a.color ? COLOR_END : PLAIN_END;
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
    if (j->a.as_json || j->a.common->quiet) {
        return;
    }
    const bool color = j->a.common->color_stderr && j->a.color;
    fprintf(stderr, "%sreplaced%s: probability at least %g; %sdoubtful%s: at least %g\n",
            color ? COLOR_BEGIN[MARK_REPLACED] : PLAIN_BEGIN[MARK_REPLACED],
            color ? COLOR_END[MARK_REPLACED] : PLAIN_END[MARK_REPLACED], j->threshold,
            color ? COLOR_BEGIN[MARK_DOUBTFUL] : PLAIN_BEGIN[MARK_DOUBTFUL],
            color ? COLOR_END[MARK_DOUBTFUL] : PLAIN_END[MARK_DOUBTFUL], j->threshold / 2);
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

static electra_status check(cli_answering *a, cli_shape *shape, electra_error *err)
{
    (void)shape;
    const electra_status status = electra_session_detect(a->session, NULL, 0, NULL, err);
    if (status == ELECTRA_OK) {
        print_legend((const job *)a);
    }
    return status;
}

static electra_status answer(cli_answering *a, const cli_batch *batch, electra_error *err)
{
    job *j = (job *)a;
    const electra_status status = electra_session_detect(a->session, batch->texts, batch->n, j->found, err);
    for (size_t i = 0; status == ELECTRA_OK && i < batch->n; i++) {
        if (a->as_json) {
            print_json(a->out, batch->texts[i], &j->found[i]);
        } else {
            print_marked(j, &batch->texts[i], &j->found[i]);
        }
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    static const cli_answerer DETECT = {"detecting", check, answer};
    const detect_values *v = values;
    job j = {.threshold = v->threshold};
    return cli_answer(&DETECT, common, &v->answer, arguments, &j.a, err);
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
