/* Owns the end of examples, their hash, and how they are parted. */
#include "tasks/examples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "tasks/memory.h"
#include "tasks/source.h"
#include "text/strings.h"

void el_examples_free(el_examples *examples)
{
    if (!examples) {
        return;
    }
    el_examples_memory_leave(examples->memory);
    el_free(examples->list);
    el_free(examples);
}

/* ---- what they hold
 * -------------------------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t sum, electra_text text)
{
    return el_hash64_chain(sum, text.text ? text.text : "", text.bytes);
}

static uint64_t hash_example(uint64_t sum, const el_example *e)
{
    const uint64_t shape[4] = {e->n_parts, e->n_labels, e->n_answers, e->impossible};
    sum = el_hash64_chain(sum, shape, sizeof shape);
    sum = hash_text(hash_text(sum, e->text), e->pair);
    for (size_t i = 0; i < e->n_parts; i++) {
        sum = hash_text(sum, e->parts[i]);
    }
    for (size_t i = 0; i < e->n_answers; i++) {
        sum = hash_text(sum, e->answers[i].text);
    }
    if (e->n_labels > 0) {
        sum = el_hash64_chain(sum, e->labels, e->n_labels * sizeof *e->labels);
    }
    return isnan(e->number) ? sum : el_hash64_chain(sum, &e->number, sizeof e->number);
}

uint64_t el_examples_hash(const el_examples *examples)
{
    uint64_t sum = examples->n;
    for (size_t i = 0; i < examples->n; i++) {
        sum = hash_example(sum, &examples->list[i]);
    }
    return sum;
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

/* How examples are parted. */
typedef struct parting {
    uint32_t *of;  /* [examples] the number of each one's group */
    group *groups; /* [n] in the order of their numbers */
    size_t n;
    size_t chosen; /* examples of the groups that are held out */
} parting;

static void part_by_group(parting *p, const el_examples *examples)
{
    for (size_t i = 0; i < examples->n; i++) {
        p->of[i] = examples->list[i].group;
    }
}

/* Questions about the same context are a group. */
static electra_status part_by_context(parting *p, const el_examples *examples, electra_error *err)
{
    el_strings contexts = {0};
    electra_status status = ELECTRA_OK;
    for (size_t i = 0; i < examples->n && status == ELECTRA_OK; i++) {
        const electra_text context = examples->list[i].pair;
        const bool same = i > 0 && context.text == examples->list[i - 1].pair.text;
        const size_t number =
            same ? p->of[i - 1] : el_strings_add(&contexts, context.text ? context.text : "", context.bytes);
        if (number == EL_STRINGS_FULL) {
            status = el_fail_memory(err, "the contexts of questions", context.bytes);
        }
        p->of[i] = (uint32_t)number;
    }
    el_strings_clear(&contexts);
    return status;
}

/* The groups in the order of their numbers. */
static void list_groups(parting *p, size_t n_examples, uint64_t seed)
{
    const uint64_t key = el_rng_key(seed, EL_RNG_SPLIT, 0, 0);
    group *groups = p->groups;
    for (size_t i = 0; i < n_examples; i++) {
        groups[i] = (group){.draw = el_rng_row(key, p->of[i], 0), .number = p->of[i], .n = 1};
    }
    qsort(groups, n_examples, sizeof *groups, by_number);
    p->n = 0;
    for (size_t i = 0; i < n_examples; i++) {
        if (p->n > 0 && groups[p->n - 1].number == groups[i].number) {
            groups[p->n - 1].n++;
        } else {
            groups[p->n++] = groups[i];
        }
    }
}

static double distance(double wanted, size_t chosen)
{
    return fabs(wanted - (double)chosen);
}

/* From the group `start` on, all around, hold out each one that brings the share nearer to what is wanted, but not all
 * of them. Returns how many examples that are. */
