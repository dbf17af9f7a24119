/* calculus.c - products with Jacobians and Hessians, and the matrices, all by backward.
 *
 * A Jacobian is made from backwards that each give one row for every sample of the batch; without
 * a batch there is one sample. A Hessian is the Jacobian of the gradient.
 */
#include "autograd/calculus.h"

#include <limits.h>
#include <string.h>

#include "autograd/op_support.h"
#include "autograd/walk.h"

/* What is differentiated, and with respect to what. */
typedef struct problem {
    const char *who;
    rv_function *function; /* one of the two is NULL */
    rv_closure *closure;
    void *context;
    rv_tensors inputs;
    bool create_graph, strict;
    int n;          /* how many inputs */
    rv_tensor **xs; /* [n] what the function gets, and gradients are taken to */
    rv_tensor *y;   /* its result */
} problem;

/* The problem that any of the options structs states. */
#define PROBLEM(who_, o)                                                                   \
    {                                                                                      \
        .who = (who_), .function = (o)->function, .closure = (o)->closure,                 \
        .context = (o)->context, .inputs = (o)->inputs, .create_graph = (o)->create_graph, \
        .strict = (o)->strict                                                              \
    }

/* ---- the function and its inputs ---------------------------------------------------------------
 */

static bool check_input(const problem *p, int i)
{
    rv_tensor *x = p->inputs.items[i];
    if (!rv_check_floating(p->who, i, x))
        return false;
    if (p->closure != NULL && !(x->node != NULL && rv_node_of(x)->op == NULL))
        return rv_fail(RV_ERROR_GRAPH, p->who,
                       "input %d is no leaf: a closure is differentiated with respect to leaves "
                       "(rv_require_grad makes one)",
                       i);
    for (int j = 0; j < i; j++)
        if (p->inputs.items[j] == x)
            return rv_fail(RV_ERROR_ARGUMENT, p->who, "input %d is input %d again", i, j);
    return true;
}

static bool check_problem(const problem *p)
{
    if (p->function == NULL && p->closure == NULL)
        return rv_fail(RV_ERROR_NULL, p->who, "the function is NULL");
    if (p->function != NULL && p->closure != NULL)
        return rv_fail(RV_ERROR_ARGUMENT, p->who, "both a function and a closure were given");
    if (p->inputs.count < 1 || p->inputs.count > INT_MAX || p->inputs.items == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, p->who, "%lld inputs%s, expected 1 or more",
                       (long long)p->inputs.count, p->inputs.items == NULL ? " (NULL)" : "");
    return true;
}

/* What stands for input x: itself if it is a leaf, else a view, connected to x only where the
 * result is to be. */
static rv_tensor *stand_in(const problem *p, rv_tensor *x)
{
    if (x->node != NULL && rv_node_of(x)->op == NULL)
        return x;
    if (x->node != NULL && p->create_graph)
        return rv_expand_n(x, x->ndim, x->shape);
    return rv_require_grad(rv_detach(x));
}

/* Checks everything, and calls the function: p->xs and p->y. Recording must be on. */
static bool begin(problem *p)
{
    if (!check_problem(p))
        return false;
    p->n = (int)p->inputs.count;
    p->xs = rv_graph_array(p->n);
    if (p->xs == NULL)
        return false;
    for (int i = 0; i < p->n; i++) {
        p->xs[i] = check_input(p, i) ? stand_in(p, p->inputs.items[i]) : NULL;
        if (p->xs[i] == NULL)
            return false;
    }
    p->y = p->closure != NULL ? p->closure(p->context) : p->function(p->xs, p->context);
    if (p->y == NULL && rv_error_status() == RV_OK)
        return rv_fail(RV_ERROR_NULL, p->who, "the function returned NULL without an error");
    return p->y != NULL && rv_check_floating(p->who, p->n, p->y);
}

static bool check_one_element(const problem *p)
{
    return p->y->numel == 1 ||
           rv_fail(RV_ERROR_SHAPE, p->who,
                   "the function's result is %s, expected one element: only such has a Hessian",
                   RV_SHAPE_OF(p->y));
}

/* Whether v can weigh x's elements. */
static bool check_weight(const problem *p, const char *what, int i, const rv_tensor *v,
                         const rv_tensor *x)
{
    if (!rv_check(p->who, p->n + i, v) || !rv_check_dtypes(p->who, v, x))
        return false;
    if (!rv_same_shape(v, x))
        return rv_fail(RV_ERROR_SHAPE, p->who, "v %d is %s, expected the shape of %s, %s", i,
                       RV_SHAPE_OF(v), what, RV_SHAPE_OF(x));
    return true;
}

