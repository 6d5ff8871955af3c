/* electra report: curves of runs as a page for the browser. */
#include "commands.h"

#include <string.h>

typedef struct report_values {
    cli_list runs;
    const char *output;
} report_values;

static const cli_option OPTIONS[] = {
    {"run", 0, CLI_LIST, offsetof(report_values, runs), "DIR", .required = true,
     .help = "folders that electra pretrain or electra finetune made; several of one kind are drawn over each other"},
    {"output", 'o', CLI_STRING, offsetof(report_values, output), "FILE",
     .help = "the HTML file to write (default: report.html in the run; of several runs it must be given)"},
    CLI_END};

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const report_values *v = values;
    (void)arguments;
    electra_report_options options = electra_report_options_default();
    options.runtime = common->runtime;
    options.runs = v->runs.items;
    options.n_runs = v->runs.n;
    options.output = v->output;
    const electra_status status = electra_report_write(&options, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    const char *folder = v->output ? "" : v->runs.items[0];
    const size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] != '/' ? "/" : "";
    const char *name = v->output ? v->output : "report.html";
    if (common->json) {
        char path[4096];
        snprintf(path, sizeof path, "%s%s%s", folder, slash, name);
        fputs("{\"report\":", common->out);
        cli_print_json_string(common->out, path, strlen(path));
        fputs("}\n", common->out);
    } else {
        fprintf(common->out, "%s%s%s\n", folder, slash, name);
    }
    return ELECTRA_OK;
}

const cli_command cli_report = {
    .name = "report",
    .summary = "curves of training runs as one HTML file",
    .help =
        "Writes one self-contained HTML file (no network needed) with the curves of a run and what they mean, or of "
        "several runs over each other; of fine-tuning also its trials and what was taken for what. electra pretrain "
        "and "
        "electra finetune keep report.html in their run up to date by themselves; this makes it anew, or compares "
        "runs. "
        "Prints the path of the file.",
    .examples = "electra report --run runs/first\n"
                "electra report --run runs/first runs/second --output compare.html\n",
    .options = OPTIONS,
    .values_size = sizeof(report_values),
    .run = run,
};
