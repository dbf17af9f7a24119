"""What samples_reduce.inc needs beside PyTorch."""

import torch


def start(op):
    """What a running sum or product starts from."""
    return {"cumsum": 0.0, "cumprod": 1.0}[op]


def linear_scan(a, b, axis, reverse=False, exclusive=False):
    """y[i] = a[i]*y[i-1] + b[i], or y[i-1], one step after the other."""
    steps = list(zip(a.unbind(axis), b.unbind(axis)))
    if not steps:
        return a + b
    y = torch.zeros_like(steps[0][0])
    found = []
    for a_i, b_i in reversed(steps) if reverse else steps:
        before = y
        y = a_i * y + b_i
        found.append(before if exclusive else y)
    if reverse:
        found.reverse()
    return torch.stack(found, axis)
