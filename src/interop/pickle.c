/* Owns the pickle machine: operations, the table of globals, and the limits. Read from the bottom: el_pickle_read runs
 * step() until STOP; each operation is a few lines on the stack. */
#include "interop/pickle.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* A model of 24 layers needs some 10,000 objects. */
enum {
    MOST_STACK = 1 << 20,
    MOST_MARKS = 1000, /* open brackets, which is the nesting depth */
    MOST_MEMO = 1 << 20,
    MOST_MEMORY = 64 << 20, /* bytes of values */
    CHUNK_BYTES = 1 << 16,
    MOST_NAME = 200 /* characters of a module or of a name in it */
};

/* ---- the machine ----------------------------------------------------------------------------------------------- */

typedef struct chunk {
    struct chunk *next;
} chunk;

struct el_pickle {
    chunk *chunks; /* own all values */
    unsigned char *free;
    size_t free_bytes;
    size_t taken; /* bytes of all chunks */
    const el_pickle_value *top;
    const el_pickle_value *last_storage;
};

typedef struct machine {
    const unsigned char *data;
    size_t bytes;
    size_t at;
    size_t op_at; /* of the operation being done, for messages */
    el_pickle *values;
    const el_pickle_value **stack;
    size_t n_stack, stack_room;
    size_t *marks; /* stack heights */
    size_t n_marks, marks_room;
    const el_pickle_value **memo;
    size_t memo_room;
    bool stopped;
    const char *where;
    electra_error *err;
} machine;

static electra_status bad(const machine *m, const char *problem)
{
    return el_fail(m->err, ELECTRA_INVALID, m->where, "%s: the pickled objects in it are not sound: %s (byte %zu)",
                   m->where, problem, m->op_at);
}

/* Zeroed memory that lives as long as the pickle. */
static electra_status take(machine *m, size_t n, size_t size, void *out)
{
    el_pickle *p = m->values;
    size_t bytes;
    if (el_mul_overflows(n, size, &bytes) || bytes > MOST_MEMORY) {
        return bad(m, "more objects than any file of weights has");
    }
    bytes = (bytes + 15) / 16 * 16;
    if (bytes > p->free_bytes) {
        const size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        if (p->taken + room > MOST_MEMORY) {
            return bad(m, "more objects than any file of weights has");
        }
        chunk *more = el_alloc(1, EL_ALIGNMENT + room);
        if (!more) {
            return el_fail_memory(m->err, m->where, room);
        }
        more->next = p->chunks;
        p->chunks = more;
        p->free = (unsigned char *)more + EL_ALIGNMENT;
        p->free_bytes = room;
        p->taken += room;
    }
    void *piece = p->free;
    memcpy(out, &piece, sizeof piece);
    p->free += bytes;
    p->free_bytes -= bytes;
    return ELECTRA_OK;
}

static electra_status new_value(machine *m, el_pickle_kind kind, el_pickle_value **out)
{
    EL_TRY(take(m, 1, sizeof **out, out));
    (*out)->kind = kind;
    return ELECTRA_OK;
}

/* Room for element `n` of an array of `size` bytes each, of at most `most` elements. */
static electra_status make_room(machine *m, void *array, size_t *room, size_t n, size_t most, size_t size)
{
    if (n < *room) {
        return ELECTRA_OK;
    }
    if (n >= most) {
        return bad(m, "they are nested too deeply, or too many at once");
    }
    const size_t wanted = 2 * *room > n ? 2 * *room : n + 64;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = el_realloc(old, *room, wanted, size);
    if (!grown) {
        return el_fail_memory(m->err, m->where, wanted * size);
    }
    memset((unsigned char *)grown + *room * size, 0, (wanted - *room) * size);
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return ELECTRA_OK;
}

/* ---- stack ------------------------------------------------------------------------------------------------------ */

static electra_status push(machine *m, const el_pickle_value *value)
{
    EL_TRY(make_room(m, &m->stack, &m->stack_room, m->n_stack, MOST_STACK, sizeof *m->stack));
    m->stack[m->n_stack++] = value;
    return ELECTRA_OK;
}

static electra_status push_new(machine *m, el_pickle_kind kind)
{
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, kind, &value));
    return push(m, value);
}

