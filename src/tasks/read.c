/* Owns what all readers share: files, memory, labels, and words about rows. */
#include "tasks/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/input.h"
#include "tasks/memory.h"
#include "text/utf8.h"

enum {
    MOST_NOTED = 8,         /* rows reported one by one */
    MOST_LABELS = 1 << 16,  /* of one task */
    MOST_LABEL_BYTES = 500, /* of one label */
    FIRST_READ = 1 << 16,
    ROWS_BETWEEN_PROGRESS = 1 << 14
};

static const char *const WHAT = "the examples of a task";
static const char UTF8_MARK[] = "\xEF\xBB\xBF";

/* ---- memory --------------------------------------------------------------------------------------------------------
 */

void *el_read_take(el_reader *r, size_t n, size_t size)
{
    size_t bytes;
    void *piece = el_mul_overflows(n, size, &bytes) ? NULL : el_examples_memory_take(r->examples->memory, bytes);
    if (!piece) {
        (void)el_fail_memory(r->err, WHAT, n * size);
    }
    return piece;
}

void *el_read_room(el_reader *r, el_growing *array, size_t size)
{
    return el_growing_room(array, 1, size, WHAT, r->err);
}

electra_status el_read_push(el_reader *r, el_growing *array, electra_text text)
{
    electra_text *place = el_read_room(r, array, sizeof *place);
    if (!place) {
        return ELECTRA_NO_RESOURCE;
    }
    *place = text;
    array->n++;
    return ELECTRA_OK;
}

electra_status el_read_keep(el_reader *r, char *block)
{
    if (!el_examples_memory_adopt(r->examples->memory, block)) {
        el_free(block);
        return el_fail_memory(r->err, WHAT, 0);
    }
    return ELECTRA_OK;
}

electra_status el_read_copy(el_reader *r, electra_text text, electra_text *out)
{
    char *copy = el_read_take(r, text.bytes + 1, 1);
    if (!copy) {
        return ELECTRA_NO_RESOURCE;
    }
    memcpy(copy, text.text ? text.text : "", text.bytes);
    *out = (electra_text){copy, text.bytes};
    return ELECTRA_OK;
}

/* ---- UTF-8 ---------------------------------------------------------------------------------------------------------
 */

static bool is_sound(electra_text text)
{
    const uint8_t *p = (const uint8_t *)text.text;
    return text.bytes == 0 || !el_utf8_ill_formed(p, p + text.bytes);
}

/* Writes at most 3 bytes for each byte of the text (one byte may become U+FFFD). */
static size_t repair(char *out, electra_text text)
{
    const uint8_t *p = (const uint8_t *)text.text, *end = p + text.bytes;
    uint8_t *at = (uint8_t *)out;
    while (p < end) {
        at += el_utf8_put(at, el_utf8_next(&p, end));
    }
    return (size_t)(at - (uint8_t *)out);
}

static const char *const REPAIRED = "has bytes that are not UTF-8; they are read as U+FFFD";

electra_status el_read_text(el_reader *r, electra_text text, uint32_t line, electra_text *out)
{
    *out = text;
    if (r->sound || is_sound(text)) {
        return ELECTRA_OK;
    }
    char *fixed = el_read_take(r, text.bytes, 3);
    if (!fixed) {
        return ELECTRA_NO_RESOURCE;
    }
    *out = (electra_text){fixed, repair(fixed, text)};
    el_read_note(r, line, "%s", REPAIRED);
    return ELECTRA_OK;
}

