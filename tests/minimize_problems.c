/* minimize_problems: the methods that evaluate the loss again on the thirty standard problems of
 * problems.h, in double precision: evaluations until max|g| <= 1e-8 * max(1, |loss|), 5000 for a
 * miss. By hand:
 *
 *     minimize_problems                 all methods from the standard starts: a table in Markdown
 *     minimize_problems all FILE        the same from ten starts each: evaluations of all ten
 *     minimize_problems METHOD          one method, and why it ended where it did not solve
 *     minimize_problems METHOD FILE     from ten starts each
 *     minimize_problems starts          the standard starts, a line for each problem
 *
 * FILE: F64 numbers one behind the other, which golden/minimize_starts.py makes of those.
 */
#include <math.h>
#include <ravine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problems.h"

enum { LIMIT = 5000, MOST_N = 1000, MOST_STARTS = 10 };

typedef problem_task task;

/* The residuals of half the sum of squares that is the same loss. */
static rv_tensor *residuals(void *context)
{
    const task *t = context;
    return rv_mul_scalar(t->problem->residuals(t->x), sqrt(2));
}

/* ---- the methods ----------------------------------------------------------------------------- */

#define LIMITS .max_iter = LIMIT, .max_eval = LIMIT

#define MAKER(name, call)                      \
    static rv_optim *make_##name(rv_tensor *x) \
    {                                          \
        return rv_optim_##call;                \
    }

MAKER(lbfgs, lbfgs(RV_TENSORS(x), LIMITS))
MAKER(bfgs, bfgs(RV_TENSORS(x), LIMITS))
MAKER(ssbfgs, bfgs(RV_TENSORS(x), LIMITS, .update = RV_BFGS_SELF_SCALED))
MAKER(ssbroyden, bfgs(RV_TENSORS(x), LIMITS, .update = RV_BFGS_SELF_SCALED_BROYDEN))
MAKER(cg, cg(RV_TENSORS(x), LIMITS))
MAKER(newton_cg, newton_cg(RV_TENSORS(x), LIMITS))
MAKER(newton, newton(RV_TENSORS(x), LIMITS))
MAKER(lm, levenberg_marquardt(RV_TENSORS(x), LIMITS))
MAKER(gauss_newton, gauss_newton(RV_TENSORS(x), LIMITS))
MAKER(cg_hz, cg(RV_TENSORS(x), LIMITS, .beta = RV_CG_HAGER_ZHANG))
MAKER(cg_fr, cg(RV_TENSORS(x), LIMITS, .beta = RV_CG_FLETCHER_REEVES))
MAKER(cg_hs, cg(RV_TENSORS(x), LIMITS, .beta = RV_CG_HESTENES_STIEFEL))
MAKER(cg_dy, cg(RV_TENSORS(x), LIMITS, .beta = RV_CG_DAI_YUAN))

typedef struct method {
    const char *name;
    rv_optim *(*make)(rv_tensor *x);
} method;

/* Those of the table, and behind them those that are only there by name. */
enum { TABLE = 9 };
static const method methods[] = {
    {"lbfgs", make_lbfgs},         {"bfgs", make_bfgs},   {"ssbfgs", make_ssbfgs},
    {"ssbroyden", make_ssbroyden}, {"cg", make_cg},       {"newton-cg", make_newton_cg},
    {"newton", make_newton},       {"lm", make_lm},       {"gauss-newton", make_gauss_newton},
    {"cg-hz", make_cg_hz},         {"cg-fr", make_cg_fr}, {"cg-hs", make_cg_hs},
    {"cg-dy", make_cg_dy},
};

