/* test_linalg.c - linear algebra beyond what small samples show: matrices large enough for LAPACK's
 * blocks, the same bits on any number of threads, third derivatives, gradients of each sample.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "samples_lapack.h"

/* The largest element of |a - b|, relative to the largest of |b|. */
static double distance(const rv_tensor *a, const rv_tensor *b)
{
    double most = 0, size = 0;
    cr_assert(a != NULL && b != NULL, "%s", rv_error());
    cr_assert(rv_same_shape(a, b));
    for (int64_t i = 0; i < a->numel; i++) {
        const double difference = fabs(at(a, i) - at(b, i));
        most = difference > most || isnan(difference) ? difference : most;
        size = fmax(size, fabs(at(b, i)));
    }
    return size > 0 ? most / size : most;
}

/* ---- gradients of each sample -----------------------------------------------------------------
 */

/* The gradient for weight and bias expanded over the batch is each sample's own. */
Test(linalg, linear_gives_gradients_of_each_sample)
{
    enum { BATCH = 5, IN = 4, OUT = 3 };
    rv_tensor *x = rv_randn(RV_F64, BATCH, IN), *one = rv_randn(RV_F64, OUT, IN);
    rv_tensor *bias = rv_randn(RV_F64, OUT);
    rv_tensor *each = rv_require_grad(rv_expand(one, BATCH, OUT, IN));
    rv_tensor *bias_each = rv_require_grad(rv_expand(bias, BATCH, OUT));
    cr_assert_eq(each->strides[0], 0);
    rv_tensor *y = rv_tanh(rv_linear(x, each, bias_each));
    cr_expect(rv_equal(y, rv_tanh(rv_linear(x, one, bias))));
    cr_assert(rv_backward(rv_sum(rv_mul(y, y))), "%s", rv_error());

    rv_require_grad(one);
    rv_require_grad(bias);
    for (int i = 0; i < BATCH; i++) {
        rv_tensor *own = rv_tanh(rv_linear(rv_slice(x, .start = i, .stop = i + 1), one, bias));
        rv_zero_grad(one);
        rv_zero_grad(bias);
        cr_assert(rv_backward(rv_sum(rv_mul(own, own))));
        rv_tensor *got = rv_slice(rv_grad(each), .start = i, .stop = i + 1);
        cr_expect_lt(distance(rv_reshape(got, OUT, IN), rv_grad(one)), 1e-14);
        got = rv_slice(rv_grad(bias_each), .start = i, .stop = i + 1);
        cr_expect_lt(distance(rv_reshape(got, OUT), rv_grad(bias)), 1e-14);
    }
}

Test(linalg, matmul_gives_gradients_of_each_sample)
{
    enum { BATCH = 4, IN = 3, OUT = 2 };
    rv_tensor *x = rv_randn(RV_F64, BATCH, 1, IN), *one = rv_randn(RV_F64, IN, OUT);
    rv_tensor *each = rv_require_grad(rv_expand(one, BATCH, IN, OUT));
    rv_tensor *y = rv_matmul(x, each);
    cr_expect(rv_equal(y, rv_matmul(x, one)));
    rv_tensor *g = rv_randn(RV_F64, BATCH, 1, OUT);
    cr_assert(rv_backward(y, .gradient = g));
    cr_expect(rv_equal(rv_grad(each), rv_mul(rv_transpose(x, 1, 2), g)));
}

/* ---- third derivatives ------------------------------------------------------------------------
 */

/* The gradient of sum(tanh(f(x))^2), as a function of x, for gradgradcheck: that is f's third
 * derivative. */
static rv_tensor *gradient_of(rv_tensor *(*f)(rv_tensor *x), rv_tensor *x)
{
    const bool was = rv_recording();
    rv_tensor *leaf = rv_requires_grad(x) ? x : rv_require_grad(rv_detach(x));
    rv_set_recording(true);
    rv_tensor *y = rv_tanh(f(rv_tanh(leaf)));
    rv_tensor *loss = rv_sum(rv_mul(y, y));
    rv_tensor **g = rv_gradients(&loss, 1, &leaf, 1, .create_graph = true);
    rv_set_recording(was);
    return g == NULL ? NULL : g[0];
}

