/* The parameter table: one row for each tensor of a network or of a pre-training pair. Allocation, initialisation,
 * optimiser groups, checkpoint names and gradient tests all read this table and nothing else.
 *
 * All parameters lie in one block (elements, not bytes; the backend's real type), at `offset`. Gradients and both
 * moments are blocks of the same layout. Query, key and value weights of a layer follow one another without a gap, and
 * so do their biases, so that one [3H, H] view serves the fused product.
 *
 *     el_params params = {0};
 *     el_network generator, discriminator;
 *     EL_TRY(el_params_build_pair(&params, &generator, &discriminator, &config, err));
 *     void *theta = be->ops->alloc(be, params.elements * be->element_size);
 *     EL_TRY(el_params_initialise(&params, be, theta, 42, err));
 *     el_weights w = el_weights_of(be, &params, theta);
 *     el_tensor word = el_weights_at(w, generator.embeddings + EL_P_WORD);
 *     el_params_clear(&params); */
#ifndef EL_MODEL_PARAMS_H
#define EL_MODEL_PARAMS_H

#include "model/config.h"

typedef enum el_owner {
    EL_OWNER_SHARED, /* in both networks of a pair; stored in both model directories */
    EL_OWNER_GENERATOR,
    EL_OWNER_DISCRIMINATOR /* also every tensor of a network that stands alone */
} el_owner;

/* How a tensor starts (electra.md 1.3). */
typedef enum el_init {
    EL_INIT_ZERO,
    EL_INIT_ONE,
    EL_INIT_NORMAL,      /* truncated normal of standard deviation `scale`, redrawn beyond 2 of them */
    EL_INIT_GLOROT,      /* uniform within sqrt(6 / (rows + cols)) */
    EL_INIT_GLOROT_HALF, /* within sqrt(6 / (rows + 2 cols)): one of two halves of a matrix over a concatenation */
    /* EL_POSITIONS_NEIGHBOURS; formulas in initialise.c */
    EL_INIT_WAVES,      /* the position table: scale * sin, cos of 16 wavelengths in 32 columns, 0 elsewhere */
    EL_INIT_KEEP_WAVES, /* the projection: passes the waves on, otherwise Glorot */
    EL_INIT_LOOK_QUERY, /* first layer: each head's waves turned towards its neighbour, and a little noise */
    EL_INIT_LOOK_KEY    /* first layer: each head's waves as they are, and a little noise */
} el_init;

enum { EL_PARAM_NAME_BYTES = 96 };

typedef struct el_param {
    char name[EL_PARAM_NAME_BYTES]; /* Hugging Face name with the prefix "electra." for everything but heads */
    el_owner owner;
    size_t rows, cols; /* a vector is one row */
    int n_dims;        /* 1 for biases and norms, 2 for matrices: the shape in files is [cols] or [rows, cols] */
    size_t offset;     /* elements from the start of the block */
    el_init init;
    double scale;
    size_t head_width; /* of EL_INIT_LOOK_*; 0 otherwise */
    bool decays;       /* takes part in weight decay: its name contains none of LayerNorm, layer_norm, bias */
    size_t depth;      /* 0 embeddings and projection, i + 1 for layer i, L + 1 for heads: for layer-wise rates */
} el_param;

typedef struct el_params {
    el_param *list;
    size_t count;
    size_t elements; /* of the block, gaps included; gaps hold 0 in every block */
    size_t capacity; /* rows there is room for */
} el_params;

/* Rows of a group, counted from its first. Order is part of the layout: q, k, v adjoin. */
enum { EL_P_WORD, EL_P_POSITION, EL_P_TYPE, EL_P_EMBED_GAMMA, EL_P_EMBED_BETA, EL_N_EMBEDDING_PARAMS };
enum { EL_P_PROJECT_W, EL_P_PROJECT_B, EL_N_PROJECTION_PARAMS };
enum {
    EL_P_QUERY_W,
    EL_P_KEY_W,
    EL_P_VALUE_W,
    EL_P_QUERY_B,
    EL_P_KEY_B,
    EL_P_VALUE_B,
    EL_P_ATTEND_W,
    EL_P_ATTEND_B,
    EL_P_ATTEND_GAMMA,
    EL_P_ATTEND_BETA,
    EL_P_UP_W,
    EL_P_UP_B,
    EL_P_DOWN_W,
    EL_P_DOWN_B,
    EL_P_DOWN_GAMMA,
    EL_P_DOWN_BETA,
    EL_N_LAYER_PARAMS
};
enum { EL_P_MLM_W, EL_P_MLM_B, EL_P_MLM_GAMMA, EL_P_MLM_BETA, EL_P_MLM_OUTPUT_B, EL_N_MASKED_LM_PARAMS };
enum { EL_P_DISC_W, EL_P_DISC_B, EL_P_DISC_OUTPUT_W, EL_P_DISC_OUTPUT_B, EL_N_DISCRIMINATOR_PARAMS };
enum { EL_P_DENSE_W, EL_P_DENSE_B, EL_N_DENSE_PARAMS };    /* the hidden layer of a head that reads [CLS] */
enum { EL_P_OUTPUT_W, EL_P_OUTPUT_B, EL_N_OUTPUT_PARAMS }; /* the last layer of a task's head */

