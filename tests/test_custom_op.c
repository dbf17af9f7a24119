/* test_custom_op.c - operations that a user brings along: right ones work like the library's own,
 * and whatever is wrong about one is an error that names it. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

static rv_tensor *leaf(double value)
{
    return rv_require_grad(rv_full_n(value, RV_F64, 0, NULL));
}

/* x*x, computed apart from the graph, recorded as `op`. */
static rv_tensor *square_by(const rv_op *op, rv_tensor *x)
{
    RV_NO_GRAD;
    rv_tensor *y = rv_mul(x, x);
    rv_set_recording(true);
    return rv_record(op, y, 1, &x, NULL, 0);
}

/* ---- right ----------------------------------------------------------------------------------- */

static void square_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), 2));
}
static const rv_op square_op = RV_CUSTOM_OP(square, 1, RV_SAVE_INPUT(0), square_derivative);

Test(custom, has_every_derivative)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = square_by(&square_op, x);
    rv_tensor **first = rv_gradients(&y, 1, &x, 1, .create_graph = true);
    cr_assert_not_null(first);
    cr_expect_eq(rv_item(first[0]), 6);
    rv_tensor **second = rv_gradients(&first[0], 1, &x, 1);
    cr_assert_not_null(second);
    cr_expect_eq(rv_item(second[0]), 2);
    cr_expect(no_error());
}

/* x to a power that is an attribute. */
static void power_derivative(rv_derivative *d)
{
    const double power = *(const double *)d->attributes;
    rv_tensor *x = rv_saved_input(d, 0);
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_pow_scalar(x, power - 1), power));
}
static const rv_op power_op = RV_CUSTOM_OP(power, 1, RV_SAVE_INPUT(0), power_derivative);

Test(custom, attributes_are_copied)
{
    RV_SCOPE;
    rv_tensor *x = leaf(2), *y;
    {
        RV_NO_GRAD;
        y = rv_pow_scalar(x, 3);
    }
    double power = 3;
    y = rv_record(&power_op, y, 1, &x, &power, sizeof power);
    power = 100;
    cr_expect(rv_backward(y));
    cr_expect(HOLDS(rv_grad(x), 1e-15, 12));
}

/* Two outputs: 2x and x*x. Both derivatives, wherever a gradient came. */
static void pair_derivative(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 0), *sum = NULL;
    if (d->gs[0] != NULL)
        sum = rv_mul_scalar(d->gs[0], 2);
    if (d->gs[1] != NULL) {
        rv_tensor *part = rv_mul(d->gs[1], rv_mul_scalar(x, 2));
        sum = sum != NULL ? rv_add(sum, part) : part;
    }
    d->grads[0] = sum;
}
static const rv_op pair_op = RV_CUSTOM_OP(pair, 1, RV_SAVE_INPUT(0), pair_derivative);

static bool pair_of(rv_tensor *x, rv_tensor *out[2])
{
    {
        RV_NO_GRAD;
        out[0] = rv_mul_scalar(x, 2);
        out[1] = rv_mul(x, x);
    }
    return rv_record_many(&pair_op, 2, out, 1, &x, NULL, 0);
}

Test(custom, several_outputs)
{
    RV_SCOPE;
    rv_tensor *x = leaf(5), *out[2];
    cr_assert(pair_of(x, out));
    cr_expect(rv_backward(rv_add(out[0], rv_mul_scalar(out[1], 10)), .retain_graph = true));
    cr_expect_eq(rv_item(rv_grad(x)), 2 + 100);

    for (int i = 0; i < 2; i++) { /* only one of them used */
        rv_zero_grad(x);
        cr_expect(rv_backward(out[i], .retain_graph = true));
        cr_expect_eq(rv_item(rv_grad(x)), i == 0 ? 2 : 10);
    }

    rv_tensor *xs[] = {out[1], x};
    rv_tensor **g = rv_gradients(out, 2, xs, 2); /* outputs as xs and as ys */
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 1);
    cr_expect_eq(rv_item(g[1]), 12);
    cr_expect(no_error());
}

