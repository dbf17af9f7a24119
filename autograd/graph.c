/* graph.c - backward and gradients: a walk from what is differentiated to where gradients are
 * wanted, and nothing changed before the walk succeeded. */

#include "autograd/graph.h"

#include "autograd/hook_list.h"
#include "autograd/operations.h"
#include "autograd/walk.h"

/* ---- the gradient that is kept -------------------------------------------------------------- */

/* Where a node keeps the gradient of an output: a leaf's always is, another's if rv_retain_grad
 * asked for it; NULL where it is not. */
static rv_tensor **place_of(rv_node *node, int output)
{
    if (node->op == NULL)
        return node->is_alone ? NULL : &node->grad;
    return node->hooks != NULL ? rv_hooks_kept(node, output) : NULL;
}

static rv_tensor **place_for(const rv_tensor *t)
{
    return t != NULL && t->node != NULL ? place_of(rv_node_of(t), t->node_output) : NULL;
}

rv_tensor *rv_grad(const rv_tensor *t)
{
    rv_tensor **place = place_for(t);
    return place != NULL ? *place : NULL;
}

/* Puts `grad` (held from now on) in place of the old one. */
static void put_grad(rv_tensor **place, rv_tensor *grad)
{
    rv_tensor *old = *place;
    *place = rv_retain(grad);
    rv_release(old);
}

/* Whether g can be a gradient of t: of its dtype and shape. */
static bool has_form(const char *who, const rv_tensor *t, const rv_tensor *g)
{
    if (g->dtype != t->dtype)
        return rv_fail(RV_ERROR_DTYPE, who, "a gradient of %s was given for a tensor of %s",
                       rv_dtype_name(g->dtype), rv_dtype_name(t->dtype));
    if (!rv_same_shape(g, t))
        return rv_fail(RV_ERROR_SHAPE, who, "a gradient of shape %s was given for a tensor of %s",
                       RV_SHAPE_OF(g), RV_SHAPE_OF(t));
    return true;
}

bool rv_set_grad(rv_tensor *t, rv_tensor *g)
{
    const char *who = "set_grad";
    if (!rv_check(who, 0, t))
        return false;
    rv_tensor **place = place_for(t);
    if (place == NULL)
        return rv_fail(RV_ERROR_GRAPH, who,
                       "the tensor is no leaf (rv_require_grad makes it one), and its gradient is "
                       "not kept otherwise (rv_retain_grad)");
    if (g != NULL && !(rv_check(who, 1, g) && has_form(who, t, g)))
        return false;
    put_grad(place, g);
    return true;
}

bool rv_zero_grad(rv_tensor *t)
{
    return rv_set_grad(t, NULL);
}

rv_tensor *rv_detach(rv_tensor *t)
{
    if (!rv_check("detach", 0, t))
        return NULL;
    return rv_raw_view("detach", t->storage, t->data, t->dtype, t->ndim, t->shape, t->strides);
}

void rv_recording_restore(bool *was)
{
    rv_set_recording(*was);
}

/* ---- roots ---------------------------------------------------------------------------------- */

/* The gradient that y itself starts with: what the caller gave, or 1. */
static rv_tensor *seed(const char *who, const rv_tensor *y, rv_tensor *given)
{
    if (given == NULL) {
        if (y->numel == 1)
            return rv_ones_n(y->dtype, y->ndim, y->shape);
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "%s has %lld elements: without a gradient given it must have 1",
                            RV_SHAPE_OF(y), (long long)y->numel);
    }
    return rv_check(who, 1, given) && has_form(who, y, given) ? given : NULL;
}

static bool add_root(rv_graph_walk *walk, const rv_tensor *y, rv_tensor *given, bool leaves)
{
    if (!rv_check(walk->who, 0, y))
        return false;
    if (y->node == NULL)
        return rv_fail(RV_ERROR_GRAPH, walk->who,
                       "%s was not computed from a tensor that requires a gradient, or not while "
                       "recording",
                       RV_SHAPE_OF(y));
    const int64_t visit = rv_graph_visit(walk, rv_node_of(y));
    return visit >= 0 && rv_graph_explore(walk, visit, leaves) &&
           (given = seed(walk->who, y, given)) != NULL &&
           rv_graph_add(walk, walk->who, visit, y->node_output, given);
}

/* ---- backward ------------------------------------------------------------------------------- */

/* A gradient that a leaf can keep: with memory of its own. */
static rv_tensor *settle(const rv_graph_walk *walk, rv_tensor *g, rv_tensor *old)
{
    if (old != NULL)
        return rv_add(old, g);
    const bool is_shared = g->object.references > 1 || g->storage->references > 1;
    if (!walk->create_graph && (is_shared || !rv_is_contiguous(g)))
        return rv_raw_copy(walk->who, g);
    return g;
}

