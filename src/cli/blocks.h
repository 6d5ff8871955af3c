/* Input in blocks of whole lines (rows of CSV, which may hold line ends, where a separator is given): as much as there
 * is, up to a few megabytes, so that a file is read fast and a pipe is answered at once. */
#ifndef EL_CLI_BLOCKS_H
#define EL_CLI_BLOCKS_H

#include "csv.h"
#include "options.h"

typedef struct cli_blocks {
    const char *name; /* for messages; "-" is stdin */
    int file;
    char *buffer;
    size_t capacity;
    size_t begin, end; /* bytes that have been read and not handed out */
    size_t ready;      /* of them, those up to the last line end */
    bool at_end;
    char separator; /* of CSV; 0: lines */
    cli_csv state;  /* behind the last byte that was read */
} cli_blocks;

/* path "-": stdin. separator: between the cells of CSV; 0 for lines. Close in any case. */
electra_status cli_blocks_open(cli_blocks *b, const char *path, char separator, electra_error *err);
void cli_blocks_close(cli_blocks *b);

/* The next block of whole lines, each with its line end but perhaps the very last; *bytes is 0 at the end. Valid until
 * the next call. A line is read whole; ELECTRA_INVALID for one of 32 MiB or more, so that memory stays bounded. */
electra_status cli_blocks_next(cli_blocks *b, const char **text, size_t *bytes, electra_error *err);

/* Cut one line off a block: its bytes without LF or CR LF. Moves *text and *bytes behind it; false at the end. */
bool cli_next_line(const char **text, size_t *bytes, const char **line, size_t *line_bytes);
/* The same of a block of CSV. Its last row may lack the end of a quote. */
bool cli_next_row(const char **text, size_t *bytes, char separator, const char **row, size_t *row_bytes);

#endif
