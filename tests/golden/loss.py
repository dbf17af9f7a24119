"""What samples_loss.inc needs beside PyTorch."""

import torch
import torch.nn.functional as F


def grad_of(loss, x, g):
    """The derivative of sum(g * loss(x)) by x, differentiable by both."""
    y = loss(x)
    return torch.autograd.grad(y, x, g.reshape(y.shape), create_graph=True)[0]


def slope_by(t, slope):
    """0, with this derivative by t."""
    return (t - t.detach()) * slope.detach()


def bce_grad(g, x, t):
    """PyTorch's, whose second derivative divides by x*(1 - x) + 1e-12 instead."""
    y = g * (x - t) / (x * (1 - x)).clamp(min=1e-12)
    want = grad_of(lambda x: F.binary_cross_entropy(x, t, reduction="none"), x, g.expand(x.shape))
    assert torch.allclose(y, want, rtol=1e-14)
    return y


def bce_certain(x, t):
    """PyTorch's, but that by the target the logarithms are clamped as they are in the result, and
    that 1e-12 is not rounded to F32."""
    y = F.binary_cross_entropy(x, t, reduction="none").detach()
    slope = torch.log(1 - x).clamp(min=-100) - torch.log(x).clamp(min=-100)
    return y + slope_by(x, (x - t) / (x * (1 - x)).clamp(min=1e-12)) + slope_by(t, slope)


def kl_div_zeros(x, t):
    """PyTorch's, but by a target of 0 the derivative is that of -t*x alone."""
    slope = torch.where(t == 0, -x, torch.log(t.clamp(min=0.5)) + 1 - x)
    return F.kl_div(x, t.detach(), reduction="none") + slope_by(t, slope)


def cosine_similarity(a, b, eps):
    """PyTorch's result, with the derivative of that, where a length is less than eps too."""
    y = (a * b).sum(1) / (a.norm(dim=1).clamp(min=eps) * b.norm(dim=1).clamp(min=eps))
    assert torch.allclose(y, F.cosine_similarity(a, b, eps=eps), rtol=1e-14)
    assert (a.norm(dim=1) < eps).any() and (a.norm(dim=1) > eps).any()
    return y
