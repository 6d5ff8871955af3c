/* Owns rows of cells: TSV, where a line is a row and nothing is special but the tab, and CSV with its quotes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/read.h"

/* ---- columns
 * --------------------------------------------------------------------------------------------------------- */

/* A column as it is looked up in a row. */
typedef struct column {
    const char *name; /* as it was given; NULL: there is none */
    size_t at;        /* from 0; from the end if `from_end`, 0 being the last one */
    bool from_end;
} column;

typedef struct columns {
    column text, pair, label, id;
    column *choices;     /* [source->n_choices] */
    electra_text *cells; /* [source->n_choices]: of a row */
    column *flags;       /* [source->n_flags] */
    electra_text *names; /* [source->n_flags]: the labels that hold for a row */
    bool has_header;
    size_t width;  /* cells of the header, else of the first row that is fine; 0: neither was met yet */
    bool from_end; /* some column is counted from the end: a row of another width has another cell there */
    bool noted;    /* that rows are narrower */
} columns;

/* The lines of a row; only one of CSV may have more than one. */
typedef struct lines {
    uint32_t first, last;
} lines;

/* A number from 1 or from -1; false if it is a name. */
static bool numbered(const char *name, column *out)
{
    char *end;
    const bool minus = name[0] == '-';
    const char *digits = name + minus;
    if (digits[0] < '1' || digits[0] > '9') {
        return false;
    }
    const unsigned long number = strtoul(digits, &end, 10);
    *out = (column){.name = name, .at = number - 1, .from_end = minus};
    return *end == '\0';
}

static bool is_name(const char *name)
{
    column ignored;
    return name && !numbered(name, &ignored);
}

static const electra_text *cell_of(const column *c, const electra_text *cells, size_t n)
{
    return c->at < n ? &cells[c->from_end ? n - 1 - c->at : c->at] : NULL;
}

/* What else may be meant by a file without a column. */
static void hint_of_columns(const el_reader *r, const char *name, const electra_text *header, size_t n, char *out,
                            size_t room)
{
    static const char SEPARATORS[] = "\t,;|";
    const el_source *source = r->source;
    const bool csv = source->format == EL_SOURCE_CSV;
    const char own = csv ? source->separator : '\t';
    char found = '\0';
    for (size_t i = 0; i < sizeof SEPARATORS - 1 && n == 1 && !found; i++) {
        const char c = SEPARATORS[i];
        found = header[0].bytes > 0 && memchr(header[0].text, c, header[0].bytes) && c != own ? c : '\0';
    }
    out[0] = '\0';
    if (found == '\t') {
        (void)snprintf(out, room, ". There are tabs in it: --format tsv?");
    } else if (found && (csv || found != ',')) {
        (void)snprintf(out, room, ". There is a '%c' in it: %s--separator '%c'?", found, csv ? "" : "--format csv ",
                       found);
    } else if (found) {
        (void)snprintf(out, room, ". There is a comma in it: --format csv?");
    } else if (source->kind == EL_TASK_MULTILABEL && name == source->label) {
        (void)snprintf(out, room, ". If each label has a column with 0 or 1: --label-columns A,B,...");
    }
}

static electra_status no_such_column(el_reader *r, const char *name, const electra_text *header, size_t n)
{
    char list[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used + 70 < sizeof list; i++) {
        const el_shown shown = el_read_shown(el_read_trim(header[i]));
        const size_t bytes = strlen(shown.text);
        memcpy(list + used, i ? ", " : "", i ? 2 : 0);
        used += i ? 2 : 0;
        memcpy(list + used, shown.text, bytes);
        used += bytes;
        list[used] = '\0';
    }
    char hint[100];
    hint_of_columns(r, name, header, n, hint, sizeof hint);
    return el_fail(r->err, ELECTRA_INVALID, r->path,
                   "%s has no column '%s'. Its first line has %zu: %s (numbers, from 1 or from -1 for the last, are "
                   "columns too)%s",
                   r->path, name, n, list, hint);
}

static electra_status find(el_reader *r, const char *name, const electra_text *header, size_t n, column *out)
{
    *out = (column){0};
    if (!name || numbered(name, out)) {
        return ELECTRA_OK;
    }
    const electra_text wanted = {name, strlen(name)};
    for (size_t i = 0; i < n; i++) {
        if (el_read_same(el_read_trim(header[i]), wanted)) {
            *out = (column){.name = name, .at = i};
            return ELECTRA_OK;
        }
    }
    return no_such_column(r, name, header, n);
}

