/* by_name.h - optimizers by name, for command lines and searches.
 *
 *     rv_optim *opt = rv_optim_by_name("nadam", rv_parameters(net));
 *     rv_optim *opt = rv_optim_by_name("sgd", rv_parameters(net), .lr = 0.05, .momentum = 0.9);
 *
 * A script that knows which optimizer it wants calls that one's own function: it takes all options.
 * What is left out here has the method's own default, except the learning rate: each name brings
 * one with which a small network learns in a few epochs, where PyTorch's default need not.
 */
#ifndef RV_OPTIM_BY_NAME_H
#define RV_OPTIM_BY_NAME_H

#include "optim/optim.h"

RV_BEGIN_C

/* Every name: X(name, learning rate if none is given). The rates are for mini-batches of some
 * hundred samples; tests/by_name.sh shows what each reaches on MNIST. */
#define RV_OPTIM_NAMES(X) \
    X(sgd, 0.1)           \
    X(momentum, 0.1)      \
    X(nesterov, 0.1)      \
    X(adam, 1e-3)

/* The value of an option that is left out: what the method itself has as a default. */
#define RV_BY_NAME_DEFAULT (-1e300)

typedef struct rv_optim_by_name_options {
    const char *name; /* one of RV_OPTIM_NAMES */
    rv_tensors parameters;
    double lr;           /* default: the one of RV_OPTIM_NAMES */
    double momentum;     /* default: the method's; of methods with betas the first of these */
    double weight_decay; /* default: the method's */
} rv_optim_by_name_options;

/* rv_optim_by_name(name, parameters): the optimizer of that name: "momentum" and "nesterov" are SGD
 * with a momentum of 0.9. NULL with an error for a name that there is not (the message lists all),
 * an option that the method does not have or that is out of its range, and whatever the method's
 * own function refuses. */
#define rv_optim_by_name(name_, ...)                                                      \
    RV_OPTIONS(rv_optim_by_name_with, rv_optim_by_name_options, .lr = RV_BY_NAME_DEFAULT, \
               .momentum = RV_BY_NAME_DEFAULT, .weight_decay = RV_BY_NAME_DEFAULT,        \
               .name = (name_), .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_by_name_with(const rv_optim_by_name_options *options);

/* All names, NULL behind the last. */
RV_API const char *const *rv_optim_names(void);

RV_END_C

#endif
