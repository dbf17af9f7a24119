/* transform.c - each kind of transform: how it is made, what it refuses, and how crops and flips
 * move pixels. The steps that they become are in transform_move.c and transform_steps.c. */

#include "core/transform.h"

#include "core/transform_plan.h"

#define MOST_PADDING ((int64_t)1 << 30)

/* ---- to_float, normalize --------------------------------------------------------------------- */

static bool plan_to_float(const rv_transform *t, int number, rv_plan *plan)
{
    (void)number;
    return rv_plan_to_float(plan, t->transform_class->name);
}

static const rv_transform_class to_float_class = {.name = "to_float", .plan = plan_to_float};

rv_transform rv_transform_to_float(void)
{
    return (rv_transform){.transform_class = &to_float_class};
}

static bool plan_normalize(const rv_transform *t, int number, rv_plan *plan)
{
    (void)number;
    return rv_plan_normalize(plan, t->transform_class->name, &t->options.normalize);
}

static const rv_transform_class normalize_class = {.name = "normalize", .plan = plan_normalize};

rv_transform rv_transform_normalize_with(const rv_normalize_options *o)
{
    return o ? (rv_transform){&normalize_class, {.normalize = *o}} : (rv_transform){0};
}

/* ---- crops ----------------------------------------------------------------------------------- */

static int64_t height_of(const rv_plan *plan)
{
    return plan->x.shape[plan->x.ndim - 2];
}

static int64_t width_of(const rv_plan *plan)
{
    return plan->x.shape[plan->x.ndim - 1];
}

static bool plan_random_crop(const rv_transform *t, int number, rv_plan *plan)
{
    const rv_random_crop_options *o = &t->options.crop;
    const char *who = t->transform_class->name;
    if (!rv_plan_image(plan, who, o->height, o->width))
        return false;
    if (o->padding < 0 || o->padding > MOST_PADDING)
        return rv_fail(RV_ERROR_ARGUMENT, who, "padding is %lld; it is from 0 to 2^30",
                       (long long)o->padding);
    const int64_t height = height_of(plan), width = width_of(plan);
    if (o->reflect && (o->padding >= height || o->padding >= width))
        return rv_fail(RV_ERROR_SHAPE, who,
                       "an image of %lld by %lld (height by width) cannot be reflected over "
                       "padding %lld: it must be less",
                       (long long)height, (long long)width, (long long)o->padding);
    if (o->height > height + 2 * o->padding || o->width > width + 2 * o->padding)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "%lld by %lld (height by width) of an image of %lld by %lld with padding "
                       "%lld",
                       (long long)o->height, (long long)o->width, (long long)height,
                       (long long)width, (long long)o->padding);
    return rv_plan_move(plan, t, number, o->height, o->width);
}

/* Begins a crop at a place drawn by `number`. */
static void draw_start(const rv_random_crop_options *o, int64_t size, uint32_t number,
                       rv_axis_map *axis)
{
    const int64_t places = axis->size + 2 * o->padding - size + 1;
    axis->start = rv_number_below(number, places) - o->padding;
    axis->reflect = o->reflect;
}

static void draw_random_crop(const rv_move *move, const uint32_t numbers[4], rv_axis_map axes[2])
{
    const rv_random_crop_options *o = &move->transform->options.crop;
    draw_start(o, o->height, numbers[0], &axes[0]);
    draw_start(o, o->width, numbers[1], &axes[1]);
}

static const rv_transform_class random_crop_class = {
    .name = "random_crop", .random = true, .plan = plan_random_crop, .draw = draw_random_crop};

rv_transform rv_transform_random_crop_with(const rv_random_crop_options *o)
{
    return o ? (rv_transform){&random_crop_class, {.crop = *o}} : (rv_transform){0};
}

static bool plan_center_crop(const rv_transform *t, int number, rv_plan *plan)
{
    const rv_size_options *o = &t->options.size;
    const char *who = t->transform_class->name;
    if (!rv_plan_image(plan, who, o->height, o->width))
        return false;
    if (o->height > height_of(plan) || o->width > width_of(plan))
        return rv_fail(RV_ERROR_SHAPE, who,
                       "%lld by %lld (height by width) of an image of %lld by %lld",
                       (long long)o->height, (long long)o->width, (long long)height_of(plan),
                       (long long)width_of(plan));
    return rv_plan_move(plan, t, number, o->height, o->width);
}

