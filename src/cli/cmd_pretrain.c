/* electra pretrain: settings from the command line, a run of the library, curves kept up to date beside it. */
#include "commands.h"
#include "curves.h"
#include "describe_run.h"

#include <math.h>
#include <string.h>

typedef struct pretrain_values {
    electra_pretrain_options run; /* the table fills it directly */
} pretrain_values;

#define AT(member) offsetof(pretrain_values, run.member)

static const cli_option OPTIONS[] = {
    {"data", 0, CLI_STRING, AT(data), "DIR",
     .help = "shards made by electra prepare (needed unless the run in --output recorded them)"},
    {"output", 'o', CLI_STRING, AT(output), "DIR", .required = true,
     .help = "folder of the run; given again, the run goes on from its newest checkpoint"},
    {"size", 0, CLI_CHOICE, AT(size), NULL, "tiny|mini|small|base|large",
     .help = "size of the model, and with it every default below that is said to be the size's (default: small)"},
    {"config", 0, CLI_STRING, AT(config), "FILE",
     .help = "config.json whose sizes of the discriminator replace those of --size"},
    {"steps", 0, CLI_INTEGER, AT(steps), "N", .least = 1, .most = 1e12,
     .help = "how long to train, in steps (default: the size's)"},
    {"hours", 0, CLI_REAL, AT(hours), "H", .least = 1e-4, .most = 1e5,
     .help = "how long to train, by the clock instead: the learning rate falls so that it ends when the time does"},
    {"batch", 0, CLI_INTEGER, AT(batch), "N", .least = 1, .most = 1 << 20,
     .help = "sequences of a step (default: the size's)"},
    {"micro-batch", 0, CLI_INTEGER, AT(micro_batch), "N", .least = 1, .most = 1 << 20,
     .help =
         "sequences computed at a time: less memory, the same result but for rounding (default: what fits in half a "
         "gigabyte)"},
    {"learning-rate", 0, CLI_REAL, AT(learning_rate), "X", .least = 1e-12, .most = 10,
     .help = "the peak (default: the size's)"},
    {"warmup", 0, CLI_INTEGER, AT(warmup), "N", .least = 0, .most = 1e12,
     .help = "steps until the learning rate is full (default: the size's, a tenth of the steps at most; with --hours a "
             "twentieth of the time)"},
    {"generator-size", 0, CLI_REAL, AT(generator_size), "X", .least = 0.01, .most = 1,
     .help = "widths of the generator as a share of the discriminator's (default: the size's)"},
    {"embeddings", 0, CLI_CHOICE, AT(embeddings), NULL, "tied|untied|all",
     .help = "what both networks share: the embeddings, nothing, or the whole encoder (default: tied)"},
    {"mask-prob", 0, CLI_REAL, AT(mask_prob), "X", .least = 0.01, .most = 0.9,
     .help = "share of the tokens that are masked (default: the size's)"},
    {"dropout", 0, CLI_REAL, AT(dropout), "X", .least = 0, .most = 0.9,
     .help = "hidden and attention dropout (default: the size's)"},
    {"weight-decay", 0, CLI_REAL, AT(weight_decay), "X", .least = 0, .most = 1, .help = "default: the size's"},
    {"epsilon", 0, CLI_REAL, AT(epsilon), "X", .least = 1e-16, .most = 1, .help = "Adam's (default: the size's)"},
    {"bias-correction", 0, CLI_CHOICE, AT(bias_correction), NULL, .choices = "off|on",
     .help = "Adam's: on for tiny and mini; the published system trained without it (default: the size's)"},
    {"clip", 0, CLI_REAL, AT(clip), "X", .least = 0, .most = 1e9,
     .help = "largest gradient norm; 0 does not clip (default: 1)"},
    {"discriminator-weight", 0, CLI_REAL, AT(discriminator_weight), "X", .least = 0, .most = 1e6,
     .help = "of its loss in the sum; the generator's is 1 (default: the size's, 50)"},
    {"initial-deviation", 0, CLI_REAL, AT(initial_deviation), "X", .least = 1e-4, .most = 1,
     .help = "standard deviation of the initial weights (default: the size's)"},
    {"init", 0, CLI_STRING, AT(init), "DIR",
     .help = "begin with the weights of a model directory or of a former run (the optimiser begins afresh)"},
    {"compat", 0, CLI_CHOICE, AT(compat), NULL, "none|google",
     .help = "google: mask and corrupt as the released code does, slips included (default: none)"},
    {"log-every", 0, CLI_INTEGER, AT(log_every), "N", .least = 1, .most = 1e9,
     .help = "steps between lines of metrics.jsonl (default: a thousand lines, 100 steps at most; with --hours 10)"},
    {"eval-every", 0, CLI_INTEGER, AT(eval_every), "N", .least = 1, .most = 1e12,
     .help = "steps between evaluations on held-out text (default: twenty in a run)"},
    {"eval-sequences", 0, CLI_INTEGER, AT(eval_sequences), "N", .least = 1, .most = 1e9,
     .help = "held-out sequences that an evaluation reads (default: 1024)"},
    {"save-every", 0, CLI_INTEGER, AT(save_every), "N", .least = 1, .most = 1e12,
     .help = "steps between checkpoints (default: one every ten minutes)"},
    {"keep", 0, CLI_INTEGER, AT(keep), "N", .least = 0, .most = 1e6,
     .help = "newest checkpoints to keep; 0 keeps all (default: 2)"},
    CLI_END};

