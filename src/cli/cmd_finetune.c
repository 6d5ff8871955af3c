/* electra finetune: settings from the command line, a run of the library, what it came to. */
#include "commands.h"
#include "curves.h"
#include "describe_run.h"
#include "task_options.h"

#include <math.h>

typedef struct finetune_values {
    electra_task_data data; /* first: CLI_TASK_OPTIONS fill it */
    electra_finetune_options run;
} finetune_values;

#define AT(member) offsetof(finetune_values, run.member)

static const cli_option OPTIONS[] = {
    {"model", 'm', CLI_STRING, AT(model), "DIR",
     .help = "pre-trained encoder: a model directory (needed unless the run in --output recorded it)"},
    {"output", 'o', CLI_STRING, AT(output), "DIR", .required = true,
     .help = "folder of the run and of its model; given again, the run goes on"},
    CLI_TASK_OPTIONS,
    {"dev-share", 0, CLI_REAL, offsetof(finetune_values, data.dev_share), "X", .least = 0, .most = 0.9,
     .help = "share of the training examples that is held out where there is no dev file; 0: none (default: 0.1)"},
    {"epochs", 0, CLI_REAL, AT(epochs), "X", .least = 0.001, .most = 10000,
     .help = "passes over the training examples (default: the task's, else 3, of questions 2)"},
    {"steps", 0, CLI_INTEGER, AT(steps), "N", .least = 1, .most = 1e9, .help = "steps instead of epochs"},
    {"batch", 0, CLI_INTEGER, AT(batch), "N", .least = 1, .most = 1 << 20, .help = "examples of a step (default: 32)"},
    {"micro-batch", 0, CLI_INTEGER, AT(micro_batch), "N", .least = 1, .most = 1 << 20,
     .help = "examples computed at a time: less memory, the same result but for rounding (default: what fits in half a "
             "gigabyte)"},
    {"learning-rate", 0, CLI_REAL, AT(learning_rate), "X", .least = 1e-12, .most = 10,
     .help = "the peak, of the head (default: 3e-4 to a width of 256, 1e-4 to 768, 5e-5 above)"},
    {"layer-decay", 0, CLI_REAL, AT(layer_decay), "X", .least = 0.01, .most = 1,
     .help = "the rate falls by this factor from layer to layer downwards (default: 0.8, with 24 layers 0.9)"},
    {"warmup", 0, CLI_REAL, AT(warmup), "X", .least = 0, .most = 1,
     .help = "share of the steps until the rate is full (default: 0.1)"},
    {"dropout", 0, CLI_REAL, AT(dropout), "X", .least = 0, .most = 0.9,
     .help = "hidden, attention and head (default: the encoder's own, 0.1 of published ones)"},
    {"weight-decay", 0, CLI_REAL, AT(weight_decay), "X", .least = 0, .most = 1, .help = "default: 0.01"},
    {"epsilon", 0, CLI_REAL, AT(epsilon), "X", .least = 1e-16, .most = 1, .help = "Adam's (default: 1e-6)"},
    {"bias-correction", 0, CLI_CHOICE, AT(bias_correction), NULL, .choices = "off|on",
     .help = "Adam's; the published system trained without it (default: on)"},
    {"clip", 0, CLI_REAL, AT(clip), "X", .least = 0, .most = 1e9,
     .help = "largest gradient norm; 0 does not clip (default: 1)"},
    {"max-length", 0, CLI_INTEGER, AT(max_length), "N", .least = 8, .most = 1 << 20,
     .help = "tokens of a sequence (default: the task's, else 128, of words to tag 256, of questions 384)"},
    {"both-orders", 0, CLI_CHOICE, AT(both_orders), NULL, .choices = "off|on",
     .help = "read training pairs in both orders (default: the task's: MRPC and STS-B)"},
    {"qa-head", 0, CLI_CHOICE, AT(qa_head), NULL, .choices = "spans|joint",
     .help = "questions: start and end apart as in transformers, or the published head (default: spans)"},
    {"doc-stride", 0, CLI_INTEGER, AT(doc_stride), "N", .least = 1, .most = 1 << 20,
     .help = "questions: tokens of the context from window to window (default: 128)"},
    {"max-answer", 0, CLI_INTEGER, AT(max_answer), "N", .least = 1, .most = 10000,
     .help = "questions: tokens of an answer, at most (default: 30)"},
    {"trials", 0, CLI_INTEGER, AT(trials), "N", .least = 1, .most = 10000,
     .help = "runs with seeds that follow one another; the best one's model is kept (default: 1)"},
    {"patience", 0, CLI_INTEGER, AT(patience), "N", .least = 0, .most = 1e6,
     .help = "end a trial after so many evaluations without a better score; 0: never (default: 0)"},
    {"eval-every", 0, CLI_INTEGER, AT(eval_every), "N", .least = 1, .most = 1e9,
     .help = "steps between evaluations on the dev examples (default: once an epoch)"},
    {"submission", 0, CLI_STRING, AT(submission), "DIR",
     .help = "folder for predictions of the test examples in the format of the GLUE site"},
    {"compat", 0, CLI_CHOICE, AT(compat), NULL, .choices = "none|google",
     .help = "google: as the released code does it, slips included (default: none)"},
    {"log-every", 0, CLI_INTEGER, AT(log_every), "N", .least = 1, .most = 1e9,
     .help = "steps between lines of metrics.jsonl (default: a hundredth of an epoch, 50 at most)"},
    {"save-every", 0, CLI_INTEGER, AT(save_every), "N", .least = 1, .most = 1e9,
     .help = "steps between checkpoints (default: one every ten minutes)"},
    CLI_END};

