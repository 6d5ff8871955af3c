#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

int test_folder_setup(void **state)
{
    char *path = strdup("/tmp/electra-test-XXXXXX");
    *state = path;
    return path && mkdtemp(path) ? 0 : -1;
}

int test_folder_teardown(void **state)
{
    const electra_status status = el_remove_tree(*state, NULL);
    free(*state);
    return status == ELECTRA_OK ? 0 : -1;
}

const char *test_path(const char *folder, const char *name)
{
    static char paths[64][512];
    static unsigned next;
    char *path = paths[next++ % 64];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
    return path;
}

const char *test_write(const char *folder, const char *name, const void *data, size_t bytes)
{
    const char *path = test_path(folder, name);
    char parent[512];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(el_make_folders(parent, NULL), ELECTRA_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *test_write_text(const char *folder, const char *name, const char *text)
{
    return test_write(folder, name, text, strlen(text));
}

char *test_read(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    rewind(file);
    char *data = malloc((size_t)size + 1);
    assert_non_null(data);
    *bytes = fread(data, 1, (size_t)size, file);
    assert_int_equal(*bytes, size);
    data[size] = '\0';
    fclose(file);
    return data;
}
