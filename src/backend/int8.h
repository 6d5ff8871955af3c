/* Weights as 8-bit integers: a row w of a matrix (one output of the layer) becomes scale * q. This is how files are
 * made; how a backend orders and multiplies them is its own affair (backend.h, EL_FORMAT_INT8). */
#ifndef EL_BACKEND_INT8_H
#define EL_BACKEND_INT8_H

#include <electra/types.h>

/* q[n] = round(w / scale), ties to even, |q| <= 127; returns the scale, 0 for a row of zeros. w must be finite.
 * For a row that will be looked up: scale = max |w| / 127.
 * With `multiplied`, the smallest scale from there up (in steps of 1/256) for which el_int8_fits holds: about 7.3 bits
 * in place of 8 with trained weights, and 1.5 times the speed on machines without VNNI. */
float el_int8_quantize(int8_t *q, const float *w, size_t n, bool multiplied);

/* True if four products with any 8-bit activations (0 ... 255) can be added in 16 signed bits: in each eight neighbours
 * of the row, the positive integers 0, 1, 4 and 5 add up to at most 128, so do the negative ones, and so do those of
 * 2, 3, 6 and 7. Then any of their sums lies within 255 * 128 = 32640. Kernels must compute right without it too. */
bool el_int8_fits(const int8_t *q, size_t n);

#endif
