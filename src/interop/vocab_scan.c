/* Owns the quick way through a vocabulary. It need not find every fault of a document, because all of it but the
 * vocabulary goes through the JSON parser afterwards; of the vocabulary it takes nothing that it does not understand. */
#include "interop/vocab_scan.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"

enum { MOST_TOKENS = 1 << 24 };

typedef struct cursor {
    const uint8_t *p, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')) {
        c->p++;
    }
}

/* The next character that is no white space, taken if it is `wanted`. */
static bool take(cursor *c, uint8_t wanted)
{
    skip_space(c);
    if (c->p >= c->end || *c->p != wanted) {
        return false;
    }
    c->p++;
    return true;
}

/* A string of the plain kind; its bytes go to `to` (NULL: nowhere), their number to *bytes. */
static bool take_string(cursor *c, char *to, size_t *bytes)
{
    if (!take(c, '"')) {
        return false;
    }
    size_t n = 0;
    while (c->p < c->end && *c->p != '"') {
        const uint8_t *from = c->p;
        if (*from == '\\') {
            c->p++;
            if (c->p >= c->end || (*c->p != '"' && *c->p != '\\' && *c->p != '/')) {
                return false;
            }
            from = c->p++;
        } else if (*from < 0x20) {
            return false;
        } else if (*from < 0x80) {
            c->p++;
        } else {
            const uint32_t character = el_utf8_next(&c->p, c->end);
            if (character == EL_REPLACEMENT && !(c->p - from == 3 && memcmp(from, "\xEF\xBF\xBD", 3) == 0)) {
                return false;
            }
        }
        const size_t here = (size_t)(c->p - from);
        if (to) {
            memcpy(to + n, from, here);
        }
        n += here;
    }
    *bytes = n;
    return take(c, '"');
}

/* A string that is passed over, of any kind; *is: whether it is `name`. */
static bool pass_string(cursor *c, const char *name, bool *is)
{
    if (!take(c, '"')) {
        return false;
    }
    const uint8_t *begin = c->p;
    while (c->p < c->end && *c->p != '"') {
        c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
    }
    *is = (size_t)(c->p - begin) == strlen(name) && memcmp(begin, name, strlen(name)) == 0;
    return take(c, '"');
}

/* A value that is passed over, up to the comma or bracket behind it. */
static bool pass_value(cursor *c)
{
    size_t depth = 0;
    while (c->p < c->end) {
        const uint8_t b = *c->p;
        bool is;
        if (b == '"') {
            if (!pass_string(c, "", &is)) {
                return false;
            }
            continue;
        }
        if (depth == 0 && (b == ',' || b == '}' || b == ']')) {
            return true;
        }
        depth += b == '{' || b == '[';
        depth -= b == '}' || b == ']';
        c->p++;
    }
    return false;
}

/* Into the object that is the member `name` of the object which begins here. */
static bool enter(cursor *c, const char *name)
{
    if (!take(c, '{')) {
        return false;
    }
    do {
        bool is;
        if (!pass_string(c, name, &is) || !take(c, ':')) {
            return false;
        }
        if (is) {
            skip_space(c);
            return c->p < c->end && *c->p == '{';
        }
        if (!pass_value(c)) {
            return false;
        }
    } while (take(c, ','));
    return false;
}

static bool take_id(cursor *c, size_t *id)
{
    skip_space(c);
    const uint8_t *begin = c->p;
    size_t n = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && n < MOST_TOKENS) {
        n = 10 * n + (size_t)(*c->p++ - '0');
    }
    *id = n;
    const bool plain = c->p > begin && (*begin != '0' || c->p - begin == 1);
    return plain && n < MOST_TOKENS;
}

/* All of the vocabulary. Without memory it only counts. */
static bool read_tokens(cursor *c, el_vocab_scan *scan)
{
    size_t used = 0;
    scan->n = scan->tokens ? scan->n : 0;
    if (!take(c, '{')) {
        return false;
    }
    do {
        size_t bytes, id;
        char *text = scan->texts ? scan->texts + used : NULL;
        if (!take_string(c, text, &bytes) || !take(c, ':') || !take_id(c, &id)) {
            return false;
        }
        if (!scan->tokens) {
            scan->n = id >= scan->n ? id + 1 : scan->n;
        } else if (scan->tokens[id]) {
            return false; /* two tokens with one id */
        } else {
            scan->tokens[id] = text;
            text[bytes] = '\0';
        }
        used += bytes + 1;
    } while (take(c, ','));
    return take(c, '}');
}

bool el_vocab_scan_make(el_vocab_scan *out, const char *json, size_t bytes)
{
    *out = (el_vocab_scan){0};
    cursor c = {(const uint8_t *)json, (const uint8_t *)json + bytes};
    if (!enter(&c, "model") || !enter(&c, "vocab")) {
        return false;
    }
    const cursor vocab = c;
    if (!read_tokens(&c, out)) {
        return false;
    }
    const size_t before = (size_t)(vocab.p - (const uint8_t *)json), behind = (size_t)(c.end - c.p);
    out->rest_bytes = before + 2 + behind;
    out->texts = el_alloc((size_t)(c.p - vocab.p), 1); /* quotes alone are more than the ends of texts */
    out->tokens = el_alloc(out->n, sizeof *out->tokens);
    out->rest = el_alloc(out->rest_bytes, 1);
    cursor again = vocab;
    if (!out->texts || !out->tokens || !out->rest || !read_tokens(&again, out)) {
        el_vocab_scan_clear(out);
        return false;
    }
    memcpy(out->rest, json, before);
    memcpy(out->rest + before, "{}", 2);
    memcpy(out->rest + before + 2, c.p, behind);
    return true;
}

void el_vocab_scan_clear(el_vocab_scan *scan)
{
    el_free(scan->tokens);
    el_free(scan->texts);
    el_free(scan->rest);
    *scan = (el_vocab_scan){0};
}
