/* What kind of character is this? One lookup for all sets of unicode_tables.h. */
#ifndef EL_TEXT_CHARS_H
#define EL_TEXT_CHARS_H

#include <electra/types.h>

#include "text/unicode_tables.h"

enum { EL_CHAR_BLOCK = 256, EL_CHAR_BLOCKS = 0x110000 / EL_CHAR_BLOCK };

/* A table in two stages: most blocks of 256 characters are equal, so about 200 of the 4,352 are kept. */
typedef struct el_chars {
    uint16_t *flags;                /* [n_blocks, 256] of el_char_flag */
    uint16_t block[EL_CHAR_BLOCKS]; /* which row of flags */
    size_t n_blocks;
} el_chars;

electra_status el_chars_init(el_chars *chars, electra_error *err);
void el_chars_clear(el_chars *chars); /* accepts a zeroed one */

/* el_char_flag bits of c <= U+10FFFF */
static inline unsigned el_char_flags(const el_chars *chars, uint32_t c)
{
    return chars->flags[(size_t)chars->block[c / EL_CHAR_BLOCK] * EL_CHAR_BLOCK + c % EL_CHAR_BLOCK];
}

/* The lower case of c as one or two characters; returns how many. Call it for characters with EL_CHAR_LOWERS. */
size_t el_char_lower(uint32_t c, uint32_t out[2]);

enum { EL_CAPITAL_SIGMA = 0x3A3, EL_SMALL_SIGMA = 0x3C3, EL_FINAL_SIGMA = 0x3C2 };

/* Whether the lower case of the capital sigma at `sigma` in [text, text_end) is the final one: a cased letter stands
 * before it and none after it. Characters with one of the flags looked_through (EL_CHAR_CASE_IGNORABLE, to which
 * apostrophes and marks belong) do not count (Unicode, SpecialCasing.txt, Final_Sigma; Python's str.lower). */
bool el_is_final_sigma(const el_chars *chars, unsigned looked_through, const uint8_t *text, const uint8_t *text_end,
                       const uint8_t *sigma);

#endif
