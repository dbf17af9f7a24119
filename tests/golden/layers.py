"""Makes layers.safetensors: PyTorch's layers with numbers in them, and what they compute.

    python3 layers.py

For each case NAME/state/..., the state under PyTorch's names; NAME/x; NAME/eval and NAME/train, the
results in both modes, train mode after NAME/state was loaded; NAME/after/..., the state then.
Everything is F64 (indices and counts I64) and drawn from a fixed seed.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch import nn


def average(layer):
    """Two batches, so that the average of batches is another than the last one."""
    layer.num_batches_tracked.fill_(3)
    return layer


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.shortcut = nn.Conv2d(2, 3, 1)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class Named(nn.Sequential):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 2, 3)
        self.bn1 = nn.BatchNorm2d(2)
        self.relu = nn.ReLU()
        self.fc = nn.Sequential(nn.Flatten(), nn.Linear(32, 3))


class Concat(nn.ModuleList):
    def forward(self, x):
        return torch.cat([branch(x) for branch in self], 1)


IMAGE = (2, 2, 6, 6)
LINE = (3, 2, 7)
FLAT = (4, 5)
CASES = {
    "linear": (nn.Linear(5, 3), FLAT),
    "conv2d": (nn.Conv2d(2, 4, 3), IMAGE),
    "conv2d_all": (nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 2), (1, 2), groups=2, bias=False), IMAGE),
    "conv2d_same": (nn.Conv2d(2, 3, (3, 4), padding="same"), IMAGE),
    "conv1d": (nn.Conv1d(2, 3, 3, stride=2, padding=1, dilation=2), LINE),
    "conv_transpose2d": (nn.ConvTranspose2d(2, 4, 3, 2, 1, output_padding=1, groups=2), IMAGE),
    "max_pool2d": (nn.MaxPool2d(3, 2, 1), IMAGE),
    "max_pool1d": (nn.MaxPool1d(2), LINE),
    "avg_pool2d": (nn.AvgPool2d((3, 2), 2, 1, ceil_mode=True, count_include_pad=False), IMAGE),
    "avg_pool1d": (nn.AvgPool1d(3, 2), LINE),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d((4, 1)), IMAGE),
    "batch_norm2d": (nn.BatchNorm2d(2), IMAGE),
    "batch_norm1d": (nn.BatchNorm1d(5, eps=1e-3, momentum=0.3), FLAT),
    "batch_norm1d_line": (nn.BatchNorm1d(2, affine=False), LINE),
    "batch_norm_average": (average(nn.BatchNorm2d(2, momentum=None)), IMAGE),
    "batch_norm_untracked": (nn.BatchNorm2d(2, track_running_stats=False), IMAGE),
    "layer_norm": (nn.LayerNorm(5), FLAT),
    "layer_norm_two": (nn.LayerNorm((2, 7), eps=1e-3, bias=False), LINE),
    "group_norm": (nn.GroupNorm(2, 4), (2, 4, 3, 3)),
    "embedding": (nn.Embedding(6, 3, padding_idx=2), None),
    "upsample": (nn.Upsample(scale_factor=(2, 1.5)), IMAGE),
    "upsample_bilinear": (nn.Upsample((7, 9), mode="bilinear", align_corners=True), IMAGE),
    "flatten": (nn.Flatten(), LINE),
    "relu": (nn.ReLU(), FLAT),
    "tanh": (nn.Tanh(), FLAT),
    "sigmoid": (nn.Sigmoid(), FLAT),
    "log_sigmoid": (nn.LogSigmoid(), FLAT),
    "silu": (nn.SiLU(), FLAT),
    "selu": (nn.SELU(), FLAT),
    "gelu": (nn.GELU(), FLAT),
    "gelu_tanh": (nn.GELU(approximate="tanh"), FLAT),
    "leaky_relu": (nn.LeakyReLU(), FLAT),
    "leaky_relu_steep": (nn.LeakyReLU(0.2), FLAT),
    "elu": (nn.ELU(0.5), FLAT),
    "softplus": (nn.Softplus(2, 1.5), FLAT),
    "hardtanh": (nn.Hardtanh(), FLAT),
    "hardtanh_half": (nn.Hardtanh(0, 0.5), FLAT),
    "softmax": (nn.Softmax(-1), FLAT),
    "log_softmax": (nn.LogSoftmax(1), FLAT),
    "residual": (Residual(), IMAGE),
    "named": (Named(), IMAGE),
    "concat": (Concat([nn.Conv2d(2, 1, 1), nn.Conv2d(2, 3, 3, padding=1)]), IMAGE),
    "unflatten": (nn.Unflatten(2, (2, 3)), IMAGE),
}


def main():
    torch.manual_seed(11)
    tensors = {}
    for name, (layer, shape) in CASES.items():
        layer.double()
        with torch.no_grad():
            for key, t in layer.state_dict().items():
                if t.is_floating_point():
                    t.copy_(torch.randn(t.shape, dtype=t.dtype) * 0.5)
                if key.endswith("running_var"):
                    t.copy_(t.abs() + 0.5)
                tensors[f"{name}/state/{key}"] = t.clone()
            x = torch.randn(shape, dtype=torch.float64) if shape else torch.tensor([[0, 5], [2, 2]])
            tensors[f"{name}/x"] = x.clone()
            tensors[f"{name}/eval"] = layer.eval()(x).clone()
            tensors[f"{name}/train"] = layer.train()(x).clone()
            for key, t in layer.state_dict().items():
                tensors[f"{name}/after/{key}"] = t.clone()
    tensors = {name: t.contiguous() for name, t in tensors.items()}
    save_file(tensors, pathlib.Path(__file__).with_name("layers.safetensors"))


if __name__ == "__main__":
    main()
