/* parts.c - the sum of parts is an operation whose gradient is computed with its value.
 *
 * The gradient is an operation too. Its derivative, given weights w of the gradient's elements, is
 * the gradient of the sum of w * gradient of part, and that again is a sum of parts: so one piece
 * of code makes derivatives of every order.
 */
#include "autograd/parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/op_support.h"
#include "autograd/walk.h"
#include "core/elementwise.h"
#include "core/memory.h"
#include "core/tasks.h"

static const char *const who = "sum_parts";

enum { MOST_GROUPS = 32, MOST_INPUTS = 1 << 24 };
static const int64_t MOST_GROUP_BYTES = (int64_t)256 << 20;

/* An input: what it holds, and its place in the graph. Not the tensor itself, which may hold a
 * gradient that was recorded, and so the graph: that would be a cycle. */
typedef struct input {
    rv_tensor *value; /* held: a view, or a leaf of our own that stands for it in the parts */
    rv_edge source;   /* held; no node: it requires no gradient */
    uint32_t version; /* of its storage when it was added */
} input;

/* A sum, its inputs, and once it is evaluated, its gradients. Counted: by whoever makes it, and by
 * the nodes that may need it again. */
typedef struct sum {
    int64_t references; /* atomic */
    rv_part *part;
    void *context;
    struct sum *of; /* what `context` weights; NULL for a user's own */
    int64_t parts;
    int count, room;       /* inputs, and how many it may have */
    input *inputs;         /* [count] */
    rv_tensor **gradients; /* [count], held; NULL: not computed */
    rv_tensor **weights;   /* [of->count], held, if it has such */
} sum;

/* ---- the sum as an object -------------------------------------------------------------------- */

static int weight_count(const sum *s)
{
    return s->of != NULL ? s->of->count : 0;
}

static size_t sum_bytes(int room, int weights)
{
    return sizeof(sum) + (size_t)room * sizeof(input) +
           (size_t)(room + weights) * sizeof(rv_tensor *);
}

