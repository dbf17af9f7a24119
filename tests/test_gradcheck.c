/* test_gradcheck.c - the checker is checked: right derivatives must pass, what cannot be checked
 * must be refused, and nothing of the caller's may change. Wrong ones are in
 * test_gradcheck_planted.c. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

static rv_gradcheck_report r;

/* ---- right ones ------------------------------------------------------------------------------ */

static rv_tensor *layer(rv_tensor **in, void *context)
{
    (void)context;
    return rv_tanh(rv_matmul(in[0], in[1]));
}

Test(gradcheck, a_right_derivative_passes)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(3, 4, 0.1), waves(4, 2, 0.2)};
    cr_expect(rv_gradcheck(layer, NULL, in, 2, &r), "%s", r.message);
    cr_expect(r.ok);
    cr_expect_eq(r.compared, 6 * 20);
    cr_expect_eq(r.failed, 0);
    cr_expect(r.error <= r.allowed && r.input >= 0);
    cr_expect(contains(r.message, "120 derivatives agree"));
    cr_expect(rv_gradgradcheck(layer, NULL, in, 2, &r), "%s", r.message);
    cr_expect_eq(r.compared, 20 * (20 + 6));
    cr_expect(rv_gradcheck(layer, NULL, in, 2), "the report may be NULL");
    cr_expect(rv_gradcheck(layer, NULL, in, 2, &r, .fast = true), "%s", r.message);
    cr_expect_eq(r.compared, 2);
    cr_expect(contains(r.message, "2 projections agree"));
    cr_expect(rv_gradgradcheck(layer, NULL, in, 2, &r, .fast = true), "%s", r.message);
    cr_expect_eq(r.compared, 3);
    cr_expect(no_error());
}

static rv_tensor *linear_in_both(rv_tensor **in, void *context)
{
    (void)context;
    return rv_add(rv_mul_scalar(in[0], 3), in[1]);
}

static rv_tensor *first_only(rv_tensor **in, void *context)
{
    (void)context;
    return rv_exp(in[0]);
}

static rv_tensor *no_input_at_all(rv_tensor **in, void *context)
{
    (void)in, (void)context;
    return VECTOR(1, 2);
}

static rv_tensor *input_itself(rv_tensor **in, void *context)
{
    (void)context;
    return in[0];
}

Test(gradcheck, what_is_not_connected_has_derivative_0)
{
    RV_SCOPE;
    rv_function *functions[] = {linear_in_both, first_only, no_input_at_all, input_itself};
    rv_tensor *in[] = {VECTOR(0.5, 1.5), VECTOR(2, 3)};
    for (int i = 0; i < RV_COUNT(functions); i++) {
        cr_expect(rv_gradcheck(functions[i], NULL, in, 2, &r), "%d: %s", i, r.message);
        cr_expect_eq(r.compared, 8);
        cr_expect(rv_gradgradcheck(functions[i], NULL, in, 2, &r), "%d: %s", i, r.message);
        cr_expect_eq(r.compared, 24);
        cr_expect(no_error());
    }
}

Test(gradcheck, nothing_to_compare_passes)
{
    RV_SCOPE;
    rv_tensor *in[] = {rv_zeros(RV_F64, 0, 3), rv_zeros(RV_F64, 3)};
    for (int fast = 0; fast < 2; fast++) {
        cr_expect(rv_gradcheck(linear_in_both, NULL, in, 2, &r, .fast = fast), "%s", r.message);
        cr_expect(rv_gradcheck(first_only, NULL, in, 1, &r, .fast = fast), "%s", r.message);
        cr_expect(rv_gradgradcheck(first_only, NULL, in, 1, &r, .fast = fast), "%s", r.message);
    }
    cr_expect(rv_gradcheck(first_only, NULL, in, 1, &r));
    cr_expect_eq(r.compared, 0);
    cr_expect_eq(r.input, -1);
    cr_expect(contains(r.message, "nothing to compare"));
    cr_expect(no_error());
}

