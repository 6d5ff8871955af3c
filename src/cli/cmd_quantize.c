/* electra quantize: a model in 8-bit integers. */
#include "commands.h"

#include <string.h>

typedef struct quantize_values {
    const char *model;
    const char *output;
} quantize_values;

static const cli_option OPTIONS[] = {{"model", 'm', CLI_STRING, offsetof(quantize_values, model), "DIR",
                                      .required = true, .help = "the model directory to read"},
                                     {"output", 'o', CLI_STRING, offsetof(quantize_values, output), "DIR",
                                      .required = true,
                                      .help = "the model directory to write; replaced if it is there"},
                                     CLI_END};

static electra_status describe(electra_model_info *out, const char *folder, const cli_common *common,
                               electra_error *err)
{
    electra_model_options options = electra_model_options_default();
    options.runtime = common->runtime;
    electra_model *model = NULL;
    const electra_status status = electra_model_load(&model, folder, &options, err);
    if (status == ELECTRA_OK) {
        *out = electra_model_describe(model);
        electra_model_free(model);
    }
    return status;
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const quantize_values *v = values;
    (void)arguments;
    electra_status status = electra_model_quantize(v->model, v->output, &common->runtime, err);
    electra_model_info info;
    if (status == ELECTRA_OK) {
        status = describe(&info, v->output, common, err); /* what was written can be read */
    }
    if (status != ELECTRA_OK) {
        return status;
    }
    const size_t before = info.parameters * sizeof(float);
    if (common->json) {
        fputs("{\"model\":", common->out);
        cli_print_json_string(common->out, v->output, strlen(v->output));
        fprintf(common->out, ",\"number_format\":\"%s\",\"float_bytes\":%zu,\"weight_bytes\":%zu}\n",
                info.number_format, before, info.weight_bytes);
    } else {
        const double unit = before < 1000000 ? 1e3 : 1e6;
        const char *name = before < 1000000 ? "kB" : "MB";
        fprintf(common->out, "%s: %.1f %s as %s, %.1f %s as float32\n", v->output, (double)info.weight_bytes / unit,
                name, info.number_format, (double)before / unit, name);
    }
    return ELECTRA_OK;
}

const cli_command cli_quantize = {
    .name = "quantize",
    .summary = "write a model in 8-bit integers: a quarter of the size, and faster",
    .help = "Reads a model directory and writes another one whose matrices are 8-bit integers with a scale for each "
            "output; norms and biases stay 32-bit floats. Every command that answers takes it like any model. Answers "
            "differ a little: compare both on examples of your own. Such a model cannot be trained or quantized again, "
            "so keep the one that it was made from.",
    .examples = "electra quantize --model my-classifier --output my-classifier-int8\n"
                "electra inspect --model my-classifier-int8\n",
    .options = OPTIONS,
    .values_size = sizeof(quantize_values),
    .run = run,
};
