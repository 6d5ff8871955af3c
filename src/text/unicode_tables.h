/* Sets of characters that tokenization treats specially; the values are in the generated unicode_tables.c. */
#ifndef EL_TEXT_UNICODE_TABLES_H
#define EL_TEXT_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* What the reference tokenizer does with a character. One bit each: a character can be in several sets. */
typedef enum el_char_flag {
    EL_CHAR_CONTROL = 1 << 0,       /* cleaning drops it */
    EL_CHAR_SPACE = 1 << 1,         /* separates words */
    EL_CHAR_PUNCTUATION = 1 << 2,   /* a word of its own */
    EL_CHAR_IDEOGRAPH = 1 << 3,     /* CJK: a word of its own if asked for */
    EL_CHAR_MARK = 1 << 4,          /* an accent that stripping drops, after decomposition */
    EL_CHAR_DECOMPOSES = 1 << 5,    /* has a canonical decomposition */
    EL_CHAR_REORDERED = 1 << 6,     /* has a combining class, so it takes its place among its neighbours */
    EL_CHAR_LOWERS = 1 << 7,        /* has a lower case other than itself */
    EL_CHAR_CASED = 1 << 8,         /* makes a capital sigma after it a final one (Python) */
    EL_CHAR_CASE_IGNORABLE = 1 << 9 /* is looked through when the neighbours of a sigma are sought (Python) */
} el_char_flag;

enum { EL_CHAR_SETS_N = 10 };

typedef struct el_range {
    uint32_t first, last; /* inclusive */
} el_range;

typedef struct el_char_set {
    el_char_flag flag;
    const el_range *ranges; /* ascending */
    size_t n;
} el_char_set;

extern const el_char_set EL_CHAR_SETS[EL_CHAR_SETS_N];

/* Characters whose lower case utf8proc does not give: longer than one character, or newer than its tables.
 * Ascending; to[1] is 0 when there is no second character. */
typedef struct el_lower_exception {
    uint32_t from;
    uint32_t to[2];
} el_lower_exception;

extern const el_lower_exception EL_LOWER_EXCEPTIONS[];
extern const size_t EL_LOWER_EXCEPTIONS_N;

#endif
