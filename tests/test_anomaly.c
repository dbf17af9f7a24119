/* test_anomaly.c - the operation that made the first NaN or infinity is named, and no other. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "samples.h"

#define NAMED(call, text)                                              \
    do {                                                               \
        cr_expect_null(call, "%s", #call);                             \
        cr_expect(error_is(RV_ERROR_NOT_FINITE, (text)), "%s", #call); \
    } while (0)
#define QUIET(call)                            \
    do {                                       \
        cr_expect_not_null(call, "%s", #call); \
        cr_expect(no_error(), "%s", #call);    \
    } while (0)

/* ---- forward --------------------------------------------------------------------------------- */

Test(anomaly, the_operation_is_named_and_the_place)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *x = rv_from_array(((double[]){1, 2, 0, 4, 5, 6}), RV_F64, 2, 3);
    NAMED(rv_log(x), "log: its output [2,3] has -inf at [0,2]; there, input 0 has 0");
    NAMED(rv_div(VECTOR(1, 2), VECTOR(1, 0)),
          "div: its output [2] has inf at [1]; there, input 0 has 2, input 1 has 0");
    NAMED(rv_div(rv_zeros(RV_F64, 2, 1), VECTOR(1, 1, 0)),
          "div: its output [2,3] has nan at [0,2]; there, input 0 has 0, input 1 has 0");
    NAMED(rv_sqrt(rv_cast(VECTOR(1, -1), RV_F32)), "sqrt: its output [2] has nan at [1]; there, "
                                                   "input 0 has -1");
    NAMED(rv_matmul(rv_full(1e200, RV_F64, 2, 3), rv_full(1e200, RV_F64, 3, 1)),
          "matmul: its output [2,1] has inf at [0,0]; its inputs [2,3], [3,1] are finite");
    NAMED(rv_log(rv_transpose(x, 0, 1)), "has -inf at [2,0]");
    /* A NaN is worse than an infinity, and wins. */
    NAMED(rv_log(VECTOR(0, 1, -1)), "log: its output [3] has nan at [2]");
    QUIET(rv_log(VECTOR(1, 2)));
}

Test(anomaly, what_came_in_is_not_blamed)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *inf = VECTOR(1, INFINITY), *nan = VECTOR(1, NAN);
    QUIET(rv_add_scalar(inf, 1));
    QUIET(rv_mul(nan, inf));
    QUIET(rv_reshape(nan, 2, 1));
    QUIET(rv_exp(inf));
    QUIET(rv_add_scalar(VECTOR(1, 2), INFINITY)); /* the number is an input too */
    QUIET(rv_gt_scalar(nan, 0));
    QUIET(rv_cast(rv_zeros(RV_I64, 3), RV_F64));
    QUIET(rv_log(rv_zeros(RV_F64, 0, 3)));
    /* But a NaN made of infinities is somebody's. */
    NAMED(rv_sub(inf, inf), "sub: its output [2] has nan at [1]; its input 0 [2] has inf at [1]");
}

Test(anomaly, recorded_or_not)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *x = rv_require_grad(VECTOR(0));
    NAMED(rv_log(x), "log: ");
    RV_NO_GRAD;
    NAMED(rv_log(x), "log: ");
}

Test(anomaly, is_on_for_a_block_of_a_thread)
{
    RV_SCOPE;
    QUIET(rv_log(VECTOR(0)));
    {
        RV_DETECT_ANOMALY;
        NAMED(rv_log(VECTOR(0)), "log: ");
        cr_expect(rv_detect_anomaly(false), "it says what it was");
        QUIET(rv_log(VECTOR(0)));
        cr_expect_not(rv_detect_anomaly(true));
    }
    QUIET(rv_log(VECTOR(0)));
    cr_expect_not(rv_detect_anomaly(false));
}

/* ---- backward -------------------------------------------------------------------------------- */

Test(anomaly, the_derivative_is_named)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *x = rv_require_grad(VECTOR(1, 4, 0));
    cr_expect_not(rv_backward(rv_sum(rv_sqrt(x))));
    cr_expect(error_is(RV_ERROR_NOT_FINITE,
                       "sqrt: its derivative gave inf for input 0, at [2] of [3], in the walk of "
                       "backward; it was made by div: its output [3] has inf at [2]; there, "));
    cr_expect_null(rv_grad(x));

    rv_tensor *y = rv_sum(rv_sqrt(x));
    cr_expect_null(rv_gradients(&y, 1, &x, 1, .create_graph = true));
    cr_expect(error_is(RV_ERROR_NOT_FINITE, "in the walk of gradients"));
    cr_expect(rv_backward(rv_sum(rv_sqrt(rv_add_scalar(x, 1)))) && no_error());
}

/* The famous trap: what where leaves out has an infinite slope, and 0 times that is NaN. */
Test(anomaly, what_where_hides_in_forward)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(0, 4)), *zero = rv_full(0, RV_F64);
    rv_tensor *y = rv_sum(rv_where(rv_gt_scalar(x, 0), rv_sqrt(x), zero));
    cr_expect(rv_backward(y, .retain_graph = true));
    cr_expect(isnan(at(rv_grad(x), 0)), "that is the trap");
    rv_zero_grad(x);
    RV_DETECT_ANOMALY;
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_NOT_FINITE, "sqrt: its derivative gave nan for input 0, at [0]"));
}

