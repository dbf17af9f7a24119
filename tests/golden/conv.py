"""What the samples of convolutions need: the gradients of conv2d, as functions of their inputs."""

import torch


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def backward(g, x, weight, which, stride=1, padding=0, dilation=1, groups=1):
    """conv2d's own backward, which PyTorch can differentiate again."""
    mask = [i == which for i in range(3)]
    return torch.ops.aten.convolution_backward(
        g, x, weight, None, pair(stride), pair(padding), pair(dilation), False, [0, 0], groups,
        mask)[which]


def conv2d_input_grad(g, weight, rows, columns, groups=1, **options):
    x = g.new_zeros(g.shape[0], weight.shape[1] * groups, rows, columns)
    return backward(g, x, weight, 0, groups=groups, **options)


def conv2d_weight_grad(x, g, rows, columns, groups=1, **options):
    weight = g.new_zeros(g.shape[1], x.shape[1] // groups, rows, columns)
    return backward(g, x, weight, 1, groups=groups, **options)


def same_input_grad(g, weight):
    """Of padding="same": the one more behind is where an even kernel reaches too far."""
    total = [k - 1 for k in weight.shape[2:]]
    full = torch.nn.functional.conv_transpose2d(g, weight)
    before = [t // 2 for t in total]
    return full[:, :, before[0]:before[0] + g.shape[2], before[1]:before[1] + g.shape[3]]
