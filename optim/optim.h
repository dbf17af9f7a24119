/* optim.h - using optimizers: what changes parameters by their gradients.
 *
 *     rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
 *     ...
 *         rv_optim_zero_grad(opt);
 *         rv_backward(loss);
 *         rv_optim_step(opt);
 *     ...
 *     rv_optim_free(opt);
 *
 * Which methods there are, and their options, is in optim_methods.h; how to write one in
 * optim_class.h; clipping of gradients in clip.h. Update rules, defaults and order of operations
 * are PyTorch's current ones. An optimizer holds the parameters that it updates, so they outlive
 * the layer they came from; any leaf that requires a gradient is a parameter:
 * rv_optim_adam(RV_TENSORS(a, b)).
 *
 * Parameters with options of their own are a group: the optimizer that is made with .join gets them
 * as one more group, and is what is returned. Groups are numbered in that order, from 0.
 *
 *     rv_optim *opt = rv_optim_adam(rv_parameters(body), .lr = 1e-3);
 *     rv_optim_adam(rv_parameters(head), .lr = 1e-2, .weight_decay = 0.1, .join = opt);
 *
 * An optimizer's state can be saved (rv_save), and stopping after any step and going on from the
 * file gives the same numbers, bit for bit. It is, with parameters numbered over all groups:
 *
 *     lr                F64 [groups] (0-d for one group): the learning rates now
 *     momentum          F64, likewise: of methods with a momentum that a schedule may cycle
 *     steps, skipped    I64: what rv_optim_steps and rv_optim_skipped say
 *     group.G           I64 [parameters of group G]: their numbers; only for more than one group
 *     state.I.step      I64: the steps that parameter I made
 *     state.I.NAME      what the method keeps for it, under PyTorch's names
 *
 * So a file that does not fit the optimizer (another method, other groups, more parameters, other
 * shapes) is refused by rv_load, with the names that are wrong. All other options are the
 * program's, and not saved.
 */
#ifndef RV_OPTIM_OPTIM_H
#define RV_OPTIM_OPTIM_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_optim rv_optim;

/* Updates every parameter that has a gradient; one that has none is left alone: no state, no decay,
 * no step counted. All or nothing: false with an error, and nothing changed, if a gradient does not
 * fit or memory is out; false while an error is unread, so that no step is made with what a failed
 * backward left. True also for a step that was skipped (rv_optim_nonfinite in optim_class.h). */
RV_API bool rv_optim_step(rv_optim *opt);

/* Drops the gradients of all parameters (as PyTorch's set_to_none). False with an error for NULL.
 */
RV_API bool rv_optim_zero_grad(rv_optim *opt);

/* How many groups there are; 0 with an error for NULL. */
RV_API int64_t rv_optim_groups(const rv_optim *opt);

/* The learning rate that the next step uses, of group 0: NaN with an error for NULL. Setting it
 * sets that of all groups: false with an error, and nothing changed, if it is not finite and >= 0
 * (it begins > 0, but a schedule may end at 0). After rv_load it is the file's. */
RV_API double rv_optim_lr(const rv_optim *opt);
RV_API bool rv_optim_set_lr(rv_optim *opt, double lr);

/* Of one group; an error also if there is no such group. */
RV_API double rv_optim_group_lr(const rv_optim *opt, int64_t group);
RV_API bool rv_optim_set_group_lr(rv_optim *opt, int64_t group, double lr);

/* A group's momentum, for schedules that cycle it (SGD's and RMSprop's momentum, betas[0] of the
 * Adam family), saved and loaded as the learning rate is. Whether a method has one: NULL is none.
 * NaN, false with an error if it has none, or the value is out of the range that the method allows;
 * also from 0 to another value or back where the method keeps a buffer only for a momentum. */
RV_API bool rv_optim_has_momentum(const rv_optim *opt);
RV_API double rv_optim_group_momentum(const rv_optim *opt, int64_t group);
RV_API bool rv_optim_set_group_momentum(rv_optim *opt, int64_t group, double momentum);

/* How many steps were made, and how many were skipped because a gradient was not finite; -1 with an
 * error for NULL. */
RV_API int64_t rv_optim_steps(const rv_optim *opt);
RV_API int64_t rv_optim_skipped(const rv_optim *opt);

/* Drops the caller's reference; NULL is ignored. */
RV_API void rv_optim_free(rv_optim *opt);

RV_END_C

#endif
