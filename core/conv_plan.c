/* conv_plan.c - what a convolution looks at and in which pieces, from its shape alone. */

#include <string.h>

#include "core/conv_parts.h"
#include "core/memory.h"
#include "core/parallel.h"

/* The work of a piece, in multiplications: tens of microseconds. */
#define WORK_OF_PIECE 500000.0
/* Images are cut into bands until there is work for this many threads. */
#define PIECES_WANTED 16

conv_blocks rv_conv_blocks(rv_dtype dtype, int64_t outputs)
{
    const int *width = rv_kernels_get()->conv_width[dtype == RV_F64];
    conv_blocks blocks = {.outputs = outputs, .width = {width[0], width[1]}};
    blocks.count = rv_quotient_up(outputs, width[RV_CONV_WIDE]);
    if (blocks.count > 0)
        blocks.padded = (blocks.count - 1) * width[RV_CONV_WIDE] +
                        width[rv_conv_width_of(&blocks, blocks.count - 1)];
    return blocks;
}

/* ---- planning ------------------------------------------------------------------------------- */

/* v modulo s, not negative. */
static int64_t modulo(int64_t v, int64_t s)
{
    return v % s < 0 ? v % s + s : v % s;
}

/* Forward: pixel i of y sees row i*stride + k*dilation - padding of x. A kernel of one row jumps
 * from one row of x that it needs to the next, so that others are not copied. */
static void plan_forward(conv_plan *plan, const rv_conv_shape *shape, int axis)
{
    conv_axis *a = &plan->axis[axis];
    const bool jumps = a->taps == 1;
    for (int64_t k = 0; k < a->taps; k++) {
        a->phase[k] = 0;
        a->at[k] = k * shape->dilation[axis];
    }
    a->grid = shape->out[axis];
    a->step = 1;
    a->move = jumps ? 1 : shape->stride[axis];
    plan->image.origin[axis] = -shape->padding[axis];
    plan->image.skip[axis] = jumps ? shape->stride[axis] : 1;
    plan->image.size[axis] = shape->in[axis];
}

/* Transposed: g's row o goes through kernel element k into row o*stride + v of dx, where v is
 * k*dilation - padding. So row i of dx, phase r = i modulo stride, sees through the k whose v
 * leaves the same remainder r the row (i - r) / stride + (r - v) / stride of g. */
static void plan_transposed(conv_plan *plan, const rv_conv_shape *shape, int axis)
{
    conv_axis *a = &plan->axis[axis];
    const int64_t stride = shape->stride[axis];
    int64_t least = 0;
    for (int64_t k = 0; k < a->taps; k++) {
        const int64_t v = k * shape->dilation[axis] - shape->padding[axis];
        a->phase[k] = modulo(v, stride);
        a->at[k] = (a->phase[k] - v) / stride;
        if (k == 0 || a->at[k] < least)
            least = a->at[k];
    }
    for (int64_t k = 0; k < a->taps; k++)
        a->at[k] -= least;
    a->grid = shape->in[axis];
    a->step = stride;
    a->move = 1;
    plan->image.origin[axis] = least;
    plan->image.skip[axis] = 1;
    plan->image.size[axis] = shape->out[axis];
}

/* The taps of one axis that belong to a phase, in the order of the frame. */
static int64_t taps_of(const conv_axis *axis, int64_t phase, bool transposed, int64_t *taps)
{
    int64_t count = 0;
    for (int64_t i = 0; i < axis->taps; i++) {
        const int64_t k = transposed ? axis->taps - 1 - i : i;
        if (axis->phase[k] == phase)
            taps[count++] = k;
    }
    return count;
}

/* The first tap of its phase: each phase is made once. */
static bool is_first_of_phase(const conv_axis *axis, int64_t k)
{
    for (int64_t i = 0; i < k; i++)
        if (axis->phase[i] == axis->phase[k])
            return false;
    return axis->phase[k] < axis->grid;
}

/* Taps that are neighbours in the frame become one window. */
static void set_windows(const conv_plan *plan, conv_phase *phase, int64_t *offsets,
                        int64_t *lengths)
{
    int count = 0;
    int64_t end = -1;
    for (int64_t i = 0; i < phase->taps; i++) {
        const int64_t y = plan->axis[0].at[phase->tap[i] / plan->kernel[1]];
        const int64_t x = plan->axis[1].at[phase->tap[i] % plan->kernel[1]];
        const int64_t offset = y * plan->frame_row + x * plan->frame_pixel;
        if (count > 0 && offset == end) {
            lengths[count - 1] += plan->image.channels;
        } else {
            offsets[count] = offset;
            lengths[count++] = plan->image.channels;
        }
        end = offset + plan->image.channels;
    }
    phase->windows = (rv_conv_windows){count, offsets, lengths};
}

