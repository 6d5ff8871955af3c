/* Answers from a loaded model.
 *
 *     electra_model *model = NULL;
 *     electra_session *session = NULL;
 *     electra_error error;
 *     electra_model_load(&model, "sentiment", NULL, &error);
 *     electra_session_create(&session, model, NULL, &error);
 *     electra_text text = {"What a wonderful film!", 22};
 *     electra_classification found;
 *     electra_session_classify(session, &text, NULL, 1, NULL, &found, &error);
 *     printf("%s %.3f\n", found.labels[0].label, found.labels[0].score);
 *
 * and electra_session_free, electra_model_free at the end (examples/classify.c is the whole program). What a model can
 * be asked follows from its kind (electra_model_kind_of); any model can be asked for vectors (electra_session_embed).
 *
 * A session owns all memory that answering needs, sized when it is created; it grows only with the texts of a call, and
 * a call of sizes seen before allocates nothing. The exception is one of the first calls about a model, by whichever
 * session: weights are used as they lie in the file at first, and ordered for speed, in as much memory again, when it
 * is clear that more is being asked; answers are the same bits before and after. One thread at a time uses a session;
 * any number of sessions share a model. Answers are borrowed from the session and stay until its next call. They come
 * in the order of the texts, and do not depend on which texts are asked together nor on the number of threads, up to
 * rounding of the last bits of a score. Texts of a call are sorted by length and computed without padding, so ask many
 * at once.
 *
 * Texts of any length are taken, empty ones too. What happens to those that are longer than the model can see stands at
 * each function: they are covered by windows, or cut and counted by electra_session_truncated. Every function accepts
 * NULL for options (the defaults) and err; an options struct begins with its size, so begin with its ..._default().
 *
 * All functions can fail with ELECTRA_NO_RESOURCE (out of memory) and ELECTRA_MISUSE: an argument is missing, an option
 * makes no sense, or the model is of another kind (the message says which command or function fits it). */
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
                            positions */
    bool truncate; /* cut longer texts at their end and count them, as Hugging Face's pipelines do, instead of covering
                      them by windows as each function says (electra_session_answer always does) */
    electra_runtime runtime; /* threads */
} electra_session_options;

ELECTRA_API electra_session_options electra_session_options_default(void);

/* The model must outlive the session. options may be NULL for the defaults.
 * ELECTRA_MISUSE: max_length below 8. ELECTRA_INVALID: the model has no tokenizer. */
ELECTRA_API electra_status electra_session_create(electra_session **out, const electra_model *model,
                                                  const electra_session_options *options, electra_error *err);
ELECTRA_API void electra_session_free(electra_session *session); /* accepts NULL */

/* How many texts of the last call were longer than the model can see and were cut. */
ELECTRA_API size_t electra_session_truncated(const electra_session *session);

/* UTF-8, not necessarily NUL-terminated. */
typedef struct electra_text {
    const char *text; /* may be NULL if bytes is 0 */
    size_t bytes;
} electra_text;

/* ---- classes of a text ---------------------------------------------------------------------------------------- */

/* What turns a head's numbers into scores. */
typedef enum electra_score_function {
    ELECTRA_SCORES_AUTO, /* by the model: none for regression, sigmoid for several labels that may all be true and for a
                            single label, softmax otherwise */
    ELECTRA_SCORES_SOFTMAX,
    ELECTRA_SCORES_SIGMOID,
    ELECTRA_SCORES_NONE
} electra_score_function;

typedef struct electra_classify_options {
    size_t struct_size;
    electra_score_function function;
    size_t top_k; /* labels of each answer; 0, or more than there are: all */
} electra_classify_options;

ELECTRA_API electra_classify_options electra_classify_options_default(void); /* auto, all labels */

typedef struct electra_label_score {
    size_t index;      /* of the label in the model */
    const char *label; /* borrowed from the model */
    float score;
} electra_label_score;

typedef struct electra_classification {
    size_t n;
    const electra_label_score *labels; /* best first; of equal ones the smaller index first */
} electra_classification;

/* Classes, a number (regression), or several labels of every text or pair of texts. texts, out: [n]. pairs: NULL for
 * single texts, otherwise [n]; where pairs[i] is empty texts[i] stands alone (as in Hugging Face's pipelines). Too long
 * a text, of a pair the longer one first, is cut at its end and counted. */
ELECTRA_API electra_status electra_session_classify(electra_session *session, const electra_text *texts,
                                                    const electra_text *pairs, size_t n,
                                                    const electra_classify_options *options,
                                                    electra_classification *out, electra_error *err);

/* ---- classes of words ----------------------------------------------------------------------------------------- */

/* How tokens become entities (Hugging Face's aggregation strategies). */
typedef enum electra_aggregation {
    ELECTRA_TOKENS,       /* not at all: one result a token */
    ELECTRA_GROUP_TOKENS, /* "simple": neighbours of one tag are joined, even if that splits a word */
    ELECTRA_WORD_FIRST,   /* "first": the first token of a word decides for it; then words of one tag are joined */
    ELECTRA_WORD_AVERAGE, /* "average": the mean of the scores of its tokens decides */
    ELECTRA_WORD_MAX      /* "max": the token with the highest score decides */
} electra_aggregation;

