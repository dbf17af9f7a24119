/* test_methods.c - what holds for every optimizer with any options (optim_cases.inc), and what is
 * particular to some: Muon's matrices, RMSprop's centered variance, Rprop's first step size. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "files.h"
#include "helpers.h"
#include "optim_cases.h"

TestSuite(methods, .init = make_folder, .fini = remove_folder);

/* The learning rate of a case here: that of its network, and of defaults none is asked. */
static rv_optim *make_optim(const optim_case *c, rv_tensors parameters)
{
    rv_tensor *room[8];
    rv_optim *opt = c->make(taken_by(c, parameters, room), c->lr[0]);
    cr_assert_not_null(opt, "%s: %s", c->name, rv_error());
    return opt;
}

/* ---- stopping and going on ------------------------------------------------------------------- */

/* Two layers, of which the second is used from step 2 on: its parameters' steps lag behind. */
typedef struct task {
    rv_layer *first, *second, *both;
    rv_optim *opt;
} task;

enum { STEPS = 12 };

static task begin(const optim_case *c)
{
    rv_seed(7);
    task t = {.first = rv_layer_linear(6, 5), .second = rv_layer_linear(5, 3)};
    t.both = rv_layer_sequential(rv_layer_retain(t.first), rv_layer_retain(t.second));
    t.opt = make_optim(c, rv_parameters(t.both));
    return t;
}

static void end(task *t)
{
    rv_optim_free(t->opt);
    rv_layer_free(t->both);
    rv_layer_free(t->second);
    rv_layer_free(t->first);
}

static void run(task *t, int first, int last)
{
    for (int step = first; step < last; step++) {
        RV_SCOPE;
        rv_seed((uint64_t)(100 + step)); /* its data depend on its number alone */
        rv_tensor *y = rv_tanh(rv_forward(t->first, rv_randn(RV_F32, 4, 6)));
        if (step >= 2)
            y = rv_forward(t->second, y);
        cr_assert(rv_optim_zero_grad(t->opt) && rv_backward(rv_sum(rv_square(y))), "%s",
                  rv_error());
        if (step == 8)
            cr_assert(rv_optim_set_lr(t->opt, rv_optim_lr(t->opt) * 0.75));
        cr_assert(rv_optim_step(t->opt), "%s", rv_error());
    }
}

static uint64_t bits_of(const task *t)
{
    const rv_tensors p = rv_parameters(t->both);
    uint64_t hash = HASH_START;
    for (int64_t i = 0; i < p.count; i++)
        hash = hash_of(hash, p.items[i]);
    return hash;
}

Test(methods, go_on_bit_for_bit)
{
    for (int i = 0; i < OPTIM_CASES; i++) {
        const optim_case *c = &optim_cases[i];
        const char *path = in_folder("middle.safetensors");
        task whole = begin(c), stopped = begin(c);
        run(&whole, 0, STEPS);
        int stop = 0;
        for (const int stops[] = {0, 1, 4, 9}; stop < RV_COUNT(stops); stop++) {
            run(&stopped, stop == 0 ? 0 : stops[stop - 1], stops[stop]);
            cr_assert(rv_save(path, stopped.both, stopped.opt), "%s: %s", c->name, rv_error());
            task resumed = begin(c);
            run(&resumed, 0, 3); /* what it did before is forgotten */
            cr_assert(rv_load(path, resumed.both, resumed.opt), "%s: %s", c->name, rv_error());
            run(&resumed, stops[stop], STEPS);
            cr_expect_eq(bits_of(&resumed), bits_of(&whole), "%s, after step %d", c->name,
                         stops[stop]);
            end(&resumed);
        }
        cr_expect_neq(bits_of(&stopped), bits_of(&whole), "%s: steps change something", c->name);
        run(&stopped, 9, STEPS);
        cr_expect_eq(bits_of(&stopped), bits_of(&whole), "%s: saving changes something", c->name);
        end(&stopped);
        end(&whole);
    }
    cr_expect(no_error());
}

