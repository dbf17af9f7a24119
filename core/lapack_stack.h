/* lapack_stack.h - running a function of one matrix for every matrix of a stack. Private to core/.
 *
 * What the function returns is LAPACK's info: 0 if all is well, else what is reported for the first
 * matrix that has one.
 */
#ifndef RV_CORE_LAPACK_STACK_H
#define RV_CORE_LAPACK_STACK_H

#include <limits.h>

#include "core/lapack.h"

enum { LAPACK_NOT_FINITE = INT_MIN };

typedef struct lapack_stack lapack_stack;

/* What is done to matrix i of the stack, with `work` for its own; returns its info. */
typedef int lapack_one_matrix(const lapack_stack *s, int64_t i, char *work);

struct lapack_stack {
    const char *who;
    lapack_one_matrix *run;
    rv_dtype dtype;
    int64_t count;          /* matrices */
    double work_of_one;     /* in multiplications */
    size_t bytes;           /* of workspace */
    int rows, columns;      /* of a matrix */
    int floats, ints;       /* elements of LAPACK's own workspaces, in `work` in this order */
    const rv_tensor *in[4]; /* operands, each function's own */
    rv_triangular system;
    bool singular_too, transposed, vectors;
    /* set by rv_lapack_run */
    int64_t matrices_of_piece;
    char *workspaces;
    int *infos; /* [count] */
};

/* A stack of the matrices of `t`. False with an error if LAPACK cannot count them. */
bool rv_lapack_stack_of(lapack_stack *s, const char *who, const rv_tensor *t,
                        lapack_one_matrix *of_one);

/* Runs a stack; false if memory is short, or with `problem` and its info if a matrix has no result.
 */
bool rv_lapack_run(lapack_stack *s, const rv_tensor *named, const char *problem);

/* ---- for the functions of one matrix --------------------------------------------------------- */

/* Matrix i of a tensor whose last `inner` axes are one. */
char *rv_lapack_matrix_at(const rv_tensor *t, int inner, int64_t i);

/* Sets the sizes of LAPACK's workspaces in a stack; `floats` is its own answer, in s's dtype, which
 * F32 may have rounded down. */
void rv_lapack_set_workspace(lapack_stack *s, double floats, int ints);
/* The ints of a workspace: behind its floats. */
int *rv_lapack_ints_of(const lapack_stack *s, char *work);
/* What LAPACK wrote as its wish for floats. */
double rv_lapack_answer_of(const lapack_stack *s, const double *answer);

/* Whether the elements of row-major [rows, columns] are finite; of the lower triangle, if so. */
bool rv_lapack_is_finite(const lapack_stack *s, const char *data, bool lower);
/* Zeros what stands on one side of the diagonal of row-major [rows, columns]. */
void rv_lapack_clear(const lapack_stack *s, char *data, bool above);

#endif
