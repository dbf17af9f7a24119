"""What samples_norm.inc needs beside PyTorch."""

import torch
import torch.nn.functional as F


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def gradient(function, g, *inputs):
    """The gradients of function(*inputs), weighted by g, that can be differentiated again."""
    return torch.autograd.grad(function(*inputs), inputs, g, create_graph=True)


def batch_norm_grad(g, x, weight=None, eps=1e-5):
    if weight is None:
        return gradient(lambda x: F.batch_norm(x, None, None, training=True, eps=eps), g, x)
    bias = torch.zeros_like(weight, requires_grad=True)
    run = lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=eps)
    return gradient(run, g, x, weight, bias)


def layer_norm_grad(g, x, weight=None, axes=1, eps=1e-5):
    if weight is None:
        return gradient(lambda x: F.layer_norm(x, x.shape[-axes:], eps=eps), g, x)
    bias = torch.zeros_like(weight, requires_grad=True)
    return gradient(lambda x, w, b: F.layer_norm(x, w.shape, w, b, eps), g, x, weight, bias)