static rv_tensor *picked(rv_tensor **in, void *context)
{
    (void)context;
    return rv_exp(rv_gather(in[1], 0, in[0]));
}

Test(gradcheck, integers_are_passed_on)
{
    RV_SCOPE;
    rv_tensor *in[] = {rv_from_array(((int64_t[]){2, 0, 2}), RV_I64, 3), VECTOR(0.5, 1, 1.5)};
    cr_expect(rv_gradcheck(picked, NULL, in, 2, &r), "%s", r.message);
    cr_expect_eq(r.input, 1);
    cr_expect_eq(r.compared, 9);
    cr_expect(rv_gradgradcheck(picked, NULL, in, 2, &r), "%s", r.message);
}

/* The slope of tanh(x) * y by x as part of the function: a graph walked inside. */
static rv_tensor *with_gradients_inside(rv_tensor **in, void *context)
{
    (void)context;
    rv_tensor *y = rv_sum(rv_mul(rv_tanh(in[0]), in[1]));
    rv_tensor **g = rv_gradients(&y, 1, &in[0], 1, .create_graph = true);
    return g != NULL ? rv_mul(g[0], g[0]) : NULL;
}

Test(gradcheck, a_function_may_differentiate_inside)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(0.3, -0.4), VECTOR(1.5, 0.7)};
    cr_expect(rv_gradcheck(with_gradients_inside, NULL, in, 2, &r), "%s", r.message);
    cr_expect(rv_gradgradcheck(with_gradients_inside, NULL, in, 2, &r), "%s", r.message);
}

static layout seen_layout;
static rv_tensor *looks_at_layout(rv_tensor **in, void *context)
{
    (void)context;
    seen_layout = rv_is_contiguous(in[0])                 ? LAYOUT_PACKED
                  : in[0]->strides[0] < in[0]->strides[1] ? LAYOUT_TRANSPOSED
                                                          : LAYOUT_STEPPED;
    return rv_exp(in[0]);
}

Test(gradcheck, private_copies_lie_in_memory_as_the_inputs_do)
{
    RV_SCOPE;
    for (layout how = 0; how < LAYOUT_COUNT; how++) {
        rv_tensor *in[] = {laid_out(waves(3, 4, 0.2), how)};
        cr_expect(rv_gradcheck(looks_at_layout, NULL, in, 1, &r), "%s", r.message);
        cr_expect_eq(seen_layout, how);
    }
    rv_tensor *repeated[] = {rv_expand(VECTOR(1, 2), 3, 2)};
    cr_expect(rv_gradcheck(looks_at_layout, NULL, repeated, 1, &r), "%s", r.message);
    cr_expect_eq(r.compared, 36, "each repeated element is one of its own");
    cr_expect(HOLDS(repeated[0], 0, 1, 2, 1, 2, 1, 2));
}

/* ---- what is not a wrong derivative ---------------------------------------------------------- */

static rv_tensor *relu(rv_tensor **in, void *context)
{
    (void)context;
    return rv_relu(in[0]);
}

static rv_tensor *cut(rv_tensor **in, void *context)
{
    (void)context;
    return rv_exp(rv_detach(in[0]));
}

static rv_tensor *random_function(rv_tensor **in, void *context)
{
    if (context != NULL)
        rv_seed(5);
    return rv_dropout(in[0], 0.5);
}

static rv_tensor *logarithm(rv_tensor **in, void *context)
{
    (void)context;
    return rv_log(in[0]);
}

Test(hints, a_kink)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(-1, 0, 1)};
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r));
    cr_expect_eq(r.failed, 1);
    cr_expect_eq(r.index[0], 1);
    cr_expect(contains(r.message,
                       "the slope is 0 to the left and 1 to the right: the function has a kink"));
}

Test(hints, a_result_that_is_not_connected)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(-1, 0, 1)};
    cr_expect_not(rv_gradcheck(cut, NULL, in, 1, &r));
    cr_expect(contains(r.message, "the result is not connected to the inputs"));
}

