/* minimize_problems: the methods that evaluate the loss again on the thirty standard problems of
 * problems.h, in double precision: evaluations until max|g| <= 1e-8 * max(1, |loss|), 5000 for a
 * miss. By hand:
 *
 *     minimize_problems METHOD          from the standard starts
 *     minimize_problems METHOD FILE     from ten starts each, F64 numbers one behind the other
 *
 * METHOD: lbfgs, bfgs, ssbfgs or ssbroyden.
 */
#include <ravine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problems.h"

enum { LIMIT = 5000, MOST_N = 1000 };

typedef struct task {
    const problem *problem;
    rv_tensor *x;
} task;

static rv_tensor *loss(void *context)
{
    const task *t = context;
    return problem_loss(t->problem, t->x);
}

static rv_optim *make(const char *method, rv_tensor *x)
{
    static const char *const updates[] = {"bfgs", "ssbfgs", "ssbroyden"};
    const rv_tensors all = RV_TENSORS(x);
    for (int i = 0; i < RV_COUNT(updates); i++)
        if (strcmp(method, updates[i]) == 0)
            return rv_optim_bfgs(all, .update = (rv_bfgs_update)i, .max_iter = LIMIT,
                                 .max_eval = LIMIT);
    if (strcmp(method, "newton-cg") == 0)
        return rv_optim_newton_cg(all, .max_iter = LIMIT, .max_eval = LIMIT);
    return rv_optim_lbfgs(all, .max_iter = LIMIT, .max_eval = LIMIT);
}

/* Evaluations, or -1 for a miss. */
static int64_t solve(const char *method, const problem *p, const double *start)
{
    RV_SCOPE;
    task t = {p, rv_require_grad(rv_from_array_n(start, RV_F64, 1, &p->n))};
    rv_optim *opt = make(method, t.x);
    const rv_optim_result r = rv_optim_minimize(opt, loss, &t);
    if (r.status != RV_OPTIM_GRADIENT)
        printf("  %s: %s after %lld evaluations, max|g| %g\n", p->name, r.reason,
               (long long)r.evaluations, r.gradient);
    rv_optim_free(opt);
    return r.status == RV_OPTIM_GRADIENT ? r.evaluations : -1;
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    FILE *file = argc > 2 ? fopen(argv[2], "rb") : NULL;
    if (argc > 2 && file == NULL) {
        perror(argv[2]);
        return 1;
    }
    const int starts = file != NULL ? 10 : 1;
    int64_t all = 0, solved = 0;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        const problem *p = &problems[i];
        int64_t evaluations = 0;
        for (int k = 0; k < starts; k++) {
            double start[MOST_N];
            p->start(p->n, start);
            if (file != NULL && fread(start, sizeof(double), (size_t)p->n, file) != (size_t)p->n)
                return 1;
            const int64_t here = solve(argc > 1 ? argv[1] : "lbfgs", p, start);
            solved += here >= 0;
            evaluations += here >= 0 ? here : LIMIT;
        }
        all += evaluations;
        printf("%-26s %6lld\n", p->name, (long long)evaluations);
    }
    printf("solved %lld of %d, evaluations %lld\n", (long long)solved, starts * PROBLEM_COUNT,
           (long long)all);
    if (file != NULL)
        fclose(file);
    rv_finish();
    return 0;
}
