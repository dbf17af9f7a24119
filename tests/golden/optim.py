"""Makes optim.safetensors: where PyTorch's optimizers end, for every case of optim_cases.inc.

    python3 tests/golden/optim.py

Needs torch (2.13 made the file), numpy and safetensors. Each case runs 500 steps in double on two
tasks: a network 5-8-3 with tanh that learns 20 samples by cross entropy, all at once ("net"), and
the sum of three Rosenbrock functions of a [2,2] and a [1,2] tensor, a row being a point
("rosenbrock"; not with DEFAULTS, whose learning rates are not made for it). All numbers are double,
PyTorch's own step counts and products too: they follow the default dtype. With Rprop the network's
gradient would fade into rounding errors, of which it takes the sign: there six samples come twice
with different labels, so that no weights fit all.

The file has the tasks (x, labels, rprop.x, rprop.labels, start.net, start.rosenbrock) and for each
case

    sgd_momentum.net.50, .net.500, .rosenbrock.50, .rosenbrock.500
                        all parameters after so many steps, one after another
    sgd_momentum.moved  for each of these, max|a-b|/max|b| of it and the one after a start that
                        differs by one ulp, up or down, the larger: tests allow 10 times as much
                        where that is more than 1e-9
    sgd.f32             for each DEFAULTS, the network's parameters after 50 steps in float

What PyTorch does not have is done here in a line or two of its own:
- Lion is written below, as in its paper (Chen et al. 2023, algorithm 2).
- Muon's Newton-Schulz iteration is PyTorch's code, but its cast to bfloat16 is left out: the
  library works in the parameter's dtype. `check_muon` shows that this is the only difference.
- l1_decay, decoupled decay, and maximize where a method lacks them: before its step, on the
  gradient and the parameters.
"""

import contextlib
import inspect
import pathlib
import re

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

MARKS, SAMPLES = (50, 500), 20
HERE = pathlib.Path(__file__).parent


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0, decoupled=True,
                 maximize=False):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay,
                                      decoupled=decoupled, maximize=maximize))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2), decay = group["lr"], group["betas"], group["weight_decay"]
            for p in group["params"]:
                g = -p.grad if group["maximize"] else p.grad
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                if group["decoupled"]:
                    p.mul_(1 - lr * decay)
                else:
                    g = g + decay * p
                p.sub_(lr * torch.sign(beta1 * m + (1 - beta1) * g))
                m.copy_(beta2 * m + (1 - beta2) * g)


METHODS = {
    "sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax, "nadam": torch.optim.NAdam, "radam": torch.optim.RAdam,
    "rprop": torch.optim.Rprop, "asgd": torch.optim.ASGD, "lion": Lion, "muon": torch.optim.Muon,
}


# ---- the cases ----------------------------------------------------------------------------------


def options_of(text):
    """{'betas': (0.8, 0.99)} of '.betas = {0.8, 0.99}'."""
    options = {}
    for name, value in re.findall(r"\.(\w+) = (\{[^}]*\}|[^,]+)", text):
        if value[0] == "{":
            options[name] = tuple(float(v) for v in value.strip("{}").split(","))
        elif value in ("true", "false"):
            options[name] = value == "true"
        elif value == "RV_MUON_MATCH_RMS_ADAMW":
            options["adjust_lr_fn"] = "match_rms_adamw"
        else:
            options[name] = int(value) if name == "ns_steps" else float(value)
    return options


def read_cases():
    """Of each case: its name, method, learning rates or None, and the options of its groups."""
    cases = []
    for line in (HERE.parent / "optim_cases.inc").read_text().splitlines():
        if m := re.fullmatch(r"DEFAULTS\((\w+)\)", line):
            cases.append((m[1], m[1], None, [{}]))
        elif m := re.fullmatch(r"CASE\((\w+), (\w+), ([^,]+), ([^,]+), (.*)\)", line):
            cases.append((m[1], m[2], (float(m[3]), float(m[4])), [options_of(m[5])]))
        elif m := re.fullmatch(
            r"GROUPS\((\w+), (\w+), ([^,]+), ([^,]+), GROUP\((.*)\), GROUP\((.*)\)\)", line
        ):
            groups = [options_of(m[5]), options_of(m[6])]
            cases.append((m[1], m[2], (float(m[3]), float(m[4])), groups))
        elif re.match("DEFAULTS|CASE|GROUPS", line):
            raise SystemExit(f"this line is not understood: {line}")
    return cases


