/* A small pool of POSIX threads. A worker spins for a short while after its last piece, because the next
 * parallel-for of a training step follows within microseconds, and then sleeps on a condition, so that an idle
 * program costs nothing. POSIX threads and C11 atomics only, which the thread sanitizer understands. */
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/status.h"

enum { SPINS = 4000 };

/* The pieces that a thread does first: each has its own part of every job, so that rows which one operator has left in
 * a core's cache are found there by the next. Whoever is done helps the others. */
typedef struct share {
    _Alignas(EL_ALIGNMENT) atomic_size_t next; /* first piece that nobody has taken */
    size_t end;
} share;

typedef struct worker {
    el_pool *pool;
    pthread_t thread;
    int index;
} worker;

struct el_pool {
    int threads;
    int started;     /* workers that run and must be joined */
    worker *workers; /* [threads - 1] */

    /* the job in hand; written before `generation` is raised */
    el_task_fn *task;
    void *argument;
    size_t n, grain;

    share *shares; /* [threads] */

    _Alignas(EL_ALIGNMENT) atomic_uint generation; /* raised for each job and for the end */
    _Alignas(EL_ALIGNMENT) atomic_int busy;        /* workers that have not finished the job */
    atomic_int sleepers;
    atomic_bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void run_pieces(el_pool *pool, int thread)
{
    for (int i = 0; i < pool->threads; i++) {
        share *s = &pool->shares[(thread + i) % pool->threads];
        for (;;) {
            const size_t piece = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (piece >= s->end) {
                break;
            }
            const size_t begin = piece * pool->grain;
            const size_t end = pool->n - begin < pool->grain ? pool->n : begin + pool->grain;
            pool->task(pool->argument, begin, end, thread);
        }
    }
}

/* Pieces in equal parts, the first ones for the first thread. */
static void share_out(el_pool *pool, size_t pieces)
{
    const size_t threads = (size_t)pool->threads, each = pieces / threads, more = pieces % threads;
    size_t first = 0;
    for (size_t i = 0; i < threads; i++) {
        share *s = &pool->shares[i];
        atomic_store_explicit(&s->next, first, memory_order_relaxed);
        first += each + (i < more);
        s->end = first;
    }
}

/* Wait until the generation is no longer `seen`: spinning first, then asleep. */
static unsigned wait_for_job(el_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        const unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen) {
            return now;
        }
        relax();
    }
    (void)pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    unsigned now;
    while ((now = atomic_load(&pool->generation)) == seen) {
        (void)pthread_cond_wait(&pool->wake, &pool->mutex);
    }
    atomic_fetch_sub(&pool->sleepers, 1);
    (void)pthread_mutex_unlock(&pool->mutex);
    return now;
}

static void *work(void *argument)
{
    worker *self = argument;
    el_pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        seen = wait_for_job(pool, seen);
        if (atomic_load_explicit(&pool->stop, memory_order_acquire)) {
            return NULL;
        }
        run_pieces(pool, self->index);
        atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
    }
}

/* Make a change of the job visible and wake whoever sleeps. A worker that is about to sleep holds the mutex while it
 * looks at the generation, and the order of the two sequentially consistent accesses makes sure that either it sees
 * the new generation or we see it among the sleepers. */
static void announce(el_pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleepers) > 0) {
        (void)pthread_mutex_lock(&pool->mutex);
        (void)pthread_cond_broadcast(&pool->wake);
        (void)pthread_mutex_unlock(&pool->mutex);
    }
}

static int cores_of_this_process(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    const int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

electra_status el_pool_create(el_pool **out, int threads, electra_error *err)
{
    enum { MOST_THREADS = 4096 };
    *out = NULL;
    if (threads < 0 || threads > MOST_THREADS) {
        return el_fail(err, ELECTRA_MISUSE, "threads", "%d threads make no sense: 0 (all cores) to %d are possible",
                       threads, MOST_THREADS);
    }
    el_pool *pool = el_alloc(1, sizeof *pool);
    if (!pool) {
        return el_fail_memory(err, "the thread pool", sizeof *pool);
    }
    pool->threads = threads ? threads : cores_of_this_process();
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    pool->workers = el_alloc((size_t)pool->threads, sizeof *pool->workers);
    pool->shares = el_alloc((size_t)pool->threads, sizeof *pool->shares);
    if (!pool->workers || !pool->shares) {
        const size_t bytes = (size_t)pool->threads * (sizeof *pool->workers + sizeof *pool->shares);
        el_pool_free(pool);
        return el_fail_memory(err, "the thread pool", bytes);
    }
    for (int i = 0; i < pool->threads - 1; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->index = i + 1;
        if (pthread_create(&w->thread, NULL, work, w) != 0) {
            el_pool_free(pool);
            return el_fail(err, ELECTRA_NO_RESOURCE, "threads", "thread %d of %d could not be started; try fewer",
                           i + 2, threads);
        }
        pool->started++;
    }
    *out = pool;
    return ELECTRA_OK;
}

void el_pool_free(el_pool *pool)
{
    if (!pool) {
        return;
    }
    if (pool->started) {
        atomic_store(&pool->stop, true);
        announce(pool);
        for (int i = 0; i < pool->started; i++) {
            (void)pthread_join(pool->workers[i].thread, NULL);
        }
    }
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->mutex);
    el_free(pool->workers);
    el_free(pool->shares);
    el_free(pool);
}

int el_pool_threads(const el_pool *pool)
{
    return pool ? pool->threads : 1;
}

static void run_here(size_t n, size_t grain, el_task_fn *task, void *argument)
{
    for (size_t begin = 0; begin < n; begin += grain) {
        task(argument, begin, n - begin < grain ? n : begin + grain, 0);
    }
}

void el_parallel_for(el_pool *pool, size_t n, size_t grain, el_task_fn *task, void *argument)
{
    grain = grain ? grain : 1;
    if (!pool || pool->threads == 1 || n <= grain) {
        run_here(n, grain, task, argument);
        return;
    }
    pool->task = task;
    pool->argument = argument;
    pool->n = n;
    pool->grain = grain;
    share_out(pool, el_pieces(n, grain));
    atomic_store_explicit(&pool->busy, pool->threads - 1, memory_order_relaxed);
    announce(pool);
    run_pieces(pool, 0);
    /* The others are at most one piece behind; if they are not on a core (a busy machine), let them have this one. */
    for (int i = 0; atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; i++) {
        if (i < SPINS) {
            relax();
        } else {
            (void)sched_yield();
        }
    }
}
