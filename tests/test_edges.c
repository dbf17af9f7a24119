/* test_edges.c - every operation on inputs that are hardly any, or far too much: strides of 0,
 * axes of 0 elements, 0-d tensors, sizes whose product no int64_t holds, and more than 2^31
 * elements.
 *
 * The first three take the table of samples: whatever a sample calls, with inputs put in the place
 * of its own. What comes out is right, or a clear error.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"
#include "samples.h"

/* Layouts change the order of additions, so the last few of 53 bits may differ. */
#define TOLERANCE 1e-12

static int ids[] = {
#define ID(name) RV_OP_ID_##name,
    RV_OPERATION_LIST(ID, ID)
#undef ID
};

/* ---- trying a sample ------------------------------------------------------------------------- */

/* What a call gave: a result with the gradients of its inputs, or an error. */
typedef struct outcome {
    rv_tensor *out;
    rv_tensor *gradients[SAMPLE_MAX_INPUTS]; /* NULL for inputs without */
    rv_status status;
    char message[300];
} outcome;

static void take_error(outcome *o)
{
    o->out = NULL;
    o->status = rv_error_status();
    const char *message = rv_error();
    snprintf(o->message, sizeof o->message, "%s", message != NULL ? message : "");
}

/* Gradients of the result, weighted, for every floating input. */
static bool differentiate(const sample *s, rv_tensor **in, outcome *o)
{
    rv_tensor *xs[SAMPLE_MAX_INPUTS], *w = sample_weights(s, SAMPLE_MAX_INPUTS, o->out);
    int n = 0;
    for (int i = 0; i < sample_inputs(s); i++)
        if (rv_requires_grad(in[i]))
            xs[n++] = in[i];
    rv_tensor **g =
        w == NULL ? NULL : rv_gradients(&o->out, 1, xs, n, .gradients = &w, .allow_unused = true);
    if (g == NULL)
        return false;
    n = 0;
    for (int i = 0; i < sample_inputs(s); i++)
        if (rv_requires_grad(in[i]))
            o->gradients[i] = g[n++];
    return true;
}

static outcome attempt(const sample *s, rv_tensor **in)
{
    outcome o = {.status = RV_OK};
    for (int i = 0; i < sample_inputs(s); i++)
        if (in[i] != NULL && rv_dtype_is_floating(in[i]->dtype))
            rv_require_grad(in[i]);
    o.out = s->run(in, NULL);
    if (o.out == NULL || rv_error_status() != RV_OK ||
        (rv_requires_grad(o.out) && !differentiate(s, in, &o)))
        take_error(&o);
    return o;
}

/* Whether the outcome is a result, or an error that says who failed. */
static bool is_clear(const outcome *o, reason *why)
{
    if (o->out != NULL)
        return true;
    if (o->status == RV_OK || strchr(o->message, ':') == NULL)
        return because(why, "NULL, with the error \"%s\"", o->message);
    return true;
}

/* Whether both gave the same, up to the shape if `any_shape`. */
static bool are_same(const outcome *got, const outcome *want, bool any_shape, int inputs,
                     reason *why)
{
    if ((got->out == NULL) != (want->out == NULL) || got->status != want->status)
        return because(why, "%s, expected %s", got->out != NULL ? "a result" : got->message,
                       want->out != NULL ? "a result" : want->message);
    for (int i = -1; i < inputs && got->out != NULL; i++) {
        rv_tensor *a = i < 0 ? got->out : got->gradients[i];
        const rv_tensor *b = i < 0 ? want->out : want->gradients[i];
        if ((a == NULL) != (b == NULL))
            return because(why, "the gradient of input %d is %s", i, a == NULL ? "none" : "one");
        if (a == NULL)
            continue;
        if (any_shape && a->numel == b->numel)
            a = rv_raw_reshape("test", a, b->ndim, b->shape);
        reason inner = {""};
        if (!is_near(a, b, TOLERANCE, &inner))
            return because(why, "%s %d: %s", i < 0 ? "result" : "gradient", i, inner.text);
    }
    return true;
}

/* Runs `check` over the samples of one operation; how many failed. */
typedef bool edge_check(const sample *s, reason *why);

static int failures(const char *op, edge_check *check)
{
    int failed = 0;
    const sample *s;
    for (int i = 0; (s = sample_at(i)) != NULL; i++) {
        if (strcmp(s->op, op) != 0)
            continue;
        RV_SCOPE;
        reason why = {""};
        const bool ok = check(s, &why);
        const char *unread = rv_error();
        if (ok && unread == NULL)
            continue;
        fprintf(stderr, "%s/%s: %s%s\n", op, s->name, why.text, unread != NULL ? unread : "");
        failed++;
    }
    return failed;
}

