/* gradcheck_function.c - the function under test, and its Jacobian in two ways.
 *
 * The function gets private copies of the F64 inputs, as leaves, so that nothing of the caller's is
 * touched; only a closure's leaves, which it reaches by itself, are used as they are. Backward
 * gives the Jacobian row by row (a gradient of 1 for one element of the output), differences give
 * it column by column (one element of the inputs moved both ways).
 *
 * A leaf is moved behind the back of the version check, and put back to the same bits: a graph that
 * was recorded before is as good as it was.
 */
#include "autograd/gradcheck_parts.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "autograd/graph.h"
#include "autograd/node.h"

/* ---- errors and memory ----------------------------------------------------------------------- */

bool rv_gradcheck_refuse(const rv_gradcheck_parts *p, rv_status status, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    p->report->message[0] = '\0';
    rv_gradcheck_say(p->report, "%s: %s", p->who, text);
    return rv_fail(status, p->who, "%s", text);
}

bool rv_gradcheck_not_done(const rv_gradcheck_parts *p)
{
    if (p->report->message[0] == '\0')
        rv_gradcheck_say(p->report, "%s: not done because of an error: see rv_error()", p->who);
    return false;
}

void *rv_gradcheck_memory(const rv_gradcheck_parts *p, int64_t count, size_t size)
{
    const int64_t shape[] = {count, (int64_t)size};
    const rv_tensor *t = rv_empty_n(RV_U8, 2, shape);
    if (t == NULL)
        rv_gradcheck_not_done(p);
    return t == NULL ? NULL : t->data;
}

double *rv_gradcheck_zeros(const rv_gradcheck_parts *p, int64_t rows, int64_t columns)
{
    const int64_t shape[] = {rows, columns};
    const rv_tensor *t = rv_zeros_n(RV_F64, 2, shape);
    if (t == NULL)
        rv_gradcheck_not_done(p);
    return t == NULL ? NULL : (double *)t->data;
}

/* ---- private copies of the inputs ------------------------------------------------------------ */

/* Whether no two elements of t share memory: each stride steps over all that smaller ones reach. */
static bool is_apart(const rv_tensor *t)
{
    int order[RV_MAX_DIMENSIONS], n = 0; /* the axes that matter, smallest stride first */
    for (int axis = 0; axis < t->ndim; axis++) {
        if (t->shape[axis] <= 1)
            continue;
        int at = n++;
        for (; at > 0 && t->strides[order[at - 1]] > t->strides[axis]; at--)
            order[at] = order[at - 1];
        order[at] = axis;
    }
    int64_t reach = 0;
    for (int i = 0; i < n; i++) {
        if (t->strides[order[i]] <= reach)
            return false;
        reach += t->strides[order[i]] * (t->shape[order[i]] - 1);
    }
    return true;
}

/* A leaf with t's elements, in memory as t is, gaps included, because a derivative may depend on
 * that; only elements that share memory get their own. */
static rv_tensor *private_leaf(const rv_gradcheck_parts *p, const rv_tensor *t)
{
    if (t->numel == 0 || !is_apart(t))
        return rv_require_grad(rv_raw_copy(p->who, t));
    int64_t span = 1;
    for (int axis = 0; axis < t->ndim; axis++)
        span += t->strides[axis] * (t->shape[axis] - 1);
    const rv_tensor *memory = rv_zeros_n(RV_F64, 1, &span);
    if (memory == NULL)
        return NULL;
    rv_tensor *leaf =
        rv_raw_view(p->who, memory->storage, memory->data, RV_F64, t->ndim, t->shape, t->strides);
    return rv_require_grad(rv_copy_into(leaf, t));
}

