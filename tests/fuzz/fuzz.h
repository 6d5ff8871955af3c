/* Readers fed with any bytes. A target is tests/fuzz/fuzz_NAME.c: it defines LLVMFuzzerTestOneInput and gives its
 * reader the bytes, as a file if the reader wants one. Built in two ways (tests/CMakeLists.txt):
 *
 *     the preset fuzz     with clang's libFuzzer and sanitizers: scripts/fuzz.sh looks for inputs that break a reader
 *     every other build   with replay.c: ctest runs the inputs in corpus/NAME, whole, cut at every byte, and altered
 *
 * A target aborts (fuzz_fail, or a sanitizer) when a reader does what it must not; a file that is refused is no
 * failure, but the refusal has to be ELECTRA_INVALID with words. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <electra/types.h>

/* The target. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* libFuzzer's own mutator (replay.c has a simpler one), for targets that repair a checksum or a length behind it; and
 * what such a target defines. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most_bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed);

/* Mutate a safetensors file: half of the time its header alone, with the length before it put right, so that what is
 * behind the header stays the data. */
size_t fuzz_mutate_safetensors(uint8_t *data, size_t bytes, size_t most_bytes, unsigned seed);

/* The path of a file that holds these bytes until the next call. Mapping it gives a copy on the heap of exactly its
 * size, so that the sanitizer sees a reader that goes beyond its end (fuzz.c wraps mmap). */
const char *fuzz_file(const uint8_t *data, size_t bytes);

/* A folder of this process, removed at its end; and folder/name as another name of fuzz_file's file. */
const char *fuzz_folder(void);
const char *fuzz_path(const char *name); /* valid for the next 15 calls */
const char *fuzz_link(const char *name);

/* A file of the source tree, read whole; the caller el_frees it. Copy one into fuzz_folder(). */
char *fuzz_read_source(const char *path, size_t *bytes);
void fuzz_copy_source(const char *path, const char *name);

/* What a reader may say about a file: ELECTRA_OK, or ELECTRA_INVALID with a message. Returns whether it was OK. */
bool fuzz_accepted(electra_status status, const electra_error *err);

/* Ends the process as a crash; must hold: fuzz_fail unless it does. */
void fuzz_fail(const char *what, const char *file, int line);
#define FUZZ_MUST_HOLD(what) ((what) ? (void)0 : fuzz_fail(#what, __FILE__, __LINE__))

#endif
