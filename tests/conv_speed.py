"""The convolutions of conv_speed.c in PyTorch, in both memory formats.

    python3 conv_speed.py [SECONDS [PART OF A NAME]]
"""

import statistics
import sys
import time

import torch

torch.set_num_threads(2)
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
PART = sys.argv[2] if len(sys.argv) > 2 else ""

SHAPES = [
    ("lenet 1", 128, 1, 28, 6, 5, 1, 2), ("lenet 2", 128, 6, 14, 16, 5, 1, 0),
    ("resnet first", 128, 3, 32, 16, 3, 1, 1), ("resnet 16", 128, 16, 32, 16, 3, 1, 1),
    ("resnet 16-32", 128, 16, 32, 32, 3, 2, 1), ("resnet 16-32 1x1", 128, 16, 32, 32, 1, 2, 0),
    ("resnet 32", 128, 32, 16, 32, 3, 1, 1), ("resnet 32-64", 128, 32, 16, 64, 3, 2, 1),
    ("resnet 64", 128, 64, 8, 64, 3, 1, 1), ("vgg 64", 64, 64, 32, 64, 3, 1, 1),
    ("vgg 128", 64, 128, 16, 128, 3, 1, 1), ("depthwise 64", 32, 64, 32, 64, 3, 1, 1, 64),
    ("depthwise 128 /2", 32, 128, 28, 128, 3, 2, 1, 128),
    ("depthwise 512", 32, 512, 14, 512, 3, 1, 1, 512),
    ("depthwise 96 7x7", 8, 96, 56, 96, 7, 1, 3, 96),
]


def measure(run):
    times = []
    begin = time.perf_counter()
    while len(times) < 6 or time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:]), min(times)


for name, n, c, size, k, kernel, stride, padding, *more in SHAPES:
    if PART not in name:
        continue
    groups = more[0] if more else 1
    out = (size + 2 * padding - kernel) // stride + 1
    work = 2e-9 * n * out * out * k * c * kernel * kernel / groups
    best = {}
    for form in torch.contiguous_format, torch.channels_last:
        x = torch.randn(n, c, size, size).to(memory_format=form)
        w = torch.randn(k, c // groups, kernel, kernel).to(memory_format=form)
        g = torch.randn(n, k, out, out).to(memory_format=form)

        def backward(which):
            return torch.ops.aten.convolution_backward(
                g, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups,
                [i == which for i in range(3)])

        with torch.no_grad():
            runs = {"forward": lambda: torch.nn.functional.conv2d(x, w, None, stride, padding,
                                                                    groups=groups),
                    "input grad": lambda: backward(0), "weight grad": lambda: backward(1)}
            for key, run in runs.items():
                best.setdefault(key, []).append(measure(run))
    for key, (rows, last) in best.items():
        fastest = min(rows[1], last[1])
        print(f"{name:18s} {key:12s} {1e3 * rows[0]:8.3f} ms row-major {1e3 * last[0]:8.3f} ms "
              f"channels last, best {1e3 * fastest:8.3f} ms {work / fastest:7.1f} GFLOP/s, "
              f"{torch.get_num_threads()} threads", flush=True)
