"""The largest error of each function of F32 in PyTorch, as tests/accuracy.c measures ours.

    build/release/tests/accuracy 97 > ours.txt
    python3 tests/accuracy.py 97 ours.txt

prints the table of docs/accuracy.md: a row for each name that accuracy.c printed. Needs torch and
numpy. The exact functions are PyTorch's and SciPy's formulas in double, written so that nothing
cancels.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F

BLOCK = 1 << 20
SELU = (1.0507009873554804934, 1.6732632423543772848)


def sigmoid(x):
    return torch.where(x < 0, x.exp() / (1 + x.exp()), 1 / (1 + (-x).exp()))


def log_sigmoid(x):
    return x.clamp(max=0) - torch.log1p((-x.abs()).exp())


def gelu(x):
    return 0.5 * x * torch.special.erfc(-(0.5**0.5) * x)


def gelu_tanh(x):
    return x * sigmoid(1.5957691216057307118 * x * (1 + 0.044715 * x * x))


def elu(x):
    return torch.where(x > 0, x, torch.expm1(x))


# name: what PyTorch computes in F32, and the same in double
FUNCTIONS = {
    "exp": (torch.exp, torch.exp),
    "expm1": (torch.expm1, torch.expm1),
    "log": (torch.log, torch.log),
    "log1p": (torch.log1p, torch.log1p),
    "sqrt": (torch.sqrt, torch.sqrt),
    "rsqrt": (torch.rsqrt, lambda x: 1 / x.sqrt()),
    "pow_1_5": (lambda x: x**1.5, lambda x: x**1.5),
    "pow_minus_3": (lambda x: x**-3.0, lambda x: x**-3.0),
    "sin": (torch.sin, torch.sin),
    "cos": (torch.cos, torch.cos),
    "atan": (torch.atan, torch.atan),
    "erf": (torch.erf, torch.erf),
    "tanh": (torch.tanh, torch.tanh),
    "sigmoid": (torch.sigmoid, sigmoid),
    "log_sigmoid": (F.logsigmoid, log_sigmoid),
    "softplus": (F.softplus, lambda x: torch.where(x > 20, x, -log_sigmoid(-x))),
    "elu": (F.elu, elu),
    "selu": (F.selu, lambda x: SELU[0] * torch.where(x > 0, x, SELU[1] * torch.expm1(x))),
    "silu": (F.silu, lambda x: x * sigmoid(x)),
    "gelu": (F.gelu, gelu),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), gelu_tanh),
}


def units(got, want):
    """The distance of two arrays in units in the last place of F32."""
    _, exponent = np.frexp(want)
    unit = np.where(np.abs(want) < 2.0**-126, 2.0**-149, np.ldexp(1.0, exponent - 24))
    with np.errstate(all="ignore"):
        same = (np.isnan(got) & np.isnan(want)) | (got == want.astype(np.float32))
        error = np.where(same & ~np.isfinite(got), 0, np.abs(got.astype(np.float64) - want) / unit)
    return np.where(np.isnan(error), np.inf, error)


def measure(name, step):
    """The largest error for |x| <= 20, and for all x."""
    compute, exact = FUNCTIONS[name]
    near, everywhere = 0.0, 0.0
    for first in range(0, 2**32, step * BLOCK):
        bits = np.arange(first, min(first + step * BLOCK, 2**32), step, dtype=np.uint64)
        x = bits.astype(np.uint32).view(np.float32)
        x = np.ascontiguousarray(x[np.isfinite(x)])
        if x.size == 0:
            continue
        inputs = torch.from_numpy(x)
        error = units(compute(inputs).numpy(), exact(inputs.double()).numpy())
        everywhere = max(everywhere, error.max())
        near = max(near, error[np.abs(x) <= 20].max(initial=0.0))
    return near, everywhere


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    step = int(sys.argv[1])
    print("| function | ours, \\|x\\| <= 20 | PyTorch | ours, all x | PyTorch |")
    print("|---|---|---|---|---|")
    for line in open(sys.argv[2], encoding="utf-8"):
        name, near, everywhere, _ = line.split("\t")
        theirs = measure(name, step)
        cells = [float(near), theirs[0], float(everywhere), theirs[1]]
        print(f"| {name} | " + " | ".join(f"{cell:.3g}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
