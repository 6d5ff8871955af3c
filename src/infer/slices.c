/* Owns the index from code points to bytes. */
#include "infer/slices.h"

#include "base/status.h"
#include "text/utf8.h"

enum { MARK_EVERY = 64 };

electra_status el_slices_begin(el_slices *s, electra_text text, electra_error *err)
{
    s->text = text.bytes ? text : (electra_text){"", 0};
    s->marks.n = 0;
    uint32_t *marks =
        el_growing_room(&s->marks, text.bytes / MARK_EVERY + 1, sizeof *marks, "the places of a text", err);
    if (!marks) {
        return ELECTRA_NO_RESOURCE;
    }
    const uint8_t *begin = (const uint8_t *)s->text.text;
    const uint8_t *end = begin + s->text.bytes;
    size_t n = 0;
    for (const uint8_t *p = begin; p < end; n++) {
        if (n % MARK_EVERY == 0) {
            marks[s->marks.n++] = (uint32_t)(p - begin);
        }
        (void)el_utf8_next(&p, end);
    }
    return ELECTRA_OK;
}

/* Where code point `at` begins; the end of the text if there are not so many. */
static const uint8_t *find(const el_slices *s, uint32_t at)
{
    const uint8_t *p = (const uint8_t *)s->text.text;
    const uint8_t *end = p + s->text.bytes;
    if (at / MARK_EVERY >= s->marks.n) {
        return end;
    }
    p += ((const uint32_t *)s->marks.items)[at / MARK_EVERY];
    for (uint32_t i = 0; i < at % MARK_EVERY && p < end; i++) {
        (void)el_utf8_next(&p, end);
    }
    return p;
}

electra_text el_slice(const el_slices *s, electra_span span)
{
    const uint8_t *begin = find(s, span.start);
    const uint8_t *end = find(s, span.end);
    return (electra_text){(const char *)begin, end > begin ? (size_t)(end - begin) : 0};
}
