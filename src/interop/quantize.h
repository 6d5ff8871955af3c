/* Models of 8-bit integers: which tensors of a network become integers. The file is described in docs/FORMATS.md, the
 * arithmetic in backend/backend.h at linear_fwd. */
#ifndef EL_INTEROP_QUANTIZE_H
#define EL_INTEROP_QUANTIZE_H

#include "interop/model_dir.h"

/* Tables and matrices, but for the small last layers of heads (under 16 outputs), whose error would go into the answer
 * and whose size is nothing. */
bool el_int8_wants(const el_param *row);

/* The integers of every such row of a block that belongs to `network`, one entry for each row of the table, in *out;
 * free with el_int8_free. ELECTRA_INVALID names a tensor with a number that is not finite. */
electra_status el_int8_make(el_int8_matrix **out, el_weights weights, el_owner network, electra_error *err);
void el_int8_free(el_int8_matrix *matrices, size_t count); /* accepts NULL */

#endif
