/* Owns a word a line: CoNLL's columns between blanks, and CoNLL-U's ten between tabs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tasks/read.h"

/* A sentence being gathered: its words are in r->words, their tags in r->tags. */
typedef struct sentence {
    uint32_t line; /* where it begins; 0: there is none */
    bool broken;   /* to be passed over, which was said already */
    size_t width;  /* columns of its first word */
    electra_text id;
} sentence;

/* Which cell of a line is wanted. */
typedef struct place {
    const char *name; /* NULL: none */
    size_t at;        /* from 0, or from the last one */
    bool from_end;
} place;

/* ---- sentences
 * --------------------------------------------------------------------------------------------------------- */

static electra_text without_prefix(const el_source *source, electra_text word)
{
    const size_t n = source->word_prefix ? strlen(source->word_prefix) : 0;
    if (n > 0 && word.bytes > n && memcmp(word.text, source->word_prefix, n) == 0) {
        return (electra_text){word.text + n, word.bytes - n};
    }
    return word;
}

electra_status el_read_sentence(el_reader *r, const electra_text *words, const electra_text *tags, size_t n,
                                electra_text id, uint32_t line)
{
    electra_text *parts = el_read_take(r, n, sizeof *parts);
    uint32_t *labels = el_read_take(r, n, sizeof *labels);
    if (!parts || !labels) {
        return ELECTRA_NO_RESOURCE;
    }
    el_example example = {.parts = parts, .n_parts = n, .labels = labels, .n_labels = n, .group = EL_OWN_GROUP};
    for (size_t i = 0; i < n; i++) {
        EL_TRY(el_read_text(r, without_prefix(r->source, words[i]), line, &parts[i]));
        labels[i] = EL_NO_LABEL;
    }
    EL_TRY(el_read_text(r, id, line, &example.id));
    if (r->source->label) {
        bool fine;
        EL_TRY(el_read_tags(r, tags, n, line, labels, &fine));
        if (!fine) {
            return ELECTRA_OK;
        }
    }
    return el_read_add(r, &example, line);
}

static electra_status end_sentence(el_reader *r, sentence *s)
{
    electra_status status = ELECTRA_OK;
    if (r->words.n > 0 && !s->broken) {
        status = el_read_sentence(r, r->words.items, r->tags.items, r->words.n, s->id, s->line);
    }
    r->words.n = r->tags.n = 0;
    *s = (sentence){0};
    return status;
}

static const electra_text *cell_of(const el_reader *r, const place *p)
{
    const electra_text *cells = r->cells.items;
    const size_t n = r->cells.n;
    return p->at < n ? &cells[p->from_end ? n - 1 - p->at : p->at] : NULL;
}

/* The word in r->cells, with its tag, becomes the next one of the sentence. */
static electra_status add_word(el_reader *r, sentence *s, const place *word, const place *tag, uint32_t line)
{
    s->line = s->line ? s->line : line;
    if (s->broken) {
        return ELECTRA_OK;
    }
    const electra_text *found_word = cell_of(r, word), none = {0};
    const electra_text *found_tag = tag->name ? cell_of(r, tag) : &none;
    /* counted from the end, the only cell of a line would be both */
    const bool same = tag->name && found_word && found_word == found_tag && r->cells.n == 1;
    if (!found_word || !found_tag || same) {
        s->broken = true;
        return el_read_lacks(r, line, found_word ? tag->name : word->name, r->cells.items, r->cells.n);
    }
    EL_TRY(el_read_push(r, &r->words, *found_word));
    return el_read_push(r, &r->tags, *found_tag);
}

/* ---- CoNLL
 * ------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static electra_status split_at_blanks(el_reader *r, electra_text line)
{
    const char *at = line.text, *end = at + line.bytes;
    r->cells.n = 0;
    for (;;) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        if (at == end) {
            return ELECTRA_OK;
        }
        const char *start = at;
        while (at < end && !is_blank(*at)) {
            at++;
        }
        EL_TRY(el_read_push(r, &r->cells, el_read_string(start, (size_t)(at - start))));
    }
}

static electra_status numbered(el_reader *r, const char *name, place *out)
{
    *out = (place){.name = name};
    if (!name) {
        return ELECTRA_OK;
    }
    char *end;
    const long number = strtol(name, &end, 10);
    if (*end != '\0' || number == 0) {
        return el_fail(r->err, ELECTRA_MISUSE, "source",
                       "'%s' is no column: files like %s have no header, so that columns are "
                       "numbers from 1, or -1 for the last one",
                       name, r->path);
    }
    out->from_end = number < 0;
    out->at = (size_t)(number < 0 ? -(number + 1) : number - 1);
    return ELECTRA_OK;
}

static size_t count_columns(electra_text line)
{
    size_t n = 0;
    for (size_t i = 0; i < line.bytes; i++) {
        n += !is_blank(line.text[i]) && (i == 0 || is_blank(line.text[i - 1]));
    }
    return n;
}

static bool has_mark(electra_text line)
{
    return line.bytes >= 2 && line.text[0] == '#' && line.text[1] == ' ';
}

/* What comes behind lines with a "# ". */
typedef struct ahead {
    const char *at; /* the first line behind them */
    size_t columns; /* of that; 0: it ends the sentence */
} ahead;

/* "# id 7" before a sentence is a comment, but "# O" is a word if the words have two columns as well. `next` is behind
 * the line; usual: columns of the words so far. */