static bool any_from_end(const el_source *source, const columns *c)
{
    bool any = c->text.from_end || c->pair.from_end || c->label.from_end || c->id.from_end;
    for (size_t i = 0; i < source->n_choices; i++) {
        any = any || c->choices[i].from_end;
    }
    for (size_t i = 0; i < source->n_flags; i++) {
        any = any || c->flags[i].from_end;
    }
    return any;
}

static electra_status find_all(el_reader *r, const electra_text *cells, size_t n, columns *out)
{
    const el_source *source = r->source;
    EL_TRY(find(r, source->text, cells, n, &out->text));
    EL_TRY(find(r, source->pair, cells, n, &out->pair));
    EL_TRY(find(r, source->label, cells, n, &out->label));
    EL_TRY(find(r, source->id, cells, n, &out->id));
    out->choices = el_read_take(r, source->n_choices, sizeof *out->choices);
    out->cells = el_read_take(r, source->n_choices, sizeof *out->cells);
    out->flags = el_read_take(r, source->n_flags, sizeof *out->flags);
    out->names = el_read_take(r, source->n_flags, sizeof *out->names);
    if (!out->choices || !out->cells || !out->flags || !out->names) {
        return ELECTRA_NO_RESOURCE;
    }
    for (size_t i = 0; i < source->n_choices; i++) {
        EL_TRY(find(r, source->choices[i], cells, n, &out->choices[i]));
    }
    for (size_t i = 0; i < source->n_flags; i++) {
        EL_TRY(find(r, source->flags[i], cells, n, &out->flags[i]));
    }
    out->from_end = any_from_end(source, out);
    return ELECTRA_OK;
}

/* ---- the header
 * -------------------------------------------------------------------------------------------------------- */

static bool has_names(const el_source *source)
{
    bool names = is_name(source->text) || is_name(source->pair) || is_name(source->label) || is_name(source->id);
    for (size_t i = 0; i < source->n_choices; i++) {
        names = names || is_name(source->choices[i]);
    }
    for (size_t i = 0; i < source->n_flags; i++) {
        names = names || is_name(source->flags[i]);
    }
    return names;
}

/* Whether the cell where the label should be is none. */
static bool label_is_none(const el_reader *r, const electra_text *cells, size_t n)
{
    column label;
    if (!r->source->label || !numbered(r->source->label, &label)) {
        return false;
    }
    const electra_text *cell = cell_of(&label, cells, n);
    if (!cell) {
        return false;
    }
    if (r->source->kind == EL_TASK_REGRESS) {
        return !el_read_is_number(*cell);
    }
    const electra_text name = el_read_trim(*cell);
    return r->source->labels && el_strings_find(&r->labels, name.text, name.bytes) == EL_STRINGS_FULL;
}

static bool is_header(const el_reader *r, const electra_text *cells, size_t n)
{
    switch (r->source->header) {
    case EL_HEADER_YES: return true;
    case EL_HEADER_NO: return false;
    case EL_HEADER_GUESS: return has_names(r->source) || label_is_none(r, cells, n);
    case EL_HEADER_BY_NAME: break;
    }
    return has_names(r->source);
}

/* ---- rows
 * ---------------------------------------------------------------------------------------------------------------- */

/* The cell of a column; *cell stays as it is if there is no such column. *fine is false if the row has too few. */
static electra_status take(el_reader *r, const column *c, const electra_text *cells, size_t n, uint32_t line,
                           electra_text *cell, bool *fine)
{
    if (!c->name || !*fine) {
        return ELECTRA_OK;
    }
    const electra_text *found = cell_of(c, cells, n);
    if (!found) {
        *fine = false;
        return el_read_lacks(r, line, c->name, cells, n);
    }
    *cell = *found;
    return ELECTRA_OK;
}

