/* Evaluation on held-out text: the same sequences, masks and samples every time. */
#ifndef EL_TRAIN_HELDOUT_H
#define EL_TRAIN_HELDOUT_H

#include <electra/train.h>

#include "data/batch.h"
#include "train/step.h"

typedef struct el_heldout el_heldout;

/* batcher: of ELECTRA_HELDOUT, borrowed. sequences: how many to read at most. V: of the vocabulary. All memory is taken
 * here. */
electra_status el_heldout_create(el_heldout **out, el_batcher *batcher, size_t sequences, size_t vocabulary,
                                 electra_error *err);
void el_heldout_free(el_heldout *heldout); /* accepts NULL */

/* Fill the heldout_ members of metrics. ELECTRA_INVALID if a shard is damaged. */
electra_status el_heldout_measure(el_heldout *heldout, el_step *step, electra_metrics *metrics, electra_error *err);

#endif
