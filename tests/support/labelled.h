/* Reading labelled files in tests: the examples written out as one text, and what was said meanwhile. */
#ifndef TEST_SUPPORT_LABELLED_H
#define TEST_SUPPORT_LABELLED_H

#include "tasks/source.h"

typedef struct test_labelled {
    el_examples *examples; /* NULL on failure */
    electra_status status;
    electra_error error;
    char text[1 << 14]; /* a line for each example: "LINE text + pair [parts] = labels (id)" */
    char said[1 << 14]; /* warnings, a line each */
    size_t n_said;
} test_labelled;

/* Read a path; the bytes of a text; bytes. The result must be freed with test_labelled_free. */
test_labelled *test_labelled_path(const el_source *source, const char *path, const el_label_set *known);
test_labelled *test_labelled_text(const el_source *source, const char *text, const el_label_set *known);
test_labelled *test_labelled_bytes(const el_source *source, const void *data, size_t bytes, const el_label_set *known);
void test_labelled_free(test_labelled *labelled);

/* Read a text that must be read, and compare; the file is called "file". A label set is shown as "a b c". */
void test_expect(const el_source *source, const char *text, const char *examples, const char *labels, const char *said);

/* A text that must be refused, with these words in the message. */
void test_expect_refusal(const el_source *source, const char *text, electra_status status, const char *words);

/* Read a sound file, and part what was read, while each allocation fails in turn: every failure is a clean one. */
void test_fail_each(const el_source *source, const char *path);

/* "a b c" and, if not all are known, "a b + c". */
const char *test_label_list(const el_label_set *set);

#endif
