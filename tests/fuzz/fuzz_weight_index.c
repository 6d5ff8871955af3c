/* model.safetensors.index.json beside sound shards: no file outside the folder is opened, each name comes once. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/arrays.h"
#include "interop/weight_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool made;
    if (!made) {
        for (int i = 1; i <= 3; i++) {
            char name[64], path[128];
            (void)snprintf(name, sizeof name, "model-%05d-of-00003.safetensors", i);
            (void)snprintf(path, sizeof path, "tests/golden/fixtures/storage/sharded/%s", name);
            fuzz_copy_source(path, name);
        }
        (void)fuzz_link("model.safetensors.index.json");
        made = true;
    }
    (void)fuzz_file(data, bytes);
    el_weight_files *files = NULL;
    electra_error err = {0};
    if (fuzz_accepted(el_weight_files_open(&files, fuzz_folder(), &err), &err)) {
        const size_t n = el_weight_files_count(files);
        FUZZ_MUST_HOLD(n > 0);
        for (size_t i = 0; i < n; i++) {
            const el_array *t = el_weight_files_at(files, i);
            FUZZ_MUST_HOLD(strncmp(t->file, fuzz_folder(), strlen(fuzz_folder())) == 0);
            for (size_t k = 0; k < i; k++) {
                FUZZ_MUST_HOLD(strcmp(el_weight_files_at(files, k)->name, t->name) != 0);
            }
            fuzz_use_array(t);
        }
    }
    el_weight_files_close(files);
    return 0;
}