static bool is_comment(electra_text line, const char *next, const char *end, size_t usual, ahead *behind)
{
    if (!has_mark(line)) {
        return false;
    }
    if (line.text >= behind->at) { /* looked at once for all comments in a row */
        electra_text after;
        bool more;
        do {
            behind->at = next;
            more = el_read_line(&next, end, &after);
        } while (more && has_mark(after));
        behind->columns = more ? count_columns(after) : 0;
    }
    const size_t columns = behind->columns ? behind->columns : usual;
    return columns > 0 && columns != count_columns(line);
}

/* How many columns words have. */
typedef struct widths {
    size_t usual;  /* of the file's first word; 0: not met yet */
    bool from_end; /* a column is counted from the end: a word of another width has another cell there */
    bool noted;    /* that sentences differ */
} widths;

/* The word in r->cells, which was added, against those before. A sentence whose words differ lacks a cell or has one
 * too many. Sentences may differ from each other (CoNLL-2005, CoNLL-2012: a column for each verb), but then what stands
 * in a column counted from the end is something else. */
static electra_status check_width(el_reader *r, sentence *s, widths *w, uint32_t line)
{
    const size_t n = r->cells.n;
    if (s->broken) {
        return ELECTRA_OK;
    }
    w->usual = w->usual ? w->usual : n;
    s->width = s->width ? s->width : n;
    if (n != s->width || (w->from_end && n != w->usual)) {
        s->broken = true;
        return el_read_skip(r, line, "%zu column%s where the lines before have %zu", n, n == 1 ? "" : "s",
                            n != s->width ? s->width : w->usual);
    }
    if (n != w->usual && !w->noted) {
        w->noted = true;
        el_read_note(r, line,
                     "%zu column%s where the first sentence has %zu; such sentences are kept, for no column is counted "
                     "from the end",
                     n, n == 1 ? "" : "s", w->usual);
    }
    return ELECTRA_OK;
}

static bool starts_document(electra_text line)
{
    static const char MARK[] = "-DOCSTART-";
    return line.bytes >= sizeof MARK - 1 && memcmp(line.text, MARK, sizeof MARK - 1) == 0;
}

electra_status el_read_conll(el_reader *r, const char *data, size_t bytes)
{
    place word, tag;
    EL_TRY(numbered(r, r->source->text, &word));
    EL_TRY(numbered(r, r->source->label, &tag));
    const char *at = data, *end = data + bytes;
    electra_text line;
    sentence s = {0};
    ahead behind = {.at = data};
    widths w = {.from_end = word.from_end || tag.from_end};
    size_t usual = 0;
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        if (s.line == 0 && is_comment(line, at, end, usual, &behind)) {
            continue;
        }
        EL_TRY(split_at_blanks(r, line));
        if (r->cells.n == 0 || starts_document(line)) {
            EL_TRY(end_sentence(r, &s));
        } else {
            usual = r->cells.n;
            EL_TRY(add_word(r, &s, &word, &tag, number));
            EL_TRY(check_width(r, &s, &w, number));
        }
    }
    return end_sentence(r, &s);
}

/* ---- CoNLL-U
 * ----------------------------------------------------------------------------------------------------------- */

static electra_status conllu_column(el_reader *r, const char *name, place *out)
{
    static const char *const NAMES[] = {"ID",    "FORM", "LEMMA",  "UPOS", "XPOS",
                                        "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"};
    enum { N = sizeof NAMES / sizeof *NAMES };
    *out = (place){.name = name};
    if (!name) {
        return ELECTRA_OK;
    }
    for (size_t i = 0; i < N; i++) {
        if (strcasecmp(name, NAMES[i]) == 0) {
            out->at = i;
            return ELECTRA_OK;
        }
    }
    char *end;
    const unsigned long number = strtoul(name, &end, 10);
    if (*end != '\0' || number < 1 || number > N) {
        return el_fail(r->err, ELECTRA_MISUSE, "source",
                       "'%s' is no column of CoNLL-U: those are ID, FORM, LEMMA, UPOS, XPOS, "
                       "FEATS, HEAD, DEPREL, DEPS and MISC, or 1 to %d",
                       name, N);
    }
    out->at = number - 1;
    return ELECTRA_OK;
}

/* "# sent_id = ..." */
static void take_id(electra_text line, sentence *s)
{
    static const char START[] = "# sent_id = ";
    const size_t n = sizeof START - 1;
    if (line.bytes > n && memcmp(line.text, START, n) == 0) {
        s->id = el_read_trim(el_read_string(line.text + n, line.bytes - n));
    }
}

/* Words of the surface (3-4) and such as were left out (8.1) are no words of the tree. */
static bool is_word(electra_text id)
{
    return !memchr(id.text, '-', id.bytes) && !memchr(id.text, '.', id.bytes);
}

electra_status el_read_conllu(el_reader *r, const char *data, size_t bytes)
{
    place word, tag;
    EL_TRY(conllu_column(r, r->source->text, &word));
    EL_TRY(conllu_column(r, r->source->label, &tag));
    const char *at = data, *end = data + bytes;
    electra_text line;
    sentence s = {0};
    for (uint32_t number = 1; el_read_line(&at, end, &line); number++) {
        if (el_read_trim(line).bytes == 0) {
            EL_TRY(end_sentence(r, &s));
        } else if (line.text[0] == '#' && r->words.n == 0) {
            take_id(line, &s);
        } else {
            EL_TRY(el_read_cells(r, line));
            const electra_text *cells = r->cells.items;
            if (is_word(cells[0])) {
                EL_TRY(add_word(r, &s, &word, &tag, number));
                electra_text *tags = r->tags.items;
                if (!s.broken && el_read_same(tags[r->tags.n - 1], el_read_string("_", 1))) {
                    tags[r->tags.n - 1] = (electra_text){0}; /* CoNLL-U's word for "not told" */
                }
            }
        }
    }
    return end_sentence(r, &s);
}