static void sum_release(sum *s)
{
    if (s == NULL || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (int i = 0; i < s->count; i++) {
        rv_release(s->inputs[i].value);
        rv_release(s->gradients[i]);
        if (s->inputs[i].source.node != NULL)
            rv_object_release(&s->inputs[i].source.node->object);
    }
    for (int i = 0; i < weight_count(s); i++)
        rv_release(s->weights[i]);
    const size_t bytes = sum_bytes(s->room, weight_count(s));
    sum_release(s->of);
    rv_memory_put(s, bytes);
}

static sum *sum_retain(sum *s)
{
    __atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
    return s;
}

/* A sum without inputs yet, with room for them. */
static sum *sum_new(rv_part *part, void *context, int64_t parts, int room, sum *of)
{
    const size_t bytes = sum_bytes(room, of != NULL ? of->count : 0);
    sum *s = rv_memory_get(who, bytes);
    if (s == NULL)
        return NULL;
    memset(s, 0, bytes);
    s->references = 1;
    s->part = part;
    s->context = context;
    s->parts = parts;
    s->room = room;
    s->inputs = (input *)(s + 1);
    s->gradients = (rv_tensor **)(s->inputs + room);
    s->weights = s->gradients + room;
    s->of = of != NULL ? sum_retain(of) : NULL;
    return s;
}

/* `value`: x, as input.value is. */
static bool add_input(sum *s, rv_tensor *x, rv_tensor *value)
{
    if (value == NULL)
        return false;
    rv_node *node = rv_node_of(x);
    s->inputs[s->count++] = (input){.value = rv_retain(value),
                                    .source = {node, node != NULL ? x->node_output : 0},
                                    .version = rv_storage_version(x->storage)};
    if (node != NULL)
        rv_object_retain(&node->object);
    return true;
}

/* The inputs as tensors of the innermost scope: as they are in the parts, or where they came from.
 */
static rv_tensor **inputs_of(const sum *s, bool in_parts)
{
    rv_tensor **xs = rv_graph_array(s->count);
    for (int i = 0; xs != NULL && i < s->count; i++) {
        const input *in = &s->inputs[i];
        const bool stands_in = in_parts && rv_node_of(in->value) != NULL;
        xs[i] = stands_in ? in->value : rv_detach(in->value);
        if (xs[i] == NULL)
            return NULL;
        if (!stands_in && in->source.node != NULL)
            rv_node_connect(xs[i], in->source.node, in->source.output);
    }
    return xs;
}

/* Whether the inputs are as they were. */
static bool is_unchanged(const sum *s)
{
    for (int i = 0; i < s->count; i++)
        if (rv_storage_version(s->inputs[i].value->storage) != s->inputs[i].version)
            return rv_fail(RV_ERROR_CHANGED, who,
                           "input %d, which the derivative of its gradient needs, was changed in "
                           "place since",
                           i);
    return true;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

typedef struct evaluation {
    const sum *sum;
    int64_t groups;
    bool differentiate;
    double *values;     /* [parts] */
    uint8_t *dtypes;    /* [parts] */
    rv_tensor **totals; /* [groups,count]: zeros, then gradients */
} evaluation;

static bool check_part(const rv_tensor *value, int64_t part)
{
    if (value == NULL)
        return rv_error_status() != RV_OK
                   ? false
                   : rv_fail(RV_ERROR_NULL, who, "part %lld gave NULL", (long long)part);
    if (!rv_check(who, 0, value))
        return false;
    return (value->numel == 1 && rv_dtype_is_floating(value->dtype)) ||
           rv_fail(RV_ERROR_SHAPE, who,
                   "part %lld gave %s %s; a floating tensor of one element is expected",
                   (long long)part, rv_dtype_name(value->dtype), RV_SHAPE_OF(value));
}

/* Adds the gradients of a part to its group's. */
static bool add_gradients(const sum *s, rv_tensor *value, rv_tensor **totals)
{
    if (!rv_requires_grad(value))
        return true; /* a constant */
    rv_tensor **xs = inputs_of(s, true);
    rv_tensor **gradients =
        xs != NULL ? rv_gradients(&value, 1, xs, s->count, .allow_unused = true) : NULL;
    if (gradients == NULL)
        return false;
    for (int i = 0; i < s->count; i++) {
        rv_tensor *total = totals[i];
        rv_loop *add = rv_kernels_get()->loops[RV_LOOP_add][total->dtype];
        if (gradients[i] != NULL &&
            !rv_elementwise_into(who, add, total, 2, (const rv_tensor *[]){total, gradients[i]}))
            return false;
    }
    return true;
}

static bool run_part(const evaluation *e, int64_t part, rv_tensor **totals)
{
    RV_SCOPE;
    const sum *s = e->sum;
    rv_tensor *value = s->part(s->context, part);
    if (!check_part(value, part))
        return false;
    e->values[part] = rv_item(value);
    e->dtypes[part] = (uint8_t)value->dtype;
    return !e->differentiate || add_gradients(s, value, totals);
}

static bool run_group(void *context, int64_t group)
{
    const evaluation *e = context;
    const sum *s = e->sum;
    const int64_t end = s->parts * (group + 1) / e->groups;
    bool recorded = rv_set_recording(e->differentiate);
    bool done = true;
    for (int64_t part = s->parts * group / e->groups; done && part < end; part++)
        done = run_part(e, part, e->totals + group * s->count);
    rv_recording_restore(&recorded);
    return done;
}

/* By the inputs' sizes and the number of parts alone. */
static int64_t group_count(const sum *s)
{
    int64_t bytes = 1;
    for (int i = 0; i < s->count; i++)
        bytes += s->inputs[i].value->numel * (int64_t)rv_dtype_size(s->inputs[i].value->dtype);
    const int64_t fit = MOST_GROUP_BYTES / bytes;
    const int64_t most = fit < 1 ? 1 : fit < MOST_GROUPS ? fit : MOST_GROUPS;
    return s->parts < most ? s->parts : most;
}

/* Zeros for the gradients of every group. */
static bool make_totals(evaluation *e)
{
    const sum *s = e->sum;
    e->totals = rv_graph_array(e->groups * s->count);
    for (int64_t i = 0; e->totals != NULL && i < e->groups * s->count; i++) {
        const rv_tensor *x = s->inputs[i % s->count].value;
        e->totals[i] = rv_zeros_n(x->dtype, x->ndim, x->shape);
        if (e->totals[i] == NULL)
            return false;
    }
    return e->totals != NULL;
}

/* The groups' gradients, added in their order, become the sum's. */
static bool keep_totals(sum *s, const evaluation *e)
{
    for (int i = 0; i < s->count; i++) {
        rv_tensor *total = e->totals[i];
        rv_loop *add = rv_kernels_get()->loops[RV_LOOP_add][total->dtype];
        for (int64_t group = 1; group < e->groups; group++) {
            const rv_tensor *both[] = {total, e->totals[group * s->count + i]};
            if (!rv_elementwise_into(who, add, total, 2, both))
                return false;
        }
        s->gradients[i] = rv_retain(total);
    }
    return true;
}

/* The values' sum, in their dtype. */
static rv_tensor *add_values(const evaluation *e)
{
    double all = 0;
    for (int64_t part = 0; part < e->sum->parts; part++) {
        if (e->dtypes[part] != e->dtypes[0])
            return rv_fail_null(RV_ERROR_DTYPE, who, "part 0 gave %s, and part %lld %s",
                                rv_dtype_name((rv_dtype)e->dtypes[0]), (long long)part,
                                rv_dtype_name((rv_dtype)e->dtypes[part]));
        all += e->values[part];
    }
    return rv_full_n(all, (rv_dtype)e->dtypes[0], 0, NULL);
}

/* The sum's value, and if asked for, its gradients, which it keeps. */
static rv_tensor *evaluate(sum *s, bool differentiate)
{
    RV_SCOPE;
    bool recorded = rv_set_recording(false);
    evaluation e = {.sum = s, .groups = group_count(s), .differentiate = differentiate};
    rv_tensor *values = rv_zeros_n(RV_F64, 1, &s->parts);
    rv_tensor *dtypes = rv_zeros_n(RV_U8, 1, &s->parts);
    rv_tensor *y = NULL;
    if (values != NULL && dtypes != NULL && (!differentiate || make_totals(&e))) {
        e.values = (double *)values->data;
        e.dtypes = (uint8_t *)dtypes->data;
        if (rv_run_tasks(e.groups, run_group, &e) && (!differentiate || keep_totals(s, &e)))
            y = add_values(&e);
    }
    rv_recording_restore(&recorded);
    return rv_keep(y);
}

/* ---- derivatives ----------------------------------------------------------------------------- */

static sum *sum_of(const void *attributes)
{
    return *(sum *const *)attributes;
}

static void release_attributes(void *attributes)
{
    sum_release(sum_of(attributes));
}

static rv_derivative_function sum_derivative, gradient_derivative;

static const rv_op sum_op = {.name = "sum_parts",
                             .id = RV_OP_ID_custom,
                             .arity = RV_ANY_NUMBER,
                             .saves = RV_SAVE_NOTHING,
                             .derivative = sum_derivative,
                             .release = release_attributes};
static const rv_op gradient_op = {.name = "sum_parts_gradient",
                                  .id = RV_OP_ID_custom,
                                  .arity = RV_ANY_NUMBER,
                                  .saves = RV_SAVE_NOTHING,
                                  .derivative = gradient_derivative,
                                  .release = release_attributes};

/* The inner product of all gradients and the weights: 0-d. */
static rv_tensor *weigh(const sum *s, rv_tensor **gradients)
{
    rv_tensor *total = NULL;
    for (int i = 0; i < s->of->count; i++) {
        if (gradients[i] == NULL)
            continue;
        rv_tensor *term =
            rv_cast(rv_sum(rv_mul(gradients[i], s->weights[i])), s->of->inputs[0].value->dtype);
        total = total == NULL ? term : rv_add(total, term);
        if (total == NULL)
            return NULL;
    }
    return total != NULL ? total : rv_zeros_n(s->of->inputs[0].value->dtype, 0, NULL);
}

/* The gradient of part `part` as `of` has it, weighted: what the derivative of a gradient is the
 * gradient of. */
static rv_tensor *weighted_part(void *context, int64_t part)
{
    const sum *s = context, *of = s->of;
    rv_tensor *value = of->part(of->context, part);
    if (!check_part(value, part))
        return NULL;
    if (!rv_requires_grad(value))
        return rv_zeros_n(value->dtype, 0, NULL);
    rv_tensor **xs = inputs_of(of, true);
    rv_tensor **gradients = xs != NULL ? rv_gradients(&value, 1, xs, of->count,
                                                      .allow_unused = true, .create_graph = true)
                                       : NULL;
    return gradients != NULL ? weigh(s, gradients) : NULL;
}

/* Records that the outputs y were computed by `op` from the inputs of s, which they may need again.
 */
static bool record(const rv_op *op, int outputs, rv_tensor **y, sum *s)
{
    rv_tensor **xs = inputs_of(s, false);
    sum_retain(s);
    const bool done = xs != NULL && rv_record_many(op, outputs, y, s->count, xs, &s, sizeof s);
    if (!done || y[0]->node == NULL)
        sum_release(s);
    return done;
}

/* The gradients of an evaluated sum; connected to its inputs where the walk is recorded. */
static rv_tensor **gradients_of(sum *s)
{
    rv_tensor **y = rv_graph_array(s->count);
    for (int i = 0; y != NULL && i < s->count; i++) {
        y[i] = rv_detach(s->gradients[i]);
        if (y[i] == NULL)
            return NULL;
    }
    if (y == NULL || !(rv_thread_mode() & RV_MODE_RECORDING))
        return y;
    return is_unchanged(s) && record(&gradient_op, s->count, y, s) ? y : NULL;
}

static void sum_derivative(rv_derivative *d)
{
    rv_tensor **gradients = gradients_of(sum_of(d->attributes));
    for (int i = 0; gradients != NULL && i < d->inputs; i++)
        if (d->needs[i])
            d->grads[i] = rv_mul(gradients[i], rv_cast(d->g, gradients[i]->dtype));
}

/* Gives s the inputs of what it weights, and those weights that are variable themselves. */
static bool add_weights(sum *s, rv_tensor *const *weights)
{
    const sum *of = s->of;
    rv_tensor **xs = inputs_of(of, false);
    for (int i = 0; xs != NULL && i < of->count; i++)
        if (!add_input(s, xs[i], of->inputs[i].value))
            return false;
    for (int i = 0; xs != NULL && i < of->count; i++) {
        const bool is_variable = rv_requires_grad(weights[i]);
        rv_tensor *w = is_variable ? rv_require_grad(rv_detach(weights[i])) : weights[i];
        if (w == NULL || (is_variable && !add_input(s, weights[i], w)))
            return false;
        s->weights[i] = rv_retain(w);
    }
    return xs != NULL;
}

static void gradient_derivative(rv_derivative *d)
{
    sum *of = sum_of(d->attributes);
    sum *s = is_unchanged(of) ? sum_new(weighted_part, NULL, of->parts, 2 * of->count, of) : NULL;
    if (s == NULL)
        return;
    s->context = s;
    if (add_weights(s, d->gs) && evaluate(s, true) != NULL) {
        rv_tensor **gradients = gradients_of(s);
        for (int i = 0; gradients != NULL && i < d->inputs; i++)
            d->grads[i] = d->needs[i] ? gradients[i] : NULL;
    }
    sum_release(s);
}

/* ---- the calls ------------------------------------------------------------------------------- */

static bool check(const rv_sum_parts_options *o)
{
    if (o->part == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the function is NULL");
    if (o->parts < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%lld parts; >= 1 is expected", (long long)o->parts);
    if (o->inputs.items == NULL || o->inputs.count < 1 || o->inputs.count > MOST_INPUTS)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%lld inputs%s; 1 to %d are expected",
                       (long long)o->inputs.count, o->inputs.items == NULL ? " (NULL)" : "",
                       MOST_INPUTS);
    for (int i = 0; i < o->inputs.count; i++) {
        const rv_tensor *x = o->inputs.items[i];
        if (!rv_check_floating(who, i, x))
            return false;
        if (rv_node_of(x) != NULL && rv_node_of(x)->op != NULL)
            return rv_fail(RV_ERROR_GRAPH, who,
                           "input %d was computed from others: parts reach inputs by themselves, "
                           "so these must be leaves (rv_require_grad makes one)",
                           i);
    }
    return rv_error_status() == RV_OK;
}

static bool any_requires_grad(rv_tensors inputs)
{
    for (int64_t i = 0; i < inputs.count; i++)
        if (rv_requires_grad(inputs.items[i]))
            return true;
    return false;
}

static rv_tensor *evaluate_and_record(sum *s, const rv_sum_parts_options *o)
{
    for (int64_t i = 0; i < o->inputs.count; i++)
        if (!add_input(s, o->inputs.items[i], rv_detach(o->inputs.items[i])))
            return NULL;
    const bool differentiate =
        (rv_thread_mode() & RV_MODE_RECORDING) && any_requires_grad(o->inputs);
    rv_tensor *y = evaluate(s, differentiate);
    return y != NULL && (!differentiate || record(&sum_op, 1, &y, s)) ? y : NULL;
}

rv_tensor *rv_sum_parts_with(const rv_sum_parts_options *o)
{
    RV_SCOPE;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    sum *s = check(o) ? sum_new(o->part, o->context, o->parts, (int)o->inputs.count, NULL) : NULL;
    if (s == NULL)
        return NULL;
    rv_tensor *y = evaluate_and_record(s, o);
    sum_release(s);
    return rv_keep(y);
}

/* ---- parts side by side ---------------------------------------------------------------------- */

typedef struct list {
    rv_part *part;
    void *context;
    rv_tensor **values; /* [parts], held */
} list;

static bool make_value(void *context, int64_t part)
{
    const list *all = context;
    rv_tensor *value = all->part(all->context, part);
    if (value == NULL && rv_error_status() == RV_OK)
        return rv_fail(RV_ERROR_NULL, "cat_parts", "part %lld gave NULL", (long long)part);
    all->values[part] = rv_retain(value);
    return value != NULL;
}

rv_tensor *rv_cat_parts(rv_part *part, void *context, int64_t parts)
{
    RV_SCOPE;
    if (part == NULL)
        return rv_fail_null(RV_ERROR_NULL, "cat_parts", "the function is NULL");
    if (parts < 1 || parts > MOST_INPUTS)
        return rv_fail_null(RV_ERROR_ARGUMENT, "cat_parts", "%lld parts; 1 to %d are expected",
                            (long long)parts, MOST_INPUTS);
    list all = {part, context, rv_graph_array(parts)};
    if (all.values == NULL)
        return NULL;
    rv_tensor *y = NULL;
    if (rv_run_tasks(parts, make_value, &all)) {
        RV_NO_GRAD;
        y = rv_cat(all.values, (int)parts, 0);
    }
    for (int64_t i = 0; i < parts; i++)
        rv_release(all.values[i]);
    return rv_keep(y);
}