electra_status el_read_repair(el_reader *r, electra_text *text, char **copy)
{
    *copy = NULL;
    if (r->sound) {
        return ELECTRA_OK;
    }
    const uint8_t *p = (const uint8_t *)text->text;
    const uint8_t *bad = el_utf8_ill_formed(p, p + text->bytes);
    uint32_t line = 1;
    for (; p < bad; p++) {
        line += *p == '\n';
    }
    *copy = el_alloc(text->bytes, 3);
    if (!*copy) {
        return el_fail_memory(r->err, r->path, 3 * text->bytes);
    }
    *text = (electra_text){*copy, repair(*copy, *text)};
    el_read_note(r, line, "%s", REPAIRED);
    return ELECTRA_OK;
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

electra_status el_read_begin_file(el_reader *r, const char *path)
{
    electra_text name;
    EL_TRY(el_read_copy(r, (electra_text){path, strlen(path)}, &name));
    char **place = el_read_room(r, &r->files, sizeof *place);
    if (!place) {
        return ELECTRA_NO_RESOURCE;
    }
    *place = (char *)(uintptr_t)name.text; /* memory of ours */
    r->path = name.text;
    r->file = (uint32_t)r->files.n++;
    return ELECTRA_OK;
}

electra_status el_read_look(el_reader *r, const char *data, size_t bytes, electra_text *out)
{
    if (bytes >= 2 && (memcmp(data, "\xFF\xFE", 2) == 0 || memcmp(data, "\xFE\xFF", 2) == 0)) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "%s is in UTF-16: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)", r->path);
    }
    const bool marked = bytes >= 3 && memcmp(data, UTF8_MARK, 3) == 0;
    *out = marked ? (electra_text){data + 3, bytes - 3} : (electra_text){data, bytes};
    r->sound = is_sound(*out);
    return ELECTRA_OK;
}

static bool is_compressed(const char *path)
{
    static const char *const ENDINGS[] = {".gz", ".xz", ".zst", ".bz2", ".lzma"};
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        const size_t n = strlen(ENDINGS[i]);
        if (length > n && strcasecmp(path + length - n, ENDINGS[i]) == 0) {
            return true;
        }
    }
    return false;
}

electra_status el_read_unpack(el_input *input, const char *path, char **block, size_t *bytes, electra_error *err)
{
    size_t room = FIRST_READ;
    *bytes = 0;
    *block = el_alloc(room, 1);
    while (*block) {
        size_t got;
        EL_TRY(el_input_read(input, *block + *bytes, room - *bytes, &got, err));
        *bytes += got;
        if (*bytes < room) {
            return ELECTRA_OK;
        }
        char *grown = el_realloc(*block, room, 2 * room, 1);
        if (!grown) {
            break;
        }
        *block = grown;
        room *= 2;
    }
    return el_fail_memory(err, path, room);
}

static electra_status load_compressed(const char *path, char **block, size_t *bytes, electra_error *err)
{
    el_input *input;
    EL_TRY(el_input_open(&input, &path, 1, err));
    el_member member;
    electra_status status = el_input_next(input, &member, err);
    if (status == ELECTRA_OK && !member.name) {
        *block = el_alloc(1, 1);
        status = *block ? ELECTRA_OK : el_fail_memory(err, path, 1);
    } else if (status == ELECTRA_OK) {
        status = el_read_unpack(input, path, block, bytes, err);
    }
    el_input_free(input);
    return status;
}

electra_status el_read_load(el_reader *r, const char *path, char **block, electra_text *out)
{
    size_t bytes = 0;
    *block = NULL;
    electra_status status = is_compressed(path) ? load_compressed(path, block, &bytes, r->err)
                                                : el_read_file(block, &bytes, path, SIZE_MAX / 4, r->err);
    if (status == ELECTRA_OK) {
        status = el_read_look(r, *block, bytes, out);
    }
    if (status != ELECTRA_OK) {
        el_free(*block);
        *block = NULL;
    }
    return status;
}

static size_t read_compressed(const char *path, char *buffer, size_t room)
{
    el_input *input = NULL;
    el_member member = {0};
    electra_error ignored = {0};
    size_t got = 0;
    electra_status status = el_input_open(&input, &path, 1, &ignored);
    if (status == ELECTRA_OK) {
        status = el_input_next(input, &member, &ignored);
    }
    if (status == ELECTRA_OK && member.name && el_input_read(input, buffer, room, &got, &ignored) != ELECTRA_OK) {
        got = 0;
    }
    el_input_free(input);
    return got;
}

size_t el_read_beginning(const char *path, char *buffer, size_t room)
{
    size_t n = 0;
    if (is_compressed(path)) {
        n = read_compressed(path, buffer, room);
    } else {
        FILE *file = fopen(path, "rb");
        n = file ? fread(buffer, 1, room, file) : 0;
        if (file) {
            (void)fclose(file);
        }
    }
    if (n >= sizeof UTF8_MARK - 1 && memcmp(buffer, UTF8_MARK, sizeof UTF8_MARK - 1) == 0) {
        n -= sizeof UTF8_MARK - 1;
        memmove(buffer, buffer + sizeof UTF8_MARK - 1, n);
    }
    return n;
}