/* Values above the last mark: an operation may not reach below it. */
static size_t available(const machine *m)
{
    return m->n_stack - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

static electra_status pop(machine *m, const el_pickle_value **out)
{
    if (available(m) == 0) {
        return bad(m, "an operation lacks its operand");
    }
    *out = m->stack[--m->n_stack];
    return ELECTRA_OK;
}

/* The value on top, which stays there. Containers on the stack are changed in place. */
static electra_status peek(const machine *m, el_pickle_value **out)
{
    if (available(m) == 0) {
        return bad(m, "an operation lacks its operand");
    }
    *out = (el_pickle_value *)(uintptr_t)m->stack[m->n_stack - 1];
    return ELECTRA_OK;
}

static electra_status push_mark(machine *m)
{
    EL_TRY(make_room(m, &m->marks, &m->marks_room, m->n_marks, MOST_MARKS, sizeof *m->marks));
    m->marks[m->n_marks++] = m->n_stack;
    return ELECTRA_OK;
}

/* Take the values above the last mark off the stack, and the mark with them; they stay readable at *items until the
 * next push. */
static electra_status pop_marked(machine *m, const el_pickle_value *const **items, size_t *n)
{
    if (m->n_marks == 0) {
        return bad(m, "an operation lacks its mark");
    }
    *n = available(m);
    m->n_stack -= *n;
    m->n_marks--;
    *items = *n ? m->stack + m->n_stack : NULL;
    return ELECTRA_OK;
}

/* ---- operands in the pickle ------------------------------------------------------------------------------------- */

static electra_status take_bytes(machine *m, size_t n, const unsigned char **out)
{
    if (n > m->bytes - m->at) {
        return bad(m, "they are cut short");
    }
    *out = m->data + m->at;
    m->at += n;
    return ELECTRA_OK;
}

/* A little-endian number of n <= 4 bytes. */
static electra_status take_number(machine *m, size_t n, uint32_t *out)
{
    const unsigned char *at = NULL;
    EL_TRY(take_bytes(m, n, &at));
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        *out |= (uint32_t)at[i] << 8 * i;
    }
    return ELECTRA_OK;
}

/* A text up to the line end, which is left out. */
static electra_status take_line(machine *m, el_pickle_bytes *out)
{
    const unsigned char *start = m->data + m->at;
    const size_t rest = m->bytes - m->at;
    const unsigned char *end = rest ? memchr(start, '\n', rest) : NULL;
    if (!end) {
        return bad(m, "they are cut short");
    }
    *out = (el_pickle_bytes){(const char *)start, (size_t)(end - start)};
    m->at += out->n + 1;
    return ELECTRA_OK;
}

static electra_status push_int(machine *m, int64_t whole)
{
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, EL_PICKLE_INT, &value));
    value->is.whole = whole;
    return push(m, value);
}

static electra_status push_bool(machine *m, bool set)
{
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, EL_PICKLE_BOOL, &value));
    value->is.whole = set;
    return push(m, value);
}

static electra_status op_int(machine *m, size_t width)
{
    uint32_t bits = 0;
    EL_TRY(take_number(m, width, &bits));
    return push_int(m, width == 4 ? (int64_t)(int32_t)bits : (int64_t)bits);
}

/* LONG1: a length, then two's complement. */
static electra_status op_long(machine *m)
{
    uint32_t n = 0;
    const unsigned char *at = NULL;
    EL_TRY(take_number(m, 1, &n));
    EL_TRY(take_bytes(m, n, &at));
    if (n > 8) {
        el_pickle_value *value = NULL;
        EL_TRY(new_value(m, EL_PICKLE_BIG, &value));
        value->is.bytes = (el_pickle_bytes){(const char *)at, n};
        return push(m, value);
    }
    uint64_t bits = n && at[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint32_t i = n; i-- > 0;) {
        bits = bits << 8 | at[i];
    }
    int64_t whole;
    memcpy(&whole, &bits, sizeof whole);
    return push_int(m, whole);
}

static electra_status op_real(machine *m)
{
    const unsigned char *at = NULL;
    EL_TRY(take_bytes(m, 8, &at));
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) { /* the one big-endian number of the format */
        bits = bits << 8 | at[i];
    }
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, EL_PICKLE_REAL, &value));
    memcpy(&value->is.real, &bits, sizeof bits);
    return push(m, value);
}

