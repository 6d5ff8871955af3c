/* A checkpoint of TensorFlow 1: an index (tf1_table.h) whose entries describe tensors, and shards of data.
 *
 *     el_tf1 *checkpoint;
 *     EL_TRY(el_tf1_open(&checkpoint, "model.ckpt-1000", err));        // .index and .data-?????-of-????? beside it
 *     const el_array *t = el_tf1_find(checkpoint, "electra/embeddings/word_embeddings");
 *     if (t) { EL_TRY_GOTO(el_tf1_verify(checkpoint, t, err), done); use(t); }
 *     el_tf1_close(checkpoint);
 *
 * Format: tensorflow/core/protobuf/tensor_bundle.proto and core/util/tensor_bundle/tensor_bundle.cc. Names and shapes
 * are TensorFlow's own; names.h has the way to ours. */
#ifndef EL_INTEROP_TF1_CHECKPOINT_H
#define EL_INTEROP_TF1_CHECKPOINT_H

#include "interop/array.h"

typedef struct el_tf1 el_tf1;

/* Map `prefix`.index and all its shards, and check everything but the numbers. ELECTRA_INVALID: a file is missing or
 * damaged, big-endian, or a tensor is stored in parts. Tensors whose type is no number are left out. */
electra_status el_tf1_open(el_tf1 **out, const char *prefix, electra_error *err);

typedef struct el_tf1_bytes {
    const void *data;
    size_t bytes;
} el_tf1_bytes;

/* The same for bytes in memory, which must outlive the reader; `where` names them in messages. */
electra_status el_tf1_parse(el_tf1 **out, el_tf1_bytes index, const el_tf1_bytes *shards, size_t n_shards,
                            const char *where, electra_error *err);

void el_tf1_close(el_tf1 *checkpoint); /* accepts NULL */

/* In ascending byte order of names. Borrowed: valid until close. */
size_t el_tf1_count(const el_tf1 *checkpoint);
const el_array *el_tf1_at(const el_tf1 *checkpoint, size_t i);
const el_array *el_tf1_find(const el_tf1 *checkpoint, const char *name); /* NULL if there is none */

/* Whether the numbers of one of its arrays match their checksum; reads all of them. ELECTRA_INVALID if not. */
electra_status el_tf1_verify(const el_tf1 *checkpoint, const el_array *array, electra_error *err);

#endif
