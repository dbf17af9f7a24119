/* norm_of.h - the loops of norm.c for one type: T, its name DTYPE, and LANES of a sum.
 *
 * Private to kernels/; included once for each type, so it has no guard.
 */

#define NAME(name) RV_JOIN(RV_JOIN(RV_KERNEL(name), _), DTYPE)
#define OWN(name) RV_JOIN(RV_JOIN(name, _), DTYPE)

/* The lanes are added as a tree. */
static inline double OWN(total)(T *lane)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return (double)lane[0];
}

/* ---- blocks whose elements have one mean ---------------------------------------------------- */

static inline void OWN(add_elements)(int64_t n, const T *x, T *lane)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (int j = 0; i + j < n; j++)
        lane[j] += x[i + j];
}

static inline void OWN(add_deviations)(int64_t n, const T *x, T center, T *lane, T *square)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const T d = x[i + j] - center;
            lane[j] += d;
            square[j] += d * d;
        }
    for (int j = 0; i + j < n; j++) {
        const T d = x[i + j] - center;
        lane[j] += d;
        square[j] += d * d;
    }
}

/* A first sum gives a center near the mean; sums of what differs from that are exact enough to say
 * how far it is from the mean, and the variance, whatever the mean is. */
static inline void OWN(moments)(int64_t lines, int64_t n, int64_t stride, const T *x,
                                double moments[2])
{
    const double count = (double)(lines * n);
    T lane[LANES] = {0}, deviation[LANES] = {0}, square[LANES] = {0};
    for (int64_t line = 0; line < lines; line++)
        OWN(add_elements)(n, x + line * stride, lane);
    const T center = (T)(OWN(total)(lane) / count);
    for (int64_t line = 0; line < lines; line++)
        OWN(add_deviations)(n, x + line * stride, center, deviation, square);
    double sum = OWN(total)(deviation), squares = OWN(total)(square);
    if (!isfinite(squares)) { /* too large for T, or no numbers at all */
        sum = squares = 0;
        for (int64_t line = 0; line < lines; line++)
            for (int64_t i = 0; i < n; i++) {
                const double d = (double)x[line * stride + i] - (double)center;
                sum += d;
                squares += d * d;
            }
    }
    const double rest = squares - sum * sum / count;
    moments[0] = (double)center + sum / count;
    moments[1] = rest < 0 ? 0 : rest;
}

void NAME(norm_moments)(const rv_norm_block *block, const void *x, double moments[2])
{
    OWN(moments)(block->lines, block->n, block->stride, x, moments);
}

/* One line's part of the first two sums, and of the other three. */
static inline void OWN(add_products)(int64_t n, const T *g, const T *x, T center, T *sum, T *along)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            sum[j] += g[i + j];
            along[j] += g[i + j] * (x[i + j] - center);
        }
    for (int j = 0; i + j < n; j++) {
        sum[j] += g[i + j];
        along[j] += g[i + j] * (x[i + j] - center);
    }
}

static inline void OWN(add_product)(int64_t n, const T *g, const T *a, T *lane)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += a[i + j] * g[i + j];
    for (int j = 0; i + j < n; j++)
        lane[j] += a[i + j] * g[i + j];
}

void NAME(norm_products)(const rv_norm_block *block, const void *g, const void *a, const void *x,
                         double center, double *sums)
{
    T lane[5][LANES] = {{0}};
    for (int64_t line = 0; line < block->lines; line++) {
        const int64_t skipped = line * block->stride;
        const T *const gs = (const T *)g + skipped, *const xs = (const T *)x + skipped;
        OWN(add_products)(block->n, gs, xs, (T)center, lane[0], lane[1]);
        if (a == NULL)
            continue;
        const T *const as = (const T *)a + skipped;
        OWN(add_products)(block->n, as, xs, (T)center, lane[2], lane[3]);
        OWN(add_product)(block->n, gs, as, lane[4]);
    }
    for (int i = 0; i < (a != NULL ? 5 : 2); i++)
        sums[i] = OWN(total)(lane[i]);
}

/* ---- blocks of rows, where each column has its mean ----------------------------------------- */

