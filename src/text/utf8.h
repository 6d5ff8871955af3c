/* UTF-8, one character at a time. Ill-formed input never stops anything: each maximal ill-formed piece counts as one
 * U+FFFD, as the Unicode standard recommends (section 3.9) and as Rust and Python decode it. */
#ifndef EL_TEXT_UTF8_H
#define EL_TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum { EL_REPLACEMENT = 0xFFFD, EL_UTF8_MOST = 4 /* bytes of one character */ };

/* Continuation bytes that may follow a lead byte: how many, and the range of the first of them (it is narrower where
 * the encoding would be overlong, a surrogate or beyond U+10FFFF). */
typedef struct el_utf8_lead {
    uint32_t bits;
    int more; /* -1: not a lead byte */
    uint8_t least, most;
} el_utf8_lead;

static inline el_utf8_lead el_utf8_lead_of(uint8_t b)
{
    if (b < 0x80) {
        return (el_utf8_lead){b, 0, 0, 0};
    }
    if (b >= 0xC2 && b <= 0xDF) {
        return (el_utf8_lead){b & 0x1Fu, 1, 0x80, 0xBF};
    }
    if (b >= 0xE0 && b <= 0xEF) {
        return (el_utf8_lead){b & 0x0Fu, 2, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF};
    }
    if (b >= 0xF0 && b <= 0xF4) {
        return (el_utf8_lead){b & 0x07u, 3, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF};
    }
    return (el_utf8_lead){0, -1, 0, 0};
}

/* The character at *p < end; moves *p behind it. U+FFFD for an ill-formed piece. */
static inline uint32_t el_utf8_next(const uint8_t **p, const uint8_t *end)
{
    el_utf8_lead lead = el_utf8_lead_of(*(*p)++);
    if (lead.more < 0) {
        return EL_REPLACEMENT;
    }
    uint32_t c = lead.bits;
    for (int i = 0; i < lead.more; i++) {
        if (*p == end || **p < lead.least || **p > lead.most) {
            return EL_REPLACEMENT;
        }
        c = c << 6 | (*(*p)++ & 0x3Fu);
        lead.least = 0x80;
        lead.most = 0xBF;
    }
    return c;
}

/* The first byte that belongs to no character; NULL if there is none. */
const uint8_t *el_utf8_ill_formed(const uint8_t *p, const uint8_t *end);

/* Writes 1-4 bytes for c <= U+10FFFF; returns how many. */
static inline size_t el_utf8_put(uint8_t out[EL_UTF8_MOST], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

/* Characters in [p, end), ill-formed pieces counting as one each. */
static inline size_t el_utf8_count(const uint8_t *p, const uint8_t *end)
{
    size_t n = 0;
    while (p < end) {
        (void)el_utf8_next(&p, end);
        n++;
    }
    return n;
}

#endif
