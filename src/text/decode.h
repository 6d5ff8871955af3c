/* Pieces of words -> text, as the reference decoder joins them. */
#ifndef EL_TEXT_DECODE_H
#define EL_TEXT_DECODE_H

#include <electra/types.h>

/* Text that grows. Zero it before its first use; release it with el_text_buffer_clear; to reuse it, set n to 0. */
typedef struct el_text_buffer {
    char *text; /* NUL-terminated once anything was added, be it of no bytes */
    size_t n, capacity;
} el_text_buffer;

void el_text_buffer_clear(el_text_buffer *buffer);
electra_status el_text_buffer_add(el_text_buffer *buffer, const char *text, size_t bytes, electra_error *err);

/* Join one more piece to the words that end the buffer: the first one stands as it is, "##" is taken off any other or a
 * space put before it; then it is cleaned up by itself (" ." becomes "." and so on). */
electra_status el_decode_piece(el_text_buffer *buffer, const char *piece, size_t bytes, bool first, electra_error *err);

#endif
