/* Types that every other header of libelectra shares: status codes, the error
 * record, and how a job talks to its caller (threads, log, progress).
 *
 *     electra_error error = {0};
 *     if (electra_model_load(&model, "my-model", NULL, &error) != ELECTRA_OK)
 *         fprintf(stderr, "%s: %s\n", error.where, error.message);
 *
 * The library keeps no global state, prints nothing and never exits: words go
 * into the caller's electra_error or through the caller's callbacks. */
#ifndef ELECTRA_TYPES_H
#define ELECTRA_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ELECTRA_VERSION_MAJOR 0
#define ELECTRA_VERSION_MINOR 1
#define ELECTRA_VERSION_PATCH 0

#if defined(__GNUC__)
#define ELECTRA_API __attribute__((visibility("default")))
#else
#define ELECTRA_API
#endif

/* What a call came to. The values are also the exit codes of the program. */
typedef enum electra_status {
    ELECTRA_OK = 0,           /* done */
    ELECTRA_FAILED = 1,       /* failed for a reason that is none of those below (a full disk, a diverged run) */
    ELECTRA_MISUSE = 2,       /* an argument makes no sense */
    ELECTRA_INVALID = 3,      /* input cannot be read or is not what it should be */
    ELECTRA_NO_RESOURCE = 4,  /* out of memory, or the device is missing */
    ELECTRA_INTERRUPTED = 130 /* the caller's progress callback asked to stop; what was due to be saved was saved */
} electra_status;

/* Filled by a call that does not return ELECTRA_OK; untouched otherwise. Every
 * function accepts NULL for it. Both texts are NUL-terminated and cut if need be. */
typedef struct electra_error {
    electra_status status;
    char message[768]; /* what went wrong, what was expected and found, what to do */
    char where[256];   /* the file, option or field it is about; may be empty */
} electra_error;

typedef enum electra_log_level { ELECTRA_LOG_DEBUG, ELECTRA_LOG_INFO, ELECTRA_LOG_WARNING } electra_log_level;

/* Receives one line without a line end. May be called from the thread that runs the job only. */
typedef void (*electra_log_fn)(void *user, electra_log_level level, const char *line);

/* How far a long job has come. Units depend on the job and stand in `unit`. */
typedef struct electra_progress {
    const char *stage; /* what is being done: "reading", "merging", ... */
    const char *unit;  /* of done and total: "bytes", "tokens", "steps" */
    double done;
    double total;     /* 0 when it is not known */
    double seconds;   /* since the job began */
    const char *note; /* more to show beside it, such as the losses; may be NULL */
} electra_progress;

/* Called now and then from the job's own thread. A return of true asks the job to stop soon:
 * it saves what it must and returns ELECTRA_INTERRUPTED. */
typedef bool (*electra_progress_fn)(void *user, const electra_progress *progress);

/* How a job runs, the same for all jobs; part of every options struct. All zero is valid:
 * every core, silent, never asked to stop. */
typedef struct electra_runtime {
    int threads; /* 0: one for each core this process may use */
    electra_log_fn log;
    void *log_user;
    electra_progress_fn progress;
    void *progress_user;
} electra_runtime;

/* The version of the library that is linked, as "0.1.0". */
ELECTRA_API const char *electra_version(void);

/* A word for a status: "ok", "failed", "misuse", "invalid input", "no resource", "interrupted". */
ELECTRA_API const char *electra_status_name(electra_status status);

#ifdef __cplusplus
}
#endif
#endif
