/* Owns the choice of what is packed, copied or used in place, and the packing. */
#include "interop/weights.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum {
    LEAST_ROWS = 16,          /* of a matrix that is worth packing */
    PANEL_ROWS = 64,          /* pieces begin at multiples of it, so that threads write different panels */
    PIECE_ELEMENTS = 1 << 18, /* packed, and given back to the system, at a time: each time stops the other threads */
    ASKED_TO_PACK = 8         /* answers: a few of them lose as much to unpacked weights as packing costs */
};

/* Where a tensor lies. */
typedef enum place {
    IN_FILE,
    IN_PARTS, /* of the file, below one another */
    COPIED,
    PACKED,
    TABLE, /* of 8-bit integers, which stay in the file */
    NOWHERE
} place;

typedef enum stage { AT_ONCE, LATER } stage;

struct el_stored_weights {
    el_weights_source source;
    el_tensor *tensors; /* as they were at first */
    el_tensor *settled; /* after packing */
    _Atomic(const el_tensor *) best;
    atomic_size_t asked; /* how often */
    atomic_bool packing; /* some thread has begun, and perhaps ended */
    void *packed[2];     /* by stage */
    void *copied;        /* what had to be converted or joined */
    el_parts *parts;     /* what tensors in parts point at */
    float *scales;       /* of tables of integers, where they cannot be used in the file */
};

/* Rows that follow one another in the network and make one tensor: query, key and value. */
static size_t joined_rows(const el_network *network, size_t row)
{
    const size_t layer_rows = network->config.n_layers * EL_N_LAYER_PARAMS;
    if (row < network->layers || row >= network->layers + layer_rows) {
        return 1;
    }
    switch ((row - network->layers) % EL_N_LAYER_PARAMS) {
    case EL_P_QUERY_W:
    case EL_P_QUERY_B: return 3;
    case EL_P_KEY_W:
    case EL_P_VALUE_W:
    case EL_P_KEY_B:
    case EL_P_VALUE_B: return 0;
    default: return 1;
    }
}

/* Matrices that products read; tables are looked up row by row. */
static bool is_matrix(const el_param *p)
{
    return p->n_dims == 2 && strncmp(p->name, "electra.embeddings.", strlen("electra.embeddings.")) != 0;
}

static bool is_int8(const el_weights_source *m, size_t row)
{
    return el_model_dir_find(m->dir, &m->params->list[row])->dtype == EL_DTYPE_I8;
}

/* Every matrix of the tensor can be read where it is. */
static bool lies_ready(const el_weights_source *m, size_t row)
{
    bool ready = m->be->element_size == sizeof(float);
    for (size_t part = 0; ready && part < joined_rows(m->network, row); part++) {
        ready = el_array_f32(el_model_dir_find(m->dir, &m->params->list[row + part])) != NULL;
    }
    return ready;
}

static bool is_worth_packing(const el_weights_source *m, size_t row)
{
    const el_param *p = &m->params->list[row];
    const size_t rows = p->rows * joined_rows(m->network, row);
    return is_matrix(p) && rows >= LEAST_ROWS && m->be->ops->format_bytes(m->be, EL_FORMAT_PACKED, rows, p->cols) > 0;
}

static place first_place_of(const el_weights_source *m, size_t row)
{
    const el_param *p = &m->params->list[row];
    const size_t joined = joined_rows(m->network, row);
    if (!el_model_dir_wants(p, m->network->role, m->extent) || joined == 0) {
        return NOWHERE;
    }
    if (is_int8(m, row)) {
        return is_matrix(p) ? PACKED : TABLE;
    }
    if (lies_ready(m, row) && (joined == 1 || is_matrix(p))) {
        return joined == 1 ? IN_FILE : IN_PARTS;
    }
    return is_worth_packing(m, row) ? PACKED : COPIED;
}

