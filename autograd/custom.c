/* custom.c - a descriptor made at run time: it stands in one block with the context, which the node
 * owns, and goes with the node. */

#include "autograd/custom.h"

#include <string.h>

#include "core/memory.h"

typedef struct custom {
    rv_op op;
    char name[64];
    rv_derivative_function *derivative;
    void *context;
    void (*release)(void *context);
} custom;

static void custom_free(custom *c)
{
    if (c->release != NULL)
        c->release(c->context);
    rv_memory_put(c, sizeof *c);
}

/* A node's attributes are the address of its custom. */
static void release_attributes(void *attributes)
{
    custom_free(*(custom **)attributes);
}

static void derivative(rv_derivative *d)
{
    const custom *c = *(custom *const *)d->attributes;
    rv_derivative inner = *d;
    inner.attributes = NULL;
    inner.context = c->context;
    c->derivative(&inner);
}

static custom *custom_new(const rv_custom_options *o)
{
    custom *c = rv_memory_get("custom", sizeof *c);
    if (c == NULL)
        return NULL;
    memset(c, 0, sizeof *c);
    strncpy(c->name, o->name, sizeof c->name - 1);
    c->derivative = o->derivative;
    c->context = o->context;
    c->release = o->release;
    c->op = (rv_op){.name = c->name,
                    .id = RV_OP_ID_custom,
                    .arity = o->count,
                    .saves = o->saves,
                    .derivative = o->derivative != NULL ? derivative : RV_NOT_DIFFERENTIABLE,
                    .release = release_attributes};
    return c;
}

static bool check_custom(const rv_custom_options *o)
{
    if (o->name == NULL)
        return rv_fail(RV_ERROR_NULL, "custom", "the name is NULL");
    if (o->forward == NULL)
        return rv_fail(RV_ERROR_NULL, o->name, "the forward function is NULL");
    if (o->count < 1)
        return rv_fail(RV_ERROR_ARGUMENT, o->name, "%d inputs, expected 1 or more", o->count);
    if (o->inputs == NULL)
        return rv_fail(RV_ERROR_NULL, o->name, "inputs is NULL, expected %d tensors", o->count);
    for (int i = 0; i < o->count; i++)
        if (!rv_check(o->name, i, o->inputs[i]))
            return false;
    return true;
}

/* The forward function's result, as a tensor that nobody else holds. */
static rv_tensor *call_forward(const rv_custom_options *o)
{
    RV_NO_GRAD;
    rv_tensor *y = o->forward((rv_tensor **)o->inputs, o->context);
    if (y == NULL && rv_error_status() == RV_OK)
        return rv_fail_null(RV_ERROR_NULL, o->name,
                            "its forward function returned NULL without an error");
    return y != NULL && rv_check(o->name, o->count, y) ? rv_detach(y) : NULL;
}

static rv_tensor *run(const rv_custom_options *o, custom *c)
{
    RV_SCOPE;
    rv_tensor *y = call_forward(o);
    return rv_keep(rv_record(&c->op, y, o->count, o->inputs, &c, sizeof c));
}

rv_tensor *rv_custom_with(const rv_custom_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "custom", "the options are NULL");
    custom *c = check_custom(options) ? custom_new(options) : NULL;
    if (c == NULL) {
        if (options->release != NULL)
            options->release(options->context);
        return NULL;
    }
    rv_tensor *y = run(options, c);
    if (y == NULL || y->node == NULL) /* no node owns it */
        custom_free(c);
    return y;
}
