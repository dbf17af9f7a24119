/* elementwise.c - running an inner loop over whole tensors.
 *
 * Most calls are on inputs of one shape that lie row-major, or with a scalar: those go straight to
 * the loop. All others become a walk (strided.h) in the order of the result's memory. Where it pays
 * the elements are cut into pieces of a fixed number, whatever their shape.
 */

#include "core/elementwise.h"

#include <stdio.h>
#include <string.h>

#include "core/integers.h"
#include "core/parallel.h"
#include "core/strided.h"
#include "core/tensor_make.h"

#define MAX_INPUTS (RV_WALK_OPERANDS - 1)

/* Elements of a piece: enough that handing it to a thread costs little beside it, and few enough
 * that it stays in a core's cache. */
#define PIECE 32768
#define COSTLY_PIECE 8192

/* A last axis shorter than this is not worth calling a loop for, if another is much longer. */
#define SHORT_LINE 8

/* Elements of a tile's side, where an input runs across the result's lines: few enough that its
 * cache lines are still there when the next line needs them. */
#define TILE 16

#define SAME false
#define MASK true
static const struct {
    int inputs;
    bool is_mask;
} loops[RV_LOOP_COUNT] = {
#define LOOP(name, inputs_, result, formula) {.inputs = (inputs_), .is_mask = (result)},
    RV_LOOP_LIST(LOOP)
#undef LOOP
};
#undef SAME
#undef MASK

typedef struct elementwise_task {
    rv_loop *loop;
    rv_walk walk;
    char *data[RV_WALK_OPERANDS];
    int64_t numel, piece;
} elementwise_task;

/* ---- running -------------------------------------------------------------------------------- */

/* The lines that follow each other along the axis outside of them, all of n elements, but for the
 * last one: without the bookkeeping of an advance. How many elements that was, at most `most`. */
static int64_t run_lines(const elementwise_task *task, rv_walk_place *at, int64_t n, int64_t most)
{
    const int outer = task->walk.ndim - 2;
    if (outer < 0 || n != task->walk.shape[outer + 1])
        return 0;
    const int64_t lines = rv_smaller(most / n, task->walk.shape[outer] - at->index[outer]) - 1;
    const int64_t *const strides = rv_walk_strides(&task->walk);
    for (int64_t i = 0; i < lines; i++) {
        task->loop(n, at->data, strides);
        for (int k = 0; k < task->walk.operands; k++)
            at->data[k] += task->walk.strides[outer][k];
    }
    at->index[outer] += lines;
    return lines * n;
}

static void run_range(const elementwise_task *task, int64_t begin, int64_t end)
{
    rv_walk_place at;
    rv_walk_seek(&task->walk, task->data, begin, &at);
    const int64_t *const strides = rv_walk_strides(&task->walk);
    for (int64_t i = begin, n; i < end; i += n) {
        n = rv_walk_line(&task->walk, &at, end - i);
        i += run_lines(task, &at, n, end - i);
        task->loop(n, at.data, strides);
        rv_walk_advance(&task->walk, &at, n);
    }
}

static void run_piece(void *context, int64_t index)
{
    const elementwise_task *task = context;
    const int64_t begin = index * task->piece, end = begin + task->piece;
    run_range(task, begin, end < task->numel ? end : task->numel);
}

static void run(elementwise_task *task)
{
    if (task->numel == 0)
        return;
    if (task->numel <= task->piece || rv_parallel_is_alone())
        run_range(task, 0, task->numel);
    else
        rv_parallel((task->numel - 1) / task->piece + 1, run_piece, task);
}

/* Swaps the last axis with the longest one, if lines would be short. */
static void lengthen_lines(rv_walk *walk)
{
    const int last = walk->ndim - 1;
    int longest = last;
    for (int i = 0; i < last; i++)
        if (walk->shape[i] > walk->shape[longest])
            longest = i;
    if (last < 0 || walk->shape[last] >= SHORT_LINE ||
        walk->shape[longest] < walk->shape[last] * SHORT_LINE)
        return;
    for (int k = 0; k < walk->operands; k++) {
        const int64_t stride = walk->strides[last][k];
        walk->strides[last][k] = walk->strides[longest][k];
        walk->strides[longest][k] = stride;
    }
    const int64_t size = walk->shape[last];
    walk->shape[last] = walk->shape[longest];
    walk->shape[longest] = size;
}

/* The axis along which an input's elements are neighbours while they are far apart along the last
 * one, both being long (that one `fewest` or more); -1 if there is none. */
