/* full_batch: methods that see all of the data at each step against methods that see a batch, on
 * two problems, by how many times they have to look at the data. By hand:
 *
 *     full_batch softmax FOLDER [METHOD [PASSES [OPTIMUM]]]  softmax regression on MNIST, F32
 *     full_batch standardized ..          the same on standardized pixels
 *     full_batch mlp [METHOD [PASSES]]    a network with two layers of tanh on 2000 points, F64
 *     full_batch optimum FOLDER           the optimum of softmax, F64
 *     full_batch timed FOLDER OPTIMUM [THREADS [START]]  L-BFGS on softmax, for full_batch.py
 *
 * The first three write CSV to stdout (problem, method, learning rate, batch, passes of the run,
 * passes so far, excess), and a table to stderr, in Markdown. The excess is loss/optimum - 1,
 * measured on all of the data, which is not counted for methods that see batches. The optimum is
 * the one of the valley that a run is in: where L-BFGS comes to from the run's end. (Softmax has
 * one alone, which is found in double precision.) A pass is a look at each sample: an evaluation of
 * loss and gradient on all of the data, a product with its Hessian, or an epoch of batches.
 * full_batch.gp draws.
 *
 * Methods of first order are tuned: for several lengths of a run, along which the learning rate
 * falls by half a wave, and two sizes of a batch, over learning rates. What counts is the first
 * pass of any of these runs that is near enough. PASSES is the length of the longest. METHOD is how
 * the names begin of those that are run, as L-BFGS; "": all.
 */
#include "bench.h"

#include <math.h>
#include <ravine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is minimized ----------------------------------------------------------------------- */

/* Mean loss over n samples, and decay/2 times the squares of all weights. */
typedef struct task {
    const char *name;
    rv_tensor *x, *y;                                    /* [n, ..] */
    rv_tensor *(*loss)(rv_tensor *output, rv_tensor *y); /* summed over samples */
    rv_layer *net;
    rv_tensor *start[8]; /* what the parameters are at first */
    double decay;
    int64_t n, part; /* samples, and how many to a part */
    double optimum;  /* NAN: each run has its own */
} task;

static rv_tensor *loss_of(const task *t, rv_tensor *x, rv_tensor *y, int64_t of)
{
    return rv_mul_scalar(t->loss(rv_forward(t->net, x), y), 1 / (double)of);
}

static rv_tensor *loss_of_part(void *context, int64_t part)
{
    const task *t = context;
    const int64_t from = part * t->part, to = from + t->part < t->n ? from + t->part : t->n;
    return loss_of(t, rv_slice(t->x, 0, from, to), rv_slice(t->y, 0, from, to), t->n);
}

static rv_tensor *with_penalty(const task *t, rv_tensor *loss)
{
    const rv_tensors all = rv_parameters(t->net);
    for (int64_t i = 0; i < all.count; i++)
        if (all.items[i]->ndim == 2)
            loss = rv_add(loss, rv_mul_scalar(rv_sum(rv_square(all.items[i])), t->decay / 2));
    return loss;
}

static rv_tensor *full_loss(void *context)
{
    task *t = context;
    const int64_t parts = (t->n + t->part - 1) / t->part;
    return with_penalty(t, rv_sum_parts(loss_of_part, t, rv_parameters(t->net), parts));
}

static double measure(task *t)
{
    RV_SCOPE;
    RV_NO_GRAD;
    return rv_item(full_loss(t));
}

static void set_start(task *t)
{
    const rv_tensors all = rv_parameters(t->net);
    for (int64_t i = 0; i < all.count; i++)
        t->start[i] = rv_retain(rv_copy(rv_detach(all.items[i])));
}

static void go_to_start(task *t)
{
    RV_NO_GRAD;
    const rv_tensors all = rv_parameters(t->net);
    for (int64_t i = 0; i < all.count; i++)
        rv_copy_into(all.items[i], t->start[i]);
}

