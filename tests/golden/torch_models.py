"""PyTorch's equivalents of models/models.h, in plain torch.nn, with the names that a state has in
both. Read by models.py, which makes the golden files, and by check_torch.py.
"""

import torch
import torch.nn.functional as F
from torch import nn


def linear(inputs=784, classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))


def mlp(inputs=784, hidden=100, classes=10):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes)
    )


class LeNet5(nn.Module):
    def __init__(self, channels=1, size=28, padding=2, classes=10):
        super().__init__()
        left = ((size + 2 * padding - 4) // 2 - 4) // 2
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=padding)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * left * left, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


VGG_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Module):
    """torchvision's vggN_bn for small images."""

    def __init__(self, depth=11, channels=3, size=32, filters=64, hidden=512, dropout=0.5,
                 classes=10):
        super().__init__()
        layers = []
        for count, times in zip(VGG_STAGES[depth], (1, 2, 4, 8, 8)):
            for _ in range(count):
                layers += [
                    nn.Conv2d(channels, filters * times, 3, padding=1),
                    nn.BatchNorm2d(filters * times),
                    nn.ReLU(),
                ]
                channels = filters * times
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels * (size // 32) ** 2, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Padding(nn.Module):
    """Option A of He et al.: every other pixel, between channels of zeros."""

    def forward(self, x):
        more = x.shape[1]
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, name, padding):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        shortcut = nn.Sequential()
        if stride != 1 and padding:
            shortcut = Padding()
        elif stride != 1:
            shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        setattr(self, name, shortcut)
        self.name = name

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + getattr(self, self.name)(x))


class ResNet(nn.Module):
    def __init__(self, stages, blocks, name, channels, filters, classes, padding=False):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        inputs = outputs = filters
        for stage in range(1, stages + 1):
            stride = 1 if stage == 1 else 2
            layers = [Block(inputs, outputs, stride, name, padding)]
            layers += [Block(outputs, outputs, 1, name, padding) for _ in range(1, blocks)]
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
            inputs, outputs = outputs, 2 * outputs
        self.stages = [f"layer{stage}" for stage in range(1, stages + 1)]
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def resnet(depth=20, channels=3, filters=16, classes=10, padding=False):
    return ResNet(3, (depth - 2) // 6, "shortcut", channels, filters, classes, padding)


def resnet18(channels=3, filters=64, classes=10):
    return ResNet(4, 2, "downsample", channels, filters, classes)


class Autoencoder(nn.Module):
    def __init__(self, channels=1, size=28, filters=16, code=32):
        super().__init__()
        first, second, side = filters, 2 * filters, size // 4
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, first, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(first, second, 3, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(second * side * side, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, second * side * side), nn.ReLU(),
            nn.Unflatten(1, (second, side, side)),
            nn.ConvTranspose2d(second, first, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(first, channels, 4, 2, 1), nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def randomize(model, generator):
    """Gives batch norm a weight, a bias and running statistics that are not their defaults."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for t, base in (
                    (layer.weight, 1), (layer.bias, 0), (layer.running_mean, 0),
                    (layer.running_var, 1),
                ):
                    t.copy_(base + 0.2 * torch.rand(t.shape, generator=generator).to(t.dtype))
                layer.num_batches_tracked.fill_(7)
