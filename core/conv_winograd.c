/* conv_winograd.c - 3x3 convolutions of stride 1 with a quarter of the multiplications.
 *
 * The result is cut into tiles of 4x4 pixels, each of which sees 6x6 of the image. Both, and the
 * weights, are transformed to 36 points (kernels/winograd.c has the formulas), and there a
 * convolution is 36 products of matrices, [tiles, channels] times [channels, outputs]; the gradient
 * of the weights is 36 products [channels, tiles] times [tiles, outputs].
 *
 * A piece of work is a block of tiles, across images if these are small. Everything of a block that
 * is between the image and the result stays in the core's cache. Pixels beyond the image are read
 * from a pixel of zeros, and what a tile has beyond the result is written to a pixel that nobody
 * reads.
 *
 * Only for F32: it rounds more than the sum that defines it (docs/convolution.md has figures), and
 * F64 is for those who count digits.
 */

#include <string.h>

#include "core/conv_parts.h"
#include "core/elementwise.h"
#include "core/memory.h"
#include "core/parallel.h"

#define POINTS 36
#define TILE 4
#define SEEN 6

/* Vectors of all instruction sets divide this, and so must the numbers of channels. */
#define CHANNELS_UNIT 16
/* Between the matrices of two points, in elements, so that they do not fall into the same places of
 * the cache. */
#define GAP 16

/* What a block of tiles needs at its 36 points should stay in a second-level cache. */
#define BLOCK_BYTES 294912
#define LEAST_TILES 16
#define MOST_TILES 96

#define MOST_PARTS 16
#define PARTS_BYTES 16777216

typedef struct tiling {
    int64_t down, across; /* tiles of an image */
    int64_t count;        /* of all images */
    int64_t block;        /* tiles of a block */
    int64_t blocks;
} tiling;

/* The image, and either the result or its gradient. */
typedef struct winograd_job {
    const conv_plan *plan;
    const rv_kernels *kernels;
    tiling tiles;
    int64_t channels, outputs, width, width_blocks;
    int64_t image_step, result_step; /* elements from a point to the next, in a block */
    conv_scratch scratch;
    float *weights; /* at the points: [36][blocks of outputs][channels][width] */
    const float *start;
    float *result;
    int64_t result_strides[4];
    int64_t parts; /* of the sum over tiles: each has weights of its own */
} winograd_job;

/* ---- whether -------------------------------------------------------------------------------- */

static tiling tiling_of(const conv_plan *plan)
{
    tiling tiles = {.down = rv_quotient_up(plan->axis[0].grid, TILE),
                    .across = rv_quotient_up(plan->axis[1].grid, TILE)};
    tiles.count = tiles.down * tiles.across * plan->n;
    return tiles;
}

bool rv_conv_winograd_fits(const conv_plan *plan)
{
    bool fits = plan->image.dtype == RV_F32 && plan->groups == 1 && plan->phase_count == 1 &&
                plan->image.channels % CHANNELS_UNIT == 0 && plan->image.channels > 0 &&
                plan->blocks.outputs % CHANNELS_UNIT == 0;
    for (int i = 0; i < 2; i++) {
        const conv_axis *a = &plan->axis[i];
        fits = fits && a->taps == 3 && a->step == 1 && a->move == 1 && plan->image.skip[i] == 1;
        for (int64_t k = 0; fits && k < 3; k++)
            fits = a->at[k] == k || a->at[k] == 2 - k;
        fits = fits && a->at[1] == 1;
    }
    if (!fits)
        return false;
    /* Tiles may reach beyond the result, and few of them are not worth the weights' transform. */
    const tiling tiles = tiling_of(plan);
    const int64_t pixels = plan->n * plan->axis[0].grid * plan->axis[1].grid;
    return tiles.count >= LEAST_TILES && 2 * pixels >= TILE * TILE * tiles.count;
}

bool rv_conv_channels_last(const char *who, conv_image *image, const rv_tensor *tensor)
{
    if (tensor->strides[1] == 1)
        return true;
    rv_tensor *copy =
        rv_conv_empty(who, tensor->dtype, tensor->shape[0], tensor->shape[1], tensor->shape + 2);
    if (copy == NULL ||
        !rv_elementwise_into(who, rv_kernels_get()->cast[tensor->dtype][tensor->dtype], copy, 1,
                             &tensor))
        return false;
    image->data = copy->data;
    memcpy(image->strides, copy->strides, sizeof image->strides);
    return true;
}

