/* average.c - averages of parameters: updated, swapped in and out, their state walked, freed.
 *
 * Each average is row-major. A parameter that is not is worked on in a row-major copy; all copies
 * are made before anything changes, so that nothing can fail halfway.
 */
#include "optim/average.h"

#include <math.h>
#include <stdio.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "optim/optim_parts.h"

enum { PIECE_ELEMENTS = 16384 };

/* One parameter. */
typedef struct slot {
    rv_tensor *parameter; /* held */
    rv_tensor *average;   /* held; row-major; the parameter's values while swapped in */
    rv_tensor *value; /* the parameter, or a row-major copy: during a call, owned by its scope */
} slot;

struct rv_average {
    rv_object object;
    bool is_ema;
    double decay;
    bool warmup;
    int64_t slot_count;
    slot *slots;        /* [slot_count] */
    rv_tensor *count;   /* I64, 0-d: how many updates were made */
    rv_tensor *swapped; /* I64, 0-d: 1 while the averages are in the parameters */
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void average_destroy(rv_object *object)
{
    rv_average *a = (rv_average *)object;
    for (int64_t i = 0; a->slots != NULL && i < a->slot_count; i++) {
        rv_release(a->slots[i].parameter);
        rv_release(a->slots[i].average);
    }
    rv_memory_put(a->slots, (size_t)a->slot_count * sizeof(slot));
    rv_release(a->count);
    rv_release(a->swapped);
    a->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(a, sizeof *a);
}

static bool average_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_average *a = (const rv_average *)object;
    bool go_on = visit(context, "count", a->count) && visit(context, "swapped", a->swapped);
    for (int64_t i = 0; go_on && i < a->slot_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%lld", (long long)i);
        go_on = visit(context, name, a->slots[i].average);
    }
    return go_on;
}

static const rv_object_class average_class = {
    .kind = "average", .destroy = average_destroy, .state = average_state};

void rv_average_free(rv_average *average)
{
    rv_object_release((rv_object *)average);
}

/* Fills a fresh one; false with an error, and what there is then can be destroyed. */
static bool fill(const char *who, rv_average *a, const rv_tensors *parameters)
{
    RV_SCOPE;
    RV_LASTING;
    a->slots = rv_memory_get(who, (size_t)parameters->count * sizeof(slot));
    if (a->slots == NULL)
        return false;
    a->slot_count = parameters->count;
    for (int64_t i = 0; i < a->slot_count; i++)
        a->slots[i] = (slot){.parameter = rv_retain(parameters->items[i])};
    a->count = rv_retain(rv_zeros(RV_I64));
    a->swapped = rv_retain(rv_zeros(RV_I64));
    bool done = a->count != NULL && a->swapped != NULL;
    for (int64_t i = 0; done && i < a->slot_count; i++) {
        const rv_tensor *p = a->slots[i].parameter;
        a->slots[i].average = rv_retain(rv_zeros_n(p->dtype, p->ndim, p->shape));
        done = a->slots[i].average != NULL;
    }
    return done;
}

static rv_average *make(const char *who, const rv_average *like, const rv_tensors *parameters)
{
    if (!rv_optim_check_parameters(who, NULL, parameters))
        return NULL;
    rv_average *a = rv_memory_get(who, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = *like;
    rv_object_init(&a->object, &average_class);
    if (fill(who, a, parameters))
        return a;
    rv_average_free(a);
    return NULL;
}

rv_average *rv_average_ema_with(const rv_average_ema_options *options)
{
    const char *who = "average_ema";
    const rv_average_ema_options *o = options;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!(o->decay >= 0 && o->decay <= 1))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "decay is %g; 0 to 1 is expected", o->decay);
    const rv_average like = {.is_ema = true, .decay = o->decay, .warmup = o->warmup};
    return make(who, &like, &o->parameters);
}

rv_average *rv_average_swa(rv_tensors parameters)
{
    return make("average_swa", &(rv_average){.is_ema = false}, &parameters);
}

/* ---- what is asked of each call -------------------------------------------------------------- */