/* a*b*c with gradients only where they are needed; `asked` remembers which those were. */
static bool asked[3];
static void product_derivative(rv_derivative *d)
{
    for (int i = 0; i < 3; i++) {
        asked[i] = d->needs[i];
        if (d->needs[i])
            d->grads[i] = rv_mul(
                d->g, rv_mul(rv_saved_input(d, (i + 1) % 3), rv_saved_input(d, (i + 2) % 3)));
    }
}
static const rv_op product_op = RV_CUSTOM_OP(
    product, 3, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2), product_derivative);

static rv_tensor *product(rv_tensor *in[3])
{
    RV_NO_GRAD;
    rv_tensor *y = rv_mul(in[0], rv_mul(in[1], in[2]));
    rv_set_recording(true);
    return rv_record(&product_op, y, 3, in, NULL, 0);
}

Test(custom, only_what_is_needed_is_asked_for)
{
    RV_SCOPE;
    rv_tensor *in[] = {leaf(2), rv_full(3, RV_F64), leaf(5)};
    rv_tensor *y = product(in);
    rv_tensor **g = rv_gradients(&y, 1, &in[0], 1, .retain_graph = true);
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 15);
    cr_expect(asked[0] && !asked[1] && !asked[2]);
    cr_expect(rv_backward(y));
    cr_expect(asked[0] && !asked[1] && asked[2]);
    cr_expect_eq(rv_item(rv_grad(in[2])), 6);
}

/* An operation that broadcasts need not sum: the engine does. */
static void spread_derivative(rv_derivative *d)
{
    d->grads[0] = d->grads[1] = d->g;
}
static const rv_op spread_op = RV_CUSTOM_OP(spread, 2, RV_SAVE_NOTHING, spread_derivative);

Test(custom, the_engine_sums_what_was_broadcast)
{
    RV_SCOPE;
    rv_tensor *in[] = {rv_require_grad(rv_zeros(RV_F64, 4, 1, 3)),
                       rv_require_grad(rv_zeros(RV_F64, 2, 1))};
    rv_tensor *y;
    {
        RV_NO_GRAD;
        y = rv_add(in[0], in[1]);
    }
    y = rv_record(&spread_op, y, 2, in, NULL, 0);
    cr_expect(rv_backward(rv_sum(y)));
    for (int i = 0; i < 2; i++) {
        rv_tensor *g = rv_grad(in[i]);
        cr_assert_not_null(g);
        cr_expect(g->ndim == in[i]->ndim && g->numel == in[i]->numel);
        cr_expect_eq(at(g, 0), i == 0 ? 2 : 12);
    }
}

/* ---- wrong ----------------------------------------------------------------------------------- */

static void gives_nothing(rv_derivative *d)
{
    (void)d;
}
static const rv_op nothing_op = RV_CUSTOM_OP(nothing, 1, RV_SAVE_NOTHING, gives_nothing);

static void gives_wrong_shape(rv_derivative *d)
{
    (void)rv_input_shape(d, 0);
    d->grads[0] = rv_zeros(RV_F64, 2, 7);
}
static const rv_op wrong_shape_op =
    RV_CUSTOM_OP(wrong_shape, 1, RV_SAVE_NOTHING, gives_wrong_shape);

static void gives_too_few_axes(rv_derivative *d)
{
    d->grads[0] = rv_sum(d->g);
}
static const rv_op few_axes_op = RV_CUSTOM_OP(few_axes, 1, RV_SAVE_NOTHING, gives_too_few_axes);

static void gives_wrong_dtype(rv_derivative *d)
{
    d->grads[0] = rv_cast(d->g, RV_F32);
}
static const rv_op wrong_dtype_op =
    RV_CUSTOM_OP(wrong_dtype, 1, RV_SAVE_NOTHING, gives_wrong_dtype);