void NAME(norm_moments_columns)(int64_t rows, int64_t width, const void *x, double *moments)
{
    for (int64_t start = 0; start < width; start += COLUMNS) {
        const int64_t columns = width - start < COLUMNS ? width - start : COLUMNS;
        const T *const from = (const T *)x + start;
        double sum[COLUMNS] = {0}, squares[COLUMNS] = {0};
        T center[COLUMNS];
        NAME(sum_rows)(rows, columns, (const char *)from, width * (int64_t)sizeof(T), sum);
        for (int64_t j = 0; j < columns; j++) {
            center[j] = (T)(sum[j] / (double)rows);
            sum[j] = 0;
        }
        for (int64_t first = 0; first < rows; first += ROWS) {
            T deviation[COLUMNS] = {0}, square[COLUMNS] = {0};
            for (int64_t i = first; i < rows && i < first + ROWS; i++) {
                const T *const row = from + i * width;
                for (int64_t j = 0; j < columns; j++) {
                    const T d = row[j] - center[j];
                    deviation[j] += d;
                    square[j] += d * d;
                }
            }
            for (int64_t j = 0; j < columns; j++) {
                sum[j] += (double)deviation[j];
                squares[j] += (double)square[j];
            }
        }
        for (int64_t j = 0; j < columns; j++) {
            double *const into = moments + 2 * (start + j);
            if (!isfinite(squares[j])) {
                OWN(moments)(rows, 1, width, from + j, into);
                continue;
            }
            const double rest = squares[j] - sum[j] * sum[j] / (double)rows;
            into[0] = (double)center[j] + sum[j] / (double)rows;
            into[1] = rest < 0 ? 0 : rest;
        }
    }
}

static inline void OWN(products_of_columns)(int64_t rows, int64_t width, int64_t columns,
                                            const T *g, const T *a, const T *x, const T *center,
                                            double total[5][COLUMNS])
{
    for (int64_t first = 0; first < rows; first += ROWS) {
        T part[5][COLUMNS] = {{0}};
        for (int64_t i = first; i < rows && i < first + ROWS; i++) {
            const T *const gs = g + i * width, *const xs = x + i * width;
            for (int64_t j = 0; j < columns; j++) {
                part[0][j] += gs[j];
                part[1][j] += gs[j] * (xs[j] - center[j]);
            }
            const T *const as = a + i * width;
            for (int64_t j = 0; a != NULL && j < columns; j++) {
                part[2][j] += as[j];
                part[3][j] += as[j] * (xs[j] - center[j]);
                part[4][j] += as[j] * gs[j];
            }
        }
        for (int i = 0; i < 5; i++)
            for (int64_t j = 0; j < columns; j++)
                total[i][j] += (double)part[i][j];
    }
}

void NAME(norm_products_columns)(int64_t rows, int64_t width, const void *g, const void *a,
                                 const void *x, const void *center, double *sums)
{
    const int count = a != NULL ? 5 : 2;
    for (int64_t start = 0; start < width; start += COLUMNS) {
        const int64_t columns = width - start < COLUMNS ? width - start : COLUMNS;
        double total[5][COLUMNS] = {{0}};
        OWN(products_of_columns)
        (rows, width, columns, (const T *)g + start, a ? (const T *)a + start : NULL,
         (const T *)x + start, (const T *)center + start, total);
        for (int64_t j = 0; j < columns; j++)
            for (int i = 0; i < count; i++)
                sums[(start + j) * count + i] = total[i][j];
    }
}

/* ---- sums of terms with a coefficient for each channel --------------------------------------- */

/* How the terms that there are combine; C(k) is the coefficient of term k for element j. */
#define COMBINE_TERMS(C)                                                                         \
    do {                                                                                         \
        if (a != NULL) {                                                                         \
            RV_INDEPENDENT for (int64_t j = 0; j < n; j++) out[j] =                              \
                (C(0) * g[j] + C(1) * a[j]) + (C(2) * (x[j] - C(4)) + C(3));                     \
        } else if (g != NULL) {                                                                  \
            RV_INDEPENDENT for (int64_t j = 0; j < n; j++) out[j] =                              \
                C(0) * g[j] + (C(2) * (x[j] - C(4)) + C(3));                                     \
        } else {                                                                                 \
            RV_INDEPENDENT for (int64_t j = 0; j < n; j++) out[j] = C(2) * (x[j] - C(4)) + C(3); \
        }                                                                                        \
    } while (0)

static inline void OWN(combine_line)(int64_t n, const T *g, const T *a, const T *x, const T k[5],
                                     T *out)
{
#define SCALAR(i) k[i]
    COMBINE_TERMS(SCALAR);
#undef SCALAR
}

void NAME(norm_combine)(int64_t first, int64_t lines, int64_t n, const rv_norm_terms *t)
{
    const T *const coefficient = t->coefficients;
    for (int64_t line = first; line < first + lines; line++) {
        const int64_t skipped = line * n, channel = line % t->channels;
        T k[5];
        for (int i = 0; i < 5; i++)
            k[i] = coefficient[i * t->channels + channel];
        OWN(combine_line)
        (n, t->g ? (const T *)t->g + skipped : NULL, t->a ? (const T *)t->a + skipped : NULL,
         (const T *)t->x + skipped, k, (T *)t->out + skipped);
    }
}

