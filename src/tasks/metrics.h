/* The official numbers of classification and regression, over plain arrays. Spans of tagged words: spans_score.h;
 * answers to questions: squad_score.h.
 *
 *     el_confusion c;
 *     EL_TRY(el_confusion_make(&c, gold, predicted, n, n_classes, err));
 *     ... el_accuracy(&c), el_matthews(&c), el_class_score(&c, 1).f1
 *     el_confusion_clear(&c);
 *
 * Scores are shares (0 ... 1) or coefficients (-1 ... 1), never per cent. Where there is nothing to divide by,
 * precision, recall, F1 and Matthews are 0 as in scikit-learn, and correlations are NaN as in SciPy; means of no rows
 * are NaN. tests/golden/test_metrics.c compares with scikit-learn 1.9 and SciPy 1.17 (tools/gen_metrics.py). */
#ifndef EL_TASKS_METRICS_H
#define EL_TASKS_METRICS_H

#include <electra/types.h>

/* ---- one class of several -------------------------------------------------------------------------------------- */

/* How often which class was predicted for which. Classes may be more than the model knows (el_label_set.n): one that it
 * cannot predict has a row and an empty column. */
enum { EL_MOST_CELL_CLASSES = 1000 };

typedef struct el_confusion {
    size_t n_classes;
    uint64_t *cells;     /* [n_classes, n_classes] row: the right class, column: the predicted one. NULL if there are
                            more than EL_MOST_CELL_CLASSES of them, whose square is too much memory */
    uint64_t *right;     /* [n_classes] rows of each class that were predicted so */
    uint64_t *gold;      /* [n_classes] rows of each class */
    uint64_t *predicted; /* [n_classes] predictions of each class */
    uint64_t n;          /* rows that were counted */
    uint64_t n_right;
} el_confusion;

/* Count gold, predicted: [n], numbers below n_classes; rows whose gold is EL_NO_LABEL are left out. Fails with
 * ELECTRA_NO_RESOURCE only; c is then empty. Clear it in any case. */
electra_status el_confusion_make(el_confusion *c, const uint32_t *gold, const uint32_t *predicted, size_t n,
                                 size_t n_classes, electra_error *err);
void el_confusion_clear(el_confusion *c); /* accepts a zeroed one */

/* How many different classes were predicted, and occur: 1 predicted of several that occur is a run that collapsed. */
size_t el_confusion_n_predicted(const el_confusion *c);
size_t el_confusion_n_gold(const el_confusion *c);

/* n_right / n; NaN without rows. */
double el_accuracy(const el_confusion *c);

/* Matthews' correlation of any number of classes (Gorodkin 2004, as scikit-learn's matthews_corrcoef): with t, p rows
 * and predictions of each class, (right n - t.p) / sqrt((n^2 - p.p) (n^2 - t.t)); 0 if one class only is predicted or
 * occurs, and without rows. */
double el_matthews(const el_confusion *c);

typedef struct el_score {
    double precision; /* right / predicted, 0 if none is predicted */
    double recall;    /* right / gold, 0 if there is none */
    double f1;        /* 2 right / (predicted + gold), 0 if there is neither */
} el_score;

/* Of `right` hits among `predicted` guesses at `gold` things. */
el_score el_score_of(uint64_t right, uint64_t predicted, uint64_t gold);

/* Of one class against all others. The F1 of a task of two classes (MRPC, QQP) is that of class 1. */
el_score el_class_score(const el_confusion *c, size_t class);

/* Means over the classes that occur or are predicted, all of the same weight (scikit-learn's average="macro" without
 * `labels`); 0 without rows. The micro average of single classes is the accuracy. */
el_score el_macro_score(const el_confusion *c);

/* ---- several labels that hold or not ----------------------------------------------------------------------------- */

typedef struct el_multilabel_score {
    el_score micro; /* of all cells together */
    el_score macro; /* mean over all labels, one that neither occurs nor is predicted counting 0 */
    double exact;   /* share of rows with every label right; NaN without rows */
} el_multilabel_score;

/* gold, predicted: [n, n_labels]. */
el_multilabel_score el_multilabel_make(const bool *gold, const bool *predicted, size_t n, size_t n_labels);

/* ---- numbers --------------------------------------------------------------------------------------------------- */

/* Correlation of x, y: [n] as scipy.stats.pearsonr: NaN if x or y is constant, has a NaN or an infinity, and for n < 2
 * (where SciPy raises an error). */
double el_pearson(const double *x, const double *y, size_t n);

/* Correlation of the ranks, equal values sharing the mean of theirs (scipy.stats.spearmanr); NaN if x or y is constant
 * or has a NaN, and for n < 2. Infinities are values like others. Fails with ELECTRA_NO_RESOURCE only. */
electra_status el_spearman(const double *x, const double *y, size_t n, double *out, electra_error *err);

/* Mean of (x - y)^2; NaN without rows. */
double el_mean_squared_error(const double *x, const double *y, size_t n);

#endif
