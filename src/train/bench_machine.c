/* Owns what every bench says about the machine and the process, whatever it measures. */
#include <electra/bench.h>
#include <sys/resource.h>

#include "backend/backend.h"
#include "base/status.h"

double electra_bench_peak_rss_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 * 1e-6 : 0;
}

electra_status electra_bench_peak_gflops(double *gflops, int threads, double seconds, electra_error *err)
{
    if (!gflops || !(seconds > 0)) {
        return el_fail(err, ELECTRA_MISUSE, "electra_bench_peak_gflops", "gflops and a time above 0 must be given");
    }
    el_pool *pool;
    el_backend *be = NULL;
    EL_TRY(el_pool_create(&pool, threads, err));
    const electra_status status = el_backend_create_cpu(&be, pool, EL_CPU_BEST, err);
    if (status == ELECTRA_OK) {
        *gflops = be->ops->peak(be, seconds);
    }
    el_backend_free(be);
    el_pool_free(pool);
    return status;
}
