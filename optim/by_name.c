/* by_name.c - a table of optimizers: what each is called, and how it is made from the few options
 * that a command line has. */
#include "optim/by_name.h"

#include <string.h>

#include "optim/optim_methods.h"

/* An option, or what the method has if it was left out. */
static double given(double value, double otherwise)
{
    return value == RV_BY_NAME_DEFAULT ? otherwise : value;
}

/* ---- how each is made: `o` has a learning rate here ------------------------------------------ */

static rv_optim *make_sgd(const rv_optim_by_name_options *o)
{
    return rv_optim_sgd(o->parameters, .lr = o->lr, .momentum = given(o->momentum, 0),
                        .weight_decay = given(o->weight_decay, 0));
}

static rv_optim *make_momentum(const rv_optim_by_name_options *o)
{
    return rv_optim_sgd(o->parameters, .lr = o->lr, .momentum = given(o->momentum, 0.9),
                        .weight_decay = given(o->weight_decay, 0));
}

static rv_optim *make_nesterov(const rv_optim_by_name_options *o)
{
    return rv_optim_sgd(o->parameters, .lr = o->lr, .momentum = given(o->momentum, 0.9),
                        .nesterov = true, .weight_decay = given(o->weight_decay, 0));
}

static rv_optim *make_adam(const rv_optim_by_name_options *o)
{
    return rv_optim_adam(o->parameters, .lr = o->lr, .betas = {given(o->momentum, 0.9), 0.999},
                         .weight_decay = given(o->weight_decay, 0));
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct method {
    const char *name;
    double lr;
    rv_optim *(*make)(const rv_optim_by_name_options *o);
} method;

static const method methods[] = {
#define METHOD(name, lr) {#name, lr, make_##name},
    RV_OPTIM_NAMES(METHOD)
#undef METHOD
};

const char *const *rv_optim_names(void)
{
    static const char *const names[] = {
#define NAME(name, lr) #name,
        RV_OPTIM_NAMES(NAME)
#undef NAME
            NULL};
    return names;
}

rv_optim *rv_optim_by_name_with(const rv_optim_by_name_options *options)
{
    const char *who = "optim_by_name";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (options->name == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the name is NULL");
    for (int i = 0; i < RV_COUNT(methods); i++)
        if (strcmp(methods[i].name, options->name) == 0) {
            rv_optim_by_name_options o = *options;
            o.lr = given(o.lr, methods[i].lr);
            return methods[i].make(&o);
        }
#define NAME(name, lr) " " #name
    return rv_fail_null(RV_ERROR_ARGUMENT, who,
                        "there is no %s; expected one of" RV_OPTIM_NAMES(NAME), options->name);
#undef NAME
}
