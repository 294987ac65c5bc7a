"""Makes pool.safetensors: pooling of torch.nn, and global pooling."""

from torch import nn

from common import Fixtures, normal

f = Fixtures()


def case(name, layer, *shape, round=False):
    x = normal(name, *shape)
    f.case(name, layer, {"x": x.round() if round else x})


class GlobalAvg(nn.Module):
    def forward(self, x):
        return x.flatten(2).mean(2)


class GlobalMax(nn.Module):
    def forward(self, x):
        return x.flatten(2).max(2).values


case("max2", nn.MaxPool2d(2), 2, 3, 6, 5)
case("max2_equal", nn.MaxPool2d(2), 2, 3, 8, 8, round=True)
case("max_beside", nn.MaxPool2d((2, 3)), 1, 2, 5, 7)
case("max3", nn.MaxPool2d(3, stride=2, padding=1), 2, 2, 7, 8)
case("max3_equal", nn.MaxPool2d(3, stride=1, padding=1), 2, 2, 6, 5, round=True)
case("max_sides", nn.MaxPool2d((3, 2), stride=(1, 3), padding=(1, 0)), 1, 2, 5, 9)
case("max1d", nn.MaxPool1d(2), 2, 3, 7)
case("max1d_padding", nn.MaxPool1d(4, stride=3, padding=2), 1, 2, 11)
case("avg2", nn.AvgPool2d(2), 2, 3, 6, 5)
case("avg_beside", nn.AvgPool2d((2, 3)), 1, 2, 5, 7)
case("avg3", nn.AvgPool2d(3, stride=2, padding=1), 2, 2, 7, 8)
case("avg3_exclude", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), 2, 2, 7, 8)
case("avg_sides", nn.AvgPool2d((3, 2), stride=(1, 3), padding=(1, 0)), 1, 2, 5, 9)
case("avg1d", nn.AvgPool1d(3), 2, 3, 10)
case("avg1d_exclude", nn.AvgPool1d(3, stride=2, padding=1, count_include_pad=False), 1, 2, 7)
case("adaptive2d", nn.AdaptiveAvgPool2d(1), 2, 3, 4, 5)
case("adaptive1d", nn.AdaptiveAvgPool1d(1), 2, 3, 7)
case("global_avg", GlobalAvg(), 2, 3, 4, 5)
case("global_max", GlobalMax(), 2, 3, 4, 5)
case("global_max_line", GlobalMax(), 3, 1, 6)
f.save("pool")
