"""What samples_lapack.inc needs beside PyTorch: samples_lapack.h's functions, in PyTorch."""

import torch

L = torch.linalg


def symmetric(x):
    return x + x.mT


def definite(x):
    return x @ x.mT


def exponential(x):
    values, v = L.eigh(symmetric(x))
    return (v * values.exp().unsqueeze(-2)) @ v.mT


def projection(x):
    v = L.eigh(symmetric(x))[1][..., :1]
    return v @ v.mT


def svd(x):
    return L.svd(x, full_matrices=False)


def squashed(x):
    u, s, vh = svd(x)
    return (u * s.tanh().unsqueeze(-2)) @ vh


def polar(x):
    u, _, vh = svd(x)
    return u @ vh


def left(x):
    u = svd(x)[0][..., :1]
    return u @ u.mT


def right(x):
    vh = svd(x)[2][..., :1, :]
    return vh.mT @ vh


def signs(r):
    return r.diagonal(0, -2, -1).sign().unsqueeze(-1)


def q(x):
    q, r = L.qr(x)
    return q * signs(r).mT


def r(x):
    r = L.qr(x)[1]
    return r * signs(r)


def q_and_r(x):
    return q(x) + r(x)
