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
    I place[LINE];
    RV_INDEPENDENT for (int64_t o = 0; o < n; o++)
    {
        const T a = as[o * step], b = bs[o * step], c = cs[o * step], d = ds[o * step];
        const bool is_b = (b > a) | (b != b);
        T best = is_b ? b : a;
        I at = is_b ? 1 : 0;
        const bool is_c = (c > best) | (c != c);
        best = is_c ? c : best;
        at = is_c ? 2 : at;
        const bool is_d = (d > best) | (d != d);
        y[o] = is_d ? d : best;
        place[o] = is_d ? 3 : at;
    }
    for (int64_t o = 0; o < n; o++)
        places[o] = (uint8_t)place[o];
}

static inline void OWN(pool_row_of_quads)(const rv_pool *p, const T *above, T *y, uint8_t *places)
{
    const T *const below = above + p->in[1] * p->inner;
    const int64_t lines = p->inner > 1 ? p->out[1] : 1,
                  length = p->inner > 1 ? p->inner : p->out[1];
    for (int64_t line = 0; line < lines; line++)
        for (int64_t from = 0; from < length; from += LINE) {
            const int64_t n = length - from < LINE ? length - from : LINE,
                          to = line * length + from;
            const T *const u = above + 2 * line * length + from;
            const T *const v = below + 2 * line * length + from;
            if (p->inner > 1)
                OWN(pool_quads)(n, 1, u, u + length, v, v + length, y + to, places + to);
            else
                OWN(pool_quads)
            (n, 2, u + from, u + from + 1, v + from, v + from + 1, y + to, places + to);
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
    if (p->is_quads) {
        OWN(pool_row_of_quads)
        (p, plane + 2 * row * p->in[1] * p->inner, y, (uint8_t *)places + first);
        return;
    }
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

/* A plane of quads; what they do not reach, a last odd row or column, is 0. */
static inline void OWN(spread_plane_of_quads)(const rv_pool *p, const T *g, const uint8_t *places,
                                              T *plane)
{
    const int64_t inner = p->inner, width = p->in[1] * inner, n = p->out[1];
    for (int64_t row = 0; row < p->out[0]; row++) {
        T *const above = plane + 2 * row * width, *const below = above + width;
        const int64_t at = row * n * inner;
        if (inner == 1)
            OWN(spread_quads)(n, 2, g + at, places + at, above, above + 1, below, below + 1);
        for (int64_t o = 0; o < n && inner > 1; o++) {
            const int64_t first = at + o * inner, to = 2 * o * inner;
            OWN(spread_quads)
            (inner, 1, g + first, places + first, above + to, above + to + inner, below + to,
             below + to + inner);
        }
        for (int64_t w = 2 * n * inner; w < width; w++)
            above[w] = below[w] = 0;
    }
    for (int64_t i = 2 * p->out[0] * width; i < p->in[0] * width; i++)
        plane[i] = 0;
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
