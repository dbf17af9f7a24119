"""Makes average.safetensors: averages of parameters by torch.optim.swa_utils, in double.

    python3 tests/golden/average.py

Needs torch, numpy and safetensors. A network (linear 6-8, batch norm, tanh, linear 8-3) learns 45
samples by cross entropy in batches of 8, taken in order, the last of 5 being short, with SGD. The
file has the data (x, labels), the start (start.0.weight, ...), the averages after step 40 of those
updated after each step (ema, ema_fast) and after every fifth from step 20 on (swa), and, for each,
what update_bn over the same batches then makes of the running statistics (swa.1.running_mean, ...)
and the outputs in eval mode (swa.y).
"""

import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

STEPS, SAMPLES, BATCH = 40, 45, 8


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(21)
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )
    x = torch.randn(SAMPLES, 6)
    labels = torch.randint(0, 3, (SAMPLES,))
    batches = [(x[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, SAMPLES, BATCH)]
    tensors = {"x": x, "labels": labels}
    tensors |= {f"start.{name}": p.detach().clone() for name, p in net.named_parameters()}

    averages = {
        "ema": AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9)),
        "ema_fast": AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.3)),
        "swa": AveragedModel(net),
    }
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for step in range(1, STEPS + 1):
        batch, target = batches[(step - 1) % len(batches)]
        optimizer.zero_grad()
        F.cross_entropy(net(batch), target).backward()
        optimizer.step()
        for name, average in averages.items():
            if name != "swa" or (step >= 20 and step % 5 == 0):
                average.update_parameters(net)
    for name, average in averages.items():
        update_bn(batches, average)
        average.eval()
        tensors |= {f"{name}.{key}": t.clone() for key, t in average.module.state_dict().items()}
        tensors[f"{name}.y"] = average(x).detach()
    save_file(tensors, pathlib.Path(__file__).with_name("average.safetensors"))


if __name__ == "__main__":
    main()