static electra_status op_text(machine *m, size_t length_bytes)
{
    uint32_t n = 0;
    const unsigned char *at = NULL;
    EL_TRY(take_number(m, length_bytes, &n));
    EL_TRY(take_bytes(m, n, &at));
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, EL_PICKLE_TEXT, &value));
    value->is.bytes = (el_pickle_bytes){(const char *)at, n};
    return push(m, value);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

static electra_status add_items(machine *m, el_pickle_items *items, const el_pickle_value *const *more, size_t n)
{
    if (items->n + n > items->room) {
        const size_t room = 2 * items->room > items->n + n ? 2 * items->room : items->n + n;
        const el_pickle_value **grown = NULL;
        EL_TRY(take(m, room, sizeof *grown, &grown));
        if (items->n) {
            memcpy(grown, items->at, items->n * sizeof *grown);
        }
        items->at = grown;
        items->room = room;
    }
    if (n) {
        memcpy(items->at + items->n, more, n * sizeof *more);
    }
    items->n += n;
    return ELECTRA_OK;
}

static electra_status push_tuple(machine *m, const el_pickle_value *const *items, size_t n)
{
    el_pickle_value *tuple = NULL;
    EL_TRY(new_value(m, EL_PICKLE_TUPLE, &tuple));
    EL_TRY(add_items(m, &tuple->is.items, items, n));
    return push(m, tuple);
}

static electra_status op_tuple(machine *m)
{
    const el_pickle_value *const *items = NULL;
    size_t n = 0;
    EL_TRY(pop_marked(m, &items, &n));
    return push_tuple(m, items, n);
}

static electra_status op_short_tuple(machine *m, size_t n)
{
    if (available(m) < n) {
        return bad(m, "an operation lacks its operand");
    }
    m->n_stack -= n;
    return push_tuple(m, m->stack + m->n_stack, n);
}

/* Append to the list on top, or put pairs into the dict on top. */
static electra_status extend(machine *m, el_pickle_kind kind, const el_pickle_value *const *items, size_t n)
{
    el_pickle_value *container = NULL;
    EL_TRY(peek(m, &container));
    if (container->kind != kind) {
        return bad(m, kind == EL_PICKLE_LIST ? "something is appended to what is no list"
                                             : "something is put into what is no dict");
    }
    if (kind == EL_PICKLE_DICT && n % 2 != 0) {
        return bad(m, "a key of a dict lacks its value");
    }
    return add_items(m, &container->is.items, items, n);
}

static electra_status op_extend_marked(machine *m, el_pickle_kind kind)
{
    const el_pickle_value *const *items = NULL;
    size_t n = 0;
    EL_TRY(pop_marked(m, &items, &n));
    return extend(m, kind, items, n);
}

static electra_status op_extend(machine *m, el_pickle_kind kind, size_t n)
{
    if (available(m) < n + 1) {
        return bad(m, "an operation lacks its operand");
    }
    m->n_stack -= n;
    return extend(m, kind, m->stack + m->n_stack, n);
}

/* ---- memo -------------------------------------------------------------------------------------------------------- */

static electra_status op_put(machine *m, size_t width)
{
    uint32_t i = 0;
    el_pickle_value *value = NULL;
    EL_TRY(take_number(m, width, &i));
    EL_TRY(peek(m, &value));
    EL_TRY(make_room(m, &m->memo, &m->memo_room, i, MOST_MEMO, sizeof *m->memo));
    m->memo[i] = value;
    return ELECTRA_OK;
}

static electra_status op_get(machine *m, size_t width)
{
    uint32_t i = 0;
    EL_TRY(take_number(m, width, &i));
    if (i >= m->memo_room || !m->memo[i]) {
        return bad(m, "an object is used that was never remembered");
    }
    return push(m, m->memo[i]);
}

/* ---- globals ----------------------------------------------------------------------------------------------------- */

typedef enum role { ROLE_ORDERED_DICT, ROLE_TENSOR, ROLE_OLD_TENSOR, ROLE_PARAMETER, ROLE_STORAGE } role;

