"""What tests/double_speed.c measures, in PyTorch: python3 tests/double_speed.py [NAME] [THREADS].

Run both in turn, more than once: only the ratio of one run says anything."""

import sys
import time

import torch
import torch.nn.functional as F

TIMES = 151

TRIALS = {
    "tanh": lambda x, w, g: x.tanh(),
    "exp": lambda x, w, g: x.exp(),
    "sin": lambda x, w, g: x.sin(),
    "cos": lambda x, w, g: x.cos(),
    "log": lambda x, w, g: x.log(),
    "sigmoid": lambda x, w, g: x.sigmoid(),
    "softplus": lambda x, w, g: F.softplus(x),
    "add": lambda x, w, g: x + x,
    "x_w": lambda x, w, g: x @ w,
    "x_wt": lambda x, w, g: F.linear(x, w),
    "gt_x": lambda x, w, g: x.t() @ g,
}


def best_of(run, both, x, w, g):
    best = float("inf")
    for _ in range(TIMES):
        begin = time.perf_counter()
        if both:
            torch.autograd.grad(run(x, w, g).sum(), x)
        else:
            with torch.no_grad():
                run(x, w, g)
        best = min(best, 1e6 * (time.perf_counter() - begin))
    return best


def measure(wanted, rows, width):
    x = (torch.rand(rows, width, dtype=torch.float64) + 0.5).requires_grad_()
    w = torch.randn(width, width, dtype=torch.float64)
    g = torch.randn(rows, width, dtype=torch.float64)
    for name, run in TRIALS.items():
        if wanted in name:
            forward, both = best_of(run, False, x, w, g), best_of(run, True, x, w, g)
            print(f"{name:10s} [{rows},{width}]\t{forward:.2f}\t{both:.2f}", flush=True)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    print(f"microseconds forward and both, the best of {TIMES}, {torch.get_num_threads()} threads")
    torch.manual_seed(1)
    measure(wanted, 256, 20)
    measure(wanted, 1024, 20)
    measure(wanted, 10000, 20)


if __name__ == "__main__":
    main()
