/* conv.c - convolutions and their transposes: bands of an image, block by block of channels.
 *
 * A piece of work is a band of an image's rows (or several small images). Its frame is packed, if
 * it has to be, into memory that stays in the core's cache, and then every block of output channels
 * goes over it line by line; the block's weights stay in the cache nearest to the core.
 */

#include "core/conv.h"

#include <string.h>

#include "core/conv_parts.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/tensor_make.h"

/* A band's frame leaves half of a second-level cache of 512 KiB to weights and results. */
#define BAND_BYTES 262144
/* Weights of all blocks that stay in the first-level cache: then row by row, each by all blocks. */
#define FEW_WEIGHTS_BYTES 16384

rv_tensor *rv_conv_empty(const char *who, rv_dtype dtype, int64_t n, int64_t channels,
                         const int64_t size[2])
{
    RV_SCOPE;
    rv_tensor *t = rv_make(who, dtype, 4, (const int64_t[]){n, size[0], size[1], channels});
    return t != NULL ? rv_keep(rv_raw_permute(who, t, 4, (const int[]){0, 3, 1, 2})) : NULL;
}

typedef struct conv_job {
    const conv_plan *plan;
    conv_cut cut;
    conv_scratch scratch;
    const char *weights; /* packed; the bias behind them */
    const char *bias;    /* [groups][padded]; NULL: none */
    char *out;
    int64_t strides[4]; /* of the result */
    int64_t bytes;      /* of an element */
    void (*const *kernels)(const rv_conv_line *line);
} conv_job;

/* Pixels read where they lie, and some left out between them, are not what the processor expects to
 * be read next: it is told a row ahead. (Behind the last row of an image is usually the next.) */
static void fetch_row(const conv_job *job, const conv_phase *phase, const char *image)
{
    const int64_t step = job->bytes * job->plan->axis[1].move * job->plan->frame_pixel;
    const int64_t pixel = job->bytes * job->plan->image.channels;
    for (int64_t x = 0; x < phase->size[1]; x++)
        for (int64_t at = 0; at < pixel; at += RV_ALIGNMENT)
            RV_PREFETCH(image + x * step + at);
}

/* One block of channels over the rows [begin, end) of a phase; frame: what the first of them sees.
 */
static void run_block(const conv_job *job, const conv_phase *phase, int64_t group, int64_t block,
                      const char *frame, char *out, int64_t begin, int64_t end)
{
    const conv_plan *plan = job->plan;
    const conv_blocks *blocks = &plan->blocks;
    const int64_t first = block * blocks->width[RV_CONV_WIDE];
    const int width = rv_conv_width_of(blocks, block);
    rv_conv_line line = {
        .windows = phase->windows,
        .pixels = phase->size[1],
        .image_step = plan->axis[1].move * plan->frame_pixel,
        .weights = job->weights + job->bytes * rv_conv_weights_at(plan, group, phase, block),
        .start = job->bias ? job->bias + job->bytes * (group * blocks->padded + first) : NULL,
        .out_step = plan->axis[1].step * job->strides[3],
        .channels = rv_smaller(blocks->outputs - first, blocks->width[width])};
    for (int64_t y = begin; y < end; y++) {
        const int64_t row = phase->first[0] + y * plan->axis[0].step;
        line.image = frame + job->bytes * (y - begin) * plan->axis[0].move * plan->frame_row;
        line.out = out + job->bytes * (row * job->strides[2] + phase->first[1] * job->strides[3] +
                                       group * blocks->outputs + first);
        if (block == 0 && plan->in_place && plan->image.skip[1] > 1)
            fetch_row(job, phase,
                      (const char *)line.image + job->bytes * plan->axis[0].move * plan->frame_row);
        job->kernels[width](&line);
    }
}

/* One band of one image and group. */
static void run_unit(void *context, int64_t unit, char *memory)
{
    const conv_job *job = context;
    const conv_plan *plan = job->plan;
    const int64_t band = unit % job->cut.bands, image = unit / job->cut.bands;
    const int64_t n = image / plan->groups, group = image % plan->groups;
    const int64_t begin = band * job->cut.rows, first = begin * plan->axis[0].move;
    const int64_t seen =
        rv_smaller(plan->image.frame[0] - first, rv_conv_band_rows(plan, &job->cut));
    const char *frame = rv_conv_frame(plan, n, group, first, seen, memory);
    char *const out = job->out + job->bytes * n * job->strides[0];
    for (int64_t i = 0; i < plan->phase_count; i++) {
        const conv_phase *phase = &plan->phases[i];
        const int64_t end = rv_smaller(begin + job->cut.rows, phase->size[0]);
        const bool few = job->bytes * phase->depth * plan->blocks.padded <= FEW_WEIGHTS_BYTES;
        const int64_t rows = few ? 1 : end - begin;
        for (int64_t y = begin; y < end; y += rows)
            for (int64_t block = 0; block < plan->blocks.count; block++)
                run_block(job, phase, group, block,
                          frame + job->bytes * (y - begin) * plan->axis[0].move * plan->frame_row,
                          out, y, y + rows);
    }
}

