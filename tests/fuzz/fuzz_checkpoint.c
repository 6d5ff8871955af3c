/* A checkpoint: verified by itself, and loaded into a pair of networks. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/samples.h"
#include "train/run_state.h"

enum { SETTINGS = 0x5eed }; /* what seeds.c gives its checkpoints */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const char *path = fuzz_file(data, bytes);
    el_run_state state = {0};
    electra_error err = {0};
    const bool sound = fuzz_accepted(el_checkpoint_verify(path, &el_run_state_table, &state, &err), &err);
    const el_checkpoint checkpoint = {.learner = el_step_learner(fuzz_sample_step()),
                                      .table = &el_run_state_table,
                                      .state = &state,
                                      .settings_hash = SETTINGS};
    const electra_status status = el_checkpoint_load(path, &checkpoint, &err);
    if (status == ELECTRA_MISUSE) { /* of another run: has words too */
        FUZZ_MUST_HOLD(strstr(err.message, "settings"));
    } else {
        FUZZ_MUST_HOLD(!fuzz_accepted(status, &err) || sound);
    }
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed)
{
    return fuzz_mutate_safetensors(data, bytes, most_bytes, seed);
}
