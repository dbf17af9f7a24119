/* custom_optimizer: an optimizer of one's own, written with what the library's are written with.
 *
 * It is AdaBelief (Zhuang et al. 2020): Adam, but steps are scaled by how far gradients are from
 * what their running mean foretold. It learns two spirals beside Adam; then it is stopped, saved,
 * and loaded into another one, which goes on as if nothing had happened.
 */
#include <stdio.h>
#include <tgmath.h> /* sqrt of float and of double */

#include <ravine.h>

/* ---- the optimizer --------------------------------------------------------------------------- */

typedef struct adabelief_options {
    RV_OPTIM_COMMON; /* parameters, lr, weight_decay, ... */
    double betas[2]; /* each >= 0 and < 1 */
    double eps;      /* > 0 */
} adabelief_options;

static bool adabelief_validate(const void *options)
{
    const adabelief_options *o = options;
    return rv_optim_check_fraction("adabelief", "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction("adabelief", "betas[1]", o->betas[1]) &&
           rv_optim_check_above("adabelief", "eps", o->eps, 0);
}

/* What is the same for all elements: the corrections of means that begin at 0. */
static void adabelief_prepare(rv_optim_prepare *p)
{
    const adabelief_options *o = p->options;
    p->factors[0] = p->lr / (1 - pow(o->betas[0], (double)p->step));
    p->factors[1] = 1 / (1 - pow(o->betas[1], (double)p->step));
}

RV_OPTIM_ELEMENTS(adabelief_update, {
    const adabelief_options *o = e->options;
    const real beta1 = (real)o->betas[0], beta2 = (real)o->betas[1], eps = (real)o->eps;
    const real rate = (real)e->factors[0], correction = (real)e->factors[1];
    const real *g = e->gradient;
    real *p = e->parameter, *m = e->state[0], *s = e->state[1];
    for (int64_t i = 0; i < e->count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        const real surprise = g[i] - m[i];
        s[i] = beta2 * s[i] + (1 - beta2) * surprise * surprise + eps;
        p[i] -= rate * m[i] / (sqrt(s[i] * correction) + eps);
    }
})

static const rv_optim_class adabelief_class = {.name = "adabelief",
                                               .options_size = sizeof(adabelief_options),
                                               .momentum_offset =
                                                   offsetof(adabelief_options, betas),
                                               .state_count = 2,
                                               .state_names = {"exp_avg", "exp_avg_var"},
                                               .validate = adabelief_validate,
                                               .prepare = adabelief_prepare,
                                               .update_elements = adabelief_update};

static rv_optim *adabelief_with(const adabelief_options *options)
{
    return rv_optim_new(&adabelief_class, options);
}

/* With defaults, as the library's: adabelief(rv_parameters(net), .lr = 0.01). */
#define adabelief(...)                                                                             \
    RV_OPTIONS(adabelief_with, adabelief_options, .lr = 1e-3, .betas = {0.9, 0.999}, .eps = 1e-16, \
               .parameters = __VA_ARGS__)

/* ---- used ------------------------------------------------------------------------------------ */

enum { POINTS = 200, STEPS = 300 };

/* Two spirals, one inside the other: coordinates [POINTS, 2], and which of the two [POINTS]. */
typedef struct task {
    rv_tensor *x, *label;
} task;

static task spirals(void)
{
    const task t = {rv_empty(RV_F64, POINTS, 2), rv_empty(RV_I64, POINTS)};
    double *x = rv_data(t.x);
    int64_t *label = rv_data(t.label);
    for (int i = 0; i < POINTS; i++) {
        const double turn = 0.5 + 5.0 * i / POINTS, half = i % 2 * 3.14159265358979;
        x[2 * i] = 0.2 * turn * cos(turn + half);
        x[2 * i + 1] = 0.2 * turn * sin(turn + half);
        label[i] = i % 2;
    }
    return t;
}

static rv_layer *make_net(void)
{
    rv_seed(7);
    return rv_layer_sequential(rv_layer_linear(2, 32, .dtype = RV_F64), rv_layer_tanh(),
                               rv_layer_linear(32, 32, .dtype = RV_F64), rv_layer_tanh(),
                               rv_layer_linear(32, 2, .dtype = RV_F64));
}

/* Makes some steps, and returns the loss before the last one. */
static double train(rv_layer *net, rv_optim *opt, const task *t, int steps)
{
    double last = 0;
    for (int i = 0; i < steps; i++) {
        RV_SCOPE;
        rv_tensor *loss = rv_cross_entropy(rv_forward(net, t->x), t->label);
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        rv_optim_step(opt);
        last = rv_item(loss);
    }
    return last;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "custom_optimizer.safetensors";
    rv_on_error(rv_error_exit);
    const task t = spirals();

    rv_layer *by_adam = make_net(), *net = make_net(), *other = make_net();
    rv_optim *adam = rv_optim_adam(rv_parameters(by_adam), .lr = 0.01);
    rv_optim *opt = adabelief(rv_parameters(net), .lr = 0.01);
    rv_optim *resumed = adabelief(rv_parameters(other), .lr = 0.01);
    printf("two spirals, %d steps of the whole batch:\n", STEPS);
    printf("  adam       loss %.6f\n", train(by_adam, adam, &t, STEPS));

    train(net, opt, &t, STEPS / 2);
    rv_save(path, net, opt);
    rv_load(path, other, resumed);
    const double loss = train(net, opt, &t, STEPS / 2);
    const double again = train(other, resumed, &t, STEPS / 2);
    printf("  adabelief  loss %.6f\n", loss);
    const bool same = loss == again && rv_equal(rv_forward(net, t.x), rv_forward(other, t.x));
    printf("stopped after %d steps, saved to %s, and resumed: %s\n", STEPS / 2, path,
           same ? "the same, bit for bit" : "not the same");

    rv_optim_free(resumed);
    rv_optim_free(opt);
    rv_optim_free(adam);
    rv_layer_free(other);
    rv_layer_free(net);
    rv_layer_free(by_adam);
    rv_finish();
    return same ? 0 : 1;
}
