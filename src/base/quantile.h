/* Order statistics of measurements. */
#ifndef EL_BASE_QUANTILE_H
#define EL_BASE_QUANTILE_H

#include <stddef.h>

/* The value below which a share q of the n >= 1 values lies, the nearest of them; 0.5 is the median. The values are put
 * in ascending order. */
double el_quantile(double *values, size_t n, double q);

#endif
