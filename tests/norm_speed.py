"""What tests/norm_speed.c measures, in PyTorch: python3 tests/norm_speed.py [SECONDS [THREADS [NAME]]].

Run both in turn, more than once: only the ratio of one run says anything."""
import statistics
import sys
import time

import torch
import torch.nn.functional as F

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))


def measure(name, shape, run):
    if len(sys.argv) > 3 and sys.argv[3] not in name:
        return
    x = torch.randn(*shape)
    if "channels-last" in name:
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_(True)
    n = shape[-1] if name.startswith("layer") else shape[1]
    weight, bias = torch.ones(n, requires_grad=True), torch.zeros(n, requires_grad=True)
    mean, var = torch.zeros(n), torch.ones(n)
    y = run(x, weight, bias, mean, var)
    g = torch.randn_like(y)
    forward, both = [], []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(both) < 8:
        start = time.perf_counter()
        y = run(x, weight, bias, mean, var)
        middle = time.perf_counter()
        torch.autograd.grad(y, (x, weight, bias), g, allow_unused=True)
        forward.append(middle - start)
        both.append(time.perf_counter() - start)
    forward, both = forward[3:], both[3:]
    print(f"{name:52s} {1e3 * min(forward):8.4f} {1e3 * min(both):8.4f} ms, "
          f"median {1e3 * statistics.median(both):8.4f}, {len(both)} times, "
          f"{torch.get_num_threads()} threads", flush=True)


def batch_norm(x, weight, bias, mean, var):
    return F.batch_norm(x, mean, var, weight, bias, True)


def layer_norm(x, weight, bias, mean, var):
    return F.layer_norm(x, (x.shape[-1],), weight, bias)


def max_pool(x, *_):
    return F.max_pool2d(x, 2)


def global_average(x, *_):
    return F.adaptive_avg_pool2d(x, 1)


def average(x, *_):
    return F.avg_pool2d(x, 2)


def bilinear(x, *_):
    return F.interpolate(x, scale_factor=2, mode="bilinear")


measure("batch_norm [128,16,32,32]", (128, 16, 32, 32), batch_norm)
measure("batch_norm [128,64,8,8]", (128, 64, 8, 8), batch_norm)
measure("batch_norm [128,64,32,32]", (128, 64, 32, 32), batch_norm)
measure("batch_norm [128,16,32,32] channels-last", (128, 16, 32, 32), batch_norm)
measure("batch_norm [128,64,8,8] channels-last", (128, 64, 8, 8), batch_norm)
measure("batch_norm [128,512]", (128, 512), batch_norm)
measure("layer_norm [256,64,128]", (256, 64, 128), layer_norm)
measure("layer_norm [64,1024]", (64, 1024), layer_norm)
for order in "", " channels-last":
    measure("max_pool2d 2 [128,6,24,24]" + order, (128, 6, 24, 24), max_pool)
    measure("max_pool2d 2 [128,64,32,32]" + order, (128, 64, 32, 32), max_pool)
    measure("adaptive_avg_pool2d 1 [128,64,8,8]" + order, (128, 64, 8, 8), global_average)
    measure("avg_pool2d 2 [128,16,32,32]" + order, (128, 16, 32, 32), average)
    measure("interpolate 2 bilinear [16,16,32,32]" + order, (16, 16, 32, 32), bilinear)
