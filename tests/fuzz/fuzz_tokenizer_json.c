/* tokenizer.json of a model directory, the only source of the vocabulary there. */
#include "fuzz/encode.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool linked;
    if (!linked) {
        (void)fuzz_link("tokenizer.json");
        linked = true;
    }
    (void)fuzz_file(data, bytes);
    electra_tokenizer *tokenizer = NULL;
    electra_error err = {0};
    const electra_status status =
        electra_tokenizer_load_model(&tokenizer, fuzz_folder(), ELECTRA_SPECIALS_ALL, NULL, &err);
    if (fuzz_accepted(status, &err)) {
        fuzz_use_tokenizer(tokenizer);
    }
    electra_tokenizer_free(tokenizer);
    return 0;
}
