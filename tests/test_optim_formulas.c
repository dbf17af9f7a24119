/* test_optim_formulas.c - the rules of SGD, Adam and AdamW, and what every method can be asked for
 * before its own, against formulas in long double: every combination of options, both dtypes,
 * lengths around the blocks and pieces that work is cut into. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <tgmath.h>

#include "helpers.h"

enum { STEPS = 3 };

static const int64_t lengths[] = {0,    1,    7,    33,    255,   256,   257,  1023,
                                  1024, 1025, 2049, 16383, 16384, 16385, 40000};

/* A parameter's element with its gradient and three states. */
typedef struct element {
    long double p, g, first, second, third;
} element;

/* What RV_OPTIM_COMMON says. */
static void decay(const rv_optim_common *o, element *e)
{
    if (o->maximize)
        e->g = -e->g;
    if (o->decoupled)
        e->p -= (long double)o->lr * (long double)o->weight_decay * e->p;
    else
        e->g += (long double)o->weight_decay * e->p;
    e->g += (long double)o->l1_decay * (e->p > 0 ? 1 : e->p < 0 ? -1 : 0);
}

static void sgd_formula(const rv_sgd_options *o, int step, element *e)
{
    long double g = e->g;
    if (o->momentum != 0) {
        e->first = step == 1
                       ? g
                       : (long double)o->momentum * e->first + (1 - (long double)o->dampening) * g;
        g = o->nesterov ? g + (long double)o->momentum * e->first : e->first;
    }
    e->p -= (long double)o->lr * g;
}

static void adam_formula(const rv_adam_options *o, int step, element *e)
{
    const long double b1 = (long double)o->betas[0], b2 = (long double)o->betas[1];
    e->first = b1 * e->first + (1 - b1) * e->g;
    e->second = b2 * e->second + (1 - b2) * e->g * e->g;
    e->third = fmaxl(e->third, e->second);
    const long double v = o->amsgrad ? e->third : e->second;
    const long double m_hat = e->first / (1 - powl(b1, step));
    const long double v_hat = v / (1 - powl(b2, step));
    e->p -= (long double)o->lr * m_hat / (sqrtl(v_hat) + (long double)o->eps);
}

/* The gradient of element i in a step: of both signs, and sometimes 0. */
static double gradient(int64_t i, int step)
{
    return i % 11 == 0 ? 0 : sin(1.7 * (double)i + 0.9 * step) * (step == 2 ? 0.3 : 1.5);
}

/* Where element i begins: of both signs, and sometimes 0. */
static double start(int64_t i)
{
    return i % 5 == 0 ? 0 : cos(2.3 * (double)i);
}

static rv_tensor *filled(rv_dtype dtype, int64_t n, int step)
{
    rv_tensor *t = rv_empty_n(RV_F64, 1, &n);
    for (int64_t i = 0; i < n; i++)
        ((double *)t->data)[i] = step == 0 ? start(i) : gradient(i, step);
    return rv_cast(t, dtype);
}

/* Runs some steps of `opt` on p, and compares with the formula of the method. */
static void check(rv_optim *opt, rv_tensor *p, const rv_sgd_options *sgd,
                  const rv_adam_options *adam)
{
    cr_assert_not_null(opt, "%s", rv_error());
    const double tolerance = p->dtype == RV_F32 ? 2e-6 : 1e-14;
    rv_tensor *first = rv_raw_copy("test", p), *g[STEPS + 1];
    for (int step = 1; step <= STEPS; step++) {
        g[step] = filled(p->dtype, p->numel, step);
        cr_assert(rv_set_grad(p, rv_copy(g[step])) && rv_optim_step(opt), "%s", rv_error());
        cr_assert(rv_equal(rv_grad(p), g[step]), "the gradient was changed");
    }
    for (int64_t i = 0; i < p->numel; i++) {
        element e = {.p = (long double)at(first, i)};
        for (int step = 1; step <= STEPS; step++) {
            rv_optim_common common;
            memcpy(&common, sgd != NULL ? (const void *)sgd : adam, sizeof common);
            e.g = (long double)at(g[step], i);
            decay(&common, &e);
            if (sgd != NULL)
                sgd_formula(sgd, step, &e);
            else
                adam_formula(adam, step, &e);
        }
        cr_assert(fabsl((long double)at(p, i) - e.p) <= (long double)tolerance,
                  "element %d of %d: %.17g, not %.17Lg", (int)i, (int)p->numel, at(p, i), e.p);
    }
    rv_optim_free(opt);
}

/* All choices of the common options, by the bits of a number. */
#define COMMON(bits, rate)                                     \
    .lr = (rate), .maximize = (bits)&1, .decoupled = (bits)&2, \
    .weight_decay = (bits)&4 ? 0.03 : 0, .l1_decay = (bits)&8 ? 0.02 : 0
enum { COMMON_CHOICES = 16 };

static rv_tensor *parameter(rv_dtype dtype, int64_t n)
{
    return rv_require_grad(filled(dtype, n, 0));
}

Test(optim_formulas, sgd)
{
    for (int length = 0; length < RV_COUNT(lengths); length++)
        for (int bits = 0; bits < COMMON_CHOICES * 8; bits++) {
            if (lengths[length] > 1025 && bits % 7 != length % 7)
                continue; /* not all of them with all lengths */
            RV_SCOPE;
            const int own = bits / COMMON_CHOICES;
            const rv_dtype dtype = own & 1 ? RV_F64 : RV_F32;
            rv_tensor *p = parameter(dtype, lengths[length]);
            const rv_sgd_options o = {.parameters = RV_TENSORS(p),
                                      COMMON(bits, 0.1),
                                      .momentum = own & 2 ? 0.9 : 0,
                                      .dampening = own & 4 ? 0 : 0.3,
                                      .nesterov = own == 6 || own == 7};
            check(rv_optim_sgd_with(&o), p, &o, NULL);
        }
}

