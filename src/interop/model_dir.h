/* A model in files <-> a block of parameters. Read: a Hugging Face directory in any of its forms, or a TensorFlow 1
 * checkpoint (weight_files.h); written: a Hugging Face directory.
 *
 *     el_model_dir *dir;
 *     EL_TRY(el_model_dir_open(&dir, "my-model", NULL, err));           // config.json and the table of weights
 *     el_params_build_single(&params, &network, &el_model_dir_config(dir)->model, el_model_dir_head(dir), err);
 *     void *theta = be->ops->alloc(be, params.elements * be->element_size);
 *     el_model_dir_read(dir, el_weights_of(be, &params, theta), EL_OWNER_DISCRIMINATOR, EL_READ_ALL, err);
 *     el_model_dir_close(dir);
 *
 *     el_model_dir_write("out/generator", &generator, NULL, weights, tokenizer, err);
 *
 * Directories written here load in transformers 4 and 5 without a warning (tools/check_transformers.py shows it). */
#ifndef EL_INTEROP_MODEL_DIR_H
#define EL_INTEROP_MODEL_DIR_H

#include <electra/tokenizer.h>

#include "interop/array.h"
#include "interop/hf_config.h"
#include "interop/safetensors.h"
#include "interop/tf1_model.h"

typedef struct el_model_dir el_model_dir;

/* Where a model comes from, beyond its path; all zero is fine. */
typedef struct el_model_source {
    el_tf1_network network; /* which network of a TensorFlow checkpoint */
    const char *config;     /* a config.json elsewhere; NULL: the one beside the weights */
} el_model_source;

/* Open the weights and read config.json; no weights are copied yet. path: a folder, or a file of weights (its folder
 * holds the other files). Without a config.json the sizes of a TensorFlow checkpoint are deduced. rt: for warnings, may
 * be NULL. ELECTRA_INVALID: a file is missing or unsound; the message names it and says what the folder holds instead.
 */
electra_status el_model_dir_open(el_model_dir **out, const char *path, const electra_runtime *rt, electra_error *err);
electra_status el_model_dir_open_from(el_model_dir **out, const char *path, const el_model_source *source,
                                      const electra_runtime *rt, electra_error *err);
void el_model_dir_close(el_model_dir *dir); /* accepts NULL */

/* Borrowed until close. */
const el_hf_config *el_model_dir_config(const el_model_dir *dir);
const char *el_model_dir_path(const el_model_dir *dir);  /* of the folder */
const el_tf1 *el_model_dir_tf1(const el_model_dir *dir); /* NULL if it is no TensorFlow checkpoint */

/* Which head the weights hold, with its settings of config.json. Its kind is found by the names of the tensors, and by
 * the architecture of config.json only where several heads use the same names. EL_HEAD_NONE also for heads that are not
 * known here. */
const el_head_config *el_model_dir_head(const el_model_dir *dir);

/* The weights under our names and in their order; buffers are left out. */
size_t el_model_dir_count(const el_model_dir *dir);
const el_array *el_model_dir_at(const el_model_dir *dir, size_t i, const char **name);

typedef enum el_read_extent {
    EL_READ_ALL,    /* exactly the tensors of the network: one missing or one too many is an error */
    EL_READ_ENCODER /* embeddings, projection and layers; heads stay as they are, in the block and in the file */
} el_read_extent;

/* Whether a row of the table is read from the directory at all, and the stored tensor of such a row (NULL: missing). */
bool el_model_dir_wants(const el_param *row, el_owner network, el_read_extent extent);
const el_array *el_model_dir_find(const el_model_dir *dir, const el_param *row);

/* The scales of a stored tensor of 8-bit integers, one for each of its rows; NULL if the row is stored in floats. What
 * el_model_dir_check has passed is F32, finite and not negative. */
const el_array *el_model_dir_scales(const el_model_dir *dir, const el_param *row);
/* true if any tensor is stored in 8-bit integers, which can answer but not be trained (quantize.h). */
bool el_model_dir_is_int8(const el_model_dir *dir);

/* Every row that is wanted is there in its shape and, with EL_READ_ALL, nothing else. ELECTRA_INVALID names tensors
 * that are missing, too many or of another shape, with expected and found. */
electra_status el_model_dir_check(const el_model_dir *dir, const el_params *params, el_owner network,
                                  el_read_extent extent, electra_error *err);

/* Copy into the rows of `weights` that belong to `network`. Checks as above; numbers are converted. */
electra_status el_model_dir_read(const el_model_dir *dir, el_weights weights, el_owner network, el_read_extent extent,
                                 electra_error *err);

/* Write a network, its heads, labels (of classifiers and taggers, as in el_hf_config_write; NULL: numbered ones) and
 * its tokenizer (NULL: no tokenizer files) as a folder that appears whole or not at all; one that is there is replaced.
 * The same weights always give the same bytes. */
electra_status el_model_dir_write(const char *folder, const el_network *network, const el_labels *labels,
                                  el_weights weights, const electra_tokenizer *tokenizer, electra_error *err);

/* A matrix of the table in 8-bit integers: row j is scales[j] * q[j]. */
typedef struct el_int8_matrix {
    int8_t *q; /* [rows, cols]; NULL: the row of the table stays in floats */
    float *scales;
} el_int8_matrix;

/* The same with some matrices in 8-bit integers: one entry for each row of the table. NULL: none. */
electra_status el_model_dir_write_int8(const char *folder, const el_network *network, const el_labels *labels,
                                       el_weights weights, const el_int8_matrix *int8,
                                       const electra_tokenizer *tokenizer, electra_error *err);

/* What a model directory is made of. */
typedef struct el_model_files {
    const el_network *network;
    const el_labels *labels;            /* as in el_hf_config_write */
    const electra_tokenizer *tokenizer; /* NULL: no tokenizer files */
    const el_array_source *tensors;     /* [n], under the names that the files shall have (el_name_to_hf) */
    size_t n;
    el_dtype dtype;               /* of the weights, for config.json; I8 if their matrices are */
    size_t shard_bytes;           /* split them into files of about that size, with an index; 0: one file */
    const electra_status *filled; /* if not NULL: what the tensors' fill functions came to; looked at after the last */
} el_model_files;

/* The same from tensors of any source. *n_files: how many files of weights there are. */
electra_status el_model_dir_write_files(const char *folder, const el_model_files *files, size_t *n_files,
                                        electra_error *err);

#endif