static void set_defaults(void *values)
{
    ((pretrain_values *)values)->run = electra_pretrain_options_default();
}

static void on_metrics(void *user, const electra_metrics *m)
{
    if (!isnan(m->loss)) {
        cli_curves_tell(user,
                        "step %llu: loss %.4f (generator %.4f, discriminator %.4f), rate %.3g, gradient norm %.3g, "
                        "%.0f tokens/s",
                        (unsigned long long)m->step, m->loss, m->generator_loss, m->discriminator_loss,
                        m->learning_rate, m->gradient_norm, m->tokens_per_second);
    }
    if (!isnan(m->heldout_auc)) {
        cli_curves_tell(user,
                        "step %llu, held-out: generator loss %.4f, accuracy %.4f, perplexity %.4g; discriminator loss "
                        "%.4f, AUC %.4f, precision %.4f, recall %.4f",
                        (unsigned long long)m->step, m->heldout_generator_loss, m->heldout_generator_accuracy,
                        m->heldout_generator_perplexity, m->heldout_discriminator_loss, m->heldout_auc,
                        m->heldout_precision, m->heldout_recall);
    }
    cli_curves_follow(user);
}

/* ---- what it came to -----------------------------------------------------------------------------------------------
 */

static void print_json(FILE *out, const electra_pretrain_result *result, const char *run)
{
    fprintf(out, "{\"finished\":%s,\"was_finished\":%s,\"first_step\":%llu,", result->finished ? "true" : "false",
            result->was_finished ? "true" : "false", (unsigned long long)result->first_step);
    describe_metrics_json(out, &result->last);
    fputs(",\"discriminator\":", out);
    cli_print_json_string(out, result->discriminator, strlen(result->discriminator));
    fputs(",\"generator\":", out);
    cli_print_json_string(out, result->generator, strlen(result->generator));
    fputs(",\"run\":", out);
    cli_print_json_string(out, run, strlen(run));
    fputs("}\n", out);
}

static void print_words(FILE *out, const electra_pretrain_result *result, const char *run)
{
    describe_metrics(out, result->finished, &result->last);
    fprintf(out, "%s\n%s\n%s/report.html\n", result->discriminator, result->generator, run);
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    (void)arguments;
    electra_pretrain_options options = ((const pretrain_values *)values)->run;
    cli_curves curves = cli_curves_of(options.output, &common->runtime);
    options.runtime = common->runtime;
    options.metrics = on_metrics;
    options.metrics_user = &curves;
    options.seed = common->seed_given ? (long)common->seed : -1;
    electra_pretrain_result result;
    const electra_status status = electra_pretrain(&options, &result, err);
    const bool trained = status == ELECTRA_OK || status == ELECTRA_INTERRUPTED;
    if (trained && !result.was_finished) {
        cli_curves_draw(&curves);
    }
    if (trained && common->json) {
        print_json(common->out, &result, options.output);
    } else if (trained) {
        print_words(common->out, &result, options.output);
    }
    return status;
}

const cli_command cli_pretrain = {
    .name = "pretrain",
    .summary = "train a generator and a discriminator on shards",
    .help =
        "Trains a generator to fill in masked tokens and a discriminator to find the tokens that the generator "
        "replaced. "
        "DIR of --output gets discriminator/ and generator/ (Hugging Face model directories), checkpoints/, "
        "settings.json, "
        "metrics.jsonl, tensorboard/ and report.html, which shows how the run is going.\n"
        "\n"
        "Run again with the same --output, it goes on from the newest checkpoint as if it had never been stopped; what "
        "is "
        "not given then is as it was. Ctrl-C saves and stops. A finished run can be made longer with more --steps or "
        "--hours: the learning rate then follows the schedule of the new length from there on.\n"
        "\n"
        "A network that has minutes or hours and is to be fine-tuned learns more for that with --embeddings all "
        "--discriminator-weight 5.",
    .examples = "electra pretrain --data shards --output run --size tiny --hours 0.2\n"
                "electra pretrain --output run\n"
                "electra pretrain --data more --output second --size tiny --init run\n",
    .options = OPTIONS,
    .values_size = sizeof(pretrain_values),
    .set_defaults = set_defaults,
    .run = run,
};
