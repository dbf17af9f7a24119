/* import_torch FILE [SAVED]: a network that was trained with PyTorch, used here.
 *
 * These lines of Python make the file, import_torch.safetensors:
 *
 *     import torch
 *     from safetensors.torch import save_file
 *     from torch import nn
 *
 *     torch.manual_seed(0)
 *     net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
 *                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 4 * 4, 10))
 *     net(torch.randn(16, 1, 8, 8))  # batch norm learns a mean and a variance
 *     net.eval()
 *     x = torch.randn(5, 1, 8, 8)
 *     tensors = net.state_dict() | {"input": x, "output": net(x).detach()}
 *     save_file(tensors, "import_torch.safetensors")
 *
 * The same network is made here, its state loaded, and what it makes of "input" compared with
 * "output". SAVED is where its state is saved then, for the way back:
 *
 *     net.load_state_dict(safetensors.torch.load_file("SAVED"))
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

/* What the file has besides the state. */
typedef struct example {
    rv_tensor *input, *output; /* retained */
} example;

static bool take(void *context, const char *name, rv_tensor *t)
{
    example *e = context;
    if (strcmp(name, "input") == 0)
        e->input = rv_retain(t);
    else if (strcmp(name, "output") == 0)
        e->output = rv_retain(t);
    return true;
}

/* Loads the state; "input" and "output" are no part of it, and everything else must be there. */
static bool load(const char *path, rv_layer *net)
{
    rv_load_report report;
    rv_load_state(path, net, .strict = false, .report = &report);
    printf("%lld tensors loaded, %lld missing, %lld not of the network\n", (long long)report.loaded,
           (long long)report.missing.count, (long long)report.unexpected.count);
    if (report.missing.count > 0 || report.unexpected.count != 2)
        fprintf(stderr, "%s\n", report.message);
    return report.missing.count == 0 && report.unexpected.count == 2;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s FILE [SAVED]\n", argv[0]);
        return 64;
    }
    rv_on_error(rv_error_exit);
    rv_layer *net = rv_layer_sequential(
        rv_layer_conv2d(1, 4, 3, .padding = 1), rv_layer_batch_norm2d(4), rv_layer_relu(),
        rv_layer_max_pool2d(2), rv_layer_flatten(), rv_layer_linear(4 * 4 * 4, 10));
    example e = {0};
    rv_safetensors_read(argv[1], take, &e);
    bool ok = load(argv[1], net) && e.input != NULL && e.output != NULL;
    if (ok) {
        RV_NO_GRAD;
        rv_layer_train(net, false); /* eval mode, as there */
        rv_tensor *y = rv_forward(net, e.input);
        const double difference = rv_item(rv_max(rv_abs(rv_sub(y, e.output))));
        ok = difference <= 1e-5;
        printf("largest difference from PyTorch's output: %.1e, %s\n", difference,
               ok ? "which is rounding" : "which is too much");
    }
    if (ok && argc == 3) {
        rv_save(argv[2], net);
        printf("saved as %s\n", argv[2]);
    }
    rv_release(e.input);
    rv_release(e.output);
    rv_layer_free(net);
    return ok ? 0 : 1;
}
