/* pool_of.h - the loops of pool.c for one type: T, its name DTYPE, and I, an integer of T's size.
 * Private to kernels/; included once for each type, so it has no guard.
 */

#define NAME(name) RV_JOIN(RV_JOIN(RV_KERNEL(name), _), DTYPE)
#define OWN(name) RV_JOIN(RV_JOIN(name, _), DTYPE)

/* ---- max_pool ------------------------------------------------------------------------------- */

/* Whether v takes the place of the best so far: it is larger, or NaN, or the first of its window.
 */
#define TAKES(v, best, place) (((v) > (best)) | ((v) != (v)) | ((place) < 0))

/* One element of the window over a line of outputs, its inputs being `step` apart. */
static inline void OWN(take_line)(int64_t n, const T *x, int64_t step, I own, T *best, I *place)
{
    RV_INDEPENDENT for (int64_t o = 0; o < n; o++)
    {
        const T v = x[o * step], b = best[o];
        const I p = place[o];
        const bool takes = TAKES(v, b, p);
        best[o] = takes ? v : b;
        place[o] = takes ? own : p;
    }
}

static inline void OWN(put_places)(int64_t n, const I *place, bool wide, void *places, int64_t at)
{
    if (wide)
        for (int64_t o = 0; o < n; o++)
            ((int64_t *)places)[at + o] = place[o];
    else
        for (int64_t o = 0; o < n; o++)
            ((uint8_t *)places)[at + o] = (uint8_t)place[o];
}

/* Some outputs [from, from + n) of a row whose inputs are the rows x of a plane. */
static inline void OWN(pool_part)(const rv_pool *p, int64_t row, int64_t from, int64_t n,
                                  const T *plane, T *best, I *place)
{
    for (int64_t o = 0; o < n; o++) {
        best[o] = -(T)INFINITY;
        place[o] = -1;
    }
    for (int64_t i = 0; i < p->kernel[0]; i++) {
        const int64_t h = row * p->stride[0] - p->padding[0] + i * p->dilation[0];
        if (h < 0 || h >= p->in[0])
            continue;
        for (int64_t j = 0; j < p->kernel[1]; j++) {
            const int64_t step = p->stride[1], w = j * p->dilation[1] - p->padding[1];
            int64_t begin = w < 0 ? (-w + step - 1) / step : 0;
            int64_t end = p->in[1] - 1 - w >= 0 ? (p->in[1] - 1 - w) / step + 1 : 0;
            begin = begin > from ? begin : from;
            end = end < from + n ? end : from + n;
            if (begin >= end)
                continue;
            const T *const x = plane + h * p->in[1] + begin * step + w;
            const I own = (I)(i * p->kernel[1] + j);
            T *const b = best + (begin - from);
            I *const at = place + (begin - from);
            if (step == 1)
                OWN(take_line)(end - begin, x, 1, own, b, at);
            else if (step == 2)
                OWN(take_line)(end - begin, x, 2, own, b, at);
            else
                OWN(take_line)(end - begin, x, step, own, b, at);
        }
    }
}

/* Windows of 2 by 2 that meet but do not overlap, which is what most networks have. Neighbouring
 * outputs have their inputs `step` apart: 2, or 1 for channels that lie side by side. */
static inline void OWN(pool_quads)(int64_t n, int64_t step, const T *as, const T *bs, const T *cs,
                                   const T *ds, T *y, uint8_t *places)
{
    for (int64_t from = 0; from < n; from += LINE) {
        const int64_t count = n - from < LINE ? n - from : LINE;
        I place[LINE];
        RV_INDEPENDENT for (int64_t o = 0; o < count; o++)
        {
            const int64_t at = (from + o) * step;
            const T a = as[at], b = bs[at], c = cs[at], d = ds[at];
            const bool is_b = (b > a) | (b != b);
            T best = is_b ? b : a;
            I own = is_b ? 1 : 0;
            const bool is_c = (c > best) | (c != c);
            best = is_c ? c : best;
            own = is_c ? 2 : own;
            const bool is_d = (d > best) | (d != d);
            y[from + o] = is_d ? d : best;
            place[o] = is_d ? 3 : own;
        }
        for (int64_t o = 0; o < count; o++)
            places[from + o] = (uint8_t)place[o];
    }
}

