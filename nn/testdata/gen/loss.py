"""Makes loss.safetensors: torch.nn.functional.cross_entropy, nll_loss, mse_loss and
binary_cross_entropy_with_logits. Losses are of shape (1)."""

import torch
from torch import nn
from torch.nn import functional as F

from common import Fixtures, integers, normal

f = Fixtures()


def labels(name, classes, *shape, ignored=(), ignore=-100):
    y = integers(name, classes, *shape).flatten()
    for i in ignored:
        y[i] = ignore
    return y.view(shape)


def classifier(name, loss, x, y, **options):
    def forward(m, x, y):
        weight = options.get("weight")
        o = dict(options, weight=weight.to(x.dtype)) if weight is not None else options
        return loss(x.reshape(-1, x.shape[-1]), y.reshape(-1), **o).view(1)

    f.case(name, nn.Module(), {"x": x, "y": y}, forward)


WEIGHT = torch.tensor([0.5, 2.0, 1.0, 0.0, 3.0, 0.25, 1.5])
for name, loss in ("ce", F.cross_entropy), ("nll", F.nll_loss):

    def case(kind, x, y, **options):
        classifier(f"{name}.{kind}", loss, x, y, **options)

    case("matrix", normal("matrix", 5, 7), labels("matrix", 7, 5))
    case("deep", normal("deep", 2, 3, 19), labels("deep", 19, 2, 3))
    case("row", normal("row", 1, 4), labels("row", 4, 1))
    case("ignored", normal("ignored", 6, 7), labels("ignored", 7, 6, ignored=(0, 4)))
    case("ignored_2", normal("ignored_2", 6, 7), labels("ignored_2", 7, 6, ignored=(1,), ignore=2), ignore_index=2)
    case("all_ignored", normal("all", 3, 7), labels("all", 7, 3, ignored=(0, 1, 2)))
    case("all_ignored_sum", normal("all", 3, 7), labels("all", 7, 3, ignored=(0, 1, 2)), reduction="sum")
    case("weight", normal("weight", 6, 7), labels("weight", 7, 6, ignored=(2,)), weight=WEIGHT)
    case("sum", normal("sum", 6, 7), labels("sum", 7, 6, ignored=(2,)), weight=WEIGHT, reduction="sum")

far = normal("far", 4, 7) * 300
classifier("ce.far", F.cross_entropy, far, labels("far", 7, 4))
for kind, o in {
    "smooth": {},
    "smooth_sum": {"reduction": "sum"},
    "smooth_weight": {"weight": WEIGHT},
    "smooth_weight_sum": {"weight": WEIGHT, "reduction": "sum"},
}.items():
    y = labels(kind, 7, 6, ignored=(3,))
    classifier(f"ce.{kind}", F.cross_entropy, normal(kind, 6, 7), y, label_smoothing=0.1, **o)
y = labels("smooth_all", 7, 3, ignored=(0, 1, 2))
classifier("ce.smooth_all_ignored", F.cross_entropy, normal("smooth_all", 3, 7), y, label_smoothing=0.1)

for reduction in "mean", "sum":
    x, y = normal("mse", 3, 5), normal("mse y", 3, 5)
    f.case(f"mse.{reduction}", nn.Module(), {"x": x, "y": y}, lambda m, x, y: F.mse_loss(x, y, reduction=reduction).view(1))
POSITIVE = {"none": None, "one": torch.tensor([3.0]), "each": torch.tensor([3.0, 0.5, 1.0, 2.0, 0.0])}
for kind, p in POSITIVE.items():
    for reduction in "mean", "sum":
        x, y = normal("bce", 3, 5) * 10, normal("bce y", 3, 5).sigmoid()

        def forward(m, x, y):
            w = p if p is None else p.to(x.dtype)
            return F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction=reduction).view(1)

        f.case(f"bce.{kind}_{reduction}", nn.Module(), {"x": x, "y": y}, forward)
f.save("loss")