static bool check_weights(const problem *p, rv_tensors v)
{
    if (v.count != p->n || v.items == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, p->who, "%lld tensors v for %d inputs",
                       v.items == NULL ? 0 : (long long)v.count, p->n);
    for (int i = 0; i < p->n; i++)
        if (!check_weight(p, "its input", i, v.items[i], p->xs[i]))
            return false;
    return true;
}

/* ---- one backward ------------------------------------------------------------------------------
 */

/* The gradients of ys, weighted by vs, with respect to all inputs: zeros where there is no
 * connection. */
static rv_tensor **pull_back(const problem *p, int ny, rv_tensor *const *ys, rv_tensor *const *vs,
                             bool create_graph, bool strict)
{
    rv_tensor **from = rv_graph_array(ny), **weights = rv_graph_array(ny);
    if (from == NULL || weights == NULL)
        return NULL;
    int connected = 0;
    for (int i = 0; i < ny; i++) {
        if (!rv_requires_grad(ys[i]))
            continue;
        from[connected] = ys[i];
        weights[connected++] = vs[i];
    }
    rv_tensor **grads =
        connected == 0
            ? rv_graph_array(p->n)
            : rv_gradients(from, connected, p->xs, p->n, .gradients = weights, .retain_graph = true,
                           .create_graph = create_graph, .allow_unused = true);
    for (int i = 0; grads != NULL && i < p->n; i++) {
        if (grads[i] != NULL)
            continue;
        if (strict)
            return rv_fail_null(RV_ERROR_GRAPH, p->who,
                                "the result does not depend on input %d, and .strict was asked for",
                                i);
        grads[i] = rv_zeros_n(p->xs[i]->dtype, p->xs[i]->ndim, p->xs[i]->shape);
        if (grads[i] == NULL)
            return NULL;
    }
    return grads;
}

/* t as a result: without its graph, unless that is wanted. */
static rv_tensor *given_out(const problem *p, rv_tensor *t)
{
    return rv_keep(p->create_graph || !rv_requires_grad(t) ? t : rv_detach(t));
}

/* The same for an array [n] of the scope outside. */
static bool give_all_out(const problem *p, rv_tensor *const *from, rv_tensor **to)
{
    for (int i = 0; i < p->n; i++) {
        to[i] = given_out(p, from[i]);
        if (to[i] == NULL)
            return false;
    }
    return true;
}

/* An array of the scope that is open now, for as many results as there are inputs. */
static rv_tensor **room_for(rv_tensors inputs)
{
    return rv_graph_array(inputs.count > 0 && inputs.count <= INT_MAX ? inputs.count : 0);
}

/* ---- products ----------------------------------------------------------------------------------
 */

static bool vjp(problem *p, rv_tensor *v, rv_vjp_result *result, rv_tensor **products)
{
    RV_SCOPE;
    if (!begin(p))
        return false;
    if (v == NULL && p->y->numel != 1)
        return rv_fail(RV_ERROR_SHAPE, p->who, "v is NULL, expected the shape of the result, %s",
                       RV_SHAPE_OF(p->y));
    if (v == NULL)
        v = rv_ones_n(p->y->dtype, p->y->ndim, p->y->shape);
    if (v == NULL || !check_weight(p, "the result", 0, v, p->y))
        return false;
    rv_tensor **grads = pull_back(p, 1, &p->y, &v, p->create_graph, p->strict);
    if (grads == NULL || !give_all_out(p, grads, products))
        return false;
    result->output = given_out(p, p->y);
    result->products = (rv_tensors){products, p->n};
    return result->output != NULL;
}

rv_vjp_result rv_vjp_with(const rv_vjp_options *o)
{
    rv_vjp_result result = {0};
    if (o == NULL) {
        rv_fail(RV_ERROR_NULL, "vjp", "the options are NULL");
        return result;
    }
    problem p = PROBLEM("vjp", o);
    rv_tensor **products = room_for(o->inputs);
    bool recorded = rv_set_recording(true);
    if (products == NULL || !vjp(&p, o->v, &result, products))
        result = (rv_vjp_result){0};
    rv_recording_restore(&recorded);
    return result;
}

static bool jvp(problem *p, rv_tensors v, rv_jvp_result *result)
{
    RV_SCOPE;
    if (!begin(p) || !check_weights(p, v))
        return false;
    rv_tensor *u = rv_require_grad(rv_zeros_n(p->y->dtype, p->y->ndim, p->y->shape));
    rv_tensor **grads = u != NULL ? pull_back(p, 1, &p->y, &u, true, p->strict) : NULL;
    if (grads == NULL)
        return false;
    problem of_u = *p; /* u' J is a function of u, and J v the gradient of its product with v */
    of_u.n = 1;
    of_u.xs = &u;
    rv_tensor **product = pull_back(&of_u, p->n, grads, v.items, p->create_graph, false);
    if (product == NULL)
        return false;
    result->output = given_out(p, p->y);
    result->product = given_out(p, product[0]);
    return result->output != NULL && result->product != NULL;
}

