/* Files, folders and archives as one sequence of members of text, each a stream of bytes. libarchive does the
 * unpacking; archives in archives are opened in place, nothing is ever written. */
#ifndef EL_DATA_INPUT_H
#define EL_DATA_INPUT_H

#include <electra/types.h>

typedef struct el_input el_input;

typedef struct el_member {
    const char *name; /* for messages: "texts/a.tar.gz: part/b.txt"; NULL when there are no more members */
    bool json_lines;
} el_member;

/* See electra_corpus_open. */
electra_status el_input_open(el_input **out, const char *const *paths, size_t n_paths, electra_error *err);
void el_input_free(el_input *input); /* accepts NULL */

/* Go to the next member; what was not read of the last one is skipped. *member is valid until the next call. */
electra_status el_input_next(el_input *input, el_member *member, electra_error *err);

/* Fill `buffer` from the member: *got is less than `room` only at its end. */
electra_status el_input_read(el_input *input, char *buffer, size_t room, size_t *got, electra_error *err);

/* Files and members that were passed over because of their names. */
uint64_t el_input_ignored(const el_input *input);

/* Bytes of files read so far and of all; 0 for all if one of them is no regular file. */
void el_input_position(const el_input *input, uint64_t *done, uint64_t *total);

#endif
