/* The product of 8-bit integers as VNNI does it, with 16 lanes made of two AVX2 registers and the one instruction that
 * this needs imitated. The machine must have AVX2. */
#ifndef TEST_SUPPORT_INT8_H
#define TEST_SUPPORT_INT8_H

#include "backend/cpu/kernels.h"

void test_fill_vnni_pair(el_kernels *k);

#endif
