/* clip.h - gradients made smaller between backward and step.
 *
 *     rv_backward(loss);
 *     rv_clip_grad_norm(rv_parameters(net), 1.0);
 *     rv_optim_step(opt);
 *
 * Parameters without a gradient are passed over. A gradient that changes is replaced by a new
 * tensor (rv_set_grad); nothing is recorded. All or nothing: after an error all gradients are as
 * they were. Nothing is done while an error is unread.
 */
#ifndef RV_OPTIM_CLIP_H
#define RV_OPTIM_CLIP_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_clip_options {
    rv_tensors parameters;
    double max_norm;         /* required, the second argument; >= 0; INFINITY: nothing is clipped */
    double norm_type;        /* default 2; the p of rv_norm: any number but NaN, or INFINITY */
    bool error_if_nonfinite; /* default false */
} rv_clip_options;

/* rv_clip_grad_norm(parameters, max_norm, .norm_type = 1): multiplies all gradients with
 * min(1, max_norm / (norm + 1e-6)) and returns norm, that of the norms of all gradients, which is
 * the norm of all their elements: PyTorch's clip_grad_norm_, but in double. A norm that is NaN
 * makes all gradients NaN, an infinite one makes them 0 and NaN, as there; with error_if_nonfinite
 * that is an error. 0 if there are no gradients. NaN with an error for a parameter that is NULL, an
 * option out of its range, or memory that is out. */
#define rv_clip_grad_norm(...) \
    RV_OPTIONS(rv_clip_grad_norm_with, rv_clip_options, .norm_type = 2, .parameters = __VA_ARGS__)
RV_API double rv_clip_grad_norm_with(const rv_clip_options *options);

/* Every element of all gradients into [-value, value]; NaN stays NaN. PyTorch's clip_grad_value_.
 * False with an error if value is not >= 0, a parameter is NULL, or memory is out. */
RV_API bool rv_clip_grad_value(rv_tensors parameters, double value);

RV_END_C

#endif
