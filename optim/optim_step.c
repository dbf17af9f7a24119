/* optim_step.c - one step: everything that may fail comes first, then the parameters change.
 *
 * Methods that update element by element get all parameters in one parallel pass: each is cut into
 * pieces, and the pieces of all are numbered in one sequence. A parameter or gradient whose
 * elements are not row-major is worked on in a row-major copy.
 */
#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "optim/optim_parts.h"

/* Of one piece: what it touches fits into a core's cache; one piece alone is not worth waking
 * another thread for. Of a block, whose gradient is changed in the nearest cache. */
enum { PIECE_ELEMENTS = 16384, BLOCK_ELEMENTS = 256 };

static const char *const who = "optim_step";

static bool is_like(const rv_tensor *t, const rv_tensor *parameter)
{
    return t->dtype == parameter->dtype && rv_same_shape(t, parameter);
}

static const rv_optim_group *group_of(const rv_optim *opt, const rv_optim_slot *slot)
{
    return &opt->groups[slot->group];
}

static int64_t number_of(const rv_optim *opt, const rv_optim_slot *slot)
{
    return slot - opt->slots;
}

/* ---- before anything changes ----------------------------------------------------------------- */

/* Lets the options have the learning rates and momenta that are in the tensors: a file may have
 * been loaded into those, with anything in it. */
static bool put_numbers(const rv_optim *opt)
{
    for (int64_t g = 0; g < opt->group_count; g++) {
        const double lr = ((const double *)opt->lr->data)[g];
        if (!rv_optim_check_lr(who, lr))
            return false;
        rv_optim_put_lr(&opt->groups[g], lr);
        if (opt->momentum != NULL &&
            !rv_optim_put_momentum(who, opt, g, ((const double *)opt->momentum->data)[g]))
            return false;
    }
    return true;
}

/* Whether what is kept for a parameter can be what a file should have. */
static bool check_numbers(const rv_optim *opt, int64_t i)
{
    const int64_t step = *rv_optim_step_of(opt, i);
    const double *scalars = rv_optim_scalars_of(opt, i);
    if (step < 0 || step == INT64_MAX)
        return rv_fail(RV_ERROR_STATE, who,
                       "parameter %lld has made %lld steps: the state that was loaded is wrong",
                       (long long)i, (long long)step);
    for (int j = 0; j < opt->optim_class->scalar_count; j++)
        if (!isfinite(scalars[j]))
            return rv_fail(RV_ERROR_STATE, who,
                           "parameter %lld has %s %g: the state that was loaded is wrong",
                           (long long)i, opt->optim_class->scalar_names[j], scalars[j]);
    return true;
}

/* The gradient with memory of its own: somebody may have set a parameter, or a view of one. */
static rv_tensor *own_gradient(rv_tensor *g)
{
    const bool is_shared = g->object.references > 1 || g->storage->references > 1;
    return is_shared ? rv_raw_copy(who, g) : rv_raw_contiguous(who, g);
}

/* Gets a slot's gradient, value and state. */
static bool gather(const rv_optim *opt, rv_optim_slot *slot)
{
    rv_tensor *p = slot->parameter, *g = rv_grad(p);
    const int64_t i = number_of(opt, slot);
    slot->gradient = NULL;
    if (g == NULL)
        return true;
    if (!rv_check(who, (int)i, g))
        return false;
    if (!is_like(g, p))
        return rv_fail(RV_ERROR_SHAPE, who, "parameter %lld is %s %s, its gradient %s %s",
                       (long long)i, rv_dtype_name(p->dtype), RV_SHAPE_OF(p),
                       rv_dtype_name(g->dtype), RV_SHAPE_OF(g));
    if (!rv_optim_make_state(who, opt, i) || !check_numbers(opt, i))
        return false;
    slot->gradient = own_gradient(g);
    slot->value = rv_raw_contiguous(who, p);
    return slot->gradient != NULL && slot->value != NULL;
}

/* What is the same for all elements of a parameter; and, where no numbers are kept for each, for
 * all parameters of a group that made as many steps: so `same` is one whose factors are known, or
 * NULL, and what is returned is the next such. */
