/* samples_check.c - what is tried with each sample of the table, whatever its operation. */
#include "samples_check.h"

#include <stdarg.h>
#include <string.h>

#include "autograd/node.h"

/* PyTorch computes in another order, so the last few of 53 bits may differ. */
#define GOLDEN_TOLERANCE 1e-12
#define F32_TOLERANCE 1e-5

/* ---- running a sample ------------------------------------------------------------------------ */

/* A sample's inputs, result, and gradients; what a check varies is the first four. */
typedef struct trial {
    const sample *s;
    layout layouts[SAMPLE_MAX_INPUTS + 1]; /* of the inputs, and of the result's gradient */
    bool f32;                              /* F64 inputs are F32 */
    bool rounded;                          /* F64 inputs are rounded to F32 and F64 again */
    bool ones;                             /* the result's gradient is one 1, expanded */
    rv_tensor *in[SAMPLE_MAX_INPUTS];
    rv_tensor *out;
    rv_tensor *gradients[SAMPLE_MAX_INPUTS]; /* NULL for inputs that have none */
} trial;

static rv_tensor *make_input(const trial *t, int i)
{
    rv_tensor *x = sample_make(t->s, i);
    if (x != NULL && x->dtype == RV_F64 && (t->f32 || t->rounded))
        x = rv_raw_cast("test", x, RV_F32);
    if (x != NULL && t->rounded && t->s->in[i].dtype == RV_F64)
        x = rv_raw_cast("test", x, RV_F64);
    return x != NULL ? laid_out(x, t->layouts[i]) : NULL;
}

static rv_tensor *make_weights(const trial *t)
{
    if (t->ones)
        return rv_raw_expand("test", rv_ones_n(t->out->dtype, 0, NULL), t->out->ndim,
                             t->out->shape);
    rv_tensor *w = sample_weights(t->s, SAMPLE_MAX_INPUTS, t->out);
    return w != NULL ? laid_out(w, t->layouts[SAMPLE_MAX_INPUTS]) : NULL;
}

/* The unread error as the reason. */
static bool failed_with_error(reason *why, const char *what)
{
    const char *message = rv_error();
    return because(why, "%s failed: %s", what, message != NULL ? message : "without an error");
}

/* Runs forward, its floating inputs requiring gradients if `leaves`. */
static bool run_forward(trial *t, bool leaves, reason *why)
{
    for (int i = 0; i < sample_inputs(t->s); i++) {
        t->in[i] = make_input(t, i);
        if (t->in[i] != NULL && leaves && rv_dtype_is_floating(t->in[i]->dtype))
            t->in[i] = rv_require_grad(t->in[i]);
        if (t->in[i] == NULL)
            return failed_with_error(why, "making an input");
    }
    t->out = t->s->run(t->in, NULL);
    return (t->out != NULL && rv_error_status() == RV_OK) || failed_with_error(why, "forward");
}

/* Forward and backward; an input that is not connected has gradient 0. */
static bool run_backward(trial *t, reason *why)
{
    if (!run_forward(t, true, why))
        return false;
    if (!rv_requires_grad(t->out))
        return because(why, "the result requires no gradient");
    rv_tensor *xs[SAMPLE_MAX_INPUTS], *w = make_weights(t);
    int n = 0;
    for (int i = 0; i < sample_inputs(t->s); i++)
        if (rv_dtype_is_floating(t->in[i]->dtype))
            xs[n++] = t->in[i];
    rv_tensor **g = rv_gradients(&t->out, 1, xs, n, .gradients = &w, .allow_unused = true);
    if (w == NULL || g == NULL)
        return failed_with_error(why, "backward");
    n = 0;
    for (int i = 0; i < sample_inputs(t->s); i++) {
        if (!rv_dtype_is_floating(t->in[i]->dtype))
            continue;
        t->gradients[i] = g[n] != NULL ? g[n] : rv_zeros_like(t->in[i]);
        n++;
    }
    return true;
}

/* ---- golden values --------------------------------------------------------------------------- */

