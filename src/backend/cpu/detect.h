/* What the machine and its operating system can run. */
#ifndef EL_BACKEND_CPU_DETECT_H
#define EL_BACKEND_CPU_DETECT_H

#include "backend/backend.h"

/* The best level whose instructions the processor has and whose registers the system saves. Never EL_CPU_BEST. */
el_cpu_level el_cpu_detect(void);

/* Whether the processor also has the products of 8-bit integers of AVX-512 (VNNI). */
bool el_cpu_has_vnni(void);

/* Which level to run for a wish, as backend.h describes at el_cpu_level. */
electra_status el_cpu_choose(el_cpu_level wish, el_cpu_level *out, electra_error *err);

/* "ref", "avx2", "avx512". */
const char *el_cpu_level_name(el_cpu_level level);

#endif
