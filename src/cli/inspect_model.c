/* electra inspect --model and --size: what a network is, and what it costs. */
#include "inspect.h"

#include <inttypes.h>
#include <string.h>

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void print_network_json(FILE *out, const electra_model_info *i)
{
    fprintf(
        out,
        "{\"kind\":\"%s\",\"layers\":%zu,\"hidden_size\":%zu,\"heads\":%zu,\"intermediate_size\":%zu,"
        "\"embedding_size\":%zu,\"vocab_size\":%zu,\"max_positions\":%zu,\"activation\":\"%s\","
        "\"parameters\":%zu,\"embedding_parameters\":%zu,\"layer_parameters\":%zu,\"head_parameters\":%zu,"
        "\"number_format\":\"%s\",\"weight_bytes\":%zu,\"length\":%zu,\"forward_flops\":%.0f,\"training_flops\":%.0f}",
        electra_model_kind_name(i->kind), i->layers, i->hidden_size, i->heads, i->intermediate_size, i->embedding_size,
        i->vocab_size, i->max_positions, i->activation, i->parameters, i->embedding_parameters, i->layer_parameters,
        i->head_parameters, i->number_format, i->weight_bytes, i->flops_length, i->forward_flops, i->training_flops);
}

/* ---- words ---------------------------------------------------------------------------------------------------- */

/* A number with a unit that keeps it short: 13.5 M, 3.7 G. */
static const char *short_number(char text[32], double value)
{
    static const char *const UNITS[] = {"", " k", " M", " G", " T", " P"};
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof UNITS / sizeof *UNITS) {
        value /= 1000;
        unit++;
    }
    snprintf(text, 32, value < 10 && unit ? "%.2f%s" : value < 100 && unit ? "%.1f%s" : "%.0f%s", value, UNITS[unit]);
    return text;
}

static void print_network(FILE *out, const electra_model_info *i)
{
    char a[32];
    char b[32];
    char c[32];
    fprintf(out, "  %-12s %zu layers of width %zu, %zu heads, feed-forward %zu (%s)\n", "network", i->layers,
            i->hidden_size, i->heads, i->intermediate_size, i->activation);
    fprintf(out, "  %-12s %zu tokens of width %zu, %zu positions\n", "embeddings", i->vocab_size, i->embedding_size,
            i->max_positions);
    fprintf(out, "  %-12s %zu (embeddings %s, layers %s, head %s)\n", "parameters", i->parameters,
            short_number(a, (double)i->embedding_parameters), short_number(b, (double)i->layer_parameters),
            short_number(c, (double)i->head_parameters));
    fprintf(out, "  %-12s %sB as %s\n", "weights", short_number(a, (double)i->weight_bytes), i->number_format);
    fprintf(out, "  %-12s %s forward, %s training, a token of a sequence of %zu\n", "FLOPs",
            short_number(a, i->forward_flops), short_number(b, i->training_flops), i->flops_length);
}

/* ---- a directory ---------------------------------------------------------------------------------------------- */

static void print_tokenizer(FILE *out, const electra_tokenizer *tokenizer, bool json)
{
    if (!tokenizer) {
        fputs(json ? ",\"tokenizer\":null" : "  tokenizer    none: no tokenizer.json or vocab.txt\n", out);
        return;
    }
    const electra_tokenizer_options o = electra_tokenizer_settings(tokenizer);
    const bool strips = o.strip_accents == ELECTRA_ACCENTS_STRIP;
    if (json) {
        fprintf(out, ",\"tokenizer\":{\"size\":%zu,\"lowercase\":%s,\"strip_accents\":%s,\"hash\":\"%016" PRIx64 "\"}",
                electra_tokenizer_size(tokenizer), o.lowercase ? "true" : "false", strips ? "true" : "false",
                electra_tokenizer_hash(tokenizer));
    } else {
        fprintf(out, "  %-12s %zu tokens, %s, accents %s\n", "tokenizer", electra_tokenizer_size(tokenizer),
                o.lowercase ? "lower-casing" : "cased", strips ? "stripped" : "kept");
    }
}

enum { MOST_LABELS = 20 };          /* for people */
static const double ALWAYS = -1e30; /* a threshold that all odds exceed */