/* ---- which parameters a step touches --------------------------------------------------------- */

static rv_tensor *matrix(double first)
{
    return rv_require_grad(waves(3, 4, first));
}

static void set_grad(rv_tensor *p, int step)
{
    cr_assert(rv_set_grad(p, rv_sin(rv_mul_scalar(rv_add_scalar(rv_detach(p), step), 2.3))));
}

/* A parameter that has no gradient is left alone and loses nothing by that: its first step is a
 * first step, whenever it comes. */
Test(methods, parameters_without_gradients_are_skipped)
{
    for (int i = 0; i < OPTIM_CASES; i++) {
        RV_SCOPE;
        const optim_case *c = &optim_cases[i];
        rv_tensor *early = matrix(1), *late = matrix(2), *alone = matrix(2), *never = matrix(3);
        rv_optim *one = make_optim(c, RV_TENSORS(early, late));
        rv_optim *other = make_optim(c, RV_TENSORS(never, alone));
        for (int step = 0; step < 6; step++) {
            set_grad(early, step);
            cr_assert(step < 3 ? rv_zero_grad(late) : true);
            if (step >= 3) {
                set_grad(late, step);
                set_grad(alone, step);
                cr_assert(rv_optim_step(other));
            }
            cr_assert(rv_optim_step(one));
            if (step == 2)
                cr_expect(rv_equal(late, matrix(2)), "%s", c->name);
        }
        cr_expect(rv_equal(late, alone), "%s", c->name);
        cr_expect_not(rv_equal(late, matrix(2)), "%s", c->name);
        cr_expect_not(rv_equal(early, matrix(1)), "%s", c->name);
        cr_expect(rv_equal(never, matrix(3)), "%s", c->name);
        rv_optim_free(one);
        rv_optim_free(other);
    }
    cr_expect(no_error());
}

/* Parameters of no elements, and such that do not lie row-major, beside others. */
Test(methods, any_layout)
{
    for (int i = 0; i < OPTIM_CASES; i++)
        for (layout how = LAYOUT_PACKED; how < LAYOUT_COUNT; how++) {
            RV_SCOPE;
            const optim_case *c = &optim_cases[i];
            rv_tensor *plain = matrix(1), *other = rv_require_grad(laid_out(waves(3, 4, 1), how));
            rv_tensor *empty = rv_require_grad(rv_zeros(RV_F64, 0, 3));
            rv_tensor *none = rv_require_grad(rv_zeros(RV_F32, 2, 0));
            rv_optim *of_plain = make_optim(c, RV_TENSORS(plain, empty));
            rv_optim *of_other = make_optim(c, RV_TENSORS(other, none));
            cr_assert(rv_set_grad(empty, rv_zeros(RV_F64, 0, 3)));
            cr_assert(rv_set_grad(none, rv_zeros(RV_F32, 2, 0)));
            for (int step = 0; step < 3; step++) {
                set_grad(plain, step);
                cr_assert(rv_set_grad(other, laid_out(rv_grad(plain), how)));
                cr_assert(rv_optim_step(of_plain) && rv_optim_step(of_other), "%s: %s", c->name,
                          rv_error());
            }
            cr_expect(rv_equal(plain, other), "%s, layout %d", c->name, (int)how);
            cr_expect_not(rv_equal(plain, matrix(1)), "%s", c->name);
            rv_optim_free(of_plain);
            rv_optim_free(of_other);
        }
    cr_expect(no_error());
}

