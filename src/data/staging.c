/* Owns the care that is taken of what is already on the disk. */
#include "data/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/manifest.h"

#define LOCK_FILE "prepare.lock"

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool ends_with(const char *name, const char *suffix)
{
    const size_t a = strlen(name);
    const size_t b = strlen(suffix);
    return a > b && strcmp(name + a - b, suffix) == 0;
}

static bool is_ours(const char *name)
{
    return strcmp(name, EL_MANIFEST_FILE) == 0 || strcmp(name, EL_VOCABULARY_FILE) == 0 ||
           ends_with(name, EL_SHARD_SUFFIX);
}

/* Count the entries of a folder; `stranger` gets the name of one that is not part of a data folder. */
static electra_status look_into(const char *path, size_t *entries, char *stranger, size_t size, electra_error *err)
{
    *entries = 0;
    stranger[0] = '\0';
    DIR *folder = opendir(path);
    if (!folder) {
        return el_fail_errno(err, path, "cannot read the folder %s", path);
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (is_dot(entry->d_name)) {
            continue;
        }
        (*entries)++;
        if (!is_ours(entry->d_name)) {
            (void)snprintf(stranger, size, "%s", entry->d_name);
        }
    }
    (void)closedir(folder);
    return ELECTRA_OK;
}

static electra_status refuse_data(const char *target, electra_error *err)
{
    el_manifest manifest;
    electra_status status;
    if (el_manifest_load(&manifest, target, NULL) == ELECTRA_OK) {
        const electra_data_summary *s = &manifest.summary;
        status = el_fail(err, ELECTRA_MISUSE, target,
                         "%s already holds prepared data (%" PRIu64 " examples of up to %zu tokens from %" PRIu64
                         " documents): use --overwrite to replace it, or another --output",
                         target, s->splits[ELECTRA_TRAIN].examples + s->splits[ELECTRA_HELDOUT].examples, s->max_length,
                         s->corpus.documents);
    } else {
        status = el_fail(err, ELECTRA_MISUSE, target,
                         "%s already holds prepared data, which is damaged: use --overwrite to replace it", target);
    }
    el_manifest_clear(&manifest);
    return status;
}

static electra_status check_target(const char *target, bool overwrite, electra_error *err)
{
    struct stat about;
    if (lstat(target, &about) != 0) {
        return errno == ENOENT ? ELECTRA_OK : el_fail_errno(err, target, "cannot write to %s", target);
    }
    if (!S_ISDIR(about.st_mode)) {
        return el_fail(err, ELECTRA_MISUSE, target, "%s exists and is not a folder: choose another --output", target);
    }
    size_t entries;
    char stranger[256];
    EL_TRY(look_into(target, &entries, stranger, sizeof stranger, err));
    if (entries == 0) {
        return ELECTRA_OK;
    }
    if (stranger[0] != '\0' || !el_manifest_is_there(target)) {
        return el_fail(err, ELECTRA_MISUSE, target,
                       "%s is not empty and not (only) a data folder%s%s: it is left alone, choose another --output",
                       target, stranger[0] ? "; it holds " : "", stranger);
    }
    return overwrite ? ELECTRA_OK : refuse_data(target, err);
}

/* Take the lock of the partial folder. */
static electra_status take_lock(el_staging *s, electra_error *err)
{
    char *path = el_path_join(s->partial, LOCK_FILE);
    if (!path) {
        return el_fail_memory(err, s->partial, strlen(s->partial));
    }
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    electra_status status = ELECTRA_OK;
    if (s->lock < 0) {
        status = el_fail_errno(err, path, "cannot write %s", path);
    } else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK
                     ? el_fail(err, ELECTRA_MISUSE, s->partial, "another process is preparing %s", s->target)
                     : el_fail_errno(err, path, "cannot lock %s", path);
        (void)close(s->lock);
        s->lock = -1;
    }
    el_free(path);
    return status;
}

/* Remove what a killed run has left; refuse what is not ours. */
static electra_status clear_leavings(el_staging *s, electra_error *err)
{
    if (!el_is_folder(s->partial)) {
        return ELECTRA_OK;
    }
    char *path = el_path_join(s->partial, LOCK_FILE);
    if (!path) {
        return el_fail_memory(err, s->partial, strlen(s->partial));
    }
    const bool locked = el_is_file(path);
    el_free(path);
    size_t entries;
    char stranger[256];
    EL_TRY(look_into(s->partial, &entries, stranger, sizeof stranger, err));
    /* killed between giving up the lock and renaming: complete, and nothing but ours */
    const bool complete = stranger[0] == '\0' && el_manifest_is_there(s->partial);
    const bool ours = locked || complete;
    if (entries > 0 && !ours) {
        return el_fail(err, ELECTRA_MISUSE, s->partial, "%s is in the way: move it, or choose another --output",
                       s->partial);
    }
    if (ours) {
        EL_TRY(take_lock(s, err));
        (void)close(s->lock);
        s->lock = -1;
    }
    return el_remove_tree(s->partial, err);
}

electra_status el_staging_open(el_staging *out, const char *target, bool overwrite, electra_error *err)
{
    *out = (el_staging){.lock = -1};
    size_t length = strlen(target);
    while (length > 1 && target[length - 1] == '/') {
        length--;
    }
    const size_t bytes = length + sizeof ".partial";
    out->target = el_alloc(bytes, 1);
    out->partial = el_alloc(bytes, 1);
    if (!out->target || !out->partial) {
        return el_fail_memory(err, target, bytes);
    }
    (void)snprintf(out->target, bytes, "%.*s", (int)length, target);
    (void)snprintf(out->partial, bytes, "%s.partial", out->target);
    if (length == 0) {
        return el_fail(err, ELECTRA_MISUSE, "output", "no output folder was given");
    }
    EL_TRY(check_target(out->target, overwrite, err));
    EL_TRY(clear_leavings(out, err));
    EL_TRY(el_make_folders(out->partial, err));
    return take_lock(out, err);
}

static void clear(el_staging *s)
{
    if (s->lock >= 0) {
        (void)close(s->lock);
    }
    el_free(s->target);
    el_free(s->partial);
    *s = (el_staging){.lock = -1};
}

electra_status el_staging_commit(el_staging *s, electra_error *err)
{
    char *lock = el_path_join(s->partial, LOCK_FILE);
    electra_status status = lock ? ELECTRA_OK : el_fail_memory(err, s->partial, strlen(s->partial));
    if (lock && unlink(lock) != 0) {
        status = el_fail_errno(err, lock, "cannot remove %s", lock);
    }
    el_free(lock);
    if (status == ELECTRA_OK) {
        status = el_sync_folder(s->partial, err);
    }
    if (status == ELECTRA_OK) {
        status = el_replace_folder(s->partial, s->target, err);
    }
    if (status == ELECTRA_OK) {
        clear(s);
    } else {
        el_staging_abandon(s);
    }
    return status;
}

void el_staging_abandon(el_staging *s)
{
    if (s->lock >= 0 && s->partial) {
        (void)el_remove_tree(s->partial, NULL);
    }
    clear(s);
}