/* Short lines cost more than what is in them. So the inputs of many are collected in four lines,
 * one for each place in the windows, that are long. `lines` is that of some rows of outputs. */
static inline void OWN(collect_quads)(const rv_pool *p, int64_t rows, const T *x, T (*lines)[LINE])
{
    const int64_t inner = p->inner, n = p->out[1], width = p->in[1] * inner;
    int64_t at = 0;
    for (int64_t row = 0; row < rows; row++) {
        const T *const above = x + 2 * row * width, *const below = above + width;
        for (int64_t o = 0; o < n && inner == 1; o++, at++) {
            lines[0][at] = above[2 * o];
            lines[1][at] = above[2 * o + 1];
            lines[2][at] = below[2 * o];
            lines[3][at] = below[2 * o + 1];
        }
        for (int64_t o = 0; o < n && inner > 1; o++, at += inner)
            for (int64_t c = 0; c < inner; c++) {
                lines[0][at + c] = above[2 * o * inner + c];
                lines[1][at + c] = above[2 * o * inner + inner + c];
                lines[2][at + c] = below[2 * o * inner + c];
                lines[3][at + c] = below[2 * o * inner + inner + c];
            }
    }
}

/* The way back. */
static inline void OWN(scatter_quads)(const rv_pool *p, int64_t rows, T (*lines)[LINE], T *x)
{
    const int64_t inner = p->inner, n = p->out[1], width = p->in[1] * inner;
    int64_t at = 0;
    for (int64_t row = 0; row < rows; row++) {
        T *const above = x + 2 * row * width, *const below = above + width;
        for (int64_t o = 0; o < n && inner == 1; o++, at++) {
            above[2 * o] = lines[0][at];
            above[2 * o + 1] = lines[1][at];
            below[2 * o] = lines[2][at];
            below[2 * o + 1] = lines[3][at];
        }
        for (int64_t o = 0; o < n && inner > 1; o++, at += inner)
            for (int64_t c = 0; c < inner; c++) {
                above[2 * o * inner + c] = lines[0][at + c];
                above[2 * o * inner + inner + c] = lines[1][at + c];
                below[2 * o * inner + c] = lines[2][at + c];
                below[2 * o * inner + inner + c] = lines[3][at + c];
            }
    }
}

/* How many rows of outputs are collected at once; 0: their lines are long enough as they are. */
static inline int64_t OWN(rows_together)(const rv_pool *p)
{
    const bool is_short = p->inner > 1 ? p->inner < SHORT_PIXEL : p->out[1] < SHORT_ROW;
    return is_short ? LINE / (p->out[1] * p->inner) : 0;
}

static inline void OWN(pool_plane_of_quads)(const rv_pool *p, const T *x, T *y, uint8_t *places)
{
    const int64_t inner = p->inner, n = p->out[1], width = p->in[1] * inner;
    const int64_t together = OWN(rows_together)(p);
    for (int64_t row = 0, rows; row < p->out[0]; row += rows) {
        const T *const u = x + 2 * row * width, *const v = u + width;
        const int64_t at = row * n * inner;
        rows = 1;
        if (together > 0) {
            T lines[4][LINE];
            rows = p->out[0] - row < together ? p->out[0] - row : together;
            OWN(collect_quads)(p, rows, u, lines);
            OWN(pool_quads)
            (rows * n * inner, 1, lines[0], lines[1], lines[2], lines[3], y + at, places + at);
        } else if (inner == 1) {
            OWN(pool_quads)(n, 2, u, u + 1, v, v + 1, y + at, places + at);
        } else {
            for (int64_t o = 0; o < n; o++)
                OWN(pool_quads)
            (inner, 1, u + 2 * o * inner, u + (2 * o + 1) * inner, v + 2 * o * inner,
             v + (2 * o + 1) * inner, y + at + o * inner, places + at + o * inner);
        }
    }
}

