/* kernels.h - the table of inner loops, one for each instruction set.
 *
 * The files beside this one are compiled once for each instruction set (baseline, AVX2, AVX-512;
 * NEON is ARM's baseline) into a table of functions; rv_kernels() gives the best that the processor
 * has. They know pointers, strides and counts; shapes, threads and errors are handled above them
 * (core/elementwise.h, core/reduce.h, core/gemm.h).
 *
 * Private to core/, but for the loop numbers that operations name.
 */
#ifndef RV_CORE_KERNELS_H
#define RV_CORE_KERNELS_H

#include "core/tensor.h"

RV_BEGIN_C

/* The elementwise loops: name, number of inputs, dtype of the result (SAME: as the inputs; MASK: U8
 * of 0 and 1), formula. `where` takes its condition as U8. RV_LOOPS_ANY in isa.h lists those that
 * exist for all dtypes (integers wrap around); the rest is for F32 and F64. */
#define RV_LOOP_LIST(X)                                               \
    X(neg, 1, SAME, -x)                                               \
    X(abs, 1, SAME, | x |)                                            \
    X(sign, 1, SAME, -1 or 0 or 1; 0 for NaN)                         \
    X(sqrt, 1, SAME, square root)                                     \
    X(rsqrt, 1, SAME, 1 / sqrt(x))                                    \
    X(exp, 1, SAME, e to the x)                                       \
    X(expm1, 1, SAME, e to the x minus 1)                             \
    X(log, 1, SAME, natural logarithm)                                \
    X(log1p, 1, SAME, log(1 + x))                                     \
    X(sin, 1, SAME, sine)                                             \
    X(cos, 1, SAME, cosine)                                           \
    X(atan, 1, SAME, inverse tangent)                                 \
    X(erf, 1, SAME, error function)                                   \
    X(floor, 1, SAME, down to a whole number)                         \
    X(ceil, 1, SAME, up)                                              \
    X(trunc, 1, SAME, towards 0)                                      \
    X(round, 1, SAME, to the nearest; halves to the even one)         \
    X(tanh, 1, SAME, hyperbolic tangent)                              \
    X(sigmoid, 1, SAME, 1 / (1 + exp(-x)))                            \
    X(relu, 1, SAME, max(x, 0) and NaN for NaN)                       \
    X(silu, 1, SAME, x *sigmoid(x))                                   \
    X(gelu, 1, SAME, x *Phi(x))                                       \
    X(gelu_tanh, 1, SAME, its approximation by tanh)                  \
    X(log_sigmoid, 1, SAME, log(sigmoid(x)))                          \
    X(selu, 1, SAME, see loops_activation.c)                          \
    X(add, 2, SAME, a + b)                                            \
    X(sub, 2, SAME, a - b)                                            \
    X(mul, 2, SAME, a *b)                                             \
    X(div, 2, SAME, a / b)                                            \
    X(pow, 2, SAME, a to the b)                                       \
    X(maximum, 2, SAME, the larger; NaN if one is)                    \
    X(minimum, 2, SAME, the smaller; NaN if one is)                   \
    X(elu, 2, SAME, a > 0 ? a : b * (exp(a) - 1))                     \
    X(leaky_relu, 2, SAME, a > 0 ? a : b * a)                         \
    X(clamp, 3, SAME, min(max(a, b), c))                              \
    X(softplus, 3, SAME, log(1 + exp(a * b)) / b; a where a * b > c)  \
    X(tanh_grad, 2, SAME, g *(1 - y * y))                             \
    X(sigmoid_grad, 2, SAME, g *y *(1 - y))                           \
    X(relu_grad, 2, SAME, y <= 0 ? 0 : g)                             \
    X(silu_grad, 2, SAME, of(g, x))                                   \
    X(gelu_grad, 2, SAME, of(g, x))                                   \
    X(gelu_tanh_grad, 2, SAME, of(g, x))                              \
    X(log_sigmoid_grad, 2, SAME, of(g, x))                            \
    X(selu_grad, 2, SAME, of(g, x))                                   \
    X(elu_grad, 3, SAME, of(g, x, alpha))                             \
    X(leaky_relu_grad, 3, SAME, of(g, x, slope))                      \
    X(softplus_grad, 4, SAME, of(g, x, beta, threshold))              \
    X(maximum_grad, 3, SAME, of(g, a, b) : towards a; g / 2 if equal) \
    X(clamp_grad, 4, SAME, of(g, x, min, max))                        \
    X(hardtanh_grad, 4, SAME, of(g, x, min, max))                     \
    X(eq, 2, MASK, a == b)                                            \
    X(ne, 2, MASK, a != b)                                            \
    X(lt, 2, MASK, a < b)                                             \
    X(le, 2, MASK, a <= b)                                            \
    X(gt, 2, MASK, a > b)                                             \
    X(ge, 2, MASK, a >= b)                                            \
    X(logical_not, 1, MASK, x == 0)                                   \
    X(logical_and, 2, MASK, a and b not 0)                            \
    X(logical_or, 2, MASK, a or b not 0)                              \
    X(logical_xor, 2, MASK, one of them not 0)                        \
    X(isnan, 1, MASK, is not a number)                                \
    X(isinf, 1, MASK, is infinite)                                    \
    X(isfinite, 1, MASK, is neither)                                  \
    X(where, 3, SAME, c ? a : b)

