/* transform_move.c - crops, flips and what becomes of bytes, in one pass over a sample.
 *
 * A crop or a flip moves rows and columns, each for itself. So a chain of them is two lists: where
 * each row of the result comes from, and where each column; they are found by following the chain
 * backward from each place. Then a row of the result is its row of the image, read at the places of
 * the columns. A place outside of the image is one past the row's end, where a zero stands.
 *
 * A byte has 256 values: what conversion to F32 and normalization make of each is computed once, a
 * table for each channel, and reading a row looks the bytes up.
 */

#include <string.h>

#include "core/integers.h"
#include "core/memory.h"
#include "core/transform_plan.h"

#define MOST_TABLES 64

static bool run(const rv_step *step, rv_work *work, const char *from, char *to);

/* ---- planning -------------------------------------------------------------------------------- */

/* Gives a move tables that divide bytes by 255: one for each channel, if there are channels. */
static bool make_tables(rv_step *step, const char *who)
{
    const rv_sample_shape *x = &step->x;
    const bool channels = x->ndim >= 3 && x->shape[0] >= 1 && x->shape[0] <= MOST_TABLES;
    step->groups = channels ? x->shape[0] : 1;
    step->bytes = (size_t)step->groups * RV_BYTE_VALUES * sizeof(float);
    step->numbers = rv_memory_get(who, step->bytes);
    for (int64_t i = 0; step->numbers != NULL && i < step->groups * RV_BYTE_VALUES; i++)
        ((float *)step->numbers)[i] = (float)(i % RV_BYTE_VALUES) / 255.0f;
    return step->numbers != NULL;
}

static rv_step *last_move(rv_plan *plan)
{
    rv_step *step = &plan->step[plan->steps - 1];
    return step->run == run ? step : NULL;
}

static rv_step *add_move(rv_plan *plan)
{
    rv_step *step = rv_plan_step(plan, &plan->x, false);
    step->run = run;
    step->first_move = plan->moves;
    return step;
}

bool rv_plan_read(rv_plan *plan, rv_dtype stored)
{
    rv_step *step = add_move(plan);
    step->stored = stored;
    return stored == plan->x.dtype || make_tables(step, "data_transform");
}

bool rv_plan_to_float(rv_plan *plan, const char *who)
{
    if (plan->x.dtype == RV_F32)
        return true;
    if (plan->x.dtype != RV_U8)
        return rv_fail(RV_ERROR_DTYPE, who, "samples are %s; U8 becomes F32",
                       rv_dtype_name(plan->x.dtype));
    rv_step *step = last_move(plan);
    if (step == NULL)
        step = add_move(plan);
    plan->x.dtype = step->y.dtype = RV_F32;
    return make_tables(step, who);
}

float *rv_plan_tables(rv_plan *plan, int64_t groups, int64_t *numel)
{
    rv_step *step = last_move(plan);
    if (step == NULL || step->numbers == NULL || (groups != 1 && groups != step->groups))
        return NULL;
    step->mapped = true;
    *numel = step->groups * RV_BYTE_VALUES;
    return step->numbers;
}

bool rv_plan_move(rv_plan *plan, const rv_transform *t, int number, int64_t height, int64_t width)
{
    const int rows = plan->x.ndim - 2;
    rv_step *step = last_move(plan);
    if (step == NULL || step->mapped)
        step = add_move(plan);
    const int64_t old_height = plan->x.shape[rows], old_width = plan->x.shape[rows + 1];
    plan->move[plan->moves++] = (rv_move){t, number, old_height, old_width};
    step->moves++;
    plan->x.numel = plan->x.numel / (old_height * old_width) * (height * width);
    plan->x.shape[rows] = height;
    plan->x.shape[rows + 1] = width;
    step->y = plan->x;
    const size_t line = (size_t)(step->x.shape[rows + 1] + 1) * rv_dtype_size(step->stored);
    const size_t places = (size_t)(height + width) * sizeof(int64_t);
    plan->scratch = line + places > plan->scratch ? line + places : plan->scratch;
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The place that pixel i of the result has in what came; -1 if it is a zero. */
static int64_t follow(const rv_axis_map *map, int64_t i)
{
    if (map->reversed)
        return map->size - 1 - i;
    const int64_t at = i + map->start;
    if (at >= 0 && at < map->size)
        return at;
    if (!map->reflect)
        return -1;
    return at < 0 ? -at : 2 * (map->size - 1) - at;
}

/* Where each of the n places of the result's axis (0: rows, 1: columns) comes from; `zero` for one
 * that does not. */
static void find_places(int moves, rv_axis_map maps[][2], int axis, int64_t zero, int64_t n,
                        int64_t *place)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i;
        for (int m = moves - 1; m >= 0 && at >= 0; m--)
            at = follow(&maps[m][axis], at);
        place[i] = at >= 0 ? at : zero;
    }
}

