"""What the scripts that make fixtures have in common.

A fixture is what PyTorch computes: for each case and dtype the inputs (in.), the state dict
before (state.), the result (out), a gradient of the result (dout), the gradients of inputs (din.)
and parameters (dparam.) that follow from it, and the buffers after (after.).
"""

import copy
import pathlib
import zlib

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

DTYPES = {"f32": torch.float32, "f64": torch.float64}


def generator(name):
    """A random source that depends on the name alone, so that cases can be added anywhere."""
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def normal(name, *shape, scale=1.0):
    return torch.randn(*shape, generator=generator(name), dtype=torch.float64) * scale


def integers(name, high, *shape):
    return torch.randint(high, shape, generator=generator(name))


def seeded(module, name):
    """Gives a module parameters and buffers that are not what it began with."""
    with torch.no_grad():
        for key, value in sorted(module.state_dict().items()):
            if not value.dtype.is_floating_point:
                continue
            fresh = normal(name + key, *value.shape, scale=0.5).to(value.dtype)
            value.copy_(fresh.abs() + 0.5 if "running_var" in key else fresh)
    return module


class Fixtures(dict):
    def case(self, name, module, inputs, forward=None, train=True):
        """Records one case. forward(module, **inputs) is module(*inputs) if it is not given."""
        forward = forward or (lambda m, **kw: m(*kw.values()))
        for dt, dtype in DTYPES.items():
            m = copy.deepcopy(module).to(dtype).train(train)
            for key, value in m.state_dict().items():
                self[f"{name}.{dt}.state.{key}"] = value.detach().clone()
            xs = {}
            for key, value in inputs.items():
                if value.dtype.is_floating_point:
                    xs[key] = value.to(dtype).clone().requires_grad_()
                else:
                    xs[key] = value
                self[f"{name}.{dt}.in.{key}"] = xs[key].detach().clone()
            out = forward(m, **xs)
            dout = normal(name + "dout", *out.shape).to(dtype)
            out.backward(dout)
            self[f"{name}.{dt}.out"] = out.detach().clone()
            self[f"{name}.{dt}.dout"] = dout
            for key, x in xs.items():
                if x.grad is not None:
                    self[f"{name}.{dt}.din.{key}"] = x.grad
            for key, p in m.named_parameters():
                if p.grad is not None:
                    self[f"{name}.{dt}.dparam.{key}"] = p.grad
            for key, value in m.named_buffers():
                self[f"{name}.{dt}.after.{key}"] = value.detach().clone()

    def save(self, name):
        path = pathlib.Path(__file__).parent.parent / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in self.items()}, path, metadata={"torch": torch.__version__.split("+")[0]})
        print(path.name, path.stat().st_size)
