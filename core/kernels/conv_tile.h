/* conv_tile.h - conv.c's functions for one element type T (TYPE) and one width of blocks (WIDE).
 * Private to kernels/.
 *
 * Included once for each; so it has no guard.
 */

#if WIDE
#define NAME(name) RV_JOIN(RV_JOIN(name##_wide, _), TYPE)
#define KERNEL(name) RV_KERNEL_NAMED(RV_JOIN(RV_JOIN(name##_wide, _), TYPE))
#define WIDTH_BYTES RV_CONV_WIDE_BYTES
#define MOST_ROWS MOST_ROWS_WIDE
#else
#define NAME(name) RV_JOIN(RV_JOIN(name##_narrow, _), TYPE)
#define KERNEL(name) RV_KERNEL_NAMED(RV_JOIN(RV_JOIN(name##_narrow, _), TYPE))
#define WIDTH_BYTES RV_CONV_NARROW_BYTES
#define MOST_ROWS MOST_ROWS_NARROW
#endif
#define RV_KERNEL_NAMED(name) RV_JOIN(RV_JOIN(RV_JOIN(rv_, RV_ISA), _), name)
#define WIDTH ((int)(WIDTH_BYTES / sizeof(T)))
#define VECTORS (WIDTH_BYTES / VECTOR_OF(WIDTH_BYTES))
#define LANES ((int)(VECTOR_OF(WIDTH_BYTES) / sizeof(T)))
#define vector NAME(vector)

RV_VECTOR(vector, T, VECTOR_OF(WIDTH_BYTES));

RV_ALWAYS_INLINE vector NAME(load)(const T *from)
{
    return *(const vector *)(const void *)from;
}

