/* helpers.h - what the suites share: reading tensors, comparing them, golden files, layouts.
 *
 * Nothing here is a check by itself: functions answer, and say why not; the suites assert.
 */
#ifndef TESTS_HELPERS_H
#define TESTS_HELPERS_H

#include "ravine.h"

/* Why a check said no; empty if it did not. */
typedef struct reason {
    char text[600];
} reason;
/* Sets the reason unless it has one already; returns false. */
bool because(reason *why, const char *format, ...) RV_PRINTF(2, 3);

/* Element i of any tensor, counted row-major, as a double. */
double at(const rv_tensor *t, int64_t i);

/* A 1-d F64 tensor of these numbers. */
#define VECTOR(...) \
    vector_of((int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})
rv_tensor *vector_of(int64_t n, const double *values);

/* An F64 matrix of first + sin(1.3*i), i counting row-major: no two elements alike. */
rv_tensor *waves(int64_t rows, int64_t columns, double first);

/* Whether the elements of t are these numbers to within `tolerance` * max(1, |number|). */
#define HOLDS(t, tolerance, ...)                                                         \
    holds((t), (tolerance), (int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), \
          (double[]){__VA_ARGS__})
bool holds(const rv_tensor *t, double tolerance, int64_t n, const double *values);

/* Whether both have one shape, and all |got - want| <= tolerance * max(1, |want|); NaN is near NaN
 * here, and an infinity near itself. Dtypes may differ. */
bool is_near(const rv_tensor *got, const rv_tensor *want, double tolerance, reason *why);

/* Whether `text` contains `part`; says on stderr what it is, if not. */
bool contains(const char *text, const char *part);

/* Reads the thread's error; whether it has this status and its message contains `text`. Says on
 * stderr what it was, if not. */
bool error_is(rv_status status, const char *text);
/* Whether there is no unread error; says on stderr what it is (and reads it), if there is. */
bool no_error(void);

/* A copy of t's elements that lies differently in memory. */
typedef enum layout {
    LAYOUT_PACKED,     /* row-major, no gaps */
    LAYOUT_TRANSPOSED, /* the last axis has the largest stride */
    LAYOUT_STEPPED,    /* gaps between the elements, and before the first */
    LAYOUT_COUNT
} layout;
rv_tensor *laid_out(const rv_tensor *t, layout how);

/* The names and shapes of an object's state, with the dtypes or without, one behind the other:
 * "lr:F64[] state.0.step:I64[] ", "0.weight[2,3] ". What does not fit is cut off. */
bool list_state(void *object, bool dtypes, size_t size, char *text);

/* Fills the tensor of that name in an object's state (a layer's, an optimizer's, ...), as a file
 * would that somebody has changed. */
bool write_state(void *object, const char *name, double value);

/* Goes on with a hash (FNV-1a, from HASH_START) over the bytes of t, which is contiguous: for
 * comparing results bit by bit. */
#define HASH_START 0xcbf29ce484222325u
uint64_t hash_of(uint64_t hash, const rv_tensor *t);

/* A golden file of tests/golden/, read whole; NULL with a reason on stderr. */
typedef struct golden golden;
golden *golden_open(const char *file);
void golden_close(golden *g);
/* A copy of one tensor of it, NULL (without an error) if there is none of that name. */
rv_tensor *golden_tensor(const golden *g, const char *name_format, ...) RV_PRINTF(2, 3);
/* Loads a layer's whole state from the file's tensors `prefix`NAME, which have no others. */
bool golden_load_state(const golden *g, const char *prefix, rv_layer *layer, reason *why);
/* Whether all tensors `prefix`NAME of the file are in the layer's state, and near it (is_near). */
bool golden_same_state(const golden *g, const char *prefix, rv_layer *layer, double tolerance,
                       reason *why);

/* Runs `body` on a thread with a stack of `bytes` and waits for it; false if there is no thread. */
bool on_small_stack(size_t bytes, void (*body)(void));

#endif
