/* WordPiece: a normalised word -> pieces, always the longest that the vocabulary has, from the left. */
#ifndef EL_TEXT_WORDPIECE_H
#define EL_TEXT_WORDPIECE_H

#include "text/vocab.h"

/* Split word[0, bytes), bytes > 0, and return the number of pieces, at most `bytes`: ids[i] is the i-th piece, which
 * ends before byte ends[i]. If a rest cannot be matched the whole word is one [UNK]. ids and ends have room for
 * `bytes` entries; ends may be NULL.
 * The first piece is looked up as it is, the following ones among the tokens that begin with "##". */
size_t el_wordpiece(const el_vocab *vocab, const uint8_t *word, size_t bytes, uint32_t *ids, uint32_t *ends);

#endif