/* The names of the columns that say yes. */
static electra_status take_flags(el_reader *r, const columns *c, const electra_text *cells, size_t n, el_row *row,
                                 bool *fine)
{
    for (size_t i = 0; i < r->source->n_flags && *fine; i++) {
        electra_text cell = {0};
        bool holds = false;
        EL_TRY(take(r, &c->flags[i], cells, n, row->line, &cell, fine));
        if (*fine) {
            EL_TRY(el_read_flag(r, cell, r->source->flags[i], row->line, &holds, fine));
        }
        if (holds) {
            c->names[row->n_labels++] = el_read_string(r->source->flags[i], strlen(r->source->flags[i]));
        }
    }
    row->labels = c->names;
    return ELECTRA_OK;
}

static electra_status add_row(el_reader *r, const columns *c, const electra_text *cells, size_t n, uint32_t line)
{
    el_row row = {.line = line, .n_choices = r->source->n_choices};
    bool fine = true;
    EL_TRY(take(r, &c->text, cells, n, line, &row.text, &fine));
    EL_TRY(take(r, &c->pair, cells, n, line, &row.pair, &fine));
    EL_TRY(take(r, &c->label, cells, n, line, &row.label, &fine));
    EL_TRY(take(r, &c->id, cells, n, line, &row.id, &fine));
    for (size_t i = 0; i < row.n_choices; i++) {
        EL_TRY(take(r, &c->choices[i], cells, n, line, &c->cells[i], &fine));
    }
    row.choices = c->cells;
    if (r->source->n_flags > 0) {
        EL_TRY(take_flags(r, c, cells, n, &row, &fine));
    }
    return fine ? el_read_row(r, &row) : ELECTRA_OK;
}

/* The first line decides what the columns are. */
static electra_status first_row(el_reader *r, columns *c, const electra_text *cells, size_t n, bool *header)
{
    *header = is_header(r, cells, n);
    if (*header) {
        c->has_header = true;
        c->width = n;
    }
    r->may_have_header = !*header && r->source->header == EL_HEADER_GUESS;
    return find_all(r, cells, n, c);
}

/* Cells that count: such as are empty at the end of a line, beyond the usual ones, are none. */
static size_t without_trailing(const columns *c, const electra_text *cells, size_t n)
{
    size_t left = n;
    while (c->width > 0 && left > c->width && cells[left - 1].bytes == 0) {
        left--;
    }
    return left > c->width ? n : left;
}

static electra_status skip_width(el_reader *r, const columns *c, size_t n, lines at)
{
    const char separator = r->source->separator;
    char where[40] = "", why[80] = "a column is counted from the end";
    if (at.last > at.first) {
        (void)snprintf(where, sizeof where, " in lines %u to %u", (unsigned)at.first, (unsigned)at.last);
    }
    if (n > c->width && r->source->format == EL_SOURCE_CSV) {
        (void)snprintf(why, sizeof why, "a cell with a '%c' in it wants quotes", separator);
    } else if (n > c->width) {
        (void)snprintf(why, sizeof why, "is there a tab in a text?");
    }
    return el_read_skip(r, at.first, "%zu cell%s%s where the %s has %zu (%s)", n, n == 1 ? "" : "s", where,
                        c->has_header ? "header" : "first row", c->width, why);
}

/* A row with more cells than the header, or than the first row where there is none, has a text in two parts, so that
 * what stands behind it is in the wrong column. One with fewer cells has those that are counted from the end in the
 * wrong place; counted from the beginning it either lacks one or is as good as the others, which cannot be said for
 * sure without a header. */
static electra_status add_whole_row(el_reader *r, columns *c, lines at)
{
    const electra_text *cells = r->cells.items;
    const size_t n = without_trailing(c, cells, r->cells.n), before = r->examples->n;
    const bool checked = c->width > 0 && (r->source->format == EL_SOURCE_CSV || r->source->whole_rows);
    if (checked && (n > c->width || (n < c->width && c->from_end))) {
        return skip_width(r, c, n, at);
    }
    EL_TRY(add_row(r, c, cells, n, at.first));
    const bool added = r->examples->n > before;
    if (added && checked && n < c->width && !c->has_header && !c->noted) {
        el_read_note(
            r, at.first,
            "%zu cell%s where the first row has %zu; such rows are kept, for no column is counted from the end", n,
            n == 1 ? "" : "s", c->width);
        c->noted = true;
    }
    c->width = added && c->width == 0 ? n : c->width;
    return ELECTRA_OK;
}

/* ---- TSV
 * ----------------------------------------------------------------------------------------------------------------- */

