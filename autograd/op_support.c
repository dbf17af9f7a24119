/* op_support.c - what several operations need: constants, checks, writing into a fresh result. */
#include "autograd/op_support.h"

#include <math.h>

#include "autograd/graph.h"
#include "autograd/walk.h"

#include "core/elementwise.h"
#include "core/parallel.h"

/* A piece is large enough to be worth handing to a thread, and small enough for its cache. */
enum { PIECE_ELEMENTS = 16384 };

static bool holds(rv_dtype dtype, double value)
{
    if (rv_dtype_is_floating(dtype))
        return true;
    const double low = dtype == RV_U8 ? 0.0 : -0x1p63;
    const double end = dtype == RV_U8 ? 256.0 : 0x1p63;
    return value >= low && value < end && value == floor(value);
}

rv_tensor *rv_scalar_like(const char *who, const rv_tensor *x, double value)
{
    if (!rv_check(who, 0, x))
        return NULL;
    if (!holds(x->dtype, value))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "the number %g cannot be held by %s", value,
                            rv_dtype_name(x->dtype));
    rv_tensor *scalar = rv_empty_n(x->dtype, 0, NULL);
    if (scalar != NULL)
        rv_kernels_get()->cast[RV_F64][x->dtype](1, (char *[]){scalar->data, (char *)&value},
                                                 (const int64_t[]){0, 0});
    return scalar;
}

bool rv_check_floating(const char *who, int input, const rv_tensor *t)
{
    if (!rv_check(who, input, t))
        return false;
    if (!rv_dtype_is_floating(t->dtype))
        return rv_fail(RV_ERROR_DTYPE, who, "input %d is %s, expected F32 or F64", input,
                       rv_dtype_name(t->dtype));
    return true;
}

bool rv_check_dtypes(const char *who, const rv_tensor *a, const rv_tensor *b)
{
    if (a->dtype != b->dtype)
        return rv_fail(RV_ERROR_DTYPE, who, "dtypes differ: %s and %s", rv_dtype_name(a->dtype),
                       rv_dtype_name(b->dtype));
    return true;
}

bool rv_write(const char *who, rv_tensor *into, const rv_tensor *from)
{
    return rv_elementwise_into(who, rv_kernels_get()->cast[from->dtype][into->dtype], into, 1,
                               &from);
}

rv_tensor *rv_reversed(const char *who, const rv_tensor *t, uint32_t set)
{
    int64_t strides[RV_MAX_DIMENSIONS], last = 0; /* the element that becomes the first */
    for (int i = 0; i < t->ndim; i++) {
        const bool turns = set >> i & 1 && t->numel > 0;
        strides[i] = turns ? -t->strides[i] : t->strides[i];
        last += turns ? (t->shape[i] - 1) * t->strides[i] : 0;
    }
    return rv_raw_view(who, t->storage, t->data + last * (int64_t)rv_dtype_size(t->dtype), t->dtype,
                       t->ndim, t->shape, strides);
}

rv_tensor **rv_tensor_array(int n)
{
    return rv_graph_array((int64_t)n + 1);
}

rv_tensor *rv_alone(rv_tensor *x)
{
    return x != NULL && rv_recording() ? rv_detach(x) : x;
}

int64_t rv_product(int count, const int64_t *sizes)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= sizes[i];
    return product;
}

typedef struct row_task {
    rv_rows_function *run;
    void *context;
    int64_t rows, rows_of_piece;
} row_task;

static void run_piece(void *context, int64_t piece)
{
    const row_task *task = context;
    const int64_t first = piece * task->rows_of_piece;
    const int64_t left = task->rows - first;
    task->run(task->context, first, left < task->rows_of_piece ? left : task->rows_of_piece);
}

void rv_run_rows(int64_t rows, int64_t row_length, rv_rows_function *run, void *context)
{
    const int64_t fitting = PIECE_ELEMENTS / (row_length > 0 ? row_length : 1);
    row_task task = {run, context, rows, fitting > 0 ? fitting : 1};
    rv_parallel((rows + task.rows_of_piece - 1) / task.rows_of_piece, run_piece, &task);
}