static int crossing_axis(const rv_walk *walk, int64_t fewest)
{
    const int last = walk->ndim - 1;
    if (last < 1 || walk->ndim == RV_MAX_DIMENSIONS || walk->shape[last] < fewest)
        return -1;
    for (int axis = 0; axis < last; axis++)
        for (int k = 1; k < walk->operands && walk->shape[axis] >= SHORT_LINE; k++)
            if (walk->strides[axis][k] > 0 &&
                walk->strides[axis][k] * SHORT_LINE <= walk->strides[last][k])
                return axis;
    return -1;
}

/* Runs a task whose inputs cross the result's lines along `axis`: in tiles, and what is left of the
 * lines behind them. */
static void run_tiles(elementwise_task *task, int axis)
{
    rv_walk *const walk = &task->walk;
    const int last = walk->ndim - 1;
    const int64_t rest = walk->shape[last] % TILE;
    if (rest > 0) {
        elementwise_task edge = *task;
        edge.walk.shape[last] = rest;
        edge.numel = task->numel / walk->shape[last] * rest;
        for (int k = 0; k < walk->operands; k++)
            edge.data[k] += (walk->shape[last] - rest) * walk->strides[last][k];
        run(&edge);
        task->numel -= edge.numel;
        walk->shape[last] -= rest;
    }
    rv_walk_tile(walk, axis, TILE);
    run(task);
}

/* A copy whose input crosses the result's lines: matrices, each the transpose of the input's. */
typedef struct transposition {
    rv_transpose_kernel *kernel;
    rv_walk matrices;
    char *data[2];
    int64_t rows, columns, x_step, y_step, size;
    int64_t part, parts; /* rows of a piece; pieces of a matrix */
} transposition;

static void transpose_piece(void *context, int64_t index)
{
    const transposition *t = context;
    const int64_t first = index % t->parts * t->part;
    const int64_t rows = rv_smaller(t->part, t->rows - first);
    rv_walk_place at;
    rv_walk_seek(&t->matrices, t->data, index / t->parts, &at);
    t->kernel(rows, t->columns, at.data[1] + first * t->size, t->x_step,
              at.data[0] + first * t->y_step, t->y_step);
}

/* Runs a copy as transpositions along `axis`, if it is that; false if not. */
static bool run_transposed(const elementwise_task *task, int axis, rv_dtype dtype)
{
    const rv_walk *const walk = &task->walk;
    const int last = walk->ndim - 1;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    if (walk->strides[last][0] != size || walk->strides[axis][1] != size)
        return false;
    transposition t = {.kernel = rv_kernels_get()->transpose[dtype],
                       .data = {task->data[0], task->data[1]},
                       .rows = walk->shape[axis],
                       .columns = walk->shape[last],
                       .x_step = walk->strides[last][1],
                       .y_step = walk->strides[axis][0],
                       .size = size};
    rv_walk_start(&t.matrices, 2);
    for (int i = 0; i < last; i++)
        if (i != axis)
            rv_walk_add(&t.matrices, walk->shape[i], walk->strides[i]);
    t.part = (task->piece / t.columns / TILE + 1) * TILE;
    t.parts = rv_quotient_up(t.rows, t.part);
    if (task->numel > 0)
        rv_parallel(task->numel / (t.rows * t.columns) * t.parts, transpose_piece, &t);
    return true;
}

/* Runs the loop over tensors whose shapes are known to broadcast to that of `out`. */
static void run_walk(rv_loop *loop, int64_t piece, const rv_tensor *out, int n,
                     const rv_tensor *const *in)
{
    elementwise_task task;
    task.loop = loop;
    task.numel = out->numel;
    task.piece = piece;
    task.data[0] = out->data;
    rv_walk_start(&task.walk, n + 1);
    int64_t strides[RV_WALK_OPERANDS];
    for (int axis = 0; axis < out->ndim; axis++) {
        strides[0] = out->strides[axis] * (int64_t)rv_dtype_size(out->dtype);
        for (int k = 0; k < n; k++) {
            const int own = axis - (out->ndim - in[k]->ndim);
            const bool repeats = own < 0 || in[k]->shape[own] == 1;
            strides[k + 1] =
                repeats ? 0 : in[k]->strides[own] * (int64_t)rv_dtype_size(in[k]->dtype);
        }
        rv_walk_add(&task.walk, out->shape[axis], strides);
    }
    for (int k = 0; k < n; k++)
        task.data[k + 1] = in[k]->data;
    rv_walk_simplify(&task.walk);
    const bool is_copy = n == 1 && loop == rv_kernels_get()->cast[in[0]->dtype][in[0]->dtype];
    const int crossing = crossing_axis(&task.walk, is_copy ? SHORT_LINE : 2 * TILE);
    if (crossing >= 0 && is_copy && run_transposed(&task, crossing, in[0]->dtype))
        return;
    if (crossing >= 0 && task.walk.shape[task.walk.ndim - 1] >= 2 * TILE) {
        run_tiles(&task, crossing);
    } else {
        lengthen_lines(&task.walk);
        run(&task);
    }
}