static void asks_for_unsaved_input(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_input(d, 0));
}
static const rv_op unsaved_input_op =
    RV_CUSTOM_OP(unsaved_input, 1, RV_SAVE_OUTPUT, asks_for_unsaved_input);

static void asks_for_unsaved_output(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_output(d));
}
static const rv_op unsaved_output_op =
    RV_CUSTOM_OP(unsaved_output, 1, RV_SAVE_INPUT(0), asks_for_unsaved_output);

static void reports(rv_derivative *d)
{
    d->grads[0] = rv_fail_null(RV_ERROR_STATE, "reporting", "the moon is full");
}
static const rv_op reporting_op = RV_CUSTOM_OP(reporting, 1, RV_SAVE_NOTHING, reports);

static void asks_beyond(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_input(d, 1));
}
static const rv_op beyond_op = RV_CUSTOM_OP(beyond, 1, RV_SAVE_INPUT(0), asks_beyond);

static const struct {
    const rv_op *op;
    rv_status status;
    const char *message;
} wrong[] = {
    {&nothing_op, RV_ERROR_GRAPH, "nothing: "},
    {&wrong_shape_op, RV_ERROR_SHAPE, "wrong_shape: "},
    {&few_axes_op, RV_ERROR_SHAPE, "few_axes: "},
    {&wrong_dtype_op, RV_ERROR_DTYPE, "wrong_dtype: "},
    {&unsaved_input_op, RV_ERROR_GRAPH, "unsaved_input: "},
    {&unsaved_output_op, RV_ERROR_GRAPH, "unsaved_output: "},
    {&reporting_op, RV_ERROR_STATE, "the moon is full"},
    {&beyond_op, RV_ERROR_GRAPH, "beyond: "},
};

Test(custom, a_wrong_derivative_is_an_error_that_names_it)
{
    for (int i = 0; i < RV_COUNT(wrong); i++) {
        RV_SCOPE;
        rv_tensor *x = rv_require_grad(VECTOR(1, 2, 3));
        rv_tensor *y = square_by(wrong[i].op, x);
        cr_assert_not_null(y);
        cr_expect_not(rv_backward(rv_sum(y)));
        cr_expect(error_is(wrong[i].status, wrong[i].message), "%s", wrong[i].op->name);
        cr_expect_null(rv_grad(x));
        cr_expect(rv_recording());
    }
}

/* A walk that fails after other leaves were reached changes none of them. */
Test(custom, a_failed_walk_changes_no_leaf)
{
    for (int i = 0; i < RV_COUNT(wrong); i++) {
        RV_SCOPE;
        rv_tensor *a = leaf(2), *b = rv_require_grad(VECTOR(1, 2, 3)), *c = leaf(4);
        cr_expect(rv_set_grad(a, rv_full(10, RV_F64)));
        const rv_tensor *before = rv_grad(a);
        rv_tensor *y = rv_mul(rv_mul(a, rv_sum(square_by(wrong[i].op, b))), c);
        cr_expect_not(rv_backward(y));
        cr_expect_not_null(rv_error());
        cr_expect_eq(rv_grad(a), before);
        cr_expect_eq(rv_item(rv_grad(a)), 10);
        cr_expect_null(rv_grad(b));
        cr_expect_null(rv_grad(c));
        /* Apart from that, they are as good as before. */
        cr_expect(rv_backward(rv_mul(a, c)));
        cr_expect_eq(rv_item(rv_grad(a)), 14);
        cr_expect(no_error());
    }
}

Test(custom, wrong_records_are_errors)
{
    RV_SCOPE;
    rv_tensor *in[] = {leaf(1), leaf(2)};
    cr_expect_null(rv_record(&square_op, rv_zeros(RV_F64), 2, in, NULL, 0));
    cr_expect(error_is(RV_ERROR_GRAPH, "square"));
    cr_expect_null(rv_record(&square_op, in[1], 1, in, NULL, 0));
    cr_expect(error_is(RV_ERROR_GRAPH, "square"));
    cr_expect_null(rv_record(&square_op, NULL, 1, in, NULL, 0));
}

