/* clip.h - gradients made smaller between backward and step, and looked at.
 *
 *     rv_backward(loss);
 *     rv_clip_grad_norm(rv_parameters(net), 1.0);
 *     rv_optim_step(opt);
 *
 * Parameters without a gradient are passed over. Gradients are changed in place.
 */
#ifndef RV_OPTIM_CLIP_H
#define RV_OPTIM_CLIP_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_clip_options {
    rv_tensors parameters;
    double max_norm;         /* required, the second argument; >= 0 */
    double norm_type;        /* default 2; > 0; INFINITY: the largest absolute value */
    bool error_if_nonfinite; /* default false */
} rv_clip_options;

/* rv_clip_grad_norm(parameters, max_norm, .norm_type = 1): multiplies all gradients with
 * min(1, max_norm / (norm + 1e-6)), where norm, which is returned, is that of the norms of all
 * gradients (the norm of all their elements): PyTorch's clip_grad_norm_. A norm that is NaN makes
 * all gradients NaN, an infinite one makes them 0 and NaN, as there; with error_if_nonfinite that
 * is an error, and nothing is changed. 0 if there are no gradients. NaN with an error for NULL, an
 * option out of its range, or memory that is out. */
#define rv_clip_grad_norm(...) \
    RV_OPTIONS(rv_clip_grad_norm_with, rv_clip_options, .norm_type = 2, .parameters = __VA_ARGS__)
RV_API double rv_clip_grad_norm_with(const rv_clip_options *options);

/* Every element of all gradients into [-value, value] (NaN stays NaN): PyTorch's clip_grad_value_.
 * False with an error if value is not finite and >= 0, or a parameter is NULL. */
RV_API bool rv_clip_grad_value(rv_tensors parameters, double value);

RV_END_C

#endif
