/* --init: weights of a model directory or of a former run instead of random ones. */
#ifndef EL_TRAIN_WARM_START_H
#define EL_TRAIN_WARM_START_H

#include "train/step.h"

/* path: a run (a folder with discriminator/ and generator/), from which both networks are taken, or one model
 * directory, from which the network with its head is taken (without a head: the discriminator's encoder); what it does
 * not hold stays as it is. Shared tensors are the discriminator's where both have them.
 * ELECTRA_INVALID if it cannot be read, has other sizes, or another vocabulary than vocabulary_hash. */
electra_status el_warm_start(el_step *step, const char *path, uint64_t vocabulary_hash, const electra_runtime *rt,
                             electra_error *err);

#endif
