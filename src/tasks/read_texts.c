/* Owns texts whose label stands elsewhere: in the name of their folder, in a file beside theirs, or before them in the
 * line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "data/input.h"
#include "tasks/read.h"

/* ---- TREC
 * ---------------------------------------------------------------------------------------------------------------- */

static electra_status read_question(el_reader *r, electra_text line, uint32_t number)
{
    const char *end = line.text + line.bytes;
    const char *blank = memchr(line.text, ' ', line.bytes);
    const char *colon = blank ? memchr(line.text, ':', (size_t)(blank - line.text)) : NULL;
    if (!colon) {
        return el_read_skip(r, number, "it does not begin with LABEL:detail and a blank");
    }
    const bool fine = r->source->label && strcmp(r->source->label, "fine") == 0;
    const el_row row = {.text = el_read_trim(el_read_string(blank + 1, (size_t)(end - blank - 1))),
                        .label = el_read_string(line.text, (size_t)((fine ? blank : colon) - line.text)),
                        .line = number};
    return el_read_row(r, &row);
}

electra_status el_read_trec(el_reader *r, const char *data, size_t bytes)
{
    const char *label = r->source->label;
    if (label && strcmp(label, "coarse") != 0 && strcmp(label, "fine") != 0) {
        return el_fail(r->err, ELECTRA_MISUSE, "source", "labels of this file are \"coarse\" or \"fine\", not \"%s\"",
                       label);
    }
    const char *at = data, *end = data + bytes;
    electra_text line;
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        if (line.bytes > 0) {
            EL_TRY(read_question(r, line, number));
        }
    }
    return ELECTRA_OK;
}

/* ---- texts and labels in two files
 * ----------------------------------------------------------------------------------- */

/* "text" in a file's name, the last time it is there: that of "context_text.txt" stands at its end. */
static const char *find_last(const char *name, const char *word)
{
    const char *found = strstr(name, word);
    for (const char *next = found; next; next = strstr(next + 1, word)) {
        found = next;
    }
    return found;
}

char *el_read_labels_beside(const char *path)
{
    static const char OLD[] = "text", NEW[] = "labels";
    const char *slash = strrchr(path, '/');
    const char *found = find_last(slash ? slash + 1 : path, OLD);
    const size_t bytes = strlen(path) + sizeof NEW;
    char *out = found ? el_alloc(bytes, 1) : NULL;
    if (out) {
        (void)snprintf(out, bytes, "%.*s%s%s", (int)(found - path), path, NEW, found + sizeof OLD - 1);
    }
    return out;
}

static electra_status labels_path(el_reader *r, const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    if (!strstr(slash ? slash + 1 : path, "text")) {
        return el_fail(r->err, ELECTRA_MISUSE, path,
                       "%s should have the word \"text\" in its name, so that its labels are found "
                       "under the same name with \"labels\"",
                       path);
    }
    *out = el_read_labels_beside(path);
    return *out ? ELECTRA_OK : el_fail_memory(r->err, path, strlen(path));
}

static electra_status read_pairs(el_reader *r, electra_text texts, electra_text labels)
{
    const char *at = texts.text, *end = at + texts.bytes, *label_at = labels.text, *label_end = label_at + labels.bytes;
    el_row row = {.line = 1};
    for (; el_read_line(&at, end, &row.text); row.line++) {
        if (r->source->label && !el_read_line(&label_at, label_end, &row.label)) {
            return el_fail(r->err, ELECTRA_INVALID, r->path,
                           "%s has a text in line %u, but the file of its labels ends before", r->path,
                           (unsigned)row.line);
        }
        EL_TRY(el_read_row(r, &row));
    }
    if (r->source->label && el_read_line(&label_at, label_end, &row.label)) {
        return el_fail(r->err, ELECTRA_INVALID, r->path, "%s ends after %u lines, but the file of its labels goes on",
                       r->path, (unsigned)(row.line - 1));
    }
    return ELECTRA_OK;
}

static electra_status load_kept(el_reader *r, const char *path, electra_text *out)
{
    char *block;
    EL_TRY(el_read_load(r, path, &block, out));
    return el_read_keep(r, block);
}

electra_status el_read_two_files(el_reader *r, const char *path)
{
    electra_text texts, labels = {"", 0};
    if (r->source->label) {
        char *beside;
        EL_TRY(labels_path(r, path, &beside));
        r->path = beside;
        const electra_status status = load_kept(r, beside, &labels);
        r->path = path;
        el_free(beside);
        EL_TRY(status);
    }
    EL_TRY(el_read_begin_file(r, path));
    EL_TRY(load_kept(r, path, &texts));
    return read_pairs(r, texts, labels);
}

/* ---- a folder for each class
 * --------------------------------------------------------------------------------------------- */

enum { FOLDER_DEPTH = 16 };

