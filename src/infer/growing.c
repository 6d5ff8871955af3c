/* Owns arrays that grow. */
#include "infer/growing.h"

#include "base/mem.h"
#include "base/status.h"

void *el_growing_room(el_growing *array, size_t n, size_t size, const char *what, electra_error *err)
{
    size_t needed;
    if (el_add_overflows(array->n, n, &needed)) {
        (void)el_fail_memory(err, what, SIZE_MAX);
        return NULL;
    }
    if (needed > array->capacity || !array->items) {
        const size_t capacity = needed + needed / 2 + 64;
        void *items = el_realloc(array->items, array->n, capacity, size);
        if (!items) {
            (void)el_fail_memory(err, what, capacity * size);
            return NULL;
        }
        array->items = items;
        array->capacity = capacity;
    }
    return (char *)array->items + array->n * size;
}