Test(optim_formulas, adam)
{
    for (int length = 0; length < RV_COUNT(lengths); length++)
        for (int bits = 0; bits < COMMON_CHOICES * 8; bits++) {
            if (lengths[length] > 1025 && bits % 7 != length % 7)
                continue;
            RV_SCOPE;
            const int own = bits / COMMON_CHOICES;
            const rv_dtype dtype = own & 1 ? RV_F64 : RV_F32;
            rv_tensor *p = parameter(dtype, lengths[length]);
            const rv_adam_options o = {.parameters = RV_TENSORS(p),
                                       COMMON(bits, 0.02),
                                       .betas = {own & 4 ? 0.9 : 0.5, own & 4 ? 0.999 : 0.9},
                                       .eps = own & 4 ? 1e-3 : 0.1,
                                       .amsgrad = own & 2};
            check(own & 4 ? rv_optim_adam_with(&o) : rv_optim_adamw_with(&o), p, NULL, &o);
        }
}

/* The macros' defaults are what the header says. */
Test(optim_formulas, defaults)
{
    RV_SCOPE;
    rv_tensor *p = parameter(RV_F64, 5);
    const rv_sgd_options sgd = {.lr = 1e-3};
    check(rv_optim_sgd(RV_TENSORS(p)), p, &sgd, NULL);
    const rv_adam_options adam = {.lr = 1e-3, .betas = {0.9, 0.999}, .eps = 1e-8};
    check(rv_optim_adam(RV_TENSORS(p)), p, NULL, &adam);
    rv_adam_options adamw = adam;
    adamw.weight_decay = 1e-2;
    adamw.decoupled = true;
    check(rv_optim_adamw(RV_TENSORS(p)), p, NULL, &adamw);
}

/* Without decay a parameter that is not finite does not make its state so. */
Test(optim_formulas, no_decay_is_not_decay_by_zero)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(VECTOR((double)INFINITY, 1)), *state[2];
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p), .weight_decay = 0, .l1_decay = 0);
    cr_assert(rv_set_grad(p, VECTOR(2, 2)) && rv_optim_step(opt));
    cr_expect(HOLDS(p, 1e-7, (double)INFINITY, 1 - 1e-3));
    (void)state;
    rv_optim_free(opt);
}

/* ---- on whole tensors ------------------------------------------------------------------------ */

/* Plain descent, on tensors and on elements. */
static rv_tensor *tensors_update(rv_optim_update *u)
{
    return rv_sub(u->parameter, rv_mul_scalar(u->gradient, u->lr));
}
static const rv_optim_class tensors_class = {.name = "tensors", .update = tensors_update};

/* What every method can be asked for is the same for both kinds. */
Test(optim_formulas, on_whole_tensors)
{
    for (int bits = 0; bits < COMMON_CHOICES * 2; bits++) {
        RV_SCOPE;
        rv_tensor *p = parameter(bits / COMMON_CHOICES ? RV_F64 : RV_F32, 1500);
        const rv_sgd_options as_sgd = {COMMON(bits, 0.1)};
        const rv_optim_common o = {.parameters = RV_TENSORS(p), COMMON(bits, 0.1)};
        check(rv_optim_new(&tensors_class, &o), p, &as_sgd, NULL);
    }
}

/* ---- instruction sets ------------------------------------------------------------------------ */

/* Sums of products, a root and a division: what could be fused, or rounded in another way. */
RV_OPTIM_ELEMENTS(probe_update, {
    real *p = e->parameter, *v = e->state[0];
    const real *g = e->gradient;
    for (int64_t i = 0; i < e->count; i++) {
        v[i] = (real)0.9 * v[i] + (real)0.1 * g[i] * g[i];
        p[i] = p[i] * (real)0.99 - (real)0.03 * g[i] / (sqrt(v[i]) + (real)1e-3);
    }
})

#ifdef RV_TARGET_AVX2
typedef void update_function(const rv_optim_elements *e);

/* What one of the two makes of 1001 elements. */
static rv_tensor *probed(rv_dtype dtype, update_function *update)
{
    rv_tensor *p = filled(dtype, 1001, 0), *v = rv_zeros_n(dtype, 1, p->shape);
    for (int step = 1; step <= STEPS; step++) {
        void *state[] = {v->data};
        const rv_tensor *g = filled(dtype, 1001, step);
        update(&(rv_optim_elements){.dtype = dtype,
                                    .count = p->numel,
                                    .parameter = p->data,
                                    .gradient = g->data,
                                    .state = state});
    }
    return p;
}

Test(optim_formulas, instruction_sets_give_the_same_bits)
{
    RV_SCOPE;
    if (!rv_has_avx2())
        return;
    const rv_tensor *f32 = probed(RV_F32, probe_update);
    const rv_tensor *f64 = probed(RV_F64, probe_update);
    cr_expect(rv_equal(probed(RV_F32, probe_update_F32_baseline), f32));
    cr_expect(rv_equal(probed(RV_F32, probe_update_F32_avx2), f32));
    cr_expect(rv_equal(probed(RV_F64, probe_update_F64_baseline), f64));
    cr_expect(rv_equal(probed(RV_F64, probe_update_F64_avx2), f64));
    cr_expect_not(rv_equal(f32, filled(RV_F32, 1001, 0)));
}
#endif
