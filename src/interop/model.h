/* What a loaded model is to the rest of the library: immutable weights with their table, and a tokenizer. */
#ifndef EL_INTEROP_MODEL_H
#define EL_INTEROP_MODEL_H

#include <electra/model.h>

#include "model/params.h"

/* Borrowed until the model is freed. */
const el_network *el_model_network(const electra_model *model);

/* Weights for one answer, as a backend of the same device sees them. be: the session's own. How they lie may change
 * between two calls (interop/weights.h); what they answer does not. */
el_weights el_model_weights(const electra_model *model, el_backend *be);
/* Do at once what the first few answers would bring about: for measuring those that come after. */
void el_model_settle(const electra_model *model, el_backend *be);

/* The folder it was read from. */
const char *el_model_folder(const electra_model *model);

/* What a network with that head can be asked. */
electra_model_kind el_model_kind_of_head(el_head head);

/* Sizes and costs of a network; parameters are counted over the rows that belong to its role. */
void el_model_describe_network(electra_model_info *out, const el_network *network, const el_params *params,
                               size_t flops_length);

#endif
