#include "output.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int write_errno; /* of the first write that failed; stdio keeps only the fact */
static void (*clear_line)(void *user);
static void *clear_user;

static ssize_t write_stdout(void *cookie, const char *data, size_t size)
{
    (void)cookie;
    if (clear_line && isatty(STDOUT_FILENO)) {
        clear_line(clear_user);
    }
    size_t done = 0;
    while (done < size && write_errno == 0) {
        ssize_t n = write(STDOUT_FILENO, data + done, size - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            write_errno = errno;
        }
    }
    return done == size ? (ssize_t)done : -1;
}

FILE *cli_output_open(void)
{
    FILE *out = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_stdout});
    if (out) {
        setvbuf(out, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, 1 << 16);
    }
    return out;
}

void cli_output_before_write(void (*clear)(void *user), void *user)
{
    clear_line = clear;
    clear_user = user;
}

static electra_status report(electra_error *err)
{
    if (write_errno == 0) {
        return ELECTRA_OK;
    }
    return cli_fail(err, ELECTRA_FAILED, "stdout", "%s%s", write_errno == EPIPE ? "" : "the answer cannot be written: ",
                    write_errno == EPIPE ? "" : strerror(write_errno));
}

electra_status cli_check_output(const cli_common *common, electra_error *err)
{
    return common->out && ferror(common->out) ? report(err) : ELECTRA_OK;
}

electra_status cli_output_close(FILE *out, electra_error *err)
{
    fclose(out);
    return report(err);
}

/* ---- JSON -----------------------------------------------------------------------------------------------------------
 */

/* The length of the valid UTF-8 sequence at text, or 0. */
static size_t utf8_length(const unsigned char *text, size_t bytes)
{
    unsigned char c = text[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (n == 0 || n > bytes) {
        return 0;
    }
    for (size_t i = 1; i < n; ++i) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (c == 0xE0 && text[1] < 0xA0) || (c == 0xF0 && text[1] < 0x90);
    bool surrogate = c == 0xED && text[1] >= 0xA0, beyond = c == 0xF4 && text[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

static void print_json_byte(FILE *out, unsigned char c)
{
    switch (c) {
    case '"': fputs("\\\"", out); break;
    case '\\': fputs("\\\\", out); break;
    case '\n': fputs("\\n", out); break;
    case '\t': fputs("\\t", out); break;
    case '\r': fputs("\\r", out); break;
    default:
        if (c < 0x20) {
            fprintf(out, "\\u%04x", c);
        } else {
            fputc(c, out);
        }
    }
}

void cli_print_json_string(FILE *out, const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    fputc('"', out);
    while (at < end) {
        size_t n = utf8_length(at, (size_t)(end - at));
        if (n == 0) {
            fputs("\xEF\xBF\xBD", out);
            ++at;
        } else if (n == 1) {
            print_json_byte(out, *at++);
        } else {
            fwrite(at, 1, n, out);
            at += n;
        }
    }
    fputc('"', out);
}