/* Several pieces on several threads give the bits that one thread gives. */
Test(methods, any_number_of_threads)
{
    const int before = rv_threads();
    for (int i = 0; i < OPTIM_CASES; i++) {
        const optim_case *c = &optim_cases[i];
        uint64_t bits[2];
        if (strcmp(c->method, "muon") == 0 && !is_defaults(c))
            continue; /* one will do: its products take a while */
        for (int threads = 1; threads <= 3; threads += 2) {
            RV_SCOPE;
            cr_assert(rv_set_threads(threads));
            rv_tensor *p = rv_require_grad(
                rv_mul_scalar(rv_reshape(rv_arange(RV_F32, 0, 40100, 1), 401, 100), 1e-4));
            rv_tensor *q = rv_require_grad(rv_ones(RV_F32, 2, 2));
            rv_optim *opt = make_optim(c, RV_TENSORS(q, p));
            for (int step = 0; step < 2; step++) {
                set_grad(p, step);
                set_grad(q, step);
                cr_assert(rv_optim_step(opt));
            }
            bits[threads / 2] = hash_of(hash_of(HASH_START, p), q);
            rv_optim_free(opt);
        }
        cr_expect_eq(bits[0], bits[1], "%s", c->name);
    }
    cr_assert(rv_set_threads(before));
    cr_expect(no_error());
}

/* ---- ten steps on Rosenbrock's function ------------------------------------------------------ */

/* From (-1.2, 1), as an older PyTorch and, for NAdam, whose rule was another then, scalar code
 * written from the corrected formula found them: the golden file has nothing to do with these. */
#define TEN_STEPS(x, y, method, ...)                                                          \
    do {                                                                                      \
        RV_SCOPE;                                                                             \
        rv_tensor *p = rv_require_grad(VECTOR(-1.2, 1));                                      \
        rv_optim *opt = rv_optim_##method(RV_TENSORS(p), __VA_ARGS__);                        \
        cr_assert_not_null(opt);                                                              \
        for (int step = 0; step < 10; step++) {                                               \
            const double a = at(p, 0), b = at(p, 1) - a * a;                                  \
            cr_assert(rv_set_grad(p, VECTOR(-2 * (1 - a) - 400 * a * b, 200 * b)));           \
            cr_assert(rv_optim_step(opt));                                                    \
        }                                                                                     \
        cr_expect(HOLDS(p, 1e-13, x, y), #method " " #__VA_ARGS__ ": %.15g, %.15g", at(p, 0), \
                  at(p, 1));                                                                  \
        rv_optim_free(opt);                                                                   \
    } while (0)

Test(methods, ten_steps)
{
    TEN_STEPS(-1.02141133426975, 1.05126226737604, sgd, .lr = 0.001);
    TEN_STEPS(-0.813923231295306, 0.754867772222504, sgd, .lr = 0.001, .momentum = 0.9);
    TEN_STEPS(-0.756144475339639, 0.798020547497246, sgd, .lr = 0.001, .momentum = 0.9,
              .dampening = 0.1, .weight_decay = 0.01);
    TEN_STEPS(-0.879600461460486, 0.781393713801669, sgd, .lr = 0.001, .momentum = 0.9,
              .nesterov = true, .weight_decay = 0.01);
    TEN_STEPS(-1.05876718215903, 1.12726088910631, adagrad, .lr = 0.1);
    TEN_STEPS(-1.0599157472959, 1.12952792958231, adagrad, .lr = 0.1, .lr_decay = 0.05,
              .weight_decay = 0.01, .initial_accumulator_value = 0.1);
    TEN_STEPS(-1.16911319710147, 1.03108163234126, adadelta, .lr = 1);
    TEN_STEPS(-1.16911304592474, 1.03108127021141, adadelta, .weight_decay = 0.01);
    TEN_STEPS(-1.05861653507333, 1.12694673988581, rmsprop, .lr = 0.01);
    TEN_STEPS(-1.07227236157685, 0.960996644098677, rmsprop, .lr = 0.01, .momentum = 0.9,
              .centered = true, .weight_decay = 0.01);
    TEN_STEPS(-1.01499120693675, 1.15730897812336, adam, .lr = 0.05);
    TEN_STEPS(-1.01464914170483, 1.1565820360598, adam, .lr = 0.05, .weight_decay = 0.1);
    TEN_STEPS(-1.01499486862529, 1.1573196040244, adam, .lr = 0.05, .amsgrad = true);
    TEN_STEPS(-0.97611297002207, 1.08556120134573, adamw, .lr = 0.05, .weight_decay = 0.1);
    TEN_STEPS(-1.01441491704714, 1.17852984686796, adamax, .lr = 0.05, .weight_decay = 0.1);
    TEN_STEPS(-1.04859668014904, 1.14082484849623, nadam, .lr = 0.05, .weight_decay = 0.1);
    TEN_STEPS(-1.01064272779951, 1.06991072457408, nadam, .lr = 0.05, .weight_decay = 0.1,
              .decoupled = true);
    cr_expect(no_error());
}

