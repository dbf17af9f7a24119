/* layers_activation.h - activations: floating, any shape. Formulas: ops_elementwise.h.
 *
 * Shapes are of x and the result; `..` is any number of axes. All functions return NULL with an
 * error for bad options or when memory is out. Floating means F32 or F64; the dtype option is that
 * of the parameters, and the layer takes and gives tensors of it.
 */
#ifndef RV_LAYERS_LAYERS_ACTIVATION_H
#define RV_LAYERS_LAYERS_ACTIVATION_H

#include "layers/layer.h"

RV_BEGIN_C

RV_API rv_layer *rv_layer_relu(void);        /* max(x, 0) */
RV_API rv_layer *rv_layer_tanh(void);        /* (e^x - e^-x) / (e^x + e^-x) */
RV_API rv_layer *rv_layer_sigmoid(void);     /* 1 / (1 + e^-x) */
RV_API rv_layer *rv_layer_log_sigmoid(void); /* log(sigmoid(x)) */
RV_API rv_layer *rv_layer_silu(void);        /* x*sigmoid(x) */
RV_API rv_layer *rv_layer_selu(void);        /* 1.0507..*elu(x, 1.6732..) */
RV_API rv_layer *rv_layer_gelu(void);        /* x*Phi(x) */
RV_API rv_layer *rv_layer_gelu_tanh(void);   /* its approximation by tanh */

typedef struct rv_layer_leaky_relu_options {
    int unused;            /* comes first so that a slope without a name follows it */
    double negative_slope; /* default 0.01; finite */
} rv_layer_leaky_relu_options;
/* rv_layer_leaky_relu(), rv_layer_leaky_relu(0.2) */
#define rv_layer_leaky_relu(...)                                                              \
    RV_OPTIONS(rv_layer_leaky_relu_with, rv_layer_leaky_relu_options, .negative_slope = 0.01, \
               .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_leaky_relu_with(const rv_layer_leaky_relu_options *options);

typedef struct rv_layer_elu_options {
    int unused;   /* as above */
    double alpha; /* default 1; finite */
} rv_layer_elu_options;
#define rv_layer_elu(...) \
    RV_OPTIONS(rv_layer_elu_with, rv_layer_elu_options, .alpha = 1, .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_elu_with(const rv_layer_elu_options *options);

typedef struct rv_layer_softplus_options {
    int unused;       /* as above */
    double beta;      /* default 1; finite and not 0 */
    double threshold; /* default 20: where beta*x is more, the result is x */
} rv_layer_softplus_options;
#define rv_layer_softplus(...)                                                                \
    RV_OPTIONS(rv_layer_softplus_with, rv_layer_softplus_options, .beta = 1, .threshold = 20, \
               .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_softplus_with(const rv_layer_softplus_options *options);

typedef struct rv_layer_hardtanh_options {
    int unused;     /* as above */
    double min_val; /* default -1; finite */
    double max_val; /* default 1; finite, not less than min_val */
} rv_layer_hardtanh_options;
/* rv_layer_hardtanh(), rv_layer_hardtanh(0, 6) */
#define rv_layer_hardtanh(...)                                                                 \
    RV_OPTIONS(rv_layer_hardtanh_with, rv_layer_hardtanh_options, .min_val = -1, .max_val = 1, \
               .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_hardtanh_with(const rv_layer_hardtanh_options *options);

/* Along an axis (negative: from the end): rv_layer_softmax(-1), rv_layer_log_softmax(1). */
RV_API rv_layer *rv_layer_softmax(int axis);
RV_API rv_layer *rv_layer_log_softmax(int axis);

RV_END_C

#endif
