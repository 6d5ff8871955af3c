/* A small vocabulary, text in it, and a data folder made of both. Failures end the test. */
#ifndef TEST_SUPPORT_DATA_H
#define TEST_SUPPORT_DATA_H

#include <electra/data.h>

enum {
    TEST_VOCABULARY = 205, /* [PAD] [UNK] [CLS] [SEP] [MASK], then w0 ... w199 */
    TEST_FIRST_WORD = 5    /* the id of w0 */
};

/* folder/vocab.txt, and its path. */
const char *test_vocabulary(const char *folder);

/* folder/text.txt: documents of 1 ... 20 lines of 0 ... 40 words each, and its path. */
const char *test_text(const char *folder, size_t documents, uint64_t seed);

/* Options for text.txt -> folder/data with a length of 32; the caller may change them. Paths are those of test_path. */
electra_prepare_options test_prepare_options(const char *folder, const char *const *text);

/* All of it: a data folder of so many documents, opened. */
electra_data *test_data(const char *folder, size_t documents, double heldout);

#endif
