/* metrics.jsonl -> TensorBoard events. A file is a function of the lines, so bringing it up to date is: make the
 * bytes again, see how far the file agrees, cut and append the rest. That heals torn records and rewound runs alike,
 * and a TensorBoard that watches sees a file that only grows.
 *
 * A record (TFRecord): length as 8 bytes, masked CRC-32C of those, an Event message, masked CRC-32C of it; all little
 * endian. */
#include <electra/report.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/crc32c.h"
#include "report/events.pb-c.h"
#include "report/tuned.h"
#include "train/run_metrics.h"

static const char FOLDER[] = "tensorboard";
static const char FILE_NAME[] = "events.out.tfevents.0.electra"; /* TensorBoard looks for "tfevents" */

enum { MOST_VALUES = 32, TAG_BYTES = 160 };

/* The file as it should be, growing. */
typedef struct events {
    unsigned char *bytes;
    size_t size, capacity;
    bool failed; /* out of memory */
} events;

/* ---- records ------------------------------------------------------------------------------------------------- */

static bool reserve(events *all, size_t more)
{
    if (all->size + more <= all->capacity) {
        return true;
    }
    const size_t capacity = 2 * all->capacity + more + 4096;
    unsigned char *bytes = el_realloc(all->bytes, all->capacity, capacity, 1);
    if (!bytes) {
        all->failed = true;
        return false;
    }
    all->bytes = bytes;
    all->capacity = capacity;
    return true;
}

static void put_little_endian(unsigned char *out, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

static void add_record(events *all, const Electra__Events__Event *event)
{
    const size_t length = electra__events__event__get_packed_size(event);
    if (all->failed || !reserve(all, length + 16)) {
        return;
    }
    unsigned char *at = all->bytes + all->size;
    put_little_endian(at, length, 8);
    put_little_endian(at + 8, el_crc32c_masked(at, 8), 4);
    (void)electra__events__event__pack(event, at + 12);
    put_little_endian(at + 12 + length, el_crc32c_masked(at + 12, length), 4);
    all->size += length + 16;
}

static void add_version(events *all)
{
    char version[] = "brain.Event:2";
    Electra__Events__Event event = ELECTRA__EVENTS__EVENT__INIT;
    event.what_case = ELECTRA__EVENTS__EVENT__WHAT_FILE_VERSION;
    event.file_version = version;
    add_record(all, &event);
}

/* The numbers of one moment, which make one event. */
typedef struct moment {
    Electra__Events__Value values[MOST_VALUES];
    Electra__Events__Value *pointers[MOST_VALUES];
    char tags[MOST_VALUES][TAG_BYTES];
    size_t n;
} moment;

/* "train/loss", "heldout/auc": the group makes TensorBoard's sections. What is too much is left out. */
static void add_value(moment *m, const char *group, const char *name, double value)
{
    if (m->n == MOST_VALUES || isnan(value)) {
        return;
    }
    (void)snprintf(m->tags[m->n], TAG_BYTES, "%s/%s", group, name);
    Electra__Events__Value *to = &m->values[m->n];
    *to = (Electra__Events__Value)ELECTRA__EVENTS__VALUE__INIT;
    to->tag = m->tags[m->n];
    to->content_case = ELECTRA__EVENTS__VALUE__CONTENT_SIMPLE_VALUE;
    to->simple_value = (float)value;
    m->pointers[m->n++] = to;
}

/* time: seconds since 1970. */
static void add_moment(events *all, moment *m, uint64_t step, double time)
{
    if (m->n == 0) {
        return;
    }
    Electra__Events__Summary summary = ELECTRA__EVENTS__SUMMARY__INIT;
    summary.n_value = m->n;
    summary.value = m->pointers;
    Electra__Events__Event event = ELECTRA__EVENTS__EVENT__INIT;
    event.wall_time = isnan(time) ? 0 : time;
    event.step = (int64_t)step;
    event.what_case = ELECTRA__EVENTS__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    add_record(all, &event);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

/* How many bytes of the file are right already, cut back to whole records. */
static size_t common_bytes(const events *all, const el_map *file)
{
    size_t same = 0;
    const size_t least = all->size < file->size ? all->size : file->size;
    while (same < least && all->bytes[same] == file->data[same]) {
        same++;
    }
    size_t whole = 0;
    for (;;) {
        uint64_t length = 0;
        for (size_t i = 0; i < 8 && whole + 8 <= all->size; i++) {
            length |= (uint64_t)all->bytes[whole + i] << (8 * i);
        }
        if (whole + length + 16 > same) {
            return whole;
        }
        whole += length + 16;
    }
}

static bool write_all(int file, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(file, bytes, n);
        if (written <= 0) {
            return false;
        }
        bytes += written;
        n -= (size_t)written;
    }
    return true;
}

/* Cut the file to what is right and append the rest. */
static electra_status bring_up_to_date(const char *path, const events *all, electra_error *err)
{
    size_t keep = 0;
    if (el_is_file(path)) {
        el_map map;
        EL_TRY(el_map_open(&map, path, err));
        keep = common_bytes(all, &map);
        const bool same = keep == all->size && map.size == all->size;
        el_map_close(&map);
        if (same) {
            return ELECTRA_OK;
        }
    }
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) {
        return el_fail_errno(err, path, "cannot write %s", path);
    }
    electra_status status = ELECTRA_OK;
    if (ftruncate(file, (off_t)keep) != 0 || lseek(file, (off_t)keep, SEEK_SET) < 0 ||
        !write_all(file, all->bytes + keep, all->size - keep)) {
        status = el_fail_errno(err, path, "cannot write %s", path);
    }
    (void)close(file);
    return status;
}