/* Reads a line at n places, elements of `bytes`, which is known when compiling. */
RV_ALWAYS_INLINE void pick(int64_t n, const int64_t *place, const char *line, char *to,
                           size_t bytes)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(to + (size_t)i * bytes, line + (size_t)place[i] * bytes, bytes);
}

static void pick_row(int64_t n, const int64_t *place, const char *line, char *to, size_t bytes)
{
    if (bytes == 1)
        pick(n, place, line, to, 1);
    else if (bytes == 4)
        pick(n, place, line, to, 4);
    else
        pick(n, place, line, to, 8);
}

static void look_up_row(int64_t n, const int64_t *place, const uint8_t *line, const float *table,
                        float *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = table[line[place[i]]];
}

/* All planes of a sample, by the places of rows and columns; the line has room for a row and a
 * zero behind it. */
static void move_planes(const rv_step *step, const int64_t *rows, const int64_t *columns,
                        char *line, const char *from, char *to)
{
    const int axis = step->x.ndim - 2;
    const int64_t old_height = step->x.shape[axis], old_width = step->x.shape[axis + 1];
    const int64_t height = step->y.shape[axis], width = step->y.shape[axis + 1];
    const int64_t planes = step->x.numel / (old_height * old_width);
    const size_t old_bytes = rv_dtype_size(step->stored), bytes = rv_dtype_size(step->y.dtype);
    const size_t row_bytes = (size_t)old_width * old_bytes;
    memset(line + row_bytes, 0, old_bytes);
    for (int64_t p = 0; p < planes; p++) {
        const float *table = step->numbers;
        if (table != NULL)
            table += p / (planes / step->groups) * RV_BYTE_VALUES;
        for (int64_t i = 0; i < height; i++, to += (size_t)width * bytes) {
            if (rows[i] >= 0)
                memcpy(line, from + (size_t)(p * old_height + rows[i]) * row_bytes, row_bytes);
            else
                memset(line, 0, row_bytes);
            if (table != NULL)
                look_up_row(width, columns, (const uint8_t *)line, table, (float *)to);
            else
                pick_row(width, columns, line, to, bytes);
        }
    }
}

/* Without a crop or a flip: all elements in order. */
static void convert(const rv_step *step, const char *from, char *to)
{
    const float *table = step->numbers;
    if (table == NULL) {
        memcpy(to, from, (size_t)step->x.numel * rv_dtype_size(step->stored));
        return;
    }
    const int64_t n = step->x.numel / step->groups;
    for (int64_t g = 0; g < step->groups; g++)
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[g * n + i] =
                table[g * RV_BYTE_VALUES + ((const uint8_t *)from)[g * n + i]];
}

static bool run(const rv_step *step, rv_work *work, const char *from, char *to)
{
    if (step->moves == 0) {
        convert(step, from, to);
        return true;
    }
    rv_axis_map maps[RV_MOST_TRANSFORMS][2];
    for (int m = 0; m < step->moves; m++) {
        const rv_move *move = &work->plan->move[step->first_move + m];
        const rv_transform_class *kind = move->transform->transform_class;
        uint32_t numbers[4] = {0};
        if (kind->random)
            rv_work_numbers(work, move->number, numbers);
        maps[m][0] = (rv_axis_map){.size = move->height};
        maps[m][1] = (rv_axis_map){.size = move->width};
        kind->draw(move, numbers, maps[m]);
    }
    const int64_t height = step->y.shape[step->y.ndim - 2], width = step->y.shape[step->y.ndim - 1];
    int64_t *rows = (int64_t *)work->scratch, *columns = rows + height;
    find_places(step->moves, maps, 0, -1, height, rows);
    find_places(step->moves, maps, 1, step->x.shape[step->x.ndim - 1], width, columns);
    move_planes(step, rows, columns, (char *)(columns + width), from, to);
    return true;
}
