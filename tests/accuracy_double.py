"""The largest error of each function of F64 in PyTorch, as tests/accuracy_double.c measures ours.

    build/release/tests/accuracy_double 10 > ours.txt
    python3 tests/accuracy_double.py 10 ours.txt

prints the table of docs/accuracy.md: a row for each name that accuracy_double.c printed. Needs torch
and numpy, and a long double that is longer than a double.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

BLOCK = 1 << 20


def sigmoid(x):
    return np.where(x < 0, np.exp(np.minimum(x, 0)), 1) / (1 + np.exp(-np.abs(x)))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def silu(x):
    inside = np.maximum(x, -800)
    return inside * sigmoid(inside)


# name: what PyTorch computes in F64, and the same in long double
FUNCTIONS = {
    "exp": (torch.exp, np.exp),
    "expm1": (torch.expm1, np.expm1),
    "log": (torch.log, np.log),
    "log1p": (torch.log1p, np.log1p),
    "sqrt": (torch.sqrt, np.sqrt),
    "sin": (torch.sin, np.sin),
    "cos": (torch.cos, np.cos),
    "tanh": (torch.tanh, np.tanh),
    "sigmoid": (torch.sigmoid, sigmoid),
    "log_sigmoid": (F.logsigmoid, lambda x: -softplus(-x)),
    "softplus": (F.softplus, lambda x: np.where(x > 20, x, softplus(x))),
    "elu": (F.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "silu": (F.silu, silu),
}


def units(got, want):
    """The distance of two arrays in units in the last place of F64."""
    _, exponent = np.frexp(want)
    one = np.longdouble(1)
    unit = np.where(np.abs(want) < 2.0**-1022, np.ldexp(one, -1074), np.ldexp(one, exponent - 53))
    same = (np.isnan(got) & np.isnan(want)) | (got == want.astype(np.float64))
    error = np.where(same & ~np.isfinite(got), 0, np.abs(got.astype(np.longdouble) - want) / unit)
    return np.where(np.isnan(error), np.inf, error)


def measure(name, count):
    """The largest error for |x| <= 20, and for all x."""
    compute, exact = FUNCTIONS[name]
    near, everywhere = 0.0, 0.0
    finite = 0x7FF0000000000000
    for first in range(0, count, BLOCK):
        i = np.arange(first, min(first + BLOCK, count), dtype=np.uint64)
        evenly = 40.0 * (i.astype(np.float64) + 0.37) / count - 20.0
        of_bits = (np.uint64(finite // count) * i + i * np.uint64(12347)).view(np.float64)
        of_bits = np.where(i % np.uint64(2) == 0, of_bits, -of_bits)
        for x, is_near in (evenly, True), (of_bits, False):
            x = np.ascontiguousarray(x)
            error = units(compute(torch.from_numpy(x)).numpy(), exact(x.astype(np.longdouble)))
            everywhere = max(everywhere, float(error.max()))
            near = max(near, float(error.max())) if is_near else near
    return near, everywhere


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    np.seterr(all="ignore")
    print("| function | ours, \\|x\\| <= 20 | PyTorch | ours, all x | PyTorch |")
    print("|---|---|---|---|---|")
    for line in open(sys.argv[2], encoding="utf-8"):
        name, near, everywhere, _ = line.split("\t")
        theirs = measure(name, int(sys.argv[1]) * 1000000)
        cells = [float(near), theirs[0], float(everywhere), theirs[1]]
        print(f"| {name} | " + " | ".join(f"{cell:.3g}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