static bool is_packed_at(const el_weights_source *m, size_t row, stage when)
{
    const place first = first_place_of(m, row);
    return when == AT_ONCE ? first == PACKED : (first == IN_FILE || first == IN_PARTS) && is_worth_packing(m, row);
}

/* operators that answer only read; the type has one pointer for both */
static void *in_file(const el_weights_source *m, size_t row)
{
    return (void *)(uintptr_t)el_array_f32(el_model_dir_find(m->dir, &m->params->list[row]));
}

static el_tensor shape_of(const el_weights_source *m, size_t row, size_t joined)
{
    const el_param *p = &m->params->list[row];
    return p->n_dims == 1 ? el_tensor_of(NULL, 1, p->cols * joined) : el_tensor_of(NULL, p->rows * joined, p->cols);
}

/* Called twice: without memory to learn how much, then with it. */
static void lay_out(const el_weights_source *m, el_tensor *tensors, el_arena *packed, el_arena *copied, el_arena *parts)
{
    for (size_t i = 0; i < m->params->count; i++) {
        const place where = first_place_of(m, i);
        const size_t joined = where == NOWHERE ? 0 : joined_rows(m->network, i);
        el_tensor *t = &tensors[i];
        *t = shape_of(m, i, joined);
        if (where == PACKED || where == TABLE) {
            t->format = where == TABLE ? EL_FORMAT_INT8_ROWS : is_int8(m, i) ? EL_FORMAT_INT8 : EL_FORMAT_PACKED;
            t->data = el_arena_take(packed, m->be->ops->format_bytes(m->be, t->format, t->rows, t->cols), 1);
        } else if (where == COPIED) {
            t->data = el_arena_take(copied, t->rows * t->cols, m->be->element_size);
        } else if (where == IN_FILE) {
            t->data = in_file(m, i);
        } else if (where == IN_PARTS) {
            el_parts *p = el_arena_take(parts, 1, sizeof *p);
            for (size_t part = 0; p && part < joined; part++) {
                p->data[p->n++] = in_file(m, i + part);
            }
            t->format = EL_FORMAT_PARTS;
            t->data = p;
        }
    }
}

static electra_status take_memory(el_stored_weights *w, electra_error *err)
{
    const el_weights_source *m = &w->source;
    el_arena packed = {0}, copied = {0}, parts = {0};
    w->tensors = el_alloc(m->params->count, sizeof *w->tensors);
    if (!w->tensors) {
        return el_fail_memory(err, "the weights of a model", m->params->count * sizeof *w->tensors);
    }
    lay_out(m, w->tensors, &packed, &copied, &parts);
    packed = (el_arena){.capacity = packed.used};
    copied = (el_arena){.capacity = copied.used};
    parts = (el_arena){.capacity = parts.used};
    packed.base = w->packed[AT_ONCE] = m->be->ops->alloc(m->be, packed.capacity);
    copied.base = w->copied = m->be->ops->alloc(m->be, copied.capacity);
    w->parts = el_alloc(parts.capacity, 1);
    parts.base = (unsigned char *)w->parts;
    if (!w->packed[AT_ONCE] || !w->copied || !w->parts) {
        return el_fail_memory(err, "the weights of a model", packed.capacity + copied.capacity + parts.capacity);
    }
    el_use_huge_pages(w->packed[AT_ONCE], packed.capacity);
    lay_out(m, w->tensors, &packed, &copied, &parts);
    return ELECTRA_OK;
}

/* ---- filling ------------------------------------------------------------------------------------------------- */

/* Rows of one stored matrix on their way into a packed tensor. */
typedef struct piece {
    const el_array *array;
    const el_array *scales; /* of 8-bit integers; NULL: floats */
    el_tensor to;
    size_t place; /* of the matrix's first row in `to` */
    size_t first, rows;
} piece;

typedef struct packing {
    el_backend *be;
    const piece *pieces;
    float *room; /* [threads][room_size], for numbers that must be converted */
    size_t room_size;
    atomic_size_t failed; /* 1 + the first piece that could not be read, or 0 */
} packing;

