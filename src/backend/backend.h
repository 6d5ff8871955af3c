/* The operators that a network is made of, as one table over opaque memory: shapes, formula and source of each,
 * forward and backward side by side. The model calls these and nothing else, and never looks inside a tensor, so that
 * another device is another table.
 *
 *     el_backend *be;
 *     EL_TRY(el_backend_create_cpu(&be, pool, EL_CPU_BEST, err));
 *     EL_TRY(be->ops->reserve(be, &limits, err));            // all workspace, before the first step
 *     be->ops->linear_fwd(be, y, x, w, b, EL_ACT_GELU, pre); // cannot fail, allocates nothing
 *
 * Letters: B sequences, T tokens of all sequences laid end to end (packed, no padding), H hidden, A heads, D = H / A,
 * F feed-forward, V vocabulary, E embedding width, M masked slots, L longest sequence.
 *
 * Conventions
 * - Tensors are row-major and contiguous, of the backend's real type (float; double in the backend that checks
 *   gradients). No alignment beyond that of one element is assumed. A tensor without data means "absent" where the
 *   description says it may.
 * - `d` + name is the gradient of the loss. Gradients of parameters are added to (+=), gradients of activations are
 *   written (=), unless a flag says otherwise.
 * - Outputs do not overlap inputs unless the description allows it.
 * - Results are the same bits for any number of threads: each output element is summed in one fixed order.
 * - Operators check their shapes with assert; a wrong shape is a bug of the caller, never of a file. */
#ifndef EL_BACKEND_BACKEND_H
#define EL_BACKEND_BACKEND_H

#include <electra/types.h>

#include "base/parallel.h"

typedef struct el_backend el_backend;

/* How a tensor lies in memory. Weights that only answer may lie in another way than row by row: linear_fwd and
 * masked_lm_logits take such a matrix as `w` or `table` (PARTS: linear_fwd alone), embed_fwd takes three tables of
 * INT8_ROWS, everything else takes REAL alone. What the bytes mean is the secret of the backend (of one level: what one has packed is for
 * backends of the same name). */
typedef enum el_format {
    EL_FORMAT_REAL,     /* row-major reals */
    EL_FORMAT_PARTS,    /* several such matrices below one another: data points at an el_parts of the host */
    EL_FORMAT_PACKED,   /* a weight matrix in the order in which the product reads it */
    EL_FORMAT_INT8,     /* a weight matrix of 8-bit integers with a scale for each row, ordered for the product */
    EL_FORMAT_INT8_ROWS /* a table of the same kind, row by row where it was: for embed_fwd and masked_lm_logits */
} el_format;

typedef struct el_tensor {
    void *data; /* NULL: absent */
    size_t rows, cols;
    el_format format;
} el_tensor;

/* Matrices that lie apart, [rows / n, cols] each, taken as one of so many rows. */
enum { EL_MOST_PARTS = 3 };
typedef struct el_parts {
    size_t n;
    void *data[EL_MOST_PARTS];
} el_parts;

/* Most columns of a matrix of integers: 65536 * 255 * 128 is within 32 bits. */
enum { EL_INT8_WIDEST = 65536 };

static const el_tensor EL_ABSENT = {NULL, 0, 0, EL_FORMAT_REAL};

/* Where each token stands. Arrays live in the backend's memory. */
typedef struct el_layout {
    size_t n_tokens;          /* T */
    size_t n_sequences;       /* B */
    size_t longest;           /* L */
    const uint32_t *starts;   /* [B + 1] first token of each sequence; the last entry is T */
    const uint32_t *sequence; /* [T] number of the token's sequence within the whole step, for random numbers */
    const uint32_t *position; /* [T] 0, 1, ... within the sequence */
} el_layout;

typedef enum el_activation {
    EL_ACT_LINEAR,
    EL_ACT_GELU,      /* x * (1 + erf(x / sqrt 2)) / 2 */
    EL_ACT_GELU_TANH, /* x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 */
    EL_ACT_RELU,
    EL_ACT_TANH,
    EL_ACT_SILU /* x / (1 + exp(-x)) */
} el_activation;

/* Inverted dropout: an element whose lane (rng.h) is below rate * 2^32 becomes 0, the others are multiplied by
 * 1 / (1 - rate). Nothing is stored; backward draws the same lanes again. For element [t, c] of a [T, *] tensor the
 * lane is el_rng_lane(el_rng_row(key, sequence[t], position[t]), c); for the attention probability of head a, query t
 * and key position j it is el_rng_lane(el_rng_row(el_rng_mix(key + a), sequence[t], position[t]), j). */
