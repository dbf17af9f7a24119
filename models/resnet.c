/* resnet.c - K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition, 2015.
 *
 * One basic block, stages of blocks, and two networks of stages: those for CIFAR (section 4.2), and
 * ResNet-18 (table 1) with a stem for small images.
 */
#include "models/models.h"

#include "autograd/operations.h"
#include "models/model_parts.h"

enum { MOST_STAGES = 4, MOST_BLOCKS = 200 /* in a stage */ };

/* ---- parts ----------------------------------------------------------------------------------- */

/* A convolution without bias, as batch norm follows it. */
static rv_layer *conv(int64_t in, int64_t out, int64_t kernel, int64_t stride, rv_dtype dtype)
{
    return rv_model_he(rv_layer_conv2d(in, out, kernel, .stride = stride, .padding = kernel / 2,
                                       .bias = false, .dtype = dtype),
                       RV_FAN_OUT);
}

/* Option A: every other pixel, between channels of zeros. */
static rv_tensor *padding_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    if (x->ndim != 4)
        return rv_fail_null(RV_ERROR_SHAPE, "resnet", "input is %s; [n,channels,h,w] is expected",
                            RV_SHAPE_OF(x));
    const int64_t more = x->shape[1]; /* twice as many channels */
    rv_tensor *half = rv_slice(rv_slice(x, .axis = 2, .step = 2), .axis = 3, .step = 2);
    return rv_pad(half, (int64_t[]){0, more / 2, 0, 0}, (int64_t[]){0, more - more / 2, 0, 0});
}

static const rv_layer_class padding_class = {
    .name = "padding_shortcut", .size = sizeof(rv_layer), .forward = padding_forward};

/* ---- the basic block ------------------------------------------------------------------------- */

typedef struct basic_block {
    rv_layer layer;
    rv_layer *conv1, *bn1, *conv2, *bn2, *shortcut; /* children; shortcut may be NULL: x itself */
} basic_block;

static rv_tensor *basic_block_forward(rv_layer *self, rv_tensor *x)
{
    const basic_block *b = (const basic_block *)self;
    rv_tensor *y;
    {
        RV_SCOPE; /* what is made on the way goes at once, unless backward needs it */
        y = rv_keep(rv_relu(rv_forward(b->bn1, rv_forward(b->conv1, x))));
    }
    y = rv_forward(b->bn2, rv_forward(b->conv2, y));
    return rv_relu(rv_add(y, b->shortcut != NULL ? rv_forward(b->shortcut, x) : x));
}

static const rv_layer_class basic_block_class = {
    .name = "basic_block", .size = sizeof(basic_block), .forward = basic_block_forward};

/* What a network's blocks have in common. */
typedef struct style {
    rv_shortcut shortcut;
    const char *shortcut_name;
    rv_dtype dtype;
} style;

static rv_layer *make_shortcut(const style *s, int64_t in, int64_t out, int64_t stride)
{
    if (s->shortcut == RV_SHORTCUT_PADDING)
        return rv_layer_new(&padding_class);
    return rv_layer_sequential(conv(in, out, 1, stride, s->dtype),
                               rv_layer_batch_norm2d(out, .dtype = s->dtype));
}

static rv_layer *make_block(const style *s, int64_t in, int64_t out, int64_t stride)
{
    rv_layer *layer = rv_layer_new(&basic_block_class);
    basic_block *b = (basic_block *)layer;
    if (b == NULL)
        return NULL;
    b->conv1 = rv_layer_add_child(layer, "conv1", conv(in, out, 3, stride, s->dtype));
    b->bn1 = rv_layer_add_child(layer, "bn1", rv_layer_batch_norm2d(out, .dtype = s->dtype));
    b->conv2 = rv_layer_add_child(layer, "conv2", conv(out, out, 3, 1, s->dtype));
    b->bn2 = rv_layer_add_child(layer, "bn2", rv_layer_batch_norm2d(out, .dtype = s->dtype));
    if (in != out)
        b->shortcut =
            rv_layer_add_child(layer, s->shortcut_name, make_shortcut(s, in, out, stride));
    return rv_layer_complete(layer);
}

/* ---- networks of blocks ---------------------------------------------------------------------- */

/* `blocks` of them; the first halves the image, unless it is the network's first. */
static rv_layer *make_stage(const style *s, int64_t in, int64_t out, int blocks)
{
    rv_layer *all[MOST_BLOCKS];
    all[0] = make_block(s, in, out, in == out ? 1 : 2);
    for (int i = 1; i < blocks; i++)
        all[i] = make_block(s, out, out, 1);
    return rv_layer_sequential_n(all, blocks);
}

typedef struct network {
    style style;
    int stages, blocks; /* blocks in each stage */
    int64_t channels, filters, classes;
} network;

static rv_layer *make_network(const network *n)
{
    static const char *const names[MOST_STAGES] = {"layer1", "layer2", "layer3", "layer4"};
    const rv_dtype dtype = n->style.dtype;
    rv_layer *all[MOST_STAGES + 6];
    int64_t count = 0, in = n->filters, out = n->filters;
    all[count++] = rv_layer_named("conv1", conv(n->channels, in, 3, 1, dtype));
    all[count++] = rv_layer_named("bn1", rv_layer_batch_norm2d(in, .dtype = dtype));
    all[count++] = rv_layer_relu();
    for (int i = 0; i < n->stages; i++, in = out, out *= 2)
        all[count++] = rv_layer_named(names[i], make_stage(&n->style, in, out, n->blocks));
    all[count++] = rv_layer_adaptive_avg_pool2d(1);
    all[count++] = rv_layer_flatten();
    all[count++] = rv_layer_named("fc", rv_layer_linear(in, n->classes, .dtype = dtype));
    return rv_layer_sequential_n(all, count);
}

rv_layer *rv_model_resnet_with(const rv_model_resnet_options *options)
{
    const char *who = "model_resnet";
    const rv_model_resnet_options *o = options;
    if (!rv_model_given(who, o) || !rv_model_size(who, "channels", o->channels, 1) ||
        !rv_model_size(who, "filters", o->filters, 1))
        return NULL;
    if (o->depth < 8 || o->depth > 6 * MOST_BLOCKS + 2 || (o->depth - 2) % 6 != 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "depth is %d; 8, 14, 20, .. %d, two more than a multiple of 6, is "
                            "expected",
                            o->depth, 6 * MOST_BLOCKS + 2);
    if ((unsigned)o->shortcut >= RV_SHORTCUT_COUNT)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "shortcut is %d; RV_SHORTCUT_PROJECTION or RV_SHORTCUT_PADDING is "
                            "expected",
                            (int)o->shortcut);
    return make_network(&(network){.style = {o->shortcut, "shortcut", o->dtype},
                                   .stages = 3,
                                   .blocks = (o->depth - 2) / 6,
                                   .channels = o->channels,
                                   .filters = o->filters,
                                   .classes = o->classes});
}

rv_layer *rv_model_resnet18_with(const rv_model_resnet18_options *options)
{
    const char *who = "model_resnet18";
    const rv_model_resnet18_options *o = options;
    if (!rv_model_given(who, o) || !rv_model_size(who, "channels", o->channels, 1) ||
        !rv_model_size(who, "filters", o->filters, 1))
        return NULL;
    return make_network(&(network){.style = {RV_SHORTCUT_PROJECTION, "downsample", o->dtype},
                                   .stages = 4,
                                   .blocks = 2,
                                   .channels = o->channels,
                                   .filters = o->filters,
                                   .classes = o->classes});
}