static electra_status pack_piece(const packing *job, const piece *p, float *room, electra_error *err)
{
    const el_array part = el_array_rows(p->array, p->first, p->rows);
    if (p->scales) {
        const el_array scales = el_array_rows(p->scales, p->first, p->rows);
        EL_TRY(el_array_copy_f32(&scales, room, err));
        job->be->ops->pack_int8(job->be, p->to, p->place + p->first, (const int8_t *)part.data, room, p->rows);
        el_array_release(&part);
        return ELECTRA_OK;
    }
    const float *from = el_array_f32(&part);
    if (!from) {
        EL_TRY(el_array_copy_f32(&part, room, err));
        from = room;
    }
    job->be->ops->pack_f32(job->be, p->to, p->place + p->first, from, p->rows);
    el_array_release(&part);
    return ELECTRA_OK;
}

static void pack_pieces(void *argument, size_t begin, size_t end, int thread)
{
    packing *job = argument;
    for (size_t i = begin; i < end; i++) {
        if (pack_piece(job, &job->pieces[i], job->room + (size_t)thread * job->room_size, NULL) != ELECTRA_OK) {
            size_t none = 0;
            (void)atomic_compare_exchange_strong(&job->failed, &none, i + 1);
        }
    }
}

/* Rows of a piece of a matrix of so many columns. */
static size_t piece_rows(size_t cols)
{
    const size_t panels = PIECE_ELEMENTS / (PANEL_ROWS * cols);
    return (panels ? panels : 1) * PANEL_ROWS;
}

static size_t list_pieces(const el_weights_source *m, const el_tensor *tensors, stage when, piece *out)
{
    size_t n = 0;
    for (size_t i = 0; i < m->params->count; i++) {
        if (!is_packed_at(m, i, when)) {
            continue;
        }
        for (size_t part = 0; part < joined_rows(m->network, i); part++) {
            const el_param *p = &m->params->list[i + part];
            const size_t most = piece_rows(p->cols);
            for (size_t first = 0; first < p->rows; first += most, n++) {
                const size_t rows = p->rows - first < most ? p->rows - first : most;
                if (out) {
                    out[n] = (piece){el_model_dir_find(m->dir, p),
                                     el_model_dir_scales(m->dir, p),
                                     tensors[i],
                                     part * p->rows,
                                     first,
                                     rows};
                }
            }
        }
    }
    return n;
}

/* What is packed at that stage, into the memory that `tensors` have for it. */
static electra_status pack(const el_weights_source *m, const el_tensor *tensors, stage when, el_pool *pool,
                           electra_error *err)
{
    const size_t n = list_pieces(m, tensors, when, NULL), threads = (size_t)el_pool_threads(pool);
    size_t largest = 1;
    for (size_t i = 0; i < m->params->count; i++) {
        const size_t cols = is_matrix(&m->params->list[i]) ? m->params->list[i].cols : 0;
        const size_t elements = cols ? piece_rows(cols) * cols : 0;
        largest = elements > largest ? elements : largest;
    }
    packing job = {.be = m->be, .room_size = largest};
    piece *pieces = el_alloc(n, sizeof *pieces);
    job.pieces = pieces;
    job.room = el_alloc(threads * job.room_size, sizeof *job.room);
    electra_status status = ELECTRA_OK;
    if (!pieces || !job.room) {
        status = el_fail_memory(err, "the packing of weights", n * sizeof *pieces);
    } else {
        (void)list_pieces(m, tensors, when, pieces);
        el_parallel_for(pool, n, 1, pack_pieces, &job);
        const size_t failed = atomic_load(&job.failed);
        if (failed) { /* once more, for the message */
            status = pack_piece(&job, &pieces[failed - 1], job.room, err);
        }
    }
    el_free(pieces);
    el_free(job.room);
    return status;
}

