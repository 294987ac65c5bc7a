"""Makes conv.safetensors: torch.nn.Conv1d and Conv2d."""

from torch import nn

from common import Fixtures, normal, seeded

f = Fixtures()


def case(name, layer, *shape):
    f.case(name, seeded(layer, name), {"x": normal(name, *shape)})


case("same", nn.Conv2d(3, 5, 3, padding=1), 3, 3, 7, 6)
case("valid", nn.Conv2d(2, 3, 3), 2, 2, 6, 9)
case("no_bias", nn.Conv2d(2, 3, 2, bias=False), 2, 2, 4, 5)
case("point", nn.Conv2d(5, 4, 1), 2, 5, 4, 3)
case("point_stride", nn.Conv2d(5, 4, 1, stride=2), 2, 5, 5, 4)
case("point_padding", nn.Conv2d(2, 3, 1, padding=2), 2, 2, 3, 4)
case("stride", nn.Conv2d(3, 4, 3, stride=2, padding=1), 3, 3, 8, 7)
case("strides", nn.Conv2d(2, 3, (2, 3), stride=(3, 2), padding=(0, 2)), 1, 2, 8, 9)
case("apart", nn.Conv2d(2, 3, 2, stride=5), 2, 2, 9, 11)
case("dilation", nn.Conv2d(2, 3, 3, dilation=2, padding=2), 2, 2, 7, 8)
case("dilation_stride", nn.Conv2d(2, 3, (3, 2), dilation=(2, 3), stride=(3, 2), padding=(3, 1)), 2, 2, 9, 10)
case("groups", nn.Conv2d(6, 9, 3, padding=1, groups=3), 2, 6, 5, 4)
case("depthwise", nn.Conv2d(4, 4, 3, padding=1, groups=4), 2, 4, 5, 6)
case("multiplied", nn.Conv2d(3, 6, 3, stride=2, groups=3), 2, 3, 6, 5)
case("column", nn.Conv2d(2, 3, (3, 1)), 2, 2, 3, 5)
case("whole", nn.Conv2d(3, 4, (4, 5)), 2, 3, 4, 5)
case("one", nn.Conv2d(1, 1, 1), 1, 1, 1, 1)
case("many", nn.Conv2d(2, 3, 3, padding=1), 33, 2, 3, 3)

case("line", nn.Conv1d(3, 4, 3, padding=1), 2, 3, 9)
case("line_stride", nn.Conv1d(3, 4, 5, stride=2, padding=2), 2, 3, 12)
case("line_dilation", nn.Conv1d(2, 3, 3, dilation=3, stride=2, padding=4), 1, 2, 10)
case("line_groups", nn.Conv1d(4, 6, 2, groups=2, bias=False), 3, 4, 7)
f.save("conv")
