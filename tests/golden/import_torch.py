"""Makes import_torch.safetensors, as the head of examples/import_torch.c says: the lines are the same.

    python3 import_torch.py
"""

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 4 * 4, 10))
net(torch.randn(16, 1, 8, 8))  # batch norm learns a mean and a variance
net.eval()
x = torch.randn(5, 1, 8, 8)
tensors = net.state_dict() | {"input": x, "output": net(x).detach()}
save_file(tensors, "import_torch.safetensors")
