"""What samples_network.inc needs beside PyTorch."""

import numpy as np
import torch

from operations import philox


def dropout(x, p, seed, offset):
    """Element i is kept when number i%4 of block offset + i//4 is at least p * 2^32."""
    n = x.numel()
    bits = philox(seed, offset, np.arange((n + 3) // 4, dtype=np.uint64)).reshape(-1)[:n]
    keep = torch.from_numpy(bits.astype(np.float64) >= np.floor(p * 2.0**32)).reshape(x.shape)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return torch.where(keep, x * scale, torch.zeros_like(x)) if p < 1 else x * 0
