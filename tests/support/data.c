#include "support/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/rng.h"
#include "support/folder.h"

const char *test_vocabulary(const char *folder)
{
    const char *path = test_path(folder, "vocab.txt");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", file);
    for (int i = 0; i < TEST_VOCABULARY - TEST_FIRST_WORD; i++) {
        fprintf(file, "w%d\n", i);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *test_text(const char *folder, size_t documents, uint64_t seed)
{
    const char *path = test_path(folder, "text.txt");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    el_rng_stream stream = {.key = seed};
    for (size_t d = 0; d < documents; d++) {
        const size_t lines = 1 + (size_t)el_rng_below(&stream, 20);
        for (size_t i = 0; i < lines; i++) {
            const size_t words = i == 0 ? 5 : (size_t)el_rng_below(&stream, 41);
            for (size_t w = 0; w < words; w++) {
                fprintf(file, "w%u ", (unsigned)el_rng_below(&stream, TEST_VOCABULARY - TEST_FIRST_WORD));
            }
            fputs(words ? "\n" : "", file);
        }
        fputs("\n", file);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

electra_prepare_options test_prepare_options(const char *folder, const char *const *text)
{
    electra_prepare_options options = electra_prepare_options_default();
    options.inputs = text;
    options.n_inputs = 1;
    options.vocabulary = test_path(folder, "vocab.txt");
    options.output = test_path(folder, "data");
    options.max_length = 32;
    options.runtime.threads = 1;
    return options;
}

electra_data *test_data(const char *folder, size_t documents, double heldout)
{
    test_vocabulary(folder);
    const char *text = test_text(folder, documents, 1);
    electra_prepare_options options = test_prepare_options(folder, &text);
    options.heldout = heldout;
    options.overwrite = true;
    electra_error error = {0};
    if (electra_prepare(&options, NULL, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    electra_data *data = NULL;
    if (electra_data_open(&data, options.output, &error) != ELECTRA_OK) {
        fail_msg("%s", error.message);
    }
    return data;
}
