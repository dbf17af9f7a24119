/* test_hooks.c - hooks on gradients: when they are called, what they see and may change, and how
 * long they live; and gradients that are kept though their tensors are no leaves. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

static rv_tensor *leaf(double value)
{
    return rv_require_grad(rv_full_n(value, RV_F64, 0, NULL));
}

/* What a hook saw, and what it does. */
typedef struct watch {
    int calls, released;
    double sum;     /* of the gradient's elements, last */
    double factor;  /* what it returns is that times the gradient; 0: the gradient itself */
    bool recording; /* whether operations were recorded in it */
    char *trace;    /* gets `letter` appended */
    char letter;
} watch;

static rv_tensor *see(rv_tensor *g, void *context)
{
    watch *w = context;
    w->calls++;
    w->sum = rv_item(rv_sum(g));
    w->recording = rv_recording();
    if (w->trace != NULL)
        strncat(w->trace, &w->letter, 1);
    return w->factor == 0 ? g : rv_mul_scalar(g, w->factor);
}

static void released(void *context)
{
    ((watch *)context)->released++;
}

/* ---- what they see ----------------------------------------------------------------------------
 */

/* y = x * x + x: the gradient of x is whole, 2x + 1, when its hook is called. */
Test(hooks, see_the_whole_gradient)
{
    RV_SCOPE;
    watch of_x = {0}, of_square = {0}, of_y = {0};
    rv_tensor *x = leaf(3), *square = rv_mul(x, x), *y = rv_add(square, x);
    cr_assert(rv_on_gradient(x, see, &of_x) && rv_on_gradient(square, see, &of_square) &&
              rv_on_gradient(y, see, &of_y));
    cr_expect(rv_backward(y, .retain_graph = true));
    cr_expect(of_x.calls == 1 && of_square.calls == 1 && of_y.calls == 1);
    cr_expect(of_x.sum == 7 && of_square.sum == 1 && of_y.sum == 1);
    cr_expect_not(of_x.recording);
    cr_expect_eq(rv_item(rv_grad(x)), 7);

    cr_expect(rv_backward(y)); /* what is added, not the sum with what was there */
    cr_expect(of_x.calls == 2 && of_x.sum == 7);
    cr_expect_eq(rv_item(rv_grad(x)), 14);
    cr_expect(no_error());
}

Test(hooks, change_what_goes_on)
{
    RV_SCOPE;
    watch tenfold = {.factor = 10}, half = {.factor = 0.5}, on_leaf = {.factor = -1};
    rv_tensor *x = leaf(3), *square = rv_mul(x, x);
    cr_assert(rv_on_gradient(square, see, &tenfold) && rv_on_gradient(square, see, &half) &&
              rv_on_gradient(x, see, &on_leaf));
    cr_expect(rv_backward(rv_mul_scalar(square, 2)));
    cr_expect_eq(tenfold.sum, 2, "hooks are called in the order they were added,");
    cr_expect_eq(half.sum, 20, "each with what the one before returned");
    cr_expect_eq(on_leaf.sum, 60);
    cr_expect_eq(rv_item(rv_grad(x)), -60);
    cr_expect(no_error());
}

/* In rv_gradients: also of its ys and xs, and not of what is not on the way. */
Test(hooks, in_gradients)
{
    RV_SCOPE;
    watch of_x = {0}, of_middle = {.factor = 3}, of_y = {.factor = 2};
    rv_tensor *x = leaf(5), *middle = rv_mul(x, x), *y = rv_mul_scalar(middle, 7);
    cr_assert(rv_on_gradient(x, see, &of_x) && rv_on_gradient(middle, see, &of_middle) &&
              rv_on_gradient(y, see, &of_y));
    rv_tensor **g = rv_gradients(&y, 1, &middle, 1, .retain_graph = true);
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 42);
    cr_expect(of_y.calls == 1 && of_middle.calls == 1 && of_x.calls == 0);
    g = rv_gradients(&y, 1, &y, 1, .retain_graph = true);
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 2);
    g = rv_gradients(&y, 1, &x, 1);
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 420);
    cr_expect_null(rv_grad(x));
}

/* Under create_graph they are recorded: the gradient of x^3, tripled, and its derivative. */
Test(hooks, are_recorded_under_create_graph)
{
    RV_SCOPE;
    watch triple = {.factor = 3};
    rv_tensor *x = leaf(2), *y = rv_pow_scalar(x, 3);
    cr_assert(rv_on_gradient(x, see, &triple));
    rv_tensor **first = rv_gradients(&y, 1, &x, 1, .create_graph = true);
    cr_assert_not_null(first);
    cr_expect(triple.recording);
    cr_expect_eq(rv_item(first[0]), 36);
    cr_assert(rv_off_gradient(x, see, &triple));
    rv_tensor **second = rv_gradients(&first[0], 1, &x, 1);
    cr_assert_not_null(second);
    cr_expect_eq(rv_item(second[0]), 36, "3 * 6x");
}

