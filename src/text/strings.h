/* A set of strings that numbers its members 0, 1, ... in the order in which they came, each with a count. */
#ifndef EL_TEXT_STRINGS_H
#define EL_TEXT_STRINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct el_string {
    uint64_t hash;
    uint64_t count;
    size_t at; /* first byte in el_strings.text; a NUL follows the last */
    size_t bytes;
} el_string;

/* Zero it before its first use. */
typedef struct el_strings {
    el_string *items; /* [n] */
    size_t n, capacity;
    char *text;
    size_t n_text, text_capacity;
    uint32_t *slots; /* [mask + 1] number of an item + 1; 0: free. At most half full */
    size_t mask;
} el_strings;

#define EL_STRINGS_FULL SIZE_MAX

/* The number of a string, added with count 0 if it is new. EL_STRINGS_FULL when out of memory. */
size_t el_strings_add(el_strings *set, const char *string, size_t bytes);

/* The number of a string, or EL_STRINGS_FULL if it is not there. */
size_t el_strings_find(const el_strings *set, const char *string, size_t bytes);

/* Borrowed, NUL-terminated; valid until the next el_strings_add. */
static inline const char *el_strings_text(const el_strings *set, size_t i)
{
    return set->text + set->items[i].at;
}

void el_strings_clear(el_strings *set);

#endif