static void set_phases(conv_plan *plan, bool transposed, int64_t *room, int64_t *lists)
{
    const conv_axis *rows = &plan->axis[0], *columns = &plan->axis[1];
    int64_t covered = 0;
    for (int64_t a = 0; a < rows->taps; a++)
        for (int64_t b = 0; is_first_of_phase(rows, a) && b < columns->taps; b++) {
            if (!is_first_of_phase(columns, b))
                continue;
            conv_phase *phase = &plan->phases[plan->phase_count++];
            *phase = (conv_phase){.first = {rows->phase[a], columns->phase[b]}, .tap = lists};
            for (int i = 0; i < 2; i++)
                phase->size[i] =
                    rv_quotient_up(plan->axis[i].grid - phase->first[i], plan->axis[i].step);
            const int64_t down = taps_of(rows, rows->phase[a], transposed, room);
            const int64_t across = taps_of(columns, columns->phase[b], transposed, room + down);
            for (int64_t i = 0; i < down * across; i++)
                phase->tap[i] = room[i / across] * plan->kernel[1] + room[down + i % across];
            phase->taps = down * across;
            phase->depth = phase->taps * plan->image.channels;
            phase->depth_before = plan->depth;
            plan->depth += phase->depth;
            covered += phase->size[0] * phase->size[1];
            set_windows(plan, phase, lists + phase->taps, lists + 2 * phase->taps);
            lists += 3 * phase->taps;
        }
    plan->covers = covered == rows->grid * columns->grid;
}

/* The frame, and whether it can be read where the image lies. False if it is more than can be
 * counted: padding takes no memory of the caller's. */
static bool set_frame(conv_plan *plan)
{
    conv_image *image = &plan->image;
    bool inside = true;
    for (int i = 0; i < 2; i++) {
        const conv_axis *a = &plan->axis[i];
        int64_t reach = 0;
        for (int64_t k = 0; k < a->taps; k++)
            reach = a->at[k] + 1 > reach ? a->at[k] + 1 : reach;
        const int64_t pixels = rv_quotient_up(a->grid, a->step);
        image->frame[i] = pixels > 0 ? (pixels - 1) * a->move + reach : 0;
        inside = inside && image->origin[i] >= 0 &&
                 image->origin[i] + (image->frame[i] - 1) * image->skip[i] < image->size[i];
        if (i == 0)
            plan->reach = reach;
    }
    int64_t bytes = 8;
    if (__builtin_mul_overflow(bytes, image->frame[0] + plan->reach, &bytes) ||
        __builtin_mul_overflow(bytes, image->frame[1], &bytes) ||
        __builtin_mul_overflow(bytes, image->channels, &bytes) ||
        __builtin_mul_overflow(bytes, plan->axis[0].move, &bytes))
        return false;
    plan->in_place = inside && (image->channels <= 1 || image->strides[1] == 1);
    image->pitch = image->channels;
    plan->frame_pixel = plan->in_place ? image->strides[3] * image->skip[1] : image->channels;
    plan->frame_row =
        plan->in_place ? image->strides[2] * image->skip[0] : image->channels * image->frame[1];
    return true;
}

bool rv_conv_plan_begin(conv_plan *plan, const char *who, const rv_conv_shape *shape,
                        const rv_tensor *image, bool transposed, int64_t outputs)
{
    const int64_t down = shape->kernel[0], across = shape->kernel[1], taps = down * across;
    *plan = (conv_plan){.n = image->shape[0], .groups = shape->groups, .kernel = {down, across}};
    /* Taps of each axis twice; room for the taps of a phase; tap, offset, length of each. */
    plan->bytes = sizeof(conv_phase) * (size_t)taps +
                  sizeof(int64_t) * (size_t)(3 * (down + across) + 3 * taps);
    plan->memory = rv_memory_get(who, plan->bytes);
    if (plan->memory == NULL)
        return false;
    plan->phases = plan->memory;
    int64_t *numbers = (int64_t *)(void *)(plan->phases + taps);
    for (int i = 0; i < 2; i++) {
        const int64_t k = shape->kernel[i];
        plan->axis[i] = (conv_axis){.taps = k, .phase = numbers, .at = numbers + k};
        numbers += 2 * k;
    }
    plan->image = (conv_image){
        .data = image->data, .dtype = image->dtype, .channels = image->shape[1] / shape->groups};
    memcpy(plan->image.strides, image->strides, sizeof plan->image.strides);
    for (int i = 0; i < 2; i++)
        (transposed ? plan_transposed : plan_forward)(plan, shape, i);
    if (!set_frame(plan)) {
        rv_conv_plan_end(plan);
        return rv_fail(RV_ERROR_MEMORY, who, "the padded input is more than memory can hold");
    }
    set_phases(plan, transposed, numbers, numbers + down + across);
    plan->blocks = rv_conv_blocks(image->dtype, outputs / shape->groups);
    return true;
}

