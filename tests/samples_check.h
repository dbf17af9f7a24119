/* samples_check.h - what is tried with each sample of the table, whatever its operation. */
#ifndef TESTS_SAMPLES_CHECK_H
#define TESTS_SAMPLES_CHECK_H

#include "helpers.h"
#include "samples.h"

typedef enum verdict {
    PASSED,
    FAILED,
    DOES_NOT_APPLY /* to this sample: a gradient that there is none of, say */
} verdict;

/* Each check says PASSED only if there was something to compare, and sets `why` if it failed. */
typedef verdict sample_check(const sample *s, reason *why);

/* Inputs are the golden ones, bit by bit; the result is PyTorch's to 1e-12. */
sample_check check_forward;
/* So are the gradients of the result weighted by sample_weights; a sample without a gradient has a
 * result that requires none. */
sample_check check_gradient;
/* The sample's operation is part of the graph that is differentiated, unless the result is an input
 * itself. */
sample_check check_recorded;
sample_check check_gradcheck;
sample_check check_gradgradcheck;
/* Results and gradients are the same when inputs and the result's gradient lie differently in
 * memory. */
sample_check check_layouts;
/* F32 gives the same as F64 does on the same numbers, to within F32's rounding. */
sample_check check_f32;
/* Inputs are as they were after all of that. */
sample_check check_inputs_kept;

/* Where the library has no LAPACK, samples of that family are refused, and say so. */
sample_check check_refused;
/* Whether a sample needs what this build has not. */
bool lacks_lapack(const sample *s);

/* Whether a bad call fails as it should. */
bool check_bad_call(const bad_call *call, reason *why);

/* Writes what tests/golden/operations.py needs to know of all samples, as JSON. */
bool dump_samples(const char *path);

#endif
