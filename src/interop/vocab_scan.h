/* The vocabulary within a tokenizer.json, read without a JSON value for each of its thirty thousand tokens.
 *
 *     el_vocab_scan scan;
 *     if (el_vocab_scan_make(&scan, text, bytes)) {
 *         ... parse scan.rest, the document with an empty vocabulary, and take scan.tokens ...
 *         el_vocab_scan_clear(&scan);
 *     } else {
 *         ... parse all of it, for what it holds or for the message that says what is wrong ...
 *     }
 *
 * Understands what writers of such files write: strings of valid UTF-8 with no escapes but \" \\ and \/, and plain
 * whole numbers, each at most once. Everything else, sound or not, is left to the JSON parser. */
#ifndef EL_INTEROP_VOCAB_SCAN_H
#define EL_INTEROP_VOCAB_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct el_vocab_scan {
    const char **tokens; /* [n] by id; NULL where an id is not used */
    size_t n;
    char *texts; /* what tokens points into */
    char *rest;  /* the document with {} in the place of model.vocab */
    size_t rest_bytes;
} el_vocab_scan;

/* false, with nothing to clear, if the vocabulary is not of that plain kind or memory is short. */
bool el_vocab_scan_make(el_vocab_scan *out, const char *json, size_t bytes);
void el_vocab_scan_clear(el_vocab_scan *scan);

#endif