electra_status el_read_tsv(el_reader *r, const char *data, size_t bytes)
{
    columns c = {0};
    const char *at = data, *end = data + bytes;
    electra_text line;
    bool first = true;
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        if (line.bytes == 0) {
            continue; /* no row; at the end of a file, most often */
        }
        bool header = false;
        EL_TRY(el_read_cells(r, line));
        if (first) {
            EL_TRY(first_row(r, &c, r->cells.items, r->cells.n, &header));
            first = false;
        }
        if (!header) {
            EL_TRY(add_whole_row(r, &c, (lines){number, number}));
        }
    }
    return ELECTRA_OK;
}

/* ---- CSV
 * ----------------------------------------------------------------------------------------------------------------- */

/* Where in a CSV file we are. */
typedef struct csv {
    const char *at, *end;
    uint32_t line;
    uint32_t doubted; /* up to this line quotes were taken for those of a row that was given up */
} csv;

/* What is wrong with the quotes of a cell. */
typedef enum quotes {
    QUOTES_FINE,
    QUOTES_OPEN,   /* the first one has no end */
    QUOTES_BEHIND, /* there is text behind the last one */
    QUOTES_WITHIN  /* there is one in a cell that does not begin with one, where quotes are in doubt */
} quotes;

enum { MOST_OPEN_QUOTES = 100 };

/* The bytes of a quoted cell, with "" become ", and a backslash a blank if it stands for a line break. */
static electra_status unquote(el_reader *r, electra_text inner, electra_text *out)
{
    const bool breaks = r->source->backslash_breaks;
    if (inner.bytes == 0 ||
        (!memchr(inner.text, '"', inner.bytes) && !(breaks && memchr(inner.text, '\\', inner.bytes)))) {
        *out = inner;
        return ELECTRA_OK;
    }
    char *copy = el_read_take(r, inner.bytes, 1);
    if (!copy) {
        return ELECTRA_NO_RESOURCE;
    }
    size_t n = 0;
    for (size_t i = 0; i < inner.bytes; i++) {
        const char c = inner.text[i];
        if (c == '"' && i + 1 < inner.bytes && inner.text[i + 1] == '"') {
            i++;
        }
        copy[n++] = c == '\\' && breaks ? ' ' : c;
    }
    *out = (electra_text){copy, n};
    return ELECTRA_OK;
}

/* The quote that ends a cell which begins at `at`, behind its first quote; NULL if there is none. */
static const char *closing_quote(const char *at, const char *end)
{
    while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        if (at + 1 == end || at[1] != '"') {
            return at;
        }
        at += 2;
    }
    return NULL;
}

static uint32_t count_lines(const char *from, const char *to)
{
    uint32_t n = 0;
    while ((from = memchr(from, '\n', (size_t)(to - from))) != NULL) {
        from++;
        n++;
    }
    return n;
}

/* Where an unquoted cell ends: at a separator, a line end or the end. */
static const char *plain_end(const char *at, const char *end, char separator)
{
    while (at < end && *at != separator && *at != '\n') {
        at++;
    }
    return at;
}

/* What is left of a piece that reaches to in->at without the CR of a line end there. */
static electra_text without_return(const csv *in, electra_text piece)
{
    const bool last = in->at == in->end || *in->at == '\n';
    if (last && piece.bytes > 0 && piece.text[piece.bytes - 1] == '\r') {
        piece.bytes--;
    }
    return piece;
}

/* Text behind a closing quote is no cell that most readers would agree on, and often that quote was to begin a cell
 * some rows further on. */
static electra_status read_quoted_cell(el_reader *r, csv *in, electra_text *cell, quotes *are)
{
    const char *inner = in->at + 1, *quote = closing_quote(inner, in->end);
    if (!quote) {
        *are = QUOTES_OPEN;
        return ELECTRA_OK;
    }
    in->line += count_lines(inner, quote);
    in->at = plain_end(quote + 1, in->end, r->source->separator);
    const electra_text rest = without_return(in, el_read_string(quote + 1, (size_t)(in->at - quote - 1)));
    if (el_read_trim(rest).bytes > 0) {
        *are = QUOTES_BEHIND;
        return ELECTRA_OK;
    }
    return unquote(r, el_read_string(inner, (size_t)(quote - inner)), cell);
}