/* Numbers of a row of the table behind one another in a copied tensor. */
static electra_status copy_array(const el_weights_source *m, const el_array *array, char *to, electra_error *err)
{
    const float *from = el_array_f32(array);
    float *room = NULL;
    if (!from) {
        room = el_alloc(array->n, sizeof *room);
        if (!room) {
            return el_fail_memory(err, array->name, array->n * sizeof *room);
        }
        const electra_status status = el_array_copy_f32(array, room, err);
        if (status != ELECTRA_OK) {
            el_free(room);
            return status;
        }
        from = room;
    }
    m->be->ops->upload_f32(m->be, to, from, array->n);
    el_free(room);
    el_array_release(array);
    return ELECTRA_OK;
}

static electra_status copy(const el_weights_source *m, const el_stored_weights *w, electra_error *err)
{
    for (size_t i = 0; i < m->params->count; i++) {
        if (first_place_of(m, i) != COPIED) {
            continue;
        }
        for (size_t part = 0; part < joined_rows(m->network, i); part++) {
            const el_param *p = &m->params->list[i + part];
            char *to = (char *)w->tensors[i].data + part * p->rows * p->cols * m->be->element_size;
            EL_TRY(copy_array(m, el_model_dir_find(m->dir, p), to, err));
        }
    }
    return ELECTRA_OK;
}

/* Tables of integers are read where they are, and so are their scales, if they lie as floats must. */
static electra_status use_tables(const el_weights_source *m, el_stored_weights *w, electra_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < m->params->count; i++) {
        n += first_place_of(m, i) == TABLE ? m->params->list[i].rows : 0;
    }
    w->scales = el_alloc(n, sizeof *w->scales);
    if (!w->scales) {
        return el_fail_memory(err, "the scales of tables", n * sizeof *w->scales);
    }
    float *room = w->scales;
    for (size_t i = 0; i < m->params->count; i++) {
        if (first_place_of(m, i) != TABLE) {
            continue;
        }
        const el_param *p = &m->params->list[i];
        const el_array *array = el_model_dir_find(m->dir, p), *stored = el_model_dir_scales(m->dir, p);
        const float *scales = el_array_f32(stored);
        if (!scales) {
            EL_TRY(el_array_copy_f32(stored, room, err));
            scales = room;
            room += p->rows;
        }
        m->be->ops->pack_int8(m->be, w->tensors[i], 0, (const int8_t *)array->data, scales, p->rows);
    }
    return ELECTRA_OK;
}

/* What becomes one tensor, or is added by one operator, is of one kind: integers or floats. */
static electra_status check_kinds(const el_weights_source *m, electra_error *err)
{
    for (size_t i = 0; i < m->params->count; i++) {
        const el_param *p = &m->params->list[i];
        const bool table = i == m->network->embeddings;
        const size_t together = table ? EL_P_TYPE - EL_P_WORD + 1 : joined_rows(m->network, i);
        for (size_t part = 1; p->n_dims == 2 && part < together; part++) {
            if (is_int8(m, i) != is_int8(m, i + part)) {
                const el_array *one = el_model_dir_find(m->dir, p), *other = el_model_dir_find(m->dir, p + part);
                return el_fail(err, ELECTRA_INVALID, one->file,
                               "%s: \"%s\" is of type %s and \"%s\" of type %s; either both are integers or none",
                               one->file, one->name, el_dtype_name(one->dtype), other->name,
                               el_dtype_name(other->dtype));
            }
        }
    }
    return ELECTRA_OK;
}

static electra_status make(el_stored_weights *w, el_pool *pool, electra_error *err)
{
    const el_weights_source *m = &w->source;
    EL_TRY(el_model_dir_check(m->dir, m->params, m->network->role, m->extent, err));
    EL_TRY(check_kinds(m, err));
    EL_TRY(take_memory(w, err));
    EL_TRY(use_tables(m, w, err));
    EL_TRY(copy(m, w, err));
    return pack(m, w->tensors, AT_ONCE, pool, err);
}

