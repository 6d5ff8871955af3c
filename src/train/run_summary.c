/* Owns electra_run_describe. */
#include <electra/train.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/checkpoint.h"
#include "train/run_metrics.h"

static void see(void *user, const electra_metrics *line)
{
    electra_run_summary *out = user;
    out->n_lines++;
    if (line->warning) {
        out->n_warnings++;
        (void)snprintf(out->last_warning, sizeof out->last_warning, "%s", line->warning);
    } else {
        el_metrics_merge(&out->last, line);
    }
}

/* The JSON file <run>/name: whether it is there; it is parsed to be sure that it is sound. */
static electra_status look_at_json(const char *run, const char *name, bool *there, electra_error *err)
{
    char *path = el_path_join(run, name);
    if (!path) {
        return el_fail_memory(err, run, strlen(run));
    }
    *there = el_is_file(path);
    json_t *json = NULL;
    const electra_status status = *there ? el_json_load(&json, path, err) : ELECTRA_OK;
    json_decref(json);
    el_free(path);
    return status;
}

electra_status electra_run_describe(const char *run, electra_run_summary *out, electra_error *err)
{
    if (!run || !out) {
        return el_fail(err, ELECTRA_MISUSE, "run", "no folder of a run was given");
    }
    *out = (electra_run_summary){0};
    el_metrics_clear(&out->last);
    bool is_run = false;
    EL_TRY(look_at_json(run, "settings.json", &is_run, err));
    if (!is_run) {
        return el_fail(err, ELECTRA_INVALID, run, "%s is not the folder of a run: it has no settings.json", run);
    }
    EL_TRY(look_at_json(run, "result.json", &out->finished, err));
    char *metrics = el_path_join(run, "metrics.jsonl");
    char *checkpoints = el_path_join(run, "checkpoints");
    electra_status status;
    if (!metrics || !checkpoints) {
        status = el_fail_memory(err, run, strlen(run));
    } else {
        status = el_metrics_read(metrics, UINT64_MAX, see, out, err);
    }
    if (status == ELECTRA_OK) {
        status = el_checkpoint_verify_all(checkpoints, &out->n_checkpoints, &out->checkpoint_step, err);
    }
    el_free(metrics);
    el_free(checkpoints);
    return status;
}
