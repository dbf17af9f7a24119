/* by_name.c - a table of optimizers: what each is called, and how it is made from the few options
 * that a command line has. */
#include "optim/by_name.h"

#include <math.h>
#include <string.h>

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

static const method *find(const char *who, const char *name)
{
    static const method methods[] = {
#define METHOD(name, lr) {#name, lr, make_##name},
        RV_OPTIM_NAMES(METHOD)
#undef METHOD
    };
    if (name == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the name is NULL; expected one of %s",
                            rv_optim_names());
    for (int i = 0; i < RV_COUNT(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return rv_fail_null(RV_ERROR_ARGUMENT, who, "there is no optimizer %s; expected one of %s",
                        name, rv_optim_names());
}

const char *rv_optim_names(void)
{
#define NAME(name, lr) ", " #name
    static const char names[] = RV_OPTIM_NAMES(NAME);
#undef NAME
    return names + 2;
}

double rv_optim_name_lr(const char *name)
{
    const method *m = find("optim_name_lr", name);
    return m == NULL ? (double)NAN : m->lr;
}

rv_optim *rv_optim_by_name_with(const rv_optim_by_name_options *options)
{
    const char *who = "optim_by_name";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    const method *m = find(who, options->name);
    if (m == NULL)
        return NULL;
    rv_optim_by_name_options o = *options;
    o.lr = given(o.lr, m->lr);
    return m->make(&o);
}
