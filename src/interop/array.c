/* Owns the number formats of weights: their names, widths and conversions. */
#include "interop/array.h"

#include <math.h>
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

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

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

/* ---- the order of elements -------------------------------------------------------------------------------------- */

void el_array_set_strides(el_array *t, const size_t *strides)
{
    size_t expected = 1;
    t->strided = false;
    for (size_t i = t->rank; i-- > 0;) {
        t->strided = t->strided || (t->shape[i] > 1 && strides[i] != expected);
        t->strides[i] = strides[i];
        expected *= t->shape[i];
    }
    t->strided = t->strided && t->n > 0;
}

/* n elements of `width` bytes that lie `stride` elements apart. */
static void gather(unsigned char *out, const unsigned char *from, size_t n, size_t stride, size_t width)
{
    switch (width) { /* a constant width becomes one move */
    case 2:
        for (size_t i = 0; i < n; i++) {
            memcpy(out + 2 * i, from + 2 * i * stride, 2);
        }
        return;
    case 4:
        for (size_t i = 0; i < n; i++) {
            memcpy(out + 4 * i, from + 4 * i * stride, 4);
        }
        return;
    default:
        for (size_t i = 0; i < n; i++) {
            memcpy(out + width * i, from + width * i * stride, width);
        }
    }
}

void el_array_copy_raw(const el_array *t, size_t first, size_t n, void *out)
{
    const size_t width = el_dtype_bits(t->dtype) / 8;
    if (n == 0) {
        return;
    }
    if (!t->strided) {
        memcpy(out, t->data + first * width, n * width);
        return;
    }
    /* only an array with dimensions is strided; rows along the last of them are taken together */
    unsigned char *to = out;
    const size_t last = t->rank - 1;
    while (n > 0) {
        size_t rest = first;
        size_t offset = 0;
        size_t run = n;
        for (size_t i = t->rank; i-- > 0;) {
            const size_t at = rest % t->shape[i];
            rest /= t->shape[i];
            offset += at * t->strides[i];
            if (i == last) {
                run = t->shape[i] - at < n ? t->shape[i] - at : n;
            }
        }
        gather(to, t->data + offset * width, run, t->strides[last], width);
        to += run * width;
        first += run;
        n -= run;
    }
}

el_array el_array_rows(const el_array *t, size_t first, size_t n)
{
    el_array rows = *t;
    const size_t width = t->n ? t->n / t->shape[0] : 0; /* elements of a row */
    const size_t apart = t->strided ? t->strides[0] : width;
    rows.shape[0] = n;
    rows.n = n * width;
    rows.bytes = rows.n * el_dtype_bits(t->dtype) / 8;
    rows.data += first * apart * el_dtype_bits(t->dtype) / 8;
    return rows;
}

enum { PIECE = 2048 /* elements that are converted at once */ };

bool el_array_equal(const el_array *a, const el_array *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) != 0) {
        return false;
    }
    if (!a->strided && !b->strided) {
        return a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0;
    }
    const size_t width = el_dtype_bits(a->dtype) / 8;
    unsigned char one[PIECE * 8];
    unsigned char other[PIECE * 8];
    for (size_t first = 0; first < a->n; first += PIECE) {
        const size_t n = a->n - first < PIECE ? a->n - first : PIECE;
        el_array_copy_raw(a, first, n, one);
        el_array_copy_raw(b, first, n, other);
        if (memcmp(one, other, n * width) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

/* One element of any understood type as a double, which holds each of them exactly (I64 up to 2^53). */
static double element(el_dtype dtype, const unsigned char *data, size_t i)
{
    uint16_t half;
    float single;
    double twice;
    int64_t whole;
    switch (dtype) {
    case EL_DTYPE_F16: memcpy(&half, data + 2 * i, 2); return (double)from_f16(half);
    case EL_DTYPE_BF16: memcpy(&half, data + 2 * i, 2); return (double)from_bf16(half);
    case EL_DTYPE_F32: memcpy(&single, data + 4 * i, 4); return (double)single;
    case EL_DTYPE_F64: memcpy(&twice, data + 8 * i, 8); return twice;
    default: memcpy(&whole, data + 8 * i, 8); return (double)whole;
    }
}

static bool is_real(el_dtype dtype)
{
    return dtype == EL_DTYPE_F32 || dtype == EL_DTYPE_F16 || dtype == EL_DTYPE_BF16 || dtype == EL_DTYPE_F64;
}

static bool is_number(el_dtype dtype)
{
    return is_real(dtype) || dtype == EL_DTYPE_I64;
}

/* Whole numbers must survive the conversion: silently rounded counters and ids would be wrong, not imprecise. */
static electra_status check_exact(const el_array *t, const unsigned char *piece, size_t first, size_t n, int64_t most,
                                  electra_error *err)
{
    for (size_t i = 0; i < n && t->dtype == EL_DTYPE_I64; i++) {
        int64_t value;
        memcpy(&value, piece + 8 * i, 8);
        if (value > most || value < -most) {
            return el_fail(err, ELECTRA_INVALID, t->file,
                           "element %zu of the tensor \"%s\" is %lld, too large to be exact as a real number",
                           first + i, t->name, (long long)value);
        }
    }
    return ELECTRA_OK;
}

const float *el_array_f32(const el_array *t)
{
    if (t->dtype != EL_DTYPE_F32 || t->strided || (uintptr_t)t->data % _Alignof(float) != 0) {
        return NULL;
    }
    return (const float *)(const void *)t->data;
}

electra_status el_array_copy_f32(const el_array *t, float *out, electra_error *err)
{
    if (t->dtype == EL_DTYPE_F32) {
        el_array_copy_raw(t, 0, t->n, out);
        return ELECTRA_OK;
    }
    if (!is_number(t->dtype)) {
        return wrong_dtype(t, "F32, F16, BF16, F64 and I64", err);
    }
    unsigned char piece[PIECE * 8];
    for (size_t first = 0; first < t->n; first += PIECE) {
        const size_t n = t->n - first < PIECE ? t->n - first : PIECE;
        el_array_copy_raw(t, first, n, piece);
        EL_TRY(check_exact(t, piece, first, n, (int64_t)1 << 24, err));
        for (size_t i = 0; i < n; i++) {
            out[first + i] = (float)element(t->dtype, piece, i);
        }
    }
    return ELECTRA_OK;
}

electra_status el_array_copy_f64(const el_array *t, double *out, electra_error *err)
{
    if (!is_number(t->dtype)) {
        return wrong_dtype(t, "F32, F16, BF16, F64 and I64", err);
    }
    unsigned char piece[PIECE * 8];
    for (size_t first = 0; first < t->n; first += PIECE) {
        const size_t n = t->n - first < PIECE ? t->n - first : PIECE;
        el_array_copy_raw(t, first, n, piece);
        EL_TRY(check_exact(t, piece, first, n, (int64_t)1 << 53, err));
        for (size_t i = 0; i < n; i++) {
            out[first + i] = element(t->dtype, piece, i);
        }
    }
    return ELECTRA_OK;
}

void el_array_release(const el_array *t)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)t->data;
    const uintptr_t begin = (data + page - 1) / page * page, end = (data + t->bytes) / page * page;
    if (t->mapped && !t->strided && begin < end) {
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* advice: nothing depends on it */
    }
}

