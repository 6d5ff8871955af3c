/* What does a fine-tuned classifier say about a text, or about a pair of texts?
 *
 *     cc classify.c $(pkg-config --cflags --libs electra) -o classify
 *     ./classify sentiment "What a wonderful film!"
 *     ./classify entailment "A cat sleeps." "An animal is asleep." */
#include <electra/electra.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s MODEL TEXT [SECOND]\n", argv[0]);
        return ELECTRA_MISUSE;
    }
    electra_error error = {0};
    electra_model *model = NULL;
    electra_session *session = NULL;
    const electra_text text = {argv[2], strlen(argv[2])};
    const electra_text second = {argc == 4 ? argv[3] : "", argc == 4 ? strlen(argv[3]) : 0};
    electra_classification found;
    electra_status status = electra_model_load(&model, argv[1], NULL, &error);
    if (status == ELECTRA_OK) {
        status = electra_session_create(&session, model, NULL, &error);
    }
    if (status == ELECTRA_OK) {
        status = electra_session_classify(session, &text, &second, 1, NULL, &found, &error);
    }
    if (status == ELECTRA_OK) {
        for (size_t i = 0; i < found.n; i++) {
            printf("%.3f  %s\n", (double)found.labels[i].score, found.labels[i].label);
        }
    } else {
        fprintf(stderr, "%s: %s\n", error.where, error.message);
    }
    electra_session_free(session);
    electra_model_free(model);
    return (int)status;
}
