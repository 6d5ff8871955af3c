/* Owns reading input by large blocks. */
#include "blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 4 << 20,
    MOST_LINE_BYTES = 32 << 20 /* what a line becomes (ids, offsets, an answer) takes many times as much */
};

electra_status cli_blocks_open(cli_blocks *b, const char *path, char separator, electra_error *err)
{
    *b = (cli_blocks){.name = path, .file = -1, .separator = separator};
    const bool is_stdin = strcmp(path, "-") == 0;
    b->file = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (b->file < 0) {
        return cli_fail(err, ELECTRA_INVALID, path, "cannot open: %s", strerror(errno));
    }
    struct stat about;
    if (fstat(b->file, &about) == 0 && S_ISDIR(about.st_mode)) {
        return cli_fail(err, ELECTRA_INVALID, path, "is a folder; give the files in it");
    }
    return ELECTRA_OK;
}

void cli_blocks_close(cli_blocks *b)
{
    if (b->file > STDIN_FILENO) {
        (void)close(b->file);
    }
    free(b->buffer);
    *b = (cli_blocks){.file = -1};
}

/* Where the last line or row ends among `bytes` fresh ones; NULL if nowhere. */
static const char *find_last_end(cli_blocks *b, const char *fresh, size_t bytes)
{
    if (!b->separator) {
        return bytes > 0 ? memrchr(fresh, '\n', bytes) : NULL;
    }
    const char *last = NULL;
    for (size_t i = 0; i < bytes; i++) {
        b->state = cli_csv_step(b->state, fresh[i], b->separator);
        last = b->state == CLI_CSV_BEGIN && fresh[i] == '\n' ? fresh + i : last;
    }
    return last;
}

/* Read once, making room before. */
static electra_status read_more(cli_blocks *b, electra_error *err)
{
    if (b->begin > 0) {
        memmove(b->buffer, b->buffer + b->begin, b->end - b->begin);
        b->end -= b->begin;
        b->begin = 0;
    }
    if (b->end == b->capacity) {
        const size_t more = b->capacity ? 2 * b->capacity : 2 * BLOCK_BYTES;
        char *grown = realloc(b->buffer, more);
        if (!grown) {
            return cli_fail(err, ELECTRA_NO_RESOURCE, b->name, "out of memory for a line of more than %zu bytes",
                            b->capacity);
        }
        b->buffer = grown;
        b->capacity = more;
    }
    ssize_t got;
    do {
        got = read(b->file, b->buffer + b->end, b->capacity - b->end);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return cli_fail(err, ELECTRA_INVALID, b->name, "cannot read: %s", strerror(errno));
    }
    b->at_end = got == 0;
    const char *last = find_last_end(b, b->buffer + b->end, (size_t)got);
    if (last) {
        b->ready = (size_t)(last + 1 - b->buffer);
    }
    b->end += (size_t)got;
    return ELECTRA_OK;
}

/* Whether reading would not have to wait. */
static bool has_more_now(const cli_blocks *b)
{
    struct pollfd p = {.fd = b->file, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

electra_status cli_blocks_next(cli_blocks *b, const char **text, size_t *bytes, electra_error *err)
{
    while (!b->at_end && (b->ready == 0 || (b->end - b->begin < BLOCK_BYTES && has_more_now(b)))) {
        if (b->end - b->begin >= MOST_LINE_BYTES) { /* the buffer is full, and it is all one line */
            return cli_fail(err, ELECTRA_INVALID, b->name,
                            b->separator ? "holds a row of %d MiB or more, which is too long; a quote may lack its end"
                                         : "holds a line of %d MiB or more, which is too long for one text; cut it "
                                           "into lines",
                            MOST_LINE_BYTES >> 20);
        }
        const electra_status status = read_more(b, err);
        if (status != ELECTRA_OK) {
            return status;
        }
    }
    *bytes = b->at_end ? b->end - b->begin : b->ready; /* the last line may lack its end */
    *text = b->buffer + b->begin;
    b->begin += *bytes;
    b->ready = 0;
    return ELECTRA_OK;
}

/* end: the line's LF; NULL: it reaches to the end of the block. */
static void cut_off(const char **text, size_t *bytes, const char *end, const char **line, size_t *line_bytes)
{
    const size_t taken = end ? (size_t)(end - *text) + 1 : *bytes;
    *line = *text;
    *line_bytes = end ? taken - 1 : taken;
    if (end && *line_bytes > 0 && (*line)[*line_bytes - 1] == '\r') {
        --*line_bytes;
    }
    *text += taken;
    *bytes -= taken;
}

bool cli_next_line(const char **text, size_t *bytes, const char **line, size_t *line_bytes)
{
    if (*bytes == 0) {
        return false;
    }
    cut_off(text, bytes, memchr(*text, '\n', *bytes), line, line_bytes);
    return true;
}

bool cli_next_row(const char **text, size_t *bytes, char separator, const char **row, size_t *row_bytes)
{
    if (*bytes == 0) {
        return false;
    }
    cli_csv state = CLI_CSV_BEGIN;
    const char *end = NULL;
    for (size_t i = 0; i < *bytes && !end; i++) {
        state = cli_csv_step(state, (*text)[i], separator);
        end = state == CLI_CSV_BEGIN && (*text)[i] == '\n' ? *text + i : NULL;
    }
    cut_off(text, bytes, end, row, row_bytes);
    return true;
}
