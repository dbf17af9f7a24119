"""What `pinn --time` measures, in PyTorch: python3 tests/pinn_speed.py [SECONDS [THREADS [WAY]]].

One evaluation of the loss of Burgers' equation and of its gradient: 10000 points, 3 layers of 20
tanh, F64. Four ways, so that PyTorch has its best:
    backward  derivatives of u by torch.autograd.grad, as one reads it everywhere
    jets      value and three derivatives carried forward, layer by layer, all in one product
    compiled  jets, through torch.compile, if that works here
    parts     jets, in parts of 500, 1000 or 2500 points, whose gradients add up
Run it with `pinn --time` in turn, more than once, and with LD_PRELOAD=libjemalloc.so.2: PyTorch
gains by it. Only ratios of runs side by side say anything."""
import math
import statistics
import sys
import time

import torch

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
only = sys.argv[3] if len(sys.argv) > 3 else ""
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
POINTS = 10000
nu = 0.01 / math.pi
pi = math.pi

sizes = [3, 20, 20, 20, 1]
parameters = []
for i, o in zip(sizes, sizes[1:]):
    w = torch.empty(o, i)
    torch.nn.init.xavier_uniform_(w)
    parameters += [w.requires_grad_(), torch.zeros(o, requires_grad=True)]
t = torch.rand(POINTS, 1)
x = 2 * torch.rand(POINTS, 1) - 1


def backward(t, x, parameters):
    t = t.detach().requires_grad_()
    x = x.detach().requires_grad_()
    h = torch.cat([t, torch.cos(pi * x), torch.sin(pi * x)], 1)
    for j in range(0, len(parameters), 2):
        h = torch.nn.functional.linear(h, parameters[j], parameters[j + 1])
        if j < len(parameters) - 2:
            h = torch.tanh(h)
    u = -torch.sin(pi * x) + t * h
    one = torch.ones_like(u)
    ut, ux = torch.autograd.grad(u, (t, x), one, create_graph=True)
    uxx, = torch.autograd.grad(ux, x, one, create_graph=True)
    return ((ut + u * ux - nu * uxx) ** 2).sum() / POINTS


def features(t, x):
    c, s, zero, one = torch.cos(pi * x), torch.sin(pi * x), torch.zeros_like(t), torch.ones_like(t)
    jets = torch.stack([torch.cat([t, c, s], 1), torch.cat([one, zero, zero], 1),
                        torch.cat([zero, -pi * s, pi * c], 1),
                        torch.cat([zero, -pi * pi * c, -pi * pi * s], 1)])
    return jets, torch.stack([-s, zero, -pi * c, pi * pi * s])


def jets(t, h, fixed, *parameters):
    for j in range(0, len(parameters) - 2, 2):
        z = torch.matmul(h, parameters[j].t())
        value, by_t, by_x, by_xx = z.unbind(0)
        y = torch.tanh(value + parameters[j + 1])
        slope = 1 - y * y
        h = torch.stack([y, slope * by_t, slope * by_x, slope * (by_xx - 2 * y * by_x * by_x)])
    value, by_t, by_x, by_xx = torch.matmul(h, parameters[-2].t()).unbind(0)
    value = value + parameters[-1]
    u = fixed[0] + t * value
    ux = fixed[2] + t * by_x
    uxx = fixed[3] + t * by_xx
    return ((value + t * by_t + u * ux - nu * uxx) ** 2).sum() / POINTS


jet_points = features(t, x)


def gradient_of(loss):
    return torch.autograd.grad(loss, parameters)


def in_parts(size):
    parts = [(t[i:i + size], jet_points[0][:, i:i + size].contiguous(),
              jet_points[1][:, i:i + size].contiguous()) for i in range(0, POINTS, size)]

    def run():
        total = None
        for part in parts:
            g = gradient_of(jets(*part, *parameters))
            total = g if total is None else [a + b for a, b in zip(total, g)]
        return total
    return run


def measure(name, run):
    if only and not name.startswith(only):
        return
    try:
        g = run()
    except Exception as e:  # torch.compile wants a compiler
        print(f"{name:12s} does not work here: {str(e).splitlines()[0]}")
        return
    want = gradient_of(backward(t, x, parameters))
    off = max(float((a - b).abs().max()) for a, b in zip(g, want))
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    median, best = 1e3 * statistics.median(times), 1e3 * min(times)
    print(f"{name:12s} median {median:7.2f} ms, best {best:7.2f}, {torch.get_num_threads()} threads, "
          f"off by {off:.1e}", flush=True)


measure("backward", lambda: gradient_of(backward(t, x, parameters)))
measure("jets", lambda: gradient_of(jets(t, *jet_points, *parameters)))
for size in (500, 1000, 2500):
    measure(f"parts {size}", in_parts(size))
compiled = torch.compile(jets)
measure("compiled", lambda: gradient_of(compiled(t, *jet_points, *parameters)))
