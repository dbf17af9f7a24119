/* macros.h - the few compiler extensions Ravine uses, each behind a name.
 *
 * C11 with GCC or Clang. What is here makes the call sites read as they do: options as designated
 * initializers, shapes as plain arguments, scopes that end with their block.
 */
#ifndef RV_CORE_MACROS_H
#define RV_CORE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RV_BEGIN_C extern "C" {
#define RV_END_C }
#else
#define RV_BEGIN_C
#define RV_END_C
#endif

/* What the shared library exports; everything else stays inside it. */
#define RV_API __attribute__((visibility("default")))

/* Lets the compiler check a printf-like function's arguments. */
#define RV_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* A function that may be missing where the program is linked: then its address is NULL. */
#define RV_WEAK __attribute__((weak))

#define RV_CLEANUP(function) __attribute__((cleanup(function)))
#define RV_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RV_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* A function that is large beside what a call costs. */
#define RV_NOINLINE __attribute__((noinline))

#define RV_JOIN_(a, b) a##b
#define RV_JOIN(a, b) RV_JOIN_(a, b)
#define RV_TEXT_(a) #a
#define RV_TEXT(a) RV_TEXT_(a)

/* Before a loop whose iterations do not depend on each other, so that it is vectorized although its
 * pointers may be equal (a result that takes the place of an input). Clang warns where it does not
 * vectorize; under sanitizers it never does. */
#ifdef __clang__
#define RV_INDEPENDENT                                    \
    _Pragma("clang diagnostic ignored \"-Wpass-failed\"") \
        _Pragma("clang loop vectorize(assume_safety)")
#else
#define RV_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Says that memory will be read (or written) soon. Any address will do. */
#define RV_PREFETCH(address) __builtin_prefetch(address)
#define RV_PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)

/* Before a loop of few iterations, known when compiling, over an array that is to live in
 * registers. Clang unrolls those by itself. */
#ifdef __clang__
#define RV_UNROLL
#else
#define RV_UNROLL _Pragma("GCC unroll 16")
#endif

/* RV_VECTOR(name, T, bytes): `name` is a vector of T, which may stand at any address that a T may,
 * and in memory that is otherwise seen as T. Operators work element by element. */
#define RV_VECTOR(name, T, bytes) \
    typedef T name __attribute__((vector_size(bytes), aligned(sizeof(T)), may_alias))

/* A vector of the elements of a, and behind them b's, that the numbers say. */
#define RV_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* A function whose arguments are constants where it is called, and that is compiled for each. */
#define RV_ALWAYS_INLINE static inline __attribute__((always_inline))

/* Before a loop that is not worth its size unrolled. */
#ifdef __clang__
#define RV_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define RV_ROLLED _Pragma("GCC unroll 1")
#endif

#define RV_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Defaults come first in an options struct and the caller's fields after them, so some are written
 * twice: that is the point, and these silence the warning for it; and for an option that is one
 * number for both axes (`.stride = 2`, where `.stride = {2, 1}` is each axis' own). */
#ifdef __clang__
#define RV_QUIET_BEGIN                                                  \
    _Pragma("clang diagnostic push")                                    \
        _Pragma("clang diagnostic ignored \"-Winitializer-overrides\"") \
            _Pragma("clang diagnostic ignored \"-Wshadow\"")            \
                _Pragma("clang diagnostic ignored \"-Wmissing-braces\"")
#define RV_QUIET_END _Pragma("clang diagnostic pop")
#else
#define RV_QUIET_BEGIN                                                                   \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"") \
        _Pragma("GCC diagnostic ignored \"-Wshadow\"")                                   \
            _Pragma("GCC diagnostic ignored \"-Wmissing-braces\"")
#define RV_QUIET_END _Pragma("GCC diagnostic pop")
#endif

/* For a file that includes a library in one header: what it does not use of that is no mistake. To
 * the end of the file, where GCC looks for what is not used. */
#define RV_QUIET_UNUSED _Pragma("GCC diagnostic ignored \"-Wunused-function\"")

/* RV_OPTIONS(function, type, defaults and the caller's fields...) fills a `type` and calls
 * `function` with its address. A field that the caller names wins over its default, zero included.
 * The struct lives only during the call. */
#define RV_OPTIONS(function, type, ...)         \
    __extension__({                             \
        RV_QUIET_BEGIN                          \
        const type rv_options_ = {__VA_ARGS__}; \
        RV_QUIET_END                            \
        function(&rv_options_);                 \
    })

/* RV_SHAPED(function, dtype, sizes...) calls function(dtype, how many sizes, sizes). */
#define RV_SHAPED(function, ...)                                                     \
    __extension__({                                                                  \
        RV_QUIET_BEGIN                                                               \
        const int64_t rv_shaped_[] = {__VA_ARGS__};                                  \
        RV_QUIET_END                                                                 \
        function((rv_dtype)rv_shaped_[0], RV_COUNT(rv_shaped_) - 1, rv_shaped_ + 1); \
    })

#endif
