/* Owns the packed arrays of micro-batches, on the host and in the backend's memory, and what goes into them. */
#include "data/batch.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "data/sampler.h"

/* ---- packs ------------------------------------------------------------------------------------------------------- */

/* The arrays of el_batch and el_layout, all of uint32_t. */
typedef enum pack_array { STARTS, SEQUENCE, POSITION, IDS, TYPES, MASKED_IDS, SLOTS, TARGETS, ARRAYS } pack_array;

struct el_pack {
    el_backend *be;
    el_pack_room room;
    el_arena arena;         /* holds host[] */
    uint32_t *host[ARRAYS]; /* filled here ... */
    uint32_t *device;       /* ... and copied into one block of the backend, laid out as the arena is */
    size_t offset[ARRAYS];  /* elements from the beginning of the block */
    el_batch batch;
};

static size_t array_length(const el_pack_room *room, pack_array array)
{
    switch (array) {
    case STARTS: return room->sequences + 1;
    case SLOTS:
    case TARGETS: return room->slots;
    default: return room->tokens;
    }
}

static void lay_out(el_pack *pack, el_arena *arena)
{
    for (pack_array a = STARTS; a < ARRAYS; a++) {
        pack->offset[a] = arena->used / sizeof **pack->host;
        pack->host[a] = el_arena_take(arena, array_length(&pack->room, a), sizeof **pack->host);
    }
}

electra_status el_pack_create(el_pack **out, el_backend *be, const el_pack_room *room, electra_error *err)
{
    *out = NULL;
    if (room->tokens > UINT32_MAX || room->sequences >= UINT32_MAX || room->slots > UINT32_MAX) {
        return el_fail(err, ELECTRA_MISUSE, "batch", "%zu tokens in one batch are too many: take a smaller micro-batch",
                       room->tokens);
    }
    el_pack *pack = el_alloc(1, sizeof *pack);
    if (!pack) {
        return el_fail_memory(err, "a batch", sizeof *pack);
    }
    pack->be = be;
    pack->room = *room;
    el_arena plan = {0};
    lay_out(pack, &plan);
    if (el_arena_init(&pack->arena, plan.used)) {
        lay_out(pack, &pack->arena);
        pack->device = be->ops->alloc(be, plan.used);
    }
    if (!pack->device) {
        el_pack_free(pack);
        return el_fail_memory(err, "a batch", plan.used);
    }
    el_pack_clear(pack);
    *out = pack;
    return ELECTRA_OK;
}

void el_pack_free(el_pack *pack)
{
    if (!pack) {
        return;
    }
    if (pack->device) {
        pack->be->ops->free(pack->be, pack->device);
    }
    el_arena_clear(&pack->arena);
    el_free(pack);
}

void el_pack_clear(el_pack *pack)
{
    uint32_t *const d = pack->device;
    pack->batch = (el_batch){
        .layout = {.starts = d + pack->offset[STARTS],
                   .sequence = d + pack->offset[SEQUENCE],
                   .position = d + pack->offset[POSITION]},
        .ids = d + pack->offset[IDS],
        .types = d + pack->offset[TYPES],
        .masked_ids = d + pack->offset[MASKED_IDS],
        .slots = d + pack->offset[SLOTS],
        .targets = d + pack->offset[TARGETS],
    };
    pack->host[STARTS][0] = 0;
}

static void add_tokens(el_pack *pack, const el_sequence *s, size_t begin)
{
    const size_t bytes = s->length * sizeof *s->ids;
    memcpy(pack->host[IDS] + begin, s->ids, bytes);
    memcpy(pack->host[MASKED_IDS] + begin, s->masked_ids ? s->masked_ids : s->ids, bytes);
    for (size_t i = 0; i < s->length; i++) {
        pack->host[SEQUENCE][begin + i] = (uint32_t)s->number;
        pack->host[POSITION][begin + i] = (uint32_t)i;
        pack->host[TYPES][begin + i] = s->types ? s->types[i] : i >= s->first_length;
    }
}

bool el_pack_add(el_pack *pack, const el_sequence *s)
{
    el_batch *batch = &pack->batch;
    el_layout *layout = &batch->layout;
    assert(s->length > 0 && s->number <= UINT32_MAX);
    if (layout->n_sequences == pack->room.sequences || pack->room.tokens - layout->n_tokens < s->length ||
        pack->room.slots - batch->n_slots < s->n_slots) {
        return false;
    }
    const size_t begin = layout->n_tokens;
    add_tokens(pack, s, begin);
    for (size_t i = 0; i < s->n_slots; i++) {
        assert(s->slots[i] < s->length);
        pack->host[SLOTS][batch->n_slots + i] = (uint32_t)(begin + s->slots[i]);
        pack->host[TARGETS][batch->n_slots + i] = s->ids[s->slots[i]];
    }
    batch->n_slots += s->n_slots;
    layout->n_tokens += s->length;
    layout->n_sequences++;
    layout->longest = s->length > layout->longest ? s->length : layout->longest;
    pack->host[STARTS][layout->n_sequences] = (uint32_t)layout->n_tokens;
    return true;
}

