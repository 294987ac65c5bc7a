"""Writes files as PyTorch or NumPy users do. Usage: encode.py <descriptions

Each line of the input describes one file:

{"path": "x.safetensors", "framework": "torch", "metadata": {"k": "v"} or null,
 "tensors": [{"name": "t", "dtype": "F32", "shape": [2, 3], "hex": "..."}]}

framework is torch or numpy; numpy has no BF16, no F8 and no F4. For F4 the shape
counts elements and its last dim is even. Where metadata has two keys or more,
their order in the file is random.
"""

import json
import sys

import numpy
import safetensors.numpy
import safetensors.torch
import torch

TORCH = {
    "BOOL": torch.bool, "F4": torch.float4_e2m1fn_x2, "U8": torch.uint8, "I8": torch.int8,
    "F8_E5M2": torch.float8_e5m2, "F8_E4M3": torch.float8_e4m3fn, "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "I16": torch.int16, "U16": torch.uint16, "F16": torch.float16, "BF16": torch.bfloat16,
    "I32": torch.int32, "U32": torch.uint32, "F32": torch.float32, "C64": torch.complex64,
    "F64": torch.float64, "I64": torch.int64, "U64": torch.uint64,
}
NUMPY = {
    "BOOL": "?", "U8": "<u1", "I8": "<i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4",
    "F32": "<f4", "C64": "<c8", "F64": "<f8", "I64": "<i8", "U64": "<u8",
}


def torch_tensor(dtype, shape, data):
    if dtype == "F4":
        shape = [*shape[:-1], shape[-1] // 2]  # torch counts pairs
    if not data:
        return torch.empty(shape, dtype=TORCH[dtype])
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(TORCH[dtype]).reshape(shape)


def numpy_tensor(dtype, shape, data):
    return numpy.frombuffer(data, dtype=NUMPY[dtype]).reshape(shape)


def encode(d):
    build = torch_tensor if d["framework"] == "torch" else numpy_tensor
    save = safetensors.torch.save_file if d["framework"] == "torch" else safetensors.numpy.save_file
    tensors = {t["name"]: build(t["dtype"], t["shape"], bytes.fromhex(t["hex"])) for t in d["tensors"]}
    save(tensors, d["path"], metadata=d["metadata"])


def main():
    for line in sys.stdin:
        encode(json.loads(line))


if __name__ == "__main__":
    main()
