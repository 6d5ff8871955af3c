/* Owns the lines of metrics.jsonl. What the numbers mean is said in electra/train.h. */
#include "train/run_metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"

#define FIELD(group, name)                                                                                             \
    {                                                                                                                  \
#name, EL_METRIC_##group, offsetof(electra_metrics, name)                                                      \
    }

const el_metric_field el_metric_fields[] = {
    FIELD(ALWAYS, tokens),
    FIELD(ALWAYS, seconds),
    FIELD(ALWAYS, time),
    FIELD(ALWAYS, progress),
    FIELD(TRAINING, learning_rate),
    FIELD(TRAINING, loss),
    FIELD(TRAINING, generator_loss),
    FIELD(TRAINING, discriminator_loss),
    FIELD(TRAINING, gradient_norm),
    FIELD(TRAINING, replaced_share),
    FIELD(TRAINING, tokens_per_second),
    FIELD(TRAINING, skipped_steps),
    FIELD(HELDOUT, heldout_generator_loss),
    FIELD(HELDOUT, heldout_generator_accuracy),
    FIELD(HELDOUT, heldout_generator_perplexity),
    FIELD(HELDOUT, heldout_commonest_accuracy),
    FIELD(HELDOUT, heldout_discriminator_loss),
    FIELD(HELDOUT, heldout_auc),
    FIELD(HELDOUT, heldout_precision),
    FIELD(HELDOUT, heldout_recall),
    FIELD(HELDOUT, heldout_replaced_share),
};
const size_t el_metric_n_fields = sizeof el_metric_fields / sizeof el_metric_fields[0];

double el_metrics_get(const electra_metrics *metrics, const el_metric_field *field)
{
    double value;
    memcpy(&value, (const char *)metrics + field->offset, sizeof value);
    return value;
}

static void set(electra_metrics *metrics, const el_metric_field *field, double value)
{
    memcpy((char *)metrics + field->offset, &value, sizeof value);
}

void el_metrics_clear(electra_metrics *metrics)
{
    *metrics = (electra_metrics){0};
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        set(metrics, &el_metric_fields[i], (double)NAN);
    }
}

/* Is anything of the group known? */
static bool has_group(const electra_metrics *metrics, el_metric_group group)
{
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        if (el_metric_fields[i].group == group && !isnan(el_metrics_get(metrics, &el_metric_fields[i]))) {
            return true;
        }
    }
    return false;
}

void el_metrics_merge(electra_metrics *to, const electra_metrics *from)
{
    to->step = from->step;
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        if (has_group(from, el_metric_fields[i].group)) {
            set(to, &el_metric_fields[i], el_metrics_get(from, &el_metric_fields[i]));
        }
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

electra_status el_metrics_log_open(el_metrics_log *log, const char *path, uint64_t keep_bytes, electra_error *err)
{
    *log = (el_metrics_log){.path = el_strdup(path)};
    if (!log->path) {
        return el_fail_memory(err, path, strlen(path));
    }
    log->file = fopen(path, "abe");
    if (!log->file) {
        const electra_status status = el_fail_errno(err, path, "cannot write %s", path);
        el_metrics_log_close(log);
        return status;
    }
    const off_t size = lseek(fileno(log->file), 0, SEEK_END);
    log->bytes = size < 0 ? 0 : (uint64_t)size;
    if (log->bytes > keep_bytes) {
        if (ftruncate(fileno(log->file), (off_t)keep_bytes) != 0) {
            const electra_status status = el_fail_errno(err, path, "cannot cut %s", path);
            el_metrics_log_close(log);
            return status;
        }
        log->bytes = keep_bytes;
    }
    return ELECTRA_OK;
}

/* Members in the order of the table. */
json_t *el_metrics_json(const electra_metrics *metrics)
{
    json_t *line = json_object();
    int failed = json_object_set_new(line, "step", json_integer((json_int_t)metrics->step));
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        double value = el_metrics_get(metrics, &el_metric_fields[i]);
        if (!isfinite(value)) {
            continue;
        }
        char digits[32]; /* nine are more than a mean of float32 numbers is worth; the clock needs more */
        (void)snprintf(digits, sizeof digits, "%.*g", el_metric_fields[i].group == EL_METRIC_ALWAYS ? 13 : 9, value);
        value = strtod(digits, NULL);
        const bool whole = value == floor(value) && fabs(value) < 0x1p53;
        failed |= json_object_set_new(line, el_metric_fields[i].name,
                                      whole ? json_integer((json_int_t)value) : json_real(value));
    }
    if (metrics->warning) {
        failed |= json_object_set_new(line, "warning", json_string(metrics->warning));
    }
    if (failed) {
        json_decref(line);
        return NULL;
    }
    return line;
}

