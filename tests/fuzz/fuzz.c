/* See fuzz.h. */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

void fuzz_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s, line %d: this must hold: %s\n", file, line, what);
    abort();
}

bool fuzz_accepted(electra_status status, const electra_error *err)
{
    if (status == ELECTRA_OK) {
        return true;
    }
    if (status != ELECTRA_INVALID || err->status != status || err->message[0] == '\0') {
        fprintf(stderr, "status %d, in the error %d: '%s'\n", (int)status, (int)err->status, err->message);
        fuzz_fail("a file is read, or refused with ELECTRA_INVALID and words", __FILE__, __LINE__);
    }
    FUZZ_MUST_HOLD(memchr(err->message, '\0', sizeof err->message) && memchr(err->where, '\0', sizeof err->where));
    return false;
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static int input = -1; /* a file in memory */

static void open_input(void)
{
    if (input < 0) {
        input = memfd_create("fuzz", 0);
        FUZZ_MUST_HOLD(input >= 0);
    }
}

const char *fuzz_file(const uint8_t *data, size_t bytes)
{
    static char path[64];
    open_input();
    FUZZ_MUST_HOLD(ftruncate(input, 0) == 0);
    FUZZ_MUST_HOLD(bytes == 0 || pwrite(input, data, bytes, 0) == (ssize_t)bytes);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", input);
    return path;
}

static char folder[] = "/tmp/electra-fuzz-XXXXXX";
static bool folder_made;

static void remove_folder(void)
{
    (void)el_remove_tree(folder, NULL);
}

const char *fuzz_folder(void)
{
    if (!folder_made) {
        FUZZ_MUST_HOLD(mkdtemp(folder));
        folder_made = true;
        FUZZ_MUST_HOLD(atexit(remove_folder) == 0);
    }
    return folder;
}

const char *fuzz_path(const char *name)
{
    static char paths[16][256];
    static size_t next;
    char *path = paths[next++ % 16];
    (void)snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    return path;
}

const char *fuzz_link(const char *name)
{
    char target[64];
    const char *path = fuzz_path(name);
    open_input();
    (void)snprintf(target, sizeof target, "/proc/%ld/fd/%d", (long)getpid(), input);
    (void)unlink(path);
    FUZZ_MUST_HOLD(symlink(target, path) == 0);
    return path;
}

char *fuzz_read_source(const char *path, size_t *bytes)
{
    char whole[512];
    char *data = NULL;
    (void)snprintf(whole, sizeof whole, "%s/%s", TEST_SOURCE_DIR, path);
    FUZZ_MUST_HOLD(el_read_file(&data, bytes, whole, 1 << 20, NULL) == ELECTRA_OK);
    return data;
}

void fuzz_copy_source(const char *path, const char *name)
{
    size_t bytes;
    char *data = fuzz_read_source(path, &bytes);
    FUZZ_MUST_HOLD(el_write_file(fuzz_path(name), data, bytes, NULL) == ELECTRA_OK);
    el_free(data);
}

/* ---- mappings ------------------------------------------------------------------------------------------------------
 */

/* The linker's --wrap leads the readers' mmap and munmap here. A page is larger than most inputs, so a real mapping
 * would hide a reader that looks beyond the end of its file. */
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void *address, size_t bytes);

enum { MOST_MAPPINGS = 64 };
static void *mappings[MOST_MAPPINGS];

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    if (file < 0 || protection != PROT_READ) {
        return __real_mmap(address, bytes, protection, flags, file, offset);
    }
    void *copy;                                    /* begins with a page, as a real one, but ends with the file */
    if (posix_memalign(&copy, 4096, bytes) != 0) { /* tests let allocations fail */
        errno = ENOMEM;
        return MAP_FAILED;
    }
    FUZZ_MUST_HOLD(pread(file, copy, bytes, offset) == (ssize_t)bytes);
    size_t i = 0;
    while (i < MOST_MAPPINGS && mappings[i]) {
        i++;
    }
    FUZZ_MUST_HOLD(i < MOST_MAPPINGS);
    mappings[i] = copy;
    return copy;
}

int __wrap_munmap(void *address, size_t bytes)
{
    for (size_t i = 0; i < MOST_MAPPINGS; i++) {
        if (address && mappings[i] == address) {
            free(address);
            mappings[i] = NULL;
            return 0;
        }
    }
    return __real_munmap(address, bytes);
}