/* The golden file of a sample's family; the last one stays open, for the samples that follow. */
static const golden *golden_values(const sample *s, reason *why)
{
    static golden *file;
    static const char *family;
    if (file == NULL || strcmp(family, s->family) != 0) {
        char name[64];
        snprintf(name, sizeof name, "%s.safetensors", s->family);
        golden_close(file);
        file = golden_open(name);
        family = s->family;
    }
    if (file == NULL)
        because(why, "there are no golden values");
    return file;
}

verdict check_forward(const sample *s, reason *why)
{
    const golden *g = golden_values(s, why);
    trial t = {.s = s};
    if (g == NULL || !run_forward(&t, false, why))
        return FAILED;
    for (int i = 0; i < sample_inputs(s); i++) {
        const rv_tensor *want = golden_tensor(g, "%s/%s:%d", s->op, s->name, i);
        if (want == NULL || !rv_equal(t.in[i], want)) {
            because(why, "input %d is not the golden one: run tests/golden/operations.py", i);
            return FAILED;
        }
    }
    const rv_tensor *want = golden_tensor(g, "%s/%s:out", s->op, s->name);
    if (want == NULL)
        because(why, "there is no golden result");
    else if (want->dtype != t.out->dtype)
        because(why, "the result is %s, expected %s", rv_dtype_name(t.out->dtype),
                rv_dtype_name(want->dtype));
    else if (is_near(t.out, want, GOLDEN_TOLERANCE, why))
        return PASSED;
    return FAILED;
}

verdict check_gradient(const sample *s, reason *why)
{
    const golden *g = golden_values(s, why);
    trial t = {.s = s};
    if (g == NULL)
        return FAILED;
    if (s->gradient == SAMPLE_NONE) {
        if (!run_forward(&t, true, why))
            return FAILED;
        if (rv_requires_grad(t.out))
            because(why, "the result requires a gradient");
        return why->text[0] == '\0' ? DOES_NOT_APPLY : FAILED;
    }
    if (!run_backward(&t, why))
        return FAILED;
    for (int i = 0; i < sample_inputs(s); i++) {
        if (t.gradients[i] == NULL)
            continue;
        const rv_tensor *want = golden_tensor(g, "%s/%s:grad%d", s->op, s->name, i);
        if (want == NULL)
            because(why, "there is no golden gradient of input %d", i);
        reason inner = {""};
        if (want != NULL && !is_near(t.gradients[i], want, GOLDEN_TOLERANCE, &inner))
            because(why, "gradient of input %d: %s", i, inner.text);
    }
    return why->text[0] == '\0' ? PASSED : FAILED;
}

/* ---- derivatives ----------------------------------------------------------------------------- */

static bool is_in_graph(const rv_node *node, const char *op)
{
    if (node == NULL || node->op == NULL)
        return false;
    if (strcmp(node->op->name, op) == 0)
        return true;
    for (int i = 0; i < node->inputs; i++)
        if (is_in_graph(node->edges[i].node, op))
            return true;
    return false;
}

/* Whether an operation is made of others, and so has no node of its own. */
static bool is_composed(const char *op)
{
    static const char *const composed[] = {"",
#define OWN(name)
#define COMPOSED(name) #name,
                                           RV_OPERATION_LIST(OWN, COMPOSED)
#undef OWN
#undef COMPOSED
    };
    for (int i = 0; i < RV_COUNT(composed); i++)
        if (strcmp(composed[i], op) == 0)
            return true;
    return false;
}

verdict check_recorded(const sample *s, reason *why)
{
    trial t = {.s = s};
    if (s->gradient == SAMPLE_NONE || is_composed(s->op))
        return DOES_NOT_APPLY;
    if (!run_forward(&t, true, why))
        return FAILED;
    for (int i = 0; i < sample_inputs(s); i++)
        if (t.out == t.in[i])
            return DOES_NOT_APPLY;
    if (is_in_graph(rv_node_of(t.out), s->op))
        return PASSED;
    because(why, "%s is not in the graph of the result", s->op);
    return FAILED;
}

