/* metrics.jsonl: what a line holds, writing it so that a killed run leaves whole lines, reading it back. */
#ifndef EL_TRAIN_RUN_METRICS_H
#define EL_TRAIN_RUN_METRICS_H

#include <electra/train.h>
#include <jansson.h>
#include <stdio.h>

typedef enum el_metric_group {
    EL_METRIC_ALWAYS,   /* on every line */
    EL_METRIC_TRAINING, /* means since the last training line */
    EL_METRIC_HELDOUT
} el_metric_group;

/* One number of electra_metrics; lines, curves and TensorBoard tags are all made from this table. */
typedef struct el_metric_field {
    const char *name; /* member of the line */
    el_metric_group group;
    size_t offset; /* of the double in electra_metrics */
} el_metric_field;

extern const el_metric_field el_metric_fields[];
extern const size_t el_metric_n_fields;

/* All numbers NaN, step 0, no warning. */
void el_metrics_clear(electra_metrics *metrics);

double el_metrics_get(const electra_metrics *metrics, const el_metric_field *field);

/* The step of `from` and the groups of which it has any number into `to`: a number that is undefined at the last
 * evaluation does not keep the value of the one before. The warning is left alone. */
void el_metrics_merge(electra_metrics *to, const electra_metrics *from);

/* The file, open for appending. All zero is a closed one. */
typedef struct el_metrics_log {
    FILE *file;
    char *path;
    uint64_t bytes; /* of whole lines so far: what a checkpoint stores */
} el_metrics_log;

/* Open or create; what lies beyond keep_bytes was written after the checkpoint that is resumed from and is cut off.
 * A file shorter than that (somebody deleted it) is gone on with as it is. */
electra_status el_metrics_log_open(el_metrics_log *log, const char *path, uint64_t keep_bytes, electra_error *err);
/* One line, handed to the system at once. */
electra_status el_metrics_log_add(el_metrics_log *log, const electra_metrics *metrics, electra_error *err);
/* The same for any object, which is taken over; NULL: ELECTRA_NO_RESOURCE. */
electra_status el_metrics_log_add_json(el_metrics_log *log, json_t *line, electra_error *err);
/* To the disk: before a checkpoint counts on it. */
electra_status el_metrics_log_sync(el_metrics_log *log, electra_error *err);
void el_metrics_log_close(el_metrics_log *log);

/* The object of a line; the caller's to json_decref; NULL when out of memory. */
json_t *el_metrics_json(const electra_metrics *metrics);

/* Call see for each whole line of the first most_bytes of a file of JSON lines, in order, until it fails; a last line
 * without an end is what a kill left and is skipped. A line that is no JSON is ELECTRA_INVALID. A missing file has no
 * lines. where: the line, for messages. */
typedef electra_status el_metrics_line_fn(void *user, const json_t *line, const char *where, electra_error *err);
electra_status el_metrics_lines(const char *path, uint64_t most_bytes, el_metrics_line_fn *see, void *user,
                                electra_error *err);

/* Call see for such an object; for each whole line of the first most_bytes of the file, in order; a last line without
 * an end is what a kill left and is skipped. Unknown members are ignored; a line that is no such object is
 * ELECTRA_INVALID. A missing file has no lines. where: for messages. */
typedef void el_metrics_see_fn(void *user, const electra_metrics *metrics);
electra_status el_metrics_parse(const json_t *line, const char *where, el_metrics_see_fn *see, void *user,
                                electra_error *err);
electra_status el_metrics_read(const char *path, uint64_t most_bytes, el_metrics_see_fn *see, void *user,
                               electra_error *err);

#endif