Test(hints, a_random_function)
{
    RV_SCOPE;
    rv_tensor *in[] = {rv_ones(RV_F64, 100)};
    cr_expect_not(rv_gradcheck(random_function, NULL, in, 1, &r));
    cr_expect(contains(r.message, "two evaluations differ"));
    cr_expect(contains(r.message, "seed it"));
    cr_expect(rv_gradcheck(random_function, &r, in, 1, &r), "%s", r.message);
    cr_expect(no_error());
}

Test(hints, what_is_not_finite_never_agrees)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(1, -1, 0)};
    cr_expect_not(rv_gradcheck(logarithm, NULL, in, 1, &r));
    cr_expect_eq(r.failed, 3 + 3 + 1, "log(-1), log(0), and 0 / 0 in backward");
    cr_expect(contains(r.message, "derivatives differ"));
    cr_expect(no_error());
}

/* ---- what cannot be checked ------------------------------------------------------------------ */

static rv_tensor *fails(rv_tensor **in, void *context)
{
    (void)context;
    return rv_matmul(in[0], in[0]);
}

static rv_tensor *says_nothing(rv_tensor **in, void *context)
{
    (void)in, (void)context;
    return NULL;
}

static rv_tensor *single(rv_tensor **in, void *context)
{
    (void)context;
    return rv_cast(in[0], RV_F32);
}

static rv_tensor *growing(rv_tensor **in, void *context)
{
    int *calls = context;
    ++*calls;
    return *calls > 2 ? rv_cat((rv_tensor *[]){in[0], in[0]}, 2, 0) : rv_exp(in[0]);
}

Test(refused, with_an_error_and_a_message)
{
    RV_SCOPE;
    int calls = 0;
    rv_tensor *x = VECTOR(1, 2, 3), *wide = waves(2, 3, 0);
    const struct {
        rv_function *function;
        void *context;
        rv_tensor *in;
        int count;
        rv_status status;
        const char *message;
        const char *in_report;
    } cases[] = {
        {NULL, NULL, x, 1, RV_ERROR_NULL, "function is NULL", "function is NULL"},
        {relu, NULL, x, -1, RV_ERROR_ARGUMENT, "count is -1", "count"},
        {relu, NULL, x, 0, RV_ERROR_DTYPE, "none of the 0 inputs is F64", "none"},
        {relu, NULL, NULL, 1, RV_ERROR_NULL, "input 0 is NULL", "rv_error"},
        {relu, NULL, rv_zeros(RV_F32, 2), 1, RV_ERROR_DTYPE, "rv_cast(x, RV_F64)", "F32"},
        {relu, NULL, rv_zeros(RV_I64, 2), 1, RV_ERROR_DTYPE, "none of the 1 inputs", "none"},
        {fails, NULL, wide, 1, RV_ERROR_SHAPE, "matmul", "rv_error"},
        {says_nothing, NULL, x, 1, RV_ERROR_NULL, "the function returned NULL", "NULL"},
        {single, NULL, x, 1, RV_ERROR_DTYPE, "the function's result is F32", "F32"},
        {growing, &calls, x, 1, RV_ERROR_SHAPE, "had shape [3], and then [6]", "[6]"},
        {relu, NULL, rv_full(1e30, RV_F64, 2), 1, RV_ERROR_ARGUMENT, "does not change", "1e+30"},
    };
    for (int second = 0; second < 2; second++) {
        for (int i = 0; i < RV_COUNT(cases); i++) {
            calls = 0;
            rv_tensor *in[] = {cases[i].in};
            rv_gradcheck_options o = {cases[i].function,
                                      cases[i].context,
                                      in,
                                      cases[i].count,
                                      &r,
                                      1e-6,
                                      1e-5,
                                      1e-3,
                                      false,
                                      NULL};
            cr_expect_not(second ? rv_gradgradcheck_with(&o) : rv_gradcheck_with(&o), "case %d", i);
            cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
            cr_expect(!r.ok && contains(r.message, cases[i].in_report), "case %d", i);
            o.report = NULL;
            calls = 0;
            cr_expect_not(second ? rv_gradgradcheck_with(&o) : rv_gradcheck_with(&o), "case %d", i);
            cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
        }
    }
}