/* The file of a folder, which is made if need be; the events are freed. */
static electra_status write_file(events *all, const char *folder, electra_error *err)
{
    char *path = el_path_join(folder, FILE_NAME);
    electra_status status;
    if (!path) {
        status = el_fail_memory(err, folder, strlen(folder));
    } else if (all->failed) {
        status = el_fail_memory(err, "the events of a run", 2 * all->capacity);
    } else {
        status = el_make_folders(folder, err);
        status = status == ELECTRA_OK ? bring_up_to_date(path, all, err) : status;
    }
    el_free(path);
    el_free(all->bytes);
    *all = (events){0};
    return status;
}

/* ---- pre-training -------------------------------------------------------------------------------------------- */

static void see_line(void *user, const electra_metrics *line)
{
    static const char PREFIX[] = "heldout_";
    moment m = {.n = 0};
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        const el_metric_field *field = &el_metric_fields[i];
        const bool heldout = field->group == EL_METRIC_HELDOUT;
        if (field->group != EL_METRIC_ALWAYS) {
            add_value(&m, heldout ? "heldout" : "train", field->name + (heldout ? sizeof PREFIX - 1 : 0),
                      el_metrics_get(line, field));
        }
    }
    add_moment(user, &m, line->step, line->time);
}

static electra_status write_pretraining(const char *run, const char *folder, electra_error *err)
{
    char *metrics = el_path_join(run, "metrics.jsonl");
    if (!metrics) {
        return el_fail_memory(err, run, strlen(run));
    }
    events all = {0};
    electra_status status;
    if (!el_is_file(metrics)) {
        status = el_fail(err, ELECTRA_INVALID, run, "%s is not the folder of a run: it has no metrics.jsonl", run);
        goto done;
    }
    add_version(&all);
    EL_TRY_GOTO(el_metrics_read(metrics, UINT64_MAX, see_line, &all, err), done);
    status = write_file(&all, folder, err);
done:
    el_free(metrics);
    el_free(all.bytes);
    return status;
}

/* ---- fine-tuning ------------------------------------------------------------------------------------------------
 * Each trial has a folder of its own, which TensorBoard shows as a run. */

typedef struct trials {
    const char *folder;
    size_t number; /* the trial whose lines are being read; 0: none yet */
    events all;    /* its events */
} trials;

static electra_status end_trial(trials *t, electra_error *err)
{
    if (t->number == 0) {
        return ELECTRA_OK;
    }
    char name[32];
    (void)snprintf(name, sizeof name, "trial-%zu", t->number);
    char *folder = el_path_join(t->folder, name);
    if (!folder) {
        return el_fail_memory(err, name, strlen(name));
    }
    const electra_status status = write_file(&t->all, folder, err);
    el_free(folder);
    return status;
}

/* Scores are called "rte/accuracy", after their task; its lines do not tell the time, so trials begin at 0. */
static electra_status see_tuned_line(void *user, const el_tuned_line *line, electra_error *err)
{
    trials *t = user;
    if (line->trial != t->number) {
        EL_TRY(end_trial(t, err));
        t->number = line->trial;
        add_version(&t->all);
    }
    static const char *const NO_CURVES[] = {"trial", "step", "seconds"};
    moment m = {.n = 0};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)(line->task ? line->dev : line->all), name, value)
    {
        bool drawn = json_is_number(value) && !line->warning;
        for (size_t i = 0; i < sizeof NO_CURVES / sizeof NO_CURVES[0]; i++) {
            drawn = drawn && strcmp(name, NO_CURVES[i]) != 0;
        }
        if (drawn) {
            add_value(&m, line->task ? line->task : "train", name, json_number_value(value));
        }
    }
    add_moment(&t->all, &m, line->step, json_number_value(json_object_get(line->all, "seconds")));
    return ELECTRA_OK;
}

static electra_status write_trials(const char *run, const char *folder, electra_error *err)
{
    trials t = {.folder = folder};
    electra_status status = el_tuned_lines(run, see_tuned_line, &t, err);
    status = status == ELECTRA_OK ? end_trial(&t, err) : status;
    el_free(t.all.bytes);
    return status;
}

/* -------------------------------------------------------------------------------------------------------------- */

electra_status electra_report_events(const char *run, electra_error *err)
{
    if (!run) {
        return el_fail(err, ELECTRA_MISUSE, "run", "no folder of a run was given");
    }
    json_t *settings = NULL;
    EL_TRY(el_json_load_if_there(&settings, run, "settings.json", err));
    const bool tuned = el_tuned_is(settings, run);
    json_decref(settings);
    char *folder = el_path_join(run, FOLDER);
    if (!folder) {
        return el_fail_memory(err, run, strlen(run));
    }
    const electra_status status = (tuned ? write_trials : write_pretraining)(run, folder, err);
    el_free(folder);
    return status;
}