/* ---- strides of 0 ---------------------------------------------------------------------------- */

/* t with all places along the axes of `set` (bit i is axis i) holding what the first one holds, by
 * strides of 0. */
static rv_tensor *spread(const rv_tensor *t, uint32_t set)
{
    int64_t strides[RV_MAX_DIMENSIONS];
    for (int i = 0; i < t->ndim; i++)
        strides[i] = set >> i & 1 ? 0 : t->strides[i];
    return rv_raw_view("test", t->storage, t->data, t->dtype, t->ndim, t->shape, strides);
}

/* Each axis of each input by itself, and all axes of all inputs: the same as if the elements stood
 * in memory one by one. */
static bool strides_of_zero(const sample *s, reason *why)
{
    const int inputs = sample_inputs(s);
    for (int input = -1; input < inputs; input++) {
        const int axes = input < 0 ? 1 : s->in[input].ndim;
        for (int axis = 0; axis < axes; axis++) {
            RV_SCOPE;
            rv_tensor *in[SAMPLE_MAX_INPUTS], *packed[SAMPLE_MAX_INPUTS];
            for (int i = 0; i < inputs; i++) {
                const uint32_t set = input < 0 ? UINT32_MAX : i == input ? 1u << axis : 0;
                in[i] = spread(sample_make(s, i), set);
                packed[i] = rv_raw_copy("test", in[i]);
            }
            const outcome got = attempt(s, in), want = attempt(s, packed);
            reason inner = {""};
            if (!are_same(&got, &want, false, inputs, &inner) || !is_clear(&got, &inner))
                return because(why, "axis %d of input %d: %s", axis, input, inner.text);
        }
    }
    return true;
}

/* ---- axes of 0 elements ---------------------------------------------------------------------- */

/* An input like the sample's, without elements where its size is `size`, or along one axis. */
static rv_tensor *emptied(const sample *s, int i, int64_t size, int axis)
{
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int k = 0; k < s->in[i].ndim; k++)
        shape[k] = s->in[i].shape[k] == size || k == axis ? 0 : s->in[i].shape[k];
    const rv_tensor *own = sample_make(s, i);
    rv_tensor *t = rv_zeros_n(own->dtype, own->ndim, shape);
    if (t->numel == own->numel)
        return rv_raw_copy("test", own);
    return t;
}

static bool runs_without(const sample *s, int64_t size, int input, int axis, reason *why)
{
    RV_SCOPE;
    rv_tensor *in[SAMPLE_MAX_INPUTS];
    for (int i = 0; i < sample_inputs(s); i++)
        in[i] = emptied(s, i, size, i == input ? axis : -1);
    const outcome got = attempt(s, in);
    if (!is_clear(&got, why))
        return false;
    for (int i = 0; got.out != NULL && i < sample_inputs(s); i++)
        if (got.gradients[i] != NULL && !rv_same_shape(got.gradients[i], in[i]))
            return because(why, "the gradient of input %d %s is %s", i, RV_SHAPE_OF(in[i]),
                           RV_SHAPE_OF(got.gradients[i]));
    return true;
}

/* Every size of the sample becomes 0 wherever it occurs, as a batch's would; and each axis of each
 * input by itself, which mostly fits nothing. */
static bool axes_of_nothing(const sample *s, reason *why)
{
    for (int i = 0; i < sample_inputs(s); i++)
        for (int axis = 0; axis < s->in[i].ndim; axis++) {
            reason inner = {""};
            if (!runs_without(s, s->in[i].shape[axis], -1, -1, &inner) ||
                !runs_without(s, -1, i, axis, &inner))
                return because(why, "axis %d of input %d: %s", axis, i, inner.text);
        }
    return true;
}

/* ---- 0-d tensors ----------------------------------------------------------------------------- */

/* All inputs 0-d, and the same as [1]: what takes a 0-d tensor takes it as that; elementwise
 * operations take it, and give one. */
static bool scalars(const sample *s, reason *why)
{
    const int inputs = sample_inputs(s);
    rv_tensor *in[SAMPLE_MAX_INPUTS], *vectors[SAMPLE_MAX_INPUTS];
    for (int i = 0; i < inputs; i++) {
        const rv_tensor *own = sample_make(s, i);
        if (own->numel == 0)
            return true;
        in[i] = rv_raw_view("test", own->storage, own->data, own->dtype, 0, NULL, NULL);
        vectors[i] = rv_raw_view("test", own->storage, own->data, own->dtype, 1, (int64_t[]){1},
                                 (int64_t[]){1});
    }
    const outcome got = attempt(s, in), want = attempt(s, vectors);
    if (!is_clear(&got, why) || !is_clear(&want, why))
        return false;
    if (strcmp(s->family, "elementwise") == 0) {
        if (got.out == NULL)
            return because(why, "refused: %s", got.message);
        if (got.out->ndim != 0)
            return because(why, "the result is %s", RV_SHAPE_OF(got.out));
    }
    /* What gives as many elements as there are axes (nonzero), or more with each (pad), differs. */
    const bool both = got.out != NULL && want.out != NULL && got.out->numel == want.out->numel;
    return !both || are_same(&got, &want, true, inputs, why);
}

