/* The plain C kernels, as kernels.h describes each; table.c puts them into their slots. */
#ifndef EL_BACKEND_CPU_REF_REF_H
#define EL_BACKEND_CPU_REF_REF_H

#include "backend/cpu/kernels.h"

size_t EL_REAL(el_ref_gemm_scratch)(size_t m, size_t n, size_t k);
void EL_REAL(el_ref_gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end,
                          void *scratch);
size_t EL_REAL(el_ref_packed_size)(size_t n, size_t k);
void EL_REAL(el_ref_pack_weights)(real *to, size_t first, const float *from, size_t rows, size_t k);
void EL_REAL(el_ref_int8_quantize)(uint8_t *q, real *scale, int32_t *zero, const real *x, size_t n, size_t depth);
void EL_REAL(el_ref_int8_gemm)(const el_int8_gemm *job, size_t panel_begin, size_t panel_end);
void EL_REAL(el_ref_int8_add_three)(real *y, el_int8_row a, el_int8_row b, el_int8_row c, size_t n);
void EL_REAL(el_ref_norm_fwd)(real *y, real *sum, real *stats, const real *x, const real *z,
                              const el_row_dropout *dropout, const real *gamma, const real *beta, double epsilon,
                              size_t n);
void EL_REAL(el_ref_norm_bwd)(real *dsum, real *dgamma, real *dbeta, const real *dy, const real *sum, const real *stats,
                              const real *gamma, size_t rows, size_t n);
void EL_REAL(el_ref_dropout)(real *y, const real *x, size_t n, const el_row_dropout *dropout);
void EL_REAL(el_ref_act_fwd)(real *y, const real *x, size_t n, el_activation act);
void EL_REAL(el_ref_act_bwd)(real *dx, const real *dy, const real *x, size_t n, el_activation act);
size_t EL_REAL(el_ref_attention_scratch)(size_t n, size_t d);
void EL_REAL(el_ref_attention_fwd)(const el_attention *job, size_t begin, size_t end, void *scratch);
void EL_REAL(el_ref_attention_bwd)(const el_attention *job, void *scratch);
el_logit_stats EL_REAL(el_ref_logit_stats)(const real *logits, size_t n);
void EL_REAL(el_ref_logit_gradient)(real *z, size_t n, real lse, real scale);
void EL_REAL(el_ref_add)(real *y, const real *x, size_t n);
void EL_REAL(el_ref_add_three)(real *y, const real *a, const real *b, const real *c, size_t n);
void EL_REAL(el_ref_column_sums)(real *sums, const real *x, size_t ldx, size_t rows, size_t n);
void EL_REAL(el_ref_binary_loss_fwd)(real *loss, const real *logits, const uint32_t *labels, size_t n);
void EL_REAL(el_ref_binary_loss_bwd)(real *dlogits, const real *logits, const uint32_t *labels, real scale, size_t n);

real EL_REAL(el_ref_softmax_loss_fwd)(const real *logits, size_t n, size_t stride, size_t target);
void EL_REAL(el_ref_softmax_loss_bwd)(real *dlogits, const real *logits, size_t n, size_t stride, size_t target,
                                      real scale);
void EL_REAL(el_ref_squared_loss_fwd)(real *loss, const real *x, const real *target, size_t n);
void EL_REAL(el_ref_squared_loss_bwd)(real *dx, const real *x, const real *target, real scale, size_t n);
void EL_REAL(el_ref_pool_fwd)(real *y, real *p, const real *logits, const real *x, size_t rows, size_t n);
void EL_REAL(el_ref_pool_bwd)(real *dx, real *dlogits, const real *dy, const real *x, const real *p, const real *y,
                              size_t rows, size_t n);
double EL_REAL(el_ref_sum)(const real *x, size_t n);
double EL_REAL(el_ref_sum_of_squares)(const real *x, size_t n);
void EL_REAL(el_ref_adam)(real *parameter, real *m, real *v, const real *gradient, size_t n, const el_adam *settings);
void EL_REAL(el_ref_multiply_adds)(real *sink, size_t rounds);

#endif
