/* Owns the way from bytes to lines in documents. One buffer holds a stretch of the current member; lines are handed
 * out where they lie in it. */
#include <electra/data.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/input.h"
#include "text/utf8.h"

enum {
    DEFAULT_LONGEST_LINE = 256 << 10,
    LEAST_LONGEST_LINE = 64,
    MOST_LONGEST_LINE = 64 << 20,
    LEAST_BUFFER = 256 << 10,
    LONGEST_JSON_LINE = 32 << 20 /* an object must be parsed as a whole */
};

/* A stretch of text from which lines are taken. */
typedef struct stretch {
    char *text;
    size_t begin, end; /* bytes not handed out yet */
    bool inside;       /* they go on with a line whose beginning was handed out */
} stretch;

struct electra_corpus {
    electra_corpus_options options;
    electra_corpus_counts counts;
    el_input *input;
    el_member member;
    bool in_member;
    bool member_ended; /* no more bytes than those in the buffer */
    stretch buffer;
    size_t room;          /* bytes that buffer.text has room for */
    uint64_t line_number; /* in the member */
    bool starts_document; /* whatever comes next is the first line of a document */
    bool warned_piece, warned_invalid;
    json_t *object; /* holds the text below */
    stretch json;   /* text of a .jsonl object */
};

electra_corpus_options electra_corpus_options_default(void)
{
    return (electra_corpus_options){.struct_size = sizeof(electra_corpus_options),
                                    .documents = ELECTRA_DOCUMENTS_BLANK,
                                    .longest_line = DEFAULT_LONGEST_LINE};
}

static electra_status check_options(const electra_corpus_options *options, electra_error *err)
{
    if (options->struct_size != sizeof *options) {
        return el_fail(err, ELECTRA_MISUSE, "electra_corpus_options",
                       "struct_size is %zu but should be %zu: begin with electra_corpus_options_default()",
                       options->struct_size, sizeof *options);
    }
    if (options->longest_line < LEAST_LONGEST_LINE || options->longest_line > MOST_LONGEST_LINE) {
        return el_fail(err, ELECTRA_MISUSE, "longest_line", "longest_line is %zu; it should be between %d and %d",
                       options->longest_line, LEAST_LONGEST_LINE, MOST_LONGEST_LINE);
    }
    return ELECTRA_OK;
}

electra_status electra_corpus_open(electra_corpus **out, const char *const *paths, size_t n_paths,
                                   const electra_corpus_options *options, electra_error *err)
{
    *out = NULL;
    const electra_corpus_options chosen = options ? *options : electra_corpus_options_default();
    EL_TRY(check_options(&chosen, err));
    electra_corpus *corpus = el_alloc(1, sizeof *corpus);
    if (!corpus) {
        return el_fail_memory(err, "the corpus", sizeof *corpus);
    }
    corpus->options = chosen;
    corpus->room = chosen.longest_line > LEAST_BUFFER ? chosen.longest_line : LEAST_BUFFER;
    corpus->buffer.text = el_alloc(corpus->room, 1);
    electra_status status = corpus->buffer.text ? el_input_open(&corpus->input, paths, n_paths, err)
                                                : el_fail_memory(err, "the corpus", corpus->room);
    if (status != ELECTRA_OK) {
        electra_corpus_free(corpus);
        return status;
    }
    *out = corpus;
    return ELECTRA_OK;
}

void electra_corpus_free(electra_corpus *corpus)
{
    if (!corpus) {
        return;
    }
    json_decref(corpus->object);
    el_input_free(corpus->input);
    el_free(corpus->buffer.text);
    el_free(corpus);
}

const electra_corpus_counts *electra_corpus_progress(const electra_corpus *corpus)
{
    return &corpus->counts;
}

void electra_corpus_position(const electra_corpus *corpus, uint64_t *done, uint64_t *total)
{
    el_input_position(corpus->input, done, total);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Read on behind what is in the buffer. */
static electra_status fill(electra_corpus *corpus, electra_error *err)
{
    stretch *b = &corpus->buffer;
    memmove(b->text, b->text + b->begin, b->end - b->begin);
    b->end -= b->begin;
    b->begin = 0;
    size_t got = 0;
    EL_TRY(el_input_read(corpus->input, b->text + b->end, corpus->room - b->end, &got, err));
    corpus->member_ended = got < corpus->room - b->end;
    b->end += got;
    return ELECTRA_OK;
}

static electra_status refuse_utf16(const electra_corpus *corpus, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, corpus->member.name,
                   "%s is UTF-16; text should be UTF-8: convert it, for example with iconv -f UTF-16 -t UTF-8",
                   corpus->member.name);
}

