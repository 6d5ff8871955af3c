/* Files: mapped for reading, written so that a reader never sees half of one, folders, checksums. */
#ifndef EL_BASE_IO_H
#define EL_BASE_IO_H

#include <electra/types.h>
#include <stdio.h>

/* A file mapped for reading. An empty file maps to a valid pointer and size 0. */
typedef struct el_map {
    const unsigned char *data;
    size_t size;
} el_map;

/* Fails with ELECTRA_INVALID if the file cannot be opened or is no regular file. */
electra_status el_map_open(el_map *out, const char *path, electra_error *err);
void el_map_close(el_map *map); /* accepts a zeroed one */

/* A file that appears under its name only when it is complete: written to "<path>.partial-<pid>" beside it, flushed,
 * renamed, and the folder flushed.
 *
 *     EL_TRY(el_writer_open(&w, path, err));
 *     el_writer_add(w, data, bytes);           // errors are kept ...
 *     EL_TRY(el_writer_commit(w, err));        // ... and reported here; the writer is gone in any case
 */
typedef struct el_writer el_writer;
electra_status el_writer_open(el_writer **out, const char *path, electra_error *err);
void el_writer_add(el_writer *w, const void *data, size_t bytes);
void el_writer_format(el_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Write over bytes that were added before: for a header that is known at the end. */
void el_writer_patch(el_writer *w, uint64_t at, const void *data, size_t bytes);
uint64_t el_writer_bytes(const el_writer *w); /* added so far */
electra_status el_writer_commit(el_writer *w, electra_error *err);
void el_writer_abandon(el_writer *w); /* removes the temporary file; accepts NULL */

/* The whole of it in one call. */
electra_status el_write_file(const char *path, const void *data, size_t bytes, electra_error *err);

/* Make a folder and those above it; fine if it is there. */
electra_status el_make_folders(const char *path, electra_error *err);

/* Remove a file, or a folder with all that is in it (links are removed, not followed). Fine if it is not there. */
electra_status el_remove_tree(const char *path, electra_error *err);

/* Put a finished folder in the place of another: `from` becomes `to`, and an old `to` is removed afterwards. At every
 * moment one of the two stands there whole, where the file system can exchange names (Linux's all but a few can). Both
 * must have the same parent folder, which is flushed. */
electra_status el_replace_folder(const char *from, const char *to, electra_error *err);

/* Flush a folder's entries to the disk. */
electra_status el_sync_folder(const char *path, electra_error *err);

bool el_is_file(const char *path);
bool el_is_folder(const char *path);

/* folder + "/" + name, to be freed with el_free; NULL when out of memory. */
char *el_path_join(const char *folder, const char *name);

/* The path as it is from any working directory, to be freed with el_free; NULL when out of memory. Links stay as they
 * are, for what a file is called may say how it is read. */
char *el_path_absolute(const char *path);

/* XXH3 of 64 bits. */
uint64_t el_hash64(const void *data, size_t bytes);
/* Of what `sum` is the hash of, and of more behind it. */
uint64_t el_hash64_chain(uint64_t sum, const void *data, size_t bytes);

/* UTF-8 of at most `size` bytes of a file of text as one NUL-terminated block (el_free). */
electra_status el_read_file(char **out, size_t *out_bytes, const char *path, size_t most_bytes, electra_error *err);

#endif
