/* Answers from a loaded model.
 *
 *     electra_session *session = NULL;
 *     electra_session_create(&session, model, NULL, &error);
 *     electra_text text = {"the cat sat on the moon", 23};
 *     electra_detection found;
 *     electra_session_detect(session, &text, 1, &found, &error);
 *     for (size_t i = 0; i < found.n; i++)
 *         printf("%s %.3f\n", found.tokens[i].token, found.tokens[i].score);
 *     electra_session_free(session);
 *
 * A session owns all memory that answering needs, sized when it is created; it grows only with the texts of a call. One
 * thread at a time uses a session; any number of sessions share a model. Answers are borrowed from the session and stay
 * until its next call. They do not depend on which texts are asked together nor on the number of threads, up to
 * rounding of the last bits of a score. */
#ifndef ELECTRA_INFER_H
#define ELECTRA_INFER_H

#include <electra/model.h>
#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct electra_session electra_session;

typedef struct electra_session_options {
    size_t struct_size;
    size_t batch_tokens; /* tokens computed at once; 0: 1024. At least one sequence of the model's length is taken */
    size_t max_length;   /* tokens of a sequence, [CLS] and [SEP] included; 0, or more than there are: the model's
                            positions. Longer texts are cut into windows that overlap */
    electra_runtime runtime; /* threads */
} electra_session_options;

ELECTRA_API electra_session_options electra_session_options_default(void);

/* The model must outlive the session. options may be NULL for the defaults.
 * ELECTRA_MISUSE: max_length below 8. ELECTRA_NO_RESOURCE: out of memory. */
ELECTRA_API electra_status electra_session_create(electra_session **out, const electra_model *model,
                                                  const electra_session_options *options, electra_error *err);
ELECTRA_API void electra_session_free(electra_session *session); /* accepts NULL */

/* UTF-8, not necessarily NUL-terminated. */
typedef struct electra_text {
    const char *text;
    size_t bytes;
} electra_text;

/* ---- replaced tokens ------------------------------------------------------------------------------------------ */

typedef struct electra_token_score {
    uint32_t id;
    electra_span span; /* code points of the text */
    const char *token; /* borrowed from the model's tokenizer */
    float score;       /* probability that this token is not the one that stood here */
} electra_token_score;

typedef struct electra_detection {
    size_t n; /* tokens of the text, [CLS] and [SEP] left out; 0 for an empty text */
    const electra_token_score *tokens;
} electra_detection;

/* For every token of every text the discriminator's verdict. out: [n]. A text of any length: windows overlap by half,
 * and a token counts in the one in which it stands farther from the edges.
 * ELECTRA_MISUSE if the model is no discriminator (the message says what to use). */
ELECTRA_API electra_status electra_session_detect(electra_session *session, const electra_text *texts, size_t n,
                                                  electra_detection *out, electra_error *err);

/* ---- filling masks -------------------------------------------------------------------------------------------- */

typedef struct electra_candidate {
    uint32_t id;
    const char *token; /* borrowed from the model's tokenizer; continuation pieces keep their "##" */
    float score;       /* probability, over the whole vocabulary */
} electra_candidate;

typedef struct electra_blank {
    size_t index;      /* of the token within electra_filling.ids */
    electra_span span; /* code points of the text */
    size_t n;
    const electra_candidate *candidates; /* best first */
} electra_blank;

typedef struct electra_filling {
    size_t n_ids; /* the text as tokens, [CLS] and [SEP] at its ends */
    const uint32_t *ids;
    size_t n; /* number of [MASK] in the text */
    const electra_blank *blanks;
} electra_filling;

/* For every [MASK] of every text the top_k (cut to V) likeliest tokens; several masks of one text are filled each on
 * its own. out: [n]. In a text longer than the model's positions each mask is seen with the text around it.
 * ELECTRA_MISUSE if the model is no generator (the message says what to use), if its vocabulary has no [MASK], or if
 * top_k is 0; a text without [MASK] is no error (n is 0). */
ELECTRA_API electra_status electra_session_fill(electra_session *session, const electra_text *texts, size_t n,
                                                size_t top_k, electra_filling *out, electra_error *err);

/* The whole text with one blank filled, as words: what Hugging Face's fill-mask calls "sequence" (special tokens are
 * left out if there is a single mask). Yours: electra_text_free. */
ELECTRA_API electra_status electra_session_filled_text(const electra_session *session, const electra_filling *filling,
                                                       size_t blank, size_t candidate, char **out, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