const el_batch *el_pack_finish(el_pack *pack)
{
    const el_batch *batch = &pack->batch;
    const el_pack_room used = {batch->layout.n_tokens, batch->layout.n_sequences, batch->n_slots};
    for (pack_array a = STARTS; a < ARRAYS; a++) {
        pack->be->ops->upload_bytes(pack->be, pack->device + pack->offset[a], pack->host[a],
                                    array_length(&used, a) * sizeof **pack->host);
    }
    return batch;
}

/* ---- batchers ---------------------------------------------------------------------------------------------------- */

/* The order and the masks of held-out examples are the same for every run, so that its numbers can be compared. */
static const uint64_t HELDOUT_SEED = 0;

struct el_batcher {
    el_batcher_settings settings;
    el_sampler sampler;
    size_t first, share; /* this rank's part of a full step */
    size_t most_slots;   /* of a sequence */
    el_pack_room room;   /* of a pack */
    el_pack **packs;     /* [n_packs] one a micro-batch */
    size_t n_packs;
    size_t n_used; /* micro-batches of the step that was laid out */
    el_batch_totals totals;
    el_arena arena;                     /* holds the arrays below */
    uint32_t *ids, *types, *masked_ids; /* [max_length] */
    uint32_t *slots;                    /* [most_slots] */
};

el_masking el_batcher_masking(const electra_data *data, double probability, bool compat_google)
{
    const electra_special_ids special = el_data_specials(data);
    return (el_masking){.probability = probability,
                        .hidden = 0.85,
                        .replacement = compat_google,
                        .cls = special.cls,
                        .sep = special.sep,
                        .mask = special.mask};
}

static electra_status check_settings(const el_batcher_settings *s, electra_error *err)
{
    const electra_data_summary *about = electra_data_describe(s->data);
    if (s->max_length < about->max_length) {
        return el_fail(err, ELECTRA_MISUSE, "max-length",
                       "the data was prepared with examples of up to %zu tokens and the run asks for at most %zu: run "
                       "electra prepare again with --max-length %zu, or train with %zu",
                       about->max_length, s->max_length, s->max_length, about->max_length);
    }
    if (about->splits[s->split].examples == 0) {
        return el_fail(err, ELECTRA_INVALID, s->split == ELECTRA_TRAIN ? "data" : "heldout",
                       "the data has no %s examples%s", s->split == ELECTRA_TRAIN ? "training" : "held-out",
                       s->split == ELECTRA_TRAIN ? ""
                                                 : ": run electra prepare with --heldout above 0 and at least two "
                                                   "documents");
    }
    if (s->batch == 0 || s->batch > UINT32_MAX || s->size == 0 || s->rank >= s->size || s->batch < s->size) {
        return el_fail(err, ELECTRA_MISUSE, "batch", "a batch of %zu sequences for process %zu of %zu makes no sense",
                       s->batch, s->rank, s->size);
    }
    if (!(s->masking.probability > 0 && s->masking.probability < 1)) {
        return el_fail(err, ELECTRA_MISUSE, "mask-prob",
                       "a mask probability of %g makes no sense: take one between 0 and 1", s->masking.probability);
    }
    return ELECTRA_OK;
}

static void lay_out_scratch(el_batcher *b, el_arena *arena)
{
    b->ids = el_arena_take(arena, b->settings.max_length, sizeof *b->ids);
    b->types = el_arena_take(arena, b->settings.max_length, sizeof *b->types);
    b->masked_ids = el_arena_take(arena, b->settings.max_length, sizeof *b->masked_ids);
    b->slots = el_arena_take(arena, b->most_slots, sizeof *b->slots);
}

static electra_status take_memory(el_batcher *b, el_backend *be, electra_error *err)
{
    el_arena plan = {0};
    lay_out_scratch(b, &plan);
    b->packs = el_alloc(b->n_packs, sizeof *b->packs);
    if (!b->packs || !el_arena_init(&b->arena, plan.used)) {
        return el_fail_memory(err, "the batches", plan.used);
    }
    lay_out_scratch(b, &b->arena);
    for (size_t i = 0; i < b->n_packs; i++) {
        EL_TRY(el_pack_create(&b->packs[i], be, &b->room, err));
    }
    return ELECTRA_OK;
}

