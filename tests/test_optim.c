/* test_optim.c - optimizers: their update rules against PyTorch's and against formulas written out,
 * what they leave alone, and those of a user's. What fails is in test_optim_wrong.c, saving and
 * resuming in test_optim_resume.c. */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* A leaf of these numbers. */
#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define SET_GRAD(p, ...) cr_assert(rv_set_grad((p), VECTOR(__VA_ARGS__)))

/* ---- trajectories ---------------------------------------------------------------------------- */

/* Rosenbrock's valley: (1 - x)^2 + 100 (y - x^2)^2, of p = (x, y). */
static rv_tensor *valley(rv_tensor *p)
{
    rv_tensor *x = rv_slice(p, .stop = 1), *y = rv_slice(p, .start = 1);
    rv_tensor *a = rv_add_scalar(rv_neg(x), 1), *b = rv_sub(y, rv_mul(x, x));
    return rv_sum(rv_add(rv_mul(a, a), rv_mul_scalar(rv_mul(b, b), 100)));
}

static bool step_on(rv_optim *opt, rv_tensor *p)
{
    RV_SCOPE;
    return rv_optim_zero_grad(opt) && rv_backward(valley(p)) && rv_optim_step(opt);
}

/* Ten steps from (-1.2, 1) in double, against PyTorch's (1.13.1). */
static void expect_trajectory(rv_optim *opt, rv_tensor *p, double x, double y)
{
    cr_assert_not_null(opt, "%s", rv_error());
    for (int i = 0; i < 10; i++)
        cr_assert(step_on(opt, p), "%s", rv_error());
    cr_expect(HOLDS(p, 1e-14, x, y));
    rv_optim_free(opt);
}
#define TRAJECTORY(x, y, make, ...)                                           \
    do {                                                                      \
        RV_SCOPE;                                                             \
        rv_tensor *p_ = LEAF(-1.2, 1);                                        \
        expect_trajectory(make(RV_TENSORS(p_), .lr = __VA_ARGS__), p_, x, y); \
    } while (0)

Test(optim, sgd_goes_pytorchs_way)
{
    TRAJECTORY(-1.02141133426975, 1.05126226737604, rv_optim_sgd, 0.001);
    TRAJECTORY(-0.813923231295306, 0.754867772222504, rv_optim_sgd, 0.001, .momentum = 0.9);
    TRAJECTORY(-0.756144475339639, 0.798020547497246, rv_optim_sgd, 0.001, .momentum = 0.9,
               .dampening = 0.1, .weight_decay = 0.01);
    TRAJECTORY(-0.879600461460486, 0.781393713801669, rv_optim_sgd, 0.001, .momentum = 0.9,
               .nesterov = true, .weight_decay = 0.01);
}

Test(optim, adam_goes_pytorchs_way)
{
    TRAJECTORY(-1.01499120693675, 1.15730897812336, rv_optim_adam, 0.05);
    TRAJECTORY(-1.01464914170483, 1.1565820360598, rv_optim_adam, 0.05, .weight_decay = 0.1);
}

/* The defaults, by formulas that name them. */
Test(optim, sgds_defaults)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, -2);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(p));
    cr_expect_eq(rv_optim_lr(opt), 1e-3);
    for (int i = 0; i < 3; i++) {
        SET_GRAD(p, 10, 20);
        cr_assert(rv_optim_step(opt));
    }
    cr_expect(HOLDS(p, 1e-15, 1 - 3 * 0.01, -2 - 3 * 0.02), "no momentum, no decay");
    cr_expect_eq(p->object.references, 2);
    rv_optim_free(opt);
    cr_expect_eq(p->object.references, 1);
}

Test(optim, adams_defaults)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, -2);
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p));
    cr_expect_eq(rv_optim_lr(opt), 1e-3);
    double m[2] = {0}, v[2] = {0}, x[2] = {1, -2};
    for (int t = 1; t <= 3; t++) {
        const double g[2] = {0.5 * t, -1e-7};
        SET_GRAD(p, g[0], g[1]);
        cr_assert(rv_optim_step(opt));
        for (int i = 0; i < 2; i++) {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            x[i] -= 1e-3 * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
        }
        cr_expect(HOLDS(p, 1e-14, x[0], x[1]));
    }
    rv_optim_free(opt);
}

/* ---- what is left alone ---------------------------------------------------------------------- */