static rv_tensor *by_einsum(rv_tensor *x)
{
    return rv_einsum("ij,kj,kl->il", x, x, x);
}
static rv_tensor *by_linear(rv_tensor *x)
{
    rv_tensor *each = rv_mul(rv_reshape(x, 3, 3, 1), rv_reshape(x, 3, 1, 3));
    return rv_linear(x, each, x);
}
#if RV_BLAS
static rv_tensor *by_solve(rv_tensor *x)
{
    return rv_solve(rv_add(x, rv_einsum("ij->ji", rv_mul(x, x))), x);
}
static rv_tensor *by_cholesky(rv_tensor *x)
{
    return rv_cholesky(rv_add(lapack_definite(x), rv_reshape(lapack_identity(), 3, 3)));
}
static rv_tensor *by_triangular(rv_tensor *x)
{
    rv_tensor *a = rv_add(x, rv_mul_scalar(rv_reshape(lapack_identity(), 3, 3), 2));
    return rv_solve_triangular(a, x, .upper = true);
}
static rv_tensor *by_singular_values(rv_tensor *x)
{
    return rv_svdvals(x);
}
static rv_tensor *by_slogdet(rv_tensor *x)
{
    return rv_slogdet(x).logabsdet;
}
static rv_tensor *by_pinv(rv_tensor *x)
{
    return rv_pinv(rv_slice(x, .axis = 1, .stop = 2));
}
static rv_tensor *by_lstsq(rv_tensor *x)
{
    return rv_lstsq(rv_slice(x, .axis = 1, .stop = 2), x);
}
static rv_tensor *by_qr(rv_tensor *x)
{
    return lapack_q_and_r(x, 3);
}
#endif

#define FUNCTIONS_OF_LINALG(X) \
    X(by_einsum)               \
    X(by_linear)
#define FUNCTIONS_OF_LAPACK(X) \
    X(by_solve)                \
    X(rv_inverse)              \
    X(rv_det)                  \
    X(by_slogdet)              \
    X(by_cholesky)             \
    X(by_triangular)           \
    X(lapack_exponential)      \
    X(lapack_projection)       \
    X(lapack_squashed)         \
    X(lapack_left)             \
    X(lapack_right)            \
    X(by_singular_values)      \
    X(by_pinv)                 \
    X(by_lstsq)                \
    X(by_qr)

#if RV_BLAS
#define FUNCTIONS(X) FUNCTIONS_OF_LINALG(X) FUNCTIONS_OF_LAPACK(X)
#else
#define FUNCTIONS(X) FUNCTIONS_OF_LINALG(X)
#endif

#define DEFINE_GRADIENT(f)                                        \
    static rv_tensor *gradient_##f(rv_tensor **in, void *context) \
    {                                                             \
        (void)context;                                            \
        return gradient_of(f, in[0]);                             \
    }
FUNCTIONS(DEFINE_GRADIENT)

static void check_third(rv_function *gradient, const char *name)
{
    static const double values[] = {1.7, -0.3, 0.6, 0.4, -1.2, 0.5, -0.7, 0.2, 0.9};
    RV_SCOPE;
    rv_tensor *x = rv_from_array(values, RV_F64, 3, 3);
    rv_gradcheck_report report;
    cr_expect(rv_gradcheck(gradient, NULL, &x, 1, &report), "%s: second: %s", name, report.message);
    cr_expect(rv_gradgradcheck(gradient, NULL, &x, 1, &report), "%s: third: %s", name,
              report.message);
    cr_expect(no_error());
}

Test(linalg, third_derivatives)
{
#define CHECK_THIRD(f) check_third(gradient_##f, #f);
    FUNCTIONS(CHECK_THIRD)
}

#if RV_BLAS

/* ---- large matrices ---------------------------------------------------------------------------
 */

static const int64_t sizes[] = {1, 2, 17, 65, 130, 200};

static double epsilon_of(rv_dtype dtype)
{
    return dtype == RV_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
}

/* [2,m,n], of full rank and far from singular. */
static rv_tensor *random_matrices(rv_dtype dtype, int64_t m, int64_t n)
{
    const int64_t shape[] = {2, m, n};
    return rv_randn_n(dtype, 3, shape);
}

