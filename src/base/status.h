/* Filling the caller's electra_error, and small macros for handing a failure upwards. */
#ifndef EL_BASE_STATUS_H
#define EL_BASE_STATUS_H

#include <electra/types.h>

/* Fill err (if not NULL) and return status, so that `return el_fail(...)` is one line.
 * where: the file, option or field, may be NULL. */
electra_status el_fail(electra_error *err, electra_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The failure of an allocation of `bytes` for `what` ("the vocabulary"). Returns ELECTRA_NO_RESOURCE. */
electra_status el_fail_memory(electra_error *err, const char *what, size_t bytes);

/* A failed system call: adds the text of errno to the message. ENOMEM gives ELECTRA_NO_RESOURCE,
 * errors of writing (ENOSPC, EDQUOT, EIO, EROFS) ELECTRA_FAILED, everything else ELECTRA_INVALID. */
electra_status el_fail_errno(electra_error *err, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Return from the calling function if an expression's status is not ELECTRA_OK. Nothing may need freeing. */
#define EL_TRY(expression)                                                                                             \
    do {                                                                                                               \
        electra_status el_try_status = (expression);                                                                   \
        if (el_try_status != ELECTRA_OK) {                                                                             \
            return el_try_status;                                                                                      \
        }                                                                                                              \
    } while (0)

/* The same with a clean-up label: needs a local `electra_status status`. */
#define EL_TRY_GOTO(expression, label)                                                                                 \
    do {                                                                                                               \
        status = (expression);                                                                                         \
        if (status != ELECTRA_OK) {                                                                                    \
            goto label;                                                                                                \
        }                                                                                                              \
    } while (0)

#endif
