/* Owns the words of an error. Where they are shown is the caller's business. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(electra_error *err, electra_status status, const char *where, const char *format, va_list arguments)
{
    err->status = status;
    (void)snprintf(err->where, sizeof err->where, "%s", where ? where : "");
    (void)vsnprintf(err->message, sizeof err->message, format, arguments);
}

electra_status el_fail(electra_error *err, electra_status status, const char *where, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        fill(err, status, where, format, arguments);
        va_end(arguments);
    }
    return status;
}

electra_status el_fail_memory(electra_error *err, const char *what, size_t bytes)
{
    return el_fail(err, ELECTRA_NO_RESOURCE, what, "out of memory: %zu bytes for %s could not be had", bytes, what);
}

electra_status el_fail_errno(electra_error *err, const char *where, const char *format, ...)
{
    const int code = errno;
    electra_status status = ELECTRA_INVALID;
    if (code == ENOMEM) {
        status = ELECTRA_NO_RESOURCE;
    } else if (code == ENOSPC || code == EDQUOT || code == EIO || code == EROFS) {
        status = ELECTRA_FAILED;
    }
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        fill(err, status, where, format, arguments);
        va_end(arguments);
        const size_t used = strlen(err->message);
        char text[128] = "";
        /* GNU strerror_r may return a static text instead of filling the buffer */
        (void)snprintf(err->message + used, sizeof err->message - used, ": %s",
                       strerror_r(code, text, sizeof text));
    }
    return status;
}

const char *electra_status_name(electra_status status)
{
    switch (status) {
    case ELECTRA_OK: return "ok";
    case ELECTRA_FAILED: return "failed";
    case ELECTRA_MISUSE: return "misuse";
    case ELECTRA_INVALID: return "invalid input";
    case ELECTRA_NO_RESOURCE: return "no resource";
    case ELECTRA_INTERRUPTED: return "interrupted";
    }
    return "unknown status";
}

#define EL_TEXT_OF(x) #x
#define EL_TEXT(x) EL_TEXT_OF(x)

const char *electra_version(void)
{
    return EL_TEXT(ELECTRA_VERSION_MAJOR) "." EL_TEXT(ELECTRA_VERSION_MINOR) "." EL_TEXT(ELECTRA_VERSION_PATCH);
}
