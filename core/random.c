/* random.c - the generator, and tensors drawn from it.
 *
 * A tensor takes its share of the generator's sequence at once, and its blocks of four numbers are
 * then computed in any order. The logarithm, sine and cosine of the normal distribution are series
 * of our own: additions and multiplications are rounded alike on all machines, libraries are not.
 */

#include "core/random.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/philox.h"
#include "core/platform.h"
#include "core/tensor_make.h"

#define BLOCKS_OF_PIECE 4096

/* ---- the generator -------------------------------------------------------------------------- */

static rv_mutex lock = RV_MUTEX_INIT;
static rv_random_place now; /* guarded by lock */

void rv_seed(uint64_t seed)
{
    rv_random_resume((rv_random_place){.seed = seed});
}

void rv_random_resume(rv_random_place place)
{
    rv_lock(&lock);
    now = place;
    rv_unlock(&lock);
}

static rv_random_place take_blocks(uint64_t blocks)
{
    rv_lock(&lock);
    const rv_random_place place = now;
    now.offset += blocks;
    rv_unlock(&lock);
    return place;
}

rv_random_place rv_random_now(void)
{
    return take_blocks(0);
}

rv_random_place rv_random_take(int64_t numbers)
{
    return take_blocks(numbers > 0 ? ((uint64_t)numbers + 3) / 4 : 0);
}

void rv_philox(rv_random_place place, uint64_t block, uint32_t out[4])
{
    rv_philox_block(place.seed, place.offset + block, out);
}

/* ---- filling a tensor ----------------------------------------------------------------------- */

typedef struct filling filling;

/* Turns the four numbers of a block into the elements that it gives. */
typedef void convert_block(const filling *f, const uint32_t bits[4], void *elements);

struct filling {
    rv_random_place place;
    convert_block *convert;
    char *data;
    int64_t numel, of_block; /* elements in all, and of one block */
    size_t element_bytes;
    int64_t low;    /* randint: the smallest value, */
    uint64_t range; /* and how many there are */
};

static void fill_piece(void *context, int64_t index)
{
    const filling *f = context;
    int64_t element = index * BLOCKS_OF_PIECE * f->of_block;
    for (int64_t i = 0; i < BLOCKS_OF_PIECE && element < f->numel; i++) {
        const int64_t left = f->numel - element;
        uint32_t bits[4];
        uint64_t elements[4];
        rv_philox(f->place, (uint64_t)(index * BLOCKS_OF_PIECE + i), bits);
        f->convert(f, bits, elements);
        memcpy(f->data + (size_t)element * f->element_bytes, elements,
               (size_t)(left < f->of_block ? left : f->of_block) * f->element_bytes);
        element += f->of_block;
    }
}

static int64_t blocks_of(const filling *f)
{
    return (f->numel + f->of_block - 1) / f->of_block;
}

static void run(filling *f)
{
    rv_parallel((blocks_of(f) + BLOCKS_OF_PIECE - 1) / BLOCKS_OF_PIECE, fill_piece, f);
}

static rv_tensor *fill(rv_tensor *t, filling f)
{
    f.data = t->data;
    f.numel = t->numel;
    f.element_bytes = rv_dtype_size(t->dtype);
    f.of_block = t->dtype == RV_F32 ? 4 : 2;
    f.place = take_blocks((uint64_t)blocks_of(&f));
    run(&f);
    return t;
}

static uint64_t pair_bits(const uint32_t bits[2])
{
    return bits[0] | (uint64_t)bits[1] << 32;
}

/* ---- uniform -------------------------------------------------------------------------------- */

static double uniform53(const uint32_t bits[2])
{
    return (double)(pair_bits(bits) >> 11) * 0x1p-53;
}

static void uniform_f32(const filling *f, const uint32_t bits[4], void *elements)
{
    (void)f;
    float *u = elements;
    for (int i = 0; i < 4; i++)
        u[i] = (float)(bits[i] >> 8) * 0x1p-24f;
}