static verdict check_by_differences(const sample *s, bool second, layout how, reason *why)
{
    rv_tensor *in[SAMPLE_MAX_INPUTS];
    rv_gradcheck_report r;
    if (s->gradient != SAMPLE_CHECKED)
        return DOES_NOT_APPLY;
    for (int i = 0; i < sample_inputs(s); i++)
        in[i] = laid_out(sample_make(s, i), how);
    const bool ok = second ? rv_gradgradcheck(s->run, NULL, in, sample_inputs(s), &r)
                           : rv_gradcheck(s->run, NULL, in, sample_inputs(s), &r);
    if (rv_error_status() != RV_OK)
        failed_with_error(why, second ? "gradgradcheck" : "gradcheck");
    else if (!ok)
        because(why, "%s", r.message);
    return ok ? PASSED : FAILED;
}

verdict check_gradcheck(const sample *s, reason *why)
{
    return check_by_differences(s, false, LAYOUT_PACKED, why);
}

verdict check_gradgradcheck(const sample *s, reason *why)
{
    return check_by_differences(s, true, LAYOUT_PACKED, why);
}

/* ---- layouts and dtypes ---------------------------------------------------------------------- */

/* Whether t gives what `want` gave. */
static bool is_same(const trial *t, const trial *want, double tolerance, reason *why)
{
    reason inner = {""};
    if (!is_near(t->out, want->out, tolerance, &inner))
        return because(why, "the result: %s", inner.text);
    for (int i = 0; i < sample_inputs(t->s); i++)
        if (want->gradients[i] != NULL &&
            !is_near(t->gradients[i], want->gradients[i], tolerance, &inner))
            return because(why, "gradient of input %d: %s", i, inner.text);
    return true;
}

static bool run_trial(trial *t, reason *why)
{
    return t->s->gradient == SAMPLE_NONE ? run_forward(t, false, why) : run_backward(t, why);
}

verdict check_layouts(const sample *s, reason *why)
{
    trial packed = {.s = s}, expanded = {.s = s, .ones = true};
    if (!run_trial(&packed, why))
        return FAILED;
    /* All transposed, all stepped, and three mixtures. */
    for (int variant = 0; variant < 5; variant++) {
        trial t = {.s = s};
        for (int i = 0; i <= SAMPLE_MAX_INPUTS; i++)
            t.layouts[i] = variant < 2 ? (layout)(LAYOUT_TRANSPOSED + variant)
                                       : (layout)((variant + i) % LAYOUT_COUNT);
        reason inner = {""};
        if (!run_trial(&t, &inner) || !is_same(&t, &packed, GOLDEN_TOLERANCE, &inner)) {
            because(why, "in layout %d: %s", variant, inner.text);
            return FAILED;
        }
    }
    if (s->gradient == SAMPLE_NONE)
        return PASSED;
    /* A gradient of ones with strides of 0, as sum's is. */
    if (!run_backward(&expanded, why))
        return FAILED;
    rv_tensor *g[SAMPLE_MAX_INPUTS];
    memcpy(g, expanded.gradients, sizeof g);
    rv_tensor *ones = rv_ones_n(expanded.out->dtype, expanded.out->ndim, expanded.out->shape);
    for (int i = 0; i < sample_inputs(s); i++) {
        if (g[i] == NULL)
            continue;
        trial again = {.s = s};
        if (!run_forward(&again, true, why))
            return FAILED;
        rv_tensor **want =
            rv_gradients(&again.out, 1, &again.in[i], 1, .gradients = &ones, .allow_unused = true);
        reason inner = {""};
        if (want == NULL) {
            failed_with_error(why, "backward of ones");
            return FAILED;
        }
        if (want[0] != NULL && !is_near(g[i], want[0], GOLDEN_TOLERANCE, &inner))
            because(why, "with ones expanded: gradient of input %d: %s", i, inner.text);
    }
    if (why->text[0] != '\0')
        return FAILED;
    const verdict second = check_by_differences(s, true, LAYOUT_TRANSPOSED, why);
    return second == DOES_NOT_APPLY ? PASSED : second;
}

