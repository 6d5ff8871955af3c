/* Text for `electra prepare` and `electra vocab`. The first byte says by which name the file goes (plain text, JSON
 * lines, compressed, an archive) and where documents end. */
#include "fuzz/fuzz.h"

#include <electra/data.h>

#include <string.h>

static const char *const NAMES[] = {"a.txt",     "a.jsonl", "a.txt.gz",   "a.tar",
                                    "a.tar.zst", "a",       "a.jsonl.xz", "a.txt.bz2"};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES, LONGEST_LINE = 64, MOST_LINES = 10000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool made;
    for (size_t i = 0; !made && i < N_NAMES; i++) {
        (void)fuzz_link(NAMES[i]);
    }
    made = true;
    if (bytes == 0) {
        return 0;
    }
    (void)fuzz_file(data + 1, bytes - 1);
    const char *path = fuzz_path(NAMES[data[0] % N_NAMES]);
    electra_corpus_options options = electra_corpus_options_default();
    options.longest_line = LONGEST_LINE;
    options.documents = (electra_documents)(data[0] / N_NAMES % 3);
    electra_corpus *corpus = NULL;
    electra_line line = {"", 0, false};
    electra_error err = {0};
    bool more = fuzz_accepted(electra_corpus_open(&corpus, &path, 1, &options, &err), &err);
    for (size_t i = 0; more && i < MOST_LINES && line.text; i++) { /* a small archive may hold very many */
        more = fuzz_accepted(electra_corpus_next(corpus, &line, &err), &err);
        FUZZ_MUST_HOLD(!more || !line.text || (line.bytes > 0 && line.bytes <= LONGEST_LINE));
        FUZZ_MUST_HOLD(!more || !line.text || !memchr(line.text, '\n', line.bytes));
    }
    electra_corpus_free(corpus);
    return 0;
}
