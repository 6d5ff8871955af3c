/* Owns the workspace: one block, laid out twice, first to learn its size. */
#include <assert.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "base/status.h"

static size_t aligned(size_t bytes)
{
    return (bytes + EL_ALIGNMENT - 1) & ~(size_t)(EL_ALIGNMENT - 1);
}

/* A piece of the masked-token head holds its logits beside the scratch of the product that makes them. */
static size_t masked_lm_piece_bytes(const el_limits *limits)
{
    const size_t slots = el_min(limits->slots, EL_SLOT_BLOCK);
    const size_t tokens = el_min(limits->vocabulary, EL_VOCABULARY_PIECE);
    return slots * tokens * sizeof(real);
}

/* The longest side of any product: tokens, slots and widths are multiplied in every order. */
static size_t longest_side(const el_limits *limits)
{
    return el_max(el_max(limits->tokens, limits->slots), el_max(limits->width, limits->vocabulary));
}

static void lay_out(el_cpu *cpu, el_arena *arena, const el_limits *limits, size_t threads)
{
    const size_t side = longest_side(limits);
    const size_t rows = el_max(limits->tokens, limits->slots);
    const size_t statistics = limits->slots * el_pieces(limits->vocabulary, EL_VOCABULARY_CHUNK);
    el_workspace *w = &cpu->w;
    cpu->gemm_bytes = aligned(cpu->k.gemm_scratch(side, side, side));
    w->scratch_bytes = aligned(el_max(cpu->gemm_bytes + masked_lm_piece_bytes(limits),
                                      el_max(cpu->k.attention_scratch(limits->longest, limits->head_width),
                                             EL_REAL(el_cpu_int8_scratch)(limits))));
    w->scratch = el_arena_take(arena, threads, w->scratch_bytes);
    w->norm_partials = el_arena_take(arena, el_pieces(rows, EL_NORM_BLOCK) * 2 * limits->width, sizeof(real));
    w->chunk_max = el_arena_take(arena, statistics, sizeof(real));
    w->chunk_sum = el_arena_take(arena, statistics, sizeof(real));
    w->sample_max = el_arena_take(arena, statistics, sizeof(real));
    w->sample_sum = el_arena_take(arena, statistics, sizeof(real));
    w->chunk_best = el_arena_take(arena, statistics, sizeof(uint32_t));
    w->target_logits = el_arena_take(arena, limits->slots, sizeof(real));
    w->window = el_arena_take(arena, limits->slots * el_min(limits->vocabulary, EL_VOCABULARY_WINDOW), sizeof(real));
    w->int8_rows = el_arena_take(arena, EL_REAL(el_cpu_int8_shared)(limits), 1);
}

electra_status EL_REAL(el_cpu_reserve)(el_backend *be, const el_limits *limits, electra_error *err)
{
    el_cpu *cpu = el_cpu_of(be);
    const size_t threads = (size_t)el_pool_threads(be->pool);
    el_arena plan = {0};
    lay_out(cpu, &plan, limits, threads);
    el_arena_clear(&cpu->arena);
    if (!el_arena_init(&cpu->arena, plan.used)) {
        cpu->w = (el_workspace){0};
        cpu->limits = (el_limits){0};
        return el_fail_memory(err, "the workspace of the operators", plan.used);
    }
    lay_out(cpu, &cpu->arena, limits, threads);
    cpu->limits = *limits;
    return ELECTRA_OK;
}
