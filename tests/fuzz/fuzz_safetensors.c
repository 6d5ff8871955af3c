/* model.safetensors: whatever is accepted can be found, converted and covers the file without a gap. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/arrays.h"
#include "interop/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    el_safetensors *file = NULL;
    electra_error err = {0};
    if (fuzz_accepted(el_safetensors_parse(&file, data, bytes, "input", &err), &err)) {
        size_t covered = 0;
        for (size_t i = 0; i < el_safetensors_count(file); i++) {
            const el_array *t = el_safetensors_at(file, i);
            FUZZ_MUST_HOLD(i == 0 || strcmp(el_safetensors_at(file, i - 1)->name, t->name) < 0);
            FUZZ_MUST_HOLD(el_safetensors_find(file, t->name) == t);
            fuzz_use_array(t);
            covered += t->bytes;
        }
        uint64_t header;
        memcpy(&header, data, sizeof header);
        FUZZ_MUST_HOLD(covered + header + sizeof header == bytes);
        const char *format = el_safetensors_metadata(file, "format");
        FUZZ_MUST_HOLD(!format || strlen(format) < bytes);
    } else {
        FUZZ_MUST_HOLD(!file && strstr(err.message, "input"));
    }
    el_safetensors_close(file);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    return fuzz_mutate_safetensors(data, bytes, most_bytes, seed);
}