/* ---- words about rows
 * ------------------------------------------------------------------------------------------------ */

static bool hold(el_reader *r, const char *line)
{
    const size_t bytes = strlen(line) + 1;
    electra_error ignored = {0};
    char *place = el_growing_room(&r->held, bytes, 1, WHAT, &ignored);
    if (place) {
        memcpy(place, line, bytes);
        r->held.n += bytes;
    }
    return place;
}

void el_read_say_held(el_reader *r)
{
    const char *line = r->held.items;
    for (size_t at = 0; at < r->held.n; at += strlen(line + at) + 1) {
        el_log(r->rt, ELECTRA_LOG_WARNING, "%s", line + at);
    }
    r->held.n = 0;
}

/* Nothing is said if enough rows were reported one by one. */
static void report(el_reader *r, uint32_t line, const char *format, va_list arguments, const char *end)
{
    if (r->n_noted >= MOST_NOTED) {
        return;
    }
    r->n_noted++;
    char what[700], text[1200];
    (void)vsnprintf(what, sizeof what, format, arguments);
    (void)snprintf(text, sizeof text, "%.400s:%u: %s%s", r->path, (unsigned)line, what, end);
    if (r->examples->n > 0 || !hold(r, text)) {
        el_log(r->rt, ELECTRA_LOG_WARNING, "%s", text);
    }
}

electra_status el_read_skip(el_reader *r, uint32_t line, const char *format, ...)
{
    r->examples->n_skipped++;
    va_list arguments;
    va_start(arguments, format);
    report(r, line, format, arguments,
           r->source->kind == EL_TASK_TAG ? "; the sentence is skipped" : "; the row is skipped");
    va_end(arguments);
    return ELECTRA_OK;
}

void el_read_note(el_reader *r, uint32_t line, const char *format, ...)
{
    r->n_notes++;
    va_list arguments;
    va_start(arguments, format);
    report(r, line, format, arguments, "");
    va_end(arguments);
}

electra_status el_read_lacks(el_reader *r, uint32_t line, const char *column, const electra_text *has, size_t n_has)
{
    r->n_lacking++;
    if (!r->lacking) {
        r->lacking = column;
        size_t used = 0;
        for (size_t i = 0; i < n_has && used + 1 < sizeof r->columns; i++) {
            const el_shown shown = el_read_shown(has[i]);
            const int n = snprintf(r->columns + used, sizeof r->columns - used, "%s'%s'", i ? ", " : "", shown.text);
            used += n > 0 ? (size_t)n : 0;
        }
    }
    if (r->source->format == EL_SOURCE_TSV || r->source->format == EL_SOURCE_CSV ||
        r->source->format == EL_SOURCE_CONLL || r->source->format == EL_SOURCE_CONLLU) {
        return el_read_skip(r, line, "there is no column %s, only %zu column%s", column, n_has, n_has == 1 ? "" : "s");
    }
    return el_read_skip(r, line, "there is no \"%s\"", column);
}

/* ---- labels
 * ---------------------------------------------------------------------------------------------------------- */

static electra_status add_label(el_reader *r, electra_text name, uint32_t line, uint32_t *out)
{
    if (r->labels.n == MOST_LABELS) {
        return el_fail(r->err, ELECTRA_INVALID, r->path,
                       "%s has more than %d different labels: is the column of the "
                       "labels the right one?",
                       r->path, MOST_LABELS);
    }
    el_label_place *place = el_read_room(r, &r->places, sizeof *place);
    if (!place) {
        return ELECTRA_NO_RESOURCE;
    }
    const size_t number = el_strings_add(&r->labels, name.text, name.bytes);
    if (number == EL_STRINGS_FULL) {
        return el_fail_memory(r->err, "the labels of a task", name.bytes);
    }
    *place = (el_label_place){r->file, line};
    r->places.n++;
    *out = (uint32_t)number;
    return ELECTRA_OK;
}

