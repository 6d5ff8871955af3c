/* Owns the number formats of weights: their names, widths and conversions. */
#include "interop/array.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are little-endian and copied as they are");
_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 single and double");

static const struct {
    const char *name;
    unsigned char bits;
} DTYPES[EL_DTYPE_COUNT] = {
    [EL_DTYPE_BOOL] = {"BOOL", 8},
    [EL_DTYPE_F4] = {"F4", 4},
    [EL_DTYPE_F6_E2M3] = {"F6_E2M3", 6},
    [EL_DTYPE_F6_E3M2] = {"F6_E3M2", 6},
    [EL_DTYPE_U8] = {"U8", 8},
    [EL_DTYPE_I8] = {"I8", 8},
    [EL_DTYPE_F8_E5M2] = {"F8_E5M2", 8},
    [EL_DTYPE_F8_E4M3] = {"F8_E4M3", 8},
    [EL_DTYPE_F8_E8M0] = {"F8_E8M0", 8},
    [EL_DTYPE_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [EL_DTYPE_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [EL_DTYPE_I16] = {"I16", 16},
    [EL_DTYPE_U16] = {"U16", 16},
    [EL_DTYPE_F16] = {"F16", 16},
    [EL_DTYPE_BF16] = {"BF16", 16},
    [EL_DTYPE_I32] = {"I32", 32},
    [EL_DTYPE_U32] = {"U32", 32},
    [EL_DTYPE_F32] = {"F32", 32},
    [EL_DTYPE_C64] = {"C64", 64},
    [EL_DTYPE_F64] = {"F64", 64},
    [EL_DTYPE_I64] = {"I64", 64},
    [EL_DTYPE_U64] = {"U64", 64},
};

const char *el_dtype_name(el_dtype dtype)
{
    return DTYPES[dtype].name;
}

size_t el_dtype_bits(el_dtype dtype)
{
    return DTYPES[dtype].bits;
}

bool el_dtype_find(const char *name, el_dtype *out)
{
    for (int i = 0; i < EL_DTYPE_COUNT; i++) {
        if (strcmp(name, DTYPES[i].name) == 0) {
            *out = (el_dtype)i;
            return true;
        }
    }
    return false;
}

bool el_array_measure(el_dtype dtype, const size_t *shape, size_t rank, size_t *n, size_t *bytes)
{
    size_t elements = 1;
    for (size_t i = 0; i < rank; i++) {
        if (el_mul_overflows(elements, shape[i], &elements)) {
            return false;
        }
    }
    size_t bits;
    if (el_mul_overflows(elements, el_dtype_bits(dtype), &bits) || bits % 8 != 0) {
        return false;
    }
    *n = elements;
    *bytes = bits / 8;
    return true;
}

void el_shape_text(char *text, size_t bytes, const size_t *shape, size_t rank)
{
    size_t used = 0;
    for (size_t i = 0; i <= rank && used < bytes; i++) {
        const char *before = i == 0 ? "[" : i < rank ? ", " : "";
        const int written = i < rank ? snprintf(text + used, bytes - used, "%s%zu", before, shape[i])
                                     : snprintf(text + used, bytes - used, "%s]", before);
        used += written > 0 ? (size_t)written : 0;
    }
}

/* ---- conversions ----------------------------------------------------------------------------------------------- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half to single: exact for every value, subnormals, infinities and NaNs included. */
static float from_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 31u;
    const uint32_t fraction = half & 0x3ffu;
    if (exponent == 31) {
        return from_bits(sign | 0x7f800000u | fraction << 13);
    }
    if (exponent == 0) {
        const float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static float from_bf16(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

static electra_status wrong_dtype(const el_array *t, const char *understood, electra_error *err)
{
    return el_fail(err, ELECTRA_INVALID, t->file,
                   "the tensor \"%s\" has the number format %s, which cannot be used here; understood are %s. Convert "
                   "the model first",
                   t->name, el_dtype_name(t->dtype), understood);
}

/* One element of any understood type as a double, which holds each of them exactly (I64 up to 2^53). */
static double element(const el_array *t, size_t i)
{
    uint16_t half;
    float single;
    double twice;
    int64_t whole;
    switch (t->dtype) {
    case EL_DTYPE_F16: memcpy(&half, t->data + 2 * i, 2); return (double)from_f16(half);
    case EL_DTYPE_BF16: memcpy(&half, t->data + 2 * i, 2); return (double)from_bf16(half);
    case EL_DTYPE_F32: memcpy(&single, t->data + 4 * i, 4); return (double)single;
    case EL_DTYPE_F64: memcpy(&twice, t->data + 8 * i, 8); return twice;
    default: memcpy(&whole, t->data + 8 * i, 8); return (double)whole;
    }
}

static bool is_number(el_dtype dtype)
{
    return dtype == EL_DTYPE_F32 || dtype == EL_DTYPE_F16 || dtype == EL_DTYPE_BF16 || dtype == EL_DTYPE_F64 ||
           dtype == EL_DTYPE_I64;
}

/* Whole numbers must survive the conversion: silently rounded counters and ids would be wrong, not imprecise. */
static electra_status check_exact(const el_array *t, int64_t most, electra_error *err)
{
    if (t->dtype != EL_DTYPE_I64) {
        return ELECTRA_OK;
    }
    for (size_t i = 0; i < t->n; i++) {
        int64_t value;
        memcpy(&value, t->data + 8 * i, 8);
        if (value > most || value < -most) {
            return el_fail(err, ELECTRA_INVALID, t->file,
                           "element %zu of the tensor \"%s\" is %lld, too large to be exact as a real number", i,
                           t->name, (long long)value);
        }
    }
    return ELECTRA_OK;
}

const float *el_array_f32(const el_array *t)
{
    if (t->dtype != EL_DTYPE_F32 || (uintptr_t)t->data % _Alignof(float) != 0) {
        return NULL;
    }
    return (const float *)(const void *)t->data;
}

electra_status el_array_copy_f32(const el_array *t, float *out, electra_error *err)
{
    if (t->dtype == EL_DTYPE_F32) {
        memcpy(out, t->data, t->bytes);
        return ELECTRA_OK;
    }
    if (!is_number(t->dtype)) {
        return wrong_dtype(t, "F32, F16, BF16, F64 and I64", err);
    }
    EL_TRY(check_exact(t, (int64_t)1 << 24, err));
    for (size_t i = 0; i < t->n; i++) {
        out[i] = (float)element(t, i);
    }
    return ELECTRA_OK;
}

electra_status el_array_copy_f64(const el_array *t, double *out, electra_error *err)
{
    if (!is_number(t->dtype)) {
        return wrong_dtype(t, "F32, F16, BF16, F64 and I64", err);
    }
    EL_TRY(check_exact(t, (int64_t)1 << 53, err));
    for (size_t i = 0; i < t->n; i++) {
        out[i] = element(t, i);
    }
    return ELECTRA_OK;
}

void el_array_release(const el_array *t)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)t->data;
    const uintptr_t begin = (data + page - 1) / page * page, end = (data + t->bytes) / page * page;
    if (t->mapped && begin < end) {
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* advice: nothing depends on it */
    }
}

electra_status el_array_copy_i64(const el_array *t, int64_t *out, electra_error *err)
{
    if (t->dtype != EL_DTYPE_I64) {
        return wrong_dtype(t, "I64", err);
    }
    memcpy(out, t->data, t->bytes);
    return ELECTRA_OK;
}
