/* Token ids -> hidden states and back: embeddings (embeddings.c) and the post-norm Transformer layers (encoder.c).
 * docs/MODEL.md has the formulas; electra.md 1.3 is the source.
 *
 * A tape holds what a forward pass leaves for its backward pass. Without `keep` all layers use the same memory and only
 * the last hidden state survives. */
#ifndef EL_MODEL_ENCODER_H
#define EL_MODEL_ENCODER_H

#include "model/params.h"
#include "model/plan.h"

/* What one pass reads, and how its dropout is named. */
typedef struct el_pass {
    const el_layout *layout;
    const uint32_t *ids;   /* [T] */
    const uint32_t *types; /* [T] */
    bool train;            /* dropout on */
    uint64_t seed, step;   /* of the dropout */
} el_pass;

/* Sites of dropout: the detail of an EL_RNG_DROPOUT key is role * 2^32 + layer * 8 + site. */
typedef enum el_dropout_site {
    EL_SITE_EMBEDDINGS,       /* after the embedding norm */
    EL_SITE_ATTENTION,        /* attention probabilities */
    EL_SITE_ATTENTION_OUTPUT, /* before the first residual sum */
    EL_SITE_FFN_OUTPUT,       /* before the second */
    EL_SITE_HEAD_INPUT,       /* of a task's head, with layer 0 */
    EL_SITE_HEAD_INNER        /* likewise, before its last layer */
} el_dropout_site;

/* Of that rate in training, of rate 0 otherwise. */
el_dropout el_dropout_keyed(const el_network *network, const el_pass *pass, el_dropout_site site, size_t layer,
                            double rate);
/* Of the encoder's sites, whose rates are the network's. */
el_dropout el_dropout_at(const el_network *network, const el_pass *pass, el_dropout_site site, size_t layer);

typedef struct el_layer_tape {
    el_tensor qkv;          /* [T, 3H] */
    el_tensor context;      /* [T, H] */
    el_tensor lse;          /* [T, A] */
    el_tensor attend_sum;   /* [T, H] x + dropout(attention output) */
    el_tensor attend_stats; /* [T, 2] */
    el_tensor attended;     /* [T, H] y, its norm */
    el_tensor up_pre;       /* [T, F] before the activation; absent without keep */
    el_tensor up;           /* [T, F] */
    el_tensor down_sum;     /* [T, H] y + dropout(feed-forward output) */
    el_tensor down_stats;   /* [T, 2] */
    el_tensor out;          /* [T, H] */
} el_layer_tape;

typedef struct el_encoder_tape {
    el_tensor embed_sum;   /* [T, E] */
    el_tensor embed_stats; /* [T, 2] */
    el_tensor embedded;    /* [T, E] after norm and dropout */
    el_tensor entry;       /* [T, H] input of the first layer: the projection, or `embedded` itself */
    el_layer_tape *layers; /* [L], the caller's memory */
} el_encoder_tape;

/* Room of the backward pass, the same for all layers. */
typedef struct el_encoder_scratch {
    el_tensor d;       /* [T, H] gradient of the layer's output, then of its input */
    el_tensor dbranch; /* [T, H] gradient of a branch before its dropout */
    void *wide;        /* [T, max(F, 4H, E)] */
} el_encoder_scratch;

/* tape->layers must be set. tokens is T. */
void el_encoder_plan(el_encoder_tape *tape, const el_network *network, size_t tokens, bool keep, el_plan *plan);
void el_encoder_scratch_plan(el_encoder_scratch *scratch, const el_network *network, size_t tokens, el_plan *plan);

/* Everything from ids to the last hidden state, which is returned ([T, H], part of the tape). */
el_tensor el_encoder_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass);

/* The same from tape->entry on, [T, H], which the caller has filled: the ids and types of the pass are not read. */
el_tensor el_layers_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass);

/* The last hidden state of n tokens alone, [n, H] in the order of `rows`, for answers that read no others: the last
 * layer computes them only. rows: [n] in the backend's memory, n at most T. Not in training, and on a tape without
 * keep. */
el_tensor el_encoder_rows_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass,
                              const uint32_t *rows, size_t n);

/* scratch->d holds the gradient of the last hidden state and is overwritten. Adds to the gradient block. */
void el_encoder_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_encoder_tape *tape,
                    const el_pass *pass, el_encoder_scratch *scratch);

/* The parts of the above, used by them alone: ids -> tape->entry and back (scratch->d: gradient of entry). */
void el_embeddings_plan(el_encoder_tape *tape, const el_network *network, size_t tokens, el_plan *plan);
void el_embeddings_fwd(const el_network *network, el_weights theta, el_encoder_tape *tape, const el_pass *pass);
void el_embeddings_bwd(const el_network *network, el_weights theta, el_weights gradient, const el_encoder_tape *tape,
                       const el_pass *pass, el_encoder_scratch *scratch);

#endif