Test(linalg, solves_large_systems)
{
    for (int i = 0; i < 2 * RV_COUNT(sizes); i++) {
        RV_SCOPE;
        const rv_dtype dtype = i % 2 == 0 ? RV_F64 : RV_F32;
        const int64_t n = sizes[i / 2];
        rv_tensor *a = random_matrices(dtype, n, n), *b = random_matrices(dtype, n, 3);
        const double allowed = 20 * (double)n * epsilon_of(dtype) * rv_item(rv_max(rv_cond(a)));
        rv_tensor *x = rv_solve(a, b), *inverse = rv_inverse(a);
        cr_expect_lt(distance(rv_matmul(a, x), b), allowed, "solve %lld", (long long)n);
        cr_expect_lt(distance(rv_matmul(inverse, b), x), allowed, "inverse %lld", (long long)n);
        cr_expect_lt(
            distance(rv_matmul(rv_transpose(a, 1, 2), rv_solve(rv_transpose(a, 1, 2), b)), b),
            allowed, "transposed %lld", (long long)n);
        cr_expect_lt(distance(rv_lstsq(a, b), x), allowed, "lstsq %lld", (long long)n);
        const rv_slogdet_result f = rv_slogdet(a), of_inverse = rv_slogdet(inverse);
        cr_expect(rv_equal(f.sign, of_inverse.sign));
        cr_expect_lt(distance(rv_neg(of_inverse.logabsdet), f.logabsdet), allowed + 1e-6);
    }
    cr_expect(no_error());
}

Test(linalg, factors_large_matrices)
{
    for (int i = 0; i < 4 * RV_COUNT(sizes); i++) {
        RV_SCOPE;
        const rv_dtype dtype = i % 2 == 0 ? RV_F64 : RV_F32;
        const int64_t m = sizes[i / 4], n = i & 2 ? m + 9 : m;
        rv_tensor *a = random_matrices(dtype, m, n), *turned = rv_transpose(a, 1, 2);
        const double allowed = 20 * (double)n * epsilon_of(dtype);
        rv_tensor *square = rv_matmul(a, turned);
        if (n > m) {
            rv_tensor *l = rv_cholesky(square);
            cr_expect_lt(distance(rv_matmul(l, rv_transpose(l, 1, 2)), square), allowed);
        }
        const rv_eigh_result e = rv_eigh(square);
        rv_tensor *v = e.vectors;
        cr_expect_lt(distance(rv_matmul(square, v), rv_mul(v, lapack_row(e.values))), allowed);
        cr_expect_lt(distance(rv_eigvalsh(square), e.values), allowed);
        for (int wide = 0; wide < 2; wide++) {
            rv_tensor *x = wide ? a : turned;
            const rv_svd_result s = rv_svd(x);
            cr_expect_lt(distance(rv_matmul(rv_mul(s.u, lapack_row(s.s)), s.vh), x), allowed);
            cr_expect_lt(distance(rv_svdvals(x), s.s), allowed);
            const rv_qr_result f = rv_qr(x);
            cr_expect_lt(distance(rv_matmul(f.q, f.r), x), allowed);
            rv_tensor *unit = rv_matmul(rv_transpose(f.q, 1, 2), f.q);
            rv_tensor *same = rv_matmul(rv_transpose(s.u, 1, 2), s.u);
            cr_expect_lt(distance(unit, same), allowed, "q'q and u'u differ");
            cr_expect_lt(fabs(rv_item(rv_sum(unit)) - 2.0 * (double)m), allowed * (double)m);
        }
    }
    cr_expect(no_error());
}

/* ---- the same bits ----------------------------------------------------------------------------
 */

/* Results of all that LAPACK does, one behind the other. */
static rv_tensor *everything(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *square = rv_matmul(a, rv_transpose(a, 1, 2));
    const rv_eigh_result e = rv_eigh(square);
    const rv_svd_result s = rv_svd(a);
    const rv_qr_result f = rv_qr(a);
    rv_tensor *parts[] = {
        rv_solve(a, b), rv_inverse(a), rv_cholesky(square), e.vectors, s.u, s.vh, f.q, f.r};
    for (int i = 0; i < RV_COUNT(parts); i++)
        parts[i] = parts[i] == NULL ? NULL : rv_reshape(parts[i], -1);
    return rv_cat(parts, RV_COUNT(parts), 0);
}

