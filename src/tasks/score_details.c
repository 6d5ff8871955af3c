#include "tasks/score_details.h"

#include <stdio.h>

enum { MOST_POINTS = 1000, MOST_CELLS = 100 /* classes of a confusion matrix */, NAME_BYTES = 24 };

/* {name: what}, or NULL; takes `what`, which may be NULL. */
static json_t *wrap(const char *name, json_t *what, int failed)
{
    json_t *all = failed ? NULL : json_pack("{s:O}", name, what);
    json_decref(what);
    return all;
}

static json_t *counts_json(uint64_t right, uint64_t predicted, uint64_t gold)
{
    const el_score score = el_score_of(right, predicted, gold);
    return json_pack("{s:f, s:f, s:f, s:I, s:I, s:I}", "precision", score.precision, "recall", score.recall, "f1",
                     score.f1, "gold", (json_int_t)gold, "predicted", (json_int_t)predicted, "right",
                     (json_int_t)right);
}

/* A class's name; `room` is used where it has none. */
static const char *name_of(const el_label_set *labels, size_t class, char room[NAME_BYTES])
{
    if (labels && class < labels->n) {
        return labels->names[class];
    }
    (void)snprintf(room, NAME_BYTES, "%zu", class);
    return room;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static json_t *matrix(const el_confusion *c, const el_label_set *labels)
{
    json_t *names = json_array();
    json_t *counts = json_array();
    int failed = 0;
    for (size_t i = 0; i < c->n_classes; i++) {
        char room[NAME_BYTES];
        json_t *row = json_array();
        for (size_t k = 0; k < c->n_classes; k++) {
            failed |= json_array_append_new(row, json_integer((json_int_t)c->cells[i * c->n_classes + k]));
        }
        failed |= json_array_append_new(counts, row);
        failed |= json_array_append_new(names, json_string(name_of(labels, i, room)));
    }
    json_t *all = failed ? NULL : json_pack("{s:O, s:O}", "labels", names, "counts", counts);
    json_decref(names);
    json_decref(counts);
    return all;
}

json_t *el_details_confusion(const el_confusion *c, const el_label_set *labels)
{
    if (c->cells && c->n_classes <= MOST_CELLS) {
        return wrap("confusion", matrix(c, labels), 0);
    }
    json_t *classes = json_object();
    int failed = 0;
    for (size_t i = 0; i < c->n_classes; i++) {
        char room[NAME_BYTES];
        failed |= json_object_set_new(classes, name_of(labels, i, room),
                                      counts_json(c->right[i], c->predicted[i], c->gold[i]));
    }
    return wrap("classes", classes, failed);
}

json_t *el_details_labels(const bool *gold, const bool *predicted, size_t n, size_t n_labels,
                          const el_label_set *labels)
{
    json_t *classes = json_object();
    int failed = 0;
    for (size_t i = 0; i < n_labels; i++) {
        uint64_t n_right = 0, n_predicted = 0, n_gold = 0;
        for (size_t row = 0; row < n; row++) {
            const size_t at = row * n_labels + i;
            n_gold += gold[at];
            n_predicted += predicted[at];
            n_right += gold[at] && predicted[at];
        }
        char room[NAME_BYTES];
        failed |= json_object_set_new(classes, name_of(labels, i, room), counts_json(n_right, n_predicted, n_gold));
    }
    return wrap("classes", classes, failed);
}

/* ---- spans, numbers ---------------------------------------------------------------------------------------------- */

json_t *el_details_spans(const el_span_scores *scores)
{
    json_t *types = json_object();
    int failed = 0;
    for (size_t i = 0; i < scores->n_types; i++) {
        const el_span_count *t = &scores->types[i];
        failed |= json_object_set_new(types, t->type, counts_json(t->right, t->predicted, t->gold));
    }
    return wrap("types", types, failed);
}

json_t *el_details_numbers(const double *gold, const double *predicted, size_t n)
{
    json_t *points = json_array();
    int failed = 0;
    const size_t step = n / MOST_POINTS + 1;
    for (size_t i = 0; i < n; i += step) {
        failed |=
            json_array_append_new(points, json_pack("[o, o]", el_json_number(gold[i]), el_json_number(predicted[i])));
    }
    return wrap("scatter", points, failed);
}