void NAME(norm_combine_columns)(int64_t first, int64_t rows, const rv_norm_terms *t)
{
    const int64_t n = t->channels;
    const T *const k0 = t->coefficients, *const k1 = k0 + n, *const k2 = k1 + n, *const k3 = k2 + n,
                   *const k4 = k3 + n;
    for (int64_t row = first; row < first + rows; row++) {
        const T *const g = t->g ? (const T *)t->g + row * n : NULL;
        const T *const a = t->a ? (const T *)t->a + row * n : NULL;
        const T *const x = (const T *)t->x + row * n;
        T *const out = (T *)t->out + row * n;
#define VECTOR(i) k##i[j]
        COMBINE_TERMS(VECTOR);
#undef VECTOR
    }
}

#undef COMBINE_TERMS

/* ---- rows, each normalized by itself --------------------------------------------------------- */

/* Mean and variance of a row, block by block (Chan, Golub, LeVeque 1979). */
static void OWN(long_row_moments)(int64_t n, const T *x, double *mean, double *variance)
{
    double total_mean = 0, total = 0;
    for (int64_t start = 0; start < n; start += BLOCK) {
        const int64_t count = n - start < BLOCK ? n - start : BLOCK;
        double own[2];
        OWN(moments)(1, count, 0, x + start, own);
        const double by = own[0] - total_mean, part = (double)count / (double)(start + count);
        total_mean += by * part;
        total += own[1] + by * by * (double)start * part;
    }
    *mean = total_mean;
    *variance = total / (double)n;
}

/* The same of some rows. Short ones take each step together, so that one row's sums do not wait for
 * another's. */
static inline void OWN(row_moments)(int64_t rows, int64_t n, const T *x, double *mean,
                                    double *variance)
{
    T center[ROWS];
    for (int64_t row = 0; row < rows && n <= BLOCK; row++) {
        T lane[LANES] = {0};
        OWN(add_elements)(n, x + row * n, lane);
        center[row] = (T)(OWN(total)(lane) / (double)n);
    }
    for (int64_t row = 0; row < rows && n <= BLOCK; row++) {
        T deviation[LANES] = {0}, square[LANES] = {0};
        OWN(add_deviations)(n, x + row * n, center[row], deviation, square);
        const double by = OWN(total)(deviation) / (double)n;
        mean[row] = (double)center[row] + by;
        variance[row] = OWN(total)(square) / (double)n - by * by;
    }
    for (int64_t row = 0; row < rows; row++)
        if (n > BLOCK || !(variance[row] >= 0 && isfinite(variance[row])))
            OWN(long_row_moments)(n, x + row * n, &mean[row], &variance[row]);
}

#define AFFINE_ROW(result) RV_INDEPENDENT for (int64_t j = 0; j < n; j++) y[j] = (result)

static inline void OWN(affine_row)(int64_t row, int64_t n, const rv_norm_rows *t)
{
    const T *const w = t->weight, *const b = t->bias, *const x = (const T *)t->x + row * n;
    T *const y = (T *)t->y + row * n;
    const double mean = t->mean[row], scale = t->scale[row];
    const T center = (T)mean, by = (T)scale, rest = (T)(((double)center - mean) * scale);
    if (w == NULL && b == NULL)
        AFFINE_ROW((x[j] - center) * by + rest);
    else if (b == NULL)
        AFFINE_ROW(((x[j] - center) * by + rest) * w[j]);
    else if (w == NULL)
        AFFINE_ROW(((x[j] - center) * by + rest) + b[j]);
    else
        AFFINE_ROW(((x[j] - center) * by + rest) * w[j] + b[j]);
}

void NAME(norm_rows)(int64_t rows, int64_t n, const rv_norm_rows *t)
{
    for (int64_t first = 0; first < rows; first += ROWS) {
        const int64_t end = rows - first < ROWS ? rows : first + ROWS;
        double variance[ROWS];
        OWN(row_moments)(end - first, n, (const T *)t->x + first * n, t->mean + first, variance);
        for (int64_t row = first; row < end; row++) {
            const double mean = t->mean[row], of_row = variance[row - first];
            t->mean[row] = t->centered ? mean : 0;
            t->scale[row] = 1 / sqrt((t->centered ? of_row : of_row + mean * mean) + t->eps);
        }
        for (int64_t row = first; row < end; row++)
            OWN(affine_row)(row, n, t);
    }
}

