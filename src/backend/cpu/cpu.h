/* What the operators of the CPU share: the state behind el_backend, its workspace, and how work is cut.
 *
 * Every operator is a small job struct, a task that does one piece with a kernel, and a call of el_parallel_for. How
 * pieces are cut depends on shapes only, never on threads, so neither do results. */
#ifndef EL_BACKEND_CPU_CPU_H
#define EL_BACKEND_CPU_CPU_H

#include "backend/cpu/kernels.h"
#include "base/mem.h"
#include "base/rng.h"

enum {
    EL_PIECE_ELEMENTS = 16384,  /* elements of a piece of elementwise work */
    EL_NORM_BLOCK = 128,        /* rows whose share of dgamma and dbeta is one partial sum */
    EL_QUERY_BLOCK = 128,       /* queries of one piece of attention's forward */
    EL_COLUMN_BLOCK = 64,       /* columns of one piece where rows must be taken in order */
    EL_SLOT_BLOCK = 1024,       /* slots and */
    EL_VOCABULARY_PIECE = 128,  /* tokens of one piece of the masked-token head: all slots at once, as a rule, so that
                                   a part of the table is packed once */
    EL_VOCABULARY_CHUNK = 128,  /* tokens whose statistics are kept together; divides a piece */
    EL_VOCABULARY_WINDOW = 1024 /* tokens whose gradients are held at a time in backward; a multiple of a piece */
};

/* Workspace, of which one block is cut (workspace.c). Sizes in reals unless said otherwise; M slots, C chunks of the
 * vocabulary. For ELECTRA-Base with 4,096 tokens a step that is 8 MiB and 1 MiB a thread. */
typedef struct el_workspace {
    unsigned char *scratch;        /* bytes: threads * scratch_bytes, for kernels and pieces */
    size_t scratch_bytes;          /* of one thread */
    real *norm_partials;           /* [blocks of rows, 2, width]: shares of dgamma, then dbeta */
    real *chunk_max, *chunk_sum;   /* [M, C] statistics of the logits of each chunk */
    real *sample_max, *sample_sum; /* [M, C] the same of the logits that tokens are drawn from */
    uint32_t *chunk_best;          /* [M, C] */
    real *target_logits;           /* [M] */
    real *window;                  /* [M, EL_VOCABULARY_WINDOW] gradients of logits */
    unsigned char *int8_rows;      /* bytes: rows that all threads multiply (int8.c) */
} el_workspace;

typedef struct el_cpu {
    el_kernels k;
    el_limits limits;
    el_arena arena;
    el_workspace w;
    size_t gemm_bytes; /* of scratch that the matrix product needs, rounded up to EL_ALIGNMENT */
} el_cpu;

static inline el_cpu *el_cpu_of(el_backend *be)
{
    return be->state;
}

static inline void *el_cpu_scratch(const el_cpu *cpu, int thread)
{
    return cpu->w.scratch + (size_t)thread * cpu->w.scratch_bytes;
}

static inline size_t el_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t el_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows of `cols` elements that make a piece. */
static inline size_t el_rows_grain(size_t cols)
{
    return el_max(1, EL_PIECE_ELEMENTS / el_max(1, cols));
}

/* How many lanes of 2^32 are dropped. */
static inline uint32_t el_dropout_threshold(double rate)
{
    const double threshold = ceil(rate * 4294967296.0);
    return threshold < 4294967295.0 ? (uint32_t)threshold : UINT32_MAX;
}

static inline bool el_drops(const el_dropout *dropout)
{
    return dropout && dropout->rate > 0;
}

static inline el_row_dropout el_dropout_of_row(const el_dropout *dropout, const el_layout *layout, size_t t)
{
    return (el_row_dropout){.row = el_rng_row(dropout->key, layout->sequence[t], layout->position[t]),
                            .threshold = el_dropout_threshold(dropout->rate),
                            .scale = (real)(1 / (1 - dropout->rate))};
}

/* workspace.c */
electra_status EL_REAL(el_cpu_reserve)(el_backend *be, const el_limits *limits, electra_error *err);

/* A whole matrix product on all threads (gemm.c). */
void EL_REAL(el_cpu_gemm)(el_backend *be, const el_gemm *job);

/* peak.c */
double EL_REAL(el_cpu_peak)(el_backend *be, double seconds);

/* The operators of el_ops, one file a group; each is described there. */

/* embedding.c */
void EL_REAL(el_cpu_embed_fwd)(el_backend *be, el_tensor y, el_tensor word, el_tensor type, el_tensor position,
                               const uint32_t *ids, const uint32_t *types, const el_layout *layout);
void EL_REAL(el_cpu_embed_bwd)(el_backend *be, el_tensor dword, el_tensor dtype, el_tensor dposition, el_tensor dy,
                               const uint32_t *ids, const uint32_t *types, const el_layout *layout);
void EL_REAL(el_cpu_gather_rows)(el_backend *be, el_tensor y, el_tensor x, const uint32_t *rows);
void EL_REAL(el_cpu_scatter_add_rows)(el_backend *be, el_tensor dx, el_tensor dy, const uint32_t *rows);

/* norm.c */
void EL_REAL(el_cpu_norm_fwd)(el_backend *be, el_tensor y, el_tensor sum, el_tensor stats, el_tensor x, el_tensor z,
                              const el_dropout *dropout, const el_layout *layout, el_tensor gamma, el_tensor beta,
                              double epsilon);
void EL_REAL(el_cpu_norm_bwd)(el_backend *be, el_tensor dsum, el_tensor dgamma, el_tensor dbeta, el_tensor dy,
                              el_tensor sum, el_tensor stats, el_tensor gamma);

/* linear.c */
void EL_REAL(el_cpu_linear_fwd)(el_backend *be, el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act,
                                el_tensor pre);
