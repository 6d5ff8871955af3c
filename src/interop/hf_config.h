/* config.json of a Hugging Face model directory <-> the sizes of a network.
 *
 * Reading takes what decides the numbers a network computes and refuses values that would compute others than ours
 * (relative positions, a decoder, an unknown activation, another architecture family). Everything else in the file is
 * accepted and ignored. Absent members mean transformers' defaults, which are those of ELECTRA-Small. */
#ifndef EL_INTEROP_HF_CONFIG_H
#define EL_INTEROP_HF_CONFIG_H

#include "model/params.h"

typedef struct el_hf_config {
    el_model_config model;
    char architecture[64]; /* "ElectraForPreTraining"; empty if the file names none */
} el_hf_config;

/* ELECTRA_INVALID with file, member, what was expected and found. */
electra_status el_hf_config_read(el_hf_config *out, const char *path, electra_error *err);

/* The same from parsed JSON; where: the file, for messages. */
electra_status el_hf_config_parse(el_hf_config *out, const json_t *json, const char *where, electra_error *err);

/* Write all members that versions 3 to 5 of transformers read. head picks the architecture. Atomic. */
electra_status el_hf_config_write(const el_model_config *config, el_head head, const char *path, electra_error *err);

/* "ElectraForPreTraining" for a discriminator, "ElectraForMaskedLM" for a generator, "ElectraModel" without a head. */
const char *el_hf_architecture(el_head head);

#endif