typedef struct electra_tag_options {
    size_t struct_size;
    electra_aggregation aggregation;
    size_t stride;                     /* tokens that neighbouring windows share; 0: a quarter of a window */
    const char *const *ignored_labels; /* [n_ignored] results with these labels are left out: whole labels with
                                          ELECTRA_TOKENS, otherwise without "B-" and "I-"; NULL: only "O" */
    size_t n_ignored;                  /* read if ignored_labels is not NULL; 0: nothing is left out */
} electra_tag_options;

ELECTRA_API electra_tag_options electra_tag_options_default(void); /* ELECTRA_GROUP_TOKENS, without "O" */

typedef struct electra_entity {
    const char *label; /* borrowed from the model; without "B-" and "I-" unless tokens were asked for */
    float score;       /* probability; of a group the mean over its members */
    size_t index;      /* of the (first) token in the text, counted from 1: [CLS] is 0 */
    electra_span span; /* code points of the text */
    electra_text word; /* with ELECTRA_TOKENS the vocabulary's piece, otherwise the pieces as text; an unknown word as
                          it stands in the text */
} electra_entity;

typedef struct electra_tagging {
    size_t n;
    const electra_entity *entities; /* in the order of the text */
} electra_tagging;

/* A label for every token of every text, gathered as asked for. texts, out: [n]. Long texts are covered by windows that
 * overlap; of entities of two windows that overlap the longer one stays, then the one with the higher score.
 * ELECTRA_MISUSE if the stride is not less than the text's room in a window. */
ELECTRA_API electra_status electra_session_tag(electra_session *session, const electra_text *texts, size_t n,
                                               const electra_tag_options *options, electra_tagging *out,
                                               electra_error *err);

/* ---- questions answered from a text --------------------------------------------------------------------------- */

typedef struct electra_question {
    electra_text question, context;
} electra_question;

typedef struct electra_answer_options {
    size_t struct_size;
    size_t top_k;        /* answers to a question, at most; of a joint question answerer 20 or fewer */
    size_t max_answer;   /* tokens of an answer, at most */
    size_t max_length;   /* tokens of a window; 0: 384, or what the session can */
    size_t stride;       /* tokens of the context that neighbouring windows share ("doc_stride" of Hugging Face); 0:
                            half a window or 128, whichever is less (and half of the room that a long question leaves);
                            of a joint question answerer so many that windows start 128 tokens apart */
    bool allow_none;     /* "there is no answer" competes with the others, as an empty answer */
    bool align_to_words; /* widen answers to whole words */
    /* With allow_none: "no answer" goes first if its odds exceed this. NaN: the model's own
     * (electra_model_null_threshold). Odds are start + end logits of [CLS] minus those of the best answer, as SQuAD
     * 2.0's scorer wants them; of a joint question answerer the logit of "impossible". A higher threshold gives fewer
     * empty answers. */
    double null_threshold;
} electra_answer_options;

/* 1, 15, 0, 0, false, true, NaN */
ELECTRA_API electra_answer_options electra_answer_options_default(void);

typedef struct electra_answer {
    float score;       /* product of the probabilities of start and end within a window; equal texts (ignoring case)
                          add theirs, so it may exceed 1. Of a joint question answerer: the share among its 20 best
                          answers by that product, and with allow_none that times the probability that there is one.
                          The threshold moves "no answer" in the list and leaves its score */
    electra_span span; /* code points of the context */
    electra_text text; /* within the caller's context; empty: there is no answer */
} electra_answer;

typedef struct electra_answers {
    size_t n;                      /* 0 if the context is empty and allow_none is false */
    const electra_answer *answers; /* best first; "no answer" where its score times exp(-threshold) puts it, of a joint
                                      question answerer first only if its odds exceed the threshold */
    size_t windows;                /* that were looked at */
} electra_answers;

/* Find the answer to each question in its context: of any length, in windows that hold the whole question and
 * overlapping parts of the context. questions, out: [n]. A joint question answerer (ELECTRA_MODEL_JOINT_QA) reads the
 * first 64 tokens of a question, in short windows fewer, and follows the rules of the published system: the likeliest
 * starts of a window, the likeliest ends of each, and of several windows that hold a start the one which sees most
 * around it. ELECTRA_MISUSE: top_k or max_answer is 0, the stride is not less than the context's room in a window.
 * ELECTRA_INVALID: a question fills a window alone (where: "question 3", counted from 1). */
ELECTRA_API electra_status electra_session_answer(electra_session *session, const electra_question *questions, size_t n,
                                                  const electra_answer_options *options, electra_answers *out,
                                                  electra_error *err);

/* ---- multiple choice ------------------------------------------------------------------------------------------ */

typedef struct electra_choices {
    electra_text prompt;
    const electra_text *choices; /* [n] */
    size_t n;                    /* at least 1; may differ from question to question */
} electra_choices;

