/* winograd.c - the transforms of Winograd's convolutions F(4x4, 3x3), F32.
 *
 * Along one axis, 4 results of a filter of 3 elements need 6 products instead of 12, if image,
 * filter and result are seen as values of polynomials at 6 points (Winograd 1980; Lavin & Gray
 * 2016). Both axes together: 36 products instead of 144. The points are 0, +-5/8, +-3/2 and
 * infinity; with Lavin's 0, +-1, +-2 the largest error is about four times as large (Barabasz et
 * al. 2020 search for good points). With a = 5/8 and b = 3/2:
 *
 *          | a2b2   0   -(a2+b2)   0      1  0 |       | 1  1   1   1   1  0 |
 *          |  0   -ab2    -b2      a      1  0 |       | 0  a  -a   b  -b  0 |
 *     B' = |  0    ab2    -b2     -a      1  0 |  A' = | 0  a2  a2  b2  b2 0 |
 *          |  0   -ba2    -a2      b      1  0 |       | 0  a3 -a3  b3 -b3 1 |
 *          |  0    ba2    -a2     -b      1  0 |
 *          |  0   a2b2     0   -(a2+b2)   0  1 |
 *
 * and a row of G for point p is (1, p, p2) over the product of its distances to the other points,
 * (0, 0, 1) for infinity. Forward: A' [G w G' * B' x B] A, each element of [] being summed over
 * channels as a product of matrices; the gradient of w is the same transposed: G' [A g A' * B' x B]
 * G, summed over tiles.
 *
 * All are linear, and done for a vector of channels at a time. As in conv.c, products and sums may
 * be fused.
 */

#include "core/kernels/isa.h"

#define POINT_A 0.625f
#define POINT_B 1.5f
#define A2 (POINT_A * POINT_A)
#define B2 (POINT_B * POINT_B)
#define A2B2 (A2 * B2)
/* The products of distances. */
#define AT_0 A2B2
#define AT_A (2 * A2 * (A2 - B2))
#define AT_B (2 * B2 * (B2 - A2))

#define LANES ((int)(RV_VECTOR_BYTES / sizeof(float)))
RV_VECTOR(vector, float, RV_VECTOR_BYTES);

/* ---- along one axis ------------------------------------------------------------------------- */

/* B' d: 6 pixels to 6 points. */
RV_ALWAYS_INLINE void image_axis(const vector *d, vector *to)
{
    const vector p = d[4] - B2 * d[2], q = POINT_A * (d[3] - B2 * d[1]);
    const vector r = d[4] - A2 * d[2], s = POINT_B * (d[3] - A2 * d[1]);
    to[0] = A2B2 * d[0] - (A2 + B2) * d[2] + d[4];
    to[1] = p + q;
    to[2] = p - q;
    to[3] = r + s;
    to[4] = r - s;
    to[5] = A2B2 * d[1] - (A2 + B2) * d[3] + d[5];
}

/* A' m: 6 points to 4 results. */
RV_ALWAYS_INLINE void result_axis(const vector *m, vector *to)
{
    const vector p = m[1] + m[2], q = POINT_A * (m[1] - m[2]);
    const vector r = m[3] + m[4], s = POINT_B * (m[3] - m[4]);
    to[0] = m[0] + p + r;
    to[1] = q + s;
    to[2] = A2 * p + B2 * r;
    to[3] = A2 * q + B2 * s + m[5];
}

/* A g: 4 gradients of results to 6 points. */
RV_ALWAYS_INLINE void gradient_axis(const vector *g, vector *to)
{
    const vector p = g[0] + A2 * g[2], q = POINT_A * (g[1] + A2 * g[3]);
    const vector r = g[0] + B2 * g[2], s = POINT_B * (g[1] + B2 * g[3]);
    to[0] = g[0];
    to[1] = p + q;
    to[2] = p - q;
    to[3] = r + s;
    to[4] = r - s;
    to[5] = g[3];
}

