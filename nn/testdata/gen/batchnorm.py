"""Makes batchnorm.safetensors: torch.nn.BatchNorm1d and BatchNorm2d.

Besides the cases there are runs of several batches: run.f32.0.x, .out and .after of each, and
eval.out, which is what the layer gives afterwards for the first x.
"""

from torch import nn

from common import DTYPES, Fixtures, normal, seeded

f = Fixtures()


def case(name, layer, *shape, train=True, by=1.0, around=0.0):
    f.case(name, seeded(layer, name), {"x": normal(name, *shape, scale=by) + around}, train=train)


for train, suffix in (True, ""), (False, "_eval"):
    case("images" + suffix, nn.BatchNorm2d(3), 4, 3, 5, 6, train=train)
    case("lines" + suffix, nn.BatchNorm1d(5), 3, 5, 7, train=train)
    case("rows" + suffix, nn.BatchNorm1d(5), 6, 5, train=train)
    case("plain" + suffix, nn.BatchNorm2d(3, affine=False), 2, 3, 4, 3, train=train)
    case("no_stats" + suffix, nn.BatchNorm2d(3, track_running_stats=False), 2, 3, 4, 3, train=train)
    case("momentum" + suffix, nn.BatchNorm2d(2, momentum=0.3, eps=1e-2), 1, 2, 3, 2, train=train)
    case("cumulative" + suffix, nn.BatchNorm1d(4, momentum=None), 5, 4, train=train)
    case("one_channel" + suffix, nn.BatchNorm2d(1), 2, 1, 3, 3, train=train)
case("far", nn.BatchNorm2d(2), 3, 2, 4, 5, by=2.0, around=10.0)
case("long", nn.BatchNorm1d(1), 1, 1, 1027)
case("rows_plain", nn.BatchNorm1d(3, affine=False, track_running_stats=False), 4, 3)


def run(name, layer, *shape, batches=4):
    layer = seeded(layer, name)
    begin = {k: v.clone() for k, v in layer.state_dict().items()}
    for dt, dtype in DTYPES.items():
        m = layer.to(dtype).train()
        m.load_state_dict(begin)
        for key, value in m.state_dict().items():
            f[f"{name}.{dt}.state.{key}"] = value.clone()
        for i in range(batches):
            x = (normal(f"{name}{i}", *shape) * (i + 1) + i).to(dtype)
            f[f"{name}.{dt}.{i}.x"] = x
            f[f"{name}.{dt}.{i}.out"] = m(x).detach()
            for key, value in m.named_buffers():
                f[f"{name}.{dt}.{i}.after.{key}"] = value.clone()
        f[f"{name}.{dt}.eval.out"] = m.eval()(f[f"{name}.{dt}.0.x"]).detach()


run("run", nn.BatchNorm2d(3), 2, 3, 3, 4)
run("run_cumulative", nn.BatchNorm1d(3, momentum=None), 4, 3)
f.save("batchnorm")