/* Of an operation with several outputs, each has its own. */
static void two_derivative(rv_derivative *d)
{
    d->grads[0] = rv_add(d->gs[0], rv_mul_scalar(d->gs[1], 2));
}
static const rv_op two_op = RV_CUSTOM_OP(two, 1, RV_SAVE_NOTHING, two_derivative);

Test(hooks, of_one_output_of_several)
{
    RV_SCOPE;
    watch w = {.factor = 100};
    rv_tensor *x = leaf(1), *out[] = {rv_full(1, RV_F64), rv_full(2, RV_F64)};
    cr_assert(rv_record_many(&two_op, 2, out, 1, &x, NULL, 0));
    cr_assert(rv_on_gradient(out[1], see, &w) && rv_retain_grad(out[0]) != NULL);
    cr_expect(rv_backward(rv_add(rv_mul_scalar(out[0], 3), rv_mul_scalar(out[1], 5))));
    cr_expect_eq(w.sum, 5);
    cr_expect_eq(rv_item(rv_grad(x)), 3 + 2 * 500);
    cr_expect_eq(rv_item(rv_grad(out[0])), 3);
    cr_expect_null(rv_grad(out[1]));
}

/* ---- their life -------------------------------------------------------------------------------
 */

Test(hooks, are_removed)
{
    RV_SCOPE;
    char trace[32] = "";
    watch a = {.trace = trace, .letter = 'a'}, b = {.trace = trace, .letter = 'b'};
    rv_tensor *x = leaf(3);
    cr_assert(rv_on_gradient(x, see, &a, released) && rv_on_gradient(x, see, &b, released) &&
              rv_on_gradient(x, see, &a, released));
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_str_eq(trace, "aba");
    cr_expect(rv_off_gradient(x, see, &a)); /* the one that was added last */
    cr_expect(a.released == 1 && b.released == 0);
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_str_eq(trace, "abaab");
    cr_expect(rv_off_gradient(x, see, &a) && rv_off_gradient(x, see, &b));
    cr_expect(a.released == 2 && b.released == 1);
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_str_eq(trace, "abaab");
    cr_expect(no_error());
    cr_expect_not(rv_off_gradient(x, see, &a));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "off_gradient: "));
}

Test(hooks, go_with_their_graph)
{
    watch on_leaf = {0}, on_result = {0};
    rv_tensor *kept = NULL;
    {
        RV_SCOPE;
        rv_tensor *x = leaf(3);
        rv_tensor *y = rv_mul(x, x);
        cr_assert(rv_on_gradient(x, see, &on_leaf, released) &&
                  rv_on_gradient(y, see, &on_result, released));
        kept = rv_retain(rv_mul_scalar(y, 2));
    }
    cr_expect(on_leaf.released == 0 && on_result.released == 0, "the graph still holds them");
    cr_expect(rv_backward(kept));
    cr_expect(on_leaf.calls == 1 && on_result.calls == 1);
    rv_release(kept);
    cr_expect(on_leaf.released == 1 && on_result.released == 1);
    cr_expect(no_error());
}

/* A hook that removes itself, and adds another in its place. */
typedef struct once {
    rv_tensor *tensor;
    watch next;
    int calls, released;
} once;

static void once_released(void *context)
{
    ((once *)context)->released++;
}

static rv_tensor *only_once(rv_tensor *g, void *context)
{
    once *o = context;
    o->calls++;
    cr_expect(rv_off_gradient(o->tensor, only_once, o));
    cr_expect(rv_on_gradient(o->tensor, see, &o->next));
    cr_expect_eq(o->released, 0, "it is still running");
    return g;
}

Test(hooks, may_remove_themselves)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3);
    once o = {.tensor = x};
    cr_assert(rv_on_gradient(x, only_once, &o, once_released));
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect(o.calls == 1 && o.released == 1 && o.next.calls == 0);
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect(o.calls == 1 && o.next.calls == 1);
    cr_expect(no_error());
}

/* A hook may walk a graph of its own. */
static rv_tensor *walk_another(rv_tensor *g, void *context)
{
    rv_tensor *x = context, *y = rv_mul_scalar(g, 1);
    rv_set_recording(true);
    y = rv_mul(x, x);
    rv_tensor **gradient = rv_gradients(&y, 1, &x, 1);
    rv_set_recording(false);
    return gradient != NULL ? rv_add(g, gradient[0]) : NULL;
}

Test(hooks, may_walk_themselves)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *other = leaf(50);
    cr_assert(rv_on_gradient(x, walk_another, other));
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_eq(rv_item(rv_grad(x)), 106);
    cr_expect(no_error());
}

/* ---- gradients that are kept ------------------------------------------------------------------
 */

