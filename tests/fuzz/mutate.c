/* Mutators for formats in which a random change is refused at once: they change, then put the frame right. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { LENGTH_BYTES = 8 };

size_t fuzz_mutate_safetensors(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    uint64_t header = 0;
    if (bytes >= LENGTH_BYTES) {
        memcpy(&header, data, LENGTH_BYTES);
    }
    if (seed % 2 || bytes < LENGTH_BYTES || header > bytes - LENGTH_BYTES || most_bytes <= bytes) {
        return LLVMFuzzerMutate(data, bytes, most_bytes);
    }
    /* header and data apart, because the mutator works at the end of what it is given */
    const size_t tail = bytes - LENGTH_BYTES - (size_t)header;
    uint8_t *text = malloc(most_bytes);
    if (!text) {
        return bytes;
    }
    memcpy(text, data + LENGTH_BYTES, (size_t)header);
    const size_t length = LLVMFuzzerMutate(text, (size_t)header, most_bytes - LENGTH_BYTES - tail);
    memmove(data + LENGTH_BYTES + length, data + bytes - tail, tail);
    memcpy(data + LENGTH_BYTES, text, length);
    free(text);
    const uint64_t stated = length;
    memcpy(data, &stated, LENGTH_BYTES);
    return LENGTH_BYTES + length + tail;
}
