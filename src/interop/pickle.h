/* The part of Python's pickle format that files of weights need, read without executing anything.
 *
 *     el_pickle *pickle;
 *     EL_TRY(el_pickle_read(&pickle, data, bytes, &used, "pytorch_model.bin", err));
 *     const el_pickle_value *top = el_pickle_top(pickle);       // a dict of tensors, say
 *     el_pickle_free(pickle);
 *
 * A pickle is a program for a small stack machine, and Python's own machine may be told to call any function. This one
 * knows the operations that PyTorch's restricted loader knows (torch/_weights_only_unpickler.py), looks a global name
 * up in a fixed table and refuses any other by its name. "Calling" one of the table means to make a value of this
 * module. Nothing is resolved, imported, opened or run. Values may refer to one another in circles; whoever walks them
 * must not follow lists and dicts without a limit. */
#ifndef EL_INTEROP_PICKLE_H
#define EL_INTEROP_PICKLE_H

#include "interop/array.h"

typedef enum el_pickle_kind {
    EL_PICKLE_NONE,
    EL_PICKLE_BOOL,
    EL_PICKLE_INT,
    EL_PICKLE_BIG, /* a whole number of more than 64 bits */
    EL_PICKLE_REAL,
    EL_PICKLE_TEXT,
    EL_PICKLE_TUPLE,
    EL_PICKLE_LIST,
    EL_PICKLE_DICT,
    EL_PICKLE_SET, /* always empty */
    EL_PICKLE_GLOBAL,
    EL_PICKLE_STORAGE,
    EL_PICKLE_TENSOR
} el_pickle_kind;

typedef struct el_pickle_value el_pickle_value;

typedef struct el_pickle_bytes {
    const char *at; /* in the pickle itself: no NUL, any bytes */
    size_t n;
} el_pickle_bytes;

typedef struct el_pickle_items {
    const el_pickle_value **at;
    size_t n; /* of a dict: keys and values by turns, so always even */
    size_t room;
} el_pickle_items;

/* A block of elements that lies outside the pickle, and is called by a key. */
typedef struct el_pickle_storage {
    el_dtype dtype;
    el_pickle_bytes key;
    size_t elements;
    const el_pickle_value *before; /* the storage that was mentioned before this one, or NULL */
} el_pickle_storage;

/* A view of a storage. Offset and strides count elements; they are checked to stay within the storage, and a tensor
 * has no more elements than its storage. */
typedef struct el_pickle_tensor {
    const el_pickle_value *storage;
    size_t offset;
    size_t rank;
    size_t shape[EL_ARRAY_MOST_RANK];
    size_t strides[EL_ARRAY_MOST_RANK];
    size_t n; /* product of shape */
} el_pickle_tensor;

struct el_pickle_value {
    el_pickle_kind kind;
    union {
        int64_t whole;         /* BOOL, INT */
        double real;           /* REAL */
        el_pickle_bytes bytes; /* TEXT; BIG: little-endian two's complement */
        el_pickle_items items; /* TUPLE, LIST, DICT */
        int global;            /* GLOBAL: row of the table in pickle.c */
        el_pickle_storage storage;
        el_pickle_tensor tensor;
    } is;
};

typedef struct el_pickle el_pickle;

/* Run one pickle, which begins at data and ends with its STOP; *used (may be NULL) is its length. data must outlive
 * the result. where: the file, for messages. ELECTRA_INVALID: damaged, an operation or a global that is not known, or
 * more objects than any file of weights has. */
electra_status el_pickle_read(el_pickle **out, const void *data, size_t bytes, size_t *used, const char *where,
                              electra_error *err);
void el_pickle_free(el_pickle *pickle); /* accepts NULL */

/* Borrowed until free, like everything reached from it. */
const el_pickle_value *el_pickle_top(const el_pickle *pickle);

/* The last storage that the pickle mentions, whether or not anything reachable uses it; `before` leads to the others,
 * and one key may come several times. NULL if there is none. */
const el_pickle_value *el_pickle_last_storage(const el_pickle *pickle);

/* true for a TEXT of exactly this content. */
bool el_pickle_is_text(const el_pickle_value *value, const char *text);

/* The value of a text key in a DICT, the last one if it stands there several times; NULL if there is none or if the
 * value is no dict. */
const el_pickle_value *el_pickle_member(const el_pickle_value *dict, const char *key);

#endif
