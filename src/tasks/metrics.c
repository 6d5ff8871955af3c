#include "tasks/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/status.h"
#include "tasks/examples.h"

/* ---- one class of several -------------------------------------------------------------------------------------- */

electra_status el_confusion_make(el_confusion *c, const uint32_t *gold, const uint32_t *predicted, size_t n,
                                 size_t n_classes, electra_error *err)
{
    *c = (el_confusion){.n_classes = n_classes};
    const bool with_cells = n_classes <= EL_MOST_CELL_CLASSES;
    c->cells = with_cells ? el_alloc(n_classes * n_classes, sizeof *c->cells) : NULL;
    c->right = el_alloc(n_classes, sizeof *c->right);
    c->gold = el_alloc(n_classes, sizeof *c->gold);
    c->predicted = el_alloc(n_classes, sizeof *c->predicted);
    if ((with_cells && !c->cells) || !c->right || !c->gold || !c->predicted) {
        el_confusion_clear(c);
        return el_fail_memory(err, "the counts of each class",
                              n_classes * (with_cells ? n_classes : 1) * sizeof *c->right);
    }
    for (size_t i = 0; i < n; i++) {
        if (gold[i] == EL_NO_LABEL) {
            continue;
        }
        assert(gold[i] < n_classes && predicted[i] < n_classes);
        if (c->cells) {
            c->cells[gold[i] * n_classes + predicted[i]]++;
        }
        c->right[gold[i]] += gold[i] == predicted[i];
        c->gold[gold[i]]++;
        c->predicted[predicted[i]]++;
        c->n++;
        c->n_right += gold[i] == predicted[i];
    }
    return ELECTRA_OK;
}

void el_confusion_clear(el_confusion *c)
{
    el_free(c->cells);
    el_free(c->right);
    el_free(c->gold);
    el_free(c->predicted);
    *c = (el_confusion){0};
}

static size_t count_above_zero(const uint64_t *counts, size_t n)
{
    size_t some = 0;
    for (size_t i = 0; i < n; i++) {
        some += counts[i] > 0;
    }
    return some;
}

size_t el_confusion_n_predicted(const el_confusion *c)
{
    return count_above_zero(c->predicted, c->n_classes);
}

size_t el_confusion_n_gold(const el_confusion *c)
{
    return count_above_zero(c->gold, c->n_classes);
}

double el_accuracy(const el_confusion *c)
{
    return c->n ? (double)c->n_right / (double)c->n : NAN;
}

double el_matthews(const el_confusion *c)
{
    double gold_gold = 0, predicted_predicted = 0, gold_predicted = 0;
    for (size_t k = 0; k < c->n_classes; k++) {
        const double t = (double)c->gold[k];
        const double p = (double)c->predicted[k];
        gold_gold += t * t;
        predicted_predicted += p * p;
        gold_predicted += t * p;
    }
    /* all of these are whole numbers, exact in a double up to 94 million rows */
    const double n = (double)c->n;
    const double scale = (n * n - predicted_predicted) * (n * n - gold_gold);
    return scale == 0 ? 0 : ((double)c->n_right * n - gold_predicted) / sqrt(scale);
}

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0;
}

el_score el_score_of(uint64_t right, uint64_t predicted, uint64_t gold)
{
    return (el_score){ratio(right, predicted), ratio(right, gold), ratio(2 * right, predicted + gold)};
}

el_score el_class_score(const el_confusion *c, size_t class)
{
    assert(class < c->n_classes);
    return el_score_of(c->right[class], c->predicted[class], c->gold[class]);
}

static void add_score(el_score *sum, el_score more)
{
    sum->precision += more.precision;
    sum->recall += more.recall;
    sum->f1 += more.f1;
}

static el_score mean_score(el_score sum, size_t n)
{
    const double by = n ? (double)n : 1;
    return (el_score){sum.precision / by, sum.recall / by, sum.f1 / by};
}

el_score el_macro_score(const el_confusion *c)
{
    el_score sum = {0};
    size_t n = 0;
    for (size_t k = 0; k < c->n_classes; k++) {
        if (c->gold[k] || c->predicted[k]) {
            add_score(&sum, el_class_score(c, k));
            n++;
        }
    }
    return mean_score(sum, n);
}

/* ---- several labels that hold or not ----------------------------------------------------------------------------- */

