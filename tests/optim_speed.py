"""What tests/optim_speed.c measures, in PyTorch: python3 tests/optim_speed.py [SECONDS [THREADS [NAME]]].

Each step three ways: PyTorch's default, foreach, and fused where there is such. Run both in turn,
more than once: only the ratio of one run says anything."""
import statistics
import sys
import time

import torch

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
PARAMETERS = 10_000_000

methods = {
    "sgd": lambda p, **how: torch.optim.SGD(p, lr=1e-3, **how),
    "sgd momentum": lambda p, **how: torch.optim.SGD(p, lr=1e-3, momentum=0.9, **how),
    "adam": lambda p, **how: torch.optim.Adam(p, lr=1e-3, **how),
    "adam weight_decay": lambda p, **how: torch.optim.Adam(p, lr=1e-3, weight_decay=1e-2, **how),
    "adamw": lambda p, **how: torch.optim.AdamW(p, lr=1e-3, **how),
    "adam amsgrad": lambda p, **how: torch.optim.Adam(p, lr=1e-3, amsgrad=True, **how),
}


def measure(name, way, tensors, parameters, at_once=1):
    p = [torch.randn(parameters // tensors, requires_grad=True) for _ in range(tensors)]
    for t in p:
        t.grad = torch.randn_like(t)
    opt = methods[name](p, **({} if way == "default" else {way: True}))
    opt.step()
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 5:
        start = time.perf_counter()
        for _ in range(at_once):
            opt.step()
        times.append((time.perf_counter() - start) / at_once)
    unit, scale = ("us", 1e6) if at_once > 1 else ("ms", 1e3)
    print(f"{name:18s} {way:8s} {tensors:3d} tensors of {parameters // tensors}: "
          f"{scale * statistics.median(times):8.3f} {unit}, best {scale * min(times):8.3f}, "
          f"{torch.get_num_threads()} threads", flush=True)


for name in methods:
    if len(sys.argv) > 3 and sys.argv[3] not in name:
        continue
    for way in ("default", "foreach", "fused"):
        measure(name, way, 10, PARAMETERS)
        measure(name, way, 200, PARAMETERS)
        measure(name, way, 4, 20, at_once=100)