/* ---- pixels of a tile ----------------------------------------------------------------------- */

typedef struct tile_place {
    int64_t n, row, column; /* its first pixel of the result */
} tile_place;

static tile_place place_of(const tiling *tiles, int64_t tile)
{
    const int64_t in_image = tile % (tiles->down * tiles->across);
    return (tile_place){tile / (tiles->down * tiles->across), in_image / tiles->across * TILE,
                        in_image % tiles->across * TILE};
}

/* Points to size x size pixels from (row, column) on; those outside are `outside`. */
static void point_to(const float **pixels, int64_t size, const float *image, const int64_t *strides,
                     int64_t row, int64_t column, const int64_t *limits, const float *outside)
{
    for (int64_t y = row; y < row + size; y++)
        for (int64_t x = column; x < column + size; x++) {
            const bool is_inside = y >= 0 && y < limits[0] && x >= 0 && x < limits[1];
            *pixels++ = is_inside ? image + y * strides[2] + x * strides[3] : outside;
        }
}

/* Asks for the pixels of a tile that comes AHEAD of one that is transformed: tiles of large images
 * are too scattered for the processor to see which memory comes next. (A quarter faster for 16
 * channels of 32x32 pixels.) GCC drops calls of functions that do nothing else. What is beyond the
 * image is asked for in vain. */
#define AHEAD 2
#define LINE ((int64_t)(RV_ALIGNMENT / sizeof(float)))

RV_ALWAYS_INLINE void fetch_ahead(const winograd_job *job, int64_t tile, const float *image,
                                  const int64_t *strides, const int64_t *origin, int64_t channels,
                                  bool to_write)
{
    if (tile + AHEAD >= job->tiles.count)
        return;
    const tile_place at = place_of(&job->tiles, tile + AHEAD);
    const int64_t first = at.n * strides[0] + (at.row + origin[0]) * strides[2] +
                          (at.column + origin[1]) * strides[3];
    for (int64_t y = 0; y < TILE; y++)
        for (int64_t i = 0; i < TILE * channels; i += LINE)
            if (to_write)
                RV_PREFETCH_TO_WRITE(image + first + y * strides[2] + i);
            else
                RV_PREFETCH(image + first + y * strides[2] + i);
}

static void transform_image(const winograd_job *job, int64_t first, int64_t count, float *points,
                            const float *zeros)
{
    const conv_image *image = &job->plan->image;
    const float *pixels[SEEN * SEEN], *data = (const float *)(const void *)image->data;
    const int64_t new_pixels[] = {image->origin[0] + SEEN - TILE, image->origin[1] + SEEN - TILE};
    for (int64_t t = 0; t < count; t++) {
        const tile_place at = place_of(&job->tiles, first + t);
        fetch_ahead(job, first + t, data, image->strides, new_pixels, job->channels, false);
        point_to(pixels, SEEN, data + at.n * image->strides[0], image->strides,
                 image->origin[0] + at.row, image->origin[1] + at.column, image->size, zeros);
        job->kernels->winograd_image(job->channels, pixels, points + t * job->channels,
                                     job->image_step);
    }
}

/* Pixels of the result (or its gradient) that a tile covers. */
static void point_to_result(const winograd_job *job, int64_t tile, float **pixels, float *outside,
                            bool to_write)
{
    const int64_t origin[] = {0, 0};
    fetch_ahead(job, tile, job->result, job->result_strides, origin, job->outputs, to_write);
    const tile_place at = place_of(&job->tiles, tile);
    const int64_t limits[] = {job->plan->axis[0].grid, job->plan->axis[1].grid};
    point_to((const float **)pixels, TILE, job->result + at.n * job->result_strides[0],
             job->result_strides, at.row, at.column, limits, outside);
}

/* ---- forward, and the gradient of the input ------------------------------------------------- */

/* At each point, [count, channels] times the weights there. */
static void multiply(const winograd_job *job, int64_t count, const float *image, float *result)
{
    const int64_t offset = 0, elements = job->channels * job->width;
    rv_conv_line line = {.windows = {1, &offset, &job->channels},
                         .pixels = count,
                         .image_step = job->channels,
                         .weights = job->weights,
                         .out_step = job->outputs,
                         .channels = job->width};
    const float *weights = job->weights;
    for (int64_t p = 0; p < POINTS; p++)
        for (int64_t block = 0; block < job->width_blocks; block++, weights += elements) {
            line.image = image + p * job->image_step;
            line.weights = weights;
            line.out = result + p * job->result_step + block * job->width;
            job->kernels->conv_line[0][RV_CONV_WIDE](&line);
        }
}

