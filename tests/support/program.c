#include "support/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "support/folder.h"

enum { MOST_ARGUMENTS = 64 };

pid_t test_program_start(const char *program, const char *folder, const char *line)
{
    char words[2048];
    char *arguments[MOST_ARGUMENTS] = {(char *)(uintptr_t)program};
    assert_true(snprintf(words, sizeof words, "%s", line) < (int)sizeof words);
    size_t n = 1;
    char *rest = words;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word) {
            assert_true(n + 1 < MOST_ARGUMENTS);
            arguments[n++] = word;
        }
    }
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int err = open(test_path(folder, "stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        const int out = open(test_path(folder, "stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (chdir(folder) == 0 && dup2(err, 2) == 2 && dup2(out, 1) == 1) {
            execv(program, arguments);
        }
        _exit(126);
    }
    return child;
}

int test_program_finish(pid_t child, const char *folder, const char **said)
{
    static char last[16384];
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    char *text = NULL;
    last[0] = '\0';
    if (el_read_file(&text, NULL, test_path(folder, "stderr"), 1 << 20, NULL) == ELECTRA_OK) {
        snprintf(last, sizeof last, "%s", text);
    }
    el_free(text);
    *said = last;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void test_pause_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}
