/* Models: Hugging Face directories of ELECTRA networks (config.json, model.safetensors, tokenizer files), as this
 * library and transformers write them.
 *
 *     electra_model *model = NULL;
 *     if (electra_model_load(&model, "run/discriminator", NULL, &error) == ELECTRA_OK) {
 *         electra_model_info info = electra_model_describe(model);
 *         printf("%zu parameters\n", info.parameters);
 *     }
 *     electra_model_free(model);
 *
 * A loaded model never changes and may be used by any number of threads and sessions (infer.h). */
#ifndef ELECTRA_MODEL_H
#define ELECTRA_MODEL_H

#include <electra/tokenizer.h>
#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct electra_model electra_model;

/* What a model can be asked. */
typedef enum electra_model_kind {
    ELECTRA_MODEL_ENCODER,       /* hidden states only: no head */
    ELECTRA_MODEL_DISCRIMINATOR, /* which tokens were replaced (ElectraForPreTraining) */
    ELECTRA_MODEL_GENERATOR,     /* which token stands at a [MASK] (ElectraForMaskedLM, BertForMaskedLM) */
    ELECTRA_MODEL_CLASSIFIER,    /* a text or a pair of texts: its class, a number, or several labels
                                    (...ForSequenceClassification) */
    ELECTRA_MODEL_TAGGER,        /* a label for each token (...ForTokenClassification) */
    ELECTRA_MODEL_SPANS,         /* where in a text the answer to a question stands (...ForQuestionAnswering) */
    ELECTRA_MODEL_CHOICE,        /* which of several continuations fits best (...ForMultipleChoice) */
    ELECTRA_MODEL_JOINT_QA       /* where the answer stands, and whether there is one: the published head for questions,
                                    which transformers does not have (...ForJointQuestionAnswering) */
} electra_model_kind;

/* "encoder", "discriminator", "generator", "classifier", "tagger", "question answerer", "multiple-choice model",
 * "joint question answerer". */
ELECTRA_API const char *electra_model_kind_name(electra_model_kind kind);

/* What the outputs of a classifier mean ("problem_type" in config.json). */
typedef enum electra_problem {
    ELECTRA_PROBLEM_NONE,         /* the file does not say: a number if there is one output, one class otherwise */
    ELECTRA_PROBLEM_REGRESSION,   /* numbers as they are */
    ELECTRA_PROBLEM_SINGLE_LABEL, /* exactly one of the labels holds */
    ELECTRA_PROBLEM_MULTI_LABEL   /* each label holds or does not */
} electra_problem;

typedef struct electra_model_options {
    size_t struct_size;
    /* Recognise all five special tokens where their names stand in a text, as the Hugging Face library does. Without
     * it a generator recognises [MASK] and other models none, so that a stranger's text cannot inject [SEP]. */
    bool specials_in_text;
    electra_runtime runtime; /* its log gets warnings */
} electra_model_options;

ELECTRA_API electra_model_options electra_model_options_default(void);

/* Read a model directory. Every float format is converted to 32 bits. options may be NULL for the defaults.
 * ELECTRA_INVALID: a file is missing, damaged, or holds something that cannot be computed here; the message names the
 * file and the tensor or member, what was expected and what was found. ELECTRA_NO_RESOURCE: out of memory. */
ELECTRA_API electra_status electra_model_load(electra_model **out, const char *folder,
                                              const electra_model_options *options, electra_error *err);

/* Sessions on the model must be gone. Accepts NULL. */
ELECTRA_API void electra_model_free(electra_model *model);

ELECTRA_API electra_model_kind electra_model_kind_of(const electra_model *model);

/* Labels of a classifier or a tagger, in the order of its outputs; a count of 0 for every other kind. A label is
 * borrowed from the model; NULL for an index beyond the last. */
ELECTRA_API size_t electra_model_label_count(const electra_model *model);
ELECTRA_API const char *electra_model_label(const electra_model *model, size_t i);
ELECTRA_API electra_problem electra_model_problem(const electra_model *model);

/* Of a question answerer: what the odds of "no answer" must exceed ("null_threshold" in config.json; fine-tuning on
 * questions without answers finds it); 0 if the file does not say, and for every other kind. */
ELECTRA_API double electra_model_null_threshold(const electra_model *model);

/* Borrowed from the model. */
ELECTRA_API const electra_tokenizer *electra_model_tokenizer(const electra_model *model);

/* ---- 8-bit integers ------------------------------------------------------------------------------------------- */

/* Write the model in `folder` to `output` with matrices of 8-bit integers and a scale for each of their rows, norms and
 * biases in floats: a quarter of the size, and faster. It loads like any model, answers a little differently, and
 * cannot be trained or quantized again. A small last layer of a head stays in floats. `output` appears whole or not at
 * all; a folder that is there is replaced. runtime may be NULL. ELECTRA_INVALID: as electra_model_load; or the model is
 * quantized already, or holds a weight that is no finite number. ELECTRA_MISUSE: both folders are one.
 * ELECTRA_NO_RESOURCE: out of memory. */