/* Makes the new gradients of a node's outputs that are to be kept; they take the place of those of
 * the walk. */
static bool settle_node(rv_graph_walk *walk, const rv_visit *visit)
{
    for (int i = 0; i < visit->node->outputs; i++) {
        rv_tensor **g = &walk->grads[visit->grads + i];
        rv_tensor **place = *g != NULL ? place_of(visit->node, i) : NULL;
        if (place == NULL)
            continue;
        rv_tensor *settled = settle(walk, *g, *place);
        if (settled == NULL)
            return false;
        rv_retain(settled);
        rv_release(*g);
        *g = settled;
    }
    return true;
}

static void put_node(rv_graph_walk *walk, const rv_visit *visit)
{
    for (int i = 0; i < visit->node->outputs; i++) {
        rv_tensor *g = walk->grads[visit->grads + i];
        rv_tensor **place = g != NULL ? place_of(visit->node, i) : NULL;
        if (place != NULL)
            put_grad(place, g);
    }
}

/* Makes every new gradient first, then puts them all in place. */
static bool commit(rv_graph_walk *walk)
{
    for (int64_t i = 0; i < walk->visit_count; i++) {
        const rv_node *node = walk->visits[i].node;
        if ((node->op == NULL || node->hooks != NULL) && !settle_node(walk, &walk->visits[i]))
            return false;
    }
    for (int64_t i = 0; i < walk->visit_count; i++) {
        const rv_node *node = walk->visits[i].node;
        if (node->op == NULL || node->hooks != NULL)
            put_node(walk, &walk->visits[i]);
    }
    return true;
}

bool rv_backward_with(const rv_backward_options *options)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, "backward", "the options are NULL");
    rv_graph_walk walk = {.who = "backward",
                          .create_graph = options->create_graph,
                          .retain_graph = options->retain_graph || options->create_graph};
    RV_SCOPE;
    const bool was_recording = rv_set_recording(options->create_graph);
    const bool done = add_root(&walk, options->of, options->gradient, true) &&
                      rv_graph_run(&walk) && commit(&walk);
    rv_set_recording(was_recording);
    rv_graph_end(&walk);
    return done;
}

/* ---- gradients ------------------------------------------------------------------------------ */

static bool mark_targets(rv_graph_walk *walk, int nx, rv_tensor *const *xs)
{
    for (int i = 0; i < nx; i++) {
        if (!rv_check(walk->who, i, xs[i]))
            return false;
        if (xs[i]->node == NULL)
            return rv_fail(RV_ERROR_GRAPH, walk->who, "x %d does not require a gradient", i);
        const int64_t visit = rv_graph_visit(walk, rv_node_of(xs[i]));
        if (visit < 0)
            return false;
        walk->visits[visit].target = true;
    }
    return true;
}

/* Moves the targets' gradients into `grads` and the innermost scope. */
static bool collect(rv_graph_walk *walk, const rv_gradients_options *options, rv_tensor **grads)
{
    for (int i = 0; i < options->nx; i++) {
        const rv_tensor *x = options->xs[i];
        const int64_t visit = rv_graph_visit(walk, rv_node_of(x));
        rv_tensor *g = walk->grads[walk->visits[visit].grads + x->node_output];
        if (g == NULL && !options->allow_unused)
            return rv_fail(RV_ERROR_GRAPH, walk->who,
                           "no y depends on x %d (.allow_unused = true gives NULL for it)", i);
        grads[i] = g;
    }
    for (int i = 0; i < options->nx; i++)
        if (grads[i] != NULL && rv_scope_own(rv_retain(grads[i])) == NULL)
            return false;
    return true;
}

static bool gradients(rv_graph_walk *walk, const rv_gradients_options *options)
{
    RV_SCOPE;
    if (!mark_targets(walk, options->nx, options->xs))
        return false;
    for (int i = 0; i < options->ny; i++)
        if (!add_root(walk, options->ys[i], options->gradients ? options->gradients[i] : NULL,
                      false))
            return false;
    return rv_graph_run(walk);
}

rv_tensor **rv_gradients_with(const rv_gradients_options *options)
{
    const char *who = "gradients";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (options->ny < 1 || options->nx < 1 || options->ys == NULL || options->xs == NULL)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d ys and %d xs; at least 1 of each is needed",
                            options->ny, options->nx);
    rv_tensor **grads = rv_graph_array(options->nx);
    if (grads == NULL)
        return NULL;
    rv_graph_walk walk = {.who = who,
                          .create_graph = options->create_graph,
                          .retain_graph = options->retain_graph || options->create_graph};
    const bool was_recording = rv_set_recording(options->create_graph);
    const bool done = gradients(&walk, options) && collect(&walk, options, grads);
    rv_set_recording(was_recording);
    rv_graph_end(&walk);
    return done ? grads : NULL;
}