static void run_block(void *context, int64_t index)
{
    winograd_job *job = context;
    const int64_t first = index * job->tiles.block;
    const int64_t count = rv_smaller(job->tiles.count - first, job->tiles.block);
    float *const memory = rv_conv_scratch_claim(&job->scratch), *image = memory;
    float *result = image + POINTS * job->image_step;
    float *zeros = result + POINTS * job->result_step, *nowhere = zeros + job->channels;
    memset(zeros, 0, sizeof(float) * (size_t)job->channels);
    transform_image(job, first, count, image, zeros);
    multiply(job, count, image, result);
    for (int64_t t = 0; t < count; t++) {
        float *pixels[TILE * TILE];
        point_to_result(job, first + t, pixels, nowhere, true);
        job->kernels->winograd_result(job->outputs, pixels, result + t * job->outputs,
                                      job->result_step, job->start);
    }
    rv_conv_scratch_return(&job->scratch, memory);
}

/* ---- the weights ---------------------------------------------------------------------------- */

typedef struct weight_transform {
    const winograd_job *job;
    float *packed; /* as rv_conv_pack_weights does */
} weight_transform;

static void transform_weights(void *context, int64_t block)
{
    const weight_transform *t = context;
    const int64_t n = t->job->channels * t->job->width;
    t->job->kernels->winograd_weights(n, t->packed + 9 * n * block, t->job->weights + n * block,
                                      n * t->job->width_blocks);
}

/* Adds up the parts, and transforms back. */
static void transform_gradient(void *context, int64_t block)
{
    const weight_transform *t = context;
    const winograd_job *job = t->job;
    const int64_t n = job->channels * job->width, step = n * job->width_blocks;
    for (int64_t part = 1; part < job->parts; part++)
        for (int64_t p = 0; p < POINTS; p++) {
            float *restrict sum = job->weights + p * step + n * block;
            const float *restrict more = sum + part * POINTS * step;
            for (int64_t i = 0; i < n; i++)
                sum[i] += more[i];
        }
    job->kernels->winograd_weight_gradient(n, t->packed + 9 * n * block, job->weights + n * block,
                                           step);
}

/* ---- the gradient of the weights ------------------------------------------------------------ */

static void add_block(const winograd_job *job, int64_t first, int64_t count, float *memory,
                      float *sums)
{
    float *image = memory, *gradient = image + POINTS * job->image_step;
    float *zeros = gradient + POINTS * job->result_step;
    transform_image(job, first, count, image, zeros);
    for (int64_t t = 0; t < count; t++) {
        float *pixels[TILE * TILE];
        point_to_result(job, first + t, pixels, zeros, false);
        job->kernels->winograd_gradient(job->outputs, (const float *const *)pixels,
                                        gradient + t * job->outputs, job->result_step);
    }
    rv_conv_outer outer = {.n = job->channels,
                           .rows = 1,
                           .columns = count,
                           .image_column = job->channels,
                           .g_column = job->outputs};
    for (int64_t p = 0; p < POINTS; p++)
        for (int64_t block = 0; block < job->width_blocks; block++) {
            outer.image = image + p * job->image_step;
            outer.g = gradient + p * job->result_step + block * job->width;
            outer.into = sums;
            job->kernels->conv_outer[0][RV_CONV_WIDE](&outer);
            sums += job->channels * job->width;
        }
}

