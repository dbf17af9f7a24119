/* minimize_methods.h - the methods that evaluate the loss again, for rv_optim_minimize.
 *
 * All return an optimizer whose one reference the caller holds, or NULL with an error, as those of
 * optim_methods.h do. In formulas x is all parameters as one vector, g the gradient there, s and y
 * what an iteration changed of each.
 */
#ifndef RV_OPTIM_MINIMIZE_METHODS_H
#define RV_OPTIM_MINIMIZE_METHODS_H

#include "optim/line_search.h"
#include "optim/minimize.h"
#include "optim/optim_class.h"

RV_BEGIN_C

typedef struct rv_lbfgs_options {
    RV_MINIMIZE_COMMON;
    int64_t history;            /* default 10; >= 1: pairs (s, y) that are kept */
    rv_line_method line_search; /* default RV_LINE_MORE_THUENTE */
    double decrease;            /* default 1e-4; as in line_search.h */
    double curvature;           /* default 0.9 */
} rv_lbfgs_options;

/* rv_optim_lbfgs(rv_parameters(net), .history = 20): L-BFGS (Liu and Nocedal 1989; Nocedal and
 * Wright 2006, algorithm 7.5). The direction is -H g, where H is what BFGS would make of a multiple
 * of the identity with the last `history` pairs, by the two loops over them; the multiple is the
 * largest s'y/y'y of the last five. A pair whose
 * curvature s'y is not positive beyond rounding is not kept. The first step tried is lr, and in the
 * very first iteration lr/|g|. Where no step is found along -H g the pairs are forgotten, and
 * steepest descent is tried. State: old_steps and old_changes [history,n],
 * reciprocals and scales [history], and numbers. */
