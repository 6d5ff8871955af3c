/* Owns where things lie in the folder of a run of fine-tuning. */
#include "tasks/tune_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

electra_status el_tune_path(char **out, const char *folder, const char *name, const char *ending, electra_error *err)
{
    const size_t bytes = strlen(folder) + strlen(name) + strlen(ending) + 2;
    *out = el_alloc(bytes, 1);
    if (!*out) {
        return el_fail_memory(err, folder, bytes);
    }
    (void)snprintf(*out, bytes, "%s/%s%s", folder, name, ending);
    return ELECTRA_OK;
}

electra_status el_tune_folder_name(el_tune_folder *folder, const char *path, bool is_run, electra_error *err)
{
    static const char *const OWNED[] = {"config.json", "model.safetensors", NULL};
    EL_TRY(el_run_folder_name(&folder->run, path, is_run, "results.json", OWNED, err));
    EL_TRY(el_tune_path(&folder->current, path, "current", "", err));
    return el_tune_path(&folder->best, path, "best", "", err);
}

void el_tune_folder_close(el_tune_folder *folder)
{
    el_run_folder_close(&folder->run);
    el_free(folder->current);
    el_free(folder->best);
    *folder = (el_tune_folder){0};
}

electra_status el_tune_folder_promote(const el_tune_folder *folder, electra_error *err)
{
    return el_is_folder(folder->current) ? el_replace_folder(folder->current, folder->best, err) : ELECTRA_OK;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static electra_status move(const char *from, const char *to, electra_error *err)
{
    return rename(from, to) == 0 ? ELECTRA_OK : el_fail_errno(err, to, "cannot move %s to %s", from, to);
}

/* The files of the best model go up into the run's folder. */
static electra_status move_files(const char *from, const char *to, electra_error *err)
{
    DIR *entries = opendir(from);
    if (!entries) {
        return ELECTRA_OK; /* moved by a run that was killed here */
    }
    electra_status status = ELECTRA_OK;
    for (struct dirent *entry; status == ELECTRA_OK && (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char *old = el_path_join(from, entry->d_name);
        char *new = el_path_join(to, entry->d_name);
        status = old && new ? move(old, new, err) : el_fail_memory(err, from, 0);
        el_free(old);
        el_free(new);
    }
    (void)closedir(entries);
    return status;
}

/* One task's model is the run's folder itself; of several tasks each has a folder in it. */
electra_status el_tune_folder_model(char **out, const el_tune_folder *folder, const el_subject *subject, size_t n,
                                    electra_error *err)
{
    return el_tune_path(out, folder->run.path, n > 1 ? subject->name : ".", "", err);
}

static electra_status publish_task(const el_tune_folder *folder, const el_subject *subject, size_t n,
                                   electra_error *err)
{
    char *model = NULL;
    char *predictions = NULL;
    char *to = NULL;
    char *to_predictions = NULL;
    electra_status status;
    EL_TRY_GOTO(el_tune_path(&model, folder->best, subject->name, "", err), done);
    EL_TRY_GOTO(el_tune_path(&predictions, folder->best, subject->name, ".jsonl", err), done);
    EL_TRY_GOTO(el_tune_folder_model(&to, folder, subject, n, err), done);
    EL_TRY_GOTO(el_tune_path(&to_predictions, to, "predictions.jsonl", "", err), done);
    EL_TRY_GOTO(el_make_folders(to, err), done);
    EL_TRY_GOTO(move_files(model, to, err), done);
    if (el_is_file(predictions)) {
        EL_TRY_GOTO(move(predictions, to_predictions, err), done);
    }
done:
    el_free(model);
    el_free(predictions);
    el_free(to);
    el_free(to_predictions);
    return status;
}

electra_status el_tune_folder_publish(const el_tune_folder *folder, const el_subject *subjects, size_t n,
                                      electra_error *err)
{
    for (size_t i = 0; i < n; i++) {
        EL_TRY(publish_task(folder, &subjects[i], n, err));
    }
    return el_sync_folder(folder->run.path, err);
}

electra_status el_tune_folder_tidy(const el_tune_folder *folder, electra_error *err)
{
    EL_TRY(el_remove_tree(folder->current, err));
    EL_TRY(el_remove_tree(folder->best, err));
    return el_remove_tree(folder->run.checkpoints, err);
}