Test(kept, as_leaves_gradients_are)
{
    RV_SCOPE;
    watch w = {.factor = 10};
    rv_tensor *x = leaf(3), *y = rv_mul(x, x);
    cr_expect_null(rv_grad(y));
    cr_expect_eq(rv_retain_grad(y), y);
    cr_expect_eq(rv_retain_grad(y), y, "twice is no error");
    cr_expect_eq(rv_retain_grad(x), x, "nor is a leaf");
    cr_assert(rv_on_gradient(y, see, &w));
    rv_tensor *z = rv_mul_scalar(y, 2);
    cr_expect(rv_backward(z, .retain_graph = true));
    cr_expect_eq(rv_item(rv_grad(y)), 20, "after all hooks, also those added later");
    cr_expect(rv_backward(z, .retain_graph = true));
    cr_expect_eq(rv_item(rv_grad(y)), 40, "accumulated");
    cr_expect(rv_zero_grad(y));
    cr_expect_null(rv_grad(y));
    rv_tensor **g = rv_gradients(&z, 1, &x, 1);
    cr_assert_not_null(g);
    cr_expect_null(rv_grad(y), "rv_gradients leaves them alone");
    cr_expect(no_error());
}

/* A recorded gradient refers to the node that keeps it; neither may hold the other for ever. */
static void walk_and_forget(void)
{
    rv_tensor *loss;
    {
        RV_SCOPE;
        rv_tensor *x = leaf(3), *y = rv_mul(x, x), *z = rv_mul(y, y);
        rv_retain_grad(y);
        cr_expect(rv_backward(z, .create_graph = true));
        cr_expect_eq(rv_item(rv_grad(y)), 18);
        loss = rv_retain(z);
    }
    cr_expect(rv_backward(loss, .create_graph = true), "x and y are gone, and keep nothing");
    rv_release(loss);
}

Test(kept, recorded_gradients_are_no_cycle)
{
    walk_and_forget();
    rv_finish(); /* what stays from here on is a cycle */
    const size_t before = rv_memory_usage().in_use;
    for (int i = 0; i < 100; i++)
        walk_and_forget();
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before, "%zu bytes, then %zu", before,
                 rv_memory_usage().in_use);
    cr_expect(no_error());
}

/* ---- what is wrong ----------------------------------------------------------------------------
 */

static rv_tensor *nothing(rv_tensor *g, void *context)
{
    (void)g;
    (void)context;
    return NULL;
}
static rv_tensor *of_another_shape(rv_tensor *g, void *context)
{
    (void)context;
    return rv_reshape(g, 1, 1);
}
static rv_tensor *of_another_dtype(rv_tensor *g, void *context)
{
    (void)context;
    return rv_cast(g, RV_F32);
}
static rv_tensor *that_fails(rv_tensor *g, void *context)
{
    (void)g;
    (void)context;
    return rv_fail_null(RV_ERROR_STATE, "hook", "no mood");
}

static const struct {
    rv_gradient_hook *hook;
    rv_status status;
    const char *message;
} wrong[] = {
    {nothing, RV_ERROR_NULL, "backward: a hook returned NULL"},
    {of_another_shape, RV_ERROR_SHAPE, "a gradient of shape [] and returned [1,1]"},
    {of_another_dtype, RV_ERROR_DTYPE, "a gradient of F64 and returned F32"},
    {that_fails, RV_ERROR_STATE, "hook: no mood"},
};

Test(hooks, that_are_wrong_end_the_walk)
{
    for (int i = 0; i < RV_COUNT(wrong); i++) {
        RV_SCOPE;
        rv_tensor *x = leaf(3), *y = leaf(4);
        cr_assert(rv_on_gradient(y, wrong[i].hook, NULL));
        cr_expect_not(rv_backward(rv_mul(x, y)));
        cr_expect(error_is(wrong[i].status, wrong[i].message));
        cr_expect(rv_grad(x) == NULL && rv_grad(y) == NULL, "no leaf has changed");
    }
}

Test(hooks, wrong_calls_are_errors)
{
    RV_SCOPE;
    watch w = {0};
    rv_tensor *constant = rv_full(1, RV_F64), *x = leaf(1);
    cr_expect_not(rv_on_gradient(constant, see, &w, released));
    cr_expect(error_is(RV_ERROR_GRAPH, "on_gradient: the tensor [] requires no gradient"));
    cr_expect_not(rv_on_gradient(NULL, see, &w, released));
    cr_expect(error_is(RV_ERROR_NULL, "on_gradient: "));
    cr_expect_not(rv_on_gradient(x, NULL, &w, released));
    cr_expect(error_is(RV_ERROR_NULL, "on_gradient: the hook is NULL"));
    cr_expect_not(rv_on_gradient_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "on_gradient: "));
    cr_expect_eq(w.released, 3, "released also if the call fails");
    cr_expect_not(rv_off_gradient(NULL, see, &w));
    cr_expect(error_is(RV_ERROR_NULL, "off_gradient: "));
    cr_expect_not(rv_off_gradient(x, NULL, NULL));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "off_gradient: "));
    cr_expect_null(rv_retain_grad(constant));
    cr_expect(error_is(RV_ERROR_GRAPH, "retain_grad: "));
    cr_expect_null(rv_retain_grad(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "retain_grad: "));
}