/* G w: 3 weights to 6 points. */
RV_ALWAYS_INLINE void weight_axis(const vector *w, vector *to)
{
    const vector p = (w[0] + A2 * w[2]) * (1 / AT_A), q = w[1] * (POINT_A / AT_A);
    const vector r = (w[0] + B2 * w[2]) * (1 / AT_B), s = w[1] * (POINT_B / AT_B);
    to[0] = w[0] * (1 / AT_0);
    to[1] = p + q;
    to[2] = p - q;
    to[3] = r + s;
    to[4] = r - s;
    to[5] = w[2];
}

/* G' s: 6 points to 3 gradients of weights. */
RV_ALWAYS_INLINE void weight_gradient_axis(const vector *x, vector *to)
{
    const vector p = (x[1] + x[2]) * (1 / AT_A), q = (x[1] - x[2]) * (POINT_A / AT_A);
    const vector r = (x[3] + x[4]) * (1 / AT_B), s = (x[3] - x[4]) * (POINT_B / AT_B);
    to[0] = x[0] * (1 / AT_0) + p + r;
    to[1] = q + s;
    to[2] = A2 * p + B2 * r + x[5];
}

/* ---- along both ----------------------------------------------------------------------------- */

RV_ALWAYS_INLINE vector load(const float *from)
{
    return *(const vector *)(const void *)from;
}

RV_ALWAYS_INLINE void store(float *to, vector v)
{
    *(vector *)(void *)to = v;
}

/* The n elements (whole vectors) of FROM(i) for i in [0, from*from), transformed along the columns
 * and then along the rows, into TO(i). */
#define BOTH_AXES(from, to, axis, FROM, TO)                                                       \
    for (int64_t at = 0; at < n; at += LANES) {                                                   \
        vector half[(to)][(from)], in[6], out[6];                                                 \
        RV_UNROLL for (int x = 0; x < (from); x++)                                                \
        {                                                                                         \
            RV_UNROLL for (int y = 0; y < (from); y++) in[y] = load(FROM(y * (from) + x) + at);   \
            axis(in, out);                                                                        \
            RV_UNROLL for (int y = 0; y < (to); y++) half[y][x] = out[y];                         \
        }                                                                                         \
        RV_UNROLL for (int y = 0; y < (to); y++)                                                  \
        {                                                                                         \
            axis(half[y], out);                                                                   \
            RV_UNROLL for (int x = 0; x < (to); x++) store(TO(y *(to) + x) + at, FINISH(out[x])); \
        }                                                                                         \
    }

#define SCATTERED(i) pixels[i]
#define REGULAR(i) (points + (i)*step)
#define FINISH(v) (v)

void RV_KERNEL(winograd_image)(int64_t n, const float *const *pixels, float *points, int64_t step)
{
    BOTH_AXES(6, 6, image_axis, SCATTERED, REGULAR)
}

void RV_KERNEL(winograd_gradient)(int64_t n, const float *const *pixels, float *points,
                                  int64_t step)
{
    BOTH_AXES(4, 6, gradient_axis, SCATTERED, REGULAR)
}

#define WEIGHT(i) (weights + (i)*n)
void RV_KERNEL(winograd_weights)(int64_t n, const float *weights, float *points, int64_t step)
{
    BOTH_AXES(3, 6, weight_axis, WEIGHT, REGULAR)
}

void RV_KERNEL(winograd_weight_gradient)(int64_t n, float *weights, const float *points,
                                         int64_t step)
{
    BOTH_AXES(6, 3, weight_gradient_axis, REGULAR, WEIGHT)
}

#undef FINISH
#define FINISH(v) ((v) + (start != NULL ? load(start + at) : (vector){0}))
void RV_KERNEL(winograd_result)(int64_t n, float *const *pixels, const float *points, int64_t step,
                                const float *start)
{
    BOTH_AXES(6, 4, result_axis, REGULAR, SCATTERED)
}
