/* The pickle in a PyTorch file: what is accepted can be walked, and every tensor stays within its storage. */
#include "fuzz/fuzz.h"

#include "interop/pickle.h"

enum { MOST_DEPTH = 40, MOST_VALUES = 20000 };

static size_t walked;

static void check_tensor(const el_pickle_tensor *t)
{
    FUZZ_MUST_HOLD(t->storage && t->storage->kind == EL_PICKLE_STORAGE && t->rank <= EL_ARRAY_MOST_RANK);
    const size_t elements = t->storage->is.storage.elements;
    size_t n = 1, last = t->offset;
    for (size_t i = 0; i < t->rank; i++) {
        n *= t->shape[i];
    }
    FUZZ_MUST_HOLD(n == t->n && n <= elements);
    for (size_t i = 0; i < t->rank && n > 0; i++) {
        FUZZ_MUST_HOLD(t->shape[i] == 1 || t->strides[i] <= elements);
        last += (t->shape[i] - 1) * t->strides[i];
    }
    FUZZ_MUST_HOLD(n == 0 || last < elements);
}

static void walk(const el_pickle_value *v, size_t depth, const uint8_t *data, size_t bytes)
{
    if (walked++ > MOST_VALUES || depth > MOST_DEPTH) { /* values may refer to one another in circles */
        return;
    }
    const char *begin = (const char *)data;
    switch (v->kind) {
    case EL_PICKLE_TEXT:
    case EL_PICKLE_BIG:
        FUZZ_MUST_HOLD(v->is.bytes.n == 0 || (v->is.bytes.at >= begin && v->is.bytes.n <= bytes &&
                                              v->is.bytes.at + v->is.bytes.n <= begin + bytes));
        break;
    case EL_PICKLE_DICT: FUZZ_MUST_HOLD(v->is.items.n % 2 == 0); /* fall through */
    case EL_PICKLE_TUPLE:
    case EL_PICKLE_LIST:
        for (size_t i = 0; i < v->is.items.n; i++) {
            walk(v->is.items.at[i], depth + 1, data, bytes);
        }
        break;
    case EL_PICKLE_TENSOR: check_tensor(&v->is.tensor); break;
    case EL_PICKLE_NONE:
    case EL_PICKLE_BOOL:
    case EL_PICKLE_INT:
    case EL_PICKLE_REAL:
    case EL_PICKLE_SET:
    case EL_PICKLE_GLOBAL:
    case EL_PICKLE_STORAGE: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    el_pickle *pickle = NULL;
    size_t used = 0;
    electra_error err = {0};
    if (fuzz_accepted(el_pickle_read(&pickle, data, bytes, &used, "input", &err), &err)) {
        FUZZ_MUST_HOLD(used > 0 && used <= bytes && data[used - 1] == '.');
        walked = 0;
        walk(el_pickle_top(pickle), 0, data, bytes);
        (void)el_pickle_member(el_pickle_top(pickle), "state_dict");
        size_t storages = 0;
        for (const el_pickle_value *s = el_pickle_last_storage(pickle); s; s = s->is.storage.before) {
            FUZZ_MUST_HOLD(s->kind == EL_PICKLE_STORAGE && storages++ < bytes);
        }
    }
    el_pickle_free(pickle);
    return 0;
}
