/* test_parts.c - tasks, and sums in parts: against the same sum as one graph, to any order. */

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "helpers.h"

enum { SAMPLES = 60, INPUTS = 3, HIDDEN = 4 };

/* A small network, and samples. */
typedef struct task {
    rv_tensor *x, *w, *b, *v; /* [SAMPLES,INPUTS], [HIDDEN,INPUTS], [HIDDEN], [HIDDEN,1] */
    int64_t parts;
    int64_t failing;  /* the part that does not work; -1: all do */
    rv_tensor *gives; /* what it gives then */
} task;

static rv_tensor *leaf(rv_tensor *t)
{
    return rv_require_grad(t);
}

static task make_task(int64_t parts, rv_dtype dtype)
{
    return (task){.x = rv_cast(waves(SAMPLES, INPUTS, 0), dtype),
                  .w = leaf(rv_cast(waves(HIDDEN, INPUTS, 0.2), dtype)),
                  .b = leaf(rv_cast(rv_reshape(waves(1, HIDDEN, -0.1), HIDDEN), dtype)),
                  .v = leaf(rv_cast(waves(HIDDEN, 1, 0.3), dtype)),
                  .parts = parts,
                  .failing = -1};
}

#define INPUTS_OF(t) RV_TENSORS((t)->w, (t)->b, (t)->v)

/* The loss over samples begin to end. */
static rv_tensor *loss_of(const task *t, int64_t begin, int64_t end)
{
    rv_tensor *x = rv_slice(t->x, .start = begin, .stop = end);
    rv_tensor *y = rv_matmul(rv_tanh(rv_linear(x, t->w, t->b)), t->v);
    return rv_sum(rv_mul(rv_mul(y, y), y));
}

static rv_tensor *part_of_loss(void *context, int64_t part)
{
    const task *t = context;
    if (part == t->failing)
        return t->gives;
    return loss_of(t, SAMPLES * part / t->parts, SAMPLES * (part + 1) / t->parts);
}

static rv_tensor *in_parts(void *context)
{
    task *t = context;
    return rv_sum_parts(part_of_loss, t, INPUTS_OF(t), t->parts);
}

static rv_tensor *at_once(void *context)
{
    return loss_of(context, 0, SAMPLES);
}

/* ---- values and derivatives ------------------------------------------------------------------ */

Test(parts, value_and_gradient_are_those_of_one_graph)
{
    RV_SCOPE;
    reason why = {0};
    const int64_t counts[] = {1, 2, 7, 32, 33, 60};
    for (int k = 0; k < RV_COUNT(counts); k++) {
        task t = make_task(counts[k], RV_F64);
        rv_tensor *leaves[] = {t.w, t.b, t.v};
        rv_tensor *whole = at_once(&t), *sum = in_parts(&t);
        cr_assert(is_near(sum, whole, 1e-13, &why), "%s", why.text);
        rv_tensor **expected = rv_gradients(&whole, 1, leaves, 3);
        cr_assert(rv_backward(rv_mul_scalar(sum, 2)));
        for (int i = 0; i < 3; i++)
            cr_assert(is_near(rv_grad(leaves[i]), rv_mul_scalar(expected[i], 2), 1e-12, &why), "%s",
                      why.text);
    }
    cr_assert(no_error());
}

Test(parts, gradcheck_and_gradgradcheck)
{
    RV_SCOPE;
    task t = make_task(5, RV_F64);
    rv_tensor *leaves[] = {t.w, t.b, t.v};
    rv_gradcheck_report r;
    cr_assert(rv_gradcheck(in_parts, &t, leaves, 3, &r), "%s", r.message);
    cr_assert(rv_gradgradcheck(in_parts, &t, leaves, 3, &r), "%s", r.message);
}

/* The derivative in direction v of the derivative of ... of the loss, all at once. */
static rv_tensor *derivative_along(rv_tensor *(*loss)(void *), task *t, int order)
{
    rv_tensor *leaves[] = {t->w, t->b, t->v};
    rv_tensor *y = loss(t);
    for (int k = 0; k < order; k++) {
        rv_tensor **g = rv_gradients(&y, 1, leaves, 3, .create_graph = true);
        if (g == NULL)
            return NULL;
        y = rv_add(rv_add(rv_sum(rv_mul(g[0], g[0])), rv_sum(g[1])), rv_sum(rv_mul(g[2], g[0])));
    }
    return y;
}

Test(parts, derivatives_of_third_order)
{
    RV_SCOPE;
    reason why = {0};
    task t = make_task(4, RV_F64);
    t.v = leaf(rv_slice(rv_reshape(rv_detach(t.w), 12, 1), .stop = 4)); /* to be of w's width */
    for (int order = 1; order <= 3; order++) {
        rv_tensor *got = derivative_along(in_parts, &t, order);
        rv_tensor *want = derivative_along(at_once, &t, order);
        cr_assert(no_error());
        cr_assert(is_near(got, want, 1e-9, &why), "order %d: %s", order, why.text);
    }
}