static const rv_op constant_op = RV_CUSTOM_OP(constant, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

Test(custom, not_differentiable_requires_no_gradient)
{
    RV_SCOPE;
    rv_tensor *y = square_by(&constant_op, leaf(3));
    cr_assert_not_null(y);
    cr_expect_not(rv_requires_grad(y));
    cr_expect(no_error());
}

/* ---- rv_custom: with a context of its own -----------------------------------------------------
 */

/* x^power: a context that counts what becomes of it. */
typedef struct exponent {
    double power;
    int forwards, derivatives, released;
} exponent;

static rv_tensor *raise_forward(rv_tensor **in, void *context)
{
    exponent *e = context;
    e->forwards++;
    rv_tensor *y = rv_empty_like(in[0]);
    for (int64_t i = 0; y != NULL && i < y->numel; i++)
        ((double *)y->data)[i] = pow(((const double *)in[0]->data)[i], e->power);
    return y;
}

static void raise_derivative(rv_derivative *d)
{
    exponent *e = d->context;
    e->derivatives++;
    rv_tensor *slope = rv_mul_scalar(rv_pow_scalar(rv_saved_input(d, 0), e->power - 1), e->power);
    d->grads[0] = rv_mul(d->g, slope);
}

static void exponent_released(void *context)
{
    ((exponent *)context)->released++;
}

static rv_tensor *raised(rv_tensor **in, void *context)
{
    return rv_custom("raise", raise_forward, raise_derivative, in, 1, context, exponent_released);
}

Test(with_context, is_as_good_as_ours)
{
    RV_SCOPE;
    exponent e = {.power = 3};
    rv_tensor *x[] = {VECTOR(0.7, 1.9, 1.2)};
    rv_gradcheck_report r;
    cr_expect(rv_gradcheck(raised, &e, x, 1, &r), "%s", r.message);
    cr_expect(rv_gradgradcheck(raised, &e, x, 1, &r), "%s", r.message);
    cr_expect_eq(e.released, e.forwards, "one context of each call, and none is left");

    rv_tensor *y = raised(x, &e);
    cr_expect_not(rv_requires_grad(y), "nothing to record");
    cr_expect_eq(e.released, e.forwards);
    cr_expect(no_error());
}

Test(with_context, the_context_lives_as_long_as_the_graph)
{
    exponent e = {.power = 2};
    rv_tensor *kept;
    {
        RV_SCOPE;
        rv_tensor *x[] = {rv_require_grad(VECTOR(3))};
        kept = rv_retain(rv_sum(raised(x, &e)));
        cr_expect(rv_backward(kept, .retain_graph = true));
        cr_expect(rv_backward(kept));
        cr_expect(HOLDS(rv_grad(x[0]), 0, 12));
        cr_expect_eq(e.released, 0, "a tensor of the graph is still there");
    }
    cr_expect_eq(e.released, 0);
    rv_release(kept);
    cr_expect_eq(e.released, 1);
    cr_expect(e.forwards == 1 && e.derivatives == 2);

    {
        RV_SCOPE; /* freed unwalked */
        rv_tensor *x[] = {rv_require_grad(VECTOR(3))};
        cr_expect_not_null(rv_tanh(raised(x, &e)));
    }
    cr_expect_eq(e.released, 2);
    cr_expect(no_error());
}

/* Each of three returns something that another tensor is made of. */
static rv_tensor *gives_the_input(rv_tensor **in, void *context)
{
    (void)context;
    return in[0];
}
static rv_tensor *gives_a_constant(rv_tensor **in, void *context)
{
    (void)in;
    return context;
}
static rv_tensor *gives_operations(rv_tensor **in, void *context)
{
    (void)context;
    return rv_mul(in[0], in[1]);
}
static void of_product(rv_derivative *d)
{
    for (int i = 0; i < 2; i++)
        if (d->needs[i])
            d->grads[i] = rv_mul(d->g, rv_saved_input(d, 1 - i));
}
static void passes_g(rv_derivative *d)
{
    for (int i = 0; i < d->inputs; i++)
        if (d->needs[i])
            d->grads[i] = d->g;
}

Test(with_context, forward_may_return_anything)
{
    RV_SCOPE;
    rv_tensor *constant = rv_full(5, RV_F64), *x = leaf(3);
    rv_tensor *in[] = {constant, x}, *y = rv_custom("first", gives_the_input, passes_g, in, 2);
    cr_assert_not_null(y);
    cr_expect(y != constant && !rv_requires_grad(constant) && rv_requires_grad(y));
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 1);

    y = rv_custom("constant", gives_a_constant, passes_g, &x, 1, constant);
    cr_expect(rv_requires_grad(y) && !rv_requires_grad(constant));
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 2);

    rv_tensor *both[] = {x, leaf(7)};
    y = rv_custom("product", gives_operations, of_product, both, 2);
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 9);
    cr_expect_eq(rv_item(rv_grad(both[1])), 3);
    cr_expect(no_error());

    y = rv_custom("constant", gives_the_input, RV_NOT_DIFFERENTIABLE, &x, 1);
    cr_expect(y != NULL && y != x && !rv_requires_grad(y));
}

