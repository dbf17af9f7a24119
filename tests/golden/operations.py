"""Makes <family>.safetensors: what PyTorch says about every sample of the table, in double.

    build/release/tests/test_operations --dump samples.json
    python3 tests/golden/operations.py samples.json [family...]

Without a family, all of them. Needs torch, numpy and safetensors. What a family's samples need
beside PyTorch stands in <family>.py here. For each sample: its inputs (op/name:0, ...), the result
(op/name:out), and, if the sample says that it has gradients, those of sum(out * w) with respect to
its floating inputs (op/name:grad0, ...), w being drawn as tests/samples.h says.
"""

import importlib
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save

MAX_INPUTS = 6
WEIGHTS = MAX_INPUTS  # the number that the weights are drawn with
DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}


def philox(seed, offset, blocks):
    """Philox4x32-10 at counters offset + blocks: an array [len(blocks), 4] of 32-bit numbers."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    counter = np.asarray(blocks, dtype=np.uint64) + np.uint64(offset)
    zero = np.zeros_like(counter)
    c = [counter & mask, counter >> half, zero, zero]
    key = [np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)]
    for _ in range(10):
        p0 = c[0] * np.uint64(0xD2511F53)
        p1 = c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> half) ^ c[1] ^ key[0], p1 & mask, (p0 >> half) ^ c[3] ^ key[1], p0 & mask]
        key = [(key[0] + np.uint64(0x9E3779B9)) & mask, (key[1] + np.uint64(0xBB67AE85)) & mask]
    return np.stack(c, axis=-1)


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def weights(name, like):
    """Uniform in [-1, 1), in the shape and dtype of `like`."""
    n = like.numel()
    bits = philox(fnv1a(name), 0, np.arange(n, dtype=np.uint64) + np.uint64(WEIGHTS << 32))
    u = (((bits[:, 0] << np.uint64(32)) | bits[:, 1]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return torch.from_numpy(-1 + 2 * u).reshape(like.shape).to(like.dtype)


def references(family):
    """The names that <family>.py defines, if there is such a file."""
    if not pathlib.Path(__file__).with_name(f"{family}.py").exists():
        return {}
    return vars(importlib.import_module(family))


def run(sample):
    name = f"{sample['op']}/{sample['name']}"
    inputs = [
        torch.tensor(i["values"], dtype=DTYPES[i["dtype"]]).reshape(i["shape"])
        for i in sample["inputs"]
    ]
    leaves = [t for t in inputs if t.dtype.is_floating_point]
    for t in leaves:
        t.requires_grad_(True)
    scope = {"torch": torch, "F": F, "inf": float("inf"), "nan": float("nan")}
    scope.update(references(sample["family"]))
    scope.update(zip("abcdef", inputs))
    out = eval(sample["torch"], scope)
    if out.dtype == torch.bool:
        out = out.to(torch.uint8)

    result = {f"{name}:{i}": t for i, t in enumerate(inputs)}
    result[f"{name}:out"] = out
    differentiable = out.requires_grad
    if differentiable == (sample["gradient"] == "none"):
        raise SystemExit(f"{name}: the table says gradient {sample['gradient']}, torch does not")
    if differentiable:
        grads = torch.autograd.grad(out, leaves, weights(name, out), allow_unused=True)
        for i, t in enumerate(inputs):
            if t.dtype.is_floating_point:
                g = grads[[t is x for x in leaves].index(True)]
                result[f"{name}:grad{i}"] = torch.zeros_like(t) if g is None else g
    return result


def make(family, samples):
    tensors = {}
    for sample in samples:
        if sample["torch"] is None:
            raise SystemExit(f"{sample['op']}/{sample['name']} says nothing about PyTorch")
        try:
            result = run(sample)
        except Exception as problem:
            raise SystemExit(f"{sample['op']}/{sample['name']}: {problem}") from problem
        tensors.update((k, np.array(t.detach().numpy(force=True), order="C")) for k, t in result.items())
    path = pathlib.Path(__file__).with_name(f"{family}.safetensors")
    path.write_bytes(save(tensors))
    print(f"{len(samples)} samples, {len(tensors)} tensors, {path.stat().st_size} bytes: {path}")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    samples = json.loads(pathlib.Path(sys.argv[1]).read_text())
    families = sys.argv[2:] or sorted({sample["family"] for sample in samples})
    for family in families:
        make(family, [sample for sample in samples if sample["family"] == family])


if __name__ == "__main__":
    main()
