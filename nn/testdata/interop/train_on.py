"""Takes a model of each family into PyTorch, trains on, and saves it.

    python train_on.py FOLDER

In FOLDER each family has a folder with model.safetensors, which must load strictly, and batch.safetensors
with x and y. It gets trained.safetensors, the model after one step, written by save_model. Of each
family the losses before and after that step are printed.
"""

import json
import pathlib
import sys

from safetensors.torch import load_file, load_model, save_model

sys.path.append(str(pathlib.Path(__file__).parent.parent / "gen"))
from families import FAMILIES, loss, optimizer  # noqa: E402


def train_on(family, folder):
    model = FAMILIES[family]().eval()
    load_model(model, folder / "model.safetensors", strict=True)
    if family != "decoder":  # of two tied names a file has one
        model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    batch = load_file(folder / "batch.safetensors")
    before = loss(family, model, batch["x"], batch["y"])
    before.backward()
    steps, schedule, norm = optimizer(family, model)
    steps.step()
    after = loss(family, model, batch["x"], batch["y"])
    save_model(model, str(folder / "trained.safetensors"))
    return before.item(), after.item()


print(json.dumps({family: train_on(family, pathlib.Path(sys.argv[1]) / family) for family in FAMILIES}))