/* What its outputs mean: labels of a classifier or tagger, the threshold of a question answerer. */
static void print_outputs(FILE *out, const electra_model *model, bool json)
{
    static const char *const PROBLEMS[] = {[ELECTRA_PROBLEM_NONE] = "",
                                           [ELECTRA_PROBLEM_REGRESSION] = " (a number)",
                                           [ELECTRA_PROBLEM_SINGLE_LABEL] = " (one of them holds)",
                                           [ELECTRA_PROBLEM_MULTI_LABEL] = " (each may hold)"};
    const size_t n = electra_model_label_count(model);
    const double threshold = electra_model_null_threshold(model);
    if (n > 0) {
        fprintf(out, json ? ",\"labels\":[" : "  %-12s %zu%s: ", "labels", n, PROBLEMS[electra_model_problem(model)]);
    }
    for (size_t i = 0; i < n && (json || i < MOST_LABELS); i++) {
        const char *label = electra_model_label(model, i);
        fputs(i == 0 ? "" : json ? "," : ", ", out);
        if (json) {
            cli_print_json_string(out, label, strlen(label));
        } else {
            fputs(label, out);
        }
    }
    if (n > 0) {
        fputs(json ? "]" : n > MOST_LABELS ? ", ...\n" : "\n", out);
    }
    if (threshold <= ALWAYS && !json) {
        fputs("  no answer    always, which fine-tuning found to be best\n", out);
    } else if (threshold < 0 || threshold > 0) {
        fprintf(out, json ? ",\"null_threshold\":%.9g" : "  no answer    if its odds exceed %.4g\n", threshold);
    }
}

electra_status inspect_model(const cli_common *common, const char *folder, electra_error *err)
{
    electra_model_options options = electra_model_options_default();
    options.runtime = common->runtime;
    electra_model *model = NULL;
    const electra_status status = electra_model_load(&model, folder, &options, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    const electra_model_info info = electra_model_describe(model);
    FILE *out = common->out;
    if (common->json) {
        fputs("{\"model\":", out);
        cli_print_json_string(out, folder, strlen(folder));
        fputs(",\"network\":", out);
        print_network_json(out, &info);
        print_tokenizer(out, electra_model_tokenizer(model), true);
        print_outputs(out, model, true);
        fputs("}\n", out);
    } else {
        fprintf(out, "%s: a sound %s\n", folder, electra_model_kind_name(info.kind));
        print_network(out, &info);
        print_tokenizer(out, electra_model_tokenizer(model), false);
        print_outputs(out, model, false);
    }
    electra_model_free(model);
    return ELECTRA_OK;
}

/* ---- a preset ------------------------------------------------------------------------------------------------- */

electra_status inspect_size(const cli_common *common, const inspect_size_values *v, electra_error *err)
{
    electra_pair_info info;
    const electra_status status =
        electra_size_describe(&info, v->size, (size_t)v->vocab_size, (size_t)v->batch, (size_t)v->max_length, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    FILE *out = common->out;
    char a[32];
    char b[32];
    if (common->json) {
        fprintf(out, "{\"size\":\"%s\",\"generator\":", v->size);
        print_network_json(out, &info.generator);
        fputs(",\"discriminator\":", out);
        print_network_json(out, &info.discriminator);
        fprintf(out,
                ",\"parameters\":%zu,\"training_flops\":%.0f,\"batch\":%zu,\"length\":%zu,\"parameter_bytes\":%zu,"
                "\"activation_bytes\":%zu}\n",
                info.parameters, info.training_flops, info.batch, info.length, info.parameter_bytes,
                info.activation_bytes);
        return ELECTRA_OK;
    }
    fprintf(out, "%s, discriminator\n", v->size);
    print_network(out, &info.discriminator);
    fprintf(out, "%s, generator (the embeddings are the discriminator's)\n", v->size);
    print_network(out, &info.generator);
    fprintf(out, "pre-training both\n  %-12s %zu\n  %-12s %s a token, %s a step of %zu sequences of %zu\n",
            "parameters", info.parameters, "FLOPs", short_number(a, info.training_flops),
            short_number(b, info.training_flops * (double)(info.batch * info.length)), info.batch, info.length);
    fprintf(out, "  %-12s %sB for parameters, gradients and moments, %sB for a step (less with --micro-batch)\n",
            "memory", short_number(a, (double)info.parameter_bytes), short_number(b, (double)info.activation_bytes));
    return ELECTRA_OK;
}
