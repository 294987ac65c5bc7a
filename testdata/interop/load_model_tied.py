"""Loads a file into the tied model, strictly, and prints its values as JSON.

Usage: load_model_tied.py PATH [--untied]

The model has 4 inputs and 3 outputs. Its values are zero before the load. What
load_model raises is printed as {"error": text}.
"""

import argparse
import json

import torch
from safetensors.torch import load_model

from tied import Tied, Untied, values


def main():
    args = argparse.ArgumentParser()
    args.add_argument("path")
    args.add_argument("--untied", action="store_true")
    args = args.parse_args()
    model = Untied() if args.untied else Tied()
    with torch.no_grad():
        for t in model.state_dict().values():
            t.zero_()
    try:
        load_model(model, args.path, strict=True)
    except RuntimeError as e:
        print(json.dumps({"error": str(e)}))
        return
    print(json.dumps(values(model)))


if __name__ == "__main__":
    main()
