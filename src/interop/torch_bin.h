/* pytorch_model.bin: a dict of tensors as PyTorch saves it, in the zip form (since 1.6) and in the form before it.
 *
 *     el_torch_bin *file;
 *     EL_TRY(el_torch_bin_open(&file, "pytorch_model.bin", err));
 *     for (size_t i = 0; i < el_torch_bin_count(file); i++) { use(el_torch_bin_at(file, i)); }
 *     el_torch_bin_close(file);
 *
 * The pickled part is read by a machine that executes nothing (pickle.h); the numbers are used where they lie in the
 * mapped file. Tensors may be views of one storage, also transposed ones. Formats: torch/serialization.py. */
#ifndef EL_INTEROP_TORCH_BIN_H
#define EL_INTEROP_TORCH_BIN_H

#include "interop/array.h"

typedef struct el_torch_bin el_torch_bin;

/* Map a file and check all of it but the numbers. ELECTRA_INVALID: damaged, of another kind, or in need of a Python
 * name that weights have no use for; the message says which. A state dict that lies in a dict under "state_dict",
 * "model_state_dict" or "model" is found; entries that are no tensors are left out. */
electra_status el_torch_bin_open(el_torch_bin **out, const char *path, electra_error *err);

/* The same for bytes in memory, which must outlive the reader; `where` names them in messages. */
electra_status el_torch_bin_parse(el_torch_bin **out, const void *data, size_t bytes, const char *where,
                                  electra_error *err);

void el_torch_bin_close(el_torch_bin *file); /* accepts NULL */

/* Tensors in ascending byte order of their names, each name once. Borrowed: valid until close. */
size_t el_torch_bin_count(const el_torch_bin *file);
const el_array *el_torch_bin_at(const el_torch_bin *file, size_t i);

#endif
