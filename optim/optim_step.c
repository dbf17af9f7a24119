/* optim_step.c - one step: everything that may fail comes first, then the parameters change.
 *
 * Methods that update element by element get all parameters in one parallel pass: each is cut into
 * pieces, and the pieces of all are numbered in one sequence. A parameter or gradient whose
 * elements are not row-major is worked on in a row-major copy.
 */
#include "optim/optim.h"

#include <string.h>

#include "autograd/graph.h"
#include "core/parallel.h"
#include "optim/optim_parts.h"

/* Of one piece. What a piece touches fits into a core's cache; one piece alone is not worth waking
 * another thread for. */
enum { PIECE_ELEMENTS = 16384 };

static const char *const who = "optim_step";

static int64_t *step_of(const rv_optim *opt, const rv_optim_slot *slot)
{
    return (int64_t *)opt->steps->data + (slot - opt->slots);
}

static bool is_like(const rv_tensor *t, const rv_tensor *parameter)
{
    return t->dtype == parameter->dtype && rv_same_shape(t, parameter);
}

/* ---- before anything changes ----------------------------------------------------------------- */

/* The gradient with memory of its own: somebody may have set a parameter, or a view of one. */
static rv_tensor *own_gradient(rv_tensor *g)
{
    const bool is_shared = g->object.references > 1 || g->storage->references > 1;
    return is_shared ? rv_raw_copy(who, g) : rv_raw_contiguous(who, g);
}

static bool prepare(const rv_optim *opt, rv_optim_slot *slot)
{
    rv_tensor *p = slot->parameter, *g = rv_grad(p);
    const long long number = (long long)(slot - opt->slots);
    slot->gradient = NULL;
    if (g == NULL)
        return true;
    if (!rv_check(who, (int)number, g))
        return false;
    if (!is_like(g, p))
        return rv_fail(RV_ERROR_SHAPE, who, "parameter %lld is %s %s, its gradient %s %s", number,
                       rv_dtype_name(p->dtype), RV_SHAPE_OF(p), rv_dtype_name(g->dtype),
                       RV_SHAPE_OF(g));
    const int64_t step = *step_of(opt, slot);
    if (step < 0 || step == INT64_MAX)
        return rv_fail(RV_ERROR_STATE, who,
                       "parameter %lld has made %lld steps: the state that was "
                       "loaded is wrong",
                       number, (long long)step);
    if (!rv_optim_make_state(who, opt, slot))
        return false;
    slot->gradient = own_gradient(g);
    slot->value = rv_raw_contiguous(who, p);
    return slot->gradient != NULL && slot->value != NULL;
}

/* ---- methods on whole tensors ---------------------------------------------------------------- */

/* Whether a tensor that `update` gave is the parameter, its state, or shares memory: then it would
 * change while the new values are put in place. */
static bool is_borrowed(const rv_optim *opt, const rv_optim_slot *slot, const rv_tensor *made)
{
    bool is_ours = made->storage == slot->parameter->storage;
    for (int i = 0; i < opt->optim_class->state_count; i++)
        is_ours = is_ours || (slot->state[i] != NULL && made->storage == slot->state[i]->storage);
    return is_ours || made->object.references > 1 || made->storage->references > 1;
}

/* What `update` gave in place of `old`, as a tensor that copying into `old` cannot fail for. */
static rv_tensor *checked(const rv_optim *opt, const rv_optim_slot *slot, rv_tensor *made,
                          const rv_tensor *old, const char *what)
{
    const char *name = opt->optim_class->name;
    if (made == old || (made == NULL && rv_error_status() != RV_OK))
        return made;
    if (made == NULL || old == NULL)
        return rv_fail_null(RV_ERROR_STATE, who, "%s gave %s as %s", name,
                            made == NULL ? "NULL" : "a tensor", what);
    if (!rv_check(who, 0, made))
        return NULL;
    if (!is_like(made, old))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s gave %s %s as %s of a parameter %s %s", name,
                            rv_dtype_name(made->dtype), RV_SHAPE_OF(made), what,
                            rv_dtype_name(old->dtype), RV_SHAPE_OF(old));
    return is_borrowed(opt, slot, made) ? rv_raw_copy(who, made) : made;
}

