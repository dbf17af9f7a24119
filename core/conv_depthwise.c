/* conv_depthwise.c - convolutions with a group for each channel, and their gradients.
 *
 * No channel sees another, so there is no product of matrices in it: each pixel's channels are
 * taken a vector at a time, each lane for itself. To the plan this is a convolution of one group,
 * of which only the places of the taps are used. If channels are not whole vectors, the last block
 * begins early, and its first channels are computed twice, to the same bits.
 */

#include <string.h>

#include "core/conv_parts.h"
#include "core/memory.h"
#include "core/parallel.h"

/* A band's frame, and what is computed from it, stay in the second-level cache. */
#define BAND_BYTES 131072

typedef struct depthwise_job {
    conv_plan plan;
    conv_cut cut;
    conv_scratch scratch;
    int64_t channels, bytes; /* bytes: of an element */
    int width;               /* RV_CONV_WIDE or RV_CONV_NARROW: blocks of */
    int64_t lanes, blocks;
    int64_t taps;     /* of all phases */
    int64_t *offsets; /* [taps], in the frame; phase by phase */
    char *weights;    /* packed, [phases][blocks][taps of the phase][lanes]; sums: [parts] such */
    char *bias;       /* [channels]; NULL: none */
    int64_t parts;
    conv_image grid; /* what is computed, or the gradient of it; only data and strides */
    void (*kernel)(const rv_conv_lanes *d);
    void *memory;
    size_t memory_bytes;
} depthwise_job;

static int64_t first_channel(const depthwise_job *job, int64_t block)
{
    return rv_smaller(block * job->lanes, job->channels - job->lanes);
}

static int64_t taps_before(const depthwise_job *job, const conv_phase *phase)
{
    return phase->depth_before / job->channels;
}

/* Where the weights of a block begin. */
static int64_t weights_at(const depthwise_job *job, const conv_phase *phase, int64_t block)
{
    return (taps_before(job, phase) * job->blocks + phase->taps * block) * job->lanes;
}

bool rv_conv_depthwise_fits(const rv_conv_shape *shape, rv_dtype dtype, int64_t channels,
                            int64_t outputs)
{
    return shape->groups == channels && channels == outputs &&
           channels >= rv_kernels_get()->conv_width[dtype == RV_F64][RV_CONV_NARROW];
}

/* ---- begin and end -------------------------------------------------------------------------- */

static void set_offsets(depthwise_job *job)
{
    const conv_plan *plan = &job->plan;
    int64_t *to = job->offsets;
    for (int64_t p = 0; p < plan->phase_count; p++)
        for (int64_t i = 0; i < plan->phases[p].taps; i++) {
            const int64_t tap = plan->phases[p].tap[i];
            *to++ = plan->axis[0].at[tap / plan->kernel[1]] * plan->frame_row +
                    plan->axis[1].at[tap % plan->kernel[1]] * plan->frame_pixel;
        }
}

/* Pixels of 1 KiB and its multiples fall into few sets of the first-level cache: packed ones get a
 * line more. (That this can be counted is sure, as the plan made sure of twice the rows.) */
static void pad_pixels(conv_plan *plan)
{
    const int64_t element = (int64_t)rv_dtype_size(plan->image.dtype);
    if (plan->in_place || plan->image.channels * element % 1024 != 0)
        return;
    plan->image.pitch += RV_ALIGNMENT / element;
    plan->frame_pixel = plan->image.pitch;
    plan->frame_row = plan->image.pitch * plan->image.frame[1];
}

/* `sums`: with room for the sums of several parts, instead of one set of weights. End it if true.
 */
static bool begin(depthwise_job *job, const char *who, const rv_conv_shape *shape,
                  const rv_tensor *image, bool transposed, bool sums)
{
    rv_conv_shape whole = *shape;
    whole.groups = 1;
    *job =
        (depthwise_job){.channels = image->shape[1], .bytes = (int64_t)rv_dtype_size(image->dtype)};
    if (!rv_conv_plan_begin(&job->plan, who, &whole, image, transposed, job->channels))
        return false;
    pad_pixels(&job->plan);
    /* Every number of a window is multiplied once: by this the work is cut. */
    job->plan.blocks = (conv_blocks){.outputs = 1, .count = 1, .padded = 1};
    job->cut = rv_conv_cut(&job->plan, BAND_BYTES);
    job->parts = sums ? rv_conv_parts(&job->plan, &job->cut) : 1;
    const int *widths = rv_kernels_get()->conv_width[image->dtype == RV_F64];
    job->width = job->channels >= widths[RV_CONV_WIDE] ? RV_CONV_WIDE : RV_CONV_NARROW;
    job->lanes = widths[job->width];
    job->blocks = rv_quotient_up(job->channels, job->lanes);
    job->taps = job->plan.depth / job->channels;
    const int64_t weights = job->parts * job->taps * job->blocks * job->lanes;
    job->memory_bytes =
        sizeof(int64_t) * (size_t)job->taps + (size_t)(job->bytes * (weights + job->channels));
    job->memory = rv_memory_get(who, job->memory_bytes);
    if (job->memory == NULL) {
        rv_conv_plan_end(&job->plan);
        return false;
    }
    job->offsets = job->memory;
    job->weights = (char *)(job->offsets + job->taps);
    job->bias = job->weights + job->bytes * weights;
    set_offsets(job);
    return true;
}

