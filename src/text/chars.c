/* Owns the lookup of character properties: unfolds the generated ranges into a two-stage table. */
#include "text/chars.h"

#include <string.h>
#include <utf8proc.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/status.h"
#include "text/utf8.h"

/* Fill one block with the bits of all sets. next[s]: the first range of set s that may still matter; blocks are asked
 * for in ascending order, so it only moves forward. */
static void fill_block(uint16_t flags[EL_CHAR_BLOCK], uint32_t first, size_t next[EL_CHAR_SETS_N])
{
    memset(flags, 0, EL_CHAR_BLOCK * sizeof flags[0]);
    const uint32_t last = first + EL_CHAR_BLOCK - 1;
    for (size_t s = 0; s < EL_CHAR_SETS_N; s++) {
        const el_char_set *set = &EL_CHAR_SETS[s];
        while (next[s] < set->n && set->ranges[next[s]].last < first) {
            next[s]++;
        }
        for (size_t r = next[s]; r < set->n && set->ranges[r].first <= last; r++) {
            const uint32_t from = set->ranges[r].first > first ? set->ranges[r].first : first;
            const uint32_t to = set->ranges[r].last < last ? set->ranges[r].last : last;
            for (uint32_t c = from; c <= to; c++) {
                flags[c - first] |= (uint16_t)set->flag;
            }
        }
    }
}

/* The row of `flags` equal to this block, added if there is none; false when out of memory. hashes: of the rows. */
static bool keep_block(el_chars *chars, size_t *capacity, uint64_t hashes[EL_CHAR_BLOCKS],
                       const uint16_t flags[EL_CHAR_BLOCK], uint16_t *row)
{
    const size_t row_bytes = EL_CHAR_BLOCK * sizeof flags[0];
    const uint64_t hash = el_hash64(flags, row_bytes);
    /* from the end: neighbours are alike */
    for (size_t i = chars->n_blocks; i-- > 0;) {
        if (hashes[i] == hash && memcmp(chars->flags + i * EL_CHAR_BLOCK, flags, row_bytes) == 0) {
            *row = (uint16_t)i;
            return true;
        }
    }
    if (chars->n_blocks == *capacity) {
        const size_t grown = *capacity ? 2 * *capacity : 256;
        uint16_t *more = el_realloc(chars->flags, *capacity, grown, row_bytes);
        if (!more) {
            return false;
        }
        chars->flags = more;
        *capacity = grown;
    }
    hashes[chars->n_blocks] = hash;
    memcpy(chars->flags + chars->n_blocks * EL_CHAR_BLOCK, flags, row_bytes);
    *row = (uint16_t)chars->n_blocks++;
    return true;
}

electra_status el_chars_init(el_chars *chars, electra_error *err)
{
    *chars = (el_chars){0};
    size_t capacity = 0;
    size_t next[EL_CHAR_SETS_N] = {0};
    uint16_t flags[EL_CHAR_BLOCK];
    uint64_t hashes[EL_CHAR_BLOCKS];
    for (uint32_t b = 0; b < EL_CHAR_BLOCKS; b++) {
        fill_block(flags, b * EL_CHAR_BLOCK, next);
        if (!keep_block(chars, &capacity, hashes, flags, &chars->block[b])) {
            el_chars_clear(chars);
            return el_fail_memory(err, "the table of characters", 2 * capacity * sizeof flags);
        }
    }
    return ELECTRA_OK;
}

void el_chars_clear(el_chars *chars)
{
    el_free(chars->flags);
    *chars = (el_chars){0};
}

size_t el_char_lower(uint32_t c, uint32_t out[2])
{
    for (size_t i = 0; i < EL_LOWER_EXCEPTIONS_N; i++) {
        if (EL_LOWER_EXCEPTIONS[i].from == c) {
            out[0] = EL_LOWER_EXCEPTIONS[i].to[0];
            out[1] = EL_LOWER_EXCEPTIONS[i].to[1];
            return out[1] ? 2 : 1;
        }
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    return 1;
}

bool el_is_final_sigma(const el_chars *chars, unsigned looked_through, const uint8_t *text, const uint8_t *text_end,
                       const uint8_t *sigma)
{
    bool cased = false;
    for (const uint8_t *p = sigma; p > text;) {
        const uint8_t *before = p - 1;
        while (before > text && (*before & 0xC0) == 0x80 && p - before < EL_UTF8_MOST) {
            before--;
        }
        p = before;
        const uint8_t *at = before;
        const unsigned flags = el_char_flags(chars, el_utf8_next(&at, sigma));
        if (!(flags & looked_through)) {
            cased = flags & EL_CHAR_CASED;
            break;
        }
    }
    if (!cased) {
        return false;
    }
    for (const uint8_t *p = sigma + 2; p < text_end;) {
        const unsigned flags = el_char_flags(chars, el_utf8_next(&p, text_end));
        if (!(flags & looked_through)) {
            return !(flags & EL_CHAR_CASED);
        }
    }
    return true;
}
