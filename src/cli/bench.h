/* The subjects of electra bench, in bench_*.c. */
#ifndef EL_CLI_BENCH_H
#define EL_CLI_BENCH_H

#include <electra/bench.h>

#include "options.h"

typedef struct bench_values {
    int size;  /* electra_size */
    int dtype; /* 1: int8 */
    long batch, micro_batch, max_length, steps;
    double seconds; /* 0: the subject's own default */
    const char *vocab, *input, *model;
} bench_values;

electra_status bench_pretrain(const cli_common *common, const bench_values *v, electra_error *err);
electra_status bench_infer(const cli_common *common, const bench_values *v, electra_error *err);
electra_status bench_kernels(const cli_common *common, const bench_values *v, electra_error *err);
electra_status bench_tokenize(const cli_common *common, const bench_values *v, electra_error *err);

/* Shared by subjects that measure operators. */
void bench_operators_json(FILE *out, const electra_bench_operator *operators, size_t n);
void bench_operators_text(FILE *out, const electra_bench_operator *operators, size_t n);

/* The value below which a share q of the n >= 1 values lies; 0.5 is the median. The values are put in order. */
double bench_quantile(double *values, size_t n, double q);

#endif
