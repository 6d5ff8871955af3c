/* The shard of a TensorFlow 1 checkpoint whose index is sound, found by its prefix in a folder: numbers that do not
 * match their checksums are noticed. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "fuzz/arrays.h"
#include "interop/weight_files.h"

static const char SHARD[] = "tests/golden/fixtures/tf1-one/model.ckpt-3.data-00000-of-00001";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static char *original;
    static size_t original_bytes;
    if (!original) {
        original = fuzz_read_source(SHARD, &original_bytes);
        fuzz_copy_source("tests/golden/fixtures/tf1-one/model.ckpt-3.index", "model.ckpt-3.index");
        (void)fuzz_link("model.ckpt-3.data-00000-of-00001");
    }
    (void)fuzz_file(data, bytes);
    el_weight_files *files = NULL;
    electra_error err = {0};
    if (fuzz_accepted(el_weight_files_open(&files, fuzz_folder(), &err), &err)) {
        const el_tf1 *checkpoint = el_weight_files_tf1(files);
        FUZZ_MUST_HOLD(checkpoint);
        bool all = true;
        for (size_t i = 0; i < el_tf1_count(checkpoint); i++) {
            const el_array *t = el_tf1_at(checkpoint, i);
            all = fuzz_accepted(el_tf1_verify(checkpoint, t, &err), &err) && all;
            fuzz_use_array(t);
        }
        /* every byte of this file belongs to some tensor */
        FUZZ_MUST_HOLD(all == (bytes >= original_bytes && memcmp(data, original, original_bytes) == 0));
    }
    el_weight_files_close(files);
    return 0;
}