typedef struct electra_choice {
    size_t index; /* of the choice */
    float score;  /* probability among the choices of this prompt */
} electra_choice;

typedef struct electra_chosen {
    size_t n;
    const electra_choice *choices; /* all, best first */
} electra_chosen;

/* Which choice goes best with its prompt. prompts, out: [n]. Where prompt and choice are too long the longer one is cut
 * at its end; such prompts are counted. ELECTRA_MISUSE: a prompt without choices. */
ELECTRA_API electra_status electra_session_choose(electra_session *session, const electra_choices *prompts, size_t n,
                                                  electra_chosen *out, electra_error *err);

/* ---- vectors -------------------------------------------------------------------------------------------------- */

typedef enum electra_pooling {
    ELECTRA_POOLING_MEAN, /* mean of the last hidden states of all tokens, [CLS] and [SEP] included */
    ELECTRA_POOLING_CLS,  /* that of [CLS] */
    ELECTRA_POOLING_NONE  /* no pooling: one vector a token, [CLS] and [SEP] included */
} electra_pooling;

typedef struct electra_embed_options {
    size_t struct_size;
    electra_pooling pooling;
    bool normalize; /* every vector to length 1 */
} electra_embed_options;

ELECTRA_API electra_embed_options electra_embed_options_default(void); /* mean, as they are */

typedef struct electra_embedding {
    size_t rows;         /* 1; number of tokens without pooling */
    size_t width;        /* hidden_size of the model */
    const float *values; /* [rows, width] */
} electra_embedding;

/* Vectors of texts. texts, out: [n]. A long text is covered by windows that lie end to end, each with its own [CLS] and
 * [SEP]: the mean goes over all their tokens, "cls" is the mean over their [CLS]. An ELECTRA that was not trained to
 * compare texts makes poor vectors for it: train it, or expect little. */
ELECTRA_API electra_status electra_session_embed(electra_session *session, const electra_text *texts, size_t n,
                                                 const electra_embed_options *options, electra_embedding *out,
                                                 electra_error *err);

/* A file of vectors as numpy reads it (numpy.load): float32 [rows, width], written row by row, so that any number of
 * them needs no memory. It appears under its name when it is complete. */
typedef struct electra_vectors_file electra_vectors_file;
ELECTRA_API electra_status electra_vectors_create(electra_vectors_file **out, const char *path, size_t width,
                                                  electra_error *err);
ELECTRA_API electra_status electra_vectors_add(electra_vectors_file *file, const float *values, size_t rows,
                                               electra_error *err); /* values: [rows, width] */
ELECTRA_API electra_status electra_vectors_finish(electra_vectors_file *file, electra_error *err); /* frees file */
ELECTRA_API void electra_vectors_abandon(electra_vectors_file *file); /* removes what was written; accepts NULL */

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
 * and a token counts in the one in which it stands farther from the edges. */
ELECTRA_API electra_status electra_session_detect(electra_session *session, const electra_text *texts, size_t n,
                                                  electra_detection *out, electra_error *err);

/* ---- filling masks -------------------------------------------------------------------------------------------- */

typedef struct electra_fill_options {
    size_t struct_size;
    size_t top_k;            /* candidates of each mask; more than there are: all */
    const uint32_t *targets; /* [n_targets] only these tokens are candidates (each once); NULL: the whole vocabulary.
                                electra_session_target finds them */
    size_t n_targets;
} electra_fill_options;

ELECTRA_API electra_fill_options electra_fill_options_default(void); /* 5 of the whole vocabulary */

typedef struct electra_candidate {
    uint32_t id;
    const char *token; /* borrowed from the model's tokenizer; continuation pieces keep their "##" */
    float score;       /* probability, over the whole vocabulary even if there are targets */
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

/* For every [MASK] of every text the likeliest tokens; several masks of one text are filled each on its own. out: [n].
 * In a text longer than the model's positions each mask is seen with the text around it. A text without [MASK] is no
 * error (n is 0).
 * ELECTRA_MISUSE: the vocabulary has no [MASK], top_k is 0, targets is given and n_targets is 0 or an id is none. */
ELECTRA_API electra_status electra_session_fill(electra_session *session, const electra_text *texts, size_t n,
                                                const electra_fill_options *options, electra_filling *out,
                                                electra_error *err);

/* The token that stands for a word among the targets: itself if the vocabulary has it (so "##ing" is found too),
 * otherwise its first piece (*whole is false then); ELECTRA_NO_TOKEN if there is nothing in it. whole may be NULL.
 * Leaves answers as they are. */
ELECTRA_API electra_status electra_session_target(electra_session *session, const char *word, uint32_t *out,
                                                  bool *whole, electra_error *err);

/* The whole text with one blank filled, as words: what Hugging Face's fill-mask calls "sequence" (special tokens are
 * left out if there is a single mask). Yours: electra_text_free. */
ELECTRA_API electra_status electra_session_filled_text(const electra_session *session, const electra_filling *filling,
                                                       size_t blank, size_t candidate, char **out, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
