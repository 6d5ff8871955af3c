/* electra inspect: what a folder holds, and what is wrong with it. The subjects are in inspect_*.c. */
#include "commands.h"
#include "inspect.h"

typedef struct inspect_values {
    const char *data;
    const char *run;
    long examples;
    const char *model;
    inspect_size_values size;
} inspect_values;

static const cli_option OPTIONS[] = {
    {"data", 0, CLI_STRING, offsetof(inspect_values, data), "DIR", .help = "a data folder that electra prepare made"},
    {"run", 0, CLI_STRING, offsetof(inspect_values, run), "DIR", .help = "a folder that electra pretrain or electra finetune made"},
    {"examples", 0, CLI_INTEGER, offsetof(inspect_values, examples), "N", .least = 0, .most = 1e6,
     .help = "with --data: examples to show as text, from each split"},
    {"model", 'm', CLI_STRING, offsetof(inspect_values, model), "DIR", .help = "a model's directory"},
    {"size", 0, CLI_STRING, offsetof(inspect_values, size.size), "NAME",
     .help = "a preset of electra pretrain: tiny, mini, small, base or large"},
    {"vocab-size", 0, CLI_INTEGER, offsetof(inspect_values, size.vocab_size), "N", .least = 0, .most = 1e8,
     .help = "with --size: tokens of the vocabulary; 0: the published 30522"},
    {"batch", 0, CLI_INTEGER, offsetof(inspect_values, size.batch), "N", .least = 0, .most = 1e6,
     .help = "with --size: sequences of a step; 0: the preset's"},
    {"max-length", 0, CLI_INTEGER, offsetof(inspect_values, size.max_length), "N", .least = 0, .most = 1e6,
     .help = "with --size: tokens of a sequence; 0: the preset's"},
    CLI_END};

static void set_defaults(void *values)
{
    inspect_values *v = values;
    v->examples = 3;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const inspect_values *v = values;
    (void)arguments;
    if ((v->data != NULL) + (v->model != NULL) + (v->run != NULL) + (v->size.size != NULL) > 1) {
        return cli_fail(err, ELECTRA_MISUSE, NULL, "--data, --model, --run and --size are looked at one at a time");
    }
    if (v->data) {
        return inspect_data(common, v->data, (size_t)v->examples, err);
    }
    if (v->model) {
        return inspect_model(common, v->model, err);
    }
    if (v->run) {
        return inspect_run(common, v->run, err);
    }
    if (v->size.size) {
        return inspect_size(common, &v->size, err);
    }
    return cli_fail(err, ELECTRA_MISUSE, NULL,
                    "nothing to look at: give --data DIR, --model DIR, --run DIR or --size NAME");
}

const cli_command cli_inspect = {
    .name = "inspect",
    .summary = "what a folder holds, and what is wrong with it",
    .help =
        "With --data: counts, settings and a few examples of a data folder, after every checksum and every count "
        "has been looked at. A damaged folder ends with exit code 3 and a message that names the file, what was "
        "expected and what was found.\n"
        "With --model: the sizes of a network, its parameters, what a token costs, and its tokenizer, after every "
        "tensor has been looked at; a broken directory ends like a broken data folder. With --size: the same for "
        "what a preset would be, and the memory of a training step.\n"
        "With --run: how far a run of pre-training or fine-tuning came, what it found on held-out text or dev examples, "
        "its warnings, and its checkpoints and models, each of which is checked. Of fine-tuning that was stopped also "
        "where the best weights so far are, which are a model already.",
    .examples = "electra inspect --data data\n"
                "electra inspect --data data --examples 10 --json\n"
                "electra inspect --model run/discriminator\n"
                "electra inspect --run run\n"
                "electra inspect --size small --batch 32\n",
    .options = OPTIONS,
    .values_size = sizeof(inspect_values),
    .set_defaults = set_defaults,
    .run = run,
};
