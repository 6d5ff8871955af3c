/* vocab.txt: what is accepted is a tokenizer that works, and is saved as what was read. */
#include "fuzz/encode.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    electra_tokenizer *tokenizer = NULL;
    electra_error err = {0};
    if (fuzz_accepted(electra_tokenizer_load(&tokenizer, fuzz_file(data, bytes), NULL, &err), &err)) {
        fuzz_use_tokenizer(tokenizer);
    }
    electra_tokenizer_free(tokenizer);
    return 0;
}
