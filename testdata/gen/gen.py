"""Writes the golden files of testdata and golden.json. See testdata/README.md.

Usage: KIBISIS_RUST=<binary of .ci/rust> python3 testdata/gen/gen.py

Every file comes out the same on each run: values are counted up, and a file with
several metadata keys, whose order the reference leaves to chance, is written
until they come in sorted order.
"""

import hashlib
import json
import pathlib
import struct
import sys

import numpy
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import safe_open

import reference

TESTDATA = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTDATA / "interop"))
from tied import Tied, Untied  # noqa: E402

PT = {"format": "pt"}
SOURCE = bytes(range(256))  # what the files of the Rust writer cut their data from


def main():
    for group in [python_dtypes, python_shapes, python_metadata, python_ties, python_models, rust_golden, rust_dtypes]:
        group()
    write_golden()


# ---- files of the Python package ----


def save(name, tensors, metadata=None, library=safetensors.torch):
    until_sorted(name, lambda path: library.save_file(tensors, path, metadata=metadata))


def until_sorted(name, write):
    path = TESTDATA / f"safetensors-py-{name}.safetensors"
    while True:
        write(path)
        keys = list(header(path.read_bytes()).get("__metadata__", {}))
        if keys == sorted(keys):
            path.chmod(0o644)  # the reference leaves 0600
            return


def codes(dtype, values):
    """A tensor with these bit patterns."""
    width = torch.empty(0, dtype=dtype).element_size()
    data = b"".join(v.to_bytes(width, "little") for v in values)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype)


def python_dtypes():
    numbers = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64, torch.uint64,
               torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64]
    small = [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz]
    tensors = {str(d).removeprefix("torch."): (torch.arange(6) - 2 * d.is_signed).reshape(2, 3).to(d) for d in numbers}
    tensors |= {str(d).removeprefix("torch."): (torch.arange(6) + 1.0).reshape(2, 3).to(d) for d in small}
    tensors["bool"] = torch.tensor([[True, False, True], [False, False, True]])
    tensors["float4_e2m1fn_x2"] = codes(torch.float4_e2m1fn_x2, range(6)).reshape(2, 3)
    tensors["complex64"] = torch.complex(torch.arange(6.0), -torch.arange(6.0)).reshape(2, 3)
    save("dtypes", tensors, PT)

    floats = {str(d).removeprefix("torch."): codes(d, range(256)) for d in small}
    edges = [0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0x7C01, 0x7E00, 0x7F7F, 0x7F80, 0x7F81, 0x7FC0, 0x8000, 0x8001, 0xFBFF, 0xFC00, 0xFF80]
    halves = sorted({*edges, *range(0, 1 << 16, 271)})
    floats |= {"float16": codes(torch.float16, halves), "bfloat16": codes(torch.bfloat16, halves)}
    save("floats", floats, PT)

    arrays = {d: numpy.arange(6).reshape(2, 3).astype(d) for d in
              ["bool", "uint8", "int8", "int16", "uint16", "float16", "int32", "uint32", "float32", "float64", "int64", "uint64", "complex64"]}
    arrays["big endian"] = numpy.arange(6).reshape(2, 3).astype(">f4")
    save("numpy", arrays, library=safetensors.numpy)


def python_shapes():
    save("shapes", {
        "scalar": torch.tensor(1.5),
        "scalar.i64": torch.tensor(-7),
        "one": torch.tensor([2.5]),
        "ones": torch.tensor([[[[3.5]]]]),
        "rank5": torch.arange(24.0).reshape(2, 1, 3, 2, 2),
        "empty": torch.empty(0),
        "empty.2x0x3": torch.empty(2, 0, 3),
        "empty.i8": torch.empty(0, 5, dtype=torch.int8),
        "odd.u8": torch.arange(5, dtype=torch.uint8),
        "odd.bool": torch.tensor([True, False, True]),
    })
    save("no-tensors", {}, PT)


