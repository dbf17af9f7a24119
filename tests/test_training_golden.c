/* test_training_golden.c - 200 training steps of a small network against PyTorch's, in double: the
 * loss at every step and all parameters after steps 1, 10 and 200 (golden/training.py). */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

#define STEPS 200
#define BATCH 8
#define TOLERANCE 1e-10 /* of the golden number itself */

typedef enum golden_case { SGD_NESTEROV, SGD_ALL, ADAM, ADAM_DECAY, CASE_COUNT } golden_case;
static const char *const case_names[] = {"sgd_nesterov", "sgd_all", "adam", "adam_decay"};
static const char *const parameter_names[] = {"0.weight", "0.bias",   "2.weight",
                                              "2.bias",   "4.weight", "4.bias"};

static rv_optim *make_optim(golden_case which, rv_tensors parameters)
{
    switch (which) {
    case SGD_NESTEROV:
        return rv_optim_sgd(parameters, .lr = 0.05, .momentum = 0.9, .nesterov = true);
    case SGD_ALL:
        return rv_optim_sgd(parameters, .lr = 0.1, .momentum = 0.8, .dampening = 0.3,
                            .weight_decay = 0.01);
    case ADAM: return rv_optim_adam(parameters, .lr = 0.01);
    case ADAM_DECAY:
        return rv_optim_adam(parameters, .lr = 0.02, .betas = {0.8, 0.99}, .eps = 1e-6,
                             .weight_decay = 0.05);
    default: return NULL;
    }
}

static rv_layer *make_net(const golden *g)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_sequential(rv_layer_linear(6, 8, .dtype = RV_F64), rv_layer_tanh(),
                                        rv_layer_linear(8, 5, .dtype = RV_F64), rv_layer_relu(),
                                        rv_layer_linear(5, 3, .dtype = RV_F64));
    for (int i = 0; i < RV_COUNT(parameter_names); i++) {
        RV_NO_GRAD;
        rv_copy_into(rv_layer_parameter(net, parameter_names[i]),
                     golden_tensor(g, "start.%s", parameter_names[i]));
    }
    return net;
}

/* Whether each element of got is the wanted one to within TOLERANCE of that. */
static bool agrees(const rv_tensor *got, const rv_tensor *want, const char *what, int step)
{
    cr_assert(got != NULL && want != NULL && got->numel == want->numel, "%s, step %d", what, step);
    for (int64_t i = 0; i < want->numel; i++) {
        if (fabs(at(got, i) - at(want, i)) <= TOLERANCE * fabs(at(want, i)))
            continue;
        fprintf(stderr, "%s, step %d, element %lld: %.17g, expected %.17g\n", what, step,
                (long long)i, at(got, i), at(want, i));
        return false;
    }
    return true;
}

static rv_tensor *next_batch(rv_tensor *all, int64_t first)
{
    return rv_slice(all, .start = first, .stop = first + BATCH);
}

static int cases[] = {SGD_NESTEROV, SGD_ALL, ADAM, ADAM_DECAY};
ParameterizedTestParameters(training, steps_are_pytorchs)
{
    return cr_make_param_array(int, cases, CASE_COUNT);
}
ParameterizedTest(int *which, training, steps_are_pytorchs)
{
    RV_SCOPE;
    const char *name = case_names[*which];
    golden *g = golden_open("training.safetensors");
    cr_assert_not_null(g);
    rv_tensor *x = golden_tensor(g, "x"), *labels = golden_tensor(g, "labels");
    const rv_tensor *losses = golden_tensor(g, "%s.loss", name);
    cr_assert(x != NULL && labels != NULL && losses != NULL && losses->numel == STEPS);

    rv_layer *net = make_net(g);
    rv_optim *opt = make_optim((golden_case)*which, rv_parameters(net));
    int64_t first = 0;
    int compared = 0;
    for (int step = 1; step <= STEPS; step++) {
        RV_SCOPE;
        rv_tensor *loss =
            rv_cross_entropy(rv_forward(net, next_batch(x, first)), next_batch(labels, first));
        first = first + BATCH < x->shape[0] ? first + BATCH : 0;
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        cr_assert(rv_optim_step(opt), "step %d: %s", step, rv_error());

        const double want = at(losses, step - 1);
        cr_assert(fabs(rv_item(loss) - want) <= TOLERANCE * want, "%s: loss %.17g, expected %.17g",
                  name, rv_item(loss), want);
        if (step != 1 && step != 10 && step != 200)
            continue;
        for (int i = 0; i < RV_COUNT(parameter_names); i++) {
            const rv_tensor *parameter = rv_layer_parameter(net, parameter_names[i]);
            const rv_tensor *golden_one =
                golden_tensor(g, "%s.%d.%s", name, step, parameter_names[i]);
            cr_expect(agrees(parameter, golden_one, parameter_names[i], step), "%s", name);
            compared++;
        }
    }
    cr_expect_eq(compared, 3 * RV_COUNT(parameter_names));
    cr_expect(no_error());
    rv_optim_free(opt);
    rv_layer_free(net);
    golden_close(g);
}
