/* conv_pack.c - images and weights in the order that the kernels read them. */

#include <string.h>

#include "core/conv_parts.h"
#include "core/parallel.h"

/* ---- images --------------------------------------------------------------------------------- */

/* The first of the frame's places, in steps of skip from origin, that is not below `bound`. */
static int64_t first_place(int64_t origin, int64_t skip, int64_t bound, int64_t places)
{
    const int64_t place = bound > origin ? rv_quotient_up(bound - origin, skip) : 0;
    return rv_smaller(place, places);
}

/* One row of `pixels` pixels that lie `step` apart, their channels `channel` apart. Channels that
 * are not neighbours are taken one after the other, as then the pixels usually are. */
#define DEFINE_COPY_ROW(T)                                                                  \
    static void copy_row_##T(int64_t pixels, int64_t channels, const T *from, int64_t step, \
                             int64_t channel, T *into, int64_t pitch)                       \
    {                                                                                       \
        if (channels == pitch && (channel == 1 || channels == 1) && step == pitch) {        \
            memcpy(into, from, sizeof(T) * (size_t)(pixels * pitch));                       \
            return;                                                                         \
        }                                                                                   \
        if (channel == 1) {                                                                 \
            for (int64_t x = 0; x < pixels; x++)                                            \
                memcpy(into + x * pitch, from + x * step, sizeof(T) * (size_t)channels);    \
        } else {                                                                            \
            for (int64_t c = 0; c < channels; c++)                                          \
                for (int64_t x = 0; x < pixels; x++)                                        \
                    into[x * pitch + c] = from[c * channel + x * step];                     \
        }                                                                                   \
        for (int64_t x = 0; x < pixels && pitch > channels; x++)                            \
            memset(into + x * pitch + channels, 0, sizeof(T) * (size_t)(pitch - channels)); \
    }

DEFINE_COPY_ROW(float)
DEFINE_COPY_ROW(double)

void rv_conv_pack_image(const conv_image *image, int64_t n, int64_t group, int64_t first,
                        int64_t rows, void *into)
{
    const int64_t *s = image->strides, *skip = image->skip;
    const size_t bytes = rv_dtype_size(image->dtype);
    const size_t pixel = bytes * (size_t)image->pitch, row = pixel * (size_t)image->frame[1];
    const int64_t begin = first_place(image->origin[1], skip[1], 0, image->frame[1]);
    const int64_t end = first_place(image->origin[1], skip[1], image->size[1], image->frame[1]);
    char *to = into;
    for (int64_t y = first; y < first + rows; y++, to += row) {
        const int64_t at = image->origin[0] + y * skip[0];
        if (at < 0 || at >= image->size[0] || begin >= end) {
            memset(to, 0, row);
            continue;
        }
        const int64_t column = image->origin[1] + begin * skip[1];
        const int64_t element =
            n * s[0] + group * image->channels * s[1] + at * s[2] + column * s[3];
        const char *from = image->data + element * (int64_t)bytes;
        char *const inside = to + pixel * (size_t)begin;
        memset(to, 0, pixel * (size_t)begin);
        if (image->dtype == RV_F32)
            copy_row_float(end - begin, image->channels, (const float *)(const void *)from,
                           s[3] * skip[1], s[1], (float *)(void *)inside, image->pitch);
        else
            copy_row_double(end - begin, image->channels, (const double *)(const void *)from,
                            s[3] * skip[1], s[1], (double *)(void *)inside, image->pitch);
        memset(to + pixel * (size_t)end, 0, row - pixel * (size_t)end);
    }
}

const char *rv_conv_frame(const conv_plan *plan, int64_t n, int64_t group, int64_t first,
                          int64_t rows, void *memory)
{
    const conv_image *image = &plan->image;
    if (plan->in_place) {
        const int64_t *s = image->strides, *origin = image->origin;
        return image->data + (int64_t)rv_dtype_size(image->dtype) *
                                 (n * s[0] + group * image->channels * s[1] + origin[0] * s[2] +
                                  origin[1] * s[3] + first * plan->frame_row);
    }
    rv_conv_pack_image(image, n, group, first, rows, memory);
    return memory;
}

/* ---- weights -------------------------------------------------------------------------------- */

int64_t rv_conv_weights_size(const conv_plan *plan)
{
    return plan->groups * plan->depth * plan->blocks.padded;
}

int64_t rv_conv_weights_at(const conv_plan *plan, int64_t group, const conv_phase *phase,
                           int64_t block)
{
    return (group * plan->depth + phase->depth_before) * plan->blocks.padded +
           phase->depth * block * plan->blocks.width[RV_CONV_WIDE];
}

/* All weights of one block: where they are packed, and where they lie in the tensor. */
typedef struct weight_job {
    const conv_plan *plan;
    char *tensor;
    int64_t group, output, channel, tap[2]; /* strides */
    char *packed;
    int64_t parts, part_step; /* for unpacking: how many are added up, and elements between them */
} weight_job;

