/* loops_float.c - elementwise loops for F32 and F64: functions, and their derivatives.
 *
 * exp, log, tanh and sigmoid of F32 are our own vector code (float_math.h); of F64, where accuracy
 * comes first, the C library's.
 */

#include "core/kernels/float_math.h"
#include "core/kernels/loops.h"

UNARY(exp, F32, float, float, f32_exp(x))
UNARY(log, F32, float, float, f32_log(x))
UNARY(tanh, F32, float, float, f32_tanh(x))
UNARY(sigmoid, F32, float, float, f32_sigmoid(x))
UNARY(sqrt, F32, float, float, sqrtf(x))

UNARY_CALL(exp, F64, double, exp(x))
UNARY_CALL(log, F64, double, log(x))
UNARY_CALL(tanh, F64, double, tanh(x))
UNARY_CALL(sigmoid, F64, double, f64_sigmoid(x))
UNARY(sqrt, F64, double, double, sqrt(x))

#define BOTH(name, expression)                  \
    BINARY(name, F32, float, float, expression) \
    BINARY(name, F64, double, double, expression)

BOTH(div, a / b)
BOTH(tanh_grad, a *(1 - b * b))
BOTH(sigmoid_grad, a *b *(1 - b))
BOTH(relu_grad, b > 0 ? a : 0)

/* Squares, and what their derivative raises to the power of 1, are most of all powers: one exponent
 * for all elements is looked at before the loop. */
#define POW(dtype, T, function)                                                       \
    void RV_KERNEL(pow_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                 \
        OPERAND(0);                                                                   \
        OPERAND(1);                                                                   \
        OPERAND(2);                                                                   \
        if (n > 0 && step2 == 0) {                                                    \
            const T exponent = ELEMENT(const T, 2, 0);                                \
            if (exponent == 2) {                                                      \
                RV_KERNEL(mul_##dtype)                                                \
                (n, (char *const[]){data[0], data[1], data[1]},                       \
                 (const int64_t[]){strides[0], strides[1], strides[1]});              \
                return;                                                               \
            }                                                                         \
            if (exponent == 1) {                                                      \
                RV_KERNEL(cast_##dtype##_##dtype)(n, data, strides);                  \
                return;                                                               \
            }                                                                         \
        }                                                                             \
        for (int64_t i = 0; i < n; i++) {                                             \
            const T a = ELEMENT(const T, 1, i), b = ELEMENT(const T, 2, i);           \
            ELEMENT(T, 0, i) = function(a, b);                                        \
        }                                                                             \
    }

POW(F32, float, powf)
POW(F64, double, pow)