enum { /* EL_HEAD_JOINT_QA (joint_qa.h) */
       EL_P_QA_START_W,
       EL_P_QA_START_B,
       EL_P_QA_END_START_W,
       EL_P_QA_END_TOKEN_W,
       EL_P_QA_END_B,
       EL_P_QA_END_OUTPUT_W,
       EL_P_QA_END_OUTPUT_B,
       EL_P_QA_DOUBT_FIRST_W,
       EL_P_QA_DOUBT_FEATURE_W,
       EL_P_QA_DOUBT_B,
       EL_P_QA_DOUBT_OUTPUT_W,
       EL_P_QA_DOUBT_OUTPUT_B,
       EL_N_JOINT_QA_PARAMS
};

typedef enum el_head {
    EL_HEAD_NONE,
    EL_HEAD_MASKED_LM,     /* a masked token -> V (masked_lm.h) */
    EL_HEAD_DISCRIMINATOR, /* each token -> 1 (discriminator.h) */
    /* Heads of tasks (heads.h). */
    EL_HEAD_CLASSIFIER, /* [CLS] -> C: classes, a number, several labels; of one text or a pair */
    EL_HEAD_TAGGER,     /* each token -> C */
    EL_HEAD_SPANS,      /* each token -> 2: an answer's start and end */
    EL_HEAD_CHOICE,     /* [CLS] -> 1; every choice is a sequence of its own */
    EL_HEAD_JOINT_QA    /* each token -> start; start and token -> end; [CLS] -> impossible (joint_qa.h) */
} el_head;
#define EL_N_HEADS (EL_HEAD_JOINT_QA + 1)

enum { EL_QA_INNER = 512 /* published width of the hidden layers of EL_HEAD_JOINT_QA, and the largest */ };

/* A head, and what its kind leaves open. Members that a kind does not name below count for nothing with it. */
typedef struct el_head_config {
    el_head kind;
    size_t n_labels; /* C of EL_HEAD_CLASSIFIER and EL_HEAD_TAGGER, 1 or more */
    double dropout;  /* of EL_HEAD_CLASSIFIER and EL_HEAD_TAGGER, and of BERT's EL_HEAD_CHOICE */
    bool pooler;     /* EL_HEAD_NONE of a BERT: it keeps its pooler (heads that need one always have it) */
    /* ELECTRA's EL_HEAD_CHOICE: [CLS], dropout, dense layer and activation (or neither), dropout. */
    bool summary_dense;
    el_activation summary_activation;
    double summary_first_dropout, summary_last_dropout;
    size_t inner; /* I of EL_HEAD_JOINT_QA: 1 ... EL_QA_INNER */
    /* EL_HEAD_SPANS, EL_HEAD_JOINT_QA: what the odds of "no answer" must exceed; no part of the network. */
    double null_threshold;
} el_head_config;

#define EL_NO_PARAM SIZE_MAX

/* Where a network's tensors stand in the table: indices of the first row of each group. Two networks of a pair may
 * point at the same rows. */
typedef struct el_network {
    el_model_config config;
    el_owner role;     /* EL_OWNER_GENERATOR or EL_OWNER_DISCRIMINATOR: keeps the dropout of a pair apart */
    size_t embeddings; /* EL_P_WORD ... */
    size_t projection; /* EL_P_PROJECT_W ..., or EL_NO_PARAM */
    size_t layers;     /* EL_P_QUERY_W ... of layer 0; layer i begins EL_N_LAYER_PARAMS * i later */
    el_head_config head_config;
    size_t dense; /* EL_P_DENSE_W ...: the classifier's, the choice's or BERT's pooler; or EL_NO_PARAM */
    size_t head;  /* EL_P_MLM_W ..., EL_P_DISC_W ..., EL_P_OUTPUT_W ... or EL_P_QA_START_W ...; or EL_NO_PARAM */
} el_network;

