"""The Rust program in .ci/rust, seen from Python. Its main.rs describes the frames."""

import os
import struct
import subprocess


def write(tensors, metadata=None):
    """The file the reference writes for [(name, dtype, shape, data)]."""
    frame = pairs(metadata) + struct.pack("<I", len(tensors))
    for name, dtype, shape, data in tensors:
        frame += text(name.encode()) + text(dtype.encode())
        frame += struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        frame += struct.pack("<Q", len(data)) + data
    answer = run("write", text(frame))
    status, length = struct.unpack_from("<BI", answer)
    if status != 0 or length != len(answer) - 5:
        raise ValueError(f"the reference refused to write: {answer!r}")
    return answer[5:]


def pairs(metadata):
    if metadata is None:
        return struct.pack("<I", 0xFFFFFFFF)
    both = b"".join(text(k.encode()) + text(v.encode()) for k, v in metadata.items())
    return struct.pack("<I", len(metadata)) + both


def text(b):
    return struct.pack("<I", len(b)) + b


def run(command, requests):
    program = os.environ["KIBISIS_RUST"]
    return subprocess.run([program, command], input=requests, stdout=subprocess.PIPE, check=True).stdout