/* The outputs of one pixel, all channels, that lie side by side. */
static inline void OWN(pool_pixel)(const rv_pool *p, int64_t row, int64_t column, const T *plane,
                                   T *y, void *places, int64_t first)
{
    for (int64_t from = 0; from < p->inner; from += LINE) {
        const int64_t n = p->inner - from < LINE ? p->inner - from : LINE;
        I place[LINE];
        for (int64_t c = 0; c < n; c++) {
            y[from + c] = -(T)INFINITY;
            place[c] = -1;
        }
        for (int64_t i = 0; i < p->kernel[0]; i++) {
            const int64_t h = row * p->stride[0] - p->padding[0] + i * p->dilation[0];
            for (int64_t j = 0; j < p->kernel[1]; j++) {
                const int64_t w = column * p->stride[1] - p->padding[1] + j * p->dilation[1];
                if (h >= 0 && h < p->in[0] && w >= 0 && w < p->in[1])
                    OWN(take_line)
                (n, plane + (h * p->in[1] + w) * p->inner + from, 1, (I)(i * p->kernel[1] + j),
                 y + from, place);
            }
        }
        OWN(put_places)(n, place, p->wide, places, first + from);
    }
}

static inline void OWN(pool_row)(const rv_pool *p, int64_t row, const T *plane, T *y, void *places,
                                 int64_t first)
{
    const int64_t n = p->out[1];
    if (p->inner > 1) {
        for (int64_t o = 0; o < n; o++)
            OWN(pool_pixel)(p, row, o, plane, y + o * p->inner, places, first + o * p->inner);
        return;
    }
    for (int64_t from = 0; from < n; from += LINE) {
        const int64_t count = n - from < LINE ? n - from : LINE;
        I place[LINE];
        OWN(pool_part)(p, row, from, count, plane, y + from, place);
        OWN(put_places)(count, place, p->wide, places, first + from);
    }
}

void NAME(max_pool)(int64_t first, int64_t planes, const rv_pool *p, const void *x, void *y,
                    void *places)
{
    const int64_t line = p->out[1] * p->inner;
    for (int64_t plane = first; plane < first + planes; plane++) {
        const T *const from = (const T *)x + plane * p->in[0] * p->in[1] * p->inner;
        if (p->is_quads) {
            const int64_t first_of_plane = plane * p->out[0] * line;
            OWN(pool_plane_of_quads)
            (p, from, (T *)y + first_of_plane, (uint8_t *)places + first_of_plane);
            continue;
        }
        for (int64_t row = 0; row < p->out[0]; row++) {
            const int64_t at = (plane * p->out[0] + row) * line;
            OWN(pool_row)(p, row, from, (T *)y + at, places, at);
        }
    }
}

/* ---- its derivative, and what was chosen once, chosen again -----------------------------------
 */

static inline int64_t OWN(place_of)(const rv_pool *p, const void *places, int64_t i)
{
    return p->wide ? ((const int64_t *)places)[i] : ((const uint8_t *)places)[i];
}

/* Where in its plane the element stands that output (row, column) chose; inner is apart. */
static inline int64_t OWN(chosen)(const rv_pool *p, int64_t row, int64_t column, int64_t place)
{
    const int64_t i = p->kernel[1] == 2 ? place >> 1 : place / p->kernel[1];
    const int64_t j = place - i * p->kernel[1];
    const int64_t h = row * p->stride[0] - p->padding[0] + i * p->dilation[0];
    return h * p->in[1] + column * p->stride[1] - p->padding[1] + j * p->dilation[1];
}

