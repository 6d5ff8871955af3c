/* The fast kernels of one level, as backend/cpu/kernels.h describes each; table.c puts them into their slots. */
#ifndef EL_BACKEND_CPU_SIMD_KERNELS_H
#define EL_BACKEND_CPU_SIMD_KERNELS_H

#include "backend/cpu/kernels.h"
#include "backend/cpu/simd/simd.h"

size_t EL_SIMD(el_gemm_scratch)(size_t m, size_t n, size_t k);
void EL_SIMD(el_gemm)(const el_gemm *job, size_t row_begin, size_t row_end, size_t col_begin, size_t col_end,
                      void *scratch);
size_t EL_SIMD(el_packed_size)(size_t n, size_t k);
void EL_SIMD(el_pack_weights)(float *to, size_t first, const float *from, size_t rows, size_t k);

/* avx2/int8.c */
void EL_SIMD(el_int8_quantize)(uint8_t *q, float *scale, int32_t *zero, const float *x, size_t n, size_t depth);
void EL_SIMD(el_int8_gemm)(const el_int8_gemm *job, size_t panel_begin, size_t panel_end);
void EL_SIMD(el_int8_add_three)(float *y, el_int8_row a, el_int8_row b, el_int8_row c, size_t n);

void EL_SIMD(el_norm_fwd)(float *y, float *sum, float *stats, const float *x, const float *z,
                          const el_row_dropout *dropout, const float *gamma, const float *beta, double epsilon,
                          size_t n);
void EL_SIMD(el_norm_bwd)(float *dsum, float *dgamma, float *dbeta, const float *dy, const float *sum,
                          const float *stats, const float *gamma, size_t rows, size_t n);
void EL_SIMD(el_dropout)(float *y, const float *x, size_t n, const el_row_dropout *dropout);
void EL_SIMD(el_act_fwd)(float *y, const float *x, size_t n, el_activation act);
void EL_SIMD(el_act_bwd)(float *dx, const float *dy, const float *x, size_t n, el_activation act);
size_t EL_SIMD(el_attention_scratch)(size_t n, size_t d);
void EL_SIMD(el_attention_fwd)(const el_attention *job, size_t begin, size_t end, void *scratch);
void EL_SIMD(el_attention_bwd)(const el_attention *job, void *scratch);
el_logit_stats EL_SIMD(el_logit_stats)(const float *logits, size_t n);
void EL_SIMD(el_logit_gradient)(float *z, size_t n, float lse, float scale);
void EL_SIMD(el_add)(float *y, const float *x, size_t n);
void EL_SIMD(el_add_three)(float *y, const float *a, const float *b, const float *c, size_t n);
void EL_SIMD(el_column_sums)(float *sums, const float *x, size_t ldx, size_t rows, size_t n);
void EL_SIMD(el_multiply_adds)(float *sink, size_t rounds);
double EL_SIMD(el_sum)(const float *x, size_t n);
double EL_SIMD(el_sum_of_squares)(const float *x, size_t n);
void EL_SIMD(el_adam)(float *parameter, float *m, float *v, const float *gradient, size_t n, const el_adam *settings);

#endif