ELECTRA_API electra_status electra_model_quantize(const char *folder, const char *output,
                                                  const electra_runtime *runtime, electra_error *err);

/* ---- converting ----------------------------------------------------------------------------------------------- */

/* Which networks of a TensorFlow checkpoint. Other files hold one network, which must then be of that kind. */
typedef enum electra_network {
    ELECTRA_NETWORK_ALL,
    ELECTRA_NETWORK_DISCRIMINATOR,
    ELECTRA_NETWORK_GENERATOR
} electra_network;

/* Number formats of stored weights. */
typedef enum electra_dtype {
    ELECTRA_DTYPE_KEEP, /* as they are; 32 bits if the tensors differ in it */
    ELECTRA_DTYPE_FLOAT32,
    ELECTRA_DTYPE_FLOAT16,
    ELECTRA_DTYPE_BFLOAT16
} electra_dtype;

typedef struct electra_convert_options {
    size_t struct_size;
    electra_network network;
    const char *config; /* config.json of the network; NULL: the one beside the weights, or what a checkpoint's shapes
                           tell. Of a pair's config.json the generator takes no sizes that its weights contradict */
    const char *vocab;  /* vocab.txt; NULL: the tokenizer beside the weights, if there is one */
    bool cased;         /* the vocabulary of `vocab` knows capitals */
    electra_dtype dtype;
    size_t shard_bytes; /* weights are split into files of about that size, with an index; 0: one file */
    electra_runtime runtime;
} electra_convert_options;

ELECTRA_API electra_convert_options electra_convert_options_default(void);

/* What came of it; all texts are constants. */
typedef struct electra_converted_model {
    const char *subfolder; /* "", or "discriminator" and "generator" */
    electra_model_kind kind;
    size_t parameters;
    const char *number_format; /* "float32", "float16", "bfloat16", "float64" */
    size_t files;              /* of weights */
} electra_converted_model;

typedef struct electra_converted {
    size_t n;
    electra_converted_model models[2];
} electra_converted;

/* Write a model that is stored in any form that this library reads (docs/FORMATS.md) as a Hugging Face model directory
 * of today, with its head, labels and tokenizer. from: a folder, a file of weights, or the prefix of a TensorFlow 1
 * checkpoint. A checkpoint with both networks of a pair becomes `to`/discriminator and `to`/generator. A directory
 * appears whole or not at all; one that is there is replaced. Numbers are not changed unless `dtype` asks for it.
 * out may be NULL, and so may options. ELECTRA_INVALID: as electra_model_load; or a number that `dtype` has no room
 * for. ELECTRA_MISUSE: an option makes no sense. */
ELECTRA_API electra_status electra_model_convert(electra_converted *out, const char *from, const char *to,
                                                 const electra_convert_options *options, electra_error *err);

/* ---- sizes ---------------------------------------------------------------------------------------------------- */

/* What a network is and what it costs. Letters as in docs/MODEL.md. */
typedef struct electra_model_info {
    electra_model_kind kind;
    size_t vocab_size;        /* V */
    size_t embedding_size;    /* E */
    size_t hidden_size;       /* H */
    size_t layers;            /* L */
    size_t heads;             /* A */
    size_t intermediate_size; /* F */
    size_t max_positions;
    const char *activation; /* "gelu"; a constant */

    size_t parameters; /* each tensor once: a generator's output matrix is its word table */
    size_t embedding_parameters;
    size_t layer_parameters; /* projection and all layers */
    size_t head_parameters;
    size_t weight_bytes;       /* as stored: 32 bits each, or 8 for the matrices of a quantized model */
    const char *number_format; /* "float32", or "int8" for a quantized model; a constant */

    /* Floating-point operations for one token of a sequence of `flops_length` tokens, counted as the published system
     * counts them (embedding look-ups as dense products; backward as much as forward). */
    size_t flops_length;
    double forward_flops;
    double training_flops;
} electra_model_info;

/* flops_length is min(128, max_positions). */
ELECTRA_API electra_model_info electra_model_describe(const electra_model *model);

/* A pre-training pair that need not exist: what a preset would be. */
typedef struct electra_pair_info {
    electra_model_info generator; /* shared tensors are counted in both networks ... */
    electra_model_info discriminator;
    size_t parameters;       /* ... and once here */
    double training_flops;   /* for one token of a training sequence, both networks */
    size_t parameter_bytes;  /* parameters, gradients and both moments of the optimiser */
    size_t activation_bytes; /* everything else that a step of `batch` sequences needs */
    size_t batch;            /* sequences of a step, all at once (micro-batches need less) */
    size_t length;           /* tokens of a sequence */
} electra_pair_info;

/* size: "tiny", "mini", "small", "base" or "large". vocab_size, batch, length: 0 for those of the preset. sharing is
 * the published one. ELECTRA_MISUSE: an unknown size, or a length beyond the model's positions. */
ELECTRA_API electra_status electra_size_describe(electra_pair_info *out, const char *size, size_t vocab_size,
                                                 size_t batch, size_t length, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
