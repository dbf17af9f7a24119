"""Makes operations.safetensors: what PyTorch says about every sample of the table, in double.

    build/release/tests/test_operations --dump samples.json
    python3 tests/golden/operations.py samples.json

Needs torch, numpy and safetensors. For each sample: its inputs (op/name:0, ...), the result
(op/name:out), and, if the sample says that it has gradients, those of sum(out * w) with respect to
its floating inputs (op/name:grad0, ...), w being drawn as tests/samples.h says.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

MAX_INPUTS = 4
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


def dropout(x, p, seed, offset):
    """Element i is kept when number i%4 of block offset + i//4 is at least p * 2^32."""
    n = x.numel()
    bits = philox(seed, offset, np.arange((n + 3) // 4, dtype=np.uint64)).reshape(-1)[:n]
    keep = torch.from_numpy(bits.astype(np.float64) >= np.floor(p * 2.0**32)).reshape(x.shape)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return torch.where(keep, x * scale, torch.zeros_like(x)) if p < 1 else x * 0


def run(sample):
    name = f"{sample['op']}/{sample['name']}"
    inputs = [
        torch.tensor(i["values"], dtype=DTYPES[i["dtype"]]).reshape(i["shape"])
        for i in sample["inputs"]
    ]
    leaves = [t for t in inputs if t.dtype.is_floating_point]
    for t in leaves:
        t.requires_grad_(True)
    scope = {"torch": torch, "F": F, "inf": float("inf"), "nan": float("nan"), "dropout": dropout}
    scope.update(zip("abcd", inputs))
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


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    samples = json.loads(pathlib.Path(sys.argv[1]).read_text())
    tensors = {}
    for sample in samples:
        if sample["torch"] is None:
            raise SystemExit(f"{sample['op']}/{sample['name']} says nothing about PyTorch")
        try:
            result = run(sample)
        except Exception as problem:
            raise SystemExit(f"{sample['op']}/{sample['name']}: {problem}") from problem
        tensors.update((k, np.array(t.detach().numpy(), order="C")) for k, t in result.items())
    path = pathlib.Path(__file__).with_name("operations.safetensors")
    save_file(tensors, path)
    print(f"{len(samples)} samples, {len(tensors)} tensors, {path.stat().st_size} bytes: {path}")


main()
