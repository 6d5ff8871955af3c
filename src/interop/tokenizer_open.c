/* The public door to the tokenizer of a model directory. */
#include "base/status.h"
#include "interop/hf_tokenizer.h"

electra_status electra_tokenizer_load_model(electra_tokenizer **out, const char *folder,
                                            electra_specials_in_text specials, const electra_runtime *runtime,
                                            electra_error *err)
{
    if (!out || !folder || specials > ELECTRA_SPECIALS_ALL) {
        return el_fail(err, ELECTRA_MISUSE, "electra_tokenizer_load_model",
                       "out and folder must not be NULL, and specials must be one of 0, 1 and 2");
    }
    *out = NULL;
    return el_hf_tokenizer_read(out, folder, specials, runtime, err);
}
