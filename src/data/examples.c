/* Owns how documents are cut into examples: the corrected builder first, then the released one. */
#include "data/examples.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

enum { SHORTEST_TARGET = 5, ONE_SEGMENT_SPECIALS = 2, TWO_SEGMENTS_SPECIALS = 3 };

static const double SINGLE_SEGMENT_SHARE = 0.10;
static const double SHORT_SHARE = 0.05;

/* A growing row of tokens. */
typedef struct tokens {
    uint32_t *ids;
    size_t n, room;
} tokens;

struct el_example_builder {
    el_example_builder_settings settings;
    uint64_t document;
    uint64_t number;       /* of the example within the document */
    el_rng_stream choices; /* of this example */
    size_t target;         /* its length with special tokens */
    size_t goal;           /* tokens at which segment A should end; SIZE_MAX: there is no B */
    tokens a, b;           /* the segments so far */
    /* the released builder only */
    tokens pending; /* sentences laid end to end, the first one at 0 */
    size_t *ends;   /* [n_pending] where each of them ends */
    size_t n_pending, pending_room;
};

electra_status el_example_builder_create(el_example_builder **out, const el_example_builder_settings *settings,
                                         electra_error *err)
{
    el_example_builder *x = el_alloc(1, sizeof *x);
    *out = x;
    if (!x) {
        return el_fail_memory(err, "the builder of examples", sizeof *x);
    }
    x->settings = *settings;
    x->target = settings->max_length;
    return ELECTRA_OK;
}

void el_example_builder_free(el_example_builder *x)
{
    if (x) {
        el_free(x->a.ids);
        el_free(x->b.ids);
        el_free(x->pending.ids);
        el_free(x->ends);
        el_free(x);
    }
}

static electra_status append(tokens *to, const uint32_t *ids, size_t n, electra_error *err)
{
    if (to->room - to->n < n) {
        const size_t room = to->room * 2 + n;
        uint32_t *grown = el_realloc(to->ids, to->n, room, sizeof *grown);
        if (!grown) {
            return el_fail_memory(err, "an example", room * sizeof *grown);
        }
        to->ids = grown;
        to->room = room;
    }
    if (n) {
        memcpy(to->ids + to->n, ids, n * sizeof *ids);
    }
    to->n += n;
    return ELECTRA_OK;
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

static bool chance(el_example_builder *x, double share)
{
    return el_rng_uniform(el_rng_next(&x->choices)) < share;
}

static void open_choices(el_example_builder *x)
{
    x->choices = (el_rng_stream){.key = el_rng_key(x->settings.seed, EL_RNG_EXAMPLES, x->document, x->number)};
}

static void choose_goal(el_example_builder *x)
{
    x->goal = chance(x, SINGLE_SEGMENT_SHARE) ? SIZE_MAX : (x->target - TWO_SEGMENTS_SPECIALS) / 2;
}

static void choose_target(el_example_builder *x)
{
    x->target = x->settings.max_length;
    if (chance(x, SHORT_SHARE)) {
        x->target = SHORTEST_TARGET + (size_t)el_rng_below(&x->choices, x->settings.max_length - SHORTEST_TARGET + 1);
    }
}

/* ---- handing out ------------------------------------------------------------------------------------------------- */

static electra_status give(el_example_builder *x, electra_error *err)
{
    const size_t first = x->a.n;
    EL_TRY(append(&x->a, x->b.ids, x->b.n, err));
    const size_t n = x->a.n;
    x->a.n = 0;
    x->b.n = 0;
    x->number++;
    return n ? x->settings.give(x->settings.user, x->a.ids, n, first, err) : ELECTRA_OK;
}

/* ---- the corrected builder --------------------------------------------------------------------------------------- */

/* Where a sentence of n tokens goes, given what is in the segments. Once B has begun, A is closed. */
static tokens *segment_for(el_example_builder *x, size_t n)
{
    if (x->a.n == 0) {
        return &x->a;
    }
    if (x->b.n == 0 && (x->a.n + n < x->goal || (x->a.n < x->goal && chance(x, 0.5)))) {
        return &x->a;
    }
    return &x->b;
}

static size_t room_in(const el_example_builder *x, const tokens *segment)
{
    const size_t used = x->a.n + x->b.n + (segment == &x->a ? ONE_SEGMENT_SPECIALS : TWO_SEGMENTS_SPECIALS);
    return used < x->target ? x->target - used : 0;
}

static electra_status add_whole(el_example_builder *x, const uint32_t *ids, size_t n, electra_error *err)
{
    while (n > 0) {
        if (x->a.n == 0) {
            open_choices(x);
            choose_target(x);
            choose_goal(x);
        }
        tokens *segment = segment_for(x, n);
        const size_t room = room_in(x, segment);
        const size_t take = n < room ? n : room;
        EL_TRY(append(segment, ids, take, err));
        ids += take;
        n -= take;
        if (n > 0) {
            EL_TRY(give(x, err));
        }
    }
    return ELECTRA_OK;
}

/* ---- the released builder ---------------------------------------------------------------------------------------- */

static void truncate_segments(el_example_builder *x)
{
    const size_t most = x->settings.max_length;
    if (x->a.n > most - ONE_SEGMENT_SPECIALS) {
        x->a.n = most - ONE_SEGMENT_SPECIALS;
    }
    const size_t used = x->a.n + TWO_SEGMENTS_SPECIALS;
    const size_t room = used < most ? most - used : 0;
    x->b.n = x->b.n < room ? x->b.n : room;
}

/* Short sentences may go back into A after B has begun, and what is too long is thrown away: as published. */
static electra_status give_pending(el_example_builder *x, electra_error *err)
{
    open_choices(x);
    choose_goal(x);
    size_t begin = 0;
    for (size_t i = 0; i < x->n_pending; i++) {
        const size_t n = x->ends[i] - begin;
        const bool to_a =
            x->a.n == 0 || (x->goal > n && x->a.n < x->goal - n) || (x->b.n == 0 && x->a.n < x->goal && chance(x, 0.5));
        EL_TRY(append(to_a ? &x->a : &x->b, x->pending.ids + begin, n, err));
        begin = x->ends[i];
    }
    x->pending.n = 0;
    x->n_pending = 0;
    truncate_segments(x);
    choose_target(x); /* decides when the next example is full, not how long it is */
    return give(x, err);
}

static electra_status add_pending(el_example_builder *x, const uint32_t *ids, size_t n, electra_error *err)
{
    if (x->n_pending == x->pending_room) {
        const size_t room = x->pending_room * 2 + 16;
        size_t *grown = el_realloc(x->ends, x->n_pending, room, sizeof *grown);
        if (!grown) {
            return el_fail_memory(err, "an example", room * sizeof *grown);
        }
        x->ends = grown;
        x->pending_room = room;
    }
    EL_TRY(append(&x->pending, ids, n, err));
    x->ends[x->n_pending++] = x->pending.n;
    return x->pending.n >= x->target ? give_pending(x, err) : ELECTRA_OK;
}

/* ---- documents --------------------------------------------------------------------------------------------------- */

void el_example_builder_begin(el_example_builder *x, uint64_t document)
{
    assert(x->a.n == 0 && x->n_pending == 0 && "the last document was not ended");
    x->document = document;
    x->number = 0;
}

electra_status el_example_builder_add(el_example_builder *x, const uint32_t *ids, size_t n, electra_error *err)
{
    return x->settings.google ? add_pending(x, ids, n, err) : add_whole(x, ids, n, err);
}

electra_status el_example_builder_end(el_example_builder *x, electra_error *err)
{
    return x->settings.google ? give_pending(x, err) : give(x, err);
}
