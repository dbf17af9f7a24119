/* anomaly.c - the first NaN or infinity, and who made it.
 *
 * Numbers come in three kinds, each worse than the one before: finite, infinite, not a number. An
 * operation made an anomaly if its result holds a worse kind than anything it was given.
 */
#include "autograd/anomaly.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "autograd/anomaly_check.h"
#include "autograd/node.h"
#include "core/platform.h"

typedef enum kind { FINITE, INFINITE, NOT_A_NUMBER } kind;

/* The first element of a tensor's worst kind. */
typedef struct finding {
    kind worst;
    double value;
    int64_t index[RV_MAX_DIMENSIONS]; /* where; of no meaning if all are finite */
} finding;

/* Where the operations of the innermost derivative take note; NULL outside of derivatives. */
static RV_THREAD_LOCAL rv_anomaly_note *noting;

/* ---- on and off ----------------------------------------------------------------------------- */

bool rv_detect_anomaly(bool on)
{
    return rv_set_detecting(on);
}

void rv_anomaly_restore(bool *was)
{
    rv_set_detecting(*was);
}

/* ---- looking -------------------------------------------------------------------------------- */

static double value_at(const rv_tensor *t, int64_t offset)
{
    return t->dtype == RV_F32 ? (double)((const float *)t->data)[offset]
                              : ((const double *)t->data)[offset];
}

static kind kind_of(double value)
{
    return isfinite(value) ? FINITE : isnan(value) ? NOT_A_NUMBER : INFINITE;
}

/* Looks along the last axis, where the row begins at `offset`; index's last place is set. */
static void look_along(const rv_tensor *t, int64_t offset, const int64_t *index, finding *found)
{
    const int last = t->ndim - 1;
    const int64_t n = last < 0 ? 1 : t->shape[last], stride = last < 0 ? 0 : t->strides[last];
    for (int64_t i = 0; i < n; i++) {
        const double value = value_at(t, offset + i * stride);
        if (RV_LIKELY(kind_of(value) <= found->worst))
            continue;
        found->worst = kind_of(value);
        found->value = isnan(value) ? (double)NAN : value; /* a NaN's sign means nothing */
        memcpy(found->index, index, sizeof found->index);
        if (last >= 0)
            found->index[last] = i;
    }
}

/* NULL, and what is not floating, is finite. */
static finding look(const rv_tensor *t)
{
    finding found = {.worst = FINITE};
    if (t == NULL || !rv_dtype_is_floating(t->dtype) || t->numel == 0)
        return found;
    int64_t index[RV_MAX_DIMENSIONS] = {0}, offset = 0;
    for (;;) {
        look_along(t, offset, index, &found);
        int axis = t->ndim - 2;
        for (; axis >= 0; axis--) {
            offset += t->strides[axis];
            if (++index[axis] < t->shape[axis])
                break;
            offset -= t->strides[axis] * t->shape[axis];
            index[axis] = 0;
        }
        if (axis < 0 || found.worst == NOT_A_NUMBER)
            return found;
    }
}

static finding worst_of(int n, rv_tensor *const *in, int *which)
{
    finding worst = {.worst = FINITE};
    for (int i = 0; i < n; i++) {
        const finding here = look(in[i]);
        if (here.worst > worst.worst) {
            worst = here;
            *which = i;
        }
    }
    return worst;
}

/* ---- saying it ------------------------------------------------------------------------------ */

/* Appends; what does not fit is cut off. */
RV_PRINTF(2, 3) static void say(rv_anomaly_note *note, const char *format, ...)
{
    const size_t used = strlen(note->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note->text + used, sizeof note->text - used, format, arguments);
    va_end(arguments);
}

/* The element of `in` that is broadcast to place `index` of `out`; false if it is not. */
static bool value_there(const rv_tensor *in, const rv_tensor *out, const int64_t *index,
                        double *value)
{
    const int added = out->ndim - in->ndim;
    int64_t offset = 0;
    for (int i = 0; i < in->ndim; i++) {
        if (added < 0 || (in->shape[i] != 1 && in->shape[i] != out->shape[i + added]))
            return false;
        offset += in->shape[i] == 1 ? 0 : in->strides[i] * index[i + added];
    }
    if (!rv_dtype_is_floating(in->dtype))
        return false;
    *value = value_at(in, offset);
    return true;
}

