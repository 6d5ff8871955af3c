/* Owns which files make up a corpus and how they are unpacked.
 *
 * The files are listed first, sorted folder by folder. While one is read, a stack of open archives leads to the current
 * member: the file itself, a tar in it, a compressed text in the tar, and so on; each archive but the first reads from
 * the one below it. A single compressed or plain file is an archive with one member too (libarchive's "raw" format). */
#include "data/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/status.h"

enum { DEPTH = 4, BLOCK_BYTES = 1 << 16, FOLDER_DEPTH = 64 };

/* What a name says about its file. */
typedef enum file_content { CONTENT_UNKNOWN, CONTENT_TEXT, CONTENT_JSON_LINES, CONTENT_TAR } file_content;

typedef struct file_kind {
    file_content content;
    bool compressed;
} file_kind;

typedef struct input_file {
    char *path;
    file_kind kind;
    uint64_t size;
} input_file;

typedef struct level {
    struct archive *archive;
    file_kind kind;
    char *name;            /* for messages */
    struct archive *below; /* what a nested archive reads from */
    unsigned char *block;  /* [BLOCK_BYTES] for that; NULL for a file */
} level;

struct el_input {
    input_file *files; /* [n_files] */
    size_t n_files, file_room;
    size_t next_file;
    bool size_known;
    uint64_t total, finished; /* bytes of all files, and of those that are behind us */
    uint64_t ignored;
    level levels[DEPTH];
    size_t depth; /* open levels */
    char *member; /* name of the current member, for messages */
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool strip_suffix(const char *name, size_t *length, const char *suffix)
{
    const size_t n = strlen(suffix);
    if (*length <= n || strncasecmp(name + *length - n, suffix, n) != 0) {
        return false;
    }
    *length -= n;
    return true;
}

static file_kind kind_of(const char *name)
{
    static const char *const COMPRESSED[] = {".gz", ".xz", ".zst", ".bz2", ".lzma"};
    static const char *const COMPRESSED_TARS[] = {".tgz", ".txz", ".tzst", ".tbz2", ".tbz"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof COMPRESSED_TARS / sizeof *COMPRESSED_TARS; i++) {
        if (strip_suffix(name, &length, COMPRESSED_TARS[i])) {
            return (file_kind){CONTENT_TAR, true};
        }
    }
    file_kind result = {CONTENT_UNKNOWN, false};
    for (size_t i = 0; i < sizeof COMPRESSED / sizeof *COMPRESSED && !result.compressed; i++) {
        result.compressed = strip_suffix(name, &length, COMPRESSED[i]);
    }
    if (strip_suffix(name, &length, ".txt")) {
        result.content = CONTENT_TEXT;
    } else if (strip_suffix(name, &length, ".jsonl")) {
        result.content = CONTENT_JSON_LINES;
    } else if (strip_suffix(name, &length, ".tar")) {
        result.content = CONTENT_TAR;
    }
    return result;
}

/* ---- the list of files ------------------------------------------------------------------------------------------- */

static electra_status add_file(el_input *input, const char *path, const struct stat *about, electra_error *err)
{
    if (input->n_files == input->file_room) {
        const size_t room = input->file_room * 2 + 16;
        input_file *grown = el_realloc(input->files, input->n_files, room, sizeof *grown);
        if (!grown) {
            return el_fail_memory(err, "the list of files", room * sizeof *grown);
        }
        input->files = grown;
        input->file_room = room;
    }
    char *copy = el_strdup(path);
    if (!copy) {
        return el_fail_memory(err, "the list of files", strlen(path));
    }
    const uint64_t size = about->st_size > 0 ? (uint64_t)about->st_size : 0;
    input->files[input->n_files++] = (input_file){copy, kind_of(path), size};
    input->size_known = input->size_known && S_ISREG(about->st_mode);
    input->total += size;
    return ELECTRA_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static electra_status add_folder(el_input *input, const char *path, size_t depth, electra_error *err);

/* Links to files are followed, links to folders are not: they might lead in a circle. */
static electra_status add_entry(el_input *input, const char *folder, const char *name, size_t depth, electra_error *err)
{
    const size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = el_alloc(bytes, 1);
    if (!path) {
        return el_fail_memory(err, "the list of files", bytes);
    }
    const bool slash = folder[strlen(folder) - 1] == '/';
    (void)snprintf(path, bytes, "%s%s%s", folder, slash ? "" : "/", name);
    struct stat link;
    struct stat about;
    electra_status status = ELECTRA_OK;
    if (lstat(path, &link) != 0 || stat(path, &about) != 0) {
        status = el_fail_errno(err, path, "cannot read %s", path);
    } else if (S_ISDIR(link.st_mode)) {
        status = add_folder(input, path, depth + 1, err);
    } else if (S_ISREG(about.st_mode) && kind_of(name).content != CONTENT_UNKNOWN) {
        status = add_file(input, path, &about, err);
    } else {
        input->ignored++;
    }
    el_free(path);
    return status;
}

static electra_status add_folder(el_input *input, const char *path, size_t depth, electra_error *err)
{
    if (depth == FOLDER_DEPTH) {
        return el_fail(err, ELECTRA_INVALID, path, "%s: more than %d folders within each other", path, FOLDER_DEPTH);
    }
    struct dirent **entries = NULL;
    const int n = scandir(path, &entries, not_hidden, by_bytes);
    if (n < 0) {
        return el_fail_errno(err, path, "cannot read the folder %s", path);
    }
    electra_status status = ELECTRA_OK;
    for (int i = 0; i < n; i++) {
        if (status == ELECTRA_OK) {
            status = add_entry(input, path, entries[i]->d_name, depth, err);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static electra_status add_path(el_input *input, const char *path, electra_error *err)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return el_fail_errno(err, path, "cannot read %s", path);
    }
    if (!S_ISDIR(about.st_mode)) {
        return add_file(input, path, &about, err);
    }
    const size_t before = input->n_files;
    EL_TRY(add_folder(input, path, 0, err));
    if (input->n_files == before) {
        return el_fail(err, ELECTRA_INVALID, path,
                       "the folder %s holds no text: files are expected to end in .txt, .jsonl or .tar, with .gz, .xz, "
                       ".zst or .bz2 behind it if they are compressed",
                       path);
    }
    return ELECTRA_OK;
}

electra_status el_input_open(el_input **out, const char *const *paths, size_t n_paths, electra_error *err)
{
    *out = NULL;
    el_input *input = el_alloc(1, sizeof *input);
    if (!input) {
        return el_fail_memory(err, "the input", sizeof *input);
    }
    input->size_known = true;
    electra_status status =
        n_paths ? ELECTRA_OK : el_fail(err, ELECTRA_MISUSE, "input", "no files or folders of text were given");
    for (size_t i = 0; i < n_paths && status == ELECTRA_OK; i++) {
        status = add_path(input, paths[i], err);
    }
    if (status != ELECTRA_OK) {
        el_input_free(input);
        return status;
    }
    *out = input;
    return ELECTRA_OK;
}

/* ---- the stack of archives --------------------------------------------------------------------------------------- */

static void pop(el_input *input)
{
    level *top = &input->levels[--input->depth];
    (void)archive_read_free(top->archive);
    el_free(top->name);
    el_free(top->block);
    *top = (level){0};
    if (input->depth == 0) {
        input->finished += input->files[input->next_file - 1].size;
    }
}

void el_input_free(el_input *input)
{
    if (!input) {
        return;
    }
    while (input->depth) {
        pop(input);
    }
    for (size_t i = 0; i < input->n_files; i++) {
        el_free(input->files[i].path);
    }
    el_free(input->files);
    el_free(input->member);
    el_free(input);
}

static electra_status refuse(const char *name, struct archive *archive, electra_error *err)
{
    if (archive_errno(archive) == ENOMEM) {
        return el_fail_memory(err, name, 0);
    }
    const char *why = archive_error_string(archive);
    return el_fail(err, ELECTRA_INVALID, name, "cannot read %s: %s", name, why ? why : "it is broken");
}

static la_ssize_t read_below(struct archive *archive, void *user, const void **block)
{
    level *at = user;
    *block = at->block;
    const la_ssize_t got = archive_read_data(at->below, at->block, BLOCK_BYTES);
    if (got < 0) {
        archive_set_error(archive, archive_errno(at->below), "%s", archive_error_string(at->below));
    }
    return got;
}

/* Formats are chosen by name, so that a text is never taken for something else; only a file without a known ending,
 * which must have been named by the user, may be either. */
static void choose_formats(struct archive *archive, file_content content)
{
    (void)archive_read_support_filter_gzip(archive);
    (void)archive_read_support_filter_xz(archive);
    (void)archive_read_support_filter_lzma(archive);
    (void)archive_read_support_filter_zstd(archive);
    (void)archive_read_support_filter_bzip2(archive);
    if (content == CONTENT_TAR || content == CONTENT_UNKNOWN) {
        (void)archive_read_support_format_tar(archive);
    }
    if (content != CONTENT_TAR) {
        (void)archive_read_support_format_raw(archive);
        (void)archive_read_support_format_empty(archive);
    }
}

/* Open `path`, or the current member of the top level if path is NULL. Takes over `name`. */
static electra_status push(el_input *input, const char *path, char *name, file_kind kind, electra_error *err)
{
    if (!name) {
        return el_fail_memory(err, "the name of a file", 0);
    }
    if (input->depth == DEPTH) {
        const electra_status status =
            el_fail(err, ELECTRA_INVALID, name, "%s: more than %d archives within each other", name, DEPTH);
        el_free(name);
        return status;
    }
    level *at = &input->levels[input->depth++];
    *at = (level){.archive = archive_read_new(), .kind = kind, .name = name};
    if (!at->archive) {
        return el_fail_memory(err, name, 0);
    }
    choose_formats(at->archive, kind.content);
    int opened;
    if (path) {
        opened = archive_read_open_filename(at->archive, path, BLOCK_BYTES);
    } else {
        at->below = input->levels[input->depth - 2].archive;
        at->block = el_alloc(BLOCK_BYTES, 1);
        if (!at->block) {
            return el_fail_memory(err, name, BLOCK_BYTES);
        }
        opened = archive_read_open(at->archive, at, NULL, read_below, NULL);
    }
    return opened == ARCHIVE_OK ? ELECTRA_OK : refuse(name, at->archive, err);
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static char *join_names(const char *archive, const char *member)
{
    const size_t bytes = strlen(archive) + strlen(member) + 3;
    char *name = el_alloc(bytes, 1);
    if (name) {
        (void)snprintf(name, bytes, "%s: %s", archive, member);
    }
    return name;
}

static electra_status present(el_input *input, char *name, file_content content, el_member *member, electra_error *err)
{
    if (!name) {
        return el_fail_memory(err, "the name of a file", 0);
    }
    el_free(input->member);
    input->member = name;
    *member = (el_member){name, content == CONTENT_JSON_LINES};
    return ELECTRA_OK;
}

/* Look at an entry of the top level: a text to be handed out, an archive to be opened, or neither. */
static electra_status look_at(el_input *input, struct archive_entry *entry, el_member *member, electra_error *err)
{
    const level *top = &input->levels[input->depth - 1];
    const int format = archive_format(top->archive) & ARCHIVE_FORMAT_BASE_MASK;
    if (format == ARCHIVE_FORMAT_RAW) {
        if (top->kind.compressed && archive_filter_count(top->archive) < 2) {
            return el_fail(err, ELECTRA_INVALID, top->name, "cannot read %s: it is not compressed, as its name says",
                           top->name);
        }
        return present(input, el_strdup(top->name), top->kind.content, member, err);
    }
    const char *path = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) != AE_IFREG || !path) {
        return ELECTRA_OK;
    }
    const file_kind inner = kind_of(path);
    if (inner.content == CONTENT_UNKNOWN) {
        input->ignored++;
        return ELECTRA_OK;
    }
    char *name = join_names(top->name, path);
    if (inner.compressed || inner.content == CONTENT_TAR) {
        return push(input, NULL, name, inner, err);
    }
    return present(input, name, inner.content, member, err);
}

/* An empty file is an archive without members; but no compressor makes one. */
static electra_status check_end(const level *top, electra_error *err)
{
    const bool empty = (archive_format(top->archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_EMPTY;
    if (empty && top->kind.compressed && archive_filter_count(top->archive) < 2) {
        return el_fail(err, ELECTRA_INVALID, top->name, "cannot read %s: it is empty, which no compressed file is",
                       top->name);
    }
    return ELECTRA_OK;
}

electra_status el_input_next(el_input *input, el_member *member, electra_error *err)
{
    *member = (el_member){0};
    while (!member->name) {
        if (input->depth == 0) {
            if (input->next_file == input->n_files) {
                return ELECTRA_OK;
            }
            const input_file *file = &input->files[input->next_file++];
            EL_TRY(push(input, file->path, el_strdup(file->path), file->kind, err));
        }
        const level *top = &input->levels[input->depth - 1];
        struct archive_entry *entry;
        const int result = archive_read_next_header(top->archive, &entry);
        if (result == ARCHIVE_EOF) {
            EL_TRY(check_end(top, err));
            pop(input);
        } else if (result < ARCHIVE_WARN) {
            return refuse(top->name, top->archive, err);
        } else {
            EL_TRY(look_at(input, entry, member, err));
        }
    }
    return ELECTRA_OK;
}

electra_status el_input_read(el_input *input, char *buffer, size_t room, size_t *got, electra_error *err)
{
    struct archive *archive = input->levels[input->depth - 1].archive;
    *got = 0;
    while (*got < room) {
        const la_ssize_t n = archive_read_data(archive, buffer + *got, room - *got);
        if (n < 0) {
            return refuse(input->member, archive, err);
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    return ELECTRA_OK;
}

uint64_t el_input_ignored(const el_input *input)
{
    return input->ignored;
}

void el_input_position(const el_input *input, uint64_t *done, uint64_t *total)
{
    *done = input->finished;
    *total = input->size_known ? input->total : 0;
    if (input->depth) {
        const la_int64_t bytes = archive_filter_bytes(input->levels[0].archive, -1);
        *done += bytes > 0 ? (uint64_t)bytes : 0;
    }
}