static void add_part(void *context, int64_t part)
{
    winograd_job *job = context;
    const int64_t size = POINTS * job->channels * job->outputs;
    float *const sums = job->weights + part * size, *memory = rv_conv_scratch_claim(&job->scratch);
    const int64_t a_part = rv_quotient_up(job->tiles.blocks, job->parts);
    const int64_t end = rv_smaller((part + 1) * a_part, job->tiles.blocks);
    memset(sums, 0, sizeof(float) * (size_t)size);
    memset(memory + POINTS * (job->image_step + job->result_step), 0,
           sizeof(float) * (size_t)(job->channels + job->outputs));
    for (int64_t block = part * a_part; block < end; block++) {
        const int64_t first = block * job->tiles.block;
        add_block(job, first, rv_smaller(job->tiles.count - first, job->tiles.block), memory, sums);
    }
    rv_conv_scratch_return(&job->scratch, memory);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static winograd_job job_of(const conv_plan *plan, const conv_image *result)
{
    winograd_job job = {.plan = plan,
                        .kernels = rv_kernels_get(),
                        .tiles = tiling_of(plan),
                        .channels = plan->image.channels,
                        .outputs = plan->blocks.outputs,
                        .width = plan->blocks.width[RV_CONV_WIDE],
                        .width_blocks = plan->blocks.count,
                        .result = (float *)(uintptr_t)result->data,
                        .parts = 1};
    memcpy(job.result_strides, result->strides, sizeof job.result_strides);
    return job;
}

/* Cuts the tiles into blocks of about `block`; returns the bytes that one needs. */
static size_t set_blocks(winograd_job *job, int64_t block)
{
    block = block < LEAST_TILES ? LEAST_TILES : rv_smaller(block, MOST_TILES);
    job->tiles.blocks = rv_quotient_up(job->tiles.count, block);
    job->tiles.block = rv_quotient_up(job->tiles.count, job->tiles.blocks);
    job->image_step = job->tiles.block * job->channels + GAP;
    job->result_step = job->tiles.block * job->outputs + GAP;
    return sizeof(float) *
           (size_t)(POINTS * (job->image_step + job->result_step) + job->channels + job->outputs);
}

bool rv_conv_winograd(const char *who, const conv_plan *plan, const void *packed, const void *start,
                      const conv_image *result)
{
    winograd_job job = job_of(plan, result);
    const int64_t channels = job.channels + job.outputs;
    const size_t scratch =
        set_blocks(&job, BLOCK_BYTES / (POINTS * (int64_t)sizeof(float) * channels));
    const size_t bytes = sizeof(float) * (size_t)(POINTS * job.channels * job.outputs);
    job.start = start;
    job.weights = rv_memory_get(who, bytes);
    if (job.weights == NULL)
        return false;
    const bool ok = rv_conv_scratch_begin(&job.scratch, who, job.tiles.blocks, scratch);
    if (ok) {
        weight_transform transform = {&job, (float *)(uintptr_t)packed};
        rv_parallel(job.width_blocks, transform_weights, &transform);
        rv_parallel(job.tiles.blocks, run_block, &job);
        rv_conv_scratch_end(&job.scratch);
    }
    rv_memory_put(job.weights, bytes);
    return ok;
}

bool rv_conv_winograd_weight_grad(const char *who, const conv_plan *plan, const conv_image *g,
                                  rv_tensor *dw)
{
    winograd_job job = job_of(plan, g);
    const int64_t channels = job.channels + job.outputs;
    /* As many that the sums, too, are read and written once for many products. */
    int64_t block = job.channels * job.outputs / channels;
    const int64_t fitting = BLOCK_BYTES / (POINTS * (int64_t)sizeof(float) * channels);
    if (block < fitting)
        block = fitting;
    const size_t scratch = set_blocks(&job, block);
    const size_t point_bytes = sizeof(float) * (size_t)(POINTS * job.channels * job.outputs);
    const size_t packed_bytes = point_bytes / 4;
    job.parts = PARTS_BYTES / (int64_t)point_bytes;
    job.parts = job.parts < 2 ? 2 : rv_smaller(job.parts, MOST_PARTS);
    job.parts = rv_smaller(job.parts, job.tiles.blocks);
    const size_t bytes = point_bytes * (size_t)job.parts + packed_bytes;
    job.weights = rv_memory_get(who, bytes);
    if (job.weights == NULL)
        return false;
    const bool ok = rv_conv_scratch_begin(&job.scratch, who, job.parts, scratch);
    if (ok) {
        float *const packed = job.weights + job.parts * (int64_t)(point_bytes / sizeof(float));
        weight_transform transform = {&job, packed};
        rv_parallel(job.parts, add_part, &job);
        rv_parallel(job.width_blocks, transform_gradient, &transform);
        rv_conv_unpack_weights(plan, 1, packed, dw);
        rv_conv_scratch_end(&job.scratch);
    }
    rv_memory_put(job.weights, bytes);
    return ok;
}
