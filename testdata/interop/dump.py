"""Prints what safetensors sees in each file, one line of JSON a file.

Usage: dump.py [--framework torch|numpy] PATH...

{"metadata": {...} or null, "tensors": {NAME: {"dtype": "F32", "shape": [2,3], "sha256": "..."}}}
with the hash of the tensor's bytes as the file stores them. A file that cannot be
read gives {"error": text}.
"""

import argparse
import hashlib
import json

import numpy
import torch
from safetensors import SafetensorError, safe_open


def dump(path, framework):
    with safe_open(path, framework=framework) as f:
        return {"metadata": f.metadata(), "tensors": {name: describe(f, name) for name in f.keys()}}


def describe(f, name):
    part = f.get_slice(name)
    data = raw(f.get_tensor(name))
    return {"dtype": part.get_dtype(), "shape": part.get_shape(), "sha256": hashlib.sha256(data).hexdigest()}


def raw(tensor):
    if isinstance(tensor, numpy.ndarray):
        return tensor.tobytes()
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--framework", choices=["torch", "numpy"], default="torch")
    args.add_argument("paths", nargs="+")
    args = args.parse_args()
    for path in args.paths:
        try:
            print(json.dumps(dump(path, args.framework)))
        except SafetensorError as e:
            print(json.dumps({"error": str(e)}))


if __name__ == "__main__":
    main()