enum { FEW = 3 }; /* so many inputs are described */

/* Appends what the inputs have at the same place, if all are broadcast to the output; else that
 * they are finite, or where one is not. */
static void say_cause(rv_anomaly_note *note, const rv_tensor *out, const finding *made, int inputs,
                      rv_tensor *const *in)
{
    int which = 0;
    const finding given = worst_of(inputs, in, &which);
    if (given.worst != FINITE) {
        say(note, "; its input %d %s has %g at %s", which, RV_SHAPE_OF(in[which]), given.value,
            rv_shape_text(RV_SHAPE_BUFFER, in[which]->ndim, given.index));
        return;
    }
    double values[FEW];
    bool are_there = inputs > 0 && inputs <= FEW;
    for (int i = 0; are_there && i < inputs; i++)
        are_there = in[i] != NULL && value_there(in[i], out, made->index, &values[i]);
    for (int i = 0; are_there && i < inputs; i++)
        say(note, "%s input %d has %g", i == 0 ? "; there," : ",", i, values[i]);
    if (are_there)
        return;
    say(note, "; its inputs");
    for (int i = 0; i < inputs && i < FEW; i++)
        if (in[i] != NULL)
            say(note, "%s %s", i == 0 ? "" : ",", RV_SHAPE_OF(in[i]));
    say(note, "%s are finite", inputs > FEW ? ", ..." : "");
}

bool rv_anomaly_check(const rv_op *op, int outputs, rv_tensor *const *out, int inputs,
                      rv_tensor *const *in)
{
    int which = 0;
    const finding made = worst_of(outputs, out, &which);
    if (made.worst == FINITE || (noting != NULL && noting->text[0] != '\0'))
        return true;
    int unused;
    if (worst_of(inputs, in, &unused).worst >= made.worst)
        return true;
    rv_anomaly_note here = {.text = ""}, *note = noting != NULL ? noting : &here;
    if (noting != NULL)
        say(note, "%s: ", op->name);
    char number[16] = "";
    if (outputs > 1)
        snprintf(number, sizeof number, "%d ", which);
    say(note, "its output %s%s has %g at %s", number, RV_SHAPE_OF(out[which]), made.value,
        rv_shape_text(RV_SHAPE_BUFFER, out[which]->ndim, made.index));
    say_cause(note, out[which], &made, inputs, in);
    return noting != NULL || rv_fail(RV_ERROR_NOT_FINITE, op->name, "%s", here.text);
}

/* ---- in a walk ------------------------------------------------------------------------------ */

void rv_anomaly_enter(rv_anomaly_note *note)
{
    note->text[0] = '\0';
    note->outside = noting;
    noting = note;
}

/* The worst kind among the gradients of a node's outputs and what it saved. */
static kind worst_given(const rv_derivative *d)
{
    RV_SCOPE;
    const rv_node *node = d->node;
    int unused;
    kind worst = worst_of(node->outputs, d->gs, &unused).worst;
    for (int i = 0; i < node->saved_count; i++) {
        const rv_saved *saved = &node->saved[i];
        if (saved->storage == NULL)
            continue;
        const rv_form *form = &saved->form;
        const kind here = look(rv_raw_view(node->op->name, saved->storage, saved->data, form->dtype,
                                           form->ndim, form->shape, saved->strides))
                              .worst;
        worst = here > worst ? here : worst;
    }
    return worst;
}

bool rv_anomaly_leave(rv_anomaly_note *note, const char *walk, const rv_derivative *d)
{
    noting = note->outside;
    int which = 0;
    const finding made = worst_of(d->inputs, d->grads, &which);
    if (made.worst == FINITE || made.worst <= worst_given(d))
        return true;
    const rv_tensor *g = d->grads[which];
    return rv_fail(RV_ERROR_NOT_FINITE, d->node->op->name,
                   "its derivative gave %g for input %d, at %s of %s, in the walk of %s%s%s",
                   made.value, which, rv_shape_text(RV_SHAPE_BUFFER, g->ndim, made.index),
                   RV_SHAPE_OF(g), walk, note->text[0] != '\0' ? "; it was made by " : "",
                   note->text);
}
