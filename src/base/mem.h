/* Memory: aligned zeroed blocks, growing arrays, and an arena that is sized before it is filled.
 *
 * Every allocation of the library goes through here or through the libraries it uses; tests count and fail
 * allocations by wrapping malloc when they are linked (tests/support/alloc.h), so no hook is needed here. */
#ifndef EL_BASE_MEM_H
#define EL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

enum { EL_ALIGNMENT = 64 }; /* bytes: a cache line, and the widest vector register */

/* n * size zeroed bytes, aligned to EL_ALIGNMENT; NULL when out of memory or when the product overflows. Of a large
 * block the system provides pages only when they are first written to.
 * Asking for nothing gives a valid pointer. Free with el_free. */
void *el_alloc(size_t n, size_t size);

/* Advice for a large block that will be used as a whole: fewer, larger pages, if the system has them. */
void el_use_huge_pages(void *block, size_t bytes);

/* Grow or shrink a block got from el_alloc or NULL; not zeroed beyond the old size. On failure NULL, and the old
 * block stays. old_n and n count elements of `size` bytes. */
void *el_realloc(void *block, size_t old_n, size_t n, size_t size);

/* Accepts NULL. */
void el_free(void *block);

/* A copy of a string, or NULL when out of memory. Free with el_free. */
char *el_strdup(const char *text);

/* true if a * b (a + b) overflows size_t; the result goes to *out otherwise. */
bool el_mul_overflows(size_t a, size_t b, size_t *out);
bool el_add_overflows(size_t a, size_t b, size_t *out);

/* An arena: one block from which pieces are cut one after another.
 *
 *     el_arena plan = {0};                     // no block yet: pieces are only counted
 *     lay_out(&plan, ...);                     // every el_arena_take returns NULL and adds to plan.used
 *     el_arena arena = {0};
 *     el_arena_init(&arena, plan.used);
 *     lay_out(&arena, ...);                    // the same calls now return memory
 *
 * The same function lays out twice, so the size is right by construction. */
typedef struct el_arena {
    unsigned char *base; /* NULL while counting */
    size_t capacity;     /* bytes */
    size_t used;         /* bytes, a multiple of EL_ALIGNMENT */
    size_t peak;         /* the largest `used` so far */
} el_arena;

/* Get a zeroed block of `bytes`; false when out of memory. Release with el_arena_clear. */
bool el_arena_init(el_arena *arena, size_t bytes);
void el_arena_clear(el_arena *arena);

/* The next n * size bytes, aligned, as they were left by the last user; NULL while counting. Taking more than the
 * capacity is a bug of the plan and asserts. */
void *el_arena_take(el_arena *arena, size_t n, size_t size);

/* Go back to a mark (a former value of `used`): everything taken since may be overwritten. */
void el_arena_reset(el_arena *arena, size_t mark);

#endif