static electra_status next_member(electra_corpus *corpus, electra_error *err)
{
    EL_TRY(el_input_next(corpus->input, &corpus->member, err));
    corpus->counts.ignored_files = el_input_ignored(corpus->input);
    if (!corpus->member.name) {
        return ELECTRA_OK;
    }
    stretch *b = &corpus->buffer;
    *b = (stretch){.text = b->text};
    corpus->in_member = true;
    corpus->starts_document = true;
    corpus->line_number = 0;
    corpus->warned_piece = false;
    corpus->warned_invalid = false;
    EL_TRY(fill(corpus, err));
    if (b->end >= 2 && (memcmp(b->text, "\xFF\xFE", 2) == 0 || memcmp(b->text, "\xFE\xFF", 2) == 0)) {
        return refuse_utf16(corpus, err);
    }
    if (b->end >= 3 && memcmp(b->text, "\xEF\xBB\xBF", 3) == 0) {
        b->begin = 3;
    }
    return ELECTRA_OK;
}

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------- */

/* Bytes of the character at p < end, 0 if it is ill-formed. */
static size_t character_bytes(const uint8_t *p, const uint8_t *end)
{
    const el_utf8_lead lead = el_utf8_lead_of(*p);
    if (lead.more < 0 || end - p <= lead.more) {
        return 0;
    }
    if (lead.more > 0 && (p[1] < lead.least || p[1] > lead.most)) {
        return 0;
    }
    for (int i = 2; i <= lead.more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return (size_t)lead.more + 1;
}

/* Bytes of well-formed text at the beginning. */
static size_t well_formed(const char *text, size_t bytes)
{
    const uint8_t *const begin = (const uint8_t *)text;
    const uint8_t *const end = begin + bytes;
    const uint8_t *p = begin;
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) {
            p += 8;
            continue;
        }
        const size_t n = character_bytes(p, end);
        if (n == 0) {
            break;
        }
        p += n;
    }
    return (size_t)(p - begin);
}

/* Take ill-formed bytes out, in place; returns the new number of bytes. */
static size_t drop_ill_formed(char *text, size_t bytes)
{
    size_t kept = 0;
    for (size_t i = 0; i < bytes; i++) {
        const size_t good = well_formed(text + i, bytes - i);
        memmove(text + kept, text + i, good);
        kept += good;
        i += good;
    }
    return kept;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where to cut a line that is too long: behind the last white space of the first `limit` bytes, else at a limit that
 * does not split a character. */
static size_t cut_at(const char *text, size_t limit)
{
    for (size_t i = limit; i > 0; i--) {
        if (is_space(text[i - 1])) {
            return i;
        }
    }
    size_t i = limit;
    while (i > limit - EL_UTF8_MOST && ((uint8_t)text[i] & 0xC0) == 0x80) {
        i--;
    }
    return i;
}

/* The next line or piece of a line in s, without its line end. `ended`: nothing will be added behind s->end. *found is
 * false if s does not hold it whole. */
typedef struct piece {
    char *text;
    size_t bytes;
    bool begins_line, ends_line;
} piece;

static bool take_piece(stretch *s, size_t longest, bool ended, piece *out)
{
    char *const text = s->text + s->begin;
    const size_t rest = s->end - s->begin;
    const size_t look = rest < longest ? rest : longest;
    const char *line_end = look ? memchr(text, '\n', look) : NULL;
    *out = (piece){.text = text, .begins_line = !s->inside, .ends_line = true};
    if (line_end) {
        out->bytes = (size_t)(line_end - text);
        s->begin += out->bytes + 1;
    } else if (rest > longest) {
        out->bytes = cut_at(text, longest);
        out->ends_line = false;
        s->begin += out->bytes;
    } else if (ended && rest > 0) {
        out->bytes = rest;
        s->begin = s->end;
    } else {
        return false;
    }
    s->inside = !out->ends_line;
    return true;
}

static size_t leading_space(const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && is_space(text[n])) {
        n++;
    }
    return n;
}

/* Blank to a reader's eye: white space of ASCII, no-break spaces, ideographic spaces. */
static bool is_blank(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        if (is_space(text[i])) {
            i++;
        } else if (bytes - i >= 2 && memcmp(text + i, "\xC2\xA0", 2) == 0) {
            i += 2;
        } else if (bytes - i >= 3 && memcmp(text + i, "\xE3\x80\x80", 3) == 0) {
            i += 3;
        } else {
            return false;
        }
    }
    return true;
}

static void warn_once(electra_corpus *corpus, bool *warned, const char *what)
{
    if (!*warned) {
        *warned = true;
        el_log(&corpus->options.runtime, ELECTRA_LOG_WARNING, "%s, line %llu: %s", corpus->member.name,
               (unsigned long long)corpus->line_number, what);
    }
}

/* Hand a piece that is not blank to the caller. */
static void emit(electra_corpus *corpus, const piece *p, electra_line *line)
{
    electra_corpus_counts *counts = &corpus->counts;
    size_t bytes = p->bytes;
    while (bytes && is_space(p->text[bytes - 1])) {
        bytes--;
    }
    const size_t lead = leading_space(p->text, bytes);
    *line = (electra_line){p->text + lead, bytes - lead, corpus->starts_document};
    counts->documents += corpus->starts_document;
    counts->lines++;
    counts->bytes += line->bytes;
    corpus->starts_document = false;
    if (!p->begins_line || !p->ends_line) {
        counts->pieces++;
        warn_once(corpus, &corpus->warned_piece, "longer than a line may be, handed on in pieces");
    }
    if (well_formed(line->text, line->bytes) < line->bytes) {
        counts->invalid_lines++;
        warn_once(corpus, &corpus->warned_invalid, "not UTF-8, read with replacement characters");
    }
}

