/* Owns the file system: every file that the library reads whole or writes goes through here. */
#include "base/io.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/status.h"

/* ---- reading ------------------------------------------------------------------------------------------------- */

electra_status el_map_open(el_map *out, const char *path, electra_error *err)
{
    *out = (el_map){0};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return el_fail_errno(err, path, "cannot open %s", path);
    }
    struct stat about;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        (void)close(file);
        return el_fail(err, ELECTRA_INVALID, path, "%s is not a regular file", path);
    }
    if (about.st_size == 0) {
        out->data = (const unsigned char *)"";
    } else {
        void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED) {
            const electra_status status = el_fail_errno(err, path, "cannot map %s", path);
            (void)close(file);
            return status;
        }
        out->data = data;
        out->size = (size_t)about.st_size;
    }
    (void)close(file);
    return ELECTRA_OK;
}

void el_map_close(el_map *map)
{
    if (map->size) {
        (void)munmap((void *)(uintptr_t)map->data, map->size);
    }
    *map = (el_map){0};
}

electra_status el_read_file(char **out, size_t *out_bytes, const char *path, size_t most_bytes, electra_error *err)
{
    *out = NULL;
    el_map map;
    EL_TRY(el_map_open(&map, path, err));
    if (map.size > most_bytes) {
        const size_t size = map.size;
        el_map_close(&map);
        return el_fail(err, ELECTRA_INVALID, path, "%s has %zu bytes, more than the %zu that such a file may have",
                       path, size, most_bytes);
    }
    char *text = el_alloc(map.size + 1, 1);
    if (!text) {
        el_map_close(&map);
        return el_fail_memory(err, path, most_bytes);
    }
    memcpy(text, map.data, map.size);
    if (out_bytes) {
        *out_bytes = map.size;
    }
    el_map_close(&map);
    *out = text;
    return ELECTRA_OK;
}

bool el_is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

bool el_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

uint64_t el_hash64(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}

uint64_t el_hash64_chain(uint64_t sum, const void *data, size_t bytes)
{
    const uint64_t both[2] = {sum, el_hash64(data, bytes)};
    return el_hash64(both, sizeof both);
}

/* ---- names --------------------------------------------------------------------------------------------------- */

char *el_path_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const bool slash = length > 0 && folder[length - 1] != '/';
    const size_t bytes = length + slash + strlen(name) + 1;
    char *path = el_alloc(bytes, 1);
    if (path) {
        (void)snprintf(path, bytes, "%s%s%s", folder, slash ? "/" : "", name);
    }
    return path;
}

char *el_path_absolute(const char *path)
{
    char here[PATH_MAX];
    const bool known = path[0] != '/' && getcwd(here, sizeof here); /* a directory that was removed has no name */
    return known ? el_path_join(here, path) : el_strdup(path);
}

/* The folder that holds path: "." for a bare name. NULL when out of memory. */
static char *parent_of(const char *path)
{
    char *folder = el_strdup(path);
    if (!folder) {
        return NULL;
    }
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') {
        folder[--length] = '\0';
    }
    char *slash = strrchr(folder, '/');
    if (!slash) {
        (void)snprintf(folder, 2, ".");
    } else if (slash == folder) {
        folder[1] = '\0';
    } else {
        *slash = '\0';
    }
    return folder;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

struct el_writer {
    FILE *file;
    char *path;    /* the final name */
    char *partial; /* the name while it is incomplete */
    uint64_t bytes;
    int error; /* errno of the first write that failed, 0 if none did */
};

static void writer_free(el_writer *w)
{
    if (w->file) {
        (void)fclose(w->file);
    }
    el_free(w->path);
    el_free(w->partial);
    el_free(w);
}

electra_status el_writer_open(el_writer **out, const char *path, electra_error *err)
{
    *out = NULL;
    el_writer *w = el_alloc(1, sizeof *w);
    if (!w) {
        return el_fail_memory(err, path, sizeof *w);
    }
    const size_t bytes = strlen(path) + 32;
    w->path = el_strdup(path);
    w->partial = el_alloc(bytes, 1);
    if (!w->path || !w->partial) {
        writer_free(w);
        return el_fail_memory(err, path, bytes);
    }
    (void)snprintf(w->partial, bytes, "%s.partial-%ld", path, (long)getpid());
    w->file = fopen(w->partial, "wbe");
    if (!w->file) {
        const electra_status status = el_fail_errno(err, path, "cannot create %s", w->partial);
        writer_free(w);
        return status;
    }
    *out = w;
    return ELECTRA_OK;
}

void el_writer_add(el_writer *w, const void *data, size_t bytes)
{
    if (!w->error && bytes && fwrite(data, 1, bytes, w->file) != bytes) {
        w->error = errno ? errno : EIO;
    }
    w->bytes += bytes;
}

void el_writer_patch(el_writer *w, uint64_t at, const void *data, size_t bytes)
{
    assert(at + bytes <= w->bytes);
    if (!w->error && (fseeko(w->file, (off_t)at, SEEK_SET) != 0 || fwrite(data, 1, bytes, w->file) != bytes ||
                      fseeko(w->file, 0, SEEK_END) != 0)) {
        w->error = errno ? errno : EIO;
    }
}