/* ---- the momentum that a schedule may cycle -------------------------------------------------- */

/* p[1] after a step with gradients of 1 and one with 3 and -1, the momentum set in between. */
static double second_step(const optim_case *c, double momentum)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(rv_ones(RV_F64, 1, 2)), *room[1];
    rv_optim *opt = c->make(taken_by(c, RV_TENSORS(p), room), 0.1);
    cr_assert(rv_set_grad(p, rv_ones(RV_F64, 1, 2)) && rv_optim_step(opt));
    cr_assert(rv_optim_set_group_momentum(opt, 0, momentum), "%s: %s", c->name, rv_error());
    cr_expect_eq(rv_optim_group_momentum(opt, 0), momentum);
    cr_assert(rv_set_grad(p, rv_reshape(VECTOR(3, -1), 1, 2)) && rv_optim_step(opt));
    rv_optim_free(opt);
    return at(p, 1);
}

Test(methods, momentum)
{
    static const char *const with[] = {"sgd_momentum", "rmsprop_momentum", "adam",
                                       "adamw",        "adamax",           "nadam",
                                       "radam",        "lion_coupled",     "muon"};
    static const char *const without[] = {"adagrad", "adadelta", "rprop", "asgd"};
    int found = 0;
    for (int i = 0; i < OPTIM_CASES; i++) {
        const optim_case *c = &optim_cases[i];
        for (int j = 0; j < RV_COUNT(with); j++) {
            if (strcmp(with[j], c->name) != 0)
                continue;
            found++;
            /* Of Lion's direction the sign alone counts: 0.01*beta - (1 - beta). */
            const bool is_lion = strcmp(c->method, "lion") == 0;
            cr_expect_neq(second_step(c, 0.5), second_step(c, is_lion ? 0.999 : 0.6), "%s",
                          c->name);
        }
        for (int j = 0; j < RV_COUNT(without); j++) {
            if (strcmp(without[j], c->name) != 0)
                continue;
            found++;
            RV_SCOPE;
            rv_optim *opt = make_optim(c, RV_TENSORS(matrix(1)));
            cr_expect_not(rv_optim_has_momentum(opt), "%s", c->name);
            rv_optim_free(opt);
        }
    }
    cr_expect_eq(found, RV_COUNT(with) + RV_COUNT(without));
    cr_expect(no_error());
}

/* ---- Muon ------------------------------------------------------------------------------------ */

#if RV_BLAS /* without it there are no singular values to look at */

/* The singular values of what one step of Muon takes from a matrix with this gradient. */
static rv_tensor *taken(rv_tensor *gradient, double eps)
{
    rv_tensor *p = rv_require_grad(rv_zeros_like(gradient));
    rv_optim *opt = rv_optim_muon(RV_TENSORS(p), .lr = 1, .weight_decay = 0, .eps = eps);
    cr_assert(rv_set_grad(p, gradient) && rv_optim_step(opt), "%s", rv_error());
    rv_optim_free(opt);
    return rv_svdvals(rv_detach(p));
}

/* Whatever the gradient's singular values are, those of a step are between 0.65 and 1.25 (times
 * the root of how tall the matrix is), and its directions are the gradient's. */
