/* electra evaluate: the official metrics of a model on labelled examples. */
#include "commands.h"
#include "task_options.h"

#include <math.h>
#include <string.h>

typedef struct evaluate_values {
    electra_task_data data; /* first: CLI_TASK_OPTIONS fill it */
    electra_evaluate_options set;
} evaluate_values;

#define AT(member) offsetof(evaluate_values, set.member)

static const cli_option OPTIONS[] = {
    {"model", 'm', CLI_STRING, AT(model), "DIR", .required = true, .help = "model directory with the task's head"},
    CLI_TASK_OPTIONS,
    {"max-length", 0, CLI_INTEGER, AT(max_length), "N", .least = 8, .most = 1 << 20,
     .help = "tokens of a sequence (default: the run's, else the task's, else 128, of words to tag 256, of questions 384)"},
    {"doc-stride", 0, CLI_INTEGER, AT(doc_stride), "N", .least = 1, .most = 1 << 20,
     .help = "questions: tokens of the context from window to window (default: 128)"},
    {"max-answer", 0, CLI_INTEGER, AT(max_answer), "N", .least = 1, .most = 10000,
     .help = "questions: tokens of an answer, at most (default: 30)"},
    {"null-threshold", 0, CLI_REAL, AT(null_threshold), "X",
     .help = "questions: null odds above it mean that there is no answer (default: the model's own, else the best one on these examples)"},
    {"predictions", 0, CLI_STRING, AT(predictions), "FILE",
     .help = "write what is said about each example, as JSON lines"},
    {"submission", 0, CLI_STRING, AT(submission), "DIR",
     .help = "folder for predictions of the test examples in the format of the GLUE site"},
    {"compat", 0, CLI_CHOICE, AT(compat), NULL, .choices = "none|google",
     .help = "google: cut sentences and judge unanswerable questions as the released code does (default: none)"},
    CLI_END};

static void set_defaults(void *values)
{
    evaluate_values *v = values;
    v->set = electra_evaluate_options_default();
    cli_task_defaults(&v->data);
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    (void)arguments;
    const evaluate_values *v = values;
    electra_evaluate_options options = v->set;
    options.data = cli_task_data(&v->data);
    options.runtime = common->runtime;
    electra_scores scores;
    const electra_status status = electra_evaluate(&options, &scores, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    if (common->json) {
        fputc('{', common->out);
        cli_print_scores_json(common->out, &scores);
        fputs("}\n", common->out);
    } else {
        cli_print_scores(common->out, &scores);
    }
    return ELECTRA_OK;
}

const cli_command cli_evaluate = {
    .name = "evaluate",
    .summary = "score a model on labelled examples with the task's official metrics",
    .help =
        "Computes what the model says about every example and compares it with what is right: Matthews correlation, "
        "accuracy and F1 for classes, Pearson and Spearman for numbers, F1 of spans as conlleval and seqeval count "
        "them for tags, exact match and F1 as the official SQuAD scorers for questions. Shares are 0 to 1.\n"
        "\n"
        "A model that electra finetune made knows its task, how files are read and the lengths: nothing more is needed to "
        "score it on the dev file of its run (where that had none, on the training examples that it held out), or on "
        "--dev FILE of the same form. Otherwise examples are given as to electra finetune.",
    .examples = "electra evaluate --model rte\n"
                "electra evaluate --model rte --task rte --data glue/RTE\n"
                "electra evaluate --model reviews --dev test.csv --text-column review --label-column stars --json\n",
    .options = OPTIONS,
    .values_size = sizeof(evaluate_values),
    .set_defaults = set_defaults,
    .run = run,
};
