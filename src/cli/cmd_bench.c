/* electra bench: how fast this machine trains, answers, multiplies and tokenizes. */
#include "bench.h"
#include "commands.h"

#include <string.h>

static const cli_option OPTIONS[] = {
    {"size", 0, CLI_CHOICE, offsetof(bench_values, size), NULL, .choices = "tiny|mini|small|base|large",
     .help = "pretrain: the networks; infer: the model, with random weights"},
    {"dtype", 0, CLI_CHOICE, offsetof(bench_values, dtype), NULL, .choices = "float32|int8",
     .help = "infer: int8 quantizes random weights or a model of floats first; a quantized --model is int8 as it is"},
    {"model", 0, CLI_STRING, offsetof(bench_values, model), "DIR", .help = "infer: a model directory instead of --size"},
    {"batch", 0, CLI_INTEGER, offsetof(bench_values, batch), "N", .least = 1, .most = 1e6,
     .help = "pretrain: sequences a step; infer: sequences a call"},
    {"micro-batch", 0, CLI_INTEGER, offsetof(bench_values, micro_batch), "N", .least = 0, .most = 1e6,
     .help = "pretrain: sequences at a time; 0: all of the batch"},
    {"max-length", 0, CLI_INTEGER, offsetof(bench_values, max_length), "N", .least = 1, .most = 1e6,
     .help = "pretrain, infer: tokens of each sequence"},
    {"length", 0, CLI_INTEGER, offsetof(bench_values, max_length), "N", .least = 1, .most = 1e6,
     .help = "the same as --max-length"},
    {"steps", 0, CLI_INTEGER, offsetof(bench_values, steps), "N", .least = 0, .most = 1e6,
     .help = "pretrain, infer: steps or calls to measure; 0: as many as fit into --seconds, at least 5"},
    {"seconds", 0, CLI_REAL, offsetof(bench_values, seconds), "S", .least = 0, .most = 86400,
     .help = "how long to measure: all of pretrain, infer and tokenize, each row of kernels; 0: 20 seconds, 5 of infer, 0.5 for a "
             "row"},
    {"vocab", 0, CLI_STRING, offsetof(bench_values, vocab), "FILE", .help = "tokenize: the vocabulary"},
    {"input", 0, CLI_STRING, offsetof(bench_values, input), "FILE", .help = "tokenize: text, a line at a time"},
    CLI_END};

static void set_defaults(void *values)
{
    bench_values *v = values;
    v->size = ELECTRA_SIZE_SMALL;
    v->batch = 32;
    v->max_length = 128;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    static const struct {
        const char *name;
        electra_status (*run)(const cli_common *common, const bench_values *v, electra_error *err);
    } SUBJECTS[] = {{"pretrain", bench_pretrain},
                  {"infer", bench_infer},
                  {"kernels", bench_kernels},
                  {"tokenize", bench_tokenize}};
    if (arguments->n != 1) {
        return cli_fail(err, ELECTRA_MISUSE, "bench", "expected one of pretrain, infer, kernels, tokenize; found %zu words",
                        arguments->n);
    }
    for (size_t i = 0; i < sizeof SUBJECTS / sizeof *SUBJECTS; i++) {
        if (strcmp(arguments->items[0], SUBJECTS[i].name) == 0) {
            return SUBJECTS[i].run(common, values, err);
        }
    }
    return cli_fail(err, ELECTRA_MISUSE, "bench", "expected pretrain, infer, kernels or tokenize, found \"%s\"",
                    arguments->items[0]);
}

const cli_command cli_bench = {
    .name = "bench",
    .summary = "speed of training, of answering, of single operators and of the tokenizer",
    .arguments = "pretrain|infer|kernels|tokenize",
    .help = "pretrain: steps of a generator and a discriminator on random tokens, timed after a first one, with the "
            "machine's multiply-add peak on as many threads measured between them. GFLOP/s count needed work only: "
            "the matrix products of forward and backward, the masked-token head at masked positions. With --verbose "
            "also the time of each operator.\n"
            "infer: a model answers --batch sequences of random tokens, again and again, with the peak measured in between; "
            "and, if it has a vocabulary, the time from starting this program anew to its first answer. With --verbose "
            "also the time of each operator.\n"
            "kernels: single operators on the shapes of ELECTRA-Small, at every level that this machine has "
            "(ELECTRA_CPU), and the peak on 1 to --threads threads.\n"
            "tokenize: the lines of --input through the tokenizer on one thread, with the word cache cold and warm; "
            "the file is read before the clock starts. Beside it the multiply-add peak of one thread, which tells how "
            "fast the machine was in these seconds.",
    .examples = "electra bench pretrain --size small --batch 32 --max-length 128 --threads 1\n"
                "electra bench infer --size small --batch 1 --length 128 --threads 2\n"
                "electra bench infer --model run/discriminator --batch 32 --json\n"
                "electra bench kernels\n"
                "electra bench tokenize --vocab vocab.txt --input text.txt --json\n",
    .options = OPTIONS,
    .values_size = sizeof(bench_values),
    .set_defaults = set_defaults,
    .run = run,
};
