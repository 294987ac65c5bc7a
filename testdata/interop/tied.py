"""The tied model of the safetensors documentation, small and with known values."""

import torch


class Tied(torch.nn.Module):
    """Two names for one layer, so four names for two tensors."""

    def __init__(self, inputs=4, outputs=3):
        super().__init__()
        self.a = torch.nn.Linear(inputs, outputs)
        self.b = self.a
        count_up(self.a, 0)


class Untied(torch.nn.Module):
    """The same names, each with a tensor of its own."""

    def __init__(self, inputs=4, outputs=3):
        super().__init__()
        self.a = torch.nn.Linear(inputs, outputs)
        self.b = torch.nn.Linear(inputs, outputs)
        count_up(self.a, 0)
        count_up(self.b, 50)


@torch.no_grad()
def count_up(layer, start):
    """weight = start, start+0.5, start+1, ... in row order; bias = start+100, start+101, ..."""
    layer.weight.copy_(start + 0.5 * torch.arange(layer.weight.numel()).reshape(layer.weight.shape))
    layer.bias.copy_(start + 100 + torch.arange(layer.bias.numel()))


def values(model):
    """The state dict as nested lists, for JSON."""
    return {name: t.tolist() for name, t in model.state_dict().items()}
