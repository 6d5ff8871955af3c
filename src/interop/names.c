/* Owns the spellings of tensor names. Sources: transformers, conversion_mapping.py and the history of its files;
 * google-research/electra for TensorFlow's. */
#include "interop/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text);
    const size_t end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Beginnings of names of BERT's masked-LM head, and ours for the same parts. */
static const struct {
    const char *bert, *ours;
} MASKED_LM[] = {{"cls.predictions.transform.", "generator_predictions."},
                 {"cls.predictions.decoder.weight", EL_NAME_TIED_OUTPUT},
                 {"cls.predictions.bias", "generator_lm_head.bias"}};
enum { N_MASKED_LM = sizeof MASKED_LM / sizeof MASKED_LM[0] };

void el_name_from_hf(char *out, size_t bytes, const char *stored)
{
    const bool bare = begins_with(stored, "embeddings.") || begins_with(stored, "embeddings_project.") ||
                      begins_with(stored, "encoder.") || begins_with(stored, "pooler.");
    if (begins_with(stored, "bert.")) {
        el_name_from_hf(out, bytes, stored + strlen("bert."));
        return;
    }
    const char *beginning = bare ? "electra." : "";
    for (size_t i = 0; i < N_MASKED_LM; i++) {
        if (begins_with(stored, MASKED_LM[i].bert)) {
            beginning = MASKED_LM[i].ours;
            stored += strlen(MASKED_LM[i].bert);
            break;
        }
    }
    static const struct {
        const char *old, *now;
    } NORMS[] = {{"LayerNorm.gamma", "LayerNorm.weight"}, {"LayerNorm.beta", "LayerNorm.bias"}};
    size_t kept = strlen(stored);
    const char *ending = "";
    for (size_t i = 0; i < sizeof NORMS / sizeof *NORMS; i++) {
        if (ends_with(stored, NORMS[i].old)) {
            kept -= strlen(NORMS[i].old);
            ending = NORMS[i].now;
        }
    }
    const int most = kept < bytes ? (int)kept : (int)bytes;
    (void)snprintf(out, bytes, "%s%.*s%s", beginning, most, stored, ending);
}

/* The last one is the masked-LM head's bias once more. */
bool el_name_is_buffer(const char *name)
{
    return ends_with(name, "embeddings.position_ids") || ends_with(name, "embeddings.token_type_ids") ||
           strcmp(name, "cls.predictions.decoder.bias") == 0;
}

/* "electra.encoder.x" -> "bert.encoder.x" or "encoder.x"; names of heads stay, but for BERT's masked-LM head. */
void el_name_to_hf(char *out, size_t bytes, const char *name, el_family family, bool encoder_alone)
{
    static const char OURS[] = "electra.";
    const bool encoder = begins_with(name, OURS);
    for (size_t i = 0; family == EL_FAMILY_BERT && i < N_MASKED_LM; i++) {
        if (begins_with(name, MASKED_LM[i].ours)) {
            (void)snprintf(out, bytes, "%s%s", MASKED_LM[i].bert, name + strlen(MASKED_LM[i].ours));
            return;
        }
    }
    const char *prefix = !encoder || encoder_alone ? "" : family == EL_FAMILY_BERT ? "bert." : OURS;
    (void)snprintf(out, bytes, "%s%s", prefix, encoder ? name + sizeof OURS - 1 : name);
}

/* ---- TensorFlow -------------------------------------------------------------------------------------------------- */

/* What follows a scope; NULL if the name is of another one. */
static const char *behind(const char *name, const char *scope)
{
    return begins_with(name, scope) ? name + strlen(scope) : NULL;
}

/* The part of an encoder's name that follows its scope, if the variable is the wanted network's; NULL otherwise. */
static const char *encoder_part(const char *stored, const el_tf1_scopes *scopes)
{
    const char *own = behind(stored, "generator/");
    const char *shared = behind(stored, "electra/");
    if (!scopes->generator) {
        return shared;
    }
    if (own) {
        return own;
    }
    if (!shared || !scopes->own_encoder) {
        return shared;
    }
    return begins_with(shared, "embeddings/") && !scopes->own_embeddings ? shared : NULL;
}

/* Endings in the order in which they are tried; the last one fits every name. */
static const struct {
    const char *stored, *ours;
    bool transposed;
} TF1_ENDINGS[] = {
    {"/dense_1/kernel", ".dense_prediction.weight", true},
    {"/dense_1/bias", ".dense_prediction.bias", false},
    {"/kernel", ".weight", true},
    {"/gamma", ".weight", false},
    {"/beta", ".bias", false},
    {"_embeddings", "_embeddings.weight", false},
    {"", "", false},
};

/* Slashes become points, and "layer_3" two parts of a name. */
static void to_points(char *name)
{
    for (char *at = name; *at; at++) {
        const bool number = at > name + 6 && strncmp(at - 6, ".layer_", 7) == 0;
        if (*at == '/' || number) {
            *at = '.';
        }
    }
}

bool el_name_from_tf1(char *out, size_t bytes, bool *transposed, const char *stored, const el_tf1_scopes *scopes)
{
    static const char OUTPUT_BIAS[] = "generator_predictions/output_bias";
    const char *part = encoder_part(stored, scopes);
    *transposed = false;
    if (ends_with(stored, "/adam_m") || ends_with(stored, "/adam_v")) {
        return false;
    }
    if (scopes->generator && strcmp(stored, OUTPUT_BIAS) == 0) {
        (void)snprintf(out, bytes, "generator_lm_head.bias");
        return true;
    }
    const char *head = scopes->generator ? "generator_predictions/" : "discriminator_predictions/";
    if (!part && !begins_with(stored, head)) {
        return false;
    }
    const char *rest = part ? part : stored;
    size_t i = 0;
    while (!ends_with(rest, TF1_ENDINGS[i].stored)) {
        i++;
    }
    const size_t kept = strlen(rest) - strlen(TF1_ENDINGS[i].stored);
    (void)snprintf(out, bytes, "%s%.*s%s", part ? "electra." : "", (int)(kept < bytes ? kept : bytes), rest,
                   TF1_ENDINGS[i].ours);
    to_points(out);
    *transposed = TF1_ENDINGS[i].transposed;
    return true;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const el_named_array *)a)->name, ((const el_named_array *)b)->name);
}

void el_named_arrays_sort(el_named_array *list, size_t n)
{
    qsort(list, n, sizeof *list, by_name);
}

/* By hand, as a key for bsearch would be an array of its own. */
const el_array *el_named_arrays_find(const el_named_array *list, size_t n, const char *name)
{
    size_t begin = 0;
    while (begin < n) {
        const size_t middle = begin + (n - begin) / 2;
        const int order = strcmp(list[middle].name, name);
        if (order == 0) {
            return &list[middle].array;
        }
        begin = order < 0 ? middle + 1 : begin;
        n = order < 0 ? n : middle;
    }
    return NULL;
}
