"""Loads in PyTorch what save_models saved, strictly, and compares the outputs.

    build/release/tests/save_models /tmp/models
    python3 tests/golden/check_torch.py /tmp/models

For each model: the largest difference of the outputs, of the size of the largest; fails if that is
more than 1e-5. Every size is the default: torch_models.py has the models.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file

import torch_models as models

MODELS = {
    "linear": lambda: models.linear(3072),
    "mlp": lambda: models.mlp(3072),
    "lenet5": lambda: models.LeNet5(3, 32, 0),
    "lenet5_mnist": models.LeNet5,
    "vgg11": lambda: models.VGG(11),
    "vgg13": lambda: models.VGG(13),
    "vgg16": lambda: models.VGG(16),
    "vgg19": lambda: models.VGG(19),
    "resnet20": lambda: models.resnet(20),
    "resnet32": lambda: models.resnet(32),
    "resnet44": lambda: models.resnet(44),
    "resnet56": lambda: models.resnet(56),
    "resnet20_padding": lambda: models.resnet(20, padding=True),
    "resnet18": models.resnet18,
    "autoencoder": models.Autoencoder,
}


def main(folder):
    files = {path.name for path in folder.glob("*.safetensors") if ".io." not in path.name}
    if files != {f"{name}.safetensors" for name in MODELS}:
        sys.exit(f"{folder} has other models: {sorted(files)}")
    wrong = 0
    for name, make in MODELS.items():
        model = make()
        model.load_state_dict(load_file(folder / f"{name}.safetensors"), strict=True)
        io = load_file(folder / f"{name}.io.safetensors")
        with torch.no_grad():
            y = model.eval()(io["x"])
        far = float((y - io["y"]).abs().max() / y.abs().max())
        wrong += not far <= 1e-5
        print(f"{name:17} {len(model.state_dict()):3} tensors, outputs {far:.1e} apart")
    sys.exit(f"{wrong} models differ" if wrong else 0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
