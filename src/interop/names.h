/* How tensors are called in files, over the years and by whom, and what we call them. */
#ifndef EL_INTEROP_NAMES_H
#define EL_INTEROP_NAMES_H

#include "interop/array.h"
#include "model/params.h"

/* The Hugging Face name of a stored tensor: `.gamma` and `.beta` of norms become `.weight` and `.bias` (files before
 * 2020, and versions 5.0 to 5.2 of transformers), and an encoder stored on its own, or a BERT's, gets the prefix
 * "electra."; BERT's masked-LM head is called as ours is. Each tensor is judged for itself. out: [bytes]; cut if it
 * does not fit, which no name of ours does. */
void el_name_from_hf(char *out, size_t bytes, const char *stored);

/* The way back: the name under which transformers stores a tensor of ours. An encoder without a head has no prefix. */
void el_name_to_hf(char *out, size_t bytes, const char *name, el_family family, bool encoder_alone);

/* Which variables of a TensorFlow checkpoint belong to a network. In a pre-training checkpoint the discriminator is
 * called "electra" and a smaller generator "generator"; what the generator has not of its own, it shares. */
typedef struct el_tf1_scopes {
    bool generator;      /* the network that is wanted: the generator, else the discriminator */
    bool own_encoder;    /* the generator has layers of its own: "generator/encoder/..." */
    bool own_embeddings; /* ... and tables of its own: "generator/embeddings/..." */
} el_tf1_scopes;

/* Our name for a variable of the published trainer (google-research/electra, model/modeling.py and run_pretraining.py);
 * false if it is no part of the network: the other network's, an optimiser's moment, a counter, a fine-tuned head.
 * *transposed: a kernel, stored [in, out] where ours are [out, in]. */
bool el_name_from_tf1(char *out, size_t bytes, bool *transposed, const char *stored, const el_tf1_scopes *scopes);

/* true for what old files hold beside the weights and nothing is lost by ignoring: index buffers, second copies. */
bool el_name_is_buffer(const char *name);

/* The generator's output matrix, which is its word table under a second name. */
#define EL_NAME_TIED_OUTPUT "generator_lm_head.weight"
#define EL_NAME_WORD_TABLE  "electra.embeddings.word_embeddings.weight"

/* Behind the name of a tensor of 8-bit integers: the name of its scales. */
#define EL_NAME_SCALE ".scale"

/* A stored array with our name for it. */
typedef struct el_named_array {
    char name[EL_PARAM_NAME_BYTES];
    el_array array; /* its own name is the one in the file */
} el_named_array;

void el_named_arrays_sort(el_named_array *list, size_t n);
/* In a sorted list; NULL if there is none of that name. */
const el_array *el_named_arrays_find(const el_named_array *list, size_t n, const char *name);

#endif