static void end(depthwise_job *job)
{
    rv_memory_put(job->memory, job->memory_bytes);
    rv_conv_plan_end(&job->plan);
}

/* Runs `pieces` of it, each of which claims memory for a band of the frame. */
static bool run(depthwise_job *job, const char *who, int64_t pieces,
                void (*piece)(void *context, int64_t index))
{
    const conv_plan *plan = &job->plan;
    const int64_t band =
        plan->in_place ? 0 : job->bytes * rv_conv_band_rows(plan, &job->cut) * plan->frame_row;
    if (!rv_conv_scratch_begin(&job->scratch, who, pieces, (size_t)band + RV_ALIGNMENT))
        return false;
    rv_parallel(pieces, piece, job);
    rv_conv_scratch_end(&job->scratch);
    return true;
}

/* A phase's grid from its row `row` on, in one block; frame: what that row sees. */
static rv_conv_lanes block_of(const depthwise_job *job, const conv_phase *phase, int64_t n,
                              int64_t row, int64_t block, const char *frame)
{
    const conv_plan *plan = &job->plan;
    const int64_t *s = job->grid.strides, channel = first_channel(job, block);
    const int64_t element = n * s[0] + channel * s[1] +
                            (phase->first[0] + row * plan->axis[0].step) * s[2] +
                            phase->first[1] * s[3];
    return (rv_conv_lanes){.taps = phase->taps,
                           .offsets = job->offsets + taps_before(job, phase),
                           .columns = phase->size[1],
                           .image = frame + job->bytes * channel,
                           .image_row = plan->axis[0].move * plan->frame_row,
                           .image_column = plan->axis[1].move * plan->frame_pixel,
                           .weights = job->weights + job->bytes * weights_at(job, phase, block),
                           .grid = (char *)(uintptr_t)job->grid.data + job->bytes * element,
                           .grid_row = plan->axis[0].step * s[2],
                           .grid_column = plan->axis[1].step * s[3],
                           .start = job->bias ? job->bias + job->bytes * channel : NULL};
}

/* ---- the result, and dx --------------------------------------------------------------------- */

static void run_unit(void *context, int64_t unit, char *memory)
{
    const depthwise_job *job = context;
    const conv_plan *plan = &job->plan;
    const int64_t begin = unit % job->cut.bands * job->cut.rows, n = unit / job->cut.bands;
    const int64_t first = begin * plan->axis[0].move;
    const int64_t seen =
        rv_smaller(plan->image.frame[0] - first, rv_conv_band_rows(plan, &job->cut));
    const char *const frame = rv_conv_frame(plan, n, 0, first, seen, memory);
    for (int64_t p = 0; p < plan->phase_count; p++) {
        const conv_phase *phase = &plan->phases[p];
        const int64_t end = rv_smaller(begin + job->cut.rows, phase->size[0]);
        /* Row by row, as all blocks see the same few rows. */
        for (int64_t y = begin; y < end; y++)
            for (int64_t block = 0; block < job->blocks; block++) {
                const char *from =
                    frame + job->bytes * (y - begin) * plan->axis[0].move * plan->frame_row;
                rv_conv_lanes d = block_of(job, phase, n, y, block, from);
                d.rows = 1;
                job->kernel(&d);
            }
    }
}

static void run_piece(void *context, int64_t index)
{
    depthwise_job *job = context;
    rv_conv_run_piece(&job->cut, &job->scratch, index, run_unit, job);
}

/* Where a tensor of weights has a tap of a channel. */
static char *weight_of(const depthwise_job *job, const rv_tensor *weight, int64_t channel,
                       int64_t tap)
{
    const int64_t *s = weight->strides, columns = job->plan.kernel[1];
    return weight->data +
           job->bytes * (channel * s[0] + tap / columns * s[2] + tap % columns * s[3]);
}

static void copy_element(const depthwise_job *job, char *to, const char *from)
{
    memcpy(to, from, job->bytes == sizeof(float) ? sizeof(float) : sizeof(double));
}

