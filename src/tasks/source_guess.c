/* Owns what a file's name and its first bytes tell about how it is written. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/mem.h"
#include "tasks/read.h"

/* ---- JSON --------------------------------------------------------------------------------------------------------
 */

/* What the first object of a file holds, as far as it was seen. */
typedef struct members {
    bool data, paragraphs, qas, context, question, answers, header;
    char first; /* what the value of the first member begins with; '\0': there is none */
} members;

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) && *at != '\0') {
        at++;
    }
    return at;
}

/* Behind the quote that ends a string. */
static const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        at += *at == '\\' && at + 1 < end ? 2 : 1;
    }
    return at < end ? at + 1 : end;
}

static void note_member(members *m, electra_text key, char value)
{
    static const struct {
        const char *name, *values; /* values: what one may begin with */
        size_t flag;
    } KNOWN[] = {
        {"data", "[", offsetof(members, data)},
        {"paragraphs", "[", offsetof(members, paragraphs)},
        {"qas", "[", offsetof(members, qas)},
        {"context", "\"", offsetof(members, context)},
        {"question", "\"", offsetof(members, question)},
        {"answers", "[{\"", offsetof(members, answers)},
        {"header", "{", offsetof(members, header)},
    };
    m->first = m->first ? m->first : value;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (el_read_same(key, el_read_string(KNOWN[i].name, strlen(KNOWN[i].name))) && strchr(KNOWN[i].values, value)) {
            *(bool *)((char *)m + KNOWN[i].flag) = true;
        }
    }
}

/* The members of an object, from behind its first brace. Returns what is behind its last one; NULL: it was not seen. */
static const char *look_at_object(const char *at, const char *end, members *m)
{
    electra_text string = {"", 0};
    size_t depth = 1;
    while (at < end) {
        const char *begin = at++;
        switch (*begin) {
        case '"':
            at = skip_string(at, end);
            string = el_read_string(begin + 1, (size_t)(at - begin) - 1);
            string.bytes -= string.bytes > 0;
            break;
        case ':':
            at = skip_blanks(at, end);
            if (depth == 1 && at < end && *at != '\0') {
                note_member(m, string, *at);
            }
            break;
        case '{':
        case '[': depth++; break;
        case '}':
        case ']':
            if (--depth == 0) {
                return at;
            }
            break;
        default: break;
        }
    }
    return NULL;
}

static bool is_mrqa(const members *m)
{
    return (m->qas && m->context) || (m->header && m->first == '{');
}

/* A value with everything in it, or an object a line. questions: the kind of the task may be that. */
static el_source_format guess_json(electra_text head, bool questions, el_source_format otherwise)
{
    const char *end = head.text + head.bytes;
    const char *at = skip_blanks(head.text, end);
    members m = {0};
    if (at < end && *at == '[') {
        at = skip_blanks(at + 1, end);
        if (at < end && *at == '{') {
            (void)look_at_object(at + 1, end, &m);
        }
        const bool asked = m.paragraphs || (m.question && m.context && m.answers);
        return questions && asked ? EL_SOURCE_SQUAD : EL_SOURCE_JSON_ROWS;
    }
    if (at == end || *at != '{') {
        return otherwise;
    }
    const char *rest = look_at_object(at + 1, end, &m);
    rest = rest ? skip_blanks(rest, end) : end;
    if (questions && m.data) {
        return EL_SOURCE_SQUAD;
    }
    if (questions && is_mrqa(&m)) {
        return EL_SOURCE_MRQA;
    }
    const bool several = rest < end && *rest == '{';
    return m.first == '{' && !several && otherwise != EL_SOURCE_JSON_LINES ? EL_SOURCE_JSON_ROWS : EL_SOURCE_JSON_LINES;
}

/* ---- names -------------------------------------------------------------------------------------------------------
 */

/* Whether a name ends so, or so and then with the ending of a compression; in any case. */
static bool has_ending(const char *path, const char *ending)
{
    static const char *const PACKED[] = {"", ".gz", ".xz", ".zst", ".bz2", ".lzma"};
    const size_t length = strlen(path), own = strlen(ending);
    for (size_t i = 0; i < sizeof PACKED / sizeof *PACKED; i++) {
        const size_t packed = strlen(PACKED[i]);
        if (length > packed + own && strcasecmp(path + length - packed, PACKED[i]) == 0 &&
            strncasecmp(path + length - packed - own, ending, own) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_folder_in_archive(const char *path)
{
    char *copy = el_strdup(path);
    const bool inside = copy && el_read_part_inside(copy);
    el_free(copy);
    return inside;
}

static bool has_labels_beside(const char *path)
{
    char *beside = el_read_labels_beside(path);
    const bool there = beside && el_is_file(beside);
    el_free(beside);
    return there;
}

/* The format of a file of JSON. Pipes are not looked into: what is read of them is gone. */
static el_source_format guess_by_bytes(const char *path, bool questions, el_source_format otherwise)
{
    char head[1 << 16];
    const size_t n = el_is_file(path) ? el_read_beginning(path, head, sizeof head) : 0;
    return guess_json(el_read_string(head, n), questions, otherwise);
}

el_source_format el_source_guess(const char *path, int kind)
{
    static const struct {
        const char *ending;
        el_source_format format;
    } ENDINGS[] = {{".csv", EL_SOURCE_CSV},        {".jsonl", EL_SOURCE_JSON_LINES}, {".ndjson", EL_SOURCE_JSON_LINES},
                   {".json", EL_SOURCE_JSON_ROWS}, {".conllu", EL_SOURCE_CONLLU},    {".conll", EL_SOURCE_CONLL},
                   {".bio", EL_SOURCE_CONLL},      {".iob", EL_SOURCE_CONLL},        {".tar", EL_SOURCE_FOLDERS},
                   {".tgz", EL_SOURCE_FOLDERS},    {".txz", EL_SOURCE_FOLDERS},      {".tzst", EL_SOURCE_FOLDERS},
                   {".tbz2", EL_SOURCE_FOLDERS},   {".tbz", EL_SOURCE_FOLDERS}};
    const bool questions = kind < 0 || kind == (int)EL_TASK_ANSWER, classes = kind < 0 || kind == (int)EL_TASK_CLASSIFY;
    if (el_is_folder(path) || is_folder_in_archive(path)) {
        return EL_SOURCE_FOLDERS;
    }
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        if (has_ending(path, ENDINGS[i].ending)) {
            const el_source_format format = ENDINGS[i].format;
            const bool json = format == EL_SOURCE_JSON_ROWS || format == EL_SOURCE_JSON_LINES;
            const bool squad = format == EL_SOURCE_JSON_ROWS && kind == (int)EL_TASK_ANSWER;
            return json ? guess_by_bytes(path, questions, squad ? EL_SOURCE_SQUAD : format) : format;
        }
    }
    if (classes && !has_ending(path, ".tsv") && has_labels_beside(path)) {
        return EL_SOURCE_TWO_FILES;
    }
    return kind == (int)EL_TASK_TAG ? EL_SOURCE_CONLL : EL_SOURCE_TSV;
}
