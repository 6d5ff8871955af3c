/* Words of the command line as token ids.
 *
 *     cc tokenize.c $(pkg-config --cflags --libs electra) -o tokenize
 *     ./tokenize vocab.txt "The cat sat on the mat." */
#include <electra/electra.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s VOCAB TEXT\n", argv[0]);
        return ELECTRA_MISUSE;
    }
    electra_error error = {0};
    electra_tokenizer *tokenizer = NULL;
    electra_encoder *encoder = NULL;
    electra_encoding encoding;
    electra_status status = electra_tokenizer_load(&tokenizer, argv[1], NULL, &error);
    if (status == ELECTRA_OK) {
        status = electra_encoder_create(&encoder, tokenizer, &error);
    }
    if (status == ELECTRA_OK) {
        status = electra_encoder_encode(encoder, argv[2], strlen(argv[2]), NULL, 0, NULL, &encoding, &error);
    }
    if (status == ELECTRA_OK) {
        const electra_window *window = &encoding.windows[0];
        for (size_t i = 0; i < window->n; i++) {
            printf("%u\t%s\n", (unsigned)window->ids[i], electra_tokenizer_token(tokenizer, window->ids[i]));
        }
    } else {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    }
    electra_encoder_free(encoder);
    electra_tokenizer_free(tokenizer);
    return (int)status;
}
