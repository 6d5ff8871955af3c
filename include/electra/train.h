/* Pre-training: a generator and a discriminator learn from shards (data.h), saving as they go.
 *
 *     electra_pretrain_options options = electra_pretrain_options_default();
 *     options.data = "shards";
 *     options.output = "run";
 *     options.size = ELECTRA_SIZE_TINY;
 *     options.steps = 10000;
 *     electra_status status = electra_pretrain(&options, &result, &error);
 *
 * Called again with the same output it goes on from the newest valid checkpoint, bit for bit as if it had never been
 * stopped; called on a finished run it says so and changes nothing. What a run leaves in its folder:
 *
 *     discriminator/ generator/    Hugging Face model directories, as of the newest checkpoint
 *     checkpoints/step-*           everything needed to go on
 *     settings.json                every setting in force
 *     metrics.jsonl                one object a line: see electra_metrics
 *     result.json                  written last, when the run is finished */
#ifndef ELECTRA_TRAIN_H
#define ELECTRA_TRAIN_H

#include <electra/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The published sizes, and two that learn on two cores in minutes (tiny) and hours (mini). */
typedef enum electra_size {
    ELECTRA_SIZE_TINY,
    ELECTRA_SIZE_MINI,
    ELECTRA_SIZE_SMALL,
    ELECTRA_SIZE_BASE,
    ELECTRA_SIZE_LARGE
} electra_size;

/* What the generator and the discriminator have in common. */
typedef enum electra_sharing {
    ELECTRA_SHARE_EMBEDDINGS, /* word, position and type tables and their norm; the published choice */
    ELECTRA_SHARE_NOTHING,
    ELECTRA_SHARE_ALL /* the whole encoder: both have the same size */
} electra_sharing;

typedef enum electra_compat {
    ELECTRA_COMPAT_NONE,  /* what the paper means */
    ELECTRA_COMPAT_GOOGLE /* masking and corruption as the released code does them, slips included */
} electra_compat;

/* One line of metrics.jsonl. Numbers that do not apply are NaN and are left out of the line. */
typedef struct electra_metrics {
    uint64_t step;   /* optimiser steps made */
    double tokens;   /* real tokens seen by the discriminator */
    double seconds;  /* of training, interruptions left out */
    double time;     /* of the clock, seconds since 1970 */
    double progress; /* 0 ... 1 of the run */

    /* means over the steps since the last such line */
    double learning_rate;
    double loss; /* generator_loss + weight * discriminator_loss */
    double generator_loss;
    double discriminator_loss;
    double gradient_norm;  /* before clipping */
    double replaced_share; /* of the chosen positions, those where the sample is another token than the original */
    double tokens_per_second;
    double skipped_steps; /* since the run began: a loss or gradient was not finite */

    /* held-out text with fixed masks, no dropout, real positions only */
    double heldout_generator_loss;
    double heldout_generator_accuracy;
    double heldout_generator_perplexity;
    double heldout_commonest_accuracy; /* of always guessing the commonest token: what an accuracy has to beat */
    double heldout_discriminator_loss;
    double heldout_auc;            /* chance that a replaced token gets a higher score than an original one */
    double heldout_precision;      /* of the tokens called replaced, those that are; NaN if none was */
    double heldout_recall;         /* of the replaced tokens, those called so */
    double heldout_replaced_share; /* of all tokens */

    const char *warning; /* advice in plain language, NULL on other lines; valid during the callback */
} electra_metrics;

/* Called after a line was written, from the thread that runs the job. */
typedef void (*electra_metrics_fn)(void *user, const electra_metrics *metrics);

/* Numbers below 0, choices of -1 and NULL mean "not given": the value recorded in the run's folder, else the preset of
 * the size. Integers are long and choices int so that a command line can fill them directly. */
typedef struct electra_pretrain_options {
    size_t struct_size;
    electra_runtime runtime;
    electra_metrics_fn metrics; /* may be NULL */
    void *metrics_user;

    /* what and where */
    const char *data;   /* folder of shards */
    const char *output; /* folder of the run */
    const char *init;   /* model directory or run to take weights from; NULL: random ones */
    long seed;          /* default 42 */

    /* the two networks */
    int size;                 /* electra_size, default ELECTRA_SIZE_SMALL */
    const char *config;       /* config.json of the discriminator instead of a size */
    int embeddings;           /* electra_sharing */
    double generator_size;    /* the generator's widths as a share of the discriminator's */
    double dropout;           /* hidden and attention */
    double initial_deviation; /* of the initial weights */

    /* how long: one of the two */
    long steps;
    double hours; /* the schedule follows the clock and ends with it */

    /* how it learns */
    long batch;       /* sequences a step */
    long micro_batch; /* sequences at a time: less memory, the same result but for rounding. Default: what fits */
    double learning_rate;
    long warmup; /* steps */
    double epsilon;
    int bias_correction; /* of Adam: 1 on, 0 off as in the published system */
    double weight_decay;
    double clip; /* largest gradient norm; 0 does not clip */
    double mask_prob;
    double discriminator_weight;
    int compat; /* electra_compat */

    /* what it leaves behind; none of these changes what is learned */
    long log_every;      /* steps between lines of metrics.jsonl */
    long eval_every;     /* steps between evaluations; default: twenty in a run */
    long eval_sequences; /* held-out sequences an evaluation reads; default 1024 */
    long save_every;     /* steps between checkpoints; default: one every ten minutes */
    long keep;           /* newest checkpoints to keep; 0 keeps all */
} electra_pretrain_options;

/* What a run came to. */
typedef struct electra_pretrain_result {
    bool finished;            /* false: interrupted, to be gone on with */
    bool was_finished;        /* it was already when this call began: nothing was done */
    uint64_t first_step;      /* where this call began: more than 0 when it resumed */
    electra_metrics last;     /* of the last evaluation and the last training line, merged; warning is NULL */
    char discriminator[4096]; /* path of the model directory */
    char generator[4096];
} electra_pretrain_result;

/* Everything not given. */
ELECTRA_API electra_pretrain_options electra_pretrain_options_default(void);

/* Run until the end or until the progress callback asks to stop. result may be NULL.
 * Fails with ELECTRA_MISUSE for settings that make no sense or differ from those the run began with (before anything
 * is written), ELECTRA_INVALID for unreadable shards, models or checkpoints, ELECTRA_FAILED for a full disk or a run
 * that diverges (the last good checkpoint stays), ELECTRA_NO_RESOURCE; ELECTRA_INTERRUPTED when asked to stop, with
 * *result filled and a checkpoint saved. */
ELECTRA_API electra_status electra_pretrain(const electra_pretrain_options *options, electra_pretrain_result *result,
                                            electra_error *err);

/* ---- looking at a run ----------------------------------------------------------------------------------------------
 */

/* How a run stands, from its files. */
typedef struct electra_run_summary {
    bool finished;
    size_t n_checkpoints;
    uint64_t checkpoint_step; /* of the newest; 0 if there is none */
    size_t n_lines;           /* of metrics.jsonl */
    size_t n_warnings;        /* among them */
    electra_metrics last;     /* all lines merged; warning is NULL */
    char last_warning[768];   /* empty if there is none */
} electra_run_summary;

/* Read them all and check every checkpoint's checksum; nothing is changed. ELECTRA_INVALID: the folder is no run, or
 * the message says what is wrong with it. */
ELECTRA_API electra_status electra_run_describe(const char *run, electra_run_summary *out, electra_error *err);

#ifdef __cplusplus
}
#endif
#endif
