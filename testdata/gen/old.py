"""Writes one small file with an old version of safetensors, whose header is not padded to 8.

Usage: uv run --no-project --with safetensors==VERSION testdata/gen/old.py

Works with 0.2.8 (no padding, sorted by name) and 0.3.0 (sorted by dtype, padded
by the wrong amount). Both put the F32 and F64 tensors at addresses that are no
multiple of their size.
"""

import pathlib
import struct
from importlib.metadata import version

try:
    from safetensors import serialize_file
except ImportError:  # 0.2
    from safetensors.safetensors_rust import serialize_file

TESTDATA = pathlib.Path(__file__).resolve().parent.parent


def main():
    tensors = {
        "a.bytes": {"dtype": "uint8", "shape": [3], "data": bytes([1, 2, 3])},
        "b.weight": {"dtype": "float32", "shape": [2, 3], "data": struct.pack("<6f", 0, 0.5, 1, 1.5, 2, 2.5)},
        "c.moment": {"dtype": "float64", "shape": [2], "data": struct.pack("<2d", -1, 1e-300)},
        "d.step": {"dtype": "int64", "shape": [], "data": struct.pack("<q", -5)},
        "e.half": {"dtype": "float16", "shape": [2], "data": struct.pack("<2e", 1, -2)},
    }
    path = TESTDATA / f"safetensors-py-{version('safetensors')}-misaligned.safetensors"
    serialize_file(tensors, str(path), {"format": "pt"})


if __name__ == "__main__":
    main()
