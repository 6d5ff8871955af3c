/* Inside view of a tokenizer: what the encoder reads. */
#ifndef EL_TEXT_TOKENIZER_H
#define EL_TEXT_TOKENIZER_H

#include "text/normalize.h"
#include "text/vocab.h"

enum { EL_SPECIALS_N = 5 };

struct electra_tokenizer {
    electra_tokenizer_options settings; /* resolved */
    el_normalizer normalizer;
    el_vocab vocab;
    uint32_t alone[128];                /* id of each ASCII character as a word of its own, or [UNK] */
    uint32_t recognised[EL_SPECIALS_N]; /* ids of the special tokens that are recognised in text */
    size_t n_recognised;
};

/* The first special token that is recognised in [p, end): its id and where it stands. ELECTRA_NO_TOKEN if none is. */
uint32_t el_tokenizer_find_special(const electra_tokenizer *t, const uint8_t *p, const uint8_t *end,
                                   const uint8_t **begin, const uint8_t **after);

#endif
