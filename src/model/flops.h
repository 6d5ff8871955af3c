/* How many floating-point operations a network takes, counted as the published system counts them (electra.md 10.1):
 * one operation is one, a product of an m x n matrix with a vector 2 m n, and looking up an embedding counts as a dense
 * product. So the numbers can be laid beside the paper's: 3.68e9 for one sequence of 128 through ELECTRA-Small. */
#ifndef EL_MODEL_FLOPS_H
#define EL_MODEL_FLOPS_H

#include "model/params.h"

/* The share of positions that the masked-LM head sees: 20 of 128, 80 of 512. */
#define EL_FLOPS_MASKED_SHARE 0.15625

/* Forward, for one sequence of `length` tokens, head included. Backward counts as much again. */
double el_flops_forward(const el_model_config *config, el_head head, size_t length);

#endif