static void pack(depthwise_job *job, const rv_tensor *weight, const rv_tensor *bias)
{
    char *to = job->weights;
    for (int64_t p = 0; p < job->plan.phase_count; p++)
        for (int64_t block = 0; block < job->blocks; block++)
            for (int64_t i = 0; i < job->plan.phases[p].taps; i++)
                for (int64_t lane = 0; lane < job->lanes; lane++, to += job->bytes)
                    copy_element(job, to,
                                 weight_of(job, weight, first_channel(job, block) + lane,
                                           job->plan.phases[p].tap[i]));
    if (bias == NULL)
        job->bias = NULL;
    for (int64_t c = 0; bias != NULL && c < job->channels; c++)
        copy_element(job, job->bias + job->bytes * c,
                     bias->data + job->bytes * c * bias->strides[0]);
}

bool rv_conv_depthwise(const char *who, const rv_conv_shape *shape, const rv_tensor *image,
                       const rv_tensor *weight, bool transposed, const rv_tensor *bias,
                       rv_tensor *out)
{
    depthwise_job job;
    if (!begin(&job, who, shape, image, transposed, false))
        return false;
    job.kernel = rv_kernels_get()->conv_depthwise[out->dtype == RV_F64][job.width];
    pack(&job, weight, bias);
    job.grid.data = out->data;
    memcpy(job.grid.strides, out->strides, sizeof job.grid.strides);
    if (!job.plan.covers)
        memset(out->data, 0, (size_t)(job.bytes * out->numel));
    const bool ok = run(&job, who, rv_quotient_up(job.cut.units, job.cut.units_a_piece), run_piece);
    end(&job);
    return ok;
}

/* ---- the gradient of the weights ------------------------------------------------------------ */

static void add_part(void *context, int64_t part)
{
    depthwise_job *job = context;
    const conv_plan *plan = &job->plan;
    const int64_t size = job->bytes * job->taps * job->blocks * job->lanes;
    memset(job->weights + part * size, 0, (size_t)size);
    char *memory = rv_conv_scratch_claim(&job->scratch);
    const int64_t a_part = rv_quotient_up(job->cut.units, job->parts);
    const int64_t end = rv_smaller((part + 1) * a_part, job->cut.units);
    for (int64_t unit = part * a_part; unit < end; unit++) {
        const int64_t begin = unit % job->cut.bands * job->cut.rows, n = unit / job->cut.bands;
        const int64_t rows = rv_smaller(job->cut.rows, plan->axis[0].grid - begin);
        const int64_t move = plan->axis[0].move;
        const char *frame =
            rv_conv_frame(plan, n, 0, begin * move, (rows - 1) * move + plan->reach, memory);
        for (int64_t block = 0; block < job->blocks; block++) {
            rv_conv_lanes d = block_of(job, plan->phases, n, begin, block, frame);
            d.rows = rows;
            d.weights = (char *)d.weights + part * size;
            job->kernel(&d);
        }
    }
    rv_conv_scratch_return(&job->scratch, memory);
}

/* Adds up the parts in order, into dw. */
#define DEFINE_UNPACK(T)                                                            \
    static void unpack_##T(const depthwise_job *job, rv_tensor *dw)                 \
    {                                                                               \
        const conv_phase *phase = job->plan.phases;                                 \
        const int64_t size = job->taps * job->blocks * job->lanes;                  \
        const T *from = (const T *)(const void *)job->weights;                      \
        for (int64_t block = 0; block < job->blocks; block++)                       \
            for (int64_t i = 0; i < phase->taps; i++)                               \
                for (int64_t lane = 0; lane < job->lanes; lane++, from++) {         \
                    T sum = *from;                                                  \
                    for (int64_t part = 1; part < job->parts; part++)               \
                        sum += from[part * size];                                   \
                    const int64_t channel = first_channel(job, block) + lane;       \
                    *(T *)(void *)weight_of(job, dw, channel, phase->tap[i]) = sum; \
                }                                                                   \
    }

DEFINE_UNPACK(float)
DEFINE_UNPACK(double)

bool rv_conv_depthwise_weight_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                                   const rv_tensor *g, rv_tensor *dw)
{
    RV_SCOPE;
    depthwise_job job;
    if (!begin(&job, who, shape, x, false, true))
        return false;
    job.kernel = rv_kernels_get()->conv_depthwise_outer[dw->dtype == RV_F64][job.width];
    job.bias = NULL;
    job.grid.data = g->data;
    memcpy(job.grid.strides, g->strides, sizeof job.grid.strides);
    const bool ok = rv_conv_channels_last(who, &job.grid, g) && run(&job, who, job.parts, add_part);
    if (ok)
        (dw->dtype == RV_F32 ? unpack_float : unpack_double)(&job, dw);
    end(&job);
    return ok;
}
