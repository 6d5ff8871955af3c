/* model.safetensors beside a sound config.json and vocabulary: the weights (infinite and undefined ones too) go through
 * a session. */
#include "fuzz/fuzz.h"

#include <electra/infer.h>

#include <string.h>

#include "fuzz/samples.h"

static void use(const electra_model *model)
{
    static const char TEXT[] = "the cat [MASK] on the mat";
    const electra_text text = {TEXT, sizeof TEXT - 1};
    electra_session_options options = electra_session_options_default();
    electra_session *session = NULL;
    electra_detection found;
    options.runtime.threads = 1;
    options.batch_tokens = 16;
    FUZZ_MUST_HOLD(electra_session_create(&session, model, &options, NULL) == ELECTRA_OK);
    const electra_status status = electra_session_detect(session, &text, 1, &found, NULL);
    FUZZ_MUST_HOLD(status == ELECTRA_OK || electra_model_kind_of(model) != ELECTRA_MODEL_DISCRIMINATOR);
    FUZZ_MUST_HOLD(status != ELECTRA_OK || found.n > 0);
    electra_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool made;
    if (!made) {
        FUZZ_MUST_HOLD(fuzz_sample_model(fuzz_path("model"), EL_HEAD_DISCRIMINATOR));
        (void)fuzz_link("model/model.safetensors");
        made = true;
    }
    (void)fuzz_file(data, bytes);
    electra_model *model = NULL;
    electra_error err = {0};
    if (fuzz_accepted(electra_model_load(&model, fuzz_path("model"), NULL, &err), &err)) {
        use(model);
    }
    electra_model_free(model);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    return fuzz_mutate_safetensors(data, bytes, most_bytes, seed);
}
