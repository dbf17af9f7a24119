/* minimizer_hessian.c - second derivatives of what is minimized: H v is the backward of the
 * gradient weighted by v (Pearlmutter 1994), through a graph that is kept while x stays.
 */
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "core/tensor_make.h"
#include "optim/minimizer_run.h"

static const char *const who = "minimizer_hessian";

/* ---- the graph ------------------------------------------------------------------------------- */

static size_t bytes_of(const rv_minimizer_run *run)
{
    return (size_t)run->opt->count * sizeof(rv_tensor *);
}

bool rv_minimizer_keep_graph(rv_minimizer_run *run, rv_tensor *const *gradients)
{
    rv_minimizer_drop_graph(run);
    run->gradients = rv_memory_get(who, bytes_of(run));
    if (run->gradients == NULL)
        return false;
    for (int64_t i = 0; i < run->opt->count; i++) {
        const bool is_learned = rv_requires_grad(run->opt->slots[i].parameter);
        run->gradients[i] = is_learned ? rv_retain(*gradients++) : NULL;
    }
    return true;
}

void rv_minimizer_drop_graph(rv_minimizer_run *run)
{
    run->graph_is_at_x = false;
    if (run->gradients == NULL)
        return;
    for (int64_t i = 0; i < run->opt->count; i++)
        rv_release(run->gradients[i]);
    rv_memory_put(run->gradients, bytes_of(run));
    run->gradients = NULL;
}

/* Evaluates at x once more, if there is no graph. */
static bool need_graph(rv_minimizer_run *run)
{
    if (run->graph_is_at_x)
        return true;
    if (rv_minimizer_is_over(&run->view))
        return false;
    const bool keeps_graph = run->keeps_graph;
    run->keeps_graph = true;
    memcpy(run->trial, run->view.x, (size_t)run->view.n * sizeof(double));
    const bool done = rv_minimizer_evaluate(run);
    run->keeps_graph = keeps_graph;
    run->graph_is_at_x = done;
    return done;
}

/* ---- a product ------------------------------------------------------------------------------- */

/* The backward's operands: gradients that depend on parameters, and what they are weighted by. */
typedef struct operands {
    rv_tensor **parameters, **gradients, **weights; /* [learned], [count], [count] */
    int learned, count;
} operands;

/* Fills the operands; v is read from `weights`, an F64 tensor of n numbers. */
static bool weigh(const rv_minimizer_run *run, rv_tensor *weights, operands *o)
{
    double *from = (double *)weights->data;
    for (int64_t i = 0; i < run->opt->count; i++) {
        rv_tensor *p = run->opt->slots[i].parameter, *gradient = run->gradients[i];
        if (rv_requires_grad(p))
            o->parameters[o->learned++] = p;
        if (rv_requires_grad(gradient)) {
            rv_tensor *weight = rv_empty_n(gradient->dtype, gradient->ndim, gradient->shape);
            rv_tensor *part = rv_minimizer_part(weights->storage, from, 1, p);
            if (weight == NULL || part == NULL || rv_copy_into(weight, part) == NULL)
                return false;
            o->gradients[o->count] = gradient;
            o->weights[o->count++] = weight;
        }
        from += p->numel;
    }
    return true;
}

/* numbers = H numbers, without scale or sign. */
static bool multiply(rv_minimizer_run *run, rv_tensor *numbers, operands *o)
{
    RV_NO_GRAD;
    if (!weigh(run, numbers, o))
        return false;
    if (o->count == 0)
        return rv_minimizer_write(run, NULL, numbers->storage, (double *)numbers->data, 1);
    rv_tensor **products =
        rv_gradients(o->gradients, o->count, o->parameters, o->learned, .gradients = o->weights,
                     .retain_graph = true, .allow_unused = true);
    return products != NULL &&
           rv_minimizer_write(run, products, numbers->storage, (double *)numbers->data, 1);
}

static bool find_product(rv_minimizer_run *run, const double *v, double *out)
{
    RV_SCOPE;
    const int64_t n = run->view.n;
    const size_t bytes = 3 * bytes_of(run);
    rv_tensor *numbers = rv_empty_n(RV_F64, 1, &n);
    rv_tensor **arrays = numbers != NULL ? rv_memory_get(who, bytes) : NULL;
    if (arrays == NULL)
        return false;
    const double scale = rv_vector_unit(n, v);
    rv_vector_scale(n, scale, v, (double *)numbers->data);
    operands o = {.parameters = arrays,
                  .gradients = arrays + run->opt->count,
                  .weights = arrays + 2 * run->opt->count};
    const bool done = multiply(run, numbers, &o);
    rv_memory_put(arrays, bytes);
    const double sign = run->opt->groups[0].common.maximize ? -1 : 1;
    if (done)
        rv_vector_scale(n, sign / scale, (const double *)numbers->data, out);
    return done && rv_error_status() == RV_OK;
}

bool rv_minimizer_hessian_product(rv_minimizer *m, const double *v, double *out)
{
    if (m == NULL || v == NULL || out == NULL)
        return rv_fail(RV_ERROR_NULL, who, "%s is NULL",
                       m == NULL   ? "the minimizer"
                       : v == NULL ? "v"
                                   : "out");
    if (!need_graph(m->run))
        return false;
    m->run->products++;
    if (find_product(m->run, v, out))
        return true;
    m->run->is_failed = true;
    return false;
}

/* ---- the matrix ------------------------------------------------------------------------------ */

bool rv_minimizer_hessian(rv_minimizer *m, double *matrix)
{
    if (m == NULL || matrix == NULL)
        return rv_fail(RV_ERROR_NULL, who, "%s is NULL", m == NULL ? "the minimizer" : "matrix");
    const int64_t n = m->n;
    memset(matrix, 0, (size_t)n * (size_t)n * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        double *row = matrix + i * n;
        row[i] = 1;
        if (!rv_minimizer_hessian_product(m, row, row))
            return false;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            matrix[i * n + j] = matrix[j * n + i] = 0.5 * (matrix[i * n + j] + matrix[j * n + i]);
    return true;
}