Test(optim, without_a_gradient_nothing_happens)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1), *b = LEAF(2);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(a, b), .lr = 0.1, .momentum = 0.5, .weight_decay = 0.1);
    for (int i = 0; i < 3; i++) {
        SET_GRAD(a, 1);
        cr_assert(rv_optim_step(opt));
    }
    cr_expect(HOLDS(b, 0, 2), "no decay either");
    SET_GRAD(b, 10);
    cr_assert(rv_optim_zero_grad(opt));
    cr_expect(rv_grad(a) == NULL && rv_grad(b) == NULL);
    const double before = at(a, 0);
    SET_GRAD(b, 10);
    cr_assert(rv_optim_step(opt));
    cr_expect_eq(at(a, 0), before);
    cr_expect(HOLDS(b, 1e-15, 2 - 0.1 * (10 + 0.1 * 2)), "its first step: the buffer is g");
    cr_expect(no_error());
    rv_optim_free(opt);
}

Test(optim, the_learning_rate_can_change)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(p), .lr = 0.5);
    cr_expect_eq(rv_optim_lr(opt), 0.5);
    cr_expect(rv_optim_set_lr(opt, 0.25));
    cr_expect_eq(rv_optim_lr(opt), 0.25);
    SET_GRAD(p, 1);
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, 0.75));
    const double bad[] = {-1, (double)NAN, (double)INFINITY};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        cr_expect_not(rv_optim_set_lr(opt, bad[i]));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_set_lr: lr is "));
    }
    cr_expect_eq(rv_optim_lr(opt), 0.25);
    rv_optim_free(opt);
}

/* The optimizer holds what it updates. */
Test(optim, parameters_outlive_their_layer)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_linear(2, 1, .dtype = RV_F64);
    rv_tensor *weight = rv_layer_parameter(net, "weight");
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 1);
    rv_layer_free(net);
    const double before = at(weight, 1);
    cr_assert(rv_set_grad(weight, rv_full(3, RV_F64, 1, 2)));
    cr_expect(rv_optim_step(opt));
    cr_expect_eq(at(weight, 1), before - 3);
    cr_expect(no_error());
    rv_optim_free(opt);
}

/* A step is a change in place: a graph that needs the old value says so. */
Test(optim, a_step_is_seen_by_graphs)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2), *loss = rv_sum(rv_mul(p, p));
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p));
    SET_GRAD(p, 1, 1);
    cr_assert(rv_optim_step(opt));
    cr_expect_not(rv_backward(loss));
    cr_expect(error_is(RV_ERROR_CHANGED, "mul"));
    cr_expect(rv_recording(), "a step leaves recording as it was");
    rv_optim_free(opt);
}

/* ---- elements in any order of memory --------------------------------------------------------- */

/* Makes three steps with Adam on a copy of `values` that lies in memory in some way, with gradients
 * that do, and returns the result, row-major. */
static rv_tensor *adapted(rv_tensor *values, layout of_parameter, layout of_gradient)
{
    rv_tensor *p = rv_require_grad(laid_out(values, of_parameter));
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p), .lr = 0.1, .weight_decay = 0.1);
    for (int i = 0; i < 3; i++) {
        rv_tensor *g = rv_mul_scalar(values, i + 0.5);
        cr_assert(rv_set_grad(p, laid_out(g, of_gradient)) && rv_optim_step(opt));
    }
    rv_optim_free(opt);
    return rv_detach(p);
}

Test(optim, any_order_of_memory)
{
    RV_SCOPE;
    rv_tensor *values = rv_randn(RV_F64, 7, 5);
    const rv_tensor *expected = adapted(values, LAYOUT_PACKED, LAYOUT_PACKED);
    for (layout p = 0; p < LAYOUT_COUNT; p++)
        for (layout g = 0; g < LAYOUT_COUNT; g++)
            cr_expect(rv_equal(adapted(values, p, g), expected));
    cr_expect(no_error());
}

Test(optim, columns_of_one_matrix)
{
    RV_SCOPE;
    rv_tensor *whole = rv_zeros(RV_F64, 3, 4);
    rv_tensor *left = rv_require_grad(rv_slice(whole, .axis = 1, .stop = 2));
    rv_tensor *right = rv_require_grad(rv_slice(whole, .axis = 1, .start = 2));
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(left, right), .lr = 1);
    cr_assert_not_null(opt, "%s", rv_error());
    cr_assert(rv_set_grad(left, rv_full(-1, RV_F64, 3, 2)));
    cr_assert(rv_set_grad(right, rv_full(-5, RV_F64, 3, 2)));
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(whole, 0, 1, 1, 5, 5, 1, 1, 5, 5, 1, 1, 5, 5));
    rv_optim_free(opt);
}

/* A gradient may be anything of the right shape: the parameter itself, another parameter. */
Test(optim, gradients_that_are_parameters)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1, 2), *b = LEAF(10, 20);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(a, b), .lr = 0.5);
    cr_assert(rv_set_grad(a, rv_detach(a)) && rv_set_grad(b, rv_detach(a)));
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(a, 0, 0.5, 1));
    cr_expect(HOLDS(b, 0, 9.5, 19), "with a as it was before the step");
    rv_optim_free(opt);
}

