/* One parallel-for over a pool of threads that belongs to whoever made it (no global state).
 *
 *     el_parallel_for(pool, n_rows, 16, scale_rows, &job);
 *
 * The n items are cut into pieces of `grain`, wherever they run and however many threads there are, so a function
 * whose result depends only on its own piece gives the same bits on any number of threads. Sums over pieces are for
 * the caller to add up in piece order. */
#ifndef EL_BASE_PARALLEL_H
#define EL_BASE_PARALLEL_H

#include <electra/types.h>

typedef struct el_pool el_pool;

/* Do items begin ... end-1. thread: 0 ... threads-1, for scratch of its own; never for the result. */
typedef void el_task_fn(void *argument, size_t begin, size_t end, int thread);

/* threads: 0 for one for each core this process may use (sched_getaffinity). The calling thread is one of them, so
 * one thread starts none. */
electra_status el_pool_create(el_pool **out, int threads, electra_error *err);
void el_pool_free(el_pool *pool); /* accepts NULL */
int el_pool_threads(const el_pool *pool);

/* Returns when all is done. Only the thread that owns the pool may call it, and not from inside a task.
 * pool may be NULL: everything runs here, piece by piece. */
void el_parallel_for(el_pool *pool, size_t n, size_t grain, el_task_fn *task, void *argument);

/* How many pieces el_parallel_for makes of n items: (n + grain - 1) / grain. */
static inline size_t el_pieces(size_t n, size_t grain)
{
    return (n + grain - 1) / grain;
}

#endif