/* ---- all operations -------------------------------------------------------------------------- */

ParameterizedTestParameters(edges, passes)
{
    return cr_make_param_array(int, ids, RV_COUNT(ids));
}
ParameterizedTest(int *id, edges, passes)
{
    const char *op = rv_op_name(*id);
    cr_expect_eq(failures(op, strides_of_zero), 0, "%s: strides of 0", op);
    cr_expect_eq(failures(op, axes_of_nothing), 0, "%s: axes of 0 elements", op);
    cr_expect_eq(failures(op, scalars), 0, "%s: 0-d tensors", op);
}

/* ---- sizes that no int64_t holds ------------------------------------------------------------- */

/* Elements that share one place in memory: as many as one likes. */
#define MANY(dtype, ...) rv_expand(rv_ones(dtype), __VA_ARGS__)
#define LONG (INT64_C(1) << 40)

static rv_tensor *pad_twice(void)
{
    const int64_t most[] = {INT64_MAX / 2 - 4, INT64_MAX / 2 - 4};
    return rv_pad(rv_ones(RV_U8, 2, 2), most, most);
}

/* Calls whose result has more elements than can be counted or held. */
#define TOO_LARGE(X)                                                                              \
    X(add_broadcast, rv_add(MANY(RV_F32, LONG, 1), MANY(RV_F32, 1, LONG)))                        \
    X(where_broadcast,                                                                            \
      rv_where(MANY(RV_U8, LONG, 1, 1), MANY(RV_F32, 1, LONG, 1), MANY(RV_F32, 1, 1, LONG)))      \
    X(eq_bytes, rv_eq(MANY(RV_U8, LONG, LONG / 4), rv_ones(RV_U8)))                               \
    X(exp, rv_exp(MANY(RV_F64, LONG, LONG / 4)))                                                  \
    X(copy, rv_copy(MANY(RV_F64, LONG, LONG / 4)))                                                \
    X(cast, rv_cast(MANY(RV_U8, LONG, LONG / 4), RV_F64))                                         \
    X(expand, rv_expand(rv_ones(RV_U8), LONG, LONG))                                              \
    X(reshape, rv_reshape(MANY(RV_U8, LONG), LONG, LONG))                                         \
    X(matmul, rv_matmul(MANY(RV_F32, LONG, 1), MANY(RV_F32, 1, LONG)))                            \
    X(linear, rv_linear(MANY(RV_F32, LONG, 1), MANY(RV_F32, LONG, 1), NULL))                      \
    X(cat, rv_cat((rv_tensor *[]){MANY(RV_U8, INT64_MAX), MANY(RV_U8, INT64_MAX)}, 2, 0))         \
    X(cat_rows, rv_cat((rv_tensor *[]){MANY(RV_U8, LONG, 1), MANY(RV_U8, LONG, LONG / 2)}, 2, 1)) \
    X(stack, rv_stack((rv_tensor *[]){MANY(RV_U8, INT64_MAX), MANY(RV_U8, INT64_MAX)}, 2, 0))     \
    X(pad, pad_twice())                                                                           \
    X(pad_replicate, rv_pad(rv_ones(RV_U8, 2), (int64_t[]){INT64_MAX / 2}, (int64_t[]){0},        \
                            .mode = RV_PAD_REPLICATE))                                            \
    X(repeat, rv_repeat(rv_ones(RV_U8, 2, 2), LONG, LONG))                                        \
    X(repeat_interleave, rv_repeat_interleave(MANY(RV_U8, LONG, LONG / 4), 8, 0))                 \
    X(flip, rv_flip(MANY(RV_F64, LONG, LONG / 4), 0))                                             \
    X(roll, rv_roll(MANY(RV_F64, LONG, LONG / 4), 1, 1))                                          \
    X(gather, rv_gather(rv_ones(RV_F64, 3), 0, MANY(RV_I64, INT64_MAX)))                          \
    X(index_select, rv_index_select(MANY(RV_F64, 3, LONG), 0, MANY(RV_I64, LONG)))                \
    X(embedding, rv_embedding(MANY(RV_I64, LONG), MANY(RV_F64, 3, LONG)))                         \
    X(one_hot, rv_one_hot(MANY(RV_I64, LONG), LONG, RV_U8))                                       \
    X(diag_embed, rv_diag_embed(MANY(RV_U8, LONG), 0))                                            \
    X(masked_fill, rv_masked_fill(MANY(RV_F32, LONG, LONG / 4), rv_ones(RV_U8), 0))

