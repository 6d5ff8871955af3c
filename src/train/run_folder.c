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

electra_status el_run_folder_name(el_run_folder *folder, const char *path, bool is_run, electra_error *err)
{
    folder->path = el_strdup(path);
    folder->checkpoints = el_path_join(path, "checkpoints");
    folder->metrics = el_path_join(path, "metrics.jsonl");
    folder->result = el_path_join(path, "result.json");
    folder->discriminator = el_path_join(path, "discriminator");
    folder->generator = el_path_join(path, "generator");
    const char *const owned[] = {folder->checkpoints, folder->metrics, folder->result, folder->discriminator,
                                 folder->generator};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        if (!folder->path || !owned[i]) {
            return el_fail_memory(err, path, strlen(path));
        }
        if (!is_run && access(owned[i], F_OK) == 0) {
            return el_fail(
                err, ELECTRA_MISUSE, path,
                "there is a %s, but no settings.json that would show that it belongs to a run; choose another "
                "output folder",
                owned[i]);
        }
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
    el_free(folder->discriminator);
    el_free(folder->generator);
    *folder = (el_run_folder){0};
}
