"""Writes testdata/sets/hub: a set of shards as huggingface_hub makes it, and what
PyTorch sees in it. See testdata/README.md.

Usage: python3 testdata/gen/shards.py

Every run makes the same bytes.
"""

import json
import pathlib
import shutil

import torch
from huggingface_hub import load_state_dict_from_file, save_torch_state_dict

SET = pathlib.Path(__file__).resolve().parent.parent / "sets" / "hub"


def model():
    """Four tensors of different types, one under two names, one that does not fit
    into a shard and one without elements."""
    embedding = torch.arange(24, dtype=torch.float32).reshape(6, 4)
    return {
        "embed.weight": embedding,
        "block.weight": torch.arange(40, dtype=torch.bfloat16).reshape(5, 8),
        "block.bias": torch.arange(5, dtype=torch.float16) - 2,
        "block.mask": torch.tensor([True, False, True]),
        "big": torch.arange(40, dtype=torch.int64),  # 320 bytes
        "nothing": torch.empty(0, 3),
        "norm.weight": torch.arange(20, dtype=torch.float64),
        "head.weight": embedding,
        "scale": torch.tensor(0.5),
        "table": torch.arange(60, dtype=torch.uint8).reshape(3, 20),
    }


def main():
    shutil.rmtree(SET, ignore_errors=True)
    SET.mkdir(parents=True)
    save_torch_state_dict(model(), SET, max_shard_size=100, metadata={"made by": "a test"})
    for path in SET.iterdir():
        path.chmod(0o644)  # the reference leaves 0600
    stored = {}
    for path in sorted(SET.glob("*.safetensors")):
        for name, t in load_state_dict_from_file(path).items():
            stored[name] = {
                "shard": path.name,
                "dtype": str(t.dtype).removeprefix("torch."),
                "shape": list(t.shape),
                "bytes": t.reshape(-1).view(torch.uint8).numpy().tobytes().hex(),
            }
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(stored[name])}" for name in sorted(stored))
    (SET / "python.json").write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main()