/* ---- softmax regression ---------------------------------------------------------------------- */

static rv_tensor *classes_loss(rv_tensor *output, rv_tensor *y)
{
    return rv_cross_entropy(output, y, .reduction = RV_REDUCTION_SUM);
}

/* Each pixel less its mean, over its deviation, if it is ever anything but 0. */
static rv_tensor *standardized(rv_tensor *x)
{
    rv_tensor *centered = rv_sub(x, rv_mean(x, .axes = RV_AXES(0)));
    rv_tensor *deviation = rv_sqrt(rv_mean(rv_square(centered), .axes = RV_AXES(0)));
    rv_tensor *is_zero = rv_cast(rv_eq(deviation, rv_sub(deviation, deviation)), x->dtype);
    return rv_div(centered, rv_add(deviation, is_zero));
}

/* From zeros, as the problem is convex. Pixels are 0 to 1, or standardized, which spreads the
 * curvatures: the harder problem. */
static task make_softmax(const char *folder, rv_dtype dtype, bool standardize)
{
    RV_SCOPE;
    task t = {.name = "softmax", .loss = classes_loss, .decay = 1e-4, .part = 500};
    rv_dataset *images = rv_data_mnist(folder, RV_TRAIN);
    rv_loader *whole = rv_data_loader(images, .batch_size = 60000);
    rv_batch b;
    if (!rv_next(whole, &b))
        exit(1);
    t.n = b.n;
    rv_tensor *x = rv_flatten(b.x, 1, -1);
    t.x = rv_retain(rv_cast(standardize ? standardized(x) : x, dtype));
    t.y = rv_retain(b.y);
    rv_loader_free(whole);
    rv_data_free(images);
    t.net = rv_model_linear(.dtype = dtype);
    const rv_tensors all = rv_parameters(t.net);
    RV_NO_GRAD;
    for (int64_t i = 0; i < all.count; i++)
        rv_fill(all.items[i], 0);
    set_start(&t);
    return t;
}

/* ---- a small network ------------------------------------------------------------------------- */

static rv_tensor *squares_loss(rv_tensor *output, rv_tensor *y)
{
    return rv_mse(output, y, .reduction = RV_REDUCTION_SUM);
}

/* y = sin(3 x0) cos(2 x1) + x0 x1, with normal noise of 0.1, at 2000 points in [-1, 1]^2. */
static task make_mlp(void)
{
    RV_SCOPE;
    task t = {.name = "mlp", .loss = squares_loss, .decay = 1e-3, .part = 250, .n = 2000};
    rv_seed(1);
    t.x = rv_retain(rv_add_scalar(rv_mul_scalar(rv_rand(RV_F64, t.n, 2), 2), -1));
    rv_tensor *u = rv_slice(t.x, 1, 0, 1), *v = rv_slice(t.x, 1, 1, 2);
    rv_tensor *waves = rv_mul(rv_sin(rv_mul_scalar(u, 3)), rv_cos(rv_mul_scalar(v, 2)));
    rv_tensor *noise = rv_mul_scalar(rv_randn(RV_F64, t.n, 1), 0.1);
    t.y = rv_retain(rv_add(rv_add(waves, rv_mul(u, v)), noise));
    t.net = rv_layer_sequential(rv_layer_linear(2, 20, .dtype = RV_F64), rv_layer_tanh(),
                                rv_layer_linear(20, 20, .dtype = RV_F64), rv_layer_tanh(),
                                rv_layer_linear(20, 1, .dtype = RV_F64));
    set_start(&t);
    return t;
}

static void free_task(task *t)
{
    for (int i = 0; i < RV_COUNT(t->start); i++)
        rv_release(t->start[i]);
    rv_release(t->x);
    rv_release(t->y);
    rv_layer_free(t->net);
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* How near the optimum a run has come, and by which pass. */
enum { NEAR_COUNT = 5 };
static const double near_enough[NEAR_COUNT] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6};

