"""L-BFGS on softmax regression: ours (tests/full_batch.c) and SciPy's L-BFGS-B, in turn. By hand:

    python3 tests/full_batch.py PROGRAM FOLDER OPTIMUM [STARTS [ROUNDS [THREADS]]]

PROGRAM is the built full_batch, FOLDER has MNIST, OPTIMUM is what `full_batch optimum FOLDER` prints.
All minimize the mean cross-entropy over 60000 images, pixels 0 to 1 in F32, plus 1e-4/2 times the
weights' squares, with 10 pairs and otherwise the methods' own defaults. SciPy gets its loss and
gradient from NumPy, written with as few passes over memory as NumPy allows, or from PyTorch, if there is one.
Evaluations and seconds until the loss is within 1e-4 of the optimum, and until max|gradient| <= 1e-5.

Which evaluation is the first that is near enough depends on the last bits of sums in F32, so there are
several starts: zeros, then 0.01 sin(1.3 i + start) for parameter i. Each round runs all, one after the
other. At the end a table in Markdown, of sums over starts of medians over rounds: compare only what
stands in one output."""
import gzip
import os
import statistics
import subprocess
import sys
import time

program, folder, optimum = sys.argv[1], sys.argv[2], float(sys.argv[3])
starts = int(sys.argv[4]) if len(sys.argv) > 4 else 5
rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 1
threads = sys.argv[6] if len(sys.argv) > 6 else "2"
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = threads

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import scipy.optimize  # noqa: E402

try:
    import torch
    torch.set_num_threads(int(threads))
except ImportError:
    torch = None
DECAY, NEAR, SMALL, CLASSES = 1e-4, 1e-4, 1e-5, 10


def read(name, header):
    path = os.path.join(folder, name)
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


labels = read("train-labels-idx1-ubyte", 8).astype(np.int64)
x = read("train-images-idx3-ubyte", 16).reshape(len(labels), -1).astype(np.float32) / np.float32(255)
n, inputs = x.shape
rows = np.arange(n)
logits = np.empty((n, CLASSES), np.float32)


def with_numpy(parameters):
    p = parameters.astype(np.float32)
    weight, bias = p[:CLASSES * inputs].reshape(CLASSES, inputs), p[CLASSES * inputs:]
    np.matmul(x, weight.T, out=logits)
    np.add(logits, bias, out=logits)
    np.subtract(logits, logits.max(axis=1, keepdims=True), out=logits)
    right = logits[rows, labels]
    np.exp(logits, out=logits)
    sums = logits.sum(axis=1)
    loss = np.mean(np.log(sums) - right, dtype=np.float64) + DECAY / 2 * np.vdot(weight, weight)
    np.divide(logits, sums[:, None], out=logits)
    logits[rows, labels] -= 1
    np.multiply(logits, np.float32(1 / n), out=logits)
    gradient = np.concatenate([(logits.T @ x + np.float32(DECAY) * weight).ravel(),
                               logits.sum(axis=0)])
    return float(loss), gradient.astype(np.float64)


if torch is not None:
    torch_x, torch_labels = torch.from_numpy(x), torch.from_numpy(labels)


def with_torch(parameters):
    p = torch.from_numpy(parameters).float().requires_grad_()
    weight, bias = p[:CLASSES * inputs].view(CLASSES, inputs), p[CLASSES * inputs:]
    out = torch.nn.functional.linear(torch_x, weight, bias)
    loss = torch.nn.functional.cross_entropy(out, torch_labels) + DECAY / 2 * weight.square().sum()
    loss.backward()
    return loss.item(), p.grad.double().numpy()


class Enough(Exception):
    pass


def start_number(k):
    count = CLASSES * inputs + CLASSES
    at = 0.01 * np.sin(1.3 * np.arange(count) + k) if k > 0 else np.zeros(count)
    return at.astype(np.float32).astype(np.float64)


def scipys(evaluate, k):
    start, evaluations, at_loss = start_number(k), 0, None
    evaluate(start)
    begin = time.perf_counter()

    def traced(parameters):
        nonlocal evaluations, at_loss, at_gradient
        loss, gradient = evaluate(parameters)
        evaluations += 1
        now = time.perf_counter() - begin
        if at_loss is None and loss <= optimum * (1 + NEAR):
            at_loss = (evaluations, now)
        if at_loss is not None and np.abs(gradient).max() <= SMALL:
            at_gradient = (evaluations, now)
            raise Enough
        return loss, gradient

    at_gradient = (-1, float("nan"))
    try:
        result = scipy.optimize.minimize(traced, start, jac=True, method="L-BFGS-B",
                                         options={"maxcor": 10, "ftol": 0, "gtol": 0,
                                                  "maxiter": 10**6, "maxfun": 10**6})
        print("SciPy stopped:", result.message)
    except Enough:
        pass
    return (at_loss or (-1, float("nan"))) + at_gradient


def ours(k):
    out = subprocess.run([program, "timed", folder, repr(optimum), threads, str(k)], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split()
    return int(out[1]), float(out[2]), int(out[4]), float(out[5])


ways = {"Ravine": ours, "SciPy, NumPy": lambda k: scipys(with_numpy, k)}
if torch is not None:
    ways["SciPy, PyTorch"] = lambda k: scipys(with_torch, k)
print(f"SciPy {scipy.__version__}, NumPy {np.__version__}, "
      f"PyTorch {torch.__version__ if torch is not None else '-'}, {threads} threads")
results = {name: [[] for _ in range(starts)] for name in ways}
for i in range(rounds):
    for k in range(starts):
        for name, way in ways.items():
            r = way(k)
            results[name][k].append(r)
            print(f"{i} start {k} {name:15s} loss: {r[0]:4d} evaluations {r[1]:7.3f} s   "
                  f"gradient: {r[2]:4d} evaluations {r[3]:7.3f} s", flush=True)


def total(runs, what):
    return sum(statistics.median(r[what] for r in of_start) for of_start in runs)


print(f"\n| {starts} starts | evaluations to the loss | seconds | evaluations to the gradient | seconds |")
print("|---|---|---|---|---|")
for name, runs in results.items():
    print(f"| {name} | {total(runs, 0):.0f} | {total(runs, 1):.1f} "
          f"| {total(runs, 2):.0f} | {total(runs, 3):.1f} |")
print("\n| evaluations to the loss, to the gradient |" +
      "".join(f" start {k} |" for k in range(starts)))
print("|---|" + "---|" * starts)
for name, runs in results.items():
    print(f"| {name} |" + "".join(f" {of_start[0][0]}, {of_start[0][2]} |" for of_start in runs))