typedef enum rv_loop_id {
#define RV_LOOP_ENUM(name, inputs, result, formula) RV_LOOP_##name,
    RV_LOOP_LIST(RV_LOOP_ENUM)
#undef RV_LOOP_ENUM
        RV_LOOP_COUNT
} rv_loop_id;

/* An inner loop over n elements: data[0] is the result, data[1..] the inputs, strides in bytes
 * (0: the same element again). */
typedef void rv_loop(int64_t n, char *const *data, const int64_t *strides);

/* Folds: the reductions. `lines` folds `lines` lines, `step` bytes apart, of n elements `stride`
 * bytes apart, into one accumulator each, with what that holds already. `rows` folds n rows
 * `stride` bytes apart of `width` neighbouring elements into neighbouring accumulators. Sums of F32
 * are accumulated in double; sums of F64 pairwise. Name, dtypes (ANY, or FLOATING), what it joins.
 */
#define RV_FOLD_LIST(X)                   \
    X(sum, ANY, x)                        \
    X(prod, ANY, x)                       \
    X(max, ANY, x)                        \
    X(min, ANY, x)                        \
    X(count, ANY, elements not 0)         \
    X(sum_sizes, FLOATING, size of x)     \
    X(sum_squares, FLOATING, square of x) \
    X(max_size, FLOATING, size of x)      \
    X(min_size, FLOATING, size of x)

typedef enum rv_fold_id {
#define RV_FOLD_ENUM(name, dtypes, term) RV_FOLD_##name,
    RV_FOLD_LIST(RV_FOLD_ENUM)
#undef RV_FOLD_ENUM
        RV_FOLD_COUNT
} rv_fold_id;

/* Element types of accumulators: the element's own for max, min and their kin; int64_t for count,
 * and for other folds of I64 and U8; else double. */
typedef struct rv_fold {
    void (*lines)(int64_t lines, int64_t n, const char *from, int64_t step, int64_t stride,
                  void *into);
    void (*rows)(int64_t n, int64_t width, const char *from, int64_t stride, void *into);
} rv_fold;

/* y[i,j] = x[j,i] for i in [0,rows), j in [0,columns): x_step and y_step are the bytes from a row
 * to the next, whose elements are contiguous. The two do not overlap. */
typedef void rv_transpose_kernel(int64_t rows, int64_t columns, const char *x, int64_t x_step,
                                 char *y, int64_t y_step);

/* Sums of a term that depends on a center c[i] of its own for each accumulator, which is a double,
 * and on p. F32 and F64. */
#define RV_CENTERED_FOLD_LIST(X)   \
    X(deviations, square of x - c) \
    X(exps, e to the x - c)        \
    X(powers, size of x / c to the p)

typedef enum rv_centered_fold_id {
#define RV_CENTERED_FOLD_ENUM(name, term) RV_FOLD_##name,
    RV_CENTERED_FOLD_LIST(RV_CENTERED_FOLD_ENUM)
#undef RV_CENTERED_FOLD_ENUM
        RV_CENTERED_FOLD_COUNT
} rv_centered_fold_id;

typedef struct rv_centered_fold {
    void (*lines)(int64_t lines, int64_t n, const char *from, int64_t step, int64_t stride,
                  const double *c, double p, double *into);
    void (*rows)(int64_t n, int64_t width, const char *from, int64_t stride, const double *c,
                 double p, double *into);
} rv_centered_fold;

