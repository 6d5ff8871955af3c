/* Lines of input of the answering commands (--format tsv, jsonl, csv). The first byte chooses format and columns; the first
 * line is the header where there is one. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "blocks.h"
#include "commands.h"
#include "records.h"

const cli_command *const cli_commands[] = {NULL}; /* the frame of the program asks for one; nothing here uses it */

static bool next(const cli_record_format *format, const char **text, size_t *bytes, const char **line,
                 size_t *line_bytes)
{
    return format->separator ? cli_next_row(text, bytes, format->separator, line, line_bytes)
                             : cli_next_line(text, bytes, line, line_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    static const char *const COLUMNS[] = {NULL, "1", "3", "text"};
    cli_record_format format = {.format = (cli_format)(data[0] % 4),
                                .shape = (cli_shape)(data[0] / 4 % (CLI_SHAPE_CHOICES + 1))};
    if (format.format != CLI_FORMAT_TEXT) { /* which has no columns */
        format.text_column = COLUMNS[data[0] / 20 % 4];
        format.pair_column = COLUMNS[data[0] / 80 % 4];
    }
    format.separator = format.format == CLI_FORMAT_CSV ? ',' : 0;
    const char *text = (const char *)data + 1;
    const char *line = NULL;
    size_t line_bytes = 0;
    bytes--;
    electra_error err = {0};
    if (cli_records_have_header(&format) && !next(&format, &text, &bytes, &line, &line_bytes)) {
        return 0; /* an empty file is not begun */
    }
    if (cli_records_check(&format, &err) != ELECTRA_OK) {
        return 0; /* a shape that lines of this format cannot hold */
    }
    if (!fuzz_accepted(cli_records_begin(&format, line, line_bytes, "input", &err), &err)) {
        return 0;
    }
    while (next(&format, &text, &bytes, &line, &line_bytes)) {
        cli_record record = {0};
        if (fuzz_accepted(cli_record_parse(&format, line, line_bytes, &record, &err), &err)) {
            FUZZ_MUST_HOLD(record.text);
            /* every byte of both is there */
            FUZZ_MUST_HOLD(record.text_bytes == 0 ||
                           memchr(record.text, record.text[record.text_bytes - 1], record.text_bytes));
            FUZZ_MUST_HOLD(record.pair_bytes == 0 ||
                           memchr(record.pair, record.pair[record.pair_bytes - 1], record.pair_bytes));
        }
        for (size_t i = 0; i < record.n_choices; i++) {
            const electra_text *c = &record.choices[i];
            FUZZ_MUST_HOLD(c->bytes == 0 || memchr(c->text, c->text[c->bytes - 1], c->bytes));
        }
        cli_record_clear(&record);
    }
    return 0;
}
