/* Which kernels of the table this level overwrites: all but the binary loss, which has one number a token. Those of
 * 8-bit integers are AVX2's at both levels; a machine with VNNI multiplies by it (vnni/int8.c). */
#include "backend/cpu/simd/kernels.h"

void EL_SIMD(el_kernels_fill)(el_kernels *k)
{
    k->gemm_scratch = EL_SIMD(el_gemm_scratch);
    k->gemm = EL_SIMD(el_gemm);
    k->packed_size = EL_SIMD(el_packed_size);
    k->pack_weights = EL_SIMD(el_pack_weights);
#if SIMD_LANES == 8
    k->int8_quantize = EL_SIMD(el_int8_quantize);
    k->int8_gemm = EL_SIMD(el_int8_gemm);
    k->int8_add_three = EL_SIMD(el_int8_add_three);
#endif
    k->norm_fwd = EL_SIMD(el_norm_fwd);
    k->norm_bwd = EL_SIMD(el_norm_bwd);
    k->dropout = EL_SIMD(el_dropout);
    k->act_fwd = EL_SIMD(el_act_fwd);
    k->act_bwd = EL_SIMD(el_act_bwd);
    k->attention_scratch = EL_SIMD(el_attention_scratch);
    k->attention_fwd = EL_SIMD(el_attention_fwd);
    k->attention_bwd = EL_SIMD(el_attention_bwd);
    k->logit_stats = EL_SIMD(el_logit_stats);
    k->logit_gradient = EL_SIMD(el_logit_gradient);
    k->add = EL_SIMD(el_add);
    k->add_three = EL_SIMD(el_add_three);
    k->column_sums = EL_SIMD(el_column_sums);
    k->multiply_adds = EL_SIMD(el_multiply_adds);
    k->sum = EL_SIMD(el_sum);
    k->sum_of_squares = EL_SIMD(el_sum_of_squares);
    k->adam = EL_SIMD(el_adam);
}