#define RV_SMALL_MATRIX 32
/* How rows of logits are compared with the classes that they should name, in cross entropy. */
typedef struct rv_class_rows {
    const int64_t *labels; /* [rows] */
    int64_t ignored;       /* a row with this label counts nothing */
    const void *weight;    /* [n], of the logits' type: what each class counts; NULL: 1 each */
    double weight_sum;     /* of all of them; n if weight is NULL */
    double label_share;    /* what the label of a row counts, before its weight: 1 - smoothing, */
    double class_share;    /* and every class: smoothing / n */
} rv_class_rows;

/* Losses of two numbers x and t, with a parameter p; e is x - t. Each and its derivative by x:
 *
 *     mse              e*e                                       2*e
 *     l1               |e|                                       sign(e)
 *     huber            |e| <= p ? e*e/2 : p*(|e| - p/2)          e, at least -p and at most p
 *     bce              -(t*log(x) + (1 - t)*log(1 - x))          e / (x*(1 - x))
 *     bce_with_logits  max(x, 0) - x*t + log(1 + e^-|x|)         sigmoid(x) - t
 *
 * The logarithms in bce are -100 at least, and what its derivative divides by is 1e-12 at least. */
#define RV_PAIR_LOSS_LIST(X) X(mse) X(l1) X(huber) X(bce) X(bce_with_logits)

typedef enum rv_pair_loss_id {
#define RV_PAIR_LOSS_ENUM(name) RV_PAIR_LOSS_##name,
    RV_PAIR_LOSS_LIST(RV_PAIR_LOSS_ENUM)
#undef RV_PAIR_LOSS_ENUM
        RV_PAIR_LOSS_COUNT
} rv_pair_loss_id;

/* y[i] = loss(x[i], t[i]); and y[i] = g * derivative(x[i], t[i]), with g[i], or the one element of
 * g if not each has its own. All are contiguous. */
typedef struct rv_pair_loss {
    void (*loss)(int64_t n, const void *x, const void *t, double p, void *y);
    void (*grad)(int64_t n, const void *g, bool each, const void *x, const void *t, double p,
                 void *y);
} rv_pair_loss;

/* Products of convolutions (core/conv.h says how they are made of these). All steps are in
 * elements; `windows` are stretches of neighbouring elements of an image, seen from the pixel that
 * stands at offset 0. Weights are packed: one row of `width` output channels for each element of
 * the windows, one window behind the other; width is one of the table's conv_widths, which fit the
 * registers. */
typedef struct rv_conv_windows {
    int count;
    const int64_t *offsets, *lengths; /* [count] */
} rv_conv_windows;

/* A line of pixels: out[p] = start + sum over the windows of pixel p. */
typedef struct rv_conv_line {
    rv_conv_windows windows;
    int64_t pixels;
    const void *image; /* of the first pixel */
    int64_t image_step;
    const void *weights; /* [elements of the windows][width] */
    const void *start;   /* [width]; NULL: zeros */
    void *out;           /* [pixels][channels], `out_step` apart */
    int64_t out_step, channels;
} rv_conv_line;

/* into[i] += sum over the pixels of a grid of image[i] * g, for the n elements i of a window. */
typedef struct rv_conv_outer {
    int64_t n, rows, columns;
    const void *image; /* of the first pixel's window */
    int64_t image_row, image_column;
    const void *g; /* [rows][columns][width] */
    int64_t g_row, g_column;
    void *into; /* [n][width] */
} rv_conv_outer;

/* Depthwise: every channel by itself, `width` of them at once, over a grid of pixels. A pixel sees
 * `taps` others of the image, each at its offset from the pixel that it stands at. */
typedef struct rv_conv_lanes {
    int64_t taps;
    const int64_t *offsets; /* [taps] */
    int64_t rows, columns;
    const void *image; /* of the first pixel */
    int64_t image_row, image_column;
    void *weights; /* [taps][width] */
    void *grid;    /* the result; or its gradient, from which the weights' is added up */
    int64_t grid_row, grid_column;
    const void *start; /* [width] to start the result from; NULL: zeros */
} rv_conv_lanes;

/* The widths: a whole block of output channels, and a narrower one for few that are left. */
enum { RV_CONV_WIDE, RV_CONV_NARROW, RV_CONV_WIDTHS };

/* Normalization (norm.c). A block of elements that have one mean: `lines` of n neighbours, `stride`
 * elements from one to the next; at most about RV_NORM_BLOCK in all, so that it stays in a cache.
 */