/* Lengths around the pieces that work is cut into, empty ones too; any number of threads. */
static void many_steps(rv_dtype dtype, bool adam, rv_tensor **p, int n)
{
    const rv_tensors parameters = {.items = p, .count = n};
    rv_optim *opt = adam ? rv_optim_adam(parameters, .lr = 0.01)
                         : rv_optim_sgd(parameters, .lr = 0.01, .momentum = 0.9);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < n; i++)
            if (i != step) /* one is left out each time */
                cr_assert(rv_set_grad(p[i], rv_randn_n(dtype, p[i]->ndim, p[i]->shape)));
        cr_assert(rv_optim_step(opt) && rv_optim_zero_grad(opt));
    }
    rv_optim_free(opt);
}

Test(optim, any_number_of_threads)
{
    RV_SCOPE;
    const int64_t lengths[] = {1, 0, 16383, 16384, 16385, 3, 50001, 0};
    enum { N = RV_COUNT(lengths) };
    for (int kind = 0; kind < 4; kind++) {
        const rv_dtype dtype = kind % 2 ? RV_F32 : RV_F64;
        rv_tensor *of_threads[4][N];
        for (int threads = 1; threads <= 3; threads++) {
            rv_seed(4);
            cr_assert(rv_set_threads(threads));
            for (int i = 0; i < N; i++)
                of_threads[threads][i] = rv_require_grad(rv_randn(dtype, lengths[i]));
            many_steps(dtype, kind / 2, of_threads[threads], N);
            for (int i = 0; i < N; i++)
                cr_expect(rv_equal(of_threads[threads][i], of_threads[1][i]));
        }
    }
    cr_expect(no_error());
}

/* Each element by itself gives the same as all in pieces. */
Test(optim, pieces_are_all_there)
{
    RV_SCOPE;
    enum { N = 40000 };
    rv_tensor *p = rv_require_grad(rv_randn(RV_F64, N)), *g = rv_randn(RV_F64, N);
    rv_tensor *expected = rv_copy(rv_detach(p));
    double *x = (double *)expected->data;
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(p), .lr = 0.5, .momentum = 0.5);
    for (int i = 0; i < 2; i++)
        cr_assert(rv_set_grad(p, g) && rv_optim_step(opt));
    for (int i = 0; i < N; i++) {
        const double step = at(g, i);
        x[i] -= 0.5 * step;
        x[i] -= 0.5 * (0.5 * step + step);
    }
    reason why = {""};
    cr_expect(is_near(p, expected, 1e-15, &why), "%s", why.text);
    rv_optim_free(opt);
}

/* ---- optimizers of a user's ------------------------------------------------------------------ */

/* The manual's: Lion, on whole tensors. */
static rv_tensor *lion_update(rv_optim_update *u)
{
    rv_tensor *m = u->state[0], *g = u->gradient;
    rv_tensor *c = rv_add(rv_mul_scalar(m, 0.9), rv_mul_scalar(g, 0.1));
    rv_tensor *up = rv_cast(rv_gt_scalar(c, 0), c->dtype);
    rv_tensor *down = rv_cast(rv_lt_scalar(c, 0), c->dtype);
    u->state[0] = rv_add(rv_mul_scalar(m, 0.99), rv_mul_scalar(g, 0.01));
    return rv_sub(u->parameter, rv_mul_scalar(rv_sub(up, down), u->lr));
}
static const rv_optim_class lion_class = {
    .name = "lion", .state_count = 1, .state_names = {"exp_avg"}, .update = lion_update};

Test(optim, a_users_on_tensors)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2, 3), *q = rv_require_grad(laid_out(VECTOR(5, 6), LAYOUT_STEPPED));
    rv_optim *opt =
        rv_optim_new(&lion_class, &(rv_optim_common){.parameters = RV_TENSORS(p, q), .lr = 0.25});
    cr_assert_not_null(opt, "%s", rv_error());
    SET_GRAD(p, 1, -1, 0);
    SET_GRAD(q, 1, 1);
    cr_assert(rv_optim_step(opt), "%s", rv_error());
    cr_expect(HOLDS(p, 0, 0.75, 2.25, 3) && HOLDS(q, 0, 4.75, 5.75));
    SET_GRAD(p, -0.05, 0.2, 1); /* c = 0.9*0.01 - 0.005 > 0, -0.009 + 0.02 > 0, > 0 */
    SET_GRAD(q, -1, 0);         /* < 0, > 0 */
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, 0.5, 2, 2.75) && HOLDS(q, 0, 5, 5.5));
    cr_expect(no_error());
    rv_optim_free(opt);
}