typedef struct el_dropout {
    double rate; /* below 1; 0: the identity */
    uint64_t key;
} el_dropout;

/* How the generator's tokens are drawn: p(v) ~ exp(logit[v] / temperature), by inversion with one uniform number
 * el_rng_uniform(el_rng_row(key, sequence, position)) a slot: the same distribution as the Gumbel form of
 * electra.md 4.1 at 1 / V of its cost. */
typedef struct el_sampling {
    double temperature;
    bool forbid_target; /* the right token is never drawn (its logit is lowered by 1000) */
    uint64_t key;
} el_sampling;

/* electra.md 6.1; one call a group of parameters with equal settings. */
typedef struct el_adam {
    double rate; /* learning rate of this step and group */
    double beta1, beta2, epsilon;
    double decay;       /* weight decay; 0 for biases and norms */
    double scale;       /* the gradient is multiplied by this first (clipping) */
    double correction1; /* m is divided by this in the update: 1 - beta1^step, or 1 for the published form */
    double correction2; /* likewise v */
} el_adam;

/* The largest of everything that a run will ask for: sizes the workspace. */
typedef struct el_limits {
    size_t tokens;     /* T */
    size_t sequences;  /* B */
    size_t longest;    /* L */
    size_t width;      /* most columns of any tensor but logits over the vocabulary */
    size_t heads;      /* A */
    size_t head_width; /* D */
    size_t slots;      /* M */
    size_t vocabulary; /* V */
    size_t positions;  /* rows of the largest position table */
} el_limits;

#define EL_NO_TARGET UINT32_MAX /* in an array of targets: this one takes no part in the loss */

