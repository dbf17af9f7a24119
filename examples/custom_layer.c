/* custom_layer: a layer of one's own, written with what the library's layers are written with.
 *
 * It has a child and two parameters: y = gain * inner(x) + shift, with one gain and one shift for
 * each feature. Its derivatives come for free, because it is made of operations; that they are
 * right is checked. Then it is saved, and loaded into another one.
 */
#include <stdio.h>

#include <ravine.h>

/* ---- the layer ------------------------------------------------------------------------------- */

/* An instance begins with an rv_layer; what follows are its own fields. */
typedef struct scaled {
    rv_layer layer;
    rv_layer *inner;         /* a child: the layer holds it */
    rv_tensor *gain, *shift; /* parameters: the layer holds them too */
} scaled;

static rv_tensor *scaled_forward(rv_layer *self, rv_tensor *x)
{
    const scaled *s = (const scaled *)self;
    return rv_add(rv_mul(rv_forward(s->inner, x), s->gain), s->shift);
}

/* Only rv_layer_summary asks. */
static int64_t scaled_multiply_adds(const rv_layer *self, const rv_tensor *x, const rv_tensor *y)
{
    (void)self, (void)x;
    return rv_numel(y);
}

static const rv_layer_class scaled_class = {.name = "scaled",
                                            .size = sizeof(scaled),
                                            .forward = scaled_forward,
                                            .multiply_adds = scaled_multiply_adds};

/* Takes over `inner`, which gives `features` features. NULL with an error, also if inner is NULL:
 * so calls nest as those of the library do. */
static rv_layer *make_scaled(rv_layer *inner, int64_t features)
{
    RV_SCOPE;
    rv_layer *layer = rv_layer_new(&scaled_class);
    scaled made = {
        .inner = rv_layer_add_child(layer, "inner", inner),
        .gain = rv_layer_add_parameter(layer, "gain", rv_ones(RV_F64, features)),
        .shift = rv_layer_add_parameter(layer, "shift", rv_zeros(RV_F64, features)),
    };
    scaled *s = (scaled *)rv_layer_complete(layer); /* NULL if something could not be added */
    if (s == NULL)
        return NULL;
    s->inner = made.inner;
    s->gain = made.gain;
    s->shift = made.shift;
    return &s->layer;
}

static rv_layer *make_net(void)
{
    return rv_layer_sequential(make_scaled(rv_layer_linear(3, 4, .dtype = RV_F64), 4),
                               rv_layer_tanh(),
                               make_scaled(rv_layer_linear(4, 2, .dtype = RV_F64), 2));
}

/* ---- is its derivative right? ---------------------------------------------------------------- */

typedef struct task {
    rv_layer *net;
    rv_tensor *x;
} task;

static rv_tensor *of_input(rv_tensor **in, void *context)
{
    return rv_forward(((task *)context)->net, in[0]);
}

static rv_tensor *of_parameters(void *context)
{
    task *t = context;
    return rv_forward(t->net, t->x);
}

static bool check(task *t)
{
    rv_gradcheck_report r;
    const rv_tensors p = rv_parameters(t->net);
    const int n = (int)p.count;
    const bool ok = rv_gradcheck(of_input, t, &t->x, 1, &r) &&
                    rv_gradgradcheck(of_input, t, &t->x, 1, &r) &&
                    rv_gradcheck(of_parameters, t, p.items, n, &r) &&
                    rv_gradgradcheck(of_parameters, t, p.items, n, &r);
    printf("derivatives, first and second, by input and %d parameters: %s\n", n,
           ok ? "right" : r.message);
    return ok;
}

/* ---- saved and loaded ------------------------------------------------------------------------ */

static bool print_state(void *context, const char *name, rv_tensor *t)
{
    (void)context;
    printf("  %-16s %lld numbers\n", name, (long long)rv_numel(t));
    return true;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "custom_layer.safetensors";
    rv_on_error(rv_error_exit);
    rv_seed(42);
    task t = {.net = make_net(), .x = rv_randn(RV_F64, 5, 3)};
    rv_layer_summary(t.net, RV_F64, 5, 3);
    const bool right = check(&t);

    rv_save(path, t.net);
    printf("saved to %s:\n", path);
    rv_state(t.net, print_state, NULL);
    rv_layer *other = make_net(); /* with other random weights, until it is loaded */
    rv_load(path, other);
    const bool same = rv_equal(rv_forward(other, t.x), rv_forward(t.net, t.x));
    printf("loaded into another one, it gives %s\n", same ? "the same" : "something else");

    rv_layer_free(other);
    rv_layer_free(t.net);
    return right && same ? 0 : 1;
}