typedef struct reached {
    int64_t passes[NEAR_COUNT]; /* INT64_MAX: not */
    double lr[NEAR_COUNT];
    int64_t batch[NEAR_COUNT];
} reached;

typedef struct point {
    int64_t passes;
    double loss;
} point;

/* A method that sees batches. */
enum { MOST_RATES = 8 };
typedef struct tuned {
    const char *name, *method;
    double rates[MOST_RATES]; /* tried in the shortest runs; 0 ends */
} tuned;

enum { MOST_POINTS = 20000 };

typedef struct run {
    task *task;
    const char *name; /* of the method */
    double lr;
    int64_t batch, length; /* of the run, in passes */
    int64_t passes;        /* so far */
    point *points;         /* [count] */
    int count;
} run;

static reached nothing(void)
{
    reached none = {0};
    for (int i = 0; i < NEAR_COUNT; i++)
        none.passes[i] = INT64_MAX;
    return none;
}

static void note(run *r, double loss)
{
    if (r->count < MOST_POINTS)
        r->points[r->count++] = (point){r->passes, loss};
}

static double optimum_of(task *t);

/* Writes all points, and adds what is near. Returns the last excess. */
static double evaluate(const run *r, reached *to)
{
    const double last = r->count > 0 ? r->points[r->count - 1].loss : INFINITY;
    if (!isfinite(last))
        return INFINITY;
    const double optimum = optimum_of(r->task);
    for (int k = 0; k < r->count; k++) {
        const point *p = &r->points[k];
        const double excess = p->loss / optimum - 1;
        printf("%s,%s,%g,%lld,%lld,%lld,%.4e\n", r->task->name, r->name, r->lr, (long long)r->batch,
               (long long)r->length, (long long)p->passes, excess);
        for (int i = 0; i < NEAR_COUNT; i++)
            if (excess <= near_enough[i] && p->passes < to->passes[i]) {
                to->passes[i] = p->passes;
                to->lr[i] = r->lr;
                to->batch[i] = r->batch;
            }
    }
    return last / optimum - 1;
}

static bool note_iteration(void *context, const rv_optim_progress *p)
{
    run *r = context;
    r->passes = p->evaluations + p->products;
    note(r, p->loss);
    return true;
}

/* A method that sees all of the data. */
static void run_full(task *t, const char *name, const char *method, int64_t history, reached *to)
{
    static point points[MOST_POINTS];
    *to = nothing();
    go_to_start(t);
    run r = {.task = t, .name = name, .lr = 1, .batch = t->n, .points = points};
    rv_optim *opt = rv_optim_by_name(method, rv_parameters(t->net), .max_iter = 10000,
                                     .history = history > 0 ? history : RV_BY_NAME_COUNT);
    const double begin = bench_now();
    const rv_optim_result result =
        rv_optim_minimize(opt, full_loss, t, .callback = note_iteration, .callback_context = &r);
    fprintf(stderr,
            "%s: %s after %lld iterations, %lld evaluations, %lld products: loss %.9g, max|g| "
            "%.2g; %.1f ms a pass\n",
            name, result.reason, (long long)result.iterations, (long long)result.evaluations,
            (long long)result.products, result.loss, result.gradient,
            1e3 * (bench_now() - begin) / (double)(result.evaluations + result.products));
    rv_optim_free(opt);
    evaluate(&r, to);
}

static void train_epoch(task *t, rv_loader *batches, rv_optim *opt, rv_sched *sched)
{
    rv_batch b;
    while (rv_next(batches, &b)) {
        RV_SCOPE;
        rv_optim_zero_grad(opt);
        rv_backward(with_penalty(t, loss_of(t, b.x, b.y, b.n)));
        rv_optim_step(opt);
        rv_sched_step(sched);
    }
}

