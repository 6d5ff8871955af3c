/* Owns the question what this machine can run. Having an instruction set is not enough: the system must also save its
 * registers when it switches threads, which xgetbv tells. Compiled once, without any special instruction. */
#include "backend/cpu/detect.h"

#ifndef EL_REAL_DOUBLE /* this folder is compiled twice, see real.h */

#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static const char *const NAMES[] = {
    [EL_CPU_BEST] = "best", [EL_CPU_REF] = "ref", [EL_CPU_AVX2] = "avx2", [EL_CPU_AVX512] = "avx512"};

#ifdef __x86_64__

#include <cpuid.h>

/* Bits of the extended control register 0: which registers the system saves. */
enum {
    XCR0_AVX = 0x06,   /* 128-bit and upper halves of 256-bit registers */
    XCR0_AVX512 = 0xe0 /* mask registers, upper halves of 512-bit registers, registers 16-31 */
};

static bool has_all(unsigned bits, unsigned wanted)
{
    return (bits & wanted) == wanted;
}

static unsigned saved_registers(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

el_cpu_level el_cpu_detect(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_all(c, bit_OSXSAVE | bit_AVX | bit_FMA)) {
        return EL_CPU_REF;
    }
    const unsigned saved = saved_registers();
    if (!has_all(saved, XCR0_AVX) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_all(b, bit_AVX2)) {
        return EL_CPU_REF;
    }
    if (!has_all(saved, XCR0_AVX512) || !has_all(b, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ)) {
        return EL_CPU_AVX2;
    }
    return EL_CPU_AVX512;
}

bool el_cpu_has_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && has_all(c, bit_AVX512VNNI);
}

#else

bool el_cpu_has_vnni(void)
{
    return false;
}

el_cpu_level el_cpu_detect(void)
{
    return EL_CPU_REF;
}

#endif

const char *el_cpu_level_name(el_cpu_level level)
{
    return NAMES[level];
}

/* The level that ELECTRA_CPU names, EL_CPU_BEST if it is not set. */
static electra_status level_of_environment(el_cpu_level *out, electra_error *err)
{
    const char *value = getenv("ELECTRA_CPU");
    *out = EL_CPU_BEST;
    if (!value || !*value) {
        return ELECTRA_OK;
    }
    for (int level = EL_CPU_REF; level <= EL_CPU_AVX512; level++) {
        if (strcmp(value, NAMES[level]) == 0) {
            *out = (el_cpu_level)level;
            return ELECTRA_OK;
        }
    }
    return el_fail(err, ELECTRA_MISUSE, "ELECTRA_CPU", "expected ref, avx2 or avx512, found \"%s\"", value);
}

electra_status el_cpu_choose(el_cpu_level wish, el_cpu_level *out, electra_error *err)
{
    const el_cpu_level best = el_cpu_detect();
    if (wish == EL_CPU_BEST) {
        EL_TRY(level_of_environment(&wish, err));
    }
    if (wish > best) {
        return el_fail(err, ELECTRA_NO_RESOURCE, "ELECTRA_CPU", "this machine cannot run the level %s; its best is %s",
                       NAMES[wish], NAMES[best]);
    }
    *out = wish != EL_CPU_BEST ? wish : best;
    return ELECTRA_OK;
}

#endif