/* The same if `out` and every input are row-major and of one shape, or have one element. */
static void run_packed(rv_loop *loop, int64_t piece, const rv_tensor *out, int n,
                       rv_tensor *const *in)
{
    elementwise_task task;
    int64_t strides[RV_WALK_OPERANDS];
    strides[0] = (int64_t)rv_dtype_size(out->dtype);
    task.data[0] = out->data;
    for (int k = 0; k < n; k++) {
        strides[k + 1] = in[k]->numel == 1 ? 0 : (int64_t)rv_dtype_size(in[k]->dtype);
        task.data[k + 1] = in[k]->data;
    }
    if (out->numel <= piece) {
        loop(out->numel, task.data, strides);
        return;
    }
    task.loop = loop;
    task.numel = out->numel;
    task.piece = piece;
    rv_walk_start(&task.walk, n + 1);
    rv_walk_add(&task.walk, out->numel, strides);
    run(&task);
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool check_dtypes(const char *who, rv_loop_id id, int n, rv_tensor *const *in, bool has_loop)
{
    const rv_dtype dtype = in[n - 1]->dtype;
    const int first = id == RV_LOOP_where ? 1 : 0;
    if (first == 1 && in[0]->dtype != RV_U8)
        return rv_fail(RV_ERROR_DTYPE, who, "the condition is %s, not U8",
                       rv_dtype_name(in[0]->dtype));
    for (int k = first; k < n - 1; k++)
        if (in[k]->dtype != dtype)
            return rv_fail(RV_ERROR_DTYPE, who, "dtypes differ: %s and %s (cast one with rv_cast)",
                           rv_dtype_name(in[k]->dtype), rv_dtype_name(dtype));
    return has_loop ||
           rv_fail(RV_ERROR_DTYPE, who, "takes F32 or F64, not %s", rv_dtype_name(dtype));
}

/* "[2,3] and [4]", "[2], [3] and [4]" */
static void list_shapes(char *text, size_t size, int n, rv_tensor *const *in)
{
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < n && used < size; k++) {
        const char *between = k == 0 ? "" : k < n - 1 ? ", " : " and ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", between, RV_SHAPE_OF(in[k]));
    }
}

static bool fail_broadcast(const char *who, int n, rv_tensor *const *in, int axis, int64_t a,
                           int64_t b)
{
    char shapes[MAX_INPUTS * sizeof(rv_shape_buffer) + 16];
    list_shapes(shapes, sizeof shapes, n, in);
    return rv_fail(RV_ERROR_SHAPE, who, "shapes %s do not broadcast: axis %d is %lld and %lld",
                   shapes, axis, (long long)a, (long long)b);
}

bool rv_broadcast_shape(const char *who, int n, rv_tensor *const *in, int *ndim,
                        int64_t shape[RV_MAX_DIMENSIONS])
{
    int most = 0;
    for (int k = 0; k < n; k++) {
        if (!rv_check(who, k, in[k]))
            return false;
        most = in[k]->ndim > most ? in[k]->ndim : most;
    }
    for (int axis = -1; axis >= -most; axis--) {
        int64_t size = 1;
        for (int k = 0; k < n; k++) {
            const int own = in[k]->ndim + axis;
            if (own < 0 || in[k]->shape[own] == 1 || in[k]->shape[own] == size)
                continue;
            if (size != 1)
                return fail_broadcast(who, n, in, axis, size, in[k]->shape[own]);
            size = in[k]->shape[own];
        }
        shape[most + axis] = size;
    }
    *ndim = most;
    return true;
}