Test(parts, hessian_products)
{
    RV_SCOPE;
    reason why = {0};
    task t = make_task(8, RV_F64);
    const rv_tensors inputs = INPUTS_OF(&t);
    const rv_tensors v =
        RV_TENSORS(waves(HIDDEN, INPUTS, 1), rv_ones(RV_F64, HIDDEN), waves(HIDDEN, 1, -1));
    const rv_hvp_result got = rv_hvp(in_parts, &t, inputs, v),
                        want = rv_hvp(at_once, &t, inputs, v);
    for (int i = 0; i < 3; i++) {
        cr_assert(is_near(got.gradients.items[i], want.gradients.items[i], 1e-12, &why), "%s",
                  why.text);
        cr_assert(is_near(got.products.items[i], want.products.items[i], 1e-12, &why), "%s",
                  why.text);
    }
    rv_tensor *h = rv_hessian(in_parts, &t, inputs);
    cr_assert(is_near(h, rv_hessian(at_once, &t, inputs), 1e-12, &why), "%s", why.text);
}

Test(parts, same_bits_for_any_number_of_threads)
{
    RV_SCOPE;
    uint64_t first = 0;
    for (int threads = 1; threads <= 4; threads++) {
        cr_assert(rv_set_threads(threads));
        task t = make_task(37, RV_F32);
        rv_tensor *sum = in_parts(&t);
        cr_assert(rv_backward(sum));
        const uint64_t hash =
            hash_of(hash_of(hash_of(HASH_START, sum), rv_grad(t.w)), rv_grad(t.v));
        first = threads == 1 ? hash : first;
        cr_assert_eq(hash, first);
    }
    cr_assert(rv_set_threads(0));
}

Test(parts, single_precision_is_summed_in_double)
{
    RV_SCOPE;
    reason why = {0};
    task t = make_task(20, RV_F32);
    cr_assert(is_near(in_parts(&t), at_once(&t), 1e-5, &why), "%s", why.text);
    cr_assert_eq(in_parts(&t)->dtype, RV_F32);
}

Test(parts, only_what_is_asked_for)
{
    RV_SCOPE;
    task t = make_task(3, RV_F64);
    {
        RV_NO_GRAD;
        cr_assert_not(rv_requires_grad(in_parts(&t)));
    }
    rv_tensor *unused = leaf(rv_ones(RV_F64, 2));
    rv_tensor *sum = rv_sum_parts(part_of_loss, &t, RV_TENSORS(t.b, unused), 3);
    cr_assert(rv_backward(sum));
    cr_assert(HOLDS(rv_grad(unused), 0, 0, 0));
    cr_assert_not_null(rv_grad(t.b));
    cr_assert_null(rv_grad(t.w));
    rv_tensor *constant = rv_sum_parts(part_of_loss, &t, RV_TENSORS(rv_ones(RV_F64, 2)), 3);
    cr_assert_not(rv_requires_grad(constant));
}

/* ---- what may go wrong ----------------------------------------------------------------------- */

Test(parts, bad_parts)
{
    RV_SCOPE;
    task t = make_task(40, RV_F64);
    t.failing = 17;
    cr_assert_null(in_parts(&t));
    cr_assert(error_is(RV_ERROR_NULL, "part 17 gave NULL"));
    t.gives = rv_ones(RV_F64, 2);
    cr_assert_null(in_parts(&t));
    cr_assert(error_is(RV_ERROR_SHAPE, "part 17 gave F64 [2]"));
    t.gives = rv_ones(RV_I64);
    cr_assert_null(in_parts(&t));
    cr_assert(error_is(RV_ERROR_SHAPE, "part 17 gave I64"));
    t.gives = rv_ones(RV_F32);
    cr_assert_null(in_parts(&t));
    cr_assert(error_is(RV_ERROR_DTYPE, "part 0 gave F64, and part 17 F32"));
    t.gives = rv_ones(RV_F64); /* a constant is a part like any other */
    cr_assert_not_null(in_parts(&t));
    cr_assert(no_error());
}

Test(parts, bad_arguments)
{
    RV_SCOPE;
    task t = make_task(4, RV_F64);
    const rv_tensors inputs = INPUTS_OF(&t);
    cr_assert_null(rv_sum_parts_with(NULL));
    cr_assert(error_is(RV_ERROR_NULL, "sum_parts: the options are NULL"));
    cr_assert_null(rv_sum_parts(NULL, &t, inputs, 4));
    cr_assert(error_is(RV_ERROR_NULL, "sum_parts: the function is NULL"));
    cr_assert_null(rv_sum_parts(part_of_loss, &t, inputs, 0));
    cr_assert(error_is(RV_ERROR_ARGUMENT, "0 parts"));
    cr_assert_null(rv_sum_parts(part_of_loss, &t, (rv_tensors){0}, 4));
    cr_assert(error_is(RV_ERROR_ARGUMENT, "0 inputs (NULL)"));
    cr_assert_null(rv_sum_parts(part_of_loss, &t, RV_TENSORS(t.w, NULL), 4));
    cr_assert(error_is(RV_ERROR_NULL, "sum_parts"));
    cr_assert_null(rv_sum_parts(part_of_loss, &t, RV_TENSORS(rv_ones(RV_I64, 2)), 4));
    cr_assert(error_is(RV_ERROR_DTYPE, "sum_parts"));
    cr_assert_null(rv_sum_parts(part_of_loss, &t, RV_TENSORS(t.w, rv_mul(t.b, t.b)), 4));
    cr_assert(error_is(RV_ERROR_GRAPH, "input 1 was computed from others"));
}