/* `rows` pixels of a line; a constant, so that the sums are registers. */
RV_ALWAYS_INLINE void NAME(line_tile)(const int rows, const rv_conv_line *line, const T *image,
                                      T *out)
{
    vector sums[MOST_ROWS][VECTORS];
    RV_UNROLL for (int i = 0; i < rows; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
        sums[i][j] =
            line->start != NULL ? NAME(load)((const T *)line->start + j * LANES) : (vector){0};
    const T *weights = line->weights;
    const int64_t step = line->image_step;
    for (int w = 0; w < line->windows.count; w++) {
        /* Three rows to a pointer: with the step and its double as index. */
        const T *window[(MOST_ROWS + 2) / 3];
        RV_UNROLL for (int i = 0; i < rows; i += 3) window[i / 3] =
            image + line->windows.offsets[w] + i * step;
        for (int64_t left = line->windows.lengths[w]; left > 0; left--) {
            vector row[VECTORS];
            RV_UNROLL for (int j = 0; j < VECTORS; j++) row[j] = NAME(load)(weights + j * LANES);
            RV_UNROLL for (int i = 0; i < rows; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
                sums[i][j] += window[i / 3][i % 3 * step] * row[j];
            weights += WIDTH;
            RV_UNROLL for (int i = 0; i < rows; i += 3) window[i / 3]++;
        }
    }
    if (line->channels == WIDTH) {
        RV_UNROLL for (int i = 0; i < rows; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) *
            (vector *)(void *)(out + i * line->out_step + j * LANES) = sums[i][j];
        return;
    }
    T whole[MOST_ROWS * WIDTH];
    RV_UNROLL for (int i = 0; i < rows; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) *
        (vector *)(void *)(whole + i * WIDTH + j * LANES) = sums[i][j];
    for (int i = 0; i < rows; i++)
        memcpy(out + i * line->out_step, whole + i * WIDTH, (size_t)line->channels * sizeof(T));
}

RV_ALWAYS_INLINE void NAME(add_pixel)(const int n, vector sums[][VECTORS], const T *image,
                                      const T *g)
{
    vector row[VECTORS];
    RV_UNROLL for (int j = 0; j < VECTORS; j++) row[j] = NAME(load)(g + j * LANES);
    RV_UNROLL for (int i = 0; i < n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) sums[i][j] +=
        image[i] * row[j];
}

/* The n elements of a window from `first` on. If there are few, pixels take turns between two sets
 * of sums, as one addition to a sum has to wait for the one before. */
RV_ALWAYS_INLINE void NAME(outer_tile)(const int n, const rv_conv_outer *outer, int64_t first)
{
    const int sets = 2 * n <= MOST_ROWS ? 2 : 1;
    vector sums[MOST_ROWS][VECTORS];
    RV_UNROLL for (int i = 0; i < sets * n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
        sums[i][j] = (vector){0};
    for (int64_t y = 0; y < outer->rows; y++) {
        const T *image = (const T *)outer->image + y * outer->image_row + first;
        const T *g = (const T *)outer->g + y * outer->g_row;
        int64_t left = outer->columns;
        for (; left >= sets; left -= sets) {
            RV_UNROLL for (int set = 0; set < sets; set++)
            {
                NAME(add_pixel)(n, sums + set * n, image, g);
                image += outer->image_column;
                g += outer->g_column;
            }
        }
        if (left > 0)
            NAME(add_pixel)(n, sums, image, g);
    }
    RV_UNROLL for (int i = n; i < sets * n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
        sums[i - n][j] += sums[i][j];
    T *const into = (T *)outer->into + first * WIDTH;
    RV_UNROLL for (int i = 0; i < n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) *
        (vector *)(void *)(into + i * WIDTH + j * LANES) += sums[i][j];
}

/* `columns` pixels of a row, each times its tap's weights, channel by channel. */
RV_ALWAYS_INLINE void NAME(depthwise_tile)(const int columns, const rv_conv_lanes *d,
                                           const T *image, T *out)
{
    vector sums[MOST_ROWS][VECTORS];
    RV_UNROLL for (int i = 0; i < columns; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
        sums[i][j] = d->start != NULL ? NAME(load)((const T *)d->start + j * LANES) : (vector){0};
    const T *weights = d->weights;
    const int64_t step = d->image_column;
    for (int64_t tap = 0; tap < d->taps; tap++, weights += WIDTH) {
        const T *const pixel = image + d->offsets[tap];
        vector weight[VECTORS];
        RV_UNROLL for (int j = 0; j < VECTORS; j++) weight[j] = NAME(load)(weights + j * LANES);
        RV_UNROLL for (int i = 0; i < columns; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
            sums[i][j] += NAME(load)(pixel + i * step + j * LANES) * weight[j];
    }
    RV_UNROLL for (int i = 0; i < columns; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) *
        (vector *)(void *)(out + i * d->grid_column + j * LANES) = sums[i][j];
}

/* The sums of n taps, from `first` on, over the whole grid. */
RV_ALWAYS_INLINE void NAME(depthwise_outer_tile)(const int n, const rv_conv_lanes *d, int64_t first)
{
    const int64_t *const offsets = d->offsets + first;
    vector sums[MOST_ROWS][VECTORS];
    RV_UNROLL for (int i = 0; i < n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) sums[i][j] =
        (vector){0};
    for (int64_t y = 0; y < d->rows; y++) {
        const T *image = (const T *)d->image + y * d->image_row;
        const T *g = (const T *)d->grid + y * d->grid_row;
        for (int64_t x = 0; x < d->columns; x++) {
            vector row[VECTORS];
            RV_UNROLL for (int j = 0; j < VECTORS; j++) row[j] = NAME(load)(g + j * LANES);
            RV_UNROLL for (int i = 0; i < n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++)
                sums[i][j] += NAME(load)(image + offsets[i] + j * LANES) * row[j];
            image += d->image_column;
            g += d->grid_column;
        }
    }
    T *const into = (T *)d->weights + first * WIDTH;
    RV_UNROLL for (int i = 0; i < n; i++) RV_UNROLL for (int j = 0; j < VECTORS; j++) *
        (vector *)(void *)(into + i * WIDTH + j * LANES) += sums[i][j];
}

/* Calls tile(rows, ...) with a constant. */
#define WITH_CONSTANT(rows, tile, ...)      \
    switch (rows) {                         \
    case 1: tile(1, __VA_ARGS__); break;    \
    case 2: tile(2, __VA_ARGS__); break;    \
    case 3: tile(3, __VA_ARGS__); break;    \
    case 4: tile(4, __VA_ARGS__); break;    \
    case 5: tile(5, __VA_ARGS__); break;    \
    case 6:                                 \
        tile(6, __VA_ARGS__);               \
        break;                              \
        LARGER_CONSTANTS(tile, __VA_ARGS__) \
    }
#define CONSTANTS_TO_12(tile, ...)         \
    case 7: tile(7, __VA_ARGS__); break;   \
    case 8: tile(8, __VA_ARGS__); break;   \
    case 9: tile(9, __VA_ARGS__); break;   \
    case 10: tile(10, __VA_ARGS__); break; \
    case 11: tile(11, __VA_ARGS__); break; \
    case 12:                               \
        tile(12, __VA_ARGS__);             \
        break;
#if WIDE && RV_VECTOR_BYTES < 64
#define LARGER_CONSTANTS(tile, ...)
#else
#define LARGER_CONSTANTS CONSTANTS_TO_12
#endif

/* What is left, in tiles of nearly one size: the first of them. */
static inline int NAME(tile_rows)(int64_t left)
{
    const int64_t tiles = (left + MOST_ROWS - 1) / MOST_ROWS;
    return (int)((left + tiles - 1) / tiles);
}

void KERNEL(conv_line)(const rv_conv_line *line)
{
    const T *image = line->image;
    T *out = line->out;
    for (int64_t left = line->pixels; left > 0;) {
        const int rows = NAME(tile_rows)(left);
        WITH_CONSTANT(rows, NAME(line_tile), line, image, out)
        image += rows * line->image_step;
        out += rows * line->out_step;
        left -= rows;
    }
}

void KERNEL(conv_outer)(const rv_conv_outer *outer)
{
    for (int64_t first = 0; first < outer->n;) {
        const int n = NAME(tile_rows)(outer->n - first);
        WITH_CONSTANT(n, NAME(outer_tile), outer, first)
        first += n;
    }
}

void KERNEL(conv_depthwise)(const rv_conv_lanes *d)
{
    for (int64_t y = 0; y < d->rows; y++) {
        const T *image = (const T *)d->image + y * d->image_row;
        T *out = (T *)d->grid + y * d->grid_row;
        for (int64_t left = d->columns; left > 0;) {
            const int columns = NAME(tile_rows)(left);
            WITH_CONSTANT(columns, NAME(depthwise_tile), d, image, out)
            image += columns * d->image_column;
            out += columns * d->grid_column;
            left -= columns;
        }
    }
}

void KERNEL(conv_depthwise_outer)(const rv_conv_lanes *d)
{
    for (int64_t first = 0; first < d->taps;) {
        const int n = NAME(tile_rows)(d->taps - first);
        WITH_CONSTANT(n, NAME(depthwise_outer_tile), d, first)
        first += n;
    }
}

#undef NAME
#undef KERNEL
#undef RV_KERNEL_NAMED
#undef WIDTH_BYTES
#undef MOST_ROWS
#undef WIDTH
#undef VECTORS
#undef LANES
#undef vector
#undef WITH_CONSTANT
#undef CONSTANTS_TO_12
#undef LARGER_CONSTANTS