static bool check(const char *who, const rv_average *a)
{
    if (a == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the average is NULL");
    if (a->object.mark != RV_OBJECT_ALIVE || a->object.object_class != &average_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not an average, or it was freed");
    const int64_t count = *(const int64_t *)a->count->data;
    const int64_t swapped = *(const int64_t *)a->swapped->data;
    if (count < 0 || count == INT64_MAX || swapped < 0 || swapped > 1)
        return rv_fail(RV_ERROR_STATE, who,
                       "count %lld, swapped %lld: the state that was loaded "
                       "is wrong",
                       (long long)count, (long long)swapped);
    return true;
}

static bool is_swapped(const rv_average *a)
{
    return *(const int64_t *)a->swapped->data == 1;
}

int64_t rv_average_count(const rv_average *average)
{
    return check("average_count", average) ? *(const int64_t *)average->count->data : -1;
}

/* Makes every parameter's row-major values ready, in the innermost scope. */
static bool prepare(const char *who, rv_average *a)
{
    for (int64_t i = 0; i < a->slot_count; i++) {
        a->slots[i].value = rv_raw_contiguous(who, a->slots[i].parameter);
        if (a->slots[i].value == NULL)
            return false;
    }
    return true;
}

/* ---- loops ----------------------------------------------------------------------------------- */

/* What is done to all elements of a parameter and its average. */
typedef struct work {
    const slot *slot;
    double weight; /* of the parameter in the average's new value */
    void (*loop[2])(int64_t n, void *average, void *value, double weight); /* for F32, F64 */
} work;

#define DEFINE_LOOPS(real)                                                                      \
    /* Towards the nearer end, so that weights 0 and 1 give exactly the old and the new one. */ \
    static void blend_##real(int64_t n, void *average, void *value, double weight)              \
    {                                                                                           \
        real *a = average;                                                                      \
        const real *p = value;                                                                  \
        const real w = (real)weight, rest = (real)(1 - weight);                                 \
        if (weight < 0.5)                                                                       \
            for (int64_t i = 0; i < n; i++)                                                     \
                a[i] += w * (p[i] - a[i]);                                                      \
        else                                                                                    \
            for (int64_t i = 0; i < n; i++)                                                     \
                a[i] = p[i] - rest * (p[i] - a[i]);                                             \
    }                                                                                           \
    static void exchange_##real(int64_t n, void *average, void *value, double weight)           \
    {                                                                                           \
        real *a = average, *p = value;                                                          \
        (void)weight;                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                       \
            const real old = a[i];                                                              \
            a[i] = p[i];                                                                        \
            p[i] = old;                                                                         \
        }                                                                                       \
    }
DEFINE_LOOPS(float)
DEFINE_LOOPS(double)

static void work_piece(void *context, int64_t piece)
{
    const work *w = context;
    const rv_tensor *average = w->slot->average;
    const int64_t first = piece * PIECE_ELEMENTS, left = average->numel - first;
    const size_t skipped = (size_t)first * rv_dtype_size(average->dtype);
    w->loop[average->dtype](left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS, average->data + skipped,
                            w->slot->value->data + skipped, w->weight);
}

static void work_through(rv_average *a, work w)
{
    for (int64_t i = 0; i < a->slot_count; i++) {
        const rv_tensor *average = a->slots[i].average;
        w.slot = &a->slots[i];
        const int64_t pieces = (average->numel + PIECE_ELEMENTS - 1) / PIECE_ELEMENTS;
        if (pieces > 1)
            rv_parallel(pieces, work_piece, &w);
        else if (pieces == 1)
            work_piece(&w, 0);
        rv_touch(a->slots[i].average);
    }
}

/* ---- updates --------------------------------------------------------------------------------- */

/* How much the parameters weigh in update `count`, counted from 0. */
static double weight_of(const rv_average *a, int64_t count)
{
    if (count == 0)
        return 1;
    if (!a->is_ema)
        return 1 / ((double)count + 1);
    const double most = a->warmup ? (1 + (double)count) / (10 + (double)count) : 1;
    return 1 - fmin(a->decay, most);
}

bool rv_average_update(rv_average *average)
{
    const char *who = "average_update";
    if (rv_error_status() != RV_OK || !check(who, average))
        return false;
    if (is_swapped(average))
        return rv_fail(RV_ERROR_STATE, who,
                       "the averages are swapped in: rv_average_swap_out comes first");
    RV_SCOPE;
    if (!prepare(who, average))
        return false;
    int64_t *count = (int64_t *)average->count->data;
    work_through(average,
                 (work){.weight = weight_of(average, *count), .loop = {blend_float, blend_double}});
    ++*count;
    rv_touch(average->count);
    return true;
}

/* ---- swapping -------------------------------------------------------------------------------- */

static bool swap(const char *who, rv_average *a, bool in)
{
    if (!check(who, a))
        return false;
    if (is_swapped(a) == in)
        return rv_fail(RV_ERROR_STATE, who, "the averages are %s already",
                       in ? "swapped in" : "swapped out");
    if (*(const int64_t *)a->count->data == 0)
        return rv_fail(RV_ERROR_STATE, who, "nothing was averaged yet (rv_average_update)");
    RV_SCOPE;
    RV_NO_GRAD;
    if (!prepare(who, a))
        return false;
    work_through(a, (work){.loop = {exchange_float, exchange_double}});
    bool done = true;
    for (int64_t i = 0; i < a->slot_count; i++) {
        const slot *s = &a->slots[i];
        if (s->value != s->parameter)
            done = rv_copy_into(s->parameter, s->value) != NULL && done;
        rv_touch(s->parameter);
    }
    *(int64_t *)a->swapped->data = in;
    rv_touch(a->swapped);
    return done;
}

bool rv_average_swap_in(rv_average *average)
{
    return swap("average_swap_in", average, true);
}

bool rv_average_swap_out(rv_average *average)
{
    return swap("average_swap_out", average, false);
}