electra_status el_metrics_log_add(el_metrics_log *log, const electra_metrics *metrics, electra_error *err)
{
    return el_metrics_log_add_json(log, el_metrics_json(metrics), err);
}

electra_status el_metrics_log_add_json(el_metrics_log *log, json_t *line, electra_error *err)
{
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(13)) : NULL;
    json_decref(line);
    if (!text) {
        return el_fail_memory(err, log->path, 0);
    }
    const int written = fprintf(log->file, "%s\n", text);
    free(text);
    if (written < 0 || fflush(log->file) != 0) {
        return el_fail_errno(err, log->path, "cannot write %s", log->path);
    }
    log->bytes += (uint64_t)written;
    return ELECTRA_OK;
}

electra_status el_metrics_log_sync(el_metrics_log *log, electra_error *err)
{
    if (fflush(log->file) != 0 || fdatasync(fileno(log->file)) != 0) {
        return el_fail_errno(err, log->path, "cannot write %s", log->path);
    }
    return ELECTRA_OK;
}

void el_metrics_log_close(el_metrics_log *log)
{
    if (log->file) {
        (void)fclose(log->file);
    }
    el_free(log->path);
    *log = (el_metrics_log){0};
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* A line's object as a struct; warning is borrowed from the object. */
static electra_status parse(electra_metrics *out, const json_t *line, const char *where, electra_error *err)
{
    el_metrics_clear(out);
    size_t step = 0;
    EL_TRY(el_json_size(line, "step", EL_JSON_REQUIRED, 0, SIZE_MAX / 2, &step, where, err));
    out->step = step;
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        double value = (double)NAN;
        EL_TRY(el_json_real(line, el_metric_fields[i].name, EL_JSON_OPTIONAL, -HUGE_VAL, HUGE_VAL, &value, where, err));
        set(out, &el_metric_fields[i], value);
    }
    return el_json_text(line, "warning", EL_JSON_OPTIONAL, &out->warning, where, err);
}

electra_status el_metrics_parse(const json_t *line, const char *where, el_metrics_see_fn *see, void *user,
                                electra_error *err)
{
    electra_metrics metrics;
    EL_TRY(parse(&metrics, line, where, err));
    see(user, &metrics);
    return ELECTRA_OK;
}

static electra_status read_line(const char *text, size_t bytes, const char *path, size_t number,
                                el_metrics_line_fn *see, void *user, electra_error *err)
{
    char where[512];
    (void)snprintf(where, sizeof where, "%s, line %zu", path, number);
    json_t *line;
    EL_TRY(el_json_parse(&line, text, bytes, where, err));
    const electra_status status = see(user, line, where, err);
    json_decref(line);
    return status;
}

electra_status el_metrics_lines(const char *path, uint64_t most_bytes, el_metrics_line_fn *see, void *user,
                                electra_error *err)
{
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return ELECTRA_OK;
    }
    el_map map;
    EL_TRY(el_map_open(&map, path, err));
    electra_status status = ELECTRA_OK;
    const char *at = (const char *)map.data;
    const char *end = at + (map.size < most_bytes ? map.size : most_bytes);
    const char *line_end;
    for (size_t number = 1; status == ELECTRA_OK && at < end && (line_end = memchr(at, '\n', (size_t)(end - at)));
         number++) {
        status = read_line(at, (size_t)(line_end - at), path, number, see, user, err);
        at = line_end + 1;
    }
    el_map_close(&map);
    return status;
}

typedef struct numbers_seer {
    el_metrics_see_fn *see;
    void *user;
} numbers_seer;

static electra_status see_numbers(void *user, const json_t *line, const char *where, electra_error *err)
{
    const numbers_seer *seer = user;
    return el_metrics_parse(line, where, seer->see, seer->user, err);
}

electra_status el_metrics_read(const char *path, uint64_t most_bytes, el_metrics_see_fn *see, void *user,
                               electra_error *err)
{
    numbers_seer seer = {see, user};
    return el_metrics_lines(path, most_bytes, see_numbers, &seer, err);
}
