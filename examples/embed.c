/* How alike are texts? The cosine of each one's vector with that of the first.
 *
 *     cc embed.c $(pkg-config --cflags --libs electra) -o embed
 *     ./embed encoder "The cat sleeps." "A cat is asleep." "Stocks fell." */
#include <electra/electra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL TEXT...\n", argv[0]);
        return ELECTRA_MISUSE;
    }
    const size_t n = (size_t)argc - 2;
    electra_text *texts = calloc(n, sizeof *texts);
    electra_embedding *vectors = calloc(n, sizeof *vectors);
    electra_error error = {0};
    electra_model *model = NULL;
    electra_session *session = NULL;
    electra_embed_options options = electra_embed_options_default();
    options.normalize = true; /* then a dot product is the cosine */
    electra_status status = texts && vectors ? ELECTRA_OK : ELECTRA_NO_RESOURCE;
    for (size_t i = 0; status == ELECTRA_OK && i < n; i++) {
        texts[i] = (electra_text){argv[i + 2], strlen(argv[i + 2])};
    }
    if (status == ELECTRA_OK) {
        status = electra_model_load(&model, argv[1], NULL, &error);
    }
    if (status == ELECTRA_OK) {
        status = electra_session_create(&session, model, NULL, &error);
    }
    if (status == ELECTRA_OK) {
        status = electra_session_embed(session, texts, n, &options, vectors, &error);
    }
    for (size_t i = 0; status == ELECTRA_OK && i < n; i++) {
        double cosine = 0;
        for (size_t k = 0; k < vectors[i].width; k++) {
            cosine += (double)vectors[0].values[k] * (double)vectors[i].values[k];
        }
        printf("%6.3f  %s\n", cosine, argv[i + 2]);
    }
    if (status != ELECTRA_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    }
    electra_session_free(session);
    electra_model_free(model);
    free(texts);
    free(vectors);
    return (int)status;
}
