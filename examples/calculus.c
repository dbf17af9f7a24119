/* calculus: what derivatives of derivatives are good for.
 *
 * Rosenbrock's function, (1 - x)^2 + 100 (y - x^2)^2, is a long, narrow, bent valley: its floor
 * falls hardly at all towards the minimum at (1, 1), its walls are steep. First Newton's method
 * runs down it, with the Hessian that rv_hessian computes; gradient descent walks beside it. Then
 * the condition number of the Hessian says why the one is so much faster than the other, once from
 * all eigenvalues, and once from products with the Hessian alone, as one would have to do it for a
 * network of a million parameters. Last, an operation of our own, with a context, is checked.
 */
#include <math.h>
#include <stdio.h>

#include <ravine.h>

/* A function to differentiate: from tensors to a tensor, built from operations. Nothing else is
 * needed. */
static rv_tensor *rosenbrock(rv_tensor **in, void *context)
{
    (void)context;
    rv_tensor *x = rv_slice(in[0], .stop = 1), *y = rv_slice(in[0], .start = 1);
    rv_tensor *a = rv_sub_scalar(x, 1), *b = rv_sub(y, rv_square(x));
    return rv_sum(rv_add(rv_square(a), rv_mul_scalar(rv_square(b), 100)));
}

static rv_tensor *start(void)
{
    return rv_from_array(((double[]){-1.2, 1}), RV_F64, 2);
}

static double norm_of(rv_tensor *v)
{
    return rv_item(rv_norm(v));
}

/* ---- Newton's method ------------------------------------------------------------------------- */

/* x - H^-1 g, until the gradient is 0 to within rounding. Returns how many steps that took. */
static int newton(rv_tensor *x)
{
    for (int step = 0; step < 100; step++) {
        RV_SCOPE;
        const rv_vjp_result r = rv_vjp(rosenbrock, NULL, RV_TENSORS(x), NULL);
        rv_tensor *g = r.products.items[0];
        printf("  step %d: f = %-11.4g |g| = %-11.4g at (%.6f, %.6f)\n", step, rv_item(r.output),
               norm_of(g), rv_item_at(x, 0), rv_item_at(x, 1));
        if (norm_of(g) < 1e-9)
            return step;
        rv_tensor *h = rv_hessian(rosenbrock, NULL, RV_TENSORS(x));
        rv_copy_into(x, rv_sub(x, rv_solve(h, g)));
    }
    return -1;
}

/* The same by x - 0.001 g: with larger steps it leaves the valley. */
static int gradient_descent(rv_tensor *x)
{
    for (int step = 0; step < 1000000; step++) {
        RV_SCOPE;
        rv_tensor *g = rv_vjp(rosenbrock, NULL, RV_TENSORS(x), NULL).products.items[0];
        if (norm_of(g) < 1e-9)
            return step;
        rv_copy_into(x, rv_sub(x, rv_mul_scalar(g, 0.001)));
    }
    return -1;
}

/* ---- the condition number -------------------------------------------------------------------- */

/* The eigenvalue of H - shift that is largest in size, by power iteration: a vector that is
 * multiplied again and again turns towards that eigenvector. H itself is never formed. */
static double power_iteration(rv_tensor *x, double shift)
{
    rv_tensor *v = rv_from_array(((double[]){0.6, 0.8}), RV_F64, 2);
    double value = 0;
    for (int i = 0; i < 50; i++) {
        RV_SCOPE;
        const rv_hvp_result r = rv_hvp(rosenbrock, NULL, RV_TENSORS(x), RV_TENSORS(v));
        rv_tensor *product = rv_sub(r.products.items[0], rv_mul_scalar(v, shift));
        value = rv_item(rv_sum(rv_mul(v, product)));
        rv_copy_into(v, rv_div_scalar(product, norm_of(product)));
    }
    return value;
}

/* The largest eigenvalue of H over the smallest at x, in two ways; true if they agree. */
static bool condition_number(rv_tensor *x)
{
    rv_tensor *values = rv_eigh(rv_hessian(rosenbrock, NULL, RV_TENSORS(x))).values; /* ascending */
    const double smallest = rv_item_at(values, 0), largest = rv_item_at(values, 1);
    printf("  all eigenvalues:   %.6f and %.6f, condition number %.2f\n", smallest, largest,
           largest / smallest);

    const double most = power_iteration(x, 0);
    const double least = power_iteration(x, most) + most; /* H - most turns the order round */
    printf("  by products alone: %.6f and %.6f, condition number %.2f\n", least, most,
           most / least);
    return fabs(least - smallest) < 1e-6 * smallest && fabs(most - largest) < 1e-6 * largest;
}

/* ---- an operation of our own ----------------------------------------------------------------- */

/* log(1 + e^(beta x)) / beta, a smooth relu that is the sharper the larger beta is, computed
 * element by element so that it does not overflow; beta is the context. */
static rv_tensor *softplus_forward(rv_tensor **in, void *context)
{
    const double beta = *(const double *)context;
    rv_tensor *x = rv_contiguous(in[0]), *y = rv_empty_like(x);
    if (y == NULL)
        return NULL;
    const double *from = rv_data(x);
    double *to = rv_data(y);
    for (int64_t i = 0; i < rv_numel(y); i++)
        to[i] = fmax(from[i], 0) + log1p(exp(-fabs(beta * from[i]))) / beta;
    return y;
}

/* sigmoid(beta x), in operations, so that it can be differentiated in turn. */
static void softplus_derivative(rv_derivative *d)
{
    const double beta = *(const double *)d->context;
    d->grads[0] = rv_mul(d->g, rv_sigmoid(rv_mul_scalar(rv_saved_input(d, 0), beta)));
}

static rv_tensor *softplus(rv_tensor **in, void *context)
{
    return rv_custom("softplus", softplus_forward, softplus_derivative, in, 1, context);
}

static bool check_softplus(void)
{
    double beta = 3;
    rv_tensor *in[] = {rv_randn(RV_F64, 3, 4)};
    rv_gradcheck_report r;
    const bool first = rv_gradcheck(softplus, &beta, in, 1, &r);
    printf("  first order:  %s: %s\n", first ? "right" : "WRONG", r.message);
    const bool second = rv_gradgradcheck(softplus, &beta, in, 1, &r);
    printf("  second order: %s: %s\n", second ? "right" : "WRONG", r.message);
    return first && second;
}

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_seed(42);

    printf("Newton's method, with the Hessian:\n");
    rv_tensor *x = start();
    const int newton_steps = newton(x);
    const int gradient_steps = gradient_descent(start());
    printf("  Newton takes %d steps, gradient descent %d.\n\n", newton_steps, gradient_steps);

    printf("The Hessian at the minimum: how many times steeper the walls are than the floor:\n");
    const bool agree = condition_number(x);
    printf("  the two agree: %s\n\n", agree ? "yes" : "NO");

    printf("An operation of our own, softplus, whose sharpness is its context:\n");
    const bool right = check_softplus();

    rv_finish();
    if (agree && right && newton_steps > 0 && gradient_steps > newton_steps)
        return 0;
    printf("That is not what this example should print: please report it.\n");
    return 1;
}