#define rv_optim_lbfgs(...)                                                                \
    RV_OPTIONS(rv_optim_lbfgs_with, rv_lbfgs_options, RV_MINIMIZE_DEFAULTS, .history = 10, \
               .decrease = 1e-4, .curvature = 0.9, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_lbfgs_with(const rv_lbfgs_options *options);

typedef enum rv_bfgs_update {
    RV_BFGS_PLAIN,               /* Broyden, Fletcher, Goldfarb, Shanno 1970 */
    RV_BFGS_SELF_SCALED,         /* H is divided by min(1, 1/b) first (Al-Baali 1998) */
    RV_BFGS_SELF_SCALED_BROYDEN, /* of Broyden's family (Urban, Stefanou and Pons 2025) */
    RV_BFGS_UPDATE_COUNT
} rv_bfgs_update;

typedef struct rv_bfgs_options {
    RV_MINIMIZE_COMMON;
    rv_bfgs_update update;      /* default RV_BFGS_PLAIN */
    rv_line_method line_search; /* default RV_LINE_MORE_THUENTE */
    double decrease;            /* default 1e-4; as in line_search.h */
    double curvature;           /* default 0.9 */
    bool predict_step; /* default false: lr is the first step tried; true: lr * min(1, 2.02 * fall /
                          |slope|), with which a parabola falls as the loss did in the last
                          iteration (Nocedal and Wright 2006, formula 3.60). A scaled H makes steps
                          of 1 too long: for one large problem that spares a third of the
                          evaluations; where many small ones are solved at once it may cost some */
} rv_bfgs_options;

/* rv_optim_bfgs(rv_parameters(net), .update = RV_BFGS_SELF_SCALED_BROYDEN): dense quasi-Newton
 * methods, for up to some thousands of parameters: memory for n*(n + 1)/2 numbers, and as many
 * multiplications with additions an iteration, a few times. The direction is -H g; with rho =
 * 1/(s'y), b = s'Bs rho (B the inverse of H), v = rho s - Hy/y'Hy,
 *
 *     H+ = (H - Hy(Hy)'/y'Hy + phi y'Hy v v')/tau + rho s s'
 *
 * BFGS is phi = 1, tau = 1, and H = s'y/y'y I before its first update; self-scaled BFGS tau =
 * min(1, 1/b) from the second on; self-scaled Broyden chooses both (J. Comput. Phys. 523, 113656,
 * formulas 13 to 23), and begins with H = I. Where an update would not leave H positive definite,
 * or no step is found along -H g, H starts anew. State: inverse_hessian (a triangle, row by row),
 * product, product_of, waiting_product, waiting_step [n], and numbers. */
#define rv_optim_bfgs(...)                                                                  \
    RV_OPTIONS(rv_optim_bfgs_with, rv_bfgs_options, RV_MINIMIZE_DEFAULTS, .decrease = 1e-4, \
               .curvature = 0.9, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_bfgs_with(const rv_bfgs_options *options);

/* How much of the last direction a new one has: with y the change of the gradient, d the last
 * direction, g+ the gradient now, g the one before it. */
typedef enum rv_cg_beta {
    RV_CG_POLAK_RIBIERE,    /* max(0, g+'y/g'g) (Polak and Ribiere 1969; Powell 1984) */
    RV_CG_HAGER_ZHANG,      /* max(least, (y - 2 d y'y/d'y)'g+/d'y): always descends */
    RV_CG_FLETCHER_REEVES,  /* g+'g+/g'g (Fletcher and Reeves 1964) */
    RV_CG_HESTENES_STIEFEL, /* g+'y/d'y (Hestenes and Stiefel 1952) */
    RV_CG_DAI_YUAN,         /* g+'g+/d'y (Dai and Yuan 1999) */
    RV_CG_BETA_COUNT
} rv_cg_beta;

typedef struct rv_cg_options {
    RV_MINIMIZE_COMMON;
    rv_cg_beta beta; /* default RV_CG_POLAK_RIBIERE: the fewest evaluations in all */
    int64_t restart; /* default 0: 6 n; >= 0: iterations after which -g is the direction */
    rv_line_method line_search; /* default RV_LINE_MORE_THUENTE */
    double decrease;            /* default 1e-4; as in line_search.h */
    double curvature;           /* default 0.1: steps that nearly reach the lowest place */
} rv_cg_options;

/* rv_optim_cg(rv_parameters(net), .beta = RV_CG_HAGER_ZHANG): nonlinear conjugate gradients
 * (Hager and Zhang, "A survey of nonlinear conjugate gradient methods", Pacific J. Optim. 2, 2006),
 * for so many parameters that not even the pairs of L-BFGS fit: it keeps one. The direction is
 * -g + beta d; -g where that does not descend, where no step is found along it, and after
 * `restart` iterations. Hager and Zhang's beta is CG_DESCENT's (ACM TOMS 32, 2006, 113-137), no
 * less than -1/(|d| min(0.01, |g|)). The first step tried is lr times the one that changes
 * the loss, to first order, as the last iteration's did, and in the very first one lr/|g|. State:
 * old_step, old_change [n], and numbers. */
#define rv_optim_cg(...)                                                                \
    RV_OPTIONS(rv_optim_cg_with, rv_cg_options, RV_MINIMIZE_DEFAULTS, .decrease = 1e-4, \
               .curvature = 0.1, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_cg_with(const rv_cg_options *options);

typedef struct rv_random_search_options {
    RV_MINIMIZE_COMMON;
    uint64_t seed; /* default 0: of the directions */
} rv_random_search_options;

/* rv_optim_random_search(rv_parameters(net), .max_eval = 10000): tries random steps and keeps those
 * that lower the loss, of which alone it knows: for losses that have no gradient, or are steps and
 * noise. Each number of a step is normal with one deviation, which grows when a step is kept and
 * shrinks when it is not, so that one in five is (Rechenberg 1973; the factors e^(1/sqrt(n + 1))
 * and its fourth root are those of Kern et al., Natural Computing 3, 2004, 77-112): the (1+1)
 * evolution strategy. lr is the first deviation (default 0.1). An iteration is a step that was
 * kept, however many were tried; RV_OPTIM_ROUNDING when the deviation has become so small that a
 * step changes nothing. About 20 n evaluations for a digit, if the loss is round. The loss need not
 * be computed from the parameters by operations; tolerance_grad is no test. With F32 parameters
 * steps are rounded to it. State: numbers: the deviation, and how far in the seed's random numbers.
 */
#define rv_optim_random_search(...)                                                         \
    RV_OPTIONS(rv_optim_random_search_with, rv_random_search_options, RV_MINIMIZE_DEFAULTS, \
               .lr = 0.1, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_random_search_with(const rv_random_search_options *options);

typedef struct rv_newton_cg_options {
    RV_MINIMIZE_COMMON;
    double forcing; /* default 0.1; > 0, < 1: the largest share of |g| that is left unsolved */
    int64_t max_products;         /* default 0: 10 n; >= 0: of one iteration */
    double damping;               /* default 0; >= 0: H + damping I in place of H */
    int64_t preconditioner_rank;  /* default 0: none; >= 0, at most n are used */
    int64_t preconditioner_every; /* default 20; >= 1: iterations that one preconditioner serves */
    uint64_t seed;                /* default 0; of the preconditioner's random vectors */
} rv_newton_cg_options;

/* rv_optim_newton_cg(rv_parameters(net), .max_iter = 50): truncated Newton in a trust region
 * (Steihaug 1983; Nocedal and Wright 2006, algorithm 7.2). A step z minimizes g'z + z'Hz/2 within
 * |z| <= radius by conjugate gradients, from products H v (minimizer.h), until the residual is a
 * share of |g|: at most `forcing`, and less as the gradient shrinks (Eisenstat and Walker 1996,
 * choice 2), so that convergence is quadratic at the end, if damping is 0. Negative curvature is
 * followed to the border of the region: from near a saddle it leads away. (Where the gradient is 0,
 * or has no part along negative curvature, it cannot be seen: a saddle is stayed at, or reached.)
 *
 * There is no line search. The first radius is lr * max(1, |x|); it is divided by 4 where the loss
 * falls by less than a quarter of what the parabola promised, and tripled where by more than three
 * quarters. A step that is refused costs one evaluation and no product. Where losses agree in all
 * their digits a step is taken that makes the gradient smaller.
 *
 * With preconditioner_rank r, the first iteration and every preconditioner_every-th after it spend
 * r products on the randomized Nystrom approximation of H (Frangella, Tropp and Udell 2023), as
 * Rathore et al. 2024 (arXiv 2402.01868) do for networks that solve differential equations; what
 * it saves depends on how fast the eigenvalues of H fall. Memory for r*n numbers more.
 *
 * State: basis [r,n], eigenvalues [r] of the preconditioner, and numbers (the radius, where the
 * random numbers are, ...). Errors beside those of all methods: an operation in the closure that
 * cannot be differentiated twice; a preconditioner needs LAPACK. Second derivatives that are not
 * finite count as unknown. */
#define rv_optim_newton_cg(...)                                                     \
    RV_OPTIONS(rv_optim_newton_cg_with, rv_newton_cg_options, RV_MINIMIZE_DEFAULTS, \
               .forcing = 0.1, .preconditioner_every = 20, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_newton_cg_with(const rv_newton_cg_options *options);

/* The options that all methods here have. */
typedef struct rv_newton_options {
    RV_MINIMIZE_COMMON;
} rv_newton_options;

/* rv_optim_newton(rv_parameters(net), .max_iter = 50): Newton's method with the whole Hessian, for
 * small problems: an iteration takes n products H v and the eigenvalues of an n by n matrix, about
 * 10 n^3 multiplications; memory for some n^2 numbers. A step is the least of g'z + z'Hz/2 of all
 * within |z| <= radius, found from the eigenvalues (More and Sorensen 1983): H need not be positive
 * definite, and where the gradient has no part along negative curvature the step has one all the
 * same, of either sign. So it leaves a saddle that it comes near, but for one where it starts with
 * a gradient within its tolerance. The radius is as rv_optim_newton_cg's. Converges quadratically
 * at a minimum where H is positive definite. State: numbers. Errors: more than 16384 parameters, or
 * no memory; no LAPACK in the build; an operation that cannot be differentiated twice; second
 * derivatives that are not finite. */
#define rv_optim_newton(...)                                                  \
    RV_OPTIONS(rv_optim_newton_with, rv_newton_options, RV_MINIMIZE_DEFAULTS, \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_newton_with(const rv_newton_options *options);
/* ---- sums of squares -------------------------------------------------------------------------- *
 *
 * For these the closure gives residuals r, of m elements in any shape, and the loss is sum(r^2)/2;
 * with J their Jacobian [m,n] the gradient is J'r, and J'J stands for the Hessian. m may be smaller
 * than n. maximize is an error. J is computed where an iteration ends, not for a step that is
 * rejected (rv_optim_result's jacobians). Left to the library it takes one backward for each
 * residual, so with many give .jacobian. A network's residuals depend on its parameters sample by
 * sample, which one backward does for all of them:
 *
 *     static rv_tensor *outputs(rv_tensor **in, void *context)     // [batch,..] for in[0] etc.
 *     {
 *         struct fit *f = context;                                 // batch matrices, one a sample
 *         rv_tensor *x = rv_unsqueeze(f->x, 1);                    // [batch,1,inputs]
 *         rv_tensor *h = rv_tanh(rv_add(rv_matmul(x, in[0]), rv_unsqueeze(in[1], 1)));
 *         return rv_sub(rv_reshape(rv_matmul(h, in[2]), f->batch), f->y);
 *     }
 *     static rv_tensor *jacobian(void *context)
 *     {
 *         struct fit *f = context;
 *         rv_tensor *a = rv_expand(f->a, f->batch, inputs, hidden);     // no copy
 *         rv_tensor *b = rv_expand(f->b, f->batch, hidden), *c = rv_expand(f->c, ...);
 *         rv_tensor *j = rv_jacobian(outputs, f, RV_TENSORS(a, b, c), .batched = true);
 *         return rv_reshape(j, f->batch, -1);                           // [batch,1,n] -> [m,n]
 *     }
 *
 * and where the samples are too many for memory at once, in parts: rv_cat_parts (autograd/parts.h)
 * joins their rows, and computes them on all threads. */

/* How the linear problem of an iteration is solved. */
typedef enum rv_least_squares_solver {
    RV_LEAST_SQUARES_QR,       /* from the triangle of J = QR: all digits; 2*m*n^2 operations */
    RV_LEAST_SQUARES_CHOLESKY, /* from J'J, whose condition is that of J squared: half of them, in
                                  products, which are faster; for m much larger than n */
    RV_LEAST_SQUARES_SOLVER_COUNT
} rv_least_squares_solver;

typedef struct rv_levenberg_marquardt_options {
    RV_MINIMIZE_COMMON;
    rv_optim_jacobian *jacobian;    /* default NULL: the library's, by backward */
    rv_least_squares_solver solver; /* default RV_LEAST_SQUARES_QR */
    double radius; /* default 100; > 0: the first step is no longer than this times |Dx| */
} rv_levenberg_marquardt_options;

/* rv_optim_levenberg_marquardt(rv_parameters(net), .jacobian = jacobian): the step p makes
 * |J p + r| smallest within |D p| <= radius, D the largest lengths that columns of J have had, so
 * that the method does not see how parameters are scaled (More 1978, "The Levenberg-Marquardt
 * algorithm: implementation and theory", as MINPACK's lmder): p = -(J'J + mu D^2)^-1 J'r, with mu
 * found by Newton's method. The radius grows and shrinks as the loss follows its model. Where the
 * loss has no digits left, a step is taken if it lowers the gradient. Memory, beside J's: 4*n^2
 * numbers, by Cholesky 2*n^2. lr has no meaning, and must be 1. State: scales [n], and numbers.
 * Without LAPACK (-DRV_BLAS=OFF) minimizing is an error (RV_ERROR_BUILD). */
#define rv_optim_levenberg_marquardt(...)                                         \
    RV_OPTIONS(rv_optim_levenberg_marquardt_with, rv_levenberg_marquardt_options, \
               RV_MINIMIZE_DEFAULTS, .radius = 100, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_levenberg_marquardt_with(const rv_levenberg_marquardt_options *options);

typedef struct rv_gauss_newton_options {
    RV_MINIMIZE_COMMON;
    rv_optim_jacobian *jacobian; /* default NULL: the library's, by backward */
    double decrease;             /* default 1e-4; as in line_search.h */
} rv_gauss_newton_options;

/* rv_optim_gauss_newton(rv_parameters(net)): the step makes |J p + r| smallest, and is the shortest
 * of those that do (singular values of J below max(m,n) times rounding times the largest count as
 * 0); back along it until the loss has fallen enough (RV_LINE_BACKTRACKING), the first step tried
 * being lr. One solution an iteration, and it has no state; from far away, with large residuals, or
 * where J loses rank on the way, Levenberg-Marquardt finds what this does not. */
#define rv_optim_gauss_newton(...)                                                        \
    RV_OPTIONS(rv_optim_gauss_newton_with, rv_gauss_newton_options, RV_MINIMIZE_DEFAULTS, \
               .decrease = 1e-4, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_gauss_newton_with(const rv_gauss_newton_options *options);

RV_END_C

#endif
