/* electra inspect: what a folder holds, and what is wrong with it. The subjects are in inspect_*.c. */
#include "commands.h"
#include "inspect.h"

typedef struct inspect_values {
    const char *data;
    long examples;
} inspect_values;

static const cli_option OPTIONS[] = {
    {"data", 0, CLI_STRING, offsetof(inspect_values, data), "DIR", .help = "a data folder that electra prepare made"},
    {"examples", 0, CLI_INTEGER, offsetof(inspect_values, examples), "N", .least = 0, .most = 1e6,
     .help = "with --data: examples to show as text, from each split"},
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
    if (v->data) {
        return inspect_data(common, v->data, (size_t)v->examples, err);
    }
    return cli_fail(err, ELECTRA_MISUSE, NULL, "nothing to look at: give --data DIR");
}

const cli_command cli_inspect = {
    .name = "inspect",
    .summary = "what a folder holds, and what is wrong with it",
    .help = "With --data: counts, settings and a few examples of a data folder, after every checksum and every count "
            "has been looked at. A damaged folder ends with exit code 3 and a message that names the file, what was "
            "expected and what was found.",
    .examples = "electra inspect --data data\n"
                "electra inspect --data data --examples 10 --json\n",
    .options = OPTIONS,
    .values_size = sizeof(inspect_values),
    .set_defaults = set_defaults,
    .run = run,
};
