/* Exact match and F1 of answers to questions, as the official scorers of SQuAD 1.1, SQuAD 2.0 and MRQA count them.
 *
 *     el_squad *squad = NULL;
 *     EL_TRY(el_squad_create(&squad, err));
 *     el_squad2_scores scores;
 *     EL_TRY(el_squad2_score(squad, questions, n, 1.0, NULL, &scores, err));
 *     el_squad_free(squad);
 *
 * Answers are compared after normalisation: lower case (Python's str.lower, a final sigma included), ASCII punctuation
 * deleted, the words a, an, the deleted (where a word is what a regular expression's \b delimits: a run of letters and
 * digits of any script), white space of Unicode collapsed. F1 is that of the two bags of words. The best of the right
 * answers counts. Letters are those of utf8proc's version of Unicode, so newer ones may be told apart differently.
 *
 * Scores are shares (0 ... 1), the official ones times 0.01. tests/golden/test_metrics.c compares with the official
 * evaluate-v1.1.py and evaluate-v2.0.py (tools/gen_metrics.py). */
#ifndef EL_TASKS_SQUAD_SCORE_H
#define EL_TASKS_SQUAD_SCORE_H

#include <electra/infer.h>

typedef struct el_squad_question {
    const electra_text *golds; /* [n_golds] right answers; none: it has no answer */
    size_t n_golds;
    electra_text prediction; /* empty: that there is no answer */
    double null_odds;        /* SQuAD 2.0: the larger, the less likely there is an answer; finite */
    bool missing;            /* there is no prediction */
} el_squad_question;

typedef struct el_squad_match {
    double exact, f1; /* 0 ... 1; exact is 0 or 1; both 0 where the prediction is missing */
} el_squad_match;

/* Scratch of the scorers; for one thread at a time. */
typedef struct el_squad el_squad;

electra_status el_squad_create(el_squad **out, electra_error *err);
void el_squad_free(el_squad *squad); /* accepts NULL */

/* The normalised answer: words with single spaces between them. *out is borrowed until the squad is next used. Fails
 * with ELECTRA_NO_RESOURCE only. */
electra_status el_squad_normalize(el_squad *squad, electra_text answer, electra_text *out, electra_error *err);

/* ---- SQuAD 1.1, MRQA --------------------------------------------------------------------------------------------- */

typedef enum el_squad_missing {
    EL_SQUAD_MISSING_WRONG,   /* counts 0: SQuAD 1.1 */
    EL_SQUAD_MISSING_LEFT_OUT /* MRQA */
} el_squad_missing;

typedef struct el_squad1_scores {
    double exact, f1; /* NaN if nothing was counted */
    size_t n;         /* questions that were counted */
    size_t n_missing;
} el_squad1_scores;

/* each: [n] of the questions, or NULL. A question without a right answer, which the official scorer stops at, counts 0.
 * If nothing is left of both answers ("The" and "a") they match exactly, but F1 is 0 (so in the official scorer).
 * Fails with ELECTRA_NO_RESOURCE only. */
electra_status el_squad1_score(el_squad *squad, const el_squad_question *questions, size_t n, el_squad_missing missing,
                               el_squad_match *each, el_squad1_scores *out, electra_error *err);

/* ---- SQuAD 2.0 --------------------------------------------------------------------------------------------------- */

typedef struct el_squad_part {
    double exact, f1; /* NaN if n is 0 (the official scorer leaves the part out) */
    size_t n;
} el_squad_part;

typedef struct el_squad2_scores {
    el_squad_part all, has_answer, no_answer; /* official names: exact, f1, total; HasAns_*; NoAns_* */
    double best_exact, best_exact_threshold;  /* NaN, 0 without questions */
    double best_f1, best_f1_threshold;
    bool best_exact_is_none, best_f1_is_none; /* nothing beats "no answer" to every question. The official threshold is
                                                 0 then, which is no limit that does so: -INFINITY is */
    size_t n_missing;                         /* left out everywhere (the official scorer fails if any is missing) */
} el_squad2_scores;

/* A question whose null odds are above `threshold` counts as answered "no answer", whatever was predicted (the official
 * scorer's default is 1.0; google-research/electra's: EL_QA_GOOGLE_THRESHOLD in qa_decode.h). A question
 * has an answer if n_golds is not 0; right answers of which normalisation leaves nothing are passed over, and if none
 * is left, the empty answer is the right one.
 *
 * The best thresholds are sought as in the official scorer: beginning with every question answered "no answer"
 * (threshold 0), questions keep their predictions one after another by ascending null odds, equal ones in the order
 * given; the first best sum wins. So where odds are equal, a threshold may be credited with a part of its questions
 * only.
 *
 * each: [n] before the threshold is applied, or NULL. Fails with ELECTRA_NO_RESOURCE only. */
electra_status el_squad2_score(el_squad *squad, const el_squad_question *questions, size_t n, double threshold,
                               el_squad_match *each, el_squad2_scores *out, electra_error *err);

#endif
