/* error.c - the one place that all failures go through. */

#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/thread_state.h"

#define MESSAGE_BYTES 2048

static rv_error_handler *handler; /* atomic */

static const char *const texts[RV_STATUS_COUNT] = {
#define RV_STATUS_ROW(name, text) text,
    RV_STATUS_LIST(RV_STATUS_ROW)
#undef RV_STATUS_ROW
};

const char *rv_status_text(rv_status status)
{
    return (unsigned)status < RV_STATUS_COUNT ? texts[status] : "unknown status";
}

rv_status rv_error_status(void)
{
    return rv_here.status;
}

const char *rv_error(void)
{
    if (rv_here.status == RV_OK)
        return NULL;
    const char *message = rv_here.message ? rv_here.message : texts[rv_here.status];
    rv_here.status = RV_OK;
    return message;
}

rv_error_handler *rv_on_error(rv_error_handler *new_handler)
{
    return __atomic_exchange_n(&handler, new_handler, __ATOMIC_ACQ_REL);
}

void rv_error_exit(rv_status status, const char *message)
{
    (void)status;
    fprintf(stderr, "%s\n", message);
    exit(1);
}

void rv_error_defer(bool defer)
{
    rv_here.defer_errors = defer;
}

static void call_handler(void)
{
    rv_error_handler *call = __atomic_load_n(&handler, __ATOMIC_ACQUIRE);
    if (call != NULL && !rv_here.defer_errors)
        call(rv_here.status, rv_here.message ? rv_here.message : texts[rv_here.status]);
}

/* The message's memory, made with the first error; without it the status's text has to do. */
static char *message_memory(void)
{
    if (rv_here.message == NULL) {
        rv_here.message = malloc(MESSAGE_BYTES);
        rv_clean_at_thread_end();
    }
    return rv_here.message;
}

void rv_error_enter(rv_error_place *place)
{
    place->outside = rv_here.place;
    rv_here.place = place;
}

void rv_error_leave(const rv_error_place *place)
{
    rv_here.place = place->outside;
}

/* Begins the message with where the thread is, unless that says no more than `who`. */
static int write_place(char *message, const char *who)
{
    const rv_error_place *place = rv_here.place;
    const int used = place != NULL ? place->write(place, message, MESSAGE_BYTES / 2) : 0;
    if (used <= 0 || used >= MESSAGE_BYTES / 2 || strcmp(message, who) == 0)
        return 0;
    message[used] = ' ';
    return used + 1;
}

static void record(rv_status status, const char *who, const char *format, va_list arguments)
{
    if (rv_here.status != RV_OK)
        return;
    rv_here.status = status;
    char *message = message_memory();
    if (message != NULL) {
        int used = write_place(message, who);
        used += snprintf(message + used, (size_t)(MESSAGE_BYTES - used), "%s: ", who);
        if (used >= 0 && used < MESSAGE_BYTES)
            vsnprintf(message + used, (size_t)(MESSAGE_BYTES - used), format, arguments);
    }
    call_handler();
}

bool rv_fail(rv_status status, const char *who, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(status, who, format, arguments);
    va_end(arguments);
    return false;
}

void *rv_fail_null(rv_status status, const char *who, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    record(status, who, format, arguments);
    va_end(arguments);
    return NULL;
}

void rv_error_raise(rv_status status, const char *message)
{
    if (rv_here.status != RV_OK || status == RV_OK)
        return;
    rv_here.status = status;
    char *copy = message_memory();
    if (copy != NULL)
        snprintf(copy, MESSAGE_BYTES, "%s", message);
    call_handler();
}

void rv_error_forget(void)
{
    free(rv_here.message);
    rv_here.message = NULL;
    rv_here.status = RV_OK;
}
