/* A fresh folder for a test, and files in it. Failures end the test. */
#ifndef TEST_SUPPORT_FOLDER_H
#define TEST_SUPPORT_FOLDER_H

#include <stddef.h>

/* cmocka's set-up and tear-down: *state is the folder's path, a char *. */
int test_folder_setup(void **state);
int test_folder_teardown(void **state);

/* folder/name; valid for the next 63 calls. */
const char *test_path(const char *folder, const char *name);

/* Write a file of bytes, of text; folders in `name` are made. Returns its path, as test_path. */
const char *test_write(const char *folder, const char *name, const void *data, size_t bytes);
const char *test_write_text(const char *folder, const char *name, const char *text);

/* All bytes of a file, to be freed with free. */
char *test_read(const char *path, size_t *bytes);

#endif
