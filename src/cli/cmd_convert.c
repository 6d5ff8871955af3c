/* electra convert: a model in any form to a Hugging Face model directory of today. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

typedef struct convert_values {
    const char *from, *to, *config, *vocab;
    bool cased;
    int network, dtype;
    long shard_size;
} convert_values;

static const cli_option OPTIONS[] = {
    {"from", 'f', CLI_STRING, offsetof(convert_values, from), "PATH", .required = true,
     .help = "a model directory, a file of weights, or a TensorFlow 1 checkpoint (its folder, or its path without "
             ".index)"},
    {"to", 't', CLI_STRING, offsetof(convert_values, to), "DIR", .required = true,
     .help = "the model directory to write; a model that is there is replaced"},
    {"network", 0, CLI_CHOICE, offsetof(convert_values, network), .choices = "all|discriminator|generator",
     .help = "of a TensorFlow checkpoint; all writes DIR/discriminator and DIR/generator if it holds both"},
    {"config", 0, CLI_STRING, offsetof(convert_values, config), "FILE",
     .help = "config.json of the network, if it does not lie beside the weights"},
    {"vocab", 0, CLI_STRING, offsetof(convert_values, vocab), "FILE",
     .help = "vocab.txt, in place of the tokenizer beside the weights"},
    {"cased", 0, CLI_FLAG, offsetof(convert_values, cased), .help = "the vocabulary of --vocab knows capitals"},
    {"dtype", 0, CLI_CHOICE, offsetof(convert_values, dtype), .choices = "keep|float32|float16|bfloat16",
     .help = "number format of the weights; keep makes 32 bits of a mixture"},
    {"shard-size", 0, CLI_INTEGER, offsetof(convert_values, shard_size), "BYTES", .least = 0, .most = 1e15,
     .help = "split the weights into files of about that size, with an index; 0 writes one file"},
    CLI_END};

static void print_model(const cli_common *common, const char *to, const electra_converted_model *m, bool first)
{
    FILE *out = common->out;
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", to, m->subfolder[0] ? "/" : "", m->subfolder);
    if (!common->json) {
        fprintf(out, "%s: %s, %zu parameters in %s, %zu file%s\n", path, electra_model_kind_name(m->kind),
                m->parameters, m->number_format, m->files, m->files == 1 ? "" : "s");
        return;
    }
    fputs(first ? "" : ",", out);
    fputs("{\"model\":", out);
    cli_print_json_string(out, path, strlen(path));
    fprintf(out, ",\"kind\":\"%s\",\"parameters\":%zu,\"dtype\":\"%s\",\"files\":%zu}",
            electra_model_kind_name(m->kind), m->parameters, m->number_format, m->files);
}

static electra_status run(const cli_common *common, const void *values, const cli_list *arguments, electra_error *err)
{
    const convert_values *v = values;
    (void)arguments;
    if (v->cased && !v->vocab) {
        return cli_fail(err, ELECTRA_MISUSE, "--cased", "it says something of --vocab, which is not given");
    }
    electra_convert_options options = electra_convert_options_default();
    options.network = (electra_network)v->network;
    options.config = v->config;
    options.vocab = v->vocab;
    options.cased = v->cased;
    options.dtype = (electra_dtype)v->dtype;
    options.shard_bytes = (size_t)v->shard_size;
    options.runtime = common->runtime;
    electra_converted made;
    const electra_status status = electra_model_convert(&made, v->from, v->to, &options, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    fputs(common->json ? "{\"models\":[" : "", common->out);
    for (size_t i = 0; i < made.n; i++) {
        print_model(common, v->to, &made.models[i], i == 0);
    }
    fputs(common->json ? "]}\n" : "", common->out);
    return ELECTRA_OK;
}

const cli_command cli_convert = {
    .name = "convert",
    .summary = "write a model of any form as a model directory",
    .help = "Reads a Hugging Face model directory in any of its forms (model.safetensors, pytorch_model.bin of any "
            "version, both also in several files; old names of tensors) or a TensorFlow 1 checkpoint of the published "
            "trainer, and writes config.json, model.safetensors and the tokenizer files that every version of "
            "transformers reads. Head, labels and tokenizer are kept, numbers too unless --dtype asks for another "
            "format. Nothing in a file is ever executed; docs/FORMATS.md says what is read and what is refused.\n\n"
            "A TensorFlow checkpoint does not say how many attention heads a network has. Without a config.json one "
            "for 64 units of width is taken, as in all published networks.",
    .examples = "electra convert --from electra_small --to electra-small\n"
                "electra convert --from model.ckpt-1000000 --to gen --network generator --config generator.json\n"
                "electra convert --from old-model/pytorch_model.bin --to new-model\n"
                "electra convert --from my-model --to my-model-half --dtype float16\n",
    .options = OPTIONS,
    .values_size = sizeof(convert_values),
    .run = run,
};
