/* The plain C backend is compiled twice: in float for use and, with EL_REAL_DOUBLE, in double for checking gradients.
 * EL_REAL(name) gives a name its suffix, so that both live in one library; real_exp and its kin are the functions of
 * that type. */
#ifndef EL_BACKEND_CPU_REAL_H
#define EL_BACKEND_CPU_REAL_H

#include <math.h>

#ifdef EL_REAL_DOUBLE
typedef double real;
#define EL_REAL(name) name##_f64
#define real_exp      exp
#define real_log      log
#define real_log1p    log1p
#define real_erf      erf
#define real_tanh     tanh
#define real_sqrt     sqrt
#define real_fabs     fabs
#else
typedef float real;
#define EL_REAL(name) name##_f32
#define real_exp      expf
#define real_log      logf
#define real_log1p    log1pf
#define real_erf      erff
#define real_tanh     tanhf
#define real_sqrt     sqrtf
#define real_fabs     fabsf
#endif

#endif
