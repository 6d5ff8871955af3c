/* Which words of a text does a discriminator take for replaced ones?
 *
 *     cc detect.c $(pkg-config --cflags --libs electra) -o detect
 *     ./detect run/discriminator "He went into the house and of the door." */
#include <electra/electra.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL TEXT\n", argv[0]);
        return ELECTRA_MISUSE;
    }
    electra_error error = {0};
    electra_model *model = NULL;
    electra_session *session = NULL;
    const electra_text text = {argv[2], strlen(argv[2])};
    electra_detection found;
    electra_status status = electra_model_load(&model, argv[1], NULL, &error);
    if (status == ELECTRA_OK) {
        status = electra_session_create(&session, model, NULL, &error);
    }
    if (status == ELECTRA_OK) {
        status = electra_session_detect(session, &text, 1, &found, &error);
    }
    if (status == ELECTRA_OK) {
        for (size_t i = 0; i < found.n; i++) {
            printf("%.3f  %s\n", (double)found.tokens[i].score, found.tokens[i].token);
        }
    } else {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    }
    electra_session_free(session);
    electra_model_free(model);
    return (int)status;
}
