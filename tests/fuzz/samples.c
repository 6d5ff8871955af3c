/* See samples.h. */
#include "fuzz/samples.h"

#include <electra/data.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "fuzz/fuzz.h"
#include "interop/model_dir.h"

const char *const FUZZ_SAMPLE_TOKENS[] = {"[PAD]",
                                          "[UNK]",
                                          "[CLS]",
                                          "[SEP]",
                                          "[MASK]",
                                          "the",
                                          "cat",
                                          "##s",
                                          "sat",
                                          "on",
                                          "mat",
                                          "a",
                                          "b",
                                          "##a",
                                          "##b",
                                          "##ab",
                                          "un",
                                          "##aff",
                                          "##able",
                                          "dog",
                                          "ran",
                                          "##ning",
                                          ".",
                                          ",",
                                          "!",
                                          "'",
                                          "\"",
                                          "3",
                                          "5",
                                          "The",
                                          "##S",
                                          "\xC3\xA9",
                                          "##\xC3\xA9",
                                          "\xE4\xB8\xAD",
                                          "\xE6\x96\x87",
                                          "\xCF\x83",
                                          "##\xCF\x83",
                                          "##\xCF\x82",
                                          "it",
                                          "s",
                                          "\xEF\xBF\xBD",
                                          "##\xE4\xB8\xAD",
                                          "#",
                                          "[",
                                          "]",
                                          "mask",
                                          "\xF0\x9F\x98\x80"};
const size_t fuzz_sample_tokens = sizeof FUZZ_SAMPLE_TOKENS / sizeof FUZZ_SAMPLE_TOKENS[0];

bool fuzz_sample_vocabulary(const char *path)
{
    electra_tokenizer *tokenizer = NULL;
    const bool fine =
        electra_tokenizer_create(&tokenizer, FUZZ_SAMPLE_TOKENS, fuzz_sample_tokens, NULL, NULL) == ELECTRA_OK &&
        electra_tokenizer_save_vocab(tokenizer, path, NULL) == ELECTRA_OK;
    electra_tokenizer_free(tokenizer);
    return fine;
}

bool fuzz_sample_data(const char *folder)
{
    static const char TEXT[] = "The cat sat on the mat.\nA dog ran.\n\nThe cats sat.\n\nRunning on a mat, unaffable!\n";
    char text[512], vocabulary[512], output[512];
    (void)snprintf(text, sizeof text, "%s/text.txt", folder);
    (void)snprintf(vocabulary, sizeof vocabulary, "%s/words.txt", folder);
    (void)snprintf(output, sizeof output, "%s/data", folder);
    const char *inputs[] = {text};
    electra_prepare_options options = electra_prepare_options_default();
    options.inputs = inputs;
    options.n_inputs = 1;
    options.vocabulary = vocabulary;
    options.output = output;
    options.max_length = 12;
    options.heldout = 0.3;
    options.runtime.threads = 1;
    return el_write_file(text, TEXT, sizeof TEXT - 1, NULL) == ELECTRA_OK && fuzz_sample_vocabulary(vocabulary) &&
           electra_prepare(&options, NULL, NULL) == ELECTRA_OK;
}

static const el_model_config SIZES = {.embedding_size = 4,
                                      .hidden_size = 4,
                                      .n_layers = 1,
                                      .n_heads = 2,
                                      .intermediate_size = 4,
                                      .activation = EL_ACT_GELU,
                                      .max_positions = 16,
                                      .n_types = 2,
                                      .initializer_range = 0.5,
                                      .layer_norm_eps = 1e-12};

bool fuzz_sample_model(const char *folder, el_head kind)
{
    const el_head_config head = {.kind = kind, .n_labels = 2, .summary_dense = true};
    el_model_config config = SIZES;
    config.vocab_size = fuzz_sample_tokens;
    el_backend *be = NULL;
    el_params params = {0};
    el_network network;
    electra_tokenizer *tokenizer = NULL;
    bool fine = el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL) == ELECTRA_OK &&
                el_params_build_single(&params, &network, &config, &head, NULL) == ELECTRA_OK &&
                electra_tokenizer_create(&tokenizer, FUZZ_SAMPLE_TOKENS, fuzz_sample_tokens, NULL, NULL) == ELECTRA_OK;
    if (fine) {
        el_weights w = {.be = be, .params = &params, .data = be->ops->alloc(be, params.elements * be->element_size)};
        fine = w.data && el_params_initialise(&params, be, w.data, 11, NULL) == ELECTRA_OK &&
               el_model_dir_write(folder, &network, NULL, w, tokenizer, NULL) == ELECTRA_OK;
        be->ops->free(be, w.data);
    }
    electra_tokenizer_free(tokenizer);
    el_params_clear(&params);
    el_backend_free(be);
    return fine;
}

el_step *fuzz_sample_step(void)
{
    static el_backend *be;
    static el_step *step;
    if (!step) {
        el_model_config discriminator = SIZES;
        discriminator.vocab_size = 6;
        el_pretrain_config pair;
        const el_step_settings settings = el_step_settings_default();
        const el_step_limits limits = {.tokens = 16, .sequences = 2, .longest = 8, .slots = 4};
        const bool fine =
            el_pretrain_config_derive(&pair, &discriminator, 1.0, 1.0, EL_SHARE_ALL, NULL) == ELECTRA_OK &&
            el_backend_create_cpu(&be, NULL, EL_CPU_REF, NULL) == ELECTRA_OK &&
            el_step_create(&step, be, &pair, &settings, &limits, NULL) == ELECTRA_OK &&
            el_step_initialise(step, 3, NULL) == ELECTRA_OK;
        FUZZ_MUST_HOLD(fine);
    }
    return step;
}
