/* Owns the layout of a run's folder. */
#include "train/run_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

static const char CHECKPOINTS[] = "checkpoints";
static const char METRICS[] = "metrics.jsonl";

static electra_status refuse_foreign(const char *folder, const char *name, electra_error *err)
{
    char *path = el_path_join(folder, name);
    if (!path) {
        return el_fail_memory(err, folder, strlen(folder));
    }
    electra_status status = ELECTRA_OK;
    if (access(path, F_OK) == 0) {
        status = el_fail(err, ELECTRA_MISUSE, folder,
                         "there is a %s, but no settings.json that would show that it belongs to a run; choose another "
                         "output folder",
                         path);
    }
    el_free(path);
    return status;
}

electra_status el_run_folder_name(el_run_folder *folder, const char *path, bool is_run, const char *result,
                                  const char *const *owned, electra_error *err)
{
    folder->path = el_strdup(path);
    folder->checkpoints = el_path_join(path, CHECKPOINTS);
    folder->metrics = el_path_join(path, METRICS);
    folder->result = el_path_join(path, result);
    if (!folder->path || !folder->checkpoints || !folder->metrics || !folder->result) {
        return el_fail_memory(err, path, strlen(path));
    }
    if (is_run) {
        return ELECTRA_OK;
    }
    EL_TRY(refuse_foreign(path, CHECKPOINTS, err));
    EL_TRY(refuse_foreign(path, METRICS, err));
    EL_TRY(refuse_foreign(path, result, err));
    for (; *owned; owned++) {
        EL_TRY(refuse_foreign(path, *owned, err));
    }
    return ELECTRA_OK;
}

/* "<name><mark>" or "<name><mark>-<pid>" */
static bool has_mark(const char *name, const char *mark)
{
    const char *at = strstr(name, mark);
    if (!at || at == name) {
        return false;
    }
    at += strlen(mark);
    return *at == '\0' || (at[0] == '-' && at[1] && at[1 + strspn(at + 1, "0123456789")] == '\0');
}

/* What a writer (base/io.h, interop/model_dir.h) made before it was killed. */
static bool is_left_over(const char *name)
{
    return has_mark(name, ".partial") || has_mark(name, ".old");
}

static electra_status remove_left_overs(const char *path, electra_error *err)
{
    DIR *entries = opendir(path);
    if (!entries) {
        return el_fail_errno(err, path, "cannot read the folder %s", path);
    }
    electra_status status = ELECTRA_OK;
    for (struct dirent *entry; status == ELECTRA_OK && (entry = readdir(entries)) != NULL;) {
        if (!is_left_over(entry->d_name)) {
            continue;
        }
        char *left_over = el_path_join(path, entry->d_name);
        status = left_over ? el_remove_tree(left_over, err) : el_fail_memory(err, path, 0);
        el_free(left_over);
    }
    (void)closedir(entries);
    return status;
}

electra_status el_run_folder_open(el_run_folder *folder, electra_error *err)
{
    EL_TRY(el_make_folders(folder->path, err));
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock <= 0) {
        folder->lock = 0;
        return el_fail_errno(err, folder->path, "cannot open the folder %s", folder->path);
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        return el_fail(err, ELECTRA_FAILED, folder->path, "another process is training in %s", folder->path);
    }
    EL_TRY(remove_left_overs(folder->path, err));
    return el_is_folder(folder->checkpoints) ? remove_left_overs(folder->checkpoints, err) : ELECTRA_OK;
}

void el_run_folder_close(el_run_folder *folder)
{
    if (folder->lock > 0) {
        (void)close(folder->lock);
    }
    el_free(folder->path);
    el_free(folder->checkpoints);
    el_free(folder->metrics);
    el_free(folder->result);
    *folder = (el_run_folder){0};
}
