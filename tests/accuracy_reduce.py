"""The table "Reductions" of docs/accuracy.md: our errors and PyTorch's on the same numbers.

    mkdir FOLDER
    build/release/tests/accuracy_reduce FOLDER
    python3 tests/accuracy_reduce.py FOLDER

Needs torch and numpy. Exact results are computed in double with math.fsum, which rounds once.
"""

import math
import pathlib
import sys

import numpy as np
import torch

ROWS, COLUMNS = 50, 20000


def moments(x):
    mean = math.fsum(x) / len(x)
    return math.fsum((v - mean) ** 2 for v in x) / (len(x) - 1)


def logsumexp(x):
    m = max(x)
    return m + math.log(math.fsum(math.exp(v - m) for v in x))


# name: PyTorch's along an axis, and the exact result of a list
REDUCTIONS = {
    "sum": (lambda x, d: x.sum(d), math.fsum),
    "mean": (lambda x, d: x.mean(d), lambda x: math.fsum(x) / len(x)),
    "var": (lambda x, d: x.var(d), moments),
    "std": (lambda x, d: x.std(d), lambda x: math.sqrt(moments(x))),
    "norm_1": (lambda x, d: torch.linalg.vector_norm(x, 1, d), lambda x: math.fsum(map(abs, x))),
    "norm_2": (
        lambda x, d: torch.linalg.vector_norm(x, 2, d),
        lambda x: math.sqrt(math.fsum(v * v for v in x)),
    ),
    "norm_3": (
        lambda x, d: torch.linalg.vector_norm(x, 3, d),
        lambda x: math.fsum(abs(v) ** 3 for v in x) ** (1 / 3),
    ),
    "prod": (lambda x, d: x.prod(d), lambda x: math.exp(math.fsum(map(math.log, x)))),
    "logsumexp": (lambda x, d: x.logsumexp(d), logsumexp),
    "cumsum": (lambda x, d: x.cumsum(d).select(d, -1), math.fsum),
}
KINDS = {
    "normal": "normal, mean 0",
    "uniform": "uniform in [0, 1)",
    "mean_1000": "normal, mean 1000",
    "mean_1e6": "normal, mean 10^6",
    "wide": "e^(4 normal)",
    "near_1": "normal, mean 1, std 0.001",
}


def worst(got, exact):
    """The largest error in units in the last place; inf if a result is not finite, but should be."""
    got = got.astype(np.float64)
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        errors = np.where(got == exact, 0, np.abs(got - exact) / unit)
    return float("inf") if np.isnan(errors).any() else errors.max()


def main():
    folder = pathlib.Path(sys.argv[1])
    print("| | numbers | ours | PyTorch | ours, axis 0 | PyTorch, axis 0 |\n|---|---|---|---|---|---|")
    for name, (reduce, exactly) in REDUCTIONS.items():
        for kind, what in KINDS.items():
            if (name == "prod") != (kind == "near_1"):
                continue  # other products vanish or overflow
            if name == "logsumexp" and kind == "wide":
                continue  # the largest number is all there is
            x = np.fromfile(folder / f"{kind}.f32", np.float32).reshape(ROWS, COLUMNS)
            exact = np.array([exactly(row) for row in x.astype(np.float64).tolist()])
            t = torch.from_numpy(x)
            along_0 = t.T.contiguous()
            cells = []
            for suffix, theirs in (("", reduce(t, 1)), ("_0", reduce(along_0, 0))):
                ours = np.fromfile(folder / f"{kind}.{name}{suffix}.f32", np.float32)
                cells += [worst(ours, exact), worst(theirs.numpy(), exact)]
            print(f"| {name} | {what} | " + " | ".join(f"{c:.3g}" for c in cells) + " |")


if __name__ == "__main__":
    main()