typedef struct el_ops {
    /* Workspace for everything below. May be called again with other limits, never between a forward and its
     * backward. ELECTRA_NO_RESOURCE when memory is short. */
    electra_status (*reserve)(el_backend *be, const el_limits *limits, electra_error *err);

    /* Zeroed memory of the device, aligned to EL_ALIGNMENT; NULL when out of memory. Reals are counted in elements. */
    void *(*alloc)(el_backend *be, size_t bytes);
    void (*free)(el_backend *be, void *memory);
    /* Between host floats or doubles and the backend's reals. */
    void (*upload_f32)(el_backend *be, void *to, const float *from, size_t n);
    void (*download_f32)(el_backend *be, float *to, const void *from, size_t n);
    void (*upload_f64)(el_backend *be, void *to, const double *from, size_t n);
    void (*download_f64)(el_backend *be, double *to, const void *from, size_t n);
    void (*upload_bytes)(el_backend *be, void *to, const void *from, size_t bytes); /* index arrays */
    void (*download_bytes)(el_backend *be, void *to, const void *from, size_t bytes);

    /* Weights [rows, cols] in a format other than REAL: the bytes they need, or 0 if this backend has no such format
     * or none so wide: integers have at most EL_INT8_WIDEST columns. */
    size_t (*format_bytes)(el_backend *be, el_format format, size_t rows, size_t cols);
    /* Put host floats [rows, w.cols] into the rows first ... of a PACKED w, whose memory holds format_bytes and was
     * zero before the first piece (as alloc leaves it). Pieces come in any order, so several matrices become one. */
    void (*pack_f32)(el_backend *be, el_tensor w, size_t first, const float *from, size_t rows);
    /* The same for an INT8 w, from host integers [rows, w.cols] and a scale for each row: w[n,k] = scales[n] from[n,k].
     * An INT8_ROWS w takes all rows at once and borrows both arrays, which must outlive it, if the device can read
     * them. */
    void (*pack_int8)(el_backend *be, el_tensor w, size_t first, const int8_t *from, const float *scales, size_t rows);

    void (*zero)(el_backend *be, el_tensor x);
    void (*copy)(el_backend *be, el_tensor y, el_tensor x);
    void (*add)(el_backend *be, el_tensor y, el_tensor x); /* y += x */

    /* y[t] = word[ids[t]] + type[types[t]] + position[layout->position[t]], in this order.
     * y: [T, E], word: [V, E], type: [n_types, E], position: [n_positions, E], all three of one format.
     * electra.md 1.3 step 1. */
    void (*embed_fwd)(el_backend *be, el_tensor y, el_tensor word, el_tensor type, el_tensor position,
                      const uint32_t *ids, const uint32_t *types, const el_layout *layout);
    /* Adds dy to the rows that were read; rows of one id are summed in token order. */
    void (*embed_bwd)(el_backend *be, el_tensor dword, el_tensor dtype, el_tensor dposition, el_tensor dy,
                      const uint32_t *ids, const uint32_t *types, const el_layout *layout);

    /* Here and below `dropout` may be NULL, which is a rate of 0; without dropout a layout that only it needs may be
     * NULL too.
     * y = gamma * (s - mean(s)) / sqrt(var(s) + epsilon) + beta with s = x + dropout(z), biased variance in two passes.
     * x, z, y: [T, H]; z may be absent (s = x). sum: [T, H], keeps s for backward; may be x's or z's memory.
     * stats: [T, 2] mean and 1 / sqrt(var + epsilon). gamma, beta: [1, H]. electra.md 1.3 steps 2 and 4. */
    void (*norm_fwd)(el_backend *be, el_tensor y, el_tensor sum, el_tensor stats, el_tensor x, el_tensor z,
                     const el_dropout *dropout, const el_layout *layout, el_tensor gamma, el_tensor beta,
                     double epsilon);
    /* dsum = gradient of s: [T, H], may be dy's memory. dgamma, dbeta: [1, H], summed over rows in fixed blocks. */
    void (*norm_bwd)(el_backend *be, el_tensor dsum, el_tensor dgamma, el_tensor dbeta, el_tensor dy, el_tensor sum,
                     el_tensor stats, el_tensor gamma);

    /* y = dropout(x); y may be x. Its own backward. With rate 0 a copy (nothing if y is x). rows: [x.rows] the token
     * that each row belongs to, for its random numbers; NULL: row t is token t. */
    void (*dropout)(el_backend *be, el_tensor y, el_tensor x, const el_dropout *dropout, const el_layout *layout,
                    const uint32_t *rows);

    /* y = act(x w^T + b). x: [T, K], w: [N, K] of any format but INT8_ROWS, b: [1, N] or absent, y: [T, N].
     * pre: [T, N] keeps x w^T + b for backward, or absent. With EL_ACT_LINEAR pre is not written.
     * With an INT8 w, pre is absent and each row of x is taken as q = round(x / s) + z in 0 ... 255 with z = round(-min
     * x / s), s = (max x - min x) / 255, both with 0 among the x. The sum over k of (q - z) w is exact, and the same at
     * every level; then y = act(sum * (s * scale of w's row) + b). A row with an x that is no finite number gives
     * not-a-numbers. */
    void (*linear_fwd)(el_backend *be, el_tensor y, el_tensor x, el_tensor w, el_tensor b, el_activation act,
                       el_tensor pre);
    /* dx = (dy w), times act'(pre) element by element if pre is there (then act and pre are those of the layer that
     * made x); added to dx instead if `accumulate`. dy: [T, N], dx, pre: [T, K]. */
    void (*linear_bwd_input)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor w, bool accumulate,
                             el_activation act, el_tensor pre);
    /* dw += dy^T x, db += column sums of dy. db may be absent. */
    void (*linear_bwd_weights)(el_backend *be, el_tensor dw, el_tensor db, el_tensor dy, el_tensor x);
    /* y = act(x); y may be x. dx = dy * act'(x); dx may be dy. */
    void (*act_fwd)(el_backend *be, el_tensor y, el_tensor x, el_activation act);
    void (*act_bwd)(el_backend *be, el_tensor dx, el_tensor dy, el_tensor x, el_activation act);

    /* Self-attention within each sequence. qkv: [T, 3H], the columns of q, then k, then v, head-major in each;
     * for head a and query t: p = softmax_j(q_t . k_j / sqrt(D)) over the tokens j of t's sequence,
     * context[t, aD ... aD + D) = sum_j dropout(p_j) v_j. context: [T, H].
     * lse: [T, A] keeps log sum exp of the scores; probabilities are computed again in backward, so memory grows with
     * T and not with T L. electra.md 1.3 step 4. */
    void (*attention_fwd)(el_backend *be, el_tensor context, el_tensor lse, el_tensor qkv, size_t heads,
                          const el_dropout *dropout, const el_layout *layout);
    /* dqkv: [T, 3H] written. context as forward left it (its product with dcontext is the sum that the softmax's
     * backward needs). */
    void (*attention_bwd)(el_backend *be, el_tensor dqkv, el_tensor dcontext, el_tensor qkv, el_tensor context,
                          el_tensor lse, size_t heads, const el_dropout *dropout, const el_layout *layout);

    /* y[i] = x[rows[i]]; y: [M, H], x: [T, H]. Backward: dx[rows[i]] += dy[i]; a row may occur more than once. */
    void (*gather_rows)(el_backend *be, el_tensor y, el_tensor x, const uint32_t *rows);
    void (*scatter_add_rows)(el_backend *be, el_tensor dx, el_tensor dy, const uint32_t *rows);

    /* A row of each sequence at all of its tokens: y[t] += x[s] for every token t of sequence s. y: [T, N], x: [B, N].
     * Backward: dx[s] = sum of dy[t] over them, in token order. */
    void (*spread_add)(el_backend *be, el_tensor y, el_tensor x, const el_layout *layout);
    void (*spread_bwd)(el_backend *be, el_tensor dx, el_tensor dy, const el_layout *layout);

    /* The average of a sequence's rows that the softmax of a logit makes: p = softmax of the sequence's logits,
     * y[s] = sum_t p[t] x[t]. y: [B, H], p: [T, 1] for backward, x: [T, H], logits: [T, 1]. electra.md 9.4.
     * Backward, both added to: dx[t] += p[t] dy[s], dlogits[t] += p[t] dy[s] . (x[t] - y[s]). */
    void (*softmax_pool_fwd)(el_backend *be, el_tensor y, el_tensor p, el_tensor x, el_tensor logits,
                             const el_layout *layout);
    void (*softmax_pool_bwd)(el_backend *be, el_tensor dx, el_tensor dlogits, el_tensor dy, el_tensor x, el_tensor p,
                             el_tensor y, const el_layout *layout);

    /* logits[t] -= 1000 unless token t is of type 1 or the first of its sequence: the places of an answer. logits:
     * [T, 1]. Its gradient passes through. electra.md 9.4. */
    void (*answer_mask)(el_backend *be, el_tensor logits, const uint32_t *types, const el_layout *layout);

    /* The masked-token head behind its norm: logits = h table^T + bias, for M slots over V tokens, in chunks of the
     * vocabulary: nothing of size M V is ever stored.
     * h: [M, E], table: [V, E], bias: [1, V], targets: [M].
     * loss: [M, 1] = lse - logit[target]. lse: [M, 1] for backward. best: [M] argmax of the logits, smallest id first,
     * or NULL. sampled: [M] drawn tokens, or NULL (then sampling may be NULL). slots: [M] the token of each slot, for
     * its random number. electra.md 1.4, 4.1, 4.4. */
    void (*masked_lm_fwd)(el_backend *be, el_tensor loss, el_tensor lse, uint32_t *best, uint32_t *sampled, el_tensor h,
                          el_tensor table, el_tensor bias, const uint32_t *targets, const uint32_t *slots,
                          const el_layout *layout, const el_sampling *sampling);
    /* With g = scale * (softmax - onehot(target)): dh = g table, dtable += g^T h, dbias += column sums of g. */
    void (*masked_lm_bwd)(el_backend *be, el_tensor dh, el_tensor dtable, el_tensor dbias, el_tensor h, el_tensor table,
                          el_tensor bias, el_tensor lse, const uint32_t *targets, double scale);
    /* All logits of a few slots, for answers: logits: [M, V]. table: of any format but INT8. */
    void (*masked_lm_logits)(el_backend *be, el_tensor logits, el_tensor h, el_tensor table, el_tensor bias);

    /* corrupted = ids with sampled[i] at slots[i]; labels[t] = 1 where corrupted differs from ids, else 0; all [T].
     * A token drawn more than once takes the last of its samples; with `average` (the released system, electra.md 4.2)
     * the sum of its samples divided by their number, rounded down. */
    void (*corrupt)(el_backend *be, uint32_t *corrupted, uint32_t *labels, const uint32_t *ids, size_t n_tokens,
                    const uint32_t *slots, const uint32_t *sampled, size_t n_slots, bool average);

    /* loss[t] = max(s, 0) - s y + log(1 + exp(-|s|)) with s = logits[t], y = labels[t]; [T, 1]. electra.md 4.4.
     * Backward: dlogits = scale * (sigmoid(s) - y). */
    void (*binary_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *labels);
    void (*binary_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *labels, double scale);

    /* Softmax cross-entropy within groups of rows, each column for itself: with x = logits[starts[g] + i, c] for the
     * rows i of group g, loss[g, c] = log sum_i exp(x_i) - x_target, target = targets[g, c]; 0 for EL_NO_TARGET.
     * logits: [R, C], loss: [G, C], targets: [G, C], each below its group's rows or EL_NO_TARGET.
     * starts: [G + 1] as in a layout, all groups with one row or more; or NULL for groups of R / G rows each (classes
     * of a row: its C logits seen as [C, 1]). Backward: dlogits = scale * (softmax - onehot(target)), 0 where there is
     * no target. formats.md 1.5. */
    void (*softmax_loss_fwd)(el_backend *be, el_tensor loss, el_tensor logits, const uint32_t *starts,
                             const uint32_t *targets);
    void (*softmax_loss_bwd)(el_backend *be, el_tensor dlogits, el_tensor logits, const uint32_t *starts,
                             const uint32_t *targets, size_t groups, double scale);

    /* loss = (x - target)^2, element by element. Backward: dx = scale * 2 (x - target). All of one shape. */
    void (*squared_loss_fwd)(el_backend *be, el_tensor loss, el_tensor x, el_tensor target);
    void (*squared_loss_bwd)(el_backend *be, el_tensor dx, el_tensor x, el_tensor target, double scale);

    /* Sums in double over fixed blocks, added in order. */
    double (*sum)(el_backend *be, el_tensor x);
    double (*sum_of_squares)(el_backend *be, el_tensor x);

    /* One update of parameters, all [rows, cols] alike: g' = scale g; m = b1 m + (1 - b1) g'; v = b2 v + (1 - b2) g'^2;
     * parameter -= rate * ((m / correction1) / (sqrt(v / correction2) + epsilon) + decay * parameter). */
    void (*adam)(el_backend *be, el_tensor parameter, el_tensor m, el_tensor v, el_tensor gradient,
                 const el_adam *settings);

    /* Multiply-adds in registers on all threads for about so many seconds: GFLOP/s, the ceiling of everything above. */
    double (*peak)(el_backend *be, double seconds);
} el_ops;