class Optimizer:
    """PyTorch's optimizer, and what it does not have, group by group."""

    def __init__(self, method, parameters, lr, groups):
        maker = METHODS[method]
        takes = inspect.signature(maker.__init__).parameters
        if method == "muon":  # takes matrices only
            parameters = [p for p in parameters if p.ndim == 2]
        half = len(parameters) // 2 if len(groups) == 2 else len(parameters)
        self.by_hand, made = [], []
        for group, options in enumerate(groups):
            mine = parameters[:half] if group == 0 else parameters[half:]
            options = dict(options)
            if lr is not None:
                options["lr"] = lr
            hand = {"params": mine, "l1": options.pop("l1_decay", 0), "shrink": 0, "negate": False}
            if options.get("maximize") and "maximize" not in takes:
                hand["negate"] = options.pop("maximize")
            hand["maximize"] = options.get("maximize", False)
            if "decoupled" in options and "decoupled" not in takes:
                if "decoupled_weight_decay" in takes:
                    options["decoupled_weight_decay"] = options.pop("decoupled")
                elif options.pop("decoupled"):
                    hand["shrink"] = options["lr"] * options.pop("weight_decay")
            self.by_hand.append(hand)
            made.append({"params": mine, **options})
        self.torchs = maker(made) if len(made) > 1 else maker(
            made[0].pop("params"), **made[0], **({"foreach": False} if "foreach" in takes else {})
        )
        for group in self.torchs.param_groups:
            if "foreach" in group:
                group["foreach"] = False
        if method == "adagrad" and len(made) > 1:
            # PyTorch starts the sums of all groups with the constructor's value; that of the group
            # is what its option says, and what the library takes.
            for group in self.torchs.param_groups:
                for p in group["params"]:
                    self.torchs.state[p]["sum"].fill_(group["initial_accumulator_value"])

    @torch.no_grad()
    def step(self):
        for hand in self.by_hand:
            for p in hand["params"]:
                if hand["negate"]:
                    p.grad.neg_()
                if hand["l1"]:
                    p.grad.add_(torch.sign(p), alpha=-hand["l1"] if hand["maximize"] else hand["l1"])
                if hand["shrink"]:
                    p.mul_(1 - hand["shrink"])
        self.torchs.step()


# ---- the tasks ----------------------------------------------------------------------------------


def network_loss(p, data):
    x, labels = data
    return F.cross_entropy(F.linear(torch.tanh(F.linear(x, p[0], p[1])), p[2], p[3]), labels)


def rosenbrock_loss(p, data):
    def one(q):
        return ((1 - q[:, 0]).square() + 100 * (q[:, 1] - q[:, 0].square()).square()).sum()

    return one(p[0]) + one(p[1])


def run(case, task, start, loss_of, data, marks=MARKS, dtype=torch.float64):
    """The parameters after each of these steps, one after another."""
    _, method, lr, groups = case
    parameters = [s.to(dtype, copy=True).requires_grad_() for s in start]
    optimizer = Optimizer(method, parameters, lr and lr[task], groups)
    maximized = any(group.get("maximize") for group in groups)
    found = []
    for step in range(1, marks[-1] + 1):
        for p in parameters:
            p.grad = None
        loss = loss_of(parameters, data)
        (-loss if maximized else loss).backward()
        optimizer.step()
        if step in marks:
            found.append(torch.cat([p.detach().reshape(-1) for p in parameters]))
    assert loss < 1e3, f"{case[0]} diverges"
    return found