static void run_piece(void *context, int64_t index)
{
    conv_job *job = context;
    rv_conv_run_piece(&job->cut, &job->scratch, index, run_unit, job);
}

/* The bias of each group, padded to whole blocks. */
static void pack_bias(const conv_plan *plan, const rv_tensor *bias, char *packed)
{
    const size_t bytes = rv_dtype_size(bias->dtype);
    const int64_t outputs = plan->blocks.outputs, padded = plan->blocks.padded;
    memset(packed, 0, bytes * (size_t)(plan->groups * padded));
    for (int64_t k = 0; k < plan->groups * outputs; k++)
        memcpy(packed + bytes * (size_t)(k / outputs * padded + k % outputs),
               bias->data + (int64_t)bytes * k * bias->strides[0], bytes);
}

/* Runs a plan with its packed weights. */
static bool run_packed(const char *who, conv_job *job)
{
    const conv_plan *plan = job->plan;
    job->cut = rv_conv_cut(plan, BAND_BYTES);
    const int64_t pieces = rv_quotient_up(job->cut.units, job->cut.units_a_piece);
    const int64_t band =
        plan->in_place ? 0 : job->bytes * rv_conv_band_rows(plan, &job->cut) * plan->frame_row;
    if (!rv_conv_scratch_begin(&job->scratch, who, pieces, (size_t)band + RV_ALIGNMENT))
        return false;
    rv_parallel(pieces, run_piece, job);
    rv_conv_scratch_end(&job->scratch);
    return true;
}

static bool run_plan(const char *who, const conv_plan *plan, const rv_tensor *weight,
                     bool transposed, bool winograd, const rv_tensor *bias, rv_tensor *out)
{
    const size_t bytes = rv_dtype_size(out->dtype);
    const size_t weight_bytes = bytes * (size_t)rv_conv_weights_size(plan);
    const size_t all_bytes = weight_bytes + bytes * (size_t)(plan->groups * plan->blocks.padded);
    char *const packed = rv_memory_get(who, all_bytes);
    if (packed == NULL)
        return false;
    rv_conv_pack_weights(plan, weight, transposed, packed);
    if (bias != NULL)
        pack_bias(plan, bias, packed + weight_bytes);
    if (!plan->covers)
        memset(out->data, 0, bytes * (size_t)out->numel);
    conv_job job = {.plan = plan,
                    .weights = packed,
                    .bias = bias != NULL ? packed + weight_bytes : NULL,
                    .out = out->data,
                    .bytes = (int64_t)bytes,
                    .kernels = rv_kernels_get()->conv_line[out->dtype == RV_F64]};
    memcpy(job.strides, out->strides, sizeof job.strides);
    conv_image result = {.data = out->data};
    memcpy(result.strides, out->strides, sizeof result.strides);
    const bool ok =
        winograd ? rv_conv_winograd(who, plan, packed, job.bias, &result) : run_packed(who, &job);
    rv_memory_put(packed, all_bytes);
    return ok;
}

static bool compute(const char *who, const rv_conv_shape *shape, const rv_tensor *image,
                    const rv_tensor *weight, bool transposed, const rv_tensor *bias, rv_tensor *out)
{
    conv_plan plan;
    if (out->numel == 0)
        return true;
    if (rv_conv_depthwise_fits(shape, out->dtype, image->shape[1], out->shape[1]))
        return rv_conv_depthwise(who, shape, image, weight, transposed, bias, out);
    if (!rv_conv_plan_begin(&plan, who, shape, image, transposed, out->shape[1]))
        return false;
    RV_SCOPE;
    const bool winograd = rv_conv_winograd_fits(&plan);
    const bool ok = (!winograd || rv_conv_channels_last(who, &plan.image, image)) &&
                    run_plan(who, &plan, weight, transposed, winograd, bias, out);
    rv_conv_plan_end(&plan);
    return ok;
}

bool rv_conv_forward(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                     const rv_tensor *weight, const rv_tensor *bias, rv_tensor *y)
{
    return compute(who, shape, x, weight, false, bias, y);
}

bool rv_conv_input_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *g,
                        const rv_tensor *weight, rv_tensor *dx)
{
    return compute(who, shape, g, weight, true, NULL, dx);
}