Test(with_context, only_what_is_saved_is_given)
{
    RV_SCOPE;
    rv_tensor *both[] = {leaf(3), leaf(7)};
    rv_tensor *y =
        rv_custom("lean", gives_operations, of_product, both, 2, .saves = RV_SAVE_INPUT(0));
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_GRAPH, "lean: input 1 was not saved"));
}

static rv_tensor *fails(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return rv_fail_null(RV_ERROR_STATE, "forward", "it snows");
}
static rv_tensor *gives_null(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return NULL;
}

Test(with_context, what_is_wrong_is_named_and_released)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *none = NULL;
    exponent e = {.power = 1};
    const struct {
        rv_custom_options options;
        rv_status status;
        const char *message;
    } cases[] = {
        {{.name = NULL, fails, passes_g, &x, 1}, RV_ERROR_NULL, "custom: the name is NULL"},
        {{.name = "snow", NULL, passes_g, &x, 1},
         RV_ERROR_NULL,
         "snow: the forward function is NULL"},
        {{.name = "snow", fails, passes_g, NULL, 1}, RV_ERROR_NULL, "snow: inputs is NULL"},
        {{.name = "snow", fails, passes_g, &x, 0}, RV_ERROR_ARGUMENT, "snow: 0 inputs"},
        {{.name = "snow", fails, passes_g, &none, 1}, RV_ERROR_NULL, "snow: input 0 is NULL"},
        {{.name = "snow", fails, passes_g, &x, 1}, RV_ERROR_STATE, "forward: it snows"},
        {{.name = "snow", gives_null, passes_g, &x, 1},
         RV_ERROR_NULL,
         "snow: its forward function returned NULL without an error"},
    };
    for (int i = 0; i < RV_COUNT(cases); i++) {
        rv_custom_options o = cases[i].options;
        o.context = &e;
        o.release = exponent_released;
        cr_expect_null(rv_custom_with(&o));
        cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
        cr_expect_eq(e.released, i + 1, "case %d", i);
        cr_expect(rv_recording());
    }
    cr_expect_null(rv_custom_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "custom: "));

    rv_tensor *three = rv_require_grad(VECTOR(1, 2, 3));
    rv_tensor *y =
        rv_custom("shifty", gives_the_input, gives_wrong_shape, &three, 1, &e, exponent_released);
    cr_expect_not(rv_backward(rv_sum(y)));
    cr_expect(error_is(RV_ERROR_SHAPE, "shifty: "));
    const char *long_name =
        "a_name_of_more_than_sixty_three_bytes_is_cut_where_it_is_too_long_to_keep";
    y = rv_custom(long_name, gives_the_input, gives_nothing, &x, 1);
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_GRAPH, "a_name_of_more_than_sixty_three_bytes"));
}
