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
    const unsigned char *data; /* of any alignment; the first element */
    bool mapped;               /* data lies in a mapped file, whose pages can be read again at any time */
    /* Rows usually follow one another without gaps. Where `strided` is set (a transposed matrix, a view of a larger
     * array) neighbours along dimension i lie strides[i] elements apart instead, and only the functions below may
     * look at the data. Such an array has a number format of whole bytes. */
    bool strided;
    size_t strides[EL_ARRAY_MOST_RANK];
} el_array;

/* product of shape times the bits of an element; false on overflow or when it is no whole number of bytes. */
bool el_array_measure(el_dtype dtype, const size_t *shape, size_t rank, size_t *n, size_t *bytes);

/* Say how the array's elements lie, and set `strided` unless that is simply row after row. */
void el_array_set_strides(el_array *t, const size_t *strides);

/* The rows first ... first + n - 1 of an array with dimensions, as an array that borrows from it. */
el_array el_array_rows(const el_array *t, size_t first, size_t n);

/* Copy the elements first ... first + n - 1, counted row by row, in the number format in which they are stored. */
void el_array_copy_raw(const el_array *t, size_t first, size_t n, void *out);

/* true if both hold the same numbers in the same format and shape. */
bool el_array_equal(const el_array *a, const el_array *b);

/* The memory itself if it is F32, row after row and aligned for use in place, else NULL. Valid until the reader is
 * closed. */
const float *el_array_f32(const el_array *t);

/* Copy all t->n elements, converted. F32, F16, BF16, F64 (and I64, which must be exact in the target) are understood;
 * another type fails with ELECTRA_INVALID and names the tensor, its type and the file. */
electra_status el_array_copy_f32(const el_array *t, float *out, electra_error *err);
electra_status el_array_copy_f64(const el_array *t, double *out, electra_error *err);

/* The numbers will not be wanted soon: gives the pages of a mapped array back to the system. They stay readable. */
void el_array_release(const el_array *t);
/* The opposite: all of it will be read soon; its pages are made ready now, if they are mapped. */
void el_array_foresee(const el_array *t);

/* Copy the elements first ... first + n - 1 in the format `as`: F32, F16 or BF16, rounded to the nearest number (to the
 * even one of two), or the format in which they are stored. A finite number that `as` has no room for fails with
 * ELECTRA_INVALID, as a type fails that is not understood. */
electra_status el_array_convert(const el_array *t, size_t first, size_t n, el_dtype as, void *out, electra_error *err);

/* I64 only. */
electra_status el_array_copy_i64(const el_array *t, int64_t *out, electra_error *err);

/* A shape as "[3, 4]" for messages; cut to the size of the text. */
void el_shape_text(char *text, size_t bytes, const size_t *shape, size_t rank);

#endif
