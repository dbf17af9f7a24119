/* update.c - one step of an optimizer for one piece of a parameter, in one pass over memory.
 *
 * PyTorch's formulas in PyTorch's order (torch/optim/sgd.py, adam.py); F32 parameters are computed
 * in F32, with each factor rounded once. A block's gradient stays in the nearest cache, where the
 * steps of the formula follow each other as plain loops.
 */

#include <math.h>

#include "core/kernels/isa.h"

#define BLOCK 256

#define EACH RV_INDEPENDENT for (int64_t i = 0; i < count; i++)

/* g = gradient + weight_decay * p, a block of it. */
#define DEFINE_DECAYED(T)                                                                       \
    static inline void decayed_##T(int64_t count, T *g, const T *gradient, const T *p, T decay) \
    {                                                                                           \
        if (decay == 0) {                                                                       \
            EACH g[i] = gradient[i];                                                            \
        } else {                                                                                \
            EACH g[i] = gradient[i] + decay * p[i];                                             \
        }                                                                                       \
    }

DEFINE_DECAYED(float)
DEFINE_DECAYED(double)

#define SGD(dtype, T)                                                                       \
    void RV_KERNEL(sgd_##dtype)(int64_t n, const rv_sgd_update *u, void *parameter,         \
                                const void *gradient, void *buffer)                         \
    {                                                                                       \
        const T lr = (T)u->lr, momentum = (T)u->momentum, undamped = (T)(1 - u->dampening); \
        T g[BLOCK];                                                                         \
        for (int64_t start = 0; start < n; start += BLOCK) {                                \
            const int64_t count = n - start < BLOCK ? n - start : BLOCK;                    \
            T *const p = (T *)parameter + start;                                            \
            decayed_##T(count, g, (const T *)gradient + start, p, (T)u->weight_decay);      \
            if (momentum != 0) {                                                            \
                T *const buf = (T *)buffer + start;                                         \
                if (u->first) {                                                             \
                    EACH buf[i] = g[i];                                                     \
                } else {                                                                    \
                    EACH buf[i] = momentum * buf[i] + undamped * g[i];                      \
                }                                                                           \
                if (u->nesterov) {                                                          \
                    EACH g[i] = g[i] + momentum * buf[i];                                   \
                } else {                                                                    \
                    EACH g[i] = buf[i];                                                     \
                }                                                                           \
            }                                                                               \
            EACH p[i] = p[i] - lr * g[i];                                                   \
        }                                                                                   \
    }

SGD(F32, float)
SGD(F64, double)

#define ADAM(dtype, T, root)                                                               \
    void RV_KERNEL(adam_##dtype)(int64_t n, const rv_adam_update *u, void *parameter,      \
                                 const void *gradient, void *exp_avg, void *exp_avg_sq)    \
    {                                                                                      \
        const T beta2 = (T)u->beta2, rest1 = (T)(1 - u->beta1), rest2 = (T)(1 - u->beta2); \
        const T eps = (T)u->eps, step_size = (T)u->step_size, scale = (T)u->root_scale;    \
        T g[BLOCK];                                                                        \
        for (int64_t start = 0; start < n; start += BLOCK) {                               \
            const int64_t count = n - start < BLOCK ? n - start : BLOCK;                   \
            T *const p = (T *)parameter + start;                                           \
            T *const m = (T *)exp_avg + start, *const v = (T *)exp_avg_sq + start;         \
            decayed_##T(count, g, (const T *)gradient + start, p, (T)u->weight_decay);     \
            EACH                                                                           \
            {                                                                              \
                const T m_new = m[i] + (g[i] - m[i]) * rest1;                              \
                const T v_new = beta2 * v[i] + rest2 * g[i] * g[i];                        \
                m[i] = m_new;                                                              \
                v[i] = v_new;                                                              \
                p[i] = p[i] - step_size * m_new / (root(v_new) / scale + eps);             \
            }                                                                              \
        }                                                                                  \
    }

ADAM(F32, float, sqrtf)
ADAM(F64, double, sqrt)