void el_array_foresee(const el_array *t)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const volatile uint8_t *data = t->data; /* a read is what brings a page */
    for (size_t i = 0; t->mapped && !t->strided && i < t->bytes; i += page) {
        (void)data[i];
    }
}

electra_status el_array_copy_i64(const el_array *t, int64_t *out, electra_error *err)
{
    if (t->dtype != EL_DTYPE_I64) {
        return wrong_dtype(t, "I64", err);
    }
    el_array_copy_raw(t, 0, t->n, out);
    return ELECTRA_OK;
}

/* The nearest number of 1 + fraction_bits significant bits, as its bits: 10 and 15 make IEEE halves, 7 and 127
 * bfloat16. A carry out of the fraction moves the exponent by itself, also from the subnormals and into infinity. */
static uint16_t to_half(double value, int fraction_bits, int bias)
{
    const uint32_t sign = signbit(value) ? 0x8000u : 0;
    const uint32_t infinite = (uint32_t)(2 * bias + 1) << fraction_bits;
    const double magnitude = fabs(value);
    if (isnan(value)) {
        return (uint16_t)(sign | infinite | 1u << (fraction_bits - 1));
    }
    if (isinf(value)) {
        return (uint16_t)(sign | infinite);
    }
    int exponent;
    (void)frexp(magnitude, &exponent);
    if (magnitude == 0 || exponent < 2 - bias) {
        return (uint16_t)(sign | (uint32_t)nearbyint(ldexp(magnitude, bias - 1 + fraction_bits)));
    }
    if (exponent > bias + 1) {
        return (uint16_t)(sign | infinite);
    }
    const uint32_t significand = (uint32_t)nearbyint(ldexp(magnitude, fraction_bits + 1 - exponent));
    const uint32_t bits = ((uint32_t)(exponent - 1 + bias) << fraction_bits) + significand - (1u << fraction_bits);
    return (uint16_t)(sign | bits);
}

/* One number in the format `as`; false if it was finite and is no longer. */
static bool put_real(el_dtype as, double value, unsigned char *out)
{
    if (as == EL_DTYPE_F32) {
        const float single = (float)value;
        memcpy(out, &single, 4);
        return isinf(value) || !isinf(single);
    }
    const uint16_t half = as == EL_DTYPE_F16 ? to_half(value, 10, 15) : to_half(value, 7, 127);
    memcpy(out, &half, 2);
    const uint32_t infinite = as == EL_DTYPE_F16 ? 0x7c00 : 0x7f80;
    return isinf(value) || (half & 0x7fffu) != infinite;
}

electra_status el_array_convert(const el_array *t, size_t first, size_t n, el_dtype as, void *out, electra_error *err)
{
    if (as == t->dtype) {
        el_array_copy_raw(t, first, n, out);
        return ELECTRA_OK;
    }
    if (!is_real(t->dtype) || (as != EL_DTYPE_F32 && as != EL_DTYPE_F16 && as != EL_DTYPE_BF16)) {
        return wrong_dtype(t, "F32, F16, BF16 and F64", err);
    }
    const size_t width = el_dtype_bits(as) / 8;
    unsigned char *to = out;
    unsigned char piece[PIECE * 8];
    for (size_t done = 0; done < n; done += PIECE) {
        const size_t count = n - done < PIECE ? n - done : PIECE;
        el_array_copy_raw(t, first + done, count, piece);
        for (size_t i = 0; i < count; i++) {
            const double value = element(t->dtype, piece, i);
            if (!put_real(as, value, to + (done + i) * width)) {
                return el_fail(err, ELECTRA_INVALID, t->file,
                               "element %zu of the tensor \"%s\" is %g, which is too large for %s; keep the number "
                               "format or take a wider one",
                               first + done + i, t->name, value, el_dtype_name(as));
            }
        }
    }
    return ELECTRA_OK;
}
