/* conv_weight.c - the gradient of a convolution's weights.
 *
 * Every window element times every output channel, summed over all pixels of all images: a tile of
 * these sums stays in registers while a band's pixels go by. The images are cut into parts, by
 * shape alone, each summed on its own, and the parts are added in order.
 */

#include <string.h>

#include "core/conv_parts.h"
#include "core/memory.h"
#include "core/parallel.h"

/* Of the frame of x that a band sees. */
#define BAND_BYTES 65536
/* A part has at least this many pixels, as adding up parts costs as much as a few pixels do. */
#define PIXELS_OF_PART 512
#define MOST_PARTS 16

typedef struct weight_gradient {
    const conv_plan *plan;
    conv_cut cut;
    conv_image g;   /* a frame without padding */
    bool g_whole;   /* it has whole blocks of channels, and is read where it lies */
    int64_t g_over; /* its elements, if it is dense: then most is read so anyway; else -1 */
    int64_t parts;
    conv_scratch scratch;
    int64_t band; /* elements of x's band in the scratch memory */
    char *sums;   /* [parts][weights] */
    int64_t bytes;
    void (*const *kernels)(const rv_conv_outer *outer);
} weight_gradient;

/* A band of g: where its first pixel is, and elements from a row and a pixel to the next. */
typedef struct gradient_band {
    const char *data;
    int64_t row, pixel;
} gradient_band;

/* The band's pixels of one group, for all blocks and windows. */
static void add_band(const weight_gradient *job, int64_t group, const char *frame, gradient_band g,
                     int64_t rows, char *sums)
{
    const conv_plan *plan = job->plan;
    const conv_phase *phase = plan->phases;
    for (int64_t block = 0; block < plan->blocks.count; block++) {
        const int width = rv_conv_width_of(&plan->blocks, block);
        char *into = sums + job->bytes * rv_conv_weights_at(plan, group, phase, block);
        for (int i = 0; i < phase->windows.count; i++) {
            const rv_conv_outer outer = {.n = phase->windows.lengths[i],
                                         .rows = rows,
                                         .columns = phase->size[1],
                                         .image = frame + job->bytes * phase->windows.offsets[i],
                                         .image_row = plan->axis[0].move * plan->frame_row,
                                         .image_column = plan->axis[1].move * plan->frame_pixel,
                                         .g = g.data +
                                              job->bytes * block * plan->blocks.width[RV_CONV_WIDE],
                                         .g_row = g.row,
                                         .g_column = g.pixel,
                                         .into = into};
            job->kernels[width](&outer);
            into += job->bytes * outer.n * plan->blocks.width[width];
        }
    }
}

static int64_t element_of(const conv_image *image, int64_t n, int64_t group, int64_t row)
{
    const int64_t *s = image->strides;
    return n * s[0] + group * image->channels * s[1] +
           (image->origin[0] + row * image->skip[0]) * s[2] + image->origin[1] * s[3];
}

/* The rows of a band where they lie, or packed in `memory`, their channels padded to whole blocks.
 * The last block may be read beyond its channels, into sums that nobody uses; but not beyond g. */
static gradient_band band_of_g(const weight_gradient *job, int64_t n, int64_t group, int64_t begin,
                               int64_t rows, char *memory)
{
    const int64_t *s = job->g.strides, padded = job->plan->blocks.padded;
    const int64_t end = element_of(&job->g, n, 0, begin + rows);
    if (job->g_whole || (job->g_over >= 0 && end + padded <= job->g_over))
        return (gradient_band){job->g.data + job->bytes * element_of(&job->g, n, group, begin),
                               s[2], s[3]};
    rv_conv_pack_image(&job->g, n, group, begin, rows, memory);
    return (gradient_band){memory, padded * job->g.frame[1], padded};
}

static void add_unit(const weight_gradient *job, int64_t unit, char *memory, char *sums)
{
    const conv_plan *plan = job->plan;
    const int64_t band = unit % job->cut.bands, image = unit / job->cut.bands;
    const int64_t n = image / plan->groups, group = image % plan->groups;
    const int64_t begin = band * job->cut.rows, first = begin * plan->axis[0].move;
    const int64_t rows = rv_smaller(job->cut.rows, plan->axis[0].grid - begin);
    const char *frame =
        rv_conv_frame(plan, n, group, first, (rows - 1) * plan->axis[0].move + plan->reach, memory);
    const gradient_band g = band_of_g(job, n, group, begin, rows, memory + job->bytes * job->band);
    add_band(job, group, frame, g, rows, sums);
}

