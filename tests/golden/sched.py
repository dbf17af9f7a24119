"""Makes sched.safetensors: what PyTorch's schedules make of two groups' learning rates.

    python3 tests/golden/sched.py

Needs torch, numpy and safetensors. The file has, for each of CASES, the learning rates [201, 2] of
steps 0 to 200 (cosine.lr), the momenta (beta1 of Adam) likewise if the schedule cycles them
(one_cycle.momentum), and the losses that the plateau cases look at (losses [200]; accuracies are 1
minus these). Cases are named and made alike in tests/test_sched.c.
"""

import pathlib
import warnings

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.optim import lr_scheduler as s
from torch.optim.swa_utils import SWALR

STEPS = 200
LRS = 0.1, 0.03
PEAKS = [0.5, 0.2]  # the largest learning rates of the cyclic schedules


def make_losses():
    """Falls, stays, falls again: with noise, so that single losses are better and worse."""
    t = np.arange(STEPS)
    fall = np.exp(-np.minimum(t, 60) / 20) + 0.5 * np.exp(-np.maximum(t - 120, 0) / 10)
    return 0.2 + fall + 0.01 * np.random.default_rng(6).standard_normal(STEPS)


def chained(*make):
    return lambda o: s.ChainedScheduler([m(o) for m in make], o)


def sequential(milestones, *make):
    return lambda o: s.SequentialLR(o, [m(o) for m in make], milestones)


def cyclic(**options):
    return lambda o: s.CyclicLR(o, list(LRS), PEAKS, **options)


def one_cycle(**options):
    return lambda o: s.OneCycleLR(o, PEAKS, total_steps=options.pop("total_steps", 201), **options)


