/* Laying out a pass: every tape is cut from an arena over the backend's memory by a plan function that is called with
 * an empty arena first, to count, and then for each micro-batch with its own number of tokens, which costs nothing. */
#ifndef EL_MODEL_PLAN_H
#define EL_MODEL_PLAN_H

#include "backend/backend.h"
#include "base/mem.h"

typedef struct el_plan {
    el_arena arena; /* base NULL while counting; else el_ops.alloc's memory */
    size_t element_size;
} el_plan;

static inline el_tensor el_plan_tensor(el_plan *plan, size_t rows, size_t cols)
{
    return el_tensor_of(el_arena_take(&plan->arena, rows * cols, plan->element_size), rows, cols);
}

static inline uint32_t *el_plan_indices(el_plan *plan, size_t n)
{
    return el_arena_take(&plan->arena, n, sizeof(uint32_t));
}

#endif