static void add_part(void *context, int64_t part)
{
    weight_gradient *job = context;
    const size_t bytes = (size_t)(job->bytes * rv_conv_weights_size(job->plan));
    char *sums = job->sums + bytes * (size_t)part;
    memset(sums, 0, bytes);
    char *memory = rv_conv_scratch_claim(&job->scratch);
    const int64_t a_part = rv_quotient_up(job->cut.units, job->parts);
    const int64_t end = rv_smaller((part + 1) * a_part, job->cut.units);
    for (int64_t unit = part * a_part; unit < end; unit++)
        add_unit(job, unit, memory, sums);
    rv_conv_scratch_return(&job->scratch, memory);
}

static void set_g(weight_gradient *job, const rv_conv_shape *shape, const rv_tensor *g)
{
    const conv_blocks *blocks = &job->plan->blocks;
    const int64_t *s = g->strides, rows = shape->out[0], columns = shape->out[1];
    job->g = (conv_image){.data = g->data,
                          .dtype = g->dtype,
                          .size = {rows, columns},
                          .skip = {1, 1},
                          .frame = {rows, columns},
                          .channels = blocks->outputs,
                          .pitch = blocks->padded};
    memcpy(job->g.strides, s, sizeof job->g.strides);
    const int64_t channels = g->shape[1];
    const bool dense = s[1] == 1 && s[3] == channels && s[2] == channels * columns &&
                       s[0] == channels * columns * rows;
    job->g_whole = blocks->padded == blocks->outputs && s[1] == 1;
    job->g_over = dense ? g->numel : -1;
}

int64_t rv_conv_parts(const conv_plan *plan, const conv_cut *cut)
{
    const int64_t pixels = plan->n * plan->axis[0].grid * plan->axis[1].grid;
    int64_t parts = rv_quotient_up(pixels, PIXELS_OF_PART);
    parts = rv_smaller(rv_smaller(parts, MOST_PARTS), cut->units);
    return parts > 0 ? parts : 1;
}

static bool run(const char *who, weight_gradient *job, rv_tensor *dw)
{
    const conv_plan *plan = job->plan;
    job->band = plan->in_place ? 0 : rv_conv_band_rows(plan, &job->cut) * plan->frame_row;
    const int64_t g_band = job->g_whole ? 0 : job->cut.rows * plan->blocks.padded * job->g.frame[1];
    const size_t scratch = (size_t)(job->bytes * (job->band + g_band)) + RV_ALIGNMENT;
    const size_t bytes = (size_t)(job->bytes * rv_conv_weights_size(plan) * job->parts);
    job->sums = rv_memory_get(who, bytes);
    if (job->sums == NULL)
        return false;
    const bool ok = rv_conv_scratch_begin(&job->scratch, who, job->parts, scratch);
    if (ok) {
        rv_parallel(job->parts, add_part, job);
        rv_conv_unpack_weights(plan, job->parts, job->sums, dw);
        rv_conv_scratch_end(&job->scratch);
    }
    rv_memory_put(job->sums, bytes);
    return ok;
}

bool rv_conv_weight_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                         const rv_tensor *g, rv_tensor *dw)
{
    conv_plan plan;
    if (dw->numel == 0)
        return true;
    if (g->numel == 0) {
        memset(dw->data, 0, rv_dtype_size(dw->dtype) * (size_t)dw->numel);
        return true;
    }
    if (rv_conv_depthwise_fits(shape, x->dtype, x->shape[1], g->shape[1]))
        return rv_conv_depthwise_weight_grad(who, shape, x, g, dw);
    if (!rv_conv_plan_begin(&plan, who, shape, x, false, g->shape[1]))
        return false;
    if (rv_conv_winograd_fits(&plan)) {
        RV_SCOPE;
        conv_image image = {.data = g->data};
        memcpy(image.strides, g->strides, sizeof image.strides);
        const bool ok = rv_conv_channels_last(who, &plan.image, x) &&
                        rv_conv_channels_last(who, &image, g) &&
                        rv_conv_winograd_weight_grad(who, &plan, &image, dw);
        rv_conv_plan_end(&plan);
        return ok;
    }
    weight_gradient job = {.plan = &plan,
                           .cut = rv_conv_cut(&plan, BAND_BYTES),
                           .bytes = (int64_t)rv_dtype_size(dw->dtype),
                           .kernels = rv_kernels_get()->conv_outer[dw->dtype == RV_F64]};
    set_g(&job, shape, g);
    job.parts = rv_conv_parts(&plan, &job.cut);
    const bool ok = run(who, &job, dw);
    rv_conv_plan_end(&plan);
    return ok;
}
