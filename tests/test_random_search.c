/* test_random_search.c - the evolution strategy: what it finds, without a gradient; one step in
 * five is kept; going on from a file; why it stops; options.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <math.h>

#include "files.h"
#include "helpers.h"

/* |x - 1|^2 for each element, weighed; not differentiable where `steps`, and without a graph. */
typedef struct target {
    rv_tensor *x;
    bool steps; /* rounded to whole numbers: has no gradient at all */
    int calls;
    int nan_every; /* each so many calls gives NaN; 0: none */
    int fail_at;   /* the call that gives NULL; 0: none */
} target;

static rv_tensor *closure(void *context)
{
    target *t = context;
    t->calls++;
    if (t->fail_at > 0 && t->calls >= t->fail_at)
        return NULL;
    if (t->nan_every > 0 && t->calls % t->nan_every == 0)
        return rv_full(NAN, RV_F64);
    double sum = 0;
    for (int64_t i = 0; i < t->x->numel; i++) {
        const double away = at(t->x, i) - 1;
        sum += t->steps ? floor(fabs(away)) : (1 + (double)(i % 3)) * away * away;
    }
    return rv_full(sum, RV_F64);
}

static target make_target(rv_dtype dtype, int64_t n)
{
    return (target){.x = rv_require_grad(rv_zeros_n(dtype, 1, &n))};
}

Test(random_search, finds_a_minimum_without_a_gradient)
{
    for (int i = 0; i < 2; i++) {
        RV_SCOPE;
        target t = make_target(i == 0 ? RV_F64 : RV_F32, 6);
        rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .max_eval = 4000);
        const rv_optim_result r = rv_optim_minimize(opt, closure, &t);
        cr_expect(r.evaluations == t.calls && isnan(r.gradient));
        cr_expect(r.loss == rv_item(closure(&t)));
        cr_expect(HOLDS(t.x, 1e-5, 1, 1, 1, 1, 1, 1), "%g", r.loss);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(random_search, goes_down_steps)
{
    RV_SCOPE;
    target t = make_target(RV_F64, 5);
    t.x = rv_require_grad(rv_full(20, RV_F64, 5));
    t.steps = true;
    rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .lr = 1, .max_eval = 3000);
    const double loss = rv_optim_minimize(opt, closure, &t).loss; /* 95 at the start */
    cr_expect(loss <= 5, "%g", loss);
    rv_optim_free(opt);
}

/* A fifth of all steps where the best deviation stays the same; near a minimum it shrinks, and of
 * ten numbers about 0.15 are kept. */
Test(random_search, about_one_step_in_five_is_kept)
{
    RV_SCOPE;
    target t = make_target(RV_F64, 10);
    rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .lr = 10, .max_eval = 1500);
    const rv_optim_result r = rv_optim_minimize(opt, closure, &t);
    const double share = (double)r.iterations / (double)r.evaluations;
    cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.evaluations == 1500, "%s", r.reason);
    cr_expect(share > 0.13 && share < 0.2, "%g", share);
    rv_optim_free(opt);
}

Test(random_search, maximize_and_places_that_are_not_finite)
{
    RV_SCOPE;
    target t = make_target(RV_F64, 3), u = make_target(RV_F64, 3);
    t.nan_every = 3;
    rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .max_eval = 2000);
    cr_expect(rv_optim_minimize(opt, closure, &t).loss < 1e-12);
    rv_optim *up = rv_optim_random_search(RV_TENSORS(u.x), .maximize = true, .max_eval = 50);
    cr_expect(rv_optim_minimize(up, closure, &u).loss > 6);
    rv_optim_free(opt);
    rv_optim_free(up);
}

/* ---- directions ------------------------------------------------------------------------------ */

/* The first trial is lr times the normal numbers of the seed, the second a fourth root smaller. */
static rv_tensor *never_lower(void *context)
{
    target *t = context;
    const rv_random_place place = {.seed = 7, .offset = t->calls > 1 ? 2 : 0};
    const double deviation = 0.5 * (t->calls > 1 ? exp(-0.25 / sqrt(4)) : 1);
    double z[3];
    rv_random_normals(place, 3, z);
    for (int64_t i = 0; i < 3; i++) {
        const double want = t->calls > 0 ? deviation * z[i] : 0;
        cr_expect(fabs(at(t->x, i) - want) < 1e-15, "call %d", t->calls);
    }
    return rv_full(t->calls++, RV_F64);
}

Test(random_search, steps_are_normal_numbers_of_the_seed)
{
    RV_SCOPE;
    target t = make_target(RV_F64, 3);
    rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .seed = 7, .lr = 0.5, .max_eval = 3);
    const rv_optim_result r = rv_optim_minimize(opt, never_lower, &t);
    cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.iterations == 0 && t.calls == 3);
    cr_expect(HOLDS(t.x, 0, 0, 0, 0));
    rv_optim_free(opt);
}

Test(random_search, normal_numbers_from_a_place_are_those_of_randn)
{
    RV_SCOPE;
    static double z[10001];
    rv_seed(3);
    rv_randn(RV_F64, 5);
    const rv_random_place place = rv_random_now();
    rv_tensor *same = rv_randn(RV_F64, 10001);
    rv_random_normals(place, 10001, z);
    cr_assert(rv_equal(same, rv_from_array(z, RV_F64, 10001)));
    cr_assert(rv_random_now().offset == place.offset + 5001);
}

