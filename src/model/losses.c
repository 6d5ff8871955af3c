#include "model/losses.h"

/* The published system adds this to its denominators, so that an empty batch has loss 0. */
static double denominator(size_t n)
{
    return (double)n + 1e-6;
}

double el_losses_generator(const el_losses *losses)
{
    return losses->slot_sum / denominator(losses->n_slots);
}

double el_losses_discriminator(const el_losses *losses)
{
    return losses->token_sum / denominator(losses->n_tokens);
}

double el_losses_total(const el_losses *losses)
{
    return losses->generator_weight * el_losses_generator(losses) +
           losses->discriminator_weight * el_losses_discriminator(losses);
}

double el_losses_slot_scale(const el_losses *losses)
{
    return losses->generator_weight / denominator(losses->n_slots);
}

double el_losses_token_scale(const el_losses *losses)
{
    return losses->discriminator_weight / denominator(losses->n_tokens);
}
