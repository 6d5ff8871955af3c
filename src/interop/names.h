/* How tensors are called in files, over the years and by whom, and what we call them. */
#ifndef EL_INTEROP_NAMES_H
#define EL_INTEROP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The Hugging Face name of a stored tensor: `.gamma` and `.beta` of norms become `.weight` and `.bias` (files before
 * 2020, and versions 5.0 to 5.2 of transformers), and an encoder stored on its own or under "bert." gets the prefix
 * "electra.". Each tensor is judged for itself. out: [bytes]; cut if it does not fit, which no name of ours does. */
void el_name_from_hf(char *out, size_t bytes, const char *stored);

/* true for index buffers that old files hold beside the weights and that nothing is lost by ignoring. */
bool el_name_is_buffer(const char *name);

/* The generator's output matrix, which is its word table under a second name. */
#define EL_NAME_TIED_OUTPUT "generator_lm_head.weight"
#define EL_NAME_WORD_TABLE  "electra.embeddings.word_embeddings.weight"

#endif