static inline void OWN(spread_quads)(int64_t n, int64_t step, const T *g, const uint8_t *places,
                                     T *a, T *b, T *c, T *d)
{
    RV_INDEPENDENT for (int64_t o = 0; o < n; o++)
    {
        const I place = places[o];
        const T of = g[o];
        a[o * step] = place == 0 ? of : 0;
        b[o * step] = place == 1 ? of : 0;
    }
    RV_INDEPENDENT for (int64_t o = 0; o < n; o++)
    {
        const I place = places[o];
        const T of = g[o];
        c[o * step] = place == 2 ? of : 0;
        d[o * step] = place == 3 ? of : 0;
    }
}

/* What the quads of a plane do not reach, a last odd row or column, is 0. */
static inline void OWN(clear_rest)(const rv_pool *p, T *plane)
{
    const int64_t width = p->in[1] * p->inner, reached = 2 * p->out[1] * p->inner;
    for (int64_t row = 0; row < 2 * p->out[0]; row++)
        for (int64_t w = reached; w < width; w++)
            plane[row * width + w] = 0;
    for (int64_t i = 2 * p->out[0] * width; i < p->in[0] * width; i++)
        plane[i] = 0;
}

static inline void OWN(spread_plane_of_quads)(const rv_pool *p, const T *g, const uint8_t *places,
                                              T *plane)
{
    const int64_t inner = p->inner, n = p->out[1], width = p->in[1] * inner;
    const int64_t together = OWN(rows_together)(p);
    for (int64_t row = 0, rows; row < p->out[0]; row += rows) {
        T *const u = plane + 2 * row * width, *const v = u + width;
        const int64_t at = row * n * inner;
        rows = 1;
        if (together > 0) {
            T lines[4][LINE];
            rows = p->out[0] - row < together ? p->out[0] - row : together;
            OWN(spread_quads)
            (rows * n * inner, 1, g + at, places + at, lines[0], lines[1], lines[2], lines[3]);
            OWN(scatter_quads)(p, rows, lines, u);
        } else if (inner == 1) {
            OWN(spread_quads)(n, 2, g + at, places + at, u, u + 1, v, v + 1);
        } else {
            for (int64_t o = 0; o < n; o++)
                OWN(spread_quads)
            (inner, 1, g + at + o * inner, places + at + o * inner, u + 2 * o * inner,
             u + (2 * o + 1) * inner, v + 2 * o * inner, v + (2 * o + 1) * inner);
        }
    }
    OWN(clear_rest)(p, plane);
}

/* One pixel's gradient, all channels, to the inputs of its window: each takes what is its own. */
static inline void OWN(spread_pixel)(const rv_pool *p, int64_t row, int64_t column, const T *g,
                                     const uint8_t *places, T *plane)
{
    for (int64_t i = 0; i < p->kernel[0]; i++)
        for (int64_t j = 0; j < p->kernel[1]; j++) {
            const int64_t h = row * p->stride[0] - p->padding[0] + i * p->dilation[0];
            const int64_t w = column * p->stride[1] - p->padding[1] + j * p->dilation[1];
            const I own = (I)(i * p->kernel[1] + j);
            if (h < 0 || h >= p->in[0] || w < 0 || w >= p->in[1])
                continue;
            T *const x = plane + (h * p->in[1] + w) * p->inner;
            RV_INDEPENDENT for (int64_t c = 0; c < p->inner; c++) x[c] +=
                (I)places[c] == own ? g[c] : 0;
        }
}

