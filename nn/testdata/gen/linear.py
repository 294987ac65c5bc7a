"""Makes linear.safetensors: torch.nn.Linear, and transformers' Conv1D as it is defined."""

import torch
from torch import nn

from common import Fixtures, normal, seeded


class Conv1D(nn.Module):
    """transformers.pytorch_utils.Conv1D: a dense layer with weight (in, out)."""

    def __init__(self, out, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, out))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


f = Fixtures()
f.case("matrix", seeded(nn.Linear(7, 5), "matrix"), {"x": normal("matrix", 3, 7)})
f.case("row", seeded(nn.Linear(33, 17), "row"), {"x": normal("row", 1, 33)})
f.case("vector", seeded(nn.Linear(7, 5), "vector"), {"x": normal("vector", 7)})
f.case("deep", seeded(nn.Linear(7, 18), "deep"), {"x": normal("deep", 2, 3, 5, 7)})
f.case("no_bias", seeded(nn.Linear(19, 4, bias=False), "no_bias"), {"x": normal("no_bias", 5, 19)})
f.case("conv1d", seeded(Conv1D(5, 7), "conv1d"), {"x": normal("conv1d", 2, 3, 7)})
f.save("linear")
