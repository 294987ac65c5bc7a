"""Saves the tied model as PyTorch users do. Usage: save_model_tied.py PATH [--which a|b|untied|equal]

a       save_model of the tied model: only a.* is in the file, b.* is in its metadata
b       the same values under the other names: only b.*, no metadata
untied  a.* and b.*, which differ
equal   a.* and b.*, which are equal but were separate tensors
"""

import argparse

from safetensors.torch import save_file, save_model

from tied import Tied, Untied


def main():
    args = argparse.ArgumentParser()
    args.add_argument("path")
    args.add_argument("--which", choices=["a", "b", "untied", "equal"], default="a")
    args = args.parse_args()
    state = Tied().state_dict()
    match args.which:
        case "a":
            save_model(Tied(), args.path)
        case "b":
            save_file({name: t for name, t in state.items() if name.startswith("b.")}, args.path)
        case "untied":
            save_model(Untied(), args.path)
        case "equal":
            save_file({name: t.clone() for name, t in state.items()}, args.path)


if __name__ == "__main__":
    main()
