/* test_graph_life.c - how large a graph may be, how long it lives, and which thread may free it. */

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>

#include "helpers.h"

/* Recursion would need a call for each operation: even at 16 bytes each, many times the stack that
 * these threads get. It is not smaller because thread-local variables, BLAS's too, lie in it. */
#define SMALL_STACK ((size_t)512 * 1024)
#if defined(__SANITIZE_ADDRESS__)
#define CHAIN 200000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHAIN 200000
#endif
#endif
#ifndef CHAIN
#define CHAIN 1000000
#endif

/* ---- a million operations -------------------------------------------------------------------- */

static bool passed;

/* y = a chain of CHAIN operations on x, each with the first element's derivative 1. Only the last
 * tensor is held, by the caller. */
static rv_tensor *chain(rv_tensor *x)
{
    rv_tensor *y = rv_retain(x);
    for (int i = 0; i < CHAIN && y != NULL; i++) {
        RV_SCOPE;
        rv_tensor *next = rv_retain(i % 2 == 0 ? rv_mul_scalar(y, 0.5) : rv_add(y, y));
        rv_release(y);
        y = next;
    }
    return y;
}

static void walk_chain(void)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, -3));
    rv_tensor *y = chain(x);
    passed = y != NULL && rv_backward(y, .gradient = VECTOR(2, 5)) && HOLDS(y, 0, 1, -3) &&
             HOLDS(rv_grad(x), 0, 2, 5) && no_error();
    rv_release(y);
}

static void free_chain(void)
{
    RV_SCOPE;
    rv_tensor *y = chain(rv_require_grad(VECTOR(1, -3)));
    passed = y != NULL && no_error();
    rv_release(y); /* the whole graph goes with it, unwalked */
}

static void differentiate_chain_twice(void)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(3)), *y = chain(rv_mul(x, x));
    rv_tensor **g = rv_gradients(&y, 1, &x, 1, .create_graph = true);
    rv_tensor **h = g != NULL ? rv_gradients(&g[0], 1, &x, 1) : NULL;
    passed = h != NULL && HOLDS(g[0], 0, 6) && HOLDS(h[0], 0, 2) && no_error();
    rv_release(y);
}

Test(chain, backward_on_a_small_stack)
{
    cr_assert(on_small_stack(SMALL_STACK, walk_chain));
    cr_expect(passed);
}

Test(chain, freed_unwalked_on_a_small_stack)
{
    cr_assert(on_small_stack(SMALL_STACK, free_chain));
    cr_expect(passed);
}

Test(chain, second_derivative_on_a_small_stack)
{
    cr_assert(on_small_stack(SMALL_STACK, differentiate_chain_twice));
    cr_expect(passed);
}

Test(chain, gives_its_memory_back)
{
    rv_finish();
    const size_t before = rv_memory_usage().in_use;
    walk_chain();
    cr_expect(passed);
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before);
}

/* ---- graphs outlive scopes ------------------------------------------------------------------- */

static rv_tensor *loss_of(rv_tensor *x)
{
    RV_SCOPE;
    rv_tensor *h = rv_tanh(rv_mul(x, x)); /* gone with the scope; what backward needs is not */
    return rv_keep(rv_sum(rv_mul(h, h)));
}

Test(life, a_graph_outlives_the_scopes_it_was_made_in)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(0.5, 1));
    rv_tensor *y = loss_of(x);
    rv_fill(rv_zeros(RV_F64, 2), 99); /* would take the place of what was freed too early */
    cr_expect(rv_backward(y));
    const double h0 = tanh(0.25), h1 = tanh(1);
    cr_expect(HOLDS(rv_grad(x), 1e-15, 2 * h0 * (1 - h0 * h0), 4 * h1 * (1 - h1 * h1)));
}

Test(life, a_graph_outlives_its_leafs_tensor)
{
    RV_SCOPE;
    rv_tensor *y = NULL;
    {
        RV_SCOPE;
        rv_tensor *x = rv_require_grad(VECTOR(0.5, 1));
        y = rv_keep(rv_sum(rv_mul(x, x)));
    }
    cr_expect(rv_backward(y), "the leaf has nobody to show its gradient to");
    cr_expect(no_error());
}