#define DEFINE_WEIGHTS(T)                                                                         \
    static void pack_block_##T(const weight_job *job, const conv_phase *phase, int64_t group,     \
                               int64_t block)                                                     \
    {                                                                                             \
        const conv_plan *plan = job->plan;                                                        \
        const int64_t width = plan->blocks.width[rv_conv_width_of(&plan->blocks, block)];         \
        const int64_t first = block * plan->blocks.width[RV_CONV_WIDE];                           \
        const int64_t real = rv_smaller(plan->blocks.outputs - first, width);                     \
        T *to = (T *)(void *)job->packed + rv_conv_weights_at(plan, group, phase, block);         \
        const T *const from =                                                                     \
            (const T *)(void *)job->tensor + group * job->group + first * job->output;            \
        for (int64_t i = 0; i < phase->taps; i++) {                                               \
            const T *tap = from + phase->tap[i] / plan->kernel[1] * job->tap[0] +                 \
                           phase->tap[i] % plan->kernel[1] * job->tap[1];                         \
            for (int64_t c = 0; c < plan->image.channels; c++, to += width)                       \
                for (int64_t k = 0; k < width; k++)                                               \
                    to[k] = k < real ? tap[c * job->channel + k * job->output] : 0;               \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    static void unpack_block_##T(const weight_job *job, const conv_phase *phase, int64_t group,   \
                                 int64_t block)                                                   \
    {                                                                                             \
        const conv_plan *plan = job->plan;                                                        \
        const int64_t width = plan->blocks.width[rv_conv_width_of(&plan->blocks, block)];         \
        const int64_t first = block * plan->blocks.width[RV_CONV_WIDE];                           \
        const int64_t real = rv_smaller(plan->blocks.outputs - first, width);                     \
        const T *from = (T *)(void *)job->packed + rv_conv_weights_at(plan, group, phase, block); \
        T *const to = (T *)(void *)job->tensor + group * job->group + first * job->output;        \
        for (int64_t i = 0; i < phase->taps; i++) {                                               \
            T *tap = to + phase->tap[i] / plan->kernel[1] * job->tap[0] +                         \
                     phase->tap[i] % plan->kernel[1] * job->tap[1];                               \
            for (int64_t c = 0; c < plan->image.channels; c++, from += width)                     \
                for (int64_t k = 0; k < real; k++) {                                              \
                    T sum = from[k];                                                              \
                    for (int64_t part = 1; part < job->parts; part++)                             \
                        sum += from[k + part * job->part_step];                                   \
                    tap[c * job->channel + k * job->output] = sum;                                \
                }                                                                                 \
        }                                                                                         \
    }                                                                                             \
                                                                                                  \
    static void pack_piece_##T(void *context, int64_t index)                                      \
    {                                                                                             \
        const weight_job *job = context;                                                          \
        const int64_t blocks = job->plan->blocks.count;                                           \
        for (int64_t i = 0; i < job->plan->phase_count; i++)                                      \
            pack_block_##T(job, &job->plan->phases[i], index / blocks, index % blocks);           \
    }                                                                                             \
                                                                                                  \
    static void unpack_piece_##T(void *context, int64_t index)                                    \
    {                                                                                             \
        const weight_job *job = context;                                                          \
        const int64_t blocks = job->plan->blocks.count;                                           \
        for (int64_t i = 0; i < job->plan->phase_count; i++)                                      \
            unpack_block_##T(job, &job->plan->phases[i], index / blocks, index % blocks);         \
    }

DEFINE_WEIGHTS(float)
DEFINE_WEIGHTS(double)

/* weight is [outputs of y, channels of x of a group, ..]: seen from dx they change places. */
static weight_job job_of(const conv_plan *plan, const rv_tensor *weight, bool transposed)
{
    return (weight_job){.plan = plan,
                        .tensor = weight->data,
                        .group = weight->shape[0] / plan->groups * weight->strides[0],
                        .output = weight->strides[transposed ? 1 : 0],
                        .channel = weight->strides[transposed ? 0 : 1],
                        .tap = {weight->strides[2], weight->strides[3]}};
}

void rv_conv_pack_weights(const conv_plan *plan, const rv_tensor *weight, bool transposed,
                          void *packed)
{
    weight_job job = job_of(plan, weight, transposed);
    job.packed = packed;
    rv_parallel(plan->groups * plan->blocks.count,
                weight->dtype == RV_F32 ? pack_piece_float : pack_piece_double, &job);
}

void rv_conv_unpack_weights(const conv_plan *plan, int64_t parts, const void *packed, rv_tensor *dw)
{
    weight_job job = job_of(plan, dw, false);
    job.packed = (char *)(uintptr_t)packed;
    job.parts = parts;
    job.part_step = rv_conv_weights_size(plan);
    rv_parallel(plan->groups * plan->blocks.count,
                dw->dtype == RV_F32 ? unpack_piece_float : unpack_piece_double, &job);
}
