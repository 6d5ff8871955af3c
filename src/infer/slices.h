/* Code points of a text -> its bytes. */
#ifndef EL_INFER_SLICES_H
#define EL_INFER_SLICES_H

#include <electra/infer.h>

#include "infer/growing.h"

/* Zero it before its first use; el_free(marks.items) releases it. */
typedef struct el_slices {
    electra_text text;
    el_growing marks; /* uint32_t: the byte at which every 64th code point begins */
} el_slices;

/* Take a text (borrowed) of less than 4 GiB. Ill-formed UTF-8 counts as the tokenizer counts it. */
electra_status el_slices_begin(el_slices *slices, electra_text text, electra_error *err);

/* The bytes of a span; cut at the end of the text. */
electra_text el_slice(const el_slices *slices, electra_span span);

#endif
