/* op_loss.h - what the losses share: checks, and labels that name classes. Private to autograd/. */
#ifndef RV_AUTOGRAD_OP_LOSS_H
#define RV_AUTOGRAD_OP_LOSS_H

#include "autograd/op_support.h"

#include "core/kernels/kernels.h"

/* Whether it is one of mean, sum and none; false with an error under `who`. */
bool rv_check_reduction(const char *who, rv_reduction reduction);

/* Whether x and target are floating, of one dtype and shape; false with an error under `who`. */
bool rv_check_pair(const char *who, const rv_tensor *x, const rv_tensor *target);

/* The losses themselves, their sum, or their mean. */
rv_tensor *rv_reduced(rv_tensor *losses, rv_reduction reduction);

/* Whether weight is NULL, or has a number for each class of the scores, in their dtype; false with
 * an error under `who`. */
bool rv_check_class_weight(const char *who, const rv_tensor *scores, const rv_tensor *weight);

/* The labels of some samples, looked at: none but `ignored` ones is out of range. */
typedef struct rv_labels {
    const rv_tensor *labels; /* I64, contiguous, a tensor of the innermost scope or the caller's */
    const rv_tensor *weight; /* contiguous, or NULL */
    int64_t classes;
    const int64_t *ignored; /* the label that counts nothing; NULL: there is none */
    int64_t ignored_count;  /* how many labels are that */
    double counted;         /* the sum of the weights of the others */
} rv_labels;

/* Whether the labels (and the weight, unless it is NULL) fit the scores: [n, classes, d..] and
 * [n, d..], or [classes] and 0-d; false with an error under `who`, which names a label that is no
 * class. `into` is what was found. */
bool rv_check_labels(const char *who, const rv_tensor *scores, const rv_tensor *labels,
                     const rv_tensor *weight, const int64_t *ignored, rv_labels *into);

/* The axis of scores that the classes lie along. */
static inline int rv_class_axis(const rv_tensor *scores)
{
    return scores->ndim == 1 ? 0 : 1;
}

/* As constants, in the shape of the labels with an axis of size 1 for the classes: the class of
 * each sample, I64, an ignored one's being 0; 1 for the samples that are not ignored, U8; and a
 * number for each sample, `base` + `share` * its label's weight, an ignored one's being 0. */
rv_tensor *rv_label_index(const rv_labels *of);
rv_tensor *rv_label_mask(const rv_labels *of);
rv_tensor *rv_label_shares(const rv_labels *of, rv_dtype dtype, double base, double share);

#endif
