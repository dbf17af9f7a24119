/* scan.c - running totals along one axis.
 *
 * Lines along the axis do not depend on each other. Where they lie next to each other in memory, a
 * piece takes some of them at once, so that it reads memory in order; each line is scanned by one
 * thread, in order, so that the result does not depend on threads.
 */
#include "core/scan.h"

#include <string.h>

#include "core/integers.h"
#include "core/parallel.h"
#include "core/strided.h"
#include "core/tensor_make.h"

#define PIECE 32768     /* elements of a piece, about */
#define MOST_COLUMNS 64 /* lines that are scanned at once */
#define LINES_AT_ONCE 4

/* Some lines next to each other, and how to go through them: strides in bytes, of y, b, a. */
typedef struct lines {
    char *data[3];      /* the first element that is read, of the first line */
    int64_t along[3];   /* from one element of a line to the next */
    int64_t between[3]; /* from one line to the next */
    int64_t n, width;   /* elements of a line; lines */
    bool exclusive;
} lines;

typedef void scan_lines(const lines *l);

/* One loop, for `width` lines whose elements are `y_step`, `b_step` and `a_step` apart; where it is
 * called with constants it is compiled for those. A is the accumulator, R the result's type, T the
 * inputs'; `next` is an expression of what is there before, b, and a. */
#define DEFINE_LOOP(name, A, R, T, start, next)                                                  \
    static inline void name##_loop(const lines *l, int64_t first, int64_t width, int64_t y_step, \
                                   int64_t b_step, int64_t a_step)                               \
    {                                                                                            \
        A total[MOST_COLUMNS];                                                                   \
        char *y = l->data[0] + first * y_step;                                                   \
        const char *bs = l->data[1] + first * b_step, *as = l->data[2] + first * a_step;         \
        for (int64_t j = 0; j < width; j++)                                                      \
            total[j] = (start);                                                                  \
        for (int64_t i = 0; i < l->n; i++) {                                                     \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                   \
            {                                                                                    \
                const A before = total[j], b = (A)(*(const T *)(const void *)(bs + j * b_step)); \
                const A a = (A)(*(const T *)(const void *)(as + j * a_step));                    \
                (void)a;                                                                         \
                total[j] = (next);                                                               \
                *(R *)(void *)(y + j * y_step) = (R)(l->exclusive ? before : total[j]);          \
            }                                                                                    \
            y += l->along[0];                                                                    \
            bs += l->along[1];                                                                   \
            as += l->along[2];                                                                   \
        }                                                                                        \
    }

/* Lines that are neighbours are many at once; others a few, so that none waits for its own last
 * addition. */
#define DEFINE_SCAN(name, A, R, T, start, next)                                     \
    DEFINE_LOOP(name, A, R, T, start, next)                                         \
    static void name(const lines *l)                                                \
    {                                                                               \
        const int64_t *const step = l->between;                                     \
        int64_t j = 0;                                                              \
        if (step[0] == sizeof(R) && step[1] == sizeof(T) && step[2] == sizeof(T)) { \
            name##_loop(l, 0, l->width, sizeof(R), sizeof(T), sizeof(T));           \
            return;                                                                 \
        }                                                                           \
        for (; j + LINES_AT_ONCE <= l->width; j += LINES_AT_ONCE)                   \
            name##_loop(l, j, LINES_AT_ONCE, step[0], step[1], step[2]);            \
        for (; j < l->width; j++)                                                   \
            name##_loop(l, j, 1, step[0], step[1], step[2]);                        \
    }

DEFINE_SCAN(sum_f32, double, float, float, 0, before + b)
DEFINE_SCAN(sum_f64, double, double, double, 0, before + b)
DEFINE_SCAN(sum_i64, uint64_t, uint64_t, uint64_t, 0, before + b)
DEFINE_SCAN(sum_u8, uint64_t, uint64_t, uint8_t, 0, before + b)
DEFINE_SCAN(prod_f32, double, float, float, 1, before *b)
DEFINE_SCAN(prod_f64, double, double, double, 1, before *b)
DEFINE_SCAN(prod_i64, uint64_t, uint64_t, uint64_t, 1, before *b)
DEFINE_SCAN(prod_u8, uint64_t, uint64_t, uint8_t, 1, before *b)
DEFINE_SCAN(linear_f32, double, float, float, 0, a *before + b)
DEFINE_SCAN(linear_f64, double, double, double, 0, a *before + b)

static scan_lines *const scans[][RV_DTYPE_COUNT] = {
    [RV_SCAN_sum] = {sum_f32, sum_f64, sum_i64, sum_u8},
    [RV_SCAN_prod] = {prod_f32, prod_f64, prod_i64, prod_u8},
    [RV_SCAN_linear] = {linear_f32, linear_f64, NULL, NULL},
};

typedef struct scan_task {
    scan_lines *scan;
    lines all;
    rv_walk others; /* over the other axes: y, b, a */
    int64_t count, piece;
} scan_task;

static void scan_piece(void *context, int64_t index)
{
    const scan_task *task = context;
    const int64_t begin = index * task->piece;
    const int64_t end = rv_smaller(begin + task->piece, task->count);
    lines some = task->all;
    memcpy(some.between, rv_walk_strides(&task->others), sizeof some.between);
    rv_walk_place at;
    rv_walk_seek(&task->others, task->all.data, begin, &at);
    for (int64_t i = begin; i < end; i += some.width) {
        some.width = rv_smaller(rv_walk_line(&task->others, &at, end - i), MOST_COLUMNS);
        memcpy(some.data, at.data, sizeof some.data);
        task->scan(&some);
        rv_walk_advance(&task->others, &at, some.width);
    }
}

rv_tensor *rv_scan(const char *who, rv_scan_id scan, const rv_tensor *a, const rv_tensor *b,
                   int axis, bool reverse, bool exclusive)
{
    scan_task task = {.scan = scans[scan][b->dtype], .all = {.exclusive = exclusive}};
    if (task.scan == NULL)
        return rv_fail_null(RV_ERROR_DTYPE, who, "the inputs are %s, expected F32 or F64",
                            rv_dtype_name(b->dtype));
    rv_tensor *y = rv_make_like(who, b, rv_dtype_is_floating(b->dtype) ? b->dtype : RV_I64);
    if (y == NULL || y->numel == 0)
        return y;
    const rv_tensor *const operands[3] = {y, b, a != NULL ? a : b};
    rv_walk_start(&task.others, 3);
    for (int i = 0; i < y->ndim; i++) {
        int64_t strides[RV_WALK_OPERANDS];
        for (int k = 0; k < 3; k++)
            strides[k] = operands[k]->strides[i] * (int64_t)rv_dtype_size(operands[k]->dtype);
        if (i == axis)
            memcpy(task.all.along, strides, sizeof task.all.along);
        else
            rv_walk_add(&task.others, y->shape[i], strides);
    }
    rv_walk_simplify(&task.others);
    task.all.n = y->shape[axis];
    for (int k = 0; k < 3; k++) {
        const int64_t last = (task.all.n - 1) * task.all.along[k];
        task.all.data[k] = operands[k]->data + (reverse ? last : 0);
        task.all.along[k] *= reverse ? -1 : 1;
    }
    task.count = y->numel / task.all.n;
    const int64_t fitting = PIECE / task.all.n;
    task.piece = fitting < LINES_AT_ONCE ? LINES_AT_ONCE : fitting;
    rv_parallel(rv_quotient_up(task.count, task.piece), scan_piece, &task);
    return y;
}
