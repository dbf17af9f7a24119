/* save_models - the other way to PyTorch: saves every model for tests/golden/check_torch.py.
 *
 *     save_models FOLDER
 *
 * For each: NAME.safetensors, its state after two steps of training, so that the running statistics
 * are none of the defaults; and NAME.io.safetensors, images "x" and what it makes of them in eval
 * mode, "y".
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

static bool save(const char *folder, const char *name, rv_layer *net, int64_t channels,
                 int64_t side)
{
    RV_SCOPE;
    rv_tensor *x = rv_rand(RV_F32, 4, channels, side, side);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.01);
    for (int step = 0; step < 2; step++) {
        RV_SCOPE;
        rv_optim_zero_grad(opt);
        rv_backward(rv_mean(rv_square(rv_forward(net, x))));
        rv_optim_step(opt);
    }
    rv_layer_train(net, false);
    rv_tensor *y = rv_forward(net, x);
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    bool ok = rv_save(path, net);
    snprintf(path, sizeof path, "%s/%s.io.safetensors", folder, name);
    const char *const names[] = {"x", "y"};
    rv_tensor *const tensors[] = {x, rv_detach(y)};
    ok = ok && rv_safetensors_write(path, names, tensors, 2);
    if (!ok)
        fprintf(stderr, "%s: %s\n", name, rv_error());
    rv_optim_free(opt);
    rv_layer_free(net);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: save_models FOLDER\n");
        return 2;
    }
    rv_seed(1);
    bool ok = true;
    char names[] = RV_MODEL_NAMES;
    for (const char *name = strtok(names, ", "); name != NULL; name = strtok(NULL, ", "))
        ok = save(argv[1], name, rv_model_by_name(name), 3, 32) && ok;
    ok = save(argv[1], "lenet5_mnist", rv_model_lenet5(), 1, 28) && ok;
    ok = save(argv[1], "resnet20_padding", rv_model_resnet(.shortcut = RV_SHORTCUT_PADDING), 3,
              32) &&
         ok;
    ok = save(argv[1], "autoencoder", rv_model_autoencoder(), 1, 28) && ok;
    rv_finish();
    return ok ? 0 : 1;
}