/* A text of a class, a whole file. */
static electra_status add_text(el_reader *r, electra_text text, electra_text class)
{
    const el_row row = {.text = text, .label = class, .line = 1};
    bool blank = true;
    for (size_t i = 0; i < text.bytes && blank; i++) {
        blank = strchr(" \t\r\n", text.text[i]) != NULL && text.text[i] != '\0';
    }
    if (blank) {
        return el_read_skip(r, 1, "the file is empty");
    }
    return el_read_row(r, &row);
}

/* The path of the folder that a file lies in, without the last slash; no bytes if it lies in none. */
static electra_text path_of(electra_text name)
{
    size_t n = name.bytes;
    while (n > 0 && name.text[n - 1] != '/') {
        n--;
    }
    return (electra_text){name.text, n > 0 ? n - 1 : 0};
}

static electra_text last_of(electra_text path)
{
    const size_t n = path_of(path).bytes;
    const size_t skip = n < path.bytes && path.text[n] == '/' ? n + 1 : n;
    return (electra_text){path.text + skip, path.bytes - skip};
}

/* "fold/train", "train_set" */
static bool is_for_training(electra_text path)
{
    static const char NAME[] = "train";
    const electra_text last = last_of(path);
    return last.bytes >= sizeof NAME - 1 && strncasecmp(last.text, NAME, sizeof NAME - 1) == 0;
}

/* A class may lie in one place only: if it is in fold/train and in fold/dev, they are parts of which one was meant.
 * archive: what `parent` is in; NULL: it is a path by itself. */
static electra_status note_class(el_reader *r, electra_text class, electra_text parent, const char *archive)
{
    const size_t before = r->classes.n, number = el_strings_add(&r->classes, class.text, class.bytes);
    if (number == EL_STRINGS_FULL) {
        return el_fail_memory(r->err, "the folders of classes", class.bytes);
    }
    if (number == before) {
        electra_text copy;
        EL_TRY(el_read_copy(r, parent, &copy));
        return el_read_push(r, &r->parents, copy);
    }
    electra_text first = ((const electra_text *)r->parents.items)[number];
    if (el_read_same(first, parent)) {
        return ELECTRA_OK;
    }
    if (is_for_training(parent)) {
        const electra_text other = first;
        first = parent;
        parent = other;
    }
    const char *in = archive ? archive : "", *slash = archive ? "/" : "";
    const int n_first = (int)first.bytes, n_parent = (int)parent.bytes;
    return el_fail(r->err, ELECTRA_INVALID, r->path,
                   "'%.*s' is in %s%s%.*s and in %s%s%.*s: name one of them (--train %s%s%.*s --dev %s%s%.*s), or give "
                   "their classes different names",
                   (int)class.bytes, class.text, in, slash, n_first, first.text, in, slash, n_parent, parent.text, in,
                   slash, n_first, first.text, in, slash, n_parent, parent.text);
}