static const method *method_named(const char *name)
{
    for (int i = 0; i < RV_COUNT(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

/* ---- solving --------------------------------------------------------------------------------- */

/* What a method needed on a problem, from all its starts. */
typedef struct effort {
    int64_t evaluations; /* LIMIT for each miss */
    int64_t products;    /* Hessian times a vector */
    int solved;
} effort;

static void add(effort *sum, const effort *e)
{
    sum->evaluations += e->evaluations;
    sum->products += e->products;
    sum->solved += e->solved;
}

static void solve(const method *how, const problem *p, const double *start, bool says_why,
                  effort *sum)
{
    RV_SCOPE;
    task t = {p, rv_require_grad(rv_from_array_n(start, RV_F64, 1, &p->n))};
    rv_optim *opt = how->make(t.x);
    const bool is_least_squares = how->make == make_lm || how->make == make_gauss_newton;
    const rv_optim_result r =
        rv_optim_minimize(opt, is_least_squares ? residuals : problem_closure, &t);
    const bool is_solved = r.status == RV_OPTIM_GRADIENT;
    if (says_why && !is_solved)
        printf("  %s: %s after %lld evaluations, max|g| %g\n", p->name, r.reason,
               (long long)r.evaluations, r.gradient);
    add(sum, &(effort){is_solved ? r.evaluations : LIMIT, r.products, is_solved});
    rv_optim_free(opt);
}

/* The starts of all problems: the standard ones, or as many of each as a file has. */
typedef struct starts {
    int of_each;
    double *numbers; /* [of_each, n] of each problem, one behind the other */
} starts;

static int64_t all_numbers(void)
{
    int64_t n = 0;
    for (int i = 0; i < PROBLEM_COUNT; i++)
        n += problems[i].n;
    return n;
}

static bool read_starts(const char *path, starts *s)
{
    s->of_each = path != NULL ? MOST_STARTS : 1;
    const size_t count = (size_t)(all_numbers() * s->of_each);
    s->numbers = calloc(count, sizeof(double));
    if (s->numbers == NULL) {
        perror("minimize_problems");
        return false;
    }
    double *at = s->numbers;
    for (int i = 0; path == NULL && i < PROBLEM_COUNT; at += problems[i++].n)
        problems[i].start(problems[i].n, at);
    if (path == NULL)
        return true;
    FILE *file = fopen(path, "rb");
    const bool done = file != NULL && fread(at, sizeof(double), count, file) == count;
    if (!done)
        fprintf(stderr, "minimize_problems: %s does not have %zu numbers\n", path, count);
    if (file != NULL)
        fclose(file);
    return done;
}

/* One method from all starts of one problem, which lie at *at; goes on to the next problem's. */
static effort solve_all(const method *how, int i, const starts *s, const double **at, bool says_why)
{
    effort e = {0};
    for (int k = 0; k < s->of_each; k++, *at += problems[i].n)
        solve(how, &problems[i], *at, says_why, &e);
    return e;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static void print_list(const method *how, const starts *s)
{
    effort sum = {0};
    const double *at = s->numbers;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        const effort e = solve_all(how, i, s, &at, true);
        printf("%-26s %6lld\n", problems[i].name, (long long)e.evaluations);
        add(&sum, &e);
    }
    printf("solved %d of %d, evaluations %lld, products %lld\n", sum.solved,
           s->of_each * PROBLEM_COUNT, (long long)sum.evaluations, (long long)sum.products);
}

static void print_table(const starts *s)
{
    effort sums[TABLE] = {{0}};
    printf("| problem | n |");
    for (int j = 0; j < TABLE; j++)
        printf(" %s |", methods[j].name);
    printf("\n|---|---|");
    for (int j = 0; j < TABLE; j++)
        printf("---|");
    const double *begin = s->numbers;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        const double *at = begin;
        printf("\n| %s | %lld |", problems[i].name, (long long)problems[i].n);
        for (int j = 0; j < TABLE; j++) {
            at = begin;
            const effort e = solve_all(&methods[j], i, s, &at, false);
            if (e.solved == s->of_each)
                printf(" %lld |", (long long)e.evaluations);
            else if (s->of_each == 1)
                printf(" - |");
            else
                printf(" %lld (%d missed) |", (long long)e.evaluations, s->of_each - e.solved);
            add(&sums[j], &e);
        }
        begin = at;
    }
    printf("\n| solved of %d | |", s->of_each * PROBLEM_COUNT);
    for (int j = 0; j < TABLE; j++)
        printf(" %d |", sums[j].solved);
    printf("\n| evaluations | |");
    for (int j = 0; j < TABLE; j++)
        printf(" %lld |", (long long)sums[j].evaluations);
    printf("\n| products with the Hessian | |");
    for (int j = 0; j < TABLE; j++)
        printf(" %lld |", (long long)sums[j].products);
    printf("\n");
}

static void print_starts(const starts *s)
{
    const double *at = s->numbers;
    for (int i = 0; i < PROBLEM_COUNT; i++)
        for (int64_t j = 0; j < problems[i].n; j++)
            printf("%.17g%c", *at++, j + 1 < problems[i].n ? ' ' : '\n');
}

static int run(const char *what, const char *path)
{
    const method *how = method_named(what);
    starts s;
    const bool has_starts = read_starts(path, &s);
    if (has_starts && how != NULL)
        print_list(how, &s);
    else if (has_starts && strcmp(what, "starts") == 0)
        print_starts(&s);
    else if (has_starts)
        print_table(&s);
    free(s.numbers);
    return has_starts ? 0 : 1;
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    const char *what = argc > 1 ? argv[1] : "all";
    if (strcmp(what, "all") != 0 && strcmp(what, "starts") != 0 && method_named(what) == NULL) {
        fprintf(stderr, "minimize_problems: %s is not all, starts", what);
        for (int i = 0; i < RV_COUNT(methods); i++)
            fprintf(stderr, ", %s", methods[i].name);
        fprintf(stderr, "\n");
        return 1;
    }
    const int status = run(what, argc > 2 ? argv[2] : NULL);
    rv_finish();
    return status;
}
