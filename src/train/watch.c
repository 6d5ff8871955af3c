/* Owns the rules of advice. The thresholds are rules of thumb: they should be silent on every healthy run, tiny ones
 * included, and speak within a tenth of a run that wastes its time. */
#include "train/watch.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

typedef enum kind { ALL_ORIGINAL, GENERATOR_STRONG, SPIKES, SKIPPED, STANDS_STILL } kind;

static const double SAY_AGAIN = 0.25;  /* of the run, before the same advice is given again */
static const double SPIKE_LOSS = 1.25; /* a line's loss over the running mean */
static const double SPIKE_NORM = 4;    /* a line's gradient norm over the running mean */
static const size_t SPIKES_TO_SAY = 3;
static const double MEAN_DECAY = 0.9;       /* of the running means, a line */
static const size_t LINES_TO_KNOW = 10;     /* before the means mean anything */
static const uint64_t STEPS_TO_LEARN = 500; /* before little learning is worth a word */
static const double LEAST_FALL = 0.005;     /* of the generator's loss over a fifth of the run */
static const double STRONG_GENERATOR = 0.2; /* replaced among the chosen positions */

/* Put the advice into text, unless it was given not long ago. */
__attribute__((format(printf, 6, 7))) static bool say(el_watch *watch, kind which, double progress, char *text,
                                                      size_t size, const char *format, ...)
{
    const double last = watch->said[which];
    if (last > 0 && progress + 1 < last + SAY_AGAIN) {
        return false;
    }
    watch->said[which] = progress + 1;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return true;
}

static bool see_skipped(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    const double fresh = line->skipped_steps - watch->skipped;
    watch->skipped = line->skipped_steps;
    return fresh > 0 &&
           say(watch, SKIPPED, line->progress, text, size,
               "%.0f step%s skipped because a loss or gradient was not finite. Once may be bad luck; if it "
               "happens again, lower --learning-rate (now %.3g)",
               fresh, fresh > 1 ? "s were" : " was", line->learning_rate);
}

/* Loss or gradient far above their running means, several times. */
static bool see_spikes(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    const bool known = watch->n_lines >= LINES_TO_KNOW;
    const bool spike =
        known && (line->loss > SPIKE_LOSS * watch->loss || line->gradient_norm > SPIKE_NORM * watch->norm);
    watch->n_spikes += spike;
    const double keep = watch->n_lines ? MEAN_DECAY : 0;
    watch->loss = keep * watch->loss + (1 - keep) * line->loss;
    watch->norm = keep * watch->norm + (1 - keep) * line->gradient_norm;
    watch->n_lines++;
    if (!spike || watch->n_spikes < SPIKES_TO_SAY) {
        return false;
    }
    watch->n_spikes = 0;
    return say(
        watch, SPIKES, line->progress, text, size,
        "the loss or the gradients jump (loss %.3g, gradient norm %.3g, usually about %.3g): the learning rate is "
        "probably too high. Start again with half of it or with a longer --warmup",
        line->loss, line->gradient_norm, watch->norm);
}

/* The generator's loss a fifth of the run ago against now, in the middle of the run: at the beginning it has not had
 * time, at the end the learning rate is too small to expect anything. */
static bool see_standing(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    const double at = line->progress * EL_WATCH_WINDOWS;
    const size_t window = at >= EL_WATCH_WINDOWS ? EL_WATCH_WINDOWS - 1 : (size_t)fmax(at, 0);
    const bool opens = watch->windows[window].n == 0;
    watch->windows[window].sum += line->generator_loss;
    watch->windows[window].n++;
    if (!opens || line->step < STEPS_TO_LEARN || window < 6 || window > 15 || !watch->windows[window - 1].n ||
        !watch->windows[window - 5].n) {
        return false;
    }
    const double now = watch->windows[window - 1].sum / (double)watch->windows[window - 1].n;
    const double before = watch->windows[window - 5].sum / (double)watch->windows[window - 5].n;
    if (now < (1 - LEAST_FALL) * before) {
        return false;
    }
    return say(
        watch, STANDS_STILL, line->progress, text, size,
        "the generator's loss does not fall (%.3f a fifth of the run ago, %.3f now). Masked language models stay on "
        "the word-frequency plateau for their first thousands of steps; a longer run, a higher --learning-rate, a "
        "smaller vocabulary or shorter sequences get them off it",
        before, now);
}

static bool see_training(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    /* each looks at every line, whether or not another has something to say */
    char standing[768], spikes[768], skipped[768];
    const bool stands = see_standing(watch, line, standing, sizeof standing);
    const bool jumps = see_spikes(watch, line, spikes, sizeof spikes);
    const bool skips = see_skipped(watch, line, skipped, sizeof skipped);
    if (skips || jumps || stands) {
        (void)snprintf(text, size, "%s", skips ? skipped : jumps ? spikes : standing);
    }
    return skips || jumps || stands;
}

static bool see_heldout(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    if (line->progress >= 0.25 && line->step >= STEPS_TO_LEARN && line->heldout_recall < 0.005 &&
        line->heldout_auc < 0.53) {
        return say(
            watch, ALL_ORIGINAL, line->progress, text, size,
            "the discriminator calls every token original and hardly ranks them (AUC %.3f; 0.5 is chance): it has "
            "learned nothing beyond how rare replaced tokens are (%.1f %%). Give it more steps, or a higher "
            "--learning-rate, or a smaller --epsilon; a larger generator makes better, more instructive mistakes",
            line->heldout_auc, 100 * line->heldout_replaced_share);
    }
    return false;
}

static bool see_strength(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    if (!(line->replaced_share < STRONG_GENERATOR)) {
        return false;
    }
    return say(
        watch, GENERATOR_STRONG, line->progress, text, size,
        "the generator has become too strong: it guesses %.0f %% of the masked tokens right, so only %.0f %% are "
        "replaced and the discriminator has little left to find. Use a smaller --generator-size or a higher "
        "--mask-prob",
        100 * (1 - line->replaced_share), 100 * line->replaced_share);
}

bool el_watch_see(el_watch *watch, const electra_metrics *line, char *text, size_t size)
{
    if (line->warning) {
        return false;
    }
    if (!isnan(line->heldout_auc)) {
        return see_heldout(watch, line, text, size);
    }
    if (isnan(line->skipped_steps)) {
        return false;
    }
    if (isnan(line->loss)) { /* no step since the last line was finite */
        return see_skipped(watch, line, text, size);
    }
    return see_training(watch, line, text, size) || see_strength(watch, line, text, size);
}
