/* The targets without libFuzzer, for ordinary test runs: every file that is named, and those in folders that are named,
 * goes into the target whole, cut at every byte (of the first 4096), and changed at random many times, the same way in
 * every run. A target that finds something ends the program; the last line on stderr says at which input. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fuzz/fuzz.h"

enum { MOST_CUTS = 4096, MUTATIONS = 300, MOST_CHANGES = 4, MOST_GROWTH = 64 };

static size_t inputs, runs;
static el_rng_stream stream; /* begins anew with each input */

#pragma weak LLVMFuzzerCustomMutator

/* Much simpler than the real one: bytes altered, copied from elsewhere, taken out. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most_bytes)
{
    for (uint64_t change = el_rng_below(&stream, MOST_CHANGES) + 1; change > 0 && bytes > 1; change--) {
        const size_t at = (size_t)el_rng_below(&stream, bytes), from = (size_t)el_rng_below(&stream, bytes);
        const size_t after = bytes - (at > from ? at : from);
        const size_t n = (size_t)el_rng_below(&stream, after < MOST_GROWTH ? after : MOST_GROWTH) + 1;
        switch (el_rng_below(&stream, 5)) {
        case 0: data[at] = (uint8_t)el_rng_next(&stream); break;
        case 1: data[at] ^= (uint8_t)(1u << el_rng_below(&stream, 8)); break;
        case 2: memmove(data + at, data + from, n); break;
        case 3:
            memmove(data + at, data + at + n, bytes - at - n);
            bytes -= n;
            break;
        default:
            if (n <= most_bytes - bytes) {
                memmove(data + at + n, data + at, bytes - at);
                bytes += n;
            }
        }
    }
    return bytes;
}

/* On the heap in its exact size, so that a sanitizer sees who reads beyond it. */
static void run_bytes(const unsigned char *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    FUZZ_MUST_HOLD(copy);
    memcpy(copy, data, bytes);
    (void)LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
    runs++;
}

static void run_mutated(const unsigned char *data, size_t bytes)
{
    const size_t room = bytes + MOST_CHANGES * MOST_GROWTH;
    uint8_t *copy = malloc(room);
    FUZZ_MUST_HOLD(copy);
    memcpy(copy, data, bytes);
    const size_t n = LLVMFuzzerCustomMutator
                         ? LLVMFuzzerCustomMutator(copy, bytes, room, (unsigned)el_rng_below(&stream, 1u << 31))
                         : LLVMFuzzerMutate(copy, bytes, room);
    run_bytes(copy, n);
    free(copy);
}

static void run_file(const char *path)
{
    char *data;
    size_t bytes;
    electra_error err = {0};
    fprintf(stderr, "%s\n", path);
    if (el_read_file(&data, &bytes, path, SIZE_MAX / 2, &err) != ELECTRA_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    run_bytes((const unsigned char *)data, bytes);
    for (size_t n = 0; n < bytes && n < MOST_CUTS; n++) {
        run_bytes((const unsigned char *)data, n);
    }
    stream = (el_rng_stream){.key = 42};
    for (size_t i = 0; i < MUTATIONS && bytes > 0; i++) {
        run_mutated((const unsigned char *)data, bytes);
    }
    el_free(data);
    inputs++;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run_path(const char *path)
{
    if (!el_is_folder(path)) {
        run_file(path);
        return;
    }
    struct dirent **entries;
    const int n = scandir(path, &entries, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char *inside = el_path_join(path, entries[i]->d_name);
        FUZZ_MUST_HOLD(inside);
        run_path(inside);
        el_free(inside);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

int main(int n, char **arguments)
{
    for (int i = 1; i < n; i++) {
        run_path(arguments[i]);
    }
    printf("%zu inputs, %zu runs\n", inputs, runs);
    return inputs == 0; /* a corpus that is not there must not pass */
}
