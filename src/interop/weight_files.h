/* The weights of a model in whatever files hold them, as one list of arrays under the names that stand in the files.
 *
 * In a folder the first of these is taken, in the order of transformers: model.safetensors; its index with shards;
 * pytorch_model.bin; its index with shards; a TensorFlow 1 checkpoint (the one that the file "checkpoint" names, or
 * the only *.index). A path may also name one of these files itself. */
#ifndef EL_INTEROP_WEIGHT_FILES_H
#define EL_INTEROP_WEIGHT_FILES_H

#include "interop/tf1_checkpoint.h"

typedef struct el_weight_files el_weight_files;

/* path: a folder, a file of weights, an index, or the prefix of a checkpoint. ELECTRA_INVALID: nothing of that kind is
 * there (the message says what is there instead), or it is not sound. */
electra_status el_weight_files_open(el_weight_files **out, const char *path, electra_error *err);
void el_weight_files_close(el_weight_files *files); /* accepts NULL */

/* In no particular order, each name once. Borrowed until close. */
size_t el_weight_files_count(const el_weight_files *files);
const el_array *el_weight_files_at(const el_weight_files *files, size_t i);

/* The checkpoint if that is what they are, else NULL: its names and shapes are TensorFlow's. */
const el_tf1 *el_weight_files_tf1(const el_weight_files *files);

/* The folder in which the files lie: where config.json and the tokenizer are looked for. */
const char *el_weight_files_folder(const el_weight_files *files);

#endif