Test(refused, options_out_of_range)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(1)};
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r, .eps = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "eps is 0"));
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r, .eps = NAN));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "eps"));
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r, .atol = -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "atol is -1"));
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r, .rtol = NAN));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "rtol"));
    cr_expect_not(rv_gradcheck(relu, NULL, NULL, 1, &r));
    cr_expect(error_is(RV_ERROR_NULL, "inputs is NULL"));
    cr_expect_not(rv_gradcheck_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "gradcheck"));
    cr_expect_not(rv_gradgradcheck_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "gradgradcheck"));
}

Test(refused, while_an_error_is_unread)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(1)};
    rv_fail(RV_ERROR_STATE, "somebody", "was here");
    cr_expect_not(rv_gradcheck(relu, NULL, in, 1, &r));
    cr_expect(contains(r.message, "rv_error"));
    cr_expect(error_is(RV_ERROR_STATE, "was here"));
}

/* ---- nothing of the caller's changes --------------------------------------------------------- */

Test(untouched, inputs_gradients_generator_and_recording)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2, 3)), *y = rv_exp(x), *in[] = {x, y};
    rv_set_grad(x, VECTOR(7, 8, 9));
    const rv_tensor *grad = rv_grad(x);
    const uint32_t version = rv_storage_version(x->storage);
    rv_seed(11);
    rv_random_take(40);
    const rv_random_place place = rv_random_now();
    for (int record = 0; record < 2; record++) {
        bool was = rv_set_recording(record);
        for (int fast = 0; fast < 2; fast++) {
            rv_gradcheck(linear_in_both, NULL, in, 2, &r, .fast = fast);
            rv_gradgradcheck(linear_in_both, NULL, in, 2, &r, .fast = fast);
            rv_gradcheck(random_function, &r, in, 1, &r, .fast = fast);
            rv_gradcheck(random_function, NULL, in, 1, &r, .fast = fast);
            rv_gradcheck(says_nothing, NULL, in, 1, &r, .fast = fast);
            rv_error();
        }
        cr_expect_eq(rv_recording(), record);
        rv_recording_restore(&was);
    }
    cr_expect(HOLDS(x, 0, 1, 2, 3));
    cr_expect_eq(rv_grad(x), grad);
    cr_expect(HOLDS(grad, 0, 7, 8, 9));
    cr_expect_eq(rv_storage_version(x->storage), version);
    const rv_random_place now = rv_random_now();
    cr_expect(now.seed == place.seed && now.offset == place.offset);
    cr_expect(rv_backward(rv_sum(y)), "the graph that came with an input is whole");
}

Test(untouched, no_memory_stays)
{
    rv_finish();
    const size_t before = rv_memory_usage().in_use;
    {
        RV_SCOPE;
        rv_tensor *in[] = {waves(3, 4, 0.1), waves(4, 2, 0.2)};
        cr_expect(rv_gradcheck(layer, NULL, in, 2, &r));
        cr_expect(rv_gradgradcheck(layer, NULL, in, 2, &r));
        cr_expect_not(rv_gradcheck(says_nothing, NULL, in, 2, &r));
        rv_error();
    }
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before);
}

Test(untouched, a_check_says_the_same_each_time)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(3, 4, 0.1), waves(4, 2, 0.2)};
    for (int fast = 0; fast < 2; fast++) {
        rv_gradgradcheck(layer, NULL, in, 2, &r, .fast = fast);
        const rv_gradcheck_report first = r;
        rv_rand(RV_F32, 10);
        rv_gradgradcheck(layer, NULL, in, 2, &r, .fast = fast);
        cr_expect_str_eq(r.message, first.message);
        cr_expect(r.error == first.error && r.analytic == first.analytic);
    }
}