/* Returns the excess that it ends with; infinity if it flies off. */
static double run_batches(task *t, const tuned *m, double lr, int64_t batch, int64_t passes,
                          reached *to)
{
    static point points[MOST_POINTS];
    go_to_start(t);
    rv_seed(1);
    run r = {.task = t, .name = m->name, .lr = lr, .batch = batch, .length = passes};
    r.points = points;
    rv_dataset *samples = rv_data_tensors(t->x, t->y);
    rv_loader *batches = rv_data_loader(samples, .batch_size = batch, .shuffle = true);
    rv_optim *opt = rv_optim_by_name(m->method, rv_parameters(t->net), .lr = lr);
    rv_sched *sched = rv_sched_by_name("cosine", opt, .steps = passes * rv_loader_batches(batches));
    double loss = measure(t), shown = 0;
    while (isfinite(loss) && r.passes < passes) {
        train_epoch(t, batches, opt, sched);
        r.passes++;
        if ((double)r.passes >= shown * 1.02 || r.passes == passes) {
            note(&r, loss = measure(t));
            shown = (double)r.passes;
        }
    }
    rv_sched_free(sched);
    rv_optim_free(opt);
    rv_loader_free(batches);
    rv_data_free(samples);
    return evaluate(&r, to);
}

/* ---- tuning ---------------------------------------------------------------------------------- */

enum { BATCH_SIZES = 2, LENGTHS = 3, FIRST_ORDER = 3 };

typedef struct grid {
    int64_t batches[BATCH_SIZES];
    int64_t lengths[LENGTHS], longest; /* of runs, in passes */
    bool dense;                        /* few parameters: methods with a matrix too */
} grid;

/* Tries learning rates, and returns the one that ends nearest to its optimum; *excess: how near. */
static double best_rate(task *t, const tuned *m, const double *rates, int64_t batch, int64_t passes,
                        reached *to, double *excess)
{
    double best = rates[0];
    int count = 0;
    const double begin = bench_now();
    *excess = INFINITY;
    for (int i = 0; i < MOST_RATES && rates[i] > 0; i++, count++) {
        const double here = run_batches(t, m, rates[i], batch, passes, to);
        if (here < *excess) {
            *excess = here;
            best = rates[i];
        }
    }
    fprintf(stderr,
            "%s, batches of %lld, %lld passes: best rate %g, excess %.2e; %.1f ms a pass, loss "
            "included\n",
            m->name, (long long)batch, (long long)passes, best, *excess,
            1e3 * (bench_now() - begin) / (double)(count * passes));
    return best;
}

/* Runs that are longer and longer: the shortest over all rates, the others over the best of the one
 * before and its neighbours, the longest with the best rate and the better size of a batch alone.
 */
static void tune(task *t, const tuned *m, const grid *g, reached *to)
{
    double rate[BATCH_SIZES] = {0}, excess[BATCH_SIZES];
    *to = nothing();
    for (int k = 0; k < LENGTHS; k++)
        for (int i = 0; i < BATCH_SIZES; i++) {
            const double near[MOST_RATES] = {rate[i] / 2, rate[i], rate[i] * 2};
            rate[i] = best_rate(t, m, k == 0 ? m->rates : near, g->batches[i], g->lengths[k], to,
                                &excess[i]);
        }
    const int better = excess[1] < excess[0];
    const double longest[MOST_RATES] = {rate[better]};
    best_rate(t, m, longest, g->batches[better], g->longest, to, &excess[better]);
}

static void print_row(const char *method, const reached *r)
{
    fprintf(stderr, "| %s |", method);
    for (int i = 0; i < NEAR_COUNT; i++)
        if (r->passes[i] == INT64_MAX)
            fprintf(stderr, " - |");
        else
            fprintf(stderr, " %lld (%g, %lld) |", (long long)r->passes[i], r->lr[i],
                    (long long)r->batch[i]);
    fprintf(stderr, "\n");
}

