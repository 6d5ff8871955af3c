/* Owns how memory is asked for: aligned, zeroed, checked for overflow. */
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

bool el_mul_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

bool el_add_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_add_overflow(a, b, out);
}

/* n * size rounded up to the alignment, at least one unit; false on overflow. */
static bool block_bytes(size_t n, size_t size, size_t *out)
{
    size_t bytes;
    if (el_mul_overflows(n, size, &bytes) || el_add_overflows(bytes, EL_ALIGNMENT - 1, &bytes)) {
        return false;
    }
    bytes &= ~(size_t)(EL_ALIGNMENT - 1);
    *out = bytes ? bytes : EL_ALIGNMENT;
    return true;
}

/* A block begins at the first aligned address behind the word that notes what calloc gave. calloc knows which memory
 * comes fresh and zeroed from the system and need not be touched. */
void *el_alloc(size_t n, size_t size)
{
    size_t bytes;
    if (!block_bytes(n, size, &bytes) || el_add_overflows(bytes, EL_ALIGNMENT, &bytes)) {
        return NULL;
    }
    char *raw = calloc(bytes, 1);
    if (!raw) {
        return NULL;
    }
    char *block = raw + EL_ALIGNMENT - (uintptr_t)raw % EL_ALIGNMENT;
    memcpy(block - sizeof raw, &raw, sizeof raw);
    return block;
}

void *el_realloc(void *block, size_t old_n, size_t n, size_t size)
{
    void *grown = el_alloc(n, size);
    if (grown && block) {
        memcpy(grown, block, (old_n < n ? old_n : n) * size);
        el_free(block);
    }
    return grown;
}

void el_free(void *block)
{
    if (block) {
        char *raw;
        memcpy(&raw, (char *)block - sizeof raw, sizeof raw);
        free(raw);
    }
}

void el_use_huge_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t huge = (uintptr_t)2 << 20, data = (uintptr_t)block;
    const uintptr_t begin = (data + huge - 1) / huge * huge, end = (data + bytes) / huge * huge;
    if (begin < end) {
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* advice: nothing depends on it */
    }
#else
    (void)block, (void)bytes;
#endif
}

char *el_strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = el_alloc(bytes, 1);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

bool el_arena_init(el_arena *arena, size_t bytes)
{
    *arena = (el_arena){0};
    arena->base = el_alloc(bytes, 1);
    arena->capacity = arena->base ? bytes : 0;
    return arena->base != NULL;
}

void el_arena_clear(el_arena *arena)
{
    el_free(arena->base);
    *arena = (el_arena){0};
}

void *el_arena_take(el_arena *arena, size_t n, size_t size)
{
    size_t bytes = 0;
    const bool fits = block_bytes(n, size, &bytes);
    assert(fits && "an arena piece larger than the address space");
    (void)fits;
    unsigned char *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += bytes;
    if (arena->used > arena->peak) {
        arena->peak = arena->used;
    }
    assert((!arena->base || arena->used <= arena->capacity) && "the plan of an arena was too small");
    return piece;
}

void el_arena_reset(el_arena *arena, size_t mark)
{
    assert(mark <= arena->used);
    arena->used = mark;
}
