/* Units of a task's features -> a micro-batch with what its head's numbers are compared with.
 *
 *     el_feed *feed = NULL;
 *     EL_TRY(el_feed_create(&feed, be, features, &head, tokens, err));
 *     el_feed_clear(feed);
 *     while (... el_feed_add(feed, unit, number) ...) {}            false: it is full
 *     const el_batch *batch = el_feed_finish(feed, &targets);
 *     loss += el_task_run(&task, theta, gradient, &pass, &targets, scale);
 *     el_feed_free(feed);
 *
 * All memory is taken when it is made. One thread at a time. */
#ifndef EL_TASKS_FEED_H
#define EL_TASKS_FEED_H

#include "model/heads.h"
#include "tasks/features.h"

/* How a number of a file is learned: (number - offset) / scale. */
typedef struct el_number_scale {
    double offset, scale;
} el_number_scale;

typedef struct el_feed el_feed;

/* Room for `tokens` tokens, and in any case for the largest unit. features: must outlive it. scale: of REGRESS. */
electra_status el_feed_create(el_feed **out, el_backend *be, const el_features *features, const el_head_config *head,
                              el_number_scale scale, size_t tokens, electra_error *err);
void el_feed_free(el_feed *feed); /* accepts NULL */

/* The most that a micro-batch can hold; no slots. */
el_pack_room el_feed_room(const el_feed *feed);

void el_feed_clear(el_feed *feed);

/* number: of the unit's first sequence within the step, for random numbers; the others follow. */
bool el_feed_add(el_feed *feed, size_t unit, uint64_t number);
size_t el_feed_units(const el_feed *feed); /* added since it was cleared */

/* Bring everything into the backend's memory. targets may be NULL: the sequences alone. Both belong to the feed and are
 * valid until it is cleared. */
const el_batch *el_feed_finish(el_feed *feed, el_head_targets *targets);

/* Parts of the loss (heads.h) that a unit has, before anything is computed: a step's denominator. */
size_t el_feed_parts(const el_feed *feed, size_t unit);

#endif