verdict check_f32(const sample *s, reason *why)
{
    trial single = {.s = s, .f32 = true}, twice = {.s = s, .rounded = true};
    bool any = false;
    for (int i = 0; i < sample_inputs(s); i++)
        any = any || s->in[i].dtype == RV_F64;
    if (!any)
        return DOES_NOT_APPLY;
    if (!run_trial(&single, why) || !run_trial(&twice, why))
        return FAILED;
    if (strcmp(s->op, "cast") != 0 && twice.out->dtype == RV_F64 && single.out->dtype != RV_F32)
        because(why, "the result of F32 inputs is %s", rv_dtype_name(single.out->dtype));
    return why->text[0] == '\0' && is_same(&single, &twice, F32_TOLERANCE, why) ? PASSED : FAILED;
}

verdict check_inputs_kept(const sample *s, reason *why)
{
    trial t = {.s = s};
    if (!run_trial(&t, why))
        return FAILED;
    for (int i = 0; i < sample_inputs(s); i++)
        if (!rv_equal(t.in[i], sample_make(s, i)))
            because(why, "input %d was changed", i);
    return why->text[0] == '\0' ? PASSED : FAILED;
}

bool lacks_lapack(const sample *s)
{
    return !RV_BLAS && strcmp(s->family, "lapack") == 0;
}

verdict check_refused(const sample *s, reason *why)
{
    trial t = {.s = s};
    for (int i = 0; i < sample_inputs(s); i++)
        t.in[i] = make_input(&t, i);
    if (s->run(t.in, NULL) != NULL)
        because(why, "it returned a tensor, in a build without LAPACK");
    const rv_status status = rv_error_status();
    const char *message = rv_error();
    if (status != RV_ERROR_BUILD || message == NULL || strstr(message, "no LAPACK") == NULL)
        because(why, "the error is \"%s\"", message != NULL ? message : "none");
    return why->text[0] == '\0' ? DOES_NOT_APPLY : FAILED;
}

/* ---- bad calls ------------------------------------------------------------------------------- */

bool check_bad_call(const bad_call *call, reason *why)
{
    RV_SCOPE;
    const rv_tensor *result = call->call();
    const rv_status status = rv_error_status();
    const char *message = rv_error();
    if (result != NULL)
        because(why, "it returned a tensor");
    if (message == NULL)
        return because(why, "there was no error");
    if (status != call->status)
        because(why, "the status is \"%s\", expected \"%s\"", rv_status_text(status),
                rv_status_text(call->status));
    if (strstr(message, call->message) == NULL)
        because(why, "the message is \"%s\", expected \"%s\" in it", message, call->message);
    return why->text[0] == '\0';
}

/* ---- for the golden script ------------------------------------------------------------------- */

static void dump_input(FILE *file, const rv_tensor *t)
{
    fprintf(file, "{\"dtype\": \"%s\", \"shape\": [", rv_dtype_name(t->dtype));
    for (int i = 0; i < t->ndim; i++)
        fprintf(file, "%s%lld", i > 0 ? ", " : "", (long long)t->shape[i]);
    fprintf(file, "], \"values\": [");
    for (int64_t i = 0; i < t->numel; i++)
        fprintf(file, "%s%.17g", i > 0 ? ", " : "", at(t, i));
    fprintf(file, "]}");
}

bool dump_samples(const char *path)
{
    static const char *const gradients[] = {"checked", "kink", "none"};
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    const sample *s;
    for (int index = 0; (s = sample_at(index)) != NULL; index++) {
        RV_SCOPE;
        fprintf(file,
                "%s{\"family\": \"%s\", \"op\": \"%s\", \"name\": \"%s\", \"torch\": \"%s\", ",
                index > 0 ? ",\n" : "[", s->family, s->op, s->name, s->torch);
        fprintf(file, "\"gradient\": \"%s\", \"inputs\": [", gradients[s->gradient]);
        for (int i = 0; i < sample_inputs(s); i++) {
            fprintf(file, "%s", i > 0 ? ", " : "");
            dump_input(file, sample_make(s, i));
        }
        fprintf(file, "]}");
    }
    fprintf(file, "]\n");
    return fclose(file) == 0;
}