Test(linalg, same_bits_on_any_number_of_threads)
{
    static const int threads[] = {1, 2, 3, 5};
    static const int64_t shapes[][2] = {{200, 5}, {40, 40}, {6, 130}};
    for (int k = 0; k < RV_COUNT(shapes); k++) {
        RV_SCOPE;
        const int64_t shape[] = {shapes[k][0], shapes[k][1], shapes[k][1]};
        rv_tensor *a = rv_randn_n(RV_F64, 3, shape), *first = NULL;
        rv_tensor *b = rv_slice(a, .axis = 2, .stop = 2);
        for (int i = 0; i < RV_COUNT(threads); i++) {
            cr_assert(rv_set_threads(threads[i]));
            rv_tensor *y = everything(a, b);
            cr_assert_not_null(y, "%s", rv_error());
            first = first == NULL ? y : first;
            cr_expect(rv_equal(first, y), "%d threads", threads[i]);
        }
    }
    rv_set_threads(0);
}

/* ---- derivatives that take another way --------------------------------------------------------
 */

/* A derivative that is not recorded uses the factors again; a recorded one does not. */
Test(linalg, solve_has_one_derivative)
{
    rv_tensor *in[] = {rv_require_grad(rv_randn(RV_F64, 3, 5, 5)),
                       rv_require_grad(rv_randn(RV_F64, 5, 2))};
    rv_tensor *x = rv_solve(in[0], in[1]);
    rv_tensor *loss = rv_sum(rv_mul(x, x));
    rv_tensor **once = rv_gradients(&loss, 1, in, 2, .retain_graph = true);
    rv_tensor **again = rv_gradients(&loss, 1, in, 2, .create_graph = true);
    cr_assert(once != NULL && again != NULL, "%s", rv_error());
    for (int i = 0; i < 2; i++)
        cr_expect_lt(distance(once[i], again[i]), 1e-11);
}

Test(linalg, slogdet_of_a_singular_matrix_has_no_derivative)
{
    rv_tensor *a = rv_require_grad(rv_ones(RV_F64, 2, 2));
    const rv_slogdet_result f = rv_slogdet(a);
    cr_assert_not_null(f.logabsdet);
    cr_expect_eq(rv_item(f.sign), 0);
    cr_expect(rv_item(f.logabsdet) == -INFINITY);
    cr_expect_not(rv_backward(f.logabsdet));
    cr_expect(error_is(RV_ERROR_MATRIX, "the matrix is singular"));
}

Test(linalg, condition_of_a_singular_matrix_is_infinite)
{
    cr_expect(rv_item(rv_cond(rv_zeros(RV_F64, 2, 2))) != rv_item(rv_zeros(RV_F64)));
    const double flat[] = {1, 0, 0, 0};
    cr_expect(rv_item(rv_cond(rv_from_array(flat, RV_F64, 2, 2))) == INFINITY);
}

/* Vectors of equal eigenvalues have no derivative, and it is not finite: as in PyTorch. */
Test(linalg, equal_eigenvalues_have_a_gradient_but_not_their_vectors)
{
    rv_tensor *a = rv_require_grad(rv_reshape(lapack_identity(), 3, 3));
    const rv_eigh_result f = rv_eigh(a);
    rv_tensor *w = rv_from_array(((double[]){1, 2, 3, -1, 0, 2, 5, 1, 1}), RV_F64, 3, 3);
    cr_assert(rv_backward(rv_sum(f.values), .retain_graph = true));
    cr_expect_lt(distance(rv_grad(a), rv_reshape(lapack_identity(), 3, 3)), 1e-14);
    rv_zero_grad(a);
    cr_assert(rv_backward(rv_sum(rv_mul(f.vectors, w))));
    cr_expect_not(isfinite(rv_item_at(rv_grad(a), 0, 1)));
}

#if RV_RECYCLE

/* ---- memory -----------------------------------------------------------------------------------
 */

Test(linalg, holds_no_more_memory_from_step_to_step)
{
    rv_tensor *a = rv_require_grad(rv_randn(RV_F64, 70, 6, 6));
    size_t held = 0, held_at_last = 0;
    for (int step = 0; step < 6; step++) {
        RV_SCOPE;
        rv_zero_grad(a);
        rv_tensor *y =
            rv_add(rv_sum(everything(a, rv_slice(a, .axis = 2, .stop = 2))), rv_sum(rv_pinv(a)));
        cr_assert(rv_backward(y), "%s", rv_error());
        held_at_last = rv_memory_usage().held;
        if (step == 2)
            held = held_at_last;
    }
    cr_expect_gt(held, 0);
    cr_expect_eq(held_at_last, held);
}

#endif
#endif
