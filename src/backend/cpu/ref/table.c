/* Plain C in every slot. */
#include "backend/cpu/ref/ref.h"

void EL_REAL(el_kernels_fill_ref)(el_kernels *k)
{
    *k = (el_kernels){
        .gemm_scratch = EL_REAL(el_ref_gemm_scratch),
        .gemm = EL_REAL(el_ref_gemm),
        .packed_size = EL_REAL(el_ref_packed_size),
        .pack_weights = EL_REAL(el_ref_pack_weights),
        .int8_quantize = EL_REAL(el_ref_int8_quantize),
        .int8_gemm = EL_REAL(el_ref_int8_gemm),
        .int8_add_three = EL_REAL(el_ref_int8_add_three),
        .norm_fwd = EL_REAL(el_ref_norm_fwd),
        .norm_bwd = EL_REAL(el_ref_norm_bwd),
        .dropout = EL_REAL(el_ref_dropout),
        .act_fwd = EL_REAL(el_ref_act_fwd),
        .act_bwd = EL_REAL(el_ref_act_bwd),
        .attention_scratch = EL_REAL(el_ref_attention_scratch),
        .attention_fwd = EL_REAL(el_ref_attention_fwd),
        .attention_bwd = EL_REAL(el_ref_attention_bwd),
        .logit_stats = EL_REAL(el_ref_logit_stats),
        .logit_gradient = EL_REAL(el_ref_logit_gradient),
        .add = EL_REAL(el_ref_add),
        .add_three = EL_REAL(el_ref_add_three),
        .column_sums = EL_REAL(el_ref_column_sums),
        .binary_loss_fwd = EL_REAL(el_ref_binary_loss_fwd),
        .binary_loss_bwd = EL_REAL(el_ref_binary_loss_bwd),
        .softmax_loss_fwd = EL_REAL(el_ref_softmax_loss_fwd),
        .softmax_loss_bwd = EL_REAL(el_ref_softmax_loss_bwd),
        .squared_loss_fwd = EL_REAL(el_ref_squared_loss_fwd),
        .squared_loss_bwd = EL_REAL(el_ref_squared_loss_bwd),
        .pool_fwd = EL_REAL(el_ref_pool_fwd),
        .pool_bwd = EL_REAL(el_ref_pool_bwd),
        .multiply_adds = EL_REAL(el_ref_multiply_adds),
        .sum = EL_REAL(el_ref_sum),
        .sum_of_squares = EL_REAL(el_ref_sum_of_squares),
        .adam = EL_REAL(el_ref_adam),
    };
}