/* All names that a pickle may mention. */
static const struct {
    const char *module, *name;
    role role;
    el_dtype dtype; /* of a storage */
} GLOBALS[] = {
    {"collections", "OrderedDict", ROLE_ORDERED_DICT, 0},    {"torch._utils", "_rebuild_tensor_v2", ROLE_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", ROLE_OLD_TENSOR, 0}, {"torch._utils", "_rebuild_parameter", ROLE_PARAMETER, 0},
    {"torch", "FloatStorage", ROLE_STORAGE, EL_DTYPE_F32},   {"torch", "DoubleStorage", ROLE_STORAGE, EL_DTYPE_F64},
    {"torch", "HalfStorage", ROLE_STORAGE, EL_DTYPE_F16},    {"torch", "BFloat16Storage", ROLE_STORAGE, EL_DTYPE_BF16},
    {"torch", "LongStorage", ROLE_STORAGE, EL_DTYPE_I64},    {"torch", "IntStorage", ROLE_STORAGE, EL_DTYPE_I32},
    {"torch", "ShortStorage", ROLE_STORAGE, EL_DTYPE_I16},   {"torch", "CharStorage", ROLE_STORAGE, EL_DTYPE_I8},
    {"torch", "ByteStorage", ROLE_STORAGE, EL_DTYPE_U8},     {"torch", "BoolStorage", ROLE_STORAGE, EL_DTYPE_BOOL},
};
enum { N_GLOBALS = sizeof GLOBALS / sizeof *GLOBALS };

static bool same_bytes(el_pickle_bytes a, const char *b)
{
    return a.n == strlen(b) && memcmp(a.at, b, a.n) == 0;
}

/* Part of a message: only what is sure to be harmless on a terminal. */
static void printable(char out[MOST_NAME + 1], el_pickle_bytes text)
{
    size_t i = 0;
    for (; i < text.n && i < MOST_NAME; i++) {
        out[i] = text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?';
    }
    out[i] = '\0';
}

static electra_status op_global(machine *m)
{
    el_pickle_bytes module = {0};
    el_pickle_bytes name = {0};
    EL_TRY(take_line(m, &module));
    EL_TRY(take_line(m, &name));
    for (int i = 0; i < N_GLOBALS; i++) {
        if (same_bytes(module, GLOBALS[i].module) && same_bytes(name, GLOBALS[i].name)) {
            el_pickle_value *value = NULL;
            EL_TRY(new_value(m, EL_PICKLE_GLOBAL, &value));
            value->is.global = i;
            return push(m, value);
        }
    }
    char first[MOST_NAME + 1];
    char second[MOST_NAME + 1];
    printable(first, module);
    printable(second, name);
    return el_fail(m->err, ELECTRA_INVALID, m->where,
                   "%s asks for \"%s %s\", which is not among the few names that files of weights need. Nothing was "
                   "executed; such a file should not be loaded by other programs either unless you trust its author",
                   m->where, first, second);
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static bool whole_number(const el_pickle_value *value, size_t *out)
{
    if (value->kind != EL_PICKLE_INT || value->is.whole < 0) {
        return false;
    }
    *out = (size_t)value->is.whole;
    return true;
}

static const el_pickle_value *item(const el_pickle_value *tuple, size_t i)
{
    return tuple->is.items.at[i];
}

/* BINPERSID: ('storage', type, key, location, elements[, view]). */
static electra_status op_persistent(machine *m)
{
    const el_pickle_value *id = NULL;
    EL_TRY(pop(m, &id));
    const size_t n = id->kind == EL_PICKLE_TUPLE ? id->is.items.n : 0;
    if ((n != 5 && n != 6) || !el_pickle_is_text(item(id, 0), "storage")) {
        return bad(m, "something lies outside them that is no storage");
    }
    const el_pickle_value *type = item(id, 1);
    if (type->kind != EL_PICKLE_GLOBAL || GLOBALS[type->is.global].role != ROLE_STORAGE) {
        return bad(m, "a storage is of an unknown type");
    }
    if (n == 6 && item(id, 5)->kind != EL_PICKLE_NONE) {
        return bad(m, "a storage is a part of another one, as only very old files have it");
    }
    size_t elements;
    if (item(id, 2)->kind != EL_PICKLE_TEXT || !whole_number(item(id, 4), &elements)) {
        return bad(m, "a storage lacks its key or its size");
    }
    el_pickle_value *storage = NULL;
    EL_TRY(new_value(m, EL_PICKLE_STORAGE, &storage));
    storage->is.storage =
        (el_pickle_storage){GLOBALS[type->is.global].dtype, item(id, 2)->is.bytes, elements, m->values->last_storage};
    m->values->last_storage = storage;
    return push(m, storage);
}

/* The tensor must lie within its storage: offset + sum of (size - 1) * stride < elements. */
static electra_status check_view(const machine *m, el_pickle_tensor *t)
{
    const el_pickle_storage *storage = &t->storage->is.storage;
    size_t bytes;
    if (!el_array_measure(storage->dtype, t->shape, t->rank, &t->n, &bytes)) {
        return bad(m, "the shape of a tensor is too large");
    }
    if (t->n == 0) {
        t->offset = 0;
        return ELECTRA_OK;
    }
    size_t last = t->offset;
    for (size_t i = 0; i < t->rank; i++) {
        size_t reach;
        if (el_mul_overflows(t->shape[i] - 1, t->strides[i], &reach) || el_add_overflows(last, reach, &last)) {
            return bad(m, "a tensor reaches beyond its storage");
        }
    }
    if (last >= storage->elements || t->n > storage->elements) {
        return bad(m, "a tensor reaches beyond its storage");
    }
    return ELECTRA_OK;
}

static electra_status rebuild_tensor(machine *m, const el_pickle_value *arguments)
{
    const size_t n = arguments->is.items.n;
    if (n < 4 || n > 7 || item(arguments, 0)->kind != EL_PICKLE_STORAGE ||
        item(arguments, 2)->kind != EL_PICKLE_TUPLE || item(arguments, 3)->kind != EL_PICKLE_TUPLE) {
        return bad(m, "a tensor is not made of a storage, an offset, a shape and strides");
    }
    const el_pickle_items *shape = &item(arguments, 2)->is.items;
    const el_pickle_items *strides = &item(arguments, 3)->is.items;
    if (shape->n != strides->n || shape->n > EL_ARRAY_MOST_RANK) {
        return bad(m, "a tensor has too many dimensions, or not as many strides");
    }
    el_pickle_value *value = NULL;
    EL_TRY(new_value(m, EL_PICKLE_TENSOR, &value));
    el_pickle_tensor *t = &value->is.tensor;
    t->storage = item(arguments, 0);
    t->rank = shape->n;
    bool fine = whole_number(item(arguments, 1), &t->offset);
    for (size_t i = 0; i < t->rank; i++) {
        fine = fine && whole_number(shape->at[i], &t->shape[i]) && whole_number(strides->at[i], &t->strides[i]);
    }
    if (!fine) {
        return bad(m, "the offset, shape or strides of a tensor are not whole numbers");
    }
    EL_TRY(check_view(m, t));
    return push(m, value);
}

/* REDUCE: a global and its arguments become what the global would have made of them. */
static electra_status op_reduce(machine *m)
{
    const el_pickle_value *arguments = NULL;
    const el_pickle_value *function = NULL;
    EL_TRY(pop(m, &arguments));
    EL_TRY(pop(m, &function));
    if (function->kind != EL_PICKLE_GLOBAL || arguments->kind != EL_PICKLE_TUPLE) {
        return bad(m, "something is called that is no function");
    }
    switch (GLOBALS[function->is.global].role) {
    case ROLE_ORDERED_DICT:
        return arguments->is.items.n == 0 ? push_new(m, EL_PICKLE_DICT)
                                          : bad(m, "an OrderedDict is made with arguments");
    case ROLE_TENSOR:
    case ROLE_OLD_TENSOR: return rebuild_tensor(m, arguments);
    case ROLE_PARAMETER:
        if (arguments->is.items.n == 0 || item(arguments, 0)->kind != EL_PICKLE_TENSOR) {
            return bad(m, "a parameter is made of no tensor");
        }
        return push(m, item(arguments, 0));
    case ROLE_STORAGE: break;
    }
    return bad(m, "a type is called as a function");
}

/* BUILD: attributes of an object. A module's dict of weights has some (its versions); nothing of ours needs them. */
static electra_status op_build(machine *m)
{
    const el_pickle_value *attributes = NULL;
    el_pickle_value *object = NULL;
    EL_TRY(pop(m, &attributes));
    EL_TRY(peek(m, &object));
    return object->kind == EL_PICKLE_DICT ? ELECTRA_OK : bad(m, "attributes are given to what is no dict");
}

static electra_status op_protocol(machine *m)
{
    uint32_t version = 0;
    EL_TRY(take_number(m, 1, &version));
    return version == 2 ? ELECTRA_OK : bad(m, "only protocol 2 is used by files of weights");
}

static electra_status op_stop(machine *m)
{
    if (m->n_marks != 0 || m->n_stack != 1) {
        return bad(m, "they end in the middle of something");
    }
    m->values->top = m->stack[0];
    m->stopped = true;
    return ELECTRA_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

static electra_status step(machine *m)
{
    m->op_at = m->at;
    const unsigned char *op = NULL;
    EL_TRY(take_bytes(m, 1, &op));
    switch (*op) {
    case 0x80: return op_protocol(m);
    case '.': return op_stop(m);
    case '(': return push_mark(m);
    case 'c': return op_global(m);
    case 'X': return op_text(m, 4);
    case 'U': return op_text(m, 1);
    case 'J': return op_int(m, 4);
    case 'K': return op_int(m, 1);
    case 'M': return op_int(m, 2);
    case 0x8a: return op_long(m);
    case 'G': return op_real(m);
    case 'N': return push_new(m, EL_PICKLE_NONE);
    case 0x88: return push_bool(m, true);
    case 0x89: return push_bool(m, false);
    case ')': return push_new(m, EL_PICKLE_TUPLE);
    case 't': return op_tuple(m);
    case 0x85: return op_short_tuple(m, 1);
    case 0x86: return op_short_tuple(m, 2);
    case 0x87: return op_short_tuple(m, 3);
    case ']': return push_new(m, EL_PICKLE_LIST);
    case 'a': return op_extend(m, EL_PICKLE_LIST, 1);
    case 'e': return op_extend_marked(m, EL_PICKLE_LIST);
    case '}': return push_new(m, EL_PICKLE_DICT);
    case 's': return op_extend(m, EL_PICKLE_DICT, 2);
    case 'u': return op_extend_marked(m, EL_PICKLE_DICT);
    case 0x8f: return push_new(m, EL_PICKLE_SET);
    case 'q': return op_put(m, 1);
    case 'r': return op_put(m, 4);
    case 'h': return op_get(m, 1);
    case 'j': return op_get(m, 4);
    case 'Q': return op_persistent(m);
    case 'R': /* NEWOBJ makes an object of a class without arguments; the only class here is OrderedDict */
    case 0x81: return op_reduce(m);
    case 'b': return op_build(m);
    default: break;
    }
    return el_fail(m->err, ELECTRA_INVALID, m->where,
                   "%s: the pickled objects in it use the operation 0x%02x at byte %zu, which files of weights do not "
                   "need; it is damaged, or no file of weights",
                   m->where, *op, m->op_at);
}

void el_pickle_free(el_pickle *pickle)
{
    if (!pickle) {
        return;
    }
    while (pickle->chunks) {
        chunk *next = pickle->chunks->next;
        el_free(pickle->chunks);
        pickle->chunks = next;
    }
    el_free(pickle);
}

electra_status el_pickle_read(el_pickle **out, const void *data, size_t bytes, size_t *used, const char *where,
                              electra_error *err)
{
    *out = NULL;
    machine m = {.data = data, .bytes = bytes, .where = where, .err = err};
    m.values = el_alloc(1, sizeof *m.values);
    electra_status status = m.values ? ELECTRA_OK : el_fail_memory(err, where, sizeof *m.values);
    while (status == ELECTRA_OK && !m.stopped) {
        status = step(&m);
    }
    el_free(m.stack);
    el_free(m.marks);
    el_free(m.memo);
    if (status != ELECTRA_OK) {
        el_pickle_free(m.values);
        return status;
    }
    if (used) {
        *used = m.at;
    }
    *out = m.values;
    return ELECTRA_OK;
}

/* ---- looking ------------------------------------------------------------------------------------------------------
 */

const el_pickle_value *el_pickle_top(const el_pickle *pickle)
{
    return pickle->top;
}

const el_pickle_value *el_pickle_last_storage(const el_pickle *pickle)
{
    return pickle->last_storage;
}

bool el_pickle_is_text(const el_pickle_value *value, const char *text)
{
    return value->kind == EL_PICKLE_TEXT && same_bytes(value->is.bytes, text);
}

const el_pickle_value *el_pickle_member(const el_pickle_value *dict, const char *key)
{
    if (dict->kind != EL_PICKLE_DICT) {
        return NULL;
    }
    for (size_t i = dict->is.items.n; i > 0; i -= 2) {
        if (el_pickle_is_text(dict->is.items.at[i - 2], key)) {
            return dict->is.items.at[i - 1];
        }
    }
    return NULL;
}
