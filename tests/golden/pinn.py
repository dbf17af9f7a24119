"""Makes pinn.safetensors: Burgers' equation by a small network, in double.

    python3 tests/golden/pinn.py

Needs torch, numpy and safetensors. A network of two layers of 6 tanh (parameters 0.weight, 0.bias,
2.weight, ..., as a Sequential has them) on 30 points t, x [30,1]: residual [30], loss (their mean
square) and its gradient (gradient.0.weight, ...), all by torch.autograd. And the exact solution,
exact.u at exact.t, exact.x [40]: Cole and Hopf's integrals by the trapezoidal rule in steps of
1/200 standard deviations, which has nothing in common with quadrature by Gauss and Hermite. And
nodes and weights of numpy's hermgauss(50).
"""

import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

NU = 0.01 / np.pi


def exact(t, x):
    s = np.arange(-8000, 8001) / 200  # far beyond where exp(-s^2/2) exp(100) is nothing
    y = x[:, None] - np.sqrt(2 * NU * t)[:, None] * s
    e = -np.cos(np.pi * y) / (2 * np.pi * NU) - s**2 / 2
    e = np.exp(e - e.max(1, keepdims=True))
    return -(np.sin(np.pi * y) * e).sum(1) / e.sum(1)


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(5)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 6), torch.nn.Tanh(),
        torch.nn.Linear(6, 1)
    )
    for p in net.parameters():
        p.data = torch.randn_like(p)
    t = torch.rand(30, 1, requires_grad=True)
    x = (2 * torch.rand(30, 1) - 1).requires_grad_()
    u = -torch.sin(torch.pi * x) + t * net(
        torch.cat([t, torch.cos(torch.pi * x), torch.sin(torch.pi * x)], 1))
    one = torch.ones_like(u)
    ut, ux = torch.autograd.grad(u, (t, x), one, create_graph=True)
    (uxx,) = torch.autograd.grad(ux, x, one, create_graph=True)
    r = ut + u * ux - NU * uxx
    loss = (r**2).mean()
    loss.backward()
    tensors = {"t": t, "x": x, "u": u[:, 0], "residual": r[:, 0], "loss": loss}
    tensors |= {name: p for name, p in net.named_parameters()}
    tensors |= {f"gradient.{name}": p.grad for name, p in net.named_parameters()}

    rng = np.random.default_rng(5)
    et, ex = rng.random(40), 2 * rng.random(40) - 1
    et[:4], ex[:4] = [0.01, 1, 1, 0.5], [0.3, 0.001, -0.01, 1]
    nodes, weights = np.polynomial.hermite.hermgauss(50)
    arrays = {"exact.t": et, "exact.x": ex, "exact.u": exact(et, ex), "nodes": nodes,
              "weights": weights}
    tensors |= {name: torch.from_numpy(a) for name, a in arrays.items()}
    save_file({name: a.detach().contiguous() for name, a in tensors.items()},
              pathlib.Path(__file__).with_name("pinn.safetensors"))


main()
