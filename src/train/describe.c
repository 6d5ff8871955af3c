/* What a preset would be and cost, before anything exists. */
#include <electra/model.h>

#include "backend/backend.h"
#include "base/status.h"
#include "interop/model.h"
#include "train/step.h"

/* Slots of a step: 15 % of each sequence, rounded as the published system does. */
static size_t slots_of(const el_preset *preset, size_t batch, size_t length)
{
    return batch * (size_t)((preset->mask_prob + 0.005) * (double)length);
}

static electra_status describe_pair(electra_pair_info *out, const el_pretrain_config *pair, const el_preset *preset,
                                    electra_error *err)
{
    el_params params = {0};
    el_network generator;
    el_network discriminator;
    electra_status status = el_params_build_pair(&params, &generator, &discriminator, pair, err);
    if (status == ELECTRA_OK) {
        el_model_describe_network(&out->generator, &generator, &params, out->length);
        el_model_describe_network(&out->discriminator, &discriminator, &params, out->length);
        out->parameters = el_params_total(&params, EL_OWNER_SHARED);
        out->training_flops = out->generator.training_flops + out->discriminator.training_flops;
        const size_t slots = slots_of(preset, out->batch, out->length);
        const el_step_limits limits = {.tokens = out->batch * out->length,
                                       .sequences = out->batch,
                                       .longest = out->length,
                                       .slots = slots ? slots : 1};
        el_step_memory memory;
        status = el_step_memory_of(&memory, pair, &limits, sizeof(float), err);
        if (status == ELECTRA_OK) {
            out->parameter_bytes = memory.parameters;
            out->activation_bytes = memory.activations;
        }
    }
    el_params_clear(&params);
    return status;
}

electra_status electra_size_describe(electra_pair_info *out, const char *size, size_t vocab_size, size_t batch,
                                     size_t length, electra_error *err)
{
    const el_preset *preset = el_preset_find(size);
    if (!preset) {
        return el_fail(err, ELECTRA_MISUSE, size,
                       "there is no size \"%s\"; there are tiny, mini, small, base and large", size);
    }
    el_model_config config = preset->model;
    config.vocab_size = vocab_size ? vocab_size : config.vocab_size;
    electra_pair_info info = {.batch = batch ? batch : preset->batch, .length = length ? length : preset->max_length};
    if (info.length > config.max_positions || info.batch > 1u << 20) {
        return el_fail(
            err, ELECTRA_MISUSE, size,
            "a step of %zu sequences of %zu tokens cannot be: the model has %zu positions, and a step has at "
            "most 1048576 sequences",
            info.batch, info.length, config.max_positions);
    }
    el_pretrain_config pair;
    EL_TRY(el_pretrain_config_derive(&pair, &config, preset->generator_size, 1.0, EL_SHARE_EMBEDDINGS, err));
    EL_TRY(describe_pair(&info, &pair, preset, err));
    *out = info;
    return ELECTRA_OK;
}
