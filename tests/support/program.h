/* Running the program in tests: words in, exit code and stderr out. Failures end the test. */
#ifndef TEST_SUPPORT_PROGRAM_H
#define TEST_SUPPORT_PROGRAM_H

#include <sys/types.h>

/* A program that was started in `folder`, with stdout and stderr going to files of these names there. `line`: its words
 * with blanks between. TEST_PROGRAM is the path of the program. */
pid_t test_program_start(const char *program, const char *folder, const char *line);

/* Wait for it: its exit code, or 1000 + the signal that ended it. *said: its stderr, borrowed until the next call. */
int test_program_finish(pid_t child, const char *folder, const char **said);

void test_pause_ms(long ms);

#endif
