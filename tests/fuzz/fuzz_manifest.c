/* manifest.json of a data folder whose other files are sound. */
#include "fuzz/fuzz.h"

#include <electra/data.h>

#include <string.h>

#include "base/mem.h"
#include "fuzz/samples.h"

static void use(const electra_data *data)
{
    const electra_data_summary *about = electra_data_describe(data);
    uint32_t *ids = el_alloc(about->max_length, sizeof *ids);
    FUZZ_MUST_HOLD(ids);
    for (electra_split split = ELECTRA_TRAIN; split < ELECTRA_SPLITS; split++) {
        for (uint64_t i = 0; i < about->splits[split].examples; i++) {
            size_t n = 0;
            electra_error err = {0};
            if (fuzz_accepted(electra_data_example(data, split, i, ids, NULL, &n, &err), &err)) {
                FUZZ_MUST_HOLD(n >= 3 && n <= about->max_length);
            }
        }
    }
    el_free(ids);
    electra_error err = {0};
    (void)fuzz_accepted(electra_data_verify(data, NULL, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static bool made;
    if (!made) {
        FUZZ_MUST_HOLD(fuzz_sample_data(fuzz_folder()));
        (void)fuzz_link("data/manifest.json");
        made = true;
    }
    (void)fuzz_file(data, bytes);
    electra_data *folder = NULL;
    electra_error err = {0};
    if (fuzz_accepted(electra_data_open(&folder, fuzz_path("data"), &err), &err)) {
        use(folder);
    }
    electra_data_free(folder);
    return 0;
}