static void uniform_f64(const filling *f, const uint32_t bits[4], void *elements)
{
    (void)f;
    double *u = elements;
    u[0] = uniform53(bits);
    u[1] = uniform53(bits + 2);
}

/* ---- normal --------------------------------------------------------------------------------- */

/* The sum of c[i] x^i; the error of each series below is under the last bit of a double. */
static double polynomial(double x, const double *c, int n)
{
    double sum = c[n - 1];
    for (int i = n - 2; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* log(u) for u in (0, 1]: u = m 2^e with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 artanh(s) with
 * s = (m-1)/(m+1), |s| < 0.172. */
static double log_of(double u)
{
    static const double c[] = {2.0,        2.0 / 3.0,  2.0 / 5.0,  2.0 / 7.0,  2.0 / 9.0,
                               2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0, 2.0 / 17.0, 2.0 / 19.0};
    int e;
    double m = frexp(u, &e);
    if (m < 0.70710678118654752440) {
        m *= 2;
        e--;
    }
    const double s = (m - 1) / (m + 1);
    return e * 0.69314718055994530942 + s * polynomial(s * s, c, 10);
}

/* The cosine and sine of 2 pi u, u in [0, 1): u is turned to within an eighth of 0, 1/4, 1/2, 3/4
 * or 1, which are only changes of sign and place. */
static void circle_point(double u, double *x, double *y)
{
    static const double c[] = {1.0,
                               -1.0 / 2,
                               1.0 / 24,
                               -1.0 / 720,
                               1.0 / 40320,
                               -1.0 / 3628800,
                               1.0 / 479001600,
                               -1.0 / 87178291200,
                               1.0 / 20922789888000};
    static const double s[] = {1.0,
                               -1.0 / 6,
                               1.0 / 120,
                               -1.0 / 5040,
                               1.0 / 362880,
                               -1.0 / 39916800,
                               1.0 / 6227020800,
                               -1.0 / 1307674368000,
                               1.0 / 355687428096000};
    const int quarter = (int)(4 * u + 0.5);
    const double angle = (4 * u - quarter) * 1.57079632679489661923;
    const double cosine = polynomial(angle * angle, c, 9);
    const double sine = angle * polynomial(angle * angle, s, 9);
    const double turned[4][2] = {
        {cosine, sine}, {-sine, cosine}, {-cosine, -sine}, {sine, -cosine}};
    *x = turned[quarter & 3][0];
    *y = turned[quarter & 3][1];
}

/* Box and Muller: u in (0, 1] and v in [0, 1), uniform, give two independent normal numbers. */
static void normal_pair(double u, double v, double *first, double *second)
{
    const double radius = sqrt(-2 * log_of(u));
    double x, y;
    circle_point(v, &x, &y);
    *first = radius * x;
    *second = radius * y;
}

static void normal_f32(const filling *f, const uint32_t bits[4], void *elements)
{
    (void)f;
    float *z = elements;
    for (int i = 0; i < 4; i += 2) {
        double x, y;
        normal_pair(((double)bits[i] + 1) * 0x1p-32, (double)bits[i + 1] * 0x1p-32, &x, &y);
        z[i] = (float)x;
        z[i + 1] = (float)y;
    }
}

static void normal_f64(const filling *f, const uint32_t bits[4], void *elements)
{
    (void)f;
    double *z = elements;
    normal_pair(uniform53(bits) + 0x1p-53, uniform53(bits + 2), &z[0], &z[1]);
}

/* ---- whole numbers -------------------------------------------------------------------------- */

/* The upper 64 bits of a b: with a random, a number in [0, b). */
static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    const uint64_t mask = UINT32_MAX;
    const uint64_t low = (a & mask) * (b & mask);
    const uint64_t middle = (a >> 32) * (b & mask) + (low >> 32);
    const uint64_t other = (a & mask) * (b >> 32) + (middle & mask);
    return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
}

/* low + a number in [0, range), which as a sum of unsigned numbers never overflows. */
static int64_t whole(const filling *f, const uint32_t bits[2])
{
    const uint64_t sum = (uint64_t)f->low + multiply_high(pair_bits(bits), f->range);
    int64_t value;
    memcpy(&value, &sum, sizeof value);
    return value;
}

static void whole_i64(const filling *f, const uint32_t bits[4], void *elements)
{
    int64_t *x = elements;
    x[0] = whole(f, bits);
    x[1] = whole(f, bits + 2);
}

static void whole_u8(const filling *f, const uint32_t bits[4], void *elements)
{
    uint8_t *x = elements;
    x[0] = (uint8_t)whole(f, bits);
    x[1] = (uint8_t)whole(f, bits + 2);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static rv_tensor *floating(const char *who, convert_block *f32, convert_block *f64, rv_dtype dtype,
                           int ndim, const int64_t *shape)
{
    if (dtype == RV_I64 || dtype == RV_U8)
        return rv_fail_null(RV_ERROR_DTYPE, who, "%s is not a floating dtype (F32, F64)",
                            rv_dtype_name(dtype));
    rv_tensor *t = rv_make(who, dtype, ndim, shape);
    return t != NULL ? fill(t, (filling){.convert = dtype == RV_F32 ? f32 : f64}) : NULL;
}

rv_tensor *rv_rand_n(rv_dtype dtype, int ndim, const int64_t *shape)
{
    return floating("rand", uniform_f32, uniform_f64, dtype, ndim, shape);
}

rv_tensor *rv_randn_n(rv_dtype dtype, int ndim, const int64_t *shape)
{
    return floating("randn", normal_f32, normal_f64, dtype, ndim, shape);
}

void rv_random_normals(rv_random_place place, int64_t n, double *z)
{
    run(&(filling){.place = place,
                   .convert = normal_f64,
                   .data = (char *)z,
                   .numel = n,
                   .of_block = 2,
                   .element_bytes = sizeof(double)});
}

rv_tensor *rv_randint_n(int64_t low, int64_t high, rv_dtype dtype, int ndim, const int64_t *shape)
{
    const char *who = "randint";
    if (rv_dtype_is_floating(dtype))
        return rv_fail_null(RV_ERROR_DTYPE, who, "%s is not a dtype of whole numbers (I64, U8)",
                            rv_dtype_name(dtype));
    if (low >= high)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "no whole number is in [%lld, %lld)",
                            (long long)low, (long long)high);
    if (dtype == RV_U8 && (low < 0 || high > 256))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "U8 cannot hold [%lld, %lld), only [0, 256)",
                            (long long)low, (long long)high);
    rv_tensor *t = rv_make(who, dtype, ndim, shape);
    if (t == NULL)
        return NULL;
    return fill(t, (filling){.convert = dtype == RV_U8 ? whole_u8 : whole_i64,
                             .low = low,
                             .range = (uint64_t)high - (uint64_t)low});
}

void rv_permute_indices(rv_random_place place, int64_t n, int64_t *indices)
{
    for (int64_t i = 0; i < n; i++)
        indices[i] = i;
    uint32_t bits[4];
    for (int64_t i = n - 1, drawn = 0; i > 0; i--, drawn++) {
        if (drawn % 2 == 0)
            rv_philox(place, (uint64_t)drawn / 2, bits);
        const uint64_t random = pair_bits(bits + drawn % 2 * 2);
        const int64_t other = (int64_t)multiply_high(random, (uint64_t)i + 1);
        const int64_t moved = indices[i];
        indices[i] = indices[other];
        indices[other] = moved;
    }
}

rv_tensor *rv_permutation(int64_t n)
{
    rv_tensor *t = rv_make("permutation", RV_I64, 1, &n);
    if (t == NULL)
        return NULL;
    rv_permute_indices(rv_random_take(2 * n), n, (int64_t *)(void *)t->data);
    return t;
}
