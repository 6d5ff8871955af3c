/* How a row of CSV (RFC 4180) is read byte by byte: what cuts input into rows (blocks.h) and rows into cells
 * (records.h) shares it. A quote counts only where a cell begins; elsewhere it is an ordinary character. */
#ifndef EL_CLI_CSV_H
#define EL_CLI_CSV_H

typedef enum cli_csv {
    CLI_CSV_BEGIN,  /* of a cell */
    CLI_CSV_PLAIN,  /* outside of quotes */
    CLI_CSV_QUOTED, /* inside: separators and line ends are text */
    CLI_CSV_QUOTE   /* behind a quote inside: the end of the quoted text, or the first half of "" */
} cli_csv;

/* The state behind `c`. A cell is over when a separator or a line end leads to CLI_CSV_BEGIN. */
static inline cli_csv cli_csv_step(cli_csv state, char c, char separator)
{
    if (state == CLI_CSV_QUOTED) {
        return c == '"' ? CLI_CSV_QUOTE : CLI_CSV_QUOTED;
    }
    if (c == '"' && state != CLI_CSV_PLAIN) {
        return CLI_CSV_QUOTED;
    }
    return c == separator || c == '\n' ? CLI_CSV_BEGIN : CLI_CSV_PLAIN;
}

#endif
