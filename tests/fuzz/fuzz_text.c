/* The tokenizer over any bytes. The first three choose its settings, the length and what is done beyond it; the rest is
 * the text, and behind its first 0x1E the second one of a pair. */
#include "fuzz/encode.h"
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/samples.h"

enum { N_SETTINGS = 1 << 7 };

static electra_encoder *encoder_of(unsigned bits)
{
    static electra_encoder *made[N_SETTINGS]; /* each with its tokenizer, until the end of the process */
    if (!made[bits]) {
        electra_tokenizer *tokenizer;
        electra_tokenizer_options o = electra_tokenizer_options_default();
        o.lowercase = bits & 1;
        o.strip_accents = bits & 2 ? ELECTRA_ACCENTS_KEEP : ELECTRA_ACCENTS_AUTO;
        o.handle_chinese_chars = !(bits & 4);
        o.clean_text = !(bits & 8);
        o.specials_in_text = bits & 16   ? ELECTRA_SPECIALS_ALL
                             : bits & 32 ? ELECTRA_SPECIALS_MASK
                                         : ELECTRA_SPECIALS_NONE;
        o.google = bits & 64;
        o.max_word_chars = bits & 32 ? 7 : 0;
        FUZZ_MUST_HOLD(electra_tokenizer_create(&tokenizer, FUZZ_SAMPLE_TOKENS, fuzz_sample_tokens, &o, NULL) ==
                       ELECTRA_OK);
        FUZZ_MUST_HOLD(electra_encoder_create(&made[bits], tokenizer, NULL) == ELECTRA_OK);
    }
    return made[bits];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 3) {
        return 0;
    }
    electra_encode_options options = electra_encode_options_default();
    options.max_length = data[1] % 32;
    options.stride = data[2] % 8;
    options.windows = data[2] & 8;
    options.no_special = data[2] & 16;
    options.truncation = (electra_truncation)(data[2] / 32 % 3);
    const char *text = (const char *)data + 3;
    const char *second = memchr(text, 0x1E, bytes - 3);
    const size_t text_bytes = second ? (size_t)(second - text) : bytes - 3;
    fuzz_encode(encoder_of(data[0] % N_SETTINGS), text, text_bytes, second ? second + 1 : NULL,
                second ? bytes - 3 - text_bytes - 1 : 0, &options);
    return 0;
}
