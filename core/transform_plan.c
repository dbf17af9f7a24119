/* transform_plan.c - from a list of transforms to steps, and a sample's way through them. */

#include "core/transform_plan.h"

#include <stdio.h>

#include "core/memory.h"
#include "core/philox.h"
#include "core/tensor_make.h"

static const char who[] = "data_transform";

#define LARGEST_SIDE ((int64_t)1 << 30)

/* ---- planning -------------------------------------------------------------------------------- */

rv_step *rv_plan_step(rv_plan *plan, const rv_sample_shape *y, bool in_place)
{
    rv_step *step = &plan->step[plan->steps];
    *step = (rv_step){
        .in_place = in_place, .stored = plan->x.dtype, .x = plan->x, .y = *y, .before = plan->last};
    if (!in_place)
        plan->last = plan->steps;
    plan->steps++;
    plan->x = *y;
    return step;
}

bool rv_plan_image(const rv_plan *plan, const char *name, int64_t height, int64_t width)
{
    const rv_sample_shape *x = &plan->x;
    if (x->ndim < 2)
        return rv_fail(RV_ERROR_SHAPE, name, "samples are %s; images have at least 2 axes",
                       rv_shape_text(RV_SHAPE_BUFFER, x->ndim, x->shape));
    const int64_t old_height = x->shape[x->ndim - 2], old_width = x->shape[x->ndim - 1];
    if (old_height < 1 || old_width < 1 || old_height > LARGEST_SIDE || old_width > LARGEST_SIDE)
        return rv_fail(RV_ERROR_SHAPE, name,
                       "images are %lld by %lld (height by width); sizes are from 1 to 2^30",
                       (long long)old_height, (long long)old_width);
    int64_t numel;
    if (height < 1 || width < 1 || height > LARGEST_SIDE || width > LARGEST_SIDE ||
        __builtin_mul_overflow(x->numel / (old_height * old_width), height * width, &numel) ||
        numel > INT64_MAX / 8)
        return rv_fail(RV_ERROR_ARGUMENT, name,
                       "%lld by %lld (height by width) of samples of shape %s; sizes are from 1 to "
                       "2^30, and samples must be countable in bytes",
                       (long long)height, (long long)width,
                       rv_shape_text(RV_SHAPE_BUFFER, x->ndim, x->shape));
    return true;
}

/* Begins the message of an error with which transform it is about. */
typedef struct planning {
    rv_error_place place;
    int number, count;
} planning;

static int write_number(const rv_error_place *place, char *text, size_t bytes)
{
    const planning *here = (const planning *)place;
    return snprintf(text, bytes, "%s: transform %d of %d,", who, here->number + 1, here->count);
}

static bool plan_one(rv_plan *plan, int number, const rv_transform *t)
{
    if (t->transform_class == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "it is empty; a function rv_transform_... makes one");
    plan->random = plan->random || t->transform_class->random;
    return t->transform_class->plan(t, number, plan);
}

bool rv_plan_make(rv_plan *plan, const rv_sample_shape *x, rv_dtype stored, int count,
                  const rv_transform *transforms)
{
    plan->x = *x;
    plan->custom = (rv_mutex)RV_MUTEX_INIT;
    bool ok = rv_plan_read(plan, stored);
    for (int i = 0; ok && i < count; i++) {
        planning here = {.place.write = write_number, .number = i, .count = count};
        plan->transforms[i] = transforms[i];
        rv_error_enter(&here.place);
        ok = plan_one(plan, plan->below + i, &plan->transforms[i]);
        rv_error_leave(&here.place);
    }
    return ok;
}

void rv_plan_end(rv_plan *plan)
{
    for (int i = 0; i < plan->steps; i++)
        if (plan->step[i].numbers != NULL)
            rv_memory_put(plan->step[i].numbers, plan->step[i].bytes);
}

/* ---- chance ---------------------------------------------------------------------------------- *
 *
 * The key of an epoch is drawn with the loader's seed as the key and the epoch as the counter, and
 * what a transform draws for a sample with the epoch's key, and both as the counter. The orders of
 * a loader are drawn with its seed, too, but from counters above 2^40 (core/loader.c). */

void rv_work_draw(rv_work *work, const rv_chance *chance)
{
    uint32_t numbers[4];
    rv_philox_block(chance->seed, (uint64_t)chance->epoch, numbers);
    work->key = (uint64_t)numbers[1] << 32 | numbers[0];
}

void rv_work_numbers(const rv_work *work, int number, uint32_t numbers[4])
{
    rv_philox_block(work->key, (uint64_t)work->sample * RV_MOST_TRANSFORMS + (uint64_t)number,
                    numbers);
}

int64_t rv_number_below(uint32_t number, int64_t n)
{
    return (int64_t)((uint64_t)number * (uint64_t)n >> 32);
}

bool rv_number_says(uint32_t number, double p)
{
    return (double)number < p * 4294967296.0; /* 2^32 */
}

/* ---- running --------------------------------------------------------------------------------- */

bool rv_work_begin(rv_work *work, rv_plan *plan)
{
    RV_SCOPE;
    RV_LASTING;
    *work = (rv_work){.plan = plan};
    const int64_t bytes = (int64_t)plan->scratch;
    work->memory = rv_retain(rv_make(who, RV_U8, 1, &bytes));
    if (work->memory == NULL)
        return false;
    work->scratch = work->memory->data;
    for (int i = 0; i < plan->steps; i++) {
        const rv_step *step = &plan->step[i];
        if (step->in_place || (i == plan->last && step->transform == NULL))
            continue;
        work->buffer[i] = rv_retain(rv_make(who, step->y.dtype, step->y.ndim, step->y.shape));
        if (work->buffer[i] == NULL)
            return false;
    }
    return true;
}

void rv_work_end(rv_work *work)
{
    rv_release(work->memory);
    for (int i = 0; i < work->plan->steps; i++)
        rv_release(work->buffer[i]);
}

bool rv_work_sample(rv_work *work, int64_t sample, const char *from, char *to)
{
    const rv_plan *plan = work->plan;
    work->sample = sample;
    char *now = NULL;
    for (int i = 0; i < plan->steps; i++) {
        const rv_step *step = &plan->step[i];
        if (!step->in_place)
            now = i == plan->last ? to : work->buffer[i]->data;
        if (!step->run(step, work, from, now))
            return false;
        from = now;
    }
    return true;
}