def difference(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def next_to(start, infinity):
    return [torch.nextafter(s, torch.full_like(s, infinity)) for s in start]


# ---- Muon ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def without_bfloat16():
    """Inside, the cast to bfloat16 in PyTorch's Muon is a copy in the same dtype."""
    original = torch.Tensor.bfloat16
    torch.Tensor.bfloat16 = torch.Tensor.clone
    try:
        yield
    finally:
        torch.Tensor.bfloat16 = original


def check_muon():
    """PyTorch's iteration in bfloat16 is that in double up to bfloat16's rounding (2^-9 for each
    number; five iterations, each of which may triple an error, of three products)."""
    orthogonalize = torch.optim._muon._zeropower_via_newtonschulz
    constants = ((3.4445, -4.7750, 2.0315), 5, 1e-7)
    for shape in ((8, 5), (3, 8), (20, 20)):
        matrix = torch.randn(*shape)
        rounded = orthogonalize(matrix, *constants).double()
        with without_bfloat16():
            exact = orthogonalize(matrix, *constants)
        apart = difference(rounded, exact)
        print(f"muon {shape}: bfloat16 and double differ by {apart:.4f}")
        assert exact.dtype == torch.float64 and 0 < apart < 0.05


# ---- all of it ----------------------------------------------------------------------------------


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(6)
    x, labels = torch.randn(SAMPLES, 5), torch.randint(0, 3, (SAMPLES,))
    x2, labels2 = x.clone(), labels.clone()
    x2[14:], labels2[14:] = x[:6], (labels[:6] + 1) % 3
    shapes = {(8, 5): 0.4, (8,): 0.2, (3, 8): 0.3, (3,): 0.2}
    net = [torch.randn(shape) * scale for shape, scale in shapes.items()]
    points = [torch.tensor([[-1.2, 1.0], [0.5, -0.3]]), torch.tensor([[1.3, 0.9]])]
    check_muon()
    tasks = [("net", net, network_loss), ("rosenbrock", points, rosenbrock_loss)]
    tensors = {"x": x, "labels": labels, "rprop.x": x2, "rprop.labels": labels2}
    for name, start, _ in tasks:
        tensors[f"start.{name}"] = torch.cat([s.reshape(-1) for s in start])
    with without_bfloat16():
        for case in read_cases():
            moved, losses = [], []
            samples = (x2, labels2) if case[1] == "rprop" else (x, labels)
            for i, (name, start, loss_of) in enumerate(tasks if case[2] else tasks[:1]):
                ends = run(case, i, start, loss_of, samples)
                assert difference(tensors[f"start.{name}"], ends[-1]) > 1e-3, "it hardly moves"
                others = [run(case, i, next_to(start, to), loss_of, samples)
                          for to in (float("inf"), float("-inf"))]
                for mark, end, *other in zip(MARKS, ends, *others):
                    tensors[f"{case[0]}.{name}.{mark}"] = end
                    moved.append(max(difference(o, end) for o in other))
                parts = ends[-1].split([s.numel() for s in start])
                parts = [part.view_as(s) for part, s in zip(parts, start)]
                losses.append(f"{loss_of(start, samples):.4g} ... {loss_of(parts, samples):.4g}")
            tensors[f"{case[0]}.moved"] = torch.tensor(moved)
            wide = [f"{m:.1e}" if m > 1e-10 else "-" for m in moved]
            print(f"{case[0]}: loss {', '.join(losses)}; moved {wide}", flush=True)
            if case[2] is None:
                tensors[f"{case[0]}.f32"] = run(case, 0, net, network_loss,
                                                (samples[0].float(), samples[1]), MARKS[:1],
                                                torch.float32)[0]
    path = HERE / "optim.safetensors"
    save_file({k: np.array(t.numpy(), order="C") for k, t in tensors.items()}, path)
    print(f"{len(tensors)} tensors, {path.stat().st_size} bytes: {path}")


main()
