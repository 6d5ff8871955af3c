/* metrics.jsonl of a run: every line that is accepted can be written and read again (to the nine digits
 * that are written). */
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "train/run_metrics.h"

static void see_again(void *user, const electra_metrics *again)
{
    const electra_metrics *metrics = user;
    for (size_t i = 0; i < el_metric_n_fields; i++) {
        const double a = el_metrics_get(metrics, &el_metric_fields[i]);
        const double b = el_metrics_get(again, &el_metric_fields[i]);
        FUZZ_MUST_HOLD((isnan(a) && isnan(b)) || fabs(a - b) <= 1e-8 * fabs(a));
    }
}

static void see(void *user, const electra_metrics *metrics)
{
    (void)user;
    json_t *json = el_metrics_json(metrics);
    FUZZ_MUST_HOLD(json);
    FUZZ_MUST_HOLD(el_metrics_parse(json, "again", see_again, (void *)(uintptr_t)metrics, NULL) == ELECTRA_OK);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    electra_error err = {0};
    (void)fuzz_accepted(el_metrics_read(fuzz_file(data, bytes), UINT64_MAX, see, NULL, &err), &err);
    return 0;
}
