"""Loads a file into a model with batch normalization, trains it once, and saves it.

batchnorm.py OURS THEIRS RESULTS
"""

import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn

ours, theirs, results = sys.argv[1:]
torch.manual_seed(1)
model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))
model.load_state_dict(load_file(ours), strict=True)
x = torch.randn(2, 2, 5, 4)
with torch.no_grad():
    found = {"x": x, "eval": model.eval()(x), "train": model.train()(x), "eval_after": model.eval()(x)}
save_file({k: v.contiguous() for k, v in found.items()}, results)
save_file(model.state_dict(), theirs)