def python_metadata():
    tensors = {"w": torch.arange(4.0)}
    save("metadata-none", tensors)
    save("metadata-one", tensors, PT)
    save("metadata-many", tensors, {"author": "Graiae", "empty": "", "format": "pt", "text": 'é "quoted" \\ \n \u2028 <&> \U0001f600'})


def python_ties():
    until_sorted("tied", lambda path: safetensors.torch.save_model(Tied(), path))
    state = Tied().state_dict()
    save("tied-b-only", {name: t for name, t in state.items() if name.startswith("b.")})
    save("tied-mixed", {"a.weight": state["a.weight"], "b.bias": state["b.bias"]})
    save("untied", Untied().state_dict())
    save("untied-equal", {name: t.clone() for name, t in state.items()})


def python_models():
    gpt2 = counted({
        "wte.weight": (12, 4), "wpe.weight": (6, 4),
        "h.0.ln_1.weight": (4,), "h.0.ln_1.bias": (4,),
        "h.0.attn.c_attn.weight": (4, 12), "h.0.attn.c_attn.bias": (12,),
        "h.0.attn.c_proj.weight": (4, 4), "h.0.attn.c_proj.bias": (4,),
        "h.0.ln_2.weight": (4,), "h.0.ln_2.bias": (4,),
        "h.0.mlp.c_fc.weight": (4, 16), "h.0.mlp.c_fc.bias": (16,),
        "h.0.mlp.c_proj.weight": (16, 4), "h.0.mlp.c_proj.bias": (4,),
        "ln_f.weight": (4,), "ln_f.bias": (4,),
    })
    mask = torch.tril(torch.ones(6, 6)).reshape(1, 1, 6, 6)
    save("gpt2", gpt2 | {"h.0.attn.bias": mask}, PT)
    save("gpt2-linear", {linear_name(n): linear_layout(n, t) for n, t in gpt2.items()}, PT)

    bert = counted({
        "bert.embeddings.word_embeddings.weight": (12, 4), "bert.embeddings.position_embeddings.weight": (6, 4),
        "bert.embeddings.LayerNorm.gamma": (4,), "bert.embeddings.LayerNorm.beta": (4,),
        "bert.encoder.layer.0.attention.self.query.weight": (4, 4), "bert.encoder.layer.0.attention.self.query.bias": (4,),
        "bert.encoder.layer.0.intermediate.dense.weight": (16, 4), "bert.encoder.layer.0.intermediate.dense.bias": (16,),
        "bert.pooler.dense.weight": (4, 4), "bert.pooler.dense.bias": (4,),
    })
    save("bert", bert | {"bert.embeddings.position_ids": torch.arange(6).reshape(1, 6)}, PT)


def counted(shapes):
    """F32 tensors; element i of tensor k (in the order given, from 1) is 1000*k + i."""
    return {name: (1000.0 * k + torch.arange(numpy.prod(shape))).reshape(shape) for k, (name, shape) in enumerate(shapes.items(), 1)}


def linear_name(name):
    for old, new in [("h.0.", "blocks.0."), (".c_", "."), (".attn.attn.", ".attn.qkv.")]:
        name = name.replace(old, new)
    return name


def linear_layout(name, t):
    """GPT-2 keeps its four products as (in, out); a Linear is (out, in)."""
    return t.t().contiguous() if ".c_" in name and t.dim() == 2 else t


# ---- files of the Rust crate ----


def rust(name, tensors, metadata=None):
    """Tensors are (name, dtype, shape, begin of the data in SOURCE, end)."""
    tensors = [(n, dtype, shape, SOURCE[begin:end]) for n, dtype, shape, begin, end in tensors]
    path = TESTDATA / f"safetensors-rs-{name}.safetensors"
    path.write_bytes(reference.write(tensors, metadata))