static electra_status read_file(el_reader *r, const char *path, electra_text class)
{
    electra_text text;
    EL_TRY(el_read_begin_file(r, path));
    EL_TRY(load_kept(r, path, &text));
    return add_text(r, text, class);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Whether an entry is a folder itself, not a link to one. */
static bool is_real_folder(const char *path, const struct dirent *entry)
{
    struct stat link;
    return entry->d_type == DT_DIR || (entry->d_type == DT_UNKNOWN && lstat(path, &link) == 0 && S_ISDIR(link.st_mode));
}

static electra_status read_folder(el_reader *r, const char *path, const char *class, size_t depth);

/* Links to files are followed, links to folders are not: they might lead in a circle. */
static electra_status read_entry(el_reader *r, const char *path, const struct dirent *entry, const char *class,
                                 size_t depth)
{
    if (is_real_folder(path, entry)) {
        return class ? ELECTRA_OK : read_folder(r, path, entry->d_name, depth + 1);
    }
    if (!class || !el_is_file(path)) {
        return ELECTRA_OK;
    }
    const electra_text name = el_read_string(class, strlen(class));
    EL_TRY(note_class(r, name, path_of(path_of(el_read_string(path, strlen(path)))), NULL));
    return read_file(r, path, name);
}

/* Read the folders among the entries (class NULL) or the files. */
static electra_status read_entries(el_reader *r, const char *folder, struct dirent *const *entries, int n,
                                   const char *class, size_t depth, size_t *n_folders)
{
    for (int i = 0; i < n; i++) {
        char *path = el_path_join(folder, entries[i]->d_name);
        if (!path) {
            return el_fail_memory(r->err, folder, 0);
        }
        *n_folders += is_real_folder(path, entries[i]);
        const electra_status status = read_entry(r, path, entries[i], class, depth);
        el_free(path);
        EL_TRY(status);
    }
    return ELECTRA_OK;
}

/* A folder with folders in it is no class, and files beside those (a README) are no texts. */
static electra_status read_folder(el_reader *r, const char *path, const char *class, size_t depth)
{
    if (depth == FOLDER_DEPTH) {
        return el_fail(r->err, ELECTRA_INVALID, path, "%s: more than %d folders within each other", path, FOLDER_DEPTH);
    }
    struct dirent **entries = NULL;
    const int n = scandir(path, &entries, not_hidden, by_bytes);
    if (n < 0) {
        return el_fail_errno(r->err, path, "cannot read the folder %s", path);
    }
    size_t n_folders = 0;
    electra_status status = read_entries(r, path, entries, n, NULL, depth, &n_folders);
    if (status == ELECTRA_OK && n_folders == 0 && class) {
        status = read_entries(r, path, entries, n, class, depth, &n_folders);
    }
    for (int i = 0; i < n; i++) {
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* What a member of an archive is called inside: behind "archive.tar: ". */
static const char *inner_name(const char *name, const char *archive)
{
    name += strlen(archive);
    name += strncmp(name, ": ", 2) == 0 ? 2 : 0;
    return strncmp(name, "./", 2) == 0 ? name + 2 : name;
}

static bool is_below(const char *name, const char *folder)
{
    size_t n = folder ? strlen(folder) : 0;
    n -= n > 0 && folder[n - 1] == '/';
    return n == 0 || (strncmp(name, folder, n) == 0 && name[n] == '/');
}

static electra_status read_member(el_reader *r, el_input *input, const char *name, electra_text class)
{
    char *block = NULL;
    size_t bytes = 0;
    electra_text text;
    EL_TRY(el_read_begin_file(r, name));
    electra_status status = el_read_unpack(input, name, &block, &bytes, r->err);
    if (status == ELECTRA_OK) {
        status = el_read_look(r, block, bytes, &text);
    }
    if (status == ELECTRA_OK) {
        status = el_read_copy(r, text, &text); /* the block has much room to spare */
    }
    el_free(block);
    return status == ELECTRA_OK ? add_text(r, text, class) : status;
}

/* Go through an archive. The first time, `folders` gets the folders that hold folders; the second time, what lies in
 * others is read. */
static electra_status go_through(el_reader *r, const char *path, const char *inside, el_strings *folders, bool second)
{
    el_input *input;
    EL_TRY(el_input_open(&input, &path, 1, r->err));
    electra_status status = ELECTRA_OK;
    for (;;) {
        el_member member;
        status = el_input_next(input, &member, r->err);
        if (status != ELECTRA_OK || !member.name) {
            break;
        }
        if (strcmp(member.name, path) == 0) {
            status = el_fail(r->err, ELECTRA_INVALID, path,
                             "%s is neither a folder nor an archive of one: a folder for each class is expected in it",
                             path);
            break;
        }
        const char *name = inner_name(member.name, path);
        electra_text folder = path_of(el_read_string(name, strlen(name)));
        if (!is_below(name, inside) || folder.bytes == 0) {
            continue;
        }
        if (second) {
            if (el_strings_find(folders, folder.text, folder.bytes) == EL_STRINGS_FULL) {
                status = note_class(r, last_of(folder), path_of(folder), path);
            } else {
                continue;
            }
            if (status == ELECTRA_OK) {
                status = read_member(r, input, member.name, last_of(folder));
            }
        } else {
            while (status == ELECTRA_OK && (folder = path_of(folder)).bytes > 0) {
                if (el_strings_add(folders, folder.text, folder.bytes) == EL_STRINGS_FULL) {
                    status = el_fail_memory(r->err, path, folder.bytes);
                }
            }
        }
        if (status != ELECTRA_OK) {
            break;
        }
    }
    el_input_free(input);
    return status;
}

static electra_status read_archive(el_reader *r, const char *path, const char *inside)
{
    el_strings folders = {0};
    electra_status status = go_through(r, path, inside, &folders, false);
    if (status == ELECTRA_OK) {
        status = go_through(r, path, inside, &folders, true);
    }
    el_strings_clear(&folders);
    return status;
}

const char *el_read_part_inside(char *path)
{
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (slash > path && el_is_file(path)) {
            return slash + 1;
        }
        *slash = '/';
    }
    return NULL;
}

electra_status el_read_folders(el_reader *r, const char *path)
{
    r->path = path;
    el_strings_clear(&r->classes);
    r->parents.n = 0;
    if (el_is_folder(path)) {
        EL_TRY(read_folder(r, path, NULL, 0));
    } else {
        char *archive = el_strdup(path);
        if (!archive) {
            return el_fail_memory(r->err, path, strlen(path));
        }
        const char *inside = el_read_part_inside(archive);
        const electra_status status = read_archive(r, archive, inside);
        el_free(archive);
        EL_TRY(status);
    }
    if (r->files.n == 0) {
        return el_fail(r->err, ELECTRA_INVALID, path,
                       "%s has no files in folders: a folder for each class is expected in it", path);
    }
    return ELECTRA_OK;
}