static const rv_optim_slot *prepare(const rv_optim *opt, rv_optim_slot *slot,
                                    const rv_optim_slot *same)
{
    const rv_optim_class *c = opt->optim_class;
    const rv_optim_group *group = group_of(opt, slot);
    const int64_t i = number_of(opt, slot), step = *rv_optim_step_of(opt, i);
    if (slot->gradient == NULL || c->prepare == NULL)
        return same;
    if (same != NULL && same->group == slot->group &&
        *rv_optim_step_of(opt, number_of(opt, same)) == step) {
        memcpy(slot->factors, same->factors, sizeof slot->factors);
        return same;
    }
    if (c->scalar_count > 0)
        memcpy(slot->next_scalars, rv_optim_scalars_of(opt, i),
               (size_t)c->scalar_count * sizeof(double));
    memset(slot->factors, 0, sizeof slot->factors);
    c->prepare(&(rv_optim_prepare){.lr = group->common.lr,
                                   .step = step + 1,
                                   .options = group->options,
                                   .scalars = slot->next_scalars,
                                   .factors = slot->factors});
    return c->scalar_count == 0 ? slot : NULL;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Numbers the pieces of all parameters that have a gradient; returns how many there are. */
static int64_t number_pieces(const rv_optim *opt)
{
    int64_t pieces = 0;
    for (int64_t i = 0; i < opt->count; i++) {
        rv_optim_slot *slot = &opt->slots[i];
        slot->first_piece = pieces;
        if (slot->gradient != NULL)
            pieces += (slot->gradient->numel + PIECE_ELEMENTS - 1) / PIECE_ELEMENTS;
    }
    return pieces;
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

/* A slot's elements in a piece: the first, and how many. */
static int64_t piece_elements(const rv_optim_slot *slot, int64_t piece, int64_t *count)
{
    const int64_t first = (piece - slot->first_piece) * PIECE_ELEMENTS;
    const int64_t left = slot->gradient->numel - first;
    *count = left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS;
    return first;
}

/* Runs all pieces, on other threads if there is work for more than one. */
static void run_pieces(const rv_optim *opt, int64_t pieces,
                       void (*piece)(void *context, int64_t index), void *context)
{
    int64_t elements = 0;
    for (int64_t i = 0; i < opt->count; i++)
        elements += opt->slots[i].gradient != NULL ? opt->slots[i].gradient->numel : 0;
    if (elements > PIECE_ELEMENTS) {
        rv_parallel(pieces, piece, context);
        return;
    }
    for (int64_t i = 0; i < pieces; i++)
        piece(context, i);
}

/* ---- gradients that are not finite ----------------------------------------------------------- */

typedef struct search {
    const rv_optim *opt;
    uint8_t *found; /* [pieces] whether it has a NaN or an infinity */
} search;

/* x - x is 0 for what is finite, and NaN for the rest. */
static bool has_nonfinite(rv_dtype dtype, int64_t count, const void *values)
{
    int found = 0;
    if (dtype == RV_F32) {
        const float *x = values;
        for (int64_t i = 0; i < count; i++)
            found |= !(x[i] - x[i] == 0);
    } else {
        const double *x = values;
        for (int64_t i = 0; i < count; i++)
            found |= !(x[i] - x[i] == 0);
    }
    return found != 0;
}

static void search_piece(void *context, int64_t piece)
{
    const search *s = context;
    const rv_optim_slot *slot = slot_of(s->opt, piece);
    int64_t count;
    const int64_t first = piece_elements(slot, piece, &count);
    const rv_tensor *g = slot->gradient;
    s->found[piece] =
        group_of(s->opt, slot)->common.nonfinite != RV_NONFINITE_APPLY &&
        has_nonfinite(g->dtype, count, g->data + (size_t)first * rv_dtype_size(g->dtype));
}

/* Looks for them where a group asks for it; *skip is whether the step is to be skipped. False with
 * an error if one is to stop it. */
static bool look_for_nonfinite(const rv_optim *opt, bool *skip)
{
    bool asked = false;
    for (int64_t g = 0; g < opt->group_count; g++)
        asked = asked || opt->groups[g].common.nonfinite != RV_NONFINITE_APPLY;
    *skip = false;
    if (!asked)
        return true;
    const int64_t pieces = number_pieces(opt);
    search s = {.opt = opt, .found = rv_memory_get(who, (size_t)pieces)};
    if (s.found == NULL)
        return false;
    run_pieces(opt, pieces, search_piece, &s);
    const rv_optim_slot *stops = NULL;
    for (int64_t i = 0; i < pieces && stops == NULL; i++) {
        if (!s.found[i])
            continue;
        *skip = true;
        const rv_optim_slot *slot = slot_of(opt, i);
        if (group_of(opt, slot)->common.nonfinite == RV_NONFINITE_STOP)
            stops = slot;
    }
    rv_memory_put(s.found, (size_t)pieces);
    return stops == NULL ||
           rv_fail(RV_ERROR_NOT_FINITE, who, "the gradient of parameter %lld, %s, is not finite",
                   (long long)number_of(opt, stops), RV_SHAPE_OF(stops->parameter));
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
    const rv_optim_group *group = group_of(opt, slot);
    memcpy(slot->next_state, slot->state, sizeof slot->state);
    rv_optim_update u = {.parameter = slot->parameter,
                         .gradient = slot->gradient,
                         .state = slot->next_state,
                         .lr = group->common.lr,
                         .step = *rv_optim_step_of(opt, number_of(opt, slot)) + 1,
                         .options = group->options,
                         .factors = slot->factors};
    if (!rv_optim_decay_tensors(&group->common, &u))
        return false;
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

/* Changes gradient and parameter as the options ask, and updates, a block at a time. */
static void update_blocks(const rv_optim *opt, const rv_optim_group *group,
                          const rv_optim_elements *whole)
{
    const int64_t size = (int64_t)rv_dtype_size(whole->dtype);
    const bool changes = rv_optim_changes_gradient(&group->common);
    double changed[BLOCK_ELEMENTS]; /* or so many floats */
    void *state[RV_OPTIM_MOST_STATE] = {NULL};
    for (int64_t first = 0; first < whole->count; first += BLOCK_ELEMENTS) {
        const int64_t left = whole->count - first, skipped = first * size;
        rv_optim_elements block = *whole;
        block.count = left < BLOCK_ELEMENTS ? left : BLOCK_ELEMENTS;
        block.parameter = (char *)whole->parameter + skipped;
        block.gradient = (const char *)whole->gradient + skipped;
        block.state = state;
        for (int i = 0; i < opt->optim_class->state_count; i++)
            state[i] = whole->state[i] != NULL ? (char *)whole->state[i] + skipped : NULL;
        rv_optim_decay(&group->common, &block, changed);
        if (changes)
            block.gradient = changed;
        opt->optim_class->update_elements(&block);
    }
}

static void update_piece(void *context, int64_t piece)
{
    const rv_optim *opt = context;
    const rv_optim_class *c = opt->optim_class;
    const rv_optim_slot *slot = slot_of(opt, piece);
    const rv_optim_group *group = group_of(opt, slot);
    int64_t count;
    const int64_t first = piece_elements(slot, piece, &count);
    const size_t skipped = (size_t)first * rv_dtype_size(slot->value->dtype);
    void *state[RV_OPTIM_MOST_STATE] = {NULL};
    for (int i = 0; i < c->state_count; i++)
        if (slot->state[i] != NULL)
            state[i] = slot->state[i]->data + skipped;
    const rv_optim_elements elements = {
        .dtype = slot->value->dtype,
        .count = count,
        .parameter = slot->value->data + skipped,
        .gradient = slot->gradient->data + skipped,
        .state = state,
        .lr = group->common.lr,
        .step = *rv_optim_step_of(opt, number_of(opt, slot)) + 1,
        .options = group->options,
        .factors = slot->factors,
    };
    if (rv_optim_changes_anything(&group->common))
        update_blocks(opt, group, &elements);
    else
        c->update_elements(&elements);
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Puts the new values where they belong. */
static bool commit(const rv_optim *opt, const rv_optim_slot *slot)
{
    const rv_optim_class *c = opt->optim_class;
    const int64_t number = number_of(opt, slot);
    rv_tensor *p = slot->parameter;
    if (slot->value != p && rv_copy_into(p, slot->value) == NULL)
        return false;
    rv_touch(p);
    for (int i = 0; i < c->state_count; i++) {
        rv_tensor *state = slot->state[i];
        if (c->update != NULL && slot->next_state[i] != state &&
            rv_copy_into(state, slot->next_state[i]) == NULL)
            return false;
        rv_touch(state);
    }
    if (c->scalar_count > 0 && c->prepare != NULL)
        memcpy(rv_optim_scalars_of(opt, number), slot->next_scalars,
               (size_t)c->scalar_count * sizeof(double));
    ++*rv_optim_step_of(opt, number);
    return true;
}

static bool update_all(rv_optim *opt)
{
    const rv_optim_slot *prepared = NULL;
    for (int64_t i = 0; i < opt->count; i++)
        prepared = prepare(opt, &opt->slots[i], prepared);
    if (opt->optim_class->update_elements != NULL)
        run_pieces(opt, number_pieces(opt), update_piece, opt);
    for (int64_t i = 0; opt->optim_class->update != NULL && i < opt->count; i++)
        if (opt->slots[i].gradient != NULL && !compute(opt, &opt->slots[i]))
            return false;
    bool done = true;
    for (int64_t i = 0; i < opt->count; i++)
        if (opt->slots[i].gradient != NULL)
            done = commit(opt, &opt->slots[i]) && done;
    return done;
}

bool rv_optim_step(rv_optim *opt)
{
    if (rv_error_status() != RV_OK || !rv_optim_check(who, opt) || !put_numbers(opt))
        return false;
    if (opt->minimizer != NULL)
        return rv_fail(RV_ERROR_STATE, who,
                       "%s evaluates the loss again: use rv_optim_minimize, or "
                       "rv_optim_step_closure",
                       opt->optim_class->name);
    RV_SCOPE;
    RV_NO_GRAD;
    bool skip = false;
    for (int64_t i = 0; i < opt->count; i++)
        if (!gather(opt, &opt->slots[i]))
            return false;
    if (!look_for_nonfinite(opt, &skip) || (!skip && !update_all(opt)))
        return false;
    ++((int64_t *)opt->made->data)[skip ? 1 : 0];
    rv_touch(opt->made);
    rv_touch(opt->steps);
    rv_touch(opt->scalars);
    return true;
}