/* A derivative that computes what it then leaves out is no anomaly. */
static void guarded(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 0), *zero = rv_full(0, RV_F64);
    d->grads[0] = rv_where(rv_gt_scalar(x, 0), rv_div(d->g, x), zero);
}
static const rv_op guarded_op = RV_CUSTOM_OP(guarded, 1, RV_SAVE_INPUT(0), guarded);

/* One that fills memory itself is looked at too. */
static void raw(rv_derivative *d)
{
    d->grads[0] = rv_full_n(NAN, RV_F64, d->g->ndim, d->g->shape);
}
static const rv_op raw_op = RV_CUSTOM_OP(raw, 1, RV_SAVE_NOTHING, raw);

static rv_tensor *recorded(const rv_op *op, rv_tensor *x)
{
    return rv_record(op, rv_copy(rv_detach(x)), 1, &x, NULL, 0);
}

Test(anomaly, only_what_a_derivative_gives_counts)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *x = rv_require_grad(VECTOR(0, 4));
    cr_expect(rv_backward(rv_sum(recorded(&guarded_op, x))) && no_error());
    cr_expect(HOLDS(rv_grad(x), 0, 0, 0.25));
    cr_expect_not(rv_backward(rv_sum(recorded(&raw_op, x))));
    cr_expect(error_is(RV_ERROR_NOT_FINITE, "raw: its derivative gave nan for input 0, at [0]"));
    NAMED(rv_log(VECTOR(0)), "log: its output"); /* and after it, operations are named again */
}

/* Gradients that came in infinite, and what was saved so, are not the derivative's. */
Test(anomaly, what_came_into_backward_is_not_blamed)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2)), *w = VECTOR(1, INFINITY);
    RV_DETECT_ANOMALY;
    cr_expect(rv_backward(rv_tanh(x), .gradient = VECTOR(1, INFINITY)) && no_error());
    rv_zero_grad(x);
    cr_expect(rv_backward(rv_sum(rv_mul(x, w))) && no_error());
}

Test(anomaly, gradients_that_overflow_as_they_are_summed)
{
    RV_SCOPE;
    RV_DETECT_ANOMALY;
    rv_tensor *x = rv_require_grad(VECTOR(1e-9));
    rv_tensor *a = rv_mul_scalar(x, 1.5e308), *b = rv_mul_scalar(x, 1.5e308);
    cr_expect_not(rv_backward(rv_sum(rv_add(a, b))));
    cr_expect(error_is(RV_ERROR_NOT_FINITE, "add: "));
    cr_expect_null(rv_grad(x));
}

/* ---- the library's own operations ------------------------------------------------------------ */

static bool is_finite(const rv_tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++)
        if (!isfinite(at(t, i)))
            return false;
    return true;
}

/* Whether a sample's result and gradients are finite; nothing of that may be an anomaly then. */
static bool stays_finite(const sample *s, rv_tensor **in, int n)
{
    const rv_tensor *y = s->run(in, NULL);
    if (y == NULL || !is_finite(y) || !rv_requires_grad(y))
        return y != NULL && is_finite(y);
    rv_tensor *g = sample_weights(s, SAMPLE_MAX_INPUTS, y), *leaves[SAMPLE_MAX_INPUTS];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (rv_requires_grad(in[i]))
            leaves[count++] = in[i];
    rv_tensor *root = (rv_tensor *)y;
    rv_tensor **grads =
        rv_gradients(&root, 1, leaves, count, .gradients = &g, .allow_unused = true);
    for (int i = 0; grads != NULL && i < count; i++)
        if (grads[i] != NULL && !is_finite(grads[i]))
            return false;
    return grads != NULL;
}

Test(anomaly, no_sample_of_the_table_is_one)
{
    int tried = 0;
    const sample *s;
    for (int i = 0; (s = sample_at(i)) != NULL; i++) {
        RV_SCOPE;
        if (s->gradient == SAMPLE_NONE)
            continue; /* some of these make a NaN to look at it */
        rv_tensor *in[SAMPLE_MAX_INPUTS];
        const int n = sample_inputs(s);
        for (int k = 0; k < n; k++) {
            in[k] = sample_make(s, k);
            if (rv_dtype_is_floating(in[k]->dtype))
                rv_require_grad(in[k]);
        }
        if (!stays_finite(s, in, n)) {
            (void)rv_error();
            continue;
        }
        RV_DETECT_ANOMALY;
        const bool quiet = stays_finite(s, in, n);
        const char *error = rv_error();
        /* pad was told to write an infinity, as the header says. */
        const bool told = error != NULL && strncmp(error, "pad: its output", 15) == 0;
        cr_expect((quiet && error == NULL) || told, "%s/%s: %s", s->op, s->name, error);
        tried++;
    }
    cr_expect(tried > 100, "%d samples were tried", tried);
}