void NAME(max_pool_grad)(int64_t first, int64_t planes, const rv_pool *p, const void *g,
                         const void *places, void *x)
{
    const int64_t elements = p->in[0] * p->in[1] * p->inner;
    const int64_t outputs = p->out[0] * p->out[1] * p->inner;
    for (int64_t plane = first; plane < first + planes; plane++) {
        T *const into = (T *)x + plane * elements;
        int64_t at = plane * outputs;
        if (p->is_quads) {
            OWN(spread_plane_of_quads)(p, (const T *)g + at, (const uint8_t *)places + at, into);
            continue;
        }
        const bool by_pixel = p->inner >= 8 && p->kernel[0] * p->kernel[1] <= 16;
        for (int64_t i = 0; i < elements; i++)
            into[i] = 0;
        for (int64_t row = 0; row < p->out[0]; row++)
            for (int64_t column = 0; column < p->out[1]; column++) {
                if (by_pixel)
                    OWN(spread_pixel)
                (p, row, column, (const T *)g + at, (const uint8_t *)places + at, into);
                else for (int64_t c = 0; c < p->inner; c++)
                    into[OWN(chosen)(p, row, column, OWN(place_of)(p, places, at + c)) * p->inner +
                         c] += ((const T *)g)[at + c];
                at += p->inner;
            }
    }
}

void NAME(max_pool_at)(int64_t first, int64_t planes, const rv_pool *p, const void *x,
                       const void *places, void *y)
{
    const int64_t elements = p->in[0] * p->in[1] * p->inner;
    int64_t at = first * p->out[0] * p->out[1] * p->inner;
    for (int64_t plane = first; plane < first + planes; plane++) {
        const T *const from = (const T *)x + plane * elements;
        for (int64_t row = 0; row < p->out[0]; row++)
            for (int64_t column = 0; column < p->out[1]; column++)
                for (int64_t c = 0; c < p->inner; c++, at++)
                    ((T *)y)[at] =
                        from[OWN(chosen)(p, row, column, OWN(place_of)(p, places, at)) * p->inner +
                             c];
    }
}

#undef TAKES

/* ---- sums over windows of one axis ----------------------------------------------------------- */

static inline void OWN(add_line)(int64_t n, const T *x, T weight, bool starts, T *y)
{
    if (starts) {
        RV_INDEPENDENT for (int64_t j = 0; j < n; j++) y[j] = weight * x[j];
    } else {
        RV_INDEPENDENT for (int64_t j = 0; j < n; j++) y[j] += weight * x[j];
    }
}

/* One output of the axis, `inner` elements that lie side by side. */
static inline void OWN(map_line)(const rv_axis_map *m, int64_t o, const T *x, T *y)
{
    const int64_t n = m->inner, count = m->count[o];
    const double *const weight = m->weights == NULL ? NULL : m->weights + m->offset[o];
    for (int64_t k = 0; k < count; k++)
        OWN(add_line)(n, x + (m->start[o] + k) * n, weight == NULL ? 1 : (T)weight[k], k == 0, y);
    for (int64_t j = 0; j < n && count == 0; j++)
        y[j] = 0;
    if (m->divisor != NULL) {
        const T divisor = (T)m->divisor[o];
        for (int64_t j = 0; j < n; j++)
            y[j] /= divisor;
    }
}

/* A row of outputs, inner being 1. */
static inline void OWN(map_row)(const rv_axis_map *m, const T *x, T *y)
{
    for (int64_t o = 0; o < m->out; o++) {
        const T *const from = x + m->start[o];
        const int64_t count = m->count[o];
        T sum = 0;
        if (m->weights == NULL) {
            for (int64_t k = 0; k < count; k++)
                sum += from[k];
        } else {
            const double *const weight = m->weights + m->offset[o];
            for (int64_t k = 0; k < count; k++)
                sum += (T)weight[k] * from[k];
        }
        y[o] = m->divisor == NULL ? sum : sum / (T)m->divisor[o];
    }
}

void NAME(axis_map)(int64_t first, int64_t lines, const rv_axis_map *m, const void *x, void *y)
{
    const T *const from = x;
    T *const into = y;
    if (m->inner == 1) {
        for (int64_t row = first; row < first + lines; row++)
            OWN(map_row)(m, from + row * m->in, into + row * m->out);
        return;
    }
    for (int64_t line = first; line < first + lines; line++)
        OWN(map_line)
    (m, line % m->out, from + line / m->out * m->in * m->inner, into + line * m->inner);
}

#undef NAME
#undef OWN
#undef T
#undef I
#undef DTYPE
