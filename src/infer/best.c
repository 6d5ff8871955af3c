/* Owns ranking: a heap of the best so far. */
#include "infer/best.h"

static bool is_better(const el_ranked *a, const el_ranked *b)
{
    return a->score > b->score || (!(b->score > a->score) && a->item < b->item);
}

static void swap(el_ranked *a, el_ranked *b)
{
    const el_ranked kept = *a;
    *a = *b;
    *b = kept;
}

/* Let the item at the root of a heap of n sink to its place. */
static void sink(el_ranked *heap, size_t n)
{
    for (size_t i = 0;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
            worst = is_better(&heap[worst], &heap[child]) ? child : worst;
        }
        if (worst == i) {
            return;
        }
        swap(&heap[i], &heap[worst]);
        i = worst;
    }
}

void el_best_insert(el_best *best, double score, size_t item)
{
    const el_ranked fresh = {score, item};
    if (best->n < best->most) {
        size_t i = best->n++;
        best->items[i] = fresh;
        while (i > 0 && is_better(&best->items[(i - 1) / 2], &best->items[i])) {
            swap(&best->items[(i - 1) / 2], &best->items[i]);
            i = (i - 1) / 2;
        }
    } else if (best->most && is_better(&fresh, &best->items[0])) {
        best->items[0] = fresh;
        sink(best->items, best->n);
    }
}

void el_best_sort(el_best *best)
{
    for (size_t n = best->n; n-- > 1;) {
        swap(&best->items[0], &best->items[n]);
        sink(best->items, n);
    }
}
