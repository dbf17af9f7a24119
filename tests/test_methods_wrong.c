/* test_methods_wrong.c - every option of the methods out of its range is an error that names it,
 * and nothing is held or changed. (What all methods share, and SGD and Adam: test_optim_wrong.c.)
 */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

#define NOT_A_NUMBER ((double)NAN)
#define INFINITE ((double)INFINITY)

#define FAILS(call, status, part)                     \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)
#define BAD(part, method, ...) FAILS(rv_optim_##method(p, __VA_ARGS__), ARGUMENT, "optim_" part)

/* What every method has. */
#define BAD_COMMON(method)                                              \
    do {                                                                \
        BAD(#method ": lr is 0", method, .lr = 0);                      \
        BAD(#method ": lr is -1", method, .lr = -1);                    \
        BAD(#method ": lr is ", method, .lr = NOT_A_NUMBER);            \
        BAD(#method ": lr is inf", method, .lr = INFINITE);             \
        BAD(#method ": ", method, .weight_decay = -0.5);                \
        BAD(#method ": ", method, .weight_decay = NOT_A_NUMBER);        \
        BAD(#method ": ", method, .l1_decay = -1);                      \
        BAD(#method ": ", method, .nonfinite = (rv_optim_nonfinite)7);  \
        FAILS(rv_optim_##method##_with(NULL), NULL, "optim_" #method);  \
        FAILS(rv_optim_##method((rv_tensors){.items = NULL}), ARGUMENT, \
              "optim_" #method ": there are no parameters");            \
    } while (0)

#define BAD_FRACTION(method, index)                                                   \
    do {                                                                              \
        double wrong[] = {1, -0.1, NOT_A_NUMBER, INFINITE};                           \
        for (int i = 0; i < RV_COUNT(wrong); i++) {                                   \
            const double first = index == 0 ? wrong[i] : 0.9,                         \
                         second = index == 1 ? wrong[i] : 0.9;                        \
            BAD(#method ": betas[" #index "] is ", method, .betas = {first, second}); \
        }                                                                             \
    } while (0)

/* An option that must be >= 0. */
#define BAD_LEAST(method, option)                                         \
    do {                                                                  \
        BAD(#method ": " #option " is -1", method, .option = -1);         \
        BAD(#method ": " #option " is ", method, .option = NOT_A_NUMBER); \
        BAD(#method ": " #option " is inf", method, .option = INFINITE);  \
    } while (0)

static rv_tensor *matrix(void)
{
    return rv_require_grad(waves(2, 3, 1));
}

Test(methods_wrong, options)
{
    RV_SCOPE;
    rv_tensor *t = matrix();
    const rv_tensors p = RV_TENSORS(t);
    BAD_COMMON(adagrad);
    BAD_LEAST(adagrad, lr_decay);
    BAD_LEAST(adagrad, initial_accumulator_value);
    BAD_LEAST(adagrad, eps);
    BAD_COMMON(adadelta);
    BAD_LEAST(adadelta, eps);
    BAD("adadelta: rho is 1.5; >= 0 and <= 1", adadelta, .rho = 1.5);
    BAD("adadelta: rho is -0.5", adadelta, .rho = -0.5);
    BAD("adadelta: rho is ", adadelta, .rho = NOT_A_NUMBER);
    BAD_COMMON(rmsprop);
    BAD_LEAST(rmsprop, eps);
    BAD_LEAST(rmsprop, momentum);
    BAD("rmsprop: alpha is 1", rmsprop, .alpha = 1);
    BAD("rmsprop: alpha is -0.1", rmsprop, .alpha = -0.1);
    BAD("rmsprop: alpha is ", rmsprop, .alpha = NOT_A_NUMBER);
    BAD_COMMON(adamax);
    BAD_FRACTION(adamax, 0);
    BAD_FRACTION(adamax, 1);
    BAD_LEAST(adamax, eps);
    BAD_COMMON(nadam);
    BAD_FRACTION(nadam, 0);
    BAD_FRACTION(nadam, 1);
    BAD_LEAST(nadam, eps);
    BAD_LEAST(nadam, momentum_decay);
    BAD_COMMON(radam);
    BAD_FRACTION(radam, 0);
    BAD_FRACTION(radam, 1);
    BAD_LEAST(radam, eps);
    BAD_COMMON(asgd);
    BAD_LEAST(asgd, lambd);
    BAD_LEAST(asgd, alpha);
    BAD_LEAST(asgd, t0);
    BAD_COMMON(lion);
    BAD_FRACTION(lion, 0);
    BAD_FRACTION(lion, 1);
    cr_expect_eq(t->object.references, 1, "nothing holds it");
    cr_expect(no_error());
}

Test(methods_wrong, rprop)
{
    RV_SCOPE;
    rv_tensor *t = matrix();
    const rv_tensors p = RV_TENSORS(t);
    BAD_COMMON(rprop);
    BAD("rprop: etas[0] is 0; > 0 and < 1", rprop, .etas = {0, 1.2});
    BAD("rprop: etas[0] is 1", rprop, .etas = {1, 1.2});
    BAD("rprop: etas[0] is ", rprop, .etas = {NOT_A_NUMBER, 1.2});
    BAD("rprop: etas[1] is 1", rprop, .etas = {0.5, 1});
    BAD("rprop: etas[1] is ", rprop, .etas = {0.5, NOT_A_NUMBER});
    BAD("rprop: etas[1] is inf", rprop, .etas = {0.5, INFINITE});
    BAD("rprop: step_sizes[0] is -1", rprop, .step_sizes = {-1, 50});
    BAD("rprop: step_sizes[1] is inf", rprop, .step_sizes = {1e-6, INFINITE});
    BAD("rprop: step_sizes are 2 and 1; the least and the largest", rprop, .step_sizes = {2, 1});
    BAD("rprop: step_sizes are ", rprop, .step_sizes = {NOT_A_NUMBER, 1});
    BAD("rprop: ", rprop, .weight_decay = 0.1);
    BAD("rprop: ", rprop, .l1_decay = 0.1);
    BAD("rprop: ", rprop, .decoupled = true);
    cr_expect_eq(t->object.references, 1, "nothing holds it");
    cr_expect(no_error());
}

Test(methods_wrong, muon)
{
    RV_SCOPE;
    rv_tensor *t = matrix();
    const rv_tensors p = RV_TENSORS(t);
    BAD_COMMON(muon);
    BAD("muon: momentum is 1", muon, .momentum = 1);
    BAD("muon: momentum is -0.1", muon, .momentum = -0.1);
    BAD("muon: momentum is ", muon, .momentum = NOT_A_NUMBER);
    BAD("muon: eps is 0", muon, .eps = 0);
    BAD("muon: eps is ", muon, .eps = NOT_A_NUMBER);
    BAD("muon: ns_steps is -1; 0 to 99", muon, .ns_steps = -1);
    BAD("muon: ns_steps is 100", muon, .ns_steps = 100);
    BAD("muon: ns_coefficients[0] is ", muon, .ns_coefficients = {NOT_A_NUMBER, 1, 1});
    BAD("muon: ns_coefficients[2] is inf", muon, .ns_coefficients = {1, 1, INFINITE});
    BAD("muon: adjust_lr is 2", muon, .adjust_lr = RV_MUON_ADJUST_LR_COUNT);
    BAD("muon: adjust_lr is -1", muon, .adjust_lr = (rv_muon_adjust_lr)-1);
    rv_tensor *bias = rv_require_grad(VECTOR(1, 2)),
              *kernel = rv_require_grad(rv_ones(RV_F32, 2, 3, 3));
    FAILS(rv_optim_muon(RV_TENSORS(t, bias)), SHAPE, "only matrices are taken");
    FAILS(rv_optim_muon(RV_TENSORS(kernel, t)), SHAPE, "[2,3,3]; only matrices are taken");
    rv_optim *opt = rv_optim_muon(p);
    FAILS(rv_optim_muon(RV_TENSORS(bias), .join = opt), SHAPE, "only matrices are taken");
    cr_expect_eq(rv_optim_groups(opt), 1);
    rv_optim_free(opt);
    cr_expect_eq(t->object.references, 1, "nothing holds it");
    cr_expect_eq(bias->object.references, 1);
    cr_expect(no_error());
}
