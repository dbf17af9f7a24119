/* test_optim_golden.c - every optimizer with its options against PyTorch (golden/optim.py): the
 * parameters after 50 and 500 steps on a network and on Rosenbrock's function, in double, and after
 * 50 steps in float. */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "helpers.h"
#include "optim_cases.h"

#define MOST_PARAMETERS 4

/* ---- the tasks ------------------------------------------------------------------------------- */

typedef enum task_kind { NET, ROSENBROCK, TASK_COUNT } task_kind;
static const char *const task_names[] = {"net", "rosenbrock"};

typedef struct task {
    int count;
    rv_tensor *parameters[MOST_PARAMETERS];
    rv_tensor *x, *labels;
} task;

/* Default learning rates are not made for Rosenbrock's function. */
static task_kind tasks_of(const optim_case *c)
{
    return is_defaults(c) ? ROSENBROCK : TASK_COUNT;
}

static task make_task(const golden *g, const optim_case *c, task_kind kind, rv_dtype dtype)
{
    static const struct {
        int count;
        int64_t shapes[MOST_PARAMETERS][2]; /* 0: there is no such axis */
    } layouts[] = {{4, {{8, 5}, {8}, {3, 8}, {3}}}, {2, {{2, 2}, {1, 2}}}};
    rv_tensor *start = golden_tensor(g, "start.%s", task_names[kind]);
    const char *whose = strcmp(c->method, "rprop") == 0 ? "rprop." : "";
    task t = {.count = layouts[kind].count,
              .x = rv_cast(golden_tensor(g, "%sx", whose), dtype),
              .labels = golden_tensor(g, "%slabels", whose)};
    int64_t first = 0;
    for (int i = 0; i < t.count; i++) {
        const int64_t *shape = layouts[kind].shapes[i];
        const int64_t numel = shape[0] * (shape[1] == 0 ? 1 : shape[1]);
        rv_tensor *part = rv_slice(start, .start = first, .stop = first + numel);
        part = rv_reshape_n(part, shape[1] == 0 ? 1 : 2, shape);
        t.parameters[i] = rv_require_grad(rv_cast(rv_copy(part), dtype));
        first += numel;
    }
    cr_assert(no_error());
    cr_assert_eq(first, start->numel);
    return t;
}

static rv_tensor *rosenbrock(rv_tensor *points)
{
    rv_tensor *x = rv_slice(points, .axis = 1, .stop = 1);
    rv_tensor *y = rv_slice(points, .axis = 1, .start = 1);
    rv_tensor *away = rv_square(rv_sub_scalar(x, 1));
    rv_tensor *valley = rv_square(rv_sub(y, rv_square(x)));
    return rv_sum(rv_add(away, rv_mul_scalar(valley, 100)));
}

static rv_tensor *loss_of(const task *t, task_kind kind)
{
    rv_tensor *const *p = t->parameters;
    if (kind == ROSENBROCK)
        return rv_add(rosenbrock(p[0]), rosenbrock(p[1]));
    rv_tensor *hidden = rv_tanh(rv_linear(t->x, p[0], p[1]));
    return rv_cross_entropy(rv_linear(hidden, p[2], p[3]), t->labels);
}

static void step(const optim_case *c, const task *t, task_kind kind, rv_optim *opt)
{
    RV_SCOPE;
    for (int i = 0; i < t->count; i++)
        rv_zero_grad(t->parameters[i]);
    rv_tensor *loss = loss_of(t, kind);
    cr_assert(rv_backward(is_maximized(c) ? rv_neg(loss) : loss) && rv_optim_step(opt), "%s: %s",
              c->name, rv_error());
}

static rv_optim *make_optim(const optim_case *c, const task *t, task_kind kind)
{
    rv_tensor *room[MOST_PARAMETERS];
    rv_optim *opt = c->make(
        taken_by(c, (rv_tensors){.items = t->parameters, .count = t->count}, room), c->lr[kind]);
    cr_assert_not_null(opt, "%s: %s", c->name, rv_error());
    return opt;
}

