/* test_layers_golden.c - every layer beside PyTorch's: the names and shapes of its state, what it
 * computes from PyTorch's numbers in both modes, its state after that; and its derivatives, first
 * and second ones, with respect to input and parameters. */

#include <criterion/criterion.h>
#include <string.h>

#include "helpers.h"

/* ---- the layers, as tests/golden/layers.py has them ------------------------------------------ */

#define D .dtype = RV_F64

static rv_layer *make(const char *name)
{
    static const char *made; /* so that the list below reads as a list */
    made = name;
#define CASE(case_name, ...)           \
    if (strcmp(made, #case_name) == 0) \
    return __VA_ARGS__
    CASE(linear, rv_layer_linear(5, 3, D));
    CASE(conv2d, rv_layer_conv2d(2, 4, 3, D));
    CASE(conv2d_all, rv_layer_conv2d(2, 4, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 2},
                                     .dilation = {1, 2}, .groups = 2, .bias = false, D));
    CASE(conv2d_same, rv_layer_conv2d(2, 3, 3, 4, .padding = RV_PADDING_SAME, D));
    CASE(conv1d, rv_layer_conv1d(2, 3, 3, .stride = 2, .padding = 1, .dilation = 2, D));
    CASE(conv_transpose2d, rv_layer_conv_transpose2d(2, 4, 3, .stride = 2, .padding = 1,
                                                     .output_padding = 1, .groups = 2, D));
    CASE(max_pool2d, rv_layer_max_pool2d(3, .stride = 2, .padding = 1));
    CASE(max_pool1d, rv_layer_max_pool1d(2));
    CASE(avg_pool2d, rv_layer_avg_pool2d({3, 2}, .stride = 2, .padding = 1, .ceil_mode = true,
                                         .count_include_pad = false));
    CASE(avg_pool1d, rv_layer_avg_pool1d(3, .stride = 2));
    CASE(adaptive_avg_pool2d, rv_layer_adaptive_avg_pool2d({4, 1}));
    CASE(batch_norm2d, rv_layer_batch_norm2d(2, D));
    CASE(batch_norm1d, rv_layer_batch_norm1d(5, .eps = 1e-3, .momentum = 0.3, D));
    CASE(batch_norm1d_line, rv_layer_batch_norm1d(2, .affine = false, D));
    CASE(batch_norm_average, rv_layer_batch_norm2d(2, .momentum = RV_MOMENTUM_AVERAGE, D));
    CASE(batch_norm_untracked, rv_layer_batch_norm2d(2, .track_running_stats = false, D));
    CASE(layer_norm, rv_layer_layer_norm(5, D));
    CASE(layer_norm_two, rv_layer_layer_norm({2, 7}, .eps = 1e-3, .bias = false, D));
    CASE(group_norm, rv_layer_group_norm(2, 4, D));
    CASE(embedding, rv_layer_embedding(6, 3, .padding_idx = 2, D));
    CASE(upsample, rv_layer_upsample({2, 1.5}));
    CASE(upsample_bilinear,
         rv_layer_upsample(.size = {7, 9}, .mode = RV_BILINEAR, .align_corners = true));
    CASE(flatten, rv_layer_flatten());
    CASE(unflatten, rv_layer_unflatten({2, 3}, .axis = 2));
    CASE(relu, rv_layer_relu());
    CASE(tanh, rv_layer_tanh());
    CASE(sigmoid, rv_layer_sigmoid());
    CASE(log_sigmoid, rv_layer_log_sigmoid());
    CASE(silu, rv_layer_silu());
    CASE(selu, rv_layer_selu());
    CASE(gelu, rv_layer_gelu());
    CASE(gelu_tanh, rv_layer_gelu_tanh());
    CASE(leaky_relu, rv_layer_leaky_relu());
    CASE(leaky_relu_steep, rv_layer_leaky_relu(0.2));
    CASE(elu, rv_layer_elu(0.5));
    CASE(softplus, rv_layer_softplus(2, 1.5));
    CASE(hardtanh, rv_layer_hardtanh());
    CASE(hardtanh_half, rv_layer_hardtanh(0, 0.5));
    CASE(softmax, rv_layer_softmax(-1));
    CASE(log_softmax, rv_layer_log_softmax(1));
    CASE(residual,
         rv_layer_residual(rv_layer_sequential(rv_layer_conv2d(2, 3, 3, .padding = 1, D),
                                               rv_layer_batch_norm2d(3, D), rv_layer_relu()),
                           .shortcut = rv_layer_conv2d(2, 3, 1, D), .activation = rv_layer_relu()));
    CASE(named,
         rv_layer_sequential(rv_layer_named("conv1", rv_layer_conv2d(2, 2, 3, D)),
                             rv_layer_named("bn1", rv_layer_batch_norm2d(2, D)), rv_layer_relu(),
                             rv_layer_named("fc", rv_layer_sequential(rv_layer_flatten(),
                                                                      rv_layer_linear(32, 3, D)))));
    CASE(concat,
         rv_layer_concat(rv_layer_conv2d(2, 1, 1, D), rv_layer_conv2d(2, 3, 3, .padding = 1, D)));
    return NULL;
}

/* ---- the file's cases, and what is done with each -------------------------------------------- */

typedef bool test_function(const golden *g, const char *name, rv_layer *layer, reason *why);

typedef struct walk {
    const golden *g;
    test_function *test;
    int cases;
} walk;

/* A case begins with its input. */
static bool visit_file(void *context, const char *path, rv_tensor *t)
{
    walk *w = context;
    const char *end = strstr(path, "/x");
    if (end == NULL || end[2] != '\0')
        return true;
    (void)t;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(end - path), path);
    RV_SCOPE;
    rv_layer *layer = make(name);
    reason why = {""};
    cr_expect(layer != NULL && w->test(w->g, name, layer, &why), "%s: %s %s", name, why.text,
              rv_error());
    rv_layer_free(layer);
    w->cases++;
    return true;
}