static size_t take_from(group *groups, size_t n, size_t start, double wanted)
{
    size_t chosen = 0, taken = 0;
    for (size_t i = 0; i < n; i++) {
        group *here = &groups[(start + i) % n];
        here->held_out = taken + 1 < n && distance(wanted, chosen + here->n) < distance(wanted, chosen);
        chosen += here->held_out ? here->n : 0;
        taken += here->held_out;
    }
    return chosen;
}

/* All groups are larger than twice what is wanted: the smallest one goes. */
static size_t take_smallest(group *groups, size_t n)
{
    size_t smallest = 0;
    for (size_t i = 1; i < n; i++) {
        smallest = groups[i].n < groups[smallest].n ? i : smallest;
    }
    groups[smallest].held_out = true;
    return groups[smallest].n;
}

/* Groups are taken in the order in which they are drawn. Where they are few and of different sizes, that may end far
 * from what is wanted, so that other places to begin are tried. */
static void choose(parting *p, double wanted)
{
    enum { MOST_STARTS = 64 };
    const double near = wanted / 10 > 0.5 ? wanted / 10 : 0.5;
    group *groups = p->groups;
    qsort(groups, p->n, sizeof *groups, by_draw);
    size_t best = 0;
    double least = INFINITY;
    for (size_t start = 0; start < p->n && start < MOST_STARTS && least > near; start++) {
        const double off = distance(wanted, take_from(groups, p->n, start, wanted));
        best = off < least ? start : best;
        least = off < least ? off : least;
    }
    p->chosen = take_from(groups, p->n, best, wanted);
    if (p->chosen == 0) {
        p->chosen = take_smallest(groups, p->n);
    }
    qsort(groups, p->n, sizeof *groups, by_number);
}

static bool is_held_out(const parting *p, uint32_t number)
{
    const group wanted = {.number = number};
    const group *found = bsearch(&wanted, p->groups, p->n, sizeof *p->groups, by_number);
    return found && found->held_out;
}

static electra_status move_out(el_examples *examples, const parting *p, el_examples **held_out, electra_error *err)
{
    el_examples *out = el_alloc(1, sizeof *out);
    el_example *list = el_alloc(p->chosen, sizeof *list);
    if (!out || !list) {
        el_free(out);
        el_free(list);
        return el_fail_memory(err, "the examples held out", p->chosen * sizeof *list);
    }
    *out = *examples;
    out->list = list;
    out->n = 0;
    out->n_skipped = 0; /* counted once */
    el_examples_memory_join(out->memory);
    size_t kept = 0;
    for (size_t i = 0; i < examples->n; i++) {
        if (is_held_out(p, p->of[i])) {
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
                   "all %zu questions of %s are about one context, so that none can be held out: name a file to "
                   "evaluate on",
                   examples->n, path);
}

static void draw(parting *p, const el_examples *examples, uint64_t seed, double wanted)
{
    list_groups(p, examples->n, seed);
    p->chosen = 0;
    if (p->n > 1) {
        choose(p, wanted);
    }
}

static electra_status part(parting *p, el_examples *examples, uint64_t seed, double wanted, el_examples **held_out,
                           electra_error *err)
{
    part_by_group(p, examples);
    draw(p, examples, seed, wanted);
    if (examples->kind == EL_TASK_ANSWER && (p->n < 2 || (double)p->chosen > 2 * wanted)) {
        EL_TRY(part_by_context(p, examples, err)); /* articles are too large */
        draw(p, examples, seed, wanted);
    }
    return p->n < 2 ? refuse_to_part(examples, err) : move_out(examples, p, held_out, err);
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
    parting p = {.of = el_alloc(examples->n, sizeof *p.of), .groups = el_alloc(examples->n, sizeof *p.groups)};
    const electra_status status = p.of && p.groups
                                      ? part(&p, examples, seed, share * (double)examples->n, held_out, err)
                                      : el_fail_memory(err, "the examples held out", examples->n * sizeof *p.groups);
    el_free(p.of);
    el_free(p.groups);
    return status;
}
