/* From a checkpoint of the published trainer to one of its networks: which variables it consists of, and its sizes. */
#ifndef EL_INTEROP_TF1_MODEL_H
#define EL_INTEROP_TF1_MODEL_H

#include "interop/hf_config.h"
#include "interop/names.h"
#include "interop/tf1_checkpoint.h"

typedef enum el_tf1_network {
    EL_TF1_ANY, /* the discriminator, or the generator if there is no other */
    EL_TF1_DISCRIMINATOR,
    EL_TF1_GENERATOR
} el_tf1_network;

/* Whether the checkpoint holds a network with its head. A fine-tuned one holds neither, but still an encoder. */
bool el_tf1_has(const el_tf1 *checkpoint, el_tf1_network network);

/* The variables of a network under our names and, as kernels are stored transposed, in our shapes; each is checked
 * against its checksum. out: room for el_tf1_count. rt: for words about what is left out; may be NULL.
 * ELECTRA_INVALID: the network is not there, or its numbers are damaged. */
electra_status el_tf1_list(el_named_array *out, size_t *n, const el_tf1 *checkpoint, el_tf1_network network,
                           const char *where, const electra_runtime *rt, electra_error *err);

/* The configuration of a network from the shapes of its (sorted) variables. Shapes do not tell the number of heads: the
 * published networks have one for 64 units of width, and a warning says that this was taken. */
electra_status el_tf1_deduce_config(el_hf_config *out, const el_named_array *list, size_t n, const char *where,
                                    const electra_runtime *rt, electra_error *err);

/* A config.json beside a checkpoint describes the discriminator, so that a generator of another size must not take its
 * sizes: those are set from the shapes, and the number of heads as above. Does nothing where they agree. */
electra_status el_tf1_adapt_config(el_hf_config *config, const el_named_array *list, size_t n, const char *where,
                                   const electra_runtime *rt, electra_error *err);

#endif