rv_jvp_result rv_jvp_with(const rv_jvp_options *o)
{
    rv_jvp_result result = {0};
    if (o == NULL) {
        rv_fail(RV_ERROR_NULL, "jvp", "the options are NULL");
        return result;
    }
    problem p = PROBLEM("jvp", o);
    bool recorded = rv_set_recording(true);
    if (!jvp(&p, o->v, &result))
        result = (rv_jvp_result){0};
    rv_recording_restore(&recorded);
    return result;
}

/* The gradient of a result of one element, recorded. */
static rv_tensor **gradient(problem *p)
{
    rv_tensor *one = rv_ones_n(p->y->dtype, p->y->ndim, p->y->shape);
    return one != NULL ? pull_back(p, 1, &p->y, &one, true, p->strict) : NULL;
}

static bool hvp(problem *p, rv_tensors v, rv_hvp_result *result, rv_tensor **gradients,
                rv_tensor **products)
{
    RV_SCOPE;
    if (!begin(p) || !check_one_element(p) || !check_weights(p, v))
        return false;
    rv_tensor **first = gradient(p);
    rv_tensor **second =
        first != NULL ? pull_back(p, p->n, first, v.items, p->create_graph, false) : NULL;
    if (second == NULL || !give_all_out(p, first, gradients) || !give_all_out(p, second, products))
        return false;
    result->output = given_out(p, p->y);
    result->gradients = (rv_tensors){gradients, p->n};
    result->products = (rv_tensors){products, p->n};
    return result->output != NULL;
}

rv_hvp_result rv_hvp_with(const rv_jvp_options *o)
{
    rv_hvp_result result = {0};
    if (o == NULL) {
        rv_fail(RV_ERROR_NULL, "hvp", "the options are NULL");
        return result;
    }
    problem p = PROBLEM("hvp", o);
    rv_tensor **gradients = room_for(o->inputs), **products = room_for(o->inputs);
    bool recorded = rv_set_recording(true);
    if (gradients == NULL || products == NULL || !hvp(&p, o->v, &result, gradients, products))
        result = (rv_hvp_result){0};
    rv_recording_restore(&recorded);
    return result;
}

/* ---- matrices ----------------------------------------------------------------------------------
 */

/* A Jacobian that is being made: [batch, rows, columns]. */
typedef struct table {
    int64_t batch, rows, columns;
    rv_tensor *matrix; /* without create_graph: written row by row */
    rv_tensor **parts; /* [rows] with create_graph: [batch, 1, columns] each */
} table;

static bool make_table(const problem *p, table *t)
{
    const int64_t shape[] = {t->batch, t->rows, t->columns};
    for (int i = 0; i < p->n; i++)
        if (!rv_check_dtypes(p->who, p->y, p->xs[i]))
            return false;
    if (t->rows > INT_MAX)
        return rv_fail(RV_ERROR_SHAPE, p->who, "%lld rows are too many", (long long)t->rows);
    if (p->create_graph && t->rows > 0) {
        t->parts = rv_graph_array(t->rows);
        return t->parts != NULL;
    }
    t->matrix = rv_zeros_n(p->y->dtype, 3, shape);
    return t->matrix != NULL;
}

/* Writes one row for each sample: grads are the inputs' gradients. */
static bool write_row(const problem *p, const table *t, int64_t row, rv_tensor *const *grads)
{
    const size_t size = rv_dtype_size(t->matrix->dtype);
    const int64_t strides[] = {t->rows * t->columns, 1};
    char *at = t->matrix->data + (size_t)(row * t->columns) * size;
    for (int i = 0; i < p->n; i++) {
        const int64_t shape[] = {t->batch, t->batch > 0 ? p->xs[i]->numel / t->batch : 0};
        rv_tensor *into =
            rv_raw_view(p->who, t->matrix->storage, at, t->matrix->dtype, 2, shape, strides);
        rv_tensor *from = rv_raw_reshape(p->who, grads[i], 2, shape);
        if (into == NULL || from == NULL || rv_copy_into(into, from) == NULL)
            return false;
        at += (size_t)shape[1] * size;
    }
    return true;
}

