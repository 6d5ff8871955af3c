/* golden DIR...: checks every case that it is given (tests/golden/case.h has the rule; the folders' format is the one
 * that tools/gen_golden.py writes). One line a case with the worst difference and where it is.
 *
 * A plain file among the folders (golden FOLDER/... with a README in it) is passed over, and said to be.
 *
 * ELECTRA_CPU=ref|avx2|avx512 chooses the operators. Exit code: 0 all given cases agree; 1 a number disagrees, a case
 * is unsound, its type is not known here (it is said which), or there was no case at all; 2 misuse. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "golden/case.h"

static const struct {
    const char *type;
    void (*run)(golden_case *c, el_pool *pool);
} TYPES[] = {
    {"pretrain", golden_run_pretrain}, {"optimiser", golden_run_optimiser}, {"storage", golden_run_storage},
    {"tf1", golden_run_tf1},           {"head", golden_run_head},           {"bert", golden_run_bert},
    {"finetune", golden_run_finetune}, {"pipeline", golden_run_pipeline},
};
enum { N_TYPES = sizeof TYPES / sizeof TYPES[0] };

typedef enum outcome { PASSED, ALTERED, SKIPPED } outcome;

static void print_verdict(const golden_case *c)
{
    const golden_verdict *v = &c->verdict;
    if (v->n_wrong == 0) {
        printf("ok      %s: %zu compared; worst relative difference %.2e (%.0f %% of what is allowed) at %s\n",
               c->folder, v->n_compared, v->worst_relative, 100.0 * v->worst, v->worst_where);
        return;
    }
    printf("WRONG   %s: %zu problems after %zu comparisons; first: %s\n", c->folder, v->n_wrong, v->n_compared,
           v->problem);
    if (v->worst_where[0]) {
        printf("        worst relative difference %.2e (%.0f %% of what is allowed) at %s\n", v->worst_relative,
               100.0 * v->worst, v->worst_where);
    }
}

static outcome run_case(const char *folder, el_pool *pool)
{
    golden_case c;
    outcome result = ALTERED;
    if (golden_open(&c, folder)) {
        size_t i = 0;
        while (i < N_TYPES && strcmp(TYPES[i].type, golden_type(&c)) != 0) {
            i++;
        }
        if (i == N_TYPES) {
            printf("SKIPPED %s: cases of type %s are not supported yet\n", folder, golden_type(&c));
            golden_close(&c);
            return SKIPPED;
        }
        TYPES[i].run(&c, pool);
        golden_check_all_seen(&c);
        if (c.verdict.n_compared == 0) {
            golden_problem(&c, "nothing was compared");
        }
    }
    print_verdict(&c);
    result = c.verdict.n_wrong ? ALTERED : PASSED;
    golden_close(&c);
    return result;
}

static int summary(const size_t count[3])
{
    const size_t all = count[PASSED] + count[ALTERED] + count[SKIPPED];
    printf("%zu of %zu cases agree", count[PASSED], all);
    if (count[ALTERED]) {
        printf("; %zu DISAGREE", count[ALTERED]);
    }
    if (count[SKIPPED]) {
        printf("; %zu were SKIPPED, being of types not supported yet", count[SKIPPED]);
    }
    printf("\n");
    return all && count[PASSED] == all ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: golden DIR...\n");
        return 2;
    }
    electra_error err = {0};
    el_pool *pool;
    if (el_pool_create(&pool, 0, &err) != ELECTRA_OK) {
        fprintf(stderr, "golden: %s\n", err.message);
        return 1;
    }
    size_t count[3] = {0};
    for (int i = 1; i < argc; i++) {
        if (el_is_file(argv[i])) {
            printf("passed over %s: a case is a folder\n", argv[i]);
        } else {
            count[run_case(argv[i], pool)]++;
        }
    }
    el_pool_free(pool);
    return summary(count);
}