static bool compute(const rv_optim *opt, rv_optim_slot *slot)
{
    const rv_optim_class *c = opt->optim_class;
    memcpy(slot->next_state, slot->state, sizeof slot->state);
    rv_optim_update u = {.parameter = slot->parameter,
                         .gradient = slot->gradient,
                         .state = slot->next_state,
                         .lr = rv_optim_lr(opt),
                         .step = *step_of(opt, slot) + 1,
                         .options = opt->options};
    rv_tensor *value = c->update(&u);
    slot->value = checked(opt, slot, value, slot->parameter, "the new value");
    for (int i = 0; slot->value != NULL && i < c->state_count; i++) {
        rv_tensor *old = slot->state[i], *made = slot->next_state[i];
        slot->next_state[i] = checked(opt, slot, made, old, c->state_names[i]);
        if (slot->next_state[i] == NULL && old != NULL)
            return false;
    }
    return slot->value != NULL && rv_error_status() == RV_OK;
}

/* ---- methods on elements --------------------------------------------------------------------- */

static int64_t pieces_of(const rv_optim_slot *slot)
{
    return slot->gradient != NULL ? (slot->value->numel + PIECE_ELEMENTS - 1) / PIECE_ELEMENTS : 0;
}

/* The slot that a piece belongs to: the last one that begins at or before it. */
static const rv_optim_slot *slot_of(const rv_optim *opt, int64_t piece)
{
    int64_t low = 0, high = opt->count;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (opt->slots[middle].first_piece <= piece)
            low = middle;
        else
            high = middle;
    }
    return &opt->slots[low];
}

static void update_piece(void *context, int64_t piece)
{
    const rv_optim *opt = context;
    const rv_optim_class *c = opt->optim_class;
    const rv_optim_slot *slot = slot_of(opt, piece);
    const int64_t first = (piece - slot->first_piece) * PIECE_ELEMENTS;
    const int64_t left = slot->value->numel - first;
    const size_t skipped = (size_t)first * rv_dtype_size(slot->value->dtype);
    void *state[RV_OPTIM_MOST_STATE] = {NULL};
    for (int i = 0; i < c->state_count; i++)
        state[i] = slot->state[i] != NULL ? slot->state[i]->data + skipped : NULL;
    const rv_optim_elements elements = {.dtype = slot->value->dtype,
                                        .count = left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS,
                                        .parameter = slot->value->data + skipped,
                                        .gradient = slot->gradient->data + skipped,
                                        .state = state,
                                        .lr = *(const double *)opt->lr->data,
                                        .step = *step_of(opt, slot) + 1,
                                        .options = opt->options};
    c->update_elements(&elements);
}

static void update_all_elements(rv_optim *opt)
{
    int64_t pieces = 0, elements = 0;
    for (int64_t i = 0; i < opt->count; i++) {
        rv_optim_slot *slot = &opt->slots[i];
        slot->first_piece = pieces;
        pieces += pieces_of(slot);
        elements += slot->gradient != NULL ? slot->value->numel : 0;
    }
    if (elements > PIECE_ELEMENTS) {
        rv_parallel(pieces, update_piece, opt);
        return;
    }
    for (int64_t piece = 0; piece < pieces; piece++)
        update_piece(opt, piece);
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Puts the new values where they belong. */
static bool commit(const rv_optim *opt, const rv_optim_slot *slot)
{
    rv_tensor *p = slot->parameter;
    if (slot->value != p && rv_copy_into(p, slot->value) == NULL)
        return false;
    rv_touch(p);
    for (int i = 0; i < opt->optim_class->state_count; i++) {
        rv_tensor *state = slot->state[i];
        if (opt->optim_class->update != NULL && slot->next_state[i] != state &&
            rv_copy_into(state, slot->next_state[i]) == NULL)
            return false;
        rv_touch(state);
    }
    ++*step_of(opt, slot);
    rv_touch(opt->steps);
    return true;
}

bool rv_optim_step(rv_optim *opt)
{
    if (rv_error_status() != RV_OK || !rv_optim_check(who, opt) ||
        !rv_optim_check_lr(who, *(const double *)opt->lr->data))
        return false;
    RV_SCOPE;
    RV_NO_GRAD;
    for (int64_t i = 0; i < opt->count; i++)
        if (!prepare(opt, &opt->slots[i]))
            return false;
    if (opt->optim_class->update_elements != NULL)
        update_all_elements(opt);
    for (int64_t i = 0; opt->optim_class->update != NULL && i < opt->count; i++)
        if (opt->slots[i].gradient != NULL && !compute(opt, &opt->slots[i]))
            return false;
    bool done = true;
    for (int64_t i = 0; i < opt->count; i++)
        if (opt->slots[i].gradient != NULL)
            done = commit(opt, &opt->slots[i]) && done;
    return done;
}