def rust_golden():
    rust("g01", [])
    rust("g02", [], PT)
    path = TESTDATA / "safetensors-rs-g03.safetensors"
    path.write_bytes(reference.write([("test", "I32", [2, 2], bytes(16))]))
    rust("g04", [("t", "F32", [], 0, 4)])
    rust("g05", [("e", "F32", [2, 0], 0, 0)])
    rust("g06", [("b", "F32", [1], 0, 4), ("a", "F32", [], 4, 8), ("Z", "F32", [0, 3], 0, 0), ("u", "U64", [1], 8, 16), ("i", "I64", [1], 16, 24),
                 ("f", "F64", [1], 24, 32), ("c", "C64", [1], 32, 40), ("h", "F16", [1], 40, 42), ("bf", "BF16", [1], 42, 44), ("u8", "U8", [3], 44, 47),
                 ("bool", "BOOL", [1], 47, 48), ("f4", "F4", [2], 48, 49), ("e8", "F8_E8M0", [1], 49, 50)])
    names = ['q"', "s/", "lt<>&", "tab\t", "nl\n", "bs\\", "del\x7f", "ls\u2028", "é", "\U0001f600", "\x01\x1f\b\f\r", ""]
    rust("g07", [(name, "U8", [1], i, i + 1) for i, name in enumerate(names)], PT)
    rust("g08", [("a.weight", "F32", [2, 3], 0, 24), ("b.bias", "F32", [3], 24, 36)], {"b.weight": "a.weight"})
    rust("g09", [("x", "U8", [7], 0, 7), ("y", "F64", [2], 8, 24), ("z", "BOOL", [2], 0, 2)], {"k": "v"})


def rust_dtypes():
    bits = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
            "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
    rust("dtypes", [(f"t{i:02}", dtype, [2, 4], 0, width) for i, (dtype, width) in enumerate(bits.items())])
    rust("sub-byte", [("f4", "F4", [3, 2], 0, 3), ("f4.empty", "F4", [0], 0, 0), ("f6.e2m3", "F6_E2M3", [4], 1, 4), ("f6.e3m2", "F6_E3M2", [2, 2, 2], 4, 10)])


# ---- golden.json ----


def header(file):
    (length,) = struct.unpack_from("<Q", file)
    return json.loads(file[8 : 8 + length])


def write_golden():
    files = sorted(TESTDATA.glob("safetensors-*.safetensors"))
    entries = [f"{json.dumps(path.name)}: {describe(path)}" for path in files]
    (TESTDATA / "golden.json").write_text("{\n" + ",\n".join(entries) + "\n}\n")


def describe(path):
    file = path.read_bytes()
    head = header(file)
    data = file[8 + int.from_bytes(file[:8], "little") :]
    metadata = head.pop("__metadata__", None)
    with safe_open(path, framework="torch") as f:
        assert f.metadata() == metadata and sorted(f.keys()) == sorted(head)
        tensors = [tensor(f, name, info, data) for name, info in head.items()]
    top = {"sha256": hashlib.sha256(file).hexdigest(), "size": len(file), "metadata": metadata}
    rows = ",\n    ".join(json.dumps(t) for t in tensors)
    return json.dumps(top)[:-1] + f', "tensors": [\n    {rows}]}}'


def tensor(f, name, info, data):
    begin, end = info["data_offsets"]
    row = {"name": name, "dtype": info["dtype"], "shape": info["shape"], "data_offsets": [begin, end], "head": data[begin:end][:16].hex()}
    if info["dtype"] in ["F6_E2M3", "F6_E3M2"]:
        return row  # Python has no such dtype
    t = f.get_tensor(name)
    assert t.reshape(-1).view(torch.uint8).numpy().tobytes() == data[begin:end]
    if t.is_floating_point() and t.dtype != torch.float4_e2m1fn_x2 and t.numel() <= 300:
        row["float32"] = [str(v) for v in t.to(torch.float32).reshape(-1).numpy()]
    return row


if __name__ == "__main__":
    main()
