"""Makes rotary.safetensors: rotary position embedding by the formulas of transformers, of
modeling_llama.py (halves) and modeling_gptj.py (neighbours), with angles in float64."""

import torch
from torch import nn

from common import Fixtures, integers, normal


def rotate_half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


def rotate_every_two(x):
    return torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)


def rotary(x, heads, positions=None, theta=10000.0, dims=None, interleaved=False, frequencies=None):
    x = x.unflatten(-1, (heads, -1))
    dims = dims or x.shape[-1]
    if positions is None:
        positions = torch.arange(x.shape[1])
    if frequencies is None:
        frequencies = theta ** -(torch.arange(0, dims, 2, dtype=torch.float64) / dims)
    angles = positions.double()[..., None] * frequencies
    if interleaved:
        angles, turn = angles.repeat_interleave(2, dim=-1), rotate_every_two
    else:
        angles, turn = torch.cat((angles, angles), dim=-1), rotate_half
    cos, sin = angles.cos()[..., None, :].to(x.dtype), angles.sin()[..., None, :].to(x.dtype)
    head, tail = x[..., :dims], x[..., dims:]
    return torch.cat((head * cos + turn(head) * sin, tail), dim=-1).flatten(-2)


f = Fixtures()


def case(name, x, positions=None, **options):
    inputs = {"x": x}
    if positions is not None:
        inputs["positions"] = positions
    f.case(name, nn.Module(), inputs, lambda m, x, positions=None: rotary(x, positions=positions, **options))


case("halves", normal("halves", 2, 5, 3 * 8), heads=3)
case("neighbours", normal("neighbours", 2, 5, 3 * 8), heads=3, interleaved=True)
case("one", normal("one", 1, 1, 2), heads=1)
case("theta", normal("theta", 1, 4, 12), heads=2, theta=500.0)
case("dims", normal("dims", 2, 4, 2 * 7), heads=2, dims=4)
case("dims_neighbours", normal("dims", 2, 4, 2 * 7), heads=2, dims=4, interleaved=True)
case("positions", normal("positions", 2, 4, 12), integers("positions", 1000, 4), heads=2)
case("positions_each", normal("positions", 2, 4, 12), integers("each", 1000, 2, 4), heads=2)
case("frequencies", normal("frequencies", 2, 4, 12), heads=2, frequencies=torch.tensor([1.0, 0.5, 0.125], dtype=torch.float64))
f.save("rotary")
