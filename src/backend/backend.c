/* Owns how a backend is made and freed; which operators it has is its own affair. */
#include "backend/backend.h"

#include "backend/cpu/create.h"
#include "backend/cpu/detect.h"

electra_status el_backend_create_cpu(el_backend **out, el_pool *pool, el_cpu_level level, electra_error *err)
{
    *out = NULL;
    electra_status status = el_cpu_choose(level, &level, err);
    return status == ELECTRA_OK ? el_cpu_create_f32(out, pool, level, err) : status;
}

electra_status el_backend_create_f64(el_backend **out, el_pool *pool, electra_error *err)
{
    return el_cpu_create_f64(out, pool, EL_CPU_REF, err);
}

void el_backend_free(el_backend *be)
{
    if (be) {
        be->destroy(be);
    }
}