#define RV_NORM_BLOCK 1024
typedef struct rv_norm_block {
    int64_t lines, n, stride;
} rv_norm_block;

/* out = k0*g + k1*a + k2*(x - k4) + k3, each k an array [channels] of the elements' type, one
 * behind the other in `coefficients`. a may be NULL, or a and g. */
typedef struct rv_norm_terms {
    const void *g, *a, *x;
    void *out;
    const void *coefficients; /* [5, channels] */
    int64_t channels;
} rv_norm_terms;

/* Rows that are normalized each by itself, and the gradients of that. */
typedef struct rv_norm_rows {
    const void *g, *x, *weight, *bias; /* weight and bias [n], or NULL */
    void *y;                           /* the result, or the gradient of x */
    double *mean, *scale;              /* [rows]; scale is 1/sqrt(variance + eps) */
    double eps;
    bool centered;               /* false: the mean is not taken off, and counts as 0 */
    double *of_weight, *of_bias; /* [n] sums to add to, or NULL */
} rv_norm_rows;

/* Pooling (pool.c) of planes [in[0], in[1], inner] into [out[0], out[1], inner]. The place of a
 * window's largest element is row*kernel[1] + column in the window. */
typedef struct rv_pool {
    int64_t in[2], out[2], kernel[2], stride[2], padding[2], dilation[2];
    int64_t inner;
    bool is_quads; /* kernel and stride are 2, without padding or dilation */
    bool wide;     /* places are I64; else U8 */
} rv_pool;

/* y [.., out, inner] from x [.., in, inner]: y[o] is the sum of count[o] elements from x[start[o]]
 * on, each times its weight, over divisor[o]. The weights of o begin at weights[offset[o]]; NULL:
 * all are 1. divisor may be NULL likewise. */
typedef struct rv_axis_map {
    int64_t in, out, inner;
    const int64_t *start, *count, *offset; /* [out] */
    const double *weights, *divisor;
} rv_axis_map;

/* What a pass over a triangle does (core/triangle.h). */
typedef struct rv_triangle_pass {
    double *h; /* the whole triangle */
    double keep, uu, us, ss;
    const double *u, *s, *x;
    double *sums;
} rv_triangle_pass;

