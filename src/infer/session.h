/* What all answers share: a session's backend, forward pass, encoder and growing arrays of results. */
#ifndef EL_INFER_SESSION_H
#define EL_INFER_SESSION_H

#include <electra/infer.h>

#include "data/batch.h"
#include "interop/model.h"
#include "model/predict.h"

enum { EL_SESSION_MOST_SLOTS = 32 }; /* masked positions computed at once: their logits over the vocabulary are kept */

/* One window of a text within the pack. */
typedef struct el_piece {
    size_t place; /* of its [CLS] in the pack */
    size_t first; /* result of the first token that this window decides */
    size_t skip;  /* tokens of the window before that one */
    size_t n;     /* tokens that it decides */
} el_piece;

/* An array that grows and is kept from call to call. */
typedef struct el_growing {
    void *items;
    size_t n, capacity;
} el_growing;

struct electra_session {
    const electra_model *model;
    el_pool *pool;
    el_backend *be;
    el_predictor *predictor;
    electra_encoder *encoder;
    size_t longest;   /* tokens of a sequence */
    float *numbers;   /* host: logits of the pack's tokens, or of all slots times the vocabulary */
    uint32_t *window; /* [longest] a sequence on its way into the pack */

    el_pack *pack;
    size_t n_packed;  /* tokens in it */
    el_piece *pieces; /* one a sequence of the pack */
    size_t n_pieces;
    size_t waiting[EL_SESSION_MOST_SLOTS]; /* blanks whose positions are in the pack, in order */
    size_t n_waiting;

    el_growing scores;     /* electra_token_score */
    el_growing ids;        /* uint32_t */
    el_growing blanks;     /* electra_blank */
    el_growing candidates; /* electra_candidate */
};

/* Room for n more items of `size` bytes behind the last one, whose number is not raised yet; NULL when out of memory
 * (err is filled then, naming `what`). */
void *el_growing_room(el_growing *array, size_t n, size_t size, const char *what, electra_error *err);

/* Add [CLS], the tokens begin ... end-1 (counted behind [CLS]) of a text and [SEP] to the pack, with masked positions
 * counted within the window; false if there is no room. */
bool el_session_add(electra_session *session, const electra_window *text, size_t begin, size_t end,
                    const uint32_t *slots, size_t n_slots);

/* Empty the pack. */
void el_session_reset(electra_session *session);

/* Encode a whole text, [CLS] and [SEP] at its ends. Borrowed from the encoder until the next call. */
electra_status el_session_encode(electra_session *session, const electra_text *text, electra_window *out,
                                 electra_error *err);

#endif
