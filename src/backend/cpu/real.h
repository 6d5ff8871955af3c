/* The plain C backend is compiled twice: in float for use and, with EL_REAL_DOUBLE, in double for checking gradients.
 * EL_REAL(name) gives a name its suffix, so that both live in one library. */
#ifndef EL_BACKEND_CPU_REAL_H
#define EL_BACKEND_CPU_REAL_H

#ifdef EL_REAL_DOUBLE
typedef double real;
#define EL_REAL(name) name##_f64
#else
typedef float real;
#define EL_REAL(name) name##_f32
#endif

#endif