electra_status el_batcher_create(el_batcher **out, el_backend *be, const el_batcher_settings *settings,
                                 electra_error *err)
{
    *out = NULL;
    EL_TRY(check_settings(settings, err));
    el_batcher *b = el_alloc(1, sizeof *b);
    if (!b) {
        return el_fail_memory(err, "the batches", sizeof *b);
    }
    b->settings = *settings;
    b->sampler = (el_sampler){.seed = settings->split == ELECTRA_TRAIN ? settings->seed : HELDOUT_SEED,
                              .n_examples = electra_data_describe(settings->data)->splits[settings->split].examples,
                              .batch = settings->batch};
    el_sampler_share(settings->batch, settings->rank, settings->size, &b->first, &b->share);
    const size_t micro = settings->micro_batch && settings->micro_batch < b->share ? settings->micro_batch : b->share;
    b->n_packs = (b->share + micro - 1) / micro;
    b->most_slots = el_mask_most(settings->masking.probability, settings->max_length);
    b->room = (el_pack_room){.sequences = micro};
    electra_status status = ELECTRA_OK;
    if (el_mul_overflows(micro, settings->max_length, &b->room.tokens) ||
        el_mul_overflows(micro, b->most_slots, &b->room.slots)) {
        status = el_fail_memory(err, "the batches", SIZE_MAX);
    } else {
        status = take_memory(b, be, err);
    }
    if (status != ELECTRA_OK) {
        el_batcher_free(b);
        return status;
    }
    *out = b;
    return ELECTRA_OK;
}

void el_batcher_free(el_batcher *b)
{
    if (!b) {
        return;
    }
    for (size_t i = 0; b->packs && i < b->n_packs; i++) {
        el_pack_free(b->packs[i]);
    }
    el_free(b->packs);
    el_arena_clear(&b->arena);
    el_free(b);
}

el_pack_room el_batcher_room(const el_batcher *b)
{
    return b->room;
}

uint64_t el_batcher_examples(const el_batcher *b)
{
    return b->sampler.n_examples;
}

uint64_t el_batcher_steps(const el_batcher *b)
{
    return b->sampler.n_examples / b->settings.batch + (b->sampler.n_examples % b->settings.batch != 0);
}

/* One sequence, read and masked into the batcher's scratch. Masks of held-out examples belong to their place in the
 * fixed order of all, so that the size of the evaluation batch does not change them. */
static electra_status make_sequence(el_batcher *b, uint64_t step, size_t place, el_sequence *out, electra_error *err)
{
    const el_batcher_settings *s = &b->settings;
    const bool train = s->split == ELECTRA_TRAIN;
    const uint64_t number = train ? place : step * s->batch + place;
    const uint64_t key =
        train ? el_rng_key(s->seed, EL_RNG_MASK, step, 0) : el_rng_key(HELDOUT_SEED, EL_RNG_HELDOUT, 0, 0);
    const uint64_t example = el_sampler_example(&b->sampler, step, place);
    size_t length = 0;
    EL_TRY(electra_data_example(s->data, s->split, example, b->ids, b->types, &length, err));
    *out = (el_sequence){.ids = b->ids,
                         .length = length,
                         .types = b->types,
                         .masked_ids = b->masked_ids,
                         .slots = b->slots,
                         .number = number};
    out->n_slots = el_mask_choose(&s->masking, b->most_slots, b->ids, length, key, number, b->slots, b->masked_ids);
    return ELECTRA_OK;
}

/* Sequences of this rank in a step: fewer than its share only at the end of the held-out examples. */
static size_t sequences_of(const el_batcher *b, uint64_t step)
{
    if (b->settings.split == ELECTRA_TRAIN) {
        return b->share;
    }
    const uint64_t begin = step * b->settings.batch + b->first;
    const uint64_t left = begin < b->sampler.n_examples ? b->sampler.n_examples - begin : 0;
    return left < b->share ? (size_t)left : b->share;
}

static void count_in(el_batcher *b, const el_batch *batch)
{
    b->totals.sequences += batch->layout.n_sequences;
    b->totals.tokens += batch->layout.n_tokens;
    b->totals.slots += batch->n_slots;
}

electra_status el_batcher_fill(el_batcher *b, uint64_t step, electra_error *err)
{
    const size_t n = sequences_of(b, step);
    b->totals = (el_batch_totals){0};
    b->n_used = 0;
    for (size_t done = 0; done < n; b->n_used++) {
        el_pack *pack = b->packs[b->n_used];
        el_pack_clear(pack);
        for (size_t i = 0; i < b->room.sequences && done < n; i++, done++) {
            el_sequence sequence;
            EL_TRY(make_sequence(b, step, b->first + done, &sequence, err));
            const bool added = el_pack_add(pack, &sequence);
            assert(added && "the room of a pack is that of its longest sequences");
            (void)added;
        }
        count_in(b, el_pack_finish(pack));
    }
    return ELECTRA_OK;
}

size_t el_batcher_micro_batches(const el_batcher *b)
{
    return b->n_used;
}

const el_batch *el_batcher_micro_batch(const el_batcher *b, size_t i)
{
    assert(i < b->n_used);
    return &b->packs[i]->batch;
}

el_batch_totals el_batcher_totals(const el_batcher *b)
{
    return b->totals;
}
