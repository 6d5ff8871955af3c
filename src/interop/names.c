/* Owns the spellings of tensor names. Source: transformers, conversion_mapping.py and the history of its files. */
#include "interop/names.h"

#include <stdio.h>
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

void el_name_from_hf(char *out, size_t bytes, const char *stored)
{
    const bool bare = begins_with(stored, "embeddings.") || begins_with(stored, "embeddings_project.") ||
                      begins_with(stored, "encoder.") || begins_with(stored, "pooler.");
    if (begins_with(stored, "bert.")) {
        el_name_from_hf(out, bytes, stored + strlen("bert."));
        return;
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
    (void)snprintf(out, bytes, "%s%.*s%s", bare ? "electra." : "", most, stored, ending);
}

bool el_name_is_buffer(const char *name)
{
    return ends_with(name, "embeddings.position_ids") || ends_with(name, "embeddings.token_type_ids");
}