Test(parts, inputs_that_changed_are_an_error_where_they_are_needed)
{
    RV_SCOPE;
    task t = make_task(4, RV_F64);
    rv_tensor *leaves[] = {t.w, t.b, t.v};
    rv_tensor *sum = in_parts(&t);
    {
        RV_NO_GRAD;
        cr_assert_not_null(rv_fill(t.b, 1));
    }
    cr_assert_null(rv_gradients(&sum, 1, leaves, 3, .create_graph = true));
    cr_assert(error_is(RV_ERROR_CHANGED, "input 1"));
}

#if RV_RECYCLE /* else headers stay, to tell of uses after a scope */
/* A gradient that was recorded hangs on the parameter: all of it goes when that does. */
Test(parts, recorded_gradients_are_freed)
{
    size_t before = 0;
    for (int repeat = 0; repeat < 3; repeat++) {
        {
            RV_SCOPE;
            task t = make_task(4, RV_F64);
            cr_assert(rv_backward(in_parts(&t), .create_graph = true));
            cr_assert(rv_requires_grad(rv_grad(t.w)));
        }
        const size_t in_use = rv_memory_usage().in_use;
        cr_assert(repeat == 0 || in_use == before, "%zu bytes, then %zu", before, in_use);
        before = in_use;
    }
}
#endif

/* ---- side by side ---------------------------------------------------------------------------- */

static rv_tensor *rows(void *context, int64_t part)
{
    const int64_t failing = *(const int64_t *)context;
    if (part == failing)
        return rv_fail_null(RV_ERROR_STATE, "rows", "part %lld is tired", (long long)part);
    return rv_full((double)part, RV_F64, part % 3, 2);
}

Test(parts, cat)
{
    RV_SCOPE;
    int64_t failing = -1;
    rv_tensor *y = rv_cat_parts(rows, &failing, 6);
    cr_assert(HOLDS(y, 0, 1, 1, 2, 2, 2, 2, 4, 4, 5, 5, 5, 5));
    cr_assert_eq(y->ndim, 2);
    failing = 4;
    cr_assert_null(rv_cat_parts(rows, &failing, 6));
    cr_assert(error_is(RV_ERROR_STATE, "rows: part 4 is tired"));
    cr_assert_null(rv_cat_parts(NULL, NULL, 6));
    cr_assert(error_is(RV_ERROR_NULL, "cat_parts"));
    cr_assert_null(rv_cat_parts(rows, &failing, 0));
    cr_assert(error_is(RV_ERROR_ARGUMENT, "0 parts"));
}

/* ---- tasks ----------------------------------------------------------------------------------- */

typedef struct work {
    int64_t calls[1000];
    bool recording[1000];
    int64_t fails_from;
} work;

static bool do_task(void *context, int64_t i)
{
    work *w = context;
    w->calls[i]++;
    w->recording[i] = (rv_thread_mode() & RV_MODE_RECORDING) != 0;
    if (i >= w->fails_from)
        return rv_fail(RV_ERROR_STATE, "do_task", "number %lld", (long long)i);
    return rv_add_scalar(rv_zeros(RV_F32, 100), 1) != NULL;
}

Test(tasks, each_runs_once_with_the_callers_modes)
{
    work *w = calloc(1, sizeof *w);
    w->fails_from = INT64_MAX;
    RV_NO_GRAD;
    cr_assert(rv_run_tasks(1000, do_task, w));
    for (int i = 0; i < 1000; i++)
        cr_assert(w->calls[i] == 1 && !w->recording[i]);
    cr_assert(rv_run_tasks(0, do_task, w));
    free(w);
}

static int handled; /* of one test's process */

static void count_error(rv_status status, const char *message)
{
    (void)status;
    (void)message;
    handled++;
}

Test(tasks, the_first_error_is_the_callers)
{
    work *w = calloc(1, sizeof *w);
    rv_on_error(count_error);
    for (int repeat = 0; repeat < 50; repeat++) {
        w->fails_from = 3 + repeat;
        cr_assert_not(rv_run_tasks(1000, do_task, w));
        char text[64];
        snprintf(text, sizeof text, "do_task: number %d", 3 + repeat);
        cr_assert(error_is(RV_ERROR_STATE, text));
    }
    cr_assert_eq(handled, 50);
    w->fails_from = INT64_MAX;
    cr_assert(rv_run_tasks(10, do_task, w));
    cr_assert_not(rv_run_tasks(10, NULL, w));
    cr_assert(error_is(RV_ERROR_NULL, "run_tasks"));
    free(w);
}
