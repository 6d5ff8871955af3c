/* The weights of a loaded model as answering wants them. At first everything that a product can use as it lies stays in
 * the mapped file: nothing is copied, and a program that answers once does no more work than that answer. When it
 * has been asked a few times, matrices of layers and heads are packed for the product, once, while other threads go on
 * answering; answers are the same bits before and after.
 *
 *     el_stored_weights *w;
 *     EL_TRY(el_stored_weights_create(&w, &source, pool, err));
 *     el_weights theta = {.be = be, .params = &params, .tensors = el_stored_weights_ask(w, be->pool)};
 *     el_stored_weights_free(w);
 *
 * Of a mapped file, what has been packed is given back to the system, and rows of a table that nobody asks for are never
 * read. */
#ifndef EL_INTEROP_WEIGHTS_H
#define EL_INTEROP_WEIGHTS_H

#include "interop/model_dir.h"
#include "model/params.h"

typedef struct el_stored_weights el_stored_weights;

/* Where they come from. All of it is borrowed, and must stay as it is as long as the weights are used. */
typedef struct el_weights_source {
    const el_model_dir *dir;
    const el_params *params;
    const el_network *network;
    el_read_extent extent;
    el_backend *be; /* owns the memory of what is packed or copied */
} el_weights_source;

/* pool: for what must be packed at once, because a product cannot use it as it lies; may be NULL.
 * ELECTRA_INVALID as el_model_dir_read, ELECTRA_NO_RESOURCE when memory is short. */
electra_status el_stored_weights_create(el_stored_weights **out, const el_weights_source *source, el_pool *pool,
                                        electra_error *err);
void el_stored_weights_free(el_stored_weights *weights); /* accepts NULL */

/* Tensors for one answer, one a row of the parameter table, as el_weights wants them; valid as long as the weights.
 * Counts the calls, and packs on the caller's pool when they have become enough. Any number of threads may call at once.
 * Where memory is short, the tensors stay as they are. */
const el_tensor *el_stored_weights_ask(el_stored_weights *weights, el_pool *pool);
/* Pack now, if no other thread has begun. */
void el_stored_weights_pack(el_stored_weights *weights, el_pool *pool);
/* Have the system ready the pages of the file that the first answer will read: for a thread that would otherwise wait. */
void el_stored_weights_foresee(const el_stored_weights *weights);

#endif
