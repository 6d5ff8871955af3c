/* Arrays that grow. */
#ifndef EL_INFER_GROWING_H
#define EL_INFER_GROWING_H

#include <electra/types.h>

/* An array that grows and is kept from call to call. */
typedef struct el_growing {
    void *items;
    size_t n, capacity;
} el_growing;

/* Room for n more items of `size` bytes behind the last one, whose number is not raised yet; NULL when out of memory
 * (err is filled then, naming `what`). */
void *el_growing_room(el_growing *array, size_t n, size_t size, const char *what, electra_error *err);

#endif
