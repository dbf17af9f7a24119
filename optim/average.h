/* average.h - averages of parameters over training, which often do better than the last ones.
 *
 *     rv_average *average = rv_average_ema(rv_parameters(net), .decay = 0.999);
 *     ...
 *         rv_optim_step(opt);
 *         rv_average_update(average);       // after each step
 *     ...
 *     rv_average_swap_in(average);          // the net now has the averages
 *     rv_update_batch_norm(net, batches);   // where it has batch norms (models.h)
 *     double accuracy = rv_accuracy(net, valid);
 *     rv_average_swap_out(average);         // and goes on training with what it had
 *     rv_average_free(average);
 *
 * PyTorch's torch.optim.swa_utils.AveragedModel, with the averages beside the one model instead of
 * in a copy of it. An average holds its parameters, and has one tensor for each, of its shape and
 * dtype. Its state can be saved: "count", "swapped" (I64), and the averages as "0", "1", ... If it
 * was saved while swapped in, so are the net's parameters; it then comes back swapped in.
 */
#ifndef RV_OPTIM_AVERAGE_H
#define RV_OPTIM_AVERAGE_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_average rv_average;

typedef struct rv_average_ema_options {
    rv_tensors parameters;
    double decay; /* default 0.999; 0 to 1: how much of the old average stays in each update */
    bool warmup;  /* default false; true: no more than (1 + n)/(10 + n) stays in update n, n counted
                     from 1 after the first, so that the start is soon forgotten */
} rv_average_ema_options;

/* Exponential moving (Polyak) averages: the parameters themselves in the first update, then
 * a = decay*a + (1 - decay)*p. As PyTorch's with get_ema_multi_avg_fn; there is no correction for
 * the start. NULL with an error: a decay out of its range; parameters that no optimizer would take
 * (optim.h). */
#define rv_average_ema(...)                                                 \
    RV_OPTIONS(rv_average_ema_with, rv_average_ema_options, .decay = 0.999, \
               .parameters = __VA_ARGS__)
RV_API rv_average *rv_average_ema_with(const rv_average_ema_options *options);

/* Averages of equal weight (stochastic weight averaging, Izmailov et al. 2018): after n updates the
 * mean of the n values seen, a = a + (p - a)/n. As PyTorch's without an avg_fn. */
RV_API rv_average *rv_average_swa(rv_tensors parameters);

/* Takes the parameters' values of now into the averages. False with an error, and nothing changed,
 * for NULL, while the averages are swapped in, or when memory is out; false while an error is
 * unread. */
RV_API bool rv_average_update(rv_average *average);

/* Exchanges parameters and averages, for evaluating; and exchanges them back, bit for bit. Do not
 * train in between. False with an error, and nothing changed: there was no update yet; what is
 * asked for is so already. */
RV_API bool rv_average_swap_in(rv_average *average);
RV_API bool rv_average_swap_out(rv_average *average);

/* How many updates were made; -1 with an error for NULL. */
RV_API int64_t rv_average_count(const rv_average *average);

/* Drops the caller's reference; NULL is ignored. It does not swap out. */
RV_API void rv_average_free(rv_average *average);

RV_END_C

#endif