static void set_defaults(void *values)
{
    finetune_values *v = values;
    v->run = electra_finetune_options_default();
    cli_task_defaults(&v->data);
}

static void on_metrics(void *user, const electra_finetune_metrics *m)
{
    char scores[800] = "";
    for (size_t i = 0, used = 0; i < m->scores.n && used < sizeof scores; i++) {
        const int bytes = snprintf(scores + used, sizeof scores - used, "%s %s %.4f", i ? "," : "",
                                   m->scores.list[i].name, m->scores.list[i].value);
        used += bytes > 0 ? (size_t)bytes : 0;
    }
    if (m->task) {
        cli_curves_tell(user, "trial %d, step %llu, all scores of %s:%s", m->trial, (unsigned long long)m->step,
                        m->task, scores);
    } else if (!isnan(m->loss)) {
        cli_curves_tell(user, "trial %d, step %llu: loss %.4f, rate %.3g, gradient norm %.3g, %.0f examples/s",
                        m->trial, (unsigned long long)m->step, m->loss, m->learning_rate, m->gradient_norm,
                        m->examples_per_second);
    }
    cli_curves_follow(user);
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    (void)arguments;
    const finetune_values *v = values;
    electra_finetune_options options = v->run;
    options.data = cli_task_data(&v->data);
    options.runtime = common->runtime;
    options.seed = common->seed_given ? (long)common->seed : -1;
    cli_curves curves = cli_curves_of(options.output, &common->runtime);
    options.metrics = on_metrics;
    options.metrics_user = &curves;
    electra_finetune_result result = {0};
    const electra_status status = electra_finetune(&options, &result, err);
    if ((status == ELECTRA_OK || status == ELECTRA_INTERRUPTED) && !result.was_finished) {
        cli_curves_draw(&curves);
    }
    if (status == ELECTRA_OK && common->json) {
        describe_trials_json(common->out, &result);
        fputs("}\n", common->out);
    } else if (status == ELECTRA_OK) {
        describe_trials(common->out, &result);
        fprintf(common->out, "%s\n", result.model);
    }
    return status;
}

const cli_command cli_finetune = {
    .name = "finetune",
    .summary = "teach a pre-trained encoder a task from labelled examples",
    .help =
        "Puts a head for the task on the encoder of --model and trains both. What stands in --output afterwards is a "
        "Hugging Face model directory for electra predict, beside results.json (every trial, mean, median and standard "
        "deviation), metrics.jsonl, predictions.jsonl, settings.json, tensorboard/ and report.html. The weights that are kept are "
        "those of the best evaluation on the dev examples.\n"
        "\n"
        "Published tasks are read as they come: cola, sst-2, mrpc, sts-b, qqp, mnli, mnli-mm, qnli, rte, wnli, squad, "
        "squad2, newsqa, naturalqs, triviaqa, searchqa, conll2000, conll2003, wnut17, wikiann, ud-pos, trec, "
        "trec-fine, ag-news. Own files "
        "need "
        "--train, and "
        "--kind, --format and columns where they are not text and label.\n"
        "\n"
        "Run again with the same --output, it goes on from the newest checkpoint as if it had never been stopped. "
        "Ctrl-C saves and stops. A finished run goes on with more --trials.",
    .examples = "electra finetune --model run/discriminator --task rte --data glue/RTE --output rte --trials 3\n"
                "electra finetune -m run/discriminator --train a.csv --dev b.csv --label-column stars -o reviews\n"
                "electra finetune --model run/discriminator --train train.conll --kind tag --output names\n",
    .options = OPTIONS,
    .values_size = sizeof(finetune_values),
    .set_defaults = set_defaults,
    .run = run,
};
