/* The two ways in which cpu.c is compiled. level: not EL_CPU_BEST, and one that the machine has; double knows the
 * reference level only. */
#ifndef EL_BACKEND_CPU_CREATE_H
#define EL_BACKEND_CPU_CREATE_H

#include "backend/backend.h"

electra_status el_cpu_create_f32(el_backend **out, el_pool *pool, el_cpu_level level, electra_error *err);
electra_status el_cpu_create_f64(el_backend **out, el_pool *pool, el_cpu_level level, electra_error *err);

#endif