/* ---- going on from a file -------------------------------------------------------------------- */

Test(random_search, going_on_from_a_file_is_bit_identical, .init = make_folder,
     .fini = remove_folder)
{
    const char *path = in_folder("random.safetensors");
    for (int stop = 1; stop < 60; stop += 7) {
        RV_SCOPE;
        target t = make_target(RV_F64, 7), u = make_target(RV_F64, 7);
        rv_optim *optims[3]; /* whole, first, second */
        for (int i = 0; i < 3; i++)
            optims[i] = rv_optim_random_search(RV_TENSORS(i == 0 ? t.x : u.x), .seed = 11);
        rv_optim_minimize(optims[0], closure, &t, .max_iter = 60);
        rv_optim_minimize(optims[1], closure, &u, .max_iter = stop);
        cr_assert(rv_save(path, optims[1]) && rv_load(path, optims[2]));
        rv_optim_minimize(optims[2], closure, &u, .max_iter = 60 - stop);
        cr_expect(rv_equal(t.x, u.x), "stopped after %d iterations", stop);
        cr_expect(t.calls + 1 == u.calls); /* a call begins with an evaluation */
        for (int i = 0; i < 3; i++)
            rv_optim_free(optims[i]);
    }
    cr_assert(no_error());
}

/* What a file says may be anything. */
Test(random_search, a_state_that_is_no_place)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -1, 1e300, -1e300};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        RV_SCOPE;
        target t = make_target(RV_F64, 3);
        rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .max_eval = 1000);
        cr_assert(write_state(opt, "numbers", bad[i]));
        cr_expect(rv_optim_minimize(opt, closure, &t).status == RV_OPTIM_FAILED);
        cr_expect(error_is(RV_ERROR_ARGUMENT, "its state has a deviation of"));
        cr_expect(HOLDS(t.x, 0, 0, 0, 0));
        rv_optim_free(opt);
    }
}

/* ---- why it stops ---------------------------------------------------------------------------- */

static bool stop_at_four(void *context, const rv_optim_progress *p)
{
    (void)context;
    return p->iteration < 4;
}

static rv_tensor *flat(void *context)
{
    ((target *)context)->calls++;
    return rv_ones(RV_F64);
}

Test(random_search, every_reason_to_stop)
{
    RV_SCOPE;
    target t = make_target(RV_F64, 4);
    rv_optim *opt = rv_optim_random_search(RV_TENSORS(t.x), .tolerance_step = 1e-3);
    rv_optim_result r = rv_optim_minimize(opt, closure, &t, .callback = stop_at_four);
    cr_expect(r.status == RV_OPTIM_CALLBACK && r.iterations == 4, "%s", r.reason);
    r = rv_optim_minimize(opt, closure, &t, .max_iter = 3);
    cr_expect(r.status == RV_OPTIM_ITERATIONS && r.iterations == 3, "%s", r.reason);
    r = rv_optim_minimize(opt, closure, &t);
    cr_expect(r.status == RV_OPTIM_CHANGE && r.loss < 1e-3, "%s", r.reason);
    rv_optim_free(opt);

    t.calls = 0;
    rv_tensor *before = rv_copy(rv_detach(t.x));
    opt = rv_optim_random_search(RV_TENSORS(t.x));
    r = rv_optim_minimize(opt, flat, &t); /* until a step changes nothing */
    cr_expect(r.status == RV_OPTIM_ROUNDING && r.iterations == 0, "%s", r.reason);
    cr_expect(t.calls == r.evaluations && t.calls > 100 && t.calls < 1000, "%d", t.calls);
    cr_expect(rv_equal(before, t.x));
    rv_optim_free(opt);

    target broken = make_target(RV_F64, 4);
    broken.nan_every = 1;
    opt = rv_optim_random_search(RV_TENSORS(broken.x));
    cr_expect(rv_optim_minimize(opt, closure, &broken).status == RV_OPTIM_NONFINITE);
    broken.nan_every = 0;
    broken.fail_at = 30;
    cr_expect(rv_optim_minimize(opt, closure, &broken).status == RV_OPTIM_FAILED);
    cr_expect(error_is(RV_ERROR_NULL, "the closure gave NULL"));
    broken.fail_at = 0;
    cr_expect(rv_item(closure(&broken)) < 12); /* the best that was seen: better than the start */
    rv_optim_free(opt);
}

#define REFUSED(part, ...)                                                    \
    do {                                                                      \
        cr_expect_null(rv_optim_random_search(RV_TENSORS(x), __VA_ARGS__));   \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_random_search: " part)); \
    } while (0)

Test(random_search, wrong_options)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2));
    REFUSED("lr is 0", .lr = 0);
    REFUSED("lr is", .lr = (double)INFINITY);
    REFUSED("max_iter is 0", .max_iter = 0);
    REFUSED("max_eval is -1", .max_eval = -1);
    REFUSED("tolerance_step is", .tolerance_step = -1);
    REFUSED("l1_decay is set", .l1_decay = 1);
    cr_expect_null(rv_optim_random_search_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "optim_random_search"));
}
