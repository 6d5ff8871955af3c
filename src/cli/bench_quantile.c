/* Order statistics for the subjects of electra bench that measure by themselves, through public headers. */
#include <stdlib.h>

#include "bench.h"

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}