electra_status el_stored_weights_create(el_stored_weights **out, const el_weights_source *source, el_pool *pool,
                                        electra_error *err)
{
    *out = NULL;
    el_stored_weights *w = el_alloc(1, sizeof *w);
    if (!w) {
        return el_fail_memory(err, "the weights of a model", sizeof *w);
    }
    w->source = *source;
    const electra_status status = make(w, pool, err);
    if (status != ELECTRA_OK) {
        el_stored_weights_free(w);
        return status;
    }
    atomic_init(&w->best, w->tensors);
    *out = w;
    return ELECTRA_OK;
}

void el_stored_weights_free(el_stored_weights *w)
{
    if (!w) {
        return;
    }
    void *const blocks[] = {w->packed[AT_ONCE], w->packed[LATER], w->copied};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (blocks[i]) {
            w->source.be->ops->free(w->source.be, blocks[i]);
        }
    }
    el_free(w->parts);
    el_free(w->scales);
    el_free(w->settled);
    el_free(w->tensors);
    el_free(w);
}

/* ---- packing while others answer -------------------------------------------------------------------------------- */

/* The table of tensors after packing; what is packed lies in `arena`. */
static void lay_out_settled(const el_stored_weights *w, el_arena *arena)
{
    const el_weights_source *m = &w->source;
    for (size_t i = 0; i < m->params->count; i++) {
        el_tensor *t = &w->settled[i];
        *t = w->tensors[i];
        if (is_packed_at(m, i, LATER)) {
            t->format = EL_FORMAT_PACKED;
            t->data = el_arena_take(arena, m->be->ops->format_bytes(m->be, t->format, t->rows, t->cols), 1);
        }
    }
}

/* Only one thread comes here, and once. What others read meanwhile stays: pages of the file that go back to the system
 * are read again by whoever needs them. */
static void settle(el_stored_weights *w, el_pool *pool)
{
    const el_weights_source *m = &w->source;
    el_arena arena = {0};
    w->settled = el_alloc(m->params->count, sizeof *w->settled);
    if (!w->settled) {
        return;
    }
    lay_out_settled(w, &arena);
    arena = (el_arena){.capacity = arena.used};
    arena.base = w->packed[LATER] = m->be->ops->alloc(m->be, arena.capacity);
    if (!arena.base) {
        return;
    }
    el_use_huge_pages(arena.base, arena.capacity);
    lay_out_settled(w, &arena);
    if (pack(m, w->settled, LATER, pool, NULL) != ELECTRA_OK) {
        m->be->ops->free(m->be, arena.base);
        w->packed[LATER] = NULL;
        return;
    }
    atomic_store_explicit(&w->best, w->settled, memory_order_release);
}

void el_stored_weights_pack(el_stored_weights *w, el_pool *pool)
{
    if (!atomic_exchange_explicit(&w->packing, true, memory_order_relaxed)) {
        settle(w, pool);
    }
}

const el_tensor *el_stored_weights_ask(el_stored_weights *w, el_pool *pool)
{
    if (!atomic_load_explicit(&w->packing, memory_order_relaxed) &&
        atomic_fetch_add_explicit(&w->asked, 1, memory_order_relaxed) + 1 >= ASKED_TO_PACK) {
        el_stored_weights_pack(w, pool);
    }
    return atomic_load_explicit(&w->best, memory_order_acquire);
}

void el_stored_weights_foresee(const el_stored_weights *w)
{
    const el_weights_source *m = &w->source;
    for (size_t i = 0; i < m->params->count; i++) {
        for (size_t part = 0; is_packed_at(m, i, LATER) && part < joined_rows(m->network, i); part++) {
            el_array_foresee(el_model_dir_find(m->dir, &m->params->list[i + part]));
        }
    }
}
