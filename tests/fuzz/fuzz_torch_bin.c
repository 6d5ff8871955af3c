/* pytorch_model.bin in both forms: what is accepted is a list of tensors with names in order, each within the file. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "fuzz/arrays.h"
#include "interop/torch_bin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    el_torch_bin *file = NULL;
    electra_error err = {0};
    if (fuzz_accepted(el_torch_bin_parse(&file, data, bytes, "input", &err), &err)) {
        for (size_t i = 0; i < el_torch_bin_count(file); i++) {
            const el_array *t = el_torch_bin_at(file, i);
            FUZZ_MUST_HOLD(i == 0 || strcmp(el_torch_bin_at(file, i - 1)->name, t->name) < 0);
            FUZZ_MUST_HOLD(t->n == 0 || (t->data >= data && t->data < data + bytes));
            fuzz_use_array(t);
        }
    } else {
        FUZZ_MUST_HOLD(!file && strstr(err.message, "input"));
    }
    el_torch_bin_close(file);
    return 0;
}