struct el_backend {
    const el_ops *ops;
    const char *name;    /* "cpu-ref", "cpu-avx2", "cpu-avx512", "cpu-ref-f64" */
    size_t element_size; /* bytes of a real */
    el_pool *pool;       /* borrowed */
    void *state;         /* the backend's own */
    void (*destroy)(el_backend *be);
};

/* Levels of the CPU backend. EL_CPU_BEST takes the level that the environment variable ELECTRA_CPU names (ref, avx2,
 * avx512; any other value is ELECTRA_MISUSE), or without it the best that this machine and its system can run. Asking
 * for a level that the machine lacks, either way, is ELECTRA_NO_RESOURCE. */
typedef enum el_cpu_level { EL_CPU_BEST, EL_CPU_REF, EL_CPU_AVX2, EL_CPU_AVX512 } el_cpu_level;

/* pool is borrowed, may be NULL (one thread), and must outlive the backend. */
electra_status el_backend_create_cpu(el_backend **out, el_pool *pool, el_cpu_level level, electra_error *err);

/* The plain C backend in double: the same source compiled again; for checking gradients, not for use. */
electra_status el_backend_create_f64(el_backend **out, el_pool *pool, electra_error *err);

void el_backend_free(el_backend *be); /* accepts NULL */

/* Views. Offsets count elements. */
static inline el_tensor el_tensor_of(void *data, size_t rows, size_t cols)
{
    return (el_tensor){data, rows, cols, EL_FORMAT_REAL};
}
static inline el_tensor el_tensor_rows(const el_backend *be, el_tensor x, size_t first, size_t rows)
{
    return (el_tensor){(char *)x.data + first * x.cols * be->element_size, rows, x.cols, EL_FORMAT_REAL};
}
static inline bool el_tensor_is(el_tensor x, size_t rows, size_t cols)
{
    return x.data && x.rows == rows && x.cols == cols;
}

#endif