#define REFUSED(name, call)                                                                 \
    Test(too_large, name)                                                                   \
    {                                                                                       \
        cr_expect_null(call);                                                               \
        const rv_status status = rv_error_status();                                         \
        cr_expect(status == RV_ERROR_MEMORY || status == RV_ERROR_SHAPE, "%s", rv_error()); \
    }
TOO_LARGE(REFUSED)

/* ---- more than 2^31 elements ----------------------------------------------------------------- */

#define BILLIONS ((INT64_C(1) << 31) + 5)

/* What needs no memory: all elements are one. */
Test(billions, of_one_place)
{
    cr_expect_eq(rv_item(rv_sum(MANY(RV_F64, BILLIONS))), (double)BILLIONS);
    rv_tensor *x = MANY(RV_F32, BILLIONS), *few = MANY(RV_F32, BILLIONS, 2);
    cr_expect_eq(rv_numel(rv_slice(x, .start = -7, .stop = -1)), 6);
    cr_expect_eq(rv_shape(rv_flatten(few, 0, 1))[0], 2 * BILLIONS);
    cr_expect_eq(rv_item_at(rv_select(few, 0, BILLIONS - 1), 1), 1);
    rv_tensor *index = rv_full((double)(BILLIONS - 1), RV_I64, 3);
    cr_expect_eq(rv_item(rv_sum(rv_gather(x, 0, index))), 3);
    cr_expect_null(rv_gather(x, 0, rv_full((double)BILLIONS, RV_I64, 1)));
    cr_expect(error_is(RV_ERROR_INDEX, "index 2147483653 at [0] is not in [0, 2147483653)"));
    cr_expect(no_error());
}

#ifdef NDEBUG /* without optimization, or under a sanitizer, all of this takes too long */

/* Bytes that programs can still have, as Linux sees it; 0 if it does not say. */
static int64_t available(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[200];
    long long kilobytes = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %lld", &kilobytes) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kilobytes * 1024;
}

static double last_of(const rv_tensor *t)
{
    return t == NULL ? -1 : rv_item_at(t, -1);
}

/* One operand, whose zeros take no memory until they are written to, and one result at a time. */
Test(billions, of_bytes)
{
    if (available() < 2 * BILLIONS)
        cr_skip_test("%lld bytes of memory are available; 2^31 elements twice are more",
                     (long long)available());
    uint8_t *bytes = calloc(BILLIONS, 1);
    cr_assert_not_null(bytes);
    bytes[0] = 3;
    bytes[BILLIONS - 1] = 7;
    rv_tensor *x = rv_from_buffer(bytes, RV_U8, 1, (int64_t[]){BILLIONS}, NULL, free, bytes);
    cr_expect_eq(rv_item(rv_sum(x)), 10);
    cr_expect_eq(rv_item(rv_max(x)), 7);
    cr_expect_eq(rv_item(rv_argmax(x, 0)), (double)(BILLIONS - 1));
    rv_tensor *end = rv_slice(x, .start = BILLIONS - 3);
    cr_expect(HOLDS(end, 0, 0, 0, 7));
    rv_tensor *index = rv_full((double)(BILLIONS - 1), RV_I64, 2);
    cr_expect(HOLDS(rv_index_select(x, 0, index), 0, 7, 7));
    {
        RV_SCOPE;
        rv_tensor *y = rv_copy(x);
        cr_expect_eq(last_of(y), 7);
    }
    {
        RV_SCOPE;
        rv_tensor *y = rv_eq_scalar(x, 0);
        cr_expect_eq(last_of(y), 0);
        cr_expect_eq(rv_item(rv_sum(y)), (double)(BILLIONS - 2));
    }
    {
        RV_SCOPE;
        rv_tensor *y = rv_cat((rv_tensor *[]){end, x}, 2, 0);
        cr_expect_eq(rv_numel(y), BILLIONS + 3);
        cr_expect_eq(last_of(y), 7);
        cr_expect_eq(rv_item_at(y, 2), 7);
        cr_expect_eq(rv_item_at(y, 3), 3);
    }
    {
        RV_SCOPE;
        rv_tensor *y = rv_flip(x, 0);
        cr_expect_eq(last_of(y), 3);
        cr_expect_eq(rv_item_at(y, 0), 7);
    }
    cr_expect(no_error());
}

#endif
