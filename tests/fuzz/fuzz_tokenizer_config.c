/* tokenizer_config.json beside a sound vocab.txt. */
#include "fuzz/encode.h"
#include "fuzz/fuzz.h"

#include "base/io.h"
#include "fuzz/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool made;
    if (!made) {
        FUZZ_MUST_HOLD(fuzz_sample_vocabulary(fuzz_path("vocab.txt")));
        (void)fuzz_link("tokenizer_config.json");
        made = true;
    }
    (void)fuzz_file(data, bytes);
    electra_tokenizer *tokenizer = NULL;
    electra_error err = {0};
    const electra_status status =
        electra_tokenizer_load_model(&tokenizer, fuzz_folder(), ELECTRA_SPECIALS_MASK, NULL, &err);
    if (fuzz_accepted(status, &err)) {
        fuzz_use_tokenizer(tokenizer);
    }
    electra_tokenizer_free(tokenizer);
    return 0;
}
