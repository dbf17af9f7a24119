"""What tests/reduce_speed.c measures, in PyTorch: python3 tests/reduce_speed.py [NAME] [THREADS].

Run both in turn, more than once: only the ratio of one run says anything."""

import statistics
import sys
import time

import torch

TIMES = 25

MATRICES = {
    "sum_0": lambda x: x.sum(0),
    "sum_1": lambda x: x.sum(1),
    "sum_all": lambda x: x.sum(),
    "mean_0": lambda x: x.mean(0),
    "mean_1": lambda x: x.mean(1),
    "mean_all": lambda x: x.mean(),
    "var_0": lambda x: x.var(0),
    "var_1": lambda x: x.var(1),
    "var_all": lambda x: x.var(),
    "max_0": lambda x: x.amax(0),
    "max_1": lambda x: x.amax(1),
    "max_all": lambda x: x.amax(),
    "argmax_0": lambda x: x.argmax(0),
    "argmax_1": lambda x: x.argmax(1),
    "norm_1": lambda x: torch.linalg.vector_norm(x, 2, 1),
    "logsumexp_0": lambda x: x.logsumexp(0),
    "logsumexp_1": lambda x: x.logsumexp(1),
    "cumsum_0": lambda x: x.cumsum(0),
    "cumsum_1": lambda x: x.cumsum(1),
    "sort_1": lambda x: x.sort(1),
    "topk_1": lambda x: x.topk(10, 1),
}
LINES = {"sort_line": lambda x: x.sort(), "topk_line": lambda x: x.topk(10)}
IMAGES = {
    "sum_channels": lambda x: x.sum((0, 2, 3)),
    "var_channels": lambda x: x.var((0, 2, 3)),
    "mean_images": lambda x: x.mean((2, 3)),
}


def measure(wanted, trials, shape, x):
    for name, run in trials.items():
        if wanted not in name:
            continue
        times = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            run(x)
            times.append(1e6 * (time.perf_counter() - begin))
        print(f"{name:14s} {shape:28s} {min(times):10.1f} {statistics.median(times):10.1f}", flush=True)


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    print(f"microseconds, the best and the median of {TIMES}, {torch.get_num_threads()} threads")
    torch.manual_seed(1)
    measure(wanted, MATRICES, "[1000,1000]", torch.randn(1000, 1000))
    measure(wanted, MATRICES, "[100000,10]", torch.randn(100000, 10))
    measure(wanted, MATRICES, "[10,100000]", torch.randn(10, 100000))
    measure(wanted, LINES, "[1000000]", torch.randn(1000000))
    images = torch.randn(32, 64, 28, 28)
    measure(wanted, IMAGES, "[32,64,28,28]", images)
    last = images.to(memory_format=torch.channels_last)
    measure(wanted, IMAGES, "[32,64,28,28]-channels-last", last)


main()
