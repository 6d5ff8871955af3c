/* A named array as it lies in somebody's file: what every reader of weights hands over, and the ways to copy it out.
 * Readers (safetensors.h) check that `bytes` fits shape and type; this module only converts. */
#ifndef EL_INTEROP_ARRAY_H
#define EL_INTEROP_ARRAY_H

#include <electra/types.h>

enum { EL_ARRAY_MOST_RANK = 8 };

/* In the order of the safetensors library, by rising alignment; its writer sorts by it. */
typedef enum el_dtype {
    EL_DTYPE_BOOL,
    EL_DTYPE_F4,
    EL_DTYPE_F6_E2M3,
    EL_DTYPE_F6_E3M2,
    EL_DTYPE_U8,
    EL_DTYPE_I8,
    EL_DTYPE_F8_E5M2,
    EL_DTYPE_F8_E4M3,
    EL_DTYPE_F8_E8M0,
    EL_DTYPE_F8_E4M3FNUZ,
    EL_DTYPE_F8_E5M2FNUZ,
    EL_DTYPE_I16,
    EL_DTYPE_U16,
    EL_DTYPE_F16,
    EL_DTYPE_BF16,
    EL_DTYPE_I32,
    EL_DTYPE_U32,
    EL_DTYPE_F32,
    EL_DTYPE_C64,
    EL_DTYPE_F64,
    EL_DTYPE_I64,
    EL_DTYPE_U64,
    EL_DTYPE_COUNT
} el_dtype;

const char *el_dtype_name(el_dtype dtype); /* "F32" */
size_t el_dtype_bits(el_dtype dtype);      /* of one element */
bool el_dtype_find(const char *name, el_dtype *out);

/* All pointers are borrowed from the reader that made it. Numbers are little-endian, rows first. */
typedef struct el_array {
    const char *name;
    const char *file; /* for messages */
    el_dtype dtype;
    size_t rank; /* 0: a single number */
    size_t shape[EL_ARRAY_MOST_RANK];
    size_t n;                  /* elements */
    size_t bytes;              /* n * bits / 8 */
    const unsigned char *data; /* of any alignment */
    bool mapped;               /* data lies in a mapped file, whose pages can be read again at any time */
} el_array;

/* product of shape times the bits of an element; false on overflow or when it is no whole number of bytes. */
bool el_array_measure(el_dtype dtype, const size_t *shape, size_t rank, size_t *n, size_t *bytes);

/* The memory itself if it is F32 and aligned for use in place, else NULL. Valid until the reader is closed. */
const float *el_array_f32(const el_array *t);

/* Copy all t->n elements, converted. F32, F16, BF16, F64 (and I64, which must be exact in the target) are understood;
 * another type fails with ELECTRA_INVALID and names the tensor, its type and the file. */
electra_status el_array_copy_f32(const el_array *t, float *out, electra_error *err);
electra_status el_array_copy_f64(const el_array *t, double *out, electra_error *err);

/* The numbers will not be wanted soon: gives the pages of a mapped array back to the system. They stay readable. */
void el_array_release(const el_array *t);

/* I64 only. */
electra_status el_array_copy_i64(const el_array *t, int64_t *out, electra_error *err);

/* A shape as "[3, 4]" for messages; cut to the size of the text. */
void el_shape_text(char *text, size_t bytes, const size_t *shape, size_t rank);

#endif
