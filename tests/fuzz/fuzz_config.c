/* config.json of a model directory: what is accepted describes a network whose table of parameters can be made, with
 * every head that the file allows. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "interop/hf_config.h"

static void build(const el_hf_config *config, el_head kind)
{
    el_head_config head;
    electra_error err = {0};
    if (!fuzz_accepted(el_hf_config_head(&head, config, kind, "config.json", &err), &err)) {
        return;
    }
    el_params params = {0};
    el_network network;
    const electra_status status = el_params_build_single(&params, &network, &config->model, &head, &err);
    /* sizes that are each possible may be too much together */
    FUZZ_MUST_HOLD(status == ELECTRA_OK || status == ELECTRA_NO_RESOURCE);
    FUZZ_MUST_HOLD(status != ELECTRA_OK || params.count > config->model.n_layers);
    el_params_clear(&params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    el_hf_config config;
    electra_error err = {0};
    if (fuzz_accepted(el_hf_config_read(&config, fuzz_file(data, bytes), &err), &err)) {
        FUZZ_MUST_HOLD(el_config_check(&config.model, "config.json", NULL) == ELECTRA_OK);
        FUZZ_MUST_HOLD(memchr(config.architecture, '\0', sizeof config.architecture));
        for (size_t i = 0; i < config.labels.count; i++) {
            FUZZ_MUST_HOLD(config.labels.names[i]);
        }
        for (el_head kind = EL_HEAD_NONE; kind < EL_N_HEADS; kind++) {
            build(&config, kind);
        }
    }
    el_hf_config_clear(&config);
    return 0;
}
