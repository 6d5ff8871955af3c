/* Owns the memory and the sums of an evaluation. */
#include "train/heldout.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "train/detection.h"

struct el_heldout {
    el_batcher *batcher;
    size_t sequences; /* to read at most */
    uint64_t key;     /* of the samples */
    size_t vocabulary;
    el_pack_room room;
    float *logits;     /* [room.tokens] of one batch */
    uint32_t *labels;  /* [room.tokens] */
    uint32_t *targets; /* [room.slots] */
    uint32_t *counts;  /* [vocabulary] how often each token was a target */
    el_score *scores;  /* [n_scores_most] of all batches */
    size_t n_scores, n_scores_most;
};

/* Tokens of all sequences at most: whole batches, each as full as can be. */
static bool scores_needed(const el_heldout *h, size_t batch, size_t *most)
{
    const size_t batches = (h->sequences + batch - 1) / batch;
    return !el_mul_overflows(batches, h->room.tokens, most);
}

electra_status el_heldout_create(el_heldout **out, el_batcher *batcher, size_t sequences, size_t vocabulary,
                                 electra_error *err)
{
    *out = NULL;
    el_heldout *h = el_alloc(1, sizeof *h);
    if (!h) {
        return el_fail_memory(err, "evaluation", sizeof *h);
    }
    const uint64_t examples = el_batcher_examples(batcher);
    h->batcher = batcher;
    h->sequences = sequences < examples ? sequences : (size_t)examples;
    h->key = el_rng_key(0, EL_RNG_HELDOUT, 0, 1); /* not the run's seed: runs are to be compared */
    h->vocabulary = vocabulary;
    h->room = el_batcher_room(batcher);
    if (scores_needed(h, h->room.sequences, &h->n_scores_most)) {
        h->logits = el_alloc(h->room.tokens, sizeof *h->logits);
        h->labels = el_alloc(h->room.tokens, sizeof *h->labels);
        h->targets = el_alloc(h->room.slots, sizeof *h->targets);
        h->counts = el_alloc(vocabulary, sizeof *h->counts);
        h->scores = el_alloc(h->n_scores_most, sizeof *h->scores);
    }
    if (!h->logits || !h->labels || !h->targets || !h->counts || !h->scores) {
        const size_t bytes = h->n_scores_most * sizeof *h->scores;
        el_heldout_free(h);
        return el_fail_memory(err, "evaluation (fewer eval_sequences need less)", bytes);
    }
    *out = h;
    return ELECTRA_OK;
}

void el_heldout_free(el_heldout *h)
{
    if (h) {
        el_free(h->logits);
        el_free(h->labels);
        el_free(h->targets);
        el_free(h->counts);
        el_free(h->scores);
        el_free(h);
    }
}

static void take_batch(el_heldout *h, el_step *step, const el_batch *batch, el_evaluation *sums)
{
    el_step_evaluate(step, batch, h->key, sums, h->logits, h->labels);
    for (size_t t = 0; t < batch->layout.n_tokens && h->n_scores < h->n_scores_most; t++) {
        h->scores[h->n_scores++] = (el_score){.logit = h->logits[t], .replaced = h->labels[t]};
    }
    el_backend *be = el_step_backend(step);
    be->ops->download_bytes(be, h->targets, batch->targets, batch->n_slots * sizeof *h->targets);
    for (size_t i = 0; i < batch->n_slots; i++) {
        h->counts[h->targets[i]]++;
    }
}

static double commonest_share(const el_heldout *h, size_t n_slots)
{
    uint32_t most = 0;
    for (size_t v = 0; v < h->vocabulary; v++) {
        most = h->counts[v] > most ? h->counts[v] : most;
    }
    return n_slots ? (double)most / (double)n_slots : (double)NAN;
}

static double mean(double sum, size_t n)
{
    return n ? sum / (double)n : (double)NAN;
}

electra_status el_heldout_measure(el_heldout *h, el_step *step, electra_metrics *metrics, electra_error *err)
{
    el_evaluation sums = {0};
    h->n_scores = 0;
    for (size_t v = 0; v < h->vocabulary; v++) {
        h->counts[v] = 0;
    }
    size_t done = 0;
    for (uint64_t s = 0; done < h->sequences && s < el_batcher_steps(h->batcher); s++) {
        EL_TRY(el_batcher_fill(h->batcher, s, err));
        for (size_t i = 0; i < el_batcher_micro_batches(h->batcher); i++) {
            take_batch(h, step, el_batcher_micro_batch(h->batcher, i), &sums);
        }
        done += el_batcher_totals(h->batcher).sequences;
    }
    el_detection detection;
    el_detection_measure(&detection, h->scores, h->n_scores);
    metrics->heldout_generator_loss = mean(sums.slot_loss, sums.n_slots);
    metrics->heldout_generator_perplexity = exp(metrics->heldout_generator_loss);
    metrics->heldout_generator_accuracy = mean((double)sums.n_best_right, sums.n_slots);
    metrics->heldout_commonest_accuracy = commonest_share(h, sums.n_slots);
    metrics->heldout_discriminator_loss = mean(sums.token_loss, sums.n_tokens);
    metrics->heldout_auc = detection.auc;
    metrics->heldout_precision = detection.precision;
    metrics->heldout_recall = detection.recall;
    metrics->heldout_replaced_share = detection.share;
    return ELECTRA_OK;
}