static void for_all(test_function *test)
{
    walk w = {.g = golden_open("layers.safetensors"), .test = test};
    cr_assert_not_null(w.g);
    cr_expect(rv_safetensors_read(RV_GOLDEN "/layers.safetensors", visit_file, &w));
    cr_expect_eq(w.cases, 43);
    golden_close((golden *)w.g);
    cr_expect(no_error());
}

/* ---- state and results ----------------------------------------------------------------------- */

static bool load(const golden *g, const char *name, rv_layer *layer, reason *why)
{
    char prefix[80];
    snprintf(prefix, sizeof prefix, "%s/state/", name);
    return golden_load_state(g, prefix, layer, why);
}

static bool as_pytorch(const golden *g, const char *name, rv_layer *layer, reason *why)
{
    rv_tensor *x = golden_tensor(g, "%s/x", name);
    if (!load(g, name, layer, why))
        return false;
    rv_layer_train(layer, false);
    if (!is_near(rv_forward(layer, x), golden_tensor(g, "%s/eval", name), 1e-13, why))
        return false;
    rv_layer_train(layer, true);
    char after[80];
    snprintf(after, sizeof after, "%s/after/", name);
    return is_near(rv_forward(layer, x), golden_tensor(g, "%s/train", name), 1e-13, why) &&
           golden_same_state(g, after, layer, 1e-13, why);
}

Test(layers_golden, names_results_and_states_are_pytorchs)
{
    for_all(as_pytorch);
}

/* ---- derivatives ----------------------------------------------------------------------------- */

typedef struct task {
    rv_layer *layer;
    rv_tensor *x;
} task;

static rv_tensor *of_input(rv_tensor **in, void *context)
{
    return rv_forward(((task *)context)->layer, in[0]);
}

static rv_tensor *of_parameters(void *context)
{
    task *t = context;
    return rv_forward(t->layer, t->x);
}

static bool is_right(task *t, reason *why)
{
    rv_gradcheck_report r = {0};
    const rv_tensors p = rv_parameters(t->layer);
    const int n = (int)p.count;
    if (t->x->dtype == RV_F64 && !(rv_gradcheck(of_input, t, &t->x, 1, &r) && r.compared > 0 &&
                                   rv_gradgradcheck(of_input, t, &t->x, 1, &r)))
        return because(why, "input: %s", r.message);
    if (n > 0 && !(rv_gradcheck(of_parameters, t, p.items, n, &r) && r.compared > 0 &&
                   rv_gradgradcheck(of_parameters, t, p.items, n, &r)))
        return because(why, "parameters: %s", r.message);
    return true;
}

static bool derivatives(const golden *g, const char *name, rv_layer *layer, reason *why)
{
    task t = {layer, golden_tensor(g, "%s/x", name)};
    if (!load(g, name, layer, why))
        return false;
    if (strcmp(name, "embedding") == 0) /* but for the row that gets no gradient */
        t.x = rv_from_array(((int64_t[]){0, 5, 1, 1}), RV_I64, 2, 2);
    for (int on = 1; on >= 0; on--) {
        rv_layer_train(layer, on != 0);
        if (!is_right(&t, why))
            return because(why, "in %s mode", on ? "train" : "eval");
    }
    return true;
}

Test(layers_golden, derivatives_are_right)
{
    for_all(derivatives);
}
