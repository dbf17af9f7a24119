"""The training steps of tests/step.c in PyTorch: python3 tests/step.py [SECONDS] [THREADS].

Run both in turn, more than once: only the ratio of one run says anything."""
import statistics
import sys
import time

import torch
from torch import nn

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))


def perceptron(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def measure(name, net, batch):
    x, labels = torch.randn(batch, 784), torch.randint(0, 10, (batch,))
    loss_of = nn.CrossEntropyLoss()
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times) < 10:
        start = time.perf_counter()
        opt.zero_grad()
        loss_of(net(x), labels).backward()
        opt.step()
        times.append(time.perf_counter() - start)
    print(f"{name:24s} {1e3 * statistics.median(times[3:]):8.4f} ms, {len(times)} steps, "
          f"{torch.get_num_threads()} threads", flush=True)


measure("784-100-10, batch 128", perceptron(784, 100, 10), 128)
measure("784-100-10, batch 1", perceptron(784, 100, 10), 1)
measure("784-1024-1024-10, batch 128", perceptron(784, 1024, 1024, 10), 128)
