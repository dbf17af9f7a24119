"""Makes transform.safetensors: what test_transform.c compares with.

    python3 tests/golden/transform.py

Needs torch, numpy and safetensors. An image and what PyTorch's interpolate (bilinear, antialias)
makes of it in several sizes, in double; a set of F32 samples with a large mean, and NumPy's mean
and standard deviation of it in double, per channel and per feature; bytes, and what torchvision's
ToTensor and Normalize compute of them, in the words of torch; where torchvision's CenterCrop
begins for 0, 1, ... pixels too many.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

SIZES = [(7, 9), (14, 18), (3, 4), (1, 1), (20, 2), (5, 9), (7, 5), (8, 10)]


def main():
    rng = np.random.default_rng(12)
    image = torch.from_numpy(rng.normal(size=(3, 7, 9)))
    tensors = {"image": image.numpy()}
    for height, width in SIZES:
        resized = F.interpolate(
            image[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True
        )
        tensors[f"resized.{height}.{width}"] = resized[0].numpy()

    samples = (1000 + rng.normal(size=(37, 3, 4, 5)) * [[[[1.0]], [[0.1]], [[20.0]]]]).astype("f4")
    wide = samples.astype("f8")
    tensors["samples"] = samples
    tensors["channel.mean"], tensors["channel.std"] = wide.mean((0, 2, 3)), wide.std((0, 2, 3))
    tensors["feature.mean"], tensors["feature.std"] = wide.mean(0), wide.std(0)

    pixels = torch.from_numpy(rng.integers(0, 256, (4, 3, 5, 6), dtype=np.uint8))
    mean, std = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
    shape = (3, 1, 1)
    normalized = pixels.to(torch.float32).div(255)
    normalized.sub_(torch.tensor(mean).view(shape)).div_(torch.tensor(std).view(shape))
    tensors["pixels"], tensors["normalized"] = pixels.numpy(), normalized.numpy()
    tensors["mean"], tensors["std"] = np.array(mean), np.array(std)

    tensors["center"] = np.array([int(round(left / 2.0)) for left in range(12)])

    path = pathlib.Path(__file__).with_name("transform.safetensors")
    save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, path)


if __name__ == "__main__":
    main()
