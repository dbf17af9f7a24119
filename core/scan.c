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

/* Some lines next to each other, and how to go through them: strides in bytes, of y, b, a. */
typedef struct lines {
    char *data[3];      /* the first element that is read, of the first line */
    int64_t along[3];   /* from one element of a line to the next */
    int64_t between[3]; /* from one line to the next */
    int64_t n, width;   /* elements of a line; lines */
    bool exclusive;
} lines;

typedef void scan_lines(const lines *l);

#define AT(T, k, j) (*(T *)(void *)(at[k] + (j)*l->between[k]))

/* A is the accumulator, R the result's type, T the inputs'. `next` is an expression of total[j], b,
 * and a. */
#define DEFINE_SCAN(name, A, R, T, start, a_operand, next)           \
    static void name(const lines *l)                                 \
    {                                                                \
        A total[MOST_COLUMNS];                                       \
        char *at[3] = {l->data[0], l->data[1], l->data[2]};          \
        for (int64_t j = 0; j < l->width; j++)                       \
            total[j] = (start);                                      \
        for (int64_t i = 0; i < l->n; i++) {                         \
            for (int64_t j = 0; j < l->width; j++) {                 \
                const A before = total[j], b = (A)AT(const T, 1, j); \
                const A a = (A)AT(const T, a_operand, j);            \
                (void)a;                                             \
                total[j] = (next);                                   \
                AT(R, 0, j) = (R)(l->exclusive ? before : total[j]); \
            }                                                        \
            for (int k = 0; k < 3; k++)                              \
                at[k] += l->along[k];                                \
        }                                                            \
    }

DEFINE_SCAN(sum_f32, double, float, float, 0, 1, before + b)
DEFINE_SCAN(sum_f64, double, double, double, 0, 1, before + b)
DEFINE_SCAN(sum_i64, uint64_t, uint64_t, uint64_t, 0, 1, before + b)
DEFINE_SCAN(sum_u8, uint64_t, uint64_t, uint8_t, 0, 1, before + b)
DEFINE_SCAN(prod_f32, double, float, float, 1, 1, before *b)
DEFINE_SCAN(prod_f64, double, double, double, 1, 1, before *b)
DEFINE_SCAN(prod_i64, uint64_t, uint64_t, uint64_t, 1, 1, before *b)
DEFINE_SCAN(prod_u8, uint64_t, uint64_t, uint8_t, 1, 1, before *b)
DEFINE_SCAN(linear_f32, double, float, float, 0, 2, a *before + b)
DEFINE_SCAN(linear_f64, double, double, double, 0, 2, a *before + b)

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
    task.piece = fitting < MOST_COLUMNS ? MOST_COLUMNS : fitting;
    if (task.all.n >= PIECE / 8 && task.all.along[0] == (int64_t)rv_dtype_size(y->dtype))
        task.piece = 1; /* lines that are contiguous and long by themselves */
    rv_parallel(rv_quotient_up(task.count, task.piece), scan_piece, &task);
    return y;
}
