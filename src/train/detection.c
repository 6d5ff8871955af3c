/* Owns the measures of detection.h. */
#include "train/detection.h"

#include <math.h>
#include <stdlib.h>

static int by_logit(const void *a, const void *b)
{
    const float x = ((const el_score *)a)->logit;
    const float y = ((const el_score *)b)->logit;
    return (x > y) - (x < y);
}

/* The number of pairs (replaced, original) with the replaced one on top, a tie counting half: the statistic of Mann
 * and Whitney. Exact in a double up to 2^52 pairs, for they are counted in halves. */
static double pairs_won(const el_score *sorted, size_t n)
{
    double won = 0;
    double originals_below = 0;
    for (size_t i = 0; i < n;) {
        size_t replaced = 0;
        size_t end = i;
        for (; end < n && !(sorted[end].logit > sorted[i].logit); end++) {
            replaced += sorted[end].replaced;
        }
        const double originals = (double)(end - i - replaced);
        won += (double)replaced * (originals_below + originals / 2);
        originals_below += originals;
        i = end;
    }
    return won;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

void el_detection_measure(el_detection *out, el_score *scores, size_t n)
{
    size_t replaced = 0;
    size_t called = 0;
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        replaced += scores[i].replaced;
        called += scores[i].logit > 0;
        right += scores[i].logit > 0 && scores[i].replaced;
    }
    if (n > 0) { /* scores may be NULL then */
        qsort(scores, n, sizeof *scores, by_logit);
    }
    *out = (el_detection){
        .auc = ratio(pairs_won(scores, n), (double)replaced * (double)(n - replaced)),
        .precision = ratio((double)right, (double)called),
        .recall = ratio((double)right, (double)replaced),
        .share = ratio((double)replaced, (double)n),
    };
}
