/* The losses of a batch from those of its parts (electra.md 4.4): means over all slots and over all tokens of the whole
 * batch, however it is cut into micro-batches. */
#ifndef EL_MODEL_LOSSES_H
#define EL_MODEL_LOSSES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct el_losses {
    double generator_weight, discriminator_weight;
    size_t n_slots, n_tokens;   /* of the whole batch: the denominators */
    double slot_sum, token_sum; /* of what was seen so far */
} el_losses;

double el_losses_generator(const el_losses *losses);
double el_losses_discriminator(const el_losses *losses);
double el_losses_total(const el_losses *losses);

/* What the gradient of a slot's or a token's loss is multiplied by: weight / denominator. */
double el_losses_slot_scale(const el_losses *losses);
double el_losses_token_scale(const el_losses *losses);

#endif