/* Adds a part of a row to the lanes of the sums of v and v*(x - center), v being g*w. */
static inline void OWN(add_weighted)(int64_t n, const T *g, const T *w, const T *x, T center,
                                     T *sum, T *along)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const T v = g[i + j] * w[i + j];
            sum[j] += v;
            along[j] += v * (x[i + j] - center);
        }
    for (int j = 0; i + j < n; j++) {
        const T v = g[i + j] * w[i + j];
        sum[j] += v;
        along[j] += v * (x[i + j] - center);
    }
}

static inline void OWN(row_products)(int64_t n, const T *g, const T *w, const T *x, T center,
                                     double sums[2])
{
    sums[0] = sums[1] = 0;
    for (int64_t start = 0; start < n; start += BLOCK) {
        const int64_t count = n - start < BLOCK ? n - start : BLOCK;
        T sum[LANES] = {0}, along[LANES] = {0};
        if (w == NULL)
            OWN(add_products)(count, g + start, x + start, center, sum, along);
        else
            OWN(add_weighted)(count, g + start, w + start, x + start, center, sum, along);
        sums[0] += OWN(total)(sum);
        sums[1] += OWN(total)(along);
    }
}

static inline void OWN(row_grad)(int64_t row, int64_t n, const double sums[2],
                                 const rv_norm_rows *t)
{
    const T *const g = (const T *)t->g + row * n, *const x = (const T *)t->x + row * n;
    const T *const w = t->weight;
    T *const y = (T *)t->y + row * n;
    const double scale = t->scale[row];
    const T center = (T)t->mean[row];
    const double low = (double)center - t->mean[row]; /* x - mean is x - center + low */
    const double along = scale * scale * scale * (sums[1] + low * sums[0]) / (double)n;
    const double mean = t->centered ? scale * sums[0] / (double)n : 0;
    const T of_g = (T)scale, of_x = (T)-along, rest = (T)(-mean - along * low);
    if (w == NULL)
        AFFINE_ROW(of_g * g[j] + (of_x * (x[j] - center) + rest));
    else
        AFFINE_ROW(of_g * (g[j] * w[j]) + (of_x * (x[j] - center) + rest));
}

#undef AFFINE_ROW

/* Adds up g and g*xhat of a few columns of some rows; numbers are center, scale and rest of each
 * row, xhat being (x - center)*scale + rest. */
static inline void OWN(add_columns)(int64_t rows, int64_t n, int columns, const T *g, const T *x,
                                    T (*numbers)[3], double *of_weight, double *of_bias)
{
    T weight[LANES] = {0}, bias[LANES] = {0};
    for (int64_t row = 0; row < rows; row++) {
        const T *const gs = g + row * n, *const xs = x + row * n;
        const T center = numbers[row][0], scale = numbers[row][1], rest = numbers[row][2];
        for (int j = 0; j < columns; j++) {
            weight[j] += gs[j] * ((xs[j] - center) * scale + rest);
            bias[j] += gs[j];
        }
    }
    for (int j = 0; j < columns; j++) {
        of_weight[j] += (double)weight[j];
        of_bias[j] += (double)bias[j];
    }
}

static inline void OWN(add_rows)(int64_t first, int64_t rows, int64_t n, const rv_norm_rows *t)
{
    const T *const g = (const T *)t->g + first * n, *const x = (const T *)t->x + first * n;
    T numbers[ROWS][3];
    for (int64_t row = 0; row < rows; row++) {
        const double mean = t->mean[first + row], scale = t->scale[first + row];
        numbers[row][0] = (T)mean;
        numbers[row][1] = (T)scale;
        numbers[row][2] = (T)(((double)(T)mean - mean) * scale);
    }
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        OWN(add_columns)(rows, n, LANES, g + j, x + j, numbers, t->of_weight + j, t->of_bias + j);
    OWN(add_columns)
    (rows, n, (int)(n - j), g + j, x + j, numbers, t->of_weight + j, t->of_bias + j);
}

void NAME(norm_rows_grad)(int64_t rows, int64_t n, const rv_norm_rows *t)
{
    for (int64_t first = 0; first < rows; first += ROWS) {
        const int64_t end = rows - first < ROWS ? rows : first + ROWS;
        double sums[ROWS][2];
        for (int64_t row = first; row < end; row++)
            OWN(row_products)
        (n, (const T *)t->g + row * n, t->weight, (const T *)t->x + row * n, (T)t->mean[row],
         sums[row - first]);
        for (int64_t row = first; row < end; row++)
            OWN(row_grad)(row, n, sums[row - first], t);
        if (t->of_weight != NULL)
            OWN(add_rows)(first, end - first, n, t);
    }
}

#undef NAME
#undef OWN
#undef T
#undef DTYPE
#undef LANES
