/* Owns the choice of a row's scale. */
#include "backend/int8.h"

#include <math.h>

enum { MOST = 127, FOUR_AT_MOST = 128, GROUP = 8 };

/* ---- four products in 16 bits ------------------------------------------------------------------------------------ */

/* Which of two groups of four a number belongs to. */
static size_t group_of(size_t i)
{
    return i / 2 % 2;
}

bool el_int8_fits(const int8_t *q, size_t n)
{
    int above[2] = {0}, below[2] = {0};
    for (size_t i = 0; i < n; i++) {
        if (i % GROUP == 0) {
            above[0] = above[1] = below[0] = below[1] = 0;
        }
        const size_t group = group_of(i);
        above[group] += q[i] > 0 ? q[i] : 0;
        below[group] += q[i] < 0 ? q[i] : 0;
        if (above[group] > FOUR_AT_MOST || below[group] < -FOUR_AT_MOST) {
            return false;
        }
    }
    return true;
}

/* The largest sum, in absolute value, of the positive or of the negative numbers of a group. */
static float largest_group(const float *w, size_t n)
{
    float largest = 0, above[2] = {0}, below[2] = {0};
    for (size_t i = 0; i < n; i++) {
        if (i % GROUP == 0) {
            above[0] = above[1] = below[0] = below[1] = 0;
        }
        const size_t group = group_of(i);
        above[group] += w[i] > 0 ? w[i] : 0;
        below[group] -= w[i] < 0 ? w[i] : 0;
        largest = above[group] > largest ? above[group] : largest;
        largest = below[group] > largest ? below[group] : largest;
    }
    return largest;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* To the nearest integer, ties to even, for |x| < 2^22: a sum of this size has no room for a fraction. */
static float to_nearest(float x)
{
    const float large = 12582912.0F; /* 1.5 * 2^23 */
    return (x + large) - large;
}

static void round_row(int8_t *q, const float *w, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) {
        const float level = to_nearest(w[i] / scale);
        q[i] = (int8_t)(level > MOST ? MOST : level < -MOST ? -MOST : level);
    }
}

float el_int8_quantize(int8_t *q, const float *w, size_t n, bool multiplied)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(w[i]);
        largest = size > largest ? size : largest;
    }
    const float least = largest / MOST;
    if (!isnormal(least)) { /* zeros, or so small that they may be */
        for (size_t i = 0; i < n; i++) {
            q[i] = 0;
        }
        return 0;
    }
    float scale = least;
    if (multiplied) {
        /* rounding takes at most 4 halves from a group */
        const float needed = largest_group(w, n) / (FOUR_AT_MOST + 2);
        scale = needed > least ? needed : least;
    }
    round_row(q, w, n, scale);
    while (multiplied && !el_int8_fits(q, n)) {
        scale += scale / 256;
        round_row(q, w, n, scale);
    }
    return scale;
}