/* Columns of a task's head: C, 2 of EL_HEAD_SPANS, 1 of EL_HEAD_CHOICE and of EL_HEAD_JOINT_QA (the starts); 0 for the
 * other kinds. */
size_t el_head_outputs(const el_head_config *head);

/* true for heads that read the first token of each sequence and no other. */
static inline bool el_head_reads_first(el_head kind)
{
    return kind == EL_HEAD_CLASSIFIER || kind == EL_HEAD_CHOICE;
}

static inline size_t el_network_layer(const el_network *network, size_t layer, size_t row)
{
    return network->layers + layer * EL_N_LAYER_PARAMS + row;
}

/* Fill a zeroed table. config must have passed its check. Fails with ELECTRA_NO_RESOURCE (memory, or more elements
 * than the machine can address); the table may then be cleared as usual. */
electra_status el_params_build_pair(el_params *params, el_network *generator, el_network *discriminator,
                                    const el_pretrain_config *config, electra_error *err);
electra_status el_params_build_single(el_params *params, el_network *network, const el_model_config *config,
                                      const el_head_config *head, electra_error *err);
void el_params_clear(el_params *params); /* accepts a zeroed one */

/* One more head on the encoder of `base`, behind all rows there are: several tasks learned together. *network is a copy
 * of base with that head. Names of its rows begin with `prefix`, which keeps those of like heads apart. */
electra_status el_params_add_head(el_params *params, el_network *network, const el_network *base,
                                  const el_head_config *head, const char *prefix, electra_error *err);

/* One more row, for heads that are not of the model layer (its index is count - 1 afterwards). n_layers as the
 * network's, for the depth. Decay and depth follow from the name. */
electra_status el_params_add(el_params *params, const char *name, el_owner owner, size_t rows, size_t cols, int n_dims,
                             el_init init, double scale, size_t n_layers, electra_error *err);

/* Index of the row of that name that `network` (generator or discriminator) uses, or EL_NO_PARAM. */
size_t el_params_find(const el_params *params, const char *name, el_owner network);
/* true if a row is part of that network: its own or shared. */
bool el_param_belongs(const el_param *param, el_owner network);
/* Number of parameters that belong to a network; EL_OWNER_SHARED for all of the table, each counted once. */
size_t el_params_total(const el_params *params, el_owner network);

/* true for tensors that weight decay applies to, by name (electra.md 6.1). */
bool el_param_name_decays(const char *name);
/* Depth for layer-wise rates, by name (electra.md 6.4). */
size_t el_param_name_depth(const char *name, size_t n_layers);

/* One block of parameters, gradients or moments. */
typedef struct el_weights {
    el_backend *be;
    const el_params *params;
    void *data; /* [params->elements] reals of the backend */
    /* Weights that only answer need not lie in a block: then there is a tensor for each row of the table, of any format
     * that its place in the network allows, and no data. Query, key and value of a layer are one matrix at the place of
     * the first, and so are their biases; the other two are absent. */
    const el_tensor *tensors;
} el_weights;

static inline el_weights el_weights_of(el_backend *be, const el_params *params, void *data)
{
    return (el_weights){.be = be, .params = params, .data = data};
}

/* A tensor of the block. With `n` adjoining rows of equal shape taken together: matrices below one another
 * [n rows, cols], vectors after one another [1, n cols]. */
el_tensor el_weights_at(el_weights weights, size_t index);
el_tensor el_weights_joined(el_weights weights, size_t first, size_t n);
/* The whole block as one row, gaps included. */
el_tensor el_weights_all(el_weights weights);

/* Starting values, the same for any number of threads: a function of (seed, row of the table, row, column).
 * Fails with ELECTRA_NO_RESOURCE. */
electra_status el_params_initialise(const el_params *params, el_backend *be, void *theta, uint64_t seed,
                                    electra_error *err);
/* The same for the rows first ... first + count - 1 alone, for a head that is put on a loaded encoder. */
electra_status el_params_initialise_rows(const el_params *params, size_t first, size_t count, el_backend *be,
                                         void *theta, uint64_t seed, electra_error *err);

#endif
