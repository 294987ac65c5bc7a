"""Compares safetensors files of two folders, number by number.

    python close.py COMMITTED MADE

Files of PyTorch's results are not the same bits on every processor. They are the same if names, shapes and
dtypes are, whole numbers are equal, and no other one differs by more than a part of the largest.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file

PART = {torch.float32: 1e-5, torch.float64: 1e-10}
TRAINED = {torch.float32: 1e-3, torch.float64: 1e-8}  # errors of rounding grow from step to step


def differences(a, b, part):
    for name in sorted(a.keys() | b.keys()):
        if name not in a or name not in b:
            yield name, "is in one file only"
            continue
        x, y = a[name], b[name]
        if x.shape != y.shape or x.dtype != y.dtype:
            yield name, f"is {x.dtype} {list(x.shape)} and {y.dtype} {list(y.shape)}"
        elif not x.dtype.is_floating_point:
            if not torch.equal(x, y):
                yield name, "differs"
        elif not torch.allclose(x, y, rtol=0, atol=part[x.dtype] * max(1e-3, x.abs().nan_to_num().max().item()), equal_nan=True):
            yield name, f"differs by {(x - y).abs().max().item()}"


committed, made = map(pathlib.Path, sys.argv[1:])
found = 0
for path in sorted(committed.glob("*.safetensors")):
    part = TRAINED if path.name == "training.safetensors" else PART
    for name, what in differences(load_file(path), load_file(made / path.name), part):
        print(f"{path.name}: {name} {what}")
        found += 1
sys.exit(found > 0)
