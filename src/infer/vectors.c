/* Owns numpy's file format, version 1.0: a magic number, the length of a header, the header (a Python dictionary padded
 * with spaces), then the numbers, little-endian and row by row. The header is as long as one with the largest number of
 * rows would be, so that the real number can be written over it at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"

#include <electra/infer.h>

enum { HEADER_BYTES = 128 }; /* all in all; a multiple of 64, as numpy aligns its data */

struct electra_vectors_file {
    el_writer *writer;
    size_t width;
    uint64_t rows;
};

static void write_header(char header[HEADER_BYTES + 1], uint64_t rows, size_t width)
{
    enum { PREFIX = 10 };
    static const char MAGIC[PREFIX + 1] = "\x93NUMPY\x01\x00\x76\x00"; /* 0x76 = 128 - 10, the length that follows */
    memcpy(header, MAGIC, PREFIX);
    const int n = snprintf(header + PREFIX, HEADER_BYTES - PREFIX,
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %zu), }", rows, width);
    memset(header + PREFIX + n, ' ', (size_t)(HEADER_BYTES - PREFIX - n));
    header[HEADER_BYTES - 1] = '\n';
}

electra_status electra_vectors_create(electra_vectors_file **out, const char *path, size_t width, electra_error *err)
{
    if (!out || !path || width == 0) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vectors_create", "out, path and width must be given");
    }
    *out = NULL;
    electra_vectors_file *f = el_alloc(1, sizeof *f);
    if (!f) {
        return el_fail_memory(err, "a file of vectors", sizeof *f);
    }
    f->width = width;
    const electra_status status = el_writer_open(&f->writer, path, err);
    if (status != ELECTRA_OK) {
        el_free(f);
        return status;
    }
    char header[HEADER_BYTES + 1];
    write_header(header, 0, width);
    el_writer_add(f->writer, header, HEADER_BYTES);
    *out = f;
    return ELECTRA_OK;
}

electra_status electra_vectors_add(electra_vectors_file *file, const float *values, size_t rows, electra_error *err)
{
    if (!file || (rows && !values)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vectors_add", "file and values must be given");
    }
    for (size_t i = 0; i < rows * file->width; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        const unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                        (unsigned char)(bits >> 24)};
        el_writer_add(file->writer, bytes, sizeof bytes);
    }
    file->rows += rows;
    return ELECTRA_OK;
}

electra_status electra_vectors_finish(electra_vectors_file *file, electra_error *err)
{
    if (!file) {
        return el_fail(err, ELECTRA_MISUSE, "electra_vectors_finish", "file must be given");
    }
    char header[HEADER_BYTES + 1];
    write_header(header, file->rows, file->width);
    el_writer_patch(file->writer, 0, header, HEADER_BYTES);
    const electra_status status = el_writer_commit(file->writer, err);
    el_free(file);
    return status;
}

void electra_vectors_abandon(electra_vectors_file *file)
{
    if (file) {
        el_writer_abandon(file->writer);
        el_free(file);
    }
}
