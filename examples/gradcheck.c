/* gradcheck: is a derivative right? How to ask, and what the answer looks like when it is not.
 *
 * Three functions are checked, to first and second order, in double precision. The first is
 * composed of Ravine's operations, so its derivative comes for free. The second is an operation of
 * our own with a derivative of our own. The third is the second with a mistake in its derivative.
 */
#include <math.h>
#include <stdio.h>

#include <ravine.h>

/* The design's example: y = tanh(a b), of two matrices. */
static rv_tensor *hyperbolic_layer(rv_tensor **in, void *context)
{
    (void)context;
    return rv_tanh(rv_matmul(in[0], in[1]));
}

/* An operation of our own: softplus, y = log(1 + e^x), for doubles. Its derivative is
 * sigmoid(x), and it is written with operations, so that it can be differentiated again. */
static void softplus_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_sigmoid(rv_saved_input(d, 0)));
}

/* The same, but whoever wrote it remembered the derivative as 1 - sigmoid(x). */
static void mistaken_derivative(rv_derivative *d)
{
    rv_tensor *s = rv_sigmoid(rv_saved_input(d, 0));
    d->grads[0] = rv_mul(d->g, rv_add_scalar(rv_neg(s), 1));
}

static const rv_op softplus_op = RV_CUSTOM_OP(softplus, 1, RV_SAVE_INPUT(0), softplus_derivative);
static const rv_op mistaken_op = RV_CUSTOM_OP(mistaken, 1, RV_SAVE_INPUT(0), mistaken_derivative);

static rv_tensor *softplus(const rv_op *op, rv_tensor *x)
{
    if (x != NULL && rv_dtype_of(x) != RV_F64)
        return rv_fail_null(RV_ERROR_DTYPE, op->name, "x is %s, expected F64",
                            rv_dtype_name(rv_dtype_of(x)));
    rv_tensor *rows = rv_contiguous(rv_detach(x)); /* its elements one behind the other */
    rv_tensor *y = rv_empty_like(rows);
    if (y == NULL)
        return NULL;
    const double *from = rv_data(rows);
    double *to = rv_data(y);
    for (int64_t i = 0; i < rv_numel(y); i++)
        to[i] = fmax(from[i], 0) + log1p(exp(-fabs(from[i]))); /* does not overflow */
    return rv_record(op, y, 1, &x, NULL, 0);
}

static rv_tensor *smooth(rv_tensor **in, void *context)
{
    return softplus(context, in[0]);
}

/* Checks a function to first and second order, and prints what came of it. */
static bool check(const char *what, rv_function *function, const rv_op *op, rv_tensor **in, int n)
{
    rv_gradcheck_report r;
    void *context = (void *)op;

    printf("%s\n", what);
    const bool first = rv_gradcheck(function, context, in, n, &r);
    printf("  first order:  %s: %s\n", first ? "right" : "WRONG", r.message);
    if (!first)
        return false; /* the derivative of a wrong derivative is of no use */
    const bool second = rv_gradgradcheck(function, context, in, n, &r);
    printf("  second order: %s: %s\n", second ? "right" : "WRONG", r.message);
    return second;
}

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_seed(42);
    rv_tensor *in[] = {rv_randn(RV_F64, 3, 4), rv_randn(RV_F64, 4, 2)};

    const bool composed = check("tanh(a b), composed of operations", hyperbolic_layer, NULL, in, 2);
    const bool ours = check("softplus, an operation of our own", smooth, &softplus_op, in, 1);
    const bool mistaken = check("softplus with a mistake in its derivative, planted to be found",
                                smooth, &mistaken_op, in, 1);

    rv_finish();
    if (composed && ours && !mistaken)
        return 0;
    printf("That is not what this example should print: please report it.\n");
    return 1;
}
