/* test_minimize_memory.c - every method that evaluates the loss again, where memory ends: in making
 * it, in its first iteration, later.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "helpers.h"
#include "minimize_makers.h"

/* A matrix that no memory has room for: the error says how many bytes were wanted. */
Test(minimize_memory, a_matrix_too_large)
{
    RV_SCOPE;
    const int64_t n = 1000000;
    rv_tensor *x = rv_require_grad(rv_ones_n(RV_F32, 1, &n));
    rv_memory_limit((size_t)8 << 30); /* a system that overcommits would give it */
    cr_expect_null(rv_optim_bfgs(RV_TENSORS(x)));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_bfgs: out of memory: 40000040000")); /* 4e12 bytes */
    cr_expect_null(rv_optim_lbfgs(RV_TENSORS(x), .history = 1000000));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_lbfgs: out of memory: 80000000000"));
    cr_expect_null(rv_optim_lbfgs(RV_TENSORS(x), .history = INT64_MAX));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_lbfgs"));
    rv_memory_limit(SIZE_MAX);
    cr_expect(at(x, 0) == 1 && at(x, n - 1) == 1);
}

/* Enough numbers that the arrays are blocks of their own, in builds that recycle too. */
static rv_tensor *large_loss(void *context)
{
    rv_tensor *y = rv_add_scalar(context, -2);
    return rv_add(rv_mean(rv_square(rv_square(y))), rv_mean(rv_square(y)));
}

/* Makes an optimizer and steps with so many bytes more than are held after `steps` of them; whether
 * there was enough. */
static bool try_with(const minimize_maker *m, int64_t n, size_t more, int steps)
{
    RV_SCOPE;
    rv_finish();
    rv_tensor *x = rv_require_grad(rv_ones_n(RV_F32, 1, &n));
    rv_optim *opt = NULL;
    if (steps > 0) {
        opt = MADE(m, RV_TENSORS(x), .lr = 0.01, .max_eval = 40);
        rv_optim_minimize(opt, large_loss, x, .max_iter = steps);
        rv_memory_trim();
    }
    rv_tensor *before = rv_copy(x);
    rv_memory_limit(rv_memory_usage().held + more);
    if (opt == NULL)
        opt = MADE(m, RV_TENSORS(x), .lr = 0.01, .max_eval = 40);
    const bool was_made = opt != NULL;
    rv_optim_result r = {.status = RV_OPTIM_FAILED, .loss = (double)NAN};
    if (was_made)
        r = rv_optim_minimize(opt, large_loss, x, .max_iter = 3);
    rv_memory_limit(SIZE_MAX);
    const bool is_done = r.status != RV_OPTIM_FAILED;
    cr_expect(is_done ? no_error() : error_is(RV_ERROR_MEMORY, "out of memory"),
              "%s, %lld numbers, %zu bytes more", m->name, (long long)n, more);
    if (!was_made || isnan(r.loss))
        cr_expect(rv_equal(before, x), "%s, %zu bytes more: it moved", m->name, more);
    else
        cr_expect(rv_item(large_loss(x)) == r.loss && r.loss <= rv_item(large_loss(before)),
                  "%s, %zu bytes more: at %g", m->name, more, r.loss);
    if (was_made && !is_done) { /* nothing is broken */
        r = rv_optim_minimize(opt, large_loss, x, .max_iter = 3);
        cr_expect(r.status != RV_OPTIM_FAILED && no_error(), "%s, %zu bytes more: %s", m->name,
                  more, r.reason);
    }
    rv_optim_free(opt);
    return is_done;
}

/* How many numbers a method has in place of `n`: of a matrix as many as fit, and fewer where an
 * iteration makes many products with the Hessian. */
static int64_t numbers_for(const minimize_maker *m, int64_t n)
{
    const bool is_newton = strcmp(m->name, "newton") == 0;
    const bool is_dense = strncmp(m->name, "bfgs", 4) == 0 || strncmp(m->name, "ss", 2) == 0;
    if (n < 1000)
        return is_newton && n > 5 ? 20 : n;
    return is_newton ? 100 : is_dense ? 700 : strcmp(m->name, "nystrom") == 0 ? 10000 : n;
}

/* Wherever memory ends. Without recycling each array is a block of its own; with it, only those of
 * many numbers are, and the others need no test. A stride is a part of what is there already, too:
 * the more of the same has been computed by then, the fewer places of it are tried. */
Test(minimize_memory, out_of_memory)
{
    const int64_t sizes[] = {5, 300, 20000};
    const size_t strides[] = {64, 4096, 65536};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = RV_RECYCLE ? 2 : 0; i < RV_COUNT(sizes); i++)
            for (int steps = 0; steps < 3; steps += 2) {
                const int64_t n = numbers_for(m, sizes[i]);
                int failed = 0, done = 0;
                for (size_t more = 0; done < 2 && failed < 3000; more += strides[i] + more / 128)
                    *(try_with(m, n, more, steps) ? &done : &failed) += 1;
                cr_expect(done == 2, "%s, %lld numbers: %d failed", m->name, (long long)n, failed);
                cr_expect(failed > 0 || steps > 0, "%s, %lld numbers", m->name, (long long)n);
            }
}