electra_status el_read_label(el_reader *r, electra_text name, const char *what, uint32_t line, uint32_t *out)
{
    *out = EL_NO_LABEL;
    const size_t known = el_strings_find(&r->labels, name.text, name.bytes);
    if (known != EL_STRINGS_FULL) {
        *out = (uint32_t)known;
        return ELECTRA_OK;
    }
    const el_shown shown = el_read_shown(name);
    if (name.bytes > MOST_LABEL_BYTES || memchr(name.text, '\0', name.bytes)) {
        return el_read_skip(r, line, "'%s' with its %zu bytes is no %s", shown.text, name.bytes, what);
    }
    if (r->n_fixed > 0 && r->learning) {
        return el_read_skip(r, line, "the %s '%s' is none of the %zu that the task has", what, shown.text, r->n_fixed);
    }
    electra_text sound;
    EL_TRY(el_read_text(r, name, line, &sound));
    return add_label(r, sound, line, out);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

electra_status el_read_add(el_reader *r, const el_example *example, uint32_t line)
{
    el_examples *all = r->examples;
    if (r->held.n > 0) {
        el_read_say_held(r);
    }
    if (all->n >= UINT32_MAX - 1) {
        return el_fail(r->err, ELECTRA_INVALID, r->path, "%s has more rows than can be numbered", r->path);
    }
    if (all->n == r->room) {
        const size_t room = r->room * 2 + 256;
        el_example *grown = el_realloc(all->list, all->n, room, sizeof *grown);
        if (!grown) {
            return el_fail_memory(r->err, WHAT, room * sizeof *grown);
        }
        all->list = grown;
        r->room = room;
    }
    el_example *added = &all->list[all->n];
    *added = *example;
    added->file = r->file;
    added->line = line;
    if (added->group == EL_OWN_GROUP) {
        added->group = (uint32_t)all->n;
    }
    if (++all->n % ROWS_BETWEEN_PROGRESS == 0) {
        const electra_progress now = {
            .stage = "reading", .unit = "rows", .done = (double)all->n, .seconds = el_now() - r->began};
        if (el_progress(r->rt, &now)) {
            return el_fail(r->err, ELECTRA_INTERRUPTED, r->path, "reading %s was interrupted", r->path);
        }
    }
    return ELECTRA_OK;
}

/* ---- small things --------------------------------------------------------------------------------------------------
 */

bool el_read_line(const char **at, const char *end, electra_text *line)
{
    if (*at == end) {
        return false;
    }
    const char *feed = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = feed ? feed : end;
    *line = (electra_text){*at, (size_t)(stop - *at)};
    *at = feed ? feed + 1 : end;
    if (line->bytes > 0 && line->text[line->bytes - 1] == '\r') {
        line->bytes--;
    }
    return true;
}

electra_status el_read_cells(el_reader *r, electra_text line)
{
    const char *at = line.text, *end = at + line.bytes;
    r->cells.n = 0;
    for (;;) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        const char *stop = tab ? tab : end;
        EL_TRY(el_read_push(r, &r->cells, el_read_string(at, (size_t)(stop - at))));
        if (!tab) {
            return ELECTRA_OK;
        }
        at = tab + 1;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

electra_text el_read_trim(electra_text text)
{
    while (text.bytes > 0 && is_blank(text.text[text.bytes - 1])) {
        text.bytes--;
    }
    while (text.bytes > 0 && is_blank(text.text[0])) {
        text.text++;
        text.bytes--;
    }
    return text;
}

bool el_read_same(electra_text a, electra_text b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.text, b.text, a.bytes) == 0);
}

el_shown el_read_shown(electra_text text)
{
    enum { MOST = 60 };
    el_shown shown;
    size_t n = text.bytes < MOST ? text.bytes : MOST;
    if (n < text.bytes) {
        while (n > 0 && ((uint8_t)text.text[n] & 0xC0u) == 0x80u) { /* not within a character */
            n--;
        }
    }
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text.text[i];
        shown.text[at++] = c < ' ' || c == 0x7F ? ' ' : (char)c; /* control characters stay away from terminals */
    }
    (void)snprintf(shown.text + at, sizeof shown.text - at, "%s", n < text.bytes ? "..." : "");
    return shown;
}