/* A line or piece of a text file; line->text stays NULL if it was blank. */
static void take_text(electra_corpus *corpus, const piece *p, electra_line *line)
{
    const electra_documents documents = corpus->options.documents;
    corpus->line_number += p->begins_line;
    if (p->begins_line && documents == ELECTRA_DOCUMENTS_LINE) {
        corpus->starts_document = true;
    }
    if (!is_blank(p->text, p->bytes)) {
        emit(corpus, p, line);
    } else if (p->begins_line && p->ends_line && documents == ELECTRA_DOCUMENTS_BLANK) {
        corpus->starts_document = true;
    }
}

/* ---- objects of .jsonl ------------------------------------------------------------------------------------------- */

static electra_status refuse_json(const electra_corpus *corpus, const char *why, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, corpus->member.name, "%s, line %llu: %s", corpus->member.name,
                   (unsigned long long)corpus->line_number, why);
}

/* Ill-formed bytes are taken out first, for a parser of JSON refuses them: a tokenizer would have dropped them. */
static electra_status parse_object(electra_corpus *corpus, piece *p, electra_error *err)
{
    if (well_formed(p->text, p->bytes) < p->bytes) {
        p->bytes = drop_ill_formed(p->text, p->bytes);
        corpus->counts.invalid_lines++;
        warn_once(corpus, &corpus->warned_invalid, "not UTF-8, ill-formed bytes are left out");
    }
    json_error_t problem;
    corpus->object = json_loadb(p->text, p->bytes, JSON_ALLOW_NUL, &problem);
    if (!corpus->object) {
        return json_error_code(&problem) == json_error_out_of_memory
                   ? el_fail_memory(err, corpus->member.name, p->bytes)
                   : refuse_json(corpus, problem.text, err);
    }
    json_t *text = json_object_get(corpus->object, "text");
    if (!json_is_string(text)) {
        return refuse_json(corpus, "expected an object with a member \"text\" that is a string", err);
    }
    corpus->json = (stretch){.text = (char *)(uintptr_t)json_string_value(text), .end = json_string_length(text)};
    return ELECTRA_OK;
}

/* The next line of the object in hand; line->text stays NULL when there is none left. */
static void take_json_text(electra_corpus *corpus, electra_line *line)
{
    piece p;
    while (!line->text && take_piece(&corpus->json, corpus->options.longest_line, true, &p)) {
        if (!is_blank(p.text, p.bytes)) {
            emit(corpus, &p, line);
        }
    }
    if (!line->text) {
        json_decref(corpus->object);
        corpus->object = NULL;
    }
}

static electra_status grow_buffer(electra_corpus *corpus, electra_error *err)
{
    if (corpus->room >= LONGEST_JSON_LINE) {
        corpus->line_number++;
        return refuse_json(corpus, "longer than the 32 MiB that an object may have; cut it into several", err);
    }
    const size_t room = corpus->room * 2 < LONGEST_JSON_LINE ? corpus->room * 2 : LONGEST_JSON_LINE;
    char *grown = el_realloc(corpus->buffer.text, corpus->room, room, 1);
    if (!grown) {
        return el_fail_memory(err, corpus->member.name, room);
    }
    corpus->buffer.text = grown;
    corpus->room = room;
    return ELECTRA_OK;
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

/* One piece of the current member: sets line->text, or makes an object ready, or reads on, or ends the member. */
static electra_status advance(electra_corpus *corpus, electra_line *line, electra_error *err)
{
    const bool json = corpus->member.json_lines;
    piece p;
    /* a line that fills the buffer without an end counts as too long, hence the one byte less */
    const size_t longest = json ? LONGEST_JSON_LINE : corpus->options.longest_line - 1;
    if (take_piece(&corpus->buffer, longest, corpus->member_ended, &p)) {
        if (!json) {
            take_text(corpus, &p, line);
            return ELECTRA_OK;
        }
        corpus->line_number++;
        corpus->starts_document = true;
        return is_blank(p.text, p.bytes) ? ELECTRA_OK : parse_object(corpus, &p, err);
    }
    if (corpus->member_ended) {
        corpus->in_member = false;
        corpus->counts.files++;
        return ELECTRA_OK;
    }
    if (corpus->buffer.end - corpus->buffer.begin == corpus->room) {
        EL_TRY(grow_buffer(corpus, err));
    }
    return fill(corpus, err);
}

electra_status electra_corpus_next(electra_corpus *corpus, electra_line *line, electra_error *err)
{
    *line = (electra_line){0};
    while (!line->text) {
        if (corpus->object) {
            take_json_text(corpus, line);
        } else if (corpus->in_member) {
            EL_TRY(advance(corpus, line, err));
        } else {
            EL_TRY(next_member(corpus, err));
            if (!corpus->member.name) {
                return ELECTRA_OK;
            }
        }
    }
    return ELECTRA_OK;
}
