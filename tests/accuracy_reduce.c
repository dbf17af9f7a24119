/* accuracy_reduce - reductions of F32, for tests/accuracy_reduce.py to compare with PyTorch's.
 *
 *     accuracy_reduce FOLDER
 *
 * Writes inputs of several kinds into the folder, [ROWS, COLUMNS] of F32 each, as KIND.f32, and
 * what the reductions along axis 1 give, as KIND.OPERATION.f32; then the same for the transposed
 * inputs along axis 0, which lie in memory as rows that are added to each other, as
 * KIND.OPERATION_0.f32.
 */
#include <ravine.h>

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 50, COLUMNS = 20000 };

static void put(const char *folder, const char *kind, const char *name, rv_tensor *t)
{
    char path[512];
    RV_SCOPE;
    t = rv_contiguous(t);
    snprintf(path, sizeof path, "%s/%s%s%s.f32", folder, kind, name[0] != '\0' ? "." : "", name);
    FILE *file = fopen(path, "wb");
    if (file == NULL ||
        fwrite(t->data, sizeof(float), (size_t)t->numel, file) != (size_t)t->numel ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

#define ALONG(...)                       \
    const rv_axes along = RV_AXES(axis); \
    (void)along;                         \
    return __VA_ARGS__

typedef rv_tensor *reduction(rv_tensor *x, int axis);

static rv_tensor *sum(rv_tensor *x, int axis)
{
    ALONG(rv_sum(x, .axes = along));
}
static rv_tensor *mean(rv_tensor *x, int axis)
{
    ALONG(rv_mean(x, .axes = along));
}
static rv_tensor *var(rv_tensor *x, int axis)
{
    ALONG(rv_var(x, .axes = along));
}
static rv_tensor *std(rv_tensor *x, int axis)
{
    ALONG(rv_std(x, .axes = along));
}
static rv_tensor *norm_1(rv_tensor *x, int axis)
{
    ALONG(rv_norm(x, 1, .axes = along));
}
static rv_tensor *norm_2(rv_tensor *x, int axis)
{
    ALONG(rv_norm(x, 2, .axes = along));
}
static rv_tensor *norm_3(rv_tensor *x, int axis)
{
    ALONG(rv_norm(x, 3, .axes = along));
}
static rv_tensor *logsumexp(rv_tensor *x, int axis)
{
    ALONG(rv_logsumexp(x, .axes = along));
}
static rv_tensor *prod(rv_tensor *x, int axis)
{
    ALONG(rv_prod(x, .axes = along));
}
static rv_tensor *cumsum(rv_tensor *x, int axis)
{
    return rv_slice(rv_cumsum(x, axis), .axis = axis, .start = -1); /* its last element */
}

static const struct {
    const char *name;
    reduction *run;
} reductions[] = {
    {"sum", sum},       {"mean", mean},     {"var", var},
    {"std", std},       {"norm_1", norm_1}, {"norm_2", norm_2},
    {"norm_3", norm_3}, {"prod", prod},     {"logsumexp", logsumexp},
    {"cumsum", cumsum},
};

static void run_kind(const char *folder, const char *kind, rv_tensor *x)
{
    put(folder, kind, "", x);
    rv_tensor *turned = rv_contiguous(rv_transpose(x, 0, 1));
    for (int i = 0; i < RV_COUNT(reductions); i++) {
        RV_SCOPE;
        char name[64];
        put(folder, kind, reductions[i].name, reductions[i].run(x, 1));
        snprintf(name, sizeof name, "%s_0", reductions[i].name);
        put(folder, kind, name, reductions[i].run(turned, 0));
    }
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    if (argc != 2) {
        fprintf(stderr, "usage: accuracy_reduce FOLDER\n");
        return 1;
    }
    rv_seed(1);
    rv_tensor *normal = rv_randn(RV_F32, ROWS, COLUMNS);
    rv_tensor *uniform = rv_rand(RV_F32, ROWS, COLUMNS);
    run_kind(argv[1], "normal", normal);
    run_kind(argv[1], "uniform", uniform);
    run_kind(argv[1], "mean_1000", rv_add_scalar(normal, 1000));
    run_kind(argv[1], "mean_1e6", rv_add_scalar(normal, 1e6));
    run_kind(argv[1], "wide", rv_exp(rv_mul_scalar(normal, 4)));
    run_kind(argv[1], "near_1", rv_add_scalar(rv_mul_scalar(normal, 0.001), 1));
    rv_finish();
    return 0;
}