/* max|a-b| / max|b| over all parameters; NaN if anything is. */
static double distance(const task *t, const rv_tensor *want)
{
    double largest = 0, apart = 0;
    int64_t first = 0;
    for (int i = 0; i < t->count; i++)
        for (int64_t j = 0; j < t->parameters[i]->numel; j++) {
            const double a = at(t->parameters[i], j), b = at(want, first++);
            if (isnan(a) || isnan(b))
                return (double)NAN;
            largest = fmax(largest, fabs(b));
            apart = fmax(apart, fabs(a - b));
        }
    cr_assert_eq(first, want->numel);
    return apart / largest;
}

/* ---- in double ------------------------------------------------------------------------------- */

static const int marks[] = {50, 500};

/* What is allowed: 1e-9, or 10 times as far as PyTorch's own end moves when its start is changed by
 * one unit in the last place. */
static double allowed(const golden *g, const optim_case *c, task_kind kind, int mark)
{
    const double moved = at(golden_tensor(g, "%s.moved", c->name), kind * RV_COUNT(marks) + mark);
    return fmax(1e-9, 10 * moved);
}

static int numbers[OPTIM_CASES];
ParameterizedTestParameters(optim_golden, ends_are_pytorchs)
{
    for (int i = 0; i < OPTIM_CASES; i++)
        numbers[i] = i;
    return cr_make_param_array(int, numbers, OPTIM_CASES);
}
ParameterizedTest(int *number, optim_golden, ends_are_pytorchs)
{
    RV_SCOPE;
    const optim_case *c = &optim_cases[*number];
    golden *g = golden_open("optim.safetensors");
    cr_assert_not_null(g);
    for (task_kind kind = NET; kind < tasks_of(c); kind++) {
        const task t = make_task(g, c, kind, RV_F64);
        rv_optim *opt = make_optim(c, &t, kind);
        for (int mark = 0, done = 0; mark < RV_COUNT(marks); mark++) {
            for (; done < marks[mark]; done++)
                step(c, &t, kind, opt);
            const rv_tensor *want =
                golden_tensor(g, "%s.%s.%d", c->name, task_names[kind], marks[mark]);
            cr_assert_not_null(want, "%s", c->name);
            const double apart = distance(&t, want), most = allowed(g, c, kind, mark);
            cr_expect(apart <= most, "%s, %s, %d steps: %.2e apart, %.2e allowed", c->name,
                      task_names[kind], marks[mark], apart, most);
        }
        rv_optim_free(opt);
    }
    cr_expect(no_error());
    golden_close(g);
}

/* ---- how much that proves -------------------------------------------------------------------- */

/* All are held to 1e-9: none is so sensitive that it would be allowed more. If the golden file
 * changes, this names those that are. */
Test(optim_golden, tolerances)
{
    RV_SCOPE;
    golden *g = golden_open("optim.safetensors");
    cr_assert_not_null(g);
    for (int i = 0; i < OPTIM_CASES; i++)
        for (task_kind kind = NET; kind < tasks_of(&optim_cases[i]); kind++)
            for (int mark = 0; mark < RV_COUNT(marks); mark++) {
                const double most = allowed(g, &optim_cases[i], kind, mark);
                cr_expect(most <= 1e-9, "%s, %s, %d steps: %.1e is allowed", optim_cases[i].name,
                          task_names[kind], marks[mark], most);
            }
    cr_expect_geq(OPTIM_CASES, 60);
    golden_close(g);
}

/* ---- in float -------------------------------------------------------------------------------- */

/* Rounding alone differs: PyTorch rounds its factors (lr/bc1, say) to float, as the library does,
 * but interpolates and divides in another order. */
Test(optim_golden, ends_in_float)
{
    RV_SCOPE;
    golden *g = golden_open("optim.safetensors");
    cr_assert_not_null(g);
    int compared = 0;
    for (int i = 0; i < OPTIM_CASES; i++) {
        RV_SCOPE;
        const optim_case *c = &optim_cases[i];
        if (!is_defaults(c))
            continue;
        const task t = make_task(g, c, NET, RV_F32);
        rv_optim *opt = make_optim(c, &t, NET);
        for (int done = 0; done < 50; done++)
            step(c, &t, NET, opt);
        const rv_tensor *want = golden_tensor(g, "%s.f32", c->name);
        cr_assert_not_null(want, "%s", c->name);
        const double apart = distance(&t, want);
        cr_expect(apart <= 1e-6, "%s: %.2e apart", c->name, apart);
        compared++;
        rv_optim_free(opt);
    }
    cr_expect_eq(compared, 13);
    cr_expect(no_error());
    golden_close(g);
}