void EL_REAL(el_cpu_linear_bwd_input)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor w, bool accumulate,
                                      el_activation act, el_tensor pre);
void EL_REAL(el_cpu_linear_bwd_weights)(el_backend *be, el_tensor dw, el_tensor db, el_tensor dy, el_tensor x);
/* sums[j] += sum_i x[i * ldx + j] for n columns, on all threads. */
void EL_REAL(el_cpu_column_sums)(el_backend *be, real *sums, const real *x, size_t ldx, size_t rows, size_t n);

/* int8.c: what cpu.c, linear.c, embedding.c and masked_lm.c do with integers. */
size_t EL_REAL(el_cpu_int8_bytes)(el_format format, size_t rows, size_t cols);
void EL_REAL(el_cpu_int8_pack)(el_backend *be, el_tensor w, size_t first, const int8_t *from, const float *scales,
                               size_t rows);
void EL_REAL(el_cpu_int8_linear)(el_backend *be, el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act);
void EL_REAL(el_cpu_int8_embed)(el_backend *be, el_tensor y, el_tensor word, el_tensor type, el_tensor position,
                                const uint32_t *ids, const uint32_t *types, const el_layout *layout);
void EL_REAL(el_cpu_int8_logits)(el_backend *be, el_tensor logits, el_tensor h, el_tensor table, el_tensor bias);
/* Of one thread and of all together, for the rows that are multiplied. */
size_t EL_REAL(el_cpu_int8_scratch)(const el_limits *limits);
size_t EL_REAL(el_cpu_int8_shared)(const el_limits *limits);

/* attention.c */
void EL_REAL(el_cpu_attention_fwd)(el_backend *be, el_tensor context, el_tensor lse, el_tensor qkv, size_t heads,
                                   const el_dropout *dropout, const el_layout *layout);
void EL_REAL(el_cpu_attention_bwd)(el_backend *be, el_tensor dqkv, el_tensor dcontext, el_tensor qkv, el_tensor context,
                                   el_tensor lse, size_t heads, const el_dropout *dropout, const el_layout *layout);

/* sequences.c */
void EL_REAL(el_cpu_spread_add)(el_backend *be, el_tensor y, el_tensor x, const el_layout *layout);
void EL_REAL(el_cpu_spread_bwd)(el_backend *be, el_tensor dx, el_tensor dy, const el_layout *layout);
void EL_REAL(el_cpu_softmax_pool_fwd)(el_backend *be, el_tensor y, el_tensor p, el_tensor x, el_tensor logits,
                                      const el_layout *layout);
void EL_REAL(el_cpu_softmax_pool_bwd)(el_backend *be, el_tensor dx, el_tensor dlogits, el_tensor dy, el_tensor x,
                                      el_tensor p, el_tensor y, const el_layout *layout);
void EL_REAL(el_cpu_answer_mask)(el_backend *be, el_tensor logits, const uint32_t *types, const el_layout *layout);

/* masked_lm.c */
void EL_REAL(el_cpu_masked_lm_fwd)(el_backend *be, el_tensor loss, el_tensor lse, uint32_t *best, uint32_t *sampled,
                                   el_tensor h, el_tensor table, el_tensor bias, const uint32_t *targets,
                                   const uint32_t *slots, const el_layout *layout, const el_sampling *sampling);
void EL_REAL(el_cpu_masked_lm_bwd)(el_backend *be, el_tensor dh, el_tensor dtable, el_tensor dbias, el_tensor h,
                                   el_tensor table, el_tensor bias, el_tensor lse, const uint32_t *targets,
                                   double scale);
void EL_REAL(el_cpu_masked_lm_logits)(el_backend *be, el_tensor logits, el_tensor h, el_tensor table, el_tensor bias);

/* corrupt.c */
void EL_REAL(el_cpu_corrupt)(el_backend *be, uint32_t *corrupted, uint32_t *labels, const uint32_t *ids,
                             size_t n_tokens, const uint32_t *slots, const uint32_t *sampled, size_t n_slots,
                             bool average);

/* elementwise.c */
void EL_REAL(el_cpu_zero)(el_backend *be, el_tensor x);
void EL_REAL(el_cpu_copy)(el_backend *be, el_tensor y, el_tensor x);
void EL_REAL(el_cpu_add)(el_backend *be, el_tensor y, el_tensor x);
void EL_REAL(el_cpu_dropout)(el_backend *be, el_tensor y, el_tensor x, const el_dropout *dropout,
                             const el_layout *layout, const uint32_t *rows);
void EL_REAL(el_cpu_act_fwd)(el_backend *be, el_tensor y, el_tensor x, el_activation act);
void EL_REAL(el_cpu_act_bwd)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor x, el_activation act);
void EL_REAL(el_cpu_binary_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *labels);
void EL_REAL(el_cpu_binary_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *labels,
                                     double scale);
void EL_REAL(el_cpu_softmax_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *starts,
                                      const uint32_t *targets);
void EL_REAL(el_cpu_softmax_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *starts,
                                      const uint32_t *targets, size_t groups, double scale);
void EL_REAL(el_cpu_squared_loss_fwd)(el_backend *be, el_tensor loss, el_tensor x, el_tensor target);
void EL_REAL(el_cpu_squared_loss_bwd)(el_backend *be, el_tensor dx, el_tensor x, el_tensor target, double scale);
double EL_REAL(el_cpu_sum)(el_backend *be, el_tensor x);
double EL_REAL(el_cpu_sum_of_squares)(el_backend *be, el_tensor x);
void EL_REAL(el_cpu_adam)(el_backend *be, el_tensor parameter, el_tensor m, el_tensor v, el_tensor gradient,
                          const el_adam *settings);

#endif
