#include "describe_data.h"
#include "inspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const SPLITS[ELECTRA_SPLITS] = {"train", "heldout"};

/* What is needed to show examples. */
typedef struct viewer {
    const cli_common *common;
    const electra_data *data;
    electra_tokenizer *tokenizer;
    uint32_t *ids, *types; /* [max_length] */
} viewer;

static electra_status viewer_open(viewer *v, electra_error *err)
{
    const electra_data_summary *s = electra_data_describe(v->data);
    v->ids = calloc(s->max_length, sizeof *v->ids);
    v->types = calloc(s->max_length, sizeof *v->types);
    if (!v->ids || !v->types) {
        return cli_fail(err, ELECTRA_NO_RESOURCE, NULL, "out of memory");
    }
    return electra_tokenizer_load(&v->tokenizer, electra_data_vocabulary(v->data), &s->tokenizer, err);
}

static void viewer_close(viewer *v)
{
    electra_tokenizer_free(v->tokenizer);
    free(v->ids);
    free(v->types);
}

/* The text of ids, as words or as a JSON string. */
static electra_status print_text(const viewer *v, const uint32_t *ids, size_t n, electra_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    const electra_status status = electra_tokenizer_decode(v->tokenizer, ids, n, true, &text, &bytes, err);
    if (status == ELECTRA_OK && v->common->json) {
        cli_print_json_string(v->common->out, text, bytes);
    } else if (status == ELECTRA_OK) {
        fwrite(text, 1, bytes, v->common->out);
    }
    electra_text_free(text);
    return status;
}

static size_t first_segment(const viewer *v, size_t length)
{
    size_t n = 0;
    while (n < length && v->types[n] == 0) {
        n++;
    }
    return n;
}

static electra_status print_example(const viewer *v, electra_split split, uint64_t i, bool leads, electra_error *err)
{
    FILE *out = v->common->out;
    size_t length = 0;
    electra_status status = electra_data_example(v->data, split, i, v->ids, v->types, &length, err);
    if (status != ELECTRA_OK) {
        return status;
    }
    const size_t first = first_segment(v, length);
    const char *json_lead = leads ? "" : ",";
    if (v->common->json) {
        fprintf(out, "%s{\"split\":\"%s\",\"number\":%" PRIu64 ",\"length\":%zu,\"segments\":[", json_lead,
                SPLITS[split], i, length);
    } else {
        fprintf(out, "\nexample %" PRIu64 " of %s, %zu tokens\n  A: ", i, SPLITS[split], length);
    }
    status = print_text(v, v->ids, first, err);
    if (status == ELECTRA_OK && first < length) {
        fputs(v->common->json ? "," : "\n  B: ", out);
        status = print_text(v, v->ids + first, length - first, err);
    }
    fputs(v->common->json ? "]}" : "\n", out);
    return status;
}

/* `wanted` examples from all over the folder, at even distances. */
static electra_status print_examples(const viewer *v, size_t wanted, electra_error *err)
{
    const electra_data_summary *s = electra_data_describe(v->data);
    bool leads = true;
    for (electra_split split = ELECTRA_TRAIN; split < ELECTRA_SPLITS; split++) {
        const uint64_t all = s->splits[split].examples;
        const uint64_t n = wanted < all ? wanted : all;
        for (uint64_t i = 0; i < n; i++) {
            const electra_status status = print_example(v, split, all / n * i, leads, err);
            if (status != ELECTRA_OK) {
                return status;
            }
            leads = false;
        }
    }
    return ELECTRA_OK;
}

static electra_status print_all(viewer *v, const char *folder, size_t examples, electra_error *err)
{
    FILE *out = v->common->out;
    if (v->common->json) {
        fputs("{\"data\":", out);
        cli_print_json_string(out, folder, strlen(folder));
        fputc(',', out);
        describe_data_members(out, electra_data_describe(v->data));
        fputs(",\"shown\":[", out);
    } else {
        fprintf(out, "%s\n", folder);
        describe_data_words(out, electra_data_describe(v->data));
        fputs("  all checksums and counts are right\n", out);
    }
    const electra_status status = print_examples(v, examples, err);
    if (v->common->json) {
        fputs("]}\n", out);
    }
    return status;
}

electra_status inspect_data(const cli_common *common, const char *folder, size_t examples, electra_error *err)
{
    electra_data *data = NULL;
    electra_status status = electra_data_open(&data, folder, err);
    if (status == ELECTRA_OK) {
        status = electra_data_verify(data, &common->runtime, err);
    }
    if (status == ELECTRA_OK) {
        viewer v = {.common = common, .data = data};
        status = viewer_open(&v, err);
        if (status == ELECTRA_OK) {
            status = print_all(&v, folder, examples, err);
        }
        viewer_close(&v);
    }
    electra_data_free(data);
    return status;
}