/* Half of what is left over, rounded to even. */
static int64_t half_of(int64_t left)
{
    return left / 2 + (left % 2 != 0 && left / 2 % 2 != 0);
}

static void draw_center_crop(const rv_move *move, const uint32_t numbers[4], rv_axis_map axes[2])
{
    (void)numbers;
    const rv_size_options *o = &move->transform->options.size;
    axes[0].start = half_of(move->height - o->height);
    axes[1].start = half_of(move->width - o->width);
}

static const rv_transform_class center_crop_class = {
    .name = "center_crop", .plan = plan_center_crop, .draw = draw_center_crop};

rv_transform rv_transform_center_crop(int64_t height, int64_t width)
{
    return (rv_transform){&center_crop_class, {.size = {height, width}}};
}

/* ---- flip, cutout ---------------------------------------------------------------------------- */

/* Whether samples are images, and p is a probability. */
static bool check_image_and_p(const rv_plan *plan, const char *who, double p)
{
    if (!rv_plan_image(plan, who, 1, 1))
        return false;
    return (p >= 0 && p <= 1) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "p is %g; a probability is from 0 to 1", p);
}

static bool plan_horizontal_flip(const rv_transform *t, int number, rv_plan *plan)
{
    return check_image_and_p(plan, t->transform_class->name, t->options.flip.p) &&
           rv_plan_move(plan, t, number, height_of(plan), width_of(plan));
}

static void draw_horizontal_flip(const rv_move *move, const uint32_t numbers[4],
                                 rv_axis_map axes[2])
{
    axes[1].reversed = rv_number_says(numbers[0], move->transform->options.flip.p);
}

static const rv_transform_class horizontal_flip_class = {.name = "horizontal_flip",
                                                         .random = true,
                                                         .plan = plan_horizontal_flip,
                                                         .draw = draw_horizontal_flip};

rv_transform rv_transform_horizontal_flip_with(const rv_horizontal_flip_options *o)
{
    return o ? (rv_transform){&horizontal_flip_class, {.flip = *o}} : (rv_transform){0};
}

static bool plan_cutout(const rv_transform *t, int number, rv_plan *plan)
{
    const rv_cutout_options *o = &t->options.cutout;
    if (!check_image_and_p(plan, t->transform_class->name, o->p))
        return false;
    if (o->size < 1)
        return rv_fail(RV_ERROR_ARGUMENT, t->transform_class->name,
                       "size is %lld; it must be at least 1", (long long)o->size);
    return rv_plan_cutout(plan, t, number);
}

static const rv_transform_class cutout_class = {
    .name = "cutout", .random = true, .plan = plan_cutout};

rv_transform rv_transform_cutout_with(const rv_cutout_options *o)
{
    return o ? (rv_transform){&cutout_class, {.cutout = *o}} : (rv_transform){0};
}

/* ---- resize, custom -------------------------------------------------------------------------- */

static bool plan_resize(const rv_transform *t, int number, rv_plan *plan)
{
    (void)number;
    const rv_size_options *o = &t->options.size;
    return rv_plan_image(plan, t->transform_class->name, o->height, o->width) &&
           rv_plan_resize(plan, t->transform_class->name, t);
}

static const rv_transform_class resize_class = {.name = "resize", .plan = plan_resize};

rv_transform rv_transform_resize(int64_t height, int64_t width)
{
    return (rv_transform){&resize_class, {.size = {height, width}}};
}

static bool plan_custom(const rv_transform *t, int number, rv_plan *plan)
{
    return rv_plan_custom(plan, t->transform_class->name, t, number);
}

static const rv_transform_class custom_class = {
    .name = "custom", .random = true, .plan = plan_custom};

rv_transform rv_transform_custom_with(const rv_transform_custom_options *o)
{
    return o ? (rv_transform){&custom_class, {.custom = *o}} : (rv_transform){0};
}

void rv_transform_release(const rv_transform *t)
{
    const rv_transform_custom_options *o = &t->options.custom;
    if (t->transform_class == &custom_class && o->release != NULL)
        o->release(o->context);
}