typedef struct rv_kernels {
    const char *name;                              /* "baseline", "avx2", "avx512" */
    rv_loop *loops[RV_LOOP_COUNT][RV_DTYPE_COUNT]; /* by the inputs' dtype; NULL: none */
    rv_loop *cast[RV_DTYPE_COUNT][RV_DTYPE_COUNT]; /* [from][to]; one input; [d][d] copies */
    rv_fold folds[RV_FOLD_COUNT][RV_DTYPE_COUNT];  /* NULLs where a fold does not take the dtype */
    rv_centered_fold centered_folds[RV_CENTERED_FOLD_COUNT][2]; /* [0] F32, [1] F64 */
    rv_transpose_kernel *transpose[RV_DTYPE_COUNT];
    /* Below, [0] is F32 and [1] is F64; rows are contiguous, [rows, n]. */
    void (*softmax[2])(int64_t rows, int64_t n, const void *x, void *y);
    void (*log_softmax[2])(int64_t rows, int64_t n, const void *x, void *y);
    /* Their derivatives, from the result y: out = y*(g - sum(g*y)), and g - e^y*sum(g). */
    void (*softmax_grad[2])(int64_t rows, int64_t n, const void *g, const void *y, void *out);
    void (*log_softmax_grad[2])(int64_t rows, int64_t n, const void *g, const void *y, void *out);
    /* With l = log(sum_j e^x[i,j]) - x[i,k] for every class k: y[i] = the l of the label, times its
     * weight and the label's share, + the sum of all, times weight and the classes' share. */
    void (*cross_entropy[2])(int64_t rows, int64_t n, const void *x, const rv_class_rows *of,
                             void *y);
    /* The derivative of y[i] by x[i,j], times scale and g[i], or g[0] if not each row has its own.
     */
    void (*cross_entropy_grad[2])(int64_t rows, int64_t n, const void *g, bool each, double scale,
                                  const void *x, const rv_class_rows *of, void *out);
    rv_pair_loss pair_losses[RV_PAIR_LOSS_COUNT][2];
    /* y[i] = keep(i) ? x[i] * scale : 0 for elements first..first+n of the tensor; element i is
     * kept when its random number, (32 bits) >= threshold. */
    void (*dropout[2])(int64_t n, const void *x, void *y, uint64_t seed, uint64_t offset,
                       int64_t first, uint32_t threshold, double scale);
    /* Factors of row-major [n,n], n <= RV_SMALL_MATRIX, in place; 0, or the place (from 1) of what
     * is 0 or not positive. Cholesky's l of the lower triangle; LAPACK's factors of a' and
     * exchanges. */
    int (*cholesky[2])(int64_t n, void *a);
    int (*lu[2])(int64_t n, void *a, int *pivots);
    /* Changes rows begin (a multiple of 8) to end, and adds what their numbers have to do with H x
     * to the sums, of which [0, end) are used. */
    void (*triangle_pass)(int64_t begin, int64_t end, const rv_triangle_pass *pass);
    /* mean, and sum of (x - mean)^2; and for each column of [rows, width]: moments [width, 2] */
    void (*norm_moments[2])(const rv_norm_block *block, const void *x, double moments[2]);
    void (*norm_moments_columns[2])(int64_t rows, int64_t width, const void *x, double *moments);
    /* sums of g and g*(x - center), and, unless a is NULL, of a, a*(x - center) and a*g: sums [2]
     * or [5], or [width, 2] or [width, 5], center being [width] of the elements' type */
    void (*norm_products[2])(const rv_norm_block *block, const void *g, const void *a,
                             const void *x, double center, double *sums);
    void (*norm_products_columns[2])(int64_t rows, int64_t width, const void *g, const void *a,
                                     const void *x, const void *center, double *sums);
    /* lines of n elements, line i being of channel i % channels; rows of `channels` elements */
    void (*norm_combine[2])(int64_t first, int64_t lines, int64_t n, const rv_norm_terms *t);
    void (*norm_combine_columns[2])(int64_t first, int64_t rows, const rv_norm_terms *t);
    void (*norm_rows[2])(int64_t rows, int64_t n, const rv_norm_rows *t);
    void (*norm_rows_grad[2])(int64_t rows, int64_t n, const rv_norm_rows *t);
    void (*max_pool[2])(int64_t first, int64_t planes, const rv_pool *p, const void *x, void *y,
                        void *places);
    /* x, all of it: g where its window's place says, and 0; and y: x at the places */
    void (*max_pool_grad[2])(int64_t first, int64_t planes, const rv_pool *p, const void *g,
                             const void *places, void *x);
    void (*max_pool_at[2])(int64_t first, int64_t planes, const rv_pool *p, const void *x,
                           const void *places, void *y);
    /* lines are the rows of `in` elements where inner is 1, else the lines of y */
    void (*axis_map[2])(int64_t first, int64_t lines, const rv_axis_map *m, const void *x, void *y);
    int conv_width[2][RV_CONV_WIDTHS];
    void (*conv_line[2][RV_CONV_WIDTHS])(const rv_conv_line *line);
    void (*conv_outer[2][RV_CONV_WIDTHS])(const rv_conv_outer *outer);
    /* grid = start + sum over the taps; and weights += sum over the grid. */
    void (*conv_depthwise[2][RV_CONV_WIDTHS])(const rv_conv_lanes *d);
    void (*conv_depthwise_outer[2][RV_CONV_WIDTHS])(const rv_conv_lanes *d);
    /* The transforms of winograd.c, for n channels, a multiple of 16: tiles of 6x6 pixels of an
     * image, 4x4 of a result (or its gradient), 3x3 weights, each to or from 36 points that lie
     * `step` elements apart. Pixels are where their pointers say, the 9 weights n apart. */
    void (*winograd_image)(int64_t n, const float *const *pixels, float *points, int64_t step);
    void (*winograd_gradient)(int64_t n, const float *const *pixels, float *points, int64_t step);
    void (*winograd_weights)(int64_t n, const float *weights, float *points, int64_t step);
    void (*winograd_result)(int64_t n, float *const *pixels, const float *points, int64_t step,
                            const float *start); /* start [n] is added; NULL: nothing */
    void (*winograd_weight_gradient)(int64_t n, float *weights, const float *points, int64_t step);
} rv_kernels;

/* The table for this processor; RV_ISA=baseline|avx2|avx512 in the environment asks for a lesser
 * one (more than the processor has is ignored). Chosen once. */
RV_API const rv_kernels *rv_kernels_get(void);

RV_END_C

#endif
