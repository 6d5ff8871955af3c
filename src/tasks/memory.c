/* Owns the blocks behind examples. */
#include "tasks/memory.h"

#include <stdalign.h>

#include "base/mem.h"
#include "infer/growing.h"

enum { LEAST_BLOCK = 1 << 14, MOST_BLOCK = 1 << 22 };

struct el_examples_memory {
    size_t users;
    el_growing blocks; /* void * */
    char *at;          /* what is left of the last block that was cut */
    size_t left, next_block;
};

el_examples_memory *el_examples_memory_new(void)
{
    el_examples_memory *memory = el_alloc(1, sizeof *memory);
    if (memory) {
        memory->users = 1;
        memory->next_block = LEAST_BLOCK;
    }
    return memory;
}

void el_examples_memory_join(el_examples_memory *memory)
{
    memory->users++;
}

void el_examples_memory_leave(el_examples_memory *memory)
{
    if (!memory || --memory->users > 0) {
        return;
    }
    void **blocks = memory->blocks.items;
    for (size_t i = 0; i < memory->blocks.n; i++) {
        el_free(blocks[i]);
    }
    el_free(blocks);
    el_free(memory);
}

void *el_examples_memory_adopt(el_examples_memory *memory, void *block)
{
    void **place = el_growing_room(&memory->blocks, 1, sizeof *place, "the examples of a task", NULL);
    if (place) {
        *place = block;
        memory->blocks.n++;
    }
    return place ? block : NULL;
}

static void *take_block(el_examples_memory *memory, size_t bytes)
{
    void *block = el_alloc(bytes, 1);
    if (block && !el_examples_memory_adopt(memory, block)) {
        el_free(block);
        return NULL;
    }
    return block;
}

void *el_examples_memory_take(el_examples_memory *memory, size_t bytes)
{
    const size_t unit = alignof(max_align_t);
    if (bytes > SIZE_MAX - unit) {
        return NULL;
    }
    bytes = bytes ? (bytes + unit - 1) / unit * unit : unit;
    if (bytes > memory->left) {
        if (bytes > memory->next_block / 4) {
            return take_block(memory, bytes); /* what is left of the last one is still good for small things */
        }
        memory->at = take_block(memory, memory->next_block);
        memory->left = memory->at ? memory->next_block : 0;
        if (memory->at && memory->next_block < MOST_BLOCK) {
            memory->next_block *= 2;
        }
    }
    if (!memory->at) {
        return NULL;
    }
    void *piece = memory->at;
    memory->at += bytes;
    memory->left -= bytes;
    return piece;
}