/* The same as a recorded tensor. */
static rv_tensor *joined_row(const problem *p, const table *t, rv_tensor **grads)
{
    for (int i = 0; i < p->n; i++) {
        const int64_t shape[] = {t->batch, 1, t->batch > 0 ? p->xs[i]->numel / t->batch : 0};
        grads[i] = rv_reshape_n(grads[i], 3, shape);
        if (grads[i] == NULL)
            return NULL;
    }
    return rv_cat(grads, p->n, 2);
}

/* One backward: row `row` of the table, which is element `element` of y in every sample. */
static bool add_row(const problem *p, const table *t, rv_tensor *y, int64_t element, int64_t row,
                    bool strict)
{
    RV_SCOPE;
    rv_tensor *v = rv_zeros_n(y->dtype, y->ndim, y->shape);
    if (v == NULL)
        return false;
    const int64_t each = t->batch > 0 ? y->numel / t->batch : 0;
    const int64_t shape[] = {t->batch}, strides[] = {each};
    char *first = v->data + (size_t)element * rv_dtype_size(v->dtype);
    rv_tensor *ones = rv_raw_view(p->who, v->storage, first, v->dtype, 1, shape, strides);
    if (ones == NULL || rv_fill(ones, 1) == NULL)
        return false;
    rv_tensor **grads = pull_back(p, 1, &y, &v, p->create_graph, strict);
    if (grads == NULL)
        return false;
    if (t->parts == NULL)
        return write_row(p, t, row, grads);
    t->parts[row] = rv_keep(joined_row(p, t, grads));
    return t->parts[row] != NULL;
}

/* The finished matrix: [rows, columns], or with a batch in front. */
static rv_tensor *finished(const table *t, bool batched)
{
    rv_tensor *all = t->parts != NULL ? rv_cat(t->parts, (int)t->rows, 1) : t->matrix;
    if (all == NULL || batched)
        return rv_keep(all);
    const int64_t shape[] = {t->rows, t->columns};
    return rv_keep(rv_reshape_n(all, 2, shape));
}

/* Sets the table's sizes: one sample, or as many as y has. */
static bool measure(const problem *p, bool batched, table *t)
{
    const rv_tensor *y = p->y;
    if (batched && y->ndim == 0)
        return rv_fail(RV_ERROR_SHAPE, p->who,
                       "the result is a single number, expected [batch,..]");
    t->batch = batched ? y->shape[0] : 1;
    t->rows = batched ? rv_product(y->ndim - 1, y->shape + 1) : y->numel;
    t->columns = 0;
    for (int i = 0; i < p->n; i++) {
        const rv_tensor *x = p->xs[i];
        if (batched && (x->ndim == 0 || x->shape[0] != t->batch))
            return rv_fail(RV_ERROR_SHAPE, p->who,
                           "input %d is %s, expected [%lld,..], a row for each of the result %s "
                           "(rv_expand repeats a parameter)",
                           i, RV_SHAPE_OF(x), (long long)t->batch, RV_SHAPE_OF(y));
        t->columns += batched ? rv_product(x->ndim - 1, x->shape + 1) : x->numel;
    }
    return true;
}

static rv_tensor *jacobian(problem *p, bool batched)
{
    RV_SCOPE;
    table t = {0};
    if (!begin(p) || !measure(p, batched, &t) || !make_table(p, &t))
        return NULL;
    for (int64_t row = 0; row < t.rows; row++)
        if (!add_row(p, &t, p->y, row, row, p->strict))
            return NULL;
    return finished(&t, batched);
}

rv_tensor *rv_jacobian_with(const rv_jacobian_options *o)
{
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, "jacobian", "the options are NULL");
    problem p = PROBLEM("jacobian", o);
    bool recorded = rv_set_recording(true);
    rv_tensor *result = jacobian(&p, o->batched);
    rv_recording_restore(&recorded);
    return result;
}

static rv_tensor *hessian(problem *p)
{
    RV_SCOPE;
    if (!begin(p) || !check_one_element(p))
        return NULL;
    table t = {.batch = 1};
    for (int i = 0; i < p->n; i++)
        t.columns += p->xs[i]->numel;
    t.rows = t.columns;
    rv_tensor **first = make_table(p, &t) ? gradient(p) : NULL;
    if (first == NULL)
        return NULL;
    int64_t row = 0;
    for (int i = 0; i < p->n; i++)
        for (int64_t element = 0; element < first[i]->numel; element++)
            if (!add_row(p, &t, first[i], element, row++, false))
                return NULL;
    return finished(&t, false);
}

rv_tensor *rv_hessian_with(const rv_jacobian_options *o)
{
    const char *who = "hessian";
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (o->batched)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, ".batched is the Jacobian's alone");
    problem p = PROBLEM(who, o);
    bool recorded = rv_set_recording(true);
    rv_tensor *result = hessian(&p);
    rv_recording_restore(&recorded);
    return result;
}