Test(life, a_recorded_gradient_of_a_leaf_is_no_leak)
{
    rv_finish();
    const size_t before = rv_memory_usage().in_use;
    {
        RV_SCOPE;
        rv_tensor *x = rv_require_grad(VECTOR(0.5, 1));
        cr_expect(rv_backward(rv_sum(rv_mul(rv_mul(x, x), x)), .create_graph = true));
    }
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before);
}

/* ---- leaving scopes -------------------------------------------------------------------------- */

/* How many scopes are open. */
static int64_t depth(void)
{
    rv_scope probe = rv_scope_begin("probe");
    const int64_t open = probe.depth;
    rv_scope_end(&probe);
    return open;
}

static int leave(int how)
{
    RV_SCOPE;
    rv_zeros(RV_F64, 100);
    for (int i = 0; i < 3; i++) {
        RV_SCOPE;
        rv_zeros(RV_F64, 200);
        if (how == 0)
            return 1;
        if (how == 1)
            break;
        if (how == 2)
            continue;
        rv_zeros(RV_F64, 300);
    }
    return 0;
}

Test(life, however_a_scope_is_left_it_ends)
{
    RV_SCOPE;
    leave(3); /* what the thread keeps at hand to recycle counts as in use */
    for (int how = 0; how < 4; how++) {
        const int64_t open = depth();
        const size_t in_use = rv_memory_usage().in_use;
        leave(how);
        cr_expect_eq(depth(), open, "left in way %d", how);
        if (RV_RECYCLE) /* else the headers of ended tensors are kept for a while */
            cr_expect_eq(rv_memory_usage().in_use, in_use, "left in way %d", how);
    }
}

static rv_tensor *two_more(rv_tensor *x, bool outside)
{
    RV_SCOPE;
    rv_tensor *y = rv_add_scalar(x, 1), *z;
    {
        RV_SCOPE;
        z = rv_keep(rv_add_scalar(y, 1));
    }
    return outside ? rv_keep(z) : NULL;
}

Test(life, keep_goes_out_one_scope_each_time)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1)), *z = two_more(x, true);
    cr_expect(HOLDS(z, 0, 3));
    cr_expect_null(two_more(x, false));
    cr_expect(rv_backward(z));
    cr_expect(HOLDS(rv_grad(x), 0, 1));
    cr_expect(no_error());
}

#if !RV_RECYCLE
Test(life, a_tensor_of_an_ended_scope_is_named)
{
    RV_SCOPE;
    rv_tensor *gone, *x = rv_require_grad(VECTOR(1));
    {
        RV_SCOPE;
        gone = rv_exp(x);
    }
    cr_expect_null(rv_exp(gone));
    cr_expect(error_is(RV_ERROR_ENDED, "test_graph_life.c"));
    cr_expect_not(rv_backward(gone));
    cr_expect(error_is(RV_ERROR_ENDED, "backward"));
    cr_expect_null(rv_gradients(&gone, 1, &x, 1));
    cr_expect(error_is(RV_ERROR_ENDED, "gradients"));
    cr_expect_null(rv_gradients(&x, 1, &gone, 1));
    cr_expect(error_is(RV_ERROR_ENDED, "gradients"));
}
#endif

/* ---- threads --------------------------------------------------------------------------------- */

static void *free_elsewhere(void *graph)
{
    rv_release(graph);
    return NULL;
}

static void *walk_elsewhere(void *graph)
{
    rv_tensor *y = graph;
    passed = rv_backward(y) && no_error();
    rv_release(y);
    return NULL;
}

static void in_thread(void *(*run)(void *), rv_tensor *y)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run, y), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(life, another_thread_may_free_or_walk_a_graph)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2)), *y = NULL;
    for (int i = 0; i < 2; i++) {
        {
            RV_SCOPE;
            y = rv_retain(rv_sum(rv_mul(x, x)));
        }
        in_thread(i == 0 ? free_elsewhere : walk_elsewhere, y);
    }
    cr_expect(passed);
    cr_expect(HOLDS(rv_grad(x), 0, 2, 4));
    cr_expect(rv_backward(rv_sum(x)));
    cr_expect(HOLDS(rv_grad(x), 0, 3, 5));
}
