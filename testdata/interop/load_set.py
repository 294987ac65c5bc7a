"""Loads a set as huggingface_hub does, prints what is in it, and saves the same again.

Usage: load_set.py DIR AGAIN MAX_SIZE <names

names is a JSON list: the order in which the tensors are saved again, into the folder
AGAIN. The output is one object: for each tensor what dump.py prints of it. It is an error
if load_state_dict_from_file and load_torch_model do not agree.
"""

import json
import pathlib
import sys

import torch
from huggingface_hub import load_state_dict_from_file, load_torch_model, save_torch_state_dict
from safetensors import safe_open

from dump import describe


def state_of(folder):
    """All tensors, by the index or from the only file; and what dump.py says of them."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    else:
        files = ["model.safetensors"]
    state, seen = {}, {}
    for name in files:
        state.update(load_state_dict_from_file(folder / name))
        with safe_open(folder / name, framework="torch") as f:
            seen.update({tensor: describe(f, tensor) for tensor in f.keys()})
    return state, seen


def module_of(state):
    """A module with zeros of the same names and shapes."""
    root = torch.nn.Module()
    for name, tensor in state.items():
        *path, leaf = name.split(".")
        module = root
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, torch.nn.Module())
            module = getattr(module, part)
        module.register_buffer(leaf, torch.zeros_like(tensor))
    return root


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def main():
    folder, again, most = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    state, seen = state_of(folder)
    module = module_of(state)
    load_torch_model(module, folder, strict=True)
    for name, tensor in module.state_dict().items():
        assert torch.equal(raw(tensor), raw(state[name])), name
    assert len(module.state_dict()) == len(state)
    again.mkdir(parents=True, exist_ok=True)
    save_torch_state_dict({name: state[name] for name in json.load(sys.stdin)}, again, max_shard_size=most)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
