"""Makes pointwise.safetensors: activations, soft-max, layer and RMS normalisation."""

from torch import nn

from common import Fixtures, normal, seeded

f = Fixtures()
wide = normal("wide", 3, 5, 7, scale=3.0)
for name, module in {
    "relu": nn.ReLU(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "softmax": nn.Softmax(-1),
    "log_softmax": nn.LogSoftmax(-1),
}.items():
    f.case(name, module, {"x": wide})
    f.case(name + "_one", module, {"x": normal(name, 1, 33, scale=2.0)})

for width, shape in {7: (3, 5, 7), 33: (1, 33)}.items():
    f.case(f"layer_norm_{width}", seeded(nn.LayerNorm(width), f"ln{width}"), {"x": normal("ln", *shape)})
    f.case(f"rms_norm_{width}", seeded(nn.RMSNorm(width), f"rms{width}"), {"x": normal("rms", *shape)})
f.case("layer_norm_no_bias", seeded(nn.LayerNorm(7, eps=1e-12, bias=False), "nb"), {"x": normal("nb", 2, 7)})
f.case("layer_norm_no_affine", nn.LayerNorm(7, elementwise_affine=False), {"x": normal("na", 2, 7)})
f.case("rms_norm_eps", seeded(nn.RMSNorm(7, eps=1e-6), "re"), {"x": normal("re", 2, 7)})
f.case("rms_norm_no_affine", nn.RMSNorm(7, elementwise_affine=False), {"x": normal("rn", 2, 7)})
f.save("pointwise")
