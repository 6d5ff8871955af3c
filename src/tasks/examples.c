/* Owns the end of examples, and how they are parted. */
#include "tasks/examples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "tasks/memory.h"
#include "tasks/source.h"

void el_examples_free(el_examples *examples)
{
    if (!examples) {
        return;
    }
    el_examples_memory_leave(examples->memory);
    el_free(examples->list);
    el_free(examples);
}

/* ---- holding some out
 * ------------------------------------------------------------------------------------------------ */

typedef struct group {
    uint64_t draw; /* its place in the order in which groups are held out */
    uint32_t number;
    size_t n; /* examples */
    bool held_out;
} group;

static int by_number(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int by_draw(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return x->draw != y->draw ? (x->draw < y->draw ? -1 : 1) : by_number(a, b);
}

/* The groups in the order of their numbers; returns how many. */
static size_t list_groups(group *groups, const el_examples *examples, uint64_t seed)
{
    const uint64_t key = el_rng_key(seed, EL_RNG_SPLIT, 0, 0);
    for (size_t i = 0; i < examples->n; i++) {
        const uint32_t number = examples->list[i].group;
        groups[i] = (group){.draw = el_rng_row(key, number, 0), .number = number, .n = 1};
    }
    qsort(groups, examples->n, sizeof *groups, by_number);
    size_t n = 0;
    for (size_t i = 0; i < examples->n; i++) {
        if (n > 0 && groups[n - 1].number == groups[i].number) {
            groups[n - 1].n++;
        } else {
            groups[n++] = groups[i];
        }
    }
    return n;
}

/* Groups are drawn until the share is reached as nearly as may be; the first one always goes, the last one never. */
static size_t choose(group *groups, size_t n, double wanted)
{
    qsort(groups, n, sizeof *groups, by_draw);
    size_t chosen = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        const double off = fabs(wanted - (double)chosen), off_then = fabs(wanted - (double)(chosen + groups[i].n));
        if (i > 0 && off_then >= off) {
            break;
        }
        groups[i].held_out = true;
        chosen += groups[i].n;
    }
    qsort(groups, n, sizeof *groups, by_number);
    return chosen;
}

static bool is_held_out(const group *groups, size_t n, uint32_t number)
{
    const group wanted = {.number = number};
    const group *found = bsearch(&wanted, groups, n, sizeof *groups, by_number);
    return found && found->held_out;
}

static electra_status move_out(el_examples *examples, const group *groups, size_t n_groups, size_t n,
                               el_examples **held_out, electra_error *err)
{
    el_examples *out = el_alloc(1, sizeof *out);
    el_example *list = el_alloc(n, sizeof *list);
    if (!out || !list) {
        el_free(out);
        el_free(list);
        return el_fail_memory(err, "the examples held out", n * sizeof *list);
    }
    *out = *examples;
    out->list = list;
    out->n = 0;
    out->n_skipped = 0; /* counted once */
    el_examples_memory_join(out->memory);
    size_t kept = 0;
    for (size_t i = 0; i < examples->n; i++) {
        if (is_held_out(groups, n_groups, examples->list[i].group)) {
            list[out->n++] = examples->list[i];
        } else {
            examples->list[kept++] = examples->list[i];
        }
    }
    examples->n = kept;
    *held_out = out;
    return ELECTRA_OK;
}

static electra_status refuse_to_part(const el_examples *examples, electra_error *err)
{
    const char *path = examples->n_files ? examples->files[0] : "the data";
    if (examples->n < 2) {
        return el_fail(err, ELECTRA_INVALID, path,
                       "%s has only %zu usable row%s, too few to learn from some and evaluate "
                       "on others: add rows, or name a file to evaluate on",
                       path, examples->n, examples->n == 1 ? "" : "s");
    }
    return el_fail(err, ELECTRA_INVALID, path,
                   "all %zu questions of %s are about one article, which is not parted: name "
                   "a file to evaluate on",
                   examples->n, path);
}

electra_status el_examples_split(el_examples *examples, double share, uint64_t seed, el_examples **held_out,
                                 electra_error *err)
{
    *held_out = NULL;
    if (!(share > 0 && share < 1)) {
        return el_fail(err, ELECTRA_MISUSE, "share",
                       "a share of %g of the examples cannot be held out: it must be more "
                       "than 0 and less than 1",
                       share);
    }
    group *groups = el_alloc(examples->n, sizeof *groups);
    if (!groups) {
        return el_fail_memory(err, "the examples held out", examples->n * sizeof *groups);
    }
    const size_t n = list_groups(groups, examples, seed);
    electra_status status;
    if (n < 2) {
        status = refuse_to_part(examples, err);
    } else {
        const size_t chosen = choose(groups, n, share * (double)examples->n);
        status = move_out(examples, groups, n, chosen, held_out, err);
    }
    el_free(groups);
    return status;
}