double *rv_gradcheck_element(const rv_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int axis = t->ndim - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->strides[axis];
        i /= t->shape[axis];
    }
    return (double *)t->data + offset;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static bool check_options(const rv_gradcheck_parts *p, const rv_gradcheck_options *o)
{
    if (o->function == NULL && o->closure == NULL)
        return rv_gradcheck_refuse(p, RV_ERROR_NULL, "function is NULL");
    if (o->function != NULL && o->closure != NULL)
        return rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT,
                                   "both a function and a closure were given");
    if (o->count < 0)
        return rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT, "count is %d, expected 1 or more",
                                   o->count);
    if (o->inputs == NULL && o->count > 0)
        return rv_gradcheck_refuse(p, RV_ERROR_NULL, "inputs is NULL, expected %d tensors",
                                   o->count);
    if (!(o->eps > 0) || !isfinite(o->eps))
        return rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT, "eps is %g, expected a positive number",
                                   o->eps);
    if (!(o->atol >= 0) || !(o->rtol >= 0) || !isfinite(o->atol) || !isfinite(o->rtol))
        return rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT,
                                   "atol is %g and rtol %g, expected finite numbers, 0 or more",
                                   o->atol, o->rtol);
    return true;
}

/* Input i as a leaf that may be moved: itself, if it has to be. */
static rv_tensor *movable_leaf(const rv_gradcheck_parts *p, int i, rv_tensor *t)
{
    if (!p->in_place) {
        rv_tensor *leaf = private_leaf(p, t);
        if (leaf == NULL)
            rv_gradcheck_not_done(p);
        return leaf;
    }
    if (t->node == NULL || rv_node_of(t)->op != NULL) {
        rv_gradcheck_refuse(p, RV_ERROR_GRAPH,
                            "input %d is no leaf: a closure is checked with respect to leaves "
                            "(rv_require_grad makes one)",
                            i);
        return NULL;
    }
    if (!is_apart(t)) {
        rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT, "input %d has elements that share memory", i);
        return NULL;
    }
    return t;
}

static bool add_input(rv_gradcheck_parts *p, int i, rv_tensor *t)
{
    if (!rv_check(p->who, i, t))
        return rv_gradcheck_not_done(p);
    if (t->dtype == RV_F32)
        return rv_gradcheck_refuse(p, RV_ERROR_DTYPE,
                                   "input %d is F32, whose rounding drowns the differences: check "
                                   "in double, with rv_cast(x, RV_F64)",
                                   i);
    p->in[i] = t;
    if (t->dtype != RV_F64)
        return true;
    p->in[i] = movable_leaf(p, i, t);
    if (p->in[i] == NULL)
        return false;
    p->leaf[p->leaves] = p->in[i];
    p->input[p->leaves] = i;
    p->column[p->leaves++] = p->columns;
    p->columns += t->numel;
    return true;
}

bool rv_gradcheck_set_up(rv_gradcheck_parts *p, const rv_gradcheck_options *options)
{
    if (!check_options(p, options))
        return false;
    p->function = options->function;
    p->closure = options->closure;
    p->in_place = p->in_place || p->closure != NULL;
    p->context = options->context;
    p->eps = options->eps;
    p->atol = options->atol;
    p->rtol = options->rtol;
    p->count = options->count;
    p->ndim = -1;
    p->in = rv_gradcheck_memory(p, p->count, sizeof *p->in);
    p->leaf = rv_gradcheck_memory(p, p->count, sizeof *p->leaf);
    p->input = rv_gradcheck_memory(p, p->count, sizeof *p->input);
    p->column = rv_gradcheck_memory(p, p->count, sizeof *p->column);
    if (p->in == NULL || p->leaf == NULL || p->input == NULL || p->column == NULL)
        return false;
    for (int i = 0; i < p->count; i++)
        if (!add_input(p, i, options->inputs[i]))
            return false;
    return p->leaves > 0 ||
           rv_gradcheck_refuse(p, RV_ERROR_DTYPE, "none of the %d inputs is F64: nothing to check",
                               p->count);
}

/* ---- the function and its two derivatives ---------------------------------------------------- */