static bool has_shape(const rv_tensor *t, int ndim, const int64_t *shape)
{
    if (t->ndim != ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (t->shape[i] != shape[i])
            return false;
    return true;
}

/* The input that all others equal in shape, all being row-major, or are one element to; NULL if
 * there is none. */
static const rv_tensor *find_packed(int n, rv_tensor *const *in)
{
    const rv_tensor *full = in[0];
    for (int k = 1; k < n; k++)
        if (in[k]->ndim > full->ndim || (in[k]->ndim == full->ndim && in[k]->numel > full->numel))
            full = in[k];
    for (int k = 0; k < n; k++)
        if (in[k]->numel != 1 &&
            !(has_shape(in[k], full->ndim, full->shape) && rv_is_contiguous(in[k])))
            return NULL;
    return full;
}

/* ---- the two entrances ---------------------------------------------------------------------- */

/* A result of the shape that the inputs broadcast to, lying in memory as the first of full shape.
 */
static rv_tensor *make_result(const char *who, rv_dtype dtype, int n, rv_tensor *const *in)
{
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (!rv_broadcast_shape(who, n, in, &ndim, shape))
        return NULL;
    for (int k = 0; k < n; k++)
        if (has_shape(in[k], ndim, shape))
            return rv_make_like(who, in[k], dtype);
    return rv_make(who, dtype, ndim, shape);
}

/* Functions take several times as long for an element as arithmetic does. */
static int64_t piece_of(rv_loop_id id)
{
    switch (id) {
    case RV_LOOP_exp:
    case RV_LOOP_expm1:
    case RV_LOOP_log:
    case RV_LOOP_log1p:
    case RV_LOOP_sin:
    case RV_LOOP_cos:
    case RV_LOOP_atan:
    case RV_LOOP_erf:
    case RV_LOOP_tanh:
    case RV_LOOP_sigmoid:
    case RV_LOOP_silu:
    case RV_LOOP_silu_grad:
    case RV_LOOP_gelu:
    case RV_LOOP_gelu_grad:
    case RV_LOOP_gelu_tanh:
    case RV_LOOP_gelu_tanh_grad:
    case RV_LOOP_log_sigmoid:
    case RV_LOOP_log_sigmoid_grad:
    case RV_LOOP_elu:
    case RV_LOOP_elu_grad:
    case RV_LOOP_selu:
    case RV_LOOP_selu_grad:
    case RV_LOOP_softplus:
    case RV_LOOP_softplus_grad:
    case RV_LOOP_pow: return COSTLY_PIECE;
    default: return PIECE;
    }
}

rv_tensor *rv_elementwise(const char *who, rv_loop_id id, int n, rv_tensor *const *in)
{
    if ((unsigned)id >= RV_LOOP_COUNT || n != loops[id].inputs)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "loop %d does not take %d inputs", (int)id, n);
    for (int k = 0; k < n; k++)
        if (!rv_check(who, k, in[k]))
            return NULL;
    const rv_dtype dtype = in[n - 1]->dtype, result = loops[id].is_mask ? RV_U8 : dtype;
    rv_loop *const loop = rv_kernels_get()->loops[id][dtype];
    if (!check_dtypes(who, id, n, in, loop != NULL))
        return NULL;
    const rv_tensor *const packed = find_packed(n, in);
    if (packed != NULL) {
        rv_tensor *const out = rv_make(who, result, packed->ndim, packed->shape);
        if (out != NULL)
            run_packed(loop, piece_of(id), out, n, in);
        return out;
    }
    rv_tensor *const out = make_result(who, result, n, in);
    if (out != NULL) {
        const rv_tensor *inputs[MAX_INPUTS] = {NULL};
        memcpy(inputs, in, sizeof *in * (size_t)n);
        run_walk(loop, piece_of(id), out, n, inputs);
    }
    return out;
}

bool rv_elementwise_into(const char *who, rv_loop *loop, rv_tensor *out, int n,
                         const rv_tensor *const *in)
{
    if (loop == NULL || n < 0 || n > MAX_INPUTS)
        return rv_fail(RV_ERROR_DTYPE, who, "there is no loop for %d inputs into %s", n,
                       rv_dtype_name(out->dtype));
    for (int k = 0; k < n; k++) {
        const int added = out->ndim - in[k]->ndim;
        bool broadcasts = added >= 0;
        for (int i = 0; broadcasts && i < in[k]->ndim; i++)
            broadcasts = in[k]->shape[i] == 1 || in[k]->shape[i] == out->shape[i + added];
        if (!broadcasts)
            return rv_fail(RV_ERROR_SHAPE, who, "%s does not broadcast to %s", RV_SHAPE_OF(in[k]),
                           RV_SHAPE_OF(out));
    }
    run_walk(loop, PIECE, out, n, in);
    return true;
}
