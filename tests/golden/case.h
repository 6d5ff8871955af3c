/* One folder of golden numbers and the verdict on it: reading case.json and its tensors, comparing by the rule
 *
 *     max |got - expected| <= tolerance * max(max |expected|, floor)        over a whole tensor,
 *
 * tolerance and floor being those of the tensor's group, and making sure that nothing that is expected was left out. */
#ifndef GOLDEN_CASE_H
#define GOLDEN_CASE_H

#include "backend/backend.h"
#include "base/json.h"
#include "interop/safetensors.h"

typedef struct golden_verdict {
    size_t n_compared;     /* tensors and lists of numbers */
    size_t n_wrong;        /* of them, beyond their tolerance */
    double worst;          /* largest difference as a share of what is allowed */
    double worst_relative; /* the same difference relative to the largest expected number */
    char worst_where[160];
    char problem[512]; /* the first thing that is wrong; empty if nothing is */
} golden_verdict;

typedef struct golden_case {
    const char *folder;
    json_t *json;             /* case.json */
    el_safetensors *inputs;   /* NULL if the case has none */
    el_safetensors *expected; /* likewise */
    bool *seen;               /* [n_expected] rows of "expected" that were compared */
    size_t n_expected;
    golden_verdict verdict;
} golden_case;

/* false, with the reason in verdict.problem, if the folder is not a sound case. Close it in any case. */
bool golden_open(golden_case *c, const char *folder);
void golden_close(golden_case *c);
const char *golden_type(const golden_case *c);

/* A member of "settings"; missing or of another type is a problem, and 0 is returned. */
double golden_setting(golden_case *c, const char *name);
const char *golden_setting_text(golden_case *c, const char *name);

/* Note what is wrong; the first one is kept, all are counted. */
void golden_problem(golden_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* el_... failed: note its message. Returns true if status is ELECTRA_OK. */
bool golden_ok(golden_case *c, electra_status status, const electra_error *err);

/* A whole input tensor as 32-bit numbers, to be freed; NULL with a problem noted if it is missing, has another number
 * of elements than n (0: any), or holds what is no uint32_t. *out_n may be NULL. */
uint32_t *golden_input(golden_case *c, const char *name, size_t n, size_t *out_n);
/* The same for targets, whose -100 means EL_NO_TARGET. */
uint32_t *golden_input_targets(golden_case *c, const char *name, size_t n, size_t *out_n);
/* The same for numbers. */
float *golden_input_numbers(golden_case *c, const char *name, size_t n);
bool golden_has_input(const golden_case *c, const char *name);

/* Compare with the tensor `name` of expected.safetensors, which must have n elements. */
void golden_compare(golden_case *c, const char *name, const float *got, size_t n);
/* The same for rows of a packed batch against a padded [n_sequences, width, cols], whose padding holds 0: got has the
 * rows of each sequence one after another, lengths[i] of sequence i. */
void golden_compare_packed(golden_case *c, const char *name, const float *got, size_t cols, const uint32_t *lengths,
                           size_t n_sequences, size_t width);
/* true if the case expects a tensor of that name. */
bool golden_expects(const golden_case *c, const char *name);
/* Compare with numbers that are not in the list of expected tensors. */
void golden_compare_numbers(golden_case *c, const char *where, const double *got, const double *expected, size_t n,
                            double tolerance, double floor_);
/* Each difference is at most `tolerance` as it stands. */
void golden_compare_absolute(golden_case *c, const char *where, const double *got, const double *expected, size_t n,
                             double tolerance);

/* A problem for every expected tensor that was not compared. */
void golden_check_all_seen(golden_case *c);

/* The case types; each compares everything that its case holds. */
void golden_run_pretrain(golden_case *c, el_pool *pool);
void golden_run_optimiser(golden_case *c, el_pool *pool);
void golden_run_storage(golden_case *c, el_pool *pool);
void golden_run_tf1(golden_case *c, el_pool *pool);
void golden_run_head(golden_case *c, el_pool *pool);
void golden_run_bert(golden_case *c, el_pool *pool);
void golden_run_finetune(golden_case *c, el_pool *pool);
void golden_run_pipeline(golden_case *c, el_pool *pool);

#endif