Test(methods, muon_steps_are_orthogonal)
{
    static const int64_t shapes[][2] = {{5, 5}, {3, 9}, {12, 4}, {1, 6}, {6, 1}};
    rv_seed(3);
    for (int i = 0; i < RV_COUNT(shapes); i++) {
        RV_SCOPE;
        const int64_t rows = shapes[i][0], columns = shapes[i][1];
        rv_tensor *values = taken(rv_randn(RV_F64, rows, columns), 1e-7);
        const double scale = rows > columns ? sqrt((double)rows / (double)columns) : 1;
        for (int64_t j = 0; j < values->numel; j++)
            cr_expect(at(values, j) > 0.65 * scale && at(values, j) < 1.25 * scale,
                      "[%lld,%lld], value %lld: %g", (long long)rows, (long long)columns,
                      (long long)j, at(values, j) / scale);
    }
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(rv_zeros(RV_F64, 2, 2)), *g = rv_zeros(RV_F64, 2, 2);
    *(double *)(void *)g->data = -4;
    rv_optim *opt = rv_optim_muon(RV_TENSORS(p), .lr = 1);
    cr_assert(rv_set_grad(p, g) && rv_optim_step(opt));
    cr_expect(at(p, 0) > 0.65 && at(p, 0) < 1.25, "it goes against the gradient");
    cr_expect(at(p, 1) == 0 && at(p, 2) == 0 && at(p, 3) == 0, "and nowhere else");
    rv_optim_free(opt);
    cr_expect(no_error());
}

/* Nothing comes of a gradient of zeros, and one as small as eps is not blown up. */
Test(methods, muon_of_next_to_nothing)
{
    RV_SCOPE;
    cr_expect(HOLDS(taken(rv_zeros(RV_F32, 3, 2), 1e-7), 0, 0, 0));
    const rv_tensor *small = taken(rv_full(1e-30, RV_F64, 2, 2), 1e-7);
    cr_expect(at(small, 0) > 0 && at(small, 0) < 1e-15, "%g", at(small, 0));
    cr_expect(no_error());
}

#endif

/* ---- others ---------------------------------------------------------------------------------- */

/* Of a gradient that stays the same the variance is 0, and rounding takes v - mean^2 below it. */
Test(methods, rmsprop_centered_on_a_constant)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(rv_ones(RV_F32, 64));
    rv_optim *opt = rv_optim_rmsprop(RV_TENSORS(p), .lr = 1e-9, .centered = true, .alpha = 0.9);
    rv_tensor *g = rv_add_scalar(rv_mul_scalar(rv_arange(RV_F32, 0, 64, 1), 0.057), 0.1);
    for (int step = 0; step < 1000; step++)
        cr_assert(rv_set_grad(p, g) && rv_optim_step(opt));
    for (int64_t i = 0; i < p->numel; i++)
        cr_expect(isfinite(at(p, i)) && at(p, i) < 1, "%lld: %g", (long long)i, at(p, i));
    rv_optim_free(opt);
}

/* Step sizes begin with the learning rate of the first step, which a schedule may have set since
 * the optimizer was made, also if its state was looked at in between. */
Test(methods, rprop_and_asgd_begin_with_the_learning_rate_of_then)
{
    RV_SCOPE;
    const char *path = in_folder("before.safetensors");
    rv_tensor *p = rv_require_grad(VECTOR(1, 1)), *q = rv_require_grad(VECTOR(1, 1));
    rv_optim *rprop = rv_optim_rprop(RV_TENSORS(p), .lr = 0.5);
    rv_optim *asgd = rv_optim_asgd(RV_TENSORS(q), .lr = 0.5, .lambd = 0);
    cr_assert(rv_save(path, rprop) && rv_save(path, asgd));
    cr_assert(rv_optim_set_lr(rprop, 0.125) && rv_optim_set_lr(asgd, 0.125));
    cr_assert(rv_set_grad(p, VECTOR(3, -3)) && rv_optim_step(rprop));
    cr_assert(rv_set_grad(q, VECTOR(2, -2)) && rv_optim_step(asgd));
    cr_expect(HOLDS(p, 0, 0.875, 1.125));
    cr_expect(HOLDS(q, 0, 0.75, 1.25));
    rv_optim_free(rprop);
    rv_optim_free(asgd);
    cr_expect(no_error());
}
