"""Makes layer_steps.safetensors: PyTorch's batch norm over several steps in a row.

    python3 tests/golden/layer_steps.py

Needs torch and safetensors. Each layer starts as PyTorch makes it and sees the batches of STEPS, of
other sizes and with another mean and spread each time, in train and eval mode in turn. A step is a
forward, a backward of sum(y * w), and in train mode an update of the parameters by plain SGD with
learning rate 0.3. For each case and step: CASE/STEP/x, w, y, and gx, the gradient of x;
CASE/STEP/grad/NAME, those of the parameters; CASE/STEP/after/NAME, the state then.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

STEPS = [("train", 4), ("train", 3), ("eval", 2), ("train", 5), ("eval", 1), ("train", 2),
         ("eval", 3)]
IMAGE, LINE, FLAT = (2, 3, 2), (2, 5), (3,)
CASES = {
    "plain": (nn.BatchNorm2d(2), IMAGE, torch.float64),
    "plain_f32": (nn.BatchNorm2d(2), IMAGE, torch.float32),
    "eps_and_momentum": (nn.BatchNorm1d(3, eps=1e-2, momentum=0.3), FLAT, torch.float64),
    "line": (nn.BatchNorm1d(2, momentum=0.5), LINE, torch.float64),
    "not_affine": (nn.BatchNorm2d(2, affine=False), IMAGE, torch.float64),
    "average": (nn.BatchNorm2d(2, momentum=None), IMAGE, torch.float64),
    "average_f32": (nn.BatchNorm1d(3, momentum=None), FLAT, torch.float32),
    "momentum_0": (nn.BatchNorm2d(2, momentum=0.0), IMAGE, torch.float64),
    "momentum_1": (nn.BatchNorm2d(2, momentum=1.0), IMAGE, torch.float64),
    "untracked": (nn.BatchNorm2d(2, track_running_stats=False), IMAGE, torch.float64),
}


def main():
    torch.manual_seed(21)
    tensors = {}
    for name, (layer, shape, dtype) in CASES.items():
        layer.to(dtype)
        for step, (mode, samples) in enumerate(STEPS):
            layer.train(mode == "train")
            layer.zero_grad()
            x = torch.randn(samples, *shape, dtype=dtype) * (1 + step) + 3 - step
            x.requires_grad_()
            y = layer(x)
            w = torch.randn(y.shape, dtype=dtype)
            (y * w).sum().backward()
            key = f"{name}/{step}"
            tensors.update({f"{key}/x": x.detach().clone(), f"{key}/w": w,
                            f"{key}/y": y.detach().clone(), f"{key}/gx": x.grad.clone()})
            with torch.no_grad():
                for parameter, p in layer.named_parameters():
                    tensors[f"{key}/grad/{parameter}"] = p.grad.clone()
                    if mode == "train":
                        p -= 0.3 * p.grad
            tensors.update((f"{key}/after/{k}", t.clone()) for k, t in layer.state_dict().items())
    path = pathlib.Path(__file__).with_name("layer_steps.safetensors")
    save_file({key: t.contiguous() for key, t in tensors.items()}, path)
    print(f"{len(tensors)} tensors, {path.stat().st_size} bytes: {path}")


if __name__ == "__main__":
    main()