void el_writer_format(el_writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int written = vfprintf(w->file, format, arguments);
    va_end(arguments);
    if (written < 0 && !w->error) {
        w->error = errno ? errno : EIO;
    }
    w->bytes += written > 0 ? (uint64_t)written : 0;
}

uint64_t el_writer_bytes(const el_writer *w)
{
    return w->bytes;
}

void el_writer_abandon(el_writer *w)
{
    if (w) {
        (void)unlink(w->partial);
        writer_free(w);
    }
}

electra_status el_sync_folder(const char *path, electra_error *err)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return el_fail_errno(err, path, "cannot open the folder %s", path);
    }
    /* some file systems cannot flush a folder and say so with EINVAL; there is nothing better to do there */
    const bool failed = fsync(folder) != 0 && errno != EINVAL;
    const electra_status status = failed ? el_fail_errno(err, path, "cannot flush the folder %s", path) : ELECTRA_OK;
    (void)close(folder);
    return status;
}

static electra_status sync_parent(const char *path, electra_error *err)
{
    char *folder = parent_of(path);
    if (!folder) {
        return el_fail_memory(err, path, strlen(path));
    }
    const electra_status status = el_sync_folder(folder, err);
    el_free(folder);
    return status;
}

electra_status el_writer_commit(el_writer *w, electra_error *err)
{
    if (!w->error && (fflush(w->file) != 0 || fsync(fileno(w->file)) != 0)) {
        w->error = errno;
    }
    if (!w->error && rename(w->partial, w->path) != 0) {
        w->error = errno;
    }
    electra_status status = ELECTRA_OK;
    if (w->error) {
        errno = w->error;
        status = el_fail_errno(err, w->path, "cannot write %s (what was there before is untouched)", w->path);
        (void)unlink(w->partial);
    } else {
        status = sync_parent(w->path, err);
    }
    writer_free(w);
    return status;
}

electra_status el_write_file(const char *path, const void *data, size_t bytes, electra_error *err)
{
    el_writer *w;
    EL_TRY(el_writer_open(&w, path, err));
    el_writer_add(w, data, bytes);
    return el_writer_commit(w, err);
}

/* ---- folders ------------------------------------------------------------------------------------------------- */

electra_status el_make_folders(const char *path, electra_error *err)
{
    char *work = el_strdup(path);
    if (!work) {
        return el_fail_memory(err, path, strlen(path));
    }
    for (char *p = work + 1;; p++) {
        const char at = *p;
        if (at != '/' && at != '\0') {
            continue;
        }
        *p = '\0';
        if (mkdir(work, 0777) != 0 && !(errno == EEXIST && el_is_folder(work))) {
            const electra_status status = el_fail_errno(err, path, "cannot make the folder %s", work);
            el_free(work);
            return status;
        }
        if (at == '\0') {
            break;
        }
        *p = '/';
    }
    el_free(work);
    return ELECTRA_OK;
}

/* Remove what is in an open folder; takes over the descriptor. */
static int remove_entries(int folder)
{
    DIR *entries = fdopendir(folder);
    if (!entries) {
        (void)close(folder);
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(dirfd(entries), entry->d_name, 0) == 0) {
            continue;
        }
        const int inner = openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        result = inner < 0 ? -1 : remove_entries(inner);
        if (result == 0) {
            result = unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
        }
    }
    (void)closedir(entries);
    return result;
}

electra_status el_remove_tree(const char *path, electra_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT) {
        return ELECTRA_OK;
    }
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || remove_entries(folder) != 0 || rmdir(path) != 0) {
        return el_fail_errno(err, path, "cannot remove %s", path);
    }
    return ELECTRA_OK;
}

/* For file systems that cannot exchange two names: for a moment nothing is called `to`. */
static electra_status replace_by_moving_aside(const char *from, const char *to, electra_error *err)
{
    const size_t bytes = strlen(to) + 32;
    char *old = el_alloc(bytes, 1);
    if (!old) {
        return el_fail_memory(err, to, bytes);
    }
    (void)snprintf(old, bytes, "%s.old-%ld", to, (long)getpid());
    electra_status status = el_remove_tree(old, err);
    if (status == ELECTRA_OK && rename(to, old) != 0) {
        status = el_fail_errno(err, to, "cannot move %s aside", to);
    } else if (status == ELECTRA_OK && rename(from, to) != 0) {
        status = el_fail_errno(err, to, "cannot rename %s to %s", from, to);
        (void)rename(old, to);
    } else if (status == ELECTRA_OK) {
        status = sync_parent(to, err);
        const electra_status removed = el_remove_tree(old, status == ELECTRA_OK ? err : NULL);
        status = status == ELECTRA_OK ? removed : status;
    }
    el_free(old);
    return status;
}

electra_status el_replace_folder(const char *from, const char *to, electra_error *err)
{
    if (!el_is_folder(to)) {
        return rename(from, to) == 0 ? sync_parent(to, err)
                                     : el_fail_errno(err, to, "cannot rename %s to %s", from, to);
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) != 0) {
        return replace_by_moving_aside(from, to, err);
    }
    const electra_status status = sync_parent(to, err);
    const electra_status removed = el_remove_tree(from, status == ELECTRA_OK ? err : NULL);
    return status == ELECTRA_OK ? removed : status;
}
