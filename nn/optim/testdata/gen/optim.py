"""Writes what PyTorch's optimizers, schedules and averages do, for the tests of nn/optim.

    python nn/optim/testdata/gen/optim.py

float32.safetensors and float64.safetensors hold, for the parameters "a" (4, 5), "b" (7) and "c" ():

    start/<param>, grad/<step>/<param>     what all cases begin with, and the gradients of ten steps
    <case>/<param>                         after ten steps
    <case>/<slot>.<param>                  likewise; the tests know the options of each case

schedules.safetensors holds float64 series: of a schedule, its factor at each step.
"""

import math
import pathlib

import torch
from safetensors.torch import save_file
from torch import optim
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 10
SHAPES = {"a": (4, 5), "b": (7,), "c": ()}
HERE = pathlib.Path(__file__).resolve().parent.parent


class Lion(optim.Optimizer):
    """Algorithm 2 of arXiv:2302.06675, which torch.optim does not have."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                m = state.setdefault("exp_avg", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(torch.sign(m * b1 + p.grad * (1 - b1)), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


def by_value(limit):
    return lambda params: torch.nn.utils.clip_grad_value_(params, limit)


def by_norm(limit):
    return lambda params: torch.nn.utils.clip_grad_norm_(params, limit)


def both(params):
    by_value(0.5)(params)
    by_norm(1.0)(params)


CASES = {
    "sgd": (lambda p: optim.SGD(p, lr=0.1), None),
    "sgd-decay": (lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1), None),
    "sgd-momentum": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), None),
    "sgd-nesterov": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05), None),
    "sgd-dampening": (lambda p: optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.05), None),
    "adam": (lambda p: optim.Adam(p, lr=0.1), None),
    "adam-decay": (lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1), None),
    "adam-no-momentum": (lambda p: optim.Adam(p, lr=0.05, betas=(0.0, 0.99)), None),
    "adamw": (lambda p: optim.AdamW(p), None),
    "adamw-decay": (lambda p: optim.AdamW(p, lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.3), None),
    "rmsprop": (lambda p: optim.RMSprop(p), None),
    "rmsprop-centered": (lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-3, centered=True), None),
    "rmsprop-momentum": (lambda p: optim.RMSprop(p, momentum=0.8, weight_decay=0.1), None),
    "rmsprop-all": (
        lambda p: optim.RMSprop(p, alpha=0.9, momentum=0.8, weight_decay=0.1, centered=True, eps=1e-3),
        None,
    ),
    "adagrad": (lambda p: optim.Adagrad(p), None),
    "adagrad-all": (
        lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.2, weight_decay=0.1, initial_accumulator_value=0.3, eps=1e-3),
        None,
    ),
    "lion": (lambda p: Lion(p, lr=1e-2), None),
    "lion-decay": (lambda p: Lion(p, lr=1e-2, betas=(0.8, 0.95), weight_decay=0.5), None),
    "clip-value": (lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1), by_value(0.5)),
    "clip-norm": (lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1), by_norm(1.0)),
    "clip-loose": (lambda p: optim.SGD(p, lr=0.1), by_norm(100.0)),
    "clip-both": (lambda p: optim.SGD(p, lr=0.1), both),
    "groups": (
        lambda p: optim.AdamW(
            [
                {"params": p[:1]},
                {"params": p[1:2], "weight_decay": 0.0},
                {"params": p[2:], "lr": 0.01, "betas": (0.5, 0.9)},
            ],
            lr=0.05,
            weight_decay=0.3,
        ),
        None,
    ),
}


def start(dtype):
    generator = torch.Generator().manual_seed(1)
    draw = lambda shape: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    params = {name: draw(shape) for name, shape in SHAPES.items()}
    grads = [{name: draw(shape) for name, shape in SHAPES.items()} for _ in range(STEPS)]
    return params, grads


def leaves(params):
    return {name: torch.nn.Parameter(p.clone()) for name, p in params.items()}


def give(params, grads):
    for name, p in params.items():
        p.grad = grads[name].clone()


def keep(out, case, params, optimizer):
    for name, p in params.items():
        out[f"{case}/{name}"] = p.detach().clone()
        for slot, value in optimizer.state[p].items():
            if slot != "step" and value is not None:
                out[f"{case}/{slot}.{name}"] = value.detach().clone()


def optimizers(dtype, out):
    params0, grads = start(dtype)
    out.update({f"start/{name}": p for name, p in params0.items()})
    for i, of in enumerate(grads):
        out.update({f"grad/{i}/{name}": g for name, g in of.items()})
    for case, (make, clip) in CASES.items():
        params = leaves(params0)
        optimizer = make(list(params.values()))
        for of in grads:
            give(params, of)
            if clip:
                clip(list(params.values()))
            optimizer.step()
        keep(out, case, params, optimizer)


def scheduled(dtype, out):
    params0, grads = start(dtype)
    params = leaves(params0)
    optimizer = optim.AdamW(params.values(), lr=0.1, weight_decay=0.1)
    schedule = lrs.SequentialLR(
        optimizer,
        [lrs.LinearLR(optimizer, 0.25, 1, total_iters=3), lrs.CosineAnnealingLR(optimizer, 7, eta_min=0.01)],
        [3],
    )
    for of in grads:
        give(params, of)
        optimizer.step()
        schedule.step()
    keep(out, "scheduled", params, optimizer)


def accumulated(dtype, out):
    """Three steps of three gradients each, and one gradient that is left over."""
    params0, grads = start(dtype)
    params = leaves(params0)
    optimizer = optim.Adam(params.values(), lr=0.1)
    for i in range(0, 9, 3):
        give(params, {name: (grads[i][name] + grads[i + 1][name] + grads[i + 2][name]) / 3 for name in SHAPES})
        optimizer.step()
    keep(out, "accumulated", params, optimizer)


class Bag(torch.nn.Module):
    def __init__(self, params):
        super().__init__()
        for name, p in params.items():
            self.register_parameter(name, torch.nn.Parameter(p.clone()))


def averaged(dtype, out):
    params0, grads = start(dtype)
    model = Bag(params0)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for of in grads:
        give(dict(model.named_parameters()), of)
        optimizer.step()
        average.update_parameters(model)
    for name, p in average.module.named_parameters():
        out[f"ema/{name}"] = p.detach().clone()


def factors(make, steps=300):
    optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return torch.tensor(seen, dtype=torch.float64)


def one_cycle(**options):
    return lambda o: lrs.OneCycleLR(o, max_lr=1.0, total_steps=250, cycle_momentum=False, **options)


SCHEDULES = {
    "step": lambda o: lrs.StepLR(o, 30, 0.7),
    "multistep": lambda o: lrs.MultiStepLR(o, [20, 50, 50, 130], 0.5),
    "exponential": lambda o: lrs.ExponentialLR(o, 0.98),
    "cosine": lambda o: lrs.CosineAnnealingLR(o, 100, eta_min=0.05),
    "linear": lambda o: lrs.LinearLR(o, 0.2, 0.9, total_iters=120),
    "warmup-cosine": lambda o: lrs.SequentialLR(
        o, [lrs.LinearLR(o, 0.1, 1, total_iters=40), lrs.CosineAnnealingLR(o, 260)], [40]
    ),
    "warmup-exponential": lambda o: lrs.SequentialLR(
        o, [lrs.LinearLR(o, 0.1, 1, total_iters=40), lrs.ExponentialLR(o, 0.97)], [40]
    ),
}

CYCLES = {
    "onecycle": one_cycle(),
    "onecycle-linear": one_cycle(anneal_strategy="linear", pct_start=0.25, div_factor=10.0, final_div_factor=100.0),
    "onecycle-three": one_cycle(three_phase=True, pct_start=0.4),
    "onecycle-three-linear": one_cycle(three_phase=True, pct_start=0.3, anneal_strategy="linear"),
}

PLATEAUS = {
    "plateau": {},
    "plateau-min-abs": dict(factor=0.5, patience=2, threshold=0.05, threshold_mode="abs", cooldown=3, min_lr=0.02),
    "plateau-max-rel": dict(mode="max", factor=0.3, patience=1, threshold=0.01, cooldown=1),
    "plateau-max-abs": dict(mode="max", factor=0.7, patience=0, threshold=0.1, threshold_mode="abs"),
}


def schedules():
    out = {name: factors(make) for name, make in SCHEDULES.items()}
    out |= {name: factors(make, 250) for name, make in CYCLES.items()}
    generator = torch.Generator().manual_seed(2)
    noise = torch.rand(200, generator=generator, dtype=torch.float64)
    metrics = torch.exp(-torch.arange(200, dtype=torch.float64) / 40) + noise / 5
    metrics[17] = math.nan
    out["metrics"] = metrics
    for name, options in PLATEAUS.items():
        optimizer = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        # eps is an absolute difference of rates, which a factor knows nothing of.
        schedule = lrs.ReduceLROnPlateau(optimizer, eps=0, **options)
        seen = []
        for metric in metrics.tolist():
            schedule.step(metric)
            seen.append(optimizer.param_groups[0]["lr"])
        out[name] = torch.tensor(seen, dtype=torch.float64)
    return out


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for dtype, name in ((torch.float32, "float32"), (torch.float64, "float64")):
        out = {}
        optimizers(dtype, out)
        scheduled(dtype, out)
        accumulated(dtype, out)
        averaged(dtype, out)
        save_file({key: value.contiguous() for key, value in out.items()}, HERE / f"{name}.safetensors")
    save_file(schedules(), HERE / "schedules.safetensors")


if __name__ == "__main__":
    main()