void rv_conv_plan_end(conv_plan *plan)
{
    rv_memory_put(plan->memory, plan->bytes);
}

/* ---- cutting -------------------------------------------------------------------------------- */

conv_cut rv_conv_cut(const conv_plan *plan, int64_t band_bytes)
{
    const int64_t row_bytes = plan->image.frame[1] * plan->image.channels *
                              (int64_t)rv_dtype_size(plan->image.dtype) * plan->axis[0].move;
    const int64_t grid_rows = rv_quotient_up(plan->axis[0].grid, plan->axis[0].step);
    const double row_work = (double)plan->depth * (double)plan->blocks.padded *
                            (double)rv_quotient_up(plan->axis[1].grid, plan->axis[1].step);
    const double image_work = row_work * (double)grid_rows;
    int64_t bands = rv_quotient_up(grid_rows * row_bytes, band_bytes);
    const int64_t images = plan->n * plan->groups;
    const int64_t wanted = rv_smaller(images > 0 ? rv_quotient_up(PIECES_WANTED, images) : 1,
                                      (int64_t)(image_work / WORK_OF_PIECE));
    if (bands < wanted)
        bands = wanted;
    if (bands > grid_rows)
        bands = grid_rows;
    conv_cut cut = {.rows = bands > 0 ? rv_quotient_up(grid_rows, bands) : 1};
    cut.bands = rv_quotient_up(grid_rows, cut.rows);
    cut.units = cut.bands * images;
    const double unit_work = row_work * (double)cut.rows + 1;
    cut.units_a_piece = unit_work < WORK_OF_PIECE ? (int64_t)(WORK_OF_PIECE / unit_work) : 1;
    return cut;
}

int64_t rv_conv_band_rows(const conv_plan *plan, const conv_cut *cut)
{
    return rv_smaller((cut->rows - 1) * plan->axis[0].move + plan->reach, plan->image.frame[0]);
}

/* ---- memory for pieces ---------------------------------------------------------------------- */

bool rv_conv_scratch_begin(conv_scratch *scratch, const char *who, int64_t pieces, size_t bytes)
{
    const int64_t slots = rv_smaller(pieces, rv_threads());
    const size_t unit = RV_ALIGNMENT;
    *scratch = (conv_scratch){.slots = slots, .slot_bytes = (bytes + unit - 1) / unit * unit};
    if (__builtin_mul_overflow(scratch->slot_bytes, (size_t)slots, &scratch->bytes) ||
        __builtin_add_overflow(scratch->bytes, sizeof(int32_t) * (size_t)slots, &scratch->bytes))
        return rv_fail(RV_ERROR_MEMORY, who, "the padded input is more than memory can hold");
    scratch->memory = rv_memory_get(who, scratch->bytes);
    if (scratch->memory == NULL)
        return false;
    scratch->busy = (int32_t *)(void *)(scratch->memory + scratch->slot_bytes * (size_t)slots);
    memset(scratch->busy, 0, sizeof(int32_t) * (size_t)slots);
    return true;
}

void rv_conv_scratch_end(conv_scratch *scratch)
{
    rv_memory_put(scratch->memory, scratch->bytes);
}

/* There is a slot for every thread, so one is free. */
void *rv_conv_scratch_claim(conv_scratch *scratch)
{
    for (int64_t i = 0;; i = (i + 1) % scratch->slots)
        if (!__atomic_exchange_n(&scratch->busy[i], 1, __ATOMIC_ACQUIRE))
            return scratch->memory + scratch->slot_bytes * (size_t)i;
}

void rv_conv_scratch_return(conv_scratch *scratch, void *slot)
{
    const size_t i = (size_t)((char *)slot - scratch->memory) / scratch->slot_bytes;
    __atomic_store_n(&scratch->busy[i], 0, __ATOMIC_RELEASE);
}

void rv_conv_run_piece(const conv_cut *cut, conv_scratch *scratch, int64_t piece,
                       conv_run_unit *run_unit, void *job)
{
    const int64_t first = piece * cut->units_a_piece;
    const int64_t end = rv_smaller(first + cut->units_a_piece, cut->units);
    char *memory = rv_conv_scratch_claim(scratch);
    for (int64_t unit = first; unit < end; unit++)
        run_unit(job, unit, memory);
    rv_conv_scratch_return(scratch, memory);
}
