/* What examples borrow their texts from: blocks that are only ever added to, and freed together when the last
 * el_examples that uses them is. One thread at a time. */
#ifndef EL_TASKS_MEMORY_H
#define EL_TASKS_MEMORY_H

#include <stddef.h>

typedef struct el_examples_memory el_examples_memory;

el_examples_memory *el_examples_memory_new(void); /* with one user; NULL when out of memory */
void el_examples_memory_join(el_examples_memory *memory);
void el_examples_memory_leave(el_examples_memory *memory); /* accepts NULL */

/* `bytes` zeroed bytes, aligned for any type; NULL when out of memory. */
void *el_examples_memory_take(el_examples_memory *memory, size_t bytes);

/* Let a block of el_alloc live as long; NULL when out of memory (the block is still the caller's then). */
void *el_examples_memory_adopt(el_examples_memory *memory, void *block);

#endif