el_multilabel_score el_multilabel_make(const bool *gold, const bool *predicted, size_t n, size_t n_labels)
{
    el_score sum = {0};
    uint64_t all_right = 0, all_predicted = 0, all_gold = 0;
    for (size_t k = 0; k < n_labels; k++) {
        uint64_t right = 0, n_predicted = 0, n_gold = 0;
        for (size_t i = k; i < n * n_labels; i += n_labels) {
            right += gold[i] && predicted[i];
            n_predicted += predicted[i];
            n_gold += gold[i];
        }
        add_score(&sum, el_score_of(right, n_predicted, n_gold));
        all_right += right;
        all_predicted += n_predicted;
        all_gold += n_gold;
    }
    uint64_t exact = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_labels && gold[i * n_labels + k] == predicted[i * n_labels + k]) {
            k++;
        }
        exact += k == n_labels;
    }
    return (el_multilabel_score){.micro = el_score_of(all_right, all_predicted, all_gold),
                                 .macro = mean_score(sum, n_labels),
                                 .exact = n ? (double)exact / (double)n : NAN};
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

/* A sum whose rounding errors are added up beside it (Neumaier 1974): numbers with a large mean lose nothing. */
typedef struct sum {
    double high, low;
} sum;

static void add(sum *s, double x)
{
    const double t = s->high + x;
    s->low += fabs(s->high) >= fabs(x) ? (s->high - t) + x : (x - t) + s->high;
    s->high = t;
}

static double total(const sum *s)
{
    return isfinite(s->high) ? s->high + s->low : s->high;
}

/* What correlation needs to know of one vector. */
typedef struct centred {
    double mean;
    double largest; /* |x - mean| */
    double norm;    /* of (x - mean) / largest, so that squares of any numbers neither overflow nor vanish */
    bool constant;
} centred;

static centred centre(const double *x, size_t n)
{
    centred c = {.constant = true};
    sum all = {0};
    for (size_t i = 0; i < n; i++) {
        c.constant = c.constant && x[i] == x[0];
        add(&all, x[i]);
    }
    c.mean = total(&all) / (double)n;
    for (size_t i = 0; i < n; i++) {
        c.largest = fmax(c.largest, fabs(x[i] - c.mean));
    }
    sum squares = {0};
    for (size_t i = 0; i < n; i++) {
        const double d = (x[i] - c.mean) / c.largest;
        add(&squares, d * d);
    }
    c.norm = sqrt(total(&squares));
    return c;
}

double el_pearson(const double *x, const double *y, size_t n)
{
    if (n < 2) {
        return NAN;
    }
    const centred a = centre(x, n);
    const centred b = centre(y, n);
    if (a.constant || b.constant) {
        return NAN;
    }
    sum products = {0};
    for (size_t i = 0; i < n; i++) {
        add(&products, ((x[i] - a.mean) / a.largest / a.norm) * ((y[i] - b.mean) / b.largest / b.norm));
    }
    const double r = total(&products);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

typedef struct valued {
    double value;
    size_t at;
} valued;

static int by_value(const void *a, const void *b)
{
    const double x = ((const valued *)a)->value;
    const double y = ((const valued *)b)->value;
    return (x > y) - (x < y);
}

/* ranks: [n] of x: [n], counted from 1; order: [n] scratch. */
static void rank(double *ranks, const double *x, size_t n, valued *order)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (valued){x[i], i};
    }
    qsort(order, n, sizeof *order, by_value);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && order[j].value == order[i].value;) {
            j++;
        }
        /* numbers i + 1 ... j share their mean */
        for (size_t k = i; k < j; k++) {
            ranks[order[k].at] = (double)(i + 1 + j) / 2;
        }
    }
}

static bool has_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            return true;
        }
    }
    return false;
}

electra_status el_spearman(const double *x, const double *y, size_t n, double *out, electra_error *err)
{
    *out = NAN;
    if (n < 2 || has_nan(x, n) || has_nan(y, n)) {
        return ELECTRA_OK;
    }
    double *ranks = el_alloc(n, 2 * sizeof *ranks);
    valued *order = el_alloc(n, sizeof *order);
    electra_status status = ELECTRA_OK;
    if (ranks && order) {
        rank(ranks, x, n, order);
        rank(ranks + n, y, n, order);
        *out = el_pearson(ranks, ranks + n, n);
    } else {
        status = el_fail_memory(err, "the ranks of predictions", 2 * n * sizeof *ranks + n * sizeof *order);
    }
    el_free(ranks);
    el_free(order);
    return status;
}

double el_mean_squared_error(const double *x, const double *y, size_t n)
{
    sum squares = {0};
    for (size_t i = 0; i < n; i++) {
        add(&squares, (x[i] - y[i]) * (x[i] - y[i]));
    }
    return n ? total(&squares) / (double)n : NAN;
}
