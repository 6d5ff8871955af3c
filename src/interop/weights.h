/* The weights of a loaded model as answering wants them: matrices of layers and heads packed for the product, all other
 * tensors where the file has them.
 *
 *     el_stored_weights w;
 *     EL_TRY(el_stored_weights_make(&w, dir, &params, &network, extent, be, pool, err));
 *     el_weights theta = {.be = be, .params = &params, .tensors = w.tensors};
 *     el_stored_weights_clear(&w);
 *
 * Only tensors that a product cannot use as they lie are copied; of a mapped file, what has been packed is given back to
 * the system, and rows of a table that nobody asks for are never read. */
#ifndef EL_INTEROP_WEIGHTS_H
#define EL_INTEROP_WEIGHTS_H

#include "interop/model_dir.h"
#include "model/params.h"

typedef struct el_stored_weights {
    el_tensor *tensors; /* one a row of the table, as el_weights wants them */
    el_backend *be;     /* of the memory below; borrowed */
    void *packed;       /* all packed matrices */
    void *copied;       /* what had to be converted or joined */
    float *scales;      /* of tables of integers, where they cannot be used in the file */
} el_stored_weights;

/* The directory must stay open as long as the weights are used. pool: for packing; may be NULL.
 * ELECTRA_INVALID as el_model_dir_read, ELECTRA_NO_RESOURCE when memory is short; *out is then cleared. */
electra_status el_stored_weights_make(el_stored_weights *out, const el_model_dir *dir, const el_params *params,
                                      const el_network *network, el_read_extent extent, el_backend *be, el_pool *pool,
                                      electra_error *err);
void el_stored_weights_clear(el_stored_weights *weights); /* accepts a zeroed one */

#endif
