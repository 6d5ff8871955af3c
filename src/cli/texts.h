/* Lines from files or stdin in batches, for the commands that answer each line on its own (answering.h). */
#ifndef EL_CLI_TEXTS_H
#define EL_CLI_TEXTS_H

#include "records.h"

enum { CLI_BATCH_LINES = 256 }; /* at most */

typedef struct cli_batch {
    const cli_record *records; /* [n] the lines */
    const electra_text *texts; /* [n] of each its text: the question, the prompt */
    const electra_text *pairs; /* [n] its second text: the context; text NULL where there is none */
    size_t n;
} cli_batch;

/* Answers all lines of a batch, in order. If it fails with ELECTRA_INVALID it has printed nothing, and is asked again
 * for one line at a time: so the lines above the bad one are answered, and the message can say which line it is. */
typedef electra_status cli_answer_fn(void *user, const cli_batch *batch, electra_error *err);

/* Read all files (none: stdin; "-" is stdin too) and answer their lines: what is there is answered at once, so a line
 * typed at a terminal is answered before the next. `stage` is the word for the progress line. */
electra_status cli_answer_lines(const cli_common *common, cli_record_format *format, const cli_list *files,
                                const char *stage, cli_answer_fn *answer, void *user, electra_error *err);

#endif