static bool check_result(rv_gradcheck_parts *p, const rv_tensor *y)
{
    if (rv_error_status() != RV_OK)
        return rv_gradcheck_not_done(p);
    if (y == NULL)
        return rv_gradcheck_refuse(p, RV_ERROR_NULL, "the function returned NULL without an error");
    if (!rv_check(p->who, p->count, y))
        return rv_gradcheck_not_done(p);
    if (y->dtype != RV_F64)
        return rv_gradcheck_refuse(p, RV_ERROR_DTYPE, "the function's result is %s, expected F64",
                                   rv_dtype_name(y->dtype));
    const size_t bytes = sizeof *y->shape * (size_t)y->ndim;
    if (p->ndim < 0) {
        p->ndim = y->ndim;
        p->rows = y->numel;
        memcpy(p->shape, y->shape, bytes);
    }
    if (p->ndim != y->ndim || memcmp(p->shape, y->shape, bytes) != 0)
        return rv_gradcheck_refuse(
            p, RV_ERROR_SHAPE, "the function's result had shape %s, and then %s",
            rv_shape_text(RV_SHAPE_BUFFER, p->ndim, p->shape), RV_SHAPE_OF(y));
    return true;
}

rv_tensor *rv_gradcheck_call(rv_gradcheck_parts *p, rv_tensor **in)
{
    rv_tensor *y = p->closure != NULL ? p->closure(p->context) : p->function(in, p->context);
    return check_result(p, y) ? y : NULL;
}

bool rv_gradcheck_evaluate_into(rv_gradcheck_parts *p, double *values)
{
    RV_SCOPE;
    const rv_tensor *y = rv_gradcheck_call(p, p->in);
    return y != NULL && (rv_to_array(y, values) || rv_gradcheck_not_done(p));
}

bool rv_gradcheck_pull_back(const rv_gradcheck_parts *p, rv_tensor *y, const double *v,
                            double *products)
{
    RV_SCOPE;
    for (int64_t i = 0; i < p->columns; i++)
        products[i] = 0;
    if (!rv_requires_grad(y))
        return true;
    rv_tensor *g = rv_from_array_n(v, RV_F64, p->ndim, p->shape);
    rv_tensor **gradients = rv_gradients(&y, 1, p->leaf, p->leaves, .gradients = &g,
                                         .retain_graph = true, .allow_unused = true);
    if (g == NULL || gradients == NULL)
        return rv_gradcheck_not_done(p);
    for (int k = 0; k < p->leaves; k++)
        if (gradients[k] != NULL && !rv_to_array(gradients[k], products + p->column[k]))
            return rv_gradcheck_not_done(p);
    return true;
}

bool rv_gradcheck_backward(const rv_gradcheck_parts *p, rv_tensor *y, double *jacobian)
{
    RV_SCOPE;
    double *v = rv_gradcheck_zeros(p, 1, p->rows);
    if (v == NULL)
        return false;
    for (int64_t row = 0; row < p->rows; row++) {
        v[row] = 1;
        if (!rv_gradcheck_pull_back(p, y, v, jacobian + row * p->columns))
            return false;
        v[row] = 0;
    }
    return true;
}

bool rv_gradcheck_difference(rv_gradcheck_parts *p, int64_t column, double up, double down,
                             double *values)
{
    RV_SCOPE;
    int k = p->leaves - 1;
    while (p->column[k] > column)
        k--;
    double *x = rv_gradcheck_element(p->leaf[k], column - p->column[k]);
    double *below = rv_gradcheck_zeros(p, 1, p->rows);
    if (below == NULL)
        return false;
    const double was = *x, high = was + up, low = was + down;
    if (high == low)
        return rv_gradcheck_refuse(p, RV_ERROR_ARGUMENT,
                                   "input %d has an element %g, which a step of %g does not "
                                   "change: scale it, or choose eps",
                                   p->input[k], was, p->eps);
    *x = high;
    bool ok = rv_gradcheck_evaluate_into(p, values);
    *x = low;
    ok = ok && rv_gradcheck_evaluate_into(p, below);
    *x = was;
    for (int64_t row = 0; ok && row < p->rows; row++)
        values[row] = (values[row] - below[row]) / (high - low);
    return ok;
}

bool rv_gradcheck_differences(rv_gradcheck_parts *p, double *jacobian)
{
    RV_SCOPE;
    double *values = rv_gradcheck_zeros(p, 1, p->rows);
    if (values == NULL)
        return false;
    for (int64_t column = 0; column < p->columns; column++) {
        if (!rv_gradcheck_difference(p, column, p->eps, -p->eps, values))
            return false;
        for (int64_t row = 0; row < p->rows; row++)
            jacobian[row * p->columns + column] = values[row];
    }
    return true;
}
