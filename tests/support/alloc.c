/* See alloc.h. __real_* and __wrap_* are names that the linker's --wrap defines. */
#include "support/alloc.h"

#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_ulong allocations;
static atomic_ulong fails_at; /* the count at which an allocation fails; 0: none does */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t bytes);
int __real_posix_memalign(void **out, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t bytes);
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes);

unsigned long test_allocations(void)
{
    return atomic_load(&allocations);
}

void test_fail_allocation(unsigned long n)
{
    atomic_store(&fails_at, n ? atomic_load(&allocations) + n : 0);
}

/* The text buffer of jansson's lexer grows to powers of two, and release 2.14 does not look whether it could: a letter is
 * lost then. Nothing here can help that, so these (and a few others of such sizes) do not fail. */
static void *json_malloc(size_t bytes)
{
    const bool power_of_two = bytes >= 32 && (bytes & (bytes - 1)) == 0;
    return power_of_two ? __real_malloc(bytes) : __wrap_malloc(bytes);
}

void test_fail_json_too(void)
{
    json_set_alloc_funcs(json_malloc, free);
}

static bool fails_now(void)
{
    return atomic_fetch_add(&allocations, 1) + 1 == atomic_load(&fails_at);
}

void *__wrap_malloc(size_t bytes)
{
    return fails_now() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return fails_now() ? NULL : __real_realloc(block, bytes);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes)
{
    return fails_now() ? ENOMEM : __real_posix_memalign(out, alignment, bytes);
}
