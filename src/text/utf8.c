/* Owns the check of long texts. */
#include "text/utf8.h"

#include <string.h>

const uint8_t *el_utf8_ill_formed(const uint8_t *p, const uint8_t *end)
{
    static const uint64_t HIGH = 0x8080808080808080u;
    static const uint8_t REPLACEMENT[] = {0xEF, 0xBF, 0xBD}; /* U+FFFD may be written out */
    while (p < end) {
        uint64_t eight;
        if ((size_t)(end - p) >= sizeof eight && (memcpy(&eight, p, sizeof eight), (eight & HIGH) == 0)) {
            p += sizeof eight;
            continue;
        }
        const uint8_t *before = p;
        if (el_utf8_next(&p, end) == EL_REPLACEMENT && (p - before != 3 || memcmp(before, REPLACEMENT, 3) != 0)) {
            return before;
        }
    }
    return NULL;
}
