/* The subjects of electra bench, in bench_*.c. */
#ifndef EL_CLI_BENCH_H
#define EL_CLI_BENCH_H

#include "options.h"

typedef struct bench_values {
    int size; /* electra_size */
    long batch, micro_batch, max_length, steps;
    double seconds; /* 0: the subject's own default */
    const char *vocab, *input;
} bench_values;

electra_status bench_pretrain(const cli_common *common, const bench_values *v, electra_error *err);
electra_status bench_kernels(const cli_common *common, const bench_values *v, electra_error *err);
electra_status bench_tokenize(const cli_common *common, const bench_values *v, electra_error *err);

#endif
