/* samples.h - the table of samples: for every operation, calls whose results are known.
 *
 * From this one table the tests run each operation forward (against golden values, in F64 and F32),
 * backward (gradcheck, gradgradcheck, golden gradients), on inputs that are not contiguous, and on
 * bad input. A test fails when an operation of RV_OPERATION_LIST has no sample, or fewer than two
 * bad calls.
 *
 * A sample is a call on inputs that its name alone decides, and what the same call is in PyTorch:
 * a line in samples_<family>.inc. A bad call is a line in bad_<family>.inc:
 * F(2, 3) is a tensor of ones in F64, F0 one of 0-d, HALF one in F32, WHOLE in I64, BYTES in U8,
 * LABELS(value, 2, 3) an I64 tensor of one value.
 *
 *     SAMPLE(sum, axis_1, rv_sum(in[0], .axes = RV_AXES(1)), "a.sum(1)", CHECKED, F64(2, 3, 4))
 *     BAD(exp, i64, rv_exp(WHOLE(2)), DTYPE, "exp: ")
 *
 * Floating inputs are F64 (but for samples about F32 itself); who runs the table runs each sample
 * also with its F64 inputs cast to F32, expecting the same to within rounding. Inputs that are not
 * contiguous are made by who runs the table, from the same values.
 */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include "ravine.h"

#define SAMPLE_MAX_INPUTS 6

/* How an input's elements are drawn. */
typedef enum sample_kind {
    SAMPLE_UNIFORM, /* low + (high - low)*u; U8 and I64: its floor */
    SAMPLE_WHOLE,   /* the floor of that, in any dtype: with equals among them */
    SAMPLE_APART    /* low + (high - low)*(p + 0.5)/numel, p a permutation: none near another */
} sample_kind;

typedef struct sample_input {
    bool used;
    rv_dtype dtype;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    double low, high; /* elements are in [low, high), */
    sample_kind kind;
    double gap; /* and then moved away from 0, where there is a kink, by this */
} sample_input;

/* F64(2, 3) is an input of shape [2, 3] with values of the default range, F64_IN(low, high, 2, 3)
 * one with its own; F64_0D and so on are 0-d. INPUT says all of it. */
#define INPUT(dtype_, low_, high_, kind_, gap_, ...)                                               \
    {                                                                                              \
        .used = true, .dtype = dtype_,                                                             \
        .ndim = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .shape = {__VA_ARGS__}, \
        .low = low_, .high = high_, .kind = kind_, .gap = gap_                                     \
    }
#define INPUT_0D(dtype_, low_, high_)                                        \
    {                                                                        \
        .used = true, .dtype = dtype_, .ndim = 0, .low = low_, .high = high_ \
    }

#define F64(...) INPUT(RV_F64, -2, 2, SAMPLE_UNIFORM, 0, __VA_ARGS__)
#define F64_IN(low, high, ...) INPUT(RV_F64, low, high, SAMPLE_UNIFORM, 0, __VA_ARGS__)
#define F64_GAP(gap, ...) INPUT(RV_F64, -2, 2, SAMPLE_UNIFORM, gap, __VA_ARGS__)
#define F64_WHOLE(low, high, ...) INPUT(RV_F64, low, high, SAMPLE_WHOLE, 0, __VA_ARGS__)
#define F64_APART(...) INPUT(RV_F64, -2, 2, SAMPLE_APART, 0, __VA_ARGS__)
#define F64_0D INPUT_0D(RV_F64, -2, 2)
#define F32(...) INPUT(RV_F32, -2, 2, SAMPLE_UNIFORM, 0, __VA_ARGS__)
#define I64(low, high, ...) INPUT(RV_I64, low, high, SAMPLE_UNIFORM, 0, __VA_ARGS__)
#define I64_0D(low, high) INPUT_0D(RV_I64, low, high)
#define U8(low, high, ...) INPUT(RV_U8, low, high, SAMPLE_UNIFORM, 0, __VA_ARGS__)

/* What is known of a sample's gradients. */
typedef enum sample_gradient {
    SAMPLE_CHECKED, /* gradcheck and gradgradcheck pass, and they are PyTorch's */
    SAMPLE_KINK,    /* they are PyTorch's, but at a kink, where differences say nothing */
    SAMPLE_NONE     /* the result requires no gradient, even when the inputs do */
} sample_gradient;

typedef struct sample {
    const char *family; /* its golden file is tests/golden/<family>.safetensors */
    const char *op;     /* an operation's name as in RV_OPERATION_LIST */
    const char *name;   /* op and name together are unique */
    rv_function *run;   /* the call; its context is not used, and may be NULL */
    sample_input in[SAMPLE_MAX_INPUTS];
    /* The same in PyTorch, an expression of its inputs a, b, c, d, e, f, where `torch`, `F`
     * (torch.nn.functional), `inf`, `nan` and what tests/golden/<family>.py defines,
     * if there is one, are known. A result of booleans stands for U8. */
    const char *torch;
    sample_gradient gradient;
} sample;

/* A call that must fail: its status, and what its message must contain. */
typedef struct bad_call {
    const char *op;
    const char *name;
    rv_tensor *(*call)(void); /* returns what the operation returned: NULL if all is well */
    rv_status status;
    const char *message;
} bad_call;

/* All samples of all files, and all bad calls; NULL beyond the last. */
const sample *sample_at(int index);
const bad_call *bad_call_at(int index);

/* How many inputs a sample has. */
int sample_inputs(const sample *s);

/* Input i of a sample: a contiguous tensor of the innermost scope. The element at row-major place j
 * comes from u = (first 53 bits of the 64 that the numbers 0 (high) and 1 (low) of
 * rv_philox({seed, 0}, i*2^32 + j) are) * 2^-53, where seed is the FNV-1a hash (64 bits) of
 * "op/name"; a permutation is the rank of element j's u. */
rv_tensor *sample_make(const sample *s, int i);
/* Weights in [-1, 1), drawn like an input with number `i` (SAMPLE_MAX_INPUTS or more), in the shape
 * and dtype of t: what a result's gradient is when golden gradients are made. */
rv_tensor *sample_weights(const sample *s, int i, const rv_tensor *t);

#endif
