/* Small sound files of every kind: what the targets put beside the fuzzed file, and what the corpus begins with
 * (seeds.c). */
#ifndef TEST_FUZZ_SAMPLES_H
#define TEST_FUZZ_SAMPLES_H

#include "train/step.h"

/* A vocabulary of a few dozen tokens: the special ones first, then words, pieces, marks, other scripts. */
extern const char *const FUZZ_SAMPLE_TOKENS[];
extern const size_t fuzz_sample_tokens;

/* Write it as vocab.txt; a data folder of a few examples, made with it; a model directory with this head. */
bool fuzz_sample_vocabulary(const char *path);
bool fuzz_sample_data(const char *folder);
bool fuzz_sample_model(const char *folder, el_head kind);

/* A pair of networks as small as can be, with starting values: what checkpoints are read into. Lives until the end of
 * the process. NULL when out of memory. */
el_step *fuzz_sample_step(void);

#endif
