/* error.h - what happens when something cannot be done.
 *
 * Nothing in Ravine aborts or exits. A function that fails returns NULL, false or a nonzero
 * rv_status, and leaves a message for the calling thread that says who failed, what was given and
 * what was expected:
 *
 *     matmul: [2,3] and [4,5] do not fit: the first has 3 columns, the second 4 rows
 *
 * The first error of a thread stays until it is read, so that a chain of calls needs one check, at
 * its end: functions given NULL return NULL, and add no message of their own to an unread one.
 *
 *     rv_tensor *y = rv_tanh(rv_matmul(x, w));
 *     if (y == NULL)
 *         fprintf(stderr, "%s\n", rv_error());
 *
 * A script that would rather stop at once says rv_on_error(rv_error_exit) in its first line.
 *
 * Per thread: the unread error. Global: the handler.
 */
#ifndef RV_CORE_ERROR_H
#define RV_CORE_ERROR_H

#include "core/macros.h"

RV_BEGIN_C

/* Every status with its text, in one list. */
#define RV_STATUS_LIST(X)                                                     \
    X(OK, "no error")                                                         \
    X(ERROR_NULL, "an argument is NULL")                                      \
    X(ERROR_ARGUMENT, "an argument or option is out of its range")            \
    X(ERROR_SHAPE, "shapes do not fit")                                       \
    X(ERROR_DTYPE, "dtypes do not fit")                                       \
    X(ERROR_INDEX, "an index or label is out of range")                       \
    X(ERROR_MEMORY, "out of memory")                                          \
    X(ERROR_FILE, "a file cannot be opened, read or written")                 \
    X(ERROR_FORMAT, "a file's contents are not what its format says")         \
    X(ERROR_GRAPH, "the graph cannot be walked or recorded")                  \
    X(ERROR_CHANGED, "a tensor that a derivative needs was changed in place") \
    X(ERROR_ENDED, "a tensor was used after the scope that owned it ended")   \
    X(ERROR_STATE, "an object is not in a state for this call")               \
    X(ERROR_SYSTEM, "the operating system refused")                           \
    X(ERROR_MATRIX, "a matrix is singular, indefinite, or did not converge")  \
    X(ERROR_BUILD, "this build of the library cannot do it")                  \
    X(ERROR_NOT_FINITE, "an operation made a NaN or an infinity")

typedef enum rv_status {
#define RV_STATUS_ENUM(name, text) RV_##name,
    RV_STATUS_LIST(RV_STATUS_ENUM)
#undef RV_STATUS_ENUM
        RV_STATUS_COUNT
} rv_status;

/* The text of a status, from the list above; "unknown status" for a number outside of it. */
RV_API const char *rv_status_text(rv_status status);

/* The status of this thread's unread error, RV_OK if there is none. Does not read it. */
RV_API rv_status rv_error_status(void);

/* Reads this thread's error: returns its message and clears it, or NULL if there is none. The text
 * stays valid until this thread's next error. */
RV_API const char *rv_error(void);

/* Called with each error as it is recorded, on the thread that made it. */
typedef void rv_error_handler(rv_status status, const char *message);

/* Sets the handler for all threads; NULL (the default) only records. Returns the one before. */
RV_API rv_error_handler *rv_on_error(rv_error_handler *handler);

/* A handler: prints the message to stderr and exits the process with status 1. */
RV_API void rv_error_exit(rv_status status, const char *message);

/* For those who write operations, layers or optimizers: records an error under `who` (the public
 * name without `rv_`), unless one is unread. rv_fail returns false, rv_fail_null NULL, so that a
 * function can return what they return. */
RV_API bool rv_fail(rv_status status, const char *who, const char *format, ...) RV_PRINTF(3, 4);
RV_API void *rv_fail_null(rv_status status, const char *who, const char *format, ...)
    RV_PRINTF(3, 4);

/* Moves an error between threads: on a loader's thread, rv_error_defer(true) keeps the handler from
 * being called there; on its caller's, rv_error_raise records `message` as it is. */
RV_API void rv_error_defer(bool defer);
RV_API void rv_error_raise(rv_status status, const char *message);

/* For those who run what others wrote: from rv_error_enter to rv_error_leave, this thread's
 * messages begin with where it is, as a layer's name in its network. `write` writes that into
 * `text`, and returns its length, as snprintf does. Places nest; only the innermost one is asked.
 */
typedef struct rv_error_place rv_error_place;
struct rv_error_place {
    int (*write)(const rv_error_place *place, char *text, size_t bytes);
    const rv_error_place *outside; /* set by rv_error_enter; NULL: none */
};
RV_API void rv_error_enter(rv_error_place *place);
RV_API void rv_error_leave(const rv_error_place *place);

RV_END_C

#endif