CASES = {
    "constant": lambda o: s.ConstantLR(o),
    "constant_long": lambda o: s.ConstantLR(o, 0.25, 50),
    "step": lambda o: s.StepLR(o, 30),
    "step_short": lambda o: s.StepLR(o, 7, 0.9),
    "multi_step": lambda o: s.MultiStepLR(o, [30, 80]),
    "multi_step_twice": lambda o: s.MultiStepLR(o, [50, 120, 20, 50], 0.5),
    "exponential": lambda o: s.ExponentialLR(o, 0.95),
    "exponential_up": lambda o: s.ExponentialLR(o, 1.01),
    "inverse_time": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.01 * t)),
    "polynomial": lambda o: s.PolynomialLR(o),
    "polynomial_root": lambda o: s.PolynomialLR(o, 120, 0.5),
    "polynomial_long": lambda o: s.PolynomialLR(o, 300, 2.5),
    "linear": lambda o: s.LinearLR(o),
    "linear_up": lambda o: s.LinearLR(o, 0.001, 1, 50),
    "linear_down": lambda o: s.LinearLR(o, 1, 0.1, 120),
    "cosine": lambda o: s.CosineAnnealingLR(o, 200),
    "cosine_back": lambda o: s.CosineAnnealingLR(o, 45),
    "cosine_min": lambda o: s.CosineAnnealingLR(o, 30, 0.005),
    "restarts": lambda o: s.CosineAnnealingWarmRestarts(o, 30),
    "restarts_longer": lambda o: s.CosineAnnealingWarmRestarts(o, 10, 2),
    "restarts_min": lambda o: s.CosineAnnealingWarmRestarts(o, 7, 3, 0.001),
    "lambda": lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t % 7)),
    "swa_cos": lambda o: SWALR(o, 0.05),
    "swa_linear": lambda o: SWALR(o, 0.02, 40, "linear"),
    "swa_at_once": lambda o: SWALR(o, 0.02, 0),
    "plateau": lambda o: s.ReduceLROnPlateau(o),
    "plateau_short": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2),
    "plateau_max": lambda o: s.ReduceLROnPlateau(o, mode="max", factor=0.7, patience=0),
    "plateau_rel": lambda o: s.ReduceLROnPlateau(o, factor=0.9, patience=1, threshold=0.03),
    "plateau_max_rel": lambda o: s.ReduceLROnPlateau(
        o, mode="max", factor=0.9, patience=1, threshold=0.03
    ),
    "plateau_cooldown": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=5),
    "plateau_abs": lambda o: s.ReduceLROnPlateau(
        o, factor=0.8, patience=3, threshold=0.02, threshold_mode="abs"
    ),
    "plateau_max_abs": lambda o: s.ReduceLROnPlateau(
        o, mode="max", factor=0.8, patience=1, threshold=0.05, threshold_mode="abs", cooldown=1
    ),
    "plateau_min": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=1, min_lr=0.004),
    "plateau_eps": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=1, eps=0.001),
    "chained_warm_up": chained(
        lambda o: s.ConstantLR(o, 0.1, 20), lambda o: s.ExponentialLR(o, 0.98)
    ),
    "chained_three": chained(
        lambda o: s.LinearLR(o, 0.5, 1, 10),
        lambda o: s.MultiStepLR(o, [60, 90], 0.3),
        lambda o: s.PolynomialLR(o, 250, 0.9),
    ),
    "chained_cosine": chained(
        lambda o: s.LinearLR(o, 0.01, 1, 20), lambda o: s.CosineAnnealingLR(o, 250)
    ),
    "sequential_cosine": sequential(
        [20], lambda o: s.LinearLR(o, 0.1, 1, 20), lambda o: s.CosineAnnealingLR(o, 180)
    ),
    "sequential_three": sequential(
        [30, 90],
        lambda o: s.ConstantLR(o, 0.5, 10),
        lambda o: s.ExponentialLR(o, 0.97),
        lambda o: s.StepLR(o, 25, 0.5),
    ),
    "sequential_restarts": sequential(
        [25],
        lambda o: s.PolynomialLR(o, 40, 2),
        lambda o: s.CosineAnnealingWarmRestarts(o, 15, 2),
    ),
    "sequential_cycle": sequential(
        [50],
        lambda o: s.LinearLR(o, 0.1, 1, 50),
        cyclic(step_size_up=20, cycle_momentum=False),
    ),
    "cyclic": cyclic(step_size_up=20),
    "cyclic_default": cyclic(),
    "cyclic_halved": cyclic(step_size_up=15, step_size_down=30, mode="triangular2"),
    "cyclic_exp": cyclic(
        step_size_up=25, mode="exp_range", gamma=0.99, base_momentum=0.5, max_momentum=0.95
    ),
    "cyclic_adam": cyclic(step_size_up=16),
    "cyclic_plain": cyclic(step_size_up=16, cycle_momentum=False),
    "one_cycle": one_cycle(),
    "one_cycle_linear": one_cycle(total_steps=220, anneal_strategy="linear", pct_start=0.5),
    "one_cycle_three": one_cycle(
        three_phase=True, div_factor=10.0, final_div_factor=100.0, pct_start=0.4
    ),
    "one_cycle_adam": one_cycle(base_momentum=0.7, max_momentum=0.9, total_steps=201),
    "one_cycle_plain": one_cycle(cycle_momentum=False, total_steps=300),
}


def run(name, make, losses):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LRS]
    adam = name.endswith("_adam")
    o = torch.optim.Adam(groups) if adam else torch.optim.SGD(groups, momentum=0.9)
    sched = make(o)
    lrs, momenta = [], []

    def note():
        lrs.append([g["lr"] for g in o.param_groups])
        momenta.append([g["betas"][0] if adam else g["momentum"] for g in o.param_groups])

    note()
    for loss in losses:
        metric = [] if not name.startswith("plateau") else [1 - loss if "max" in name else loss]
        sched.step(*metric)
        note()
    made = {f"{name}.lr": np.array(lrs)}
    if ("cycl" in name) and "plain" not in name and "sequential" not in name:
        made[f"{name}.momentum"] = np.array(momenta)
    else:
        assert np.ptp(momenta) == 0
    return made


def main():
    warnings.simplefilter("ignore")  # no optimizer steps, on purpose
    losses = make_losses()
    tensors = {"losses": losses}
    for name, make in CASES.items():
        tensors |= run(name, make, losses)
    save_file(tensors, pathlib.Path(__file__).with_name("sched.safetensors"))


if __name__ == "__main__":
    main()
