/* random.h - random numbers that do not depend on threads.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a function
 * from a key (64 bits) and a counter (128 bits) to 128 random bits, with no state in between.
 * Element i of a random tensor is drawn from counter offset + i/4 (F32: 32 bits an element) or
 * offset + i/2 (all else: 64 bits), so any thread may draw any element.
 *
 * The generator is a seed and an offset; each call below takes as much of the counter as it needs.
 * Same seed, same calls in the same order: same numbers, on any machine.
 *
 * Global: one generator, used by all threads (each draw is atomic; which of two threads draws first
 * is up to them).
 */
#ifndef RV_CORE_RANDOM_H
#define RV_CORE_RANDOM_H

#include "core/tensor.h"

RV_BEGIN_C

/* Starts the generator again at `seed`. Without it, the seed is 0. */
RV_API void rv_seed(uint64_t seed);

/* Where random numbers come from: a place in the sequence of a seed. */
typedef struct rv_random_place {
    uint64_t seed;
    uint64_t offset; /* in blocks of four 32-bit numbers */
} rv_random_place;

/* The generator's place; and sets it, as a checkpoint does. */
RV_API rv_random_place rv_random_now(void);
RV_API void rv_random_resume(rv_random_place place);

/* For those who write operations: takes `numbers` 32-bit numbers (rounded up to blocks of four)
 * from the generator and returns where they start. */
RV_API rv_random_place rv_random_take(int64_t numbers);

/* The block of four numbers at place.offset + block. */
RV_API void rv_philox(rv_random_place place, uint64_t block, uint32_t out[4]);

/* Uniform in [0, 1), normal with mean 0 and deviation 1 (Box and Muller 1958), of any shape, F32 or
 * F64: rv_rand(RV_F32, 2, 3). F32 uniforms have 24 random bits, F64 53. Normals are computed
 * without the system's mathematical functions, whose last bits differ between machines. Errors:
 * another dtype, and those of rv_empty. */
#define rv_rand(...) RV_SHAPED(rv_rand_n, __VA_ARGS__)
#define rv_randn(...) RV_SHAPED(rv_randn_n, __VA_ARGS__)
RV_API rv_tensor *rv_rand_n(rv_dtype dtype, int ndim, const int64_t *shape);
RV_API rv_tensor *rv_randn_n(rv_dtype dtype, int ndim, const int64_t *shape);

/* z[0] to z[n - 1]: normal numbers, from a given place, in F64. Uses (n + 1)/2 blocks. */
RV_API void rv_random_normals(rv_random_place place, int64_t n, double *z);

/* rv_randint(low, high, RV_I64, 2, 3): whole numbers in [low, high), each equally likely to within
 * 2^-64; I64 or U8. Error: low >= high, or not in the dtype's range. */
#define rv_randint(low, high, ...)                                                       \
    __extension__({                                                                      \
        RV_QUIET_BEGIN                                                                   \
        const int64_t rv_randint_[] = {__VA_ARGS__};                                     \
        RV_QUIET_END                                                                     \
        rv_randint_n((low), (high), (rv_dtype)rv_randint_[0], RV_COUNT(rv_randint_) - 1, \
                     rv_randint_ + 1);                                                   \
    })
RV_API rv_tensor *rv_randint_n(int64_t low, int64_t high, rv_dtype dtype, int ndim,
                               const int64_t *shape);

/* The numbers 0 to n-1 in random order (Fisher-Yates), I64 [n]. Error: n < 0. */
RV_API rv_tensor *rv_permutation(int64_t n);
/* The same from a given place, into an array: for data loaders. Uses n blocks at most. */
RV_API void rv_permute_indices(rv_random_place place, int64_t n, int64_t *indices);

RV_END_C

#endif
