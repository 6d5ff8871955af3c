/* How well scores tell replaced tokens from original ones. */
#ifndef EL_TRAIN_DETECTION_H
#define EL_TRAIN_DETECTION_H

#include <stddef.h>
#include <stdint.h>

typedef struct el_score {
    float logit;       /* of "replaced" */
    uint32_t replaced; /* 1 or 0: what it is */
} el_score;

typedef struct el_detection {
    double auc;       /* area under the ROC curve, exact: ties count half. NaN if all are of one kind */
    double precision; /* of those with logit > 0, the share that is replaced. NaN if there is none */
    double recall;    /* of the replaced, the share with logit > 0. NaN if there is none */
    double share;     /* of replaced among all. NaN if there is none */
} el_detection;

/* Sorts the n scores in place, by logit. Logits are finite. Cannot fail. */
void el_detection_measure(el_detection *out, el_score *scores, size_t n);

#endif