/* With options and on elements: sign descent that counts its steps in the learning rate. */
typedef struct sign_options {
    RV_OPTIM_COMMON;
    double shrink;
} sign_options;

static bool sign_validate(const void *options)
{
    const double shrink = ((const sign_options *)options)->shrink;
    return shrink > 0 || rv_fail(RV_ERROR_ARGUMENT, "sign", "shrink is %g", shrink);
}

static void sign_update(const rv_optim_elements *e)
{
    const sign_options *o = e->options;
    double *p = e->parameter, *last = e->state[0];
    const double *g = e->gradient, lr = e->lr * pow(o->shrink, (double)e->step - 1);
    for (int64_t i = 0; i < e->count; i++) {
        p[i] -= lr * (double)((g[i] > 0) - (g[i] < 0));
        last[i] = g[i];
    }
}
static const rv_optim_class sign_class = {.name = "sign",
                                          .options_size = sizeof(sign_options),
                                          .state_count = 1,
                                          .state_names = {"last"},
                                          .validate = sign_validate,
                                          .update_elements = sign_update};

Test(optim, a_users_on_elements)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2);
    sign_options options = {.parameters = RV_TENSORS(p), .lr = 1, .shrink = 0.5};
    rv_optim *opt = rv_optim_new(&sign_class, &options);
    options.shrink = 100; /* it has a copy */
    SET_GRAD(p, 5, -3);
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, 0, 3));
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, -0.5, 3.5));
    rv_optim_free(opt);
    options.shrink = -1;
    cr_expect_null(rv_optim_new(&sign_class, &options));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sign: shrink is -1"));
    cr_expect_null(rv_optim_new(&sign_class, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "sign: the options are NULL"));
}

/* What `update` gives may be what it was given: the new values are those before the step. */
static rv_tensor *history_update(rv_optim_update *u)
{
    rv_tensor *last = u->state[0];
    u->state[0] = u->parameter;
    u->state[1] = last;
    return rv_sub(u->parameter, u->gradient);
}
static const rv_optim_class history_class = {.name = "history",
                                             .state_count = 2,
                                             .state_names = {"last", "before"},
                                             .update = history_update};

static bool keep_state(void *context, const char *name, rv_tensor *t)
{
    rv_tensor **kept = context;
    if (strcmp(name, "state.0.last") == 0)
        kept[0] = rv_copy(t);
    if (strcmp(name, "state.0.before") == 0)
        kept[1] = rv_copy(t);
    return true;
}

Test(optim, a_users_that_gives_back_what_it_got)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(rv_copy(VECTOR(10, 20))), *kept[2];
    rv_optim *opt =
        rv_optim_new(&history_class, &(rv_optim_common){.parameters = RV_TENSORS(p), .lr = 1});
    SET_GRAD(p, 1, 2);
    for (int i = 0; i < 3; i++)
        cr_assert(rv_optim_step(opt), "%s", rv_error());
    cr_assert(rv_state(opt, keep_state, kept));
    cr_expect(HOLDS(p, 0, 7, 14) && HOLDS(kept[0], 0, 8, 16) && HOLDS(kept[1], 0, 9, 18));
    rv_optim_free(opt);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static const rv_optim_class *const user_classes[] = {&lion_class, &history_class};

/* What a step takes, the next one takes again. */
Test(optim, steps_need_no_new_memory)
{
    rv_layer *net = rv_layer_sequential(rv_layer_linear(50, 300), rv_layer_linear(300, 5));
    const rv_optim_common common = {.parameters = rv_parameters(net), .lr = 1e-3};
    rv_optim *const opts[] = {
        rv_optim_sgd(rv_parameters(net), .momentum = 0.9), rv_optim_adam(rv_parameters(net)),
        rv_optim_new(user_classes[0], &common), rv_optim_new(user_classes[1], &common)};
    for (int i = 0; i < RV_COUNT(opts); i++) {
        size_t held = 0;
        for (int step = 0; step < 20; step++) {
            RV_SCOPE;
            rv_tensor *y = rv_forward(net, rv_ones(RV_F32, 4, 50));
            cr_assert(rv_optim_zero_grad(opts[i]) && rv_backward(rv_sum(y)));
            cr_assert(rv_optim_step(opts[i]));
            held = step == 1 ? rv_memory_usage().held : held;
        }
#if RV_RECYCLE
        cr_expect_eq(rv_memory_usage().held, held);
#endif
        rv_optim_free(opts[i]);
    }
    rv_layer_free(net);
}
