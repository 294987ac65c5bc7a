"""Makes groupnorm.safetensors: torch.nn.GroupNorm."""

from torch import nn

from common import Fixtures, normal, seeded

f = Fixtures()


def case(name, layer, *shape, around=0.0):
    f.case(name, seeded(layer, name), {"x": normal(name, *shape) + around})


case("images", nn.GroupNorm(2, 6), 3, 6, 4, 5)
case("one_group", nn.GroupNorm(1, 4), 2, 4, 3, 3)
case("channels", nn.GroupNorm(4, 4), 1, 4, 5, 3)
case("lines", nn.GroupNorm(3, 9), 2, 9, 7)
case("rows", nn.GroupNorm(2, 8), 5, 8)
case("plain", nn.GroupNorm(2, 4, affine=False), 2, 4, 3, 2)
case("eps", nn.GroupNorm(2, 4, eps=1e-2), 2, 4, 3, 2)
case("far", nn.GroupNorm(2, 4), 2, 4, 6, 6, around=10.0)
f.save("groupnorm")