static electra_status read_cell(el_reader *r, csv *in, quotes *are)
{
    electra_text cell = {0};
    *are = QUOTES_FINE;
    if (in->at < in->end && *in->at == '"') {
        EL_TRY(read_quoted_cell(r, in, &cell, are));
    } else {
        const char *start = in->at;
        in->at = plain_end(start, in->end, r->source->separator);
        cell = without_return(in, el_read_string(start, (size_t)(in->at - start)));
        if (in->line <= in->doubted && cell.bytes > 0 && memchr(cell.text, '"', cell.bytes)) {
            *are = QUOTES_WITHIN;
        }
    }
    return *are == QUOTES_FINE ? el_read_push(r, &r->cells, cell) : ELECTRA_OK;
}

/* The last line there is. */
static uint32_t last_line(const csv *in)
{
    const char *end = in->end > in->at && in->end[-1] == '\n' ? in->end - 1 : in->end;
    return in->line + count_lines(in->at, end);
}

/* Passes over the first line of a row only: if a quote was lost, the lines behind it are good rows. If none was, they
 * are the rest of a cell, which mostly shows in a quote where none should be. That is looked for; it also keeps lines
 * from being read again and again. */
static electra_status give_up(el_reader *r, csv *in, const csv *start, quotes are)
{
    const uint32_t first = start->line, last = are == QUOTES_OPEN ? last_line(start) : in->line;
    const char *feed = memchr(start->at, '\n', (size_t)(start->end - start->at));
    *in = *start;
    in->at = feed ? feed + 1 : in->end;
    in->line++;
    in->doubted = last > in->doubted ? last : in->doubted;
    if (are == QUOTES_OPEN && ++r->n_open_quotes > MOST_OPEN_QUOTES) {
        return el_fail(r->err, ELECTRA_INVALID, r->path, "%s: more than %d quotes have no end: is it really CSV?",
                       r->path, MOST_OPEN_QUOTES);
    }
    char hint[120] = "";
    if (last > first) {
        (void)snprintf(hint, sizeof hint, " (lines %u to %u would be one row; reading goes on in line %u)",
                       (unsigned)first, (unsigned)last, (unsigned)in->line);
    } else if (are == QUOTES_BEHIND) {
        (void)snprintf(hint, sizeof hint, " (a quote in a quoted cell is written twice)");
    }
    switch (are) {
    case QUOTES_OPEN: return el_read_skip(r, first, "a quote that begins a cell has no end%s", hint);
    case QUOTES_BEHIND: return el_read_skip(r, first, "there is text behind a quote that ends a cell%s", hint);
    case QUOTES_WITHIN:
    case QUOTES_FINE: break;
    }
    return el_read_skip(r, first, "there is a quote in a cell that begins with none, and those before do not match");
}

/* A row into r->cells, and the place behind its line end. *fine is false if it was given up. */
static electra_status read_csv_row(el_reader *r, csv *in, bool *fine)
{
    const csv start = *in;
    r->cells.n = 0;
    *fine = true;
    for (;;) {
        quotes are;
        EL_TRY(read_cell(r, in, &are));
        if (are != QUOTES_FINE) {
            *fine = false;
            return give_up(r, in, &start, are);
        }
        if (in->at == in->end) {
            return ELECTRA_OK;
        }
        if (*in->at++ == '\n') {
            in->line++;
            return ELECTRA_OK;
        }
    }
}

electra_status el_read_csv(el_reader *r, const char *data, size_t bytes)
{
    columns c = {0};
    csv in = {.at = data, .end = data + bytes, .line = 1};
    bool first = true;
    while (in.at < in.end) {
        lines at = {.first = in.line};
        bool fine, header = false;
        EL_TRY(read_csv_row(r, &in, &fine));
        at.last = in.line - (in.at[-1] == '\n');
        const electra_text *cells = r->cells.items;
        const size_t n = r->cells.n;
        if (fine && n == 1 && cells[0].bytes == 0) {
            continue; /* an empty line */
        }
        if (fine && first) {
            EL_TRY(first_row(r, &c, cells, n, &header));
            first = false;
        }
        if (fine && !header) {
            EL_TRY(add_whole_row(r, &c, at));
        }
    }
    return ELECTRA_OK;
}
