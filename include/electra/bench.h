/* How fast this machine is: training steps and single operators, beside the machine's multiply-add peak measured in
 * between, so that the share of it means something on a machine that is shared and noisy.
 *
 *     electra_bench_pretrain_options options = electra_bench_pretrain_options_default();
 *     electra_bench_pretrain_result result;
 *     electra_bench_pretrain(&options, &result, &error);
 *     printf("%.0f tokens/s, %.0f %% of the peak\n", result.tokens_per_second, 100 * result.share_of_peak); */
#ifndef ELECTRA_BENCH_H
#define ELECTRA_BENCH_H

#include <electra/train.h>
#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Work is counted as needed: the multiplications and additions of the matrix products that the mathematics asks for,
 * forward and backward, 2 m n k each; the masked-token head at masked positions only. What is computed twice to save
 * memory, and everything that is no matrix product, counts nothing. */

typedef struct electra_bench_pretrain_options {
    size_t struct_size;
    electra_runtime runtime;
    int size;         /* electra_size, default ELECTRA_SIZE_SMALL */
    long batch;       /* sequences a step, default 32 */
    long micro_batch; /* sequences at a time; 0, the default: as electra_pretrain would choose */
    long max_length;  /* tokens of each sequence, default 128 */
    long vocabulary;  /* tokens, default 30522 */
    long steps;       /* that are measured; 0, the default: as many as fit into `seconds`, at least 5 */
    double seconds;   /* default 20 */
    double mask_prob; /* below 0, the default: the size's own */
    bool operators;   /* also measure each operator, in steps of their own */
} electra_bench_pretrain_options;

ELECTRA_API electra_bench_pretrain_options electra_bench_pretrain_options_default(void);

enum { ELECTRA_BENCH_MOST_OPERATORS = 48 };

/* One operator in a step. */
typedef struct electra_bench_operator {
    const char *name; /* lives as long as the library */
    double calls;     /* a step */
    double seconds;   /* a step */
    double gflops;    /* needed work / seconds; 0 for what is no matrix product */
} electra_bench_operator;

typedef struct electra_bench_pretrain_result {
    const char *level; /* of the kernels: "cpu-avx2", ... */
    int threads;
    size_t steps; /* measured */
    size_t micro_batch;
    double p50_ms, p99_ms; /* of a step */
    double tokens_per_second, sequences_per_second;
    double gflop_per_step; /* needed */
    double gflops;         /* needed work / time, median over steps */
    double peak_gflops;    /* multiply-adds on as many threads, median over measurements between steps */
    double share_of_peak;  /* median over steps of gflops / the peak measured beside it */
    double peak_rss_mb;    /* of the process */
    size_t n_operators;
    electra_bench_operator operators[ELECTRA_BENCH_MOST_OPERATORS]; /* slowest first */
} electra_bench_pretrain_result;

/* Pre-train on random tokens for a while; nothing is read or written. ELECTRA_MISUSE for sizes that make no sense,
 * ELECTRA_NO_RESOURCE when memory is short, ELECTRA_INTERRUPTED when the progress callback asks to stop. */
ELECTRA_API electra_status electra_bench_pretrain(const electra_bench_pretrain_options *options,
                                                  electra_bench_pretrain_result *result, electra_error *err);

typedef struct electra_bench_infer_options {
    size_t struct_size;
    electra_runtime runtime;
    const char *model; /* a model directory; NULL, the default: random weights of `size`, a discriminator */
    int size;          /* electra_size, default ELECTRA_SIZE_SMALL */
    bool int8;         /* of `size`, or of a model of floats: quantized first; default false: as they are */
    long batch;        /* sequences of a call, default 1 */
    long length;       /* tokens of each sequence, default 128 */
    long calls;        /* that are measured; 0, the default: as many as fit into `seconds`, at least 5 */
    double seconds;    /* default 5 */
    bool operators;    /* also measure each operator, in calls of their own */
} electra_bench_infer_options;

ELECTRA_API electra_bench_infer_options electra_bench_infer_options_default(void);

typedef struct electra_bench_infer_result {
    const char *level; /* of the kernels */
    const char *dtype; /* of the matrices: "float32" or "int8" */
    const char *kind;  /* of the model, as electra_model_kind_name */
    int threads;
    size_t calls;          /* measured */
    double p50_ms, p99_ms; /* of a call: token ids in memory -> what the head says, of the whole batch */
    double tokens_per_second, sequences_per_second;
    double gflop_per_call; /* needed */
    double gflops;         /* needed work / time, median over calls */
    double peak_gflops;    /* multiply-adds on as many threads, median over measurements between calls */
    double share_of_peak;  /* median over rounds of calls of gflops / the peak measured on either side */
    double load_ms;        /* opening the model directory */
    double peak_rss_mb;    /* of the process */
    size_t n_operators;
    electra_bench_operator operators[ELECTRA_BENCH_MOST_OPERATORS]; /* of a call, slowest first */
} electra_bench_infer_result;

/* Answer random tokens for a while, as a session would: packs of at most 1,024 tokens (or one sequence). A generator is
 * asked for one masked token a sequence. Random and newly quantized weights are written to a folder in TMPDIR first and
 * removed again, so that a real directory is opened. Calls are measured with the weights packed, as they are after a
 * model's first answers (infer.h); the first answer's time is the command's to measure. Errors of electra_model_load;
 * ELECTRA_MISUSE for sizes that make no sense, ELECTRA_INTERRUPTED when the progress callback asks to stop. */
ELECTRA_API electra_status electra_bench_infer(const electra_bench_infer_options *options,
                                               electra_bench_infer_result *result, electra_error *err);

typedef struct electra_bench_kernels_options {
    size_t struct_size;
    electra_runtime runtime;
    long tokens;    /* rows of the products, default 4096 */
    double seconds; /* for each row of the table, default 0.5 */
} electra_bench_kernels_options;

ELECTRA_API electra_bench_kernels_options electra_bench_kernels_options_default(void);

/* One row of the table. */
typedef struct electra_bench_kernel {
    const char *level; /* "cpu-ref", "cpu-avx2", "cpu-avx512" */
    const char *name;  /* "linear_fwd", ..., or "peak" */
    const char *shape; /* "4096 x 256 -> 1024" */
    int threads;
    double ms;            /* a call, median */
    double gflops;        /* needed work / time; 0 for what is no matrix product */
    double peak_gflops;   /* of this level and number of threads, measured beside it */
    double share_of_peak; /* 0 for what is no matrix product */
} electra_bench_kernel;

typedef void (*electra_bench_kernel_fn)(void *user, const electra_bench_kernel *row);

/* Every level that this machine has, best first, on ELECTRA-Small's shapes; a row is handed over as soon as it is
 * known and lives during the call only. */
ELECTRA_API electra_status electra_bench_kernels(const electra_bench_kernels_options *options,
                                                 electra_bench_kernel_fn row, void *user, electra_error *err);

/* Multiply-adds in registers on so many threads (0: one a core) for about so many seconds: the ceiling of every matrix
 * product at the level of kernels that this process uses. ELECTRA_NO_RESOURCE when memory or threads are short. */
ELECTRA_API electra_status electra_bench_peak_gflops(double *gflops, int threads, double seconds, electra_error *err);

/* The largest resident set of this process so far, in units of 1,000,000 bytes; 0 if the system does not tell. */
ELECTRA_API double electra_bench_peak_rss_mb(void);

#ifdef __cplusplus
}
#endif
#endif
