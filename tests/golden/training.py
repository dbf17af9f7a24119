"""Makes training.safetensors: 200 training steps of a small network in PyTorch, in double.

    python3 tests/golden/training.py

Needs torch, numpy and safetensors. A multilayer perceptron 6-8-5-3 (tanh, then relu) learns 45
samples by cross entropy in batches of 8, taken in order, the last of 5 being short; once with each
optimizer of CASES. The file has the data (x, labels), the start (start.0.weight, ...), and for each
case the loss at every step (sgd_nesterov.loss) and the parameters after steps 1, 10 and 200
(sgd_nesterov.10.0.weight, ...).
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

STEPS, SAMPLES, BATCH = 200, 45, 8
CASES = {
    "sgd_nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "sgd_all": lambda p: torch.optim.SGD(
        p, lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.01
    ),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adam_decay": lambda p: torch.optim.Adam(
        p, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.05
    ),
}


def main():
    torch.set_default_dtype(torch.float64)  # the optimizers' own step counts too
    torch.manual_seed(20)
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5), torch.nn.ReLU(),
        torch.nn.Linear(5, 3),
    )
    x = torch.randn(SAMPLES, 6)
    labels = torch.randint(0, 3, (SAMPLES,))
    start = {name: p.detach().clone() for name, p in net.named_parameters()}
    tensors = {"x": x, "labels": labels}
    tensors.update((f"start.{name}", p) for name, p in start.items())
    for case, make in CASES.items():
        net.load_state_dict(start)
        optimizer = make(net.parameters())
        losses, first = [], 0
        for step in range(1, STEPS + 1):
            batch = slice(first, min(first + BATCH, SAMPLES))
            first = 0 if batch.stop == SAMPLES else batch.stop
            loss = F.cross_entropy(net(x[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if step in (1, 10, 200):
                tensors.update(
                    (f"{case}.{step}.{name}", p.detach().clone())
                    for name, p in net.named_parameters()
                )
        tensors[f"{case}.loss"] = torch.tensor(losses)
        print(f"{case}: loss {losses[0]:.6f} ... {losses[-1]:.6f}")
    path = pathlib.Path(__file__).with_name("training.safetensors")
    save_file({k: np.array(t.numpy(), order="C") for k, t in tensors.items()}, path)
    print(f"{len(tensors)} tensors, {path.stat().st_size} bytes: {path}")


main()
