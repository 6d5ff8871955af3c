/* What must hold for a tokenizer and a text, whatever they are. */
#ifndef TEST_FUZZ_ENCODE_H
#define TEST_FUZZ_ENCODE_H

#include <electra/tokenizer.h>

/* Encode a text (and a pair) in all ways and compare them. options: NULL for no limit. */
void fuzz_encode(electra_encoder *encoder, const char *text, size_t bytes, const char *second, size_t second_bytes,
                 const electra_encode_options *options);

/* The same with a few sentences of many kinds; and a look at every token. */
void fuzz_use_tokenizer(const electra_tokenizer *tokenizer);

#endif
