/* safetensors files: weights of models and checkpoints.
 *
 *     el_safetensors *file;
 *     EL_TRY(el_safetensors_open(&file, "model.safetensors", err));
 *     const el_array *t = el_safetensors_find(file, "classifier.weight");
 *     if (t) { EL_TRY_GOTO(el_array_copy_f32(t, weights, err), done); }
 *     el_safetensors_close(file);
 *
 * A file is 8 bytes N (little-endian), N bytes of JSON, then the tensors' bytes without gaps. Nothing in a file is
 * trusted: lengths, offsets, shapes and names are all checked before the first tensor is handed out. The format and
 * the byte-exact writer follow huggingface/safetensors (README.md, safetensors/src/tensor.rs). */
#ifndef EL_INTEROP_SAFETENSORS_H
#define EL_INTEROP_SAFETENSORS_H

#include "interop/array.h"

/* ---- reading ------------------------------------------------------------------------------------------------- */

typedef struct el_safetensors el_safetensors;

/* Map a file and check all of its header. ELECTRA_INVALID with the offending tensor's name if it is not sound. The
 * file must not be cut short by somebody else while it is open (writers of this library rename, so never do that). */
electra_status el_safetensors_open(el_safetensors **out, const char *path, electra_error *err);

/* The same for bytes in memory, which must outlive the reader; `where` names them in messages. */
electra_status el_safetensors_parse(el_safetensors **out, const void *data, size_t bytes, const char *where,
                                    electra_error *err);

void el_safetensors_close(el_safetensors *file); /* accepts NULL */

/* Tensors in ascending byte order of their names. Borrowed: valid until close. */
size_t el_safetensors_count(const el_safetensors *file);
const el_array *el_safetensors_at(const el_safetensors *file, size_t i);

/* NULL if there is none of that name. */
const el_array *el_safetensors_find(const el_safetensors *file, const char *name);

/* The value of a key of __metadata__, or NULL. */
const char *el_safetensors_metadata(const el_safetensors *file, const char *key);

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Give the elements first ... first+n-1 of a tensor, n * width bytes, in the tensor's number format. */
typedef void el_array_fill_fn(void *user, size_t first, size_t n, void *out);

typedef struct el_array_source {
    const char *name;
    el_dtype dtype;
    size_t rank;
    size_t shape[EL_ARRAY_MOST_RANK];
    const void *data;       /* all elements; or NULL, and then they are asked for piece by piece: */
    el_array_fill_fn *fill; /* called with rising `first`, in the order in which the file holds the tensors */
    void *user;
} el_array_source;

typedef struct el_metadata {
    const char *key;
    const char *value;
} el_metadata;

/* Write a file atomically (base/io.h): with one key of metadata byte for byte what the reference library writes,
 * with several their order is ascending. Tensors come in any order; the file holds them by falling alignment, then by
 * name. ELECTRA_MISUSE for two tensors (or keys) of one name, or a shape that is too large; otherwise the writer's
 * errors. Both texts must be valid UTF-8. */
electra_status el_safetensors_write(const char *path, const el_array_source *tensors, size_t n,
                                    const el_metadata *metadata, size_t n_metadata, electra_error *err);

#endif