typedef struct full_method {
    const char *name, *method;
    int64_t history;
    bool dense;
} full_method;

static bool begins_with(const char *name, const char *begin)
{
    return strncmp(name, begin, strlen(begin)) == 0;
}

static void compare(task *t, const tuned *methods, const grid *g, const char *only)
{
    static const full_method full[] = {{"L-BFGS (10 pairs)", "lbfgs", 10, false},
                                       {"L-BFGS (50 pairs)", "lbfgs", 50, false},
                                       {"BFGS", "bfgs", 0, true},
                                       {"Newton-CG", "newton-cg", 0, false}};
    const char *names[RV_COUNT(full) + FIRST_ORDER];
    reached rows[RV_COUNT(full) + FIRST_ORDER];
    int count = 0;
    for (int i = 0; i < RV_COUNT(full); i++)
        if (begins_with(full[i].name, only) && (!full[i].dense || g->dense)) {
            run_full(t, full[i].name, full[i].method, full[i].history, &rows[count]);
            names[count++] = full[i].name;
        }
    for (int i = 0; i < FIRST_ORDER; i++)
        if (begins_with(methods[i].name, only)) {
            tune(t, &methods[i], g, &rows[count]);
            names[count++] = methods[i].name;
        }
    fprintf(stderr, "\n| %s: passes (rate, batch) |", t->name);
    for (int i = 0; i < NEAR_COUNT; i++)
        fprintf(stderr, " %g |", near_enough[i]);
    fprintf(stderr, "\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < count; i++)
        print_row(names[i], &rows[i]);
}

/* ---- the optimum, and time ------------------------------------------------------------------- */

/* By full steps in double precision until no step lowers the loss any more. */
static rv_optim_result find_optimum(task *t, bool quiet)
{
    rv_optim *opt = rv_optim_lbfgs(rv_parameters(t->net), .max_iter = 100000, .history = 100,
                                   .tolerance_grad = quiet ? 1e-7 : 1e-11);
    const rv_optim_result r = rv_optim_minimize(opt, full_loss, t);
    if (!quiet)
        fprintf(stderr, "optimum: %s after %lld evaluations: loss %.15g, max|g| %.2g\n", r.reason,
                (long long)r.evaluations, r.loss, r.gradient);
    rv_optim_free(opt);
    return r;
}

static double optimum_of(task *t)
{
    return isnan(t->optimum) ? find_optimum(t, true).loss : t->optimum;
}

static double softmax_optimum(const char *folder, bool standardize)
{
    task t = make_softmax(folder, RV_F64, standardize);
    const rv_optim_result r = find_optimum(&t, false);
    free_task(&t);
    return r.loss;
}

/* What full_batch.py asks for: when a loss, and when a gradient was small enough. */
static const double NEAR = 1e-4, SMALL_GRADIENT = 1e-5;

typedef struct timing {
    task *task;
    double begin, target;
    int64_t evaluations, loss_evaluations;
    double loss_seconds, gradient_seconds;
} timing;

static rv_tensor *timed_loss(void *context)
{
    timing *m = context;
    rv_tensor *loss = full_loss(m->task);
    m->evaluations++;
    if (m->loss_evaluations == 0 && loss != NULL && rv_item(loss) <= m->target) {
        m->loss_evaluations = m->evaluations;
        m->loss_seconds = bench_now() - m->begin;
    }
    return loss;
}

static bool go_on(void *context, const rv_optim_progress *p)
{
    timing *m = context;
    m->gradient_seconds = bench_now() - m->begin;
    return m->loss_evaluations == 0 || p->gradient > SMALL_GRADIENT;
}

/* From zeros (start 0), or from small numbers that full_batch.py can make too. */
static void set_parameters(task *t, int start)
{
    RV_SCOPE;
    RV_NO_GRAD;
    const rv_tensors all = rv_parameters(t->net);
    int64_t at = 0;
    for (int64_t i = 0; start > 0 && i < all.count; i++) {
        float *numbers = rv_data(all.items[i]);
        for (int64_t k = 0; k < all.items[i]->numel; k++, at++)
            numbers[k] = (float)(0.01 * sin(1.3 * (double)at + start));
    }
}

static void time_softmax(const char *folder, double optimum, int threads, int start)
{
    rv_set_threads(threads);
    task t = make_softmax(folder, RV_F32, false);
    set_parameters(&t, start);
    timing m = {.task = &t, .target = optimum * (1 + NEAR)};
    measure(&t); /* threads and memory are there */
    rv_optim *opt = rv_optim_lbfgs(rv_parameters(t.net), .max_iter = 100000);
    m.begin = bench_now();
    const rv_optim_result r =
        rv_optim_minimize(opt, timed_loss, &m, .callback = go_on, .callback_context = &m);
    printf("loss %lld %.4f gradient %lld %.4f\n", (long long)m.loss_evaluations, m.loss_seconds,
           (long long)m.evaluations, m.gradient_seconds);
    fprintf(stderr, "%s: loss %.9g, max|g| %.2g\n", r.reason, r.loss, r.gradient);
    rv_optim_free(opt);
    free_task(&t);
}

/* ---- main ------------------------------------------------------------------------------------ */

static void compare_softmax(const char *folder, bool standardize, const char *only, int64_t longest,
                            double optimum)
{
    static const tuned methods[FIRST_ORDER] = {
        {"SGD", "sgd", {0.1, 0.2, 0.5, 1, 2, 5, 10}},
        {"momentum", "momentum", {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1}},
        {"Adam", "adam", {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05}},
    };
    const grid g = {.batches = {100, 1000}, .lengths = {30, 100, 300}, .longest = longest};
    if (!(optimum > 0))
        optimum = softmax_optimum(folder, standardize);
    task t = make_softmax(folder, RV_F32, standardize);
    t.optimum = optimum;
    compare(&t, methods, &g, only);
    free_task(&t);
}

static void compare_mlp(const char *only, int64_t longest)
{
    static const tuned methods[FIRST_ORDER] = {
        {"SGD", "sgd", {0.01, 0.02, 0.05, 0.1, 0.2, 0.5}},
        {"momentum", "momentum", {0.002, 0.005, 0.01, 0.02, 0.05, 0.1}},
        {"Adam", "adam", {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02}},
    };
    const grid g = {
        .batches = {50, 500}, .lengths = {100, 300, 1000}, .longest = longest, .dense = true};
    task t = make_mlp();
    t.optimum = NAN;
    compare(&t, methods, &g, only);
    free_task(&t);
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    const char *what = argc > 1 ? argv[1] : "", *folder = argc > 2 ? argv[2] : NULL;
    const bool standardize = strcmp(what, "standardized") == 0;
    if ((standardize || strcmp(what, "softmax") == 0) && argc > 2)
        compare_softmax(folder, standardize, argc > 3 ? argv[3] : "",
                        argc > 4 ? atoll(argv[4]) : 1000, argc > 5 ? atof(argv[5]) : 0);
    else if (strcmp(what, "mlp") == 0)
        compare_mlp(argc > 2 ? argv[2] : "", argc > 3 ? atoll(argv[3]) : 15000);
    else if (strcmp(what, "optimum") == 0 && argc > 2)
        printf("%.15g\n", softmax_optimum(folder, false));
    else if (strcmp(what, "timed") == 0 && argc > 3)
        time_softmax(folder, atof(argv[3]), argc > 4 ? atoi(argv[4]) : 0,
                     argc > 5 ? atoi(argv[5]) : 0);
    else {
        fprintf(stderr,
                "full_batch softmax FOLDER | standardized FOLDER | mlp | optimum FOLDER | timed "
                "FOLDER OPTIMUM\n");
        return 64;
    }
    rv_finish();
    return 0;
}
