/* The k best of many scored things: of equal scores the smaller item comes first. */
#ifndef EL_INFER_BEST_H
#define EL_INFER_BEST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct el_ranked {
    double score;
    size_t item;
} el_ranked;

/*     el_best best = {.items = room, .most = k};           room: [k], the caller's
 *     for (...) el_best_offer(&best, score, item);
 *     el_best_sort(&best);                                 best.items[0 ... best.n), best first */
typedef struct el_best {
    el_ranked *items; /* a heap whose root is the worst, until it is sorted */
    size_t n, most;
} el_best;

void el_best_insert(el_best *best, double score, size_t item);

static inline void el_best_offer(el_best *best, double score, size_t item)
{
    if (best->n < best->most || (best->most && score >= best->items[0].score)) {
        el_best_insert(best, score, item);
    }
}

/* Nothing may be offered afterwards. */
void el_best_sort(el_best *best);

#endif
