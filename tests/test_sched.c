/* test_sched.c - schedules against PyTorch's, for 200 steps of two groups (golden/sched.py), and
 * going on from a file as if there had been no stop. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "files.h"
#include "sched_cases.h"

TestSuite(sched, .init = make_folder, .fini = remove_folder);

#define GROUPS 2
#define TOLERANCE 1e-12 /* of the golden number, */
#define ROUNDING 1e-15  /* and what is lost where a wave comes down to 0 */

/* The learning rates and momenta of each step. */
typedef struct course {
    double lr[SCHED_STEPS + 1][GROUPS], momentum[SCHED_STEPS + 1][GROUPS];
} course;

static void note(course *c, const rv_optim *opt, int64_t step)
{
    for (int64_t g = 0; g < GROUPS; g++) {
        c->lr[step][g] = rv_optim_group_lr(opt, g);
        c->momentum[step][g] = rv_optim_group_momentum(opt, g);
    }
}

static void run(const sched_case *which, course *c, rv_optim *opt, rv_sched *s,
                const rv_tensor *losses, int64_t first, int64_t last)
{
    for (int64_t step = first; step < last; step++) {
        cr_assert(sched_go_on(which->name, s, losses, step), "%s, step %lld: %s", which->name,
                  (long long)step, rv_error());
        note(c, opt, step + 1);
    }
}

/* Whether all values are the golden ones. */
static bool agrees(const char *what, double got[][GROUPS], const rv_tensor *want)
{
    cr_assert_eq(want->numel, (SCHED_STEPS + 1) * GROUPS);
    for (int64_t i = 0; i < want->numel; i++) {
        const double value = got[i / GROUPS][i % GROUPS];
        if (fabs(value - at(want, i)) <= TOLERANCE * fabs(at(want, i)) + ROUNDING)
            continue;
        fprintf(stderr, "%s of group %lld at step %lld: %.17g, expected %.17g\n", what,
                (long long)(i % GROUPS), (long long)(i / GROUPS), value, at(want, i));
        return false;
    }
    return true;
}

Test(sched, values_are_pytorchs)
{
    RV_SCOPE;
    golden *g = golden_open("sched.safetensors");
    cr_assert_not_null(g);
    const rv_tensor *losses = golden_tensor(g, "losses");
    int momenta = 0;
    for (int i = 0; i < SCHED_CASE_COUNT; i++) {
        const sched_case *which = &sched_cases[i];
        rv_optim *opt = sched_optim(which->name);
        rv_sched *s = which->make(opt);
        cr_assert_not_null(s, "%s: %s", which->name, rv_error());
        course c;
        note(&c, opt, 0);
        run(which, &c, opt, s, losses, 0, SCHED_STEPS);
        cr_expect(agrees("lr", c.lr, golden_tensor(g, "%s.lr", which->name)), "%s", which->name);
        cr_expect_eq(rv_sched_lr(s), rv_optim_lr(opt));
        cr_expect_eq(rv_sched_steps(s), SCHED_STEPS);
        const rv_tensor *momentum = golden_tensor(g, "%s.momentum", which->name);
        if (momentum != NULL)
            cr_expect(agrees("momentum", c.momentum, momentum), "%s", which->name);
        momenta += momentum != NULL;
        for (int step = 0; momentum == NULL && step <= SCHED_STEPS; step++)
            cr_expect_eq(c.momentum[step][0], 0.9, "%s leaves momenta alone", which->name);
        rv_sched_free(s);
        rv_optim_free(opt);
    }
    cr_expect_eq(momenta, 9);
    cr_expect(no_error());
    golden_close(g);
}

/* ---- going on from a file -------------------------------------------------------------------- */

/* Whatever the schedule did before it is loaded, it goes on as the one that was saved. */
static void resume_at(const sched_case *which, const course *whole, const rv_tensor *losses,
                      int64_t stop)
{
    const char *path = in_folder("state.safetensors");
    rv_optim *opt = sched_optim(which->name), *opt2 = sched_optim(which->name);
    rv_sched *s = which->make(opt), *s2 = which->make(opt2);
    course c = *whole;
    run(which, &c, opt, s, losses, 0, stop);
    cr_assert(rv_save(path, opt, s), "%s", rv_error());
    run(which, &c, opt2, s2, losses, 0, 9);
    cr_assert(rv_load(path, opt2, s2), "%s", rv_error());
    cr_expect_eq(rv_sched_steps(s2), stop);
    cr_expect_eq(rv_sched_lr(s2), whole->lr[stop][0]);
    memset(&c, 0, sizeof c);
    for (int64_t step = 0; step <= stop; step++)
        note(&c, opt2, step);
    run(which, &c, opt2, s2, losses, stop, SCHED_STEPS);
    const size_t rest = (size_t)(SCHED_STEPS + 1 - stop) * sizeof *c.lr;
    cr_expect(memcmp(c.lr[stop], whole->lr[stop], rest) == 0 &&
                  memcmp(c.momentum[stop], whole->momentum[stop], rest) == 0,
              "%s goes on from step %lld as before, bit for bit", which->name, (long long)stop);
    rv_sched_free(s);
    rv_sched_free(s2);
    rv_optim_free(opt);
    rv_optim_free(opt2);
}

Test(sched, goes_on_from_a_file)
{
    RV_SCOPE;
    golden *g = golden_open("sched.safetensors");
    cr_assert_not_null(g);
    const rv_tensor *losses = golden_tensor(g, "losses");
    static const int64_t stops[] = {0, 1, 20, 77, 199};
    for (int i = 0; i < SCHED_CASE_COUNT; i++) {
        RV_SCOPE;
        const sched_case *which = &sched_cases[i];
        rv_optim *opt = sched_optim(which->name);
        rv_sched *s = which->make(opt);
        course whole;
        note(&whole, opt, 0);
        run(which, &whole, opt, s, losses, 0, SCHED_STEPS);
        for (int j = 0; j < RV_COUNT(stops); j++)
            resume_at(which, &whole, losses, stops[j]);
        rv_sched_free(s);
        rv_optim_free(opt);
    }
    cr_expect(no_error());
    golden_close(g);
}
